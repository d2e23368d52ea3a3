//! What SARIF 2.1.0 demands of a log, as far as our logs go, and what GitHub demands beyond it.
//! Sections are those of the specification.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const LEVELS: [&str; 3] = ["note", "warning", "error"];

/// The object with only these properties, all of the first kind being there.
fn object<'a>(value: &'a Value, needed: &[&str], allowed: &[&str]) -> &'a Map<String, Value> {
    let object = value.as_object().expect("an object");
    for key in needed {
        assert!(object.contains_key(*key), "{key} is missing in {value}");
    }
    for key in object.keys() {
        let known = needed.contains(&key.as_str()) || allowed.contains(&key.as_str());
        assert!(known, "{key} is unknown or not expected in {value}");
    }
    object
}

fn text(value: &Value) -> &str {
    let text = value.as_str().expect("a text");
    assert!(!text.is_empty(), "an empty text");
    text
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn positive(value: &Value) -> u64 {
    let number = value.as_u64().expect("a number");
    assert!(number >= 1, "{number}");
    number
}

/// What a reader shows of a message: braces are undone, and so are the escapes of links. A
/// placeholder or a link fails the test.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '{' || c == '}' {
            assert_eq!(rest.next(), Some(c), "a single brace in {text}");
        }
        out.push(c);
    }
    for (at, _) in out.match_indices("](") {
        let backslashes = out[..at].chars().rev().take_while(|c| *c == '\\').count();
        assert!(backslashes % 2 == 1, "a link may end at {at} in {out}");
    }
    let mut plain = String::new();
    let mut rest = out.as_str();
    while let Some((before, after)) = rest.split_once("](") {
        let kept = before.trim_end_matches('\\');
        plain.push_str(kept);
        plain.push_str(&"\\".repeat((before.len() - kept.len()) / 2));
        plain.push_str("](");
        rest = after;
    }
    plain + rest
}

/// §3.11 and §3.12.
fn message(value: &Value) -> String {
    let object = object(value, &["text"], &["markdown"]);
    if let Some(markdown) = object.get("markdown") {
        assert!(!text(markdown).is_empty());
    }
    text(&object["text"]).to_owned()
}

/// The bytes that a percent-encoded text stands for.
pub(crate) fn decoded(uri: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = uri.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = str::from_utf8(&tail[..2]).unwrap();
            assert!(
                !hex.bytes().any(|b| b.is_ascii_lowercase()),
                "§3.10.1: {uri}"
            );
            out.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &tail[2..];
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

/// RFC 3986: a path or a `file` URI; true for an absolute one.
fn uri(text: &str) -> bool {
    let path = text.strip_prefix("file:///");
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@%/".contains(&b);
    assert!(path.unwrap_or(text).bytes().all(known), "{text}");
    for part in path.unwrap_or(text).trim_end_matches('/').split('/') {
        assert!(
            part != "." && (path.is_some() || !part.is_empty()),
            "{text}"
        );
    }
    decoded(text);
    path.is_some()
}

/// §3.4.
fn artifact(value: &Value, bases: &Map<String, Value>) {
    let object = object(value, &["uri"], &["uriBaseId"]);
    let absolute = uri(text(&object["uri"]));
    // §3.4.4: never both, and a relative one should say what it is relative to.
    assert_eq!(absolute, !object.contains_key("uriBaseId"), "{value}");
    if let Some(base) = object.get("uriBaseId") {
        assert!(bases.contains_key(text(base)), "{base} is not known");
    }
}

/// §3.30: line, first column, column after the last, text.
fn region(value: &Value) -> (u64, u64, Option<u64>, Option<&str>) {
    let columns = ["startColumn", "endLine", "endColumn", "snippet"];
    let object = object(value, &["startLine"], &columns);
    let line = positive(&object["startLine"]);
    let start = object.get("startColumn").map_or(1, positive);
    let end = object.get("endColumn").map(positive);
    assert!(end.is_none_or(|end| end >= start), "{value}");
    assert!(
        object
            .get("endLine")
            .is_none_or(|end| positive(end) == line)
    );
    let snippet = object.get("snippet").map(|snippet| {
        let object = self::object(snippet, &["text"], &[]);
        text(&object["text"])
    });
    (line, start, end, snippet)
}

/// §3.28 and §3.29.
fn location(value: &Value, bases: &Map<String, Value>) {
    let physical = &object(value, &["physicalLocation"], &[])["physicalLocation"];
    let object = object(
        physical,
        &["artifactLocation"],
        &["region", "contextRegion"],
    );
    artifact(&object["artifactLocation"], bases);
    let Some(own) = object.get("region") else {
        assert!(!object.contains_key("contextRegion"), "§3.29.5: {value}");
        return;
    };
    // What GitHub asks for beside the line.
    for key in ["startColumn", "endLine", "endColumn"] {
        assert!(own.get(key).is_some(), "{key} is missing in {own}");
    }
    let (line, start, end, snippet) = region(own);
    let Some(context) = object.get("contextRegion") else {
        return;
    };
    let (around, first, last, whole) = region(context);
    assert_eq!((around, first, last), (line, 1, None), "a whole line");
    let whole: Vec<char> = whole.expect("the line's text").chars().collect();
    let (start, end) = (start - 1, end.unwrap() - 1);
    let (start, end) = (
        usize::try_from(start).unwrap(),
        usize::try_from(end).unwrap(),
    );
    assert!(
        end <= whole.len() && end - start < whole.len(),
        "§3.29.5: {value}"
    );
    let part: String = whole[start..end].iter().collect();
    assert_eq!(snippet, Some(part.as_str()), "§3.30.13");
}

/// §3.49, with GitHub's limits.
fn rule(value: &Value) -> &str {
    let needed = [
        "id",
        "name",
        "shortDescription",
        "fullDescription",
        "defaultConfiguration",
        "help",
    ];
    let object = object(value, &needed, &[]);
    assert!(text(&object["name"]).len() <= 255);
    for key in ["shortDescription", "fullDescription"] {
        assert!(message(&object[key]).chars().count() <= 1024, "{value}");
    }
    message(&object["help"]);
    let level = &self::object(&object["defaultConfiguration"], &["level"], &[])["level"];
    assert!(LEVELS.contains(&text(level)));
    text(&object["id"])
}

/// §3.27.
fn result(value: &Value, rules: &[&str], bases: &Map<String, Value>) {
    let needed = [
        "ruleId",
        "ruleIndex",
        "level",
        "message",
        "locations",
        "partialFingerprints",
    ];
    let object = object(value, &needed, &["suppressions"]);
    let index = usize::try_from(object["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index], text(&object["ruleId"]), "§3.27.6");
    assert!(LEVELS.contains(&text(&object["level"])));
    shown(&message(&object["message"]));
    let locations = list(&object["locations"]);
    assert!(locations.len() <= 1, "§3.27.12");
    locations.iter().for_each(|each| location(each, bases));
    let prints = object["partialFingerprints"].as_object().unwrap();
    assert_eq!(
        prints.keys().collect::<Vec<_>>(),
        ["switchback/v1"],
        "§3.27.17"
    );
    prints
        .values()
        .for_each(|print| assert!(!text(print).is_empty()));
    for suppression in object.get("suppressions").into_iter().flat_map(list) {
        let object = self::object(suppression, &["kind"], &["justification"]);
        assert!(
            ["inSource", "external"].contains(&text(&object["kind"])),
            "§3.35.2"
        );
        assert!(
            object
                .get("justification")
                .is_none_or(|why| !text(why).is_empty())
        );
    }
}

/// A whole log.
pub(crate) fn check(log: &Value) {
    let log = object(log, &["$schema", "version", "runs"], &[]);
    assert!(text(&log["$schema"]).ends_with("/sarif-schema-2.1.0.json"));
    assert_eq!(log["version"], "2.1.0", "§3.13.2");
    let [run] = list(&log["runs"]) else {
        panic!("one run");
    };
    let run = object(
        run,
        &["tool", "originalUriBaseIds", "columnKind", "results"],
        &[],
    );
    assert_eq!(run["columnKind"], "unicodeCodePoints", "§3.14.27");
    let driver = &object(&run["tool"], &["driver"], &[])["driver"];
    let driver = object(driver, &["name", "rules"], &["version", "informationUri"]);
    assert_eq!(driver["name"], "switchback");
    let bases = run["originalUriBaseIds"].as_object().unwrap();
    for base in bases.values() {
        let base = object(base, &["description"], &["uri"]);
        message(&base["description"]);
        // §3.14.14: absolute, and it ends with a slash.
        let ends = |text: &str| uri(text) && text.ends_with('/');
        assert!(base.get("uri").is_none_or(|uri| ends(text(uri))));
    }
    let rules: Vec<&str> = list(&driver["rules"]).iter().map(rule).collect();
    assert!(rules.is_sorted_by(|a, b| a < b), "{rules:?}");
    let results = list(&run["results"]);
    results.iter().for_each(|each| result(each, &rules, bases));
    let used: BTreeSet<&str> = results.iter().map(|each| text(&each["ruleId"])).collect();
    assert!(
        used.into_iter().eq(rules),
        "a rule for each code that occurs"
    );
    let known = results
        .iter()
        .filter(|each| each.get("suppressions").is_some())
        .count();
    assert!(known == 0 || known == results.len(), "§3.27.23");
}
