//! Asks the server which constraints rows would break, before they are inserted.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::catalog::Given;
use super::plan::Plan;
use super::row::Row;
use super::session::{Connection, ident, number, quote, rows, truth};
use super::value::Value;

/// Columns of the query that no table has.
const PLACE: &str = "\"switchback place\"";
const LEAF: &str = "\"switchback leaf\"";

/// For each row the constraints that it breaks, as places in [`Plan::checks`]. The constraint of
/// a partition is the last.
pub(super) fn broken(
    client: &mut Connection<'_>,
    plan: &Plan<'_>,
    made: &[Row],
) -> Result<Vec<Vec<usize>>, postgres::Error> {
    let checks = &plan.table.checks;
    let leaves: BTreeSet<usize> = made.iter().map(|row| row.leaf).collect();
    let bounds: Vec<(usize, &str)> = leaves
        .iter()
        .filter_map(|leaf| {
            let bound = plan.checks(*leaf).nth(checks.len())?;
            Some((*leaf, bound.sql.as_str()))
        })
        .collect();
    let mut found = vec![Vec::new(); made.len()];
    if checks.is_empty() && bounds.is_empty() {
        return Ok(found);
    }
    let mut sql = format!("SELECT {PLACE}");
    for check in checks {
        let _ = write!(sql, ", ({}) IS NOT FALSE", check.sql);
    }
    if !bounds.is_empty() {
        let _ = write!(sql, ", CASE {LEAF}");
        for (leaf, bound) in &bounds {
            let _ = write!(sql, " WHEN {leaf} THEN ({bound})");
        }
        sql.push_str(" ELSE true END IS TRUE");
    }
    sql.push_str(" FROM (SELECT *");
    let columns = &plan.table.columns;
    for column in columns {
        if let Given::Computed(expression) = &column.given {
            let _ = write!(
                sql,
                ", CAST(({expression}) AS {}) AS {}",
                column.written,
                ident(&column.name)
            );
        }
    }
    sql.push_str(" FROM (VALUES ");
    let plain = |column: &usize| !matches!(columns[*column].given, Given::Computed(_));
    let plain: Vec<usize> = (0..columns.len()).filter(plain).collect();
    for (place, row) in made.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}({place}, {}", row.leaf);
        for column in &plain {
            let text = row.values[*column].text(&columns[*column].kind);
            let literal = text.map_or_else(|| "NULL".to_owned(), |text| quote(&text));
            if place == 0 {
                // The first row says what the types are.
                let _ = write!(sql, ", CAST({literal} AS {})", columns[*column].written);
            } else {
                let _ = write!(sql, ", {literal}");
            }
        }
        sql.push(')');
    }
    let _ = write!(sql, ") AS v ({PLACE}, {LEAF}");
    for column in &plain {
        let _ = write!(sql, ", {}", ident(&columns[*column].name));
    }
    sql.push_str(")) AS v");
    for row in rows(client, &sql)? {
        let place: usize = number(&row, 0);
        let count = row.len() - 1;
        if let Some(list) = found.get_mut(place) {
            list.extend((0..count).filter(|check| !truth(&row, check + 1)));
        }
    }
    Ok(found)
}

/// Writes `INSERT` for the rows, without what is to happen where one conflicts.
pub(super) fn insert(plan: &Plan<'_>, made: &[Row], sql: &mut String) {
    let columns = &plan.table.columns;
    let given = |column: &usize| plan.columns[*column].given;
    let mut list: Vec<usize> = (0..columns.len()).filter(given).collect();
    let target = plan.table.listed.sql();
    if list.is_empty() {
        // Nothing to say: the server fills in everything that there is.
        list = (0..columns.len()).collect();
        if list.is_empty() {
            let _ = write!(
                sql,
                "INSERT INTO {target} SELECT FROM generate_series(1, {})",
                made.len()
            );
            return;
        }
    }
    let _ = write!(sql, "INSERT INTO {target} (");
    for (place, column) in list.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}{}", ident(&columns[*column].name));
    }
    sql.push(')');
    if plan.overriding {
        sql.push_str(" OVERRIDING SYSTEM VALUE");
    }
    sql.push_str(" VALUES ");
    for (place, row) in made.iter().enumerate() {
        sql.push_str(if place == 0 { "(" } else { ", (" });
        for (place, column) in list.iter().enumerate() {
            if place > 0 {
                sql.push_str(", ");
            }
            match &row.values[*column] {
                Value::Null => sql.push_str("NULL"),
                Value::Default => sql.push_str("DEFAULT"),
                value => {
                    let text = value.text(&columns[*column].kind).unwrap_or_default();
                    sql.push_str(&quote(&text));
                }
            }
        }
        sql.push(')');
    }
}

/// Writes a row in the text form of `COPY`.
pub(super) fn copy_line(plan: &Plan<'_>, row: &Row, out: &mut String) {
    let mut first = true;
    for (column, value) in row.values.iter().enumerate() {
        if !plan.columns[column].given {
            continue;
        }
        if !first {
            out.push('\t');
        }
        first = false;
        match value.text(&plan.table.columns[column].kind) {
            None => out.push_str("\\N"),
            Some(text) => {
                for c in text.chars() {
                    match c {
                        '\\' => out.push_str("\\\\"),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        '\t' => out.push_str("\\t"),
                        other => out.push(other),
                    }
                }
            }
        }
    }
    out.push('\n');
}
