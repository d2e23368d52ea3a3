//! What an application notices of a backfill at its default settings.
//!
//! Clients read and update single rows by their key, at a rate that is fixed: a request is due at its
//! moment, whether the one before it was answered or not, and its time counts from then. So a stall
//! costs every request that was due in it, as it does for people.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use switchback_db::backfill::{Moment, Running, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{GaugeOptions, PostgresGauge};
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::JobStatus;
use switchback_migration::backfill::machine::End;
use switchback_migration::backfill::throttle::{Allowance, Limits, Readings, Throttle};
use switchback_model::Timestamp;

use crate::arms::{begin, running, workers};
use crate::scene::Scene;

/// Connections; each has a request every `CLIENTS / rate` seconds.
const CLIENTS: u32 = 8;

/// One request of so many updates a row, the others read one.
const UPDATES: u64 = 5;

/// The backfill works for so long and rests for so long, in turns: what else happens on the machine
/// happens to both.
const SLICE: Duration = Duration::from_secs(3);

/// What a slice begins with is not counted: the batch that was under way still is.
const EDGE: Duration = Duration::from_millis(250);

/// The first requests read what is not in memory yet, and prepare their statements.
const WARM: Duration = Duration::from_secs(3);

/// What a request was due in.
const NOT_COUNTED: u8 = 0;
const WITHOUT: u8 = 1;
const DURING: u8 = 2;

/// When the database becomes slow, and for how long; by so many sessions that compute.
const SLOW_AT: Duration = Duration::from_secs(6);
const SLOW_FOR: Duration = Duration::from_secs(4);
const SLOW_SESSIONS: u32 = 8;

/// Runs the clients beside a backfill that works in turns with doing nothing.
pub(crate) fn politeness(rows: i64, rate: u32) {
    let mut scene = Scene::new(rows, true);
    println!(
        "{rows} rows, PostgreSQL {}, {CLIENTS} clients with {rate} requests a second, 1 of {UPDATES} \
         an update\n",
        scene.version()
    );
    let (name, url) = scene.copy();
    let part = AtomicU8::new(NOT_COUNTED);
    let mut worked = Duration::ZERO;
    let requests = beside(&url, rate, rows, &part, || {
        worked = in_slices(&url, &part);
    });
    scene.remove(&name);
    println!(
        "{rows} rows in {:.1} s that were worked in: {:.0} rows a second\n",
        worked.as_secs_f64(),
        rows as f64 / worked.as_secs_f64()
    );
    println!(
        "{:14} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "requests", "p50 ms", "p90 ms", "p99 ms", "most ms"
    );
    let of = |wanted: u8| {
        let all = requests.iter().filter(|(part, _)| *part == wanted);
        let mut all: Vec<Duration> = all.map(|(_, took)| *took).collect();
        all.sort_unstable();
        all
    };
    let (without, during) = (of(WITHOUT), of(DURING));
    for (name, all) in [("without", &without), ("during", &during)] {
        println!(
            "{name:14} {:>9} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            all.len(),
            at(all, 0.5),
            at(all, 0.9),
            at(all, 0.99),
            at(all, 1.0)
        );
    }
    println!(
        "\np99 during the backfill is {:.2} times p99 without it\n",
        at(&during, 0.99) / at(&without, 0.99)
    );
    let (name, url) = scene.copy();
    beside(&url, rate, rows, &part, || slowed(&url));
    scene.remove(&name);
}

/// What clients see while `work` is done.
fn beside(
    url: &str,
    rate: u32,
    rows: i64,
    part: &AtomicU8,
    work: impl FnOnce(),
) -> Vec<(u8, Duration)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let over = &over;
                scope.spawn(move || requests_of(url, client, rate, rows, part, over))
            })
            .collect();
        std::thread::sleep(WARM);
        work();
        over.store(true, Ordering::SeqCst);
        let done = clients.into_iter().map(|client| client.join().unwrap());
        done.flatten().collect()
    })
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

/// The backfill as it is by default, working and resting in turns: how long it worked.
fn in_slices(url: &str, part: &AtomicU8) -> Duration {
    let mut throttle = Throttle::new(Limits::default());
    let (mut worked, mut looked, mut working) = (Duration::ZERO, Duration::ZERO, false);
    let govern = |now: Duration, readings: &Readings| {
        throttle.read(now, readings);
        if working {
            worked += now - looked;
        }
        let slices = now.as_millis() / SLICE.as_millis();
        let works = slices.is_multiple_of(2);
        (looked, working) = (now, works);
        let into = now.as_millis() % SLICE.as_millis();
        let counted = if works { DURING } else { WITHOUT };
        let counted = if into < EDGE.as_millis() {
            NOT_COUNTED
        } else {
            counted
        };
        part.store(counted, Ordering::SeqCst);
        if works {
            // No hours are quiet.
            throttle.allowance(now, Timestamp::from_millis(0))
        } else {
            Allowance::default()
        }
    };
    let mut reasons: Vec<(String, u32)> = Vec::new();
    let mut each = |moment: &Moment| {
        let reason = &moment.allowance.reason;
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, times)) => *times += 1,
            None => reasons.push((reason.clone(), 1)),
        }
        Next::Continue
    };
    backfill(url, govern, &mut each);
    part.store(NOT_COUNTED, Ordering::SeqCst);
    reasons.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    for (reason, times) in reasons.iter().filter(|(reason, _)| !reason.is_empty()) {
        println!("{:5.1} s: {reason}", f64::from(*times) * TELL.as_secs_f64());
    }
    worked
}

/// The backfill as it is by default, on a database that becomes slow for a while.
fn slowed(url: &str) {
    let begun = Instant::now();
    let mut throttle = Throttle::new(Limits::default());
    let govern = |now: Duration, readings: &Readings| {
        throttle.read(now, readings);
        throttle.allowance(now, Timestamp::from_millis(0))
    };
    let mut seen: Vec<(Duration, f64)> = Vec::new();
    let mut each = |moment: &Moment| {
        let allowance = &moment.allowance;
        let share = allowance
            .batch
            .map_or(0.0, |_| 1.0 / (1.0 + allowance.pause));
        seen.push((begun.elapsed(), share));
        if begun.elapsed() > SLOW_AT + SLOW_FOR * 4 {
            return Next::Stop;
        }
        Next::Continue
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(SLOW_AT);
            let sessions: Vec<_> = (0..SLOW_SESSIONS)
                .map(|_| scope.spawn(|| compute(url, SLOW_FOR)))
                .collect();
            drop(sessions);
        });
        backfill(url, govern, &mut each);
    });
    let share = |at: Duration| seen.iter().rev().find(|(seen, _)| *seen <= at).unwrap().1;
    let usual = share(SLOW_AT);
    let after = |from: Duration, holds: &dyn Fn(f64) -> bool| {
        let found = seen.iter().find(|(at, share)| *at >= from && holds(*share));
        found.map(|(at, _)| (*at - from).as_secs_f64())
    };
    println!(
        "{SLOW_SESSIONS} sessions compute for {} s:",
        SLOW_FOR.as_secs()
    );
    let tell = |what: &str, found: Option<f64>| match found {
        Some(seconds) => println!("  {what} after {seconds:.2} s"),
        None => println!("  never {what}"),
    };
    println!("  before, {:.0} % of the time was worked", usual * 100.0);
    tell(
        "half of that or less",
        after(SLOW_AT, &|it| it <= usual / 2.0),
    );
    tell("nothing", after(SLOW_AT, &|it| it == 0.0));
    let end = SLOW_AT + SLOW_FOR;
    tell(
        "as much again, counted from their end,",
        after(end, &|it| it >= usual),
    );
}

/// A session that computes for so long.
fn compute(url: &str, length: Duration) {
    let mut client = Client::connect(url, NoTls).unwrap();
    let limit = format!("SET statement_timeout = {}", length.as_millis());
    client.batch_execute(&limit).unwrap();
    let cancelled = client.batch_execute("SELECT count(*) FROM generate_series(1, 1000000000000)");
    assert!(cancelled.is_err());
}

/// How often whoever looks on is told.
const TELL: Duration = Duration::from_millis(50);

/// The workers of a backfill as they are by default.
fn backfill(
    url: &str,
    govern: impl FnMut(Duration, &Readings) -> Allowance + Send,
    each: &mut dyn FnMut(&Moment) -> Next,
) {
    let open = || PostgresDatabase::connect(url, Options::default(), 1).unwrap();
    let (job, key) = begin(&mut open());
    let hands = workers(url, &job, 2);
    let cpus = std::thread::available_parallelism().unwrap();
    let gauge = PostgresGauge::connect(
        url,
        GaugeOptions {
            cpus: u32::try_from(cpus.get()).unwrap(),
            ..GaugeOptions::new("public.customer", key)
        },
    )
    .unwrap();
    let running = Running {
        tell_every: TELL,
        ..running()
    };
    let end = run(hands, gauge, govern, &running, each).unwrap();
    assert!(
        matches!(end, End::Job(JobStatus::Done) | End::Stopped),
        "{end:?}"
    );
}
