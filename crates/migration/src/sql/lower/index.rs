//! Indexes and views.

use squawk_parser::SyntaxKind as K;

use super::{expr, names, query};
use crate::sql::ir::{CreateIndex, Expr, IndexKey, Kind, Name, Query, ReindexTarget};
use crate::sql::tree::Node;

/// `CREATE INDEX`.
pub(super) fn create(node: Node<'_>) -> Kind {
    let table = node.child(K::TABLE_RELATION_NAME);
    let items = |of: Node<'_>| of.each(K::PARTITION_ITEM).map(key).collect::<Vec<_>>();
    let include = node
        .child(K::INDEX_INCLUDE_CLAUSE)
        .and_then(|it| it.child(K::PARTITION_ITEM_LIST));
    Kind::CreateIndex(Box::new(CreateIndex {
        name: node.child(K::INDEX).map(names::object),
        table: table.map_or_else(|| Name::plain(""), names::object),
        only: table.is_some_and(|it| it.has(K::ONLY_KW)),
        unique: node.has(K::UNIQUE_KW),
        concurrently: node.has(K::CONCURRENTLY_KW),
        if_not_exists: node.has(K::IF_NOT_EXISTS),
        method: node
            .child(K::USING_METHOD)
            .and_then(|it| names::first(it, K::ACCESS_METHOD_REF))
            .unwrap_or_else(|| "btree".to_owned()),
        keys: node
            .child(K::PARTITION_ITEM_LIST)
            .map(items)
            .unwrap_or_default(),
        include: include
            .into_iter()
            .flat_map(|it| it.each(K::PARTITION_ITEM))
            .map(Node::name)
            .collect(),
        predicate: node.child(K::WHERE_CLAUSE).and_then(expr::child),
        nulls_not_distinct: node.has(K::NULLS_NOT_DISTINCT),
    }))
}

fn key(item: Node<'_>) -> IndexKey {
    let whole = item.nodes().find(|it| expr::is(it.kind()));
    // `a COLLATE "C"` is the key `a` with an option.
    let of = match whole {
        Some(it) if it.kind() == K::COLLATE => it.nodes().find(|it| expr::is(it.kind())),
        other => other,
    };
    let Some(of) = of else {
        return IndexKey {
            expr: Expr {
                text: item.written().to_owned(),
                span: item.span(),
                node: crate::sql::ir::Node::Other(Vec::new()),
            },
            options: String::new(),
        };
    };
    let behind = of.span().end - item.span().start;
    IndexKey {
        expr: expr::lower(of),
        options: item
            .written()
            .get(behind..)
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

/// `REINDEX`.
pub(super) fn reindex(node: Node<'_>) -> Option<Kind> {
    let target = node
        .nodes()
        .find(|it| it.kind() != K::REINDEX_OPTION_LIST)?;
    let (what, named) = match target.kind() {
        K::REINDEX_TARGET_INDEX => (ReindexTarget::Index, K::INDEX_REF),
        K::REINDEX_TARGET_TABLE => (ReindexTarget::Table, K::TABLE_NAME_REF),
        K::REINDEX_TARGET_SCHEMA => (ReindexTarget::Schema, K::SCHEMA_REF),
        _ => (ReindexTarget::Database, K::DATABASE_REF),
    };
    let options = node.child(K::REINDEX_OPTION_LIST);
    let option = options.into_iter().flat_map(Node::nodes).any(|it| {
        let mut words = it.text().split_whitespace();
        words
            .next()
            .is_some_and(|it| it.eq_ignore_ascii_case("concurrently"))
            && !words.next().is_some_and(|it| {
                ["off", "false", "0", "no"]
                    .iter()
                    .any(|no| it.eq_ignore_ascii_case(no))
            })
    });
    Some(Kind::Reindex {
        what,
        name: target.child(named).map(names::object),
        concurrently: target.has(K::CONCURRENTLY_KW) || option,
    })
}

/// `CREATE VIEW` and `CREATE MATERIALIZED VIEW`.
pub(super) fn view(node: Node<'_>) -> Kind {
    let columns = node.child(K::COLUMN_LIST);
    let from = node.nodes().find(|it| query::is(it.kind()));
    let mut reads = from.map_or_else(Query::default, query::lower);
    let name = names::child(node, K::VIEW);
    if node.has(K::RECURSIVE_KW) {
        reads.tables.retain(|table| *table != name);
    }
    Kind::CreateView {
        name,
        materialized: node.kind() == K::CREATE_MATERIALIZED_VIEW,
        temporary: node.has(K::TEMP),
        or_replace: node.has(K::OR_REPLACE),
        if_not_exists: node.has(K::IF_NOT_EXISTS),
        columns: columns
            .map(|it| names::plain(it, K::COLUMN_NAME))
            .unwrap_or_default(),
        query: reads,
        with_data: !node.has(K::WITH_NO_DATA),
    }
}

/// `REFRESH MATERIALIZED VIEW`.
pub(super) fn refresh(node: Node<'_>) -> Kind {
    Kind::Refresh {
        name: names::child(node, K::VIEW_REF),
        concurrently: node.has(K::CONCURRENTLY_KW),
        with_data: !node.has(K::WITH_NO_DATA),
    }
}
