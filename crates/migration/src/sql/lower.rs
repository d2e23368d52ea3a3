//! From syntax trees to statements.

use squawk_parser::SyntaxKind as K;

use super::ir::{Kind, Output, Query, Span, Statement, Unknown};
use super::tree::Node;

mod alter;
mod constraint;
mod dml;
mod drop;
mod expr;
mod index;
mod misc;
mod names;
mod query;
pub(super) mod scope;
mod table;
mod type_ddl;
pub(super) mod types;

/// The first words of a statement, in upper case.
fn first_words(node: Node<'_>) -> String {
    let words = node.all().filter(|it| it.is_token()).map(Node::text);
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic());
    let all: Vec<String> = words
        .take_while(is_word)
        .take(3)
        .map(str::to_ascii_uppercase)
        .collect();
    all.join(" ")
}

/// A statement, as one of ours or as several: the changes in its `WITH` and what `CREATE SCHEMA`
/// contains are statements of their own.
pub(super) fn statement(node: Node<'_>, found: &mut Vec<Statement>) {
    if node.kind() == K::CREATE_SCHEMA {
        found.push(made(node, misc::create_schema(node)));
        for one in node.nodes() {
            if !matches!(
                one.kind(),
                K::IF_NOT_EXISTS | K::NAMED_SCHEMA | K::AUTHORIZATION_SCHEMA
            ) {
                let first = found.len();
                statement(one, found);
                misc::put_into_schema(node, &mut found[first..]);
            }
        }
        return;
    }
    changes_in_with(node, found);
    let first = found.len();
    for kind in kinds(node) {
        found.push(made(node, kind));
    }
    if found.len() == first {
        let what = first_words(node);
        found.push(made(
            node,
            Kind::Unknown {
                reason: Unknown::Statement { what },
            },
        ));
    }
}

/// From the first to the last token, without the semicolon.
fn span(node: Node<'_>) -> Span {
    let whole = node.span();
    let end = node
        .children()
        .filter(|it| it.kind() != K::SEMICOLON)
        .last();
    whole.start..end.map_or(whole.end, |it| it.span().end)
}

fn made(node: Node<'_>, kind: Kind) -> Statement {
    Statement {
        span: span(node),
        kind,
        conditional: false,
    }
}

/// `WITH x AS (DELETE …)`.
fn changes_in_with(node: Node<'_>, found: &mut Vec<Statement>) {
    if !(query::is(node.kind())
        || matches!(
            node.kind(),
            K::INSERT | K::UPDATE | K::DELETE | K::MERGE | K::CREATE_TABLE_AS
        ))
    {
        return;
    }
    for one in node.all().skip(1) {
        let kind = match one.kind() {
            K::INSERT => dml::insert(one),
            K::UPDATE => dml::update(one),
            K::DELETE => dml::delete(one),
            K::MERGE => dml::merge(one),
            _ => continue,
        };
        // The keyword of a token has another kind than the statement.
        if !one.is_token() {
            found.push(made(one, kind));
        }
    }
}

fn kinds(node: Node<'_>) -> Vec<Kind> {
    let one = match node.kind() {
        K::CREATE_TABLE | K::CREATE_TABLE_AS | K::CREATE_FOREIGN_TABLE => table::create(node),
        K::CREATE_INDEX => index::create(node),
        K::CREATE_VIEW | K::CREATE_MATERIALIZED_VIEW => index::view(node),
        K::REFRESH => index::refresh(node),
        K::CREATE_TYPE => type_ddl::create(node),
        K::ALTER_TYPE => return type_ddl::alter(node),
        K::CREATE_DOMAIN => type_ddl::domain(node),
        K::ALTER_DOMAIN => type_ddl::alter_domain(node),
        K::INSERT => dml::insert(node),
        K::UPDATE => dml::update(node),
        K::DELETE => dml::delete(node),
        K::MERGE => dml::merge(node),
        K::COPY => dml::copy(node),
        K::SELECT_INTO => table::select_into(node),
        kind if query::is(kind) => select(node),
        K::REINDEX => return index::reindex(node).into_iter().collect(),
        _ => {
            let found = drop::lower(node)
                .or_else(|| alter::lower(node))
                .or_else(|| misc::lower(node));
            return found.into_iter().collect();
        }
    };
    vec![one]
}

/// A query; `SELECT set_config('search_path', …)` is a `SET`.
fn select(node: Node<'_>) -> Kind {
    let query = query::lower(node);
    misc::set_config(&query).unwrap_or(Kind::Select(query))
}

/// The one column that a query returns.
fn only_output(query: &Query) -> Option<&super::ir::Expr> {
    match query.outputs.as_slice() {
        [Output::One { expr, .. }] => Some(expr),
        _ => None,
    }
}
