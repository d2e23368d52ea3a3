//! `switchback rehearse`: proving on a private server what a way back does.
//!
//! Deliberately absent: how a history is walked ([`switchback_db::postgres::history`]) and what the
//! folder means ([`switchback_migration::history`]).

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

/// Prove on a private PostgreSQL server what every way back does
///
/// Applies each migration of a folder in order to tables with rows in them, runs its way down,
/// compares schema and rows with what was there before, and applies it again. Names each migration
/// whose way back does not restore the schema or loses data, with the rows, or that cannot be applied
/// again. The server is started for this, on a socket that nobody else reaches, and removed.
///
/// Migrations run as they are, as the server's superuser. Rehearse only folders that you would run.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// The folder of migrations
    #[arg(long, value_name = "FOLDER")]
    history: PathBuf,
    /// How many rows each table has when a migration is tried; 0 for empty tables
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    rows: u64,
    /// What the rows are made from: the same number gives the same rows
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Stop at the first migration that cannot be applied
    #[arg(long)]
    stop: bool,
    /// The folder with PostgreSQL's initdb and postgres, instead of the newest that is installed
    #[arg(long, value_name = "FOLDER")]
    postgres_bin: Option<PathBuf>,
}

impl Rehearse {
    /// Rehearses, and shows what was found.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let folder = folder::read(&self.history)?;
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
            rows: self.rows,
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
        let view = view::Rehearsal::of(&folder, &report, self.rows);
        progress.done(&view.said());
        shell.out.data(&view);
        Ok(if view.is_clean() {
            Exit::Ok
        } else {
            Exit::Refused
        })
    }
}
