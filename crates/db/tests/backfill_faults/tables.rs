//! Tables that become others in the middle of a walk.

use switchback_db::backfill::Hands as _;
use switchback_db::postgres::backfill::BackfillError;
use switchback_db::postgres::change::ChangeError;
use switchback_migration::backfill::machine::{End, Got};
use switchback_migration::backfill::{JobStatus, Strategy};

use super::bench::{Bench, DONE, LONG, each_strategy, go};
use super::world::options;

const PARTITIONED: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, note text, slug text)
      PARTITION BY RANGE (id);
    CREATE TABLE users_0 PARTITION OF users FOR VALUES FROM (0) TO (400);
    CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (400) TO (800);
    CREATE TABLE users_2 PARTITION OF users FOR VALUES FROM (800) TO (1200);
    INSERT INTO users SELECT n, 'User' || n || '@Example.com', repeat('x', 100), NULL
    FROM generate_series(1, 1000) AS n;
    ANALYZE users";

/// Something happens to the table after the first batch, while a range is held; then it goes on.
fn meanwhile(strategy: Strategy, table: Option<&str>, happens: &str) -> Bench {
    let mut bench = match table {
        Some(sql) => Bench::of(strategy, sql),
        None => Bench::new(strategy, 1_000),
    };
    let mut hands = bench.hands("w", LONG);
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    assert!(matches!(hands.batch(50).unwrap(), Got::Done(_)));
    let written = bench.filled();
    assert!(written > 0);
    bench.run(happens);
    // It goes on in the middle of its range, or finds that there is none any more.
    assert!(matches!(hands.batch(50).unwrap(), Got::Done(_) | Got::Lost));
    hands.release().unwrap();
    let others = bench.hands("v", LONG);
    assert_eq!(
        go(vec![hands, others]).unwrap(),
        DONE,
        "{strategy:?}: {happens}"
    );
    let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
    assert_eq!(bench.number(wrong), 0, "{strategy:?}: {happens}");
    bench
}

#[test]
fn rows_that_move_to_other_files_are_all_found_and_written_once() {
    each_strategy(|strategy| {
        for happens in [
            "VACUUM FULL users",
            "UPDATE users SET note = 'moved' WHERE id % 3 = 0",
            "BEGIN; UPDATE users SET note = 'moved' WHERE id % 3 = 0; CLUSTER users USING users_pkey;
             COMMIT",
            "CREATE INDEX by_email ON users (email DESC); CLUSTER users USING by_email",
            "ALTER TABLE users ALTER note TYPE varchar(200)",
        ] {
            let mut bench = meanwhile(strategy, None, happens);
            bench.check_filled(1_000, &format!("{strategy:?}: {happens}"));
        }
    });
}

#[test]
fn a_table_that_is_emptied_and_filled_again_is_walked_again() {
    each_strategy(|strategy| {
        let happens = "BEGIN; TRUNCATE users; INSERT INTO users
            SELECT n, 'Again' || n || '@Example.com', 'x', NULL FROM generate_series(1, 700) AS n;
            COMMIT";
        let mut bench = meanwhile(strategy, None, happens);
        assert_eq!(bench.filled(), 700, "{strategy:?}");
        // And what is kept of rows that are no more harms nobody: those of the same keys have other
        // values now.
        let kept = bench.counted();
        assert_eq!(kept[0], kept[1]);
        let mut bench = meanwhile(strategy, None, "TRUNCATE users");
        assert_eq!(bench.filled(), 0, "{strategy:?}");
    });
}

#[test]
fn partitions_come_and_go() {
    each_strategy(|strategy| {
        for happens in [
            "DROP TABLE users_0",
            "DROP TABLE users_1",
            "ALTER TABLE users DETACH PARTITION users_2; DROP TABLE users_2",
            "CREATE TABLE users_3 PARTITION OF users FOR VALUES FROM (1200) TO (1600);
             INSERT INTO users SELECT n, 'User' || n || '@Example.com' FROM generate_series(1200, 1500) n",
            "CREATE TABLE users_3 PARTITION OF users FOR VALUES FROM (-400) TO (0);
             INSERT INTO users SELECT n, 'User' || n || '@Example.com' FROM generate_series(-300, -1) n",
            "VACUUM FULL users_0",
            "VACUUM FULL users_2",
        ] {
            let mut bench = meanwhile(strategy, Some(PARTITIONED), happens);
            let kept = bench.counted();
            assert_eq!(kept[0], kept[1], "{strategy:?}: {happens}");
        }
    });
}

fn failed(bench: &mut Bench) -> String {
    let row = "SELECT status, error FROM _switchback.backfill";
    let row = bench.client.query_one(row, &[]).unwrap();
    let status: String = row.get(0);
    assert_eq!(status, JobStatus::Failed.word());
    row.get(1)
}

#[test]
fn a_table_or_column_that_is_gone_ends_the_job_until_it_is_back() {
    let cases = [
        (
            "ALTER TABLE users RENAME TO people",
            "ALTER TABLE people RENAME TO users",
            "no table `users`",
        ),
        (
            "ALTER TABLE users RENAME slug TO handle",
            "ALTER TABLE users RENAME handle TO slug",
            "slug",
        ),
        (
            "ALTER TABLE users RENAME email TO address",
            "ALTER TABLE users RENAME address TO email",
            "email",
        ),
        (
            "ALTER TABLE users DROP CONSTRAINT users_pkey",
            "ALTER TABLE users ADD PRIMARY KEY (id)",
            "The key (id) is gone.",
        ),
    ];
    each_strategy(|strategy| {
        for (gone, back, says) in cases {
            let mut bench = Bench::new(strategy, 1_000);
            let mut hands = bench.hands("w", LONG);
            assert_eq!(hands.claim().unwrap(), Got::Claimed);
            assert!(matches!(hands.batch(50).unwrap(), Got::Done(_)));
            bench.run(gone);
            let what = format!("{strategy:?}: {gone}");
            match go(vec![hands]) {
                Err(BackfillError::Database(
                    ChangeError::NoTable { .. }
                    | ChangeError::NoColumn { .. }
                    | ChangeError::Unfit { .. }
                    | ChangeError::Sql { .. },
                )) => {}
                // What it was chosen by is gone: nothing is wrong with a statement.
                Ok(End::Job(JobStatus::Failed)) => {}
                other => panic!("{what}: {other:?}"),
            }
            let reason = failed(&mut bench);
            assert!(reason.contains(says), "{what}: {reason}");
            // Others hear of it.
            let mut other = bench.hands("v", LONG);
            assert!(
                matches!(other.renew(), Ok(Got::Ended(JobStatus::Failed))),
                "{what}"
            );
            bench.run(back);
            let resumed = bench
                .database(&options())
                .begin_backfill(&bench.job, strategy, true, false);
            resumed.unwrap();
            bench.run(
                "UPDATE _switchback.backfill_range SET lease_until = now()
                       WHERE status = 'leased'",
            );
            assert_eq!(bench.finish(), DONE, "{what}");
            bench.check_filled(1_000, &what);
        }
    });
}
