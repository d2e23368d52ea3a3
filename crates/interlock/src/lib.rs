//! The interlock: one rule for everything that old and new code share.
//!
//! *Participants* are every version that is live somewhere (both sides of a running rollout), every
//! rollback target (an older version whose window is still open) and outside clients. Each has a
//! *stance* towards each open change. **An action is admitted only if every state during it and
//! after it is safe**, with mixed versions and a crash in the middle included. Safe means: with
//! everyone who is there or may come back taken as present at once, every shape that somebody reads
//! is there, complete and fresh and stays so, every shape that somebody writes is there, and every
//! shape that somebody may meet is accepted.
//!
//! The rule is a list of [`clause::Clause`]s. `tests/exhaustive.rs` explores worlds with real cells
//! instead of the rule's own abstractions, and shows that the rule is never unsafe, that every
//! rollback target can be returned to from every reachable state, that it is never stuck, and that
//! each single clause is needed.
//!
//! Deliberately absent: gates, windows and approvals (they belong to delivery), SQL, clocks. Time is
//! an argument. A surface belongs to one environment; one shared by several is not modelled yet.

pub mod admit;
pub mod advice;
pub mod clause;
mod judge;
pub mod project;
pub mod refusal;
pub mod surface;
mod transition;
pub mod world;

pub use admit::Interlock;
pub use advice::Move;
pub use clause::{Clause, Clauses};
pub use project::Inconsistent;
pub use refusal::{Misfit, Participant, Reason, Refusal, Standing, Verdict};
pub use world::{Catalog, Change, Environment, World};
