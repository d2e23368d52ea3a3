//! Files of the user's work tree: whether they are as committed, and a commit of them alone.

use std::collections::BTreeSet;

use super::error::{GitError, escaped_name};
use super::names::{CommitId, check_path, invalid_message, is_one_line};
use super::read::DirtyFile;
use super::repository::Repository;
use super::run::HOOKS;

impl Repository {
    /// Those of some files that differ from what is committed, staged or not.
    ///
    /// # Errors
    /// [`GitError::InvalidName`], [`GitError::Failed`].
    pub fn dirty_among(&self, paths: &[String]) -> Result<Vec<DirtyFile>, GitError> {
        let mut dirty = Vec::new();
        for path in paths {
            check_path(path)?;
            dirty.extend(self.status(Some(path))?);
        }
        Ok(dirty)
    }

    /// Whether Git keeps a file: it is in the index.
    ///
    /// # Errors
    /// [`GitError::InvalidName`], [`GitError::Failed`].
    pub fn is_tracked(&self, path: &str) -> Result<bool, GitError> {
        check_path(path)?;
        let call = self.call().args(["ls-files", "-z", "--"]).arg(path);
        Ok(!call.output()?.is_empty())
    }

    /// Commits some files as they are in the work tree, on top of `base`, where `HEAD` has to be. Files
    /// that are new to Git are added; if the commit fails, Git knows nothing of them as before. What else
    /// is staged stays staged and out of the commit. It is the user's own commit: their hooks run and may
    /// refuse it, and it is signed if `commit.gpgSign` says so. They may not make another one of it: such
    /// a commit is taken back.
    ///
    /// # Errors
    /// [`GitError::Moved`] if `HEAD` is elsewhere, or the hooks or somebody else made commits in
    /// between; [`GitError::HookChanged`]; [`GitError::NoIdentity`], [`GitError::InvalidMessage`],
    /// [`GitError::InvalidName`]; [`GitError::Failed`] if nothing differs or a hook refuses.
    pub fn commit_paths(
        &self,
        base: &CommitId,
        paths: &[String],
        subject: &str,
    ) -> Result<CommitId, GitError> {
        if subject.trim() != subject || !is_one_line(subject) {
            return Err(invalid_message("the subject of a commit", subject));
        }
        self.expect_checked_out(base, "HEAD")?;
        let meant = paths.iter().map(|it| self.hash(it));
        let meant = meant.collect::<Result<Vec<_>, _>>()?;
        let new = self.announce(paths)?;
        if let Err(error) = self.commit_only(paths, subject) {
            // Why there is no commit says more than that the index could not be tidied up.
            if !new.is_empty() && self.expect_checked_out(base, "HEAD").is_ok() {
                let call = self.call().args(["update-index", "--force-remove", "--"]);
                let _ = call.args(&new).output();
            }
            return Err(error);
        }
        self.expect_checked_out(base, "HEAD^")?;
        let commit = self.resolve("HEAD")?;
        let files = self.altered(base, &commit, paths.iter().zip(&meant))?;
        if files.is_empty() {
            return Ok(commit);
        }
        self.take_back(base, &commit, paths)?;
        let files = files.iter().map(|it| escaped_name(it)).collect();
        Err(GitError::HookChanged { files })
    }

    /// Lets Git know of those of some files that are new to it, without what they hold, and says which
    /// they are.
    fn announce<'p>(&self, paths: &'p [String]) -> Result<Vec<&'p String>, GitError> {
        let mut new = Vec::new();
        for path in paths {
            if !self.is_tracked(path)? {
                new.push(path);
            }
        }
        if !new.is_empty() {
            let call = self.call().args(["add", "--intent-to-add", "--"]);
            call.args(&new).output()?;
        }
        Ok(new)
    }

    /// Commits files that Git knows, and no others.
    fn commit_only(&self, paths: &[String], subject: &str) -> Result<(), GitError> {
        let answer = self
            .call_with_hooks()?
            .args(["commit", "--quiet", "--only", "--cleanup=whitespace"])
            .args(["-F", "-", "--"])
            .args(paths.iter().map(|it| literal(it)))
            .deadline(HOOKS)
            .input(format!("{subject}\n"))
            .answer()?;
        if answer.code != Some(0) {
            self.identity()?;
            return Err(answer.failed());
        }
        Ok(())
    }

    /// The blob that a file of the work tree is committed as.
    fn hash(&self, path: &str) -> Result<String, GitError> {
        check_path(path)?;
        let call = self.call().args(["hash-object", "--"]);
        call.arg(path).line()
    }

    /// Those files of a commit on top of `base` that are other ones than were meant.
    fn altered<'a>(
        &self,
        base: &CommitId,
        commit: &CommitId,
        meant: impl Iterator<Item = (&'a String, &'a String)> + Clone,
    ) -> Result<BTreeSet<String>, GitError> {
        let call = self.call().args(["diff-tree", "-r", "-z", "--name-only"]);
        let call = call.args(["--no-renames", base.as_str(), commit.as_str()]);
        let changed = call.output()?;
        let changed = changed.split(|it| *it == 0).filter(|it| !it.is_empty());
        let mut altered: BTreeSet<_> = changed
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .filter(|it| !meant.clone().any(|(path, _)| path == it))
            .collect();
        for (path, blob) in meant {
            let entry = self.entry(commit, path)?;
            if entry.is_none_or(|it| it.object != *blob) {
                altered.insert(path.clone());
            }
        }
        Ok(altered)
    }

    /// Takes a commit on top of `base` back, and what it staged; the work tree stays as it is.
    fn take_back(
        &self,
        base: &CommitId,
        commit: &CommitId,
        paths: &[String],
    ) -> Result<(), GitError> {
        let message = "switchback: a hook changed what was committed";
        self.call()
            .args(["update-ref", "-m", message, "HEAD"])
            .args([base.as_str(), commit.as_str()])
            .output()?;
        let call = self.call().args(["reset", "--quiet", base.as_str(), "--"]);
        call.args(paths).output().map(drop)
    }

    fn expect_checked_out(&self, base: &CommitId, revision: &str) -> Result<(), GitError> {
        let found = self.resolve(revision)?;
        if found == *base {
            return Ok(());
        }
        Err(GitError::Moved {
            branch: "HEAD".to_owned(),
            expected: Some(base.clone()),
            found: Some(found),
        })
    }
}

/// A path for commands of Git that take patterns, where hooks see none of our own variables.
fn literal(path: &str) -> String {
    format!(":(top,literal){path}")
}
