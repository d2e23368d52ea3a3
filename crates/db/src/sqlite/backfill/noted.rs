//! Rows that are written down: those that could not be changed, and those that were not put back.

use rusqlite::{Connection, params};

use super::codec::{Key, packed};
use super::control;
use super::error::BackfillError;

/// Which rows are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Those that could not be changed.
    Failed,
    /// Those that were not put back.
    Conflict,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Conflict => "conflict",
        }
    }
}

/// Notes a row. Returns whether it was not noted before.
pub(super) fn note(
    connection: &Connection,
    id: &str,
    kind: Kind,
    key: &Key,
    sweep: u32,
    message: &str,
    moment: &str,
) -> Result<bool, BackfillError> {
    let sql =
        "INSERT OR IGNORE INTO _switchback_backfill_error VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (key, shown) = (packed(key), super::codec::shown(key));
    let shown = crate::text::printable(&shown);
    let parameters = params![id, kind.word(), key, shown, sweep, message, moment];
    if control::run(connection, sql, parameters)? == 1 {
        return Ok(true);
    }
    let sql = "UPDATE _switchback_backfill_error SET sweep = ?4, message = ?5, at = ?6
               WHERE job = ?1 AND kind = ?2 AND key = ?3";
    control::run(
        connection,
        sql,
        params![id, kind.word(), key, sweep, message, moment],
    )?;
    Ok(false)
}
