//! Errors about the number of a version.

use switchback_diag::{Code, Diagnostic};
use switchback_supply::git::log::HistoryError;
use switchback_version::Level;
use switchback_version::change_file::ChangeFileError;
use switchback_version::policy::Why;
use switchback_version::verdict::{Decision, Refusal, Verdict, WayOut};

use super::{Failure, with_some};
use crate::versions::short;

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        history(&error).into()
    }
}

/// What a trouble with the history means.
pub(super) fn history(error: &HistoryError) -> Diagnostic {
    let code = match &error {
        HistoryError::NotARepository { .. } | HistoryError::NoCommits => Code::NotRepository,
        _ => Code::HistoryUnread,
    };
    let message = match code {
        Code::NotRepository => "there is no history to count a version from",
        _ => "the history cannot be read as far as needed",
    };
    let found = Diagnostic::error(code, message).caused_by(error);
    match error {
        HistoryError::NotARepository { .. } => {
            found.hint("run it in a Git repository, or make one with `git init`")
        }
        HistoryError::NoCommits => found.hint("make the first commit"),
        HistoryError::Untrusted { path } => found.hint_command(
            "say that you trust it",
            format!(
                "git config --global --add safe.directory {}",
                // Git wants the top of the work tree; Git's own folder is only that of a bare one.
                match path.file_name() {
                    Some(name) if name == ".git" => path.parent().unwrap_or(path),
                    _ => path,
                }
                .display()
            ),
        ),
        HistoryError::Shallow { .. } => found
            .hint_command("fetch the rest", "git fetch --unshallow --tags")
            .hint("in a workflow of GitHub give `actions/checkout` `fetch-depth: 0`"),
        HistoryError::Missing { .. } => {
            found.hint_command("fetch what is missing", "git fetch --refetch")
        }
        HistoryError::Corrupt { .. } => found.hint_command("see what is damaged", "git fsck"),
        _ => found.hint("check the name with `git rev-parse`"),
    }
}

/// There is no tag at all, and without tags nothing can be held against them: SB1603.
pub(crate) fn no_tags() -> Failure {
    Diagnostic::error(Code::HistoryUnread, "there are no tags in this repository")
        .cause("without the tags of releases everything would seem to be in order")
        .hint_command("fetch them", "git fetch --tags")
        .hint("in a workflow of GitHub give `actions/checkout` `fetch-depth: 0`")
        .hint("before the first release there is nothing to hold against its tags")
        .into()
}

/// There is no release to count from: SB1603.
pub(crate) fn no_release(component: &str) -> Failure {
    Diagnostic::error(
        Code::HistoryUnread,
        format!("there is no release of {component} before this commit"),
    )
    .hint("name a revision to compare with, such as `main`")
    .into()
}

/// No tag of the component has this name.
pub(crate) fn no_such_tag(tag: &str, pattern: &str) -> Failure {
    Diagnostic::error(
        Code::HistoryUnread,
        format!("there is no tag `{tag}` that names a version"),
    )
    .cause(format!("tags of this component are called `{pattern}`"))
    .hint_command("see the tags", "git tag --list --sort=-v:refname")
    .into()
}

/// A number of the last release cannot rise: SB1601.
pub(crate) fn no_higher(component: &str, tag: &str) -> Failure {
    Diagnostic::error(
        Code::VersionRefused,
        format!("{component} cannot rise above {tag}"),
    )
    .cause(format!("no number is higher than {}", u64::MAX))
    .hint("release what raises the number to the left of it")
    .into()
}

/// Something that a change file is to cover is nothing: SB0109.
pub(crate) fn covers_nothing(covered: &str) -> Failure {
    super::usage(format!(
        "`{covered}` is neither a commit, nor a contract, nor a fingerprint"
    ))
    .hint("name a commit or a fingerprint by seven digits at least, a contract by its path from the top")
    .into()
}

/// How many reasons are told in full.
pub(super) const SHOWN: usize = 5;

/// Why a verdict is no version: SB1601, SB1602. None where it is one, or nothing has to be released.
pub(crate) fn no_version(component: &str, verdict: &Verdict, command: &str) -> Option<Failure> {
    let found = match &verdict.decision {
        Decision::Release { .. } | Decision::Nothing => return None,
        Decision::Ask => unclear(verdict, command),
        Decision::Refused {
            refusal: Refusal::NotAFix { of, above },
        } => super::not_a_fix(component, verdict, of, above.as_ref()),
        Decision::Refused { refusal } => refused(component, verdict, refusal, command),
    };
    Some(found.into())
}

fn unclear(verdict: &Verdict, command: &str) -> Diagnostic {
    let found = Diagnostic::error(
        Code::VersionUnclear,
        "what some commits mean for the version cannot be told",
    );
    let causes = verdict.questions.iter().map(|question| {
        let what = match &question.about {
            Why::Unclear { text, line } => format!("line {line}: {text}"),
            _ => "no rule names its type".to_owned(),
        };
        let id = short(&question.commit);
        format!("{id} `{}`: {what}", question.subject)
    });
    with_some(found, causes, SHOWN)
        .hint_command(
            "read them, and say which version it is",
            format!("{command} --propose VERSION"),
        )
        .hint("`version.unclear` and `version.unknown` in switchback.toml say it for all commits")
}

fn refused(component: &str, verdict: &Verdict, refusal: &Refusal, command: &str) -> Diagnostic {
    let proposed = verdict.proposed.as_ref();
    let version = proposed.map_or_else(String::new, |it| format!(" {}", it.version));
    let mut found = Diagnostic::error(
        Code::VersionRefused,
        format!("{component} cannot become{version}"),
    );
    if let Some(commit) = proposed.and_then(|it| it.commit.as_ref()) {
        let id = short(commit);
        found = found.cause(format!("{id} asks for it with `Release-As:`"));
    }
    match refusal {
        Refusal::Taken => found
            .cause("there is a tag for it, and a tag is never moved")
            .hint_command("take the next one that is free", command.to_owned()),
        Refusal::NotHigher { base } => {
            let last = match &verdict.group {
                Some(group) => format!("the last release of the group `{}`", group.name),
                None => "the last release".to_owned(),
            };
            let found = found.cause(format!("it is not higher than {last}, {base}"));
            let asked = proposed.is_some_and(|it| it.commit.is_some());
            match (asked, &verdict.floor) {
                (true, floor) => {
                    let least = floor.clone().unwrap_or_else(|| Level::Patch.raise(base));
                    found
                        .hint_command(
                            format!("name another one: it has to be {least} at least"),
                            format!("{command} --propose {least}"),
                        )
                        .hint(format!("or commit a later `Release-As: {least}`"))
                }
                (false, Some(floor)) => found.hint_command(
                    format!("raise it: it has to be {floor} at least"),
                    format!("{command} --propose {floor}"),
                ),
                (false, None) => found.hint_command("see what it has to be", command.to_owned()),
            }
        }
        Refusal::NotAPatch { of } => found
            .cause(format!(
                "what is checked out is a hotfix of {}, and this is no patch of it",
                of.tag
            ))
            .hint_command("take the next patch that is free", command.to_owned())
            .hint("or release it from the main line"),
        Refusal::AboveLater { later } => found
            .cause(format!(
                "{} was released elsewhere, and this line does not have what is in it",
                later.tag
            ))
            .hint_command("take the next version that is free", command.to_owned())
            .hint("or release it from the main line"),
        Refusal::NotAFix { of, above } => super::not_a_fix(component, verdict, of, above.as_ref()),
        Refusal::BelowFloor { floor } => {
            let level = verdict.level();
            // What raises a member of a group as much may still be lower than what the group forces.
            let forcing = || {
                let reasons = verdict.reasons.iter();
                reasons.filter(|it| it.claim.level == level && it.floor == *floor)
            };
            for reason in forcing().take(SHOWN) {
                found = found.cause(reason.claim.sentence.clone());
            }
            let more = forcing().count().saturating_sub(SHOWN);
            if more > 0 {
                found = found.cause(format!("and {more} more"));
            }
            let ways: Vec<WayOut> = forcing().flat_map(|it| it.ways_out.clone()).collect();
            let mut found = found.hint_command(
                format!("raise it: it has to be {floor} at least"),
                format!("{command} --propose {floor}"),
            );
            if ways.contains(&WayOut::Ungroup) {
                found = found.hint(format!(
                    "or take {component} out of its group: `version.group` in switchback.toml"
                ));
            }
            if !ways.contains(&WayOut::Waive) {
                return found;
            }
            found
                .hint("or bring back what was there, or keep it beside the new one for now and say that it will go")
                .hint_command(
                    "or let it pass for a while: see its rule and fingerprint",
                    "switchback contract diff",
                )
        }
    }
}

/// A change file that cannot be used: SB1615.
pub(crate) fn entry(file: &str, why: &str) -> Failure {
    Diagnostic::error(
        Code::EntryWrong,
        format!("the change file {file} cannot be used"),
    )
    .cause(why)
    .hint("correct it and commit it")
    .into()
}

/// A change file that could not be read again if it were written: SB1615.
pub(crate) fn entry_unwritten(file: &str, wrong: &ChangeFileError) -> Failure {
    let found = Diagnostic::error(Code::EntryWrong, format!("{file} was not written"));
    let found = found.caused_by(wrong);
    match wrong {
        ChangeFileError::Name { .. } => found.hint("give it a name with `--name`"),
        _ => found.hint("say it otherwise"),
    }
    .into()
}

/// A change file that is there already: SB1615.
pub(crate) fn entry_there(file: &str) -> Failure {
    Diagnostic::error(Code::EntryWrong, format!("{file} is there already"))
        .hint("edit it, or give this one another name with `--name`")
        .into()
}
