//! Dropping what is kept to undo a job that has been over for long enough.

use std::time::Duration;

use rusqlite::{Connection, params};
use switchback_migration::backfill::JobStatus;
use switchback_model::Timestamp;

use super::control::{self, JobRow};
use super::error::BackfillError;
use super::{Backfills, commit};
use crate::backfill::{Expired, UndoKept};

/// A row for each job of which something was dropped since it was begun.
pub(super) const CREATE: &str = "
CREATE TABLE _switchback_backfill_expiry (
  job TEXT PRIMARY KEY,
  at INTEGER NOT NULL, -- when dropping began: milliseconds since 1970
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
";

impl Backfills {
    /// What is kept to undo a job, if it is kept for so long after its end; none if the job was
    /// never begun.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn kept(&self, id: &str, keep: Duration) -> Result<Option<UndoKept>, BackfillError> {
        match control::job(&self.connection, id)? {
            Some(row) => self.kept_of(&self.connection, id, &row, keep).map(Some),
            None => Ok(None),
        }
    }

    fn kept_of(
        &self,
        connection: &Connection,
        id: &str,
        row: &JobRow,
        keep: Duration,
    ) -> Result<UndoKept, BackfillError> {
        let sql = "SELECT coalesce(sum(rows - restored), 0) FROM _switchback_backfill_undo
                   WHERE job = ?1";
        let rows = control::first(connection, sql, [id], |row| row.get::<_, i64>(0))?;
        let rows = rows.unwrap_or_default().unsigned_abs();
        let over = matches!(row.status, JobStatus::Done | JobStatus::Cancelled);
        let finished = row.finished_at.as_deref().filter(|_| over && rows > 0);
        let finished: Option<Timestamp> = finished.and_then(|it| it.parse().ok());
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let until = finished.map(|it| it.as_millis().saturating_add(keep));
        let sql = "SELECT at, rows, bytes FROM _switchback_backfill_expiry WHERE job = ?1";
        let gone = control::first(connection, sql, [id], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                control::count(row, "rows")?,
                control::count(row, "bytes")?,
            ))
        })?;
        Ok(UndoKept {
            rows,
            until: until.map(Timestamp::from_millis),
            due: until.is_some_and(|it| it <= self.now().as_millis()),
            expired: gone.map(|it| Timestamp::from_millis(it.0)),
            dropped_rows: gone.map_or(0, |it| it.1),
            dropped_bytes: gone.map_or(0, |it| it.2),
        })
    }

    /// Drops what is kept to undo a job that was over for so long, at most so many batches of it.
    /// From the first step on it cannot be undone any more.
    ///
    /// # Errors
    /// [`BackfillError::NoJob`], or if the database cannot be written.
    pub fn expire(&self, id: &str, keep: Duration, most: u32) -> Result<Expired, BackfillError> {
        let transaction = self.lock()?;
        let mut job = control::known_job(&transaction, id)?;
        let before = self.kept_of(&transaction, id, &job, keep)?;
        let half = before.expired.is_some() && job.status != JobStatus::Undoing;
        // What is half dropped is dropped, whatever was said of it since.
        if before.rows == 0 || !(before.due || half) {
            return Ok(Expired::Nothing);
        }
        let now = self.now().as_millis();
        let sql = "INSERT INTO _switchback_backfill_expiry
                   SELECT ?1, ?2, coalesce(sum(rows - restored), 0),
                     coalesce(sum(length(content)), 0)
                   FROM (SELECT rows, restored, content FROM _switchback_backfill_undo
                     WHERE job = ?1 ORDER BY segment LIMIT ?3) WHERE true
                   ON CONFLICT (job) DO UPDATE
                     SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes";
        control::run(&transaction, sql, params![id, now, most.max(1)])?;
        let left = self.forget(&transaction, id, &mut job, most.max(1))?;
        commit(transaction)?;
        Ok(match left {
            0 => Expired::All,
            _ => Expired::Some,
        })
    }

    fn forget(
        &self,
        connection: &Connection,
        id: &str,
        job: &mut JobRow,
        most: u32,
    ) -> Result<u64, BackfillError> {
        let sql = "DELETE FROM _switchback_backfill_undo WHERE segment IN (
                     SELECT segment FROM _switchback_backfill_undo
                     WHERE job = ?1 ORDER BY segment LIMIT ?2)";
        control::run(connection, sql, params![id, most])?;
        let sql = "SELECT count(*), coalesce(sum(length(content)), 0)
                   FROM _switchback_backfill_undo WHERE job = ?1";
        let found = control::first(connection, sql, [id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        let (left, bytes) = found.unwrap_or_default();
        job.undo = control::Undo::Forgotten;
        job.undo_bytes = bytes.unsigned_abs();
        control::set_job(connection, id, job)?;
        Ok(left.unsigned_abs())
    }
}

/// When what is needed to undo a job began to be dropped, if it did.
pub(super) fn began(connection: &Connection, id: &str) -> Result<Option<Timestamp>, BackfillError> {
    let sql = "SELECT at FROM _switchback_backfill_expiry WHERE job = ?1";
    let at = control::first(connection, sql, [id], |row| row.get::<_, i64>(0))?;
    Ok(at.map(Timestamp::from_millis))
}

/// A job begins anew: from here on it can be undone again, to before this.
pub(super) fn forgive(connection: &Connection, id: &str) -> Result<(), BackfillError> {
    // What an interrupted dropping has left would be put back on top of that.
    for sql in [
        "DELETE FROM _switchback_backfill_undo WHERE job = ?1
           AND EXISTS (SELECT 1 FROM _switchback_backfill_expiry WHERE job = ?1)",
        "DELETE FROM _switchback_backfill_expiry WHERE job = ?1",
    ] {
        control::run(connection, sql, [id])?;
    }
    Ok(())
}
