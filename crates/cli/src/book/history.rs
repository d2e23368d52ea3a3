//! The plans in the ledger: how far each came, and which parts of a change are applied where.

use std::collections::BTreeMap;
use std::fmt;

use switchback_migration::drive::{Journal, StepRecord, StepState};
use switchback_model::plan::Direction;
use switchback_model::{
    Action, Actor, ChangeId, ComponentName, Conclusion, Counts, Digest, Effect, EnvironmentName,
    Event, EventId, Plan, Record, StepName, SurfaceOperation, Timestamp,
};

/// What a plan is about: two plans about the same thing in one environment follow each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// A change of something shared.
    Change(ChangeId),
    /// The version of a component.
    Component(ComponentName),
}

/// A plan and how far it came.
#[derive(Debug, Clone)]
pub(crate) struct PlanRecord {
    /// The plan.
    pub(crate) plan: Plan,
    /// What is recorded about it.
    pub(crate) journal: Journal,
}

/// One part of a step of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Its SQL.
    Script,
    /// Its copy of existing rows.
    Fill,
}

/// Everything that the ledger says about plans.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    plans: BTreeMap<Digest, PlanRecord>,
    tags: BTreeMap<String, RecordedTag>,
    latest: BTreeMap<(EnvironmentName, Subject), Digest>,
    applied: BTreeMap<(EnvironmentName, ChangeId), Vec<(StepName, Part)>>,
    intents: BTreeMap<EventId, (Digest, u32)>,
    last: BTreeMap<EnvironmentName, (EventId, Timestamp)>,
    counts: BTreeMap<(EnvironmentName, ChangeId), Vec<Counts>>,
    applied_at: BTreeMap<(EnvironmentName, ChangeId, StepName), Timestamp>,
    /// Why what contracts keep is to be destroyed, by those who asked for it last.
    reasons: BTreeMap<(EnvironmentName, ChangeId), String>,
    purged: BTreeMap<(EnvironmentName, ChangeId), Purged>,
}

/// What a contract had kept aside was destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Purged {
    at: Timestamp,
    by: Actor,
    /// Why; none where somebody did it without saying so.
    because: Option<String>,
}

impl fmt::Display for Purged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "purged on {} by {}", self.at, self.by)?;
        match &self.because {
            Some(reason) => write!(f, ", because: {reason}"),
            None => Ok(()),
        }
    }
}

/// A tag as it was when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedTag {
    /// The id of the tag object.
    pub(crate) object: String,
    /// The id of the commit that it names.
    pub(crate) commit: String,
}

/// The change whose purge an action is, if it is one.
const fn purge_of(action: &Action) -> Option<&ChangeId> {
    match action {
        Action::Surface {
            change,
            operation: SurfaceOperation::Purge,
        } => Some(change),
        _ => None,
    }
}

impl Subject {
    /// What an action is about.
    pub(crate) fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Deploy { component, .. }
            | Action::Rollback { component, .. }
            | Action::FinishRollout { component, .. }
            | Action::AbortRollout { component } => Some(Subject::Component(component.clone())),
            Action::Surface { change, .. } => Some(Subject::Change(change.clone())),
            Action::SetFlag { .. } => None,
        }
    }
}

impl PlanRecord {
    /// Whether something of it is left in the world, or may be: a step of which nobody knows whether
    /// it was done, or some steps done and others not.
    pub(crate) fn is_unfinished(&self) -> bool {
        let steps = &self.journal.steps;
        let has = |state| steps.iter().any(|step| step.state == state);
        has(StepState::Intended)
            || (has(StepState::Done) && steps.iter().any(|step| step.state != StepState::Done))
    }

    /// Whether a step was begun at all.
    pub(crate) fn is_begun(&self) -> bool {
        self.journal.steps.iter().any(|step| step.attempts > 0)
    }

    /// The step that was intended and of which nobody knows whether it was done.
    pub(crate) fn open_step(&self) -> Option<u32> {
        (0..)
            .zip(&self.journal.steps)
            .find(|(_, step)| step.state == StepState::Intended)
            .map(|(place, _)| place)
    }
}

impl History {
    /// The tags of releases, as they were when they were made.
    pub(crate) const fn tags(&self) -> &BTreeMap<String, RecordedTag> {
        &self.tags
    }

    /// What is recorded about a plan.
    pub(crate) fn plan(&self, digest: &Digest) -> Option<&PlanRecord> {
        self.plans.get(digest)
    }

    /// The newest plan about a subject, if something of it is left and not all of it.
    pub(crate) fn unfinished(
        &self,
        environment: &EnvironmentName,
        subject: &Subject,
    ) -> Option<&PlanRecord> {
        let digest = self.latest.get(&(environment.clone(), subject.clone()))?;
        self.plans.get(digest).filter(|plan| plan.is_unfinished())
    }

    /// Every unfinished plan.
    pub(crate) fn all_unfinished(&self) -> impl Iterator<Item = &PlanRecord> {
        self.latest
            .keys()
            .filter_map(|(environment, subject)| self.unfinished(environment, subject))
    }

    /// Whether a part of a step is applied in an environment.
    pub(crate) fn is_applied(
        &self,
        environment: &EnvironmentName,
        change: &ChangeId,
        step: &StepName,
        part: Part,
    ) -> bool {
        self.applied
            .get(&(environment.clone(), change.clone()))
            .is_some_and(|parts| parts.iter().any(|(name, it)| name == step && *it == part))
    }

    /// The step whose part was applied last in an environment, if any is applied.
    pub(crate) fn last_applied(
        &self,
        environment: &EnvironmentName,
        change: &ChangeId,
    ) -> Option<&StepName> {
        let parts = self.applied.get(&(environment.clone(), change.clone()))?;
        parts.last().map(|(step, _)| step)
    }

    /// How often statements that use what a change takes away had been executed, at each moment at
    /// which that was counted in an environment.
    pub(crate) fn counts(&self, environment: &EnvironmentName, change: &ChangeId) -> &[Counts] {
        self.counts
            .get(&(environment.clone(), change.clone()))
            .map_or(&[], Vec::as_slice)
    }

    /// When the last part of a step was applied in an environment, if it is.
    pub(crate) fn applied_at(
        &self,
        environment: &EnvironmentName,
        change: &ChangeId,
        step: &StepName,
    ) -> Option<Timestamp> {
        let key = (environment.clone(), change.clone(), step.clone());
        self.applied_at.get(&key).copied()
    }

    /// When and why what the contract of a change had kept aside in an environment was destroyed, if
    /// it was.
    pub(crate) fn purged(
        &self,
        environment: &EnvironmentName,
        change: &ChangeId,
    ) -> Option<&Purged> {
        self.purged.get(&(environment.clone(), change.clone()))
    }

    /// The last event that changed an environment: a place in its history that never comes again.
    pub(crate) fn place(&self, environment: &EnvironmentName) -> String {
        self.last
            .get(environment)
            .map_or_else(|| "start".to_owned(), |(id, _)| id.to_string())
    }

    /// The id of an attempt's intent.
    pub(crate) fn intent_id(plan: &Digest, step: u32, attempt: u32) -> EventId {
        EventId::of(&[
            "intent",
            &plan.to_string(),
            &step.to_string(),
            &attempt.to_string(),
        ])
    }

    /// Takes in one event.
    pub(crate) fn observe(&mut self, record: &Record) {
        match &record.event {
            Event::Planned { plan } => {
                let Ok(digest) = plan.digest() else { return };
                let steps = vec![StepRecord::default(); plan.steps.len()];
                let journal = Journal {
                    planned: true,
                    steps,
                };
                let plan = PlanRecord {
                    plan: plan.clone(),
                    journal,
                };
                self.plans.entry(digest).or_insert(plan);
            }
            Event::Intended {
                plan,
                step,
                environment,
                action,
            } => {
                // Only what was begun stands in the way of what comes after it.
                if let Some(subject) = Subject::of(action) {
                    self.latest.insert((environment.clone(), subject), *plan);
                }
                self.intents.insert(record.id.clone(), (*plan, *step));
                if let Some(slot) = self.step_mut(plan, *step) {
                    slot.attempts += 1;
                    slot.state = StepState::Intended;
                }
            }
            Event::Concluded {
                intent,
                environment,
                action,
                conclusion,
            } => {
                self.last
                    .insert(environment.clone(), (record.id.clone(), record.at));
                let Some((plan, step)) = self.intents.get(intent).copied() else {
                    return;
                };
                let done = matches!(conclusion, Conclusion::Done { .. });
                if let Some(slot) = self.step_mut(&plan, step) {
                    slot.state = if done {
                        StepState::Done
                    } else {
                        StepState::NotDone
                    };
                }
                if done {
                    // What a step or its way back executes of the old shape is no use by others, so
                    // what was counted before it is compared with no more.
                    if let Action::Surface { change, .. } = action {
                        self.counts.remove(&(environment.clone(), change.clone()));
                    }
                    match purge_of(action) {
                        Some(change) => self.take_purge(record, environment, change),
                        None => self.applied(environment, &plan, step, record.at),
                    }
                }
            }
            Event::Observed {
                environment,
                action,
            } => {
                self.last
                    .insert(environment.clone(), (record.id.clone(), record.at));
                if let Some(change) = purge_of(action) {
                    self.take_purge(record, environment, change);
                }
            }
            Event::Accepted {
                environment,
                action,
                reason,
                ..
            } => {
                if let Some(change) = purge_of(action) {
                    let of = (environment.clone(), change.clone());
                    self.reasons.insert(of, reason.clone());
                }
            }
            Event::UsesCounted {
                environment,
                change,
                counts,
            } => {
                let of = (environment.clone(), change.clone());
                self.counts.entry(of).or_default().push(counts.clone());
            }
            Event::ReleaseTagged {
                tag,
                object,
                commit,
                ..
            } => {
                let recorded = RecordedTag {
                    object: object.clone(),
                    commit: commit.clone(),
                };
                self.tags.insert(tag.clone(), recorded);
            }
            Event::ReleaseRecorded { .. }
            | Event::ChangeOpened { .. }
            | Event::Refused { .. }
            | Event::BackfillBegun { .. }
            | Event::BackfillEnded { .. }
            | Event::BackfillVerified { .. }
            | Event::BackfillExpired { .. }
            | Event::Rehearsed { .. } => {}
        }
    }

    fn take_purge(&mut self, record: &Record, environment: &EnvironmentName, change: &ChangeId) {
        let of = (environment.clone(), change.clone());
        let purged = Purged {
            at: record.at,
            by: record.actor.clone(),
            because: self.reasons.remove(&of),
        };
        self.purged.insert(of, purged);
    }

    /// What is recorded about one step of a plan.
    pub(crate) fn step(&self, plan: &Digest, step: u32) -> Option<StepRecord> {
        self.plans
            .get(plan)?
            .journal
            .steps
            .get(step as usize)
            .copied()
    }

    fn step_mut(&mut self, plan: &Digest, step: u32) -> Option<&mut StepRecord> {
        self.plans
            .get_mut(plan)?
            .journal
            .steps
            .get_mut(step as usize)
    }

    fn applied(&mut self, environment: &EnvironmentName, plan: &Digest, step: u32, at: Timestamp) {
        let effect = self
            .plans
            .get(plan)
            .and_then(|record| record.plan.steps.get(step as usize))
            .map(|step| &step.effect);
        let (change, name, part, up) = match effect {
            Some(Effect::Script(script)) => {
                let up = script.direction == Direction::Up;
                (&script.change, &script.step, Part::Script, up)
            }
            Some(Effect::Fill(fill)) => (&fill.change, &fill.step, Part::Fill, true),
            Some(Effect::Unfill(fill)) => (&fill.change, &fill.step, Part::Fill, false),
            Some(Effect::MoveValue(_)) | None => return,
        };
        let key = (environment.clone(), change.clone());
        let whole = (environment.clone(), change.clone(), name.clone());
        if up {
            self.applied_at.insert(whole, at);
        } else {
            self.applied_at.remove(&whole);
        }
        let parts = self.applied.entry(key).or_default();
        if up {
            parts.push((name.clone(), part));
        } else {
            // The way back of a step's SQL takes the filled column with it.
            parts.retain(|(it, kind)| it != name || (part == Part::Fill && *kind != part));
        }
    }
}
