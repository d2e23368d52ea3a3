//! REFRESH MATERIALIZED VIEW runs the view's query with the view locked: nobody can read it until
//! it is done. CONCURRENTLY lets readers through.

use crate::facts::WorkKind;
use crate::lint::blocking::blocked;
use crate::lint::context::{Context, Found, shown};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for mut one in blocked(context, |kind| *kind == WorkKind::Refresh) {
        // Nobody writes to a materialized view: only readers can be kept waiting.
        one.locks.retain(|lock| lock.mode.blocks_reads());
        let Some(view) = one.locks.first().map(|lock| lock.relation.clone()) else {
            continue;
        };
        let message = format!("{} is filled anew while nobody can read it", shown(&view));
        one.report(context, found, message, false)
            .table(&view)
            .safer(
                "`REFRESH MATERIALIZED VIEW CONCURRENTLY`, which needs a unique index on the view",
            )
            .safer("leave the refresh to a job, and make no release wait for it");
    }
}
