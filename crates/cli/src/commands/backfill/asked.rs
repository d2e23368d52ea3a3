//! How a run of a backfill works.

use switchback_migration::backfill::throttle::Limits;

use super::programs::Programs;

/// How a run works, as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Workers of this process.
    pub(super) workers: u32,
    /// Rows in a batch, at most.
    pub(super) batch_rows: Option<u32>,
    /// Rows a second, at most, all workers together.
    pub(super) most_a_second: Option<f64>,
    /// Whether the job ends with the first row that cannot be changed.
    pub(super) stop_on_error: bool,
    /// How many rows may be passed over because they cannot be changed.
    pub(super) most_failed: u64,
    /// The size that the former values may have, in bytes.
    pub(super) most_undo: Option<u64>,
    /// What the database is to bear.
    pub(super) limits: Limits,
    /// CPUs of the database's server.
    pub(super) cpus: u32,
    /// Walk from the beginning, with the definition as it is.
    pub(super) anew: bool,
    /// Leave to run programs, and how.
    pub(super) programs: Option<Programs>,
}
