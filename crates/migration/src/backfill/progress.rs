//! Where a job stands, as everybody sees it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchback_model::Timestamp;

use super::meter::Left;
use super::throttle::Signal;

/// What a job, or a range of it, did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Rows that were looked at.
    pub scanned: u64,
    /// Rows that were changed.
    pub changed: u64,
    /// Rows that could not be changed and were passed over.
    pub failed: u64,
    /// Rows that a program passed over, each as often as it was asked and did so. What older versions
    /// have written has none.
    #[serde(default)]
    pub skipped: u64,
    /// Transactions.
    pub batches: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.changed += other.changed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.batches += other.batches;
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobStatus {
    /// Workers are at it, or may be.
    Running,
    /// Somebody asked to stop; it goes on from here.
    Paused,
    /// Somebody called it off. What was changed stays until it is undone.
    Cancelled,
    /// A row or a statement failed and it was to stop then.
    Failed,
    /// Every row has what it should.
    Done,
    /// What it changed is being put back.
    Undoing,
    /// What it changed was put back.
    Undone,
}

impl JobStatus {
    /// Every one.
    pub const ALL: [JobStatus; 7] = [
        JobStatus::Running,
        JobStatus::Paused,
        JobStatus::Cancelled,
        JobStatus::Failed,
        JobStatus::Done,
        JobStatus::Undoing,
        JobStatus::Undone,
    ];

    /// The word that is stored.
    pub const fn word(self) -> &'static str {
        match self {
            JobStatus::Running => "running",
            JobStatus::Paused => "paused",
            JobStatus::Cancelled => "cancelled",
            JobStatus::Failed => "failed",
            JobStatus::Done => "done",
            JobStatus::Undoing => "undoing",
            JobStatus::Undone => "undone",
        }
    }

    /// The status of a stored word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }
}

/// How well a database is, and with it how much may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Zone {
    /// More may be done than now.
    Grow,
    /// As much as now.
    Hold,
    /// A little less.
    Shed,
    /// Half as much.
    Halve,
    /// Nothing.
    Stop,
}

impl Zone {
    /// From the best to the worst.
    pub const ALL: [Zone; 5] = [Zone::Grow, Zone::Hold, Zone::Shed, Zone::Halve, Zone::Stop];

    /// The word for it, as metrics and stored forms have it.
    pub const fn word(self) -> &'static str {
        match self {
            Zone::Grow => "grow",
            Zone::Hold => "hold",
            Zone::Shed => "shed",
            Zone::Halve => "halve",
            Zone::Stop => "stop",
        }
    }
}

/// What a signal of the database said at the last look.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalState {
    /// Which one.
    pub signal: Signal,
    /// What it said, in the unit of its signal; none where there is nothing to say, or where it
    /// could not be read.
    pub value: Option<f64>,
    /// Whether it should be there and could not be read.
    pub missing: bool,
    /// Where it would stop the work, in the same unit; none where it does not.
    pub limit: Option<f64>,
    /// What it asks for.
    pub zone: Zone,
}

/// A job at a moment, for people, metrics and reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The moment.
    pub at: Timestamp,
    /// The job's id.
    pub job: String,
    /// The environment that the database belongs to.
    pub environment: String,
    /// The table, as it stands in SQL.
    pub table: String,
    /// Where it stands.
    pub status: JobStatus,
    /// The walk through all rows that is under way, from 1.
    pub sweep: u32,
    /// What was done over all walks and runs.
    pub counts: Counts,
    /// Rows that were looked at in this walk.
    pub sweep_scanned: u64,
    /// About how many rows there are, where that is known.
    pub total: Option<u64>,
    /// Ranges that are on lease now.
    pub leased: u32,
    /// Workers of this process.
    pub workers: u32,
    /// When this process began to work on it.
    pub started: Timestamp,
    /// How long the job has been at work, over all runs.
    pub worked: Duration,
    /// Rows a second, lately; none where nothing was done lately.
    pub rate: Option<f64>,
    /// Rows a second that it was planned with, where there is a plan for that.
    pub planned_rate: Option<f64>,
    /// How long the walk will take from here, where that can be said.
    pub left: Option<Left>,
    /// How much may be done just now.
    pub zone: Zone,
    /// Why it does not go faster just now.
    pub reason: String,
    /// What each signal said, each at most once.
    pub signals: Vec<SignalState>,
    /// Size of the former values that are kept, in bytes, where that is known.
    pub undo_bytes: Option<u64>,
    /// The size in bytes at which the job stops rather than keeping more; none where there is none.
    pub undo_limit: Option<u64>,
    /// How long ago a batch last was committed, by this process; none while none was.
    pub idle: Option<Duration>,
}

impl Snapshot {
    /// Replication lag in seconds, where there are replicas and it is known.
    pub fn lag(&self) -> Option<f64> {
        self.signals
            .iter()
            .find(|state| state.signal == Signal::ReplicationLag)
            .and_then(|state| state.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_there_and_back_and_those_of_older_versions_are_read() {
        let older = r#"{"scanned":300,"changed":264,"failed":6,"batches":3}"#;
        let mut counts = Counts {
            scanned: 300,
            changed: 264,
            failed: 6,
            skipped: 0,
            batches: 3,
        };
        assert_eq!(serde_json::from_str::<Counts>(older).unwrap(), counts);
        counts.skipped = 30;
        let text = serde_json::to_string(&counts).unwrap();
        assert!(text.contains(r#""skipped":30"#), "{text}");
        assert_eq!(serde_json::from_str::<Counts>(&text).unwrap(), counts);
        counts += counts;
        assert_eq!((counts.failed, counts.skipped, counts.batches), (12, 60, 6));
    }
}
