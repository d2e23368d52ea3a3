//! Why a change cannot be rehearsed.

use switchback_migration::workload::BesideError;

use super::bench::Trouble;

/// Why a change cannot be rehearsed. What is wrong with a step is no error but its verdict.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The database cannot be asked, or is not fit for it.
    #[error("the database of the rehearsal cannot be used")]
    Bench(#[from] Trouble),
    /// The steps do not follow from each other.
    #[error("it cannot be said which code may be at work beside the steps")]
    Beside(#[from] BesideError),
    /// One of the application's own statements cannot be played.
    #[error("the statement `{name}` of the workload cannot be run: {message}")]
    Own {
        /// Its name.
        name: String,
        /// Why.
        message: String,
    },
    /// None of the application's own statements can be played.
    #[error("no statement of the workload can be run: {why}")]
    NoneOwn {
        /// Why not, of each that is shown.
        why: String,
    },
    /// There is no row that code could write.
    #[error("no row could be made that the table takes: {message}")]
    NoRows {
        /// What the database says.
        message: String,
    },
}
