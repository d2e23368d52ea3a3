//! Reading a whole history, in a process of its own each time, beside `git log` in the same run.
//!
//! It wants a repository with a long history in `SWITCHBACK_BENCH_REPOSITORY`; without one it says
//! so and measures nothing. Reported are the median wall-clock time, the processor time and the
//! largest resident memory of whole processes, and the ratio to `git`.
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
const ROUNDS: usize = 15;

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
    said: String,
}

/// Runs a command to its end and asks the system what it took.
fn measured(command: &mut Command) -> Took {
    let start = Instant::now();
    let output = Command::new(TIME)
        .args(["-f", "\n%U %S %M"])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let wall = start.elapsed();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let mut numbers = stderr.lines().last().unwrap().split(' ');
    let mut seconds = || numbers.next().unwrap().parse::<f64>().unwrap();
    let processor = Duration::from_secs_f64(seconds() + seconds());
    Took {
        wall,
        processor,
        memory: numbers.next().unwrap().parse().unwrap(),
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
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&path).args(args);
        command
    };
    let format = "--format=%H%x00%P%x00%B%x00";
    for (name, args) in [
        ("everything", vec!["log", format, "HEAD"]),
        (
            "since the last tag",
            vec!["describe", "--tags", "--abbrev=0", "HEAD"],
        ),
        (
            "paths of 2,000 commits",
            vec![
                "log",
                "--first-parent",
                "-2000",
                "--format=%H",
                "--name-only",
                "HEAD",
            ],
        ),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // One after the other, so that what disturbs the one disturbs the other.
        for _ in 0..ROUNDS {
            let mut command = Command::new(&me);
            command.env(REPOSITORY, &path).env(TASK, name);
            ours.push(measured(&mut command));
            theirs.push(measured(&mut git(&args)));
        }
        println!("{name}: {}", ours[0].said.trim());
        let wall = |took: &[Took]| median(took.iter().map(|took| took.wall));
        let processor = |took: &[Took]| median(took.iter().map(|took| took.processor));
        for (who, took) in [("here", &ours), ("git", &theirs)] {
            let best = took.iter().map(|took| took.wall).min().unwrap();
            let memory = took.iter().map(|took| took.memory).max().unwrap() / 1024;
            let (wall, processor) = (wall(took).as_millis(), processor(took).as_millis());
            let best = best.as_millis();
            println!(
                "  {who:<5}{wall:>6} ms (best {best} ms), {processor:>5} ms CPU, {memory:>4} MiB"
            );
        }
        let ratio = wall(&theirs).as_secs_f64() / wall(&ours).as_secs_f64();
        println!("  `git {}` takes {ratio:.1} times as long", args[0]);
    }
}
