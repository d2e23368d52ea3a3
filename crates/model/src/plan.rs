//! A plan is data: it can be printed, compared, digested, stored and refused.
//!
//! Applying a plan makes no choices. It names the plan that it applies and the state that the plan
//! was made from, and fails if that state has moved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::digest::Digest;
use crate::ids::{ChangeId, ComponentName, EnvironmentName, StepName};

/// The version of the stored form of [`Plan`].
pub const PLAN_SCHEMA: &str = "switchback.plan/v1";

/// Steps for one environment, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// What the plan is for, in one line: `expand of rename-email`.
    pub purpose: String,
    /// Where.
    pub environment: EnvironmentName,
    /// What the plan was made from; applying it needs the same.
    pub made_from: MadeFrom,
    /// What to do, in order.
    pub steps: Vec<PlannedStep>,
}

/// The state that a plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFrom {
    /// The digest of the environment as the ledger knows it.
    pub environment: Digest,
    /// Marks of what the ledger does not hold, by name: the commit a values file was read at, the
    /// fingerprint of a database schema.
    pub marks: BTreeMap<String, String>,
}

/// One step: what it means, how it is done, and how it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// One line for people.
    pub title: String,
    /// What it means to the interlock.
    pub action: Action,
    /// How it is done.
    pub effect: Effect,
    /// How it is taken back, if it can be.
    pub undo: Option<Effect>,
}

/// Whether a script goes up or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Apply the step.
    Up,
    /// Take the step back.
    Down,
}

/// Something done to the world. Every effect can be asked whether it was done, and doing it twice
/// is the same as doing it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// Run SQL in one transaction on the environment's database, together with the mark that says
    /// that it ran.
    Script(Script),
    /// Give columns their values in bounded batches, each in its own transaction.
    Fill(Fill),
    /// Take back what a fill changed, from its undo rows.
    Unfill(Fill),
    /// Set one value of the environment's values file, as a commit.
    MoveValue(MoveValue),
}

/// The SQL of one step in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The change that the step belongs to.
    pub change: ChangeId,
    /// The step.
    pub step: StepName,
    /// Up or down.
    pub direction: Direction,
    /// The statements.
    pub sql: String,
    /// How they are run.
    #[serde(default, skip_serializing_if = "Run::is_transaction")]
    pub run: Run,
    /// What of the schema the step may touch, so that it can be fingerprinted.
    pub scope: Scope,
}

/// How the statements of a script are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// All in one transaction, with the mark that says that they ran.
    #[default]
    Transaction,
    /// One by one outside of any transaction, because they wait for others: `CREATE INDEX
    /// CONCURRENTLY`. Each must bear to be run again after a crash.
    Statements,
    /// Not as they stand: SQLite cannot alter the table so, and it is made again out of its text at
    /// that moment, with every row, in one transaction with the mark. One statement: `ALTER TABLE …
    /// ADD CONSTRAINT … FOREIGN KEY` or `… DROP CONSTRAINT`.
    Rebuild,
}

impl Run {
    /// Whether it is the usual way.
    pub const fn is_transaction(&self) -> bool {
        matches!(self, Run::Transaction)
    }
}

/// The part of a schema that belongs to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The table.
    pub table: String,
    /// Other tables that the change touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The columns of the old and the new shape.
    pub columns: Vec<String>,
    /// The prefix of the names of triggers and indexes that the change makes.
    pub prefix: String,
}

/// Values that columns get, row by row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The change that the fill belongs to.
    pub change: ChangeId,
    /// The step.
    pub step: StepName,
    /// The table.
    pub table: String,
    /// What each column gets where it differs: an SQL expression over the same row.
    pub set: BTreeMap<String, String>,
    /// Which rows get it, as an SQL condition over the row; all where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Rows in the first batch; later ones are sized by time.
    pub batch_rows: u32,
    /// Whether the former values are kept, so that the fill can be taken back by itself.
    pub keep_undo: bool,
}

/// One edit of a values file, committed and moved on to its branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveValue {
    /// The component whose version moves.
    pub component: ComponentName,
    /// The path of the file inside the repository.
    pub file: String,
    /// The keys that lead to the scalar, outermost first.
    pub key: Vec<String>,
    /// The value that must be there now; `None` where the file says nothing yet.
    pub from: Option<String>,
    /// The value to write.
    pub to: String,
    /// The subject line of the commit.
    pub subject: String,
}

impl Plan {
    /// The plan's identity: the digest of its canonical JSON.
    ///
    /// # Errors
    /// Never for a plan that was made by this crate's types; see [`Digest::of_json`].
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Digest::of_json(self)
    }
}
