//! Source code as tokens.
//!
//! Deliberately absent: regular expressions of JavaScript, numbers, and strings with code inside.

use std::ops::Range;

use super::paths;

/// A language that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Go,
    Python,
    /// JavaScript and TypeScript.
    Script,
    CSharp,
}

impl Language {
    /// The language of a file, by its ending.
    pub(super) fn of(path: &str) -> Option<Self> {
        match paths::ending(path).as_str() {
            "rs" => Some(Language::Rust),
            "go" => Some(Language::Go),
            "py" => Some(Language::Python),
            "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" | "jsx" | "tsx" => Some(Language::Script),
            "cs" => Some(Language::CSharp),
            _ => None,
        }
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A string; its text is what stands between the quotes.
    Text,
    /// One character of anything else.
    Sign,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

/// The tokens of a text, without comments.
pub(super) fn tokens(language: Language, text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let b = bytes[at];
        let rest = &text[at..];
        if b.is_ascii_whitespace() {
            at += 1;
        } else if let Some(length) = comment(language, rest) {
            at += length.max(1);
        } else if let Some((inner, length)) = string(language, rest) {
            found.push(Token {
                kind: Kind::Text,
                text: &rest[inner],
                span: at..at + length,
            });
            at += length.max(1);
        } else if b.is_ascii_alphabetic() || b == b'_' || b >= 0x80 {
            let length = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len())
                .max(rest.chars().next().map_or(1, char::len_utf8));
            found.push(Token {
                kind: Kind::Name,
                text: &rest[..length],
                span: at..at + length,
            });
            at += length;
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            found.push(Token {
                kind: Kind::Sign,
                text: &rest[..length],
                span: at..at + length,
            });
            at += length;
        }
    }
    found
}

/// The length of the comment that a text begins with.
fn comment(language: Language, rest: &str) -> Option<usize> {
    if language == Language::Python {
        return rest
            .starts_with('#')
            .then(|| rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    None
}

/// What stands between the quotes of the string that a text begins with, and how long it is with
/// them.
fn string(language: Language, rest: &str) -> Option<(Range<usize>, usize)> {
    let until = |from: usize, end: &str| {
        let at = rest[from..].find(end).map_or(rest.len(), |at| from + at);
        (from..at, (at + end.len()).min(rest.len()))
    };
    let escaped = |quote: u8| {
        let bytes = rest.as_bytes();
        let mut at = 1;
        while at < bytes.len() && bytes[at] != quote {
            // A string that was never closed ends with its line.
            if bytes[at] == b'\n' {
                break;
            }
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let mut end = at.min(bytes.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        (1..end, (end + 1).min(rest.len()))
    };
    match language {
        Language::Rust => {
            if let Some(raw) = rest.strip_prefix('r') {
                let hashes = raw.len() - raw.trim_start_matches('#').len();
                if raw[hashes..].starts_with('"') {
                    return Some(until(hashes + 2, &format!("\"{}", "#".repeat(hashes))));
                }
            }
            if let Some(inside) = rest.strip_prefix('\'') {
                // A character or a lifetime.
                let mut chars = inside.char_indices();
                let first = chars.next()?.1;
                if first == '\\' {
                    return Some(escaped(b'\''));
                }
                let (next, after) = chars.next()?;
                return (after == '\'').then(|| (1..next + 1, next + 2));
            }
            rest.starts_with('"').then(|| many_lines(rest))
        }
        Language::Go => match rest.as_bytes().first()? {
            b'`' => Some(until(1, "`")),
            quote @ (b'"' | b'\'') => Some(escaped(*quote)),
            _ => None,
        },
        Language::Python => {
            for quote in ["\"\"\"", "'''"] {
                if rest.starts_with(quote) {
                    return Some(until(3, quote));
                }
            }
            match rest.as_bytes().first()? {
                quote @ (b'"' | b'\'') => Some(escaped(*quote)),
                _ => None,
            }
        }
        Language::Script => match rest.as_bytes().first()? {
            b'`' => Some(until(1, "`")),
            quote @ (b'"' | b'\'') => Some(escaped(*quote)),
            _ => None,
        },
        Language::CSharp => match rest.as_bytes().first()? {
            b'@' if rest[1..].starts_with('"') => Some(until(2, "\"")),
            quote @ (b'"' | b'\'') => Some(escaped(*quote)),
            _ => None,
        },
    }
}

/// A string of Rust, which may go over several lines.
fn many_lines(rest: &str) -> (Range<usize>, usize) {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let mut end = at.min(bytes.len());
    while !rest.is_char_boundary(end) {
        end += 1;
    }
    (1..end, (end + 1).min(rest.len()))
}
