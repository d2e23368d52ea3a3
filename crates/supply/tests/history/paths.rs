//! Files of commits, and which paths commits touch.

use std::os::unix::fs::PermissionsExt as _;

use switchback_supply::git::log::{
    Entry, EntryKind, History, HistoryError, ObjectId, PathChange, Prefixes,
};
use switchback_testkit::git::ScratchRepository;

use super::{open, rev};

fn changes(history: &History, commit: ObjectId) -> Vec<(String, PathChange)> {
    let found = history.changed_paths(commit).unwrap();
    found
        .into_iter()
        .map(|found| (String::from_utf8(found.path).unwrap(), found.change))
        .collect()
}

fn touched(history: &History, commit: ObjectId, prefixes: &[&str]) -> Vec<bool> {
    history
        .touched(commit, &Prefixes::new(prefixes).unwrap())
        .unwrap()
}

#[test]
fn every_way_in_which_a_path_changes() {
    let scratch = ScratchRepository::new();
    scratch.write("api/v1/openapi.yaml", "1");
    scratch.write("api-docs/readme", "1");
    scratch.write("thing", "a file");
    scratch.write("run.sh", "x");
    scratch.commit("root");
    let path = |name: &str| scratch.path().join(name);
    scratch.git(&["mv", "api/v1/openapi.yaml", "api/openapi.yaml"]);
    scratch.commit("renamed");
    std::fs::remove_file(path("thing")).unwrap();
    scratch.write("thing/inside", "now a folder");
    scratch.commit("a folder for a file");
    std::fs::set_permissions(path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    scratch.commit("mode");
    std::fs::remove_file(path("run.sh")).unwrap();
    std::os::unix::fs::symlink("thing", path("run.sh")).unwrap();
    scratch.commit("a link");
    scratch.commit("nothing");

    use PathChange::{Added, Changed, Removed};
    let history = open(&scratch);
    let at = |back: usize| rev(&scratch, &format!("HEAD~{back}"));
    let named = |list: &[(&str, PathChange)]| -> Vec<(String, PathChange)> {
        list.iter()
            .map(|(path, change)| ((*path).to_owned(), *change))
            .collect()
    };
    assert_eq!(changes(&history, at(0)), named(&[]));
    assert_eq!(changes(&history, at(1)), named(&[("run.sh", Changed)]));
    assert_eq!(changes(&history, at(2)), named(&[("run.sh", Changed)]));
    assert_eq!(
        changes(&history, at(3)),
        named(&[("thing", Removed), ("thing/inside", Added)])
    );
    assert_eq!(
        changes(&history, at(4)),
        named(&[
            ("api/openapi.yaml", Added),
            ("api/v1/openapi.yaml", Removed)
        ])
    );
    assert_eq!(
        changes(&history, at(5)),
        named(&[
            ("api-docs/readme", Added),
            ("api/v1/openapi.yaml", Added),
            ("run.sh", Added),
            ("thing", Added),
        ])
    );
    let prefixes = [
        "api",
        "api/v1/",
        "api-docs",
        "thing",
        "thing/inside",
        "run.sh",
        "",
        "gone/x",
    ];
    for (back, expected) in [
        (0, [false; 8]),
        (1, [false, false, false, false, false, true, true, false]),
        (3, [false, false, false, true, true, false, true, false]),
        (4, [true, true, false, false, false, false, true, false]),
        (5, [true, true, true, true, false, true, true, false]),
    ] {
        assert_eq!(
            touched(&history, at(back), &prefixes),
            expected,
            "HEAD~{back}"
        );
    }
    assert_eq!(touched(&history, at(4), &["api", "api"]), [true, true]);
    let none = Prefixes::new::<&str>([]).unwrap();
    assert!(none.is_empty() && !history.touches(at(4), &none).unwrap());
    assert!(matches!(
        Prefixes::new(["../x"]),
        Err(HistoryError::InvalidPath { .. })
    ));
}

#[test]
fn a_merge_counts_against_its_first_parent() {
    let scratch = ScratchRepository::new();
    scratch.commit_file("a", "1", "root");
    scratch.git(&["checkout", "-q", "-b", "side"]);
    scratch.commit_file("side/file", "1", "side");
    scratch.git(&["checkout", "-q", "main"]);
    scratch.commit_file("b", "1", "main");
    scratch.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let history = open(&scratch);
    let merge = rev(&scratch, "main");
    assert_eq!(
        changes(&history, merge),
        [("side/file".to_owned(), PathChange::Added)]
    );
    assert_eq!(touched(&history, merge, &["side", "b"]), [true, false]);
}

#[test]
fn files_of_a_commit() {
    let scratch = ScratchRepository::new();
    scratch.write("api/v1/a.yaml", "one");
    scratch.write("api/v1/b.yaml", [0xff, 0, 1]);
    scratch.write("api.yaml", "beside");
    scratch.write("top", "x");
    std::os::unix::fs::symlink("v1/a.yaml", scratch.path().join("api/link")).unwrap();
    scratch.commit("one");
    let old = rev(&scratch, "HEAD");
    scratch.commit_file("api/v1/a.yaml", "two", "two");
    let new = rev(&scratch, "HEAD");
    let history = open(&scratch);
    let read = |commit, path: &str| history.read(commit, path, 100).unwrap();
    assert_eq!(read(old, "api/v1/a.yaml").unwrap().bytes, b"one");
    assert_eq!(read(new, "api/v1/a.yaml").unwrap().bytes, b"two");
    assert_eq!(read(new, "api/v1/b.yaml").unwrap().bytes, [0xff, 0, 1]);
    let link = read(new, "api/link").unwrap();
    assert_eq!(
        (link.kind, link.bytes.as_slice()),
        (EntryKind::Symlink, &b"v1/a.yaml"[..])
    );
    for gone in ["api", "api/v1", "api/v1/c", "top/x", "", "api/link/a"] {
        assert_eq!(read(new, gone), None, "{gone}");
    }
    let large = history.read(new, "api/v1/a.yaml", 2);
    assert!(
        matches!(large, Err(HistoryError::TooLarge { .. })),
        "{large:?}"
    );
    for bad in ["/top", "a//b", "../top"] {
        let error = history.read(new, bad, 9);
        assert!(
            matches!(error, Err(HistoryError::InvalidPath { .. })),
            "{bad}"
        );
    }
    for folder in ["", "api", "api/", "api/v1", "top", "gone"] {
        let found = history.list(new, folder).unwrap();
        let paths: Vec<String> = found.iter().map(shown).collect();
        let mut args = vec!["ls-tree", "-r", "HEAD"];
        // `ls-tree` on a file would give the file.
        let limit = format!("{}/", folder.trim_end_matches('/'));
        if !folder.is_empty() {
            args.push(&limit);
        }
        let expected = if folder == "top" {
            String::new()
        } else {
            scratch.git(&args)
        };
        let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        assert_eq!(paths, expected, "{folder}");
    }
}

/// As `git ls-tree` does.
fn shown(entry: &Entry) -> String {
    let (mode, kind) = match entry.kind {
        EntryKind::File => ("100644", "blob"),
        EntryKind::Executable => ("100755", "blob"),
        EntryKind::Symlink => ("120000", "blob"),
        EntryKind::Submodule => ("160000", "commit"),
    };
    let path = String::from_utf8_lossy(&entry.path);
    format!("{mode} {kind} {}\t{path}", entry.id)
}

#[test]
fn trees_that_stand_for_more_than_there_is_room_for_are_refused() {
    let scratch = ScratchRepository::new();
    scratch.commit_file("f", "x", "one");
    let mut tree = scratch.git(&["rev-parse", "HEAD^{tree}"]);
    // Each names the one before sixteen times: 16^8 files.
    for _ in 0..8 {
        let names = 0..16;
        let lines: Vec<String> = names
            .map(|n| format!("040000 tree {tree}\tn{n:02}\n"))
            .collect();
        tree = super::git_with_input(&scratch, &["mktree"], lines.concat().as_bytes());
    }
    let bomb = scratch.git(&["commit-tree", "-m", "bomb", &tree]);
    let history = open(&scratch);
    let bomb: ObjectId = bomb.parse().unwrap();
    for error in [
        history.list(bomb, "").err(),
        history.changed_paths(bomb).err(),
    ] {
        assert!(
            matches!(error, Some(HistoryError::TooLarge { .. })),
            "{error:?}"
        );
    }
    // One folder of it can be asked for.
    assert_eq!(touched(&history, bomb, &["n00/n01", "x"]), [true, false]);
}
