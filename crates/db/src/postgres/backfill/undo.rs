//! Putting back what a backfill changed: newest batch first, so that a row that was written twice
//! ends with what it had before the first time.

use std::borrow::BorrowMut;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use postgres::Client;
use switchback_migration::backfill::machine::{Batch, Got};
use switchback_migration::backfill::{Job, JobStatus};

use super::control;
use super::error::BackfillError;
use super::hands::{Quiet, statements};
use super::statement::Statements;
use super::watched::Watched;
use crate::backfill::Hands;
use crate::postgres::PostgresDatabase;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{begin, commit};
use crate::postgres::change::persist::Desk;
use crate::postgres::change::{Observer, Options};

/// What a worker does that undoes a backfill. Several may; they take turns.
#[derive(Debug)]
pub struct PostgresUndo<D = PostgresDatabase, O = Quiet> {
    pub(super) on: Watched<D, O>,
    job: Job,
    statements: Option<Statements>,
}

impl PostgresUndo {
    /// A worker with a connection of its own. `abort` cancels what it is doing.
    pub fn new(database: PostgresDatabase, job: Job, abort: Arc<AtomicBool>) -> Self {
        Self::beside(database, job, Quiet(abort))
    }
}

impl<D: BorrowMut<PostgresDatabase>, O: Observer> PostgresUndo<D, O> {
    /// A worker on somebody's connection, who looks on.
    pub(super) fn beside(database: D, job: Job, observer: O) -> Self {
        Self {
            on: Watched::new(database, observer, &job),
            job,
            statements: None,
        }
    }

    fn begin(&mut self) -> Result<Got, BackfillError> {
        let (job, version) = (self.job.clone(), self.on.database().version());
        let (found, _) = self.on.persist(move |client, desk, path, options| {
            desk.next("reading the catalog", None)?;
            let Some(row) = control::job(client, job.id.as_str(), false)? else {
                return Err(BackfillError::Unknown {
                    job: job.id.to_string(),
                });
            };
            if row.status != JobStatus::Undoing {
                return Ok(Err(row.status));
            }
            // The file may say something else by now.
            let begun = Job {
                text: control::definition(client, row.id)?,
                ..job.clone()
            };
            begin(client, options, path)?;
            let statements = statements(client, path, version, &begun, Some(&row.key))?;
            commit(client, desk)?;
            Ok(Ok(statements))
        })?;
        Ok(match found {
            Ok(statements) => {
                self.statements = Some(statements);
                Got::Claimed
            }
            Err(status) => Got::Ended(status),
        })
    }

    fn put_back(&mut self) -> Result<Got, BackfillError> {
        let Some(statements) = self.statements.clone() else {
            return Ok(Got::Lost);
        };
        let job = self.job.clone();
        let did = self.on.persist(move |client, desk, path, options| {
            put_back(client, desk, path, options, &job, &statements)
        });
        match did {
            Ok((Got::Done(batch), in_the_way)) => Ok(Got::Done(Batch {
                in_the_way,
                ..batch
            })),
            Ok((got, _)) => Ok(got),
            Err(error) => Err(error),
        }
    }

    fn look(&mut self) -> Result<Got, BackfillError> {
        let job = self.job.clone();
        let (status, _) = self.on.persist(move |client, desk, _, _| {
            desk.next("looking whether it goes on", None)?;
            Ok(control::job(client, job.id.as_str(), false)?.map(|it| it.status))
        })?;
        Ok(match status {
            Some(JobStatus::Undoing) => Got::Renewed,
            Some(status) => Got::Ended(status),
            None => Got::Lost,
        })
    }

    fn end(&mut self) -> Result<Got, BackfillError> {
        let job = self.job.clone();
        let (got, _) = self.on.persist(move |client, desk, path, options| {
            desk.next("BEGIN", None)?;
            begin(client, options, path)?;
            control::lock_alone(client, job.id.as_str())?;
            let Some(row) = control::job(client, job.id.as_str(), true)? else {
                commit(client, desk)?;
                return Ok(Got::NotYet);
            };
            if row.status != JobStatus::Undoing {
                commit(client, desk)?;
                return Ok(Got::Ended(row.status));
            }
            let sql = "SELECT EXISTS (SELECT FROM _switchback.backfill_undo WHERE backfill = $1)";
            let more = client.query_one(sql, &[&row.id]).map_err(at(sql))?;
            if more.try_get(0).map_err(at(sql))? {
                commit(client, desk)?;
                return Ok(Got::NotYet);
            }
            control::set_status(client, row.id, JobStatus::Undone, None)?;
            commit(client, desk)?;
            Ok(Got::Ended(JobStatus::Undone))
        })?;
        Ok(got)
    }
}

impl<D: BorrowMut<PostgresDatabase>, O: Observer> Hands for PostgresUndo<D, O> {
    type Error = BackfillError;

    fn claim(&mut self) -> Result<Got, BackfillError> {
        let got = self.begin();
        self.on.judged(got, Got::InTheWay)
    }

    fn batch(&mut self, _: u32) -> Result<Got, BackfillError> {
        let got = self.put_back();
        self.on.judged(got, Got::InTheWay)
    }

    fn renew(&mut self) -> Result<Got, BackfillError> {
        let got = self.look();
        self.on.judged(got, Got::InTheWay)
    }

    fn release(&mut self) -> Result<Got, BackfillError> {
        self.statements = None;
        Ok(Got::Released)
    }

    fn close(&mut self) -> Result<Got, BackfillError> {
        let got = self.end();
        self.on.judged(got, Got::NotYet)
    }

    fn is_lost(error: &BackfillError) -> bool {
        error.is_lost()
    }

    fn reconnect(&mut self) -> Result<(), BackfillError> {
        Ok(self.on.database().again()?)
    }
}

/// Puts back what the newest batch changed that is not put back yet.
fn put_back(
    client: &mut Client,
    desk: &Desk,
    path: &[String],
    options: &Options,
    job: &Job,
    statements: &Statements,
) -> Result<Got, BackfillError> {
    desk.next("BEGIN", None)?;
    begin(client, options, path)?;
    let later = "SET LOCAL synchronous_commit = off";
    client.batch_execute(later).map_err(at(later))?;
    let began = Instant::now();
    control::lock_alone(client, job.id.as_str())?;
    let Some(row) = control::job(client, job.id.as_str(), false)? else {
        commit(client, desk)?;
        return Ok(Got::Lost);
    };
    if row.status != JobStatus::Undoing {
        commit(client, desk)?;
        return Ok(Got::Ended(row.status));
    }
    let sql = "SELECT number, rows FROM _switchback.backfill_undo WHERE backfill = $1
               ORDER BY number DESC LIMIT 1";
    let newest = client.query_opt(sql, &[&row.id]).map_err(at(sql))?;
    let Some(newest) = newest else {
        commit(client, desk)?;
        return Ok(Got::NothingLeft);
    };
    let number: i64 = newest.try_get(0).map_err(at(sql))?;
    let rows: i32 = newest.try_get(1).map_err(at(sql))?;
    let sql = statements.put_back(row.id, number);
    desk.next(&sql, Some(options.statement_timeout))?;
    let did = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let restored: i64 = did.try_get(0).map_err(at(&sql))?;
    let sql = "UPDATE _switchback.backfill SET restored = restored + $2 WHERE id = $1";
    client
        .execute(sql, &[&row.id, &restored])
        .map_err(at(sql))?;
    let work = began.elapsed();
    commit(client, desk)?;
    Ok(Got::Done(Batch {
        rows: u64::from(rows.unsigned_abs()),
        work,
        held: began.elapsed(),
        in_the_way: false,
        last: false,
    }))
}
