//! SQLite.

use super::{Draft, Is};
use crate::sql::ir::{Drop, Kind, Object};
use crate::sql::words;

/// Reads a statement, or puts it into other words.
pub(super) fn read(draft: &mut Draft<'_>) -> Option<Kind> {
    if draft.is(0, "pragma") {
        return Some(pragma(draft));
    }
    if draft.any(0, &["attach", "detach"]) || draft.are(0, &["create", "virtual"]) {
        return Some(draft.unknown(3));
    }
    if draft.are(0, &["drop", "trigger"]) {
        let if_exists = draft.are(2, &["if", "exists"]);
        let (name, _) = draft.name(if if_exists { 4 } else { 2 })?;
        return Some(Kind::Drop(Drop {
            object: Object::Trigger,
            names: vec![name],
            on: None,
            if_exists,
            cascade: false,
            concurrently: false,
        }));
    }
    // `INSERT OR IGNORE`, `UPDATE OR REPLACE`, `REPLACE INTO`
    if draft.any(0, &["insert", "update"]) && draft.is(1, "or") {
        draft.drop(1..3);
    } else if draft.are(0, &["replace", "into"]) {
        let word = draft.tokens[0].span();
        draft.put(word, "INSERT");
    } else if draft.is(0, "create") && (1..3).any(|at| draft.is(at, "table")) {
        table(draft);
    } else if draft.are(0, &["alter", "table"]) {
        attributes(draft, 0..draft.tokens.len());
    }
    operators(draft);
    None
}

/// `PRAGMA a = b`, `PRAGMA a(b)`: a setting of the session.
fn pragma(draft: &Draft<'_>) -> Kind {
    let mut at = 1;
    let mut name = draft.word(at).unwrap_or_default();
    while draft.marks(at + 1, b'.') {
        at += 2;
        name = draft.word(at).unwrap_or_default();
    }
    let values = draft
        .tokens
        .iter()
        .skip(at + 1)
        .filter(|it| !matches!(it.kind, Is::Mark(_)));
    Kind::Set {
        parameter: name,
        values: values
            .map(|it| words::string(it.text(draft.sql)).to_lowercase())
            .collect(),
        local: false,
    }
}

fn table(draft: &mut Draft<'_>) {
    let Some(open) = (0..draft.tokens.len()).find(|&at| draft.marks(at, b'(')) else {
        return;
    };
    if (0..open).any(|at| draft.is(at, "as")) {
        return;
    }
    let close = draft.behind(open);
    attributes(draft, open..close);
    for part in draft.parts(open + 1..close.saturating_sub(1).max(open + 1)) {
        constraints(draft, part);
    }
    // `WITHOUT ROWID`, `STRICT`
    draft.drop(close..draft.tokens.len());
}

/// What columns and constraints have beyond those of PostgreSQL.
fn attributes(draft: &mut Draft<'_>, tokens: std::ops::Range<usize>) {
    for at in tokens {
        if draft.any(at, &["autoincrement", "unsigned"]) {
            draft.drop(at..at + 1);
        } else if draft.are(at, &["on", "conflict"]) {
            draft.drop(at..at + 3);
        } else if draft.is(at, "key") && draft.any(at + 1, &["asc", "desc"]) {
            draft.drop(at + 1..at + 2);
        } else if draft.is(at, "default")
            && draft
                .tokens
                .get(at + 1)
                .is_some_and(|it| it.kind == Is::Quoted)
        {
            // A string in double quotes.
            let token = draft.tokens[at + 1];
            draft.requote(token, b'\'');
        }
    }
}

/// Constraints of a table need no comma between them.
fn constraints(draft: &mut Draft<'_>, part: std::ops::Range<usize>) {
    let first = ["constraint", "foreign", "primary", "unique", "check"];
    let of_table = draft.any(part.start, &first);
    for at in part.start + 1..part.end {
        let begins = draft.are(at, &["foreign", "key"]) && !draft.is(at - 2, "constraint")
            || of_table && draft.is(at, "constraint")
            || of_table
                && draft.any(at, &["unique", "primary", "check"])
                && draft.marks(at - 1, b')');
        let gap = draft.tokens[at - 1].end..draft.tokens[at].start;
        if begins && !gap.is_empty() {
            draft.put(gap, ",");
        }
    }
}

/// `==` is another way to write `=`.
fn operators(draft: &mut Draft<'_>) {
    for at in 0..draft.tokens.len() {
        let joined = |draft: &Draft<'_>| draft.tokens[at].end == draft.tokens[at + 1].start;
        if draft.marks(at, b'=') && draft.marks(at + 1, b'=') && joined(draft) {
            draft.drop(at + 1..at + 2);
        }
    }
}
