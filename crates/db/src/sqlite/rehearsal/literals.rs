//! Values that are there, as literals for parameters of the application's own statements.

use rusqlite::Connection;
use switchback_migration::sql::ir::Name;
use switchback_migration::sqlite::text::name;

use crate::rehearsal::own::EXAMPLES;
use crate::sqlite::DbError;
use crate::sqlite::error::at;

/// Values of a column as literals, in an order that depends on nothing but them.
pub(super) fn examples(
    connection: &Connection,
    tables: &[Name],
    column: &str,
) -> Result<Option<Vec<String>>, DbError> {
    let asked = "taking values for parameters";
    for table in tables {
        let there: i64 = connection
            .query_row(
                "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE",
                [&table.name, column],
                |row| row.get(0),
            )
            .map_err(at(asked))?;
        if there == 0 {
            continue;
        }
        let (c, t) = (name(column), name(&table.name));
        let sql = format!(
            "SELECT DISTINCT quote({c}) FROM {t} WHERE {c} IS NOT NULL ORDER BY 1 LIMIT {EXAMPLES}"
        );
        let mut query = connection.prepare(&sql).map_err(at(asked))?;
        let rows = query.query_map([], |row| row.get(0)).map_err(at(asked))?;
        let values: rusqlite::Result<Vec<String>> = rows.collect();
        return values.map(Some).map_err(at(asked));
    }
    Ok(None)
}
