//! Actions as commands: what anybody could do next, and how to type it.

use switchback_interlock::{Interlock, Move};
use switchback_model::plan::Direction;
use switchback_model::{Action, ChangeId, ComponentName, Shape, SurfaceOperation, Timestamp};

use crate::book::Book;
use crate::changes;
use crate::context::Context;
use crate::plans;
use crate::settings::types::Environment;

/// Every action that could be taken in an environment, admitted or not.
pub(crate) fn candidates(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
) -> Vec<Action> {
    let window = context.settings().window(environment);
    let mut all = Vec::new();
    let known = book.world.environments.get(&environment.name);
    for component in context.components() {
        let running = known.and_then(|known| known.components.get(component));
        all.push(Action::FinishRollout {
            component: component.clone(),
            window,
        });
        let releases = book.world.catalog.releases.get(component);
        for version in releases.iter().flat_map(|releases| releases.keys()) {
            // What is older than what runs is reached by going back, not by deploying it.
            if running
                .and_then(|it| it.stable.as_ref())
                .is_none_or(|stable| version > stable)
            {
                let (component, version) = (component.clone(), version.clone());
                all.push(Action::Deploy { component, version });
            }
        }
        for target in running.iter().flat_map(|running| &running.targets) {
            let (component, version) = (component.clone(), target.version.clone());
            all.push(Action::Rollback { component, version });
        }
        all.push(Action::AbortRollout {
            component: component.clone(),
        });
    }
    for change in book.world.catalog.changes.keys() {
        let Ok(definition) = changes::load(context, change.as_str()) else {
            continue;
        };
        for direction in [Direction::Up, Direction::Down] {
            for step in &definition.steps {
                let left =
                    plans::left_to_do(book, &environment.name, &definition, &step.name, direction);
                all.extend(left.unwrap_or_default().into_iter().map(|step| step.action));
            }
        }
    }
    all
}

/// The actions that are admitted now, as commands, each once.
pub(crate) fn next_commands(
    context: &Context<'_>,
    book: &Book,
    environment: &Environment,
    now: Timestamp,
) -> Vec<String> {
    let known = book.environment(&environment.name);
    let candidates = candidates(context, book, environment);
    let interlock = Interlock::new(&book.world.catalog);
    let admitted = interlock.admitted(&environment.name, &known, now, &candidates);
    let mut commands = Vec::new();
    for action in admitted {
        if let Some(command) = command(context, environment, &action)
            && !commands.contains(&command)
        {
            commands.push(command);
        }
    }
    commands
}

/// The command that takes an action, if there is one.
pub(crate) fn command(
    context: &Context<'_>,
    environment: &Environment,
    action: &Action,
) -> Option<String> {
    let several = context.settings().components.len() > 1;
    let name = &environment.name;
    let which = |component: &ComponentName| {
        if several {
            format!(" --component {component}")
        } else {
            String::new()
        }
    };
    Some(match action {
        Action::Deploy { component, version } => {
            format!(
                "switchback promote{} --version {version} --env {name}",
                which(component)
            )
        }
        Action::Rollback { component, version } => {
            format!(
                "switchback rollback{} --to {version} --env {name}",
                which(component)
            )
        }
        Action::FinishRollout { component, .. } => {
            format!("switchback rollout finish{} --env {name}", which(component))
        }
        Action::AbortRollout { component } => {
            format!("switchback rollout abort{} --env {name}", which(component))
        }
        Action::Surface {
            change,
            operation: SurfaceOperation::Purge,
        } => format!("switchback change purge {change} --env {name} --because REASON"),
        Action::Surface { change, operation } => {
            let verb = if is_way_back(*operation) {
                "undo"
            } else {
                "apply"
            };
            format!("switchback change {verb} {change} --env {name}")
        }
        Action::SetFlag { .. } => return None,
    })
}

const fn is_way_back(operation: SurfaceOperation) -> bool {
    matches!(
        operation,
        SurfaceOperation::Unexpand
            | SurfaceOperation::Unfill
            | SurfaceOperation::Uncontract { .. }
            | SurfaceOperation::Unprepare
            // Rows with a value that nobody may have any more are gone before it is taken away.
            | SurfaceOperation::Drain { shape: Shape::New }
    )
}

/// The moves of a way as sentences with commands; moves that one command makes stand once.
pub(crate) fn moves(
    context: &Context<'_>,
    environment: &Environment,
    way: &[Move],
    now: Timestamp,
) -> Vec<(String, Option<String>)> {
    let mut said: Vec<(String, Option<String>)> = Vec::new();
    for step in way {
        let next = match step {
            Move::Do { action } => (action.to_string(), command(context, environment, action)),
            Move::Wait { until } => (
                format!("wait until {until} (in {})", (*until - now).rough()),
                None,
            ),
        };
        match said.last_mut() {
            // Of two waits in a row the second one is the longer.
            Some(last) if last.1.is_none() && next.1.is_none() => *last = next,
            Some(last) if last.1 == next.1 => {}
            _ => said.push(next),
        }
    }
    said
}

/// What people call a shape of a change: `users.email_addr`.
pub(crate) fn shape_name(context: &Context<'_>, change: &ChangeId, shape: Shape) -> Option<String> {
    let definition = changes::load(context, change.as_str()).ok()?;
    if shape == Shape::Old && definition.takes_table() {
        return Some(definition.old_table().to_owned());
    }
    let surface = definition.surface;
    let columns = match shape {
        Shape::Old => &surface.old,
        Shape::New => &surface.new,
    };
    let other = match shape {
        Shape::Old => &surface.new,
        Shape::New => &surface.old,
    };
    Some(match (columns.0.as_slice(), other.0.as_slice()) {
        ([], []) => surface.table,
        // The table without what the other shape has.
        ([], other) => format!("{} without {}", surface.table, other.join(", ")),
        (mine, _) => {
            let mine: Vec<_> = mine
                .iter()
                .map(|column| format!("{}.{column}", surface.table))
                .collect();
            mine.join(", ")
        }
    })
}
