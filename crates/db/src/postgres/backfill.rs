//! Backfills on a PostgreSQL database that an application uses at the same time.
//!
//! A job and its ranges stand in control tables (`control`). [`PostgresHands`] does what a worker
//! wants: it takes ranges (`claim`), does batches of them (`batch`, with the SQL of
//! `statement`), and closes a walk (`close`). [`PostgresUndo`] puts former values back. Every batch
//! is one transaction with the place that it reached and what is needed to undo it, fenced by the
//! lease: whoever lost it finds no row to lock, and writes nothing. [`PostgresGauge`] looks how the
//! server is meanwhile.
//!
//! Batches commit without waiting for the disk. After a crash of the server the last of them may be
//! missing, each as a whole: data, place and former values are lost together, and done again.
//! Leases and ends are waited for.
//!
//! Deliberately absent: when to work and how much, which is the worker's ([`switchback_migration`]);
//! threads, which are [`crate::backfill`]'s.

mod batch;
mod claim;
mod close;
mod control;
mod error;
mod facts;
mod gauge;
mod hands;
mod jobs;
mod statement;
mod undo;
mod verify;

pub use control::BACKFILL_FORMAT;
pub use error::BackfillError;
pub use gauge::{GaugeOptions, OurSessions, PostgresGauge};
pub use hands::{HandsOptions, PostgresHands};
pub use jobs::{Begun, Failed, Listed};
pub use undo::PostgresUndo;
