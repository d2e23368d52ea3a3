//! Backfills on SQLite: what every row of a table gets, while an application works.
//!
//! [`Backfills`] is what people do with jobs: begin, pause, look, undo. [`SqliteHands`] does what a
//! worker wants. Rows are walked in ranges of their key, which are made when somebody takes one;
//! data, place and former values of a batch are one transaction, which the lease fences.
//!
//! The fills of changes are jobs too (`of_change`).
//!
//! Deliberately absent: threads, and when to do what, which is the machine's in
//! [`switchback_migration::backfill`].

mod back;
mod batch;
mod changed;
mod codec;
mod control;
mod error;
mod expire;
mod facts;
mod gauge;
mod hands;
mod job;
mod key;
mod noted;
pub(in crate::sqlite) mod of_change;
mod program;
mod query;
mod ranges;
mod rerun;
mod skipped;
mod undo;
mod verify;
mod walk;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use switchback_model::Timestamp;

pub use back::SqliteUndo;
pub use control::FORMAT as BACKFILL_FORMAT;
pub use error::BackfillError;
pub use facts::facts;
pub use gauge::SqliteGauge;
pub use hands::SqliteHands;
pub use job::{BeginOptions, Begun, Listed, Noted, RangeState};
pub use undo::{Forgotten, UndoStep};

use super::error::{DbError, at};

/// Says what time it is. Leases and moments in the control tables come from it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillOptions {
    /// How long one attempt waits for somebody else's lock.
    pub busy_timeout: Duration,
    /// How long a lease holds without a sign of life.
    pub lease: Duration,
}

impl Default for BackfillOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(2),
            lease: Duration::from_secs(30),
        }
    }
}

/// A database file with the backfills in it.
pub struct Backfills {
    connection: Connection,
    path: PathBuf,
    options: BackfillOptions,
    clock: Clock,
    /// How many further attempts follow where somebody else holds the lock for too long.
    busy_retries: u32,
    /// The intent that is being carried out, if it may be given up by somebody else.
    intent: Option<String>,
}

impl fmt::Debug for Backfills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfills")
            .field("path", &self.path)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Backfills {
    /// Opens the database. The file must exist.
    ///
    /// # Errors
    /// If there is no such file, or it is not a sound database, or its control tables are of a
    /// newer format.
    pub fn open(
        path: &Path,
        options: BackfillOptions,
        clock: Clock,
    ) -> Result<Self, BackfillError> {
        let connection = connect(path, options.busy_timeout)?;
        super::control::check_format(&connection)?;
        control::exists(&connection)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            options,
            clock,
            busy_retries: 0,
            intent: None,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a transaction that has the write lock.
    fn lock(&self) -> Result<Transaction<'_>, BackfillError> {
        let mut tried = 0;
        let transaction = loop {
            let begun =
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate);
            match begun.map_err(at("BEGIN IMMEDIATE")) {
                Err(DbError::Busy { .. }) if tried < self.busy_retries => tried += 1,
                other => break other?,
            }
        };
        match &self.intent {
            Some(intent) if super::control::is_revoked(&transaction, intent)? => {
                Err(DbError::Revoked.into())
            }
            _ => Ok(transaction),
        }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The moment at which a lease that is taken now runs out.
    fn until(&self, now: Timestamp) -> i64 {
        let lease = i64::try_from(self.options.lease.as_millis()).unwrap_or(i64::MAX);
        now.as_millis().saturating_add(lease)
    }
}

fn connect(path: &Path, busy_timeout: Duration) -> Result<Connection, BackfillError> {
    if !path.is_file() {
        let path = path.to_owned();
        return Err(DbError::Missing { path }.into());
    }
    // The path is what it says: no URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(at("open"))?;
    connection.busy_timeout(busy_timeout).map_err(at("open"))?;
    connection.set_prepared_statement_cache_capacity(64);
    // The first read looks at the header.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(at("reading the schema"))?;
    Ok(connection)
}

fn commit(transaction: Transaction<'_>) -> Result<(), BackfillError> {
    Ok(transaction.commit().map_err(at("COMMIT"))?)
}

#[cfg(test)]
mod tests;
