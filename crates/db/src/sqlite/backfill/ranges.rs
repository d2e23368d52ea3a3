//! The ranges of a job, as people look at them, whichever engine it is.

use rusqlite::params;

use super::Backfills;
use super::codec::{Exact, Key};
use super::control::{self, place};
use super::error::BackfillError;
use super::walk::Keyed;
use crate::backfill::{RangeRows, WalkRange};
use crate::sqlite::catalog;
use crate::sqlite::error::at;

impl Backfills {
    /// The ranges of a job, or of one of its walks; empty where it was never begun.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn walk_ranges(
        &self,
        id: &str,
        sweep: Option<u32>,
    ) -> Result<Vec<WalkRange>, BackfillError> {
        let Some(job) = control::job(&self.connection, id)? else {
            return Ok(Vec::new());
        };
        let table = catalog::table(&self.connection, &job.table)?;
        let width = Keyed::of(&table)?.parts.len();
        let sql = "SELECT * FROM _switchback_backfill_range
                   WHERE job = ?1 AND (?2 IS NULL OR sweep = ?2) ORDER BY sweep, number";
        let mut statement = self.connection.prepare(sql).map_err(at(sql))?;
        let mut rows = statement.query(params![id, sweep]).map_err(at(sql))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(at(sql))? {
            let key = |column: &str| -> Result<Option<String>, BackfillError> {
                let value = control::exact(row, column).map_err(at(sql))?;
                Ok(place(&value, width)?.map(|it| typed(&it)))
            };
            let rows = RangeRows::Keys {
                after: key("cursor_start")?,
                from: key("from_key")?,
                to: key("cursor_end")?.unwrap_or_default(),
            };
            let read = || -> rusqlite::Result<WalkRange> {
                let number: i64 = row.get("number")?;
                Ok(WalkRange {
                    walk: row.get("sweep")?,
                    number: u32::try_from(number).unwrap_or(u32::MAX),
                    status: row.get("status")?,
                    again: row.get("again")?,
                    version: row.get("version")?,
                    rows,
                    keys: None,
                    scanned: control::count(row, "rows_scanned")?,
                    changed: control::count(row, "rows_changed")?,
                    failed: control::count(row, "rows_failed")?,
                    skipped: control::count(row, "rows_skipped")?,
                    attempts: row.get("attempts")?,
                    worker: row.get("worker")?,
                    before: row
                        .get::<_, i64>("checksum_before")?
                        .cast_unsigned()
                        .to_string(),
                    after: row
                        .get::<_, i64>("checksum_after")?
                        .cast_unsigned()
                        .to_string(),
                })
            };
            found.push(read().map_err(at(sql))?);
        }
        Ok(found)
    }
}

/// A key as it is typed: that of one column is the value itself, others a list in JSON.
pub(super) fn typed(key: &Key) -> String {
    let text = |value: &Exact| match value {
        Exact::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => super::codec::shown(std::slice::from_ref(other)),
    };
    match key.as_slice() {
        [one] => text(one),
        some => {
            let list = some.iter().map(|value| match value {
                Exact::Integer(number) => serde_json::json!(number),
                other => serde_json::json!(text(other)),
            });
            serde_json::Value::Array(list.collect()).to_string()
        }
    }
}
