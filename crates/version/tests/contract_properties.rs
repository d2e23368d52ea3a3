//! What holds for every contract: a contract does not differ from itself, a refactoring that changes
//! nothing is no change, and nothing that is read makes the comparison fail in another way than with
//! an error.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use switchback_version::contract::{
    Contract, Direction, Finding, Options, Surface, Unreadable, diff,
};

fn compare(surface: Surface, name: &str, old: &str, new: &str) -> Result<Vec<Finding>, Unreadable> {
    let files = |text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
    let (old, new) = (files(old), files(new));
    let side = |files| Contract { root: name, files };
    let options = Options {
        direction: Some(Direction::Both),
        ..Options::default()
    };
    diff(surface, side(&old), side(&new), &options)
}

/// Schemas with everything that a refactoring may move.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({})),
        (0..9_u8, 0..9_u8).prop_map(|(least, more)| json!({
            "type": "integer", "minimum": least, "maximum": least + more
        })),
        (0..9_u8).prop_map(
            |it| json!({"type": "string", "minLength": it, "pattern": "^a", "format": "uuid"})
        ),
        Just(json!({"type": ["string", "null"], "maxLength": 7})),
        Just(json!({"enum": ["a", "b", 3, null]})),
        Just(json!({"const": "a"})),
        Just(json!({"type": "boolean", "title": "yes or no", "deprecated": true})),
        // A schema that holds itself as it stands, and not below, says nothing.
        Just(json!({"type": "object", "properties": {"e": {"$ref": "#/$defs/Self"}}})),
        Just(json!({"type": "array", "items": {"$ref": "#/$defs/Self"}})),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            (
                prop::collection::btree_map("[a-d]", inner.clone(), 0..4),
                prop::collection::btree_set("[a-d]", 0..3),
                prop::option::of(inner.clone()),
            )
                .prop_map(|(properties, required, additional)| {
                    let mut schema = json!({
                        "type": "object", "properties": properties, "required": required
                    });
                    if let Some(additional) = additional {
                        schema["additionalProperties"] = additional;
                    }
                    schema
                }),
            (
                inner.clone(),
                prop::collection::vec(inner.clone(), 0..3),
                any::<bool>()
            )
                .prop_map(|(items, prefix, unique)| json!({
                    "type": "array", "prefixItems": prefix, "items": items, "uniqueItems": unique
                })),
            (inner.clone(), 1..4_u8).prop_map(|(item, least)| json!({
                "contains": item, "minContains": least, "maxContains": 5
            })),
            (
                prop::collection::btree_map("[a-d]", inner.clone(), 0..3),
                inner.clone()
            )
                .prop_map(|(members, names)| json!({
                    "dependentSchemas": members, "propertyNames": names, "default": {"a": 1}
                })),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|it| json!({"anyOf": it})),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|it| json!({"oneOf": it})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|it| json!({"allOf": it})),
            inner.clone().prop_map(|it| json!({"not": it})),
            (inner.clone(), inner).prop_map(|(when, then)| json!({"if": when, "then": then})),
        ]
    })
}

fn document(schema: &Value) -> String {
    json!({"allOf": [schema], "$defs": {"Self": schema}}).to_string()
}

/// An API with one operation that takes and gives by a schema.
fn api(request: &Value, response: &Value, definitions: &Value) -> String {
    let content = |schema: &Value| json!({"application/json": {"schema": schema}});
    json!({
        "openapi": "3.1.0",
        "paths": {"/a/{b}": {"put": {
            "parameters": [{"name": "b", "in": "path", "required": true, "schema": request}],
            "requestBody": {"content": content(request)},
            "responses": {"200": {"content": content(response)}},
        }}},
        "$defs": definitions,
    })
    .to_string()
}

/// Does the moves that are drawn, and collects what is moved into definitions.
struct Mover<'a> {
    moves: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    definitions: Map<String, Value>,
}

impl Mover<'_> {
    fn next(&mut self) -> u8 {
        *self.moves.next().unwrap()
    }

    fn schema(&mut self, value: &Value) -> Value {
        let Value::Object(members) = value else {
            return value.clone();
        };
        let mut schema: Map<String, Value> = members
            .iter()
            .map(|(key, it)| (key.clone(), self.member(key, it)))
            .collect();
        match self.next() % 8 {
            0 => {
                let name = format!("Moved{}", self.definitions.len());
                self.definitions.insert(name.clone(), Value::Object(schema));
                json!({"$ref": format!("#/$defs/{name}")})
            }
            1 => json!({"allOf": [schema]}),
            2 => json!({"anyOf": [schema]}),
            3 => {
                // What says something about the members beside it has to stay there.
                let free = [
                    "type",
                    "enum",
                    "minimum",
                    "maxLength",
                    "required",
                    "pattern",
                ];
                let moved: Map<String, Value> = free
                    .iter()
                    .filter_map(|it| Some(((*it).to_owned(), schema.remove(*it)?)))
                    .collect();
                json!({"allOf": [moved, schema]})
            }
            4 => {
                schema.insert("description".to_owned(), json!("somebody wrote something"));
                Value::Object(schema)
            }
            5 => match schema.remove("const") {
                Some(value) => json!({"enum": [value]}),
                None => Value::Object(schema),
            },
            _ => Value::Object(schema),
        }
    }

    fn member(&mut self, key: &str, value: &Value) -> Value {
        let turned = |it: &Value| {
            let mut items = it.as_array().cloned().unwrap_or_default();
            items.reverse();
            Value::Array(items)
        };
        match (key, value) {
            ("properties" | "dependentSchemas", Value::Object(members)) => members
                .iter()
                .map(|(name, it)| (name.clone(), self.schema(it)))
                .collect::<Map<_, _>>()
                .into(),
            ("required" | "enum", _) => turned(value),
            ("type", Value::Array(_)) => turned(value),
            ("type", Value::String(_)) if self.next() < 128 => json!([value]),
            ("anyOf" | "oneOf" | "allOf", Value::Array(items)) => {
                let items = items.iter().map(|it| self.schema(it)).collect();
                turned(&Value::Array(items))
            }
            ("prefixItems", Value::Array(items)) => items
                .iter()
                .map(|it| self.schema(it))
                .collect::<Vec<_>>()
                .into(),
            (
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "contains"
                | "propertyNames",
                it,
            ) => self.schema(it),
            _ => value.clone(),
        }
    }
}

fn ids(findings: &[Finding]) -> Vec<String> {
    let shown = findings.iter();
    shown
        .map(|it| format!("{} {} | {}", it.rule.id, it.new.pointer, it.sentence))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_schema_does_not_differ_from_itself(schema in schemas()) {
        let text = document(&schema);
        let found = compare(Surface::JsonSchema, "a.json", &text, &text).unwrap();
        prop_assert!(found.is_empty(), "{text}: {:?}", ids(&found));
    }

    #[test]
    fn a_refactoring_is_no_change(
        schema in schemas(),
        moves in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let old = document(&schema);
        let mut mover = Mover { moves: moves.iter().cycle(), definitions: Map::new() };
        let moved = mover.schema(&schema);
        mover.definitions.insert("Self".to_owned(), moved.clone());
        let new = json!({"allOf": [moved], "$defs": mover.definitions}).to_string();
        let found = compare(Surface::JsonSchema, "a.json", &old, &new).unwrap();
        prop_assert!(found.is_empty(), "{old}\n{new}\n{:?}", ids(&found));
    }

    #[test]
    fn a_refactoring_of_an_api_is_no_change(
        schema in schemas(),
        moves in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut mover = Mover { moves: moves.iter().cycle(), definitions: Map::new() };
        let moved = mover.schema(&schema);
        let body = mover.schema(&schema);
        mover.definitions.insert("Self".to_owned(), moved.clone());
        let old = api(&schema, &schema, &json!({"Self": schema}));
        let new = api(&body, &moved, &Value::Object(mover.definitions));
        let found = compare(Surface::OpenApi, "a.json", &old, &new).unwrap();
        prop_assert!(found.is_empty(), "{old}\n{new}\n{:?}", ids(&found));
    }

    #[test]
    fn two_schemas_are_compared_whatever_they_are(old in schemas(), new in schemas()) {
        let found = compare(Surface::JsonSchema, "a.json", &document(&old), &document(&new));
        let again = compare(Surface::JsonSchema, "a.json", &document(&old), &document(&new));
        prop_assert_eq!(found.unwrap(), again.unwrap());
    }

    #[test]
    fn any_text_is_read_or_refused(
        old in "[\\[\\]{}:,&*!|>\"'#a-c0-9 \n<-]{0,60}",
        new in "\\PC{0,40}",
        name in prop::sample::select(vec!["a.json", "a.yaml", "a"]),
    ) {
        for surface in [Surface::OpenApi, Surface::JsonSchema, Surface::Avro] {
            let _ = compare(surface, name, &old, &new);
            let _ = compare(surface, name, &old, &old);
        }
    }

    #[test]
    fn any_values_in_the_place_of_keywords_are_read_or_refused(
        old in values(), new in values(), surface in 0..3_usize,
    ) {
        let surface = [Surface::OpenApi, Surface::JsonSchema, Surface::Avro][surface];
        let text = |it: &Value| {
            let mut it = it.clone();
            if surface == Surface::OpenApi && it.is_object() {
                it["openapi"] = json!("3.1.0");
            }
            it.to_string()
        };
        let _ = compare(surface, "a.json", &text(&old), &text(&new));
        if let Ok(found) = compare(surface, "a.json", &text(&old), &text(&old)) {
            prop_assert!(found.is_empty(), "{}: {:?}", text(&old), ids(&found));
        }
    }
}

/// Values whose names are those of keywords, in places where they mean nothing.
fn values() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "$ref",
        "#",
        "#/paths",
        "#/a",
        "http://a/b",
        "type",
        "string",
        "object",
        "array",
        "record",
        "enum",
        "int",
        "null",
        "properties",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "enum",
        "required",
        "additionalProperties",
        "paths",
        "/a/{b}",
        "get",
        "parameters",
        "in",
        "query",
        "name",
        "schema",
        "content",
        "responses",
        "200",
        "default",
        "requestBody",
        "fields",
        "symbols",
        "fixed",
        "size",
        "security",
        "callbacks",
        "webhooks",
        "minimum",
        "multipleOf",
        "discriminator",
        "mapping",
        "x-sunset",
        "deprecated",
        "prefixItems",
        "contains",
        "dependentSchemas",
        "a",
        "b",
    ]);
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        (-3..3_i32).prop_map(|it| json!(it)),
        words.clone().prop_map(|it| json!(it)),
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((words.clone(), inner), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, it)| (key.to_owned(), it))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        ]
    })
}
