//! The SQLite engine: effects on a database that an application is using at the same time.
//!
//! [`SqliteDatabase`] runs scripts ([`Script`]), fills columns ([`Fill`], as backfills do) and answers
//! whether an effect was done. What it did stands in control tables inside the same database, written in the
//! same transactions, so that a crash can never separate an effect from its mark.
//!
//! Deliberately absent: deciding what to do ([`switchback_migration`]), and the application's
//! settings. The journal mode stays as it is, and whether foreign keys are enforced is each
//! connection's own business.

pub mod backfill;
mod catalog;
mod control;
mod error;
mod fingerprint;
pub mod history;
mod kept;
pub mod rebuild;
pub mod rehearsal;
mod rows;
mod script;
mod synth;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use switchback_migration::Definition;
use switchback_migration::drive::Probed;
use switchback_migration::operation::request::Request;
use switchback_migration::sqlite::catalog::Table;
use switchback_migration::sqlite::plan;
use switchback_migration::sqlite::rename::{self, Mode, Rename, RenameError};
use switchback_model::plan::{Fill, Scope, Script};
use switchback_model::{ChangeId, Digest, Effect, Timestamp};

use self::backfill::of_change;

pub use crate::fill::{FillEnd, Next, Progress};
pub use backfill::of_change::FillStatus;
pub use control::{CONTROL_FORMAT, CONTROL_PREFIX, Mark};
pub use error::DbError;
pub use script::Ran;

/// How the database is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long one attempt waits for somebody else's lock.
    pub busy_timeout: Duration,
    /// How many further attempts follow before giving up.
    pub busy_retries: u32,
    /// How long one batch of a fill should take; other writers wait at most about this long.
    pub batch_time: Duration,
    /// How long a part of a fill stays with a process that gives no sign of life. Short, so that the
    /// same command goes on soon after a crash.
    pub lease: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            busy_retries: 3,
            batch_time: Duration::from_millis(50),
            lease: Duration::from_secs(2),
        }
    }
}

/// A database file that an application uses.
#[derive(Debug)]
pub struct SqliteDatabase {
    connection: Connection,
    path: PathBuf,
    options: Options,
    gate: Arc<script::Gate>,
    /// The intent that is being carried out, if it may be given up by somebody else.
    intent: Option<String>,
}

impl SqliteDatabase {
    /// Opens the database. The file must exist: an empty one made by a typing error in its path
    /// would look like a database without tables.
    ///
    /// # Errors
    /// If there is no such file, or it is not a sound database, or its control tables are of a
    /// newer format.
    pub fn open(path: &Path, options: Options) -> Result<Self, DbError> {
        if !path.is_file() {
            return Err(DbError::Missing {
                path: path.to_owned(),
            });
        }
        // Without NOFOLLOW and URI handling: the path is what it says, symbolic links included.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(error::at("open"))?;
        connection
            .busy_timeout(options.busy_timeout)
            .map_err(error::at("open"))?;
        let gate = script::Gate::before(&mut connection)?;
        let database = Self {
            connection,
            path: path.to_owned(),
            options,
            gate,
            intent: None,
        };
        // The first read looks at the header and compares the file's length with it.
        database
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
                row.get::<_, i64>(0)
            })
            .map_err(error::at("reading the schema"))?;
        control::check_format(&database.connection)?;
        of_change::changes(&database.connection)?;
        Ok(database)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the schema says about a table.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn catalog(&self, table: &str) -> Result<Table, DbError> {
        catalog::table(&self.connection, table)
    }

    /// Plans a change from what the database says about its tables; `mode` is for a rename. The inner
    /// error says why it could not be done without harm.
    ///
    /// # Errors
    /// If the database cannot be read, or has no such table.
    pub fn plan(
        &self,
        change: &ChangeId,
        request: &Request,
        mode: Mode,
    ) -> Result<Result<Definition, RenameError>, DbError> {
        let table = self.catalog(request.table())?;
        Ok(match request {
            Request::RenameColumn { from, to, .. } => {
                let wanted = Rename {
                    change: change.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    mode,
                };
                rename::plan(&table, &wanted)
            }
            Request::MergeTables(wanted) => {
                let from = self.catalog(&wanted.from)?;
                plan::merge(&table, &from, change, wanted)
            }
            Request::AddForeignKey {
                name,
                columns,
                to_table,
                to_columns,
                actions,
                ..
            } => {
                let to = self.catalog(to_table)?;
                let wanted = plan::ForeignKey {
                    name,
                    columns,
                    to_columns,
                    actions,
                };
                plan::foreign_key(&table, &to, change, &wanted)
            }
            _ => plan::plan(&table, change, request),
        })
    }

    /// The marks of the steps that are applied, in the order in which they were.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn marks(&self, change: &ChangeId) -> Result<Vec<Mark>, DbError> {
        control::marks(&self.connection, change)
    }

    /// Every change that has a mark or a fill in this database.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn changes(&self) -> Result<Vec<String>, DbError> {
        let mut all = control::changes(&self.connection)?;
        all.extend(of_change::changes(&self.connection)?);
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// Where a fill stands; none where it was never started, or was taken back.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn fill_status(&self, fill: &Fill) -> Result<Option<FillStatus>, DbError> {
        of_change::status(&self.connection, fill)
    }

    /// Checks that what the marks say of a change is what its definition says: known steps, in
    /// their order, with the same SQL, and the schema as the last of them left it. Returns the
    /// marks.
    ///
    /// # Errors
    /// [`DbError::UnknownStep`] where they differ.
    pub fn check_marks(&self, definition: &Definition) -> Result<Vec<Mark>, DbError> {
        script::check_marks(&self.connection, definition)
    }

    /// Runs a script and its mark in one transaction. `plan` is kept with the mark.
    ///
    /// # Errors
    /// If it cannot be run to its end; then nothing of it is left.
    pub fn run_script(
        &mut self,
        script: &Script,
        plan: &str,
        now: Timestamp,
    ) -> Result<Ran, DbError> {
        script::run(self, script, plan, now)
    }

    /// Gives columns their values in batches, from where the last run ended.
    ///
    /// # Errors
    /// If it cannot go on. Finished batches stay, and the next run goes on after them.
    pub fn fill(
        &mut self,
        fill: &Fill,
        on_batch: &mut dyn FnMut(&Progress) -> Next,
    ) -> Result<FillEnd, DbError> {
        of_change::fill(self, fill, on_batch)
    }

    /// Puts back what a fill changed, where it is still what the fill wrote.
    ///
    /// # Errors
    /// If it cannot go on. Finished batches stay, and the next run goes on after them.
    pub fn unfill(
        &mut self,
        fill: &Fill,
        on_batch: &mut dyn FnMut(&Progress) -> Next,
    ) -> Result<FillEnd, DbError> {
        of_change::unfill(self, fill, on_batch)
    }

    /// Whether an effect was done.
    ///
    /// # Errors
    /// If the database cannot be read, or the effect is not one on a database.
    pub fn probe(&self, effect: &Effect) -> Result<Probed, DbError> {
        match effect {
            Effect::Script(script) => script::probe(&self.connection, script),
            Effect::Fill(fill) => of_change::probe(&self.connection, fill),
            Effect::Unfill(fill) => of_change::probe_undone(&self.connection, fill),
            Effect::MoveValue(_) => Err(DbError::OtherEffect),
        }
    }

    /// The digest of the part of the schema that belongs to a change.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn fingerprint(&self, scope: &Scope) -> Result<Digest, DbError> {
        Ok(Digest::of(
            fingerprint::of_scope(&self.connection, scope)?.as_bytes(),
        ))
    }

    /// The digest of the meaning of the whole schema, control tables excluded. Blanks, comments,
    /// letter case, quotes and the place of a constraint inside a column do not matter.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn full_fingerprint(&self) -> Result<Digest, DbError> {
        Ok(Digest::of(
            fingerprint::of_schema(&self.connection)?.as_bytes(),
        ))
    }

    /// The digest of all rows of a table with their row ids, without the columns in `except`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn data_fingerprint(&self, table: &str, except: &[&str]) -> Result<Digest, DbError> {
        fingerprint::of_data(&self.connection, table, except)
    }

    /// From now on everything is done for `intent`, and nothing any more once somebody has given
    /// that intent up ([`SqliteDatabase::revoke`]).
    pub fn carry_out(&mut self, intent: &str) {
        self.intent = Some(intent.to_owned());
    }

    /// Gives an intent up unless its effect is done, and says what is there. Whoever is still at it,
    /// slow but alive, writes nothing from then on: both sides decide under the write lock. What is
    /// done in part is given up only with `even_in_part`; else it can be gone on with.
    ///
    /// # Errors
    /// If the database cannot be written, or somebody holds the write lock for too long; nothing is
    /// given up then.
    pub fn revoke(
        &self,
        intent: &str,
        effect: &Effect,
        even_in_part: bool,
    ) -> Result<Probed, DbError> {
        let transaction = self.begin_for_anybody()?;
        let probed = self.probe(effect)?;
        if probed == Probed::NotDone || (even_in_part && probed == Probed::Partial) {
            control::revoke(&transaction, intent)?;
            transaction.commit().map_err(error::at("COMMIT"))?;
        }
        Ok(probed)
    }

    /// Begins a transaction that has the write lock, waiting a bounded time for it.
    fn begin(&self) -> Result<Transaction<'_>, DbError> {
        let transaction = self.begin_for_anybody()?;
        match &self.intent {
            Some(intent) if control::is_revoked(&transaction, intent)? => Err(DbError::Revoked),
            _ => Ok(transaction),
        }
    }

    fn begin_for_anybody(&self) -> Result<Transaction<'_>, DbError> {
        let mut tried = 0;
        loop {
            let begun =
                Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate);
            match begun.map_err(error::at("BEGIN IMMEDIATE")) {
                Err(DbError::Busy { .. }) if tried < self.options.busy_retries => tried += 1,
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests;
