//! Letting a checked out file follow its branch, without touching what is the user's.

use std::time::{Duration, Instant};

use super::commit::WorkTree;
use super::error::{GitError, escaped_name};
use super::names::{CommitId, check_path};
use super::repository::{Repository, bytes_to_path};

/// How long another program may hold the index before that is an error.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// How index and file of one path stand between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Both as in the older commit.
    Old,
    /// The index as in the newer commit; the file is Git's and the user's business.
    New,
    /// Only the file as in the newer commit: a crash while Git let them follow.
    Halfway,
    /// Something else.
    Other,
}

impl Repository {
    /// Lets index and file follow a commit that edited `file` on `branch`, if a crash kept them
    /// from it: only where the branch is checked out, still has these contents, and index and file
    /// are as the commit's parent had them. Anything else is left alone.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] and [`GitError::Failed`] when Git cannot be asked.
    pub fn catch_up(
        &self,
        branch: &str,
        commit: &CommitId,
        file: &str,
    ) -> Result<WorkTree, GitError> {
        check_path(file)?;
        let head = self.branch_head(branch)?;
        let trees = self.checkouts(branch)?;
        // A later commit has other contents: whoever made it let the file follow.
        if trees.is_empty() || self.entry(&head, file)? != self.entry(commit, file)? {
            return Ok(WorkTree::NotCheckedOut);
        }
        let parent = self.resolve(&format!("{commit}^1"))?;
        Ok(self.follow(&trees, &parent, commit, file))
    }

    /// The work trees (each as a repository of its own) in which a branch is checked out.
    pub(super) fn checkouts(&self, branch: &str) -> Result<Vec<Repository>, GitError> {
        let list = self.call().args(["worktree", "list", "--porcelain"]);
        let answer = list.arg("-z").answer()?;
        let (output, end) = match answer.code {
            Some(0) => (answer.stdout, 0),
            // Git before 2.36 does not know `-z`.
            Some(129) => {
                let list = self.call().args(["worktree", "list", "--porcelain"]);
                (list.output()?, b'\n')
            }
            _ => return Err(answer.failed()),
        };
        let wanted = format!("branch refs/heads/{branch}");
        let mut folder = None;
        let mut found = Vec::new();
        for line in output.split(|b| *b == end) {
            if let Some(path) = line.strip_prefix(b"worktree ") {
                folder = Some(bytes_to_path(path.to_vec()));
            } else if line == wanted.as_bytes()
                && let Some(folder) = folder.take()
                && folder.is_dir()
            {
                found.push(Self::open_with(self.program(), &folder)?);
            }
        }
        Ok(found)
    }

    /// Refuses unless index and file are as in `commit`, and nobody holds the index.
    pub(super) fn expect_clean(&self, commit: &CommitId, file: &str) -> Result<(), GitError> {
        self.wait_for_index()?;
        let mut files: Vec<String> = self
            .status(Some(file))?
            .iter()
            .map(|dirty| escaped_name(&dirty.path))
            .collect();
        files.dedup();
        let unmerged = self.call().args(["ls-files", "-u", "-z"]).output()?;
        for record in unmerged.split(|b| *b == 0) {
            let text = String::from_utf8_lossy(record);
            let name = text.split_once('\t').map(|(_, name)| escaped_name(name));
            files.extend(name.filter(|name| !files.contains(name)));
        }
        // What `status` leaves out: an ignored file, and one that Git was told not to look at.
        if files.is_empty() {
            let entry = self.entry(commit, file)?;
            let same = self.index_entry(file)?
                == entry
                    .as_ref()
                    .map(|entry| (entry.mode.clone(), entry.object.clone()));
            let here = self.work_file(file)? == entry.map(|entry| entry.object);
            if !same || !(here || self.left_out(file)?) {
                files.push(escaped_name(file));
            }
        }
        if files.is_empty() {
            Ok(())
        } else {
            Err(GitError::DirtyTree { files })
        }
    }

    /// Lets whoever holds the index end: often that is Git itself, outliving a caller that died.
    fn wait_for_index(&self) -> Result<(), GitError> {
        let lock = self.git_dir().join("index.lock");
        let end = Instant::now() + LOCK_WAIT;
        while lock.exists() {
            if Instant::now() >= end {
                return Err(GitError::Locked { lock });
            }
            std::thread::sleep(LOCK_POLL);
        }
        Ok(())
    }

    /// Step 5 without carrying it out: what Git would refuse then, it refuses now.
    pub(super) fn rehearse_follow(&self, old: &CommitId, new: &CommitId) -> Result<(), GitError> {
        again(|| {
            self.wait_for_index()?;
            self.refresh()?;
            let call = self.call().args(["read-tree", "-m", "-u", "-n"]);
            call.args([old.as_str(), new.as_str()]).output().map(drop)
        })
    }

    /// Never an error: the branch has moved, and that is what counts.
    pub(super) fn follow(
        &self,
        trees: &[Repository],
        old: &CommitId,
        new: &CommitId,
        file: &str,
    ) -> WorkTree {
        let mut result = WorkTree::NotCheckedOut;
        for tree in trees {
            if matches!(again(|| tree.follow_here(old, new, file)), Ok(true)) {
                if result == WorkTree::NotCheckedOut {
                    result = WorkTree::Followed;
                }
            } else {
                let folder = tree.work_tree().unwrap_or(tree.git_dir()).to_owned();
                result = WorkTree::Behind { folder };
            }
        }
        result
    }

    fn follow_here(&self, old: &CommitId, new: &CommitId, file: &str) -> Result<bool, GitError> {
        self.wait_for_index()?;
        match self.standing(old, new, file)? {
            Standing::New => Ok(true),
            Standing::Other => Ok(false),
            Standing::Old => {
                self.refresh()?;
                let call = self.call().args(["read-tree", "-m", "-u"]);
                call.args([old.as_str(), new.as_str()]).output()?;
                Ok(true)
            }
            Standing::Halfway => {
                let Some(entry) = self.entry(new, file)? else {
                    return Ok(false);
                };
                self.call()
                    .args(["update-index", "--add", "--cacheinfo"])
                    .args([entry.mode.as_str(), entry.object.as_str(), file])
                    .output()?;
                self.refresh()?;
                Ok(true)
            }
        }
    }

    fn standing(&self, old: &CommitId, new: &CommitId, file: &str) -> Result<Standing, GitError> {
        let key = |commit| -> Result<Option<(String, String)>, GitError> {
            let entry = self.entry(commit, file)?;
            Ok(entry.map(|entry| (entry.mode, entry.object)))
        };
        let (old, new, index) = (key(old)?, key(new)?, self.index_entry(file)?);
        if index == new {
            return Ok(Standing::New);
        }
        if index != old {
            return Ok(Standing::Other);
        }
        let object =
            |key: &Option<(String, String)>| key.as_ref().map(|(_, object)| object.clone());
        let here = self.work_file(file)?;
        Ok(match here {
            here if here == object(&old) => Standing::Old,
            here if here == object(&new) => Standing::Halfway,
            // A sparse checkout leaves it out of the work tree; Git knows what to do with it.
            None if self.left_out(file)? => Standing::Old,
            _ => Standing::Other,
        })
    }

    /// Mode and object of a path in the index.
    fn index_entry(&self, file: &str) -> Result<Option<(String, String)>, GitError> {
        let call = self.call().args(["ls-files", "-s", "-z", "--", file]);
        let output = call.output()?;
        let mut records = output.split(|b| *b == 0);
        // `mode object stage<TAB>path`; below a folder of this name there may be other paths.
        Ok(records.find_map(|record| {
            let text = std::str::from_utf8(record).ok()?;
            let (head, path) = text.split_once('\t')?;
            let mut words = head.split(' ').map(str::to_owned);
            let entry = (words.next()?, words.next()?);
            (path == file && words.next()? == "0").then_some(entry)
        }))
    }

    fn left_out(&self, file: &str) -> Result<bool, GitError> {
        let call = self.call().args(["ls-files", "-t", "-z", "--", file]);
        Ok(call.output()?.starts_with(b"S "))
    }

    /// The object that the file in the work tree would be, after the user's filters.
    fn work_file(&self, file: &str) -> Result<Option<String>, GitError> {
        let Some(tree) = self.work_tree() else {
            return Ok(None);
        };
        let path = tree.join(file);
        match path.symlink_metadata() {
            Err(_) => Ok(None),
            // Following a link would compare another file.
            Ok(found) if !found.is_file() => Ok(Some(String::new())),
            Ok(_) => {
                let call = self.call().arg("hash-object").arg(format!("--path={file}"));
                call.arg("--").arg(path).line().map(Some)
            }
        }
    }

    /// Makes the index trust files whose time changed but not their contents. That other files
    /// differ is not this function's business.
    fn refresh(&self) -> Result<(), GitError> {
        let call = self.call().args(["update-index", "-q", "--refresh"]);
        call.answer().map(drop)
    }
}

/// Tries a few times: between looking at the index and locking it another program may come first,
/// and Git has no exit code of its own for that.
fn again<T>(mut attempt: impl FnMut() -> Result<T, GitError>) -> Result<T, GitError> {
    for _ in 0..5 {
        match attempt() {
            Err(GitError::Failed { .. }) => std::thread::sleep(LOCK_POLL),
            answer => return answer,
        }
    }
    attempt()
}
