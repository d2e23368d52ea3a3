//! One batch: rows, what they had, and the place that is reached, in one transaction.

use std::time::Duration;

use postgres::{Client, Row};
use switchback_migration::backfill::JobStatus;
use switchback_model::BackfillId;

use super::claim::Held;
use super::enter::{Standing, enter};
use super::error::BackfillError;
use super::place::{self, count};
use super::savepoint;
use super::statement::{Keeping, Statements, by_place, joined};
use super::table::range::{Range, parse};
use crate::postgres::change::ChangeError;
use crate::postgres::change::Options;
use crate::postgres::change::error::at;
use crate::postgres::change::link::commit;
use crate::postgres::change::persist::Desk;
use crate::postgres::session::literal;

/// What a batch is done with.
pub(super) struct Task<'a> {
    pub(super) job: &'a str,
    pub(super) statements: &'a Statements,
    pub(super) held: &'a Held,
    pub(super) worker: &'a str,
    pub(super) lease: Duration,
    pub(super) keep_undo: bool,
    pub(super) stop_on_error: bool,
    pub(super) most_failed: u64,
    pub(super) path: &'a [String],
    pub(super) options: &'a Options,
}

impl Task<'_> {
    /// Runs a statement of the task as [`attempt`] does.
    pub(super) fn attempt(
        &self,
        client: &mut Client,
        desk: &Desk,
        sql: &str,
        alone: bool,
    ) -> Result<Result<Changed, Refused>, BackfillError> {
        attempt(
            client,
            desk,
            self.job,
            self.options,
            self.statements,
            sql,
            alone,
        )
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Did {
    Done {
        rows: u64,
        work: Duration,
        held: Duration,
        last: bool,
    },
    /// The range is somebody else's, or of a walk that is over.
    Lost,
    Ended(JobStatus),
    /// The rows lie in other files than when the walk began.
    Moved,
    /// A row could not be changed, and it was to stop then, or there are too many.
    Failed(String),
}

/// The next rows of a range.
pub(super) struct Piece {
    pub(super) range: Range,
    pub(super) share: Option<String>,
    pub(super) after: String,
    pub(super) rows: u64,
    pub(super) last: bool,
}

/// What was changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) rows: u64,
    pub(super) failed: u64,
    /// Those that a program passed over.
    pub(super) skipped: u64,
    pub(super) before: i128,
    pub(super) after: i128,
}

impl Changed {
    /// What a statement of a batch gives first: how many rows, and the sums of what they had and have.
    pub(super) fn read(row: &Row, sql: &str) -> Result<Self, ChangeError> {
        let rows: i64 = row.try_get(0).map_err(at(sql))?;
        let sum = |column: usize| -> Result<i128, ChangeError> {
            let text: String = row.try_get(column).map_err(at(sql))?;
            Ok(text.parse().unwrap_or_default())
        };
        Ok(Self {
            rows: rows.unsigned_abs(),
            before: sum(1)?,
            after: sum(2)?,
            ..Self::default()
        })
    }

    pub(super) fn add(&mut self, other: &Changed) {
        self.rows += other.rows;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.before += other.before;
        self.after += other.after;
    }
}

/// Does about so many rows.
pub(super) fn batch(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    rows: u32,
) -> Result<Did, BackfillError> {
    let (standing, began) = match enter(client, desk, task)? {
        Ok(entered) => entered,
        Err(did) => return Ok(did),
    };
    let Some(piece) = piece(client, task, &standing, rows)? else {
        advance(
            client,
            task,
            &standing,
            None,
            0,
            &Changed::default(),
            Duration::ZERO,
        )?;
        commit(client, desk)?;
        return Ok(Did::Done {
            rows: 0,
            work: Duration::ZERO,
            held: began.elapsed(),
            last: true,
        });
    };
    let changed = match change(client, desk, task, &standing, &piece)? {
        Ok(changed) => changed,
        Err(reason) => {
            client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
            return Ok(Did::Failed(reason));
        }
    };
    let work = began.elapsed();
    let place = (!piece.last).then_some(piece.after.as_str());
    advance(client, task, &standing, place, piece.rows, &changed, work)?;
    commit(client, desk)?;
    Ok(Did::Done {
        rows: piece.rows,
        work,
        held: began.elapsed(),
        last: piece.last,
    })
}

/// The next rows of the range; none at its end.
pub(super) fn piece(
    client: &mut Client,
    task: &Task<'_>,
    standing: &Standing,
    rows: u32,
) -> Result<Option<Piece>, BackfillError> {
    let table = &task.statements.table;
    if let Some(scope) = &standing.scope {
        let place = standing.place.as_deref();
        let next = scope.next(client, task.statements, place, &standing.end, rows)?;
        return Ok(next.map(|it| Piece {
            range: it.range,
            share: None,
            after: it.place,
            rows: it.rows,
            last: it.last,
        }));
    }
    if !by_place(standing.strategy) {
        let after = standing.place.as_deref().map(parse).transpose()?;
        let end = parse(&standing.end)?;
        let sql = table.reach(&table.between(after.as_ref(), Some(&end)), rows);
        let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
        let last: Option<String> = row.try_get(0).map_err(at(&sql))?;
        let found: i64 = row.try_get(1).map_err(at(&sql))?;
        let Some(last) = last else { return Ok(None) };
        let to = parse(&last)?;
        return Ok(Some(Piece {
            range: table.between(after.as_ref(), Some(&to)),
            share: None,
            last: to == end,
            after: last,
            rows: found.unsigned_abs(),
        }));
    }
    place::piece(client, task.statements, standing, rows)
}

/// Changes the rows of a piece. Where some of them cannot be changed, the others are. Gives a
/// reason where that ends the job.
fn change(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    standing: &Standing,
    piece: &Piece,
) -> Result<Result<Changed, String>, BackfillError> {
    let (range, share) = (&piece.range, piece.share.as_deref());
    let about = match (&task.statements.asked, share) {
        // Rows have come from elsewhere since they were counted.
        (Some(_), Some(share)) => {
            let mine = task.statements.table.count(range, &format!("({share})"));
            count(client, &mine)?
        }
        _ => piece.rows,
    };
    let sql = fill(task, standing, range, share, Some(about));
    let alone = piece.rows == 1;
    match task.attempt(client, desk, &sql, alone)? {
        Ok(changed) => Ok(Ok(changed)),
        Err(_) => one_by_one(client, desk, task, standing, piece),
    }
}

/// What is kept of the rows of a batch.
pub(super) fn keeping(task: &Task<'_>, standing: &Standing) -> Option<Keeping> {
    task.keep_undo.then_some(Keeping {
        backfill: standing.id,
        sweep: standing.sweep,
        range: task.held.number,
    })
}

/// The statement for some rows; `rows` says about how many they are, where that is known.
fn fill(
    task: &Task<'_>,
    standing: &Standing,
    range: &Range,
    share: Option<&str>,
    rows: Option<u64>,
) -> String {
    let keep = keeping(task, standing);
    if let Some(target) = &standing.target {
        // No row was copied before, so none is left out.
        return target.copy(task.statements, range, keep, false);
    }
    // What a query gives is not known before it is asked, be it nothing or something.
    if let Some(asked) = &task.statements.asked {
        return task.statements.fill_asked(asked, range, share, keep, rows);
    }
    if standing.empty_first && standing.first && standing.scope.is_none() {
        task.statements.fill_empty(range, share, keep)
    } else {
        task.statements.fill_differing(range, share, keep)
    }
}

/// A row that refuses what it should get.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) message: String,
}

impl Refused {
    /// Why a job ends of which more rows refuse than may.
    pub(super) fn one_too_many(&self, most: u64) -> String {
        let message = &self.message;
        format!("more than {most} rows refuse it; the last one says: {message}")
    }
}

/// Whether a statement failed because of a row.
pub(super) fn refuses(error: &ChangeError) -> bool {
    refused(error).is_some()
}

/// Runs a statement of a batch so that the transaction goes on where a row refuses it. A row that is
/// `alone` and takes longer than a statement may refuses it too: no smaller batch can help.
pub(super) fn attempt(
    client: &mut Client,
    desk: &Desk,
    job: &str,
    options: &Options,
    statements: &Statements,
    sql: &str,
    alone: bool,
) -> Result<Result<Changed, Refused>, BackfillError> {
    savepoint::mark(client)?;
    desk.next(sql, Some(options.statement_timeout))?;
    let answer = client.query_one(sql, &[]).map_err(at(sql));
    let row = match answer {
        Ok(row) => row,
        Err(error) => {
            // A step of a change is done with every row or not at all.
            let of_change = BackfillId::fill(job).is_some();
            let too_slow = alone && error.is_cancel() && desk.is_out_of_time();
            let refused = if too_slow {
                said(&error)
            } else {
                refused(&error)
            };
            let Some(refused) = refused.filter(|_| !of_change) else {
                return Err(error.into());
            };
            savepoint::back(client)?;
            return Ok(Err(refused));
        }
    };
    statements.given_once(&row, 3, sql)?;
    savepoint::release(client)?;
    Ok(Ok(Changed::read(&row, sql)?))
}

/// Whether it is a row's own fault: a value that cannot be computed or stored (`data_exception`,
/// `integrity_constraint_violation`, `with_check_option_violation`), or what a function or trigger of
/// the application says.
pub(super) fn refused(error: &ChangeError) -> Option<Refused> {
    const ROWS: [&str; 7] = ["22", "23", "2F", "38", "39", "44", "P0"];
    said(error).filter(|it| ROWS.iter().any(|class| it.code.starts_with(class)))
}

/// What the server said.
fn said(error: &ChangeError) -> Option<Refused> {
    match error {
        ChangeError::Sql { source, .. } => Some(Refused {
            code: source.code.clone(),
            message: source.message.clone(),
        }),
        _ => None,
    }
}

/// Changes the rows of a piece but for those that refuse it: halves are tried, and halves of those.
/// Where rows are copied, those that refuse are copied as they are. Gives a reason where the first
/// one, or too many of them, end the job.
fn one_by_one(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    standing: &Standing,
    piece: &Piece,
) -> Result<Result<Changed, String>, BackfillError> {
    let names = names(client, task, standing, piece)?;
    let mut known = failures(client, standing.id)?;
    let mut total = Changed::default();
    let mut todo = vec![names.as_slice()];
    while let Some(part) = todo.pop() {
        if part.is_empty() {
            continue;
        }
        let range = those(task, standing, &piece.range, part);
        let sql = fill(task, standing, &range, None, None);
        let refused = match task.attempt(client, desk, &sql, part.len() == 1)? {
            Ok(changed) => {
                total.add(&changed);
                continue;
            }
            Err(refused) => refused,
        };
        let [one] = part else {
            let (left, right) = part.split_at(part.len() / 2);
            todo.push(right);
            todo.push(left);
            continue;
        };
        let key = key_of(task.statements, &range, one);
        if task.stop_on_error {
            let key = text(client, &key)?.unwrap_or_else(|| one.clone());
            return Ok(Err(format!("row {key}: {}", refused.message)));
        }
        note(client, standing.id, standing.sweep, &key, &refused)?;
        if let Some(target) = &standing.target {
            let sql = target.copy_as_is(&range, false);
            client.batch_execute(&sql).map_err(at(&sql))?;
        }
        total.failed += 1;
        known += 1;
        if known > task.most_failed {
            return Ok(Err(refused.one_too_many(task.most_failed)));
        }
    }
    Ok(Ok(total))
}

/// What the rows of a piece are named by: where they lie. Rows that are copied are named by their
/// keys: a place on disk may be another row's by now, and no row may be copied twice.
fn names(
    client: &mut Client,
    task: &Task<'_>,
    standing: &Standing,
    piece: &Piece,
) -> Result<Vec<String>, ChangeError> {
    let Range { target, condition } = &piece.range;
    let sql = if standing.target.is_some() {
        let key = task.statements.key("").unwrap_or_default();
        let order = task.statements.table.key_list("", "");
        format!("SELECT ({key})::text FROM {target} WHERE {condition} ORDER BY {order}")
    } else {
        let share = piece.share.as_deref().unwrap_or("true");
        format!("SELECT ctid::text FROM {target} WHERE {condition} AND {share} ORDER BY ctid")
    };
    let rows = client.query(&sql, &[]).map_err(at(&sql))?;
    let name = |row: &Row| row.try_get(0).map_err(at(&sql));
    rows.iter().map(name).collect()
}

/// The rows of a range that have these [`names`].
fn those(task: &Task<'_>, standing: &Standing, whole: &Range, names: &[String]) -> Range {
    let condition = if standing.target.is_some() {
        let key = task.statements.key("").unwrap_or_default();
        let list = joined(names.iter().map(|it| literal(it)), ", ");
        let whole = &whole.condition;
        format!("{whole} AND ({key})::text = ANY (ARRAY[{list}]::text[])")
    } else {
        let list = joined(names.iter().map(|it| format!("\"{it}\"")), ",");
        format!("ctid = ANY ({}::tid[])", literal(&format!("{{{list}}}")))
    };
    Range {
        target: whole.target.clone(),
        condition,
    }
}

pub(super) fn failures(client: &mut Client, backfill: i64) -> Result<u64, ChangeError> {
    let sql =
        format!("SELECT count(*) FROM _switchback.backfill_failure WHERE backfill = {backfill}");
    count(client, &sql)
}

/// The query for the key of the one row of a range; where rows have none, for its place.
pub(super) fn key_of(statements: &Statements, range: &Range, place: &str) -> String {
    let key = statements.key("").unwrap_or_else(|| literal(place));
    let Range { target, condition } = range;
    format!("SELECT ({key})::text FROM {target} WHERE {condition}")
}

fn text(client: &mut Client, sql: &str) -> Result<Option<String>, ChangeError> {
    let row = client.query_opt(sql, &[]).map_err(at(sql))?;
    let text = row.map(|it| it.try_get(0).map_err(at(sql))).transpose()?;
    Ok(text.flatten())
}

/// Writes down which row refused it, whose key a query gives, and why.
pub(super) fn note(
    client: &mut Client,
    backfill: i64,
    sweep: i32,
    key: &str,
    refused: &Refused,
) -> Result<(), ChangeError> {
    let sql = format!(
        "INSERT INTO _switchback.backfill_failure (backfill, key, sweep, code, message) \
         SELECT $1, it.key, $2, $3, $4 FROM ({key}) AS it (key) \
         ON CONFLICT (backfill, key) DO UPDATE SET sweep = excluded.sweep, code = excluded.code, \
           message = excluded.message, at = excluded.at"
    );
    client
        .execute(&sql, &[&backfill, &sweep, &refused.code, &refused.message])
        .map_err(at(&sql))?;
    Ok(())
}

/// Writes the place that is reached, and that the lease holds for longer; without a place, that the
/// range is done.
pub(super) fn advance(
    client: &mut Client,
    task: &Task<'_>,
    standing: &Standing,
    place: Option<&str>,
    rows: u64,
    changed: &Changed,
    work: Duration,
) -> Result<(), BackfillError> {
    let sql = "UPDATE _switchback.backfill_range SET
                 place = coalesce($4::text::jsonb, cursor_end),
                 status = CASE WHEN $4 IS NULL THEN 'done' ELSE status END,
                 lease_until = clock_timestamp() + make_interval(secs => $5),
                 scanned = scanned + $6, changed = changed + $7, failed = failed + $8,
                 skipped = skipped + $12,
                 batches = batches + 1, took_us = took_us + $9,
                 checksum_before = (checksum_before + $10::text::numeric),
                 checksum_after = (checksum_after + $11::text::numeric)
               WHERE backfill = $1 AND sweep = $2 AND number = $3";
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let took = i64::try_from(work.as_micros()).unwrap_or(i64::MAX);
    client
        .execute(
            sql,
            &[
                &standing.id,
                &standing.sweep,
                &task.held.number,
                &place,
                &task.lease.as_secs_f64(),
                &number(rows),
                &number(changed.rows),
                &number(changed.failed),
                &took,
                &changed.before.to_string(),
                &changed.after.to_string(),
                &number(changed.skipped),
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}
