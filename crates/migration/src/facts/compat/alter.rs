//! `ALTER`.

use super::gone::demand;
use super::{Demand, Effect, Found, beside, object, retype};
use crate::facts::columns::domain_default;
use crate::schema::RelationKind;
use crate::sql::ir::{
    Alter, AlterAction, Column, Constraint, ConstraintKind, Generated, Name, Object, RowSecurity,
    Span, Statement,
};

impl Found<'_> {
    pub(super) fn alter(&mut self, statement: &Statement, alter: &Alter) {
        match alter.object {
            Object::Function | Object::Schema | Object::Extension => {
                return self.renamed(alter);
            }
            _ => {}
        }
        if self.schema.index(&alter.name).is_some() || alter.object == Object::Index {
            return;
        }
        let Some(table) = self.in_use(&alter.name) else {
            return;
        };
        for (place, (action, at)) in alter.actions.iter().enumerate() {
            match action {
                AlterAction::AddColumn {
                    column,
                    if_not_exists: true,
                } if self.stays(&table, &column.name, alter)
                    || adds(&alter.actions[..place], &column.name) =>
                {
                    self.add_split_off(&table, column, at);
                }
                action => self.action(&table, action, at),
            }
        }
        let drops = alter.actions.iter().find(|(action, _)| {
            matches!(
                action,
                AlterAction::DropColumn { .. }
                    | AlterAction::DropConstraint { .. }
                    | AlterAction::DropIdentity { .. }
                    | AlterAction::Default { default: None, .. }
            )
        });
        if let Some((_, at)) = drops {
            let mut after = self.schema.clone();
            after.apply(statement);
            self.gone(&after, at);
            self.dropped_columns_unknown(alter, &table);
        }
    }

    /// Whether a column is there, and the statement does not drop it.
    fn stays(&self, table: &Name, column: &str, alter: &Alter) -> bool {
        let there = self
            .relation(table)
            .is_some_and(|it| it.column(column).is_some());
        let dropped = alter.actions.iter().any(|(action, _)| {
            matches!(action, AlterAction::DropColumn { column: of, .. } if of == column)
        });
        there && !dropped
    }

    /// A column that is there already: PostgreSQL 12 adds its constraints all the same.
    fn add_split_off(&mut self, table: &Name, column: &Column, at: &Span) {
        if self.schema.major != Some(12) {
            return;
        }
        for constraint in &column.constraints {
            if !matches!(
                constraint.kind,
                ConstraintKind::Null | ConstraintKind::NotNull { .. }
            ) {
                self.add_constraint(table, constraint, at);
            }
        }
    }

    /// Columns that are dropped from a table that the schema does not know.
    fn dropped_columns_unknown(&mut self, alter: &Alter, table: &Name) {
        let known = self.relation(table).is_some();
        for (action, at) in alter.actions.iter().filter(|_| !known) {
            if let AlterAction::DropColumn { column, .. } = action {
                let effect = Effect::RemovesColumn {
                    table: table.clone(),
                    column: column.clone(),
                    computed: false,
                };
                self.add(effect, at);
            }
        }
    }

    /// Something that is no table has another name.
    fn renamed(&mut self, alter: &Alter) {
        let from = if alter.object == Object::Schema {
            alter.name.clone()
        } else {
            self.schema.resolve(&alter.name)
        };
        for (action, at) in &alter.actions {
            let to = match action {
                AlterAction::Rename { to } => beside(&from, to),
                AlterAction::SetSchema { to } => Name::qualified(to.clone(), from.name.clone()),
                _ => continue,
            };
            let effect = Effect::Renames {
                object: alter.object,
                from: from.clone(),
                to,
            };
            self.add(effect, at);
        }
    }

    fn action(&mut self, table: &Name, action: &AlterAction, at: &Span) {
        use AlterAction as A;
        match action {
            A::Rename { .. } | A::SetSchema { .. } => self.table_renamed(table, action, at),
            A::RenameColumn { from, to } => {
                let effect = Effect::RenamesColumn {
                    table: table.clone(),
                    from: from.clone(),
                    to: to.clone(),
                };
                self.add(effect, at);
            }
            A::AddColumn { column, .. } => self.add_column(table, column, at),
            A::SetType {
                column, to, using, ..
            } => {
                let found = self.relation(table).and_then(|it| it.column(column));
                let from = found.and_then(|it| it.type_name.clone());
                let using = using.as_ref();
                let all = retype::effects(self.schema, table, column, from.as_ref(), to, using);
                for effect in all {
                    self.add(effect, at);
                }
            }
            A::SetNotNull { column } => self.forbid_null(table, column, at),
            A::DropNotNull { column } => {
                let effect = Effect::AllowsNull {
                    table: table.clone(),
                    column: column.clone(),
                };
                self.add(effect, at);
            }
            A::AddIdentity {
                column,
                always: true,
            } => {
                let effect = Effect::Generates {
                    table: table.clone(),
                    column: column.clone(),
                };
                self.add(effect, at);
            }
            A::AddConstraint(constraint) => self.add_constraint(table, constraint, at),
            A::AlterConstraint {
                name,
                enforced: Some(true),
                ..
            } => self.refuse(table, Some(name.clone()), Demand::ForeignKey, at),
            A::RowSecurity(RowSecurity::Enable | RowSecurity::Force) => {
                let effect = Effect::HidesRows {
                    table: table.clone(),
                };
                self.add(effect, at);
            }
            A::Trigger { .. } | A::Rule => {
                let effect = Effect::ChangesWrites {
                    table: table.clone(),
                };
                self.add(effect, at);
            }
            A::AttachPartition { child, .. } => {
                if let Some(child) = self.in_use(child) {
                    self.refuse(&child, None, Demand::Bounds, at);
                }
            }
            A::DetachPartition { .. } => {
                let effect = Effect::HidesRows {
                    table: table.clone(),
                };
                self.add(effect, at);
            }
            _ => {}
        }
    }

    fn table_renamed(&mut self, table: &Name, action: &AlterAction, at: &Span) {
        let to = match action {
            AlterAction::Rename { to } => beside(table, to),
            AlterAction::SetSchema { to } => Name::qualified(to.clone(), table.name.clone()),
            _ => return,
        };
        let kind = self.relation(table).map(|it| it.kind);
        let object = kind.map_or(Object::Table, |kind| object(kind).0);
        if kind == Some(RelationKind::Sequence) && to == *table {
            return;
        }
        if to != *table {
            let effect = Effect::Renames {
                object,
                from: table.clone(),
                to,
            };
            self.add(effect, at);
        }
    }

    fn add_column(&mut self, table: &Name, column: &Column, at: &Span) {
        let required = column.constraints.iter().any(|it| {
            matches!(
                it.kind,
                ConstraintKind::NotNull { .. } | ConstraintKind::PrimaryKey { .. }
            )
        });
        let serial = column.type_name.as_ref().is_some_and(|it| it.serial);
        let own = column
            .type_name
            .as_ref()
            .and_then(|it| domain_default(it, self.schema));
        let filled = column
            .default
            .as_ref()
            .or(own.as_ref())
            .is_some_and(|it| !it.is_null());
        if required && !serial && !filled && column.generated.is_none() {
            let effect = Effect::RequiresColumn {
                table: table.clone(),
                column: column.name.clone(),
            };
            self.add(effect, at);
        }
        // One of this name was there, and could be written.
        let was = self
            .relation(table)
            .is_some_and(|it| it.column(&column.name).is_some());
        if was && matches!(column.generated, Some(Generated::Expression { .. })) {
            let effect = Effect::Generates {
                table: table.clone(),
                column: column.name.clone(),
            };
            self.add(effect, at);
        }
        for constraint in &column.constraints {
            // Whoever does not know the column leaves it out: it is null, or its default.
            let unique = matches!(
                constraint.kind,
                ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. }
            );
            let same = column
                .default
                .as_ref()
                .is_some_and(|it| !it.is_null() && it.functions().is_empty());
            if unique && same {
                self.refuse(table, constraint.name.clone(), Demand::Unique, at);
            }
        }
    }

    fn forbid_null(&mut self, table: &Name, column: &str, at: &Span) {
        let found = self.relation(table).and_then(|it| it.column(column));
        if found.is_some_and(|it| it.not_null) {
            return;
        }
        let effect = Effect::ForbidsNull {
            table: table.clone(),
            column: column.to_owned(),
        };
        self.add(effect, at);
    }

    fn add_constraint(&mut self, table: &Name, constraint: &Constraint, at: &Span) {
        match &constraint.kind {
            ConstraintKind::NotNull { column } => self.forbid_null(table, column, at),
            ConstraintKind::PrimaryKey { columns, .. } => {
                for column in columns {
                    self.forbid_null(table, column, at);
                }
            }
            _ => {}
        }
        let using = match &constraint.kind {
            ConstraintKind::Unique { using, .. } | ConstraintKind::PrimaryKey { using, .. } => {
                using.as_deref()
            }
            _ => None,
        };
        // What a unique index refuses, its constraint does not refuse anew.
        let index = using.and_then(|name| self.schema.indexes.get(&beside(table, name)));
        if constraint.not_enforced || index.is_some_and(|it| it.unique) {
            return;
        }
        if let Some(demand) = demand(&constraint.kind) {
            self.refuse(table, constraint.name.clone(), demand, at);
        }
    }

    fn refuse(&mut self, table: &Name, constraint: Option<String>, demand: Demand, at: &Span) {
        let effect = Effect::RefusesWrites {
            table: table.clone(),
            constraint,
            demand,
        };
        self.add(effect, at);
    }
}

/// Whether a column is added by one of some actions.
fn adds(actions: &[(AlterAction, Span)], name: &str) -> bool {
    actions.iter().any(|(action, _)| {
        matches!(action, AlterAction::AddColumn { column, .. } if column.name == name)
    })
}
