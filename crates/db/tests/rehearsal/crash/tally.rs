//! The figures of a run.

use std::fmt;

use switchback_db::rehearsal::Fault;

/// What was tried and seen.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    /// Processes that died.
    pub(crate) crashes: u64,
    /// Those among them that came after another one.
    pub(crate) again: u64,
    pub(crate) gone_on: u64,
    pub(crate) given_up: u64,
    /// Statements of the code in all, and those from a crash to the end of what followed it.
    pub(crate) statements: u64,
    pub(crate) around: u64,
    pub(crate) errors: u64,
    pub(crate) stale: u64,
    pub(crate) lost: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.operations += other.operations;
        self.crashes += other.crashes;
        self.again += other.again;
        self.gone_on += other.gone_on;
        self.given_up += other.given_up;
        self.statements += other.statements;
        self.around += other.around;
        self.errors += other.errors;
        self.stale += other.stale;
        self.lost += other.lost;
    }

    /// That a sample was tried. A single operation may have none.
    pub(crate) fn assert_tried(&self) {
        let tried = self.crashes > self.operations && self.around > 100;
        assert!(tried || self.operations < 5, "{self}");
    }

    /// What the code found wrong.
    pub(crate) fn count(&mut self, fault: &Fault) {
        match fault {
            Fault::CodeFails { times, .. } => self.errors += times,
            Fault::StaleRead { times, .. } => self.stale += times,
            Fault::RowLost { times, .. } => self.lost += times,
            _ => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations, {} crashes ({} of them after another one), gone on {} times \
             and given up {} times, {} statements of the code, {} of them from a crash to the end \
             of what followed it, {} errors, {} stale reads, {} lost rows",
            self.operations,
            self.crashes,
            self.again,
            self.gone_on,
            self.given_up,
            self.statements,
            self.around,
            self.errors,
            self.stale,
            self.lost
        )
    }
}
