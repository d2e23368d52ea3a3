//! Whether one type holds what another one holds.
//!
//! By the chapters on data types of the PostgreSQL manual:
//! <https://www.postgresql.org/docs/current/datatype.html>.

use super::model::{Base, Schema, Type, TypeOf};

/// What a type is to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The same.
    Same,
    /// Under another name it holds the same.
    Alike,
    /// It holds all that the other one does, and more.
    Wider,
    /// It holds a part of what the other one does.
    Narrower,
    /// It holds something else.
    Other,
}

/// What the new type of something is to the old one, domains seen through. Names in `was` are as they
/// are now.
pub(super) fn change(was: &TypeOf, old: &Schema, is: &TypeOf, new: &Schema) -> Change {
    let (was, is) = (through(was, old), through(is, new));
    if was == is {
        return Change::Same;
    }
    if was.array != is.array {
        return Change::Other;
    }
    match (&was.base, &is.base) {
        (Base::BuiltIn(one), Base::BuiltIn(other)) => {
            let one = (one.as_str(), was.modifiers.as_slice());
            built_in(one, (other.as_str(), is.modifiers.as_slice()))
        }
        // The names of the values are texts.
        (Base::Made(name), Base::BuiltIn(text)) if is_enum(old, name) && is_text(text, &is) => {
            Change::Wider
        }
        (Base::BuiltIn(text), Base::Made(name)) if is_enum(new, name) && is_text(text, &was) => {
            Change::Narrower
        }
        _ => Change::Other,
    }
}

fn is_enum(schema: &Schema, name: &super::model::Name) -> bool {
    matches!(schema.types.get(name), Some(Type::Enum(_)))
}

fn is_text(name: &str, of: &TypeOf) -> bool {
    matches!(name, "text" | "varchar") && of.modifiers.is_empty()
}

/// What a domain is made of in the end.
fn through(of: &TypeOf, schema: &Schema) -> TypeOf {
    let mut seen = of.clone();
    // A domain over itself cannot be made.
    for _ in 0..32 {
        let Base::Made(name) = &seen.base else {
            break;
        };
        match schema.types.get(name) {
            Some(Type::Domain { column, .. }) if !seen.array => match &column.type_of {
                Some(inner) => seen = inner.clone(),
                None => break,
            },
            _ => break,
        }
    }
    seen
}

fn built_in(was: (&str, &[i64]), is: (&str, &[i64])) -> Change {
    match (holds(is, was), holds(was, is)) {
        (true, true) => Change::Alike,
        (true, false) => Change::Wider,
        (false, true) => Change::Narrower,
        (false, false) => Change::Other,
    }
}

/// Whether every value of one type is one of another, and is written in the same way.
fn holds(outer: (&str, &[i64]), inner: (&str, &[i64])) -> bool {
    let whole = |name: &str| match name {
        "int2" => Some(5),
        "int4" => Some(10),
        "int8" => Some(19),
        _ => None,
    };
    if let (Some(inner), Some(outer)) = (whole(inner.0), whole(outer.0)) {
        return inner <= outer;
    }
    match (inner, outer) {
        // Decimal digits before the point.
        ((name, []), ("numeric", modifiers)) if whole(name).is_some() => {
            digits(modifiers).is_none_or(|(before, _)| Some(before) >= whole(name))
        }
        (("numeric", inner), ("numeric", outer)) => match (digits(inner), digits(outer)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(inner), Some(outer)) => inner.0 <= outer.0 && inner.1 <= outer.1,
        },
        // Every number of so many bits is one of these exactly.
        (("int2", []), ("float4", [])) | (("int2" | "int4" | "float4", []), ("float8", [])) => true,
        (("varchar", inner), ("varchar" | "text", outer)) => match (inner, outer) {
            (_, []) => true,
            ([inner], [outer]) => inner <= outer,
            _ => false,
        },
        (("text", []), ("varchar", [])) => true,
        (("varbit", inner), ("varbit", outer)) => match (inner, outer) {
            (_, []) => true,
            ([inner], [outer]) => inner <= outer,
            _ => false,
        },
        ((one, inner), (other, outer))
            if one == other && matches!(one, "time" | "timetz" | "timestamp" | "timestamptz") =>
        {
            let precision = |of: &[i64]| of.first().map_or(6, |it| (*it).min(6));
            precision(inner) <= precision(outer)
        }
        ((one, inner), (other, outer)) => one == other && inner == outer,
    }
}

/// How many decimal digits stand before and behind the point; none where there is no limit.
fn digits(modifiers: &[i64]) -> Option<(i64, i64)> {
    match modifiers {
        [precision] => Some((*precision, 0)),
        [precision, scale, ..] => Some((precision - scale, *scale)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> TypeOf {
        let array = text.ends_with("[]");
        let text = text.trim_end_matches("[]");
        let (name, modifiers) = text.split_once('(').unwrap_or((text, ""));
        let modifiers = modifiers.trim_end_matches(')').split(',');
        TypeOf {
            base: Base::BuiltIn(name.to_owned()),
            modifiers: modifiers.filter_map(|it| it.parse().ok()).collect(),
            array,
        }
    }

    #[test]
    fn a_type_holds_what_it_holds() {
        let schema = Schema::default();
        for (was, is, wanted) in [
            ("int4", "int4", Change::Same),
            ("int4", "int8", Change::Wider),
            ("int2[]", "int4[]", Change::Wider),
            ("int4", "int4[]", Change::Other),
            ("int4", "numeric", Change::Wider),
            ("int4", "numeric(10)", Change::Wider),
            ("int4", "numeric(9)", Change::Other),
            ("int4", "numeric(12,2)", Change::Wider),
            ("int8", "float8", Change::Other),
            ("int4", "float8", Change::Wider),
            ("float4", "float8", Change::Wider),
            ("numeric(10,2)", "numeric(12,2)", Change::Wider),
            ("numeric(10,2)", "numeric(12,4)", Change::Wider),
            ("numeric(10,2)", "numeric(10,3)", Change::Other),
            ("numeric(10,2)", "numeric", Change::Wider),
            ("varchar(10)", "varchar(20)", Change::Wider),
            ("varchar(10)", "text", Change::Wider),
            ("varchar", "text", Change::Alike),
            ("bpchar(3)", "varchar(3)", Change::Other),
            ("timestamp(3)", "timestamp", Change::Wider),
            ("timestamp(6)", "timestamp", Change::Alike),
            ("timestamp", "timestamptz", Change::Other),
            ("json", "jsonb", Change::Other),
            ("date", "timestamp", Change::Other),
            ("text", "int4", Change::Other),
        ] {
            assert_eq!(
                change(&of(was), &schema, &of(is), &schema),
                wanted,
                "{was} to {is}"
            );
            let back = match wanted {
                Change::Wider => Change::Narrower,
                Change::Narrower => Change::Wider,
                same => same,
            };
            assert_eq!(
                change(&of(is), &schema, &of(was), &schema),
                back,
                "{is} to {was}"
            );
        }
    }
}
