//! Doing some rows of a job again, with the definition as it is now.
//!
//! It is a walk of its own whose ranges are all made when it begins, each with a scope that says
//! which rows are meant: rows between two keys, or rows with certain keys. Places on disk are none:
//! rows that were changed lie somewhere else since. Workers, batches, leases and former values are
//! those of any walk. When every range is done these rows are looked at, and no others; then the job
//! stands where it stood before.

mod begin;
mod end;
mod layers;
mod scope;

use postgres::Client;
use switchback_migration::backfill::job::JobText;

pub(super) use end::closed;
pub(super) use layers::layers;
pub(super) use scope::Scope;

use super::error::BackfillError;
use crate::postgres::change::error::at;

/// A row for each time that rows were done again since all of them were walked.
pub(super) const CREATE: &str = "
CREATE TABLE _switchback.backfill_rerun (
  backfill bigint NOT NULL,
  sweep integer NOT NULL,       -- the first walk of it
  asked text NOT NULL,          -- which rows, as it was said
  state text NOT NULL CHECK (state IN ('open', 'done', 'left')),
  version text NOT NULL,
  definition jsonb NOT NULL,
  was_version text NOT NULL,    -- what the job was begun with before
  was_definition jsonb NOT NULL,
  was jsonb NOT NULL,           -- where the job stood before
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (backfill, sweep)
);
CREATE UNIQUE INDEX backfill_rerun_open ON _switchback.backfill_rerun (backfill)
  WHERE state = 'open';
";

/// Rows that are being done again.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// The first walk of it.
    pub(super) sweep: i32,
    /// Which rows, as it was said.
    pub(super) asked: String,
}

/// What a job is doing again, if it is.
pub(super) fn open(client: &mut Client, id: i64) -> Result<Option<Open>, BackfillError> {
    let sql = "SELECT sweep, asked FROM _switchback.backfill_rerun
               WHERE backfill = $1 AND state = 'open'";
    let row = client.query_opt(sql, &[&id]).map_err(at(sql))?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Open {
        sweep: row.try_get(0).map_err(at(sql))?,
        asked: row.try_get(1).map_err(at(sql))?,
    }))
}

/// What is being done again is not ended: it is called off, or everything is undone.
pub(super) fn leave(client: &mut Client, id: i64) -> Result<(), BackfillError> {
    let sql = "UPDATE _switchback.backfill_rerun SET state = 'left', finished_at = now()
               WHERE backfill = $1 AND state = 'open'";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    Ok(())
}

/// All rows are walked: what was done again before does not matter any more.
pub(super) fn forget(client: &mut Client, id: i64) -> Result<(), BackfillError> {
    let sql = "DELETE FROM _switchback.backfill_rerun WHERE backfill = $1";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    Ok(())
}

fn definition(text: &str) -> Result<JobText, BackfillError> {
    serde_json::from_str(text).map_err(|_| BackfillError::Garbled {
        what: "a definition".to_owned(),
    })
}
