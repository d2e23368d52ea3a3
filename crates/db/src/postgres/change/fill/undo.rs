//! Taking a fill back: former values go where the row still has what the fill wrote.

use std::time::Instant;

use postgres::Client;

use super::super::control;
use super::super::error::{ChangeError, at};
use super::super::link::{begin, commit};
use super::super::persist::{Desk, Runner};
use super::table::Table;
use super::{Batch, FillEnd, Job, LONGEST_PAUSE, Progress, Size, later, progress};
use crate::fill::{Next, UNFILLING};

pub(in super::super) fn unfill(
    runner: &mut Runner<'_>,
    job: &Job<'_>,
    on_batch: &mut dyn FnMut(&Progress) -> Next,
) -> Result<FillEnd, ChangeError> {
    if !job.fill.keep_undo {
        return Err(ChangeError::NothingKept {
            step: job.fill.step.to_string(),
        });
    }
    let Some(table) = runner.persist(|client, desk| start_unfill(client, desk, job))? else {
        return Ok(FillEnd::Already);
    };
    let mut size = Size::new(&table, job.fill.batch_rows);
    let mut last = None;
    loop {
        let done = size.batch(runner, job.options, |client, desk, size| {
            undo_batch(client, desk, job, &table, size)
        })?;
        let Some(done) = done else { break };
        let now = progress(runner, &done.status, done.held);
        last = Some(now);
        if on_batch(&now) == Next::Stop {
            return Ok(FillEnd::Stopped(now));
        }
        runner.sleep((done.held / 4).min(LONGEST_PAUSE));
    }
    Ok(last.map_or(FillEnd::Already, FillEnd::Done))
}

/// Writes that a fill is taken back; none if there is none.
fn start_unfill(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
) -> Result<Option<Table>, ChangeError> {
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    control::fence(client, &job.fill.change, job.intent)?;
    let Some(mut status) = control::fill_status(client, job.fill, true)? else {
        return commit(client, desk).map(|()| None);
    };
    let table = Table::of(client, job.path, job.version, job.fill, Some(&status.key))?;
    if status.status != UNFILLING {
        status.status = UNFILLING.to_owned();
        status.place = None;
        (status.rows_scanned, status.rows_changed, status.batches) = (0, 0, 0);
        status.sweep_rows = 0;
        control::set_fill(client, job.fill, &status)?;
    }
    commit(client, desk)?;
    Ok(Some(table))
}

/// One batch of former values put back and forgotten; at the end the fill itself is forgotten.
fn undo_batch(
    client: &mut Client,
    desk: &Desk,
    job: &Job<'_>,
    table: &Table,
    size: u32,
) -> Result<Option<Batch>, ChangeError> {
    desk.next("BEGIN", None)?;
    begin(client, job.options, job.path)?;
    let began = Instant::now();
    control::fence(client, &job.fill.change, job.intent)?;
    let Some(mut status) = control::fill_status(client, job.fill, true)? else {
        return commit(client, desk).map(|()| None);
    };
    if status.status != UNFILLING {
        return Err(ChangeError::UnknownStep {
            change: job.fill.change.to_string(),
            expected: format!("the fill of step {} being taken back", job.fill.step),
            found: "it under way again".to_owned(),
        });
    }
    let sql = Table::reach_kept(status.id, size);
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let last: Option<String> = row.try_get(0).map_err(at(&sql))?;
    let rows: i64 = row.try_get(1).map_err(at(&sql))?;
    status.batches += 1;
    let Some(last) = last else {
        control::forget_fill(client, status.id)?;
        commit(client, desk)?;
        let held = began.elapsed();
        let only = status.batches == 1;
        return Ok(only.then_some(Batch {
            status,
            work: held,
            held,
        }));
    };
    later(client)?;
    let limit = Some(job.options.statement_timeout);
    let sql = table.put_back(status.id, &last);
    desk.next(&sql, limit)?;
    let changed = client.execute(&sql, &[]).map_err(at(&sql))?;
    let sql = Table::forget(status.id, &last);
    desk.next(&sql, limit)?;
    client.execute(&sql, &[]).map_err(at(&sql))?;
    status.rows_scanned += rows.unsigned_abs();
    status.sweep_rows += rows.unsigned_abs();
    status.rows_changed += changed;
    status.place = Some(last);
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
