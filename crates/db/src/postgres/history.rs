//! Rehearsals: every migration of a history is walked up, down and up again on a scratch database,
//! and what is not as it was is named.
//!
//! Each migration is tried on the database as it was before it, filled with rows. There the migration
//! goes up, its way down has to restore schema and rows, and it has to go up again to the same schema.
//! All of it is undone, so that a broken way down spoils nothing after it, and the database itself
//! only ever goes up. A migration that allows it is tried in a transaction, which is undone with it;
//! another one, and one that fails there, on a copy that is thrown away. What fails on the copy is
//! tried once more without the rows that were made up, to tell what fails only with them.
//!
//! Each way is run in a session of its own, as tools do that apply one migration at a time; settings
//! that a migration leaves in its session end with it. Migrations often count on things around them:
//! a role or database that nothing has made is made on the fly, an extension that comes with
//! PostgreSQL is installed when something of it is used, the rows of `COPY … FROM stdin` and
//! the commands of client programs are passed over, and all of it is noted.
//!
//! **What it may harm.** Migrations are run as they are, as a superuser, because many need to be one.
//! Statements that plainly reach out of the database are refused: programs and files
//! (`COPY … PROGRAM`, `COPY … TO 'file'`), settings of the whole server (`ALTER SYSTEM`), libraries
//! (`LOAD`), other servers (`CREATE SUBSCRIPTION`), databases as such. That guards against accidents,
//! not against intent: SQL that is put together at run time, and functions in untrusted languages,
//! can do what the operating system's user can do that runs the server. So the server has to be
//! private, and not hold anything of value; and a folder that one would not run oneself is not to be
//! rehearsed as a user who owns something.
//!
//! Roles belong to the whole server, so that only one rehearsal may use it at a time.
//!
//! Deliberately absent: the tables in which tools keep what they have applied; finding and reading
//! migrations; what a verdict is called in a report.

mod applied;
mod attempt;
mod build;
mod databases;
mod fill;
mod missing;
mod moments;
mod run;
mod scratch;
mod script;

use self::scratch::PostgresScratch;
use super::error::PgError;
use crate::history::{MigrationSql, Options, Progress, Report, rehearsal};

pub use applied::{Recorded, recorded};
pub use build::{Built, build};
pub use fill::{FillTables, NoRows, Synthetic};

/// Rehearses migrations in their order, on copies of the scratch database at `url`, which itself
/// stays as it is. Nobody may be connected to it, and the role has to be allowed to make databases.
///
/// `fill` puts rows into tables, and `on` is told what begins.
///
/// # Errors
/// If the database cannot be reached, is not empty, or its server fails. What is wrong with a
/// migration is no error but its verdict.
pub fn rehearse(
    url: &str,
    migrations: &[MigrationSql],
    fill: &mut dyn FillTables,
    options: &Options,
    on: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, PgError> {
    let mut scratch = PostgresScratch::open(url, fill, options)?;
    rehearsal::rehearse(&mut scratch, migrations, options, on)
}
