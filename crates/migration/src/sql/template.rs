//! Placeholders of templates.

/// Whether a text that is no SQL has placeholders where SQL should stand: `{{ }}`, `{% %}`, `<% %>`,
/// `${…}`, `#{…}`.
pub(super) fn is_one(text: &str) -> bool {
    [
        ("{{", "}}"),
        ("{%", "%}"),
        ("<%", "%>"),
        ("${", "}"),
        ("#{", "}"),
    ]
    .iter()
    .any(|(open, close)| {
        text.find(open)
            .is_some_and(|at| text[at + open.len()..].contains(close))
    })
}
