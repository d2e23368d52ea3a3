//! Doing some rows of a backfill again, with a definition that was mended.

use super::*;
use switchback_db::backfill::{Again, RangeRows, RerunError};
use switchback_migration::backfill::Part;

/// The same columns, and other values.
fn mended() -> Job {
    job("table = \"users\"\n[set]\nslug = \"upper(email)\"")
}

fn parts(texts: &[&str]) -> Vec<Part> {
    texts.iter().map(|it| it.parse().unwrap()).collect()
}

fn again(url: &str, job: &Job, texts: &[&str]) -> Result<Again, BackfillError> {
    open(url).rerun_backfill(job, &parts(texts), false)
}

/// Does some rows again to the end.
fn rerun(url: &str, job: &Job, texts: &[&str], workers: usize) -> Again {
    let begun = again(url, job, texts).unwrap();
    go((0..workers)
        .map(|n| hands(url, job, &format!("again {n}")))
        .collect());
    begun
}

fn counts(client: &mut Client) -> [i64; 3] {
    [
        "SELECT count(*) FROM users WHERE slug = upper(email)",
        "SELECT count(*) FROM users WHERE slug = lower(email)",
        "SELECT count(*) FROM users WHERE slug IS NULL",
    ]
    .map(|sql| number(client, sql))
}

#[test]
fn rows_between_two_keys_are_done_again_and_no_others() {
    for strategy in ALL {
        let (url, mut client) = database(&users(3_000));
        let original = dump(&mut client, "users");
        fill(&url, &slug(), strategy, 1);
        let begun = rerun(&url, &mended(), &["1000..1999"], 2);
        assert_eq!((begun.resumed, begun.rows), (false, 1_000));
        assert_eq!(begun.before, slug().version().to_string());
        assert_eq!(counts(&mut client), [1_000, 2_000, 0], "{strategy:?}");
        let inside =
            "SELECT count(*) FROM users WHERE slug = upper(email) AND id BETWEEN 1000 AND 1999";
        assert_eq!(number(&mut client, inside), 1_000);
        let now = standing(&url);
        assert_eq!((now.status, now.sweep), (JobStatus::Done, 1));
        assert_eq!(now.version, mended().version().to_string());
        assert_eq!((now.rerun, now.counts.changed), (None, 4_000));
        // Every range says what it was done with.
        let ranges = open(&url).backfill_ranges("it").unwrap();
        for range in &ranges {
            let version = if range.again { mended() } else { slug() }.version();
            assert_eq!(range.version, Some(version.to_string()), "{range:?}");
        }
        let last = ranges.last().unwrap();
        assert_eq!((last.walk, last.changed, last.scanned), (2, 1_000, 1_000));
        assert_eq!(last.rows.to_string(), "1000 to 1999");
        // Both times are undone, newest first.
        assert_eq!(undo(&url, &mended()), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), original, "{strategy:?}");
        assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
    }
}

/// What lies on some pages now is not what lay there when the range was walked.
#[test]
fn a_range_of_pages_means_the_rows_that_it_changed() {
    for strategy in [STRIDED, Strategy::Plain, Strategy::KeyRange] {
        let (url, mut client) = database(&users(3_000));
        // Some rows have what they should, so that the range changes them not.
        client
            .batch_execute("UPDATE users SET slug = lower(email) WHERE id % 10 = 0")
            .unwrap();
        client.batch_execute("VACUUM FULL users").unwrap();
        open(&url)
            .begin_backfill(&slug(), strategy, false, false)
            .unwrap();
        go(vec![hands(&url, &slug(), "w").ranges_of(700)]);
        let ranges = open(&url).backfill_ranges("it").unwrap();
        let second = ranges
            .iter()
            .find(|it| it.walk == 1 && it.number == 2)
            .unwrap();
        assert!(second.changed > 300, "{second:?}");
        let keys = "SELECT array_agg(id ORDER BY id) FROM users AS t WHERE id IN (
            SELECT one.k FROM _switchback.backfill_undo AS kept, LATERAL unnest(CASE
                WHEN close IS NOT NULL THEN ARRAY(SELECT base + 32768 + c FROM unnest(close) AS c)
                ELSE ARRAY(SELECT base + a FROM unnest(away) AS a) END) AS one (k)
            WHERE kept.sweep = 1 AND kept.range = 2)";
        let changed: Vec<i64> = client.query_one(keys, &[]).unwrap().get(0);
        assert_eq!(changed.len() as u64, second.changed);
        let wanted: Vec<i64> = match &second.rows {
            RangeRows::Pages { .. } => {
                let (low, high) = second.keys.clone().unwrap();
                assert_eq!(
                    (low, high),
                    (changed[0].to_string(), changed.last().unwrap().to_string())
                );
                changed
            }
            RangeRows::Keys { after, to, .. } => {
                let (after, to) = (after.as_ref().unwrap(), to);
                let all = format!(
                    "SELECT array_agg(id ORDER BY id) FROM users
                    WHERE id > {after} AND id <= {to}"
                );
                client.query_one(&all, &[]).unwrap().get(0)
            }
            other => unreachable!("{other:?}"),
        };
        client
            .batch_execute(
                "UPDATE users SET note = 'moved' WHERE id % 2 = 0; CREATE INDEX e ON users (email DESC);
                 CLUSTER users USING e; DROP INDEX e",
            )
            .unwrap();
        rerun(&url, &mended(), &["1/2"], 2);
        let done = "SELECT array_agg(id ORDER BY id) FROM users WHERE slug = upper(email)";
        let done: Vec<i64> = client.query_one(done, &[]).unwrap().get(0);
        assert_eq!(done, wanted, "{strategy:?}");
        // And once more, by the range of the rerun.
        let third = job("table = \"users\"\n[set]\nslug = \"'third ' || id\"");
        let ranges = open(&url).backfill_ranges("it").unwrap();
        let walk = ranges.iter().find(|it| it.again).unwrap().walk;
        let texts: Vec<String> = ranges
            .iter()
            .filter(|it| it.walk == walk)
            .map(|it| format!("{walk}/{}", it.number))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        rerun(&url, &third, &texts, 1);
        let done = "SELECT array_agg(id ORDER BY id) FROM users WHERE slug = 'third ' || id";
        let done: Vec<i64> = client.query_one(done, &[]).unwrap().get(0);
        assert_eq!(done, wanted, "{strategy:?}");
        undo(&url, &third);
        let left = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
        assert_eq!(number(&mut client, left), 300, "{strategy:?}");
        assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
    }
}

#[test]
fn rows_that_refused_are_done_again_by_themselves() {
    for strategy in ALL {
        let (url, mut client) = database(&users(2_000));
        client
            .batch_execute(
                "ALTER TABLE users ADD CONSTRAINT short CHECK (length(slug) < 25);
                 UPDATE users SET email = repeat('x', 30) || id WHERE id IN (7, 8, 1900);
                 CREATE TABLE log (id bigint);
                 CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NEW; END $$",
            )
            .unwrap();
        fill(&url, &slug(), strategy, 1);
        assert_eq!(standing(&url).counts.failed, 3);
        client
            .batch_execute(
                "CREATE TRIGGER log BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION log();
                 UPDATE users SET note = 'as it is' WHERE id = 8",
            )
            .unwrap();
        client.batch_execute("TRUNCATE log").unwrap();
        let cut =
            job("table = \"users\"\n[set]\nslug = \"left(lower(email), 24 + (id / 1900)::int)\"");
        let begun = open(&url)
            .rerun_backfill(&cut, &[Part::Failed], false)
            .unwrap();
        assert_eq!(begun.rows, 3);
        go(vec![hands(&url, &cut, "w")]);
        // One of them refuses it still.
        assert_eq!(standing(&url).counts.failed, 1);
        let failures = open(&url).backfill_failures("it", 10).unwrap();
        assert_eq!(failures[0].key, "1900");
        let written = "SELECT array_agg(id ORDER BY id) FROM log";
        let written: Vec<i64> = client.query_one(written, &[]).unwrap().get(0);
        assert_eq!(written, [7, 8], "{strategy:?}");
        let found = open(&url).verify_backfill(&cut, 0, 1).unwrap();
        assert_eq!(
            (found.differ, found.failed),
            (0, 1),
            "{strategy:?} {found:?}"
        );
        // Then nothing refuses any more, and there is nothing to do again.
        rerun(&url, &slug_of(24), &["1..10"], 1);
        assert_eq!(standing(&url).counts.failed, 1);
        open(&url)
            .rerun_backfill(&slug_of(24), &[Part::Failed], false)
            .unwrap();
        go(vec![hands(&url, &slug_of(24), "w")]);
        assert_eq!(standing(&url).counts.failed, 0);
        let none = open(&url).rerun_backfill(&slug_of(24), &[Part::Failed], false);
        assert!(
            matches!(none, Err(BackfillError::Rerun(RerunError::NothingRefused))),
            "{none:?}"
        );
        undo(&url, &slug_of(24));
        let left = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
        assert_eq!(number(&mut client, left), 0);
    }
}

fn slug_of(length: u32) -> Job {
    job(&format!(
        "table = \"users\"\n[set]\nslug = \"left(lower(email), {length})\""
    ))
}

#[test]
fn a_range_that_names_no_rows_is_refused_and_nothing_is_begun() {
    let (url, mut client) = database(&users(1_000));
    let before = again(&url, &slug(), &["1/1"]).unwrap_err();
    assert!(matches!(before, BackfillError::Unknown { .. }), "{before}");
    fill(&url, &slug(), Strategy::Plain, 1);
    let state = |client: &mut Client| {
        let sql = "SELECT b::text || (SELECT string_agg(r::text, ' ') FROM _switchback.backfill_range r)
                   || (SELECT count(*) FROM _switchback.backfill_rerun) FROM _switchback.backfill b";
        let state: String = client.query_one(sql, &[]).unwrap().get(0);
        (state, dump(client, "users"))
    };
    let was = state(&mut client);
    for (text, part) in [
        ("7/1", "there is no range 7/1"),
        ("1/7000", "there is no range 1/7000"),
        ("4294967295/4294967295", "there is no range"),
        ("2000..3000", "no row of users has a key in 2000..3000"),
        ("20..10", "20 comes after 10"),
        ("1..x", "1..x"),
        ("1..99999999999999999999", "is no key of users"),
        ("1..2.5", "is no key of users"),
        ("';drop table users..2", "is no key of users"),
        ("[1,2]..[3,4]", "has one column: (id)"),
    ] {
        let error = again(&url, &mended(), &["1..10", text]).unwrap_err();
        assert!(
            matches!(error, BackfillError::Rerun(RerunError::Wrong { .. })),
            "{text}: {error:?}"
        );
        let part = if text == part {
            "x is no key of users"
        } else {
            part
        };
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert_eq!(state(&mut client), was, "{text}");
    }
    // Other columns, another table, or former values that would not all be kept.
    for text in [
        "table = \"users\"\n[set]\nnote = \"'x'\"",
        "table = \"users\"\nkeep-undo = false\n[set]\nslug = \"upper(email)\"",
    ] {
        let error = again(&url, &job(text), &["1..10"]).unwrap_err();
        assert!(
            matches!(error, BackfillError::OtherColumns { .. }),
            "{error:?}"
        );
    }
    // To find out what it would be begins nothing either.
    let would = open(&url)
        .rerun_backfill(&mended(), &parts(&["5..14"]), true)
        .unwrap();
    assert_eq!((would.rows, would.ranges.len()), (10, 1));
    assert_eq!(state(&mut client), was);
    // While it is undone there is nothing to do again.
    undo(&url, &slug());
    let error = again(&url, &mended(), &["1..10"]).unwrap_err();
    assert!(matches!(error, BackfillError::Stands { .. }), "{error:?}");
}

#[test]
fn what_was_not_kept_names_no_rows() {
    let (url, mut client) = database(&users(1_000));
    let text = "table = \"users\"\nkeep-undo = false\n[set]\nslug = ";
    let first = job(&format!("{text}\"lower(email)\""));
    let second = job(&format!("{text}\"upper(email)\""));
    fill(&url, &first, Strategy::Plain, 1);
    let error = again(&url, &second, &["1/1"]).unwrap_err();
    assert!(
        matches!(error, BackfillError::Rerun(RerunError::Unsaid { .. })),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("of 1000 rows that it changed, the keys of 0 are kept")
    );
    // By their keys rows are known.
    rerun(&url, &second, &["1..100"], 1);
    assert_eq!(counts(&mut client), [100, 900, 0]);
    // A table without a key has none.
    let (url, mut client) = database(
        "CREATE TABLE users (email text, slug text);
         INSERT INTO users SELECT 'U' || n FROM generate_series(1, 100) AS n; ANALYZE users",
    );
    fill(&url, &first, Strategy::Plain, 1);
    for text in ["1/1", "1..2"] {
        let error = again(&url, &second, &[text]).unwrap_err();
        assert!(error.to_string().contains("have no key"), "{error}");
    }
    assert_eq!(counts(&mut client), [0, 100, 0]);
}

#[test]
fn whoever_asks_for_the_same_takes_part_and_for_something_else_is_told() {
    let (url, mut client) = database(&users(2_000));
    fill(&url, &slug(), Strategy::KeyRange, 1);
    let first = again(&url, &mended(), &["1..500", "1000..1500"]).unwrap();
    assert!(!first.resumed);
    let mut one = hands(&url, &mended(), "one");
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    assert!(matches!(one.batch(100).unwrap(), Got::Done(_)));
    // In whatever order it is said.
    let same = again(&url, &mended(), &["1000..1500", "1..500", "1..500"]).unwrap();
    assert_eq!((same.resumed, same.rows), (true, 1_001));
    let error = again(&url, &mended(), &["1..501"]).unwrap_err();
    let BackfillError::Rerun(RerunError::Other { asked }) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(asked, "1..500 1000..1500");
    let error = again(&url, &slug(), &["1..500", "1000..1500"]).unwrap_err();
    assert!(
        matches!(error, BackfillError::OtherVersion { .. }),
        "{error:?}"
    );
    assert_eq!(standing(&url).rerun.as_deref(), Some("1..500 1000..1500"));
    // Whoever was at it with the older file does nothing any more.
    let mut old = hands(&url, &slug(), "old");
    let error = old.claim().unwrap_err();
    assert!(
        matches!(error, BackfillError::OtherVersion { .. }),
        "{error:?}"
    );
    // It is paused and gone on with like any other walk.
    open(&url).tell_backfill("it", JobStatus::Paused).unwrap();
    assert_eq!(one.batch(100).unwrap(), Got::Ended(JobStatus::Paused));
    one.release().unwrap();
    assert!(
        again(&url, &mended(), &["1000..1500", "1..500"])
            .unwrap()
            .resumed
    );
    assert_eq!(
        go(vec![one, hands(&url, &mended(), "two")]),
        End::Job(JobStatus::Done)
    );
    assert_eq!(counts(&mut client), [1_001, 999, 0]);
}

#[test]
fn a_walk_that_was_paused_goes_on_afterwards() {
    for strategy in ALL {
        let (url, mut client) = database(&users(2_000));
        open(&url)
            .begin_backfill(&slug(), strategy, true, false)
            .unwrap();
        let mut one = hands(&url, &slug(), "one").ranges_of(600);
        assert_eq!(one.claim().unwrap(), Got::Claimed);
        while matches!(one.batch(1_000).unwrap(), Got::Done(it) if !it.last) {}
        open(&url).tell_backfill("it", JobStatus::Paused).unwrap();
        let filled = counts(&mut client)[1];
        assert!(filled > 0 && filled < 2_000);
        // What an expression looks up was mended; the definition is the same.
        client
            .batch_execute("UPDATE users SET email = 'New' || email WHERE id <= 100")
            .unwrap();
        let error = again(&url, &mended(), &["1..50"]).unwrap_err();
        assert!(
            matches!(error, BackfillError::OtherVersion { .. }),
            "{error:?}"
        );
        rerun(&url, &slug(), &["1..100"], 1);
        let now = standing(&url);
        assert_eq!(
            (now.status, now.sweep),
            (JobStatus::Paused, 1),
            "{strategy:?}"
        );
        assert!(counts(&mut client)[2] > 0);
        open(&url)
            .begin_backfill(&slug(), strategy, true, false)
            .unwrap();
        let two = hands(&url, &slug(), "two").ranges_of(600);
        assert_eq!(go(vec![two]), End::Job(JobStatus::Done));
        assert_eq!(counts(&mut client), [0, 2_000, 0], "{strategy:?}");
        undo(&url, &slug());
        assert_eq!(counts(&mut client), [0, 0, 2_000], "{strategy:?}");
    }
}

#[test]
fn keys_of_every_kind_say_which_rows() {
    let tables = [
        (
            "CREATE TABLE users (region text, id int, email text, slug text, PRIMARY KEY (region, id));
             INSERT INTO users SELECT 'r' || n % 3, n, 'User' || n FROM generate_series(1, 900) AS n;
             ANALYZE users",
            &[r#"["r1",1]..["r1",400]"#, r#"["r2","899"]..["r2",2000]"#][..],
            134 + 1,
        ),
        (
            "CREATE TABLE users (id text PRIMARY KEY, email text, slug text);
             INSERT INTO users SELECT 'k''' || n || '\"', 'User' || n FROM generate_series(1, 900) AS n;
             ANALYZE users",
            &["k'10..k'19z"][..],
            110,
        ),
        (
            "CREATE TABLE users (id uuid PRIMARY KEY, email text, slug text);
             INSERT INTO users SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid,
               'User' || n FROM generate_series(1, 900) AS n;
             ANALYZE users",
            &["00000000-0000-0000-0000-000000000100..00000000-0000-0000-0000-000000000199"][..],
            100,
        ),
        (
            "CREATE TABLE users (id bigint, email text, slug text, PRIMARY KEY (id))
               PARTITION BY RANGE (id);
             CREATE TABLE users_0 PARTITION OF users FOR VALUES FROM (0) TO (400);
             CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (400) TO (1000);
             INSERT INTO users SELECT n, 'User' || n FROM generate_series(1, 900) AS n;
             ANALYZE users",
            &["350..449", "890.."][..],
            111,
        ),
        (
            "CREATE TABLE users (id timestamptz PRIMARY KEY, email text, slug text);
             INSERT INTO users SELECT '2024-01-01 00:00:00Z'::timestamptz + n * interval '1 hour',
               'User' || n FROM generate_series(1, 900) AS n;
             ANALYZE users",
            &["2024-01-02 00:00:00Z..2024-01-02 23:00:00Z"][..],
            24,
        ),
    ];
    for (n, (sql, texts, rows)) in tables.into_iter().enumerate() {
        for strategy in ALL {
            let (url, mut client) = database(sql);
            let original = dump(&mut client, "users");
            fill(&url, &slug(), strategy, 2);
            rerun(&url, &mended(), texts, 2);
            let what = format!("table {n}, {strategy:?}");
            assert_eq!(counts(&mut client), [rows, 900 - rows, 0], "{what}");
            let found = open(&url).verify_backfill(&mended(), 5, 1).unwrap();
            assert!(found.holds(), "{what}: {found:?}");
            // Ranges of the first walk, wherever rows lie since.
            client
                .batch_execute("UPDATE users SET email = email")
                .unwrap();
            let walk = open(&url).backfill_ranges("it").unwrap();
            let first = walk
                .iter()
                .find(|it| it.walk == 1 && it.changed > 0)
                .unwrap();
            let text = format!("1/{}", first.number);
            let third = job("table = \"users\"\n[set]\nslug = \"'third ' || email\"");
            let begun = rerun(&url, &third, &[&text], 2);
            let done = "SELECT count(*) FROM users WHERE slug = 'third ' || email";
            assert_eq!(
                number(&mut client, done).unsigned_abs(),
                first.changed,
                "{what}"
            );
            assert_eq!(begun.rows, first.changed, "{what}");
            assert_eq!(undo(&url, &third), End::Job(JobStatus::Undone));
            assert_eq!(dump(&mut client, "users"), original, "{what}");
        }
    }
}

#[test]
fn a_look_at_all_rows_judges_each_by_the_definition_that_it_was_done_with() {
    for strategy in ALL {
        let (url, mut client) = database(&users(2_000));
        fill(&url, &slug(), strategy, 1);
        rerun(&url, &mended(), &["501..1000"], 1);
        let third =
            job("table = \"users\"\n[set]\nslug = \"repeat('z', (2000 / (id - 1500))::int)\"");
        rerun(&url, &third, &["901..1100", "1/1000..", "1400.."][..1], 1);
        let found = open(&url).verify_backfill(&third, 20, 7).unwrap();
        assert!(found.holds(), "{strategy:?} {found:?}");
        let of: Vec<_> = found
            .definitions
            .iter()
            .map(|it| {
                (
                    it.version.clone(),
                    it.rows,
                    it.differ,
                    it.differ_from_newest,
                )
            })
            .collect();
        let version = |job: &Job| job.version().to_string();
        assert_eq!(
            of,
            [
                (version(&third), 200, 0, Some(0)),
                (version(&mended()), 400, 0, Some(400)),
                // For one of these rows it would divide by nothing.
                (version(&slug()), 1_400, 0, None),
            ],
            "{strategy:?}"
        );
        let keys: Vec<i64> = found
            .samples
            .iter()
            .map(|it| it.key.parse().unwrap())
            .collect();
        assert!(
            !keys.is_empty() && keys.iter().all(|it| (901..=1100).contains(it)),
            "{keys:?}"
        );
        // One row of each is spoiled.
        client
            .batch_execute("UPDATE users SET slug = 'spoiled' WHERE id IN (1, 501, 901)")
            .unwrap();
        let found = open(&url).verify_backfill(&third, 0, 7).unwrap();
        assert_eq!((found.differ, found.holds()), (3, false));
        assert!(found.definitions.iter().all(|it| it.differ == 1));
        // All rows are walked with one definition: then there is only that.
        open(&url)
            .begin_backfill(&mended(), strategy, false, true)
            .unwrap();
        go(vec![hands(&url, &mended(), "w")]);
        let found = open(&url).verify_backfill(&mended(), 0, 7).unwrap();
        assert!(found.holds() && found.definitions.is_empty(), "{found:?}");
        undo(&url, &mended());
        // What somebody wrote is not overwritten, but the walk had it.
        assert_eq!(counts(&mut client)[2], 1_997);
    }
}

/// The final look is at the rows that were done again: others need not have what this gives, and
/// may be what it cannot be computed for.
#[test]
fn rows_that_somebody_spoils_meanwhile_are_walked_once_more() {
    let (url, mut client) = database(&users(1_000));
    fill(&url, &slug(), Strategy::KeyRange, 1);
    let risky = job("table = \"users\"\n[set]\nslug = \"(1000 / (id - 900))::text\"");
    again(&url, &risky, &["1..300"]).unwrap();
    let mut one = hands(&url, &risky, "one");
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    while matches!(one.batch(100).unwrap(), Got::Done(it) if !it.last) {}
    client
        .batch_execute("UPDATE users SET slug = 'old' WHERE id IN (5, 300, 301)")
        .unwrap();
    assert_eq!(go(vec![one]), End::Job(JobStatus::Done));
    let wrong = "SELECT count(*) FROM users WHERE id <= 300 AND slug <> (1000 / (id - 900))::text";
    assert_eq!(number(&mut client, wrong), 0);
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM users WHERE slug = 'old'"),
        1
    );
    let walks: Vec<u32> = open(&url)
        .backfill_ranges("it")
        .unwrap()
        .iter()
        .map(|it| it.walk)
        .collect();
    assert_eq!(walks, [1, 2, 3]);
    // Something that keeps writing them ends it.
    client
        .batch_execute(
            "CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN NEW.slug := OLD.slug || 'x'; RETURN NEW; END $$;
             CREATE TRIGGER back BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION back()",
        )
        .unwrap();
    rerun(&url, &slug(), &["1..10"], 1);
    let now = standing(&url);
    assert_eq!(now.status, JobStatus::Failed);
    assert!(
        now.error
            .unwrap()
            .contains("after 5 walks over what was to be done again")
    );
    client.batch_execute("DROP TRIGGER back ON users").unwrap();
    rerun(&url, &slug(), &["1..10"], 1);
    assert_eq!(standing(&url).status, JobStatus::Done);
}
