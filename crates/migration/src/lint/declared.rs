//! The columns and constraints that a statement declares, wherever it does.

use super::context::Context;
use crate::sql::ir::{
    AlterAction, Column, Constraint, ConstraintKind, CreateTable, Kind, Name, Persistence,
    Statement, TypeName,
};

/// The columns that a statement makes in tables that last, with the table's name as written.
pub(super) fn columns(statement: &Statement) -> Vec<(&Name, &Column)> {
    match &statement.kind {
        Kind::CreateTable(table) if lasts(table) => {
            table.columns.iter().map(|it| (&table.name, it)).collect()
        }
        Kind::Alter(alter) => alter
            .actions
            .iter()
            .filter_map(|(action, _)| match action {
                AlterAction::AddColumn { column, .. } => Some((&alter.name, column.as_ref())),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The constraints that a statement declares, with the table's name as written and the column that
/// each stands at, if it does.
pub(super) fn constraints(statement: &Statement) -> Vec<(&Name, Option<&str>, &Constraint)> {
    let mut all = Vec::new();
    for (table, column) in columns(statement) {
        for constraint in &column.constraints {
            all.push((table, Some(column.name.as_str()), constraint));
        }
    }
    match &statement.kind {
        Kind::CreateTable(table) if lasts(table) => {
            all.extend(table.constraints.iter().map(|it| (&table.name, None, it)));
        }
        Kind::Alter(alter) => {
            for (action, _) in &alter.actions {
                if let AlterAction::AddConstraint(constraint) = action {
                    all.push((&alter.name, None, constraint));
                }
            }
        }
        _ => {}
    }
    all
}

/// Whether a table outlives its session and has columns of its own.
fn lasts(table: &CreateTable) -> bool {
    table.persistence != Persistence::Temporary && !table.foreign && table.partition_of.is_none()
}

/// The columns that a statement makes whose type is meant, as `table` and the names.
pub(super) fn of_type<'a>(
    context: &Context<'a>,
    meant: impl Fn(&TypeName) -> bool,
) -> Option<(&'a Name, Vec<&'a Column>)> {
    let mut all = columns(context.statement);
    all.retain(|(_, column)| column.type_name.as_ref().is_some_and(&meant));
    let (table, _) = *all.first()?;
    if context.is_temporary(table) {
        return None;
    }
    Some((table, all.into_iter().map(|(_, column)| column).collect()))
}

/// The columns of a constraint: its own, or the one that it stands at.
pub(super) fn columns_of<'a>(own: &'a [String], at: Option<&'a str>) -> Vec<&'a str> {
    match (own, at) {
        ([], Some(column)) => vec![column],
        _ => own.iter().map(String::as_str).collect(),
    }
}

/// Whether a constraint is a primary key of just this column.
pub(super) fn is_key_of(constraint: &Constraint, at: Option<&str>, column: &str) -> bool {
    match &constraint.kind {
        ConstraintKind::PrimaryKey { columns, .. } => columns_of(columns, at) == [column],
        _ => false,
    }
}
