//! Rehearsing a change: every step up, back and up again while code on both sides of it works.
//!
//! For each step of a change two things are done. First alone: up, back, up, and schema and rows have
//! to be at each boundary what they were. Then with the code at work: the versions that the interlock
//! admits beside the step read and write its table, each in its own shape, while the step goes up,
//! back and up once more; none of their statements may fail, and none may read what was not written
//! last. In the end the whole change is walked back in the same way, and rows that the code never
//! touched have to be what they were in the beginning.
//!
//! What is the same on every engine stands here; an engine brings a [`mod@bench`]. What the versions do
//! is derived by [`switchback_migration::workload`].
//!
//! Deliberately absent: servers, schemas and rows to begin with; the ledger; how a report is shown.

pub mod bench;
mod client;
mod crew;
mod error;
mod latency;
mod options;
pub mod own;
mod report;
mod row;
mod walk;

pub use error::RehearsalError;
pub use latency::Latency;
pub use options::Options;
pub use own::OwnStatements;
pub use report::{
    Altered, Fault, LeftOut, Measured, Moment, Outcome, Played, Progress, Report, StepReport,
    Waited, WorkKind,
};
pub use walk::{rehearse, rehearse_with};
