//! What code on both sides of a change does to its table, for rehearsals: statements of each version,
//! derived from the change's definition, and which versions may be at work beside which step.
//!
//! A version is one code step of the change; its stance says what it reads and writes. Every version
//! makes whole rows, changes them, reads them by their key and removes them, each in its own shape.
//! What it writes comes from rows of the table itself, so that it satisfies what the table demands.
//! The new shape of a row is computed from its old one, so that a row that one version wrote can be
//! read by the other one and compared.
//!
//! Deliberately absent: connections, threads and values. Rehearsals bring them.

mod beside;
mod derive;
pub mod own;

use std::collections::BTreeMap;

use switchback_model::{Shape, Shapes, StepName};

pub use beside::{Beside, BesideError, beside};
pub use derive::{Underivable, derive};

/// A table as a workload needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its full name, as it stands in SQL.
    pub sql: String,
    /// Its name alone, as it stands in SQL.
    pub alias: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns that tell rows apart; empty where there are none.
    pub key: Vec<String>,
}

/// The table that goes, of a change that merges it into [`Workload::table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its full name, as it stands in SQL.
    pub sql: String,
    /// The columns that move: what it calls each, and what the other table does.
    pub columns: Vec<(String, String)>,
    /// The columns by which its rows point to the other table, and those that they point to.
    pub by: Vec<(String, String)>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as it stands in SQL; empty where it has none.
    pub type_sql: String,
    /// Whether statements can give it a value: not where it is generated.
    pub written: bool,
}

/// What the versions of the code do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The table before the change.
    pub table: Table,
    /// The table that goes, where one is merged into it.
    pub other: Option<Other>,
    /// One for each code step, that from before the change first.
    pub versions: Vec<Version>,
    /// Where the columns of the old shape get their values from.
    pub old: BTreeMap<String, Source>,
    /// Where the columns of the new shape get their values from.
    pub new: BTreeMap<String, Source>,
    /// The types of the columns of the new shape, as they stand in SQL.
    pub types: BTreeMap<String, String>,
    /// Which rows break the rule that the change brings, where some may: the columns that break it,
    /// and the condition.
    pub breaks: Option<(Vec<String>, String)>,
    /// Whether the rows that are made up must obey the rule that the change brings, because nothing
    /// mends those that do not.
    pub obeying: bool,
}

/// One version of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its code step.
    pub name: StepName,
    /// The place of that among the code steps; code from before the change is at 0.
    pub position: u16,
    /// Makes a row; none where it makes none.
    pub insert: Option<Statement>,
    /// Changes a row, found by its key.
    pub update: Option<Statement>,
    /// Removes a row, found by its key.
    pub delete: Option<Statement>,
    /// Reads a row, found by its key.
    pub read: Option<Read>,
    /// What must be true of every row for it.
    pub never: Vec<Never>,
}

/// A statement with its parameters: texts that it casts itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The statement.
    pub sql: String,
    /// What each parameter is, from the first on.
    pub binds: Vec<Bind>,
    /// What the same thing needs in another table.
    pub with: Option<With>,
}

/// A statement that goes with another one. It may touch no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct With {
    /// Whether it comes first.
    pub first: bool,
    /// The statement.
    pub sql: String,
    /// What each parameter is, from the first on.
    pub binds: Vec<Bind>,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The column.
    pub column: String,
    /// Which of its values.
    pub value: Value,
}

/// Which value of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// The row's: the change has nothing to do with it.
    Plain,
    /// That of a shape.
    Of(Shape),
    /// That of one of these shapes, in turn: the row has one column for both.
    OneOf(Shapes),
}

/// A query for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The query; every column that it gives is text.
    pub sql: String,
    /// What each parameter is.
    pub binds: Vec<Bind>,
    /// What each column of the answer is.
    pub columns: Vec<Seen>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The column.
    pub column: String,
    /// Which of its values; for [`Value::OneOf`] those that the version understands.
    pub value: Value,
    /// Whether the version relies on there being a value.
    pub required: bool,
}

/// A query that counts what must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    /// What it counts, for people: `rows of users without segment`.
    pub what: String,
    /// The query; its one column is the number.
    pub sql: String,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The row has it.
    Kept,
    /// It is computed from the row, as SQL.
    Expression(String),
    /// It is always the same.
    Constant(String),
    /// It is made up as the column's type demands.
    MadeUp,
}

impl Statement {
    /// What all parameters are, also those of what goes with it.
    pub fn all_binds(&self) -> impl Iterator<Item = &Bind> {
        let with = self.with.iter().flat_map(|it| &it.binds);
        self.binds.iter().chain(with)
    }
}

impl Workload {
    /// The version at a place among the code steps.
    pub fn at(&self, position: u16) -> Option<&Version> {
        self.versions.iter().find(|it| it.position == position)
    }
}

#[cfg(test)]
mod tests;
