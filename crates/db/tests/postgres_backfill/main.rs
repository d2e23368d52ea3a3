//! Backfills on a real PostgreSQL that an application uses at the same time.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside of test functions"
)]

mod leases;
#[path = "../program/mod.rs"]
mod program;
mod programs;
mod queries;
mod rerun;
mod rows;
mod skips;
mod undo;
mod walks;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use switchback_db::backfill::{Gauge, Hands, Moment, Running, Standing, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{BackfillError, HandsOptions, PostgresHands, PostgresUndo};
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::machine::{End, Got, Pace};
use switchback_migration::backfill::throttle::{Allowance, Readings};
use switchback_migration::backfill::{Job, JobStatus, Strategy};
use switchback_model::BackfillId;

const STRIDED: Strategy = Strategy::Strided { passes: 4 };
const ALL: [Strategy; 3] = [STRIDED, Strategy::Plain, Strategy::KeyRange];

/// A database with tables in it.
fn database(sql: &str) -> (String, Client) {
    let server = switchback_testkit::postgres::server().unwrap();
    let url = server.database().unwrap();
    let mut client = client(&url);
    client.batch_execute(sql).unwrap();
    (url, client)
}

fn client(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

fn options() -> Options {
    Options {
        lock_timeout: Duration::from_millis(200),
        retries: 0,
        watch_every: Duration::from_millis(20),
        ..Options::default()
    }
}

fn open(url: &str) -> PostgresDatabase {
    PostgresDatabase::connect(url, options(), 1).unwrap()
}

fn job(text: &str) -> Job {
    let text = format!("schema = \"switchback.backfill/v1\"\n{text}");
    Job::parse(BackfillId::new("it").unwrap(), &text).unwrap()
}

/// What most tests fill: `slug` of `users` from `email`.
fn slug() -> Job {
    job("table = \"users\"\n[set]\nslug = \"lower(email)\"")
}

/// So many users without a slug.
fn users(rows: u32) -> String {
    format!(
        "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, note text, slug text);
         INSERT INTO users SELECT n, 'User' || n || '@Example.com', repeat('x', 20), NULL
         FROM generate_series(1, {rows}) AS n;
         ANALYZE users"
    )
}

fn hand_options(worker: &str) -> HandsOptions {
    HandsOptions {
        worker: worker.to_owned(),
        lease: Duration::from_secs(10),
        stop_on_error: false,
        most_failed: 1000,
        most_undo: None,
    }
}

fn hands(url: &str, job: &Job, worker: &str) -> PostgresHands {
    let abort = Arc::new(AtomicBool::new(false));
    PostgresHands::new(open(url), job.clone(), hand_options(worker), abort)
}

/// A database about which there is nothing to say.
struct Calm;

impl Gauge for Calm {
    fn read(&mut self) -> Readings {
        Readings::default()
    }
}

fn full_speed(_: Duration, _: &Readings) -> Allowance {
    Allowance {
        batch: Some(Duration::from_millis(20)),
        pause: 0.0,
        turns: false,
        reason: String::new(),
    }
}

fn running() -> Running {
    Running {
        pace: Pace {
            rows: 500,
            lease: Duration::from_secs(10),
            most_a_second: None,
        },
        most_rows: u32::MAX,
        look_every: Duration::from_millis(20),
        tell_every: Duration::from_millis(20),
        patience: Duration::from_secs(20),
    }
}

fn go<H: Hands<Error = BackfillError> + Send>(hands: Vec<H>) -> End {
    let mut go_on = |_: &Moment| Next::Continue;
    run(hands, Calm, full_speed, &running(), &mut go_on).unwrap()
}

/// Begins a job and walks it to its end with so many workers.
fn fill(url: &str, job: &Job, strategy: Strategy, workers: usize) -> End {
    open(url)
        .begin_backfill(job, strategy, true, false)
        .unwrap();
    go((0..workers)
        .map(|n| hands(url, job, &format!("w{n}")))
        .collect())
}

fn undo(url: &str, job: &Job) -> End {
    open(url)
        .tell_backfill(job.id.as_str(), JobStatus::Undoing)
        .unwrap();
    let abort = Arc::new(AtomicBool::new(false));
    go(vec![PostgresUndo::new(open(url), job.clone(), abort)])
}

fn standing(url: &str) -> Standing {
    open(url).backfill_standing("it").unwrap().unwrap()
}

/// A number that a query gives.
fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).unwrap().get(0)
}

/// Every row of a table, in order, as text.
fn dump(client: &mut Client, table: &str) -> Vec<String> {
    let sql = format!("SELECT t::text FROM {table} AS t ORDER BY 1");
    let rows = client.query(&sql, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Waits for a condition.
fn wait_until(most: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < most, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}
