//! How large something is that a contract keeps aside.

use switchback_migration::definition::Kept;

use super::error::PgError;
use super::session::{Session, literal};

/// How many bytes it takes; none if it is not there any more. Of a column that is what its values
/// take by the planner's last look at the table, and 0 if that never happened: to add them up would
/// read the whole table.
///
/// # Errors
/// If a question is refused, or the connection is lost.
pub fn bytes(session: &mut Session, kept: &Kept) -> Result<Option<u64>, PgError> {
    let table = format!("pg_catalog.to_regclass({})", literal(&kept.table));
    let question = match &kept.column {
        None => format!("SELECT pg_catalog.pg_total_relation_size({table})"),
        Some(column) => format!(
            "SELECT coalesce((SELECT s.avg_width * (1 - s.null_frac) FROM pg_catalog.pg_stats s \
                 WHERE s.schemaname = n.nspname AND s.tablename = c.relname \
                 AND s.attname = a.attname AND NOT s.inherited) * greatest(c.reltuples, 0), \
                 0)::bigint \
             FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped \
             WHERE c.oid = {table} AND a.attname = {}",
            literal(column)
        ),
    };
    let rows = session.rows(&question)?;
    Ok(rows.first().and_then(|row| row.get(0)?.parse().ok()))
}
