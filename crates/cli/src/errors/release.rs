//! Errors of cutting a release.

use std::path::Path;

use semver::Version;
use switchback_diag::{Code, Diagnostic};
use switchback_supply::git::{CommitId, GitError, Verification};
use switchback_version::deprecation::Owed;
use switchback_version::notes::NotesError;
use switchback_version::version_file::{Problem, VersionFileError};

use super::{Failure, with_some};
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

/// A file says a higher version than the one that it would get: SB1605.
pub(crate) fn version_falls(path: &str, is: &Version, to: &Version) -> Failure {
    Diagnostic::error(
        Code::VersionFile,
        format!("{path} says {is}, and a release never lowers a version"),
    )
    .cause(format!("the next release is {to}"))
    .hint("if tags of releases are missing here, fetch them: git fetch --tags")
    .hint(format!(
        "else propose a version that is not lower, such as `--propose {}`, or correct the file",
        Version::new(is.major, is.minor, is.patch)
    ))
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
    .hint("or tag without a signature, and say why: `--no-sign --because \"…\"`")
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
    GitError::Bare {
        path: folder.to_owned(),
    }
    .into()
}

/// How many things that break are named.
const SHOWN: usize = 10;
/// How many digits of an id or fingerprint name it.
const DIGITS: usize = 12;

/// Something breaks, and no change file says what users do about it: SB1609. Each is named by what
/// it is and by the id that a change file covers it with.
pub(crate) fn upgrade_missing(tag: &str, missing: &[(String, String)]) -> Failure {
    let things = match missing.len() {
        1 => "one thing that breaks".to_owned(),
        many => format!("{many} things that break"),
    };
    let found = Diagnostic::error(
        Code::UpgradeMissing,
        format!("nothing says what users of {tag} do about {things}"),
    );
    let id = |id: &str| id.get(..DIGITS).unwrap_or(id).to_owned();
    let causes = missing.iter();
    let causes = causes.map(|(what, covers)| format!("{}: {what}", id(covers)));
    let covers = missing.first().map(|it| id(&it.1)).unwrap_or_default();
    with_some(found, causes, SHOWN)
        .hint_command(
            "write it down for each, or once for several, and commit the file",
            format!(
                "switchback version entry \"WHAT IS NEW\" --kind changed --breaking \"WHAT BREAKS\" \
                 --upgrade \"WHAT TO DO\" --covers {covers}"
            ),
        )
        .into()
}

/// Something breaks before it may: SB1627. Each by its change file.
pub(crate) fn not_announced(tag: &str, owed: &[(&str, Owed)]) -> Diagnostic {
    let things = match owed.len() {
        1 => "one thing".to_owned(),
        many => format!("{many} things"),
    };
    let found = Diagnostic::error(
        Code::NotAnnounced,
        format!("{tag} breaks {things} too soon for what users were told"),
    );
    let causes = owed.iter().map(|(path, owed)| format!("{path}: {owed}"));
    let mut found = with_some(found, causes, SHOWN);
    let is = |which: fn(&Owed) -> bool| owed.iter().any(|(_, it)| which(it));
    if is(|it| {
        matches!(
            it,
            Owed::Time { .. } | Owed::Day { .. } | Owed::Version { .. }
        )
    }) {
        found = found.hint("keep the old way working beside the new one until then");
    }
    if is(|it| matches!(it, Owed::Notice)) {
        found = found.hint_command(
            "keep it working, and announce it with a release before",
            "switchback version entry \"WHAT GOES\" --kind deprecated --removal VERSION",
        );
        found =
            found.hint("if a release did, name it in the change file: `announced-by = \"NAME\"`");
    }
    if is(|it| matches!(it, Owed::NoFile { .. } | Owed::NoRelease { .. })) {
        found = found.hint(
            "correct it in the change file: `announced-by` for a change file, `deprecated-since` for a \
             version",
        );
    }
    found.hint("if it cannot wait, say why there instead: `unannounced = \"WHY\"`")
}

/// A template cannot be used: SB1620.
pub(crate) fn template(key: &str, path: &Path, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::NotesUnmade,
        format!("the template {} cannot be used", path.display()),
    )
    .caused_by(error)
    .hint(format!(
        "correct it, or take `{key}` out of the settings to use the one that is built in"
    ))
    .into()
}

/// A text about a release cannot be made: SB1620.
pub(crate) fn notes(error: NotesError, component: &str) -> Failure {
    let found = Diagnostic::error(
        Code::NotesUnmade,
        format!("the text about {component} cannot be made"),
    )
    .caused_by(&error);
    match error {
        NotesError::Facts(_) => found.hint("correct the facts"),
        NotesError::TooManyWords { .. } => {
            found.hint("shorten the template `notes.release-notes`, or what breaks in change files")
        }
        _ => found.hint("correct the template; `notes` in the settings names it"),
    }
    .into()
}

/// A file of facts cannot be used: SB1620.
pub(crate) fn facts(path: &Path, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::NotesUnmade,
        format!("the facts in {} cannot be used", path.display()),
    )
    .caused_by(error)
    .hint_command("make them anew", "switchback release facts")
    .into()
}

/// A release of the component writes no file, so there is nothing to look at beforehand: SB1605.
pub(crate) fn nothing_to_write(component: &str) -> Failure {
    Diagnostic::error(
        Code::VersionFile,
        format!("for {component} no file would be written"),
    )
    .cause("it has neither a file with its version nor a changelog with a section `Unreleased`")
    .hint("name its version files in `component.version-files`, or begin a `CHANGELOG.md`")
    .hint_command(
        "or tag without a branch to look at",
        "switchback release cut",
    )
    .into()
}

/// A branch has commits that no run of `release pr` led to: SB1631.
pub(crate) fn foreign_branch(branch: &str, component: &str) -> Failure {
    Diagnostic::error(
        Code::ReleaseBranch,
        format!("the branch `{branch}` is not one that was made for {component}"),
    )
    .cause("it has commits, and none of them is what a release writes")
    .hint("name another branch with `--branch`, or delete this one if nobody needs it")
    .into()
}

/// A branch went two ways: SB1631.
pub(crate) fn branch_diverged(branch: &str, here: &CommitId, there: &CommitId) -> Failure {
    Diagnostic::error(
        Code::ReleaseBranch,
        format!("the branch `{branch}` here and that of the remote went different ways"),
    )
    .cause(format!(
        "here it is at {}, there at {}",
        here.short(),
        there.short()
    ))
    .hint("put them together with `git merge`, or delete the one here if the other has everything")
    .into()
}

/// People and a release changed the same lines: SB1631.
pub(crate) fn branch_conflicts(branch: &str, at: &[(String, Option<usize>)]) -> Failure {
    let mut found = Diagnostic::error(
        Code::ReleaseBranch,
        format!("what people changed on `{branch}` contradicts what the release writes"),
    );
    for (path, line) in at.iter().take(SHOWN) {
        found = found.cause(match line {
            Some(line) => format!("{path}, line {line}: both changed it"),
            None => format!("{path}: both changed it"),
        });
    }
    found
        .hint("check the branch out and decide for one of them, then run it again")
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
