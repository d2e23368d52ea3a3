//! Lines that keep an older release alive: how one is known, which version is next on it, and what it
//! may bring.
//!
//! A branch's name travels badly: a clone of one commit has none, and anybody can give any. What
//! travels with the tags is where the releases are. A line is behind if a release of a later minor or
//! major version was made on another one and neither is part of the other: a new thing on it would get
//! a version that is taken, or one that sorts before releases which lack it. Where no later release
//! exists yet, only what people say is left: the name of a branch that `release hotfix` made, or the
//! question itself.

mod branch;
pub mod carry;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

pub use branch::{BranchPattern, WrongBranchPattern};

use crate::Level;
use crate::policy::{Policy, Reverts};
use crate::tag::{Graph, TagPattern, Tagged};
use crate::verdict::{Base, Decision, Evidence, Known, Reason, Refusal, Verdict, Wish, free};

/// A team's rules for lines that keep an older release alive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[schemars(rename = "HotfixRules")]
pub struct Rules {
    /// How their branches are called: a text with `{tag}` in it once, which is the tag that the next
    /// release gets.
    #[schemars(with = "String")]
    pub branch: BranchPattern,
    /// What they may release.
    pub allow: Allow,
}

/// What a line may release that keeps an older release alive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Allow {
    /// Patches only.
    #[default]
    Fixes,
    /// Whatever is below the later releases, such as 1.5.0 beside 2.0.0.
    Below,
}

/// A line that keeps a release alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hotfix {
    /// The release that it goes on from.
    pub of: Base,
    /// The lowest release of a later minor or major version that was made elsewhere.
    pub above: Option<Base>,
    /// By what it is known.
    pub known_by: KnownBy,
}

/// By what a line is known that keeps a release alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum KnownBy {
    /// A later release was made elsewhere.
    Release,
    /// Its branch is called as such branches are, for a patch of that release.
    Branch {
        /// The branch.
        name: String,
    },
    /// Somebody says so.
    Said,
}

/// A commit or something else that a hotfix may not bring.
pub type TooMuch = Reason;

impl Hotfix {
    /// The line of a commit that goes on from a release, if it keeps that alive. `branch` is what is
    /// checked out there.
    pub fn of(
        of: Base,
        above: Option<Base>,
        branch: Option<&str>,
        rules: &Rules,
        tags: &TagPattern,
    ) -> Option<Self> {
        let named = || {
            let name = branch?;
            let version = tags.version(rules.branch.tag(name)?)?;
            let patch = version > of.version && same_line(&version, &of.version);
            patch.then(|| KnownBy::Branch {
                name: name.to_owned(),
            })
        };
        let known_by = match above {
            Some(_) => KnownBy::Release,
            None => named()?,
        };
        Some(Self {
            of,
            above,
            known_by,
        })
    }

    /// The verdict on this line.
    pub fn verdict(&self, policy: &Policy, known: &Known<'_>, wish: &Wish) -> Verdict {
        let mut verdict = Self::policy(policy).verdict(known, wish);
        self.limit(policy, &mut verdict);
        verdict
    }

    /// The rules on such a line: what was taken back before a release is not in it, so here it does not
    /// count, whatever the policy says. Taking it back is the way out.
    pub fn policy(policy: &Policy) -> Policy {
        Policy {
            reverts: Reverts::Cancel,
            ..policy.clone()
        }
    }

    /// Refuses what this line may not release.
    pub fn limit(&self, policy: &Policy, verdict: &mut Verdict) {
        if let Some(refusal) = self.refusal(policy.hotfix.allow, verdict) {
            verdict.decision = Decision::Refused { refusal };
        }
    }

    fn refusal(&self, allow: Allow, verdict: &Verdict) -> Option<Refusal> {
        let fixes = allow == Allow::Fixes;
        if fixes && too_much(verdict).next().is_some() {
            return Some(Refusal::NotAFix {
                of: self.of.clone(),
                above: self.above.clone(),
            });
        }
        let version = match (&verdict.decision, &verdict.proposed) {
            (Decision::Release { version }, _) => version,
            (_, Some(proposed)) => &proposed.version,
            _ => return None,
        };
        if let Some(above) = &self.above
            && line(version) >= line(&above.version)
        {
            return Some(Refusal::AboveLater {
                later: above.clone(),
            });
        }
        (fixes && !same_line(version, &self.of.version)).then(|| Refusal::NotAPatch {
            of: self.of.clone(),
        })
    }
}

/// What of a verdict is more than a fix.
pub fn too_much(verdict: &Verdict) -> impl Iterator<Item = &TooMuch> {
    verdict
        .reasons
        .iter()
        .filter(|it| it.claim.level > Level::Patch)
}

/// The commits among some reasons, in their order.
pub fn commits<'r>(reasons: impl Iterator<Item = &'r Reason>) -> impl Iterator<Item = &'r str> {
    reasons.filter_map(|it| match &it.claim.evidence {
        Evidence::Commit { id, .. } => Some(id.as_str()),
        _ => None,
    })
}

/// The lowest release of a later minor or major version than `of` that was made elsewhere: neither it
/// nor `head` is part of the other.
///
/// A later patch of the same minor version says nothing: as well as the main line it may be a hotfix,
/// beside which the main line goes on.
pub fn above<'t, G: Graph>(
    tags: &'t [Tagged<G::Commit>],
    of: &Version,
    head: G::Commit,
    graph: &mut G,
) -> Result<Option<&'t Tagged<G::Commit>>, G::Error> {
    let later = |it: &&Tagged<G::Commit>| it.version.pre.is_empty() && line(&it.version) > line(of);
    let mut later: Vec<_> = tags.iter().filter(later).collect();
    later.sort_by(|a, b| (&a.version, &a.tag).cmp(&(&b.version, &b.tag)));
    for tagged in later {
        let apart = !graph.reaches(head, tagged.commit)? && !graph.reaches(tagged.commit, head)?;
        // Histories without anything in common are those of other projects.
        if apart && graph.fork(head, tagged.commit)?.is_some() {
            return Ok(Some(tagged));
        }
    }
    Ok(None)
}

/// Every version that the next one on this line may not be: those with a tag, and those of which a
/// candidate was made elsewhere, so that somebody is about to release them with other contents.
pub fn taken<G: Graph>(
    tags: &[Tagged<G::Commit>],
    of: &Version,
    head: G::Commit,
    graph: &mut G,
) -> Result<Vec<Version>, G::Error> {
    let mut taken: Vec<Version> = tags.iter().map(|it| it.version.clone()).collect();
    for it in tags {
        let candidate =
            !it.version.pre.is_empty() && it.version > *of && same_line(&it.version, of);
        if candidate && !graph.reaches(head, it.commit)? {
            let (major, minor) = line(&it.version);
            taken.push(Version::new(major, minor, it.version.patch));
        }
    }
    Ok(taken)
}

/// The next patch of a release that is free; none where the numbers are at their end.
pub fn next_patch(of: &Version, taken: &[Version]) -> Option<Version> {
    let first = Version::new(of.major, of.minor, of.patch.checked_add(1)?);
    let version = free(&first, taken);
    (!taken.contains(&version)).then_some(version)
}

/// The releases of the same minor version that are later than one, the lowest first.
pub fn later_patches<'t, C>(tags: &'t [Tagged<C>], of: &Version) -> Vec<&'t Tagged<C>> {
    let later = |it: &&Tagged<C>| {
        it.version.pre.is_empty() && it.version > *of && same_line(&it.version, of)
    };
    let mut later: Vec<_> = tags.iter().filter(later).collect();
    later.sort_by(|a, b| (&a.version, &a.tag).cmp(&(&b.version, &b.tag)));
    later
}

/// Major and minor version.
const fn line(version: &Version) -> (u64, u64) {
    (version.major, version.minor)
}

fn same_line(one: &Version, other: &Version) -> bool {
    line(one) == line(other)
}

#[cfg(test)]
mod tests;
