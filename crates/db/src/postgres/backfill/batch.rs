//! One batch: rows, what they had, and the place that is reached, in one transaction.

use std::time::{Duration, Instant};

use postgres::Client;
use switchback_migration::backfill::{JobStatus, Strategy};

use super::claim::{Held, Place, rows_on_page};
use super::control;
use super::error::BackfillError;
use super::statement::{Keeping, Statements, by_place, part_of, passes};
use crate::postgres::change::ChangeError;
use crate::postgres::change::Options;
use crate::postgres::change::error::at;
use crate::postgres::change::fill::sql::{Range, parse};
use crate::postgres::change::link::{begin, commit};
use crate::postgres::change::persist::Desk;
use crate::postgres::session::literal;

/// About how many rows are walked in several passes at once. More gain nothing, and the keys of so
/// many are mostly near each other.
const WINDOW_ROWS: u64 = 50_000;

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

/// The range as it stands.
struct Standing {
    id: i64,
    strategy: Strategy,
    /// Whether it is the first walk of the job.
    first: bool,
    empty_first: bool,
    sweep: i32,
    stored: Option<String>,
    end: String,
    place: Option<String>,
}

/// The next rows of a range.
struct Piece {
    range: Range,
    share: Option<String>,
    after: String,
    rows: u64,
    last: bool,
}

/// What was changed.
#[derive(Debug, Default)]
struct Changed {
    rows: u64,
    failed: u64,
    before: i128,
    after: i128,
}

impl Changed {
    fn add(&mut self, other: &Changed) {
        self.rows += other.rows;
        self.failed += other.failed;
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
    desk.next("BEGIN", None)?;
    begin(client, task.options, task.path)?;
    // What a commit that is lost did, and that it did, are lost together.
    let later = "SET LOCAL synchronous_commit = off";
    client.batch_execute(later).map_err(at(later))?;
    let began = Instant::now();
    control::lock_shared(client, task.job)?;
    let standing = match look(client, task)? {
        Ok(standing) => standing,
        Err(did) => {
            commit(client, desk)?;
            return Ok(did);
        }
    };
    if let (Some(was), Some(place)) = (&standing.stored, &standing.place)
        && !stays(client, desk, task, was, &Place::read(place)?.leaf)?
    {
        client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"))?;
        return Ok(Did::Moved);
    }
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

/// Whether the rows of `leaf` lie where they did when the walk began, and will until the transaction
/// ends: whoever writes them anew waits for our lock.
fn stays(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    was: &str,
    leaf: &str,
) -> Result<bool, BackfillError> {
    let sql = format!("LOCK TABLE ONLY {leaf} IN ROW EXCLUSIVE MODE");
    desk.next(&sql, Some(task.options.lock_timeout))?;
    match client.batch_execute(&sql).map_err(at(&sql)) {
        Ok(()) => {}
        // A partition that is gone.
        Err(error) if error.code() == Some("42P01") => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let sql = "SELECT ($1::text::jsonb ->> $2)::oid = pg_relation_filenode($2::regclass)";
    let row = client.query_one(sql, &[&was, &leaf]).map_err(at(sql))?;
    Ok(row.try_get::<_, Option<bool>>(0).map_err(at(sql))? == Some(true))
}

/// Locks the range, if it is still ours.
fn look(client: &mut Client, task: &Task<'_>) -> Result<Result<Standing, Did>, BackfillError> {
    let Some(job) = control::job(client, task.job, false)? else {
        return Ok(Err(Did::Lost));
    };
    if job.status != JobStatus::Running {
        return Ok(Err(Did::Ended(job.status)));
    }
    let Held {
        sweep,
        number,
        epoch,
    } = *task.held;
    let sql = "SELECT cursor_end::text, place::text FROM _switchback.backfill_range
               WHERE backfill = $1 AND sweep = $2 AND number = $3 AND worker = $4 AND epoch = $5
                 AND status = 'leased' AND sweep = $6 FOR UPDATE";
    let found = client
        .query_opt(
            sql,
            &[&job.id, &sweep, &number, &task.worker, &epoch, &job.sweep],
        )
        .map_err(at(sql))?;
    let Some(found) = found else {
        return Ok(Err(Did::Lost));
    };
    Ok(Ok(Standing {
        id: job.id,
        strategy: job.strategy,
        first: job.closed == 0,
        empty_first: job.empty_first,
        sweep,
        stored: job.stored,
        end: found.try_get(0).map_err(at(sql))?,
        place: found.try_get(1).map_err(at(sql))?,
    }))
}

fn count(client: &mut Client, sql: &str) -> Result<u64, ChangeError> {
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let count: i64 = row.try_get(0).map_err(at(sql))?;
    Ok(count.unsigned_abs())
}

/// The next rows of the range; none at its end.
fn piece(
    client: &mut Client,
    task: &Task<'_>,
    standing: &Standing,
    rows: u32,
) -> Result<Option<Piece>, BackfillError> {
    let table = &task.statements.table;
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
    let (Some(place), end) = (&standing.place, Place::read(&standing.end)?) else {
        return Err(BackfillError::Garbled {
            what: "a range of places on disk without a beginning".to_owned(),
        });
    };
    let place = Place::read(place)?;
    if place.page >= end.page {
        return Ok(None);
    }
    let passes = passes(standing.strategy, standing.first);
    let most = if passes > 1 { WINDOW_ROWS } else { u64::MAX };
    let wanted = (u64::from(rows) * u64::from(passes)).min(most) / rows_on_page(table);
    let wanted = wanted.max(1);
    let (mut pass, mut to) = (place.pass, place.to.unwrap_or(place.page + wanted));
    // Others were in the way of a large batch: the rest of it is walked in smaller ones. Rows that
    // are done are passed over.
    if place.to.is_some() && wanted < (to - place.page) / 2 {
        (pass, to) = (0, place.page + wanted);
    }
    let to = to.min(end.page);
    let range = table.on_pages(&place.leaf, place.page, Some(to));
    // Rows are counted once, before the first of the passes; each pass takes its part of them.
    let lying = match pass {
        0 => count(client, &table.count(&range, "true"))?,
        _ => place.rows,
    };
    let after = if pass + 1 < passes {
        Place {
            leaf: place.leaf,
            page: place.page,
            pass: pass + 1,
            to: Some(to),
            rows: lying,
        }
    } else {
        Place::at(&place.leaf, to)
    };
    Ok(Some(Piece {
        range,
        share: (passes > 1).then(|| task.statements.share(pass, passes)),
        last: after.page >= end.page,
        after: after.json(),
        rows: part_of(lying, pass, passes),
    }))
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
    let sql = fill(task, standing, &piece.range, piece.share.as_deref());
    match attempt(client, desk, task, &sql)? {
        Ok(changed) => Ok(Ok(changed)),
        Err(_) => one_by_one(client, desk, task, standing, piece),
    }
}

fn fill(task: &Task<'_>, standing: &Standing, range: &Range, share: Option<&str>) -> String {
    let keep = task.keep_undo.then_some(Keeping {
        backfill: standing.id,
        sweep: standing.sweep,
        range: task.held.number,
    });
    if standing.empty_first && standing.first {
        task.statements.fill_empty(range, share, keep)
    } else {
        task.statements.fill_differing(range, share, keep)
    }
}

/// A row that refuses what it should get.
#[derive(Debug)]
struct Refused {
    code: String,
    message: String,
}

/// Whether a statement failed because of a row.
pub(super) fn refuses(error: &ChangeError) -> bool {
    refused(error).is_some()
}

/// Runs a statement of a batch so that the transaction goes on where a row refuses it.
fn attempt(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    sql: &str,
) -> Result<Result<Changed, Refused>, BackfillError> {
    let mark = "SAVEPOINT _sb_batch";
    client.batch_execute(mark).map_err(at(mark))?;
    desk.next(sql, Some(task.options.statement_timeout))?;
    let answer = client.query_one(sql, &[]).map_err(at(sql));
    let row = match answer {
        Ok(row) => row,
        Err(error) => {
            let Some(refused) = refused(&error) else {
                return Err(error.into());
            };
            let back = "ROLLBACK TO SAVEPOINT _sb_batch; RELEASE SAVEPOINT _sb_batch";
            client.batch_execute(back).map_err(at(back))?;
            return Ok(Err(refused));
        }
    };
    let release = "RELEASE SAVEPOINT _sb_batch";
    client.batch_execute(release).map_err(at(release))?;
    let rows: i64 = row.try_get(0).map_err(at(sql))?;
    let sum = |column: usize| -> Result<i128, ChangeError> {
        let text: String = row.try_get(column).map_err(at(sql))?;
        Ok(text.parse().unwrap_or_default())
    };
    Ok(Ok(Changed {
        rows: rows.unsigned_abs(),
        failed: 0,
        before: sum(1)?,
        after: sum(2)?,
    }))
}

/// Whether it is a row's own fault: a value that cannot be computed or stored (`data_exception`,
/// `integrity_constraint_violation`, `with_check_option_violation`), or what a function or trigger of
/// the application says.
fn refused(error: &ChangeError) -> Option<Refused> {
    const ROWS: [&str; 7] = ["22", "23", "2F", "38", "39", "44", "P0"];
    let ChangeError::Sql { source, .. } = error else {
        return None;
    };
    ROWS.iter()
        .any(|class| source.code.starts_with(class))
        .then(|| Refused {
            code: source.code.clone(),
            message: source.message.clone(),
        })
}

/// Changes the rows of a piece but for those that refuse it: halves are tried, and halves of those.
/// Gives a reason where the first one, or too many of them, end the job.
fn one_by_one(
    client: &mut Client,
    desk: &Desk,
    task: &Task<'_>,
    standing: &Standing,
    piece: &Piece,
) -> Result<Result<Changed, String>, BackfillError> {
    let Range {
        target, condition, ..
    } = &piece.range;
    let share = piece.share.as_deref().unwrap_or("true");
    let sql =
        format!("SELECT ctid::text FROM {target} WHERE {condition} AND {share} ORDER BY ctid");
    let rows = client.query(&sql, &[]).map_err(at(&sql))?;
    let places: Vec<String> = rows
        .iter()
        .map(|row| row.try_get(0).map_err(at(&sql)))
        .collect::<Result<_, _>>()?;
    let mut known = failures(client, standing.id)?;
    let mut total = Changed::default();
    let mut todo = vec![places.as_slice()];
    while let Some(part) = todo.pop() {
        if part.is_empty() {
            continue;
        }
        let list: Vec<_> = part.iter().map(|it| format!("\"{it}\"")).collect();
        let range = Range {
            target: target.clone(),
            condition: format!(
                "ctid = ANY ({}::tid[])",
                literal(&format!("{{{}}}", list.join(",")))
            ),
            again: String::new(),
        };
        match attempt(client, desk, task, &fill(task, standing, &range, None))? {
            Ok(changed) => total.add(&changed),
            Err(error) => {
                let [one] = part else {
                    let (left, right) = part.split_at(part.len() / 2);
                    todo.push(right);
                    todo.push(left);
                    continue;
                };
                if task.stop_on_error {
                    let key = named(client, task, &range, one)?;
                    return Ok(Err(format!("row {key}: {}", error.message)));
                }
                total.failed += 1;
                note(client, task, standing, &range, one, &error)?;
                known += 1;
                if known > task.most_failed {
                    return Ok(Err(format!(
                        "more than {} rows refuse it; the last one says: {}",
                        task.most_failed, error.message
                    )));
                }
            }
        }
    }
    Ok(Ok(total))
}

fn failures(client: &mut Client, backfill: i64) -> Result<u64, ChangeError> {
    let sql =
        format!("SELECT count(*) FROM _switchback.backfill_failure WHERE backfill = {backfill}");
    count(client, &sql)
}

/// The key of the one row of a range.
fn named(
    client: &mut Client,
    task: &Task<'_>,
    range: &Range,
    place: &str,
) -> Result<String, BackfillError> {
    let key = task.statements.key("").unwrap_or_else(|| literal(place));
    let (target, condition) = (&range.target, &range.condition);
    let sql = format!("SELECT ({key})::text FROM {target} WHERE {condition}");
    let row = client.query_opt(&sql, &[]).map_err(at(&sql))?;
    let key: Option<String> = match row {
        Some(row) => row.try_get(0).map_err(at(&sql))?,
        None => None,
    };
    Ok(key.unwrap_or_else(|| place.to_owned()))
}

/// Writes down which row refused it, and why.
fn note(
    client: &mut Client,
    task: &Task<'_>,
    standing: &Standing,
    range: &Range,
    place: &str,
    refused: &Refused,
) -> Result<(), BackfillError> {
    let key = task.statements.key("").unwrap_or_else(|| literal(place));
    let sql = format!(
        "INSERT INTO _switchback.backfill_failure (backfill, key, sweep, code, message) \
         SELECT $1, ({key})::text, $2, $3, $4 FROM {} WHERE {} \
         ON CONFLICT (backfill, key) DO UPDATE SET sweep = excluded.sweep, code = excluded.code, \
           message = excluded.message, at = excluded.at",
        range.target, range.condition
    );
    client
        .execute(
            &sql,
            &[
                &standing.id,
                &standing.sweep,
                &refused.code,
                &refused.message,
            ],
        )
        .map_err(at(&sql))?;
    Ok(())
}

/// Writes the place that is reached, and that the lease holds for longer; without a place, that the
/// range is done.
fn advance(
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
            ],
        )
        .map_err(at(sql))?;
    Ok(())
}
