//! Where in the SQL of a migration something is.

use std::ops::Range;

use crate::history::Statement;

/// How much of a statement is kept.
const KEPT: usize = 400;

/// A statement of a text, and the place in it, if that is known.
pub(crate) fn statement(text: &str, span: Range<usize>, at: Option<usize>) -> Statement {
    let whole = text.get(span.clone()).unwrap_or_default();
    let kept = match whole.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole.to_owned(),
    };
    Statement {
        line: line(text, at.unwrap_or(span.start)),
        span,
        at,
        text: kept,
    }
}

/// The line of a place, from 1.
pub(crate) fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
