//! Carrying steps out as the command line does, by the same machine, with a ledger that survives
//! whoever writes it.

use switchback_migration::drive::{
    Drive, Got, Journal, Performed, Probed, StepRecord, StepState, Stopped, Want,
};
use switchback_model::plan::PlannedStep;
use switchback_model::{Conclusion, Digest, Effect};

/// How a run ended before its end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Whoever did it is gone.
    Crashed,
    /// It cannot be done, and this is what is told.
    Failed(String),
}

/// A process at work on a database.
pub(crate) trait Doer {
    fn probe(&mut self, effect: &Effect) -> Result<Probed, Ended>;
    fn perform(&mut self, effect: &Effect, intent: &str) -> Result<(), Ended>;
    /// Gives an intent up, also where its effect is done in part.
    fn revoke(&mut self, effect: &Effect, intent: &str) -> Result<Probed, Ended>;
}

/// What a ledger says of one plan.
pub(crate) struct Book<'a> {
    plan: Digest,
    steps: &'a [PlannedStep],
    journal: Journal,
}

impl<'a> Book<'a> {
    /// Of a plan that was never seen; no other one has its `number`.
    pub(crate) fn new(number: u64, steps: &'a [PlannedStep]) -> Self {
        Self {
            plan: Digest::of(format!("plan {number}").as_bytes()),
            steps,
            journal: Journal {
                planned: false,
                steps: vec![StepRecord::default(); steps.len()],
            },
        }
    }

    fn intent(&self, step: u32, attempt: u32) -> String {
        format!("{}/{step}/{attempt}", self.plan)
    }

    fn open_intent(&self, step: u32) -> String {
        self.intent(step, self.journal.steps[step as usize].attempts)
    }

    fn note(&mut self, step: u32, attempt: u32, state: StepState) {
        self.journal.steps[step as usize] = StepRecord {
            attempts: attempt,
            state,
        };
    }

    /// From what the ledger says to the end of the plan.
    pub(crate) fn carry_out(&mut self, doer: &mut dyn Doer) -> Result<(), Ended> {
        let told = |error: &dyn std::fmt::Display| Ended::Failed(error.to_string());
        let mut drive = Drive::new(self.plan, self.steps.len(), self.journal.clone())
            .map_err(|error| told(&error))?;
        let mut failed = false;
        loop {
            let effect = |step: u32| &self.steps[step as usize].effect;
            let got = match drive.want() {
                Want::RecordPlan => {
                    self.journal.planned = true;
                    Got::Recorded
                }
                Want::RecordIntent { step, attempt } => {
                    self.note(step, attempt, StepState::Intended);
                    Got::Recorded
                }
                Want::Probe { step } if failed => {
                    let intent = self.open_intent(step);
                    Got::Probed(doer.revoke(effect(step), &intent)?)
                }
                Want::Probe { step } => Got::Probed(doer.probe(effect(step))?),
                Want::Perform { step } => {
                    let intent = self.open_intent(step);
                    Got::Performed(match doer.perform(effect(step), &intent) {
                        Ok(()) => Performed::Done {
                            took: None,
                            detail: None,
                        },
                        Err(Ended::Failed(reason)) => {
                            failed = true;
                            Performed::Failed { reason }
                        }
                        Err(Ended::Crashed) => return Err(Ended::Crashed),
                    })
                }
                Want::RecordOutcome {
                    step,
                    attempt,
                    conclusion,
                } => {
                    let state = match conclusion {
                        Conclusion::Done { .. } => StepState::Done,
                        Conclusion::NotDone { .. } => StepState::NotDone,
                    };
                    self.note(step, attempt, state);
                    Got::Recorded
                }
                Want::Finished => return Ok(()),
                Want::Stopped { step, why } => {
                    let title = &self.steps[step as usize].title;
                    return Err(Ended::Failed(match why {
                        Stopped::Failed { reason } => format!("{title}: {reason}"),
                        other => format!("{title}: {other:?}"),
                    }));
                }
            };
            drive.got(got).map_err(|error| told(&error))?;
        }
    }

    /// Gives up what was begun. What is done in part counts as not done: its way back takes the part
    /// with it.
    pub(crate) fn give_up(&mut self, doer: &mut dyn Doer) -> Result<(), Ended> {
        let open = (0..)
            .zip(&self.journal.steps)
            .find(|(_, it)| it.state == StepState::Intended);
        let Some((step, record)) = open.map(|(step, record)| (step, *record)) else {
            return Ok(());
        };
        let intent = self.open_intent(step);
        let effect = &self.steps[step as usize].effect;
        let state = match doer.revoke(effect, &intent)? {
            Probed::Done => StepState::Done,
            Probed::NotDone | Probed::Partial => StepState::NotDone,
            Probed::Unknown { reason } => {
                return Err(Ended::Failed(format!("giving it up: {reason}")));
            }
        };
        self.note(step, record.attempts, state);
        Ok(())
    }
}
