//! Rehearsals: every migration of a history is walked up, down and up again in a scratch file, and
//! what is not as it was is named.
//!
//! The walk is the one of every engine ([`crate::history`]): the file itself only ever goes up, and
//! each migration is tried in a copy of it that is filled with rows and thrown away. Each way is run
//! over a connection of its own, so that the settings that a migration leaves in it end there.
//!
//! SQLite takes each statement by itself. Where the tool wraps a migration in a transaction, there is
//! one around all of them, with what follows: `PRAGMA foreign_keys` does nothing inside of it, and
//! `VACUUM` is refused. Where it does not, what was done before a failure stays.
//!
//! **What it may harm.** Migrations are run as they are. No other file can be opened (`ATTACH`,
//! `VACUUM INTO`), and no library loaded. Functions of an application are not there; a collation of
//! an application is stood in for by one that compares bytes.
//!
//! Deliberately absent: the tables in which tools keep what they have applied; finding and reading
//! migrations; what a verdict is called in a report.

mod connection;
mod ddl;
mod meaning;
mod run;
mod scratch;

use std::path::Path;

use self::scratch::SqliteScratch;
use super::error::DbError;
use crate::history::{MigrationSql, Options, Progress, Report, rehearsal};

/// What only rehearsals on SQLite ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What rows are made from: the same seed and schema give the same rows.
    pub seed: u64,
    /// Whether foreign keys are enforced, until a migration says otherwise. SQLite leaves that to
    /// each connection.
    pub foreign_keys: bool,
}

/// Rehearses migrations in their order, in files that are made in `folder`: one that is there for
/// this and is empty.
///
/// `on` is told what begins.
///
/// # Errors
/// If a file cannot be written or read, or there is no room for it. What is wrong with a migration
/// is no error but its verdict.
pub fn rehearse(
    folder: &Path,
    migrations: &[MigrationSql],
    settings: &Settings,
    options: &Options,
    on: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, DbError> {
    let mut scratch = SqliteScratch::open(folder, settings, options)?;
    rehearsal::rehearse(&mut scratch, migrations, options, on)
}
