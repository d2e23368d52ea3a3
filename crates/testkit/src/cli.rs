//! The hermetic command line: a binary run in an empty folder with an empty environment.
//!
//! Deliberately absent: a shell and a terminal. Tests that need those say so themselves.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use tempfile::TempDir;

/// A folder of its own, in which a binary is run with nothing inherited from the test's process.
#[derive(Debug)]
pub struct Cli {
    binary: PathBuf,
    scratch: TempDir,
    variables: Vec<(OsString, OsString)>,
}

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What was written to stdout.
    pub stdout: String,
    /// What was written to stderr.
    pub stderr: String,
    /// The exit code; `128 + n` after signal `n`, as shells say it.
    pub code: i32,
}

impl Cli {
    /// A fresh folder for `binary`, which is `env!("CARGO_BIN_EXE_switchback")` in the caller.
    ///
    /// # Errors
    /// If no temporary folder can be made.
    pub fn new(binary: impl Into<PathBuf>) -> io::Result<Self> {
        let scratch = TempDir::with_prefix("switchback-cli-")?;
        fs::create_dir(scratch.path().join("home"))?;
        fs::create_dir(scratch.path().join("work"))?;
        Ok(Self {
            binary: binary.into(),
            scratch,
            variables: Vec::new(),
        })
    }

    /// The folder that runs start in.
    pub fn folder(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    /// The home folder of runs; it is not above [`Cli::folder`].
    pub fn home(&self) -> PathBuf {
        self.scratch.path().join("home")
    }

    /// Sets a variable for all later runs.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.variables
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Writes a file below the folder, with the folders on the way.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.folder().join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)
    }

    /// The text of a file below the folder.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<String> {
        fs::read_to_string(self.folder().join(path))
    }

    /// The command, ready for changes before it is run. Stdin is empty.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments);
        self.isolate(&mut command);
        command
    }

    /// Gives any command the folder and the environment of a run, such as a shell that runs the
    /// binary, or git.
    pub fn isolate(&self, command: &mut Command) {
        command
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("USER", "tester")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Test Author")
            .env("GIT_AUTHOR_EMAIL", "author@example.org")
            .env("GIT_COMMITTER_NAME", "Test Author")
            .env("GIT_COMMITTER_EMAIL", "author@example.org")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
    }

    /// Runs the binary to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> io::Result<Ran> {
        self.command(arguments).output().map(Ran::from)
    }

    /// Runs the binary with a text on stdin.
    ///
    /// # Errors
    /// If it cannot be started or does not read the text.
    pub fn run_with<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        arguments: I,
        stdin: &str,
    ) -> io::Result<Ran> {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(stdin.as_bytes())?;
        }
        child.wait_with_output().map(Ran::from)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: code(output.status),
        }
    }
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_inherits_nothing() {
        let mut cli = Cli::new("/usr/bin/env").unwrap();
        let ran = cli.set("EXTRA", "1").run([""; 0]).unwrap();
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("EXTRA=1\n"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("CARGO"), "{}", ran.stdout);
    }

    #[test]
    fn streams_codes_and_signals_are_kept_apart() {
        let cli = Cli::new("/bin/sh").unwrap();
        let ran = cli.run(["-c", "echo out; echo err >&2; exit 3"]).unwrap();
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str(), ran.code),
            ("out\n", "err\n", 3)
        );
        assert_eq!(cli.run(["-c", "kill -9 $$"]).unwrap().code, 137);
        assert_eq!(
            cli.run_with(["-c", "cat"], "typed").unwrap().stdout,
            "typed"
        );
    }
}
