//! Where ledgers are kept: a SQLite file, or a PostgreSQL database that several machines share.
//!
//! Both keep the same leaf bytes and so have the same root. Deliberately absent: anything about
//! what the bytes mean, which is the ledger's.

#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

#[cfg(feature = "postgres")]
pub use self::postgres::PostgresStore;
pub use self::sqlite::{SqliteOptions, SqliteStore};
