//! The control tables of backfills, in the database whose rows they fill.
//!
//! `_switchback_backfill` has a row for each job, `_switchback_backfill_range` for each range of
//! rows that was given out, `_switchback_backfill_undo` one for each batch with the former values,
//! `_switchback_backfill_error` one for each row that could not be changed, or not put back,
//! `_switchback_backfill_skipped` one for each that a program passed over. They are made when they
//! are first needed, and a newer format is refused.
//!
//! A place in a table is the key itself where it has one column, else a blob of its values.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use switchback_migration::backfill::{Counts, JobStatus};

use super::codec::{Exact, Key, packed, unpacked};
use super::error::BackfillError;
use crate::sqlite::error::{DbError, at};

pub(super) use super::noted::{Kind, note};

/// The format of these tables that this version writes.
pub const FORMAT: i64 = 3;

const CREATE: &str = "
CREATE TABLE _switchback_backfill_format (version INTEGER NOT NULL) STRICT;
INSERT INTO _switchback_backfill_format VALUES (3);
CREATE TABLE _switchback_backfill (
  job TEXT PRIMARY KEY,
  version TEXT NOT NULL, -- the digest of the definition
  in_table TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN
    ('running', 'paused', 'cancelled', 'failed', 'done', 'undoing', 'undone')),
  stop_on_error INTEGER NOT NULL,
  most_errors INTEGER NOT NULL,
  range_rows INTEGER NOT NULL,
  most_undo_bytes INTEGER,
  sweep INTEGER NOT NULL, -- the walk through all rows, from 1
  changing INTEGER NOT NULL, -- how many walks have changed rows since it was begun or resumed
  due INTEGER NOT NULL, -- whether another walk follows this one even if this one changes nothing
  frontier ANY, -- the last key that is in a range; NULL before the first
  high ANY, -- the last key when the walk began; NULL where there were no rows
  sweep_scanned INTEGER NOT NULL,
  sweep_changed INTEGER NOT NULL,
  total INTEGER, -- about how many rows there were when it began
  rows_scanned INTEGER NOT NULL,
  rows_changed INTEGER NOT NULL,
  rows_failed INTEGER NOT NULL, -- those that have an error now
  batches INTEGER NOT NULL,
  worked_us INTEGER NOT NULL,
  undo TEXT NOT NULL CHECK (undo IN ('kept', 'none', 'forgotten')),
  undo_bytes INTEGER NOT NULL,
  rows_restored INTEGER NOT NULL,
  rows_conflicting INTEGER NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  error TEXT,
  change TEXT, -- the change whose fill it is, if it is one
  columns TEXT NOT NULL, -- those that are written, as a JSON list
  definition TEXT NOT NULL, -- what it was begun with, in JSON
  rows_skipped INTEGER NOT NULL -- those that a program passed over
) STRICT;
CREATE TABLE _switchback_backfill_range (
  job TEXT NOT NULL,
  sweep INTEGER NOT NULL,
  number INTEGER NOT NULL,
  cursor_start ANY, -- its rows come after this one; NULL for the first
  cursor_end ANY NOT NULL, -- its last row
  place ANY, -- the last row that is done
  status TEXT NOT NULL CHECK (status IN ('waiting', 'leased', 'done')),
  attempts INTEGER NOT NULL,
  worker TEXT,
  lease_until INTEGER, -- milliseconds since 1970
  epoch INTEGER NOT NULL, -- another one for each lease
  rows_scanned INTEGER NOT NULL,
  rows_changed INTEGER NOT NULL,
  rows_failed INTEGER NOT NULL,
  rows_skipped INTEGER NOT NULL,
  batches INTEGER NOT NULL,
  checksum_before INTEGER NOT NULL, -- sums over key and written columns of all rows
  checksum_after INTEGER NOT NULL,
  error TEXT,
  version TEXT, -- the digest of the definition that it is done with
  again INTEGER NOT NULL, -- whether its rows are done once more by themselves
  from_key ANY, -- its first row, where it does not come after another one
  PRIMARY KEY (job, sweep, number)
) STRICT;
CREATE INDEX _switchback_backfill_range_open ON _switchback_backfill_range (job, sweep, number)
  WHERE status <> 'done';
CREATE TABLE _switchback_backfill_undo (
  segment INTEGER PRIMARY KEY, -- newer ones are greater
  job TEXT NOT NULL,
  sweep INTEGER NOT NULL,
  number INTEGER NOT NULL, -- of the range
  rows INTEGER NOT NULL,
  restored INTEGER NOT NULL, -- how many of them are put back, from the first
  written_at INTEGER NOT NULL, -- milliseconds since 1970
  content BLOB NOT NULL
) STRICT;
CREATE INDEX _switchback_backfill_undo_job ON _switchback_backfill_undo (job, segment);
CREATE TABLE _switchback_backfill_error (
  job TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('failed', 'conflict')),
  key ANY NOT NULL,
  shown TEXT NOT NULL, -- the key as people read it
  sweep INTEGER NOT NULL,
  message TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (job, kind, key)
) STRICT;
";

/// A count as SQLite has it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// One column as a count.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// Whether the tables are there.
///
/// # Errors
/// If they have a format that this version does not know.
pub(super) fn exists(connection: &Connection) -> Result<bool, BackfillError> {
    let sql = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = '_switchback_backfill_format'";
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut it| it.query_row([], |_| Ok(())).optional())
        .map_err(at(sql))?;
    if found.is_none() {
        return Ok(false);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _switchback_backfill_format";
    let found: i64 = connection
        .prepare_cached(sql)
        .and_then(|mut it| it.query_row([], |row| row.get(0)))
        .map_err(at(sql))?;
    if found != FORMAT {
        let known = FORMAT;
        return Err(DbError::Format { found, known }.into());
    }
    Ok(true)
}

/// Makes the tables where they are not there yet. Needs the write lock.
pub(super) fn ensure(connection: &Connection) -> Result<(), BackfillError> {
    if !exists(connection)? {
        connection
            .execute_batch(&format!(
                "{CREATE}{}{}",
                super::rerun::CREATE,
                super::expire::CREATE
            ))
            .map_err(at("making the control tables of backfills"))?;
    }
    Ok(())
}

/// Runs one statement.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<usize, BackfillError> {
    let done = connection
        .prepare_cached(sql)
        .and_then(|mut it| it.execute(parameters));
    Ok(done.map_err(at(sql))?)
}

/// Reads the first row, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, BackfillError> {
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut it| it.query_row(parameters, read).optional());
    Ok(found.map_err(at(sql))?)
}

/// What became of the former values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undo {
    Kept,
    None,
    Forgotten,
}

impl Undo {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::None => "none",
            Self::Forgotten => "forgotten",
        }
    }
}

/// A job's row.
#[derive(Debug, Clone)]
pub(super) struct JobRow {
    pub(super) version: String,
    pub(super) table: String,
    pub(super) status: JobStatus,
    pub(super) stop_on_error: bool,
    pub(super) most_errors: u64,
    pub(super) range_rows: u32,
    pub(super) most_undo_bytes: Option<u64>,
    pub(super) sweep: u32,
    pub(super) changing: u32,
    pub(super) due: bool,
    pub(super) frontier: Exact,
    pub(super) high: Exact,
    pub(super) sweep_scanned: u64,
    pub(super) sweep_changed: u64,
    pub(super) total: Option<u64>,
    pub(super) counts: Counts,
    pub(super) worked_us: u64,
    pub(super) undo: Undo,
    pub(super) undo_bytes: u64,
    pub(super) restored: u64,
    pub(super) conflicting: u64,
    pub(super) started_at: String,
    pub(super) finished_at: Option<String>,
    pub(super) error: Option<String>,
    /// The change whose fill it is, if it is one.
    pub(super) change: Option<String>,
    /// Those that are written.
    pub(super) columns: Vec<String>,
    pub(super) definition: String,
}

/// A value that may be NULL for a place that is not there.
pub(super) fn place(value: &Exact, columns: usize) -> Result<Option<Key>, BackfillError> {
    match value {
        Exact::Null => Ok(None),
        some => unpacked(some.clone(), columns).map(Some),
    }
}

/// A place as it is stored.
pub(super) fn stored(key: Option<&Key>) -> Exact {
    key.map_or(Exact::Null, |it| packed(it))
}

pub(super) fn exact(row: &Row<'_>, column: &str) -> rusqlite::Result<Exact> {
    Ok(Exact::of(row.get_ref(column)?))
}

fn small(row: &Row<'_>, column: &str) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).unwrap_or(u32::MAX))
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        version: row.get("version")?,
        table: row.get("in_table")?,
        // The table allows these words only.
        status: JobStatus::of_word(&row.get::<_, String>("status")?).unwrap_or(JobStatus::Failed),
        stop_on_error: row.get("stop_on_error")?,
        most_errors: count(row, "most_errors")?,
        range_rows: small(row, "range_rows")?,
        most_undo_bytes: row
            .get::<_, Option<i64>>("most_undo_bytes")?
            .map(i64::unsigned_abs),
        sweep: small(row, "sweep")?,
        changing: small(row, "changing")?,
        due: row.get("due")?,
        frontier: exact(row, "frontier")?,
        high: exact(row, "high")?,
        sweep_scanned: count(row, "sweep_scanned")?,
        sweep_changed: count(row, "sweep_changed")?,
        total: row.get::<_, Option<i64>>("total")?.map(i64::unsigned_abs),
        counts: Counts {
            scanned: count(row, "rows_scanned")?,
            changed: count(row, "rows_changed")?,
            failed: count(row, "rows_failed")?,
            skipped: count(row, "rows_skipped")?,
            batches: count(row, "batches")?,
        },
        worked_us: count(row, "worked_us")?,
        undo: match row.get::<_, String>("undo")?.as_str() {
            "kept" => Undo::Kept,
            "none" => Undo::None,
            _ => Undo::Forgotten,
        },
        undo_bytes: count(row, "undo_bytes")?,
        restored: count(row, "rows_restored")?,
        conflicting: count(row, "rows_conflicting")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
        error: row.get("error")?,
        change: row.get("change")?,
        columns: serde_json::from_str(&row.get::<_, String>("columns")?).unwrap_or_default(),
        definition: row.get("definition")?,
    })
}

/// A job's row; none where it was never begun.
pub(super) fn job(connection: &Connection, id: &str) -> Result<Option<JobRow>, BackfillError> {
    if !exists(connection)? {
        return Ok(None);
    }
    let sql = "SELECT * FROM _switchback_backfill WHERE job = ?1";
    first(connection, sql, [id], read_job)
}

/// A job's row that must be there.
pub(super) fn known_job(connection: &Connection, id: &str) -> Result<JobRow, BackfillError> {
    job(connection, id)?.ok_or_else(|| BackfillError::NoJob { job: id.to_owned() })
}

/// The ids of all jobs.
pub(super) fn jobs(connection: &Connection) -> Result<Vec<String>, BackfillError> {
    if !exists(connection)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT job FROM _switchback_backfill ORDER BY job";
    Ok(crate::sqlite::catalog::all(connection, sql, &[], |row| {
        row.get(0)
    })?)
}

/// Writes the whole row of a job.
pub(super) fn set_job(connection: &Connection, id: &str, to: &JobRow) -> Result<(), BackfillError> {
    let sql = "INSERT INTO _switchback_backfill VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                 ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26,
                 ?27, ?28, ?29, ?30, ?31, ?32)
               ON CONFLICT (job) DO UPDATE SET
                 version = ?2, in_table = ?3, status = ?4, stop_on_error = ?5, most_errors = ?6,
                 range_rows = ?7, most_undo_bytes = ?8, sweep = ?9, changing = ?10, due = ?11,
                 frontier = ?12, high = ?13, sweep_scanned = ?14, sweep_changed = ?15,
                 total = ?16, rows_scanned = ?17, rows_changed = ?18, rows_failed = ?19,
                 batches = ?20, worked_us = ?21, undo = ?22, undo_bytes = ?23,
                 rows_restored = ?24, rows_conflicting = ?25, started_at = ?26,
                 finished_at = ?27, error = ?28, change = ?29, columns = ?30, definition = ?31,
                 rows_skipped = ?32";
    let columns = serde_json::json!(to.columns).to_string();
    let parameters = params![
        id,
        to.version,
        to.table,
        to.status.word(),
        to.stop_on_error,
        number(to.most_errors),
        to.range_rows,
        to.most_undo_bytes.map(number),
        to.sweep,
        to.changing,
        to.due,
        to.frontier,
        to.high,
        number(to.sweep_scanned),
        number(to.sweep_changed),
        to.total.map(number),
        number(to.counts.scanned),
        number(to.counts.changed),
        number(to.counts.failed),
        number(to.counts.batches),
        number(to.worked_us),
        to.undo.word(),
        number(to.undo_bytes),
        number(to.restored),
        number(to.conflicting),
        to.started_at,
        to.finished_at,
        to.error,
        to.change,
        columns,
        to.definition,
        number(to.counts.skipped),
    ];
    run(connection, sql, parameters).map(drop)
}

/// A range on lease: which one, and which lease of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) sweep: u32,
    pub(super) number: i64,
    pub(super) epoch: i64,
}

/// The part of a range's row that batches move.
#[derive(Debug, Clone)]
pub(super) struct RangeRow {
    pub(super) end: Exact,
    /// Its first row, where it does not come after another one.
    pub(super) from: Exact,
    pub(super) place: Exact,
    pub(super) counts: Counts,
    pub(super) before: u64,
    pub(super) after: u64,
}

/// The range of a token, if the lease still is that worker's and has not run out.
pub(super) fn held(
    connection: &Connection,
    id: &str,
    worker: &str,
    token: &Token,
    now: i64,
) -> Result<Option<RangeRow>, BackfillError> {
    let sql = "SELECT * FROM _switchback_backfill_range
               WHERE job = ?1 AND sweep = ?2 AND number = ?3 AND status = 'leased'
                 AND worker = ?4 AND epoch = ?5 AND lease_until > ?6";
    let parameters = params![id, token.sweep, token.number, worker, token.epoch, now];
    first(connection, sql, parameters, |row| {
        Ok(RangeRow {
            end: exact(row, "cursor_end")?,
            from: exact(row, "from_key")?,
            place: exact(row, "place")?,
            counts: Counts {
                scanned: count(row, "rows_scanned")?,
                changed: count(row, "rows_changed")?,
                failed: count(row, "rows_failed")?,
                skipped: count(row, "rows_skipped")?,
                batches: count(row, "batches")?,
            },
            before: row.get::<_, i64>("checksum_before")?.cast_unsigned(),
            after: row.get::<_, i64>("checksum_after")?.cast_unsigned(),
        })
    })
}

/// Writes what a batch moved, and keeps the lease or ends the range.
pub(super) fn set_range(
    connection: &Connection,
    id: &str,
    token: &Token,
    to: &RangeRow,
    lease_until: Option<i64>,
) -> Result<(), BackfillError> {
    let sql = "UPDATE _switchback_backfill_range SET place = ?4, rows_scanned = ?5,
                 rows_changed = ?6, rows_failed = ?7, batches = ?8, checksum_before = ?9,
                 checksum_after = ?10, lease_until = ?11, rows_skipped = ?12,
                 status = CASE WHEN ?11 IS NULL THEN 'done' ELSE 'leased' END
               WHERE job = ?1 AND sweep = ?2 AND number = ?3";
    let parameters = params![
        id,
        token.sweep,
        token.number,
        to.place,
        number(to.counts.scanned),
        number(to.counts.changed),
        number(to.counts.failed),
        number(to.counts.batches),
        to.before.cast_signed(),
        to.after.cast_signed(),
        lease_until,
        number(to.counts.skipped),
    ];
    run(connection, sql, parameters).map(drop)
}

/// Keeps a lease for longer.
pub(super) fn extend(
    connection: &Connection,
    id: &str,
    token: &Token,
    until: i64,
) -> Result<(), BackfillError> {
    let sql = "UPDATE _switchback_backfill_range SET lease_until = ?4
               WHERE job = ?1 AND sweep = ?2 AND number = ?3";
    run(
        connection,
        sql,
        params![id, token.sweep, token.number, until],
    )
    .map(drop)
}

/// Gives a range back, if the lease still is that worker's. Returns whether it was.
pub(super) fn give_back(
    connection: &Connection,
    id: &str,
    worker: &str,
    token: &Token,
    error: Option<&str>,
) -> Result<bool, BackfillError> {
    let sql = "UPDATE _switchback_backfill_range
               SET status = 'waiting', lease_until = NULL, error = coalesce(?6, error)
               WHERE job = ?1 AND sweep = ?2 AND number = ?3 AND status = 'leased'
                 AND worker = ?4 AND epoch = ?5";
    let parameters = params![id, token.sweep, token.number, worker, token.epoch, error];
    Ok(run(connection, sql, parameters)? == 1)
}

/// Takes the first range that was given back or whose lease ran out.
pub(super) fn take_over(
    connection: &Connection,
    id: &str,
    sweep: u32,
    worker: &str,
    now: i64,
    until: i64,
) -> Result<Option<Token>, BackfillError> {
    let sql = "UPDATE _switchback_backfill_range SET status = 'leased', worker = ?3,
                 lease_until = ?5, epoch = epoch + 1, attempts = attempts + 1
               WHERE rowid = (SELECT rowid FROM _switchback_backfill_range
                 WHERE job = ?1 AND sweep = ?2 AND status <> 'done'
                   AND (status = 'waiting' OR lease_until <= ?4) ORDER BY number LIMIT 1)
               RETURNING number, epoch";
    first(
        connection,
        sql,
        params![id, sweep, worker, now, until],
        |row| {
            Ok(Token {
                sweep,
                number: row.get(0)?,
                epoch: row.get(1)?,
            })
        },
    )
}

/// Adds a range on lease.
pub(super) fn add_range(
    connection: &Connection,
    id: &str,
    sweep: u32,
    (start, end): (&Exact, &Exact),
    worker: &str,
    until: i64,
    version: &str,
) -> Result<Token, BackfillError> {
    let sql = "INSERT INTO _switchback_backfill_range
               SELECT ?1, ?2, (SELECT coalesce(max(number), 0) + 1 FROM _switchback_backfill_range
                 WHERE job = ?1 AND sweep = ?2), ?3, ?4, ?3, 'leased', 1, ?5, ?6, 1,
                 0, 0, 0, 0, 0, 0, 0, NULL, ?7, 0, NULL
               RETURNING number, epoch";
    let parameters = params![id, sweep, start, end, worker, until, version];
    let token = first(connection, sql, parameters, |row| {
        Ok(Token {
            sweep,
            number: row.get(0)?,
            epoch: row.get(1)?,
        })
    })?;
    token.ok_or_else(|| BackfillError::Damaged {
        what: "no range could be added".to_owned(),
    })
}

/// The number of the next walk: no other one had it.
pub(super) fn next_sweep(
    connection: &Connection,
    id: &str,
    now: u32,
) -> Result<u32, BackfillError> {
    let sql = "SELECT max(sweep) FROM _switchback_backfill_range WHERE job = ?1";
    let most = first(connection, sql, [id], |row| row.get::<_, Option<u32>>(0))?;
    Ok(1 + now.max(most.flatten().unwrap_or_default()))
}

/// How many ranges of a walk are not done.
pub(super) fn unfinished(
    connection: &Connection,
    id: &str,
    sweep: u32,
) -> Result<u64, BackfillError> {
    let sql = "SELECT count(*) FROM _switchback_backfill_range
               WHERE job = ?1 AND sweep = ?2 AND status <> 'done'";
    let found = first(connection, sql, params![id, sweep], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(found.unwrap_or_default().unsigned_abs())
}
