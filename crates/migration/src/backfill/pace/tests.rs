use proptest::prelude::*;

use super::*;

fn ms(length: u64) -> Duration {
    Duration::from_millis(length)
}

#[test]
fn batches_come_to_take_as_long_as_they_should() {
    // 20 µs a row, and 4 ms a row; from small and large beginnings.
    for (row, fits) in [(20, 5_000), (4_000, 100)] {
        for first in [100, 1_000, 50_000] {
            let mut size = Size::new(first, None);
            for _ in 0..20 {
                let rows = u64::from(size.rows());
                size.towards(rows, Duration::from_micros(row * rows), ms(100));
            }
            let off = size.rows().abs_diff(fits);
            assert!(
                off <= fits / 50,
                "{} rows from {first} at {row} µs",
                size.rows()
            );
        }
    }
}

#[test]
fn one_odd_batch_changes_little() {
    let mut size = Size::new(1_000, None);
    size.towards(1_000, Duration::ZERO, ms(100));
    assert_eq!(size.rows(), 2_000);
    size.towards(2_000, Duration::from_secs(60), ms(100));
    assert_eq!(size.rows(), 1_000);
    size.towards(1_000, Duration::from_secs(60), Duration::ZERO);
    assert_eq!(size.rows(), 500);
}

#[test]
fn few_rows_make_no_batch_larger_and_slow_ones_make_it_smaller() {
    let mut size = Size::new(1_000, None);
    size.towards(499, ms(1), ms(100));
    assert_eq!(size.rows(), 1_000);
    size.towards(0, Duration::ZERO, ms(100));
    assert_eq!(size.rows(), 1_000);
    size.towards(3, ms(200), ms(100));
    assert_eq!(size.rows(), 500);
    size.towards(250, ms(50), ms(100));
    assert_eq!(size.rows(), 1_000);
}

#[test]
fn only_others_make_a_batch_smaller_than_the_fewest() {
    let mut size = Size::new(1_000, None);
    for _ in 0..20 {
        size.halve();
    }
    assert_eq!(size.rows(), FEWEST_ROWS);
    size.shrink();
    assert_eq!(size.rows(), 25);
    for _ in 0..20 {
        size.shrink();
    }
    assert_eq!(size.rows(), 1);
    for rows in [1, 2, 4, 8] {
        assert_eq!(size.rows(), rows);
        size.towards(u64::from(rows), ms(1), ms(100));
    }
}

#[test]
fn no_batch_is_larger_than_what_a_second_allows() {
    for (most, expected) in [
        (None, MOST_ROWS),
        (Some(700.5), 700),
        (Some(0.001), 1),
        (Some(1e12), MOST_ROWS),
        (Some(f64::INFINITY), MOST_ROWS),
        // No limits; whoever reads them from people refuses them before.
        (Some(0.0), MOST_ROWS),
        (Some(-3.0), MOST_ROWS),
        (Some(f64::NAN), MOST_ROWS),
    ] {
        let mut size = Size::new(u32::MAX, most);
        assert_eq!(size.rows(), expected, "{most:?}");
        size.towards(u64::MAX, Duration::ZERO, Duration::MAX);
        assert_eq!(size.rows(), expected, "{most:?}");
    }
}

#[test]
fn what_was_missed_is_made_up_for_by_a_second_at_most() {
    let mut rate = Rate::new(Some(10.0));
    assert_eq!(rate.due(), Duration::ZERO);
    rate.spent(5, ms(20), ms(1_020));
    assert_eq!(rate.due(), ms(1_500), "half a second from its beginning");
    rate.spent(5, ms(20), ms(1_720));
    assert_eq!(
        rate.due(),
        ms(2_000),
        "it began late, the next one does not"
    );
    rate.spent(5, ms(20), ms(600_000));
    assert_eq!(rate.due(), ms(599_000));
}

#[test]
fn without_a_limit_nothing_is_due() {
    for most in [
        None,
        Some(0.0),
        Some(-1.0),
        Some(f64::NAN),
        Some(f64::INFINITY),
    ] {
        let mut rate = Rate::new(most);
        rate.spent(u64::MAX, ms(1), ms(10_000));
        assert!(rate.due() <= ms(10_000), "{most:?}");
    }
}

#[test]
fn no_number_is_too_large() {
    let mut rate = Rate::new(Some(f64::MIN_POSITIVE));
    rate.spent(u64::MAX, Duration::MAX, Duration::MAX);
    rate.spent(u64::MAX, Duration::MAX, Duration::MAX);
    assert_eq!(rate.due(), Duration::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sizes_stay_within_bounds(
        first in any::<u32>(),
        most in prop::option::of(any::<f64>()),
        told in prop::collection::vec((0u8..4, any::<u64>(), any::<u64>(), any::<u64>()), 0..60),
    ) {
        let mut size = Size::new(first, most);
        for (what, rows, work, target) in told {
            let before = size.rows();
            match what {
                0 => size.halve(),
                1 => size.shrink(),
                _ => size.towards(rows, Duration::from_nanos(work), Duration::from_nanos(target)),
            }
            prop_assert!((1..=MOST_ROWS).contains(&size.rows()));
            prop_assert!(size.rows() <= before.saturating_mul(2));
            if let Some(most) = most && most > 0.0 {
                prop_assert!(f64::from(size.rows()) <= most.max(1.0));
            }
        }
    }
}
