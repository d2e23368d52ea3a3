//! What is in the tables of a file, without what Switchback keeps for itself.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use switchback_migration::sql::ir::Name;
use switchback_migration::sqlite::text::name;
use switchback_model::Digest;

use crate::history::rows::{TableRows, compare};
use crate::history::{Contents, RowLimits, TableChange};
use crate::rehearsal::own::EXAMPLES;
use crate::sqlite::DbError;
use crate::sqlite::control::CONTROL_PREFIX;
use crate::sqlite::error::at;

/// The first column of the first row, as a number.
pub(super) fn number(connection: &Connection, sql: &str) -> Result<u64, DbError> {
    let number: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(at("counting rows"))?;
    Ok(number.unsigned_abs())
}

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

/// Reads every table that stores rows itself.
pub(super) fn read(connection: &Connection) -> Result<Contents, DbError> {
    let mut tables = BTreeMap::new();
    for table in names(connection).map_err(at("reading the schema"))? {
        let rows = of_table(connection, &table).map_err(at("reading rows"))?;
        tables.insert(table, rows);
    }
    Ok(Contents {
        tables,
        sequences: BTreeMap::new(),
    })
}

pub(super) fn changes(before: &Contents, now: &Contents) -> Vec<TableChange> {
    let examples = RowLimits::default().examples;
    let old = before.tables.iter();
    old.filter_map(|(table, old)| compare(table, old, now.tables.get(table), examples))
        .collect()
}

fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name",
    )?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut names = found.collect::<rusqlite::Result<Vec<String>>>()?;
    names.retain(|it| !it.starts_with(CONTROL_PREFIX) && !it.starts_with("sqlite_"));
    Ok(names)
}

fn of_table(connection: &Connection, table: &str) -> rusqlite::Result<TableRows> {
    let mut statement = connection
        .prepare("SELECT name, pk FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY name")?;
    let found = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns = found.collect::<rusqlite::Result<Vec<(String, i64)>>>()?;
    let mut key: Vec<(i64, usize)> = columns
        .iter()
        .enumerate()
        .filter(|(_, (_, place))| *place > 0)
        .map(|(at, (_, place))| (*place, at))
        .collect();
    key.sort_unstable();
    let list: Vec<String> = columns.iter().map(|(column, _)| name(column)).collect();
    let order: Vec<String> = match key.as_slice() {
        [] => (1..=columns.len()).map(|at| at.to_string()).collect(),
        some => some.iter().map(|(_, at)| (at + 1).to_string()).collect(),
    };
    let mut statement = connection.prepare(&format!(
        "SELECT {} FROM {} ORDER BY {}",
        list.join(", "),
        name(table),
        order.join(", ")
    ))?;
    let mut rows = Vec::new();
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let values = (0..columns.len()).map(|at| Ok(shown(row.get_ref(at)?)));
        rows.push(values.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(TableRows {
        columns: columns.into_iter().map(|(column, _)| column).collect(),
        key: key.into_iter().map(|(_, at)| at).collect(),
        count: rows.len() as u64,
        digest: Digest::of(format!("{list:?} {rows:?}").as_bytes()).to_string(),
        rows: Some(rows),
    })
}

/// A value as text in which its type can be told; none for NULL.
fn shown(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(format!("{number:?}")),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(format!("x'{}'", digits.concat()))
        }
    }
}
