//! Errors of `switchback check`.

use std::path::Path;

use switchback_diag::{Code, Diagnostic};
use switchback_migration::lint::baseline::BaselineError;
use switchback_supply::git::GitError;

use super::Failure;

/// A format that only findings can be written in: SB0109.
pub(crate) fn only_for_findings(format: &str) -> Failure {
    super::usage(format!(
        "`--format {format}` is for findings, and only `check` and `contract diff` have some"
    ))
    .hint("use `--format human` or `--format json`")
    .into()
}

/// A path to be checked that is not there: SB0112.
pub(crate) fn nothing_there(path: &Path, error: &std::io::Error) -> Failure {
    Diagnostic::error(
        Code::CannotRead,
        format!("{} cannot be checked", path.display()),
    )
    .cause(error.to_string())
    .hint("check the path")
    .into()
}

/// A folder that the settings name and that is not there: SB0113.
pub(crate) fn no_such_folder(path: &Path, settings: &str) -> Failure {
    Diagnostic::error(
        Code::Contradiction,
        format!("{settings} names a folder of migrations that cannot be read"),
    )
    .cause(format!(
        "{} is no folder, or has no SQL file",
        path.display()
    ))
    .hint("correct `migrations.folder.path`")
    .into()
}

/// Two arguments that do not go together: SB0109.
pub(crate) fn not_together(one: &str, other: &str, why: &str) -> Failure {
    super::usage(format!("{one} and {other} do not go together"))
        .cause(why.to_owned())
        .into()
}

/// The baseline cannot be used: SB0112.
pub(crate) fn baseline_unusable(path: &Path, error: &BaselineError) -> Failure {
    Diagnostic::error(
        Code::CannotRead,
        format!("{} cannot be used as a baseline", path.display()),
    )
    .caused_by(error)
    .hint_command(
        "write it anew, with everything that is found now",
        "switchback check --write-baseline",
    )
    .into()
}

/// Git cannot say what has changed.
pub(crate) fn no_revision(flag: &str, error: GitError) -> Failure {
    let hint = match &error {
        GitError::NotARepository { .. } => {
            "run it inside of the repository that has the migrations"
        }
        GitError::UnknownRevision { .. } => {
            "fetch it first: in continuous integration a checkout often has one commit only"
        }
        _ => return error.into(),
    };
    let mut failure = Failure::from(error);
    for found in &mut failure.diagnostics {
        found.hints.clear();
        found.message = format!("{flag} cannot be answered");
    }
    failure.diagnostics = failure
        .diagnostics
        .into_iter()
        .map(|found| found.hint(hint))
        .collect();
    failure
}

/// A file that was to be fixed has changed since it was read: SB0405.
pub(crate) fn changed_meanwhile(path: &str) -> Diagnostic {
    Diagnostic::error(
        Code::PlanStale,
        format!("{path} changed while it was checked, and is left as it is"),
    )
    .hint("run the command again")
}

/// There is more than can be looked at: SB0109.
pub(crate) fn too_many_files() -> Failure {
    super::usage("there are too many files to look at")
        .hint("name the folders that are meant, or leave others out with `check.exclude`")
        .into()
}

/// The report cannot be written: SB0108.
pub(crate) fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Diagnostic::error(
        Code::CannotWrite,
        format!("{} cannot be written", path.display()),
    )
    .cause(error.to_string())
    .into()
}

/// No private server: SB0508.
pub(crate) fn no_scratch_server(error: &switchback_scratch::ScratchError) -> Failure {
    Diagnostic::error(
        Code::NoScratchServer,
        "no private PostgreSQL server can be started",
    )
    .caused_by(error)
    .hint("install PostgreSQL's server programs, or give their folder with --postgres-bin")
    .into()
}

/// A folder without migrations: SB0112.
pub(crate) fn no_history(path: &Path) -> Failure {
    Diagnostic::error(
        Code::CannotRead,
        format!("{} has no migrations that can be read", path.display()),
    )
    .hint_command("see which folders are found", "switchback check")
    .into()
}

/// A folder of migrations for another engine: SB0109.
pub(crate) fn other_history(path: &Path, engine: &str) -> Failure {
    super::usage(format!(
        "{} is for {engine}, and histories are rehearsed on PostgreSQL and SQLite",
        path.display()
    ))
    .hint("name the folder for one of these, if there is one")
    .hint("if the folder is not for that engine, say with --engine which one it is for")
    .into()
}
