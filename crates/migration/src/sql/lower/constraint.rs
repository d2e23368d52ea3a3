//! Constraints of columns, tables and domains.

use squawk_parser::SyntaxKind as K;

use super::{expr, names};
use crate::sql::ir::{Constraint, ConstraintKind, OnDelete};
use crate::sql::tree::Node;

/// A constraint; `own` is the column that it stands at. None for what is no constraint.
pub(super) fn lower(node: Node<'_>, own: &[String]) -> Option<Constraint> {
    let kind = kind(node, own)?;
    let parameters = node.child(K::INDEX_PARAMETERS);
    let include = parameters
        .unwrap_or(node)
        .child(K::CONSTRAINT_INCLUDE_CLAUSE);
    Some(Constraint {
        name: node
            .child(K::CONSTRAINT_NAME_CLAUSE)
            .and_then(|it| names::first(it, K::CONSTRAINT_NAME)),
        span: node.span(),
        kind,
        not_valid: node.has(K::NOT_VALID),
        not_enforced: node.has(K::NOT_ENFORCED),
        // What is checked at the end at first can be.
        deferrable: node.has(K::DEFERRABLE_CONSTRAINT_OPTION)
            || node.has(K::INITIALLY_DEFERRED_CONSTRAINT_OPTION),
        no_inherit: node.has(K::NO_INHERIT),
        include: include
            .and_then(|it| it.child(K::COLUMN_REF_LIST))
            .map(|it| names::plain(it, K::COLUMN_NAME_REF))
            .unwrap_or_default(),
        nulls_not_distinct: parameters.is_some_and(|it| it.has(K::NULLS_NOT_DISTINCT)),
        method: node
            .child(K::CONSTRAINT_INDEX_METHOD)
            .and_then(|it| names::first(it, K::ACCESS_METHOD_REF)),
        predicate: node.child(K::WHERE_CONDITION_CLAUSE).and_then(expr::child),
    })
}

fn kind(node: Node<'_>, own: &[String]) -> Option<ConstraintKind> {
    Some(match node.kind() {
        K::NULL_CONSTRAINT => ConstraintKind::Null,
        K::NOT_NULL_CONSTRAINT => ConstraintKind::NotNull {
            column: names::first(node, K::COLUMN_NAME_REF)
                .or_else(|| own.first().cloned())
                .unwrap_or_default(),
        },
        K::CHECK_CONSTRAINT => ConstraintKind::Check(expr::child(node)?),
        K::UNIQUE_CONSTRAINT => ConstraintKind::Unique {
            columns: columns(node, own),
            using: using(node),
        },
        K::PRIMARY_KEY_CONSTRAINT => ConstraintKind::PrimaryKey {
            columns: columns(node, own),
            using: using(node),
        },
        K::REFERENCES_CONSTRAINT => ConstraintKind::ForeignKey {
            columns: own.to_vec(),
            table: names::child(node, K::TABLE_NAME_REF),
            referred: names::plain(node, K::COLUMN_NAME_REF),
            on_delete: on_delete(node),
        },
        K::FOREIGN_KEY_CONSTRAINT => {
            let mut lists = node.each(K::FOREIGN_KEY_COLUMN_LIST).map(key_columns);
            ConstraintKind::ForeignKey {
                columns: lists.next().unwrap_or_default(),
                table: names::child(node, K::TABLE_NAME_REF),
                referred: lists.next().unwrap_or_default(),
                on_delete: on_delete(node),
            }
        }
        K::EXCLUDE_CONSTRAINT => ConstraintKind::Exclude {
            keys: node
                .child(K::CONSTRAINT_EXCLUSION_LIST)
                .into_iter()
                .flat_map(|it| it.each(K::CONSTRAINT_EXCLUSION))
                .filter_map(expr::child)
                .collect(),
        },
        _ => return None,
    })
}

/// The columns of a key; those of a constraint at a column are that column.
fn columns(node: Node<'_>, own: &[String]) -> Vec<String> {
    let list = node
        .child(K::INDEX_PARAMETERS)
        .and_then(|it| it.child(K::CONSTRAINT_COLUMN_REF_LIST));
    match list {
        Some(list) => names::plain(list, K::COLUMN_NAME_REF),
        None if using(node).is_some() => Vec::new(),
        None => own.to_vec(),
    }
}

fn key_columns(list: Node<'_>) -> Vec<String> {
    let mut all = names::plain(list, K::COLUMN_NAME_REF);
    all.extend(
        list.child(K::PERIOD_COLUMN)
            .and_then(|it| names::first(it, K::COLUMN_NAME_REF)),
    );
    all
}

fn using(node: Node<'_>) -> Option<String> {
    let index = node.child(K::USING_INDEX_NAME)?.child(K::INDEX_REF)?;
    Some(names::object(index).name)
}

fn on_delete(node: Node<'_>) -> OnDelete {
    let action = node
        .child(K::ON_DELETE_ACTION)
        .and_then(|it| it.nodes().next());
    match action.map(Node::kind) {
        Some(K::CASCADE) => OnDelete::Cascade,
        Some(K::SET_NULL_COLUMNS | K::SET_DEFAULT_COLUMNS) => OnDelete::Set,
        _ => OnDelete::Refuse,
    }
}
