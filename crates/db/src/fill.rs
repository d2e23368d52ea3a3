//! What walks through the rows of a table have in common, whatever the engine.

use std::time::Duration;

pub use crate::waits::Waits;

/// How often all rows are looked at before a fill gives up.
pub(crate) const SWEEPS: u32 = 5;

/// Whether to go on after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Continue,
    /// Stop here; the next run goes on from here.
    Stop,
}

/// How far a fill, or taking one back, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Rows that were looked at, over all runs; of taking it back those of this one.
    pub rows_scanned: u64,
    /// Rows that were changed, over all runs.
    pub rows_changed: u64,
    /// Rows that taking it back left alone, because somebody had changed them since.
    pub rows_left: u64,
    /// Batches, over all runs; of taking it back those of this one.
    pub batches: u64,
    /// Rows that were looked at since all rows are walked once more, or for the first time.
    pub sweep_rows: u64,
    /// About how many rows there are, where that is known.
    pub total: Option<u64>,
    /// How long the last batch held its locks, its commit included.
    pub took: Duration,
    /// What this run waited for, and who waited for it. Nobody sees that on SQLite.
    pub waits: Waits,
}

impl Progress {
    /// After a batch of taking a fill back, which has so many rows altogether.
    pub(crate) fn back(self, rows: u64, total: u64) -> Self {
        Self {
            rows_scanned: self.rows_scanned + rows,
            sweep_rows: self.sweep_rows + rows,
            batches: self.batches + 1,
            total: Some(total),
            ..self
        }
    }
}

/// How a run of a fill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillEnd {
    /// All rows are done.
    Done(Progress),
    /// It was told to stop.
    Stopped(Progress),
    /// There was nothing left to do.
    Already,
}
