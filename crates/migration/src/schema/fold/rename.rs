//! New names and new schemas, and everything that follows them.

use std::sync::Arc;

use super::Fold;
use super::rename_expr::*;
use crate::schema::{Column, Index, Mentions as _, Misfit, Relation, RelationKind, Type};
use crate::sql::ir::{Alter, AlterAction, ConstraintKind, Expr, Generated, Name, Node, Object};

impl Fold<'_> {
    pub(super) fn rename_relation(&mut self, table: &Name, to: &str) -> Name {
        let target = Name {
            name: to.to_owned(),
            ..table.clone()
        };
        self.move_to(table, target)
    }

    /// `SET SCHEMA`: indexes and sequences of a table go with it.
    pub(super) fn move_relation(&mut self, table: &Name, to: &str) -> Name {
        self.need_namespace(to);
        let moved = |name: &Name| Name::qualified(to, name.name.clone());
        let target = self.move_to(table, moved(table));
        if target == *table {
            return target;
        }
        let indexes: Vec<Name> = self
            .schema
            .indexes_of(&target)
            .map(|(name, _)| name.clone())
            .collect();
        for name in indexes {
            if let Some(index) = self.schema.indexes.remove(&name) {
                self.schema.indexes.insert(moved(&name), index);
            }
        }
        let is_own = |it: &Relation| it.owned_by.as_ref().is_some_and(|(of, _)| *of == target);
        let sequences: Vec<Name> = self
            .schema
            .relations
            .around(&target)
            .filter(|(_, it)| is_own(it))
            .map(|(name, _)| name.clone())
            .collect();
        for name in sequences {
            let to = moved(&name);
            self.move_to(&name, to);
        }
        target
    }

    fn move_to(&mut self, from: &Name, to: Name) -> Name {
        if *from == to {
            return to;
        }
        if self.is_taken(&to) && !self.is_made_up(&to) {
            let object = self
                .relation(from)
                .map_or(Object::Table, |it| super::object_of(it.kind));
            self.exists(object, &to);
            return from.clone();
        }
        let Some(relation) = self.schema.relations.remove(from) else {
            return from.clone();
        };
        let is_sequence = relation.kind == RelationKind::Sequence;
        self.schema.relations.insert(to.clone(), relation);
        self.follow(from, &to);
        if is_sequence {
            self.follow_sequence(from, &to);
        }
        to
    }

    fn rename_trigger_key(&mut self, from: (Name, String), to: (Name, String)) {
        if let Some(function) = self.schema.trigger_functions.remove(&from) {
            self.schema.trigger_functions.insert(to, function);
        }
    }

    /// Whatever names the table names it anew.
    fn follow(&mut self, from: &Name, to: &Name) {
        let triggers = &self.schema.trigger_functions;
        let triggers = triggers.keys_where(|(table, _), _| table == from);
        for (table, trigger) in triggers {
            self.rename_trigger_key((table, trigger.clone()), (to.clone(), trigger));
        }
        self.schema.indexes.change_around(
            from,
            |index| index.table == *from,
            |index| index.table = to.clone(),
        );
        self.schema.relations.change_around(
            from,
            |relation| mentions(relation, from),
            |relation| replace(relation, from, to),
        );
    }

    /// Defaults that take from a sequence.
    fn follow_sequence(&mut self, from: &Name, to: &Name) {
        let uses = |expr: &Expr| takes_from(expr, from);
        let meant = |relation: &Relation| {
            let mut defaults = relation.columns.iter().filter_map(|it| it.default.as_ref());
            defaults.any(uses)
        };
        self.schema.relations.change_where(meant, |relation| {
            for column in &mut relation.columns {
                if let Some(default) = column.default.as_mut().filter(|it| uses(it))
                    && let Node::Call { arguments, .. } = &mut default.node
                    && let Some(old) = arguments.first_mut().and_then(literal)
                {
                    let old = std::mem::replace(old, to.to_string());
                    replace_text(default, &format!("'{old}'"), &format!("'{to}'"));
                }
            }
        });
    }

    pub(super) fn alter_index(&mut self, index: &Name, alter: &Alter) {
        for (action, _) in &alter.actions {
            match action {
                AlterAction::Rename { to } => {
                    let target = Name {
                        name: to.clone(),
                        ..index.clone()
                    };
                    if self.is_taken(&target) {
                        self.exists(Object::Index, &target);
                        return;
                    }
                    let constraint = self
                        .schema
                        .indexes
                        .get(index)
                        .and_then(|it| Some((it.table.clone(), it.constraint.clone()?)));
                    if let Some((table, constraint)) = constraint {
                        self.rename_constraint_and_index(&table, &constraint, index, to);
                    } else if let Some(found) = self.schema.indexes.remove(index) {
                        self.schema.indexes.insert(target, found);
                    }
                    return;
                }
                AlterAction::AttachPartition { child, .. } => {
                    let child = self.schema.resolve(child);
                    if !self.schema.indexes.contains_key(&child) && self.schema.complete {
                        self.no_such(Object::Index, &child);
                    }
                    self.validate_if_attached(index);
                }
                _ => {}
            }
        }
    }

    /// The index of a partitioned table can be used as soon as every partition has one like it.
    fn validate_if_attached(&mut self, index: &Name) {
        let Some(found) = self.schema.indexes.get(index).cloned() else {
            return;
        };
        let all = self.partitions(&found.table).iter().all(|partition| {
            let mut own = self.schema.indexes_of(partition);
            own.any(|(_, it)| super::index::same(it, &found))
        });
        if all && let Some(mut found) = self.edit_index(index) {
            found.valid = true;
        }
    }

    pub(super) fn rename_constraint(&mut self, table: &Name, from: &str, to: &str) {
        let Some(relation) = self.relation(table) else {
            return;
        };
        if relation.constraint(from).is_none() {
            if self.knows_all(table) && !super::may_be_not_null(from) {
                self.no_such_in(Object::Constraint, table, from);
            }
            return;
        }
        if relation.constraint(to).is_some() {
            self.exists_in(Object::Constraint, table, to);
            return;
        }
        if let Some(index) = self.index_of(table, from) {
            self.rename_constraint_and_index(table, from, &index, to);
            return;
        }
        let mut tables = vec![table.clone()];
        tables.extend(self.descendants(table));
        for table in tables {
            if let Some(mut relation) = self.edit(&table)
                && let Some(found) = relation.constraints.iter_mut().find(|it| it.name == from)
            {
                to.clone_into(&mut found.name);
            }
        }
    }

    pub(super) fn rename_part(&mut self, table: &Name, object: Object, from: &str, to: &str) {
        let mut tables = vec![table.clone()];
        tables.extend(self.descendants(table));
        let mut found = false;
        for one in &tables {
            let Some(mut relation) = self.edit(one) else {
                continue;
            };
            let list = match object {
                Object::Trigger => &mut relation.triggers,
                Object::Rule => &mut relation.rules,
                _ => &mut relation.policies,
            };
            if let Some(part) = list.iter_mut().find(|it| *it == from) {
                to.clone_into(part);
                found = true;
            }
            drop(relation);
            if object == Object::Trigger {
                self.rename_trigger_key(
                    (one.clone(), from.to_owned()),
                    (one.clone(), to.to_owned()),
                );
            }
        }
        if !found && self.knows_all(table) {
            self.no_such_in(object, table, from);
        }
    }

    /// `RENAME COLUMN`, here, in children, and wherever the column is named.
    pub(super) fn rename_column(&mut self, table: &Name, from: &str, to: &str) {
        if !self.need_column(table, from) {
            if self.relation(table).is_none_or(|it| !it.may_have_more()) {
                return;
            }
            if let Some(mut relation) = self.edit(table) {
                relation.columns.push(super::plain_column(from, None));
            }
        }
        if self
            .relation(table)
            .is_some_and(|it| it.column(to).is_some())
        {
            self.exists_in(Object::Column, table, to);
            return;
        }
        let mut tables = vec![table.clone()];
        tables.extend(self.descendants(table));
        for one in &tables {
            if let Some(mut relation) = self.edit(one) {
                rename_in_relation(&mut relation, from, to);
            }
            let own = |index: &Index| index.table == *one;
            self.schema.indexes.change_around(one, own, |index| {
                for key in index.keys.iter_mut().chain(&mut index.predicate) {
                    rename_in(key, from, to);
                }
                rename_in_list(&mut index.include, from, to);
            });
        }
        let meant = |relation: &Relation| relation.mentions().any(|it| tables.contains(it));
        self.schema.relations.change_where(meant, |relation| {
            let reads = relation.reads.iter().any(|it| tables.contains(it));
            for constraint in &mut relation.constraints {
                if let ConstraintKind::ForeignKey {
                    table, referred, ..
                } = &mut constraint.kind
                    && tables.contains(table)
                {
                    rename_in_list(referred, from, to);
                }
            }
            if let Some((of, column)) = &mut relation.owned_by
                && tables.contains(of)
                && column == from
            {
                to.clone_into(column);
            }
            // What a view returns keeps its names. What it reads may be another table's column.
            if reads && relation.reads_columns.iter().any(|it| it == from) {
                if relation.reads.len() == 1 {
                    relation.reads_columns.retain(|it| it != from);
                }
                if !relation.reads_columns.iter().any(|it| it == to) {
                    relation.reads_columns.push(to.to_owned());
                }
            }
        });
    }

    pub(super) fn alter_schema(&mut self, alter: &Alter) {
        let from = alter.name.name.clone();
        let Some(AlterAction::Rename { to }) = alter.actions.first().map(|(it, _)| it) else {
            return;
        };
        let Some(place) = self.schema.namespaces.iter_mut().find(|it| **it == from) else {
            if self.schema.complete {
                self.no_such(Object::Schema, &alter.name);
            }
            return;
        };
        to.clone_into(place);
        let moved = |name: &Name| Name::qualified(to.clone(), name.name.clone());
        let within = |name: &Name| name.schema.as_deref() == Some(from.as_str());
        let relations = self.schema.relations.keys_where(|name, _| within(name));
        let indexes = self.schema.indexes.keys_where(|name, _| within(name));
        let types = self.schema.types.keys_where(|name, _| within(name));
        let functions = self.schema.functions.keys_where(|name, _| within(name));
        for name in indexes {
            if let Some(index) = self.schema.indexes.remove(&name) {
                self.schema.indexes.insert(moved(&name), index);
            }
        }
        for name in relations {
            let to = moved(&name);
            self.move_to(&name, to);
        }
        for name in types {
            let to = moved(&name);
            self.move_type(&name, to);
        }
        for name in functions {
            self.move_function(&name, moved(&name));
        }
    }

    pub(super) fn alter_function(&mut self, alter: &Alter) {
        for (action, _) in &alter.actions {
            let from = self.schema.resolve_function(&alter.name);
            let to = match action {
                AlterAction::Rename { to } => Name {
                    name: to.clone(),
                    ..from.clone()
                },
                AlterAction::SetSchema { to } => Name::qualified(to.clone(), from.name.clone()),
                _ => continue,
            };
            self.move_function(&from, to);
        }
    }

    fn move_function(&mut self, from: &Name, to: Name) {
        let functions = &mut self.schema.trigger_functions;
        functions.change_where(
            |function| function == from,
            |function| *function = to.clone(),
        );
        if let Some(function) = self.schema.functions.remove(from) {
            self.schema.functions.insert(to, function);
        }
    }

    /// Gives a type another full name.
    pub(super) fn move_type(&mut self, from: &Name, to: Name) {
        if self.schema.types.contains_key(&to) {
            self.exists(Object::Type, &to);
            return;
        }
        let Some(found) = self.schema.types.remove(from) else {
            return;
        };
        self.schema.types.insert(to.clone(), found);
        let is_of = |it: &Column| it.type_name.as_ref().is_some_and(|it| it.name == *from);
        let becomes = |column: &mut Column| {
            if let Some(of) = column.type_name.as_mut().filter(|it| it.name == *from) {
                of.name = to.clone();
            }
        };
        self.schema.relations.change_where(
            |relation| relation.columns.iter().any(is_of),
            |relation| relation.columns.iter_mut().for_each(becomes),
        );
        let uses = |one: &Arc<Type>| match one.as_ref() {
            Type::Domain { base, .. } => base.name == *from,
            Type::Composite { attributes } => attributes.iter().any(is_of),
            _ => false,
        };
        self.schema
            .types
            .change_where(uses, |one| match Arc::make_mut(one) {
                Type::Domain { base, .. } => base.name = to.clone(),
                Type::Composite { attributes } => attributes.iter_mut().for_each(becomes),
                _ => {}
            });
    }

    /// Says that something still depends on a part of a table.
    pub(super) fn still_used(
        &mut self,
        object: Object,
        name: &Name,
        part: Option<&str>,
        by: String,
    ) {
        self.misfits.push(Misfit::StillUsed {
            object,
            name: name.clone(),
            part: part.map(str::to_owned),
            by,
        });
    }
}

/// Whether a relation names a table.
fn mentions(relation: &Relation, table: &Name) -> bool {
    relation.inherits.contains(table)
        || relation.reads.contains(table)
        || relation
            .partition_of
            .as_ref()
            .is_some_and(|(of, _)| of == table)
        || relation
            .owned_by
            .as_ref()
            .is_some_and(|(of, _)| of == table)
        || relation.constraints.iter().any(
            |it| matches!(&it.kind, ConstraintKind::ForeignKey { table: of, .. } if of == table),
        )
}

fn replace(relation: &mut Relation, from: &Name, to: &Name) {
    let lists = relation.inherits.iter_mut().chain(&mut relation.reads);
    let parent = relation.partition_of.iter_mut().map(|(of, _)| of);
    let owner = relation.owned_by.iter_mut().map(|(of, _)| of);
    let referred = relation
        .constraints
        .iter_mut()
        .filter_map(|it| match &mut it.kind {
            ConstraintKind::ForeignKey { table, .. } => Some(table),
            _ => None,
        });
    for name in lists.chain(parent).chain(owner).chain(referred) {
        if name == from {
            *name = to.clone();
        }
    }
}

fn rename_in_list(list: &mut [String], from: &str, to: &str) {
    for one in list.iter_mut().filter(|it| *it == from) {
        to.clone_into(one);
    }
}

fn rename_in_relation(relation: &mut Relation, from: &str, to: &str) {
    for column in &mut relation.columns {
        if column.name == from {
            to.clone_into(&mut column.name);
        }
        if let Some(Generated::Expression { expr, .. }) = &mut column.generated {
            rename_in(expr, from, to);
        }
    }
    for constraint in &mut relation.constraints {
        match &mut constraint.kind {
            ConstraintKind::Null => {}
            ConstraintKind::NotNull { column } => {
                if column == from {
                    to.clone_into(column);
                }
            }
            ConstraintKind::Check(expr) => rename_in(expr, from, to),
            ConstraintKind::Unique { columns, .. }
            | ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::ForeignKey { columns, .. } => rename_in_list(columns, from, to),
            ConstraintKind::Exclude { keys } => {
                for key in keys {
                    rename_in(key, from, to);
                }
            }
        }
    }
    for key in relation.partition_by.iter_mut().flat_map(|it| &mut it.keys) {
        rename_in(key, from, to);
    }
}
