//! What a worker of a backfill does in a PostgreSQL database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::Client;
use switchback_migration::backfill::machine::{Batch, Got};
use switchback_migration::backfill::strategy::{Misfit, Turn, still_fits};
use switchback_migration::backfill::{Job, JobStatus, Strategy};
use switchback_model::plan::Fill;

use super::batch::{Did, Task, batch};
use super::claim::{Claimed, Held, RANGE_ROWS, claim};
use super::close::{Closed, Closing, close, moved};
use super::control;
use super::error::BackfillError;
use super::facts::{as_fill, marks};
use super::statement::Statements;
use crate::backfill::Hands;
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;
use crate::postgres::change::fill::table::Table;
use crate::postgres::change::link::{begin, commit};
use crate::postgres::change::persist::Desk;
use crate::postgres::change::{ChangeError, Observer, Waiting};
use crate::with_sources;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct HandsOptions {
    /// What tells it from every other worker, on this machine and on others.
    pub worker: String,
    /// How long a lease holds.
    pub lease: Duration,
    /// Whether the job ends with the first row that cannot be changed.
    pub stop_on_error: bool,
    /// How many rows may be passed over because they cannot be changed.
    pub most_failed: u64,
    /// No more is kept to be undone than this, in bytes: the job ends rather than losing its way
    /// back.
    pub most_undo: Option<u64>,
}

/// Stops what is under way when the run is to stop, and sees nothing else.
pub(super) struct Quiet(pub(super) Arc<AtomicBool>);

impl Observer for Quiet {
    fn waiting(&mut self, _: &Waiting) {}

    fn not_tidied(&mut self, _: &ChangeError) {}

    fn stop(&mut self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A worker's connection.
#[derive(Debug)]
pub struct PostgresHands {
    database: PostgresDatabase,
    job: Job,
    options: HandsOptions,
    /// About how many rows a range has that this worker makes.
    range_rows: u64,
    held: Option<Held>,
    statements: Option<Statements>,
    /// Cancels what is under way.
    abort: Arc<AtomicBool>,
}

/// What the catalog says of the table of a job, in a transaction. `key` is what the job was begun
/// by.
pub(super) fn statements(
    client: &mut Client,
    path: &[String],
    version: u32,
    job: &Job,
    key: Option<&[String]>,
) -> Result<Statements, ChangeError> {
    let fill = Fill {
        keep_undo: job.text.keep_undo,
        ..as_fill(job)?
    };
    Ok(Statements {
        table: Table::of(client, path, version, &fill, key)?,
        only: job.text.only.clone(),
    })
}

impl PostgresHands {
    /// A worker with a connection of its own. `abort` cancels what it is doing.
    pub fn new(
        database: PostgresDatabase,
        job: Job,
        options: HandsOptions,
        abort: Arc<AtomicBool>,
    ) -> Self {
        Self {
            database,
            job,
            options,
            range_rows: RANGE_ROWS,
            held: None,
            statements: None,
            abort,
        }
    }

    /// The same with ranges of about so many rows, at least 1, instead of 50,000. Small ones let
    /// many workers share a small table.
    #[must_use]
    pub fn ranges_of(mut self, rows: u64) -> Self {
        self.range_rows = rows.max(1);
        self
    }

    /// Does something in attempts, as the database allows.
    fn persist<T: Send>(
        &mut self,
        work: impl Fn(&mut Client, &Desk, &[String]) -> Result<T, BackfillError> + Send + Sync,
    ) -> Result<(T, bool), BackfillError> {
        let mut observer = Quiet(self.abort.clone());
        self.database.backfill(&mut observer, work)
    }

    /// What is known of the table, read again for each range.
    fn look(&mut self) -> Result<Statements, BackfillError> {
        let (job, version) = (self.job.clone(), self.database.version());
        let options = self.database.options().clone();
        let (statements, _) = self.persist(move |client, desk, path| {
            desk.next("reading the catalog", None)?;
            let known = control::job(client, job.id.as_str(), false)?;
            let key = known.map(|it| it.key);
            begin(client, &options, path)?;
            let statements = statements(client, path, version, &job, key.as_deref())?;
            commit(client, desk)?;
            Ok(statements)
        })?;
        Ok(statements)
    }

    fn known(&mut self) -> Result<Statements, BackfillError> {
        match &self.statements {
            Some(statements) => Ok(statements.clone()),
            None => self.look(),
        }
    }

    fn closing<T: Send>(
        &mut self,
        work: impl Fn(&mut Client, &Desk, &Closing<'_>) -> Result<T, BackfillError> + Send + Sync,
    ) -> Result<T, BackfillError> {
        // The table may have grown.
        let statements = self.look()?;
        let (job, options) = (self.job.clone(), self.database.options().clone());
        let (done, _) = self.persist(move |client, desk, path| {
            work(
                client,
                desk,
                &Closing {
                    job: job.id.as_str(),
                    statements: &statements,
                    path,
                    options: &options,
                },
            )
        })?;
        self.statements = None;
        Ok(done)
    }

    /// Ends the job for everybody.
    fn fail(&mut self, reason: &str) -> Result<Got, BackfillError> {
        let (job, reason) = (self.job.clone(), reason.to_owned());
        let options = self.database.options().clone();
        let (status, _) = self.persist(move |client, desk, path| {
            desk.next("BEGIN", None)?;
            begin(client, &options, path)?;
            control::lock_alone(client, job.id.as_str())?;
            let row = control::job(client, job.id.as_str(), true)?;
            let status = match row {
                Some(row) if row.status == JobStatus::Running => {
                    control::set_status(client, row.id, JobStatus::Failed, Some(&reason))?;
                    JobStatus::Failed
                }
                Some(row) => row.status,
                None => JobStatus::Failed,
            };
            commit(client, desk)?;
            Ok(status)
        })?;
        Ok(Got::Ended(status))
    }

    /// Looks whether rows can still be walked as was chosen. Gives an answer where that ends the job.
    fn watch(&mut self) -> Result<Option<Got>, BackfillError> {
        let (job, version) = (self.job.clone(), self.database.version());
        let options = self.database.options().clone();
        let (found, _) = self.persist(move |client, desk, path| {
            desk.next("looking whether the table is as it was", None)?;
            begin(client, &options, path)?;
            let row = control::job(client, job.id.as_str(), false)?;
            let misfit = match &row {
                Some(row) if row.status == JobStatus::Running => {
                    let now = marks(client, path, version, &as_fill(&job)?, &row.key)?;
                    still_fits(row.strategy, &row.marks, &now)
                }
                _ => None,
            };
            commit(client, desk)?;
            Ok(misfit)
        })?;
        let Some(Misfit { reason, turn }) = found else {
            return Ok(None);
        };
        match turn {
            // Each batch looks at that itself, under a lock.
            Turn::Anew => self.closing(moved).map(|()| None),
            Turn::Plain => self.turn(Strategy::Plain, &reason).map(|()| None),
            Turn::ChooseAgain => self
                .fail(&format!("{reason} Begin anew, to have it chosen again."))
                .map(Some),
        }
    }

    /// From now on rows are walked in another way, for everybody.
    fn turn(&mut self, to: Strategy, reason: &str) -> Result<(), BackfillError> {
        let (job, reason) = (self.job.clone(), reason.to_owned());
        let options = self.database.options().clone();
        self.persist(move |client, desk, path| {
            desk.next("turning to another strategy", None)?;
            begin(client, &options, path)?;
            control::lock_shared(client, job.id.as_str())?;
            let sql = "UPDATE _switchback.backfill SET strategy = $2::text::jsonb, turned = $3
                       WHERE job = $1 AND status = 'running'";
            let strategy = serde_json::json!(to).to_string();
            client
                .execute(sql, &[&job.id.as_str(), &strategy, &reason])
                .map_err(at(sql))?;
            commit(client, desk)?;
            Ok(())
        })?;
        Ok(())
    }

    /// Whether the undo log has reached its limit.
    fn is_full(&mut self) -> Result<bool, BackfillError> {
        let Some(most) = self.options.most_undo.filter(|_| self.job.text.keep_undo) else {
            return Ok(false);
        };
        let (size, _) = self.persist(|client, desk, _| {
            let sql = "SELECT pg_total_relation_size('_switchback.backfill_undo')";
            desk.next(sql, None)?;
            let row = client.query_one(sql, &[]).map_err(at(sql))?;
            let size: i64 = row.try_get(0).map_err(at(sql))?;
            Ok(size.unsigned_abs())
        })?;
        Ok(size >= most)
    }

    /// What an error of a part of the work comes to: others may be in the way of anything, and what
    /// no other try can mend ends the job for everybody.
    fn judged(
        &mut self,
        did: Result<Got, BackfillError>,
        in_the_way: Got,
    ) -> Result<Got, BackfillError> {
        match did {
            Err(error) if error.is_in_the_way() => Ok(in_the_way),
            Err(error) if error.is_final() => {
                // The error that led here is what has to be told.
                let _ = self.fail(&with_sources(&error));
                Err(error)
            }
            other => other,
        }
    }

    fn take(&mut self) -> Result<Got, BackfillError> {
        if self.is_full()? {
            return self.fail(
                "the undo log has reached its limit: going on would leave rows that cannot be put \
                 back",
            );
        }
        if let Some(ended) = self.watch()? {
            return Ok(ended);
        }
        let statements = self.look()?;
        let (job, table) = (self.job.clone(), statements.table.clone());
        let (worker, lease) = (self.options.worker.clone(), self.options.lease);
        let rows = self.range_rows;
        let options = self.database.options().clone();
        let (claimed, _) = self.persist(move |client, desk, path| {
            desk.next("taking a range", None)?;
            begin(client, &options, path)?;
            let claimed = claim(client, job.id.as_str(), &table, &worker, lease, rows)?;
            commit(client, desk)?;
            Ok(claimed)
        })?;
        self.statements = Some(statements);
        Ok(match claimed {
            Claimed::Range(held) => {
                self.held = Some(held);
                Got::Claimed
            }
            Claimed::NothingLeft => Got::NothingLeft,
            Claimed::Ended(status) => Got::Ended(status),
        })
    }

    fn advance(&mut self, rows: u32) -> Result<Got, BackfillError> {
        let Some(held) = self.held.clone() else {
            return Ok(Got::Lost);
        };
        let statements = self.known()?;
        let (job, own) = (self.job.clone(), self.options.clone());
        let options = self.database.options().clone();
        let did = self.persist(move |client, desk, path| {
            let task = Task {
                job: job.id.as_str(),
                statements: &statements,
                held: &held,
                worker: &own.worker,
                lease: own.lease,
                keep_undo: job.text.keep_undo,
                stop_on_error: own.stop_on_error,
                most_failed: own.most_failed,
                path,
                options: &options,
            };
            batch(client, desk, &task, rows)
        });
        let (did, in_the_way) = did?;
        Ok(match did {
            Did::Done {
                rows,
                work,
                held,
                last,
                ..
            } => {
                if last {
                    self.held = None;
                }
                Got::Done(Batch {
                    rows,
                    work,
                    held,
                    in_the_way,
                    last,
                })
            }
            Did::Lost => {
                self.held = None;
                Got::Lost
            }
            // The range is still ours: it is given back before this worker ends.
            Did::Ended(status) => Got::Ended(status),
            Did::Moved => {
                self.held = None;
                self.closing(moved)?;
                Got::Lost
            }
            Did::Failed(reason) => self.fail(&reason)?,
        })
    }

    fn keep(&mut self) -> Result<Got, BackfillError> {
        let (job, held) = (self.job.clone(), self.held.clone());
        let (worker, lease) = (self.options.worker.clone(), self.options.lease);
        let (got, _) = self.persist(move |client, desk, _| {
            desk.next("keeping the lease", None)?;
            let Some(row) = control::job(client, job.id.as_str(), false)? else {
                return Ok(Got::Lost);
            };
            if row.status != JobStatus::Running {
                return Ok(Got::Ended(row.status));
            }
            let Some(held) = &held else {
                return Ok(Got::Renewed);
            };
            let sql = "UPDATE _switchback.backfill_range
                       SET lease_until = clock_timestamp() + make_interval(secs => $6)
                       WHERE backfill = $1 AND sweep = $2 AND number = $3 AND worker = $4
                         AND epoch = $5 AND status = 'leased'";
            let kept = client
                .execute(
                    sql,
                    &[
                        &row.id,
                        &held.sweep,
                        &held.number,
                        &worker,
                        &held.epoch,
                        &lease.as_secs_f64(),
                    ],
                )
                .map_err(at(sql))?;
            Ok(if kept == 1 { Got::Renewed } else { Got::Lost })
        })?;
        if got == Got::Lost {
            self.held = None;
        }
        Ok(got)
    }

    fn give_back(&mut self) -> Result<Got, BackfillError> {
        let Some(held) = self.held.take() else {
            return Ok(Got::Lost);
        };
        // Whoever is told to stop has time for this.
        let abort = std::mem::replace(&mut self.abort, Arc::new(AtomicBool::new(false)));
        let (job, worker) = (self.job.clone(), self.options.worker.clone());
        let released = self.persist(move |client, desk, _| {
            desk.next("giving the range back", None)?;
            let sql = "UPDATE _switchback.backfill_range AS mine
                       SET status = 'waiting', worker = NULL, lease_until = NULL
                       FROM _switchback.backfill AS job
                       WHERE job.job = $1 AND mine.backfill = job.id AND mine.sweep = $2
                         AND mine.number = $3 AND mine.worker = $4 AND mine.epoch = $5
                         AND mine.status = 'leased'";
            let given = client
                .execute(
                    sql,
                    &[
                        &job.id.as_str(),
                        &held.sweep,
                        &held.number,
                        &worker,
                        &held.epoch,
                    ],
                )
                .map_err(at(sql))?;
            Ok(if given == 1 { Got::Released } else { Got::Lost })
        });
        self.abort = abort;
        Ok(released?.0)
    }

    fn end_walk(&mut self) -> Result<Got, BackfillError> {
        Ok(match self.closing(close)? {
            Closed::Again => Got::Again,
            Closed::NotYet => Got::NotYet,
            Closed::Ended(status) => Got::Ended(status),
        })
    }
}

impl Hands for PostgresHands {
    type Error = BackfillError;

    fn claim(&mut self) -> Result<Got, BackfillError> {
        let got = self.take();
        self.judged(got, Got::InTheWay)
    }

    fn batch(&mut self, rows: u32) -> Result<Got, BackfillError> {
        let got = self.advance(rows);
        self.judged(got, Got::InTheWay)
    }

    fn renew(&mut self) -> Result<Got, BackfillError> {
        let got = self.keep();
        self.judged(got, Got::InTheWay)
    }

    fn release(&mut self) -> Result<Got, BackfillError> {
        let got = self.give_back();
        // The lease runs out.
        self.judged(got, Got::Lost)
    }

    fn close(&mut self) -> Result<Got, BackfillError> {
        let got = self.end_walk();
        self.judged(got, Got::NotYet)
    }

    fn is_lost(error: &BackfillError) -> bool {
        error.is_lost()
    }

    fn reconnect(&mut self) -> Result<(), BackfillError> {
        Ok(self.database.again()?)
    }
}
