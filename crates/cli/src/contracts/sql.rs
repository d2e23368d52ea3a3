//! Schemas of databases as contracts: which SQL they are made of, and what it amounts to.
//!
//! A contract is a file such as a dump, a folder of migrations in the order of its tool, or a pattern
//! of files. Its SQL is folded as PostgreSQL would run it on an empty database; no database is asked.

mod files;
mod fold;
mod places;
#[cfg(test)]
mod tests;
mod translate;

use std::path::Path;

use switchback_migration::Engine;
use switchback_migration::history::Candidate;
use switchback_version::contract::sql::Schema;

use self::files::Found;
use super::{State, Texts};
use crate::context::path_in;
use crate::errors::{self, Failure};
use crate::settings::Loaded;
use crate::settings::types::{Database, MigrationsFolder};

/// What the settings say of the SQL in a repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dialects {
    /// Folders of migrations, by their paths from the top.
    folders: Vec<(String, MigrationsFolder)>,
    /// The engine of every environment that has a database.
    environments: Option<Engine>,
}

impl Dialects {
    /// What settings say, in paths from the top of a repository.
    pub(crate) fn of(loaded: &Loaded, top: &Path) -> Self {
        let root = loaded.source.path.parent().unwrap_or(top);
        let folders = loaded.settings.migrations.folders.iter();
        let folders =
            folders.filter_map(|it| Some((path_in(top, &root.join(&it.path))?, it.clone())));
        let environments = loaded.settings.environments.iter();
        let mut engines = environments
            .filter_map(|it| it.database.as_ref())
            .map(|it| match it {
                Database::Sqlite { .. } => Engine::Sqlite,
                Database::Postgres { .. } => Engine::Postgres,
            });
        let first = engines.next();
        Self {
            folders: folders.collect(),
            environments: first.filter(|first| engines.all(|it| it == *first)),
        }
    }

    /// The setting for a file or folder: that of the folder itself, or of the nearest around it.
    fn folder(&self, path: &str) -> Option<&MigrationsFolder> {
        let around = |folder: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|it| folder.is_empty() || it.is_empty() || it.starts_with('/'))
        };
        let around = self.folders.iter().filter(|(folder, _)| around(folder));
        let nearest = around.max_by_key(|(folder, _)| folder.len());
        nearest.map(|(_, it)| it)
    }

    fn apply(&self, path: &str, candidate: &mut Candidate) {
        if let Some(folder) = self.folder(path) {
            folder.apply(candidate);
        }
    }

    /// The engine that is set for a file or folder.
    fn engine(&self, path: &str) -> Option<Engine> {
        let own = self.folder(path).and_then(|it| it.engine);
        own.map(Engine::from)
    }
}

/// A schema, and the texts that it was read from.
pub(super) struct Read {
    pub(super) schema: Schema,
    pub(super) texts: Texts,
}

/// Whether a path is a pattern of files.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Whether a path may be one of SQL, by its name alone.
pub(super) fn is_named_sql(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, it)| it);
    extension.eq_ignore_ascii_case("sql") || is_pattern(path)
}

/// The schema that a path stands for in a state; none if there is no such file.
pub(super) fn read(
    state: &State<'_>,
    path: &str,
    dialects: &Dialects,
) -> Result<Option<Read>, Failure> {
    let Some(found) = files::find(state, path, dialects)? else {
        return Ok(None);
    };
    let Found {
        texts,
        pieces,
        order,
        engine,
        whole,
    } = found;
    let set = dialects.engine(path).map(|it| it.to_string());
    let everywhere = || dialects.environments.map(|it| it.to_string());
    let engine = set.or(engine).or_else(everywhere);
    if let Some(engine) = engine.filter(|it| *it != Engine::Postgres.to_string()) {
        return Err(errors::contract_of_other_engine(path, &engine));
    }
    let folded = fold::fold(&texts, &pieces, order);
    if let Some((file, line, message)) = &folded.nonsense {
        return Err(errors::contract_unread(
            path,
            format!("{file}:{line}: {message}"),
        ));
    }
    let schema = translate::translate(folded, (whole, 1));
    Ok(Some(Read { schema, texts }))
}
