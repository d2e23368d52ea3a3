//! How much a backfill may work, from what a database says about itself.
//!
//! Somebody looks at a database a few times a second and makes [`Readings`]. [`Throttle`] holds the
//! worst of them against its [`Limits`] and says how much may be done: an [`Allowance`], with the
//! reason in plain words. [`QuietHours`] say when there is to be less, or nothing.
//!
//! Deliberately absent: a clock, and how a database is read, which is each engine's.

mod control;
mod hours;
mod limits;
mod reason;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use control::Throttle;
pub use hours::{HoursError, QuietHours};
pub use limits::{Limit, Limits};

/// Something that says how well a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// How long a query of our own takes that any application might ask, in milliseconds.
    Probe,
    /// How long the application's statements took on average since the last look, against how long
    /// they took before the backfill: 1.0 is as long.
    Statements,
    /// How far replicas are behind, in seconds.
    ReplicationLag,
    /// How full the log of changes is against the size at which a checkpoint is forced: 1.0 is full.
    WalQueue,
    /// Segments that wait to be archived.
    ArchiverQueue,
    /// How many transactions ago the oldest snapshot was taken.
    OldestSnapshot,
    /// Sessions that are at work, for each CPU.
    ActiveSessions,
    /// Whether autovacuum is at work on the table: 0 or 1.
    Autovacuum,
    /// Sessions of others that wait for one of ours.
    BlockedByUs,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 9] = [
        Signal::Probe,
        Signal::Statements,
        Signal::ReplicationLag,
        Signal::WalQueue,
        Signal::ArchiverQueue,
        Signal::OldestSnapshot,
        Signal::ActiveSessions,
        Signal::Autovacuum,
        Signal::BlockedByUs,
    ];
}

/// What a signal says at a moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A number in the unit of its signal.
    Value(f64),
    /// There is nothing to say: a server without replicas has no lag.
    NotThere,
    /// It should be there, and could not be read. Why, as the end of a sentence.
    Missing(String),
}

/// One look at a database.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readings {
    /// What each signal says. One that is not listed was not read, which is the same as missing.
    pub signals: BTreeMap<Signal, Reading>,
    /// What was usual before the backfill, in the unit of the signal, where somebody measured that.
    pub usual: BTreeMap<Signal, f64>,
    /// How many sessions of others did something within the last seconds; none where nobody knows.
    pub others: Option<u32>,
    /// What could not be seen in full and what would help, a sentence each. For people, once.
    pub notes: Vec<String>,
}

impl Readings {
    /// A look at which every signal said the same.
    pub fn all(reading: &Reading) -> Self {
        Self {
            signals: Signal::ALL
                .into_iter()
                .map(|signal| (signal, reading.clone()))
                .collect(),
            ..Self::default()
        }
    }
}

/// How much may be done for now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Allowance {
    /// How long the next batch should work; none if there should be none.
    pub batch: Option<Duration>,
    /// How long to pause after a batch, as a multiple of how long it took.
    pub pause: f64,
    /// Whether the workers of a process are to take turns, because others use the database: the
    /// pause after a batch of one of them is everybody's.
    pub turns: bool,
    /// Why it is not more.
    pub reason: String,
}
