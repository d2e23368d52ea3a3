//! Whose folder it is, and for which engine.

use super::files::{File, Files};
use super::listed;
use crate::engine::Engine;
use crate::history::evidence::{Sign, Weight, sign};
use crate::history::path::{Backend, backend as named_backend, base, join, parent, upwards};
use crate::history::sections::{dbmate, goose, node_pg_migrate, sql_migrate};
use crate::history::signals::Signals;
use crate::history::{Candidate, Tool, flyway};

/// What the further files say, the nearest first.
pub(super) fn signs<'a>(
    candidate: &'a Candidate,
    contents: &impl Fn(&str) -> Option<&'a [u8]>,
) -> Vec<Sign> {
    candidate
        .evidence
        .iter()
        .filter_map(|path| sign(path, std::str::from_utf8(contents(path)?).ok()?))
        .collect()
}

/// The tool, and what it was seen by.
pub(super) fn tool<'a>(
    candidate: &Candidate,
    contents: &impl Fn(&str) -> Option<&'a [u8]>,
    files: &Files<'_>,
    signs: &[Sign],
) -> Option<(Tool, String)> {
    let possible = |tool: Tool| candidate.tools.contains(&tool);
    if let [only] = candidate.tools.as_slice() {
        return Some((*only, "the names of files and folders".to_owned()));
    }
    if possible(Tool::Drizzle) {
        // A journal that lists few of the files is left over from before they were run by hand.
        let journal = join(&candidate.path, listed::JOURNAL);
        let tags = contents(&journal)
            .and_then(listed::tags)
            .unwrap_or_default();
        let is_listed = |file: &&File<'_>| {
            tags.iter()
                .any(|tag| file.name.strip_suffix(".sql") == Some(tag))
        };
        let listed = files.sql.iter().filter(is_listed).count();
        let (tool, what) = match 2 * listed >= files.sql.len() {
            true => (Tool::Drizzle, "lists the files"),
            false => (Tool::Plain, "does not list most of the files"),
        };
        return Some((tool, format!("`{journal}`, which {what}")));
    }
    if possible(Tool::Flyway) {
        return Some(flyway_or_refinery(candidate, files, signs));
    }
    if let Some(found) = marked(candidate, files) {
        return Some(found);
    }
    let up_down = |file: &&File<'_>| file.name.contains(".up.") || file.name.contains(".down.");
    let pairs = files.sql.iter().filter(up_down).count();
    let mostly_pairs = possible(Tool::GolangMigrate) && 2 * pairs >= files.sql.len();
    if mostly_pairs {
        let by = first(signs, &[Tool::Sqlx, Tool::GolangMigrate]);
        return Some(by.unwrap_or_else(|| by_language(candidate)));
    }
    let atlas = first(signs, &[Tool::Atlas]).filter(|_| possible(Tool::Atlas));
    let others = || first(signs, &[Tool::Sqlx, Tool::NodePgMigrate]);
    let by_sign = atlas
        .or_else(others)
        .filter(|(tool, _)| possible(*tool) && fits(*tool, files));
    if candidate.sure
        && let Some(found) = by_sign
    {
        return Some(found);
    }
    candidate
        .sure
        .then(|| (Tool::Plain, "nothing that speaks for a tool".to_owned()))
}

/// The tool whose markers are in at least half of the files.
fn marked(candidate: &Candidate, files: &Files<'_>) -> Option<(Tool, String)> {
    type IsMarked = fn(&str) -> bool;
    let tests: [(Tool, &str, IsMarked); 4] = [
        (Tool::Goose, "-- +goose Up", goose::is_marked),
        (Tool::Dbmate, "-- migrate:up", dbmate::is_marked),
        (Tool::SqlMigrate, "-- +migrate Up", sql_migrate::is_marked),
        (
            Tool::NodePgMigrate,
            "-- Down Migration",
            node_pg_migrate::is_marked,
        ),
    ];
    let texts = files.texts().count();
    tests
        .into_iter()
        .filter(|(tool, ..)| candidate.tools.contains(tool))
        .map(|(tool, marker, test)| {
            (
                tool,
                marker,
                files.texts().filter(|text| test(text)).count(),
            )
        })
        .filter(|(.., count)| *count > 0 && 2 * count >= texts)
        .max_by_key(|(.., count)| *count)
        .map(|(tool, marker, count)| (tool, format!("`{marker}` in {count} of {texts} files")))
}

/// The first of some tools that a file names.
fn first(signs: &[Sign], tools: &[Tool]) -> Option<(Tool, String)> {
    signs.iter().find_map(|sign| {
        let tool = tools.iter().find(|tool| sign.tools.contains(tool))?;
        Some((*tool, format!("`{}`", sign.file)))
    })
}

/// Without any other evidence, pairs of files are sqlx's in a Rust project and golang-migrate's in
/// any other, because the latter's command line is used with every language.
fn by_language(candidate: &Candidate) -> (Tool, String) {
    match manifest(candidate, &["Cargo.toml", "go.mod"]) {
        Some(path) if base(path) == "Cargo.toml" => (Tool::Sqlx, format!("`{path}`")),
        Some(path) => (Tool::GolangMigrate, format!("`{path}`")),
        None => (
            Tool::GolangMigrate,
            "`.up.sql` and `.down.sql` in the names".to_owned(),
        ),
    }
}

/// The nearest manifest with one of some names.
fn manifest<'a>(candidate: &'a Candidate, names: &[&str]) -> Option<&'a String> {
    candidate
        .evidence
        .iter()
        .find(|path| names.contains(&base(path)))
}

/// Whether at least half of the names are ones that a tool takes.
fn fits(tool: Tool, files: &Files<'_>) -> bool {
    let fits = |file: &&File<'_>| match tool {
        Tool::Sqlx => file
            .name
            .split_once('_')
            .is_some_and(|(version, _)| version.parse::<i64>().is_ok()),
        _ => true,
    };
    2 * files.sql.iter().filter(fits).count() >= files.sql.len()
}

/// Flyway or refinery, whose names are alike.
fn flyway_or_refinery(candidate: &Candidate, files: &Files<'_>, signs: &[Sign]) -> (Tool, String) {
    let only_flyway = files.sql.iter().find(|file| {
        flyway::stem(file.name)
            .and_then(flyway::parse)
            .is_some_and(|name| {
                matches!(name.role, flyway::Role::Repeatable | flyway::Role::Baseline)
                    || name.version.contains(['.', '_'])
            })
    });
    if let Some(file) = only_flyway {
        return (Tool::Flyway, format!("the name `{}`", file.name));
    }
    if let Some(file) = files.code_in(&["rs"]).next() {
        return (Tool::Refinery, format!("`{}`", file.path));
    }
    let by_sign = first(signs, &[Tool::Refinery, Tool::Flyway]);
    by_sign.unwrap_or_else(|| {
        let rust = manifest(
            candidate,
            &["Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts"],
        )
        .filter(|path| base(path) == "Cargo.toml");
        match rust {
            Some(path) => (Tool::Refinery, format!("`{path}`")),
            None => (Tool::Flyway, "the names of files".to_owned()),
        }
    })
}

/// The database, and what it was seen by.
pub(super) fn backend(
    candidate: &Candidate,
    tool: Tool,
    files: &Files<'_>,
    signs: &[Sign],
) -> (Option<Backend>, String) {
    let given = candidate
        .engine
        .map(Backend::Known)
        .or(candidate.other_engine.map(Backend::Other));
    if let Some(given) = given {
        let by = match named_backend(&candidate.path) {
            Some((named, segment)) if named == given => format!("the folder's name `{segment}`"),
            _ => "the settings".to_owned(),
        };
        return (Some(given), by);
    }
    if matches!(tool, Tool::Supabase | Tool::NodePgMigrate) {
        let by = format!("{tool}, which has no other");
        return (Some(Backend::Known(Engine::Postgres)), by);
    }
    // What is said of the tool that it is, then of any.
    let direct = || signs.iter().filter(|sign| sign.weight == Weight::Direct);
    let said = direct()
        .filter(|sign| sign.tools.contains(&tool))
        .find_map(|sign| single([sign]))
        .or_else(|| direct().find_map(|sign| single([sign])));
    if let Some(found) = said {
        return found;
    }
    let mut signals = Signals::default();
    files.texts().for_each(|text| signals.add(text));
    if let Some((backend, most, all)) = signals.majority() {
        let by = format!("the SQL: {most} of {all} signs of a dialect");
        return (Some(backend), by);
    }
    by_surroundings(candidate, signs).unwrap_or_default()
}

/// The database that all of some files name, if it is one.
fn single<'a>(signs: impl IntoIterator<Item = &'a Sign>) -> Option<(Option<Backend>, String)> {
    let mut found: Option<(Backend, &str)> = None;
    for sign in signs {
        for backend in &sign.backends {
            match found {
                Some((other, _)) if other != *backend => return None,
                Some(_) => {}
                None => found = Some((*backend, &sign.file)),
            }
        }
    }
    found.map(|(backend, file)| (Some(backend), format!("`{file}`")))
}

/// What manifests say of the database, and if they say nothing, what containers and examples of the
/// environment say. Of the folders around the migrations the nearest counts whose files say
/// anything; files elsewhere only if all of them agree.
fn by_surroundings(candidate: &Candidate, signs: &[Sign]) -> Option<(Option<Backend>, String)> {
    for weight in [Weight::Manifest, Weight::Surroundings] {
        let telling = || {
            signs
                .iter()
                .filter(move |sign| sign.weight == weight && !sign.backends.is_empty())
        };
        for above in upwards(&candidate.path) {
            let here = || telling().filter(|sign| parent(&sign.file) == above);
            if here().next().is_some() {
                return single(here());
            }
        }
        if telling().next().is_some() {
            return single(telling());
        }
    }
    None
}

/// The engine that a database is, if it is one that is read.
pub(super) fn engine(backend: Option<Backend>) -> Option<Engine> {
    match backend {
        Some(Backend::Known(engine)) => Some(engine),
        _ => None,
    }
}

/// The name of a database that is not read.
pub(super) fn other_engine(backend: Option<Backend>) -> Option<&'static str> {
    match backend {
        Some(Backend::Other(name)) => Some(name),
        _ => None,
    }
}
