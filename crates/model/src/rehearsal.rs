//! What a rehearsal of a change found, as the ledger keeps it.

use serde::{Deserialize, Serialize};

use crate::ids::StepName;
use crate::time::Duration;

/// The version of the stored form of [`Rehearsal`].
pub const REHEARSAL_SCHEMA: &str = "switchback.rehearsal/v1";

/// A change was walked up and back on a database that is not an environment's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// [`REHEARSAL_SCHEMA`].
    pub schema: String,
    /// The engine and its version: `PostgreSQL 15.18`.
    pub engine: String,
    /// Where the schema came from, for people: `the migrations in db/migrations`.
    pub source: String,
    /// How many rows the change's table had.
    pub rows: u64,
    /// What the rows were made from; none where they were those of a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The steps up, in order.
    pub steps: Vec<RehearsedStep>,
    /// The steps of the walk back, from the last one that was walked back.
    pub back: Vec<RehearsedStep>,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedStep {
    /// The step.
    pub step: StepName,
    /// What came of it.
    pub verdict: RehearsalVerdict,
    /// What is wrong, a sentence each; empty unless it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// How long the way up took by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Duration>,
    /// The longest that it was seen to keep a statement of the code waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_waiting: Option<Duration>,
}

/// What came of a step of a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RehearsalVerdict {
    /// Nothing is wrong.
    Passed,
    /// Something is.
    Failed,
    /// An earlier step could not be done.
    NotReached,
}

impl Rehearsal {
    /// Whether every step passed.
    pub fn passed(&self) -> bool {
        let passed = |it: &RehearsedStep| it.verdict == RehearsalVerdict::Passed;
        self.steps.iter().all(passed) && self.back.iter().all(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_keeps_its_json_form() {
        let json = r#"{"schema":"switchback.rehearsal/v1","engine":"PostgreSQL 15.18","source":"a copy","rows":7,"steps":[{"step":"expand","verdict":"passed","took":"12ms"},{"step":"use","verdict":"not-reached"}],"back":[]}"#;
        let read: Rehearsal = serde_json::from_str(json).unwrap();
        assert_eq!(read.schema, REHEARSAL_SCHEMA);
        assert!(!read.passed());
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
