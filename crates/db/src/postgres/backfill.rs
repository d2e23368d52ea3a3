//! Backfills on PostgreSQL.

mod gauge;

pub use gauge::{GaugeOptions, OurSessions, PostgresGauge};
