//! Whether `ALTER COLUMN … TYPE` writes the table anew.
//!
//! The server turns every row's value by an expression: the column, or what `USING` says, cast to
//! the new type. It leaves the rows alone if that expression, once simplified, is only the column
//! under other labels: `ATColumnChangeRequiresRewrite` in `src/backend/commands/tablecmds.c`. What
//! simplifies away are casts without a function (`pg_cast.castmethod` is `b`), domains without
//! checks, lengths and precisions that only grow (the support functions of `varchar`, `varbit`,
//! `numeric` and of times), and `timestamp` to `timestamptz` and back if the time zone is UTC.

use super::kind::{Kind, Seen, see_through};
use crate::schema::Schema;
use crate::sql::ir::{Expr, Node, TypeName};

/// What a change of type does to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::facts) struct Change {
    /// Whether they are written anew.
    pub(in crate::facts) rewrite: bool,
    /// Whether that was taken to be so because the time zone is not known.
    pub(in crate::facts) zone_unknown: bool,
    /// Whether that was taken to be so because a type is not known.
    pub(in crate::facts) type_unknown: bool,
}

/// A value on its way to the new type; none once something was computed from it.
struct Value {
    /// Its type; a domain is seen through unless nothing has been done yet.
    seen: Seen,
    /// What came in the way.
    rewrite: bool,
    zone_unknown: bool,
}

/// What a change of the column `column` from one type to another does to the rows.
pub(in crate::facts) fn change(
    column: &str,
    from: &TypeName,
    to: &TypeName,
    using: Option<&Expr>,
    schema: &Schema,
) -> Change {
    let start = see_through(from, schema);
    let target = see_through(to, schema);
    let type_unknown = start.unknown || target.unknown;
    let mut value = Value {
        seen: start,
        rewrite: false,
        zone_unknown: false,
    };
    if let Some(expr) = using {
        value.evaluate(expr, column, schema)
    }
    value.cast(&target, schema);
    // A type that nobody knows, under the same name, is at least the same type.
    let same = type_unknown && !value.rewrite;
    Change {
        rewrite: value.rewrite,
        zone_unknown: value.zone_unknown,
        type_unknown: type_unknown && !same,
    }
}

impl Value {
    /// `USING`: the column, or casts of it. Anything else computes.
    fn evaluate(&mut self, expr: &Expr, column: &str, schema: &Schema) {
        match &expr.node {
            Node::Column(name) if name == column => {}
            Node::Cast { of, to } => {
                self.evaluate(of, column, schema);
                self.cast(&see_through(to, schema), schema);
            }
            Node::Other(inside) => match inside.as_slice() {
                [one] if only_labels(&expr.text, &one.text) => self.evaluate(one, column, schema),
                _ => self.rewrite = true,
            },
            _ => self.rewrite = true,
        }
    }

    fn cast(&mut self, to: &Seen, schema: &Schema) {
        if self.rewrite || (self.seen == *to && to.domain.is_some()) {
            return;
        }
        if self.seen.domain.is_some() {
            if self.seen.domain == to.domain {
                return;
            }
            // Seen as what it is made of, a value of a domain has forgotten its length.
            self.seen.base.modifiers = None;
        }
        if !self.seen.base.same_type(&to.base) {
            if is_label(&self.seen.base, &to.base) {
                self.seen.base.modifiers = None;
            } else if is_zone_only(&self.seen.base, &to.base) {
                match schema.time_zone.as_deref() {
                    Some(zone) if is_utc(zone) => self.seen.base.modifiers = None,
                    zone => {
                        self.zone_unknown |= zone.is_none();
                        self.rewrite = true;
                    }
                }
            } else {
                self.rewrite = true;
            }
        }
        if !fits(&self.seen.base, &to.base) {
            self.rewrite = true;
        }
        if to.checked && self.seen.domain != to.domain {
            self.rewrite = true;
        }
        self.seen = to.clone();
    }
}

/// Whether a text is another one in parentheses, or with a collation behind it.
fn only_labels(outer: &str, inner: &str) -> bool {
    let Some((before, after)) = outer.split_once(inner) else {
        return false;
    };
    let after = after.trim_start_matches(|c: char| c == ')' || c.is_whitespace());
    let collation = after.is_empty() || after.to_ascii_lowercase().starts_with("collate");
    collation && before.chars().all(|c| c == '(' || c.is_whitespace())
}

/// Whether values of one type are read as another without a function: `pg_cast` of a server, and
/// the relation of each `reg…` type to `oid` and `int4`.
fn is_label(from: &Kind, to: &Kind) -> bool {
    if from.array || to.array || from.name.schema.is_some() || to.name.schema.is_some() {
        return false;
    }
    let (from, to) = (from.name.name.as_str(), to.name.name.as_str());
    let number = |name| matches!(name, "oid" | "int4");
    let object = |name: &str| {
        let rest = name.strip_prefix("reg");
        rest.is_some_and(|rest| OBJECTS.contains(&rest))
    };
    match (from, to) {
        ("text", "varchar" | "bpchar")
        | ("varchar", "text" | "bpchar")
        | ("xml", "text" | "varchar" | "bpchar")
        | ("pg_node_tree", "text")
        | ("pg_ndistinct" | "pg_dependencies" | "pg_mcv_list", "bytea")
        | ("cidr", "inet")
        | ("bit", "varbit")
        | ("varbit", "bit")
        | ("regproc", "regprocedure")
        | ("regprocedure", "regproc")
        | ("regoper", "regoperator")
        | ("regoperator", "regoper") => true,
        (from, to) => (number(from) && (number(to) || object(to))) || (object(from) && number(to)),
    }
}

/// What follows `reg` in the types that name objects.
const OBJECTS: [&str; 11] = [
    "class",
    "collation",
    "config",
    "dictionary",
    "namespace",
    "oper",
    "operator",
    "proc",
    "procedure",
    "role",
    "type",
];

/// Whether two types differ only in whether a time zone is thought of.
fn is_zone_only(from: &Kind, to: &Kind) -> bool {
    (from.is("timestamp") && to.is("timestamptz")) || (from.is("timestamptz") && to.is("timestamp"))
}

/// Whether a time zone, in lower case, is never apart from UTC.
pub(in crate::facts) fn is_utc(zone: &str) -> bool {
    let zone = zone.trim_matches('\'');
    let zone = zone.strip_prefix("etc/").unwrap_or(zone);
    matches!(
        zone,
        "utc"
            | "uct"
            | "gmt"
            | "zulu"
            | "universal"
            | "greenwich"
            | "gmt0"
            | "gmt+0"
            | "gmt-0"
            | "0"
            | "+0"
            | "-0"
            | "+00"
            | "+00:00"
            | "z"
    )
}

/// Whether every value of a type with its modifiers is one with the other modifiers, as far as the
/// server sees without looking at values.
pub(in crate::facts) fn fits(from: &Kind, to: &Kind) -> bool {
    let Some(new) = to.modifiers.as_deref() else {
        return true;
    };
    let old = from.modifiers.as_deref();
    if old == Some(new) {
        return true;
    }
    // An array is turned element by element, whatever comes of it.
    if to.array || to.name.schema.is_some() {
        return false;
    }
    match (to.name.name.as_str(), old, new) {
        ("varchar" | "varbit", Some([old]), [new]) => old <= new,
        ("numeric", Some([digits, scale]), [new_digits, new_scale]) => {
            scale == new_scale && digits <= new_digits
        }
        ("time" | "timetz" | "timestamp" | "timestamptz", old, [new]) => {
            *new >= 6 || matches!(old, Some([old]) if old <= new)
        }
        ("interval", old, [new_least, new_digits]) => {
            let (least, digits) = match old {
                Some([least, digits]) => (*least, *digits),
                _ => (0, 6),
            };
            *new_least <= least && (least > 0 || *new_digits >= 6 || *new_digits >= digits)
        }
        _ => false,
    }
}
