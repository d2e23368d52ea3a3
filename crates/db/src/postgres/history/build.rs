//! Building a schema from a history: every way up, in one database that keeps it.

use super::databases::Databases;
use super::run::{Limits, Run};
use super::scratch::Made;
use super::script::Script;
use crate::history::{Failure, MigrationSql, Note, Options};
use crate::postgres::error::PgError;

/// What came of building a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// What was made or passed over to get on.
    pub notes: Vec<Note>,
    /// The place of the migration in the list, from 0, at which it ended, and why.
    pub failed: Option<(usize, Failure)>,
}

/// Applies migrations in their order to the scratch database at `url`, which has to be empty. One
/// whose SQL cannot be read is passed over.
///
/// # Errors
/// If the database cannot be reached or is not empty, or its server fails.
pub fn build(url: &str, migrations: &[MigrationSql], options: &Options) -> Result<Built, PgError> {
    let mut databases = Databases::open(url)?;
    databases.check_empty()?;
    let database = databases.base().to_owned();
    let mut made = Made::default();
    let mut run = Run {
        database,
        databases: &mut databases,
        limits: Limits {
            statement: options.statement_timeout,
            script: options.script_timeout,
        },
        made: &mut made,
    };
    let mut notes = Vec::new();
    for (place, migration) in migrations.iter().enumerate() {
        let Some(up) = &migration.up else { continue };
        let script = Script::new(up);
        notes.extend(script.notes.iter().cloned());
        let done = match &script.refused {
            Some(refused) => Err(refused.clone()),
            None => run.whole(&script, &mut notes)?,
        };
        if let Err(failure) = done {
            let failed = Some((place, failure));
            return Ok(Built { notes, failed });
        }
    }
    Ok(Built {
        notes,
        failed: None,
    })
}
