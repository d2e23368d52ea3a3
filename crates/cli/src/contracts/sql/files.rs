//! Which files a schema is made of, and in which order they are run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ignore::overrides::OverrideBuilder;
use switchback_migration::history::{self, Folder, ProblemKind, Tool};
use switchback_supply::git::log::EntryKind;
use switchback_version::contract::LARGEST;

use super::fold::{Order, Piece};
use super::{Dialects, is_named_sql, is_pattern};
use crate::contracts::{MOST_FILES, State, Texts};
use crate::errors::{self, Failure};

/// The most bytes of all files together.
const MOST_BYTES: usize = 256 << 20;

/// What a schema is made of.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) texts: Texts,
    pub(super) pieces: Vec<Piece>,
    pub(super) order: Order,
    /// The engine that something in the repository says that it is for.
    pub(super) engine: Option<String>,
    /// The file for what has no place.
    pub(super) whole: String,
}

/// Finds what a path stands for; none if there is nothing.
pub(super) fn find(
    state: &State<'_>,
    path: &str,
    dialects: &Dialects,
) -> Result<Option<Found>, Failure> {
    if let Some(text) = file(state, path)? {
        return Ok(Some(alone(path, text, dialects)));
    }
    if is_pattern(path) {
        return matching(state, path, dialects);
    }
    if !state.is_folder(path)? {
        return Ok(None);
    }
    let files = paths(state, path)?;
    let sql: Vec<String> = files.into_iter().filter(|it| is_sql(it)).collect();
    if sql.is_empty() {
        return Ok(None);
    }
    history(state, path, &sql, dialects).map(Some)
}

fn is_sql(path: &str) -> bool {
    !is_pattern(path) && is_named_sql(path)
}

/// The text of a file, if the path is one.
fn file(state: &State<'_>, path: &str) -> Result<Option<String>, Failure> {
    match state.is_folder(path)? {
        true => Ok(None),
        false => state.text(path, LARGEST),
    }
}

/// A dump in one file.
fn alone(path: &str, text: String, dialects: &Dialects) -> Found {
    let texts = Texts::from([(path.to_owned(), text)]);
    let folder = folder_of(&texts, path, &[path.to_owned()], &[], dialects);
    let length = texts[path].len();
    Found {
        pieces: vec![Piece::Sql {
            file: path.to_owned(),
            span: 0..length,
        }],
        order: Order::Given,
        engine: folder.and_then(|it| engine(&it)),
        whole: path.to_owned(),
        texts,
    }
}

/// The files that a pattern means: `*` and `?` within a folder, `**` across them.
fn matching(
    state: &State<'_>,
    pattern: &str,
    dialects: &Dialects,
) -> Result<Option<Found>, Failure> {
    let wrong = |error: ignore::Error| errors::contract_unread(pattern, error.to_string());
    let mut builder = OverrideBuilder::new(Path::new("/"));
    // From the top, and not anywhere below it.
    builder.add(&format!("/{pattern}")).map_err(wrong)?;
    let wanted = builder.build().map_err(wrong)?;
    let plain = pattern.split('/').take_while(|it| !is_pattern(it));
    let folder = plain.collect::<Vec<_>>().join("/");
    let files = paths(state, &folder)?;
    let means = |it: &String| is_sql(it) && wanted.matched(it, false).is_whitelist();
    let sql: Vec<String> = files.into_iter().filter(means).collect();
    let Some(first) = sql.first() else {
        return Ok(None);
    };
    let home = parent(first).to_owned();
    match sql.iter().all(|it| parent(it) == home) {
        true => history(state, &home, &sql, dialects).map(Some),
        false => {
            let texts = texts(state, &sql)?;
            Ok(Some(pieces(&sql, texts, None)))
        }
    }
}

/// Files of one folder: its migrations, or parts of a schema if nothing says that they are some.
fn history(
    state: &State<'_>,
    path: &str,
    sql: &[String],
    dialects: &Dialects,
) -> Result<Found, Failure> {
    let mut texts = texts(state, sql)?;
    let around = around(state, path)?;
    for one in &around {
        // What says which tool it is may be anything, and may be missing.
        if !is_sql(one)
            && let Ok(Some(text)) = state.text(one, LARGEST)
            && !texts.contains_key(one)
        {
            texts.insert(one.clone(), text);
        }
    }
    let folder = folder_of(&texts, path, sql, &around, dialects);
    texts.retain(|it, _| is_sql(it));
    let Some(folder) = folder else {
        return Ok(pieces(sql, texts, None));
    };
    if folder.migrations.is_empty() {
        return Ok(pieces(sql, texts, engine(&folder)));
    }
    let mut all = Vec::new();
    for migration in folder.from_empty() {
        let up = &migration.up;
        all.push(match up.readable {
            true => Piece::Sql {
                file: up.file.clone(),
                span: up.span.clone(),
            },
            false => Piece::Dark {
                file: up.file.clone(),
                why: why(&folder, &up.file),
            },
        });
    }
    // Nobody in particular passes over a file without a number: it may be run, and nobody knows when.
    if folder.tool == Tool::Plain {
        for problem in &folder.problems {
            if let ProblemKind::Name(why) = &problem.kind {
                all.push(Piece::Dark {
                    file: problem.file.clone(),
                    why: why.clone(),
                });
            }
        }
    }
    let last = all.last().map(|it| match it {
        Piece::Sql { file, .. } | Piece::Dark { file, .. } => file.clone(),
    });
    Ok(Found {
        engine: engine(&folder),
        whole: last.unwrap_or_else(|| path.to_owned()),
        pieces: all,
        order: Order::Given,
        texts,
    })
}

/// Why a file of a folder could not be read.
fn why(folder: &Folder, file: &str) -> String {
    let mut own = folder.problems.iter().filter(|it| it.file == file);
    let first = own.next().map(|it| it.kind.to_string());
    first.unwrap_or_else(|| "its SQL is not known".to_owned())
}

fn engine(folder: &Folder) -> Option<String> {
    let known = folder.engine.map(|it| it.to_string());
    known.or_else(|| folder.other_engine.map(str::to_owned))
}

/// Files as a tool would take them.
fn folder_of(
    texts: &Texts,
    path: &str,
    sql: &[String],
    around: &[String],
    dialects: &Dialects,
) -> Option<Folder> {
    let home = match sql {
        [one] if one == path => parent(one),
        _ => path,
    };
    let names: BTreeSet<&str> = sql.iter().chain(around).map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let mut candidate = history::at(home, &names)?;
    dialects.apply(path, &mut candidate);
    history::read(&candidate, |it| texts.get(it).map(String::as_bytes))
}

/// Parts of a schema, in the order of their names because nobody says another one.
fn pieces(sql: &[String], texts: Texts, engine: Option<String>) -> Found {
    let piece = |file: &String| Piece::Sql {
        file: file.clone(),
        span: 0..texts.get(file).map_or(0, String::len),
    };
    Found {
        pieces: sql.iter().map(piece).collect(),
        order: Order::Unknown,
        engine,
        whole: sql.first().cloned().unwrap_or_default(),
        texts,
    }
}

fn texts(state: &State<'_>, files: &[String]) -> Result<Texts, Failure> {
    let mut all = BTreeMap::new();
    let mut left = MOST_BYTES;
    for file in files {
        let Some(text) = state.text(file, LARGEST)? else {
            continue;
        };
        let Some(rest) = left.checked_sub(text.len()) else {
            let why = format!("the files have more than {MOST_BYTES} bytes together");
            return Err(errors::contract_unread(file, why));
        };
        left = rest;
        all.insert(file.clone(), text);
    }
    Ok(all)
}

/// The files below a folder, sorted; none in hidden folders.
fn paths(state: &State<'_>, folder: &str) -> Result<Vec<String>, Failure> {
    if matches!(state, State::Disk { top } if !top.join(folder).is_dir()) {
        return Ok(Vec::new());
    }
    let mut all = state.below(folder, "")?;
    let hidden = |it: &String| {
        let inner = it.strip_prefix(folder).unwrap_or(it);
        inner.split('/').any(|it| it.starts_with('.'))
    };
    all.retain(|it| !hidden(it));
    if let State::Disk { top } = state {
        all.retain(|it| top.join(it).is_file());
    }
    all.sort_unstable();
    Ok(all)
}

/// What may say whose migrations lie in a folder: all files in it, and those right in the folders
/// around it.
fn around(state: &State<'_>, folder: &str) -> Result<Vec<String>, Failure> {
    let inside = |it: &str| {
        let rest = it.strip_prefix(folder);
        folder.is_empty() || rest.is_some_and(|it| it.starts_with('/'))
    };
    let above = |it: &str| {
        let home = parent(it);
        let rest = folder.strip_prefix(home);
        home.is_empty() || rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    match state {
        State::Commit { history, commit } => {
            let all = history.list(*commit, "")?;
            let files = all.iter().filter(|it| it.kind != EntryKind::Submodule);
            let files = files.map(|it| String::from_utf8_lossy(&it.path).into_owned());
            Ok(files.filter(|it| inside(it) || above(it)).collect())
        }
        State::Disk { top } => {
            let mut all = paths(state, folder)?;
            let mut home = folder;
            while !home.is_empty() {
                home = parent(home);
                let entries = std::fs::read_dir(top.join(home)).into_iter().flatten();
                for entry in entries.flatten().take(MOST_FILES) {
                    let name = entry.file_name().into_string();
                    if let (Ok(name), Ok(true)) = (name, entry.file_type().map(|it| it.is_file())) {
                        all.push(match home {
                            "" => name,
                            home => format!("{home}/{name}"),
                        });
                    }
                }
            }
            Ok(all)
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
