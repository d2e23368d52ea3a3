//! Histories that are read without `git`, on real repositories; `git` is the judge.
#![cfg(unix)]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

mod damage;
mod opening;
mod paths;
mod random;
mod real;
mod shallow;
mod tags;
mod walks;

use std::process::{Command, Stdio};

use switchback_supply::git::log::{Commit, History, HistoryError, ObjectId, Range};
use switchback_testkit::git::ScratchRepository;

fn open(scratch: &ScratchRepository) -> History {
    History::open(scratch.path()).unwrap()
}

fn id(text: &str) -> ObjectId {
    text.parse().unwrap()
}

fn rev(scratch: &ScratchRepository, revision: &str) -> ObjectId {
    id(&scratch.git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")]))
}

fn commits(history: &History, range: &Range) -> Vec<Commit> {
    history.walk(range).unwrap().map(Result::unwrap).collect()
}

fn ids(history: &History, range: &Range) -> Vec<ObjectId> {
    commits(history, range).into_iter().map(|c| c.id).collect()
}

/// What `git rev-list` says to these arguments.
fn rev_list(scratch: &ScratchRepository, args: &[&str]) -> Vec<ObjectId> {
    let mut all = vec!["rev-list"];
    all.extend_from_slice(args);
    all.push("--");
    scratch.git(&all).lines().map(id).collect()
}

/// What a walk says until its end or its error.
fn walked(history: &History, range: &Range) -> (Vec<ObjectId>, Option<HistoryError>) {
    let mut ids = Vec::new();
    let walk = match history.walk(range) {
        Ok(walk) => walk,
        Err(error) => return (ids, Some(error)),
    };
    let mut failed = None;
    for commit in walk {
        assert!(failed.is_none(), "something came after an error");
        match commit {
            Ok(commit) => ids.push(commit.id),
            Err(error) => failed = Some(error),
        }
    }
    (ids, failed)
}

/// Runs `git` in a scratch repository with bytes on its standard input.
fn git_with_input(scratch: &ScratchRepository, args: &[&str], input: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .args(args)
        .current_dir(scratch.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A commit whose bytes after the tree and the parents are given.
fn raw_commit(scratch: &ScratchRepository, parents: &[&str], rest: &[u8]) -> ObjectId {
    let tree = scratch.git(&["write-tree"]);
    let mut bytes = format!("tree {tree}\n").into_bytes();
    for parent in parents {
        bytes.extend_from_slice(format!("parent {parent}\n").as_bytes());
    }
    bytes.extend_from_slice(rest);
    let args = [
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--stdin",
        "--literally",
    ];
    id(&git_with_input(scratch, &args, &bytes))
}
