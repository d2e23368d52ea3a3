//! Rehearses folders that nobody here wrote:
//!
//!     SWITCHBACK_TEST_HISTORY=folder:folder cargo test --release -p switchback-db \
//!         --test history_foreign -- --ignored --nocapture
//!
//! `SWITCHBACK_TEST_HISTORY_ROWS` is the number of rows for each table, 20 if it is not set.
//! `SWITCHBACK_TEST_HISTORY_ENGINE=sqlite` takes them for SQLite's.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool for people, run by hand"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use switchback_db::history::{
    Cause, Failure, Fault, MigrationSql, Options, Progress, Report, Stage, Stop, TableChange,
    Verdict,
};
use switchback_db::postgres::history::{Synthetic, rehearse};
use switchback_db::sqlite::history as sqlite;
use switchback_migration::Engine;
use switchback_migration::history::{Tool, at, read};
use switchback_scratch::{Options as ServerOptions, Server};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

fn migrations(folder: &Path) -> (Tool, bool, Vec<MigrationSql>) {
    let root = folder.parent().unwrap();
    let mut found = Vec::new();
    files(folder, &mut found);
    let name = |path: &Path| {
        path.strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let contents: BTreeMap<String, Vec<u8>> = found
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect();
    let paths: Vec<&str> = contents.keys().map(String::as_str).collect();
    let mut candidate = at(&name(folder), &paths).unwrap();
    let engine = std::env::var("SWITCHBACK_TEST_HISTORY_ENGINE");
    if engine.is_ok_and(|it| it == "sqlite") {
        candidate.engine = Some(Engine::Sqlite);
    }
    let read = read(&candidate, |path| contents.get(path).map(Vec::as_slice)).unwrap();
    let text = |path: &str| std::str::from_utf8(contents.get(path)?).ok();
    let migrations = read
        .from_empty()
        .iter()
        .map(|migration| MigrationSql::read(read.tool, migration, text))
        .collect();
    (read.tool, read.engine == Some(Engine::Sqlite), migrations)
}

type On<'a> = &'a mut dyn FnMut(&Progress<'_>);

fn on_postgres(migrations: &[MigrationSql], options: &Options, on: On<'_>) -> Report {
    // A server for each, because roles belong to the whole server.
    let server = Server::start(&ServerOptions {
        binaries: Some(switchback_testkit::postgres::binaries().unwrap()),
        ..ServerOptions::default()
    })
    .unwrap();
    let url = server.create_database("history", None).unwrap();
    rehearse(&url, migrations, &mut Synthetic { seed: 1 }, options, on).unwrap()
}

fn on_sqlite(tool: Tool, migrations: &[MigrationSql], options: &Options, on: On<'_>) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let settings = sqlite::Settings {
        seed: 1,
        foreign_keys: tool.enforces_foreign_keys(),
    };
    sqlite::rehearse(folder.path(), migrations, &settings, options, on).unwrap()
}

#[test]
#[ignore = "needs folders that are not in the repository"]
fn foreign_histories_are_rehearsed() {
    let folders = std::env::var("SWITCHBACK_TEST_HISTORY").unwrap();
    let rows = std::env::var("SWITCHBACK_TEST_HISTORY_ROWS");
    let rows = rows.map_or(20, |rows| rows.parse().unwrap());
    for folder in folders.split(':').filter(|folder| !folder.is_empty()) {
        let (tool, sqlite, migrations) = migrations(Path::new(folder));
        let options = Options {
            rows,
            ..Options::default()
        };
        let begun = Instant::now();
        let (mut spent, mut last) = (BTreeMap::new(), (Stage::Keep, begun));
        let mut on = |progress: &Progress<'_>| {
            let now = Instant::now();
            *spent.entry(last.0).or_insert(Duration::ZERO) += now - last.1;
            last = (progress.stage, now);
        };
        let report = if sqlite {
            on_sqlite(tool, &migrations, &options, &mut on)
        } else {
            on_postgres(&migrations, &options, &mut on)
        };
        println!("\n=== {folder} ({tool}), {} rows", rows);
        for migration in &report.migrations {
            if !migration.verdict.faults().is_empty() || !migration.notes.is_empty() {
                println!("{} {}", migration.version, migration.name);
                migration.verdict.faults().iter().for_each(show);
                for note in &migration.notes {
                    println!("    note {note:?}");
                }
            }
        }
        summary(&report);
        println!(
            "{} migrations in {:.1} s, the slowest {:?}",
            report.migrations.len(),
            begun.elapsed().as_secs_f64(),
            report.migrations.iter().map(|it| it.took).max(),
        );
        println!("spent {spent:?}");
    }
}

fn summary(report: &Report) {
    let with = |is: &dyn Fn(&Fault) -> bool| report.count(|it| it.faults().iter().any(is));
    let downs = report.count(|it| match it {
        Verdict::Restores => true,
        Verdict::Faulty(faults) => !faults.iter().all(|it| matches!(it, Fault::UpFails(_))),
        _ => false,
    });
    println!(
        "{}: {} walked down, {} restore, {} without a way down, {} cannot be applied, {} only with \
         rows; down fails {}, only with rows {}, schema not restored {} (mild {}), data lost {}, \
         data too much {}, sequences {}, again fails {}, again differs {}",
        report.engine,
        downs,
        report.count(|it| *it == Verdict::Restores),
        report.count(|it| *it == Verdict::NoWayDown),
        with(&|it| matches!(it, Fault::UpFails(it) if !it.only_with_rows)),
        with(&|it| matches!(it, Fault::UpFails(it) if it.only_with_rows)),
        with(&|it| matches!(it, Fault::DownFails(it) if !it.only_with_rows)),
        with(&|it| matches!(it, Fault::DownFails(it) if it.only_with_rows)),
        with(&|it| matches!(it, Fault::SchemaNotRestored(_)) && !it.is_mild()),
        with(&|it| matches!(it, Fault::SchemaNotRestored(_)) && it.is_mild()),
        with(&|it| matches!(it, Fault::DataNotRestored(_)) && !it.is_mild()),
        with(&|it| matches!(it, Fault::DataNotRestored(_)) && it.is_mild()),
        with(&|it| matches!(it, Fault::SequencesNotRestored(_))),
        with(&|it| matches!(it, Fault::AgainFails(_))),
        with(&|it| matches!(it, Fault::AgainDiffers(_))),
    );
    match &report.way_down {
        None => println!("no walk down"),
        Some(way) => {
            println!("walked down {}, left {}", way.walked, way.left.len());
            for it in &way.left {
                println!("    {it}");
            }
            match &way.stopped {
                Some(Stop::Fails(at, failure)) => show_failure(&format!("stops at {at}"), failure),
                other => println!("    {other:?}"),
            }
        }
    }
}

fn show(fault: &Fault) {
    match fault {
        Fault::UpFails(it) => show_failure("UP FAILS", it),
        Fault::DownFails(it) => show_failure("DOWN FAILS", it),
        Fault::AgainFails(it) => show_failure("AGAIN FAILS", it),
        Fault::SchemaNotRestored(all) => {
            println!("    SCHEMA{}", if fault.is_mild() { " (mild)" } else { "" });
            all.iter()
                .flat_map(|it| it.shown())
                .for_each(|it| println!("        {it}"));
        }
        Fault::AgainDiffers(all) => {
            println!("    AGAIN{}", if fault.is_mild() { " (mild)" } else { "" });
            all.iter()
                .flat_map(|it| it.shown())
                .for_each(|it| println!("        {it}"));
        }
        Fault::DataNotRestored(all) => all.iter().for_each(show_data),
        Fault::SequencesNotRestored(all) => println!("    SEQUENCES {all:?}"),
    }
}

fn show_data(it: &TableChange) {
    println!(
        "    DATA {} gone {} before {} after {} lost {} changed {} appeared {} columns {:?}{}",
        it.table,
        it.gone,
        it.before,
        it.after,
        it.lost,
        it.changed,
        it.appeared,
        it.gone_columns,
        if it.uncounted { " uncounted" } else { "" },
    );
    if let Some(example) = it.examples.first() {
        let text: String = format!("{example:?}").chars().take(200).collect();
        println!("        {text}");
    }
}

fn show_failure(what: &str, it: &Failure) {
    let rows = if it.only_with_rows {
        " only with rows"
    } else {
        ""
    };
    let cause = match &it.cause {
        Cause::Sql(error) => format!("{error} {}", error.detail.clone().unwrap_or_default()),
        other => format!("{other:?}"),
    };
    println!("    {what}{rows}: {cause}");
    match &it.statement {
        Some(statement) => {
            let text: String = statement.text.chars().take(120).collect();
            println!(
                "        line {}: {}",
                statement.line,
                text.replace('\n', " ")
            );
        }
        None => println!("        (no statement)"),
    }
    for it in it.left_behind.iter().take(3) {
        println!("        leaves {it}");
    }
}
