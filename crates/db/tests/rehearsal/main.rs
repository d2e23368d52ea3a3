//! Every operation rehearsed: start, roll back, start again, complete and all the way back, with old
//! and new code at work, on tables with and without rows. And broken changes, of which the
//! rehearsal has to name what is broken.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside of test functions"
)]

mod own;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
