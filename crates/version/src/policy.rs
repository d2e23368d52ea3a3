//! What words and marks of commits mean for the version: a team's own rules.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use switchback_model::ComponentName;

use crate::Level;
use crate::commit::{Header, Message};
use crate::deprecation;
use crate::group::Group;
use crate::hotfix;

/// What words and marks of commits mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Policy {
    /// How much each type of commit raises the version. What stands here is added to
    /// [`Policy::default`]'s.
    #[serde(deserialize_with = "added")]
    pub types: BTreeMap<String, Level>,
    /// How much a commit raises it whose type stands nowhere, or that has none.
    pub unknown: Unknown,
    /// What a break means before 1.0.0.
    pub zero: Zero,
    /// What headers of squashed commits mean that stand in the body of another.
    pub squash: Squash,
    /// What a text means that shouts `BREAKING` and cannot be understood.
    pub unclear: Unclear,
    /// What a revert means for the commit that it takes back.
    pub reverts: Reverts,
    /// What the message of a merge means; the commits that it merges count in any case.
    pub merges: Merges,
    /// The version of a component that has none yet.
    #[schemars(with = "String")]
    pub first: Version,
    /// What users have to be told before it breaks.
    pub deprecation: deprecation::Rules,
    /// Lines that keep an older release alive.
    pub hotfix: hotfix::Rules,
    /// Components whose versions hang together.
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
}

/// How much a commit raises the version that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// Not at all.
    None,
    /// By a patch.
    Patch,
    /// Somebody is asked.
    Ask,
}

/// What a break means before 1.0.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Zero {
    /// Breaks and new things raise the minor version.
    Minor,
    /// As Cargo resolves: breaks raise the minor version, everything else the patch; at 0.0.x
    /// everything raises the patch.
    Cargo,
    /// A break makes it 1.0.0.
    Major,
}

/// What headers of squashed commits mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Squash {
    /// Each counts as a commit.
    Raise,
    /// None counts.
    Ignore,
}

/// What a text means that shouts and cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unclear {
    /// Somebody is asked.
    Ask,
    /// Something breaks.
    Break,
    /// Nothing breaks.
    Ignore,
}

/// What a revert means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reverts {
    /// What was taken back still counts for the version: somebody may have it from a build in between.
    Count,
    /// What was taken back before it was released counts no more than what takes it back.
    Cancel,
}

/// What the message of a merge means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Merges {
    /// Nothing.
    Ignore,
    /// What it would mean of any other commit.
    Read,
}

impl Default for Policy {
    fn default() -> Self {
        let types = [
            ("feat", Level::Minor),
            ("feature", Level::Minor),
            ("fix", Level::Patch),
            ("perf", Level::Patch),
            ("revert", Level::Patch),
            ("security", Level::Patch),
            ("build", Level::None),
            ("chore", Level::None),
            ("ci", Level::None),
            ("deps", Level::Patch),
            ("docs", Level::None),
            ("refactor", Level::None),
            ("style", Level::None),
            ("test", Level::None),
        ];
        Self {
            types: types.map(|(name, level)| (name.to_owned(), level)).into(),
            unknown: Unknown::None,
            zero: Zero::Minor,
            squash: Squash::Raise,
            unclear: Unclear::Ask,
            reverts: Reverts::Count,
            merges: Merges::Ignore,
            first: Version::new(0, 1, 0),
            deprecation: deprecation::Rules::default(),
            hotfix: hotfix::Rules::default(),
            groups: Vec::new(),
        }
    }
}

fn added<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Level>, D::Error> {
    let own = BTreeMap::<String, Level>::deserialize(deserializer)?;
    let mut types = Policy::default().types;
    types.extend(
        own.into_iter()
            .map(|(name, level)| (name.to_lowercase(), level)),
    );
    Ok(types)
}

/// Why a commit raises the version, or whom to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Why {
    /// Its type.
    Type {
        /// The type.
        of: String,
    },
    /// The mark `!` behind its type.
    Mark,
    /// A footer says what breaks.
    Footer {
        /// What breaks; may be empty.
        text: String,
        /// The line, from 1.
        line: usize,
    },
    /// The header of a commit that was squashed into it.
    Squashed {
        /// The header: type, and what it does.
        header: String,
    },
    /// No rule says anything of it.
    NoRule,
    /// A line shouts `BREAKING`, and nobody knows what it means.
    Unclear {
        /// The line's text.
        text: String,
        /// The line, from 1.
        line: usize,
    },
}

/// What a commit means for the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Meaning {
    /// How much it raises it.
    pub level: Level,
    /// What does, the highest first; what raises nothing is left out.
    pub because: Vec<(Level, Why)>,
    /// What somebody has to be asked about first.
    pub ask: Vec<Why>,
}

impl Meaning {
    fn raise(&mut self, level: Level, why: Why) {
        if level > Level::None {
            self.level = self.level.max(level);
            self.because.push((level, why));
        }
    }
}

impl Policy {
    /// What a commit means for the version.
    pub fn meaning(&self, message: &Message) -> Meaning {
        let mut meaning = Meaning::default();
        if message.merge && self.merges == Merges::Ignore {
            return meaning;
        }
        match &message.header {
            Some(header) => self.header(&mut meaning, header, |header| Why::Type {
                of: header.kind.clone(),
            }),
            // As Git writes it, it has no type, and means what the type says.
            None if message.reverted.is_some() => {
                let level = self.types.get("revert").copied().unwrap_or_default();
                meaning.raise(
                    level,
                    Why::Type {
                        of: "revert".to_owned(),
                    },
                );
            }
            None => self.without_rule(&mut meaning),
        }
        if self.squash == Squash::Raise {
            for squashed in &message.squashed {
                // Items of lists often look like headers; only types that have a rule are taken for such.
                if self.types.contains_key(&squashed.kind) {
                    self.header(&mut meaning, squashed, |it| Why::Squashed {
                        header: format!("{}: {}", it.kind, it.description),
                    });
                }
            }
        }
        for breaking in &message.breaking {
            meaning.raise(
                Level::Major,
                Why::Footer {
                    text: breaking.text.clone(),
                    line: breaking.number,
                },
            );
        }
        for line in &message.unclear {
            let why = Why::Unclear {
                text: line.text.clone(),
                line: line.number,
            };
            match self.unclear {
                // Nothing can be higher.
                Unclear::Ask if meaning.level == Level::Major => {}
                Unclear::Ask => meaning.ask.push(why),
                Unclear::Break => meaning.raise(Level::Major, why),
                Unclear::Ignore => {}
            }
        }
        meaning
            .because
            .sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        meaning
    }

    fn header(&self, meaning: &mut Meaning, header: &Header, why: impl Fn(&Header) -> Why) {
        match self.types.get(&header.kind) {
            Some(level) => meaning.raise(*level, why(header)),
            None => self.without_rule(meaning),
        }
        if header.breaking {
            let why = match why(header) {
                Why::Type { .. } => Why::Mark,
                other => other,
            };
            meaning.raise(Level::Major, why);
        }
    }

    fn without_rule(&self, meaning: &mut Meaning) {
        match self.unknown {
            Unknown::None => {}
            Unknown::Patch => meaning.raise(Level::Patch, Why::NoRule),
            Unknown::Ask => meaning.ask.push(Why::NoRule),
        }
    }

    /// The group that a component is in.
    pub fn group(&self, component: &ComponentName) -> Option<&Group> {
        let mut groups = self.groups.iter();
        groups.find(|it| it.components.contains(component))
    }

    /// The lowest version after `base`, a release, that may have what raises it by a level.
    pub fn next(&self, base: &Version, level: Level) -> Version {
        self.before_one(base, level).raise(base)
    }

    /// A level as it counts for a version, which may be one before 1.0.0.
    fn before_one(&self, base: &Version, level: Level) -> Level {
        if base.major > 0 || level == Level::None {
            return level;
        }
        match self.zero {
            Zero::Major => level,
            Zero::Minor => level.min(Level::Minor),
            Zero::Cargo if base.minor == 0 => Level::Patch,
            Zero::Cargo if level == Level::Major => Level::Minor,
            Zero::Cargo => Level::Patch,
        }
    }

    /// How much a release that rises by a level changes for those who have the one before it: before
    /// 1.0.0 Cargo takes the leftmost number that is not 0 for the major one.
    pub(crate) fn meant(&self, base: &Version, level: Level) -> Level {
        match self.zero {
            Zero::Cargo if level >= self.before_one(base, Level::Major) => Level::Major,
            _ => level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(policy: &Policy, text: &str) -> (Level, usize) {
        let meaning = policy.meaning(&Message::read(text.as_bytes()));
        (meaning.level, meaning.ask.len())
    }

    #[test]
    fn types_marks_and_footers_raise() {
        let it = Policy::default();
        for (text, level) in [
            ("feat: x", Level::Minor),
            ("FIX: x", Level::Patch),
            ("docs: x", Level::None),
            ("docs!: x", Level::Major),
            ("docs: x\n\nBREAKING CHANGE: y", Level::Major),
            ("wip", Level::None),
            ("wording: x", Level::None),
            ("Revert \"feat: x\"", Level::Patch),
            ("Reapply \"feat: x\"", Level::Minor),
            (
                "Reapply \"fix!: x\"\n\nThis reverts commit 1234567.",
                Level::Major,
            ),
            ("Reapply \"wording\"", Level::None),
            ("fix: x\n\n* feat: y\n* chore: z", Level::Minor),
            ("fix: x\n\n* note!: y", Level::Patch),
            ("Merge branch 'x'\n\nfeat!: y", Level::None),
        ] {
            assert_eq!(meaning(&it, text), (level, 0), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_asked() {
        let mut it = Policy::default();
        assert_eq!(
            meaning(&it, "fix: x\n\nThis is BREAKING"),
            (Level::Patch, 1)
        );
        assert_eq!(
            meaning(&it, "fix!: x\n\nThis is BREAKING"),
            (Level::Major, 0)
        );
        it.unclear = Unclear::Break;
        assert_eq!(
            meaning(&it, "fix: x\n\nThis is BREAKING"),
            (Level::Major, 0)
        );
        it.unknown = Unknown::Ask;
        assert_eq!(meaning(&it, "wip"), (Level::None, 1));
        it.unknown = Unknown::Patch;
        assert_eq!(meaning(&it, "wording: x"), (Level::Patch, 0));
    }

    #[test]
    fn what_raises_most_comes_first() {
        let it = Policy::default();
        let text = "feat: x\n\n* fix: y\n\nBREAKING CHANGE: z";
        let because = it.meaning(&Message::read(text.as_bytes())).because;
        let levels: Vec<Level> = because.iter().map(|(level, _)| *level).collect();
        assert_eq!(levels, [Level::Major, Level::Minor, Level::Patch]);
    }

    #[test]
    fn before_one_breaks_mean_what_the_policy_says() {
        let next = |zero, base: &str, level| {
            let policy = Policy {
                zero,
                ..Policy::default()
            };
            policy.next(&base.parse().unwrap(), level).to_string()
        };
        assert_eq!(next(Zero::Minor, "0.3.4", Level::Major), "0.4.0");
        assert_eq!(next(Zero::Minor, "0.3.4", Level::Minor), "0.4.0");
        assert_eq!(next(Zero::Cargo, "0.3.4", Level::Minor), "0.3.5");
        assert_eq!(next(Zero::Cargo, "0.3.4", Level::Major), "0.4.0");
        assert_eq!(next(Zero::Cargo, "0.0.4", Level::Major), "0.0.5");
        assert_eq!(next(Zero::Major, "0.3.4", Level::Major), "1.0.0");
        for zero in [Zero::Minor, Zero::Cargo, Zero::Major] {
            assert_eq!(next(zero, "1.3.4", Level::Major), "2.0.0");
            assert_eq!(next(zero, "0.3.4", Level::None), "0.3.4");
        }
    }

    #[test]
    fn own_types_are_added_to_the_usual_ones() {
        let text = r#"{"types": {"Deps": "patch", "docs": "patch"}, "zero": "cargo"}"#;
        let policy: Policy = serde_json::from_str(text).unwrap();
        assert_eq!(policy.types["deps"], Level::Patch);
        assert_eq!(policy.types["docs"], Level::Patch);
        assert_eq!(policy.types["feat"], Level::Minor);
        assert!(serde_json::from_str::<Policy>(r#"{"zer0": "cargo"}"#).is_err());
    }
}
