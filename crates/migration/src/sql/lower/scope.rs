//! Who reads what in a statement.

use squawk_parser::SyntaxKind as K;

use super::query::{self, Named};
use super::{expr, names, types};
use crate::sql::ir::{Mention, Name, Scope, Source};
use crate::sql::tree::Node;

/// The queries of a statement; none if it neither is one nor has one in it.
pub(in crate::sql) fn lower(node: Node<'_>) -> Option<Scope> {
    let has_query = node.all().any(|it| !it.is_token() && is(it.kind()));
    let copies = node.kind() == K::COPY && node.find(K::COPY_TABLE).is_some();
    if !has_query && !copies {
        return None;
    }
    let named = Named::of(node);
    Some(if is(node.kind()) {
        scope(node, &named)
    } else {
        let mut around = Scope::default();
        if let Some(table) = node.find(K::COPY_TABLE) {
            copied(table, &mut around);
        } else {
            inside(node, &named, &mut around);
        }
        around
    })
}

fn is(kind: K) -> bool {
    query::is(kind) || changes(kind)
}

fn changes(kind: K) -> bool {
    matches!(kind, K::INSERT | K::UPDATE | K::DELETE | K::MERGE)
}

/// `COPY t (a, b)`.
fn copied(table: Node<'_>, around: &mut Scope) {
    let name = names::child(table, K::TABLE_NAME_REF);
    around.sources.push(Source {
        known_as: name.name.clone(),
        relation: Some(name),
    });
    match table.child(K::COLUMN_REF_LIST) {
        Some(list) => around.mentions.extend(
            list.each(K::COLUMN_NAME_REF)
                .map(|it| column(None, it.name())),
        ),
        None => around.mentions.push(Mention::All { of: None }),
    }
}

fn column(of: Option<String>, name: String) -> Mention {
    Mention::Column { of, name }
}

fn scope(node: Node<'_>, named: &Named) -> Scope {
    let mut made = Scope::default();
    let target = match node.kind() {
        K::UPDATE | K::DELETE => node.child(K::RELATION_NAME),
        K::INSERT => node.child(K::RELATION_NAME_REF),
        K::MERGE => node.child(K::TABLE_RELATION_NAME),
        K::TABLE => {
            made.mentions.push(Mention::All { of: None });
            node.child(K::RELATION_NAME)
        }
        _ => None,
    };
    if let Some(target) = target {
        let name = names::object(target);
        let alias = node
            .nodes()
            .filter(|it| matches!(it.kind(), K::OPTIONAL_AS_ALIAS | K::REQUIRED_AS_ALIAS))
            .find_map(|it| names::first(it, K::TABLE_ALIAS));
        made.sources.push(source(name, alias, named, target));
    }
    let inserts = match node.kind() {
        K::INSERT => Some(node),
        K::MERGE => node.find(K::MERGE_INSERT),
        _ => None,
    };
    if let Some(inserts) = inserts
        && !inserts.has(K::COLUMN_TARGET_LIST)
        && !inserts.has(K::DEFAULT_VALUES)
    {
        made.mentions.push(Mention::Places);
    }
    inside(node, named, &mut made);
    made
}

fn source(name: Name, alias: Option<String>, named: &Named, at: Node<'_>) -> Source {
    let hidden = named.hides(&name, at.index());
    Source {
        known_as: alias.unwrap_or_else(|| name.name.clone()),
        relation: (!hidden).then_some(name),
    }
}

/// Everything in a node but the queries in it, which become scopes of their own.
fn inside(node: Node<'_>, named: &Named, made: &mut Scope) {
    let mut behind = node.index() + 1;
    for one in node.all() {
        if one.index() < behind {
            continue;
        }
        if one.is_token() {
            if one.kind() == K::NATURAL_KW {
                made.mentions.push(Mention::All { of: None });
            }
            continue;
        }
        match one.kind() {
            kind if is(kind) => {
                let mut inner = scope(one, named);
                // The rows that are inserted are made before the table is seen.
                inner.closed = node.kind() == K::INSERT && node.nodes().any(|it| same(it, one));
                made.inner.push(inner);
                behind = one.end_index();
            }
            K::RELATION_FROM_ITEM => {
                let alias = one.child(K::FROM_ALIAS);
                let known = alias.and_then(|it| names::first(it, K::TABLE_ALIAS));
                let found = source(names::object(one), known, named, one);
                if alias.is_some_and(|it| it.has(K::COLUMN_LIST)) {
                    let of = Some(found.known_as.clone());
                    made.mentions.push(Mention::All { of });
                }
                made.sources.push(found);
                behind = one.end_index();
            }
            K::EXPR_FROM_ITEM
            | K::FUNCTION_FROM_ITEM
            | K::GRAPH_TABLE_FROM_ITEM
            | K::JSON_TABLE_FROM_ITEM
            | K::PAREN_FROM_ITEM
            | K::ROWS_FROM_ITEM
            | K::XML_TABLE_FROM_ITEM => {
                let alias = one.child(K::FROM_ALIAS);
                made.sources
                    .extend(alias.and_then(|it| names::first(it, K::TABLE_ALIAS)).map(
                        |known_as| Source {
                            known_as,
                            relation: None,
                        },
                    ));
            }
            K::FROM_ALIAS | K::LOCKING_CLAUSE => behind = one.end_index(),
            K::TARGET if one.has(K::STAR) => made.mentions.push(Mention::All { of: None }),
            K::FIELD_EXPR if expr::is_path(one) => {
                behind = one.end_index();
                made.mentions.extend(path(one));
            }
            K::CALL_EXPR
                if one
                    .nodes()
                    .next()
                    .is_some_and(|it| matches!(it.kind(), K::NAME_REF | K::FIELD_EXPR)) =>
            {
                // The function's own name; what it is called with follows.
                behind = one.nodes().next().map_or(behind, Node::end_index);
            }
            K::NAME_REF => {
                if let crate::sql::ir::Node::Column(name) = expr::lower(one).node {
                    made.mentions.push(column(None, name));
                }
            }
            K::COLUMN_NAME_REF => made.mentions.push(column(None, one.name())),
            kind if types::is(kind) => behind = one.end_index(),
            _ => {}
        }
    }
}

fn same(one: Node<'_>, other: Node<'_>) -> bool {
    one.index() == other.index()
}

/// `t.c`, `s.t.c`, `t.*`.
fn path(node: Node<'_>) -> Option<Mention> {
    let mut parts: Vec<String> = node
        .all()
        .filter(|it| it.kind() == K::NAME_REF)
        .map(Node::name)
        .collect();
    let last = parts.pop()?;
    let star = node.all().any(|it| it.is_token() && it.kind() == K::STAR);
    Some(if star {
        Mention::All { of: Some(last) }
    } else {
        column(parts.pop(), last)
    })
}
