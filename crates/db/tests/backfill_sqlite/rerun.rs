//! Doing some rows of a backfill again, with a definition that was mended.

use super::*;
use switchback_db::backfill::{Again, RerunError};
use switchback_migration::backfill::Part;

fn mended() -> Job {
    job("table = \"t\"\n[set]\nb = \"'m' || (a * 3)\"")
}

fn again(place: &Place, job: &Job, texts: &[&str]) -> Result<Again, BackfillError> {
    let parts: Vec<Part> = texts.iter().map(|it| it.parse().unwrap()).collect();
    place.open().rerun(job, &parts, &ranges_of(300), false)
}

/// Does some rows again to the end.
fn rerun(place: &Place, job: &Job, texts: &[&str]) -> JobStatus {
    assert!(!again(place, job, texts).unwrap().resumed);
    drive(&mut place.hands(job, "again"), 50).unwrap()
}

fn counts(place: &Place) -> [i64; 3] {
    [
        "SELECT count(*) FROM t WHERE b = 'm' || (a * 3)",
        "SELECT count(*) FROM t WHERE b = 'n' || (a * 2)",
        "SELECT count(*) FROM t WHERE b IS NULL",
    ]
    .map(|sql| place.number(sql))
}

#[test]
fn rows_between_two_keys_are_done_again_and_no_others() {
    let place = Place::new(&numbers(3_000));
    assert_eq!(place.fill(&doubled(), ranges_of(700)), JobStatus::Done);
    let begun = again(&place, &mended(), &["1000..1999"]).unwrap();
    assert_eq!((begun.rows, begun.ranges.len()), (1_000, 1));
    assert_eq!(begun.before, doubled().version().to_string());
    assert_eq!(begun.ranges[0].rows.to_string(), "1000 to 1999");
    let ended = drive(&mut place.hands(&mended(), "w"), 100).unwrap();
    assert_eq!(ended, JobStatus::Done);
    assert_eq!(counts(&place), [1_000, 2_000, 0]);
    let inside = "SELECT count(*) FROM t WHERE b = 'm' || (a * 3) AND id BETWEEN 1000 AND 1999";
    assert_eq!(place.number(inside), 1_000);
    let now = place.standing(&mended());
    assert_eq!(
        (now.status, now.sweep, now.rerun),
        (JobStatus::Done, 2, None)
    );
    assert_eq!(now.counts.changed, 4_000);
    for range in place.open().walk_ranges("fill", None).unwrap() {
        let version = if range.again { mended() } else { doubled() }.version();
        assert_eq!(range.version, Some(version.to_string()), "{range:?}");
    }
    assert_eq!(place.undo(&mended(), 333), (4_000, 0));
    assert_eq!(counts(&place), [0, 0, 3_000]);
}

#[test]
fn a_range_of_an_earlier_walk_is_done_again() {
    let place = Place::new(&numbers(3_000));
    assert_eq!(place.fill(&doubled(), ranges_of(700)), JobStatus::Done);
    assert_eq!(rerun(&place, &mended(), &["1/2", "1/5"]), JobStatus::Done);
    let inside = "SELECT count(*) FROM t WHERE b = 'm' || (a * 3)
                  AND (id BETWEEN 701 AND 1400 OR id > 2800)";
    assert_eq!(
        (place.number(inside), counts(&place)),
        (900, [900, 2_100, 0])
    );
    // And once more, by the range of the rerun.
    let third = job("table = \"t\"\n[set]\nb = \"'third'\"");
    assert_eq!(rerun(&place, &third, &["3/2"]), JobStatus::Done);
    let inside = "SELECT count(*) FROM t WHERE b = 'third' AND id > 2800";
    assert_eq!(
        (place.number(inside), counts(&place)),
        (200, [700, 2_100, 0])
    );
    let found = place.open().verify(&third, 10, 1).unwrap();
    assert!(found.holds(), "{found:?}");
    let of: Vec<_> = found
        .definitions
        .iter()
        .map(|it| (it.rows, it.differ, it.differ_from_newest))
        .collect();
    assert_eq!(
        of,
        [
            (200, 0, Some(0)),
            (700, 0, Some(700)),
            (2_100, 0, Some(2_100))
        ]
    );
    let keys: Vec<i64> = found
        .samples
        .iter()
        .map(|it| it.key.parse().unwrap())
        .collect();
    assert!(
        keys.len() == 10 && keys.iter().all(|it| *it > 2_800),
        "{keys:?}"
    );
    place.run("UPDATE t SET b = 'spoiled' WHERE id IN (1, 701, 2900)");
    let found = place.open().verify(&third, 0, 1).unwrap();
    assert_eq!((found.differ, found.rows), (3, 3_000));
    assert!(found.definitions.iter().all(|it| it.differ == 1));
    place.run(
        "UPDATE t SET b = 'n2' WHERE id = 1; UPDATE t SET b = 'm2103' WHERE id = 701;
               UPDATE t SET b = 'third' WHERE id = 2900",
    );
    assert_eq!(place.undo(&third, 1_000).1, 0);
    assert_eq!(counts(&place), [0, 0, 3_000]);
}

#[test]
fn rows_that_refused_are_done_again_by_themselves() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT CHECK (length(b) < 5),
           CHECK (b IS NULL OR a <> 900 OR b <> 'm2700'));
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
         INSERT INTO t SELECT x, x, NULL FROM n",
    );
    let long =
        job("table = \"t\"\n[set]\nb = \"CASE WHEN a % 300 THEN 'n' || a ELSE 'too long' END\"");
    let short = job(
        "table = \"t\"\n[set]\nb = \"CASE WHEN a % 300 THEN 'n' || a WHEN a = 900 THEN 'too long' ELSE 'x' END\"",
    );
    assert_eq!(place.fill(&long, ranges_of(300)), JobStatus::Done);
    assert_eq!(place.standing(&long).counts.failed, 4);
    let begun = place
        .open()
        .rerun(&short, &[Part::Failed], &ranges_of(300), false)
        .unwrap();
    assert_eq!(begun.rows, 4);
    assert_eq!(
        drive(&mut place.hands(&short, "w"), 50).unwrap(),
        JobStatus::Done
    );
    // `n1000` is too long for both.
    let left: Vec<String> = place
        .open()
        .errors("fill", 10)
        .unwrap()
        .into_iter()
        .map(|it| it.key)
        .collect();
    assert_eq!(left, ["900", "1000"]);
    assert_eq!(place.standing(&short).counts.failed, 2);
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b = 'x'"), 2);
    let found = place.open().verify(&short, 5, 1).unwrap();
    assert_eq!((found.differ, found.failed), (0, 2), "{found:?}");
    // By their keys as well, and others that refused stay named.
    let last = job("table = \"t\"\n[set]\nb = \"'y'\"");
    assert_eq!(rerun(&place, &last, &["800..950"]), JobStatus::Done);
    assert_eq!(place.standing(&last).counts.failed, 1);
    place
        .open()
        .rerun(&last, &[Part::Failed], &ranges_of(300), false)
        .unwrap();
    drive(&mut place.hands(&last, "w"), 50).unwrap();
    let none = place
        .open()
        .rerun(&last, &[Part::Failed], &ranges_of(300), false);
    assert!(
        matches!(none, Err(BackfillError::Rerun(RerunError::NothingRefused))),
        "{none:?}"
    );
    assert_eq!(place.undo(&last, 100).1, 0);
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NULL"),
        1_000
    );
}

#[test]
fn a_range_that_names_no_rows_is_refused_and_nothing_is_begun() {
    let place = Place::new(&numbers(1_000));
    let error = again(&place, &mended(), &["1/1"]).unwrap_err();
    assert!(matches!(error, BackfillError::NoJob { .. }), "{error}");
    assert_eq!(place.fill(&doubled(), ranges_of(300)), JobStatus::Done);
    let state = || {
        (
            place.all("SELECT * FROM _switchback_backfill"),
            place.all("SELECT * FROM _switchback_backfill_range"),
            place.all("SELECT * FROM _switchback_backfill_rerun"),
            place.all("SELECT * FROM t"),
        )
    };
    let was = state();
    for (text, part) in [
        ("9/1", "there is no range 9/1"),
        ("1/7000", "there is no range 1/7000"),
        ("2000..3000", "no row of t has a key in 2000..3000"),
        ("20..10", "20 comes after 10"),
        ("1..x", "x is no key of t"),
        ("1..99999999999999999999", "is no key of t"),
        ("1..2.5", "is no key of t"),
        ("';drop table t..2", "is no key of t"),
        ("[1,2]..[3,4]", "has one column"),
    ] {
        let error = again(&place, &mended(), &["1..10", text]).unwrap_err();
        assert!(
            matches!(error, BackfillError::Rerun(RerunError::Wrong { .. })),
            "{text}: {error:?}"
        );
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(state(), was, "{text}");
    }
    for text in [
        "table = \"t\"\n[set]\na = \"1\"",
        "table = \"t\"\nkeep-undo = false\n[set]\nb = \"'x'\"",
    ] {
        let error = again(&place, &job(text), &["1..10"]).unwrap_err();
        assert!(
            matches!(error, BackfillError::OtherColumns { .. }),
            "{error:?}"
        );
    }
    let parts = ["5..14".parse().unwrap()];
    let would = place
        .open()
        .rerun(&mended(), &parts, &ranges_of(300), true)
        .unwrap();
    assert_eq!((would.rows, would.ranges.len()), (10, 1));
    assert_eq!(state(), was);
    place.undo(&doubled(), 500);
    let error = again(&place, &mended(), &["1..10"]).unwrap_err();
    assert!(matches!(error, BackfillError::Status { .. }), "{error:?}");
}

#[test]
fn keys_of_every_kind_say_which_rows() {
    for (table, texts, rows) in [
        (
            "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, a INTEGER, b TEXT) WITHOUT ROWID;
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 900)
             INSERT INTO t SELECT 'K''' || x, x, NULL FROM n",
            &["k'10..k'19z"][..],
            110,
        ),
        (
            "CREATE TABLE t (r TEXT, id INTEGER, a INTEGER, b TEXT, PRIMARY KEY (r, id DESC)) WITHOUT ROWID;
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 900)
             INSERT INTO t SELECT 'r' || (x % 3), x, x, NULL FROM n",
            &[r#"["r1",400]..["r1",1]"#, r#"["r2",5000]..["r2",899]"#][..],
            135,
        ),
        (
            "CREATE TABLE t (id INTEGER, a INTEGER, b TEXT, PRIMARY KEY (id DESC)) WITHOUT ROWID;
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 900)
             INSERT INTO t SELECT x, x, NULL FROM n",
            &["100..199", "890.."][..],
            111,
        ),
        (
            "CREATE TABLE t (a INTEGER, b TEXT);
             WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 900)
             INSERT INTO t SELECT x, NULL FROM n",
            &["..99", "850..900"][..],
            150,
        ),
    ] {
        let place = Place::new(table);
        assert_eq!(place.fill(&doubled(), ranges_of(200)), JobStatus::Done);
        assert_eq!(rerun(&place, &mended(), texts), JobStatus::Done, "{table}");
        assert_eq!(counts(&place), [rows, 900 - rows, 0], "{table}");
        let found = place.open().verify(&mended(), 5, 1).unwrap();
        assert!(found.holds(), "{table}: {found:?}");
        assert_eq!(found.definitions[0].rows, rows.unsigned_abs(), "{table}");
        let third = job("table = \"t\"\n[set]\nb = \"'third'\"");
        assert_eq!(rerun(&place, &third, &["1/2"]), JobStatus::Done, "{table}");
        assert_eq!(place.number("SELECT count(*) FROM t WHERE b = 'third'"), 200);
        assert_eq!(place.undo(&third, 100).1, 0, "{table}");
        assert_eq!(counts(&place), [0, 0, 900], "{table}");
    }
}

#[test]
fn a_walk_that_was_paused_goes_on_afterwards() {
    let place = Place::new(&numbers(2_000));
    place.begin(&doubled(), ranges_of(600));
    let mut one = place.hands(&doubled(), "one");
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    while matches!(one.batch(100).unwrap(), Got::Done(it) if !it.last) {}
    place.open().ask("fill", JobStatus::Paused).unwrap();
    place.run("UPDATE t SET a = a + 1 WHERE id <= 100");
    let error = again(&place, &mended(), &["1..50"]).unwrap_err();
    assert!(
        matches!(error, BackfillError::OtherDefinition { .. }),
        "{error:?}"
    );
    assert_eq!(rerun(&place, &doubled(), &["1..100"]), JobStatus::Paused);
    let now = place.standing(&doubled());
    assert_eq!(
        (now.sweep, now.total, now.sweep_scanned),
        (1, Some(2_000), 600)
    );
    assert_eq!(counts(&place), [0, 600, 1_400]);
    assert_eq!(
        place.open().begin(&doubled(), &ranges_of(600)).unwrap(),
        switchback_db::sqlite::backfill::Begun::Resumed
    );
    let ended = drive(&mut place.hands(&doubled(), "two"), 100).unwrap();
    assert_eq!((ended, counts(&place)), (JobStatus::Done, [0, 2_000, 0]));
    place.undo(&doubled(), 500);
    assert_eq!(counts(&place), [0, 0, 2_000]);
}

#[test]
fn whoever_asks_for_the_same_takes_part_and_for_something_else_is_told() {
    let place = Place::new(&numbers(2_000));
    assert_eq!(place.fill(&doubled(), ranges_of(600)), JobStatus::Done);
    again(&place, &mended(), &["1..500", "1000..1500"]).unwrap();
    let mut one = place.hands(&mended(), "one");
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    assert!(matches!(one.batch(100).unwrap(), Got::Done(_)));
    let same = again(&place, &mended(), &["1000..1500", "1..500"]).unwrap();
    assert_eq!((same.resumed, same.rows), (true, 1_001));
    let error = again(&place, &mended(), &["1..501"]).unwrap_err();
    assert!(
        matches!(&error, BackfillError::Rerun(RerunError::Other { asked }) if asked == "1..500 1000..1500"),
        "{error:?}"
    );
    let error = again(&place, &doubled(), &["1..500", "1000..1500"]).unwrap_err();
    assert!(
        matches!(error, BackfillError::OtherDefinition { .. }),
        "{error:?}"
    );
    // Whoever was at it with the older file does nothing any more.
    let mut old = place.hands(&doubled(), "old");
    assert!(old.claim().is_err());
    let two = std::thread::scope(|scope| {
        let two = scope.spawn(|| drive(&mut place.hands(&mended(), "two"), 50).unwrap());
        assert_eq!(drive(&mut one, 50).unwrap(), JobStatus::Done);
        two.join().unwrap()
    });
    assert_eq!((two, counts(&place)), (JobStatus::Done, [1_001, 999, 0]));
    // What is called off may be begun again, and everything is undone.
    again(&place, &doubled(), &["1..100"]).unwrap();
    place.open().ask("fill", JobStatus::Cancelled).unwrap();
    assert_eq!(place.standing(&doubled()).rerun, None);
    assert_eq!(rerun(&place, &doubled(), &["1..200"]), JobStatus::Cancelled);
    assert_eq!(counts(&place), [801, 1_199, 0]);
    assert_eq!(place.undo(&doubled(), 500).1, 0);
    assert_eq!(counts(&place), [0, 0, 2_000]);
}
