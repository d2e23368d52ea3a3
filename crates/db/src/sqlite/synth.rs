//! Rows that are made up to satisfy a schema: types, keys, references, checks.
//!
//! What a check or trigger demands is found by trying: a row that is refused is made again with other
//! values, such as those that the checks themselves name. The same seed and schema give the same
//! rows.
//!
//! Deliberately absent: what looks real. The rows have to be many, valid, and different.

mod value;

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, Statement};
use switchback_migration::sqlite::catalog::{Column, Table};
use switchback_migration::sqlite::text::name;

use self::value::{Checks, Maker};
use super::catalog;
use super::error::{DbError, at};
use super::rows;
use crate::random::{hash, mix};

/// How often a row is made anew that is refused.
const TRIES: u64 = 40;

/// How many rows of a table may be refused before it is enough.
const REFUSED: u64 = 5;

/// How many rows are taken for others to refer to.
const PARENTS: u32 = 1_000;

/// What came of filling tables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    /// How many tables there are.
    pub(super) tables: usize,
    /// The tables that got fewer rows than were wanted, and why.
    pub(super) short: Vec<(String, String)>,
}

impl Filled {
    /// What somebody should know, in one sentence.
    pub(super) fn said(&self) -> Option<String> {
        let told: Vec<String> = self
            .short
            .iter()
            .map(|(table, why)| format!("{table}: {why}"))
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// Fills every table up to `wanted` rows, parents first.
///
/// # Errors
/// If the file cannot be read or written. That rows are refused is none.
pub(super) fn fill(connection: &mut Connection, wanted: u64, seed: u64) -> Result<Filled, DbError> {
    let mut tables = Vec::new();
    for it in rows::names(connection).map_err(at("reading the schema"))? {
        let table = catalog::table(connection, &it)?;
        let keys = references(connection, &it)?;
        tables.push((table, keys));
    }
    let mut filled = Filled {
        tables: tables.len(),
        short: Vec::new(),
    };
    let transaction = connection.transaction().map_err(at("BEGIN"))?;
    // A key may lead to a table that is filled later; those of the rows that are there are right.
    for (table, keys) in in_order(tables) {
        if let Some(why) = one(&transaction, &table, &keys, wanted, seed)? {
            filled.short.push((table.name, why));
        }
    }
    transaction.commit().map_err(at("COMMIT"))?;
    Ok(filled)
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    target: String,
    /// The columns and those that they lead to; none where that is the primary key.
    columns: Vec<(String, Option<String>)>,
}

fn references(connection: &Connection, table: &str) -> Result<Vec<Reference>, DbError> {
    let sql = "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1)
               ORDER BY id, seq";
    let pairs = catalog::all(connection, sql, &[table], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Option<String>>(3)?,
        ))
    })?;
    let mut found: BTreeMap<i64, Reference> = BTreeMap::new();
    for (id, target, from, to) in pairs {
        let reference = found.entry(id).or_insert(Reference {
            target,
            columns: Vec::new(),
        });
        reference.columns.push((from, to));
    }
    Ok(found.into_values().collect())
}

type WithKeys = (Table, Vec<Reference>);

/// Parents before children; where they refer to each other in a circle, as they come.
fn in_order(mut left: Vec<WithKeys>) -> Vec<WithKeys> {
    let mut done: Vec<WithKeys> = Vec::new();
    while !left.is_empty() {
        let waits = |(table, keys): &WithKeys| {
            keys.iter().any(|key| {
                !key.target.eq_ignore_ascii_case(&table.name)
                    && left
                        .iter()
                        .any(|(other, _)| other.name.eq_ignore_ascii_case(&key.target))
            })
        };
        let next = left.iter().position(|it| !waits(it)).unwrap_or_default();
        done.push(left.remove(next));
    }
    done
}

/// Fills a table. Why there are fewer rows than were wanted, if there are.
fn one(
    connection: &Connection,
    table: &Table,
    keys: &[Reference],
    wanted: u64,
    seed: u64,
) -> Result<Option<String>, DbError> {
    let count = format!("SELECT count(*) FROM {}", name(&table.name));
    let there = rows::number(connection, &count)?;
    let columns: Vec<&Column> = table.columns.iter().filter(|it| !it.generated).collect();
    if there >= wanted || columns.is_empty() {
        return Ok(None);
    }
    let mut parents = Vec::new();
    for key in keys {
        parents.push(parent(connection, table, key)?);
    }
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let list: Vec<String> = columns.iter().map(|it| name(&it.name)).collect();
    let insert = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        name(&table.name),
        list.join(", "),
        places.join(", ")
    );
    let mut statement = match connection.prepare(&insert) {
        Ok(statement) => statement,
        // A trigger that names what is not there.
        Err(error) => return refusal(error).map(Some),
    };
    let checks = Checks::of(table);
    let maker = Maker::new(table, &checks, mix(seed, hash(&table.name)), there);
    let mut refused = 0;
    let mut why = None;
    for number in there..wanted {
        match row(&mut statement, &columns, &maker, &parents, number)? {
            None => {}
            Some(message) => {
                why = Some(message);
                refused += 1;
                if refused == REFUSED {
                    break;
                }
            }
        }
    }
    Ok(why)
}

/// Puts in one row. Why it was refused, if all of its forms were.
fn row(
    statement: &mut Statement<'_>,
    columns: &[&Column],
    maker: &Maker<'_>,
    parents: &[Parent],
    number: u64,
) -> Result<Option<String>, DbError> {
    let mut why = None;
    for attempt in 0..TRIES {
        let mut values: BTreeMap<&str, Value> = columns
            .iter()
            .map(|it| (it.name.as_str(), maker.value(it, number, attempt)))
            .collect();
        for parent in parents {
            parent.put(&mut values, columns, number, attempt);
        }
        let values = columns.iter().map(|it| values.remove(it.name.as_str()));
        let values = values.map(|it| it.unwrap_or(Value::Null));
        match statement.execute(rusqlite::params_from_iter(values)) {
            Ok(_) => return Ok(None),
            // A value may also be one that a function in a check cannot read.
            Err(error) => why = Some(refusal(error)?),
        }
    }
    Ok(why)
}

/// What SQLite says of a statement that it refused.
fn refusal(error: rusqlite::Error) -> Result<String, DbError> {
    match at("filling a table")(error) {
        DbError::Sql { message, .. } => Ok(message),
        other => Err(other),
    }
}

/// The rows that a foreign key may lead to.
struct Parent {
    /// The columns of the key.
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// Whether it leads to its own table.
    own: bool,
}

fn parent(connection: &Connection, table: &Table, key: &Reference) -> Result<Parent, DbError> {
    let mut found = Parent {
        columns: key.columns.iter().map(|(from, _)| from.clone()).collect(),
        rows: Vec::new(),
        own: key.target.eq_ignore_ascii_case(&table.name),
    };
    let target = match catalog::table(connection, &key.target) {
        // It may come later, or never.
        Err(DbError::NoTable { .. }) => return Ok(found),
        other => other?,
    };
    let mut primary: Vec<&Column> = target
        .columns
        .iter()
        .filter(|it| it.primary_key > 0)
        .collect();
    primary.sort_by_key(|it| it.primary_key);
    let list: Vec<String> = key
        .columns
        .iter()
        .enumerate()
        .filter_map(|(place, (_, to))| {
            let primary = || primary.get(place).map(|it| it.name.as_str());
            to.as_deref().or_else(primary).map(name)
        })
        .collect();
    if list.len() < key.columns.len() {
        return Ok(found);
    }
    let sql = format!(
        "SELECT {} FROM {} LIMIT {PARENTS}",
        list.join(", "),
        name(&target.name)
    );
    let width = list.len();
    let rows = catalog::all(connection, &sql, &[], |row| {
        (0..width).map(|at| row.get::<_, Value>(at)).collect()
    });
    match rows {
        Ok(rows) => found.rows = rows,
        // It names a column that is not there.
        Err(DbError::Sql { .. }) => {}
        Err(other) => return Err(other),
    }
    Ok(found)
}

impl Parent {
    /// Makes a row refer to one of them; where there is none, to nothing.
    fn put<'c>(
        &self,
        values: &mut BTreeMap<&'c str, Value>,
        columns: &[&'c Column],
        number: u64,
        attempt: u64,
    ) {
        let free = |name: &String| {
            let column = columns.iter().find(|it| it.name.eq_ignore_ascii_case(name));
            column.filter(|it| !it.not_null && it.primary_key == 0)
        };
        let free: Vec<&&Column> = self.columns.iter().filter_map(free).collect();
        let nothing = self.rows.is_empty() || self.own || (number + attempt) % 7 == 6;
        if nothing && !free.is_empty() {
            for column in free {
                values.insert(&column.name, Value::Null);
            }
            return;
        }
        // Each in turn, and with every round and attempt from elsewhere, for each key from another
        // place: so that the keys of a row and pairs of keys differ.
        let count = self.rows.len() as u64;
        let Some(round) = number.checked_div(count) else {
            return;
        };
        let name = self.columns.first().map_or(0, |it| hash(it));
        let place = number % count + mix(name, round + attempt) % count;
        let place = usize::try_from(place % count).unwrap_or_default();
        let row = self.rows.get(place).into_iter().flatten();
        for (name, value) in self.columns.iter().zip(row) {
            let column = columns.iter().find(|it| it.name.eq_ignore_ascii_case(name));
            if let Some(column) = column {
                values.insert(&column.name, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
