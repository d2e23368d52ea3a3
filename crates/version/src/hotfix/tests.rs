use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::*;
use crate::commit::Message;
use crate::verdict::Commit;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn base(text: &str) -> Base {
    Base {
        tag: format!("v{text}"),
        version: version(text),
    }
}

/// ```text
/// a ─ b ─ c ─ d      the main line
///     └ x ─ y        what keeps b alive
/// o                  another history
/// ```
struct Commits(BTreeMap<&'static str, &'static str>);

impl Commits {
    fn new() -> Self {
        Self(BTreeMap::from([
            ("b", "a"),
            ("c", "b"),
            ("d", "c"),
            ("x", "b"),
            ("y", "x"),
        ]))
    }

    fn all(&self, from: &'static str) -> BTreeSet<&'static str> {
        std::iter::successors(Some(from), |it| self.0.get(it).copied()).collect()
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
        Ok(both.last().copied())
    }
}

fn tags(tags: &[(&str, &'static str)]) -> Vec<Tagged<&'static str>> {
    let tagged = |(text, commit): &(&str, &'static str)| Tagged {
        tag: format!("v{text}"),
        version: version(text),
        commit: *commit,
    };
    tags.iter().map(tagged).collect()
}

fn found(all: &[(&str, &'static str)], head: &'static str) -> Option<String> {
    let all = tags(all);
    let found = above(&all, &version("1.4.2"), head, &mut Commits::new()).unwrap();
    found.map(|it| it.version.to_string())
}

#[test]
fn a_line_is_behind_a_later_release_that_was_made_elsewhere() {
    let all = [("1.4.2", "b"), ("2.0.0", "d"), ("1.5.0", "c")];
    assert_eq!(found(&all, "y").as_deref(), Some("1.5.0"));
    // What is before it or behind it is on the same line.
    assert_eq!(found(&all, "d"), None);
    assert_eq!(found(&all, "b"), None);
    // A patch is a hotfix as well, and the main line is not behind that; nor is anything behind a
    // candidate, or behind what shares no history with it.
    for other in ["1.4.3", "1.5.0-rc.1"] {
        assert_eq!(found(&[("1.4.2", "b"), (other, "y")], "d"), None, "{other}");
    }
    assert_eq!(found(&[("1.4.2", "b"), ("9.0.0", "o")], "y"), None);
}

#[test]
fn a_branch_says_so_only_for_a_patch_of_its_release() {
    let of = |branch, rules: &Rules| {
        Hotfix::of(base("1.4.2"), None, branch, rules, &TagPattern::plain()).map(|it| it.known_by)
    };
    let rules = Rules::default();
    let name = |it: &str| KnownBy::Branch {
        name: it.to_owned(),
    };
    assert_eq!(
        of(Some("hotfix/v1.4.3"), &rules),
        Some(name("hotfix/v1.4.3"))
    );
    assert_eq!(
        of(Some("hotfix/v1.4.9"), &rules),
        Some(name("hotfix/v1.4.9"))
    );
    for other in [
        "main",
        "hotfix/x",
        "hotfix/v1.5.0",
        "hotfix/v1.4.2",
        "hotfix/1.4.3",
    ] {
        assert_eq!(of(Some(other), &rules), None, "{other}");
    }
    assert_eq!(of(None, &rules), None);
    let own = Rules {
        branch: "urgent-{tag}".to_owned().try_into().unwrap(),
        ..Rules::default()
    };
    assert!(of(Some("urgent-v1.4.3"), &own).is_some());
    assert_eq!(of(Some("hotfix/v1.4.3"), &own), None);
}

#[test]
fn the_next_patch_is_free() {
    let next = |of: &str, taken: &[&str]| {
        let taken: Vec<Version> = taken.iter().map(|it| version(it)).collect();
        next_patch(&version(of), &taken).map(|it| it.to_string())
    };
    assert_eq!(next("1.4.2", &["1.4.2"]).as_deref(), Some("1.4.3"));
    assert_eq!(next("1.4.2", &["1.4.3", "1.5.0"]).as_deref(), Some("1.4.4"));
    assert_eq!(next("1.4.2", &["1.4.4"]).as_deref(), Some("1.4.3"));
    assert_eq!(next("1.4.18446744073709551615", &[]), None);
}

#[test]
fn a_candidate_of_others_takes_its_version() {
    let taken = |head| {
        let all = tags(&[("1.4.2", "b"), ("1.4.3-rc.1", "x"), ("1.6.0-rc.1", "x")]);
        let taken = taken(&all, &version("1.4.2"), head, &mut Commits::new()).unwrap();
        next_patch(&version("1.4.2"), &taken).unwrap().to_string()
    };
    assert_eq!(taken("b"), "1.4.4");
    // Whoever made it goes on to the release.
    assert_eq!(taken("y"), "1.4.3");
}

#[test]
fn later_patches_are_those_of_the_same_minor_version() {
    let all = tags(&[
        ("1.4.4", "c"),
        ("1.4.3", "x"),
        ("1.4.5-rc.1", "y"),
        ("1.5.0", "d"),
        ("1.4.1", "a"),
    ]);
    let later = later_patches(&all, &version("1.4.2"));
    let later: Vec<&str> = later.iter().map(|it| it.tag.as_str()).collect();
    assert_eq!(later, ["v1.4.3", "v1.4.4"]);
}

/// What is decided of messages, in the order of time, on a line that keeps 1.4.2 alive.
fn decided(
    allow: Allow,
    above: Option<&str>,
    messages: &[&str],
    propose: Option<&str>,
) -> Decision {
    let hotfix = Hotfix {
        of: base("1.4.2"),
        above: above.map(base),
        known_by: KnownBy::Said,
    };
    let policy = Policy {
        hotfix: Rules {
            allow,
            ..Rules::default()
        },
        ..Policy::default()
    };
    let commits = (1..).zip(messages).map(|(number, text): (u32, _)| Commit {
        id: format!("{number:07}{}", "f".repeat(33)),
        message: Message::read(text.as_bytes()),
    });
    let mut commits: Vec<Commit> = commits.collect();
    commits.reverse();
    let base = base("1.4.2");
    let taken = [version("1.4.2"), version("1.4.3"), version("1.6.0")];
    let known = Known {
        base: Some(&base),
        commits: &commits,
        taken: &taken,
        ..Known::default()
    };
    let wish = Wish {
        version: propose.map(version),
        channel: None,
    };
    hotfix.verdict(&policy, &known, &wish).decision
}

fn release(text: &str) -> Decision {
    Decision::Release {
        version: version(text),
    }
}

#[test]
fn a_fix_gets_the_next_free_patch() {
    let fix = ["fix: x"];
    assert_eq!(decided(Allow::Fixes, None, &fix, None), release("1.4.4"));
    assert_eq!(
        decided(Allow::Fixes, Some("1.6.0"), &fix, None),
        release("1.4.4")
    );
    assert_eq!(
        decided(Allow::Fixes, None, &fix, Some("1.4.9")),
        release("1.4.9")
    );
    assert_eq!(
        decided(Allow::Fixes, None, &["docs: x"], None),
        Decision::Nothing
    );
}

#[test]
fn what_is_more_than_a_fix_is_refused_until_it_is_taken_back() {
    let refused = |above: Option<&str>| Decision::Refused {
        refusal: Refusal::NotAFix {
            of: base("1.4.2"),
            above: above.map(base),
        },
    };
    for more in ["feat: y", "fix!: y", "chore: y\n\nBREAKING CHANGE: z"] {
        for above in [None, Some("1.6.0")] {
            assert_eq!(
                decided(Allow::Fixes, above, &["fix: x", more], None),
                refused(above)
            );
        }
        // A number does not make it less.
        assert_eq!(
            decided(Allow::Fixes, None, &[more], Some("1.4.4")),
            refused(None)
        );
    }
    let back = "Revert \"feat: y\"\n\nThis reverts commit 0000002.";
    let messages = ["fix: x", "feat: y", back];
    assert_eq!(
        decided(Allow::Fixes, None, &messages, None),
        release("1.4.4")
    );
}

#[test]
fn a_number_of_another_line_is_refused() {
    let fix = ["fix: x"];
    let not_a_patch = Decision::Refused {
        refusal: Refusal::NotAPatch { of: base("1.4.2") },
    };
    let later = |text: &str| Decision::Refused {
        refusal: Refusal::AboveLater { later: base(text) },
    };
    assert_eq!(
        decided(Allow::Fixes, None, &fix, Some("1.5.0")),
        not_a_patch
    );
    assert_eq!(
        decided(Allow::Fixes, Some("1.6.0"), &fix, Some("1.5.0")),
        not_a_patch
    );
    for high in ["1.6.0", "1.6.1", "1.7.0", "2.0.0", "1.6.0-rc.1"] {
        assert_eq!(
            decided(Allow::Fixes, Some("1.6.0"), &fix, Some(high)),
            later("1.6.0"),
            "{high}"
        );
    }
    // A footer asks for it as well, such as that of a commit that was picked.
    let asks = ["fix: x\n\nRelease-As: 2.0.0"];
    assert_eq!(
        decided(Allow::Fixes, Some("1.6.0"), &asks, None),
        later("1.6.0")
    );
}

#[test]
fn a_team_may_release_what_is_below_later_releases() {
    let later = |text: &str| Decision::Refused {
        refusal: Refusal::AboveLater { later: base(text) },
    };
    let feature = ["feat: y"];
    assert_eq!(
        decided(Allow::Below, Some("2.0.0"), &feature, None),
        release("1.5.0")
    );
    assert_eq!(
        decided(Allow::Below, Some("1.5.2"), &feature, None),
        later("1.5.2")
    );
    assert_eq!(
        decided(Allow::Below, Some("2.0.0"), &["feat!: y"], None),
        later("2.0.0")
    );
    assert_eq!(
        decided(Allow::Below, None, &["feat!: y"], None),
        release("2.0.0")
    );
}
