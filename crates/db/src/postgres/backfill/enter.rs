//! Where a batch begins: its transaction, and the range, which must still be ours.

use std::time::Instant;

use postgres::Client;
use switchback_migration::backfill::{JobStatus, Strategy};

use super::batch::{Did, Task};
use super::claim::Held;
use super::control;
use super::error::BackfillError;
use super::place::Place;
use super::rerun::Scope;
use super::shadow::fill::Target;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit};
use crate::postgres::change::persist::Desk;

/// The range as it stands.
pub(super) struct Standing {
    pub(super) id: i64,
    pub(super) strategy: Strategy,
    /// Whether it is the first walk of the job.
    pub(super) first: bool,
    pub(super) empty_first: bool,
    pub(super) sweep: i32,
    pub(super) stored: Option<String>,
    /// Where rows are copied to, if that is what is done with them.
    pub(super) target: Option<Target>,
    pub(super) end: String,
    pub(super) place: Option<String>,
    /// Which of its rows are done again, where that is what is done.
    pub(super) scope: Option<Scope>,
}

/// Begins the transaction of a batch, and locks its range. Gives also when it began. Where there is
/// nothing to do in it nothing is left open.
pub(super) fn enter(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
) -> Result<Result<(Standing, Instant), Did>, BackfillError> {
    desk.next("BEGIN", None)?;
    begin(client, task.options, task.path)?;
    // What a commit that is lost did, and that it did, are lost together.
    let later = "SET LOCAL synchronous_commit = off";
    client.batch_execute(later).map_err(at(later))?;
    let began = Instant::now();
    control::lock_shared(client, task.job)?;
    let standing = match look(client, task)? {
        Ok(standing) => standing,
        Err(did) => {
            commit(client, desk)?;
            return Ok(Err(did));
        }
    };
    if let (Some(was), Some(place)) = (&standing.stored, &standing.place)
        && !stays(client, desk, task, was, &Place::read(place)?.leaf)?
    {
        client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
        return Ok(Err(Did::Moved));
    }
    Ok(Ok((standing, began)))
}

/// Whether the rows of `leaf` lie where they did when the walk began, and will until the transaction
/// ends: whoever writes them anew waits for our lock.
fn stays(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    was: &str,
    leaf: &str,
) -> Result<bool, BackfillError> {
    let sql = format!("LOCK TABLE ONLY {leaf} IN ROW EXCLUSIVE MODE");
    desk.next(&sql, Some(task.options.lock_timeout))?;
    match client.batch_execute(&sql).map_err(at(&sql)) {
        Ok(()) => {}
        // A partition that is gone.
        Err(error) if error.code() == Some("42P01") => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let sql = "SELECT ($1::text::jsonb ->> $2)::oid = pg_relation_filenode($2::regclass)";
    let row = client.query_one(sql, &[&was, &leaf]).map_err(at(sql))?;
    Ok(row.try_get::<_, Option<bool>>(0).map_err(at(sql))? == Some(true))
}

/// Locks the range, if it is still ours.
fn look(client: &mut Client, task: &Task<'_>) -> Result<Result<Standing, Did>, BackfillError> {
    let Some(job) = control::job(client, task.job, false)? else {
        return Ok(Err(Did::Lost));
    };
    if job.status != JobStatus::Running {
        return Ok(Err(Did::Ended(job.status)));
    }
    let Held {
        sweep,
        number,
        epoch,
    } = *task.held;
    let sql = "SELECT cursor_end::text, place::text, scope::text FROM _switchback.backfill_range
               WHERE backfill = $1 AND sweep = $2 AND number = $3 AND worker = $4 AND epoch = $5
                 AND status = 'leased' AND sweep = $6 FOR UPDATE";
    let found = client
        .query_opt(
            sql,
            &[&job.id, &sweep, &number, &task.worker, &epoch, &job.sweep],
        )
        .map_err(at(sql))?;
    let Some(found) = found else {
        return Ok(Err(Did::Lost));
    };
    let target = match job.strategy {
        Strategy::ShadowCopy => match Target::of(client, job.id)? {
            Some(target) => Some(target),
            // Somebody drops it.
            None => return Ok(Err(Did::Lost)),
        },
        _ => None,
    };
    Ok(Ok(Standing {
        id: job.id,
        strategy: job.strategy,
        first: job.closed == 0,
        empty_first: job.empty_first,
        sweep,
        stored: job.stored,
        target,
        end: found.try_get(0).map_err(at(sql))?,
        place: found.try_get(1).map_err(at(sql))?,
        scope: Scope::read(found.try_get(2).map_err(at(sql))?)?,
    }))
}
