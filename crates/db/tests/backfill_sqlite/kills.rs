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
    let (path, undo, now): (PathBuf, bool, i64) = serde_json::from_str(&work).unwrap();
    let open = || {
        let options = BackfillOptions {
            busy_timeout: Duration::from_secs(10),
            lease: LEASE,
        };
        let clock: Clock = Arc::new(move || Timestamp::from_millis(now));
        Backfills::open(&path, options, clock).unwrap()
    };
    let job = doubled();
    let db = open();
    if undo {
        db.ask("fill", JobStatus::Undoing).unwrap();
        while !db.undo("fill", 40).unwrap().done {}
        return;
    }
    db.begin(&job, &ranges_of(150)).unwrap();
    let workers = ["one", "two"].map(|name| {
        let mut hands = open().hands(&job, &format!("{name} at {now}")).unwrap();
        std::thread::spawn(move || drive(&mut hands, 40).unwrap())
    });
    assert_eq!(workers.map(|it| it.join().unwrap()), [JobStatus::Done; 2]);
}

/// Does it in a process that dies at a change to the file; 0 for none. Returns how many changes
/// there were if it lived.
fn apart(place: &Place, undo: bool, at: u32, torn: bool) -> Option<u32> {
    let count = place.path.with_file_name("count");
    let now = place.clock.load(Ordering::SeqCst);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::the_process_that_is_killed"])
        .env(
            WORK,
            serde_json::to_string(&(&place.path, undo, now)).unwrap(),
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
        while apart(&place, undo, at.next().unwrap(), chance(2) == 1).is_none() {
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
