//! Rehearsing a change on SQLite: see [`crate::rehearsal`].
//!
//! The file is one that may be altered: a copy of an environment's database. Code writes rows like
//! those that are there, with keys of their own; where there are none, rows that are made up.

mod code;
mod literals;
mod supply;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use switchback_migration::definition::{StepFill, Work};
use switchback_migration::sql::ir::Name;
use switchback_migration::sqlite::catalog;
use switchback_migration::sqlite::rebuild::{Link, Rebuild};
use switchback_migration::sqlite::text::name;
use switchback_migration::workload::{self, Column, Other, Table, Underivable, Workload};
use switchback_migration::{Definition, Engine};
use switchback_model::plan::Run;
use switchback_model::{Effect, Timestamp};

use self::code::Code;
use super::error::at;
use super::{DbError, Next, Options, SqliteDatabase, fingerprint, rows};
use crate::history::{Contents, RowLimits, TableChange};
use crate::rehearsal::Waited;
use crate::rehearsal::bench::{Bench, Supply, Trouble, Watch};
use crate::text::with_sources;

/// What marks say of the plan that a step is part of.
const PLAN: &str = "rehearsal";

/// All rows are kept: code writes some of them, and those are told apart.
const EVERYTHING: RowLimits = RowLimits {
    rows: u64::MAX,
    bytes: usize::MAX,
    examples: 5,
};

/// Why a change cannot be rehearsed on a file.
#[derive(Debug, thiserror::Error)]
pub enum NoBench {
    /// The file cannot be used.
    #[error(transparent)]
    Database(#[from] Box<DbError>),
    /// The first step cannot be done, so that nobody knows the types of what it makes.
    #[error("the first step cannot be done: {message}")]
    FirstStep {
        /// What the database says.
        message: String,
    },
    /// Nothing can be said about what code does.
    #[error(transparent)]
    Underivable(#[from] Underivable),
}

impl From<DbError> for NoBench {
    fn from(error: DbError) -> Self {
        NoBench::Database(Box::new(error))
    }
}

/// A SQLite file on which a change is rehearsed.
#[derive(Debug)]
pub struct SqliteBench {
    path: PathBuf,
    database: SqliteDatabase,
    catalog: catalog::Table,
    /// The table that goes, of a change that merges it into the change's own.
    other: Option<catalog::Table>,
    /// The foreign key that the change brings, where it does.
    link: Option<Link>,
}

/// Nobody: SQLite cannot be asked who waits.
#[derive(Debug)]
pub enum NoWatch {}

impl Watch for NoWatch {
    fn seen(self) -> Waited {
        match self {}
    }
}

/// Copies the database in the file at `from`, which may be in use, to a new file.
///
/// # Errors
/// If one cannot be read or the other not be written.
pub fn copy(from: &Path, to: &Path) -> Result<(), DbError> {
    let database = SqliteDatabase::open(from, Options::default())?;
    let to = to.to_string_lossy();
    database
        .connection
        .execute("VACUUM INTO ?1", [&to])
        .map_err(at("VACUUM INTO"))?;
    Ok(())
}

impl SqliteBench {
    /// Opens the file, and derives what code does there.
    ///
    /// # Errors
    /// If it cannot be used, or does not have the change's table.
    pub fn open(path: &Path, definition: &Definition) -> Result<(Self, Workload), NoBench> {
        let database = SqliteDatabase::open(path, Options::default())?;
        let catalog = database.catalog(&definition.surface.table)?;
        let other = match definition.old_table() {
            old if old == definition.surface.table => None,
            old => Some(database.catalog(old)?),
        };
        let made = made(&database.connection, definition)?;
        let pair = other
            .as_ref()
            .and_then(|it| merged(it, &catalog, definition));
        let workload = workload::derive(definition, &table(&catalog), pair.as_ref(), &made)?;
        let bench = Self {
            path: path.to_owned(),
            database,
            catalog,
            other,
            link: link(definition),
        };
        Ok((bench, workload))
    }
}

/// The foreign key that a change brings.
fn link(definition: &Definition) -> Option<Link> {
    definition.steps.iter().find_map(|step| match &step.work {
        Work::Database {
            script: Some(script),
            ..
        } if script.run == Run::Rebuild => Rebuild::read(&script.up.sql).ok()?.link(),
        _ => None,
    })
}

/// The table as a workload needs it.
fn table(catalog: &catalog::Table) -> Table {
    let mut key: Vec<&catalog::Column> = catalog
        .columns
        .iter()
        .filter(|it| it.primary_key > 0)
        .collect();
    key.sort_by_key(|it| it.primary_key);
    Table {
        sql: name(&catalog.name),
        alias: name(&catalog.name),
        columns: catalog
            .columns
            .iter()
            .map(|it| Column {
                name: it.name.clone(),
                type_sql: it.declared_type.clone(),
                written: !it.generated,
            })
            .collect(),
        key: key.into_iter().map(|it| it.name.clone()).collect(),
    }
}

/// The table that goes as a workload needs it; none where it does not point to the other one.
fn merged(gone: &catalog::Table, into: &catalog::Table, definition: &Definition) -> Option<Other> {
    let key = into.columns.iter().filter(|it| it.primary_key > 0);
    let keys = gone.foreign_keys.iter();
    let keys = keys.filter(|it| it.target.eq_ignore_ascii_case(&into.name));
    let by: Vec<(String, String)> = keys
        .zip(key)
        .map(|(it, key)| {
            let there = it.target_column.clone().unwrap_or_else(|| key.name.clone());
            let found = into.column(&there).map_or(there, |it| it.name.clone());
            (it.column.clone(), found)
        })
        .collect();
    let surface = &definition.surface;
    let columns = surface.old.0.iter().zip(&surface.new.0);
    (!by.is_empty()).then(|| Other {
        sql: name(&gone.name),
        columns: columns.map(|(a, b)| (a.clone(), b.clone())).collect(),
        by,
    })
}

/// The types of the columns that the steps make: what the first script does is looked at, and
/// undone.
fn made(
    connection: &Connection,
    definition: &Definition,
) -> Result<BTreeMap<String, String>, NoBench> {
    let wanted = &definition.surface.new.0;
    let first = definition.steps.iter().find_map(|step| match &step.work {
        Work::Database { script, .. } => script.as_ref(),
        Work::Code { .. } => None,
    });
    let Some(script) = first.filter(|_| !wanted.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    connection.execute_batch("BEGIN").map_err(at("BEGIN"))?;
    let done = connection.execute_batch(&script.up.sql);
    let found = super::catalog::table(connection, &definition.surface.table);
    // Where a statement has undone it already there is nothing to undo.
    let _undone = connection.execute_batch("ROLLBACK");
    done.map_err(|error| NoBench::FirstStep {
        message: error.to_string(),
    })?;
    let columns = found?.columns.into_iter();
    Ok(columns
        .filter(|it| wanted.contains(&it.name))
        .map(|it| (it.name, it.declared_type))
        .collect())
}

/// The moment, for the mark.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}

impl Bench for SqliteBench {
    type Schema = String;
    type Rows = Contents;
    type Watch = NoWatch;

    fn engine(&self) -> String {
        format!("SQLite {}", rusqlite::version())
    }

    fn count(&mut self, workload: &Workload) -> Result<u64, Trouble> {
        let sql = format!("SELECT count(*) FROM {}", workload.table.sql);
        Ok(rows::number(&self.database.connection, &sql)?)
    }

    fn connect(&self) -> Result<Box<dyn crate::rehearsal::bench::Connection>, Trouble> {
        Ok(Box::new(Code::open(&self.path)?))
    }

    fn supply(&mut self, workload: &Workload, pairs: usize) -> Result<Supply, Trouble> {
        let mut code = Code::open(&self.path)?;
        supply::supply(
            &mut code,
            [Some(&self.catalog), self.other.as_ref()],
            self.link.as_ref(),
            workload,
            pairs,
        )
    }

    fn examples(&mut self, tables: &[Name], column: &str) -> Result<Option<Vec<String>>, Trouble> {
        Ok(literals::examples(
            &self.database.connection,
            tables,
            column,
        )?)
    }

    fn schema(&mut self) -> Result<String, Trouble> {
        Ok(fingerprint::of_schema(&self.database.connection)?)
    }

    fn differences(&self, before: &String, after: &String) -> Vec<String> {
        let gone = before
            .lines()
            .filter(|line| !after.lines().any(|it| it == *line));
        let come = after
            .lines()
            .filter(|line| !before.lines().any(|it| it == *line));
        let gone = gone.map(|line| format!("- {line}"));
        gone.chain(come.map(|line| format!("+ {line}"))).collect()
    }

    fn rows(&mut self) -> Result<Contents, Trouble> {
        Ok(rows::contents(&self.database.connection, &EVERYTHING)?)
    }

    fn changes(&mut self, before: &Contents) -> Result<Vec<TableChange>, Trouble> {
        let now = rows::contents(&self.database.connection, &EVERYTHING)?;
        Ok(rows::changes(before, &now, &EVERYTHING).tables)
    }

    fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        let database = &mut self.database;
        let mut go_on = |_: &_| Next::Continue;
        let done = match effect {
            Effect::Script(script) => database.run_script(script, PLAN, now()).map(drop),
            Effect::Fill(fill) => database.fill(fill, &mut go_on).map(drop),
            Effect::Unfill(fill) => database.unfill(fill, &mut go_on).map(drop),
            Effect::MoveValue(_) => Err(DbError::OtherEffect),
        };
        done.map_err(|error| with_sources(&error))
    }

    fn unfilled(&mut self, fill: &StepFill) -> Result<u64, Trouble> {
        let apart: Vec<String> = fill
            .set
            .iter()
            .map(|(column, value)| format!("{} IS NOT ({value})", name(column)))
            .collect();
        let sql = format!(
            "SELECT count(*) FROM {} WHERE ({}) AND ({})",
            name(&fill.table),
            if fill.touches(Engine::Sqlite) {
                "1".to_owned()
            } else {
                apart.join(" OR ")
            },
            fill.only.as_deref().unwrap_or("1")
        );
        Ok(rows::number(&self.database.connection, &sql)?)
    }

    fn watch(&self) -> Result<Option<NoWatch>, Trouble> {
        Ok(None)
    }
}
