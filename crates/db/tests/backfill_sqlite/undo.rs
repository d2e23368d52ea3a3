//! Putting back what was changed, and what was changed since.

use super::*;
use switchback_db::backfill::Expired;

#[test]
fn what_somebody_changed_since_is_never_overwritten() {
    let place = Place::new(&numbers(1_000));
    place.run("ALTER TABLE t ADD COLUMN c");
    let job = job("table = \"t\"\n[set]\nb = \"'n' || a\"\nc = \"a\"");
    assert_eq!(place.fill(&job, ranges_of(300)), JobStatus::Done);
    place.run(
        "UPDATE t SET b = 'mine' WHERE id = 10;
         UPDATE t SET c = 20.0 WHERE id = 20; -- the same number of another type
         UPDATE t SET a = 0 WHERE id = 30; -- another column
         UPDATE t SET b = 'mine' WHERE id = 40; UPDATE t SET b = 'n40' WHERE id = 40;
         DELETE FROM t WHERE id = 50;
         INSERT INTO t VALUES (2000, 0, 'n1', 1);",
    );
    assert_eq!(place.undo(&job, 77), (997, 3));
    let conflicts = place.open().conflicts("fill", 10).unwrap();
    let said: Vec<_> = conflicts
        .iter()
        .map(|it| (it.key.as_str(), it.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("10", "changed since: `b`"),
            ("20", "changed since: `c`"),
            ("50", "deleted since"),
        ]
    );
    let standing = place.standing(&job);
    assert_eq!((standing.conflicts, standing.deleted), (3, 1));
    // A row is put back as a whole or not at all.
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NULL AND c IS NULL"),
        997
    );
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE id = 10 AND b = 'mine' AND c = 10"),
        1
    );
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE id = 20 AND b = 'n20' AND c = 20"),
        1
    );
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE id = 2000 AND b = 'n1'"),
        1
    );
    let listed = &place.open().jobs().unwrap()[0];
    assert_eq!(
        (listed.restored, listed.conflicting, listed.undo_bytes),
        (997, 3, 0)
    );
    assert_eq!(
        place.number("SELECT count(*) FROM _switchback_backfill_undo"),
        0
    );
}

#[test]
fn a_row_that_was_changed_in_several_walks_goes_back_through_all() {
    let place = Place::new(&numbers(100));
    let job = doubled();
    place.begin(&job, ranges_of(100));
    let mut hands = place.hands(&job, "one");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(100).unwrap(), Got::Done(_)));
    // The application empties some and moves others on; the next walk fills them again.
    place.run(
        "UPDATE t SET b = NULL WHERE id = 1; UPDATE t SET a = 1000 WHERE id = 2;
               UPDATE t SET b = 'mine' WHERE id = 3",
    );
    assert_eq!(drive(&mut hands, 100).unwrap(), JobStatus::Done);
    assert_eq!(place.standing(&job).counts.changed, 103);
    let (restored, conflicts) = place.undo(&job, 40);
    // What the application wrote in between stays, as it does without a backfill.
    assert_eq!((restored, conflicts), (101, 2));
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 99);
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE id = 3 AND b = 'mine'"),
        1
    );
}

#[test]
fn every_type_comes_back_exactly() {
    let place = Place::new("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    let connection = place.application();
    let values = [
        "NULL",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "0.1",
        "9e999",
        "-9e999",
        "1.0",
        "1",
        "''",
        "'1'",
        "'é'",
        "CAST(x'ff00fe' AS TEXT)",
        "CAST(x'00' AS TEXT)",
        "x''",
        "x'00ff'",
        "zeroblob(100000)",
        "CAST(zeroblob(70) AS TEXT)",
        "'12.50'",
    ];
    for value in values {
        connection
            .execute_batch(&format!("INSERT INTO t (v) VALUES ({value})"))
            .unwrap();
    }
    let exact = "SELECT id, typeof(v), hex(CAST(v AS BLOB)), CASE typeof(v) WHEN 'real' THEN v END
                 FROM t ORDER BY id";
    let before = place.all(exact);
    for written in [
        "'x'",
        "zeroblob(40 + id)",
        "CAST(randomblob(50) AS TEXT)",
        "NULL",
        "0.5",
    ] {
        // Chosen by length, so that what chance wrote is not written again.
        let only = "typeof(v) IS NOT 'text' OR length(CAST(v AS BLOB)) IS NOT 50";
        let text = format!("table = \"t\"\nonly = \"{only}\"\n[set]\nv = \"{written}\"");
        let job = job(&text);
        assert_eq!(place.fill(&job, ranges_of(7)), JobStatus::Done, "{written}");
        assert_ne!(place.all(exact), before);
        let (restored, conflicts) = place.undo(&job, 3);
        assert!(
            restored >= 19 && conflicts == 0,
            "{written}: {restored} {conflicts}"
        );
        assert_eq!(place.all(exact), before, "{written}");
    }
}

#[test]
fn a_long_value_that_was_changed_in_one_byte_is_a_conflict() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)",
    );
    let job = job("table = \"t\"\n[set]\nv = \"printf('%.1000c', 'x')\"");
    assert_eq!(place.fill(&job, ranges_of(7)), JobStatus::Done);
    assert!(place.open().jobs().unwrap()[0].undo_bytes < 300);
    place.run(
        "UPDATE t SET v = substr(v, 1, 999) || 'y' WHERE id = 1;
               UPDATE t SET v = CAST(v AS BLOB) WHERE id = 2",
    );
    assert_eq!(place.undo(&job, 9), (1, 2));
    assert_eq!(place.number("SELECT v FROM t WHERE id = 3"), 3);
}

#[test]
fn a_row_that_cannot_be_put_back_is_a_conflict() {
    let place = Place::new(&numbers(100));
    let job = doubled();
    assert_eq!(place.fill(&job, ranges_of(50)), JobStatus::Done);
    place.run(
        "CREATE TRIGGER no BEFORE UPDATE ON t WHEN new.a = 7
           BEGIN SELECT RAISE(ABORT, 'not this one'); END;
         CREATE TRIGGER thrown AFTER UPDATE ON t WHEN new.a = 60
           BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END;",
    );
    assert_eq!(place.undo(&job, 1_000), (98, 2));
    let conflicts = place.open().conflicts("fill", 10).unwrap();
    let said: Vec<_> = conflicts
        .iter()
        .map(|it| (it.key.as_str(), it.message.as_str()))
        .collect();
    assert_eq!(said, [("7", "not this one"), ("60", "all of it")]);
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 98);
}

#[test]
fn what_was_not_kept_or_was_deleted_cannot_be_put_back() {
    let place = Place::new(&numbers(1_000));
    let none = job("table = \"t\"\nkeep-undo = false\n[set]\nb = \"'x'\"");
    assert_eq!(place.fill(&none, ranges_of(100)), JobStatus::Done);
    let db = place.open();
    let error = db.ask("fill", JobStatus::Undoing).unwrap_err();
    assert!(error.to_string().contains("were not kept"), "{error}");
    assert_eq!(
        place.number("SELECT count(*) FROM _switchback_backfill_undo"),
        0
    );

    let kept = doubled();
    let anew = BeginOptions {
        anew: true,
        ..ranges_of(100)
    };
    assert_eq!(place.fill(&kept, anew), JobStatus::Done);
    let segments = place
        .number("SELECT count(*) FROM _switchback_backfill_undo")
        .unsigned_abs();
    let early = Some(Timestamp::from_millis(1_600_000_000_000));
    let forgot = db.forget_undo("fill", early, 4).unwrap();
    assert_eq!((forgot.deleted, forgot.left), (0, 0));
    db.ask("fill", JobStatus::Undoing).unwrap();
    assert!(db.forget_undo("fill", None, 4).is_err());
    assert_eq!(place.undo(&kept, 1_000), (1_000, 0));

    assert_eq!(place.fill(&kept, anew), JobStatus::Done);
    let forgot = db.forget_undo("fill", None, 4).unwrap();
    assert_eq!((forgot.deleted, forgot.left), (4, segments - 4));
    let error = db.ask("fill", JobStatus::Undoing).unwrap_err();
    assert!(error.to_string().contains("were deleted"), "{error}");
    while db.forget_undo("fill", None, 4).unwrap().left > 0 {}
    assert_eq!(db.jobs().unwrap()[0].undo_bytes, 0);
    assert_eq!(
        place.number("SELECT count(*) FROM _switchback_backfill_undo"),
        0
    );
}

#[test]
fn former_values_are_kept_up_to_a_limit() {
    let place = Place::new(&numbers(1_000));
    let job = doubled();
    let options = BeginOptions {
        most_undo_bytes: Some(5_000),
        ..ranges_of(100)
    };
    assert_eq!(place.fill(&job, options), JobStatus::Failed);
    let error = place.standing(&job).error.unwrap();
    assert!(error.contains("5000 bytes"), "{error}");
    assert!(place.open().jobs().unwrap()[0].undo_bytes <= 5_000);
    let changed = place
        .number("SELECT count(*) FROM t WHERE b IS NOT NULL")
        .unsigned_abs();
    assert!(changed >= 100);
    assert_eq!(place.undo(&job, 1_000), (changed, 0));
}

#[test]
fn rows_of_a_table_that_is_gone_are_not_forgotten() {
    let place = Place::new(&numbers(100));
    let job = doubled();
    assert_eq!(place.fill(&job, ranges_of(50)), JobStatus::Done);
    place.run("ALTER TABLE t RENAME TO s");
    let db = place.open();
    db.ask("fill", JobStatus::Undoing).unwrap();
    assert!(db.undo("fill", 10).is_err());
    place.run("ALTER TABLE s RENAME TO t");
    assert_eq!(place.undo(&job, 10), (100, 0));
}

#[test]
fn what_has_expired_is_dropped_and_cannot_be_undone() {
    let hour = Duration::from_secs(3600);
    let place = Place::new(&numbers(1_000));
    let job = doubled();
    assert_eq!(place.open().kept("fill", hour).unwrap(), None);
    assert_eq!(place.fill(&job, ranges_of(100)), JobStatus::Done);
    let db = place.open();
    let kept = db.kept("fill", hour).unwrap().unwrap();
    assert_eq!((kept.rows, kept.due, kept.expired), (1_000, false, None));
    let now = place.clock.load(Ordering::SeqCst);
    assert_eq!(kept.until, Some(Timestamp::from_millis(now + 3_600_000)));
    assert_eq!(db.expire("fill", hour, 1).unwrap(), Expired::Nothing);
    place.pass(hour);
    assert!(db.kept("fill", hour).unwrap().unwrap().due);
    // While it is undone it is not over.
    db.ask("fill", JobStatus::Undoing).unwrap();
    assert_eq!(db.expire("fill", hour, 1).unwrap(), Expired::Nothing);
    place.run(
        "UPDATE _switchback_backfill SET status = 'done', finished_at = '2023-11-14T22:13:20Z'",
    );
    assert_eq!(db.expire("fill", hour, 2).unwrap(), Expired::Some);
    let half = db.kept("fill", hour).unwrap().unwrap();
    assert!(
        half.dropped_rows > 0 && half.dropped_bytes > half.dropped_rows,
        "{half:?}"
    );
    assert_eq!(half.rows + half.dropped_rows, 1_000);
    let error = db.ask("fill", JobStatus::Undoing).unwrap_err();
    assert!(
        matches!(error, BackfillError::Expired { at, .. } if Some(at) == half.expired),
        "{error:?}"
    );
    while db.expire("fill", hour, 2).unwrap() == Expired::Some {}
    let all = db.kept("fill", hour).unwrap().unwrap();
    assert_eq!((all.rows, all.dropped_rows), (0, 1_000));
    assert_eq!(db.expire("fill", hour, 2).unwrap(), Expired::Nothing);
    assert_eq!(place.standing(&job).undo_bytes, Some(0));
    // Begun anew it is undone to before that.
    place.run("UPDATE t SET b = 'mine' WHERE id <= 10");
    let anew = BeginOptions {
        anew: true,
        ..ranges_of(100)
    };
    assert_eq!(place.fill(&job, anew), JobStatus::Done);
    assert_eq!(place.undo(&job, 100), (10, 0));
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b = 'mine'"), 10);
}

/// Who writes what the first of two walks wrote has written it himself.
#[test]
fn what_somebody_wrote_is_left_alone_whatever_it_is() {
    let place = Place::new(&numbers(100));
    assert_eq!(place.fill(&doubled(), ranges_of(100)), JobStatus::Done);
    let again = job("table = \"t\"\n[set]\nb = \"'again'\"");
    let parts = ["1..50".parse().unwrap()];
    place
        .open()
        .rerun(&again, &parts, &ranges_of(100), false)
        .unwrap();
    drive(&mut place.hands(&again, "w"), 100).unwrap();
    place.run("UPDATE t SET b = 'n' || (a * 2) WHERE id IN (7, 77); DELETE FROM t WHERE id = 8");
    place.undo(&again, 30);
    // Of row 77 nobody can tell who wrote it.
    assert_eq!(place.number("SELECT sum(id) FROM t WHERE b IS NOT NULL"), 7);
    let standing = place.standing(&again);
    assert_eq!((standing.conflicts, standing.deleted), (2, 1));
}
