//! Backfills on a PostgreSQL database that an application uses at the same time.
//!
//! A job and its ranges stand in control tables (`control`). [`PostgresHands`] does what a worker
//! wants: it takes ranges (`claim`), does batches of them (`batch`, with the SQL of
//! `statement` and `query`), and closes a walk (`close`). [`PostgresUndo`] puts former values back. Every batch
//! is one transaction with the place that it reached and what is needed to undo it, fenced by the
//! lease: whoever lost it finds no row to lock, and writes nothing. [`PostgresGauge`] looks how the
//! server is meanwhile.
//!
//! Batches commit without waiting for the disk. After a crash of the server the last of them may be
//! missing, each as a whole: data, place and former values are lost together, and done again.
//! Leases and ends are waited for.
//!
//! The fills of changes are jobs too (`of_change`), walked by one worker on the connection of their
//! change.
//!
//! Deliberately absent: when to work and how much, which is the worker's ([`switchback_migration`]);
//! threads, which are [`crate::backfill`]'s.

mod batch;
mod claim;
mod close;
mod control;
mod enter;
mod error;
mod expire;
mod facts;
mod gauge;
mod hands;
pub(in crate::postgres) mod jobs;
pub(in crate::postgres) mod of_change;
mod place;
mod program;
mod query;
mod ranges;
mod rerun;
mod savepoint;
mod shadow;
mod statement;
mod table;
mod undo;
mod verify;
mod watched;
mod window;

pub use control::BACKFILL_FORMAT;
pub use error::BackfillError;
pub use gauge::{GaugeOptions, OurSessions, PostgresGauge};
pub use hands::{HandsOptions, PostgresHands, Quiet};
pub use jobs::{Begun, Failed, Listed};
pub use undo::PostgresUndo;
