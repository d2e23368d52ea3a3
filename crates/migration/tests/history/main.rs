//! Reading folders of migrations: what each tool would do with small folders, how they are found,
//! and what holds for any bytes.

#![expect(clippy::expect_used, reason = "test code outside of test functions")]

mod bytes;
mod engines;
mod finding;
mod properties;
mod tools;

use std::collections::BTreeMap;

use switchback_migration::Engine;
use switchback_migration::history::{Candidate, Folder, Tool, Wrapped, at, discover, read};

/// A repository in memory.
struct Repo(BTreeMap<String, Vec<u8>>);

impl Repo {
    fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(path, text): (&str, &str)| (path.to_owned(), text.as_bytes().to_vec());
        Repo(files.into_iter().map(owned).collect())
    }

    /// Empty files.
    fn of(paths: &[&str]) -> Self {
        Repo::new(paths.iter().map(|path| (*path, "")))
    }

    fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        self.0.insert(path.to_owned(), bytes.to_vec());
        self
    }

    fn paths(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    fn candidates(&self) -> Vec<Candidate> {
        discover(&self.paths())
    }

    fn read(&self, candidate: &Candidate) -> Option<Folder> {
        read(candidate, |path| self.0.get(path).map(Vec::as_slice))
    }

    /// The folders that are found.
    fn folders(&self) -> Vec<Folder> {
        let candidates = self.candidates();
        candidates.iter().filter_map(|it| self.read(it)).collect()
    }

    /// The only folder that is found.
    fn folder(&self) -> Folder {
        let mut folders = self.folders();
        assert_eq!(folders.len(), 1, "{folders:#?}");
        folders.remove(0)
    }

    /// The folder `m` as a given tool and engine take it.
    fn read_as(&self, tool: Tool, engine: Option<Engine>) -> Folder {
        let mut candidate = at("m", &self.paths()).expect("SQL files");
        candidate.tools = vec![tool];
        candidate.engine = engine;
        self.read(&candidate).expect("a folder")
    }
}

/// The versions in order.
fn versions(folder: &Folder) -> Vec<&str> {
    folder
        .migrations
        .iter()
        .map(|it| it.version.as_str())
        .collect()
}

/// The names in order.
fn names(folder: &Folder) -> Vec<&str> {
    folder
        .migrations
        .iter()
        .map(|it| it.name.as_str())
        .collect()
}

/// What is wrapped around the ways up, in order.
fn wraps(folder: &Folder) -> Vec<Wrapped> {
    folder
        .migrations
        .iter()
        .map(|it| it.up.transaction)
        .collect()
}

/// The problems as `file: text`.
fn problems(folder: &Folder) -> Vec<String> {
    let text = |it: &switchback_migration::history::Problem| format!("{}: {}", it.file, it.kind);
    folder.problems.iter().map(text).collect()
}
