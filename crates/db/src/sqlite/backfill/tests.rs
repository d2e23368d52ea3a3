//! What only a test that has a worker's own connection can do. The others are in the folder
//! `tests/backfill_sqlite` of this crate.

use switchback_migration::backfill::machine::Got;
use switchback_model::BackfillId;

use super::*;
use crate::backfill::Hands as _;
use crate::sqlite::DbError;
use switchback_migration::backfill::{Job, JobStatus};

const ROWS: u64 = 20_000;

fn limit(hands: &SqliteHands, pages: i64) {
    let sql = format!("PRAGMA max_page_count = {pages}");
    hands.db.connection.query_row(&sql, [], |_| Ok(())).unwrap();
}

fn go_on(hands: &mut SqliteHands) -> Result<JobStatus, BackfillError> {
    let mut got = hands.batch(500)?;
    loop {
        got = match got {
            Got::Ended(status) => return Ok(status),
            Got::NothingLeft => hands.close()?,
            Got::Claimed => hands.batch(500)?,
            Got::Done(batch) if !batch.last => hands.batch(500)?,
            Got::Done(_) | Got::Again | Got::Lost => hands.claim()?,
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn a_disk_that_is_full_leaves_a_job_that_can_go_on() {
    for journal in ["wal", "delete"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let application = Connection::open(&path).unwrap();
        let set = format!("PRAGMA journal_mode = {journal}");
        application.query_row(&set, [], |_| Ok(())).unwrap();
        application
            .execute_batch(&format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
                 WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {ROWS})
                 INSERT INTO t SELECT x, x, NULL FROM n"
            ))
            .unwrap();
        let number = |sql: &str| -> u64 {
            let found: i64 = application.query_row(sql, [], |row| row.get(0)).unwrap();
            found.unsigned_abs()
        };
        let text = "schema = \"switchback.backfill/v1\"\ntable = \"t\"\n[set]\nb = \"'n' || a\"";
        let job = Job::parse(BackfillId::new("fill").unwrap(), text).unwrap();
        let clock: Clock = Arc::new(|| Timestamp::from_millis(1_700_000_000_000));
        let open = || Backfills::open(&path, BackfillOptions::default(), Arc::clone(&clock));
        let options = BeginOptions {
            range_rows: 5_000,
            ..BeginOptions::default()
        };
        open().unwrap().begin(&job, &options).unwrap();
        let mut hands = open().unwrap().hands(&job, "one").unwrap();
        let pages: i64 = application
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        limit(&hands, pages + 60);
        let error = go_on(&mut hands).unwrap_err();
        assert!(
            matches!(error, BackfillError::Db(DbError::DiskFull { .. })),
            "{error}"
        );
        let standing = open().unwrap().standing("fill").unwrap().unwrap();
        assert_eq!(standing.status, JobStatus::Running);
        let changed = number("SELECT count(*) FROM t WHERE b IS NOT NULL");
        assert!((1..ROWS).contains(&changed), "{changed}");
        assert_eq!(standing.counts.changed, changed);
        // The same worker goes on in the range that it has, once there is room.
        limit(&hands, 1_000_000);
        assert_eq!(go_on(&mut hands).unwrap(), JobStatus::Done);
        assert_eq!(number("SELECT count(*) FROM t WHERE b = 'n' || a"), ROWS);
        let db = open().unwrap();
        assert_eq!(db.standing("fill").unwrap().unwrap().counts.changed, ROWS);
        assert!(db.ranges("fill").unwrap().iter().all(|it| it.attempts == 1));
        db.ask("fill", JobStatus::Undoing).unwrap();
        limit(&hands, 1);
        while !db.undo("fill", 3_000).unwrap().done {}
        assert_eq!(
            number("SELECT count(*) FROM t WHERE b IS NULL AND a = id"),
            ROWS
        );
    }
}
