//! The statements of a fill. Keys stand in them as literals, so that the server plans for the very
//! range that is meant.

use super::super::error::ChangeError;
use super::table::{Column, KeyColumn, Table};
use crate::postgres::session::literal;

/// Some rows: what stands after `FROM` or `UPDATE`, and a condition.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct Range {
    pub(in crate::postgres) target: String,
    pub(in crate::postgres) condition: String,
    /// The same over a row that is called `_sb_t`.
    again: String,
}

/// A key as texts, in the order of its columns.
pub(in crate::postgres) type Key = Vec<String>;

/// The texts of a key in JSON.
pub(super) fn parse(json: &str) -> Result<Key, ChangeError> {
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
    pub(in crate::postgres) fn key_list(&self, row: &str, after: &str) -> String {
        joined(
            self.key.iter().map(|it| format!("{row}{}{after}", it.sql)),
            ", ",
        )
    }

    /// The key of a row in JSON.
    pub(super) fn key_json(&self, row: &str) -> String {
        let parts = joined(self.key.iter().map(|it| it.json(row)), ", ");
        format!("jsonb_build_array({parts})")
    }

    /// A key as it stands in SQL.
    fn key_literal(&self, key: &Key) -> String {
        let one = |(column, text): (&KeyColumn, &String)| {
            format!("CAST({} AS {})", literal(text), column.plain)
        };
        joined(self.key.iter().zip(key).map(one), ", ")
    }

    /// The rows after a key, up to and with another.
    pub(in crate::postgres) fn between(&self, after: Option<&Key>, to: Option<&Key>) -> Range {
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
            again: condition("_sb_t."),
        }
    }

    /// The rows on some pages of a part of the table; without `to` up to its end.
    pub(in crate::postgres) fn on_pages(&self, leaf: &str, from: u64, to: Option<u64>) -> Range {
        // What the expressions call the table is called so here too.
        let target = if leaf == self.full {
            format!("ONLY {leaf}")
        } else {
            format!("ONLY {leaf} AS {}", self.short)
        };
        let condition = |row: &str| match to {
            Some(to) if self.ranges => {
                format!("{row}ctid >= '({from},0)'::tid AND {row}ctid < '({to},0)'::tid")
            }
            None if self.ranges => format!("{row}ctid >= '({from},0)'::tid"),
            // Before version 14 only single places are looked up. No page has more rows than this.
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
                    "{row}ctid = ANY (ARRAY(SELECT format('(%s,%s)', page, row)::tid \
                     FROM generate_series({from}::bigint, {to} - 1) AS page, \
                     generate_series(1, current_setting('block_size')::integer / 28) AS row))"
                )
            }
        };
        Range {
            target,
            condition: condition(""),
            again: condition("_sb_t."),
        }
    }

    /// That a row has not got what it should, and is one of those that should get it.
    pub(in crate::postgres) fn differ(&self, only: Option<&str>) -> String {
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
    pub(super) fn reach(&self, range: &Range, rows: u32) -> String {
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
    pub(super) fn highest(&self) -> String {
        format!(
            "SELECT {}::text FROM {} ORDER BY {} LIMIT 1",
            self.key_json(""),
            self.full,
            self.key_list("", " DESC")
        )
    }

    /// Gives rows what they should have.
    pub(in crate::postgres) fn update(&self, range: &Range, differ: &str) -> String {
        let Range {
            target, condition, ..
        } = range;
        let set = joined(
            self.columns
                .iter()
                .map(|it| format!("{} = CAST(({}) AS {})", it.sql, it.value, it.plain)),
            ", ",
        );
        format!("UPDATE {target} SET {set} WHERE {condition} AND {differ}")
    }

    /// The same, and keeps what the rows had before. The rows are locked first: what is kept and
    /// what is replaced is of one version of each. Where a row is filled again, because somebody
    /// changed it in between, the value from before the first time stays the former one. What is
    /// kept as the new value is what the row has then, triggers included. Gives the number of rows.
    pub(super) fn update_keeping(&self, range: &Range, differ: &str, fill: i64) -> String {
        let Range {
            target,
            condition,
            again,
        } = range;
        let numbered = || (0..).zip(&self.columns);
        let picked = joined(
            numbered().map(|(place, it)| {
                format!(
                    "{} AS _sb_b{place}, CAST(({}) AS {}) AS _sb_v{place}",
                    it.text(""),
                    it.value,
                    it.plain
                )
            }),
            ", ",
        );
        let keys = |row: &str| {
            joined(
                (0..)
                    .zip(&self.key)
                    .map(|(place, it)| format!("{row}{} AS _sb_k{place}", it.sql)),
                ", ",
            )
        };
        let set = joined(
            numbered().map(|(place, it)| format!("{} = _sb_p._sb_v{place}", it.sql)),
            ", ",
        );
        let same = joined(
            (0..)
                .zip(&self.key)
                .map(|(place, it)| format!("_sb_t.{} = _sb_p._sb_k{place}", it.sql)),
            " AND ",
        );
        let after = joined(
            numbered().map(|(place, it)| {
                format!("_sb_p._sb_b{place}, {} AS _sb_a{place}", it.text("_sb_t."))
            }),
            ", ",
        );
        let each = joined(
            numbered()
                .map(|(place, it)| format!("({}, _sb_b{place}, _sb_a{place})", literal(&it.name))),
            ", ",
        );
        format!(
            "WITH _sb_picked AS MATERIALIZED (\
               SELECT {}, {picked} FROM {target} WHERE {condition} AND {differ} \
               ORDER BY {} FOR NO KEY UPDATE\
             ), _sb_changed AS (\
               UPDATE {} AS _sb_t SET {set} FROM _sb_picked AS _sb_p WHERE {same} AND {again} \
               RETURNING {} AS _sb_key, {after}\
             ), _sb_kept AS (\
               INSERT INTO _switchback.undo AS _sb_u (fill, key, in_column, before, after) \
               SELECT {fill}, _sb_key, it.in_column, it.before, it.after \
               FROM _sb_changed, LATERAL (VALUES {each}) AS it (in_column, before, after) \
               WHERE it.before IS DISTINCT FROM it.after \
               ON CONFLICT (fill, key, in_column) DO UPDATE SET after = excluded.after\
             ) SELECT count(*) FROM _sb_changed",
            keys(""),
            self.key_list("", ""),
            self.full,
            self.key_json("_sb_t.")
        )
    }

    /// How many of the rows differ.
    pub(super) fn count(&self, range: &Range, differ: &str) -> String {
        let Range {
            target, condition, ..
        } = range;
        format!("SELECT count(*) FROM {target} WHERE {condition} AND {differ}")
    }

    /// The last of the next keys whose former values are kept, as JSON, and their number.
    pub(super) fn reach_kept(fill: i64, rows: u32) -> String {
        format!(
            "WITH batch AS MATERIALIZED (SELECT DISTINCT key FROM _switchback.undo \
             WHERE fill = {fill} ORDER BY key LIMIT {rows}) \
             SELECT (SELECT key::text FROM batch ORDER BY key DESC LIMIT 1), \
             (SELECT count(*) FROM batch)"
        )
    }

    /// Puts former values back where the row still has what the fill wrote.
    pub(super) fn put_back(&self, fill: i64, last: &str) -> String {
        let numbered = || (0..).zip(&self.columns);
        let kept = joined(
            numbered().map(|(place, it)| {
                let mine = format!("FILTER (WHERE in_column = {})", literal(&it.name));
                format!(
                    "count(*) {mine} > 0 AS _sb_h{place}, max(before) {mine} AS _sb_b{place}, \
                     max(after) {mine} AS _sb_a{place}"
                )
            }),
            ", ",
        );
        let unchanged = |place: usize, text: String| {
            format!("_sb_m._sb_h{place} AND {text} IS NOT DISTINCT FROM _sb_m._sb_a{place}")
        };
        let set = joined(
            numbered().map(|(place, it)| {
                format!(
                    "{c} = CASE WHEN {} THEN CAST(_sb_m._sb_b{place} AS {}) ELSE _sb_t.{c} END",
                    unchanged(place, it.text("_sb_t.")),
                    it.plain,
                    c = it.sql
                )
            }),
            ", ",
        );
        let any = joined(
            numbered().map(|(place, it)| format!("({})", unchanged(place, it.text("_sb_t.")))),
            " OR ",
        );
        let same = joined(
            (0..).zip(&self.key).map(|(place, it): (usize, _)| {
                format!(
                    "_sb_t.{} = CAST(_sb_m.key ->> {place} AS {})",
                    it.sql, it.plain
                )
            }),
            " AND ",
        );
        format!(
            "WITH _sb_m AS MATERIALIZED (SELECT key, {kept} FROM _switchback.undo \
             WHERE fill = {fill} AND key <= {} GROUP BY key) \
             UPDATE {} AS _sb_t SET {set} FROM _sb_m WHERE {same} AND ({any})",
            jsonb(last),
            self.full
        )
    }

    /// Forgets the former values up to a key.
    pub(super) fn forget(fill: i64, last: &str) -> String {
        format!(
            "DELETE FROM _switchback.undo WHERE fill = {fill} AND key <= {}",
            jsonb(last)
        )
    }
}

fn jsonb(json: &str) -> String {
    format!("{}::jsonb", literal(json))
}
