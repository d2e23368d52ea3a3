//! A new foreign key is looked up for every row that is there, and both tables are locked against
//! writers meanwhile. With NOT VALID new rows are held to it at once, and the rows that are there
//! can be checked later while others write.

use crate::facts::WorkKind;
use crate::lint::blocking::blocked;
use crate::lint::context::{Context, Found, shown};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for one in blocked(context, |kind| {
        matches!(kind, WorkKind::ForeignKeyScan { .. })
    }) {
        let WorkKind::ForeignKeyScan { referenced } = &one.work.kind else {
            continue;
        };
        let table = shown(&one.work.table);
        let both = one.locks.iter().any(|lock| lock.relation == *referenced);
        let message = if both && *referenced != one.work.table {
            format!(
                "every row of {table} is looked up in {} while nobody can write to either",
                shown(referenced)
            )
        } else {
            format!(
                "every row of {table} is looked up in {} while nobody can write to it",
                shown(referenced)
            )
        };
        one.report(context, found, message, false)
            .safer(
                "add the foreign key with `NOT VALID`, and `VALIDATE CONSTRAINT` in a later \
                 migration",
            )
            .planned(context.place.planned("add-foreign-key"));
    }
}
