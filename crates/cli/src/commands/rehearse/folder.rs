//! The folder that somebody named, as its tool sees it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use switchback_db::history::MigrationSql;
use switchback_migration::Engine;
use switchback_migration::history::{self, Folder, Migration, Row, Standing};

use crate::context::settings_if_any;
use crate::errors::{self, Failure};
use crate::settings;
use crate::settings::types::MigrationsFolder;
use crate::shell::Shell;
use crate::survey::{Base, Content, Entry, LARGEST, Listing, Walk, pattern, read as read_all};

/// A folder of migrations and its files.
pub(super) struct Read {
    /// As people see it.
    pub(super) shown: String,
    /// What it means.
    pub(super) folder: Folder,
    /// The engine that it is for.
    pub(super) engine: Engine,
    /// What says so; none where nothing does.
    pub(super) because: Option<String>,
    contents: BTreeMap<String, Content>,
}

impl Read {
    /// What is rehearsed, in order: every migration, step by step. A baseline is only where a
    /// database begins without what was before it.
    pub(super) fn migrations(&self) -> Vec<MigrationSql> {
        let all = &self.folder.migrations;
        let begins = all.first().is_some_and(|first| first.baseline);
        let chosen: Vec<&Migration> = if begins {
            self.folder.from_empty().iter().collect()
        } else {
            self.folder.step_by_step().collect()
        };
        self.sql(chosen)
    }

    /// How a database stands to the folder that has this record.
    pub(super) fn standing(&self, rows: &[Row]) -> Standing {
        let bytes = |file: &str| self.contents.get(file).map(Content::bytes);
        history::standing(&self.folder, rows, bytes)
    }

    /// The migrations at these places of the folder.
    pub(super) fn at(&self, places: &[usize]) -> Vec<MigrationSql> {
        let chosen = places
            .iter()
            .filter_map(|place| self.folder.migrations.get(*place));
        self.sql(chosen)
    }

    /// What leads from an empty database to the schema of now.
    pub(super) fn on_empty(&self) -> Vec<MigrationSql> {
        self.sql(self.folder.from_empty())
    }

    fn sql<'m>(&self, migrations: impl IntoIterator<Item = &'m Migration>) -> Vec<MigrationSql> {
        let of = |it| MigrationSql::read(self.folder.tool, it, |file| self.text(file));
        migrations.into_iter().map(of).collect()
    }

    /// The text of a file, if it is text.
    fn text(&self, file: &str) -> Option<&str> {
        match self.contents.get(file)? {
            Content::Text(text) => Some(text),
            Content::Bytes(_) => None,
        }
    }
}

/// Reads the folder at `path`. Its engine is the one that somebody says, on the command line or in
/// the settings, else the one that the folder and the files around it show, as `check` sees them.
///
/// # Errors
/// If it is not there, has no migrations, or is for an engine on which nothing is rehearsed.
pub(super) fn read(path: &Path, said: Option<Engine>, shell: &Shell) -> Result<Read, Failure> {
    let nothing = |error: io::Error| errors::nothing_there(path, &error);
    let root = shell.folder.join(path).canonicalize().map_err(nothing)?;
    let base = Base::find(&project(&root, shell), None).map_err(nothing)?;
    let listing = listing(&base, &root);
    let names: Vec<&str> = listing.files.keys().map(String::as_str).collect();
    let none = || errors::no_history(path);
    let mut candidate = history::at(&base.name(&root), &names).ok_or_else(none)?;
    let mut because = None;
    if let Some(set) = set(&root, shell)? {
        set.apply(&mut candidate);
        because = set.engine.map(|_| format!("`{}`", settings::FILE));
    }
    if let Some(engine) = said {
        candidate.engine = Some(engine);
        candidate.other_engine = None;
        because = Some("--engine".to_owned());
    }
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
    let because = because.or_else(|| {
        let by = folder.because.engine.clone();
        folder.engine.is_some().then_some(by)
    });
    let engine = match (folder.other_engine, folder.engine) {
        (Some(other), _) => return Err(errors::other_history(path, other)),
        (None, Some(Engine::Mysql)) => {
            return Err(errors::other_history(path, &Engine::Mysql.to_string()));
        }
        (None, Some(engine)) => engine,
        (None, None) => Engine::Postgres,
    };
    Ok(Read {
        shown: path.display().to_string(),
        folder,
        engine,
        because,
        contents,
    })
}

/// How many folders above a named one are looked at, where nothing says where a project ends.
const ABOVE: usize = 3;

/// Where the project ends that a folder belongs to: at the top of its repository, else a little
/// above it, and not beyond where the command was started.
fn project(root: &Path, shell: &Shell) -> PathBuf {
    let here = shell.folder.canonicalize().ok();
    let inside = |above: &&Path| here.as_ref().is_some_and(|here| above.starts_with(here));
    if let Some(top) = root.ancestors().find(|it| it.join(".git").exists()) {
        return top.to_owned();
    }
    let above = root.ancestors().take(ABOVE + 1).take_while(inside);
    above.last().unwrap_or(root).to_owned()
}

/// The files of the folder, and those of the project around it: what says which tool and engine it is
/// for often stands in a manifest.
fn listing(base: &Base, root: &Path) -> Listing {
    let mut listing = Listing::default();
    let exclude = pattern(base, &[]);
    // Somebody named the folder, whatever Git thinks of it.
    for (from, ignore) in [(base.folder.as_path(), true), (root, false)] {
        let walk = Walk {
            base,
            exclude: &exclude,
            ignore,
        };
        walk.add(from, &mut listing);
    }
    listing
}

/// What the settings say of the folder, if there are settings and they name it.
fn set(root: &Path, shell: &Shell) -> Result<Option<MigrationsFolder>, Failure> {
    let Some(loaded) = settings_if_any(shell)? else {
        return Ok(None);
    };
    let home = loaded.source.path.parent().unwrap_or(&shell.folder);
    let folders = loaded.settings.migrations.folders.iter();
    let mut found = folders.filter(|it| {
        home.join(&it.path)
            .canonicalize()
            .is_ok_and(|it| it == root)
    });
    Ok(found.next_back().cloned())
}
