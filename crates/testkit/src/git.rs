//! Scratch Git repositories: scripted identity, fixed dates, none of the developer's settings.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of tests fails the test that uses it"
)]

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The moment of the first commit, 2026-01-01T00:00:00Z in seconds; each later one is a minute on.
pub const FIRST_COMMIT: u64 = 1_767_225_600;

/// A real Git repository. Equal calls in equal order give equal commit ids on every machine.
#[derive(Debug)]
pub struct ScratchRepository {
    path: PathBuf,
    commits: Cell<u64>,
    /// Removed when this is dropped.
    _folder: Option<TempDir>,
}

impl ScratchRepository {
    /// A new repository with a work tree, on the branch `main`, without commits, removed on drop.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("repository");
        Self::init(path, &["init", "--quiet", "-b", "main"], Some(folder))
    }

    /// The same without a work tree.
    pub fn bare() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join("repository.git");
        let args = ["init", "--quiet", "--bare", "-b", "main"];
        Self::init(path, &args, Some(folder))
    }

    /// A new repository with a work tree in `path`, which is made if need be and stays.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::init(path.into(), &["init", "--quiet", "-b", "main"], None)
    }

    /// A repository that is there, to be looked at: nothing of it is set, and it stays.
    pub fn existing(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            commits: Cell::new(0),
            _folder: None,
        }
    }

    /// A bare copy of this repository.
    pub fn clone_bare(&self) -> Self {
        let copy = Self::bare();
        let source = self.path.to_str().expect("a temporary path is UTF-8");
        copy.git(&["fetch", "--quiet", source, "+refs/*:refs/*"]);
        copy
    }

    fn init(path: PathBuf, init: &[&str], folder: Option<TempDir>) -> Self {
        fs::create_dir_all(&path).expect("the folder of a scratch repository");
        let repository = Self {
            path,
            commits: Cell::new(0),
            _folder: folder,
        };
        repository.git(init);
        for (key, value) in [
            ("user.name", "Ada Scratch"),
            ("user.email", "ada@example.org"),
            ("commit.gpgsign", "false"),
            ("tag.gpgsign", "false"),
            ("core.autocrlf", "false"),
            ("gc.auto", "0"),
        ] {
            repository.git(&["config", key, value]);
        }
        repository
    }

    /// The top folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `git` here and gives what it printed, without blanks around it.
    ///
    /// # Panics
    /// If Git fails.
    pub fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("git {args:?} failed: {stderr}");
        }
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs `git` here.
    ///
    /// # Panics
    /// If Git cannot be started.
    pub fn try_git(&self, args: &[&str]) -> Output {
        let date = format!("{} +0000", FIRST_COMMIT + 60 * self.commits.get());
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .args(args)
            .current_dir(&self.path)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .expect("git can be started")
    }

    /// Writes a file of the work tree, with its folders.
    ///
    /// # Panics
    /// If that fails.
    pub fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        let path = self.path.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("the folder of a scratch file");
        }
        fs::write(path, contents).expect("a scratch file");
    }

    /// The bytes of a file of the work tree.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path.join(file)).expect("a scratch file")
    }

    /// Commits everything in the work tree, and gives the full id of the commit.
    ///
    /// # Panics
    /// If Git fails.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.commits.set(self.commits.get() + 1);
        self.head()
    }

    /// [`ScratchRepository::write`] and [`ScratchRepository::commit`].
    ///
    /// # Panics
    /// If one of them does.
    pub fn commit_file(&self, file: &str, contents: impl AsRef<[u8]>, message: &str) -> String {
        self.write(file, contents);
        self.commit(message)
    }

    /// Makes a hook that runs commands of a shell, and gives its path.
    ///
    /// # Panics
    /// If it cannot be written.
    #[cfg(unix)]
    pub fn hook(&self, name: &str, commands: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;

        let file = format!(".git/hooks/{name}");
        self.write(&file, format!("#!/bin/sh\n{commands}\n"));
        let path = self.path.join(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a hook");
        path
    }

    /// Lets Git sign with an SSH key, such as one of [`ssh_key`].
    ///
    /// # Panics
    /// If Git fails.
    pub fn sign_with(&self, key: &Path) {
        self.git(&["config", "gpg.format", "ssh"]);
        let key = key.to_str().expect("a temporary path is UTF-8");
        self.git(&["config", "user.signingKey", key]);
    }

    /// The full id of the commit that is checked out.
    ///
    /// # Panics
    /// If there is none.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }
}

impl Default for ScratchRepository {
    fn default() -> Self {
        Self::new()
    }
}

/// A new key pair for SSH in a folder, without a password; the path of the private one. The public
/// one is beside it, with the extension `pub`.
///
/// # Panics
/// If `ssh-keygen` cannot be started or fails.
pub fn ssh_key(folder: &Path, name: &str) -> PathBuf {
    let key = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ada@example.org"])
        .arg("-f")
        .arg(&key)
        .status()
        .expect("ssh-keygen can be started");
    assert!(made.success(), "ssh-keygen: {made}");
    key
}
