//! Branches of the user's own: made, checked out, moved forward; and which one is the main line.

use super::error::{GitError, escaped_name};
use super::names::{CommitId, check_branch};
use super::repository::Repository;
use super::run::{Answer, HOOKS};

/// Names of main lines, where no remote says which it is.
const USUAL: [&str; 3] = ["main", "master", "trunk"];

/// The branch that everything comes together on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainLine {
    /// As it can be typed: `main`, or `origin/main` where the remote's is meant.
    pub name: String,
    /// The name of the branch alone.
    pub branch: String,
    /// Where it is.
    pub commit: CommitId,
}

impl Repository {
    /// That a branch of this name can be made: Git takes it, and it can be typed without being taken
    /// for something else.
    ///
    /// # Errors
    /// [`GitError::InvalidName`].
    pub fn check_new_branch(name: &str) -> Result<(), GitError> {
        check_branch(name)?;
        match name.starts_with('-') || name == "HEAD" || name == "@" {
            false => Ok(()),
            true => Err(GitError::InvalidName {
                what: "branch",
                name: escaped_name(name),
            }),
        }
    }

    /// A branch that keeps another from being made, because one name is a folder of the other.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn branch_in_the_way(&self, name: &str) -> Result<Option<String>, GitError> {
        let above = name
            .match_indices('/')
            .filter_map(|(end, _)| name.get(..end));
        for above in above {
            if self.has_reference(&format!("refs/heads/{above}"))? {
                return Ok(Some(above.to_owned()));
            }
        }
        let below = format!("refs/heads/{name}/");
        let call = self.call().args(["for-each-ref", "--count=1"]);
        let found = call.args(["--format=%(refname)", &below]).line()?;
        Ok(found.strip_prefix("refs/heads/").map(str::to_owned))
    }

    /// Makes a branch and leaves everything else as it is. One that is at this commit already is the
    /// one that was made.
    ///
    /// # Errors
    /// [`GitError::Moved`] if the branch is elsewhere; [`GitError::InvalidName`],
    /// [`GitError::Failed`].
    pub fn make_branch(&self, name: &str, commit: &CommitId) -> Result<(), GitError> {
        Self::check_new_branch(name)?;
        self.make_reference(&format!("refs/heads/{name}"), commit)?;
        self.expect_branch(name, Some(commit))
    }

    /// Makes a branch and checks it out, as the user would: their hooks run. Git does both or neither.
    ///
    /// # Errors
    /// [`GitError::Failed`] if files are in the way, with nothing done; [`GitError::InvalidName`],
    /// [`GitError::NotARepository`] without a work tree.
    pub fn switch_to_new(&self, name: &str, commit: &CommitId) -> Result<(), GitError> {
        Self::check_new_branch(name)?;
        let call = self
            .call_with_hooks()?
            .args(["switch", "--quiet", "--no-track", "--create", name])
            .arg(commit.as_str());
        self.switched(name, commit, &call.deadline(HOOKS).answer()?)
    }

    /// Checks a branch out, as the user would.
    ///
    /// # Errors
    /// [`GitError::Failed`] if files are in the way or another work tree has it, with nothing done.
    pub fn switch(&self, name: &str) -> Result<(), GitError> {
        Self::check_new_branch(name)?;
        let commit = self.branch_head(name)?;
        let call = self
            .call_with_hooks()?
            .args(["switch", "--quiet", "--no-guess", name]);
        self.switched(name, &commit, &call.deadline(HOOKS).answer()?)
    }

    /// A hook that runs afterwards can fail, and that changes nothing.
    fn switched(&self, name: &str, commit: &CommitId, answer: &Answer) -> Result<(), GitError> {
        let there = self.current_branch()?.as_deref() == Some(name);
        match answer.code == Some(0) || there && self.resolve("HEAD")? == *commit {
            true => Ok(()),
            false => Err(answer.failed()),
        }
    }

    /// Moves a branch forward from one commit to a later one, with index and files where it is checked
    /// out here.
    ///
    /// # Errors
    /// [`GitError::Moved`] if it is not at `from`; [`GitError::Failed`] if files are in the way.
    pub fn move_forward(&self, name: &str, from: &CommitId, to: &CommitId) -> Result<(), GitError> {
        self.expect_branch(name, Some(from))?;
        let answer = match self.current_branch()?.as_deref() == Some(name) {
            true => {
                let call = self.call_with_hooks()?;
                let call = call.args(["merge", "--quiet", "--ff-only", to.as_str()]);
                call.deadline(HOOKS).answer()?
            }
            false => self.update_branch(name, to, Some(from), "pick")?,
        };
        match answer.code {
            Some(0) => Ok(()),
            _ if self.branch_head(name)? == *to => Ok(()),
            _ => Err(answer.failed()),
        }
    }

    /// Tries to move a branch, or to make it where it was not there, and nothing but the branch.
    pub(super) fn update_branch(
        &self,
        name: &str,
        to: &CommitId,
        from: Option<&CommitId>,
        why: &str,
    ) -> Result<Answer, GitError> {
        let none = "0".repeat(to.as_str().len());
        let from = from.map_or(none.as_str(), CommitId::as_str);
        let call = self.call().args(["update-ref", "-m"]);
        let call = call.arg(format!("switchback: {why}"));
        let call = call.arg(format!("refs/heads/{name}"));
        call.args([to.as_str(), from]).answer()
    }

    /// That a branch is at a commit, or not there.
    pub(super) fn expect_branch(
        &self,
        name: &str,
        expected: Option<&CommitId>,
    ) -> Result<(), GitError> {
        let found = self.find_branch(name)?;
        if found.as_ref() == expected {
            return Ok(());
        }
        Err(GitError::Moved {
            branch: escaped_name(name),
            expected: expected.cloned(),
            found,
        })
    }

    /// Whether a branch is checked out in another work tree than this one.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn is_checked_out_elsewhere(&self, name: &str) -> Result<bool, GitError> {
        let trees = self.checkouts(name)?;
        Ok(trees.iter().any(|it| it.git_dir() != self.git_dir()))
    }

    /// Where remotes have a branch, as far as was fetched: the remote's name, and the commit.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn remote_branches(&self, name: &str) -> Result<Vec<(String, CommitId)>, GitError> {
        check_branch(name)?;
        let mut found = Vec::new();
        for remote in self.remotes()? {
            if let Some(commit) = self.commit_at(&format!("refs/remotes/{remote}/{name}"))? {
                found.push((remote, commit));
            }
        }
        Ok(found)
    }

    /// The main line: the default branch of the remote (of `origin`, if there are several), or what is
    /// usually called so. Where it is both here and there, here if that has all of the remote's, else
    /// there. None where no such branch is.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn main_line(&self) -> Result<Option<MainLine>, GitError> {
        let remotes = self.remotes()?;
        let remote = match remotes.as_slice() {
            [only] => Some(only.as_str()),
            several => several
                .iter()
                .map(String::as_str)
                .find(|it| *it == "origin"),
        };
        let said = match remote {
            Some(remote) => self.head_of(remote)?,
            None => None,
        };
        let names = said.iter().map(String::as_str).chain(USUAL);
        for branch in names {
            let here = self.commit_at(&format!("refs/heads/{branch}"))?;
            let there = match remote {
                Some(remote) => self.commit_at(&format!("refs/remotes/{remote}/{branch}"))?,
                None => None,
            };
            let (local, commit) = match (here, there) {
                (Some(here), Some(there)) if self.is_ancestor(&there, &here)? => (true, here),
                (_, Some(there)) => (false, there),
                (Some(here), None) => (true, here),
                (None, None) => continue,
            };
            let name = match remote.filter(|_| !local) {
                Some(remote) => format!("{remote}/{branch}"),
                None => branch.to_owned(),
            };
            return Ok(Some(MainLine {
                name,
                branch: branch.to_owned(),
                commit,
            }));
        }
        Ok(None)
    }

    /// The branch that a remote's `HEAD` is, as it was when it was cloned.
    fn head_of(&self, remote: &str) -> Result<Option<String>, GitError> {
        let call = self.call().args(["symbolic-ref", "--quiet"]);
        let answer = call.arg(format!("refs/remotes/{remote}/HEAD")).answer()?;
        if answer.code != Some(0) {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        let branch = text
            .trim_end()
            .strip_prefix(&format!("refs/remotes/{remote}/"));
        Ok(branch.map(str::to_owned))
    }

    fn remotes(&self) -> Result<Vec<String>, GitError> {
        let output = self.call().arg("remote").output()?;
        let text = String::from_utf8_lossy(&output);
        Ok(text.lines().map(str::to_owned).collect())
    }
}
