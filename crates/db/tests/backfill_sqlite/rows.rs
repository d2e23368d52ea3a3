//! Rows that cannot be changed, and values that are almost what they should be.

use super::*;

/// Rows of which some break a rule: each in another way.
const BAD: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT CHECK (b <> 'n26'), u INTEGER UNIQUE);
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)
      INSERT INTO t SELECT x, x, NULL, NULL FROM n;
    UPDATE t SET u = 777 WHERE id = 5;
    UPDATE t SET a = -9223372036854775807 - 1 WHERE id IN (900, 901, 1999);
    CREATE TRIGGER no AFTER UPDATE OF b ON t WHEN new.a = 500
      BEGIN SELECT RAISE(ABORT, 'not this one'); END;
    CREATE TRIGGER fail AFTER UPDATE OF b ON t WHEN new.a = 501
      BEGIN UPDATE t SET a = 0 WHERE id = 1; SELECT RAISE(FAIL, 'nor this one'); END;
    CREATE TRIGGER thrown AFTER UPDATE OF b ON t WHEN new.a IN (1000, 1700)
      BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END;
    CREATE TRIGGER ignored BEFORE UPDATE OF b ON t WHEN new.a = 1500
      BEGIN SELECT RAISE(IGNORE); END;
    CREATE TRIGGER reverted AFTER UPDATE OF b ON t WHEN new.a = 1600 AND new.b IS NOT old.b
      BEGIN UPDATE t SET b = old.b, u = old.u WHERE id = new.id; END;";

const BAD_KEYS: [i64; 11] = [13, 77, 500, 501, 900, 901, 1000, 1500, 1600, 1700, 1999];

#[test]
fn rows_that_fail_are_found_noted_and_passed_over() {
    // 777 is taken, and `abs` of the smallest number fails.
    let job = job(
        "table = \"t\"\nonly = \"id <> 5\"\n[set]\nb = \"'n' || (abs(a) * 2)\"\n\
         u = \"CASE a WHEN 77 THEN 777 ELSE -id END\"",
    );
    for rows in [1, 7, 500, 5_000] {
        let place = Place::new(BAD);
        let before = place.all("SELECT * FROM t");
        place.begin(&job, ranges_of(800));
        assert_eq!(
            drive(&mut place.hands(&job, "one"), rows).unwrap(),
            JobStatus::Done
        );
        let bad = BAD_KEYS.map(|it| it.to_string()).join(", ");
        let right = format!(
            "SELECT count(*) FROM t WHERE b IS 'n' || (id * 2) AND u = -id AND a = id
             AND id NOT IN (5, {bad})"
        );
        assert_eq!(place.number(&right), 2000 - 1 - 11);
        let untouched = format!("SELECT * FROM t WHERE id IN ({bad})");
        let keep = |row: &Vec<Value>| BAD_KEYS.iter().any(|key| row[0] == Value::Integer(*key));
        let were: Vec<_> = before.iter().filter(|row| keep(row)).cloned().collect();
        assert_eq!(place.all(&untouched), were);
        let standing = place.standing(&job);
        assert_eq!(
            (standing.counts.failed, standing.counts.changed),
            (11, 1988)
        );
        let errors = place.open().errors("fill", 100).unwrap();
        let keys: Vec<i64> = errors.iter().map(|it| it.key.parse().unwrap()).collect();
        assert_eq!(keys, BAD_KEYS);
        for (key, says) in [
            ("13", "CHECK constraint failed"),
            ("77", "UNIQUE constraint failed: t.u"),
            ("500", "not this one"),
            ("501", "nor this one"),
            ("900", "integer overflow"),
            ("1000", "all of it"),
            ("1500", "a trigger on t keeps the row"),
            ("1600", "a trigger on t keeps the row"),
        ] {
            let error = errors.iter().find(|it| it.key == key).unwrap();
            assert!(error.message.contains(says), "{error:?}");
        }
        assert_eq!(place.open().errors("fill", 3).unwrap().len(), 3);
        place.run("DROP TRIGGER thrown");
        assert_eq!(place.undo(&job, 300), (1988, 0));
        assert_eq!(place.all("SELECT * FROM t"), before);
    }
}

#[test]
fn the_first_row_that_fails_stops_the_job_if_it_should() {
    let place = Place::new(&numbers(1_000));
    place.run(
        "CREATE TRIGGER no BEFORE UPDATE ON t WHEN new.a = 700
               BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    );
    let job = doubled();
    let options = BeginOptions {
        stop_on_error: true,
        ..ranges_of(300)
    };
    assert_eq!(place.fill(&job, options), JobStatus::Failed);
    let standing = place.standing(&job);
    assert_eq!(standing.error.as_deref(), Some("row 700: not this one"));
    assert_eq!(standing.leased, 0);
    let range = &place.open().ranges("fill").unwrap()[2];
    assert_eq!(
        (range.status.as_str(), range.error.as_deref()),
        ("waiting", Some("not this one"))
    );
    assert!(place.number("SELECT count(*) FROM t WHERE b IS NOT NULL") >= 600);
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NOT NULL AND id > 699"),
        0
    );
    // Once the cause is gone it goes on, and has nothing against the row any more.
    place.run("DROP TRIGGER no");
    assert_eq!(place.fill(&job, options), JobStatus::Done);
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 0);
    let standing = place.standing(&job);
    assert_eq!(
        (standing.counts.failed, standing.counts.changed),
        (0, 1_000)
    );
    assert!(place.open().errors("fill", 10).unwrap().is_empty());
}

#[test]
fn too_many_rows_that_fail_fail_the_job_and_all_are_tried_again() {
    let place = Place::new(&numbers(1_000));
    place.run(
        "CREATE TRIGGER no BEFORE UPDATE ON t WHEN new.a % 10 = 0
               BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    );
    let job = doubled();
    let options = BeginOptions {
        most_errors: 20,
        ..ranges_of(100)
    };
    assert_eq!(place.fill(&job, options), JobStatus::Failed);
    let standing = place.standing(&job);
    let error = standing.error.unwrap();
    assert!(
        error.contains("more than 20 rows cannot be changed"),
        "{error}"
    );
    place.run("DROP TRIGGER no");
    assert_eq!(place.fill(&job, options), JobStatus::Done);
    // Also those in ranges that were done.
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 0);
    assert_eq!(place.standing(&job).counts.failed, 0);
}

#[test]
fn a_deferred_foreign_key_fails_the_row_and_not_the_others() {
    let place = Place::new(&numbers(500));
    place.run(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         INSERT INTO parent SELECT id FROM t WHERE id NOT IN (3, 250, 251, 500);
         ALTER TABLE t ADD COLUMN p REFERENCES parent DEFERRABLE INITIALLY DEFERRED",
    );
    let job = job("table = \"t\"\n[set]\np = \"a\"");
    assert_eq!(place.fill(&job, ranges_of(200)), JobStatus::Done);
    let left = place.all("SELECT id FROM t WHERE p IS NULL");
    let left: Vec<_> = left.into_iter().flatten().collect();
    assert_eq!(left, [3, 250, 251, 500].map(Value::Integer));
    let errors = place.open().errors("fill", 10).unwrap();
    assert_eq!(errors.len(), 4);
    assert!(
        errors.iter().all(|it| it.message.contains("FOREIGN KEY")),
        "{errors:?}"
    );
}

#[test]
fn something_that_always_differs_fails_after_five_walks() {
    let place = Place::new(&numbers(50));
    let job = job("table = \"t\"\n[set]\nb = \"random()\"");
    assert_eq!(place.fill(&job, ranges_of(20)), JobStatus::Failed);
    let standing = place.standing(&job);
    assert_eq!(standing.sweep, 5);
    let error = standing.error.unwrap();
    assert!(
        error.contains("rows still differ") && error.contains("50"),
        "{error}"
    );
    // Whatever it wrote is known exactly.
    assert_eq!(place.undo(&job, 20), (250, 0));
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 50);
}

#[test]
fn rows_that_are_chosen_by_chance_are_all_undone() {
    let place = Place::new(&numbers(3_000));
    let job = job("table = \"t\"\nonly = \"random() % 2\"\n[set]\nb = \"'x'\"");
    place.begin(&job, ranges_of(1_000));
    let mut hands = place.hands(&job, "one");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(1_000).unwrap(), Got::Done(_)));
    let changed = place.number("SELECT count(*) FROM t WHERE b = 'x'");
    assert!((300..700).contains(&changed), "{changed}");
    assert_eq!(place.undo(&job, 100), (changed.unsigned_abs(), 0));
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NOT NULL"),
        0
    );
}

/// What a column makes of a value is what it is compared with; otherwise rows differ for ever.
#[test]
fn a_value_that_the_column_converts_is_written_once() {
    let expressions = [
        "'12'",
        "12",
        "12.0",
        "'12.0'",
        "' 7 '",
        "1e300",
        "'1e5'",
        "9e999",
        "-9e999",
        "x'3132'",
        "NULL",
        "''",
        "9007199254740993",
        "9007199254740993.0",
        "0.1",
        "-0.0",
        "'abc'",
        "i",
        "n",
        "x",
        "r",
        "w",
        "CAST(i AS TEXT)",
        "CAST('5' AS REAL)",
    ];
    for kind in [
        "INTEGER",
        "NUMERIC",
        "REAL",
        "TEXT",
        "BLOB",
        "",
        "TEXT COLLATE NOCASE",
    ] {
        for expression in expressions {
            let place = Place::new(&format!(
                "CREATE TABLE t (i INTEGER, n NUMERIC, x TEXT, r REAL, w BLOB, c {kind});
                 INSERT INTO t VALUES (12, 1.5, '12', 12, x'00', NULL), (0, 0, 'ABC', 0, 1, 'Abc'),
                   (3, 3, '3', 3, 3, 12), (4, '4.0', '4.0', 4, 4.0, '12'), (5, 5, 5, 5, 5, 12.0)"
            ));
            let before = place.all("SELECT *, typeof(c) FROM t");
            let job = job(&format!(
                "table = \"t\"\n[set]\nc = \"\"\"{expression}\"\"\""
            ));
            assert_eq!(
                place.fill(&job, ranges_of(3)),
                JobStatus::Done,
                "{kind} {expression}"
            );
            let filled = place.all("SELECT *, typeof(c) FROM t");
            place.run(&format!("UPDATE t SET c = {expression}"));
            let oracle = place.all("SELECT *, typeof(c) FROM t");
            assert_eq!(filled, oracle, "{kind} {expression}");
            assert!(place.standing(&job).sweep <= 3, "{kind} {expression}");
            let (_, conflicts) = place.undo(&job, 2);
            assert_eq!(conflicts, 0, "{kind} {expression}");
            assert_eq!(
                place.all("SELECT *, typeof(c) FROM t"),
                before,
                "{kind} {expression}"
            );
        }
    }
}
