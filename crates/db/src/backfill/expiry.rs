//! How long what is kept to undo a backfill is kept.

use switchback_model::Timestamp;

/// What is kept to undo a job, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndoKept {
    /// Rows that could be put back.
    pub rows: u64,
    /// From this moment on it may be dropped; none while the job is not over, or nothing is kept.
    pub until: Option<Timestamp>,
    /// Whether that moment has come, by the database's clock.
    pub due: bool,
    /// When dropping it began, if it did: nothing can be undone from then on.
    pub expired: Option<Timestamp>,
    /// Rows that were dropped.
    pub dropped_rows: u64,
    /// About how many bytes these took.
    pub dropped_bytes: u64,
}

/// What one step of dropping did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// It is not to be dropped: the job is not over, it is too early, or nothing is kept.
    Nothing,
    /// Some of it was dropped, and more is left.
    Some,
    /// The last of it was dropped.
    All,
}
