//! What some rows look like: how many would be changed, and by how much they grow.

use std::time::Duration;

use postgres::Client;
use switchback_migration::backfill::TableFacts;
use switchback_migration::backfill::facts::Sample;

use super::super::statement::Statements;
use super::super::table::{Table, Wanted};
use super::run;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// Pages that are looked at, about.
const PAGES: f64 = 100.0;

/// Rows that are looked at, at most.
const ROWS: u32 = 5000;

/// For how long.
const LIMIT: Duration = Duration::from_secs(2);

/// Looks at some rows and puts what they show into `facts`. That it cannot be done is no error, but
/// that a query gives one of them twice is.
pub(super) fn take(
    client: &mut Client,
    statements: &Statements,
    fill: &Wanted,
    facts: &mut TableFacts,
) -> Result<(), ChangeError> {
    let table = &statements.table;
    let pages: u64 = table.leaves.iter().map(|it| it.pages).sum();
    if pages == 0 {
        return Ok(());
    }
    let varying = varying(client, table)?;
    let begin = format!(
        "SAVEPOINT switchback_sample; SET LOCAL statement_timeout = {}",
        LIMIT.as_millis()
    );
    run(client, &begin)?;
    let percent = (PAGES / pages as f64 * 100.0).clamp(0.0001, 100.0);
    let taken = ask(client, statements, fill, &varying, percent);
    run(
        client,
        "ROLLBACK TO switchback_sample; RELEASE switchback_sample",
    )?;
    match taken {
        Ok(sample) => {
            let whole = percent >= 100.0 && sample.rows < u64::from(ROWS);
            if whole && facts.rows.is_none() {
                facts.rows = Some(sample.rows);
            }
            facts.sample = (sample.rows > 0).then_some(sample);
            Ok(())
        }
        // Too slow, or a function that writes: nothing is known, and nothing is wrong.
        Err(error) if matches!(error.code(), Some("57014")) => Ok(()),
        Err(ChangeError::ReadOnly) => Ok(()),
        Err(ChangeError::Sql { source, .. }) => {
            facts.sample_failed = Some(source.message);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn ask(
    client: &mut Client,
    statements: &Statements,
    fill: &Wanted,
    varying: &[bool],
    percent: f64,
) -> Result<Sample, ChangeError> {
    // What is short gets a header of one byte instead of four once it is stored.
    let stored = |at: usize, size: &str| match varying.get(at) {
        Some(true) => format!("CASE WHEN {size} BETWEEN 4 AND 130 THEN {size} - 3 ELSE {size} END"),
        _ => size.to_owned(),
    };
    let sql = match &statements.asked {
        Some(asked) => statements.look_asked(asked, percent, ROWS, stored),
        None => over_rows(&statements.table, fill, percent, stored),
    };
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    statements.given_once(&row, 4, &sql)?;
    let get = at(&sql);
    let whole = |column| {
        let value: i64 = row.try_get(column).map_err(&get)?;
        Ok::<u64, ChangeError>(value.unsigned_abs())
    };
    Ok(Sample {
        rows: whole(0)?,
        apart: whole(1)?,
        before: row.try_get(2).map_err(&get)?,
        after: row.try_get(3).map_err(&get)?,
    })
}

fn over_rows(
    table: &Table,
    fill: &Wanted,
    percent: f64,
    stored: impl Fn(usize, &str) -> String,
) -> String {
    // An expression need not work on rows that do not get it.
    let mine = |value: String| match &fill.only {
        Some(only) => format!("CASE WHEN ({only}) THEN {value} END"),
        None => value,
    };
    let (mut looks, mut before, mut after) = (String::new(), Vec::new(), Vec::new());
    for (at, column) in table.columns.iter().enumerate() {
        let wanted = mine(format!("CAST(({}) AS {})", column.value, column.plain));
        looks.push_str(&format!(
            ", coalesce(pg_column_size({}), 0) AS b{at}, \
             coalesce(pg_column_size({wanted}), 0) AS a{at}",
            column.sql
        ));
        before.push(format!("b{at}"));
        after.push(stored(at, &format!("a{at}")));
    }
    let apart = mine(format!("({})", table.differ(None)));
    format!(
        "SELECT count(*), count(*) FILTER (WHERE apart), \
         coalesce(avg({}) FILTER (WHERE apart), 0)::float8, \
         coalesce(avg({}) FILTER (WHERE apart), 0)::float8 \
         FROM (SELECT {apart} AS apart{looks} \
         FROM {} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1) LIMIT {ROWS}) AS rows",
        before.join(" + "),
        after.join(" + "),
        table.full
    )
}

/// Of each column whether its values differ in length.
fn varying(client: &mut Client, table: &Table) -> Result<Vec<bool>, ChangeError> {
    let types: Vec<&str> = table.columns.iter().map(|it| it.plain.as_str()).collect();
    let sql = "SELECT coalesce(t.typlen < 0, false) FROM unnest($1::text[]) WITH ORDINALITY AS it (name, place)
        LEFT JOIN pg_type t ON t.oid = to_regtype(it.name) ORDER BY it.place";
    let rows = client.query(sql, &[&types]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}
