//! There is no safe moment to rename a column: before it new code fails, after it old code does,
//! and during a deployment both run.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown_column};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::RenamesColumn { table, from, to } = effect else {
            continue;
        };
        if context.script.is_own_column(table, from) {
            continue;
        }
        found
            .report(
                span,
                format!(
                    "{} becomes `{to}` at once: code from before it fails after it, and code from \
                     after it before",
                    shown_column(table, from)
                ),
            )
            .table(table)
            .unless(Unless::Column(table.clone(), from.clone()))
            .safer(
                "add the new column beside the old one, keep both in step, move the code over, and \
                 drop the old one in a later release",
            )
            .planned(context.place.planned("rename-column"));
    }
}
