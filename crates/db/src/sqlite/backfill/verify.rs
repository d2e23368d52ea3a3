//! Looking at all rows after a backfill.

use std::collections::BTreeMap;

use rusqlite::{Connection, params, params_from_iter};
use switchback_migration::backfill::verification::{
    ColumnNulls, RangeSums, Sample, SampleValue, Verification,
};
use switchback_migration::backfill::{Job, JobStatus};

use super::codec::{Exact, Key, Segment, Written, row_sum, shown, unpacked};
use super::control::Kind;
use super::error::BackfillError;
use super::query::{Answer, Asked, Rows};
use super::walk::{Start, Walk};
use super::{Backfills, control, rerun};
use crate::sqlite::error::at;

/// How much of a value a sample shows, in characters.
const SHOWN: usize = 60;

/// How many rows a query is asked of at once, and what they may take of memory, in bytes.
pub(super) const STRETCH: u32 = 5_000;
pub(super) const MOST_BYTES: usize = 16 << 20;

/// What was seen of all rows.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) rows: u64,
    pub(super) differ: u64,
    pub(super) failed: u64,
    /// Rows that a program passed over and that have not changed since.
    pub(super) skipped: u64,
    pub(super) nulls: Vec<u64>,
    /// The rows with the smallest numbers so far, which their keys and the seed give.
    pub(super) picked: BTreeMap<u64, Key>,
}

impl Backfills {
    /// Looks at all rows of a job, at one moment: whether each has what it should, and what became
    /// of those that were changed. `samples` rows are picked by `seed`.
    ///
    /// # Errors
    /// [`BackfillError::NoJob`], [`BackfillError::OtherDefinition`], or if the database cannot be
    /// read.
    pub fn verify(
        &self,
        job: &Job,
        samples: u32,
        seed: u32,
    ) -> Result<Verification, BackfillError> {
        let id = job.id.as_str();
        let standing = self
            .standing(id)?
            .ok_or_else(|| BackfillError::NoJob { job: id.to_owned() })?;
        let given = job.version().to_string();
        if standing.version != given {
            return Err(BackfillError::OtherDefinition {
                job: id.to_owned(),
                stored: standing.version,
                given,
            });
        }
        let walk = Walk::of(&self.connection, &job.text)?;
        // Everything is read at one moment.
        let transaction = self
            .connection
            .unchecked_transaction()
            .map_err(at("BEGIN"))?;
        let layers = rerun::layers(&transaction, id)?;
        let mut definitions = Vec::new();
        let mut seen = if layers.is_empty() {
            let mut seen = look(&transaction, &walk, samples, seed)?;
            // Of these it is known why they have something else.
            let passed_over = passed_over(&transaction, &walk, id)?;
            seen.failed += passed_over;
            seen.differ -= passed_over.min(seen.differ);
            if job.text.program.is_some() {
                seen.skipped = super::program::still_skipped(&transaction, &walk, id, None)?;
                seen.differ -= seen.skipped.min(seen.differ);
            }
            seen
        } else {
            let (seen, found) = rerun::look(&transaction, &walk, id, &layers, samples, seed)?;
            definitions = found;
            seen
        };
        if job.text.program.is_some() {
            // What a program would say of a row is not known without running it.
            seen.picked.clear();
        }
        let mut ranges = Vec::new();
        let still = still(&transaction, &walk, id)?;
        for range in self.ranges(id)? {
            if range.counts.changed == 0 {
                continue;
            }
            ranges.push(RangeSums {
                sweep: range.sweep,
                number: u32::try_from(range.number).unwrap_or(u32::MAX),
                changed: range.counts.changed,
                before: range.before.to_string(),
                after: range.after.to_string(),
                still: still.get(&(range.sweep, range.number)).copied(),
            });
        }
        let picked = seen.picked.values();
        let samples = picked.map(|key| sample(&transaction, &walk, job, key));
        // After an undo nothing is as it should be, and need not be.
        let is_undone = standing.status == JobStatus::Undone;
        Ok(Verification {
            rows: seen.rows,
            differ: if is_undone { 0 } else { seen.differ },
            failed: if is_undone { 0 } else { seen.failed },
            skipped: if is_undone { 0 } else { seen.skipped },
            columns: walk
                .columns
                .iter()
                .zip(&seen.nulls)
                .map(|(column, nulls)| ColumnNulls {
                    column: column.clone(),
                    nulls: *nulls,
                })
                .collect(),
            ranges,
            samples: samples.collect::<Result<_, _>>()?,
            // SQLite checks what a table says of every row that is written.
            not_validated: Vec::new(),
            definitions: if is_undone { Vec::new() } else { definitions },
        })
    }
}

fn look(
    connection: &Connection,
    walk: &Walk,
    samples: u32,
    seed: u32,
) -> Result<Seen, BackfillError> {
    let width = walk.keyed.parts.len();
    let fresh = || Seen {
        nulls: vec![0; walk.columns.len()],
        ..Seen::default()
    };
    let mut seen = fresh();
    if let Some(asked) = &walk.asked {
        look_asked(connection, walk, asked, samples, seed, &mut seen)?;
        return Ok(seen);
    }
    match all(
        connection,
        walk,
        &walk.select,
        width,
        samples,
        seed,
        &mut seen,
    ) {
        Ok(()) => return Ok(seen),
        Err(error) if error.is_of_a_row() => {}
        Err(error) => return Err(error),
    }
    // Some row refuses to be looked at: each is looked at by itself.
    seen = fresh();
    let keys = format!("SELECT {} FROM {}", walk.keyed.list(), walk.keyed.t);
    let mut statement = connection.prepare(&keys).map_err(at(&keys))?;
    let mut rows = statement.query([]).map_err(at(&keys))?;
    let one = format!("{} WHERE {}", walk.select, walk.keyed.is(1));
    while let Some(row) = rows.next().map_err(at(&keys))? {
        let key = walk.keyed.read(row).map_err(at(&keys))?;
        let mut statement = connection.prepare_cached(&one).map_err(at(&one))?;
        let mut found = statement
            .query(params_from_iter(key.iter()))
            .map_err(at(&one))?;
        match found.next() {
            Ok(Some(row)) => {
                take(row, walk, width, samples, seed, &mut seen).map_err(at(&one))?;
            }
            Ok(None) => {}
            Err(error) => {
                let error = BackfillError::from(at(&one)(error));
                if !error.is_of_a_row() {
                    return Err(error);
                }
                seen.rows += 1;
                seen.failed += 1;
            }
        }
    }
    Ok(seen)
}

/// The same with what a query gives, in stretches that are asked together.
fn look_asked(
    connection: &Connection,
    walk: &Walk,
    asked: &Asked,
    samples: u32,
    seed: u32,
    seen: &mut Seen,
) -> Result<(), BackfillError> {
    let Some(high) = walk.keyed.highest(connection)? else {
        return Ok(());
    };
    let width = walk.keyed.parts.len();
    let mut place: Option<Key> = None;
    while place.as_ref() != Some(&high) {
        let start = Start::of(place.as_ref(), None);
        let next = walk.keyed.after(connection, &start, &high, STRETCH - 1)?;
        let end = next.unwrap_or_else(|| high.clone());
        let rows = walk.keyed.within(&start, &end, 1);
        let sql = format!("{} WHERE {}", walk.select, rows.0);
        let mut statement = connection.prepare_cached(&sql).map_err(at(&sql))?;
        let mut found = statement
            .query(params_from_iter(&rows.1))
            .map_err(at(&sql))?;
        let mut keys = Vec::new();
        while let Some(row) = found.next().map_err(at(&sql))? {
            take(row, walk, width, samples, seed, seen).map_err(at(&sql))?;
            keys.push(walk.keyed.read(row).map_err(at(&sql))?);
        }
        match differing(connection, walk, asked, &rows, MOST_BYTES)? {
            Some(differ) => seen.differ += differ,
            // Each is asked by itself where some refuse it, or are too much together.
            None => {
                for key in keys {
                    let one = (walk.keyed.is(1), key);
                    match differing(connection, walk, asked, &one, usize::MAX)? {
                        Some(differ) => seen.differ += differ,
                        None => {
                            seen.failed += 1;
                            seen.picked.retain(|_, it| *it != one.1);
                        }
                    }
                }
            }
        }
        place = Some(end);
    }
    Ok(())
}

/// How many of some rows differ; none where that cannot be asked of all of them.
pub(super) fn differing(
    connection: &Connection,
    walk: &Walk,
    asked: &Asked,
    rows: &Rows,
    most_bytes: usize,
) -> Result<Option<u64>, BackfillError> {
    match asked.ask(connection, walk, rows, most_bytes) {
        Ok(Answer::Rows(found)) => Ok(Some(found.iter().filter(|it| it.differs).count() as u64)),
        Ok(Answer::TooLarge) => Ok(None),
        Err(error) if error.is_of_a_row() => Ok(None),
        Err(error) => Err(error),
    }
}

fn all(
    connection: &Connection,
    walk: &Walk,
    sql: &str,
    width: usize,
    samples: u32,
    seed: u32,
    seen: &mut Seen,
) -> Result<(), BackfillError> {
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let mut rows = statement.query([]).map_err(at(sql))?;
    while let Some(row) = rows.next().map_err(at(sql))? {
        take(row, walk, width, samples, seed, seen).map_err(at(sql))?;
    }
    Ok(())
}

fn take(
    row: &rusqlite::Row<'_>,
    walk: &Walk,
    width: usize,
    samples: u32,
    seed: u32,
    seen: &mut Seen,
) -> rusqlite::Result<()> {
    seen.rows += 1;
    for (place, nulls) in seen.nulls.iter_mut().enumerate() {
        let null = matches!(row.get_ref(width + place)?, rusqlite::types::ValueRef::Null);
        *nulls += u64::from(null);
    }
    let wanted: bool = row.get(width + walk.columns.len())?;
    seen.differ += u64::from(wanted);
    if samples > 0 {
        seen.pick(walk.keyed.read(row)?, samples, seed);
    }
    Ok(())
}

impl Seen {
    /// Keeps a key if its number is one of the smallest.
    pub(super) fn pick(&mut self, key: Key, samples: u32, seed: u32) {
        let mut bytes = seed.to_be_bytes().to_vec();
        bytes.extend_from_slice(shown(&key).as_bytes());
        self.picked.insert(row_sum(&bytes), key);
        if self.picked.len() > samples as usize {
            self.picked.pop_last();
        }
    }
}

/// How many of the rows that were passed over can be computed and still have something else.
fn passed_over(connection: &Connection, walk: &Walk, id: &str) -> Result<u64, BackfillError> {
    let sql = "SELECT key FROM _switchback_backfill_error WHERE job = ?1 AND kind = ?2";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let failed = Kind::Failed.word();
    let mut rows = statement.query(params![id, failed]).map_err(at(sql))?;
    let width = walk.keyed.parts.len();
    let one = format!("{} WHERE {}", walk.select, walk.keyed.is(1));
    let mut count = 0;
    while let Some(row) = rows.next().map_err(at(sql))? {
        let key = unpacked(Exact::of(row.get_ref(0).map_err(at(sql))?), width)?;
        if let Some(asked) = &walk.asked {
            let one = (walk.keyed.is(1), key);
            let differ = differing(connection, walk, asked, &one, usize::MAX)?;
            count += differ.unwrap_or_default();
            continue;
        }
        let differs = control::first(connection, &one, params_from_iter(&key), |row| {
            row.get::<_, Option<bool>>(width + walk.columns.len())
        });
        match differs {
            Ok(found) => count += u64::from(found.flatten() == Some(true)),
            Err(error) if error.is_of_a_row() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// How many rows of each range still have what they got, by walk and number.
fn still(
    connection: &Connection,
    walk: &Walk,
    id: &str,
) -> Result<BTreeMap<(u32, i64), u64>, BackfillError> {
    let mut found = BTreeMap::new();
    let sql = "SELECT sweep, number, content FROM _switchback_backfill_undo WHERE job = ?1";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let mut rows = statement.query(params![id]).map_err(at(sql))?;
    let one = walk.select_one();
    let width = walk.keyed.parts.len();
    while let Some(row) = rows.next().map_err(at(sql))? {
        let (sweep, number): (u32, i64) =
            (row.get(0).map_err(at(sql))?, row.get(1).map_err(at(sql))?);
        let content: Vec<u8> = row.get(2).map_err(at(sql))?;
        let segment = Segment::of_bytes(&content)?;
        let places: Vec<Option<usize>> = segment
            .columns
            .iter()
            .map(|name| walk.columns.iter().position(|it| it == name))
            .collect();
        let count = found.entry((sweep, number)).or_insert(0);
        for former in &segment.rows {
            let mut statement = connection.prepare_cached(&one).map_err(at(&one))?;
            let mut now = statement
                .query(params_from_iter(former.key.iter()))
                .map_err(at(&one))?;
            let Some(now) = now.next().map_err(at(&one))? else {
                continue;
            };
            let mut same = true;
            for (place, column) in places.iter().zip(&former.columns) {
                let (Some(place), Some((_, written))) = (place, column) else {
                    continue;
                };
                let value = now.get_ref(width + place).map_err(at(&one))?;
                same &= Written::of(&Exact::of(value)) == *written;
            }
            *count += u64::from(same);
        }
    }
    Ok(found)
}

fn sample(
    connection: &Connection,
    walk: &Walk,
    job: &Job,
    key: &Key,
) -> Result<Sample, BackfillError> {
    let mut parts = Vec::new();
    let mut parameters = key.clone();
    let given = match &walk.asked {
        Some(asked) => match asked.ask(
            connection,
            walk,
            &(walk.keyed.is(1), key.clone()),
            usize::MAX,
        ) {
            Ok(Answer::Rows(mut found)) => found.pop().map(|it| it.wanted),
            Ok(Answer::TooLarge) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    for (place, (name, said)) in walk.columns.iter().zip(job.text.columns()).enumerate() {
        let has = switchback_migration::sqlite::text::name(name);
        parts.push(format!("quote({has})"));
        let value = given.as_ref().and_then(|it| it.get(place));
        parts.push(match (job.text.set.get(said), value) {
            (Some(value), _) => format!("quote(({value}\n))"),
            (None, Some(value)) => {
                parameters.push(value.clone());
                format!("quote(?{})", parameters.len())
            }
            // A row that a query does not give should have what it has.
            (None, None) => format!("quote({has})"),
        });
    }
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        parts.join(", "),
        walk.keyed.t,
        walk.keyed.is(1)
    );
    let values = connection
        .query_row(&sql, params_from_iter(parameters.iter()), |row| {
            let mut values = Vec::new();
            for (place, column) in walk.columns.iter().enumerate() {
                values.push(SampleValue {
                    column: column.clone(),
                    has: cut(row.get(2 * place)?),
                    wanted: cut(row.get(2 * place + 1)?),
                });
            }
            Ok(values)
        })
        .map_err(at(&sql))?;
    Ok(Sample {
        key: shown(key),
        values,
    })
}

/// A value as SQLite quotes it, cut where it is long.
fn cut(quoted: String) -> Option<String> {
    if quoted == "NULL" {
        return None;
    }
    let mut text: String = quoted.chars().take(SHOWN).collect();
    if text.len() < quoted.len() {
        text.push('…');
    }
    Some(text)
}
