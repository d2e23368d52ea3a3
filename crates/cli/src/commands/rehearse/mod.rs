//! `switchback rehearse`: proving on a private server what a step or a way back does.
//!
//! Deliberately absent: how a history is walked ([`switchback_db::postgres::history`]) and what the
//! folder means ([`switchback_migration::history`]).

mod change;
mod folder;
mod view;

use std::path::PathBuf;

use clap::Args;
use switchback_db::history::{AfterFailure, MigrationSql, Options};
use switchback_db::postgres::history::{Synthetic, rehearse};
use switchback_diag::Exit;
use switchback_scratch::Server;

use crate::errors::{self, Failure};
use crate::progress::Progress;
use crate::shell::Shell;

/// How many rows each table has when a migration is tried, where nothing is said.
const ROWS: u64 = 20;

/// Prove on a private PostgreSQL server what every step and way back does
///
/// With CHANGE: walks the change's steps up, back and up again while code on both sides of each step
/// works, and then all the way back. Schema and rows have to be at each boundary what they were, no
/// statement of the code may fail, and none may read what was not written last. What was found is
/// recorded in the ledger.
///
/// With --history: applies each migration of a folder in order to tables with rows in them, runs its
/// way down, compares schema and rows with what was there before, and applies it again. Names each
/// migration whose way back does not restore the schema or loses data, with the rows, or that cannot
/// be applied again.
///
/// The server is started for this, on a socket that nobody else reaches, and removed. SQL runs as it
/// is, as the server's superuser. Rehearse only what you would run.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// The folder of migrations
    #[arg(long, value_name = "FOLDER", conflicts_with = "id")]
    history: Option<PathBuf>,
    #[command(flatten)]
    change: change::OnChange,
    /// How many rows each table has; 0 for empty tables. 1000 for a change, 20 for a folder, and with
    /// --url-from those of the copy, unless said otherwise
    #[arg(long, value_name = "NUMBER")]
    rows: Option<u64>,
    /// What the rows are made from: the same number gives the same rows
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Stop at the first migration that cannot be applied
    #[arg(long, requires = "history")]
    stop: bool,
    /// The folder with PostgreSQL's initdb and postgres, instead of the newest that is installed
    #[arg(long, value_name = "FOLDER")]
    postgres_bin: Option<PathBuf>,
}

impl Rehearse {
    /// Rehearses, and shows what was found.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        if let Some(id) = self.change.id.clone() {
            let common = change::Common {
                rows: self.rows,
                seed: self.seed,
                postgres_bin: self.postgres_bin,
            };
            return self.change.run(&id, common, shell);
        }
        let rows = self.rows.unwrap_or(ROWS);
        // One of both is required.
        let history = self.history.unwrap_or_default();
        let folder = folder::read(&history)?;
        let migrations: Vec<MigrationSql> = folder
            .folder
            .migrations
            .iter()
            .map(|migration| {
                MigrationSql::read(folder.folder.tool, migration, |file| folder.text(file))
            })
            .collect();
        let mut progress = Progress::new(shell, 2);
        progress.begin("start a private PostgreSQL server");
        let server = Server::start(&switchback_scratch::Options {
            binaries: self.postgres_bin,
            ..switchback_scratch::Options::default()
        })
        .and_then(|server| {
            let url = server.create_database("rehearsal", None)?;
            Ok((server, url))
        });
        let (server, url) = match server {
            Ok(started) => started,
            Err(error) => {
                progress.failed("");
                return Err(errors::no_scratch_server(&error));
            }
        };
        progress.done(&format!("PostgreSQL {}", server.version().major()));
        progress.begin(&format!("rehearse {} migrations", migrations.len()));
        let options = Options {
            rows,
            after_failure: if self.stop {
                AfterFailure::Stop
            } else {
                AfterFailure::GoOn
            },
            ..Options::default()
        };
        let mut fill = Synthetic { seed: self.seed };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let report = rehearse(&url, &migrations, &mut fill, &options, &mut |at| {
            progress.at(count(at.index), count(at.of));
        });
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                progress.failed("");
                return Err(error.into());
            }
        };
        let view = view::Rehearsal::of(&folder, &report, rows);
        progress.done(&view.said());
        shell.out.data(&view);
        Ok(if view.is_clean() {
            Exit::Ok
        } else {
            Exit::Refused
        })
    }
}
