//! What the history of a repository says of a component: its tags, and its commits since one of them.

use std::path::Path;

use switchback_supply::git::log::{History, HistoryError, ObjectId, Prefixes, Range, Tags};
use switchback_version::commit::Message;
use switchback_version::tag::{Graph, TagPattern, Tagged};
use switchback_version::verdict::Commit;

/// A component as its history knows it.
pub(crate) struct Line<'h> {
    history: &'h History,
    /// Its release tags, in no order.
    pub(crate) tags: Vec<Tagged>,
    /// How they are called.
    pub(crate) pattern: TagPattern,
    /// The paths that are its own; none where all are.
    own: Option<Prefixes>,
}

/// Commits are named by texts among versions, and by ids here.
pub(crate) struct Ancestry<'h>(pub(crate) &'h History);

fn id(text: &str) -> Result<ObjectId, HistoryError> {
    // The texts are made from ids.
    text.parse().map_err(|_| HistoryError::InvalidPath {
        path: text.to_owned(),
    })
}

impl Graph for Ancestry<'_> {
    type Error = HistoryError;

    fn reaches(&mut self, from: &str, to: &str) -> Result<bool, HistoryError> {
        self.0.is_ancestor(id(to)?, id(from)?)
    }

    fn fork(&mut self, one: &str, other: &str) -> Result<Option<String>, HistoryError> {
        let base = self.0.merge_base(id(one)?, id(other)?)?;
        Ok(base.map(|it| it.to_string()))
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
        let tagged = tags.all().iter().filter_map(|tag| {
            Some(Tagged {
                version: pattern.version(&tag.name)?,
                tag: tag.name.clone(),
                commit: tag.target.to_string(),
            })
        });
        let own = match folder {
            "" => None,
            folder => Some(Prefixes::new([folder])?),
        };
        Ok(Self {
            history,
            tags: tagged.collect(),
            pattern,
            own,
        })
    }

    /// The commits of a revision that a base has not and that touch the component, the newest first.
    pub(crate) fn commits(
        &self,
        base: Option<&str>,
        head: ObjectId,
    ) -> Result<Vec<Commit>, HistoryError> {
        let range = match base {
            Some(base) => Range::since(id(base)?, head),
            None => Range::all(head),
        };
        let mut commits = Vec::new();
        for commit in self.history.walk(&range)? {
            let commit = commit?;
            if let Some(own) = &self.own
                && !self.history.touches(commit.id, own)?
            {
                continue;
            }
            commits.push(Commit {
                id: commit.id.to_string(),
                message: Message::read(commit.message()),
            });
        }
        Ok(commits)
    }
}

/// A folder as Git names it, from the top of the work tree; empty for the top itself. None where it is
/// outside.
pub(crate) fn within(top: &Path, folder: &Path) -> Option<String> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let inside = real(folder);
    let inside = inside.strip_prefix(real(top)).ok()?;
    let parts: Vec<_> = inside
        .iter()
        .map(|part| part.to_str())
        .collect::<Option<_>>()?;
    Some(parts.join("/"))
}
