//! One value.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use switchback_migration::sqlite::catalog::{Affinity, Column, Table};
use switchback_migration::sqlite::text::{Token, groups_after};

use crate::random::{Rng, hash, mix};

/// What the checks of a table name, by column in lower case.
#[derive(Debug, Default)]
pub(super) struct Checks {
    values: BTreeMap<String, Vec<Value>>,
}

impl Checks {
    pub(super) fn of(table: &Table) -> Self {
        let all = table.tokens();
        let mut checks = Self::default();
        for group in groups_after(&all, "check") {
            for column in &table.columns {
                if group.iter().any(|token| token.is_name(&column.name)) {
                    let known = checks
                        .values
                        .entry(column.name.to_ascii_lowercase())
                        .or_default();
                    for value in named(group) {
                        if !known.contains(&value) {
                            known.push(value);
                        }
                    }
                }
            }
        }
        checks
    }
}

/// The values that a check names, and some near them: its own first.
fn named(group: &[Token]) -> Vec<Value> {
    let mut found = Vec::new();
    let mut near = Vec::new();
    for token in group {
        match token {
            Token::Text(text) => found.push(Value::Text(text.clone())),
            // In double quotes; where there is no such column it is a text.
            Token::Name(text) => near.push(Value::Text(text.clone())),
            Token::Number(number) => match number.parse::<i64>() {
                Ok(number) => {
                    found.push(Value::Integer(number));
                    near.extend(
                        [number.saturating_add(1), number.saturating_sub(1)].map(Value::Integer),
                    );
                    // It may be a length.
                    if let Ok(length @ 1..=4_096) = usize::try_from(number) {
                        near.push(Value::Text("x".repeat(length)));
                        near.push(Value::Blob(vec![7; length]));
                    }
                }
                Err(_) => near.extend(number.parse().map(Value::Real)),
            },
            Token::Word(word) if word.starts_with("json") => {
                near.extend(["{}", "[]"].map(|it| Value::Text(it.to_owned())));
            }
            Token::Word(word) if word == "null" => near.push(Value::Null),
            Token::Word(_) | Token::Mark(_) => {}
        }
    }
    found.append(&mut near);
    found
}

/// Makes values from their numbers.
pub(super) struct Maker<'a> {
    table: &'a Table,
    checks: &'a Checks,
    unique: BTreeSet<String>,
    key: u64,
    /// How many rows there are already, whose numbers may be taken.
    there: u64,
}

impl<'a> Maker<'a> {
    pub(super) fn new(table: &'a Table, checks: &'a Checks, key: u64, there: u64) -> Self {
        let of_indexes = table.indexes.iter().filter(|it| it.unique);
        let of_indexes = of_indexes.flat_map(|it| it.columns.iter());
        let unique = of_indexes.filter_map(|it| Some(it.name.as_ref()?.to_ascii_lowercase()));
        let primary = table.columns.iter().filter(|it| it.primary_key > 0);
        Self {
            table,
            checks,
            unique: unique
                .chain(primary.map(|it| it.name.to_ascii_lowercase()))
                .collect(),
            key,
            there,
        }
    }

    /// The value of a column in a row, in one of the forms that are tried.
    pub(super) fn value(&self, column: &Column, number: u64, attempt: u64) -> Value {
        let own = column.name.to_ascii_lowercase();
        let mut rng = Rng::new(mix(mix(self.key, hash(&own)), mix(number, attempt)));
        if self.is_rowid(column) {
            // SQLite gives it.
            return Value::Null;
        }
        let unique = self.unique.contains(&own);
        let named = self.checks.values.get(&own).filter(|it| !it.is_empty());
        if let Some(named) = named {
            // First those that the check lists, in turn; then any, and now and then one of the type.
            let place = match attempt {
                0 => usize::try_from(number).unwrap_or_default() % named.len(),
                _ => rng.index(named.len() + 2),
            };
            if let Some(value) = named.get(place) {
                return value.clone();
            }
        }
        let may_be_null = !column.not_null && column.primary_key == 0 && !unique;
        if may_be_null && rng.chance(200) {
            return Value::Null;
        }
        // Beyond what migrations are likely to have put in themselves.
        let distinct = 1_000 + self.there + number + attempt * 1_000;
        self.of_type(column, &own, distinct, unique, &mut rng)
    }

    /// Whether the column is another name of the row id.
    fn is_rowid(&self, column: &Column) -> bool {
        let alone = self.table.columns.iter().filter(|it| it.primary_key > 0);
        column.primary_key > 0
            && !self.table.without_rowid
            && column.declared_type.eq_ignore_ascii_case("integer")
            && alone.count() == 1
    }

    fn of_type(
        &self,
        column: &Column,
        name: &str,
        distinct: u64,
        unique: bool,
        rng: &mut Rng,
    ) -> Value {
        let kind = column.declared_type.to_ascii_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|it| kind.contains(it));
        let named = |parts: &[&str]| parts.iter().any(|it| name.contains(it));
        let integer = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        if has(&["bool"]) && !unique {
            return integer(rng.below(2));
        }
        // The names of types that SQLite has no type for.
        if !has(&["int"]) && has(&["date", "time"]) {
            return Value::Text(moment(distinct, has(&["time"])));
        }
        // A default says what is meant.
        let default = column.default.as_deref().unwrap_or_default();
        let default = default.trim_matches(['(', ')', '\'', '"']).trim();
        if default.starts_with('[') {
            return Value::Text(format!("[{distinct}]"));
        }
        if has(&["json"]) || default.starts_with('{') {
            return Value::Text(format!("{{\"{name}\": {distinct}}}"));
        }
        if has(&["uuid", "guid"]) {
            return Value::Text(uuid(distinct, rng));
        }
        match column.affinity(self.table.strict) {
            Affinity::Numeric if unique => integer(distinct),
            Affinity::Numeric if named(&["is_", "has_"]) => integer(rng.below(2)),
            Affinity::Numeric if named(&["_at", "time", "date"]) => {
                integer(1_700_000_000 + distinct * 60)
            }
            Affinity::Numeric => integer(rng.below(1_000)),
            // Halves are exact.
            Affinity::Real => Value::Real(distinct as f64 + 0.5),
            Affinity::Blob if has(&["blob"]) => {
                let mut bytes = distinct.to_be_bytes().to_vec();
                bytes.extend(rng.next().to_be_bytes());
                Value::Blob(bytes)
            }
            Affinity::Text | Affinity::Blob => Value::Text(if named(&["email", "mail"]) {
                format!("person{distinct}@example.org")
            } else if named(&["json"]) {
                format!("{{\"{name}\": {distinct}}}")
            } else if named(&["uuid"]) {
                uuid(distinct, rng)
            } else if named(&["_at", "time", "date"]) {
                moment(distinct, true)
            } else if named(&["url", "uri"]) {
                format!("https://example.org/{distinct}")
            } else {
                format!("{name} {distinct}")
            }),
        }
    }
}

/// A moment, or a day, for each number.
fn moment(number: u64, with_time: bool) -> String {
    let (day, month, year) = (number % 28 + 1, number / 28 % 12 + 1, 1_990 + number / 336);
    if with_time {
        let (hour, minute) = (number % 24, number % 60);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:00")
    } else {
        format!("{year:04}-{month:02}-{day:02}")
    }
}

fn uuid(number: u64, rng: &mut Rng) -> String {
    let random = format!("{:016x}", rng.next());
    let (one, rest) = random.split_at(8);
    let (two, three) = rest.split_at(4);
    format!(
        "{one}-{two}-4{}-8000-{number:012x}",
        three.get(1..).unwrap_or_default()
    )
}
