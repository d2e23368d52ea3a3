//! Where PostgreSQL's programs are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::ScratchError;

/// Where packages put them: a folder, what the names in it begin with, and where the programs are
/// below each.
///
/// Debian and Ubuntu, the packages of postgresql.org for Red Hat and SUSE, Alpine, Homebrew.
const PLACES: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/usr/lib", "postgresql", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// A version of PostgreSQL that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its major version, such as 15.
    pub major: u32,
    /// Its version as it says it, such as `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// The folder with `initdb` and `postgres`.
    pub folder: PathBuf,
}

impl Installation {
    /// What is in a folder; none where `initdb` or `postgres` is not in it or does not say its
    /// version.
    pub fn at(folder: &Path) -> Option<Self> {
        if !is_complete(folder) {
            return None;
        }
        let output = Command::new(folder.join("postgres"))
            .arg("--version")
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let said = String::from_utf8(output.stdout).ok()?;
        let version = said.trim().strip_prefix("postgres (PostgreSQL) ")?;
        Some(Self {
            major: major(version)?,
            version: version.to_owned(),
            folder: folder.to_owned(),
        })
    }
}

/// The versions on this machine, the newest first: in the places of packages, then on the `PATH`. A
/// folder that is reached in two ways is listed once.
pub fn installed() -> Vec<Installation> {
    let mut found: Vec<Installation> = Vec::new();
    for folder in candidates(std::env::var_os("PATH").as_deref()) {
        let known = |one: &Installation| same(&one.folder, &folder);
        if !found.iter().any(known) {
            found.extend(Installation::at(&folder));
        }
    }
    // Stable: a package comes before the `PATH`.
    found.sort_by_key(|one| std::cmp::Reverse(one.major));
    found
}

/// The newest version on this machine.
///
/// # Errors
/// [`ScratchError::NoBinaries`], with the places.
pub fn newest() -> Result<Installation, ScratchError> {
    let none = || {
        let patterns = PLACES.iter().map(|(folder, prefix, below)| {
            Path::new(folder).join(format!("{prefix}*")).join(below)
        });
        let path = std::env::var_os("PATH").unwrap_or_default();
        ScratchError::NoBinaries {
            searched: patterns.chain(std::env::split_paths(&path)).collect(),
        }
    };
    installed().into_iter().next().ok_or_else(none)
}

pub(crate) fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|name| folder.join(name).is_file())
}

fn candidates(path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix, below) in PLACES {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        folders.extend(
            entries
                .filter(|entry| {
                    let name = entry.file_name();
                    let number = name.to_str().and_then(|name| name.strip_prefix(prefix));
                    number.and_then(major).is_some()
                })
                .map(|entry| entry.path().join(below)),
        );
    }
    folders.sort();
    let on_path = std::env::split_paths(path.unwrap_or_default())
        // Links such as /usr/bin/initdb lead to where the libraries are.
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
        .filter_map(|initdb| initdb.parent().map(Path::to_path_buf));
    folders.extend(on_path);
    folders.retain(|folder| is_complete(folder));
    folders
}

fn same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The number that a version begins with: 15 of `15.18 (Debian …)`, 18 of `18beta1`.
fn major(version: &str) -> Option<u32> {
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_begin_with_their_number() {
        assert_eq!(major("15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("18beta1"), Some(18));
        assert_eq!(major("devel"), None);
    }

    #[test]
    fn the_newest_is_first_and_says_its_version() {
        let all = installed();
        assert!(all.is_sorted_by_key(|one| std::cmp::Reverse(one.major)));
        let newest = newest().unwrap();
        assert_eq!(newest, all[0]);
        assert!(newest.version.starts_with(&newest.major.to_string()));
    }

    #[test]
    fn links_on_the_path_are_followed_and_other_folders_are_not_it() {
        let newest = newest().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["initdb", "postgres"] {
            let link = folder.path().join(name);
            std::os::unix::fs::symlink(newest.folder.join(name), link).unwrap();
        }
        let path = folder.path().as_os_str();
        assert!(
            candidates(Some(path))
                .iter()
                .all(|found| found != folder.path())
        );
        assert_eq!(Installation::at(Path::new("/nowhere")), None);
    }
}
