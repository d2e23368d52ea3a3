//! The next version of a component, with everything that forces it.

use std::collections::BTreeMap;

use semver::{Prerelease, Version};
use serde::Serialize;

use crate::Level;
use crate::cancel::alive;
use crate::commit::{Asked, Message};
use crate::contract::Waiver;
use crate::group::{GroupKind, InGroup};
use crate::policy::{Policy, Reverts, Why};

/// A commit since the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, in hexadecimal.
    pub id: String,
    /// What its message says.
    pub message: Message,
}

/// The release that a version is counted from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// Its tag.
    pub tag: String,
    /// Its version.
    pub version: Version,
}

/// That something raises the version, and by what that is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// How much.
    pub level: Level,
    /// Why, in one sentence without the version.
    pub sentence: String,
    /// What shows it.
    pub evidence: Evidence,
}

/// What shows that a version has to rise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Evidence {
    /// A commit.
    Commit {
        /// Its id.
        id: String,
        /// Its subject.
        subject: String,
    },
    /// A place in a contract.
    Contract {
        /// The rule that found it.
        rule: &'static str,
        /// What names the finding, for a waiver.
        fingerprint: String,
        /// The file.
        file: String,
        /// The line in it, from 1.
        line: usize,
        /// The place in it, such as a JSON pointer.
        pointer: String,
        /// What stood there.
        old: Option<String>,
        /// What stands there.
        new: Option<String>,
    },
    /// A change file.
    ChangeFile {
        /// The file.
        file: String,
    },
    /// The group that the component is in.
    Group {
        /// Its name.
        group: String,
        /// What it is.
        of: GroupKind,
        /// The member that makes the group rise.
        component: String,
        /// What shows that of the member; none if it is that it has no release yet, or has one already
        /// of the same commit.
        because: Option<Box<Evidence>>,
    },
    /// A component of the platform that the version is of.
    Component {
        /// Its name.
        component: String,
        /// The version that the platform had of it; none if it comes in.
        from: Option<Version>,
        /// The one that it gets; none if it goes out.
        to: Option<Version>,
    },
}

impl Evidence {
    /// Where it stands, as people are shown it.
    pub fn place(&self) -> String {
        match self {
            Self::Commit { id, .. } => id.get(..7).unwrap_or(id).to_owned(),
            Self::Contract { file, line, .. } => format!("{file}:{line}"),
            Self::ChangeFile { file } => file.clone(),
            Self::Group { component, .. } | Self::Component { component, .. } => component.clone(),
        }
    }
}

/// What would raise the version, had nobody let it pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waived {
    /// What it is.
    #[serde(flatten)]
    pub claim: Claim,
    /// Who lets it pass, why, and until when.
    pub waiver: Waiver,
}

/// What is known of a component since its last release.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Its last release; none before the first.
    pub base: Option<&'a Base>,
    /// The commits since then that touch it, the newest first.
    pub commits: &'a [Commit],
    /// What else raises it: change files and contracts.
    pub claims: &'a [Claim],
    /// What somebody lets pass.
    pub waived: &'a [Waived],
    /// Every version that it has a tag for, in any order.
    pub taken: &'a [Version],
}

/// What somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// This version. None takes the one that a commit asks for, else the lowest that is allowed.
    pub version: Option<Version>,
    /// A pre-release of that version, in this channel, such as `rc`: `1.2.0-rc.1`.
    pub channel: Option<String>,
}

/// What a version has to be, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The release that it is counted from.
    pub base: Option<Base>,
    /// How many commits were looked at.
    pub commits: usize,
    /// How much the commits raise it.
    pub commits_level: Level,
    /// How much change files raise it.
    pub change_files_level: Level,
    /// How much the contracts raise it, by their files.
    pub contracts: BTreeMap<String, Level>,
    /// The lowest version that a release may have now; none where nothing forces a release.
    pub floor: Option<Version>,
    /// Versions of that minor version that have a tag already, such as a hotfix that was made beside
    /// these commits; the next one is taken.
    pub passed_over: Vec<Version>,
    /// The version that somebody asked for, and who.
    pub proposed: Option<Proposed>,
    /// What comes of it.
    pub decision: Decision,
    /// What forces it, the highest first.
    pub reasons: Vec<Reason>,
    /// What would force it, and somebody lets pass.
    pub waived: Vec<Waived>,
    /// What has to be answered first.
    pub questions: Vec<Question>,
    /// How many commits raise nothing, by their types; `""` for those without one.
    pub silent: BTreeMap<String, usize>,
    /// The group that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<InGroup>,
}

/// A version that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// The version.
    pub version: Version,
    /// The commit whose footer asks for it; none where it was typed.
    pub commit: Option<String>,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Decision {
    /// The next release has this version.
    Release {
        /// The version.
        version: Version,
    },
    /// Nothing that anybody gets has changed.
    Nothing,
    /// The proposed version may not be.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Somebody has to say what is meant.
    Ask,
}

/// Why a version may not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Refusal {
    /// It is lower than what the reasons force.
    BelowFloor {
        /// The lowest that is allowed.
        floor: Version,
    },
    /// It is not higher than the last release.
    NotHigher {
        /// The last release.
        base: Version,
    },
    /// There is a tag for it.
    Taken,
    /// The line keeps a release alive, and something on it is more than a fix.
    NotAFix {
        /// The release.
        of: Base,
        /// A later one that was made elsewhere.
        above: Option<Base>,
    },
    /// The line keeps a release alive, and this is no patch of it.
    NotAPatch {
        /// The release.
        of: Base,
    },
    /// The line keeps an older release alive, and this is no version below a later one.
    AboveLater {
        /// The later one.
        later: Base,
    },
}

/// Why a version has to rise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// How much, why, and what shows it.
    #[serde(flatten)]
    pub claim: Claim,
    /// The lowest version that this alone allows.
    pub floor: Version,
    /// What can be done about it, apart from raising the version.
    pub ways_out: Vec<WayOut>,
}

/// What can be done about a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayOut {
    /// Bring back what was there.
    Restore,
    /// Keep it for now, and say that it will go.
    Deprecate,
    /// Raise the version.
    Raise,
    /// Let it pass, with an owner, a reason and an end.
    Waive,
    /// Take the component out of its group.
    Ungroup,
}

/// What has to be answered first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The commit.
    pub commit: String,
    /// Its subject.
    pub subject: String,
    /// What cannot be told.
    pub about: Why,
}

impl Verdict {
    /// How much the version has to rise: as the first reason says.
    pub fn level(&self) -> Level {
        let first = self.reasons.first();
        first.map_or(Level::None, |it| it.claim.level)
    }
}

impl Policy {
    /// What the next version of a component has to be, and why.
    pub fn verdict(&self, known: &Known<'_>, wish: &Wish) -> Verdict {
        let mut verdict = self.alone(known);
        verdict.proposed = proposed(known, wish);
        let free = pass_over(known, &verdict);
        if let (Some(floor), Some(free)) = (&verdict.floor, &free) {
            let passed = (floor.patch..free.patch).map(|patch| Version {
                patch,
                ..floor.clone()
            });
            verdict.passed_over = passed.collect();
        }
        verdict.decision = decide(known, wish, &verdict, free.as_ref());
        verdict
    }

    /// What a component's own history forces, before anybody asks for a version.
    pub(crate) fn alone(&self, known: &Known<'_>) -> Verdict {
        let mut verdict = Verdict {
            base: known.base.cloned(),
            commits: known.commits.len(),
            commits_level: Level::None,
            change_files_level: Level::None,
            contracts: BTreeMap::new(),
            floor: None,
            passed_over: Vec::new(),
            proposed: None,
            decision: Decision::Nothing,
            reasons: Vec::new(),
            waived: known.waived.to_vec(),
            questions: Vec::new(),
            silent: BTreeMap::new(),
            group: None,
        };
        self.commits(known, &mut verdict);
        for claim in known.claims {
            let level = match &claim.evidence {
                Evidence::Contract { file, .. } => {
                    verdict.contracts.entry(file.clone()).or_default()
                }
                Evidence::Commit { .. } | Evidence::Group { .. } | Evidence::Component { .. } => {
                    &mut verdict.commits_level
                }
                Evidence::ChangeFile { .. } => &mut verdict.change_files_level,
            };
            *level = claim.level.max(*level);
            if claim.level > Level::None {
                let reason = self.reason(known, claim.clone());
                verdict.reasons.push(reason);
            }
        }
        // Of reasons that force as much, the order in which they were found says as much as any.
        verdict
            .reasons
            .sort_by_key(|it| std::cmp::Reverse(it.claim.level));
        let level = verdict.level();
        verdict.floor = match known.base {
            None => Some(self.first.clone()),
            Some(base) => (level > Level::None).then(|| self.next(&base.version, level)),
        };
        verdict
    }

    fn commits(&self, known: &Known<'_>, verdict: &mut Verdict) {
        let alive = match self.reverts {
            Reverts::Count => vec![true; known.commits.len()],
            Reverts::Cancel => alive(known.commits),
        };
        for (commit, _) in known.commits.iter().zip(alive).filter(|(_, alive)| *alive) {
            let message = &commit.message;
            let meaning = self.meaning(message);
            verdict.commits_level = verdict.commits_level.max(meaning.level);
            if let Some((level, why)) = meaning.because.into_iter().next() {
                let claim = Claim {
                    level,
                    sentence: sentence(&message.subject, &why),
                    evidence: Evidence::Commit {
                        id: commit.id.clone(),
                        subject: message.subject.clone(),
                    },
                };
                verdict.reasons.push(self.reason(known, claim));
            } else if !message.merge {
                let kind = message.header.as_ref().map(|it| it.kind.clone());
                *verdict.silent.entry(kind.unwrap_or_default()).or_default() += 1;
            }
            let questions = meaning.ask.into_iter().map(|about| Question {
                commit: commit.id.clone(),
                subject: message.subject.clone(),
                about,
            });
            verdict.questions.extend(questions);
            if let Some(Asked::Unreadable(line)) = &message.release_as {
                verdict.questions.push(Question {
                    commit: commit.id.clone(),
                    subject: message.subject.clone(),
                    about: Why::Unclear {
                        text: line.text.clone(),
                        line: line.number,
                    },
                });
            }
        }
    }

    fn reason(&self, known: &Known<'_>, claim: Claim) -> Reason {
        let ways_out = match claim.evidence {
            Evidence::Contract { .. } => vec![
                WayOut::Restore,
                WayOut::Deprecate,
                WayOut::Raise,
                WayOut::Waive,
            ],
            Evidence::Commit { .. } | Evidence::ChangeFile { .. } | Evidence::Component { .. } => {
                vec![WayOut::Raise]
            }
            Evidence::Group { .. } => vec![WayOut::Raise, WayOut::Ungroup],
        };
        Reason {
            floor: known.base.map_or_else(
                || self.first.clone(),
                |base| self.next(&base.version, claim.level),
            ),
            claim,
            ways_out,
        }
    }
}

/// Why a commit raises the version, in one sentence.
fn sentence(subject: &str, why: &Why) -> String {
    let what = match why {
        Why::Type { of } => format!("has the type `{of}`"),
        Why::Mark => "has the mark `!` of a break".to_owned(),
        Why::Footer { text, .. } if text.is_empty() => {
            "has a footer which says that something breaks".to_owned()
        }
        Why::Footer { text, .. } => format!("says what breaks: {text}"),
        Why::Squashed { header } => format!("has `{header}` squashed into it"),
        Why::NoRule => {
            "has no type that a rule knows, and the policy takes it for a patch".to_owned()
        }
        Why::Unclear { text, .. } => format!("shouts that something breaks: {text}"),
    };
    format!("`{subject}` {what}")
}

/// The version that somebody wants, or a commit asks for.
fn proposed(known: &Known<'_>, wish: &Wish) -> Option<Proposed> {
    match &wish.version {
        Some(version) => Some(Proposed {
            version: version.clone(),
            commit: None,
        }),
        None => asked(known.commits),
    }
}

/// The version that the newest commit with such a footer asks for.
pub(crate) fn asked(commits: &[Commit]) -> Option<Proposed> {
    commits.iter().find_map(|it| match &it.message.release_as {
        Some(Asked::Version(version)) => Some(Proposed {
            version: version.clone(),
            commit: Some(it.id.clone()),
        }),
        _ => None,
    })
}

/// The version that is taken where nobody asks for another: the floor, or where that is a patch of the
/// last release and has a tag, the next patch that has none. What other lines have released is not in
/// these commits, so a patch beside it is as true as one behind it; a new minor version would not be.
fn pass_over(known: &Known<'_>, verdict: &Verdict) -> Option<Version> {
    let floor = verdict.floor.as_ref()?;
    let is_patch = known
        .base
        .is_some_and(|base| (base.version.major, base.version.minor) == (floor.major, floor.minor));
    match is_patch && verdict.proposed.is_none() {
        true => Some(free(floor, known.taken)),
        false => Some(floor.clone()),
    }
}

/// The first version from one on, in its minor version, that is not among some; the last one that there
/// is if all are.
pub(crate) fn free(version: &Version, taken: &[Version]) -> Version {
    let mut free = version.clone();
    while taken.contains(&free)
        && let Some(next) = free.patch.checked_add(1)
    {
        free.patch = next;
    }
    free
}

/// What comes of a verdict that is otherwise complete, where `free` is the version that is taken if
/// nobody asks for another.
pub(crate) fn decide(
    known: &Known<'_>,
    wish: &Wish,
    verdict: &Verdict,
    free: Option<&Version>,
) -> Decision {
    // What is as high as the group is, is not higher than the last release.
    let base = match &verdict.group {
        Some(group) => group.at.as_ref(),
        None => known.base.map(|it| &it.version),
    };
    let refused = |refusal| Decision::Refused { refusal };
    let version = match &verdict.proposed {
        Some(proposed) => {
            let version = &proposed.version;
            if let Some(base) = base.filter(|base| version <= *base) {
                return refused(Refusal::NotHigher { base: base.clone() });
            }
            // A candidate of a version is as high as the version itself.
            let release = Version {
                pre: Prerelease::EMPTY,
                ..version.clone()
            };
            if let Some(floor) = verdict.floor.as_ref().filter(|floor| release < **floor) {
                // Before the first release every version is as good as another.
                if base.is_some() {
                    return refused(Refusal::BelowFloor {
                        floor: floor.clone(),
                    });
                }
            }
            version.clone()
        }
        None => match free {
            Some(free) => free.clone(),
            None if verdict.questions.is_empty() => return Decision::Nothing,
            None => return Decision::Ask,
        },
    };
    if !verdict.questions.is_empty() && verdict.proposed.is_none() {
        return Decision::Ask;
    }
    let version = match &wish.channel {
        Some(channel) => candidate(&version, channel, known.taken),
        None => version,
    };
    if known.taken.contains(&version) {
        return refused(Refusal::Taken);
    }
    Decision::Release { version }
}

/// The next pre-release of a version in a channel. A channel that is no identifier of SemVer gives
/// the version itself.
fn candidate(version: &Version, channel: &str, taken: &[Version]) -> Version {
    let numbered = |number: u64| {
        let pre = Prerelease::new(&format!("{channel}.{number}")).ok()?;
        Some(Version {
            pre,
            ..Version::new(version.major, version.minor, version.patch)
        })
    };
    (1..)
        .map_while(numbered)
        .find(|it| !taken.contains(it))
        .unwrap_or_else(|| version.clone())
}

#[cfg(test)]
mod tests;
