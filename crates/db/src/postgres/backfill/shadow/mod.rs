//! A copy of the table that is filled beside it and then takes its place.
//!
//! A table of the same definition is made (`make`, with `carry` and `inventory`), and triggers on the
//! original write down the keys of rows that change. Ranges are copied as they are walked otherwise
//! (`fill`). When all are, one worker after the other does what comes next, each step one transaction
//! ([`close`]): the index over the key, rows that changed (`replay`), the other indexes, a look at
//! everything (`check`), the exchange (`swap`). Until then all of it can be dropped (`drop`), and the
//! original was never touched.
//!
//! Whoever does a step holds the advisory lock of whoever closes a walk, until his transaction ends.
//! So no two do the same, and whoever dies or stalls loses it with the transaction.
//!
//! Deliberately absent: whether it pays, which is [`switchback_migration`]'s.

mod carry;
mod check;
mod drop;
pub(super) mod fill;
mod inventory;
mod make;
mod replay;
mod row;
mod swap;
mod told;

use postgres::Client;
use switchback_migration::backfill::strategy::{Misfit, Turn};
use switchback_migration::backfill::{JobStatus, Strategy};

use self::fill::Target;
use self::replay::Replay;
use self::row::{Copy, Phase};
use super::close::{Closed, Closing, failed_keys, unfinished, unhurried};
use super::control::{self, JobRow};
use super::error::BackfillError;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit, qualified};
use crate::postgres::change::persist::Desk;
use crate::postgres::change::scope::oid;

pub(super) use self::inventory::against;
pub(super) use self::make::make;
pub(super) use self::row::CREATE;

/// Keys that are copied anew in one transaction.
const SOME: u32 = 5_000;

/// With no more keys than this waiting all are copied anew in one transaction.
const FEW: u32 = 2_000;

/// How often the lock for the exchange is asked for before the job pauses.
const MOST_TRIES: i32 = 20;

/// The longest pause between two tries doubles so often, from a second.
const MOST_DOUBLINGS: i32 = 6;

/// What a step came to, before it is committed.
enum Step {
    /// Another one follows.
    Again,
    /// Nothing can be done just now.
    NotYet,
    Ended(JobStatus),
    /// A reason that ends the job; nothing of the step stays.
    Failed(String),
}

/// Whether a job has a copy that is not done, before or after it took the table's place.
pub(super) fn is_at(client: &mut Client, id: i64) -> Result<bool, ChangeError> {
    Ok(row::read(client, id)?.is_some())
}

/// Takes the job on by one step, once all ranges are copied.
pub(super) fn close(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    job: &JobRow,
) -> Result<Closed, BackfillError> {
    let Some(copy) = row::read(client, job.id)? else {
        return Ok(Closed::Failed(
            "its copy is gone: begin it again".to_owned(),
        ));
    };
    desk.next("BEGIN", None)?;
    begin(client, closing.options, closing.path)?;
    // Those that read keys and rows must see both at one moment.
    let indexes = match copy.phase {
        Phase::Settling | Phase::Indexing => next_index(client, &copy, closing)?,
        _ => None,
    };
    let one_moment = match copy.phase {
        Phase::Settling => indexes.is_none(),
        Phase::Checking => true,
        Phase::Swapping => copy.rests || replay(client, closing, &copy, job)?.1 > u64::from(FEW),
        Phase::Filling | Phase::Indexing | Phase::Validating => false,
    };
    if one_moment {
        // The transaction begins again: it has looked around already.
        client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
        begin(client, closing.options, closing.path)?;
        carry::run(client, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    }
    let step = held(client, desk, closing, job, &copy, indexes, one_moment)?;
    let closed = match step {
        Step::Again => Closed::Again,
        Step::NotYet => Closed::NotYet,
        Step::Ended(status) => Closed::Ended(status),
        Step::Failed(reason) => {
            client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
            return Ok(Closed::Failed(reason));
        }
    };
    if matches!(closed, Closed::NotYet) {
        client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
    } else {
        commit(client, desk)?;
    }
    Ok(closed)
}

/// One step, if nobody else is at it and the job still runs.
fn held(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    job: &JobRow,
    seen: &Copy,
    index: Option<carry::Index>,
    one_moment: bool,
) -> Result<Step, BackfillError> {
    let lock = format!(
        "SELECT pg_try_advisory_xact_lock({})",
        control::closing_number(closing.job)
    );
    let row = client.query_one(&lock, &[]).map_err(at(&lock))?;
    if !row.try_get::<_, bool>(0).map_err(at(&lock))? {
        return Ok(Step::NotYet);
    }
    // Where this transaction began to look before another one ended, it is told so here.
    let copy = match row::hold(client, job.id) {
        Err(error) if error.code() == Some("40001") => return Ok(Step::NotYet),
        other => other?,
    };
    let Some(copy) = copy else {
        return Ok(Step::NotYet);
    };
    if copy.phase != seen.phase {
        return Ok(Step::NotYet);
    }
    if copy.phase != Phase::Validating {
        let table = &closing.statements.table.full;
        let changed = qualified(client, closing.path, |client| {
            swap::changed(client, closing.version, &copy, table)
        })?;
        if let Some(reason) = changed {
            return Ok(Step::Failed(reason));
        }
    }
    // Somebody else may have built it before we held the lock.
    let index = match index {
        Some(_) => match next_index(client, &copy, closing)? {
            None => return Ok(Step::NotYet),
            next => next,
        },
        None => None,
    };
    let step = step(client, desk, closing, job, &copy, index, one_moment)?;
    if matches!(step, Step::NotYet | Step::Failed(_)) {
        return Ok(step);
    }
    // Who pauses or drops it waits for us, or is seen here.
    control::lock_shared(client, closing.job)?;
    let sql = "SELECT status FROM _switchback.backfill WHERE id = $1 FOR NO KEY UPDATE";
    let row = client.query_one(sql, &[&job.id]);
    let row = match row.map_err(at(sql)) {
        // It has changed since our moment.
        Err(error) if error.code() == Some("40001") => return Ok(Step::NotYet),
        other => other?,
    };
    let word: String = row.try_get(0).map_err(at(sql))?;
    match JobStatus::of_word(&word) {
        Some(JobStatus::Running) => Ok(step),
        Some(JobStatus::Done) if matches!(step, Step::Ended(_)) => Ok(step),
        _ => Ok(Step::NotYet),
    }
}

fn step(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    job: &JobRow,
    copy: &Copy,
    index: Option<carry::Index>,
    one_moment: bool,
) -> Result<Step, BackfillError> {
    match copy.phase {
        Phase::Filling => {
            let now = control::job(client, closing.job, false)?;
            let done = now.is_some_and(|it| it.divided) && !unfinished(client, job.id, job.sweep)?;
            if !done {
                return Ok(Step::NotYet);
            }
            copy.set_phase(client, Phase::Settling)?;
            Ok(Step::Again)
        }
        Phase::Settling | Phase::Indexing => {
            if let Some(index) = index {
                unhurried(client, closing.options)?;
                desk.next(&format!("building the index {}", index.name), None)?;
                qualified(client, closing.path, |client| index.build(client))?;
                return Ok(Step::Again);
            }
            if copy.phase == Phase::Settling {
                return settle(client, desk, closing, copy, job);
            }
            unhurried(client, closing.options)?;
            let sql = format!("ANALYZE {}", copy.named(client)?.full());
            desk.next(&sql, None)?;
            carry::run(client, &sql)?;
            copy.set_phase(client, Phase::Checking)?;
            Ok(Step::Again)
        }
        Phase::Checking => look(client, desk, closing, copy, job),
        Phase::Swapping => exchange(client, desk, closing, copy, job, one_moment),
        Phase::Validating => {
            unhurried(client, closing.options)?;
            desk.next("validating foreign keys", None)?;
            if swap::validate(client, copy)? {
                return Ok(Step::Again);
            }
            over(client, copy)?;
            Ok(Step::Ended(JobStatus::Done))
        }
    }
}

/// Everything is done.
fn over(client: &mut Client, copy: &Copy) -> Result<(), ChangeError> {
    let sql = "DELETE FROM _switchback.backfill_copy WHERE backfill = $1";
    client.execute(sql, &[&copy.id]).map_err(at(sql))?;
    let sql = "UPDATE _switchback.backfill SET closed = closed + 1, turned = NULL WHERE id = $1";
    client.execute(sql, &[&copy.id]).map_err(at(sql))?;
    control::set_status(client, copy.id, JobStatus::Done, None)
}

/// How rows are copied anew, and how many keys wait, of few.
fn replay(
    client: &mut Client,
    closing: &Closing<'_>,
    copy: &Copy,
    job: &JobRow,
) -> Result<(Target, u64), BackfillError> {
    let target = Target::of_copy(client, copy)?;
    let waiting = of(closing, copy, job, &target).waiting(client, FEW + 1)?;
    Ok((target, waiting))
}

fn of<'a>(
    closing: &'a Closing<'a>,
    copy: &'a Copy,
    job: &JobRow,
    target: &'a Target,
) -> Replay<'a> {
    Replay {
        job: closing.job,
        copy,
        target,
        statements: closing.statements,
        sweep: job.sweep,
        keep_undo: closing.keep_undo,
        stop_on_error: closing.stop_on_error,
        most_failed: closing.most_failed,
        options: closing.options,
    }
}

/// The next index that the copy needs; of those that come before rows are copied anew only the one
/// over the key.
fn next_index(
    client: &mut Client,
    copy: &Copy,
    closing: &Closing<'_>,
) -> Result<Option<carry::Index>, BackfillError> {
    let key = closing.statements.table.key_names();
    let all = qualified(client, closing.path, |client| {
        let mine = copy.named(client)?;
        let all = carry::indexes(client, copy.original, &mine, &key)?;
        let mut left = Vec::new();
        for index in all {
            let sql = "SELECT to_regclass($1) IS NULL";
            let name = format!("{}.{}", copy.schema, index.name);
            let row = client.query_one(sql, &[&name]).map_err(at(sql))?;
            if row.try_get::<_, bool>(0).map_err(at(sql))? {
                left.push(index);
            }
        }
        Ok(left)
    })?;
    let first = all.into_iter().next();
    Ok(match copy.phase {
        Phase::Settling => first.filter(|it| it.is_of(&key)),
        _ => first,
    })
}

/// Rows that changed, until few are left; then all of them, so that the copy is what the original is
/// at one moment and indexes can be built that let no rows be alike.
fn settle(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    copy: &Copy,
    job: &JobRow,
) -> Result<Step, BackfillError> {
    let (target, waiting) = replay(client, closing, copy, job)?;
    let few = waiting <= u64::from(FEW);
    let most = (!few).then_some(SOME);
    if let Err(reason) = of(closing, copy, job, &target).some(client, desk, most)? {
        return Ok(Step::Failed(reason));
    }
    if few {
        copy.set_phase(client, Phase::Indexing)?;
    }
    Ok(Step::Again)
}

/// Compares everything.
fn look(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    copy: &Copy,
    job: &JobRow,
) -> Result<Step, BackfillError> {
    let (target, waiting) = replay(client, closing, copy, job)?;
    let replay = of(closing, copy, job, &target);
    if waiting > u64::from(FEW) {
        return Ok(match replay.some(client, desk, Some(SOME))? {
            Ok(_) => Step::Again,
            Err(reason) => Step::Failed(reason),
        });
    }
    let failed = failed_keys(client, job.id, job.sweep)?;
    unhurried(client, closing.options)?;
    if let Some(reason) = check::wrong(client, desk, &replay, &failed)? {
        return Ok(Step::Failed(reason));
    }
    copy.set_phase(client, Phase::Swapping)?;
    Ok(Step::Again)
}

/// Tries the exchange, or shortens it where the transaction sees one moment.
fn exchange(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    copy: &Copy,
    job: &JobRow,
    one_moment: bool,
) -> Result<Step, BackfillError> {
    let (target, waiting) = replay(client, closing, copy, job)?;
    let replay = of(closing, copy, job, &target);
    if copy.rests && waiting <= u64::from(FEW / 2) {
        // So few are copied in the exchange itself.
        return Ok(Step::NotYet);
    }
    if one_moment {
        return Ok(match replay.some(client, desk, Some(SOME))? {
            Ok(0) => Step::NotYet,
            Ok(_) => Step::Again,
            Err(reason) => Step::Failed(reason),
        });
    }
    if waiting > u64::from(FEW) || copy.rests {
        return Ok(Step::NotYet);
    }
    let path = closing.path;
    Ok(
        match swap::swap(client, desk, closing.version, path, &replay)? {
            swap::Swapped::Done => Step::Again,
            swap::Swapped::TooMuch => Step::NotYet,
            swap::Swapped::Failed(reason) => Step::Failed(reason),
        },
    )
}

/// Notes that others were in the way of the exchange, so that it is not tried again at once. After
/// many tries the job pauses.
pub(super) fn rest(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    reason: &str,
) -> Result<(), BackfillError> {
    let job = control::job(client, closing.job, false)?;
    if !job.is_some_and(|it| it.strategy == Strategy::ShadowCopy) {
        return Ok(());
    }
    desk.next("BEGIN", None)?;
    begin(client, closing.options, closing.path)?;
    control::lock_alone(client, closing.job)?;
    let job = control::job(client, closing.job, true)?;
    if let Some(job) = job.filter(|it| it.status == JobStatus::Running)
        && let Some(copy) = row::read(client, job.id)?
        && copy.phase == Phase::Swapping
        && !copy.rests
    {
        let sql = "SELECT 0.5 + random() / 2";
        let row = client.query_one(sql, &[]).map_err(at(sql))?;
        let part: f64 = row.try_get(0).map_err(at(sql))?;
        let pause = 2_f64.powi(copy.tries.min(MOST_DOUBLINGS)) * part;
        copy.rest(client, std::time::Duration::from_secs_f64(pause))?;
        let told = format!("The copy waits for its turn to take the table's place: {reason}");
        let sql = "UPDATE _switchback.backfill SET turned = $2 WHERE id = $1";
        client.execute(sql, &[&job.id, &told]).map_err(at(sql))?;
        if copy.tries + 1 >= MOST_TRIES {
            let reason = format!(
                "after {MOST_TRIES} tries the copy could not take the table's place; it is tried \
                 again once it is told to go on: {reason}"
            );
            control::set_status(client, job.id, JobStatus::Paused, Some(&reason))?;
            let sql = "UPDATE _switchback.backfill_copy SET tries = 0 WHERE backfill = $1";
            client.execute(sql, &[&job.id]).map_err(at(sql))?;
        }
    }
    Ok(commit(client, desk)?)
}

/// Has the table stay the one that it is until the transaction ends: whoever looks at it would see
/// one half of it before the exchange, and the other half after it.
pub(super) fn stand_still(
    client: &mut Client,
    job: &JobRow,
    table: &str,
) -> Result<(), ChangeError> {
    if job.strategy != Strategy::ShadowCopy || oid(client, table)?.is_none() {
        return Ok(());
    }
    carry::run(
        client,
        &format!("LOCK TABLE ONLY {table} IN ACCESS SHARE MODE"),
    )
}

/// What happened to the original of a job since its copy was begun, if that ends it.
pub(super) fn misfit(
    client: &mut Client,
    path: &[String],
    version: u32,
    job: &JobRow,
    table: &str,
) -> Result<Option<Misfit>, ChangeError> {
    let turn = Turn::ChooseAgain;
    let Some(copy) = row::read(client, job.id)? else {
        let reason = "Its copy is gone.".to_owned();
        return Ok(Some(Misfit { reason, turn }));
    };
    if copy.phase == Phase::Validating {
        return Ok(None);
    }
    let Some(number) = oid(client, table)? else {
        return Ok(None);
    };
    let changed = qualified(client, path, |client| {
        let table = carry::named(client, number)?.full();
        swap::changed(client, version, &copy, &table)
    })?;
    Ok(changed.map(|reason| Misfit {
        reason: format!("{reason}."),
        turn,
    }))
}

/// Whether a job that is not over has lost its copy, so that it begins from the beginning.
pub(super) fn is_gone(client: &mut Client, job: &JobRow) -> Result<bool, ChangeError> {
    Ok(job.strategy == Strategy::ShadowCopy
        && matches!(
            job.status,
            JobStatus::Failed | JobStatus::Paused | JobStatus::Running
        )
        && row::read(client, job.id)?.is_none())
}
