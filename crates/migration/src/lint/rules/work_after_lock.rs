//! A lock is held until its transaction ends. Work that alone would bother nobody makes everybody
//! wait if an earlier statement of the transaction has locked a table.

use crate::facts::WorkKind;
use crate::lint::context::{Context, Found, shown, who_waits};
use crate::sql::ir::{AlterAction, Kind};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    // Of work that is done under the statement's own locks another rule speaks.
    if context.script.held.is_empty() || context.facts.blocking().next().is_some() {
        return;
    }
    let Some(inside) = context.script.inside else {
        return;
    };
    let long = context.facts.work.iter().find(|work| {
        let long = match &work.kind {
            WorkKind::Proof => false,
            WorkKind::Rows { all } => *all,
            _ => true,
        };
        long && !work.new
    });
    let Some(work) = long else { return };
    // The table that is worked on is what readers wait for most; else the strongest lock.
    let held = context
        .script
        .held
        .iter()
        .max_by_key(|held| (held.mode, held.relation == work.table));
    let Some(held) = held else { return };
    let line = context.place.line(held.at);
    let does = match &work.kind {
        WorkKind::Scan => format!("every row of {} is checked", shown(&work.table)),
        WorkKind::ForeignKeyScan { referenced } => format!(
            "every row of {} is looked up in {}",
            shown(&work.table),
            shown(referenced)
        ),
        WorkKind::BuildIndex { .. } => format!("an index is built on {}", shown(&work.table)),
        WorkKind::Refresh => format!("{} is filled anew", shown(&work.table)),
        WorkKind::Rewrite => format!("{} is written anew", shown(&work.table)),
        WorkKind::Rows { .. } | WorkKind::Proof => match context.statement.kind {
            Kind::Update { .. } => format!("every row of {} is changed", shown(&work.table)),
            Kind::Delete { .. } => format!("every row of {} is deleted", shown(&work.table)),
            _ => format!("every row of {} is read", shown(&work.table)),
        },
    };
    let of = if held.relation == work.table {
        String::new()
    } else {
        format!("of {} ", shown(&held.relation))
    };
    let message = format!("{does} while {of}{}", who_waits(held.mode));
    let item = found.report(&context.statement.span, message);
    item.table(&held.relation)
        .cause(format!(
            "line {line} took {} on {}, which is held until the transaction ends",
            held.mode.words(),
            shown(&held.relation)
        ))
        .cause(context.transaction_words(inside));
    let validates = matches!(&context.statement.kind, Kind::Alter(alter)
        if alter.actions.iter().any(|(it, _)| matches!(it, AlterAction::ValidateConstraint { .. })));
    if validates {
        item.safer("put `VALIDATE CONSTRAINT` into a migration of its own, after this one");
    } else {
        item.safer("put it into a migration of its own");
    }
    if matches!(
        context.statement.kind,
        Kind::Update { .. } | Kind::Delete { .. }
    ) {
        item.safer("change rows in batches, each in a transaction of its own");
    }
}
