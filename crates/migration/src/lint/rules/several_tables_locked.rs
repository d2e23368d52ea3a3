//! Each lock is held until the transaction ends, so the second table waits with the first one
//! locked; and code that uses both in the other order meets it in a deadlock.

use crate::lint::context::{Context, Found, shown};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Some(inside) = context.script.inside else {
        return;
    };
    let held = &context.script.held;
    let Some(first) = held.first() else { return };
    let more = context.facts.locks.iter().find(|lock| {
        let known = held.iter().any(|held| held.relation == lock.relation);
        !lock.new && !lock.index && lock.mode.blocks_writes() && !known
    });
    let Some(more) = more else { return };
    // Once for each transaction: it is known by where its first lock was taken.
    if !found.first(first.at.to_string()) {
        return;
    }
    let message = format!(
        "{} is locked while the lock on {} is still held",
        shown(&more.relation),
        shown(&first.relation)
    );
    found
        .report(&context.statement.span, message)
        .table(&more.relation)
        .cause(format!(
            "line {} took {} on {}, which is held until the transaction ends",
            context.place.line(first.at),
            first.mode.words(),
            shown(&first.relation)
        ))
        .cause(context.transaction_words(inside))
        .safer("one table to a transaction: put the other into a migration of its own");
}
