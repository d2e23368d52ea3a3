//! The rows that programs passed over, and what they were then.

use rusqlite::{Connection, params};

use super::codec::{Key, packed};
use super::control;
use super::error::BackfillError;

/// Makes the table of rows that programs passed over, where it is not there yet: few databases need
/// it. Needs the write lock.
pub(super) fn ensure(connection: &Connection) -> Result<(), BackfillError> {
    let sql = "CREATE TABLE IF NOT EXISTS _switchback_backfill_skipped (
                 job TEXT NOT NULL,
                 key ANY NOT NULL,
                 seen INTEGER NOT NULL, -- a sum over what the program was given
                 PRIMARY KEY (job, key)
               ) STRICT";
    control::run(connection, sql, []).map(drop)
}

/// Forgets which rows a program passed over: it is asked again.
pub(super) fn forget(connection: &Connection, id: &str) -> Result<(), BackfillError> {
    let sql = "DELETE FROM _switchback_backfill_skipped WHERE job = ?1";
    control::run(connection, sql, [id]).map(drop)
}

/// Writes down that a program passed over a row, and what it was given.
pub(super) fn note(
    connection: &Connection,
    id: &str,
    key: &Key,
    seen: i64,
) -> Result<(), BackfillError> {
    let sql = "INSERT OR REPLACE INTO _switchback_backfill_skipped VALUES (?1, ?2, ?3)";
    control::run(connection, sql, params![id, packed(key), seen]).map(drop)
}

/// What a program was given of a row that it passed over.
pub(super) fn seen(
    connection: &Connection,
    id: &str,
    key: &Key,
) -> Result<Option<i64>, BackfillError> {
    let sql = "SELECT seen FROM _switchback_backfill_skipped WHERE job = ?1 AND key = ?2";
    control::first(connection, sql, params![id, packed(key)], |row| row.get(0))
}
