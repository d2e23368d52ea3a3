//! Single behaviours of one worker, most of them found wrong once.

use proptest::prelude::*;

use super::super::*;

const LEASE: Duration = Duration::from_secs(3);

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

fn allowed(pause: f64) -> Allowance {
    Allowance {
        batch: Some(ms(100)),
        pause,
        turns: false,
        reason: String::new(),
    }
}

fn nothing() -> Allowance {
    Allowance {
        batch: None,
        ..allowed(0.0)
    }
}

fn done(rows: u64, held: Duration, last: bool) -> Got {
    Got::Done(Batch {
        rows,
        work: held,
        held,
        in_the_way: false,
        last,
    })
}

/// A worker that may work and has a range since 0.
fn holder(rows: u32, most_a_second: Option<f64>) -> Worker {
    let mut worker = Worker::new(Pace {
        rows,
        lease: LEASE,
        most_a_second,
    });
    worker.allow(&allowed(0.0));
    assert_eq!(worker.want(Duration::ZERO), Want::Claim);
    worker.got(Got::Claimed, Duration::ZERO);
    worker
}

#[test]
fn a_pause_is_that_of_what_is_allowed_now() {
    let mut worker = holder(500, None);
    worker.allow(&allowed(10.0));
    worker.got(done(500, ms(2_000), false), ms(2_000));
    assert!(matches!(worker.want(ms(2_500)), Want::Wait(_)));
    // The database is well again: nothing is left of the 20 seconds.
    worker.allow(&allowed(0.0));
    assert!(matches!(worker.want(ms(2_500)), Want::Batch { .. }));
    // It is not, before the next batch has begun.
    worker.allow(&allowed(1.0));
    assert!(matches!(worker.want(ms(2_500)), Want::Wait(_)));
    assert!(matches!(worker.want(ms(4_000)), Want::Batch { .. }));
}

#[test]
fn whoever_rests_between_ranges_hears_that_the_job_is_over() {
    let mut worker = holder(500, Some(1.0));
    // 100 seconds until the next one.
    worker.got(done(100, ms(10), true), ms(10));
    let (mut now, mut looks) = (ms(10), 0);
    while now < ms(20_000) {
        match worker.want(now) {
            Want::Wait(length) => now += length,
            Want::Renew => {
                looks += 1;
                worker.got(Got::Renewed, now);
            }
            other => panic!("{other:?} at {now:?}"),
        }
    }
    assert!((5..=25).contains(&looks), "{looks} looks in 20 seconds");
}

#[test]
fn a_busy_machine_does_not_keep_a_worker_at_renewing() {
    let mut worker = holder(500, None);
    let (mut now, mut batches) = (Duration::ZERO, 0);
    for _ in 0..20 {
        // The thread comes to its turn when half of a lease is over.
        now += LEASE / 2;
        match worker.want(now) {
            Want::Batch { rows } => {
                batches += 1;
                worker.got(done(u64::from(rows), ms(20), false), now);
            }
            Want::Renew => worker.got(Got::Renewed, now),
            Want::Wait(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(batches >= 10, "{batches} batches");
}

#[test]
fn whoever_may_not_work_gives_its_range_back() {
    let mut worker = holder(500, None);
    worker.allow(&nothing());
    let mut now = Duration::ZERO;
    while let Want::Wait(length) = worker.want(now) {
        now += length;
    }
    assert!(now <= LEASE / 3, "{now:?}");
    assert_eq!(worker.want(now), Want::Release);
    worker.got(Got::Released, now);
    assert!(!matches!(
        worker.want(now),
        Want::Claim | Want::Batch { .. }
    ));
    worker.allow(&allowed(0.0));
    assert_eq!(worker.want(now), Want::Claim, "at once");
}

#[test]
fn a_worker_without_a_range_never_asks_in_circles() {
    for answer in [Got::Renewed, Got::Lost] {
        let mut worker = Worker::new(Pace {
            rows: 1,
            lease: LEASE,
            most_a_second: None,
        });
        assert_eq!(worker.want(ms(5)), Want::Renew);
        worker.got(answer, ms(5));
        assert!(matches!(worker.want(ms(5)), Want::Wait(_)), "{answer:?}");
        worker.allow(&allowed(0.0));
        let next = worker.want(ms(105));
        assert_eq!(next, Want::Claim, "{answer:?}");
    }
}

#[test]
fn what_is_no_number_is_caution() {
    let mut worker = holder(500, None);
    worker.allow(&allowed(f64::NAN));
    worker.got(done(500, ms(100), false), ms(100));
    assert!(matches!(worker.want(ms(200)), Want::Wait(_)));
    worker.allow(&allowed(f64::INFINITY));
    assert!(matches!(worker.want(ms(300)), Want::Wait(_)));
    worker.allow(&allowed(-1.0));
    assert!(matches!(worker.want(ms(300)), Want::Batch { .. }));
}

#[test]
fn the_end_is_the_end() {
    let mut worker = holder(500, None);
    worker.got(Got::Ended(JobStatus::Paused), ms(1));
    for got in [Got::Claimed, Got::NotYet, Got::Again, done(1, ms(1), true)] {
        worker.got(got, ms(2));
        assert_eq!(worker.want(ms(2)), Want::End(End::Job(JobStatus::Paused)));
    }
}

#[test]
fn what_gets_in_the_way_again_and_again_is_tried_less_often() {
    let mut worker = holder(1_000, None);
    let (mut now, mut tries, mut last) = (Duration::ZERO, 0, 0);
    while now < ms(30_000) {
        match worker.want(now) {
            Want::Wait(length) => now += length,
            Want::Renew => worker.got(Got::Renewed, now),
            Want::Batch { rows } => {
                tries += 1;
                last = rows;
                worker.got(Got::InTheWay, now);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((8..=20).contains(&tries), "{tries} tries in 30 seconds");
    assert_eq!(last, 1, "the smallest there is");
    while let Want::Wait(length) = worker.want(now) {
        now += length;
    }
    worker.got(done(1, ms(1), false), now);
    worker.got(Got::InTheWay, now);
    assert!(
        matches!(worker.want(now + ms(100)), Want::Batch { .. }),
        "as at first"
    );
}

#[test]
fn a_short_batch_at_the_end_of_a_range_says_nothing_of_large_ones() {
    let mut worker = holder(1_000, None);
    for _ in 0..20 {
        worker.got(done(3, Duration::from_micros(50), true), ms(1));
        worker.got(Got::Claimed, ms(1));
    }
    assert_eq!(worker.want(ms(1)), Want::Batch { rows: 1_000 });
}

#[test]
fn one_row_in_two_hours_is_one_row_in_two_hours() {
    let mut worker = holder(500, Some(1.0 / 7_200.0));
    assert_eq!(worker.want(Duration::ZERO), Want::Batch { rows: 1 });
    worker.got(done(1, ms(1), false), ms(1));
    let at = |seconds| Duration::from_secs(seconds);
    assert!(!matches!(worker.want(at(7_190)), Want::Batch { .. }));
    assert!(matches!(worker.want(at(7_201)), Want::Batch { .. }));
}

/// What a worker did in so many seconds: moments and rows of its batches. Batches have about as
/// many rows as they should have, by those factors, and each row takes so long.
fn worked(
    most: f64,
    first: u32,
    row: Duration,
    latency: Duration,
    factors: &[f64],
    seconds: u64,
) -> Vec<(Duration, u64, u32)> {
    let mut worker = Worker::new(Pace {
        rows: first,
        lease: LEASE,
        most_a_second: Some(most),
    });
    worker.allow(&allowed(0.0));
    let mut batches = Vec::new();
    let mut now = ms(77);
    while now < Duration::from_secs(seconds) {
        now += latency;
        match worker.want(now) {
            Want::Claim => worker.got(Got::Claimed, now),
            Want::Renew => worker.got(Got::Renewed, now),
            Want::Wait(length) => now += length,
            Want::Batch { rows } => {
                let many = batches.len();
                let got = (f64::from(rows) * factors[many % factors.len()]).round() as u64;
                batches.push((now, got, rows));
                let held = row.mul_f64(got as f64) + latency;
                now += held;
                worker.got(done(got, held, many % 7 == 6), now);
            }
            other => panic!("{other:?}"),
        }
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rate_is_what_it_should_be(
        most in prop_oneof![0.5..20.0, 20.0..2_000.0, 2_000.0..100_000.0],
        first in 1u32..20_000,
        // A database that could do 1.5 to 20 times as much.
        spare in 1.5f64..20.0,
        latency in 10u64..3_000,
        factors in prop::collection::vec(0.6f64..1.6, 1..9),
    ) {
        let seconds = 100;
        let row = Duration::from_secs_f64(1.0 / most / spare);
        let latency = Duration::from_micros(latency);
        let batches = worked(most, first, row, latency, &factors, seconds);
        for (_, _, asked) in &batches {
            prop_assert!(f64::from(*asked) <= most.max(1.0), "{asked} rows at {most} a second");
        }
        let rows: u64 = batches.iter().map(|(_, rows, _)| rows).sum();
        let rate = rows as f64 / seconds as f64;
        // Batches are whole: one row too many in a hundred seconds is no mistake.
        let slack = 1.0 / seconds as f64;
        prop_assert!(rate <= most * 1.05 + slack, "{rate} of {most}");
        // Where the smallest batches alone are too slow for the database, it does what it can.
        let able = first.min(100);
        let each = row.mul_f64(f64::from(able)) + latency * 4;
        if f64::from(able) / each.as_secs_f64() > most * 1.2 {
            prop_assert!(rate >= most * 0.95 - slack, "{rate} of {most}");
        }
        // No more than a second's worth is ever made up for.
        let at: Vec<f64> = batches.iter().map(|(at, _, _)| at.as_secs_f64()).collect();
        for from in (0..batches.len()).step_by(batches.len() / 40 + 1) {
            let mut sum = 0.0;
            for to in from..batches.len() {
                let fits = most * (at[to] - at[from] + 1.1) + most.max(1.0) * 1.6;
                prop_assert!(sum <= fits, "{sum} rows between {} and {}", at[from], at[to]);
                sum += batches[to].1 as f64;
            }
        }
    }
}
