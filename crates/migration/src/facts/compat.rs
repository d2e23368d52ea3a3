//! What a statement does to code that knows the shape from before it.
//!
//! Readers and writers are told apart, because a release that is rolled back may be either. What
//! was made in the same unit has none yet, and is left out.
//!
//! Deliberately absent: which code there is. Whether a possible effect is one depends on that.

mod alter;
mod gone;
mod retype;

use crate::schema::{Relation, RelationKind, Schema};
use crate::sql::ir::{
    AlterDomainAction, AlterTypeAction, AttributeChange, ConstraintKind, Drop, Kind, Name, Object,
    Span, Statement, TypeName,
};

/// What a statement does to those who know the shape from before.
///
/// Names are full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A table, view, sequence, type, function or schema is gone.
    Removes {
        /// What kind of thing it is.
        object: Object,
        /// Its name.
        name: Name,
        /// Whether it had rows of its own.
        rows: bool,
    },
    /// One of these has another name.
    Renames {
        /// What kind of thing it is.
        object: Object,
        /// Its old name.
        from: Name,
        /// Its new name.
        to: Name,
    },
    /// A column of a table or composite type is gone.
    RemovesColumn {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// Whether it was computed from others, so that nothing is lost.
        computed: bool,
    },
    /// A column has another name.
    RenamesColumn {
        /// The table.
        table: Name,
        /// Its old name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// A new column must be given a value, which nobody does who does not know it.
    RequiresColumn {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
    /// A column may not be null any more.
    ForbidsNull {
        /// The table, or the domain.
        table: Name,
        /// The column; empty for a domain.
        column: String,
    },
    /// A column may be null, and readers may meet that.
    AllowsNull {
        /// The table, or the domain.
        table: Name,
        /// The column; empty for a domain.
        column: String,
    },
    /// A column holds less than before: values that fitted do not any more.
    NarrowsType {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// What it was.
        from: TypeName,
        /// What it becomes.
        to: TypeName,
        /// Whether values are cut to fit, rather than refused.
        cuts: bool,
    },
    /// A column has another type: readers and writers see it.
    ChangesType {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// What it was, where it is known.
        from: Option<TypeName>,
        /// What it becomes.
        to: TypeName,
        /// Whether every old value is one of the new type as well, written in the same way.
        wider: bool,
    },
    /// An enum has a value that readers do not know.
    AddsValue {
        /// The enum.
        name: Name,
        /// The value.
        value: String,
    },
    /// A value of an enum has another name.
    RenamesValue {
        /// The enum.
        name: Name,
        /// Its old name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// A constraint or a unique index refuses what was accepted.
    RefusesWrites {
        /// The table, or the domain.
        table: Name,
        /// Its name, where one is given.
        constraint: Option<String>,
        /// What it demands.
        demand: Demand,
    },
    /// Something unique is not any more; `ON CONFLICT` may name it.
    RemovesUnique {
        /// The table.
        table: Name,
        /// The constraint or index.
        name: String,
    },
    /// A column that may not be null has no value of its own any more.
    RemovesDefault {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
    /// A column can no longer be written: it is computed, or always an identity.
    Generates {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
    /// Some rows may not be seen any more: row security, or a partition that is gone.
    HidesRows {
        /// The table.
        table: Name,
    },
    /// Something else happens with what is written: a trigger or a rule.
    ChangesWrites {
        /// The table.
        table: Name,
    },
    /// Somebody may do less.
    RevokesRights {
        /// The table.
        table: Name,
    },
    /// All rows go.
    Empties {
        /// The table.
        table: Name,
    },
    /// Rows go.
    DeletesRows {
        /// The table.
        table: Name,
    },
    /// Values are written over.
    OverwritesRows {
        /// The table.
        table: Name,
        /// The columns, where they are named.
        columns: Vec<String>,
    },
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// That no two rows are alike in some columns.
    Unique,
    /// That an expression holds.
    Check,
    /// That another table has a row.
    ForeignKey,
    /// That no two rows are at odds.
    Exclude,
    /// That rows belong to the partition.
    Bounds,
}

/// Whether code that knows the shape from before is hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    /// It is not.
    None,
    /// It depends on what it does.
    Possible,
    /// Whatever it does with this, it fails or goes wrong.
    Certain,
}

impl Effect {
    /// What becomes of reads.
    pub const fn readers(&self) -> Impact {
        match self {
            Effect::Removes { .. }
            | Effect::Renames { .. }
            | Effect::RemovesColumn { .. }
            | Effect::RenamesColumn { .. } => Impact::Certain,
            Effect::ChangesType { wider: false, .. } => Impact::Certain,
            Effect::ChangesType { .. }
            | Effect::AllowsNull { .. }
            | Effect::AddsValue { .. }
            | Effect::RenamesValue { .. }
            | Effect::HidesRows { .. }
            | Effect::RevokesRights { .. }
            | Effect::Empties { .. }
            | Effect::DeletesRows { .. }
            | Effect::OverwritesRows { .. } => Impact::Possible,
            Effect::NarrowsType { cuts: true, .. } => Impact::Possible,
            Effect::NarrowsType { .. }
            | Effect::RequiresColumn { .. }
            | Effect::ForbidsNull { .. }
            | Effect::RefusesWrites { .. }
            | Effect::RemovesUnique { .. }
            | Effect::RemovesDefault { .. }
            | Effect::Generates { .. }
            | Effect::ChangesWrites { .. } => Impact::None,
        }
    }

    /// What becomes of writes.
    pub const fn writers(&self) -> Impact {
        match self {
            Effect::Removes { .. }
            | Effect::Renames { .. }
            | Effect::RemovesColumn { .. }
            | Effect::RenamesColumn { .. }
            | Effect::RequiresColumn { .. } => Impact::Certain,
            Effect::ChangesType { wider: true, .. }
            | Effect::AllowsNull { .. }
            | Effect::AddsValue { .. }
            | Effect::Empties { .. }
            | Effect::DeletesRows { .. }
            | Effect::OverwritesRows { .. } => Impact::None,
            Effect::ChangesType { .. }
            | Effect::NarrowsType { .. }
            | Effect::ForbidsNull { .. }
            | Effect::RenamesValue { .. }
            | Effect::RefusesWrites { .. }
            | Effect::RemovesUnique { .. }
            | Effect::RemovesDefault { .. }
            | Effect::Generates { .. }
            | Effect::HidesRows { .. }
            | Effect::ChangesWrites { .. }
            | Effect::RevokesRights { .. } => Impact::Possible,
        }
    }

    /// Whether data are lost that no script can bring back.
    pub const fn destroys(&self) -> bool {
        match self {
            Effect::Removes { rows, .. } => *rows,
            Effect::RemovesColumn { computed, .. } => !*computed,
            Effect::NarrowsType { cuts, .. } => *cuts,
            Effect::ChangesType { wider, .. } => !*wider,
            Effect::Empties { .. } | Effect::DeletesRows { .. } | Effect::OverwritesRows { .. } => {
                true
            }
            _ => false,
        }
    }
}

/// What a statement does to code that knows the shape from before, each with the part of the
/// statement that does it.
pub fn effects(statement: &Statement, schema: &Schema) -> Vec<(Effect, Span)> {
    let mut found = Found {
        schema,
        all: Vec::new(),
    };
    found.statement(statement);
    found.all
}

/// The effects so far.
struct Found<'s> {
    schema: &'s Schema,
    all: Vec<(Effect, Span)>,
}

impl Found<'_> {
    fn add(&mut self, effect: Effect, at: &Span) {
        let one = (effect, at.clone());
        if !self.all.contains(&one) {
            self.all.push(one);
        }
    }

    /// The full name of a table that others may use already; none of one that is new, or that is
    /// known not to exist.
    fn in_use(&self, name: &Name) -> Option<Name> {
        let full = self.schema.resolve(name);
        match self.schema.relations.get(&full) {
            Some(relation) => (!self.schema.is_new(relation.made_in)).then_some(full),
            None => (!self.schema.complete).then_some(full),
        }
    }

    fn relation(&self, full: &Name) -> Option<&Relation> {
        self.schema.relations.get(full).map(AsRef::as_ref)
    }

    fn on(&mut self, table: &Name, at: &Span, effect: impl Fn(Name) -> Effect) {
        if let Some(table) = self.in_use(table) {
            self.add(effect(table), at);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let at = &statement.span;
        match &statement.kind {
            Kind::Alter(alter) => self.alter(statement, alter),
            Kind::Drop(drop) => self.drop(statement, drop),
            Kind::CreateIndex(create) if create.unique => {
                let constraint = create.name.as_ref().map(|it| it.name.clone());
                self.on(&create.table, at, |table| Effect::RefusesWrites {
                    table,
                    constraint: constraint.clone(),
                    demand: Demand::Unique,
                });
            }
            Kind::AlterType { name, action } => self.alter_type(name, action, at),
            Kind::AlterDomain { name, action } => self.alter_domain(name, action, at),
            Kind::CreateTrigger { table, .. } | Kind::CreateRule { table, .. } => {
                self.on(table, at, |table| Effect::ChangesWrites { table });
            }
            Kind::Policy {
                table, alter: true, ..
            } => self.on(table, at, |table| Effect::HidesRows { table }),
            Kind::Grant {
                tables,
                revoke: true,
            } => {
                for table in tables {
                    self.on(table, at, |table| Effect::RevokesRights { table });
                }
            }
            Kind::Truncate { tables, .. } => {
                for table in tables {
                    self.on(table, at, |table| Effect::Empties { table });
                }
            }
            Kind::Delete { table, .. } => {
                self.on(table, at, |table| Effect::DeletesRows { table });
            }
            Kind::Update { table, columns, .. } => {
                self.on(table, at, |table| Effect::OverwritesRows {
                    table,
                    columns: columns.clone(),
                });
            }
            Kind::Insert {
                table,
                updates: true,
                ..
            } => self.on(table, at, |table| Effect::OverwritesRows {
                table,
                columns: Vec::new(),
            }),
            _ => {}
        }
    }

    fn drop(&mut self, statement: &Statement, drop: &Drop) {
        let at = &statement.span;
        match drop.object {
            Object::Trigger | Object::Rule => {
                if let Some(table) = &drop.on {
                    self.on(table, at, |table| Effect::ChangesWrites { table });
                }
                return;
            }
            Object::Policy => {
                if let Some(table) = &drop.on {
                    self.on(table, at, |table| Effect::HidesRows { table });
                }
                return;
            }
            _ => {}
        }
        let mut after = self.schema.clone();
        after.apply(statement);
        self.gone(&after, at);
        // What the schema does not know may be there all the same.
        for name in &drop.names {
            self.dropped_unknown(drop, name, at);
        }
    }

    fn dropped_unknown(&mut self, drop: &Drop, name: &Name, at: &Span) {
        let full = self.schema.resolve(name);
        let known = self.schema.relations.contains_key(&full)
            || self.schema.indexes.contains_key(&full)
            || self.schema.types.contains_key(&full)
            || self.schema.functions.contains_key(&full)
            || self.schema.namespaces.contains(&name.name);
        let counts = matches!(
            drop.object,
            Object::Table
                | Object::ForeignTable
                | Object::View
                | Object::MaterializedView
                | Object::Sequence
                | Object::Type
                | Object::Domain
                | Object::Function
                | Object::Schema
                | Object::Extension
        );
        if known || !counts || (self.schema.complete && drop.object != Object::Extension) {
            return;
        }
        let rows = matches!(
            drop.object,
            Object::Table | Object::Schema | Object::Extension
        );
        let effect = Effect::Removes {
            object: drop.object,
            name: full,
            rows,
        };
        self.add(effect, at);
    }

    fn alter_type(&mut self, name: &Name, action: &AlterTypeAction, at: &Span) {
        let full = self.schema.resolve(name);
        if super::claims::is_new_type(self.schema, &full) {
            return;
        }
        let effect = match action {
            AlterTypeAction::AddValue { value, .. } => Effect::AddsValue {
                name: full,
                value: value.clone(),
            },
            AlterTypeAction::RenameValue { from, to } => Effect::RenamesValue {
                name: full,
                from: from.clone(),
                to: to.clone(),
            },
            AlterTypeAction::Rename { to } => Effect::Renames {
                object: Object::Type,
                to: beside(&full, to),
                from: full,
            },
            AlterTypeAction::SetSchema { to } => Effect::Renames {
                object: Object::Type,
                to: Name::qualified(to.clone(), full.name.clone()),
                from: full,
            },
            AlterTypeAction::Attribute { change, .. } => match change {
                AttributeChange::Add { .. } => return,
                AttributeChange::Drop { name, .. } => Effect::RemovesColumn {
                    table: full,
                    column: name.clone(),
                    computed: false,
                },
                AttributeChange::Rename { from, to } => Effect::RenamesColumn {
                    table: full,
                    from: from.clone(),
                    to: to.clone(),
                },
                AttributeChange::SetType { name, to } => Effect::ChangesType {
                    table: full,
                    column: name.clone(),
                    from: None,
                    to: to.clone(),
                    wider: false,
                },
            },
            AlterTypeAction::Other { .. } => return,
        };
        self.add(effect, at);
    }

    fn alter_domain(&mut self, name: &Name, action: &AlterDomainAction, at: &Span) {
        let table = self.schema.resolve(name);
        let column = String::new();
        let effect = match action {
            AlterDomainAction::AddConstraint(constraint) => match constraint.kind {
                ConstraintKind::NotNull { .. } => Effect::ForbidsNull { table, column },
                _ => Effect::RefusesWrites {
                    table,
                    constraint: constraint.name.clone(),
                    demand: Demand::Check,
                },
            },
            AlterDomainAction::SetNotNull => Effect::ForbidsNull { table, column },
            AlterDomainAction::DropNotNull => Effect::AllowsNull { table, column },
            AlterDomainAction::Rename { to } => Effect::Renames {
                object: Object::Domain,
                to: beside(&table, to),
                from: table,
            },
            AlterDomainAction::SetSchema { to } => Effect::Renames {
                object: Object::Domain,
                to: Name::qualified(to.clone(), table.name.clone()),
                from: table,
            },
            _ => return,
        };
        self.add(effect, at);
    }
}

/// A name in the same schema as another.
fn beside(full: &Name, name: &str) -> Name {
    Name {
        schema: full.schema.clone(),
        name: name.to_owned(),
    }
}

/// What a relation is called in `DROP`, and whether it has rows of its own.
fn object(kind: RelationKind) -> (Object, bool) {
    match kind {
        RelationKind::Table { .. } => (Object::Table, true),
        RelationKind::Foreign => (Object::ForeignTable, false),
        RelationKind::View => (Object::View, false),
        RelationKind::Materialized => (Object::MaterializedView, false),
        RelationKind::Sequence => (Object::Sequence, false),
    }
}

#[cfg(test)]
mod tests;
