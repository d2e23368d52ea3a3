//! A new column that demands a value gets none from code that does not know it: its inserts fail.
//! That is so however the column came to demand one: at once, by SET NOT NULL, or by losing the
//! default that it was added with.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown_column};
use crate::sql::ir::Name;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let (table, column, at_once) = match effect {
            Effect::RequiresColumn { table, column } => (table, column, true),
            Effect::ForbidsNull { table, column } | Effect::RemovesDefault { table, column }
                if context.script.is_own_column(table, column) =>
            {
                (table, column, false)
            }
            _ => continue,
        };
        let name = shown_column(table, column);
        let item = found.report(
            span,
            format!("{name} is new and demands a value, which code from before it does not give"),
        );
        item.table(table);
        if at_once {
            item.cause("if the table has rows the migration fails: they would have null in it");
        } else {
            item.unless(Unless::Lenient(table.clone(), column.clone()));
        }
        item.cause("each insert of code that does not know the column fails");
        let column = Name::plain(column.as_str());
        if at_once {
            item.safer(format!(
                "`ADD COLUMN {column} … NOT NULL DEFAULT …`, with a constant"
            ));
        } else {
            item.safer("leave it a default that old code can live with");
        }
        item.safer(
            "add it without `NOT NULL`, write it in a release, fill the rest, and make it `NOT \
             NULL` when nothing that leaves it empty can come back",
        )
        .planned(context.place.planned("add-required-column"));
    }
}
