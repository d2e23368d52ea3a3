//! Doing some rows of a job again, with the definition as it is now.
//!
//! It is a walk of its own whose ranges are all made when it begins. When every range is done and
//! the last walk over them changed nothing the job stands where it stood before.

mod begin;
mod layers;

use std::collections::BTreeSet;

use rusqlite::{Connection, Params, params};
use switchback_migration::backfill::machine::Got;
use switchback_migration::backfill::{JobStatus, JobText};

pub(super) use layers::{layers, look};

use super::Backfills;
use super::codec::{Exact, Key};
use super::control::{self, JobRow, place};
use super::error::BackfillError;
use super::walk::{Keyed, Start, Walk};
use crate::fill::SWEEPS;
use crate::sqlite::error::at;

/// A row for each time that rows were done again since all of them were walked.
pub(super) const CREATE: &str = "
CREATE TABLE _switchback_backfill_rerun (
  job TEXT NOT NULL,
  sweep INTEGER NOT NULL, -- the first walk of it
  asked TEXT NOT NULL, -- which rows, as it was said
  state TEXT NOT NULL CHECK (state IN ('open', 'done', 'left')),
  version TEXT NOT NULL,
  definition TEXT NOT NULL,
  was_version TEXT NOT NULL, -- what the job was begun with before
  was_definition TEXT NOT NULL,
  was_status TEXT NOT NULL, -- where the job stood before
  was_sweep INTEGER NOT NULL,
  was_changing INTEGER NOT NULL,
  was_due INTEGER NOT NULL,
  was_frontier ANY,
  was_high ANY,
  was_sweep_scanned INTEGER NOT NULL,
  was_sweep_changed INTEGER NOT NULL,
  was_total INTEGER,
  was_error TEXT,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  PRIMARY KEY (job, sweep)
) STRICT;
CREATE UNIQUE INDEX _switchback_backfill_rerun_open ON _switchback_backfill_rerun (job)
  WHERE state = 'open';
";

/// Rows that are being done again.
#[derive(Debug, Clone)]
pub(super) struct Open {
    sweep: u32,
    /// Which rows, as it was said.
    pub(super) asked: String,
}

/// What a job is doing again, if it is.
pub(super) fn open(connection: &Connection, id: &str) -> Result<Option<Open>, BackfillError> {
    let sql = "SELECT sweep, asked FROM _switchback_backfill_rerun
               WHERE job = ?1 AND state = 'open'";
    control::first(connection, sql, [id], |row| {
        Ok(Open {
            sweep: row.get(0)?,
            asked: row.get(1)?,
        })
    })
}

/// What is being done again is not ended: it is called off, or everything is undone.
pub(super) fn leave(connection: &Connection, id: &str) -> Result<(), BackfillError> {
    let sql =
        "UPDATE _switchback_backfill_rerun SET state = 'left' WHERE job = ?1 AND state = 'open'";
    control::run(connection, sql, [id]).map(drop)
}

/// A definition as it is stored.
pub(super) fn stored(text: &JobText) -> String {
    serde_json::json!(text).to_string()
}

/// A definition that was stored.
pub(super) fn definition(text: &str) -> Result<JobText, BackfillError> {
    serde_json::from_str(text).map_err(|_| BackfillError::Damaged {
        what: "a definition".to_owned(),
    })
}

/// Which rows a range has.
#[derive(Debug, Clone)]
struct Span {
    after: Option<Key>,
    from: Option<Key>,
    end: Key,
}

impl Span {
    fn start(&self) -> Start<'_> {
        Start::of(self.after.as_ref(), self.from.as_ref())
    }

    /// The one row that it is, if it is one.
    fn one(&self) -> Option<&Key> {
        let from = self.from.as_ref().filter(|_| self.after.is_none());
        from.filter(|it| **it == self.end)
    }
}

/// The rows that a walk does again.
fn spans(
    connection: &Connection,
    keyed: &Keyed,
    id: &str,
    sweep: u32,
) -> Result<Vec<Span>, BackfillError> {
    let sql = "SELECT cursor_start, from_key, cursor_end FROM _switchback_backfill_range
               WHERE job = ?1 AND sweep = ?2 AND again ORDER BY number";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let mut rows = statement.query(params![id, sweep]).map_err(at(sql))?;
    let width = keyed.parts.len();
    let mut spans = Vec::new();
    while let Some(row) = rows.next().map_err(at(sql))? {
        let key = |column: usize| -> Result<Option<Key>, BackfillError> {
            let value = Exact::of(row.get_ref(column).map_err(at(sql))?);
            place(&value, width)
        };
        spans.push(Span {
            after: key(0)?,
            from: key(1)?,
            end: key(2)?.unwrap_or_default(),
        });
    }
    Ok(spans)
}

/// Every range of a walk over rows that are done again is done: they are walked once more, or the
/// job stands where it stood before.
pub(super) fn closed(
    connection: &Connection,
    db: &Backfills,
    walk: &Walk,
    id: &str,
    job: &mut JobRow,
    open: &Open,
) -> Result<Got, BackfillError> {
    let changed = job.sweep_changed;
    if changed > 0 && job.changing >= SWEEPS {
        job.status = JobStatus::Failed;
        job.finished_at = Some(db.now().to_string());
        job.error = Some(format!(
            "rows differ again after {} walks over what was to be done again: something writes rows \
             without keeping {} right",
            job.changing,
            walk.columns.join(", ")
        ));
        return Ok(Got::Ended(JobStatus::Failed));
    }
    if changed > 0 {
        once_more(connection, id, job)?;
        return Ok(Got::Again);
    }
    mended(connection, &walk.keyed, id, job)?;
    finish(connection, db, id, job, open)?;
    Ok(Got::Ended(job.status))
}

/// The same rows are walked once more.
fn once_more(connection: &Connection, id: &str, job: &mut JobRow) -> Result<(), BackfillError> {
    let sweep = control::next_sweep(connection, id, job.sweep)?;
    let sql = "INSERT INTO _switchback_backfill_range
               SELECT job, ?3, number, cursor_start, cursor_end, cursor_start, 'waiting', 0, NULL,
                 NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, version, again, from_key
               FROM _switchback_backfill_range WHERE job = ?1 AND sweep = ?2";
    control::run(connection, sql, params![id, job.sweep, sweep])?;
    job.sweep = sweep;
    (job.sweep_scanned, job.sweep_changed) = (0, 0);
    Ok(())
}

/// Forgets rows that refused it in an earlier walk and did not in this one.
fn mended(
    connection: &Connection,
    keyed: &Keyed,
    id: &str,
    job: &mut JobRow,
) -> Result<(), BackfillError> {
    let sql = "SELECT key FROM _switchback_backfill_error
               WHERE job = ?1 AND kind = 'failed' AND sweep < ?2";
    let noted = noted(connection, sql, params![id, job.sweep])?;
    for packed in inside(connection, keyed, id, job.sweep, noted)? {
        let sql = "DELETE FROM _switchback_backfill_error
                   WHERE job = ?1 AND kind = 'failed' AND key = ?2";
        let fewer = control::run(connection, sql, params![id, packed])?;
        job.counts.failed = job.counts.failed.saturating_sub(fewer as u64);
    }
    Ok(())
}

/// A program is asked again what the rows of a walk get that it passed over before.
fn ask_again(
    connection: &Connection,
    keyed: &Keyed,
    id: &str,
    sweep: u32,
) -> Result<(), BackfillError> {
    let sql = "SELECT key FROM _switchback_backfill_skipped WHERE job = ?1";
    let noted = noted(connection, sql, [id])?;
    for packed in inside(connection, keyed, id, sweep, noted)? {
        let sql = "DELETE FROM _switchback_backfill_skipped WHERE job = ?1 AND key = ?2";
        control::run(connection, sql, params![id, packed])?;
    }
    Ok(())
}

/// Keys that were written down, as they are stored.
fn noted(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> Result<Vec<Exact>, BackfillError> {
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let mut rows = statement.query(parameters).map_err(at(sql))?;
    let mut noted = Vec::new();
    while let Some(row) = rows.next().map_err(at(sql))? {
        noted.push(Exact::of(row.get_ref(0).map_err(at(sql))?));
    }
    Ok(noted)
}

/// Those of some keys whose rows a walk does again.
fn inside(
    connection: &Connection,
    keyed: &Keyed,
    id: &str,
    sweep: u32,
    noted: Vec<Exact>,
) -> Result<Vec<Exact>, BackfillError> {
    let spans = spans(connection, keyed, id, sweep)?;
    let (alone, wide): (Vec<_>, Vec<_>) = spans.iter().partition(|it| it.one().is_some());
    let alone: BTreeSet<String> = alone
        .iter()
        .filter_map(|it| it.one())
        .map(|it| super::codec::shown(it))
        .collect();
    let mut found = Vec::new();
    for packed in noted {
        let key = place(&packed, keyed.parts.len())?.unwrap_or_default();
        let mut inside = alone.contains(&super::codec::shown(&key));
        for span in &wide {
            if inside {
                break;
            }
            let (within, values) = keyed.within(&span.start(), &span.end, 1);
            inside = keyed.has(connection, &key, &within, &values)?;
        }
        if inside {
            found.push(packed);
        }
    }
    Ok(found)
}

/// The job stands where it stood before.
fn finish(
    connection: &Connection,
    db: &Backfills,
    id: &str,
    job: &mut JobRow,
    open: &Open,
) -> Result<(), BackfillError> {
    let now = db.now().to_string();
    let sql = "UPDATE _switchback_backfill_rerun SET state = 'done', finished_at = ?3
               WHERE job = ?1 AND sweep = ?2
               RETURNING was_status, was_sweep, was_changing, was_due, was_frontier, was_high,
                 was_sweep_scanned, was_sweep_changed, was_total, was_error";
    let done = control::first(connection, sql, params![id, open.sweep, now], |row| {
        let status: String = row.get(0)?;
        job.status = JobStatus::of_word(&status).unwrap_or(JobStatus::Failed);
        job.sweep = row.get(1)?;
        job.changing = row.get(2)?;
        job.due = row.get(3)?;
        job.frontier = Exact::of(row.get_ref(4)?);
        job.high = Exact::of(row.get_ref(5)?);
        job.sweep_scanned = control::count(row, "was_sweep_scanned")?;
        job.sweep_changed = control::count(row, "was_sweep_changed")?;
        job.total = row.get::<_, Option<i64>>(8)?.map(i64::unsigned_abs);
        job.error = row.get(9)?;
        Ok(())
    })?;
    done.ok_or_else(|| BackfillError::Damaged {
        what: "where the job stood before".to_owned(),
    })?;
    job.finished_at = Some(now);
    // Those that refused it now count with those of the walk that the job goes back to.
    let sql = "UPDATE _switchback_backfill_error SET sweep = ?2
               WHERE job = ?1 AND kind = 'failed' AND sweep > ?2";
    control::run(connection, sql, params![id, job.sweep]).map(drop)
}
