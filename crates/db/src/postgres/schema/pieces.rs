//! Pieces of SQL as a server writes them, parsed as what a migration could have said.
//!
//! Each is put into the smallest statement in which it can stand. What is not understood is kept as
//! text, with nothing known of it.

use std::collections::HashMap;

use switchback_migration::Engine;
use switchback_migration::sql::ir::{
    AlterAction, Bound, Constraint, CreateIndex, Expr, Kind, Node, Partition, TypeName,
};
use switchback_migration::sql::parse;

/// The first statement of a text.
fn only(text: &str) -> Option<Kind> {
    let mut all = parse(text, Engine::Postgres).into_iter();
    all.next().map(|statement| statement.kind)
}

/// The first action of an `ALTER TABLE`.
fn action(text: &str) -> Option<AlterAction> {
    match only(text)? {
        Kind::Alter(mut alter) if !alter.actions.is_empty() => Some(alter.actions.remove(0).0),
        _ => None,
    }
}

/// Types that were parsed already; there are few, and every column has one.
#[derive(Default)]
pub(super) struct Types {
    known: HashMap<String, Option<TypeName>>,
}

impl Types {
    /// A type as `format_type` writes it.
    pub(super) fn parse(&mut self, text: &str) -> Option<TypeName> {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let found = match action(&format!("ALTER TABLE t ALTER COLUMN c TYPE {text}")) {
            Some(AlterAction::SetType { to, .. }) => Some(to),
            _ => None,
        };
        self.known.insert(text.to_owned(), found.clone());
        found
    }
}

/// An expression as `pg_get_expr` writes it.
pub(super) fn expression(text: &str) -> Expr {
    match action(&format!("ALTER TABLE t ALTER COLUMN c SET DEFAULT {text}")) {
        Some(AlterAction::Default {
            default: Some(expr),
            ..
        }) => expr,
        _ => Expr {
            text: text.to_owned(),
            span: 0..0,
            node: Node::Other(Vec::new()),
        },
    }
}

/// A constraint as `pg_get_constraintdef` writes it.
pub(super) fn constraint(definition: &str) -> Option<Constraint> {
    match action(&format!("ALTER TABLE t ADD CONSTRAINT c {definition}"))? {
        AlterAction::AddConstraint(constraint) => Some(*constraint),
        _ => None,
    }
}

/// The check of a domain as `pg_get_constraintdef` writes it.
pub(super) fn check(definition: &str) -> Option<Expr> {
    use switchback_migration::sql::ir::ConstraintKind;
    match constraint(definition)?.kind {
        ConstraintKind::Check(expr) => Some(expr),
        _ => None,
    }
}

/// An index as `pg_get_indexdef` writes it.
pub(super) fn index(definition: &str) -> Option<CreateIndex> {
    match only(definition)? {
        Kind::CreateIndex(index) => Some(*index),
        _ => None,
    }
}

/// The bound of a partition as `pg_get_expr` writes it.
pub(super) fn bound(text: &str) -> Option<Bound> {
    match action(&format!("ALTER TABLE t ATTACH PARTITION c {text}"))? {
        AlterAction::AttachPartition { bound, .. } => bound,
        _ => None,
    }
}

/// How a table is partitioned as `pg_get_partkeydef` writes it.
pub(super) fn partition(text: &str) -> Option<Partition> {
    match only(&format!("CREATE TABLE t (c int) PARTITION BY {text}"))? {
        Kind::CreateTable(table) => table.partition_by,
        _ => None,
    }
}
