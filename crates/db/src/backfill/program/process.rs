//! The process, and the threads that pump what goes in and comes out.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use switchback_migration::backfill::program::LONGEST_LINE;

use super::{Launch, ProgramError};
use crate::text::printable;

/// How many lines of answers wait to be taken, at most: a program that says more waits.
const WAITING: usize = 16;

/// How many lines of what it says beside its answers are kept.
const KEPT: usize = 8;

/// How many of them are told while it runs.
const TOLD: usize = 100;

/// How long one of them may be, in bytes.
const LONGEST_WORD: usize = 1000;

/// How long a program whose input has ended may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// What came out of a program.
pub(super) enum Heard {
    Line(Vec<u8>),
    /// A line that is too long.
    TooLong,
    /// Its output has ended.
    End,
    /// Nothing in this time.
    Nothing,
}

type Said = Arc<Mutex<VecDeque<String>>>;

/// A program that runs.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    command: String,
    patience: Duration,
    /// None once its input has ended.
    input: Option<Sender<Vec<u8>>>,
    output: Receiver<Heard>,
    /// Ends with the thread that reads what it says beside its answers.
    quiet: Receiver<()>,
    said: Said,
    /// When whoever asks was called last.
    pub(super) looked: Instant,
    /// How it ended, once it did.
    status: Option<String>,
}

impl Process {
    pub(super) fn start(launch: &Launch, command: &[String]) -> Result<Self, ProgramError> {
        let name = command.first().cloned().unwrap_or_default();
        let not_started = |why: std::io::Error| ProgramError::NotStarted {
            command: name.clone(),
            why: why.to_string(),
        };
        let program = match name.contains('/') {
            true => launch.folder.join(&name),
            false => PathBuf::from(&name),
        };
        let mut starting = Command::new(program);
        starting
            .args(command.iter().skip(1))
            .current_dir(&launch.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // What says how to reach the database is none of its business.
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if launch.secret.iter().any(|it| name.starts_with(it.as_str())) {
                starting.env_remove(&variable);
            }
        }
        // Out of reach of a Ctrl-C, which is ours to heed, and to be ended with all that it starts.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut starting, 0);
        let mut child = starting.spawn().map_err(not_started)?;
        let (input, lines) = mpsc::channel();
        let (heard, output) = mpsc::sync_channel(WAITING);
        let (talking, quiet) = mpsc::channel();
        let said = Said::default();
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Self {
            child,
            command: name.clone(),
            patience: launch.patience,
            input: Some(input),
            output,
            quiet,
            said: Arc::clone(&said),
            looked: Instant::now(),
            status: None,
        };
        if let (Some(stdin), Some(stdout), Some(stderr)) = pipes {
            let told = Arc::clone(&launch.told);
            // Whatever fails here, what was started is ended when this is dropped.
            let threads = thread(move || pump_in(stdin, &lines))
                .and_then(|()| thread(move || pump_out(stdout, &heard)))
                .and_then(|()| {
                    thread(move || {
                        pump_beside(stderr, &said, &*told);
                        drop(talking);
                    })
                });
            threads.map_err(not_started)?;
        }
        Ok(process)
    }

    pub(super) fn command(&self) -> &str {
        &self.command
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Puts lines into its input. That it does not take them is seen by its not answering.
    pub(super) fn say(&mut self, lines: Vec<u8>) {
        if let Some(input) = &self.input {
            let _ = input.send(lines);
        }
    }

    /// The next line of its output, if there is one in this time.
    pub(super) fn next(&mut self, most: Duration) -> Heard {
        match self.output.recv_timeout(most) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
    }

    /// The end of what it said beside its answers.
    pub(super) fn said(&mut self) -> Vec<String> {
        self.end();
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().cloned().collect()
    }

    /// Ends it: its input first, and what is left of it after a while. Says how it ended.
    pub(super) fn end(&mut self) -> String {
        if let Some(status) = &self.status {
            return status.clone();
        }
        self.input = None;
        // Both pipes end when nobody of the group holds them any more.
        let until = Instant::now() + GRACE;
        let left = || until.saturating_duration_since(Instant::now());
        while matches!(
            self.output.recv_timeout(left()),
            Ok(Heard::Line(_) | Heard::TooLong)
        ) {}
        let _ = self.quiet.recv_timeout(left());
        self.kill();
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.status.insert(status).clone()
    }

    /// Ends whoever is left of its group. The group's number cannot be anybody else's: it is that of
    /// its first process, which nobody has waited for yet.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn thread(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name("switchback-program".to_owned());
    thread.spawn(work).map(drop)
}

/// What goes in. It ends with the first line that nobody takes any more.
fn pump_in(mut stdin: ChildStdin, lines: &Receiver<Vec<u8>>) {
    for some in lines {
        if stdin.write_all(&some).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// A line without its end, or its first `most` bytes; none at the end.
fn read_line(from: &mut impl BufRead, most: usize) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let read = from.take(most as u64 + 1).read_until(b'\n', &mut line);
    if !matches!(read, Ok(1..)) {
        return None;
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Some(line)
}

fn pump_out(stdout: ChildStdout, heard: &SyncSender<Heard>) {
    let mut stdout = BufReader::new(stdout);
    while let Some(line) = read_line(&mut stdout, LONGEST_LINE) {
        let one = match line.len() > LONGEST_LINE {
            true => Heard::TooLong,
            false => Heard::Line(line),
        };
        if heard.send(one).is_err() {
            return;
        }
    }
    let _ = heard.send(Heard::End);
}

/// What it says beside its answers. It is read to its end, so that the program never waits for us.
fn pump_beside(stderr: ChildStderr, said: &Said, told: &dyn Fn(&str)) {
    let mut stderr = BufReader::new(stderr);
    let mut lines = 0;
    while let Some(line) = read_line(&mut stderr, LONGEST_WORD) {
        let line = printable(&String::from_utf8_lossy(&line));
        lines += 1;
        match lines {
            ..=TOLD => told(&line),
            _ if lines == TOLD + 1 => told("and more, which is not shown"),
            _ => {}
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == KEPT {
            said.pop_front();
        }
        said.push_back(line);
    }
}
