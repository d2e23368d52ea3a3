//! The application's own statements at work: their values, and what is found.
//!
//! Each runs in a transaction that is taken back, so that locks, errors and times are those of the
//! application and no row is other than the rehearsal knows it.

use std::collections::BTreeMap;

use switchback_migration::sql::ir::Name;
use switchback_migration::workload::Workload;
use switchback_migration::workload::own::{Own, Part};

use super::bench::{Bench, Connection, Pair, Trouble, Variant};
use super::latency::Samples;
use super::report::{LeftOut, Played};

/// With how many values a statement that nobody wrote for this is tried before it is played.
const TRIES: u64 = 20;

/// How many values of a column are taken.
pub const EXAMPLES: usize = 200;

/// The application's own statements, which run beside those that are derived from the change.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnStatements<'a> {
    /// The statements.
    pub all: &'a [Own],
    /// The same seed gives parameters the same values of the same rows.
    pub seed: u64,
}

/// A statement of the application with the values of its parameters.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) own: Own,
    /// The texts of the statement around its parameters, and as literals what each may be.
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    OneOf(Vec<String>),
    /// The same column of several rows: those of one statement are of one row.
    OfRow(Vec<String>),
}

/// The application's own statements.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnWork {
    pub(super) all: Vec<Ready>,
    /// Those that are optional and cannot be played.
    pub(super) left_out: Vec<LeftOut>,
    seed: u64,
}

/// What was found of one statement.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) failed: u64,
    pub(super) before: Samples,
    pub(super) during: Samples,
}

/// What was found of each, by name.
pub(super) type ByName = BTreeMap<String, Found>;

/// How many rows are kept for statements that insert into the table of the change.
pub(super) const KEPT: usize = 8;

/// Takes values for each parameter: from the rows that are there, of columns that the change makes
/// from the rows that code will write, and for new rows of the table from rows that nobody writes.
pub(super) fn ready<B: Bench>(
    bench: &mut B,
    workload: &Workload,
    own: &[Own],
    (pairs, kept): (&[Pair], &[Pair]),
    seed: u64,
) -> Result<Result<OwnWork, (String, String)>, Trouble> {
    let mut work = OwnWork {
        all: Vec::new(),
        left_out: Vec::new(),
        seed,
    };
    let mut known: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    'statements: for one in own {
        let mut pieces = Vec::new();
        for part in &one.parts {
            pieces.push(match part {
                Part::Text(text) => Piece::Text(text.clone()),
                Part::Count => Piece::OneOf(vec!["10".to_owned(), "1".to_owned()]),
                Part::Value {
                    tables,
                    column,
                    inserted: true,
                } if is_table(workload, tables) && !kept.is_empty() => {
                    Piece::OfRow(kept.iter().map(|it| new_value(&it[0], column)).collect())
                }
                Part::Value { tables, column, .. } => {
                    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
                    let key = (names.join(", "), column.clone());
                    let values = match known.get(&key) {
                        Some(values) => values.clone(),
                        None => {
                            let found = bench.examples(tables, column)?;
                            let found = match found {
                                Some(found) => found,
                                None => made(workload, column, pairs),
                            };
                            known.insert(key, found.clone());
                            found
                        }
                    };
                    if values.is_empty() {
                        let why = format!(
                            "no value is known for its parameter of the column `{column}`: no table \
                             that it names has it with a value"
                        );
                        let name = one.name.clone();
                        if one.optional {
                            work.left_out.push(LeftOut { name, why });
                            continue 'statements;
                        }
                        return Ok(Err((name, why)));
                    }
                    Piece::OneOf(values)
                }
            });
        }
        work.all.push(Ready {
            own: one.clone(),
            pieces,
        });
    }
    Ok(Ok(work))
}

/// Whether this is the table of the change alone.
fn is_table(workload: &Workload, tables: &[Name]) -> bool {
    let alias = workload.table.alias.trim_matches('"');
    matches!(tables, [table] if table.name.eq_ignore_ascii_case(alias))
}

/// A column of a row in whichever shape has it, as a literal.
fn new_value(row: &Variant, column: &str) -> String {
    let shapes = [&row.new, &row.old, &row.plain];
    let text = shapes.into_iter().find_map(|it| it.get(column)).cloned();
    text.flatten()
        .map_or_else(|| "NULL".to_owned(), |text| literal(&text))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What the columns of the new shape will hold, as literals.
fn made(workload: &Workload, column: &str, pairs: &[Pair]) -> Vec<String> {
    if !workload.new.contains_key(column) {
        return Vec::new();
    }
    let all = pairs.iter().flatten();
    let values = all.filter_map(|it| it.new.get(column).cloned().flatten());
    values.take(EXAMPLES).map(|it| literal(&it)).collect()
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
fn mixed(number: u64) -> u64 {
    let mut it = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}

fn below(number: u64, end: usize) -> usize {
    let end = end.max(1) as u64;
    usize::try_from(number % end).unwrap_or(0)
}

impl OwnWork {
    /// What a version runs in a turn of a client: the statement, and its text with values. The same
    /// seed, client and turn give the same.
    pub(super) fn pick(
        &self,
        workload: &Workload,
        position: u16,
        client: usize,
        turn: usize,
    ) -> Option<(&Own, String)> {
        let mine = || {
            let all = self.all.iter();
            all.filter(|it| it.own.is_of(workload, position))
        };
        let sum: u64 = mine().map(|it| u64::from(it.own.weight)).sum();
        let number = mixed(self.seed ^ mixed(((client as u64) << 40) ^ turn as u64));
        let mut left = number % sum.max(1);
        let chosen = mine().find(|it| {
            let weight = u64::from(it.own.weight);
            let found = left < weight;
            left = left.saturating_sub(weight);
            found
        })?;
        Some((&chosen.own, chosen.text(number)))
    }

    /// Runs each statement of the code from before: once, and those that are optional with several
    /// values. Such a one that fails is left out.
    pub(super) fn try_old(
        &mut self,
        workload: &Workload,
        connection: &mut dyn Connection,
    ) -> Result<(), (String, String)> {
        let first = workload.versions.iter().map(|it| it.position).min();
        for one in std::mem::take(&mut self.all) {
            let is_old = first.is_some_and(|first| one.own.is_of(workload, first));
            let tries = match (is_old, one.own.optional) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => TRIES,
            };
            let mut texts = (0..tries).map(|number| match number {
                0 => one.text(self.seed),
                more => one.text(mixed(self.seed ^ more)),
            });
            let name = one.own.name.clone();
            match texts.try_for_each(|text| connection.play(&text)) {
                Ok(()) => self.all.push(one),
                Err(why) if one.own.optional => self.left_out.push(LeftOut { name, why }),
                Err(message) => return Err((name, message)),
            }
        }
        Ok(())
    }
}

impl Ready {
    fn text(&self, number: u64) -> String {
        let row = number;
        let mut number = number;
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(it) => text.push_str(it),
                Piece::OfRow(values) => {
                    let of = values.get(below(row, values.len()));
                    text.push_str(of.map_or("NULL", |it| it));
                }
                Piece::OneOf(values) => {
                    number = mixed(number);
                    text.push_str(
                        values
                            .get(below(number, values.len()))
                            .map_or("NULL", |it| it),
                    );
                }
            }
        }
        text
    }
}

impl Found {
    fn merge(&mut self, other: Found) {
        self.failed += other.failed;
        self.before.merge(other.before);
        self.during.merge(other.during);
    }
}

pub(super) fn merge(mine: &mut ByName, other: ByName) {
    for (name, found) in other {
        mine.entry(name).or_default().merge(found);
    }
}

/// Why statements were left out, the first ones in one line.
pub(super) fn reasons(all: &[LeftOut]) -> String {
    const SHOWN: usize = 5;
    let one = |it: &LeftOut| format!("`{}`: {}", it.name, it.why);
    let mut shown: Vec<String> = all.iter().take(SHOWN).map(one).collect();
    if all.len() > SHOWN {
        shown.push(format!("and {} more", all.len() - SHOWN));
    }
    shown.join("; ")
}

/// What the report says of each.
pub(super) fn played(found: ByName) -> Vec<Played> {
    let one = |(name, it): (String, Found)| Played {
        name,
        failed: it.failed,
        usual: it.before.summary(),
        during: it.during.summary(),
    };
    found.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use switchback_migration::Engine;
    use switchback_migration::workload::own::read;

    use super::*;

    #[test]
    fn heavier_statements_run_more_often_and_a_seed_says_which() {
        let own = read(
            "-- name: a :weight 9\nSELECT 1;\n-- name: b\nSELECT 2;",
            Engine::Sqlite,
        );
        let all = own.unwrap_or_default().into_iter().map(|own| Ready {
            own,
            pieces: Vec::new(),
        });
        let work = OwnWork {
            all: all.collect(),
            left_out: Vec::new(),
            seed: 7,
        };
        let workload = Workload {
            table: switchback_migration::workload::Table {
                sql: "t".to_owned(),
                alias: "t".to_owned(),
                columns: Vec::new(),
                key: Vec::new(),
            },
            other: None,
            versions: Vec::new(),
            old: BTreeMap::new(),
            new: BTreeMap::new(),
            types: BTreeMap::new(),
            breaks: None,
            obeying: false,
        };
        let picked = |turn| work.pick(&workload, 0, 1, turn).map(|it| it.0.name.clone());
        let names: Vec<_> = (0..1_000).filter_map(picked).collect();
        let heavy = names.iter().filter(|it| *it == "a").count();
        assert!((850..950).contains(&heavy), "{heavy}");
        assert_eq!(names, (0..1_000).filter_map(picked).collect::<Vec<_>>());
    }
}
