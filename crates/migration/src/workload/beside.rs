//! Which versions of the code may be at work beside each step: as many as the interlock admits.
//!
//! The application is walked through the change, and each rollout stays under way, with both versions
//! running, until the interlock demands that it is over. So a step is rehearsed beside the version
//! that it is for and, wherever that is admitted, beside the one before it.

use std::collections::BTreeMap;

use switchback_interlock::{Inconsistent, Interlock, World};
use switchback_model::plan::Direction;
use switchback_model::{
    Action, Actor, ComponentName, Duration, EnvironmentName, Event, EventId, InvalidName, Record,
    Release, StepName, Timestamp, Version,
};

use crate::definition::{Definition, Step, Work};
use crate::steps::{self, StepsError};

/// Who is at work beside one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The step.
    pub step: StepName,
    /// The versions that are at work while it goes up, back and up again, by their place among the
    /// code steps.
    pub up: Vec<u16>,
    /// Those at work when the whole change is walked back; none where the interlock lets nobody go
    /// back as far as that.
    pub back: Option<Vec<u16>>,
}

/// Why it cannot be said who is at work.
#[derive(Debug, thiserror::Error)]
pub enum BesideError {
    /// The interlock never admits a step where the definition has it.
    #[error("the interlock does not admit the step `{step}` where it stands")]
    Refused {
        /// The step.
        step: StepName,
    },
    /// The definition's steps do not follow from each other.
    #[error("the steps of the change do not follow from each other")]
    Inconsistent(#[from] Box<Inconsistent>),
    /// A step cannot be planned.
    #[error(transparent)]
    Steps(#[from] StepsError),
    /// A name cannot be one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The definition has no digest.
    #[error("the definition cannot be written down")]
    Digest(#[from] serde_json::Error),
}

/// How long a version that was replaced may come back, in milliseconds.
const WINDOW: i64 = 1_000;

/// One environment, one application, one change.
#[derive(Clone)]
struct Walk<'a> {
    world: World,
    definition: &'a Definition,
    place: EnvironmentName,
    app: ComponentName,
    now: i64,
    events: u64,
    position: u16,
    /// Whether a rollout is under way, so that the version before runs too.
    open: bool,
}

/// Says who may be at work beside each step, in the order of the steps.
///
/// # Errors
/// If the interlock does not admit the change's own steps in their order.
pub fn beside(definition: &Definition) -> Result<Vec<Beside>, BesideError> {
    let mut walk = Walk::begin(definition)?;
    let mut all = Vec::new();
    for step in &definition.steps {
        let up = walk.step(step)?;
        all.push(Beside {
            step: step.name.clone(),
            up,
            back: None,
        });
    }
    walk.close()?;
    for (step, it) in definition.steps.iter().zip(&mut all).rev() {
        match walk.back(step)? {
            Some(at_work) => it.back = Some(at_work),
            None => break,
        }
    }
    Ok(all)
}

fn version(position: u16) -> Version {
    Version::new(u64::from(position) + 1, 0, 0)
}

impl<'a> Walk<'a> {
    fn begin(definition: &'a Definition) -> Result<Self, BesideError> {
        let mut walk = Self {
            world: World::default(),
            definition,
            place: EnvironmentName::new("rehearsal")?,
            app: ComponentName::new("code")?,
            now: 0,
            events: 0,
            position: 0,
            open: false,
        };
        walk.observe(Event::ChangeOpened {
            change: definition.id.clone(),
            title: definition.title.clone(),
            kind: definition.surface.kind,
            code: definition.code_steps(),
            retention: None,
            definition: definition.digest()?,
        })?;
        for code in definition.code_steps() {
            let release = Release {
                component: walk.app.clone(),
                version: version(code.position),
                commit: String::new(),
                code: BTreeMap::from([(definition.id.clone(), code)]),
            };
            walk.observe(Event::ReleaseRecorded { release })?;
        }
        walk.put_out(0)?;
        walk.close()?;
        Ok(walk)
    }

    fn observe(&mut self, event: Event) -> Result<(), BesideError> {
        self.events += 1;
        let record = Record {
            id: EventId::of(&[&self.events.to_string()]),
            at: Timestamp::from_millis(self.now),
            actor: Actor::new("rehearsal"),
            event,
        };
        Ok(self.world.observe(&record).map_err(Box::new)?)
    }

    /// Does something if it is admitted.
    fn act(&mut self, action: &Action) -> Result<bool, BesideError> {
        let none = switchback_interlock::Environment::default();
        let here = self.world.environments.get(&self.place).unwrap_or(&none);
        let admitted = Interlock::new(&self.world.catalog)
            .admit(&self.place, here, Timestamp::from_millis(self.now), action)
            .is_ok();
        if admitted {
            self.observe(Event::Observed {
                environment: self.place.clone(),
                action: action.clone(),
            })?;
        }
        Ok(admitted)
    }

    /// Starts to put a version out.
    fn put_out(&mut self, position: u16) -> Result<bool, BesideError> {
        let deploy = Action::Deploy {
            component: self.app.clone(),
            version: version(position),
        };
        let begun = self.act(&deploy)?;
        if begun {
            self.position = position;
            self.open = true;
        }
        Ok(begun)
    }

    /// The version before is gone, and may not come back any more.
    fn close(&mut self) -> Result<(), BesideError> {
        if self.open {
            self.act(&Action::FinishRollout {
                component: self.app.clone(),
                window: Duration::from_millis(WINDOW.unsigned_abs()),
            })?;
            self.open = false;
        }
        self.now += 2 * WINDOW;
        Ok(())
    }

    fn actions(&self, step: &Step, direction: Direction) -> Result<Vec<Action>, BesideError> {
        let planned = steps::planned(self.definition, &step.name, direction)?;
        Ok(planned.into_iter().map(|it| it.action).collect())
    }

    fn act_all(&mut self, step: &Step, direction: Direction) -> Result<bool, BesideError> {
        for action in self.actions(step, direction)? {
            if !self.act(&action)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a step, and says who was at work.
    fn step(&mut self, step: &Step) -> Result<Vec<u16>, BesideError> {
        let refused = || BesideError::Refused {
            step: step.name.clone(),
        };
        if let Work::Code { .. } = step.work {
            let next = self.position + 1;
            self.close()?;
            if !self.put_out(next)? {
                return Err(refused());
            }
            return Ok(vec![next - 1, next]);
        }
        if self.open {
            // Up and back, with both versions running.
            let mut tried = self.clone();
            if tried.act_all(step, Direction::Up)? {
                let after = tried.clone();
                if tried.act_all(step, Direction::Down)? {
                    *self = after;
                    return Ok(vec![self.position - 1, self.position]);
                }
            }
            self.close()?;
        }
        if self.act_all(step, Direction::Up)? {
            Ok(vec![self.position])
        } else {
            Err(refused())
        }
    }

    /// Walks a step back, and says who was at work; none if that is not admitted.
    fn back(&mut self, step: &Step) -> Result<Option<Vec<u16>>, BesideError> {
        if let Work::Code { .. } = step.work {
            let from = self.position;
            let Some(to) = from.checked_sub(1) else {
                return Ok(None);
            };
            let done = self.put_out(to)?;
            self.close()?;
            return Ok(done.then(|| vec![to, from]));
        }
        let done = self.act_all(step, Direction::Down)?;
        Ok(done.then(|| vec![self.position]))
    }
}
