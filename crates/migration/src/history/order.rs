//! Versions as tools compare them.

use std::cmp::Ordering;

/// A whole number of any size, as digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    /// Without zeros in front; empty for zero.
    digits: String,
}

impl Number {
    /// The number that ASCII digits with or without a sign write.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0').to_owned();
        Some(Number {
            negative: negative && !digits.is_empty(),
            digits,
        })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |n: &Self, m: &Self| {
            n.digits
                .len()
                .cmp(&m.digits.len())
                .then_with(|| n.digits.cmp(&m.digits))
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What migrations of one tool are ordered by, and what makes two of them the same. Those of one
/// folder are nearly always of one variant; where they are not, the variants follow each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A place in a list.
    Place(usize),
    /// A whole number.
    Int(i128),
    /// Numbers with dots between them, without zeros at the end: `1.0` is `1`.
    Dotted(Vec<Number>),
    /// Numbers of a folder, then of a name in it.
    Nested(Vec<Number>, Vec<Number>),
    /// A whole number, then bytes; both make two the same.
    Ranked(i128, String),
    /// Bytes.
    Text(String),
    /// Letters as a person sorts them, then bytes.
    Collated(Vec<(u8, u32)>, String),
}

impl Key {
    /// A dotted version as Flyway compares it: numbers between the dots (or `_`), and zeros at the
    /// end do not count. A dot that no digit follows belongs to the number before it, which makes it
    /// none.
    /// <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/api/MigrationVersion.java>
    pub(super) fn dotted(version: &str) -> Option<Self> {
        let version = version.replace('_', ".");
        let mut parts = Vec::new();
        let mut from = 0;
        let bytes = version.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                parts.push(Number::parse(version.get(from..at)?)?);
                from = at + 1;
            }
        }
        parts.push(Number::parse(version.get(from..)?)?);
        while parts.len() > 1 && parts.last().is_some_and(Number::is_zero) {
            parts.pop();
        }
        Some(Key::Dotted(parts))
    }

    /// A name as `String.prototype.localeCompare` orders it in Node.js without a locale of its own:
    /// the root collation of CLDR, in which `_` comes before digits, digits before letters, and case
    /// counts last. Exact for ASCII, and for other letters by code point.
    /// <https://cldr.unicode.org/index/charts>
    pub(super) fn collated(name: &str) -> Self {
        const PUNCTUATION: &str = "\t\n\u{b}\u{c}\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
        let mut weights: Vec<(u8, u32)> = name
            .chars()
            .map(|c| match PUNCTUATION.find(c) {
                Some(at) => (0, u32::try_from(at).unwrap_or(u32::MAX)),
                None if c.is_ascii_digit() => (1, u32::from(c)),
                None if c.is_ascii_alphabetic() => (2, u32::from(c.to_ascii_lowercase())),
                None => (3, u32::from(c)),
            })
            .collect();
        // The end sorts before everything, then small letters before capitals.
        weights.push((0, 0));
        weights.extend(name.chars().map(|c| (0, u32::from(c.is_ascii_uppercase()))));
        Key::Collated(weights, name.to_owned())
    }
}

/// Splits the ASCII digits off the front.
pub(super) fn digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}
