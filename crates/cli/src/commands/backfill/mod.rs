//! `switchback backfill`: rows that are there already get their values, while applications work.

mod asked;
mod expire;
mod limits;
mod new;
mod plan;
mod programs;
mod ranges;
mod report;
mod rerun;
mod run;
mod show;
mod status;
mod target;
mod tell;

use clap::Subcommand;
use switchback_diag::Exit;
use switchback_migration::backfill::JobStatus;

use crate::context::Context;
use crate::errors::Failure;
use crate::shell::Shell;
use expire::Expire;
use new::New;
use plan::Plan;
use report::{Report, Verify};
use rerun::Rerun;
use run::{Resume, Run};
use status::Status;
use tell::{Undo, Which};

/// Give rows that are there already their values, while applications work
#[derive(Debug, Subcommand)]
pub(crate) enum Backfill {
    /// Write the file of a new backfill
    New(New),
    /// Show how the rows would be walked in an environment, and why
    Plan(Plan),
    /// Give rows their values, or go on with it
    Run(Box<Run>),
    /// Do some rows again, with the file as it is now
    Rerun(Box<Rerun>),
    /// Show where backfills stand
    Status(Status),
    /// Stop every worker, on every machine, after the batch that is under way
    Pause(Which),
    /// Go on with a backfill that is paused or failed
    Resume(Box<Resume>),
    /// Call a backfill off; what was changed stays until it is undone
    Cancel(Which),
    /// Look at all rows: whether each has what it should, and what became of those that were changed
    Verify(Verify),
    /// Put back what was changed, where nobody has changed it since
    Undo(Box<Undo>),
    /// Drop what is kept to undo backfills that are over for long enough
    Expire(Expire),
    /// Look at all rows, and write what was done and found into a file whose digest is recorded
    Report(Report),
}

impl Backfill {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        match self {
            Backfill::New(command) => command.run(&context),
            Backfill::Plan(command) => command.run(&context),
            Backfill::Run(command) => command.run(&context),
            Backfill::Rerun(command) => command.run(&context),
            Backfill::Status(command) => command.run(&context),
            Backfill::Pause(which) => which.tell(&context, JobStatus::Paused),
            Backfill::Resume(command) => command.run(&context),
            Backfill::Cancel(which) => which.tell(&context, JobStatus::Cancelled),
            Backfill::Verify(command) => command.run(&context),
            Backfill::Undo(command) => command.run(&context),
            Backfill::Expire(command) => command.run(&context),
            Backfill::Report(command) => command.run(&context),
        }
    }
}
