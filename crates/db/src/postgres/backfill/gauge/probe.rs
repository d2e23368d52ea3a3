//! How long a row of the table takes to be read by its key.

use std::time::{Duration, Instant};

use switchback_migration::backfill::throttle::{Reading, Signal};

use super::looker::{Link, Seen, timed_out};
use crate::postgres::session::name;

/// Rows that are read in turn, from places all over the table, so that they are not always in
/// memory.
const ROWS: usize = 16;
/// How many are read at a look, a moment apart.
const AT_A_LOOK: usize = 5;
const APART: Duration = Duration::from_millis(2);
/// How many are read to learn what is usual, and for how long at most.
const TO_BEGIN: usize = 15;
const BEGIN_WITHIN: Duration = Duration::from_millis(300);

/// The probe.
#[derive(Default)]
pub(super) struct Probe {
    /// Queries that read one row each; empty before they are known.
    queries: Vec<String>,
    next: usize,
    /// What is usual, in milliseconds: as measured at the beginning, or less where that was later
    /// seen to be slow.
    usual: Option<f64>,
}

impl Probe {
    /// Chooses rows and measures what is usual.
    pub(super) fn prepare(
        &mut self,
        link: &mut Link,
        key: &[String],
    ) -> Result<(), postgres::Error> {
        self.choose(link, key)?;
        let begun = Instant::now();
        let mut all = Vec::new();
        while all.len() < TO_BEGIN && begun.elapsed() < BEGIN_WITHIN {
            all.push(self.once(link)?);
        }
        // The first ones read what is not in memory yet, and others may have been interrupted.
        all.sort_unstable_by(f64::total_cmp);
        self.usual = all.get(all.len() / 2).copied();
        Ok(())
    }

    fn choose(&mut self, link: &mut Link, key: &[String]) -> Result<(), postgres::Error> {
        let Some((oid, table)) = link.table.clone() else {
            // It is missing in the table's own steps; the server can be felt all the same.
            self.queries = vec![fallback(0)];
            return Ok(());
        };
        self.queries.clear();
        if !key.is_empty() {
            match rows(link, oid, &table, key) {
                Ok(found) => self.queries = found,
                // No right to read the table, or it is a strange one.
                Err(error) if error.as_db_error().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        if self.queries.is_empty() {
            self.queries = vec![fallback(oid)];
        }
        Ok(())
    }

    /// Milliseconds that one row took, there and back. One that the server gave up took so long at
    /// least.
    fn once(&mut self, link: &mut Link) -> Result<f64, postgres::Error> {
        let query = self.queries.get(self.next % self.queries.len().max(1));
        self.next = self.next.wrapping_add(1);
        let Some(query) = query else { return Ok(0.0) };
        let begun = Instant::now();
        match link.client.simple_query(query) {
            Err(error) if !timed_out(&error) => Err(error),
            _ => Ok(begun.elapsed().as_secs_f64() * 1000.0),
        }
    }

    pub(super) fn look(
        &mut self,
        link: &mut Link,
        key: &[String],
        seen: &mut Seen,
    ) -> Result<(), postgres::Error> {
        if self.queries.is_empty() {
            self.choose(link, key)?;
        }
        let mut all = Vec::new();
        for at in 0..AT_A_LOOK {
            if at > 0 {
                // Not one burst, which would see one moment.
                std::thread::sleep(APART);
            }
            let took = match self.once(link) {
                Ok(took) => took,
                Err(error) => {
                    // The table may have changed.
                    self.queries.clear();
                    return Err(error);
                }
            };
            all.push(took);
            if took > 100.0 {
                break;
            }
        }
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let usual = self.usual.map_or(mean, |usual| usual.min(mean));
        self.usual = Some(usual);
        seen.readings.usual.insert(Signal::Probe, usual);
        seen.put(Signal::Probe, Reading::Value(mean));
        Ok(())
    }
}

/// Queries by key for rows from all over the table.
fn rows(
    link: &mut Link,
    oid: u32,
    table: &str,
    key: &[String],
) -> Result<Vec<String>, postgres::Error> {
    let pages: i64 = link
        .row(
            "SELECT (pg_catalog.pg_relation_size($1::oid) \
                 / pg_catalog.current_setting('block_size')::int8)",
            &[&oid],
        )?
        .try_get(0)?;
    // The first row that a page still has is mostly one of its first.
    let places: Vec<String> = (0..ROWS as i64)
        .map(|at| at * pages.max(1) / ROWS as i64)
        .flat_map(|page| [format!("({page},1)"), format!("({page},2)")])
        .collect();
    let conditions: Vec<String> = key
        .iter()
        .map(|column| {
            format!(
                "pg_catalog.format('{} = %L', {})",
                format_name(column),
                name(column)
            )
        })
        .collect();
    let text = conditions.join(" || ' AND ' || ");
    let by_place =
        format!("SELECT {text} FROM {table} WHERE ctid = ANY ($1::text[]::tid[]) LIMIT {ROWS}");
    let mut found = link.rows(&by_place, &[&places])?;
    if found.is_empty() {
        let columns: Vec<String> = key.iter().map(|it| name(it)).collect();
        let first = format!(
            "SELECT {text} FROM {table} ORDER BY {} LIMIT 1",
            columns.join(", ")
        );
        found = link.rows(&first, &[])?;
    }
    let query = |row: &postgres::Row| -> Result<String, postgres::Error> {
        let condition: String = row.try_get(0)?;
        Ok(format!(
            "SELECT 1 /* switchback probe */ FROM {table} WHERE {condition}"
        ))
    };
    found.iter().map(query).collect()
}

/// A column's name inside of a format in a literal.
fn format_name(column: &str) -> String {
    name(column).replace('%', "%%").replace('\'', "''")
}

/// A row of the catalog by its key.
fn fallback(oid: u32) -> String {
    format!("SELECT 1 /* switchback probe */ FROM pg_catalog.pg_class WHERE oid = {oid}")
}
