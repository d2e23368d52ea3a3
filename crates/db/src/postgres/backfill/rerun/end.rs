//! The end of a walk over rows that are done again.

use postgres::Client;
use switchback_migration::backfill::JobStatus;

use super::begin::next_sweep;
use super::scope::Scope;
use super::{Open, open};
use crate::postgres::backfill::batch::refuses;
use crate::postgres::backfill::close::{
    Closed, Closing, MOST_ROWS, MOST_WALKS, failed_keys, unhurried,
};
use crate::postgres::backfill::control::{self, JobRow};
use crate::postgres::backfill::error::BackfillError;
use crate::postgres::backfill::statement::Statements;
use crate::postgres::backfill::table::range::Range;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit, reading};
use crate::postgres::change::persist::Desk;

/// A range of a walk with its rows.
struct Part {
    scope: Scope,
    start: Option<String>,
    end: String,
}

/// Looks whether every row that was to be done again has what it should, and no other row. Then the
/// job stands where it stood before, or these rows are walked once more.
pub(in crate::postgres::backfill) fn closed(
    client: &mut Client,
    desk: &Desk,
    closing: &Closing<'_>,
    job: &JobRow,
    was: &Open,
) -> Result<Closed, BackfillError> {
    let parts = parts(client, job.id, job.sweep)?;
    let failed = failed_keys(client, job.id, job.sweep)?;
    let left = reading(client, closing.options, closing.path, |client| {
        unhurried(client, closing.options)?;
        let mut left = 0;
        for part in &parts {
            left += match differing(client, desk, closing.statements, &failed, part) {
                Err(BackfillError::Database(error)) => return Err(error),
                other => return_garbled(other)?,
            };
        }
        Ok(left)
    });
    let left = match left {
        Ok(left) => left,
        // A row that came meanwhile cannot be looked at: a walk finds out which.
        Err(error) if refuses(&error) => 1,
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
    if now.sweep != job.sweep || open(client, now.id)?.is_none() {
        return Ok(Closed::NotYet);
    }
    let walks = now.closed + 1;
    let sql = "UPDATE _switchback.backfill SET closed = $2 WHERE id = $1";
    client.execute(sql, &[&now.id, &walks]).map_err(at(sql))?;
    for part in &parts {
        mended(client, &now, closing.statements, part)?;
    }
    let closed = if left == 0 {
        Closed::Ended(finish(client, &now, was)?)
    } else if walks >= MOST_WALKS {
        let reason = format!(
            "{left} rows differ again after {walks} walks over what was to be done again: something \
             writes rows without keeping these columns right"
        );
        control::set_status(client, now.id, JobStatus::Failed, Some(&reason))?;
        Closed::Ended(JobStatus::Failed)
    } else {
        once_more(client, &now)?;
        Closed::Again
    };
    commit(client, desk)?;
    Ok(closed)
}

/// Only the database is asked in between.
fn return_garbled(other: Result<u64, BackfillError>) -> Result<u64, ChangeError> {
    other.map_err(|error| ChangeError::Unexpected {
        question: error.to_string(),
    })
}

fn parts(client: &mut Client, id: i64, sweep: i32) -> Result<Vec<Part>, BackfillError> {
    let sql = "SELECT scope::text, cursor_start::text, cursor_end::text
               FROM _switchback.backfill_range WHERE backfill = $1 AND sweep = $2
                 AND scope IS NOT NULL ORDER BY number";
    let rows = client.query(sql, &[&id, &sweep]).map_err(at(sql))?;
    let mut parts = Vec::new();
    for row in rows {
        let scope: Option<String> = row.try_get(0).map_err(at(sql))?;
        parts.push(Part {
            scope: Scope::read(scope.as_deref())?.unwrap_or_default(),
            start: row.try_get(1).map_err(at(sql))?,
            end: row.try_get(2).map_err(at(sql))?,
        });
    }
    Ok(parts)
}

/// How many rows of a range differ, a stretch at a time.
fn differing(
    client: &mut Client,
    desk: &Desk,
    statements: &Statements,
    failed: &[String],
    part: &Part,
) -> Result<u64, BackfillError> {
    let mut place = part.start.clone();
    let mut found = 0;
    loop {
        desk.next("counting rows that differ", None)?;
        let next = part
            .scope
            .next(client, statements, place.as_deref(), &part.end, MOST_ROWS)?;
        let Some(next) = next else { return Ok(found) };
        found += count(client, statements, &next.range, failed)?;
        if next.last {
            return Ok(found);
        }
        place = Some(next.place);
    }
}

fn count(
    client: &mut Client,
    statements: &Statements,
    range: &Range,
    failed: &[String],
) -> Result<u64, ChangeError> {
    let sql = statements.count(range, None, failed);
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    statements.given_once(&row, 1, &sql)?;
    let count: i64 = row.try_get(0).map_err(at(&sql))?;
    Ok(count.unsigned_abs())
}

/// Rows of a range that refused it in an earlier walk and did not in this one.
fn mended(
    client: &mut Client,
    job: &JobRow,
    statements: &Statements,
    part: &Part,
) -> Result<(), BackfillError> {
    let older = format!("sweep < {}", job.sweep);
    delete(client, job.id, statements, part, "backfill_failure", &older)
}

/// A program is asked again what the rows of a walk get that it passed over before.
pub(super) fn ask_again(
    client: &mut Client,
    id: i64,
    sweep: i32,
    statements: &Statements,
) -> Result<(), BackfillError> {
    for part in parts(client, id, sweep)? {
        delete(client, id, statements, &part, "backfill_skipped", "true")?;
    }
    Ok(())
}

/// Deletes notes of a control table on the rows of a range, where a condition holds for them.
fn delete(
    client: &mut Client,
    id: i64,
    statements: &Statements,
    part: &Part,
    notes: &str,
    only: &str,
) -> Result<(), BackfillError> {
    if let Some(keys) = part.scope.keys() {
        let sql = format!(
            "DELETE FROM _switchback.{notes} WHERE backfill = $1 AND {only} AND key = ANY ($2)"
        );
        client.execute(&sql, &[&id, &keys]).map_err(at(&sql))?;
        return Ok(());
    }
    let table = &statements.table;
    let rows = part.scope.all(table, part.start.as_deref(), &part.end)?;
    let sql = format!(
        "DELETE FROM _switchback.{notes} AS _sb_f WHERE backfill = $1 AND {only} \
           AND EXISTS (SELECT FROM {} WHERE {} AND {})",
        rows.target,
        statements.has_key("", "_sb_f.key"),
        rows.condition
    );
    client.execute(&sql, &[&id]).map_err(at(&sql))?;
    Ok(())
}

/// The same rows are walked once more.
fn once_more(client: &mut Client, job: &JobRow) -> Result<(), BackfillError> {
    let sweep = next_sweep(client, job)?;
    let sql = "INSERT INTO _switchback.backfill_range (backfill, sweep, number, cursor_start,
                 cursor_end, place, status, attempts, epoch, version, scope)
               SELECT backfill, $3, number, cursor_start, cursor_end, cursor_start, 'waiting', 0, 0,
                 version, scope
               FROM _switchback.backfill_range WHERE backfill = $1 AND sweep = $2";
    client
        .execute(sql, &[&job.id, &job.sweep, &sweep])
        .map_err(at(sql))?;
    let sql = "UPDATE _switchback.backfill SET sweep = $2 WHERE id = $1";
    client.execute(sql, &[&job.id, &sweep]).map_err(at(sql))?;
    Ok(())
}

/// Every row has what it should: the job stands where it stood before.
fn finish(client: &mut Client, job: &JobRow, was: &Open) -> Result<JobStatus, BackfillError> {
    let sql = "UPDATE _switchback.backfill AS job SET status = was ->> 'status',
                 sweep = (was ->> 'sweep')::integer, closed = (was ->> 'closed')::integer,
                 stored = nullif(was -> 'stored', 'null'), high = nullif(was -> 'high', 'null'),
                 frontier = nullif(was -> 'frontier', 'null'),
                 divided = (was ->> 'divided')::boolean, total = (was ->> 'total')::bigint,
                 error = was ->> 'error', strategy = coalesce(was -> 'strategy', strategy),
                 finished_at = CASE WHEN was ->> 'status' IN ('done', 'cancelled') THEN now() END
               FROM _switchback.backfill_rerun AS it
               WHERE job.id = $1 AND it.backfill = $1 AND it.sweep = $2
               RETURNING job.status, job.sweep";
    let row = client
        .query_one(sql, &[&job.id, &was.sweep])
        .map_err(at(sql))?;
    let word: String = row.try_get(0).map_err(at(sql))?;
    let sweep: i32 = row.try_get(1).map_err(at(sql))?;
    // Those that refused it now count with those of the walk that the job goes back to.
    let sql = "UPDATE _switchback.backfill_failure SET sweep = $2
               WHERE backfill = $1 AND sweep > $2";
    client.execute(sql, &[&job.id, &sweep]).map_err(at(sql))?;
    let sql = "UPDATE _switchback.backfill_rerun SET state = 'done', finished_at = now()
               WHERE backfill = $1 AND state = 'open'";
    client.execute(sql, &[&job.id]).map_err(at(sql))?;
    JobStatus::of_word(&word).ok_or_else(|| BackfillError::Garbled {
        what: "where a job stood before".to_owned(),
    })
}
