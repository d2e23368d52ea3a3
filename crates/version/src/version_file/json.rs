//! JSON: manifests of npm. A file is read by `serde_json` first; the scanner that finds the places
//! has to do with valid JSON only.

use serde::de::IgnoredAny;

use super::{Found, Problem, Wrong, bounded};
use crate::changelog::{Lines, Span};

pub(super) fn package(text: &str) -> Result<Vec<Found>, Wrong> {
    let top = object(text)?;
    let version = one(&top, "version")?;
    let found = version.map(|it| plain(text, it, "version")).transpose()?;
    Ok(found.into_iter().collect())
}

pub(super) fn lock(text: &str) -> Result<Vec<Found>, Wrong> {
    let top = object(text)?;
    let mut found = Vec::new();
    if let Some(version) = one(&top, "version")? {
        found.push(plain(text, version, "version")?);
    }
    if let Some(packages) = one(&top, "packages")? {
        let packages = members(text, packages.value.start);
        if let Some(package) = one(&packages, "")? {
            let package = members(text, package.value.start);
            if let Some(version) = one(&package, "version")? {
                found.push(plain(text, version, "packages[\"\"].version")?);
            }
        }
    }
    Ok(found)
}

/// A member of an object.
struct Member {
    key: String,
    /// The value, with its quotes or brackets.
    value: Span,
}

/// The members of the object that a file is.
fn object(text: &str) -> Result<Vec<Member>, Wrong> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let lines = Lines::of(text.as_bytes());
        let at = lines.span(error.line()).start;
        let reason = bounded(&error.to_string());
        return Err(Wrong::new(at, Problem::Syntax { reason }));
    }
    let start = blank(text.as_bytes(), 0);
    if text.as_bytes().get(start) == Some(&b'{') {
        return Ok(members(text, start));
    }
    let reason = "it holds no object".to_owned();
    Err(Wrong::new(start, Problem::Syntax { reason }))
}

/// The only member with a key.
fn one<'m>(members: &'m [Member], key: &str) -> Result<Option<&'m Member>, Wrong> {
    let mut all = members.iter().filter(|it| it.key == key);
    let first = all.next();
    match all.next() {
        None => Ok(first),
        Some(second) => {
            let what = key.to_owned();
            Err(Wrong::new(second.value.start, Problem::Twice { what }))
        }
    }
}

/// The text of a member without its quotes, where it stands there as it is.
fn plain(text: &str, member: &Member, what: &str) -> Result<Found, Wrong> {
    let written = member.value.text(text);
    let inner = written
        .strip_prefix('"')
        .and_then(|it| it.strip_suffix('"'));
    if inner.is_some_and(|it| !it.contains('\\')) {
        let span = Span::new(member.value.start + 1, member.value.end - 1);
        return Ok(Found::new(span, what));
    }
    let what = what.to_owned();
    Err(Wrong::new(member.value.start, Problem::NotPlain { what }))
}

/// The members of the object that begins at a byte; none where no object does.
fn members(text: &str, start: usize) -> Vec<Member> {
    let bytes = text.as_bytes();
    let mut members = Vec::new();
    if bytes.get(start) != Some(&b'{') {
        return members;
    }
    let mut at = blank(bytes, start + 1);
    while bytes.get(at) == Some(&b'"') {
        let end = end_of_string(bytes, at);
        let key = serde_json::from_str(Span::new(at, end).text(text)).unwrap_or_default();
        // A colon follows, and after the value a comma or the end.
        let from = blank(bytes, blank(bytes, end) + 1);
        let to = end_of_value(bytes, from);
        members.push(Member {
            key,
            value: Span::new(from, to),
        });
        at = blank(bytes, to);
        if bytes.get(at) != Some(&b',') {
            break;
        }
        at = blank(bytes, at + 1);
    }
    members
}

/// The first byte from `at` on that is no white space.
fn blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The byte after the string that begins at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The byte after the value that begins at `at`.
fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            // The end of what the value is in: the value is a number or a word.
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}
