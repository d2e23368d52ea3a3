//! Looking at all rows after a backfill.

use std::cell::Cell;

use postgres::Client;
use switchback_migration::backfill::verification::{
    ColumnNulls, Constraint, OfDefinition, RangeSums, Sample, SampleValue, Verification,
};
use switchback_migration::backfill::{Job, JobStatus};

use super::batch::refuses;
use super::close::{differing, unhurried};
use super::control::{self, JobRow};
use super::error::BackfillError;
use super::hands::statements;
use super::rerun::layers;
use super::statement::{Statements, by_place};
use super::table::range::Range;
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
            let under = layers(client, row.id)?;
            let garbled = Cell::new(None);
            let found = reading(client, &options, path, |client| {
                unhurried(client, &options)?;
                let made = statements(client, path, version, job, Some(&row.key))?;
                let mut defined = Vec::new();
                for layer in &under {
                    let older = Job {
                        text: layer.definition.clone(),
                        ..job.clone()
                    };
                    let older = statements(client, path, version, &older, Some(&row.key))?;
                    let holds = layer.holds(client, row.id, &older);
                    let holds = holds.map_err(|error| kept_apart(error, &garbled))?;
                    defined.push(Defined {
                        version: layer.version.clone(),
                        statements: older,
                        holds,
                    });
                }
                look(client, desk, &row, &made, &defined, samples, seed)
            });
            match garbled.take() {
                Some(error) => Err(error),
                None => Ok(found?),
            }
        })?;
        Ok(found)
    }
}

/// A definition that some rows were done with.
struct Defined {
    version: String,
    statements: Statements,
    /// That a row is among them, unless a newer one has it.
    holds: String,
}

/// What is no error of the server is told once the transaction has ended.
fn kept_apart(error: BackfillError, garbled: &Cell<Option<BackfillError>>) -> ChangeError {
    match error {
        BackfillError::Database(error) => error,
        other => {
            let question = other.to_string();
            garbled.set(Some(other));
            ChangeError::Unexpected { question }
        }
    }
}

/// What became of the rows of each definition, and how many of all of them a program passed over.
fn of_definitions(
    client: &mut Client,
    desk: &Desk,
    row: &JobRow,
    defined: &[Defined],
    failed: &[String],
) -> Result<(Vec<OfDefinition>, u64), ChangeError> {
    let Some(newest) = defined.first() else {
        return Ok((Vec::new(), 0));
    };
    let places = by_place(row.strategy);
    let next = || desk.next("counting rows that differ", None);
    let mut found: Vec<OfDefinition> = Vec::new();
    let mut skipped = 0;
    let mut above: Vec<&str> = Vec::new();
    for it in defined {
        let above_it = match above.as_slice() {
            [] => "false".to_owned(),
            some => some.join(" OR "),
        };
        let among = format!("CASE WHEN {above_it} THEN false ELSE {} END", it.holds);
        above.push(&it.holds);
        let mut count = |statements: &Statements, sql: &dyn Fn(&Range) -> String| {
            differing(client, &next, statements, sql, places)
        };
        let own = &it.statements;
        let rows = count(own, &|range| own.table.count(range, &among))?;
        let differ = count(own, &|range| own.count(range, Some(&among), failed))?;
        if let Some(asking) = &own.program {
            let sql = |range: &Range| own.count_skipped(asking, range, Some(&among), failed);
            skipped += count(own, &sql)?;
        }
        let differ_from_newest = if it.version == newest.version {
            Some(differ)
        } else if newest.statements.program.is_some() {
            // What a program would say of a row is not known without running it.
            None
        } else {
            // It was never tried on these rows: one of them may refuse it.
            let mark = "SAVEPOINT _sb_newest";
            client.batch_execute(mark).map_err(at(mark))?;
            let now = &newest.statements;
            let sql = |range: &Range| now.count(range, Some(&among), failed);
            match differing(client, &next, now, &sql, places) {
                Ok(count) => Some(count),
                Err(error) if refuses(&error) || matches!(error, ChangeError::Unfit { .. }) => {
                    let back = "ROLLBACK TO SAVEPOINT _sb_newest";
                    client.batch_execute(back).map_err(at(back))?;
                    None
                }
                Err(error) => return Err(error),
            }
        };
        match found.iter_mut().find(|other| other.version == it.version) {
            Some(other) => {
                other.rows += rows;
                other.differ += differ;
                other.differ_from_newest = other
                    .differ_from_newest
                    .zip(differ_from_newest)
                    .map(|(one, more)| one + more);
            }
            None => found.push(OfDefinition {
                version: it.version.clone(),
                rows,
                differ,
                differ_from_newest,
            }),
        }
    }
    Ok((found, skipped))
}

fn look(
    client: &mut Client,
    desk: &Desk,
    row: &JobRow,
    statements: &Statements,
    defined: &[Defined],
    samples: u32,
    seed: u32,
) -> Result<Verification, ChangeError> {
    let failed = all_failed(client, row.id)?;
    // After an undo nothing is as it should be, and need not be.
    let (differ, skipped, definitions) = if row.status == JobStatus::Undone {
        (0, 0, Vec::new())
    } else if defined.is_empty() {
        let mut count = |sql: &dyn Fn(&Range) -> String| {
            let next = || desk.next("counting rows that differ", None);
            differing(client, &next, statements, sql, by_place(row.strategy))
        };
        let differ = count(&|range| statements.count(range, None, &failed))?;
        let skipped = match &statements.program {
            Some(asking) => count(&|range| statements.count_skipped(asking, range, None, &failed))?,
            None => 0,
        };
        (differ, skipped, Vec::new())
    } else {
        let (found, skipped) = of_definitions(client, desk, row, defined, &failed)?;
        (found.iter().map(|it| it.differ).sum(), skipped, found)
    };
    // Of rows that have what another definition gives nobody can say what they should have.
    let newest = defined.first().map(|it| it.version.as_str());
    let newest = defined
        .iter()
        .filter(|it| Some(it.version.as_str()) == newest);
    let newest: Vec<&str> = newest.map(|it| it.holds.as_str()).collect();
    let among = match newest.as_slice() {
        [] => "true".to_owned(),
        some => some.join(" OR "),
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
        skipped,
        columns,
        ranges: ranges(client, desk, row, statements)?,
        samples: picked(
            client,
            desk,
            statements,
            (&failed, &among),
            count(0)?,
            samples,
            seed,
        )?,
        not_validated: constraints(client, desk, statements)?,
        definitions,
    })
}

/// Every row that is known to refuse it.
fn all_failed(client: &mut Client, id: i64) -> Result<Vec<String>, ChangeError> {
    let sql = "SELECT key FROM _switchback.backfill_failure WHERE backfill = $1";
    let rows = client.query(sql, &[&id]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
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
    (failed, among): (&[String], &str),
    rows: u64,
    samples: u32,
    seed: u32,
) -> Result<Vec<Sample>, ChangeError> {
    // What a program would say of a row is not known without running it.
    if samples == 0 || rows == 0 || statements.program.is_some() {
        return Ok(Vec::new());
    }
    // More than are wanted, as the share is only about right.
    let share = (f64::from(samples) * 400.0 / rows as f64).clamp(0.000_001, 100.0);
    let sql = statements.samples(failed, among, share, seed, samples, SHOWN);
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
