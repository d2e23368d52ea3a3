//! Errors about versions and where they run, and of the demo.

use switchback_diag::{Code, Diagnostic};
use switchback_model::{ChangeId, ComponentName, EnvironmentName, Version};

use super::{Failure, usage};

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

/// A channel of pre-releases that is none.
pub(crate) fn wrong_channel(channel: &str) -> Failure {
    usage(format!("`{channel}` is no channel of pre-releases"))
        .hint(
            "a channel is letters, digits and hyphens, such as `rc`; its numbers are counted: rc.1",
        )
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
        .hint(format!(
            "{before} is the release before it; release the steps in between on their own"
        ))
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

/// SB0704.
pub(crate) fn drift(
    environment: &EnvironmentName,
    component: &ComponentName,
    known: &Version,
    written: &str,
) -> Failure {
    Diagnostic::error(
        Code::ValuesDrift,
        format!(
            "the values file of {environment} says {written} for {component}, and {known} is what \
             was put out"
        ),
    )
    .cause("somebody else moved it, so nobody can say what the promotion would replace")
    .hint("revert the commit that moved it in the GitOps repository, or find out what runs")
    .hint_command(
        "see what is recorded",
        format!("switchback status --env {environment}"),
    )
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

/// The demo saw something that must not happen: SB0902.
pub(crate) fn demo_failed(trouble: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::DemoFailed,
        "the demo saw something that must not happen",
    )
    .caused_by(trouble)
    .hint_command("run it again and keep its folder", "switchback demo --keep")
    .hint("please report it with what it printed")
    .into()
}

/// An instance of the demo's application met an error.
pub(crate) fn demo_app_failed(report: &str) -> Failure {
    Diagnostic::error(Code::DemoFailed, "the demo's application met an error")
        .cause(report)
        .into()
}
