//! Looking at all rows after a backfill.

use postgres::Client;
use switchback_migration::backfill::verification::{
    ColumnNulls, Constraint, RangeSums, Sample, SampleValue, Verification,
};
use switchback_migration::backfill::{Job, JobStatus};

use super::close::{differing, failed_keys, unhurried};
use super::control::{self, JobRow};
use super::error::BackfillError;
use super::hands::statements;
use super::statement::{Statements, by_place};
use crate::postgres::PostgresDatabase;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::link::reading;
use crate::postgres::change::persist::Desk;

/// How much of a value a sample shows, in characters.
const SHOWN: u32 = 60;

impl PostgresDatabase {
    /// Looks at all rows of a job, at one moment: whether each has what it should, and what became
    /// of those that were changed. `samples` rows are picked by `seed`.
    ///
    /// # Errors
    /// [`BackfillError::Unknown`], [`BackfillError::OtherVersion`], or if the database cannot be
    /// read.
    pub fn verify_backfill(
        &mut self,
        job: &Job,
        samples: u32,
        seed: u32,
    ) -> Result<Verification, BackfillError> {
        self.again()?;
        let (version, options) = (self.version(), self.options().clone());
        let (found, _) = self.backfill(&mut (), |client, desk, path| {
            desk.next("reading where the backfill stands", None)?;
            let unknown = || BackfillError::Unknown {
                job: job.id.to_string(),
            };
            if !control::exists(client)? {
                return Err(unknown());
            }
            let row = control::job(client, job.id.as_str(), false)?.ok_or_else(unknown)?;
            let given = job.version().to_string();
            if row.version != given {
                return Err(BackfillError::OtherVersion {
                    job: job.id.to_string(),
                    stored: row.version,
                    given,
                });
            }
            Ok(reading(client, &options, path, |client| {
                unhurried(client, &options)?;
                let made = statements(client, path, version, job, Some(&row.key))?;
                look(client, desk, &row, &made, samples, seed)
            })?)
        })?;
        Ok(found)
    }
}

fn look(
    client: &mut Client,
    desk: &Desk,
    row: &JobRow,
    statements: &Statements,
    samples: u32,
    seed: u32,
) -> Result<Verification, ChangeError> {
    let failed = failed_keys(client, row.id, row.sweep)?;
    let differ = statements.differ_but(&failed);
    // After an undo nothing is as it should be, and need not be.
    let differ = if row.status == JobStatus::Undone {
        0
    } else {
        differing(client, desk, statements, &differ, by_place(row.strategy))?
    };
    let nulls = statements.table.columns.iter().map(|it| it.sql.as_str());
    let counted: Vec<_> = nulls
        .map(|column| format!("count(*) FILTER (WHERE {column} IS NULL)"))
        .collect();
    let sql = format!(
        "SELECT count(*), {} FROM {}",
        counted.join(", "),
        statements.table.full
    );
    desk.next(&sql, None)?;
    let counts = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let count = |place: usize| -> Result<u64, ChangeError> {
        let found: i64 = counts.try_get(place).map_err(at(&sql))?;
        Ok(found.unsigned_abs())
    };
    let columns = (1..).zip(&statements.table.columns).map(|(place, it)| {
        Ok(ColumnNulls {
            column: it.name.clone(),
            nulls: count(place)?,
        })
    });
    let columns = columns.collect::<Result<_, ChangeError>>()?;
    Ok(Verification {
        rows: count(0)?,
        differ,
        failed: failed.len() as u64,
        columns,
        ranges: ranges(client, desk, row, statements)?,
        samples: picked(client, desk, statements, &failed, count(0)?, samples, seed)?,
        not_validated: constraints(client, desk, statements)?,
    })
}

fn ranges(
    client: &mut Client,
    desk: &Desk,
    row: &JobRow,
    statements: &Statements,
) -> Result<Vec<RangeSums>, ChangeError> {
    let sql = "SELECT sweep, number, changed, checksum_before::text, checksum_after::text
               FROM _switchback.backfill_range WHERE backfill = $1 AND changed > 0
               ORDER BY sweep, number";
    let rows = client.query(sql, &[&row.id]).map_err(at(sql))?;
    let read = |row: &postgres::Row| -> Result<RangeSums, postgres::Error> {
        Ok(RangeSums {
            sweep: row.try_get::<_, i32>(0)?.unsigned_abs(),
            number: row.try_get::<_, i32>(1)?.unsigned_abs(),
            changed: row.try_get::<_, i64>(2)?.unsigned_abs(),
            before: row.try_get(3)?,
            after: row.try_get(4)?,
            still: None,
        })
    };
    let mut found: Vec<RangeSums> = rows
        .iter()
        .map(|row| read(row).map_err(at(sql)))
        .collect::<Result<_, _>>()?;
    if statements.key("").is_none() {
        return Ok(found);
    }
    for range in &mut found {
        let sql = statements.still(row.id, range.sweep, range.number);
        desk.next(&sql, None)?;
        let counted = client.query_one(&sql, &[]).map_err(at(&sql))?;
        let kept: i64 = counted.try_get(0).map_err(at(&sql))?;
        let still: i64 = counted.try_get(1).map_err(at(&sql))?;
        range.still = (kept > 0).then_some(still.unsigned_abs());
    }
    Ok(found)
}

fn picked(
    client: &mut Client,
    desk: &Desk,
    statements: &Statements,
    failed: &[String],
    rows: u64,
    samples: u32,
    seed: u32,
) -> Result<Vec<Sample>, ChangeError> {
    if samples == 0 || rows == 0 {
        return Ok(Vec::new());
    }
    // More than are wanted, as the share is only about right.
    let share = (f64::from(samples) * 400.0 / rows as f64).clamp(0.000_001, 100.0);
    let sql = statements.samples(failed, share, seed, samples, SHOWN);
    desk.next(&sql, None)?;
    let found = client.query(&sql, &[]).map_err(at(&sql))?;
    let read = |row: &postgres::Row| -> Result<Sample, postgres::Error> {
        let values = statements.table.columns.iter().enumerate();
        let values = values.map(|(n, it)| {
            Ok(SampleValue {
                column: it.name.clone(),
                has: row.try_get(1 + 2 * n)?,
                wanted: row.try_get(2 + 2 * n)?,
            })
        });
        Ok(Sample {
            key: row.try_get(0)?,
            values: values.collect::<Result<_, postgres::Error>>()?,
        })
    };
    found
        .iter()
        .map(|row| read(row).map_err(at(&sql)))
        .collect()
}

fn constraints(
    client: &mut Client,
    desk: &Desk,
    statements: &Statements,
) -> Result<Vec<Constraint>, ChangeError> {
    let sql = "
        SELECT c.conname::text, pg_get_constraintdef(c.oid),
            CASE WHEN c.contype = 'c' THEN pg_get_expr(c.conbin, c.conrelid) END
        FROM pg_constraint c WHERE c.conrelid = $1::text::regclass AND NOT c.convalidated
            AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.conrelid
                AND a.attnum = ANY (c.conkey) AND a.attname = ANY ($2::text[]))
        ORDER BY 1";
    let table = &statements.table;
    let columns: Vec<&String> = table.columns.iter().map(|it| &it.name).collect();
    let rows = client
        .query(sql, &[&table.full, &columns])
        .map_err(at(sql))?;
    let mut found = Vec::new();
    for row in &rows {
        let checked: Option<String> = row.try_get(2).map_err(at(sql))?;
        let broken = match checked {
            None => None,
            Some(rule) => {
                let sql = format!("SELECT count(*) FROM {} WHERE NOT ({rule})", table.full);
                desk.next(&sql, None)?;
                let count = client.query_one(&sql, &[]).map_err(at(&sql))?;
                Some(count.try_get::<_, i64>(0).map_err(at(&sql))?.unsigned_abs())
            }
        };
        found.push(Constraint {
            name: row.try_get(0).map_err(at(sql))?,
            definition: row.try_get(1).map_err(at(sql))?,
            broken,
        });
    }
    Ok(found)
}
