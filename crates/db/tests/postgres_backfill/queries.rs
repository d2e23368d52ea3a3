//! Values that a query gives, over the rows of a batch and other tables.

use std::error::Error as _;

use switchback_db::postgres::change::{ChangeError, Unfit};
use switchback_migration::backfill::{QueryFault, choose, estimate};

use super::*;

const DONE: End = End::Job(JobStatus::Done);

/// So many users and some events of every third of them.
fn shop(rows: u32) -> String {
    format!(
        "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, score int, last text);
         CREATE TABLE events (id bigserial PRIMARY KEY, user_id bigint NOT NULL, kind text);
         INSERT INTO users SELECT n, 'User' || n, NULL, NULL FROM generate_series(1, {rows}) AS n;
         INSERT INTO events (user_id, kind) SELECT n, 'k' || m
         FROM generate_series(1, {rows}) AS n, generate_series(1, n % 3) AS m;
         CREATE INDEX ON events (user_id);
         ANALYZE users; ANALYZE events"
    )
}

/// What most of these tests give: how many events a user has, and the last one of them.
fn score() -> Job {
    job(
        "table = \"users\"\n[query]\ncolumns = [\"score\", \"last\"]\nsql = '''\
         SELECT u.id, count(e.id) AS score, max(e.kind) AS last -- a ' in here
         FROM {batch} AS u LEFT JOIN events AS e ON e.user_id = u.id GROUP BY u.id'''",
    )
}

/// Rows whose values are not what their events say, in words that any server compares.
const APART: &str = "SELECT count(*) FROM users AS u,
    LATERAL (SELECT count(*) AS n, max(kind) AS k FROM events WHERE user_id = u.id) AS e
    WHERE u.score IS DISTINCT FROM e.n OR u.last IS DISTINCT FROM e.k";

fn fault(error: &ChangeError) -> QueryFault {
    match error {
        ChangeError::Unfit {
            reason: Unfit::Query(fault),
            ..
        } => fault.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_strategy_gives_every_row_what_the_query_says_and_undoes_it() {
    for strategy in ALL {
        for workers in [1, 3] {
            let (url, mut client) = database(&shop(10_000));
            // Some are right already, and some are wrong.
            let some = "UPDATE users SET score = 0 WHERE id % 9 = 0;
                        UPDATE users SET score = 7, last = 'old' WHERE id % 10 = 1";
            client.batch_execute(some).unwrap();
            let before = dump(&mut client, "users");
            assert_eq!(
                fill(&url, &score(), strategy, workers),
                DONE,
                "{strategy:?}"
            );
            assert_eq!(number(&mut client, APART), 0, "{strategy:?}");
            let now = standing(&url);
            assert_eq!(now.counts.changed, 9_000, "{strategy:?}");
            assert_eq!((now.counts.failed, now.sweep), (0, 1));
            let found = open(&url).verify_backfill(&score(), 4, 1).unwrap();
            assert!(found.holds(), "{found:?}");
            let still: u64 = found.ranges.iter().filter_map(|it| it.still).sum();
            assert_eq!(still, now.counts.changed, "{strategy:?}");
            assert_eq!(undo(&url, &score()), End::Job(JobStatus::Undone));
            assert_eq!(dump(&mut client, "users"), before, "{strategy:?}");
        }
    }
}

#[test]
fn a_row_that_the_query_does_not_give_is_left_as_it_is() {
    let inner = "table = \"users\"\nonly = \"users.id > 100\"\n[query]\ncolumns = [\"score\"]\n\
                 sql = \"SELECT u.id, count(*) AS score FROM {batch} AS u JOIN events AS e \
                 ON e.user_id = u.id GROUP BY u.id;\"";
    for strategy in ALL {
        let (url, mut client) = database(&shop(3_000));
        client
            .batch_execute("UPDATE users SET score = 77 WHERE id % 2 = 0")
            .unwrap();
        assert_eq!(fill(&url, &job(inner), strategy, 1), DONE);
        let kept = "SELECT count(*) FROM users WHERE (id <= 100 OR id % 3 = 0)
                    AND score IS DISTINCT FROM CASE WHEN id % 2 = 0 THEN 77 END";
        assert_eq!(number(&mut client, kept), 0, "{strategy:?}");
        let given = "SELECT count(*) FROM users WHERE id > 100 AND id % 3 > 0 AND score = id % 3";
        assert_eq!(number(&mut client, given), 1_933, "{strategy:?}");
        let found = open(&url).verify_backfill(&job(inner), 50, 1).unwrap();
        assert_eq!((found.differ, found.samples.len()), (0, 50));
        // What a row that is not given should have is what it has.
        let as_they_are = |it: &&_| {
            let it: &&switchback_migration::backfill::verification::Sample = it;
            it.values[0].has == it.values[0].wanted
        };
        assert_eq!(found.samples.iter().filter(as_they_are).count(), 50);
        assert!(found.samples.iter().any(|it| it.values[0].wanted.is_none()));
        client
            .batch_execute("UPDATE users SET score = -1 WHERE id = 200 OR id = 300")
            .unwrap();
        let found = open(&url).verify_backfill(&job(inner), 0, 1).unwrap();
        assert_eq!(found.differ, 1, "a row that is not given may have anything");
    }
}

#[test]
fn a_row_that_is_given_twice_ends_the_job_and_nothing_of_its_batch_stays() {
    // User 2 has two events, and everybody else none or one.
    let twice = job("table = \"users\"\n[query]\ncolumns = [\"score\"]\n\
                     sql = \"SELECT u.id, 5 AS score FROM {batch} AS u JOIN events AS e \
                     ON e.user_id = u.id\"");
    for strategy in ALL {
        let (url, mut client) = database(&shop(100));
        let few = "DELETE FROM events WHERE kind = 'k2' AND user_id <> 2; ANALYZE events";
        client.batch_execute(few).unwrap();
        open(&url)
            .begin_backfill(&twice, strategy, true, false)
            .unwrap();
        let mut hands = hands(&url, &twice, "w");
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        let error = hands.batch(500).unwrap_err();
        let BackfillError::Database(error) = &error else {
            panic!("{error:?}");
        };
        let key = "2".to_owned();
        assert_eq!(fault(error), QueryFault::Twice { key }, "{strategy:?}");
        let now = standing(&url);
        assert_eq!((now.status, now.counts.changed), (JobStatus::Failed, 0));
        let reason = now.error.unwrap();
        assert!(reason.contains("the row 2 more than once"), "{reason}");
        assert_eq!(number(&mut client, "SELECT count(score) FROM users"), 0);
        let error = open(&url).backfill_facts(&twice).unwrap_err();
        assert!(matches!(fault(&error), QueryFault::Twice { .. }));
        // A look at all rows tells it too.
        let error = open(&url).verify_backfill(&twice, 3, 1).unwrap_err();
        assert!(error.to_string().contains("more than once"), "{error}");
    }
}

#[test]
fn keys_that_are_not_of_the_batch_are_of_no_account() {
    // One that `only` keeps away, for each row, and a NULL for each.
    let other = job("table = \"users\"\n[query]\ncolumns = [\"score\"]\n\
                     sql = \"SELECT u.id, 1 AS score FROM {batch} AS u UNION ALL \
                     SELECT NULL, 2 FROM {batch} UNION ALL SELECT -7, 3 FROM {batch}\"");
    for strategy in ALL {
        let (url, mut client) = database(&shop(3_000));
        client
            .batch_execute("INSERT INTO users VALUES (-7, 'below')")
            .unwrap();
        let job = Job {
            text: switchback_migration::backfill::JobText {
                only: Some("id > 0".to_owned()),
                ..other.text.clone()
            },
            ..other.clone()
        };
        assert_eq!(fill(&url, &job, strategy, 2), DONE);
        let ones = "SELECT count(*) FROM users WHERE id > 0 AND score = 1";
        assert_eq!(number(&mut client, ones), 3_000, "{strategy:?}");
        let none = "SELECT count(*) FROM users WHERE id = -7 AND score IS NULL";
        assert_eq!(number(&mut client, none), 1, "{strategy:?}");
    }
}

#[test]
fn rows_that_refuse_it_are_found_and_passed_over() {
    let text = "table = \"users\"\n[query]\ncolumns = [\"score\"]\n\
                sql = \"SELECT u.id, u.name::int AS score FROM {batch} AS u\"";
    let late = "table = \"users\"\n[query]\ncolumns = [\"score\"]\n\
                sql = \"SELECT u.id, u.name AS score FROM {batch} AS u\"";
    for strategy in ALL {
        for text in [text, late] {
            let (url, mut client) = database(&shop(3_000));
            let names =
                "UPDATE users SET name = CASE id % 1000 WHEN 7 THEN 'none' ELSE id::text END;
                         ALTER TABLE users ADD CHECK (score <> 500)";
            client.batch_execute(names).unwrap();
            let before = dump(&mut client, "users");
            assert_eq!(fill(&url, &job(text), strategy, 2), DONE, "{strategy:?}");
            let filled = "SELECT count(*) FROM users WHERE score = id";
            assert_eq!(number(&mut client, filled), 2_996, "{strategy:?}");
            let failed = open(&url).backfill_failures("it", 100).unwrap();
            let keys: Vec<_> = failed.iter().map(|it| it.key.as_str()).collect();
            assert_eq!(keys, ["1007", "2007", "500", "7"], "{strategy:?}");
            assert!(failed[0].message.contains("none"), "{failed:?}");
            let found = open(&url).verify_backfill(&job(text), 10, 1).unwrap();
            assert_eq!((found.differ, found.failed), (0, 4), "{strategy:?}");
            assert_eq!(undo(&url, &job(text)), End::Job(JobStatus::Undone));
            assert_eq!(dump(&mut client, "users"), before, "{strategy:?}");
        }
    }
}

#[test]
fn any_key_and_any_name_will_do() {
    let tables: [(&str, &str, &[&str]); 6] = [
        ("CREATE TABLE t (a text, b int, v text, w text, PRIMARY KEY (a, b))", "t", &["a", "b"]),
        ("CREATE TABLE t (b int, a text COLLATE \"C\" PRIMARY KEY, v text, w text)", "t", &["a"]),
        ("CREATE TABLE t (a text, b char(9) PRIMARY KEY, v text, w text)", "t", &["b"]),
        (
            "CREATE TABLE t (a text, b int, v text, w text, PRIMARY KEY (b)) PARTITION BY RANGE (b);
             CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (MINVALUE) TO (0);
             CREATE TABLE t2 (w text, v text, gone int, b int NOT NULL, a text);
             ALTER TABLE t2 DROP COLUMN gone;
             ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM (0) TO (300);
             CREATE TABLE t3 PARTITION OF t DEFAULT",
            "t",
            &["b"],
        ),
        (
            "CREATE TABLE \"we ird\" (a text, b int UNIQUE NOT NULL, v text, w text, \
             \"we ird\" text)",
            "\"we ird\"",
            &["b"],
        ),
        (
            "CREATE SCHEMA \"S p\"; CREATE TABLE \"S p\".\"T\"\"a'b\" (\"a\" text, \
             \"b\" int, v text, w text, \"k\"\"e'y\" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
            "\"S p\".\"T\"\"a'b\"",
            &["\"k\"\"e'y\""],
        ),
    ];
    for (table, name, key) in tables {
        for strategy in ALL {
            let (url, mut client) = database(table);
            let rows = format!(
                "INSERT INTO {name} (a, b, v) SELECT 'It''s \\ \"' || n, n, 'V' || n
                 FROM generate_series(-600, 600) AS n; ANALYZE {name}"
            );
            client.batch_execute(&rows).unwrap();
            let before = dump(&mut client, name);
            let keys: Vec<String> = key.iter().map(|it| format!("x.{it}")).collect();
            let text = format!(
                "table = '''{name}'''\nonly = '''v <> 'V5' '''\n[query]\ncolumns = ['w']\n\
                 sql = '''WITH one AS (SELECT * FROM {{batch}}) SELECT {}, \
                 lower(x.v) || '{{batch}}' || (SELECT count(*) FROM {{batch}} AS y \
                 WHERE y.b = x.b) AS w FROM one AS x'''",
                keys.join(", ")
            );
            let job = job(&text);
            assert_eq!(fill(&url, &job, strategy, 2), DONE, "{table} {strategy:?}");
            let right = format!("SELECT count(*) FROM {name} WHERE w = lower(v) || '{{batch}}1'");
            assert_eq!(number(&mut client, &right), 1_200, "{table} {strategy:?}");
            let facts = open(&url).backfill_facts(&job).unwrap();
            assert_eq!(facts.sample.unwrap().apart, 0, "{table}");
            let found = open(&url).verify_backfill(&job, 3, 1).unwrap();
            assert!(found.holds() && found.samples.len() == 3, "{found:?}");
            assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
            assert_eq!(dump(&mut client, name), before, "{table} {strategy:?}");
        }
    }
}

#[test]
fn the_batch_is_a_relation_with_the_columns_of_the_table_and_no_others() {
    let whole = job("table = \"users\"\n[query]\ncolumns = [\"last\"]\n\
                     sql = \"SELECT (u.r).id, md5(u.r::text) AS last FROM \
                     (SELECT b AS r FROM (SELECT id, name FROM {batch}) AS b) AS u\"");
    let stars = job("table = \"users\"\n[query]\ncolumns = [\"last\"]\n\
                     sql = \"SELECT b.id, (SELECT string_agg(k, ' ' ORDER BY k) \
                     FROM jsonb_object_keys(to_jsonb(b)) AS k) AS last FROM {batch} AS b\"");
    for strategy in ALL {
        let (url, mut client) = database(&shop(500));
        assert_eq!(fill(&url, &whole, strategy, 1), DONE);
        let (url, mut other) = database(&shop(500));
        assert_eq!(fill(&url, &stars, strategy, 1), DONE);
        let all = "SELECT count(*) FROM users WHERE last = 'id last name score'";
        assert_eq!(number(&mut other, all), 500, "{strategy:?}");
        let some = "SELECT count(DISTINCT last) FROM users";
        assert_eq!(number(&mut client, some), 500);
    }
}

#[test]
fn what_others_write_meanwhile_is_not_lost_and_comes_to_be_right() {
    for strategy in ALL {
        let (url, mut client) = database(&shop(20_000));
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..2)
            .map(|n| {
                let (url, stop) = (url.clone(), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let mut client = super::client(&url);
                    let mut done = 0_i64;
                    while !stop.load(std::sync::atomic::Ordering::SeqCst) && done < 400 {
                        let id = (done * 7919 + n * 31) % 20_000 + 1;
                        // The application keeps the columns right itself.
                        let sql = format!(
                            "BEGIN; SELECT FROM users WHERE id = {id} FOR UPDATE;
                             INSERT INTO events (user_id, kind) VALUES ({id}, 'z{done}');
                             UPDATE users SET name = name || '+', score = (SELECT count(*) FROM
                               events WHERE user_id = {id}), last = (SELECT max(kind) FROM events
                               WHERE user_id = {id}) WHERE id = {id}; COMMIT"
                        );
                        client.batch_execute(&sql).unwrap();
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let ended = fill(&url, &score(), strategy, 2);
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let written: i64 = writers.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(ended, DONE, "{strategy:?}");
        assert!(written > 0);
        assert_eq!(number(&mut client, APART), 0, "{strategy:?}");
        let plus = "SELECT sum(length(name) - length(rtrim(name, '+')))::bigint FROM users";
        assert_eq!(number(&mut client, plus), written, "{strategy:?}");
    }
}

#[test]
fn a_row_that_becomes_another_one_while_its_batch_waits_is_left_to_a_later_walk() {
    let copies = job("table = \"users\"\n[query]\ncolumns = [\"last\"]\n\
                      sql = \"SELECT u.id, 'of ' || u.name AS last FROM {batch} AS u\"");
    // However the server finds the rows again: by their places, or by looking at all of the range.
    let ways = ["enable_hashjoin", "enable_tidscan"];
    for (strategy, off) in ALL.into_iter().flat_map(|it| ways.map(|way| (it, way))) {
        let (url, mut client) = database(&shop(50));
        let name: String = client
            .query_one("SELECT current_database()::text", &[])
            .unwrap()
            .get(0);
        client
            .batch_execute(&format!("ALTER DATABASE \"{name}\" SET {off} = off"))
            .unwrap();
        open(&url)
            .begin_backfill(&copies, strategy, true, false)
            .unwrap();
        let mut hands = hands(&url, &copies, "w");
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        let mut other = super::client(&url);
        let mut changing = other.transaction().unwrap();
        // Another column than the one that is written: the query reads it.
        changing
            .batch_execute("UPDATE users SET name = 'newer' WHERE id = 7")
            .unwrap();
        let batch = std::thread::spawn(move || {
            // It waits for the row, and gives up for now where it waits for too long.
            loop {
                match hands.batch(500).unwrap() {
                    Got::InTheWay => {}
                    Got::Done(batch) if !batch.last => {}
                    got => break (hands, got),
                }
            }
        });
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        wait_until(Duration::from_secs(60), || number(&mut client, waits) > 0);
        changing.commit().unwrap();
        let (hands, got) = batch.join().unwrap();
        assert!(matches!(got, Got::Done(_)), "{got:?}");
        let stale = "SELECT count(*) FROM users WHERE last IS NOT NULL AND last <> 'of ' || name";
        assert_eq!(number(&mut client, stale), 0, "{strategy:?}");
        assert_eq!(go(vec![hands]), DONE);
        let right = "SELECT count(*) FROM users WHERE last = 'of ' || name";
        assert_eq!(number(&mut client, right), 50, "{strategy:?}");
    }
}

#[test]
fn an_answer_that_changes_behind_the_walk_is_looked_at_once_more() {
    let (url, mut client) = database(&shop(2_000));
    open(&url)
        .begin_backfill(&score(), Strategy::KeyRange, true, false)
        .unwrap();
    let mut one = hands(&url, &score(), "one");
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    assert!(matches!(one.batch(1_000).unwrap(), Got::Done(_)));
    // Nobody writes the rows themselves.
    client
        .batch_execute("DELETE FROM events WHERE user_id <= 10")
        .unwrap();
    assert_eq!(go(vec![one]), DONE);
    assert_eq!(number(&mut client, APART), 0);
    assert_eq!(standing(&url).sweep, 2);
}

#[test]
fn a_query_of_the_whole_batch_never_comes_to_its_end_and_says_so() {
    let (url, _client) = database(&shop(2_000));
    let whole = job("table = \"users\"\n[query]\ncolumns = [\"score\"]\n\
                     sql = \"SELECT u.id, coalesce(u.score, 0) + count(*) OVER () AS score FROM {batch} AS u\"");
    let ended = fill(&url, &whole, Strategy::KeyRange, 1);
    // A batch that happens to have all rows would be right, if it did not add to what is there.
    assert_eq!(ended, End::Job(JobStatus::Failed));
    let reason = standing(&url).error.unwrap();
    assert!(reason.contains("differ again"), "{reason}");
}

#[test]
fn what_is_no_such_query_is_refused_before_anything_is_begun() {
    let (url, mut client) = database(&format!(
        "{}; CREATE TABLE none (a int, score int);
         CREATE ROLE clerk; GRANT USAGE ON SCHEMA public TO clerk;
         GRANT SELECT, UPDATE ON users TO clerk",
        shop(100)
    ));
    let of = |table: &str, sql: &str| {
        let text = format!(
            "table = \"{table}\"\nkeep-undo = false\n[query]\ncolumns = [\"score\"]\nsql = '''{sql}'''"
        );
        open(&url).backfill_facts(&job(&text)).unwrap_err()
    };
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
            "SELECT id, 1 AS score, 2 AS score FROM {batch}",
            "two columns that are called `score`",
        ),
        (
            "users",
            "SELECT u.id, u.fax AS score FROM {batch} AS u",
            "column u.fax does not exist",
        ),
        ("users", "SELECT id, sum(1 FROM {batch})", "syntax error"),
        (
            "users",
            "SELECT id, ARRAY[1] AS score FROM {batch}",
            "cannot cast type integer[] to integer",
        ),
        (
            "users",
            "SELECT users.id, 1 AS score FROM {batch}",
            "FROM-clause",
        ),
        ("users", "TABLE nothing, {batch}", "syntax error"),
        (
            "none",
            "SELECT a, 1 AS score FROM {batch}",
            "neither a primary key nor",
        ),
        (
            "users",
            "SELECT 'x' AS id, 1 AS score FROM {batch}",
            "invalid input syntax for type bigint",
        ),
    ];
    for (table, sql, said) in cases {
        let error = of(table, sql);
        fault(&error);
        let found = error.to_string();
        assert!(found.contains(said), "{sql}: {found}");
    }
    let name: String = client
        .query_one("SELECT current_database()::text", &[])
        .unwrap()
        .get(0);
    client
        .batch_execute(&format!("ALTER DATABASE \"{name}\" SET role = clerk"))
        .unwrap();
    let error = open(&url).backfill_facts(&score()).unwrap_err();
    let ChangeError::Privilege { role, missing, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!((role.as_str(), missing.len()), ("clerk", 0));
    assert!(
        error.to_string().contains("what the query reads"),
        "{error}"
    );
    let why = error.source().unwrap().to_string();
    assert!(why.contains("events"), "{why}");
    client
        .batch_execute("GRANT SELECT ON events TO clerk; REVOKE UPDATE ON users FROM clerk")
        .unwrap();
    let error = open(&url).backfill_facts(&score()).unwrap_err();
    let ChangeError::Privilege { missing, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        missing,
        &["GRANT SELECT, UPDATE ON public.users TO \"clerk\""]
    );
}

#[test]
fn what_some_rows_show_goes_into_the_plan() {
    let (url, mut client) = database(&shop(5_000));
    client
        .batch_execute("UPDATE users SET score = 0 WHERE id % 3 = 0")
        .unwrap();
    client.batch_execute("VACUUM FULL ANALYZE users").unwrap();
    let facts = open(&url).backfill_facts(&score()).unwrap();
    assert_eq!(facts.sample_failed, None);
    let sample = facts.sample.unwrap();
    assert!(sample.rows >= 3_000, "{sample:?}");
    let part = sample.apart as f64 / sample.rows as f64;
    assert!((0.6..0.73).contains(&part), "{sample:?}");
    // Four bytes of a number, and three of a short text.
    assert!(
        sample.before < 0.1 && (7.0..8.0).contains(&sample.after),
        "{sample:?}"
    );
    let choice = choose(&facts, &score(), None).unwrap();
    assert!(matches!(choice.strategy, Strategy::Strided { .. }) || facts.version < 140_000);
    assert!(estimate(&facts, &score(), choice.strategy).is_some());
    let fails = job("table = \"users\"\n[query]\ncolumns = [\"score\"]\n\
                     sql = \"SELECT u.id, 1 / (u.id - 3) AS score FROM {batch} AS u\"");
    let facts = open(&url).backfill_facts(&fails).unwrap();
    assert_eq!(facts.sample_failed.as_deref(), Some("division by zero"));
}

#[test]
fn a_sample_shows_moments_in_one_form() {
    let table = "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, on_day date);
                 INSERT INTO t SELECT n FROM generate_series(1, 20) AS n";
    let set = "table = \"t\"\n[set]\nat = \"'2026-01-01 10:00+00'::timestamptz\"\n\
               on_day = \"'2026-01-01'::date\"";
    let query = "table = \"t\"\n[query]\ncolumns = [\"at\", \"on_day\"]\nsql = \"SELECT id, \
                 '2026-01-01 10:00+00'::timestamptz AS at, '2026-01-01'::date AS on_day FROM {batch}\"";
    for text in [set, query] {
        let (url, _client) = database(table);
        assert_eq!(fill(&url, &job(text), Strategy::Plain, 1), DONE);
        let found = open(&url).verify_backfill(&job(text), 5, 1).unwrap();
        let values: Vec<_> = found.samples.iter().flat_map(|it| &it.values).collect();
        assert!(!values.is_empty());
        for value in values {
            assert_eq!(value.has, value.wanted, "{text}");
        }
    }
}

#[test]
fn rows_that_divide_unevenly_among_passes_are_all_done() {
    // Every key has the same remainder.
    let (url, mut client) = database(&shop(4_000));
    client
        .batch_execute(
            "UPDATE events SET user_id = (user_id + 10000) * 1009; UPDATE users SET id = (id + 10000) * 1009",
        )
        .unwrap();
    client.batch_execute("VACUUM FULL ANALYZE users").unwrap();
    assert_eq!(fill(&url, &score(), STRIDED, 1), DONE);
    assert_eq!(number(&mut client, APART), 0);
    assert_eq!(standing(&url).counts.changed, 4_000);
}

#[test]
fn rows_are_done_again_by_a_mended_query_and_no_others() {
    let mended = job(
        "table = \"users\"\n[query]\ncolumns = [\"score\", \"last\"]\nsql = '''\
         SELECT u.id, count(e.id) + 100 AS score, max(e.kind) AS last
         FROM {batch} AS u LEFT JOIN events AS e ON e.user_id = u.id GROUP BY u.id'''",
    );
    for strategy in ALL {
        let (url, mut client) = database(&shop(3_000));
        let before = dump(&mut client, "users");
        assert_eq!(fill(&url, &score(), strategy, 1), DONE);
        let parts = ["1000..1999".parse().unwrap()];
        open(&url).rerun_backfill(&mended, &parts, false).unwrap();
        assert_eq!(go(vec![hands(&url, &mended, "again")]), DONE);
        let inside = "SELECT count(*) FROM users WHERE score >= 100 AND id BETWEEN 1000 AND 1999";
        let all = "SELECT count(*) FROM users WHERE score >= 100";
        let found = (number(&mut client, inside), number(&mut client, all));
        assert_eq!(found, (1_000, 1_000), "{strategy:?}");
        let found = open(&url).verify_backfill(&mended, 4, 1).unwrap();
        assert!(found.holds(), "{found:?}");
        let of: Vec<_> = found
            .definitions
            .iter()
            .map(|it| (it.rows, it.differ, it.differ_from_newest))
            .collect();
        assert_eq!(of, [(1_000, 0, Some(0)), (2_000, 0, Some(2_000))]);
        let spoil = "UPDATE users SET score = -1 WHERE id IN (5, 1500)";
        client.batch_execute(spoil).unwrap();
        let found = open(&url).verify_backfill(&mended, 0, 1).unwrap();
        assert_eq!(found.differ, 2, "{strategy:?}");
        let mend = "UPDATE users SET score = 2 WHERE id = 5;
                    UPDATE users SET score = 100 WHERE id = 1500";
        client.batch_execute(mend).unwrap();
        assert_eq!(undo(&url, &mended), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), before, "{strategy:?}");
    }
}
