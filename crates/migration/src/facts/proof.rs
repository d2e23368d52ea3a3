//! What constraints that are there prove, as far as the server sees it.
//!
//! A row obeys a constraint also if that comes out as null. So `a > 0` proves nothing about whether
//! `a` is null, and only an `IS NOT NULL` that every way through a check leads past does:
//! `predicate_implied_by` in `src/backend/optimizer/util/predtest.c`, with weak implication.

pub(super) mod bounds;

use crate::schema::Relation;
use crate::sql::ir::{ConstraintKind, Expr, Node};

/// The name of a valid check that proves a column not null, if there is one.
pub(super) fn of_not_null<'r>(relation: &'r Relation, column: &str) -> Option<&'r str> {
    checks(relation)
        .find(|(_, check)| demands_value(check, column, false))
        .map(|(name, _)| name)
}

/// The checks that all rows of a relation are known to obey, by name.
pub(super) fn checks(relation: &Relation) -> impl Iterator<Item = (&str, &Expr)> {
    relation.constraints.iter().filter_map(|it| match &it.kind {
        ConstraintKind::Check(expr) if it.valid && it.enforced => Some((it.name.as_str(), expr)),
        _ => None,
    })
}

/// Whether an expression (or, with `negated`, its opposite) holds only if the column has a value.
fn demands_value(expr: &Expr, column: &str, negated: bool) -> bool {
    let demands = |one: &Expr| demands_value(one, column, negated);
    match &expr.node {
        Node::IsNull { of, not } => {
            *not != negated && matches!(&of.node, Node::Column(name) if name == column)
        }
        Node::Not(of) => demands_value(of, column, !negated),
        Node::And(all) if negated => all.iter().all(demands),
        Node::And(all) => all.iter().any(demands),
        Node::Or(all) if negated => all.iter().any(demands),
        Node::Or(all) => all.iter().all(demands),
        _ => false,
    }
}
