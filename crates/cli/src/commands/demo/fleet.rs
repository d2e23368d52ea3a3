//! The instances of the application: started, watched, replaced one by one.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Trouble;

/// How many instances each environment has.
const INSTANCES: usize = 2;
/// How many requests an instance serves before the next one is replaced.
const WARM: u64 = 20;
/// How long an instance may take for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an instance has said.
#[derive(Default)]
struct Heard {
    requests: AtomicU64,
    report: Mutex<Option<String>>,
}

struct Instance {
    name: String,
    version: String,
    process: Child,
    heard: Arc<Heard>,
    /// Ends when the instance's stdout does; from then on everything is heard.
    listener: Option<JoinHandle<()>>,
}

impl Instance {
    /// What went wrong, if something did: its own report, or that it ended by itself.
    fn trouble(&mut self) -> Option<String> {
        let ended = self.process.try_wait().ok().flatten();
        if ended.is_some()
            && let Some(listener) = self.listener.take()
        {
            // It only reads lines and cannot panic; there is nothing to learn from its end.
            let _ = listener.join();
        }
        let report = self
            .heard
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        report.or_else(|| ended.map(|status| format!("it ended by itself: {status}")))
    }
}

/// Takes in what an instance says, until it says no more.
fn listen(stdout: ChildStdout, heard: &Heard) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("requests", count)) => {
                heard
                    .requests
                    .store(count.parse().unwrap_or(0), Ordering::Relaxed);
            }
            Some(("error", report)) => {
                let mut slot = heard.report.lock().unwrap_or_else(PoisonError::into_inner);
                *slot = Some(report.to_owned());
            }
            _ => {}
        }
    }
}

/// All instances of all environments.
pub(super) struct Fleet {
    program: PathBuf,
    folder: PathBuf,
    running: Vec<(String, Instance)>,
    started: u32,
    /// Requests of instances that are gone, by version.
    served: Vec<(String, u64)>,
}

impl Fleet {
    /// No instance yet. `folder` holds the databases and, in `releases`, the statements of each
    /// version.
    pub(super) fn new(program: PathBuf, folder: &Path) -> Self {
        Self {
            program,
            folder: folder.to_owned(),
            running: Vec::new(),
            started: 0,
            served: Vec::new(),
        }
    }

    /// Starts the instances of an environment at a version.
    pub(super) fn start(&mut self, environment: &str, version: &str) -> Result<(), Trouble> {
        for _ in 0..INSTANCES {
            self.add(environment, version)?;
        }
        Ok(())
    }

    fn add(&mut self, environment: &str, version: &str) -> Result<(), Trouble> {
        self.started += 1;
        let name = format!("{environment}, instance {} at {version}", self.started);
        let mut process = Command::new(&self.program)
            .arg("demo-app")
            .arg("--database")
            .arg(self.folder.join("shop").join(format!("{environment}.db")))
            .arg("--statements")
            .arg(self.folder.join("releases").join(format!("{version}.toml")))
            .args(["--number", &self.started.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Trouble::scene("the application could not be started"))?;
        let heard = Arc::new(Heard::default());
        let listener = process.stdout.take().map(|stdout| {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || listen(stdout, &heard))
        });
        let version = version.to_owned();
        let instance = Instance {
            name,
            version,
            process,
            heard,
            listener,
        };
        self.running.push((environment.to_owned(), instance));
        let last = self.running.len() - 1;
        self.wait_until_warm(last)
    }

    fn wait_until_warm(&mut self, place: usize) -> Result<(), Trouble> {
        let begun = Instant::now();
        loop {
            self.check()?;
            let (_, instance) = &self.running[place];
            if instance.heard.requests.load(Ordering::Relaxed) >= WARM {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let what = format!("{} to serve", instance.name);
                return Err(Trouble::Late {
                    what,
                    seconds: PATIENCE.as_secs(),
                });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Fails if any instance met an error or a stale value, or ended by itself.
    pub(super) fn check(&mut self) -> Result<(), Trouble> {
        for (_, instance) in &mut self.running {
            if let Some(report) = instance.trouble() {
                return Err(Trouble::Application {
                    instance: instance.name.clone(),
                    report,
                });
            }
        }
        Ok(())
    }

    /// Replaces the instances of an environment one by one, as a rolling deployment does: the new
    /// one serves before the old one goes.
    pub(super) fn roll(&mut self, environment: &str, version: &str) -> Result<(), Trouble> {
        let old = |(place, instance): &(String, Instance)| {
            place == environment && instance.version != version
        };
        while let Some(place) = self.running.iter().position(old) {
            self.add(environment, version)?;
            let (_, instance) = self.running.remove(place);
            self.stop(instance)?;
        }
        self.check()
    }

    fn stop(&mut self, mut instance: Instance) -> Result<(), Trouble> {
        drop(instance.process.stdin.take());
        let status = instance
            .process
            .wait()
            .map_err(Trouble::scene("the application did not end"))?;
        if !status.success()
            && let Some(report) = instance.trouble()
        {
            return Err(Trouble::Application {
                instance: instance.name.clone(),
                report,
            });
        }
        // It ended as it was asked to; its last line says how much it served.
        if let Some(listener) = instance.listener.take() {
            let _ = listener.join();
        }
        let count = instance.heard.requests.load(Ordering::Relaxed);
        match self
            .served
            .iter_mut()
            .find(|(version, _)| *version == instance.version)
        {
            Some((_, sum)) => *sum += count,
            None => self.served.push((instance.version.clone(), count)),
        }
        Ok(())
    }

    /// Stops everything, and says how many requests each version served.
    pub(super) fn stop_all(&mut self) -> Result<Vec<(String, u64)>, Trouble> {
        self.check()?;
        while let Some((_, instance)) = self.running.pop() {
            self.stop(instance)?;
        }
        self.served.sort();
        Ok(self.served.clone())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for (_, instance) in &mut self.running {
            // It may have ended already, and then there is nothing to do.
            let _ = instance.process.kill();
            let _ = instance.process.wait();
        }
    }
}
