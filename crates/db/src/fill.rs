//! What walks through the rows of a table have in common, whatever the engine.

use std::time::Duration;

/// No batch is larger, so that a machine that stalls in one stalls others for a bounded time.
pub(crate) const MOST_ROWS: u32 = 50_000;

/// No batch is smaller, unless the first one was asked to be.
pub(crate) const FEWEST_ROWS: u32 = 100;

/// How often all rows are looked at before a fill gives up.
pub(crate) const SWEEPS: u32 = 5;

pub(crate) const FILLING: &str = "filling";
pub(crate) const FILLED: &str = "filled";
pub(crate) const UNFILLING: &str = "unfilling";

/// Whether to go on after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Continue,
    /// Stop here; the next run goes on from here.
    Stop,
}

/// The size of the next batch: towards the time that a batch should take.
pub(crate) fn sized(size: u32, fewest: u32, most: u32, work: Duration, target: Duration) -> u32 {
    let ratio = target.as_secs_f64() / work.as_secs_f64().max(1e-6);
    let wanted = f64::from(size) * ratio.clamp(0.5, 2.0);
    (wanted as u32).clamp(fewest, most)
}
