//! `cargo xtask tests [N]`: builds all tests and runs their binaries, `N` at a time.
//!
//! Cargo runs one binary after another. Most of ours wait most of the time: for a lock, a lease that
//! runs out, a server that starts. Several at a time wait together.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::finding::{Failure, Finding};

const CHECK: &str = "tests";

/// With the places where tests let the program die, which no other build has.
const BUILD: [&str; 5] = [
    "test",
    "--workspace",
    "--locked",
    "--features=switchback-cli/fault-injection",
    "--no-run",
];

/// The slowest ones, the slowest first: begun last, one of them would be waited for alone.
const SLOW: [&str; 12] = [
    "db/rehearsal",
    "db/postgres_backfill",
    "cli/backfill",
    "db/backfill_faults",
    "db/postgres_change",
    "db/postgres_shadow",
    "cli/guide",
    "db/history_rehearsal",
    "cli/faults",
    "cli/postgres_faults",
    "cli/postgres_fills",
    "db/switchback_db",
];

/// A test that never ends is to be seen as one: all of them together take a small part of this.
const LIMIT: Duration = Duration::from_secs(3_600);

/// Between two looks at what runs.
const PAUSE: Duration = Duration::from_millis(20);

/// A test binary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binary {
    /// The folder of its package and its own name: `db/rehearsal`.
    name: String,
    program: PathBuf,
    /// The folder of its package, in which Cargo would run it.
    folder: PathBuf,
}

struct Running {
    binary: Binary,
    child: Child,
    begun: Instant,
}

/// Runs all tests, `at_a_time` binaries at a time, and says what failed.
pub(crate) fn run(at_a_time: Option<usize>) -> Result<Vec<Finding>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let binaries = build()?;
    // One more than cores, each with as many tests at once as there are cores: they mostly wait.
    let threads = cores.to_string();
    run_all(
        in_order(binaries),
        at_a_time.unwrap_or(cores + 1),
        Instant::now() + LIMIT,
        |binary| {
            let mut command = Command::new(&binary.program);
            if std::env::var_os("RUST_TEST_THREADS").is_none() {
                command.env("RUST_TEST_THREADS", &threads);
            }
            command
        },
        &mut std::io::stdout(),
    )
}

/// What Cargo says of something that it has built.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

fn build() -> Result<Vec<Binary>, Failure> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(&cargo)
        .args(BUILD)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start {
            program: cargo,
            source,
        })?;
    if !output.status.success() {
        return Err(Failure::Command {
            command: format!("cargo {}", BUILD.join(" ")),
            stderr: "see above".to_owned(),
        });
    }
    binaries(&String::from_utf8_lossy(&output.stdout))
}

/// The test binaries in what Cargo says, a message a line.
fn binaries(messages: &str) -> Result<Vec<Binary>, Failure> {
    let mut found = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let json = |source| Failure::Json {
            what: "a message of cargo test",
            source,
        };
        let message: serde_json::Value = serde_json::from_str(line).map_err(json)?;
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        let artifact: Artifact = serde_json::from_value(message).map_err(json)?;
        // Without a harness: the command line itself, which its tests start.
        if !artifact.profile.test {
            continue;
        }
        if let (Some(program), Some(folder)) =
            (artifact.executable, artifact.manifest_path.parent())
        {
            let package = folder.file_name().unwrap_or_default().to_string_lossy();
            found.push(Binary {
                name: format!("{package}/{}", artifact.target.name),
                program,
                folder: folder.to_owned(),
            });
        }
    }
    Ok(found)
}

/// The slow ones first, the others as Cargo has them.
fn in_order(mut binaries: Vec<Binary>) -> Vec<Binary> {
    let place = |binary: &Binary| SLOW.iter().position(|name| *name == binary.name);
    binaries.sort_by_key(|binary| place(binary).unwrap_or(SLOW.len()));
    binaries
}

/// Runs what `command` makes of each binary, and ends what has not ended at `deadline`. What they
/// say is written to `out`, one after another.
fn run_all(
    binaries: Vec<Binary>,
    at_a_time: usize,
    deadline: Instant,
    command: impl Fn(&Binary) -> Command,
    out: &mut impl Write,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let mut waiting = binaries.into_iter();
    let mut running: Vec<Running> = Vec::new();
    loop {
        while running.len() < at_a_time.max(1)
            && let Some(binary) = waiting.next()
        {
            running.push(Running::start(binary, &command)?);
        }
        if running.is_empty() {
            return Ok(findings);
        }
        let late = Instant::now() > deadline;
        let mut going = Vec::new();
        for mut it in running {
            let ended = if late {
                drop(it.child.kill());
                it.child.wait().map(Some)
            } else {
                it.child.try_wait()
            };
            match ended {
                Ok(None) => going.push(it),
                Ok(Some(status)) => {
                    let outcome = if late {
                        Err("had not ended in time".to_owned())
                    } else if status.success() {
                        Ok(())
                    } else {
                        Err(status.to_string())
                    };
                    findings.extend(it.report(outcome, out)?);
                }
                Err(source) => return Err(it.binary.failure(source)),
            }
        }
        if late {
            findings
                .extend(waiting.map(|it| Finding::new(CHECK, it.name, "was not begun in time")));
            return Ok(findings);
        }
        running = going;
        std::thread::sleep(PAUSE);
    }
}

impl Binary {
    /// What it says: into a file, so that nothing has to be read from several at once, and somebody
    /// can look at one that does not end.
    fn output(&self) -> PathBuf {
        self.program.with_extension("out")
    }

    fn failure(&self, source: std::io::Error) -> Failure {
        Failure::Start {
            program: self.program.display().to_string(),
            source,
        }
    }
}

impl Running {
    fn start(binary: Binary, command: impl Fn(&Binary) -> Command) -> Result<Self, Failure> {
        let child = File::create(binary.output())
            .and_then(|output| {
                command(&binary)
                    // This process has those of xtask, by which libraries of tests find files.
                    .env("CARGO_MANIFEST_DIR", &binary.folder)
                    .env("CARGO_MANIFEST_PATH", binary.folder.join("Cargo.toml"))
                    .current_dir(&binary.folder)
                    .stdin(Stdio::null())
                    .stdout(output.try_clone()?)
                    .stderr(output)
                    // In the process group of this one, where a Ctrl-C reaches all of them.
                    .spawn()
            })
            .map_err(|source| binary.failure(source))?;
        Ok(Self {
            binary,
            child,
            begun: Instant::now(),
        })
    }

    /// Writes what it has said. A finding if it failed, with the tests that did.
    fn report(
        &self,
        outcome: Result<(), String>,
        out: &mut impl Write,
    ) -> Result<Option<Finding>, Failure> {
        let path = self.binary.output();
        let bytes = fs::read(&path).map_err(|source| Failure::Read { path, source })?;
        let text = String::from_utf8_lossy(&bytes);
        let seconds = self.begun.elapsed().as_secs_f64();
        let heading = format!("\n-- {}: {seconds:.1} s\n", self.binary.name);
        crate::say(out, &(heading + text.trim_start()));
        let failed = text.lines().filter_map(|line| {
            let line = line.strip_prefix("test ")?;
            line.strip_suffix(" ... FAILED")
        });
        Ok(outcome.err().map(|why| {
            let why = failed.fold(why, |why, test| why + "\n    " + test);
            Finding::new(CHECK, &self.binary.name, why)
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Shell scripts in a folder, as binaries.
    fn scripts(folder: &Path, scripts: &[(&str, &str)]) -> Vec<Binary> {
        let made = scripts.iter().map(|(name, script)| {
            let program = folder.join(name);
            fs::write(&program, script).unwrap();
            Binary {
                name: format!("a/{name}"),
                program,
                folder: folder.to_owned(),
            }
        });
        made.collect()
    }

    fn shell(binary: &Binary) -> Command {
        let mut command = Command::new("sh");
        command.arg(&binary.program);
        command
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn all_are_run_where_cargo_would_and_those_that_fail_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let all = scripts(
            folder.path(),
            &[
                ("one", "echo 'test here ... FAILED'; exit 101"),
                ("two", "cd \"$CARGO_MANIFEST_DIR\" && cp one copy"),
                ("three", "kill -9 $$"),
                ("four", "echo here; echo there >&2; [ -e two ]"),
            ],
        );
        let mut out = Vec::new();
        let found = run_all(all, 2, soon(), shell, &mut out).unwrap();
        let mut found: Vec<String> = found.iter().map(ToString::to_string).collect();
        found.sort();
        assert_eq!(
            found,
            [
                "tests: a/one: exit status: 101\n    here",
                "tests: a/three: signal: 9 (SIGKILL)",
            ]
        );
        assert!(folder.path().join("copy").exists());
        // What passes is shown, too, and nothing is torn apart.
        let out = String::from_utf8(out).unwrap();
        let blocks = out.split("\n-- ").filter(|it| !it.is_empty());
        let mut blocks: Vec<_> = blocks.map(|it| it.split_once(": ").unwrap()).collect();
        blocks.sort();
        let names: Vec<_> = blocks.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["a/four", "a/one", "a/three", "a/two"]);
        assert!(blocks[0].1.ends_with(" s\nhere\nthere\n"), "{out}");
    }

    #[test]
    fn as_many_run_at_once_as_were_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        // Each waits for the other.
        let all = scripts(
            folder.path(),
            &[
                ("one", "touch 1; until [ -e 2 ]; do sleep 0.01; done"),
                ("two", "touch 2; until [ -e 1 ]; do sleep 0.01; done"),
            ],
        );
        assert_eq!(run_all(all, 2, soon(), shell, &mut Vec::new()).unwrap(), []);
        // The second one sees that the first one has ended.
        let all = scripts(
            folder.path(),
            &[
                ("one", "touch begun; sleep 0.1; rm begun"),
                ("two", "[ ! -e begun ]"),
            ],
        );
        assert_eq!(run_all(all, 1, soon(), shell, &mut Vec::new()).unwrap(), []);
    }

    #[test]
    fn what_does_not_end_is_ended_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let all = scripts(
            folder.path(),
            &[("one", "exec sleep 600"), ("two", "exit 0")],
        );
        let found = run_all(all, 1, Instant::now(), shell, &mut Vec::new()).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "tests: a/one: had not ended in time",
                "tests: a/two: was not begun in time",
            ]
        );
    }

    #[test]
    fn binaries_are_read_from_the_messages_of_cargo_and_slow_ones_come_first() {
        let artifact = |package: &str, name: &str, test: bool, executable: &str| {
            serde_json::json!({
                "reason": "compiler-artifact",
                "manifest_path": format!("/w/crates/{package}/Cargo.toml"),
                "target": {"name": name, "kind": ["test"]},
                "profile": {"test": test},
                "executable": (!executable.is_empty()).then_some(executable),
            })
        };
        let messages = [
            artifact("db", "switchback_db", false, ""),
            artifact("diag", "pages", true, "/t/pages-1"),
            artifact("cli", "switchback", false, "/t/switchback"),
            artifact("db", "rehearsal", true, "/t/rehearsal-1"),
            serde_json::json!({"reason": "build-finished", "success": true}),
        ];
        let lines: Vec<String> = messages.iter().map(ToString::to_string).collect();
        let found = in_order(binaries(&lines.join("\n")).unwrap());
        let found: Vec<(&str, &Path, &Path)> = found
            .iter()
            .map(|it| (&*it.name, &*it.program, &*it.folder))
            .collect();
        assert_eq!(
            found,
            [
                (
                    "db/rehearsal",
                    Path::new("/t/rehearsal-1"),
                    Path::new("/w/crates/db")
                ),
                (
                    "diag/pages",
                    Path::new("/t/pages-1"),
                    Path::new("/w/crates/diag")
                ),
            ]
        );
        assert!(binaries("{\"reason\":").is_err());
    }
}
