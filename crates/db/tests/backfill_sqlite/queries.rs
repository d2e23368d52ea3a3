//! Values that a query gives, over the rows of a batch and other tables.

use switchback_db::sqlite::backfill::facts;
use switchback_migration::backfill::{QueryFault, Strategy, sketch};

use super::*;

/// So many users and up to two events of each.
fn shop(rows: u32) -> String {
    format!(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, score INTEGER, last TEXT);
         CREATE TABLE events (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, kind TEXT);
         CREATE INDEX events_user ON events (user_id);
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {rows})
         INSERT INTO users SELECT x, 'User' || x, NULL, NULL FROM n;
         INSERT INTO events (user_id, kind) SELECT id, 'k1' FROM users WHERE id % 3 > 0;
         INSERT INTO events (user_id, kind) SELECT id, 'k2' FROM users WHERE id % 3 = 2"
    )
}

fn score() -> Job {
    job(
        "table = \"users\"\n[query]\ncolumns = [\"score\", \"last\"]\nsql = '''\
         SELECT u.id, count(e.id) AS score, max(e.kind) AS last -- a ' in here
         FROM {batch} AS u LEFT JOIN events AS e ON e.user_id = u.id GROUP BY u.id;'''",
    )
}

fn of(table: &str, columns: &str, sql: &str) -> Job {
    job(&format!(
        "table = '{table}'\n[query]\ncolumns = [{columns}]\nsql = '''{sql}'''"
    ))
}

const APART: &str = "SELECT count(*) FROM users AS u
    WHERE score IS NOT (SELECT count(*) FROM events WHERE user_id = u.id)
    OR last IS NOT (SELECT max(kind) FROM events WHERE user_id = u.id)";

const ALL: &str = "SELECT * FROM users ORDER BY id";

fn fault(error: BackfillError) -> QueryFault {
    match error {
        BackfillError::Query { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_row_gets_what_the_query_says_and_undoing_it_takes_it_back() {
    for journal in ["wal", "delete"] {
        let place = Place::with_journal(journal, &shop(10_000));
        place.run(
            "UPDATE users SET score = 0 WHERE id % 9 = 0;
             UPDATE users SET score = 7, last = 'old' WHERE id % 10 = 1",
        );
        let before = place.all(ALL);
        assert_eq!(place.fill(&score(), ranges_of(3_000)), JobStatus::Done);
        assert_eq!(place.number(APART), 0);
        let standing = place.standing(&score());
        assert_eq!((standing.counts.changed, standing.sweep), (9_000, 2));
        let ranges = place.open().ranges("fill").unwrap();
        for (one, other) in ranges.iter().zip(&ranges[4..]) {
            assert_ne!(one.before, one.after);
            assert_eq!(one.after, other.before);
            assert_eq!(other.before, other.after);
        }
        let found = place.open().verify(&score(), 5, 1).unwrap();
        assert!(found.holds(), "{found:?}");
        assert_eq!((found.rows, found.samples.len()), (10_000, 5));
        let still: u64 = found.ranges.iter().filter_map(|it| it.still).sum();
        assert_eq!(still, 9_000);
        place.run("UPDATE users SET score = -1 WHERE id IN (4, 5)");
        assert_eq!(place.open().verify(&score(), 0, 1).unwrap().differ, 2);
        place.run("UPDATE users SET score = id % 3 WHERE id IN (4, 5)");
        assert_eq!(place.undo(&score(), 700), (9_000, 0));
        assert_eq!(place.all(ALL), before);
    }
}

#[test]
fn a_row_that_the_query_does_not_give_is_left_as_it_is() {
    let place = Place::new(&shop(3_000));
    place.run("UPDATE users SET score = 77 WHERE id % 2 = 0");
    let text = "table = \"users\"\nonly = \"users.id > 100 -- not all\"\n[query]\ncolumns = [\"score\"]\n\
                sql = \"SELECT u.id, count(*) AS score FROM {batch} AS u JOIN events AS e \
                ON e.user_id = u.id GROUP BY u.id UNION ALL SELECT 100, 5 FROM {batch} -- end\"";
    let inner = job(text);
    assert_eq!(place.fill(&inner, ranges_of(700)), JobStatus::Done);
    let kept = "SELECT count(*) FROM users WHERE (id <= 100 OR id % 3 = 0)
                AND score IS NOT CASE WHEN id % 2 = 0 THEN 77 END";
    assert_eq!(place.number(kept), 0);
    let given = "SELECT count(*) FROM users WHERE id > 100 AND id % 3 > 0 AND score = id % 3";
    assert_eq!(place.number(given), 1_933);
    let found = place.open().verify(&inner, 50, 1).unwrap();
    assert_eq!((found.differ, found.samples.len()), (0, 50));
    assert!(
        found
            .samples
            .iter()
            .all(|it| it.values[0].has == it.values[0].wanted)
    );
}

#[test]
fn a_row_that_is_given_twice_ends_the_job_and_nothing_of_its_batch_stays() {
    for (sql, kind) in [
        (
            "SELECT u.id, 5 AS score FROM {batch} AS u JOIN events AS e ON e.user_id = u.id",
            "INTEGER PRIMARY KEY",
        ),
        // Equal as the key is, not as they are written.
        (
            "SELECT u.id, 5 AS score FROM {batch} AS u UNION ALL \
             SELECT upper(u.id), 6 FROM {batch} AS u WHERE u.id = 'n2'",
            "TEXT COLLATE NOCASE PRIMARY KEY",
        ),
    ] {
        let place = Place::new(&format!(
            "CREATE TABLE users (id {kind}, score INTEGER);
             CREATE TABLE events (user_id);
             INSERT INTO users (id) VALUES ({0}1), ({0}2), ({0}3);
             INSERT INTO events VALUES ({0}1), ({0}2), ({0}2)",
            if kind.contains("TEXT") { "'n' || " } else { "" }
        ));
        let twice = of("users", "'score'", sql);
        place.begin(&twice, BeginOptions::default());
        let error = drive(&mut place.hands(&twice, "one"), 500).unwrap_err();
        assert!(matches!(fault(error), QueryFault::Twice { key } if key.contains('2')));
        let standing = place.standing(&twice);
        assert_eq!((standing.status, standing.leased), (JobStatus::Failed, 0));
        let reason = standing.error.unwrap();
        assert!(reason.contains("more than once"), "{reason}");
        assert_eq!(place.number("SELECT count(score) FROM users"), 0);
        let error = place.open().verify(&twice, 0, 1).unwrap_err();
        assert!(matches!(fault(error), QueryFault::Twice { .. }));
    }
}

#[test]
fn rows_that_refuse_it_are_found_and_passed_over() {
    // One that cannot be computed, one that a rule refuses, and one that ends the transaction.
    let sql = "SELECT u.id, CASE u.id WHEN 1007 THEN abs(-9223372036854775808) ELSE u.id END AS \
               score FROM {batch} AS u";
    let number = of("users", "'score'", sql);
    let place = Place::new(&shop(3_000));
    place.run(
        "ALTER TABLE users ADD COLUMN small INTEGER CHECK (score IS NULL OR score <> 500);
         CREATE TRIGGER no BEFORE UPDATE ON users WHEN new.id = 2007
           BEGIN SELECT RAISE(ROLLBACK, 'not this one'); END",
    );
    let before = place.all(ALL);
    assert_eq!(place.fill(&number, ranges_of(1_000)), JobStatus::Done);
    let filled = "SELECT count(*) FROM users WHERE score = id";
    assert_eq!(place.number(filled), 2_997);
    let errors = place.open().errors("fill", 10).unwrap();
    let keys: Vec<_> = errors.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["500", "1007", "2007"]);
    let said: Vec<_> = errors.iter().map(|it| it.message.as_str()).collect();
    assert!(
        said[0].contains("CHECK") && said[1].contains("overflow"),
        "{said:?}"
    );
    assert!(said[2].contains("not this one"), "{said:?}");
    let found = place.open().verify(&number, 3_000, 1).unwrap();
    assert_eq!((found.differ, found.failed), (0, 3), "{found:?}");
    assert_eq!(found.samples.len(), 2_999);
    assert_eq!(place.undo(&number, 700), (2_997, 0));
    assert_eq!(place.all(ALL), before);
}

#[test]
fn any_key_and_any_name_will_do() {
    for (table, key) in [
        (
            "CREATE TABLE t (a TEXT, b INTEGER, v TEXT, w TEXT, PRIMARY KEY (a, b))",
            "x.b, x.a",
        ),
        (
            "CREATE TABLE t (a TEXT, b INTEGER, v TEXT, w TEXT, PRIMARY KEY (a DESC, b)) WITHOUT ROWID",
            "x.A, x.B",
        ),
        (
            "CREATE TABLE t (a TEXT PRIMARY KEY, b INTEGER, v TEXT, w TEXT)",
            "x.a",
        ),
        (
            "CREATE TABLE t (a TEXT, b INTEGER, v TEXT, w TEXT)",
            "x.rowid",
        ),
        (
            "CREATE TABLE t (a TEXT, b INTEGER, v TEXT, w TEXT, rowid TEXT)",
            "x._rowid_",
        ),
        // What the query gives is of another type than the key.
        (
            "CREATE TABLE t (a TEXT, b INTEGER PRIMARY KEY, v TEXT, w TEXT)",
            "CAST(x.b AS TEXT) AS b",
        ),
        (
            "CREATE TABLE \"we ird \"\"t\" (a TEXT, \"b'c\"\"d\" INTEGER AS (b), v TEXT, w TEXT, \
             b INTEGER UNIQUE, \"sel ect\" INTEGER PRIMARY KEY AUTOINCREMENT)",
            "[x].[sel ect]",
        ),
    ] {
        let name = match table.contains("we ird") {
            true => "\"we ird \"\"t\"",
            false => "t",
        };
        let place = Place::new(&format!(
            "{table};
             WITH RECURSIVE n (x) AS (SELECT -600 UNION ALL SELECT x + 1 FROM n WHERE x < 600)
             INSERT INTO {name} (a, b, v) SELECT 'It''s \\ \"' || x, x, 'V' || x FROM n"
        ));
        let all = format!("SELECT * FROM {name} ORDER BY b");
        let before = place.all(&all);
        let sql = format!(
            "WITH one AS (SELECT * FROM {{batch}}) SELECT {key}, lower(x.v) || '{{batch}}' || \
             (SELECT count(*) FROM {{batch}} AS y WHERE y.b = x.b) AS W FROM one AS x"
        );
        let job = of("t", "'w'", &sql);
        let job = Job {
            text: switchback_migration::backfill::JobText {
                table: match name {
                    "t" => "t".to_owned(),
                    _ => "we ird \"t".to_owned(),
                },
                only: Some("v <> 'V5'".to_owned()),
                ..job.text
            },
            ..job
        };
        assert_eq!(place.fill(&job, ranges_of(350)), JobStatus::Done, "{table}");
        let right = format!("SELECT count(*) FROM {name} WHERE w = lower(v) || '{{batch}}1'");
        assert_eq!(place.number(&right), 1_200, "{table}");
        assert!(place.open().verify(&job, 3, 1).unwrap().holds());
        let facts = facts(&place.path, &job).unwrap();
        let batch = sketch(&facts, &job, Strategy::KeyRange);
        let column = key
            .rsplit(['.', ' '])
            .next()
            .unwrap()
            .trim_matches(['[', ']']);
        let shown = batch.to_lowercase().contains(&column.to_lowercase());
        assert!(shown, "{column}: {batch}");
        assert_eq!(place.undo(&job, 300), (1_200, 0));
        assert_eq!(place.all(&all), before, "{table}");
    }
}

#[test]
fn values_are_stored_as_the_column_stores_them() {
    let place = Place::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC);
         INSERT INTO users (id) VALUES (1), (2), (3), (4)",
    );
    let sql = "SELECT id, CASE id WHEN 1 THEN '5' WHEN 2 THEN 5.0 WHEN 3 THEN x'35' END AS i, \
               CASE id WHEN 1 THEN 7 WHEN 2 THEN '7' WHEN 3 THEN 'x' END AS r, \
               CASE id WHEN 1 THEN 1 WHEN 2 THEN 1.5 WHEN 3 THEN x'00' END AS t, \
               CASE id WHEN 1 THEN 1 WHEN 2 THEN 1.0 WHEN 3 THEN '1' END AS b, \
               CASE id WHEN 1 THEN '1e2' WHEN 2 THEN 3.0 WHEN 3 THEN 'x' END AS n FROM {batch}";
    let job = of("users", "'i', 'r', 't', 'b', 'n'", sql);
    assert_eq!(place.fill(&job, ranges_of(2)), JobStatus::Done);
    // It comes to its end: what is stored does not differ from what the query gives.
    assert_eq!(place.standing(&job).counts.changed, 3);
    place.run(
        "CREATE TABLE other (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, n NUMERIC);
         INSERT INTO other SELECT 1, '5', 7, 1, 1, '1e2' UNION ALL SELECT 2, 5.0, '7', 1.5, 1.0, 3.0
         UNION ALL SELECT 3, x'35', 'x', x'00', '1', 'x' UNION ALL SELECT 4, NULL, NULL, NULL, NULL, NULL",
    );
    let types = |table: &str| {
        place.all(&format!(
            "SELECT *, typeof(i), typeof(r), typeof(t), typeof(b), typeof(n) FROM {table} ORDER BY id"
        ))
    };
    assert_eq!(types("users"), types("other"));
}

#[test]
fn an_answer_that_changes_behind_the_walk_is_looked_at_once_more() {
    let place = Place::new(&shop(2_000));
    place.begin(&score(), ranges_of(500));
    let mut hands = place.hands(&score(), "one");
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(500).unwrap(), Got::Done(_)));
    place.run("DELETE FROM events WHERE user_id <= 10");
    assert_eq!(drive(&mut hands, 500).unwrap(), JobStatus::Done);
    assert_eq!(place.number(APART), 0);
    assert_eq!(place.standing(&score()).sweep, 3);
}

#[test]
fn a_query_of_the_whole_batch_never_comes_to_its_end_and_says_so() {
    let place = Place::new(&shop(2_000));
    // Each batch has another number of rows than the one before it.
    let whole = of(
        "users",
        "'score'",
        "SELECT u.id, coalesce(u.score, 0) + count(*) OVER () AS score FROM {batch} AS u",
    );
    assert_eq!(place.fill(&whole, ranges_of(500)), JobStatus::Failed);
    let reason = place.standing(&whole).error.unwrap();
    assert!(reason.contains("rows still differ"), "{reason}");
}

#[test]
fn a_trigger_that_changes_other_rows_of_the_batch_loses_nothing() {
    let place = Place::new(&shop(300));
    place.run(
        "CREATE TRIGGER t AFTER UPDATE OF score ON users WHEN new.id = 5 AND old.score IS NULL
         BEGIN UPDATE users SET score = 99 WHERE id = 6; END",
    );
    let ids = of("users", "'score'", "SELECT id, id AS score FROM {batch}");
    assert_eq!(place.fill(&ids, ranges_of(100)), JobStatus::Done);
    assert_eq!(
        place.number("SELECT count(*) FROM users WHERE score = id"),
        300
    );
    assert_eq!(place.undo(&ids, 100), (300, 0));
    // What the trigger wrote is what the row had before it was changed.
    assert_eq!(place.number("SELECT score FROM users WHERE id = 6"), 99);
}

#[test]
fn what_takes_much_memory_is_asked_of_fewer_rows() {
    let place = Place::new(&shop(60));
    let large = of(
        "users",
        "'last'",
        "SELECT id, replace(hex(zeroblob(150000)), '0', 'x') || id AS last FROM {batch}",
    );
    assert_eq!(place.fill(&large, ranges_of(60)), JobStatus::Done);
    assert_eq!(
        place.number("SELECT count(*) FROM users WHERE length(last) > 300000"),
        60
    );
    assert!(place.standing(&large).counts.batches > 8);
    assert!(place.open().verify(&large, 2, 1).unwrap().holds());
}

#[test]
fn what_is_no_such_query_is_refused_before_anything_is_begun() {
    let place = Place::new(&format!(
        "{}; CREATE TABLE texts (id TEXT PRIMARY KEY, score)",
        shop(10)
    ));
    let cases: [(&str, &str, &str); 10] = [
        (
            "users",
            "SELECT u.id FROM {batch} AS u",
            "does not give `score`",
        ),
        (
            "users",
            "SELECT name, 1 AS score FROM {batch}",
            "does not give `id`: it must give the columns of the key (`id`)",
        ),
        (
            "users",
            "SELECT id, 1 AS score, 2 AS Score FROM {batch}",
            "two columns that are called `score`",
        ),
        (
            "users",
            "SELECT u.id, u.fax AS score FROM {batch} AS u",
            "no such column: u.fax",
        ),
        (
            "users",
            "SELECT id, sum(1) score FROM {batch} FROM",
            "syntax error",
        ),
        (
            "users",
            "SELECT users.id, 1 AS score FROM {batch}",
            "no such column: users.id",
        ),
        (
            "users",
            "SELECT id, ?1 AS score FROM {batch}",
            "has a parameter",
        ),
        (
            "users",
            "SELECT id, :a AS score FROM {batch}",
            "has a parameter",
        ),
        (
            "nothing",
            "SELECT id, 1 AS score FROM {batch}",
            "no table `nothing`",
        ),
        (
            "texts",
            "SELECT 1 AS score FROM {batch}",
            "does not give `id`",
        ),
    ];
    for (table, sql, said) in cases {
        let job = of(table, "'score'", sql);
        let error = facts(&place.path, &job).unwrap_err();
        assert!(error.to_string().contains(said), "{sql}: {error}");
        let begun = place.open().begin(&job, &BeginOptions::default());
        assert_eq!(begun.unwrap_err(), error);
    }
    let key = of("texts", "'id'", "SELECT id FROM {batch}");
    let error = facts(&place.path, &key).unwrap_err();
    assert!(
        error.to_string().contains("rows are named by it"),
        "{error}"
    );
    let name = of("users", "'fax'", "SELECT id, 1 AS fax FROM {batch}");
    let error = facts(&place.path, &name).unwrap_err();
    assert!(error.to_string().contains("no column `fax`"), "{error}");
}

#[test]
fn rows_are_done_again_by_a_mended_query_and_no_others() {
    let mended = of(
        "users",
        "'score', 'last'",
        "SELECT u.id, count(e.id) + 100 AS score, max(e.kind) AS last
         FROM {batch} AS u LEFT JOIN events AS e ON e.user_id = u.id GROUP BY u.id",
    );
    let place = Place::new(&shop(3_000));
    let before = place.all(ALL);
    assert_eq!(place.fill(&score(), ranges_of(700)), JobStatus::Done);
    let parts = ["1000..1999".parse().unwrap()];
    let begun = place.open();
    begun
        .rerun(&mended, &parts, &ranges_of(300), false)
        .unwrap();
    let ended = drive(&mut place.hands(&mended, "again"), 90).unwrap();
    assert_eq!(ended, JobStatus::Done);
    let inside = "SELECT count(*) FROM users WHERE score >= 100 AND id BETWEEN 1000 AND 1999";
    assert_eq!(place.number(inside), 1_000);
    let all = "SELECT count(*) FROM users WHERE score >= 100";
    assert_eq!(place.number(all), 1_000);
    let found = place.open().verify(&mended, 4, 1).unwrap();
    assert!(found.holds(), "{found:?}");
    let of: Vec<_> = found
        .definitions
        .iter()
        .map(|it| (it.rows, it.differ, it.differ_from_newest))
        .collect();
    assert_eq!(of, [(1_000, 0, Some(0)), (2_000, 0, Some(2_000))]);
    place.run("UPDATE users SET score = -1 WHERE id IN (5, 1500)");
    assert_eq!(place.open().verify(&mended, 0, 1).unwrap().differ, 2);
    place.run("UPDATE users SET score = id % 3 + 100 * (id = 1500) WHERE id IN (5, 1500)");
    assert_eq!(place.undo(&mended, 700).1, 0);
    assert_eq!(place.all(ALL), before);
}
