//! What a change is to those who use the thing.

use serde::{Deserialize, Serialize};

/// The six kinds of Keep a Changelog, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something new.
    Added,
    /// Something that was there is different.
    Changed,
    /// Something will go.
    Deprecated,
    /// Something is gone.
    Removed,
    /// Something that was wrong is right.
    Fixed,
    /// Something that could be abused no longer can.
    Security,
}

impl Kind {
    /// Every kind, in the order in which they stand in a changelog.
    pub const ALL: [Self; 6] = [
        Self::Added,
        Self::Changed,
        Self::Deprecated,
        Self::Removed,
        Self::Fixed,
        Self::Security,
    ];

    /// As it is written in a file: `added`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Deprecated => "deprecated",
            Self::Removed => "removed",
            Self::Fixed => "fixed",
            Self::Security => "security",
        }
    }

    /// As it stands over a group: `Added`.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Added => "Added",
            Self::Changed => "Changed",
            Self::Deprecated => "Deprecated",
            Self::Removed => "Removed",
            Self::Fixed => "Fixed",
            Self::Security => "Security",
        }
    }

    /// The kind that a heading names, in letters of any case.
    pub fn of_heading(text: &str) -> Option<Self> {
        let mine = |kind: &Self| kind.name().eq_ignore_ascii_case(text.trim());
        Self::ALL.into_iter().find(mine)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mine = |kind: &Self| kind.name() == text;
        let unknown = || UnknownKind {
            text: text.to_owned(),
        };
        Self::ALL.into_iter().find(mine).ok_or_else(unknown)
    }
}

/// A text that is no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is none of `added`, `changed`, `deprecated`, `removed`, `fixed` and `security`")]
pub struct UnknownKind {
    /// The text.
    pub text: String,
}
