//! A writer that is killed at any moment loses nothing that it has acknowledged.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use switchback_db::ledger::SqliteStore;
use switchback_ledger::conformance::{TestRng, record, records};
use switchback_ledger::{Ledger, VerifyOptions, verify};

use rand_core::RngCore;

const FILE: &str = "SWITCHBACK_TEST_KILLED_LEDGER";
const FIRST: &str = "SWITCHBACK_TEST_KILLED_FIRST";

/// The killed one: run by the next test in a process of its own, appends until it dies and says
/// after each commit up to which number it is acknowledged.
#[test]
fn child_appends_until_it_is_killed() {
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    let mut next: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let ledger = Ledger::new(SqliteStore::open(Path::new(&path)).unwrap());
    let mut out = std::io::stdout();
    writeln!(out).unwrap();
    loop {
        let size = [1, 5, 1, 40][usize::try_from(next % 4).unwrap()];
        ledger.append(&records(next, next + size)).unwrap();
        next += size;
        writeln!(out, "ACKNOWLEDGED {next}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_writer_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    drop(SqliteStore::create(&path).unwrap());
    let mut rng = TestRng(7);
    let (mut next, mut torn) = (0, 0);
    for round in 0..30 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_appends_until_it_is_killed", "--nocapture"])
            .env(FILE, &path)
            .env(FIRST, next.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = next;
        let mut note = |line: std::io::Result<String>| {
            if let Some(number) = line.unwrap().strip_prefix("ACKNOWLEDGED ") {
                acknowledged = number.parse().unwrap();
                return true;
            }
            false
        };
        // At a random commit, and somewhere random in what it does after it.
        let mut commits = 1 + rng.next_u32() % 12;
        while commits > 0 {
            commits -= u32::from(note(
                lines.next().expect("the child lives until it is killed"),
            ));
        }
        for _ in 0..rng.next_u32() % 200_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still got out before it died counts too.
        for line in lines {
            note(line);
        }

        let ledger = Ledger::new(SqliteStore::open(&path).unwrap());
        let size = ledger.len().unwrap();
        assert!(
            size >= acknowledged,
            "round {round}: {size} of {acknowledged} events"
        );
        torn += u32::from(size > acknowledged);
        let report = verify(ledger.store(), &VerifyOptions::default()).unwrap();
        assert!(report.is_sound(), "round {round}: {:?}", report.problems);
        for entry in ledger.entries(next..size).unwrap() {
            assert_eq!(entry.record().unwrap(), record(entry.index));
        }
        next = size;
    }
    println!("{next} events in 30 lives, {torn} of which ended between commit and answer");
}
