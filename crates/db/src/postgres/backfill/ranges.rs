//! The ranges of a job, as people look at them.

use postgres::{Client, Row};

use super::control;
use super::error::BackfillError;
use super::place::Place;
use super::rerun::Scope;
use crate::backfill::{RangeRows, WalkRange};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;

impl PostgresDatabase {
    /// The ranges of a job, walk by walk; empty if it was never begun here.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn backfill_ranges(&mut self, job: &str) -> Result<Vec<WalkRange>, BackfillError> {
        self.again()?;
        let (found, _) = self.backfill(&mut (), |client, desk, _| {
            desk.next("reading the ranges of the backfill", None)?;
            if !control::exists(client)? {
                return Ok(Vec::new());
            }
            match control::job(client, job, false)? {
                Some(row) => of(client, row.id, None, true),
                None => Ok(Vec::new()),
            }
        })?;
        Ok(found)
    }
}

/// The ranges of a job, or of one of its walks; with the lowest and the highest key of the rows that
/// stretches of pages changed, if `keys`.
pub(super) fn of(
    client: &mut Client,
    id: i64,
    sweep: Option<i32>,
    keys: bool,
) -> Result<Vec<WalkRange>, BackfillError> {
    // Of numbers all are compared as numbers. Whole ones stand in the log in one of three forms.
    let ends = if keys {
        "LEFT JOIN LATERAL (SELECT
             coalesce(min(least(kept.base, (SELECT min(k) FROM unnest(kept.int_keys) AS k)))::text,
               min((SELECT min(k) FROM unnest(kept.text_keys) AS k))) AS low,
             coalesce(max(coalesce(kept.base + 32768 + (SELECT max(k) FROM unnest(kept.close) AS k),
                 kept.base + (SELECT max(k) FROM unnest(kept.away) AS k),
                 (SELECT max(k) FROM unnest(kept.int_keys) AS k)))::text,
               max((SELECT max(k) FROM unnest(kept.text_keys) AS k))) AS high
           FROM _switchback.backfill_undo AS kept
           WHERE jsonb_typeof(it.cursor_end) = 'object' AND it.scope IS NULL AND it.changed > 0
             AND kept.backfill = it.backfill AND kept.sweep = it.sweep
             AND kept.range = it.number) AS ends ON true"
    } else {
        "CROSS JOIN (SELECT NULL::text AS low, NULL::text AS high) AS ends"
    };
    let sql = format!(
        "SELECT it.sweep, it.number, it.status, it.scope::text, it.version, it.cursor_start::text,
           it.cursor_end::text, ends.low, ends.high, it.scanned, it.changed, it.failed, it.attempts,
           it.worker, it.checksum_before::text, it.checksum_after::text, it.skipped
         FROM _switchback.backfill_range AS it {ends}
         WHERE it.backfill = $1 AND ($2::integer IS NULL OR it.sweep = $2)
         ORDER BY it.sweep, it.number"
    );
    let rows = client.query(&sql, &[&id, &sweep]).map_err(at(&sql))?;
    rows.iter()
        .map(|row| read(row).map_err(at(&sql))?)
        .collect()
}

fn read(row: &Row) -> Result<Result<WalkRange, BackfillError>, postgres::Error> {
    let scope: Option<String> = row.try_get(3)?;
    let (start, end): (Option<String>, String) = (row.try_get(5)?, row.try_get(6)?);
    let (low, high): (Option<String>, Option<String>) = (row.try_get(7)?, row.try_get(8)?);
    let count = |column: usize| -> Result<u64, postgres::Error> {
        Ok(row.try_get::<_, i64>(column)?.unsigned_abs())
    };
    let rows = match rows(scope.as_deref(), start.as_deref(), &end) {
        Ok(rows) => rows,
        Err(error) => return Ok(Err(error)),
    };
    Ok(Ok(WalkRange {
        walk: row.try_get::<_, i32>(0)?.unsigned_abs(),
        number: row.try_get::<_, i32>(1)?.unsigned_abs(),
        status: row.try_get(2)?,
        again: scope.is_some(),
        version: row.try_get(4)?,
        rows,
        keys: low.zip(high),
        scanned: count(9)?,
        changed: count(10)?,
        failed: count(11)?,
        skipped: count(16)?,
        attempts: row.try_get::<_, i32>(12)?.unsigned_abs(),
        worker: row.try_get(13)?,
        before: row.try_get(14)?,
        after: row.try_get(15)?,
    }))
}

fn rows(scope: Option<&str>, start: Option<&str>, end: &str) -> Result<RangeRows, BackfillError> {
    let scope = Scope::read(scope)?;
    if let Some(keys) = scope.as_ref().and_then(Scope::keys) {
        return Ok(RangeRows::Listed {
            rows: keys.len() as u64,
        });
    }
    if scope.is_some() || end.starts_with('[') {
        return Ok(RangeRows::Keys {
            after: start.map(shown),
            from: match start {
                None => scope.and_then(|it| it.first()).map(|it| shown(&it)),
                Some(_) => None,
            },
            to: shown(end),
        });
    }
    let (from, to) = (start.map(Place::read).transpose()?, Place::read(end)?);
    Ok(RangeRows::Pages {
        table: to.leaf,
        from: from.map_or(0, |it| it.page),
        to: to.page,
    })
}

/// A stored key as it is typed: that of one column is the value itself.
fn shown(key: &str) -> String {
    match serde_json::from_str::<Vec<serde_json::Value>>(key) {
        Ok(list) => match list.as_slice() {
            [serde_json::Value::String(text)] => text.clone(),
            [one] => one.to_string(),
            _ => key.to_owned(),
        },
        Err(_) => key.to_owned(),
    }
}
