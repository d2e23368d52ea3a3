//! What is so at one place of a script: the transaction, the limits and locks in it, and what the
//! script has made and destroyed so far.

use std::collections::BTreeSet;

use super::looser::Dropped;
use crate::facts::compat::Effect;
use crate::facts::{Facts, Lock, Mode};
use crate::history::{Part, Tool, Wrapped};
use crate::schema::{Index, RelationKind, Schema};
use crate::sql::ir::{
    AlterAction, AlterTypeAction, ConstraintKind, Kind, Name, Object, Span, Statement, Transaction,
};

/// What is so before a statement.
#[derive(Debug)]
pub(super) struct Script {
    /// The transaction that the next statement runs in, if it is not one of its own.
    pub(super) inside: Option<Inside>,
    /// The transaction that the next statement would run in outside of a block.
    around: Option<Inside>,
    /// What a transaction that ends is followed by.
    after_end: Option<Inside>,
    lock_timeout: Limit,
    statement_timeout: Limit,
    /// Locks that the transaction holds and others wait for, each once, the earliest first.
    pub(super) held: Vec<Held>,
    /// Values of enums that the transaction has added, and that it cannot use.
    pub(super) values: Vec<(Name, String)>,
    /// Constraints that the script has dropped.
    pub(super) dropped: Vec<Dropped>,
    /// Unique indexes that the script has dropped.
    pub(super) dropped_indexes: Vec<Index>,
    /// Names that the script has given to things that had others.
    given: BTreeSet<Name>,
    /// Columns that the script has renamed, by their new names.
    given_columns: BTreeSet<(Name, String)>,
    /// What the script has made and destroyed.
    pub(super) log: Log,
}

/// Why a statement runs in a transaction that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// The tool begins one.
    Tool,
    /// All statements are one message.
    Message,
    /// The script began one, at this byte.
    Begun(usize),
    /// It stands in a `DO` block.
    Block,
}

/// A limit such as `lock_timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Limit {
    session: Setting,
    transaction: Option<Setting>,
}

/// What a script says about a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Setting {
    /// Nothing.
    #[default]
    Unsaid,
    /// There is none.
    Off,
    /// There is one.
    On,
}

/// A lock that others wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// The table, by full name.
    pub(super) relation: Name,
    /// How.
    pub(super) mode: Mode,
    /// The first byte of the statement that took it.
    pub(super) at: usize,
}

/// What a script has made and destroyed, in the order in which it did.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Tables and columns that were made.
    pub(super) made: Vec<Deed>,
    /// Tables and columns that were there before the script and went.
    pub(super) gone: Vec<Deed>,
    /// Tables into which rows were written, with the columns if they are named.
    pub(super) written: Vec<Deed>,
    /// Tables that were there before the script and from which rows were deleted.
    pub(super) emptied: Vec<Deed>,
    /// Tables and columns that were renamed, by their names before.
    pub(super) renamed: Vec<Deed>,
}

/// Something that was done to a table or to a column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    /// The table, by full name.
    pub(super) table: Name,
    /// The column, if it is only one.
    pub(super) column: Option<String>,
    /// Where.
    pub(super) span: Span,
}

impl Script {
    /// Before the first statement of a part.
    pub(super) fn begin(part: &Part, tool: Tool, statements: &[Statement]) -> Self {
        let several = statements.iter().filter(|it| !it.conditional).count() > 1;
        let message = several.then_some(Inside::Message);
        let (around, after_end) = match part.transaction {
            Wrapped::Transaction if at_once(tool) => (Some(Inside::Tool), message),
            Wrapped::Transaction => (Some(Inside::Tool), None),
            Wrapped::OneMessage => (message, message),
            Wrapped::Nothing => (None, None),
        };
        Self {
            inside: around,
            around,
            after_end,
            lock_timeout: Limit::default(),
            statement_timeout: Limit::default(),
            held: Vec::new(),
            values: Vec::new(),
            dropped: Vec::new(),
            dropped_indexes: Vec::new(),
            given: BTreeSet::new(),
            given_columns: BTreeSet::new(),
            log: Log::default(),
        }
    }

    /// Whether the time that a statement waits for a lock has a limit, as far as the script says.
    /// `statement_timeout` counts too: the wait is part of the statement.
    pub(super) fn wait_limit(&self) -> Setting {
        let lock = self.lock_timeout.now();
        if lock == Setting::On || self.statement_timeout.now() == Setting::On {
            Setting::On
        } else {
            lock
        }
    }

    /// Takes notice of which statement comes next.
    pub(super) fn enter(&mut self, statement: &Statement) {
        if statement.conditional && self.around.is_none() {
            self.inside = Some(Inside::Block);
        } else if self.inside == Some(Inside::Block) {
            self.end();
        }
    }

    /// Whether a name was given by this script, so that nobody else knows it.
    pub(super) fn is_own_name(&self, name: &Name) -> bool {
        self.given.contains(name)
    }

    /// Whether a column was made or renamed by this script, so that nobody else knows its name.
    pub(super) fn is_own_column(&self, table: &Name, column: &str) -> bool {
        let made = |deed: &Deed| deed.table == *table && deed.column.as_deref() == Some(column);
        self.log.made.iter().any(made)
            || self
                .given_columns
                .iter()
                .any(|(of, name)| of == table && name == column)
    }

    /// Takes notice of what a statement does; `schema` is the one before it.
    pub(super) fn leave(
        &mut self,
        statement: &Statement,
        facts: &Facts,
        effects: &[(Effect, Span)],
        schema: &Schema,
    ) {
        for (effect, _) in effects {
            match effect {
                Effect::Renames { to, .. } => {
                    self.given.insert(to.clone());
                }
                Effect::RenamesColumn { table, to, .. } => {
                    self.given_columns.insert((table.clone(), to.clone()));
                }
                _ => {}
            }
        }
        self.drop_constraints(statement, schema);
        match &statement.kind {
            Kind::Transaction(Transaction::Begin) if self.around.is_none() => {
                self.around = Some(Inside::Begun(statement.span.start));
                self.inside = self.around;
            }
            // Within what the tool began or sends as one message it opens nothing new; it only
            // says who ends it.
            Kind::Transaction(Transaction::Begin | Transaction::Inner) => {}
            Kind::Transaction(Transaction::Commit | Transaction::Rollback) => {
                self.around = self.after_end;
                self.end();
            }
            Kind::Set {
                parameter,
                values,
                local,
            } => self.set(parameter, values, *local),
            Kind::AlterType {
                name,
                action: AlterTypeAction::AddValue { value, .. },
            } if self.inside.is_some() => {
                self.values.push((schema.resolve(name), value.clone()));
            }
            _ => {}
        }
        if self.inside.is_some() {
            self.hold(statement, facts, schema);
        }
        self.log.note(statement, schema);
    }

    /// A transaction has ended.
    fn end(&mut self) {
        self.inside = self.around;
        self.held.clear();
        self.values.clear();
        self.lock_timeout.transaction = None;
        self.statement_timeout.transaction = None;
    }

    fn drop_constraints(&mut self, statement: &Statement, schema: &Schema) {
        let mut dropped = |table: &Name, kind: &ConstraintKind| {
            self.dropped.push(Dropped {
                table: table.clone(),
                kind: kind.clone(),
            });
        };
        match &statement.kind {
            Kind::Alter(alter) => {
                let table = schema.resolve(&alter.name);
                let Some(relation) = schema.relations.get(&table) else {
                    return;
                };
                for (action, _) in &alter.actions {
                    if let AlterAction::DropConstraint { name, .. } = action
                        && let Some(constraint) = relation.constraint(name)
                    {
                        dropped(&table, &constraint.kind);
                    }
                }
            }
            Kind::Drop(drop) if drop.object == Object::Index => {
                for name in &drop.names {
                    if let Some(index) = schema.index(name).filter(|it| it.unique) {
                        self.dropped_indexes.push(index.clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn hold(&mut self, statement: &Statement, facts: &Facts, schema: &Schema) {
        // Nobody writes to a materialized view but one who fills it anew.
        let is_written = |lock: &Lock| {
            let relation = schema.relations.get(&lock.relation);
            relation.is_none_or(|it| it.kind != RelationKind::Materialized)
        };
        for lock in &facts.locks {
            if lock.new || lock.index || !lock.mode.blocks_writes() {
                continue;
            }
            if !lock.mode.blocks_reads() && !is_written(lock) {
                continue;
            }
            match self
                .held
                .iter_mut()
                .find(|held| held.relation == lock.relation)
            {
                Some(held) if held.mode >= lock.mode => {}
                Some(held) => {
                    held.mode = lock.mode;
                    held.at = statement.span.start;
                }
                None => self.held.push(Held {
                    relation: lock.relation.clone(),
                    mode: lock.mode,
                    at: statement.span.start,
                }),
            }
        }
    }

    fn set(&mut self, parameter: &str, values: &[String], local: bool) {
        let setting = match values.first() {
            None => Setting::Unsaid,
            Some(value) if is_zero(value) => Setting::Off,
            Some(_) => Setting::On,
        };
        let in_transaction = self.inside.is_some();
        let limits: &mut [&mut Limit] = match parameter {
            "lock_timeout" => &mut [&mut self.lock_timeout],
            "statement_timeout" => &mut [&mut self.statement_timeout],
            "*" => &mut [&mut self.lock_timeout, &mut self.statement_timeout],
            _ => return,
        };
        for limit in limits {
            if !local {
                limit.session = setting;
                limit.transaction = None;
            } else if in_transaction {
                limit.transaction = Some(setting);
            }
        }
    }
}

/// Whether a tool that wraps a transaction around a migration sends all of it as one message, so
/// that statements after a `COMMIT` in it are one transaction again.
const fn at_once(tool: Tool) -> bool {
    matches!(
        tool,
        Tool::Sqlx
            | Tool::Diesel
            | Tool::Refinery
            | Tool::Dbmate
            | Tool::GolangMigrate
            | Tool::Prisma
            | Tool::NodePgMigrate
    )
}

fn is_zero(value: &str) -> bool {
    let number = value.trim_matches(['\'', ' ']);
    let end = number
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(number.len());
    number[..end]
        .parse::<f64>()
        .is_ok_and(|number| number == 0.0)
}

impl Limit {
    fn now(self) -> Setting {
        self.transaction.unwrap_or(self.session)
    }
}

impl Deed {
    fn table(table: Name, span: &Span) -> Self {
        Self {
            table,
            column: None,
            span: span.clone(),
        }
    }

    fn column(table: &Name, column: &str, span: &Span) -> Self {
        Self {
            table: table.clone(),
            column: Some(column.to_owned()),
            span: span.clone(),
        }
    }

    /// Whether it is about the same table or column.
    pub(super) fn same_thing(&self, other: &Deed) -> bool {
        self.table == other.table && self.column == other.column
    }
}

impl Log {
    fn note(&mut self, statement: &Statement, schema: &Schema) {
        let span = &statement.span;
        match &statement.kind {
            Kind::CreateTable(table) => {
                let name = schema.resolve(&table.name);
                if !schema.relations.contains_key(&name) {
                    if table.query.is_some() {
                        self.written.push(Deed::table(name.clone(), span));
                    }
                    self.made.push(Deed::table(name, span));
                }
            }
            Kind::Drop(drop) if drop.object == Object::Table => {
                for name in &drop.names {
                    let name = schema.resolve(name);
                    let new = schema
                        .relations
                        .get(&name)
                        .is_some_and(|it| schema.is_new(it.made_in));
                    if schema.relations.contains_key(&name) && !new {
                        self.gone.push(Deed::table(name, span));
                    }
                }
            }
            Kind::Alter(alter) if matches!(alter.object, Object::Table) => {
                let name = schema.resolve(&alter.name);
                let before = schema.relations.get(&name);
                let new = before.is_some_and(|it| schema.is_new(it.made_in));
                for (action, span) in &alter.actions {
                    match action {
                        AlterAction::AddColumn { column, .. }
                            if !new
                                && before.is_none_or(|it| it.column(&column.name).is_none()) =>
                        {
                            self.made.push(Deed::column(&name, &column.name, span));
                        }
                        AlterAction::DropColumn { column, .. } if !new => {
                            let own = self.made.iter().any(|deed| {
                                deed.table == name && deed.column.as_ref() == Some(column)
                            });
                            let there = before.is_none_or(|it| it.column(column).is_some());
                            if there && !own {
                                self.gone.push(Deed::column(&name, column, span));
                            }
                        }
                        AlterAction::Rename { .. } | AlterAction::SetSchema { .. } if !new => {
                            self.renamed.push(Deed::table(name.clone(), span));
                        }
                        AlterAction::RenameColumn { from, .. } if !new => {
                            self.renamed.push(Deed::column(&name, from, span));
                        }
                        _ => {}
                    }
                }
            }
            Kind::Insert { table, columns, .. } | Kind::Update { table, columns, .. } => {
                let name = schema.resolve(table);
                if columns.is_empty() {
                    self.written.push(Deed::table(name, span));
                } else {
                    for column in columns {
                        self.written.push(Deed::column(&name, column, span));
                    }
                }
            }
            Kind::Copy {
                table: Some(table),
                from: true,
            } => self.written.push(Deed::table(schema.resolve(table), span)),
            Kind::Delete { table, .. } => self.empty(table, span, schema),
            Kind::Truncate { tables, .. } => {
                for table in tables {
                    self.empty(table, span, schema);
                }
            }
            _ => {}
        }
    }

    fn empty(&mut self, table: &Name, span: &Span, schema: &Schema) {
        let name = schema.resolve(table);
        let new = schema
            .relations
            .get(&name)
            .is_some_and(|it| schema.is_new(it.made_in));
        if !new {
            self.emptied.push(Deed::table(name, span));
        }
    }
}
