//! Rehearsing a change on PostgreSQL: see [`crate::rehearsal`].
//!
//! The database is one that may be altered: a scratch database with a schema and no rows, which is
//! filled with rows that are made up ([`super::synth`]), or a copy with rows of its own.

mod apply;
mod connection;
mod dump;
mod supply;
mod table;
mod values;
mod watch;

use postgres::Config;
use switchback_migration::Definition;
use switchback_migration::definition::StepFill;
use switchback_migration::sql::ir::Name;
use switchback_migration::workload::{self, Underivable, Workload};
use switchback_model::Effect;

use self::apply::Hands;
use self::connection::Code;
use self::watch::Watcher;
use super::change::{CONTROL_SCHEMA, ChangeError};
use super::error::PgError;
use super::fingerprint::{meaning, prepare};
use super::rows::{changes, contents};
use super::session::Session;
use crate::history::{Contents, Difference, DifferenceKind, Meaning, RowLimits, TableChange};
use crate::rehearsal::bench::{Bench, Connection, Supply, Trouble};

pub use dump::{DumpError, is_same_database, schema_of};

/// What is at work in a rehearsal, as the server's `application_name` has it.
const CODE: &str = "switchback rehearsal: code";

/// What rows there are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Those that the database has.
    Kept,
    /// Made up, in every table.
    MadeUp {
        /// How many in each table.
        each: u64,
        /// The same seed and schema give the same rows.
        seed: u64,
    },
}

/// Why a change cannot be rehearsed on a database.
#[derive(Debug, thiserror::Error)]
pub enum NoBench {
    /// The database cannot be asked.
    #[error(transparent)]
    Postgres(#[from] PgError),
    /// Nothing can be changed there.
    #[error(transparent)]
    Change(#[from] Box<ChangeError>),
    /// The table of the change is not there.
    #[error("there is no table `{table}`")]
    NoTable {
        /// The table.
        table: String,
    },
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

/// A PostgreSQL database on which a change is rehearsed.
#[derive(Debug)]
pub struct PostgresBench {
    config: Config,
    session: Session,
    hands: Hands,
    definition: Definition,
    rows: Rows,
    limits: RowLimits,
}

impl PostgresBench {
    /// Opens the database at `url`, and derives what code does there.
    ///
    /// # Errors
    /// If the database cannot be reached, or does not have the change's table.
    pub fn open(
        url: &str,
        definition: &Definition,
        rows: Rows,
    ) -> Result<(Self, Workload), NoBench> {
        let config = url
            .parse::<Config>()
            .map_err(|source| PgError::Address { source })?;
        let mut session = Session::open(config.clone())?;
        let name = &definition.surface.table;
        let table = table::read(&mut session, name)?.ok_or_else(|| NoBench::NoTable {
            table: name.clone(),
        })?;
        let other = table::other(&mut session, definition)?;
        let made = table::made(&mut session, definition)?;
        let workload = workload::derive(definition, &table, other.as_ref(), &made)?;
        // Each step asks several times.
        prepare(&mut session)?;
        let bench = Self {
            hands: Hands::open(url).map_err(Box::new)?,
            config,
            session,
            definition: definition.clone(),
            rows,
            limits: RowLimits::default(),
        };
        Ok((bench, workload))
    }
}

/// Whether something is Switchback's own.
fn is_own(name: &str) -> bool {
    name == CONTROL_SCHEMA
        || name
            .strip_prefix(CONTROL_SCHEMA)
            .is_some_and(|rest| rest.starts_with('.'))
}

impl Bench for PostgresBench {
    type Schema = Meaning;
    type Rows = Contents;
    type Watch = Watcher;

    fn engine(&self) -> String {
        let number = self.session.version();
        format!("PostgreSQL {}.{}", number / 10_000, number % 10_000)
    }

    fn count(&mut self, workload: &Workload) -> Result<u64, Trouble> {
        Ok(supply::count(&mut self.session, &workload.table)?)
    }

    fn connect(&self) -> Result<Box<dyn Connection>, Trouble> {
        Ok(Box::new(Code::open(&self.config)?))
    }

    fn supply(&mut self, workload: &Workload, pairs: usize) -> Result<Supply, Trouble> {
        supply::supply(self, workload, pairs)
    }

    fn examples(&mut self, tables: &[Name], column: &str) -> Result<Option<Vec<String>>, Trouble> {
        Ok(supply::examples(&mut self.session, tables, column)?)
    }

    fn schema(&mut self) -> Result<Meaning, Trouble> {
        let all = meaning(&mut self.session)?;
        let lines = all.lines().iter();
        let lines = lines.filter(|line| !is_own(&line.name) && !is_own(&line.of));
        Ok(Meaning::new(lines.cloned().collect()))
    }

    fn differences(&self, before: &Meaning, after: &Meaning) -> Vec<String> {
        let all = before.differences(after);
        all.iter()
            .filter(|it| it.kind() != DifferenceKind::ColumnOrder)
            .flat_map(Difference::shown)
            .collect()
    }

    fn rows(&mut self) -> Result<Contents, Trouble> {
        let mut found = contents(&mut self.session, &self.limits)?;
        found.tables.retain(|table, _| !is_own(table));
        Ok(found)
    }

    fn changes(&mut self, before: &Contents) -> Result<Vec<TableChange>, Trouble> {
        Ok(changes(&mut self.session, before, &self.limits)?.tables)
    }

    fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        self.hands.apply(effect)
    }

    fn unfilled(&mut self, fill: &StepFill) -> Result<u64, Trouble> {
        let touches = fill.touches(self.definition.engine);
        let apart: Vec<String> = fill
            .set
            .iter()
            .map(|(column, value)| {
                let column = super::session::name(column);
                format!("{column}::text IS DISTINCT FROM ({value})::text")
            })
            .collect();
        let sql = format!(
            "SELECT count(*) FROM {} WHERE ({}) AND ({})",
            fill.table,
            if touches {
                "true".to_owned()
            } else {
                apart.join(" OR ")
            },
            fill.only.as_deref().unwrap_or("true")
        );
        Ok(supply::number(&mut self.session, &sql)?)
    }

    fn watch(&self) -> Result<Option<Watcher>, Trouble> {
        Ok(Some(Watcher::begin(&self.config)?))
    }
}
