//! The statements of a fill. Keys stand in them as literals, so that the server plans for the very
//! range that is meant.

use super::{Column, KeyColumn, Table};
use crate::postgres::change::ChangeError;
use crate::postgres::session::literal;

/// Some rows: what stands after `FROM` or `UPDATE`, and a condition.
#[derive(Debug, Clone)]
pub(in crate::postgres::backfill) struct Range {
    pub(in crate::postgres::backfill) target: String,
    pub(in crate::postgres::backfill) condition: String,
}

/// No page has more rows than this.
const MOST_LINES: &str = "current_setting('block_size')::integer / 28";

/// A key as texts, in the order of its columns.
pub(in crate::postgres::backfill) type Key = Vec<String>;

/// The texts of a key in JSON.
pub(in crate::postgres::backfill) fn parse(json: &str) -> Result<Key, ChangeError> {
    let unexpected = || ChangeError::Unexpected {
        question: "the key at which a fill stands".to_owned(),
    };
    let list: Vec<serde_json::Value> = serde_json::from_str(json).map_err(|_| unexpected())?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        _ => Err(unexpected()),
    };
    list.into_iter().map(text).collect()
}

fn joined(parts: impl Iterator<Item = String>, with: &str) -> String {
    parts.collect::<Vec<_>>().join(with)
}

impl Table {
    /// The columns of the key, in order.
    pub(in crate::postgres::backfill) fn key_list(&self, row: &str, after: &str) -> String {
        joined(
            self.key.iter().map(|it| format!("{row}{}{after}", it.sql)),
            ", ",
        )
    }

    /// The key of a row in JSON.
    pub(in crate::postgres::backfill) fn key_json(&self, row: &str) -> String {
        let parts = joined(self.key.iter().map(|it| it.json(row)), ", ");
        format!("jsonb_build_array({parts})")
    }

    /// A key as it stands in SQL.
    pub(in crate::postgres::backfill) fn key_literal(&self, key: &Key) -> String {
        let one = |(column, text): (&KeyColumn, &String)| {
            format!("CAST({} AS {})", literal(text), column.plain)
        };
        joined(self.key.iter().zip(key).map(one), ", ")
    }

    /// The rows after a key, up to and with another.
    pub(in crate::postgres::backfill) fn between(
        &self,
        after: Option<&Key>,
        to: Option<&Key>,
    ) -> Range {
        let condition = |row: &str| {
            let list = self.key_list(row, "");
            let after = after.map(|key| format!("({list}) > ({})", self.key_literal(key)));
            let to = to.map(|key| format!("({list}) <= ({})", self.key_literal(key)));
            match (after, to) {
                (None, None) => "true".to_owned(),
                (after, to) => joined(after.into_iter().chain(to), " AND "),
            }
        };
        Range {
            target: self.full.clone(),
            condition: condition(""),
        }
    }

    /// What rows of a part of the table are written in. What the expressions call the table is called
    /// so here too.
    fn leaf(&self, leaf: &str) -> String {
        if leaf == self.full {
            format!("ONLY {leaf}")
        } else {
            format!("ONLY {leaf} AS {}", self.short)
        }
    }

    /// The rows on some pages of a part of the table; without `to` up to its end.
    pub(in crate::postgres::backfill) fn on_pages(
        &self,
        leaf: &str,
        from: u64,
        to: Option<u64>,
    ) -> Range {
        let condition = match to {
            Some(to) if self.ranges => {
                format!("ctid >= '({from},0)'::tid AND ctid < '({to},0)'::tid")
            }
            None if self.ranges => format!("ctid >= '({from},0)'::tid"),
            // Before version 14 only single places are looked up.
            _ => {
                let to = to.map_or_else(
                    || {
                        format!(
                            "pg_relation_size({}::regclass) \
                             / current_setting('block_size')::bigint",
                            literal(leaf)
                        )
                    },
                    |to| to.to_string(),
                );
                format!(
                    "ctid = ANY (ARRAY(SELECT format('(%s,%s)', page, row)::tid \
                     FROM generate_series({from}::bigint, {to} - 1) AS page, \
                     generate_series(1, {MOST_LINES}) AS row))"
                )
            }
        };
        Range {
            target: self.leaf(leaf),
            condition,
        }
    }

    /// The rows on some lines of a page of a part of the table; without `to` up to its end. Single
    /// places are looked up by every version.
    pub(in crate::postgres::backfill) fn on_lines(
        &self,
        leaf: &str,
        page: u64,
        from: u32,
        to: Option<u32>,
    ) -> Range {
        let last = to.map_or_else(|| MOST_LINES.to_owned(), |to| (to - 1).to_string());
        Range {
            target: self.leaf(leaf),
            condition: format!(
                "ctid = ANY (ARRAY(SELECT format('({page},%s)', row)::tid \
                 FROM generate_series({}, {last}) AS row))",
                from.max(1)
            ),
        }
    }

    /// The last line of so many rows on lines of a page, and how many rows that are.
    pub(in crate::postgres::backfill) fn reach_line(&self, range: &Range, rows: u32) -> String {
        let Range { target, condition } = range;
        format!(
            "SELECT max(line), count(*) FROM (SELECT (ctid::text::point)[1]::integer AS line \
             FROM {target} WHERE {condition} ORDER BY ctid LIMIT {rows}) AS _sb_lines"
        )
    }

    /// That a row has not got what it should, and is one of those that should get it.
    pub(in crate::postgres::backfill) fn differ(&self, only: Option<&str>) -> String {
        let apart = self.columns.iter().map(|it| {
            let wanted = format!("CAST(({}) AS {})", it.value, it.compared);
            if it.exact {
                format!("{} IS DISTINCT FROM {wanted}", it.sql)
            } else {
                format!("({})::text IS DISTINCT FROM ({wanted})::text", it.sql)
            }
        });
        let apart = joined(apart, " OR ");
        // A column that gets itself is never apart: the row is written for what triggers do then.
        let itself = |it: &Column| it.value == switchback_migration::postgres::name(&it.name);
        if self.columns.iter().all(itself) {
            return format!("({})", only.unwrap_or("true"));
        }
        match only {
            Some(only) => format!("({apart}) AND ({only})"),
            None => format!("({apart})"),
        }
    }

    /// The last key of the next rows, as JSON, and their number.
    pub(in crate::postgres::backfill) fn reach(&self, range: &Range, rows: u32) -> String {
        let Range {
            target, condition, ..
        } = range;
        let (list, back) = (self.key_list("", ""), self.key_list("", " DESC"));
        format!(
            "WITH batch AS MATERIALIZED (SELECT {list} FROM {target} WHERE {condition} \
             ORDER BY {list} LIMIT {rows}) \
             SELECT (SELECT {}::text FROM batch ORDER BY {back} LIMIT 1), \
             (SELECT count(*) FROM batch)",
            self.key_json("")
        )
    }

    /// The highest key, as JSON.
    pub(in crate::postgres::backfill) fn highest(&self) -> String {
        format!(
            "SELECT {}::text FROM {} ORDER BY {} LIMIT 1",
            self.key_json(""),
            self.full,
            self.key_list("", " DESC")
        )
    }

    /// How many of the rows differ.
    pub(in crate::postgres::backfill) fn count(&self, range: &Range, differ: &str) -> String {
        let Range {
            target, condition, ..
        } = range;
        format!("SELECT count(*) FROM {target} WHERE {condition} AND {differ}")
    }
}
