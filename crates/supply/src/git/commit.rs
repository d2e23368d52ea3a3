//! One edit of one file as one commit, by plumbing.
//!
//! The order, and what a crash after each step leaves:
//!
//! 1. Look whether anything stands in the way. *Nothing.*
//! 2. Write the blob, the trees and the commit. *Objects that nothing refers to, which Git prunes.*
//! 3. Look again, this time with the very command of step 5, not carried out.
//! 4. Move the branch, if it is still where it was. **From here on the edit is done.** *Where the
//!    branch is checked out, index and file still say the old contents.*
//! 5. Let index and file follow, where the branch is checked out. *File new, index old.*
//!
//! Repeating an edit after a crash in 1 to 3 does it from the start. After a crash in 4 or 5 the
//! branch has moved, so a repeat is refused; [`Repository::catch_up`] mends index and file, and
//! `gitops` calls it when it finds its intent already committed. The index of the user takes no
//! part before step 5, so nothing that is staged can get into the commit.

use std::path::PathBuf;

use switchback_model::Timestamp;

use super::error::{GitError, escaped_name};
use super::names::{CommitId, Trailer, check_branch, check_path, invalid_message, is_one_line};
use super::repository::Repository;

/// An edit of one file on a branch.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The branch that moves.
    pub branch: &'a str,
    /// Where the branch has to be: the commit that the contents were made from.
    pub base: &'a CommitId,
    /// The path of the file from the top of the repository. It need not exist yet.
    pub file: &'a str,
    /// What the file holds afterwards, byte for byte.
    pub contents: &'a [u8],
    /// The first line of the message.
    pub subject: &'a str,
    /// `Key: value` lines at the end of the message.
    pub trailers: &'a [Trailer],
    /// The moment that the commit carries, in whole seconds; Git's own clock if `None`.
    pub at: Option<Timestamp>,
    /// A full reference name: the branch moves only if there is no such reference.
    pub unless: Option<&'a str>,
}

/// An edit that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit, now the head of the branch.
    pub commit: CommitId,
    /// What became of the checked out file.
    pub work_tree: WorkTree,
}

/// What became of the checked out file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkTree {
    /// The branch is checked out nowhere.
    NotCheckedOut,
    /// Index and file say what the branch says.
    Followed,
    /// Index or file has something of its own, which was left alone.
    Behind {
        /// The work tree.
        folder: PathBuf,
    },
}

impl Repository {
    /// Commits an edit on top of `edit.base` and moves the branch there.
    ///
    /// # Errors
    /// [`GitError::Moved`] if the branch is elsewhere, [`GitError::DirtyTree`] if the branch is
    /// checked out with other contents of the file, [`GitError::Locked`],
    /// [`GitError::Unchanged`], [`GitError::NoIdentity`], [`GitError::NotAFile`],
    /// [`GitError::InvalidMessage`], [`GitError::InvalidName`]. After an error the branch, the
    /// index and the file are as they were.
    pub fn commit_file(&self, edit: &Edit<'_>) -> Result<Committed, GitError> {
        check_branch(edit.branch)?;
        check_path(edit.file)?;
        let message = message(edit.subject, edit.trailers)?;
        self.expect_head(edit.branch, edit.base)?;
        let trees = self.checkouts(edit.branch)?;
        for tree in &trees {
            tree.expect_clean(edit.base, edit.file)?;
        }
        let commit = self.write_commit(edit, &message)?;
        for tree in &trees {
            tree.rehearse_follow(edit.base, &commit)?;
        }
        self.move_branch(edit, &commit)?;
        let work_tree = self.follow(&trees, edit.base, &commit, edit.file);
        Ok(Committed { commit, work_tree })
    }

    fn expect_head(&self, branch: &str, expected: &CommitId) -> Result<(), GitError> {
        let found = self.branch_head(branch)?;
        if found == *expected {
            return Ok(());
        }
        Err(GitError::Moved {
            branch: escaped_name(branch),
            expected: Some(expected.clone()),
            found: Some(found),
        })
    }

    /// Writes blob, trees and commit; nothing refers to them yet.
    pub(super) fn write_commit(
        &self,
        edit: &Edit<'_>,
        message: &str,
    ) -> Result<CommitId, GitError> {
        let call = self.call().args(["hash-object", "-w", "--stdin"]);
        let blob = call.input(edit.contents).line()?;
        let tree = self.tree_with(edit, &blob)?;
        self.commit_object(&tree, &[edit.base], message, edit.at)
    }

    /// Makes a commit of a tree, signed as the user's configuration says, at a moment or now.
    pub(super) fn commit_object(
        &self,
        tree: &str,
        parents: &[&CommitId],
        message: &str,
        at: Option<Timestamp>,
    ) -> Result<CommitId, GitError> {
        let mut call = self.call().arg("commit-tree");
        if self.signs()? {
            call = call.arg("-S");
        }
        for parent in parents {
            call = call.args(["-p", parent.as_str()]);
        }
        call = call.args(["-F", "-", tree]);
        if let Some(at) = at {
            let date = format!("{} +0000", at.as_millis().div_euclid(1_000));
            call = call
                .env("GIT_AUTHOR_DATE", &date)
                .env("GIT_COMMITTER_DATE", &date);
        }
        let answer = call.input(message).answer()?;
        let id = String::from_utf8_lossy(&answer.stdout).trim_end().parse();
        match (answer.code, id) {
            (Some(0), Ok(id)) => Ok(id),
            _ => {
                self.identity()?;
                Err(answer.failed())
            }
        }
    }

    /// `commit-tree` does not look at `commit.gpgSign` itself.
    fn signs(&self) -> Result<bool, GitError> {
        let call = self.call().args(["config", "--type=bool", "--get"]);
        let answer = call.arg("commit.gpgSign").answer()?;
        match answer.code {
            Some(0) => Ok(answer.stdout.starts_with(b"true")),
            Some(1) => Ok(false),
            _ => Err(answer.failed()),
        }
    }

    /// The tree of `edit.base` with the one blob replaced or added.
    fn tree_with(&self, edit: &Edit<'_>, blob: &str) -> Result<String, GitError> {
        let mode = match self.entry(edit.base, edit.file)? {
            None => "100644".to_owned(),
            Some(entry) if entry.object == blob => {
                return Err(GitError::Unchanged {
                    file: escaped_name(edit.file),
                });
            }
            Some(entry) if entry.is_file() => entry.mode,
            Some(_) => return Err(not_a_file(edit.file, edit.base)),
        };
        let mut folders = Vec::new();
        let mut parts = edit.file.split('/').peekable();
        let mut tree = Some(format!("{}^{{tree}}", edit.base));
        while let Some(part) = parts.next() {
            let records = match &tree {
                Some(tree) => self.call().args(["ls-tree", "-z", tree]).output()?,
                None => Vec::new(),
            };
            tree = match find_record(&records, part) {
                _ if parts.peek().is_none() => None,
                Some((b"tree", object)) => Some(String::from_utf8_lossy(object).into_owned()),
                // A file or a link where a folder has to be.
                Some(_) => return Err(not_a_file(edit.file, edit.base)),
                None => None,
            };
            folders.push((part, records));
        }
        let mut entry = format!("{mode} blob {blob}");
        while let Some((name, records)) = folders.pop() {
            let records = records.split_inclusive(|b| *b == 0);
            let mut input: Vec<u8> = records
                .filter(|record| name_of(record) != Some(name.as_bytes()))
                .flatten()
                .copied()
                .collect();
            input.extend_from_slice(format!("{entry}\t{name}\0").as_bytes());
            let tree = self.call().args(["mktree", "-z"]).input(input).line()?;
            if folders.is_empty() {
                return Ok(tree);
            }
            entry = format!("040000 tree {tree}");
        }
        Err(not_a_file(edit.file, edit.base))
    }

    /// Makes a reference at `commit`; one that is there stays as it is.
    ///
    /// # Errors
    /// If Git fails.
    pub fn make_reference(&self, name: &str, commit: &CommitId) -> Result<(), GitError> {
        let none = "0".repeat(commit.as_str().len());
        let answer = self
            .call()
            .args(["update-ref", name, commit.as_str(), none.as_str()])
            .answer()?;
        if answer.code == Some(0) || self.has_reference(name)? {
            return Ok(());
        }
        Err(answer.failed())
    }

    /// Whether a reference, by its full name, is there.
    ///
    /// # Errors
    /// If Git fails.
    pub fn has_reference(&self, name: &str) -> Result<bool, GitError> {
        let answer = self
            .call()
            .args(["show-ref", "--verify", "--quiet", name])
            .answer()?;
        Ok(answer.code == Some(0))
    }

    /// Moves the branch if it is still at `edit.base`.
    pub(super) fn move_branch(&self, edit: &Edit<'_>, to: &CommitId) -> Result<(), GitError> {
        // One transaction: Git locks both references before it looks at either.
        let mut orders = String::from("start\0");
        if let Some(guard) = edit.unless {
            let none = "0".repeat(to.as_str().len());
            orders.push_str(&format!("verify {guard}\0{none}\0"));
        }
        let (branch, base) = (edit.branch, edit.base);
        orders.push_str(&format!(
            "update refs/heads/{branch}\0{to}\0{base}\0commit\0"
        ));
        let answer = self
            .call()
            .args(["update-ref", "-m"])
            .arg(format!("switchback: {}", edit.subject))
            .args(["-z", "--stdin"])
            .input(orders)
            .answer()?;
        if answer.code == Some(0) {
            return Ok(());
        }
        self.expect_head(edit.branch, edit.base)?;
        Err(answer.failed())
    }
}

/// Type and object of the record of a name in the output of `ls-tree -z`.
fn find_record<'a>(records: &'a [u8], name: &str) -> Option<(&'a [u8], &'a [u8])> {
    let mut records = records.split_inclusive(|b| *b == 0);
    let record = records.find(|record| name_of(record) == Some(name.as_bytes()))?;
    let tab = record.iter().position(|b| *b == b'\t')?;
    let mut words = record[..tab].split(|b| *b == b' ').skip(1);
    Some((words.next()?, words.next()?))
}

fn name_of(record: &[u8]) -> Option<&[u8]> {
    let tab = record.iter().position(|b| *b == b'\t')?;
    record[tab + 1..].strip_suffix(b"\0")
}

fn not_a_file(file: &str, commit: &CommitId) -> GitError {
    GitError::NotAFile {
        path: escaped_name(file),
        commit: commit.clone(),
    }
}

fn message(subject: &str, trailers: &[Trailer]) -> Result<String, GitError> {
    if subject.trim() != subject || !is_one_line(subject) {
        return Err(invalid_message("the subject of a commit", subject));
    }
    let mut message = format!("{subject}\n");
    for (index, trailer) in trailers.iter().enumerate() {
        if index == 0 {
            message.push('\n');
        }
        message.push_str(&format!("{trailer}\n"));
    }
    Ok(message)
}
