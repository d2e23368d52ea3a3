//! Rows that refuse what they should get.

use super::*;

const BAD: &str = "CREATE TABLE users (id bigint PRIMARY KEY, email text, note text, slug int);
    INSERT INTO users SELECT n, CASE WHEN n % 1000 = 7 THEN 'none' ELSE n::text END, 'x', NULL
    FROM generate_series(1, 5000) AS n; ANALYZE users";

fn number_of() -> Job {
    job("table = \"users\"\n[set]\nslug = \"email::int\"")
}

#[test]
fn rows_that_fail_are_named_and_passed_over() {
    for strategy in ALL {
        let (url, mut client) = database(BAD);
        assert_eq!(
            fill(&url, &number_of(), strategy, 2),
            End::Job(JobStatus::Done),
            "{strategy:?}"
        );
        let filled = "SELECT count(*) FROM users WHERE slug = id";
        assert_eq!(number(&mut client, filled), 4995, "{strategy:?}");
        let failed = open(&url).backfill_failures("it", 100).unwrap();
        let keys: Vec<_> = failed.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["1007", "2007", "3007", "4007", "7"], "{strategy:?}");
        assert!(failed[0].message.contains("none"), "{failed:?}");
        assert_eq!(standing(&url).counts.failed, 5);
        assert_eq!(undo(&url, &number_of()), End::Job(JobStatus::Undone));
        let filled = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
        assert_eq!(number(&mut client, filled), 0);
    }
}

#[test]
fn the_first_one_ends_the_job_where_that_was_asked_for() {
    let (url, mut client) = database(BAD);
    open(&url)
        .begin_backfill(&number_of(), Strategy::KeyRange, true, false)
        .unwrap();
    let strict = |worker: &str| {
        let options = HandsOptions {
            stop_on_error: true,
            ..hand_options(worker)
        };
        PostgresHands::new(
            open(&url),
            number_of(),
            options,
            Arc::new(AtomicBool::new(false)),
        )
    };
    assert_eq!(go(vec![strict("a")]), End::Job(JobStatus::Failed));
    let now = standing(&url);
    assert!(now.error.unwrap().contains("none"));
    // Mended, it goes on from there.
    let mend = "UPDATE users SET email = id::text WHERE email = 'none'";
    client.batch_execute(mend).unwrap();
    open(&url)
        .begin_backfill(&number_of(), Strategy::KeyRange, true, false)
        .unwrap();
    assert_eq!(go(vec![strict("b")]), End::Job(JobStatus::Done));
    let filled = "SELECT count(*) FROM users WHERE slug = id";
    assert_eq!(number(&mut client, filled), 5000);
}

#[test]
fn too_many_end_the_job() {
    let (url, _client) = database(BAD);
    open(&url)
        .begin_backfill(&number_of(), STRIDED, true, false)
        .unwrap();
    let options = HandsOptions {
        most_failed: 2,
        ..hand_options("w")
    };
    let abort = Arc::new(AtomicBool::new(false));
    let few = PostgresHands::new(open(&url), number_of(), options, abort);
    assert_eq!(go(vec![few]), End::Job(JobStatus::Failed));
    let error = standing(&url).error.unwrap();
    assert!(error.contains("more than 2 rows"), "{error}");
}
