use std::cell::Cell;

use proptest::prelude::*;

use super::*;

/// What the ledger holds; it survives crashes.
#[derive(Debug, Clone, Default)]
struct Ledger {
    planned: u32,
    steps: Vec<StepRecord>,
    done_records: Vec<u32>,
}

/// What the plan is about; it survives crashes. A step is done after `size` pieces, each atomic.
#[derive(Debug, Clone)]
struct World {
    sizes: Vec<u32>,
    pieces: Vec<u32>,
    /// The order in which steps became complete.
    completed: Vec<u32>,
}

struct Crash;

/// Counts down to a crash; every write to the ledger or the world is a place for one, both before
/// and after it.
struct Fuse(Cell<Option<u32>>);

impl Fuse {
    fn tick(&self) -> Result<(), Crash> {
        match self.0.get() {
            Some(0) => Err(Crash),
            Some(left) => {
                self.0.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn plan() -> Digest {
    Digest::of(b"plan")
}

impl World {
    fn new(sizes: &[u32]) -> Self {
        Self {
            sizes: sizes.to_vec(),
            pieces: vec![0; sizes.len()],
            completed: Vec::new(),
        }
    }

    fn probe(&self, step: u32) -> Probed {
        let (have, all) = (self.pieces[step as usize], self.sizes[step as usize]);
        if have == all {
            Probed::Done
        } else if have == 0 {
            Probed::NotDone
        } else {
            Probed::Partial
        }
    }

    fn perform(&mut self, step: u32, fuse: &Fuse) -> Result<Performed, Crash> {
        let at = step as usize;
        while self.pieces[at] < self.sizes[at] {
            fuse.tick()?;
            self.pieces[at] += 1;
            if self.pieces[at] == self.sizes[at] {
                self.completed.push(step);
            }
            fuse.tick()?;
        }
        Ok(Performed::Done {
            took: None,
            detail: None,
        })
    }
}

/// One process: from what the ledger says to the end, or to a crash.
fn run(ledger: &mut Ledger, world: &mut World, fuse: &Fuse) -> Result<Want, Crash> {
    let journal = Journal {
        planned: ledger.planned > 0,
        steps: ledger.steps.clone(),
    };
    let mut drive = Drive::new(plan(), world.sizes.len(), journal).unwrap();
    ledger
        .steps
        .resize(world.sizes.len(), StepRecord::default());
    for _ in 0..10_000 {
        let want = drive.want();
        let got = match &want {
            Want::Finished | Want::Stopped { .. } => return Ok(want),
            Want::Probe { step } => Got::Probed(world.probe(*step)),
            Want::Perform { step } => {
                let record = ledger.steps[*step as usize];
                assert_eq!(
                    record.state,
                    StepState::Intended,
                    "no effect without an open intent"
                );
                Got::Performed(world.perform(*step, fuse)?)
            }
            Want::RecordPlan => {
                fuse.tick()?;
                ledger.planned += 1;
                fuse.tick()?;
                Got::Recorded
            }
            Want::RecordIntent { step, attempt } => {
                fuse.tick()?;
                let state = StepState::Intended;
                ledger.steps[*step as usize] = StepRecord {
                    attempts: *attempt,
                    state,
                };
                fuse.tick()?;
                Got::Recorded
            }
            Want::RecordOutcome {
                step,
                attempt,
                conclusion,
            } => {
                fuse.tick()?;
                let state = match conclusion {
                    Conclusion::Done { .. } => {
                        assert_eq!(
                            world.probe(*step),
                            Probed::Done,
                            "done is recorded when it is"
                        );
                        ledger.done_records.push(*step);
                        StepState::Done
                    }
                    Conclusion::NotDone { .. } => StepState::NotDone,
                };
                ledger.steps[*step as usize] = StepRecord {
                    attempts: *attempt,
                    state,
                };
                fuse.tick()?;
                Got::Recorded
            }
        };
        drive.got(got).unwrap();
    }
    panic!("the machine does not come to an end");
}

fn assert_all_done(ledger: &Ledger, world: &World) {
    let all: Vec<u32> = (0..world.sizes.len() as u32).collect();
    assert_eq!(world.pieces, world.sizes);
    assert_eq!(world.completed, all, "each step is done once, in order");
    assert_eq!(
        ledger.done_records, all,
        "each end is recorded once, in order"
    );
    assert_eq!(ledger.planned, 1);
}

#[test]
fn every_crash_point_ends_in_the_same_state() {
    let sizes = [1, 4, 1];
    let mut points = 0;
    for crash in 0.. {
        let (mut ledger, mut world) = (Ledger::default(), World::new(&sizes));
        let first = run(&mut ledger, &mut world, &Fuse(Cell::new(Some(crash))));
        let crashed = first.is_err();
        let end = run(&mut ledger, &mut world, &Fuse(Cell::new(None)));
        assert!(matches!(end, Ok(Want::Finished)));
        assert_all_done(&ledger, &world);
        if !crashed {
            break;
        }
        points += 1;
    }
    // Plan, three intents, three outcomes and six pieces, each before and after.
    assert_eq!(points, 2 * (1 + 3 + 3 + 6));
}

proptest! {
    #[test]
    fn repeated_crashes_end_in_the_same_state(
        sizes in prop::collection::vec(1u32..5, 1..6),
        crashes in prop::collection::vec(0u32..12, 0..12),
    ) {
        let (mut ledger, mut world) = (Ledger::default(), World::new(&sizes));
        for crash in crashes {
            let _ = run(&mut ledger, &mut world, &Fuse(Cell::new(Some(crash))));
        }
        let end = run(&mut ledger, &mut world, &Fuse(Cell::new(None)));
        prop_assert!(matches!(end, Ok(Want::Finished)));
        assert_all_done(&ledger, &world);
        prop_assert!(ledger.steps.iter().all(|step| step.attempts == 1));
    }

    #[test]
    fn a_report_that_was_not_wanted_changes_nothing(reports in prop::collection::vec(0u8..7, 0..40)) {
        let mut drive = Drive::new(plan(), 2, Journal::default()).unwrap();
        for report in reports {
            let got = match report {
                0 | 1 => Got::Recorded,
                2 => Got::Probed(Probed::Done),
                3 => Got::Probed(Probed::Partial),
                4 => Got::Probed(Probed::Unknown { reason: "?".to_owned() }),
                5 => Got::Performed(Performed::Failed { reason: "!".to_owned() }),
                _ => Got::Performed(Performed::Done { took: None, detail: None }),
            };
            let before = drive.clone();
            if drive.got(got).is_err() {
                prop_assert_eq!(&drive, &before);
            }
        }
    }
}

fn at_perform() -> Drive {
    let mut drive = Drive::new(plan(), 1, Journal::default()).unwrap();
    drive.got(Got::Recorded).unwrap();
    drive.got(Got::Recorded).unwrap();
    assert_eq!(drive.want(), Want::Perform { step: 0 });
    drive
}

#[test]
fn a_failure_that_left_nothing_is_recorded_and_can_be_tried_again() {
    let mut drive = at_perform();
    drive
        .got(Got::Performed(Performed::Failed {
            reason: "disk full".to_owned(),
        }))
        .unwrap();
    assert_eq!(drive.want(), Want::Probe { step: 0 });
    drive.got(Got::Probed(Probed::NotDone)).unwrap();
    let reason = "disk full".to_owned();
    let conclusion = Conclusion::NotDone {
        reason: reason.clone(),
    };
    assert_eq!(
        drive.want(),
        Want::RecordOutcome {
            step: 0,
            attempt: 1,
            conclusion
        }
    );
    drive.got(Got::Recorded).unwrap();
    assert_eq!(
        drive.want(),
        Want::Stopped {
            step: 0,
            why: Stopped::Failed { reason }
        }
    );

    let steps = vec![StepRecord {
        attempts: 1,
        state: StepState::NotDone,
    }];
    let again = Drive::new(
        plan(),
        1,
        Journal {
            planned: true,
            steps,
        },
    )
    .unwrap();
    assert_eq!(
        again.want(),
        Want::RecordIntent {
            step: 0,
            attempt: 2
        }
    );
}

#[test]
fn a_failure_in_the_middle_leaves_the_question_open() {
    let mut drive = at_perform();
    drive
        .got(Got::Performed(Performed::Failed {
            reason: "busy".to_owned(),
        }))
        .unwrap();
    drive.got(Got::Probed(Probed::Partial)).unwrap();
    let why = Stopped::Unfinished {
        reason: Some("busy".to_owned()),
    };
    assert_eq!(drive.want(), Want::Stopped { step: 0, why });
}

#[test]
fn a_failure_after_the_effect_took_hold_is_a_recovered_success() {
    let mut drive = at_perform();
    drive
        .got(Got::Performed(Performed::Failed {
            reason: "connection lost".to_owned(),
        }))
        .unwrap();
    drive.got(Got::Probed(Probed::Done)).unwrap();
    let conclusion = Conclusion::Done {
        recovered: true,
        took: None,
        detail: None,
    };
    assert_eq!(
        drive.want(),
        Want::RecordOutcome {
            step: 0,
            attempt: 1,
            conclusion
        }
    );
}

#[test]
fn an_unknown_world_stops_everything() {
    let steps = vec![StepRecord {
        attempts: 1,
        state: StepState::Intended,
    }];
    let mut drive = Drive::new(
        plan(),
        1,
        Journal {
            planned: true,
            steps,
        },
    )
    .unwrap();
    assert_eq!(drive.want(), Want::Probe { step: 0 });
    let reason = "the table is gone".to_owned();
    drive
        .got(Got::Probed(Probed::Unknown {
            reason: reason.clone(),
        }))
        .unwrap();
    assert_eq!(
        drive.want(),
        Want::Stopped {
            step: 0,
            why: Stopped::Unknown { reason }
        }
    );
    assert!(drive.got(Got::Recorded).is_err());
}

#[test]
fn a_journal_of_another_shape_is_refused() {
    let at = |attempts, state| StepRecord { attempts, state };
    let bad = |planned, steps: Vec<StepRecord>| {
        Drive::new(plan(), 2, Journal { planned, steps }).unwrap_err()
    };
    assert_eq!(
        bad(true, vec![StepRecord::default()]),
        DriveError::Length { steps: 2, found: 1 }
    );
    let done = at(1, StepState::Done);
    assert_eq!(
        bad(true, vec![StepRecord::default(), done]),
        DriveError::Order { step: 1 }
    );
    assert_eq!(
        bad(true, vec![at(1, StepState::Intended), done]),
        DriveError::Order { step: 1 }
    );
    assert_eq!(bad(false, vec![done, done]), DriveError::Order { step: 0 });
    assert_eq!(
        bad(true, vec![at(0, StepState::Done), done]),
        DriveError::Order { step: 0 }
    );
}
