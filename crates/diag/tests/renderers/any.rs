//! Diagnostics of every kind, with texts that would do harm if they were taken for more than text.

use proptest::prelude::*;
use proptest::sample::select;
use switchback_diag::{Code, Diagnostic, Hint, Location, Severity};

const HOSTILE: [&str; 40] = [
    "::error::forged",
    "\n::add-mask::a",
    "\r::stop-commands::x",
    "##[add-path]/tmp",
    "%0A::error::forged",
    "%25",
    "%",
    ",line=9",
    "::",
    ":",
    "]]>",
    "</failure>",
    "<![CDATA[",
    "<!--",
    "&amp;",
    "&#0;",
    "\"",
    "'",
    "{0}",
    "{",
    "}}",
    "[a](https://example.org)",
    "](",
    "]",
    "[",
    "\\",
    "\\](",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{9b}",
    "\u{2028}",
    "\u{85}",
    "\0",
    "\r\n",
    "\n",
    "\t",
    "\u{fffe}",
    "../",
    "/./",
    " ",
];

pub(crate) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(&HOSTILE[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-zA-Z_ ]{1,8}",
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..9_u32, 1 => any::<u32>()]
}

pub(crate) fn location() -> impl Strategy<Value = Location> {
    let file = prop_oneof![
        text(),
        select(&["a.sql", "b/c.sql"][..]).prop_map(str::to_owned)
    ];
    (file, number(), number(), text(), number()).prop_map(|(file, line, column, text, width)| {
        Location {
            file,
            line,
            column,
            text,
            width,
        }
    })
}

fn hint() -> impl Strategy<Value = Hint> {
    (text(), prop::option::of(text())).prop_map(|(text, command)| Hint { text, command })
}

pub(crate) fn diagnostic() -> impl Strategy<Value = Diagnostic> {
    (
        select(Code::ALL),
        select(&Severity::ALL[..]),
        text(),
        prop::collection::vec(text(), 0..3),
        prop::option::of(location()),
        prop::collection::vec(hint(), 0..3),
    )
        .prop_map(
            |(code, severity, message, causes, location, hints)| Diagnostic {
                rule: None,
                code,
                severity,
                message,
                causes,
                location,
                hints,
            },
        )
}

pub(crate) fn diagnostics(most: usize) -> impl Strategy<Value = Vec<Diagnostic>> {
    prop::collection::vec(diagnostic(), 0..=most)
}

/// A finding in a file and one without a place.
pub(crate) fn sample() -> Vec<Diagnostic> {
    let source = "[rollback]\nwindw = \"24h\"\n";
    vec![
        Diagnostic::error(Code::UnknownKey, "`windw` is not a key of [rollback]")
            .at(Location::of_span("conf/a,b.toml", source, 11..16))
            .cause("keys are checked")
            .hint_command("see every key", "switchback util schema"),
        Diagnostic::warning(Code::ValuesDrift, "100% of {0} differs"),
    ]
}
