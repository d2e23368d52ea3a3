//! How much a version has to rise.

use schemars::JsonSchema;
use semver::{Prerelease, Version};
use serde::{Deserialize, Serialize};

/// How much a version has to rise at least, from nothing to a new major.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing that anybody gets has changed.
    #[default]
    None,
    /// What was wrong is right, and nothing is new.
    Patch,
    /// Something is new, and everything that worked still works.
    Minor,
    /// Something that worked does not work any more.
    Major,
}

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Patch, Self::Minor, Self::Major];

    /// As it is written: `none`, `patch`, `minor`, `major`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }

    /// The version after `version`, which is a release: numbers to the right of the one that rises
    /// are 0. [`Level::None`] gives the same version.
    pub fn raise(self, version: &Version) -> Version {
        let Version {
            major,
            minor,
            patch,
            ..
        } = *version;
        match self {
            Self::None => version.clone(),
            Self::Patch => Version::new(major, minor, patch.saturating_add(1)),
            Self::Minor => Version::new(major, minor.saturating_add(1), 0),
            Self::Major => Version::new(major.saturating_add(1), 0, 0),
        }
    }

    /// How much a release rises over another: the leftmost of the three numbers that differs.
    /// [`Level::None`] where it does not rise.
    pub fn between(from: &Version, to: &Version) -> Self {
        let release = |it: &Version| Version {
            pre: Prerelease::EMPTY,
            ..it.clone()
        };
        if to <= from {
            return Self::None;
        }
        let (from, to) = (release(from), release(to));
        if to.major != from.major {
            Self::Major
        } else if to.minor != from.minor {
            Self::Minor
        } else {
            Self::Patch
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|it| it.name() == text)
            .ok_or_else(|| UnknownLevel {
                text: text.to_owned(),
            })
    }
}

/// A text that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is none of `none`, `patch`, `minor` and `major`")]
pub struct UnknownLevel {
    /// The text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_raised_is_found_again() {
        for from in ["0.0.1", "0.3.9", "1.0.0", "12.4.7"].map(version) {
            for level in Level::ALL {
                assert_eq!(Level::between(&from, &level.raise(&from)), level, "{from}");
            }
        }
    }

    #[test]
    fn a_release_after_its_own_candidate_rises_by_a_patch() {
        let between = |from, to| Level::between(&version(from), &version(to));
        assert_eq!(between("1.2.0-rc.1", "1.2.0"), Level::Patch);
        assert_eq!(between("1.2.0", "1.1.9"), Level::None);
        assert_eq!(between("1.9.9", "2.0.0-rc.1"), Level::Major);
    }

    #[test]
    fn names_are_read_back() {
        for level in Level::ALL {
            assert_eq!(level.name().parse(), Ok(level));
        }
        assert!("Major".parse::<Level>().is_err());
    }
}
