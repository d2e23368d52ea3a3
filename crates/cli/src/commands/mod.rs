//! The commands: one file for each noun.

use clap::Subcommand;
use switchback_diag::Exit;

use crate::errors::Failure;
use crate::shell::Shell;

pub(crate) mod backfill;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod contract;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod rehearse;
pub(crate) mod release;
pub(crate) mod rollout;
pub(crate) mod status;
pub(crate) mod util;
pub(crate) mod version;

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a switchback.toml from what this folder shows
    Init(init::Init),
    /// Look at the settings
    #[command(subcommand)]
    Config(config::Config),
    /// Show what runs where, what can be returned to, and what may be done next
    Status(status::Status),
    /// Find what would go wrong in migrations, and when they would run
    Check(check::Check),
    /// Prove on a private PostgreSQL server what every step and way back does
    Rehearse(rehearse::Rehearse),
    /// Change what old and new code share, in steps that can each be walked back
    #[command(subcommand)]
    Change(change::Change),
    /// Give rows that are there already their values, while applications work
    #[command(subcommand)]
    Backfill(backfill::Backfill),
    /// Say what the next version has to be, and why
    Version(version::VersionCommand),
    /// Say what changed in what others rely on
    #[command(subcommand)]
    Contract(contract::ContractCommand),
    /// Record versions and where their code stands
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    /// Move a version into an environment
    Promote(rollout::Promote),
    /// End a rollout that is under way
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// Go back to an earlier version
    Rollback(rollout::Rollback),
    /// Read, prove and verify the log of every decision and effect
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Walk one change up and back in a scratch folder
    Demo(demo::Demo),
    /// One instance of the demo's application
    #[command(hide = true)]
    DemoApp(demo::DemoApp),
    /// Explain a code such as SB0103, or an idea such as expand-contract
    Explain(explain::Explain),
    /// Completions, manual pages and schemas
    #[command(subcommand)]
    Util(util::Util),
}

impl Command {
    /// Whether it finds something in files, which code scanning can show there.
    pub(crate) const fn has_findings(&self) -> bool {
        matches!(
            self,
            Command::Check(_) | Command::Contract(contract::ContractCommand::Diff(_))
        )
    }

    /// Runs the command. What it has to show has been shown when it returns.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        match self {
            Command::Init(command) => command.run(shell),
            Command::Config(command) => command.run(shell),
            Command::Status(command) => command.run(shell),
            Command::Check(command) => command.run(shell),
            Command::Rehearse(command) => command.run(shell),
            Command::Change(command) => command.run(shell),
            Command::Backfill(command) => command.run(shell),
            Command::Version(command) => command.run(shell),
            Command::Contract(command) => command.run(shell),
            Command::Release(command) => command.run(shell),
            Command::Promote(command) => command.run(shell),
            Command::Rollout(command) => command.run(shell),
            Command::Rollback(command) => command.run(shell),
            Command::Ledger(command) => command.run(shell),
            Command::Demo(command) => command.run(shell),
            Command::DemoApp(command) => command.run(),
            Command::Explain(command) => command.run(shell),
            Command::Util(command) => command.run(shell),
        }
    }
}
