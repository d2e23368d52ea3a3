//! Settings of what is read for a version beside commits: change files and contracts; and of the version
//! that components have together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use switchback_model::ComponentName;
use switchback_version::contract::{Direction, Stability, Surface};
use switchback_version::notes::{Commits, Text};
use switchback_version::tag::TagPattern;

use super::types::{Component, Name, Settings};

/// What users are told of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Changelog {
    /// The folder with one file for each change that users are told of.
    pub(crate) entries: PathBuf,
    /// Whether commits are told in their own words: `unless-written`, `always` or `never`.
    pub(crate) commits: Commits,
}

/// Templates of one's own for texts about releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Notes {
    /// That of the release notes.
    pub(crate) release_notes: Option<PathBuf>,
    /// That of the upgrade guide.
    pub(crate) upgrade_guide: Option<PathBuf>,
    /// That of the migration notes.
    pub(crate) migration_notes: Option<PathBuf>,
    /// That of what is added to a changelog.
    pub(crate) changelog_section: Option<PathBuf>,
}

impl Notes {
    /// The templates that are one's own, with their settings.
    pub(crate) fn own(&self) -> impl Iterator<Item = (Text, &'static str, &PathBuf)> {
        let all = Text::ALL.into_iter().map(|text| match text {
            Text::ReleaseNotes => (text, "notes.release-notes", &self.release_notes),
            Text::UpgradeGuide => (text, "notes.upgrade-guide", &self.upgrade_guide),
            Text::MigrationNotes => (text, "notes.migration-notes", &self.migration_notes),
            Text::ChangelogSection => (text, "notes.changelog-section", &self.changelog_section),
        });
        all.filter_map(|(text, key, path)| Some((text, key, path.as_ref()?)))
    }
}

impl Default for Changelog {
    fn default() -> Self {
        Self {
            entries: PathBuf::from(crate::entries::FOLDER),
            commits: Commits::default(),
        }
    }
}

/// Contracts that others rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Contracts {
    /// The file with what may pass for a while, and who says so.
    pub(crate) waivers: PathBuf,
    /// The contracts.
    #[serde(rename = "file")]
    pub(crate) files: Vec<ContractFile>,
}

impl Default for Contracts {
    fn default() -> Self {
        Self {
            waivers: PathBuf::from("contract-waivers.toml"),
            files: Vec::new(),
        }
    }
}

/// A contract, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ContractFile {
    /// The file; of Protobuf also a folder, of SQL also a folder of migrations or a pattern of files.
    pub(crate) path: PathBuf,
    /// The component that keeps it; may be left out if there is at most one.
    #[schemars(with = "Option<Name>")]
    pub(crate) component: Option<ComponentName>,
    /// What it is; as the file shows if nothing is said.
    pub(crate) kind: Option<Surface>,
    /// Who reads what a schema describes: `we-read` (requests, stored data), `others-read` (responses,
    /// messages that are sent) or `both`. OpenAPI says it itself, Protobuf and SQL are as `both`, others
    /// are as `we-read`.
    pub(crate) direction: Option<Direction>,
    /// How stable parts of it are, by the beginning of a path: `development`, `internal`, `alpha`,
    /// `beta` or `stable`; the longest beginning counts.
    #[serde(default)]
    pub(crate) stability: BTreeMap<String, Stability>,
}

/// A version for components together: a manifest of their releases and the digests of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Platform {
    /// Its name.
    #[schemars(with = "Name")]
    pub(crate) name: ComponentName,
    /// How its release tags are called, with `{version}` where the version stands; its name before that
    /// if nothing is said, as in `platform-v{version}`.
    #[schemars(with = "Option<String>")]
    pub(crate) tags: Option<TagPattern>,
    /// Its first version, instead of `version.first`.
    #[schemars(with = "Option<String>")]
    pub(crate) first: Option<Version>,
    /// The components that belong to it; all if nothing is said.
    #[schemars(with = "Option<Vec<Name>>")]
    pub(crate) members: Option<Vec<ComponentName>>,
    /// The file that its manifest is kept in.
    pub(crate) file: PathBuf,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            name: ComponentName::platform(),
            tags: None,
            first: None,
            members: None,
            file: PathBuf::from("platform.json"),
        }
    }
}

impl Settings {
    /// How the release tags of a component are called; none where that follows from the tags that are
    /// there.
    pub(crate) fn tags(&self, component: &Component) -> Option<TagPattern> {
        match &component.tags {
            Some(tags) => Some(tags.clone()),
            None if self.components.len() == 1 => None,
            None => Some(TagPattern::of(component.name.as_str())),
        }
    }
}

impl Platform {
    /// How its release tags are called.
    pub(crate) fn tags(&self) -> TagPattern {
        let usual = || TagPattern::of(self.name.as_str());
        self.tags.clone().unwrap_or_else(usual)
    }

    /// Whether a component belongs to it.
    pub(crate) fn has(&self, component: &ComponentName) -> bool {
        let members = self.members.as_ref();
        members.is_none_or(|it| it.contains(component))
    }
}
