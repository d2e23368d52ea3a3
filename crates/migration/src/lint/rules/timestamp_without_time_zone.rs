//! `timestamp` stores what a clock on the wall showed, and not where: sessions in two time zones
//! read two moments from it.

use crate::lint::context::{Context, Found, shown};
use crate::lint::declared::of_type;
use crate::words::listed;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Some((table, columns)) = of_type(context, |it| it.name.name == "timestamp") else {
        return;
    };
    let full = context.schema.resolve(table);
    let names: Vec<String> = columns.iter().map(|it| format!("`{}`", it.name)).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    found
        .report(
            &columns[0].span,
            format!(
                "{} of {} {verb} stored without a time zone",
                listed(&names),
                shown(&full)
            ),
        )
        .table(&full)
        .cause("two sessions with different time zones write and read different moments")
        .safer("`timestamptz`, which stores the moment and takes no more room");
}
