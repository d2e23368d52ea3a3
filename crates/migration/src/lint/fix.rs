//! Fixes, put into the text of a file.
//!
//! A fix is whole or not at all: all of its edits, or none. Of fixes that are in each other's way
//! the first wins; checking what came out and fixing again does the rest.

use super::Fix;
use crate::sql::ir::Span;

/// What came of putting fixes into a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The text with the edits; every other byte is as it was.
    pub text: String,
    /// How many fixes are in it.
    pub applied: usize,
    /// How many were in the way of an earlier one, or do not fit the text.
    pub left: usize,
}

/// Puts fixes into a text, the first of the list first.
pub fn apply<'f>(text: &str, fixes: impl IntoIterator<Item = &'f Fix>) -> Fixed {
    let mut edits: Vec<&(Span, String)> = Vec::new();
    let (mut applied, mut left) = (0, 0);
    for fix in fixes {
        let fits = |edit: &(Span, String)| text.get(edit.0.clone()).is_some();
        let mut both: Vec<&(Span, String)> = edits.iter().copied().chain(&fix.edits).collect();
        both.sort_by_key(|(span, _)| (span.start, span.end));
        let apart = both.windows(2).all(|pair| apart(&pair[0].0, &pair[1].0));
        if !fix.edits.is_empty() && fix.edits.iter().all(fits) && apart {
            edits = both;
            applied += 1;
        } else {
            left += 1;
        }
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for (span, with) in edits {
        out.push_str(&text[done..span.start]);
        out.push_str(with);
        done = span.end;
    }
    out.push_str(&text[done..]);
    Fixed {
        text: out,
        applied,
        left,
    }
}

/// Whether two places, the first of which begins no later, have nothing in common. Two insertions
/// at one place have: their order would matter.
fn apart(one: &Span, other: &Span) -> bool {
    one.end <= other.start && one.start != other.start
}
