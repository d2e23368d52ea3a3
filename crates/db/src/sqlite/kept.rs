//! How large something is that a contract keeps aside.

use rusqlite::OptionalExtension as _;
use switchback_migration::definition::Kept;
use switchback_migration::sqlite::text::name;

use super::error::{DbError, at};
use super::{SqliteDatabase, catalog};

/// The most rows that are looked at.
const MOST: u32 = 1_000_000;

impl SqliteDatabase {
    /// How many bytes the values take that are kept aside, in at most a million rows; none if it is
    /// not there any more.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn kept_bytes(&self, kept: &Kept) -> Result<Option<u64>, DbError> {
        let columns = catalog::all(
            &self.connection,
            "SELECT name FROM pragma_table_xinfo(?1)",
            // The name as it is, not as it stands in SQL.
            &[&unquoted(&kept.table)],
            |row| row.get::<_, String>(0),
        )?;
        let wanted = |column: &&String| {
            let only = kept.column.as_ref();
            only.is_none_or(|only| only.eq_ignore_ascii_case(column))
        };
        let lengths: Vec<String> = columns
            .iter()
            .filter(wanted)
            .map(|column| format!("coalesce(length(CAST({} AS BLOB)), 0)", name(column)))
            .collect();
        if lengths.is_empty() {
            return Ok(None);
        }
        let sql = format!(
            "SELECT coalesce(sum(bytes), 0) FROM (SELECT {} AS bytes FROM {} LIMIT {MOST})",
            lengths.join(" + "),
            kept.table
        );
        let bytes = self
            .connection
            .query_row(&sql, [], |row| row.get::<_, i64>(0))
            .optional()
            .map_err(at("how large it is"))?;
        Ok(bytes.and_then(|it| u64::try_from(it).ok()))
    }
}

impl SqliteDatabase {
    /// The indexes that SQLite wants dropped before a column that is kept aside.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn kept_indexes(&self, kept: &Kept) -> Result<Vec<String>, DbError> {
        let Some(column) = &kept.column else {
            return Ok(Vec::new());
        };
        let table = catalog::table(&self.connection, &unquoted(&kept.table))?;
        let on_it = table.indexes.into_iter().filter(|it| it.covers(column));
        Ok(on_it.map(|it| it.name).collect())
    }
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}
