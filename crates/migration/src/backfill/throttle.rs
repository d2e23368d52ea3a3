//! How much a backfill may work, from what a database says about itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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

/// What a signal says at a moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// A number in the unit of its signal.
    Value(f64),
    /// There is nothing to say: a server without replicas has no lag.
    NotThere,
    /// It should be there, and could not be read.
    Missing(String),
}

/// One look at a database.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readings {
    /// What each signal says.
    pub signals: BTreeMap<Signal, Reading>,
}

/// How much may be done for now.
#[derive(Debug, Clone, PartialEq)]
pub struct Allowance {
    /// How long the next batch should work; none if there should be none.
    pub batch: Option<Duration>,
    /// How long to pause after a batch, as a multiple of how long it took.
    pub pause: f64,
    /// Why it is not more.
    pub reason: String,
}
