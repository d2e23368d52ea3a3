//! The compatibility test of Avro's Python library: pairs of a reader's and a writer's schema, in
//! lists of those that fit and those that do not.

use std::collections::BTreeMap;
use std::path::Path;

use switchback_version::contract::{Certainty, Direction, Surface};

use super::{Case, Known, Side, json, lenient};

pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let text =
        std::fs::read_to_string(folder.join("lang/py/avro/test/test_compatibility.py")).unwrap();
    let schemas = schemas(&text);
    let mut cases = Vec::new();
    for (list, breaks) in [
        ("compatible_reader_writer_test_cases = [", false),
        ("incompatible_fixed_pairs = [", true),
        ("incompatible_pairs = [", true),
    ] {
        for part in text.split(&format!(" {list}")).skip(1) {
            let end = part.find("\n        ]\n").unwrap();
            // Pairs begin with the two names.
            for pair in part[..end].split('(').skip(1) {
                let mut names = pair.split(',').map(str::trim);
                let (Some(reader), Some(writer)) = (names.next(), names.next()) else {
                    continue;
                };
                let writer = writer.trim_end_matches(')');
                let (Some(new), Some(old)) = (schemas.get(reader), schemas.get(writer)) else {
                    continue;
                };
                for (direction, old, new) in [
                    (Direction::WeRead, old, new),
                    (Direction::OthersRead, new, old),
                ] {
                    cases.push(Case {
                        name: format!("{reader} reads {writer} ({direction:?})"),
                        surface: Surface::Avro,
                        direction,
                        old: Side::one("old.avsc", json(old)),
                        new: Side::one("new.avsc", json(new)),
                        about: None,
                        known: Known::default(),
                        unstable: Vec::new(),
                        least: Certainty::MayBreak,
                        breaks,
                    });
                }
            }
        }
    }
    cases
}

/// The schemas by the names that the test gives them.
fn schemas(text: &str) -> BTreeMap<String, serde_json::Value> {
    let mut out = BTreeMap::new();
    let mut rest = text;
    while let Some(at) = rest.find(" = ") {
        let name = rest[..at].rsplit('\n').next().unwrap();
        rest = &rest[at + 3..];
        if name.is_empty()
            || name
                .chars()
                .any(|it| it.is_lowercase() || it.is_whitespace())
        {
            continue;
        }
        let value = balanced(rest);
        if let Some(schema) = schema(value) {
            out.insert(name.to_owned(), schema);
        }
    }
    out
}

/// A call with everything between its parentheses.
fn balanced(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return &text[..=at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    text
}

fn schema(call: &str) -> Option<serde_json::Value> {
    let (name, inner) = call.split_once('(')?;
    let inner = inner.strip_suffix(')')?.trim();
    let first = || inner.rsplit_once(", names=").map_or(inner, |it| it.0);
    match name {
        "parse" => {
            let inner = inner
                .strip_prefix("json.dumps(")?
                .trim_end_matches(',')
                .trim_end();
            value(inner.strip_suffix(')')?)
        }
        "PrimitiveSchema" => value(inner),
        "ArraySchema" => serde_json::json!({"type": "array", "items": value(first())?}).into(),
        "MapSchema" => serde_json::json!({"type": "map", "values": value(first())?}).into(),
        "UnionSchema" => {
            let inner = inner
                .split("names=")
                .next()
                .unwrap()
                .trim()
                .trim_end_matches(',');
            value(inner)
        }
        _ => None,
    }
}

/// A literal of Python as JSON.
fn value(text: &str) -> Option<serde_json::Value> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("SchemaType.") {
        out.push_str(&rest[..at]);
        rest = &rest[at + "SchemaType.".len()..];
        let end = rest
            .find(|it: char| !it.is_ascii_uppercase())
            .unwrap_or(rest.len());
        out.push_str(&format!("\"{}\"", rest[..end].to_lowercase()));
        rest = &rest[end..];
    }
    out.push_str(rest);
    let out = out
        .replace("None", "null")
        .replace("True", "true")
        .replace("False", "false");
    lenient(&out)
}
