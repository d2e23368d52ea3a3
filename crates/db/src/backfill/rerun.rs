//! Doing some rows of a backfill again, whatever the engine.

use super::ranges::WalkRange;

/// What beginning to do some rows again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Whether it was begun before, and goes on.
    pub resumed: bool,
    /// The ranges that are done again.
    pub ranges: Vec<WalkRange>,
    /// About how many rows these have.
    pub rows: u64,
    /// The digest of the definition that the rows were done with before, where that is one.
    pub before: String,
}

/// Why rows cannot be done again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RerunError {
    /// What was asked for names no rows.
    #[error("{what}")]
    Wrong {
        /// Why, as a sentence.
        what: String,
    },
    /// Which rows were meant cannot be said any more.
    #[error("{what}")]
    Unsaid {
        /// Why, as a sentence.
        what: String,
    },
    /// Other rows are being done again, or were begun to be.
    #[error("{asked} is being done again, and has not come to its end")]
    Other {
        /// What was asked for then.
        asked: String,
    },
    /// No row refused.
    #[error("no row refused what it should get")]
    NothingRefused,
}

impl RerunError {
    pub(crate) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong { what: what.into() }
    }

    pub(crate) fn unsaid(what: impl Into<String>) -> Self {
        Self::Unsaid { what: what.into() }
    }
}
