//! A constraint that needs an index builds it under the constraint's own lock. Built concurrently
//! before, it only has to be taken over.

use crate::facts::WorkKind;
use crate::lint::blocking::{action, blocked};
use crate::lint::context::{Context, Found, shown, who_waits};
use crate::sql::ir::{AlterAction, ConstraintKind, Kind, Name};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    if matches!(
        context.statement.kind,
        Kind::CreateIndex(_) | Kind::Reindex { .. }
    ) {
        return;
    }
    let builds = |kind: &WorkKind| matches!(kind, WorkKind::BuildIndex { .. });
    for one in blocked(context, builds) {
        // A table that is written anew has its indexes written anew with it.
        let anew = context.facts.work.iter().any(|work| {
            matches!(work.kind, WorkKind::Rewrite | WorkKind::Refresh)
                && one.tables.contains(&&work.table)
        });
        if anew {
            continue;
        }
        let table = shown(one.table());
        let message = format!(
            "an index is built on {table} while {}",
            who_waits(one.mode())
        );
        let bare = table.trim_matches('`').to_owned();
        let own = |it: &AlterAction| {
            matches!(
                it,
                AlterAction::AddConstraint(_) | AlterAction::AddColumn { .. }
            )
        };
        let why = !action(context, one.work).is_some_and(own);
        let item = one.report(context, found, message, why);
        let changes_type = matches!(action(context, one.work), Some(AlterAction::SetType { .. }));
        let advice = match action(context, one.work) {
            Some(AlterAction::AddConstraint(constraint)) => match &constraint.kind {
                ConstraintKind::Unique { columns, .. } => {
                    Some(("UNIQUE", plain(columns), constraint.name.as_deref()))
                }
                ConstraintKind::PrimaryKey { columns, .. } => {
                    Some(("PRIMARY KEY", plain(columns), constraint.name.as_deref()))
                }
                _ => None,
            },
            Some(AlterAction::AddColumn { column, .. }) => {
                item.safer(format!(
                    "add `{}` without the constraint, build a unique index with `CREATE UNIQUE \
                     INDEX CONCURRENTLY`, and add the constraint with `USING INDEX`",
                    column.name
                ));
                continue;
            }
            _ => None,
        };
        match advice {
            Some((word, columns, name)) => {
                let name =
                    name.map_or_else(|| "…".to_owned(), |name| Name::plain(name).to_string());
                item.safer(format!(
                    "`CREATE UNIQUE INDEX CONCURRENTLY {name} ON {bare} ({columns})` outside of a \
                     transaction, then `ADD CONSTRAINT {name} {word} USING INDEX {name}`"
                ));
                if word == "UNIQUE" {
                    item.planned(context.place.planned("add-unique"));
                } else {
                    item.safer("make the columns `NOT NULL` before, or every row is checked too");
                }
            }
            None if changes_type => {
                item.safer(
                    "drop the index with `DROP INDEX CONCURRENTLY` before, and build it again with \
                     `CREATE INDEX CONCURRENTLY` after",
                );
            }
            None => {
                item.safer(
                    "there is no way to build it while others write: do it while nothing uses the \
                     table, with a `lock_timeout`",
                );
            }
        }
    }
}

fn plain(columns: &[String]) -> String {
    let all: Vec<String> = columns
        .iter()
        .map(|column| Name::plain(column.as_str()).to_string())
        .collect();
    all.join(", ")
}
