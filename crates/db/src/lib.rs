//! Database engines and ledger stores, and rehearsals of whole histories of migrations.

#[cfg(feature = "postgres")]
mod address;
pub mod backfill;
pub mod fill;
pub mod history;
pub mod ledger;
mod marks;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg_attr(
    not(feature = "postgres"),
    expect(dead_code, reason = "rows for PostgreSQL need more of it")
)]
mod random;
pub mod rehearsal;
pub mod sqlite;
mod text;
mod waits;

pub use text::with_sources;
