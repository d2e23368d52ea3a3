//! `switchback backfill run` and what follows on it, through the binary, on PostgreSQL and SQLite.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod again;
mod crashes;
mod judged;
mod kept;
mod paced;
mod place;
mod process;
mod programs;
mod queries;
mod refused;
mod skips;
mod stories;
#[path = "../support/mod.rs"]
mod support;

/// A test for each engine.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn on_postgres() {
                super::$name(&crate::place::Place::on_postgres());
            }

            #[test]
            fn in_a_file() {
                super::$name(&crate::place::Place::in_a_file());
            }
        }
    )+};
}
use on_both;
