//! What a rehearsal found.

use std::time::Duration;

use switchback_model::StepName;

use super::latency::Latency;
use crate::history::TableChange;

/// What came of every step.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The engine and its version, such as `PostgreSQL 15.18`.
    pub engine: String,
    /// The table of the change, in the form of SQL.
    pub table: String,
    /// How many rows it had.
    pub rows: u64,
    /// How many clients worked.
    pub clients: usize,
    /// One for each step of the change, in order.
    pub steps: Vec<StepReport>,
    /// The walk back from the last step to the first, one for each step that was walked back; empty
    /// where the way up was not finished.
    pub back: Vec<StepReport>,
    /// The step that the interlock lets nobody go back behind, if there is one.
    pub back_ends_at: Option<StepName>,
    /// Those of the application's own statements that were left out.
    pub left_out: Vec<LeftOut>,
    /// What else somebody who reads the report should know, a sentence each.
    pub notes: Vec<String>,
}

/// One of the application's own statements that was left out, because it cannot be played on this
/// database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// The step.
    pub step: StepName,
    /// Its title.
    pub title: String,
    /// What kind it is.
    pub kind: WorkKind,
    /// The code steps of the versions that were at work.
    pub versions: Vec<StepName>,
    /// What came of it.
    pub outcome: Outcome,
    /// What is wrong; empty unless it failed.
    pub faults: Vec<Fault>,
    /// Values that came back other than they were written, because they went through the other shape
    /// and that cannot hold them.
    pub altered: Option<Altered>,
    /// What was measured while code worked.
    pub measured: Measured,
    /// The application's own statements, by name.
    pub own: Vec<Played>,
    /// How long the way up took, alone.
    pub up: Option<Duration>,
    /// How long the way back took, alone.
    pub down: Option<Duration>,
}

/// What came of one of the application's own statements beside a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Its name.
    pub name: String,
    /// How often it failed.
    pub failed: u64,
    /// How long it took before the step.
    pub usual: Latency,
    /// How long it took while the step moved.
    pub during: Latency,
}

/// What kind of step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKind {
    /// The code changes.
    Code,
    /// The database changes.
    Database,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Passed,
    /// Something is.
    Failed,
    /// An earlier step could not be done, so that it was not tried.
    NotReached,
}

/// A moment of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before it.
    Before,
    /// While it goes up.
    Up,
    /// After it went up.
    AfterUp,
    /// While it goes back.
    Down,
    /// After it went back.
    AfterDown,
    /// While it goes up again.
    Again,
    /// After it went up again.
    AfterAgain,
}

impl Moment {
    /// In words, to follow a verb: `while the step goes up`.
    pub const fn words(self) -> &'static str {
        match self {
            Moment::Before => "before the step",
            Moment::Up => "while the step goes up",
            Moment::AfterUp => "after the step went up",
            Moment::Down => "while the step goes back",
            Moment::AfterDown => "after the step went back",
            Moment::Again => "while the step goes up again",
            Moment::AfterAgain => "after the step went up again",
        }
    }
}

/// Something that is wrong with a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It cannot be done.
    Fails {
        /// In which direction and when.
        moment: Moment,
        /// Whether code was at work.
        at_work: bool,
        /// What the database says.
        message: String,
    },
    /// Another schema than there was before is left.
    SchemaDiffers {
        /// After which way.
        moment: Moment,
        /// Lines that begin with `- ` for what was and `+ ` for what is.
        lines: Vec<String>,
    },
    /// Other rows than there were before are left.
    RowsDiffer {
        /// After which way.
        moment: Moment,
        /// How.
        tables: Vec<TableChange>,
    },
    /// All the way back, rows that code never touched are not what they were in the beginning.
    NotAsBegun {
        /// How.
        tables: Vec<TableChange>,
    },
    /// A fill is over, and rows lack what it gives.
    NotFilled {
        /// How many.
        rows: u64,
    },
    /// A statement of the code failed.
    CodeFails {
        /// The version's code step.
        version: StepName,
        /// The name of the statement, where it is one of the application's own.
        own: Option<String>,
        /// When, the first time.
        moment: Moment,
        /// How often.
        times: u64,
        /// The statement.
        sql: String,
        /// What the database says.
        message: String,
    },
    /// Code read what was not written last.
    StaleRead {
        /// The version that read.
        reader: StepName,
        /// The version that had written.
        writer: StepName,
        /// When, the first time.
        moment: Moment,
        /// How often.
        times: u64,
        /// The column that was read.
        column: String,
        /// What was written.
        written: Option<String>,
        /// What was read.
        read: Option<String>,
    },
    /// A row that was written is not there, or one that was removed is.
    RowLost {
        /// The version that read.
        reader: StepName,
        /// When, the first time.
        moment: Moment,
        /// How often.
        times: u64,
    },
    /// There are rows that must not be there for a version that runs.
    MustNotBe {
        /// The version.
        version: StepName,
        /// What was counted: `rows of users without segment`.
        what: String,
        /// How many.
        rows: u64,
    },
    /// Code was kept waiting by the step for longer than is allowed.
    KeptWaiting {
        /// For how long.
        longest: Duration,
        /// How long is allowed.
        allowed: Duration,
    },
    /// The code did not get on at all.
    Stuck {
        /// When.
        moment: Moment,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Values that came back other than they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// How often.
    pub times: u64,
    /// The column that was read.
    pub column: String,
    /// What would have been the same.
    pub written: Option<String>,
    /// What was read.
    pub read: Option<String>,
}

/// What was measured while code worked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// The code's statements before the step: what is usual here.
    pub usual: Latency,
    /// Those while the step went up, back and up again.
    pub during: Latency,
    /// Waiting for locks, where the engine can be asked.
    pub waited: Option<Waited>,
    /// How long the way up took beside the code.
    pub up: Option<Duration>,
    /// How long the way back took beside the code.
    pub down: Option<Duration>,
    /// How long the second way up took beside the code.
    pub again: Option<Duration>,
}

/// Waiting for locks, seen from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waited {
    /// How often it was looked.
    pub looks: u64,
    /// How many of the code's sessions the step kept waiting at one time, at most.
    pub blocked: u64,
    /// The longest that the step was seen to keep one of the code's statements waiting.
    pub longest: Duration,
    /// The longest that the step itself was seen waiting for a lock.
    pub step: Duration,
}

/// How far a rehearsal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The place of the step, from 0, the steps of the walk back after those of the way up.
    pub index: usize,
    /// How many there are.
    pub of: usize,
    /// The step.
    pub step: &'a StepName,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        let passed = |it: &StepReport| it.outcome == Outcome::Passed;
        self.steps.iter().all(passed) && self.back.iter().all(passed)
    }
}
