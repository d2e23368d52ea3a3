//! How large the next batch is, and when it may begin under a limit of rows a second.

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
    most: u32,
}

impl Size {
    /// Begins with batches of so many rows, none of which is larger than what a second allows, if
    /// there is a limit: rows a second. At least one row.
    pub fn new(rows: u32, most_a_second: Option<f64>) -> Self {
        // What is not positive is no limit; a conversion from a float is cut to what fits.
        let limit = most_a_second.filter(|most| *most > 0.0);
        let most = limit.map_or(MOST_ROWS, |most| (most as u32).clamp(1, MOST_ROWS));
        let rows = rows.clamp(1, most);
        Self {
            rows,
            fewest: rows.min(FEWEST_ROWS),
            most,
        }
    }

    /// How many rows the next batch has.
    pub const fn rows(&self) -> u32 {
        self.rows
    }

    /// The last batch, of so many rows, worked for so long, and should have for so long.
    pub fn towards(&mut self, rows: u64, work: Duration, target: Duration) {
        let ratio = target.as_secs_f64() / work.as_secs_f64().max(1e-6);
        // One that found few rows, as at the end of a range, says nothing of larger ones.
        let short = rows.saturating_mul(2) < u64::from(self.rows);
        let ratio = ratio.clamp(0.5, if short { 1.0 } else { 2.0 });
        let wanted = f64::from(self.rows) * ratio;
        self.rows = (wanted as u32).clamp(self.fewest, self.most);
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

/// What was missed is made up for, but never more than what fits into this.
const CREDIT: Duration = Duration::from_secs(1);

/// A limit on rows a second, kept by moments at which the next batch is due. A pause computed from
/// the last batch alone would lose whatever passes between batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    most: Option<f64>,
    due: Option<Duration>,
}

impl Rate {
    /// So many rows a second at most; what is not positive is no limit.
    pub fn new(most_a_second: Option<f64>) -> Self {
        Self {
            most: most_a_second.filter(|most| *most > 0.0),
            due: None,
        }
    }

    /// The moment from which the next batch may begin.
    pub fn due(&self) -> Duration {
        self.due.unwrap_or(Duration::ZERO)
    }

    /// A batch of so many rows that took so long has ended.
    pub fn spent(&mut self, rows: u64, held: Duration, now: Duration) {
        let Some(most) = self.most else { return };
        let cost = Duration::try_from_secs_f64(rows as f64 / most).unwrap_or(Duration::MAX);
        let began = self.due.unwrap_or(now.saturating_sub(held));
        let due = began.saturating_add(cost);
        self.due = Some(due.max(now.saturating_sub(CREDIT)));
    }
}

#[cfg(test)]
mod tests;
