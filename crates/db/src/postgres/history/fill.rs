//! Who fills tables with rows.

use std::error::Error;

use postgres::Client;

use crate::postgres::synth::{self, Request, Tables};

/// Somebody who fills tables with rows.
pub trait FillTables {
    /// Puts rows into `tables`, up to `rows` each. They are the tables of a scratch database, each in
    /// the form of SQL, `schema.table`; some may have rows already. Tables that cannot be filled are
    /// left as they are. With `in_transaction` there is an open transaction, which has to stay
    /// usable.
    ///
    /// # Errors
    /// If the database cannot be read or written at all. What is in the tables then stays.
    fn fill(
        &mut self,
        client: &mut Client,
        tables: &[String],
        rows: u64,
        in_transaction: bool,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Nobody: there are no rows but those that migrations put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRows;

impl FillTables for NoRows {
    fn fill(
        &mut self,
        _client: &mut Client,
        _tables: &[String],
        _rows: u64,
        _in_transaction: bool,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

/// Rows that are made up to satisfy types and constraints ([`synth`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synthetic {
    /// The same seed and schema give the same rows.
    pub seed: u64,
}

impl FillTables for Synthetic {
    fn fill(
        &mut self,
        client: &mut Client,
        tables: &[String],
        rows: u64,
        in_transaction: bool,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut request = Request::new(self.seed, rows);
        request.tables = Tables::Named(tables.to_vec());
        request.analyze = false;
        request.in_transaction = in_transaction;
        synth::fill(client, &request)?;
        Ok(())
    }
}
