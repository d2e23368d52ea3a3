//! Giving columns their values while an application works, and taking that back.
//!
//! Rows are walked by row id in batches, each in a transaction of its own together with the place
//! that it reached and the former values. Batches are sized by time, and between them there is a
//! pause: SQLite's waiting writers poll for the lock, and one that lets go only for a moment would
//! starve them.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use switchback_migration::drive::Probed;
use switchback_migration::sqlite::text as sql;
use switchback_model::plan::Fill;

use super::SqliteDatabase;
use super::control::{self, FillStatus};
use super::error::{DbError, at};
use crate::fill::{FEWEST_ROWS, FILLED, FILLING, MOST_ROWS, Next, SWEEPS, UNFILLING, sized};

/// How far a fill, or taking one back, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were looked at, over all runs.
    pub rows_scanned: u64,
    /// Rows that were changed, over all runs.
    pub rows_changed: u64,
    /// Batches, over all runs.
    pub batches: u64,
    /// The first row id that is not done.
    pub next: i64,
    /// The highest row id when the fill started.
    pub high: i64,
    /// How long the last batch held the write lock.
    pub took: Duration,
}

/// How a run of a fill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillEnd {
    /// All rows are done.
    Done(Progress),
    /// It was told to stop.
    Stopped(Progress),
    /// There was nothing left to do.
    Already,
}

/// Names and conditions as they stand in SQL.
struct Sql {
    t: String,
    /// What each column gets: its name as it is, as it stands in SQL, and the expression.
    set: Vec<(String, String, String)>,
    rowid: &'static str,
    /// That a row has not got what it should.
    differ: String,
}

impl Sql {
    fn of(connection: &Connection, fill: &Fill) -> Result<Self, DbError> {
        let table = super::catalog::table(connection, &fill.table)?;
        for column in fill.set.keys() {
            if table.column(column).is_none() {
                let (table, column) = (fill.table.clone(), column.clone());
                return Err(DbError::NoColumn { table, column });
            }
        }
        let no_rowid = || DbError::NoColumn {
            table: fill.table.clone(),
            column: "rowid".to_owned(),
        };
        let set: Vec<_> = fill
            .set
            .iter()
            .map(|(column, value)| (column.clone(), sql::name(column), format!("({value})")))
            .collect();
        let apart: Vec<_> = set
            .iter()
            .map(|(_, column, value)| differ(column, value))
            .collect();
        // A column that gets itself is never apart: the row is written for what triggers do then.
        let touches = fill
            .set
            .iter()
            .all(|(column, value)| *value == sql::name(column));
        let mut condition = if touches {
            "1".to_owned()
        } else {
            format!("({})", apart.join(" OR "))
        };
        if let Some(only) = &fill.only {
            condition.push_str(&format!(" AND ({only})"));
        }
        let sql = Self {
            t: sql::name(&fill.table),
            rowid: table
                .rowid()
                .filter(|_| !table.without_rowid)
                .ok_or_else(no_rowid)?,
            differ: condition,
            set,
        };
        // What an expression reads must be there; only the database can say so.
        let query = format!("SELECT 1 FROM {} WHERE {}", sql.t, sql.differ);
        if let Err(error) = connection.prepare(&query) {
            let text = error.to_string();
            return Err(match missing(&text) {
                Some(column) => DbError::NoColumn {
                    table: fill.table.clone(),
                    column,
                },
                None => at(&query)(error),
            });
        }
        Ok(sql)
    }
}

/// The column that SQLite says is not there.
pub(super) fn missing(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("no such column: ")?;
    let name = rest.split(" in ").next().unwrap_or(rest);
    Some(
        name.trim_matches(|c: char| c == '"' || c.is_whitespace())
            .to_owned(),
    )
}

/// That two values are not exactly the same, whatever their collation and type.
fn differ(left: &str, right: &str) -> String {
    format!("({left} COLLATE BINARY IS NOT {right} OR typeof({left}) IS NOT typeof({right}))")
}

fn progress(status: &FillStatus, took: Duration) -> Progress {
    let FillStatus {
        next,
        high,
        rows_scanned,
        rows_changed,
        batches,
        ..
    } = *status;
    Progress {
        rows_scanned,
        rows_changed,
        batches,
        next,
        high,
        took,
    }
}

/// What a batch did.
struct Batch {
    status: FillStatus,
    /// How long the statements took: the part that depends on the number of rows. A commit takes
    /// as long as the disk likes, and would drive the size towards 1 where it is slow.
    work: Duration,
    /// How long the write lock was held.
    held: Duration,
}

/// Lets other writers in. They poll with growing gaps, so the pause grows with the batch.
fn pause(took: Duration) {
    std::thread::sleep((took / 2).clamp(Duration::from_millis(1), Duration::from_millis(100)));
}

pub(super) fn fill(
    database: &SqliteDatabase,
    fill: &Fill,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, DbError> {
    let sql = Sql::of(&database.connection, fill)?;
    if !start(database, fill, &sql)? {
        return Ok(FillEnd::Already);
    }
    let mut rows = fill.batch_rows.clamp(1, MOST_ROWS);
    let fewest = rows.min(FEWEST_ROWS);
    for sweep in 1..=SWEEPS {
        while let Some(batch) = batch(database, fill, &sql, rows)? {
            let now = progress(&batch.status, batch.held);
            if on_batch(&now) == Next::Stop {
                return Ok(FillEnd::Stopped(now));
            }
            rows = sized(
                rows,
                fewest,
                MOST_ROWS,
                batch.work,
                database.options.batch_time,
            );
            pause(batch.held);
        }
        let left = differing(&database.connection, &sql)?;
        let transaction = database.begin()?;
        let Some(mut status) = control::fill_status(&transaction, fill)? else {
            return Err(vanished(fill));
        };
        let again = left > 0 && status.status != FILLED;
        if again {
            status.next = i64::MIN;
            status.high = highest(&transaction, &sql)?;
        } else {
            status.status = FILLED.to_owned();
        }
        control::set_fill(&transaction, fill, &status)?;
        transaction.commit().map_err(at("COMMIT"))?;
        if !again {
            return Ok(FillEnd::Done(progress(&status, Duration::ZERO)));
        }
        if sweep == SWEEPS {
            return Err(DbError::StillDiffers {
                table: fill.table.clone(),
                columns: fill.set.keys().cloned().collect(),
                rows: left,
                sweeps: SWEEPS,
            });
        }
    }
    Err(vanished(fill))
}

/// Another process took the fill back while this one ran.
fn vanished(fill: &Fill) -> DbError {
    DbError::UnknownStep {
        change: fill.change.to_string(),
        expected: format!("the fill of step {} under way", fill.step),
        found: "it is taken back".to_owned(),
    }
}

/// Makes the fill's row where there is none. Returns whether there is something to do.
fn start(database: &SqliteDatabase, fill: &Fill, sql: &Sql) -> Result<bool, DbError> {
    let transaction = database.begin()?;
    control::ensure(&transaction)?;
    let status = match control::fill_status(&transaction, fill)? {
        // Code that writes only one column may have run since: then it is done again.
        Some(status) if status.status == FILLED && differing(&transaction, sql)? == 0 => {
            return Ok(false);
        }
        Some(status) if status.status == FILLING => status,
        // Rows before its place differ, or are empty again because taking it back was begun.
        Some(status) => FillStatus {
            status: FILLING.to_owned(),
            next: i64::MIN,
            high: highest(&transaction, sql)?,
            ..status
        },
        None => FillStatus {
            status: FILLING.to_owned(),
            next: i64::MIN,
            high: highest(&transaction, sql)?,
            rows_scanned: 0,
            rows_changed: 0,
            batches: 0,
        },
    };
    control::set_fill(&transaction, fill, &status)?;
    transaction.commit().map_err(at("COMMIT"))?;
    Ok(true)
}

fn highest(connection: &Connection, sql: &Sql) -> Result<i64, DbError> {
    let query = format!(
        "SELECT coalesce(max({}), {}) FROM {}",
        sql.rowid,
        i64::MIN,
        sql.t
    );
    connection
        .query_row(&query, [], |row| row.get(0))
        .map_err(at(&query))
}

/// The last row id of a batch from `next`, and its rows; none where there are none.
fn reach(
    connection: &Connection,
    sql: &Sql,
    next: i64,
    high: i64,
    rows: u32,
) -> Result<Option<(i64, u64)>, DbError> {
    let Sql { t, rowid, .. } = sql;
    let query = format!(
        "SELECT max(r), count(*) FROM (SELECT {rowid} AS r FROM {t}
         WHERE {rowid} >= ?1 AND {rowid} <= ?2 ORDER BY {rowid} LIMIT ?3)"
    );
    let found: (Option<i64>, i64) = connection
        .query_row(&query, params![next, high, rows], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(at(&query))?;
    Ok(found.0.map(|last| (last, found.1.unsigned_abs())))
}

/// One batch: data, former values and place in one transaction. None at the end of the table.
fn batch(
    database: &SqliteDatabase,
    fill: &Fill,
    sql: &Sql,
    rows: u32,
) -> Result<Option<Batch>, DbError> {
    let transaction = database.begin()?;
    let began = Instant::now();
    // Read again inside the transaction: two processes may fill together.
    let Some(mut status) = control::fill_status(&transaction, fill)? else {
        return Err(vanished(fill));
    };
    match status.status.as_str() {
        FILLING => {}
        FILLED => return Ok(None),
        _ => return Err(vanished(fill)),
    }
    let Some((last, count)) = reach(&transaction, sql, status.next, status.high, rows)? else {
        return Ok(None);
    };
    if fill.keep_undo {
        keep(&transaction, fill, sql, status.next, last)?;
    }
    let Sql {
        t, rowid, differ, ..
    } = sql;
    let set: Vec<_> = sql
        .set
        .iter()
        .map(|(_, column, value)| format!("{column} = {value}"))
        .collect();
    let set = set.join(", ");
    let update = format!("UPDATE {t} SET {set} WHERE {rowid} >= ?1 AND {rowid} <= ?2 AND {differ}");
    let changed = transaction
        .execute(&update, [status.next, last])
        .map_err(at(&update))?;
    status.rows_scanned += count;
    status.rows_changed += changed as u64;
    status.batches += 1;
    // At the very last row id there is no next one; `high` below `next` ends the walk.
    match last.checked_add(1) {
        Some(next) => status.next = next,
        None => (status.next, status.high) = (i64::MAX, i64::MIN),
    }
    control::set_fill(&transaction, fill, &status)?;
    let work = began.elapsed();
    transaction.commit().map_err(at("COMMIT"))?;
    Ok(Some(Batch {
        status,
        work,
        held: began.elapsed(),
    }))
}

/// Keeps the former values of a batch. Where a row is filled again, because somebody changed it
/// in between, the value from before the first time stays the former one.
fn keep(
    transaction: &Transaction<'_>,
    fill: &Fill,
    sql: &Sql,
    first: i64,
    last: i64,
) -> Result<(), DbError> {
    let Sql {
        t, rowid, differ, ..
    } = sql;
    for (name, column, value) in &sql.set {
        let mine = self::differ(column, value);
        let insert = format!(
            "INSERT INTO _switchback_undo (change, step, row, in_column, before, after)
             SELECT ?1, ?2, {rowid}, ?5, {column}, {value} FROM {t}
             WHERE {rowid} >= ?3 AND {rowid} <= ?4 AND {differ} AND {mine}
             ON CONFLICT (change, step, row, in_column) DO UPDATE SET after = excluded.after"
        );
        transaction
            .execute(
                &insert,
                params![fill.change.as_str(), fill.step.as_str(), first, last, name],
            )
            .map_err(at(&insert))?;
    }
    Ok(())
}

/// How many rows differ, counted in ranges so that no read holds a lock for long.
fn differing(connection: &Connection, sql: &Sql) -> Result<u64, DbError> {
    let Sql {
        t, rowid, differ, ..
    } = sql;
    let query =
        format!("SELECT count(*) FROM {t} WHERE {rowid} >= ?1 AND {rowid} <= ?2 AND {differ}");
    let high = highest(connection, sql)?;
    let (mut next, mut count) = (i64::MIN, 0);
    while let Some((last, _)) = reach(connection, sql, next, high, MOST_ROWS)? {
        let found: i64 = connection
            .query_row(&query, [next, last], |row| row.get(0))
            .map_err(at(&query))?;
        count += found.unsigned_abs();
        match last.checked_add(1) {
            Some(after) => next = after,
            None => break,
        }
    }
    Ok(count)
}

pub(super) fn unfill(
    database: &SqliteDatabase,
    fill: &Fill,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, DbError> {
    if !fill.keep_undo {
        return Err(DbError::NothingKept {
            step: fill.step.to_string(),
        });
    }
    if control::fill_status(&database.connection, fill)?.is_none() {
        return Ok(FillEnd::Already);
    }
    let sql = Sql::of(&database.connection, fill)?;
    let mut rows = fill.batch_rows.clamp(1, MOST_ROWS);
    let fewest = rows.min(FEWEST_ROWS);
    let mut last = None;
    while let Some(batch) = undo_batch(database, fill, &sql, rows)? {
        let now = progress(&batch.status, batch.held);
        last = Some(now);
        if on_batch(&now) == Next::Stop {
            return Ok(FillEnd::Stopped(now));
        }
        rows = sized(
            rows,
            fewest,
            MOST_ROWS,
            batch.work,
            database.options.batch_time,
        );
        pause(batch.held);
    }
    Ok(last.map_or(FillEnd::Already, FillEnd::Done))
}

/// One batch of former values put back and forgotten; at the end the fill itself is forgotten.
fn undo_batch(
    database: &SqliteDatabase,
    fill: &Fill,
    sql: &Sql,
    rows: u32,
) -> Result<Option<Batch>, DbError> {
    let transaction = database.begin()?;
    let began = Instant::now();
    let (change, step) = (fill.change.as_str(), fill.step.as_str());
    let Some(mut status) = control::fill_status(&transaction, fill)? else {
        return Ok(None);
    };
    if status.status != UNFILLING {
        status.status = UNFILLING.to_owned();
        status.next = i64::MIN;
        (status.rows_scanned, status.rows_changed, status.batches) = (0, 0, 0);
    }
    let query = "SELECT max(row), count(*) FROM (SELECT DISTINCT row FROM _switchback_undo
                 WHERE change = ?1 AND step = ?2 ORDER BY row LIMIT ?3)";
    let found: Option<(Option<i64>, i64)> = transaction
        .query_row(query, params![change, step, rows], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(at(query))?;
    status.batches += 1;
    let Some((Some(last), count)) = found else {
        control::forget_fill(&transaction, change, step)?;
        transaction.commit().map_err(at("COMMIT"))?;
        let held = began.elapsed();
        let only = status.batches == 1;
        return Ok(only.then_some(Batch {
            status,
            work: held,
            held,
        }));
    };
    let Sql { t, rowid, .. } = sql;
    let mut changed = 0;
    for (name, column, _) in &sql.set {
        let changed_since = differ(&format!("{t}.{column}"), "undo.after");
        let update = format!(
            "UPDATE {t} SET {column} = undo.before FROM _switchback_undo AS undo
             WHERE undo.change = ?1 AND undo.step = ?2 AND undo.row <= ?3
               AND undo.in_column = ?4 AND undo.row = {t}.{rowid} AND NOT {changed_since}"
        );
        let here = transaction
            .execute(&update, params![change, step, last, name])
            .map_err(at(&update))?;
        changed = changed.max(here);
    }
    let delete = "DELETE FROM _switchback_undo WHERE change = ?1 AND step = ?2 AND row <= ?3";
    transaction
        .execute(delete, params![change, step, last])
        .map_err(at(delete))?;
    status.rows_scanned += count.unsigned_abs();
    status.rows_changed += changed as u64;
    status.next = last.saturating_add(1);
    control::set_fill(&transaction, fill, &status)?;
    let work = began.elapsed();
    transaction.commit().map_err(at("COMMIT"))?;
    Ok(Some(Batch {
        status,
        work,
        held: began.elapsed(),
    }))
}

pub(super) fn probe(connection: &Connection, fill: &Fill) -> Result<Probed, DbError> {
    if let Some(reason) = nowhere(connection, fill)? {
        return Ok(Probed::Unknown { reason });
    }
    Ok(match control::fill_status(connection, fill)? {
        None => Probed::NotDone,
        Some(status) if status.status == FILLED => {
            // Done is what it is for, not what was once done.
            match differing(connection, &Sql::of(connection, fill)?)? {
                0 => Probed::Done,
                _ => Probed::Partial,
            }
        }
        Some(_) => Probed::Partial,
    })
}

pub(super) fn probe_undone(connection: &Connection, fill: &Fill) -> Result<Probed, DbError> {
    Ok(match control::fill_status(connection, fill)? {
        None => Probed::Done,
        Some(status) if status.status == UNFILLING => Probed::Partial,
        Some(_) => match nowhere(connection, fill)? {
            Some(reason) => Probed::Unknown { reason },
            None => Probed::NotDone,
        },
    })
}

/// Why a fill has no place to be done, if it has none.
fn nowhere(connection: &Connection, fill: &Fill) -> Result<Option<String>, DbError> {
    match Sql::of(connection, fill) {
        Ok(_) => Ok(None),
        Err(error @ (DbError::NoTable { .. } | DbError::NoColumn { .. })) => {
            Ok(Some(error.to_string()))
        }
        Err(error) => Err(error),
    }
}
