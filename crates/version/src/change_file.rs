//! Change files: one file for each change, written while it is fresh, beside its commits.
//!
//! ```text
//! +++
//! kind = "added"
//! components = ["api"]
//! issues = ["#12"]
//! +++
//!
//! `GET /orders` takes a `limit`.
//! ```
//!
//! What it says comes into the changelog and the notes. The number of a version it can only raise, and
//! only by `level`: the words of the text, the kind and the rest never change it.

mod read;

use jiff::civil::Date;
use semver::Version;
use switchback_model::ComponentName;

use crate::Level;
use crate::changelog::{Item, ItemError, Kind};

/// How many bytes a change file may have.
pub const LARGEST: usize = 64 * 1024;

/// How many digits of an id name something at least.
pub const SHORTEST_ID: usize = 7;

/// A change, as somebody describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFile {
    /// The file's name without `.md`: lower-case letters, digits and hyphens.
    pub slug: String,
    /// What it is to users.
    pub kind: Kind,
    /// The components that it is about; none for all of them.
    pub components: Vec<ComponentName>,
    /// How much the version has to rise at least; never [`Level::None`].
    pub level: Option<Level>,
    /// What does not work any more. Then `level` is [`Level::Major`].
    pub breaking: Option<Breaking>,
    /// When the thing will go, for [`Kind::Deprecated`].
    pub deprecation: Option<Deprecation>,
    /// Issues: `#12`, `owner/name#12` or `ABC-12`.
    pub issues: Vec<String>,
    /// Addresses with `https://` or `http://`.
    pub links: Vec<String>,
    /// What it speaks of, where its own commit does not show that: ids of commits, paths of contracts
    /// or fingerprints of their findings.
    pub covers: Vec<String>,
    /// What is said about it: Markdown that can stand in an item of a list.
    pub text: String,
}

/// What does not work any more, for the upgrade guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaking {
    /// What does not.
    pub what: String,
    /// What users do about it; Markdown, over lines.
    pub upgrade: String,
    /// How users knew beforehand.
    pub notice: Option<Notice>,
}

/// How users knew beforehand that something will not work any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A release of this version said so.
    Since(Version),
    /// The change file of this name, without `.md`, of the kind [`Kind::Deprecated`].
    By(String),
    /// They did not, for this reason.
    Unannounced(String),
}

/// When something will go. At least one of version and day is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    /// The version in which it is gone.
    pub removal: Option<Version>,
    /// The day before which it does not go.
    pub not_before: Option<Date>,
    /// What to use instead.
    pub instead: Option<String>,
}

impl Deprecation {
    /// When it goes, and what there is instead, in sentences.
    pub fn sentences(&self) -> String {
        let mut out = match (&self.removal, self.not_before) {
            (Some(version), Some(day)) => format!("It goes with {version}, not before {day}."),
            (Some(version), None) => format!("It goes with {version}."),
            (None, Some(day)) => format!("It does not go before {day}."),
            (None, None) => String::new(),
        };
        if let Some(instead) = &self.instead {
            let instead = instead.trim().trim_end_matches('.');
            out.push_str(&format!(" Instead: {instead}."));
        }
        out.trim().to_owned()
    }
}

/// Why a file is no change file. Lines and columns are from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeFileError {
    /// The name is not that of a change file.
    #[error("`{}` is no name of a change file: lower-case letters, digits and hyphens, then `.md`", name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// More than [`LARGEST`] bytes.
    #[error("{size} bytes are too many for a change file; {LARGEST} are allowed")]
    TooLong {
        /// How many there are.
        size: usize,
    },
    /// Not UTF-8.
    #[error("line {line}: this is not UTF-8 text")]
    NotText {
        /// The line.
        line: usize,
    },
    /// It does not begin with `+++`, or the second one is missing.
    #[error("line {line}: {message}")]
    FrontMatter {
        /// The line.
        line: usize,
        /// What is missing.
        message: &'static str,
    },
    /// Not TOML, or a value that is missing, of the wrong kind or contradicts another.
    #[error("line {line}, column {column}: {message}")]
    Value {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key that nothing reads.
    #[error(
        "line {line}, column {column}: there is no key `{key}`{}; the keys are {}",
        near.as_ref().map(|it| format!(", perhaps `{it}` is meant")).unwrap_or_default(),
        known.join(", ")
    )]
    UnknownKey {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// The key, with its table: `breaking.wat`.
        key: String,
        /// The key that was perhaps meant.
        near: Option<String>,
        /// Every key that may stand there.
        known: Vec<&'static str>,
    },
    /// The text cannot be an item of a changelog.
    #[error("line {line}: {source}")]
    Text {
        /// The line on which the text begins.
        line: usize,
        /// Why.
        source: ItemError,
    },
}

impl ChangeFile {
    /// Reads a file. `name` is its name without folders.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, ChangeFileError> {
        read::parse(name, bytes)
    }

    /// As a file. What is read from it is the same again.
    pub fn print(&self) -> String {
        read::print(self)
    }

    /// The file's name.
    pub fn file_name(&self) -> String {
        format!("{}.md", self.slug)
    }

    /// How much the version has to rise at least, if without this file it were `floor`. Never less.
    pub fn raise(&self, floor: Level) -> Level {
        floor.max(self.level.unwrap_or_default())
    }

    /// Whether it is about a component.
    pub fn concerns(&self, component: &ComponentName) -> bool {
        self.components.is_empty() || self.components.contains(component)
    }

    /// Whether `covers` names something by a word that it has, or by the beginning of its id, which is
    /// in hexadecimal.
    pub fn covers(&self, word: &str, id: &str) -> bool {
        let hex = |it: &str| it.len() >= SHORTEST_ID && it.bytes().all(|b| b.is_ascii_hexdigit());
        self.covers
            .iter()
            .any(|it| it == word || hex(it) && id.starts_with(&it.to_ascii_lowercase()))
    }

    /// The text as an item of a changelog, with what it breaks called out and when what it deprecates
    /// goes.
    ///
    /// # Errors
    /// If the text was put together by hand and cannot be one.
    pub fn item(&self) -> Result<Item, ItemError> {
        match (&self.breaking, &self.deprecation) {
            (Some(_), _) => Item::markdown(&format!("**Breaking:** {}", self.text)),
            (None, Some(it)) => Item::markdown(&format!("{}\n\n{}", self.text, it.sentences())),
            (None, None) => Item::markdown(&self.text),
        }
    }
}

/// Whether a text names an issue: `#12`, `owner/name#12`, `!12` or `ABC-12`.
pub fn is_issue(text: &str) -> bool {
    let number =
        |it: &str| !it.is_empty() && it.len() <= 12 && it.bytes().all(|b| b.is_ascii_digit());
    let path = |it: &str| {
        let fit = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
        it.len() <= 140 && it.bytes().all(fit)
    };
    if let Some((before, after)) = text.split_once(['#', '!']) {
        return path(before) && number(after);
    }
    text.split_once('-').is_some_and(|(project, after)| {
        let mut letters = project.bytes();
        let first = letters.next().is_some_and(|b| b.is_ascii_uppercase());
        let fit = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        first && project.len() <= 20 && letters.all(fit) && number(after)
    })
}

/// Whether a text is an address for browsers, without anything that could end it early.
pub fn is_link(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let fit = |c: char| c.is_ascii_graphic() && !"<>()[]{}\\`\"'|^".contains(c);
    rest.is_some_and(|it| !it.is_empty() && it.chars().all(fit))
}

#[cfg(test)]
mod tests;
