//! Contracts by example: what is found, where, and how much the version has to rise for it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use switchback_version::Level;
use switchback_version::contract::{
    Certainty, Contract, Direction, Finding, Options, Stability, Surface, Unreadable, diff, floor,
    rules,
};

fn side(text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("api.yaml".to_owned(), text.to_owned())])
}

fn compare(
    surface: Surface,
    old: &str,
    new: &str,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    let (old, new) = (side(old), side(new));
    let contract = |files| Contract {
        root: "api.yaml",
        files,
    };
    diff(surface, contract(&old), contract(&new), options)
}

fn api(old: &str, new: &str) -> Vec<Finding> {
    compare(Surface::OpenApi, old, new, &Options::default()).unwrap()
}

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|it| it.rule.id).collect()
}

const ORDERS: &str = "\
openapi: 3.0.3
info: {title: Orders, version: '1'}
paths:
  /orders/{id}:
    get:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        '200': {description: fine, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
  /orders:
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
      responses:
        '201': {description: made}
components:
  schemas:
    Order:
      type: object
      required: [item]
      properties:
        item: {type: string}
        note: {type: string, nullable: true}
        parent: {$ref: '#/components/schemas/Order'}
";

#[test]
fn a_new_required_field_of_a_request_is_major() {
    let new = ORDERS
        .replace("required: [item]", "required: [item, amount]")
        .replace(
            "        item: {",
            "        amount: {type: integer}\n        item: {",
        );
    let found = api(ORDERS, &new);
    assert_eq!(floor(&found, Certainty::MayBreak), Level::Major);
    let broken: Vec<_> = found.iter().filter(|it| it.level == Level::Major).collect();
    assert_eq!(broken.len(), 1, "{found:#?}");
    assert_eq!(broken[0].rule.id, "openapi-request-required-property-added");
    assert_eq!(broken[0].rule.direction, Direction::WeRead);
    assert_eq!(
        broken[0].new.pointer,
        "/components/schemas/Order/properties/amount"
    );
    assert_eq!(broken[0].new.line, 21);
    assert!(
        broken[0].sentence.contains("POST /orders"),
        "{}",
        broken[0].sentence
    );
    assert!(
        broken[0].sentence.contains("amount"),
        "{}",
        broken[0].sentence
    );
}

#[test]
fn a_fingerprint_does_not_follow_the_lines() {
    let new = ORDERS.replace("item: {type: string}", "item: {type: integer}");
    let moved = format!("# a word\n\n{new}");
    let prints = |it: Vec<Finding>| it.into_iter().map(|it| it.fingerprint).collect::<Vec<_>>();
    let found = api(ORDERS, &new);
    assert!(!found.is_empty());
    assert_eq!(
        prints(found),
        prints(api(&format!("# another\n{ORDERS}"), &moved))
    );
}

#[test]
fn a_removed_and_a_renamed_operation_are_major() {
    let gone = ORDERS.replace("    post:", "    put:");
    assert_eq!(
        ids(&api(ORDERS, &gone)),
        ["openapi-operation-removed", "openapi-operation-added"]
    );
    // The name of a parameter in a path is nothing that a client sends.
    let renamed = ORDERS
        .replace("{id}", "{order}")
        .replace("name: id", "name: order");
    assert_eq!(ids(&api(ORDERS, &renamed)), [""; 0]);
}

#[test]
fn what_was_deprecated_may_go_after_its_day() {
    let old = ORDERS.replace(
        "    post:",
        "    post:\n      deprecated: true\n      x-sunset: '2026-03-01'",
    );
    let new = ORDERS.replace("    post:", "    put:");
    let on = |today| {
        let options = Options {
            today,
            ..Options::default()
        };
        let found = compare(Surface::OpenApi, &old, &new, &options).unwrap();
        floor(&found, Certainty::MayBreak)
    };
    assert_eq!(on(Some("2026-02-28")), Level::Major);
    assert_eq!(on(Some("2026-03-01")), Level::Minor);
    assert_eq!(on(None), Level::Major);
}

#[test]
fn what_is_not_stable_promises_less() {
    let new = ORDERS.replace("    post:", "    put:");
    for (stability, level) in [
        (Stability::Stable, Level::Major),
        (Stability::Beta, Level::Minor),
        (Stability::Internal, Level::None),
    ] {
        let all = [("/orders".to_owned(), stability)];
        let options = Options {
            stability: &all,
            ..Options::default()
        };
        let found = compare(Surface::OpenApi, ORDERS, &new, &options).unwrap();
        assert_eq!(floor(&found, Certainty::MayBreak), level);
    }
}

#[test]
fn read_only_properties_are_no_matter_of_requests() {
    let new = ORDERS
        .replace(
            "        item: {",
            "        made: {type: string, readOnly: true}\n        item: {",
        )
        .replace("required: [item]", "required: [item, made]");
    let found = api(ORDERS, &new);
    assert_eq!(ids(&found), ["openapi-response-required-property-added"]);
    assert_eq!(floor(&found, Certainty::MayBreak), Level::Minor);
}

#[test]
fn from_3_0_to_3_1_in_other_words_nothing_changes() {
    let new = ORDERS.replace("3.0.3", "3.1.0").replace(
        "{type: string, nullable: true}",
        "{anyOf: [{type: string}, {type: 'null'}]}",
    );
    assert_eq!(ids(&api(ORDERS, &new)), [""; 0]);
}

#[test]
fn schemas_that_hold_themselves_are_compared() {
    let new = ORDERS.replace(
        "note: {type: string, nullable: true}",
        "note: {type: string}",
    );
    let mut found = ids(&api(ORDERS, &new)).join(" ");
    found.truncate(60);
    assert_eq!(
        found,
        "openapi-request-null-removed openapi-response-null-removed"
    );
}

#[test]
fn references_to_other_machines_are_said_and_not_followed() {
    let schema = |to: &str| format!("$ref: '{to}'\n");
    let both = |old: &str, new: &str| {
        compare(
            Surface::JsonSchema,
            &schema(old),
            &schema(new),
            &Options::default(),
        )
        .unwrap()
    };
    let found = both("https://example.org/a.json", "https://example.org/b.json");
    assert!(
        found
            .iter()
            .all(|it| it.rule.certainty == Certainty::CannotTell),
        "{found:#?}"
    );
    // One place, one finding: what stood there and what stands there.
    assert_eq!(found.len(), 1);
    let values = (found[0].old_value.as_deref(), found[0].new_value.as_deref());
    let ends = |it: Option<&str>, end: &str| it.is_some_and(|it| it.ends_with(end));
    assert!(ends(values.0, "/a.json") && ends(values.1, "/b.json"));
    assert_eq!(floor(&found, Certainty::MayBreak), Level::None);
    assert_eq!(floor(&found, Certainty::CannotTell), Level::Major);
    assert_eq!(
        both("https://example.org/a.json", "https://example.org/a.json"),
        []
    );
    assert_eq!(both("#", "#"), []);
}

#[test]
fn references_lead_to_other_files() {
    let root = "properties: {a: {$ref: 'parts/b.yaml#/$defs/B'}}".to_owned();
    let files = |part: &str| {
        BTreeMap::from([
            ("api/root.yaml".to_owned(), root.clone()),
            ("api/parts/b.yaml".to_owned(), part.to_owned()),
        ])
    };
    let (old, new) = (
        files("$defs: {B: {type: string}}"),
        files("$defs: {B: {type: integer}}"),
    );
    let contract = |files| Contract {
        root: "./api/root.yaml",
        files,
    };
    let found = diff(
        Surface::JsonSchema,
        contract(&old),
        contract(&new),
        &Options::default(),
    )
    .unwrap();
    assert_eq!(ids(&found), ["json-schema-read-type-narrowed"]);
    assert_eq!(found[0].new.file, "api/parts/b.yaml");
    assert_eq!(found[0].new.pointer, "/$defs/B");
}

#[test]
fn bombs_and_depths_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let aliases = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb.push_str(&format!("a{at}: &a{at} [{aliases}]\n"));
    }
    let read = |text: &str| compare(Surface::JsonSchema, text, "{}", &Options::default());
    assert!(matches!(read(&bomb), Err(Unreadable::TooMany { .. })));
    let deep = "[".repeat(5_000);
    assert!(matches!(
        read(&deep),
        Err(Unreadable::TooDeep { .. } | Unreadable::Syntax { .. })
    ));
    assert!(matches!(
        read("a: 1\na: 2\n"),
        Err(Unreadable::Syntax { line: 2, .. })
    ));
    assert!(matches!(read("&a [*a]"), Err(Unreadable::Syntax { .. })));
}

#[test]
fn long_chains_are_followed_or_given_up() {
    // Each schema holds the next one, below or as one of two alternatives.
    let chain = |link: fn(usize) -> String, end: &str| {
        let links = (0..400).map(|at| format!("  S{at}: {}\n", link(at + 1)));
        format!(
            "$ref: '#/$defs/S0'\n$defs:\n{}  S400: {end}\n",
            links.collect::<String>()
        )
    };
    for link in [
        (|next| format!("{{properties: {{a: {{$ref: '#/$defs/S{next}'}}}}}}"))
            as fn(usize) -> String,
        |next| format!("{{anyOf: [{{$ref: '#/$defs/S{next}'}}, {{type: 'null'}}]}}"),
        |next| format!("{{allOf: [{{$ref: '#/$defs/S{next}'}}, {{minLength: 1}}]}}"),
    ] {
        let (old, new) = (
            chain(link, "{type: string}"),
            chain(link, "{type: integer}"),
        );
        let found = compare(Surface::JsonSchema, &old, &new, &Options::default()).unwrap();
        assert_eq!(floor(&found, Certainty::CannotTell), Level::Major);
        let same = compare(Surface::JsonSchema, &old, &old, &Options::default()).unwrap();
        assert_eq!(ids(&same), [""; 0]);
    }
}

#[test]
fn what_is_assumed_of_a_cycle_is_dropped_when_it_is_wrong() {
    // T0 leads to T2 and back, and only T0 has changed: T1 may not pass for it.
    let schema = |first: &str, second: &str| {
        let part = |kind: &str, next: &str| {
            format!(
                "{{type: object, properties: {{id: {{type: {kind}}}, ref: {{$ref: '#/$defs/{next}'}}}}}}"
            )
        };
        format!(
            "properties: {{root: {{oneOf: [{{$ref: '#/$defs/T0'}}, {{$ref: '#/$defs/T1'}}]}}}}\n$defs:\n  T0: {}\n  T1: {}\n  T2: {}\n",
            part(first, "T2"),
            part(second, "T2"),
            part("integer", "T0"),
        )
    };
    let (old, new) = (schema("integer", "boolean"), schema("boolean", "number"));
    let found = compare(Surface::JsonSchema, &old, &new, &Options::default()).unwrap();
    assert_eq!(
        floor(&found, Certainty::MayBreak),
        Level::Major,
        "{found:#?}"
    );
}

#[test]
fn an_avro_field_needs_a_default_to_be_added() {
    let record = |fields: &str| format!("{{type: record, name: a.R, fields: [{fields}]}}");
    let old = record("{name: x, type: int}");
    let read = |new: &str, direction| {
        let options = Options {
            direction: Some(direction),
            ..Options::default()
        };
        compare(Surface::Avro, &old, new, &options).unwrap()
    };
    let bare = record("{name: x, type: int}, {name: next, type: ['null', R]}");
    let found = read(&bare, Direction::WeRead);
    assert_eq!(ids(&found), ["avro-read-field-added-without-default"]);
    assert_eq!(found[0].new.pointer, "/fields/1");
    assert_eq!(
        floor(&read(&bare, Direction::OthersRead), Certainty::MayBreak),
        Level::Minor
    );
    let with = bare.replace("R]}", "R], default: null}");
    assert_eq!(
        floor(&read(&with, Direction::Both), Certainty::MayBreak),
        Level::Minor
    );
    assert_eq!(ids(&read(&old, Direction::Both)), [""; 0]);
    for wrong in [
        "{type: record}",
        "[[int], int]",
        "[int, int]",
        "nothing",
        "{type: array}",
    ] {
        let found = compare(Surface::Avro, wrong, wrong, &Options::default());
        assert!(
            matches!(found, Err(Unreadable::OtherKind { .. })),
            "{wrong}: {found:?}"
        );
    }
}

#[test]
fn rules_have_names_of_their_own() {
    let mut all: Vec<&str> = rules().map(|it| it.id).collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    for id in all {
        assert!(
            id.bytes()
                .all(|it| it.is_ascii_lowercase() || it == b'-' || it.is_ascii_digit()),
            "{id}"
        );
    }
}
