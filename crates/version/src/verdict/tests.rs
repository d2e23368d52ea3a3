use super::*;
use crate::policy::Zero;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Commits in the order of time, the newest last.
fn commits(messages: &[&str]) -> Vec<Commit> {
    let commits = (1..).zip(messages).map(|(number, text): (u32, _)| Commit {
        id: format!("{number:040}"),
        message: Message::read(text.as_bytes()),
    });
    let mut commits: Vec<_> = commits.collect();
    commits.reverse();
    commits
}

fn verdict(
    policy: &Policy,
    base: Option<&str>,
    messages: &[&str],
    claims: &[Claim],
    wish: &Wish,
) -> Verdict {
    let base = base.map(|it| Base {
        tag: format!("v{it}"),
        version: version(it),
    });
    let taken = [
        version("1.2.0-rc.1"),
        version("1.2.0-rc.2"),
        version("9.0.0"),
    ];
    let known = Known {
        base: base.as_ref(),
        commits: &commits(messages),
        claims,
        waived: &[],
        taken: &taken,
    };
    policy.verdict(&known, wish)
}

fn decided(base: Option<&str>, messages: &[&str], wish: &Wish) -> Decision {
    verdict(&Policy::default(), base, messages, &[], wish).decision
}

fn release(text: &str) -> Decision {
    Decision::Release {
        version: version(text),
    }
}

fn wish(text: &str) -> Wish {
    Wish {
        version: Some(version(text)),
        channel: None,
    }
}

fn broken(level: Level) -> Claim {
    Claim {
        level,
        sentence: "`DELETE /orders` is gone".to_owned(),
        evidence: Evidence::Contract {
            rule: "openapi-operation-removed",
            fingerprint: "ab".repeat(32),
            file: "api.yaml".to_owned(),
            line: 7,
            pointer: "/paths/~1orders/delete".to_owned(),
            old: Some("there".to_owned()),
            new: None,
        },
    }
}

#[test]
fn the_highest_reason_decides_and_comes_first() {
    let none = Wish::default();
    assert_eq!(
        decided(Some("1.1.3"), &["fix: a", "feat: b", "docs: c"], &none),
        release("1.2.0")
    );
    let it = verdict(
        &Policy::default(),
        Some("1.1.3"),
        &["fix: a", "feat!: b"],
        &[],
        &none,
    );
    assert_eq!(it.decision, release("2.0.0"));
    assert_eq!(
        it.reasons[0].claim.sentence,
        "`feat!: b` has the mark `!` of a break"
    );
    assert_eq!(
        (it.reasons[1].claim.level, &it.reasons[1].floor),
        (Level::Patch, &version("1.1.4"))
    );
}

#[test]
fn nothing_is_answered_too() {
    let it = verdict(
        &Policy::default(),
        Some("1.1.3"),
        &["docs: a", "chore: b", "docs: c", "wip"],
        &[],
        &Wish::default(),
    );
    assert_eq!((it.decision, it.commits), (Decision::Nothing, 4));
    let silent: Vec<(&str, usize)> = it
        .silent
        .iter()
        .map(|(kind, n)| (kind.as_str(), *n))
        .collect();
    assert_eq!(silent, [("", 1), ("chore", 1), ("docs", 2)]);
}

#[test]
fn a_contract_is_believed_before_the_commits() {
    let claims = [broken(Level::Major)];
    let it = verdict(
        &Policy::default(),
        Some("1.1.3"),
        &["fix: a"],
        &claims,
        &wish("1.2.0"),
    );
    let floor = version("2.0.0");
    assert_eq!(
        it.decision,
        Decision::Refused {
            refusal: Refusal::BelowFloor { floor }
        }
    );
    assert_eq!(
        (it.commits_level, it.contracts["api.yaml"]),
        (Level::Patch, Level::Major)
    );
    assert_eq!(it.reasons[0].ways_out.len(), 4);
    // What is claimed stands beside what follows from it, not in a table of its own.
    assert_eq!(
        serde_json::to_value(&it.reasons[0]).unwrap(),
        serde_json::json!({
            "level": "major",
            "floor": "2.0.0",
            "sentence": "`DELETE /orders` is gone",
            "evidence": {
                "kind": "contract",
                "rule": "openapi-operation-removed",
                "fingerprint": "ab".repeat(32),
                "file": "api.yaml",
                "line": 7,
                "pointer": "/paths/~1orders/delete",
                "old": "there",
                "new": null,
            },
            "ways_out": ["restore", "deprecate", "raise", "waive"],
        })
    );
    // A pre-release of what is allowed is allowed.
    let it = verdict(
        &Policy::default(),
        Some("1.1.3"),
        &[],
        &claims,
        &wish("2.0.0-beta.1"),
    );
    assert_eq!(it.decision, release("2.0.0-beta.1"));
}

#[test]
fn a_version_that_is_asked_for_is_judged_as_any_other() {
    let none = Wish::default();
    let footer = "chore: x\n\nRelease-As: 1.5.0";
    assert_eq!(
        decided(Some("1.1.3"), &["fix: a", footer], &none),
        release("1.5.0")
    );
    let floor = version("2.0.0");
    assert_eq!(
        decided(Some("1.1.3"), &["fix!: a", footer], &none),
        Decision::Refused {
            refusal: Refusal::BelowFloor { floor }
        }
    );
    let base = version("1.1.3");
    assert_eq!(
        decided(Some("1.1.3"), &[], &wish("1.1.3")),
        Decision::Refused {
            refusal: Refusal::NotHigher { base }
        }
    );
    assert_eq!(
        decided(Some("1.1.3"), &[], &wish("9.0.0")),
        Decision::Refused {
            refusal: Refusal::Taken
        }
    );
    assert_eq!(
        decided(Some("1.1.3"), &["chore: x\n\nRelease-As: soon"], &none),
        Decision::Ask
    );
}

#[test]
fn candidates_are_counted() {
    let channel = |version: Option<&str>| Wish {
        version: version.map(|it| it.parse().unwrap()),
        channel: Some("rc".to_owned()),
    };
    assert_eq!(
        decided(Some("1.1.3"), &["feat: a"], &channel(None)),
        release("1.2.0-rc.3")
    );
    assert_eq!(
        decided(Some("1.1.3"), &["fix: a"], &channel(None)),
        release("1.1.4-rc.1")
    );
    assert_eq!(
        decided(Some("1.1.3"), &["fix: a"], &channel(Some("3.0.0"))),
        release("3.0.0-rc.1")
    );
}

#[test]
fn the_first_version_is_that_of_the_policy() {
    assert_eq!(
        decided(None, &["feat!: a"], &Wish::default()),
        release("0.1.0")
    );
    assert_eq!(
        decided(None, &["feat: a"], &wish("0.0.1")),
        release("0.0.1")
    );
}

#[test]
fn questions_stop_it_unless_somebody_names_the_version() {
    let shouts = "fix: a\n\nthis is BREAKING";
    assert_eq!(
        decided(Some("1.1.3"), &[shouts], &Wish::default()),
        Decision::Ask
    );
    assert_eq!(
        decided(Some("1.1.3"), &[shouts], &wish("1.1.4")),
        release("1.1.4")
    );
}

#[test]
fn reverts_lower_nothing_unless_the_policy_says_so() {
    let messages = ["fix: y", "feat: x", "Revert \"feat: x\""];
    assert_eq!(
        decided(Some("1.1.3"), &messages, &Wish::default()),
        release("1.2.0")
    );
    let policy = Policy {
        reverts: Reverts::Cancel,
        ..Policy::default()
    };
    let it = verdict(&policy, Some("1.1.3"), &messages, &[], &Wish::default());
    assert_eq!(it.decision, release("1.1.4"));
}

/// Whatever is added to what is known, the version never gets lower.
#[test]
fn more_is_never_less() {
    let all = [
        "docs: a",
        "fix: b",
        "feat: c",
        "feat!: d",
        "Revert \"feat!: d\"",
        "x",
        "BREAKING CHANGE: e",
    ];
    for zero in [Zero::Minor, Zero::Cargo, Zero::Major] {
        let policy = Policy {
            zero,
            ..Policy::default()
        };
        for base in ["0.0.3", "0.4.1", "1.2.3"] {
            for picked in 0_u32..1 << all.len() {
                let some: Vec<&str> = (0..)
                    .zip(all)
                    .filter(|(at, _)| picked >> at & 1 == 1)
                    .map(|it| it.1)
                    .collect();
                let floor = |some: &[&str], claims: &[Claim]| {
                    verdict(&policy, Some(base), some, claims, &Wish::default()).floor
                };
                let floor_of_all = floor(&some, &[]);
                for without in 0..some.len() {
                    let mut fewer = some.clone();
                    fewer.remove(without);
                    assert!(floor(&fewer, &[]) <= floor_of_all, "{base} {some:?}");
                }
                assert!(floor_of_all <= floor(&some, &[broken(Level::Minor)]));
            }
        }
    }
}

#[test]
fn what_somebody_lets_pass_is_told_and_raises_nothing() {
    let waiver = Waiver {
        rule: "openapi-operation-removed".to_owned(),
        fingerprint: "ab".repeat(6),
        owner: "payments".to_owned(),
        reason: "nobody called it".to_owned(),
        until: "2027-01-31".parse().unwrap(),
    };
    let waived = [Waived {
        claim: broken(Level::Major),
        waiver,
    }];
    let base = Base {
        tag: "v1.0.0".to_owned(),
        version: version("1.0.0"),
    };
    let known = Known {
        base: Some(&base),
        commits: &commits(&["fix: a"]),
        waived: &waived,
        ..Known::default()
    };
    let it = Policy::default().verdict(&known, &Wish::default());
    assert_eq!(it.decision, release("1.0.1"));
    assert_eq!((it.reasons.len(), it.waived.len()), (1, 1));
    let shown = serde_json::to_value(&it.waived[0]).unwrap();
    assert_eq!(
        (
            &shown["level"],
            &shown["waiver"]["owner"],
            &shown["waiver"]["until"]
        ),
        (&"major".into(), &"payments".into(), &"2027-01-31".into())
    );
}

#[test]
fn a_patch_that_has_a_tag_is_passed_over() {
    let base = Base {
        tag: "v1.4.2".to_owned(),
        version: version("1.4.2"),
    };
    let taken = ["1.4.2", "1.4.3", "1.4.4", "1.4.5-rc.1", "1.5.0"].map(version);
    let decide = |message: &str, wish: &Wish| {
        let known = Known {
            base: Some(&base),
            commits: &commits(&[message]),
            taken: &taken,
            ..Known::default()
        };
        let verdict = Policy::default().verdict(&known, wish);
        (verdict.decision, verdict.passed_over)
    };
    // A candidate does not take its version.
    let passed = ["1.4.3", "1.4.4"].map(version).to_vec();
    assert_eq!(
        decide("fix: x", &Wish::default()),
        (release("1.4.5"), passed.clone())
    );
    let rc = Wish {
        version: None,
        channel: Some("rc".to_owned()),
    };
    assert_eq!(decide("fix: x", &rc), (release("1.4.5-rc.2"), passed));
    // What is asked for is not changed, and a new thing is not put behind one that it knows nothing of.
    let refused = Decision::Refused {
        refusal: Refusal::Taken,
    };
    assert_eq!(decide("fix: x", &wish("1.4.3")), (refused.clone(), vec![]));
    assert_eq!(decide("feat: x", &Wish::default()), (refused, vec![]));
}
