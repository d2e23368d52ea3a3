//! `switchback contract`: what changed in what others rely on.

mod diff;
mod rules;
mod view;

use clap::Subcommand;
use switchback_diag::Exit;

use crate::errors::Failure;
use crate::shell::Shell;

/// Say what changed in what others rely on
#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    /// Compare two states of contracts, and say what clients see
    Diff(diff::Diff),
    /// List the rules, with how much each raises the version
    Rules(rules::Rules),
}

impl ContractCommand {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        match self {
            ContractCommand::Diff(diff) => diff.run(shell),
            ContractCommand::Rules(rules) => Ok(rules.run(shell)),
        }
    }
}
