//! What another type means for those who read and write a column.

use super::Effect;
use crate::facts::types::{Kind, fits, see_through};
use crate::schema::Schema;
use crate::sql::ir::{Expr, Name, TypeName};

/// How two types go together.
enum Change {
    /// Nobody sees it.
    None,
    /// Fewer values.
    Narrower { cuts: bool },
    /// Other values, or the same in another form.
    Other { wider: bool },
}

/// The effects of a change of type on a table that is in use.
pub(super) fn effects(
    schema: &Schema,
    table: &Name,
    column: &str,
    from: Option<&TypeName>,
    to: &TypeName,
    using: Option<&Expr>,
) -> Vec<Effect> {
    let Some(from) = from else {
        return vec![Effect::ChangesType {
            table: table.clone(),
            column: column.to_owned(),
            from: None,
            to: to.clone(),
            wider: false,
        }];
    };
    let old = see_through(from, schema);
    let new = see_through(to, schema);
    let mut all = Vec::new();
    match compare(&old.base, &new.base) {
        Change::None => {}
        Change::Narrower { cuts } => all.push(Effect::NarrowsType {
            table: table.clone(),
            column: column.to_owned(),
            from: from.clone(),
            to: to.clone(),
            cuts: cuts || using.is_some(),
        }),
        Change::Other { wider } => all.push(Effect::ChangesType {
            table: table.clone(),
            column: column.to_owned(),
            from: Some(from.clone()),
            to: to.clone(),
            wider,
        }),
    }
    if new.checked && old.domain != new.domain {
        all.push(Effect::RefusesWrites {
            table: table.clone(),
            constraint: new.domain.map(|it| it.name),
            demand: super::Demand::Check,
        });
    }
    all
}

fn compare(old: &Kind, new: &Kind) -> Change {
    if old.same_type(new) {
        return if fits(old, new) {
            Change::None
        } else {
            Change::Narrower { cuts: cuts(new) }
        };
    }
    let name = |kind: &Kind| match (&kind.name.schema, kind.array) {
        (None, false) => Some(kind.name.name.clone()),
        _ => None,
    };
    let (Some(from), Some(to)) = (name(old), name(new)) else {
        return Change::Other { wider: false };
    };
    let text = |name: &str| matches!(name, "text" | "varchar");
    match (rank(&from), rank(&to)) {
        _ if text(&from) && text(&to) => match (&old.modifiers, &new.modifiers) {
            (_, None) => Change::None,
            (Some(old), Some(new)) if old <= new => Change::None,
            _ => Change::Narrower { cuts: false },
        },
        (Some(old), Some(new)) if new > old => Change::Other { wider: true },
        (Some(_), Some(_)) => Change::Narrower {
            cuts: matches!(from.as_str(), "numeric" | "float4" | "float8"),
        },
        _ => Change::Other { wider: false },
    }
}

/// Numbers, each of which holds those before it.
fn rank(name: &str) -> Option<usize> {
    let numbers = ["int2", "int4", "int8", "numeric"];
    let floats = ["float4", "float8"];
    let at = |list: &[&str]| list.iter().position(|it| *it == name);
    at(&numbers).or_else(|| at(&floats).map(|at| at + 10))
}

/// Whether a value of a type that has too many digits is rounded.
fn cuts(kind: &Kind) -> bool {
    matches!(
        kind.name.name.as_str(),
        "numeric" | "time" | "timetz" | "timestamp" | "timestamptz" | "interval"
    )
}
