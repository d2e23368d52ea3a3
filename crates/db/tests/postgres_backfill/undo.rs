//! Undoing a backfill beside an application.

use super::*;

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
        let keys: Vec<_> = conflicts.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["5", "500", "6"], "{strategy:?}");
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
