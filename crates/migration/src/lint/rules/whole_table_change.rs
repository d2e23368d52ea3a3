//! One statement that changes every row holds a lock on every row until it ends, bloats the table
//! to twice its size, and loses all of its work if it is interrupted.

use crate::facts::WorkKind;
use crate::lint::context::{Context, Found, shown};
use crate::sql::ir::{Expr, Kind, Name, Node, Operator};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let (table, predicate, what) = match &context.statement.kind {
        Kind::Update {
            table, predicate, ..
        } => (table, predicate, "changed"),
        Kind::Delete {
            table, predicate, ..
        } => (table, predicate, "deleted"),
        _ => return,
    };
    if context.is_new(table) || context.is_temporary(table) {
        return;
    }
    let all = |kind: &WorkKind| *kind == WorkKind::Rows { all: true };
    let says_so = context.facts.work.iter().any(|work| all(&work.kind));
    let full = context.schema.resolve(table);
    let predicate = predicate.as_ref().filter(|it| !always_holds(it));
    let fresh = predicate.and_then(|predicate| fresh_column(context, &full, predicate));
    if !says_so && predicate.is_some() && fresh.is_none() {
        return;
    }
    let message = format!("every row of {} is {what} in one statement", shown(&full));
    let item = found.report(&context.statement.span, message);
    item.table(&full);
    if let Some(column) = fresh {
        item.cause(format!(
            "`{column}` was added by this migration, and is null in every row that was there"
        ));
    }
    item.cause("every row stays locked until it ends: whoever writes one of them waits")
        .safer("in batches, by ranges of the primary key, each in a transaction of its own");
    if what == "deleted" {
        item.safer("`TRUNCATE`, if nothing uses the table any more");
    }
}

/// Whether a predicate is only there to please a tool: `true`, `1 = 1`.
fn always_holds(predicate: &Expr) -> bool {
    match &predicate.node {
        Node::Literal(text) => text.eq_ignore_ascii_case("true"),
        Node::Compare {
            operator: Operator::Equal,
            left,
            right,
        } => {
            matches!((&left.node, &right.node), (Node::Literal(one), Node::Literal(other)) if one == other)
        }
        _ => false,
    }
}

/// The column that a predicate asks to be null, if this script has just added it.
fn fresh_column<'a>(context: &Context<'_>, table: &Name, predicate: &'a Expr) -> Option<&'a str> {
    let Node::IsNull { of, not: false } = &predicate.node else {
        return None;
    };
    let Node::Column(column) = &of.node else {
        return None;
    };
    let made = &context.script.log.made;
    let here = made
        .iter()
        .any(|deed| deed.table == *table && deed.column.as_deref() == Some(column));
    let empty = context
        .schema
        .relations
        .get(table)
        .and_then(|relation| relation.column(column))
        .is_some_and(|column| column.default.is_none() && column.generated.is_none());
    (here && empty).then_some(column.as_str())
}
