//! Files that hold both ways of a migration, divided by markers in comments.

use std::ops::Range;

use super::Wrapped;

pub(super) mod dbmate;
pub(super) mod goose;
pub(super) mod node_pg_migrate;
pub(super) mod sql_migrate;

/// The ways that a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ways {
    /// Where the way up is, in bytes.
    pub(super) up: Range<usize>,
    /// Where the way down is.
    pub(super) down: Option<Range<usize>>,
    /// What is wrapped around the way up.
    pub(super) wrap_up: Wrapped,
    /// What is wrapped around the way down.
    pub(super) wrap_down: Wrapped,
}

/// A file divided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Divided {
    /// The migrations in it: one, or none if the markers make no sense; with dbmate more.
    pub(super) ways: Vec<Ways>,
    /// The statements as the tool sends them one by one, for tools that do; up, then down.
    pub(super) pieces: Vec<Range<usize>>,
    /// What the tool refuses, and where.
    pub(super) problems: Vec<(Range<usize>, String)>,
}

impl Divided {
    fn refuse(&mut self, at: Range<usize>, what: impl Into<String>) {
        self.problems.push((at, what.into()));
    }
}

/// The lines of a text as Go's `bufio.ScanLines` cuts them: their places without `\n`, and without a
/// `\r` before it; none after a last `\n`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut from = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = from;
        from += line.len();
        let cut = line.strip_suffix('\n').unwrap_or(line);
        let cut = cut.strip_suffix('\r').unwrap_or(cut);
        (cut, start..start + cut.len())
    })
}

/// Whether a line ends a statement for goose and sql-migrate: the last word before a comment ends
/// with `;`.
/// <https://github.com/pressly/goose/blob/520411a1/internal/sqlparser/parser.go>,
/// <https://github.com/rubenv/sql-migrate/blob/563a2f03/sqlparse/sqlparse.go>
fn ends_statement(line: &str) -> bool {
    line.split_whitespace()
        .take_while(|word| !word.starts_with("--"))
        .last()
        .is_some_and(|word| word.ends_with(';'))
}

/// A range of a text without the white space at both ends.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else {
        return range;
    };
    let start = range.start + (part.len() - part.trim_start().len());
    start..(start + part.trim().len())
}

/// The start of the line after the one that ends at `end`.
fn next_line(text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let line_break = match rest.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    };
    end + line_break
}
