//! Version files: which version a file says its component has, and the file with another version.
//!
//! A file is read to places over its bytes ([`VersionFile::read`]); with another version
//! ([`VersionFile::with`]) every byte outside of these places is what it was: quotes, line ends,
//! comments, a byte order mark. What is not clear is an error with file and line, and never guessed:
//! two versions that differ, a key that stands twice, a version that is made by a build.
//!
//! Sources: the manifest and lock formats of [Cargo](https://doc.rust-lang.org/cargo/reference/manifest.html),
//! [npm](https://docs.npmjs.com/cli/configuring-npm/package-lock-json),
//! [Python](https://packaging.python.org/en/latest/specifications/pyproject-toml/) and
//! [Helm](https://helm.sh/docs/topics/charts/). Deliberately absent: requirements of other packages on
//! this one; a marker says which lines these are.

mod error;
mod json;
mod marked;
mod tables;
mod yaml;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::changelog::{Lines, Span};

pub use error::{Problem, VersionFileError};
pub use marked::MARK;
pub use tables::{CargoPackage, CargoVersion};

/// The largest file that is read, in bytes; see [`Kind::largest`].
pub const LARGEST: usize = 32 << 20;

/// Which form a version file has.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Kind {
    /// `Cargo.toml`: `package.version` and `workspace.package.version`.
    Cargo,
    /// `Cargo.lock`: the entries of packages that lie in folders.
    CargoLock,
    /// `package.json`: `version`.
    Npm,
    /// `package-lock.json`: `version`, and that of the package at the top.
    NpmLock,
    /// `pyproject.toml`: `project.version` and `tool.poetry.version`.
    Python,
    /// `Chart.yaml`: `version`, and if asked `appVersion`.
    Chart,
    /// Nothing but a version.
    Plain,
    /// Any text: the version in each line with [`MARK`].
    Marked,
}

impl Kind {
    /// The form of a file that is known by its name, without folders.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "Cargo.toml" => Self::Cargo,
            "Cargo.lock" => Self::CargoLock,
            "package.json" => Self::Npm,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::NpmLock,
            "pyproject.toml" => Self::Python,
            "Chart.yaml" => Self::Chart,
            "VERSION" => Self::Plain,
            _ => return None,
        })
    }

    /// The names that [`Kind::of`] knows, manifests before the locks that repeat them.
    pub const NAMES: [&'static str; 8] = [
        "Cargo.toml",
        "Cargo.lock",
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pyproject.toml",
        "Chart.yaml",
        "VERSION",
    ];

    /// The largest file of this form that is read, in bytes. A chart is read event by event, which
    /// takes longer than what people write needs.
    pub const fn largest(self) -> usize {
        match self {
            Self::Chart => 1 << 20,
            _ => LARGEST,
        }
    }

    /// Where a version is looked for, for people.
    const fn wanted(self) -> &'static str {
        match self {
            Self::Cargo => "`package.version` or `workspace.package.version`",
            Self::CargoLock => "an entry of a package of this workspace",
            Self::Npm => "`version`",
            Self::NpmLock => "`version` or `packages[\"\"].version`",
            Self::Python => "`project.version` or `tool.poetry.version`",
            Self::Chart => "`version`",
            Self::Plain => "a version",
            Self::Marked => "a line with `x-switchback-version`",
        }
    }
}

/// What is wanted of a file, apart from its form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Whether `appVersion` of a chart is one of the places too.
    pub app_version: bool,
    /// The packages whose entries in `Cargo.lock` are meant. One that has no entry there is passed
    /// over, as long as another has.
    pub packages: BTreeSet<String>,
}

/// A place with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the version and no other: neither quotes nor a `v`.
    pub span: Span,
    /// Its line, from 1.
    pub line: usize,
    /// What it is, for people: `package.version`.
    pub what: String,
}

/// A file, and where in it its version stands.
#[derive(Debug, Clone)]
pub struct VersionFile<'b> {
    bytes: &'b [u8],
    version: Version,
    /// In the order of the file; at least one.
    places: Vec<Place>,
}

/// A place as the rooms find it.
struct Found {
    /// The bytes of a version.
    span: Span,
    what: String,
}

impl Found {
    fn new(span: Span, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { span, what }
    }
}

/// What is wrong, and at which byte.
struct Wrong {
    at: usize,
    problem: Problem,
}

impl Wrong {
    const fn new(at: usize, problem: Problem) -> Self {
        Self { at, problem }
    }

    /// What was told of a part of the file that begins at a byte.
    fn from(self, start: usize) -> Self {
        Self::new(self.at + start, self.problem)
    }
}

impl<'b> VersionFile<'b> {
    /// Reads a file. `file` is what it is called in errors.
    ///
    /// # Errors
    /// If it has no version, versions that differ, or one that is not SemVer; if it cannot be read, or
    /// is larger than [`Kind::largest`].
    pub fn read(
        file: &str,
        kind: Kind,
        bytes: &'b [u8],
        ask: &Ask,
    ) -> Result<Self, VersionFileError> {
        places(kind, bytes, ask)
            .and_then(|found| Self::of(kind, bytes, found))
            .map_err(|wrong| VersionFileError {
                file: file.to_owned(),
                line: line(bytes, wrong.at),
                problem: wrong.problem,
            })
    }

    fn of(kind: Kind, bytes: &'b [u8], mut found: Vec<Found>) -> Result<Self, Wrong> {
        found.sort_by_key(|it| it.span.start);
        let lines = Lines::of(bytes);
        let mut agreed: Option<(Version, usize)> = None;
        let mut places = Vec::with_capacity(found.len());
        for Found { span, what } in found {
            let text = String::from_utf8_lossy(span.of(bytes));
            let Ok(version) = Version::parse(&text) else {
                let text = bounded(&text);
                return Err(Wrong::new(span.start, Problem::NotSemVer { what, text }));
            };
            let line = lines.line(span.start);
            match &agreed {
                None => agreed = Some((version, line)),
                Some((first, _)) if *first == version => {}
                Some((first, first_line)) => {
                    let problem = Problem::Differ {
                        what,
                        version: Box::new(version),
                        first: Box::new(first.clone()),
                        first_line: *first_line,
                    };
                    return Err(Wrong::new(span.start, problem));
                }
            }
            places.push(Place { span, line, what });
        }
        let wanted = kind.wanted();
        let (version, _) = agreed.ok_or(Wrong::new(0, Problem::NoVersion { wanted }))?;
        Ok(Self {
            bytes,
            version,
            places,
        })
    }

    /// The version that it says.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Where it says so, in the order of the file.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The file with another version, and every other byte as it was.
    pub fn with(&self, version: &Version) -> Vec<u8> {
        let version = version.to_string();
        let mut bytes = Vec::with_capacity(self.bytes.len() + version.len() * self.places.len());
        let mut from = 0;
        for place in &self.places {
            bytes.extend_from_slice(Span::new(from, place.span.start).of(self.bytes));
            bytes.extend_from_slice(version.as_bytes());
            from = place.span.end;
        }
        bytes.extend_from_slice(Span::new(from, self.bytes.len()).of(self.bytes));
        bytes
    }
}

/// What a manifest of Cargo says of the package that it is of; none for a workspace without one.
///
/// # Errors
/// If it cannot be read.
pub fn cargo_package(file: &str, bytes: &[u8]) -> Result<Option<CargoPackage>, VersionFileError> {
    let read = || {
        let (text, start) = text(bytes, Kind::Cargo.largest())?;
        tables::cargo_package(text).map_err(|wrong| wrong.from(start))
    };
    read().map_err(|wrong: Wrong| VersionFileError {
        file: file.to_owned(),
        line: line(bytes, wrong.at),
        problem: wrong.problem,
    })
}

fn line(bytes: &[u8], at: usize) -> usize {
    Lines::of(bytes).line(at)
}

/// The text of a file without a byte order mark, and at which byte it begins.
fn text(bytes: &[u8], limit: usize) -> Result<(&str, usize), Wrong> {
    if bytes.len() > limit {
        return Err(Wrong::new(0, Problem::TooLarge { limit }));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Wrong::new(error.valid_up_to(), Problem::NotText))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, text.len() - rest.len()),
        None => (text, 0),
    })
}

fn places(kind: Kind, bytes: &[u8], ask: &Ask) -> Result<Vec<Found>, Wrong> {
    let (text, start) = text(bytes, kind.largest())?;
    let found = match kind {
        Kind::Cargo => tables::cargo(text),
        Kind::CargoLock => tables::cargo_lock(text, &ask.packages),
        Kind::Python => tables::python(text),
        Kind::Npm => json::package(text),
        Kind::NpmLock => json::lock(text),
        Kind::Chart => yaml::chart(text, ask.app_version),
        Kind::Plain => marked::plain(text),
        Kind::Marked => marked::marked(text),
    };
    let moved = |it: Found| {
        let span = Span::new(it.span.start + start, it.span.end + start);
        Found::new(span, it.what)
    };
    found
        .map(|found| found.into_iter().map(moved).collect())
        .map_err(|wrong| wrong.from(start))
}

/// So much of a text as a message takes, on one line.
fn bounded(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
