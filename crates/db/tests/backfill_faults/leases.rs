//! Whose a range is.

use std::sync::Barrier;
use std::time::Duration;

use switchback_db::backfill::Hands as _;
use switchback_migration::backfill::JobStatus;
use switchback_migration::backfill::machine::Got;

use super::bench::{ALL, Bench, DONE, LONG, each_strategy};
use super::child::Worker;
use super::life::{LEASE, Work};

const SHORT: Duration = Duration::from_millis(1);

#[test]
fn a_worker_takes_one_range_however_the_server_finds_it() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 2_000);
        bench.join_by_loops();
        let mut all: Vec<_> = (0..3)
            .map(|n| bench.hands(&format!("w{n}"), LONG))
            .collect();
        for hands in &mut all {
            assert_eq!(hands.claim().unwrap(), Got::Claimed);
        }
        for hands in &mut all {
            assert_eq!(hands.release().unwrap(), Got::Released);
        }
        for (taken, hands) in (1..).zip(&mut all) {
            assert_eq!(hands.claim().unwrap(), Got::Claimed, "{strategy:?}");
            let leased = "SELECT count(*) FROM _switchback.backfill_range WHERE status = 'leased'";
            assert_eq!(bench.number(leased), taken, "{strategy:?}");
        }
    });
}

#[test]
fn a_late_batch_of_an_older_lease_is_refused_also_under_the_same_name() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 1_000);
        let mut old = bench.hands("w", SHORT);
        assert_eq!(old.claim().unwrap(), Got::Claimed);
        let mut new = bench.hands("w", LONG);
        assert_eq!(new.claim().unwrap(), Got::Claimed);
        let number = "SELECT max(number)::bigint FROM _switchback.backfill_range";
        assert_eq!(bench.number(number), 1, "it is the same range");
        assert_eq!(old.batch(50).unwrap(), Got::Lost, "{strategy:?}");
        assert_eq!(bench.filled(), 0);
        assert!(matches!(new.batch(50).unwrap(), Got::Done(_)));
        // Nor can the older one keep it or give it away.
        let mut old = bench.hands("w", SHORT);
        assert_eq!(old.claim().unwrap(), Got::Claimed, "the next range");
        let mut other = bench.hands("w", LONG);
        assert_eq!(other.claim().unwrap(), Got::Claimed);
        assert_eq!(old.renew().unwrap(), Got::Lost, "{strategy:?}");
        let mut older = bench.hands("w", SHORT);
        assert_eq!(older.claim().unwrap(), Got::Claimed);
        let mut newest = bench.hands("w", LONG);
        assert_eq!(newest.claim().unwrap(), Got::Claimed);
        assert_eq!(older.release().unwrap(), Got::Lost, "{strategy:?}");
        for hands in [&mut new, &mut other, &mut newest] {
            assert_eq!(hands.release().unwrap(), Got::Released);
        }
        assert_eq!(bench.finish(), DONE);
        bench.check_filled(1_000, &format!("{strategy:?}"));
    });
}

#[test]
fn an_undo_refuses_a_worker_that_wakes_up() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 1_000);
        let mut stalled = bench.hands("stalled", SHORT);
        assert_eq!(stalled.claim().unwrap(), Got::Claimed);
        assert!(matches!(stalled.batch(50).unwrap(), Got::Done(_)));
        let before = bench.filled();
        assert!(before > 0);
        let mut control = bench.database(&super::world::options());
        control.tell_backfill("it", JobStatus::Undoing).unwrap();
        let undoing = Got::Ended(JobStatus::Undoing);
        assert_eq!(stalled.batch(50).unwrap(), undoing, "{strategy:?}");
        assert_eq!(bench.filled(), before);
        let mut undo = bench.undo();
        assert_eq!(undo.claim().unwrap(), Got::Claimed);
        assert!(matches!(undo.batch(50).unwrap(), Got::Done(_)));
        assert_eq!(bench.filled(), 0, "{strategy:?}");
        assert_eq!(stalled.claim().unwrap(), undoing);
        assert_eq!(stalled.close().unwrap(), undoing);
        assert_eq!(undo.batch(50).unwrap(), Got::NothingLeft);
        assert_eq!(undo.close().unwrap(), Got::Ended(JobStatus::Undone));
        let undone = Got::Ended(JobStatus::Undone);
        assert_eq!(stalled.claim().unwrap(), undone, "{strategy:?}");
        assert_eq!(bench.filled(), 0);
    });
}

#[test]
fn whoever_comes_too_late_to_close_an_undo_holds_nothing() {
    let bench = Bench::new(ALL[1], 100);
    let mut hands = bench.hands("w", LONG);
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(50).unwrap(), Got::Done(_)));
    let mut control = bench.database(&super::world::options());
    control.tell_backfill("it", JobStatus::Undoing).unwrap();
    let (mut one, mut two) = (bench.undo(), bench.undo());
    for undo in [&mut one, &mut two] {
        assert_eq!(undo.claim().unwrap(), Got::Claimed);
        while matches!(undo.batch(50).unwrap(), Got::Done(_)) {}
    }
    for undo in [&mut one, &mut two] {
        assert_eq!(undo.close().unwrap(), Got::Ended(JobStatus::Undone));
    }
    // Both are still connected.
    let strategy = ALL[1];
    let begun = control.begin_backfill(&bench.job, strategy, true, false);
    begun.unwrap();
}

#[test]
fn of_two_that_close_a_walk_one_begins_the_next() {
    let mut bench = Bench::new(ALL[2], 1_000);
    let mut pair = [bench.hands("a", LONG), bench.hands("b", LONG)];
    for walk in 1..=3 {
        while pair[0].claim().unwrap() == Got::Claimed {
            while matches!(pair[0].batch(500).unwrap(), Got::Done(batch) if !batch.last) {}
        }
        bench.run("UPDATE users SET slug = 'wrong' WHERE id = 77");
        let barrier = Barrier::new(2);
        let got = std::thread::scope(|scope| {
            let closing = pair.each_mut().map(|hands| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    hands.close().unwrap()
                })
            });
            closing.map(|it| it.join().unwrap())
        });
        let again = got.iter().filter(|it| **it == Got::Again).count();
        let not_yet = got.iter().filter(|it| **it == Got::NotYet).count();
        assert_eq!((again, not_yet), (1, 1), "{got:?}");
        let sweep = "SELECT sweep::bigint FROM _switchback.backfill";
        assert_eq!(bench.number(sweep), walk + 1);
        let closed = "SELECT closed::bigint FROM _switchback.backfill";
        assert_eq!(bench.number(closed), walk);
    }
    assert_eq!(bench.finish(), DONE);
}

/// A library under which a process believes that it is another time.
fn wrong_clock() -> std::path::PathBuf {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/backfill_faults/wrong_clock.c");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = folder.join(format!("wrong-clock-{}.so", std::process::id()));
    let status = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
        .args([&made, &source])
        .arg("-ldl")
        .status()
        .unwrap();
    assert!(status.success(), "cc: {status}");
    made
}

#[test]
fn leases_run_by_the_clock_of_the_server() {
    let server = super::world::server();
    let url = server.create_database("clock", None).unwrap();
    let mut client = super::world::connect(&url, "control");
    client
        .batch_execute(&super::world::schema(3_000, false))
        .unwrap();
    super::world::begin(&url, ALL[1]);
    let clock = wrong_clock();
    let lives = ["-86400", "86400"].map(|seconds| {
        let work = Work {
            url: url.clone(),
            who: format!("fill {seconds}"),
            undo: false,
            again: false,
            program: false,
            rows: 20,
            patience: 10_000,
        };
        let said = Worker::start_with(
            &work,
            &[
                ("LD_PRELOAD", clock.to_str().unwrap()),
                ("WRONG_CLOCK_SECONDS", seconds),
            ],
        );
        // What the process itself takes for now, against what is now.
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        let wrong: i64 = seconds.parse().unwrap();
        let apart = said.began() - i64::try_from(now.as_secs()).unwrap();
        assert!((apart - wrong).abs() < 60, "its clock is {apart} s off");
        said
    });
    // While they work every lease ends between now and so much later.
    let sql =
        "SELECT count(*), count(*) FILTER (WHERE lease_until < clock_timestamp() - interval '5 s'
                 OR lease_until > clock_timestamp() + $1::float8 * interval '1 s')
               FROM _switchback.backfill_range WHERE status = 'leased'";
    let mut seen = 0;
    while super::world::status(&url) == JobStatus::Running {
        let row = client.query_one(sql, &[&LEASE.as_secs_f64()]).unwrap();
        seen += row.get::<_, i64>(0);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(row.get::<_, i64>(1), 0);
    }
    assert!(seen > 0);
    for worker in lives {
        let [done, _, refused, _] = worker.wait();
        assert!(done > 0);
        assert_eq!(refused, 0, "nobody took a range from the other");
    }
    let taken = "SELECT max(attempts)::bigint FROM _switchback.backfill_range";
    assert_eq!(super::world::number(&url, taken), 1);
    std::fs::remove_file(clock).unwrap();
}
