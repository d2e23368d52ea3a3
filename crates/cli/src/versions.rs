//! What the history of a repository says of a component: its tags, and its commits since one of them.

use semver::Version;
use switchback_supply::git::log::{
    Commit as LogCommit, History, HistoryError, ObjectId, ObjectKind, Outline, Prefixes, Tags,
};
use switchback_version::Verdict;
use switchback_version::commit::Message;
use switchback_version::tag::{Graph, TagPattern, Tagged};
use switchback_version::verdict::Commit;

use crate::errors::{self, Failure};
use crate::shell::Shell;

/// A component as its history knows it.
pub(crate) struct Line<'h> {
    history: &'h History,
    /// Its release tags, in no order.
    pub(crate) tags: Vec<Tagged<ObjectId>>,
    /// Tags that are called like those of releases and name no commit, with what they name.
    pub(crate) others: Vec<Other>,
    /// How they are called.
    pub(crate) pattern: TagPattern,
    /// The folder with its files, from the top of the repository; empty for all.
    pub(crate) folder: String,
    /// The same for questions.
    own: Option<Prefixes>,
}

/// A tag that is called like that of a release and names no commit.
pub(crate) struct Other {
    pub(crate) tag: String,
    pub(crate) version: Version,
    /// What it names.
    pub(crate) kind: ObjectKind,
}

/// How commits of a history lie to each other.
pub(crate) struct Ancestry<'h>(pub(crate) &'h History);

impl Graph for Ancestry<'_> {
    type Commit = ObjectId;
    type Error = HistoryError;

    fn reaches(&mut self, from: ObjectId, to: ObjectId) -> Result<bool, HistoryError> {
        self.0.is_ancestor(to, from)
    }

    fn fork(&mut self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        self.0.merge_base(one, other)
    }
}

impl<'h> Line<'h> {
    /// That of a component with these tags whose files are below `folder`, from the top of the
    /// repository; empty for all.
    pub(crate) fn of(
        history: &'h History,
        tags: &Tags,
        pattern: TagPattern,
        folder: &str,
    ) -> Result<Self, HistoryError> {
        let (mut tagged, mut others) = (Vec::new(), Vec::new());
        for tag in tags.all() {
            let Some(version) = pattern.version(&tag.name) else {
                continue;
            };
            match history.other_than_commit(tag) {
                Some(kind) => others.push(Other {
                    tag: tag.name.clone(),
                    version,
                    kind,
                }),
                None => tagged.push(Tagged {
                    version,
                    tag: tag.name.clone(),
                    commit: tag.target,
                }),
            }
        }
        let own = match folder {
            "" => None,
            folder => Some(Prefixes::new([folder])?),
        };
        Ok(Self {
            history,
            tags: tagged,
            others,
            pattern,
            own,
            folder: folder.to_owned(),
        })
    }

    /// Says which tags are passed over.
    pub(crate) fn note(&self, shell: &Shell) {
        for it in &self.others {
            shell.out.note(&format!(
                "the tag {} is passed over: it names a {}, not a commit",
                switchback_diag::escape_line(&it.tag),
                it.kind
            ));
        }
    }

    /// That tags can be relied on as a whole: SB1603 in a shallow clone, which may have some of them,
    /// and where there are none.
    pub(crate) fn check_whole(&self) -> Result<(), Failure> {
        let boundary = self.history.shallow_boundary();
        if !boundary.is_empty() {
            return Err(HistoryError::Shallow {
                boundary: boundary.to_vec(),
            }
            .into());
        }
        match self.tags.is_empty() && self.history.tags()?.all().is_empty() {
            true => Err(errors::no_tags()),
            false => Ok(()),
        }
    }

    /// Whether a commit changes something of the component.
    pub(crate) fn is_touched(&self, commit: &LogCommit) -> Result<bool, HistoryError> {
        match &self.own {
            Some(own) => self.history.touches(commit.id, own),
            None => match commit.parents.first() {
                Some(parent) => Ok(self.history.commit(*parent)?.tree != commit.tree),
                None => Ok(true),
            },
        }
    }

    /// The commits of a revision that a base has not and that touch the component, the newest first.
    pub(crate) fn commits(
        &self,
        outline: &Outline<'_>,
        base: ObjectId,
        head: ObjectId,
    ) -> Result<Vec<Commit>, HistoryError> {
        let mut commits = Vec::new();
        for id in outline.since(base, head)? {
            if let Some(own) = &self.own
                && !self.history.touches(id, own)?
            {
                continue;
            }
            commits.push(Commit {
                id: id.to_string(),
                message: Message::read(self.history.commit(id)?.message()),
            });
        }
        Ok(commits)
    }
}

/// A text as one word of a command that is typed into a shell.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:+,%=".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// So much of a commit's id as people are shown.
pub(crate) fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

/// The commits that raise nothing, by their types: `4 chore, 2 docs`; empty where there are none.
pub(crate) fn silent(verdict: &Verdict) -> String {
    let each = verdict.silent.iter();
    let each = each.map(|(kind, number)| match kind.as_str() {
        "" => format!("{number} without a type"),
        kind => format!("{number} {kind}"),
    });
    let each: Vec<String> = each.collect();
    each.join(", ")
}

/// A number of commits in words.
pub(crate) fn commits(number: usize) -> String {
    match number {
        1 => "1 commit".to_owned(),
        number => format!("{number} commits"),
    }
}

/// Tags whose names begin as those of releases do, and go on with a number that is no version; a few.
pub(crate) fn odd(tags: &Tags, pattern: &TagPattern) -> Vec<String> {
    let probe = pattern.tag(&Version::new(1, 0, 0));
    let before = probe.split("1.0.0").next().unwrap_or_default();
    let is_odd = |name: &str| {
        let rest = name.strip_prefix(before).unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_digit()) && pattern.version(name).is_none()
    };
    let names = tags.all().iter().map(|it| &it.name);
    names.filter(|it| is_odd(it)).take(5).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_shell_stays_one() {
        assert_eq!(word("hotfix/v1.4.3"), "hotfix/v1.4.3");
        assert_eq!(word(""), "''");
        assert_eq!(word("$(rm)"), "'$(rm)'");
        assert_eq!(word("a'b;c"), r"'a'\''b;c'");
    }
}
