//! Errors of the version that components have together.

use std::path::Path;

use switchback_diag::{Code, Diagnostic, nearest};
use switchback_model::ComponentName;
use switchback_supply::git::log::ObjectId;
use switchback_version::platform::Differing;

use super::Failure;
use crate::settings::Loaded;

/// The settings name no platform: SB0113.
pub(crate) fn no_platform(loaded: &Loaded) -> Failure {
    let file = &loaded.source.shown;
    Diagnostic::error(
        Code::Contradiction,
        format!("{file} names no platform, and one is needed"),
    )
    .hint(format!(
        "add a [platform] table to {file}; it may be empty, and is all components then"
    ))
    .hint_command("see what it may hold", "switchback util schema")
    .into()
}

/// The platform has no release that could be looked at.
pub(crate) fn no_platform_release(platform: &str) -> Failure {
    Diagnostic::error(
        Code::HistoryUnread,
        format!("there is no release of {platform} before this commit"),
    )
    .hint_command("see what its first one would be", "switchback release plan")
    .into()
}

/// Components without a release: SB1626.
pub(crate) fn unreleased(platform: &str, components: &[&ComponentName]) -> Failure {
    let mut found = Diagnostic::error(
        Code::Unreleased,
        format!("{platform} has components that were never released"),
    );
    for component in components {
        found = found.cause(format!(
            "there is no release of {component} before this commit"
        ));
    }
    if let Some(first) = components.first() {
        found = found.hint_command(
            "release them first",
            format!("switchback release cut --component {first}"),
        );
    }
    found
        .hint("or name those that belong to the platform in `platform.members`")
        .into()
}

/// There is no such release of a component: SB1626.
pub(crate) fn no_release_to_take(component: &ComponentName, version: &semver::Version) -> Failure {
    Diagnostic::error(
        Code::Unreleased,
        format!("there is no release {component} {version}"),
    )
    .hint_command("see the tags", "git tag --list --sort=-v:refname")
    .into()
}

/// Nobody says what was built from releases: SB1622.
pub(crate) fn digest_missing(missing: &[(&ComponentName, &semver::Version)]) -> Failure {
    let mut found = Diagnostic::error(
        Code::DigestMissing,
        "what was built from some components is not known",
    );
    let mut command = "switchback release platform".to_owned();
    for (component, version) in missing {
        found = found.cause(format!("{component} {version} has no digest yet"));
        command.push_str(&format!(" --digest {component}=sha256:…"));
    }
    found
        .hint_command("say it", command)
        .hint("or give a file of them, such as the metadata of a build, with `--digests FILE`")
        .into()
}

/// A release was recorded with another digest: SB1623. `tag` is that of the platform that recorded it.
pub(crate) fn digest_differs(tag: &str, it: &Differing<'_>) -> Failure {
    let (component, version) = (it.component, &it.is.version);
    Diagnostic::error(
        Code::DigestDiffers,
        format!("{component} {version} is recorded with another digest"),
    )
    .cause(format!("{tag} recorded {}", it.was.digest))
    .cause(format!("given is {}", it.is.digest))
    .hint("a tag names a release, and never is a reason to build it again: give the digest that is recorded, or none")
    .hint_command(
        "or release what was built as another version",
        format!("switchback release cut --component {component}"),
    )
    .into()
}

/// A component's tag is at another commit than a platform recorded: SB1604. `tag` is the platform's.
pub(crate) fn part_moved(tag: &str, part: &str, was: &str, is: Option<ObjectId>) -> Diagnostic {
    let found = Diagnostic::error(
        Code::TagMoved,
        format!("the tag `{part}` is not where {tag} recorded it"),
    )
    .cause(format!("it was at commit {was}"));
    match is {
        None => found
            .cause("there is no such tag here")
            .hint_command("fetch the tags that are missing", "git fetch --tags"),
        Some(is) => found
            .cause(format!("it is at {is}"))
            .hint("find out who moved it, and what was fetched under it since"),
    }
}

/// A platform's tag and its manifest do not agree: SB1625.
pub(crate) fn manifest_wrong(tag: &str, because: &str) -> Diagnostic {
    Diagnostic::error(
        Code::ManifestWrong,
        format!("{tag} is not what its tag says"),
    )
    .cause(because.to_owned())
    .hint_command("see what it says", format!("git show --stat {tag}"))
}

/// A file of digests cannot be used: SB1624.
pub(crate) fn digests_unread(path: &Path, error: &dyn std::error::Error) -> Failure {
    Diagnostic::error(
        Code::DigestsUnread,
        format!("the digests in {} cannot be used", path.display()),
    )
    .caused_by(error)
    .hint("lines `NAME sha256:…`, a JSON object of them, or metadata of `docker buildx bake` are read")
    .into()
}

/// A file of digests names what is no component of the platform: SB1624.
pub(crate) fn digest_of_nobody<'a>(
    path: &Path,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> Failure {
    let found = Diagnostic::error(
        Code::DigestsUnread,
        format!("the digests in {} cannot be used", path.display()),
    )
    .cause(format!("`{name}` is no component of the platform"));
    match nearest(name, known) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint("`platform.members` says which belong to it"),
    }
    .into()
}

/// A digest on the command line is none: SB1624.
pub(crate) fn wrong_digest(text: &str, because: &str) -> Failure {
    Diagnostic::error(
        Code::DigestsUnread,
        format!("`--digest {text}` cannot be used"),
    )
    .cause(because.to_owned())
    .hint("such as `--digest api=sha256:…` with 64 lower-case digits")
    .into()
}
