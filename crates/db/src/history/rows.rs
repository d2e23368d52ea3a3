//! Rows that were kept, and how others differ from them.

use std::collections::{BTreeMap, HashMap};

use super::data::{Change, GoneColumn, SequenceChange, TableChange, Value};

/// How much of the rows is kept to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLimits {
    /// How many rows a table may have so that they are kept. Of a larger one it is only known whether
    /// they differ.
    pub rows: u64,
    /// How many bytes may be kept in all tables together.
    pub bytes: usize,
    /// How many rows that differ are shown of a table.
    pub examples: usize,
}

impl Default for RowLimits {
    fn default() -> Self {
        Self {
            rows: 10_000,
            bytes: 256 << 20,
            examples: 5,
        }
    }
}

/// How many characters of a value are shown.
const SHOWN: usize = 200;

/// What is in a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TableRows {
    /// The names of the columns, in their order.
    pub columns: Vec<String>,
    /// The columns of the primary key, as places in `columns`.
    pub key: Vec<usize>,
    pub count: u64,
    /// Equal where columns and rows are.
    pub digest: String,
    /// The values in the order of `columns`; none where they are not kept.
    pub rows: Option<Vec<Vec<Value>>>,
}

/// What is in all tables of a database at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// By the name of the table in the form of SQL.
    pub(crate) tables: BTreeMap<String, TableRows>,
    /// The value that each sequence would give next.
    pub(crate) sequences: BTreeMap<String, i64>,
}

/// How the rows of a database differ from what they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentsChange {
    /// The tables whose rows differ.
    pub tables: Vec<TableChange>,
    /// The sequences that stand elsewhere.
    pub sequences: Vec<SequenceChange>,
}

impl Contents {
    /// How many rows there are in all tables.
    pub fn count(&self) -> u64 {
        self.tables.values().map(|table| table.count).sum()
    }

    /// The tables whose rows are known only by their digest.
    pub fn not_kept(&self) -> impl Iterator<Item = &str> {
        let unkept = self.tables.iter().filter(|(_, it)| it.rows.is_none());
        unkept.map(|(table, _)| table.as_str())
    }

    /// The sequences that stand elsewhere now. That one is gone is the schema's matter.
    pub(crate) fn moved(&self, now: &Contents) -> Vec<SequenceChange> {
        let change = |(sequence, before): (&String, &i64)| {
            let after = now.sequences.get(sequence).filter(|it| *it != before)?;
            Some(SequenceChange {
                sequence: sequence.clone(),
                before: *before,
                after: *after,
            })
        };
        self.sequences.iter().filter_map(change).collect()
    }
}

/// How a table differs, where it does. `after` is none where the table is gone.
pub(crate) fn compare(
    table: &str,
    before: &TableRows,
    after: Option<&TableRows>,
    examples: usize,
) -> Option<TableChange> {
    let gone = after.is_none();
    let nothing = TableRows::default();
    let after = after.unwrap_or(&nothing);
    if before.digest == after.digest && before.count == after.count && !gone {
        return None;
    }
    let mut change = TableChange {
        table: table.to_owned(),
        gone,
        before: before.count,
        after: after.count,
        ..TableChange::default()
    };
    let Some(old) = &before.rows else {
        change.uncounted = true;
        return (before.count > 0 || after.count > 0).then_some(change);
    };
    if gone {
        change.lost = before.count;
        let lost = old.iter().take(examples).map(|row| before.whole(row));
        change.examples = lost.map(Change::Lost).collect();
        return (before.count > 0).then_some(change);
    }
    let Some(new) = &after.rows else {
        change.uncounted = true;
        return Some(change);
    };
    change.gone_columns = gone_columns(before, old, after);
    let common: Vec<(usize, usize)> = before
        .columns
        .iter()
        .enumerate()
        .filter_map(|(place, name)| Some((place, after.place(name)?)))
        .collect();
    let key = before.names(&before.key);
    let both = Both {
        before,
        after,
        old,
        new,
        common,
    };
    if !key.is_empty() && key == after.names(&after.key) {
        change.key = key;
        both.by_key(&mut change, examples);
    } else {
        both.by_whole(&mut change, examples);
    }
    let differs = change.lost + change.appeared + change.changed > 0
        || change.gone_columns.iter().any(|column| column.values > 0);
    differs.then_some(change)
}

fn gone_columns(before: &TableRows, old: &[Vec<Value>], after: &TableRows) -> Vec<GoneColumn> {
    let gone = |(_, name): &(usize, &String)| after.place(name).is_none();
    let count = |(place, name): (usize, &String)| GoneColumn {
        name: name.clone(),
        values: old
            .iter()
            .filter(|row| row.get(place).is_some_and(Option::is_some))
            .count() as u64,
    };
    before
        .columns
        .iter()
        .enumerate()
        .filter(gone)
        .map(count)
        .collect()
}

struct Both<'a> {
    before: &'a TableRows,
    after: &'a TableRows,
    old: &'a [Vec<Value>],
    new: &'a [Vec<Value>],
    /// The columns that both have: their places before and after.
    common: Vec<(usize, usize)>,
}

type Parts<'a> = Vec<Option<&'a str>>;

impl Both<'_> {
    fn by_key(&self, change: &mut TableChange, examples: usize) {
        let mut left: HashMap<Parts<'_>, &Vec<Value>> = HashMap::new();
        for row in self.new {
            left.insert(parts(row, &self.after.key), row);
        }
        let mut show = |example: Change| {
            if change.examples.len() < examples {
                change.examples.push(example);
            }
        };
        let (mut lost, mut changed) = (0, 0);
        for row in self.old {
            let key = parts(row, &self.before.key);
            let Some(now) = left.remove(&key) else {
                lost += 1;
                show(Change::Lost(self.before.whole(row)));
                continue;
            };
            let value = |row: &[Value], place: usize| row.get(place).cloned().flatten();
            let columns: Vec<(String, Value, Value)> = self
                .common
                .iter()
                .filter(|(one, other)| row.get(*one) != now.get(*other))
                .map(|(one, other)| {
                    let name = self.before.columns.get(*one).cloned().unwrap_or_default();
                    (name, cut(value(row, *one)), cut(value(now, *other)))
                })
                .collect();
            if !columns.is_empty() {
                changed += 1;
                show(Change::Changed {
                    key: self.before.some(row, &self.before.key),
                    columns,
                });
            }
        }
        let mut appeared = 0;
        for row in self.new {
            if left.contains_key(&parts(row, &self.after.key)) {
                appeared += 1;
                show(Change::Appeared(self.after.whole(row)));
            }
        }
        (change.lost, change.changed, change.appeared) = (lost, changed, appeared);
    }

    fn by_whole(&self, change: &mut TableChange, examples: usize) {
        let (ours, theirs): (Vec<usize>, Vec<usize>) = self.common.iter().copied().unzip();
        let mut left: HashMap<Parts<'_>, u64> = HashMap::new();
        for row in self.new {
            *left.entry(parts(row, &theirs)).or_default() += 1;
        }
        for row in self.old {
            match left.get_mut(&parts(row, &ours)) {
                Some(count @ 1..) => *count -= 1,
                _ => {
                    change.lost += 1;
                    if change.examples.len() < examples {
                        change.examples.push(Change::Lost(self.before.whole(row)));
                    }
                }
            }
        }
        for row in self.new {
            if let Some(count @ 1..) = left.get_mut(&parts(row, &theirs)) {
                *count -= 1;
                change.appeared += 1;
                if change.examples.len() < examples {
                    change
                        .examples
                        .push(Change::Appeared(self.after.whole(row)));
                }
            }
        }
    }
}

fn parts<'a>(row: &'a [Value], places: &[usize]) -> Parts<'a> {
    let part = |place: &usize| row.get(*place).and_then(Option::as_deref);
    places.iter().map(part).collect()
}

impl TableRows {
    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    fn names(&self, places: &[usize]) -> Vec<String> {
        let name = |place: &usize| self.columns.get(*place).cloned();
        places.iter().filter_map(name).collect()
    }

    fn some(&self, row: &[Value], places: &[usize]) -> Vec<(String, Value)> {
        places
            .iter()
            .filter_map(|place| {
                let name = self.columns.get(*place)?.clone();
                Some((name, cut(row.get(*place).cloned().flatten())))
            })
            .collect()
    }

    fn whole(&self, row: &[Value]) -> Vec<(String, Value)> {
        self.some(row, &(0..self.columns.len()).collect::<Vec<_>>())
    }
}

fn cut(value: Value) -> Value {
    value.map(|text| match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&str], key: &[usize], rows: &[&[&str]]) -> TableRows {
        let value = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
        let rows: Vec<Vec<Value>> = rows
            .iter()
            .map(|row| row.iter().map(value).collect())
            .collect();
        TableRows {
            columns: columns.iter().map(ToString::to_string).collect(),
            key: key.to_vec(),
            count: rows.len() as u64,
            digest: format!("{columns:?} {rows:?}"),
            rows: Some(rows),
        }
    }

    fn one(name: &str, value: &str) -> (String, Value) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn rows_are_told_apart_by_their_key() {
        let before = rows(&["id", "x"], &[0], &[&["1", "a"], &["2", "b"], &["3", "c"]]);
        let after = rows(&["id", "x"], &[0], &[&["2", "B"], &["3", "c"], &["4", "d"]]);
        let change = compare("t", &before, Some(&after), 9).unwrap();
        assert_eq!((change.lost, change.changed, change.appeared), (1, 1, 1));
        assert!(change.loses());
        assert_eq!(
            change.examples,
            [
                Change::Lost(vec![one("id", "1"), one("x", "a")]),
                Change::Changed {
                    key: vec![one("id", "2")],
                    columns: vec![("x".to_owned(), Some("b".to_owned()), Some("B".to_owned()))],
                },
                Change::Appeared(vec![one("id", "4"), one("x", "d")]),
            ]
        );
        assert_eq!(
            compare("t", &before, Some(&after), 2)
                .unwrap()
                .examples
                .len(),
            2
        );
        assert_eq!(compare("t", &before, Some(&before), 2), None);
    }

    #[test]
    fn without_a_key_rows_are_counted_as_a_whole() {
        let before = rows(&["x"], &[], &[&["a"], &["a"], &["b"]]);
        let after = rows(&["x"], &[], &[&["b"], &["a"], &["c"], &["NULL"]]);
        let change = compare("t", &before, Some(&after), 9).unwrap();
        assert_eq!((change.lost, change.changed, change.appeared), (1, 0, 2));
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let before = rows(&["a", "b", "id"], &[2], &[&["1", "x", "7"]]);
        let moved = rows(&["id", "b", "a"], &[0], &[&["7", "x", "1"]]);
        assert_eq!(compare("t", &before, Some(&moved), 9), None);
        let fewer = rows(&["a", "id"], &[1], &[&["1", "7"]]);
        let change = compare("t", &before, Some(&fewer), 9).unwrap();
        assert_eq!((change.lost, change.changed), (0, 0));
        assert_eq!(change.gone_columns[0].name, "b");
        assert_eq!(change.gone_columns[0].values, 1);
        assert!(change.loses());
        // More columns lose nothing.
        assert_eq!(compare("t", &fewer, Some(&before), 9), None);
    }

    #[test]
    fn a_table_that_is_gone_loses_its_rows_if_it_had_any() {
        let before = rows(&["x"], &[], &[&["a"]]);
        let change = compare("t", &before, None, 9).unwrap();
        assert!(change.gone && change.loses());
        assert_eq!(change.lost, 1);
        assert_eq!(compare("t", &rows(&["x"], &[], &[]), None, 9), None);
    }

    #[test]
    fn rows_that_were_not_kept_only_differ() {
        let mut before = rows(&["x"], &[], &[&["a"]]);
        before.rows = None;
        let after = rows(&["x"], &[], &[&["b"]]);
        let change = compare("t", &before, Some(&after), 9).unwrap();
        assert!(change.uncounted && change.loses());
        before.digest = after.digest.clone();
        assert_eq!(compare("t", &before, Some(&after), 9), None);
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(
            cut(Some("ü".repeat(300))),
            Some(format!("{}…", "ü".repeat(200)))
        );
    }
}
