//! The PostgreSQL engine: steps of changes, what a schema and its rows amount to, and rehearsals of
//! histories of migrations.
//!
//! [`change`] carries steps out on a database that an application uses, and [`backfill`] fills rows
//! beside it. [`fingerprint`] says the
//! meaning of a schema in lines of text, [`rows`] what is in its tables, and [`history`] walks every
//! migration up, down and up again. [`statements`] says who uses a table. [`Session`] is a
//! connection whose errors say what went wrong and where.
//!
//! PostgreSQL 12 to 18. Not to be called from asynchronous code: it blocks the thread.
//!
//! Deliberately absent: servers; `switchback-scratch` makes private ones.

pub mod backfill;
pub mod change;
mod error;
pub mod fingerprint;
pub mod history;
pub mod kept;
pub mod rehearsal;
pub mod rows;
pub mod schema;
mod session;
pub mod statements;
pub mod synth;
mod waiters;

pub use change::PostgresDatabase;
pub use error::PgError;
pub use session::{Row, Session};
