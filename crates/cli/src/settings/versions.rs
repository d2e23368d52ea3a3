//! Settings of what is read for a version beside commits: change files and contracts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use switchback_model::ComponentName;
use switchback_version::contract::{Direction, Stability, Surface};

use super::types::Name;

/// What users are told of changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Changelog {
    /// The folder with one file for each change that users are told of.
    pub(crate) entries: PathBuf,
}

impl Default for Changelog {
    fn default() -> Self {
        Self {
            entries: PathBuf::from(crate::entries::FOLDER),
        }
    }
}

/// Contracts that others rely on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
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
