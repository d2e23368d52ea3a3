//! The fills of changes: jobs like any other, begun, watched and forgotten with a step of a change.
//!
//! What is another way than with a backfill: the lock is that of the change, and the intent that is
//! carried out fences each transaction (`control`); a row that refuses what it should get ends the
//! step, which the same command tries again; what a step left half done is gone on with, whichever
//! way it went before; and when nobody needs a job any more it is forgotten with all that it kept.

mod control;
mod polite;
mod walk;

pub(in crate::postgres) use control::{
    TABLES, bare, changes, exists, forget_dropped, forget_step, make, probe, probe_undone, row,
};
pub(in crate::postgres) use walk::{fill, tidy_all as tidy, unfill};
