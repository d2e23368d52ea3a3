//! That a column may not be null any more says nothing about the code from before: it may leave the
//! column empty.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown, shown_column};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::ForbidsNull { table, column } = effect else {
            continue;
        };
        if context.script.is_own_column(table, column) {
            continue;
        }
        let lenient = Unless::Lenient(table.clone(), column.clone());
        let name = if column.is_empty() {
            shown(table)
        } else {
            shown_column(table, column)
        };
        let item = found.report(
            span,
            format!("code from before may leave {name} empty, and is refused then"),
        );
        item.table(table);
        if !column.is_empty() {
            item.unless(lenient);
        }
        item.safer("make sure that every version that may come back writes it, then allow it")
            .safer("give it a default first")
            .planned(context.place.planned("add-not-null"));
    }
}
