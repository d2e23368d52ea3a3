//! Which commits of a hotfix the main line does not have yet.
//!
//! The main line has a commit if it has one that is the same, under whatever id, and that nobody took
//! back since. Two commits are the same if
//!
//! - one says that it was picked from the other, or both say it of a third: a chain of picks leaves a
//!   line for each of its links;
//! - they take back the same commits;
//! - they change the same (their patch has the same id).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::alive;
use crate::commit::Message;
use crate::tag::TagPattern;
use crate::verdict::Commit;
use crate::{Level, Policy};

/// No shorter beginning of an id is taken for it.
const SHORTEST: usize = 7;

/// A commit that the main line does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// The commit of the main line that was the same, if there was one and it was taken back.
    pub taken_back: Option<String>,
}

/// Which commits of a line the main line does not have, the newest first. Both are given as far as the
/// other has not got them, the newest first; `patches` are ids of patches by ids of commits, at least
/// for those that share one.
pub fn missing(
    line: &[Commit],
    main: &[Commit],
    patches: &BTreeMap<String, String>,
) -> Vec<Missing> {
    let names = Names::of(main, patches);
    let there = alive(main);
    let is_there = |at: &usize| there.get(*at).copied().unwrap_or_default();
    let mut missing = Vec::new();
    // What was taken back on the line itself is not to be carried, and neither is its taking back.
    for (commit, _) in line.iter().zip(alive(line)).filter(|(_, alive)| *alive) {
        let same = names.same_as(commit, patches);
        if same.iter().any(is_there) {
            continue;
        }
        missing.push(Missing {
            id: commit.id.clone(),
            subject: commit.message.subject.clone(),
            taken_back: same.first().and_then(|at| Some(main.get(*at)?.id.clone())),
        });
    }
    missing
}

/// Whether a commit is that of a release itself, which writes the version of its own line: it raises
/// nothing, and its subject names the version of the tag that it has or, where a run was interrupted,
/// is about to get.
pub fn is_release(
    message: &Message,
    versions: &[&semver::Version],
    policy: &Policy,
    tags: &TagPattern,
) -> bool {
    if policy.meaning(message).level > Level::None {
        return false;
    }
    let subject = &message.subject;
    let names = |it: &&semver::Version| {
        let version = it.to_string();
        let mut words = subject.split(|c: char| !(c.is_ascii_alphanumeric() || "-+.".contains(c)));
        words.any(|word| {
            word.strip_suffix(&version)
                .is_some_and(|rest| !rest.ends_with(|c: char| c.is_ascii_digit() || c == '.'))
        })
    };
    let ours = || {
        let tag = subject.strip_prefix("chore(release): ");
        tag.is_some_and(|tag| tags.version(tag).is_some())
    };
    versions.iter().any(names) || ours()
}

/// Commits by what they are called.
struct Names<'c> {
    /// By their ids, and by those that they were picked from.
    ids: BTreeMap<&'c str, Vec<usize>>,
    /// By the commits that they take back.
    reverts: BTreeMap<&'c str, Vec<usize>>,
    patches: BTreeMap<&'c str, Vec<usize>>,
}

impl<'c> Names<'c> {
    fn of(commits: &'c [Commit], patches: &'c BTreeMap<String, String>) -> Self {
        let mut names = Self {
            ids: BTreeMap::new(),
            reverts: BTreeMap::new(),
            patches: BTreeMap::new(),
        };
        for (at, commit) in commits.iter().enumerate() {
            for id in names_of(commit) {
                names.ids.entry(id).or_default().push(at);
            }
            for id in reverted(commit) {
                names.reverts.entry(id).or_default().push(at);
            }
            if let Some(patch) = patches.get(&commit.id) {
                names.patches.entry(patch).or_default().push(at);
            }
        }
        names
    }

    /// The places of the commits that are the same as one.
    fn same_as(&self, commit: &Commit, patches: &BTreeMap<String, String>) -> Vec<usize> {
        let mut same: Vec<usize> = names_of(commit)
            .flat_map(|id| named(&self.ids, id))
            .chain(reverted(commit).flat_map(|id| named(&self.reverts, id)))
            .collect();
        if let Some(found) = patches
            .get(&commit.id)
            .and_then(|it| self.patches.get(it.as_str()))
        {
            same.extend(found);
        }
        same.sort_unstable();
        same.dedup();
        same
    }
}

/// What a commit is called: its id, and those of the commits that it was picked from.
fn names_of(commit: &Commit) -> impl Iterator<Item = &str> {
    let picked = commit.message.picked.iter().map(String::as_str);
    std::iter::once(commit.id.as_str()).chain(picked)
}

fn reverted(commit: &Commit) -> impl Iterator<Item = &str> {
    let reverted = commit.message.reverted.iter();
    reverted.flat_map(|it| it.ids.iter().map(String::as_str))
}

/// What has a name: in full, or as one of both is the beginning of the other.
fn named(all: &BTreeMap<&str, Vec<usize>>, id: &str) -> Vec<usize> {
    let beginnings = (SHORTEST..id.len()).filter_map(|end| all.get(id.get(..end)?));
    let longer = all.range(id..).take_while(|(it, _)| it.starts_with(id));
    beginnings
        .chain(longer.map(|(_, found)| found))
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A commit with an id that consists of one letter, and a message in which `@x` stands for the id
    /// of x.
    fn commit(id: char, message: &str) -> Commit {
        let mut text = message.to_owned();
        for it in "abcdef".chars() {
            text = text.replace(&format!("@{it}"), &full(it));
        }
        Commit {
            id: full(id),
            message: Message::read(text.as_bytes()),
        }
    }

    fn full(id: char) -> String {
        format!("{id}0").repeat(20)
    }

    /// The first letters of what is missing, with an apostrophe where it was taken back. Commits come
    /// in the order of time.
    fn left(line: &[(char, &str)], main: &[(char, &str)], patches: &[(char, &str)]) -> String {
        let commits = |all: &[(char, &str)]| -> Vec<Commit> {
            all.iter()
                .rev()
                .map(|(id, text)| commit(*id, text))
                .collect()
        };
        let patches = patches
            .iter()
            .map(|(id, patch)| (full(*id), (*patch).to_owned()));
        let missing = missing(&commits(line), &commits(main), &patches.collect());
        let show = |it: &Missing| match it.taken_back {
            Some(_) => format!("{}'", &it.id[..1]),
            None => it.id[..1].to_owned(),
        };
        missing.iter().map(show).collect()
    }

    const PICK_A: &str = "fix: x\n\n(cherry picked from commit @a)";

    #[test]
    fn picks_are_known_in_either_direction_and_through_others() {
        assert_eq!(left(&[('a', "fix: x")], &[], &[]), "a");
        assert_eq!(left(&[('a', "fix: x")], &[('b', PICK_A)], &[]), "");
        assert_eq!(left(&[('b', PICK_A)], &[('a', "fix: x")], &[]), "");
        // Both are picks of a commit that is on neither.
        assert_eq!(left(&[('b', PICK_A)], &[('c', PICK_A)], &[]), "");
        assert_eq!(left(&[('b', PICK_A)], &[('c', "fix: x")], &[]), "b");
        // Half of an id, as people write it.
        let short = "fix: y\n\n(cherry picked from commit a0a0a0a)";
        assert_eq!(left(&[('a', "fix: x")], &[('b', short)], &[]), "");
        assert_eq!(left(&[('b', short)], &[('a', "fix: x")], &[]), "");
    }

    #[test]
    fn the_same_patch_is_the_same() {
        let patches = [('a', "p"), ('b', "p"), ('c', "q")];
        let line = [('a', "fix: x")];
        assert_eq!(left(&line, &[('b', "Fix x otherwise named")], &patches), "");
        assert_eq!(left(&line, &[('c', "fix: x")], &patches), "a");
    }

    #[test]
    fn what_the_main_line_took_back_is_missing_until_it_is_there_again() {
        let line = [('a', "fix: x")];
        let back = "Revert \"fix: x\"\n\nThis reverts commit @b.";
        let main = [('b', PICK_A), ('c', back)];
        assert_eq!(left(&line, &main, &[]), "a'");
        let again = "Reapply \"fix: x\"\n\nThis reverts commit @c.";
        assert_eq!(left(&line, &[main[0], main[1], ('d', again)], &[]), "");
        assert_eq!(left(&line, &[main[0], main[1], ('d', PICK_A)], &[]), "");
    }

    #[test]
    fn what_the_line_took_back_itself_is_not_to_be_carried() {
        let back = "Revert \"fix: x\"\n\nThis reverts commit @a.";
        let line = [('a', "fix: x"), ('b', back), ('c', "fix: y")];
        assert_eq!(left(&line, &[], &[]), "c");
        let again = "Reapply \"fix: x\"\n\nThis reverts commit @b.";
        assert_eq!(left(&[line[0], line[1], ('d', again)], &[], &[]), "a");
    }

    #[test]
    fn taking_back_something_older_is_done_on_both() {
        // What is taken back is older than both.
        let back = "Revert \"feat: f\"\n\nThis reverts commit @f.";
        assert_eq!(left(&[('a', back)], &[], &[]), "a");
        assert_eq!(left(&[('a', back)], &[('b', back)], &[]), "");
        let again = "Reapply \"feat: f\"\n\nThis reverts commit @b.";
        assert_eq!(
            left(&[('a', back)], &[('b', back), ('c', again)], &[]),
            "a'"
        );
    }

    #[test]
    fn the_commit_of_a_release_is_its_own() {
        let release = |subject: &str, versions: &[&str]| {
            let versions: Vec<semver::Version> =
                versions.iter().map(|it| it.parse().unwrap()).collect();
            let versions: Vec<&semver::Version> = versions.iter().collect();
            let message = Message::read(subject.as_bytes());
            is_release(
                &message,
                &versions,
                &Policy::default(),
                &TagPattern::plain(),
            )
        };
        assert!(release("chore(release): v1.4.3", &[]));
        assert!(release("chore(main): release 1.4.3", &["1.4.3"]));
        assert!(release("v1.4.3", &["1.4.3"]));
        // What has the tag and says something else is no such commit.
        assert!(!release("Do not lose orders", &["1.4.3"]));
        assert!(!release("fix: what 1.4.3 broke", &["1.4.3"]));
        assert!(!release("Update lib to 11.4.3", &["1.4.3"]));
        assert!(!release("Update lib to 1.4.3", &[]));
        assert!(!release("chore(release): tooling", &[]));
    }
}
