//! A way down that drops what its way up made drops what was written to it since.

use crate::lint::context::{Found, Pair, shown, shown_column};
use crate::lint::state::Deed;
use crate::words::listed;

pub(super) fn check(pair: &Pair<'_>, found: &mut Found<'_>) {
    let (up, down) = (pair.up.log, pair.down.log);
    // Whoever moves rows before is taken at their word.
    if !down.written.is_empty() {
        return;
    }
    let own = |gone: &&Deed| up.made.iter().any(|made| made.same_thing(gone));
    let all: Vec<&Deed> = down.gone.iter().filter(own).collect();
    let Some(first) = all.first() else { return };
    let mut names: Vec<String> = all
        .iter()
        .take(3)
        .map(|gone| match &gone.column {
            Some(column) => shown_column(&gone.table, column),
            None => shown(&gone.table),
        })
        .collect();
    if all.len() > 3 {
        names.push(format!("{} more", all.len() - 3));
    }
    found
        .report(
            &first.span,
            format!(
                "the way down destroys what was written to {} since",
                listed(&names)
            ),
        )
        .table(&first.table)
        .safer("roll back the code alone: it does not know what is new, and can leave it");
}
