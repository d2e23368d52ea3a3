//! The control tables: what Switchback remembers inside the database that it changes.
//!
//! They stand in a schema of their own. `step` has a mark for each step that is applied, or under
//! way where it cannot be one transaction; `fill` says where each fill stands; `undo` has the former
//! values of fills that can be taken back; `revoked` the intents that were given up. They are made
//! when they are first needed. Format 1 is the only one so far; a newer one is refused, because an
//! older version cannot know what it must keep.

use std::time::Duration;

use postgres::{Client, Row};
use switchback_model::ChangeId;
use switchback_model::plan::Fill;

use super::error::{ChangeError, at};
use super::link::lock;
use crate::postgres::session::name;

/// The format of the control tables that this version writes.
pub const CONTROL_FORMAT: i32 = 1;

/// The schema of the control tables.
pub const CONTROL_SCHEMA: &str = SCHEMA;

pub(super) const SCHEMA: &str = "_switchback";

const TABLES: [&str; 5] = ["format", "step", "fill", "undo", "revoked"];

const CREATE: &str = r#"
CREATE TABLE _switchback.format (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
);
INSERT INTO _switchback.format (version) VALUES (1);
CREATE TABLE _switchback.step (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  change text COLLATE "C" NOT NULL,
  step text COLLATE "C" NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'done', 'undoing')),
  plan text NOT NULL,
  applied_at text NOT NULL,
  script text NOT NULL,  -- the digest of the SQL that ran
  before text NOT NULL,  -- the change's part of the schema before it ran
  after text,            -- and after; NULL until it has
  made text[] NOT NULL,  -- the indexes, constraints and so on that came to the tables by it
  attempts integer NOT NULL,
  took_ms bigint NOT NULL,
  UNIQUE (change, step)
);
CREATE TABLE _switchback.fill (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  change text COLLATE "C" NOT NULL,
  step text COLLATE "C" NOT NULL,
  in_table text NOT NULL,
  columns text[] NOT NULL,  -- those that are written
  key text[] NOT NULL,      -- those by which rows are walked; none where it is by place on disk
  status text NOT NULL CHECK (status IN ('filling', 'filled', 'unfilling', 'forgotten')),
  place jsonb,              -- the last key that is done, or the place on disk
  high jsonb,               -- the highest key when the sweep began, or the sizes on disk
  sweep integer NOT NULL,
  sweep_rows bigint NOT NULL,
  total bigint,
  rows_scanned bigint NOT NULL,
  rows_changed bigint NOT NULL,
  batches bigint NOT NULL,
  took_ms bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (change, step)
);
CREATE TABLE _switchback.undo (
  fill bigint NOT NULL,
  key jsonb NOT NULL,
  in_column text COLLATE "C" NOT NULL,
  before text,
  after text,
  PRIMARY KEY (fill, key, in_column)
);
CREATE TABLE _switchback.revoked (
  intent text COLLATE "C" PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
"#;

/// Where a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkState {
    /// The step is being applied, statement by statement.
    Running,
    /// The step is applied.
    Done,
    /// The step is being taken back, statement by statement.
    Undoing,
}

impl MarkState {
    const fn word(self) -> &'static str {
        match self {
            MarkState::Running => "running",
            MarkState::Done => "done",
            MarkState::Undoing => "undoing",
        }
    }
}

/// A step that is applied, or under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The step.
    pub step: String,
    /// Where it stands.
    pub state: MarkState,
    /// What it was applied for, as given when it was.
    pub plan: String,
    /// When, RFC 3339.
    pub applied_at: String,
    /// The digest of the SQL that ran.
    pub script: String,
    /// How often it was tried until it was done.
    pub attempts: u32,
    /// How long it took, all attempts and pauses included.
    pub took: Duration,
    /// The change's part of the schema before it ran.
    pub(super) before: String,
    /// The change's part of the schema after it ran; none until it has.
    pub(super) after: Option<String>,
    /// What came to the tables by it.
    pub(super) made: Vec<String>,
}

/// Where a fill stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillStatus {
    /// `filling`, `filled` or `unfilling`.
    pub status: String,
    /// The columns of the key by which rows are walked; none where it is by their place on disk.
    pub key: Vec<String>,
    /// How often the walk through all rows was begun.
    pub sweep: u32,
    /// Rows that were looked at, over all runs.
    pub rows_scanned: u64,
    /// Rows that were changed, over all runs.
    pub rows_changed: u64,
    /// Batches, over all runs.
    pub batches: u64,
    /// How long the batches took, over all runs.
    pub took: Duration,
    pub(super) id: i64,
    /// The last key that is done, or the place on disk, as JSON; none at the beginning.
    pub(super) place: Option<String>,
    /// The highest key when the sweep began, or the sizes on disk, as JSON.
    pub(super) high: Option<String>,
    /// Rows that were looked at in this sweep.
    pub(super) sweep_rows: u64,
    /// About how many rows there were when the sweep began.
    pub(super) total: Option<u64>,
}

/// Whether the control tables are there; if so, that they are of a format that this version knows,
/// and that this role may use them.
///
/// # Errors
/// [`ChangeError::Newer`], [`ChangeError::Privilege`].
pub(super) fn exists(client: &mut Client) -> Result<bool, ChangeError> {
    let sql = "
        SELECT bool_or(c.relname = 'format'), bool_and(has_schema_privilege(n.oid, 'USAGE')),
            bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')),
            current_user::text
        FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
        WHERE n.nspname = '_switchback' AND c.relkind = 'r' AND c.relname = ANY ($1)";
    let tables: Vec<&str> = TABLES.to_vec();
    let row = client.query_one(sql, &[&tables]).map_err(at(sql))?;
    let get = |column| row.try_get::<_, Option<bool>>(column).map_err(at(sql));
    if get(0)? != Some(true) {
        return Ok(false);
    }
    let role: String = row.try_get(3).map_err(at(sql))?;
    let mut missing = Vec::new();
    if get(1)? != Some(true) {
        missing.push(format!("GRANT USAGE ON SCHEMA {SCHEMA} TO {}", name(&role)));
    }
    if get(2)? != Some(true) {
        missing.push(format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {}",
            name(&role)
        ));
    }
    if !missing.is_empty() {
        return Err(ChangeError::Privilege {
            role,
            during: "reading the control tables".to_owned(),
            missing,
            source: None,
        });
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _switchback.format";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let found: i32 = row.try_get(0).map_err(at(sql))?;
    if found > CONTROL_FORMAT {
        return Err(ChangeError::Newer {
            found,
            known: CONTROL_FORMAT,
        });
    }
    Ok(true)
}

/// Fails unless the control tables are there, or this role may make them. None if they are there,
/// else whether their schema is.
pub(super) fn can_make(client: &mut Client) -> Result<Option<bool>, ChangeError> {
    if exists(client)? {
        return Ok(None);
    }
    let sql = "
        SELECT n.oid IS NOT NULL,
            CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                ELSE has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE')
            END,
            current_user::text, current_database()::text
        FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = '_switchback'";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let schema: bool = row.try_get(0).map_err(at(sql))?;
    let allowed: bool = row.try_get(1).map_err(at(sql))?;
    let role: String = row.try_get(2).map_err(at(sql))?;
    let database: String = row.try_get(3).map_err(at(sql))?;
    if !allowed {
        let missing = if schema {
            format!("GRANT CREATE, USAGE ON SCHEMA {SCHEMA} TO {}", name(&role))
        } else {
            format!(
                "GRANT CREATE ON DATABASE {} TO {}",
                name(&database),
                name(&role)
            )
        };
        return Err(ChangeError::Privilege {
            role,
            during: "making the control tables".to_owned(),
            missing: vec![missing],
            source: None,
        });
    }
    Ok(Some(schema))
}

/// Makes the control tables where they are not there yet. Needs a transaction, which it should be
/// the only thing in.
pub(super) fn make(client: &mut Client) -> Result<(), ChangeError> {
    lock(client, SCHEMA)?;
    let Some(schema) = can_make(client)? else {
        return Ok(());
    };
    let mut sql = String::new();
    if !schema {
        sql.push_str("CREATE SCHEMA _switchback;");
    }
    sql.push_str(CREATE);
    client
        .batch_execute(&sql)
        .map_err(at("making the control tables"))
}

/// Waits until nobody else works on the change, and refuses if the intent was given up. Both hold
/// until the transaction ends: whoever gives an intent up waits here too.
///
/// # Errors
/// [`ChangeError::Revoked`]; [`ChangeError::Pooled`] if this is another session than the one that
/// was opened.
pub(super) fn fence(
    client: &mut Client,
    change: &ChangeId,
    intent: Option<&str>,
) -> Result<(), ChangeError> {
    lock(client, change.as_str())?;
    let sql = "SELECT current_setting('switchback.session', true) = pg_backend_pid()::text,
                   EXISTS (SELECT FROM _switchback.revoked WHERE intent = $1)";
    let row = client.query_one(sql, &[&intent]).map_err(at(sql))?;
    let ours: Option<bool> = row.try_get(0).map_err(at(sql))?;
    if ours != Some(true) {
        return Err(ChangeError::Pooled);
    }
    if row.try_get(1).map_err(at(sql))? {
        return Err(ChangeError::Revoked);
    }
    Ok(())
}

/// Gives an intent up, for everybody.
pub(super) fn revoke(client: &mut Client, intent: &str) -> Result<(), ChangeError> {
    let sql = "INSERT INTO _switchback.revoked (intent) VALUES ($1) ON CONFLICT DO NOTHING";
    client.execute(sql, &[&intent]).map_err(at(sql))?;
    Ok(())
}

/// The marks of a change in the order in which they were made.
pub(super) fn marks(client: &mut Client, change: &ChangeId) -> Result<Vec<Mark>, ChangeError> {
    let sql = "SELECT step, state, plan, applied_at, script, before, after, made, attempts, took_ms
               FROM _switchback.step WHERE change = $1 ORDER BY sequence";
    let rows = client.query(sql, &[&change.as_str()]).map_err(at(sql))?;
    rows.iter()
        .map(|row| mark(row).map_err(at(sql)))
        .collect::<Result<_, _>>()
}

fn mark(row: &Row) -> Result<Mark, postgres::Error> {
    let state: String = row.try_get(1)?;
    Ok(Mark {
        step: row.try_get(0)?,
        state: match state.as_str() {
            "running" => MarkState::Running,
            "undoing" => MarkState::Undoing,
            _ => MarkState::Done,
        },
        plan: row.try_get(2)?,
        applied_at: row.try_get(3)?,
        script: row.try_get(4)?,
        before: row.try_get(5)?,
        after: row.try_get(6)?,
        made: row.try_get(7)?,
        attempts: row.try_get::<_, i32>(8)?.unsigned_abs(),
        took: Duration::from_millis(row.try_get::<_, i64>(9)?.unsigned_abs()),
    })
}

/// Every change that has a mark or a fill, by name.
pub(super) fn changes(client: &mut Client) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT change FROM _switchback.step UNION SELECT change FROM _switchback.fill
               WHERE status <> 'forgotten' ORDER BY 1";
    let rows = client.query(sql, &[]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}

/// Writes a mark, over the one of the same step if there is one.
pub(super) fn put_mark(
    client: &mut Client,
    change: &ChangeId,
    mark: &Mark,
) -> Result<(), ChangeError> {
    let sql = "INSERT INTO _switchback.step
                 (change, step, state, plan, applied_at, script, before, after, made, attempts, took_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               ON CONFLICT (change, step) DO UPDATE SET
                 state = excluded.state, plan = excluded.plan, applied_at = excluded.applied_at,
                 script = excluded.script, before = excluded.before, after = excluded.after,
                 made = excluded.made, attempts = excluded.attempts, took_ms = excluded.took_ms";
    let attempts = i32::try_from(mark.attempts).unwrap_or(i32::MAX);
    client
        .execute(
            sql,
            &[
                &change.as_str(),
                &mark.step,
                &mark.state.word(),
                &mark.plan,
                &mark.applied_at,
                &mark.script,
                &mark.before,
                &mark.after,
                &mark.made,
                &attempts,
                &millis(mark.took),
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}

pub(super) fn remove_mark(
    client: &mut Client,
    change: &ChangeId,
    step: &str,
) -> Result<(), ChangeError> {
    let sql = "DELETE FROM _switchback.step WHERE change = $1 AND step = $2";
    client
        .execute(sql, &[&change.as_str(), &step])
        .map_err(at(sql))?;
    Ok(())
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// Where a fill stands; with `lock` it stays so until the transaction ends.
pub(super) fn fill_status(
    client: &mut Client,
    fill: &Fill,
    lock: bool,
) -> Result<Option<FillStatus>, ChangeError> {
    let sql = format!(
        "SELECT id, status, key, place::text, high::text, sweep, sweep_rows, total, rows_scanned,
                rows_changed, batches, took_ms
         FROM _switchback.fill WHERE change = $1 AND step = $2 {}",
        if lock { "FOR UPDATE" } else { "" }
    );
    let (change, step) = (fill.change.as_str(), fill.step.as_str());
    let row = client
        .query_opt(&sql, &[&change, &step])
        .map_err(at(&sql))?;
    row.map(|row| status(&row).map_err(at(&sql))).transpose()
}

fn status(row: &Row) -> Result<FillStatus, postgres::Error> {
    let count = |column| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(FillStatus {
        id: row.try_get(0)?,
        status: row.try_get(1)?,
        key: row.try_get(2)?,
        place: row.try_get(3)?,
        high: row.try_get(4)?,
        sweep: row.try_get::<_, i32>(5)?.unsigned_abs(),
        sweep_rows: count(6)?,
        total: row.try_get::<_, Option<i64>>(7)?.map(i64::unsigned_abs),
        rows_scanned: count(8)?,
        rows_changed: count(9)?,
        batches: count(10)?,
        took: Duration::from_millis(count(11)?),
    })
}

/// Writes where a fill stands, and gives its number.
pub(super) fn set_fill(
    client: &mut Client,
    fill: &Fill,
    to: &FillStatus,
) -> Result<i64, ChangeError> {
    let sql = "INSERT INTO _switchback.fill
                 (change, step, in_table, columns, key, status, place, high, sweep, sweep_rows, total,
                  rows_scanned, rows_changed, batches, took_ms)
               VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb, $9, $10, $11, $12,
                  $13, $14, $15)
               ON CONFLICT (change, step) DO UPDATE SET
                 key = excluded.key, status = excluded.status, place = excluded.place,
                 high = excluded.high, sweep = excluded.sweep, sweep_rows = excluded.sweep_rows,
                 total = excluded.total, rows_scanned = excluded.rows_scanned,
                 rows_changed = excluded.rows_changed, batches = excluded.batches,
                 took_ms = excluded.took_ms
               RETURNING id";
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let columns: Vec<&String> = fill.set.keys().collect();
    let row = client
        .query_one(
            sql,
            &[
                &fill.change.as_str(),
                &fill.step.as_str(),
                &fill.table,
                &columns,
                &to.key,
                &to.status,
                &to.place,
                &to.high,
                &i32::try_from(to.sweep).unwrap_or(i32::MAX),
                &number(to.sweep_rows),
                &to.total.map(number),
                &number(to.rows_scanned),
                &number(to.rows_changed),
                &number(to.batches),
                &millis(to.took),
            ],
        )
        .map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}

/// Forgets a fill. Its former values may be many; they go later, see [`tidy`].
pub(super) fn forget_fill(client: &mut Client, id: i64) -> Result<(), ChangeError> {
    let sql = "UPDATE _switchback.fill SET status = 'forgotten', change = '', step = id::text
               WHERE id = $1";
    client.execute(sql, &[&id]).map_err(at(sql))?;
    Ok(())
}

/// Forgets what a step filled: its way back has taken that back.
pub(super) fn forget_fills_of_step(
    client: &mut Client,
    change: &ChangeId,
    step: &str,
) -> Result<(), ChangeError> {
    let sql = "SELECT id FROM _switchback.fill WHERE change = $1 AND step = $2";
    let rows = client
        .query(sql, &[&change.as_str(), &step])
        .map_err(at(sql))?;
    for row in rows {
        let id: i64 = row.try_get(0).map_err(at(sql))?;
        forget_fill(client, id)?;
    }
    Ok(())
}

/// Forgets fills of a change into columns that are gone: made again, they are empty again.
pub(super) fn forget_fills_of_dropped_columns(
    client: &mut Client,
    change: &ChangeId,
) -> Result<(), ChangeError> {
    let sql = "SELECT fill.id FROM _switchback.fill AS fill
               WHERE fill.change = $1 AND EXISTS (
                 SELECT FROM unnest(fill.columns) AS mine WHERE NOT EXISTS (
                   SELECT FROM pg_catalog.pg_attribute AS it
                   WHERE it.attrelid = to_regclass(fill.in_table) AND it.attname = mine
                     AND it.attnum > 0 AND NOT it.attisdropped))";
    let rows = client.query(sql, &[&change.as_str()]).map_err(at(sql))?;
    for row in rows {
        let id: i64 = row.try_get(0).map_err(at(sql))?;
        forget_fill(client, id)?;
    }
    Ok(())
}

/// Removes some of the former values of fills that are forgotten, as one statement. Returns whether
/// there may be more.
pub(super) fn tidy(client: &mut Client) -> Result<bool, ChangeError> {
    let sql = "WITH gone AS (
                 SELECT id FROM _switchback.fill WHERE status = 'forgotten'
                 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
               ), part AS (
                 SELECT undo.fill, undo.key, undo.in_column
                 FROM gone, LATERAL (SELECT * FROM _switchback.undo WHERE fill = gone.id
                   ORDER BY key LIMIT 10000) AS undo
               ), deleted AS (
                 DELETE FROM _switchback.undo AS undo USING part
                 WHERE undo.fill = part.fill AND undo.key = part.key
                   AND undo.in_column = part.in_column
               ), ended AS (
                 DELETE FROM _switchback.fill USING gone
                 WHERE fill.id = gone.id AND NOT EXISTS (SELECT FROM part)
               )
               SELECT EXISTS (SELECT FROM gone)";
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}
