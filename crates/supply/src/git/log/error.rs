//! What can go wrong when a history is read.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

use super::id::ObjectId;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// A file.
    Blob,
    /// An annotated tag.
    Tag,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        })
    }
}

impl From<gix::objs::Kind> for ObjectKind {
    fn from(kind: gix::objs::Kind) -> Self {
        match kind {
            gix::objs::Kind::Commit => Self::Commit,
            gix::objs::Kind::Tree => Self::Tree,
            gix::objs::Kind::Blob => Self::Blob,
            gix::objs::Kind::Tag => Self::Tag,
        }
    }
}

/// What the library said.
type Cause = Box<dyn StdError + Send + Sync>;

/// Why a history could not be read. Texts that came from elsewhere are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// There is no repository at this place (or above it, if it was looked for there).
    #[error("`{}` is not in a Git repository", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The repository belongs to somebody else, and no `safe.directory` names it.
    #[error("the repository `{}` belongs to another user and is no `safe.directory`", path.display())]
    Untrusted {
        /// Git's own folder.
        path: PathBuf,
    },
    /// A kind of repository that this program cannot read.
    #[error("cannot read a repository with `extensions.{extension} = {value}`")]
    Unsupported {
        /// The extension of the repository format, escaped.
        extension: String,
        /// Its value, escaped.
        value: String,
    },
    /// There is something, but what describes the repository cannot be read.
    #[error("cannot open the repository `{}`", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Cause,
    },
    /// `HEAD` is a branch without commits.
    #[error("the repository has no commits yet")]
    NoCommits,
    /// A branch, tag, commit or expression that the repository does not have.
    #[error("the repository has no commit `{revision}`")]
    UnknownRevision {
        /// What was asked for, escaped.
        revision: String,
        /// Why it is not known.
        #[source]
        source: Cause,
    },
    /// The beginning of more than one id.
    #[error("`{revision}` is the beginning of more than one object's id")]
    AmbiguousRevision {
        /// What was asked for, escaped.
        revision: String,
    },
    /// An object that is something else than it should be.
    #[error("object {id} is a {found}, not a {wanted}")]
    WrongKind {
        /// The object.
        id: ObjectId,
        /// What it should have been.
        wanted: ObjectKind,
        /// What it is.
        found: ObjectKind,
    },
    /// The answer needs history that a shallow clone does not have.
    #[error(
        "the history is cut at {} (a shallow clone), and the answer lies beyond",
        cuts(boundary)
    )]
    Shallow {
        /// The commits whose parents are not there and were needed; never empty.
        boundary: Vec<ObjectId>,
    },
    /// An object that is not there.
    #[error(
        "object {id} is missing{}",
        if *promised { "; a partial clone left it out" } else { "" }
    )]
    Missing {
        /// The object.
        id: ObjectId,
        /// Whether this is a partial clone, so that the remote is expected to have it.
        promised: bool,
    },
    /// An object that is there and cannot be read.
    #[error("object {id} is damaged")]
    Corrupt {
        /// The object.
        id: ObjectId,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// The list of references cannot be read.
    #[error("cannot read the {what} of the repository")]
    References {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// A path that cannot be one in a repository.
    #[error("`{path}` cannot be a path in a repository")]
    InvalidPath {
        /// The path, escaped.
        path: String,
    },
    /// More than the bound.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The bound, with its unit.
        limit: String,
    },
}

fn cuts(boundary: &[ObjectId]) -> String {
    const SHOWN: usize = 3;
    let mut text: Vec<String> = boundary.iter().take(SHOWN).map(ObjectId::short).collect();
    if boundary.len() > SHOWN {
        text.push(format!("{} more", boundary.len() - SHOWN));
    }
    text.join(", ")
}

/// An error of the library as the source of ours.
pub(super) fn cause(error: gix::Error) -> Cause {
    Box::new(error)
}

/// A fault that we found ourselves.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Fault(pub(super) &'static str);

impl HistoryError {
    pub(super) fn corrupt(id: ObjectId, what: &'static str) -> Self {
        Self::Corrupt {
            id,
            source: Box::new(Fault(what)),
        }
    }
}
