//! JSON Schema: which values one schema allows and another one does not.
//!
//! [`normal`](self::normal) says what a schema demands however it is cut into pieces,
//! [`compare`](self::compare) asks whether what is written by one can be read by the other. OpenAPI
//! uses both for the schemas in it.

pub(crate) mod changes;
pub(crate) mod compare;
pub(crate) mod normal;
pub(crate) mod shape;
pub(crate) mod types;

mod arrays;
mod choices;
mod names;
mod objects;
mod opened;
mod promises;
mod unknown;
mod values;

use std::cell::RefCell;
use std::rc::Rc;

use self::compare::{Comparison, Found, Manner};
use self::normal::{Dialect, Schemas};
use super::bundle::Bundle;
use super::document::{Unreadable, Value};
use super::report::Writer;
use super::rule::{Direction, Surface};
use super::same::Same;
use super::{Finding, Options};

/// Compares two JSON Schemas in each direction that is asked for.
pub(super) fn diff(
    old: &Bundle,
    new: &Bundle,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    for bundle in [old, new] {
        if !matches!(
            bundle.arena.value(bundle.root),
            Value::Object(_) | Value::Bool(_)
        ) {
            return Err(Unreadable::OtherKind {
                file: bundle.arena.file(bundle.root).to_owned(),
                wanted: "JSON Schema",
                reason: "a schema is an object, `true` or `false`".to_owned(),
            });
        }
    }
    let (was, is) = (
        Schemas::new(old, dialect(old)),
        Schemas::new(new, dialect(new)),
    );
    let manner = Manner {
        surface: Surface::JsonSchema,
        unlisted: true,
        textual: false,
        one_way: false,
    };
    let same = Rc::new(RefCell::new(Same::new(old, new)));
    let mut comparison = Comparison::new(&was, &is, manner, &same);
    let mut writer = Writer::new(old, new);
    for direction in options.directions() {
        let found = comparison.run(
            *direction,
            (&was.parts(old.root), old.root),
            (&is.parts(new.root), new.root),
        );
        add(&mut writer, &found, Surface::JsonSchema, *direction);
    }
    Ok(writer.finish())
}

fn add(writer: &mut Writer<'_>, found: &Rc<Found>, surface: Surface, direction: Direction) {
    for raw in found.iter() {
        writer.schema(raw, surface, direction, "", crate::Level::Major);
    }
}

fn dialect(bundle: &Bundle) -> Dialect {
    let named = bundle
        .arena
        .get_text(bundle.root, "$schema")
        .unwrap_or_default();
    let before = ["draft-03", "draft-04", "draft-05", "draft-06", "draft-07"];
    Dialect {
        // Until draft 7 whatever stands beside a reference is ignored.
        siblings: !before.iter().any(|it| named.contains(it)),
        nullable: false,
    }
}
