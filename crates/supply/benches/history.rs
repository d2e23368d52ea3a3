//! Reading a whole history, in a process of its own each time, beside `git log` in the same run.
//!
//! It wants a repository with a long history in `SWITCHBACK_BENCH_REPOSITORY`; without one it says
//! so and measures nothing. With `SWITCHBACK_BENCH_PROGRAM`, the path of a `switchback`, its commands
//! run beside; with `SWITCHBACK_BENCH_GIT_CLIFF`, that of a `git-cliff`, so does this. Reported are the
//! median wall-clock time, the processor time and the largest resident memory of whole processes, and
//! the ratios to the times of what is measured first. What takes longer than a few seconds runs
//! once only; what takes longer than `SWITCHBACK_BENCH_BOUND` seconds (600) is ended, and that is
//! said.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has nothing to say, and prints what it measured"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchback_supply::git::log::{History, Prefixes, Range};

const REPOSITORY: &str = "SWITCHBACK_BENCH_REPOSITORY";
const TASK: &str = "SWITCHBACK_BENCH_TASK";
const TIME: &str = "/usr/bin/time";
const BOUND: &str = "SWITCHBACK_BENCH_BOUND";
const PROGRAM: &str = "SWITCHBACK_BENCH_PROGRAM";
const GIT_CLIFF: &str = "SWITCHBACK_BENCH_GIT_CLIFF";
const ROUNDS: usize = 15;
/// What takes longer runs once.
const LONG: Duration = Duration::from_secs(5);

/// What one process does.
fn task(name: &str, path: &Path) -> String {
    let history = History::open(path).unwrap();
    let head = history.head().unwrap();
    match name {
        // What a changelog of everything needs: all commits with their messages, kept, and all tags.
        "everything" => {
            let tags = history.tags().unwrap();
            let sorted = history.sort_tags(&tags);
            let commits: Vec<_> = history.walk(&Range::all(head)).unwrap().collect();
            let commits: Vec<_> = commits.into_iter().map(Result::unwrap).collect();
            let bytes: usize = commits.iter().map(|commit| commit.message().len()).sum();
            let (commits, tags) = (commits.len(), sorted.commits.len());
            format!("{commits} commits, {bytes} bytes of messages, {tags} tags of commits")
        }
        "since the last tag" => {
            let tags = history.tags().unwrap();
            let mut tagged = history.tagged(&Range::all(head), &tags).unwrap();
            let base = tagged.next().unwrap().unwrap();
            let commits = history.walk(&Range::since(base.commit, head)).unwrap();
            let commits = commits.map(Result::unwrap).count();
            format!("{commits} commits since {}", base.tags[0].name)
        }
        "paths of 2,000 commits" => {
            let prefixes = Prefixes::new(["lib/modules", "docs", "tools"]).unwrap();
            let range = Range::all(head).first_parent();
            let commits = history
                .walk(&range)
                .unwrap()
                .take(2_000)
                .map(Result::unwrap);
            let touched = commits.filter(|commit| history.touches(commit.id, &prefixes).unwrap());
            format!(
                "{} of 2,000 commits touch one of 3 prefixes",
                touched.count()
            )
        }
        other => format!("there is no task `{other}`"),
    }
}

/// What a process took.
struct Took {
    wall: Duration,
    processor: Duration,
    /// Kilobytes.
    memory: u64,
    /// Whether it came to its end.
    ended: bool,
    said: String,
}

/// Runs a command to its end and asks the system what it took.
fn measured(command: &mut Command) -> Took {
    let bound = std::env::var(BOUND).unwrap_or_else(|_| "600".to_owned());
    let start = Instant::now();
    // What `timeout` takes itself is next to nothing.
    let output = Command::new(TIME)
        .args(["-f", "\n%U %S %M", "timeout", &bound])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(command.get_current_dir().unwrap_or(Path::new(".")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let wall = start.elapsed();
    // Of `switchback version` 1 means that it asks, 3 that nothing has to be released; of `timeout`
    // 124 that it ended what it ran.
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1 | 3 | 124)), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let mut numbers = stderr.lines().last().unwrap().split(' ');
    let mut seconds = || numbers.next().unwrap().parse::<f64>().unwrap();
    let processor = Duration::from_secs_f64(seconds() + seconds());
    Took {
        wall,
        processor,
        memory: numbers.next().unwrap().parse().unwrap(),
        ended: code != Some(124),
        said: String::from_utf8_lossy(&output.stdout[..output.stdout.len().min(200)]).into_owned(),
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn main() {
    let Some(path) = std::env::var_os(REPOSITORY).map(PathBuf::from) else {
        println!("skipped: {REPOSITORY} names no repository");
        return;
    };
    if !Path::new(TIME).exists() {
        println!("skipped: there is no `{TIME}` to measure processes with");
        return;
    }
    if let Ok(name) = std::env::var(TASK) {
        println!("{}", task(&name, &path));
        return;
    }
    let me = std::env::current_exe().unwrap();
    let program = std::env::var_os(PROGRAM).map(PathBuf::from);
    let cliff = std::env::var_os(GIT_CLIFF).map(PathBuf::from);
    let format = "--format=%H%x00%P%x00%B%x00";
    let contests = [
        Contest {
            task: "everything",
            git: vec!["log", format, "HEAD"],
            // No tag is called so, so that all commits are judged.
            program: vec!["version", "--format", "json", "--tags", "none-{version}"],
            cliff: Some(vec![]),
        },
        Contest {
            task: "since the last tag",
            git: vec!["describe", "--tags", "--abbrev=0", "HEAD"],
            program: vec!["version", "--format", "json"],
            cliff: Some(vec!["--unreleased"]),
        },
        Contest {
            task: "paths of 2,000 commits",
            git: vec![
                "log",
                "--first-parent",
                "-2000",
                "--format=%H",
                "--name-only",
                "HEAD",
            ],
            program: vec![],
            cliff: None,
        },
    ];
    for contest in contests {
        let mut runners = vec![
            Runner::new("here", {
                let mut command = Command::new(&me);
                command.env(REPOSITORY, &path).env(TASK, contest.task);
                command
            }),
            Runner::new("git", {
                let mut command = Command::new("git");
                command.arg("-C").arg(&path).args(contest.git);
                command
            }),
        ];
        if let Some(program) = program.as_ref().filter(|_| !contest.program.is_empty()) {
            let mut command = Command::new(program);
            command.args(contest.program).current_dir(&path);
            runners.push(Runner::new("switchback", command));
        }
        if let Some((cliff, args)) = cliff.as_ref().zip(contest.cliff) {
            let mut command = Command::new(cliff);
            command
                .args(["--offline", "--repository"])
                .arg(&path)
                .args(args);
            command.args(["--config", "keepachangelog", "--output", "/dev/null"]);
            runners.push(Runner::new("git-cliff", command));
        }
        // One after the other, so that what disturbs the one disturbs the other.
        for _ in 0..ROUNDS {
            for runner in runners.iter_mut().filter(|it| !it.is_long()) {
                runner.took.push(measured(&mut runner.command));
            }
        }
        println!("{}: {}", contest.task, runners[0].took[0].said.trim());
        let first = &runners[0];
        for runner in &runners {
            let best = runner.took.iter().map(|took| took.wall).min().unwrap();
            let memory = runner.took.iter().map(|took| took.memory).max().unwrap() / 1024;
            let over = match runner.took.iter().all(|took| took.ended) {
                true => "",
                false => ", and did not end",
            };
            // The clock of processes ticks every few milliseconds: less than that is no time to divide by.
            let first_processor = first.processor().as_secs_f64();
            let processor = match first_processor > 0.0 {
                true => {
                    let times = runner.processor().as_secs_f64() / first_processor;
                    format!(", {times:.1} times the CPU")
                }
                false => String::new(),
            };
            println!(
                "  {:<11}{:>7} ms (best {} ms), {:>6} ms CPU, {memory:>4} MiB, {:.1} times as long\
                 {processor}{over}",
                runner.who,
                runner.wall().as_millis(),
                best.as_millis(),
                runner.processor().as_millis(),
                runner.wall().as_secs_f64() / first.wall().as_secs_f64(),
            );
        }
    }
}

/// A task, and the arguments of the programs that do the same or less.
struct Contest {
    task: &'static str,
    git: Vec<&'static str>,
    /// None where no command does just that.
    program: Vec<&'static str>,
    cliff: Option<Vec<&'static str>>,
}

/// A program that takes part.
struct Runner {
    who: &'static str,
    command: Command,
    took: Vec<Took>,
}

impl Runner {
    const fn new(who: &'static str, command: Command) -> Self {
        let took = Vec::new();
        Self { who, command, took }
    }

    /// Whether it took so long that once is enough.
    fn is_long(&self) -> bool {
        self.took.iter().any(|took| took.wall > LONG)
    }

    fn wall(&self) -> Duration {
        median(self.took.iter().map(|took| took.wall))
    }

    fn processor(&self) -> Duration {
        median(self.took.iter().map(|took| took.processor))
    }
}
