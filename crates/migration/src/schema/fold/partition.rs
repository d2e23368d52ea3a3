//! Partitions and inheritance.

use super::create::is_inherited;
use super::index::same;
use super::{Fold, names};
use crate::schema::{Column, Constraint, Index, Misfit};
use crate::sql::ir::{Bound, ConstraintKind, Name, Object};

impl Fold<'_> {
    /// What a new or attached partition gets from its table: indexes with their constraints, foreign
    /// keys, and triggers for each row. What it has already is not made twice.
    pub(super) fn take_over_from_parent(&mut self, child: &Name, parent: &Name) {
        let is_partition = self
            .relation(child)
            .is_some_and(|it| it.partition_of.as_ref().is_some_and(|(of, _)| of == parent));
        if !is_partition {
            return;
        }
        let wanted: Vec<Index> = self
            .schema
            .indexes_of(parent)
            .map(|(_, index)| index.clone())
            .collect();
        for index in wanted {
            let needs_constraint = index.constraint.is_some();
            let has = self.schema.indexes_of(child).any(|(_, own)| {
                same(own, &index) && (own.constraint.is_some() || !needs_constraint)
            });
            if !has {
                self.copy_index(parent, &index, child);
            }
        }
        let Some(from) = self.relation(parent).cloned() else {
            return;
        };
        for constraint in from.constraints {
            if matches!(constraint.kind, ConstraintKind::ForeignKey { .. }) {
                self.take_over_foreign_key(child, constraint);
            }
        }
        for trigger in from.triggers {
            let of = |table: &Name| (table.clone(), trigger.clone());
            if let Some(function) = self.schema.trigger_functions.get(&of(parent)).cloned() {
                self.schema.trigger_functions.insert(of(child), function);
            }
            if let Some(mut relation) = self.edit(child)
                && !relation.triggers.contains(&trigger)
            {
                relation.triggers.push(trigger);
            }
        }
    }

    fn take_over_foreign_key(&mut self, child: &Name, constraint: Constraint) {
        let Some(relation) = self.relation(child) else {
            return;
        };
        if relation
            .constraints
            .iter()
            .any(|it| it.kind == constraint.kind)
        {
            return;
        }
        let mut own = constraint;
        if relation.constraint(&own.name).is_some()
            && let ConstraintKind::ForeignKey { columns, .. } = &own.kind
        {
            let namespace = child.schema.clone().unwrap_or_default();
            let parts = names::columns(columns);
            own.name = self.constraint_name(&namespace, &child.name, Some(&parts), "fkey");
        }
        self.put_foreign_key(child, own);
    }

    /// `ATTACH PARTITION`, of a table or an index.
    pub(super) fn attach(&mut self, parent: &Name, child: &Name, bound: Option<&Bound>) {
        let Some(bound) = bound else {
            return;
        };
        let Some(child) = self.find(Object::Table, child, false) else {
            return;
        };
        let from = self.relation(parent).cloned();
        if let Some(from) = &from
            && self.knows_all(&child)
        {
            self.need_columns_of(&child, &from.columns);
        }
        if let Some(mut relation) = self.edit(&child) {
            relation.partition_of = Some((parent.clone(), bound.clone()));
            // A partition has the identity of its table.
            for column in from.iter().flat_map(|it| &it.columns) {
                let own = relation
                    .columns
                    .iter_mut()
                    .find(|it| it.name == column.name);
                if let (Some(own), Some(crate::sql::ir::Generated::Identity { .. })) =
                    (own, &column.generated)
                {
                    own.generated.clone_from(&column.generated);
                }
            }
        }
        self.take_over_from_parent(&child, parent);
    }

    /// `DETACH PARTITION`: what it got it keeps, but for triggers.
    pub(super) fn detach(&mut self, parent: &Name, child: &Name, finalize: bool) {
        let Some(child) = self.find(Object::Table, child, false) else {
            return;
        };
        let triggers = self
            .relation(parent)
            .map(|it| it.triggers.clone())
            .unwrap_or_default();
        let Some(mut relation) = self.edit(&child) else {
            return;
        };
        let was = relation
            .partition_of
            .take_if(|(of, _)| of == parent)
            .is_some();
        if was {
            relation.triggers.retain(|it| !triggers.contains(it));
            for column in &mut relation.columns {
                if matches!(
                    column.generated,
                    Some(crate::sql::ir::Generated::Identity { .. })
                ) {
                    column.generated = None;
                }
            }
        }
        let misfit = !was && !relation.may_have_more() && !finalize;
        drop(relation);
        if misfit {
            self.no_such(Object::Table, &child);
        }
        if was {
            for trigger in triggers {
                self.schema
                    .trigger_functions
                    .remove(&(child.clone(), trigger));
            }
        }
    }

    /// A child must have the columns of its parent, and none of them may be null where it may not be
    /// there.
    fn need_columns_of(&mut self, child: &Name, columns: &[Column]) {
        for column in columns {
            let own = self.relation(child).and_then(|it| it.column(&column.name));
            let nullable = own.is_some_and(|it| !it.not_null);
            if self.need_column(child, &column.name) && nullable && column.not_null {
                self.misfits.push(Misfit::MustBeNotNull {
                    table: child.clone(),
                    column: column.name.clone(),
                });
            }
        }
    }

    /// `INHERIT`.
    pub(super) fn add_parent(&mut self, table: &Name, parent: &Name) {
        let Some(parent) = self.find(Object::Table, parent, false) else {
            return;
        };
        let from = self.relation(&parent).cloned();
        if let Some(from) = &from {
            self.need_columns_of(table, &from.columns);
        }
        let checks: Vec<Constraint> = from
            .into_iter()
            .flat_map(|it| it.constraints)
            .filter(is_inherited)
            .collect();
        for check in checks {
            let has = self
                .relation(table)
                .is_some_and(|it| it.constraint(&check.name).is_some());
            if !has && self.knows_all(table) && matches!(check.kind, ConstraintKind::Check(_)) {
                self.no_such_in(Object::Constraint, table, &check.name);
            }
        }
        if let Some(mut relation) = self.edit(table)
            && !relation.inherits.contains(&parent)
        {
            relation.inherits.push(parent);
        }
    }

    /// `NO INHERIT`.
    pub(super) fn remove_parent(&mut self, table: &Name, parent: &Name) {
        let parent = self.schema.resolve(parent);
        let Some(mut relation) = self.edit(table) else {
            return;
        };
        let before = relation.inherits.len();
        relation.inherits.retain(|it| *it != parent);
        let misfit = relation.inherits.len() == before && !relation.may_have_more();
        drop(relation);
        if misfit {
            self.no_such(Object::Table, &parent);
        }
    }
}
