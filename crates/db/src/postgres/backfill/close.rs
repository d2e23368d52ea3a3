//! The end of a walk: another one, or the end of the job.

use postgres::Client;
use switchback_migration::backfill::{JobStatus, Strategy};

use super::claim::{self, begin_walk};
use super::control;
use super::error::BackfillError;
use super::rerun;
use super::shadow;
use super::statement::{Statements, by_place};
use super::table::range::{Range, parse};
use crate::postgres::change::ChangeError;
use crate::postgres::change::Options;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit, milliseconds, reading};
use crate::postgres::change::persist::Desk;

/// How many walks come to their end before a job gives up.
pub(super) const MOST_WALKS: i32 = 5;

/// Pages that are looked at in one statement: 32 MiB.
const MOST_PAGES: u64 = 4096;

/// Rows that are looked at in one statement.
pub(super) const MOST_ROWS: u32 = 50_000;

/// What came of it.
pub(super) enum Closed {
    /// Another walk begins.
    Again,
    /// Others are at work on their ranges, or are closing it.
    NotYet,
    Ended(JobStatus),
    /// A reason that ends the job.
    Failed(String),
}

/// Who closes a walk, of which job.
pub(super) struct Closing<'a> {
    pub(super) job: &'a str,
    /// Of the definition.
    pub(super) digest: String,
    pub(super) statements: &'a Statements,
    pub(super) path: &'a [String],
    pub(super) options: &'a Options,
    pub(super) version: u32,
    pub(super) keep_undo: bool,
    pub(super) stop_on_error: bool,
    pub(super) most_failed: u64,
}

/// Looks whether every row has what it should, and ends the job or begins another walk.
pub(super) fn close(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
) -> Result<Closed, BackfillError> {
    if let Some(job) = control::job(client, closing.job, false)?
        && job.strategy == Strategy::ShadowCopy
        && job.status == JobStatus::Running
    {
        return shadow::close(client, desk, closing, &job);
    }
    // One is enough to look at all rows; it is let go with the connection if nothing else does it.
    let lock = format!(
        "pg_try_advisory_lock({})",
        control::closing_number(closing.job)
    );
    let sql = format!("SELECT {lock}");
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    if !row.try_get::<_, bool>(0).map_err(at(&sql))? {
        return Ok(Closed::NotYet);
    }
    let closed = closed(client, desk, closing);
    let unlock = format!(
        "SELECT pg_advisory_unlock({})",
        control::closing_number(closing.job)
    );
    let _ = client.batch_execute("ROLLBACK");
    let unlocked = client.batch_execute(&unlock).map_err(at(&unlock));
    let closed = closed?;
    unlocked?;
    Ok(closed)
}

fn closed(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
) -> Result<Closed, BackfillError> {
    let Some(job) = control::job(client, closing.job, false)? else {
        return Err(BackfillError::Unknown {
            job: closing.job.to_owned(),
        });
    };
    if job.status != JobStatus::Running {
        return Ok(Closed::Ended(job.status));
    }
    if !job.divided || unfinished(client, job.id, job.sweep)? {
        return Ok(Closed::NotYet);
    }
    if job.version != closing.digest {
        return Err(BackfillError::OtherVersion {
            job: closing.job.to_owned(),
            stored: job.version,
            given: closing.digest.clone(),
        });
    }
    if let Some(open) = rerun::open(client, job.id)? {
        return rerun::closed(client, desk, closing, &job, &open);
    }
    let failed = failed_keys(client, job.id, job.sweep)?;
    let left = reading(client, closing.options, closing.path, |client| {
        unhurried(client, closing.options)?;
        differing(
            client,
            &|| desk.next("counting rows that differ", None),
            closing.statements,
            &|range| closing.statements.count(range, None, &failed),
            by_place(job.strategy),
        )
    });
    let left = match left {
        Ok(left) => left,
        // A row that came meanwhile cannot be looked at: a walk finds out which.
        Err(error) if super::batch::refuses(&error) => 1,
        Err(error) => return Err(error.into()),
    };
    desk.next("BEGIN", None)?;
    begin(client, closing.options, closing.path)?;
    control::lock_alone(client, closing.job)?;
    let Some(now) = control::job(client, closing.job, true)? else {
        return Ok(Closed::NotYet);
    };
    if now.status != JobStatus::Running {
        return Ok(Closed::Ended(now.status));
    }
    if now.sweep != job.sweep {
        return Ok(Closed::NotYet);
    }
    let walks = now.closed + 1;
    let sql = "UPDATE _switchback.backfill SET closed = $2 WHERE id = $1";
    client.execute(sql, &[&now.id, &walks]).map_err(at(sql))?;
    // Rows that refused it in an earlier walk and do not any more.
    let sql = "DELETE FROM _switchback.backfill_failure WHERE backfill = $1 AND sweep < $2";
    client
        .execute(sql, &[&now.id, &now.sweep])
        .map_err(at(sql))?;
    let closed = if left == 0 {
        control::set_status(client, now.id, JobStatus::Done, None)?;
        Closed::Ended(JobStatus::Done)
    } else if walks >= MOST_WALKS {
        let reason = format!(
            "{left} rows differ again after {walks} walks: something writes rows without keeping \
             these columns right"
        );
        control::set_status(client, now.id, JobStatus::Failed, Some(&reason))?;
        Closed::Ended(JobStatus::Failed)
    } else {
        let table = &closing.statements.table;
        begin_walk(client, now.id, table, by_place(now.strategy))?;
        Closed::Again
    };
    commit(client, desk)?;
    Ok(closed)
}

/// Begins the walk anew because rows lie in other files than when it began.
pub(super) fn moved(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
) -> Result<(), BackfillError> {
    desk.next("BEGIN", None)?;
    begin(client, closing.options, closing.path)?;
    control::lock_alone(client, closing.job)?;
    let Some(job) = control::job(client, closing.job, true)? else {
        return Ok(commit(client, desk)?);
    };
    let table = &closing.statements.table;
    let now = claim::stored(client, table)?;
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let same = job.stored.as_deref().and_then(read) == read(&now);
    if job.status == JobStatus::Running && !same {
        let sql = "UPDATE _switchback.backfill_range SET status = 'void', worker = NULL \
                   WHERE backfill = $1 AND sweep = $2 AND status <> 'done'";
        client
            .execute(sql, &[&job.id, &job.sweep])
            .map_err(at(sql))?;
        begin_walk(client, job.id, table, by_place(job.strategy))?;
    }
    Ok(commit(client, desk)?)
}

pub(super) fn unfinished(client: &mut Client, id: i64, sweep: i32) -> Result<bool, ChangeError> {
    let sql = "SELECT EXISTS (SELECT FROM _switchback.backfill_range
               WHERE backfill = $1 AND sweep = $2 AND status IN ('waiting', 'leased'))";
    let row = client.query_one(sql, &[&id, &sweep]).map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}

pub(super) fn failed_keys(
    client: &mut Client,
    id: i64,
    sweep: i32,
) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT key FROM _switchback.backfill_failure WHERE backfill = $1 AND sweep = $2";
    let rows = client.query(sql, &[&id, &sweep]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}

/// Lets the statements of a transaction that only reads run for long: they hold up nobody, and an
/// expression that takes long for each row would never come to its end else.
pub(super) fn unhurried(client: &mut Client, options: &Options) -> Result<(), ChangeError> {
    let limit = options.long_statement_timeout.map_or(0, milliseconds);
    let sql = format!("SET LOCAL statement_timeout = {limit}");
    client.batch_execute(&sql).map_err(at(&sql))
}

/// How many rows there are of those that `sql` counts in a range, such as [`Statements::count`] does,
/// in stretches so that no statement takes long; `each` comes before each of them. In a transaction that sees one moment no row escapes by
/// moving from a stretch that comes to one that is done.
pub(super) fn differing(
    client: &mut Client,
    each: &dyn Fn() -> Result<(), ChangeError>,
    statements: &Statements,
    sql: &dyn Fn(&Range) -> String,
    places: bool,
) -> Result<u64, ChangeError> {
    let table = &statements.table;
    let mut found = 0;
    let mut count = |client: &mut Client, range| -> Result<(), ChangeError> {
        each()?;
        let sql = sql(&range);
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        if row.len() > 1 {
            statements.given_once(&row, 1, &sql)?;
        }
        found += row.try_get::<_, i64>(0).map_err(at(&sql))?.unsigned_abs();
        Ok(())
    };
    if places {
        for leaf in &table.leaves {
            let mut from = 0;
            loop {
                // The last one is open: the table may have grown since its size was read.
                let to = (from + MOST_PAGES < leaf.pages).then_some(from + MOST_PAGES);
                count(client, table.on_pages(&leaf.full, from, to))?;
                match to {
                    Some(to) => from = to,
                    None => break,
                }
            }
        }
        return Ok(found);
    }
    let mut after = None;
    loop {
        let sql = table.reach(&table.between(after.as_ref(), None), MOST_ROWS);
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        let last: Option<String> = row.try_get(0).map_err(at(&sql))?;
        let Some(last) = last else { return Ok(found) };
        let to = parse(&last)?;
        count(client, table.between(after.as_ref(), Some(&to)))?;
        after = Some(to);
    }
}
