//! The outermost shape of SQL in any dialect: words, strings, comments and signs.
//!
//! Just enough to see which dialect a text is in and what its statements begin with. What a dialect
//! makes of it is [`crate::sql`]'s work.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name without quotes.
    Word,
    /// A number.
    Number,
    /// A name in the given quotes: `"`, `` ` `` or `[`.
    Quoted(u8),
    /// A string in `'`.
    String,
    /// A string in `$$` or `$tag$`.
    Dollar,
    /// Any other sign.
    Sign(u8),
}

/// A token and its place.
#[derive(Debug, Clone)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it is, in bytes.
    pub(super) span: Range<usize>,
}

/// The tokens of a text, without comments.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let bytes = text.as_bytes();
    let mut at = 0;
    // A string that does not end is looked for up to the end of the text: not without a limit.
    let mut open_strings = 0;
    std::iter::from_fn(move || {
        at = skip(bytes, at);
        let first = *bytes.get(at)?;
        let start = at;
        let kind = match first {
            b'\'' => {
                at = quoted(bytes, at + 1, b'\'');
                Kind::String
            }
            b'"' | b'`' => {
                at = quoted(bytes, at + 1, first);
                Kind::Quoted(first)
            }
            b'$' if open_strings < 100 => match dollar(bytes, at) {
                Dollar::Ends(end) => {
                    at = end;
                    Kind::Dollar
                }
                other => {
                    open_strings += usize::from(matches!(other, Dollar::Open));
                    at += 1;
                    Kind::Sign(first)
                }
            },
            b'0'..=b'9' => {
                at = run(bytes, at, |b| b.is_ascii_alphanumeric() || b == b'.');
                Kind::Number
            }
            _ if is_letter(first) => {
                at = run(bytes, at, |b| {
                    is_letter(b) || b.is_ascii_digit() || b == b'$'
                });
                Kind::Word
            }
            _ => {
                at += 1;
                Kind::Sign(first)
            }
        };
        Some(Token {
            kind,
            span: start..at,
        })
    })
}

/// Whether a byte begins a word. All bytes beyond ASCII do, so that no token cuts a character.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn run(bytes: &[u8], from: usize, keep: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .skip(from)
        .position(|b| !keep(*b))
        .map_or(bytes.len(), |n| from + n)
}

/// The first byte that is neither white space nor in a comment. `#` begins a comment only where a
/// line begins, because PostgreSQL has operators with it.
fn skip(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, ..] => at += 1,
            [0xef, 0xbb, 0xbf, ..] => at += 3,
            [b'-', b'-', ..] => at = line_end(bytes, at),
            [b'#', ..] if begins_line(bytes, at) => at = line_end(bytes, at),
            [b'/', b'*', ..] => at = comment_end(bytes, at + 2),
            _ => return at,
        }
    }
}

fn begins_line(bytes: &[u8], at: usize) -> bool {
    bytes
        .iter()
        .take(at)
        .rev()
        .find(|b| !matches!(b, b' ' | b'\t'))
        .is_none_or(|b| *b == b'\n')
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    run(bytes, from, |b| b != b'\n')
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 1_usize;
    while depth > 0 {
        match bytes.get(at..).unwrap_or_default() {
            [] => return bytes.len(),
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
            }
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    at
}

/// The end of what began with `quote`, which doubled stands for itself.
fn quoted(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    loop {
        match bytes.get(at..).unwrap_or_default() {
            [] => return bytes.len(),
            [a, b, ..] if *a == quote && *b == quote => at += 2,
            [a, ..] if *a == quote => return at + 1,
            _ => at += 1,
        }
    }
}

/// What a `$` begins.
enum Dollar {
    /// A string with its end.
    Ends(usize),
    /// A string without one.
    Open,
    /// No string.
    No,
}

fn dollar(bytes: &[u8], at: usize) -> Dollar {
    let after = bytes.get(at + 1..).unwrap_or_default();
    let length = run(after, 0, |b| is_letter(b) || b.is_ascii_digit());
    let begins = after.get(length) == Some(&b'$') && !after.first().is_some_and(u8::is_ascii_digit);
    if !begins {
        return Dollar::No;
    }
    let body = at + length + 2;
    let (Some(tag), Some(rest)) = (bytes.get(at..body), bytes.get(body..)) else {
        return Dollar::No;
    };
    match rest.windows(tag.len()).position(|window| window == tag) {
        Some(found) => Dollar::Ends(body + found + tag.len()),
        None => Dollar::Open,
    }
}

/// The words that each statement begins with outside of parentheses, in capitals, at most `most`.
/// Statements end at `;`.
pub(super) fn beginnings(text: &str, most: usize) -> Vec<Vec<String>> {
    let mut statements = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut any = false;
    let mut depth = 0_usize;
    for token in tokens(text) {
        match token.kind {
            Kind::Sign(b';') => {
                if any {
                    statements.push(std::mem::take(&mut words));
                }
                any = false;
                depth = 0;
                continue;
            }
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 && words.len() < most => {
                let word = text.get(token.span).unwrap_or_default();
                words.push(word.to_ascii_uppercase());
            }
            _ => {}
        }
        any = true;
    }
    if any {
        statements.push(words);
    }
    statements
}
