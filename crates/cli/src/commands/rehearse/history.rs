//! `switchback rehearse --history`: walking the migrations of a folder up, down and up again.

mod copy;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use switchback_db::history::{AfterFailure, MigrationSql, Options, Progress as Reached, Report};
use switchback_db::postgres::history::{Synthetic, rehearse as on_postgres};
use switchback_db::sqlite::history::{Settings, rehearse as on_sqlite};
use switchback_diag::Exit;
use switchback_migration::Engine;
use switchback_scratch::Server;
use tempfile::TempDir;

use self::copy::Copy;
use super::{Common, folder, view};
use crate::errors::{self, Failure};
use crate::progress::Progress;
use crate::settings::types::EngineName;
use crate::shell::Shell;

/// How many rows each table has when a migration is tried, where nothing is said.
const ROWS: u64 = 20;

/// What only the rehearsal of a history needs.
#[derive(Debug, Args)]
pub(super) struct OnHistory {
    /// The folder of migrations
    #[arg(long, value_name = "FOLDER", conflicts_with = "id")]
    history: Option<PathBuf>,
    /// The engine that the folder is written for, instead of the one that it shows
    #[arg(long, value_enum, value_name = "ENGINE", requires = "history")]
    engine: Option<EngineName>,
    /// On SQLite: whether connections enforce foreign keys before a migration says otherwise, instead
    /// of what the tool does
    #[arg(long, value_enum, value_name = "WHETHER", requires = "history")]
    foreign_keys: Option<Whether>,
    /// Stop at the first migration that cannot be applied
    #[arg(long, requires = "history")]
    stop: bool,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whether {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl OnHistory {
    /// Rehearses the folder, and shows what was found.
    pub(super) fn run(self, common: Common, shell: &Shell) -> Result<Exit, Failure> {
        // It or a change is required.
        let path = self.history.clone().unwrap_or_default();
        let folder = folder::read(&path, self.engine.map(Engine::from), shell)?;
        if self.foreign_keys.is_some() && folder.engine != Engine::Sqlite {
            return Err(errors::only_on("--foreign-keys", Engine::Sqlite));
        }
        let copy = match &common.url_from {
            Some(variable) => Some(Copy::find(&folder, variable, shell)?),
            None => None,
        };
        // A copy has rows of its own.
        let rows = common.rows.unwrap_or(if copy.is_some() { 0 } else { ROWS });
        let options = Options {
            rows,
            after_failure: if self.stop {
                AfterFailure::Stop
            } else {
                AfterFailure::GoOn
            },
            allow_objects: copy.is_some(),
            ..Options::default()
        };
        let (report, mut progress) = match (&copy, folder.engine) {
            (Some(copy), _) => copy.rehearse(&folder, common.seed, &options, shell)?,
            (None, Engine::Sqlite) => {
                let settings = Settings {
                    seed: common.seed,
                    foreign_keys: self.foreign_keys.map_or_else(
                        || folder.folder.tool.enforces_foreign_keys(),
                        |it| it == Whether::On,
                    ),
                };
                in_a_file(&folder.migrations(), &settings, &options, shell)?
            }
            (None, Engine::Postgres | Engine::Mysql) => {
                on_a_server(&folder.migrations(), common, &options, shell)?
            }
        };
        let mut view = view::Rehearsal::of(&folder, &report, rows);
        if let Some(copy) = copy {
            view = view.on(copy.said());
        }
        progress.done(&view.said());
        shell.out.data(&view);
        Ok(view.exit())
    }
}

/// On a PostgreSQL server that is started for it.
fn on_a_server<'s>(
    migrations: &[MigrationSql],
    common: Common,
    options: &Options,
    shell: &'s Shell,
) -> Result<(Report, Progress<'s>), Failure> {
    let mut progress = Progress::new(shell, 2);
    progress.begin("start a private PostgreSQL server");
    let server = Server::start(&switchback_scratch::Options {
        binaries: common.postgres_bin,
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
    progress.begin(&title(migrations));
    let mut fill = Synthetic { seed: common.seed };
    let report = on_postgres(&url, migrations, &mut fill, options, &mut |at| {
        tell(&progress, at);
    });
    Ok((ended(report, &mut progress)?, progress))
}

/// In a SQLite file in a temporary folder.
fn in_a_file<'s>(
    migrations: &[MigrationSql],
    settings: &Settings,
    options: &Options,
    shell: &'s Shell,
) -> Result<(Report, Progress<'s>), Failure> {
    let folder = TempDir::with_prefix("switchback-rehearsal-");
    let folder = folder.map_err(|error| errors::no_scratch_file(&error))?;
    let mut progress = Progress::new(shell, 1);
    progress.begin(&title(migrations));
    let report = on_sqlite(folder.path(), migrations, settings, options, &mut |at| {
        tell(&progress, at);
    });
    Ok((ended(report, &mut progress)?, progress))
}

fn title(migrations: &[MigrationSql]) -> String {
    format!("rehearse {} migrations", migrations.len())
}

fn tell(progress: &Progress<'_>, at: &Reached<'_>) {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    progress.at(count(at.index), count(at.of));
}

fn ended<E: Into<Failure>>(
    report: Result<Report, E>,
    progress: &mut Progress<'_>,
) -> Result<Report, Failure> {
    report.map_err(|error| {
        progress.failed("");
        error.into()
    })
}
