//! Database engines and ledger stores.

pub mod ledger;
pub mod sqlite;
