//! Reading what is committed, and what is not.

use switchback_model::Actor;

use super::error::{GitError, escaped_name};
use super::names::{CommitId, check_branch, check_path};
use super::repository::Repository;

/// A file whose state differs from the checked out commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyFile {
    /// The path from the top of the work tree, with what is not UTF-8 replaced.
    pub path: String,
    /// Whether Git does not know the file at all.
    pub untracked: bool,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mode: String,
    pub(super) object: String,
    /// `None` for what is not a blob.
    pub(super) size: Option<u64>,
    pub(super) path: Vec<u8>,
}

impl Entry {
    pub(super) fn is_file(&self) -> bool {
        self.mode == "100644" || self.mode == "100755"
    }
}

impl Repository {
    /// The commit at the head of a branch.
    ///
    /// # Errors
    /// [`GitError::NoCommits`], [`GitError::UnknownRevision`], [`GitError::InvalidName`].
    pub fn branch_head(&self, branch: &str) -> Result<CommitId, GitError> {
        match self.find_branch(branch)? {
            Some(head) => Ok(head),
            None => Err(self.unknown(branch)?),
        }
    }

    /// The commit at the head of a branch, if there is such a branch.
    ///
    /// # Errors
    /// [`GitError::InvalidName`] if there never can be.
    pub fn find_branch(&self, branch: &str) -> Result<Option<CommitId>, GitError> {
        check_branch(branch)?;
        self.commit_at(&format!("refs/heads/{branch}"))
    }

    /// The branch that is checked out, if one is (it may have no commit yet).
    ///
    /// # Errors
    /// [`GitError::Failed`].
    pub fn current_branch(&self) -> Result<Option<String>, GitError> {
        let answer = self
            .call()
            .args(["symbolic-ref", "--quiet", "HEAD"])
            .answer()?;
        match answer.code {
            Some(0) => {
                let name = String::from_utf8_lossy(&answer.stdout)
                    .trim_end()
                    .to_owned();
                Ok(name.strip_prefix("refs/heads/").map(str::to_owned))
            }
            Some(1) => Ok(None),
            _ => Err(answer.failed()),
        }
    }

    /// The commit that a branch, tag, abbreviated id or expression such as `main~2` means.
    ///
    /// # Errors
    /// [`GitError::NoCommits`], [`GitError::UnknownRevision`].
    pub fn resolve(&self, revision: &str) -> Result<CommitId, GitError> {
        let option = revision.starts_with('-');
        let odd = revision.is_empty() || revision.contains(char::is_control);
        let found = if option || odd {
            None
        } else {
            self.commit_at(revision)?
        };
        match found {
            Some(commit) => Ok(commit),
            None => Err(self.unknown(revision)?),
        }
    }

    pub(super) fn commit_at(&self, revision: &str) -> Result<Option<CommitId>, GitError> {
        let answer = self
            .call()
            .args(["rev-parse", "--verify", "--quiet"])
            .arg(format!("{revision}^{{commit}}"))
            .answer()?;
        let text = String::from_utf8_lossy(&answer.stdout);
        Ok(match answer.code {
            Some(0) => text.trim_end().parse().ok(),
            _ => None,
        })
    }

    fn unknown(&self, revision: &str) -> Result<GitError, GitError> {
        let any = self.call().args(["for-each-ref", "--count=1"]).output()?;
        Ok(if any.is_empty() && self.commit_at("HEAD")?.is_none() {
            GitError::NoCommits
        } else {
            GitError::UnknownRevision {
                revision: escaped_name(revision),
            }
        })
    }

    /// The bytes of a file as it is in a commit; `None` if the commit has no such file.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] for more than `limit` bytes, [`GitError::NotAFile`] for a folder, a
    /// symbolic link or a submodule, [`GitError::InvalidName`] for a path that leaves the
    /// repository.
    pub fn read_file(
        &self,
        commit: &CommitId,
        path: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = self.entry(commit, path)? else {
            return Ok(None);
        };
        let (true, Some(size)) = (entry.is_file(), entry.size) else {
            return Err(GitError::NotAFile {
                path: escaped_name(path),
                commit: commit.clone(),
            });
        };
        if size > limit {
            return Err(GitError::TooLarge {
                what: format!("`{}`", escaped_name(path)),
                limit,
            });
        }
        let call = self.call().args(["cat-file", "blob", &entry.object]);
        call.limit(limit).output().map(Some)
    }

    /// The paths of all regular files below `folder` in a commit, sorted as Git sorts them; of the
    /// whole commit if `folder` is empty. Symbolic links and submodules are left out.
    ///
    /// # Errors
    /// [`GitError::NameNotUtf8`], [`GitError::InvalidName`], [`GitError::TooLarge`].
    pub fn list_files(&self, commit: &CommitId, folder: &str) -> Result<Vec<String>, GitError> {
        let mut call = self
            .call()
            .args(["ls-tree", "-r", "-z", "-l", "--full-tree"])
            .arg(commit.as_str());
        if !folder.is_empty() {
            check_path(folder)?;
            call = call.arg("--").arg(format!("{folder}/"));
        }
        let entries = parse_entries(&call.output()?);
        let files = entries.into_iter().filter(Entry::is_file);
        files
            .map(|entry| {
                String::from_utf8(entry.path).map_err(|bad| GitError::NameNotUtf8 {
                    path: escaped_name(&String::from_utf8_lossy(bad.as_bytes())),
                })
            })
            .collect()
    }

    /// What stands at a path in a commit.
    pub(super) fn entry(&self, commit: &CommitId, path: &str) -> Result<Option<Entry>, GitError> {
        check_path(path)?;
        let call = self.call().args(["ls-tree", "-z", "-l", "--full-tree"]);
        let output = call.arg(commit.as_str()).arg("--").arg(path).output()?;
        let mut entries = parse_entries(&output).into_iter();
        Ok(entries.find(|entry| entry.path == path.as_bytes()))
    }

    /// The files of the work tree that differ from the checked out commit, staged or not, and
    /// those that Git neither knows nor ignores. Empty for a bare repository.
    ///
    /// # Errors
    /// [`GitError::Failed`], [`GitError::TooLarge`].
    pub fn dirty_files(&self) -> Result<Vec<DirtyFile>, GitError> {
        self.status(None)
    }

    pub(super) fn status(&self, only: Option<&str>) -> Result<Vec<DirtyFile>, GitError> {
        if self.work_tree().is_none() {
            return Ok(Vec::new());
        }
        let mut call = self.call().args([
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--ignore-submodules=none",
            "--untracked-files=all",
        ]);
        if let Some(path) = only {
            call = call.arg("--").arg(path);
        }
        let output = call.output()?;
        let records = output.split(|b| *b == 0).filter(|record| record.len() > 3);
        Ok(records
            .map(|record| DirtyFile {
                path: String::from_utf8_lossy(&record[3..]).into_owned(),
                untracked: record.starts_with(b"??"),
            })
            .collect())
    }

    /// Who the user is to Git: `Name <address>`.
    ///
    /// # Errors
    /// [`GitError::NoIdentity`] if Git knows no name or no address.
    pub fn identity(&self) -> Result<Actor, GitError> {
        let answer = self.call().args(["var", "GIT_AUTHOR_IDENT"]).answer()?;
        let text = String::from_utf8_lossy(&answer.stdout);
        // `Name <address> seconds zone`; the address cannot hold `>`.
        match (answer.code, text.rfind('>')) {
            (Some(0), Some(end)) => Ok(Actor::new(&text[..=end])),
            _ => Err(GitError::NoIdentity {
                stderr: answer.complaint(),
            }),
        }
    }
}

/// The records of `ls-tree -z -l`: `mode type object size<TAB>path`.
pub(super) fn parse_entries(output: &[u8]) -> Vec<Entry> {
    let records = output
        .split(|b| *b == 0)
        .filter(|record| !record.is_empty());
    records
        .filter_map(|record| {
            let tab = record.iter().position(|b| *b == b'\t')?;
            let head = std::str::from_utf8(&record[..tab]).ok()?;
            let mut words = head.split_ascii_whitespace();
            let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
            Some(Entry {
                mode: mode.to_owned(),
                object: object.to_owned(),
                size: words.next().and_then(|size| size.parse().ok()),
                path: record[tab + 1..].to_vec(),
            })
        })
        .collect()
}
