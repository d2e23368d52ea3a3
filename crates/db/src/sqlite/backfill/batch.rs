//! A batch: the next rows of a range read, those that differ changed, their former values kept, the
//! place moved, in one transaction.
//!
//! Rows that cannot be changed are found by halving: a part that fails is rolled back to its
//! savepoint and tried in two halves, down to one row. Where a row ends the whole transaction (a
//! trigger may, and a deferred foreign key does at the commit) the batch is tried again with half as
//! many rows, down to that one.

use std::time::{Duration, Instant};

use rusqlite::{Connection, Row, Transaction, params, params_from_iter};
use switchback_migration::backfill::JobStatus;
use switchback_migration::backfill::machine::{Batch, Got};

use super::changed::sum_of;
use super::codec::{self, Exact, Former, Key, Segment};
use super::commit;
use super::control::{self, JobRow, Kind, RangeRow, Token, Undo};
use super::error::{BackfillError, said};
use super::hands::SqliteHands;
use super::query;
use super::walk::{Start, Walk, schema_version};
use crate::sqlite::error::at;

pub(super) use super::changed::{Changed, Now};

/// A batch ends when its rows take more memory, in bytes.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// What trying a batch came to.
pub(super) enum Tried {
    Got(Got),
    /// The schema is another one than the walk was made for.
    OtherSchema,
    /// A row ended the transaction. With the number of rows that were read, and what it said.
    Thrown(u64, String),
    /// The job is to fail for this reason, and this row if it is one.
    Fail(Option<Key>, String),
}

/// A batch under the write lock, in its transaction.
pub(super) struct Opened<'a> {
    pub(super) transaction: Transaction<'a>,
    began: Instant,
    job: JobRow,
    pub(super) range: RangeRow,
}

/// A row that is to be changed.
pub(super) struct Wanted {
    pub(super) key: Key,
    pub(super) former: Vec<Exact>,
    /// What a query gives it; nothing where the statement says it.
    pub(super) given: Vec<Exact>,
}

/// Rows of a range, in order.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) rows: u64,
    pub(super) last: Option<Key>,
    /// Whether the range ends with it.
    pub(super) ends: bool,
    pub(super) wanted: Vec<Wanted>,
    /// The sum over all its rows.
    pub(super) sum: u64,
    /// Why the row after them cannot be read, if it cannot.
    pub(super) broken: Option<String>,
}

pub(super) fn values(row: &Row<'_>, from: usize, count: usize) -> rusqlite::Result<Vec<Exact>> {
    (from..from + count)
        .map(|it| Ok(Exact::of(row.get_ref(it)?)))
        .collect()
}

impl SqliteHands {
    pub(super) fn do_batch(&mut self, rows: u32) -> Result<Got, BackfillError> {
        let Some(token) = self.range.clone() else {
            return Ok(Got::Lost);
        };
        if self.job.text.program.is_some() {
            return self.by_program(&token, rows.max(1));
        }
        self.rest();
        let mut rows = rows.max(1);
        let mut bad = None;
        loop {
            let tried = self.try_batch(&token, rows, bad.as_deref());
            if let Err(error @ BackfillError::Query { .. }) = &tried {
                // It is so for everybody, until somebody mends it.
                self.fail(&token, None, &error.to_string())?;
            }
            match tried? {
                Tried::Got(got) => {
                    if let Got::Done(batch) = got {
                        self.last = Some((Instant::now(), batch.held));
                    }
                    return Ok(got);
                }
                Tried::OtherSchema => {
                    self.walk = Walk::of(&self.db.connection, &self.job.text)?;
                }
                Tried::Thrown(0 | 1, message) => (rows, bad) = (1, Some(message)),
                Tried::Thrown(read, _) => rows = u32::try_from(read / 2).unwrap_or(rows / 2).max(1),
                Tried::Fail(key, why) => return self.fail(&token, key.as_ref(), &why),
            }
        }
    }

    /// Lets other writers in. They poll for the lock with growing gaps, so that one who lets go only
    /// for a moment would starve them: the pause grows with the batch.
    pub(super) fn rest(&self) {
        if let Some((ended, held)) = self.last {
            let pause = (held / 2).clamp(Duration::from_millis(1), Duration::from_millis(100));
            std::thread::sleep(pause.saturating_sub(ended.elapsed()));
        }
    }

    /// Begins the transaction of a batch, if its range is still ours and the schema the one that the
    /// walk was made for.
    pub(super) fn open(&self, token: &Token) -> Result<Result<Opened<'_>, Tried>, BackfillError> {
        let transaction = self.db.lock()?;
        let began = Instant::now();
        let job = match self.running(&transaction)? {
            Err(status) => return Ok(Err(Tried::Got(self.leave(transaction, status)?))),
            Ok(job) => job,
        };
        let now = self.db.now().as_millis();
        let held = control::held(&transaction, self.id(), &self.worker, token, now)?;
        let Some(range) = held else {
            return Ok(Err(Tried::Got(Got::Lost)));
        };
        if schema_version(&transaction)? != self.walk.schema {
            return Ok(Err(Tried::OtherSchema));
        }
        Ok(Ok(Opened {
            transaction,
            began,
            job,
            range,
        }))
    }

    /// One transaction. With `bad` the one row that is read is known to end it, and is passed over.
    fn try_batch(
        &self,
        token: &Token,
        rows: u32,
        bad: Option<&str>,
    ) -> Result<Tried, BackfillError> {
        let opened = match self.open(token)? {
            Ok(opened) => opened,
            Err(tried) => return Ok(tried),
        };
        let (transaction, range) = (&opened.transaction, &opened.range);
        let whole = self.is_of_change();
        let mut piece = read(transaction, &self.walk, range, rows, whole)?;
        let read = piece.rows;
        let asked = match bad {
            Some(_) => Ok(()),
            None => query::ask(transaction, &self.walk, range, &mut piece)?,
        };
        // What cannot be asked of many is asked of less, down to the one row that is to blame.
        let bad = match &asked {
            Err(message) if read > 1 => return Ok(Tried::Thrown(read, message.clone())),
            Err(message) => Some(message.as_str()),
            Ok(()) => bad,
        };
        let changed = match bad {
            Some(message) => {
                let skipped = piece.wanted.drain(..).map(|it| it.key);
                // A query was not asked which rows are to be changed.
                let one = piece.last.clone().filter(|_| self.walk.asked.is_some());
                let bad = skipped.chain(one).map(|key| (key, message.to_owned()));
                Changed {
                    bad: bad.collect(),
                    ..Changed::default()
                }
            }
            None => match change(transaction, &self.walk, &piece.wanted, whole)? {
                Ok(changed) => changed,
                Err(message) => return Ok(Tried::Thrown(read, message)),
            },
        };
        self.finish(opened, token, piece, read, changed)
    }

    /// Passes over a row that cannot be read if it is the next one, keeps former values, writes down
    /// which rows cannot be changed, moves the place, and commits.
    pub(super) fn finish(
        &self,
        opened: Opened<'_>,
        token: &Token,
        mut piece: Piece,
        read: u64,
        mut changed: Changed,
    ) -> Result<Tried, BackfillError> {
        let Opened {
            transaction,
            began,
            mut job,
            mut range,
        } = opened;
        if let Some(message) = piece.broken.take()
            && piece.rows == 0
        {
            let (walk, piece, changed) = (&self.walk, &mut piece, &mut changed);
            pass_over(&transaction, walk, &range, piece, changed, message)?;
        }
        let (now, moment) = self.db.moment();
        let (scanned, ends) = (piece.rows, piece.ends);
        for (key, message) in &changed.bad {
            if job.stop_on_error {
                return Ok(Tried::Fail(Some(key.clone()), message.clone()));
            }
            let (id, sweep) = (self.id(), token.sweep);
            if control::note(&transaction, id, Kind::Failed, key, sweep, message, &moment)? {
                job.counts.failed += 1;
            }
            if job.counts.failed > job.most_errors {
                let most = job.most_errors;
                let why = format!("more than {most} rows cannot be changed; the last: {message}");
                return Ok(Tried::Fail(Some(key.clone()), why));
            }
            range.counts.failed += 1;
        }
        let count = changed.rows.len() as u64 + changed.touched;
        if job.undo == Undo::Kept && self.job.text.keep_undo {
            let rows = std::mem::take(&mut changed.rows);
            keep(&transaction, self, token, &mut job, rows, now.as_millis())?;
            if let Some(most) = job.most_undo_bytes
                && job.undo_bytes > most
            {
                let why = format!("the former values take more than the {most} bytes allowed");
                return Ok(Tried::Fail(None, why));
            }
        }
        if let Some(last) = &piece.last {
            range.place = control::stored(Some(last));
        }
        range.before = range.before.wrapping_add(piece.sum);
        range.after = range
            .after
            .wrapping_add(piece.sum)
            .wrapping_add(changed.sum);
        range.counts.scanned += scanned;
        range.counts.changed += count;
        range.counts.skipped += changed.skipped;
        range.counts.batches += 1;
        job.counts.scanned += scanned;
        job.counts.changed += count;
        job.counts.skipped += changed.skipped;
        job.counts.batches += 1;
        job.sweep_scanned += scanned;
        job.sweep_changed += count;
        let until = (!ends).then(|| self.db.until(self.db.now()));
        control::set_range(&transaction, self.id(), token, &range, until)?;
        let work = began.elapsed();
        job.worked_us += u64::try_from(work.as_micros()).unwrap_or(u64::MAX);
        control::set_job(&transaction, self.id(), &job)?;
        match commit(transaction) {
            Err(error) if error.is_of_a_row() && !self.is_of_change() => {
                Ok(Tried::Thrown(read, error.to_string()))
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Tried::Got(Got::Done(Batch {
                rows: scanned,
                work,
                held: began.elapsed(),
                // Who waits for the lock does so by asking for it again: nobody can see it.
                in_the_way: false,
                last: ends,
            }))),
        }
    }

    /// Fails the job; nothing is left of the batch.
    pub(super) fn fail(
        &self,
        token: &Token,
        key: Option<&Key>,
        why: &str,
    ) -> Result<Got, BackfillError> {
        let transaction = self.db.lock()?;
        let mut job = match self.running(&transaction)? {
            Err(status) => return self.leave(transaction, status),
            Ok(job) => job,
        };
        let (id, worker) = (self.id(), self.worker.as_str());
        if !control::give_back(&transaction, id, worker, token, Some(why))? {
            return Ok(Got::Lost);
        }
        let (_, moment) = self.db.moment();
        let mut reason = why.to_owned();
        if let Some(key) = key {
            reason = format!("row {}: {why}", codec::shown(key));
            if control::note(
                &transaction,
                id,
                Kind::Failed,
                key,
                token.sweep,
                why,
                &moment,
            )? {
                job.counts.failed += 1;
            }
        }
        job.status = JobStatus::Failed;
        job.error = Some(crate::text::printable(&reason));
        job.finished_at = Some(moment);
        control::set_job(&transaction, id, &job)?;
        commit(transaction)?;
        Ok(Got::Ended(JobStatus::Failed))
    }
}

/// Reads the next rows of a range. With `whole` one that cannot be read is an error.
fn read(
    connection: &Connection,
    walk: &Walk,
    range: &RangeRow,
    most: u32,
    whole: bool,
) -> Result<Piece, BackfillError> {
    let width = walk.keyed.parts.len();
    let place = control::place(&range.place, width)?;
    let end = control::place(&range.end, width)?.unwrap_or_default();
    let from = control::place(&range.from, width)?;
    let start = Start::of(place.as_ref(), from.as_ref());
    let (query, parameters) = walk.piece(&start, &end);
    let mut statement = connection.prepare_cached(&query).map_err(at(&query))?;
    let mut found = statement
        .query(params_from_iter(&parameters))
        .map_err(at(&query))?;
    let mut piece = Piece::default();
    let count = walk.columns.len();
    let (mut bytes, mut size) = (Vec::new(), 0);
    while piece.rows < u64::from(most) && size < MOST_BYTES {
        let row = match found
            .next()
            .map_err(at(&query))
            .map_err(BackfillError::from)
        {
            Err(error) if error.is_of_a_row() && !whole => {
                piece.broken = Some(said(&error));
                break;
            }
            Err(error) => return Err(error),
            Ok(None) => {
                piece.ends = true;
                break;
            }
            Ok(Some(row)) => row,
        };
        let mut take = || -> rusqlite::Result<()> {
            let key = walk.keyed.read(row)?;
            bytes.clear();
            for place in 0..width + count {
                codec::put(&mut bytes, row.get_ref(place)?);
            }
            piece.sum = piece.sum.wrapping_add(codec::row_sum(&bytes));
            if row.get::<_, Option<i64>>(width + count)?.unwrap_or(0) != 0 {
                let former = values(row, width, count)?;
                size += key.iter().chain(&former).map(Exact::size).sum::<usize>();
                let key = key.clone();
                let given = Vec::new();
                piece.wanted.push(Wanted { key, former, given });
            }
            piece.rows += 1;
            piece.last = Some(key);
            Ok(())
        };
        take().map_err(at(&query))?;
    }
    // Its last row may have been the end of the range; then there is nothing to come back for.
    piece.ends |= piece.last.as_ref() == Some(&end);
    Ok(piece)
}

/// Passes over the next row, which cannot even be read.
fn pass_over(
    connection: &Connection,
    walk: &Walk,
    range: &RangeRow,
    piece: &mut Piece,
    changed: &mut Changed,
    message: String,
) -> Result<(), BackfillError> {
    let width = walk.keyed.parts.len();
    let place = control::place(&range.place, width)?;
    let end = control::place(&range.end, width)?.unwrap_or_default();
    let from = control::place(&range.from, width)?;
    let start = Start::of(place.as_ref(), from.as_ref());
    let Some(key) = walk.keyed.after(connection, &start, &end, 0)? else {
        piece.ends = true;
        return Ok(());
    };
    if let Some(now) = columns_of(connection, walk, &key)? {
        piece.sum = piece.sum.wrapping_add(sum_of(&key, &now));
    }
    piece.rows = 1;
    piece.ends = key == end;
    piece.last = Some(key.clone());
    changed.bad.push((key, message));
    Ok(())
}

fn columns_of(
    connection: &Connection,
    walk: &Walk,
    key: &Key,
) -> Result<Option<Vec<Exact>>, BackfillError> {
    let (width, count) = (walk.keyed.parts.len(), walk.columns.len());
    let read = |row: &Row<'_>| values(row, width, count);
    control::first(connection, &walk.select_one(), params_from_iter(key), read)
}

/// Changes rows, and finds those that cannot be; with `whole` one of them is an error. The inner
/// error is what ended the transaction.
fn change(
    connection: &Connection,
    walk: &Walk,
    wanted: &[Wanted],
    whole: bool,
) -> Result<Result<Changed, String>, BackfillError> {
    let mut changed = Changed::default();
    let mut todo = vec![wanted];
    while let Some(part) = todo.pop() {
        let (Some(first), true) = (part.first(), !part.is_empty()) else {
            continue;
        };
        control::run(connection, "SAVEPOINT part", [])?;
        let done = if part.len() == 1 {
            update_one(connection, walk, first).map(Some)
        } else if walk.asked.is_some() {
            let each = part.iter().map(|row| update_one(connection, walk, row));
            let each = each.collect::<Result<Vec<_>, _>>();
            each.map(|it| Some(it.into_iter().flatten().collect()))
        } else {
            update_all(connection, walk, part)
        };
        let again = match done {
            Ok(Some(rows)) => {
                control::run(connection, "RELEASE part", [])?;
                for (row, written) in part.iter().zip(rows) {
                    changed.add(walk, row, written);
                }
                continue;
            }
            Ok(None) => None,
            Err(error) if error.is_of_a_row() && !whole => Some(said(&error)),
            Err(error) => return Err(error),
        };
        if connection.is_autocommit() {
            return Ok(Err(again.unwrap_or_default()));
        }
        control::run(connection, "ROLLBACK TO part", [])?;
        control::run(connection, "RELEASE part", [])?;
        match again {
            Some(message) if part.len() == 1 => changed.bad.push((first.key.clone(), message)),
            Some(_) => {
                let (left, right) = part.split_at(part.len() / 2);
                todo.push(right);
                todo.push(left);
            }
            None => todo.extend(part.chunks(1).rev()),
        }
    }
    Ok(Ok(changed))
}

/// Changes rows that follow each other. None if others were changed than those that were found to
/// differ, as an expression that is not the same twice can make it.
fn update_all(
    connection: &Connection,
    walk: &Walk,
    part: &[Wanted],
) -> Result<Option<Vec<Now>>, BackfillError> {
    let (Some(first), Some(last)) = (part.first(), part.last()) else {
        return Ok(Some(Vec::new()));
    };
    let query = walk.update_between();
    let width = walk.keyed.parts.len();
    let mut statement = connection.prepare_cached(&query).map_err(at(&query))?;
    let mut found = statement
        .query(params_from_iter(first.key.iter().chain(&last.key)))
        .map_err(at(&query))?;
    let mut written = Vec::with_capacity(part.len());
    while let Some(row) = found.next().map_err(at(&query))? {
        let expected = part.get(written.len()).map(|it| &it.key);
        if Some(&walk.keyed.read(row).map_err(at(&query))?) != expected {
            return Ok(None);
        }
        written.push(values(row, width, walk.columns.len()).map_err(at(&query))?);
    }
    drop(found);
    drop(statement);
    if written.len() != part.len() {
        return Ok(None);
    }
    let after = part.iter().zip(written);
    let after = after.map(|(row, written)| settle(connection, walk, row, Some(written)));
    after.collect::<Result<_, _>>().map(Some)
}

fn update_one(
    connection: &Connection,
    walk: &Walk,
    row: &Wanted,
) -> Result<Vec<Now>, BackfillError> {
    let (width, count) = (walk.keyed.parts.len(), walk.columns.len());
    let query = walk.update_one();
    // What was given to a row is not for one that a trigger has changed since, for another row.
    if walk.asked.is_some()
        && walk.triggers
        && columns_of(connection, walk, &row.key)?.as_ref() != Some(&row.former)
    {
        return Ok(vec![Now::Holds(row.former.clone())]);
    }
    let parameters = params_from_iter(row.key.iter().chain(&row.given));
    let written = control::first(connection, &query, parameters, |row| {
        values(row, width, count)
    })?;
    Ok(vec![settle(connection, walk, row, written)?])
}

/// What a row holds after its update, from what the update returned. What triggers do after it is
/// not in there.
fn settle(
    connection: &Connection,
    walk: &Walk,
    row: &Wanted,
    written: Option<Vec<Exact>>,
) -> Result<Now, BackfillError> {
    Ok(match written {
        None => Now::Kept,
        Some(written) if !walk.triggers => Now::Holds(written),
        Some(written) => match columns_of(connection, walk, &row.key)? {
            None => Now::Gone,
            Some(now) if now == row.former && written != row.former => Now::Kept,
            Some(now) => Now::Holds(now),
        },
    })
}

/// Keeps former values.
fn keep(
    connection: &Connection,
    hands: &SqliteHands,
    token: &Token,
    job: &mut JobRow,
    mut rows: Vec<Former>,
    now: i64,
) -> Result<(), BackfillError> {
    // What a trigger deleted cannot be put back.
    rows.retain(|row| row.columns.iter().any(Option::is_some));
    if rows.is_empty() {
        return Ok(());
    }
    let segment = Segment {
        table: hands.walk.table.clone(),
        columns: hands.walk.columns.clone(),
        rows,
    };
    let bytes = segment.to_bytes();
    let sql = "INSERT INTO _switchback_backfill_undo
                 (job, sweep, number, rows, restored, written_at, content)
               VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";
    let count = control::number(segment.rows.len() as u64);
    let parameters = params![hands.id(), token.sweep, token.number, count, now, bytes];
    control::run(connection, sql, parameters)?;
    job.undo_bytes += bytes.len() as u64;
    Ok(())
}
