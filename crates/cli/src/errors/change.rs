//! Errors of change folders, and of plans that are made from them.

use std::path::Path;

use switchback_diag::{Code, Diagnostic, Location, nearest};
use switchback_migration::steps::StepsError;
use switchback_migration::{DefinitionError, Engine};
use switchback_model::{ChangeId, EnvironmentName, InvalidName, Plan, Timestamp};

use super::{Failure, list, usage};

/// SB0401.
pub(crate) fn change_missing<'a>(
    id: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let found = Diagnostic::error(Code::ChangeMissing, format!("there is no change `{id}`"));
    match nearest(id, known.clone()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint(format!("changes here: {}", list(known))),
    }
    .hint_command("plan a new one", "switchback change new --help")
    .into()
}

/// SB0402 or SB0406, with the place.
pub(crate) fn change_wrong(shown: &str, text: &str, error: DefinitionError) -> Failure {
    let (code, words) = match &error {
        DefinitionError::UnknownCode { .. } => (
            Code::UnknownStep,
            format!("{shown} is at a step that the change does not have"),
        ),
        DefinitionError::Schema { .. } => {
            (Code::ChangeSyntax, format!("{shown} is of another version"))
        }
        _ => (Code::ChangeSyntax, format!("{shown} cannot be used")),
    };
    let found = Diagnostic::error(code, words).caused_by(&error);
    let found = match &error {
        DefinitionError::Form { line, column, .. } => {
            let line_text = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            found.at(Location {
                file: shown.to_owned(),
                line: u32::try_from(*line).unwrap_or(u32::MAX),
                column: u32::try_from(*column).unwrap_or(u32::MAX),
                text: line_text.to_owned(),
                width: 1,
            })
        }
        _ => found,
    };
    found.hint("mend the file, or take it back from Git").into()
}

/// SB0402: a folder that says it is another change.
pub(crate) fn change_renamed(shown: &str, folder: &ChangeId, says: &ChangeId) -> Failure {
    Diagnostic::error(
        Code::ChangeSyntax,
        format!("{shown} says that it is the change `{says}`"),
    )
    .hint(format!(
        "the folder and `id` must be the same; this folder is `{folder}`"
    ))
    .into()
}

/// SB0402: not text.
pub(crate) fn change_not_utf8(shown: &str) -> Failure {
    Diagnostic::error(Code::ChangeSyntax, format!("{shown} is not text in UTF-8"))
        .hint("take the file back from Git")
        .into()
}

/// SB0402: beyond reason.
pub(crate) fn change_file_too_large(path: &Path, limit: u64) -> Failure {
    Diagnostic::error(
        Code::ChangeSyntax,
        format!("{} is larger than {limit} bytes", path.display()),
    )
    .hint("a change folder holds change.toml and SQL, nothing else")
    .into()
}

/// SB0403.
pub(crate) fn change_edited(id: &ChangeId, opened: Timestamp) -> Failure {
    Diagnostic::error(
        Code::ChangeEdited,
        format!("the change `{id}` was edited after it was opened on {opened}"),
    )
    .cause("environments that have its steps already would no longer match those that get them now")
    .hint("take the folder back from Git; only `code` in change.toml may move")
    .hint("to do something else, plan a further change")
    .into()
}

/// SB0406.
pub(crate) fn unknown_step<'a>(
    id: &ChangeId,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let found = Diagnostic::error(
        Code::UnknownStep,
        format!("the change `{id}` has no step `{name}`"),
    );
    match nearest(name, known.clone()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint(format!("its steps are {}", list(known))),
    }
    .into()
}

/// A step that the database cannot take.
pub(crate) fn wrong_step(id: &ChangeId, error: &StepsError) -> Failure {
    let found = Diagnostic::error(
        Code::UnknownStep,
        format!("the step of `{id}` cannot be planned"),
    )
    .caused_by(error);
    match error {
        StepsError::CodeStep { step } => found
            .hint(format!(
                "set `code = \"{step}\"` in change.toml in the commit that changes the code, then \
                 record the release"
            ))
            .hint_command("record it", "switchback release record --help"),
        StepsError::NoStep { .. } => {
            found.hint_command("see its steps", format!("switchback change status {id}"))
        }
    }
    .into()
}

/// SB0407.
pub(crate) fn wrong_engine(
    id: &ChangeId,
    wanted: Engine,
    environment: &EnvironmentName,
    there: Engine,
) -> Failure {
    Diagnostic::error(
        Code::WrongEngine,
        format!("the change `{id}` is for {wanted}, and the database of {environment} is {there}"),
    )
    .hint("plan the change again from a database of that engine, under another name")
    .hint_command("see how", "switchback change new --help")
    .into()
}

/// A name on the command line is none.
pub(crate) fn wrong_name(flag: &str, error: &InvalidName) -> Failure {
    usage(format!("{flag} cannot be used"))
        .caused_by(error)
        .into()
}

/// A folder that Git must know is outside of the repository.
pub(crate) fn outside_of_repository(folder: &Path, top: &Path, setting: &str) -> Failure {
    Diagnostic::error(
        Code::Contradiction,
        format!(
            "{} is outside of the repository {}",
            folder.display(),
            top.display()
        ),
    )
    .hint(format!(
        "correct `{setting}`: releases are read from commits"
    ))
    .into()
}

/// The folder of a component is not in the commit that it is judged at: SB0113.
pub(crate) fn no_component_folder(component: &str, folder: &str, commit: &str) -> Failure {
    Diagnostic::error(
        Code::Contradiction,
        format!("commit {commit} has no folder `{folder}`, where {component} should be"),
    )
    .cause("no commit could ever touch it, so every version of it would be wrong")
    .hint("correct `component.path`, or commit the folder")
    .into()
}

/// SB0405.
pub(crate) fn plan_stale(plan: &Plan, moved: &[&str]) -> Failure {
    Diagnostic::error(
        Code::PlanStale,
        format!("the plan `{}` was made from another state", plan.purpose),
    )
    .cause(format!("moved since: {}", moved.join(", ")))
    .hint("plan again, read it, and apply the new plan")
    .into()
}

/// A plan file is none.
pub(crate) fn plan_unreadable(path: &Path, error: &serde_json::Error) -> Failure {
    usage(format!("{} is not a plan", path.display()))
        .caused_by(error)
        .hint("a plan is written by `switchback change plan --out`")
        .into()
}

/// A plan for another environment.
pub(crate) fn plan_for_elsewhere(plan: &Plan, here: &EnvironmentName) -> Failure {
    Diagnostic::error(
        Code::PlanStale,
        format!("the plan is for {}, not for {here}", plan.environment),
    )
    .hint(format!("plan again with --env {here}"))
    .into()
}

/// SB0207: another plan has to be ended first.
pub(crate) fn unfinished(plan: &Plan, command: &str) -> Failure {
    Diagnostic::error(
        Code::UnfinishedIntent,
        format!(
            "`{}` in {} was begun and is not finished",
            plan.purpose, plan.environment
        ),
    )
    .hint_command("go on with it", command)
    .into()
}

/// SB0410: both changes are about `what`.
pub(crate) fn change_in_the_way(
    change: &ChangeId,
    other: &ChangeId,
    environment: &EnvironmentName,
    what: &str,
) -> Failure {
    Diagnostic::error(
        Code::ChangeInTheWay,
        format!("{change} cannot begin in {environment}"),
    )
    .cause(format!(
        "{other} is on its way there, and both are about {what}"
    ))
    .hint_command(
        "bring that one to its end or take it back first",
        format!("switchback change status {other}"),
    )
    .into()
}

/// A step failed, and nothing of it is left.
pub(crate) fn step_failed(title: &str, reason: &str) -> Failure {
    Diagnostic::error(
        Code::SqlFailed,
        format!("the step `{title}` failed; nothing of it is left"),
    )
    .cause(reason)
    .hint("mend what it names and run the same command again")
    .into()
}

/// A step is done in part.
pub(crate) fn step_unfinished(title: &str, reason: Option<&str>) -> Failure {
    let found = Diagnostic::error(
        Code::UnfinishedIntent,
        format!("the step `{title}` is done in part; it goes on from there"),
    );
    let found = match reason {
        Some(reason) => found.cause(reason),
        None => found,
    };
    found
        .hint("run the same command again to go on, or `change undo` to take it back")
        .into()
}

/// SB0116, between two steps.
pub(crate) fn interrupted_before(title: &str) -> Failure {
    Diagnostic::error(
        Code::Interrupted,
        format!("interrupted before the step `{title}`; what came before it is done"),
    )
    .hint("run the same command again to go on, or `change undo` to take it back")
    .into()
}

/// SB0116, within a step that can be gone on with.
pub(crate) fn interrupted_within(title: &str) -> Failure {
    Diagnostic::error(
        Code::Interrupted,
        format!("interrupted in the step `{title}`, which is done in part"),
    )
    .hint("run the same command again to go on from there, or `change undo` to take it back")
    .into()
}

/// SB0503: the ledger says that the contract is done, and the database has no mark of it.
pub(crate) fn no_mark(change: &ChangeId, environment: &EnvironmentName) -> Failure {
    Diagnostic::error(
        Code::DatabaseAtUnknownStep,
        format!("the database of {environment} has no mark of the contract of {change}"),
    )
    .cause("the ledger says that it is done there")
    .hint("check that the settings name the database that is meant")
    .into()
}

/// SB0503.
pub(crate) fn unknown_state(title: &str, reason: &str) -> Failure {
    Diagnostic::error(
        Code::DatabaseAtUnknownStep,
        format!("nobody can tell whether `{title}` was done; nothing was touched"),
    )
    .cause(reason)
    .hint("find out who changed it by hand, and put back what was there")
    .into()
}
