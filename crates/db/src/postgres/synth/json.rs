//! JSON documents of a demanded shape.

use std::fmt::Write as _;

use super::domain::Field;
use super::kind::Kind;
use super::text;
use super::value::{Ask, inner};
use crate::random::Rng;

/// A document for a column.
pub(super) fn document(ask: &Ask<'_>, rng: &mut Rng) -> String {
    let number = ask.unique.unwrap_or_else(|| rng.below(1000));
    match ask.dom.json.as_deref() {
        Some("array") => {
            let count = u64::from(ask.dom.shortest.max(1));
            let parts: Vec<String> = (0..count)
                .map(|place| (number + place).to_string())
                .collect();
            format!("[{}]", parts.join(", "))
        }
        Some("string") => format!("\"word {number}\""),
        Some("number") => number.to_string(),
        Some("boolean") => "true".to_owned(),
        Some("null") => "null".to_owned(),
        _ if ask.dom.shortest > 0 => {
            let parts: Vec<String> = (0..ask.dom.shortest).map(|part| part.to_string()).collect();
            format!("[{}]", parts.join(", "))
        }
        _ if !ask.dom.fields.is_empty() => {
            let fields: Vec<(&[String], &Field)> = ask
                .dom
                .fields
                .iter()
                .map(|(path, field)| (path.as_slice(), field))
                .collect();
            nested(&fields, ask, rng)
        }
        _ if !ask.dom.keys.is_empty() => {
            let parts: Vec<String> = ask
                .dom
                .keys
                .iter()
                .map(|key| format!("\"{}\": {number}", key.replace('"', "")))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        _ => text::document(ask.unique, rng),
    }
}

/// A JSON object with something at each path.
fn nested(fields: &[(&[String], &Field)], ask: &Ask<'_>, rng: &mut Rng) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (path, field) in fields {
        let Some((key, rest)) = path.split_first() else {
            continue;
        };
        if seen.contains(&key.as_str()) {
            continue;
        }
        seen.push(key);
        let below: Vec<(&[String], &Field)> = fields
            .iter()
            .filter(|(path, _)| path.len() > 1 && path[0] == *key)
            .map(|(path, field)| (&path[1..], *field))
            .collect();
        let text = if below.is_empty() && rest.is_empty() {
            match field {
                Field::Text(text) => quoted(text),
                Field::Of(kind) => {
                    let text = inner(kind, ask, ask.unique, rng).unwrap_or_default();
                    match kind {
                        Kind::Bool | Kind::Int(_) | Kind::Numeric(_) | Kind::Json => text,
                        Kind::Stamp { .. } => quoted(&text.replace(' ', "T")),
                        _ => quoted(&text),
                    }
                }
            }
        } else {
            nested(&below, ask, rng)
        };
        parts.push(format!("{}: {text}", quoted(key)));
    }
    if let Some(number) = ask.unique {
        parts.push(format!("\"number\": {number}"));
    }
    format!("{{{}}}", parts.join(", "))
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 32 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::synth::domain::Dom;
    use crate::postgres::synth::hint::Hint;

    fn made(dom: &Dom) -> String {
        let ask = Ask {
            kind: &Kind::Json,
            hint: Hint::None,
            dom,
            number: 0,
            unique: None,
            within: 0,
            start: 1,
            since: 0,
            moment: 0,
            wide: true,
            edges: false,
            key: 0,
        };
        document(&ask, &mut Rng::new(1))
    }

    #[test]
    fn what_is_demanded_is_there() {
        let mut dom = Dom::default();
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        assert!(dom.field(path("a.b"), Field::Text("it's \"x\"".to_owned())));
        assert!(dom.field(path("a.c"), Field::Of(Kind::Bool)));
        assert!(dom.field(path("d"), Field::Of(Kind::Enum(vec!["one".to_owned()]))));
        assert!(!dom.field(path("a.b"), Field::Text("other".to_owned())));
        let text = made(&dom);
        assert!(
            text.starts_with(r#"{"a": {"b": "it's \"x\"", "c": "#),
            "{text}"
        );
        assert!(text.ends_with(r#"}, "d": "one"}"#), "{text}");
    }

    #[test]
    fn the_type_is_as_demanded() {
        for (json, start) in [
            ("array", "["),
            ("object", "{"),
            ("string", "\""),
            ("number", ""),
        ] {
            let dom = Dom {
                json: Some(json.to_owned()),
                ..Dom::default()
            };
            assert!(made(&dom).starts_with(start), "{json}");
        }
    }
}
