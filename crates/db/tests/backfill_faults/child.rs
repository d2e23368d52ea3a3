//! Workers in processes of their own, which are killed or stopped.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::life::{Heard, Work, live_well};

const WORK: &str = "SWITCHBACK_TEST_FAULTY_WORKER";

/// The one that is killed: run by others in a process of its own.
#[test]
fn the_worker_that_is_killed() {
    let Ok(work) = std::env::var(WORK) else {
        return;
    };
    let work: Work = serde_json::from_str(&work).unwrap();
    let heard = Arc::new(Heard::default());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    println!("\nBEGUN {}", now.as_secs());
    let ended = live_well(&work, &heard);
    println!("\nHEARD {}", serde_json::json!(heard.numbers()));
    println!("ENDED {ended:?}");
}

/// A worker in a process of its own.
pub(crate) struct Worker {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// When it began by its own clock, in seconds since 1970.
    began: i64,
}

impl Worker {
    /// Starts it, and waits until it begins.
    pub(crate) fn start(work: &Work) -> Self {
        Self::start_with(work, &[])
    }

    /// The same with variables of its own.
    pub(crate) fn start_with(work: &Work, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::the_worker_that_is_killed", "--nocapture"])
            .env(WORK, serde_json::to_string(work).unwrap())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let began = loop {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "it never began");
            if let Some(began) = line.trim().strip_prefix("BEGUN ") {
                break began.parse().unwrap();
            }
        };
        Self {
            child,
            output,
            began,
        }
    }

    /// When it began by its own clock, in seconds since 1970.
    pub(crate) fn began(&self) -> i64 {
        self.began
    }

    pub(crate) fn pid(&self) -> i64 {
        i64::from(self.child.id())
    }

    /// Kills it; says whether it lived until then.
    pub(crate) fn kill(mut self) -> bool {
        let lived = self.child.try_wait().unwrap().is_none();
        let _ = self.child.kill();
        self.child.wait().unwrap();
        lived
    }

    /// Waits until it ends by itself, and gives what it heard.
    pub(crate) fn wait(mut self) -> [u64; 4] {
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{said}");
        let mut lines = said.lines();
        let heard = lines.find_map(|it| it.strip_prefix("HEARD "));
        serde_json::from_str(heard.unwrap()).unwrap()
    }
}
