//! Files of no form: nothing but a version, or lines that are marked.

use super::{Found, Problem, Wrong, bounded};
use crate::changelog::{Lines, Span};

/// What marks a line whose version is that of the component.
pub const MARK: &str = "x-switchback-version";

/// A file with nothing in it but a version, perhaps with a `v` and white space around it.
pub(super) fn plain(text: &str) -> Result<Vec<Found>, Wrong> {
    let start = text.len() - text.trim_start().len();
    let version = text.trim();
    if version.is_empty() {
        return Ok(Vec::new());
    }
    let bare = version.strip_prefix('v').unwrap_or(version);
    let end = start + version.len();
    let span = Span::new(end - bare.len(), end);
    Ok(vec![Found::new(span, "the text")])
}

/// The version of each line with [`MARK`].
pub(super) fn marked(text: &str) -> Result<Vec<Found>, Wrong> {
    let lines = Lines::of(text.as_bytes());
    let mut found = Vec::new();
    let mut last = 0;
    for (at, _) in text.match_indices(MARK) {
        let number = lines.line(at);
        // A line may say it twice.
        if number == last {
            continue;
        }
        last = number;
        let line = lines.span(number);
        found.push(in_line(line.text(text), line.start)?);
    }
    Ok(found)
}

/// The one version of a line that begins at a byte.
fn in_line(line: &str, start: usize) -> Result<Found, Wrong> {
    let cores = cores(line);
    let [core] = cores.as_slice() else {
        let count = cores.len();
        return Err(Wrong::new(start, Problem::MarkedLine { count }));
    };
    // What belongs to a version may not touch it on either side: replacing a part of `1.2.3.4` or of
    // `linux-1.2.3.tar` would be a guess.
    let part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '+');
    let before = line.get(..core.start).unwrap_or_default();
    let behind = line.get(core.start..).unwrap_or_default();
    let lead = before.len() - before.trim_end_matches(part).len();
    let end = core.start + behind.find(|it| !part(it)).unwrap_or(behind.len());
    let word = line.get(core.start - lead..end).unwrap_or_default();
    // A full stop that ends a sentence is none of a version.
    let end = end - (word.len() - word.trim_end_matches('.').len());
    let bare = lead == 0 || word.starts_with('v') && lead == 1;
    let version = line.get(core.start..end).unwrap_or_default();
    if !bare || semver::Version::parse(version).is_err() {
        let problem = Problem::NotSemVer {
            what: "what is marked".to_owned(),
            text: bounded(word),
        };
        return Err(Wrong::new(start, problem));
    }
    let span = Span::new(start + core.start, start + end);
    Ok(Found::new(span, "what is marked"))
}

/// Every `1.2.3` of a line: three numbers with dots between, whatever stands around it.
fn cores(line: &str) -> Vec<Span> {
    let bytes = line.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = digits(at);
        if end == at {
            at += 1;
            continue;
        }
        let mut next = end;
        let mut dots = 0;
        while dots < 2 && bytes.get(next) == Some(&b'.') {
            let after = digits(next + 1);
            if after == next + 1 {
                break;
            }
            next = after;
            dots += 1;
        }
        if dots == 2 {
            found.push(Span::new(at, next));
            // What follows without a gap belongs to the same word, such as the rest of `1.2.3.4.5.6`.
            let rest = bytes.get(next..).unwrap_or_default();
            let word = |it: &u8| !it.is_ascii_alphanumeric() && !b".-+".contains(it);
            at = next + rest.iter().position(word).unwrap_or(rest.len());
        } else {
            at = end;
        }
    }
    found
}
