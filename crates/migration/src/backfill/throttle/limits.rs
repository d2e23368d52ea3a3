//! How much a database is to bear.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Signal;
use super::hours::QuietHours;
use crate::backfill::progress::Zone;
use crate::engine::Engine;

/// What a signal should stay below. Work is shed from 0.7 of the way between `easy` and the limit
/// on, halved at the limit, and stopped at twice the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limit {
    /// The limit, in the unit of the signal.
    pub most: f64,
    /// Or so many times what was usual before the backfill, where that is more and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times_usual: Option<f64>,
    /// The value of a database that is at ease, from which the way to the limit is measured.
    #[serde(default)]
    pub easy: f64,
}

impl Limit {
    /// A limit on something that is 0 where all is well.
    pub const fn of(most: f64) -> Self {
        Self {
            most,
            times_usual: None,
            easy: 0.0,
        }
    }

    const fn from(easy: f64, most: f64) -> Self {
        Self {
            most,
            times_usual: None,
            easy,
        }
    }

    /// The limit, in the unit of the signal, where so much was usual.
    pub fn value(&self, usual: Option<f64>) -> f64 {
        match (self.times_usual, usual) {
            (Some(times), Some(usual)) if (times * usual).is_finite() => {
                self.most.max(times * usual)
            }
            _ => self.most,
        }
    }

    /// What a value asks for, where so much was usual.
    pub fn zone(&self, value: f64, usual: Option<f64>) -> Zone {
        super::control::zone(self.strain(value, usual))
    }

    /// How far a value is on the way to the limit: 0.0 or below at ease, 1.0 at the limit.
    pub(super) fn strain(&self, value: f64, usual: Option<f64>) -> f64 {
        let way = self.value(usual) - self.easy;
        if way > 0.0 {
            (value - self.easy) / way
        } else if value > self.easy {
            // A limit at or below what is easy allows nothing beyond that.
            f64::INFINITY
        } else {
            0.0
        }
    }
}

/// How much a database is to bear, and how much may be done at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// What each signal should stay below. A signal that is not here is turned off: it is not
    /// looked at, and may be missing.
    pub signals: BTreeMap<Signal, Limit>,
    /// The part of a worker's time that it may work, 0.0 to 1.0, whatever the database says.
    pub most: f64,
    /// The same while others use the database, or while nobody knows whether they do.
    pub beside_others: f64,
    /// When there is to be less, or nothing.
    pub quiet: Vec<QuietHours>,
    /// How old a look may be before it counts as missing.
    pub stale: Duration,
}

/// Defaults, each with its reason. They want an application to notice nothing, and a database that
/// nobody else uses to be used in full.
impl Default for Limits {
    fn default() -> Self {
        let signals = [
            // A row by its key comes in well under a millisecond from memory. Where it takes longer
            // because of a network or a slow disk, what was usual counts.
            (
                Signal::Probe,
                Limit {
                    most: 5.0,
                    times_usual: Some(5.0),
                    easy: 0.0,
                },
            ),
            // Averages of a second vary by themselves. Growth ends at 1.24 times as long as before.
            (Signal::Statements, Limit::from(1.0, 1.6)),
            // What reads from replicas mostly bears some seconds, and a failover loses no more.
            (Signal::ReplicationLag, Limit::of(10.0)),
            // Between 0.5 and 1.0 is the normal course of a checkpoint. Beyond, it does not keep up.
            (Signal::WalQueue, Limit::from(1.0, 2.0)),
            // 512 MiB at the usual size of a segment: what a disaster would lose.
            (Signal::ArchiverQueue, Limit::of(32.0)),
            // About an hour at 3,000 transactions a second. No old version of a row can be cleaned
            // up for so long, so a backfill would only make the table larger.
            (Signal::OldestSnapshot, Limit::of(10_000_000.0)),
            // More than one for each CPU queue up. A look catches some bursts, so not at 1.0.
            (Signal::ActiveSessions, Limit::of(1.5)),
            // 1 is half-way: nothing grows meanwhile. Stopping would make a vacuum that takes hours
            // as long a pause, though it is of use to the backfill.
            (Signal::Autovacuum, Limit::of(2.0)),
            // One is at the limit, and halves at once. Two stop.
            (Signal::BlockedByUs, Limit::of(1.0)),
        ];
        Self {
            signals: signals.into_iter().collect(),
            most: 1.0,
            // An application's commit waits until our part of the log is on disk too, and whoever runs
            // on our CPU waits its turn. With two CPUs the slowest hundredth of its requests took 1.1
            // times as long as without us at 5 % of the time, 1.7 times at 10 % and 2.6 at 20 %.
            beside_others: 0.06,
            quiet: Vec::new(),
            stale: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// Defaults for an engine. Who else uses a SQLite file is never known, and nobody there waits for
    /// a part of the log.
    pub fn of(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self {
                beside_others: 0.2,
                ..Self::default()
            },
            Engine::Postgres | Engine::Mysql => Self::default(),
        }
    }

    /// The same with another limit for a signal.
    #[must_use]
    pub fn set(mut self, signal: Signal, most: f64) -> Self {
        let limit = self.signals.entry(signal).or_insert(Limit::of(most));
        limit.most = most;
        self
    }

    /// The same without regard to a signal.
    #[must_use]
    pub fn off(mut self, signal: Signal) -> Self {
        self.signals.remove(&signal);
        self
    }
}
