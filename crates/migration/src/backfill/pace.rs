//! How large the next batch is.

use std::time::Duration;

/// No batch is larger, so that a machine that stalls in one stalls others for a bounded time.
const MOST_ROWS: u32 = 50_000;

/// No batch is made smaller by time alone, unless the first one was asked to be.
const FEWEST_ROWS: u32 = 100;

/// The size of batches, in rows: towards the time that one should take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    rows: u32,
    fewest: u32,
}

impl Size {
    /// Begins with batches of so many rows.
    pub fn new(rows: u32) -> Self {
        let rows = rows.clamp(1, MOST_ROWS);
        Self {
            rows,
            fewest: rows.min(FEWEST_ROWS),
        }
    }

    /// How many rows the next batch has.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// The last batch worked for so long, and should have for so long.
    pub fn towards(&mut self, work: Duration, target: Duration) {
        let ratio = target.as_secs_f64() / work.as_secs_f64().max(1e-6);
        let wanted = f64::from(self.rows) * ratio.clamp(0.5, 2.0);
        self.rows = (wanted as u32).clamp(self.fewest, MOST_ROWS);
    }

    /// Somebody waited for the last batch.
    pub fn halve(&mut self) {
        self.rows = (self.rows / 2).max(self.fewest);
    }

    /// The last batch did not come to its end because of others: a much smaller one may.
    pub fn shrink(&mut self) {
        self.rows = (self.rows / 4).max(1);
        self.fewest = self.fewest.min(self.rows);
    }
}
