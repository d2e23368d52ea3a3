use std::time::Duration;

use proptest::prelude::*;
use switchback_model::Timestamp;

use super::*;

const LOOK: Duration = Duration::from_millis(250);
const NOON: Timestamp = Timestamp::EPOCH;

/// As many good looks as always lead back to the full allowance: four to be calm, one to begin,
/// seven to grow fast, and the rest of the way slowly.
const RECOVERY: u32 = 48;

fn good() -> Readings {
    Readings {
        others: Some(0),
        ..Readings::all(&Reading::NotThere)
    }
}

fn with(signal: Signal, reading: Reading) -> Readings {
    let mut readings = good();
    readings.signals.insert(signal, reading);
    readings
}

/// A throttle that is told looks a quarter of a second apart.
struct Run {
    throttle: Throttle,
    now: Duration,
}

impl Run {
    fn new(limits: Limits) -> Self {
        Self {
            throttle: Throttle::new(limits),
            now: Duration::from_secs(7),
        }
    }

    fn look(&mut self, readings: &Readings) -> Allowance {
        self.now += LOOK;
        self.throttle.read(self.now, readings);
        self.allowance()
    }

    fn allowance(&self) -> Allowance {
        self.throttle.allowance(self.now, NOON)
    }
}

/// The part of the time that may be worked.
fn share(allowance: &Allowance) -> f64 {
    match allowance.batch {
        None => 0.0,
        Some(_) => 1.0 / (1.0 + allowance.pause),
    }
}

fn lag(seconds: f64) -> Readings {
    with(Signal::ReplicationLag, Reading::Value(seconds))
}

#[test]
fn a_database_of_our_own_is_used_in_full_from_the_first_look_on() {
    let mut run = Run::new(Limits::default());
    assert_eq!(run.allowance().batch, None);
    let first = run.look(&good());
    assert_eq!(first.batch, Some(Duration::from_millis(100)));
    assert_eq!(
        (first.pause, &*first.reason),
        (0.0, "the database has room")
    );
    for _ in 0..10 {
        run.look(&good());
    }
    assert_eq!(run.allowance().batch, Some(Duration::from_millis(500)));
}

#[test]
fn beside_others_there_is_room_left_and_batches_are_short() {
    let mut run = Run::new(Limits::default());
    for (others, who) in [(Some(3), "others use"), (None, "others may use")] {
        for _ in 0..RECOVERY {
            run.look(&Readings { others, ..good() });
        }
        let it = run.allowance();
        assert_eq!(it.batch, Some(Duration::from_millis(50)));
        assert!((it.pause - (1.0 / 0.06 - 1.0)).abs() < 1e-9 && it.turns);
        assert_eq!(
            it.reason,
            format!("{who} the database; beside them the limit is 6 % of the time")
        );
    }
}

#[test]
fn less_is_felt_at_once_below_a_ceiling_too() {
    let mut run = Run::new(Limits::default());
    for others in [Some(0), Some(1)] {
        for _ in 0..RECOVERY {
            run.look(&Readings { others, ..good() });
        }
    }
    let shed = run.look(&Readings {
        others: Some(1),
        ..lag(8.0)
    });
    assert!((share(&shed) - 0.048).abs() < 1e-9);
}

#[test]
fn each_zone_does_what_it_is_for() {
    let mut run = Run::new(Limits::default());
    run.look(&good());
    assert_eq!(share(&run.look(&lag(5.0))), 1.0, "holds");
    assert_eq!(share(&run.look(&lag(8.0))), 0.8, "sheds");
    let halved = run.look(&lag(12.0));
    assert_eq!(share(&halved), 0.4, "halves");
    assert_eq!(halved.reason, "replicas are 12 s behind; the limit is 10 s");
    let stopped = run.look(&lag(21.0));
    assert_eq!((stopped.batch, share(&stopped)), (None, 0.0));
    assert_eq!(
        stopped.reason,
        "replicas are 21 s behind; the limit is 10 s"
    );
    // It does not begin again before it was calm for a second.
    for _ in 0..4 {
        let waits = run.look(&good());
        assert_eq!(waits.batch, None);
        assert_eq!(waits.reason, "the database has room; the rate rises");
    }
    assert!(run.look(&good()).batch.is_some());
}

#[test]
fn what_stays_above_its_limit_stops_within_a_second_and_a_half() {
    let mut run = Run::new(Limits::default());
    run.look(&good());
    let looks = (1..).find(|_| run.look(&lag(10.5)).batch.is_none());
    assert_eq!(looks, Some(6));
}

#[test]
fn one_who_waits_for_us_halves_and_two_stop() {
    let mut run = Run::new(Limits::default());
    run.look(&good());
    let one = run.look(&with(Signal::BlockedByUs, Reading::Value(1.0)));
    assert_eq!(share(&one), 0.5);
    assert_eq!(
        one.reason,
        "1 session waits for the backfill; the limit is 1"
    );
    let two = run.look(&with(Signal::BlockedByUs, Reading::Value(2.0)));
    assert_eq!(two.batch, None);
}

#[test]
fn what_is_missing_stops_unless_it_is_turned_off() {
    let gone = Reading::Missing("1 of 2 replicas is not connected".to_owned());
    for signal in Signal::ALL {
        let mut run = Run::new(Limits::default());
        run.look(&good());
        let it = run.look(&with(signal, gone.clone()));
        assert_eq!(it.batch, None, "{signal:?}");
        assert!(
            it.reason
                .ends_with("is not known: 1 of 2 replicas is not connected")
        );
        let mut not_read = good();
        not_read.signals.remove(&signal);
        assert_eq!(run.look(&not_read).batch, None, "{signal:?}");

        let mut run = Run::new(Limits::default().off(signal));
        run.look(&not_read);
        assert_eq!(share(&run.look(&with(signal, gone.clone()))), 1.0);
        assert_eq!(
            share(&run.look(&with(signal, Reading::Value(f64::INFINITY)))),
            1.0
        );
    }
}

#[test]
fn a_look_that_is_too_old_stops() {
    let mut run = Run::new(Limits::default());
    run.look(&good());
    let at = |after| run.throttle.allowance(run.now + after, NOON);
    assert!(at(Duration::from_secs(2)).batch.is_some());
    let old = at(Duration::from_millis(2_500));
    assert_eq!(old.batch, None);
    assert_eq!(
        old.reason,
        "the last look at the database is 2.5 s old; the limit is 2 s"
    );
}

#[test]
fn usual_and_easy_values_move_what_is_too_much() {
    let limit = Limits::default().signals[&Signal::Probe];
    assert_eq!(limit.value(None), 5.0);
    assert_eq!(limit.value(Some(0.2)), 5.0);
    assert_eq!(limit.value(Some(4.0)), 20.0);
    let mut slow = with(Signal::Probe, Reading::Value(7.0));
    slow.usual.insert(Signal::Probe, 4.0);
    let mut run = Run::new(Limits::default());
    assert_eq!(share(&run.look(&slow)), 1.0);
    slow.usual.insert(Signal::Probe, 0.21);
    let it = run.look(&slow);
    assert_eq!(share(&it), 0.5);
    assert_eq!(
        it.reason,
        "a row by its key takes 7 ms (0.21 ms before); the limit is 5 ms"
    );
    let statements = Limits::default().signals[&Signal::Statements];
    assert_eq!(statements.strain(1.0, None), 0.0);
    assert!((statements.strain(1.6, None) - 1.0).abs() < 1e-9);
    assert_eq!(Limit::of(0.0).strain(0.0, None), 0.0);
    assert_eq!(Limit::of(0.0).strain(1.0, None), f64::INFINITY);
}

#[test]
fn reasons_are_sentences_with_units() {
    let said = |signal, value| {
        let limits = Limits::default();
        let limit = limits.signals[&signal];
        reason::at(signal, value, limit.value(None), None)
    };
    assert_eq!(
        said(Signal::Statements, 2.125),
        "statements take 2.1 times as long as before; the limit is 1.6 times"
    );
    assert_eq!(
        said(Signal::WalQueue, 2.1),
        "the log since the last checkpoint is 210 % of max_wal_size; the limit is 200 %"
    );
    assert_eq!(
        said(Signal::ArchiverQueue, 40.0),
        "40 segments wait to be archived; the limit is 32"
    );
    assert_eq!(
        said(Signal::OldestSnapshot, 12e6),
        "the oldest snapshot is 12,000,000 transactions old; the limit is 10,000,000"
    );
    assert_eq!(
        said(Signal::ActiveSessions, 1.75),
        "1.8 sessions are at work for each CPU; the limit is 1.5"
    );
    assert_eq!(
        said(Signal::Autovacuum, 1.0),
        "vacuum is at work on the table"
    );
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn quiet_hours_are_half_open_and_know_their_offset_and_midnight() {
    let work: QuietHours = "mon-fri 08:00-18:00 +01:00".parse().unwrap();
    // 2026-11-20 was a Friday.
    assert!(!work.contains(at("2026-11-20T06:59:59.999Z")));
    assert!(work.contains(at("2026-11-20T07:00:00Z")));
    assert!(work.contains(at("2026-11-20T17:59:59.999+01:00")));
    assert!(!work.contains(at("2026-11-20T18:00:00+01:00")));
    assert!(!work.contains(at("2026-11-21T12:00:00+01:00")));
    let night: QuietHours = "sun 22:00-06:00 Z 25%".parse().unwrap();
    assert!(night.contains(at("2026-11-22T23:00:00Z")), "Sunday");
    assert!(night.contains(at("2026-11-23T05:59:00Z")), "Monday morning");
    assert!(
        !night.contains(at("2026-11-22T05:00:00Z")),
        "Sunday morning"
    );
    assert_eq!(night.share(), 0.25);
    let all: QuietHours = "sat-mon 00:00-24:00 -03:30".parse().unwrap();
    assert!(all.contains(at("2026-11-24T03:29:00Z")));
    assert!(!all.contains(at("2026-11-24T03:30:00Z")));
    let before_1970: QuietHours = "wed 00:00-24:00 Z".parse().unwrap();
    assert!(before_1970.contains(at("1969-12-31T23:00:00Z")));
    assert_eq!(String::from(night.clone()), night.to_string());
}

#[test]
fn what_does_not_say_hours_is_refused() {
    for bad in [
        "",
        "mon-fri 08:00-18:00",
        "mon-fri 08:00-18:00 Europe/Berlin",
        "mon-fri 08:00-18:00 +1",
        "mon-fri 08:00-18:00 +15:00",
        "mon-fri 8:00-18:00 Z",
        "mon-fri 08:00-24:01 Z",
        "mon-fri 24:00-08:00 Z",
        "mon-fri 08:60-18:00 Z",
        "monday 08:00-18:00 Z",
        "mon- 08:00-18:00 Z",
        "mon-fri 08:00 Z",
        "mon-fri 08:00-18:00 Z 100%",
        "mon-fri 08:00-18:00 Z 0.5",
        "mon-fri 08:00-18:00 Z +5%",
        "mon-fri 08:00-18:00 Z 5% more",
    ] {
        let error = bad.parse::<QuietHours>().unwrap_err();
        assert!(
            error.to_string().contains("mon-fri 08:00-18:00 +01:00"),
            "{bad}"
        );
    }
}

#[test]
fn quiet_hours_and_the_ceiling_are_kept() {
    let limits = Limits {
        most: 0.8,
        quiet: vec![
            "daily 00:00-12:00 Z".parse().unwrap(),
            "daily 00:00-18:00 Z 25%".parse().unwrap(),
        ],
        ..Limits::default()
    };
    let mut run = Run::new(limits);
    run.look(&good());
    let at = |moment: &str| run.throttle.allowance(run.now, at(moment));
    let night = at("2026-11-20T11:59:59Z");
    assert_eq!(night.batch, None);
    assert_eq!(night.reason, "these are quiet hours (daily 00:00-12:00 Z)");
    assert_eq!(share(&at("2026-11-20T12:00:00Z")), 0.25);
    let rest = at("2026-11-20T18:00:00Z");
    assert!((share(&rest) - 0.8).abs() < 1e-9);
    assert_eq!(rest.reason, "the ceiling is 80 % of the time");
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        4 => (0.0..3.0f64).prop_map(Reading::Value),
        2 => Just(Reading::NotThere),
        1 => Just(Reading::Missing("gone".to_owned())),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.0)].prop_map(Reading::Value),
    ]
}

/// A look at which one or two signals say something, with values that go around the limits.
fn look() -> impl Strategy<Value = Readings> {
    let one = (prop::sample::select(Signal::ALL.to_vec()), reading());
    let others = prop::option::of(0u32..3);
    (prop::collection::vec(one, 0..3), others).prop_map(|(all, others)| {
        let limits = Limits::default();
        let mut readings = Readings { others, ..good() };
        for (signal, reading) in all {
            let limit = limits.signals[&signal];
            let reading = match reading {
                Reading::Value(part) => {
                    Reading::Value(limit.easy + part * (limit.most - limit.easy))
                }
                other => other,
            };
            readings.signals.insert(signal, reading);
        }
        readings
    })
}

fn looks() -> impl Strategy<Value = Vec<Readings>> {
    prop::collection::vec(look(), 0..40)
}

proptest! {
    /// Whatever was read: a batch is 50 to 500 ms long, the pause is a number that leads to no more
    /// than the ceiling, and there is a reason.
    #[test]
    fn an_allowance_is_always_within_its_bounds(
        looks in looks(),
        most in 0.0..1.0f64,
        beside in 0.0..1.0f64,
    ) {
        let limits = Limits { most, beside_others: beside, ..Limits::default() };
        let mut run = Run::new(limits);
        for readings in looks {
            let it = run.look(&readings);
            prop_assert!(!it.reason.is_empty());
            prop_assert!(it.pause.is_finite() && it.pause >= 0.0);
            if let Some(batch) = it.batch {
                prop_assert!((50..=500).contains(&batch.as_millis()));
            }
            let ceiling = if readings.others == Some(0) { most } else { most.min(beside) };
            prop_assert!(share(&it) <= ceiling + 1e-9);
        }
    }

    /// A missing reading stops, whatever was before and whatever else is read.
    #[test]
    fn missing_stops(
        looks in looks(),
        mut last in look(),
        signal in prop::sample::select(Signal::ALL.to_vec()),
    ) {
        let mut run = Run::new(Limits::default());
        for readings in looks {
            run.look(&readings);
        }
        last.signals.insert(signal, Reading::Missing("gone".to_owned()));
        prop_assert_eq!(run.look(&last).batch, None);
    }

    /// From the same past, a worse look never allows more: no larger part of the time, no longer
    /// batch.
    #[test]
    fn worse_never_allows_more(
        looks in looks(),
        signal in prop::sample::select(Signal::ALL.to_vec()),
        one in 0.0..3.0f64,
        two in 0.0..3.0f64,
    ) {
        let mut run = Run::new(Limits::default());
        for readings in looks {
            run.look(&readings);
        }
        let limit = Limits::default().signals[&signal];
        let after = |part: f64| {
            let mut run = Run { throttle: run.throttle.clone(), now: run.now };
            let value = limit.easy + part * (limit.most - limit.easy);
            run.look(&with(signal, Reading::Value(value)))
        };
        let (better, worse) = (after(one.min(two)), after(one.max(two)));
        prop_assert!(share(&worse) <= share(&better));
        prop_assert!(worse.batch <= better.batch);
    }

    /// Whatever happened: good looks lead back to the full allowance, and never to less meanwhile.
    #[test]
    fn good_looks_lead_back_to_everything(looks in looks()) {
        let mut run = Run::new(Limits::default());
        for readings in looks {
            run.look(&readings);
        }
        let mut before = 0.0;
        for _ in 0..RECOVERY {
            let now = share(&run.look(&good()));
            prop_assert!(now >= before);
            before = now;
        }
        prop_assert_eq!(before, 1.0);
    }

    /// Near a limit it comes to rest: a strain that is proportional to what is done, as of a database
    /// that bears `bears` of the time, swings within a band after a while and never reaches the stop.
    #[test]
    fn it_does_not_swing_around_what_the_database_bears(bears in 0.15..0.9f64) {
        let mut run = Run::new(Limits::default());
        let mut done = share(&run.look(&good()));
        let mut stopped = 0;
        for at in 0..400 {
            done = share(&run.look(&lag(10.0 * done / bears)));
            if at > 40 && done == 0.0 {
                stopped += 1;
            }
        }
        prop_assert_eq!(stopped, 0);
        prop_assert!(done / bears < 0.8 && done / bears > 0.25, "{} of {}", done, bears);
    }
}
