//! The machine that drives a plan, without doing anything itself.
//!
//! [`Drive::want`] says the one thing to do next; whoever does it reports with [`Drive::got`]. So
//! every order of crashes can be tried in memory. Around each effect stands a promise in the ledger
//! (intent) and its end (outcome). A crash in between leaves one question, "was it done?", which
//! the effect's probe answers before anything else happens.
//!
//! Deliberately absent: retries by time and the choice of what to do about a failure. A step that
//! fails ends the run with the reason, and the same plan can be applied again.

use switchback_model::{Conclusion, Digest, Duration};

/// What the ledger says about one step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepRecord {
    /// How many intents there are.
    pub attempts: u32,
    /// Where the last of them stands.
    pub state: StepState,
}

/// Where the last attempt of a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepState {
    /// Nothing was recorded.
    #[default]
    None,
    /// It was intended, and how that ended is not known.
    Intended,
    /// It is done.
    Done,
    /// It is known not to be done; it may be attempted again.
    NotDone,
}

/// What the ledger says about a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    /// Whether the plan itself is recorded.
    pub planned: bool,
    /// Its steps, in order.
    pub steps: Vec<StepRecord>,
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// Record the plan, durably.
    RecordPlan,
    /// Record that a step is about to be done, durably.
    RecordIntent {
        /// The step's place in the plan, from 0.
        step: u32,
        /// Which attempt it is, from 1. Plan, step and attempt make the event's id.
        attempt: u32,
    },
    /// Ask the world whether a step is done.
    Probe {
        /// The step's place in the plan.
        step: u32,
    },
    /// Do a step's effect.
    Perform {
        /// The step's place in the plan.
        step: u32,
    },
    /// Record how the attempt ended, durably.
    RecordOutcome {
        /// The step's place in the plan.
        step: u32,
        /// The attempt that ended.
        attempt: u32,
        /// How.
        conclusion: Conclusion,
    },
    /// Every step is done.
    Finished,
    /// The run is over before the end.
    Stopped {
        /// The step that it stopped at.
        step: u32,
        /// Why.
        why: Stopped,
    },
}

/// Why a run ended before the end of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The step failed and nothing of it is left; that is recorded.
    Failed {
        /// Why it failed.
        reason: String,
    },
    /// The step is done in part and goes on where it was when the plan is applied again.
    Unfinished {
        /// Why it ended; none where it was asked to pause.
        reason: Option<String>,
    },
    /// The world is in no state that the plan knows. Nothing was touched.
    Unknown {
        /// What was found.
        reason: String,
    },
}

/// What came of the thing that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// The plan, the intent or the outcome is recorded durably.
    Recorded,
    /// The world was asked.
    Probed(Probed),
    /// The effect ended.
    Performed(Performed),
}

/// What the world says about an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// Nothing of it is there.
    NotDone,
    /// It is done.
    Done,
    /// A part of it is done, and performing it goes on from there.
    Partial,
    /// Neither: somebody else changed what it is about.
    Unknown {
        /// What was found.
        reason: String,
    },
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Performed {
    /// It is done.
    Done {
        /// How long it took.
        took: Option<Duration>,
        /// What was measured, one line.
        detail: Option<String>,
    },
    /// It was asked to pause, and did.
    Paused,
    /// It failed. What is left of it is asked of the world.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A caller's mistake: the machine has not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// The journal is not one of this plan.
    #[error("the ledger has {found} steps of a plan of {steps}")]
    Length {
        /// The plan's steps.
        steps: usize,
        /// The journal's steps.
        found: usize,
    },
    /// The journal is not one that this machine writes.
    #[error("the ledger has step {step} of the plan out of order")]
    Order {
        /// The first step that cannot be where it is.
        step: u32,
    },
    /// A report that does not answer what was wanted.
    #[error("the report does not answer what was wanted: {wanted}")]
    Unexpected {
        /// What was wanted.
        wanted: String,
    },
}

/// Drives one plan to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    plan: Digest,
    journal: Journal,
    doing: Doing,
}

/// What the machine is in the middle of; the journal holds all the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    /// Nothing: the journal says what comes next.
    Next,
    /// The first step whose end is open, and its world has to be asked; `failure` says why.
    Ask { failure: Option<String> },
    /// Its effect has to be done.
    Do,
    /// Its outcome has to be recorded; after a failure the run stops.
    Conclude { conclusion: Conclusion },
    /// Over.
    Stop { why: Stopped },
}

impl Drive {
    /// A machine for the plan with this digest and number of steps, from what the ledger says. An
    /// empty journal is one of a plan that was never seen.
    ///
    /// # Errors
    /// If the journal cannot be one of this plan.
    pub fn new(plan: Digest, steps: usize, mut journal: Journal) -> Result<Self, DriveError> {
        if journal.steps.is_empty() {
            journal.steps = vec![StepRecord::default(); steps];
        }
        if journal.steps.len() != steps {
            return Err(DriveError::Length {
                steps,
                found: journal.steps.len(),
            });
        }
        let mut open = false;
        for (step, record) in (0..).zip(&journal.steps) {
            let touched = record.state != StepState::None;
            if touched != (record.attempts > 0) || (touched && (open || !journal.planned)) {
                return Err(DriveError::Order { step });
            }
            open |= record.state != StepState::Done;
        }
        let mut drive = Self {
            plan,
            journal,
            doing: Doing::Next,
        };
        if drive
            .current()
            .is_some_and(|(_, record)| record.state == StepState::Intended)
        {
            drive.doing = Doing::Ask { failure: None };
        }
        Ok(drive)
    }

    /// The plan's digest.
    pub const fn plan(&self) -> Digest {
        self.plan
    }

    /// The first step that is not done.
    fn current(&self) -> Option<(u32, StepRecord)> {
        (0..)
            .zip(self.journal.steps.iter().copied())
            .find(|(_, it)| it.state != StepState::Done)
    }

    /// The one thing to do next.
    pub fn want(&self) -> Want {
        if !self.journal.planned {
            return Want::RecordPlan;
        }
        let Some((step, record)) = self.current() else {
            return Want::Finished;
        };
        match &self.doing {
            Doing::Next => Want::RecordIntent {
                step,
                attempt: record.attempts + 1,
            },
            Doing::Ask { .. } => Want::Probe { step },
            Doing::Do => Want::Perform { step },
            Doing::Conclude { conclusion } => Want::RecordOutcome {
                step,
                attempt: record.attempts,
                conclusion: conclusion.clone(),
            },
            Doing::Stop { why } => Want::Stopped {
                step,
                why: why.clone(),
            },
        }
    }

    /// Takes the report on what was wanted.
    ///
    /// # Errors
    /// If the report answers something else; the machine has not moved then.
    pub fn got(&mut self, got: Got) -> Result<(), DriveError> {
        let want = self.want();
        let doing = match (&want, got) {
            (Want::RecordPlan, Got::Recorded) => {
                self.journal.planned = true;
                Doing::Next
            }
            (Want::RecordIntent { step, attempt }, Got::Recorded) => {
                self.record(
                    *step,
                    StepRecord {
                        attempts: *attempt,
                        state: StepState::Intended,
                    },
                );
                Doing::Do
            }
            (
                Want::RecordOutcome {
                    step,
                    attempt,
                    conclusion,
                },
                Got::Recorded,
            ) => {
                let (state, doing) = match conclusion {
                    Conclusion::Done { .. } => (StepState::Done, Doing::Next),
                    Conclusion::NotDone { reason } => {
                        let why = Stopped::Failed {
                            reason: reason.clone(),
                        };
                        (StepState::NotDone, Doing::Stop { why })
                    }
                };
                self.record(
                    *step,
                    StepRecord {
                        attempts: *attempt,
                        state,
                    },
                );
                doing
            }
            (Want::Probe { .. }, Got::Probed(probed)) => self.probed(probed),
            (Want::Perform { .. }, Got::Performed(performed)) => match performed {
                Performed::Done { took, detail } => Doing::Conclude {
                    conclusion: Conclusion::Done {
                        recovered: false,
                        took,
                        detail,
                    },
                },
                Performed::Paused => Doing::Stop {
                    why: Stopped::Unfinished { reason: None },
                },
                Performed::Failed { reason } => Doing::Ask {
                    failure: Some(reason),
                },
            },
            _ => {
                return Err(DriveError::Unexpected {
                    wanted: format!("{want:?}"),
                });
            }
        };
        self.doing = doing;
        Ok(())
    }

    fn probed(&self, probed: Probed) -> Doing {
        let failure = match &self.doing {
            Doing::Ask { failure } => failure.clone(),
            _ => None,
        };
        match (probed, failure) {
            (Probed::Done, _) => Doing::Conclude {
                conclusion: Conclusion::Done {
                    recovered: true,
                    took: None,
                    detail: None,
                },
            },
            (Probed::NotDone | Probed::Partial, None) => Doing::Do,
            (Probed::NotDone, Some(reason)) => Doing::Conclude {
                conclusion: Conclusion::NotDone { reason },
            },
            // The intent stays open: something is left of the step, and the next run asks again.
            (Probed::Partial, reason) => Doing::Stop {
                why: Stopped::Unfinished { reason },
            },
            (Probed::Unknown { reason }, _) => Doing::Stop {
                why: Stopped::Unknown { reason },
            },
        }
    }

    fn record(&mut self, step: u32, record: StepRecord) {
        if let Some(slot) = self.journal.steps.get_mut(step as usize) {
            *slot = record;
        }
    }
}

#[cfg(test)]
mod tests;
