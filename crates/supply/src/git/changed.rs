//! Which files differ: since a commit, and in each commit of a range.

use super::error::GitError;
use super::names::CommitId;
use super::repository::Repository;

/// The most commits that one call of [`Repository::commits_between`] looks at.
pub const RANGE_LIMIT: usize = 2_000;

/// What a commit did to files, by paths from the top of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFiles {
    /// The full object id.
    pub id: CommitId,
    /// The first line of the message.
    pub subject: String,
    /// Files that were not there before; a renamed file is one.
    pub added: Vec<String>,
    /// Files with other contents or another mode.
    pub changed: Vec<String>,
    /// Files that are no longer there.
    pub removed: Vec<String>,
}

impl Repository {
    /// The files of the work tree that are not as in `commit`: changed, staged or not, and those that
    /// Git does not know and does not ignore. Files that are gone are left out. What is not UTF-8 in
    /// a name is replaced.
    ///
    /// # Errors
    /// [`GitError::Bare`] without a work tree, [`GitError::Failed`],
    /// [`GitError::TooLarge`].
    pub fn changed_since(&self, commit: &CommitId) -> Result<Vec<String>, GitError> {
        if self.work_tree().is_none() {
            return Err(GitError::Bare {
                path: self.git_dir().to_owned(),
            });
        }
        let differ = self
            .call()
            .args(["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff"])
            .args(["--diff-filter=d", "--ignore-submodules=all"])
            .arg(commit.as_str())
            .arg("--")
            .output()?;
        let unknown = self
            .call()
            .args(["ls-files", "--others", "--exclude-standard", "-z"])
            .output()?;
        let mut files = parse_names(&differ);
        files.extend(parse_names(&unknown));
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// The commit in which the histories of two commits part; none if they have nothing in common,
    /// or the part of the history that says so is not here.
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn merge_base(
        &self,
        one: &CommitId,
        other: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        let call = self
            .call()
            .args(["merge-base", one.as_str(), other.as_str()]);
        let answer = call.answer()?;
        let text = String::from_utf8_lossy(&answer.stdout);
        match answer.code {
            Some(0) => Ok(text.lines().next().and_then(|line| line.parse().ok())),
            Some(1) => Ok(None),
            _ => Err(answer.failed()),
        }
    }

    /// What each commit did that `to` has and `from` has not, the newest first. Merges are left out:
    /// what they bring together stands in the commits before them. At most [`RANGE_LIMIT`] commits.
    ///
    /// # Errors
    /// [`GitError::Failed`], [`GitError::TooLarge`].
    pub fn commits_between(
        &self,
        from: &CommitId,
        to: &CommitId,
    ) -> Result<Vec<CommitFiles>, GitError> {
        let output = self
            .call()
            .args(["log", "-z", "--no-merges", "--no-renames", "--name-status"])
            .args(["--no-color", "--no-notes", "--no-ext-diff"])
            .arg(format!("--max-count={RANGE_LIMIT}"))
            .arg("--format=tformat:%x01%H %s")
            .arg(format!("{from}..{to}"))
            .arg("--")
            .output()?;
        Ok(parse_commits(&output))
    }
}

/// The names in the output of a command with `-z`.
fn parse_names(output: &[u8]) -> Vec<String> {
    output
        .split(|b| *b == 0)
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// Records of `log -z --name-status`: a head that begins with the byte 1, then for each file a letter
/// and a path, each ending with a zero.
fn parse_commits(output: &[u8]) -> Vec<CommitFiles> {
    let mut commits: Vec<CommitFiles> = Vec::new();
    let mut records = output.split(|b| *b == 0).map(|record| {
        // Git puts a line break before the first file of a commit.
        record.strip_prefix(b"\n").unwrap_or(record)
    });
    while let Some(record) = records.next() {
        let text = String::from_utf8_lossy(record);
        if let Some(head) = text.strip_prefix('\u{1}') {
            let (id, subject) = head.split_once(' ').unwrap_or((head, ""));
            if let Ok(id) = id.trim().parse() {
                commits.push(CommitFiles {
                    id,
                    subject: subject.to_owned(),
                    added: Vec::new(),
                    changed: Vec::new(),
                    removed: Vec::new(),
                });
            }
            continue;
        }
        if text.is_empty() {
            continue;
        }
        let Some(path) = records.next() else { break };
        let path = String::from_utf8_lossy(path).into_owned();
        if let Some(commit) = commits.last_mut() {
            match text.as_bytes().first() {
                Some(b'A') => commit.added.push(path),
                Some(b'D') => commit.removed.push(path),
                _ => commit.changed.push(path),
            }
        }
    }
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_read_from_records() {
        let id = "a".repeat(40);
        let other = "b".repeat(40);
        let text = format!(
            "\u{1}{id} one: x\0\nA\0m/1.sql\0M\0src/a b.rs\0D\0old\0\0\u{1}{other} \0\u{1}bad\0"
        );
        let commits = parse_commits(text.as_bytes());
        assert_eq!(commits.len(), 2, "{commits:?}");
        assert_eq!(
            (commits[0].id.as_str(), commits[0].subject.as_str()),
            (id.as_str(), "one: x")
        );
        assert_eq!(commits[0].added, ["m/1.sql"]);
        assert_eq!(commits[0].changed, ["src/a b.rs"]);
        assert_eq!(commits[0].removed, ["old"]);
        assert_eq!(commits[1].subject, "");
    }
}
