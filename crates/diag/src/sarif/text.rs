//! Texts as the format wants them.

use std::fmt::Write as _;

use crate::escape::is_deceptive;

/// A text that holds neither placeholders (§3.11.5) nor links (§3.11.6), whatever it looks like:
/// braces are doubled, and the bracket that would end the text of a link gets a backslash, as do
/// the backslashes before it.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut backslashes = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == ']' && rest.peek() == Some(&'(') {
            (0..=backslashes).for_each(|_| out.push('\\'));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        push(&mut out, c);
    }
    out
}

/// Markdown of our own pages: it has no placeholders either, and its links are meant.
pub(super) fn formatted(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    markdown.chars().for_each(|c| push(&mut out, c));
    out
}

fn push(out: &mut String, c: char) {
    out.push(c);
    if matches!(c, '{' | '}') {
        out.push(c);
    }
}

/// JSON in which characters that could deceive a reader of the file are escapes. Such characters
/// stand only inside of strings, where an escape means the same.
pub(super) fn shown(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_holds_a_placeholder() {
        assert_eq!(plain("'{}'::jsonb {0}"), "'{{}}'::jsonb {{0}}");
        assert_eq!(formatted("`{a}` [b](c)"), "`{{a}}` [b](c)");
    }

    #[test]
    fn no_text_holds_a_link() {
        assert_eq!(plain("[a](b) [c] (d)"), r"[a\](b) [c] (d)");
        assert_eq!(plain(r"[a\](b)"), r"[a\\\](b)");
        assert_eq!(plain(r"[a\\](b)"), r"[a\\\\\](b)");
        assert_eq!(plain(r"a\b]"), r"a\b]");
    }

    #[test]
    fn json_that_is_shown_means_the_same() {
        let value = serde_json::json!({"a\u{202e}": "\u{7f}\u{9b}\u{e0001}\u{1f682}\n"});
        let json = shown(&value.to_string());
        assert_eq!(
            json,
            "{\"a\\u202e\":\"\\u007f\\u009b\\udb40\\udc01\u{1f682}\\n\"}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json).unwrap(),
            value
        );
    }
}
