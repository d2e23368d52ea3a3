//! Old and new code as real concurrent connections while the fill runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use switchback_migration::backfill::JobStatus;

use super::*;

const ROWS: i64 = 20_000;

/// One version of the code: inserts, updates, reads what it wrote and deletes, until told to stop.
fn work(place: &Place, seed: i64, column: &str, stop: &AtomicBool, done: &AtomicU64) {
    let connection = place.application();
    let one = |sql: &str, id: i64, text: &str| {
        let sql = sql.replace("{c}", column);
        connection
            .execute(&sql, rusqlite::params![id, text])
            .unwrap()
    };
    let mut turn = seed;
    while !stop.load(Ordering::Relaxed) {
        turn += 7;
        let own = 1_000_000 * seed + turn;
        one(
            "INSERT INTO users (id, {c}, n) VALUES (?1, ?2, 0)",
            own,
            &format!("s{seed}-{turn}"),
        );
        let id = (turn * 7_919) % ROWS + 1;
        let text = format!("u{seed}-{turn}");
        one("UPDATE users SET {c} = ?2 WHERE id = ?1", id, &text);
        let read = format!("SELECT count(*) FROM users WHERE id = ?1 AND {column} = ?2");
        let found: i64 = connection
            .query_row(
                &read,
                rusqlite::params![own, format!("s{seed}-{turn}")],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(found, 1, "code sees what it wrote");
        one(
            "UPDATE users SET n = n + 1 WHERE id = ?1 AND ?2 <> ''",
            id,
            &text,
        );
        if turn % 3 == 0 {
            one("DELETE FROM users WHERE id = ?1 AND ?2 <> ''", own, &text);
        }
        done.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn run(journal: &str) {
    let place = Place::new(&format!(
        "PRAGMA journal_mode = {journal};
         CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL, n INT);
         CREATE UNIQUE INDEX i1 ON users (email_addr);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {ROWS})
         INSERT INTO users SELECT i, 'user' || i, 0 FROM c;"
    ));
    let mut database = place.open();
    let definition = define(&database, shape("not null"), Mode::Triggers);
    let planned = steps(&definition, "expand", Direction::Up);
    perform(&mut database, &planned[0].effect).unwrap();
    let Effect::Fill(fill) = &planned[1].effect else {
        panic!()
    };
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        // Whatever happens in here, the others must be told to stop, or the test would hang.
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let stopping = Stop(&stop);
        for (seed, column) in [
            (1, "email_addr"),
            (2, "email"),
            (3, "email_addr"),
            (4, "email"),
        ] {
            let (place, stop, done) = (&place, &stop, &done);
            scope.spawn(move || work(place, seed, column, stop, done));
        }
        let end = database.fill(fill, &mut go_on).unwrap();
        assert!(
            matches!(end, FillEnd::Done(progress) if progress.batches > 3),
            "{end:?}"
        );
        drop(stopping);
    });
    assert!(done.load(Ordering::Relaxed) > 20, "{done:?}");
    let wrong: i64 = place
        .application()
        .query_row(
            "SELECT count(*) FROM users WHERE email IS NOT email_addr",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(wrong, 0);
    walk(&mut database, &definition, "contract", Direction::Up);
    walk(&mut database, &definition, "contract", Direction::Down);
}

#[test]
fn code_works_while_the_fill_runs_with_a_rollback_journal() {
    run("delete");
}

#[test]
fn code_works_while_the_fill_runs_with_a_write_ahead_log() {
    run("wal");
}

#[test]
fn two_fills_at_once_are_one_fill() {
    let shape = shape("ten thousand rows");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    let planned = steps(&definition, "expand", Direction::Up);
    perform(&mut database, &planned[0].effect).unwrap();
    let Effect::Fill(fill) = &planned[1].effect else {
        panic!()
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| place.open().fill(fill, &mut go_on).unwrap());
        }
    });
    let status = database.fill_status(fill).unwrap().unwrap();
    // All rows are looked at once more in the end.
    assert_eq!((status.rows_scanned, status.rows_changed), (20_000, 10_000));
    assert_eq!(status.status, JobStatus::Done);
}
