//! Backfills on SQLite, on real files: what is written is what the definition says, whoever else
//! writes, whoever dies, and undoing it leaves what was there.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code outside of test functions"
)]

mod jobs;
#[path = "../killer/mod.rs"]
mod killer;
mod kills;
mod leases;
mod odd;
#[path = "../program/mod.rs"]
mod program;
mod programs;
mod queries;
mod rates;
mod rerun;
mod rows;
mod skips;
mod together;
mod undo;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::types::Value;
use switchback_db::backfill::{Hands, Standing};
use switchback_db::sqlite::backfill::{
    BackfillError, BackfillOptions, Backfills, BeginOptions, Clock, SqliteHands,
};
use switchback_migration::backfill::machine::{End, Got, Pace, Want, Worker};
use switchback_migration::backfill::throttle::Allowance;
use switchback_migration::backfill::{Job, JobStatus};
use switchback_model::{BackfillId, Timestamp};

const LEASE: Duration = Duration::from_secs(30);

/// A database file with a clock that a test moves.
struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    clock: Arc<AtomicI64>,
}

impl Place {
    fn new(sql: &str) -> Self {
        Self::with_journal("wal", sql)
    }

    fn with_journal(journal: &str, sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("app.db");
        let place = Self {
            _folder: folder,
            path,
            clock: Arc::new(AtomicI64::new(1_700_000_000_000)),
        };
        let connection = place.application();
        let set = format!("PRAGMA journal_mode = {journal}");
        connection.query_row(&set, [], |_| Ok(())).unwrap();
        connection.execute_batch(sql).unwrap();
        place
    }

    fn application(&self) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        connection
    }

    fn run(&self, sql: &str) {
        self.application().execute_batch(sql).unwrap();
    }

    fn clock(&self) -> Clock {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)))
    }

    fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    fn open(&self) -> Backfills {
        let options = BackfillOptions {
            busy_timeout: Duration::from_secs(10),
            lease: LEASE,
        };
        Backfills::open(&self.path, options, self.clock()).unwrap()
    }

    fn hands(&self, job: &Job, worker: &str) -> SqliteHands {
        self.open().hands(job, worker).unwrap()
    }

    fn begin(&self, job: &Job, options: BeginOptions) {
        self.open().begin(job, &options).unwrap();
    }

    fn standing(&self, job: &Job) -> Standing {
        self.open().standing(job.id.as_str()).unwrap().unwrap()
    }

    /// Runs a job to its end with one worker.
    fn fill(&self, job: &Job, options: BeginOptions) -> JobStatus {
        self.begin(job, options);
        drive(&mut self.hands(job, "one"), 500).unwrap()
    }

    /// Everything that a query returns, with types.
    fn all(&self, sql: &str) -> Vec<Vec<Value>> {
        let connection = self.application();
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|it| row.get(it)).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        let connection = self.application();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Puts everything back, so many rows at a time. Returns rows put back and conflicts.
    fn undo(&self, job: &Job, rows: u32) -> (u64, u64) {
        let db = self.open();
        let id = job.id.as_str();
        db.ask(id, JobStatus::Undoing).unwrap();
        let (mut restored, mut conflicts) = (0, 0);
        loop {
            let step = db.undo(id, rows).unwrap();
            restored += step.restored;
            conflicts += step.conflicts;
            if step.done {
                return (restored, conflicts);
            }
        }
    }
}

fn job(text: &str) -> Job {
    let text = format!("schema = \"switchback.backfill/v1\"\n{text}");
    Job::parse(BackfillId::new("fill").unwrap(), &text).unwrap()
}

fn ranges_of(rows: u32) -> BeginOptions {
    BeginOptions {
        range_rows: rows,
        ..BeginOptions::default()
    }
}

/// A worker that may do everything.
fn worker(rows: u32) -> Worker {
    let mut worker = Worker::new(Pace {
        rows,
        lease: LEASE,
        most_a_second: None,
    });
    worker.allow(&Allowance {
        batch: Some(Duration::from_millis(20)),
        pause: 1.0,
        turns: false,
        reason: String::new(),
    });
    worker
}

/// Does one thing that a worker wants; none when it wants nothing more.
fn step(
    worker: &mut Worker,
    hands: &mut SqliteHands,
    began: Instant,
) -> Result<Option<End>, BackfillError> {
    let got = match worker.want(began.elapsed()) {
        Want::End(end) => return Ok(Some(end)),
        Want::Wait(length) => {
            std::thread::sleep(length);
            return Ok(None);
        }
        Want::Claim => hands.claim()?,
        Want::Batch { rows } => hands.batch(rows)?,
        Want::Renew => hands.renew()?,
        Want::Release => hands.release()?,
        Want::Close => hands.close()?,
    };
    worker.got(got, began.elapsed());
    Ok(None)
}

/// Works until the job is over, with batches that begin with so many rows.
fn drive(hands: &mut SqliteHands, rows: u32) -> Result<JobStatus, BackfillError> {
    let (mut worker, began) = (worker(rows), Instant::now());
    loop {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "it does not end"
        );
        match step(&mut worker, hands, began)? {
            Some(End::Job(status)) => return Ok(status),
            Some(End::Stopped) => panic!("nobody stopped it"),
            None => {}
        }
    }
}

/// So many rows `t (id, a, b)` with `a` from 1 and `b` NULL.
fn numbers(rows: u32) -> String {
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {rows})
         INSERT INTO t SELECT x, x, NULL FROM n WHERE {rows} > 0"
    )
}

fn doubled() -> Job {
    job("table = \"t\"\n[set]\nb = \"'n' || (a * 2)\"")
}

#[test]
fn every_row_gets_what_it_should() {
    for journal in ["wal", "delete"] {
        let place = Place::with_journal(journal, &numbers(10_000));
        let job = doubled();
        assert_eq!(place.fill(&job, ranges_of(3_000)), JobStatus::Done);
        assert_eq!(
            place.number("SELECT count(*) FROM t WHERE b = 'n' || (a * 2)"),
            10_000
        );
        let standing = place.standing(&job);
        assert_eq!((standing.status, standing.sweep), (JobStatus::Done, 2));
        assert_eq!(standing.total, Some(10_000));
        assert_eq!(
            (standing.counts.scanned, standing.counts.changed),
            (20_000, 10_000)
        );
        assert_eq!((standing.counts.failed, standing.leased), (0, 0));
        let ranges = place.open().ranges("fill").unwrap();
        assert_eq!(ranges.len(), 8);
        let first: Vec<_> = ranges.iter().filter(|it| it.sweep == 1).collect();
        let ends: Vec<_> = first.iter().map(|it| it.end.as_str()).collect();
        assert_eq!(ends, ["3000", "6000", "9000", "10000"]);
        assert_eq!(first[1].start.as_deref(), Some("3000"));
        for (one, other) in ranges.iter().zip(&ranges[4..]) {
            assert_ne!(one.before, one.after);
            // What the first walk left is what the second one found.
            assert_eq!(one.after, other.before);
            assert_eq!(other.before, other.after);
            assert_eq!(
                (one.status.as_str(), one.attempts, one.epoch),
                ("done", 1, 1)
            );
        }
        assert_eq!(place.undo(&job, 700), (10_000, 0));
        assert_eq!(
            place.number("SELECT count(*) FROM t WHERE b IS NULL AND a = id"),
            10_000
        );
        assert_eq!(place.standing(&job).status, JobStatus::Undone);
    }
}
