//! `switchback rehearse`: proving on a scratch database what a step or a way back does.
//!
//! Deliberately absent: how a history is walked ([`switchback_db::history`]) and what the folder
//! means ([`switchback_migration::history`]).

mod change;
mod folder;
mod history;
mod view;

use std::path::PathBuf;

use clap::Args;
use switchback_diag::Exit;

use crate::errors::Failure;
use crate::shell::Shell;

/// Prove on a scratch database what every step and way back does
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
/// With --history and --url-from: only what is not yet applied to a copy of a database, in copies of
/// it. What is applied is what the tool has written down there; what was edited since, applied in part
/// or is not in the folder any more is named.
///
/// On PostgreSQL a server is started for this, on a socket that nobody else reaches, and removed. SQL
/// runs there as it is, as the server's superuser. On SQLite a file is made in a temporary folder.
/// Rehearse only what you would run.
#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    #[command(flatten)]
    history: history::OnHistory,
    #[command(flatten)]
    change: change::OnChange,
    /// How many rows each table has; 0 for empty tables. 1000 for a change, 20 for a folder, and with
    /// --url-from those of the copy, unless said otherwise
    #[arg(long, value_name = "NUMBER")]
    rows: Option<u64>,
    /// What the rows are made from: the same number gives the same rows
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The folder with PostgreSQL's initdb and postgres, instead of the newest that is installed
    #[arg(long, value_name = "FOLDER")]
    postgres_bin: Option<PathBuf>,
}

/// What both kinds of rehearsal take.
struct Common {
    rows: Option<u64>,
    seed: u64,
    postgres_bin: Option<PathBuf>,
    /// The variable with the URL of a copy.
    url_from: Option<String>,
}

impl Rehearse {
    /// Rehearses, and shows what was found.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let common = Common {
            rows: self.rows,
            seed: self.seed,
            postgres_bin: self.postgres_bin,
            url_from: self.change.url_from.clone(),
        };
        match self.change.id.clone() {
            Some(id) => self.change.run(&id, common, shell),
            None => self.history.run(common, shell),
        }
    }
}
