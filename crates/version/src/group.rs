//! Components whose versions hang together.
//!
//! The words are those of Changesets. The members of a *fixed* group have one version and are released
//! together. Of a *linked* group those are released that have changes, and these get one version. Either
//! way it is the highest release of the group, raised as much as the member that changed most. (What
//! release-please calls `linked-versions` is a fixed group.)

use schemars::JsonSchema;
use semver::{Prerelease, Version};
use serde::{Deserialize, Serialize};
use switchback_model::ComponentName;

use crate::verdict::{
    Claim, Decision, Evidence, Known, Proposed, Question, Reason, Verdict, WayOut, Wish, asked,
    decide,
};
use crate::{Level, Policy};

/// Components whose versions hang together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How they hang together.
    pub kind: GroupKind,
    /// Its members: two components at least.
    #[schemars(with = "Vec<String>")]
    pub components: Vec<ComponentName>,
}

/// How the versions of a group hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// All have one version, and are released together.
    Fixed,
    /// Those with changes are released, and get one version.
    Linked,
}

impl GroupKind {
    /// The word for settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Linked => "linked",
        }
    }
}

/// A member of a group, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The component.
    pub component: &'a str,
    /// What is known of it alone.
    pub known: Known<'a>,
    /// The versions that the commit has a tag of this member for.
    pub here: &'a [Version],
}

/// What is asked of a group.
#[derive(Debug, Clone, Copy)]
pub struct Together<'a> {
    /// Its name.
    pub name: &'a str,
    /// How its versions hang together.
    pub kind: GroupKind,
    /// Its members.
    pub members: &'a [Member<'a>],
    /// The member, by its place, that somebody asks about: of a linked group it gets the version that
    /// is wished, even if nothing else forces it. Others get it if they are released.
    pub named: Option<usize>,
}

/// The group that a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InGroup {
    /// Its name.
    pub name: String,
    /// How its versions hang together.
    pub kind: GroupKind,
    /// Its members.
    pub members: Vec<String>,
    /// Its highest release; none before the first of all.
    pub at: Option<Version>,
}

/// What a group has to become.
struct Target<'a> {
    /// The version.
    floor: Version,
    /// The highest release that it is counted from, and whose it is.
    from: Option<(&'a Version, &'a str)>,
    level: Level,
    /// The member that forces it.
    member: &'a str,
    /// What forces it there; none if the member has no release, or has become the version already.
    claim: Option<&'a Claim>,
    /// Whether the member has become it at this very commit.
    joined: bool,
}

impl Policy {
    /// What the next versions of a group's members have to be, and why, in their order.
    ///
    /// A member without a release raises the group by a minor version, whatever its commits say: it is
    /// new, and nobody has it whom it could break. If the commit is a release of some members already,
    /// as after an interruption, the others join them at that version as long as it is high enough.
    /// What has to be asked about one that is released has to be asked about all. A version that a
    /// commit asks for is asked for all; of several the highest.
    pub fn together(&self, group: &Together<'_>, wish: &Wish) -> Vec<Verdict> {
        let members = group.members;
        let alone: Vec<Verdict> = members.iter().map(|it| self.alone(&it.known)).collect();
        let raises: Vec<Level> = members
            .iter()
            .zip(&alone)
            .map(|(member, own)| match member.known.base {
                Some(_) => own.level(),
                // Nothing that is new is there either.
                None if own.commits == 0 && own.reasons.is_empty() => Level::None,
                None => Level::Minor,
            })
            .collect();
        let joined = self.joined(group, &alone, &raises);
        let target = match &joined {
            Some(joined) => Some(target_of(joined)),
            None => self.target(group, &alone, &raises),
        };
        let at = match &joined {
            Some(joined) => joined.before.clone(),
            None => highest(members).map(|(version, _)| version.clone()),
        };
        let open = |place: usize| match &joined {
            Some(joined) => !joined.done.get(place).copied().unwrap_or_default(),
            None => true,
        };
        let shared = members.iter().filter_map(|it| asked(it.known.commits));
        let shared = shared.max_by(|a, b| a.version.cmp(&b.version));
        let mut questions: Vec<Question> = Vec::new();
        for question in alone.iter().flat_map(|it| &it.questions) {
            if !questions.contains(question) {
                questions.push(question.clone());
            }
        }
        let mut verdicts = Vec::with_capacity(members.len());
        for (place, mut verdict) in alone.iter().cloned().enumerate() {
            let changed = raises.get(place).is_some_and(|it| *it > Level::None);
            let follows = open(place)
                && match group.kind {
                    GroupKind::Fixed => true,
                    GroupKind::Linked => changed || !verdict.questions.is_empty(),
                };
            let released = follows && (changed || group.kind == GroupKind::Fixed);
            verdict.group = Some(InGroup {
                name: group.name.to_owned(),
                kind: group.kind,
                members: members.iter().map(|it| it.component.to_owned()).collect(),
                at: at.clone(),
            });
            verdict.floor = match (&target, members.get(place)) {
                (Some(target), Some(member)) if released => {
                    verdict.add(group, target, member);
                    Some(target.floor.clone())
                }
                _ => None,
            };
            if follows {
                verdict.questions.clone_from(&questions);
            }
            let named = group.named == Some(place) && open(place);
            let own = members.get(place).and_then(|it| asked(it.known.commits));
            verdict.proposed = match &wish.version {
                Some(version) => (released || named).then(|| Proposed {
                    version: version.clone(),
                    commit: None,
                }),
                None => shared.clone().filter(|_| released || own.is_some()),
            };
            verdicts.push(verdict);
        }
        settle(group, wish, &mut verdicts);
        verdicts
    }

    /// What the group has to become after its highest release; none if nothing forces it.
    fn target<'a>(
        &self,
        group: &Together<'a>,
        alone: &'a [Verdict],
        raises: &[Level],
    ) -> Option<Target<'a>> {
        let all = group.members.iter().zip(alone).zip(raises);
        // Of members that force as much the first one says as much as any.
        let ((member, own), level) = all.rev().max_by_key(|(_, level)| **level)?;
        if *level == Level::None {
            return None;
        }
        let from = highest(group.members);
        Some(Target {
            floor: match from {
                Some((version, _)) => self.next(version, *level),
                None => self.first.clone(),
            },
            from,
            level: *level,
            member: member.component,
            claim: member
                .known
                .base
                .and_then(|_| own.reasons.first())
                .map(|it| &it.claim),
            joined: false,
        })
    }

    /// The release that some members have become at this very commit, if others are left that can
    /// become the same.
    fn joined<'a>(
        &self,
        group: &Together<'a>,
        alone: &[Verdict],
        raises: &[Level],
    ) -> Option<Joined<'a>> {
        let release = |it: &&Version| it.pre.is_empty();
        let here = |member: &Member<'a>| member.here.iter().filter(release).max();
        let all = group.members.iter();
        let with = all.filter_map(|it| Some((here(it)?, it.component)));
        let (version, component) = with.max()?;
        let done: Vec<bool> = group
            .members
            .iter()
            .map(|it| it.here.contains(version))
            .collect();
        let left = || {
            let all = group.members.iter().zip(alone).zip(raises).zip(&done);
            all.filter(|(((_, own), level), done)| {
                let changed = **level > Level::None || !own.questions.is_empty();
                !**done && (changed || group.kind == GroupKind::Fixed)
            })
        };
        let fits = |member: &Member<'_>, own: &Verdict| match member.known.base {
            None => true,
            Some(base) => {
                base.version < *version && own.floor.as_ref().is_none_or(|it| it <= version)
            }
        };
        if left().count() == 0 || !left().all(|(((member, own), _), _)| fits(member, own)) {
            return None;
        }
        let before = left().filter_map(|(((member, _), _), _)| Some(&member.known.base?.version));
        Some(Joined {
            version,
            component,
            before: before.max().cloned(),
            done,
        })
    }
}

/// A release of a commit that others join.
struct Joined<'a> {
    version: &'a Version,
    /// A member that has it.
    component: &'a str,
    /// The highest release of those that have it not.
    before: Option<Version>,
    /// Which members have it.
    done: Vec<bool>,
}

fn target_of<'a>(joined: &Joined<'a>) -> Target<'a> {
    Target {
        floor: joined.version.clone(),
        from: None,
        level: match &joined.before {
            Some(before) => Level::between(before, joined.version),
            None => Level::Minor,
        },
        member: joined.component,
        claim: None,
        joined: true,
    }
}

/// The highest release of a group, and the first member that has it.
fn highest<'a>(members: &'a [Member<'a>]) -> Option<(&'a Version, &'a str)> {
    let all = members.iter().rev();
    all.filter_map(|it| Some((&it.known.base?.version, it.component)))
        .max_by_key(|(version, _)| *version)
}

/// Decides, where every member has what it is judged by.
fn settle(group: &Together<'_>, wish: &Wish, verdicts: &mut [Verdict]) {
    let released = |it: &Verdict| it.floor.is_some() || it.proposed.is_some();
    // One version of all has to be free for all.
    let all: Vec<Version> = group
        .members
        .iter()
        .zip(verdicts.iter())
        .filter(|(_, verdict)| released(verdict))
        .flat_map(|(member, _)| member.known.taken.iter().cloned())
        .collect();
    for (member, verdict) in group.members.iter().zip(verdicts.iter_mut()) {
        let known = Known {
            taken: match group.kind {
                GroupKind::Fixed => &all,
                GroupKind::Linked => member.known.taken,
            },
            ..member.known
        };
        // No number is passed over: it would be another one for each member.
        verdict.decision = decide(&known, wish, verdict, verdict.floor.as_ref());
    }
    if let Some(channel) = &wish.channel {
        join_candidate(group, channel, verdicts);
    }
}

/// If the commit is a candidate of the version for some members already, it is the same one for the
/// others.
fn join_candidate(group: &Together<'_>, channel: &str, verdicts: &mut [Verdict]) {
    let core = |it: &Version| Version {
        pre: Prerelease::EMPTY,
        ..it.clone()
    };
    let decided = verdicts.iter().find_map(|it| match &it.decision {
        Decision::Release { version } => Some(core(version)),
        _ => None,
    });
    let Some(decided) = decided else { return };
    let begins = format!("{channel}.");
    let candidate = |it: &&Version| it.pre.starts_with(&begins) && core(it) == decided;
    let here = group.members.iter().flat_map(|it| it.here);
    let Some(there) = here.filter(candidate).max() else {
        return;
    };
    let both = || group.members.iter().zip(verdicts.iter());
    let left = |member: &Member<'_>, verdict: &Verdict| {
        matches!(verdict.decision, Decision::Release { .. }) && !member.known.taken.contains(there)
    };
    if !both().any(|(member, verdict)| left(member, verdict)) {
        return;
    }
    for (member, verdict) in group.members.iter().zip(verdicts.iter_mut()) {
        if left(member, verdict) {
            let version = there.clone();
            verdict.decision = Decision::Release { version };
        } else if member.here.contains(there) {
            verdict.decision = Decision::Nothing;
        }
    }
}

impl Verdict {
    /// Adds what the group forces, if that is more than what the member forces alone.
    fn add(&mut self, group: &Together<'_>, target: &Target<'_>, member: &Member<'_>) {
        let alone = match member.known.base {
            // Alone it would become the first version, which says nothing of the group.
            None => target.from.is_none() && !target.joined,
            Some(_) => self.floor.as_ref() == Some(&target.floor),
        };
        if alone {
            return;
        }
        let claim = Claim {
            level: target.level,
            sentence: sentence(group, target, member),
            evidence: Evidence::Group {
                group: group.name.to_owned(),
                of: group.kind,
                component: target.member.to_owned(),
                because: target.claim.map(|it| Box::new(it.evidence.clone())),
            },
        };
        let reason = Reason {
            claim,
            floor: target.floor.clone(),
            ways_out: vec![WayOut::Raise, WayOut::Ungroup],
        };
        // It forces more than the others, however much these raise.
        self.reasons.insert(0, reason);
    }
}

/// Why the group raises the version of a member, in one sentence.
fn sentence(group: &Together<'_>, target: &Target<'_>, member: &Member<'_>) -> String {
    let the = format!("the {} group `{}`", group.kind.name(), group.name);
    let who = target.member;
    if target.joined {
        return format!("{the} becomes it with {who}, which is released from this commit");
    }
    let own = member.known.base.map(|it| &it.version);
    let at = match target.from {
        Some((version, highest)) if own != Some(version) => {
            format!(" is at {version} with {highest}, and")
        }
        _ => String::new(),
    };
    match target.claim {
        None => format!("{the}{at} rises with {who}, which has no release yet"),
        Some(claim) => {
            let place = claim.evidence.place();
            format!("{the}{at} rises with {who}: {place} {}", claim.sentence)
        }
    }
}

#[cfg(test)]
mod tests;
