//! Undoing a backfill beside an application.

use super::*;
use switchback_db::backfill::Expired;
use switchback_migration::backfill::estimate;

#[test]
fn rows_that_were_changed_since_are_left_alone_and_named() {
    for strategy in ALL {
        let (url, mut client) = database(&users(2_000));
        fill(&url, &slug(), strategy, 1);
        let since = "UPDATE users SET slug = 'mine' WHERE id IN (5, 500);
                     UPDATE users SET slug = NULL WHERE id = 6;
                     UPDATE users SET note = 'another column' WHERE id = 7;
                     DELETE FROM users WHERE id = 8;
                     UPDATE users SET id = 9000 WHERE id = 9";
        client.batch_execute(since).unwrap();
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
        let conflicts = open(&url).backfill_conflicts("it", 100).unwrap();
        let said: Vec<_> = conflicts
            .iter()
            .map(|it| (it.key.as_str(), it.message.as_str()))
            .collect();
        let (changed, deleted) = ("changed since", "deleted since");
        assert_eq!(
            said,
            [
                ("5", changed),
                ("500", changed),
                ("6", changed),
                ("8", deleted),
                ("9", deleted),
            ],
            "{strategy:?}"
        );
        let now = standing(&url);
        assert_eq!((now.conflicts, now.deleted, now.restored), (5, 2, 1_995));
        let kept = "SELECT string_agg(id || '=' || slug, ' ' ORDER BY id) FROM users \
                    WHERE slug IS NOT NULL";
        let kept: String = client.query_one(kept, &[]).unwrap().get(0);
        // The row with another key is not known any more.
        assert_eq!(kept, "5=mine 500=mine 9000=user9@example.com");
    }
}

#[test]
fn a_row_that_was_written_twice_ends_with_what_it_had_first() {
    let (url, mut client) = database(&users(1_000));
    fill(&url, &slug(), Strategy::KeyRange, 1);
    // Code that does not know of the slug.
    client
        .batch_execute("UPDATE users SET email = 'New@Example.com' WHERE id = 10")
        .unwrap();
    open(&url)
        .begin_backfill(&slug(), Strategy::KeyRange, false, true)
        .unwrap();
    assert_eq!(
        go(vec![hands(&url, &slug(), "w")]),
        End::Job(JobStatus::Done)
    );
    let slugs = "SELECT count(*) FROM users WHERE slug = 'new@example.com'";
    assert_eq!(number(&mut client, slugs), 1);
    assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
    let left = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
    assert_eq!(number(&mut client, left), 0);
    assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
}

/// Who writes what the first of two walks wrote has written it himself.
#[test]
fn what_somebody_wrote_is_left_alone_whatever_it_is() {
    for strategy in ALL {
        let (url, mut client) = database(&users(100));
        fill(&url, &slug(), strategy, 1);
        let again = job("table = \"users\"\n[set]\nslug = \"upper(email)\"");
        let part = "1..50".parse().unwrap();
        open(&url).rerun_backfill(&again, &[part], false).unwrap();
        go(vec![hands(&url, &again, "w")]);
        client
            .batch_execute("UPDATE users SET slug = lower(email) WHERE id IN (7, 77)")
            .unwrap();
        undo(&url, &again);
        let left = "SELECT array_agg(id) FROM users WHERE slug IS NOT NULL";
        let left: Vec<i64> = client.query_one(left, &[]).unwrap().get(0);
        // Of row 77 nobody can tell who wrote it.
        assert_eq!(left, [7], "{strategy:?}");
        let conflicts = open(&url).backfill_conflicts("it", 10).unwrap();
        assert_eq!(conflicts.len(), 1);
        // A new run has nothing to do with that.
        fill(&url, &slug(), strategy, 1);
        assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
    }
}

#[test]
fn what_has_expired_is_dropped_and_cannot_be_undone() {
    let hour = Duration::from_secs(3600);
    let (url, mut client) = database(&users(3_000));
    assert_eq!(open(&url).backfill_kept("it", hour).unwrap(), None);
    fill(&url, &slug(), Strategy::KeyRange, 1);
    let mut db = open(&url);
    let kept = db.backfill_kept("it", hour).unwrap().unwrap();
    assert!(
        kept.rows == 3_000 && !kept.due && kept.expired.is_none(),
        "{kept:?}"
    );
    let finished =
        "SELECT (extract(epoch FROM finished_at) * 1000)::bigint FROM _switchback.backfill";
    assert_eq!(
        kept.until.unwrap().as_millis(),
        number(&mut client, finished) + 3_600_000
    );
    assert_eq!(db.expire_backfill("it", hour, 1).unwrap(), Expired::Nothing);
    let late = "UPDATE _switchback.backfill SET finished_at = now() - interval '61 minutes'";
    client.batch_execute(late).unwrap();
    assert!(db.backfill_kept("it", hour).unwrap().unwrap().due);
    // While it is done again or undone it is not over, whenever it was.
    let part = "1..500".parse().unwrap();
    open(&url).rerun_backfill(&slug(), &[part], false).unwrap();
    assert_eq!(db.expire_backfill("it", hour, 1).unwrap(), Expired::Nothing);
    go(vec![hands(&url, &slug(), "w")]);
    assert_eq!(db.expire_backfill("it", hour, 1).unwrap(), Expired::Nothing);
    db.tell_backfill("it", JobStatus::Undoing).unwrap();
    client.batch_execute(late).unwrap();
    assert_eq!(db.expire_backfill("it", hour, 1).unwrap(), Expired::Nothing);
    client
        .batch_execute("UPDATE _switchback.backfill SET status = 'done'")
        .unwrap();

    let batches = number(
        &mut client,
        "SELECT count(*) FROM _switchback.backfill_undo",
    );
    assert!(batches > 2, "{batches}");
    // What a batch kept is dropped whole, a few at a time; somebody may stop in between.
    assert_eq!(db.expire_backfill("it", hour, 2).unwrap(), Expired::Some);
    let left = number(
        &mut client,
        "SELECT count(*) FROM _switchback.backfill_undo",
    );
    assert_eq!(left, batches - 2);
    let half = db.backfill_kept("it", hour).unwrap().unwrap();
    assert!(
        half.dropped_rows > 0 && half.dropped_bytes > half.dropped_rows,
        "{half:?}"
    );
    assert_eq!(half.rows + half.dropped_rows, 3_000);
    let error = db.tell_backfill("it", JobStatus::Undoing).unwrap_err();
    let BackfillError::Expired { at, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(Some(at), half.expired);
    while db.expire_backfill("it", hour, 2).unwrap() == Expired::Some {}
    let all = db.backfill_kept("it", hour).unwrap().unwrap();
    assert_eq!((all.rows, all.dropped_rows, all.due), (0, 3_000, false));
    assert_eq!(db.expire_backfill("it", hour, 2).unwrap(), Expired::Nothing);
    assert!(db.tell_backfill("it", JobStatus::Undoing).is_err());
    assert_eq!(standing(&url).status, JobStatus::Done);

    // Begun anew it is undone to before that.
    client
        .batch_execute("UPDATE users SET slug = 'mine' WHERE id <= 10")
        .unwrap();
    db.begin_backfill(&slug(), Strategy::KeyRange, false, true)
        .unwrap();
    go(vec![hands(&url, &slug(), "w")]);
    assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
    assert_eq!(
        number(
            &mut client,
            "SELECT count(*) FROM users WHERE slug = 'mine'"
        ),
        10
    );
}

#[test]
fn keys_that_are_far_from_each_other_come_back_as_well() {
    let far = [
        "11, 12, 65546",
        "-70000, 0, 2147483657",
        "-9223372036854775808, -1, 0, 2147483658, 9223372036854775807",
    ];
    for strategy in ALL {
        for keys in far {
            let (url, mut client) = database(&users(10));
            let rows = format!(
                "INSERT INTO users SELECT n, 'Far@Example.com' FROM unnest(ARRAY[{keys}]) AS n
                 ON CONFLICT DO NOTHING"
            );
            client.batch_execute(&rows).unwrap();
            let all = number(&mut client, "SELECT count(*) FROM users");
            fill(&url, &slug(), strategy, 1);
            let left = "SELECT count(*) FROM users WHERE slug IS NULL";
            assert_eq!(number(&mut client, left), 0, "{strategy:?} {keys}");
            assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
            assert_eq!(number(&mut client, left), all, "{strategy:?} {keys}");
            assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
        }
    }
}

/// Fills in batches of so many rows, however long each takes: former values are kept by batch.
fn in_batches_of(rows: u32, url: &str) {
    let unhurried = |_: Duration, _: &Readings| Allowance {
        batch: Some(Duration::from_secs(60)),
        pause: 0.0,
        turns: false,
        reason: String::new(),
    };
    let mut running = running();
    (running.pace.rows, running.most_rows) = (rows, rows);
    let mut go_on = |_: &Moment| Next::Continue;
    open(url)
        .begin_backfill(&slug(), Strategy::KeyRange, true, false)
        .unwrap();
    let worker = vec![hands(url, &slug(), "w")];
    let ended = run(worker, Calm, unhurried, &running, &mut go_on).unwrap();
    assert_eq!(ended, End::Job(JobStatus::Done));
}

/// What the undo log is said to take is about what it takes.
#[test]
fn its_size_is_about_what_was_told() {
    let texts = |table: &str, key: &str, before: &str| {
        format!(
            "CREATE TABLE {table} (id {} PRIMARY KEY, email text NOT NULL, slug text);
             INSERT INTO {table} SELECT {key}, 'User' || n, {before}
             FROM generate_series(1, 20000) AS n;
             ANALYZE {table}",
            if key == "n" { "bigint" } else { "uuid" }
        )
    };
    // What is stored is not compressed here, where nobody could tell by how much it would be.
    let random = "md5(n::text)";
    for (key, before) in [
        ("n", "NULL"),
        ("n", random),
        ("md5(n::text)::uuid", "NULL"),
        ("md5(n::text)::uuid", random),
    ] {
        let (url, mut client) = database(&texts("users", key, before));
        let facts = open(&url).backfill_facts(&slug()).unwrap();
        let told = estimate(&facts, &slug(), Strategy::KeyRange).unwrap().undo;
        in_batches_of(2_000, &url);
        let size = "SELECT pg_total_relation_size('_switchback.backfill_undo')";
        let real = number(&mut client, size);
        let part = told as f64 / real as f64;
        assert!(
            (0.65..1.5).contains(&part),
            "{key}, {before}: {told} of {real}"
        );
    }
}

#[test]
fn what_keeps_nothing_is_not_undone() {
    let (url, mut client) = database(&users(100));
    let job = job("table = \"users\"\nkeep-undo = false\n[set]\nslug = \"lower(email)\"");
    fill(&url, &job, STRIDED, 1);
    let error = open(&url)
        .tell_backfill("it", JobStatus::Undoing)
        .unwrap_err();
    assert!(
        matches!(error, BackfillError::NothingKept { .. }),
        "{error}"
    );
    assert_eq!(standing(&url).status, JobStatus::Done);
    let left = "SELECT count(*) FROM users WHERE slug IS NULL";
    assert_eq!(number(&mut client, left), 0);
}

/// Former values name no columns: they go back where they came from, whatever the file says by now.
#[test]
fn what_is_kept_goes_into_no_other_column() {
    let (url, mut client) = database(&users(100));
    fill(&url, &slug(), Strategy::Plain, 1);
    let other = job("table = \"users\"\n[set]\nnote = \"'x'\"");
    let again = open(&url).begin_backfill(&other, Strategy::Plain, true, true);
    assert!(
        matches!(again, Err(BackfillError::OtherColumns { .. })),
        "{again:?}"
    );
    assert_eq!(undo(&url, &other), End::Job(JobStatus::Undone));
    let left = "SELECT count(*) FROM users WHERE slug IS NOT NULL OR note <> repeat('x', 20)";
    assert_eq!(number(&mut client, left), 0);
    // Then there is nothing to lose.
    assert_eq!(
        fill(&url, &other, Strategy::Plain, 1),
        End::Job(JobStatus::Done)
    );
    let filled = "SELECT count(*) FROM users WHERE note = 'x' AND slug IS NULL";
    assert_eq!(number(&mut client, filled), 100);
}

/// Whoever resumes a job does not wait for a lease of somebody who has ended.
#[test]
fn a_range_of_a_job_that_stops_is_given_back() {
    for to in [JobStatus::Paused, JobStatus::Cancelled] {
        let (url, mut client) = database(&users(2_000));
        open(&url)
            .begin_backfill(&slug(), Strategy::KeyRange, true, false)
            .unwrap();
        let mut hands = hands(&url, &slug(), "w");
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        assert!(matches!(hands.batch(100).unwrap(), Got::Done(_)));
        open(&url).tell_backfill("it", to).unwrap();
        assert_eq!(hands.batch(100).unwrap(), Got::Ended(to));
        assert_eq!(hands.release().unwrap(), Got::Released);
        let leased = "SELECT count(*) FROM _switchback.backfill_range WHERE status = 'leased'";
        assert_eq!(number(&mut client, leased), 0);
    }
}
