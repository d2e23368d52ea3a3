//! The changes of a file that are certain to be right.

use super::Fix;
use super::context::{Context, Place};
use super::state::Inside;
use crate::facts::InTransaction;
use crate::history::{Tool, Wrapped};
use crate::sql::ir::{CreateIndex, Drop, Kind, Object, Span, Statement};

/// How long a lock is waited for where a fix sets a limit.
const WAIT: &str = "2s";

/// Lets writers through while an index is built. Nothing where that could fail: in a transaction
/// that stays one, on a partitioned table, or if the index may be there already.
pub(super) fn concurrently(context: &Context<'_>, index: &CreateIndex) -> Option<Fix> {
    let place = &context.place;
    let (_, table) = context.relation(&index.table)?;
    let partitioned = table.partition_by.is_some() || index.only;
    if partitioned || index.if_not_exists || context.statement.conditional {
        return None;
    }
    let at = after_index(place.text, &context.statement.span)?;
    let mut edits = vec![(at..at, " CONCURRENTLY".to_owned())];
    let mut title = "build the index with CONCURRENTLY".to_owned();
    match context.script.inside {
        None => {}
        Some(Inside::Tool) if place.statements.len() == 1 => {
            edits.insert(0, marker(place)?);
            title.push_str(", outside of a transaction");
        }
        Some(_) => return None,
    }
    Some(Fix { title, edits })
}

/// Sets a limit for how long locks are waited for, at the top of the script. Nothing where it would
/// reach further than meant: to a statement that waits for transactions, or into a file whose
/// checksum is kept beside it.
pub(super) fn lock_timeout(context: &Context<'_>) -> Option<Fix> {
    let place = &context.place;
    if matches!(place.tool(), Tool::Atlas | Tool::Drizzle) {
        return None;
    }
    let in_the_way = |statement: &Statement| {
        concurrent(statement)
            || match &statement.kind {
                Kind::Transaction(_) => true,
                Kind::Set { parameter, .. } => parameter == "lock_timeout" || parameter == "*",
                _ => false,
            }
    };
    if place.statements.iter().any(in_the_way) {
        return None;
    }
    let local = match place.part.transaction {
        Wrapped::Transaction | Wrapped::OneMessage => "LOCAL ",
        Wrapped::Nothing => "",
    };
    let at = top(place)?;
    let line_end = if place.text.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    Some(Fix {
        title: format!("wait at most {WAIT} for each lock"),
        edits: vec![(
            at..at,
            format!("SET {local}lock_timeout = '{WAIT}';{line_end}"),
        )],
    })
}

/// Whether a statement lets others through by waiting for their transactions, which no transaction
/// may hold.
pub(super) fn concurrent(statement: &Statement) -> bool {
    match &statement.kind {
        Kind::CreateIndex(index) => index.concurrently,
        Kind::Drop(Drop {
            object: Object::Index,
            concurrently,
            ..
        })
        | Kind::Reindex { concurrently, .. } => *concurrently,
        Kind::Vacuum { .. } => true,
        Kind::Alter(alter) => alter.actions.iter().any(|(action, _)| {
            matches!(
                action,
                crate::sql::ir::AlterAction::DetachPartition {
                    concurrently: true,
                    ..
                }
            )
        }),
        _ => false,
    }
}

/// How a tool is told to run a migration outside of a transaction, to follow a sentence.
pub(super) fn how_to_leave_transactions(tool: Tool) -> &'static str {
    match tool {
        Tool::Sqlx => ": `-- no-transaction` as its first line",
        Tool::Goose => ": `-- +goose NO TRANSACTION` at its top",
        Tool::Dbmate => ": `-- migrate:up transaction:false`",
        Tool::SqlMigrate => ": `-- +migrate Up notransaction`",
        Tool::Diesel => ": `run_in_transaction = false` in its `metadata.toml`",
        Tool::Atlas => ": `-- atlas:txmode none` at its top",
        Tool::Flyway => ": `executeInTransaction=false` in its `.conf`",
        Tool::Prisma | Tool::GolangMigrate => ": the only statement of its file",
        Tool::Refinery | Tool::Drizzle | Tool::NodePgMigrate | Tool::Supabase | Tool::Plain => "",
    }
}

/// The edit that makes the tool run this part outside of a transaction, where that is a mark in the
/// same file.
fn marker(place: &Place<'_>) -> Option<(Span, String)> {
    let text = place.text;
    let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
    match place.tool() {
        Tool::Sqlx => Some((bom..bom, "-- no-transaction\n".to_owned())),
        // It holds for both ways: the other one must not need its transaction.
        Tool::Goose if place.all.len() <= place.statements.len() + 1 => {
            Some((bom..bom, "-- +goose NO TRANSACTION\n".to_owned()))
        }
        Tool::Dbmate => {
            line_end(place, "-- migrate:").map(|at| (at..at, " transaction:false".to_owned()))
        }
        Tool::SqlMigrate => {
            line_end(place, "-- +migrate ").map(|at| (at..at, " notransaction".to_owned()))
        }
        _ => None,
    }
}

/// The end of the last line before the first statement that begins with a mark.
fn line_end(place: &Place<'_>, mark: &str) -> Option<usize> {
    let before = place.text.get(..place.start().start)?;
    let mut at = 0;
    let mut found = None;
    for line in before.split_inclusive('\n') {
        if line.starts_with(mark) {
            found = Some(at + line.trim_end().len());
        }
        at += line.len();
    }
    found
}

/// Where a statement can be put before all others of the script.
fn top(place: &Place<'_>) -> Option<usize> {
    let text = place.text;
    let start = place.part.span.start;
    let rest = text.get(start..)?;
    let starts_line = start == 0 || matches!(text.as_bytes().get(start - 1), Some(b'\n' | 0xbf));
    // The mark of a section and sqlx's first line stay where they are.
    let stays = !starts_line || rest.starts_with("-- no-transaction");
    if !stays {
        return Some(start);
    }
    let at = start + rest.find('\n')? + 1;
    (at <= place.start().start).then_some(at)
}

/// Where the word INDEX of `CREATE [UNIQUE] INDEX` ends.
fn after_index(text: &str, span: &Span) -> Option<usize> {
    let mut at = span.start;
    for _ in 0..3 {
        let rest = text.get(at..span.end)?;
        let rest = rest.trim_start();
        let start = span.end - rest.len();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        at = start + end;
        if rest[..end].eq_ignore_ascii_case("index") {
            return Some(at);
        }
        let before = ["create", "unique"];
        if !before
            .iter()
            .any(|word| rest[..end].eq_ignore_ascii_case(word))
        {
            return None;
        }
    }
    None
}

/// Whether a statement is refused in a transaction.
pub(super) fn refused(context: &Context<'_>) -> bool {
    context.facts.transaction == InTransaction::Refused
}
