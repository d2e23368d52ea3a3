//! The version of a platform: which release of each component belongs together, each by the digest of
//! what was built from it.
//!
//! A platform is versioned as a component is: [`claims`] says what became of its components, and
//! [`Policy::verdict`] what that makes of the version. What it consists of stands in a [`Manifest`], a
//! file whose bytes follow from what it says, so that their digest names it.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Serialize;
use serde_json::json;
use switchback_model::{ComponentName, Digest};

use crate::verdict::{Claim, Evidence};
use crate::{Level, Policy};

pub mod digests;
mod read;

pub use read::{ManifestError, Problem};

/// The form of a manifest, which it says itself.
pub const SCHEMA: &str = "switchback.platform/v1";

/// How large a manifest may be that is read, in bytes: some ten thousand components.
pub const LARGEST: usize = 4 << 20;

/// What a version of a platform consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The name of the platform.
    pub platform: ComponentName,
    /// Its version.
    pub version: Version,
    /// Its components.
    pub components: Parts,
}

/// The releases that a platform consists of, by the names of their components.
pub type Parts = BTreeMap<ComponentName, Part>;

/// A release of a component that belongs to a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its version.
    pub version: Version,
    /// Its tag.
    pub tag: String,
    /// The commit that the tag names: a full object id.
    pub commit: String,
    /// The digest of what was built from it.
    pub digest: Digest,
}

/// A release that a manifest recorded otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differing<'a> {
    /// Its component.
    pub component: &'a ComponentName,
    /// What was recorded.
    pub was: &'a Part,
    /// What it is now.
    pub is: &'a Part,
}

impl Manifest {
    /// The manifest as it is kept: JSON with sorted keys, indented by two, and a line feed at the end.
    /// Equal manifests have equal bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let components = self.components.iter().map(|(name, part)| {
            json!({
                "commit": part.commit,
                "digest": part.digest.to_string(),
                "name": name.as_str(),
                "tag": part.tag,
                "version": part.version.to_string(),
            })
        });
        let whole = json!({
            "components": components.collect::<Vec<_>>(),
            "platform": self.platform.as_str(),
            "schema": SCHEMA,
            "version": self.version.to_string(),
        });
        format!("{whole:#}\n").into_bytes()
    }

    /// The digest of [`Self::bytes`], as `sha256sum` says it of the file.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    /// The digest that was recorded of a release.
    pub fn digest_of(&self, component: &ComponentName, version: &Version) -> Option<Digest> {
        let part = self.components.get(component)?;
        (part.version == *version).then_some(part.digest)
    }

    /// Those of some releases that were recorded with another digest or another commit. A version names
    /// one commit and one thing that was built from it, for ever.
    pub fn differing<'a>(&'a self, parts: &'a Parts) -> Vec<Differing<'a>> {
        let pairs = parts.iter().filter_map(|(component, is)| {
            let was = self.components.get(component)?;
            Some(Differing { component, was, is })
        });
        let differs = |it: &Differing<'_>| {
            it.was.version == it.is.version
                && (it.was.digest != it.is.digest || it.was.commit != it.is.commit)
        };
        pairs.filter(differs).collect()
    }
}

/// The versions of some releases.
pub fn versions(parts: &Parts) -> BTreeMap<ComponentName, Version> {
    let each = parts.iter();
    each.map(|(name, part)| (name.clone(), part.version.clone()))
        .collect()
}

/// What became of the components of a platform since its last release: one claim for each that is not
/// what it was, by name. None of them for a platform that has not changed.
///
/// A component that comes in is something new, one that goes out breaks something. One with another
/// version raises the platform by as much as the versions lie apart, whether it rose or went back.
pub fn claims(
    policy: &Policy,
    before: &BTreeMap<ComponentName, Version>,
    now: &BTreeMap<ComponentName, Version>,
) -> Vec<Claim> {
    let names: BTreeSet<&ComponentName> = before.keys().chain(now.keys()).collect();
    let claims = names.into_iter().filter_map(|name| {
        let (from, to) = (before.get(name), now.get(name));
        let (level, sentence) = match (from, to) {
            (None, Some(to)) => (Level::Minor, format!("{name} comes in with {to}")),
            (Some(from), None) => (Level::Major, format!("{name} {from} goes out")),
            (Some(from), Some(to)) if from < to => {
                let level = apart(policy, from, to);
                (level, format!("{name} rises from {from} to {to}"))
            }
            (Some(from), Some(to)) if from > to => {
                let level = apart(policy, to, from);
                let by = level.name();
                (
                    level,
                    format!("{name} goes back by a {by} version, from {from} to {to}"),
                )
            }
            _ => return None,
        };
        Some(Claim {
            level,
            sentence,
            evidence: Evidence::Component {
                component: name.to_string(),
                from: from.cloned(),
                to: to.cloned(),
            },
        })
    });
    claims.collect()
}

/// How far a release lies above a lower one, as it counts for those who have both: a patch at least.
fn apart(policy: &Policy, lower: &Version, higher: &Version) -> Level {
    let level = Level::between(lower, higher).max(Level::Patch);
    policy.meant(lower, level)
}

#[cfg(test)]
mod tests;
