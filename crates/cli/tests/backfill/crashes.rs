//! Processes that are killed, interrupted, and beside each other.

use crate::on_both;
use crate::place::{FREE, Place, ROWS, oracle};
use crate::process::{Process, progress};

on_both!(
    killed_again_and_again_it_reaches_the_same_end,
    two_processes_share_the_work,
    interrupted_it_gives_its_rows_back_at_once,
    who_waits_for_somebody_that_is_gone_says_so,
);

const KILLS: usize = 4;

/// Moments of a run, in rows, in order; the same ones each time.
fn moments() -> Vec<i64> {
    let mut seed: u64 = 0x5eed;
    let mut moments: Vec<i64> = (0..KILLS)
        .map(|_| {
            // Knuth's MMIX generator.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(seed >> 33).unwrap() % (ROWS * 9 / 10)
        })
        .collect();
    moments.sort_unstable();
    moments
}

fn killed_again_and_again_it_reaches_the_same_end(place: &Place) {
    let original = place.rows();
    let line = format!("backfill run emails --env staging {FREE}");
    let mut killed = 0;
    for moment in moments() {
        let slow = format!("{line} --max-rate 2000 --batch-size 60");
        let mut running = Process::start(place, &slow);
        running.until_filled(place, moment);
        killed += usize::from(running.kill());
        place.let_leases_run_out();
    }
    assert_eq!(killed, KILLS);
    let left = place.filled();
    assert!(left < ROWS, "{left}");
    // While it is being killed it says that it runs.
    assert_eq!(place.status()["status"], "running");
    let view = place.json(&format!("{line} --workers 3"), 0);
    // Each row once, whoever did it.
    assert_eq!(
        (&view["status"], &view["rows_changed"]),
        (&"done".into(), &ROWS.into())
    );
    assert_eq!(place.rows(), oracle(&original));
    place.ends("backfill verify emails --env staging", 0);

    // The same for the way back.
    let undo = format!("backfill undo emails --env staging --yes {FREE}");
    for moment in [ROWS * 3 / 4, ROWS / 2] {
        let slow = format!("{undo} --max-rate 1500 --batch-size 60");
        let mut running = Process::start(place, &slow);
        running.until("rows are put back", |_| place.filled() < moment);
        running.kill();
    }
    place.says("backfill run emails --env staging", 1, &["SB1509", "undo"]);
    assert_eq!(place.json(&undo, 0)["status"], "undone");
    assert_eq!(place.rows(), original);
}

fn two_processes_share_the_work(place: &Place) {
    // A range for each.
    let rows = 120_000;
    place.insert(rows);
    // Each is one of the others that the other one sees, and would leave most of the time to it.
    let line = format!("backfill run emails --env staging {FREE} --beside-others 100");
    let both = [Process::start(place, &line), Process::start(place, &line)];
    for ended in both.map(Process::wait) {
        // Whoever comes when all is done has nothing to do.
        assert!(
            [Some(0), Some(3)].contains(&ended.code),
            "{:?}",
            ended.lines
        );
    }
    assert_eq!(place.filled(), rows);
    let status = place.status();
    assert_eq!(
        (&status["status"], &status["rows_changed"]),
        (&"done".into(), &rows.into())
    );
    place.ends("backfill verify emails --env staging", 0);
}

fn interrupted_it_gives_its_rows_back_at_once(place: &Place) {
    let original = place.rows();
    let line = format!("backfill run emails --env staging {FREE}");
    let mut running = Process::start(place, &format!("{line} --max-rate 800 --batch-size 50"));
    running.until_filled(place, 60);
    assert_eq!(place.leased(), 1);
    running.interrupt();
    let ended = running.wait();
    assert_eq!(ended.with(130)["status"], "running");
    let next = ended.lines.last().unwrap();
    assert_eq!(
        next["command"],
        "switchback backfill run emails --env staging"
    );
    assert!(place.filled() < ROWS);
    // Nobody has to wait for the end of a lease.
    assert_eq!(place.leased(), 0);
    assert_eq!(place.json(&line, 0)["rows_changed"], ROWS);
    assert_eq!(place.rows(), oracle(&original));
}

fn who_waits_for_somebody_that_is_gone_says_so(place: &Place) {
    let original = place.rows();
    let line = format!("backfill run emails --env staging {FREE}");
    let mut running = Process::start(place, &format!("{line} --max-rate 800 --batch-size 50"));
    running.until_filled(place, 60);
    assert!(running.kill());
    assert_eq!(place.leased(), 1);
    let mut waiting = Process::start(place, &line);
    waiting.until("it says why it waits", |lines| {
        let reason = |it: &&serde_json::Value| it["reason"].as_str().unwrap().to_owned();
        let said = progress(lines).iter().map(reason).next_back();
        said.is_some_and(|it| it.contains("other workers have what is left"))
    });
    // Whoever had it may only be slow.
    assert!(place.filled() < ROWS);
    place.let_leases_run_out();
    waiting.wait().with(0);
    assert_eq!(place.rows(), oracle(&original));
}
