//! Errors of mending a release that is out.

use switchback_diag::{Code, Diagnostic};
use switchback_supply::git::{CommitId, GitError};
use switchback_version::Verdict;
use switchback_version::hotfix::{TooMuch, commits, too_much};
use switchback_version::verdict::{Base, Evidence};

use super::Failure;
use super::version::SHOWN;
use crate::versions::{short, word};

/// A hotfix brings more than fixes: SB1616.
pub(crate) fn not_a_fix(
    component: &str,
    verdict: &Verdict,
    of: &Base,
    above: Option<&Base>,
) -> Diagnostic {
    let mut found = Diagnostic::error(
        Code::NotAFix,
        format!(
            "the hotfix of {component} {} brings more than fixes",
            of.version
        ),
    );
    for reason in too_much(verdict).take(SHOWN) {
        let at = reason.claim.evidence.place();
        let level = reason.claim.level;
        found = found.cause(format!("{level}: {at} {}", reason.claim.sentence));
    }
    let all = too_much(verdict).count();
    if all > SHOWN {
        found = found.cause(format!("and {} more", all - SHOWN));
    }
    let in_a_file = |it: &TooMuch| !matches!(it.claim.evidence, Evidence::Commit { .. });
    let rest = too_much(verdict).any(in_a_file);
    if let Some(above) = above {
        found = found.cause(format!(
            "{} was released elsewhere, so this line has no number for it",
            above.tag
        ));
    }
    let ids: Vec<&str> = commits(too_much(verdict)).map(short).collect();
    if !ids.is_empty() {
        found = found.hint_command(
            "leave it out",
            format!("git revert --no-edit {}", ids.join(" ")),
        );
    }
    if rest {
        found = found.hint("bring back what was there in the contract or the change file");
    }
    let mut found = found.hint("or release it from the main line");
    if above.is_some_and(|above| above.version.major > of.version.major) {
        found = found.hint(
            "`version.hotfix.allow = \"below\"` lets a line that keeps a whole version alive release \
             what is below later ones",
        );
    }
    match above {
        Some(_) => {
            found.hint("if this is the main line, merge what was released elsewhere into it")
        }
        None => found,
    }
}

/// A commit that is to be picked for a hotfix is more than a fix: SB1616. A short id, and why, for each.
pub(crate) fn no_fix_to_pick(of: &str, commits: &[(String, String)]) -> Failure {
    let found = Diagnostic::error(
        Code::NotAFix,
        format!("what is to be picked for the hotfix of {of} is more than fixes"),
    );
    commits
        .iter()
        .fold(found, |found, (id, why)| found.cause(format!("{id} {why}")))
        .hint("pick only the commits that mend something; nothing was done")
        .hint("or release it from the main line")
        .into()
}

/// There is no release with a tag that could be mended: SB1617.
pub(crate) fn no_release_to_mend(tag: &str, because: &str, near: Option<&str>) -> Failure {
    let found = Diagnostic::error(
        Code::NoReleaseToMend,
        format!("`{tag}` is no release that could be mended"),
    )
    .cause(because.to_owned());
    match near {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found,
    }
    .hint_command("see the tags", "git tag --list --sort=-v:refname")
    .into()
}

/// The branch of a hotfix is something else already: SB1618.
pub(crate) fn branch_in_use(branch: &str, cause: &str, go_on: Option<String>) -> Failure {
    let found = Diagnostic::error(
        Code::HotfixBranch,
        format!("the branch `{branch}` cannot be made for the hotfix"),
    )
    .cause(cause.to_owned());
    match go_on {
        Some(command) => found.hint_command("go on with it", command),
        None => found,
    }
    .hint("or name another one: --branch NAME")
    .into()
}

/// A commit cannot be picked: SB1619. `by_hand` are the commands that do it with somebody who looks.
pub(crate) fn not_picked(error: GitError, by_hand: &str) -> Failure {
    let found = match &error {
        GitError::PickConflict { commit, files } => files
            .iter()
            .fold(about_pick(commit), |found, file| {
                found.cause(format!("conflict in {file}"))
            })
            .hint_command(
                "nothing was changed; do it by hand, and resolve them",
                by_hand,
            ),
        GitError::NothingToPick { commit } => about_pick(commit)
            .cause("what it does is there already")
            .hint("leave it out; nothing was changed"),
        _ => return error.into(),
    };
    found.into()
}

/// A merge is to be picked: SB1619.
pub(crate) fn merge_to_pick(commit: &CommitId) -> Failure {
    let log = format!("git log --oneline {0}^1..{0}^2", commit.short());
    about_pick(commit)
        .cause("it is a merge, and which of its sides is meant cannot be told")
        .hint_command("pick the commits that it brought", log)
        .into()
}

fn about_pick(commit: &CommitId) -> Diagnostic {
    Diagnostic::error(
        Code::PickConflict,
        format!("commit {} cannot be picked by itself", commit.short()),
    )
}

/// Which branch is the main line cannot be told: SB1603.
pub(crate) fn no_main_line() -> Failure {
    Diagnostic::error(
        Code::HistoryUnread,
        "which branch is the main line cannot be told",
    )
    .cause("no remote says so, and there is no `main`, `master` or `trunk`")
    .hint("name it: --to REVISION")
    .into()
}

/// The commands that make a branch and pick commits onto it.
pub(crate) fn by_hand(branch: &str, onto: &CommitId, commits: &[CommitId]) -> String {
    let ids: Vec<&str> = commits.iter().map(CommitId::short).collect();
    format!(
        "git switch --create {} {} && git cherry-pick -x {}",
        word(branch),
        onto.short(),
        ids.join(" ")
    )
}
