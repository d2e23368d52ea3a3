//! MySQL and MariaDB.

mod alter;

use std::ops::Range;

use super::{Draft, Is, Read};
use crate::sql::ir::{AlterAction, Kind};

/// Reads a statement, or puts it into other words.
pub(super) fn read(draft: &mut Draft<'_>, read: &mut Read) -> Option<Kind> {
    if draft.any(0, &["use", "unlock", "show", "prepare"]) {
        return Some(Kind::Harmless {
            what: draft.word(0).unwrap_or_default().to_uppercase(),
        });
    }
    if draft.is(0, "lock") {
        return Some(lock(draft));
    }
    match draft.word(0).as_deref() {
        Some("rename") => rename(draft, read),
        Some("create") => create(draft),
        Some("alter") if draft.is(1, "table") => alter::table(draft, read),
        Some("drop") => drop(draft),
        Some("insert" | "replace") => insert(draft, read),
        Some("update") => update(draft),
        _ => {}
    }
    None
}

/// `LOCK TABLES a WRITE, b READ`.
fn lock(draft: &Draft<'_>) -> Kind {
    let parts = draft.parts(2..draft.tokens.len().max(2));
    let tables = parts
        .into_iter()
        .filter_map(|it| Some(draft.name(it.start)?.0));
    let write = draft.tokens.iter().any(|it| it.is(draft.sql, "write"));
    Kind::Lock {
        tables: tables.collect(),
        mode: if write { "WRITE" } else { "READ" }.to_owned(),
    }
}

/// `RENAME TABLE a TO b, c TO d`.
fn rename(draft: &mut Draft<'_>, read: &mut Read) {
    let mut all = Vec::new();
    for part in draft.parts(2..draft.tokens.len().max(2)) {
        let names = draft.name(part.start).and_then(|(table, behind)| {
            let (to, _) = draft.name(behind + 1)?;
            Some((table, to.name))
        });
        let Some((table, to)) = names else {
            return;
        };
        let span = draft.span(&part);
        let kind = alter::one(table, AlterAction::Rename { to }, span.clone());
        all.push(alter::statement(kind, span));
    }
    draft.done = true;
    read.besides.extend(all);
}

fn create(draft: &mut Draft<'_>) {
    let open = (0..draft.tokens.len()).find(|&at| draft.marks(at, b'('));
    let is_index = (1..4).any(|at| draft.is(at, "index"));
    if is_index {
        for at in 1..4 {
            if draft.any(at, &["fulltext", "spatial"]) {
                draft.drop(at..at + 1);
            }
        }
        let Some(open) = open else {
            return;
        };
        // `CREATE INDEX a USING BTREE ON t`
        if let Some(using) = (0..open).find(|&at| draft.is(at, "using")) {
            draft.drop(using..using + 2);
        }
        let close = draft.behind(open);
        prefixes(draft, open..close, false);
        draft.drop(close..draft.tokens.len());
    } else if (1..3).any(|at| draft.is(at, "table")) {
        let Some(open) = open else {
            return;
        };
        if (0..open).any(|at| draft.any(at, &["as", "select", "like"])) {
            return;
        }
        let close = draft.behind(open);
        let inner = open + 1..close.saturating_sub(1).max(open + 1);
        let mut before: Option<usize> = None;
        for part in draft.parts(inner) {
            if is_plain_key(draft, part.start) {
                // With the comma before or behind it.
                draft.drop(part.clone());
                match before {
                    Some(comma) => draft.drop(comma..comma + 1),
                    None => draft.drop(part.end..part.end + 1),
                }
                if before.is_none() {
                    continue;
                }
            } else {
                attributes(draft, part.clone());
            }
            before = Some(part.end);
        }
        draft.drop(close..draft.tokens.len());
    } else if draft.is(1, "or") && draft.is(2, "replace")
        || draft.is(1, "algorithm")
        || draft.is(1, "definer")
    {
        // `CREATE ALGORITHM = … DEFINER = … SQL SECURITY … VIEW`
        if let Some(view) = (1..20).find(|&at| draft.is(at, "view")) {
            let begin = if draft.is(1, "or") { 3 } else { 1 };
            draft.drop(begin..view);
        }
    }
}

/// Whether a part of a table is an index that no constraint has.
fn is_plain_key(draft: &Draft<'_>, at: usize) -> bool {
    let is_key = draft.any(at, &["key", "index"]) && !draft.marks(at + 1, b',');
    let typed = draft
        .tokens
        .get(at + 1)
        .is_some_and(|it| it.kind == Is::Word)
        && !draft.marks(at + 2, b'(')
        && !draft.is(at + 2, "using");
    (is_key && !typed) || draft.any(at, &["fulltext", "spatial"])
}

/// What a column or a constraint has beyond those of PostgreSQL.
fn attributes(draft: &mut Draft<'_>, part: Range<usize>) {
    let mut at = part.start;
    let is_unique = (at..at + 4).find(|&at| draft.is(at, "unique"));
    let starts_key = is_unique == Some(at)
        || draft.is(at, "constraint") && is_unique == Some(at + 2)
        || draft.is(at, "constraint") && is_unique == Some(at + 1);
    if let Some(unique) = is_unique.filter(|_| starts_key) {
        // `UNIQUE KEY name (…)`: a name before the list is left out.
        if let Some(open) = (unique..part.end).find(|&at| draft.marks(at, b'(')) {
            draft.drop(unique + 1..open);
            let close = draft.behind(open);
            prefixes(draft, open..close, true);
            draft.drop(close..part.end);
        }
        return;
    }
    let primary = (at..at + 4).find(|&at| draft.are(at, &["primary", "key"]));
    let is_list = primary.is_some_and(|it| it == at || draft.is(at, "constraint"));
    if let Some(primary) = primary.filter(|_| is_list) {
        if let Some(open) = (primary..part.end).find(|&at| draft.marks(at, b'(')) {
            draft.drop(primary + 2..open);
            let close = draft.behind(open);
            prefixes(draft, open..close, true);
            draft.drop(close..part.end);
        }
        return;
    }
    if draft.any(at, &["foreign", "constraint"]) {
        // `FOREIGN KEY name (…)`
        let key = (at..part.end).find(|&at| draft.are(at, &["foreign", "key"]));
        if let Some(key) = key
            && !draft.marks(key + 2, b'(')
        {
            draft.drop(key + 2..key + 3);
        }
        return;
    }
    while at < part.end {
        if draft.any(
            at,
            &[
                "auto_increment",
                "unsigned",
                "signed",
                "zerofill",
                "binary",
                "invisible",
                "visible",
                "first",
            ],
        ) && at > part.start
        {
            draft.drop(at..at + 1);
        } else if draft.are(at, &["character", "set"]) {
            draft.drop(at..at + 3);
            at += 2;
        } else if draft.any(at, &["charset", "comment", "after", "column_format"])
            && at > part.start
        {
            draft.drop(at..at + 2);
            at += 1;
        } else if draft.are(at, &["on", "update"])
            && draft.any(at + 2, &["current_timestamp", "now", "localtimestamp"])
        {
            let end = if draft.marks(at + 3, b'(') {
                draft.behind(at + 3)
            } else {
                at + 3
            };
            draft.drop(at..end);
            at = end - 1;
        } else if draft.is(at, "unique") && draft.is(at + 1, "key") {
            draft.drop(at + 1..at + 2);
        } else if draft.is(at, "set") && at == part.start + 1 && draft.marks(at + 1, b'(') {
            // A type of that name.
            let end = draft.behind(at + 1);
            draft.drop(at + 1..end);
            let word = draft.tokens[at].span();
            draft.put(word, "enu");
        } else if draft.is(at, "key") && at > part.start && !draft.is(at - 1, "primary") {
            draft.drop(at..at + 1);
        }
        at += 1;
    }
}

/// Lengths of prefixes in a list of columns, and the order where a constraint has none.
fn prefixes(draft: &mut Draft<'_>, tokens: Range<usize>, order: bool) {
    let mut at = tokens.start + 1;
    while at < tokens.end {
        let length = draft
            .tokens
            .get(at + 1)
            .is_some_and(|it| it.kind == Is::Number);
        if draft.marks(at, b'(') && length && draft.marks(at + 2, b')') {
            draft.drop(at..at + 3);
            at += 2;
        } else if order && draft.any(at, &["asc", "desc"]) {
            draft.drop(at..at + 1);
        }
        at += 1;
    }
}

/// `UPDATE a JOIN b ON … SET a.x = 1`: the tables that are only read are left out.
fn update(draft: &mut Draft<'_>) {
    let Some(set) = (0..draft.tokens.len()).find(|&at| draft.is(at, "set")) else {
        return;
    };
    let joins = [
        "join",
        "inner",
        "left",
        "right",
        "cross",
        "straight_join",
        "natural",
    ];
    let others = (1..set).find(|&at| draft.any(at, &joins) || draft.marks(at, b','));
    if let Some(others) = others {
        draft.drop(others..set);
    }
    let end = (set..draft.tokens.len()).find(|&at| draft.is(at, "where"));
    for part in draft.parts(set + 1..end.unwrap_or(draft.tokens.len())) {
        if draft.marks(part.start + 1, b'.') {
            draft.drop(part.start..part.start + 2);
        }
    }
}

/// `DROP INDEX a ON t`.
fn drop(draft: &mut Draft<'_>) {
    if draft.is(1, "index")
        && let Some(on) = (2..draft.tokens.len()).find(|&at| draft.is(at, "on"))
    {
        draft.drop(on..draft.tokens.len());
    } else if draft.is(1, "temporary") {
        draft.drop(1..2);
    }
}

/// `INSERT IGNORE`, `REPLACE`, `ON DUPLICATE KEY UPDATE`.
fn insert(draft: &mut Draft<'_>, read: &mut Read) {
    if draft.is(0, "replace") {
        let word = draft.tokens[0].span();
        draft.put(word, "INSERT");
        read.updates = true;
    }
    let into = (1..5).find(|&at| draft.is(at, "into"));
    if let Some(into) = into {
        draft.drop(1..into);
    }
    let end = (0..draft.tokens.len()).find(|&at| draft.are(at, &["on", "duplicate", "key"]));
    if let Some(end) = end {
        draft.drop(end..draft.tokens.len());
        read.updates = true;
    }
}
