//! What is known of a release. Texts about it say nothing else.

use jiff::civil::Date;
use semver::Version;
use serde::{Deserialize, Serialize};
use switchback_model::ComponentName;

use crate::change_file::{ChangeFile, Deprecation, Notice, is_issue};
use crate::changelog::Kind;
use crate::verdict::Waived;

/// The version of the stored form.
pub const FACTS_SCHEMA: &str = "switchback.release-facts/v1";

/// How many bytes the facts may have in all.
const LARGEST: usize = 4 * 1024 * 1024;

/// The facts of a release, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Facts {
    /// [`FACTS_SCHEMA`].
    pub schema: String,
    /// What is released; nothing where there is only one thing.
    pub component: Option<ComponentName>,
    /// Its version.
    pub version: Version,
    /// The version before it, if there was one.
    pub previous: Option<Version>,
    /// The day of the release.
    #[serde(with = "day")]
    pub date: Date,
    /// What has changed, the most important of a kind first.
    #[serde(default)]
    pub items: Vec<FactItem>,
    /// What others may trip over, and somebody lets pass for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<WaivedFact>,
    /// The changes of durable state that are open, with their steps.
    #[serde(default)]
    pub migrations: Vec<Migration>,
    /// Who took part.
    #[serde(default)]
    pub contributors: Vec<String>,
    /// Addresses that texts may mention.
    #[serde(default)]
    pub links: Vec<String>,
}

/// One thing that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FactItem {
    /// What it is to users.
    pub kind: Kind,
    /// What is said about it; Markdown.
    pub text: String,
    /// Its commits, in hexadecimal digits, 7 to 64 of them.
    #[serde(default)]
    pub commits: Vec<String>,
    /// Its issues: `#12`.
    #[serde(default)]
    pub issues: Vec<String>,
    /// Who did it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// What does not work any more because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaking: Option<BreakingFact>,
    /// When the thing will go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<DeprecationFact>,
}

/// What does not work any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BreakingFact {
    /// What does not.
    pub what: String,
    /// What users do about it; Markdown over lines. Without it there is no upgrade guide.
    pub upgrade: Option<String>,
    /// The first release that said so beforehand.
    pub deprecated_since: Option<Version>,
    /// The day of that release.
    #[serde(with = "some_day", default, skip_serializing_if = "Option::is_none")]
    pub deprecated_on: Option<Date>,
    /// Why none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unannounced: Option<String>,
}

impl BreakingFact {
    /// Something of which nobody says what users do about it, nor that they knew.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            upgrade: None,
            deprecated_since: None,
            deprecated_on: None,
            unannounced: None,
        }
    }
}

/// When something will go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeprecationFact {
    /// The version in which it is gone.
    pub removal: Option<Version>,
    /// The day before which it does not go.
    #[serde(with = "some_day", default)]
    pub not_before: Option<Date>,
    /// What to use instead.
    pub instead: Option<String>,
}

/// A change of a contract that somebody lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WaivedFact {
    /// What has changed.
    pub what: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it may pass.
    pub reason: String,
    /// The last day on which it may.
    #[serde(with = "day")]
    pub until: Date,
}

impl From<&Waived> for WaivedFact {
    fn from(it: &Waived) -> Self {
        Self {
            what: it.claim.sentence.clone(),
            owner: it.waiver.owner.clone(),
            reason: it.waiver.reason.clone(),
            until: it.waiver.until,
        }
    }
}

/// A change of durable state that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Migration {
    /// Its name: the folder under `changes/`.
    pub change: String,
    /// What it is.
    pub title: String,
    /// Its steps, in order.
    pub steps: Vec<MigrationStep>,
}

/// A step of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MigrationStep {
    /// Its name.
    pub name: String,
    /// What it does.
    pub title: String,
    /// Whether this release needs it.
    pub state: StepState,
    /// How it is taken back; nothing where it cannot be.
    pub way_back: Option<String>,
    /// What somebody has to see to before.
    #[serde(default)]
    pub needs: String,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Before this release.
    Done,
    /// With this release.
    Now,
    /// In a release after this one.
    Later,
}

impl StepState {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::Later => "later",
        }
    }
}

/// Why facts are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FactsError {
    /// Not JSON of this form.
    #[error("line {line}, column {column}: {message}")]
    Form {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// Of another version.
    #[error("the facts are of the form `{}`, and this version reads `{FACTS_SCHEMA}`", found.escape_debug())]
    Schema {
        /// What they say.
        found: String,
    },
    /// Too many bytes.
    #[error("{size} bytes are too many for the facts of a release")]
    TooLong {
        /// How many there are.
        size: usize,
    },
    /// A value that is not what it is called.
    #[error("item {item} (`{}`): `{}` is no {what}", text.escape_debug(), value.escape_debug())]
    Value {
        /// Which item, from 1.
        item: usize,
        /// How its text begins.
        text: String,
        /// The value.
        value: String,
        /// What it should be.
        what: &'static str,
    },
}

impl Facts {
    /// The facts of a release about which nothing is known yet.
    pub fn new(version: Version, date: Date) -> Self {
        Self {
            schema: FACTS_SCHEMA.to_owned(),
            component: None,
            version,
            previous: None,
            date,
            items: Vec::new(),
            waived: Vec::new(),
            migrations: Vec::new(),
            contributors: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Reads stored facts.
    ///
    /// # Errors
    /// If they are not of this form, or of another version.
    pub fn parse(json: &str) -> Result<Self, FactsError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let form = |error: serde_json::Error| FactsError::Form {
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        };
        if json.len() > LARGEST {
            return Err(FactsError::TooLong { size: json.len() });
        }
        // First of all the version, so that a newer form is called that.
        let versioned: Versioned = serde_json::from_str(json).map_err(form)?;
        if versioned.schema != FACTS_SCHEMA {
            return Err(FactsError::Schema {
                found: versioned.schema.chars().take(80).collect(),
            });
        }
        let facts: Self = serde_json::from_str(json).map_err(form)?;
        facts.validate()?;
        Ok(facts)
    }

    /// Whether values are what they are called.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), FactsError> {
        for (at, item) in self.items.iter().enumerate() {
            let wrong = |value: &str, what| {
                Err(FactsError::Value {
                    item: at + 1,
                    text: item.text.chars().take(60).collect(),
                    value: value.chars().take(80).collect(),
                    what,
                })
            };
            let hex = |it: &str| it.bytes().all(|b| b.is_ascii_hexdigit());
            let mut commits = item.commits.iter();
            if let Some(it) = commits.find(|it| !(7..=64).contains(&it.len()) || !hex(it)) {
                return wrong(it, "commit");
            }
            if let Some(it) = item.issues.iter().find(|it| !is_issue(it)) {
                return wrong(it, "issue");
            }
            if super::escape::inline(&item.text).is_empty() {
                return wrong(&item.text, "text");
            }
        }
        Ok(())
    }

    /// What breaks, with the item that it belongs to.
    pub fn breaking(&self) -> impl Iterator<Item = (&FactItem, &BreakingFact)> {
        let mine = |item| {
            let item: &FactItem = item;
            item.breaking.as_ref().map(|it| (item, it))
        };
        self.items.iter().filter_map(mine)
    }
}

impl FactItem {
    /// An item with nothing but a text.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            commits: Vec::new(),
            issues: Vec::new(),
            authors: Vec::new(),
            breaking: None,
            deprecation: None,
        }
    }
}

impl From<&ChangeFile> for FactItem {
    /// Which release announced what breaks is not known from the file alone.
    fn from(change: &ChangeFile) -> Self {
        Self {
            issues: change.issues.clone(),
            breaking: change.breaking.as_ref().map(|it| BreakingFact {
                upgrade: Some(it.upgrade.clone()),
                unannounced: match &it.notice {
                    Some(Notice::Unannounced(why)) => Some(why.clone()),
                    _ => None,
                },
                ..BreakingFact::new(&it.what)
            }),
            deprecation: change.deprecation.as_ref().map(DeprecationFact::from),
            ..Self::new(change.kind, change.text.clone())
        }
    }
}

impl From<&Deprecation> for DeprecationFact {
    fn from(it: &Deprecation) -> Self {
        let Deprecation {
            removal,
            not_before,
            instead,
        } = it.clone();
        Self {
            removal,
            not_before,
            instead,
        }
    }
}

impl From<&DeprecationFact> for Deprecation {
    fn from(it: &DeprecationFact) -> Self {
        let DeprecationFact {
            removal,
            not_before,
            instead,
        } = it.clone();
        Self {
            removal,
            not_before,
            instead,
        }
    }
}

/// A day as `2026-01-31`.
mod day {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(day: &Date, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(day)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
        let text = String::deserialize(from)?;
        read(&text).ok_or_else(|| D::Error::custom("this is no day: `2026-01-31`"))
    }

    pub(super) fn read(text: &str) -> Option<Date> {
        text.parse::<Date>()
            .ok()
            .filter(|it| it.to_string() == text)
    }
}

/// A day, or nothing.
mod some_day {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(day: &Option<Date>, to: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => to.collect_str(day),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D>(from: D) -> Result<Option<Date>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let day = super::day::read(&text);
        let wrong = || D::Error::custom("this is no day: `2026-01-31`");
        day.map(Some).ok_or_else(wrong)
    }
}
