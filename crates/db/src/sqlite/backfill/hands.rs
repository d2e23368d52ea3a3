//! What a worker does on SQLite: take ranges, keep leases, close walks. Batches are in `batch`.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use switchback_migration::backfill::machine::Got;
use switchback_migration::backfill::{Job, JobStatus};
use switchback_model::BackfillId;

use super::codec::Key;
use super::control::{self, JobRow, Token};
use super::error::BackfillError;
use super::walk::{Start, Walk};
use super::{Backfills, commit, rerun};
use crate::backfill::{Hands, program};
use crate::fill::SWEEPS;

/// Does what one worker wants.
#[derive(Debug)]
pub struct SqliteHands {
    pub(super) db: Backfills,
    pub(super) job: Job,
    pub(super) version: String,
    pub(super) worker: String,
    pub(super) walk: Walk,
    pub(super) range: Option<Token>,
    /// When the last batch ended, and how long it held the lock.
    pub(super) last: Option<(Instant, Duration)>,
    /// The program that says what rows get, where one does.
    pub(super) program: program::Worker,
}

impl Backfills {
    /// Hands for a job that was begun. No other worker may have the same name, nor one that had it
    /// before be alive.
    ///
    /// # Errors
    /// If the definition does not fit the table any more.
    pub fn hands(self, job: &Job, worker: &str) -> Result<SqliteHands, BackfillError> {
        let walk = Walk::of(&self.connection, &job.text)?;
        Ok(self.hands_of(walk, job, worker))
    }

    /// The same, where it is known that the definition fits.
    pub(super) fn hands_of(self, walk: Walk, job: &Job, worker: &str) -> SqliteHands {
        SqliteHands {
            walk,
            version: job.version().to_string(),
            worker: worker.to_owned(),
            job: job.clone(),
            range: None,
            last: None,
            program: program::Worker::default(),
            db: self,
        }
    }
}

impl SqliteHands {
    /// The same with leave to run the program that says what rows get, and how.
    #[must_use]
    pub fn with_programs(mut self, launch: program::Launch) -> Self {
        self.program.launch(launch);
        self
    }

    pub(super) fn id(&self) -> &str {
        self.job.id.as_str()
    }

    /// Whether it is the fill of a change, which is done with every row or not at all.
    pub(super) fn is_of_change(&self) -> bool {
        BackfillId::fill(self.id()).is_some()
    }

    /// The job's row, if it runs with this definition; else the status that it has.
    pub(super) fn running(
        &self,
        connection: &Connection,
    ) -> Result<Result<JobRow, JobStatus>, BackfillError> {
        let row = control::known_job(connection, self.id())?;
        if row.version != self.version {
            return Err(BackfillError::OtherDefinition {
                job: self.id().to_owned(),
                stored: row.version,
                given: self.version.clone(),
            });
        }
        Ok(if row.status == JobStatus::Running {
            Ok(row)
        } else {
            Err(row.status)
        })
    }

    /// Gives the range back because the job does not run any more, so that whoever goes on with it
    /// need not wait for the lease. Commits.
    pub(super) fn leave(
        &self,
        transaction: rusqlite::Transaction<'_>,
        status: JobStatus,
    ) -> Result<Got, BackfillError> {
        if let Some(token) = &self.range {
            control::give_back(&transaction, self.id(), &self.worker, token, None)?;
            commit(transaction)?;
        }
        Ok(Got::Ended(status))
    }

    /// The last key of the next range beyond those that were given out; none where there is none.
    fn next_end(
        &self,
        connection: &Connection,
        row: &JobRow,
    ) -> Result<Option<Key>, BackfillError> {
        let width = self.walk.keyed.parts.len();
        let Some(high) = control::place(&row.high, width)? else {
            return Ok(None);
        };
        let frontier = control::place(&row.frontier, width)?;
        let keyed = &self.walk.keyed;
        let skip = row.range_rows.saturating_sub(1);
        let start = Start::of(frontier.as_ref(), None);
        if let Some(end) = keyed.after(connection, &start, &high, skip)? {
            return Ok(Some(end));
        }
        let more = keyed.after(connection, &start, &high, 0)?;
        Ok(more.map(|_| high))
    }

    fn take(&mut self) -> Result<Got, BackfillError> {
        // Finding the end of a range reads all of it: that is done before others have to wait.
        let guess = match self.running(&self.db.connection)? {
            Err(status) => return Ok(Got::Ended(status)),
            Ok(row) => {
                let end = self.next_end(&self.db.connection, &row)?;
                (row.sweep, row.frontier, end)
            }
        };
        let transaction = self.db.lock()?;
        let mut row = match self.running(&transaction)? {
            Err(status) => return Ok(Got::Ended(status)),
            Ok(row) => row,
        };
        let now = self.db.now();
        let until = self.db.until(now);
        let (id, worker) = (self.id(), self.worker.as_str());
        let sweep = row.sweep;
        if let Some(token) = &self.range {
            // Whoever takes another one does not keep the first from everybody until its lease ends.
            control::give_back(&transaction, id, worker, token, None)?;
        }
        let left = control::take_over(&transaction, id, sweep, worker, now.as_millis(), until)?;
        let token = match left {
            Some(token) => token,
            None => {
                let end = if guess.0 == sweep && guess.1 == row.frontier {
                    guess.2
                } else {
                    self.next_end(&transaction, &row)?
                };
                let Some(end) = end else {
                    return Ok(Got::NothingLeft);
                };
                let end = control::stored(Some(&end));
                let bounds = (&row.frontier, &end);
                let version = &self.version;
                let token =
                    control::add_range(&transaction, id, sweep, bounds, worker, until, version)?;
                row.frontier = end;
                control::set_job(&transaction, id, &row)?;
                token
            }
        };
        commit(transaction)?;
        self.range = Some(token);
        Ok(Got::Claimed)
    }

    pub(super) fn keep(&self) -> Result<Got, BackfillError> {
        let Some(token) = &self.range else {
            return Ok(match self.running(&self.db.connection)? {
                Ok(_) => Got::Renewed,
                Err(status) => Got::Ended(status),
            });
        };
        let transaction = self.db.lock()?;
        if let Err(status) = self.running(&transaction)? {
            return self.leave(transaction, status);
        }
        let (id, now) = (self.id(), self.db.now());
        if control::held(&transaction, id, &self.worker, token, now.as_millis())?.is_none() {
            return Ok(Got::Lost);
        }
        control::extend(&transaction, id, token, self.db.until(now))?;
        commit(transaction)?;
        Ok(Got::Renewed)
    }

    pub(super) fn give_up(&self) -> Result<Got, BackfillError> {
        let Some(token) = &self.range else {
            return Ok(Got::Lost);
        };
        let transaction = self.db.lock()?;
        let ours = control::give_back(&transaction, self.id(), &self.worker, token, None)?;
        commit(transaction)?;
        Ok(if ours { Got::Released } else { Got::Lost })
    }

    fn end_walk(&self) -> Result<Got, BackfillError> {
        let transaction = self.db.lock()?;
        let mut row = match self.running(&transaction)? {
            Err(status) => return Ok(Got::Ended(status)),
            Ok(row) => row,
        };
        let id = self.id();
        let open = control::unfinished(&transaction, id, row.sweep)?;
        if open > 0 || self.next_end(&transaction, &row)?.is_some() {
            return Ok(Got::NotYet);
        }
        let changed = row.sweep_changed;
        if changed > 0 {
            row.changing += 1;
        }
        if let Some(open) = rerun::open(&transaction, id)? {
            let got = rerun::closed(&transaction, &self.db, &self.walk, id, &mut row, &open)?;
            control::set_job(&transaction, id, &row)?;
            commit(transaction)?;
            return Ok(got);
        }
        let got = if changed > 0 && row.changing >= SWEEPS {
            row.status = JobStatus::Failed;
            row.error = Some(format!(
                "rows still differ: walk {} through all of them changed {changed} again; something \
                 writes rows without keeping {} right",
                row.sweep,
                self.walk.columns.join(", ")
            ));
            Got::Ended(JobStatus::Failed)
        } else if changed > 0 || row.due {
            row.due = false;
            row.sweep = control::next_sweep(&transaction, id, row.sweep)?;
            let high = self.walk.keyed.highest(&transaction)?;
            row.high = control::stored(high.as_ref());
            row.frontier = super::codec::Exact::Null;
            (row.sweep_scanned, row.sweep_changed) = (0, 0);
            Got::Again
        } else {
            // Rows that an earlier walk could not change and this one could, or did not meet.
            let sql = "DELETE FROM _switchback_backfill_error
                       WHERE job = ?1 AND kind = 'failed' AND sweep < ?2";
            let fewer = control::run(&transaction, sql, params![id, row.sweep])?;
            row.counts.failed = row.counts.failed.saturating_sub(fewer as u64);
            row.status = JobStatus::Done;
            Got::Ended(JobStatus::Done)
        };
        if let Got::Ended(_) = got {
            row.finished_at = Some(self.db.now().to_string());
        }
        control::set_job(&transaction, id, &row)?;
        commit(transaction)?;
        Ok(got)
    }

    /// What a worker holds after this.
    fn settled(&mut self, got: Result<Got, BackfillError>) -> Result<Got, BackfillError> {
        // Nobody gets past a lock that others hold; they are asked again. A step of a change has
        // asked often enough by now.
        let got = match got {
            Err(error) if error.is_busy() && !self.is_of_change() => Got::InTheWay,
            other => other?,
        };
        let over = match got {
            Got::Lost | Got::Released | Got::Ended(_) => true,
            Got::Done(batch) => batch.last,
            _ => false,
        };
        if over {
            self.range = None;
        }
        Ok(got)
    }
}

impl Hands for SqliteHands {
    type Error = BackfillError;

    fn claim(&mut self) -> Result<Got, BackfillError> {
        let got = self.take();
        self.settled(got)
    }

    fn batch(&mut self, rows: u32) -> Result<Got, BackfillError> {
        let got = self.do_batch(rows);
        self.settled(got)
    }

    fn renew(&mut self) -> Result<Got, BackfillError> {
        let got = self.keep();
        self.settled(got)
    }

    fn release(&mut self) -> Result<Got, BackfillError> {
        let got = self.give_up();
        self.settled(got)
    }

    fn close(&mut self) -> Result<Got, BackfillError> {
        let got = self.end_walk();
        self.settled(got)
    }

    fn is_lost(_: &BackfillError) -> bool {
        // A file does not go away; what cannot be read now is not waited for.
        false
    }

    fn reconnect(&mut self) -> Result<(), BackfillError> {
        Ok(())
    }
}
