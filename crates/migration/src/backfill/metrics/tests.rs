use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use switchback_model::Timestamp;

use super::*;
use crate::backfill::{Counts, Left};

/// A job of which everything is known.
fn whole() -> Snapshot {
    let signal = |signal, value, limit, zone| SignalState {
        signal,
        value,
        missing: value.is_none(),
        limit,
        zone,
    };
    Snapshot {
        at: Timestamp::from_millis(1_700_000_100_250),
        job: "fill-email".to_owned(),
        environment: "production".to_owned(),
        table: "public.users".to_owned(),
        status: JobStatus::Running,
        sweep: 2,
        counts: Counts {
            scanned: 1_500_000,
            changed: 1_000_000,
            failed: 3,
            skipped: 7,
            batches: 250,
        },
        sweep_scanned: 500_000,
        total: Some(1_000_000),
        leased: 3,
        workers: 2,
        started: Timestamp::from_millis(1_700_000_000_000),
        worked: Duration::from_millis(90_500),
        rate: Some(25_000.5),
        planned_rate: Some(30_000.0),
        left: Some(Left {
            least: Duration::from_secs(18),
            most: Some(Duration::from_secs(25)),
            sweep: 2,
        }),
        zone: Zone::Shed,
        reason: "a replica is behind".to_owned(),
        signals: vec![
            signal(Signal::Probe, Some(2.5), Some(20.0), Zone::Grow),
            signal(Signal::Statements, Some(1.1), Some(1.3), Zone::Shed),
            signal(Signal::ReplicationLag, Some(4.0), Some(5.0), Zone::Shed),
            signal(Signal::WalQueue, Some(0.2), Some(0.8), Zone::Grow),
            signal(Signal::ArchiverQueue, Some(1.0), Some(32.0), Zone::Grow),
            signal(Signal::OldestSnapshot, Some(9.0), Some(1e6), Zone::Grow),
            signal(Signal::ActiveSessions, Some(0.5), Some(2.0), Zone::Grow),
            signal(Signal::Autovacuum, Some(0.0), None, Zone::Grow),
            signal(Signal::BlockedByUs, Some(0.0), Some(1.0), Zone::Grow),
        ],
        undo_bytes: Some(5_000_000),
        undo_limit: Some(100_000_000),
        idle: Some(Duration::from_millis(250)),
    }
}

/// A job of which next to nothing is known.
fn bare() -> Snapshot {
    Snapshot {
        total: None,
        rate: None,
        planned_rate: None,
        left: None,
        signals: Vec::new(),
        undo_bytes: None,
        undo_limit: None,
        idle: None,
        ..whole()
    }
}

#[derive(Debug, Default)]
struct Read {
    /// Name to kind and help.
    families: BTreeMap<String, (String, String)>,
    /// Name and labels to what is said.
    samples: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

impl Read {
    fn get(&self, name: &str, own: &[(&str, &str)]) -> Option<f64> {
        let own: BTreeSet<(&str, &str)> = own.iter().copied().collect();
        let found = self.samples.iter().find(|((it, labels), _)| {
            let labels = labels.iter().map(|(name, value)| (&**name, &**value));
            let labels = labels.filter(|(name, _)| !COMMON_LABELS.contains(name));
            it.strip_prefix("switchback_backfill_") == Some(name)
                && labels.collect::<BTreeSet<_>>() == own
        });
        found.map(|(_, value)| *value)
    }
}

/// A reader of the format, written from its description and not from the writer: stricter than a
/// server, which takes lines in any order.
fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut current = String::new();
    assert!(text.is_empty() || text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            let old = read
                .families
                .insert(name.to_owned(), (String::new(), help.to_owned()));
            assert!(old.is_none(), "{name} comes twice");
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, current, "the type follows the help");
            assert!(["counter", "gauge"].contains(&kind));
            read.families.get_mut(name).unwrap().0 = kind.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            assert_eq!(name, current, "samples follow their family");
            let old = read.samples.insert((name, labels), value);
            assert!(old.is_none(), "a sample comes twice: {line}");
        }
    }
    read
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (name, rest) = line.split_once('{').unwrap();
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    loop {
        let (label, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    it @ ('\\' | '"') => it,
                    other => panic!("\\{other}"),
                }),
                (_, other) => value.push(other),
            }
        };
        assert!(labels.insert(label.to_owned(), value).is_none());
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ").unwrap();
    (name.to_owned(), labels, value.parse().unwrap())
}

#[test]
fn a_job_of_which_all_is_known_has_every_metric() {
    let text = render(&whole(), "1.2.3");
    let read = read(&text);
    // Autovacuum has no limit, so no family of its own for that.
    let names: BTreeSet<&str> = read.families.keys().map(String::as_str).collect();
    let all: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(names, all);
    for (name, own, value) in [
        ("info", &[("version", "1.2.3")] as &[_], 1.0),
        ("status", &[("status", "running")], 1.0),
        ("status", &[("status", "paused")], 0.0),
        ("rows_scanned_total", &[], 1_500_000.0),
        ("rows_changed_total", &[], 1_000_000.0),
        ("rows_failed_total", &[], 3.0),
        ("rows_skipped_total", &[], 7.0),
        ("batches_total", &[], 250.0),
        ("work_seconds_total", &[], 90.5),
        ("rows_expected", &[], 1_000_000.0),
        ("sweep", &[], 2.0),
        ("sweep_rows_scanned", &[], 500_000.0),
        ("sweep_progress_ratio", &[], 0.5),
        ("sweep_remaining_seconds", &[("bound", "least")], 18.0),
        ("sweep_remaining_seconds", &[("bound", "most")], 25.0),
        ("rows_per_second", &[], 25_000.5),
        ("planned_rows_per_second", &[], 30_000.0),
        ("workers", &[], 2.0),
        ("ranges_leased", &[], 3.0),
        ("start_timestamp_seconds", &[], 1_700_000_000.0),
        ("last_commit_timestamp_seconds", &[], 1_700_000_100.0),
        ("last_update_timestamp_seconds", &[], 1_700_000_100.25),
        ("undo_bytes", &[], 5_000_000.0),
        ("undo_limit_bytes", &[], 100_000_000.0),
        ("throttle_zone", &[("zone", "shed")], 1.0),
        ("throttle_zone", &[("zone", "stop")], 0.0),
        ("signal_zone", &[("signal", "probe"), ("zone", "grow")], 1.0),
        ("signal_missing", &[("signal", "probe")], 0.0),
        ("probe_seconds", &[], 0.0025),
        ("probe_limit_seconds", &[], 0.02),
        ("replication_lag_seconds", &[], 4.0),
        ("replication_lag_limit_seconds", &[], 5.0),
        ("oldest_snapshot_limit_transactions", &[], 1e6),
        ("autovacuum_running", &[], 0.0),
    ] {
        assert_eq!(read.get(name, own), Some(value), "{name} {own:?}");
    }
    for (_, labels) in read.samples.keys() {
        assert_eq!(labels["backfill"], "fill-email");
        assert_eq!(labels["environment"], "production");
        assert_eq!(labels["table"], "public.users");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let read = read(&render(&bare(), "1"));
    for name in [
        "rows_expected",
        "sweep_progress_ratio",
        "rows_per_second",
        "last_commit_timestamp_seconds",
        "undo_bytes",
        "replication_lag_seconds",
        "signal_zone",
    ] {
        let name = format!("switchback_backfill_{name}");
        assert!(!read.families.contains_key(&name), "{name}");
    }
    assert_eq!(read.get("rows_failed_total", &[]), Some(3.0));
    let endless = Snapshot {
        left: Some(Left {
            least: Duration::from_secs(9),
            most: None,
            sweep: 1,
        }),
        ..bare()
    };
    let read = self::read(&render(&endless, "1"));
    let bound = |bound| read.get("sweep_remaining_seconds", &[("bound", bound)]);
    assert_eq!((bound("least"), bound("most")), (Some(9.0), None));
}

#[test]
fn a_signal_that_cannot_be_read_is_told() {
    let mut at = whole();
    at.signals[2].value = None;
    at.signals[2].missing = true;
    at.signals[2].zone = Zone::Stop;
    let read = read(&render(&at, "1"));
    assert_eq!(read.get("replication_lag_seconds", &[]), None);
    assert_eq!(
        read.get("signal_missing", &[("signal", "replication-lag")]),
        Some(1.0)
    );
    assert_eq!(at.lag(), None);
}

#[test]
fn more_rows_than_expected_are_all_of_them() {
    let at = Snapshot {
        total: Some(10),
        ..whole()
    };
    let read = read(&render(&at, "1"));
    assert_eq!(read.get("sweep_progress_ratio", &[]), Some(1.0));
}

/// What <https://prometheus.io/docs/practices/naming/> asks for.
#[test]
fn names_follow_the_practices() {
    let units = [
        "milliseconds",
        "minutes",
        "percent",
        "kilobytes",
        "megabytes",
    ];
    let mut seen = BTreeSet::new();
    for family in FAMILIES {
        let name = family.name;
        assert!(seen.insert(name), "{name} comes twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter);
        assert!(units.iter().all(|unit| !name.contains(unit)), "{name}");
        assert!(family.help.len() > 10 && !family.help.ends_with('.'));
        for label in family.labels.iter().chain(&COMMON_LABELS) {
            // What a server gives to targets, and what it needs for itself.
            assert!(!["job", "instance", "le", "quantile"].contains(label));
        }
    }
}

#[test]
fn words_of_signals_are_those_that_are_stored() {
    for state in whole().signals {
        let stored = serde_json::to_value(state.signal).unwrap();
        assert_eq!(stored, word(state.signal));
    }
    for zone in Zone::ALL {
        assert_eq!(serde_json::to_value(zone).unwrap(), zone.word());
    }
    for status in JobStatus::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.word());
    }
}

#[test]
fn numbers_that_are_none_have_their_words() {
    let text = |value: f64| Number::Real(value).text();
    assert_eq!(text(f64::NAN), "NaN");
    assert_eq!(text(f64::INFINITY), "+Inf");
    assert_eq!(text(f64::NEG_INFINITY), "-Inf");
    assert_eq!(text(1e300).parse(), Ok(1e300));
}

/// Every metric that a rule names is one that is printed, with that label.
#[test]
fn rules_name_only_what_is_printed() {
    let mut used = BTreeSet::new();
    for (at, _) in ALERTS.match_indices("switchback_backfill_") {
        let rest = &ALERTS[at..];
        let name: String = rest
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect();
        let family = FAMILIES.iter().find(|family| family.name == name);
        let family = family.unwrap_or_else(|| panic!("{name} is not printed"));
        if let Some(label) = rest[name.len()..].strip_prefix('{') {
            let label = label.split(['=', '!']).next().unwrap();
            assert!(family.labels.contains(&label), "{name} has no {label}");
        }
        used.insert(name);
    }
    assert!(used.len() >= 10, "{used:?}");
}

proptest! {
    #[test]
    fn any_text_in_a_label_comes_back(job in any::<String>(), table in ".*\\PC[\"\\\\\n]*.*") {
        let at = Snapshot { job, table, ..whole() };
        // A carriage return ends no line for a server, but it does for whoever reads lines here.
        prop_assume!(!at.job.contains('\r') && !at.table.contains('\r'));
        let read = read(&render(&at, "1"));
        for (_, labels) in read.samples.keys() {
            prop_assert_eq!(&labels["backfill"], &at.job);
            prop_assert_eq!(&labels["table"], &at.table);
        }
    }
}
