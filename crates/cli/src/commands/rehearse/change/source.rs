//! The database that a change is rehearsed on: a private server with a schema that is built there, or
//! a copy that somebody made.

use std::path::PathBuf;

use switchback_db::history::{MigrationSql, Options, Sql};
use switchback_db::postgres::history::build;
use switchback_db::postgres::rehearsal::{is_same_database, schema_of};
use switchback_migration::history::Wrapped;
use switchback_model::EnvironmentName;
use switchback_scratch::{Installation, Server, newest};

use super::OnChange;
use crate::commands::rehearse::folder;
use crate::context::Context;
use crate::errors::{self, Failure};
use crate::settings::types::Database;

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
}

/// A database to rehearse on.
pub(super) struct Ready {
    pub(super) url: String,
    /// Where its schema came from, for people.
    pub(super) source: String,
    /// What was done, in one line.
    pub(super) said: String,
    /// Ends with this.
    _server: Option<Server>,
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
            let read = folder::read(&context.shell.folder.join(path))?;
            let of = |it| MigrationSql::read(read.folder.tool, it, |file| read.text(file));
            return Ok(Self::Migrations {
                shown: path.display().to_string(),
                migrations: read.folder.migrations.iter().map(of).collect(),
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

    fn copy(context: &Context<'_>, variable: &str) -> Result<Self, Failure> {
        let variables = &context.shell.variables;
        let url = variables.get(variable).ok_or_else(|| {
            errors::variable_needed(variable, "--url-from says that it holds the URL of a copy")
        })?;
        for environment in &context.settings().environments {
            let theirs = variables.get(&environment.database_variable());
            if theirs.is_some_and(|theirs| is_same_database(url, theirs)) {
                return Err(errors::copy_is_original(variable, &environment.name));
            }
        }
        Ok(Self::Copy {
            variable: variable.to_owned(),
            url: url.to_owned(),
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
        }
    }

    /// Gets it.
    pub(super) fn prepare(self) -> Result<Ready, Failure> {
        match self {
            Self::Copy { variable, url } => Ok(Ready {
                url,
                source: format!("the copy that {variable} names"),
                said: String::new(),
                _server: None,
            }),
            Self::Migrations {
                shown,
                migrations,
                binaries,
            } => on_server(binaries, shown, |_| Ok(migrations)),
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
        url,
        said: format!("PostgreSQL {}", server.version().major()),
        source,
        _server: Some(server),
    })
}
