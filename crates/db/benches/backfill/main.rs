//! A nullable text column of a table with three indexes is filled in several ways on one server: by one
//! `UPDATE`, by batches in the order of the key through a trigger as pgroll does it, and by
//! `switchback backfill` with one worker and with two.
//!
//!     cargo bench -p switchback-db --bench backfill
//!
//! With `-- politeness` it says what an application notices of the last, at its default settings;
//! `SWITCHBACK_BENCH_RATE` gives another number of requests a second (400).
//!
//! With `-- copying` it compares the walk by place with a copy of the table that takes its place, with
//! seven indexes of which one has the column.
//!
//! With `-- memory` it fills 10,000,000 rows with two workers, and says how much memory the process had
//! at most.
//!
//! With `-- change` the fill of a change is held against one `UPDATE`.
//!
//! `SWITCHBACK_BENCH_ROWS` gives another number of rows (1,000,000), `SWITCHBACK_BENCH_ROUNDS` another
//! number of rounds (3), `SWITCHBACK_TEST_PG_BIN` another PostgreSQL than the newest installed, and
//! with `SWITCHBACK_BENCH_PLOT` the figures are also drawn into that SVG file. It reads processor time
//! from `/proc`, so it needs Linux, and needs 14 or later for the count of page images.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has nothing to say, and what it has to say it prints"
)]

mod arms;
mod change;
mod copying;
mod plot;
mod politeness;
mod scene;

use std::path::PathBuf;

use arms::Arm;
use scene::{Scene, Used};

fn main() {
    // `cargo test` runs benchmarks too, to see whether they work.
    let memory = std::env::args().any(|argument| argument == "memory");
    let rows = if std::env::args().any(|argument| argument == "--bench") {
        number(
            "SWITCHBACK_BENCH_ROWS",
            if memory { 10_000_000 } else { 1_000_000 },
        )
    } else {
        20_000
    };
    if memory {
        let mut scene = Scene::new(rows, false);
        line(Arm::Two.name(), &measure(&mut scene, Arm::Two), rows);
        println!("{rows} rows with at most {} of memory", most_memory());
        return;
    }
    if std::env::args().any(|argument| argument == "politeness") {
        let rate = u32::try_from(number("SWITCHBACK_BENCH_RATE", 400)).unwrap();
        return politeness::politeness(rows, rate);
    }
    if std::env::args().any(|argument| argument == "copying") {
        return copying::copying(rows);
    }
    let rounds = number("SWITCHBACK_BENCH_ROUNDS", 3);
    if std::env::args().any(|argument| argument == "change") {
        return change::compare(rows, rounds);
    }
    let mut scene = Scene::new(rows, false);
    let version = scene.version();
    println!("{rows} rows, PostgreSQL {version}, {rounds} rounds\n");
    println!(
        "{:20} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8} {:>6}",
        "",
        "wall s",
        "rows/s",
        "server s",
        "client s",
        "WAL/row",
        "images",
        "heap",
        "indexes",
        "HOT"
    );
    let mut all: Vec<Vec<Used>> = vec![Vec::new(); Arm::ALL.len()];
    for round in 0..rounds {
        for step in 0..Arm::ALL.len() {
            // Each is first, second and last in turn, so that none has the warmer machine.
            let at = (step + usize::try_from(round).unwrap()) % Arm::ALL.len();
            let arm = Arm::ALL[at];
            let used = measure(&mut scene, arm);
            line(arm.name(), &used, rows);
            all[at].push(used);
        }
    }
    println!();
    let medians: Vec<Used> = all.iter().map(|used| median(used)).collect();
    for (arm, used) in Arm::ALL.iter().zip(&medians) {
        line(arm.name(), used, rows);
    }
    println!();

    for own in [Arm::Ours, Arm::Two] {
        for other in [Arm::Whole, Arm::Keyset] {
            let pairs = || all[position(own)].iter().zip(&all[position(other)]);
            let wall = pairs().map(|(own, other)| other.wall.div_duration_f64(own.wall));
            let cpu = pairs().map(|(own, other)| other.server_cpu.div_duration_f64(own.server_cpu));
            println!(
                "{} is {:.2} times as fast as the {}, and works {:.2} times less",
                own.name(),
                middle(wall.collect()),
                other.name(),
                middle(cpu.collect())
            );
        }
    }
    if let Some(path) = std::env::var_os("SWITCHBACK_BENCH_PLOT").map(PathBuf::from) {
        let arms: Vec<(&str, Used)> = Arm::ALL.iter().map(|arm| arm.name()).zip(medians).collect();
        std::fs::write(&path, plot::svg(&arms, rows, &version)).unwrap();
        println!("drawn into {}", path.display());
    }
}

/// The most memory that this process has had, as Linux says it.
fn most_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.unwrap().trim().to_owned()
}

fn measure(scene: &mut Scene, arm: Arm) -> Used {
    let (name, url) = scene.copy();
    arm.prepare(&url);
    let before = scene.count(&url);
    arm.run(&url);
    let used = scene.used(&url, &before);
    scene.remove(&name);
    used
}

fn line(name: &str, used: &Used, rows: i64) {
    println!(
        "{name:20} {:>7.2} {:>8.0} {:>8.2} {:>8.2} {:>8.1} {:>8.1} {:>6.1}% {:>7.1}% {:>5.1}%",
        used.wall.as_secs_f64(),
        used.rate(rows),
        used.server_cpu.as_secs_f64(),
        used.own_cpu.as_secs_f64(),
        used.wal_per_row(rows),
        // In bytes of pages that are full.
        used.images as f64 * 8192.0 / rows as f64,
        100.0 * used.heap_growth,
        100.0 * used.index_growth,
        100.0 * used.hot,
    );
}

impl Used {
    /// Rows a second.
    pub(crate) fn rate(&self, rows: i64) -> f64 {
        rows as f64 / self.wall.as_secs_f64()
    }

    /// Bytes.
    pub(crate) fn wal_per_row(&self, rows: i64) -> f64 {
        self.wal as f64 / rows as f64
    }
}

/// The round with the middle time on the clock: the figures of one round belong together.
fn median(all: &[Used]) -> Used {
    let mut sorted = all.to_vec();
    sorted.sort_by_key(|used| used.wall);
    sorted[sorted.len() / 2]
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn position(arm: Arm) -> usize {
    Arm::ALL.iter().position(|one| *one == arm).unwrap()
}

fn number(name: &str, otherwise: i64) -> i64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => otherwise,
    }
}
