//! The worked examples of the guide, typed as they stand there: every command of the tutorial and of
//! the example of a required column, in a shell, each with what the guide says that it prints.
//!
//! Needs `bash`, `git` and `sqlite3`, as the guide says. A command for which the guide shows nothing
//! has only to end well. Moments, lengths of time, digests and line breaks differ from run to run and
//! are not compared.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is typed, and what the guide says comes of it.
#[derive(Debug, Default)]
struct Typed {
    line: usize,
    command: String,
    shown: String,
}

/// The commands in the `console` blocks of a page, from one heading to the next of its level.
fn commands(page: &str, heading: &str) -> Vec<Typed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/guide")
        .join(page);
    let text = fs::read_to_string(path).unwrap();
    let level = heading.split_once(' ').unwrap().0;
    let (mut all, mut within, mut block): (Vec<Typed>, _, _) = (Vec::new(), false, false);
    // The word that ends a text that is typed after `<<'WORD'`.
    let mut until: Option<String> = None;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            block = !block && line == "```console";
            continue;
        }
        if !block
            && line
                .split_once(' ')
                .is_some_and(|(marks, _)| marks == level)
        {
            within = line == heading;
        }
        if !within || !block {
            continue;
        }
        let goes_on = all.last().is_some_and(|it| it.command.ends_with('\\'));
        if let Some(word) = &until {
            let last = all.last_mut().unwrap();
            last.command = format!("{}\n{line}", last.command);
            if line == word {
                until = None;
            }
        } else if goes_on {
            let last = all.last_mut().unwrap();
            last.command = format!("{}\n{line}", last.command);
        } else if let Some(command) = line.strip_prefix("$ ") {
            let word = command
                .split_once("<<'")
                .and_then(|(_, rest)| rest.split_once('\''));
            until = word.map(|(word, _)| word.to_owned());
            all.push(Typed {
                line: at + 1,
                command: command.to_owned(),
                shown: String::new(),
            });
        } else {
            let last = all.last_mut().unwrap();
            last.shown.push_str(line);
            last.shown.push('\n');
        }
    }
    assert!(all.len() > 10, "{page} has no {heading} with commands");
    all
}

/// What differs from run to run is taken out of a text.
fn settled(text: &str) -> String {
    let mut all: Vec<String> = Vec::new();
    for word in text.split_whitespace().map(settled_word) {
        let counted = matches!(word.trim_end_matches([',', '.']), "ms" | "batches");
        match all.last_mut() {
            // A length of time may be several words: `59m 11s`.
            Some(last) if last.ends_with(LENGTH) && word.starts_with(LENGTH) => {
                last.push_str(&word[LENGTH.len()..]);
                continue;
            }
            Some(last) if counted && last.bytes().all(|it| it.is_ascii_digit()) => {
                "N".clone_into(last);
            }
            _ => {}
        }
        all.push(word);
    }
    all.join(" ")
}

/// What stands for a length of time.
const LENGTH: &str = "LENGTH";

fn settled_word(word: &str) -> String {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let around = |what: &str| word.replacen(bare, what, 1);
    let is_hex = |it: &str| {
        it.len() >= 12
            && it
                .bytes()
                .all(|it| it.is_ascii_hexdigit() && !it.is_ascii_uppercase())
    };
    let moment = bare.len() > 18 && bare.ends_with('Z') && bare.as_bytes().get(10) == Some(&b'T');
    let length = bare.len() > 1
        && bare.ends_with(['s', 'm', 'h'])
        && bare[..bare.len() - 1].bytes().all(|it| it.is_ascii_digit());
    match bare.strip_prefix("sha256:") {
        Some(digest) if is_hex(digest) => around("DIGEST"),
        _ if is_hex(bare) => around("DIGEST"),
        _ if moment => around("MOMENT"),
        _ if length => around(LENGTH),
        _ => word.to_owned(),
    }
}

/// Types every command in one shell after the other, each where the one before ended.
fn follow(page: &str, heading: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let home = scratch.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(
        home.join(".gitconfig"),
        "[user]\n\tname = Reader\n\temail = reader@example.org\n[init]\n\tdefaultBranch = main\n",
    )
    .unwrap();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_switchback"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let place = scratch.path().join("place");
    let mut here = scratch.path().to_owned();
    for typed in commands(page, heading) {
        let ran = Command::new("bash")
            .args([
                "-c",
                "eval \"$1\" 2>&1; code=$?; pwd >\"$2\"; exit $code",
                "bash",
            ])
            .arg(&typed.command)
            .arg(&place)
            .current_dir(&here)
            .env_clear()
            .env("PATH", &path)
            .env("HOME", &home)
            .env("LANG", "C.UTF-8")
            .output()
            .unwrap();
        here = PathBuf::from(fs::read_to_string(&place).unwrap().trim_end());
        let said = String::from_utf8(ran.stdout).unwrap();
        let place = format!("{page}:{}: $ {}", typed.line, typed.command);
        let fails = typed.shown.starts_with("error[") || typed.shown.starts_with("Error:");
        assert_eq!(ran.status.success(), !fails, "{place}\n{said}");
        if !typed.shown.is_empty() {
            assert_eq!(settled(&said), settled(&typed.shown), "{place}\n{said}");
        }
    }
}

#[test]
fn a_rename_is_walked_as_the_tutorial_says() {
    follow("first-change.md", "# Your first change");
}

#[test]
fn a_required_column_is_added_as_the_guide_says() {
    follow("changes.md", "## Worked example: a required column");
}

#[test]
fn a_platform_is_cut_as_the_guide_says() {
    follow("platform.md", "# The version of a platform");
}

#[test]
fn what_differs_from_run_to_run_is_not_compared() {
    assert_eq!(
        settled(
            "done: 36\n  ms, 6 batches, until 2026-11-21T02:37:17.095Z (in 59m 11s) at d485ff1a359d"
        ),
        settled("done: 7 ms, 12 batches, until 2027-01-01T00:00:00Z (in 2s) at 55a26cecbd32")
    );
    assert_ne!(settled("50000 rows"), settled("50001 rows"));
    assert_ne!(settled("1.0.0 is live"), settled("1.1.0 is live"));
}
