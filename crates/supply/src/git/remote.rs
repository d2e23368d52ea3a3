//! Remotes: asking, fetching, pushing.

use switchback_model::Digest;

use super::error::{GitError, escaped_name};
use super::names::{CommitId, check_branch, check_remote, shown_remote};
use super::repository::Repository;
use super::run::{Call, REMOTE};

impl Repository {
    /// Where a branch of a remote is, if the remote has it. Changes nothing here.
    ///
    /// # Errors
    /// [`GitError::RemoteUnreachable`], [`GitError::InvalidName`].
    pub fn remote_head(&self, remote: &str, branch: &str) -> Result<Option<CommitId>, GitError> {
        check_remote(remote)?;
        check_branch(branch)?;
        let full = format!("refs/heads/{branch}");
        let call = self
            .remote_call()?
            .args(["ls-remote", "--refs", "--", remote]);
        let answer = call.arg(&full).answer()?;
        if answer.code != Some(0) {
            return Err(GitError::RemoteUnreachable {
                remote: shown_remote(remote),
                stderr: answer.complaint(),
            });
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        // The argument is a pattern that also matches the tail of a longer name.
        let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
        let found = lines.find(|(_, name)| *name == full);
        Ok(found.and_then(|(id, _)| id.parse().ok()))
    }

    /// Gets a branch of a remote, and says where it is. It is kept in a reference of our own, so
    /// neither the branches nor the remote-tracking branches of the user change.
    ///
    /// # Errors
    /// As for [`Repository::remote_head`], and [`GitError::UnknownRevision`] if the remote has no
    /// such branch.
    pub fn fetch(&self, remote: &str, branch: &str) -> Result<CommitId, GitError> {
        if self.remote_head(remote, branch)?.is_none() {
            return Err(GitError::UnknownRevision {
                revision: format!("{}/{}", shown_remote(remote), escaped_name(branch)),
            });
        }
        let place = Digest::of(remote.as_bytes()).short();
        let kept = format!("refs/switchback/fetched/{place}/{branch}");
        let answer = self
            .remote_call()?
            .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
            .args(["--recurse-submodules=no", "--refmap=", "--", remote])
            .arg(format!("+refs/heads/{branch}:{kept}"))
            .answer()?;
        if answer.code != Some(0) {
            return Err(GitError::RemoteUnreachable {
                remote: shown_remote(remote),
                stderr: answer.complaint(),
            });
        }
        self.resolve(&kept)
    }

    /// Pushes the head of a branch to the same branch of a remote, provided that it still is at
    /// `expected` there (`None`: does not exist there). Never loses a commit of the remote.
    /// Repeating a push that arrived is a success.
    ///
    /// What a failed push means is found out by asking the remote, never from a message.
    ///
    /// # Errors
    /// [`GitError::Moved`] if the remote's branch is elsewhere; its commits have been fetched, so
    /// the edit can be made again on top. [`GitError::PushRejected`] if it is not: permanent.
    /// [`GitError::RemoteUnreachable`] if that cannot be known.
    /// [`GitError::WouldLoseCommits`] if the local branch does not contain `expected`.
    pub fn push(
        &self,
        remote: &str,
        branch: &str,
        expected: Option<&CommitId>,
    ) -> Result<CommitId, GitError> {
        let local = self.branch_head(branch)?;
        self.push_commit(remote, branch, &local, expected)?;
        Ok(local)
    }

    /// The same with a commit that no local branch need be at.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_commit(
        &self,
        remote: &str,
        branch: &str,
        commit: &CommitId,
        expected: Option<&CommitId>,
    ) -> Result<(), GitError> {
        check_remote(remote)?;
        if let Some(expected) = expected
            && !self.is_ancestor(expected, commit)?
        {
            return Err(GitError::WouldLoseCommits {
                branch: escaped_name(branch),
                expected: expected.clone(),
            });
        }
        let full = format!("refs/heads/{branch}");
        let lease = expected.map_or("", CommitId::as_str);
        let answer = self
            .remote_call()?
            .args(["push", "--quiet", "--no-verify", "--no-follow-tags"])
            .arg("--recurse-submodules=no")
            .arg(format!("--force-with-lease={full}:{lease}"))
            .args(["--", remote])
            .arg(format!("{commit}:{full}"))
            .answer()?;
        if answer.code == Some(0) {
            return Ok(());
        }
        let found = self.remote_head(remote, branch)?;
        if found.as_ref() == Some(commit) {
            // The connection broke after the server had taken it.
            return Ok(());
        }
        if found.as_ref() == expected {
            return Err(GitError::PushRejected {
                remote: shown_remote(remote),
                stderr: answer.complaint(),
            });
        }
        if found.is_some() {
            self.fetch(remote, branch)?;
        }
        Err(GitError::Moved {
            branch: escaped_name(branch),
            expected: expected.cloned(),
            found,
        })
    }

    /// Whether `older` is `newer` or comes before it. A commit that is not here is before none.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn is_ancestor(&self, older: &CommitId, newer: &CommitId) -> Result<bool, GitError> {
        let known = self.call().args(["cat-file", "-e", older.as_str()]);
        if known.answer()?.code != Some(0) {
            return Ok(false);
        }
        let call = self.call().args(["merge-base", "--is-ancestor"]);
        let answer = call.args([older.as_str(), newer.as_str()]).answer()?;
        match answer.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(answer.failed()),
        }
    }

    /// A call that may wait for a network but never for a person: SSH would ask for a passphrase
    /// or about an unknown host, unless the user has set up another command.
    fn remote_call(&self) -> Result<Call, GitError> {
        let own = self.call().args(["config", "--get", "core.sshCommand"]);
        let set = std::env::var_os("GIT_SSH_COMMAND").is_some()
            || std::env::var_os("GIT_SSH").is_some()
            || own.answer()?.code == Some(0);
        let call = self.call().deadline(REMOTE);
        Ok(if set {
            call
        } else {
            call.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        })
    }
}
