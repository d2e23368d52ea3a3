//! TRUNCATE locks everybody out, cannot be narrowed down, and what it takes comes back from a
//! backup only.

use crate::lint::context::{Context, Found, shown};
use crate::sql::ir::{Kind, Name};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Kind::Truncate { tables, cascade } = &context.statement.kind else {
        return;
    };
    let in_use = |name: &&Name| !context.is_new(name) && !context.is_temporary(name);
    let Some(table) = tables.iter().find(in_use) else {
        return;
    };
    let full = context.schema.resolve(table);
    let message = format!("every row of {} goes", shown(&full));
    let item = found.report(&context.statement.span, message);
    item.table(&full);
    if *cascade {
        item.cause("with `CASCADE` every table that refers to it is emptied too");
    }
    item.cause("ACCESS EXCLUSIVE is held until the transaction ends: nobody can read or write it")
        .safer("take the rows out in batches with `DELETE`, after a backup that was tried");
}
