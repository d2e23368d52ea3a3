//! What changed between two states of a contract: OpenAPI, JSON Schema, Avro, Protobuf, SQL.
//!
//! Contracts come in as texts ([`Contract`]), schemas of databases as values ([`sql::Schema`]). Each is read into values that know their lines, brought
//! into a normal form in which it makes no difference how it is cut into pieces, and compared in the
//! direction in which it is used: what others wrote by the old contract has to be read by the new one,
//! and what is written by the new one has to be read by those who know the old one. Each difference is
//! a [`Finding`] by a [`Rule`], and the rules say how much the version has to rise ([`floor`]).
//!
//! What is deliberately absent: the network (a reference to another machine is said, never fetched),
//! files, and whether anybody really uses what changed.

mod avro;
mod bundle;
mod coinduction;
mod decimal;
mod document;
mod finding;
mod json;
mod openapi;
mod promise;
#[cfg(feature = "protobuf")]
mod protobuf;
mod report;
mod rule;
mod same;
mod schema;
pub mod sql;
mod waiver;
mod whole;
mod yaml;

pub use self::bundle::{Contract, Format, referred};
pub use self::document::{DEEPEST, LARGEST, MOST_NODES, MOST_TEXT, Unreadable};
pub use self::finding::{Finding, Place, floor};
pub use self::rule::{Certainty, Direction, Rule, Surface};
pub use self::waiver::{LARGEST_WAIVERS, SHORTEST, Waived, Waiver, Waivers, WrongWaiver};
use crate::Level;

/// What a comparison has to know beside the contracts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// For schemas of data that belong to no request: who reads it. [`Direction::Both`] compares both
    /// ways; nothing is as [`Direction::WeRead`], or both ways for Protobuf and SQL, where whoever has
    /// messages or a database reads and writes. OpenAPI says it itself.
    pub direction: Option<Direction>,
    /// The day of the comparison, `YYYY-MM-DD`, for dates after which something may go. Without it
    /// none has come.
    pub today: Option<&'a str>,
    /// How stable parts of the contract are, by the beginning of a path, or of a full name of Protobuf
    /// or SQL; the longest one counts.
    pub stability: &'a [(String, Stability)],
}

/// How much is promised about a part of a contract.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Stability {
    /// Nothing: it is under development.
    Development,
    /// Nothing: nobody outside uses it.
    Internal,
    /// Nothing yet.
    Alpha,
    /// That changes are announced: nothing in it makes a major version.
    Beta,
    /// Everything.
    Stable,
}

impl Stability {
    /// The level that a word names.
    fn named(word: &str) -> Option<Self> {
        match word {
            "draft" | "development" => Some(Self::Development),
            "internal" => Some(Self::Internal),
            "alpha" | "experimental" => Some(Self::Alpha),
            "beta" => Some(Self::Beta),
            "stable" => Some(Self::Stable),
            _ => None,
        }
    }

    /// The word that is shown.
    fn word(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Internal => "internal",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Stable => "stable",
        }
    }

    /// The highest level that a change counts for.
    fn most(self) -> Level {
        match self {
            Self::Stable => Level::Major,
            Self::Beta => Level::Minor,
            Self::Alpha | Self::Internal | Self::Development => Level::None,
        }
    }
}

impl Options<'_> {
    fn directions(&self) -> &'static [Direction] {
        match self.direction {
            None | Some(Direction::WeRead) => &[Direction::WeRead],
            Some(Direction::OthersRead) => &[Direction::OthersRead],
            Some(Direction::Both) => &[Direction::WeRead, Direction::OthersRead],
        }
    }
}

/// What changed from one state of a contract to another, where it may have been made or removed.
///
/// # Errors
///
/// Where one of them cannot be read, or is no contract of this kind.
pub fn diff_if_there(
    surface: Surface,
    old: Option<Contract<'_>>,
    new: Option<Contract<'_>>,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    match (old, new) {
        (Some(old), Some(new)) => diff(surface, old, new, options),
        (Some(old), None) => Ok(vec![whole::removed(surface, old.root)]),
        (None, Some(new)) => {
            // What is not read now could not be compared at the next release.
            diff(surface, new, new, options)?;
            Ok(vec![whole::added(surface, new.root)])
        }
        (None, None) => Ok(Vec::new()),
    }
}

/// What changed from one state of a contract to another.
///
/// # Errors
///
/// Where one of them cannot be read, or is no contract of this kind.
pub fn diff(
    surface: Surface,
    old: Contract<'_>,
    new: Contract<'_>,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    let compare = match surface {
        Surface::OpenApi => openapi::diff,
        Surface::JsonSchema => schema::diff,
        Surface::Avro => avro::diff,
        #[cfg(feature = "protobuf")]
        Surface::Protobuf => return protobuf::diff(old, new, options),
        #[cfg(not(feature = "protobuf"))]
        Surface::Protobuf => return Err(not_compared(new, "Protobuf is left out of this build")),
        Surface::Sql => {
            let why = "its SQL has to be folded into a schema first, which `sql::diff` compares";
            return Err(not_compared(new, why));
        }
    };
    let (was, is) = (bundle::Bundle::read(old)?, bundle::Bundle::read(new)?);
    compare(&was, &is, options)
}

fn not_compared(contract: Contract<'_>, reason: &str) -> Unreadable {
    Unreadable::OtherKind {
        file: contract.root.to_owned(),
        wanted: "contract that can be compared",
        reason: reason.to_owned(),
    }
}

/// Every rule there is.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    #[cfg(feature = "protobuf")]
    let protobuf = protobuf::rules::RULES;
    #[cfg(not(feature = "protobuf"))]
    let protobuf: &[&Rule] = &[];
    let lines = openapi::rules::RULES.iter().chain(protobuf);
    let lines = lines.chain(sql::rules::RULES).copied();
    schema::changes::rules()
        .chain(lines)
        .chain(avro::rules::rules())
        .chain(whole::rules())
}
