//! The facts that the interlock judges by: what is open, what is released, what runs where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchback_model::{
    ChangeId, ClientName, CodeStep, ComponentName, Digest, Duration, EnvironmentName, FlagName,
    Kind, Release, Selectable, Timestamp, Version,
};

use crate::surface::Surface;

/// Everything that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct World {
    /// What is the same everywhere.
    pub catalog: Catalog,
    /// What differs by environment.
    pub environments: BTreeMap<EnvironmentName, Environment>,
}

/// What is the same in every environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// The open changes.
    pub changes: BTreeMap<ChangeId, Change>,
    /// The releases of each component.
    pub releases: BTreeMap<ComponentName, BTreeMap<Version, Release>>,
}

/// An open change of one surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// One line for people.
    pub title: String,
    /// The kind of its surface.
    pub kind: Kind,
    /// Its code steps in order; the first is where code stood before the change.
    pub code: Vec<CodeStep>,
    /// How long facts of a tagged surface are kept after the last was emitted, where that is known.
    pub retention: Option<Duration>,
    /// The digest of its definition when it was opened.
    pub definition: Option<Digest>,
    /// When it was opened.
    pub opened: Timestamp,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Environment {
    /// What runs of each component.
    pub components: BTreeMap<ComponentName, Running>,
    /// Where the surface of each change stands.
    pub surfaces: BTreeMap<ChangeId, Surface>,
    /// The flags that are set.
    pub flags: BTreeMap<FlagName, Flag>,
    /// Outside clients: how the oldest supported version of each stands towards each change.
    pub clients: BTreeMap<ClientName, BTreeMap<ChangeId, Selectable>>,
}

/// What runs of one component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Running {
    /// The version that runs, or that a rollout is replacing.
    pub stable: Option<Version>,
    /// Since when it has.
    pub since: Option<Timestamp>,
    /// The rollout that is under way.
    pub rollout: Option<Rollout>,
    /// The versions that may be returned to, in the order in which they were stable.
    pub targets: Vec<Target>,
}

/// A rollout under way: two versions may run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rollout {
    /// The version that is put out.
    pub to: Version,
    /// Whether `to` is a rollback target.
    pub back: bool,
    /// Whether the rollout is being given up, and the version before it takes everything back.
    pub aborting: bool,
}

/// A version that may be returned to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The version.
    pub version: Version,
    /// When it was replaced.
    pub since: Timestamp,
    /// The end of its window; from this moment on it is no longer a target.
    pub until: Timestamp,
}

/// The values of a flag that may select stances.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Flag {
    /// The value that is in force; `None` before it was ever set.
    pub value: Option<String>,
    /// The value that is on its way to every instance.
    pub arriving: Option<String>,
    /// The values that may come back, each until a moment.
    pub former: Vec<FormerValue>,
}

/// A value of a flag that may come back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FormerValue {
    /// The value; `None` is the flag not set.
    pub value: Option<String>,
    /// From this moment on it no longer counts.
    pub until: Timestamp,
}

impl Catalog {
    /// The release of a component with this version.
    pub fn release(&self, component: &ComponentName, version: &Version) -> Option<&Release> {
        self.releases.get(component)?.get(version)
    }

    /// Where the code of a release stands in a change; before the change where it says nothing.
    pub fn code<'a>(&'a self, release: &'a Release, change: &ChangeId) -> Option<&'a CodeStep> {
        release.code.get(change).or_else(|| {
            self.changes
                .get(change)
                .and_then(|change| change.code.first())
        })
    }
}

impl Environment {
    /// The environment as it counts at `now`: what has run out is gone.
    #[must_use]
    pub fn as_of(&self, now: Timestamp) -> Environment {
        let mut environment = self.clone();
        for running in environment.components.values_mut() {
            running.targets.retain(|target| now < target.until);
        }
        for flag in environment.flags.values_mut() {
            flag.former.retain(|former| now < former.until);
        }
        for surface in environment.surfaces.values_mut() {
            surface.expire(now);
        }
        environment
    }

    /// The moments at which something runs out, earliest first.
    pub fn deadlines(&self) -> Vec<Timestamp> {
        let targets = self
            .components
            .values()
            .flat_map(|running| &running.targets);
        let former = self.flags.values().flat_map(|flag| &flag.former);
        let mut ends: Vec<_> = targets
            .map(|target| target.until)
            .chain(former.map(|former| former.until))
            .chain(self.surfaces.values().flat_map(Surface::deadlines))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}
