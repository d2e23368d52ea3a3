//! Whole histories of migrations of other projects, statement by statement: what each does against
//! what is claimed, and what all come to against what the server then has.
//!
//! `SWITCHBACK_TEST_CORPUS` names a folder with checkouts of projects. Tables are empty there, so
//! that statements on rows are only held to claim no less than what was seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use switchback_db::postgres::schema;
use switchback_migration::Engine;
use switchback_migration::facts::{Facts, InTransaction, Mode};
use switchback_migration::history::{Folder, discover, read};
use switchback_migration::schema::Schema;
use switchback_migration::sql::ir::{Kind, Name, Statement};
use switchback_migration::sql::parse;
use switchback_testkit::postgres::Server;

use crate::compare::{Claimed, claims_of, differences};
use crate::history::differences as differences_of;
use crate::observe::{Observed, Observer};
use crate::run::{Tally, everywhere};

/// The files below a folder, relative to it.
fn files(base: &Path, folder: &Path, all: &mut Vec<String>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            files(base, &path, all);
        } else if let Some(path) = path.strip_prefix(base).unwrap().to_str() {
            all.push(path.to_owned());
        }
    }
}

/// The folders of migrations for PostgreSQL.
fn folders(base: &Path) -> Vec<Folder> {
    let mut all = Vec::new();
    files(base, base, &mut all);
    let paths: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for candidate in discover(&paths) {
        let contents: Vec<(String, Vec<u8>)> = candidate
            .wanted()
            .filter_map(|path| Some((path.to_owned(), fs::read(base.join(path)).ok()?)))
            .collect();
        let give = |path: &str| {
            let one = contents.iter().find(|(name, _)| name == path);
            one.map(|(_, bytes)| bytes.as_slice())
        };
        let folder = read(&candidate, give);
        found.extend(folder.filter(|it| it.engine == Some(Engine::Postgres)));
    }
    found
}

pub(crate) fn all() {
    let Some(base) = std::env::var_os("SWITCHBACK_TEST_CORPUS") else {
        println!("SWITCHBACK_TEST_CORPUS is not set: no histories to run");
        return;
    };
    let base = Path::new(&base);
    let wanted = std::env::var("SWITCHBACK_TEST_FOLDER").ok();
    let folders: Vec<Folder> = folders(base)
        .into_iter()
        .filter(|it| {
            wanted
                .as_ref()
                .is_none_or(|part| it.path.contains(part.as_str()))
        })
        .collect();
    everywhere(|server| folders.iter().map(|it| one(server, base, it)).collect());
}

/// A statement with those that stand in it.
fn whole(statements: Vec<Statement>) -> Vec<Vec<Statement>> {
    let mut all: Vec<Vec<Statement>> = Vec::new();
    for statement in statements {
        match all.last_mut() {
            Some(last) if last[0].span.end >= statement.span.end => last.push(statement),
            _ => all.push(vec![statement]),
        }
    }
    all
}

fn one(server: &Server, base: &Path, folder: &Folder) -> Tally {
    let major = server.major();
    let mut tally = Tally::new(&folder.path, major);
    let mut observer = Observer::connect(&server.database().unwrap());
    observer
        .client
        .batch_execute("SET TimeZone = 'UTC'; SET check_function_bodies = off")
        .unwrap();
    let mut folded = schema::read(&mut observer.client).unwrap();
    println!(
        "{major}: {}: {} migrations",
        folder.path,
        folder.migrations.len()
    );
    let mut known: BTreeSet<String> = BTreeSet::new();
    for migration in folder.from_empty() {
        let text = fs::read_to_string(base.join(&migration.up.file)).unwrap_or_default();
        let Some(text) = text.get(migration.up.span.clone()) else {
            continue;
        };
        let mut now = schema::read(&mut observer.client).unwrap();
        for group in whole(parse(text, Engine::Postgres)) {
            let sql = &text[group[0].span.clone()];
            let place = format!("{}: {}", migration.up.file, first_line(sql));
            step(&mut observer, &mut tally, &mut now, &group, sql, &place);
            if tally.last_refused {
                continue;
            }
            for statement in &group {
                for misfit in folded.apply(statement) {
                    tally
                        .wrong
                        .push(format!("{place}\n      does not fit: {misfit:?}"));
                }
            }
        }
        let there = schema::read(&mut observer.client).unwrap();
        for line in differences_of(&folded, &there) {
            if known.insert(line.clone()) {
                tally
                    .wrong
                    .push(format!("{}: (folded) {line}", migration.up.file));
            }
        }
    }
    tally
}

fn first_line(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    words.join(" ").chars().take(150).collect()
}

fn step(
    observer: &mut Observer,
    tally: &mut Tally,
    now: &mut Schema,
    group: &[Statement],
    sql: &str,
    place: &str,
) {
    tally.last_refused = false;
    // Nothing is new, so that every lock is compared.
    now.begin_unit();
    let major = tally.major;
    let facts = Facts::of(&group[0], now, major);
    let plain = matches!(
        group[0].kind,
        Kind::Set { .. } | Kind::Transaction(_) | Kind::Copy { .. }
    );
    if matches!(group[0].kind, Kind::Transaction(_)) {
        return;
    }
    let before = now.clone();
    if plain || facts.transaction == InTransaction::Refused {
        tally.last_refused = observer.client.batch_execute(sql).is_err();
    } else {
        observer.remember();
        let seen = observer.run_and_keep(sql);
        if let Some(why) = &seen.refused {
            tally.refused += 1;
            tally.last_refused = true;
            if std::env::var_os("SWITCHBACK_TEST_REFUSED").is_some() {
                println!("refused: {place}\n      {why}");
            }
            return;
        }
        tally.compared += 1;
        let claimed: Claimed = claims_of(group, &before, major);
        let lines = if is_rows(group) {
            too_little(&claimed, &seen)
        } else {
            differences(&claimed, &seen, &before)
        };
        if !lines.is_empty() {
            let doubts = &claimed.doubts;
            tally.wrong.push(format!(
                "{place}\n      {}\n      {doubts:?}",
                lines.join("\n      ")
            ));
        }
    }
    for statement in group {
        now.apply(statement);
    }
}

/// The locks that were seen and that no claim is strong enough for.
fn too_little(claimed: &Claimed, seen: &Observed) -> Vec<String> {
    let enough = |name: &Name, mode: Mode| claimed.locks.get(name).is_some_and(|it| it.0 >= mode);
    let all = seen
        .locks
        .iter()
        .filter(|(name, (mode, _))| !enough(name, *mode));
    all.map(|(name, (mode, _))| format!("seen and not claimed: {name} {mode:?}"))
        .collect()
}

/// Whether rows are changed one by one, or a block may or may not do something.
fn is_rows(group: &[Statement]) -> bool {
    group.iter().any(|it| {
        it.conditional
            || matches!(
                it.kind,
                Kind::Insert { .. } | Kind::Update { .. } | Kind::Delete { .. } | Kind::Do { .. }
            )
    })
}
