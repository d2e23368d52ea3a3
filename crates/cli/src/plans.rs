//! Making plans: what would be done, as data, with the state that it was made from.

use std::collections::BTreeMap;

use switchback_interlock::surface::{Surface, SurfaceState};
use switchback_migration::Definition;
use switchback_migration::definition::Kept;
use switchback_migration::steps::{self, StepsError};
use switchback_model::plan::{Direction, MadeFrom, MoveValue, PLAN_SCHEMA};
use switchback_model::{
    Action, ChangeId, ComponentName, Digest, Effect, EnvironmentName, Kind, Plan, PlannedStep,
    Shape, Shapes, StepName, SurfaceOperation, Version,
};

use crate::book::{Book, Part};
use crate::changes;
use crate::context::Context;
use crate::effects::{self, EnvironmentDatabase};
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
    definition
        .steps
        .iter()
        .map(|step| &step.name)
        .find(|name| left(name))
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
        match direction {
            Direction::Up => !applied || is_stale(book, environment, &it.action),
            Direction::Down => applied,
        }
    });
    Ok(planned)
}

/// Whether an action is a fill of a shape that has missed writes since: one that old code, brought
/// back, did not write. It has to be filled again.
pub(crate) fn is_stale(book: &Book, environment: &EnvironmentName, action: &Action) -> bool {
    let Action::Surface {
        change,
        operation: SurfaceOperation::Fill,
    } = action
    else {
        return false;
    };
    let known = book.world.environments.get(environment);
    let surface = known.and_then(|known| known.surfaces.get(change));
    surface.is_some_and(|surface| match surface.settled() {
        SurfaceState::Replicated(state) => {
            state.exists == Shapes::BOTH && !state.holds_truth(Shape::New)
        }
        SurfaceState::Tagged(_) => false,
    })
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
    book.history
        .is_applied(environment, &definition.id, step, part)
}

/// What is different between a plan and the one that would be made now.
pub(crate) fn moved<'a>(plan: &'a Plan, now: &'a Plan) -> Vec<&'a str> {
    let mut moved = moved_marks(&plan.made_from, &now.made_from);
    if moved.is_empty() && plan.made_from != now.made_from {
        moved.push("environment");
    }
    if moved.is_empty() {
        moved.push("the plan itself: it is not what `change plan` makes");
    }
    moved
}

/// The marks that differ.
pub(crate) fn moved_marks<'a>(was: &'a MadeFrom, now: &'a MadeFrom) -> Vec<&'a str> {
    let differ = |(name, mark): &(&String, &String)| was.marks.get(*name) != Some(mark);
    now.marks
        .iter()
        .filter(differ)
        .map(|(name, _)| name.as_str())
        .collect()
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
    let wrong = |error| errors::wrong_step(&definition.id, &error);
    if direction == Direction::Up {
        check_alone(context, book, &environment.name, definition)?;
    }
    let mut planned =
        left_to_do(book, &environment.name, definition, step, direction).map_err(wrong)?;
    if direction == Direction::Down {
        let all = steps::planned(definition, step, direction).map_err(wrong)?;
        let begun = begun_fills(context, environment, all)?;
        let more = begun.into_iter().filter(|it| !planned.contains(it));
        planned = more
            .collect::<Vec<_>>()
            .into_iter()
            .chain(planned)
            .collect();
    }
    let verb = match direction {
        Direction::Up => "apply",
        Direction::Down => "undo",
    };
    let purpose = format!("{verb} {step} of {}", definition.id);
    make(context, book, environment, purpose, planned)
}

/// Fails if a change is to begin while another one of the same columns is on its way: SB0410.
fn check_alone(
    context: &Context<'_>,
    book: &Book,
    environment: &EnvironmentName,
    definition: &Definition,
) -> Result<(), Failure> {
    let is_begun = |id: &ChangeId| book.history.last_applied(environment, id).is_some();
    if is_begun(&definition.id) {
        return Ok(());
    }
    for id in changes::list(context)? {
        if id == definition.id || !is_begun(&id) {
            continue;
        }
        // What is wrong with another change is told where that one is asked for.
        let Ok(other) = changes::load(context, id.as_str()) else {
            continue;
        };
        if next_step(book, environment, &other).is_some()
            && let Some(what) = definition.shared_with(&other)
        {
            let id = &definition.id;
            return Err(errors::change_in_the_way(id, &other.id, environment, &what));
        }
    }
    Ok(())
}

/// A plan for destroying what a contract kept aside in an environment.
pub(crate) fn purge(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    definition: &Definition,
    kept: &[Kept],
) -> Result<Plan, Failure> {
    let step = steps::purge(definition, kept);
    let purpose = format!("purge what {} keeps", definition.id);
    make(context, book, environment, purpose, vec![step])
}

/// Whether a plan is one for destroying what a contract kept aside.
pub(crate) fn is_purge(plan: &Plan) -> bool {
    let is = |action: &Action| {
        matches!(
            action,
            Action::Surface {
                operation: SurfaceOperation::Purge,
                ..
            }
        )
    };
    !plan.steps.is_empty() && plan.steps.iter().all(|step| is(&step.action))
}

/// The ways back of copies that were begun and given up: the ledger does not count them as
/// applied, and the database still has what they wrote.
fn begun_fills(
    context: &Context<'_>,
    environment: &Environment,
    mut ways_back: Vec<PlannedStep>,
) -> Result<Vec<PlannedStep>, Failure> {
    ways_back.retain(|step| matches!(step.effect, Effect::Unfill(_)));
    if ways_back.is_empty() {
        return Ok(ways_back);
    }
    let database = EnvironmentDatabase::open(context, environment)?;
    let mut begun = Vec::new();
    for step in ways_back {
        if let Effect::Unfill(fill) = &step.effect
            && database.has_begun(fill)?
        {
            begun.push(step);
        }
    }
    Ok(begun)
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
        Action::Rollback { .. } => (
            "rollback",
            format!("Roll {component} back to {to} in {name}"),
        ),
        Action::AbortRollout { .. } => (
            "abort",
            format!("Abort the rollout of {component}: back to {to} in {name}"),
        ),
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
            let database = EnvironmentDatabase::open(context, environment)?;
            let fingerprint = database.fingerprint(&script.scope)?;
            marks.insert(SCHEMA.to_owned(), fingerprint.to_string());
        }
        Some(Effect::MoveValue(value)) => {
            let found = effects::values(context, environment)?
                .file
                .read(&value.key)?
                .value;
            marks.insert(VALUE.to_owned(), found.unwrap_or_default());
        }
        Some(Effect::Fill(_) | Effect::Unfill(_)) | None => {}
    }
    let mut known = book.environment(name);
    // To open a change moves nothing: a surface before its change says what no surface says.
    let before = [Kind::Replicated, Kind::Tagged, Kind::Listed].map(Surface::initial);
    known
        .surfaces
        .retain(|_, surface| !before.contains(surface));
    Ok(MadeFrom {
        environment: Digest::of_json(&known)?,
        marks,
    })
}
