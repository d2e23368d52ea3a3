//! Which places have a history, and which names commits.

use std::fs;
use std::path::Path;
use std::process::Command;

use switchback_supply::git::Repository;
use switchback_supply::git::log::{History, HistoryError, Range};
use switchback_testkit::git::ScratchRepository;

use super::{id, ids, open, rev};

fn started() -> ScratchRepository {
    let scratch = ScratchRepository::new();
    scratch.commit_file("a/b.txt", "1\n", "one");
    scratch.commit_file("a/b.txt", "2\n", "two");
    scratch
}

#[test]
fn places_without_a_repository() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("gone")] {
        for found in [History::open(&path), History::discover(&path)] {
            let none = matches!(found, Err(HistoryError::NotARepository { .. }));
            assert!(none, "{found:?}");
        }
    }
}

#[test]
fn every_kind_of_repository_is_opened() {
    let scratch = started();
    let head = rev(&scratch, "HEAD");
    let bare = scratch.clone_bare();
    let folder = tempfile::tempdir().unwrap();
    let linked = folder.path().join("linked");
    scratch.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "other",
        linked.to_str().unwrap(),
        "HEAD~1",
    ]);
    let parent = ScratchRepository::new();
    let source = scratch.path().to_str().unwrap();
    let allow = "protocol.file.allow=always";
    parent.git(&["-c", allow, "submodule", "--quiet", "add", source, "part"]);
    let submodule = parent.path().join("part");

    for (path, top) in [
        (scratch.path(), Some(scratch.path())),
        (&scratch.path().join(".git"), Some(scratch.path())),
        (bare.path(), None),
        (&submodule, Some(&*submodule)),
    ] {
        let history = History::open(path).unwrap();
        assert_eq!(history.head().unwrap(), head, "{}", path.display());
        assert_eq!(ids(&history, &Range::all(head)).len(), 2);
        let found = history.work_tree().map(|tree| tree.canonicalize().unwrap());
        assert_eq!(found, top.map(|top| top.canonicalize().unwrap()));
    }
    let history = History::open(&linked).unwrap();
    assert_eq!(history.head().unwrap(), rev(&scratch, "HEAD~1"));
    assert_eq!(history.resolve("main").unwrap(), head);
    let below = History::discover(&scratch.path().join("a")).unwrap();
    assert_eq!(below.head().unwrap(), head);
    let not_the_top = History::open(&scratch.path().join("a"));
    assert!(matches!(
        not_the_top,
        Err(HistoryError::NotARepository { .. })
    ));
    for path in [scratch.path(), bare.path(), &linked] {
        let repository = Repository::open(path).unwrap();
        History::of(&repository).unwrap();
    }
}

#[test]
fn objects_of_another_repository_are_borrowed() {
    let scratch = started();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let (from, to) = (scratch.path().to_str().unwrap(), copy.to_str().unwrap());
    scratch.git(&["clone", "--quiet", "--shared", from, to]);
    assert!(copy.join(".git/objects/info/alternates").is_file());
    let history = History::open(&copy).unwrap();
    let head = history.head().unwrap();
    assert_eq!(ids(&history, &Range::all(head)).len(), 2);
    assert_eq!(
        history.read(head, "a/b.txt", 9).unwrap().unwrap().bytes,
        b"2\n"
    );
}

#[test]
fn a_repository_without_commits_has_no_head() {
    let scratch = ScratchRepository::new();
    let history = open(&scratch);
    for name in ["HEAD", "@", "HEAD~1"] {
        let found = history.resolve(name);
        assert!(matches!(found, Err(HistoryError::NoCommits)), "{found:?}");
    }
    assert!(history.tags().unwrap().all().is_empty());
    // As soon as there is one it is seen.
    let first = scratch.commit_file("a", "1", "one");
    assert_eq!(history.head().unwrap(), id(&first));
}

#[test]
fn revisions_are_names_and_expressions() {
    let scratch = started();
    scratch.git(&["tag", "-a", "v1", "-m", "annotated", "HEAD~1"]);
    scratch.git(&["tag", "tree", "HEAD^{tree}"]);
    let history = open(&scratch);
    let head = rev(&scratch, "HEAD");
    for name in [
        "HEAD",
        "@",
        "main",
        "refs/heads/main",
        "HEAD~1",
        "HEAD^",
        "v1",
        "v1^{commit}",
        "main~1",
        "main@{0}",
        &head.to_string(),
        &head.short(),
    ] {
        assert_eq!(
            history.resolve(name).unwrap(),
            rev(&scratch, name),
            "{name}"
        );
    }
    for name in [
        "",
        "gone",
        "v2",
        "-all",
        "HEAD~9",
        "--",
        "main..HEAD",
        "\u{1b}[2J",
        &"e".repeat(40),
    ] {
        let found = history.resolve(name);
        let unknown = matches!(
            found,
            Err(HistoryError::UnknownRevision { .. } | HistoryError::Missing { .. })
        );
        assert!(unknown, "{name:?}: {found:?}");
        assert!(!found.unwrap_err().to_string().contains('\u{1b}'));
    }
    let tree = history.resolve("tree");
    assert!(
        matches!(tree, Err(HistoryError::WrongKind { .. })),
        "{tree:?}"
    );
}

#[test]
fn the_beginning_of_two_ids_is_ambiguous() {
    let scratch = ScratchRepository::new();
    let mut seen = std::collections::HashMap::new();
    let mut ambiguous = None;
    // Four digits: two of some hundred commits share them.
    for number in 0..2_000 {
        let rest = format!("author A <a> {number} +0000\ncommitter A <a> 1 +0000\n\nx");
        let made = super::raw_commit(&scratch, &[], rest.as_bytes()).to_string();
        if seen.insert(made[..4].to_owned(), made.clone()).is_some() {
            ambiguous = Some(made[..4].to_owned());
            break;
        }
    }
    let found = open(&scratch).resolve(&ambiguous.unwrap());
    assert!(
        matches!(found, Err(HistoryError::AmbiguousRevision { .. })),
        "{found:?}"
    );
}

#[test]
fn a_repository_with_long_ids_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long");
    fs::create_dir(&path).unwrap();
    let init = Command::new("git")
        .args(["init", "--quiet", "--object-format=sha256", "-b", "main"])
        .current_dir(&path)
        .status();
    assert!(init.unwrap().success());
    let scratch = ScratchRepository::at(&path);
    scratch.commit_file("a/b", "1", "one");
    scratch.git(&["tag", "-a", "v1", "-m", "x"]);
    scratch.commit_file("a/b", "2", "two");
    for packed in [false, true] {
        if packed {
            scratch.git(&["gc", "--quiet"]);
        }
        let history = open(&scratch);
        let head = history.head().unwrap();
        assert_eq!(head.as_bytes().len(), 32);
        assert_eq!(
            ids(&history, &Range::all(head)),
            super::rev_list(&scratch, &["HEAD"])
        );
        let tags = history.tags().unwrap();
        assert_eq!(tags.all()[0].target, rev(&scratch, "v1"));
        assert_eq!(history.changed_paths(head).unwrap()[0].path, b"a/b");
        assert_eq!(history.read(head, "a/b", 9).unwrap().unwrap().bytes, b"2");
    }
}

#[test]
fn a_format_that_is_not_known_is_refused() {
    let scratch = started();
    scratch.git(&["config", "core.repositoryFormatVersion", "1"]);
    History::open(scratch.path()).unwrap();
    for (name, value) in [("refStorage", "reftable"), ("future", "true")] {
        let config = scratch.path().join(".git/config");
        let before = fs::read(&config).unwrap();
        scratch.git(&["config", &format!("extensions.{name}"), value]);
        match History::open(scratch.path()) {
            Err(HistoryError::Unsupported {
                extension,
                value: found,
            }) => {
                assert!(extension.eq_ignore_ascii_case(name) && found == value);
            }
            other => panic!("{other:?}"),
        }
        fs::write(&config, before).unwrap();
    }
}

/// The environment of a process cannot be changed here, so these two run again in one of their own.
fn again(test: &str, environment: &[(&str, &Path)]) -> std::process::Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture"]);
    for (name, value) in environment {
        command.env(name, value);
    }
    command.output().unwrap()
}

#[test]
#[ignore = "run by the tests below, in another environment"]
fn say_what_opening_says() {
    let path = std::env::var_os("SWITCHBACK_TEST_REPOSITORY").unwrap();
    match History::open(Path::new(&path)) {
        Ok(history) => println!("opened {}", history.resolve("main").unwrap()),
        Err(error) => println!("{error:?}"),
    }
}

fn said(environment: &[(&str, &Path)]) -> String {
    let output = again("opening::say_what_opening_says", environment);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_callers_git_environment_does_not_leak_in() {
    let scratch = started();
    let other = ScratchRepository::new();
    other.commit_file("x", "1", "other");
    let head = rev(&scratch, "HEAD");
    let nowhere = Path::new("/nonexistent");
    let said = said(&[
        ("SWITCHBACK_TEST_REPOSITORY", scratch.path()),
        ("GIT_DIR", &other.path().join(".git")),
        ("GIT_WORK_TREE", nowhere),
        ("GIT_NAMESPACE", Path::new("space")),
        ("GIT_SHALLOW_FILE", nowhere),
        ("GIT_INDEX_FILE", nowhere),
        ("GIT_OBJECT_DIRECTORY", nowhere),
        ("GIT_CONFIG_COUNT", Path::new("nonsense")),
    ]);
    assert!(said.contains(&format!("opened {head}")), "{said}");
}

#[test]
fn a_repository_of_somebody_else_has_to_be_a_safe_directory() {
    let scratch = started();
    let owned = scratch.path().join(".git");
    let chown = Command::new("chown")
        .arg("65534")
        .arg(&owned)
        .arg(scratch.path())
        .output();
    if !chown.unwrap().status.success() {
        // Only root can give a folder away.
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let none = Path::new("/dev/null");
    let with = |config: &Path| {
        said(&[
            ("SWITCHBACK_TEST_REPOSITORY", scratch.path()),
            ("HOME", home.path()),
            ("GIT_CONFIG_NOSYSTEM", Path::new("1")),
            ("GIT_CONFIG_GLOBAL", config),
        ])
    };
    assert!(with(none).contains("Untrusted"), "{}", with(none));
    let config = home.path().join("config");
    fs::write(&config, "[safe]\n\tdirectory = /somewhere/else\n").unwrap();
    assert!(with(&config).contains("Untrusted"));
    let path = scratch.path().canonicalize().unwrap();
    fs::write(
        &config,
        format!("[safe]\n\tdirectory = {}\n", path.display()),
    )
    .unwrap();
    assert!(with(&config).contains("opened"), "{}", with(&config));
}
