//! Columns and constraints that are dropped, and what goes with them.

use super::super::{Fold, may_be_not_null, names};
use crate::schema::{Constraint, RelationKind};
use crate::sql::ir::{ConstraintKind, Expr, Generated, Name, Object};

/// Views that read a column: all that may, and those that do for certain.
#[derive(Debug, Default)]
pub(in crate::schema::fold) struct Readers {
    pub(in crate::schema::fold) certain: Vec<Name>,
    pub(in crate::schema::fold) possible: Vec<Name>,
}

impl Fold<'_> {
    /// `DROP CONSTRAINT`.
    pub(in crate::schema::fold) fn drop_constraint(
        &mut self,
        table: &Name,
        name: &str,
        if_exists: bool,
        cascade: bool,
        only: bool,
    ) {
        let Some(relation) = self.relation(table) else {
            return;
        };
        let Some(found) = relation.constraint(name).cloned() else {
            // PostgreSQL 18 has a constraint for each `NOT NULL`.
            let column = relation
                .columns
                .iter()
                .find(|it| {
                    it.not_null && names::join(&table.name, Some(&it.name), "not_null") == name
                })
                .map(|it| it.name.clone());
            if let Some(column) = column {
                self.clear_not_null(table, &column, only);
            } else if !if_exists && self.knows_all(table) && !may_be_not_null(name) {
                self.no_such_in(Object::Constraint, table, name);
            }
            return;
        };
        match &found.kind {
            ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Unique { .. }
            | ConstraintKind::Exclude { .. } => {
                let index = self.index_of(table, name);
                let index = index.and_then(|full| {
                    Some((
                        full.clone(),
                        self.schema.indexes.get(&full)?.as_ref().clone(),
                    ))
                });
                if let Some((full, index)) = index {
                    match self.foreign_key_on(&index) {
                        Some((by, _)) if !cascade => {
                            self.still_used(Object::Constraint, table, Some(name), by);
                            return;
                        }
                        _ => self.drop_foreign_keys_on(&index),
                    }
                    self.schema.indexes.remove(&full);
                    self.drop_copies(&index);
                }
            }
            ConstraintKind::NotNull { column } => self.clear_not_null(table, column, only),
            _ => {}
        }
        if let Some(mut relation) = self.edit(table) {
            relation.constraints.retain(|it| it.name != name);
        }
        if only {
            return;
        }
        let is_key = matches!(found.kind, ConstraintKind::ForeignKey { .. });
        for child in self.descendants(table) {
            if let Some(mut relation) = self.edit(&child) {
                let inherited =
                    |it: &Constraint| it.kind == found.kind && (is_key || it.name == name);
                let partition = relation.partition_of.is_some();
                relation
                    .constraints
                    .retain(|it| !(inherited(it) && (partition || !is_key)));
            }
        }
    }

    fn clear_not_null(&mut self, table: &Name, column: &str, only: bool) {
        let mut tables = vec![table.clone()];
        if !only {
            tables.extend(self.descendants(table));
        }
        for table in tables {
            if let Some(mut relation) = self.edit(&table)
                && let Some(found) = relation.columns.iter_mut().find(|it| it.name == column)
            {
                found.not_null = false;
            }
        }
    }

    /// Views that read a column of a table.
    pub(in crate::schema::fold) fn views_on_column(&self, table: &Name, column: &str) -> Readers {
        let mut readers = Readers::default();
        for (name, relation) in self.schema.relations.around(table) {
            let is_view = matches!(
                relation.kind,
                RelationKind::View | RelationKind::Materialized
            );
            if !is_view || !relation.reads.contains(table) {
                continue;
            }
            let named = |it: &String| it == column || it == "*";
            if !relation.reads_columns.iter().any(named) {
                continue;
            }
            readers.possible.push(name.clone());
            // The name may mean a column of another table, or one that `WITH` made.
            let exact = relation.reads_columns.iter().any(|it| it == column);
            if exact && relation.reads.len() == 1 {
                readers.certain.push(name.clone());
            }
        }
        readers
    }

    /// `DROP COLUMN`.
    pub(in crate::schema::fold) fn drop_column(
        &mut self,
        table: &Name,
        column: &str,
        if_exists: bool,
        cascade: bool,
        only: bool,
    ) {
        let exists = self
            .relation(table)
            .is_some_and(|it| it.column(column).is_some());
        if !exists {
            if !if_exists {
                self.need_column(table, column);
            }
            return;
        }
        if let Some(by) = self.user_of_column(table, column)
            && !cascade
        {
            self.still_used(Object::Column, table, Some(column), by);
            return;
        }
        let mut tables = vec![table.clone()];
        if !only {
            tables.extend(self.descendants(table));
        }
        for table in tables {
            self.forget_column(&table, column);
        }
    }

    /// Something that depends on a column and does not go by itself.
    fn user_of_column(&self, table: &Name, column: &str) -> Option<String> {
        if let Some(view) = self.views_on_column(table, column).certain.first() {
            return Some(view.to_string());
        }
        let relation = self.relation(table)?;
        let mut generated = relation.columns.iter().filter(|it| {
            matches!(&it.generated, Some(Generated::Expression { expr, .. })
                if it.name != column && expr.columns().contains(&column))
        });
        if self.schema.major.is_some_and(|it| it < 15) {
            // Until 14 they go along, unless somebody uses them in turn.
            if let Some(by) = generated.find_map(|it| self.user_of_column(table, &it.name)) {
                return Some(by);
            }
        } else if let Some(generated) = generated.next() {
            return Some(Name::plain(&generated.name).to_string());
        }
        let keys = self.schema.references_to(table);
        let key = keys.filter(|(of, _)| *of != table).find(|(_, it)| {
            matches!(&it.kind, ConstraintKind::ForeignKey { referred, .. }
                if referred.iter().any(|it| it == column))
        });
        key.map(|(of, it)| format!("{} of {of}", Name::plain(&it.name)))
    }

    /// Takes a column away, and whatever names it.
    pub(super) fn forget_column(&mut self, table: &Name, column: &str) {
        let names = |expr: &Expr| expr.columns().contains(&column);
        self.schema.indexes.retain(|_, index| {
            index.table != *table
                || !(index.keys.iter().chain(&index.predicate).any(names)
                    || index.include.iter().any(|it| it == column))
        });
        for view in self.views_on_column(table, column).certain {
            self.drop_relation(&view);
        }
        let keys: Vec<(Name, String)> = self
            .schema
            .references_to(table)
            .filter(|(_, it)| {
                matches!(&it.kind, ConstraintKind::ForeignKey { referred, .. }
                    if referred.iter().any(|it| it == column))
            })
            .map(|(of, it)| (of.clone(), it.name.clone()))
            .collect();
        for (of, name) in keys {
            if let Some(mut relation) = self.edit(&of) {
                relation.constraints.retain(|it| it.name != name);
            }
        }
        self.drop_sequences_of(table, Some(column));
        let Some(mut relation) = self.edit(table) else {
            return;
        };
        relation.columns.retain(|it| it.name != column);
        relation.constraints.retain(|it| match &it.kind {
            ConstraintKind::Null => true,
            ConstraintKind::NotNull { column: of } => of != column,
            ConstraintKind::Check(expr) => !names(expr),
            ConstraintKind::Unique { columns, .. }
            | ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::ForeignKey { columns, .. } => !columns.iter().any(|it| it == column),
            ConstraintKind::Exclude { keys } => !keys.iter().any(names),
        });
        // Columns that are generated from it.
        let generated: Vec<String> = relation
            .columns
            .iter()
            .filter(|it| matches!(&it.generated, Some(Generated::Expression { expr, .. }) if names(expr)))
            .map(|it| it.name.clone())
            .collect();
        drop(relation);
        for one in generated {
            self.forget_column(table, &one);
        }
    }
}
