//! Values that a query gives, on SQLite.
//!
//! The query is asked once for the rows of a batch. What it gives is looked up row by row, by the
//! key that it gives: so equal keys are equal as the table says, whatever types the query has, and a
//! row that is given twice is found. All in the transaction of the batch, so that it is of one
//! moment.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use switchback_migration::Engine;
use switchback_migration::backfill::{Query, QueryFault};
use switchback_migration::sqlite::catalog::{Affinity, Table};

use super::batch::{MOST_BYTES, Piece, Wanted};
use super::codec::{Exact, Key, put, shown};
use super::control::{self, RangeRow};
use super::error::{BackfillError, said};
use super::walk::{Keyed, Start, Walk, differ, quoted};
use crate::sqlite::error::{DbError, at};

/// What the rows of a batch are called in the query.
const BATCH: &str = "_sb_batch";

/// A query over the rows of a table, as SQL.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The columns by which the query names a row.
    pub(super) named: Vec<Named>,
    /// From `WITH` up to the condition that says which rows are in the batch, and what follows it.
    around: (String, String),
    /// Key and columns of a row, as they are selected.
    list: String,
    /// The table in SQL.
    t: String,
    /// `AND` and the condition of the definition, if it has one.
    only: String,
    /// The columns that are written, as they stand in SQL.
    columns: Vec<(Affinity, String)>,
}

/// A column by which a row is named.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    sql: String,
}

/// A row that the query gives.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) key: Key,
    /// What the columns have.
    pub(super) has: Vec<Exact>,
    /// What they should have.
    pub(super) wanted: Vec<Exact>,
    pub(super) differs: bool,
}

/// What asking a query came to.
#[derive(Debug)]
pub(super) enum Answer {
    /// The rows that it gives, in no order.
    Rows(Vec<Given>),
    /// It takes more memory than it may; none of it is there.
    TooLarge,
}

/// Some rows of the table: a condition and its parameters, which are numbered from 1.
pub(super) type Rows = (String, Vec<Exact>);

impl Asked {
    /// # Errors
    /// [`BackfillError::Query`] if it does not say what rows get.
    pub(super) fn new(
        connection: &Connection,
        table: &Table,
        keyed: &Keyed,
        query: &Query,
        only: Option<&str>,
    ) -> Result<Self, BackfillError> {
        let fault = |fault| BackfillError::Query {
            table: table.name.clone(),
            fault,
        };
        query.check(Engine::Sqlite).map_err(fault)?;
        let (named, first) = named(table, keyed);
        let key: Vec<String> = named.iter().map(|it| it.name.clone()).collect();
        let t = keyed.t.clone();
        let only = only.map_or_else(String::new, |only| format!(" AND ({only}\n)"));
        // It is read as a statement of its own, and never run as one.
        let alone = query.over(Engine::Sqlite, &format!("(SELECT {first}* FROM {t})"));
        let given = {
            let prepared = connection.prepare(&alone);
            let prepared = prepared.map_err(|error| not_understood(table, &alone, error))?;
            if prepared.parameter_count() > 0 {
                return Err(fault(QueryFault::Parameter));
            }
            let names = prepared.column_names();
            names.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        query.answers(Engine::Sqlite, &key, &given).map_err(fault)?;
        let mut columns = query.columns.clone();
        if let Some(column) = columns
            .iter()
            .find(|column| key.iter().any(|it| it.eq_ignore_ascii_case(column)))
        {
            return Err(BackfillError::Definition {
                what: format!("the column `{column}` cannot be written: rows are named by it"),
            });
        }
        columns.sort_unstable();
        let wanted: Vec<String> = key
            .iter()
            .chain(&columns)
            .map(|it| format!("_sb_q.{}", quoted(it)))
            .collect();
        let around = (
            format!("WITH {BATCH} AS MATERIALIZED (SELECT {first}* FROM {t} NOT INDEXED WHERE "),
            format!(
                "{only}) SELECT {} FROM (\n{}\n) AS _sb_q",
                wanted.join(", "),
                query.over(Engine::Sqlite, BATCH)
            ),
        );
        let mut list = vec![keyed.list()];
        let mut written = Vec::new();
        for name in &columns {
            let column = table.column(name).ok_or_else(|| DbError::NoColumn {
                table: table.name.clone(),
                column: name.clone(),
            })?;
            let name = quoted(&column.name);
            written.push((column.affinity(table.strict), name.clone()));
            list.push(name);
        }
        let asked = Self {
            named,
            around,
            list: list.join(", "),
            columns: written,
            t,
            only,
        };
        let whole = asked.of(&("1".to_owned(), Vec::new()));
        let prepared = connection.prepare(&whole);
        prepared.map_err(|error| not_understood(table, &whole, error))?;
        Ok(asked)
    }

    /// What the query gives for some rows.
    fn of(&self, rows: &Rows) -> String {
        let (before, after) = &self.around;
        format!("{before}{}{after}", rows.0)
    }

    /// Looks up one of the rows by what the query gives: the parameters are those of the rows, the
    /// columns by which it is named, and those that are written.
    fn looked_up(&self, rows: &Rows) -> String {
        let first = rows.1.len() + 1;
        let is: Vec<String> = (first..)
            .zip(&self.named)
            .map(|(mark, it)| format!("{} = ?{mark}", it.sql))
            .collect();
        let apart: Vec<String> = (first + self.named.len()..)
            .zip(&self.columns)
            .map(|(mark, (affinity, column))| differ(*affinity, column, &format!("?{mark}")))
            .collect();
        format!(
            "SELECT {}, ({}) FROM {} WHERE {} AND {}{}",
            self.list,
            apart.join(" OR "),
            self.t,
            is.join(" AND "),
            rows.0,
            self.only
        )
    }

    /// Asks what some rows should have. What it gives of others is of no account.
    ///
    /// # Errors
    /// [`BackfillError::Query`] if it gives a row twice, or what the database says of a row.
    pub(super) fn ask(
        &self,
        connection: &Connection,
        walk: &Walk,
        rows: &Rows,
        most_bytes: usize,
    ) -> Result<Answer, BackfillError> {
        let (all, one) = (self.of(rows), self.looked_up(rows));
        let (width, count) = (walk.keyed.parts.len(), self.columns.len());
        let mut asking = connection.prepare_cached(&all).map_err(at(&all))?;
        let mut looking = connection.prepare_cached(&one).map_err(at(&one))?;
        let mut answer = asking.query(params_from_iter(&rows.1)).map_err(at(&all))?;
        let (mut found, mut seen, mut size) = (Vec::new(), BTreeSet::new(), 0);
        while let Some(row) = answer.next().map_err(at(&all))? {
            let mut given = values(row, 0, self.named.len() + count).map_err(at(&all))?;
            let read = |row: &Row<'_>| {
                let (key, has) = (walk.keyed.read(row)?, values(row, width, count)?);
                Ok((key, has, row.get::<_, bool>(width + count)?))
            };
            let row = looking
                .query_row(params_from_iter(rows.1.iter().chain(&given)), read)
                .optional()
                .map_err(at(&one))?;
            let Some((key, has, differs)) = row else {
                continue;
            };
            let mut bytes = Vec::new();
            key.iter().for_each(|it| put(&mut bytes, it.as_ref()));
            if !seen.insert(bytes) {
                let key = shown(given.get(..self.named.len()).unwrap_or_default());
                return Err(BackfillError::Query {
                    table: walk.table.clone(),
                    fault: QueryFault::Twice { key },
                });
            }
            let wanted = given.split_off(self.named.len());
            let parts = key.iter().chain(&has).chain(&wanted);
            size += parts.map(Exact::size).sum::<usize>();
            if size > most_bytes {
                return Ok(Answer::TooLarge);
            }
            found.push(Given {
                key,
                has,
                wanted,
                differs,
            });
        }
        Ok(Answer::Rows(found))
    }
}

/// Asks the query, if there is one, which rows of a piece are to be changed. The inner error is why
/// it cannot be asked of these rows.
pub(super) fn ask(
    connection: &Connection,
    walk: &Walk,
    range: &RangeRow,
    piece: &mut Piece,
) -> Result<Result<(), String>, BackfillError> {
    let (Some(asked), Some(last)) = (&walk.asked, &piece.last) else {
        return Ok(Ok(()));
    };
    let width = walk.keyed.parts.len();
    let place = control::place(&range.place, width)?;
    let from = control::place(&range.from, width)?;
    let start = Start::of(place.as_ref(), from.as_ref());
    let rows = walk.keyed.within(&start, last, 1);
    // One row may be as large as it is.
    let most = if piece.rows > 1 {
        MOST_BYTES
    } else {
        usize::MAX
    };
    let found = match asked.ask(connection, walk, &rows, most) {
        Ok(Answer::Rows(found)) => found,
        Ok(Answer::TooLarge) => return Ok(Err("it takes too much memory".to_owned())),
        Err(error) if error.is_of_a_row() => return Ok(Err(said(&error))),
        Err(error) => return Err(error),
    };
    let differing = found.into_iter().filter(|it| it.differs);
    piece.wanted = differing
        .map(|it| Wanted {
            key: it.key,
            former: it.has,
            given: it.wanted,
        })
        .collect();
    Ok(Ok(()))
}

fn values(row: &Row<'_>, from: usize, count: usize) -> rusqlite::Result<Vec<Exact>> {
    (from..from + count)
        .map(|it| Ok(Exact::of(row.get_ref(it)?)))
        .collect()
}

/// The columns by which a query names a row, and what the batch selects besides all columns. People
/// know the primary key, by which the rows need not be stored; where there is none the row id is
/// left.
fn named(table: &Table, keyed: &Keyed) -> (Vec<Named>, String) {
    let mut key: Vec<_> = table
        .columns
        .iter()
        .filter(|it| it.primary_key > 0)
        .collect();
    key.sort_by_key(|it| it.primary_key);
    if key.is_empty() {
        let parts = keyed.parts.iter();
        let named: Vec<Named> = parts
            .map(|it| Named {
                name: it.name.clone(),
                sql: it.name.clone(),
            })
            .collect();
        let first = named.iter().map(|it| format!("{0} AS {0}, ", it.sql));
        let first = first.collect();
        return (named, first);
    }
    let named = key.iter().map(|it| Named {
        name: it.name.clone(),
        sql: quoted(&it.name),
    });
    (named.collect(), String::new())
}

fn not_understood(table: &Table, sql: &str, error: rusqlite::Error) -> BackfillError {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => BackfillError::Query {
            table: table.name.clone(),
            fault: QueryFault::NotUnderstood { message: msg },
        },
        other => at(sql)(other).into(),
    }
}
