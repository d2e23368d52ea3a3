//! `json` keeps the text as it came: no equality, so that `DISTINCT` and `GROUP BY` fail on it, no
//! index on what is in it, and it is parsed again by every query.

use crate::lint::context::{Context, Found, shown};
use crate::lint::declared::of_type;
use crate::words::listed;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Some((table, columns)) = of_type(context, |it| it.is("json")) else {
        return;
    };
    let full = context.schema.resolve(table);
    let names: Vec<String> = columns.iter().map(|it| format!("`{}`", it.name)).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    found
        .report(
            &columns[0].span,
            format!(
                "{} of {} {verb} json, which has no equality",
                listed(&names),
                shown(&full)
            ),
        )
        .table(&full)
        .cause("`SELECT DISTINCT` and `GROUP BY` fail on it, and no index can look into it")
        .safer("`jsonb`, unless the exact text must come back");
}
