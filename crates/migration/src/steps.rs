//! From a step of a definition to the steps of a plan.

use switchback_model::plan::{Direction, Fill, Run, Scope, Script};
use switchback_model::{Action, Effect, PlannedStep, StepName, SurfaceOperation};

use crate::definition::{Definition, Kept, SqlFile, Step, StepFill, StepScript, Work};

/// Why a step cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepsError {
    /// The change has no such step.
    #[error("the change has no step `{step}`; it has {}", candidates.join(", "))]
    NoStep {
        /// What was asked for.
        step: StepName,
        /// The steps that there are.
        candidates: Vec<String>,
    },
    /// It is a step of the code: a release takes it, not a plan for the database.
    #[error("`{step}` is a step of the code, which a release takes")]
    CodeStep {
        /// The step.
        step: StepName,
    },
}

/// What a database step does in one direction, in order, each with how it is taken back.
///
/// # Errors
/// If the definition has no such step, or it is a step of the code.
pub fn planned(
    definition: &Definition,
    name: &StepName,
    direction: Direction,
) -> Result<Vec<PlannedStep>, StepsError> {
    let step = definition.step(name).ok_or_else(|| StepsError::NoStep {
        step: name.clone(),
        candidates: definition
            .steps
            .iter()
            .map(|step| step.name.to_string())
            .collect(),
    })?;
    let Work::Database { script, fill } = &step.work else {
        return Err(StepsError::CodeStep { step: name.clone() });
    };
    let script = script
        .as_ref()
        .map(|it| run(definition, step, it, direction));
    // Where former values are not kept, the way back of the script removes the filled column.
    let fill = fill
        .as_ref()
        .filter(|it| direction == Direction::Up || it.keep_undo)
        .map(|it| copy(definition, step, it, direction));
    Ok(match direction {
        Direction::Up => script.into_iter().chain(fill).collect(),
        Direction::Down => fill.into_iter().chain(script).collect(),
    })
}

/// Destroys what the contract kept aside, as far as it is still there. There is no way back.
pub fn purge(definition: &Definition, kept: &[Kept]) -> PlannedStep {
    let joined = |of: fn(&Kept) -> &str, by| kept.iter().map(of).collect::<Vec<_>>().join(by);
    PlannedStep {
        title: format!("Destroy what is kept of {}", joined(|it| &it.was, ", ")),
        action: action(definition, SurfaceOperation::Purge),
        effect: Effect::Script(Script {
            change: definition.id.clone(),
            step: StepName::purge(),
            direction: Direction::Up,
            sql: joined(|it| &it.drop_sql, "\n"),
            run: Run::Transaction,
            scope: scope(definition),
        }),
        undo: None,
    }
}

/// The part of the schema that belongs to a change.
pub fn scope(definition: &Definition) -> Scope {
    Scope {
        table: definition.surface.table.clone(),
        also: definition.surface.also.clone(),
        columns: [&definition.surface.old, &definition.surface.new]
            .into_iter()
            .flat_map(|shape| shape.0.iter().cloned())
            .collect(),
        prefix: definition.prefix(),
    }
}

fn action(definition: &Definition, operation: SurfaceOperation) -> Action {
    Action::Surface {
        change: definition.id.clone(),
        operation,
    }
}

fn run(
    definition: &Definition,
    step: &Step,
    script: &StepScript,
    direction: Direction,
) -> PlannedStep {
    let effect = |direction, file: &SqlFile| {
        Effect::Script(Script {
            change: definition.id.clone(),
            step: step.name.clone(),
            direction,
            sql: file.sql.clone(),
            run: script.run,
            scope: scope(definition),
        })
    };
    let up = effect(Direction::Up, &script.up);
    let down = effect(Direction::Down, &script.down);
    match direction {
        Direction::Up => PlannedStep {
            title: step.title.clone(),
            action: action(definition, script.action),
            effect: up,
            undo: Some(down),
        },
        Direction::Down => PlannedStep {
            title: format!("Undo: {}", step.title),
            action: action(definition, script.undo),
            effect: down,
            undo: Some(up),
        },
    }
}

fn copy(definition: &Definition, step: &Step, it: &StepFill, direction: Direction) -> PlannedStep {
    let fill = Fill {
        change: definition.id.clone(),
        step: step.name.clone(),
        table: it.table.clone(),
        set: it.set.clone(),
        only: it.only.clone(),
        batch_rows: it.batch_rows,
        keep_undo: it.keep_undo,
    };
    let columns: Vec<_> = it
        .set
        .iter()
        .map(|(column, value)| format!("{}.{column} from {value}", it.table))
        .collect();
    let what = columns.join(", ");
    let (up, down) = if it.touches(definition.engine) {
        let table = &it.table;
        (
            format!("Bring every row of {table} over"),
            format!("Undo: bring every row of {table} over"),
        )
    } else {
        (format!("Fill {what}"), format!("Undo: fill {what}"))
    };
    match direction {
        Direction::Up => PlannedStep {
            title: up,
            action: action(definition, SurfaceOperation::Fill),
            undo: it.keep_undo.then(|| Effect::Unfill(fill.clone())),
            effect: Effect::Fill(fill),
        },
        Direction::Down => PlannedStep {
            title: down,
            action: action(definition, SurfaceOperation::Unfill),
            undo: Some(Effect::Fill(fill.clone())),
            effect: Effect::Unfill(fill),
        },
    }
}
