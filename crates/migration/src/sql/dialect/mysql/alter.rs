//! `ALTER TABLE` of MySQL.

use std::ops::Range;

use super::super::{Draft, Read};
use super::attributes;
use crate::sql::ir::{
    Alter, AlterAction, CreateIndex, Drop, Expr, IndexKey, Kind, Name, Node, Object, Statement,
};

/// What becomes of one change.
enum Change {
    /// The grammar has it.
    Kept,
    /// It was read.
    Read(AlterAction),
    /// It was read as a statement of its own.
    Beside(Kind),
}

/// Options of a table, which is all that a change with this first word sets.
const OPTIONS: [&str; 22] = [
    "algorithm",
    "auto_increment",
    "avg_row_length",
    "character",
    "charset",
    "checksum",
    "collate",
    "comment",
    "compression",
    "convert",
    "default",
    "disable",
    "enable",
    "engine",
    "force",
    "key_block_size",
    "lock",
    "order",
    "row_format",
    "stats_persistent",
    "with",
    "without",
];

pub(super) fn statement(kind: Kind, span: Range<usize>) -> Statement {
    Statement {
        span,
        kind,
        conditional: false,
    }
}

/// `ALTER TABLE` with one change.
pub(super) fn one(name: Name, action: AlterAction, span: Range<usize>) -> Kind {
    Kind::Alter(Alter {
        object: Object::Table,
        name,
        only: false,
        if_exists: false,
        actions: vec![(action, span)],
    })
}

/// What the grammar has stays, the rest is read here.
pub(super) fn table(draft: &mut Draft<'_>, read: &mut Read) {
    let if_exists = draft.are(2, &["if", "exists"]);
    let Some((table, begin)) = draft.name(if if_exists { 4 } else { 2 }) else {
        return;
    };
    let mut kept = false;
    for part in draft.parts(begin..draft.tokens.len()) {
        if part.is_empty() {
            continue;
        }
        let span = draft.span(&part);
        let change = change(draft, &part, &table, read);
        if matches!(change, Change::Kept) {
            // The comma before it stays if something stands before that.
            if !kept && part.start > begin {
                draft.drop(part.start - 1..part.start);
            }
            kept = true;
            continue;
        }
        draft.drop(part.clone());
        if part.start > begin {
            draft.drop(part.start - 1..part.start);
        }
        let kind = match change {
            Change::Read(action) => one(table.clone(), action, span.clone()),
            Change::Beside(kind) => kind,
            Change::Kept => continue,
        };
        read.besides.push(statement(kind, span));
    }
    draft.done = !kept;
}

fn change(draft: &mut Draft<'_>, part: &Range<usize>, table: &Name, read: &mut Read) -> Change {
    let at = part.start;
    let first = draft.word(at).unwrap_or_default();
    match first.as_str() {
        "add" => add(draft, part, table),
        "modify" | "change" => {
            redeclare(draft, part, read, first == "change");
            Change::Kept
        }
        "drop" => drop(draft, part),
        "rename" => rename(draft, part),
        // `ALTER a SET DEFAULT`
        "alter" => Change::Kept,
        _ if OPTIONS.contains(&first.as_str()) => Change::Read(AlterAction::SetOptions {
            options: vec![first],
        }),
        _ => Change::Read(AlterAction::Unknown {
            what: first.to_uppercase(),
        }),
    }
}

fn add(draft: &mut Draft<'_>, part: &Range<usize>, table: &Name) -> Change {
    let mut at = part.start + 1;
    let kind = ["fulltext", "spatial"];
    let special = draft.any(at, &kind);
    if special || draft.any(at, &["index", "key"]) {
        if special {
            at += 1;
        }
        if draft.any(at, &["index", "key"]) {
            at += 1;
        }
        return index(draft, at, part, table);
    }
    if draft.is(at, "column") {
        at += 1;
    }
    attributes(draft, at..part.end);
    Change::Kept
}

/// `ADD INDEX name (a, b)`.
fn index(draft: &mut Draft<'_>, at: usize, part: &Range<usize>, table: &Name) -> Change {
    let open = (at..part.end).find(|&at| draft.marks(at, b'('));
    let Some(open) = open else {
        return Change::Read(AlterAction::Unknown {
            what: "ADD INDEX".to_owned(),
        });
    };
    let name = if open > at { draft.word(at) } else { None };
    let close = draft.behind(open);
    let keys = draft
        .parts(open + 1..close.saturating_sub(1).max(open + 1))
        .into_iter()
        .filter_map(|key| {
            let column = draft.word(key.start)?;
            let span = draft.span(&(key.start..key.start + 1));
            let token = draft.tokens[key.start];
            Some(IndexKey {
                expr: Expr {
                    text: token.text(draft.sql).to_owned(),
                    span,
                    node: Node::Column(column),
                },
                options: String::new(),
            })
        })
        .collect();
    Change::Beside(Kind::CreateIndex(Box::new(CreateIndex {
        name: name.map(Name::plain),
        table: table.clone(),
        only: false,
        unique: false,
        concurrently: false,
        if_not_exists: false,
        method: "btree".to_owned(),
        keys,
        include: Vec::new(),
        predicate: None,
        nulls_not_distinct: false,
    })))
}

/// `MODIFY a type`, `CHANGE a b type`: read as a new column, and put right afterwards.
fn redeclare(draft: &mut Draft<'_>, part: &Range<usize>, read: &mut Read, renames: bool) {
    let word = draft.tokens[part.start].span();
    draft.put(word, "ADD");
    let mut at = part.start + 1;
    if draft.is(at, "column") {
        at += 1;
    }
    let old = draft.word(at).unwrap_or_default();
    if renames {
        draft.drop(at..at + 1);
        at += 1;
    }
    let begin = draft.span(part).start;
    read.changed.push((begin, old));
    attributes(draft, at..part.end);
}

fn drop(draft: &mut Draft<'_>, part: &Range<usize>) -> Change {
    let at = part.start + 1;
    if draft.any(at, &["index", "key"]) {
        let name = draft.word(at + 1).unwrap_or_default();
        return Change::Beside(Kind::Drop(Drop {
            object: Object::Index,
            names: vec![Name::plain(name)],
            on: None,
            if_exists: false,
            cascade: false,
            concurrently: false,
        }));
    }
    let constraint = |name: String| {
        Change::Read(AlterAction::DropConstraint {
            name,
            if_exists: false,
            cascade: false,
        })
    };
    if draft.are(at, &["foreign", "key"]) {
        return constraint(draft.word(at + 2).unwrap_or_default());
    }
    if draft.are(at, &["primary", "key"]) {
        return constraint("PRIMARY".to_owned());
    }
    if draft.is(at, "check") {
        return constraint(draft.word(at + 1).unwrap_or_default());
    }
    Change::Kept
}

fn rename(draft: &mut Draft<'_>, part: &Range<usize>) -> Change {
    let at = part.start + 1;
    let target = |at: usize| draft.word(at).unwrap_or_default();
    if draft.any(at, &["index", "key"]) {
        let name = Name::plain(target(at + 1));
        let action = AlterAction::Rename { to: target(at + 3) };
        return Change::Beside(Kind::Alter(Alter {
            object: Object::Index,
            name,
            only: false,
            if_exists: false,
            actions: vec![(action, draft.span(part))],
        }));
    }
    if draft.is(at, "column") {
        return Change::Kept;
    }
    // `RENAME b`, `RENAME TO b`, `RENAME AS b`
    let at = if draft.any(at, &["to", "as"]) {
        at + 1
    } else {
        at
    };
    match draft.name(at) {
        Some((to, _)) => Change::Read(AlterAction::Rename { to: to.name }),
        None => Change::Kept,
    }
}
