//! Why there is no server, in kinds that a person can act on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no private server, or why it refused something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// `initdb` and `postgres` are nowhere.
    #[error(
        "no folder has PostgreSQL's `initdb` and `postgres`; looked into {}",
        list(searched)
    )]
    NoBinaries {
        /// The folders that were looked into, in order; patterns such as
        /// `/usr/lib/postgresql/*/bin` are given as such.
        searched: Vec<PathBuf>,
    },
    /// The folder that was asked for is not one of PostgreSQL's.
    #[error("{} has no `initdb` and `postgres`", folder.display())]
    NotBinaries {
        /// The folder.
        folder: PathBuf,
    },
    /// A setting may not be given, or is not one.
    #[error("the server's setting `{name}` {problem}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Root cannot run PostgreSQL, and there is nobody to run it as.
    #[error("root cannot run PostgreSQL, and there is no user `nobody` or `postgres` to run it as")]
    NoUser,
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The server ended before it accepted connections.
    #[error("PostgreSQL did not start; the end of its log:\n{log}")]
    Ended {
        /// The end of its log.
        log: String,
    },
    /// The server did not accept connections in time.
    #[error(
        "PostgreSQL did not accept connections within {} seconds; the end of its log:\n{log}",
        deadline.as_secs()
    )]
    TooLate {
        /// How long was waited.
        deadline: Duration,
        /// The end of its log.
        log: String,
        /// What the last connection met.
        #[source]
        source: Option<postgres::Error>,
    },
    /// The server refused a statement of ours.
    #[error("PostgreSQL refused to {what}")]
    Refused {
        /// What was asked of it.
        what: String,
        /// What it says.
        #[source]
        source: postgres::Error,
    },
}

impl ScratchError {
    pub(crate) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    folders.join(", ")
}
