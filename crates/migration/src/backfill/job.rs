//! What a backfill is: which rows of which table get what. The content of `backfills/<id>.toml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use switchback_model::plan::Fill;
use switchback_model::{BackfillId, Digest};

use super::query::QueryFault;
use crate::engine::Engine;

/// The version of the file's form.
pub const JOB_SCHEMA: &str = "switchback.backfill/v1";

/// A backfill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id, which is the file's name.
    pub id: BackfillId,
    /// What it says.
    pub text: JobText,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JobText {
    /// [`JOB_SCHEMA`].
    pub schema: String,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The table, as it stands in SQL.
    pub table: String,
    /// Which rows get it, as an SQL condition over the row; all where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Whether the former values are kept, so that it can be undone.
    #[serde(default = "yes")]
    pub keep_undo: bool,
    /// What each column gets where it differs: an SQL expression over the same row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// Or a query that says it for the rows of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// Or a program that is given rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

/// A query that says what the rows of a batch get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Query {
    /// The columns that are written.
    pub columns: Vec<String>,
    /// A `SELECT` with [`BATCH`] where the rows of the batch are read, as from a table. It gives the
    /// columns of the key and those that are written, by their names, and no row twice. A row that
    /// it does not give is left as it is, and one that is not of the batch too. What it gives a row
    /// must not depend on which others are in the batch.
    pub sql: String,
}

/// A program that says what rows get, for what SQL cannot say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Program {
    /// The columns that are written.
    pub columns: Vec<String>,
    /// The columns that it is given besides those of the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// The program and its arguments; no shell is asked. A name with a `/` in it is looked for from
    /// the root of the work tree.
    pub command: Vec<String>,
}

/// What stands in a query for the rows of a batch.
pub const BATCH: &str = "{batch}";

/// How it is known what a row gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform<'a> {
    /// Each column by an SQL expression over the same row.
    Set(&'a BTreeMap<String, String>),
    /// By a query over the rows of a batch.
    Query(&'a Query),
    /// By a program that is given rows.
    Program(&'a Program),
}

fn yes() -> bool {
    true
}

/// Why a file is not a backfill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It is not TOML, or a key is not known, or is missing.
    #[error("{message}")]
    Form {
        /// What is wrong.
        message: String,
        /// Where, as bytes of the text.
        span: Option<std::ops::Range<usize>>,
    },
    /// Its form is of another version.
    #[error("the form `{found}` is not known: this version reads `{JOB_SCHEMA}`")]
    Schema {
        /// What it says.
        found: String,
    },
    /// Something must be said.
    #[error("{what}")]
    Missing {
        /// What must be said, as a sentence.
        what: &'static str,
    },
    /// Its query is none.
    #[error(transparent)]
    Query(#[from] QueryFault),
}

fn set(text: &JobText) -> Result<(), JobError> {
    if text.set.is_empty() {
        return Err(JobError::Missing {
            what: "`[set]` must say what at least one column gets",
        });
    }
    if text.set.values().any(|value| value.trim().is_empty()) {
        return Err(JobError::Missing {
            what: "every column in `[set]` must get an SQL expression",
        });
    }
    Ok(())
}

fn check_columns(columns: &[String]) -> Result<(), JobError> {
    let names: BTreeSet<&String> = columns.iter().collect();
    if columns.is_empty() || columns.iter().any(|it| it.is_empty()) || names.len() < columns.len() {
        return Err(JobError::Missing {
            what: "`columns` must name at least one column that is written, and none twice",
        });
    }
    Ok(())
}

/// A file does not say for which engine it is: the query must be one for one of them.
fn query(query: &Query) -> Result<(), JobError> {
    check_columns(&query.columns)?;
    let on_server = query.check(Engine::Postgres);
    if on_server.is_err() && query.check(Engine::Sqlite).is_ok() {
        return Ok(());
    }
    Ok(on_server?)
}

impl Program {
    fn check(&self, text: &JobText) -> Result<(), JobError> {
        check_columns(&self.columns)?;
        if self.command.first().is_none_or(String::is_empty) {
            return Err(JobError::Missing {
                what: "`command` must name a program",
            });
        }
        // What it would give a row is not known without running it.
        if text.only.is_none() {
            return Err(JobError::Missing {
                what: "`only` must say which rows are not done yet: those that a program is given",
            });
        }
        Ok(())
    }
}

impl JobText {
    /// The columns that are written, in the order of their names.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = match (&self.query, &self.program) {
            (Some(query), _) => query.columns.iter().map(String::as_str).collect(),
            (None, Some(program)) => program.columns.iter().map(String::as_str).collect(),
            (None, None) => self.set.keys().map(String::as_str).collect(),
        };
        columns.sort_unstable();
        columns
    }
}

impl Job {
    /// Reads a file.
    ///
    /// # Errors
    /// If it is not a backfill.
    pub fn parse(id: BackfillId, text: &str) -> Result<Self, JobError> {
        let text: JobText = toml::from_str(text).map_err(|error| JobError::Form {
            message: error.message().to_owned(),
            span: error.span(),
        })?;
        if text.schema != JOB_SCHEMA {
            return Err(JobError::Schema { found: text.schema });
        }
        if text.table.trim().is_empty() {
            return Err(JobError::Missing {
                what: "`table` must name a table",
            });
        }
        match (&text.query, &text.program) {
            (None, None) => set(&text)?,
            (Some(it), None) if text.set.is_empty() => query(it)?,
            (None, Some(program)) if text.set.is_empty() => program.check(&text)?,
            _ => {
                return Err(JobError::Missing {
                    what: "only one of `[set]`, `[query]` and `[program]` says what rows get",
                });
            }
        }
        Ok(Self { id, text })
    }

    /// The fill of a change, which is walked as a backfill is.
    pub fn of_fill(fill: &Fill) -> Self {
        Self {
            id: BackfillId::of_fill(&fill.change, &fill.step),
            text: JobText {
                schema: JOB_SCHEMA.to_owned(),
                title: None,
                table: fill.table.clone(),
                only: fill.only.clone(),
                keep_undo: fill.keep_undo,
                set: fill.set.clone(),
                query: None,
                program: None,
            },
        }
    }

    /// How it is known what a row gets.
    pub fn transform(&self) -> Transform<'_> {
        match (&self.text.query, &self.text.program) {
            (Some(query), _) => Transform::Query(query),
            (None, Some(program)) => Transform::Program(program),
            (None, None) => Transform::Set(&self.text.set),
        }
    }

    /// What tells one version of the definition from another: the digest of what it does, without
    /// its title.
    pub fn version(&self) -> Digest {
        let said = JobText {
            title: None,
            ..self.text.clone()
        };
        // Strings, maps of strings and a boolean always have a canonical form.
        Digest::of_json(&said).unwrap_or_else(|_| Digest::of(self.id.as_str().as_bytes()))
    }
}
