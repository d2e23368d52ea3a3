//! Jobs as people deal with them.

use switchback_db::sqlite::DbError;
use switchback_db::sqlite::backfill::{Begun, facts};
use switchback_migration::backfill::{Strategy, choose};

use super::*;

#[test]
fn another_definition_is_refused_unless_it_begins_anew() {
    let place = Place::new(&numbers(100));
    let first = doubled();
    assert_eq!(place.fill(&first, BeginOptions::default()), JobStatus::Done);
    let db = place.open();
    assert_eq!(
        db.begin(&first, &BeginOptions::default()).unwrap(),
        Begun::Done
    );
    let other = job("table = \"t\"\n[set]\nb = \"'m' || a\"");
    let error = db.begin(&other, &BeginOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&first.version().to_string()), "{text}");
    assert!(text.contains(&other.version().to_string()), "{text}");
    // A worker with the new one gets nowhere either.
    let mut hands = place.hands(&other, "two");
    assert_eq!(hands.claim().unwrap_err(), error);

    let anew = BeginOptions {
        anew: true,
        ..BeginOptions::default()
    };
    assert_eq!(db.begin(&other, &anew).unwrap(), Begun::Started);
    assert_eq!(
        drive(&mut place.hands(&other, "two"), 10).unwrap(),
        JobStatus::Done
    );
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b = 'm' || a"),
        100
    );
    let old = place.hands(&first, "three").claim().unwrap_err();
    assert!(
        matches!(old, BackfillError::OtherDefinition { .. }),
        "{old}"
    );
    // Back to before the first time, through both.
    assert_eq!(place.undo(&other, 30), (200, 0));
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 100);
    assert_eq!(
        db.begin(&first, &BeginOptions::default()).unwrap(),
        Begun::Started
    );
}

#[test]
fn a_title_is_not_another_definition() {
    let place = Place::new(&numbers(1));
    place.begin(&doubled(), BeginOptions::default());
    let titled = job("title = \"x\"\ntable = \"t\"\n[set]\nb = \"'n' || (a * 2)\"");
    let begun = place.open().begin(&titled, &BeginOptions::default());
    assert_eq!(begun.unwrap(), Begun::Running);
}

#[test]
fn a_job_is_paused_resumed_and_called_off() {
    let place = Place::new(&numbers(1_000));
    let job = doubled();
    place.begin(&job, ranges_of(300));
    let db = place.open();
    let mut hands = place.hands(&job, "one");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(100).unwrap(), Got::Done(_)));
    assert_eq!(place.standing(&job).leased, 1);
    db.ask("fill", JobStatus::Paused).unwrap();
    assert_eq!(hands.batch(100).unwrap(), Got::Ended(JobStatus::Paused));
    assert_eq!(hands.renew().unwrap(), Got::Ended(JobStatus::Paused));
    assert_eq!(hands.claim().unwrap(), Got::Ended(JobStatus::Paused));
    assert_eq!(hands.close().unwrap(), Got::Ended(JobStatus::Paused));
    let standing = place.standing(&job);
    // The range was given back: nobody waits for the lease.
    assert_eq!((standing.status, standing.leased), (JobStatus::Paused, 0));
    assert_eq!(standing.counts.changed, 100);
    db.ask("fill", JobStatus::Running).unwrap();
    let mut other = place.hands(&job, "two");
    assert_eq!(other.claim().unwrap(), Got::Claimed);
    let range = &db.ranges("fill").unwrap()[0];
    assert_eq!(
        (range.epoch, range.attempts, range.place.as_deref()),
        (2, 2, Some("100"))
    );
    db.ask("fill", JobStatus::Cancelled).unwrap();
    assert_eq!(other.batch(100).unwrap(), Got::Ended(JobStatus::Cancelled));
    for refused in [
        db.ask("fill", JobStatus::Running),
        db.ask("fill", JobStatus::Paused),
    ] {
        assert!(
            matches!(refused, Err(BackfillError::Status { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NOT NULL"),
        100
    );
    assert_eq!(place.undo(&job, 1_000), (100, 0));
    let listed = db.jobs().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].job.as_str(), listed[0].table.as_str()),
        ("fill", "t")
    );
    assert_eq!((listed[0].restored, listed[0].undo_bytes), (100, 0));
    assert!(
        listed[0].started_at.starts_with("2023-11-14T"),
        "{}",
        listed[0].started_at
    );
    assert!(listed[0].finished_at.is_some());
}

#[test]
fn nothing_is_made_before_a_job_is_begun() {
    let place = Place::new(&numbers(1));
    let db = place.open();
    assert_eq!(db.standing("fill").unwrap(), None);
    assert!(db.jobs().unwrap().is_empty());
    assert!(db.errors("fill", 10).unwrap().is_empty());
    assert!(db.ranges("fill").unwrap().is_empty());
    let none = db.ask("fill", JobStatus::Paused).unwrap_err();
    assert!(matches!(none, BackfillError::NoJob { .. }), "{none}");
    assert_eq!(place.number("SELECT count(*) FROM sqlite_schema"), 1);
}

#[test]
fn another_format_is_refused() {
    let place = Place::new(&numbers(1));
    place.begin(&doubled(), BeginOptions::default());
    let db = place.open();
    for found in [1, 2, 4] {
        let set = format!("UPDATE _switchback_backfill_format SET version = {found}");
        place.run(&set);
        let other = BackfillError::Db(DbError::Format { found, known: 3 });
        assert_eq!(db.standing("fill").unwrap_err(), other);
        let again = Backfills::open(&place.path, BackfillOptions::default(), place.clock());
        assert_eq!(again.unwrap_err(), other);
    }
}

#[test]
fn what_cannot_be_walked_is_refused() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, g AS (a + 1), s TEXT);
         CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
         CREATE VIEW v AS SELECT * FROM t; CREATE VIRTUAL TABLE f USING fts5 (x);",
    );
    let db = place.open();
    let refused = |text: &str| {
        let error = db.begin(&job(text), &BeginOptions::default()).unwrap_err();
        error.to_string()
    };
    for (text, says) in [
        (
            "table = \"nowhere\"\n[set]\na = \"1\"",
            "no table `nowhere`",
        ),
        ("table = \"t\"\n[set]\nz = \"1\"", "no column `z`"),
        ("table = \"t\"\n[set]\na = \"z + 1\"", "no column `z`"),
        (
            "table = \"t\"\nonly = \"z\"\n[set]\na = \"1\"",
            "no column `z`",
        ),
        (
            "table = \"t\"\n[set]\nid = \"id + 1\"",
            "rows are walked by it",
        ),
        ("table = \"t\"\n[set]\nrowid = \"1\"", "no column `rowid`"),
        ("table = \"w\"\n[set]\nk = \"'x'\"", "rows are walked by it"),
        ("table = \"t\"\n[set]\ng = \"1\"", "generated"),
        (
            "table = \"t\"\n[set]\na = \"1), (2\"",
            "not one SQL expression",
        ),
        ("table = \"t\"\n[set]\na = \"?1\"", "has a parameter"),
        ("table = \"t\"\n[set]\na = \"1); DROP TABLE t; --\"", ""),
        (
            "table = \"v\"\n[set]\na = \"1\"",
            "not a table that stores rows",
        ),
        (
            "table = \"f\"\n[set]\nx = \"1\"",
            "not a table that stores rows",
        ),
    ] {
        let said = refused(text);
        assert!(said.contains(says), "{text}: {said}");
    }
    assert_eq!(
        place.number("SELECT count(*) FROM sqlite_schema WHERE name = 't'"),
        1
    );
    place.begin(
        &job("table = \"t\"\n[set]\na = \"1\""),
        BeginOptions::default(),
    );
    let own = refused("table = \"_switchback_backfill\"\n[set]\nerror = \"1\"");
    assert!(own.contains("Switchback's own"), "{own}");
}

#[test]
fn what_the_catalog_says_of_a_table() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c UNIQUE);
         CREATE INDEX on_a ON t (a); CREATE INDEX on_sum ON t (id + b) WHERE c;
         CREATE TRIGGER seen AFTER UPDATE OF a ON t BEGIN SELECT 1; END;
         CREATE TRIGGER \"update\" AFTER DELETE ON t BEGIN SELECT 1; END;
         INSERT INTO t VALUES (1, 2, 3, 4), (2, 2, 3, 5);
         CREATE TABLE w (k TEXT, n INT, v, PRIMARY KEY (n DESC, k)) WITHOUT ROWID;",
    );
    let of = |text: &str| {
        let job = job(text);
        (facts(&place.path, &job).unwrap(), job)
    };
    let (facts, job) = of("table = \"T\"\n[set]\nB = \"1\"");
    assert_eq!(facts.indexes_on_written, ["on_sum"]);
    assert_eq!(facts.triggers, ["seen"]);
    assert_eq!((facts.rows, facts.indexes, facts.leaves), (Some(2), 3, 1));
    assert!(facts.key[0].integer && facts.bytes > 0 && facts.version > 3_000_000);
    let choice = choose(&facts, &job, None).unwrap();
    assert_eq!(choice.strategy, Strategy::KeyRange);
    let warned = choice.warnings.join(" ");
    assert!(
        warned.contains("on_sum") && warned.contains("seen"),
        "{warned}"
    );
    let (facts, _) = of("table = \"w\"\n[set]\nv = \"1\"");
    let key: Vec<_> = facts
        .key
        .iter()
        .map(|it| (it.name.as_str(), it.integer))
        .collect();
    assert_eq!(key, [("n", true), ("k", false)]);
    assert_eq!(facts.indexes, 0);
    // What was counted is believed, however large the table is.
    place.run("ANALYZE; UPDATE sqlite_stat1 SET stat = '5000000 1' WHERE tbl = 't'");
    let (facts, _) = of("table = \"t\"\n[set]\nb = \"1\"");
    assert_eq!(facts.rows, Some(5_000_000));
}
