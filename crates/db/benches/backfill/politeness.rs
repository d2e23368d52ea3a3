//! What an application notices of a backfill at its default settings.
//!
//! Clients read and update single rows by their key, at a rate that is fixed: a request is due at its
//! moment, whether the one before it was answered or not, and its time counts from then. So a stall
//! costs every request that was due in it, as it does for people.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use switchback_db::backfill::{Moment, Running, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{GaugeOptions, PostgresGauge, PostgresHands};
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::JobStatus;
use switchback_migration::backfill::machine::End;
use switchback_migration::backfill::throttle::{Limits, Readings, Throttle};
use switchback_model::Timestamp;

use crate::arms::{begin, hand_options, running};
use crate::scene::Scene;

/// Connections; each has a request every `CLIENTS / rate` seconds.
const CLIENTS: u32 = 8;

/// One request of so many updates a row, the others read one.
const UPDATES: u64 = 5;

/// How long the clients are watched without the backfill, before it and after it.
const WITHOUT: Duration = Duration::from_secs(20);

/// The first requests read what is not in memory yet, and prepare their statements.
const WARM: Duration = Duration::from_secs(3);

/// The part of a run that a request was due in.
const NOT_COUNTED: u8 = 0;
const BEFORE: u8 = 1;
const DURING: u8 = 2;
const AFTER: u8 = 3;

/// Runs the clients, and the backfill in the middle of it.
pub(crate) fn politeness(rows: i64, rate: u32) {
    let mut scene = Scene::new(rows, true);
    println!(
        "{rows} rows, PostgreSQL {}, {CLIENTS} clients with {rate} requests a second, 1 of {UPDATES} \
         an update\n",
        scene.version()
    );
    let (name, url) = scene.copy();
    let part = AtomicU8::new(NOT_COUNTED);
    let over = AtomicBool::new(false);
    let mut requests: Vec<(u8, Duration)> = Vec::new();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (url, part, over) = (&url, &part, &over);
                scope.spawn(move || requests_of(url, client, rate, rows, part, over))
            })
            .collect();
        std::thread::sleep(WARM);
        part.store(BEFORE, Ordering::SeqCst);
        std::thread::sleep(WITHOUT);
        part.store(DURING, Ordering::SeqCst);
        let begun = Instant::now();
        let shed = backfill(&url);
        let took = begun.elapsed();
        part.store(AFTER, Ordering::SeqCst);
        std::thread::sleep(WITHOUT);
        over.store(true, Ordering::SeqCst);
        for client in clients {
            requests.extend(client.join().unwrap());
        }
        println!(
            "{rows} rows in {:.1} s: {:.0} rows a second; somebody was in the way {} times\n",
            took.as_secs_f64(),
            rows as f64 / took.as_secs_f64(),
            shed
        );
    });
    scene.remove(&name);
    println!(
        "{:14} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "requests", "p50 ms", "p90 ms", "p99 ms", "most ms"
    );
    let of = |wanted: &[u8]| {
        let mut all: Vec<Duration> = requests
            .iter()
            .filter(|(part, _)| wanted.contains(part))
            .map(|(_, took)| *took)
            .collect();
        all.sort_unstable();
        all
    };
    let lines: [(&str, &[u8]); 4] = [
        ("before", &[BEFORE]),
        ("after", &[AFTER]),
        ("both", &[BEFORE, AFTER]),
        ("during", &[DURING]),
    ];
    for (name, parts) in lines {
        let all = of(parts);
        println!(
            "{name:14} {:>9} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            all.len(),
            at(&all, 0.5),
            at(&all, 0.9),
            at(&all, 0.99),
            at(&all, 1.0)
        );
    }
    println!(
        "\np99 during the backfill is {:.2} times p99 without it",
        at(&of(&[DURING]), 0.99) / at(&of(&[BEFORE, AFTER]), 0.99)
    );
}

/// In milliseconds.
fn at(sorted: &[Duration], part: f64) -> f64 {
    let last = sorted.len().checked_sub(1).unwrap();
    let place = ((sorted.len() as f64 * part) as usize).min(last);
    sorted[place].as_secs_f64() * 1e3
}

/// One client, until it is over: the part of each request, and what it took since it was due.
fn requests_of(
    url: &str,
    client: u32,
    rate: u32,
    rows: i64,
    part: &AtomicU8,
    over: &AtomicBool,
) -> Vec<(u8, Duration)> {
    let mut connection = Client::connect(url, NoTls).unwrap();
    let read = connection
        .prepare("SELECT email, full_name, balance, search_name FROM customer WHERE id = $1")
        .unwrap();
    let update = connection
        .prepare("UPDATE customer SET balance = balance + 1, updated_at = now() WHERE id = $1")
        .unwrap();
    let every = Duration::from_secs_f64(f64::from(CLIENTS) / f64::from(rate));
    let mut due = Instant::now() + every.mul_f64(f64::from(client) / f64::from(CLIENTS));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(client) + 1);
    let mut done = Vec::new();
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = part.load(Ordering::SeqCst);
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = state >> 33;
        let id = 1 + i64::try_from(number / UPDATES).unwrap() % rows;
        if number.is_multiple_of(UPDATES) {
            assert_eq!(connection.execute(&update, &[&id]).unwrap(), 1);
        } else {
            connection.query_one(&read, &[&id]).unwrap();
        }
        if now != NOT_COUNTED {
            done.push((now, due.elapsed()));
        }
        due += every;
    }
    done
}

/// The backfill as it is by default: how often somebody was in the way.
fn backfill(url: &str) -> u64 {
    let open = || PostgresDatabase::connect(url, Options::default(), 1).unwrap();
    let (job, key) = begin(&mut open());
    let hands = PostgresHands::new(
        open(),
        job,
        hand_options(),
        Arc::new(AtomicBool::new(false)),
    );
    let cpus = std::thread::available_parallelism().unwrap();
    let gauge = PostgresGauge::connect(
        url,
        GaugeOptions {
            cpus: u32::try_from(cpus.get()).unwrap(),
            ..GaugeOptions::new("public.customer", key)
        },
    )
    .unwrap();
    let mut throttle = Throttle::new(Limits::default());
    let govern = move |at: Duration, readings: &Readings| {
        throttle.read(at, readings);
        // No hours are quiet.
        throttle.allowance(at, Timestamp::from_millis(0))
    };
    let running = Running {
        tell_every: Duration::from_millis(500),
        ..running()
    };
    let mut reasons: Vec<(String, u32)> = Vec::new();
    let mut in_the_way = 0;
    let mut each = |moment: &Moment| {
        in_the_way = moment.in_the_way;
        let reason = &moment.allowance.reason;
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, times)) => *times += 1,
            None => reasons.push((reason.clone(), 1)),
        }
        Next::Continue
    };
    let end = run(vec![hands], gauge, govern, &running, &mut each).unwrap();
    assert_eq!(end, End::Job(JobStatus::Done));
    reasons.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    for (reason, times) in reasons.iter().take(6) {
        println!("{:5.1} s: {reason}", f64::from(*times) / 2.0);
    }
    in_the_way
}
