//! `switchback check`: what would go wrong in migrations, and when they would run.
//!
//! Folders are found and read ([`folders`]), judged one by one, and everything that was found goes
//! through the same filters: what is allowed where it stands, what was not asked for ([`choice`]),
//! what did not change ([`since`]), what is known from a baseline. Then it is shown ([`report`]).
//!
//! Deliberately absent: rules. They live in `switchback_migration`.

mod choice;
mod commits;
mod diff;
mod edited;
mod fix;
mod folders;
mod formats;
mod human;
mod list;
mod locate;
mod report;
mod run;
mod since;
mod startup;
mod targets;
mod view;

use std::path::PathBuf;

use clap::Args;
use switchback_diag::{Code, Exit};

use crate::errors::{self, Failure};
use crate::settings::types::{EngineName, FailOn, Level};
use crate::shell::Shell;

/// Find what would go wrong in migrations, and when they would run
///
/// Finds folders of migrations by themselves, as sqlx, Diesel, Flyway, golang-migrate, goose, dbmate,
/// Prisma and others keep them, and judges each by what the ones before it made: locks, rewritten
/// tables, what old code would no longer find, ways back that do not lead back.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Folders and files to check; without any, the folder of switchback.toml or this one
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write the report to a file, and a summary to stderr
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Change files where what is right is certain
    #[arg(long)]
    fix: bool,
    /// With --fix: show what would change and write nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Findings that are known and do not count; .switchback/check-baseline.json if it is there
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write what is found now as the baseline
    #[arg(long)]
    write_baseline: bool,
    /// The engine that migrations are written for, instead of the one that folders show
    #[arg(long, value_enum, value_name = "ENGINE")]
    engine: Option<EngineName>,
    /// The oldest major version of PostgreSQL that migrations run on [default: 14]
    #[arg(long, value_name = "NUMBER", value_parser = choice::version)]
    postgres_version: Option<u32>,
    /// How much a rule matters: its code or name, `=`, and off, note, warning or error
    #[arg(long = "level", value_name = "CODE=LEVEL", value_parser = choice::level)]
    levels: Vec<(Code, Level)>,
    /// Report nothing but this rule; may be repeated
    #[arg(long, value_name = "CODE", value_parser = choice::rule)]
    only: Vec<Code>,
    /// Judge only migrations that were added or changed since a git revision, and its commits
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// Look for commits that remove something and change code: A..B, or all since a revision
    #[arg(long, value_name = "RANGE")]
    commits: Option<String>,
    /// Judge the text on stdin as the content of this migration, as editors do
    #[arg(long, value_name = "FILE")]
    stdin_name: Option<PathBuf>,
    /// List the rules
    #[arg(long)]
    list_rules: bool,
    /// From which level on findings make the run fail [default: error]
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<FailOn>,
}

impl Check {
    /// Checks, and shows what was found.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        self.refuse_contradictions()?;
        run::run(&self, shell)
    }

    fn refuse_contradictions(&self) -> Result<(), Failure> {
        let stdin = self.stdin_name.is_some();
        for (given, flag, why) in [
            (!self.paths.is_empty(), "paths", "one migration is judged"),
            (self.fix, "--fix", "there is no file to change"),
            (
                self.write_baseline,
                "--write-baseline",
                "one migration is judged",
            ),
            (self.since.is_some(), "--since", "one migration is judged"),
            (
                self.commits.is_some(),
                "--commits",
                "one migration is judged",
            ),
        ] {
            if stdin && given {
                return Err(errors::not_together("--stdin-name", flag, why));
            }
        }
        if self.fix && self.write_baseline {
            let why = "first fix, then write down what is left";
            return Err(errors::not_together("--fix", "--write-baseline", why));
        }
        Ok(())
    }
}
