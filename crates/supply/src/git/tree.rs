//! Commits of several files, made without any work tree: a tree, a commit, a branch.
//!
//! What is made is a heap of objects that nothing refers to until [`Repository::set_branch`], the one
//! step that counts. A crash before it leaves nothing that anybody sees.

use super::error::{GitError, escaped_name};
use super::log::{EntryKind, ObjectId};
use super::names::{CommitId, check_path};
use super::repository::Repository;

/// What a path of a tree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEdit {
    /// The path from the top, with `/` between folders.
    pub path: Vec<u8>,
    /// What is there; nothing where it is taken away.
    pub now: Option<(EntryKind, ObjectId)>,
}

impl Repository {
    /// Stores bytes as they are: a blob.
    ///
    /// # Errors
    /// If Git fails.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<ObjectId, GitError> {
        let call = self.call().args(["hash-object", "-w", "--stdin"]);
        id(&call.input(bytes).line()?)
    }

    /// Stores the bytes that a file of the work tree has or would have, as Git keeps them: with the
    /// line ends and filters that its attributes say.
    ///
    /// # Errors
    /// [`GitError::InvalidName`], and if Git or a filter fails.
    pub fn write_file_blob(&self, path: &str, bytes: &[u8]) -> Result<ObjectId, GitError> {
        check_path(path)?;
        let call = self.call().args(["hash-object", "-w", "--stdin", "--path"]);
        id(&call.arg(path).input(bytes).line()?)
    }

    /// Stores the tree of a commit with some paths changed.
    ///
    /// # Errors
    /// If Git fails.
    pub fn write_tree(&self, base: &CommitId, edits: &[TreeEdit]) -> Result<ObjectId, GitError> {
        let folder = tempfile::tempdir().map_err(|source| GitError::Io {
            what: "making a temporary folder".to_owned(),
            source,
        })?;
        // An index of its own: the user's takes no part.
        let index = folder.path().join("index");
        let call = || self.call().env("GIT_INDEX_FILE", &index);
        call().args(["read-tree", base.as_str()]).output()?;
        let mut input = Vec::new();
        for edit in edits {
            let (mode, object) = match edit.now {
                Some((kind, object)) => (mode(kind), object.to_string()),
                None => ("0", "0".repeat(base.as_str().len())),
            };
            input.extend_from_slice(format!("{mode} {object}\t").as_bytes());
            input.extend_from_slice(&edit.path);
            input.push(0);
        }
        let update = call().args(["update-index", "-z", "--index-info"]);
        update.input(input).output()?;
        id(&call().arg("write-tree").line()?)
    }

    /// Makes a commit of a tree, signed as the user's configuration says.
    ///
    /// # Errors
    /// [`GitError::NoIdentity`], and if Git fails.
    pub fn commit_tree(
        &self,
        tree: ObjectId,
        parents: &[&CommitId],
        message: &str,
    ) -> Result<CommitId, GitError> {
        self.commit_object(&tree.to_string(), parents, message, None)
    }

    /// Moves a branch that is checked out nowhere, or makes it, if it still is where it was.
    ///
    /// # Errors
    /// [`GitError::CheckedOut`], [`GitError::Moved`], [`GitError::InvalidName`].
    pub fn set_branch(
        &self,
        branch: &str,
        to: &CommitId,
        from: Option<&CommitId>,
        why: &str,
    ) -> Result<(), GitError> {
        Self::check_new_branch(branch)?;
        self.expect_not_checked_out(branch)?;
        let answer = self.update_branch(branch, to, from, why)?;
        match answer.code {
            Some(0) => Ok(()),
            _ => {
                self.expect_branch(branch, from)?;
                Err(answer.failed())
            }
        }
    }

    /// That no work tree has a branch checked out.
    ///
    /// # Errors
    /// [`GitError::CheckedOut`].
    pub fn expect_not_checked_out(&self, branch: &str) -> Result<(), GitError> {
        match self.checkouts(branch)?.first() {
            None => Ok(()),
            Some(tree) => Err(GitError::CheckedOut {
                branch: escaped_name(branch),
                folder: tree.work_tree().unwrap_or(tree.git_dir()).to_owned(),
            }),
        }
    }
}

const fn mode(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "100644",
        EntryKind::Executable => "100755",
        EntryKind::Symlink => "120000",
        EntryKind::Submodule => "160000",
    }
}

fn id(line: &str) -> Result<ObjectId, GitError> {
    line.trim_end().parse().map_err(|_| GitError::Failed {
        command: "git".to_owned(),
        stderr: format!("`{}` is no object", escaped_name(line)),
    })
}
