//! The control tables of backfills.
//!
//! `backfill` has a row for each job, `backfill_range` for each range of each walk, `backfill_undo`
//! for each batch that changed rows, `backfill_failure` for each row that could not be changed,
//! `backfill_skipped` for each that a program passed over, and `backfill_conflict` for each that an
//! undo left alone because somebody had changed or deleted it. Those of copies are made with them
//! (`shadow`).
//!
//! Whoever writes rows holds the lock of the job together with others; whoever changes where the job
//! stands holds it alone. So after a pause nothing is written any more. The lock of a fill is that of
//! its change, and whoever takes it is asked besides whether the intent still stands.

use postgres::{Client, Row};
use switchback_migration::backfill::job::JobText;
use switchback_migration::backfill::strategy::Marks;
use switchback_migration::backfill::{JobStatus, Strategy};
use switchback_model::BackfillId;

use super::error::BackfillError;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::fence;
use crate::postgres::change::link::LOCK_CLASS;
use crate::postgres::session::literal;

/// The format of the control tables that this version writes.
pub const BACKFILL_FORMAT: i32 = 3;

const CREATE: &str = r#"
CREATE TABLE _switchback.backfill_format (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
);
INSERT INTO _switchback.backfill_format (version) VALUES (3);
CREATE TABLE _switchback.backfill (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job text COLLATE "C" NOT NULL UNIQUE,
  change text COLLATE "C",      -- the change whose fill it is, if it is one
  version text NOT NULL,        -- the digest of the definition
  definition jsonb NOT NULL,
  in_table text NOT NULL,
  columns text[] NOT NULL,      -- those that are written
  key text[] NOT NULL,          -- those by which a row is named
  strategy jsonb NOT NULL,
  marks jsonb NOT NULL DEFAULT '{}', -- what it was chosen by, as far as that has to stay so
  turned text,                  -- why another strategy took its place
  empty_first boolean NOT NULL, -- whether the first walk takes only rows that have nothing yet
  status text NOT NULL CHECK (status IN
    ('running', 'paused', 'cancelled', 'failed', 'done', 'undoing', 'undone', 'forgotten')),
  sweep integer NOT NULL,       -- the walk that is under way, from 1
  closed integer NOT NULL,      -- how many walks came to their end since it was begun
  stored jsonb,                 -- the files that the rows lie in, by table, when the walk began
  high jsonb,                   -- where the walk ends: the highest key, or sizes on disk by table
  frontier jsonb,               -- up to where it is divided into ranges
  divided boolean NOT NULL,     -- whether it is, up to its end
  total bigint,                 -- about how many rows there are
  restored bigint NOT NULL DEFAULT 0,  -- rows that an undo put back
  error text,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE TABLE _switchback.backfill_range (
  backfill bigint NOT NULL,
  sweep integer NOT NULL,
  number integer NOT NULL,
  cursor_start jsonb,           -- the last key before it, or the place on disk
  cursor_end jsonb NOT NULL,    -- its last key, or the place on disk after it
  place jsonb,                  -- the last key that is done, or the place on disk
  status text NOT NULL CHECK (status IN ('waiting', 'leased', 'done', 'void')),
  attempts integer NOT NULL,    -- how often it was taken
  worker text,
  epoch bigint NOT NULL,
  lease_until timestamptz,
  scanned bigint NOT NULL DEFAULT 0,
  changed bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0, -- those that a program passed over
  batches bigint NOT NULL DEFAULT 0,
  took_us bigint NOT NULL DEFAULT 0,
  checksum_before numeric NOT NULL DEFAULT 0,  -- of the rows that were changed
  checksum_after numeric NOT NULL DEFAULT 0,
  version text,                 -- the digest of the definition that it is done with
  scope jsonb,                  -- which of its rows are done again; NULL in a walk over all rows
  PRIMARY KEY (backfill, sweep, number)
) WITH (fillfactor = 50);
CREATE TABLE _switchback.backfill_undo (
  backfill bigint NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  sweep integer NOT NULL,
  range integer NOT NULL,
  rows integer NOT NULL,
  base bigint,                  -- the rows, where the key is a whole number: the lowest, and
  close smallint[],             -- how far each is from it, less 32768,
  away integer[],               -- or, where that is too far, how far,
  int_keys bigint[],            -- or, where that is too far too, the numbers themselves
  text_keys text[],             -- the rows, where it is something else
  before text[],                -- a line for each column; NULL where every value was
  hashes bigint[] NOT NULL,     -- of what each row got
  PRIMARY KEY (backfill, number)
);
-- Hashes and keys do not get smaller by being packed; small distances do.
ALTER TABLE _switchback.backfill_undo ALTER int_keys SET STORAGE EXTERNAL,
  ALTER text_keys SET STORAGE EXTERNAL, ALTER hashes SET STORAGE EXTERNAL;
CREATE TABLE _switchback.backfill_failure (
  backfill bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  sweep integer NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (backfill, key)
);
CREATE TABLE _switchback.backfill_conflict (
  backfill bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  deleted boolean NOT NULL,     -- else somebody changed it
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (backfill, key)
);
"#;

/// A job as it stands in its control table.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct JobRow {
    pub(super) id: i64,
    pub(super) version: String,
    pub(super) key: Vec<String>,
    pub(super) strategy: Strategy,
    pub(super) marks: Marks,
    pub(super) turned: Option<String>,
    pub(super) empty_first: bool,
    pub(super) status: JobStatus,
    pub(super) sweep: i32,
    pub(super) closed: i32,
    pub(super) stored: Option<String>,
    pub(super) high: Option<String>,
    pub(super) frontier: Option<String>,
    pub(super) divided: bool,
    pub(super) total: Option<i64>,
    pub(super) error: Option<String>,
}

/// Whether a control table is there.
fn is_there(client: &mut Client, table: &str) -> Result<bool, ChangeError> {
    // The catalog is read, and no name looked up: what a session remembers of a name it forgets when
    // it locks a table, and whoever has just waited for somebody who made this one has locked none.
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
               WHERE n.nspname = '_switchback' AND c.relname::text = $1)";
    let row = client.query_one(sql, &[&table]).map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}

/// Whether the control tables are there, and that this version knows their format.
pub(super) fn exists(client: &mut Client) -> Result<bool, BackfillError> {
    if !is_there(client, "backfill_format")? {
        return Ok(false);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _switchback.backfill_format";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let found: i32 = row.try_get(0).map_err(at(sql))?;
    if found != BACKFILL_FORMAT {
        return Err(BackfillError::Format {
            found,
            known: BACKFILL_FORMAT,
        });
    }
    Ok(true)
}

/// Makes the control tables where they are not there yet; in a transaction.
pub(super) fn make(client: &mut Client) -> Result<(), BackfillError> {
    lock_alone(client, "_switchback.backfill")?;
    if exists(client)? {
        return Ok(());
    }
    // With `IF NOT EXISTS` the right to make one is asked for although it is there.
    let sql = "SELECT to_regnamespace('_switchback') IS NULL";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let mut create = String::new();
    if row.try_get(0).map_err(at(sql))? {
        create.push_str("CREATE SCHEMA _switchback;");
    }
    create.push_str(CREATE);
    create.push_str(super::rerun::CREATE);
    create.push_str(super::expire::CREATE);
    create.push_str(super::shadow::CREATE);
    client
        .batch_execute(&create)
        .map_err(at("making the control tables of backfills"))?;
    Ok(())
}

/// Makes the table of rows that programs passed over, where it is not there yet: few databases need
/// it.
pub(super) fn make_skipped(client: &mut Client) -> Result<(), ChangeError> {
    // With `IF NOT EXISTS` the right to make one is asked for although it is there.
    if is_there(client, "backfill_skipped")? {
        return Ok(());
    }
    let sql = "CREATE TABLE _switchback.backfill_skipped (
                 backfill bigint NOT NULL,
                 key text COLLATE \"C\" NOT NULL,
                 seen bigint NOT NULL,  -- a hash of what the program was given
                 PRIMARY KEY (backfill, key)
               )";
    client.batch_execute(sql).map_err(at(sql))
}

/// Forgets which rows a program passed over: it is asked again.
pub(super) fn forget_skipped(client: &mut Client, id: i64) -> Result<(), ChangeError> {
    let sql = "DELETE FROM _switchback.backfill_skipped WHERE backfill = $1";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    Ok(())
}

/// The number of the lock of a job, as SQL.
fn lock_number(job: &str) -> String {
    let what = match BackfillId::fill(job) {
        Some((change, _)) => change.to_owned(),
        None => format!("backfill {job}"),
    };
    format!("{LOCK_CLASS}, hashtext({})", literal(&what))
}

/// Refuses to go on with the fill of a change whose intent was given up; see [`fence`].
fn stands(client: &mut Client, job: &str) -> Result<(), ChangeError> {
    match BackfillId::fill(job) {
        Some(_) => fence::stands(client),
        None => Ok(()),
    }
}

/// What the lock of whoever closes a walk of a job is named after.
pub(super) fn closing_name(job: &str) -> String {
    format!("backfill closing {job}")
}

/// The number of the lock of whoever closes a walk of a job, as SQL.
pub(super) fn closing_number(job: &str) -> String {
    let name = literal(&closing_name(job));
    format!("{LOCK_CLASS}, hashtext({name})")
}

/// Holds the lock of a job together with others, until the transaction ends.
pub(super) fn lock_shared(client: &mut Client, job: &str) -> Result<(), ChangeError> {
    let sql = format!("SELECT pg_advisory_xact_lock_shared({})", lock_number(job));
    client.batch_execute(&sql).map_err(at(&sql))?;
    stands(client, job)
}

/// Waits until nobody holds the lock of a job, and holds it alone until the transaction ends.
pub(super) fn lock_alone(client: &mut Client, job: &str) -> Result<(), ChangeError> {
    let sql = format!("SELECT pg_advisory_xact_lock({})", lock_number(job));
    client.batch_execute(&sql).map_err(at(&sql))?;
    stands(client, job)
}

/// The row of a job; with `lock` it stays so until the transaction ends.
pub(super) fn job(
    client: &mut Client,
    job: &str,
    lock: bool,
) -> Result<Option<JobRow>, BackfillError> {
    let sql = format!(
        "SELECT id, version, key, strategy::text, empty_first, status, sweep, closed, stored::text, \
            high::text, frontier::text, divided, total, error, marks::text, turned \
         FROM _switchback.backfill WHERE job = $1 {}",
        if lock { "FOR NO KEY UPDATE" } else { "" }
    );
    let row = client.query_opt(&sql, &[&job]).map_err(at(&sql))?;
    row.map(|row| read(&row).map_err(at(&sql))?.ok_or_else(|| garbled(job)))
        .transpose()
}

fn garbled(job: &str) -> BackfillError {
    BackfillError::Garbled {
        what: format!("the status or the strategy of `{job}`"),
    }
}

fn read(row: &Row) -> Result<Option<JobRow>, postgres::Error> {
    let status: String = row.try_get(5)?;
    let strategy: String = row.try_get(3)?;
    let (Some(status), Ok(strategy)) =
        (JobStatus::of_word(&status), serde_json::from_str(&strategy))
    else {
        return Ok(None);
    };
    Ok(Some(JobRow {
        id: row.try_get(0)?,
        version: row.try_get(1)?,
        key: row.try_get(2)?,
        strategy,
        empty_first: row.try_get(4)?,
        status,
        sweep: row.try_get(6)?,
        closed: row.try_get(7)?,
        stored: row.try_get(8)?,
        high: row.try_get(9)?,
        frontier: row.try_get(10)?,
        divided: row.try_get(11)?,
        total: row.try_get(12)?,
        error: row.try_get(13)?,
        // What another version has written is not compared with.
        marks: serde_json::from_str(&row.try_get::<_, String>(14)?).unwrap_or_default(),
        turned: row.try_get(15)?,
    }))
}

/// What a job was begun with last.
pub(super) fn definition(client: &mut Client, id: i64) -> Result<JobText, BackfillError> {
    let sql = "SELECT definition::text FROM _switchback.backfill WHERE id = $1";
    let row = client.query_one(sql, &[&id]).map_err(at(sql))?;
    let text: String = row.try_get(0).map_err(at(sql))?;
    serde_json::from_str(&text).map_err(|_| BackfillError::Garbled {
        what: "a definition".to_owned(),
    })
}

/// Whether a job keeps what it needs to be undone.
pub(super) fn keeps_undo(client: &mut Client, id: i64) -> Result<bool, BackfillError> {
    Ok(definition(client, id)?.keep_undo)
}

/// Whether rows can still be put back that were changed in other columns, or in another table, than
/// those of `text`. What is kept names no columns: it would be put back into the wrong ones.
pub(super) fn keeps_of_others(
    client: &mut Client,
    id: i64,
    text: &JobText,
) -> Result<bool, BackfillError> {
    let sql = "SELECT EXISTS (SELECT FROM _switchback.backfill_undo WHERE backfill = $1)";
    let row = client.query_one(sql, &[&id]).map_err(at(sql))?;
    if !row.try_get::<_, bool>(0).map_err(at(sql))? {
        return Ok(false);
    }
    let was = definition(client, id)?;
    Ok(was.table != text.table || was.columns() != text.columns())
}

/// A job runs again. One that failed has as many walks before it as one that is begun.
pub(super) fn go_on(client: &mut Client, id: i64) -> Result<(), ChangeError> {
    let sql = "UPDATE _switchback.backfill SET closed = least(closed, 1)
               WHERE id = $1 AND status = 'failed'";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    set_status(client, id, JobStatus::Running, None)
}

/// Why a worker of a job that goes on stopped.
pub(super) fn set_error(client: &mut Client, job: &str, error: &str) -> Result<(), ChangeError> {
    let sql = "UPDATE _switchback.backfill SET error = $2
               WHERE job = $1 AND status IN ('running', 'undoing')";
    client.execute(sql, &[&job, &error]).map_err(at(sql))?;
    Ok(())
}

/// Writes where a job stands.
pub(super) fn set_status(
    client: &mut Client,
    id: i64,
    status: JobStatus,
    error: Option<&str>,
) -> Result<(), ChangeError> {
    let sql = "UPDATE _switchback.backfill SET status = $2, error = $3, \
               finished_at = CASE WHEN $2 IN ('done', 'undone', 'cancelled') THEN now() END \
               WHERE id = $1";
    let word = status.word();
    client
        .execute(sql, &[&id, &word, &error])
        .map_err(at(sql))?;
    Ok(())
}
