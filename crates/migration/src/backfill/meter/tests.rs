use proptest::prelude::*;

use super::*;

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A walk whose rows each second are given, from its beginning.
fn walked(total: Option<u64>, rows: &[u64]) -> Meter {
    let mut meter = Meter::new();
    let mut done = 0;
    meter.saw(second(0), 1, 0, total);
    for (n, rows) in rows.iter().enumerate() {
        done += rows;
        meter.saw(second(n as u64 + 1), 1, done, total);
    }
    meter
}

#[test]
fn nothing_is_known_at_first() {
    let meter = Meter::new();
    assert_eq!((meter.rate(), meter.left()), (None, None));
    let meter = walked(Some(1000), &[10]);
    assert_eq!((meter.rate(), meter.left()), (None, None));
    let meter = walked(Some(1000), &[10, 10, 10]);
    assert_eq!((meter.rate(), meter.left()), (Some(10.0), None));
}

#[test]
fn without_a_total_or_beyond_it_no_time_is_said() {
    assert_eq!(walked(None, &[10; 60]).left(), None);
    assert_eq!(walked(Some(600), &[10; 60]).left(), None);
    assert_eq!(walked(Some(500), &[10; 60]).left(), None);
    assert!(walked(Some(601), &[10; 60]).left().is_some());
}

#[test]
fn a_pause_counts_and_a_stop_says_nothing() {
    let mut rows = vec![100; 60];
    rows.extend([0; 15]);
    let meter = walked(Some(100_000), &rows);
    assert_eq!(meter.rate(), Some(50.0));
    let left = meter.left().unwrap();
    let longer = left.most.map_or(f64::INFINITY, |most| most.as_secs_f64());
    assert!(longer > 1.5 * left.least.as_secs_f64(), "{left:?}");
    rows.extend([0; 15]);
    let meter = walked(Some(100_000), &rows);
    assert_eq!((meter.rate(), meter.left()), (None, None));
}

#[test]
fn work_that_goes_on_after_a_long_pause_is_not_written_off() {
    let mut rows = vec![0; 400];
    rows.extend([100; 10]);
    let left = walked(Some(100_000), &rows).left().unwrap();
    // At 100 a second.
    assert_eq!((left.least, left.most), (second(990), None));
    assert_eq!(left.words(), "at least 15 minutes left in the first walk");
}

#[test]
fn an_uneven_rate_gives_a_range() {
    // What changes quickly evens out over a long time.
    let quickly = |n: u64| if (n / 20).is_multiple_of(2) { 100 } else { 60 };
    let rows: Vec<u64> = (0..120).map(quickly).collect();
    let left = walked(Some(9600 + 80 * 900), &rows).left().unwrap();
    assert!(left.least < second(900) && left.most.unwrap() > second(900));
    assert_eq!(left.words(), "about 15 minutes left in the first walk");
    // What changes slowly may stay as it is.
    let slowly = |n: u64| if (n / 60).is_multiple_of(2) { 100 } else { 40 };
    let rows: Vec<u64> = (0..300).map(slowly).collect();
    let done: u64 = rows.iter().sum();
    let left = walked(Some(done + 76 * 300), &rows).left().unwrap();
    assert!(left.least < second(300) && left.most.unwrap() > second(300));
    assert_eq!(left.words(), "about 4 to 7 minutes left in the first walk");
}

#[test]
fn a_later_walk_does_not_promise_the_end() {
    let mut meter = walked(Some(6000), &[100; 60]);
    for n in 1..=30 {
        meter.saw(second(60 + n), 2, n * 100, Some(6000));
    }
    assert_eq!(meter.rate(), Some(100.0));
    assert_eq!(
        meter.left().unwrap().words(),
        "about 30 seconds left in walk 2, and another one follows if rows are found that differ"
    );
}

#[test]
fn batches_within_a_second_change_nothing() {
    let mut fine = Meter::new();
    for n in 0..=6000_u64 {
        fine.saw(Duration::from_millis(n * 20), 1, n * 2, Some(100_000));
    }
    assert!((fine.rate().unwrap() - 100.0).abs() < 0.5);
    assert!(fine.points.len() <= 130, "{}", fine.points.len());
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let mut meter = walked(Some(100_000), &[100; 30]);
    meter.saw(second(3), 1, 100, Some(100_000));
    assert_eq!(meter.rate(), Some(100.0));
    assert!(meter.left().is_some());
}

fn rows() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0_u64..5000, 0..700)
}

proptest! {
    #[test]
    fn a_constant_rate_is_told_exactly(
        rate in 1_u64..100_000,
        passed in 6_u64..900,
        to_go in 1_u64..100_000,
    ) {
        let total = rate * (passed + to_go);
        let meter = walked(Some(total), &vec![rate; passed as usize]);
        let told = meter.rate().unwrap();
        prop_assert!((told / rate as f64 - 1.0).abs() < 1e-6);
        let left = meter.left().unwrap();
        for told in [left.least, left.most.unwrap()] {
            prop_assert!((told.as_secs_f64() / to_go as f64 - 1.0).abs() < 1e-6, "{left:?}");
        }
    }

    #[test]
    fn standing_still_says_nothing(mut rows in rows(), still in 31_usize..400) {
        rows.extend(vec![0; still]);
        let meter = walked(Some(u64::MAX), &rows);
        prop_assert_eq!((meter.rate(), meter.left()), (None, None));
    }

    #[test]
    fn what_is_said_lies_within_what_was_seen(rows in rows(), more in 1_u64..10_000_000) {
        let done: u64 = rows.iter().sum();
        let meter = walked(Some(done + more), &rows);
        let seen = &rows[rows.len().saturating_sub(301)..];
        let best = seen.iter().copied().max().unwrap_or(0) as f64;
        if let Some(rate) = meter.rate() {
            prop_assert!(rate > 0.0 && rate <= best + 1e-6);
        }
        if let Some(left) = meter.left() {
            prop_assert!(left.least.as_secs_f64() >= more as f64 / best - 1e-6);
            if let Some(most) = left.most {
                let mean = seen.iter().sum::<u64>() as f64 / seen.len() as f64;
                prop_assert!(most >= left.least);
                prop_assert!(most.as_secs_f64() <= more as f64 / (mean * HOPELESS) * 1.1 + 1.0);
            }
        }
    }

    /// From one second to the next what is said does not leap, whatever happens: rates that differ
    /// threefold between one second and the next.
    #[test]
    fn what_is_said_does_not_leap(rows in proptest::collection::vec(100_u64..300, 60..500)) {
        let total = rows.iter().sum::<u64>() + 1_000_000;
        let mut meter = Meter::new();
        let mut done = 0;
        let mut before: Option<Left> = None;
        meter.saw(second(0), 1, 0, Some(total));
        for (n, rows) in rows.iter().enumerate() {
            done += rows;
            meter.saw(second(n as u64 + 1), 1, done, Some(total));
            let Some(left) = meter.left() else { continue };
            if let Some(before) = before.filter(|_| n >= 30) {
                let leap = left.least.as_secs_f64() / before.least.as_secs_f64();
                prop_assert!((0.85..1.18).contains(&leap), "{n}: {before:?} {left:?}");
                let (Some(most), Some(was)) = (left.most, before.most) else {
                    return Err(TestCaseError::fail("an end is not known"));
                };
                let leap = most.as_secs_f64() / was.as_secs_f64();
                prop_assert!((0.85..1.18).contains(&leap), "{n}: {before:?} {left:?}");
            }
            before = Some(left);
        }
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_negative(
        said in proptest::collection::vec(
            (0_u64..4000, 0_u32..3, any::<u64>(), proptest::option::of(any::<u64>())),
            0..2000,
        ),
    ) {
        let mut meter = Meter::new();
        let mut at = 0;
        for (further, sweep, scanned, total) in said {
            at += further;
            meter.saw(Duration::from_millis(at), sweep, scanned, total);
            prop_assert!(meter.points.len() <= MOST_POINTS);
            prop_assert!(meter.rate().is_none_or(|rate| rate > 0.0 && rate.is_finite()));
            if let Some(left) = meter.left() {
                prop_assert!(left.most.is_none_or(|most| most >= left.least));
            }
        }
    }
}

#[test]
fn an_undo_has_no_walks() {
    let left = |sweep| {
        let left = Left {
            least: Duration::from_secs(60),
            most: Some(Duration::from_secs(120)),
            sweep,
        };
        left.words()
    };
    assert!(left(0).ends_with(" left"), "{}", left(0));
    assert!(left(1).ends_with(" left in the first walk"), "{}", left(1));
}
