//! Giving columns their values while an application works, and taking that back.
//!
//! Rows are walked by their key or, where they have none, by their place on disk, in batches. Each
//! is a transaction of its own together with the place that it reached and the former values. A
//! batch reads the rows that it changes in the same statement, so that no update of anybody else is
//! lost: where a row was changed meanwhile, PostgreSQL waits for that and looks at the row again.
//! After each walk all rows are looked at once more, and walked again where some differ.
//!
//! Batches are sized by time, and shrink when somebody had to wait for one.

mod probe;
mod sql;
pub(in crate::postgres) mod table;
mod undo;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use postgres::Client;

use switchback_model::plan::Fill;

use self::sql::{Key, Range, parse};
use self::table::Table;
use super::control::{self, FillStatus};
use super::error::{ChangeError, at};
use super::link::{begin, commit, reading};
use super::persist::{Desk, Runner};
use super::{Options, Waits};
use crate::fill::{FEWEST_ROWS, FILLED, FILLING, MOST_ROWS, Next, SWEEPS, UNFILLING, sized};

/// Pages that are looked at in one statement: 32 MiB.
const MOST_PAGES: u64 = 4096;

/// The longest pause between two batches.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

pub(super) use probe::{probe, probe_undone};
pub(super) use undo::unfill;

/// What a fill is done for.
pub(super) struct Job<'a> {
    pub(super) fill: &'a Fill,
    pub(super) intent: Option<&'a str>,
    pub(super) path: &'a [String],
    pub(super) version: u32,
    pub(super) options: &'a Options,
}

/// How far a fill, or taking one back, has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were looked at, over all runs.
    pub rows_scanned: u64,
    /// Rows that were changed, over all runs.
    pub rows_changed: u64,
    /// Batches, over all runs.
    pub batches: u64,
    /// Rows that were looked at since all rows are walked once more, or for the first time.
    pub sweep_rows: u64,
    /// About how many rows there are, where that is known.
    pub total: Option<u64>,
    /// How long the last batch took, its commit included.
    pub took: Duration,
    /// What this run waited for, and who waited for it.
    pub waits: Waits,
}

/// How a run of a fill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillEnd {
    /// All rows are done.
    Done(Progress),
    /// It was told to stop.
    Stopped(Progress),
    /// There was nothing left to do.
    Already,
}

/// What a batch did.
struct Batch {
    status: FillStatus,
    /// How long the statements took: the part that depends on the number of rows.
    work: Duration,
    /// How long locks on rows were held.
    held: Duration,
}

/// Some of the next rows, and where the walk stands after them.
struct Stretch {
    range: Range,
    /// As it is stored.
    after: String,
    /// How many rows there are, where that is known already.
    rows: Option<u64>,
}

fn progress(runner: &Runner<'_>, status: &FillStatus, took: Duration) -> Progress {
    Progress {
        rows_scanned: status.rows_scanned,
        rows_changed: status.rows_changed,
        batches: status.batches,
        sweep_rows: status.sweep_rows,
        total: status.total,
        took,
        waits: runner.cost.waits(),
    }
}

/// Another process took the fill back while this one ran.
fn vanished(fill: &Fill) -> ChangeError {
    ChangeError::UnknownStep {
        change: fill.change.to_string(),
        expected: format!("the fill of step {} under way", fill.step),
        found: "it is taken back".to_owned(),
    }
}

pub(super) fn fill(
    runner: &mut Runner<'_>,
    job: &Job<'_>,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, ChangeError> {
    let begun = runner.persist(|client, desk| start(client, desk, job))?;
    let (mut table, was_filled) = begun;
    if was_filled {
        // Code that writes only one column may have run since: then it is done again.
        if left(runner, job, &table)? == 0 {
            return Ok(FillEnd::Already);
        }
        table = runner.persist(|client, desk| again(client, desk, job))?;
    }
    let mut size = Size::new(&table, job.fill.batch_rows);
    for sweep in 1..=SWEEPS {
        loop {
            let done = size.batch(runner, job.options, |client, desk, size| {
                batch(client, desk, job, &table, size)
            })?;
            let Some(done) = done else { break };
            let now = progress(runner, &done.status, done.held);
            if on_batch(&now) == Next::Stop {
                return Ok(FillEnd::Stopped(now));
            }
            runner.sleep((done.held / 4).min(LONGEST_PAUSE));
        }
        let rows = left(runner, job, &table)?;
        if rows == 0 {
            let status = runner.persist(|client, desk| filled(client, desk, job))?;
            return Ok(FillEnd::Done(progress(runner, &status, Duration::ZERO)));
        }
        if sweep < SWEEPS {
            table = runner.persist(|client, desk| again(client, desk, job))?;
            continue;
        }
        return Err(ChangeError::StillDiffers {
            table: job.fill.table.clone(),
            columns: job.fill.set.keys().cloned().collect(),
            rows,
            sweeps: SWEEPS,
        });
    }
    Err(vanished(job.fill))
}

/// How large batches are, in rows, or in pages where rows are walked by their place on disk.
struct Size {
    now: u32,
    fewest: u32,
    most: u32,
}

impl Size {
    fn new(table: &Table, rows: u32) -> Self {
        let rows = rows.clamp(1, MOST_ROWS);
        if !table.key.is_empty() {
            return Self {
                now: rows,
                fewest: rows.min(FEWEST_ROWS),
                most: MOST_ROWS,
            };
        }
        let pages: u64 = table.leaves.iter().map(|leaf| leaf.pages).sum();
        // Where nobody has counted, pages are taken for full of small rows.
        let each = table.rows().and_then(|rows| rows.checked_div(pages));
        let now = u64::from(rows) / each.unwrap_or(100).max(1);
        Self {
            now: u32::try_from(now).unwrap_or(u32::MAX).clamp(1, 1024),
            fewest: 1,
            most: 1024,
        }
    }

    /// Does a batch. Where one of this size gets into the way of others, or does not come to its
    /// end, a smaller one may.
    fn batch(
        &mut self,
        runner: &mut Runner<'_>,
        options: &Options,
        work: impl Fn(&mut Client, &Desk, u32) -> Result<Option<Batch>, ChangeError> + Sync,
    ) -> Result<Option<Batch>, ChangeError> {
        loop {
            let held_up = runner.cost.waits().held_up;
            let size = self.now;
            match runner.persist(|client, desk| work(client, desk, size)) {
                Ok(done) => {
                    if let Some(done) = &done {
                        let (now, most) = (self.now, self.most);
                        self.now = if runner.cost.waits().held_up > held_up {
                            (now / 2).max(self.fewest)
                        } else {
                            sized(now, self.fewest, most, done.work, options.batch_time)
                        };
                    }
                    return Ok(done);
                }
                Err(
                    ChangeError::GaveWay { .. }
                    | ChangeError::Busy { .. }
                    | ChangeError::Cancelled { limit: Some(_), .. },
                ) if self.now > 1 => {
                    self.now /= 4;
                    self.now = self.now.max(1);
                    self.fewest = self.fewest.min(self.now);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What the catalog says, and that the expressions fit it.
fn fitting(
    client: &mut Client,
    path: &[String],
    version: u32,
    fill: &Fill,
    begun_by: Option<&[String]>,
) -> Result<Table, ChangeError> {
    let table = Table::of(client, path, version, fill, begun_by)?;
    // What an expression reads must be there; only the database can say so.
    let sql = format!(
        "SELECT FROM {} WHERE {}",
        table.full,
        table.differ(fill.only.as_deref())
    );
    client.prepare(&sql).map_err(at(&sql))?;
    Ok(table)
}

/// Makes the fill's row where there is none. Returns the table, and whether the fill was done.
fn start(client: &mut Client, desk: &Desk, job: &Job<'_>) -> Result<(Table, bool), ChangeError> {
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    control::fence(client, &job.fill.change, job.intent)?;
    let found = control::fill_status(client, job.fill, true)?;
    let begun_by = found.as_ref().map(|status| status.key.as_slice());
    let table = fitting(client, job.path, job.version, job.fill, begun_by)?;
    let mut filled = false;
    match found {
        Some(status) if status.status == FILLED => filled = true,
        Some(status) if status.status == FILLING => {}
        // Rows before its place are empty again, because taking it back was begun.
        Some(status) => sweep(client, job, &table, status)?,
        None => {
            let status = FillStatus {
                status: FILLING.to_owned(),
                key: table.key_names(),
                sweep: 0,
                rows_scanned: 0,
                rows_changed: 0,
                batches: 0,
                took: Duration::ZERO,
                id: 0,
                place: None,
                high: None,
                sweep_rows: 0,
                total: None,
            };
            sweep(client, job, &table, status)?;
        }
    }
    commit(client, desk)?;
    Ok((table, filled))
}

/// Begins the walk through all rows once more. Returns what the table is by now.
fn again(client: &mut Client, desk: &Desk, job: &Job<'_>) -> Result<Table, ChangeError> {
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    control::fence(client, &job.fill.change, job.intent)?;
    let status = control::fill_status(client, job.fill, true)?;
    let Some(status) = status.filter(|it| it.status != UNFILLING) else {
        return Err(vanished(job.fill));
    };
    let table = fitting(client, job.path, job.version, job.fill, Some(&status.key))?;
    sweep(client, job, &table, status)?;
    commit(client, desk)?;
    Ok(table)
}

/// Writes that all rows are walked from the beginning.
fn sweep(
    client: &mut Client,
    job: &Job<'_>,
    table: &Table,
    status: FillStatus,
) -> Result<(), ChangeError> {
    let high = if table.key.is_empty() {
        let sizes = table.leaves.iter().map(|leaf| (&leaf.full, leaf.pages));
        let sizes: serde_json::Map<String, serde_json::Value> = sizes
            .map(|(name, pages)| (name.clone(), pages.into()))
            .collect();
        Some(serde_json::Value::Object(sizes).to_string())
    } else {
        let sql = table.highest();
        let row = client.query_opt(&sql, &[]).map_err(at(&sql))?;
        row.map(|row| row.try_get(0).map_err(at(&sql)))
            .transpose()?
    };
    let status = FillStatus {
        status: FILLING.to_owned(),
        place: None,
        high,
        sweep: status.sweep + 1,
        sweep_rows: 0,
        total: table.rows(),
        ..status
    };
    control::set_fill(client, job.fill, &status)?;
    Ok(())
}

/// Writes that the fill is done.
fn filled(client: &mut Client, desk: &Desk, job: &Job<'_>) -> Result<FillStatus, ChangeError> {
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    control::fence(client, &job.fill.change, job.intent)?;
    let status = control::fill_status(client, job.fill, true)?;
    let Some(mut status) = status.filter(|it| it.status != UNFILLING) else {
        return Err(vanished(job.fill));
    };
    status.status = FILLED.to_owned();
    control::set_fill(client, job.fill, &status)?;
    commit(client, desk)?;
    Ok(status)
}

/// One batch: data, former values and place in one transaction. None at the end of the table.
fn batch(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    table: &Table,
    size: u32,
) -> Result<Option<Batch>, ChangeError> {
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    later(client)?;
    let began = Instant::now();
    control::fence(client, &job.fill.change, job.intent)?;
    // Read again inside the transaction: two processes may fill together.
    let Some(mut status) = control::fill_status(client, job.fill, true)? else {
        return Err(vanished(job.fill));
    };
    match status.status.as_str() {
        FILLING => {}
        FILLED => return commit(client, desk).map(|()| None),
        _ => return Err(vanished(job.fill)),
    }
    let Some(stretch) = stretch(client, table, &status, size)? else {
        return commit(client, desk).map(|()| None);
    };
    let differ = table.differ(job.fill.only.as_deref());
    let Stretch { range, after, rows } = stretch;
    let rows = match rows {
        Some(rows) => rows,
        None => count(client, &table.count(&range, "true"))?,
    };
    let limit = Some(job.options.statement_timeout);
    let changed = if job.fill.keep_undo {
        let sql = table.update_keeping(&range, &differ, status.id);
        desk.next(&sql, limit)?;
        count(client, &sql)?
    } else {
        let sql = table.update(&range, &differ);
        desk.next(&sql, limit)?;
        client.execute(&sql, &[]).map_err(at(&sql))?
    };
    status.rows_scanned += rows;
    status.sweep_rows += rows;
    status.rows_changed += changed;
    status.batches += 1;
    status.place = Some(after);
    let work = began.elapsed();
    status.took += work;
    desk.next("the place that is reached", limit)?;
    control::set_fill(client, job.fill, &status)?;
    commit(client, desk)?;
    Ok(Some(Batch {
        status,
        work,
        held: began.elapsed(),
    }))
}

/// A commit that is lost with all after it does no harm here: what a batch did and that it did are
/// lost together. That the fill is done is committed for good, and with it all before.
fn later(client: &mut Client) -> Result<(), ChangeError> {
    let sql = "SET LOCAL synchronous_commit = off";
    client.batch_execute(sql).map_err(at(sql))
}

fn count(client: &mut Client, sql: &str) -> Result<u64, ChangeError> {
    let row = client.query_one(sql, &[]).map_err(at(sql))?;
    let count: i64 = row.try_get(0).map_err(at(sql))?;
    Ok(count.unsigned_abs())
}

/// The next rows of a walk.
fn stretch(
    client: &mut Client,
    table: &Table,
    status: &FillStatus,
    size: u32,
) -> Result<Option<Stretch>, ChangeError> {
    if table.key.is_empty() {
        let high = status.high.as_deref().unwrap_or("{}");
        return Ok(pages(table, status.place.as_deref(), high, u64::from(size)));
    }
    let Some(high) = &status.high else {
        return Ok(None);
    };
    let after = status.place.as_deref().map(parse).transpose()?;
    let high = parse(high)?;
    reach(client, table, after.as_ref(), Some(&high), size)
}

fn reach(
    client: &mut Client,
    table: &Table,
    after: Option<&Key>,
    high: Option<&Key>,
    size: u32,
) -> Result<Option<Stretch>, ChangeError> {
    let sql = table.reach(&table.between(after, high), size);
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let last: Option<String> = row.try_get(0).map_err(at(&sql))?;
    let rows: i64 = row.try_get(1).map_err(at(&sql))?;
    let Some(last) = last else { return Ok(None) };
    Ok(Some(Stretch {
        range: table.between(after, Some(&parse(&last)?)),
        after: last,
        rows: Some(rows.unsigned_abs()),
    }))
}

/// The next pages. A part of the table that is gone is passed over.
fn pages(table: &Table, place: Option<&str>, high: &str, size: u64) -> Option<Stretch> {
    let sizes: BTreeMap<String, u64> = serde_json::from_str(high).unwrap_or_default();
    let (mut leaf, mut from): (String, u64) = place
        .and_then(|it| serde_json::from_str(it).ok())
        .unwrap_or_default();
    loop {
        let here = sizes.get(&leaf).copied().unwrap_or(0);
        if from < here && table.leaves.iter().any(|it| it.full == leaf) {
            let to = here.min(from + size);
            return Some(Stretch {
                range: table.on_pages(&leaf, from, Some(to)),
                after: serde_json::json!([leaf, to]).to_string(),
                rows: None,
            });
        }
        let others = (Bound::Excluded(&leaf), Bound::Unbounded);
        let next = sizes.range::<String, _>(others).next()?;
        (leaf, from) = (next.0.clone(), 0);
    }
}

/// How many rows differ at one moment.
fn left(runner: &mut Runner<'_>, job: &Job<'_>, table: &Table) -> Result<u64, ChangeError> {
    runner.persist(|client, desk| {
        desk.next("counting rows that differ", None)?;
        reading(client, job.options, job.path, |client| {
            differing(client, table, job.fill, &|| {
                desk.next("counting rows that differ", None)
            })
        })
    })
}

/// How many rows differ, counted in stretches so that no statement takes long. `each` comes before
/// each of them. In a transaction that sees one moment no row escapes by moving from a stretch that
/// comes to one that is done.
fn differing(
    client: &mut Client,
    table: &Table,
    fill: &Fill,
    each: &dyn Fn() -> Result<(), ChangeError>,
) -> Result<u64, ChangeError> {
    let differ = table.differ(fill.only.as_deref());
    let mut found = 0;
    if table.key.is_empty() {
        for leaf in &table.leaves {
            let mut from = 0;
            loop {
                each()?;
                // The last one is open: the table may have grown since its size was read.
                let to = (from + MOST_PAGES < leaf.pages).then_some(from + MOST_PAGES);
                let range = table.on_pages(&leaf.full, from, to);
                found += count(client, &table.count(&range, &differ))?;
                match to {
                    Some(to) => from = to,
                    None => break,
                }
            }
        }
        return Ok(found);
    }
    let mut after = None;
    loop {
        each()?;
        let Some(stretch) = reach(client, table, after.as_ref(), None, MOST_ROWS)? else {
            return Ok(found);
        };
        found += count(client, &table.count(&stretch.range, &differ))?;
        after = Some(parse(&stretch.after)?);
    }
}

/// Removes the former values of fills that are forgotten. What does not work now is left to the
/// next one that comes by, and whoever looks on is told: the effect itself is done, so this cannot
/// be its error.
pub(super) fn tidy(runner: &mut Runner<'_>) {
    loop {
        let more = runner.persist(|client, desk| {
            desk.next("removing former values that nobody needs", None)?;
            control::tidy(client)
        });
        match more {
            Ok(true) => {}
            // Whoever wants to stop need not be told that it stopped.
            Ok(false) | Err(ChangeError::Aborted { .. }) => return,
            Err(error) => return runner.observer.not_tidied(&error),
        }
    }
}
