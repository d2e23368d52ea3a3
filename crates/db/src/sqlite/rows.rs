//! What is in the tables of a file, and how it differs from what was, without what Switchback keeps
//! for itself.
//!
//! Rows are compared by the names of their columns. Virtual tables are left out: what they hold is
//! in ordinary tables of theirs, in a form that only they understand.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use switchback_migration::sqlite::text::name;
use switchback_model::Digest;

use super::control::CONTROL_PREFIX;
use super::error::{DbError, at};
use crate::history::rows::{TableRows, compare};
use crate::history::{Contents, ContentsChange, RowLimits};

/// Reads every table that stores rows itself, and keeps the rows as far as the limits allow.
pub(super) fn contents(connection: &Connection, limits: &RowLimits) -> Result<Contents, DbError> {
    let mut tables = BTreeMap::new();
    let mut room = limits.bytes;
    for table in names(connection).map_err(at("reading the schema"))? {
        let rows = of_table(connection, &table, limits.rows, &mut room);
        tables.insert(table, rows.map_err(at("reading rows"))?);
    }
    Ok(Contents {
        tables,
        sequences: sequences(connection).map_err(at("reading sqlite_sequence"))?,
    })
}

/// How `now` differs. Tables that are new do not count.
pub(super) fn changes(before: &Contents, now: &Contents, limits: &RowLimits) -> ContentsChange {
    let old = before.tables.iter();
    let tables =
        old.filter_map(|(table, old)| compare(table, old, now.tables.get(table), limits.examples));
    ContentsChange {
        tables: tables.collect(),
        sequences: before.moved(now),
    }
}

/// The first column of the first row, as a number.
pub(super) fn number(connection: &Connection, sql: &str) -> Result<u64, DbError> {
    let number: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(at("counting rows"))?;
    Ok(number.unsigned_abs())
}

/// The tables that store rows themselves, apart from SQLite's own and ours.
pub(super) fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name",
    )?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut names = found.collect::<rusqlite::Result<Vec<String>>>()?;
    names.retain(|it| !it.starts_with(CONTROL_PREFIX) && !it.starts_with("sqlite_"));
    Ok(names)
}

fn of_table(
    connection: &Connection,
    table: &str,
    most: u64,
    room: &mut usize,
) -> rusqlite::Result<TableRows> {
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
    // Each row is digested together with those before it, so that memory stays flat.
    let mut digest = Digest::of(format!("{list:?}").as_bytes());
    let (mut count, mut size) = (0_u64, 0);
    let mut rows = Some(Vec::new());
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let values = (0..columns.len()).map(|at| Ok(shown(row.get_ref(at)?)));
        let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
        digest = Digest::of(format!("{digest} {values:?}").as_bytes());
        count += 1;
        let lengths = values.iter().flatten().map(String::len);
        size += lengths.sum::<usize>();
        if count > most || size > *room {
            rows = None;
        }
        if let Some(rows) = &mut rows {
            rows.push(values);
        }
    }
    if rows.is_some() {
        *room -= size;
    }
    Ok(TableRows {
        columns: columns.into_iter().map(|(column, _)| column).collect(),
        key: key.into_iter().map(|(_, at)| at).collect(),
        count,
        digest: digest.to_string(),
        rows,
    })
}

/// The number that each `AUTOINCREMENT` would give next.
fn sequences(connection: &Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let there = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";
    if connection.query_row(there, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(BTreeMap::new());
    }
    let mut statement = connection.prepare(
        "SELECT name, CAST(max(seq) AS INTEGER) FROM main.sqlite_sequence
         WHERE name IS NOT NULL GROUP BY name",
    )?;
    let found = statement.query_map([], |row| {
        let last: Option<i64> = row.get(1)?;
        Ok((row.get(0)?, last.unwrap_or_default().saturating_add(1)))
    })?;
    found.collect()
}

/// A value as text in which its type can be told; none for NULL. A text that looks like something
/// else stands in quotes.
fn shown(value: ValueRef<'_>) -> Option<String> {
    let blob = |bytes: &[u8]| {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x'{}'", digits.concat())
    };
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(format!("{number:?}")),
        ValueRef::Text(bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) if text.parse::<f64>().is_ok() || text.ends_with('\'') => format!("'{text}'"),
            Ok(text) => text.to_owned(),
            Err(_) => format!("text {}", blob(bytes)),
        }),
        ValueRef::Blob(bytes) => Some(blob(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(connection: &Connection, limits: &RowLimits) -> Contents {
        contents(connection, limits).unwrap()
    }

    #[test]
    fn a_value_of_another_type_is_another_value() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
            .unwrap();
        let mut seen = Vec::new();
        for value in [
            "1",
            "'1'",
            "1.0",
            "'1.0'",
            "x'31'",
            "'x''31'''",
            "NULL",
            "''",
        ] {
            let sql = format!("DELETE FROM t; INSERT INTO t VALUES (1, {value})");
            connection.execute_batch(&sql).unwrap();
            seen.push(read(&connection, &RowLimits::default()));
        }
        for (place, one) in seen.iter().enumerate() {
            for other in seen.iter().skip(place + 1) {
                assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn of_what_is_too_much_only_the_digest_is_kept() {
        let connection = Connection::open_in_memory().unwrap();
        let many = "CREATE TABLE t (x); WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL
                    SELECT x + 1 FROM n WHERE x < 9) INSERT INTO t SELECT x FROM n";
        connection.execute_batch(many).unwrap();
        for (rows, bytes, kept) in [(9, 9, true), (8, 9, false), (9, 8, false)] {
            let limits = RowLimits {
                rows,
                bytes,
                examples: 1,
            };
            let before = read(&connection, &limits);
            assert_eq!(before.not_kept().count(), usize::from(!kept));
            assert_eq!(before.count(), 9);
            let same = changes(&before, &read(&connection, &limits), &limits);
            assert_eq!(same, ContentsChange::default());
            connection
                .execute_batch("UPDATE t SET x = x + 1 WHERE x = 5")
                .unwrap();
            let other = changes(&before, &read(&connection, &limits), &limits);
            assert_eq!(other.tables[0].uncounted, !kept);
            assert!(other.tables[0].loses());
            connection
                .execute_batch("UPDATE t SET x = 5 WHERE rowid = 5")
                .unwrap();
        }
    }
}
