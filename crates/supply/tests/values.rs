//! One scalar changes and no other byte.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

use proptest::prelude::*;
use switchback_supply::values::{ValuesError, read, set};

fn path(keys: &str) -> Vec<String> {
    keys.split('/').map(str::to_owned).collect()
}

fn changed(text: &str, keys: &str, new: &str) -> String {
    let bytes = set(text.as_bytes(), &path(keys), new);
    let result = String::from_utf8(bytes.unwrap_or_else(|error| panic!("{text:?}: {error}")));
    result.unwrap()
}

fn refused(text: &str, keys: &str) -> ValuesError {
    let reading = read(text.as_bytes(), &path(keys)).unwrap_err();
    let writing = set(text.as_bytes(), &path(keys), "9.9.9").unwrap_err();
    assert_eq!(reading, writing, "{text:?}");
    reading
}

#[test]
fn style_stays_where_it_can() {
    for (before, new, after) in [
        ("tag: 1.2.0\n", "1.3.0", "tag: 1.3.0\n"),
        ("tag: '1.2.0'\n", "1.3.0", "tag: '1.3.0'\n"),
        ("tag: \"1.2.0\"\n", "1.3.0", "tag: \"1.3.0\"\n"),
        // A text that would be a number gets quotes; a number stays one.
        ("tag: 1.2.0\n", "1.10", "tag: \"1.10\"\n"),
        ("tag: 1.9\n", "1.10", "tag: 1.10\n"),
        ("tag: 1.9\n", "1.2.0", "tag: 1.2.0\n"),
        ("tag: 3\n", "4", "tag: 4\n"),
        ("tag: 3\n", "4.5", "tag: \"4.5\"\n"),
        ("tag: abc\n", "on", "tag: \"on\"\n"),
        ("tag: abc\n", "null", "tag: \"null\"\n"),
        ("tag: abc\n", "2026-11-21", "tag: \"2026-11-21\"\n"),
        ("tag: abc\n", "a: b # c", "tag: \"a: b # c\"\n"),
        ("tag: 'it''s'\n", "that's", "tag: 'that''s'\n"),
        ("tag: 'x'\n", "a\nb", "tag: \"a\\nb\"\n"),
        ("tag: \"x\"\n", "a\"\\b", "tag: \"a\\\"\\\\b\"\n"),
        ("tag: x\n", "- y", "tag: \"- y\"\n"),
        ("tag: x\n", "*y", "tag: \"*y\"\n"),
        ("{tag: x, b: 1}\n", "a,b", "{tag: \"a,b\", b: 1}\n"),
        (
            "image: repo/app:1.2.0\n",
            "repo/app:1.3.0",
            "image: repo/app:1.3.0\n",
        ),
    ] {
        let key = if before.starts_with("image") {
            "image"
        } else {
            "tag"
        };
        assert_eq!(changed(before, key, new), after);
        assert_eq!(
            read(after.as_bytes(), &path(key)).unwrap().as_deref(),
            Some(new)
        );
    }
}

#[test]
fn an_empty_value_can_be_filled() {
    for (before, after) in [
        ("tag:\n", "tag: 1.2.0\n"),
        ("tag:", "tag: 1.2.0"),
        (
            "tag:   # none yet\r\nx: 1\r\n",
            "tag: 1.2.0   # none yet\r\nx: 1\r\n",
        ),
        ("tag: ~\n", "tag: 1.2.0\n"),
        ("'tag' : null # none\n", "'tag' : 1.2.0 # none\n"),
        ("{tag: , x: 1}", "{tag: 1.2.0 , x: 1}"),
    ] {
        assert_eq!(
            read(before.as_bytes(), &path("tag")).unwrap(),
            None,
            "{before:?}"
        );
        assert_eq!(changed(before, "tag", "1.2.0"), after);
    }
    let empty = read(b"tag: ''\n", &path("tag")).unwrap();
    assert_eq!(empty.as_deref(), Some(""));
}

#[test]
fn everything_around_stays() {
    let before = "\u{feff}# über\r\na:\r\n  b: [1, {c: 'x'}]  \r\n  tag:   \"1.0.0\"   # now: 'here'\r\n\
                  other: &x 1.0.0\r\nlast: *x\r\n\r\n  # end, no newline";
    let after = before.replace("\"1.0.0\"   #", "\"2.0.0\"   #");
    assert_eq!(changed(before, "a/tag", "2.0.0"), after);
}

#[test]
fn a_template_in_quotes_or_comments_is_only_text() {
    let before = "# {{ x }}\nhost: \"{{ .Release.Name }}\"\ntag: 1.0.0 # {{ y }}\n";
    assert_eq!(
        changed(before, "tag", "1.1.0"),
        before.replace("1.0.0", "1.1.0")
    );
}

#[test]
fn what_is_not_clear_is_refused() {
    use ValuesError as E;
    type Check = fn(&ValuesError) -> bool;
    let cases: [(&str, &str, Check); 28] = [
        ("a: 1\n", "b", |e| matches!(e, E::MissingKey { .. })),
        ("a: 1\n", "a/b", |e| matches!(e, E::NotAMapping { .. })),
        ("- a: 1\n", "a", |e| matches!(e, E::NotAMapping { .. })),
        ("a: {b: 1}\n", "a", |e| matches!(e, E::NotAScalar { .. })),
        ("a: [1]\n", "a", |e| matches!(e, E::NotAScalar { .. })),
        ("x: &x 1\na: *x\n", "a", |e| matches!(e, E::Alias { .. })),
        ("x: &x {b: 1}\na: *x\n", "a/b", |e| {
            matches!(e, E::Alias { .. })
        }),
        ("a: &x 1\n", "a", |e| matches!(e, E::Anchor { .. })),
        ("a: &x\n  b: 1\n", "a/b", |e| matches!(e, E::Anchor { .. })),
        ("a: 1\na: 2\n", "a", |e| {
            matches!(e, E::DuplicateKey { line: 2, .. })
        }),
        ("a: 1\n'a': 2\n", "a", |e| {
            matches!(e, E::DuplicateKey { .. })
        }),
        ("a: 1\nb:\n  - {c: 1, c: 2}\n", "a", |e| {
            matches!(e, E::DuplicateKey { .. })
        }),
        ("a: {{ x }}\n", "a", |e| {
            matches!(e, E::Template { line: 1 })
        }),
        ("{{- if x }}\na: 1\n{{- end }}\n", "a", |e| {
            matches!(e, E::Template { .. })
        }),
        ("{% if x %}\na: 1\n", "a", |e| {
            matches!(e, E::Template { .. })
        }),
        ("a: \"{{ x }}\"\n", "a", |e| matches!(e, E::Form { .. })),
        ("a: 1\n---\na: 2\n", "a", |e| {
            matches!(e, E::NotOneDocument { count: 2 })
        }),
        ("", "a", |e| matches!(e, E::NotOneDocument { count: 0 })),
        ("# nothing\n", "a", |e| {
            matches!(e, E::NotOneDocument { count: 0 })
        }),
        ("a:\n\tb: 1\n", "a/b", |e| matches!(e, E::Tab { line: 2 })),
        ("a: |\n  1\n", "a", |e| matches!(e, E::Form { .. })),
        ("a: >-\n  1\n", "a", |e| matches!(e, E::Form { .. })),
        ("a: 1\n  2\n", "a", |e| matches!(e, E::Form { .. })),
        ("a: \"1\n  2\"\n", "a", |e| matches!(e, E::Form { .. })),
        ("a: !!str 1\n", "a", |e| matches!(e, E::Form { .. })),
        ("a: 'x\n", "a", |e| matches!(e, E::Syntax { .. })),
        ("a: [1\n", "a", |e| matches!(e, E::Syntax { .. })),
        ("? a\n", "a", |e| matches!(e, E::Form { .. })),
    ];
    for (text, keys, expected) in cases {
        let error = refused(text, keys);
        assert!(expected(&error), "{text:?}: {error:?}");
    }
    assert!(matches!(
        read(b"a: \xff", &path("a")),
        Err(E::NotUtf8 { offset: 3 })
    ));
    let large = format!("a: 1\n#{}", "x".repeat(1 << 20));
    assert_eq!(refused(&large, "a"), E::TooLarge);
    for new in ["", "{{ x }}", "a{% x"] {
        let error = set(b"a: 1", &path("a"), new).unwrap_err();
        assert!(matches!(error, E::InvalidValue { .. }), "{new:?}");
    }
}

#[test]
fn an_error_does_not_write_to_the_terminal() {
    let error = refused("a: 1\n", "b\u{1b}[2J").to_string();
    assert!(!error.contains('\u{1b}'), "{error:?}");
}

/// A line of a values file: what stands before the key's value, the value, and what follows.
#[derive(Debug, Clone)]
struct Line {
    key: String,
    value: String,
    tail: String,
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(-rc\\.[0-9])?",
        "[0-9]{1,3}(\\.[0-9]{1,2})?",
        "[a-zü][a-z0-9ü/_-]{0,8}(:[a-z0-9]{1,4})?",
        Just("true".to_owned()),
        Just("\"two words # no comment\"".to_owned()),
        Just("'it''s: \"x\" {{ y }}'".to_owned()),
        Just("\"\\u00e9\\\"\\\\\"".to_owned()),
        Just("[1, 'a', {b: c}]".to_owned()),
        Just(String::new()),
    ]
}

fn tail() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("   ".to_owned()),
        Just("  # 'a' \"b: {{ c }}".to_owned()),
    ]
}

fn line() -> impl Strategy<Value = Line> {
    ("[a-z]{1,4}", value(), tail()).prop_map(|(key, value, tail)| Line { key, value, tail })
}

/// The text before the target's value, the value, and the text after it.
fn document() -> impl Strategy<Value = (String, String, String)> {
    let target = prop_oneof![
        "[0-9]\\.[0-9]\\.[0-9]",
        "'[0-9]\\.[0-9]'",
        "\"v[0-9a-z .#:é]{0,6}\"",
        "[0-9]\\.[0-9]{1,2}",
    ];
    let lines = || prop::collection::vec(line(), 0..6);
    let ends = (prop::bool::ANY, prop::bool::ANY, 1_usize..4);
    (lines(), lines(), lines(), target, tail(), ends).prop_map(
        |(before, siblings, after, target, target_tail, (crlf, last, indent))| {
            let end = if crlf { "\r\n" } else { "\n" };
            let block = |lines: &[Line], indent: usize, mark: &str| -> String {
                let lines = lines.iter().enumerate().map(|(at, line)| {
                    let Line { key, value, tail } = line;
                    // The number keeps keys apart.
                    format!("{:indent$}{mark}{key}{at}: {value}{tail}{end}", "")
                });
                lines.collect()
            };
            let mut head = block(&before, 0, "a");
            head.push_str(&format!("# a comment{end}image:{end}"));
            head.push_str(&block(&siblings, indent, "s"));
            head.push_str(&format!("{:indent$}tag:  ", ""));
            let mut rest = format!("{target_tail}{end}{end}");
            rest.push_str(&block(&after, 0, "z"));
            if last {
                rest.truncate(rest.trim_end_matches(['\r', '\n']).len());
            }
            (head, target, rest)
        },
    )
}

fn new_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(-rc\\.[0-9])?(\\+[a-z0-9]{1,4})?",
        "[0-9]\\.[0-9]{1,2}",
        "\\PC{1,12}",
        any::<String>().prop_filter("not empty", |text| !text.is_empty()),
        "[-?:,\\[\\]{}#&*!|>'\"%@` a\\n\\t]{1,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_bytes_of_the_scalar_change((head, target, rest) in document(), new in new_value()) {
        let before = format!("{head}{target}{rest}");
        let keys = path("image/tag");
        let result = set(before.as_bytes(), &keys, &new);
        if new.contains("{{") || new.contains("{%") {
            prop_assert!(result.is_err());
            return Ok(());
        }
        prop_assert!(result.is_ok(), "{before:?} {new:?} {result:?}");
        let after = String::from_utf8(result.unwrap()).unwrap();
        prop_assert!(after.starts_with(&head), "{after:?}");
        prop_assert!(after.ends_with(&rest), "{after:?}");
        let read_back = read(after.as_bytes(), &keys).unwrap();
        prop_assert_eq!(read_back.as_deref(), Some(new.as_str()));
        // Back again: the former value, though perhaps in another style.
        let old = read(before.as_bytes(), &keys).unwrap().unwrap();
        if !old.is_empty() {
            let back = String::from_utf8(set(after.as_bytes(), &keys, &old).unwrap()).unwrap();
            prop_assert!(back.starts_with(&head) && back.ends_with(&rest), "{back:?}");
        }
    }

    #[test]
    fn nothing_panics(text in "[a-c:\\-? \\n\\t'\"\\[\\]{}#&*!|>%\\r\u{feff}é]{0,40}", new in "\\PC{1,4}") {
        for keys in ["a", "a/b", ""] {
            if let Ok(bytes) = set(text.as_bytes(), &path(keys), &new) {
                let read_back = read(&bytes, &path(keys)).unwrap();
                prop_assert_eq!(read_back.as_deref(), Some(new.as_str()));
            }
        }
    }
}
