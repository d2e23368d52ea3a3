//! The control tables: what Switchback remembers inside the database that it changes.
//!
//! They stand in a schema of their own. `step` has a mark for each step that is applied, or under
//! way where it cannot be one transaction; `revoked` has the intents that were given up. Fills stand
//! among backfills, in tables of their own ([`crate::postgres::backfill`]). They are made when they
//! are first needed. Any other format than this version's is refused: nobody can know what it must
//! keep.

use std::time::Duration;

use postgres::{Client, Row};
use switchback_model::ChangeId;

use super::error::{ChangeError, at};
use super::link::lock;
use crate::postgres::backfill::of_change;
use crate::postgres::session::name;

/// The format of the control tables that this version writes.
pub const CONTROL_FORMAT: i32 = 2;

/// The schema of the control tables.
pub const CONTROL_SCHEMA: &str = SCHEMA;

pub(super) const SCHEMA: &str = "_switchback";

/// These and those of fills.
const TABLES: [&str; 3] = ["format", "step", "revoked"];

const CREATE: &str = r#"
CREATE TABLE _switchback.format (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
);
INSERT INTO _switchback.format (version) VALUES (2);
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

/// Whether the control tables are there; if so, that they are of a format that this version knows,
/// and that this role may use them.
///
/// # Errors
/// [`ChangeError::Format`], [`ChangeError::Privilege`].
pub(super) fn exists(client: &mut Client) -> Result<bool, ChangeError> {
    let sql = "
        SELECT bool_or(c.relname = 'format'), bool_and(has_schema_privilege(n.oid, 'USAGE')),
            bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')),
            current_user::text
        FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
        WHERE n.nspname = '_switchback' AND c.relkind = 'r' AND c.relname = ANY ($1)";
    let tables: Vec<&str> = TABLES.into_iter().chain(of_change::TABLES).collect();
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
    if found != CONTROL_FORMAT {
        return Err(ChangeError::Format {
            found,
            known: CONTROL_FORMAT,
        });
    }
    Ok(true)
}

/// Whether the control tables are there, and those of fills.
pub(super) fn complete(client: &mut Client) -> Result<bool, ChangeError> {
    Ok(exists(client)? && of_change::exists(client)?)
}

/// Fails unless the control tables are there, or this role may make them. None if they are there,
/// else whether their schema is.
pub(super) fn can_make(client: &mut Client) -> Result<Option<bool>, ChangeError> {
    if complete(client)? {
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
    if !exists(client)? {
        sql.push_str(CREATE);
    }
    client
        .batch_execute(&sql)
        .map_err(at("making the control tables"))?;
    of_change::make(client)
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

/// Every change that has a mark, by name.
pub(super) fn changes(client: &mut Client) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT DISTINCT change FROM _switchback.step ORDER BY 1";
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
