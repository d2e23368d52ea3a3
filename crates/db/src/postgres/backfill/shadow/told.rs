//! What becomes of a copy when its job is told something.

use postgres::Client;
use switchback_migration::backfill::JobStatus;

use super::super::close::unhurried;
use super::super::control;
use super::super::error::BackfillError;
use super::row::{self, Phase};
use super::{drop, over, swap};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::link::{begin, commit};

/// Whether a job has a copy; others are not to be disturbed.
fn is_at(client: &mut Client, job: &str) -> Result<bool, BackfillError> {
    if !control::exists(client)? {
        return Ok(false);
    }
    let Some(row) = control::job(client, job, false)? else {
        return Ok(false);
    };
    Ok(row::read(client, row.id)?.is_some())
}

impl PostgresDatabase {
    /// Drops the copy that a job is at, if it has one that has not taken the table's place.
    pub(in crate::postgres::backfill) fn discard_copy(
        &mut self,
        job: &str,
    ) -> Result<(), BackfillError> {
        let options = self.options().clone();
        self.backfill(&mut (), |client, desk, path| {
            desk.next("ending what is done at the copy", None)?;
            if is_at(client, job)? {
                drop::interrupt(client, job)?;
                drop::discard(client, desk, &options, path, job)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Before a job is undone, or walked anew: a copy that it is at is dropped, and one that has
    /// taken the table's place is finished. Gives where the job stood, if it is called off by that.
    pub(in crate::postgres::backfill) fn before_other_work(
        &mut self,
        job: &str,
        keeps: bool,
    ) -> Result<Option<JobStatus>, BackfillError> {
        let options = self.options().clone();
        let (stood, _) = self.backfill(&mut (), |client, desk, path| {
            desk.next("looking whether there is a copy", None)?;
            if !control::exists(client)? {
                return Ok(None);
            }
            begin(client, &options, path)?;
            control::lock_alone(client, job)?;
            let row = control::job(client, job, true)?;
            let copy = match &row {
                Some(row) => row::read(client, row.id)?,
                None => None,
            };
            let (Some(row), Some(copy)) = (row, copy) else {
                commit(client, desk)?;
                return Ok(None);
            };
            if keeps && !control::keeps_undo(client, row.id)? {
                return Err(BackfillError::NothingKept {
                    job: job.to_owned(),
                });
            }
            let swapped = copy.phase == Phase::Validating;
            if !swapped {
                control::set_status(client, row.id, JobStatus::Cancelled, None)?;
            }
            commit(client, desk)?;
            Ok(Some((row.status, swapped)))
        })?;
        match stood {
            None => Ok(None),
            Some((stood, false)) => {
                self.discard_copy(job)?;
                Ok(Some(stood))
            }
            Some((_, true)) => {
                self.finish_copy(job)?;
                Ok(None)
            }
        }
    }

    /// Validates what is left to be, and ends the job.
    fn finish_copy(&mut self, job: &str) -> Result<(), BackfillError> {
        let options = self.options().clone();
        loop {
            let (more, _) = self.backfill(&mut (), |client, desk, path| {
                desk.next("validating foreign keys", None)?;
                begin(client, &options, path)?;
                drop::alone(client, job)?;
                let row = control::job(client, job, false)?;
                let copy = match &row {
                    Some(row) => row::read(client, row.id)?,
                    None => None,
                };
                let Some(copy) = copy else {
                    commit(client, desk)?;
                    return Ok(false);
                };
                unhurried(client, &options)?;
                let more = swap::validate(client, &copy)?;
                if !more {
                    control::lock_alone(client, job)?;
                    over(client, &copy)?;
                }
                commit(client, desk)?;
                Ok(more)
            })?;
            if !more {
                return Ok(());
            }
        }
    }

    /// After a job was told to pause or is called off: what is done at a copy ends, and with the
    /// latter the copy is dropped.
    pub(in crate::postgres::backfill) fn after_telling(
        &mut self,
        job: &str,
        to: JobStatus,
    ) -> Result<(), BackfillError> {
        match to {
            JobStatus::Cancelled => self.discard_copy(job),
            JobStatus::Paused => {
                let options = self.options().clone();
                self.backfill(&mut (), |client, desk, path| {
                    desk.next("ending what is done at the copy", None)?;
                    if !is_at(client, job)? {
                        return Ok(());
                    }
                    drop::interrupt(client, job)?;
                    begin(client, &options, path)?;
                    drop::alone(client, job)?;
                    Ok(commit(client, desk)?)
                })?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
