//! What may be done next, and what comes first before something that is refused.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use switchback_model::{Action, EnvironmentName, Timestamp};

use crate::admit::Interlock;
use crate::refusal::Verdict;
use crate::world::Environment;

/// One move on the way to an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "move", rename_all = "kebab-case")]
pub enum Move {
    /// Do this; it is admitted once the moves before it are done.
    Do {
        /// The action.
        action: Action,
    },
    /// Wait: a rollback window or a retention runs out.
    Wait {
        /// Until when.
        until: Timestamp,
    },
}

/// How far a way is looked for. A change has at most about ten moves from its start to its end.
const LONGEST_WAY: usize = 12;
/// How many states are looked at before the search gives up.
const MOST_STATES: usize = 4_000;

impl Interlock<'_> {
    /// Judges an action and, where it is refused, looks for the shortest way that leads to it.
    /// `candidates` are the actions that anybody could take.
    pub fn decide(
        &self,
        name: &EnvironmentName,
        environment: &Environment,
        now: Timestamp,
        action: &Action,
        candidates: &[Action],
    ) -> Verdict {
        match self.admit(name, environment, now, action) {
            Ok(_) => Verdict::Admitted,
            Err(refusal) => {
                let way = self.way(name, environment, now, action, candidates);
                Verdict::Refused { refusal, way }
            }
        }
    }

    /// Those of the candidates that are admitted now.
    pub fn admitted(
        &self,
        name: &EnvironmentName,
        environment: &Environment,
        now: Timestamp,
        candidates: &[Action],
    ) -> Vec<Action> {
        let mut next = candidates.to_vec();
        next.retain(|action| self.admit(name, environment, now, action).is_ok());
        next
    }

    /// The shortest sequence of admitted moves after which `goal` is admitted.
    pub fn way(
        &self,
        name: &EnvironmentName,
        environment: &Environment,
        now: Timestamp,
        goal: &Action,
        candidates: &[Action],
    ) -> Option<Vec<Move>> {
        let mut seen = BTreeSet::from([environment.as_of(now)]);
        let mut queue = VecDeque::from([(environment.as_of(now), now, Vec::new())]);
        while let Some((here, time, path)) = queue.pop_front() {
            if self.admit(name, &here, time, goal).is_ok() {
                return Some(path);
            }
            if path.len() == LONGEST_WAY || seen.len() > MOST_STATES {
                continue;
            }
            let mut reach = |next: Environment, time: Timestamp, step: Move| {
                if seen.insert(next.clone()) {
                    let mut path: Vec<Move> = path.clone();
                    path.push(step);
                    queue.push_back((next, time, path));
                }
            };
            for action in candidates.iter().filter(|action| *action != goal) {
                if let Ok(during) = self.admit(name, &here, time, action) {
                    let after = self.settle(&during, action, true, time);
                    reach(
                        after,
                        time,
                        Move::Do {
                            action: action.clone(),
                        },
                    );
                }
            }
            if let Some(until) = here.deadlines().into_iter().find(|end| *end > time) {
                reach(here.as_of(until), until, Move::Wait { until });
            }
        }
        None
    }
}
