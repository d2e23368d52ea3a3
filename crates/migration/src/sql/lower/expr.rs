//! Expressions.

use squawk_parser::SyntaxKind as K;

use super::{names, types};
use crate::sql::ir::{Expr, Name, Node as Is, Operator};
use crate::sql::tree::Node;

/// How deeply expressions are kept as they are nested. What lies deeper is kept without its shape.
const DEPTH: usize = 64;

/// Whether a node is an expression.
pub(super) fn is(kind: K) -> bool {
    matches!(
        kind,
        K::CALL_EXPR
            | K::CAST_EXPR
            | K::COLLATE
            | K::ARRAY_EXPR
            | K::LITERAL
            | K::NAME_REF
            | K::BIN_EXPR
            | K::CASE_EXPR
            | K::FIELD_EXPR
            | K::INDEX_EXPR
            | K::SLICE_EXPR
            | K::BETWEEN_EXPR
            | K::PAREN_EXPR
            | K::TUPLE_EXPR
            | K::PREFIX_EXPR
            | K::POSTFIX_EXPR
            | K::NON_STANDARD_PARAM
    )
}

/// The first expression directly in a node.
pub(super) fn child(node: Node<'_>) -> Option<Expr> {
    node.nodes().find(|it| is(it.kind())).map(lower)
}

/// The expressions directly in a node.
pub(super) fn children(node: Node<'_>) -> Vec<Expr> {
    node.nodes().filter(|it| is(it.kind())).map(lower).collect()
}

/// An expression.
pub(super) fn lower(node: Node<'_>) -> Expr {
    at(node, 0)
}

fn made(node: Node<'_>, is: Is) -> Expr {
    Expr {
        text: node.written().to_owned(),
        span: node.span(),
        node: is,
    }
}

fn at(node: Node<'_>, depth: usize) -> Expr {
    let depth = depth + 1;
    if depth > DEPTH {
        return made(node, Is::Other(flat(node)));
    }
    let is = match node.kind() {
        K::LITERAL => literal(node),
        K::NAME_REF => name(node),
        K::FIELD_EXPR => field(node, depth),
        K::CALL_EXPR => call(node, depth),
        K::CAST_EXPR => cast(node, depth),
        K::BIN_EXPR => binary(node, depth),
        K::PREFIX_EXPR => prefix(node, depth),
        K::POSTFIX_EXPR if node.has(K::ISNULL_KW) || node.has(K::NOTNULL_KW) => {
            is_null(node, node.has(K::NOTNULL_KW), depth)
        }
        K::PAREN_EXPR => match node.nodes().next() {
            Some(inner) if self::is(inner.kind()) => at(inner, depth).node,
            _ => other(node, depth),
        },
        _ => other(node, depth),
    };
    made(node, is)
}

fn other(node: Node<'_>, depth: usize) -> Is {
    Is::Other(inner(node).into_iter().map(|it| at(it, depth)).collect())
}

/// The nearest expressions inside a node, at whatever depth.
fn inner(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut behind = node.index() + 1;
    for one in node.all() {
        if one.index() < behind {
            continue;
        }
        if is(one.kind()) {
            found.push(one);
            behind = one.end_index();
        } else if types::is(one.kind()) {
            behind = one.end_index();
        }
    }
    found
}

/// The columns and calls anywhere inside a node.
fn flat(node: Node<'_>) -> Vec<Expr> {
    let mut found = Vec::new();
    let mut behind = node.index();
    for one in node.all() {
        if one.index() < behind {
            continue;
        }
        match one.kind() {
            K::CALL_EXPR
                if one
                    .nodes()
                    .next()
                    .is_some_and(|it| is_no_function(it.kind())) => {}
            K::CALL_EXPR => {
                let name = callee(one);
                if let Some(of) = one.nodes().next()
                    && matches!(of.kind(), K::NAME_REF | K::FIELD_EXPR)
                {
                    behind = of.end_index();
                }
                let call = Is::Call {
                    name,
                    arguments: Vec::new(),
                };
                found.push(leaf(one, call));
            }
            K::FIELD_EXPR if is_path(one) => {
                behind = one.end_index();
                if let Some(column) = last_name(one) {
                    found.push(leaf(one, Is::Column(column)));
                }
            }
            K::NAME_REF => found.push(leaf(one, name(one))),
            kind if types::is(kind) => behind = one.end_index(),
            _ => {}
        }
    }
    found
}

/// Without its text, of which there would be one for each level.
fn leaf(node: Node<'_>, is: Is) -> Expr {
    Expr {
        text: String::new(),
        span: node.span(),
        node: is,
    }
}

fn literal(node: Node<'_>) -> Is {
    if node.has(K::NULL_KW) {
        Is::Null
    } else {
        match node.first_token().map(Node::kind) {
            Some(K::TRUE_KW | K::FALSE_KW | K::DEFAULT_KW) => {
                Is::Literal(node.text().to_ascii_lowercase())
            }
            Some(K::POSITIONAL_PARAM) => Is::Other(Vec::new()),
            _ => Is::Literal(node.string()),
        }
    }
}

/// Names that are calls without parentheses:
/// <https://www.postgresql.org/docs/current/functions-info.html>.
fn is_call_without_parentheses(kind: K) -> bool {
    matches!(
        kind,
        K::CURRENT_CATALOG_KW
            | K::CURRENT_DATE_KW
            | K::CURRENT_ROLE_KW
            | K::CURRENT_SCHEMA_KW
            | K::CURRENT_TIME_KW
            | K::CURRENT_TIMESTAMP_KW
            | K::CURRENT_USER_KW
            | K::LOCALTIME_KW
            | K::LOCALTIMESTAMP_KW
            | K::SESSION_USER_KW
            | K::SYSTEM_USER_KW
            | K::USER_KW
    )
}

fn name(node: Node<'_>) -> Is {
    let kind = node.first_token().map(Node::kind);
    if kind.is_some_and(is_call_without_parentheses) {
        Is::Call {
            name: Name::plain(node.text().to_ascii_lowercase()),
            arguments: Vec::new(),
        }
    } else {
        Is::Column(node.name())
    }
}

/// Whether `a.b.c` is only names.
pub(super) fn is_path(node: Node<'_>) -> bool {
    node.all()
        .all(|it| it.is_token() || matches!(it.kind(), K::FIELD_EXPR | K::NAME_REF))
}

/// The last name of `a.b.c`; none for `a.*`.
fn last_name(node: Node<'_>) -> Option<String> {
    if node.has(K::STAR) {
        return None;
    }
    Some(
        node.nodes()
            .filter(|it| it.kind() == K::NAME_REF)
            .last()?
            .name(),
    )
}

fn field(node: Node<'_>, depth: usize) -> Is {
    if is_path(node) {
        match last_name(node) {
            Some(column) => Is::Column(column),
            None => Is::Other(Vec::new()),
        }
    } else {
        // A field of a value.
        Is::Other(
            node.nodes()
                .next()
                .map(|it| at(it, depth))
                .into_iter()
                .collect(),
        )
    }
}

/// The function that is called.
pub(super) fn callee(node: Node<'_>) -> Name {
    let Some(of) = node.nodes().next() else {
        return Name::plain("");
    };
    match of.kind() {
        K::NAME_REF => Name::plain(of.name()),
        K::FIELD_EXPR => {
            let parts = of.all().filter(|it| it.kind() == K::NAME_REF);
            names::of(parts.map(Node::name).collect())
        }
        // `extract (…)` and others with a grammar of their own.
        _ => Name::plain(
            of.first_token()
                .map(Node::text)
                .unwrap_or_default()
                .to_ascii_lowercase(),
        ),
    }
}

/// What has parentheses like a call, and is none: `EXISTS (…)`, `= ANY (…)`.
pub(super) fn is_no_function(kind: K) -> bool {
    matches!(kind, K::EXISTS_FN | K::ANY_FN | K::ALL_FN | K::SOME_FN)
}

fn call(node: Node<'_>, depth: usize) -> Is {
    let Some(of) = node.nodes().next() else {
        return Is::Other(Vec::new());
    };
    if is_no_function(of.kind()) {
        return other(node, depth);
    }
    let mut arguments: Vec<Expr> = Vec::new();
    if !matches!(of.kind(), K::NAME_REF | K::FIELD_EXPR) {
        arguments.extend(inner(of).into_iter().map(|it| at(it, depth)));
    }
    for part in node.nodes().skip(1) {
        arguments.extend(inner(part).into_iter().map(|it| at(it, depth)));
    }
    Is::Call {
        name: callee(node),
        arguments,
    }
}

fn cast(node: Node<'_>, depth: usize) -> Is {
    let of = node.nodes().find(|it| is(it.kind()));
    match (of, types::child(node)) {
        (Some(of), Some(to)) => Is::Cast {
            of: Box::new(at(of, depth)),
            to,
        },
        _ => other(node, depth),
    }
}

fn prefix(node: Node<'_>, depth: usize) -> Is {
    let Some(of) = node.nodes().find(|it| is(it.kind())) else {
        return Is::Other(Vec::new());
    };
    let inner = at(of, depth);
    if node.has(K::NOT_KW) {
        return Is::Not(Box::new(inner));
    }
    let sign = node.first_token().map(Node::text);
    match (&inner.node, sign) {
        (Is::Literal(number), Some("-")) if of.kind() == K::LITERAL && is_number(of) => {
            Is::Literal(format!("-{number}"))
        }
        _ => Is::Other(vec![inner]),
    }
}

fn is_number(node: Node<'_>) -> bool {
    let kind = node.first_token().map(Node::kind);
    matches!(kind, Some(K::INT_NUMBER | K::NUMERIC_NUMBER))
}

fn is_null(node: Node<'_>, not: bool, depth: usize) -> Is {
    match node.nodes().find(|it| is(it.kind())) {
        Some(of) => Is::IsNull {
            of: Box::new(at(of, depth)),
            not,
        },
        None => Is::Other(Vec::new()),
    }
}

fn binary(node: Node<'_>, depth: usize) -> Is {
    for (word, whole) in [
        (K::AND_KW, Is::And as fn(Vec<Expr>) -> Is),
        (K::OR_KW, Is::Or),
    ] {
        if node.has(word) {
            return whole(chain(node, word, depth));
        }
    }
    let mut sides = node.nodes().filter(|it| is(it.kind()));
    let (Some(left), Some(right)) = (sides.next(), sides.next()) else {
        return other(node, depth);
    };
    let null = right.kind() == K::LITERAL && right.has(K::NULL_KW);
    if null && (node.has(K::IS_KW) || node.has(K::IS_NOT)) {
        return is_null(node, node.has(K::IS_NOT), depth);
    }
    match operator(node) {
        Some(operator) => Is::Compare {
            operator,
            left: Box::new(at(left, depth)),
            right: Box::new(at(right, depth)),
        },
        None => Is::Other(vec![at(left, depth), at(right, depth)]),
    }
}

/// What is joined by one word, however often. The left side is the deep one.
fn chain(node: Node<'_>, word: K, depth: usize) -> Vec<Expr> {
    let mut parts = Vec::new();
    let mut rest = node;
    while rest.kind() == K::BIN_EXPR && rest.has(word) {
        let mut sides = rest.nodes().filter(|it| is(it.kind()));
        let (Some(left), right) = (sides.next(), sides.next()) else {
            break;
        };
        parts.extend(right);
        rest = left;
    }
    parts.push(rest);
    let mut all = Vec::new();
    for part in parts.into_iter().rev() {
        let part = at(part, depth);
        match (part.node, word) {
            (Is::And(inner), K::AND_KW) | (Is::Or(inner), K::OR_KW) => all.extend(inner),
            (node, _) => all.push(Expr { node, ..part }),
        }
    }
    all
}

fn operator(node: Node<'_>) -> Option<Operator> {
    let one = node
        .children()
        .find(|it| it.is_token() || matches!(it.kind(), K::CUSTOM_OP | K::OP))?;
    Some(match one.text() {
        "=" => Operator::Equal,
        "<>" | "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return None,
    })
}
