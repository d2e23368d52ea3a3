//! A column that loses its default, or what stands in for one, gets no value from code that relies
//! on it.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown_column};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::RemovesDefault { table, column } = effect else {
            continue;
        };
        if context.script.is_own_column(table, column) {
            continue;
        }
        found
            .report(
                span,
                format!(
                    "code from before may rely on the default of {}, and its inserts fail without",
                    shown_column(table, column)
                ),
            )
            .table(table)
            .cause("the column is `NOT NULL`")
            .unless(Unless::Lenient(table.clone(), column.clone()))
            .safer(
                "release code that always gives it a value, and drop the default when no version \
                 before it can come back",
            );
    }
}
