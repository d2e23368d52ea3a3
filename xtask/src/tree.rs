//! The files of the project: those that Git tracks and those that it would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::finding::Failure;

/// The files below a root, with `/` between parts.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: BTreeSet<String>,
}

impl Tree {
    /// New files count before they are added, so that a check says the same before and after a
    /// commit; ignored ones never do.
    pub(crate) fn load(root: &Path) -> Result<Self, Failure> {
        let mut command = Command::new("git");
        // A hook's variables would name another index.
        for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        let output = command
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root)
            .output()
            .map_err(|source| Failure::Start {
                program: "git".to_owned(),
                source,
            })?;
        if !output.status.success() {
            return Err(Failure::Command {
                command: "git ls-files".to_owned(),
                stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        let files = names.split('\0').filter(|name| !name.is_empty());
        Ok(Self {
            root: root.to_owned(),
            // A file that was deleted but not yet committed as such is gone.
            files: files
                .filter(|name| root.join(name).symlink_metadata().is_ok())
                .map(str::to_owned)
                .collect(),
        })
    }

    /// The bytes of a file; nothing for a link, which is not followed.
    pub(crate) fn read(&self, file: &str) -> Result<Vec<u8>, Failure> {
        let path = self.root.join(file);
        if path.is_symlink() {
            return Ok(Vec::new());
        }
        std::fs::read(&path).map_err(|source| Failure::Read { path, source })
    }

    /// The text of a file, with what is not UTF-8 replaced.
    pub(crate) fn text(&self, file: &str) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&self.read(file)?).into_owned())
    }

    /// Whether a path is a file or a folder with files. The empty path is the root.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let below = format!("{path}/");
        let in_folder = |file: &String| file.starts_with(&below);
        path.is_empty() || self.files.contains(path) || self.files.iter().any(in_folder)
    }
}
