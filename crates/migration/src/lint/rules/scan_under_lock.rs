//! A statement that checks every row of a table holds its lock meanwhile. What is checked can be
//! added as NOT VALID and validated later, under a lock that nobody waits for.

use crate::facts::WorkKind;
use crate::facts::compat::Effect;
use crate::lint::blocking::{action, blocked};
use crate::lint::context::{Context, Found, shown, who_waits};
use crate::sql::ir::{AlterAction, AlterDomainAction, Column, ConstraintKind, Kind, Name};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for one in blocked(context, |kind| *kind == WorkKind::Scan) {
        // A column that must not be null and has no value fails at the first row.
        let fails = context.effects.iter().any(|(effect, span)| {
            matches!(effect, Effect::RequiresColumn { .. }) && *span == one.work.span
        });
        if fails {
            continue;
        }
        let read = shown(&one.work.table);
        let waits = one
            .locks
            .iter()
            .find(|lock| one.tables.contains(&&lock.relation))
            .or(one.locks.first());
        let message = match waits {
            Some(lock) if lock.relation != one.work.table => format!(
                "every row of {read} is checked while of {} {}",
                shown(&lock.relation),
                who_waits(lock.mode)
            ),
            _ => format!(
                "every row of {read} is checked while {}",
                who_waits(one.mode())
            ),
        };
        let table = shown(one.table());
        let check = |it: &AlterAction| matches!(it, AlterAction::AddConstraint(_));
        let why = !action(context, one.work).is_some_and(check);
        let item = one.report(context, found, message, why);
        let later = "in a later migration";
        match action(context, one.work) {
            Some(AlterAction::SetNotNull { column }) => {
                let column = Name::plain(column.as_str());
                item.safer(format!(
                    "`ADD CONSTRAINT … CHECK ({column} IS NOT NULL) NOT VALID`, {later} `VALIDATE \
                     CONSTRAINT`, then `SET NOT NULL`, which takes the check as proof, and drop it"
                ));
                if context.place.major >= 18 {
                    item.safer(format!(
                        "`ADD CONSTRAINT … NOT NULL {column} NOT VALID`, and {later} `VALIDATE \
                         CONSTRAINT`"
                    ));
                }
                item.planned(context.place.planned("add-not-null"));
            }
            Some(AlterAction::AddConstraint(constraint)) => match &constraint.kind {
                ConstraintKind::PrimaryKey { .. } => {
                    item.safer(
                        "make the columns NOT NULL first, by way of a validated check, and add the \
                         key with `USING INDEX`",
                    );
                }
                _ => {
                    item.safer(format!(
                        "add it with `NOT VALID`, and `VALIDATE CONSTRAINT` {later}"
                    ))
                    .planned(context.place.planned("add-check"));
                }
            },
            Some(AlterAction::AddColumn { column, .. }) => {
                item.safer(match what_scans(column) {
                    true => format!(
                        "add the column without the check, add the check with `NOT VALID`, and \
                         `VALIDATE CONSTRAINT` {later}"
                    ),
                    false => "add the column without `NOT NULL`, fill it, and make it `NOT NULL` \
                              by way of a validated check"
                        .to_owned(),
                });
            }
            Some(AlterAction::AttachPartition { .. }) => {
                item.safer(format!(
                    "before, add a CHECK to {read} that says the same as the partition's bounds, \
                     `NOT VALID`, and `VALIDATE` it: ATTACH takes it as proof"
                ));
                if one.table() != &one.work.table {
                    item.safer(format!(
                        "give the default partition {table} a validated CHECK that excludes the \
                         new bounds"
                    ));
                }
            }
            _ => match &context.statement.kind {
                Kind::AlterDomain {
                    action: AlterDomainAction::AddConstraint(_),
                    ..
                } => {
                    item.safer(format!(
                        "`ALTER DOMAIN … ADD CONSTRAINT … NOT VALID`, and `VALIDATE CONSTRAINT` \
                         {later}"
                    ));
                }
                Kind::CreateTable(_) => {
                    item.safer(
                        "give the default partition a validated CHECK that excludes the new \
                         bounds before",
                    );
                }
                _ => {
                    item.safer("do it while nothing uses the table, with a `lock_timeout`");
                }
            },
        }
    }
}

/// Whether a check of its own makes a new column's rows be read.
fn what_scans(column: &Column) -> bool {
    let is_check = |kind: &ConstraintKind| matches!(kind, ConstraintKind::Check(_));
    column.constraints.iter().any(|it| is_check(&it.kind))
}
