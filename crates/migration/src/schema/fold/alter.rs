//! `ALTER` of tables and of what is altered like one.

use super::constraint::With;
use super::{Fold, may_be_not_null, object_of};
use crate::schema::{Misfit, RelationKind};
use crate::sql::ir::{
    Alter, AlterAction, Column as Declared, Constraint, ConstraintKind, Name, Object,
};

impl Fold<'_> {
    pub(super) fn alter(&mut self, alter: &Alter) {
        match alter.object {
            Object::Schema => return self.alter_schema(alter),
            Object::Function => return self.alter_function(alter),
            Object::Extension | Object::Statistics => return,
            _ => {}
        }
        let full = self.schema.resolve(&alter.name);
        // `ALTER TABLE` renames indexes as well.
        let is_index = self.schema.indexes.contains_key(&full);
        if is_index || alter.object == Object::Index {
            if is_index {
                self.alter_index(&full, alter);
            } else if self.schema.complete && !alter.if_exists {
                self.no_such(Object::Index, &full);
            }
            return;
        }
        let Some(table) = self.find(alter.object, &alter.name, alter.if_exists) else {
            return;
        };
        if !self.fits(&table, alter.object) {
            return;
        }
        // Renaming changes under which name the rest finds it.
        let mut table = table;
        let mut actions: Vec<&AlterAction> = alter.actions.iter().map(|(it, _)| it).collect();
        actions.sort_by_key(|it| pass(it));
        for action in actions {
            table = self.action(table, action, alter.only);
        }
    }

    /// Whether a relation may be altered as this kind of thing.
    fn fits(&mut self, table: &Name, said: Object) -> bool {
        let Some(relation) = self.relation(table) else {
            return false;
        };
        let is = object_of(relation.kind);
        let fits = said == Object::Table || is == said || relation.partial;
        if !fits {
            let name = table.clone();
            self.misfits.push(Misfit::WrongKind { name, said, is });
        }
        fits
    }

    /// One change of a table. Under which name it is found from then on.
    fn action(&mut self, table: Name, action: &AlterAction, only: bool) -> Name {
        use AlterAction as A;
        match action {
            A::Rename { to } => return self.rename_relation(&table, to),
            A::SetSchema { to } => return self.move_relation(&table, to),
            A::AddColumn {
                column,
                if_not_exists,
            } => self.add_column(&table, column, *if_not_exists, only),
            A::DropColumn {
                column,
                if_exists,
                cascade,
            } => self.drop_column(&table, column, *if_exists, *cascade, only),
            A::AddConstraint(declared) => self.add_constraint(&table, declared, With::Later),
            A::DropConstraint {
                name,
                if_exists,
                cascade,
            } => self.drop_constraint(&table, name, *if_exists, *cascade, only),
            A::ValidateConstraint { name } => self.validate_constraint(&table, name),
            A::AlterConstraint {
                name,
                enforced,
                inherit,
                deferrable,
            } => {
                let mut relation = self.edit(&table);
                let found = relation
                    .as_mut()
                    .and_then(|it| it.constraints.iter_mut().find(|it| it.name == *name));
                if let Some(found) = found {
                    if let Some(enforced) = *enforced {
                        found.valid = enforced;
                        found.enforced = enforced;
                    }
                    if let Some(inherit) = *inherit {
                        found.no_inherit = !inherit;
                    }
                    if let Some(deferrable) = *deferrable {
                        found.deferrable = deferrable;
                    }
                    return table;
                }
                drop(relation);
                if self.knows_all(&table) && !may_be_not_null(name) {
                    self.no_such_in(Object::Constraint, &table, name);
                }
            }
            A::RenameColumn { from, to } => self.rename_column(&table, from, to),
            A::RenameConstraint { from, to } => self.rename_constraint(&table, from, to),
            A::RenameTrigger { from, to } => {
                self.rename_part(&table, Object::Trigger, from, to);
            }
            A::RenameRule { from, to } => self.rename_part(&table, Object::Rule, from, to),
            A::SetLogged(to) => {
                if let Some(mut relation) = self.edit(&table)
                    && let RelationKind::Table { logged, .. } = &mut relation.kind
                {
                    *logged = *to;
                }
            }
            A::SetAccessMethod { to } => {
                if let Some(mut relation) = self.edit(&table) {
                    relation.access_method = to.clone().filter(|it| it != "heap");
                }
            }
            A::SetTablespace { to } => {
                if let Some(mut relation) = self.edit(&table) {
                    relation.tablespace = Some(to.clone()).filter(|it| it != "pg_default");
                }
            }
            A::Inherit { parent } => self.add_parent(&table, parent),
            A::NoInherit { parent } => self.remove_parent(&table, parent),
            A::AttachPartition { child, bound } => {
                self.attach(&table, child, bound.as_ref());
            }
            A::DetachPartition {
                child, finalize, ..
            } => self.detach(&table, child, *finalize),
            A::OwnedBy { column } => self.own_sequence(&table, column.as_ref()),
            _ => self.change_column(&table, action, only),
        }
        table
    }

    /// Whether nothing about a table is unknown.
    pub(super) fn knows_all(&self, table: &Name) -> bool {
        self.relation(table).is_some_and(|it| !it.may_have_more())
    }

    fn add_column(&mut self, table: &Name, declared: &Declared, if_not_exists: bool, only: bool) {
        if self
            .relation(table)
            .is_some_and(|it| it.column(&declared.name).is_some())
        {
            if !if_not_exists {
                self.exists_in(Object::Column, table, &declared.name);
            } else if self.schema.major == Some(12) {
                // Its constraints were split off before anybody looked whether it is there.
                for constraint in &declared.constraints {
                    self.add_split_off(table, constraint);
                }
            }
            return;
        }
        let (column, sequence) = self.column(table, declared, &[]);
        let mut tables = vec![table.clone()];
        if !only {
            tables.extend(self.descendants(table));
        }
        for one in &tables {
            if let Some(mut relation) = self.edit(one)
                && relation.column(&column.name).is_none()
            {
                relation.columns.push(column.clone());
            }
        }
        if let Some(sequence) = sequence {
            self.make_sequence(sequence, Some((table.clone(), column.name.clone())));
        }
        for constraint in &declared.constraints {
            self.add_constraint(table, constraint, With::Later);
        }
    }

    /// A constraint of a column that PostgreSQL 12 makes though the column was there.
    fn add_split_off(&mut self, table: &Name, declared: &Constraint) {
        if !matches!(
            declared.kind,
            ConstraintKind::Null | ConstraintKind::NotNull { .. }
        ) {
            self.add_constraint(table, declared, With::Later);
        }
    }

    fn validate_constraint(&mut self, table: &Name, name: &str) {
        if self
            .relation(table)
            .is_none_or(|it| it.constraint(name).is_none())
        {
            if self.knows_all(table) {
                self.no_such_in(Object::Constraint, table, name);
            }
            return;
        }
        let mut tables = vec![table.clone()];
        tables.extend(self.descendants(table));
        for table in tables {
            let mut not_null = None;
            if let Some(mut relation) = self.edit(&table)
                && let Some(found) = relation.constraints.iter_mut().find(|it| it.name == name)
            {
                found.valid = true;
                if let crate::sql::ir::ConstraintKind::NotNull { column } = &found.kind {
                    not_null = Some(column.clone());
                }
            }
            if let Some(column) = not_null {
                self.set_not_null(&table, &column, false);
            }
        }
    }
}

/// In which pass PostgreSQL makes a change, whatever the order of the text: `AlterTablePass` in
/// `src/backend/commands/tablecmds.c`.
fn pass(action: &AlterAction) -> u8 {
    use crate::sql::ir::ConstraintKind as K;
    use AlterAction as A;
    match action {
        A::DropColumn { .. }
        | A::DropConstraint { .. }
        | A::DropNotNull { .. }
        | A::DropExpression { .. }
        | A::DropIdentity { .. }
        | A::Default { default: None, .. } => 0,
        A::SetType { .. } => 1,
        A::AddColumn { .. } => 2,
        A::SetExpression { .. } => 3,
        A::SetNotNull { .. } => 5,
        A::AddConstraint(it) => match it.kind {
            K::Null | K::NotNull { .. } | K::Check(_) => 4,
            K::Unique { .. } | K::PrimaryKey { .. } | K::Exclude { .. } => 6,
            K::ForeignKey { .. } => 7,
        },
        A::AddIdentity { .. } | A::SetIdentity { .. } | A::Default { .. } => 7,
        _ => 8,
    }
}
