//! `switchback rehearse --history` on what nobody should have written: every run ends, with a verdict
//! or a code, and without a panic.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{run, switchback};
use switchback_testkit::cli::Cli;

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> Cli {
    let cli = switchback();
    for (name, text) in files {
        cli.write(format!("migrations/{name}"), text).unwrap();
    }
    cli
}

/// The report of a run that ends with this code.
fn report(cli: &Cli, engine: &str, code: i32) -> Value {
    let line = format!("rehearse --history migrations --engine {engine} --format json");
    let ran = run(cli, &line);
    assert_eq!(ran.code, code, "{engine}: {}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Verdicts, by version.
fn verdicts(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["migrations"].as_array().unwrap().iter();
    all.map(|it| (text(&it["version"]), text(&it["verdict"])))
        .collect()
}

fn message(report: &Value, place: usize) -> String {
    let faults = report["migrations"][place]["faults"].as_array().unwrap();
    let all = faults.iter().map(|it| it["message"].as_str().unwrap());
    all.collect::<Vec<_>>().join("\n")
}

const ENGINES: [&str; 2] = ["postgres", "sqlite"];

#[test]
fn what_is_no_text_or_no_sql_has_a_verdict() {
    let cli = folder(&[
        (
            "1_users.up.sql",
            b"CREATE TABLE users (id int PRIMARY KEY, x text);",
        ),
        ("1_users.down.sql", b"DROP TABLE users;"),
        // Latin-1.
        (
            "2_name.up.sql",
            b"ALTER TABLE users ADD COLUMN stra\xdfe text;",
        ),
        ("2_name.down.sql", b"ALTER TABLE users DROP COLUMN x;"),
        // UTF-16.
        ("3_wide.up.sql", b"\xff\xfeS\x00E\x00L\x00 \x001\x00;\x00"),
        ("3_wide.down.sql", b"SELECT 1;"),
        ("4_nul.up.sql", b"SELECT 1;\0 SELECT 2;"),
        ("4_nul.down.sql", b"SELECT 1;"),
        // A down that is missing, one that cannot be read, an empty file.
        ("5_no_down.up.sql", b"CREATE TABLE more (x int);"),
        ("6_bad_down.up.sql", b"SELECT 1;"),
        ("6_bad_down.down.sql", b"\xff\xfe\xfd"),
        ("7_empty.up.sql", b""),
        ("7_empty.down.sql", b""),
        // Ends in the middle.
        ("8_cut.up.sql", b"CREATE TABLE cut (x int, 'unfinished"),
        ("8_cut.down.sql", b"DROP TABLE cut;"),
    ]);
    for engine in ENGINES {
        let found = report(&cli, engine, 1);
        let wanted = [
            ("1", "restores"),
            ("2", "unreadable"),
            ("3", "unreadable"),
            ("4", "faulty"),
            ("5", "no-way-down"),
            ("6", "no-way-down"),
            ("7", "restores"),
            ("8", "faulty"),
        ];
        let wanted = wanted.map(|(version, verdict)| (version.to_owned(), verdict.to_owned()));
        assert_eq!(verdicts(&found), wanted, "{engine}");
        assert!(message(&found, 3).contains("NUL"), "{}", message(&found, 3));
    }
}

#[test]
fn a_statement_of_another_version_or_engine_fails_by_itself() {
    let newer = b"CREATE TABLE t (id int PRIMARY KEY);\n\
                  MERGE INTO t USING t AS s ON t.id = s.id WHEN FROM THE FUTURE THEN DO NOTHING;";
    let cli = folder(&[
        ("1_t.up.sql", newer),
        ("1_t.down.sql", b"DROP TABLE t;"),
        (
            "2_mysql.up.sql",
            b"ALTER TABLE t ADD COLUMN `x` int UNSIGNED AUTO_INCREMENT;",
        ),
        ("2_mysql.down.sql", b"ALTER TABLE t DROP COLUMN `x`;"),
        ("3_u.up.sql", b"CREATE TABLE u (id int PRIMARY KEY);"),
        ("3_u.down.sql", b"DROP TABLE u;"),
    ]);
    for engine in ENGINES {
        let found = report(&cli, engine, 1);
        assert!(
            message(&found, 0).contains("syntax error"),
            "{}",
            message(&found, 0)
        );
        assert!(
            message(&found, 0).contains("(line 2)"),
            "{}",
            message(&found, 0)
        );
        // What comes after is judged all the same.
        assert_eq!(verdicts(&found)[2].1, "restores", "{engine}");
    }
}

/// What a process used at most, in bytes, and what came of it.
#[cfg(target_os = "linux")]
struct Used {
    peak: u64,
    took: Duration,
    stdout: String,
    code: i32,
}

/// Runs a command, and watches how much memory it uses.
fn watched(mut command: Command) -> Used {
    let begun = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        // The peak so far; after the end there is no such file.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or_default() * 1024);
        match child.try_wait().unwrap() {
            Some(status) => break status.code().unwrap(),
            None => std::thread::yield_now(),
        }
        std::thread::park_timeout(Duration::from_millis(2));
    };
    Used {
        peak,
        took: begun.elapsed(),
        stdout: reader.join().unwrap().unwrap(),
        code,
    }
}

/// A dump: tables, and rows until it has so many bytes.
fn dump(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 100_000);
    text.push_str("CREATE TABLE rows_of_old (id int PRIMARY KEY, name text, note text);\n");
    let mut id = 0;
    while text.len() < bytes {
        text.push_str("INSERT INTO rows_of_old VALUES ");
        for place in 0..500 {
            let comma = if place == 0 { "" } else { ",\n" };
            let _ = write!(
                text,
                "{comma}({id}, 'somebody''s name {id}', '{}')",
                "lorem ipsum dolor sit amet; ".repeat(6)
            );
            id += 1;
        }
        text.push_str(";\n");
    }
    text
}

#[cfg(target_os = "linux")]
#[test]
fn a_dump_of_fifty_megabytes_is_rehearsed_in_bounded_memory() {
    let dump = dump(50_000_000);
    let cli = folder(&[
        ("1_dump.up.sql", dump.as_bytes()),
        ("1_dump.down.sql", b"DROP TABLE rows_of_old;"),
        (
            "2_note.up.sql",
            b"ALTER TABLE rows_of_old DROP COLUMN note;",
        ),
        (
            "2_note.down.sql",
            b"ALTER TABLE rows_of_old ADD COLUMN note text;",
        ),
    ]);
    for engine in ENGINES {
        let used = watched(cli.command([
            "rehearse",
            "--history",
            "migrations",
            "--engine",
            engine,
            "--format",
            "json",
        ]));
        println!(
            "{engine}: {} MB at most, {:.1} s",
            used.peak >> 20,
            used.took.as_secs_f64()
        );
        assert_eq!(used.code, 1, "{}", used.stdout);
        let found: Value = serde_json::from_str(&used.stdout).unwrap();
        assert_eq!(found["migrations"][0]["verdict"], "restores", "{found}");
        // That the rows differ is known, though they are too many to be shown.
        let fault = &found["migrations"][1]["faults"][0];
        assert_eq!(fault["fault"], "data-not-restored", "{found}");
        let notes = found["migrations"][1]["notes"].to_string();
        assert!(notes.contains("too many rows to show"), "{notes}");
        assert!(used.peak > dump.len() as u64, "{}", used.peak);
        assert!(
            used.peak < 12 * dump.len() as u64,
            "{engine}: {} MB",
            used.peak >> 20
        );
    }
}
