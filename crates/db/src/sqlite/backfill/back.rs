//! A worker that puts back what a backfill changed.

use switchback_migration::backfill::JobStatus;
use switchback_migration::backfill::machine::{Batch, Got};

use super::Backfills;
use super::error::BackfillError;
use crate::backfill::Hands;

/// What a worker does that undoes a backfill. Several may; they take turns.
#[derive(Debug)]
pub struct SqliteUndo {
    pub(super) db: Backfills,
    job: String,
}

impl Backfills {
    /// A worker that undoes a job which is to be undone ([`Backfills::ask`]).
    pub fn undo_hands(self, job: &str) -> SqliteUndo {
        SqliteUndo {
            db: self,
            job: job.to_owned(),
        }
    }
}

impl SqliteUndo {
    /// Where the job stands, if that is not being undone.
    fn ended(&self) -> Result<Option<Got>, BackfillError> {
        let standing = self.db.standing(&self.job)?;
        let standing = standing.ok_or_else(|| BackfillError::NoJob {
            job: self.job.clone(),
        })?;
        Ok(match standing.status {
            JobStatus::Undoing => None,
            status => Some(Got::Ended(status)),
        })
    }

    /// What came of something that has to wait its turn.
    fn settled(result: Result<Got, BackfillError>) -> Result<Got, BackfillError> {
        match result {
            Err(error) if error.is_busy() => Ok(Got::InTheWay),
            other => other,
        }
    }
}

impl Hands for SqliteUndo {
    type Error = BackfillError;

    fn claim(&mut self) -> Result<Got, BackfillError> {
        Ok(self.ended()?.unwrap_or(Got::Claimed))
    }

    fn batch(&mut self, rows: u32) -> Result<Got, BackfillError> {
        if let Some(ended) = self.ended()? {
            return Ok(ended);
        }
        Self::settled(self.db.undo(&self.job, rows).map(|step| {
            Got::Done(Batch {
                rows: step.rows,
                work: step.held,
                held: step.held,
                in_the_way: false,
                last: step.done,
            })
        }))
    }

    fn renew(&mut self) -> Result<Got, BackfillError> {
        Ok(self.ended()?.unwrap_or(Got::Renewed))
    }

    fn release(&mut self) -> Result<Got, BackfillError> {
        Ok(Got::Released)
    }

    fn close(&mut self) -> Result<Got, BackfillError> {
        Ok(self.ended()?.unwrap_or(Got::NotYet))
    }

    fn is_lost(_: &BackfillError) -> bool {
        // A file does not go away.
        false
    }

    fn reconnect(&mut self) -> Result<(), BackfillError> {
        Ok(())
    }
}
