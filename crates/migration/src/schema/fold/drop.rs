//! `DROP`, and what goes with what is dropped.

mod part;

use super::{Fold, object_of, object_of_type};
use crate::schema::{Column, Index, Misfit, Relation, RelationKind};
use crate::sql::ir::{ConstraintKind, Drop, Expr, Name, Object};

impl Fold<'_> {
    pub(super) fn drop(&mut self, drop: &Drop) {
        match drop.object {
            Object::Table
            | Object::ForeignTable
            | Object::View
            | Object::MaterializedView
            | Object::Sequence => self.drop_relations(drop),
            Object::Index => {
                for name in &drop.names {
                    self.drop_index(name, drop);
                }
            }
            Object::Type | Object::Domain => {
                for name in &drop.names {
                    self.drop_type(name, drop);
                }
            }
            Object::Schema => {
                for name in &drop.names {
                    self.drop_schema(&name.name, drop);
                }
            }
            Object::Function => {
                for name in &drop.names {
                    self.drop_function(name, drop.cascade);
                }
            }
            Object::Extension => {
                for name in &drop.names {
                    self.drop_extension(&name.name, drop);
                }
            }
            Object::Trigger | Object::Rule | Object::Policy => self.drop_part(drop),
            Object::Column
            | Object::Constraint
            | Object::Statistics
            | Object::Publication
            | Object::Other => {}
        }
    }

    fn drop_relations(&mut self, drop: &Drop) {
        let mut going = Vec::new();
        for name in &drop.names {
            let full = self.schema.resolve(name);
            match self
                .relation(&full)
                .map(|it| (object_of(it.kind), it.partial))
            {
                Some((is, partial)) if is == drop.object || partial => going.push(full),
                Some((is, _)) => self.misfits.push(Misfit::WrongKind {
                    name: full,
                    said: drop.object,
                    is,
                }),
                None if self.schema.complete && !drop.if_exists => {
                    self.no_such(drop.object, &full);
                }
                None => {}
            }
        }
        for name in &going {
            let used = self.user_of(name, &going);
            match used {
                Some(by) if !drop.cascade => self.still_used(drop.object, name, None, by),
                _ => self.drop_relation(name),
            }
        }
    }

    /// Something that depends on a relation and does not go by itself.
    fn user_of(&self, name: &Name, going: &[Name]) -> Option<String> {
        let partitions = self.descendants(name);
        let is_partition = |of: &Name| {
            partitions.contains(of)
                && self
                    .relation(of)
                    .is_some_and(|it| it.partition_of.is_some())
        };
        let is_sequence = self
            .relation(name)
            .is_some_and(|it| it.kind == RelationKind::Sequence);
        let user = |of: &Name, relation: &Relation| {
            if *of == *name || going.contains(of) || is_partition(of) {
                return None;
            }
            if relation.reads.contains(name) || relation.inherits.contains(name) {
                return Some(of.to_string());
            }
            let key = relation.constraints.iter().find(
                |it| matches!(&it.kind, ConstraintKind::ForeignKey { table, .. } if table == name),
            );
            if let Some(key) = key {
                return Some(format!("{} of {of}", Name::plain(&key.name)));
            }
            let column = relation.columns.iter().find(|it| {
                let is_row = it.type_name.as_ref().is_some_and(|it| it.name == *name);
                let takes = is_sequence
                    && it
                        .default
                        .as_ref()
                        .is_some_and(|it| super::rename_expr::takes_from(it, name));
                is_row || takes
            });
            column.map(|column| format!("{} of {of}", Name::plain(&column.name)))
        };
        // What has a column of its row type is not kept by name, so all are looked at.
        let all = self.schema.relations.unsorted();
        let users = all.filter_map(|(of, relation)| Some((of, user(of, relation)?)));
        users.min_by_key(|(of, _)| *of).map(|(_, by)| by)
    }

    /// Takes a relation away, and whatever depends on it.
    pub(super) fn drop_relation(&mut self, name: &Name) {
        let Some(relation) = self.schema.relations.remove(name) else {
            return;
        };
        self.schema.indexes.retain(|_, index| index.table != *name);
        self.drop_sequences_of(name, None);
        self.schema
            .trigger_functions
            .retain(|(table, _), _| table != name);
        let depends = |it: &Relation| {
            it.reads.contains(name)
                || it.inherits.contains(name)
                || it.partition_of.as_ref().is_some_and(|(of, _)| of == name)
        };
        let going: Vec<Name> = self
            .schema
            .relations
            .around(name)
            .filter(|(_, it)| depends(it))
            .map(|(name, _)| name.clone())
            .collect();
        for one in going {
            self.drop_relation(&one);
        }
        let changed: Vec<Name> = self
            .schema
            .relations
            .around(name)
            .filter(|(_, it)| {
                it.constraints.iter().any(|it| {
                    matches!(&it.kind, ConstraintKind::ForeignKey { table, .. } if table == name)
                })
            })
            .map(|(name, _)| name.clone())
            .collect();
        for one in changed {
            if let Some(mut it) = self.edit(&one) {
                it.constraints.retain(|it| {
                    !matches!(&it.kind, ConstraintKind::ForeignKey { table, .. } if table == name)
                });
            }
        }
        if relation.kind == RelationKind::Sequence {
            self.drop_defaults_of(name);
        } else {
            self.drop_columns_of_type(name);
        }
    }

    /// Defaults that take from a sequence.
    fn drop_defaults_of(&mut self, sequence: &Name) {
        let takes = |it: &Option<Expr>| {
            it.as_ref()
                .is_some_and(|it| super::rename_expr::takes_from(it, sequence))
        };
        self.schema.relations.change_where(
            |relation| relation.columns.iter().any(|it| takes(&it.default)),
            |relation| {
                for column in relation.columns.iter_mut().filter(|it| takes(&it.default)) {
                    column.default = None;
                }
            },
        );
    }

    /// The sequences that go with a table, or with a column of it.
    pub(super) fn drop_sequences_of(&mut self, table: &Name, column: Option<&str>) {
        self.schema.relations.retain(|_, it| {
            !it.owned_by
                .as_ref()
                .is_some_and(|(of, at)| of == table && column.is_none_or(|column| at == column))
        });
    }

    fn drop_index(&mut self, name: &Name, drop: &Drop) {
        let full = self.schema.resolve(name);
        let Some(index) = self.schema.indexes.get(&full) else {
            if self.schema.complete && !drop.if_exists {
                self.no_such(Object::Index, &full);
            }
            return;
        };
        if let Some(constraint) = &index.constraint {
            let by = format!("{} of {}", Name::plain(constraint), index.table);
            self.still_used(Object::Index, &full, None, by);
            return;
        }
        let index = index.as_ref().clone();
        let key = self.foreign_key_on(&index);
        match key {
            Some((by, _)) if !drop.cascade => self.still_used(Object::Index, &full, None, by),
            _ => {
                self.drop_foreign_keys_on(&index);
                self.schema.indexes.remove(&full);
                self.drop_copies(&index);
            }
        }
    }

    /// The indexes that partitions have because of one of their table.
    fn drop_copies(&mut self, index: &Index) {
        for partition in self.partitions(&index.table) {
            let copy = self
                .schema
                .indexes_of(&partition)
                .find(|(_, own)| {
                    super::index::same(own, index)
                        && own.constraint.is_some() == index.constraint.is_some()
                })
                .map(|(name, own)| (name.clone(), own.clone()));
            if let Some((name, own)) = copy {
                self.schema.indexes.remove(&name);
                if let (Some(constraint), Some(mut relation)) =
                    (&own.constraint, self.edit(&partition))
                {
                    relation.constraints.retain(|it| it.name != *constraint);
                }
                self.drop_copies(&own);
            }
        }
    }

    /// A foreign key that needs this index, because no other covers the same columns: how it is
    /// called, and whose it is.
    fn foreign_key_on(&self, index: &Index) -> Option<(String, (Name, String))> {
        if !index.unique || index.predicate.is_some() {
            return None;
        }
        let columns = |index: &Index| -> Vec<String> {
            let mut all: Vec<String> = index
                .keys
                .iter()
                .flat_map(Expr::columns)
                .map(str::to_owned)
                .collect();
            all.sort();
            all
        };
        let own = columns(index);
        let others = self
            .schema
            .indexes_of(&index.table)
            .filter(|(_, it)| it.unique && it.predicate.is_none() && columns(it) == own)
            .count();
        if others > 1 {
            return None;
        }
        self.schema
            .references_to(&index.table)
            .find_map(|(of, key)| {
                let ConstraintKind::ForeignKey { referred, .. } = &key.kind else {
                    return None;
                };
                let mut referred = referred.clone();
                referred.sort();
                (referred == own).then(|| {
                    let by = format!("{} of {of}", Name::plain(&key.name));
                    (by, (of.clone(), key.name.clone()))
                })
            })
    }

    fn drop_foreign_keys_on(&mut self, index: &Index) {
        while let Some((_, (table, name))) = self.foreign_key_on(index) {
            let Some(mut relation) = self.edit(&table) else {
                return;
            };
            relation.constraints.retain(|it| it.name != name);
        }
    }

    fn drop_type(&mut self, name: &Name, drop: &Drop) {
        let full = self.schema.resolve_type(name);
        let Some(found) = self.schema.types.get(&full) else {
            if self.schema.complete && !drop.if_exists && self.schema.extensions.is_empty() {
                self.no_such(drop.object, &full);
            }
            return;
        };
        let is = object_of_type(found);
        if drop.object == Object::Domain && is != Object::Domain {
            self.misfits.push(Misfit::WrongKind {
                name: full,
                said: drop.object,
                is,
            });
            return;
        }
        if !drop.cascade
            && let Some(by) = self.user_of_type(&full)
        {
            self.still_used(drop.object, &full, None, by);
            return;
        }
        self.schema.types.remove(&full);
        self.drop_columns_of_type(&full);
    }

    fn user_of_type(&self, name: &Name) -> Option<String> {
        let users = self.users_of_type(name);
        let (of, column) = users.first()?;
        Some(format!("{} of {of}", Name::plain(column)))
    }

    /// The columns of a type, by table.
    fn users_of_type(&self, name: &Name) -> Vec<(Name, String)> {
        let is = |it: &Column| it.type_name.as_ref().is_some_and(|it| it.name == *name);
        let has = |it: &Relation| it.columns.iter().any(is);
        let all = self.schema.relations.entries_where(|_, it| has(it));
        all.into_iter()
            .flat_map(|(of, relation)| relation.columns.iter().map(move |it| (of, it)))
            .filter(|(_, it)| is(it))
            .map(|(of, it)| (of.clone(), it.name.clone()))
            .collect()
    }

    fn drop_columns_of_type(&mut self, name: &Name) {
        for (of, column) in self.users_of_type(name) {
            self.forget_column(&of, &column);
        }
    }

    /// Nothing is said of a function that is not there: which of several of one name is meant is not
    /// known here.
    fn drop_function(&mut self, name: &Name, cascade: bool) {
        let full = self.schema.resolve_function(name);
        let triggers = &self.schema.trigger_functions;
        let triggers = triggers.keys_where(|_, it| *it == full);
        if let Some((table, trigger)) = triggers.first()
            && !cascade
        {
            let by = format!("{} of {table}", Name::plain(trigger));
            self.still_used(Object::Function, &full, None, by);
            return;
        }
        for trigger in triggers {
            self.schema.trigger_functions.remove(&trigger);
            let (table, trigger) = trigger;
            if let Some(mut relation) = self.edit(&table) {
                relation.triggers.retain(|it| *it != trigger);
            }
        }
        self.schema.functions.remove(&full);
    }

    fn drop_schema(&mut self, name: &str, drop: &Drop) {
        let Some(at) = self.schema.namespaces.iter().position(|it| it == name) else {
            if self.schema.complete && !drop.if_exists {
                self.no_such(Object::Schema, &Name::plain(name));
            }
            return;
        };
        let within = |it: &Name| it.schema.as_deref() == Some(name);
        let relations = self.schema.relations.keys_where(|it, _| within(it));
        let types = self.schema.types.keys_where(|it, _| within(it));
        if !drop.cascade
            && let Some(inside) = relations.first().or(types.first())
        {
            let by = inside.to_string();
            self.still_used(Object::Schema, &Name::plain(name), None, by);
            return;
        }
        for one in relations {
            self.drop_relation(&one);
        }
        for one in types {
            self.schema.types.remove(&one);
            self.drop_columns_of_type(&one);
        }
        let functions = self.schema.functions.keys_where(|it, _| within(it));
        for one in functions {
            self.drop_function(&one, true);
        }
        self.schema.namespaces.remove(at);
    }

    /// `DROP TRIGGER … ON`, and rules and policies.
    fn drop_part(&mut self, drop: &Drop) {
        let Some(on) = &drop.on else {
            return;
        };
        let Some(table) = self.find(Object::Table, on, drop.if_exists) else {
            return;
        };
        for name in &drop.names {
            let mut tables = vec![table.clone()];
            tables.extend(self.descendants(&table));
            let mut found = false;
            for one in tables {
                let Some(mut relation) = self.edit(&one) else {
                    continue;
                };
                let list = match drop.object {
                    Object::Trigger => &mut relation.triggers,
                    Object::Rule => &mut relation.rules,
                    _ => &mut relation.policies,
                };
                let before = list.len();
                list.retain(|it| *it != name.name);
                found |= list.len() < before;
                std::mem::drop(relation);
                if drop.object == Object::Trigger {
                    let trigger = (one, name.name.clone());
                    self.schema.trigger_functions.remove(&trigger);
                }
            }
            if !found && !drop.if_exists && self.knows_all(&table) {
                self.no_such_in(drop.object, &table, &name.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::Engine;
    use crate::schema::Schema;
    use crate::sql;

    fn misfits(setup: &str, statement: &str) -> Vec<String> {
        let mut schema = Schema::empty();
        let mut found = Vec::new();
        for one in sql::parse(setup, Engine::Postgres) {
            assert_eq!(schema.apply(&one), [], "{setup}");
        }
        for one in sql::parse(statement, Engine::Postgres) {
            found.extend(schema.apply(&one).iter().map(ToString::to_string));
        }
        found
    }

    #[test]
    fn of_several_users_the_first_by_name_is_named() {
        const USED: &str =
            "CREATE TABLE used (id int PRIMARY KEY); CREATE TYPE mood AS ENUM ('calm');";
        let key = "CREATE TABLE z (a int CONSTRAINT points REFERENCES used);";
        let row = "CREATE TABLE b (x int, a used);";
        let view = "CREATE VIEW m AS SELECT id FROM used;";
        for (users, by) in [
            (format!("{key}{row}{view}"), "a of public.b"),
            (format!("{view}{key}"), "public.m"),
            (key.to_owned(), "points of public.z"),
        ] {
            let found = misfits(&format!("{USED}{users}"), "DROP TABLE used");
            assert!(found.len() == 1 && found[0].contains(by), "{found:?}");
        }
        let users = "CREATE TABLE z (m mood); CREATE TABLE c (x int, n mood, m mood);";
        let found = misfits(&format!("{USED}{users}"), "DROP TYPE mood");
        assert!(
            found.len() == 1 && found[0].contains("n of public.c"),
            "{found:?}"
        );
        let again = "DROP TABLE used CASCADE; CREATE TABLE used (id int); DROP TABLE used";
        let found = misfits(&format!("{USED}{key}{row}{view}"), again);
        assert!(found.is_empty(), "{found:?}");
    }
}
