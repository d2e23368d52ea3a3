//! Copying rows anew that changed since they were copied.
//!
//! What wrote a key down and what changed the row are one transaction, so a moment that sees one sees
//! the other. In a transaction that sees one moment the rows of all keys that it sees are taken out
//! of the copy and put in as they are then, whatever happened to them and in whichever order. Twice
//! is once.
//!
//! Rows of another moment may stand in the way of a row, where an index lets none be alike. Such a
//! row stays written down until the other one is copied anew too: that one has changed as well.

use postgres::Client;

use super::super::batch::{attempt, failures, key_of, note};
use super::super::error::BackfillError;
use super::super::statement::{Keeping, Statements, joined};
use super::super::table::range::Range;
use super::fill::Target;
use super::row::Copy;
use crate::postgres::change::ChangeError;
use crate::postgres::change::Options;
use crate::postgres::change::error::at;
use crate::postgres::change::persist::Desk;
use crate::postgres::session::name;

/// The column of the log by which keys are in an order.
pub(super) const NUMBER: &str = "_sb_seq";

/// A copy, and how rows come into it.
pub(super) struct Replay<'a> {
    pub(super) job: &'a str,
    pub(super) copy: &'a Copy,
    pub(super) target: &'a Target,
    pub(super) statements: &'a Statements,
    /// The walk that is under way.
    pub(super) sweep: i32,
    pub(super) keep_undo: bool,
    pub(super) stop_on_error: bool,
    pub(super) most_failed: u64,
    pub(super) options: &'a Options,
}

fn run(client: &mut Client, desk: &Desk, sql: &str, options: &Options) -> Result<(), ChangeError> {
    desk.next(sql, Some(options.statement_timeout))?;
    client.batch_execute(sql).map_err(at(sql))
}

impl Replay<'_> {
    fn key_list(&self, row: &str) -> String {
        self.statements.table.key_list(row, "")
    }

    /// The rows of keys that were written down from one number to another.
    fn rows(&self, of: &str, from: i64, to: i64) -> Range {
        Range {
            target: of.to_owned(),
            condition: format!(
                "({}) IN (SELECT {} FROM {} AS _sb_l WHERE _sb_l.{NUMBER} BETWEEN {from} AND {to})",
                self.key_list(""),
                self.key_list("_sb_l."),
                self.copy.log()
            ),
        }
    }

    /// About how many keys wait, at most so many.
    pub(super) fn waiting(&self, client: &mut Client, most: u32) -> Result<u64, ChangeError> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT FROM {} LIMIT {most}) AS it",
            self.copy.log()
        );
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        Ok(row.try_get::<_, i64>(0).map_err(at(&sql))?.unsigned_abs())
    }

    /// Whether the original was emptied: that is written down as a row without a key.
    pub(super) fn emptied(&self, client: &mut Client) -> Result<bool, ChangeError> {
        let nothing = joined(
            self.statements
                .table
                .key
                .iter()
                .map(|it| format!("{} IS NULL", it.sql)),
            " AND ",
        );
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {} WHERE {nothing})",
            self.copy.log()
        );
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        row.try_get(0).map_err(at(&sql))
    }

    /// Copies the rows of at most so many keys anew, those first that were written down first; in a
    /// transaction that sees one moment. Gives their number, or a reason that ends the job.
    pub(super) fn some(
        &self,
        client: &mut Client,
        desk: &Desk,
        most: Option<u32>,
    ) -> Result<Result<u64, String>, BackfillError> {
        if self.emptied(client)? {
            return Ok(Err(format!(
                "{} was emptied (TRUNCATE) while it was copied",
                self.statements.table.full
            )));
        }
        // However many keys the server takes them for, rows are looked up by them.
        run(client, desk, "SET LOCAL enable_seqscan = off", self.options)?;
        let limit = most.map_or_else(String::new, |most| format!("LIMIT {most}"));
        let sql = format!(
            "SELECT min({NUMBER}), max({NUMBER}), count(*) FROM (SELECT {NUMBER} FROM {} \
             ORDER BY {NUMBER} {limit}) AS it",
            self.copy.log()
        );
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        let get = at(&sql);
        let (from, to): (Option<i64>, Option<i64>) =
            (row.try_get(0).map_err(&get)?, row.try_get(1).map_err(&get)?);
        let count: i64 = row.try_get(2).map_err(&get)?;
        let (Some(from), Some(to)) = (from, to) else {
            return Ok(Ok(0));
        };
        let mut known = None;
        let mut todo = vec![(from, to)];
        while let Some((from, to)) = todo.pop() {
            if let Some(reason) = self.piece(client, desk, from, to, &mut known, &mut todo)? {
                return Ok(Err(reason));
            }
        }
        let sql = format!(
            "DELETE FROM {} WHERE {NUMBER} BETWEEN {from} AND {to}",
            self.copy.log()
        );
        run(client, desk, &sql, self.options)?;
        Ok(Ok(count.unsigned_abs()))
    }

    /// The keys from one number to another. Where a row refuses, halves are put to what is to do.
    fn piece(
        &self,
        client: &mut Client,
        desk: &Desk,
        from: i64,
        to: i64,
        known: &mut Option<u64>,
        todo: &mut Vec<(i64, i64)>,
    ) -> Result<Option<String>, BackfillError> {
        let (id, log) = (self.copy.id, self.copy.log());
        let key = self.statements.key("_sb_l.").unwrap_or_default();
        let keys = format!(
            "SELECT DISTINCT ({key})::text FROM {log} AS _sb_l \
             WHERE _sb_l.{NUMBER} BETWEEN {from} AND {to}"
        );
        if self.keep_undo {
            let sql = format!(
                "INSERT INTO _switchback.backfill_stale (backfill, key, after, upto) \
                 SELECT {id}, it.key, {}, coalesce((SELECT max(number) \
                   FROM _switchback.backfill_undo WHERE backfill = {id}), {0}) \
                 FROM ({keys}) AS it (key) \
                 ON CONFLICT (backfill, key, after) DO UPDATE SET upto = excluded.upto",
                self.copy.undo_after
            );
            run(client, desk, &sql, self.options)?;
        }
        let sql = format!(
            "DELETE FROM _switchback.backfill_failure WHERE backfill = {id} AND key IN ({keys})"
        );
        run(client, desk, &sql, self.options)?;
        let there = self.rows(&self.target.copy, from, to);
        let sql = format!("DELETE FROM {} WHERE {}", there.target, there.condition);
        run(client, desk, &sql, self.options)?;
        let rows = self.rows(&self.statements.table.full, from, to);
        let keep = self.keep_undo.then_some(Keeping {
            backfill: id,
            sweep: self.sweep,
            range: 0,
        });
        let sql = self.target.copy(self.statements, &rows, keep, true);
        let (options, statements, alone) = (self.options, self.statements, from == to);
        if let Err(refused) = attempt(client, desk, self.job, options, statements, &sql, alone)? {
            if from < to {
                let middle = from + (to - from) / 2;
                todo.push((middle + 1, to));
                todo.push((from, middle));
                return Ok(None);
            }
            if self.stop_on_error {
                return Ok(Some(format!("a row that changed: {}", refused.message)));
            }
            let key = key_of(self.statements, &rows, "");
            note(client, id, self.sweep, &key, &refused)?;
            let sql = self.target.copy_as_is(&rows, true);
            run(client, desk, &sql, self.options)?;
            let count = match known {
                Some(count) => *count + 1,
                None => failures(client, id)?,
            };
            *known = Some(count);
            if count > self.most_failed {
                return Ok(Some(refused.one_too_many(self.most_failed)));
            }
        }
        // Those that others stand in the way of.
        let same = joined(
            self.statements.table.key.iter().map(|it| {
                let column = name(&it.name);
                format!("_sb_t.{column} = _sb_o.{column}")
            }),
            " AND ",
        );
        let list = self.key_list("");
        let sql = format!(
            "INSERT INTO {log} ({list}) SELECT {list} FROM {} AS _sb_o WHERE {} \
             AND NOT EXISTS (SELECT FROM {} AS _sb_t WHERE {same})",
            rows.target, rows.condition, self.target.copy
        );
        run(client, desk, &sql, self.options)?;
        Ok(None)
    }
}
