//! The folder that somebody named, as its tool sees it.

use std::collections::BTreeMap;
use std::path::Path;

use switchback_migration::Engine;
use switchback_migration::history::{self, Folder};

use crate::errors::{self, Failure};
use crate::survey::{Base, Content, Entry, LARGEST, Listing, Walk, pattern, read as read_all};

/// A folder of migrations and its files.
pub(super) struct Read {
    /// As people see it.
    pub(super) shown: String,
    /// What it means.
    pub(super) folder: Folder,
    contents: BTreeMap<String, Content>,
}

impl Read {
    /// The text of a file, if it is text.
    pub(super) fn text(&self, file: &str) -> Option<&str> {
        match self.contents.get(file)? {
            Content::Text(text) => Some(text),
            Content::Bytes(_) => None,
        }
    }
}

/// Reads the folder at `path`.
///
/// # Errors
/// If it is not there, has no migrations, or is for another engine.
pub(super) fn read(path: &Path) -> Result<Read, Failure> {
    let root = path
        .canonicalize()
        .map_err(|error| errors::nothing_there(path, &error))?;
    let base = Base::find(&root, None).map_err(|error| errors::nothing_there(path, &error))?;
    let mut listing = Listing::default();
    let exclude = pattern(&base, &[]);
    let walk = Walk {
        base: &base,
        exclude: &exclude,
        // Somebody named the folder, whatever Git thinks of it.
        ignore: false,
    };
    walk.add(&root, &mut listing);
    let names: Vec<&str> = listing.files.keys().map(String::as_str).collect();
    let none = || errors::no_history(path);
    let candidate = history::at(&base.name(&root), &names).ok_or_else(none)?;
    let entries: Vec<&Entry> = candidate
        .wanted()
        .filter_map(|name| listing.files.get(name))
        .collect();
    let mut contents = BTreeMap::new();
    for (entry, content) in entries.iter().zip(read_all(&entries, LARGEST)) {
        let content = content.map_err(|error| errors::nothing_there(&entry.path, &error))?;
        contents.insert(entry.name.clone(), content);
    }
    let folder = history::read(&candidate, |name| contents.get(name).map(Content::bytes))
        .filter(|folder| !folder.migrations.is_empty())
        .ok_or_else(none)?;
    let other = folder.other_engine.map(str::to_owned).or_else(|| {
        folder
            .engine
            .filter(|engine| *engine != Engine::Postgres)
            .map(|engine| engine.to_string())
    });
    if let Some(engine) = other {
        return Err(errors::other_history(path, &engine));
    }
    Ok(Read {
        shown: path.display().to_string(),
        folder,
        contents,
    })
}
