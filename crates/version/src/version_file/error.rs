//! Why the version of a file is not known.

use semver::Version;

/// Why the version of a file is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct VersionFileError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a version file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is not read at all.
    #[error("the file has more than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// It is no UTF-8.
    #[error("the file is no text in UTF-8")]
    NotText,
    /// It is not in the form that its name says.
    #[error("the file cannot be read: {reason}")]
    Syntax {
        /// What a reader of the form says.
        reason: String,
    },
    /// The version stands nowhere.
    #[error("no version: {wanted} is missing")]
    NoVersion {
        /// Where it was looked for.
        wanted: &'static str,
    },
    /// It is not clear which one counts.
    #[error("`{what}` stands twice")]
    Twice {
        /// What does.
        what: String,
    },
    /// It is not clear which one is the version.
    #[error("{what} is {version}, and line {first_line} says {first}")]
    Differ {
        /// What is here.
        what: String,
        /// The version here.
        version: Box<Version>,
        /// The version before it.
        first: Box<Version>,
        /// Where that stands.
        first_line: usize,
    },
    /// There is a text, and it is no version.
    #[error("{what} is `{text}`, and no version as in SemVer 2.0.0")]
    NotSemVer {
        /// What is.
        what: String,
        /// The text, escaped and bounded.
        text: String,
    },
    /// There is a value that is not a text of one line without escapes.
    #[error("{what} is not simply a text")]
    NotPlain {
        /// What is not.
        what: String,
    },
    /// The version is that of a workspace.
    #[error("`package.version` is inherited from `workspace.package`")]
    Inherited,
    /// A build makes the version.
    #[error("`project.dynamic` says that the version is made by the build")]
    Dynamic,
    /// A marked line has no version, or more than one.
    #[error("the line has the mark `x-switchback-version` and {count} versions; it needs one")]
    MarkedLine {
        /// How many it has.
        count: usize,
    },
}
