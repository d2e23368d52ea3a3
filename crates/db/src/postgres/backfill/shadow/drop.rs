//! Taking everything back before the exchange: the copy, what writes down which rows change, and what
//! was kept of rows that were copied. The original was never touched.

use postgres::Client;

use super::super::control;
use super::super::error::BackfillError;
use super::carry::{named, run};
use super::row::{self, Copy, Phase};
use crate::postgres::change::ChangeError;
use crate::postgres::change::Options;
use crate::postgres::change::error::at;
use crate::postgres::change::link::{LOCK_CLASS, begin, commit};
use crate::postgres::change::persist::Desk;

/// Ends what somebody does at the copy just now, such as a build of an index. It is rolled back, and
/// whoever did it sees then where the job stands.
pub(super) fn interrupt(client: &mut Client, job: &str) -> Result<(), ChangeError> {
    let sql = format!(
        "SELECT pg_cancel_backend(l.pid) FROM pg_locks l
         WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.classid::bigint = {LOCK_CLASS} AND l.objsubid = 2
           AND l.objid::bigint = (hashtext({})::bigint & 4294967295)",
        crate::postgres::session::literal(&control::closing_name(job))
    );
    match client.query(&sql, &[]).map_err(at(&sql)) {
        // Who may not do that waits until it is done.
        Err(error) if error.code() == Some("42501") => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Waits until nobody is at the copy, and holds that until the transaction ends.
pub(super) fn alone(client: &mut Client, job: &str) -> Result<(), ChangeError> {
    let sql = format!(
        "SELECT pg_advisory_xact_lock({})",
        control::closing_number(job)
    );
    run(client, &sql)
}

/// Drops the copy of a job if it has one that has not taken the place of the original.
pub(super) fn discard(
    client: &mut Client,
    desk: &Desk,
    options: &Options,
    path: &[String],
    job: &str,
) -> Result<(), BackfillError> {
    desk.next("waiting until nobody is at the copy", None)?;
    begin(client, options, path)?;
    alone(client, job)?;
    control::lock_alone(client, job)?;
    if let Some(row) = control::job(client, job, true)?
        && let Some(copy) = row::read(client, row.id)?
        && copy.phase != Phase::Validating
    {
        forget(client, &copy)?;
        desk.next("dropping the copy", Some(options.lock_timeout))?;
        tear_down(client, &copy)?;
    }
    Ok(commit(client, desk)?)
}

/// What was kept of rows that are as they were.
fn forget(client: &mut Client, copy: &Copy) -> Result<(), ChangeError> {
    for sql in [
        "DELETE FROM _switchback.backfill_undo WHERE backfill = $1 AND number > $2",
        "DELETE FROM _switchback.backfill_stale WHERE backfill = $1 AND after = $2",
    ] {
        client
            .execute(sql, &[&copy.id, &copy.undo_after])
            .map_err(at(sql))?;
    }
    let sql = "DELETE FROM _switchback.backfill_failure WHERE backfill = $1";
    client.execute(sql, &[&copy.id]).map_err(at(sql))?;
    let sql = "UPDATE _switchback.backfill_range SET status = 'void', worker = NULL, changed = 0,
                 failed = 0, checksum_before = 0, checksum_after = 0
               WHERE backfill = $1 AND sweep >= $2";
    client
        .execute(sql, &[&copy.id, &copy.since_sweep])
        .map_err(at(sql))?;
    let sql = "DELETE FROM _switchback.backfill_copy WHERE backfill = $1";
    client.execute(sql, &[&copy.id]).map_err(at(sql))?;
    Ok(())
}

/// The triggers first: whoever writes the original holds it while he writes into the log.
fn tear_down(client: &mut Client, copy: &Copy) -> Result<(), ChangeError> {
    let sql = "SELECT quote_ident(t.tgname), t.tgrelid FROM pg_trigger t
            JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = $1 AND NOT t.tgisinternal ORDER BY t.tgname";
    for row in client.query(sql, &[&copy.schema]).map_err(at(sql))? {
        let trigger: String = row.try_get(0).map_err(at(sql))?;
        let table = named(client, row.try_get(1).map_err(at(sql))?)?.full();
        run(client, &format!("DROP TRIGGER {trigger} ON {table}"))?;
    }
    let schema = &copy.schema;
    run(client, &format!("DROP FUNCTION IF EXISTS {schema}.note()"))?;
    run(client, &format!("DROP TABLE IF EXISTS {}", copy.log()))?;
    let sql = "SELECT quote_ident(c.relname) FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind = 'r'";
    for row in client.query(sql, &[&copy.schema]).map_err(at(sql))? {
        let table: String = row.try_get(0).map_err(at(sql))?;
        run(client, &format!("DROP TABLE {schema}.{table}"))?;
    }
    run(client, &format!("DROP SCHEMA IF EXISTS {schema} RESTRICT"))
}
