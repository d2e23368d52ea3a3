//! Tables and moments that are not as one thinks.

use super::*;

#[test]
fn a_table_without_rows() {
    let place = Place::new(&numbers(0));
    let job = doubled();
    assert_eq!(place.fill(&job, BeginOptions::default()), JobStatus::Done);
    let standing = place.standing(&job);
    assert_eq!((standing.counts.scanned, standing.counts.batches), (0, 0));
    assert_eq!(standing.total, Some(0));
    assert_eq!(place.undo(&job, 10), (0, 0));
}

#[test]
fn rows_at_the_ends_of_what_a_row_id_can_be() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
         INSERT INTO t (id, a) VALUES (-9223372036854775808, 1), (-9223372036854775807, 2), (-1, 3),
           (0, 4), (9223372036854775806, 5), (9223372036854775807, 6)",
    );
    let job = doubled();
    for range in [1, 2, 100] {
        assert_eq!(place.fill(&job, ranges_of(range)), JobStatus::Done);
        assert_eq!(
            place.number("SELECT count(*) FROM t WHERE b = 'n' || (a * 2)"),
            6
        );
        assert_eq!(place.undo(&job, 4), (6, 0));
    }
}

#[test]
fn hostile_names() {
    let place = Place::new(
        r#"CREATE TABLE "a ""b'; DROP--" ("rowid" TEXT, "select" INTEGER, "x""y" TEXT, "%s;" BLOB);
           CREATE TABLE """" ("oid", "rowid", "_rowid_" INTEGER PRIMARY KEY, "'" TEXT);
           WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300)
             INSERT INTO "a ""b'; DROP--" SELECT 'r' || x, x, NULL, NULL FROM n;
           INSERT INTO """" SELECT 1, 2, "select" * 7, NULL FROM "a ""b'; DROP--";"#,
    );
    let first = job(
        "table = '''a \"b'; DROP--'''\nonly = '\"select\" > 0 -- all'\n[set]\n\
         'x\"y' = '''\"rowid\" || ';' -- comment'''\n'%s;' = '''x'00' /* more */'''",
    );
    assert_eq!(place.fill(&first, ranges_of(64)), JobStatus::Done);
    let right = r#"SELECT count(*) FROM "a ""b'; DROP--" WHERE "x""y" = "rowid" || ';'
                   AND "%s;" = x'00'"#;
    assert_eq!(place.number(right), 300);
    let second = Job::parse(
        BackfillId::new("second").unwrap(),
        "schema = \"switchback.backfill/v1\"\ntable = '\"'\n[set]\n\"'\" = \"_rowid_\"",
    )
    .unwrap();
    assert_eq!(place.fill(&second, ranges_of(64)), JobStatus::Done);
    let right = r#"SELECT count(*) FROM """" WHERE "'" = "_rowid_" || ''"#;
    assert_eq!(place.number(right), 300);
    assert_eq!(place.open().jobs().unwrap().len(), 2);
    assert_eq!(place.undo(&first, 64), (300, 0));
    assert_eq!(place.undo(&second, 64), (300, 0));
    assert_eq!(place.number(r#"SELECT count("'") FROM """""#), 0);
}

/// Keys of several columns in both directions, with a collation, of several types.
#[test]
fn tables_that_are_walked_by_their_primary_key() {
    for key in [
        "k, n",
        "k DESC, n DESC",
        "k, n DESC",
        "k COLLATE NOCASE DESC, n, w",
    ] {
        let place = Place::new(&format!(
            "CREATE TABLE t (v TEXT, n ANY, k TEXT, w BLOB, a INTEGER, PRIMARY KEY ({key}))
               WITHOUT ROWID;
             WITH RECURSIVE x (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM x WHERE i < 999)
             INSERT INTO t SELECT NULL, CASE i % 4 WHEN 0 THEN i WHEN 1 THEN i + 0.5
               WHEN 2 THEN 'n' || i ELSE CAST('b' || i AS BLOB) END,
               char(65 + i % 7) || 'x' || (i % 3), x'00', i FROM x"
        ));
        place.run("CREATE INDEX on_a ON t (a); ANALYZE");
        let job = job("table = \"t\"\nonly = \"a <> 500\"\n[set]\nv = \"k || ':' || a\"");
        for (range, batch) in [(90, 17), (100, 100), (1, 1), (10_000, 1_000)] {
            place.begin(&job, ranges_of(range));
            assert_eq!(
                drive(&mut place.hands(&job, "one"), batch).unwrap(),
                JobStatus::Done
            );
            let right = "SELECT count(*) FROM t WHERE v IS k || ':' || a";
            assert_eq!(place.number(right), 999, "{key}");
            let standing = place.standing(&job);
            // Each row once in each walk.
            assert_eq!(standing.counts.scanned, 2_000, "{key}");
            assert_eq!(standing.counts.changed, 999, "{key}");
            assert_eq!(place.undo(&job, 200), (999, 0), "{key}");
            assert_eq!(place.number("SELECT count(v) FROM t"), 0);
        }
    }
}

#[test]
fn the_table_changes_while_it_is_walked() {
    let place = Place::new(&numbers(1_000));
    let job = doubled();
    place.begin(&job, ranges_of(1_000));
    let mut hands = place.hands(&job, "one");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(100).unwrap(), Got::Done(_)));
    place.run("ALTER TABLE t ADD COLUMN c; CREATE INDEX on_b ON t (b)");
    assert!(matches!(hands.batch(100).unwrap(), Got::Done(batch) if batch.rows == 100));
    // The end of the range goes, and rows come after it.
    place.run("DELETE FROM t WHERE id = 1000; INSERT INTO t (id, a) VALUES (5000, 5)");
    place.run("ALTER TABLE t RENAME COLUMN b TO other");
    let error = hands.batch(100).unwrap_err();
    assert!(error.to_string().contains("no column `b`"), "{error}");
    assert!(place.open().errors("fill", 10).unwrap().is_empty());
    place.run("ALTER TABLE t RENAME COLUMN other TO b");
    assert_eq!(drive(&mut hands, 100).unwrap(), JobStatus::Done);
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NOT 'n' || (a * 2)"),
        0
    );
    assert_eq!(place.standing(&job).counts.changed, 1_000);
    // Nothing of a step that an older version of this could not know.
    place.run("DROP TABLE t");
    assert!(place.open().begin(&job, &BeginOptions::default()).is_err());
}

#[test]
fn large_rows_make_small_batches() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100)
         INSERT INTO t SELECT x, x, printf('%.500000c', 'x') FROM n",
    );
    let job = doubled();
    place.begin(&job, ranges_of(1_000));
    let mut hands = place.hands(&job, "one");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    let Got::Done(batch) = hands.batch(1_000).unwrap() else {
        panic!()
    };
    assert!(batch.rows < 20 && !batch.last, "{batch:?}");
    assert_eq!(drive(&mut hands, 1_000).unwrap(), JobStatus::Done);
    assert_eq!(place.undo(&job, 1_000), (100, 0));
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE length(b) = 500000"),
        100
    );
}
