//! Whether anything still uses what a contract takes away: asked before each contract, of the
//! database and of query logs. What is found, or cannot be seen, is refused, unless somebody goes
//! ahead with a reason, which is recorded.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use clap::Args;
use switchback_db::postgres::{Session, schema, statements};
use switchback_migration::definition::{Operation, Work};
use switchback_migration::reads::OldShape;
use switchback_migration::reads::guard::{self, Body, Logs, Told, Unseen, Users, Verdict};
use switchback_migration::reads::log::{Format, Reader};
use switchback_migration::schema::Schema;
use switchback_migration::{Definition, Engine};
use switchback_model::{Action, Counts, Digest, Event, EventId, Plan, SurfaceOperation, Timestamp};

use crate::book::Book;
use crate::changes;
use crate::context::Context;
use crate::effects::{self, EnvironmentDatabase};
use crate::errors::{self, Failure};
use crate::files::{Doing, FileError};
use crate::plans;
use crate::settings::types::{Environment, UnseenUses};

/// Where else to look.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Sources {
    /// Of a contract: a log with statements to look through too; may be given several times
    #[arg(long, value_name = "FILE")]
    query_log: Vec<PathBuf>,
}

/// Going ahead all the same.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Despite {
    /// Of a contract: go ahead although not everything can be seen; the reason is recorded
    #[arg(long, value_name = "REASON", value_parser = reason)]
    despite_unseen: Option<String>,
    /// Of a contract: go ahead although something uses what it takes away; the reason is recorded
    #[arg(long, value_name = "REASON", value_parser = reason)]
    despite_uses: Option<String>,
}

/// A reason as it is recorded: not empty.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a reason is needed".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// What was found out about a contract.
pub(crate) struct Look {
    /// What is taken away, for people.
    pub(crate) shape: String,
    /// Who uses it.
    pub(crate) verdict: Verdict,
    /// How long uses are watched for.
    pub(crate) watch: switchback_model::Duration,
    /// Whether what cannot be seen is refused.
    pub(crate) refuses_unseen: bool,
    /// The count to keep, if none that can be compared with is kept.
    first_count: Option<Counts>,
}

impl Look {
    /// Whether the contract would be refused.
    pub(crate) fn is_refused(&self) -> bool {
        !self.verdict.found.is_empty() || (self.refuses_unseen && !self.verdict.unseen.is_empty())
    }
}

/// Whether a plan takes an old shape away.
pub(crate) fn destroys(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| is_contract(&step.action))
}

const fn is_contract(action: &Action) -> bool {
    matches!(
        action,
        Action::Surface {
            operation: SurfaceOperation::Contract,
            ..
        }
    )
}

/// What a database is asked through.
struct Source {
    schema: Option<Schema>,
    session: Option<Session>,
    database: Option<String>,
}

impl Source {
    fn open(context: &Context<'_>, environment: &Environment) -> Result<Self, Failure> {
        let EnvironmentDatabase::Postgres(server) =
            EnvironmentDatabase::open(context, environment)?
        else {
            return Ok(Self {
                schema: None,
                session: None,
                database: None,
            });
        };
        let mut session = server.session()?;
        let schema = schema::read(session.client())?;
        let database = session.rows("SELECT current_database()")?;
        Ok(Self {
            schema: Some(schema),
            database: database.first().map(|row| row.text(0)),
            session: Some(session),
        })
    }

    fn told(
        &mut self,
        context: &Context<'_>,
        environment: &Environment,
        definition: &Definition,
        shape: &OldShape<'_>,
        has_logs: bool,
    ) -> Result<Told, Failure> {
        match &mut self.session {
            Some(session) => Ok(statements::read(
                session,
                shape.tables(),
                shape.columns(),
                &definition.prefix(),
            )?),
            None => on_sqlite(context, environment, definition, has_logs),
        }
    }
}

/// SQLite knows its views and triggers, and nothing of what is executed.
fn on_sqlite(
    context: &Context<'_>,
    environment: &Environment,
    definition: &Definition,
    has_logs: bool,
) -> Result<Told, Failure> {
    let mut told = Told::default();
    if let EnvironmentDatabase::Sqlite { database, .. } =
        EnvironmentDatabase::open(context, environment)?
    {
        let table = database.catalog(definition.old_table())?;
        let own = definition.prefix();
        let all = [("view", table.views), ("trigger", table.triggers)];
        for (kind, named) in all {
            let others = named.into_iter().filter(|it| !it.name.starts_with(&own));
            told.bodies.extend(others.map(|it| Body {
                what: format!("{kind} {}", it.name),
                text: it.sql,
                on_table: kind == "trigger",
            }));
        }
    }
    if !has_logs {
        told.unseen.push(Unseen::new(
            "which statements are executed: SQLite does not count them",
            "give a log of the application's statements with --query-log",
        ));
    }
    Ok(told)
}

/// Looks at who uses what the contract of a change takes away; none if it takes nothing that a
/// statement could name.
pub(crate) fn look(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    sources: &Sources,
) -> Result<Option<Look>, Failure> {
    if OldShape::of(definition, None).is_none() {
        return Ok(None);
    }
    let watch = context.settings().window(environment);
    let mut source = Source::open(context, environment)?;
    let schema = source.schema.take();
    let Some(shape) = OldShape::of(definition, schema.as_ref()) else {
        return Ok(None);
    };
    let has_logs = !sources.query_log.is_empty();
    let told = source.told(context, environment, definition, &shape, has_logs)?;
    let earlier = book.history.counts(&environment.name, &definition.id);
    let first_count = told.statistics.as_ref().and_then(|statistics| {
        let known = guard::baseline(earlier, statistics.taken, watch);
        let fits = known.is_some_and(|it| it.timeline == statistics.timeline);
        (!fits).then(|| Users::of(&shape, statistics).counts(statistics))
    });
    // The original column goes on under its new name, and what is made of it with it.
    let follows = definition.operation == Operation::RenameColumn;
    let mut verdict = guard::judge(&shape, told, earlier, watch, follows);
    let since = ago(context.shell.clock.now(), watch);
    for path in &sources.query_log {
        let logs = read_log(context, path, &shape, source.database.as_deref(), since)?;
        logs.end(&path.display().to_string(), &mut verdict);
    }
    let unseen = environment
        .unseen_uses
        .unwrap_or(match effects::engine(environment) {
            Some(Engine::Postgres) => UnseenUses::Refuse,
            // There is nothing that somebody could turn on.
            _ => UnseenUses::Allow,
        });
    Ok(Some(Look {
        shape: shape.shown(),
        verdict,
        watch,
        refuses_unseen: unseen == UnseenUses::Refuse,
        first_count,
    }))
}

fn ago(now: Timestamp, length: switchback_model::Duration) -> Timestamp {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(length))
}

/// How much of a log shows its format, in bytes.
const BEGINNING: u64 = 1 << 16;

fn read_log(
    context: &Context<'_>,
    path: &Path,
    shape: &OldShape<'_>,
    database: Option<&str>,
    since: Timestamp,
) -> Result<Logs, Failure> {
    let path = context.shell.folder.join(path);
    let failed = |source| FileError {
        doing: Doing::Read,
        path: path.clone(),
        source,
    };
    let mut file = File::open(&path).map_err(failed)?;
    let mut beginning = Vec::new();
    file.by_ref()
        .take(BEGINNING)
        .read_to_end(&mut beginning)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    let mut reader = Reader::new(Format::guess(&String::from_utf8_lossy(&beginning)));
    let mut logs = Logs::default();
    let mut take = |all: Vec<switchback_migration::reads::log::Logged>| {
        for logged in all {
            let elsewhere = logged.database.as_deref().zip(database);
            if elsewhere.is_none_or(|(logged, ours)| logged == ours) {
                logs.take(shape, logged, since);
            }
        }
    };
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        let text = String::from_utf8_lossy(&line);
        take(reader.line(text.trim_end_matches('\n')));
        line.clear();
    }
    take(reader.end());
    Ok(logs)
}

/// Refuses a contract while something uses what it takes away, or not everything can be seen; what
/// somebody goes ahead with all the same is recorded.
///
/// # Errors
/// SB0307, SB0308.
pub(crate) fn check(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    definition: &Definition,
    plan: &Plan,
    (sources, despite): (&Sources, &Despite),
) -> Result<(), Failure> {
    let action = plan.steps.iter().map(|step| &step.action);
    let Some(action) = action.clone().find(|action| is_contract(action)) else {
        return Ok(());
    };
    let Some(look) = look(context, book, environment, definition, sources)? else {
        return Ok(());
    };
    if let Some(counts) = &look.first_count {
        record(context, book, environment, definition, counts.clone())?;
    }
    let uses: Vec<String> = look.verdict.found.iter().map(sentence).collect();
    let unseen: Vec<String> = look
        .verdict
        .unseen
        .iter()
        .map(|it| format!("not seen: {}", it.what))
        .collect();
    let refused = if !uses.is_empty() && despite.despite_uses.is_none() {
        Some(errors::still_used(action, &environment.name, &look))
    } else if !unseen.is_empty() && look.refuses_unseen && despite.despite_unseen.is_none() {
        Some(errors::use_not_seen(action, &environment.name, &look))
    } else {
        None
    };
    if let Some(failure) = refused {
        let reasons = uses.into_iter().chain(unseen).collect();
        let event = Event::Refused {
            environment: environment.name.clone(),
            action: action.clone(),
            reasons,
        };
        let id = id(book, "refused", &event)?;
        book.append(id, context.shell.clock.now(), event)?;
        return Err(failure);
    }
    let accepted = [
        (uses, &despite.despite_uses),
        (unseen.clone(), &despite.despite_unseen),
    ];
    for (what, reason) in accepted {
        if let Some(reason) = reason
            && !what.is_empty()
        {
            let event = Event::Accepted {
                environment: environment.name.clone(),
                action: action.clone(),
                what,
                reason: reason.clone(),
            };
            let id = id(book, "accepted", &event)?;
            book.append(id, context.shell.clock.now(), event)?;
        }
    }
    let out = &context.shell.out;
    if look.verdict.found.is_empty() {
        out.note(&format!("no use of {} was seen", look.shape));
    }
    for line in look.verdict.looked_at.iter().chain(&unseen) {
        out.note(line);
    }
    Ok(())
}

/// The id of an event that is about this moment.
pub(crate) fn id(book: &Book, kind: &str, event: &Event) -> Result<EventId, Failure> {
    let about = Digest::of_json(event)?.to_string();
    Ok(EventId::of(&[kind, &book.seen().to_string(), &about]))
}

/// What uses it, in a sentence.
pub(crate) fn sentence(found: &guard::Found) -> String {
    let what = guard::one_line(&found.what);
    format!("{what} ({}; {})", found.how, found.seen)
}

/// Counts the uses of every old shape whose contract comes next in an environment, to be compared
/// with when it is asked for. The best moment is the one at which the last version that uses it is
/// gone. It is help, and no more: what goes wrong is said and stops nothing.
pub(crate) fn count(context: &Context<'_>, book: &mut Book, environment: &Environment) {
    if effects::engine(environment) != Some(Engine::Postgres) {
        return;
    }
    for id in changes::list(context).unwrap_or_default() {
        let Ok(definition) = changes::load(context, id.as_str()) else {
            continue;
        };
        if !book.world.catalog.changes.contains_key(&id)
            || !contract_is_next(book, environment, &definition)
        {
            continue;
        }
        if let Err(failure) = count_one(context, book, environment, &definition) {
            let words = failure.diagnostics.first();
            let words = words.map(|it| it.message.as_str()).unwrap_or_default();
            context.shell.out.note(&format!(
                "what uses the old shape of {id} was not counted: {words}"
            ));
        }
    }
}

/// Since when uses are watched for a contract that comes next in an environment, and from when on a
/// whole window has been watched. The ledger's view: no database is asked.
pub(crate) fn watched(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    definition: &Definition,
) -> Option<(Timestamp, Timestamp)> {
    if !contract_is_next(book, environment, definition) {
        return None;
    }
    let window = context.settings().window(environment);
    let earlier = book.history.counts(&environment.name, &definition.id);
    let counted = guard::baseline(earlier, context.shell.clock.now(), window)?;
    Some((counted.taken, counted.taken + window))
}

fn contract_is_next(book: &Book, environment: &Environment, definition: &Definition) -> bool {
    let next = plans::next_step(book, &environment.name, definition);
    let step = next.and_then(|name| definition.step(name));
    matches!(
        step.map(|step| &step.work),
        Some(Work::Database { script: Some(script), .. })
            if script.action == SurfaceOperation::Contract
    )
}

fn count_one(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    definition: &Definition,
) -> Result<(), Failure> {
    let mut source = Source::open(context, environment)?;
    let schema = source.schema.take();
    let Some(shape) = OldShape::of(definition, schema.as_ref()) else {
        return Ok(());
    };
    let told = source.told(context, environment, definition, &shape, true)?;
    match &told.statistics {
        Some(statistics) => {
            let counts = Users::of(&shape, statistics).counts(statistics);
            record(context, book, environment, definition, counts)
        }
        None => Ok(()),
    }
}

fn record(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    definition: &Definition,
    counts: Counts,
) -> Result<(), Failure> {
    let event = Event::UsesCounted {
        environment: environment.name.clone(),
        change: definition.id.clone(),
        counts,
    };
    let id = id(book, "uses", &event)?;
    book.append(id, context.shell.clock.now(), event)
}
