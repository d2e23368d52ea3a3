//! Versions of components, and where their code stands in each open change.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{ChangeId, ComponentName, StepName};
use crate::surface::Selectable;

/// A version under Semantic Versioning 2.0.0, without a leading `v`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(semver::Version);

impl Version {
    /// A version without pre-release or build parts.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The SemVer value.
    pub const fn semver(&self) -> &semver::Version {
        &self.0
    }
}

impl FromStr for Version {
    type Err = semver::Error;

    fn from_str(text: &str) -> Result<Self, semver::Error> {
        semver::Version::parse(text).map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// Where the code of a release stands in one change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeStep {
    /// The step's name, as in `code = "switch-reads"`.
    pub name: StepName,
    /// Its place among the change's code steps; the code from before the change is at 0.
    pub position: u16,
    /// How code at this step stands towards the surface.
    pub stance: Selectable,
}

/// A version of a component, made from one commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The component.
    pub component: ComponentName,
    /// Its version.
    pub version: Version,
    /// The commit that it was made from: a full object id.
    pub commit: String,
    /// Where its code stands in each change that was open when it was recorded. Towards a change
    /// that is not listed it stands where the code stood before that change.
    pub code: BTreeMap<ChangeId, CodeStep>,
}
