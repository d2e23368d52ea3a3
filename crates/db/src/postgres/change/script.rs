//! Running the SQL of a step in one transaction with its mark.
//!
//! Before anything runs, the change's part of the schema must be what the last mark says that it
//! left; after a way back it must be what it was before the step. So a database that somebody
//! changed by hand is found before harm is done, and a way back that is not exact is undone.

use std::time::{Duration, Instant};

use postgres::Client;
use switchback_migration::definition::Definition;
use switchback_migration::drive::Probed;
use switchback_migration::steps::scope;
use switchback_model::plan::{Direction, Scope, Script};
use switchback_model::{ChangeId, Timestamp};

use super::control::{self, Mark, MarkState};
use super::error::{ChangeError, at, line_of, of};
use super::gate::{self, Statement};
use super::link::{begin, commit, milliseconds};
use super::persist::{Desk, Runner};
use super::scope::{Part, difference, named, read};
use super::statement::Form;
use super::{Options, Ran};
use crate::marks::{Marked, Mismatch, digest, follow};
use crate::postgres::backfill::of_change;
use crate::text::excerpt;

/// What a script is run for.
pub(super) struct Job<'a> {
    pub(super) script: &'a Script,
    pub(super) plan: &'a str,
    pub(super) now: Timestamp,
    pub(super) intent: Option<&'a str>,
    pub(super) path: &'a [String],
    pub(super) options: &'a Options,
}

/// Runs a script as one transaction, as often as it takes.
pub(super) fn run(runner: &mut Runner<'_>, job: &Job<'_>) -> Result<Ran, ChangeError> {
    let begun = Instant::now();
    let statements = gate::statements(&job.script.sql, job.script.run)?;
    let mut attempts = 0;
    let already = runner.persist(|client, desk| {
        attempts += 1;
        attempt(client, desk, job, &statements, attempts, begun)
    })?;
    let mut ran = runner.cost.ran(begun);
    ran.already = already;
    Ok(ran)
}

/// One attempt; returns whether there was nothing to do.
fn attempt(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    statements: &[Statement<'_>],
    attempts: u32,
    begun: Instant,
) -> Result<bool, ChangeError> {
    let Job { script, path, .. } = job;
    desk.next("BEGIN", None)?;
    begin(client, job.options, path)?;
    control::fence(client, &script.change, job.intent)?;
    let marks = control::marks(client, &script.change)?;
    let before = read(client, path, &script.scope, true)?;
    if standing(client, script, &marks, &before)? == Standing::Done {
        commit(client, desk)?;
        return Ok(true);
    }
    let inside = whoami(client)?;
    for statement in statements {
        send(client, desk, job, statement)?;
    }
    desk.next("the mark", None)?;
    if whoami(client)? != inside {
        return Err(left(statements.last(), &script.sql));
    }
    pin(client, job, job.options.statement_timeout)?;
    let after = read(client, path, &script.scope, true)?;
    let step = script.step.to_string();
    match script.direction {
        Direction::Up => {
            let made = after.new_since(&before);
            let mark = Mark {
                step,
                state: MarkState::Done,
                plan: job.plan.to_owned(),
                applied_at: job.now.to_string(),
                script: digest(&script.sql),
                attempts,
                took: begun.elapsed(),
                before: before.text(&[]),
                after: Some(after.text(&made)),
                made,
            };
            control::put_mark(client, &script.change, &mark)?;
        }
        Direction::Down => {
            exact(&marks, &step, &after)?;
            control::remove_mark(client, &script.change, &step)?;
            of_change::forget_step(client, &script.change, &script.step)?;
        }
    }
    of_change::forget_dropped(client, &script.change)?;
    commit(client, desk)?;
    Ok(false)
}

/// The transaction and the role; the number of the transaction is given here, if it had none.
fn whoami(client: &mut Client) -> Result<(i64, String), ChangeError> {
    let sql = "SELECT txid_current(), current_user::text";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    Ok((
        row.try_get(0).map_err(at(sql))?,
        row.try_get(1).map_err(at(sql))?,
    ))
}

fn left(last: Option<&Statement<'_>>, script: &str) -> ChangeError {
    ChangeError::Forbidden {
        what: "a statement that ends the transaction or becomes another role".to_owned(),
        why: "that is one transaction with its mark",
        line: last.map_or(1, |it| line_of(script, it.start)),
        statement: last.map_or_else(String::new, |it| excerpt(it.text)),
    }
}

/// Sets the time-outs anew: what ran before may have changed them.
fn pin(client: &mut Client, job: &Job<'_>, limit: Duration) -> Result<(), ChangeError> {
    let limit = if limit.is_zero() {
        0
    } else {
        milliseconds(limit)
    };
    let sql = format!(
        "SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {limit}",
        milliseconds(job.options.lock_timeout)
    );
    client.batch_execute(&sql).map_err(at("SET LOCAL"))
}

/// Sends one statement of a script. It goes as one that can only be one, so that nothing hides
/// behind it.
fn send(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    statement: &Statement<'_>,
) -> Result<(), ChangeError> {
    let limit = limit(&statement.form, job.options);
    pin(client, job, limit.unwrap_or(Duration::ZERO))?;
    desk.next(statement.text, limit)?;
    client.execute(statement.text, &[]).map_err(|error| {
        of(
            error,
            statement.text,
            Some((&job.script.sql, statement.start)),
        )
    })?;
    Ok(())
}

/// How long a statement may run; none for as long as it likes.
pub(super) fn limit(form: &Form, options: &Options) -> Option<Duration> {
    if form.may_run_long() {
        options.long_statement_timeout
    } else {
        Some(options.statement_timeout)
    }
}

/// That a way back left what there was before the step.
pub(super) fn exact(marks: &[Mark], step: &str, after: &Part) -> Result<(), ChangeError> {
    let Some(mark) = marks.iter().find(|mark| mark.step == step) else {
        return Ok(());
    };
    let after = after.text(&[]);
    if mark.before == after {
        return Ok(());
    }
    let (expected, found) = difference(&mark.before, &after);
    Err(ChangeError::NotExact {
        step: step.to_owned(),
        difference: format!("expected {expected}; found {found}"),
    })
}

pub(super) fn probe(
    client: &mut Client,
    path: &[String],
    script: &Script,
) -> Result<Probed, ChangeError> {
    let marked = control::exists(client)?;
    let marks = match marked {
        true => control::marks(client, &script.change)?,
        false => Vec::new(),
    };
    let now = read(client, path, &script.scope, marked)?;
    match standing(client, script, &marks, &now) {
        Ok(Standing::Done) => Ok(Probed::Done),
        Ok(Standing::NotDone) => Ok(Probed::NotDone),
        Ok(Standing::Partial) => Ok(Probed::Partial),
        Err(ChangeError::UnknownStep {
            expected, found, ..
        }) => Ok(Probed::Unknown {
            reason: format!("expected {expected}, found {found}"),
        }),
        Err(other) => Err(other),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Done,
    NotDone,
    /// Begun, statement by statement, and not ended.
    Partial,
}

/// Whether a script is done, or may run now.
pub(super) fn standing(
    client: &mut Client,
    script: &Script,
    marks: &[Mark],
    now: &Part,
) -> Result<Standing, ChangeError> {
    let step = script.step.as_str();
    let unknown = unknown(&script.change);
    let mine = marks.iter().find(|mark| mark.step == step);
    if let Some(mark) = mine
        && script.direction == Direction::Up
        && mark.script != digest(&script.sql)
    {
        return Err(unknown(Mismatch::other_script(marked(mark))));
    }
    if let Some(last) = marks.last()
        && last.step != step
        && (mine.is_some_and(|mark| mark.state != MarkState::Done)
            || (mine.is_some() && script.direction == Direction::Down))
    {
        return Err(unknown(Mismatch::not_last(step, &last.step)));
    }
    match (script.direction, mine.map(|mark| mark.state)) {
        (Direction::Down, None) | (Direction::Up, Some(MarkState::Done)) => {
            return Ok(Standing::Done);
        }
        (Direction::Up, Some(_)) | (Direction::Down, Some(MarkState::Undoing)) => {
            return Ok(Standing::Partial);
        }
        // What was begun is taken back as far as it came.
        (Direction::Down, Some(MarkState::Running)) => return Ok(Standing::NotDone),
        (Direction::Up, None) | (Direction::Down, Some(MarkState::Done)) => {}
    }
    match marks.last() {
        Some(last) => as_left(&script.change, now, last)?,
        None => unmarked(client, &script.change, &script.scope)?,
    }
    Ok(Standing::NotDone)
}

/// That the schema is as a mark says that its step left it.
fn as_left(change: &ChangeId, now: &Part, last: &Mark) -> Result<(), ChangeError> {
    let unknown = unknown(change);
    let Some(after) = last
        .after
        .as_ref()
        .filter(|_| last.state == MarkState::Done)
    else {
        return Err(unknown(Mismatch {
            expected: format!("step {} to be done", last.step),
            found: "it begun and not ended".to_owned(),
        }));
    };
    let current = now.text(&[]);
    if current == *after {
        return Ok(());
    }
    let difference = difference(after, &current);
    Err(unknown(Mismatch::not_as_left(&last.step, difference)))
}

/// That nothing of the change is there without a mark: somebody ran its SQL by hand.
fn unmarked(client: &mut Client, change: &ChangeId, scope: &Scope) -> Result<(), ChangeError> {
    match named(client, &scope.prefix)? {
        None => Ok(()),
        Some(name) => Err(unknown(change)(Mismatch::unmarked(&name))),
    }
}

/// The error of a database that is where the marks of a change do not put it.
fn unknown(change: &ChangeId) -> impl Fn(Mismatch) -> ChangeError {
    move |Mismatch { expected, found }| ChangeError::UnknownStep {
        change: change.to_string(),
        expected,
        found,
    }
}

fn marked(mark: &Mark) -> Marked<'_> {
    Marked {
        step: &mark.step,
        script: &mark.script,
        applied_at: &mark.applied_at,
    }
}

/// That the marks are what the definition says; see
/// [`PostgresDatabase::check_marks`](super::PostgresDatabase::check_marks).
pub(super) fn check_marks(
    client: &mut Client,
    path: &[String],
    definition: &Definition,
) -> Result<Vec<Mark>, ChangeError> {
    if !control::exists(client)? {
        return Ok(Vec::new());
    }
    let marks = control::marks(client, &definition.id)?;
    follow(marks.iter().map(marked), definition).map_err(unknown(&definition.id))?;
    // What is under way can be gone on with, and so is no contradiction.
    if let Some(last) = marks.last().filter(|mark| mark.state == MarkState::Done) {
        let now = read(client, path, &scope(definition), true)?;
        as_left(&definition.id, &now, last)?;
    }
    Ok(marks)
}
