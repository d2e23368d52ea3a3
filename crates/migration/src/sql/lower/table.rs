//! `CREATE TABLE`.

use squawk_parser::SyntaxKind as K;

use super::{constraint, expr, names, query, types};
use crate::sql::ir::{
    Bound, Column, CreateTable, Generated, Kind, Like, Name, Partition, Persistence,
};
use crate::sql::tree::Node;

/// How long something lasts.
pub(super) fn persistence(node: Node<'_>) -> Persistence {
    if node.has(K::UNLOGGED) {
        Persistence::Unlogged
    } else if node.has(K::TEMP) {
        Persistence::Temporary
    } else {
        Persistence::Permanent
    }
}

/// `CREATE TABLE`, `CREATE TABLE … AS`, `CREATE FOREIGN TABLE`.
pub(super) fn create(node: Node<'_>) -> Kind {
    let mut table = empty(names::child(node, K::TABLE_NAME), persistence(node));
    table.foreign = node.kind() == K::CREATE_FOREIGN_TABLE;
    table.if_not_exists = node.has(K::IF_NOT_EXISTS);
    table.access_method = node
        .child(K::USING_METHOD)
        .and_then(|it| names::first(it, K::ACCESS_METHOD_REF));
    table.tablespace = node
        .child(K::TABLESPACE_CLAUSE)
        .and_then(|it| names::first(it, K::TABLESPACE_REF));
    for one in node
        .child(K::TABLE_ARG_LIST)
        .into_iter()
        .flat_map(Node::nodes)
    {
        match one.kind() {
            K::COLUMN => table.columns.push(column(one)),
            K::LIKE_CLAUSE => table.like.push(like(one, table.columns.len())),
            _ => table.constraints.extend(constraint::lower(one, &[])),
        }
    }
    if let Some(inherits) = node.child(K::INHERITS) {
        table.inherits = inherits
            .each(K::TABLE_NAME_REF)
            .map(names::object)
            .collect();
    }
    if let Some(of) = node.child(K::PARTITION_OF) {
        let bound = bound(node).unwrap_or(Bound::Default);
        table.partition_of = Some((names::child(of, K::TABLE_NAME_REF), bound));
    }
    if let Some(by) = node.child(K::PARTITION_BY) {
        table.partition_by = Some(partition_by(by));
    }
    if let Some(of) = node.child(K::OF_TYPE) {
        table.of_type = types::child(of).map(|it| it.name);
    }
    if node.kind() == K::CREATE_TABLE_AS {
        let from = node.nodes().find(|it| query::is(it.kind()));
        table.query = Some(from.map(query::lower).unwrap_or_default());
    }
    Kind::CreateTable(Box::new(table))
}

/// `SELECT … INTO`.
pub(super) fn select_into(node: Node<'_>) -> Kind {
    let into = node.child(K::INTO_CLAUSE);
    let name = into.map_or_else(|| Name::plain(""), |it| names::child(it, K::TABLE_NAME));
    let mut table = empty(name, into.map_or(Persistence::Permanent, persistence));
    table.query = Some(query::lower(node));
    Kind::CreateTable(Box::new(table))
}

fn empty(name: Name, persistence: Persistence) -> CreateTable {
    CreateTable {
        name,
        persistence,
        foreign: false,
        if_not_exists: false,
        columns: Vec::new(),
        constraints: Vec::new(),
        like: Vec::new(),
        inherits: Vec::new(),
        partition_of: None,
        partition_by: None,
        of_type: None,
        query: None,
        tablespace: None,
        access_method: None,
    }
}

/// A column, of `CREATE TABLE` or of `ADD COLUMN`.
pub(super) fn column(node: Node<'_>) -> Column {
    let named = node
        .children()
        .find(|it| matches!(it.kind(), K::COLUMN_NAME | K::COMPOSITE_FIELD));
    let name = named.map(Node::name).unwrap_or_default();
    let begin = named.map_or(node.span().start, |it| it.span().start);
    let mut column = Column {
        span: begin..node.span().end,
        type_name: types::child(node),
        collation: None,
        default: None,
        generated: None,
        constraints: Vec::new(),
        storage: node.has(K::STORAGE),
        compression: node.has(K::COMPRESSION_METHOD),
        name,
    };
    for one in node.nodes() {
        match one.kind() {
            K::COLLATE => column.collation = collation(one),
            K::DEFAULT_CONSTRAINT => {
                // `DEFAULT x COLLATE y` is a default, and a collation of the column.
                let whole = one.nodes().find(|it| expr::is(it.kind()));
                column.default = match whole {
                    Some(it) if it.kind() == K::COLLATE => {
                        column.collation = collation(it);
                        expr::child(it)
                    }
                    _ => whole.map(expr::lower),
                };
            }
            K::GENERATED_CONSTRAINT => column.generated = generated(one),
            _ => {
                let own = std::slice::from_ref(&column.name);
                column.constraints.extend(constraint::lower(one, own));
            }
        }
    }
    column
}

/// `COLLATE`.
pub(super) fn collation(node: Node<'_>) -> Option<Name> {
    node.child(K::COLLATION_REF).map(names::object)
}

/// `ALWAYS`.
pub(super) fn always(node: Node<'_>) -> bool {
    node.has(K::GENERATED_ALWAYS)
}

fn generated(node: Node<'_>) -> Option<Generated> {
    if let Some(identity) = node.child(K::GENERATED_IDENTITY) {
        return Some(Generated::Identity {
            always: always(identity),
        });
    }
    let stored = node.child(K::GENERATED_STORED)?;
    Some(Generated::Expression {
        expr: expr::child(stored)?,
        // Without a word it is virtual (PostgreSQL 18); before, the word has to be there.
        stored: stored.has(K::STORED),
    })
}

fn like(node: Node<'_>, position: usize) -> Like {
    let options = |kind| {
        node.each(kind)
            .filter_map(|it| it.nodes().next())
            .map(|it| it.text().to_ascii_uppercase())
            .collect()
    };
    Like {
        table: names::child(node, K::RELATION_NAME_REF),
        including: options(K::INCLUDING_PROPERTY),
        excluding: options(K::EXCLUDING_PROPERTY),
        position,
    }
}

fn partition_by(node: Node<'_>) -> Partition {
    let strategy = node.child(K::PARTITION_STRATEGY);
    let items = node.child(K::PARTITION_ITEM_LIST);
    Partition {
        strategy: strategy
            .map(|it| it.text().to_ascii_lowercase())
            .unwrap_or_default(),
        keys: items
            .into_iter()
            .flat_map(|it| it.each(K::PARTITION_ITEM))
            .filter_map(expr::child)
            .collect(),
    }
}

/// The values that a partition is for.
pub(super) fn bound(node: Node<'_>) -> Option<Bound> {
    let list = |kind, of: Node<'_>| of.child(kind).map(expr::children).unwrap_or_default();
    node.nodes().find_map(|it| match it.kind() {
        K::PARTITION_DEFAULT => Some(Bound::Default),
        K::PARTITION_FOR_VALUES_IN => Some(Bound::In(expr::children(it))),
        K::PARTITION_FOR_VALUES_FROM => Some(Bound::FromTo(
            list(K::PARTITION_FROM_VALUES, it),
            list(K::PARTITION_TO_VALUES, it),
        )),
        K::PARTITION_FOR_VALUES_WITH => {
            let mut modulus = 0;
            let mut remainder = 0;
            for part in it.each(K::HASH_PARTITION_BOUND) {
                let number = part.child(K::LITERAL).and_then(|it| it.text().parse().ok());
                let name = part.first_token().map(Node::text).unwrap_or_default();
                if name.eq_ignore_ascii_case("modulus") {
                    modulus = number.unwrap_or(0);
                } else {
                    remainder = number.unwrap_or(0);
                }
            }
            Some(Bound::Hash { modulus, remainder })
        }
        _ => None,
    })
}
