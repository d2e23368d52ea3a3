//! A type that takes less than before refuses values of code from before, and another type is read
//! in another way: drivers and prepared statements know the old one.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, shown_column};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let (table, column, message, cause) = match effect {
            Effect::NarrowsType {
                table,
                column,
                from,
                to,
                cuts,
            } => (
                table,
                column,
                format!(
                    "{} takes less: `{}` becomes `{}`",
                    shown_column(table, column),
                    from.written,
                    to.written
                ),
                if *cuts {
                    "values that do not fit are cut, and what is cut off is gone"
                } else {
                    "values that do not fit are refused, those that are there and those to come"
                },
            ),
            Effect::ChangesType {
                table,
                column,
                from,
                to,
                wider: false,
            } => {
                let name = shown_column(table, column);
                let message = match from {
                    Some(from) => format!(
                        "{name} gets another type: `{}` becomes `{}`",
                        from.written, to.written
                    ),
                    None => format!("{name} gets another type: it becomes `{}`", to.written),
                };
                let cause = "code from before writes and expects to read the old type, and so do \
                             its prepared statements";
                (table, column, message, cause)
            }
            _ => continue,
        };
        if context.script.is_own_column(table, column) {
            continue;
        }
        let item = found.report(span, message);
        item.table(table).cause(cause).safer(
            "add a column of the new type, keep both in step, move the code over, and drop the old \
             one in a later release",
        )
        .planned(context.place.planned("change-type"));
    }
}
