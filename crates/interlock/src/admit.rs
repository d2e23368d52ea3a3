//! The one question: may this action happen now?

use switchback_model::{
    Action, ChangeId, EnvironmentName, Shape, Stance, SurfaceOperation, Timestamp, Version,
};

use crate::clause::{Clause, Clauses};
use crate::judge::{self, Counting, leaves, stances_towards};
use crate::refusal::{Cause, Misfit, Participant, Reason, Refusal, Standing, Who};
use crate::surface::{Retained, SurfaceState, emptied, goal};
use crate::transition;
use crate::world::{Catalog, Environment};

/// The rule, ready to judge the environments of one catalog.
#[derive(Debug, Clone, Copy)]
pub struct Interlock<'a> {
    catalog: &'a Catalog,
    clauses: Clauses,
}

impl<'a> Interlock<'a> {
    /// The whole rule.
    pub const fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            clauses: Clauses::ALL,
        }
    }

    /// The rule with only some of its clauses: for tests that show that each is needed.
    pub const fn with_clauses(catalog: &'a Catalog, clauses: Clauses) -> Self {
        Self { catalog, clauses }
    }

    /// Judges an action. Admitted: the environment as it counts from the moment the action is
    /// intended until its outcome is known.
    ///
    /// What is wrong already does not refuse an action that makes nothing worse, so that a state
    /// that was reached behind our back can be left.
    ///
    /// # Errors
    /// The refusal.
    pub fn admit(
        &self,
        name: &EnvironmentName,
        environment: &Environment,
        now: Timestamp,
        action: &Action,
    ) -> Result<Environment, Box<Refusal>> {
        let refuse = |cause| {
            Box::new(Refusal {
                environment: name.clone(),
                action: action.clone(),
                cause,
            })
        };
        let before = environment.as_of(now);
        let during = self
            .begin(&before, action)
            .map_err(|misfit| refuse(Cause::Misfit(misfit)))?;
        let mut reasons = judge::reasons(self.catalog, &during, self.clauses);
        if !reasons.is_empty() {
            let known = judge::reasons(self.catalog, &before, self.clauses);
            reasons.retain(|reason| !known.contains(reason));
        }
        reasons.extend(self.too_far(&before, action));
        reasons.extend(self.futile(&during, action, now));
        if reasons.is_empty() {
            return Ok(during);
        }
        Err(refuse(Cause::Unsafe(reasons)))
    }

    /// What is wrong in an environment as it stands; empty where it is safe.
    pub fn threats(&self, environment: &Environment, now: Timestamp) -> Vec<Reason> {
        judge::reasons(self.catalog, &environment.as_of(now), self.clauses)
    }

    /// The environment once `action` is intended, whether or not it is admitted.
    ///
    /// # Errors
    /// If the action has no meaning where the environment stands.
    pub fn begin(&self, environment: &Environment, action: &Action) -> Result<Environment, Misfit> {
        let mut during = environment.clone();
        transition::begin(self.catalog, &mut during, action)?;
        Ok(during)
    }

    /// The environment once the outcome of an action that was begun is known.
    #[must_use]
    pub fn settle(
        &self,
        during: &Environment,
        action: &Action,
        done: bool,
        at: Timestamp,
    ) -> Environment {
        let mut after = during.clone();
        transition::settle(self.catalog, &mut after, action, done, at);
        after
    }

    fn too_far(&self, before: &Environment, action: &Action) -> Vec<Reason> {
        let Action::Deploy { component, version } = action else {
            return Vec::new();
        };
        if !self.clauses.has(Clause::OneStep) {
            return Vec::new();
        }
        let stable = before
            .components
            .get(component)
            .and_then(|running| running.stable.as_ref());
        let Some(stable) = stable else {
            return Vec::new();
        };
        let position = |version: &Version, change: &ChangeId| {
            let release = self.catalog.release(component, version)?;
            Some(self.catalog.code(release, change)?.position)
        };
        let far = self.catalog.changes.keys().filter(|change| {
            let steps = position(stable, change).zip(position(version, change));
            steps.is_some_and(|(here, there)| here.abs_diff(there) > 1)
        });
        far.map(|change| Reason {
            clause: Clause::OneStep,
            change: change.clone(),
            shape: Shape::New,
            participant: Some(Participant {
                who: Who::Release {
                    component: component.clone(),
                    version: version.clone(),
                },
                standing: Standing::Arriving,
                at_flag: None,
            }),
            because_of: Some(Participant {
                who: Who::Release {
                    component: component.clone(),
                    version: stable.clone(),
                },
                standing: Standing::Live,
                at_flag: None,
            }),
        })
        .collect()
    }

    /// Whether what the operation is for would be undone at once by somebody who is live.
    fn futile(&self, during: &Environment, action: &Action, now: Timestamp) -> Option<Reason> {
        let Action::Surface { change, operation } = action else {
            return None;
        };
        let shape = goal(*operation)?;
        // The old shape may be made again while nobody keeps it in step: it is there for code that
        // writes it, and nobody may read it before it is filled.
        let required = !matches!(operation, SurfaceOperation::Uncontract { .. });
        if !required || !self.clauses.has(Clause::GoalHolds) {
            return None;
        }
        let after = self.settle(during, action, true, now);
        let settled = after.surfaces.get(change)?.settled();
        let holds = match settled {
            SurfaceState::Replicated(state) => state.holds_truth(shape),
            SurfaceState::Tagged(state) => {
                emptied(*operation).is_none_or(|shape| state.retained(shape) == Retained::Gone)
            }
        };
        if holds {
            return None;
        }
        let parties = stances_towards(self.catalog, during, change, Counting::LIVE);
        let cause = parties.iter().find(|party| match settled {
            SurfaceState::Replicated(state) => leaves(party, state, shape),
            SurfaceState::Tagged(_) => emptied(*operation).is_some_and(
                |shape| matches!(party.stance, Stance::Tagged { emits, .. } if emits.has(shape)),
            ),
        });
        Some(Reason {
            clause: Clause::GoalHolds,
            change: change.clone(),
            shape,
            participant: None,
            because_of: cause.map(|party| party.to_participant()),
        })
    }
}
