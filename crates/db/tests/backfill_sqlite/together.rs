//! Two workers and an application, all at once.

use std::sync::atomic::AtomicBool;

use super::*;

/// An application that writes without ever having heard of the backfill, apart from writing `b`
/// whenever it writes `a`.
pub(super) struct Application {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Wrote>,
}

/// What it has written, as far as it was told that it is.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Wrote {
    pub(super) hits: i64,
    pub(super) pairs: i64,
    pub(super) added: i64,
    pub(super) longest: Duration,
}

/// Rows `t (id, a, b, hits)`.
pub(super) fn hit(rows: u32) -> String {
    format!(
        "{}; ALTER TABLE t ADD COLUMN hits INTEGER NOT NULL DEFAULT 0;",
        numbers(rows)
    )
}

impl Application {
    pub(super) fn start(place: &Place, seed: u64, rows: i64, pause: Duration) -> Self {
        let connection = place.application();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut state, mut wrote) = (seed, Wrote::default());
            while !stopped.load(Ordering::SeqCst) {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let number = i64::try_from(state >> 33).unwrap();
                // Some rows are written as a pair, others are only hit, most are left alone.
                let row = number % rows / 10 * 10;
                let began = Instant::now();
                match number % 8 {
                    0 => {
                        let sql = "INSERT INTO t (a, b, hits) VALUES (-1, 'n-2', 0)";
                        wrote.added += i64::try_from(connection.execute(sql, []).unwrap()).unwrap();
                    }
                    1..=3 => {
                        let sql = "UPDATE t SET a = a + 1, b = 'n' || ((a + 1) * 2) WHERE id = ?1";
                        let done = connection.execute(sql, [row]).unwrap();
                        wrote.pairs += i64::try_from(done).unwrap();
                    }
                    _ => {
                        let sql = "UPDATE t SET hits = hits + 1 WHERE id = ?1";
                        let done = connection.execute(sql, [row + 1]).unwrap();
                        wrote.hits += i64::try_from(done).unwrap();
                    }
                }
                wrote.longest = wrote.longest.max(began.elapsed());
                std::thread::sleep(pause);
            }
            wrote
        });
        Self { stop, thread }
    }

    pub(super) fn stop(self) -> Wrote {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// Nothing that the application wrote is lost.
pub(super) fn check_written(place: &Place, rows: i64, wrote: &Wrote) {
    assert_eq!(place.number("SELECT sum(hits) FROM t"), wrote.hits);
    let pairs = place.number(&format!("SELECT sum(a - id) FROM t WHERE id <= {rows}"));
    assert_eq!(pairs, wrote.pairs);
    let added = place.number(&format!(
        "SELECT count(*) FROM t WHERE id > {rows} AND b = 'n-2'"
    ));
    assert_eq!(added, wrote.added);
}

#[test]
fn two_workers_and_an_application() {
    const ROWS: i64 = 40_000;
    for journal in ["wal", "delete"] {
        let place = Place::with_journal(journal, &hit(40_000));
        let job = doubled();
        place.begin(&job, ranges_of(2_500));
        let pause = Duration::from_millis(1);
        let applications = [1, 2].map(|seed| Application::start(&place, seed, ROWS, pause));
        let workers = ["one", "two"].map(|name| {
            let mut hands = place.hands(&job, name);
            std::thread::spawn(move || drive(&mut hands, 500).unwrap())
        });
        assert_eq!(workers.map(|it| it.join().unwrap()), [JobStatus::Done; 2]);
        let wrote = applications.map(Application::stop);
        let all = Wrote {
            hits: wrote[0].hits + wrote[1].hits,
            pairs: wrote[0].pairs + wrote[1].pairs,
            added: wrote[0].added + wrote[1].added,
            longest: wrote[0].longest.max(wrote[1].longest),
        };
        println!("{journal}: {all:?}");
        assert!(all.hits > 10 && all.pairs > 10 && all.added > 1, "{all:?}");
        assert_eq!(
            place.number("SELECT count(*) FROM t WHERE b IS NOT 'n' || (a * 2)"),
            0
        );
        check_written(&place, ROWS, &all);
        let standing = place.standing(&job);
        let kept = place
            .number("SELECT sum(rows) FROM _switchback_backfill_undo")
            .unsigned_abs();
        assert_eq!(standing.counts.changed, kept);
        let ranges = place.open().ranges("fill").unwrap();
        assert!(
            ranges.iter().all(|it| it.status == "done" && it.epoch == 1),
            "{ranges:?}"
        );
        let both = ["one", "two"].map(|name| {
            ranges
                .iter()
                .filter(|it| it.worker.as_deref() == Some(name))
                .count()
        });
        assert!(both.iter().all(|it| *it > 0), "{both:?}");
        let (restored, conflicts) = place.undo(&job, 1_000);
        assert_eq!(restored + conflicts, kept);
        assert!(conflicts > 0);
        let wrong = "SELECT count(*) FROM t WHERE id <= 40000 AND (a = id) <> (b IS NULL)";
        assert_eq!(place.number(wrong), 0);
        check_written(&place, ROWS, &all);
    }
}
