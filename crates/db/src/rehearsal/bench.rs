//! What an engine brings to a rehearsal: connections for the code, and hands for the steps.

use std::collections::BTreeMap;
use std::error::Error;

use switchback_migration::definition::StepFill;
use switchback_migration::sql::ir::Name;
use switchback_migration::workload::{Bind, Statement, Value, Version, Workload};
use switchback_model::{Effect, Shape};

use super::report::Waited;
use crate::history::TableChange;

/// What stops a rehearsal: the database cannot be asked or is not fit for it.
pub type Trouble = Box<dyn Error + Send + Sync>;

/// The texts of one row's columns; none for NULL.
pub type Texts = BTreeMap<String, Option<String>>;

/// A row that the code may write, in both shapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// The columns that the change has nothing to do with, and every other one as the table had it.
    pub plain: Texts,
    /// The columns of the old shape.
    pub old: Texts,
    /// The columns of the new shape.
    pub new: Texts,
}

impl Variant {
    /// A value of a column; `one` is the shape where a column has one value for both.
    pub fn value(&self, value: Value, column: &str, one: Shape) -> Option<String> {
        let shaped = match value {
            Value::Plain => None,
            Value::Of(Shape::Old) => self.old.get(column),
            Value::Of(Shape::New) => self.new.get(column),
            Value::OneOf(_) if one == Shape::New => self.new.get(column),
            Value::OneOf(_) => self.old.get(column),
        };
        shaped.or_else(|| self.plain.get(column)).cloned().flatten()
    }

    /// The parameters of a statement.
    pub fn values(&self, binds: &[Bind], one: Shape) -> Vec<Option<String>> {
        let value = |bind: &Bind| self.value(bind.value, &bind.column, one);
        binds.iter().map(value).collect()
    }
}

/// Two rows with one key: what a row is, and what it may become.
pub type Pair = [Variant; 2];

/// What the code is given to write.
#[derive(Debug, Clone, Default)]
pub struct Supply {
    /// Rows that are not in the table, each with what it may become.
    pub pairs: Vec<Pair>,
    /// Columns that the database itself gives other values than are written, and that are therefore
    /// not compared.
    pub own: Vec<String>,
    /// What somebody should know about them, a sentence each.
    pub notes: Vec<String>,
}

/// Writes and reads a row as a version does. Columns that come back other than they were written are
/// added to `own`. To be called in a transaction that is undone.
pub(crate) fn try_version(
    connection: &mut dyn Connection,
    version: &Version,
    pair: &Pair,
    own: &mut Vec<String>,
) -> Result<(), String> {
    let [first, second] = pair;
    for (statement, variant) in [(&version.insert, first), (&version.update, second)] {
        let Some(statement) = statement else { continue };
        let values = |binds: &[Bind]| variant.values(binds, Shape::Old);
        run_whole(connection, statement, &values).map_err(|(_, message)| message)?;
        let Some(read) = &version.read else { continue };
        let key = variant.values(&read.binds, Shape::Old);
        let found = connection.read(&read.sql, &key)?.unwrap_or_default();
        for (seen, text) in read.columns.iter().zip(found) {
            let was = variant.value(seen.value, &seen.column, Shape::Old);
            if was != text && !own.contains(&seen.column) {
                own.push(seen.column.clone());
            }
        }
    }
    Ok(())
}

/// Runs a statement and what goes with it, and says how many rows it touched itself. An error comes
/// with the statement that failed.
pub(crate) fn run_whole(
    connection: &mut dyn Connection,
    statement: &Statement,
    values: &dyn Fn(&[Bind]) -> Vec<Option<String>>,
) -> Result<u64, (String, String)> {
    let mut run = |sql: &str, binds: &[Bind]| {
        let done = connection.run(sql, &values(binds));
        done.map_err(|message| (sql.to_owned(), message))
    };
    let (before, after) = match &statement.with {
        Some(with) if with.first => (Some(with), None),
        with => (None, with.as_ref()),
    };
    if let Some(with) = before {
        run(&with.sql, &with.binds)?;
    }
    let touched = run(&statement.sql, &statement.binds)?;
    if let Some(with) = after {
        run(&with.sql, &with.binds)?;
    }
    Ok(touched)
}

/// A connection of the code. Errors are what the database says.
pub trait Connection: Send {
    /// Runs a statement and says how many rows it touched.
    ///
    /// # Errors
    /// What the database says.
    fn run(&mut self, sql: &str, values: &[Option<String>]) -> Result<u64, String>;

    /// Runs a statement whose values stand in it, in a transaction that is taken back, with
    /// constraints that would wait for its end looked at before.
    ///
    /// # Errors
    /// What the database says.
    fn play(&mut self, sql: &str) -> Result<(), String>;

    /// Reads at most one row.
    ///
    /// # Errors
    /// What the database says.
    fn read(
        &mut self,
        sql: &str,
        values: &[Option<String>],
    ) -> Result<Option<Vec<Option<String>>>, String>;
}

/// An engine's part of a rehearsal, on one database that may be altered.
pub trait Bench {
    /// What a schema amounts to.
    type Schema;
    /// What is in the tables.
    type Rows;
    /// Somebody who watches who waits for whom.
    type Watch: Watch;

    /// The engine and its version, for people.
    fn engine(&self) -> String;

    /// How many rows the table has.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn count(&mut self, workload: &Workload) -> Result<u64, Trouble>;

    /// A connection for code.
    ///
    /// # Errors
    /// If there is none.
    fn connect(&self) -> Result<Box<dyn Connection>, Trouble>;

    /// Takes rows out of the table, or makes them, for the code to write: `pairs` of them.
    ///
    /// # Errors
    /// If the database cannot be asked.
    fn supply(&mut self, workload: &Workload, pairs: usize) -> Result<Supply, Trouble>;

    /// Values of a column as literals of SQL, at most [`EXAMPLES`](super::own::EXAMPLES), of the
    /// first of these tables that has it; none if none has.
    ///
    /// # Errors
    /// If the database cannot be asked.
    fn examples(&mut self, tables: &[Name], column: &str) -> Result<Option<Vec<String>>, Trouble>;

    /// What the schema amounts to, without what Switchback keeps for itself.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn schema(&mut self) -> Result<Self::Schema, Trouble>;

    /// How a schema differs from what it was: lines that begin with `- ` and `+ `.
    fn differences(&self, before: &Self::Schema, after: &Self::Schema) -> Vec<String>;

    /// What is in the tables, without what Switchback keeps for itself.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn rows(&mut self) -> Result<Self::Rows, Trouble>;

    /// How the rows differ from what they were.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn changes(&mut self, before: &Self::Rows) -> Result<Vec<TableChange>, Trouble>;

    /// Does one effect, as it would be done for real.
    ///
    /// # Errors
    /// What is in the way, for people.
    fn apply(&mut self, effect: &Effect) -> Result<(), String>;

    /// How many rows lack what a finished fill gives.
    ///
    /// # Errors
    /// If the database cannot be read.
    fn unfilled(&mut self, fill: &StepFill) -> Result<u64, Trouble>;

    /// Begins to watch; none where the engine cannot be asked who waits.
    ///
    /// # Errors
    /// If there is no connection for it.
    fn watch(&self) -> Result<Option<Self::Watch>, Trouble>;
}

/// Somebody who watches who waits for whom, until asked what was seen.
pub trait Watch: Send {
    /// Ends the watch.
    fn seen(self) -> Waited;
}
