//! What goes wrong in a backfill.

use switchback_migration::backfill::JobStatus;
use switchback_model::Timestamp;

use crate::backfill::RerunError;
use crate::backfill::program::ProgramError;
use crate::postgres::change::ChangeError;

/// Why a backfill does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackfillError {
    /// As for a step of a change.
    #[error(transparent)]
    Database(#[from] ChangeError),
    /// Nothing is known of the job here.
    #[error("the backfill `{job}` was never begun in this database")]
    Unknown {
        /// The job.
        job: String,
    },
    /// The job was begun with another definition.
    #[error(
        "the backfill `{job}` was begun here as version {stored}, and its file is version {given} now"
    )]
    OtherVersion {
        /// The job.
        job: String,
        /// The digest of the definition that it was begun with.
        stored: String,
        /// The digest of the definition that was given.
        given: String,
    },
    /// It is to begin anew with other columns, while what it changed before could still be put back.
    #[error("the backfill `{job}` keeps what it changed in other columns")]
    OtherColumns {
        /// The job.
        job: String,
    },
    /// What was asked for cannot be done where the job stands.
    #[error("the backfill `{job}` is {}", status.word())]
    Stands {
        /// The job.
        job: String,
        /// Where it stands.
        status: JobStatus,
    },
    /// It kept no former values.
    #[error("the backfill `{job}` kept no former values")]
    NothingKept {
        /// The job.
        job: String,
    },
    /// What was kept to undo it was dropped.
    #[error("what was kept to undo the backfill `{job}` was dropped from {at} on")]
    Expired {
        /// The job.
        job: String,
        /// When dropping began.
        at: Timestamp,
    },
    /// Some rows cannot be done again.
    #[error(transparent)]
    Rerun(#[from] RerunError),
    /// The control tables are of another version.
    #[error(
        "the control tables of backfills are of format {found}, and this version knows {known}"
    )]
    Format {
        /// Their format.
        found: i32,
        /// The one that is known.
        known: i32,
    },
    /// The program that says what rows get.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// What stands in the control tables is nothing that this version writes.
    #[error("the control tables of backfills say something that cannot be: {what}")]
    Garbled {
        /// What.
        what: String,
    },
}

impl BackfillError {
    /// Whether nobody answers any more: the connection is closed.
    pub fn is_lost(&self) -> bool {
        matches!(
            self,
            BackfillError::Database(error)
                if error.is_lost() || matches!(error, ChangeError::Unreachable { .. })
        )
    }

    /// Whether it stays so until somebody changes something: the table or a column is gone or is
    /// another one, or the role may not write it. Not so a lack of disk, memory or connections
    /// (class 53), somebody who intervened (57), or an error of the system (58) or of PostgreSQL
    /// itself (XX).
    pub(super) fn is_final(&self) -> bool {
        const PASSING: [&str; 7] = ["08", "40", "53", "55", "57", "58", "XX"];
        match self {
            BackfillError::Database(error) => match error {
                ChangeError::NoTable { .. }
                | ChangeError::NoColumn { .. }
                | ChangeError::Unfit { .. }
                | ChangeError::Privilege { .. } => true,
                other => other
                    .code()
                    .is_some_and(|code| !PASSING.iter().any(|class| code.starts_with(class))),
            },
            _ => false,
        }
    }

    /// Whether others were in the way, or it was in theirs, and nothing of it is left.
    pub(super) fn is_in_the_way(&self) -> bool {
        match self {
            BackfillError::Database(error) => {
                error.is_contention()
                    || matches!(
                        error,
                        ChangeError::Busy { .. }
                            | ChangeError::GaveWay { .. }
                            | ChangeError::Cancelled { .. }
                    )
            }
            _ => false,
        }
    }
}
