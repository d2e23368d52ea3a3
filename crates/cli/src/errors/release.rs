//! Errors of cutting a release.

use std::path::Path;

use switchback_diag::{Code, Diagnostic};
use switchback_supply::git::{CommitId, GitError, Verification};
use switchback_version::version_file::{Problem, VersionFileError};

use super::Failure;
use crate::book::RecordedTag;

/// A tag is not what it was when it was made: SB1604.
/// What it is now are the object and the commit that it leads to.
pub(crate) fn tag_moved(tag: &str, was: &RecordedTag, is: Option<(String, String)>) -> Failure {
    let found = Diagnostic::error(
        Code::TagMoved,
        format!("the tag `{tag}` is not what was recorded when it was made"),
    )
    .cause(format!(
        "it was made as {} at commit {}",
        was.object, was.commit
    ));
    match is {
        None => found
            .cause("there is no such tag here")
            .hint_command("fetch the tags that are missing", "git fetch --tags"),
        Some((object, commit)) => found
            .cause(format!("it is {object} at commit {commit}"))
            .hint("find out who moved it, and what was fetched under it since")
            .hint_command(
                "put it back, if nobody has built on the other one",
                format!("git update-ref refs/tags/{tag} {} {object}", was.object),
            ),
    }
    .into()
}

impl From<VersionFileError> for Failure {
    fn from(error: VersionFileError) -> Self {
        let found = Diagnostic::error(
            Code::VersionFile,
            format!("the version of {} cannot be told", error.file),
        )
        .cause(error.to_string());
        match &error.problem {
            Problem::Inherited => {
                found.hint("name the manifest of the workspace in `component.version-files`")
            }
            Problem::Dynamic => found.hint(
                "leave the file out of `component.version-files`: whoever builds it reads the tag",
            ),
            _ => found.hint(
                "`component.version-files` says which files have the version, and their form",
            ),
        }
        .into()
    }
}

/// Two files of a component say different versions: SB1605.
pub(crate) fn versions_differ(one: (&str, String), other: (&str, String)) -> Failure {
    Diagnostic::error(
        Code::VersionFile,
        "the version files of the component say different versions",
    )
    .cause(format!("{} says {}", one.0, one.1))
    .cause(format!("{} says {}", other.0, other.1))
    .hint("`component.version-files` says which files have its version; write the same into these")
    .into()
}

/// A version file is not there, or not in the repository: SB1605.
pub(crate) fn no_version_file(path: &str, because: &str) -> Failure {
    Diagnostic::error(
        Code::VersionFile,
        format!("the version file {path} cannot be used"),
    )
    .cause(because.to_owned())
    .hint("correct `component.version-files`, or commit the file")
    .into()
}

/// The changelog cannot be brought up to the release: SB1605.
pub(crate) fn changelog(path: &str, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::VersionFile,
        format!("{path} cannot get a section of the release"),
    )
    .caused_by(error)
    .hint("mend the file and commit it; nothing was written")
    .into()
}

/// No signature can be made: SB1606. Other errors of Git stay what they are. `committed` says whether
/// the commit that the tag is for is made.
pub(crate) fn signing(error: GitError, committed: bool) -> Failure {
    match error {
        GitError::CannotSign { .. } => cannot_sign(&error.to_string(), committed),
        other => other.into(),
    }
}

/// A signature that was made does not hold: SB1606.
pub(crate) fn bad_signature(verification: &Verification) -> Option<Failure> {
    match verification {
        Verification::Bad { because } => {
            let said = format!("what was signed to try it is not good: {because}");
            Some(cannot_sign(&said, false))
        }
        Verification::Good { .. } | Verification::Unknown { .. } => None,
    }
}

fn cannot_sign(because: &str, committed: bool) -> Failure {
    let state = match committed {
        true => "the commit is made, and the same command goes on with its tag",
        false => "nothing was written",
    };
    Diagnostic::error(
        Code::CannotSign,
        "the tag cannot be signed as Git is configured",
    )
    .cause(because.to_owned())
    .hint(format!(
        "{state}; mend `user.signingKey`, `gpg.format` or what they name"
    ))
    .hint_command(
        "or tag without a signature, and say why",
        "switchback release cut --no-sign --because \"…\"",
    )
    .into()
}

/// The signature of a tag that was made does not hold: SB1606.
pub(crate) fn tag_not_verified(tag: &str, because: &str) -> Failure {
    Diagnostic::error(
        Code::CannotSign,
        format!("the signature of the tag `{tag}` does not hold"),
    )
    .cause(because.to_owned())
    .hint("the tag is here and was not pushed")
    .hint_command(
        "remove it before it is tried again",
        format!("git tag --delete {tag}"),
    )
    .into()
}

/// It cannot be told which release comes before: SB1607.
pub(crate) fn tags_unclear(causes: &[String], hint: &str) -> Failure {
    let found = Diagnostic::error(
        Code::TagsUnclear,
        "from which release it is counted cannot be told",
    );
    causes
        .iter()
        .fold(found, |found, cause| found.cause(cause.clone()))
        .hint(hint.to_owned())
        .into()
}

/// Nothing is checked out that a commit would stay on: SB1608.
pub(crate) fn head_detached(commit: &CommitId) -> Failure {
    Diagnostic::error(Code::HeadDetached, "no branch is checked out")
        .cause(format!("the commit {} is", commit.short()))
        .cause("a commit that is made there belongs to no branch")
        .hint_command("check a branch out", "git switch BRANCH")
        .hint("or say that it is meant: --detached")
        .into()
}

/// There are no files that could be written.
pub(crate) fn no_work_tree(folder: &Path) -> Failure {
    GitError::NotARepository {
        path: folder.to_owned(),
    }
    .into()
}

/// Two members of a group would get the same tag: SB1621.
pub(crate) fn one_tag_for_two(group: &str, tag: &str, components: [&str; 2]) -> Failure {
    let [one, other] = components;
    Diagnostic::error(
        Code::OneTagForTwo,
        format!("the group `{group}` cannot be cut: two of its members have the same tag"),
    )
    .cause(format!("{one} and {other} would both be tagged `{tag}`"))
    .hint(format!(
        "give them tags of their own: `component.tags`, such as `{one}-v{{version}}`"
    ))
    .hint("or make them one component, if they are always one release")
    .into()
}
