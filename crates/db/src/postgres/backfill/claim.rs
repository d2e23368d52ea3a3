//! Dividing a walk into ranges, and taking one on lease.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres::Client;
use switchback_migration::backfill::JobStatus;

use super::control::{self, JobRow};
use super::error::BackfillError;
use super::place::{Place, rows_on_page};
use super::statement::by_place;
use super::table::Table;
use super::table::range::parse;
use crate::postgres::change::error::at;

/// About how many rows a range has: some batches, so that taking ranges costs little, and few
/// enough that workers end together. Walked in passes it is one window.
pub(super) const RANGE_ROWS: u64 = 100_000;

/// What a walk begins with: the files that rows lie in, and where it ends.
pub(super) fn begin_walk(
    client: &mut Client,
    id: i64,
    table: &Table,
    places: bool,
) -> Result<(), BackfillError> {
    let high = if places {
        let sizes = table.leaves.iter().map(|leaf| (&leaf.full, leaf.pages));
        let sizes: BTreeMap<_, _> = sizes.collect();
        Some(serde_json::json!(sizes).to_string())
    } else {
        let sql = table.highest();
        let row = client.query_opt(&sql, &[]).map_err(at(&sql))?;
        row.map(|row| row.try_get(0).map_err(at(&sql)))
            .transpose()?
    };
    let stored = if places {
        Some(stored(client, table)?)
    } else {
        None
    };
    let total = table.rows().map(|it| i64::try_from(it).unwrap_or(i64::MAX));
    let sql = "UPDATE _switchback.backfill SET sweep = greatest(sweep, \
                 (SELECT max(sweep) FROM _switchback.backfill_range WHERE backfill = $1)) + 1, \
               stored = $2::text::jsonb, \
               high = $3::text::jsonb, frontier = NULL, divided = $3 IS NULL, \
               total = coalesce($4, total) WHERE id = $1";
    client
        .execute(sql, &[&id, &stored, &high, &total])
        .map_err(at(sql))?;
    Ok(())
}

/// The files that the rows of a table lie in. A place on disk means nothing in another file.
pub(super) fn stored(client: &mut Client, table: &Table) -> Result<String, BackfillError> {
    let names: Vec<&String> = table.leaves.iter().map(|leaf| &leaf.full).collect();
    let sql = "SELECT coalesce(jsonb_object_agg(it, pg_relation_filenode(it::regclass)), '{}')::text \
               FROM unnest($1::text[]) AS it";
    let row = client.query_one(sql, &[&names]).map_err(at(sql))?;
    Ok(row.try_get(0).map_err(at(sql))?)
}

/// A range that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) sweep: i32,
    pub(super) number: i32,
    pub(super) epoch: i64,
}

/// What came of asking for a range.
pub(super) enum Claimed {
    Range(Held),
    NothingLeft,
    Ended(JobStatus),
}

/// Takes a range for `worker`, in a transaction: one that was given back or whose lease ran out,
/// else the next rows that nobody has taken yet, about `rows` of them. Nobody goes on with another
/// definition than the job's.
pub(super) fn claim(
    client: &mut Client,
    job: &str,
    version: &str,
    table: &Table,
    worker: &str,
    lease: Duration,
    rows: u64,
) -> Result<Claimed, BackfillError> {
    control::lock_shared(client, job)?;
    let Some(row) = control::job(client, job, true)? else {
        return Err(BackfillError::Unknown {
            job: job.to_owned(),
        });
    };
    if row.status != JobStatus::Running {
        return Ok(Claimed::Ended(row.status));
    }
    if row.version != version {
        return Err(BackfillError::OtherVersion {
            job: job.to_owned(),
            stored: row.version,
            given: version.to_owned(),
        });
    }
    let lease = lease.as_secs_f64();
    // Materialized: as part of a join it may be asked again for each range, and then names another
    // one each time, as it passes over those that are locked.
    let sql = "WITH free AS MATERIALIZED (SELECT number FROM _switchback.backfill_range
                 WHERE backfill = $1 AND sweep = $2 AND (status = 'waiting'
                   OR (status = 'leased' AND lease_until < clock_timestamp()))
                 ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
               UPDATE _switchback.backfill_range AS mine
               SET status = 'leased', worker = $3, epoch = mine.epoch + 1,
                 attempts = mine.attempts + 1,
                 lease_until = clock_timestamp() + make_interval(secs => $4)
               FROM free
               WHERE mine.backfill = $1 AND mine.sweep = $2 AND mine.number = free.number
               RETURNING mine.number, mine.epoch";
    let found = client
        .query_opt(sql, &[&row.id, &row.sweep, &worker, &lease])
        .map_err(at(sql))?;
    if let Some(found) = found {
        return Ok(Claimed::Range(Held {
            sweep: row.sweep,
            number: found.try_get(0).map_err(at(sql))?,
            epoch: found.try_get(1).map_err(at(sql))?,
        }));
    }
    if row.divided {
        return Ok(Claimed::NothingLeft);
    }
    let next = if by_place(row.strategy) {
        next_pages(table, &row, rows)?
    } else {
        next_keys(client, table, &row, rows)?
    };
    let Some((start, end)) = next else {
        let sql = "UPDATE _switchback.backfill SET divided = true WHERE id = $1";
        client.execute(sql, &[&row.id]).map_err(at(sql))?;
        return Ok(Claimed::NothingLeft);
    };
    let sql = "INSERT INTO _switchback.backfill_range (backfill, sweep, number, cursor_start, \
                 cursor_end, place, status, attempts, worker, epoch, version, lease_until) \
               SELECT $1, $2, coalesce(max(number), 0) + 1, $3::text::jsonb, $4::text::jsonb, \
                 $3::text::jsonb, 'leased', 1, $5, 1, $7, \
                 clock_timestamp() + make_interval(secs => $6) \
               FROM _switchback.backfill_range WHERE backfill = $1 AND sweep = $2 \
               RETURNING number";
    let made = client
        .query_one(
            sql,
            &[
                &row.id,
                &row.sweep,
                &start,
                &end,
                &worker,
                &lease,
                &row.version,
            ],
        )
        .map_err(at(sql))?;
    let number: i32 = made.try_get(0).map_err(at(sql))?;
    let sql = "UPDATE _switchback.backfill SET frontier = $2::text::jsonb WHERE id = $1";
    client.execute(sql, &[&row.id, &end]).map_err(at(sql))?;
    Ok(Claimed::Range(Held {
        sweep: row.sweep,
        number,
        epoch: 1,
    }))
}

/// From where to where the next range goes, as they are stored.
type Next = Option<(Option<String>, String)>;

fn next_pages(table: &Table, row: &JobRow, rows: u64) -> Result<Next, BackfillError> {
    let high = row.high.as_deref().unwrap_or("{}");
    let sizes: BTreeMap<String, u64> =
        serde_json::from_str(high).map_err(|_| BackfillError::Garbled {
            what: format!("the sizes {high}"),
        })?;
    let pages = (rows / rows_on_page(table)).clamp(1, 4096);
    let from = row.frontier.as_deref().map(Place::read).transpose()?;
    let left = |leaf: &String, size: u64| match &from {
        Some(from) if from.leaf == *leaf => from.page < size,
        Some(from) => from.leaf < *leaf && size > 0,
        None => size > 0,
    };
    let Some((leaf, size)) = sizes.iter().find(|(leaf, size)| left(leaf, **size)) else {
        return Ok(None);
    };
    let begin = match &from {
        Some(from) if from.leaf == *leaf => from.page,
        _ => 0,
    };
    let start = Place::at(leaf, begin).json();
    let end = Place::at(leaf, (begin + pages).min(*size)).json();
    Ok(Some((Some(start), end)))
}

fn next_keys(
    client: &mut Client,
    table: &Table,
    row: &JobRow,
    rows: u64,
) -> Result<Next, BackfillError> {
    let Some(high) = &row.high else {
        return Ok(None);
    };
    let after = row.frontier.as_deref().map(parse).transpose()?;
    let high = parse(high)?;
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    let sql = table.reach(&table.between(after.as_ref(), Some(&high)), rows);
    let found = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let last: Option<String> = found.try_get(0).map_err(at(&sql))?;
    Ok(last.map(|last| (row.frontier.clone(), last)))
}
