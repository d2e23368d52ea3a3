//! What walks through the rows of a table have in common, whatever the engine.

/// How often all rows are looked at before a fill gives up.
pub(crate) const SWEEPS: u32 = 5;

/// Whether to go on after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Continue,
    /// Stop here; the next run goes on from here.
    Stop,
}
