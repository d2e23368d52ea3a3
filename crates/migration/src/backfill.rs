//! Backfills: what rows that are there already get, while an application works.
//!
//! A [`Job`] says which rows get what. From [`TableFacts`] a [`Strategy`] is chosen, with its
//! reasons ([`strategy`]). Workers ([`machine`]) take ranges of rows on lease, do them in batches
//! that are sized by time ([`pace`]), and work as much as the database bears ([`throttle`]). All of
//! it without a database, a clock or a thread: an adapter does what a worker wants and tells it what
//! came of it.
//! How far a job is and how long it will take ([`meter`]) is told to people and to monitoring
//! ([`metrics`]).
//!
//! Deliberately absent: what may be filled when, which is the interlock's.

pub mod estimate;
pub mod facts;
pub mod job;
pub mod machine;
pub mod meter;
pub mod metrics;
pub mod pace;
pub mod part;
pub mod program;
pub mod progress;
pub mod query;
mod sketch;
mod steady;
pub mod strategy;
pub mod throttle;
pub mod verification;

pub use estimate::{Estimate, estimate};
pub use facts::{Choice, Strategy, TableFacts};
pub use job::{Job, JobError, JobText, Program, Query, Transform};
pub use meter::{Left, Meter};
pub use part::{Part, PartError};
pub use progress::{Counts, JobStatus, SignalState, Snapshot, Zone};
pub use query::QueryFault;
pub use sketch::sketch;
pub use strategy::{Refusal, choose, stride_column};
pub use verification::Verification;
