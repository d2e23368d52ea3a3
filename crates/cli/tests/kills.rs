//! The power fails in the middle of a long copy, again and again, while the application writes
//! through both columns: nothing is lost, and nobody is disturbed.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _};
use shop::{CHANGE, DEADLINE, Keep, Shop, Sync, check_refused, read_only};
use switchback_testkit::cli::Ran;

const ROWS: u32 = 120_000;
const KILLS: usize = 10;

/// Moments of a fill, in rows, in order; the same ones each time.
fn moments() -> Vec<i64> {
    let mut seed: u64 = 0x5eed;
    let mut moments: Vec<i64> = (0..KILLS)
        .map(|_| {
            // Knuth's MMIX generator.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((seed >> 33) % u64::from(ROWS - ROWS / 10)).unwrap()
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// How far the fill has come, in rows; `None` before it began.
fn progress(database: &Connection) -> Option<i64> {
    let sql = "SELECT rows_scanned FROM _switchback_backfill";
    // Before the first step the table is not there; during a step the schema may be moving.
    database
        .query_row(sql, [], |row| row.get(0))
        .optional()
        .ok()
        .flatten()
}

/// Writes through one column, and reads every write back through it.
fn application(path: &Path, column: &str, offset: i64, stop: &AtomicBool) -> u32 {
    let database = Connection::open(path).unwrap();
    database.busy_timeout(DEADLINE).unwrap();
    let mut writes = 0;
    while !stop.load(Ordering::Relaxed) || writes == 0 {
        let id = (i64::from(writes) * 7919 + offset) % i64::from(ROWS) + 1;
        let value = format!("{column}{writes}@example.org");
        // Each instance has rows of its own, so that it can tell what it must read.
        let id = id - (id % 2) + offset;
        let sql = format!("UPDATE users SET {column} = ?1 WHERE id = ?2");
        let changed = database.execute(&sql, (&value, id)).unwrap();
        if changed > 0 {
            let sql = format!("SELECT {column} FROM users WHERE id = ?1");
            let read: String = database.query_row(&sql, [id], |row| row.get(0)).unwrap();
            assert_eq!(read, value, "a stale value");
        }
        let insert = format!("INSERT INTO users(name, {column}) VALUES ('new', ?1)");
        database.execute(&insert, [format!("new-{value}")]).unwrap();
        writes += 1;
        // An application has other things to do as well.
        thread::sleep(Duration::from_millis(2));
    }
    writes
}

#[test]
fn a_copy_that_is_killed_ten_times_is_complete() {
    let shop = Shop::with_rows(Keep::Sqlite, ROWS);
    shop.plan_change(Sync::Triggers);
    let path = shop.database("staging");
    let line = format!("change apply {CHANGE} --env staging --step expand");
    let stop = AtomicBool::new(false);
    let kills = thread::scope(|scope| {
        let old = scope.spawn(|| application(&path, "email_addr", 0, &stop));
        let mut new = None;
        let mut kills = 0;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for moment in moments() {
                let mut command = shop.cli.command(line.split_whitespace());
                command.stdout(Stdio::null()).stderr(Stdio::null());
                let mut child = command.spawn().unwrap();
                let database = read_only(&path).unwrap();
                let end = Instant::now() + DEADLINE;
                while progress(&database).is_none_or(|at| at <= moment) {
                    assert!(
                        Instant::now() < end,
                        "the fill does not come to row {moment}"
                    );
                    if child.try_wait().unwrap().is_some() {
                        break;
                    }
                    thread::sleep(Duration::from_micros(200));
                }
                // SIGKILL.
                child.kill().unwrap();
                kills += usize::from(child.wait().unwrap().code().is_none());
                // From now on there are instances that know only the new column.
                new.get_or_insert_with(|| scope.spawn(|| application(&path, "email", 1, &stop)));
            }
            shop.ok(&line);
        }));
        stop.store(true, Ordering::Relaxed);
        let writes = (old.join().unwrap(), new.map(|new| new.join().unwrap()));
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
        eprintln!("{kills} kills; writes through the old and the new column: {writes:?}");
        kills
    });
    assert!(
        kills >= KILLS / 2,
        "only {kills} of {KILLS} runs were killed before they ended"
    );
    assert_eq!(shop.run(&line).code, 3);
    let database = read_only(&path).unwrap();
    let count = |condition: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM users WHERE {condition}");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("email IS NOT email_addr"), 0);
    assert_eq!(count("email IS NULL"), 0);
    assert!(count("true") >= i64::from(ROWS));
    let state = shop.state();
    let expand = state
        .done
        .iter()
        .filter(|it| it.contains("\"expand\""))
        .count();
    let fill = state
        .done
        .iter()
        .filter(|it| it.contains("\"fill\""))
        .count();
    assert_eq!((expand, fill), (1, 1), "{:#?}", state.done);
    // The way back still holds every write that was acknowledged, through either column.
    let rows = count("true");
    drop(database);
    shop.ok(&format!("change undo {CHANGE} --env staging --yes"));
    let database = read_only(&path).unwrap();
    let left: i64 = database
        .query_row("SELECT count(email_addr) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, rows);
}

#[test]
fn a_copy_that_is_interrupted_stops_and_goes_on() {
    let shop = Shop::with_rows(Keep::Sqlite, ROWS);
    shop.plan_change(Sync::Triggers);
    let path = shop.database("staging");
    let line = format!("change apply {CHANGE} --env staging --step expand");
    let mut command = shop.cli.command(line.split_whitespace());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let database = read_only(&path).unwrap();
    let end = Instant::now() + DEADLINE;
    while progress(&database).is_none_or(|at| at < 2) {
        assert!(Instant::now() < end, "the fill does not begin");
        thread::sleep(Duration::from_micros(200));
    }
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
    let ended = Ran::from(child.wait_with_output().unwrap());
    check_refused(&ended, &line, 130, "SB0116");
    assert!(
        ended.stderr.contains("which is done in part"),
        "{}",
        ended.stderr
    );
    let reached = progress(&database).unwrap();
    assert!(reached < i64::from(ROWS), "it went on to row {reached}");
    let status = shop.json("status --env staging");
    let unfinished = &status["environments"][0]["unfinished"];
    assert_eq!(unfinished.as_array().unwrap().len(), 1, "{status}");
    shop.ok(&line);
    assert_eq!(shop.run(&line).code, 3);
    shop.state();
}
