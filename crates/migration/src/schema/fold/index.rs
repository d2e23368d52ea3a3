//! Indexes.

use std::sync::Arc;

use super::{Fold, names};
use crate::schema::{Constraint, Index};
use crate::sql::ir::{ConstraintKind, CreateIndex, Expr, Name, Object};

impl Fold<'_> {
    pub(super) fn create_index(&mut self, create: &CreateIndex) {
        let Some(table) = self.find(Object::Table, &create.table, false) else {
            return;
        };
        let namespace = table.schema.clone().unwrap_or_default();
        let keys = create.keys.iter().map(|it| &it.expr);
        for column in keys
            .clone()
            .flat_map(Expr::columns)
            .chain(create.include.iter().map(String::as_str))
        {
            self.need_column(&table, column);
        }
        let name = match &create.name {
            Some(name) => Name::qualified(namespace, name.name.clone()),
            None => {
                let parts = names::columns(&names::index_columns(keys, &create.include));
                let name = self.relation_name(&namespace, &table.name, Some(&parts), "idx", false);
                Name::qualified(namespace, name)
            }
        };
        if self.is_taken(&name) {
            if !create.if_not_exists {
                self.exists(Object::Index, &name);
            }
            return;
        }
        let partitions = if create.only {
            Vec::new()
        } else {
            self.partitions(&table)
        };
        let partitioned = self
            .relation(&table)
            .is_some_and(|it| it.partition_by.is_some());
        let index = Index {
            table: table.clone(),
            unique: create.unique,
            method: create.method.clone(),
            keys: create.keys.iter().map(|it| it.expr.clone()).collect(),
            options: create.keys.iter().map(|it| usual(&it.options)).collect(),
            include: create.include.clone(),
            nulls_not_distinct: create.nulls_not_distinct,
            predicate: create.predicate.clone(),
            // Until the partitions' indexes are attached.
            valid: !(create.only && partitioned),
            constraint: None,
            made_in: self.schema.unit,
        };
        self.put_index(name, index.clone());
        for partition in partitions {
            self.copy_index(&table, &index, &partition);
        }
    }

    pub(super) fn put_index(&mut self, name: Name, index: Index) {
        self.schema.indexes.insert(name, Arc::new(index));
    }

    /// The partitions of a table, not theirs in turn.
    pub(super) fn partitions(&self, table: &Name) -> Vec<Name> {
        self.schema
            .partitions_of(table)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Makes an index like another one on a table, with its constraint, under the name that it gets
    /// by itself; and on the partitions of that table.
    pub(super) fn copy_index(&mut self, from: &Name, index: &Index, to: &Name) {
        let namespace = to.schema.clone().unwrap_or_default();
        let kind = index.constraint.as_ref().and_then(|name| {
            let constraint = self.relation(from)?.constraint(name)?;
            Some((constraint.kind.clone(), constraint.deferrable))
        });
        let parts = names::columns(&names::index_columns(index.keys.iter(), &index.include));
        let (two, label) = match kind.as_ref().map(|(kind, _)| kind) {
            Some(ConstraintKind::PrimaryKey { .. }) => (None, "pkey"),
            Some(ConstraintKind::Exclude { .. }) => (Some(parts.as_str()), "excl"),
            Some(_) => (Some(parts.as_str()), "key"),
            None => (Some(parts.as_str()), "idx"),
        };
        let name = self.relation_name(&namespace, &to.name, two, label, kind.is_some());
        let mut copy = index.clone();
        copy.table = to.clone();
        copy.valid = true;
        copy.made_in = self.schema.unit;
        copy.constraint = kind.is_some().then(|| name.clone());
        match kind {
            Some((kind, deferrable)) => {
                if let ConstraintKind::PrimaryKey { columns, .. } = &kind {
                    for column in columns {
                        self.set_not_null(to, column, true);
                    }
                }
                self.put_key(to, &name, kind, deferrable, copy);
            }
            None => {
                self.put_index(Name::qualified(namespace, name), copy.clone());
                for partition in self.partitions(to) {
                    self.copy_index(to, &copy, &partition);
                }
            }
        }
    }

    /// The index that belongs to a constraint.
    pub(super) fn index_of(&self, table: &Name, constraint: &str) -> Option<Name> {
        self.schema
            .indexes_of(table)
            .find(|(_, index)| index.constraint.as_deref() == Some(constraint))
            .map(|(name, _)| name.clone())
    }

    /// Renames a constraint with its index.
    pub(super) fn rename_constraint_and_index(
        &mut self,
        table: &Name,
        constraint: &str,
        index: &Name,
        to: &str,
    ) {
        let target = Name {
            name: to.to_owned(),
            ..index.clone()
        };
        if self.is_taken(&target) {
            self.exists(Object::Index, &target);
            return;
        }
        if let Some(mut found) = self.schema.indexes.remove(index) {
            Arc::make_mut(&mut found).constraint = Some(to.to_owned());
            self.schema.indexes.insert(target, found);
        }
        if let Some(mut relation) = self.edit(table) {
            let named = |it: &&mut Constraint| it.name == constraint;
            if let Some(found) = relation.constraints.iter_mut().find(named) {
                to.clone_into(&mut found.name);
            }
        }
    }
}

/// The options of a key, without those that it has anyhow.
fn usual(options: &str) -> String {
    let lower = options.to_lowercase();
    match lower.as_str() {
        "asc" | "asc nulls last" | "nulls last" => String::new(),
        "desc nulls first" => "desc".to_owned(),
        _ => options.trim().to_owned(),
    }
}

/// Whether two indexes do the same, so that one can be attached to the other.
pub(super) fn same(one: &Index, other: &Index) -> bool {
    let columns = |index: &Index| -> Vec<String> {
        index
            .keys
            .iter()
            .map(|it| crate::sql::plain(&it.text))
            .collect()
    };
    let filter = |index: &Index| {
        index
            .predicate
            .as_ref()
            .map(|it| crate::sql::plain(&it.text))
    };
    one.unique == other.unique
        && one.method == other.method
        && columns(one) == columns(other)
        && one.options == other.options
        && one.include == other.include
        && filter(one) == filter(other)
        && one.nulls_not_distinct == other.nulls_not_distinct
}
