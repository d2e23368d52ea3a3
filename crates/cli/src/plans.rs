//! Making plans: what would be done, as data, with the state that it was made from.

use std::collections::BTreeMap;

use switchback_interlock::surface::Surface;
use switchback_migration::steps::{self, StepsError};
use switchback_migration::Definition;
use switchback_model::plan::{Direction, MadeFrom, MoveValue, PLAN_SCHEMA};
use switchback_model::{
    Action, ComponentName, Digest, Effect, EnvironmentName, Kind, Plan, PlannedStep, StepName,
    Version,
};

use crate::book::{Book, Part};
use crate::context::Context;
use crate::effects;
use crate::errors::{self, Failure};
use crate::settings::types::Environment;

/// The mark that says where in an environment's history a plan was made.
const HISTORY: &str = "history";
/// The mark with the fingerprint of the part of the schema that a change may touch.
const SCHEMA: &str = "schema";
/// The mark with the value that a values file says.
const VALUE: &str = "value";

/// The next step of the database that is not applied in an environment.
pub(crate) fn next_step<'a>(
    book: &Book,
    environment: &EnvironmentName,
    definition: &'a Definition,
) -> Option<&'a StepName> {
    let left = |name: &StepName| {
        let left = left_to_do(book, environment, definition, name, Direction::Up);
        // A step of the code is none of the database's.
        left.is_ok_and(|left| !left.is_empty())
    };
    definition.steps.iter().map(|step| &step.name).find(|name| left(name))
}

/// What of a step of the database is not applied in an environment yet, or is to be taken back.
///
/// # Errors
/// If it is a step of the code, or the change has no such step.
pub(crate) fn left_to_do(
    book: &Book,
    environment: &EnvironmentName,
    definition: &Definition,
    step: &StepName,
    direction: Direction,
) -> Result<Vec<PlannedStep>, StepsError> {
    let mut planned = steps::planned(definition, step, direction)?;
    planned.retain(|it| {
        let applied = is_applied(book, environment, definition, step, &it.effect);
        applied == (direction == Direction::Down)
    });
    Ok(planned)
}

fn is_applied(
    book: &Book,
    environment: &EnvironmentName,
    definition: &Definition,
    step: &StepName,
    effect: &Effect,
) -> bool {
    let part = match effect {
        Effect::Script(_) => Part::Script,
        Effect::Fill(_) | Effect::Unfill(_) => Part::Fill,
        Effect::MoveValue(_) => return false,
    };
    book.history.is_applied(environment, &definition.id, step, part)
}

/// A plan for one step of a change, up or down: what of it is still to be done. An empty plan is
/// one with nothing to do.
pub(crate) fn change_step(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    step: &StepName,
    direction: Direction,
) -> Result<Plan, Failure> {
    let planned = left_to_do(book, &environment.name, definition, step, direction)
        .map_err(|error| errors::wrong_step(&definition.id, &error))?;
    let verb = match direction {
        Direction::Up => "apply",
        Direction::Down => "undo",
    };
    let purpose = format!("{verb} {step} of {}", definition.id);
    make(context, book, environment, purpose, planned)
}

/// A plan for one move of a component's version.
pub(crate) fn move_version(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    component: &ComponentName,
    action: Action,
    to: &Version,
) -> Result<Plan, Failure> {
    let values = effects::values(context, environment)?;
    let key = values.key(component);
    let now = values.file.read(&key)?.value;
    let name = &environment.name;
    let value = |from: Option<String>, to: String, subject: String| {
        Effect::MoveValue(MoveValue {
            component: component.clone(),
            file: values.file.file().to_owned(),
            key: key.clone(),
            from,
            to,
            subject,
        })
    };
    let (verb, title) = match &action {
        Action::Rollback { .. } => ("rollback", format!("Roll {component} back to {to} in {name}")),
        Action::AbortRollout { .. } => {
            ("abort", format!("Abort the rollout of {component}: back to {to} in {name}"))
        }
        _ => ("deploy", format!("Move {component} to {to} in {name}")),
    };
    let subject = format!("{verb}({name}): {component} {to}");
    let undo = now.clone().map(|was| {
        let subject = format!("revert({name}): {component} {was}");
        value(Some(to.to_string()), was, subject)
    });
    let step = PlannedStep {
        title: title.clone(),
        action,
        effect: value(now, to.to_string(), subject),
        undo,
    };
    let mut purpose = title;
    purpose[..1].make_ascii_lowercase();
    make(context, book, environment, purpose, vec![step])
}

fn make(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    purpose: String,
    steps: Vec<PlannedStep>,
) -> Result<Plan, Failure> {
    Ok(Plan {
        schema: PLAN_SCHEMA.to_owned(),
        purpose,
        environment: environment.name.clone(),
        made_from: made_from(context, book, environment, &steps)?,
        steps,
    })
}

/// The state that the given steps are planned on.
pub(crate) fn made_from(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    steps: &[PlannedStep],
) -> Result<MadeFrom, Failure> {
    let name = &environment.name;
    let mut marks = BTreeMap::from([(HISTORY.to_owned(), book.history.place(name))]);
    match steps.first().map(|step| &step.effect) {
        Some(Effect::Script(script)) => {
            let database = effects::database(context, environment)?;
            let fingerprint = database.fingerprint(&script.scope)?;
            marks.insert(SCHEMA.to_owned(), fingerprint.to_string());
        }
        Some(Effect::MoveValue(value)) => {
            let found = effects::values(context, environment)?.file.read(&value.key)?.value;
            marks.insert(VALUE.to_owned(), found.unwrap_or_default());
        }
        Some(Effect::Fill(_) | Effect::Unfill(_)) | None => {}
    }
    let mut known = book.world.environments.get(name).cloned().unwrap_or_default();
    // To open a change moves nothing: a surface before its change says what no surface says.
    let before = [Kind::Replicated, Kind::Tagged].map(Surface::initial);
    known.surfaces.retain(|_, surface| !before.contains(surface));
    Ok(MadeFrom { environment: Digest::of_json(&known)?, marks })
}
