//! Processes with two workers die by SIGKILL at one of their changes to the file, while an
//! application writes: nothing is lost and nothing done twice.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::killer::killer;
use super::together::{Application, check_written, hit};
use super::*;

/// What the process that is killed has to do, and when it is.
const WORK: &str = "SWITCHBACK_TEST_KILLED_BACKFILL";
const SIGKILL: i32 = 9;
const ROWS: i64 = 600;

/// The killed one: run by the others in a process of its own.
#[test]
fn the_process_that_is_killed() {
    let Ok(work) = std::env::var(WORK) else {
        return;
    };
    let (path, what, now): (PathBuf, String, i64) = serde_json::from_str(&work).unwrap();
    let open = || {
        let options = BackfillOptions {
            busy_timeout: Duration::from_secs(10),
            lease: LEASE,
        };
        let clock: Clock = Arc::new(move || Timestamp::from_millis(now));
        Backfills::open(&path, options, clock).unwrap()
    };
    let db = open();
    if what == "undo" {
        db.ask("fill", JobStatus::Undoing).unwrap();
        while !db.undo("fill", 40).unwrap().done {}
        return;
    }
    let job = if what == "again" {
        tripled()
    } else {
        doubled()
    };
    if what == "again" {
        // Whoever comes after its end has nothing to do, and must not begin it once more.
        if db.standing("fill").unwrap().unwrap().version == job.version().to_string()
            && db.standing("fill").unwrap().unwrap().rerun.is_none()
        {
            return;
        }
        let parts = ["1/2", "400..549"].map(|it| it.parse().unwrap());
        db.rerun(&job, &parts, &ranges_of(150), false).unwrap();
    } else {
        db.begin(&job, &ranges_of(150)).unwrap();
    }
    let workers = ["one", "two"].map(|name| {
        let mut hands = open().hands(&job, &format!("{name} at {now}")).unwrap();
        std::thread::spawn(move || drive(&mut hands, 40).unwrap())
    });
    assert_eq!(workers.map(|it| it.join().unwrap()), [JobStatus::Done; 2]);
}

/// What some rows should have had.
fn tripled() -> Job {
    job("table = \"t\"\n[set]\nb = \"'m' || (a * 3)\"")
}

/// Does it in a process that dies at a change to the file; 0 for none. Returns how many changes
/// there were if it lived.
fn apart(place: &Place, what: &str, at: u32, torn: bool) -> Option<u32> {
    let count = place.path.with_file_name("count");
    let now = place.clock.load(Ordering::SeqCst);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::the_process_that_is_killed"])
        .env(
            WORK,
            serde_json::to_string(&(&place.path, what, now)).unwrap(),
        )
        .env("LD_PRELOAD", killer())
        .env("KILLER_FILE", &place.path)
        .env("KILLER_AT", at.to_string())
        .env("KILLER_TORN", if torn { "1" } else { "0" })
        .env("KILLER_COUNT", &count)
        .output()
        .unwrap();
    if output.status.signal() == Some(SIGKILL) {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    Some(std::fs::read_to_string(count).unwrap().parse().unwrap())
}

/// A row that the backfill changed leaves a trace that cannot be taken back.
const TRACE: &str = "CREATE TABLE trace (id);
    CREATE TRIGGER trace AFTER UPDATE OF b ON t
      WHEN old.b IS NULL AND new.b IS NOT NULL AND new.a = old.a
      BEGIN INSERT INTO trace VALUES (new.id); END;";

/// What was changed, what is kept and what is counted is the same, wherever it was cut.
fn check_halfway(place: &Place, traced: bool) {
    let began = "SELECT count(*) FROM sqlite_schema WHERE name = '_switchback_backfill'";
    if place.number(began) == 0 {
        return;
    }
    let kept = place.number("SELECT coalesce(sum(rows), 0) FROM _switchback_backfill_undo");
    let counted = "SELECT coalesce(sum(rows_changed), 0) FROM _switchback_backfill";
    assert_eq!(kept, place.number(counted));
    let ranges = "SELECT coalesce(sum(rows_changed), 0) FROM _switchback_backfill_range";
    assert_eq!(kept, place.number(ranges));
    if traced {
        assert_eq!(kept, place.number("SELECT count(*) FROM trace"));
    }
    let sound = place.all("PRAGMA integrity_check");
    assert_eq!(sound, [[Value::Text("ok".to_owned())]]);
}

#[derive(Default)]
struct Tally {
    fills: u32,
    undos: u32,
}

/// A fill and its undoing, each in processes that are killed until one lives.
fn story(seed: u64, tally: &mut Tally) {
    let journal = ["wal", "delete"][usize::try_from(seed % 2).unwrap()];
    let traced = seed % 4 < 2;
    let place = Place::with_journal(journal, &hit(u32::try_from(ROWS).unwrap()));
    if traced {
        place.run(TRACE);
    }
    let application = Application::start(&place, seed, ROWS, Duration::from_millis(2));
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chance = |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u32::try_from(state % most).unwrap()
    };
    for undo in [false, true] {
        // The first two die, if they live long enough.
        let mut at = [1 + chance(400), 1 + chance(400), 0].into_iter();
        let what = if undo { "undo" } else { "fill" };
        while apart(&place, what, at.next().unwrap(), chance(2) == 1).is_none() {
            if undo {
                tally.undos += 1;
            } else {
                tally.fills += 1;
                check_halfway(&place, traced);
            }
            place.pass(LEASE * 2);
        }
        if !undo {
            assert_eq!(
                place.number("SELECT count(*) FROM t WHERE b IS NOT 'n' || (a * 2)"),
                0
            );
            check_halfway(&place, traced);
            if traced {
                let twice = "SELECT count(*) - count(DISTINCT id) FROM trace";
                assert_eq!(place.number(twice), 0);
            }
        }
    }
    let wrote = application.stop();
    check_written(&place, ROWS, &wrote);
    // Rows that the application never wrote are as they were, the others as it left them.
    let wrong = "SELECT count(*) FROM t WHERE id <= 600 AND (a = id) <> (b IS NULL)";
    assert_eq!(place.number(wrong), 0);
    let right = "SELECT count(*) FROM t WHERE b IS NULL OR b = 'n' || (a * 2)";
    assert_eq!(place.number(right), ROWS + wrote.added);
    let job = &place.open().jobs().unwrap()[0];
    assert_eq!(job.standing.status, JobStatus::Undone);
    assert_eq!(job.restored + job.conflicting, job.standing.counts.changed);
}

fn stories(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        story(seed, &mut tally);
    }
    let Tally { fills, undos } = tally;
    println!("killed {fills} times while filling, {undos} times while undoing");
    tally
}

/// Some rows are done again in processes that are killed until one lives, while an application
/// writes other columns; then everything is undone so. Gives how often one was killed at either.
fn again(seed: u64) -> [u32; 2] {
    let place = Place::new(&numbers(600));
    place.run("ALTER TABLE t ADD COLUMN c");
    assert_eq!(place.fill(&doubled(), ranges_of(150)), JobStatus::Done);
    place.run(
        "CREATE TABLE trace (id);
         CREATE TRIGGER trace AFTER UPDATE OF b ON t WHEN old.b IS NOT new.b
           BEGIN INSERT INTO trace VALUES (new.id); END",
    );
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (connection, stop) = (place.application(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut id = 0;
            while !stop.load(Ordering::SeqCst) {
                id = id % 600 + 1;
                let sql = format!("UPDATE t SET c = coalesce(c, 0) + 1 WHERE id = {id}");
                connection.execute_batch(&sql).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        })
    };
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chance = |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u32::try_from(state % most).unwrap()
    };
    let mut killed = [0, 0];
    let scope = "(id BETWEEN 151 AND 300 OR id BETWEEN 400 AND 549)";
    for (n, what) in ["again", "undo"].into_iter().enumerate() {
        let mut at = [1 + chance(150), 1 + chance(150), 1 + chance(150), 0].into_iter();
        while apart(&place, what, at.next().unwrap(), chance(2) == 1).is_none() {
            killed[n] += 1;
            place.pass(LEASE * 2);
            let changed = place.number("SELECT rows_changed FROM _switchback_backfill");
            let traced = place.number("SELECT count(*) FROM trace");
            if what == "again" {
                check_halfway(&place, false);
                // Nothing is done twice, and no row that was not meant is touched.
                assert_eq!(traced, changed - 600, "seed {seed}");
                let wrong = format!("SELECT count(*) FROM trace WHERE NOT {scope}");
                assert_eq!(place.number(&wrong), 0, "seed {seed}");
            }
        }
        if what == "again" {
            let wrong = format!(
                "SELECT count(*) FROM t WHERE b IS NOT CASE WHEN {scope} THEN 'm' || (a * 3) \
                 ELSE 'n' || (a * 2) END"
            );
            assert_eq!(place.number(&wrong), 0, "seed {seed}");
            assert_eq!(place.standing(&tripled()).status, JobStatus::Done);
            assert_eq!(place.number("SELECT count(*) FROM trace"), 300);
        }
    }
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 600);
    assert_eq!(place.standing(&tripled()).conflicts, 0);
    killed
}

#[test]
fn killed_while_rows_are_done_again() {
    let all: Vec<_> = (0..12).map(again).collect();
    let sum = |n: usize| all.iter().map(|it| it[n]).sum::<u32>();
    println!(
        "killed {} times while rows were done again, {} while undoing",
        sum(0),
        sum(1)
    );
    assert!(sum(0) >= 12 && sum(1) >= 4, "{all:?}");
}

#[test]
fn killed_at_some_places() {
    let tally = stories(0..16);
    assert!(
        tally.fills >= 16 && tally.undos >= 4,
        "{} {}",
        tally.fills,
        tally.undos
    );
}

#[test]
#[ignore = "takes minutes; the test above tries some places"]
fn killed_at_two_hundred_places() {
    let tally = stories(100..280);
    assert!(tally.fills >= 200, "{}", tally.fills);
    assert!(tally.undos >= 50, "{}", tally.undos);
}
