//! Commits on two lines that change the same.

use std::collections::BTreeMap;

use super::error::GitError;
use super::names::{CommitId, check_path};
use super::repository::Repository;

impl Repository {
    /// The commits of two lines, as far as each is not on the other, that change the same below
    /// `folder` (everywhere if it is empty) as one on the other line: the ids of their patches, in
    /// which blanks and places in a file do not count. Merges have none.
    ///
    /// # Errors
    /// [`GitError::Failed`], [`GitError::TooLarge`], [`GitError::InvalidName`].
    pub fn same_patches(
        &self,
        one: &CommitId,
        other: &CommitId,
        folder: &str,
    ) -> Result<BTreeMap<CommitId, String>, GitError> {
        let mut call = self
            .call()
            .args(["rev-list", "--no-merges", "--full-history", "--cherry-mark"])
            .arg(format!("{one}...{other}"))
            .arg("--");
        if !folder.is_empty() {
            check_path(folder)?;
            call = call.arg(folder);
        }
        let marked = call.output()?;
        let text = String::from_utf8_lossy(&marked);
        let same: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix('=')).collect();
        if same.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut call = self
            .call()
            .args(["diff-tree", "--stdin", "-p", "-r", "--root", "--full-index"])
            .args([
                "--no-renames",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
            ])
            .arg("--");
        if !folder.is_empty() {
            call = call.arg(folder);
        }
        let patches = call.input(format!("{}\n", same.join("\n"))).output()?;
        let ids = self.call().args(["patch-id", "--stable"]).input(patches);
        let ids = ids.output()?;
        let text = String::from_utf8_lossy(&ids);
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .filter_map(|(patch, id)| Some((id.trim().parse().ok()?, patch.to_owned())))
            .collect())
    }
}
