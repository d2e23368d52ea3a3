//! The keys that foreign keys may point to, as they are in the database.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::catalog::{Reference, Table};
use super::session::{Connection, ident, rows};

/// Keys, each with a text for every column.
pub(super) type Pool = Vec<Vec<String>>;

/// What has been read, until a table gets rows.
#[derive(Debug, Default)]
pub(super) struct Pools {
    known: BTreeMap<(u32, String), Rc<Pool>>,
}

/// Keys that are kept in memory at least, if there are so many.
const LEAST: u64 = 10_000;
/// Keys that are kept in memory at most.
const MOST: u64 = 200_000;
/// Pools that are kept.
const KEPT: usize = 64;

impl Pools {
    /// Keys that `reference` may point to, in their order. Of many only some, evenly.
    pub(super) fn get(
        &mut self,
        client: &mut Connection<'_>,
        table: &Table,
        reference: &Reference,
        wanted: u64,
    ) -> Result<Rc<Pool>, postgres::Error> {
        let limit = wanted.clamp(LEAST, MOST);
        let columns = Columns::of(table, reference);
        let place = (
            reference.parent,
            format!("{} {} {limit}", reference.parent_source, columns.list),
        );
        if let Some(pool) = self.known.get(&place) {
            return Ok(pool.clone());
        }
        let sql = format!(
            "SELECT {} FROM {} AS p WHERE {} ORDER BY {} LIMIT {}",
            columns.texts,
            reference.parent_source,
            columns.given,
            columns.order,
            limit + 1
        );
        let mut pool = read(client, &sql, reference.columns.len())?;
        if pool.len() as u64 > limit {
            let sql = format!(
                "SELECT {texts} FROM (SELECT {list}, row_number() OVER (ORDER BY {order}) - 1 AS \
                 \"switchback place\", count(*) OVER () AS \"switchback all\" FROM {source} AS p \
                 WHERE {given}) AS p WHERE \"switchback place\" % \
                 ((\"switchback all\" + {limit} - 1) / {limit}) = 0 ORDER BY \"switchback place\"",
                texts = columns.texts,
                list = columns.list,
                order = columns.order,
                source = reference.parent_source,
                given = columns.given,
            );
            pool = read(client, &sql, reference.columns.len())?;
        }
        let pool = Rc::new(pool);
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(place, pool.clone());
        Ok(pool)
    }

    /// Forgets the keys of a table that has got rows.
    pub(super) fn forget(&mut self, table: u32) {
        self.known.retain(|(parent, _), _| *parent != table);
    }
}

/// Keys that `reference` may point to and that no row points to yet.
pub(super) fn unused(
    client: &mut Connection<'_>,
    table: &Table,
    reference: &Reference,
    limit: u64,
) -> Result<Pool, postgres::Error> {
    let columns = Columns::of(table, reference);
    let same: Vec<String> = reference
        .columns
        .iter()
        .zip(&reference.parent_columns)
        .map(|(child, parent)| {
            format!(
                "c.{} = p.{}",
                ident(&table.columns[*child].name),
                ident(parent)
            )
        })
        .collect();
    let sql = format!(
        "SELECT {} FROM {} AS p WHERE {} AND NOT EXISTS (SELECT FROM {} AS c WHERE {}) \
         ORDER BY {} LIMIT {limit}",
        columns.texts,
        reference.parent_source,
        columns.given,
        table.listed.source(),
        same.join(" AND "),
        columns.order,
    );
    read(client, &sql, reference.columns.len())
}

struct Columns {
    list: String,
    texts: String,
    given: String,
    order: String,
}

impl Columns {
    fn of(table: &Table, reference: &Reference) -> Self {
        let join = |form: &dyn Fn(&str, bool) -> String, between: &str| {
            reference
                .parent_columns
                .iter()
                .zip(&reference.columns)
                .map(|(name, child)| {
                    form(
                        &format!("p.{}", ident(name)),
                        table.columns[*child].kind.is_text(),
                    )
                })
                .collect::<Vec<_>>()
                .join(between)
        };
        Self {
            list: join(&|name, _| name.to_owned(), ", "),
            texts: join(&|name, _| format!("{name}::text"), ", "),
            given: join(&|name, _| format!("{name} IS NOT NULL"), " AND "),
            // The same order wherever the server runs.
            order: join(
                &|name, text| format!("{name}{}", if text { " COLLATE \"C\"" } else { "" }),
                ", ",
            ),
        }
    }
}

fn read(client: &mut Connection<'_>, sql: &str, width: usize) -> Result<Pool, postgres::Error> {
    let keys = rows(client, sql)?;
    Ok(keys
        .iter()
        .map(|row| {
            (0..width)
                .map(|place| row.get(place).unwrap_or_default().to_owned())
                .collect()
        })
        .collect())
}
