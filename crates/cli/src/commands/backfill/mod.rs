//! `switchback backfill`: rows that are there already get their values, while applications work.

mod new;
mod plan;

use clap::Subcommand;
use switchback_diag::Exit;

use crate::context::Context;
use crate::errors::Failure;
use crate::shell::Shell;
use new::New;
use plan::Plan;

/// Give rows that are there already their values, while applications work
#[derive(Debug, Subcommand)]
pub(crate) enum Backfill {
    /// Write the file of a new backfill
    New(New),
    /// Show how the rows would be walked in an environment, and why
    Plan(Plan),
}

impl Backfill {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        match self {
            Backfill::New(command) => command.run(&context),
            Backfill::Plan(command) => command.run(&context),
        }
    }
}
