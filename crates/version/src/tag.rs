//! The names of tags, and which tag a version is counted from.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::verdict::Base;

/// How the tags of a component are called: a text with `{version}` in it once, such as `v{version}`
/// or `api-v{version}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TagPattern {
    before: String,
    after: String,
}

/// A text that is no pattern of tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no pattern of tags: it needs `{{version}}` once, and beside it what Git allows in a tag"
)]
pub struct WrongPattern {
    /// The text.
    pub text: String,
}

const PLACE: &str = "{version}";

impl TagPattern {
    /// `v{version}`.
    pub fn plain() -> Self {
        Self {
            before: "v".to_owned(),
            after: String::new(),
        }
    }

    /// Those of a component that is alone: `v{version}` and `{version}`.
    pub fn usual() -> [Self; 2] {
        let bare = Self {
            before: String::new(),
            after: String::new(),
        };
        [Self::plain(), bare]
    }

    /// That of the highest version among tags that are called `v1.2.3` or `1.2.3`; the first of these
    /// where there is none.
    pub fn guessed<'t>(tags: impl Iterator<Item = &'t str> + Clone) -> Self {
        let [plain, bare] = Self::usual();
        let highest = |it: &Self| tags.clone().filter_map(|tag| it.version(tag)).max();
        match highest(&bare) > highest(&plain) {
            true => bare,
            false => plain,
        }
    }

    /// `NAME-v{version}`.
    pub fn of(name: &str) -> Self {
        Self {
            before: format!("{name}-v"),
            after: String::new(),
        }
    }

    /// The version that a tag names; none for a tag of something else.
    pub fn version(&self, tag: &str) -> Option<Version> {
        let version = tag.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        Version::parse(version).ok()
    }

    /// The tag of a version.
    pub fn tag(&self, version: &Version) -> String {
        format!("{}{version}{}", self.before, self.after)
    }

    /// Whether a name can be that of a tag of both patterns, such as `1.0.0-app` for `{version}` and
    /// `{version}-app`.
    pub fn overlaps(&self, other: &Self) -> bool {
        let longer = |one: &str, other: &str| match one.len() >= other.len() {
            true => one.to_owned(),
            false => other.to_owned(),
        };
        // A name of both begins with the longer beginning and ends with the longer end.
        let before = longer(&self.before, &other.before);
        let after = longer(&self.after, &other.after);
        let name = |version: &str| format!("{before}{version}{after}");
        let both = |name: &str| self.version(name).is_some() && other.version(name).is_some();
        // What stands between may have to bring its own `-` or `+`.
        ["1.0.0", "1.0.0-a", "1.0.0+a"]
            .map(name)
            .iter()
            .any(|it| both(it))
    }
}

impl TryFrom<String> for TagPattern {
    type Error = WrongPattern;

    fn try_from(text: String) -> Result<Self, WrongPattern> {
        text.parse()
    }
}

impl From<TagPattern> for String {
    fn from(pattern: TagPattern) -> Self {
        pattern.to_string()
    }
}

impl std::str::FromStr for TagPattern {
    type Err = WrongPattern;

    fn from_str(text: &str) -> Result<Self, WrongPattern> {
        let wrong = || WrongPattern {
            text: text.to_owned(),
        };
        let (before, after) = text.split_once(PLACE).ok_or_else(wrong)?;
        let whole = format!("{before}1.0.0{after}");
        if after.contains(PLACE) || !is_ref_name(&whole) {
            return Err(wrong());
        }
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{PLACE}{}", self.before, self.after)
    }
}

/// Whether Git takes a name for a tag (git-check-ref-format(1)).
pub(crate) fn is_ref_name(name: &str) -> bool {
    let bad = |it: char| it.is_control() || " ~^:?*[\\".contains(it);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    !(name.contains(bad)
        || name.contains("..")
        || name.contains("@{")
        || name.starts_with('-')
        || name.ends_with('.')
        || name.split('/').any(bad_part))
}

/// A tag of a component that names a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged<C> {
    /// Its name.
    pub tag: String,
    /// Its version.
    pub version: Version,
    /// The commit that it names.
    pub commit: C,
}

impl<C> Tagged<C> {
    /// The release that versions are counted from which come after it.
    pub fn base(&self) -> Base {
        Base {
            tag: self.tag.clone(),
            version: self.version.clone(),
        }
    }
}

/// What has to be known of the history.
pub trait Graph {
    /// What a commit is called.
    type Commit: Copy + Eq;
    /// Why it cannot be told.
    type Error;

    /// Whether a commit is another one or one of those before it.
    fn reaches(&mut self, from: Self::Commit, to: Self::Commit) -> Result<bool, Self::Error>;

    /// Where two lines of commits part: the best commit that both have; none where they have none.
    fn fork(
        &mut self,
        one: Self::Commit,
        other: Self::Commit,
    ) -> Result<Option<Self::Commit>, Self::Error>;
}

/// The release that the next version of what `head` has is counted from: the highest one before it,
/// or a higher one of a release branch that left this line after that. Pre-releases are none.
///
/// A higher release on a line that `head` has left for good is none either: on a branch that keeps
/// 1.2 alive, 1.3.0 of the main line does not count, because that line parted before 1.2.1.
pub fn base<'t, G: Graph>(
    tags: &'t [Tagged<G::Commit>],
    head: G::Commit,
    graph: &mut G,
) -> Result<Option<&'t Tagged<G::Commit>>, G::Error> {
    let mut releases: Vec<_> = tags.iter().filter(|it| it.version.pre.is_empty()).collect();
    releases.sort_by(|a, b| (&b.version, &b.tag).cmp(&(&a.version, &a.tag)));
    let mut before = None;
    for tagged in &releases {
        if graph.reaches(head, tagged.commit)? {
            before = Some(*tagged);
            break;
        }
    }
    let higher = |it: &&&'t Tagged<_>| before.is_none_or(|before| it.version > before.version);
    for tagged in releases.iter().filter(higher) {
        let Some(fork) = graph.fork(head, tagged.commit)? else {
            continue;
        };
        // What comes after this commit is no release before it.
        if fork == head {
            continue;
        }
        let counts = match before {
            None => true,
            Some(before) => fork != before.commit && graph.reaches(fork, before.commit)?,
        };
        if counts {
            return Ok(Some(tagged));
        }
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn tags_of_a_component_are_no_others() {
        let api: TagPattern = "api-v{version}".parse().unwrap();
        assert_eq!(api.version("api-v1.2.3"), Some(Version::new(1, 2, 3)));
        for other in ["v1.2.3", "api-v1.2", "api-v", "api-v01.2.3", "x-api-v1.2.3"] {
            assert_eq!(api.version(other), None, "{other}");
        }
        assert_eq!(api.tag(&Version::new(2, 0, 0)), "api-v2.0.0");
        let behind: TagPattern = "{version}/api".parse().unwrap();
        assert_eq!(
            behind.version("1.2.3-rc.1/api"),
            Version::parse("1.2.3-rc.1").ok()
        );
        assert_eq!(behind.to_string(), "{version}/api");
    }

    #[test]
    fn patterns_of_one_name_overlap() {
        for (one, other, overlap) in [
            ("v{version}", "v{version}", true),
            ("v{version}", "{version}", false),
            ("platform-v{version}", "api-v{version}", false),
            ("{version}", "{version}-app", true),
            ("{version}", "{version}app", true),
            ("{version}", "{version}/app", false),
            ("v{version}", "v1.0.0-app{version}", true),
            ("{version}-app", "1.0.0-{version}", true),
            ("a{version}-x", "a{version}-y", false),
            ("a/{version}", "b/{version}", false),
        ] {
            let [one, other]: [TagPattern; 2] = [one, other].map(|it| it.parse().unwrap());
            assert_eq!(one.overlaps(&other), overlap, "{one} {other}");
            assert_eq!(other.overlaps(&one), overlap, "{other} {one}");
        }
    }

    #[test]
    fn what_is_usual_is_guessed_from_the_highest_version() {
        let guessed = |tags: &[&str]| TagPattern::guessed(tags.iter().copied()).to_string();
        assert_eq!(guessed(&[]), "v{version}");
        assert_eq!(guessed(&["v1.0.0", "0.9.0", "nightly"]), "v{version}");
        assert_eq!(guessed(&["v1.0.0", "10.0.0"]), "{version}");
    }

    #[test]
    fn what_git_would_not_take_is_no_pattern() {
        for text in [
            "v",
            "{version}{version}",
            "a b{version}",
            "-{version}",
            "a..{version}",
            "{version}.lock",
            "/{version}",
            ".v{version}",
            "v{version}.",
        ] {
            assert!(text.parse::<TagPattern>().is_err(), "{text}");
        }
    }

    /// Commits with those before them.
    struct Commits(BTreeMap<&'static str, Vec<&'static str>>);

    impl Commits {
        fn all(&self, from: &'static str) -> BTreeSet<&'static str> {
            let mut seen = BTreeSet::new();
            let mut todo = vec![from];
            while let Some(next) = todo.pop() {
                if seen.insert(next) {
                    todo.extend(self.0.get(next).into_iter().flatten());
                }
            }
            seen
        }
    }

    impl Graph for Commits {
        type Commit = &'static str;
        type Error = Infallible;

        fn reaches(&mut self, from: &'static str, to: &'static str) -> Result<bool, Infallible> {
            Ok(self.all(from).contains(to))
        }

        fn fork(
            &mut self,
            one: &'static str,
            other: &'static str,
        ) -> Result<Option<&'static str>, Infallible> {
            let both = &self.all(one) & &self.all(other);
            let best = both.iter().find(|it| {
                both.iter()
                    .all(|other| other == *it || !self.all(other).contains(*it))
            });
            Ok(best.copied())
        }
    }

    /// ```text
    /// a ─ b ─ c ─ d ─ e          the main line
    ///     │       └ y            release 1.3
    ///     └ x ─ z                release 1.2
    /// ```
    fn commits() -> Commits {
        Commits(BTreeMap::from([
            ("a", vec![]),
            ("b", vec!["a"]),
            ("c", vec!["b"]),
            ("d", vec!["c"]),
            ("e", vec!["d"]),
            ("x", vec!["b"]),
            ("z", vec!["x"]),
            ("y", vec!["d"]),
        ]))
    }

    fn counted(tags: &[(&str, &'static str)], head: &'static str) -> Option<String> {
        let tags: Vec<_> = tags
            .iter()
            .map(|(version, commit)| Tagged {
                tag: format!("v{version}"),
                version: version.parse().unwrap(),
                commit: *commit,
            })
            .collect();
        let found = base(&tags, head, &mut commits()).unwrap();
        found.map(|it| it.version.to_string())
    }

    #[test]
    fn it_is_counted_from_the_highest_release_before() {
        assert_eq!(counted(&[], "e"), None);
        let tags = [("1.1.0", "a"), ("1.2.0", "c"), ("1.3.0-rc.1", "d")];
        assert_eq!(counted(&tags, "e").as_deref(), Some("1.2.0"));
        assert_eq!(counted(&tags, "b").as_deref(), Some("1.1.0"));
        // Two tags on one commit.
        assert_eq!(
            counted(&[("1.2.0", "c"), ("1.2.1", "c")], "e").as_deref(),
            Some("1.2.1")
        );
    }

    #[test]
    fn releases_of_branches_count_where_they_left() {
        // All releases are tagged on their branches only.
        let tags = [("1.2.0", "x"), ("1.2.1", "z"), ("1.3.0", "y")];
        assert_eq!(counted(&tags, "e").as_deref(), Some("1.3.0"));
        // What keeps 1.2 alive goes on from its own releases.
        assert_eq!(counted(&tags, "z").as_deref(), Some("1.2.1"));
        // The main line has its own release before the branch left it.
        let tags = [("1.2.0", "c"), ("1.3.0", "y")];
        assert_eq!(counted(&tags, "e").as_deref(), Some("1.3.0"));
        // The branch left before it.
        let tags = [("1.1.0", "c"), ("1.2.0", "z")];
        assert_eq!(counted(&tags, "e").as_deref(), Some("1.1.0"));
    }
}
