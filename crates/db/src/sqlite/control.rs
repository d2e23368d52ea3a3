//! The control tables: what Switchback remembers inside the database that it changes.
//!
//! `_switchback_step` has a mark for each step that is applied. Fills stand among backfills, in tables
//! of their own ([`super::backfill`]). They are made when they are first needed. Any other format than
//! this version's is refused: nobody can know what it must keep.

use rusqlite::{Connection, OptionalExtension as _, params};
use switchback_model::ChangeId;

use super::error::{DbError, at};

/// The format of the control tables that this version writes.
pub const CONTROL_FORMAT: i64 = 2;

/// What the names of all control tables start with, archives included.
pub const CONTROL_PREFIX: &str = "_switchback_";

/// The tables that no script may write.
pub(super) const TABLES: [&str; 8] = [
    "_switchback_format",
    "_switchback_step",
    "_switchback_revoked",
    "_switchback_backfill_format",
    "_switchback_backfill",
    "_switchback_backfill_range",
    "_switchback_backfill_undo",
    "_switchback_backfill_error",
];

const CREATE: &str = "
CREATE TABLE _switchback_format (version INTEGER NOT NULL) STRICT;
INSERT INTO _switchback_format VALUES (2);
CREATE TABLE _switchback_step (
  sequence INTEGER PRIMARY KEY,
  change TEXT NOT NULL,
  step TEXT NOT NULL,
  plan TEXT NOT NULL,
  applied_at TEXT NOT NULL,
  script TEXT NOT NULL, -- the digest of the SQL that ran
  before TEXT NOT NULL, -- the change's part of the schema before it ran
  after TEXT NOT NULL,  -- and after
  UNIQUE (change, step)
) STRICT;
";

/// A step that is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The step.
    pub step: String,
    /// What it was applied for, as given when it was.
    pub plan: String,
    /// When, RFC 3339.
    pub applied_at: String,
    /// The digest of the SQL that ran.
    pub script: String,
    /// The change's part of the schema before it ran.
    pub(super) before: String,
    /// The change's part of the schema after it ran.
    pub(super) after: String,
}

/// Whether an intent was given up: whoever still works on it must not write any more.
pub(super) fn is_revoked(connection: &Connection, intent: &str) -> Result<bool, DbError> {
    let there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_switchback_revoked'";
    let found = connection
        .query_row(there, [], |_| Ok(()))
        .optional()
        .map_err(at(there))?;
    if found.is_none() {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM _switchback_revoked WHERE intent = ?1";
    let found = connection
        .query_row(sql, [intent], |_| Ok(()))
        .optional()
        .map_err(at(sql))?;
    Ok(found.is_some())
}

/// Gives an intent up, for everybody.
pub(super) fn revoke(connection: &Connection, intent: &str) -> Result<(), DbError> {
    let make = "CREATE TABLE IF NOT EXISTS _switchback_revoked (intent TEXT PRIMARY KEY) STRICT";
    connection.execute(make, []).map_err(at(make))?;
    let sql = "INSERT OR IGNORE INTO _switchback_revoked VALUES (?1)";
    connection.execute(sql, [intent]).map_err(at(sql))?;
    Ok(())
}

/// Whether the control tables are there.
fn exists(connection: &Connection) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_switchback_format'";
    let found = connection
        .query_row(sql, [], |_| Ok(()))
        .optional()
        .map_err(at(sql))?;
    Ok(found.is_some())
}

/// Refuses control tables of a format that this version does not know.
pub(super) fn check_format(connection: &Connection) -> Result<(), DbError> {
    if !exists(connection)? {
        return Ok(());
    }
    let sql = "SELECT coalesce(max(version), 0) FROM _switchback_format";
    let found: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(at(sql))?;
    if found != CONTROL_FORMAT {
        return Err(DbError::Format {
            found,
            known: CONTROL_FORMAT,
        });
    }
    Ok(())
}

/// Makes the control tables where they are not there yet. Needs the write lock.
pub(super) fn ensure(connection: &Connection) -> Result<(), DbError> {
    if exists(connection)? {
        // Somebody may have upgraded them since the database was opened.
        return check_format(connection);
    }
    connection
        .execute_batch(CREATE)
        .map_err(at("making the control tables"))
}

pub(super) fn marks(connection: &Connection, change: &ChangeId) -> Result<Vec<Mark>, DbError> {
    if !exists(connection)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT step, plan, applied_at, script, before, after FROM _switchback_step
               WHERE change = ?1 ORDER BY sequence";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let rows = statement.query_map([change.as_str()], |row| {
        Ok(Mark {
            step: row.get(0)?,
            plan: row.get(1)?,
            applied_at: row.get(2)?,
            script: row.get(3)?,
            before: row.get(4)?,
            after: row.get(5)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(at(sql))
}

pub(super) fn changes(connection: &Connection) -> Result<Vec<String>, DbError> {
    if !exists(connection)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT DISTINCT change FROM _switchback_step";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let rows = statement.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(at(sql))
}

pub(super) fn add_mark(
    connection: &Connection,
    change: &ChangeId,
    mark: &Mark,
) -> Result<(), DbError> {
    let sql = "INSERT INTO _switchback_step
                 (sequence, change, step, plan, applied_at, script, before, after)
               VALUES ((SELECT coalesce(max(sequence), 0) + 1 FROM _switchback_step),
                 ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Mark {
        step,
        plan,
        applied_at,
        script,
        before,
        after,
    } = mark;
    connection
        .execute(
            sql,
            params![
                change.as_str(),
                step,
                plan,
                applied_at,
                script,
                before,
                after
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}

pub(super) fn remove_mark(
    connection: &Connection,
    change: &ChangeId,
    step: &str,
) -> Result<(), DbError> {
    let sql = "DELETE FROM _switchback_step WHERE change = ?1 AND step = ?2";
    connection
        .execute(sql, params![change.as_str(), step])
        .map_err(at(sql))?;
    Ok(())
}
