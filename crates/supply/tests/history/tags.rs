//! Tags: what they lead to, and where they are in a history.

use std::fs;

use switchback_supply::git::log::{HistoryError, ObjectKind, Range};
use switchback_testkit::git::{FIRST_COMMIT, ScratchRepository};

use super::{open, rev};

fn tagged() -> ScratchRepository {
    let scratch = ScratchRepository::new();
    scratch.commit_file("a", "1", "one");
    scratch.git(&["tag", "light"]);
    scratch.git(&["tag", "-a", "v1", "-m", "first\n\nmore"]);
    scratch.git(&["tag", "-a", "on-v1", "-m", "a tag on a tag", "v1"]);
    scratch.git(&["tag", "-a", "on-on-v1", "-m", "and on that", "on-v1"]);
    scratch.commit_file("a", "2", "two");
    scratch.git(&["tag", "part/v2"]);
    scratch.git(&["tag", "a-tree", "HEAD^{tree}"]);
    scratch.git(&["tag", "a-file", "HEAD:a"]);
    scratch.git(&["tag", "-a", "told-tree", "-m", "x", "HEAD^{tree}"]);
    scratch.commit_file("a", "3", "three");
    scratch
}

/// Every state that references can be in: loose, packed, and packed with a loose one over them.
fn in_every_state(check: impl Fn(&ScratchRepository)) {
    let scratch = tagged();
    check(&scratch);
    scratch.git(&["pack-refs", "--all"]);
    check(&scratch);
    // A file without what the tags lead to, as very old programs wrote it.
    let file = scratch.path().join(".git/packed-refs");
    let packed = fs::read_to_string(&file).unwrap();
    let plain: Vec<&str> = packed
        .lines()
        .filter(|l| !l.starts_with(['#', '^']))
        .collect();
    fs::write(&file, plain.join("\n") + "\n").unwrap();
    check(&scratch);
    fs::write(&file, packed).unwrap();
    scratch.git(&["gc", "--quiet"]);
    scratch.git(&["commit-graph", "write", "--reachable"]);
    check(&scratch);
}

#[test]
fn tags_lead_to_what_git_says() {
    in_every_state(|scratch| {
        let history = open(scratch);
        let tags = history.tags().unwrap();
        let format = "--format=%(refname:short) %(objectname) %(*objectname) %(objecttype)";
        let names = scratch.git(&["for-each-ref", format, "refs/tags"]);
        assert_eq!(tags.all().len(), names.lines().count());
        for line in names.lines() {
            let parts: Vec<&str> = line.split(' ').collect();
            let tag = tags.named(parts[0]).unwrap();
            assert_eq!(tag.object.to_string(), parts[1]);
            assert_eq!(tag.annotated, parts[3] == "tag", "{line}");
            let peeled = scratch.git(&["rev-parse", &format!("{}^{{}}", parts[0])]);
            assert_eq!(tag.target.to_string(), peeled, "{line}");
        }
        assert!(tags.broken().is_empty() && tags.named("gone").is_none());
        let sorted = history.sort_tags(&tags);
        let commits: Vec<&str> = sorted.commits.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(commits, ["light", "on-on-v1", "on-v1", "part/v2", "v1"]);
        let others: Vec<(&str, ObjectKind)> = sorted
            .others
            .iter()
            .map(|(tag, kind)| (tag.name.as_str(), *kind))
            .collect();
        let expected = [
            ("a-file", ObjectKind::Blob),
            ("a-tree", ObjectKind::Tree),
            ("told-tree", ObjectKind::Tree),
        ];
        assert_eq!(others, expected);
        assert!(sorted.broken.is_empty());
    });
}

#[test]
fn a_tag_says_who_made_it_and_when() {
    in_every_state(|scratch| {
        let history = open(scratch);
        let tags = history.tags().unwrap();
        let said = history
            .annotation(tags.named("v1").unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(said.tagger, b"Ada Scratch <ada@example.org>");
        assert_eq!(said.time.unwrap().seconds, FIRST_COMMIT.cast_signed() + 60);
        assert_eq!(said.message, b"first\n\nmore\n");
        let outer = history
            .annotation(tags.named("on-v1").unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(outer.message, b"a tag on a tag\n");
        assert_eq!(
            history.annotation(tags.named("light").unwrap()).unwrap(),
            None
        );
    });
}

#[test]
fn the_nearest_tag_comes_first() {
    in_every_state(|scratch| {
        let history = open(scratch);
        let tags = history.tags().unwrap();
        let found = history
            .tagged(&Range::all(rev(scratch, "main")), &tags)
            .unwrap();
        let found: Vec<(String, Vec<String>)> = found
            .map(Result::unwrap)
            .map(|at| {
                let names = at.tags.iter().map(|tag| tag.name.clone());
                (at.commit.to_string(), names.collect())
            })
            .collect();
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            found,
            [
                (rev(scratch, "main~1").to_string(), names(&["part/v2"])),
                (
                    rev(scratch, "main~2").to_string(),
                    names(&["light", "on-on-v1", "on-v1", "v1"])
                ),
            ]
        );
    });
}

#[test]
fn a_loose_tag_hides_the_packed_one() {
    let scratch = tagged();
    scratch.git(&["pack-refs", "--all"]);
    // Now `light` is an annotated tag in a file, and a plain one in the packed references.
    scratch.git(&["tag", "-f", "-a", "light", "-m", "moved", "main"]);
    scratch.git(&["tag", "-f", "v1", "main"]);
    let tags = open(&scratch).tags().unwrap();
    for name in ["light", "v1"] {
        let tag = tags.named(name).unwrap();
        assert_eq!(tag.target, rev(&scratch, "main"), "{name}");
        assert_eq!(tag.annotated, name == "light");
    }
}

#[test]
fn symbolic_and_broken_tags() {
    let scratch = tagged();
    scratch.git(&["symbolic-ref", "refs/tags/moving", "refs/heads/main"]);
    scratch.git(&["symbolic-ref", "refs/tags/nowhere", "refs/heads/gone"]);
    let file = scratch.path().join(".git/refs/tags/garbage");
    fs::write(file, "not an id\n").unwrap();
    let absent = scratch.path().join(".git/refs/tags/absent");
    fs::write(absent, format!("{}\n", "e".repeat(40))).unwrap();
    let history = open(&scratch);
    let tags = history.tags().unwrap();
    assert_eq!(tags.named("moving").unwrap().target, rev(&scratch, "main"));
    assert_eq!(tags.broken().len(), 3, "{:?}", tags.broken());
    let names: Vec<&str> = tags.broken().iter().map(|tag| tag.name.as_str()).collect();
    assert!(
        names.contains(&"nowhere") && names.contains(&"absent"),
        "{names:?}"
    );
    assert!(
        tags.broken()
            .iter()
            .any(|tag| tag.problem.contains("garbage"))
    );
    assert_eq!(tags.all().len(), 9);
    let sorted = history.sort_tags(&tags);
    assert_eq!(sorted.broken.len(), 3);
    // A packed one that is believed until it is looked at.
    scratch.git(&["pack-refs", "--all"]);
    let packed = scratch.path().join(".git/packed-refs");
    let text = fs::read_to_string(&packed).unwrap();
    fs::write(&packed, format!("{text}{} refs/tags/zzz\n", "e".repeat(40))).unwrap();
    let tags = history.tags().unwrap();
    assert!(tags.named("zzz").is_some());
    let sorted = history.sort_tags(&tags);
    assert!(
        sorted.broken.iter().any(|tag| tag.name == "zzz"),
        "{:?}",
        sorted.broken
    );
    let commit = history.commit(tags.named("zzz").unwrap().target);
    assert!(matches!(
        commit,
        Err(HistoryError::Missing {
            promised: false,
            ..
        })
    ));
}
