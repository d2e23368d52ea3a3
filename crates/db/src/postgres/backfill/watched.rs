//! A worker's connection, its own or one that is lent, with somebody who looks on.

use std::borrow::BorrowMut;

use postgres::Client;
use switchback_migration::backfill::Job;
use switchback_migration::backfill::machine::Got;
use switchback_model::BackfillId;

use super::error::BackfillError;
use crate::postgres::PostgresDatabase;
use crate::postgres::change::persist::Desk;
use crate::postgres::change::{Observer, Options};

/// So many parts of a fill in a row, each with its own attempts, may not be done because of others
/// until the step of the change ends. By then batches have shrunk to single rows.
const MOST_REFUSED: u32 = 6;

/// What a worker works on.
#[derive(Debug)]
pub(super) struct Watched<D, O> {
    database: D,
    pub(super) observer: O,
    pub(super) of_change: bool,
    /// How many parts of the work in a row were not done because of others.
    refused: u32,
}

impl<D: BorrowMut<PostgresDatabase>, O: Observer> Watched<D, O> {
    pub(super) fn new(database: D, observer: O, job: &Job) -> Self {
        Self {
            database,
            observer,
            of_change: BackfillId::fill(job.id.as_str()).is_some(),
            refused: 0,
        }
    }

    pub(super) fn database(&mut self) -> &mut PostgresDatabase {
        self.database.borrow_mut()
    }

    /// Does something in attempts, as the database allows. Says also whether somebody waited for it.
    pub(super) fn persist<T: Send>(
        &mut self,
        work: impl Fn(&mut Client, &Desk, &[String], &Options) -> Result<T, BackfillError> + Send + Sync,
    ) -> Result<(T, bool), BackfillError> {
        let database = self.database.borrow_mut();
        let options = database.options().clone();
        database.backfill(&mut self.observer, |client, desk, path| {
            work(client, desk, path, &options)
        })
    }

    /// What a part of the work comes to: others may be in the way of anything; of a step of a change
    /// not for ever.
    pub(super) fn judged(
        &mut self,
        did: Result<Got, BackfillError>,
        in_the_way: Got,
    ) -> Result<Got, BackfillError> {
        match did {
            Err(error) if error.is_in_the_way() => {
                self.refused += 1;
                if self.of_change && self.refused > MOST_REFUSED {
                    return Err(error);
                }
                Ok(in_the_way)
            }
            other => {
                self.refused = 0;
                other
            }
        }
    }
}
