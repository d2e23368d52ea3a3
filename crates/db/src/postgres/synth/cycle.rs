//! Tables that reference each other: rows of all of them in one statement where nothing may be
//! null, and otherwise references that are filled in afterwards.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::catalog::{Reference, Table};
use super::judge::insert;
use super::plan::Plan;
use super::pool::{Pool, unused};
use super::report::Refusal;
use super::row::Row;
use super::session::{Connection, changed, ident, quote, rows};
use super::value::Value;
use crate::random::{Rng, hash, mix};

/// Rows that are inserted together at most; further ones find these to point to.
pub(super) const TOGETHER: u64 = 200;
/// Rows that get a reference afterwards at most.
const LATER: u64 = 20_000;
/// Rows of one update.
const BATCH: usize = 1000;
/// Single updates in a row that are refused.
const FRUITLESS: u32 = 30;

/// Inserts `count` rows into each table in one statement: foreign keys are compared at its end.
///
/// The plans leave out the references among the tables.
pub(super) fn together(
    client: &mut Connection<'_>,
    plans: &[Plan<'_>],
    count: u64,
) -> Result<Result<(), Refusal>, postgres::Error> {
    let mut all: Vec<Vec<Row>> = plans
        .iter()
        .map(|plan| {
            (plan.first..plan.first + count)
                .map(|n| plan.row(n, 1))
                .collect()
        })
        .collect();
    // Twice, because what is copied may itself have been copied.
    for _ in 0..2 {
        for (place, plan) in plans.iter().enumerate() {
            for reference in plan.table.references.iter().filter(|r| !r.implied) {
                let find = |other: &Plan<'_>| other.table.listed.oid == reference.parent;
                if let Some(parent) = plans.iter().position(find) {
                    point(plans, &mut all, place, reference, parent);
                }
            }
        }
    }
    let mut sql = String::from("WITH ");
    for (place, plan) in plans.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}t{place} AS (");
        insert(plan, &all[place], &mut sql);
        sql.push_str(" RETURNING 1)");
    }
    sql.push_str(" SELECT 1");
    Refusal::told(client.simple_query(&sql).map(|_| ()))
}

/// Lets the rows of one table point to those of another that are inserted with them.
fn point(
    plans: &[Plan<'_>],
    all: &mut [Vec<Row>],
    child: usize,
    reference: &Reference,
    parent: usize,
) {
    let columns = &plans[parent].table.columns;
    let find = |name: &String| columns.iter().position(|column| column.name == *name);
    let from: Vec<usize> = reference.parent_columns.iter().filter_map(find).collect();
    for number in 0..all[child].len() {
        for (to, from) in reference.columns.iter().zip(&from) {
            // The row with the same number, so that each is pointed to once.
            let text = all[parent][number].values[*from].text(&columns[*from].kind);
            all[child][number].values[*to] = text.map_or(Value::Null, Value::Text);
        }
    }
}

/// Fills in a reference that was left null; most rows get one. Says how many did.
pub(super) fn later(
    client: &mut Connection<'_>,
    table: &Table,
    reference: &Reference,
    pool: &Pool,
    seed: u64,
) -> Result<Result<u64, Refusal>, postgres::Error> {
    let name = |column: &usize| ident(&table.columns[*column].name);
    let kind = |column: &usize| &table.columns[*column].kind;
    let open: Vec<usize> = reference
        .columns
        .iter()
        .filter(|column| !table.columns[**column].not_null)
        .copied()
        .collect();
    let once = table.keys.iter().any(|key| {
        key.predicate.is_none() && key.columns.iter().all(|c| reference.columns.contains(c))
    });
    let fresh;
    let pool = if once {
        fresh = unused(client, table, reference, LATER)?;
        &fresh
    } else {
        pool
    };
    if pool.is_empty() || open.is_empty() {
        return Ok(Ok(0));
    }
    let texts: Vec<String> = reference
        .columns
        .iter()
        .map(|column| format!("{}::text", name(column)))
        .collect();
    let nulls: Vec<String> = open
        .iter()
        .map(|c| format!("{} IS NULL", name(c)))
        .collect();
    let sql = format!(
        "SELECT tableoid, ctid, {} FROM {} WHERE {} \
         ORDER BY tableoid::regclass::text COLLATE \"C\", ctid LIMIT {LATER}",
        texts.join(", "),
        table.listed.source(),
        nulls.join(" AND ")
    );
    let found = match Refusal::told(rows(client, &sql))? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut rng = Rng::new(mix(seed, hash(&reference.name)));
    let mut next = 0;
    let mut values: Vec<String> = Vec::new();
    for row in &found {
        if rng.chance(100) {
            continue;
        }
        // What is set already, such as a tenant, has to agree.
        let agrees = |key: &Vec<String>| {
            (0..key.len()).all(|at| row.get(at + 2).is_none_or(|text| text == key[at]))
        };
        let start = if once { next } else { rng.skewed(pool.len()) };
        if once && next >= pool.len() {
            break;
        }
        let step =
            (0..pool.len().min(3000)).find(|step| agrees(&pool[(start + step) % pool.len()]));
        let Some(step) = step else {
            continue;
        };
        next = start + step + 1;
        let key = &pool[(start + step) % pool.len()];
        let mut value = format!(
            "({}::oid, {}::tid",
            quote(row.get(0).unwrap_or_default()),
            quote(row.get(1).unwrap_or_default())
        );
        for column in &open {
            let at = reference.columns.iter().position(|c| c == column);
            let text = at.and_then(|at| key.get(at)).map_or("", String::as_str);
            let text = Value::Text(text.to_owned())
                .text(kind(column))
                .unwrap_or_default();
            let _ = write!(
                value,
                ", CAST({} AS {})",
                quote(&text),
                table.columns[*column].written
            );
        }
        value.push(')');
        values.push(value);
    }
    let mut sets = Vec::new();
    let mut names = Vec::new();
    for (place, column) in open.iter().enumerate() {
        sets.push(format!("{} = v.c{place}", name(column)));
        names.push(format!("c{place}"));
    }
    let update = |values: &[String]| {
        format!(
            "UPDATE {} AS t SET {} FROM (VALUES {}) AS v (o, p, {}) \
             WHERE t.ctid = v.p AND t.tableoid = v.o",
            table.listed.source(),
            sets.join(", "),
            values.join(", "),
            names.join(", ")
        )
    };
    let mut done = 0;
    let mut refusal = None;
    let mut fruitless = 0;
    for batch in values.chunks(BATCH) {
        match Refusal::told(changed(client, &update(batch)))? {
            Ok(count) => done += count,
            Err(_) => {
                for value in batch {
                    match Refusal::told(changed(client, &update(std::slice::from_ref(value))))? {
                        Ok(count) => {
                            done += count;
                            fruitless = 0;
                        }
                        Err(told) => {
                            fruitless += 1;
                            refusal = Some(told);
                        }
                    }
                    if fruitless >= FRUITLESS {
                        break;
                    }
                }
            }
        }
        if fruitless >= FRUITLESS {
            break;
        }
    }
    Ok(match refusal {
        Some(refusal) if done == 0 => Err(refusal),
        _ => Ok(done),
    })
}

/// References among the tables of a group, as places in each table's references.
pub(super) fn among(tables: &[&Table], table: &Table) -> BTreeSet<usize> {
    let oids: BTreeSet<u32> = tables.iter().map(|other| other.listed.oid).collect();
    let references = table.references.iter().enumerate();
    references
        .filter(|(_, reference)| !reference.implied && oids.contains(&reference.parent))
        .map(|(place, _)| place)
        .collect()
}
