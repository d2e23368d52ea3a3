//! Planning the rename of a column on SQLite.
//!
//! For a while both names are there, as two columns that hold the same facts, so that code that
//! knows only one of them works beside code that knows only the other. In [`Mode::Triggers`] the
//! database keeps the columns in step; in [`Mode::Application`] the code writes both.
//!
//! Either way the last step does not keep the added column: it brings the original column up to
//! date, drops the added one and gives the original the new name. So the position in the table, the
//! constraints and the indexes survive, and every way back is exact.
//!
//! What cannot be done without harm is refused with a reason, before anything is written.

mod application;
mod pair;
mod refuse;
mod triggers;
mod words;

use std::collections::BTreeMap;

use switchback_model::plan::Run;
use switchback_model::{ChangeId, Kind, StepName};

use crate::definition::{
    CODE_BEFORE, Columns, Definition, Operation, SqlFile, Step, StepFill, StepScript, Surface, Work,
};
use crate::engine::Engine;
use crate::sqlite::catalog::Table;
use pair::Pair;

/// Who keeps the two columns in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The database, with triggers. Code moves straight from one column to the other.
    #[default]
    Triggers,
    /// The application: for a while it writes both columns.
    Application,
}

/// What to rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The change that it becomes.
    pub change: ChangeId,
    /// The column's name now.
    pub from: String,
    /// The name that it gets.
    pub to: String,
    /// Who keeps the two columns in step.
    pub mode: Mode,
}

/// Why a change is not planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenameError {
    /// It could not be done without harm.
    #[error("the change cannot be done safely on table `{table}`: {reason}")]
    Unsupported {
        /// The table.
        table: String,
        /// Why not.
        reason: Reason,
    },
    /// A step's name is not a name; cannot happen for the steps of this planner.
    #[error("a step of the plan has no proper name")]
    Name(#[from] switchback_model::InvalidName),
}

/// Why a rename could not be done without harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "each message says what its variant means and names its fields"
)]
pub enum Reason {
    #[error("it has no column `{column}`")]
    NoColumn { column: String },
    #[error("it already has a column `{column}`")]
    ColumnExists { column: String },
    #[error("`{column}` and the new name differ only in case, and SQLite takes them for the same")]
    OnlyCase { column: String },
    #[error("the new name is empty or has a zero character")]
    BadName,
    #[error("it is a virtual table, and its columns belong to its module")]
    Virtual,
    #[error("it is a view")]
    View,
    #[error("it is WITHOUT ROWID, and existing rows are filled by row id")]
    WithoutRowid,
    #[error("columns hide every name of the row id (rowid, _rowid_, oid)")]
    HiddenRowid,
    #[error("`{column}` is a name of the row id, which SQLite does not rename")]
    RowidName { column: String },
    #[error("`{column}` is generated, and cannot be written")]
    Generated { column: String },
    #[error("`{column}` is part of the primary key")]
    PrimaryKey { column: String },
    #[error("`{column}` has a foreign key to `{target}`, which would have to hold twice")]
    ForeignKey { column: String, target: String },
    #[error("a foreign key of `{table}` points to `{column}`")]
    Referenced { column: String, table: String },
    #[error("a CHECK constraint mentions `{column}`, and would not see what new code writes")]
    Check { column: String },
    #[error("a generated column is computed from `{column}`")]
    Computed { column: String },
    #[error("the view `{view}` mentions the table")]
    InView { view: String },
    #[error("the trigger `{trigger}` is on the table or mentions it")]
    Trigger { trigger: String },
    #[error("the index `{index}` is partial or on an expression, and mentions `{column}`")]
    Index { column: String, index: String },
    #[error(
        "rows that are written without `{column}` would all have the same value there, and `{unique}` \
         allows each value once"
    )]
    OneForAll { column: String, unique: String },
    #[error("a constraint on `{column}` has an ON CONFLICT clause, which an index cannot have")]
    OnConflict { column: String },
    #[error("the NOT NULL of `{column}` is a named constraint, and its name would be lost")]
    NamedNotNull { column: String },
    #[error("the default of `{column}`, `{default}`, is computed or changes its type when stored")]
    Default { column: String, default: String },
    #[error(
        "`{column}` is unique and has a default: while the rename runs, two rows that leave it out \
         could not be told from two equal ones"
    )]
    UniqueDefault { column: String },
    #[error(
        "`{column}` is unique together with other columns (`{index}`): an update of both would \
         for a moment pair the new value of one with the former value of the other, and could \
         collide with an innocent row"
    )]
    UniqueTogether { column: String, index: String },
    #[error("`{column}` uses the collation `{collation}`, which only the application has")]
    Collation { column: String, collation: String },
    #[error("the declared type of `{column}`, `{declared}`, cannot be written again as it stands")]
    Type { column: String, declared: String },
    #[error(
        "`{column}` is NOT NULL and has no default, and nothing says what rows get that are written \
         without it"
    )]
    NeedsDefault { column: String },
    #[error("`{columns}` of `{table}` is no primary key and has no unique index of its own")]
    NotAKey { table: String, columns: String },
    #[error("it already has a constraint `{name}`")]
    ConstraintThere { name: String },
    #[error("no single named CHECK on `{column}` alone lists its values")]
    NotListed { column: String },
    #[error("`{column}` takes `{value}` already")]
    ValueThere { column: String, value: String },
    #[error("`{column}` does not take `{value}`")]
    NoValue { column: String, value: String },
    #[error(
        "`{column}` may be NULL and has a default: a statement that leaves it out could not be told \
         from one that writes NULL"
    )]
    NullableDefault { column: String },
    #[error(
        "`{column}` is NOT NULL, and nothing says what it gets from the new columns on the way back"
    )]
    NoWayBack { column: String },
    #[error("`{table}`: {reason}")]
    Of { table: String, reason: Box<Reason> },
    #[error("a table cannot be merged into itself")]
    Itself,
    #[error(
        "it has no foreign key to the primary key of the other table whose columns are NOT NULL and \
         unique, so that each row there has at most one here"
    )]
    NoLink,
    #[error("several foreign keys lead to the other table")]
    SeveralLinks,
    #[error("the foreign key of `{column}` leads to `{target}`, and would be gone")]
    PointsElsewhere { column: String, target: String },
    #[error(
        "its key `{column}` is not counted by SQLite and has no default, so that no row could be made \
         for old code out of what new code writes"
    )]
    KeyNotMade { column: String },
    #[error("it has no column that could move")]
    NothingMoves,
    #[error("{what} cannot come along as it is")]
    NotCarried { what: String },
    #[error("it already has something called `{name}`, a name that this change would use")]
    NameTaken { name: String },
}

/// Plans the rename of a column.
///
/// # Errors
/// If it could not be done without harm; the table is not touched either way.
pub fn plan(table: &Table, rename: &Rename) -> Result<Definition, RenameError> {
    let unsupported = |reason| RenameError::Unsupported {
        table: table.name.clone(),
        reason,
    };
    refuse::check(table, rename).map_err(unsupported)?;
    let pair = Pair::of(table, rename).map_err(unsupported)?;
    let steps = match rename.mode {
        Mode::Triggers => triggers::steps(&pair)?,
        Mode::Application => application::steps(&pair)?,
    };
    Ok(Definition {
        id: rename.change.clone(),
        title: format!("Rename {}.{} to {0}.{}", table.name, pair.old, pair.new),
        operation: Operation::RenameColumn,
        engine: Engine::Sqlite,
        code: StepName::new(CODE_BEFORE)?,
        surface: Surface {
            kind: Kind::Replicated,
            table: table.name.clone(),
            also: Vec::new(),
            old: Columns(vec![pair.old.clone()]),
            new: Columns(vec![pair.new.clone()]),
            before: None,
        },
        steps,
    })
}

/// The texts of a step.
struct Words {
    title: String,
    prevents: String,
    way_back: String,
    protects: String,
    needs: String,
}

impl Words {
    fn on(self, name: &str, work: Work) -> Result<Step, RenameError> {
        let Words {
            title,
            prevents,
            way_back,
            protects,
            needs,
        } = self;
        let name = StepName::new(name)?;
        Ok(Step {
            name,
            title,
            work,
            prevents,
            way_back,
            protects,
            needs,
        })
    }
}

/// The SQL of step `number`, named as it stands in the change's folder.
fn script(
    number: usize,
    step: &str,
    means: [switchback_model::SurfaceOperation; 2],
    sql: [String; 2],
) -> StepScript {
    let [action, undo] = means;
    let [up, down] = sql;
    let file = |way: &str, sql| SqlFile {
        name: format!("{number}-{step}.{way}.sql"),
        sql,
    };
    StepScript {
        action,
        undo,
        up: file("up", up),
        down: file("down", down),
        run: Run::Transaction,
    }
}

fn fill(pair: &Pair, keep_undo: bool) -> StepFill {
    StepFill {
        table: pair.table.clone(),
        set: BTreeMap::from([(pair.new.clone(), pair.o())]),
        only: None,
        batch_rows: 1_000,
        keep_undo,
    }
}

/// The table with what only the old column held, where the application kept both columns in step.
pub(crate) fn archive_of(change: &str) -> String {
    format!("_switchback_archive_{change}")
}

#[cfg(test)]
pub(crate) mod tests;
