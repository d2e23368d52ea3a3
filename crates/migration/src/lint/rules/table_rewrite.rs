//! A statement that writes a whole table and its indexes anew holds ACCESS EXCLUSIVE meanwhile:
//! every query on the table waits, for as long as it takes to copy it.

use crate::facts::WorkKind;
use crate::lint::blocking::{action, blocked};
use crate::lint::context::{Context, Found, shown, who_waits};
use crate::sql::ir::{AlterAction, Generated, Kind};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for one in blocked(context, |kind| *kind == WorkKind::Rewrite) {
        let table = one.table();
        let message = format!(
            "{} is written anew while {}",
            shown(table),
            who_waits(one.mode())
        );
        let item = one.report(context, found, message, true);
        match action(context, one.work) {
            Some(AlterAction::SetType { .. }) => {
                item.safer(
                    "add a column of the new type, keep both in step with a trigger, fill it in \
                     batches, move the code over, and drop the old one in a later release",
                )
                .planned(context.place.planned("change-type"));
            }
            Some(AlterAction::AddColumn { column, .. }) => {
                let name = &column.name;
                if matches!(column.generated, Some(Generated::Expression { .. })) {
                    item.safer(format!(
                        "add `{name}` as an ordinary column, let a trigger compute it, and fill \
                         the rows that are there in batches"
                    ));
                } else if column.default.is_some() {
                    item.safer(format!(
                        "add `{name}` without a default, give it one with `ALTER COLUMN {name} SET \
                         DEFAULT`, and fill the rows that are there in batches"
                    ));
                } else {
                    item.safer(format!(
                        "add `{name}` as a plain column, give new rows numbers with a sequence as \
                         default, and fill the rows that are there in batches"
                    ));
                }
            }
            Some(AlterAction::SetExpression { column, .. }) => {
                item.safer(format!(
                    "add a second column with the new expression, fill it in batches, and drop \
                     `{column}` in a later release"
                ));
            }
            _ if matches!(
                context.statement.kind,
                Kind::Vacuum { .. } | Kind::Cluster { .. }
            ) =>
            {
                item.safer("leave it out of migrations; pg_repack does the same without the lock");
            }
            _ => {
                item.safer("do it while nothing uses the table, with a `lock_timeout`");
            }
        }
    }
}
