//! Code from before a migration still runs while it is deployed, and a rollback brings it back. A
//! column that it names and that is gone makes its queries fail.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown_column};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::RemovesColumn {
            table,
            column,
            computed,
        } = effect
        else {
            continue;
        };
        if context.script.is_own_column(table, column) {
            continue;
        }
        let name = shown_column(table, column);
        let item = found.report(
            span,
            format!("{name} goes, and code that is live or may come back may use it"),
        );
        item.table(table)
            .unless(Unless::Column(table.clone(), column.clone()));
        if !computed {
            item.cause("what is in it is gone as well, and no way down brings it back");
        }
        item.safer(
            "drop it in a migration of its own, when no version that reads or writes it can come \
             back, and allow it there with that reason",
        )
        .planned(context.place.planned("drop-column"));
    }
}
