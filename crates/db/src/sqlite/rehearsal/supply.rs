//! Rows for the code to write: like those of the table, with keys of their own.

use std::collections::{BTreeMap, BTreeSet};

use switchback_migration::sqlite::catalog::{Column, Table};
use switchback_migration::sqlite::rebuild::Link;
use switchback_migration::sqlite::text::{Token, groups_after, name, tokens};
use switchback_migration::workload::{Source, Workload};

use super::code::Code;
use crate::rehearsal::bench::{Connection, Pair, Supply, Texts, Trouble, Variant, try_version};
use crate::sqlite::rows::number;

/// How many rows of the table are taken for examples.
const EXAMPLES: usize = 200;

/// What is tried to break a rule with; none for NULL.
const BREAKING: [Option<&str>; 5] = [None, Some("-1"), Some("0"), Some(""), Some("x")];

pub(super) fn supply(
    code: &mut Code,
    tables: [Option<&Table>; 2],
    link: Option<&Link>,
    workload: &Workload,
    pairs: usize,
) -> Result<Supply, Trouble> {
    let mut supply = Supply::default();
    // Beyond every number that is there.
    let highest = format!("SELECT coalesce(max(rowid), 0) FROM {}", workload.table.sql);
    let first = number(&code.connection, &highest).unwrap_or(0) + 1_000;
    let mut makers = Vec::new();
    for table in tables.into_iter().flatten() {
        let unique = unique(table, workload);
        makers.push(Maker {
            table,
            targets: link
                .map(|link| targets(code, table, link, &unique))
                .transpose()?,
            unique,
            lists: lists(table),
            examples: examples(code, table)?,
            first,
        });
    }
    if let (Some(link), true) = (link, makers.iter().any(Maker::points_nowhere)) {
        let note = format!("there is no row in {} that rows could point to", link.to);
        supply.notes.push(note);
        return Ok(supply);
    }
    let mut refused = None;
    for at in 0..pairs as u64 {
        let made = pair(code, &makers, workload, 2 * at);
        match made.and_then(|pair| tried(code, workload, &pair, &mut supply.own).map(|()| pair)) {
            Ok(pair) => supply.pairs.push(pair),
            Err(message) => refused = Some(message),
        }
    }
    if let Some(message) = refused {
        let kept = supply.pairs.len();
        supply.notes.push(if kept == 0 {
            message
        } else {
            format!("code works on {kept} rows of the {pairs} wanted; of others the database said: {message}")
        });
    }
    if !supply.own.is_empty() {
        supply.notes.push(format!(
            "the database itself gives {} other values than are written, so they are not compared",
            supply.own.join(", ")
        ));
    }
    Ok(supply)
}

/// The columns of which no two rows may have the same values.
fn unique(table: &Table, workload: &Workload) -> BTreeSet<String> {
    let indexes = table.indexes.iter().filter(|it| it.unique);
    let named = indexes.flat_map(|it| it.columns.iter().filter_map(|it| it.name.clone()));
    let key = workload.table.key.iter().cloned();
    named.chain(key).collect()
}

/// What the columns of a foreign key that the change brings can point to. Code obeys it before it is
/// there.
struct Targets {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    /// Whether nothing else may point to the same.
    once: bool,
    /// Whether they may point to nothing.
    optional: bool,
}

fn targets(
    code: &mut Code,
    table: &Table,
    link: &Link,
    unique: &BTreeSet<String>,
) -> Result<Targets, Trouble> {
    let columns: Vec<&Column> = link
        .columns
        .iter()
        .filter_map(|it| table.column(it))
        .collect();
    let once = columns.iter().any(|it| unique.contains(&it.name));
    let there: Vec<String> = link
        .to_columns
        .iter()
        .map(|it| format!("b.{}", name(it)))
        .collect();
    let present: Vec<String> = there.iter().map(|it| format!("{it} IS NOT NULL")).collect();
    let taken = if once {
        let same: Vec<String> = columns
            .iter()
            .zip(&there)
            .map(|(it, there)| format!("{there} = +a.{}", name(&it.name)))
            .collect();
        format!(
            " AND NOT EXISTS (SELECT 1 FROM {} AS a WHERE {})",
            name(&table.name),
            same.join(" AND ")
        )
    } else {
        String::new()
    };
    let mut rows = Vec::new();
    for at in 0..EXAMPLES {
        let sql = format!(
            "SELECT {} FROM {} AS b WHERE {}{taken} LIMIT 1 OFFSET {at}",
            there.join(", "),
            name(&link.to),
            present.join(" AND ")
        );
        match code.read(&sql, &[])? {
            Some(row) => rows.push(row),
            None => break,
        }
    }
    let key = |it: &&Column| it.primary_key > 0;
    Ok(Targets {
        rows,
        once,
        optional: columns.iter().any(|it| !it.not_null && !key(it)),
        columns: columns.into_iter().map(|it| it.name.clone()).collect(),
    })
}

impl Targets {
    /// What a column of a row with this number holds; none where it is no column of the key.
    fn value(&self, column: &str, number: u64) -> Option<Option<String>> {
        let place = self.columns.iter().position(|it| it == column)?;
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let row = if self.once {
            self.rows.get(at)
        } else if self.optional && number % 4 == 3 {
            None
        } else {
            self.rows.get(at % self.rows.len().max(1))
        };
        Some(row.and_then(|row| row.get(place).cloned().flatten()))
    }
}

/// The strings in a CHECK, for each column that it is about.
fn lists(table: &Table) -> BTreeMap<String, Vec<String>> {
    let all = tokens(&table.sql);
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for group in groups_after(&all, "check") {
        let strings = group.iter().filter_map(|it| match it {
            Token::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        });
        let strings: Vec<String> = strings.collect();
        for column in &table.columns {
            if !strings.is_empty() && group.iter().any(|it| it.is_name(&column.name)) {
                lists.insert(column.name.clone(), strings.clone());
            }
        }
    }
    lists
}

fn examples(code: &mut Code, table: &Table) -> Result<Vec<Texts>, Trouble> {
    let columns: Vec<&String> = table.columns.iter().map(|it| &it.name).collect();
    let list: Vec<String> = columns.iter().map(|it| name(it)).collect();
    let mut found = Vec::new();
    for at in 0..EXAMPLES {
        let sql = format!(
            "SELECT {} FROM {} LIMIT 1 OFFSET {at}",
            list.join(", "),
            name(&table.name)
        );
        let Some(row) = code.read(&sql, &[])? else {
            break;
        };
        found.push(columns.iter().map(|it| (*it).clone()).zip(row).collect());
    }
    Ok(found)
}

/// A row of the change's table, with what a table that is merged into it has for it.
fn made(makers: &[Maker<'_>], workload: &Workload, number: u64) -> Texts {
    let mut all = makers.iter().map(|it| it.row(number));
    let mut row = all.next().unwrap_or_default();
    if let (Some(mut other), Some(gone)) = (all.next(), &workload.other) {
        for (old, new) in &gone.columns {
            row.insert(new.clone(), other.remove(old).flatten());
        }
    }
    row
}

/// Makes rows from their numbers.
struct Maker<'a> {
    table: &'a Table,
    targets: Option<Targets>,
    unique: BTreeSet<String>,
    lists: BTreeMap<String, Vec<String>>,
    examples: Vec<Texts>,
    first: u64,
}

impl Maker<'_> {
    /// Whether no row can be made, because there is nothing to point to.
    fn points_nowhere(&self) -> bool {
        let targets = self.targets.as_ref();
        targets.is_some_and(|it| it.rows.is_empty() && !it.optional)
    }

    fn row(&self, number: u64) -> Texts {
        let columns = self.table.columns.iter();
        columns
            .map(|it| (it.name.clone(), self.value(it, number)))
            .collect()
    }

    fn value(&self, column: &Column, number: u64) -> Option<String> {
        let pointed = self.targets.as_ref();
        if let Some(value) = pointed.and_then(|it| it.value(&column.name, number)) {
            return value;
        }
        let own = self.first + number;
        let kind = column.declared_type.to_ascii_lowercase();
        if self.unique.contains(&column.name) {
            return Some(if kind.contains("int") {
                own.to_string()
            } else {
                format!("{} {own}", column.name)
            });
        }
        let at = |len: usize| usize::try_from(number).unwrap_or(0) % len.max(1);
        if let Some(example) = self.examples.get(at(self.examples.len())) {
            return example.get(&column.name).cloned().flatten();
        }
        if let Some(list) = self.lists.get(&column.name) {
            return list.get(at(list.len())).cloned();
        }
        if !column.not_null && number % 4 == 3 {
            return None;
        }
        Some(made_up(&column.name, &kind, own))
    }
}

/// A value as a type demands it.
fn made_up(column: &str, kind: &str, number: u64) -> String {
    let has = |parts: &[&str]| parts.iter().any(|it| kind.contains(it));
    if has(&["int", "bool"]) {
        (number % 1_000).to_string()
    } else if has(&["real", "floa", "doub", "num", "dec"]) {
        format!("{}.5", number % 1_000)
    } else if has(&["date", "time"]) {
        format!("2026-01-02 03:{:02}:{:02}", number / 60 % 60, number % 60)
    } else {
        format!("{column} {number}")
    }
}

fn pair(
    code: &mut Code,
    makers: &[Maker<'_>],
    workload: &Workload,
    at: u64,
) -> Result<Pair, String> {
    let first = made(makers, workload, at);
    let mut second = made(makers, workload, at + 1);
    for column in &workload.table.key {
        second.insert(column.clone(), first.get(column).cloned().flatten());
    }
    break_rule(code, workload, &mut second);
    Ok([
        variant(code, workload, first, at)?,
        variant(code, workload, second, at + 1)?,
    ])
}

/// A `FROM` item that is one row with these values, under the table's name.
fn row(workload: &Workload, plain: &Texts) -> (String, Vec<Option<String>>) {
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for (at, column) in workload.table.columns.iter().enumerate() {
        columns.push(format!("?{} AS {}", at + 1, name(&column.name)));
        values.push(plain.get(&column.name).cloned().flatten());
    }
    let alias = &workload.table.alias;
    (
        format!("(SELECT {}) AS {alias}", columns.join(", ")),
        values,
    )
}

/// The row in both shapes.
fn variant(
    code: &mut Code,
    workload: &Workload,
    plain: Texts,
    number: u64,
) -> Result<Variant, String> {
    let mut shapes = Vec::new();
    for sources in [&workload.old, &workload.new] {
        let mut texts = Texts::new();
        for (column, source) in sources {
            let kind = workload.types.get(column).map_or("", String::as_str);
            let value = match source {
                Source::Kept => plain.get(column).cloned().flatten(),
                Source::Constant(value) => Some(value.clone()),
                Source::MadeUp => Some(made_up(column, &kind.to_ascii_lowercase(), number)),
                Source::Expression(value) => computed(code, workload, &plain, value, kind)?,
            };
            texts.insert(column.clone(), value);
        }
        shapes.push(texts);
    }
    let new = shapes.pop().unwrap_or_default();
    let old = shapes.pop().unwrap_or_default();
    Ok(Variant { plain, old, new })
}

/// What a column of a type holds after it was given a value.
fn computed(
    code: &mut Code,
    workload: &Workload,
    plain: &Texts,
    value: &str,
    kind: &str,
) -> Result<Option<String>, String> {
    let made = format!("DROP TABLE IF EXISTS temp.made; CREATE TEMP TABLE made (it {kind})");
    let connection = &code.connection;
    connection
        .execute_batch(&made)
        .map_err(|error| error.to_string())?;
    let (from, values) = row(workload, plain);
    let insert = format!("INSERT INTO temp.made SELECT {value} FROM {from}");
    code.run(&insert, &values)?;
    let found = code.read("SELECT CAST(it AS TEXT) FROM temp.made", &[])?;
    Ok(found.and_then(|row| row.into_iter().next().flatten()))
}

/// Gives a row a value with which it breaks the rule that the change brings, if one is found. A
/// row that breaks it already stays.
fn break_rule(code: &mut Code, workload: &Workload, plain: &mut Texts) {
    let Some((columns, broken)) = &workload.breaks else {
        return;
    };
    let breaks = |code: &mut Code, plain: &Texts| {
        let (from, values) = row(workload, plain);
        let found = code.read(&format!("SELECT ({broken}) FROM {from}"), &values);
        matches!(found, Ok(Some(row)) if row.first() == Some(&Some("1".to_owned())))
    };
    if breaks(code, plain) {
        return;
    }
    for column in columns {
        for value in BREAKING {
            let mut tried = plain.clone();
            tried.insert(column.clone(), value.map(str::to_owned));
            if breaks(code, &tried) {
                *plain = tried;
                return;
            }
        }
    }
}

/// Writes and reads a row as the first version does, and leaves no trace. Columns that come back
/// other than they were written are added to `own`.
fn tried(
    code: &mut Code,
    workload: &Workload,
    pair: &Pair,
    own: &mut Vec<String>,
) -> Result<(), String> {
    let Some(version) = workload.versions.iter().find(|it| it.insert.is_some()) else {
        return Ok(());
    };
    code.tell("BEGIN").map_err(|error| error.to_string())?;
    let done = try_version(code, version, pair, own);
    code.tell("ROLLBACK").map_err(|error| error.to_string())?;
    done
}
