//! Every strategy, from the first row to the last.

use switchback_migration::backfill::machine::End;
use switchback_migration::backfill::{JobStatus, Strategy};

use super::*;

/// Many batches for each of three workers. Each batch takes its milliseconds, however few rows it has
/// on a busy machine.
const ROWS: u32 = 6_000;

const DONE: End = End::Job(JobStatus::Done);

#[test]
fn every_strategy_fills_every_row_once_and_undoes_it() {
    for strategy in ALL {
        for workers in [1, 3] {
            let (url, mut client) = database(&users(ROWS));
            let before = dump(&mut client, "users");
            assert_eq!(fill(&url, &slug(), strategy, workers), DONE, "{strategy:?}");
            let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
            assert_eq!(number(&mut client, wrong), 0, "{strategy:?}");
            let now = standing(&url);
            assert_eq!(now.counts.changed, u64::from(ROWS), "{strategy:?}");
            // A row that moves to a later page is looked at there again.
            assert!(
                now.counts.scanned >= u64::from(ROWS),
                "{strategy:?}: {now:?}"
            );
            assert_eq!(now.status, JobStatus::Done);
            assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
            assert_eq!(dump(&mut client, "users"), before, "{strategy:?}");
        }
    }
}

#[test]
fn values_that_are_there_already_are_replaced_and_come_back() {
    for strategy in ALL {
        let (url, mut client) = database(&users(5_000));
        let some = "UPDATE users SET slug = 'old ' || id WHERE id % 3 = 0;
                    UPDATE users SET slug = lower(email) WHERE id % 5 = 0";
        client.batch_execute(some).unwrap();
        let before = dump(&mut client, "users");
        assert_eq!(fill(&url, &slug(), strategy, 2), DONE);
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(number(&mut client, wrong), 0, "{strategy:?}");
        assert_eq!(standing(&url).counts.changed, 4_000, "{strategy:?}");
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), before, "{strategy:?}");
    }
}

#[test]
fn any_key_will_do() {
    let tables = [
        "CREATE TABLE t (a text, b int, v text, w text, PRIMARY KEY (a, b))",
        "CREATE TABLE t (a text, b int, v text, w text, PRIMARY KEY (b))",
        "CREATE TABLE t (a text, b smallint PRIMARY KEY, v text, w text)",
        "CREATE TABLE t (a text PRIMARY KEY, b int, v text, w text)",
        "CREATE SEQUENCE s; CREATE TABLE t (a text, b int, k timestamptz DEFAULT '2026-11-01 00:00+02'::timestamptz + nextval('s') * interval '1.000001 s' PRIMARY KEY, v text, w text)",
        "CREATE TABLE t (a text, b int, k uuid DEFAULT gen_random_uuid() PRIMARY KEY, v text, w text)",
        "CREATE TABLE t (a text, b int, v text, w text, PRIMARY KEY (b)) PARTITION BY RANGE (b);
         CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (MINVALUE) TO (0);
         CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (0) TO (1000);
         CREATE TABLE t3 PARTITION OF t DEFAULT",
        "CREATE SCHEMA \"S p\"; CREATE TABLE \"S p\".\"T\"\"able\" (\"Select\" text, b int PRIMARY KEY, v text, w text)",
    ];
    for table in tables {
        for strategy in ALL {
            let (url, mut client) = database(table);
            let quoted = table.contains("S p");
            let (name, a) = if quoted {
                ("\"S p\".\"T\"\"able\"", "\"Select\"")
            } else {
                ("t", "a")
            };
            let rows = format!(
                "INSERT INTO {name} ({a}, b, v) SELECT 'It''s \\ \"' || n, n, 'V' || n
                 FROM generate_series(-300, 1200) AS n; ANALYZE {name}"
            );
            client.batch_execute(&rows).unwrap();
            let before = dump(&mut client, name);
            let text = format!("table = '''{name}'''\n[set]\nw = '''lower(v) || {a}'''");
            let job = job(&text);
            assert_eq!(fill(&url, &job, strategy, 2), DONE, "{table} {strategy:?}");
            let wrong =
                format!("SELECT count(*) FROM {name} WHERE w IS DISTINCT FROM lower(v) || {a}");
            assert_eq!(number(&mut client, &wrong), 0, "{table} {strategy:?}");
            assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
            assert_eq!(dump(&mut client, name), before, "{table} {strategy:?}");
        }
    }
}

#[test]
fn an_empty_table_is_done_at_once() {
    for strategy in ALL {
        let (url, _client) = database(&users(0));
        assert_eq!(fill(&url, &slug(), strategy, 1), DONE);
        assert_eq!(standing(&url).counts.changed, 0);
    }
}

#[test]
fn a_walk_begins_anew_where_rows_are_written_to_other_files() {
    for strategy in [STRIDED, Strategy::Plain] {
        let (url, mut client) = database(&users(20_000));
        open(&url)
            .begin_backfill(&slug(), strategy, true, false)
            .unwrap();
        let mut hands = hands(&url, &slug(), "w");
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        assert!(matches!(hands.batch(500).unwrap(), Got::Done(_)));
        client.batch_execute("VACUUM FULL users").unwrap();
        assert_eq!(hands.batch(500).unwrap(), Got::Lost, "{strategy:?}");
        assert_eq!(go(vec![hands]), DONE);
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(number(&mut client, wrong), 0);
        assert_eq!(standing(&url).counts.changed, 20_000);
    }
}

#[test]
fn a_look_at_all_rows_says_what_became_of_them() {
    for strategy in ALL {
        let (url, mut client) = database(&format!(
            "{}; ALTER TABLE users ADD CONSTRAINT short CHECK (length(slug) < 20) NOT VALID",
            users(1_000)
        ));
        // The constraint is asked of rows that are written.
        let free = "ALTER TABLE users DROP CONSTRAINT short";
        let back = "ALTER TABLE users ADD CONSTRAINT short CHECK (length(slug) < 20) NOT VALID";
        client.batch_execute(free).unwrap();
        fill(&url, &slug(), strategy, 1);
        client.batch_execute(back).unwrap();
        let found = open(&url).verify_backfill(&slug(), 5, 1).unwrap();
        assert_eq!((found.rows, found.differ, found.failed), (1_000, 0, 0));
        assert_eq!(found.columns[0].nulls, 0);
        let changed: u64 = found.ranges.iter().map(|it| it.changed).sum();
        let still: u64 = found.ranges.iter().filter_map(|it| it.still).sum();
        assert_eq!((changed, still), (1_000, 1_000), "{strategy:?}");
        assert!(found.ranges.iter().all(|it| it.before != it.after));
        assert_eq!(found.samples.len(), 5);
        assert!(
            found
                .samples
                .iter()
                .all(|it| it.values[0].has == it.values[0].wanted)
        );
        assert_eq!(found.not_validated[0].broken, Some(1), "{found:?}");
        assert!(!found.holds());
        client.batch_execute(free).unwrap();
        assert!(open(&url).verify_backfill(&slug(), 5, 1).unwrap().holds());
        client
            .batch_execute("UPDATE users SET slug = 'x' WHERE id <= 3; UPDATE users SET slug = NULL WHERE id = 4")
            .unwrap();
        let found = open(&url).verify_backfill(&slug(), 5, 1).unwrap();
        let still: u64 = found.ranges.iter().filter_map(|it| it.still).sum();
        assert_eq!((found.differ, still, found.columns[0].nulls), (4, 996, 1));
    }
}

#[test]
fn passes_end_where_they_gain_nothing_any_more() {
    let turns: [(&str, &str); 2] = [
        ("CREATE INDEX ON users (slug)", "index on a written column"),
        ("", "keeps old versions of rows"),
    ];
    for (sql, why) in turns {
        let (url, mut client) = database(&users(60_000));
        open(&url)
            .begin_backfill(&slug(), STRIDED, true, false)
            .unwrap();
        let mut one = hands(&url, &slug(), "one");
        assert_eq!(one.claim().unwrap(), Got::Claimed);
        assert!(matches!(one.batch(100).unwrap(), Got::Done(_)));
        let mut other = super::client(&url);
        let mut reading = other.transaction().unwrap();
        if sql.is_empty() {
            reading
                .batch_execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM users LIMIT 1",
                )
                .unwrap();
            let old = "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL \
                       AND now() - xact_start > interval '10.5 s'";
            wait_until(Duration::from_secs(60), || number(&mut client, old) > 0);
        } else {
            client.batch_execute(sql).unwrap();
        }
        assert_eq!(go(vec![one]), DONE);
        let now = standing(&url);
        let note = now.note.unwrap_or_default();
        assert!(note.contains(why), "{note}");
        assert_eq!(now.counts.changed, 60_000);
        drop(reading);
    }
}
