//! Every operation rehearsed: start, roll back, start again, complete and all the way back, with old
//! and new code at work, on tables with and without rows. And broken changes, of which the
//! rehearsal has to name what is broken. And every operation once more while whoever takes its steps
//! dies ([`crash`]). And every two operations at once ([`together`]).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code outside of test functions"
)]

mod crash;
#[path = "../killer/mod.rs"]
mod killer;
mod own;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;
mod together;
#[cfg(feature = "postgres")]
#[path = "../wire/mod.rs"]
mod wire;

use switchback_db::rehearsal::{Outcome, Report};

/// What is wrong, for people.
fn wrong(report: &Report) -> Vec<String> {
    let all = report.steps.iter().chain(&report.back);
    all.filter(|it| it.outcome != Outcome::Passed)
        .map(|it| format!("{} {:?}: {:#?}", it.step, it.outcome, it.faults))
        .collect()
}
