//! Running backfills, whatever the engine: workers on threads of their own, each with a connection,
//! and one that looks how the database is.
//!
//! An engine brings [`Hands`], which do what a worker wants, and a [`Gauge`], which reads signals.

pub(crate) mod alone;
mod expiry;
pub mod program;
mod ranges;
mod rerun;
mod run;

use std::error::Error;
use std::time::Duration;

use switchback_migration::backfill::machine::Got;
use switchback_migration::backfill::throttle::Readings;
use switchback_migration::backfill::{Counts, JobStatus};
use switchback_model::Timestamp;

pub use expiry::{Expired, UndoKept};
pub use ranges::{RangeRows, WalkRange};
pub use rerun::{Again, RerunError};
pub use run::{Moment, Running, run};

/// What a worker does in a database. Each call is one transaction or none, and an error means that
/// nothing of it is left, or that it is not known whether it is, which the next call finds out.
pub trait Hands {
    /// What goes wrong.
    type Error: Error + Send + Sync + 'static;

    /// Takes a range: [`Got::Claimed`], [`Got::NothingLeft`] or [`Got::Ended`]. Each taking has an
    /// epoch of its own. Whether a lease has run out is judged by the database's clock alone.
    fn claim(&mut self) -> Result<Got, Self::Error>;

    /// Does about so many rows of the range that was claimed: [`Got::Done`], [`Got::InTheWay`],
    /// [`Got::Lost`] or [`Got::Ended`]. The place is read in this transaction, once the range is
    /// locked, and never remembered: a batch of a lost connection may still be committed, under the
    /// same lease, before the one that is asked for again.
    fn batch(&mut self, rows: u32) -> Result<Got, Self::Error>;

    /// Keeps the lease, if there is one, for longer: [`Got::Renewed`], [`Got::Lost`] or
    /// [`Got::Ended`].
    fn renew(&mut self) -> Result<Got, Self::Error>;

    /// Gives the range back: [`Got::Released`] or [`Got::Lost`]. Also while the job does not run.
    fn release(&mut self) -> Result<Got, Self::Error>;

    /// Begins the next walk or ends the job: [`Got::Again`], [`Got::NotYet`] or [`Got::Ended`].
    /// [`Got::NotYet`] also where the next walk has begun meanwhile and rows are left to take.
    fn close(&mut self) -> Result<Got, Self::Error>;

    /// Whether an error says that nobody answers any more, so that connecting again may help.
    fn is_lost(error: &Self::Error) -> bool;

    /// Connects again after the connection was lost; the range may be lost with it.
    fn reconnect(&mut self) -> Result<(), Self::Error>;
}

/// Looks how a database is.
pub trait Gauge: Send {
    /// Reads every signal. What cannot be read is said in its place; this never fails and takes no
    /// longer than about a second.
    fn read(&mut self) -> Readings;
}

/// Where a job stands, as its control tables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub status: JobStatus,
    /// The digest of the definition that it was begun with.
    pub version: String,
    /// The walk that is under way, from 1.
    pub sweep: u32,
    /// What was done over all walks.
    pub counts: Counts,
    /// Rows that were looked at in this walk.
    pub sweep_scanned: u64,
    /// About how many rows there are, where that is known.
    pub total: Option<u64>,
    /// Ranges that are on lease now.
    pub leased: u32,
    /// When the last lease of a range of this walk that is not done ran out, where that is known.
    pub lease_ended: Option<Timestamp>,
    /// How long batches took, all together.
    pub worked: Duration,
    /// Rows that an undo put back.
    pub restored: u64,
    /// Rows that an undo left alone, because somebody had changed or deleted them since.
    pub conflicts: u64,
    /// How many of these were deleted.
    pub deleted: u64,
    /// Size in bytes of what is kept to undo it, where that is known.
    pub undo_bytes: Option<u64>,
    /// Why rows are walked in another way than was chosen, if they are.
    pub note: Option<String>,
    /// Why it failed, if it did; of a job that runs, why a worker of it stopped last.
    pub error: Option<String>,
    /// Which rows are being done again, where that is what it does now.
    pub rerun: Option<String>,
}
