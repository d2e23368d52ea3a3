//! What a backfill is: which rows of which table get what. The content of `backfills/<id>.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchback_model::{BackfillId, Digest};

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
        Ok(Self { id, text })
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
