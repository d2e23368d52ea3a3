//! What queries read and return.

use std::collections::HashSet;

use squawk_parser::SyntaxKind as K;

use super::{expr, names, types};
use crate::sql::ir::{Name, Output, Query};
use crate::sql::tree::Node;

/// Whether a node is a query.
pub(super) fn is(kind: K) -> bool {
    matches!(
        kind,
        K::SELECT | K::SELECT_INTO | K::COMPOUND_SELECT | K::PAREN_SELECT | K::VALUES | K::TABLE
    )
}

/// What a statement or a part of one reads, and what it returns if it is a query.
pub(super) fn lower(node: Node<'_>) -> Query {
    let mut query = Query::default();
    let named = Named::of(node);
    let mut seen = Seen::default();
    let mut behind = node.index();
    for one in node.all() {
        if one.index() < behind || one.is_token() {
            continue;
        }
        match one.kind() {
            K::RELATION_FROM_ITEM => {
                let name = names::object(one);
                if !named.hides(&name, one.index()) && seen.tables.insert(name.clone()) {
                    query.tables.push(name);
                }
                // The alias is no column.
                behind = one
                    .child(K::TABLESAMPLE_CLAUSE)
                    .map_or(one.end_index(), Node::index);
            }
            K::TABLE => {
                let name = names::child(one, K::RELATION_NAME);
                if !named.hides(&name, one.index()) && seen.tables.insert(name.clone()) {
                    query.tables.push(name);
                }
                query.star = true;
            }
            K::LOCKING_CLAUSE => {
                query.locks_rows = true;
                behind = one.end_index();
            }
            K::CALL_EXPR
                if one
                    .nodes()
                    .next()
                    .is_some_and(|it| expr::is_no_function(it.kind())) => {}
            K::CALL_EXPR => {
                let name = expr::callee(one);
                if let Some(of) = one.nodes().next()
                    && matches!(of.kind(), K::NAME_REF | K::FIELD_EXPR)
                {
                    behind = of.end_index();
                }
                if seen.functions.insert(name.clone()) {
                    query.functions.push(name);
                }
            }
            K::TARGET if one.has(K::STAR) => query.star = true,
            K::FIELD_EXPR => {
                if one.has(K::STAR) {
                    query.star = true;
                    behind = one.end_index();
                } else if let Some(last) = one.nodes().last()
                    && last.kind() == K::NAME_REF
                {
                    seen.column(&mut query, last.name());
                    if one
                        .all()
                        .all(|it| it.is_token() || matches!(it.kind(), K::FIELD_EXPR | K::NAME_REF))
                    {
                        behind = one.end_index();
                    }
                }
            }
            K::NAME_REF => match expr::lower(one).node {
                crate::sql::ir::Node::Column(name) => seen.column(&mut query, name),
                crate::sql::ir::Node::Call { name, .. } if seen.functions.insert(name.clone()) => {
                    query.functions.push(name);
                }
                _ => {}
            },
            K::COLUMN_NAME_REF => seen.column(&mut query, one.name()),
            kind if types::is(kind) => behind = one.end_index(),
            _ => {}
        }
    }
    if is(node.kind()) {
        query.outputs = outputs(node, &named);
    }
    query
}

#[derive(Default)]
struct Seen {
    tables: HashSet<Name>,
    functions: HashSet<Name>,
    columns: HashSet<String>,
}

impl Seen {
    fn column(&mut self, query: &mut Query, name: String) {
        if self.columns.insert(name.clone()) {
            query.columns.push(name);
        }
    }
}

/// The names of `WITH`, and where each hides a table of its name.
pub(super) struct Named {
    all: Vec<(String, usize, usize)>,
}

impl Named {
    pub(super) fn of(node: Node<'_>) -> Self {
        let mut all = Vec::new();
        // Where the statements around the current place end, the outermost first.
        let mut around: Vec<usize> = Vec::new();
        for one in node.all() {
            while around.last().is_some_and(|&end| end <= one.index()) {
                around.pop();
            }
            let kind = one.kind();
            if is(kind) || matches!(kind, K::INSERT | K::UPDATE | K::DELETE | K::MERGE) {
                // A compound query keeps the clause in its first part.
                let end = match around.last() {
                    Some(&end) if one.index() > 0 && Self::is_first_part(node, one) => end,
                    _ => one.end_index(),
                };
                around.push(end);
            } else if kind == K::WITH_CLAUSE {
                let end = around.last().copied().unwrap_or(node.end_index());
                let recursive = one.has(K::RECURSIVE_KW);
                for table in one.each(K::WITH_TABLE) {
                    let from = if recursive {
                        one.index()
                    } else {
                        table.end_index()
                    };
                    let name = names::first(table, K::CTE_NAME).unwrap_or_default();
                    all.push((name, from, end));
                }
            }
        }
        Self { all }
    }

    /// Whether a query is the first part of a compound one, which then begins right before it.
    fn is_first_part(root: Node<'_>, node: Node<'_>) -> bool {
        root.at_index(node.index() - 1)
            .is_some_and(|it| it.kind() == K::COMPOUND_SELECT)
    }

    pub(super) fn hides(&self, name: &Name, at: usize) -> bool {
        name.schema.is_none()
            && self
                .all
                .iter()
                .any(|(one, from, end)| *one == name.name && (*from..*end).contains(&at))
    }
}

/// The query whose list decides what is returned.
fn deciding(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    loop {
        match node.kind() {
            K::SELECT | K::SELECT_INTO | K::VALUES | K::TABLE => return Some(node),
            _ => {
                node = node
                    .nodes()
                    .find(|it| is(it.kind()) || it.kind() == K::PAREN_EXPR)?
            }
        }
    }
}

fn outputs(node: Node<'_>, named: &Named) -> Vec<Output> {
    let Some(query) = deciding(node) else {
        return Vec::new();
    };
    match query.kind() {
        K::TABLE => {
            let name = names::child(query, K::RELATION_NAME);
            let hidden = named.hides(&name, query.index());
            let tables = if hidden { Vec::new() } else { vec![name] };
            vec![Output::All { tables }]
        }
        K::VALUES => {
            let row = query.find(K::ROW);
            let values = row.map(expr::children).unwrap_or_default();
            let name = |at: usize| format!("column{}", at + 1);
            values
                .into_iter()
                .enumerate()
                .map(|(at, expr)| Output::One {
                    name: name(at),
                    expr,
                })
                .collect()
        }
        _ => {
            let sources = sources(query, named);
            query
                .child(K::SELECT_CLAUSE)
                .and_then(|it| it.child(K::TARGET_LIST))
                .into_iter()
                .flat_map(|list| list.each(K::TARGET))
                .map(|target| output(target, sources.as_deref()))
                .collect()
        }
    }
}

fn output(target: Node<'_>, sources: Option<&[(String, Option<Name>)]>) -> Output {
    if target.has(K::STAR) {
        let tables = sources.and_then(|all| all.iter().map(|(_, name)| name.clone()).collect());
        return Output::All {
            tables: tables.unwrap_or_default(),
        };
    }
    if let Some(field) = target.child(K::FIELD_EXPR)
        && field.has(K::STAR)
    {
        let of = field.nodes().next().map(Node::name);
        let source =
            sources.and_then(|all| all.iter().find(|(alias, _)| Some(alias) == of.as_ref()));
        let table = source.and_then(|(_, name)| name.clone());
        return Output::All {
            tables: table.into_iter().collect(),
        };
    }
    let of = target.nodes().find(|it| expr::is(it.kind()));
    let given = target
        .child(K::AS_NAME)
        .and_then(|it| names::first(it, K::COLUMN_NAME));
    let name = given
        .or_else(|| of.and_then(figure))
        .unwrap_or_else(|| "?column?".to_owned());
    match of {
        Some(of) => Output::One {
            name,
            expr: expr::lower(of),
        },
        None => Output::All { tables: Vec::new() },
    }
}

/// What a query takes rows from: the name by which it is known there, and the table if it is one.
/// None where columns are merged, so that `*` is not simply all of them.
fn sources(query: Node<'_>, named: &Named) -> Option<Vec<(String, Option<Name>)>> {
    let mut found = Vec::new();
    let Some(from) = query.child(K::FROM_CLAUSE) else {
        return Some(found);
    };
    let mut behind = from.index();
    for one in from.all() {
        if one.index() < behind {
            continue;
        }
        match one.kind() {
            K::NATURAL_KW | K::JOIN_USING_CLAUSE => return None,
            K::RELATION_FROM_ITEM => {
                let name = names::object(one);
                let alias = one
                    .child(K::FROM_ALIAS)
                    .and_then(|it| names::first(it, K::TABLE_ALIAS));
                let known = alias.unwrap_or_else(|| name.name.clone());
                let table = (!named.hides(&name, one.index())).then_some(name);
                found.push((known, table));
                behind = one.end_index();
            }
            K::EXPR_FROM_ITEM
            | K::FUNCTION_FROM_ITEM
            | K::GRAPH_TABLE_FROM_ITEM
            | K::JSON_TABLE_FROM_ITEM
            | K::PAREN_FROM_ITEM
            | K::ROWS_FROM_ITEM
            | K::XML_TABLE_FROM_ITEM => {
                let alias = one
                    .child(K::FROM_ALIAS)
                    .and_then(|it| names::first(it, K::TABLE_ALIAS));
                found.push((alias.unwrap_or_default(), None));
                behind = one.end_index();
            }
            _ => {}
        }
    }
    Some(found)
}

/// The name that PostgreSQL gives a column, where nobody does.
fn figure(node: Node<'_>) -> Option<String> {
    let mut node = node;
    // A cast has the name of its type only if nothing in it has one.
    let mut cast = None;
    let found = loop {
        match node.kind() {
            K::NAME_REF => break Some(node.name()),
            K::FIELD_EXPR => break node.nodes().last().map(Node::name),
            K::CALL_EXPR => {
                let name = expr::callee(node).name;
                break Some(if name == "trim" {
                    "btrim".to_owned()
                } else {
                    name
                });
            }
            K::CAST_EXPR => cast = cast.or_else(|| types::child(node).map(|it| it.name.name)),
            K::CASE_EXPR => {
                let last = node.child(K::ELSE_CLAUSE).and_then(|it| it.nodes().next());
                break last
                    .and_then(figure_of_else)
                    .or_else(|| Some("case".to_owned()));
            }
            K::ARRAY_EXPR => break Some("array".to_owned()),
            K::TUPLE_EXPR => break Some("row".to_owned()),
            K::COLLATE | K::INDEX_EXPR | K::SLICE_EXPR => {}
            K::PAREN_EXPR => {
                let inner = node.nodes().next()?;
                if is(inner.kind()) {
                    let list = deciding(inner)?
                        .child(K::SELECT_CLAUSE)?
                        .child(K::TARGET_LIST)?;
                    let target = list.child(K::TARGET)?;
                    let given = target.child(K::AS_NAME);
                    if let Some(given) = given.and_then(|it| names::first(it, K::COLUMN_NAME)) {
                        break Some(given);
                    }
                    match target.nodes().find(|it| expr::is(it.kind())) {
                        Some(inner) => {
                            node = inner;
                            continue;
                        }
                        None => break None,
                    }
                }
            }
            _ => break None,
        }
        match node.nodes().find(|it| expr::is(it.kind())) {
            Some(inner) => node = inner,
            None => break None,
        }
    };
    found.or(cast)
}

/// `CASE` takes the name of what stands after `ELSE`, if that has a strong one.
fn figure_of_else(node: Node<'_>) -> Option<String> {
    match node.kind() {
        K::NAME_REF => Some(node.name()),
        K::FIELD_EXPR => node.nodes().last().map(Node::name),
        K::CALL_EXPR => Some(expr::callee(node).name),
        _ => None,
    }
}
