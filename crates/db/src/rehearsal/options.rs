//! How a rehearsal is done.

use std::time::Duration;

/// How a rehearsal is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many clients work; each plays every version.
    pub clients: usize,
    /// How many rows each client has.
    pub rows_each: usize,
    /// How much each client does in each moment between two movements of a step.
    pub settle: u64,
    /// How long the clients may take for that.
    pub patience: Duration,
    /// How long a step may keep a statement of the code waiting.
    pub longest_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clients: 4,
            rows_each: 8,
            settle: 60,
            patience: Duration::from_secs(60),
            longest_wait: Duration::from_secs(1),
        }
    }
}
