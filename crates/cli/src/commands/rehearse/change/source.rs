//! The database that a change is rehearsed on: a private server with a schema that is built there, or
//! a copy that somebody made.

use std::path::{Path, PathBuf};

use switchback_db::history::{MigrationSql, Options, Sql};
use switchback_db::postgres::history::build;
use switchback_db::postgres::rehearsal::{is_same_database, schema_of};
use switchback_db::sqlite::rehearsal;
use switchback_migration::Engine;
use switchback_migration::history::Wrapped;
use switchback_model::EnvironmentName;
use switchback_scratch::{Installation, Server, newest};
use tempfile::TempDir;

use super::OnChange;
use crate::commands::rehearse::folder;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::settings::Settings;
use crate::settings::types::{Database, Environment};
use crate::shell::Shell;

/// Where the database comes from.
pub(super) enum Source {
    /// A private server with the schema that migrations make.
    Migrations {
        shown: String,
        migrations: Vec<MigrationSql>,
        binaries: Option<PathBuf>,
    },
    /// A private server with the schema of an environment's database.
    Environment {
        name: EnvironmentName,
        url: String,
        binaries: Option<PathBuf>,
    },
    /// A copy with its rows. The URL may hold a password.
    Copy { variable: String, url: String },
    /// A SQLite file, to be copied.
    File {
        name: EnvironmentName,
        path: PathBuf,
    },
}

/// Where the database is.
pub(super) enum Place {
    /// On a PostgreSQL server. The URL may hold a password.
    Url(String),
    /// In a SQLite file.
    File(PathBuf),
}

/// What has to be there while there is a rehearsal.
enum Kept {
    Nothing,
    Server(#[expect(dead_code, reason = "it ends when it is dropped")] Server),
    Folder(#[expect(dead_code, reason = "it goes when it is dropped")] TempDir),
}

/// A database to rehearse on.
pub(super) struct Ready {
    pub(super) place: Place,
    /// Where its schema came from, for people.
    pub(super) source: String,
    /// What was done, in one line.
    pub(super) said: String,
    /// What ends with this.
    _kept: Kept,
}

impl Source {
    /// Chooses what was asked for; else the schema of the first environment that can be reached.
    pub(super) fn choose(
        context: &Context<'_>,
        wanted: &OnChange,
        binaries: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        if let Some(variable) = &wanted.url_from {
            return Self::copy(context, variable);
        }
        if let Some(path) = &wanted.migrations {
            let read = folder::read(path, Some(Engine::Postgres), context.shell)?;
            return Ok(Self::Migrations {
                shown: path.display().to_string(),
                migrations: read.on_empty(),
                binaries,
            });
        }
        let environment = match &wanted.from {
            Some(name) => Some(context.environment(name)?),
            None => context.environments()?.iter().find(|it| {
                let set = context.shell.variables.get(&it.database_variable());
                matches!(it.database, Some(Database::Postgres { .. })) && set.is_some()
            }),
        };
        let environment = environment.ok_or_else(errors::no_schema_named)?;
        if !matches!(environment.database, Some(Database::Postgres { .. })) {
            return Err(errors::not_set(&environment.name, "database"));
        }
        Ok(Self::Environment {
            name: environment.name.clone(),
            url: context.database_url(environment)?.to_owned(),
            binaries,
        })
    }

    /// Chooses the SQLite file to copy: that of the environment that was named, else of the first one
    /// that has one.
    pub(super) fn file(context: &Context<'_>, wanted: &OnChange) -> Result<Self, Failure> {
        for (given, flag) in [
            (wanted.migrations.is_some(), "--migrations"),
            (wanted.url_from.is_some(), "--url-from"),
        ] {
            if given {
                return Err(errors::only_on(flag, Engine::Postgres));
            }
        }
        let is_file = |it: &&Environment| matches!(it.database, Some(Database::Sqlite { .. }));
        let environment = match &wanted.from {
            Some(name) => Some(context.environment(name)?),
            None => context.environments()?.iter().find(is_file),
        };
        let environment = environment.ok_or_else(errors::no_file_named)?;
        match &environment.database {
            Some(Database::Sqlite { path }) => Ok(Self::File {
                name: environment.name.clone(),
                path: context.path(path),
            }),
            _ => Err(errors::not_set(&environment.name, "database")),
        }
    }

    fn copy(context: &Context<'_>, variable: &str) -> Result<Self, Failure> {
        let url = url_of_copy(context.shell, Some(context.settings()), variable)?;
        Ok(Self::Copy {
            variable: variable.to_owned(),
            url,
        })
    }

    /// What is done to get it, for people.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Migrations { shown, .. } => {
                format!("build the schema of {shown} on a private PostgreSQL server")
            }
            Self::Environment { name, .. } => {
                format!("copy the schema of {name} to a private PostgreSQL server")
            }
            Self::Copy { variable, .. } => format!("use the copy that {variable} names"),
            Self::File { name, .. } => format!("copy the database of {name}"),
        }
    }

    /// Gets it.
    pub(super) fn prepare(self) -> Result<Ready, Failure> {
        match self {
            Self::Copy { variable, url } => Ok(Ready {
                place: Place::Url(url),
                source: format!("the copy that {variable} names"),
                said: String::new(),
                _kept: Kept::Nothing,
            }),
            Self::File { name, path } => copied(&name, &path),
            Self::Migrations {
                shown,
                migrations,
                binaries,
            } => on_server(binaries, format!("the schema of {shown}"), |_| {
                Ok(migrations)
            }),
            Self::Environment {
                name,
                url,
                binaries,
            } => on_server(binaries, format!("the schema of {name}"), |installation| {
                let dump = schema_of(&url, &installation.folder.join("pg_dump"));
                let dump = dump.map_err(|error| errors::no_dump(&name, &error))?;
                Ok(vec![MigrationSql {
                    version: String::new(),
                    name: format!("the schema of {name}"),
                    up: Some(Sql::new(dump, Wrapped::Nothing)),
                    down: None,
                    repeatable: false,
                }])
            }),
        }
    }
}

/// The URL of a copy, which must not be that of an environment's database.
pub(in crate::commands::rehearse) fn url_of_copy(
    shell: &Shell,
    settings: Option<&Settings>,
    variable: &str,
) -> Result<String, Failure> {
    let variables = &shell.variables;
    let url = variables.get(variable).ok_or_else(|| {
        errors::variable_needed(variable, "--url-from says that it holds the URL of a copy")
    })?;
    for environment in settings.map_or(&[][..], |it| &it.environments) {
        let theirs = variables.get(&environment.database_variable());
        if theirs.is_some_and(|theirs| is_same_database(url, theirs)) {
            return Err(errors::copy_is_original(variable, &environment.name));
        }
    }
    Ok(url.to_owned())
}

/// Copies a SQLite file, which may be in use.
fn copied(name: &EnvironmentName, path: &Path) -> Result<Ready, Failure> {
    let cannot = |error: std::io::Error| errors::no_copy(name, &error);
    let folder = TempDir::with_prefix("switchback-rehearsal-").map_err(cannot)?;
    let copy = folder.path().join("copy.db");
    rehearsal::copy(path, &copy)?;
    Ok(Ready {
        place: Place::File(copy),
        source: format!("a copy of the database of {name}"),
        said: String::new(),
        _kept: Kept::Folder(folder),
    })
}

/// Starts a server, and builds a schema there.
fn on_server(
    binaries: Option<PathBuf>,
    source: String,
    migrations: impl FnOnce(&Installation) -> Result<Vec<MigrationSql>, Failure>,
) -> Result<Ready, Failure> {
    let installation = match &binaries {
        Some(folder) => Installation::at(folder).map_or_else(newest, Ok),
        None => newest(),
    };
    let server = Server::start(&switchback_scratch::Options {
        binaries,
        ..switchback_scratch::Options::default()
    })
    .and_then(|server| {
        let url = server.create_database("rehearsal", None)?;
        Ok((server, url, installation?))
    });
    let (server, url, installation) = server.map_err(|error| errors::no_scratch_server(&error))?;
    let migrations = migrations(&installation)?;
    let built = build(&url, &migrations, &Options::default())?;
    if let Some((place, failure)) = &built.failed {
        let at = migrations.get(*place);
        let name = at.map_or_else(String::new, |it| {
            format!("{} {}", it.version, it.name).trim().to_owned()
        });
        let why = crate::commands::rehearse::view::said(failure);
        return Err(errors::schema_not_built(&source, &name, &why));
    }
    Ok(Ready {
        place: Place::Url(url),
        said: format!("PostgreSQL {}", server.version().major()),
        source,
        _kept: Kept::Server(server),
    })
}
