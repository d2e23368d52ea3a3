//! The meaning of a schema: one line of text for each thing in a file and each of its properties.
//!
//! Left out are SQLite's own tables, the tables in which virtual tables keep what they hold, and
//! Switchback's own.

use rusqlite::Connection;

use super::ddl;
use crate::history::{Kind, Line, Meaning};
use crate::sqlite::catalog::all;
use crate::sqlite::control::CONTROL_PREFIX;
use crate::sqlite::error::DbError;

/// A thing in the schema.
struct Thing {
    kind: String,
    name: String,
    table: String,
    sql: String,
    is_virtual: bool,
}

/// The meaning of the whole schema.
pub(super) fn meaning(connection: &Connection) -> Result<Meaning, DbError> {
    let sql = "SELECT s.type, s.name, s.tbl_name, coalesce(s.sql, ''), coalesce(l.type, '')
               FROM main.sqlite_schema AS s
               LEFT JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name
               WHERE s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND coalesce(l.type, '') <> 'shadow'";
    let things = all(connection, sql, &[], |row| {
        Ok(Thing {
            kind: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            sql: row.get(3)?,
            is_virtual: row.get::<_, String>(4)? == "virtual",
        })
    })?;
    let mut lines = Vec::new();
    for thing in &things {
        let ours =
            thing.name.starts_with(CONTROL_PREFIX) || thing.table.starts_with(CONTROL_PREFIX);
        match thing.kind.as_str() {
            _ if ours => {}
            "table" if !thing.is_virtual => table(connection, thing, &mut lines)?,
            "table" => lines.push(whole(Kind::Table, thing, "")),
            "view" => lines.push(whole(Kind::View, thing, "")),
            "index" => lines.push(whole(Kind::Index, thing, &thing.table)),
            _ => lines.push(whole(Kind::Trigger, thing, &thing.table)),
        }
    }
    for setting in ["user_version", "application_id"] {
        let sql = format!("SELECT {setting} FROM pragma_{setting}");
        let values = all(connection, &sql, &[], |row| row.get::<_, i64>(0))?;
        if let Some(value) = values.first().filter(|value| **value != 0) {
            lines.push(Line {
                kind: Kind::Setting,
                name: setting.to_owned(),
                of: String::new(),
                text: format!("pragma {setting} = {value}"),
            });
        }
    }
    Ok(Meaning::new(lines))
}

/// What is one line.
fn whole(kind: Kind, thing: &Thing, of: &str) -> Line {
    Line {
        kind,
        name: thing.name.clone(),
        of: of.to_owned(),
        text: ddl::statement(&thing.sql),
    }
}

fn table(connection: &Connection, thing: &Thing, lines: &mut Vec<Line>) -> Result<(), DbError> {
    let Thing { name, sql, .. } = thing;
    let said = ddl::table(sql);
    let columns = all(
        connection,
        "SELECT name FROM pragma_table_xinfo(?1) ORDER BY cid",
        &[name],
        |row| row.get::<_, String>(0),
    )?;
    let mut line = |kind: Kind, own: String, of: &str, text: String| {
        lines.push(Line {
            kind,
            name: own,
            of: of.to_owned(),
            text,
        });
    };
    let options = match said.options.as_str() {
        "" => String::new(),
        some => format!(" {some}"),
    };
    line(
        Kind::Table,
        name.clone(),
        "",
        format!("table {name}{options}"),
    );
    for (place, column) in columns.iter().enumerate() {
        let own = format!("{name}.{column}");
        let rest = match said.columns.get(place).map_or("", String::as_str) {
            "" => String::new(),
            some => format!(" {some}"),
        };
        let text = format!("column {own}{rest}");
        line(Kind::Column, own, name, text);
    }
    let order = format!("columns of {name}:\n{}", columns.join("\n"));
    line(Kind::ColumnOrder, name.clone(), name, order);
    for rule in said.constraints {
        let text = format!("constraint of {name}: {rule}");
        line(Kind::Constraint, format!("{name}.{rule}"), name, text);
    }
    Ok(())
}
