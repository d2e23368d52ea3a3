//! What has changed since a revision.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use switchback_supply::git::{CommitId, GitError, Repository};

use crate::errors::{self, Failure};
use crate::survey::{Base, LARGEST};

/// The repository that migrations are in.
pub(super) struct Changes {
    repository: Repository,
    top: PathBuf,
}

impl Changes {
    /// The repository at the base; `flag` is what asks for it.
    pub(super) fn open(base: &Base, flag: &str) -> Result<Self, Failure> {
        let repository =
            Repository::discover(&base.folder).map_err(|error| errors::no_revision(flag, error))?;
        let top = repository.work_tree().unwrap_or(&base.folder);
        let top = top.canonicalize().unwrap_or_else(|_| top.to_owned());
        Ok(Self { repository, top })
    }

    /// The repository.
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// A path of Git's as one of ours.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.top.join(name)
    }

    /// The files that were added or changed since a revision, in the work tree too: since the commit
    /// where this history left that of the revision, so that what others did there does not count.
    pub(super) fn since(&self, revision: &str) -> Result<BTreeSet<PathBuf>, Failure> {
        let fail = |error| errors::no_revision("--since", error);
        let base = self.fork(revision).map_err(fail)?;
        let files = self.repository.changed_since(&base).map_err(fail)?;
        Ok(files.iter().map(|name| self.path(name)).collect())
    }

    /// The text of a file as it was where this history left that of a revision; none of one that was
    /// not there, or was no text.
    pub(super) fn text_at(&self, revision: &str, path: &Path) -> Result<Option<String>, Failure> {
        let fail = |error| errors::no_revision("--since", error);
        let path = plain(path);
        let Ok(name) = path.strip_prefix(&self.top) else {
            return Ok(None);
        };
        let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        let base = self.fork(revision).map_err(fail)?;
        let bytes = self
            .repository
            .read_file(&base, &parts.join("/"), LARGEST)
            .or_else(|error| match error {
                // A link or a folder then.
                GitError::NotAFile { .. } => Ok(None),
                error => Err(fail(error)),
            })?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    fn fork(&self, revision: &str) -> Result<CommitId, GitError> {
        let named = self.repository.resolve(revision)?;
        let head = self.repository.resolve("HEAD")?;
        // A shallow clone may not have the commit where they part.
        let fork = self.repository.merge_base(&named, &head)?;
        Ok(fork.unwrap_or(named))
    }

    /// The two ends of a range: `A..B`, or a revision and what is checked out.
    pub(super) fn range(&self, range: &str, flag: &str) -> Result<(CommitId, CommitId), Failure> {
        let (from, to) = range.split_once("..").unwrap_or((range, "HEAD"));
        let to = to.trim_start_matches('.');
        let resolve = |name: &str| {
            let name = if name.is_empty() { "HEAD" } else { name };
            self.repository
                .resolve(name)
                .map_err(|error| errors::no_revision(flag, error))
        };
        Ok((resolve(from)?, resolve(to)?))
    }
}

/// Whether one of a migration's files is among those that changed.
pub(super) fn touches<'a>(
    changed: &BTreeSet<PathBuf>,
    files: impl IntoIterator<Item = &'a str>,
    path: impl Fn(&str) -> PathBuf,
) -> bool {
    files.into_iter().any(|file| {
        let path = path(file);
        changed.contains(&path) || changed.contains(&plain(&path))
    })
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => _ = found.pop(),
            other => found.push(other),
        }
    }
    found
}
