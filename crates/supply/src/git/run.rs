//! Starting `git`: what it inherits, what it may write, and how long it may take.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::error::{GitError, escaped};

/// The `GIT_*` variables that say who the user is, how to reach a remote and where the
/// configuration is. Everything else (`GIT_DIR`, `GIT_INDEX_FILE`, `GIT_TRACE`, …) is dropped.
const KEPT: [&str; 14] = [
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_EXEC_PATH",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
];

/// Settings that start no program of the user's, print what is expected, and keep what is written.
const SETTINGS: [&str; 11] = [
    // Git's default leaves loose objects to the system: after a power cut a branch could name a
    // commit that is not there.
    "core.fsync=committed,reference",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "advice.detachedHead=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
];

/// For commands that only touch the disk.
pub(super) const LOCAL: Duration = Duration::from_secs(60);
/// For commands that run the user's hooks, which may test a whole project.
pub(super) const HOOKS: Duration = Duration::from_secs(1_800);
/// For commands that sign: a passphrase may have to be typed, or a token to be touched.
pub(super) const SIGNING: Duration = Duration::from_secs(180);
/// For commands that talk to a remote.
pub(super) const REMOTE: Duration = Duration::from_secs(180);
/// What an answer of unknown size may have.
pub(super) const OUTPUT_LIMIT: u64 = 64 << 20;
const STDERR_LIMIT: u64 = 64 << 10;

/// A `git` call in the making.
pub(super) struct Call {
    command: Command,
    program: PathBuf,
    shown: String,
    input: Option<Vec<u8>>,
    limit: u64,
    deadline: Duration,
}

/// How a call ended.
pub(super) struct Answer {
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    stderr: Vec<u8>,
    shown: String,
}

impl Call {
    pub(super) fn new(program: &Path, folder: &Path) -> Self {
        let call = Self::with_hooks(program, folder).env("GIT_LITERAL_PATHSPECS", "1");
        call.quiet_arg("-c").quiet_arg("core.hooksPath=/dev/null")
    }

    /// A call that runs the user's hooks. Paths are not literal, because that would hold for what the
    /// hooks call too.
    pub(super) fn with_hooks(program: &Path, folder: &Path) -> Self {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("GIT_") && !KEPT.contains(&text.as_ref()) {
                command.env_remove(&name);
            }
        }
        command
            .env("LC_ALL", "C")
            .env_remove("LANGUAGE")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GCM_INTERACTIVE", "never")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_EDITOR", "false")
            .current_dir(folder)
            .arg("--no-pager");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        Self {
            command,
            program: program.to_owned(),
            shown: "git".to_owned(),
            input: None,
            limit: OUTPUT_LIMIT,
            deadline: LOCAL,
        }
    }

    /// Options that are not worth showing.
    pub(super) fn quiet_arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown
            .push_str(&escaped(&arg.as_ref().to_string_lossy()));
        self.command.arg(arg);
        self
    }

    pub(super) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(self, args: I) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    pub(super) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    pub(super) fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    pub(super) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs the call; any exit code is an answer.
    pub(super) fn answer(mut self) -> Result<Answer, GitError> {
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let mut child = self
            .command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| self.not_started(source))?;
        if let (Some(bytes), Some(mut pipe)) = (self.input.take(), child.stdin.take()) {
            // Git may end without reading everything; its exit code then says why.
            thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let stdout = collect(child.stdout.take(), self.limit);
        let stderr = collect(child.stderr.take(), STDERR_LIMIT);
        let end = Instant::now() + self.deadline;
        let Some((stdout, whole)) = wait(&stdout, end) else {
            return Err(self.stopped(child));
        };
        if !whole {
            stop(child);
            return Err(GitError::TooLarge {
                what: format!("the output of `{}`", self.shown),
                limit: self.limit,
            });
        }
        let Some((stderr, _)) = wait(&stderr, end) else {
            return Err(self.stopped(child));
        };
        let status = child.wait().map_err(|source| GitError::Io {
            what: "waiting for git".to_owned(),
            source,
        })?;
        Ok(Answer {
            code: status.code(),
            stdout,
            stderr,
            shown: self.shown,
        })
    }

    /// Runs the call; another exit code than 0 is an error.
    pub(super) fn output(self) -> Result<Vec<u8>, GitError> {
        let answer = self.answer()?;
        if answer.code == Some(0) {
            Ok(answer.stdout)
        } else {
            Err(answer.failed())
        }
    }

    /// Like [`Call::output`], as text without the last line break.
    pub(super) fn line(self) -> Result<String, GitError> {
        let mut text = String::from_utf8_lossy(&self.output()?).into_owned();
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    fn not_started(&self, source: std::io::Error) -> GitError {
        // The folder being gone looks the same as the program being gone.
        let folder = self.command.get_current_dir();
        match folder {
            Some(folder) if !folder.is_dir() => GitError::NotARepository {
                path: folder.to_owned(),
            },
            _ => GitError::GitMissing {
                program: escaped(&self.program.to_string_lossy()),
                source,
            },
        }
    }

    fn stopped(&self, child: Child) -> GitError {
        stop(child);
        GitError::TimedOut {
            command: self.shown.clone(),
            seconds: self.deadline.as_secs(),
        }
    }
}

impl Answer {
    /// What Git said, on one line and escaped.
    pub(super) fn complaint(&self) -> String {
        escaped(&String::from_utf8_lossy(&self.stderr))
    }

    /// What Git said, as it was.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub(super) fn failed(&self) -> GitError {
        let stderr = match (self.complaint(), self.code) {
            (text, Some(code)) if text.is_empty() => format!("exit code {code}"),
            (text, None) if text.is_empty() => "killed".to_owned(),
            (text, _) => text,
        };
        GitError::Failed {
            command: self.shown.clone(),
            stderr,
        }
    }
}

type Collected = mpsc::Receiver<(Vec<u8>, bool)>;

/// Reads a pipe to its end on a thread of its own, so that two full pipes cannot block each other.
/// The flag says whether everything fitted into `limit`.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Collected {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let Some(mut pipe) = pipe else { return };
        let whole = match (&mut pipe).take(limit).read_to_end(&mut bytes) {
            Ok(_) => matches!(pipe.read(&mut [0; 1]), Ok(0)),
            Err(_) => false,
        };
        drop(sender.send((bytes, whole)));
        if !whole {
            // Standard error is cut, not refused: let Git write on.
            drop(std::io::copy(&mut pipe, &mut std::io::sink()));
        }
    });
    receiver
}

fn wait(collected: &Collected, end: Instant) -> Option<(Vec<u8>, bool)> {
    let left = end.saturating_duration_since(Instant::now());
    collected.recv_timeout(left).ok()
}

fn stop(mut child: Child) {
    drop(child.kill());
    drop(child.wait());
}
