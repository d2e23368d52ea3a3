//! Backfills on a real PostgreSQL whose workers die, stall and are cut off, and whose server crashes,
//! while an application writes.
//!
//! [`story`] is the long one: a fill and its undoing by two workers through many seeded faults, judged
//! by [`oracle`] from an audit of every version of every row. The others are about one kind of
//! trouble each.
#![cfg(all(feature = "postgres", target_os = "linux"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code outside of test functions"
)]

mod application;
mod bench;
#[path = "../facts/chance.rs"]
#[expect(dead_code, reason = "more than is needed here")]
mod chance;
mod child;
mod disk;
mod leases;
mod life;
mod links;
mod oracle;
mod rerun;
mod story;
mod tables;
mod waiting;
#[path = "../wire/mod.rs"]
mod wire;
mod world;
