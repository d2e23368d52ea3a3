//! Backfills on PostgreSQL.

mod facts;
