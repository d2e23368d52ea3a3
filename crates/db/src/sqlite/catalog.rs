//! Reading the schema.

use std::ffi::CString;

use rusqlite::{Connection, OptionalExtension as _, Row};
use switchback_migration::sqlite::catalog::{
    Column, ForeignKey, Index, IndexColumn, IndexOrigin, Named, Table, TableKind,
};
use switchback_migration::sqlite::text::mentions;

use super::error::{DbError, at};

/// All rows of a query with text parameters.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[&str],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DbError> {
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let rows = statement.query_map(rusqlite::params_from_iter(parameters), read);
    rows.and_then(Iterator::collect).map_err(at(sql))
}

/// What the schema says about a table; its name is taken without regard to ASCII case.
pub(super) fn table(connection: &Connection, wanted: &str) -> Result<Table, DbError> {
    let sql = "SELECT l.name, l.type, l.wr, l.strict, coalesce(s.sql, '')
               FROM pragma_table_list AS l JOIN main.sqlite_schema AS s ON s.name = l.name
               WHERE l.schema = 'main' AND l.name = ?1 COLLATE NOCASE
                 AND s.type IN ('table', 'view')";
    let found = connection
        .query_row(sql, [wanted], |row| {
            let kind = match row.get::<_, String>(1)?.as_str() {
                "view" => TableKind::View,
                "table" => TableKind::Ordinary,
                _ => TableKind::Virtual,
            };
            Ok((
                row.get::<_, String>(0)?,
                kind,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })
        .optional()
        .map_err(at(sql))?;
    let Some((name, kind, without_rowid, strict, sql)) = found else {
        return Err(DbError::NoTable {
            table: wanted.to_owned(),
        });
    };
    Ok(Table {
        kind,
        without_rowid,
        strict,
        columns: columns(connection, &name, kind)?,
        indexes: indexes(connection, &name)?,
        foreign_keys: foreign_keys(connection, &name)?,
        referenced_by: referenced_by(connection, &name)?,
        triggers: mentioning(connection, "trigger", &name)?,
        views: mentioning(connection, "view", &name)?,
        sql,
        name,
    })
}

fn columns(connection: &Connection, table: &str, kind: TableKind) -> Result<Vec<Column>, DbError> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, pk, hidden
               FROM pragma_table_xinfo(?1) ORDER BY cid";
    let mut columns = all(connection, sql, &[table], |row| {
        Ok(Column {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            primary_key: row.get(4)?,
            generated: row.get::<_, i64>(5)? != 0,
            collation: "BINARY".to_owned(),
        })
    })?;
    if kind == TableKind::Ordinary {
        for column in &mut columns {
            column.collation = collation(connection, table, &column.name)?;
        }
    }
    Ok(columns)
}

fn collation(connection: &Connection, table: &str, column: &str) -> Result<String, DbError> {
    let odd = || DbError::NoColumn {
        table: table.to_owned(),
        column: column.to_owned(),
    };
    let c = |text: &str| CString::new(text).map_err(|_| odd());
    let (table_name, column_name) = (c(table)?, c(column)?);
    let found = connection
        .column_metadata(Some(c"main"), &table_name, &column_name)
        .map_err(at("reading a collation"))?;
    Ok(found.1.map_or_else(
        || "BINARY".to_owned(),
        |it| it.to_string_lossy().into_owned(),
    ))
}

fn indexes(connection: &Connection, table: &str) -> Result<Vec<Index>, DbError> {
    let sql = "SELECT l.name, l.\"unique\", l.origin, l.partial, s.sql
               FROM pragma_index_list(?1) AS l
               LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name
               ORDER BY l.name";
    let mut indexes = all(connection, sql, &[table], |row| {
        Ok(Index {
            name: row.get(0)?,
            unique: row.get(1)?,
            origin: match row.get::<_, String>(2)?.as_str() {
                "u" => IndexOrigin::Unique,
                "pk" => IndexOrigin::PrimaryKey,
                _ => IndexOrigin::Created,
            },
            partial: row.get(3)?,
            columns: Vec::new(),
            sql: row.get(4)?,
        })
    })?;
    // cid -2 is an expression, -1 the row id, which only a key column may not be.
    let keys = "SELECT name, \"desc\", coalesce(coll, 'BINARY')
                FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno";
    for index in &mut indexes {
        index.columns = all(connection, keys, &[&index.name], |row| {
            Ok(IndexColumn {
                name: row.get(0)?,
                descending: row.get(1)?,
                collation: row.get(2)?,
            })
        })?;
    }
    Ok(indexes)
}

fn foreign_keys(connection: &Connection, table: &str) -> Result<Vec<ForeignKey>, DbError> {
    let sql =
        "SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    all(connection, sql, &[table], |row| {
        Ok(ForeignKey {
            table: table.to_owned(),
            column: row.get(0)?,
            target: row.get(1)?,
            target_column: row.get(2)?,
        })
    })
}

fn referenced_by(connection: &Connection, table: &str) -> Result<Vec<ForeignKey>, DbError> {
    let sql = "SELECT s.name, k.\"from\", k.\"table\", k.\"to\"
               FROM main.sqlite_schema AS s, pragma_foreign_key_list(s.name) AS k
               WHERE s.type = 'table' AND k.\"table\" = ?1 COLLATE NOCASE
               ORDER BY s.name, k.id, k.seq";
    all(connection, sql, &[table], |row| {
        Ok(ForeignKey {
            table: row.get(0)?,
            column: row.get(1)?,
            target: row.get(2)?,
            target_column: row.get(3)?,
        })
    })
}

/// Triggers or views on the table, or that mention it anywhere. A view may be reached through
/// another view; that one is found because it mentions the first.
fn mentioning(connection: &Connection, kind: &str, table: &str) -> Result<Vec<Named>, DbError> {
    let sql = "SELECT name, coalesce(sql, ''), tbl_name FROM main.sqlite_schema
               WHERE type = ?1 ORDER BY name";
    let found = all(connection, sql, &[kind], |row| {
        Ok((
            Named {
                name: row.get(0)?,
                sql: row.get(1)?,
            },
            row.get::<_, String>(2)?,
        ))
    })?;
    let ours =
        |(it, on): &(Named, String)| on.eq_ignore_ascii_case(table) || mentions(&it.sql, table);
    Ok(found.into_iter().filter(ours).map(|(it, _)| it).collect())
}
