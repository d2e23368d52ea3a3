//! What can go wrong with a backfill on SQLite, beyond what can go wrong with a database.

use switchback_migration::backfill::{JobStatus, QueryFault};
use switchback_model::Timestamp;

use crate::backfill::RerunError;
use crate::backfill::program::ProgramError;
use crate::sqlite::error::DbError;

/// Why something could not be done with a backfill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackfillError {
    /// The database would not.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The database knows no such backfill.
    #[error("the database knows no backfill `{job}`")]
    NoJob {
        /// The backfill.
        job: String,
    },
    /// The job was begun with another definition.
    #[error(
        "the backfill `{job}` was begun with the definition {stored}, and this one is {given}: begin \
         it anew to walk all rows with this one"
    )]
    OtherDefinition {
        /// The backfill.
        job: String,
        /// The digest of the definition that it was begun with.
        stored: String,
        /// The digest of the definition that was given.
        given: String,
    },
    /// What was asked for cannot be done from where the job stands.
    #[error("the backfill `{job}` is {}: it cannot become {}", from.word(), to.word())]
    Status {
        /// The backfill.
        job: String,
        /// Where it stands.
        from: JobStatus,
        /// Where it should.
        to: JobStatus,
    },
    /// What was kept to undo it was dropped.
    #[error("what was kept to undo the backfill `{job}` was dropped from {at} on")]
    Expired {
        /// The backfill.
        job: String,
        /// When dropping began.
        at: Timestamp,
    },
    /// It is to go on with other columns or another table, or former values that are kept otherwise.
    #[error("the backfill `{job}` was begun with other columns, or keeps former values otherwise")]
    OtherColumns {
        /// The backfill.
        job: String,
    },
    /// Some rows cannot be done again.
    #[error(transparent)]
    Rerun(#[from] RerunError),
    /// A definition that cannot be walked.
    #[error("{what}")]
    Definition {
        /// What is wrong, as a sentence.
        what: String,
    },
    /// Its query does not say what rows get.
    #[error("the rows of `{table}` cannot be filled: {fault}")]
    Query {
        /// The table.
        table: String,
        /// Why not.
        fault: QueryFault,
    },
    /// It kept no former values, or they were deleted.
    #[error("the backfill `{job}` cannot be undone: its former values {why}")]
    NothingKept {
        /// The backfill.
        job: String,
        /// What became of them.
        why: &'static str,
    },
    /// The program that says what rows get.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// What is stored cannot be read.
    #[error("what the database holds of the backfill is damaged: {what}")]
    Damaged {
        /// What cannot be read.
        what: String,
    },
}

impl BackfillError {
    /// Whether somebody else held a lock for longer than we wait.
    pub const fn is_busy(&self) -> bool {
        matches!(self, Self::Db(DbError::Busy { .. }))
    }

    /// Whether it is one row's own fault, so that others may be done without it.
    pub(super) const fn is_of_a_row(&self) -> bool {
        matches!(self, Self::Db(DbError::Sql { .. }))
    }
}

/// What an error says of a row, without the statement, which is the same for all of them.
pub(super) fn said(error: &BackfillError) -> String {
    match error {
        BackfillError::Db(DbError::Sql { message, .. }) => message.clone(),
        other => other.to_string(),
    }
}
