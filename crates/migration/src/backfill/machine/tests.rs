//! Workers under simulation: a control table and a data table with the rules that adapters have
//! (`world`), workers to whom everything happens that can happen (`life`), and what must hold after
//! each event (`audit`). Then that the tests can fail (`broken`), and single behaviours (`alone`).
//!
//! `SWITCHBACK_TEST_LONG` asks for many more stories; a number larger than one says how many.

mod alone;
mod audit;
mod broken;
mod life;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use super::*;
use life::{Event, Fate, Run, Story, story};
use world::Broken;

/// How many stories are told.
#[expect(
    clippy::disallowed_methods,
    reason = "how much is tested is said by whoever runs the tests"
)]
fn cases(few: u32) -> u32 {
    let Ok(text) = std::env::var("SWITCHBACK_TEST_LONG") else {
        return few;
    };
    match text.parse() {
        Ok(many) if many > 1 => many,
        _ => few * 100,
    }
}

fn all_hold(clocks: bool, few: u32) {
    let config = Config {
        cases: cases(few),
        failure_persistence: None,
        ..Config::default()
    };
    let told = TestRunner::new(config).run(&story(clocks), |story| {
        let run = Run::whole(&story, Broken::Nothing);
        prop_assert!(run.is_ok(), "{:?}", run.err());
        Ok(())
    });
    match told {
        Ok(()) => {}
        Err(TestError::Fail(reason, story)) => panic!("{reason}\n{story:?}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn whatever_happens_all_holds_and_it_ends() {
    all_hold(false, 400);
}

#[test]
fn whatever_clocks_say_all_holds_and_it_ends() {
    all_hold(true, 200);
}

/// Two workers and so many rows that lack their value.
fn two_workers(rows: u32) -> Story {
    Story {
        rows: (0..rows)
            .map(|key| (key, false))
            .collect::<BTreeMap<_, _>>(),
        workers: 2,
        batch: 2,
        most_a_second: None,
        speeds: vec![1.0; 4],
        events: Vec::new(),
        cancel: false,
    }
}

fn steps(run: &mut Run, worker: usize, many: u32) {
    for _ in 0..many {
        run.event(&Event::Step(worker)).unwrap();
    }
}

#[test]
fn the_range_of_a_dead_worker_is_taken_over() {
    for after in [false, true] {
        let mut run = Run::new(&two_workers(30), Broken::Nothing);
        // Claims, does a batch, and has decided to do another one.
        steps(&mut run, 0, 7);
        run.event(&Event::Crash(0, after)).unwrap();
        assert!(run.database.changed > 0 && run.taken == 0);
        run.finish().unwrap();
        assert_eq!(run.taken, 1);
        assert_eq!(run.database.status, JobStatus::Done);
        assert!(
            run.database
                .rows
                .values()
                .all(|row| row.right() && row.effects == 1)
        );
    }
}

#[test]
fn a_late_batch_of_a_stalled_worker_is_refused() {
    let mut run = Run::new(&two_workers(30), Broken::Nothing);
    // Claims, and has decided to do a batch.
    steps(&mut run, 0, 4);
    run.event(&Event::Stall(0)).unwrap();
    // The other one takes the range and does a batch of it.
    steps(&mut run, 1, 6);
    assert_eq!((run.taken, run.lost), (1, 0));
    let changed = run.database.changed;
    assert!(changed > 0);
    steps(&mut run, 0, 1);
    assert_eq!((run.lost, run.database.changed), (1, changed));
    run.finish().unwrap();
    assert!(
        run.database
            .rows
            .values()
            .all(|row| row.right() && row.effects == 1)
    );
}

#[test]
fn a_job_that_is_paused_goes_on_where_it_was() {
    let mut run = Run::new(&two_workers(30), Broken::Nothing);
    steps(&mut run, 0, 8);
    run.event(&Event::Pause).unwrap();
    let (changed, scanned) = (run.database.changed, run.database.scanned);
    assert!(changed > 0);
    for _ in 0..50 {
        steps(&mut run, 0, 1);
        steps(&mut run, 1, 1);
        run.event(&Event::Tick(100)).unwrap();
    }
    assert_eq!(
        (run.database.changed, run.database.scanned),
        (changed, scanned)
    );
    run.event(&Event::Resume).unwrap();
    run.finish().unwrap();
    assert_eq!(run.database.status, JobStatus::Done);
    assert_eq!((run.database.changed, run.database.walk), (30, 2));
}

/// A job that is called off ends each worker at once.
#[test]
fn a_job_that_is_called_off_ends() {
    let mut run = Run::new(&two_workers(30), Broken::Nothing);
    steps(&mut run, 0, 8);
    steps(&mut run, 1, 5);
    run.event(&Event::Cancel).unwrap();
    let changed = run.database.changed;
    run.finish().unwrap();
    assert_eq!(run.database.status, JobStatus::Cancelled);
    assert_eq!(run.database.changed, changed);
    assert!(run.steps < 20, "{}", run.steps);
}

/// Two batches of one worker on one range, in two epochs: the first arrives in the second.
fn a_batch_of_an_earlier_epoch(broken: Broken) -> Result<(), audit::Violation> {
    let mut run = Run::new(&two_workers(7), broken);
    // Claims, decides to do a batch, and loses the connection before it gets through.
    steps(&mut run, 0, 4);
    run.event(&Event::Disconnect(0, Fate::Late))?;
    run.event(&Event::Stall(0))?;
    // The other one takes the range over and gives it back.
    steps(&mut run, 1, 3);
    run.event(&Event::Stop(1))?;
    steps(&mut run, 1, 3);
    // The first one hears that it lost it, and takes it again.
    steps(&mut run, 0, 5);
    assert_eq!((run.taken, run.lost, run.database.changed), (2, 1, 0));
    run.event(&Event::Arrive)?;
    assert_eq!(run.database.changed, 0);
    run.finish()
}

#[test]
fn a_late_batch_of_an_earlier_epoch_is_refused() {
    a_batch_of_an_earlier_epoch(Broken::Nothing).unwrap();
    let violation = a_batch_of_an_earlier_epoch(Broken::FenceWithoutEpoch).unwrap_err();
    assert_eq!(violation.name, "only-a-holder-writes");
}

/// Whoever resumes a job at once does not wait for the leases of those who heard of the pause.
#[test]
fn what_was_held_when_a_job_was_paused_is_free_at_once() {
    let mut run = Run::new(&two_workers(7), Broken::Nothing);
    steps(&mut run, 0, 4);
    run.event(&Event::Pause).unwrap();
    steps(&mut run, 0, 6);
    run.event(&Event::Resume).unwrap();
    let before = run.database.now;
    steps(&mut run, 1, 3);
    assert_eq!((run.taken, run.database.now), (1, before));
    run.finish().unwrap();
}

/// Elsewhere nothing may be done: the ranges there are done here.
#[test]
fn whoever_may_not_work_holds_nobody_up() {
    let mut run = Run::new(&two_workers(30), Broken::Nothing);
    steps(&mut run, 0, 6);
    run.event(&Event::Allow(0, None)).unwrap();
    for _ in 0..1_000 {
        steps(&mut run, 0, 1);
        steps(&mut run, 1, 1);
        run.event(&Event::Tick(10)).unwrap();
    }
    assert_eq!(run.database.status, JobStatus::Done);
    assert_eq!(run.database.changed, 30);
}

/// Where nothing happens to a worker its lease never runs out, however long it rests.
#[test]
fn whoever_rests_for_longer_than_its_lease_keeps_it() {
    for (speed, most_a_second) in [(1.0, 0.25), (0.5, 0.25)] {
        let story = Story {
            speeds: vec![speed; 4],
            most_a_second: Some(most_a_second),
            ..two_workers(7)
        };
        let mut run = Run::new(&story, Broken::Nothing);
        run.finish().unwrap();
        assert_eq!((run.taken, run.lost), (0, 0), "{speed} {most_a_second}");
        assert_eq!((run.database.walk, run.database.scanned), (2, 14));
        let mut broken = Run::new(&story, Broken::DeafToRenewal);
        broken.finish().unwrap();
        assert_eq!(
            broken.taken > 0,
            most_a_second < 1.0,
            "{speed} {most_a_second}"
        );
    }
}
