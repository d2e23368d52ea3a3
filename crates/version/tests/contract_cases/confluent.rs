//! `SchemaDiffTest` of Confluent's JSON Schema provider: its examples with `compatible`.

use std::path::Path;

use switchback_version::contract::{Certainty, Direction, Surface};

use super::{Case, Known, Otherwise, Side, json, lenient};

/// Labels that the specification contradicts.
pub(crate) const OTHERWISE: &[Otherwise] = &[
    (
        "Detect required array to be changed",
        "JSON Schema, `required`: `bar` has to be in every object after, and did not before, whether \
         `properties` describes it or not",
    ),
    (
        "Detect removed boolean additional items",
        "JSON Schema draft 7, validation 6.4.2: where `items` is no list of schemas, `additionalItems` \
         must be ignored",
    ),
    (
        "Detect changes to additional items schema",
        "JSON Schema draft 7, validation 6.4.2: where `items` is no list of schemas, `additionalItems` \
         must be ignored",
    ),
];

pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let resources = folder.join("json-schema-provider/src/test/resources");
    let mut cases = Vec::new();
    for name in [
        "diff-schema-examples.json",
        "diff-schema-examples-2020-12.json",
        "diff-combined-schema-examples.json",
        "diff-combined-schema-examples-2020-12.json",
    ] {
        let text = std::fs::read_to_string(resources.join(name)).unwrap();
        let draft = if name.contains("2020") {
            "2020-12"
        } else {
            "draft-07"
        };
        for (at, case) in lenient(&text)
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            let side = |key: &str| {
                let mut schema = case[key].clone();
                if let Some(members) = schema.as_object_mut() {
                    members.entry("$schema").or_insert_with(|| draft.into());
                }
                Side::one("schema.json", json(&schema))
            };
            cases.push(Case {
                name: format!("{name}#{at} {}", case["description"].as_str().unwrap()),
                surface: Surface::JsonSchema,
                direction: Direction::WeRead,
                old: side("original_schema"),
                new: side("update_schema"),
                about: None,
                known: Known::default(),
                unstable: Vec::new(),
                least: Certainty::MayBreak,
                breaks: !case["compatible"].as_bool().unwrap(),
            });
        }
    }
    cases
}
