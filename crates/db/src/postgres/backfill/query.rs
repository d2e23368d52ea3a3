//! The statements of a backfill whose values a query gives.
//!
//! The rows of a batch are read once, with the place and the version of each; the query reads them
//! under a name of their own, and what it gives is joined to them by the key. A row is written only
//! if it still is that very version: what the query gave would be wrong of another one.

use postgres::Row;
use switchback_migration::backfill::{Query, QueryFault};
use switchback_migration::engine::Engine;

use super::statement::{Keeping, Statements, among, joined};
use super::table::range::Range;
use super::table::{Column, Table};
use crate::postgres::change::error::at;
use crate::postgres::change::{ChangeError, Unfit};
use crate::postgres::session::literal;

/// What the rows of a batch are called in the query.
const BATCH: &str = "_sb_batch";

/// What the column with this number gets, as SQL over what the query gives. It stands where else
/// there is an expression over the row.
pub(super) fn value(number: usize) -> String {
    format!("_sb_v{number}")
}

/// A query that cannot say what the rows of a table get.
pub(super) fn unfit(table: &str, fault: QueryFault) -> ChangeError {
    ChangeError::Unfit {
        table: table.to_owned(),
        reason: Unfit::Query(fault),
    }
}

/// A query over the rows of a table.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    query: Query,
}

impl Asked {
    /// # Errors
    /// [`Unfit::Query`] if it is not one statement that only reads, or no key names a row.
    pub(super) fn new(query: &Query, table: &Table) -> Result<Self, ChangeError> {
        let checked = query.check(Engine::Postgres);
        checked.map_err(|fault| unfit(&table.full, fault))?;
        if table.key.is_empty() {
            return Err(unfit(&table.full, QueryFault::NoKey));
        }
        Ok(Self {
            query: query.clone(),
        })
    }

    /// The query by itself, over all rows of the table. It is for the server to understand and not
    /// to be run: what ends too early or goes on too long does so here too.
    pub(super) fn alone(&self, table: &Table) -> String {
        self.query.over(Engine::Postgres, &table.full)
    }

    /// Whether an answer with these columns says which rows get what.
    ///
    /// # Errors
    /// [`Unfit::Query`].
    pub(super) fn answers(&self, table: &Table, given: &[String]) -> Result<(), ChangeError> {
        let answers = self
            .query
            .answers(Engine::Postgres, &table.key_names(), given);
        answers.map_err(|fault| unfit(&table.full, fault))
    }

    /// The rows of a batch, `_sb_rows`, which `rows` says with the columns of the table and
    /// `_sb_in`; and all of them with what the query gives, `_sb_all`, by key.
    fn with(&self, statements: &Statements, rows: &str) -> String {
        let table = &statements.table;
        let every = table.every.join(", ");
        let keys = (0..).zip(&table.key).map(|(n, it): (usize, _)| {
            format!("CAST(_sb_q.{} AS {}) AS _sb_w{n}", it.sql, it.plain)
        });
        let values = (0..)
            .zip(&table.columns)
            .map(|(n, it)| format!("_sb_q.{} AS {}", it.sql, value(n)));
        let given = joined(keys.chain(values), ", ");
        let same = joined(
            (0..)
                .zip(&table.key)
                .map(|(n, it): (usize, _)| format!("{} = _sb_w{n}", it.sql)),
            " AND ",
        );
        let query = self.query.over(Engine::Postgres, BATCH);
        // Only a full join is never done by comparing each row with each, which the server would do
        // where it takes a batch for smaller than it is.
        format!(
            "_sb_rows AS MATERIALIZED ({rows}), \
             {BATCH} AS (SELECT {every} FROM _sb_rows), \
             _sb_want AS MATERIALIZED (SELECT {given} FROM (\n{query}\n) AS _sb_q), \
             _sb_all AS MATERIALIZED (SELECT * FROM _sb_rows FULL JOIN _sb_want ON {same})"
        )
    }

    /// The same, and of the rows that the query gives, `_sb_p`, their name, `also`, and whether they
    /// differ.
    fn pairs(&self, statements: &Statements, rows: &str, also: &[String]) -> String {
        let with = self.with(statements, rows);
        let key = statements.key("").unwrap_or_else(|| "NULL".to_owned());
        let mut columns = vec![format!("({key})::text AS _sb_name")];
        columns.extend_from_slice(also);
        format!(
            "{with}, _sb_p AS MATERIALIZED (SELECT {}, ({}) AS _sb_d FROM _sb_all \
               WHERE _sb_in AND _sb_w0 IS NOT NULL)",
            columns.join(", "),
            statements.table.differ(None)
        )
    }
}

/// A row that is given more than once, if there is one.
const TWICE: &str = "(SELECT _sb_name FROM _sb_p GROUP BY _sb_name HAVING count(*) > 1 LIMIT 1)";

impl Statements {
    /// Looks at the column of an answer that has the key of a row which is given more than once.
    ///
    /// # Errors
    /// [`Unfit::Query`] if there is one.
    pub(super) fn given_once(
        &self,
        row: &Row,
        column: usize,
        sql: &str,
    ) -> Result<(), ChangeError> {
        if self.asked.is_none() {
            return Ok(());
        }
        match row.try_get::<_, Option<String>>(column).map_err(at(sql))? {
            Some(key) => Err(unfit(&self.table.full, QueryFault::Twice { key })),
            None => Ok(()),
        }
    }

    /// Of some rows those that the query is asked of. Whether a row is one of them is asked so that
    /// the server takes half of the rows for it, whatever it believes of the columns: what it takes
    /// for one row it reads in another way than thousands.
    fn mine(&self, share: Option<&str>) -> String {
        let only = self.only.as_deref().unwrap_or("true");
        match (share, &self.only) {
            (None, None) => "true".to_owned(),
            (None, Some(only)) => format!("CASE WHEN ({only}) THEN true ELSE false END"),
            (share, _) => among(share, &format!("({only})")),
        }
    }

    /// As [`Statements::fill_differing`], with what the query gives. The last column is the key of a
    /// row that it gives more than once, if there is one: nothing of the batch may stay then.
    ///
    /// `about` is how many rows there are. The server takes the rows of some pages for more than they
    /// are, and would read all of another table rather than some rows of it by an index; it believes
    /// a limit. Rows that came since, and are more than it leaves room for, are left to a later walk.
    pub(super) fn fill_asked(
        &self,
        asked: &Asked,
        range: &Range,
        share: Option<&str>,
        keep: Option<Keeping>,
        about: Option<u64>,
    ) -> String {
        let Range {
            target, condition, ..
        } = range;
        let table = &self.table;
        let limit = about.map_or_else(String::new, |rows| {
            format!(" LIMIT {}", rows.saturating_mul(2).saturating_add(200))
        });
        let columns = || (0..).zip(&table.columns);
        let keys = || (0..).zip(&table.key);
        let rows = format!(
            "SELECT {}, ctid AS _sb_at, xmin AS _sb_x, true AS _sb_in FROM {target} \
             WHERE {condition} AND {}{limit}",
            table.every.join(", "),
            self.mine(share)
        );
        let mut also = vec!["_sb_at".to_owned(), "_sb_x".to_owned()];
        also.extend(keys().map(|(n, it): (usize, _)| format!("{} AS _sb_k{n}", it.sql)));
        also.extend(columns().map(|(n, it): (usize, _)| format!("{} AS _sb_b{n}", it.text(""))));
        also.extend(columns().map(|(n, _)| value(n)));
        let with = asked.pairs(self, &rows, &also);
        let same = joined(
            keys().map(|(n, it)| format!("{} = _sb_k{n}", it.sql)),
            " AND ",
        );
        let (set, hash) = (self.set(), self.hash(""));
        let key = self.key("").unwrap_or_else(|| "NULL".to_owned());
        let names = joined(columns().map(|(n, _)| format!("_sb_b{n}")), ", ");
        let was = Self::hash_of(columns().map(|(n, _)| format!("_sb_b{n}")));
        let (before, after) = (self.checksum(&was), self.checksum("_sb_h"));
        let kept = keep.map_or_else(String::new, |keep| self.keep(keep, true));
        // Partitions may have rows at the same place: the key tells them apart.
        format!(
            "WITH {with}, _sb_c AS (UPDATE {target} SET {set} FROM _sb_p \
               WHERE ctid = _sb_at AND xmin = _sb_x AND {same} AND {condition} AND _sb_d \
               RETURNING {key} AS _sb_k, {names}, {hash} AS _sb_h){kept} \
             SELECT count(*), {before}, {after}, {TWICE} FROM _sb_c"
        )
    }

    /// How many rows of a range differ, and the key of one that is given more than once.
    pub(super) fn count_asked(
        &self,
        asked: &Asked,
        range: &Range,
        among: Option<&str>,
        failed: &[String],
    ) -> String {
        let Range {
            target, condition, ..
        } = range;
        let rows = format!(
            "SELECT {}, true AS _sb_in FROM {target} WHERE {condition} AND {} AND ({}) \
             AND {}",
            self.table.every.join(", "),
            self.but(failed),
            among.unwrap_or("true"),
            self.mine(None)
        );
        let with = asked.pairs(self, &rows, &[]);
        format!("WITH {with} SELECT count(*) FILTER (WHERE _sb_d), {TWICE} FROM _sb_p")
    }

    /// That a row is none of those that are known to fail.
    pub(super) fn but(&self, failed: &[String]) -> String {
        match self.key("") {
            Some(key) if !failed.is_empty() => {
                let keys = joined(failed.iter().map(|it| literal(it)), ", ");
                format!("({key})::text <> ALL (ARRAY[{keys}]::text[])")
            }
            _ => "true".to_owned(),
        }
    }

    /// As [`Statements::samples`]. A row that the query does not give should have what it has.
    pub(super) fn samples_asked(&self, asked: &Asked, some: &str, shown: u32) -> String {
        let with = asked.with(self, "SELECT *, true AS _sb_in FROM _sb_some");
        let key = self.key("").unwrap_or_else(|| "NULL".to_owned());
        let values = joined(
            self.table.columns.iter().map(|it| {
                let has = format!("left({}, {shown})", it.text(""));
                format!(
                    "{has}, CASE WHEN _sb_w0 IS NULL THEN {has} \
                     ELSE left({}, {shown}) END",
                    it.wanted()
                )
            }),
            ", ",
        );
        format!(
            "WITH _sb_some AS MATERIALIZED ({some}), {with} \
             SELECT ({key})::text, {values} FROM _sb_all WHERE _sb_in"
        )
    }

    /// Of some rows how many there are, how many differ, and the average size of what those have and
    /// should have; and the key of a row that is given more than once. `size` gives the size of what
    /// a column should have, from its number and its size in memory.
    pub(super) fn look_asked(
        &self,
        asked: &Asked,
        percent: f64,
        most: u32,
        size: impl Fn(usize, &str) -> String,
    ) -> String {
        let table = &self.table;
        let rows = format!(
            "SELECT *, true AS _sb_in FROM _sb_some AS {} WHERE {}",
            table.short,
            self.mine(None)
        );
        let columns = || (0..).zip(&table.columns);
        let mut also: Vec<String> = columns()
            .map(|(n, it): (usize, _)| {
                format!("coalesce(pg_column_size({}), 0) AS _sb_b{n}", it.sql)
            })
            .collect();
        let wanted = |n: usize, it: &Column| {
            let wanted = format!("CAST(({}) AS {})", it.value, it.plain);
            format!("coalesce(pg_column_size({wanted}), 0) AS _sb_a{n}")
        };
        also.extend(columns().map(|(n, it)| wanted(n, it)));
        let before = joined(columns().map(|(n, _)| format!("_sb_b{n}")), " + ");
        let after = joined(columns().map(|(n, _)| size(n, &format!("_sb_a{n}"))), " + ");
        let average = |what| format!("coalesce(avg({what}) FILTER (WHERE _sb_d), 0)::float8");
        format!(
            "WITH _sb_some AS MATERIALIZED (SELECT {} FROM {} TABLESAMPLE SYSTEM ({percent}) \
               REPEATABLE (1) LIMIT {most}), {} \
             SELECT (SELECT count(*) FROM _sb_some), count(*) FILTER (WHERE _sb_d), {}, {}, {TWICE} \
             FROM _sb_p",
            table.every.join(", "),
            table.full,
            asked.pairs(self, &rows, &also),
            average(before),
            average(after)
        )
    }
}
