//! CREATE INDEX keeps writers out of its table until the index is built. CONCURRENTLY lets them
//! through, outside of transactions.

use crate::facts::WorkKind;
use crate::lint::blocking::blocked;
use crate::lint::context::{Context, Found, shown, who_waits};
use crate::lint::fixes;
use crate::sql::ir::Kind;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Kind::CreateIndex(index) = &context.statement.kind else {
        return;
    };
    let builds = |kind: &WorkKind| matches!(kind, WorkKind::BuildIndex { .. });
    for one in blocked(context, builds) {
        let table = shown(one.table());
        let partitioned = context
            .relation(&index.table)
            .is_some_and(|(_, relation)| relation.partition_by.is_some());
        let message = match &index.name {
            Some(name) => format!(
                "index {} is built on {table} while {}",
                shown(name),
                who_waits(one.mode())
            ),
            None => format!(
                "an index is built on {table} while {}",
                who_waits(one.mode())
            ),
        };
        let item = one.report(context, found, message, false);
        if partitioned {
            item.safer(
                "`CREATE INDEX … ON ONLY` the partitioned table, `CREATE INDEX CONCURRENTLY` on \
                 each partition, then `ALTER INDEX … ATTACH PARTITION` for each",
            );
            continue;
        }
        item.safer(match context.script.inside {
            None => "`CREATE INDEX CONCURRENTLY`".to_owned(),
            Some(_) => format!(
                "`CREATE INDEX CONCURRENTLY` in a migration of its own that runs outside of a \
                 transaction{}",
                fixes::how_to_leave_transactions(context.place.tool())
            ),
        });
        item.planned(context.place.planned("add-index"))
            .fix(fixes::concurrently(context, index));
    }
}
