//! `switchback promote`, `rollback` and `rollout`: which version runs where.
//!
//! A version moves by a commit to the environment's values file. From that moment on both versions
//! may be running, and both count, until somebody says that the rollout is finished: only who runs
//! the instances can know that the last one of the old version is gone.

mod view;

use clap::{Args, Subcommand};
use switchback_diag::Exit;
use switchback_interlock::world::Running;
use switchback_model::{Action, ComponentName, Duration, Effect, Plan, Version};

use crate::advice;
use crate::apply;
use crate::book::{Book, PlanRecord, Subject};
use crate::commands::release::version;
use crate::context::Context;
use crate::decide;
use crate::drift;
use crate::effects;
use crate::errors::{self, Failure};
use crate::guard;
use crate::plans;
use crate::settings::types::Environment;
use crate::shell::Shell;
use view::{Finished, Moved, Shown};

/// Which environment and component.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    /// The component; may be left out if there is only one
    #[arg(long)]
    component: Option<String>,
}

/// Move a version into an environment
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The version
    #[arg(long)]
    version: String,
    #[command(flatten)]
    place: Place,
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Go back to an earlier version
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    place: Place,
    /// The version to go back to; the one before by default
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
}

/// End a rollout that is under way
#[derive(Debug, Subcommand)]
pub(crate) enum RolloutCommand {
    /// Every instance of the version that was replaced is gone
    Finish(Place),
    /// Give the rollout up: the version before it takes everything back
    Abort(Place),
}

/// An environment and a component of it, looked up.
struct Here<'a> {
    context: &'a Context<'a>,
    environment: &'a Environment,
    component: &'a ComponentName,
    book: Book,
}

impl Place {
    fn find<'a>(&self, context: &'a Context<'a>) -> Result<Here<'a>, Failure> {
        let environment = context.environment(&self.env)?;
        let component = &context.component(self.component.as_deref())?.name;
        Ok(Here {
            context,
            environment,
            component,
            book: Book::open(context)?,
        })
    }
}

impl Here<'_> {
    fn running(&self) -> Running {
        let now = self.context.shell.clock.now();
        let known = self.book.world.environments.get(&self.environment.name);
        let running = known.and_then(|known| known.as_of(now).components.remove(self.component));
        running.unwrap_or_default()
    }

    /// The plan about this component that was begun and is not finished.
    fn begun(&self) -> Option<PlanRecord> {
        let subject = Subject::Component(self.component.clone());
        self.book
            .history
            .unfinished(&self.environment.name, &subject)
            .cloned()
    }

    /// The way back that was interrupted, and the version that it leads to.
    fn interrupted_way_back(&self) -> Option<(Action, Version)> {
        let record = self.begun().filter(|record| record.open_step().is_some())?;
        let step = record.plan.steps.into_iter().next()?;
        let (Action::Rollback { .. } | Action::AbortRollout { .. }, Effect::MoveValue(value)) =
            (&step.action, &step.effect)
        else {
            return None;
        };
        let to = value.to.parse().ok()?;
        Some((step.action, to))
    }

    /// Finds out how a step ended that a crash left open, so that what follows is decided on facts.
    /// Nothing is done for a step that takes `wanted`: the caller goes on with it.
    fn settle(&mut self, wanted: Option<&Action>) -> Result<(), Failure> {
        let Some(record) = self.begun() else {
            return Ok(());
        };
        let same = |action| wanted.is_some_and(|wanted| wanted == action);
        if record.open_step().is_none() || record.plan.steps.iter().any(|step| same(&step.action)) {
            return Ok(());
        }
        let done = apply::give_up(self.context, &mut self.book, self.environment, &record)?;
        let end = if done { "was done" } else { "was not done" };
        let purpose = &record.plan.purpose;
        self.context
            .shell
            .out
            .note(&format!("an interruption was settled: {purpose}: {end}"));
        Ok(())
    }

    /// Moves the version by a plan of one step, or goes on with that very plan if it was begun.
    fn move_version(
        mut self,
        action: Action,
        to: &Version,
        dry_run: bool,
    ) -> Result<Exit, Failure> {
        let mut begun = false;
        let plan = match self.begun() {
            Some(record) if record.plan.steps.iter().any(|step| step.action == action) => {
                self.context
                    .shell
                    .out
                    .note(&format!("going on with: {}", record.plan.purpose));
                begun = true;
                record.plan
            }
            _ => {
                self.check_drift(&action)?;
                plans::move_version(
                    self.context,
                    &self.book,
                    self.environment,
                    self.component,
                    action,
                    to,
                )?
            }
        };
        if dry_run {
            return self.show(&plan);
        }
        apply::carry_out(self.context, &mut self.book, self.environment, &plan, begun)?;
        let running = self.running();
        // While a rollout is given up, what is left behind is the version that it put out.
        let from = match &running.rollout {
            Some(rollout) if rollout.aborting => Some(rollout.to.clone()),
            _ => running.stable,
        };
        self.context.shell.out.data(&Moved {
            environment: self.environment.name.to_string(),
            component: self.component.to_string(),
            from: from.map(|version| version.to_string()),
            to: to.to_string(),
            under_way: true,
        });
        self.say_how_to_finish();
        Ok(Exit::Ok)
    }

    fn show(mut self, plan: &Plan) -> Result<Exit, Failure> {
        apply::check(self.context, &mut self.book, self.environment, plan)?;
        self.context.shell.out.data(&Shown {
            digest: plan.digest()?.to_string(),
            plan,
        });
        Ok(Exit::Ok)
    }

    /// Says what to type once the instances are replaced.
    fn say_how_to_finish(&self) {
        let finish = Action::FinishRollout {
            component: self.component.clone(),
            window: self.window(),
        };
        if let Some(command) = advice::command(self.context, self.environment, &finish) {
            let out = &self.context.shell.out;
            out.next("when every instance runs it", &command);
        }
    }

    /// The version is on its way: there is nothing to do but to wait for the instances.
    fn under_way_already(&self, to: &Version) -> Exit {
        let (component, name) = (self.component, &self.environment.name);
        let out = &self.context.shell.out;
        out.note(&format!(
            "{component} is on its way to {to} in {name} already"
        ));
        self.say_how_to_finish();
        Exit::NothingToDo
    }

    fn observe(&mut self, action: &Action) -> Result<(), Failure> {
        decide::observe(self.context, &mut self.book, self.environment, action)
    }

    /// A promotion is refused where somebody else moved the version; going back is not kept from
    /// anybody, but said.
    fn check_drift(&self, action: &Action) -> Result<(), Failure> {
        let found = drift::check(self.context, &self.book, self.environment, self.component);
        match (action, found) {
            (Action::Rollback { .. } | Action::AbortRollout { .. }, Err(drift)) => {
                let words = drift.diagnostics.first().map(|found| found.message.clone());
                self.context.shell.out.note(&words.unwrap_or_default());
                Ok(())
            }
            (_, found) => found,
        }
    }

    fn window(&self) -> Duration {
        self.context.settings().window(self.environment)
    }
}

impl Promote {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        let mut here = self.place.find(&context)?;
        let version = version(&self.version)?;
        if here
            .book
            .world
            .catalog
            .release(here.component, &version)
            .is_none()
        {
            return Err(errors::unknown_release(here.component, &version));
        }
        let action = Action::Deploy {
            component: here.component.clone(),
            version: version.clone(),
        };
        here.settle(Some(&action))?;
        let under_way = here
            .running()
            .rollout
            .filter(|it| !it.aborting && it.to == version);
        if under_way.is_some_and(|it| !it.back) && here.begun().is_none() {
            return Ok(here.under_way_already(&version));
        }
        let running = here.running();
        if running.stable.as_ref() == Some(&version) && running.rollout.is_none() {
            let (component, name) = (here.component, &here.environment.name);
            let words = format!("{component} {version} is what runs in {name} already");
            context.shell.out.note(&words);
            return Ok(Exit::NothingToDo);
        }
        let values = effects::values(&context, here.environment)?;
        let written = values.file.read(&values.key(here.component))?.value;
        let running = here.running();
        let adopt = running.stable.is_none()
            && running.rollout.is_none()
            && written.as_deref() == Some(version.to_string().as_str());
        if !adopt || self.dry_run {
            return here.move_version(action, &version, self.dry_run);
        }
        // Nothing is known to run, and the file says this version: it was there before us.
        here.observe(&action)?;
        let window = here.window();
        here.observe(&Action::FinishRollout {
            component: here.component.clone(),
            window,
        })?;
        context.shell.out.data(&Moved {
            environment: here.environment.name.to_string(),
            component: here.component.to_string(),
            from: None,
            to: version.to_string(),
            under_way: false,
        });
        Ok(Exit::Ok)
    }
}

impl Rollback {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        let mut here = self.place.find(&context)?;
        let wanted = self.to.as_deref().map(version).transpose()?;
        if let Some((action, to)) = here.interrupted_way_back()
            && wanted.as_ref().is_none_or(|wanted| *wanted == to)
        {
            return here.move_version(action, &to, self.dry_run);
        }
        here.settle(None)?;
        let running = here.running();
        // Said twice, it is done once: the second time must not turn round what the first one did.
        if let Some(to) = going_back_to(&running)
            && wanted.as_ref().is_none_or(|wanted| wanted == to)
        {
            return Ok(here.under_way_already(to));
        }
        if let (Some(rollout), Some(stable)) = (&running.rollout, &running.stable)
            && !rollout.aborting
            && wanted.as_ref().is_none_or(|wanted| wanted == stable)
        {
            context.shell.out.note(&format!(
                "a rollout to {} is under way, so going back means to abort it",
                rollout.to
            ));
            let action = Action::AbortRollout {
                component: here.component.clone(),
            };
            return here.move_version(action, stable, self.dry_run);
        }
        let version = match wanted {
            Some(version) => version,
            None => match running.targets.last() {
                Some(target) => target.version.clone(),
                None => {
                    let name = &here.environment.name;
                    return Err(errors::nothing_to_roll_back_to(here.component, name));
                }
            },
        };
        let action = Action::Rollback {
            component: here.component.clone(),
            version: version.clone(),
        };
        here.move_version(action, &version, self.dry_run)
    }
}

/// The version that a component is on its way back to.
fn going_back_to(running: &Running) -> Option<&Version> {
    match &running.rollout {
        Some(rollout) if rollout.aborting => running.stable.as_ref(),
        Some(rollout) if rollout.back => Some(&rollout.to),
        _ => None,
    }
}

impl RolloutCommand {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        match self {
            RolloutCommand::Finish(place) => {
                let mut here = place.find(&context)?;
                here.settle(None)?;
                let before = here.running();
                let window = here.window();
                here.observe(&Action::FinishRollout {
                    component: here.component.clone(),
                    window,
                })?;
                guard::count(&context, &mut here.book, here.environment);
                let after = here.running();
                let target = after
                    .targets
                    .last()
                    .filter(|_| before.stable != after.stable);
                context.shell.out.data(&Finished {
                    environment: here.environment.name.to_string(),
                    component: here.component.to_string(),
                    version: after.stable.map(|version| version.to_string()),
                    target: target.map(|target| target.version.to_string()),
                    until: target.map(|target| target.until.to_string()),
                });
                Ok(Exit::Ok)
            }
            RolloutCommand::Abort(place) => {
                let mut here = place.find(&context)?;
                let action = Action::AbortRollout {
                    component: here.component.clone(),
                };
                here.settle(Some(&action))?;
                let running = here.running();
                if let Some(to) = running.stable.as_ref()
                    && running
                        .rollout
                        .as_ref()
                        .is_some_and(|rollout| rollout.aborting)
                    && here.begun().is_none()
                {
                    return Ok(here.under_way_already(to));
                }
                // Without anything to go back to the interlock says why it cannot be done.
                let to = running
                    .stable
                    .or_else(|| running.rollout.map(|rollout| rollout.to));
                match to {
                    Some(to) => here.move_version(action, &to, false),
                    None => {
                        here.observe(&action)?;
                        Ok(Exit::Ok)
                    }
                }
            }
        }
    }
}
