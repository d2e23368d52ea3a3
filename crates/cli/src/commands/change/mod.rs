//! `switchback change`: a change of something that old and new code share, step by step.

mod kept;
mod new;
mod purge;
pub(crate) mod view;

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use switchback_diag::Exit;
use switchback_migration::Definition;
use switchback_model::plan::Direction;
use switchback_model::{ChangeId, Effect, Plan, StepName};

use crate::apply;
use crate::book::{Book, PlanRecord, Subject};
use crate::changes;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::drift;
use crate::effects::{self, EnvironmentDatabase};
use crate::errors::{self, Failure};
use crate::files;
use crate::guard::{self, Despite, Sources};
use crate::plans;
use crate::refusals;
use crate::settings::types::Environment;
use crate::shell::Shell;
use kept::Kept;
use new::New;
use purge::Purge;
use view::{ChangeView, Done, PlanView, StatusView};

/// Change what old and new code share, in steps that can each be walked back
#[derive(Debug, Subcommand)]
pub(crate) enum Change {
    /// Plan a new change and write its folder
    #[command(subcommand)]
    New(New),
    /// Show what the next step would do in an environment
    Plan(PlanStep),
    /// Apply the next step of the database in an environment
    Apply(Apply),
    /// Take the last applied step back in an environment
    Undo(Undo),
    /// Show how far changes are
    Status(Status),
    /// Show what contracts keep aside for their way back
    Kept(Kept),
    /// Destroy what a contract keeps aside: it cannot be taken back any more
    Purge(Purge),
}

/// What to plan, and where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// The change
    #[arg(value_name = "CHANGE")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    /// The step; the next one by default
    #[arg(long)]
    step: Option<String>,
}

/// Show what the next step would do in an environment
#[derive(Debug, Args)]
pub(crate) struct PlanStep {
    #[command(flatten)]
    target: Target,
    /// Plan the way back of the last applied step instead
    #[arg(long)]
    undo: bool,
    /// Write the plan to this file, for `change apply --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    sources: Sources,
}

/// Apply the next step of the database in an environment
#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    target: Target,
    /// Apply exactly this plan, made by `change plan --out`
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    despite: Despite,
    #[command(flatten)]
    consent: Consent,
}

/// Take the last applied step back in an environment
#[derive(Debug, Args)]
pub(crate) struct Undo {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    consent: Consent,
}

/// Show how far changes are
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The change; all of them by default
    #[arg(value_name = "CHANGE")]
    id: Option<String>,
    /// End with 6 while a step of the database is not applied everywhere
    #[arg(long)]
    exit_code: bool,
}

impl Change {
    /// Runs the command.
    pub(crate) fn run(self, shell: &Shell) -> Result<Exit, Failure> {
        let context = Context::load(shell)?;
        match self {
            Change::New(command) => command.run(&context),
            Change::Plan(command) => command.run(&context),
            Change::Apply(command) => command.run(&context),
            Change::Undo(command) => command.run(&context),
            Change::Status(command) => command.run(&context),
            Change::Kept(command) => command.run(&context),
            Change::Purge(command) => command.run(&context),
        }
    }
}

/// Whether steps are applied or taken back, and which.
struct Chosen<'a> {
    environment: &'a Environment,
    definition: Definition,
    step: StepName,
    direction: Direction,
}

impl Target {
    /// Chooses the step: the one that was named, else the next one.
    fn choose<'a>(
        &self,
        context: &'a Context<'_>,
        book: &Book,
        direction: Direction,
    ) -> Result<Option<Chosen<'a>>, Failure> {
        let environment = context.environment(&self.env)?;
        let definition = changes::load(context, &self.id)?;
        changes::check_unedited(book, &definition)?;
        effects::check_engine(environment, &definition)?;
        let step = match (&self.step, direction) {
            (Some(name), _) => Some(self.named(&definition, name)?),
            (None, Direction::Up) => {
                plans::next_step(book, &environment.name, &definition).cloned()
            }
            (None, Direction::Down) => book
                .history
                .last_applied(&environment.name, &definition.id)
                .cloned(),
        };
        Ok(step.map(|step| Chosen {
            environment,
            definition,
            step,
            direction,
        }))
    }

    /// The plan of the change that was begun in the environment and is not finished.
    fn unfinished(
        &self,
        context: &Context<'_>,
        book: &Book,
    ) -> Result<Option<PlanRecord>, Failure> {
        let environment = context.environment(&self.env)?;
        // What is no name names no change.
        let Ok(id) = ChangeId::new(&self.id) else {
            return Ok(None);
        };
        let record = book
            .history
            .unfinished(&environment.name, &Subject::Change(id));
        Ok(record.cloned())
    }

    fn named(&self, definition: &Definition, name: &str) -> Result<StepName, Failure> {
        let known = || definition.steps.iter().map(|step| step.name.as_str());
        let step = definition
            .steps
            .iter()
            .find(|step| step.name.as_str() == name);
        let step = step.ok_or_else(|| errors::unknown_step(&definition.id, name, known()))?;
        Ok(step.name.clone())
    }
}

impl Chosen<'_> {
    fn plan(&self, context: &Context<'_>, book: &Book) -> Result<Plan, Failure> {
        let Self {
            environment,
            definition,
            step,
            direction,
        } = self;
        let database = EnvironmentDatabase::open(context, environment)?;
        database.check_is_for(definition)?;
        plans::change_step(context, book, environment, definition, step, *direction)
    }

    /// Fails if the interlock refuses what is left to do; the database is not asked.
    fn check_admitted(&self, context: &Context<'_>, book: &mut Book) -> Result<(), Failure> {
        let Self {
            environment,
            definition,
            step,
            direction,
        } = self;
        let left = plans::left_to_do(book, &environment.name, definition, step, *direction)
            .map_err(|error| errors::wrong_step(&definition.id, &error))?;
        let now = context.shell.clock.now();
        match apply::foresee(book, environment, &left, now) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(refusals::refuse(context, book, environment, &refusal)?),
        }
    }
}

impl PlanStep {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let mut book = Book::open(context)?;
        let direction = if self.undo {
            Direction::Down
        } else {
            Direction::Up
        };
        let Some(chosen) = self.target.choose(context, &book, direction)? else {
            return Ok(nothing_left(context, &self.target, direction));
        };
        let plan = chosen.plan(context, &book)?;
        if plan.steps.is_empty() {
            return Ok(nothing_left(context, &self.target, direction));
        }
        if let Some(path) = &self.out {
            let mut text = serde_json::to_vec_pretty(&plan)?;
            text.push(b'\n');
            files::replace(&context.shell.folder.join(path), &text)?;
        }
        let now = context.shell.clock.now();
        changes::suppose_open(&mut book, &chosen.definition, now)?;
        let refused = apply::foresee(&book, chosen.environment, &plan.steps, now).err();
        let reasons = refused.map(|refusal| refusals::reasons(context, &refusal));
        let database = EnvironmentDatabase::open(context, chosen.environment)?;
        let mut known = database.known(&chosen.definition)?;
        let (definition, step) = (&chosen.definition, &chosen.step);
        let uses = if reasons.is_none() && !self.undo && guard::destroys(&plan) {
            guard::look(
                context,
                &book,
                chosen.environment,
                definition,
                &self.sources,
            )?
        } else {
            None
        };
        let view = PlanView::of(&plan, definition, step, &mut known, reasons)?.with(uses);
        context.shell.out.data(&view);
        if let Some(path) = &self.out {
            context.shell.out.next(
                "apply exactly this plan",
                &format!(
                    "switchback change apply {} --env {} --plan {}",
                    self.target.id,
                    self.target.env,
                    path.display()
                ),
            );
        }
        Ok(Exit::Ok)
    }
}

fn nothing_left(context: &Context<'_>, target: &Target, direction: Direction) -> Exit {
    let Target { id, env, .. } = target;
    context.shell.out.note(&match direction {
        Direction::Up => format!("every step of {id} is applied in {env}"),
        Direction::Down => format!("no step of {id} is applied in {env}"),
    });
    Exit::NothingToDo
}

impl Apply {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let mut book = Book::open(context)?;
        let given = self
            .plan
            .as_ref()
            .map(|path| read_plan(context, path))
            .transpose()?;
        let mut target = self.target.clone();
        let mut direction = Direction::Up;
        if let Some(plan) = &given {
            let environment = &context.environment(&target.env)?.name;
            if plan.environment != *environment {
                return Err(errors::plan_for_elsewhere(plan, environment));
            }
            target.step = target.step.or_else(|| step_of(plan));
            if is_way_back(plan) {
                direction = Direction::Down;
            }
        }
        if let Some(record) = target.unfinished(context, &book)?
            && plans::is_purge(&record.plan)
        {
            return Err(purge::unfinished(&record.plan, &target.id));
        }
        let Some(chosen) = target.choose(context, &book, direction)? else {
            return Ok(nothing_left(context, &target, direction));
        };
        let unfinished = target.unfinished(context, &book)?;
        let plan = match (given, &unfinished) {
            (Some(plan), Some(record)) if record.plan == plan => plan,
            // A file is only paper: what is carried out is what would be planned now.
            (Some(plan), _) => {
                let now = chosen.plan(context, &book)?;
                if now != plan && !now.steps.is_empty() {
                    return Err(errors::plan_stale(&plan, &plans::moved(&plan, &now)));
                }
                now
            }
            // An undo that was begun is ended by `undo`, not by going up again.
            (None, Some(record)) if is_way_back(&record.plan) => {
                let (id, env) = (&self.target.id, &self.target.env);
                return Err(errors::unfinished(
                    &record.plan,
                    &format!("switchback change undo {id} --env {env}"),
                ));
            }
            // Whoever names a step means that one, and not what was left behind before it.
            (None, Some(record))
                if self.target.step.is_some()
                    && step_of(&record.plan).is_some_and(|begun| begun != chosen.step.as_str()) =>
            {
                let (id, env) = (&self.target.id, &self.target.env);
                let command = format!("switchback change apply {id} --env {env}");
                return Err(errors::unfinished(&record.plan, &command));
            }
            (None, Some(record)) => {
                context
                    .shell
                    .out
                    .note(&format!("going on with: {}", record.plan.purpose));
                record.plan.clone()
            }
            (None, None) => chosen.plan(context, &book)?,
        };
        if plan.steps.is_empty() {
            return Ok(nothing_left(context, &target, direction));
        }
        changes::open(&mut book, &chosen.definition, context.shell.clock.now())?;
        if guard::destroys(&plan) || direction == Direction::Down {
            if direction == Direction::Up && chosen.environment.values.is_some() {
                for component in context.components() {
                    drift::check(context, &book, chosen.environment, component)?;
                }
            }
            // Nobody is asked about what is refused anyway.
            apply::check(context, &mut book, chosen.environment, &plan)?;
            // What was begun was asked about before.
            if direction == Direction::Up && unfinished.is_none() {
                let asked = (&self.sources, &self.despite);
                let (environment, definition) = (chosen.environment, &chosen.definition);
                guard::check(context, &mut book, environment, definition, &plan, asked)?;
            }
            let what = match direction {
                Direction::Up => format!("remove the old shape of {}", chosen.definition.id),
                Direction::Down => format!("take back {} of {}", chosen.step, chosen.definition.id),
            };
            confirm::by_name(context.shell, self.consent, &chosen.environment.name, &what)?;
        }
        let begun = unfinished.is_some_and(|record| record.plan == plan);
        apply::carry_out(context, &mut book, chosen.environment, &plan, begun)?;
        context
            .shell
            .out
            .data(&Done::of(&plan, &chosen.definition)?);
        Ok(Exit::Ok)
    }
}

impl Undo {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let mut book = Book::open(context)?;
        let environment = context.environment(&self.target.env)?;
        let unfinished = self.target.unfinished(context, &book)?;
        let mut target = self.target.clone();
        if let Some(record) = &unfinished {
            // What was interrupted is meant, even if nothing of it is done: not the step before it.
            target.step = target.step.or_else(|| step_of(&record.plan));
        }
        let plan = match &unfinished {
            Some(record) if is_way_back(&record.plan) => {
                context
                    .shell
                    .out
                    .note(&format!("going on with: {}", record.plan.purpose));
                Some(record.plan.clone())
            }
            Some(record) => {
                apply::give_up(context, &mut book, environment, record)?;
                None
            }
            None => None,
        };
        let Some(chosen) = target.choose(context, &book, Direction::Down)? else {
            return Ok(nothing_left(context, &target, Direction::Down));
        };
        // What is destroyed is told before the database is asked, which may have lost it by hand.
        let lost = book
            .history
            .purged(&environment.name, &chosen.definition.id);
        if lost.is_some() {
            chosen.check_admitted(context, &mut book)?;
        }
        let begun = plan.is_some();
        let plan = match plan {
            Some(plan) => plan,
            None => chosen.plan(context, &book)?,
        };
        if plan.steps.is_empty() {
            return Ok(nothing_left(context, &self.target, Direction::Down));
        }
        apply::check(context, &mut book, environment, &plan)?;
        confirm::by_name(
            context.shell,
            self.consent,
            &environment.name,
            &format!("take back {} of {}", chosen.step, chosen.definition.id),
        )?;
        apply::carry_out(context, &mut book, environment, &plan, begun)?;
        context
            .shell
            .out
            .data(&Done::of(&plan, &chosen.definition)?);
        Ok(Exit::Ok)
    }
}

fn read_plan(context: &Context<'_>, path: &std::path::Path) -> Result<Plan, Failure> {
    let path = context.shell.folder.join(path);
    let bytes = fs::read(&path).map_err(|source| files::FileError {
        doing: files::Doing::Read,
        path: path.clone(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|error| errors::plan_unreadable(&path, &error))
}

/// The step of a change that a plan is about; a purge is about none.
fn step_of(plan: &Plan) -> Option<String> {
    if plans::is_purge(plan) {
        return None;
    }
    plan.steps.iter().find_map(|step| match &step.effect {
        Effect::Script(script) => Some(script.step.to_string()),
        Effect::Fill(fill) | Effect::Unfill(fill) => Some(fill.step.to_string()),
        Effect::MoveValue(_) => None,
    })
}

fn is_way_back(plan: &Plan) -> bool {
    let is_back = |effect: &Effect| match effect {
        Effect::Script(script) => script.direction == Direction::Down,
        Effect::Unfill(_) => true,
        Effect::Fill(_) | Effect::MoveValue(_) => false,
    };
    !plan.steps.is_empty() && plan.steps.iter().all(|step| is_back(&step.effect))
}

impl Status {
    fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let book = Book::open(context)?;
        let ids = match &self.id {
            Some(id) => vec![id.clone()],
            None => changes::list(context)?
                .into_iter()
                .map(String::from)
                .collect(),
        };
        let mut view = StatusView {
            changes: Vec::new(),
        };
        for id in ids {
            view.changes.push(ChangeView::of(context, &book, &id)?);
        }
        let pending = view.changes.iter().any(ChangeView::is_pending);
        context.shell.out.data(&view);
        Ok(if self.exit_code && pending {
            Exit::Pending
        } else {
            Exit::Ok
        })
    }
}
