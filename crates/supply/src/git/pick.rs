//! Commits that are picked onto another one, by `git cherry-pick` in a work tree of its own.
//!
//! Nobody's files, index or branches are touched: the commits come into being, and whoever asked for
//! them moves a branch to the last of them. So a conflict, a hook that refuses or a kill at any moment
//! leaves nothing but objects that nothing refers to, and a folder below Git's own that the next run
//! takes away.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{GitError, escaped_name};
use super::names::CommitId;
use super::repository::Repository;
use super::run::{Call, HOOKS};

/// The folder below Git's own.
const FOLDER: &str = "switchback-pick";

/// A commit that was picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// The commit that was picked.
    pub from: CommitId,
    /// What came of it.
    pub commit: CommitId,
}

impl Repository {
    /// Picks commits onto another one, in this order, each with a line that says which it was. They are
    /// the user's own: hooks run if that is asked for, and they are signed if `commit.gpgSign` says
    /// so. Nothing refers to them yet.
    ///
    /// # Errors
    /// [`GitError::PickConflict`], [`GitError::NothingToPick`]; [`GitError::Locked`] if another
    /// run is at it; [`GitError::NoIdentity`], [`GitError::Io`]; [`GitError::Failed`] if a hook
    /// refuses.
    pub fn pick(
        &self,
        onto: &CommitId,
        commits: &[CommitId],
        hooks: bool,
    ) -> Result<Vec<Picked>, GitError> {
        if commits.is_empty() {
            return Ok(Vec::new());
        }
        let bench = Bench::set_up(self, onto)?;
        let mut picked = Vec::new();
        for from in commits {
            let call = match hooks {
                true => Call::with_hooks(self.program(), &bench.tree),
                false => Call::new(self.program(), &bench.tree),
            };
            let call = call.args(["cherry-pick", "-x", from.as_str()]);
            let answer = call.deadline(HOOKS).answer()?;
            let tree = Self::open_with(self.program(), &bench.tree)?;
            if answer.code != Some(0) {
                return Err(tree.why_not(from)?.unwrap_or_else(|| answer.failed()));
            }
            picked.push(Picked {
                from: from.clone(),
                commit: tree.resolve("HEAD")?,
            });
        }
        Ok(picked)
    }

    /// Why a pick stopped in this work tree, as far as that can be seen.
    fn why_not(&self, commit: &CommitId) -> Result<Option<GitError>, GitError> {
        let unmerged = self.call().args(["ls-files", "-u", "-z"]).output()?;
        let mut files: Vec<String> = unmerged
            .split(|b| *b == 0)
            .filter_map(|record| {
                let text = String::from_utf8_lossy(record);
                text.split_once('\t').map(|(_, name)| escaped_name(name))
            })
            .collect();
        files.dedup();
        if !files.is_empty() {
            let commit = commit.clone();
            return Ok(Some(GitError::PickConflict { commit, files }));
        }
        self.identity()?;
        let nothing = self.status(None)?.is_empty();
        Ok(nothing.then(|| GitError::NothingToPick {
            commit: commit.clone(),
        }))
    }
}

/// A work tree of its own; gone when this is dropped.
struct Bench<'r> {
    repository: &'r Repository,
    tree: PathBuf,
    /// Held as long as the work tree is used; the system lets go of it when the process ends.
    _lock: File,
}

impl<'r> Bench<'r> {
    fn set_up(repository: &'r Repository, commit: &CommitId) -> Result<Self, GitError> {
        let folder = repository.git_dir().join(FOLDER);
        fs::create_dir_all(&folder).map_err(failed("making a folder for picks"))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(failed("opening the lock of picks"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => GitError::Locked { lock: path },
            fs::TryLockError::Error(source) => failed("locking picks")(source),
        })?;
        let bench = Self {
            repository,
            tree: folder.join("tree"),
            _lock: lock,
        };
        // What a run left that was killed.
        bench.take_away();
        // Twice `--force`: a tree that is known to Git and not there any more is in nobody's way.
        let call = repository.call().args([
            "worktree", "add", "--quiet", "--force", "--force", "--detach",
        ]);
        let call = call.arg(&bench.tree).arg(commit.as_str());
        call.deadline(HOOKS).output()?;
        Ok(bench)
    }

    /// Takes the work tree away, as far as there is one.
    fn take_away(&self) {
        if !exists(&self.tree) {
            return;
        }
        let call = self
            .repository
            .call()
            .args(["worktree", "remove", "--force", "--force"]);
        let removed = call.arg(&self.tree).answer();
        if removed.is_err() || exists(&self.tree) {
            drop(fs::remove_dir_all(&self.tree));
        }
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        self.take_away();
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn failed(what: &str) -> impl FnOnce(std::io::Error) -> GitError {
    let what = what.to_owned();
    move |source| GitError::Io { what, source }
}
