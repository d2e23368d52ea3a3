//! `char(n)` pads what is shorter with spaces, which count in some places and not in others. It is
//! no faster than `text`.

use crate::lint::context::{Context, Found, shown};
use crate::lint::declared::of_type;
use crate::words::listed;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    // One character has no room for spaces.
    let padded = |it: &crate::sql::ir::TypeName| {
        it.name.name == "bpchar" && it.modifiers.first().is_some_and(|length| *length > 1)
    };
    let Some((table, columns)) = of_type(context, padded) else {
        return;
    };
    let full = context.schema.resolve(table);
    let names: Vec<String> = columns.iter().map(|it| format!("`{}`", it.name)).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    found
        .report(
            &columns[0].span,
            format!(
                "{} of {} {verb} padded with spaces",
                listed(&names),
                shown(&full)
            ),
        )
        .table(&full)
        .safer("`text`, with a CHECK on its length if that matters");
}
