//! Finding a repository.

use std::path::{Path, PathBuf};

use super::error::GitError;
use super::run::Call;

/// A Git repository on this machine, with a work tree or bare.
#[derive(Debug, Clone)]
pub struct Repository {
    program: PathBuf,
    git_dir: PathBuf,
    work_tree: Option<PathBuf>,
}

impl Repository {
    /// The repository that holds `start`: the nearest one at or above it.
    ///
    /// # Errors
    /// [`GitError::GitMissing`], [`GitError::NotARepository`], or [`GitError::Failed`] if there is
    /// one that Git refuses to use (for example because it belongs to another user).
    pub fn discover(start: &Path) -> Result<Self, GitError> {
        Self::discover_with(Path::new("git"), start)
    }

    /// [`Repository::discover`] with another `git` program.
    ///
    /// # Errors
    /// As for [`Repository::discover`].
    pub fn discover_with(program: &Path, start: &Path) -> Result<Self, GitError> {
        let ask = |what: &str| Call::new(program, start).args(["rev-parse", what]);
        let answer = ask("--absolute-git-dir").answer()?;
        if answer.code != Some(0) {
            // Git has one exit code for everything, so look whether there is anything to use.
            return Err(if looks_like_a_repository(start) {
                answer.failed()
            } else {
                GitError::NotARepository {
                    path: start.to_owned(),
                }
            });
        }
        let git_dir = path_of(answer.stdout);
        // False in a bare repository and inside of `.git`.
        let work_tree = match ask("--is-inside-work-tree").line()?.as_str() {
            "true" => Some(path_of(ask("--show-toplevel").output()?)),
            _ => None,
        };
        Ok(Self {
            program: program.to_owned(),
            git_dir,
            work_tree,
        })
    }

    /// The repository whose top folder (or bare folder) is `path`; one further up does not count.
    ///
    /// # Errors
    /// As for [`Repository::discover`].
    pub fn open(path: &Path) -> Result<Self, GitError> {
        Self::open_with(Path::new("git"), path)
    }

    /// [`Repository::open`] with another `git` program.
    ///
    /// # Errors
    /// As for [`Repository::discover`].
    pub fn open_with(program: &Path, path: &Path) -> Result<Self, GitError> {
        let found = Self::discover_with(program, path)?;
        let top = found.work_tree.as_deref().unwrap_or(&found.git_dir);
        let same = match (path.canonicalize(), top.canonicalize()) {
            (Ok(asked), Ok(top)) => asked == top,
            _ => false,
        };
        if same {
            Ok(found)
        } else {
            Err(GitError::NotARepository {
                path: path.to_owned(),
            })
        }
    }

    /// The top folder of the work tree; `None` for a bare repository.
    pub fn work_tree(&self) -> Option<&Path> {
        self.work_tree.as_deref()
    }

    /// Git's own folder.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// A call in the work tree as the user would make it: hooks run, and find no `GIT_DIR` that
    /// would mislead what they call elsewhere.
    ///
    /// # Errors
    /// [`GitError::Bare`] without a work tree.
    pub(super) fn call_with_hooks(&self) -> Result<Call, GitError> {
        match &self.work_tree {
            Some(tree) => Ok(Call::with_hooks(&self.program, tree)),
            None => Err(GitError::Bare {
                path: self.git_dir.clone(),
            }),
        }
    }

    /// A call on this repository, whatever the current folder is.
    pub(super) fn call(&self) -> Call {
        let folder = self.work_tree.as_deref().unwrap_or(&self.git_dir);
        let mut git_dir = std::ffi::OsString::from("--git-dir=");
        git_dir.push(&self.git_dir);
        let call = Call::new(&self.program, folder).quiet_arg(git_dir);
        match &self.work_tree {
            Some(tree) => {
                let mut work_tree = std::ffi::OsString::from("--work-tree=");
                work_tree.push(tree);
                call.quiet_arg(work_tree)
            }
            None => call,
        }
    }
}

fn looks_like_a_repository(start: &Path) -> bool {
    let start = start.canonicalize().unwrap_or_else(|_| start.to_owned());
    start.ancestors().any(|folder| {
        folder.join(".git").exists()
            || (folder.join("HEAD").is_file() && folder.join("objects").is_dir())
    })
}

/// A path as Git printed it, less the line break that Git added.
pub(super) fn path_of(mut bytes: Vec<u8>) -> PathBuf {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes_to_path(bytes)
}

#[cfg(unix)]
pub(super) fn bytes_to_path(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(not(unix))]
pub(super) fn bytes_to_path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}
