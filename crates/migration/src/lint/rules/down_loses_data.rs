//! A way down that makes a dropped column or table again makes it empty: it brings back the schema,
//! not the data. Only a backup does that.

use crate::lint::context::{Found, Pair, Unless, shown, shown_column};

pub(super) fn check(pair: &Pair<'_>, found: &mut Found<'_>) {
    let (up, down) = (pair.up.log, pair.down.log);
    let refilled = |gone: &crate::lint::state::Deed| {
        down.written.iter().any(|deed| {
            deed.table == gone.table
                && (deed.column.is_none() || gone.column.is_none() || deed.column == gone.column)
        })
    };
    for gone in &up.gone {
        // What is there again at the end of the way up, as in a table that is built anew, is kept.
        let thing = match &gone.column {
            Some(column) => Unless::Column(gone.table.clone(), column.clone()),
            None => Unless::Relation(gone.table.clone()),
        };
        if thing.holds(pair.up.schema) || refilled(gone) {
            continue;
        }
        let Some(made) = down.made.iter().find(|made| made.same_thing(gone)) else {
            continue;
        };
        let name = match &gone.column {
            Some(column) => shown_column(&gone.table, column),
            None => shown(&gone.table),
        };
        found
            .report(
                &made.span,
                format!("the way down makes {name} again, but empty"),
            )
            .table(&gone.table)
            .cause(format!(
                "line {} of the way up destroys what is in it",
                pair.up.place.line(gone.span.start)
            ))
            .safer(
                "drop it in a release of its own, when no rollback can need it any more, and keep \
                 a copy until then",
            );
    }
    for emptied in &up.emptied {
        let there = pair.up.schema.relations.contains_key(&emptied.table);
        if there && !refilled(emptied) && found.first(emptied.table.to_string()) {
            let name = shown(&emptied.table);
            found
                .report(
                    &pair.down.place.start(),
                    format!("the way down does not bring back rows of {name}"),
                )
                .table(&emptied.table)
                .cause(format!(
                    "line {} of the way up deletes them",
                    pair.up.place.line(emptied.span.start)
                ))
                .safer("copy the rows elsewhere before they are deleted, and back in the way down");
        }
    }
}
