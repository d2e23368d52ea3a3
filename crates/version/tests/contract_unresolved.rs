//! References that lead nowhere: nothing is concluded from what nobody has read.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use switchback_version::Level;
use switchback_version::contract::{
    Certainty, Contract, Direction, Finding, Options, Surface, diff, floor,
};

const OUT: &str = "$ref: 'https://contracts.example/order.json'";

fn compare(surface: Surface, old: &str, new: &str, direction: Direction) -> Vec<Finding> {
    let order = r#"{"type": "object", "readOnly": true, "required": ["id"],
        "properties": {"id": {"type": "string"}, "note": {"type": "string"}}}"#;
    let files = |text: &str| {
        BTreeMap::from([
            ("a.yaml".to_owned(), text.to_owned()),
            ("order.json".to_owned(), order.to_owned()),
        ])
    };
    let (old, new) = (files(old), files(new));
    let side = |files| Contract {
        root: "a.yaml",
        files,
    };
    let options = Options {
        direction: Some(direction),
        ..Options::default()
    };
    diff(surface, side(&old), side(&new), &options).unwrap()
}

/// One finding for each direction that is asked for, at the one place: that nobody can tell.
fn cannot_tell(surface: Surface, old: &str, new: &str) {
    for direction in [Direction::WeRead, Direction::OthersRead] {
        let found = compare(surface, old, new, direction);
        let ids: Vec<&str> = found.iter().map(|it| it.rule.id).collect();
        let said: Vec<&str> = found.iter().map(|it| it.sentence.as_str()).collect();
        assert!(!found.is_empty(), "nothing said, from\n{old}\nto\n{new}");
        for it in &found {
            assert!(
                it.rule.id.ends_with("reference-not-resolved"),
                "{ids:?}: {said:?}"
            );
            assert_eq!(it.certainty, Certainty::CannotTell);
        }
        let mut places: Vec<_> = found
            .iter()
            .map(|it| (&it.old.pointer, &it.new.pointer))
            .collect();
        places.sort();
        places.dedup();
        let requests = surface == Surface::OpenApi;
        assert!(found.len() == 1 || requests, "{ids:?}: {said:?}");
        assert_eq!(places.len(), 1, "{places:?}");
        assert_eq!(floor(&found, Certainty::MayBreak), Level::None);
    }
}

const SCHEMAS: [&str; 14] = [
    "{REF}",
    "{type: object, properties: {a: {REF}}}",
    "{type: object, properties: {a: {type: array, items: {REF}}}}",
    "{allOf: [{REF}, {type: object, properties: {b: {type: string}}}]}",
    "{anyOf: [{REF}, {type: string}]}",
    "{oneOf: [{REF}, {type: string}, {type: array}]}",
    "{type: object, additionalProperties: {REF}}",
    "{type: object, patternProperties: {'^a': {REF}}}",
    "{type: array, contains: {REF}}",
    "{type: array, prefixItems: [{REF}]}",
    "{type: object, dependentSchemas: {a: {REF}}}",
    "{not: {REF}}",
    "{if: {REF}, then: {type: object}, else: {type: string}}",
    "{type: object, propertyNames: {REF}}",
];

#[test]
fn what_stands_below_a_lost_reference_of_a_schema_is_not_compared() {
    for schema in SCHEMAS {
        let here = schema.replace("REF", "$ref: order.json");
        let there = schema.replace("REF", OUT);
        cannot_tell(Surface::JsonSchema, &here, &there);
        cannot_tell(Surface::JsonSchema, &there, &here);
        // Which schema is lost makes a difference, that one is does not.
        let other = schema.replace("REF", "$ref: gone.json");
        cannot_tell(Surface::JsonSchema, &other, &there);
        assert!(compare(Surface::JsonSchema, &there, &there, Direction::WeRead).is_empty());
    }
}

#[test]
fn a_property_that_is_lost_and_new_or_gone_is_not_taken_for_anything() {
    let without = "{type: object, properties: {b: {type: string}}}";
    let with = format!("{{type: object, properties: {{b: {{type: string}}, a: {{{OUT}}}}}}}");
    cannot_tell(Surface::JsonSchema, without, &with);
    cannot_tell(Surface::JsonSchema, &with, without);
}

#[test]
fn what_stands_beside_a_lost_reference_is_compared() {
    let with =
        |kind: &str| format!("{{type: object, properties: {{a: {{{OUT}}}, b: {{type: {kind}}}}}}}");
    let found = compare(
        Surface::JsonSchema,
        &with("string"),
        &with("integer"),
        Direction::WeRead,
    );
    assert_eq!(floor(&found, Certainty::Proved), Level::Major);
    // An empty schema and a lost one are not the same, even where both were met before.
    let pair = |first: &str, second: &str| {
        format!("{{type: object, properties: {{a: {{{first}}}, b: {{{second}}}}}}}")
    };
    let (old, new) = (pair("", "$ref: order.json"), pair("", OUT));
    cannot_tell(Surface::JsonSchema, &old, &new);
    let found = compare(
        Surface::JsonSchema,
        &pair("minLength: 1", "minLength: 1"),
        &pair("minLength: 0", OUT),
        Direction::OthersRead,
    );
    assert!(found.iter().any(|it| it.certainty == Certainty::CannotTell));
}

const API: &str = "\
openapi: 3.0.3
info: {title: A, version: '1'}
paths:
  /a:
    post:
      parameters: [PARAMETER]
      requestBody: {content: {application/json: {schema: SCHEMA}}}
      responses: {'200': RESPONSE}
  /b: ITEM
components:
  parameters: {P: {name: page, in: query, required: true, schema: {type: integer}}}
  responses: {R: {description: fine, content: {application/json: {schema: {type: object}}}}}
  x-items: {I: {get: {responses: {'200': {description: fine}}}}}
";

#[test]
fn a_description_of_an_api_is_compared_as_far_as_it_is_there() {
    let api = |with: &[(&str, &str)]| {
        let usual = [
            ("PARAMETER", "{$ref: '#/components/parameters/P'}"),
            (
                "SCHEMA",
                "{type: object, properties: {a: {$ref: order.json}}}",
            ),
            ("RESPONSE", "{$ref: '#/components/responses/R'}"),
            ("ITEM", "{$ref: '#/components/x-items/I'}"),
        ];
        let mut text = API.to_owned();
        for (name, value) in with.iter().chain(&usual) {
            text = text.replace(name, value);
        }
        text
    };
    let whole = api(&[]);
    let out = format!("{{{OUT}}}");
    let schema = format!("{{type: object, properties: {{a: {{{OUT}}}}}}}");
    for (name, value) in [
        ("PARAMETER", &out),
        ("RESPONSE", &out),
        ("ITEM", &out),
        ("SCHEMA", &out),
        ("SCHEMA", &schema),
    ] {
        let lost = api(&[(name, value)]);
        cannot_tell(Surface::OpenApi, &whole, &lost);
        cannot_tell(Surface::OpenApi, &lost, &whole);
    }
}
