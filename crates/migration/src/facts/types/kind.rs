//! What a type name means, as far as casts depend on it.

use crate::schema::{Schema, Type};
use crate::sql::ir::{Name, TypeName};

/// A type and its modifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::facts) struct Kind {
    /// Its name: of a type that somebody made the full name, of any other the plain one.
    pub(in crate::facts) name: Name,
    /// Whether it is an array of it.
    pub(in crate::facts) array: bool,
    /// Length, precision and scale; none where any will do.
    pub(in crate::facts) modifiers: Option<Vec<i64>>,
}

/// A domain seen through to what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::facts) struct Seen {
    /// What it is made of in the end; a type that is no domain is itself.
    pub(in crate::facts) base: Kind,
    /// The domain, where it is one.
    pub(in crate::facts) domain: Option<Name>,
    /// Whether values of the domain are checked.
    pub(in crate::facts) checked: bool,
    /// Whether what it is made of is not known.
    pub(in crate::facts) unknown: bool,
}

impl Kind {
    /// What a type name means, domains not yet seen through.
    fn of(name: &TypeName, schema: &Schema) -> Self {
        let full = schema.resolve(&name.name);
        let made = name.name.schema.as_deref() != Some("pg_catalog")
            && schema.types.contains_key(&full)
            && (name.name.schema.is_some() || !is_built_in(&name.name.name));
        let short = match name.name.schema.as_deref() {
            Some("pg_catalog") => Name::plain(name.name.name.clone()),
            Some(_) => full.clone(),
            None if is_built_in(&name.name.name) => name.name.clone(),
            None => full.clone(),
        };
        Self {
            modifiers: if made { None } else { modifiers(name) },
            name: if made { full } else { short },
            array: name.array > 0,
        }
    }

    /// Whether it is the built-in type `name`, and no array.
    pub(in crate::facts) fn is(&self, name: &str) -> bool {
        !self.array && self.name.schema.is_none() && self.name.name == name
    }

    /// Whether one server's catalog would call both the same type, whatever their modifiers.
    pub(in crate::facts) fn same_type(&self, other: &Self) -> bool {
        self.name == other.name && self.array == other.array
    }
}

/// What a type name means in the end.
pub(in crate::facts) fn see_through(name: &TypeName, schema: &Schema) -> Seen {
    let first = Kind::of(name, schema);
    let mut seen = Seen {
        unknown: false,
        domain: None,
        checked: false,
        base: first,
    };
    // A domain over itself cannot be made; the limit is for schemas that were put together wrongly.
    for _ in 0..64 {
        if seen.base.array {
            break;
        }
        match schema.types.get(&seen.base.name).map(AsRef::as_ref) {
            Some(Type::Domain {
                base,
                not_null,
                checks,
                ..
            }) => {
                seen.domain.get_or_insert(seen.base.name.clone());
                seen.checked |= *not_null || !checks.is_empty();
                seen.base = Kind::of(base, schema);
            }
            _ => break,
        }
    }
    let known = seen.base.name.schema.is_none() || schema.types.contains_key(&seen.base.name);
    // A table's name is a type as well.
    seen.unknown = !known && !schema.relations.contains_key(&seen.base.name);
    seen
}

/// What the modifiers of a built-in type come to; none where any value will do.
fn modifiers(name: &TypeName) -> Option<Vec<i64>> {
    let given = name.modifiers.as_slice();
    if name.array == 0 && name.is("interval") {
        return interval(given);
    }
    match (name.name.name.as_str(), given) {
        (_, []) => None,
        ("numeric", [precision]) => Some(vec![*precision, 0]),
        ("time" | "timetz" | "timestamp" | "timestamptz", [precision]) => {
            Some(vec![(*precision).min(6)])
        }
        (_, given) => Some(given.to_vec()),
    }
}

/// The least field that an `interval` keeps, counted from the second (0) to the year (5), and its
/// digits after the second. Fields are bits as in PostgreSQL's type modifier.
fn interval(given: &[i64]) -> Option<Vec<i64>> {
    let (mask, digits) = (given.first()?, given.get(1));
    // Second, minute, hour, day, month, year.
    let bits = [12, 11, 10, 3, 1, 2];
    let least = (0..).zip(bits).find(|(_, bit)| mask & (1 << bit) != 0);
    Some(vec![
        least.map_or(0, |(field, _)| field),
        digits.map_or(6, |digits| (*digits).min(6)),
    ])
}

/// Whether `pg_catalog` has a type of this name, of those that columns have.
pub(in crate::facts) fn is_built_in(name: &str) -> bool {
    BUILT_IN.binary_search(&name).is_ok()
}

/// The types of `pg_catalog` that a column can have, without arrays.
const BUILT_IN: &[&str] = &[
    "aclitem",
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "gtsvector",
    "inet",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "uuid",
    "varbit",
    "varchar",
    "xid",
    "xid8",
    "xml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(BUILT_IN.is_sorted());
    }
}
