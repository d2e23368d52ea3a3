//! Views, triggers, rules and policies.

use std::sync::Arc;

use super::{Fold, bare, object_of, plain_column};
use crate::schema::{Misfit, RelationKind};
use crate::sql::ir::{Kind, Name, Object, Output, Query};

impl Fold<'_> {
    pub(super) fn create_view(&mut self, kind: &Kind) {
        let Kind::CreateView {
            name,
            materialized,
            temporary,
            or_replace,
            if_not_exists,
            columns,
            query,
            ..
        } = kind
        else {
            return;
        };
        let full = self.place(name, *temporary);
        let (kind, object) = if *materialized {
            (RelationKind::Materialized, Object::MaterializedView)
        } else {
            (RelationKind::View, Object::View)
        };
        let old = self.relation(&full).map(|it| (it.kind, it.partial));
        match old {
            Some((is, false)) if *or_replace && is != kind => {
                self.misfits.push(Misfit::WrongKind {
                    name: full,
                    said: object,
                    is: object_of(is),
                });
                return;
            }
            Some(_) if *or_replace => {}
            Some((_, true)) => {}
            _ if self.is_taken(&full) => {
                if !if_not_exists {
                    self.exists(object, &full);
                }
                return;
            }
            _ => {}
        }
        let mut view = bare(kind, self.schema.unit);
        if let Some(old) = self.relation(&full) {
            view.triggers.clone_from(&old.triggers);
            view.rules.clone_from(&old.rules);
            view.made_in = old.made_in;
        }
        view.reads = query
            .tables
            .iter()
            .map(|it| self.schema.resolve(it))
            .filter(|it| *it != full)
            .collect();
        view.reads_columns.clone_from(&query.columns);
        if query.star {
            let all = self.columns_of_all(query, &view.reads);
            for column in all.unwrap_or_else(|| vec!["*".to_owned()]) {
                if !view.reads_columns.contains(&column) {
                    view.reads_columns.push(column);
                }
            }
        }
        match self.outputs(query) {
            Some(found) => view.columns = found,
            None => view.partial = true,
        }
        for (at, name) in columns.iter().enumerate() {
            match view.columns.get_mut(at) {
                Some(column) => name.clone_into(&mut column.name),
                None => view.columns.push(plain_column(name, None)),
            }
        }
        if view.partial && !columns.is_empty() {
            // All are named.
            view.partial = false;
        }
        self.schema.relations.insert(full, Arc::new(view));
    }

    /// The columns that `*` stands for in a query, by name; none where not all are known.
    fn columns_of_all(&self, query: &Query, reads: &[Name]) -> Option<Vec<String>> {
        let said = query.outputs.iter().filter_map(|it| match it {
            Output::All { tables } => Some(tables),
            Output::One { .. } => None,
        });
        let said: Vec<Name> = said.flatten().map(|it| self.schema.resolve(it)).collect();
        let tables = if said.is_empty() { reads } else { &said };
        let mut all = Vec::new();
        for table in tables {
            let relation = self.relation(table).filter(|it| !it.partial)?;
            all.extend(relation.columns.iter().map(|it| it.name.clone()));
        }
        Some(all)
    }

    pub(super) fn create_trigger(
        &mut self,
        name: &str,
        table: &Name,
        function: &Name,
        or_replace: bool,
        rows: bool,
    ) {
        let Some(table) = self.find(Object::Table, table, false) else {
            return;
        };
        let mut tables = vec![table.clone()];
        let partitioned = self
            .relation(&table)
            .is_some_and(|it| it.partition_by.is_some());
        if rows && partitioned {
            tables.extend(self.descendants(&table));
        }
        let function = self.schema.resolve_function(function);
        for one in tables {
            self.add_part(&one, Object::Trigger, name, or_replace || one != table);
            let trigger = (one, name.to_owned());
            self.schema
                .trigger_functions
                .insert(trigger, function.clone());
        }
    }

    pub(super) fn create_rule(&mut self, name: &str, table: &Name, or_replace: bool) {
        if let Some(table) = self.find(Object::Table, table, false) {
            self.add_part(&table, Object::Rule, name, or_replace);
        }
    }

    pub(super) fn policy(&mut self, name: &str, table: &Name, alter: bool, rename: Option<&str>) {
        let Some(table) = self.find(Object::Table, table, false) else {
            return;
        };
        if !alter {
            self.add_part(&table, Object::Policy, name, false);
        } else if let Some(to) = rename {
            self.rename_part(&table, Object::Policy, name, to);
        } else if self.knows_all(&table)
            && !self
                .relation(&table)
                .is_some_and(|it| it.policies.iter().any(|it| it == name))
        {
            self.no_such_in(Object::Policy, &table, name);
        }
    }

    fn add_part(&mut self, table: &Name, object: Object, name: &str, may_exist: bool) {
        let Some(mut relation) = self.edit(table) else {
            return;
        };
        let list = match object {
            Object::Trigger => &mut relation.triggers,
            Object::Rule => &mut relation.rules,
            _ => &mut relation.policies,
        };
        let exists = list.iter().any(|it| it == name);
        if !exists {
            list.push(name.to_owned());
        }
        drop(relation);
        if exists && !may_exist {
            self.exists_in(object, table, name);
        }
    }
}
