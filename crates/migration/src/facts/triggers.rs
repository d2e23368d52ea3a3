//! Which triggers of partitions `ENABLE` and `DISABLE` reach.

use super::alter::Altering;
use super::claims::children;
use crate::schema::{Constraint, Relation};
use crate::sql::ir::ConstraintKind;

impl Altering<'_, '_> {
    /// Whether the table has triggers that partitions have too: this one or any, and without those
    /// of foreign keys where users' alone are meant.
    pub(super) fn has_triggers(&self, name: Option<&str>, user: bool) -> bool {
        let Some(relation) = self.relation(&self.table) else {
            return true;
        };
        let has = |one: &Relation, trigger: &String| one.triggers.contains(trigger);
        // One for statements has no others below it.
        let below = |trigger: &String| {
            let mut below = children(&self.now, &self.table);
            below.any(|(_, child)| has(child, trigger))
        };
        // Until 12 one that came from above counts as the server's own.
        let parent = relation.partition_of.as_ref();
        let parent = parent.and_then(|(parent, _)| self.relation(parent));
        let from_above = |trigger: &String| parent.as_ref().is_some_and(|it| has(it, trigger));
        let skipped = |trigger: &String| user && self.claims.major == 12 && from_above(trigger);
        let meant = |it: &&String| name.is_none_or(|name| name == *it) && !skipped(it);
        if relation.triggers.iter().filter(meant).any(below) {
            return true;
        }
        let is_key = |it: &Constraint| matches!(it.kind, ConstraintKind::ForeignKey { .. });
        // Until 14 foreign keys had triggers only on tables that hold rows.
        name.is_none()
            && !user
            && self.claims.major >= 15
            && (relation.constraints.iter().any(is_key)
                || self.now.references_to(&self.table).next().is_some())
    }
}
