//! Statements that wait for the transactions of others are refused in a transaction: it always
//! fails there, at the latest in production.

use crate::lint::context::{Context, Found};
use crate::lint::fixes;
use crate::lint::state::Inside;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    if !fixes::refused(context) {
        return;
    }
    let inside = match context.script.inside {
        Some(inside) => inside,
        None if context.statement.conditional => Inside::Block,
        None => return,
    };
    let item = found.report(
        &context.statement.span,
        "PostgreSQL refuses this statement in a transaction",
    );
    item.cause(context.transaction_words(inside));
    match inside {
        Inside::Tool => item.safer(format!(
            "run the migration outside of a transaction{}",
            fixes::how_to_leave_transactions(context.place.tool())
        )),
        Inside::Message => item.safer("put it into a migration of its own, alone in its file"),
        Inside::Begun(_) => item.safer("put it before `BEGIN` or behind `COMMIT`"),
        Inside::Block => item.safer("put it outside of the block, as a statement of its own"),
    };
    if inside == Inside::Tool && context.place.statements.len() > 1 {
        item.safer("leave the other statements in a migration that has its transaction");
    }
}
