//! `ALTER TABLE` and what is altered like a table.
//!
//! The server takes one lock for all actions of a statement, the strongest that any of them needs,
//! on the table and on whatever the actions reach below it. It then sorts the actions into passes,
//! works on the catalog pass by pass, and goes through the rows of each table at most once at the
//! end: it writes them anew if anything asks for that, and else reads them if anything must be
//! checked. That is followed here: actions are applied one after another to a copy of the schema,
//! and what they ask for is gathered in a [`Job`] for each table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claims::{Claims, children, descendants, has_storage, is_partitioned, with_partitions};
use super::{Doubt, Mode, WorkKind};
use crate::schema::{Relation, RelationKind, Schema};
use crate::sql::ir::{
    Alter, AlterAction, ConstraintKind, Generated, Kind, Name, Object, Span, Statement,
};

/// One `ALTER` while its actions are gone through.
pub(super) struct Altering<'c, 'a> {
    pub(super) claims: &'c mut Claims<'a>,
    /// What the database holds after the actions so far.
    pub(super) now: Schema,
    /// The table, by full name.
    pub(super) table: Name,
    /// Whether children are left out.
    pub(super) only: bool,
    /// The lock of the statement.
    pub(super) mode: Mode,
    /// Whether the rows of a new column are looked up where it has a foreign key, because a column
    /// that the same statement adds has a value for them.
    pub(super) looks_up: bool,
    jobs: BTreeMap<Name, Job>,
}

/// What is asked for on one table. Each with the reason, and the part of the statement.
#[derive(Default)]
struct Job {
    rewrite: Vec<(String, Span)>,
    scan: Vec<(String, Span)>,
    proof: Vec<(String, Span)>,
    /// Rows are looked at for missing values in any case.
    looks_for_null: bool,
    build: BTreeMap<Name, (String, Span)>,
    /// Indexes whose names the server makes.
    build_unnamed: Vec<(String, Span)>,
    foreign: Vec<(Name, String, Span)>,
    /// Its data go to another place as they are, indexes stay.
    moved: Vec<(String, Span)>,
}

pub(super) fn claim(claims: &mut Claims<'_>, statement: &Statement, alter: &Alter) {
    let table = claims.schema.resolve(&alter.name);
    match alter.object {
        Object::Sequence => return owned(claims, alter),
        Object::Table
        | Object::ForeignTable
        | Object::View
        | Object::MaterializedView
        | Object::Index => {}
        // Schemas, functions and their kin are altered in the catalog alone.
        _ => return,
    }
    if alter.object == Object::Index || claims.schema.indexes.contains_key(&table) {
        return super::indexes::alter(claims, statement, alter);
    }
    let Some(relation) = claims.schema.relations.get(&table) else {
        if alter.if_exists && claims.schema.complete {
            return;
        }
        claims.doubt(Doubt::Table(table.clone()));
        return gather(claims, statement, alter, table);
    };
    if relation.kind == RelationKind::Sequence {
        return owned(claims, alter);
    }
    gather(claims, statement, alter, table);
}

/// A sequence that goes with a column looks at its table.
fn owned(claims: &mut Claims<'_>, alter: &Alter) {
    for (action, _) in &alter.actions {
        if let AlterAction::OwnedBy {
            column: Some((table, _)),
        } = action
        {
            let table = claims.known(table);
            claims.lock(&table, Mode::AccessShare);
        }
    }
}

fn gather(claims: &mut Claims<'_>, statement: &Statement, alter: &Alter, table: Name) {
    let mode = alter
        .actions
        .iter()
        .map(|(action, _)| mode_of(claims, &table, action));
    let mode = mode.max().unwrap_or(Mode::AccessExclusive);
    claims.lock(&table, mode);
    let mut now = claims.schema.clone();
    now.major = Some(claims.major);
    // Until 12 one column of a statement was enough (`skipValidation` in `transformAlterTableStmt`).
    let looks_up = claims.major == 12 && alter.actions.iter().any(|(it, _)| adds_values(it));
    let mut altering = Altering {
        claims,
        now,
        table,
        only: alter.only,
        mode,
        looks_up,
        jobs: BTreeMap::new(),
    };
    let mut actions: Vec<&(AlterAction, Span)> = alter.actions.iter().collect();
    actions.sort_by_key(|(action, _)| pass(action));
    let last = actions.len().saturating_sub(1);
    let only_settings = actions.iter().all(|(action, _)| is_setting(action));
    for (place, (action, at)) in actions.into_iter().enumerate() {
        altering.act(action, at);
        if !only_settings && (place < last || !is_alone(action)) {
            altering.apply(statement, alter, action, at);
        }
    }
    altering.finish();
}

/// Whether an action adds a column whose rows have a value: the server looks at the words, a
/// `DEFAULT`, a sequence or an expression.
fn adds_values(action: &AlterAction) -> bool {
    matches!(action, AlterAction::AddColumn { column, .. } if super::columns::is_filled(column))
}

/// Whether an action neither drops nor builds anything, so that nobody needs to know what is there
/// after it. That costs a copy of the table.
fn is_alone(action: &AlterAction) -> bool {
    let builds = |it: &ConstraintKind| {
        !matches!(
            it,
            ConstraintKind::Null
                | ConstraintKind::NotNull { .. }
                | ConstraintKind::Check(_)
                | ConstraintKind::ForeignKey { .. }
        )
    };
    match action {
        AlterAction::AddColumn { column, .. } => {
            !column.constraints.iter().any(|it| builds(&it.kind))
        }
        AlterAction::AddConstraint(constraint) => !builds(&constraint.kind),
        _ => is_setting(action),
    }
}

/// Whether an action changes how a column is written from now on, and nothing else.
const fn is_setting(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::Default { .. } | AlterAction::DropNotNull { .. }
    )
}

/// The lock that an action needs on the table: `AlterTableGetLockLevel` in
/// `src/backend/commands/tablecmds.c`.
fn mode_of(claims: &Claims<'_>, table: &Name, action: &AlterAction) -> Mode {
    use AlterAction as A;
    match action {
        A::SetStatistics { .. }
        | A::SetColumnOptions { .. }
        | A::ValidateConstraint { .. }
        | A::ClusterOn { .. }
        | A::AttachPartition { .. } => Mode::ShareUpdateExclusive,
        A::DetachPartition {
            concurrently,
            finalize,
            ..
        } if *concurrently || *finalize => Mode::ShareUpdateExclusive,
        A::SetOptions { options } => {
            let view = claims.schema.relations.get(table);
            let view = view.is_some_and(|it| it.kind == RelationKind::View);
            if view || options.iter().any(|name| needs_everybody_out(name)) {
                Mode::AccessExclusive
            } else {
                Mode::ShareUpdateExclusive
            }
        }
        A::Trigger { .. } => Mode::ShareRowExclusive,
        A::AddConstraint(constraint) => match constraint.kind {
            ConstraintKind::ForeignKey { .. } => Mode::ShareRowExclusive,
            _ => Mode::AccessExclusive,
        },
        _ => Mode::AccessExclusive,
    }
}

/// The storage options of a table that change what running statements may do.
fn needs_everybody_out(option: &str) -> bool {
    matches!(
        option,
        "user_catalog_table" | "security_barrier" | "security_invoker" | "check_option"
    )
}

/// The order in which the server takes the actions of one statement.
fn pass(action: &AlterAction) -> u8 {
    use AlterAction as A;
    match action {
        A::DropColumn { .. }
        | A::DropConstraint { .. }
        | A::DropNotNull { .. }
        | A::DropExpression { .. }
        | A::DropIdentity { .. } => 0,
        A::Default { default: None, .. } => 0,
        A::SetType { .. } => 1,
        A::SetExpression { .. } => 2,
        A::AddColumn { .. } => 3,
        A::SetNotNull { .. } | A::AddIdentity { .. } | A::SetIdentity { .. } => 4,
        A::Default { .. } => 4,
        A::AddConstraint(constraint) => match constraint.kind {
            ConstraintKind::NotNull { .. } => 4,
            ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Exclude { .. } => 5,
            _ => 6,
        },
        _ => 7,
    }
}

impl Altering<'_, '_> {
    fn act(&mut self, action: &AlterAction, at: &Span) {
        use AlterAction as A;
        match action {
            A::AddColumn {
                column,
                if_not_exists,
            } => self.add_column(column, *if_not_exists, at),
            A::DropColumn { .. } => {
                self.lock_below();
                self.lock_children();
            }
            A::SetType {
                column,
                to,
                collation,
                using,
            } => self.set_type(column, to, collation.as_ref(), using.as_ref(), at),
            A::SetNotNull { column } => self.set_not_null(column, at),
            A::DropNotNull { .. } => {
                // Since 18 a child has its own constraint, and keeps it or not with its parent's.
                self.drop_not_null(action);
            }
            A::SetExpression { column, .. } => self.set_expression(column, at),
            A::Default { .. }
            | A::SetStatistics { .. }
            | A::SetStorage { .. }
            | A::DropExpression { .. } => {
                self.lock_below();
            }
            A::SetCompression { .. } => self.claims.since(14),
            A::DropIdentity { column, .. } if !self.is_identity(column) => {}
            A::AddIdentity { .. } | A::SetIdentity { .. } | A::DropIdentity { .. } => {
                // Partitions share an identity with their table since 17.
                if self.claims.major >= 17 && self.is_partitioned() {
                    self.lock_below();
                }
            }
            A::AddConstraint(constraint) => self.add_constraint(constraint, at),
            A::DropConstraint { name, .. } => self.drop_constraint(name),
            A::ValidateConstraint { name } => self.validate_constraint(name, at),
            A::AlterConstraint {
                name,
                enforced,
                inherit,
                deferrable,
            } => self.alter_constraint(name, (*enforced, *inherit, *deferrable), at),
            A::RenameColumn { .. } => {
                self.lock_below();
            }
            A::RenameConstraint { from, .. } => self.rename_constraint(from),
            A::SetLogged(logged) => self.set_logged(*logged, at),
            A::SetAccessMethod { to } => self.set_access_method(to.as_deref(), at),
            A::SetTablespace { to } => self.set_tablespace(to, at),
            A::ClusterOn { index } => self.lock_own_index(index.as_deref(), self.mode),
            A::ReplicaIdentity { index } => self.lock_own_index(index.as_deref(), Mode::Share),
            A::Trigger { name, user, .. } => {
                if self.is_partitioned() && self.has_triggers(name.as_deref(), *user) {
                    self.lock_below();
                }
            }
            A::Owner => {
                let table = self.table.clone();
                self.claims.lock_indexes(&table, self.mode);
            }
            A::Inherit { parent } => self.inherit(parent),
            A::NoInherit { parent } => {
                let parent = self.claims.known(parent);
                self.claims.lock(&parent, Mode::AccessShare);
            }
            A::AttachPartition { child, bound } => self.attach(child, bound.as_ref(), at),
            A::DetachPartition {
                child,
                concurrently,
                finalize,
            } => self.detach(child, *concurrently, *finalize, at),
            A::Unknown { what } => self.claims.doubt(Doubt::Statement {
                reason: format!("`{what}` is not known"),
            }),
            A::RenameTrigger { .. } => {
                if self.is_partitioned() && self.claims.major >= 15 {
                    self.lock_below();
                }
            }
            A::SetColumnOptions { .. }
            | A::RenameRule { .. }
            | A::OwnedBy { .. }
            | A::SequenceOptions
            | A::Rename { .. }
            | A::SetSchema { .. }
            | A::SetOptions { .. }
            | A::WithoutOids
            | A::Rule
            | A::RowSecurity(_)
            | A::OfType => {}
        }
    }

    /// Makes the schema that of after the action. What is gone then was locked to go.
    fn apply(&mut self, statement: &Statement, alter: &Alter, action: &AlterAction, at: &Span) {
        let one = Statement {
            span: statement.span.clone(),
            kind: Kind::Alter(Alter {
                object: alter.object,
                name: self.table.clone(),
                only: alter.only,
                if_exists: alter.if_exists,
                actions: vec![(action.clone(), at.clone())],
            }),
            conditional: false,
        };
        let before = self.now.clone();
        self.now.apply(&one);
        let drops = matches!(
            action,
            AlterAction::DropColumn { .. } | AlterAction::DropConstraint { .. }
        );
        if drops {
            let rows_stay = matches!(action, AlterAction::DropConstraint { .. });
            super::drops::gone(self.claims, &before, &self.now, rows_stay);
        }
        let makes = match action {
            AlterAction::AddColumn { .. } => true,
            AlterAction::AddConstraint(constraint) => !uses_index(&constraint.kind),
            _ => false,
        };
        if makes {
            for table in self.reached() {
                for (name, _) in self.now.indexes_of(&table) {
                    if !before.indexes.contains_key(name) && stores(&self.now, &table) {
                        let job = self.jobs.entry(table.clone()).or_default();
                        let why = "a constraint needs it".to_owned();
                        job.build.insert(name.clone(), (why, at.clone()));
                    }
                }
            }
        }
    }

    /// What is now known of a relation.
    pub(super) fn relation(&self, name: &Name) -> Option<Arc<Relation>> {
        self.now.relations.get(name).cloned()
    }

    /// Whether the table has partitions rather than rows.
    pub(super) fn is_partitioned(&self) -> bool {
        is_partitioned(&self.now, &self.table)
    }

    /// The table and everything below it, unless only the table is meant.
    pub(super) fn reached(&self) -> Vec<Name> {
        if self.only {
            vec![self.table.clone()]
        } else {
            descendants(&self.now, &self.table)
        }
    }

    /// Locks what is below the table as the table is, unless only the table is meant.
    pub(super) fn lock_below(&mut self) -> Vec<Name> {
        let all = self.reached();
        for one in &all {
            self.claims.lock(one, self.mode);
        }
        all
    }

    /// Locks the children of the table though only the table is meant: they learn that what they
    /// have is their own from now on (`ATExecDropColumn`, `ATExecDropConstraint`).
    pub(super) fn lock_children(&mut self) {
        let table = self.table.clone();
        let all: Vec<Name> = children(&self.now, &table)
            .map(|(name, _)| name.clone())
            .collect();
        for child in all {
            self.claims.lock(&child, self.mode);
        }
    }

    /// Whether a column takes numbers from a sequence of its own, as far as is known.
    fn is_identity(&self, column: &str) -> bool {
        let relation = self.relation(&self.table);
        let found = relation.as_ref().and_then(|it| it.column(column));
        found.is_none_or(|it| matches!(it.generated, Some(Generated::Identity { .. })))
    }

    fn lock_own_index(&mut self, index: Option<&str>, mode: Mode) {
        if let Some(index) = index {
            let full = Name {
                schema: self.table.schema.clone(),
                name: index.to_owned(),
            };
            self.claims.lock_index(&full, mode);
        }
    }

    fn inherit(&mut self, parent: &Name) {
        let parent = self.claims.known(parent);
        self.claims.lock(&parent, Mode::ShareUpdateExclusive);
        for below in descendants(&self.now, &self.table.clone()) {
            self.claims.lock(&below, Mode::AccessShare);
        }
    }

    fn set_logged(&mut self, logged: bool, at: &Span) {
        let table = self.table.clone();
        let is = self.relation(&table).map(|it| it.kind);
        let same = matches!(is, Some(RelationKind::Table { logged: is, .. }) if is == logged);
        if !same {
            let why = if logged {
                "it becomes one that survives a crash"
            } else {
                "it becomes unlogged"
            };
            self.rewrite(&table, why, at);
        }
    }

    fn set_access_method(&mut self, to: Option<&str>, at: &Span) {
        self.claims.since(15);
        let table = self.table.clone();
        let is = self.relation(&table);
        let method = |it: Option<&str>| it.unwrap_or("heap").to_owned();
        let old = method(is.as_ref().and_then(|it| it.access_method.as_deref()));
        let new = method(to);
        if is.is_none() || old != new {
            self.rewrite(&table, format!("its access method becomes {new}"), at);
        }
    }

    fn set_tablespace(&mut self, to: &str, at: &Span) {
        let table = self.table.clone();
        let is = self.relation(&table);
        let old = is.as_ref().and_then(|it| it.tablespace.as_deref());
        if is.is_none() || old.unwrap_or("pg_default") != to {
            let why = format!("it moves to the tablespace {to}");
            self.job(&table).moved.push((why, at.clone()));
        }
    }

    fn job(&mut self, table: &Name) -> &mut Job {
        self.jobs.entry(table.clone()).or_default()
    }

    /// Asks for a table to be written anew.
    pub(super) fn rewrite(&mut self, table: &Name, why: impl Into<String>, at: &Span) {
        let cause = (why.into(), at.clone());
        self.job(table).rewrite.push(cause);
    }

    /// Asks for the rows of a table to be read.
    pub(super) fn scan(&mut self, table: &Name, why: impl Into<String>, at: &Span) {
        let cause = (why.into(), at.clone());
        self.job(table).scan.push(cause);
    }

    /// Notes that rows of a table will be looked at for missing values.
    pub(super) fn look_for_null(&mut self, table: &Name) {
        self.job(table).looks_for_null = true;
    }

    /// Notes that rows need not be read.
    pub(super) fn proof(&mut self, table: &Name, why: impl Into<String>, at: &Span) {
        // Until 17 nobody looks for one if rows are read all the same (`ATExecSetNotNull`).
        if self.claims.major < 18 && self.job(table).looks_for_null {
            return;
        }
        let cause = (why.into(), at.clone());
        self.job(table).proof.push(cause);
    }

    /// Asks for an index to be built again, or for a new one.
    pub(super) fn build(&mut self, table: &Name, index: &Name, why: &str, at: &Span) {
        let cause = (why.to_owned(), at.clone());
        self.job(table).build.insert(index.clone(), cause);
    }

    /// Asks for a new index whose name the server makes.
    pub(super) fn build_unnamed(&mut self, table: &Name, why: &str, at: &Span) {
        let cause = (why.to_owned(), at.clone());
        self.job(table).build_unnamed.push(cause);
    }

    /// Asks for rows to be looked up in another table.
    pub(super) fn look_up(&mut self, table: &Name, referenced: &Name, why: String, at: &Span) {
        let cause = (referenced.clone(), why, at.clone());
        self.job(table).foreign.push(cause);
    }

    fn finish(self) {
        let Self {
            claims, now, jobs, ..
        } = self;
        for (table, job) in jobs {
            let stored = stores(&now, &table);
            for (why, at) in job.proof {
                claims.work(WorkKind::Proof, &table, why, &at);
            }
            let rewritten = stored && !job.rewrite.is_empty();
            for (why, at) in job.rewrite.iter().filter(|_| stored) {
                claims.work(WorkKind::Rewrite, &table, why.as_str(), at);
            }
            for (why, at) in job.moved.iter().filter(|_| stored && !rewritten) {
                claims.work(WorkKind::Rewrite, &table, why.as_str(), at);
            }
            for (why, at) in job.scan.iter().filter(|_| stored && !rewritten) {
                claims.work(WorkKind::Scan, &table, why.as_str(), at);
            }
            // What an index of a partitioned table holds lies with the partitions.
            let mut built = if stored { job.build } else { BTreeMap::new() };
            if let (true, Some((_, at))) = (rewritten, job.rewrite.first()) {
                for (index, _) in now.indexes_of(&table) {
                    let why = "its table is written anew".to_owned();
                    built.entry(index.clone()).or_insert((why, at.clone()));
                    if claims.schema.indexes.contains_key(index) {
                        claims.lock_index(index, Mode::AccessExclusive);
                    }
                }
            }
            for (index, (why, at)) in built {
                let kind = WorkKind::BuildIndex {
                    index: Some(index),
                    concurrently: false,
                };
                claims.work(kind, &table, why, &at);
            }
            for (why, at) in job.build_unnamed {
                let kind = WorkKind::BuildIndex {
                    index: None,
                    concurrently: false,
                };
                claims.work(kind, &table, why, &at);
            }
            for (referenced, why, at) in job.foreign.into_iter().filter(|_| stored) {
                claims.lock(&referenced, Mode::RowShare);
                for one in with_partitions(&now, &referenced) {
                    claims.lock(&one, Mode::AccessShare);
                }
                claims.work(WorkKind::ForeignKeyScan { referenced }, &table, why, &at);
            }
        }
    }
}

/// Whether a constraint takes an index that is there already.
fn uses_index(kind: &ConstraintKind) -> bool {
    match kind {
        ConstraintKind::Unique { using, .. } | ConstraintKind::PrimaryKey { using, .. } => {
            using.is_some()
        }
        _ => false,
    }
}

/// Whether a relation is known to hold rows itself; one that is not known may.
fn stores(schema: &Schema, name: &Name) -> bool {
    schema.relations.get(name).is_none_or(|it| has_storage(it))
}
