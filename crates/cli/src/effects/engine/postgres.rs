//! A PostgreSQL database of an environment: planning changes from what it says, and carrying their
//! steps out.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::Duration;

use rand_core::{OsRng, RngCore as _};
use switchback_db::postgres::change::{ChangeError, Observer, Options, Ran, Waiting};
use switchback_db::postgres::{PostgresDatabase, Session, schema};
use switchback_db::with_sources;
use switchback_migration::backfill::throttle::Limits;
use switchback_migration::backfill::{Job, TableFacts};
use switchback_migration::drive::Probed;
use switchback_migration::operation::request::Request;
use switchback_migration::schema::Schema;
use switchback_migration::sqlite::rename::Mode;
use switchback_migration::{Definition, Engine, postgres};
use switchback_model::plan::{Fill, Scope};
use switchback_model::{ChangeId, Digest, Effect, EnvironmentName, EventId};

use super::{ALREADY, Doing, filled, more, trial};
use crate::context::Context;
use crate::effects::estimate::{Known, postgres::named};
use crate::errors::{self, Failure};
use crate::interrupt;
use crate::progress::Progress;
use crate::settings::types::{Database, Environment};

/// The database of an environment, on a server.
pub(crate) struct OnServer {
    environment: EnvironmentName,
    url: String,
    database: RefCell<PostgresDatabase>,
}

impl OnServer {
    /// Connects to the database whose URL the environment's variable holds.
    pub(super) fn open(context: &Context<'_>, environment: &Environment) -> Result<Self, Failure> {
        let url = context.database_url(environment)?;
        let variable = environment.database_variable();
        let database = PostgresDatabase::connect(url, options(environment), OsRng.next_u64())
            .map_err(|error| errors::not_connected(&environment.name, &variable, &error))?;
        Ok(Self {
            environment: environment.name.clone(),
            url: url.to_owned(),
            database: RefCell::new(database),
        })
    }

    /// A connection of its own to the same database.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        Ok(Session::connect(&self.url)?)
    }

    /// Plans a change, and has the server prepare what somebody typed.
    pub(super) fn plan(
        &self,
        change: &ChangeId,
        request: &Request,
        mode: Mode,
    ) -> Result<Definition, Failure> {
        if mode == Mode::Application {
            return Err(errors::only_on("--sync application", Engine::Sqlite));
        }
        let mut session = self.session()?;
        let known = schema::read(session.client())?;
        let definition = postgres::plan(&known, change, request)
            .map_err(|error| errors::not_on_postgres(&self.environment, &error))?;
        trial::postgres(&mut session, request, &definition.surface.table)
            .map_err(|refusal| errors::not_tried(&self.environment, &refusal))?;
        Ok(definition)
    }

    /// What the server says about the table of a backfill.
    pub(super) fn backfill_facts(&self, job: &Job) -> Result<TableFacts, Failure> {
        let facts = self.database.borrow_mut().backfill_facts(job);
        facts.map_err(|error| errors::not_fillable(&job.id, &self.environment, error))
    }

    /// What the server says about its tables.
    pub(super) fn known(&self) -> Result<Known, Failure> {
        let schema = Box::new(self.schema()?);
        let major = self.database.borrow().version() / 10_000;
        Ok(Known::Postgres { schema, major })
    }

    fn schema(&self) -> Result<Schema, Failure> {
        Ok(schema::read(self.session()?.client())?)
    }

    /// Fails unless the marks are those of a change's steps, in their order, and its table is there
    /// before the first of them.
    pub(super) fn check_is_for(&self, definition: &Definition) -> Result<(), Failure> {
        let mut database = self.database.borrow_mut();
        let marks = database.check_marks(definition)?;
        let table = &definition.surface.table;
        if marks.is_empty() && !database.has_table(table)? {
            return Err(errors::no_table(&self.environment, table));
        }
        Ok(())
    }

    /// Fails if no step could leave its mark there.
    pub(super) fn check_writable(&self) -> Result<(), Failure> {
        Ok(self.database.borrow_mut().check_writable()?)
    }

    /// The digest of a change's part of the schema, and of what the server says about its tables: a
    /// plan says what its statements do to them, which depends on all of that.
    pub(super) fn fingerprint(&self, scope: &Scope) -> Result<Digest, Failure> {
        let schema = self.schema()?;
        let mut text = self.database.borrow_mut().fingerprint(scope)?.to_string();
        for table in std::iter::once(&scope.table).chain(&scope.also) {
            let full = named(table).map(|name| schema.resolve(&name));
            let Some((full, it)) = full.and_then(|full| schema.relations.get_key_value(&full))
            else {
                continue;
            };
            // Writing to a string cannot fail.
            let _ = write!(text, "{full} {:?} {:?}", it.columns, it.constraints);
            let _ = write!(text, "{:?}", it.triggers);
            for (name, index) in schema.indexes_of(full) {
                let _ = write!(text, "{name} {index:?}");
            }
        }
        Ok(Digest::of(text.as_bytes()))
    }

    /// Whether a fill was begun and not taken back.
    pub(super) fn has_begun(&self, fill: &Fill) -> Result<bool, Failure> {
        Ok(self.database.borrow_mut().fill_status(fill)?.is_some())
    }

    /// Whether an effect was done.
    pub(super) fn probe(&self, effect: &Effect) -> Result<Probed, Failure> {
        Ok(self.database.borrow_mut().probe(effect)?)
    }

    /// Gives an intent up unless its effect is done, and says what is there.
    pub(super) fn revoke(
        &self,
        intent: &EventId,
        effect: &Effect,
        even_in_part: bool,
    ) -> Result<Probed, Failure> {
        let mut database = self.database.borrow_mut();
        // Whoever stops a run wants to know what is left of it, so nothing stops this.
        Ok(database.revoke(intent.as_str(), effect, even_in_part, &mut ())?)
    }

    /// Carries an effect out; see [`super::EnvironmentDatabase::perform`].
    pub(super) fn perform(
        self,
        effect: &Effect,
        doing: &Doing<'_>,
    ) -> Result<Option<String>, Failure> {
        let mut database = self.database.into_inner();
        database.carry_out(doing.intent.as_str());
        database.politely(Limits::default());
        let mut live = Live {
            progress: doing.progress,
            untidied: String::new(),
        };
        let mut on_batch = doing.on_batch();
        let ended = match effect {
            Effect::Script(script) => {
                let plan = doing.plan.to_string();
                let ran = database.run_script(script, &plan, doing.now, &mut live)?;
                return Ok(Some(told(&ran) + &live.untidied));
            }
            Effect::Fill(fill) => database.fill(fill, &mut live, &mut on_batch)?,
            Effect::Unfill(fill) => database.unfill(fill, &mut live, &mut on_batch)?,
            Effect::MoveValue(_) => return Err(ChangeError::OtherEffect.into()),
        };
        Ok(filled(ended).map(|line| line + &live.untidied))
    }
}

/// What a script cost, in one line.
fn told(ran: &Ran) -> String {
    if ran.already {
        return ALREADY.to_owned();
    }
    let mut line = format!("{} ms{}", ran.took.as_millis(), more(ran.waits));
    if !ran.leftovers.is_empty() {
        let _ = write!(line, ", invalid indexes: {}", ran.leftovers.join(", "));
    }
    line
}

/// The limits that the settings have, and else those of the engine.
fn options(environment: &Environment) -> Options {
    let mut options = Options::default();
    if let Some(Database::Postgres {
        lock_timeout,
        statement_timeout,
        lock_retries,
        give_way_after,
        ..
    }) = &environment.database
    {
        let set = |limit: &mut Duration, to: &Option<switchback_model::Duration>| {
            if let Some(length) = to {
                *limit = Duration::from_millis(length.as_millis());
            }
        };
        set(&mut options.lock_timeout, lock_timeout);
        set(&mut options.statement_timeout, statement_timeout);
        set(&mut options.yield_after, give_way_after);
        options.retries = lock_retries.unwrap_or(options.retries);
    }
    options
}

/// Tells what is waited for and who waits, and stops when somebody asked to.
struct Live<'a> {
    progress: &'a Progress<'a>,
    /// What follows what was measured, where former values are left that nobody needs.
    untidied: String,
}

impl Observer for Live<'_> {
    fn waiting(&mut self, at: &Waiting) {
        self.progress
            .waiting(&at.to_string(), at.retry_in.is_some());
    }

    fn paced(&mut self, reason: &str) {
        self.progress.waiting(&format!("rests: {reason}"), false);
    }

    fn not_tidied(&mut self, error: &ChangeError) {
        self.untidied = format!(
            ", former values that nobody needs are left: {}",
            with_sources(error)
        );
    }

    fn stop(&mut self) -> bool {
        interrupt::is_asked()
    }
}
