use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Message {
    Message::read(text.as_bytes())
}

/// Type, scope, mark and description of a header.
fn header(line: &str) -> Option<(String, Option<String>, bool, String)> {
    let it = Header::read(line)?;
    Some((it.kind, it.scope, it.breaking, it.description))
}

fn plain(
    kind: &str,
    scope: Option<&str>,
    breaking: bool,
) -> Option<(String, Option<String>, bool, String)> {
    Some((
        kind.to_owned(),
        scope.map(str::to_owned),
        breaking,
        "it".to_owned(),
    ))
}

#[test]
fn headers_are_read_as_they_should_be_written_and_as_they_are() {
    assert_eq!(header("feat: it"), plain("feat", None, false));
    assert_eq!(header("feat(api)!: it"), plain("feat", Some("api"), true));
    assert_eq!(header("Feat !(api) : it"), plain("feat", Some("api"), true));
    assert_eq!(
        header("fix (a (b), c):it"),
        plain("fix", Some("a (b), c"), false)
    );
    assert_eq!(header("fix(): it"), plain("fix", None, false));
    assert_eq!(
        header("build-deps(@x/y): it"),
        plain("build-deps", Some("@x/y"), false)
    );
    assert_eq!(header("功能：it"), plain("功能", None, false));
    for line in [
        "",
        "feat",
        "feat:",
        "feat: ",
        ": it",
        "https://example.com",
        "std::mem is used",
        "two words: it",
        "feat(api: it",
        "Update README.md",
        "1.2.3: it",
        "Revert \"feat: it\"",
    ] {
        assert_eq!(header(line), None, "{line}");
    }
}

#[test]
fn what_breaks_is_found_in_every_form() {
    let breaking = |text: &str| -> Vec<String> {
        let found = read(text);
        assert!(found.unclear.is_empty(), "{text}: {:?}", found.unclear);
        found.breaking.into_iter().map(|it| it.text).collect()
    };
    for body in [
        "BREAKING CHANGE: the way",
        "BREAKING-CHANGE: the way",
        "BREAKING CHANGE\n\nthe way",
        "BREAKING CHANGE\nthe way",
        "BREAKING CHANGE:\nthe\nway",
        "BREAKING CHANGES: the way",
        "* **BREAKING CHANGE**: the way",
        "**BREAKING CHANGE:** the way",
        "### BREAKING CHANGE\n\nthe way",
        "> breaking change: the way",
        "BREAKING CHANGE the way",
        "BREAKING CHANGE: the way\nRefs: #1",
        "BREAKING CHANGE: the way\n\nand this is something else",
    ] {
        assert_eq!(
            breaking(&format!("feat: it\n\n{body}")),
            ["the way"],
            "{body}"
        );
    }
    let two =
        "fix: it\n\nBREAKING CHANGE: one\n\nBREAKING CHANGE: two\nSigned-off-by: A <a@example.com>";
    assert_eq!(breaking(two), ["one", "two"]);
    // Nobody said what.
    assert_eq!(breaking("feat: it\n\nBREAKING CHANGE"), [""]);
    assert_eq!(breaking("BREAKING CHANGE: the way"), ["the way"]);
    for body in [
        "BREAKING CHANGE: none",
        "BREAKING CHANGE: N/A.",
        "### BREAKING CHANGE\n\nNo",
        "this is a breaking change in spirit",
        "breaking changes are avoided",
        "UNBREAKING the build, NONBREAKING_CHANGE",
    ] {
        assert!(
            breaking(&format!("feat: it\n\n{body}")).is_empty(),
            "{body}"
        );
    }
}

#[test]
fn what_shouts_and_is_not_understood_is_unclear() {
    for (message, number) in [
        ("feat: it\n\nThis is a BREAKING change.", 3),
        ("feat: BREAKING things", 1),
        ("feat: it\n\n[BREAKING] the way", 3),
        ("feat: it\n\n```\nBREAKING CHANGE: quoted\n```", 4),
    ] {
        let found = read(message);
        assert!(found.breaking.is_empty(), "{message}");
        let numbers: Vec<usize> = found.unclear.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [number], "{message}");
    }
    // The mark says it all.
    assert!(read("feat!: BREAKING things").unclear.is_empty());
}

#[test]
fn squashed_commits_are_found_in_the_body() {
    let found = read(
        "fix: it (#12)\n\n* feat(api)!: more\n\n  Words.\n* fix: less\n- no header\nfeat: no item",
    );
    let kinds: Vec<&str> = found.squashed.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["feat", "fix"]);
    assert!(found.squashed[0].breaking);
}

#[test]
fn what_a_bot_quotes_of_a_dependency_says_nothing() {
    let quoted = "<details>\n<summary>x/y</summary>\n\n##### BREAKING CHANGES\n\n- no way\n\n\
                  * feat!: more\n\n```\nBREAKING\n\nRelease-As: 9.0.0\n\n\
                  This reverts commit 0123abc.\n</details>";
    for bot in [
        "This PR contains the following updates:\n\n### Release Notes",
        "Bumps [y](https://example.com) from 1.0.0 to 2.0.0.",
        "Bumps\n[y](https://example.com) from 1.0.0 to 2.0.0.",
        "Bumps the npm group with 2 updates: y and z.",
    ] {
        let text = format!("chore(deps): y\n\n{bot}\n\n{quoted}");
        let quiet = Message {
            subject: "chore(deps): y".to_owned(),
            header: Header::read("chore(deps): y"),
            ..Message::default()
        };
        assert_eq!(read(&text), quiet, "{bot}");
        // What people write beside it counts.
        let beside = format!("{text}\n\n<details>one</details>\n\nBREAKING CHANGE: the way");
        assert_eq!(read(&beside).breaking.len(), 1, "{bot}");
        let before = text.replace("### Release", "BREAKING CHANGE: the way\n\n### Release");
        let said = usize::from(before != text);
        assert_eq!(read(&before).breaking.len(), said, "{bot}");
        // A fold in a fold ends before it.
        let nested = text.replace("- no way", "<details>\n</details>\n\nBREAKING CHANGE: it");
        assert_eq!(read(&nested), quiet, "{bot}");
        // Where it ends is not known.
        let cut = text.replace("</details>", "");
        assert_eq!(read(&cut).breaking.len(), 1, "{bot}");
    }
    // Nobody says that it is of a dependency.
    assert_eq!(read(&format!("chore: it\n\n{quoted}")).breaking.len(), 1);
}

#[test]
fn what_a_squashed_commit_takes_back_is_not_taken_back_by_the_whole() {
    let found = read(
        "feat: it\n\n* fix: less\n\n* Revert \"fix: less\"\n\nThis reverts commit 0123abc.\n\n\
         * Reapply \"feat!: more\"",
    );
    assert_eq!(found.reverted, None);
    let squashed = found.squashed.iter();
    let squashed: Vec<_> = squashed
        .map(|it| (it.kind.as_str(), it.description.as_str(), it.breaking))
        .collect();
    assert_eq!(
        squashed,
        [
            ("fix", "less", false),
            ("revert", "fix: less", false),
            ("feat", "more", true),
        ]
    );
    let whole = read("Back\n\n* Revert \"x\"\n* it broke y\n\nThis reverts commit 0123abc.");
    assert_eq!(whole.reverted.unwrap().ids, ["0123abc"]);
}

#[test]
fn a_version_can_be_asked_for() {
    let asked = |text: &str| read(text).release_as;
    let version = |text: &str| Some(Asked::Version(text.parse().unwrap()));
    assert_eq!(asked("chore: it\n\nRelease-As: 1.2.3"), version("1.2.3"));
    assert_eq!(
        asked("chore: it\n\nrelease-as: v2.0.0-rc.1\n"),
        version("2.0.0-rc.1")
    );
    assert_eq!(
        asked("chore: it\n\nRelease-As: 1.0.0\nRelease-As: 1.0.1"),
        version("1.0.1")
    );
    assert_eq!(asked("chore: Release-As 1.2.3"), None);
    let bad = asked("chore: it\n\nRelease-As: soon");
    assert!(matches!(bad, Some(Asked::Unreadable(line)) if line.number == 3));
}

#[test]
fn what_is_taken_back_is_named() {
    let taken = |text: &str| read(text).reverted.map(|it| (it.subject, it.ids));
    let subject = |text: &str| Some(text.to_owned());
    let id = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(
        taken(&format!(
            "Revert \"feat: it\" (#3)\n\nThis reverts commit {id}."
        )),
        Some((subject("feat: it"), vec![id.to_owned()]))
    );
    assert_eq!(
        taken("revert: feat: it"),
        Some((subject("feat: it"), vec![]))
    );
    assert_eq!(
        taken("fix: two of them\n\nThis reverts commits 0123abc and 4567def."),
        Some((None, vec!["0123abc".to_owned(), "4567def".to_owned()]))
    );
    // What is taken back twice is back.
    assert_eq!(
        taken("Revert \"Revert \"feat: it\"\""),
        Some((subject("Revert \"feat: it\""), vec![]))
    );
    assert_eq!(taken("Reapply \"feat: it\""), None);
    assert_eq!(taken("feat: it\n\nReverts nothing, defaced as it is"), None);
}

#[test]
fn merges_are_known_by_their_subject() {
    assert!(read("Merge pull request #1 from a/b\n\nfeat: it").merge);
    assert!(!read("Merges are hard").merge);
}

#[test]
fn a_message_may_be_anything() {
    assert_eq!(read(""), Message::default());
    assert_eq!(read("\n \n"), Message::default());
    let latin = Message::read(b"fix: caf\xe9\n\nBREAKING CHANGE: caf\xe9");
    assert_eq!(latin.breaking.len(), 1);
    let huge = format!(
        "feat: {}\n\n{}",
        "x".repeat(5_000_000),
        "* fix: y\n".repeat(100_000)
    );
    let found = read(&huge);
    assert_eq!(found.subject.len(), 500);
    assert_eq!(found.squashed.len(), 100_000);
}

proptest! {
    #[test]
    fn everything_can_be_read(bytes: Vec<u8>) {
        Message::read(&bytes);
    }

    #[test]
    fn what_looks_like_a_message_can_be_read(
        text in "(feat|fix|Revert|BREAKING|CHANGE|[!:()\"*# -]|é|：|\n|0123abc|This reverts commit|```){0,40}",
    ) {
        let found = read(&text);
        prop_assert!(found.subject.len() <= LONGEST);
    }
}
