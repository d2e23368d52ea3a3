//! `switchback rehearse CHANGE`: walking a change up and back with code at work.
//!
//! Deliberately absent: how that is done ([`switchback_db::rehearsal`]).

pub(super) mod source;
mod view;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use switchback_db::postgres::rehearsal::{PostgresBench, Rows};
use switchback_db::rehearsal::{
    Options, OwnStatements, Progress as Reached, Report, rehearse_with,
};
use switchback_db::sqlite::rehearsal::SqliteBench;
use switchback_diag::Exit;
use switchback_migration::{Definition, Engine};
use switchback_model::{Event, EventId};

use self::source::{Place, Source};
use self::view::Rehearsed;
use self::workload::Statements;
use crate::book::Book;
use crate::changes;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::progress::Progress;
use crate::shell::Shell;

/// How many rows each table gets where nothing is said.
const ROWS: u64 = 1_000;

/// What only the rehearsal of a change needs.
#[derive(Debug, Args)]
pub(super) struct OnChange {
    /// The change
    #[arg(value_name = "CHANGE", required_unless_present = "history")]
    pub(super) id: Option<String>,
    /// Build the schema from this folder of migrations
    #[arg(long, value_name = "FOLDER", requires = "id", conflicts_with_all = ["from", "url_from"])]
    migrations: Option<PathBuf>,
    /// Begin with this environment's database: on PostgreSQL its schema without rows, copied with
    /// pg_dump; on SQLite a copy of the whole file
    #[arg(
        long,
        value_name = "ENVIRONMENT",
        requires = "id",
        conflicts_with = "url_from"
    )]
    from: Option<String>,
    /// Use the database whose URL this variable holds, with its rows: a copy that may be altered. With
    /// --history: rehearse what is not yet applied there, on copies of it
    #[arg(long, value_name = "VARIABLE")]
    pub(super) url_from: Option<String>,
    /// Play the application's own statements too, from a file of SQL; see the guide
    #[arg(long, value_name = "FILE", requires = "id")]
    workload: Option<PathBuf>,
    /// Play the statements too that use a table of the change and that pg_stat_statements counted in
    /// the database whose URL this variable holds, which is only read
    #[arg(long, value_name = "VARIABLE", requires = "id")]
    workload_from: Option<String>,
    /// How many clients work beside each step; each plays old and new code
    #[arg(long, value_name = "NUMBER", default_value_t = 4, requires = "id",
          value_parser = clap::value_parser!(u8).range(1..=32))]
    clients: u8,
    /// How long a step may keep a statement of the code waiting, in milliseconds
    #[arg(
        long,
        value_name = "MILLISECONDS",
        default_value_t = 1_000,
        requires = "id"
    )]
    longest_wait: u64,
}

impl OnChange {
    /// Rehearses the change, records what was found and shows it.
    pub(super) fn run(
        self,
        id: &str,
        common: super::Common,
        shell: &Shell,
    ) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        let definition = changes::load(&context, id)?;
        let statements = Statements::of(&self, &definition, shell)?;
        let mut book = Book::open(&context)?;
        let rows = match (&self.url_from, common.rows) {
            _ if definition.engine == Engine::Sqlite => Rows::Kept,
            (Some(_), None) => Rows::Kept,
            (_, each) => Rows::MadeUp {
                each: each.unwrap_or(ROWS),
                seed: common.seed,
            },
        };
        let source = match definition.engine {
            Engine::Postgres => Source::choose(&context, &self, common.postgres_bin)?,
            Engine::Sqlite => Source::file(&context, &self)?,
            Engine::Mysql => {
                return Err(errors::not_rehearsed(&definition.id, definition.engine));
            }
        };
        let mut progress = Progress::new(shell, 2);
        progress.begin(&source.title());
        let ready = match source.prepare() {
            Ok(ready) => ready,
            Err(failure) => {
                progress.failed("");
                return Err(failure);
            }
        };
        progress.done(&ready.said);
        let title = format!("rehearse {} steps up and back", definition.steps.len());
        progress.begin(&title);
        let options = Options {
            clients: usize::from(self.clients),
            longest_wait: Duration::from_millis(self.longest_wait),
            ..Options::default()
        };
        let own = OwnStatements {
            all: &statements.all,
            seed: common.seed,
        };
        let report = walk(&ready.place, &definition, rows, &own, &options, &progress);
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                progress.failed("");
                return Err(errors::no_rehearsal(&definition.id, &ready.source, &*error));
            }
        };
        let mut view = Rehearsed::of(&definition, &ready.source, rows, &report);
        if let Some(counted) = &statements.counted {
            view.with_counted(counted, &report);
        }
        progress.done(&view.said());
        record(&mut book, &context, &definition, &view)?;
        shell.out.data(&view);
        match view.first_fault() {
            None => Ok(Exit::Ok),
            Some((step, fault)) => Err(errors::rehearsal_failed(&definition.id, step, fault)),
        }
    }
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

fn walk(
    place: &Place,
    definition: &Definition,
    rows: Rows,
    own: &OwnStatements<'_>,
    options: &Options,
    progress: &Progress<'_>,
) -> Result<Report, Trouble> {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut on = |at: &Reached<'_>| progress.at(count(at.index), count(at.of));
    Ok(match place {
        Place::Url(url) => {
            let (mut bench, workload) = PostgresBench::open(url, definition, rows)?;
            rehearse_with(&mut bench, definition, &workload, own, options, &mut on)?
        }
        Place::File(path) => {
            let (mut bench, workload) = SqliteBench::open(path, definition)?;
            rehearse_with(&mut bench, definition, &workload, own, options, &mut on)?
        }
    })
}

/// Appends what was found to the ledger.
fn record(
    book: &mut Book,
    context: &Context<'_>,
    definition: &Definition,
    view: &Rehearsed,
) -> Result<(), Failure> {
    let now = context.shell.clock.now();
    let digest = definition.digest()?;
    let rehearsal = view.stored();
    let id = EventId::of(&[
        "rehearsed",
        definition.id.as_str(),
        &digest.to_string(),
        &now.to_string(),
    ]);
    let event = Event::Rehearsed {
        change: definition.id.clone(),
        definition: digest,
        rehearsal,
    };
    book.append(id, now, event)
}
