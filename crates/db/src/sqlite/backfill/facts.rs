//! What the catalog of an SQLite database says of a table whose rows get something.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use switchback_migration::Engine;
use switchback_migration::backfill::facts::KeyColumn;
use switchback_migration::backfill::{Job, TableFacts};
use switchback_migration::sqlite::text::mentions;

use super::error::BackfillError;
use super::walk::{Walk, update_triggers};
use super::{connect, control};
use crate::sqlite::catalog;

/// Rows are counted up to here where nothing else says how many there are.
const COUNTED: i64 = 200_000;

/// How long a lock of somebody else is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the table of a backfill in a file, and that what it says means something over
/// its rows. SQLite does not say how large a table or an index is without reading it: `bytes` is the
/// size of the whole file, and `index_bytes` is 0. Nothing is changed.
///
/// # Errors
/// If the definition does not fit the table, or the file cannot be read.
pub fn facts(path: &Path, job: &Job) -> Result<TableFacts, BackfillError> {
    let connection = &connect(path, PATIENCE)?;
    let walk = Walk::of(connection, &job.text)?;
    let table = catalog::table(connection, &job.text.table)?;
    let written = |sql: &str| walk.columns.iter().any(|column| mentions(sql, column));
    let indexes_on_written: Vec<String> = table
        .indexes
        .iter()
        .filter(|index| {
            let columns = index.columns.iter().filter_map(|it| it.name.as_ref());
            let mut keys = columns.filter(|it| walk.columns.contains(it));
            keys.next().is_some() || index.sql.as_deref().is_some_and(written)
        })
        .map(|index| index.name.clone())
        .collect();
    let size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes = control::first(connection, size, [], |row| row.get::<_, i64>(0))?;
    // The key of a table without row ids is the table.
    let own = usize::from(table.without_rowid);
    let key = walk.keyed.parts.iter().map(|part| {
        let column = table.column(&part.name);
        let declared = column.map(|it| it.declared_type.to_ascii_uppercase());
        KeyColumn {
            integer: part.rowid || declared.is_some_and(|it| it.contains("INT")),
            name: part.name.clone(),
            distinct: None,
        }
    });
    let version = u32::try_from(rusqlite::version_number()).unwrap_or_default();
    Ok(TableFacts {
        key: key.collect(),
        named: match &walk.asked {
            Some(asked) => asked.named.iter().map(|it| it.name.clone()).collect(),
            None => Vec::new(),
        },
        bytes: bytes.unwrap_or_default().unsigned_abs(),
        rows: rows(connection, &walk)?,
        indexes: u32::try_from(table.indexes.len().saturating_sub(own)).unwrap_or(u32::MAX),
        indexes_on_written,
        triggers: update_triggers(connection, &walk.table)?,
        ..TableFacts::of_empty(Engine::Sqlite, version, &walk.keyed.t)
    })
}

/// About how many rows there are: what `ANALYZE` counted, else counted up to a bound.
pub(super) fn rows(connection: &Connection, walk: &Walk) -> Result<Option<u64>, BackfillError> {
    let there = "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'";
    if control::first(connection, there, [], |_| Ok(()))?.is_some() {
        // The first number of each line is that of the rows in the index: partial ones have fewer.
        let sql = "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1
                   WHERE tbl = ?1 COLLATE NOCASE";
        let counted = control::first(connection, sql, [&walk.table], |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        if let Some(counted) = counted.flatten() {
            return Ok(Some(counted.unsigned_abs()));
        }
    }
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {})",
        walk.keyed.t,
        COUNTED + 1
    );
    let counted = control::first(connection, &sql, [], |row| row.get::<_, i64>(0))?;
    let counted = counted.unwrap_or_default();
    Ok((counted <= COUNTED).then(|| counted.unsigned_abs()))
}
