use switchback_model::{Counts, Duration, Timestamp};

use super::super::log::Logged;
use super::{Entry, Logs, Statistics, Users, Verdict, baseline, compare};
use crate::Engine;
use crate::reads::OldShape;
use crate::sql::ir::Name;

const HOUR: i64 = 3_600_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + hours * HOUR)
}

fn day() -> Duration {
    "24h".parse().unwrap()
}

fn shape() -> OldShape<'static> {
    let columns = vec!["fax".to_owned()];
    OldShape::new(Engine::Postgres, Name::plain("users"), columns, None)
}

const READS: &str = "SELECT fax FROM users";
const STAYS: &str = "SELECT id FROM users";
const BROKEN: &str = "SELECT $1 FROM users WHERE";

/// Statistics at an hour, counted from hour 0, with one entry for each text.
fn statistics(hour: i64, calls: &[(&str, u64)]) -> Statistics {
    Statistics {
        taken: at(hour),
        reset: Some(at(0)),
        evictions: Some(0),
        has_room: true,
        timeline: "1".to_owned(),
        entries: calls
            .iter()
            .map(|(text, calls)| Entry {
                key: format!("10/{text}"),
                role: "app".to_owned(),
                text: (*text).to_owned(),
                calls: *calls,
            })
            .collect(),
    }
}

fn counts(statistics: &Statistics) -> Counts {
    Users::of(&shape(), statistics).counts(statistics)
}

fn verdict(now: &Statistics, earlier: Option<&Counts>) -> Verdict {
    compare(now, &Users::of(&shape(), now), earlier, day())
}

#[test]
fn only_what_was_executed_since_is_in_the_way() {
    let then = counts(&statistics(10, &[(READS, 7), (STAYS, 7)]));
    let same = statistics(34, &[(READS, 7), (STAYS, 900)]);
    assert!(verdict(&same, Some(&then)).is_clear());
    let again = statistics(34, &[(READS, 9), (STAYS, 900)]);
    let found = verdict(&again, Some(&then)).found;
    assert_eq!((found.len(), found[0].what.as_str()), (1, READS));
    assert!(found[0].seen.starts_with("executed twice by app since "));
    // One that was not there.
    let new = statistics(34, &[(READS, 7), ("SELECT * FROM users", 1)]);
    assert_eq!(
        verdict(&new, Some(&then)).found[0].what,
        "SELECT * FROM users"
    );
}

#[test]
fn nothing_is_known_before_the_second_count() {
    let now = statistics(34, &[(STAYS, 1)]);
    let first = verdict(&now, None);
    assert!(!first.is_clear() && first.found.is_empty());
    assert_eq!(first.ready_at, Some(at(58)));
    // Too early by an hour.
    let then = counts(&statistics(11, &[]));
    let early = verdict(&now, Some(&then));
    assert_eq!(
        (early.unseen.len(), early.ready_at),
        (1, Some(at(11) + day()))
    );
}

#[test]
fn a_reset_begins_anew() {
    let then = counts(&statistics(0, &[(READS, 7)]));
    let mut now = statistics(48, &[(READS, 2)]);
    now.reset = Some(at(20));
    // Fewer than before, and executed since the reset all the same.
    let seen = verdict(&now, Some(&then));
    assert_eq!((seen.found.len(), seen.unseen.len()), (1, 0));
    now.entries.clear();
    assert!(verdict(&now, Some(&then)).is_clear());
    now.reset = Some(at(40));
    let young = verdict(&now, Some(&then));
    assert_eq!(
        (young.unseen.len(), young.ready_at),
        (1, Some(at(40) + day()))
    );
}

#[test]
fn what_was_lost_is_not_taken_for_nothing() {
    let then = counts(&statistics(0, &[(READS, 7)]));
    // Thrown away, or reset alone.
    assert_eq!(
        verdict(&statistics(48, &[]), Some(&then)).unseen.len(),
        1,
        "gone"
    );
    assert_eq!(
        verdict(&statistics(48, &[(READS, 3)]), Some(&then))
            .unseen
            .len(),
        1,
        "went back"
    );
    let then = counts(&statistics(0, &[]));
    let mut now = statistics(48, &[(STAYS, 1)]);
    now.evictions = Some(3);
    assert!(
        verdict(&now, Some(&then)).unseen[0]
            .what
            .contains("3 times")
    );
    // PostgreSQL 13 does not say.
    now.evictions = None;
    now.reset = None;
    assert_eq!(verdict(&now, Some(&then)).unseen.len(), 1, "resets");
    now.has_room = false;
    assert_eq!(verdict(&now, Some(&then)).unseen.len(), 2, "and evictions");
    let mut other = statistics(48, &[]);
    other.timeline = "2".to_owned();
    assert_eq!(
        verdict(&other, Some(&then)).unseen.len(),
        1,
        "another server"
    );
}

#[test]
fn what_is_not_understood_counts_once_it_is_executed() {
    let then = counts(&statistics(0, &[(BROKEN, 7)]));
    assert!(verdict(&statistics(48, &[(BROKEN, 7)]), Some(&then)).is_clear());
    let seen = verdict(&statistics(48, &[(BROKEN, 8)]), Some(&then));
    assert_eq!((seen.found.len(), seen.unseen.len()), (0, 1));
    assert!(seen.unseen[0].what.contains(BROKEN));
}

#[test]
fn the_newest_count_that_is_old_enough_is_compared_with() {
    let all: Vec<Counts> = [0, 10, 30]
        .iter()
        .map(|hour| counts(&statistics(*hour, &[])))
        .collect();
    let chosen = |now| baseline(&all, at(now), day()).map(|it| it.taken);
    assert_eq!(chosen(35), Some(at(10)));
    assert_eq!(chosen(60), Some(at(30)));
    // None is; the oldest one is so first.
    assert_eq!(chosen(5), Some(at(0)));
    assert_eq!(baseline(&[], at(5), day()), None);
}

#[test]
fn logs_count_from_a_moment_on() {
    let logged = |text: &str, hour: Option<i64>| Logged {
        at: hour.map(at),
        database: None,
        text: text.to_owned(),
        cut: false,
    };
    let mut logs = Logs::default();
    logs.take(&shape(), logged(READS, Some(1)), at(10));
    logs.take(&shape(), logged(STAYS, Some(30)), at(10));
    let mut verdict = Verdict::default();
    logs.end("a.log", &mut verdict);
    assert!(verdict.is_clear());
    assert!(verdict.looked_at[0].starts_with("a.log: 2 statements, from "));

    let mut logs = Logs::default();
    logs.take(&shape(), logged(READS, Some(11)), at(10));
    logs.take(&shape(), logged(READS, Some(12)), at(10));
    logs.take(&shape(), logged("SELECT * FROM users", None), at(10));
    logs.take(&shape(), logged(BROKEN, None), at(10));
    let cut = Logged {
        cut: true,
        ..logged(STAYS, None)
    };
    logs.take(&shape(), cut, at(10));
    let mut verdict = Verdict::default();
    logs.end("b.log", &mut verdict);
    assert_eq!((verdict.found.len(), verdict.unseen.len()), (2, 2));
    assert!(
        verdict.found[1].seen.starts_with("twice in b.log, last at"),
        "{:?}",
        verdict.found
    );
}
