//! A run of the binary that is watched, stopped and killed while it goes on.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::Place;

/// How long anything is waited for: a whole fill by a polite run on a machine that is busy too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// A run with `--format json`. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    readers: Option<(JoinHandle<String>, JoinHandle<()>)>,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    /// Each line of stderr.
    pub(crate) lines: Vec<Value>,
}

impl Process {
    pub(crate) fn start(place: &Place, line: &str) -> Self {
        Self::start_with(place, line, &[])
    }

    /// With arguments that have blanks in them.
    pub(crate) fn start_with(place: &Place, line: &str, more: &[&str]) -> Self {
        let arguments = line.split_whitespace().chain(more.iter().copied());
        let mut command = place.cli.command(arguments.chain(["--format", "json"]));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let talk = std::thread::spawn(move || {
            for line in stderr.lines() {
                let line = line.unwrap();
                let value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
                kept.lock().unwrap().push(value);
            }
        });
        Self {
            child,
            lines,
            readers: Some((out, talk)),
        }
    }

    /// Waits until something is so while it runs.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&[Value]) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !is_so(&self.lines.lock().unwrap()) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < end,
                "{what}: {ended:?}: {:?}",
                self.lines.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until more rows than this have what they should.
    pub(crate) fn until_filled(&mut self, place: &Place, rows: i64) {
        self.until("rows are filled", |_| place.filled() > rows);
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// `kill -9`; whether it was still running.
    pub(crate) fn kill(mut self) -> bool {
        self.child.kill().unwrap();
        self.child.wait().unwrap().code().is_none()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let end = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < end,
                "it does not end: {:?}",
                self.lines.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(2));
        };
        let (out, talk) = self.readers.take().unwrap();
        let stdout = out.join().unwrap();
        talk.join().unwrap();
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        Ended {
            code: status.code(),
            stdout,
            lines,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// It must have ended so; its document.
    pub(crate) fn with(&self, code: i32) -> Value {
        assert_eq!(
            self.code,
            Some(code),
            "{} {:?}",
            self.stdout,
            self.lines.last()
        );
        serde_json::from_str(&self.stdout).unwrap_or(Value::Null)
    }

    /// The lines that say how far it was.
    pub(crate) fn progress(&self) -> Vec<&Value> {
        progress(&self.lines)
    }
}

/// The lines that say how far a run was.
pub(crate) fn progress(lines: &[Value]) -> Vec<&Value> {
    let of = |it: &&Value| it["schema"] == "switchback.backfill-progress/v1";
    lines.iter().filter(of).collect()
}
