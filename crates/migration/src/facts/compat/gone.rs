//! What is there before a statement and not after it.

use super::{Effect, Found, object};
use crate::schema::{Relation, RelationKind, Schema, Type};
use crate::sql::ir::{ConstraintKind, Generated, Name, Object, Span};

impl Found<'_> {
    /// Whatever `after` does not have any more.
    pub(super) fn gone(&mut self, after: &Schema, at: &Span) {
        let before = self.schema;
        for namespace in &before.namespaces {
            if !after.namespaces.contains(namespace) {
                let effect = Effect::Removes {
                    object: Object::Schema,
                    name: Name::plain(namespace.clone()),
                    rows: false,
                };
                self.add(effect, at);
            }
        }
        for (name, relation, left) in before.relations.unlike(&after.relations) {
            let there_before = relation.filter(|it| !before.is_new(it.made_in));
            match (there_before, left) {
                (Some(relation), Some(left)) => self.parts_gone(name, relation, left, at),
                (Some(relation), None) => self.relation_gone(name, relation, at),
                (None, _) => {}
            }
        }
        self.unique_gone(after, at);
        for (name, made, left) in before.types.unlike(&after.types) {
            let (Some(made), None) = (made, left) else {
                continue;
            };
            let new = matches!(**made, Type::Enum { made_in, .. } if before.is_new(made_in));
            if !new {
                let object = match **made {
                    Type::Domain { .. } => Object::Domain,
                    _ => Object::Type,
                };
                let effect = Effect::Removes {
                    object,
                    name: name.clone(),
                    rows: false,
                };
                self.add(effect, at);
            }
        }
        for (name, _, left) in before.functions.unlike(&after.functions) {
            if left.is_none() {
                let effect = Effect::Removes {
                    object: Object::Function,
                    name: name.clone(),
                    rows: false,
                };
                self.add(effect, at);
            }
        }
    }

    fn relation_gone(&mut self, name: &Name, relation: &Relation, at: &Span) {
        // A sequence that goes with a column is the column's.
        if relation.kind == RelationKind::Sequence && relation.owned_by.is_some() {
            return;
        }
        let (object, rows) = object(relation.kind);
        let effect = Effect::Removes {
            object,
            name: name.clone(),
            rows: rows && relation.partition_by.is_none(),
        };
        self.add(effect, at);
    }

    fn parts_gone(&mut self, name: &Name, old: &Relation, new: &Relation, at: &Span) {
        for column in &old.columns {
            if new.column(&column.name).is_some() {
                continue;
            }
            let computed = matches!(column.generated, Some(Generated::Expression { .. }));
            let effect = Effect::RemovesColumn {
                table: name.clone(),
                column: column.name.clone(),
                computed: computed || old.kind == RelationKind::View,
            };
            self.add(effect, at);
        }
        for column in &new.columns {
            let was = old.column(&column.name);
            let had = was.is_some_and(|it| it.default.is_some() || it.generated.is_some());
            let has = column.default.is_some() || column.generated.is_some();
            if had && !has && column.not_null {
                let effect = Effect::RemovesDefault {
                    table: name.clone(),
                    column: column.name.clone(),
                };
                self.add(effect, at);
            }
        }
    }

    /// Unique indexes, those of constraints included, whose tables stay.
    fn unique_gone(&mut self, after: &Schema, at: &Span) {
        let before = self.schema;
        for (name, index, left) in before.indexes.unlike(&after.indexes) {
            let (Some(index), None) = (index, left) else {
                continue;
            };
            let table = before.relations.get(&index.table);
            let stays = after.relations.contains_key(&index.table);
            let new =
                before.is_new(index.made_in) || table.is_none_or(|it| before.is_new(it.made_in));
            if !index.unique || !stays || new {
                continue;
            }
            // One that has only columns that are gone as well is missed by nobody.
            let left = after.relations.get(&index.table);
            let columns = index.keys.iter().flat_map(|key| key.columns());
            let mut columns = columns.filter(|it| left.is_some_and(|t| t.column(it).is_none()));
            if columns.next().is_some() {
                continue;
            }
            let effect = Effect::RemovesUnique {
                table: index.table.clone(),
                name: name.name.clone(),
            };
            self.add(effect, at);
        }
    }
}

/// What a constraint demands, for those that refuse writes.
pub(super) fn demand(kind: &ConstraintKind) -> Option<super::Demand> {
    use super::Demand;
    match kind {
        ConstraintKind::Check(_) => Some(Demand::Check),
        ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } => Some(Demand::Unique),
        ConstraintKind::ForeignKey { .. } => Some(Demand::ForeignKey),
        ConstraintKind::Exclude { .. } => Some(Demand::Exclude),
        ConstraintKind::Null | ConstraintKind::NotNull { .. } => None,
    }
}
