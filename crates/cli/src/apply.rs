//! Carrying out a plan: intent, effect, outcome. Nothing is decided here but whether the next step
//! is still admitted.

use switchback_interlock::{Interlock, Refusal};
use switchback_migration::drive::{Drive, Got, Performed, Probed, StepState, Stopped, Want};
use switchback_model::{Conclusion, Digest, Effect, Event, EventId, Plan, PlannedStep, Timestamp};

use crate::book::{Book, History, Outcome, PlanRecord};
use crate::context::Context;
use crate::decide::decide;
use crate::effects::{Effects, EnvironmentDatabase};
use crate::errors::{self, Failure};
use crate::faults;
use crate::interrupt;
use crate::plans;
use crate::progress::Progress;
use crate::refusals;
use crate::settings::types::Environment;

/// Carries out a plan that was just made, or, with `begun`, goes on with one that was begun.
///
/// # Errors
/// If a step is refused or fails. What was done before it stays done and is recorded; applying the
/// same plan again goes on from there.
pub(crate) fn carry_out(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    plan: &Plan,
    begun: bool,
) -> Result<(), Failure> {
    let digest = plan.digest()?;
    // Somebody may have been asked in between, and others may have been at work meanwhile.
    book.catch_up()?;
    let known = book.history.plan(&digest).cloned();
    match &known {
        Some(record) if begun && record.is_unfinished() => {}
        Some(record) if begun || record.is_begun() => {
            return Err(errors::plan_stale(plan, &["somebody else carried it out"]));
        }
        _ => check(context, book, environment, plan)?,
    }
    let journal = known.map(|record| record.journal).unwrap_or_default();
    let mut drive = Drive::new(digest, plan.steps.len(), journal)?;
    let effects = Effects::new(context, environment);
    let mut progress = Progress::new(context.shell, plan.steps.len());
    let (mut shown, mut failed) = (None, false);
    // Whoever presses Ctrl-C wants a database left at a place that is known.
    let on_database = |step: &PlannedStep| !matches!(step.effect, Effect::MoveValue(_));
    let _heeded = plan.steps.iter().any(on_database).then(interrupt::heed);
    loop {
        let want = drive.want();
        if let Want::RecordIntent { step, .. } = want
            && interrupt::is_asked()
        {
            return Err(errors::interrupted_before(&plan.steps[step as usize].title));
        }
        if let Want::RecordIntent { step, .. } | Want::Probe { step } | Want::Perform { step } =
            want
            && shown != Some(step)
        {
            progress.begin(&plan.steps[step as usize].title);
            shown = Some(step);
        }
        let got = match want {
            Want::RecordPlan => {
                let id = EventId::of(&["plan", &digest.to_string()]);
                let at = context.shell.clock.now();
                book.append(id, at, Event::Planned { plan: plan.clone() })?;
                Got::Recorded
            }
            Want::RecordIntent { step, attempt } => {
                faults::reach(step, "before-intent");
                intend(context, book, environment, plan, &digest, step, attempt)?;
                faults::reach(step, "after-intent");
                Got::Recorded
            }
            Want::Probe { step } => {
                let intent = intent_of(book, &digest, step);
                let effect = &plan.steps[step as usize].effect;
                // After a failure the attempt is over, also for whoever else is still at it.
                Got::Probed(if failed {
                    // Where it cannot even be given up it stays open: the next run asks again.
                    effects
                        .settle(effect, &intent, false)
                        .map_err(|other| effects.take_failure().unwrap_or(other))?
                } else {
                    effects.probe(effect, &intent)?
                })
            }
            Want::Perform { step } => {
                let intent = intent_of(book, &digest, step);
                let effect = &plan.steps[step as usize].effect;
                let performed = effects.perform(book, effect, &digest, &intent, &progress)?;
                faults::reach(step, "after-effect");
                failed = matches!(performed, Performed::Failed { .. });
                Got::Performed(performed)
            }
            Want::RecordOutcome {
                step,
                attempt,
                conclusion,
            } => {
                let intent = History::intent_id(&digest, step, attempt);
                conclude(context, book, plan, step, intent, &conclusion)?;
                faults::reach(step, "after-outcome");
                match &conclusion {
                    Conclusion::Done {
                        recovered: true, ..
                    } => {
                        progress.done("found done after an interruption");
                    }
                    Conclusion::Done { detail, .. } => {
                        progress.done(detail.as_deref().unwrap_or_default());
                    }
                    Conclusion::NotDone { reason } => progress.failed(reason),
                }
                Got::Recorded
            }
            Want::Finished => return Ok(()),
            Want::Stopped { step, why } => {
                let title = &plan.steps[step as usize].title;
                return Err(match why {
                    // The effect's own error says more than its one line in the ledger.
                    Stopped::Failed { reason } => effects
                        .take_failure()
                        .unwrap_or_else(|| errors::step_failed(title, &reason)),
                    Stopped::Unfinished { .. } if interrupt::is_asked() => {
                        errors::interrupted_within(title)
                    }
                    Stopped::Unfinished { reason } => effects
                        .take_failure()
                        .unwrap_or_else(|| errors::step_unfinished(title, reason.as_deref())),
                    Stopped::Unknown { reason } => errors::unknown_state(title, &reason),
                });
            }
        };
        drive.got(got)?;
    }
}

/// Settles the open intent of a plan that is to be given up, and says whether it was done: what is
/// done in part counts as not done, because its way back takes the part with it.
pub(crate) fn give_up(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    record: &PlanRecord,
) -> Result<bool, Failure> {
    let Some(step) = record.open_step() else {
        return Ok(false);
    };
    let digest = record.plan.digest()?;
    let intent = intent_of(book, &digest, step);
    let planned = &record.plan.steps[step as usize];
    let effects = Effects::new(context, environment);
    let conclusion = match effects.settle(&planned.effect, &intent, true)? {
        Probed::Done => Conclusion::Done {
            recovered: true,
            took: None,
            detail: None,
        },
        Probed::NotDone => Conclusion::NotDone {
            reason: "found not done after an interruption".to_owned(),
        },
        Probed::Partial => Conclusion::NotDone {
            reason: "given up in part".to_owned(),
        },
        Probed::Unknown { reason } => return Err(errors::unknown_state(&planned.title, &reason)),
    };
    conclude(context, book, &record.plan, step, intent, &conclusion)?;
    Ok(matches!(conclusion, Conclusion::Done { .. }))
}

fn intent_of(book: &Book, plan: &Digest, step: u32) -> EventId {
    let attempts = book
        .history
        .plan(plan)
        .and_then(|record| record.journal.steps.get(step as usize))
        .map_or(1, |step| step.attempts);
    History::intent_id(plan, step, attempts)
}

/// Fails if the state that the plan was made from has moved.
fn check_fresh(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    plan: &Plan,
) -> Result<(), Failure> {
    let now = plans::made_from(context, book, environment, &plan.steps)?;
    if now == plan.made_from {
        return Ok(());
    }
    let mut moved = plans::moved_marks(&plan.made_from, &now);
    if moved.is_empty() {
        moved.push("environment");
    }
    Err(errors::plan_stale(plan, &moved))
}

/// Whether every step would be admitted now, each once those before it are done.
///
/// # Errors
/// The first refusal; nothing is recorded.
pub(crate) fn foresee(
    book: &Book,
    environment: &Environment,
    steps: &[PlannedStep],
    now: Timestamp,
) -> Result<(), Box<Refusal>> {
    let name = &environment.name;
    let mut here = book.environment(name);
    let interlock = Interlock::new(&book.world.catalog);
    for step in steps {
        let during = interlock.admit(name, &here, now, &step.action)?;
        here = interlock.settle(&during, &step.action, true, now);
    }
    Ok(())
}

/// Checks that a plan which was not begun may be: that the state it was made from has not moved,
/// and that its steps are admitted. A refusal is recorded.
pub(crate) fn check(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    plan: &Plan,
) -> Result<(), Failure> {
    if book
        .history
        .plan(&plan.digest()?)
        .is_some_and(PlanRecord::is_begun)
    {
        return Ok(());
    }
    check_fresh(context, book, environment, plan)?;
    let on_database = |step: &PlannedStep| !matches!(step.effect, Effect::MoveValue(_));
    if plan.steps.iter().any(on_database) {
        EnvironmentDatabase::open(context, environment)?.check_writable()?;
    }
    match foresee(book, environment, &plan.steps, context.shell.clock.now()) {
        Ok(()) => Ok(()),
        Err(refusal) => Err(refusals::refuse(context, book, environment, &refusal)?),
    }
}

/// Decides on a step and records the intent, as one.
fn intend(
    context: &Context<'_>,
    book: &mut Book,
    environment: &Environment,
    plan: &Plan,
    digest: &Digest,
    step: u32,
    attempt: u32,
) -> Result<(), Failure> {
    let action = &plan.steps[step as usize].action;
    let event = |_: &Book| {
        let event = Event::Intended {
            plan: *digest,
            step,
            environment: environment.name.clone(),
            action: action.clone(),
        };
        Ok((History::intent_id(digest, step, attempt), event))
    };
    match decide(context, book, environment, action, &event)? {
        Outcome::Recorded => Ok(()),
        // The attempt is somebody else's, and so is its end.
        Outcome::Known | Outcome::Moved => Err(errors::plan_stale(
            plan,
            &["somebody else is carrying it out"],
        )),
    }
}

fn conclude(
    context: &Context<'_>,
    book: &mut Book,
    plan: &Plan,
    step: u32,
    intent: EventId,
    conclusion: &Conclusion,
) -> Result<(), Failure> {
    let event = Event::Concluded {
        intent: intent.clone(),
        environment: plan.environment.clone(),
        action: plan.steps[step as usize].action.clone(),
        conclusion: conclusion.clone(),
    };
    // Two runs may go on with the same step at once after an interruption; the effect is done once,
    // and the first one to say so has said it.
    book.catch_up()?;
    let said = book
        .history
        .step(&plan.digest()?, step)
        .map(|record| record.state);
    let done = matches!(conclusion, Conclusion::Done { .. });
    match said {
        Some(StepState::Done) => return Ok(()),
        Some(StepState::NotDone) if !done => return Ok(()),
        // It was given up, and nothing may be done after that: what is there is nobody's.
        Some(StepState::NotDone) => {
            let title = &plan.steps[step as usize].title;
            let reason = "it was given up as not done, and then it was done";
            return Err(errors::unknown_state(title, reason));
        }
        Some(StepState::Intended | StepState::None) | None => {}
    }
    let id = EventId::of(&["outcome", intent.as_str()]);
    book.append(id, context.shell.clock.now(), event)
}

/// How an effect that was refused by its adapter is told to the machine.
pub(crate) fn failed(failure: &Failure) -> Performed {
    let reason = failure
        .diagnostics
        .first()
        .map_or_else(String::new, |found| match found.causes.last() {
            Some(cause) => format!("{}: {cause}", found.message),
            None => found.message.clone(),
        });
    Performed::Failed { reason }
}
