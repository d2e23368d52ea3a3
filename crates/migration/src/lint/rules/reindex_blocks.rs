//! REINDEX keeps writers out of the table, and readers out of the index, until it is done.
//! CONCURRENTLY builds a second index beside the first.

use crate::facts::WorkKind;
use crate::lint::blocking::blocked;
use crate::lint::context::{Context, Found, shown};
use crate::sql::ir::Kind;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    if !matches!(context.statement.kind, Kind::Reindex { .. }) {
        return;
    }
    let builds = |kind: &WorkKind| matches!(kind, WorkKind::BuildIndex { .. });
    for one in blocked(context, builds) {
        let message = format!(
            "an index of {} is built again while nobody can write to the table, and queries that \
             would use the index wait",
            shown(one.table())
        );
        one.report(context, found, message, false)
            .safer("`REINDEX … CONCURRENTLY`, outside of a transaction");
    }
}
