//! Putting back what a backfill changed.
//!
//! Segments are taken from the newest to the oldest, so that a row that was changed in several walks
//! goes back through all of them. A row is put back only if every column that the batch changed
//! still holds what it wrote; else it is noted as a conflict and stays as it is. Rows, the place in
//! the segment and conflicts are one transaction.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params, params_from_iter};
use switchback_migration::backfill::JobStatus;
use switchback_migration::sqlite::text as sql;
use switchback_model::Timestamp;

use super::codec::{Exact, Former, Key, Segment, Written, packed};
use super::control::{self, JobRow, Kind, Undo};
use super::error::{BackfillError, said};
use super::walk::{Keyed, update_triggers};
use super::{Backfills, commit};
use crate::sqlite::catalog;
use crate::sqlite::error::DbError;

/// What is said of a row that is not there any more.
pub(super) const DELETED: &str = "deleted since";

/// What one step of putting back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UndoStep {
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that were put back.
    pub restored: u64,
    /// Rows that were not, because they are not what the backfill wrote any more.
    pub conflicts: u64,
    /// Rows that are still to be looked at.
    pub left: u64,
    /// How long the write lock was held.
    pub held: Duration,
    /// Whether everything is put back.
    pub done: bool,
}

/// What deleting former values did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Batches whose former values were deleted.
    pub deleted: u64,
    /// Batches whose former values are still to be deleted.
    pub left: u64,
}

/// One try of a step.
enum Tried {
    Step(UndoStep),
    /// A row ended the transaction: how many there were, and what it said.
    Thrown(u64, String),
}

/// A segment that is being put back.
struct Open {
    number: i64,
    restored: usize,
    bytes: u64,
    segment: Segment,
}

impl Backfills {
    /// Puts the next rows back, about so many, of a job that is to be undone ([`Backfills::ask`]).
    /// It can be called again after a crash, and by several processes. Whoever calls it pauses in
    /// between, about half as long as the lock was held: other writers poll for it.
    ///
    /// # Errors
    /// [`BackfillError::Status`] if the job is not to be undone, or if the table or a column is not
    /// there any more; nothing is put back then.
    pub fn undo(&self, id: &str, rows: u32) -> Result<UndoStep, BackfillError> {
        let mut rows = rows.max(1);
        let mut bad = None;
        loop {
            match self.try_undo(id, rows, bad.as_deref())? {
                Tried::Step(step) => return Ok(step),
                Tried::Thrown(0 | 1, message) => (rows, bad) = (1, Some(message)),
                Tried::Thrown(read, _) => rows = u32::try_from(read / 2).unwrap_or(rows / 2).max(1),
            }
        }
    }

    fn try_undo(&self, id: &str, rows: u32, bad: Option<&str>) -> Result<Tried, BackfillError> {
        let transaction = self.lock()?;
        let began = Instant::now();
        let mut job = control::known_job(&transaction, id)?;
        let finished = UndoStep {
            done: true,
            ..UndoStep::default()
        };
        match job.status {
            JobStatus::Undoing => {}
            JobStatus::Undone => return Ok(Tried::Step(finished)),
            from => {
                return Err(BackfillError::Status {
                    job: id.to_owned(),
                    from,
                    to: JobStatus::Undone,
                });
            }
        }
        let Some(open) = newest(&transaction, id)? else {
            job.status = JobStatus::Undone;
            job.undo_bytes = 0;
            job.error = None;
            job.finished_at = Some(self.now().to_string());
            control::set_job(&transaction, id, &job)?;
            commit(transaction)?;
            return Ok(Tried::Step(finished));
        };
        let from = open.restored.min(open.segment.rows.len());
        let to = from
            .saturating_add(rows as usize)
            .min(open.segment.rows.len());
        let part = open.segment.rows.get(from..to).unwrap_or_default();
        let moment = self.now().to_string();
        let back = Back::of(&transaction, &open.segment)?;
        let conflicts = job.conflicting > 0;
        let mut step = UndoStep {
            rows: part.len() as u64,
            ..UndoStep::default()
        };
        for row in part {
            let kept = match bad {
                Some(message) => Some(message.to_owned()),
                // What was written before may be there again by somebody else's hand.
                None if conflicts && is_conflict(&transaction, id, &row.key)? => {
                    step.conflicts += 1;
                    continue;
                }
                None => match back.row(&transaction, row)? {
                    Put::Back => None,
                    Put::Conflict(why) => Some(why),
                    Put::Thrown(message) => return Ok(Tried::Thrown(step.rows, message)),
                },
            };
            let Some(why) = kept else {
                step.restored += 1;
                continue;
            };
            step.conflicts += 1;
            let sweep = job.sweep;
            if control::note(
                &transaction,
                id,
                Kind::Conflict,
                &row.key,
                sweep,
                &why,
                &moment,
            )? {
                job.conflicting += 1;
            }
        }
        close(&transaction, &mut job, &open, to)?;
        job.restored += step.restored;
        control::set_job(&transaction, id, &job)?;
        step.left = left(&transaction, id)?;
        match commit(transaction) {
            Err(error) if error.is_of_a_row() => Ok(Tried::Thrown(step.rows, said(&error))),
            Err(error) => Err(error),
            Ok(()) => {
                step.held = began.elapsed();
                Ok(Tried::Step(step))
            }
        }
    }

    /// Deletes former values of batches that were committed before a moment, or all of them, at
    /// most `most` batches at once. The backfill cannot be undone from then on.
    ///
    /// # Errors
    /// [`BackfillError::Status`] if it is being undone.
    pub fn forget_undo(
        &self,
        id: &str,
        before: Option<Timestamp>,
        most: u32,
    ) -> Result<Forgotten, BackfillError> {
        let transaction = self.lock()?;
        let mut job = control::known_job(&transaction, id)?;
        if job.status == JobStatus::Undoing {
            return Err(BackfillError::Status {
                job: id.to_owned(),
                from: job.status,
                to: JobStatus::Done,
            });
        }
        let before = before.map_or(i64::MAX, Timestamp::as_millis);
        let sql = "DELETE FROM _switchback_backfill_undo WHERE segment IN (
                     SELECT segment FROM _switchback_backfill_undo
                     WHERE job = ?1 AND written_at < ?2 ORDER BY segment LIMIT ?3)";
        let deleted = control::run(&transaction, sql, params![id, before, most])? as u64;
        let sql = "SELECT coalesce(sum(written_at < ?2), 0), coalesce(sum(length(content)), 0)
                   FROM _switchback_backfill_undo WHERE job = ?1";
        let found = control::first(&transaction, sql, params![id, before], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        let (left, bytes) = found.unwrap_or_default();
        if deleted > 0 {
            job.undo = Undo::Forgotten;
            job.undo_bytes = bytes.unsigned_abs();
            control::set_job(&transaction, id, &job)?;
            commit(transaction)?;
        }
        Ok(Forgotten {
            deleted,
            left: left.unsigned_abs(),
        })
    }
}

/// Whether a row was left alone before.
fn is_conflict(connection: &Connection, id: &str, key: &Key) -> Result<bool, BackfillError> {
    let sql = "SELECT 1 FROM _switchback_backfill_error
               WHERE job = ?1 AND kind = 'conflict' AND key = ?2";
    let found = control::first(connection, sql, params![id, packed(key)], |_| Ok(()))?;
    Ok(found.is_some())
}

fn newest(connection: &Connection, id: &str) -> Result<Option<Open>, BackfillError> {
    let sql = "SELECT segment, restored, content FROM _switchback_backfill_undo
               WHERE job = ?1 ORDER BY segment DESC LIMIT 1";
    let found = control::first(connection, sql, [id], |row| {
        let content: Vec<u8> = row.get(2)?;
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, content))
    })?;
    let Some((number, restored, content)) = found else {
        return Ok(None);
    };
    Ok(Some(Open {
        number,
        restored: usize::try_from(restored).unwrap_or(0),
        bytes: content.len() as u64,
        segment: Segment::of_bytes(&content)?,
    }))
}

/// Moves the place in a segment, or removes it at its end.
fn close(
    connection: &Connection,
    job: &mut JobRow,
    open: &Open,
    to: usize,
) -> Result<(), BackfillError> {
    if to >= open.segment.rows.len() {
        let sql = "DELETE FROM _switchback_backfill_undo WHERE segment = ?1";
        control::run(connection, sql, [open.number])?;
        job.undo_bytes = job.undo_bytes.saturating_sub(open.bytes);
    } else {
        let sql = "UPDATE _switchback_backfill_undo SET restored = ?2 WHERE segment = ?1";
        let parameters = [open.number, control::number(to as u64)];
        control::run(connection, sql, parameters)?;
    }
    Ok(())
}

/// How many rows are still to be looked at.
fn left(connection: &Connection, id: &str) -> Result<u64, BackfillError> {
    let sql = "SELECT coalesce(sum(rows - restored), 0) FROM _switchback_backfill_undo
               WHERE job = ?1";
    let found = control::first(connection, sql, [id], |row| row.get::<_, i64>(0))?;
    Ok(found.unwrap_or_default().unsigned_abs())
}

/// What became of a row.
enum Put {
    Back,
    Conflict(String),
    /// It ended the transaction.
    Thrown(String),
}

/// The table of a segment as it is now.
struct Back<'s> {
    segment: &'s Segment,
    keyed: Keyed,
    select: String,
    triggers: bool,
}

impl<'s> Back<'s> {
    fn of(connection: &Connection, segment: &'s Segment) -> Result<Self, BackfillError> {
        let table = catalog::table(connection, &segment.table)?;
        for column in &segment.columns {
            if table.column(column).is_none() {
                return Err(BackfillError::Db(DbError::NoColumn {
                    table: segment.table.clone(),
                    column: column.clone(),
                }));
            }
        }
        let keyed = Keyed::of(&table)?;
        let width = segment.rows.first().map_or(0, |row| row.key.len());
        if width != keyed.parts.len() {
            return Err(BackfillError::Definition {
                what: format!(
                    "the rows of `{}` have another key than they had",
                    table.name
                ),
            });
        }
        let names: Vec<String> = segment.columns.iter().map(|it| sql::name(it)).collect();
        Ok(Self {
            select: format!(
                "SELECT {} FROM {} WHERE {}",
                names.join(", "),
                keyed.t,
                keyed.is(1)
            ),
            triggers: !update_triggers(connection, &table.name)?.is_empty(),
            segment,
            keyed,
        })
    }

    fn row(&self, connection: &Connection, row: &Former) -> Result<Put, BackfillError> {
        let now = control::first(connection, &self.select, params_from_iter(&row.key), |it| {
            (0..self.segment.columns.len())
                .map(|place| Ok(Exact::of(it.get_ref(place)?)))
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let Some(now) = now else {
            return Ok(Put::Conflict(DELETED.to_owned()));
        };
        let (mut set, mut parameters) = (Vec::new(), row.key.clone());
        let columns = self.segment.columns.iter().zip(&row.columns).zip(&now);
        for ((name, column), now) in columns {
            let Some((former, written)) = column else {
                continue;
            };
            if Written::of(now) != *written {
                let what = format!("changed since: `{name}`");
                return Ok(Put::Conflict(what));
            }
            parameters.push(former.clone());
            set.push(format!("{} = ?{}", sql::name(name), parameters.len()));
        }
        // What a constraint says to do with a row in its way may be to replace it.
        let or = if self.triggers { "" } else { "OR ABORT " };
        let update = format!(
            "UPDATE {or}{} SET {} WHERE {}",
            self.keyed.t,
            set.join(", "),
            self.keyed.is(1)
        );
        control::run(connection, "SAVEPOINT part", [])?;
        let done = control::run(connection, &update, params_from_iter(&parameters));
        let put = match done {
            Ok(1) => Put::Back,
            Ok(_) => Put::Conflict("a trigger keeps the row as it is".to_owned()),
            Err(error) if error.is_of_a_row() => {
                let message = said(&error);
                if connection.is_autocommit() {
                    return Ok(Put::Thrown(message));
                }
                control::run(connection, "ROLLBACK TO part", [])?;
                Put::Conflict(message)
            }
            Err(error) => return Err(error),
        };
        control::run(connection, "RELEASE part", [])?;
        Ok(put)
    }
}
