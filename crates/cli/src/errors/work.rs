//! Errors of the work itself: the ledger, change folders, databases, Git, plans and versions.

use std::path::Path;

use switchback_db::sqlite::DbError;
use switchback_diag::{Code, Diagnostic, Location};
use switchback_interlock::Inconsistent;
use switchback_ledger::{StoreError, StoreFault};
use switchback_migration::DefinitionError;
use switchback_migration::drive::DriveError;
use switchback_migration::rename::RenameError;
use switchback_migration::steps::StepsError;
use switchback_model::{
    ChangeId, ComponentName, EnvironmentName, InvalidName, Plan, Timestamp, Version,
};
use switchback_supply::git::GitError;
use switchback_supply::gitops::GitopsError;

use super::{Failure, list, usage};
use crate::settings::nearest;

// ---- ledger ----

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = match error.fault() {
            StoreFault::Missing => Code::LedgerMissing,
            StoreFault::NewerFormat { .. } => Code::NewerLedger,
            StoreFault::Damaged | StoreFault::NotALedger => Code::LedgerDamaged,
            StoreFault::Busy => Code::LedgerLocked,
            StoreFault::ReadOnly | StoreFault::DiskFull | StoreFault::Exists => Code::CannotWrite,
            StoreFault::Unreachable
            | StoreFault::Address
            | StoreFault::Denied
            | StoreFault::Insecure
            | StoreFault::Io => Code::LedgerUnreachable,
        };
        let found = Diagnostic::error(code, "the ledger cannot be used").caused_by(&error);
        match error.fault() {
            StoreFault::Missing => found
                .hint("if there was one, restore it from a backup before anything else is done")
                .hint_command("make an empty one", "switchback ledger create"),
            StoreFault::NewerFormat { .. } => found.hint("use a newer version of switchback"),
            StoreFault::Damaged => found
                .hint_command("see what is damaged", "switchback ledger verify")
                .hint("keep the damaged file, restore a backup and verify that one"),
            StoreFault::NotALedger => {
                found.hint("`ledger.store` in switchback.toml names another kind of file")
            }
            StoreFault::Busy => found.hint("wait for the other command to end, then run it again"),
            StoreFault::DiskFull => found.hint("make room on the disk; nothing was recorded"),
            StoreFault::ReadOnly => found.hint("check who owns the file and its folder"),
            StoreFault::Address | StoreFault::Insecure => {
                found.hint("correct the URL in SWITCHBACK_LEDGER_URL")
            }
            StoreFault::Unreachable | StoreFault::Denied | StoreFault::Io | StoreFault::Exists => {
                found.hint("nothing was recorded; run the command again when it works")
            }
        }
        .into()
    }
}

impl From<switchback_ledger::Error> for Failure {
    fn from(error: switchback_ledger::Error) -> Self {
        use switchback_ledger::Error;
        match error {
            Error::Store(error) => error.into(),
            Error::Conflict { .. } | Error::InvalidId => {
                Diagnostic::error(Code::EventConflict, "the event was not recorded")
                    .caused_by(&error)
                    .hint_command("see what is there", "switchback ledger log")
                    .into()
            }
            Error::OutOfRange { .. } => usage("there is no such entry in the ledger")
                .caused_by(&error)
                .hint_command("see what is there", "switchback ledger log")
                .into(),
            Error::UnknownEvent { .. } => {
                Diagnostic::error(Code::NewerLedger, "the ledger holds events of a newer version")
                    .caused_by(&error)
                    .hint("use a newer version of switchback")
                    .into()
            }
            _ => Diagnostic::error(Code::LedgerDamaged, "the ledger cannot be trusted as it is")
                .caused_by(&error)
                .hint_command("see what is wrong", "switchback ledger verify")
                .into(),
        }
    }
}

impl From<Inconsistent> for Failure {
    fn from(error: Inconsistent) -> Self {
        Diagnostic::error(Code::LedgerDamaged, "the ledger's events do not follow from each other")
            .caused_by(&error)
            .hint_command("see whether anything was changed", "switchback ledger verify")
            .into()
    }
}

/// The ledger was appended to by others all the time.
pub(crate) fn ledger_too_busy() -> Failure {
    Diagnostic::error(Code::LedgerLocked, "others kept appending to the ledger meanwhile")
        .hint("nothing was done; run the command again")
        .into()
}

/// The ledger's signing key cannot be used: SB0204.
pub(crate) fn ledger_key(path: &Path, why: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::LedgerKey,
        format!("the ledger's signing key {} cannot be used", path.display()),
    )
    .caused_by(why)
    .hint("restore the key file, or name it with SWITCHBACK_LEDGER_KEY")
    .into()
}

/// The settings name no verifier key, or a wrong one.
pub(crate) fn no_verifier(signing: &str) -> Failure {
    Diagnostic::error(
        Code::LedgerKey,
        format!("the signing key `{signing}` is not the one of `ledger.verifier`"),
    )
    .hint("put the verifier key that belongs to it into switchback.toml, or use the right key")
    .into()
}

/// A text that was given as a checkpoint is none that can be used.
pub(crate) fn wrong_checkpoint(path: &Path, why: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::LedgerDamaged,
        format!("{} is not a checkpoint of this ledger", path.display()),
    )
    .caused_by(why)
    .hint("a checkpoint is what `switchback ledger checkpoint` prints")
    .into()
}

/// Whatever `error` says is a defect of ours: SB0901.
fn defect(error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(Code::Internal, "Switchback has a defect and had to stop")
        .caused_by(error)
        .hint("please report it with this text and the command that you typed")
        .into()
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        defect(&error)
    }
}

impl From<DriveError> for Failure {
    fn from(error: DriveError) -> Self {
        defect(&error)
    }
}

// ---- changes ----

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
        DefinitionError::UnknownCode { .. } => {
            (Code::UnknownStep, format!("{shown} is at a step that the change does not have"))
        }
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
    Diagnostic::error(Code::ChangeSyntax, format!("{shown} says that it is the change `{says}`"))
        .hint(format!("the folder and `id` must be the same; this folder is `{folder}`"))
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

/// SB0404.
pub(crate) fn not_supported(environment: &EnvironmentName, error: &RenameError) -> Failure {
    Diagnostic::error(
        Code::TableNotSupported,
        format!("the change cannot be planned from the database of {environment}"),
    )
    .caused_by(error)
    .hint("nothing was written; the page of this code says which tables can be changed")
    .into()
}

/// SB0406.
pub(crate) fn unknown_step<'a>(
    id: &ChangeId,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let found =
        Diagnostic::error(Code::UnknownStep, format!("the change `{id}` has no step `{name}`"));
    match nearest(name, known.clone()) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint(format!("its steps are {}", list(known))),
    }
    .into()
}

/// A step that the database cannot take.
pub(crate) fn wrong_step(id: &ChangeId, error: &StepsError) -> Failure {
    let found =
        Diagnostic::error(Code::UnknownStep, format!("the step of `{id}` cannot be planned"))
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

/// A name on the command line is none.
pub(crate) fn wrong_name(flag: &str, error: &InvalidName) -> Failure {
    usage(format!("{flag} cannot be used")).caused_by(error).into()
}

/// A folder that Git must know is outside of the repository.
pub(crate) fn outside_of_repository(folder: &Path, top: &Path) -> Failure {
    Diagnostic::error(
        Code::Contradiction,
        format!("{} is outside of the repository {}", folder.display(), top.display()),
    )
    .hint("correct `changes.folder`: releases read their code steps from commits")
    .into()
}

// ---- plans ----

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
        format!("`{}` in {} was begun and is not finished", plan.purpose, plan.environment),
    )
    .hint_command("go on with it", command)
    .into()
}

/// A step failed, and nothing of it is left.
pub(crate) fn step_failed(title: &str, reason: &str) -> Failure {
    Diagnostic::error(Code::SqlFailed, format!("the step `{title}` failed; nothing of it is left"))
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
    found.hint("run the same command again to go on, or `change undo` to take it back").into()
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

// ---- databases ----

/// A database cannot be used.
pub(crate) fn database(error: &DbError) -> Failure {
    let code = match error {
        DbError::Missing { .. } | DbError::NotADatabase | DbError::Damaged { .. } => {
            Code::DatabaseMissing
        }
        DbError::Io { .. } => Code::DatabaseMissing,
        DbError::Busy { .. } => Code::DatabaseBusy,
        DbError::ReadOnly => Code::DatabaseReadOnly,
        DbError::DiskFull { .. } => Code::DatabaseFull,
        DbError::Newer { .. } => Code::NewerDatabase,
        DbError::UnknownStep { .. } => Code::DatabaseAtUnknownStep,
        DbError::NoTable { .. } | DbError::NoColumn { .. } => Code::TableNotSupported,
        DbError::OtherEffect => Code::Internal,
        _ => Code::SqlFailed,
    };
    let found = Diagnostic::error(code, code.title().to_lowercase()).caused_by(error);
    match error {
        DbError::Missing { .. } => {
            found.hint("correct `environment.database.path`; Switchback never makes a database")
        }
        DbError::NotADatabase | DbError::Damaged { .. } | DbError::Io { .. } => {
            found.hint("nothing was changed; restore the file from a backup")
        }
        DbError::Busy { .. } => found
            .hint("find the connection that holds a transaction open, then run the command again"),
        DbError::ReadOnly => {
            found.hint("check the permissions of the file and of its folder")
        }
        DbError::DiskFull { .. } => {
            found.hint("make room, then run the same command again: it goes on where it stopped")
        }
        DbError::Newer { .. } => found.hint("use a newer version of switchback"),
        DbError::UnknownStep { .. } => found
            .hint("somebody changed the schema by hand; put back what the message says is expected")
            .hint_command("see how far the change is", "switchback change status"),
        _ => found.hint("the transaction was rolled back; nothing of it is left"),
    }
    .into()
}

// ---- git ----

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let code = match &error {
            GitError::GitMissing { .. } => Code::GitMissing,
            GitError::NotARepository { .. } | GitError::NoCommits => Code::NotRepository,
            GitError::DirtyTree { .. } => Code::DirtyTree,
            GitError::Moved { .. } => Code::BranchMoved,
            _ => Code::GitFailed,
        };
        let found = Diagnostic::error(code, code.title().to_lowercase()).caused_by(&error);
        match &error {
            GitError::GitMissing { .. } => found.hint("install git"),
            GitError::NotARepository { .. } => {
                found.hint("correct `environment.values.repository`, or run `git init` there")
            }
            GitError::NoCommits => found.hint("make the first commit"),
            GitError::DirtyTree { .. } => {
                found.hint("commit those files or put them away, then run the command again")
            }
            GitError::Moved { .. } => found.hint("somebody else committed; run the command again"),
            GitError::UnknownRevision { .. } => found.hint("check the name with `git rev-parse`"),
            GitError::NoIdentity { .. } => {
                found.hint_command("say who you are", "git config user.email you@example.org")
            }
            _ => found.hint("nothing was changed; run the command again once it is mended"),
        }
        .into()
    }
}

impl From<GitopsError> for Failure {
    fn from(error: GitopsError) -> Self {
        match error {
            GitopsError::Git(error) => error.into(),
            error => {
                let found = Diagnostic::error(Code::ValuesFile, "the values file cannot be used")
                    .caused_by(&error);
                match &error {
                    GitopsError::NoFile { .. } => {
                        found.hint("correct `environment.values`, or commit the file")
                    }
                    GitopsError::Differs { .. } => {
                        found.hint("somebody else moved the value; run the command again")
                    }
                    _ => found.hint("mend the file and commit it; nothing was changed"),
                }
                .into()
            }
        }
    }
}

// ---- versions ----

/// Something that an environment needs is not in the settings: SB0113.
pub(crate) fn not_set(environment: &EnvironmentName, what: &str) -> Failure {
    Diagnostic::error(
        Code::Contradiction,
        format!("the environment `{environment}` has no `{what}`, and it is needed"),
    )
    .hint_command("see what it may hold", "switchback util schema")
    .into()
}

/// A version that is none.
pub(crate) fn wrong_version(text: &str, error: &dyn std::error::Error) -> Failure {
    usage(format!("`{text}` is not a version"))
        .caused_by(error)
        .hint("versions follow SemVer 2.0.0 and have no leading v: 1.4.0")
        .into()
}

/// SB0701.
pub(crate) fn unknown_release(component: &ComponentName, version: &Version) -> Failure {
    Diagnostic::error(
        Code::UnknownRelease,
        format!("{component} {version} has not been recorded as a release"),
    )
    .hint_command(
        "record it from the commit that it was made from",
        format!("switchback release record --version {version} --commit …"),
    )
    .into()
}

/// SB0702.
pub(crate) fn release_differs(
    component: &ComponentName,
    version: &Version,
    was: &str,
    is: &str,
) -> Failure {
    Diagnostic::error(
        Code::ReleaseDiffers,
        format!("{component} {version} was recorded with other content"),
    )
    .cause(format!("recorded from commit {was}"))
    .cause(format!("now from commit {is}"))
    .hint("a version names one commit for ever; give the new one another version")
    .into()
}

/// SB0302 when a release is recorded.
pub(crate) fn release_skips(
    component: &ComponentName,
    version: &Version,
    before: &str,
    skips: &[String],
) -> Failure {
    let mut found = Diagnostic::error(
        Code::StepSkipped,
        format!("{component} {version} moves more than one code step"),
    );
    found.causes = skips.to_vec();
    found
        .hint(format!("{before} is the release before it; release the steps in between on their own"))
        .into()
}

/// A change at a commit is not the one that was opened.
pub(crate) fn change_differs_at(id: &ChangeId, commit: &str) -> Failure {
    Diagnostic::error(
        Code::ChangeEdited,
        format!("the change `{id}` at commit {commit} is not the one that was opened"),
    )
    .hint("only `code` may move between commits; take the other files back from Git")
    .into()
}

/// The commit lacks the folder of a change that is open somewhere.
pub(crate) fn change_folder_gone(id: &ChangeId, commit: &str) -> Failure {
    Diagnostic::error(
        Code::ChangeMissing,
        format!("commit {commit} has no folder for the change `{id}`, which is open"),
    )
    .cause("so nobody can tell where its code stands")
    .hint("keep the folder until the change is contracted everywhere")
    .into()
}

/// SB0703.
pub(crate) fn nothing_to_roll_back_to(
    component: &ComponentName,
    environment: &EnvironmentName,
) -> Failure {
    Diagnostic::error(
        Code::NothingToRollBackTo,
        format!("no rollback target of {component} is open in {environment}"),
    )
    .hint("roll forward: release a correction and promote it")
    .hint_command("see what runs and since when", "switchback status")
    .into()
}

// ---- verification ----

/// No event with this id.
pub(crate) fn no_such_event(event: &str) -> Failure {
    usage(format!("there is no event `{event}` in the ledger"))
        .hint_command("see what is there", "switchback ledger log --limit 0")
        .into()
}

/// The ledger was changed or is damaged: SB0202.
pub(crate) fn ledger_not_sound(report: &switchback_ledger::Report) -> Failure {
    let mut found = Diagnostic::error(Code::LedgerDamaged, "the ledger is not what was recorded");
    found.causes = report.problems.iter().take(10).map(ToString::to_string).collect();
    let more = report.problems.len().saturating_sub(10) as u64 + report.unlisted;
    if more > 0 {
        found.causes.push(format!("and {more} more"));
    }
    found
        .hint("keep this file, find out who could write it, and restore a backup that verifies")
        .into()
}

/// A proof does not hold.
pub(crate) fn wrong_proof(path: &Path, why: &dyn std::error::Error) -> Failure {
    Diagnostic::error(Code::LedgerDamaged, format!("{} proves nothing", path.display()))
        .caused_by(why)
        .hint_command("make a proof", "switchback ledger prove EVENT")
        .into()
}

/// A proof of another kind.
pub(crate) fn not_an_inclusion(path: &Path) -> Failure {
    usage(format!("{} is not a proof that an event is in the ledger", path.display())).into()
}

// ---- demo ----

/// The demo saw something that must not happen: SB0902.
pub(crate) fn demo_failed(trouble: &dyn std::error::Error) -> Failure {
    Diagnostic::error(Code::DemoFailed, "the demo saw something that must not happen")
        .caused_by(trouble)
        .hint_command("run it again and keep its folder", "switchback demo --keep")
        .hint("please report it with what it printed")
        .into()
}

/// An instance of the demo's application met an error.
pub(crate) fn demo_app_failed(report: &str) -> Failure {
    Diagnostic::error(Code::DemoFailed, "the demo's application met an error").cause(report).into()
}
