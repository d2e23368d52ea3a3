//! Rows for the code to write: made up or taken from the table, and out of it from then on.

use std::collections::BTreeMap;

use switchback_migration::definition::Work;
use switchback_migration::sql::ir::Name;
use switchback_migration::steps;
use switchback_migration::workload::{Source, Table, Workload};
use switchback_model::Effect;
use switchback_model::plan::Direction;

use super::connection::Code;
use super::{PostgresBench, Rows, values};
use crate::postgres::error::PgError;
use crate::postgres::session::{Session, literal, name};
use crate::postgres::synth::{self, Request, Tables};
use crate::rehearsal::bench::{Pair, Supply, Texts, Trouble, try_version};
use crate::rehearsal::own::EXAMPLES;

/// How many rows other tables have at least, so that there is something to point to.
const OTHERS: u64 = 20;

/// The schema in which values for new columns are made up.
const MADE: &str = "switchback_made_up";

/// The first column of the first row, as a number.
pub(super) fn number(session: &mut Session, sql: &str) -> Result<u64, PgError> {
    let found = session.rows(sql)?;
    found
        .first()
        .and_then(|row| row.get(0)?.parse().ok())
        .ok_or(PgError::Unexpected {
            question: "how many rows there are",
        })
}

pub(super) fn count(session: &mut Session, table: &Table) -> Result<u64, PgError> {
    number(session, &format!("SELECT count(*) FROM {}", table.sql))
}

pub(super) fn supply(
    bench: &mut PostgresBench,
    workload: &Workload,
    pairs: usize,
) -> Result<Supply, Trouble> {
    let mut supply = Supply::default();
    let wanted = 2 * pairs as u64;
    fill(bench, workload, wanted, &mut supply)?;
    let rows = take_out(&mut bench.session, workload, wanted)?;
    let made = make_up(bench, workload, wanted)?;
    let mut code = Code::open(&bench.config)?;
    let mut refused = None;
    for (number, two) in rows.chunks_exact(2).enumerate() {
        let made = |place: usize| -> Texts {
            let one = |(column, values): (&String, &Vec<Option<String>>)| {
                let at = (2 * number + place) % values.len().max(1);
                (column.clone(), values.get(at).cloned().flatten())
            };
            made.iter().map(one).collect()
        };
        match pair(&mut code, workload, two, [made(0), made(1)]) {
            Ok(pair) => match tried(&mut code, workload, &pair, &mut supply.own)? {
                Ok(()) => supply.pairs.push(pair),
                Err(message) => refused = Some(message),
            },
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
    } else if supply.pairs.is_empty() {
        let lacking = "the table has no rows, and none could be made up".to_owned();
        supply.notes.push(lacking);
    }
    if !supply.own.is_empty() {
        supply.notes.push(format!(
            "the database itself gives {} other values than are written, so they are not compared",
            supply.own.join(", ")
        ));
    }
    Ok(supply)
}

/// Values of a column as literals, in an order that has nothing to do with theirs.
pub(super) fn examples(
    session: &mut Session,
    tables: &[Name],
    column: &str,
) -> Result<Option<Vec<String>>, PgError> {
    let c = name(column);
    for table in tables {
        let sql = match &table.schema {
            Some(schema) => format!("{}.{}", name(schema), name(&table.name)),
            None => name(&table.name),
        };
        let there = session.rows(&format!(
            "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass({}) AND attname = {} \
             AND attnum > 0 AND NOT attisdropped",
            literal(&sql),
            literal(column)
        ))?;
        if there.is_empty() {
            continue;
        }
        let found = session.rows(&format!(
            "SELECT quote_literal({c}::text) FROM (SELECT DISTINCT {c}::text FROM {sql} \
             WHERE {c} IS NOT NULL) AS it ({c}) ORDER BY md5({c}) LIMIT {EXAMPLES}"
        ))?;
        return Ok(Some(found.iter().map(|row| row.text(0)).collect()));
    }
    Ok(None)
}

/// Makes rows up where that was asked for, and always those that code takes.
fn fill(
    bench: &mut PostgresBench,
    workload: &Workload,
    wanted: u64,
    supply: &mut Supply,
) -> Result<(), Trouble> {
    let there = count(&mut bench.session, &workload.table)?;
    let (seed, each) = match bench.rows {
        Rows::Kept => (1, 0),
        Rows::MadeUp { each, seed } => (seed, each),
    };
    let mut request = Request::new(seed, each.max(OTHERS));
    let other = workload.other.as_ref().map(|it| &it.sql);
    let mine: Vec<&String> = std::iter::once(&workload.table.sql).chain(other).collect();
    if bench.rows == Rows::Kept {
        request.tables = Tables::Named(mine.iter().map(|it| (*it).clone()).collect());
    }
    for table in mine {
        request
            .rows_of
            .insert(plain_name(table), there + each + wanted);
    }
    // Rows that nothing mends have to obey the rule from the start, so they are made under it.
    let under_rule = workload.obeying && there == 0;
    if under_rule {
        scripts(bench, Direction::Up)?;
    }
    let filled = synth::fill(bench.session.client(), &request)?;
    if under_rule {
        scripts(bench, Direction::Down)?;
    }
    let mut others = 0;
    for (table, reason) in filled.lacking() {
        if format!("{}.{}", table.schema, table.table) == plain_name(&workload.table.sql) {
            let note = format!(
                "{} got {} rows: {reason}",
                workload.table.sql, table.inserted
            );
            supply.notes.push(note);
        } else {
            others += 1;
        }
    }
    if others > 0 {
        supply.notes.push(format!(
            "{others} other tables could not be filled as far as was wanted"
        ));
    }
    Ok(())
}

/// A name without its quotes, as the catalog has it.
fn plain_name(sql: &str) -> String {
    sql.replace("\"\"", "\u{1}")
        .replace('"', "")
        .replace('\u{1}', "\"")
}

/// Runs the scripts of all steps on the empty table.
fn scripts(bench: &mut PostgresBench, direction: Direction) -> Result<(), Trouble> {
    let mut all: Vec<_> = bench.definition.steps.clone();
    if direction == Direction::Down {
        all.reverse();
    }
    for step in all {
        if let Work::Code { .. } = step.work {
            continue;
        }
        for planned in steps::planned(&bench.definition, &step.name, direction)? {
            if let Effect::Script(_) = planned.effect {
                bench.hands.apply(&planned.effect)?;
            }
        }
    }
    Ok(())
}

/// Takes rows out of the table, in an order that has nothing to do with theirs, and with each what
/// belongs to it in a table that is merged into it. One that others point to stays.
fn take_out(
    session: &mut Session,
    workload: &Workload,
    wanted: u64,
) -> Result<Vec<Texts>, PgError> {
    let table = &workload.table;
    let own = table.columns.iter().map(|it| &it.name);
    let mut names: Vec<&String> = own.clone().collect();
    let mut list: Vec<String> = own.map(|it| format!("one.{}::text", name(it))).collect();
    let (mut join, mut with, mut first) = (String::new(), String::new(), String::new());
    if let Some(other) = &workload.other {
        let on = |row: &str| -> String {
            let same = |(here, there): &(String, String)| {
                format!("two.{} = {row}.{}", name(here), name(there))
            };
            let all: Vec<String> = other.by.iter().map(same).collect();
            all.join(" AND ")
        };
        join = format!(" LEFT JOIN {} AS two ON {}", other.sql, on("one"));
        // Rows of the other table go in the same statement, so that nothing points to the row then.
        with = format!(
            "WITH gone AS (DELETE FROM {} AS two USING {} AS one WHERE {} AND one.tableoid = {{oid}} AND one.ctid = '{{ctid}}') ",
            other.sql,
            table.sql,
            on("one")
        );
        first = "two IS NULL, ".to_owned();
        for (old, new) in &other.columns {
            names.push(new);
            list.push(format!("two.{}::text", name(old)));
        }
    }
    let list = if list.is_empty() {
        "NULL".to_owned()
    } else {
        list.join(", ")
    };
    let found = session.rows(&format!(
        "SELECT one.tableoid, one.ctid, {list} FROM {} AS one{join} \
         ORDER BY {first}md5(one.ctid::text || one.tableoid::text), one.tableoid LIMIT {}",
        table.sql,
        wanted * 10
    ))?;
    let mut rows = Vec::new();
    for row in found {
        if rows.len() as u64 == wanted {
            break;
        }
        let (oid, ctid) = (row.text(0), row.text(1));
        let delete = format!(
            "{}DELETE FROM {} WHERE tableoid = {oid} AND ctid = '{ctid}' RETURNING 1",
            with.replace("{oid}", &oid).replace("{ctid}", &ctid),
            table.sql,
        );
        match session.rows(&delete) {
            Ok(gone) if gone.is_empty() => continue,
            Ok(_) => {}
            Err(PgError::Refused(_)) => continue,
            Err(error) => return Err(error),
        }
        let texts = names.iter().enumerate();
        rows.push(
            texts
                .map(|(at, it)| ((*it).clone(), row.get(at + 2).map(str::to_owned)))
                .collect(),
        );
    }
    Ok(rows)
}

/// Values for columns that the change makes and that come from nowhere.
fn make_up(
    bench: &mut PostgresBench,
    workload: &Workload,
    wanted: u64,
) -> Result<BTreeMap<String, Vec<Option<String>>>, Trouble> {
    let mut made = BTreeMap::new();
    let columns = workload.new.iter();
    for (column, _) in columns.filter(|(_, source)| **source == Source::MadeUp) {
        let type_sql = workload.types.get(column).map_or("text", String::as_str);
        let (session, c) = (&mut bench.session, name(column));
        session.run(&format!(
            "CREATE SCHEMA {MADE}; CREATE TABLE {MADE}.of (\"number\" bigint PRIMARY KEY, {c} \
             {type_sql} NOT NULL)"
        ))?;
        let mut request = Request::new(1, wanted);
        request.tables = Tables::Named(vec![format!("{MADE}.of")]);
        synth::fill(session.client(), &request)?;
        let rows = session.rows(&format!(
            "SELECT {c}::text FROM {MADE}.of ORDER BY \"number\""
        ))?;
        session.run(&format!("DROP SCHEMA {MADE} CASCADE"))?;
        let values = rows.iter().map(|row| row.get(0).map(str::to_owned));
        made.insert(column.clone(), values.collect());
    }
    Ok(made)
}

/// Two rows with one key.
fn pair(
    code: &mut Code,
    workload: &Workload,
    rows: &[Texts],
    made: [Texts; 2],
) -> Result<Pair, String> {
    let mut variants = Vec::new();
    let first = rows.first().cloned().unwrap_or_default();
    for (place, (row, made)) in rows.iter().zip(&made).enumerate() {
        let mut plain = row.clone();
        for column in &workload.table.key {
            plain.insert(column.clone(), first.get(column).cloned().flatten());
        }
        if place == 1 {
            values::break_rule(code, workload, &mut plain);
        }
        variants.push(values::variant(code, workload, plain, made)?);
    }
    let second = variants.pop().unwrap_or_default();
    let first = variants.pop().unwrap_or_default();
    Ok([first, second])
}

/// Writes and reads a row as the first version does, and leaves no trace. Inside is what the
/// database refuses; columns that come back other than they were written are added to `own`.
fn tried(
    code: &mut Code,
    workload: &Workload,
    pair: &Pair,
    own: &mut Vec<String>,
) -> Result<Result<(), String>, PgError> {
    let Some(version) = workload.versions.iter().find(|it| it.insert.is_some()) else {
        return Ok(Ok(()));
    };
    code.tell("BEGIN")?;
    let result = try_version(code, version, pair, own);
    code.tell("ROLLBACK")?;
    Ok(result)
}
