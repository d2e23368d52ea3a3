//! Statements that change rows.

use squawk_parser::SyntaxKind as K;

use super::{expr, names, query};
use crate::sql::ir::{Kind, Name};
use crate::sql::tree::Node;

/// `INSERT`.
pub(super) fn insert(node: Node<'_>) -> Kind {
    let query = query::lower(node);
    let conflict = node.child(K::ON_CONFLICT_CLAUSE);
    Kind::Insert {
        table: names::child(node, K::RELATION_NAME_REF),
        columns: targets(node),
        values: (node.has(K::VALUES) || node.has(K::DEFAULT_VALUES)) && query.tables.is_empty(),
        updates: conflict.is_some_and(|it| it.has(K::CONFLICT_DO_UPDATE_SET)),
        query,
    }
}

/// `MERGE`.
pub(super) fn merge(node: Node<'_>) -> Kind {
    let insert = node.find(K::MERGE_INSERT);
    Kind::Insert {
        table: names::child(node, K::TABLE_RELATION_NAME),
        columns: insert.map(targets).unwrap_or_default(),
        query: query::lower(node),
        values: false,
        updates: node.find(K::MERGE_UPDATE).is_some() || node.find(K::MERGE_DELETE).is_some(),
    }
}

/// `UPDATE`.
pub(super) fn update(node: Node<'_>) -> Kind {
    let list = node
        .child(K::SET_CLAUSE)
        .and_then(|it| it.child(K::SET_COLUMN_LIST));
    let mut columns = Vec::new();
    for one in list.into_iter().flat_map(Node::nodes) {
        match one.kind() {
            K::SET_MULTIPLE_COLUMNS => columns.extend(targets(one)),
            _ => columns.extend(one.child(K::COLUMN_TARGET).map(Node::name)),
        }
    }
    Kind::Update {
        table: relation(node),
        columns,
        predicate: node.child(K::WHERE_CLAUSE).and_then(expr::child),
        query: query::lower(node),
    }
}

/// `DELETE`.
pub(super) fn delete(node: Node<'_>) -> Kind {
    Kind::Delete {
        table: relation(node),
        predicate: node.child(K::WHERE_CLAUSE).and_then(expr::child),
        query: query::lower(node),
    }
}

fn relation(node: Node<'_>) -> Name {
    names::child(node, K::RELATION_NAME)
}

fn targets(node: Node<'_>) -> Vec<String> {
    node.child(K::COLUMN_TARGET_LIST)
        .into_iter()
        .flat_map(|it| it.each(K::COLUMN_TARGET))
        .map(Node::name)
        .collect()
}

/// `COPY`.
pub(super) fn copy(node: Node<'_>) -> Kind {
    let table = node.child(K::COPY_TABLE);
    Kind::Copy {
        table: table.map(|it| names::child(it, K::TABLE_NAME_REF)),
        from: table.is_some() && node.has(K::COPY_FROM),
    }
}
