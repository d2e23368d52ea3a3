//! The fills of changes: jobs like any other, walked by one worker on the connection of the change.
//!
//! What is another way than with a backfill: each transaction asks whether the intent that is carried
//! out still stands; a row that cannot be changed ends the step, which the same command tries again;
//! what a step left half done is gone on with, whichever way it went before; and when nobody needs a
//! job any more it is forgotten with all that it kept.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params, params_from_iter};
use switchback_migration::backfill::machine::{Batch, End, Pace};
use switchback_migration::backfill::throttle::Allowance;
use switchback_migration::backfill::{Job, JobStatus};
use switchback_migration::drive::Probed;
use switchback_model::plan::Fill;
use switchback_model::{BackfillId, ChangeId, StepName, Timestamp};

use super::control::{self, JobRow};
use super::error::BackfillError;
use super::job::{BeginOptions, clear, with};
use super::walk::{Start, Walk};
use super::{BackfillOptions, Backfills, commit};
use crate::backfill::alone::{Beside, alone};
use crate::fill::{FillEnd, Next, Progress, SWEEPS};
use crate::sqlite::error::{DbError, at};
use crate::sqlite::{SqliteDatabase, catalog};

/// Rows that are looked at in one statement, so that no read holds a lock for long.
const STRETCH: u32 = 50_000;

/// What goes wrong with a backfill, as what goes wrong with a change.
fn plain(error: BackfillError, fill: &Fill) -> DbError {
    let unknown = |found: &str| DbError::UnknownStep {
        change: fill.change.to_string(),
        expected: format!("the fill of step {} under way", fill.step),
        found: found.to_owned(),
    };
    match error {
        BackfillError::Db(error) => error,
        BackfillError::NoJob { .. } | BackfillError::Status { .. } => unknown("it is taken back"),
        BackfillError::OtherDefinition { .. }
        | BackfillError::OtherColumns { .. }
        | BackfillError::Rerun(_) => unknown("the fill of another definition"),
        BackfillError::NothingKept { .. } | BackfillError::Expired { .. } => DbError::NothingKept {
            step: fill.step.to_string(),
        },
        BackfillError::Definition { what } => DbError::Unfit {
            table: fill.table.clone(),
            what,
        },
        // A change says what rows get by expressions.
        BackfillError::Query { table, fault } => DbError::Unfit {
            table,
            what: fault.to_string(),
        },
        BackfillError::Damaged { what } => unknown(&what),
        // The fill of a change has none.
        BackfillError::Program(error) => unknown(&error.to_string()),
    }
}

/// The job of a fill; none where it was never begun, or was taken back.
fn row(connection: &Connection, fill: &Fill) -> Result<Option<JobRow>, DbError> {
    let id = BackfillId::of_fill(&fill.change, &fill.step);
    let row = control::job(connection, id.as_str()).map_err(|error| plain(error, fill))?;
    Ok(row.filter(|it| it.status != JobStatus::Undone))
}

/// Where a fill stands; none where it was never started, or was taken back.
pub(in crate::sqlite) fn status(
    connection: &Connection,
    fill: &Fill,
) -> Result<Option<FillStatus>, DbError> {
    Ok(row(connection, fill)?.map(|row| FillStatus {
        status: row.status,
        rows_scanned: row.counts.scanned,
        rows_changed: row.counts.changed,
        batches: row.counts.batches,
    }))
}

/// Where a fill stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillStatus {
    /// Where it stands.
    pub status: JobStatus,
    /// Rows that were looked at, over all runs.
    pub rows_scanned: u64,
    /// Rows that were changed, over all runs.
    pub rows_changed: u64,
    /// Batches, over all runs.
    pub batches: u64,
}

/// Every change that has a fill, by name.
pub(in crate::sqlite) fn changes(connection: &Connection) -> Result<Vec<String>, DbError> {
    if !there(connection)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT DISTINCT change FROM _switchback_backfill
               WHERE change IS NOT NULL AND status <> 'undone'";
    catalog::all(connection, sql, &[], |row| row.get(0))
}

fn there(connection: &Connection) -> Result<bool, DbError> {
    control::exists(connection).map_err(of_tables)
}

/// What goes wrong with control tables alone.
fn of_tables(error: BackfillError) -> DbError {
    match error {
        BackfillError::Db(error) => error,
        other => DbError::Sql {
            statement: "the control tables of backfills".to_owned(),
            message: other.to_string(),
        },
    }
}

/// Forgets what a step filled, in the transaction that takes it back.
pub(in crate::sqlite) fn forget_step(
    connection: &Connection,
    change: &ChangeId,
    step: &StepName,
) -> Result<(), DbError> {
    if !there(connection)? {
        return Ok(());
    }
    forget(connection, BackfillId::of_fill(change, step).as_str())
}

/// Forgets fills of a change into columns that are gone, which are empty when they are made again,
/// and those that were taken back.
pub(in crate::sqlite) fn forget_dropped(
    connection: &Connection,
    change: &ChangeId,
) -> Result<(), DbError> {
    if !there(connection)? {
        return Ok(());
    }
    let sql = "SELECT job FROM _switchback_backfill AS it
               WHERE change = ?1 AND (status = 'undone' OR EXISTS (
                 SELECT 1 FROM json_each(it.columns) AS mine WHERE NOT EXISTS (
                   SELECT 1 FROM pragma_table_info(it.in_table) AS there
                   WHERE there.name = mine.value COLLATE NOCASE)))";
    let jobs: Vec<String> = catalog::all(connection, sql, &[change.as_str()], |row| row.get(0))?;
    jobs.iter().try_for_each(|job| forget(connection, job))
}

fn forget(connection: &Connection, job: &str) -> Result<(), DbError> {
    for table in ["_undo", "_range", "_error", ""] {
        let sql = format!("DELETE FROM _switchback_backfill{table} WHERE job = ?1");
        connection.execute(&sql, [job]).map_err(at(&sql))?;
    }
    Ok(())
}

/// How many rows differ, counted in stretches.
fn differing(connection: &Connection, walk: &Walk) -> Result<u64, BackfillError> {
    let Some(high) = walk.keyed.highest(connection)? else {
        return Ok(0);
    };
    let (mut place, mut found) = (None, 0);
    loop {
        let end = walk
            .keyed
            .after(
                connection,
                &Start::of(place.as_ref(), None),
                &high,
                STRETCH - 1,
            )?
            .unwrap_or_else(|| high.clone());
        let (query, parameters) = walk.differing(place.as_ref(), &end);
        let count = control::first(connection, &query, params_from_iter(&parameters), |row| {
            row.get::<_, i64>(0)
        })?;
        found += count.unwrap_or_default().unsigned_abs();
        if end == high {
            return Ok(found);
        }
        place = Some(end);
    }
}

/// How many rows differ from what a fill gives them.
fn left(connection: &Connection, fill: &Fill) -> Result<u64, DbError> {
    let job = Job::of_fill(fill);
    let counted = Walk::of(connection, &job.text).and_then(|walk| differing(connection, &walk));
    counted.map_err(|error| plain(error, fill))
}

/// Whether a fill was done. Done is what it is for, not what was once done.
pub(in crate::sqlite) fn probe(connection: &Connection, fill: &Fill) -> Result<Probed, DbError> {
    if let Some(reason) = nowhere(connection, fill)? {
        return Ok(Probed::Unknown { reason });
    }
    Ok(match row(connection, fill)?.map(|it| it.status) {
        None => Probed::NotDone,
        Some(JobStatus::Done) if left(connection, fill)? == 0 => Probed::Done,
        Some(_) => Probed::Partial,
    })
}

/// Whether a fill was taken back.
pub(in crate::sqlite) fn probe_undone(
    connection: &Connection,
    fill: &Fill,
) -> Result<Probed, DbError> {
    Ok(match row(connection, fill)?.map(|it| it.status) {
        None => Probed::Done,
        Some(JobStatus::Undoing) => Probed::Partial,
        Some(_) => match nowhere(connection, fill)? {
            Some(reason) => Probed::Unknown { reason },
            None => Probed::NotDone,
        },
    })
}

/// Why a fill has no place to be done, if it has none.
fn nowhere(connection: &Connection, fill: &Fill) -> Result<Option<String>, DbError> {
    let walk = Walk::of(connection, &Job::of_fill(fill).text);
    match walk.map_err(|error| plain(error, fill)) {
        Ok(_) => Ok(None),
        Err(error @ (DbError::NoTable { .. } | DbError::NoColumn { .. })) => {
            Ok(Some(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// Gives rows what they should have. See [`SqliteDatabase::fill`].
pub(in crate::sqlite) fn fill(
    database: &mut SqliteDatabase,
    fill: &Fill,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, DbError> {
    let mut again = false;
    if row(&database.connection, fill)?.is_some_and(|it| it.status == JobStatus::Done) {
        // Code that writes only one column may have run since: then it is done again.
        if left(&database.connection, fill)? == 0 {
            return Ok(FillEnd::Already);
        }
        again = true;
    }
    let job = Job::of_fill(fill);
    let mut looking = Looking::new(database, &job, on_batch);
    let pace = pace(database, fill);
    let (ended, connection) = lent(database, |jobs| {
        match jobs.begin_fill(&job, again) {
            Ok(true) => {}
            Ok(false) => return (Ok(None), jobs.connection),
            Err(error) => return (Err(error), jobs.connection),
        }
        let worker = format!("process {}", std::process::id());
        let walk = match Walk::of(&jobs.connection, &job.text) {
            Ok(walk) => walk,
            Err(error) => return (Err(error), jobs.connection),
        };
        let mut hands = jobs.hands_of(walk, &job, &worker);
        let ended = alone(&mut hands, |it| &mut it.db.connection, pace, &mut looking);
        (ended.map(Some), hands.db.connection)
    })?;
    database.connection = connection;
    let at = looking.at;
    match ended.map_err(|error| plain(error, fill))? {
        None => Ok(FillEnd::Already),
        Some(End::Stopped) => Ok(FillEnd::Stopped(at)),
        Some(End::Job(JobStatus::Done)) => Ok(FillEnd::Done(
            counted(&database.connection, job.id.as_str(), at).map_err(|it| plain(it, fill))?,
        )),
        Some(End::Job(JobStatus::Failed)) => Err(DbError::StillDiffers {
            table: fill.table.clone(),
            columns: fill.set.keys().cloned().collect(),
            rows: left(&database.connection, fill)?,
            sweeps: SWEEPS,
        }),
        Some(End::Job(_)) => {
            let job = job.id.to_string();
            Err(plain(BackfillError::NoJob { job }, fill))
        }
    }
}

/// Puts back what a fill changed. See [`SqliteDatabase::unfill`].
pub(in crate::sqlite) fn unfill(
    database: &mut SqliteDatabase,
    fill: &Fill,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, DbError> {
    if !fill.keep_undo {
        return Err(DbError::NothingKept {
            step: fill.step.to_string(),
        });
    }
    let job = Job::of_fill(fill);
    let id = job.id.as_str();
    let mut looking = Looking::new(database, &job, on_batch);
    let pace = pace(database, fill);
    let (ended, connection) = lent(database, |jobs| {
        match jobs.begin_unfill(id) {
            Ok(Some(total)) => looking.back = Some(total),
            Ok(None) => return (Ok(None), jobs.connection),
            Err(error) => return (Err(error), jobs.connection),
        }
        let mut hands = jobs.undo_hands(id);
        let ended = alone(&mut hands, |it| &mut it.db.connection, pace, &mut looking);
        (ended.map(Some), hands.db.connection)
    })?;
    database.connection = connection;
    let at = looking.at;
    match ended {
        Ok(None) => Ok(FillEnd::Already),
        Ok(Some(End::Stopped)) => Ok(FillEnd::Stopped(at)),
        Ok(Some(End::Job(JobStatus::Undone))) => {
            let transaction = database.begin()?;
            forget_dropped(&transaction, &fill.change)?;
            transaction.commit().map_err(at_commit)?;
            Ok(FillEnd::Done(at))
        }
        // Another process came to its end first, and it is forgotten.
        Err(BackfillError::NoJob { .. }) => Ok(FillEnd::Done(at)),
        Ok(Some(End::Job(_))) => Err(DbError::UnknownStep {
            change: fill.change.to_string(),
            expected: format!("the fill of step {} being taken back", fill.step),
            found: "it under way again".to_owned(),
        }),
        Err(error) => Err(plain(error, fill)),
    }
}

fn at_commit(error: rusqlite::Error) -> DbError {
    at("COMMIT")(error)
}

fn pace(database: &SqliteDatabase, fill: &Fill) -> Pace {
    Pace {
        rows: fill.batch_rows,
        lease: database.options.lease,
        most_a_second: None,
    }
}

/// Lends the connection of a database to the jobs in it, and gets it back.
fn lent<T>(
    database: &mut SqliteDatabase,
    work: impl FnOnce(Backfills) -> (Result<T, BackfillError>, Connection),
) -> Result<(Result<T, BackfillError>, Connection), DbError> {
    let stand_in = Connection::open_in_memory().map_err(at("open"))?;
    let connection = std::mem::replace(&mut database.connection, stand_in);
    Ok(work(Backfills {
        connection,
        path: database.path.clone(),
        options: BackfillOptions {
            busy_timeout: database.options.busy_timeout,
            lease: database.options.lease,
        },
        clock: Arc::new(now),
        busy_retries: database.options.busy_retries,
        intent: database.intent.clone(),
    }))
}

/// The moment, for leases.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}

impl Backfills {
    /// Begins a fill or goes on with it; false if it is done. With `again` it is walked once more
    /// although it was done.
    fn begin_fill(&self, job: &Job, again: bool) -> Result<bool, BackfillError> {
        let walk = Walk::of(&self.connection, &job.text)?;
        let total = self.rows(&walk)?;
        let id = job.id.as_str();
        let transaction = self.lock()?;
        control::ensure(&transaction)?;
        let fresh = self.fresh(&transaction, job, &walk, total)?;
        let mut row = match control::job(&transaction, id)? {
            Some(row) if row.status == JobStatus::Running => return Ok(true),
            Some(row) if row.status == JobStatus::Done && !again => return Ok(false),
            Some(row) => {
                clear(&transaction, id)?;
                JobRow {
                    undo_bytes: row.undo_bytes,
                    // What was done stays said, over all runs.
                    counts: row.counts,
                    ..fresh
                }
            }
            None => fresh,
        };
        let options = BeginOptions {
            stop_on_error: true,
            most_errors: 0,
            ..BeginOptions::default()
        };
        with(&mut row, &options);
        control::set_job(&transaction, id, &row)?;
        commit(transaction)?;
        Ok(true)
    }

    /// About how many rows there are, or at most.
    fn rows(&self, walk: &Walk) -> Result<Option<u64>, BackfillError> {
        if let Some(rows) = super::facts::rows(&self.connection, walk)? {
            return Ok(Some(rows));
        }
        let [part] = walk.keyed.parts.as_slice() else {
            return Ok(None);
        };
        if !part.rowid {
            return Ok(None);
        }
        let (name, t) = (&part.name, &walk.keyed.t);
        let query = format!("SELECT min({name}), max({name}) FROM {t}");
        let ends = control::first(&self.connection, &query, [], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        Ok(match ends {
            Some((Some(low), Some(high))) => Some(high.abs_diff(low).saturating_add(1)),
            _ => None,
        })
    }

    /// Says that a fill is to be taken back, and how many rows were changed; none if there is none.
    fn begin_unfill(&self, id: &str) -> Result<Option<u64>, BackfillError> {
        let transaction = self.lock()?;
        let row = control::job(&transaction, id)?;
        let Some(mut row) = row.filter(|it| it.status != JobStatus::Undone) else {
            return Ok(None);
        };
        if row.status != JobStatus::Undoing {
            row.status = JobStatus::Undoing;
            row.finished_at = None;
            control::set_job(&transaction, id, &row)?;
        }
        let sql = "SELECT coalesce(sum(rows - restored), 0) FROM _switchback_backfill_undo
                   WHERE job = ?1";
        let rows = control::first(&transaction, sql, params![id], |row| row.get::<_, i64>(0))?;
        commit(transaction)?;
        Ok(Some(rows.unwrap_or_default().unsigned_abs()))
    }
}

/// Who is told how the walk goes.
struct Looking<'a> {
    job: String,
    on_batch: &'a mut dyn FnMut(&Progress) -> Next,
    at: Progress,
    /// How many rows are to be put back, where they are.
    back: Option<u64>,
    batch_time: Duration,
}

impl<'a> Looking<'a> {
    fn new(
        database: &SqliteDatabase,
        job: &Job,
        on_batch: &'a mut dyn FnMut(&Progress) -> Next,
    ) -> Self {
        Self {
            job: job.id.to_string(),
            on_batch,
            at: Progress::default(),
            back: None,
            batch_time: database.options.batch_time,
        }
    }
}

/// How far a job has come, as its control tables say.
fn counted(
    connection: &Connection,
    job: &str,
    so_far: Progress,
) -> Result<Progress, BackfillError> {
    let row = control::known_job(connection, job)?;
    Ok(match row.status {
        JobStatus::Undoing | JobStatus::Undone => Progress {
            rows_changed: row.restored,
            rows_left: row.conflicting,
            ..so_far
        },
        _ => Progress {
            rows_scanned: row.counts.scanned,
            rows_changed: row.counts.changed,
            batches: row.counts.batches,
            sweep_rows: row.sweep_scanned,
            total: row.total,
            ..so_far
        },
    })
}

impl Beside<Connection, BackfillError> for Looking<'_> {
    fn allowance(&mut self, _: Duration) -> Allowance {
        Allowance {
            batch: Some(self.batch_time),
            // The hands rest by themselves: waiting writers poll for the lock.
            ..Allowance::default()
        }
    }

    fn batch(&mut self, on: &mut Connection, batch: &Batch) -> Result<Next, BackfillError> {
        if batch.rows == 0 {
            return Ok(Next::Continue);
        }
        let now = match self.back {
            Some(total) => self.at.back(batch.rows, total),
            None => self.at,
        };
        self.at = Progress {
            took: batch.held,
            ..counted(on, &self.job, now)?
        };
        Ok((self.on_batch)(&self.at))
    }

    fn stop(&mut self, _: &mut Connection) -> bool {
        false
    }
}
