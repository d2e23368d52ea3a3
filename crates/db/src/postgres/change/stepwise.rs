//! Running the SQL of a step statement by statement, outside of any transaction.
//!
//! A mark says `running` before the first statement and `done` after the last. In between nobody
//! else works on the change: a lock of the session says so, which ends with the connection. Each
//! statement asks first what is there, so that all of them can be run again after a crash.

use std::time::{Duration, Instant};

use postgres::Client;
use switchback_migration::sql::ir::Name;
use switchback_model::plan::{Direction, Run};

use super::control::{self, Mark, MarkState};
use super::error::{ChangeError, at, of};
use super::gate::{self, Statement};
use super::index::{self, limits};
use super::link::{begin, commit, lock_session, unlock};
use super::persist::{Desk, Runner};
use super::scope::read;
use super::script::{Job, Standing, exact, limit, standing};
use super::statement::{CreateIndex, Form, quoted};
use super::{Options, Ran};
use crate::marks::digest;

/// Runs a script statement by statement.
pub(super) fn run(runner: &mut Runner<'_>, job: &Job<'_>) -> Result<Ran, ChangeError> {
    let begun = Instant::now();
    let statements = gate::statements(&job.script.sql, Run::Statements)?;
    let change = job.script.change.as_str();
    runner.persist(|client, desk| {
        desk.next("waiting until nobody else works on this change", None)?;
        limits(
            client,
            job.options.lock_timeout,
            Some(job.options.statement_timeout),
        )?;
        lock_session(client, change)
    })?;
    let result = locked(runner, job, &statements, begun);
    let client = &mut runner.link.client;
    // On a connection that is gone the lock is gone too.
    let _ = limits(
        client,
        job.options.lock_timeout,
        Some(job.options.statement_timeout),
    );
    let _ = unlock(client, change);
    result
}

fn locked(
    runner: &mut Runner<'_>,
    job: &Job<'_>,
    statements: &[Statement<'_>],
    begun: Instant,
) -> Result<Ran, ChangeError> {
    let started = runner.persist(|client, desk| start(client, desk, job, statements))?;
    let Some(mark) = started else {
        let mut ran = runner.cost.ran(begun);
        ran.already = true;
        return Ok(ran);
    };
    for statement in statements {
        let done = runner.persist(|client, desk| one(client, desk, job, statement));
        if let Err(error) = done {
            return Err(settle(
                &mut runner.link.client,
                job,
                &mark,
                statement,
                error,
            ));
        }
    }
    let attempts = runner.cost.waits().retries + 1;
    runner.persist(|client, desk| end(client, desk, job, &mark, attempts, begun))?;
    let mut ran = runner.cost.ran(begun);
    let scope = &job.script.scope;
    let tables: Vec<&str> = std::iter::once(&scope.table)
        .chain(&scope.also)
        .map(String::as_str)
        .collect();
    ran.leftovers = index::invalid(&mut runner.link.client, &tables)?;
    Ok(ran)
}

/// Writes that the script is under way; none if there is nothing to do.
fn start(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    statements: &[Statement<'_>],
) -> Result<Option<Mark>, ChangeError> {
    let script = job.script;
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    control::fence(client, &script.change, job.intent)?;
    let marks = control::marks(client, &script.change)?;
    let now = read(client, job.path, &script.scope, true)?;
    let stands = standing(client, script, &marks, &now)?;
    let mine = marks
        .into_iter()
        .find(|mark| mark.step == script.step.as_str());
    let mark = match (stands, mine) {
        (Standing::Done, _) => None,
        (_, Some(mark)) => Some(Mark {
            state: match script.direction {
                Direction::Up => MarkState::Running,
                Direction::Down => MarkState::Undoing,
            },
            ..mark
        }),
        (_, None) => {
            let made = makes(client, statements)?;
            Some(Mark {
                step: script.step.to_string(),
                state: MarkState::Running,
                plan: job.plan.to_owned(),
                applied_at: job.now.to_string(),
                script: digest(&script.sql),
                attempts: 0,
                took: Duration::ZERO,
                // What is there already of what the step makes is taken as made by it.
                before: now.without(&made).text(&[]),
                after: None,
                made,
            })
        }
    };
    if let Some(mark) = &mark {
        control::put_mark(client, &script.change, mark)?;
    }
    commit(client, desk)?;
    Ok(mark)
}

/// What the statements make, by the names that the scope has for it.
fn makes(client: &mut Client, statements: &[Statement<'_>]) -> Result<Vec<String>, ChangeError> {
    let mut made = Vec::new();
    for statement in statements {
        if let Form::CreateIndex(create) = &statement.form
            && let Some(full) = index::full_name(client, create)?
        {
            made.push(format!("index {full}"));
        }
    }
    Ok(made)
}

/// Writes that the script is done.
fn end(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    mark: &Mark,
    attempts: u32,
    begun: Instant,
) -> Result<(), ChangeError> {
    let script = job.script;
    desk.next("the mark", None)?;
    begin(client, job.options, job.path)?;
    control::fence(client, &script.change, job.intent)?;
    let after = read(client, job.path, &script.scope, true)?;
    match script.direction {
        Direction::Up => {
            let mark = Mark {
                state: MarkState::Done,
                after: Some(after.text(&[])),
                attempts,
                took: begun.elapsed(),
                ..mark.clone()
            };
            control::put_mark(client, &script.change, &mark)?;
        }
        Direction::Down => {
            exact(std::slice::from_ref(mark), &mark.step, &after)?;
            control::remove_mark(client, &script.change, &mark.step)?;
        }
    }
    commit(client, desk)
}

/// Runs one statement, if it is not done.
fn one(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    statement: &Statement<'_>,
) -> Result<(), ChangeError> {
    limits(
        client,
        job.options.lock_timeout,
        Some(job.options.statement_timeout),
    )?;
    let mut text = statement.text.to_owned();
    match &statement.form {
        Form::CreateIndex(create) => {
            desk.next(&format!("looking for the index of: {text}"), None)?;
            match index::standing(client, job.options, job.path, statement, create)? {
                index::Standing::Same => return Ok(()),
                index::Standing::Missing => {}
                index::Standing::Leftover => {
                    desk.next(&format!("dropping an invalid leftover of: {text}"), None)?;
                    let wait = job.options.concurrent_wait;
                    index::drop_leftover(client, job.options, job.path, create, wait)?;
                }
            }
        }
        Form::DropIndex(dropped) => {
            if let Some(place) = dropped.if_exists_at {
                text.insert_str(place, "IF EXISTS ");
            }
        }
        Form::Attach { table, partition } => {
            if partition_of(client, table, partition)? != Attached::No {
                return Ok(());
            }
        }
        Form::Detach {
            table, partition, ..
        } => match partition_of(client, table, partition)? {
            Attached::No => return Ok(()),
            Attached::Yes => {}
            Attached::Pending => {
                text = format!(
                    "ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                    quoted(table),
                    quoted(partition)
                );
            }
        },
        Form::Reindex { .. } | Form::Again { .. } | Form::Code | Form::Other => {}
    }
    let limit = limit(&statement.form, job.options);
    let locks = if statement.form.waits_beside() {
        job.options.concurrent_wait
    } else {
        job.options.lock_timeout
    };
    limits(client, locks, limit)?;
    desk.next(&text, limit)?;
    client
        .execute(&text, &[])
        .map_err(|error| of(error, &text, Some((&job.script.sql, statement.start))))?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attached {
    Yes,
    No,
    /// It was begun to be detached, and that did not come to its end.
    Pending,
}

fn partition_of(
    client: &mut Client,
    table: &Name,
    partition: &Name,
) -> Result<Attached, ChangeError> {
    // The column is there from version 14 on.
    let sql = "
        SELECT coalesce(to_jsonb(h) ->> 'inhdetachpending', 'false')
        FROM pg_catalog.pg_inherits h
        WHERE h.inhparent = to_regclass($1) AND h.inhrelid = to_regclass($2)";
    let row = client
        .query_opt(sql, &[&quoted(table), &quoted(partition)])
        .map_err(at(sql))?;
    let pending: Option<String> = row.map(|row| row.try_get(0).map_err(at(sql))).transpose()?;
    Ok(match pending.as_deref() {
        None => Attached::No,
        Some("true") => Attached::Pending,
        Some(_) => Attached::Yes,
    })
}

/// After a statement failed: takes away what it left, and the mark if nothing of the step is there.
/// What could not be taken away within the time for locks is named; the next run does it.
fn settle(
    client: &mut Client,
    job: &Job<'_>,
    mark: &Mark,
    statement: &Statement<'_>,
    error: ChangeError,
) -> ChangeError {
    if error.is_lost() || matches!(error, ChangeError::Revoked) {
        return error;
    }
    let mut left = Vec::new();
    if let Form::CreateIndex(create) = &statement.form
        && create.concurrently
    {
        left = clean(client, job, create);
    }
    let _ = unmark(client, job, mark);
    let _ = client.batch_execute("ROLLBACK");
    match error {
        ChangeError::Aborted { statement, .. } => ChangeError::Aborted { statement, left },
        other => other,
    }
}

fn clean(client: &mut Client, job: &Job<'_>, create: &CreateIndex) -> Vec<String> {
    let wait = job.options.lock_timeout.min(Duration::from_millis(500));
    let options = Options {
        lock_timeout: wait,
        ..job.options.clone()
    };
    if index::drop_leftover(client, &options, job.path, create, wait).is_ok() {
        return Vec::new();
    }
    let _ = client.batch_execute("ROLLBACK");
    let name = index::full_name(client, create).ok().flatten();
    name.map(|name| format!("the invalid index {name}"))
        .into_iter()
        .collect()
}

/// Takes the mark back to what it was where the schema is what it was.
fn unmark(client: &mut Client, job: &Job<'_>, mark: &Mark) -> Result<(), ChangeError> {
    let script = job.script;
    begin(client, job.options, job.path)?;
    control::fence(client, &script.change, job.intent)?;
    let now = read(client, job.path, &script.scope, true)?.text(&[]);
    match (script.direction, &mark.after) {
        (Direction::Up, _) if now == mark.before => {
            control::remove_mark(client, &script.change, &mark.step)?;
        }
        (Direction::Down, Some(after)) if now == *after => {
            let done = Mark {
                state: MarkState::Done,
                ..mark.clone()
            };
            control::put_mark(client, &script.change, &done)?;
        }
        _ => {}
    }
    client.batch_execute("COMMIT").map_err(at("COMMIT"))
}
