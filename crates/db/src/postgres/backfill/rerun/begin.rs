//! Beginning to do some rows again: which they are, and the ranges of the walk over them.

use postgres::Client;
use switchback_migration::backfill::part::Part;
use switchback_migration::backfill::{Job, JobStatus, Strategy};

use super::end::ask_again;
use super::scope::{Scope, including};
use super::{Open, open};
use crate::backfill::{Again, RerunError};
use crate::postgres::PostgresDatabase;
use crate::postgres::backfill::claim::RANGE_ROWS;
use crate::postgres::backfill::control::{self, JobRow};
use crate::postgres::backfill::error::BackfillError;
use crate::postgres::backfill::hands::statements;
use crate::postgres::backfill::ranges;
use crate::postgres::backfill::shadow;
use crate::postgres::backfill::statement::Statements;
use crate::postgres::backfill::table::range::{Key, Range, parse};
use crate::postgres::change::error::{ChangeError, at};
use crate::postgres::change::link::{begin, commit};
use crate::postgres::session::literal;

/// Keys in a range that lists them.
const LISTED: u32 = 500;

impl PostgresDatabase {
    /// Begins to do some rows of a job again with the definition that is given, or goes on with it
    /// where the same was asked for before. Workers do it as they do any walk; in the end the job
    /// stands where it stood. With `dry_run` everything is found out and nothing is begun.
    ///
    /// # Errors
    /// [`BackfillError::Rerun`]; [`BackfillError::Unknown`]; [`BackfillError::Stands`] while it runs
    /// or is undone, or has a copy that is to take the table's place; [`BackfillError::OtherColumns`] where the definition writes others or keeps
    /// former values differently; [`BackfillError::OtherVersion`] where a walk is to be gone on with
    /// by another one.
    pub fn rerun_backfill(
        &mut self,
        job: &Job,
        parts: &[Part],
        dry_run: bool,
    ) -> Result<Again, BackfillError> {
        self.again()?;
        let (version, options) = (self.version(), self.options().clone());
        let (again, _) = self.backfill(&mut (), |client, desk, path| {
            desk.next("BEGIN", None)?;
            begin(client, &options, path)?;
            let id = job.id.as_str();
            let unknown = || BackfillError::Unknown { job: id.to_owned() };
            if !control::exists(client)? {
                return Err(unknown());
            }
            control::lock_alone(client, id)?;
            let row = control::job(client, id, true)?.ok_or_else(unknown)?;
            let asked = said(parts);
            let again = match open(client, row.id)? {
                Some(open) => resume(client, &row, job, &open, &asked)?,
                None => {
                    fits(client, &row, job)?;
                    if job.text.program.is_some() {
                        control::make_skipped(client)?;
                    }
                    let made = statements(client, path, version, job, Some(&row.key))?;
                    let sweep = next_sweep(client, &row)?;
                    let again = Making {
                        sweep,
                        client,
                        row: &row,
                        job,
                        statements: &made,
                        number: 0,
                        rows: 0,
                    }
                    .begin(parts, &asked)?;
                    if job.text.program.is_some() {
                        ask_again(client, row.id, sweep, &made)?;
                    }
                    again
                }
            };
            if dry_run {
                let back = "ROLLBACK";
                client.batch_execute(back).map_err(at(back))?;
            } else {
                commit(client, desk)?;
            }
            Ok(again)
        })?;
        Ok(again)
    }
}

/// The number of the next walk: no other one had it.
pub(super) fn next_sweep(client: &mut Client, row: &JobRow) -> Result<i32, BackfillError> {
    let sql = "SELECT 1 + greatest($2, (SELECT max(sweep) FROM _switchback.backfill_range
               WHERE backfill = $1))";
    let found = client
        .query_one(sql, &[&row.id, &row.sweep])
        .map_err(at(sql))?;
    Ok(found.try_get(0).map_err(at(sql))?)
}

/// What was asked for, in one form whatever the order.
fn said(parts: &[Part]) -> String {
    let mut parts: Vec<&Part> = parts.iter().collect();
    parts.sort();
    parts.dedup();
    let parts: Vec<String> = parts.into_iter().map(Part::to_string).collect();
    parts.join(" ")
}

/// Goes on with what was begun, if it is the same.
fn resume(
    client: &mut Client,
    row: &JobRow,
    job: &Job,
    open: &Open,
    asked: &str,
) -> Result<Again, BackfillError> {
    if !matches!(
        row.status,
        JobStatus::Running | JobStatus::Paused | JobStatus::Failed
    ) {
        return Err(BackfillError::Stands {
            job: job.id.to_string(),
            status: row.status,
        });
    }
    if open.asked != asked {
        let asked = open.asked.clone();
        return Err(RerunError::Other { asked }.into());
    }
    let given = job.version().to_string();
    if row.version != given {
        return Err(BackfillError::OtherVersion {
            job: job.id.to_string(),
            stored: row.version.clone(),
            given,
        });
    }
    control::go_on(client, row.id)?;
    Ok(Again {
        resumed: true,
        ranges: ranges::of(client, row.id, Some(row.sweep), false)?,
        rows: row.total.unwrap_or_default().unsigned_abs(),
        before: row.version.clone(),
    })
}

/// Whether rows of the job can be done with this definition as it stands.
fn fits(client: &mut Client, row: &JobRow, job: &Job) -> Result<(), BackfillError> {
    let name = || job.id.to_string();
    match row.status {
        JobStatus::Done | JobStatus::Cancelled | JobStatus::Paused | JobStatus::Failed => {}
        status => {
            return Err(BackfillError::Stands {
                job: name(),
                status,
            });
        }
    }
    if shadow::is_at(client, row.id)? {
        // What was done again would be done to a table that the copy is to replace.
        return Err(BackfillError::Stands {
            job: name(),
            status: row.status,
        });
    }
    let was = control::definition(client, row.id)?;
    // An undo goes back to before the first time, or nowhere.
    if was.table != job.text.table
        || was.columns() != job.text.columns()
        || was.keep_undo != job.text.keep_undo
    {
        return Err(BackfillError::OtherColumns { job: name() });
    }
    let given = job.version().to_string();
    // The rest of that walk is done with one definition.
    if matches!(row.status, JobStatus::Paused | JobStatus::Failed) && row.version != given {
        return Err(BackfillError::OtherVersion {
            job: name(),
            stored: row.version.clone(),
            given,
        });
    }
    if row.key.is_empty() {
        return Err(RerunError::unsaid(format!(
            "the rows of {} have no key: nothing says which they are",
            job.text.table
        ))
        .into());
    }
    Ok(())
}

/// A walk that is made.
struct Making<'a> {
    client: &'a mut Client,
    row: &'a JobRow,
    job: &'a Job,
    statements: &'a Statements,
    sweep: i32,
    number: i32,
    rows: u64,
}

impl Making<'_> {
    fn begin(mut self, parts: &[Part], asked: &str) -> Result<Again, BackfillError> {
        for part in parts {
            match part {
                Part::Range { walk, number } => self.range(*walk, *number)?,
                Part::Keys { from, to } => self.keys(from.as_deref(), to.as_deref())?,
                Part::Failed => self.failed(parts.len() == 1)?,
            }
        }
        let sql = "INSERT INTO _switchback.backfill_rerun (backfill, sweep, asked, state, version, \
                     definition, was_version, was_definition, was) \
                   SELECT id, $2, $3, 'open', $4, $5::text::jsonb, version, definition, \
                     jsonb_build_object('status', status, 'sweep', sweep, 'closed', closed, \
                       'stored', stored, 'high', high, 'frontier', frontier, 'divided', divided, \
                       'total', total, 'error', error, 'strategy', strategy) \
                   FROM _switchback.backfill WHERE id = $1";
        let version = self.job.version().to_string();
        let definition = serde_json::json!(self.job.text).to_string();
        let id = self.row.id;
        self.client
            .execute(sql, &[&id, &self.sweep, &asked, &version, &definition])
            .map_err(at(sql))?;
        let sql = "UPDATE _switchback.backfill SET sweep = $2, status = 'running', version = $3, \
                     definition = $4::text::jsonb, closed = 0, stored = NULL, high = NULL, \
                     frontier = NULL, divided = true, total = $5, error = NULL, turned = NULL, \
                     finished_at = NULL, strategy = $6::text::jsonb WHERE id = $1";
        let total = i64::try_from(self.rows).unwrap_or(i64::MAX);
        // The copy has taken the table's place: its rows are changed where they are.
        let strategy = match self.row.strategy {
            Strategy::ShadowCopy => Strategy::KeyRange,
            other => other,
        };
        let strategy = serde_json::json!(strategy).to_string();
        self.client
            .execute(
                sql,
                &[&id, &self.sweep, &version, &definition, &total, &strategy],
            )
            .map_err(at(sql))?;
        Ok(Again {
            resumed: false,
            ranges: ranges::of(self.client, id, Some(self.sweep), false)?,
            rows: self.rows,
            before: self.row.version.clone(),
        })
    }

    /// Adds a range of rows by their keys.
    fn add(&mut self, start: Option<&str>, end: &str, scope: &Scope) -> Result<(), BackfillError> {
        self.number += 1;
        let sql = "INSERT INTO _switchback.backfill_range (backfill, sweep, number, cursor_start, \
                     cursor_end, place, status, attempts, epoch, version, scope) \
                   VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb, $4::text::jsonb, \
                     'waiting', 0, 0, $6, $7::text::jsonb)";
        let (version, scope) = (self.job.version().to_string(), scope.json());
        self.client
            .execute(
                sql,
                &[
                    &self.row.id,
                    &self.sweep,
                    &self.number,
                    &start,
                    &end,
                    &version,
                    &scope,
                ],
            )
            .map_err(at(sql))?;
        Ok(())
    }

    /// Adds ranges of rows whose keys a query gives, in a column `k` as the undo log has them.
    fn list(&mut self, query: &str) -> Result<(), BackfillError> {
        let sql = format!(
            "WITH numbered AS (SELECT k::text AS k, row_number() OVER (ORDER BY k) AS at \
               FROM ({query}) AS it (k)), \
             cut AS (SELECT jsonb_agg(k ORDER BY at) AS keys, count(*) AS many, \
               row_number() OVER (ORDER BY min(at)) AS number \
               FROM numbered GROUP BY (at - 1) / {LISTED}), \
             made AS (INSERT INTO _switchback.backfill_range (backfill, sweep, number, cursor_end, \
                 status, attempts, epoch, version, scope) \
               SELECT $1, $2, $3 + number::integer, jsonb_build_object('done', many), 'waiting', 0, \
                 0, $4, jsonb_build_object('keys', keys) FROM cut) \
             SELECT count(*), coalesce(sum(many), 0)::bigint FROM cut"
        );
        let version = self.job.version().to_string();
        let made = self
            .client
            .query_one(&sql, &[&self.row.id, &self.sweep, &self.number, &version])
            .map_err(at(&sql))?;
        let (ranges, rows): (i64, i64) = (
            made.try_get(0).map_err(at(&sql))?,
            made.try_get(1).map_err(at(&sql))?,
        );
        self.number += i32::try_from(ranges).unwrap_or_default();
        self.rows += rows.unsigned_abs();
        Ok(())
    }

    /// The rows of a range of an earlier walk.
    fn range(&mut self, walk: u32, number: u32) -> Result<(), BackfillError> {
        let sql = "SELECT cursor_start::text, cursor_end::text, scope::text, changed, scanned,
                     (SELECT coalesce(sum(kept.rows), 0)::bigint FROM _switchback.backfill_undo AS kept
                      WHERE kept.backfill = $1 AND kept.sweep = $2 AND kept.range = $3)
                   FROM _switchback.backfill_range
                   WHERE backfill = $1 AND sweep = $2 AND number = $3 AND sweep <> $4";
        let (sweep, place) = (
            i32::try_from(walk).unwrap_or(i32::MAX),
            i32::try_from(number).unwrap_or(i32::MAX),
        );
        let found = self
            .client
            .query_opt(sql, &[&self.row.id, &sweep, &place, &self.sweep])
            .map_err(at(sql))?;
        let Some(found) = found else {
            return Err(RerunError::wrong(format!(
                "there is no range {walk}/{number} of {}",
                self.job.id
            ))
            .into());
        };
        let get = at(sql);
        let start: Option<String> = found.try_get(0).map_err(&get)?;
        let end: String = found.try_get(1).map_err(&get)?;
        let scope = Scope::read(found.try_get(2).map_err(&get)?)?;
        let changed: i64 = found.try_get(3).map_err(&get)?;
        let scanned: i64 = found.try_get(4).map_err(&get)?;
        let kept: i64 = found.try_get(5).map_err(&get)?;
        if let Some(scope) = scope {
            let rows = scope.keys().map(<[String]>::len);
            self.rows += rows.map_or(scanned.unsigned_abs(), |it| it as u64);
            return self.add(start.as_deref(), &end, &scope);
        }
        if end.starts_with('[') {
            self.rows += scanned.unsigned_abs();
            return self.add(start.as_deref(), &end, &Scope::from(None));
        }
        // Rows lie somewhere else since; which they were is known of those that were changed.
        if changed == 0 {
            return Err(RerunError::wrong(format!(
                "range {walk}/{number} is a stretch of pages, and changed no row of it: no row is \
                 known to have been in it"
            ))
            .into());
        }
        if kept != changed {
            return Err(RerunError::unsaid(format!(
                "range {walk}/{number} is a stretch of pages, and rows lie somewhere else since: of \
                 {changed} rows that it changed, the keys of {kept} are kept"
            ))
            .into());
        }
        let keys = self.statements.kept_keys();
        self.list(&format!(
            "SELECT DISTINCT one.k FROM _switchback.backfill_undo AS kept, \
               LATERAL unnest({keys}) AS one (k) \
             WHERE kept.backfill = {} AND kept.sweep = {sweep} AND kept.range = {place}",
            self.row.id
        ))
    }

    /// Rows that refused.
    fn failed(&mut self, alone: bool) -> Result<(), BackfillError> {
        let before = self.number;
        self.list(&format!(
            "SELECT key FROM _switchback.backfill_failure WHERE backfill = {}",
            self.row.id
        ))?;
        if self.number == before && alone {
            return Err(RerunError::NothingRefused.into());
        }
        Ok(())
    }

    /// Rows by their keys.
    fn keys(
        &mut self,
        from: Option<&[String]>,
        to: Option<&[String]>,
    ) -> Result<(), BackfillError> {
        let from = from.map(|it| self.key(it)).transpose()?;
        let to = to.map(|it| self.key(it)).transpose()?;
        let table = &self.statements.table;
        let parsed = |key: &Option<String>| key.as_deref().map(parse).transpose();
        let (first, last) = (parsed(&from)?, parsed(&to)?);
        if let (Some(first), Some(last)) = (&first, &last) {
            let sql = format!(
                "SELECT ({}) <= ({})",
                table.key_literal(first),
                table.key_literal(last)
            );
            let row = self.client.query_one(&sql, &[]).map_err(at(&sql))?;
            if row.try_get::<_, Option<bool>>(0).map_err(at(&sql))? != Some(true) {
                return Err(RerunError::wrong(format!(
                    "{} comes after {}: no key lies between them",
                    first.join(", "),
                    last.join(", ")
                ))
                .into());
            }
        }
        let ends = self.divide(first.as_ref(), last.as_ref())?;
        let Some((last_end, others)) = ends.split_last() else {
            return Err(RerunError::wrong(format!(
                "no row of {} has a key in {}",
                self.job.text.table,
                Part::Keys {
                    from: first,
                    to: last
                }
            ))
            .into());
        };
        // Up to the key that was named, so that rows are meant which come meanwhile.
        let last_end = to.as_ref().unwrap_or(last_end);
        let mut start: Option<String> = None;
        for end in others.iter().chain([last_end]) {
            let scope = match start {
                None => Scope::from(from.as_deref()),
                Some(_) => Scope::from(None),
            };
            self.add(start.as_deref(), end, &scope)?;
            start = Some(end.clone());
        }
        Ok(())
    }

    /// The last keys of ranges of about so many rows as any walk has in one.
    fn divide(
        &mut self,
        first: Option<&Key>,
        last: Option<&Key>,
    ) -> Result<Vec<String>, BackfillError> {
        let table = &self.statements.table;
        let rows = u32::try_from(RANGE_ROWS).unwrap_or(u32::MAX);
        let mut ends: Vec<String> = Vec::new();
        loop {
            let range: Range = match (ends.last(), first) {
                (None, Some(first)) => including(table, first, last),
                (after, _) => {
                    let after = after.map(|it| parse(it)).transpose()?;
                    table.between(after.as_ref(), last)
                }
            };
            let sql = table.reach(&range, rows);
            let row = self.client.query_one(&sql, &[]).map_err(at(&sql))?;
            let end: Option<String> = row.try_get(0).map_err(at(&sql))?;
            let found: i64 = row.try_get(1).map_err(at(&sql))?;
            let Some(end) = end else { return Ok(ends) };
            self.rows += found.unsigned_abs();
            ends.push(end);
        }
    }

    /// A key that was typed, as keys are stored.
    fn key(&mut self, typed: &[String]) -> Result<String, BackfillError> {
        let table = &self.statements.table;
        let names = table.key_names().join(", ");
        if typed.len() != table.key.len() {
            return Err(RerunError::wrong(format!(
                "a key of {} has {}: ({names})",
                self.job.text.table,
                match table.key.len() {
                    1 => "one column".to_owned(),
                    many => format!("{many} columns"),
                }
            ))
            .into());
        }
        let values = table.key.iter().zip(typed).map(|(column, text)| {
            format!(
                "CAST({} AS {}) AS {}",
                literal(text),
                column.plain,
                column.sql
            )
        });
        let values: Vec<String> = values.collect();
        let sql = format!(
            "SELECT {}::text FROM (SELECT {}) AS _sb_t",
            table.key_json("_sb_t."),
            values.join(", ")
        );
        match self.client.query_one(&sql, &[]).map_err(at(&sql)) {
            Ok(row) => Ok(row.try_get(0).map_err(at(&sql))?),
            Err(ChangeError::Sql { source, .. }) if source.code.starts_with("22") => {
                Err(RerunError::wrong(format!(
                    "{} is no key of {}: {}",
                    typed.join(", "),
                    self.job.text.table,
                    source.message
                ))
                .into())
            }
            Err(error) => Err(error.into()),
        }
    }
}
