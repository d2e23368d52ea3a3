//! What can go wrong with a database, in kinds that a person can act on.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::text::{excerpt, printable};

/// Why something could not be done with a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// There is no such file.
    #[error("there is no database file {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("the file is not an SQLite database")]
    NotADatabase,
    /// The file was a database, and is cut or overwritten.
    #[error("the database file is damaged: {message}")]
    Damaged {
        /// What SQLite says.
        message: String,
    },
    /// Somebody else holds a lock for longer than we wait.
    #[error("the database is locked by another process ({during})")]
    Busy {
        /// What had to wait.
        during: String,
    },
    /// The file, or its folder, cannot be written.
    #[error("the database cannot be written: its file, its folder or the connection is read-only")]
    ReadOnly,
    /// There is no room left.
    #[error("there is no room left for the database ({during})")]
    DiskFull {
        /// What needed room.
        during: String,
    },
    /// The operating system failed to read or write.
    #[error("the database file cannot be read or written: {message}")]
    Io {
        /// What SQLite says.
        message: String,
    },
    /// The control tables were written by another version of Switchback.
    #[error("the database's control tables have format {found}, and this version knows {known}")]
    Format {
        /// Their format.
        found: i64,
        /// The one that this version knows.
        known: i64,
    },
    /// There is no such table.
    #[error("the database has no table `{table}`")]
    NoTable {
        /// The table.
        table: String,
    },
    /// The table has no such column.
    #[error("table `{table}` has no column `{column}`")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The database is at no step that the change knows.
    #[error(
        "the database is at an unknown step of the change {change}: expected {expected}, found {found}"
    )]
    UnknownStep {
        /// The change.
        change: String,
        /// What there should be.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A script that takes a step back left something else than there was before the step.
    #[error("the way back of step {step} does not restore what was there: {difference}")]
    NotExact {
        /// The step.
        step: String,
        /// The first difference.
        difference: String,
    },
    /// A script has a statement that may not be in one.
    #[error("{what} may not be in a script, which is one transaction with its mark: {statement}")]
    Forbidden {
        /// What it is.
        what: String,
        /// The statement, cut to a printable length.
        statement: String,
    },
    /// A script left rows that break a foreign key.
    #[error("the script leaves {rows} more rows of `{table}` that break a foreign key")]
    ForeignKeys {
        /// The table.
        table: String,
        /// How many more than before.
        rows: i64,
    },
    /// A fill does not come to an end, because somebody writes rows that need it.
    #[error(
        "{rows} rows of `{table}` differ again after {sweeps} sweeps: something writes rows without \
         keeping {} right", columns.join(", ")
    )]
    StillDiffers {
        /// The table.
        table: String,
        /// The columns that are filled.
        columns: Vec<String>,
        /// How many rows differ.
        rows: u64,
        /// How often all rows were looked at.
        sweeps: u32,
    },
    /// The rows of a table cannot be walked, or not so.
    #[error("the rows of `{table}` cannot be filled: {what}")]
    Unfit {
        /// The table.
        table: String,
        /// Why, as a sentence.
        what: String,
    },
    /// A fill that kept no former values cannot be taken back.
    #[error("the fill of step {step} kept no former values; the way back of its script undoes it")]
    NothingKept {
        /// The step.
        step: String,
    },
    /// Somebody gave the intent up that was being carried out.
    #[error("somebody else has given this step up meanwhile")]
    Revoked,
    /// The effect is not one on a database.
    #[error("the effect is not one on a database")]
    OtherEffect,
    /// A statement failed.
    #[error("SQL failed: {message}, in: {statement}")]
    Sql {
        /// The statement, cut to a printable length.
        statement: String,
        /// What SQLite says.
        message: String,
    },
}

/// For `map_err`: the error of `statement`.
pub(super) fn at(statement: &str) -> impl Fn(rusqlite::Error) -> DbError + '_ {
    move |error| of(&error, statement)
}

fn of(error: &rusqlite::Error, statement: &str) -> DbError {
    let message = match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            message.clone().unwrap_or_else(|| code.to_string())
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let message = printable(&message);
    let during = || excerpt(statement);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            DbError::Busy { during: during() }
        }
        Some(ErrorCode::NotADatabase) => DbError::NotADatabase,
        Some(ErrorCode::DatabaseCorrupt) => DbError::Damaged { message },
        // A journal that cannot be made beside the file is reported as "cannot open".
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            DbError::ReadOnly
        }
        Some(ErrorCode::DiskFull) => DbError::DiskFull { during: during() },
        Some(ErrorCode::SystemIoFailure) => DbError::Io { message },
        _ => DbError::Sql {
            statement: during(),
            message,
        },
    }
}
