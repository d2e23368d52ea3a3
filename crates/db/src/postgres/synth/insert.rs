//! Getting the rows of one table into it: quickly where that works, patiently where it does not.

use std::io::Write as _;
use std::rc::Rc;

use super::catalog::{Check, Table};
use super::judge::{broken, copy_line, insert};
use super::kind::Kind;
use super::plan::Plan;
use super::pool::unused;
use super::report::Refusal;
use super::row::Row;
use super::session::{Connection, changed, ident, idents, rows};
use super::value::Value;
use crate::random::{Rng, hash, mix};

/// Rows of one `INSERT`.
const BATCH: u64 = 500;
/// Rows of one `COPY`.
const CHUNK: u64 = 20_000;
/// From how many rows on `COPY` is worth it.
const MANY: u64 = 1500;
/// How often the same rows are made anew when they break constraints.
const ATTEMPTS: u32 = 10;
/// Batches in a row that give nothing.
const STUCK: u32 = 8;
/// Statements in a row that the server refuses.
const FRUITLESS: u32 = 150;
/// Keys that are fetched at a time for those who point to each key once only.
const UNUSED: u64 = CHUNK;

/// How far a table has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) inserted: u64,
    /// What the server said last.
    pub(super) refusal: Option<Refusal>,
    /// Whether no further keys are there to point to.
    pub(super) used_up: Option<String>,
    /// Whether rows were gone afterwards.
    pub(super) removed: bool,
    fruitless: u32,
    /// A row that broke constraints, for the server to say which.
    bad: Option<Row>,
}

/// Puts up to `missing` rows into the table.
pub(super) fn fill(
    client: &mut Connection<'_>,
    plan: &mut Plan<'_>,
    missing: u64,
) -> Result<Progress, postgres::Error> {
    let mut progress = Progress::default();
    let mut next = plan.first;
    let mut stuck = 0;
    let mut refused = 0;
    let mut copies_failed = 0;
    let mut smooth = false;
    let own = plan.links.iter().any(|link| link.own.is_some());
    // Roots first, then rows that point to those that are there.
    let mut size = if own { 3 } else { BATCH };
    while progress.inserted < missing && stuck < STUCK && progress.fruitless < FRUITLESS {
        let left = missing - progress.inserted;
        let copy = smooth && left >= MANY && copies_failed < 3 && !plan.given().is_empty();
        let most = if copy { CHUNK } else { BATCH };
        size = if own { size.min(most) } else { most };
        let mut count = left.min(size);
        match refill(client, plan, next, most, own)? {
            Refill::Nothing(name) => {
                progress.used_up = Some(name);
                break;
            }
            Refill::Room(room) => count = count.min(room),
        }
        let start = next;
        next = next.saturating_add(count);
        if own {
            size = size.saturating_mul(4);
        }
        if copy {
            match copy_in(client, plan, start, count)? {
                Ok(done) => {
                    progress.inserted += done;
                    stuck = 0;
                    continue;
                }
                Err(refusal) => {
                    progress.refusal = Some(refusal);
                    copies_failed += 1;
                    smooth = false;
                    next = start.saturating_add(count.min(BATCH));
                    count = next - start;
                }
            }
        }
        let made: Vec<Row> = (start..start + count).map(|n| plan.row(n, 0)).collect();
        let done = if refused >= 2 && has_checks(plan) {
            patiently(client, plan, made, &mut progress)?
        } else {
            match insert_all(client, plan, &made)? {
                Ok(done) => {
                    smooth = done == count;
                    prove(plan, &made);
                    done
                }
                Err(refusal) => {
                    if refusal.is_wait() {
                        progress.refusal = Some(refusal);
                        break;
                    }
                    progress.refusal = Some(refusal);
                    refused += 1;
                    patiently(client, plan, made, &mut progress)?
                }
            }
        };
        progress.inserted += done;
        if done == 0 {
            stuck += 1;
            // Numbers that others have taken are passed over ever faster.
            next = next.saturating_add(count << stuck.min(16));
        } else {
            stuck = 0;
        }
    }
    if progress.inserted < missing
        && progress.refusal.is_none()
        && let Some(row) = progress.bad.take()
        && let Err(refusal) = insert_all(client, plan, &[row])?
    {
        progress.refusal = Some(refusal);
    }
    Ok(progress)
}

impl Plan<'_> {
    /// The columns that we give values for.
    pub(super) fn given(&self) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|column| self.columns[*column].given)
            .collect()
    }
}

fn has_checks(plan: &Plan<'_>) -> bool {
    plan.checks(0).next().is_some()
}

fn prove(plan: &mut Plan<'_>, made: &[Row]) {
    for row in made {
        plan.leaves[row.leaf].proven.insert(row.variant);
    }
}

enum Refill {
    /// So many rows can be made with what is there.
    Room(u64),
    /// Each key has been pointed to.
    Nothing(String),
}

/// Fetches keys: those that nobody points to yet where each may be used once, and the table's own
/// where it references itself.
fn refill(
    client: &mut Connection<'_>,
    plan: &mut Plan<'_>,
    next: u64,
    most: u64,
    own: bool,
) -> Result<Refill, postgres::Error> {
    let mut room = u64::MAX;
    let table = plan.table;
    for link in &mut plan.links {
        let reference = &table.references[link.reference];
        if let Some(first) = link.exclusive {
            let len = link.pool.len() as u64;
            let used = next.wrapping_sub(first);
            if first == u64::MAX || used >= len {
                link.pool = Rc::new(unused(client, table, reference, most.max(UNUSED))?);
                link.exclusive = Some(next);
                link.index();
                if link.pool.is_empty() && link.implied {
                    link.exclusive = None;
                    for column in &link.columns {
                        plan.columns[*column].unique = true;
                    }
                } else if link.pool.is_empty() && !link.nullable {
                    return Ok(Refill::Nothing(reference.name.clone()));
                }
                if !link.pool.is_empty() {
                    room = room.min(link.pool.len() as u64);
                }
            } else {
                room = room.min(len - used);
            }
        } else if own && link.own.is_some() && (link.pool.len() as u64) < UNUSED {
            link.pool = Rc::new(keys(client, table, reference)?);
            link.index();
        }
    }
    Ok(Refill::Room(room.max(1)))
}

/// The table's own keys, fresh.
fn keys(
    client: &mut Connection<'_>,
    table: &Table,
    reference: &super::catalog::Reference,
) -> Result<super::pool::Pool, postgres::Error> {
    let mut pools = super::pool::Pools::default();
    Ok(pools.get(client, table, reference, 0)?.to_vec())
}

/// Inserts all rows that conflict with nothing, in one statement.
fn insert_all(
    client: &mut Connection<'_>,
    plan: &Plan<'_>,
    made: &[Row],
) -> Result<Result<u64, Refusal>, postgres::Error> {
    if made.is_empty() {
        return Ok(Ok(0));
    }
    if plan.table.rules && !plan.given().is_empty() {
        // A rule rewrites `INSERT`, and forbids `ON CONFLICT`.
        return copy_rows(client, plan, made.iter().map(|row| Ok(row.clone())));
    }
    let mut sql = String::with_capacity(made.len() * 100);
    insert(plan, made, &mut sql);
    if !plan.table.deferrable {
        sql.push_str(" ON CONFLICT DO NOTHING");
    }
    Refusal::told(changed(client, &sql))
}

fn copy_in(
    client: &mut Connection<'_>,
    plan: &Plan<'_>,
    start: u64,
    count: u64,
) -> Result<Result<u64, Refusal>, postgres::Error> {
    copy_rows(
        client,
        plan,
        (start..start + count).map(|number| Ok(plan.row(number, 0))),
    )
}

fn copy_rows(
    client: &mut Connection<'_>,
    plan: &Plan<'_>,
    made: impl Iterator<Item = Result<Row, postgres::Error>>,
) -> Result<Result<u64, Refusal>, postgres::Error> {
    let columns = plan.given();
    let names = idents(columns.iter().map(|c| plan.table.columns[*c].name.as_str()));
    let sql = format!("COPY {} ({names}) FROM STDIN", plan.table.listed.sql());
    let copied = client.copy_in(&sql, |writer| {
        let mut buffer = String::with_capacity(80 * 1024);
        for row in made {
            copy_line(plan, &row?, &mut buffer);
            if buffer.len() > 64 * 1024 {
                // The server's answer to what it does not like comes with the end.
                if writer.write_all(buffer.as_bytes()).is_err() {
                    break;
                }
                buffer.clear();
            }
        }
        let _ = writer.write_all(buffer.as_bytes());
        Ok(())
    });
    Refusal::told(copied)
}

/// Inserts what passes the constraints, and makes the rest anew, several times.
fn patiently(
    client: &mut Connection<'_>,
    plan: &mut Plan<'_>,
    made: Vec<Row>,
    progress: &mut Progress,
) -> Result<u64, postgres::Error> {
    let mut inserted = 0;
    let mut pending = made;
    let mut judged = has_checks(plan);
    for attempt in 1..=ATTEMPTS {
        let mut verdicts = vec![Vec::new(); pending.len()];
        if judged {
            match Refusal::told(broken(client, plan, &pending))? {
                Ok(found) => verdicts = found,
                // An expression that fails rather than saying no: the rows themselves will tell.
                Err(_) => judged = false,
            }
        }
        let mut good = Vec::new();
        let mut bad = Vec::new();
        for (row, verdict) in pending.into_iter().zip(verdicts) {
            if verdict.is_empty() {
                good.push(row);
            } else {
                bad.push((row, verdict));
            }
        }
        if let Some((row, _)) = bad.first() {
            progress.bad = Some(row.clone());
        }
        let mut refused = Vec::new();
        inserted += by_halves(client, plan, &good, &mut refused, progress)?;
        bad.extend(refused.into_iter().map(|row| (row, Vec::new())));
        if bad.is_empty() || progress.fruitless >= FRUITLESS {
            break;
        }
        pending = bad
            .into_iter()
            .map(|(row, verdict)| {
                if attempt >= 3 && attempt % 2 == 1 && !verdict.is_empty() {
                    changed_row(plan, row, &verdict, attempt)
                } else {
                    plan.row(row.number, attempt)
                }
            })
            .collect();
    }
    Ok(inserted)
}

/// Inserts rows; where the server refuses, each half for itself, down to single rows.
fn by_halves(
    client: &mut Connection<'_>,
    plan: &mut Plan<'_>,
    good: &[Row],
    refused: &mut Vec<Row>,
    progress: &mut Progress,
) -> Result<u64, postgres::Error> {
    if progress.fruitless >= FRUITLESS {
        return Ok(0);
    }
    match insert_all(client, plan, good)? {
        Ok(done) => {
            if done > 0 {
                progress.fruitless = 0;
                prove(plan, good);
            }
            Ok(done)
        }
        Err(refusal) => {
            progress.fruitless += if refusal.is_wait() { FRUITLESS } else { 1 };
            progress.refusal = Some(refusal);
            if let [row] = good {
                refused.push(row.clone());
                return Ok(0);
            }
            let (left, right) = good.split_at(good.len() / 2);
            let left = by_halves(client, plan, left, refused, progress)?;
            Ok(left + by_halves(client, plan, right, refused, progress)?)
        }
    }
}

/// The row with another value in a column of a constraint that it broke.
fn changed_row(plan: &Plan<'_>, mut row: Row, verdict: &[usize], attempt: u32) -> Row {
    let mut rng = Rng::new(mix(
        mix(plan.key, row.number),
        hash("change") ^ u64::from(attempt),
    ));
    let Some(check) = rng
        .pick(verdict)
        .and_then(|at| plan.checks(row.leaf).nth(*at))
    else {
        return row;
    };
    let linked = |column: &usize| plan.links.iter().any(|l| l.columns.contains(column));
    let mut columns = check.expr.columns();
    columns.retain(|column| plan.columns[*column].given && !linked(column));
    let Some(column) = rng.pick(&columns).copied() else {
        return row;
    };
    if let Some(value) = candidate(plan, check, &row, column, &mut rng) {
        row.values[column] = value;
    }
    row
}

/// A value that a constraint may be about.
fn candidate(
    plan: &Plan<'_>,
    check: &Check,
    row: &Row,
    column: usize,
    rng: &mut Rng,
) -> Option<Value> {
    let kind = &plan.table.columns[column].kind;
    let mut list: Vec<Value> = check.expr.literals().into_iter().map(Value::Text).collect();
    list.extend(plan.columns[column].default.clone().map(Value::Text));
    if !plan.table.columns[column].not_null {
        list.push(Value::Null);
    }
    if kind.measure().is_some() {
        list.extend([Value::Number(0), Value::Number(kind.grain())]);
        list.retain(|value| matches!(value, Value::Null) || value.number(kind).is_some());
    } else if kind.is_text() {
        list.push(Value::Text(String::new()));
    } else if *kind == Kind::Bool {
        let both = ["true", "false"].map(|text| Value::Text(text.to_owned()));
        list = both.to_vec();
    }
    // What another column of the constraint holds.
    for other in check.expr.columns() {
        if other != column && plan.table.columns[other].kind == *kind {
            list.push(row.values[other].clone());
        }
    }
    rng.pick(&list).cloned()
}

/// Lets sequences go on after what we have given.
pub(super) fn advance_sequences(
    client: &mut Connection<'_>,
    plan: &Plan<'_>,
) -> Result<(), postgres::Error> {
    for column in plan.given() {
        let Some(sequence) = &plan.table.columns[column].sequence else {
            continue;
        };
        // Those that count down, or that end before, stay as they are.
        let sql = format!(
            "SELECT setval('{}', GREATEST(s.last_value, m.most)) FROM {sequence} AS s, \
             (SELECT max({})::bigint AS most FROM {}) AS m \
             WHERE m.most IS NOT NULL AND (m.most > s.last_value OR NOT s.is_called)",
            sequence.replace('\'', "''"),
            ident(&plan.table.columns[column].name),
            plan.table.listed.source()
        );
        match rows(client, &sql) {
            Ok(_) => {}
            Err(error) if error.as_db_error().is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
