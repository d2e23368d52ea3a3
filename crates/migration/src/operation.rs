//! The operations that a change can be, each as a sequence of steps that ship on their own.
//!
//! What is the same on every engine stands here: which steps there are, what each means to the
//! interlock, how the code stands at each, and the texts. The SQL comes from an engine's planner,
//! such as [`crate::postgres`].
//!
//! Deliberately absent: catalogs and SQL.

pub mod add;
pub mod drop;
pub mod enumeration;
pub(crate) mod merge;
pub mod pair;
pub mod request;
pub mod require;

use switchback_model::plan::Run;
use switchback_model::{
    ChangeId, InvalidName, Kind, Reads, Selectable, Shapes, Stance, StepName, SurfaceOperation,
};

use crate::definition::{Operation, SqlFile, Step, StepFill, StepScript, Work};

/// SQL both ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    /// What does it.
    pub up: String,
    /// What takes it back.
    pub down: String,
    /// How both are run.
    pub run: Run,
}

impl Sql {
    /// In one transaction.
    pub const fn transaction(up: String, down: String) -> Self {
        Self {
            up,
            down,
            run: Run::Transaction,
        }
    }

    /// Statement by statement.
    pub const fn statements(up: String, down: String) -> Self {
        Self {
            up,
            down,
            run: Run::Statements,
        }
    }

    /// By making the table again.
    pub const fn rebuild(up: String, down: String) -> Self {
        Self {
            up,
            down,
            run: Run::Rebuild,
        }
    }
}

/// Steps, and what they are about.
pub(crate) struct Planned {
    pub(crate) title: String,
    pub(crate) operation: Operation,
    pub(crate) kind: Kind,
    pub(crate) old: Vec<String>,
    pub(crate) new: Vec<String>,
    /// Whether code from before may break the rule that the change brings.
    pub(crate) rule: bool,
    pub(crate) steps: Vec<Step>,
}

/// The texts of a step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) prevents: String,
    pub(crate) way_back: String,
    pub(crate) protects: String,
    pub(crate) needs: String,
}

/// Steps, as they are put together.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    steps: Vec<Step>,
}

impl Steps {
    pub(crate) fn code(
        &mut self,
        name: &str,
        stance: impl Into<Selectable>,
        words: Words,
    ) -> Result<(), InvalidName> {
        let stance = stance.into();
        self.add(name, Work::Code { stance }, words)
    }

    pub(crate) fn database(
        &mut self,
        name: &str,
        script: Option<([SurfaceOperation; 2], Sql)>,
        fill: Option<StepFill>,
        words: Words,
    ) -> Result<(), InvalidName> {
        let number = self.steps.len() + 1;
        let file = |way: &str, sql: String| SqlFile {
            name: format!("{number}-{name}.{way}.sql"),
            sql,
        };
        let script = script.map(|([action, undo], sql)| StepScript {
            action,
            undo,
            up: file("up", sql.up),
            down: file("down", sql.down),
            run: sql.run,
        });
        self.add(name, Work::Database { script, fill }, words)
    }

    fn add(&mut self, name: &str, work: Work, words: Words) -> Result<(), InvalidName> {
        let name = StepName::new(name)?;
        self.steps.push(Step {
            name,
            title: words.title,
            work,
            prevents: words.prevents,
            way_back: words.way_back,
            protects: words.protects,
            needs: words.needs,
        });
        Ok(())
    }

    pub(crate) fn done(self) -> Vec<Step> {
        self.steps
    }
}

pub(crate) const fn replicated(reads: Reads, writes: Shapes) -> Stance {
    Stance::Replicated { reads, writes }
}

pub(crate) const fn tagged(accepts: Shapes, emits: Shapes) -> Stance {
    Stance::Tagged { accepts, emits }
}

/// The comment that a file of SQL starts with.
pub(crate) fn header(change: &ChangeId, step: &str, what: &str, run: Run) -> String {
    let how = match run {
        Run::Transaction => "run this in one\n-- transaction with the mark that says that it ran.",
        Run::Statements => {
            "run this\n-- statement by statement, because it waits for others, and then mark that it ran."
        }
        Run::Rebuild => {
            "make the\n-- table again with every row, because SQLite has no such statement, in one transaction with\n\
             -- the mark that says that it ran."
        }
    };
    format!(
        "-- {}\n--\n-- Step {step} of the change {change}. `switchback change apply` and `undo` {how}\n\
         -- Run by hand it leaves no mark, and then Switchback goes no further.\n\n",
        comment(what),
    )
}

/// Text for a comment of one line: a name with a line break in it must not end the comment.
pub(crate) fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
