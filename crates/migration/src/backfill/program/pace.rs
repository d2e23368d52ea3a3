//! How many rows a program is given at once.

use std::time::Duration;

/// A turn should take so long: short enough that the lease is kept and a stop is heard, long enough
/// that waiting for its last row costs little.
const TURN: Duration = Duration::from_millis(250);

/// A batch should be in the program for so long.
const BATCH: Duration = Duration::from_secs(1);

/// Rows in the first turn: nothing is known of the program yet.
const FIRST: u32 = 8;

/// No turn has more rows.
const MOST: u32 = 10_000;

/// The answers of a turn should take so many bytes at most.
const BYTES: usize = 2 << 20;

/// How many rows a program is given at once, by how long it took for the last ones and how long its
/// answers were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    turn: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { turn: FIRST }
    }
}

impl Pace {
    /// Rows of the next turn.
    pub const fn turn(&self) -> u32 {
        self.turn
    }

    /// Rows that a batch is read with: about as many as there is time for.
    pub fn batch(&self) -> u32 {
        let turns = BATCH.as_millis() / TURN.as_millis();
        self.turn
            .saturating_mul(u32::try_from(turns).unwrap_or(1))
            .max(1)
    }

    /// Whether a batch that took so long until now gets no further turn.
    pub fn is_over(&self, took: Duration) -> bool {
        took >= BATCH
    }

    /// A turn of so many rows took so long, and its answers so many bytes.
    pub fn learn(&mut self, rows: usize, took: Duration, bytes: usize) {
        let ratio = TURN.as_secs_f64() / took.as_secs_f64().max(1e-6);
        // One with few rows, as at the end of a batch, says nothing of larger ones.
        let short = rows.saturating_mul(2) < self.turn as usize;
        let ratio = ratio.clamp(0.1, if short { 1.0 } else { 2.0 });
        let each = (bytes / rows.max(1)).max(1);
        let fit = u32::try_from(BYTES / each).unwrap_or(MOST).clamp(1, MOST);
        let wanted = f64::from(self.turn) * ratio;
        self.turn = (wanted as u32).clamp(1, fit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns until it does not change any more, of a program that takes so long for each row.
    fn settled(each: Duration, bytes: usize) -> u32 {
        let mut pace = Pace::default();
        for _ in 0..100 {
            let rows = pace.turn();
            pace.learn(rows as usize, each * rows, rows as usize * bytes);
        }
        pace.turn()
    }

    #[test]
    fn turns_take_as_long_as_they_should() {
        assert_eq!(settled(Duration::from_micros(1), 10), MOST);
        let settled_at = settled(Duration::from_millis(1), 10);
        assert!((200..=250).contains(&settled_at), "{settled_at}");
        assert_eq!(settled(Duration::from_secs(3), 10), 1);
        assert_eq!(settled(Duration::from_micros(1), 1 << 20), 2);
        assert_eq!(settled(Duration::from_micros(1), 100 << 20), 1);
    }

    #[test]
    fn few_rows_do_not_make_turns_larger() {
        let mut pace = Pace { turn: 1000 };
        pace.learn(3, Duration::from_millis(1), 10);
        assert_eq!(pace.turn(), 1000);
        pace.learn(3, Duration::from_secs(10), 10);
        assert_eq!(pace.turn(), 100);
    }

    #[test]
    fn a_batch_has_some_turns() {
        let pace = Pace::default();
        assert_eq!((pace.turn(), pace.batch()), (8, 32));
        assert!(!pace.is_over(Duration::from_millis(900)));
        assert!(pace.is_over(Duration::from_secs(1)));
    }
}
