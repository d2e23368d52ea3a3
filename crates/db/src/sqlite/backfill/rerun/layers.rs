//! Which rows have what which definition gives.
//!
//! Where some rows were done again with another definition, the others keep what the older one gave.
//! So rows lie in layers: those that were done again last on top, then those that were before them,
//! and all rows at the bottom.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use switchback_migration::backfill::JobText;
use switchback_migration::backfill::verification::OfDefinition;

use super::{definition, spans};
use crate::sqlite::backfill::codec::{Exact, Key};
use crate::sqlite::backfill::control::{self, place};
use crate::sqlite::backfill::error::BackfillError;
use crate::sqlite::backfill::program::still_skipped;
use crate::sqlite::backfill::query::Asked;
use crate::sqlite::backfill::verify::{MOST_BYTES, STRETCH, Seen, differing};
use crate::sqlite::backfill::walk::{Keyed, Start, Walk};
use crate::sqlite::error::at;

/// A definition, and the rows that have what it gives unless they are in a layer above.
#[derive(Debug, Clone)]
pub(in crate::sqlite::backfill) struct Layer {
    version: String,
    definition: JobText,
    /// The walk whose ranges say which rows; none for all rows.
    sweep: Option<u32>,
}

/// The layers of a job, the newest first; the last one has all rows. None where one definition gave
/// all of them what they have.
pub(in crate::sqlite::backfill) fn layers(
    connection: &Connection,
    id: &str,
) -> Result<Vec<Layer>, BackfillError> {
    let sql = "SELECT sweep, version, definition, was_version, was_definition
               FROM _switchback_backfill_rerun WHERE job = ?1 ORDER BY sweep DESC";
    type Row = (u32, String, String, String, String);
    let rows: Vec<Row> = crate::sqlite::catalog::all(connection, sql, &[id], |row| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
        ))
    })?;
    let mut layers = Vec::new();
    for (sweep, version, text, _, _) in &rows {
        layers.push(Layer {
            version: version.clone(),
            definition: definition(text)?,
            sweep: Some(*sweep),
        });
    }
    if let Some((_, _, _, version, text)) = rows.last() {
        layers.push(Layer {
            version: version.clone(),
            definition: definition(text)?,
            sweep: None,
        });
    }
    let one = layers.windows(2).all(|it| it[0].version == it[1].version);
    Ok(if one { Vec::new() } else { layers })
}

/// Conditions over keys, with what stands in them: each value has one number in all of them.
struct Conditions {
    values: Vec<Exact>,
}

impl Conditions {
    /// That a row is one of those that a walk does again.
    fn of_walk(
        &mut self,
        connection: &Connection,
        keyed: &Keyed,
        id: &str,
        sweep: u32,
    ) -> Result<String, BackfillError> {
        let spans = spans(connection, keyed, id, sweep)?;
        let (alone, wide): (Vec<_>, Vec<_>) = spans.iter().partition(|it| it.one().is_some());
        let mut any = vec![self.one_of(keyed, alone.iter().filter_map(|it| it.one()))];
        for span in wide {
            let (within, values) = keyed.within(&span.start(), &span.end, self.values.len() + 1);
            self.values.extend(values);
            any.push(format!("({within})"));
        }
        Ok(balanced(&any))
    }

    /// That a row is one of some.
    fn one_of<'k>(&mut self, keyed: &Keyed, keys: impl Iterator<Item = &'k Key>) -> String {
        let mut any = vec!["0".to_owned()];
        for key in keys {
            any.push(format!("({})", keyed.is(self.values.len() + 1)));
            self.values.extend(key.iter().cloned());
        }
        balanced(&any)
    }
}

/// One of them holds. SQLite takes an expression only so deep.
fn balanced(any: &[String]) -> String {
    match any {
        [] => "0".to_owned(),
        [one] => one.clone(),
        some => {
            let (left, right) = some.split_at(some.len() / 2);
            format!("({} OR {})", balanced(left), balanced(right))
        }
    }
}

/// Looks at all rows, each by the definition that it was done with.
pub(in crate::sqlite::backfill) fn look(
    connection: &Connection,
    walk: &Walk,
    id: &str,
    layers: &[Layer],
    samples: u32,
    seed: u32,
) -> Result<(Seen, Vec<OfDefinition>), BackfillError> {
    let keyed = &walk.keyed;
    let of_program = layers
        .first()
        .is_some_and(|it| it.definition.program.is_some());
    let mut seen = counted(connection, walk)?;
    let mut conditions = Conditions { values: Vec::new() };
    let failed = failed(connection, keyed, id)?;
    let refused = conditions.one_of(keyed, failed.iter());
    let count = |condition: &str, values: &[Exact]| -> Result<u64, BackfillError> {
        let query = format!("SELECT count(*) FROM {} WHERE {condition}", keyed.t);
        let parameters = with_all(&query, values);
        let found = control::first(connection, &parameters, params_from_iter(values), |row| {
            row.get::<_, i64>(0)
        })?;
        Ok(found.unwrap_or_default().unsigned_abs())
    };
    seen.failed = count(&refused, &conditions.values)?;
    let mut found: Vec<OfDefinition> = Vec::new();
    let mut above: Vec<String> = Vec::new();
    let mut newest: Vec<String> = Vec::new();
    for layer in layers {
        let own = match layer.sweep {
            Some(sweep) => conditions.of_walk(connection, keyed, id, sweep)?,
            None => "1".to_owned(),
        };
        let among = format!("{own} AND NOT {}", balanced(&above));
        above.push(own);
        let older = Walk::of(connection, &layer.definition)?;
        let values = &conditions.values;
        let tried = format!("{among} AND NOT {refused}");
        let differ_of = |walk: &Walk| match &walk.asked {
            Some(asked) => asked_of(connection, walk, asked, &tried, values),
            None => {
                let wanted = &walk.wanted;
                let condition = format!("CASE WHEN {tried} THEN {wanted} ELSE 0 END");
                Ok((count(&condition, values)?, 0))
            }
        };
        let rows = count(&among, values)?;
        let (mut differ, refuse) = match differ_of(&older) {
            Err(error) if error.is_of_a_row() => one_by_one(connection, &older, &tried, values)?,
            other => other?,
        };
        seen.failed += refuse;
        if layer.definition.program.is_some() {
            let tried = Some((tried.as_str(), values.as_slice()));
            let skipped = still_skipped(connection, &older, id, tried)?;
            differ -= skipped.min(differ);
            seen.skipped += skipped;
        }
        let is_newest = layers.first().is_some_and(|it| it.version == layer.version);
        let differ_from_newest = if is_newest {
            newest.push(format!("({among})"));
            Some(differ)
        } else if of_program {
            // What a program would say of a row is not known without running it.
            None
        } else {
            // It was never tried on these rows: one of them may refuse it.
            match differ_of(walk) {
                Ok((differ, 0)) => Some(differ),
                Ok(_) | Err(BackfillError::Query { .. }) => None,
                Err(error) if error.is_of_a_row() => None,
                Err(error) => return Err(error),
            }
        };
        seen.differ += differ;
        match found.iter_mut().find(|it| it.version == layer.version) {
            Some(other) => {
                other.rows += rows;
                other.differ += differ;
                let both = other.differ_from_newest.zip(differ_from_newest);
                other.differ_from_newest = both.map(|(one, more)| one + more);
            }
            None => found.push(OfDefinition {
                version: layer.version.clone(),
                rows,
                differ,
                differ_from_newest,
            }),
        }
    }
    if samples > 0 {
        // Of rows that have what another definition gives nobody can say what they should have.
        let among = format!("{} AND NOT {refused}", balanced(&newest));
        for key in keys(connection, keyed, &among, &conditions.values)? {
            seen.pick(key, samples, seed);
        }
    }
    Ok((seen, found))
}

/// How many of the rows for which a condition holds have something else than a query gives, and of
/// how many that cannot be asked; in stretches, and of each row by itself where it has to be.
fn asked_of(
    connection: &Connection,
    walk: &Walk,
    asked: &Asked,
    among: &str,
    values: &[Exact],
) -> Result<(u64, u64), BackfillError> {
    let keyed = &walk.keyed;
    let (mut differ, mut refuse) = (0, 0);
    let Some(high) = keyed.highest(connection)? else {
        return Ok((0, 0));
    };
    let mut place: Option<Key> = None;
    while place.as_ref() != Some(&high) {
        let start = Start::of(place.as_ref(), None);
        let next = keyed.after(connection, &start, &high, STRETCH - 1)?;
        let end = next.unwrap_or_else(|| high.clone());
        let (within, beyond) = keyed.within(&start, &end, values.len() + 1);
        let condition = format!("({within} AND {among})");
        let rows = (condition, [values, beyond.as_slice()].concat());
        match differing(connection, walk, asked, &rows, MOST_BYTES)? {
            Some(found) => differ += found,
            None => {
                for key in keys(connection, keyed, &rows.0, &rows.1)? {
                    let one = (keyed.is(1), key);
                    match differing(connection, walk, asked, &one, usize::MAX)? {
                        Some(found) => differ += found,
                        None => refuse += 1,
                    }
                }
            }
        }
        place = Some(end);
    }
    Ok((differ, refuse))
}

/// A statement in which every value has its number, whether it stands in it or not.
fn with_all(query: &str, values: &[Exact]) -> String {
    match values.len() {
        0 => query.to_owned(),
        most => format!("{query} AND (1 OR ?{most})"),
    }
}

/// How many rows there are, and NULLs in the written columns.
fn counted(connection: &Connection, walk: &Walk) -> Result<Seen, BackfillError> {
    let width = walk.keyed.parts.len();
    let query = &walk.select_all();
    let mut seen = Seen {
        nulls: vec![0; walk.columns.len()],
        ..Seen::default()
    };
    let mut statement = connection.prepare(query).map_err(at(query))?;
    let mut rows = statement.query([]).map_err(at(query))?;
    while let Some(row) = rows.next().map_err(at(query))? {
        seen.rows += 1;
        for (place, nulls) in seen.nulls.iter_mut().enumerate() {
            let value = row.get_ref(width + place).map_err(at(query))?;
            *nulls += u64::from(matches!(value, ValueRef::Null));
        }
    }
    Ok(seen)
}

/// Rows that are known to refuse it.
fn failed(connection: &Connection, keyed: &Keyed, id: &str) -> Result<Vec<Key>, BackfillError> {
    let sql = "SELECT key FROM _switchback_backfill_error WHERE job = ?1 AND kind = 'failed'";
    let mut statement = connection.prepare(sql).map_err(at(sql))?;
    let mut rows = statement.query([id]).map_err(at(sql))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(at(sql))? {
        let value = Exact::of(row.get_ref(0).map_err(at(sql))?);
        found.extend(place(&value, keyed.parts.len())?);
    }
    Ok(found)
}

fn keys(
    connection: &Connection,
    keyed: &Keyed,
    condition: &str,
    values: &[Exact],
) -> Result<Vec<Key>, BackfillError> {
    let query = format!("SELECT {} FROM {} WHERE {condition}", keyed.list(), keyed.t);
    let query = with_all(&query, values);
    let mut statement = connection.prepare(&query).map_err(at(&query))?;
    let mut rows = statement
        .query(params_from_iter(values))
        .map_err(at(&query))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(at(&query))? {
        found.push(keyed.read(row).map_err(at(&query))?);
    }
    Ok(found)
}

/// How many rows differ and how many refuse to be looked at, each by itself.
fn one_by_one(
    connection: &Connection,
    walk: &Walk,
    among: &str,
    values: &[Exact],
) -> Result<(u64, u64), BackfillError> {
    let keyed = &walk.keyed;
    let (mut differ, mut refused) = (0, 0);
    let one = format!(
        "SELECT {} FROM {} WHERE {}",
        walk.wanted,
        keyed.t,
        keyed.is(1)
    );
    for key in keys(connection, keyed, among, values)? {
        match control::first(connection, &one, params_from_iter(&key), |row| {
            row.get::<_, Option<bool>>(0)
        }) {
            Ok(found) => differ += u64::from(found.flatten() == Some(true)),
            Err(error) if error.is_of_a_row() => refused += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((differ, refused))
}
