//! What a worker of a backfill does in a PostgreSQL database.

use std::borrow::BorrowMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres::Client;
use switchback_migration::backfill::machine::{Batch, Got};
use switchback_migration::backfill::strategy::{Misfit, Turn, still_fits};
use switchback_migration::backfill::{Job, JobStatus, Strategy};

use super::batch::{Did, Task, batch};
use super::claim::{Claimed, Held, RANGE_ROWS, claim};
use super::close::{Closed, Closing, close, moved};
use super::control;
use super::error::BackfillError;
use super::facts::{marks, wanted};
use super::shadow;
use super::statement::{Asking, Statements};
use super::table::{Table, Wanted};
use super::watched::Watched;
use crate::backfill::{Hands, program};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;
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
#[derive(Debug, Clone)]
pub struct Quiet(pub(super) Arc<AtomicBool>);

impl Observer for Quiet {
    fn waiting(&mut self, _: &Waiting) {}

    fn not_tidied(&mut self, _: &ChangeError) {}

    fn stop(&mut self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A worker's connection: its own, or one that is lent, with somebody who looks on.
#[derive(Debug)]
pub struct PostgresHands<D = PostgresDatabase, O = Quiet> {
    pub(super) on: Watched<D, O>,
    pub(super) job: Job,
    pub(super) options: HandsOptions,
    /// About how many rows a range has that this worker makes.
    range_rows: u64,
    pub(super) held: Option<Held>,
    statements: Option<Statements>,
    /// The program that says what rows get, where one does.
    pub(super) program: program::Worker,
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
    let fill = Wanted {
        keep_undo: job.text.keep_undo,
        ..wanted(job)
    };
    let table = Table::of(client, path, version, &fill, key)?;
    Ok(Statements {
        program: Asking::of(client, path, job, &table)?,
        ..Statements::of(job, table)?
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
        Self::beside(database, job, options, Quiet(abort))
    }

    /// The same with ranges of about so many rows, at least 1, instead of 100,000. Small ones let
    /// many workers share a small table.
    #[must_use]
    pub fn ranges_of(mut self, rows: u64) -> Self {
        self.range_rows = rows.max(1);
        self
    }

    /// The same with leave to run the program that says what rows get, and how.
    #[must_use]
    pub fn with_programs(mut self, launch: program::Launch) -> Self {
        self.program.launch(launch);
        self
    }
}

impl<D: BorrowMut<PostgresDatabase>, O: Observer> PostgresHands<D, O> {
    /// A worker on somebody's connection, who looks on.
    pub(super) fn beside(database: D, job: Job, options: HandsOptions, observer: O) -> Self {
        Self {
            on: Watched::new(database, observer, &job),
            job,
            options,
            range_rows: RANGE_ROWS,
            held: None,
            statements: None,
            program: program::Worker::default(),
        }
    }

    /// What is known of the table, read again for each range.
    fn look(&mut self) -> Result<Statements, BackfillError> {
        let (job, version) = (self.job.clone(), self.on.database().version());
        let (statements, _) = self.on.persist(move |client, desk, path, options| {
            desk.next("reading the catalog", None)?;
            let known = control::job(client, job.id.as_str(), false)?;
            begin(client, options, path)?;
            if let Some(known) = &known {
                shadow::stand_still(client, known, &job.text.table)?;
            }
            let key = known.map(|it| it.key);
            let statements = statements(client, path, version, &job, key.as_deref())?;
            commit(client, desk)?;
            Ok(statements)
        })?;
        Ok(statements)
    }

    pub(super) fn known(&mut self) -> Result<Statements, BackfillError> {
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
        let job = self.job.clone();
        let (own, version) = (self.options.clone(), self.on.database().version());
        let (done, _) = self.on.persist(move |client, desk, path, options| {
            work(
                client,
                desk,
                &Closing {
                    job: job.id.as_str(),
                    digest: job.version().to_string(),
                    statements: &statements,
                    path,
                    options,
                    version,
                    keep_undo: job.text.keep_undo,
                    stop_on_error: own.stop_on_error,
                    most_failed: own.most_failed,
                },
            )
        })?;
        self.statements = None;
        Ok(done)
    }

    /// Ends the job for everybody.
    fn fail(&mut self, reason: &str) -> Result<Got, BackfillError> {
        let (job, reason) = (self.job.clone(), reason.to_owned());
        let (status, _) = self.on.persist(move |client, desk, path, options| {
            desk.next("BEGIN", None)?;
            begin(client, options, path)?;
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
        // Where others are in the way now, whoever begins it again or calls it off drops the copy.
        if status == JobStatus::Failed {
            let job = self.job.id.clone();
            let _ = self.on.database().discard_copy(job.as_str());
        }
        Ok(Got::Ended(status))
    }

    /// Looks whether rows can still be walked as was chosen. Gives an answer where that ends the job.
    fn watch(&mut self) -> Result<Option<Got>, BackfillError> {
        let (job, version) = (self.job.clone(), self.on.database().version());
        let (found, _) = self.on.persist(move |client, desk, path, options| {
            desk.next("looking whether the table is as it was", None)?;
            begin(client, options, path)?;
            let row = control::job(client, job.id.as_str(), false)?;
            let misfit = match &row {
                // Places on disk, which may come to mean nothing, name no rows of a rerun.
                Some(row) if super::rerun::open(client, row.id)?.is_some() => None,
                Some(row) if row.status == JobStatus::Running => {
                    shadow::stand_still(client, row, &job.text.table)?;
                    let now = marks(client, path, version, &wanted(&job), &row.key)?;
                    let misfit = still_fits(row.strategy, &row.marks, &now);
                    if misfit.is_none() && row.strategy == Strategy::ShadowCopy {
                        shadow::misfit(client, path, version, row, &job.text.table)?
                    } else {
                        misfit
                    }
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
        self.on.persist(move |client, desk, path, options| {
            desk.next("turning to another strategy", None)?;
            begin(client, options, path)?;
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
        let (size, _) = self.on.persist(|client, desk, _, _| {
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
        let judged = self.on.judged(did, in_the_way);
        // A step that fails is tried again by the same command, and goes on from where it stood.
        if let Err(error) = &judged
            && !self.on.of_change
            && error.is_final()
        {
            // The error that led here is what has to be told.
            let _ = self.fail(&with_sources(error));
        }
        judged
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
        let (claimed, _) = self.on.persist(move |client, desk, path, options| {
            desk.next("taking a range", None)?;
            begin(client, options, path)?;
            let version = job.version().to_string();
            let id = job.id.as_str();
            let claimed = claim(client, id, &version, &table, &worker, lease, rows)?;
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
        if self.job.text.program.is_some() {
            return self.by_program(rows);
        }
        let Some(held) = self.held.clone() else {
            return Ok(Got::Lost);
        };
        let statements = self.known()?;
        let (job, own) = (self.job.clone(), self.options.clone());
        let did = self.on.persist(move |client, desk, path, options| {
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
                options,
            };
            batch(client, desk, &task, rows)
        });
        let (did, in_the_way) = did?;
        self.done(did, in_the_way)
    }

    /// What a batch came to.
    pub(super) fn done(&mut self, did: Did, in_the_way: bool) -> Result<Got, BackfillError> {
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

    pub(super) fn keep(&mut self) -> Result<Got, BackfillError> {
        let (job, held) = (self.job.clone(), self.held.clone());
        let (worker, lease) = (self.options.worker.clone(), self.options.lease);
        let (got, _) = self.on.persist(move |client, desk, _, _| {
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

    pub(super) fn give_back(&mut self) -> Result<Got, BackfillError> {
        let Some(held) = self.held.take() else {
            return Ok(Got::Lost);
        };
        let (job, worker) = (self.job.clone(), self.options.worker.clone());
        // Whoever is told to stop has time for this.
        let database = self.on.database();
        let released = database.backfill(&mut (), move |client, desk, _| {
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
        Ok(released?.0)
    }

    fn end_walk(&mut self) -> Result<Got, BackfillError> {
        let closed = match self.closing(close) {
            Err(error) if error.is_in_the_way() => {
                let reason = with_sources(&error);
                self.closing(|client, desk, closing| shadow::rest(client, desk, closing, &reason))?;
                Closed::NotYet
            }
            other => other?,
        };
        Ok(match closed {
            Closed::Failed(reason) => self.fail(&reason)?,
            Closed::Again => Got::Again,
            Closed::NotYet => Got::NotYet,
            Closed::Ended(status) => Got::Ended(status),
        })
    }
}

impl<D: BorrowMut<PostgresDatabase>, O: Observer> Hands for PostgresHands<D, O> {
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
        Ok(self.on.database().again()?)
    }
}
