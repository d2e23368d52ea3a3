use proptest::prelude::*;

use super::*;
use crate::commit::Message;
use crate::policy::Zero;
use crate::verdict::{Base, Commit, Refusal};

/// A member as a test says it.
#[derive(Debug, Default)]
struct Said {
    base: Option<Base>,
    commits: Vec<Commit>,
    taken: Vec<Version>,
    here: Vec<Version>,
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn said(base: &str, messages: &[&str]) -> Said {
    let base = (!base.is_empty()).then(|| Base {
        tag: format!("v{base}"),
        version: version(base),
    });
    let commits = (1..).zip(messages).map(|(number, text): (u32, _)| Commit {
        id: format!("{number:07}{}", "f".repeat(33)),
        message: Message::read(text.as_bytes()),
    });
    Said {
        taken: base.iter().map(|it| it.version.clone()).collect(),
        base,
        commits: commits.collect(),
        here: Vec::new(),
    }
}

impl Said {
    fn taken(mut self, versions: &[&str]) -> Self {
        self.taken.extend(versions.iter().map(|it| version(it)));
        self
    }

    /// Released from the commit that is judged.
    fn here(mut self, text: &str) -> Self {
        self.here.push(version(text));
        self.taken.push(version(text));
        self
    }
}

const NAMES: [&str; 3] = ["api", "web", "cli"];

fn judged_by(
    policy: &Policy,
    kind: GroupKind,
    named: Option<usize>,
    members: &[Said],
    wish: &Wish,
) -> Vec<Verdict> {
    let members: Vec<Member<'_>> = members
        .iter()
        .zip(NAMES)
        .map(|(it, component)| Member {
            component,
            known: Known {
                base: it.base.as_ref(),
                commits: &it.commits,
                taken: &it.taken,
                ..Known::default()
            },
            here: &it.here,
        })
        .collect();
    let group = Together {
        name: "core",
        kind,
        members: &members,
        named,
    };
    policy.together(&group, wish)
}

fn judged(kind: GroupKind, members: &[Said], wish: &Wish) -> Vec<Verdict> {
    judged_by(&Policy::default(), kind, None, members, wish)
}

fn decided(kind: GroupKind, members: &[Said], wish: &Wish) -> Vec<String> {
    let text = |it: Verdict| match it.decision {
        Decision::Release { version } => version.to_string(),
        Decision::Nothing => "-".to_owned(),
        Decision::Ask => "?".to_owned(),
        Decision::Refused { .. } => "!".to_owned(),
    };
    judged(kind, members, wish).into_iter().map(text).collect()
}

fn wish(text: &str) -> Wish {
    Wish {
        version: Some(version(text)),
        channel: None,
    }
}

fn pre(channel: &str) -> Wish {
    Wish {
        version: None,
        channel: Some(channel.to_owned()),
    }
}

const NONE: Wish = Wish {
    version: None,
    channel: None,
};
use GroupKind::{Fixed, Linked};

#[test]
fn all_of_a_fixed_group_are_released_and_of_a_linked_one_those_with_changes() {
    let members = || {
        [
            said("1.2.0", &["fix: a"]),
            said("1.2.0", &["feat: b"]),
            said("1.2.0", &["docs: c"]),
        ]
    };
    assert_eq!(decided(Fixed, &members(), &NONE), ["1.3.0"; 3]);
    assert_eq!(decided(Linked, &members(), &NONE), ["1.3.0", "1.3.0", "-"]);
    let quiet = [said("1.2.0", &["docs: a"]), said("1.2.0", &[])];
    assert_eq!(decided(Fixed, &quiet, &NONE), ["-", "-"]);
    assert_eq!(decided(Linked, &quiet, &NONE), ["-", "-"]);
}

#[test]
fn a_group_is_counted_from_its_highest_release() {
    let members = || [said("1.2.0", &["feat: a"]), said("1.9.3", &["fix: b"])];
    assert_eq!(decided(Fixed, &members(), &NONE), ["1.10.0"; 2]);
    assert_eq!(decided(Linked, &members(), &NONE), ["1.10.0"; 2]);
    // Also from one that is not released itself.
    let members = [said("1.2.0", &["feat: a"]), said("1.9.3", &[])];
    assert_eq!(decided(Linked, &members, &NONE), ["1.10.0", "-"]);
}

#[test]
fn what_the_group_forces_is_a_reason_that_names_the_member_and_its_commit() {
    let members = [
        said("1.2.0", &["feat!: orders have a currency"]),
        said("1.2.0", &["fix: b"]),
    ];
    let verdicts = judged(Fixed, &members, &NONE);
    // Who forces it alone has no other reason than its own.
    assert_eq!(verdicts[0].reasons.len(), 1);
    let reason = &verdicts[1].reasons[0];
    assert_eq!(
        reason.claim.sentence,
        "the fixed group `core` rises with api: 0000001 `feat!: orders have a currency` has the mark \
         `!` of a break"
    );
    assert_eq!(
        (reason.claim.level, &reason.floor),
        (Level::Major, &version("2.0.0"))
    );
    assert_eq!(reason.ways_out, [WayOut::Raise, WayOut::Ungroup]);
    assert_eq!(verdicts[1].reasons[1].claim.level, Level::Patch);
    // A higher release is part of it, also where the member's own change raises it.
    let members = [said("1.2.0", &["feat: a"]), said("1.9.3", &[])];
    let verdicts = judged(Linked, &members, &NONE);
    assert_eq!(
        verdicts[0].reasons[0].claim.sentence,
        "the linked group `core` is at 1.9.3 with web, and rises with api: 0000001 `feat: a` has the \
         type `feat`"
    );
    assert_eq!(verdicts[1].reasons, []);
}

#[test]
fn less_than_the_group_forces_is_refused() {
    let members = || [said("1.2.0", &["feat: a"]), said("1.2.0", &["fix: b"])];
    for kind in [Fixed, Linked] {
        let verdicts = judged(kind, &members(), &wish("1.2.1"));
        let floor = version("1.3.0");
        let refusal = Refusal::BelowFloor { floor };
        assert_eq!(verdicts[1].decision, Decision::Refused { refusal });
        assert_eq!(decided(kind, &members(), &wish("2.0.0")), ["2.0.0"; 2]);
    }
    // What the highest release is already, is none that comes after it.
    let members = [said("1.2.0", &[]), said("1.4.0", &[])];
    assert_eq!(decided(Fixed, &members, &wish("1.3.0")), ["!", "!"]);
}

#[test]
fn of_a_linked_group_only_who_is_named_gets_a_wish_that_nothing_forces() {
    let members = [
        said("1.2.0", &["feat: a"]),
        said("1.2.0", &[]),
        said("1.2.0", &[]),
    ];
    let of = |named| judged_by(&Policy::default(), Linked, named, &members, &wish("1.5.0"));
    let releases = |verdicts: Vec<Verdict>| -> Vec<bool> {
        let release = |it: &Verdict| matches!(it.decision, Decision::Release { .. });
        verdicts.iter().map(release).collect()
    };
    assert_eq!(releases(of(None)), [true, false, false]);
    assert_eq!(releases(of(Some(1))), [true, true, false]);
}

#[test]
fn a_member_without_a_release_joins_the_group() {
    // It breaks nobody, whatever its commits say.
    let members = || [said("1.2.0", &[]), said("", &["feat!: all of it"])];
    assert_eq!(decided(Fixed, &members(), &NONE), ["1.3.0", "1.3.0"]);
    assert_eq!(decided(Linked, &members(), &NONE), ["-", "1.3.0"]);
    let verdicts = judged(Fixed, &members(), &NONE);
    assert_eq!(
        verdicts[0].reasons[0].claim.sentence,
        "the fixed group `core` rises with web, which has no release yet"
    );
    assert_eq!(
        verdicts[1].reasons[0].claim.sentence,
        "the fixed group `core` is at 1.2.0 with api, and rises with web, which has no release yet"
    );
    // It may not be lower than the others.
    assert_eq!(decided(Linked, &members(), &wish("0.1.0"))[1], "!");
    // An empty folder is no change.
    let members = [said("1.2.0", &[]), said("", &[])];
    assert_eq!(decided(Fixed, &members, &NONE), ["-", "-"]);
    // Before the first release of all they become the first version.
    let members = || [said("", &["chore: a"]), said("", &[])];
    assert_eq!(decided(Fixed, &members(), &NONE), ["0.1.0", "0.1.0"]);
    assert_eq!(decided(Linked, &members(), &NONE), ["0.1.0", "-"]);
}

#[test]
fn a_candidate_is_free_for_all_of_a_fixed_group() {
    let members = || {
        [
            said("1.2.0", &["feat: a"]).taken(&["1.3.0-rc.1"]),
            said("1.2.0", &["fix: b"]).taken(&["1.3.0-rc.3"]),
        ]
    };
    assert_eq!(decided(Fixed, &members(), &pre("rc")), ["1.3.0-rc.2"; 2]);
    assert_eq!(
        decided(Linked, &members(), &pre("rc")),
        ["1.3.0-rc.2", "1.3.0-rc.1"]
    );
}

#[test]
fn a_release_that_one_member_has_already_is_free_for_none_of_a_fixed_group() {
    let members = || {
        [
            said("1.2.0", &["feat: a"]).taken(&["1.3.0"]),
            said("1.2.0", &["fix: b"]),
        ]
    };
    assert_eq!(decided(Fixed, &members(), &NONE), ["!", "!"]);
    assert_eq!(decided(Linked, &members(), &NONE), ["!", "1.3.0"]);
}

#[test]
fn what_is_asked_of_one_is_asked_of_all_that_are_released() {
    let members = || {
        [
            said("1.2.0", &["fix: a"]),
            said("1.2.0", &["docs: b\n\nThis is BREAKING"]),
            said("1.2.0", &["docs: c"]),
        ]
    };
    assert_eq!(decided(Fixed, &members(), &NONE), ["?", "?", "?"]);
    assert_eq!(decided(Linked, &members(), &NONE), ["?", "?", "-"]);
    let verdicts = judged(Fixed, &members(), &NONE);
    assert_eq!(verdicts[2].questions, verdicts[1].questions);
    assert_eq!(verdicts[2].questions.len(), 1);
    assert_eq!(decided(Fixed, &members(), &wish("2.0.0")), ["2.0.0"; 3]);
    // One commit that is of several members is asked about once.
    let both = "docs: b\n\nThis is BREAKING";
    let members = [said("1.2.0", &[both]), said("1.2.0", &[both])];
    assert_eq!(judged(Fixed, &members, &NONE)[0].questions.len(), 1);
}

#[test]
fn a_version_that_a_commit_asks_for_is_asked_for_all() {
    let members = || {
        [
            said("1.2.0", &["fix: a\n\nRelease-As: 3.0.0"]),
            said("1.2.0", &["feat: b\n\nRelease-As: 2.0.0"]),
            said("1.2.0", &[]),
        ]
    };
    assert_eq!(decided(Fixed, &members(), &NONE), ["3.0.0"; 3]);
    assert_eq!(decided(Linked, &members(), &NONE), ["3.0.0", "3.0.0", "-"]);
    let members = [
        said("1.2.0", &["fix: a\n\nRelease-As: 1.2.1"]),
        said("1.2.0", &["feat: b"]),
    ];
    for kind in [Fixed, Linked] {
        assert_eq!(decided(kind, &members, &NONE), ["!", "!"]);
    }
}

#[test]
fn a_commit_that_some_members_are_released_from_is_the_same_release_for_the_others() {
    let members = || {
        [
            said("1.3.0", &[]).here("1.3.0"),
            said("1.2.0", &["feat: b"]),
            said("1.2.0", &["docs: c"]),
        ]
    };
    assert_eq!(decided(Fixed, &members(), &NONE), ["-", "1.3.0", "1.3.0"]);
    assert_eq!(decided(Linked, &members(), &NONE), ["-", "1.3.0", "-"]);
    // As it is when it is asked for once more.
    assert_eq!(
        decided(Fixed, &members(), &wish("1.3.0")),
        ["-", "1.3.0", "1.3.0"]
    );
    let verdicts = judged(Fixed, &members(), &NONE);
    assert_eq!(
        verdicts[2].reasons[0].claim.sentence,
        "the fixed group `core` becomes it with api, which is released from this commit"
    );
    // All have it.
    let members = [
        said("1.3.0", &[]).here("1.3.0"),
        said("1.3.0", &[]).here("1.3.0"),
    ];
    assert_eq!(decided(Fixed, &members, &NONE), ["-", "-"]);
    // It is too low for what another one has.
    let members = [
        said("1.3.0", &[]).here("1.3.0"),
        said("1.2.0", &["feat!: b"]),
    ];
    assert_eq!(decided(Fixed, &members, &NONE), ["2.0.0", "2.0.0"]);
    assert_eq!(decided(Linked, &members, &NONE), ["-", "2.0.0"]);
}

#[test]
fn a_candidate_that_some_members_are_already_is_the_same_for_the_others() {
    let members = || {
        [
            said("1.2.0", &["feat: a"])
                .taken(&["1.3.0-rc.1"])
                .here("1.3.0-rc.2"),
            said("1.2.0", &["fix: b"]),
        ]
    };
    for kind in [Fixed, Linked] {
        assert_eq!(decided(kind, &members(), &pre("rc")), ["-", "1.3.0-rc.2"]);
    }
    // Another channel has nothing to do with it.
    assert_eq!(
        decided(Fixed, &members(), &pre("beta")),
        ["1.3.0-beta.1"; 2]
    );
    // A version is more than its candidates.
    assert_eq!(decided(Fixed, &members(), &NONE), ["1.3.0"; 2]);
}

fn any_member() -> impl Strategy<Value = Said> {
    const BASES: [&str; 7] = ["", "0.0.3", "0.4.1", "0.9.0", "1.0.0", "1.2.3", "2.0.0"];
    const MESSAGES: [&str; 4] = ["docs: a", "fix: a", "feat: a", "feat!: a"];
    let base = prop::sample::select(&BASES[..]);
    let messages = prop::collection::vec(prop::sample::select(&MESSAGES[..]), 0..4);
    (base, messages).prop_map(|(base, messages)| said(base, &messages))
}

proptest! {
    #[test]
    fn a_group_gives_one_version_that_is_high_enough_for_each(
        members in prop::collection::vec(any_member(), 2..4),
        zero in prop::sample::select(&[Zero::Minor, Zero::Cargo, Zero::Major][..]),
        kind in prop::sample::select(&[Fixed, Linked][..]),
    ) {
        let policy = Policy { zero, ..Policy::default() };
        let verdicts = judged_by(&policy, kind, None, &members, &NONE);
        let mut versions = Vec::new();
        for (verdict, said) in verdicts.iter().zip(&members) {
            let known = Known {
                base: said.base.as_ref(),
                commits: &said.commits,
                taken: &said.taken,
                ..Known::default()
            };
            let alone = policy.verdict(&known, &NONE);
            let Decision::Release { version } = &verdict.decision else {
                // Who alone would be released is released in a group, too.
                prop_assert!(alone.decision == Decision::Nothing || said.commits.is_empty());
                continue;
            };
            if let Some(base) = &said.base {
                prop_assert!(*version > base.version);
                prop_assert!(alone.floor.is_none_or(|floor| floor <= *version));
            }
            // Something says why, unless it is the first release.
            let first = members.iter().all(|it| it.base.is_none());
            prop_assert!(first || verdict.reasons[0].floor == *version);
            versions.push(version.clone());
        }
        versions.dedup();
        prop_assert!(versions.len() <= 1, "{versions:?}");
        let all = verdicts.iter().filter(|it| it.decision != Decision::Nothing).count();
        prop_assert!(kind == Linked || all == 0 || all == members.len());
    }
}
