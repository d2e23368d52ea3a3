//! What a check says.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The check's name.
    pub(crate) check: &'static str,
    /// The file or package.
    pub(crate) place: String,
    /// What is wrong, and what to do.
    pub(crate) text: String,
    /// Whether it fails the command; otherwise it is for information.
    pub(crate) fails: bool,
}

impl Finding {
    pub(crate) fn new(
        check: &'static str,
        place: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            check,
            place: place.into(),
            text: text.into(),
            fails: true,
        }
    }

    pub(crate) fn info(
        check: &'static str,
        place: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            fails: false,
            ..Self::new(check, place, text)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.fails { "" } else { "info: " };
        write!(f, "{mark}{}: {}: {}", self.check, self.place, self.text)
    }
}

/// Why the checks could not be made at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot start `{program}`")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{command}` failed: {stderr}")]
    Command { command: String, stderr: String },
    #[error("cannot understand {what}")]
    Json {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot understand {file}")]
    Toml {
        file: String,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("cannot understand the version requirement `{text}` in {file}")]
    Requirement {
        file: String,
        text: String,
        #[source]
        source: semver::Error,
    },
    #[error("no advisories below {}", path.display())]
    NoAdvisories { path: PathBuf },
}

impl Failure {
    /// The message with those of its causes.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}

/// A policy file that is compiled in.
pub(crate) fn policy<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, Failure> {
    toml::from_str(text).map_err(|source| Failure::Toml {
        file: file.to_owned(),
        source: Box::new(source),
    })
}
