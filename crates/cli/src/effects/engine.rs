//! The database of an environment, whichever engine it is of. What an engine cannot do is said
//! here; what is the same on every engine does not ask which one it is.

mod postgres;
mod trial;

pub(crate) use trial::Refusal;

use postgres::OnServer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use switchback_db::fill::{FillEnd, Next, Progress as Reached, Waits};
use switchback_db::sqlite::backfill::{self as in_file, BackfillError};
use switchback_db::sqlite::{DbError, Options, Ran, SqliteDatabase};
use switchback_migration::backfill::{Job, TableFacts};
use switchback_migration::drive::Probed;
use switchback_migration::operation::request::Request;
use switchback_migration::sqlite::rename::Mode;
use switchback_migration::{Definition, Engine};
use switchback_model::plan::{Fill, Scope};
use switchback_model::{ChangeId, Digest, Effect, EventId, Timestamp};

use super::estimate::{Known, Rows};
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::faults;
use crate::interrupt;
use crate::progress::Progress;
use crate::settings::types::{Database, Environment};

/// The database of an environment.
pub(crate) enum EnvironmentDatabase {
    /// A SQLite file.
    Sqlite {
        /// What runs changes on it.
        database: Box<SqliteDatabase>,
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL database.
    Postgres(Box<OnServer>),
}

/// The engine of an environment's database, if it has one.
pub(crate) fn engine(environment: &Environment) -> Option<Engine> {
    environment.database.as_ref().map(|it| match it {
        Database::Sqlite { .. } => Engine::Sqlite,
        Database::Postgres { .. } => Engine::Postgres,
    })
}

/// Fails with SB0407 if a change is for another engine than that of an environment's database.
pub(crate) fn check_engine(
    environment: &Environment,
    definition: &Definition,
) -> Result<(), Failure> {
    match engine(environment) {
        Some(engine) if engine != definition.engine => Err(errors::wrong_engine(
            &definition.id,
            definition.engine,
            &environment.name,
            engine,
        )),
        _ => Ok(()),
    }
}

/// The most rows that are counted for an estimate.
const MOST_COUNTED: u64 = 1_000_000;

impl EnvironmentDatabase {
    /// Opens the database of an environment.
    pub(crate) fn open(context: &Context<'_>, environment: &Environment) -> Result<Self, Failure> {
        match &environment.database {
            Some(Database::Sqlite { path }) => {
                let path = context.path(path);
                Ok(Self::Sqlite {
                    database: Box::new(SqliteDatabase::open(&path, Options::default())?),
                    path,
                })
            }
            Some(Database::Postgres { .. }) => {
                let server = OnServer::open(context, environment)?;
                Ok(Self::Postgres(Box::new(server)))
            }
            None => Err(errors::not_set(&environment.name, "database")),
        }
    }

    /// Plans a change from what the database says about its table, and tries what can be tried
    /// without touching anything.
    pub(crate) fn plan(
        &self,
        environment: &Environment,
        change: &ChangeId,
        request: &Request,
        mode: Mode,
    ) -> Result<Definition, Failure> {
        let name = &environment.name;
        match self {
            Self::Sqlite { database, path } => {
                if matches!(
                    request,
                    Request::AddIndex {
                        method: Some(_),
                        ..
                    }
                ) {
                    return Err(errors::only_on("--method", Engine::Postgres));
                }
                let planned = database.plan(change, request, mode)?;
                let definition = planned.map_err(|error| errors::not_on_sqlite(name, &error))?;
                trial::sqlite(path, request, &definition)
                    .map_err(|refusal| errors::not_tried(name, &refusal))?;
                Ok(definition)
            }
            Self::Postgres(server) => server.plan(change, request, mode),
        }
    }

    /// What is known about the table of a backfill.
    pub(crate) fn backfill_facts(
        &self,
        environment: &Environment,
        job: &Job,
    ) -> Result<TableFacts, Failure> {
        match self {
            Self::Sqlite { path, .. } => in_file::facts(path, job).map_err(|error| {
                let name = &environment.name;
                match &error {
                    BackfillError::Db(error) => errors::not_fillable_in_file(&job.id, name, error),
                    BackfillError::Query { fault, .. } => {
                        errors::query_unfit(Some(&job.id), name, fault)
                    }
                    BackfillError::Definition { what } => {
                        errors::not_on_this_table(&job.id, name, what)
                    }
                    _ => errors::backfill_in_file(name, &error),
                }
            }),
            Self::Postgres(server) => server.backfill_facts(job),
        }
    }

    /// What is known about the tables of a change, to say what its steps will do.
    pub(crate) fn known(&self, definition: &Definition) -> Result<Known, Failure> {
        let tables = std::iter::once(&definition.surface.table).chain(&definition.surface.also);
        match self {
            Self::Sqlite { path, .. } => {
                let mut rows = BTreeMap::new();
                for table in tables {
                    if let Some(count) = trial::count(path, table, MOST_COUNTED) {
                        let count = if count > MOST_COUNTED {
                            Rows::MoreThan(MOST_COUNTED)
                        } else {
                            Rows::Exactly(count)
                        };
                        rows.insert(table.to_ascii_lowercase(), count);
                    }
                }
                Ok(Known::Sqlite(rows))
            }
            Self::Postgres(server) => server.known(),
        }
    }
}

impl EnvironmentDatabase {
    /// Fails unless the database is where the ledger takes it to be in this change: marks of known
    /// steps in their order, and the table there before the first of them.
    pub(crate) fn check_is_for(&self, definition: &Definition) -> Result<(), Failure> {
        match self {
            Self::Sqlite { database, .. } => {
                let marks = database.check_marks(definition)?;
                // A step may have taken the table away; before the first one it must be there.
                if marks.is_empty() {
                    database.catalog(&definition.surface.table)?;
                }
                Ok(())
            }
            Self::Postgres(server) => server.check_is_for(definition),
        }
    }

    /// Fails if no step could leave its mark there. Better before the intent than after it.
    pub(crate) fn check_writable(&self) -> Result<(), Failure> {
        match self {
            // A file that can only be read says so with the first write, and nothing is begun.
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(server) => server.check_writable(),
        }
    }

    /// Whether a fill was begun and not taken back.
    pub(crate) fn has_begun(&self, fill: &Fill) -> Result<bool, Failure> {
        match self {
            Self::Sqlite { database, .. } => Ok(database.fill_status(fill)?.is_some()),
            Self::Postgres(server) => server.has_begun(fill),
        }
    }

    /// The digest of the part of the schema that belongs to a change.
    pub(crate) fn fingerprint(&self, scope: &Scope) -> Result<Digest, Failure> {
        match self {
            Self::Sqlite { database, .. } => Ok(database.fingerprint(scope)?),
            Self::Postgres(server) => server.fingerprint(scope),
        }
    }

    /// Whether an effect was done.
    pub(crate) fn probe(&self, effect: &Effect) -> Result<Probed, Failure> {
        match self {
            Self::Sqlite { database, .. } => Ok(database.probe(effect)?),
            Self::Postgres(server) => server.probe(effect),
        }
    }

    /// Gives an intent up unless its effect is done, and says what is there.
    pub(crate) fn revoke(
        &self,
        intent: &EventId,
        effect: &Effect,
        even_in_part: bool,
    ) -> Result<Probed, Failure> {
        match self {
            Self::Sqlite { database, .. } => {
                Ok(database.revoke(intent.as_str(), effect, even_in_part)?)
            }
            Self::Postgres(server) => server.revoke(intent, effect, even_in_part),
        }
    }

    /// Runs a script or a fill for an intent, and says what was measured in one line; `None` if it
    /// was asked to pause.
    pub(crate) fn perform(
        self,
        effect: &Effect,
        doing: &Doing<'_>,
    ) -> Result<Option<String>, Failure> {
        match self {
            Self::Sqlite { mut database, .. } => {
                database.carry_out(doing.intent.as_str());
                on_sqlite(&mut database, effect, doing)
            }
            Self::Postgres(server) => server.perform(effect, doing),
        }
    }
}

/// What an effect is carried out for, and who is told.
pub(crate) struct Doing<'a> {
    /// The plan.
    pub(crate) plan: &'a Digest,
    /// The intent.
    pub(crate) intent: &'a EventId,
    /// The moment.
    pub(crate) now: Timestamp,
    /// Who is told how far it is.
    pub(crate) progress: &'a Progress<'a>,
}

impl Doing<'_> {
    /// Tells how far a fill is, and stops it when somebody asked to.
    fn on_batch(&self) -> impl FnMut(&Reached) -> Next {
        let mut batches = 0;
        move |at| {
            batches += 1;
            faults::reach(batches, "batch");
            if let Some(total) = at.total {
                self.progress.at(at.sweep_rows.min(total), total);
            }
            if interrupt::is_asked() {
                Next::Stop
            } else {
                Next::Continue
            }
        }
    }
}

fn on_sqlite(
    database: &mut SqliteDatabase,
    effect: &Effect,
    doing: &Doing<'_>,
) -> Result<Option<String>, Failure> {
    let mut on_batch = doing.on_batch();
    let ended = match effect {
        Effect::Script(script) => {
            let begun = Instant::now();
            let ran = database.run_script(script, &doing.plan.to_string(), doing.now)?;
            return Ok(Some(match ran {
                Ran::Done => format!("{} ms", begun.elapsed().as_millis()),
                Ran::Already => ALREADY.to_owned(),
            }));
        }
        Effect::Fill(fill) => database.fill(fill, &mut on_batch)?,
        Effect::Unfill(fill) => database.unfill(fill, &mut on_batch)?,
        Effect::MoveValue(_) => return Err(DbError::OtherEffect.into()),
    };
    Ok(filled(ended))
}

const ALREADY: &str = "it had run before";

/// What a fill, or taking one back, came to, in one line; none where it was stopped.
fn filled(ended: FillEnd) -> Option<String> {
    match ended {
        FillEnd::Done(at) => Some(format!(
            "{} rows changed of {} looked at, {} batches{}{}",
            at.rows_changed,
            at.rows_scanned,
            at.batches,
            left(at.rows_left),
            more(at.waits)
        )),
        FillEnd::Already => Some(ALREADY.to_owned()),
        FillEnd::Stopped(_) => None,
    }
}

fn more(waits: Waits) -> String {
    match waits.to_string() {
        nothing if nothing.is_empty() => nothing,
        waits => format!(", {waits}"),
    }
}

/// What follows what was measured, where taking a fill back left rows alone.
fn left(rows: u64) -> String {
    match rows {
        0 => String::new(),
        rows => format!(", {rows} left as they are because somebody changed them since"),
    }
}
