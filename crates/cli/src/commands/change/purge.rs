//! `switchback change purge`: what a contract keeps aside is destroyed, for a reason that is recorded.

use clap::Args;
use switchback_diag::Exit;
use switchback_migration::Definition;
use switchback_migration::definition::Kept;
use switchback_migration::drive::Probed;
use switchback_migration::steps;
use switchback_model::plan::Direction;
use switchback_model::{Action, Event, Plan, StepName, SurfaceOperation};

use super::kept::{contract, contracted, measured};
use super::view::{Done, PlanView};
use crate::apply;
use crate::book::{Book, Subject};
use crate::changes;
use crate::confirm::{self, Consent};
use crate::context::Context;
use crate::decide;
use crate::effects::{self, EnvironmentDatabase, estimate};
use crate::errors::{self, Failure};
use crate::guard;
use crate::plans;
use crate::refusals;
use crate::settings::types::Environment;

/// Destroy what a contract keeps aside: it cannot be taken back any more
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// The change
    #[arg(value_name = "CHANGE")]
    id: String,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: String,
    /// Why; the reason is recorded
    #[arg(
        long,
        value_name = "REASON",
        value_parser = guard::reason,
        required_unless_present = "dry_run"
    )]
    because: Option<String>,
    /// Show what would be destroyed, and destroy nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
}

/// What is kept, and how large each is, in bytes.
type Measured = Vec<(Kept, u64)>;

impl Purge {
    pub(super) fn run(self, context: &Context<'_>) -> Result<Exit, Failure> {
        let mut book = Book::open(context)?;
        let environment = context.environment(&self.env)?;
        let definition = changes::load(context, &self.id)?;
        changes::check_unedited(&book, &definition)?;
        effects::check_engine(environment, &definition)?;
        let begun = self.begun(&book, environment, &definition)?;
        let out = &context.shell.out;
        if begun.is_none()
            && let Some(purged) = book.history.purged(&environment.name, &definition.id)
        {
            let (id, name) = (&definition.id, &environment.name);
            out.note(&format!("nothing of {id} is kept in {name}: {purged}"));
            return Ok(Exit::NothingToDo);
        }
        if definition.kept().is_empty() {
            let id = &definition.id;
            out.note(&format!("the contract of {id} keeps nothing aside"));
            return Ok(Exit::NothingToDo);
        }
        // What is destroyed in the middle of it cannot be measured any more.
        let kept = match &begun {
            Some(_) => Measured::new(),
            None => measured(context, environment, &definition)?,
        };
        let is_contracted = contracted(&book, environment, &definition).is_some();
        if begun.is_none() && kept.is_empty() && is_contracted {
            return self.gone_already(context, &mut book, environment, &definition);
        }
        let plan = match &begun {
            Some(plan) => {
                out.note(&format!("going on with: {}", plan.purpose));
                plan.clone()
            }
            None => {
                let database = EnvironmentDatabase::open(context, environment)?;
                database.check_is_for(&definition)?;
                let kept: Vec<Kept> = kept.iter().map(|(kept, _)| kept.clone()).collect();
                plans::purge(context, &book, environment, &definition, &kept)?
            }
        };
        if self.dry_run {
            return show(context, &book, environment, &definition, &plan);
        }
        changes::open(&mut book, &definition, context.shell.clock.now())?;
        // Nobody is asked about what is refused anyway.
        apply::check(context, &mut book, environment, &plan)?;
        let what = format!("destroy what {} keeps, for good,", definition.id);
        confirm::by_name(context.shell, self.consent, &environment.name, &what)?;
        // The reason for what was begun is recorded.
        if begun.is_none() {
            let what = accepted(context, &book, environment, &definition, &kept);
            self.record_reason(context, &mut book, environment, &definition, what)?;
        }
        apply::carry_out(context, &mut book, environment, &plan, begun.is_some())?;
        out.data(&Done::of(&plan, &definition)?);
        Ok(Exit::Ok)
    }

    /// The plan of a purge that was begun. Anything else that was begun is ended first.
    fn begun(
        &self,
        book: &Book,
        environment: &Environment,
        definition: &Definition,
    ) -> Result<Option<Plan>, Failure> {
        let subject = Subject::Change(definition.id.clone());
        match book.history.unfinished(&environment.name, &subject) {
            None => Ok(None),
            Some(record) if plans::is_purge(&record.plan) => Ok(Some(record.plan.clone())),
            Some(record) => {
                let verb = if super::is_way_back(&record.plan) {
                    "undo"
                } else {
                    "apply"
                };
                let command = format!("switchback change {verb} {} --env {}", self.id, self.env);
                Err(errors::unfinished(&record.plan, &command))
            }
        }
    }

    /// Somebody dropped it by hand: what is left to do is to say so, so that nobody counts on it.
    fn gone_already(
        &self,
        context: &Context<'_>,
        book: &mut Book,
        environment: &Environment,
        definition: &Definition,
    ) -> Result<Exit, Failure> {
        let words = format!(
            "what {} had kept is not in {} any more: somebody dropped it",
            definition.id, environment.name
        );
        context.shell.out.note(&words);
        check_contract(context, environment, definition)?;
        if self.dry_run {
            return Ok(Exit::NothingToDo);
        }
        let what = format!("give up the way back of {}", definition.id);
        confirm::by_name(context.shell, self.consent, &environment.name, &what)?;
        self.record_reason(context, book, environment, definition, vec![words])?;
        decide::observe(context, book, environment, &action(definition))?;
        context
            .shell
            .out
            .note("that is recorded: the contract cannot be taken back any more");
        Ok(Exit::Ok)
    }

    fn record_reason(
        &self,
        context: &Context<'_>,
        book: &mut Book,
        environment: &Environment,
        definition: &Definition,
        what: Vec<String>,
    ) -> Result<(), Failure> {
        let Some(reason) = &self.because else {
            return Ok(());
        };
        let event = Event::Accepted {
            environment: environment.name.clone(),
            action: action(definition),
            what,
            reason: reason.clone(),
        };
        let id = guard::id(book, "accepted", &event)?;
        book.append(id, context.shell.clock.now(), event)
    }
}

/// That the database has the mark of the contract: in another database nothing is kept either.
fn check_contract(
    context: &Context<'_>,
    environment: &Environment,
    definition: &Definition,
) -> Result<(), Failure> {
    let database = EnvironmentDatabase::open(context, environment)?;
    let Some(step) = contract(definition) else {
        return Ok(());
    };
    let planned = steps::planned(definition, &step.name, Direction::Up)
        .map_err(|error| errors::wrong_step(&definition.id, &error))?;
    for step in planned {
        if database.probe(&step.effect)? != Probed::Done {
            return Err(errors::no_mark(&definition.id, &environment.name));
        }
    }
    Ok(())
}

fn action(definition: &Definition) -> Action {
    Action::Surface {
        change: definition.id.clone(),
        operation: SurfaceOperation::Purge,
    }
}

/// A purge that was begun is ended by `purge`.
pub(super) fn unfinished(plan: &Plan, id: &str) -> Failure {
    let command = format!(
        "switchback change purge {id} --env {} --because REASON",
        plan.environment
    );
    errors::unfinished(plan, &command)
}

fn show(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    plan: &Plan,
) -> Result<Exit, Failure> {
    let now = context.shell.clock.now();
    let refused = apply::foresee(book, environment, &plan.steps, now).err();
    let reasons = refused.map(|refusal| refusals::reasons(context, &refusal));
    let database = EnvironmentDatabase::open(context, environment)?;
    let mut known = database.known(definition)?;
    let view = PlanView::of(plan, definition, &StepName::purge(), &mut known, reasons)?;
    context.shell.out.data(&view);
    Ok(Exit::Ok)
}

/// What is given up, a sentence each.
fn accepted(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    kept: &[(Kept, u64)],
) -> Vec<String> {
    let mut what: Vec<String> = kept
        .iter()
        .map(|(it, bytes)| {
            let size = estimate::human(*bytes);
            format!("what is kept of {}, about {size}, is destroyed", it.was)
        })
        .collect();
    let keep = context.settings().changes.keep();
    if let Some(since) = contracted(book, environment, definition)
        && context.shell.clock.now() < since + keep
    {
        what.push(format!(
            "it was to be kept for {keep}, and is kept since {since}"
        ));
    }
    what.push("the contract cannot be taken back any more".to_owned());
    what
}
