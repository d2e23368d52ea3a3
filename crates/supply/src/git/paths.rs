//! Files of the user's work tree: whether they are as committed, and a commit of them alone.

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
    /// is staged stays staged and out of the commit. It is the user's own commit: their hooks run
    /// and may refuse it, and it is signed if `commit.gpgSign` says so.
    ///
    /// # Errors
    /// [`GitError::Moved`] if `HEAD` is elsewhere, or the hooks or somebody else made commits in
    /// between; [`GitError::NoIdentity`], [`GitError::InvalidMessage`], [`GitError::InvalidName`];
    /// [`GitError::Failed`] if nothing differs or a hook refuses.
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
        self.resolve("HEAD")
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
        let mut call = self
            .call_with_hooks()?
            .args(["commit", "--quiet", "--only", "--cleanup=whitespace"])
            .args(["-F", "-", "--"]);
        for path in paths {
            check_path(path)?;
            call = call.arg(format!(":(top,literal){path}"));
        }
        let input = format!("{subject}\n");
        let answer = call.deadline(HOOKS).input(input).answer()?;
        if answer.code != Some(0) {
            self.identity()?;
            return Err(answer.failed());
        }
        Ok(())
    }

    fn expect_checked_out(&self, base: &CommitId, revision: &str) -> Result<(), GitError> {
        let found = self.resolve(revision)?;
        if found == *base {
            return Ok(());
        }
        Err(GitError::Moved {
            branch: escaped_name(revision),
            expected: Some(base.clone()),
            found: Some(found),
        })
    }
}
