//! `switchback check` on 10,000 migrations of about ten statements each: time on the clock, time on
//! all cores together, and both against squawk on the same files where it can be found.
//!
//!     cargo bench -p switchback-cli --bench check
//!
//! The variable `SWITCHBACK_BENCH_SQUAWK` names squawk's program, and `SWITCHBACK_BENCH_FILES`
//! another number of files. The files are the same on every run and every machine.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has nothing to say, and what it has to say it prints"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often each program runs; the fastest counts.
const ROUNDS: usize = 5;

/// What a run took.
#[derive(Debug, Clone, Copy)]
struct Taken {
    wall: Duration,
    cpu: Duration,
}

fn main() {
    // `cargo test` runs benchmarks too, to see whether they work.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let files = std::env::var("SWITCHBACK_BENCH_FILES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let (bytes, statements) = make(folder.path(), files);
    println!(
        "{files} migrations, {statements} statements, {} kB",
        bytes / 1_000
    );

    let ours = best(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchback"));
        command
            .args(["check", "--format", "json"])
            .current_dir(folder.path());
        command
    });
    show("switchback check", ours, files);
    let Some(squawk) = std::env::var_os("SWITCHBACK_BENCH_SQUAWK") else {
        println!("SWITCHBACK_BENCH_SQUAWK is not set: nothing to compare with");
        return;
    };
    let mut names: Vec<PathBuf> = fs::read_dir(folder.path().join("migrations"))
        .unwrap()
        .map(|entry| Path::new("migrations").join(entry.unwrap().file_name()))
        .collect();
    names.sort();
    let theirs = best(|| {
        let mut command = Command::new(&squawk);
        command
            .args(["--reporter", "gcc"])
            .args(&names)
            .current_dir(folder.path());
        command
    });
    show("squawk", theirs, files);
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!(
        "switchback takes {:.2} times the time of squawk on the clock, {:.2} times on the cores",
        ratio(ours.wall, theirs.wall),
        ratio(ours.cpu, theirs.cpu)
    );
}

fn show(name: &str, taken: Taken, files: usize) {
    let each = taken.wall.as_secs_f64() * 1e6 / f64::from(u32::try_from(files).unwrap());
    println!(
        "{name}: {:.2} s on the clock, {:.2} s on the cores, {each:.0} µs a file",
        taken.wall.as_secs_f64(),
        taken.cpu.as_secs_f64()
    );
}

/// The fastest of some runs.
fn best(command: impl Fn() -> Command) -> Taken {
    (0..ROUNDS)
        .map(|_| run(command()))
        .min_by_key(|taken| taken.wall)
        .unwrap()
}

fn run(mut command: Command) -> Taken {
    let before = children();
    let start = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let wall = start.elapsed();
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    Taken {
        wall,
        cpu: children() - before,
    }
}

/// The processor time of all children that have ended: the fields 16 and 17 of `/proc/self/stat`, in
/// hundredths of a second on every Linux.
fn children() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program is in parentheses and may hold anything.
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(|it| it.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Numbers that look random and are always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Writes the migrations: bytes and statements.
fn make(folder: &Path, files: usize) -> (usize, usize) {
    let migrations = folder.join("migrations");
    fs::create_dir(&migrations).unwrap();
    let mut numbers = Numbers(7);
    let mut tables: Vec<(String, usize)> = Vec::new();
    let (mut bytes, mut statements) = (0, 0);
    for at in 0..files {
        let mut text = format!("-- Migration {at}, made for a benchmark.\n");
        let count = 6 + numbers.below(9);
        for _ in 0..count {
            statement(&mut text, &mut tables, &mut numbers);
        }
        statements += count;
        bytes += text.len();
        fs::write(
            migrations.join(format!("{:014}_change.sql", 20_200_101_000_000 + at)),
            text,
        )
        .unwrap();
    }
    (bytes, statements)
}

const TYPES: [&str; 9] = [
    "text",
    "bigint",
    "integer",
    "timestamptz NOT NULL DEFAULT now()",
    "jsonb",
    "numeric(12, 2)",
    "boolean NOT NULL DEFAULT false",
    "varchar(255)",
    "uuid",
];

fn statement(text: &mut String, tables: &mut Vec<(String, usize)>, numbers: &mut Numbers) {
    // A few hundred tables, as in a large application.
    if tables.is_empty() || (tables.len() < 400 && numbers.below(8) == 0) {
        let name = format!(
            "{}_{}",
            numbers.one(&["account", "order", "item", "event", "audit"]),
            tables.len()
        );
        let columns = 3 + numbers.below(9);
        let _ = writeln!(
            text,
            "CREATE TABLE {name} (\n    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        );
        for column in 0..columns {
            let end = if column + 1 == columns {
                "\n);\n"
            } else {
                ",\n"
            };
            let _ = write!(text, "    c{column} {}{end}", numbers.one(&TYPES));
        }
        tables.push((name, columns));
        return;
    }
    let at = numbers.below(tables.len());
    let other = tables[numbers.below(tables.len())].0.clone();
    let (table, columns) = &mut tables[at];
    let column = numbers.below(*columns);
    let new = *columns;
    let unique = numbers.below(1_000_000_000);
    let _ = match numbers.below(12) {
        0 | 1 => {
            *columns += 1;
            writeln!(
                text,
                "ALTER TABLE {table} ADD COLUMN c{new} {};",
                numbers.one(&TYPES)
            )
        }
        2 => writeln!(
            text,
            "CREATE INDEX {table}_{unique}_idx ON {table} (c{column});"
        ),
        3 => writeln!(
            text,
            "CREATE INDEX CONCURRENTLY {table}_{unique}_idx ON {table} USING btree (c{column}, id) WHERE c{column} IS NOT NULL;"
        ),
        4 => writeln!(
            text,
            "ALTER TABLE {table} ADD CONSTRAINT {table}_{unique}_fk FOREIGN KEY (c{column}) REFERENCES {other} (id) NOT VALID;"
        ),
        5 => writeln!(
            text,
            "UPDATE {table} SET c{column} = NULL WHERE id IN (SELECT id FROM {other} WHERE c0 IS NULL LIMIT 1000);"
        ),
        6 => writeln!(
            text,
            "ALTER TABLE {table} ALTER COLUMN c{column} SET DEFAULT NULL, ALTER COLUMN c{column} DROP NOT NULL;"
        ),
        7 => writeln!(
            text,
            "COMMENT ON COLUMN {table}.c{column} IS 'Kept for the reports of finance; see the runbook.';"
        ),
        8 => writeln!(
            text,
            "INSERT INTO {table} (c{column}) SELECT NULL FROM {other} WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE t.id = {other}.id);"
        ),
        9 => writeln!(
            text,
            "CREATE OR REPLACE FUNCTION {table}_touch() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    NEW.c{column} := OLD.c{column};\n    RETURN NEW;\nEND\n$$;"
        ),
        10 => writeln!(
            text,
            "ALTER TABLE {table} ADD CONSTRAINT {table}_{unique}_check CHECK (c{column} IS NULL OR id > 0) NOT VALID;"
        ),
        _ => writeln!(
            text,
            "CREATE OR REPLACE VIEW {table}_view AS SELECT id, c{column} FROM {table} WHERE id > 0;"
        ),
    };
}
