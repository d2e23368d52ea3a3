//! Where a job stands, as everybody sees it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// Transactions.
    pub batches: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.changed += other.changed;
        self.failed += other.failed;
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
        [
            JobStatus::Running,
            JobStatus::Paused,
            JobStatus::Cancelled,
            JobStatus::Failed,
            JobStatus::Done,
            JobStatus::Undoing,
            JobStatus::Undone,
        ]
        .into_iter()
        .find(|it| it.word() == word)
    }
}

/// A job at a moment, for people, metrics and reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The job's id.
    pub job: String,
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
    /// How long the job has been at work, over all runs.
    pub worked: Duration,
    /// Rows a second, lately; none where nothing was done lately.
    pub rate: Option<f64>,
    /// How long it will take from here, where that can be said.
    pub left: Option<Duration>,
    /// Why it does not go faster just now.
    pub reason: String,
    /// Replication lag in seconds, where there are replicas and it is known.
    pub lag: Option<f64>,
    /// How long ago a batch last was committed, by this process.
    pub idle: Option<Duration>,
}
