//! Planning changes on PostgreSQL: the SQL of each step of an operation.
//!
//! Every step up takes strong locks only for moments; what has to read or write a table does so
//! beside readers and writers, in a step of its own. What cannot be done like that is refused with
//! a reason, before anything is written.
//!
//! Deliberately absent: a connection. What is there comes as a [`Schema`].

mod keywords;
mod merge;
mod moves;
pub(crate) mod names;
mod plain;
mod rules;
mod values;

use switchback_model::{ChangeId, InvalidName, StepName};

use crate::definition::{CODE_BEFORE, Columns, Definition, Operation, Surface, prefix};
use crate::engine::Engine;
use crate::operation::request::{MoveKind, Request};
use crate::operation::{Planned, Sql, header, require};
use crate::schema::{Relation, RelationKind, Schema};
use crate::sql::ir::Name;

pub use names::{name, qualified, text};

/// Why a change cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A generated name cannot be a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// It could not be done without harm.
    #[error("the table `{table}` cannot be changed so: {reason}")]
    Unsupported {
        /// The table.
        table: String,
        /// Why.
        reason: Reason,
    },
}

/// Why a change cannot be done without harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message says it")]
pub enum Reason {
    #[error("there is no such table in the search path")]
    NoTable,
    #[error("it is no table that stores rows itself")]
    NotATable,
    #[error("it has no column `{column}`")]
    NoColumn { column: String },
    #[error("it has a column `{column}` already")]
    ColumnExists { column: String },
    #[error("it has something called `{name}` already")]
    NameTaken { name: String },
    #[error("the name `{name}` is empty, longer than 63 bytes or has a zero character")]
    BadName { name: String },
    #[error("`{column}` is generated, and cannot be written")]
    Generated { column: String },
    #[error("`{column}` is an identity, and its values come from a sequence")]
    Identity { column: String },
    #[error("`{column}` is part of the primary key")]
    PrimaryKey { column: String },
    #[error("the constraint `{constraint}` is on `{column}`")]
    Constraint { column: String, constraint: String },
    #[error("the foreign key `{constraint}` of `{table}` points to it")]
    Referenced { table: String, constraint: String },
    #[error("the view `{view}` reads it")]
    InView { view: String },
    #[error("the default of `{column}`, `{default}`, gives another value each time")]
    VolatileDefault { column: String, default: String },
    #[error(
        "`{column}` may be NULL and has a default: a statement that leaves it out could not be told \
         from one that writes NULL"
    )]
    NullableDefault { column: String },
    #[error(
        "`{column}` is NOT NULL, and nothing says what it gets from the new columns on the way back"
    )]
    NoWayBack { column: String },
    #[error(
        "`{column}` is NOT NULL and has no default, and nothing says what rows get that are written \
         without it"
    )]
    NeedsDefault { column: String },
    #[error(
        "rows that are written without `{column}` would all have the same value there, and `{unique}` \
         allows each value once"
    )]
    OneForAll { column: String, unique: String },
    #[error("`{column}` is no enum and has no single CHECK that lists its values")]
    NotListed { column: String },
    #[error("`{column}` takes `{value}` already")]
    ValueThere { column: String, value: String },
    #[error("`{column}` does not take `{value}`")]
    NoValue { column: String, value: String },
    #[error("it has no primary key, so former values could not be kept for each row")]
    NoKey,
    #[error("`{columns}` of `{table}` is no key there: a foreign key needs one")]
    NotAKey { table: String, columns: String },
    #[error("`{table}`: {reason}")]
    Of { table: String, reason: Box<Reason> },
    #[error("a table cannot be merged into itself")]
    Itself,
    #[error("its policy `{policy}` says who may see which rows")]
    Policy { policy: String },
    #[error("its rule `{rule}` makes other statements out of those that write to it")]
    Rule { rule: String },
    #[error("it has the trigger `{trigger}`, which would be gone")]
    Trigger { trigger: String },
    #[error("it and `{table}` inherit from each other")]
    Inherits { table: String },
    #[error(
        "it has no valid foreign key to the primary key of the other table whose columns are NOT \
         NULL and unique, so that each row there has at most one here"
    )]
    NoLink,
    #[error("several foreign keys lead to the other table: {}", constraints.join(", "))]
    SeveralLinks { constraints: Vec<String> },
    #[error("its foreign key `{constraint}` leads elsewhere, and would be gone")]
    PointsElsewhere { constraint: String },
    #[error("the constraint `{constraint}` may be checked as late as at the end of a transaction")]
    Deferrable { constraint: String },
    #[error(
        "its key `{column}` has no default, so that no row could be made for old code out of what new \
         code writes"
    )]
    KeyNotMade { column: String },
    #[error("it has no column that could move")]
    NothingMoves,
    #[error("the {what} cannot come along as it is")]
    NotCarried { what: String },
    #[error("it is partitioned, and PostgreSQL cannot do this on partitions beside writers")]
    Partitioned,
}

/// What every planner needs.
pub(crate) struct Draft<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) change: &'a ChangeId,
    /// The table's full name.
    pub(crate) full: Name,
    pub(crate) table: &'a Relation,
    prefix: String,
}

/// Plans a change.
///
/// # Errors
/// If it could not be done without harm.
pub fn plan(
    schema: &Schema,
    change: &ChangeId,
    request: &Request,
) -> Result<Definition, PlanError> {
    let unsupported = |reason| PlanError::Unsupported {
        table: request.table().to_owned(),
        reason,
    };
    let draft = Draft::of(schema, change, request.table()).map_err(unsupported)?;
    let planned = match request {
        Request::AddColumn {
            column,
            type_sql,
            default,
            ..
        } => plain::add(&draft, column, type_sql, default.as_deref()),
        Request::AddRequiredColumn {
            column,
            type_sql,
            value,
            ..
        } => plain::add_required(&draft, column, type_sql, value),
        Request::DropColumn {
            column, default, ..
        } => plain::drop_column(&draft, column, default.as_deref()),
        Request::DropTable { .. } => plain::drop_table(&draft),
        Request::RenameColumn { from, to, .. } => moves::rename(&draft, from, to),
        Request::Move(wanted) => moves::plan(&draft, wanted),
        Request::MergeTables(wanted) => merge::plan(&draft, wanted),
        Request::AddValue {
            column,
            value,
            fallback,
            ..
        } => values::add(&draft, column, value, fallback.as_deref()),
        Request::RemoveValue {
            column,
            value,
            replacement,
            ..
        } => values::remove(&draft, column, value, replacement),
        Request::AddIndex {
            name,
            keys,
            method,
            only,
            ..
        } => rules::index(&draft, name, keys, method.as_deref(), only.as_deref()),
        Request::AddCheck {
            name, rule, mend, ..
        } => rules::check(&draft, name, rule, mend),
        Request::AddNotNull { column, mend, .. } => {
            rules::not_null(&draft, column, mend.as_deref())
        }
        Request::AddUnique { name, columns, .. } => rules::unique(&draft, name, columns),
        Request::AddForeignKey {
            name,
            columns,
            to_table,
            to_columns,
            actions,
            ..
        } => rules::foreign_key(&draft, name, columns, (to_table, to_columns), actions),
    };
    let planned = planned.map_err(|trouble| match trouble {
        Trouble::Name(error) => PlanError::Name(error),
        Trouble::Reason(reason) => unsupported(reason),
    })?;
    Ok(Definition {
        id: change.clone(),
        title: planned.title,
        operation: planned.operation,
        engine: Engine::Postgres,
        code: StepName::new(CODE_BEFORE)?,
        surface: Surface {
            kind: planned.kind,
            table: draft.full.to_string(),
            also: match request {
                Request::MergeTables(wanted) => {
                    vec![schema.resolve(&names::parse(&wanted.from)).to_string()]
                }
                _ => Vec::new(),
            },
            old: Columns(planned.old),
            new: Columns(planned.new),
            before: planned.rule.then_some(require::BEFORE),
        },
        steps: planned.steps,
    })
}

/// Either error of a planner.
pub(crate) enum Trouble {
    Name(InvalidName),
    Reason(Reason),
}

impl From<InvalidName> for Trouble {
    fn from(error: InvalidName) -> Self {
        Trouble::Name(error)
    }
}

impl From<Reason> for Trouble {
    fn from(reason: Reason) -> Self {
        Trouble::Reason(reason)
    }
}

pub(crate) type Outcome = Result<Planned, Trouble>;

impl<'a> Draft<'a> {
    fn of(schema: &'a Schema, change: &'a ChangeId, table: &str) -> Result<Self, Reason> {
        let full = schema.resolve(&names::parse(table));
        let relation = schema.relations.get(&full).ok_or(Reason::NoTable)?;
        if !matches!(
            relation.kind,
            RelationKind::Table {
                temporary: false,
                ..
            }
        ) {
            return Err(Reason::NotATable);
        }
        Ok(Self {
            schema,
            change,
            full,
            table: relation,
            prefix: prefix(change),
        })
    }

    /// The table, as it stands in SQL.
    pub(crate) fn t(&self) -> String {
        qualified(&self.full)
    }

    /// The table, for people.
    pub(crate) fn shown(&self) -> &str {
        &self.full.name
    }

    /// A name of this change, not quoted.
    pub(crate) fn own(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    /// A comment that begins the file of a step, and its SQL.
    pub(crate) fn sql(&self, step: &str, what: [&str; 2], sql: Sql) -> Sql {
        let head = |what: &str| header(self.change, step, what, sql.run);
        Sql {
            up: head(what[0]) + &sql.up,
            down: head(what[1]) + &sql.down,
            run: sql.run,
        }
    }

    pub(crate) fn column(&self, column: &str) -> Result<&'a crate::schema::Column, Reason> {
        self.table.column(column).ok_or_else(|| Reason::NoColumn {
            column: column.to_owned(),
        })
    }

    /// That a column can be made under this name.
    pub(crate) fn free(&self, column: &str) -> Result<(), Reason> {
        names::check(column)?;
        match self.table.column(column) {
            Some(_) => Err(Reason::ColumnExists {
                column: column.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// That an index or a constraint can be made under this name.
    pub(crate) fn free_name(&self, wanted: &str) -> Result<(), Reason> {
        names::check(wanted)?;
        let schema = self.full.schema.clone();
        let full = Name {
            schema,
            name: wanted.to_owned(),
        };
        let taken = self.table.constraint(wanted).is_some()
            || self.schema.indexes.contains_key(&full)
            || self.schema.relations.contains_key(&full);
        if taken {
            return Err(Reason::NameTaken {
                name: wanted.to_owned(),
            });
        }
        Ok(())
    }

    /// That no view reads a column of the table, or the table where none is given.
    pub(crate) fn no_view(&self, column: Option<&str>) -> Result<(), Reason> {
        let reads = |view: &Relation| {
            view.reads.contains(&self.full)
                && column.is_none_or(|column| {
                    view.reads_columns
                        .iter()
                        .any(|read| read == "*" || read == column)
                })
        };
        let found = self
            .schema
            .relations
            .around(&self.full)
            .find(|(_, relation)| reads(relation));
        match found {
            Some((view, _)) => Err(Reason::InView {
                view: view.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// SQL that fails if `count` counts any rows; `%s` in the complaint is their number.
    pub(crate) fn guard(&self, complaint: &str, count: &str) -> String {
        format!(
            "DO $switchback$ DECLARE found bigint;\nBEGIN\n  {count} INTO found;\n  IF found > 0 \
             THEN\n    RAISE EXCEPTION USING MESSAGE = format({}, found);\n  END IF;\nEND \
             $switchback$;\n",
            text(complaint)
        )
    }

    /// The columns that a piece of SQL mentions.
    pub(crate) fn mentioned(&self, sql: &str) -> Vec<String> {
        let word = |c: char| !(c.is_alphanumeric() || c == '_');
        self.table
            .columns
            .iter()
            .filter(|column| sql.split(word).any(|it| it == column.name))
            .map(|column| column.name.clone())
            .collect()
    }

    /// Whether rows can be told apart, so that former values can be kept for each.
    pub(crate) fn has_key(&self) -> Result<(), Reason> {
        self.table.primary_key().map(|_| ()).ok_or(Reason::NoKey)
    }
}

/// The word for what a move is called.
pub(crate) const fn operation_of(kind: MoveKind) -> Operation {
    match kind {
        MoveKind::Split => Operation::SplitColumn,
        MoveKind::Merge => Operation::MergeColumns,
        MoveKind::ChangeType => Operation::ChangeType,
    }
}
