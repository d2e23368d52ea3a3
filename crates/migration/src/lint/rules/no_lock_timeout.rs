//! Who waits for a strong lock keeps everybody out who comes later: one long query on the table is
//! enough, and all others queue behind the migration. A `lock_timeout` makes the migration give up
//! instead.

use crate::lint::context::{Context, Found, shown};
use crate::lint::fixes;
use crate::lint::state::Setting;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let setting = context.script.wait_limit();
    if setting == Setting::On {
        return;
    }
    let awaited = context
        .facts
        .locks
        .iter()
        .filter(|lock| !lock.new && !lock.index && lock.mode.blocks_writes())
        .max_by_key(|lock| lock.mode);
    let Some(lock) = awaited else { return };
    if !found.first("") {
        return;
    }
    let who = if lock.mode.blocks_reads() {
        "every query"
    } else {
        "every writer"
    };
    let table = shown(&lock.relation);
    let message = format!("the lock on {table} is waited for without a limit");
    let item = found.report(&context.statement.span, message);
    item.table(&lock.relation)
        .cause(format!(
            "the statement needs {} on {table}; while it waits behind one long transaction, {who} \
             on {table} that comes later waits behind it",
            lock.mode.words()
        ))
        .safer("`SET LOCAL lock_timeout = '2s'` in the transaction, and run the migration again if it gives up")
        .fix(fixes::lock_timeout(context));
    if setting == Setting::Off {
        item.cause("the script switches `lock_timeout` off");
    }
}
