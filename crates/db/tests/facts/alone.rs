//! Statements that cannot run in a transaction, stopped half-way so that their locks can be seen.

use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use crate::cases::Case;
use crate::observe::{Observed, Observer, locks_of, refusal};

/// How long a statement may take to get stuck or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a case outside of a transaction, in a database of its own.
pub(crate) fn run(url: &str, path: &str, case: &Case) -> Observed {
    let mut observer = Observer::connect(url);
    observer
        .client
        .batch_execute(&format!("SET search_path = {path}; SET TimeZone = 'UTC'"))
        .unwrap();
    observer.remember();
    let scans = observer.scans();
    let pid = observer.pid();
    let mut older = Client::connect(url, NoTls).unwrap();
    hold(&mut older, case.alone.as_deref().unwrap());
    observer
        .client
        .batch_execute("SET client_min_messages = debug1")
        .unwrap();
    observer.forget_notices();
    let mut observed = Observed::default();
    let mut watch = Client::connect(url, NoTls).unwrap();
    let sql = case.sql.trim().trim_end_matches(';').to_owned();
    let (held, done) = std::thread::scope(|scope| {
        let running = scope.spawn(|| observer.client.batch_execute(&sql));
        let end = Instant::now() + PATIENCE;
        let mut held = Vec::new();
        while Instant::now() < end && !running.is_finished() {
            let stuck = watch
                .query_one(
                    "SELECT coalesce(bool_or(wait_event_type = 'Lock'), false)
                     FROM pg_stat_activity WHERE pid = $1",
                    &[&pid],
                )
                .unwrap();
            held = locks_of(&mut watch, pid);
            if stuck.get(0) && !held.is_empty() {
                break;
            }
        }
        older.batch_execute("ROLLBACK").unwrap();
        (held, running.join().unwrap())
    });
    match done {
        Err(error) => observed.refused = Some(refusal(&error)),
        Ok(()) => {
            observer
                .client
                .batch_execute("RESET client_min_messages")
                .unwrap();
            observer.locks(&held, &mut observed);
            observer.work(&scans, &mut observed);
        }
    }
    observed
}

/// The older transaction.
fn hold(older: &mut Client, mode: &str) {
    older
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        .unwrap();
    if mode == "advisory" {
        older
            .batch_execute("SELECT pg_advisory_xact_lock(7)")
            .unwrap();
        return;
    }
    let (mode, which) = match mode {
        "partitions" => ("ACCESS SHARE", "relispartition"),
        mode => (mode, "true"),
    };
    let sql = format!(
        "SELECT format('LOCK TABLE ONLY %I.%I', nspname, relname)
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'p') AND nspname !~ '^(pg_|information)' AND {which}"
    );
    for row in older.query(&sql, &[]).unwrap() {
        let lock: String = row.get(0);
        older
            .batch_execute(&format!("{lock} IN {mode} MODE"))
            .unwrap();
    }
}
