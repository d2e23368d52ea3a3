//! Names of types, as `pg_type` has them.

use squawk_parser::SyntaxKind as K;

use super::names;
use crate::sql::ir::{Name, TypeName};
use crate::sql::tree::Node;

/// Bits of an interval's fields, as in PostgreSQL's `datetime.h`: its type modifier is made of them.
const YEAR: i64 = 1 << 2;
const MONTH: i64 = 1 << 1;
const DAY: i64 = 1 << 3;
const HOUR: i64 = 1 << 10;
const MINUTE: i64 = 1 << 11;
const SECOND: i64 = 1 << 12;
/// All fields.
const FULL: i64 = 0x7fff;

/// Whether a node is a type.
pub(super) fn is(kind: K) -> bool {
    matches!(
        kind,
        K::ARRAY_TYPE
            | K::PATH_TYPE
            | K::PERCENT_TYPE
            | K::VARCHAR_TYPE
            | K::CHARACTER_TYPE
            | K::BIT_TYPE
            | K::BIT_VARYING_TYPE
            | K::DOUBLE_TYPE
            | K::TIME_TYPE
            | K::TIMESTAMP_TYPE
            | K::INTERVAL_TYPE
    )
}

/// The type directly in a node.
pub(super) fn child(node: Node<'_>) -> Option<TypeName> {
    node.nodes().find(|it| is(it.kind())).map(lower)
}

/// A type.
pub(super) fn lower(node: Node<'_>) -> TypeName {
    let mut array = 0;
    let mut inner = node;
    while inner.kind() == K::ARRAY_TYPE {
        let bounds = inner.each(K::ARRAY_BOUND).count() as u32;
        array += bounds.max(u32::from(inner.has(K::ARRAY_KW)));
        match inner.nodes().find(|it| is(it.kind())) {
            Some(of) => inner = of,
            None => break,
        }
    }
    let mut found = scalar(inner);
    found.array = array;
    found.written = node.written().to_owned();
    found
}

fn plain(name: &str, modifiers: Vec<i64>) -> TypeName {
    TypeName {
        name: Name::plain(name),
        modifiers,
        array: 0,
        serial: false,
        written: String::new(),
    }
}

fn scalar(node: Node<'_>) -> TypeName {
    let modifiers = modifiers(node);
    let zone = node.has(K::WITH_TIMEZONE);
    match node.kind() {
        K::VARCHAR_TYPE => plain("varchar", modifiers),
        // Without a length it is one character long.
        K::CHARACTER_TYPE => plain("bpchar", or_one(modifiers)),
        K::BIT_TYPE => plain("bit", or_one(modifiers)),
        K::BIT_VARYING_TYPE => plain("varbit", modifiers),
        K::DOUBLE_TYPE => plain("float8", Vec::new()),
        K::TIME_TYPE => plain(if zone { "timetz" } else { "time" }, modifiers),
        K::TIMESTAMP_TYPE => plain(if zone { "timestamptz" } else { "timestamp" }, modifiers),
        K::INTERVAL_TYPE => plain("interval", interval(node, modifiers)),
        _ => path(node, modifiers),
    }
}

fn or_one(modifiers: Vec<i64>) -> Vec<i64> {
    if modifiers.is_empty() {
        vec![1]
    } else {
        modifiers
    }
}

/// A type that is named by a path; several built-in ones have a second name.
fn path(node: Node<'_>, modifiers: Vec<i64>) -> TypeName {
    let mut parts = names::parts(node);
    let quoted = node.first_token().is_some_and(|it| {
        let text = it.text();
        text.starts_with('"') || text.as_bytes().get(1) == Some(&b'&')
    });
    if parts.len() == 1 && !quoted {
        let name = parts.remove(0);
        return built_in(&name, modifiers);
    }
    TypeName {
        name: names::of(parts),
        modifiers,
        array: 0,
        serial: false,
        written: String::new(),
    }
}

/// A name without quotes and schema:
/// <https://www.postgresql.org/docs/current/datatype.html#DATATYPE-TABLE>.
pub(in crate::sql) fn built_in(name: &str, modifiers: Vec<i64>) -> TypeName {
    let serial = |name| TypeName {
        serial: true,
        ..plain(name, Vec::new())
    };
    match name {
        "int" | "integer" => plain("int4", modifiers),
        "bigint" => plain("int8", modifiers),
        "smallint" => plain("int2", modifiers),
        "decimal" | "dec" => plain("numeric", modifiers),
        "real" => plain("float4", modifiers),
        "boolean" => plain("bool", modifiers),
        "float" => match modifiers.first() {
            Some(1..=24) => plain("float4", Vec::new()),
            _ => plain("float8", Vec::new()),
        },
        "serial" | "serial4" => serial("int4"),
        "bigserial" | "serial8" => serial("int8"),
        "smallserial" | "serial2" => serial("int2"),
        _ => plain(name, modifiers),
    }
}

/// The whole numbers in parentheses.
fn modifiers(node: Node<'_>) -> Vec<i64> {
    let number = |it: Node<'_>| it.text().replace('_', "").parse::<i64>().ok();
    let Some(list) = node.child(K::ARG_LIST) else {
        return node.each(K::LITERAL).filter_map(number).collect();
    };
    list.each(K::ARG)
        .filter_map(|it| {
            let expr = it.nodes().next()?;
            match expr.kind() {
                K::PREFIX_EXPR => {
                    let value = expr.child(K::LITERAL).and_then(number)?;
                    expr.has(K::MINUS).then_some(-value)
                }
                _ => number(expr),
            }
        })
        .collect()
}

/// The type modifier of an interval: its fields, and the digits of its seconds if they are said.
fn interval(node: Node<'_>, precision: Vec<i64>) -> Vec<i64> {
    let fields = node.nodes().find(|it| {
        matches!(
            it.kind(),
            K::INTERVAL_YEAR
                | K::INTERVAL_MONTH
                | K::INTERVAL_DAY
                | K::INTERVAL_HOUR
                | K::INTERVAL_MINUTE
                | K::INTERVAL_SECOND
        )
    });
    let Some(fields) = fields else {
        return match precision.first() {
            Some(&digits) => vec![FULL, digits],
            None => Vec::new(),
        };
    };
    let order = [
        (K::YEAR_KW, YEAR),
        (K::MONTH_KW, MONTH),
        (K::DAY_KW, DAY),
        (K::HOUR_KW, HOUR),
        (K::MINUTE_KW, MINUTE),
        (K::SECOND_KW, SECOND),
    ];
    let named: Vec<usize> = (0..order.len())
        .filter(|&at| fields.has(order[at].0))
        .collect();
    let mask = match named.as_slice() {
        [one] => order[*one].1,
        [from, .., to] => order[*from..=*to].iter().map(|(_, bit)| bit).sum(),
        [] => FULL,
    };
    let mut all = vec![mask];
    all.extend(modifiers(fields));
    all
}
