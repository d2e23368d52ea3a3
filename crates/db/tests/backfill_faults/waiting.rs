//! An application in the way, and a backfill in the way of an application.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use switchback_db::backfill::{Hands as _, Moment, run};
use switchback_db::fill::Next;
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::JobStatus;
use switchback_migration::backfill::machine::{End, Got};

use super::bench::{ALL, Bench, DONE, LONG, each_strategy, full_speed, go, running, users};
use super::life::Calm;
use super::world::{DEADLINE, connect, job, options};

/// So patient that a deadlock is found before anybody gives up.
fn patient() -> Options {
    Options {
        lock_timeout: Duration::from_secs(20),
        yield_after: Duration::from_secs(20),
        ..options()
    }
}

/// Waits until somebody waits for a lock.
fn somebody_waits(bench: &mut Bench) {
    let end = Instant::now() + DEADLINE;
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let mut watch = connect(&bench.url, "watch");
    while watch.query_one(waits, &[]).unwrap().get::<_, i64>(0) == 0 {
        assert!(Instant::now() < end, "nobody waits");
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn in_a_deadlock_the_batch_leaves_nothing_and_comes_again() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 1_000);
        let mut hands = bench.hands_with("w", LONG, &patient());
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        // A later row first. The server ends whoever looks first, which is not to be this one.
        bench.run("SET deadlock_timeout = '1h'");
        bench.run("BEGIN; UPDATE users SET note = 'late' WHERE id BETWEEN 40 AND 60");
        let got = std::thread::scope(|scope| {
            let batch = scope.spawn(|| hands.batch(1_000).unwrap());
            somebody_waits(&mut bench);
            bench.run("UPDATE users SET note = 'early' WHERE id < 40; COMMIT");
            batch.join().unwrap()
        });
        assert_eq!(got, Got::InTheWay, "{strategy:?}");
        assert_eq!(bench.filled(), 0, "{strategy:?}");
        assert_eq!(bench.counted(), [0, 0], "{strategy:?}");
        let theirs = "SELECT count(*) FROM users WHERE note IN ('early', 'late')";
        assert_eq!(bench.number(theirs), 60);
        let epoch = "SELECT epoch FROM _switchback.backfill_range WHERE status = 'leased'";
        assert_eq!(bench.number(epoch), 1, "it is still ours");
        assert!(matches!(hands.batch(100).unwrap(), Got::Done(_)));
        hands.release().unwrap();
        assert_eq!(bench.finish(), DONE);
        bench.check_filled(1_000, &format!("{strategy:?}"));
    });
}

/// Says when it is over, also where the test is by a failure: nobody else ends a worker then.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_row_that_is_held_for_long_holds_up_nothing_before_it() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 1_000);
        let lease = Duration::from_secs(3);
        let hands = bench.hands("w", lease);
        bench.run("BEGIN; UPDATE users SET note = 'mine' WHERE id = 700");
        let mut watch = connect(&bench.url, "watch");
        let mut running = running();
        running.pace.lease = lease;
        running.pace.rows = 400;
        let began = Instant::now();
        let (most, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let url = bench.url.clone();
        let ended = std::thread::scope(|scope| {
            let _ends_it = Ends(&over);
            let worker = scope.spawn(|| {
                let mut each = |moment: &Moment| {
                    most.fetch_max(moment.in_the_way, Ordering::SeqCst);
                    match over.load(Ordering::SeqCst) {
                        true => Next::Stop,
                        false => Next::Continue,
                    }
                };
                run(vec![hands], Calm, full_speed, &running, &mut each)
            });
            let end = Instant::now() + DEADLINE;
            // Its range is renewed for as long as it is tried, and what can be done is done.
            let mut leases = BTreeSet::new();
            loop {
                let sql = "SELECT lease_until::text FROM _switchback.backfill_range
                           WHERE status = 'leased'";
                let now = watch.query(sql, &[]).unwrap();
                leases.extend(now.iter().map(|row| row.get::<_, String>(0)));
                // Everything that is counted is there, and nothing else. Nothing is before it begins.
                let sql = "SELECT count(*), (SELECT coalesce(sum(changed), 0)::bigint
                             FROM _switchback.backfill_range)
                           FROM users WHERE slug IS NOT NULL";
                let row = watch.query_one(sql, &[]).unwrap();
                let (filled, counted): (i64, i64) = (row.get(0), row.get(1));
                assert_eq!(filled, counted, "{strategy:?}");
                let in_the_way = most.load(Ordering::SeqCst);
                let long = began.elapsed() > lease * 2 && leases.len() >= 3;
                if long && filled >= 600 && in_the_way >= 3 {
                    break;
                }
                assert!(
                    Instant::now() < end,
                    "{strategy:?}: {filled} rows, {in_the_way} times in the way, {leases:?}"
                );
                sleep(Duration::from_millis(10));
            }
            bench.client.batch_execute("COMMIT").unwrap();
            worker.join().unwrap().unwrap()
        });
        assert_eq!(ended, DONE);
        bench.check_filled(1_000, &format!("{strategy:?}"));
        let taken = "SELECT max(attempts)::bigint FROM _switchback.backfill_range";
        assert_eq!(super::world::number(&url, taken), 1, "{strategy:?}");
    });
}

#[test]
fn a_pause_waits_for_the_batch_that_is_under_way() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 1_000);
        let mut hands = bench.hands_with("w", LONG, &patient());
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        bench.run("BEGIN; UPDATE users SET note = 'mine' WHERE id <= 60");
        let mut control = bench.database(&patient());
        let filled = std::thread::scope(|scope| {
            let batch = scope.spawn(|| hands.batch(100).unwrap());
            // Its range is locked, and its rows are not written yet.
            somebody_waits(&mut bench);
            let pause = scope.spawn(|| control.tell_backfill("it", JobStatus::Paused).unwrap());
            let waiting =
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                           AND database = (SELECT oid FROM pg_database
                             WHERE datname = current_database())";
            let mut watch = connect(&bench.url, "watch");
            let end = Instant::now() + DEADLINE;
            while watch.query_one(waiting, &[]).unwrap().get::<_, i64>(0) == 0 {
                assert!(Instant::now() < end && !pause.is_finished());
                sleep(Duration::from_millis(2));
            }
            sleep(Duration::from_millis(300));
            assert!(!pause.is_finished() && !batch.is_finished());
            bench.run("COMMIT");
            assert_eq!(pause.join().unwrap(), JobStatus::Running);
            // At the moment when it returns.
            let filled = bench.filled();
            assert!(matches!(batch.join().unwrap(), Got::Done(_)));
            filled
        });
        assert!(filled > 0, "{strategy:?}");
        assert_eq!(bench.filled(), filled, "{strategy:?}");
        let paused = Got::Ended(JobStatus::Paused);
        assert_eq!(hands.batch(100).unwrap(), paused);
        assert_eq!(hands.claim().unwrap(), paused);
        assert_eq!(bench.filled(), filled, "{strategy:?}");
        control.tell_backfill("it", JobStatus::Running).unwrap();
        // Whoever is told so gives its range back.
        drop(hands);
        bench.run(
            "UPDATE _switchback.backfill_range SET lease_until = now() WHERE status = 'leased'",
        );
        assert_eq!(bench.finish(), DONE);
        bench.check_filled(1_000, &format!("{strategy:?}"));
    });
}

#[test]
fn a_row_that_changes_while_a_batch_waits_for_it_is_not_written_over() {
    each_strategy(|strategy| {
        let before = users(1_000).replace(", NULL", ", 'before'");
        let mut bench = Bench::of(strategy, &before);
        bench.join_by_loops();
        let mut control = bench.database(&options());
        control
            .begin_backfill(&bench.job, strategy, false, true)
            .unwrap();
        let mut hands = bench.hands_with("w", LONG, &patient());
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        // New code writes both, and somebody writes the new one by hand.
        bench.run(
            "BEGIN; UPDATE users SET email = 'New' || id, slug = 'new' || id WHERE id % 2 = 0;
             UPDATE users SET slug = 'by hand' WHERE id % 2 = 1",
        );
        std::thread::scope(|scope| {
            let batch = scope.spawn(|| hands.batch(100).unwrap());
            somebody_waits(&mut bench);
            bench.run("COMMIT");
            assert!(matches!(batch.join().unwrap(), Got::Done(_)));
        });
        hands.release().unwrap();
        assert_eq!(bench.finish(), DONE);
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(bench.number(wrong), 0, "{strategy:?}");
        assert_eq!(
            bench.counted(),
            [500, 500],
            "{strategy:?}: who had it already"
        );
        control.tell_backfill("it", JobStatus::Undoing).unwrap();
        assert_eq!(go(vec![bench.undo()]).unwrap(), End::Job(JobStatus::Undone));
        let other = "SELECT count(*) FROM users
                     WHERE slug <> CASE id % 2 WHEN 0 THEN 'new' || id ELSE 'by hand' END";
        assert_eq!(bench.number(other), 0, "{strategy:?}");
    });
}

#[test]
fn somebody_in_the_way_of_any_part_ends_no_worker() {
    let mut bench = Bench::new(ALL[2], 1_000);
    // As long as somebody changes where the job stands, nobody takes a range or closes a walk.
    bench.run("BEGIN; SELECT FROM _switchback.backfill FOR UPDATE");
    let mut hands = bench.hands("w", LONG);
    assert_eq!(hands.claim().unwrap(), Got::InTheWay);
    bench.run("COMMIT");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    bench.run("BEGIN; SELECT FROM _switchback.backfill_range FOR UPDATE");
    assert_eq!(hands.batch(100).unwrap(), Got::InTheWay);
    assert_eq!(hands.renew().unwrap(), Got::InTheWay);
    assert_eq!(hands.release().unwrap(), Got::Lost);
    bench.run("COMMIT");
    let mut hands = bench.hands("v", LONG);
    bench.run("UPDATE _switchback.backfill_range SET lease_until = now()");
    while hands.claim().unwrap() == Got::Claimed {
        while matches!(hands.batch(500).unwrap(), Got::Done(batch) if !batch.last) {}
    }
    bench.run("BEGIN; SELECT FROM _switchback.backfill FOR UPDATE");
    assert_eq!(hands.close().unwrap(), Got::NotYet);
    bench.run("COMMIT");
    assert_eq!(hands.close().unwrap(), Got::Ended(JobStatus::Done));
    bench.check_filled(1_000, "it");
    let mut control = bench.database(&options());
    control.tell_backfill("it", JobStatus::Undoing).unwrap();
    let mut undo = bench.undo();
    assert_eq!(undo.claim().unwrap(), Got::Claimed);
    bench.run("BEGIN; UPDATE users SET note = 'mine' WHERE id = 1000");
    assert_eq!(undo.batch(1).unwrap(), Got::InTheWay);
    bench.run("COMMIT");
    while matches!(undo.batch(1).unwrap(), Got::Done(_)) {}
    bench.run("BEGIN; SELECT FROM _switchback.backfill FOR UPDATE");
    assert_eq!(undo.close().unwrap(), Got::NotYet);
    bench.run("COMMIT");
    assert_eq!(undo.close().unwrap(), Got::Ended(JobStatus::Undone));
    assert_eq!(bench.filled(), 0);
}

#[test]
fn batches_that_take_too_long_are_tried_again_with_fewer_rows() {
    each_strategy(|strategy| {
        let slow = "CREATE FUNCTION slow(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
                      $$ BEGIN PERFORM pg_sleep(0.05); RETURN lower(x); END $$;";
        let job = job("table = \"users\"\n[set]\nslug = \"slow(email)\"");
        let mut bench = Bench::with(strategy, &format!("{slow} {}", users(100)), job);
        let impatient = Options {
            statement_timeout: Duration::from_secs(1),
            ..options()
        };
        let mut hands = bench.hands_with("w", LONG, &impatient);
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        assert_eq!(hands.batch(300).unwrap(), Got::InTheWay, "{strategy:?}");
        assert_eq!((bench.filled(), bench.counted()), (0, [0, 0]));
        hands.release().unwrap();
        // Looking at all rows takes longer, and is in nobody's way.
        assert_eq!(go(vec![hands]).unwrap(), DONE, "{strategy:?}");
        bench.check_filled(100, &format!("{strategy:?}"));
    });
}

#[test]
fn a_row_that_takes_for_ever_is_named_and_the_others_are_done() {
    each_strategy(|strategy| {
        let slow = "CREATE FUNCTION slow(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
                      $$ BEGIN IF x LIKE 'User77@%' THEN PERFORM pg_sleep(60); END IF;
                         RETURN lower(x); END $$;";
        let job = job("table = \"users\"\n[set]\nslug = \"slow(email)\"");
        let mut bench = Bench::with(strategy, &format!("{slow} {}", users(100)), job);
        let impatient = Options {
            statement_timeout: Duration::from_secs(1),
            ..options()
        };
        let hands = bench.hands_with("w", LONG, &impatient);
        assert_eq!(go(vec![hands]).unwrap(), DONE, "{strategy:?}");
        let named = "SELECT count(*) FROM _switchback.backfill_failure
                     WHERE key = '77' AND code = '57014'";
        assert_eq!(
            (bench.filled(), bench.number(named)),
            (99, 1),
            "{strategy:?}"
        );
    });
}

#[test]
fn rows_that_are_written_wrong_for_ever_end_the_job() {
    each_strategy(|strategy| {
        let mut bench = Bench::new(strategy, 500);
        let mut application = connect(&bench.url, "application");
        let stop = std::sync::atomic::AtomicBool::new(false);
        let ended = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    let stale = "UPDATE users SET slug = 'stale' WHERE id % 100 = 7";
                    application.batch_execute(stale).unwrap();
                    sleep(Duration::from_millis(1));
                }
            });
            let ended = bench.finish();
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            ended
        });
        assert_eq!(ended, End::Job(JobStatus::Failed), "{strategy:?}");
        let row = "SELECT error, sweep FROM _switchback.backfill";
        let row = bench.client.query_one(row, &[]).unwrap();
        let error: String = row.get(0);
        assert!(
            error.contains("after 5 walks") && error.contains("something writes rows"),
            "{error}"
        );
        assert_eq!(row.get::<_, i32>(1), 5);
        // It can be taken up again once they do not any more.
        let begun = bench
            .database(&options())
            .begin_backfill(&bench.job, strategy, true, true);
        begun.unwrap();
        assert_eq!(bench.finish(), DONE);
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(bench.number(wrong), 0);
    });
}
