//! Backfills that fill a copy of the table, which then takes its place, on a real PostgreSQL.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code outside of test functions"
)]

mod after;
mod beside;
#[path = "../facts/chance.rs"]
#[expect(dead_code, reason = "more than is needed here")]
mod chance;
mod kills;
mod phases;
mod refused;
mod same;
#[path = "../wire/mod.rs"]
#[expect(dead_code, reason = "more than is needed here")]
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use switchback_db::backfill::{Gauge, Hands, Moment, Running, Standing, run};
use switchback_db::fill::Next;
use switchback_db::postgres::backfill::{BackfillError, HandsOptions, PostgresHands, PostgresUndo};
use switchback_db::postgres::change::Options;
use switchback_db::postgres::{PostgresDatabase, Session, fingerprint};
use switchback_migration::backfill::machine::{End, Pace};
use switchback_migration::backfill::throttle::{Allowance, Readings};
use switchback_migration::backfill::{Job, JobStatus, Strategy};
use switchback_model::BackfillId;

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

/// So many users, most without a slug.
fn users(rows: u32) -> String {
    format!(
        "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, note text, slug text);
         INSERT INTO users SELECT n, 'User' || n || '@Example.com', repeat('x', 20),
           CASE n % 10 WHEN 7 THEN 'old ' || n WHEN 8 THEN 'user' || n || '@example.com' END
           FROM generate_series(1, {rows}) AS n;
         CREATE INDEX ON users (slug);
         CREATE TABLE original AS SELECT * FROM users;
         ANALYZE users"
    )
}

fn hands(url: &str, job: &Job, worker: &str) -> PostgresHands {
    let abort = Arc::new(AtomicBool::new(false));
    let options = HandsOptions {
        worker: worker.to_owned(),
        lease: Duration::from_secs(10),
        stop_on_error: false,
        most_failed: 1000,
        most_undo: None,
    };
    PostgresHands::new(open(url), job.clone(), options, abort).ranges_of(1000)
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
        ..Allowance::default()
    }
}

fn running() -> Running {
    Running {
        pace: Pace {
            rows: 300,
            lease: Duration::from_secs(10),
            most_a_second: None,
        },
        most_rows: 500,
        look_every: Duration::from_millis(20),
        tell_every: Duration::from_millis(20),
        patience: Duration::from_secs(20),
    }
}

fn go<H: Hands<Error = BackfillError> + Send>(hands: Vec<H>) -> Result<End, BackfillError> {
    let mut go_on = |_: &Moment| Next::Continue;
    run(hands, Calm, full_speed, &running(), &mut go_on)
}

fn begin(url: &str, job: &Job) {
    open(url)
        .begin_backfill(job, Strategy::ShadowCopy, true, false)
        .unwrap();
}

/// Walks a job that was begun to its end with so many workers.
fn walk(url: &str, job: &Job, workers: usize) -> End {
    let hands = (0..workers).map(|n| hands(url, job, &format!("w{n}")));
    go(hands.collect()).unwrap()
}

fn fill(url: &str, job: &Job, workers: usize) -> End {
    begin(url, job);
    walk(url, job, workers)
}

fn undo(url: &str, job: &Job) -> End {
    open(url)
        .tell_backfill(job.id.as_str(), JobStatus::Undoing)
        .unwrap();
    let abort = Arc::new(AtomicBool::new(false));
    go(vec![PostgresUndo::new(open(url), job.clone(), abort)]).unwrap()
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

/// The meaning of the whole schema, our control tables left out, a line each.
fn meaning(url: &str) -> Vec<String> {
    let mut session = Session::connect(url).unwrap();
    let meaning = fingerprint::meaning(&mut session).unwrap();
    let lines = meaning.lines().iter();
    let lines = lines.map(|it| format!("{:?} {}", it.kind, it.text));
    // Those of a copy would be called otherwise.
    lines
        .filter(|it| !it.contains(" _switchback.") && !it.contains("schema _switchback"))
        // They are the server's, and other tests make some.
        .filter(|it| !it.starts_with("Role "))
        .collect()
}

/// That nothing of a copy is left.
fn nothing_left(client: &mut Client) {
    let left =
        "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_switchback\\_copy%')
          + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'sb\\_%')
          + (SELECT count(*) FROM _switchback.backfill_copy)";
    assert_eq!(number(client, left), 0);
}

/// Waits for a condition.
fn wait_until(most: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < most, "it does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}
