//! Dropping what is kept to undo a job that has been over for long enough.

use std::time::Duration;

use postgres::Client;
use switchback_model::Timestamp;

use super::control;
use super::error::BackfillError;
use crate::backfill::{Expired, UndoKept};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit};

/// A row for each job of which something was dropped since it was begun.
pub(super) const CREATE: &str = "
CREATE TABLE _switchback.backfill_expiry (
  backfill bigint PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when dropping began
  rows bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0
);
";

impl PostgresDatabase {
    /// What is kept to undo a job, if it is kept for so long after its end; none if the job was
    /// never begun here.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfill_kept(
        &mut self,
        job: &str,
        keep: Duration,
    ) -> Result<Option<UndoKept>, BackfillError> {
        self.again()?;
        let (found, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next("reading what is kept to undo the backfill", None)?;
            if !control::exists(client)? {
                return Ok(None);
            }
            match control::job(client, job, false)? {
                Some(row) => kept(client, row.id, keep).map(Some),
                None => Ok(None),
            }
        })?;
        Ok(found)
    }

    /// Drops what is kept to undo a job that was over for so long, at most so many batches of it.
    /// From the first step on it cannot be undone any more. The database's clock decides.
    ///
    /// # Errors
    /// [`BackfillError::Unknown`], or if the database cannot be written.
    pub fn expire_backfill(
        &mut self,
        job: &str,
        keep: Duration,
        most: u32,
    ) -> Result<Expired, BackfillError> {
        self.again()?;
        let options = self.options().clone();
        let (did, _) = self.backfill(&mut (), |client, desk, path| {
            desk.next("BEGIN", None)?;
            let unknown = || BackfillError::Unknown {
                job: job.to_owned(),
            };
            if !control::exists(client)? {
                return Err(unknown());
            }
            begin(client, &options, path)?;
            control::lock_alone(client, job)?;
            let row = control::job(client, job, true)?.ok_or_else(unknown)?;
            let before = kept(client, row.id, keep)?;
            // What is half dropped is dropped, whatever was said of it since.
            let did = if before.rows == 0 || !(before.due || before.expired.is_some()) {
                Expired::Nothing
            } else {
                drop_some(client, row.id, most)?
            };
            commit(client, desk)?;
            Ok(did)
        })?;
        Ok(did)
    }
}

fn kept(client: &mut Client, id: i64, keep: Duration) -> Result<UndoKept, BackfillError> {
    // A job that may go on, or that is being undone or done again, is not over.
    let sql = "SELECT it.rows, (extract(epoch FROM job.until) * 1000)::bigint,
                 job.until <= clock_timestamp(),
                 (extract(epoch FROM gone.at) * 1000)::bigint, gone.rows, gone.bytes
               FROM (SELECT id, CASE WHEN status IN ('done', 'cancelled')
                   THEN finished_at + make_interval(secs => $2) END AS until
                 FROM _switchback.backfill WHERE id = $1) AS job
               CROSS JOIN (SELECT coalesce(sum(rows), 0)::bigint AS rows
                 FROM _switchback.backfill_undo WHERE backfill = $1) AS it
               LEFT JOIN _switchback.backfill_expiry AS gone ON gone.backfill = job.id";
    let row = client
        .query_one(sql, &[&id, &keep.as_secs_f64()])
        .map_err(at(sql))?;
    let get = at(sql);
    let rows: i64 = row.try_get(0).map_err(&get)?;
    let until: Option<i64> = row.try_get(1).map_err(&get)?;
    let due: Option<bool> = row.try_get(2).map_err(&get)?;
    let expired: Option<i64> = row.try_get(3).map_err(&get)?;
    let dropped: (Option<i64>, Option<i64>) =
        (row.try_get(4).map_err(&get)?, row.try_get(5).map_err(&get)?);
    Ok(UndoKept {
        rows: rows.unsigned_abs(),
        until: until.filter(|_| rows > 0).map(Timestamp::from_millis),
        due: rows > 0 && due == Some(true),
        expired: expired.map(Timestamp::from_millis),
        dropped_rows: dropped.0.unwrap_or_default().unsigned_abs(),
        dropped_bytes: dropped.1.unwrap_or_default().unsigned_abs(),
    })
}

/// Drops the oldest batches; the lock of the job is held alone.
fn drop_some(client: &mut Client, id: i64, most: u32) -> Result<Expired, BackfillError> {
    let sql = "WITH oldest AS MATERIALIZED (SELECT number FROM _switchback.backfill_undo
                 WHERE backfill = $1 ORDER BY number LIMIT $2),
               gone AS (DELETE FROM _switchback.backfill_undo AS kept USING oldest
                 WHERE kept.backfill = $1 AND kept.number = oldest.number
                 RETURNING kept.rows, coalesce(pg_column_size(close), 0)
                   + coalesce(pg_column_size(away), 0) + coalesce(pg_column_size(int_keys), 0)
                   + coalesce(pg_column_size(text_keys), 0) + coalesce(pg_column_size(before), 0)
                   + coalesce(pg_column_size(hashes), 0) AS bytes)
               INSERT INTO _switchback.backfill_expiry AS it (backfill, rows, bytes)
               SELECT $1, coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM gone
               ON CONFLICT (backfill) DO UPDATE
                 SET rows = it.rows + excluded.rows, bytes = it.bytes + excluded.bytes";
    client
        .execute(sql, &[&id, &i64::from(most.max(1))])
        .map_err(at(sql))?;
    let sql = "SELECT EXISTS (SELECT FROM _switchback.backfill_undo WHERE backfill = $1)";
    let more = client.query_one(sql, &[&id]).map_err(at(sql))?;
    if more.try_get(0).map_err(at(sql))? {
        return Ok(Expired::Some);
    }
    // Says of what is kept that it is of no use: there is none any more.
    let sql = "DELETE FROM _switchback.backfill_stale WHERE backfill = $1";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    Ok(Expired::All)
}

/// Refuses where some of what is needed to undo a job was dropped.
pub(super) fn refuse(client: &mut Client, id: i64, job: &str) -> Result<(), BackfillError> {
    let sql = "SELECT (extract(epoch FROM at) * 1000)::bigint FROM _switchback.backfill_expiry
               WHERE backfill = $1";
    let Some(row) = client.query_opt(sql, &[&id]).map_err(at(sql))? else {
        return Ok(());
    };
    Err(BackfillError::Expired {
        job: job.to_owned(),
        at: Timestamp::from_millis(row.try_get(0).map_err(at(sql))?),
    })
}

/// A job begins anew: from here on it can be undone again, to before this.
pub(super) fn forget(client: &mut Client, id: i64) -> Result<(), BackfillError> {
    // What an interrupted dropping has left would be put back on top of that.
    for table in ["backfill_undo", "backfill_stale"] {
        let sql = format!(
            "DELETE FROM _switchback.{table} WHERE backfill = $1
             AND EXISTS (SELECT FROM _switchback.backfill_expiry WHERE backfill = $1)"
        );
        client.execute(&sql, &[&id]).map_err(at(&sql))?;
    }
    let sql = "DELETE FROM _switchback.backfill_expiry WHERE backfill = $1";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    Ok(())
}
