//! Why a changelog is not edited.

use semver::Version;

/// Why nothing was changed. Lines are from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangelogError {
    /// It is not clear which one is meant.
    #[error("line {line}: a second section `Unreleased`; the first is at line {first}")]
    TwoUnreleased {
        /// Where the first one is.
        first: usize,
        /// Where the second one is.
        line: usize,
    },
    /// There is nothing to release from.
    #[error("there is no section `Unreleased`")]
    NoUnreleased,
    /// Nothing stands in `Unreleased` but headings.
    #[error("line {line}: nothing stands in `Unreleased`")]
    NothingUnreleased {
        /// Where the section is.
        line: usize,
    },
    /// A release is made once.
    #[error("line {line}: there is a section of {version} already")]
    VersionExists {
        /// Where it is.
        line: usize,
        /// The version.
        version: Version,
    },
    /// The version has no section.
    #[error("there is no section of {version}")]
    NoSuchVersion {
        /// The version.
        version: Version,
    },
    /// It is not clear which one is meant.
    #[error("line {line}: a second section of {version}; the first is at line {first}")]
    VersionTwice {
        /// Where the first one is.
        first: usize,
        /// Where the second one is.
        line: usize,
        /// The version.
        version: Version,
    },
    /// There is neither a section of a release nor a title alone that a section could come after.
    #[error(
        "line {line}: no place for a section `Unreleased`: neither a section of a release nor a title before which or after which it would stand"
    )]
    NoPlace {
        /// Where the first other section is, or 1.
        line: usize,
    },
    /// The file would be read in another way than it was meant. Something open in it swallows what is
    /// put in, such as a comment that does not end.
    #[error(
        "line {line}: what would be put in here would not be read as it is meant, or would change how other sections are read"
    )]
    WouldBreak {
        /// Where the first splice would be.
        line: usize,
    },
}
