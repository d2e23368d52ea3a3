//! The indexes that a new column needs because an old one has them.

use std::fmt::Write as _;

use super::super::Draft;
use super::super::names::{name, qualified};
use crate::operation::Sql;
use crate::schema::Index;
use crate::sql::ir::Name;

/// The indexes of a new column, the same as an old one has.
pub(super) struct Twins {
    /// Builds and drops them beside writers.
    pub(super) step: Sql,
    /// Builds them in a transaction.
    pub(super) create: String,
}

/// The indexes on `column` alone or with others, built again for `new` in its place. Not unique:
/// the old index sees to that, and the two columns agree.
pub(super) fn twins(draft: &Draft<'_>, column: &str, new: &str) -> Option<Twins> {
    let plain = |index: &Index| {
        index.predicate.is_none()
            && index
                .keys
                .iter()
                .all(|key| matches!(key.node, crate::sql::ir::Node::Column(_)))
            && index.keys.iter().any(|key| key.columns() == [column])
    };
    let (mut up, mut down, mut create) = (String::new(), String::new(), String::new());
    let schema = draft.full.schema.as_deref().unwrap_or("public");
    let wanted = draft.schema.indexes_of(&draft.full);
    for (number, (_, index)) in (1..).zip(wanted.filter(|(_, index)| plain(index))) {
        let own = draft.own(&format!("index_{number}"));
        let keys: Vec<_> = index
            .keys
            .iter()
            .map(|key| match key.columns().first() {
                Some(mine) if *mine == column => name(new),
                Some(other) => name(other),
                None => key.text.clone(),
            })
            .collect();
        let rest = format!(
            "{} ON {} USING {} ({});",
            name(&own),
            draft.t(),
            index.method,
            keys.join(", ")
        );
        let _ = writeln!(up, "CREATE INDEX CONCURRENTLY {rest}");
        let _ = writeln!(create, "CREATE INDEX {rest}");
        let full = qualified(&Name::qualified(schema, own));
        let _ = writeln!(down, "DROP INDEX CONCURRENTLY {full};");
    }
    (!up.is_empty()).then(|| {
        let what = format!(
            "The indexes of {} for {new}, beside writers.",
            draft.shown()
        );
        let down_what = "Drop them again, beside writers.";
        Twins {
            step: draft.sql("indexes", [&what, down_what], Sql::statements(up, down)),
            create,
        }
    })
}
