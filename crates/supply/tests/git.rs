//! The Git adapter on real repositories.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Barrier;

use switchback_model::Timestamp;
use switchback_supply::git::{CommitId, Committed, Edit, GitError, Repository, Trailer, WorkTree};
use switchback_testkit::git::ScratchRepository;

fn open(scratch: &ScratchRepository) -> Repository {
    Repository::open(scratch.path()).unwrap()
}

fn started() -> ScratchRepository {
    let scratch = ScratchRepository::new();
    scratch.write("other.txt", "other\n");
    scratch.commit_file("env/prod.yaml", "tag: 1.0.0\n", "start");
    scratch
}

fn head(scratch: &ScratchRepository) -> CommitId {
    scratch
        .git(&["rev-parse", "refs/heads/main"])
        .parse()
        .unwrap()
}

fn edit<'a>(base: &'a CommitId, file: &'a str, contents: &'a str) -> Edit<'a> {
    Edit {
        branch: "main",
        base,
        file,
        contents: contents.as_bytes(),
        subject: "move it",
        trailers: &[],
        at: Some(Timestamp::from_millis(1_767_300_000_250)),
        unless: None,
    }
}

fn executable(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn places_without_a_repository() {
    let folder = tempfile::tempdir().unwrap();
    let none = Repository::discover(folder.path());
    assert!(
        matches!(none, Err(GitError::NotARepository { .. })),
        "{none:?}"
    );
    let gone = Repository::discover(&folder.path().join("gone"));
    assert!(
        matches!(gone, Err(GitError::NotARepository { .. })),
        "{gone:?}"
    );
    let no_git = Repository::discover_with(Path::new("no-such-git"), folder.path());
    assert!(
        matches!(no_git, Err(GitError::GitMissing { .. })),
        "{no_git:?}"
    );
    // Broken, so there is something, but not for Git.
    fs::create_dir(folder.path().join(".git")).unwrap();
    let broken = Repository::discover(folder.path());
    assert!(matches!(broken, Err(GitError::Failed { .. })), "{broken:?}");
}

#[test]
fn open_takes_the_top_only_and_discover_looks_up() {
    let scratch = started();
    let below = scratch.path().join("env");
    assert!(matches!(
        Repository::open(&below),
        Err(GitError::NotARepository { .. })
    ));
    let found = Repository::discover(&below).unwrap();
    assert_eq!(
        found.work_tree(),
        Some(scratch.path().canonicalize().unwrap().as_path())
    );
    let bare = ScratchRepository::bare();
    assert_eq!(open(&bare).work_tree(), None);
}

#[test]
fn a_repository_without_commits() {
    let scratch = ScratchRepository::new();
    let repository = open(&scratch);
    assert_eq!(
        repository.current_branch().unwrap().as_deref(),
        Some("main")
    );
    assert_eq!(repository.find_branch("main").unwrap(), None);
    for result in [
        repository.branch_head("main"),
        repository.resolve("HEAD"),
        repository.resolve("v1"),
    ] {
        assert!(matches!(result, Err(GitError::NoCommits)), "{result:?}");
    }
    let base: CommitId = "a".repeat(40).parse().unwrap();
    let result = repository.commit_file(&edit(&base, "f", "x"));
    assert!(matches!(result, Err(GitError::NoCommits)), "{result:?}");
}

#[test]
fn revisions_are_resolved_and_never_options() {
    let scratch = started();
    scratch.git(&["tag", "-a", "v1.0.0", "-m", "first"]);
    scratch.git(&["update-ref", "refs/heads/-x", "HEAD"]);
    let repository = open(&scratch);
    let commit = head(&scratch);
    for good in [
        "main",
        "HEAD",
        "v1.0.0",
        "refs/tags/v1.0.0",
        commit.short(),
        commit.as_str(),
    ] {
        assert_eq!(repository.resolve(good).unwrap(), commit, "{good}");
    }
    for bad in [
        "",
        "-x",
        "--all",
        "--output=x",
        "v2",
        "HEAD~9",
        "a\nb",
        "HEAD:other.txt",
        "HEAD..HEAD",
    ] {
        let result = repository.resolve(bad);
        assert!(
            matches!(result, Err(GitError::UnknownRevision { .. })),
            "{bad:?} {result:?}"
        );
    }
    assert_eq!(repository.branch_head("-x").unwrap(), commit);
    for bad in ["", "a b", "../x", "a..b", "main^", "@{-1}", "x.lock"] {
        let result = repository.branch_head(bad);
        assert!(
            matches!(result, Err(GitError::InvalidName { .. })),
            "{bad:?} {result:?}"
        );
    }
}

#[test]
fn files_are_read_at_a_commit() {
    let scratch = started();
    let odd = "-o dd/new\nline \"ü\" *.yaml";
    scratch.write(odd, [0_u8, 255, 10]);
    std::os::unix::fs::symlink("/etc/passwd", scratch.path().join("link")).unwrap();
    scratch.commit("odd names");
    scratch.write("env/prod.yaml", "not committed\n");
    let repository = open(&scratch);
    let at = head(&scratch);
    assert_eq!(
        repository.read_file(&at, odd, 3).unwrap().unwrap(),
        [0, 255, 10]
    );
    assert_eq!(
        repository
            .read_file(&at, "env/prod.yaml", 99)
            .unwrap()
            .unwrap(),
        b"tag: 1.0.0\n"
    );
    assert_eq!(repository.read_file(&at, "env/none", 99).unwrap(), None);
    assert_eq!(repository.read_file(&at, "*", 99).unwrap(), None);
    assert!(matches!(
        repository.read_file(&at, odd, 2),
        Err(GitError::TooLarge { limit: 2, .. })
    ));
    for not_a_file in ["env", "link"] {
        let result = repository.read_file(&at, not_a_file, 99);
        assert!(
            matches!(result, Err(GitError::NotAFile { .. })),
            "{result:?}"
        );
    }
    for outside in ["../x", "/etc/passwd", "env/../../x", ".git/config", ""] {
        let result = repository.read_file(&at, outside, 99);
        assert!(
            matches!(result, Err(GitError::InvalidName { .. })),
            "{result:?}"
        );
    }
    assert_eq!(
        repository.list_files(&at, "").unwrap(),
        [odd, "env/prod.yaml", "other.txt"]
    );
    assert_eq!(
        repository.list_files(&at, "env").unwrap(),
        ["env/prod.yaml"]
    );
    assert_eq!(repository.list_files(&at, "-o dd").unwrap(), [odd]);
    assert!(repository.list_files(&at, "none").unwrap().is_empty());
    assert!(repository.list_files(&at, "en*").unwrap().is_empty());
}

#[test]
fn dirty_files_and_identity() {
    let scratch = started();
    let repository = open(&scratch);
    assert!(repository.dirty_files().unwrap().is_empty());
    scratch.write("other.txt", "changed\n");
    scratch.write("new \n file", "x");
    let dirty = repository.dirty_files().unwrap();
    let names: Vec<_> = dirty
        .iter()
        .map(|file| (file.path.as_str(), file.untracked))
        .collect();
    assert_eq!(names, [("other.txt", false), ("new \n file", true)]);
    assert_eq!(
        repository.identity().unwrap().as_str(),
        "Ada Scratch <ada@example.org>"
    );
    scratch.git(&["config", "user.name", ""]);
    assert!(matches!(
        repository.identity(),
        Err(GitError::NoIdentity { .. })
    ));
}

#[test]
fn an_edit_is_one_commit_and_the_checkout_follows() {
    let scratch = started();
    scratch.git(&["update-index", "--chmod=+x", "env/prod.yaml"]);
    scratch.git(&["checkout", "--quiet", "--", "."]);
    scratch.commit("executable");
    // What the user has under way takes no part.
    scratch.write("other.txt", "under way\n");
    scratch.write("staged.txt", "staged\n");
    scratch.git(&["add", "staged.txt"]);
    let repository = open(&scratch);
    let base = head(&scratch);
    let trailers = [
        Trailer::new("Switchback-Intent", "intent-1").unwrap(),
        Trailer::new("Ledger-Checkpoint", "a b: c").unwrap(),
    ];
    let edit = Edit {
        trailers: &trailers,
        ..edit(&base, "env/prod.yaml", "tag: 1.1.0\n")
    };
    let done = repository.commit_file(&edit).unwrap();
    assert_eq!(done.work_tree, WorkTree::Followed);
    assert_eq!(head(&scratch), done.commit);
    assert_eq!(scratch.read("env/prod.yaml"), b"tag: 1.1.0\n");
    assert_eq!(
        scratch.git(&["status", "--porcelain"]),
        "M other.txt\nA  staged.txt".trim()
    );
    assert_eq!(
        scratch.git(&["diff", "--name-only", "HEAD~1", "HEAD"]),
        "env/prod.yaml"
    );
    assert!(
        scratch
            .git(&["ls-tree", "HEAD", "env/prod.yaml"])
            .starts_with("100755")
    );
    let log = repository.log(&done.commit, 10).unwrap();
    assert_eq!(log.len(), 3);
    assert_eq!(log[0].id, done.commit);
    assert_eq!(log[0].subject, "move it");
    assert_eq!(log[0].author.as_str(), "Ada Scratch <ada@example.org>");
    assert_eq!(log[0].at.to_string(), "2026-01-01T20:40:00Z");
    assert_eq!(log[0].trailers, trailers);
    assert_eq!(log[0].trailer("ledger-checkpoint"), Some("a b: c"));
    assert_eq!(repository.log(&done.commit, 1).unwrap().len(), 1);
    scratch.git(&["fsck", "--strict"]);
}

#[test]
fn an_edit_may_add_a_file_in_a_new_folder_and_in_a_bare_repository() {
    let bare = started().clone_bare();
    let repository = open(&bare);
    let base = head(&bare);
    let file = "-new folder/b\nc/values.yaml";
    let done = repository
        .commit_file(&edit(&base, file, "x: 1\n"))
        .unwrap();
    assert_eq!(done.work_tree, WorkTree::NotCheckedOut);
    assert_eq!(
        repository
            .read_file(&done.commit, file, 99)
            .unwrap()
            .unwrap(),
        b"x: 1\n"
    );
    assert_eq!(repository.list_files(&done.commit, "").unwrap().len(), 3);
    bare.git(&["fsck", "--strict"]);
    for (file, what) in [("env", "a folder"), ("other.txt/x", "below a file")] {
        let result = repository.commit_file(&edit(&done.commit, file, "x"));
        assert!(
            matches!(result, Err(GitError::NotAFile { .. })),
            "{what}: {result:?}"
        );
    }
    let result = repository.commit_file(&edit(&done.commit, file, "x: 1\n"));
    assert!(
        matches!(result, Err(GitError::Unchanged { .. })),
        "{result:?}"
    );
}

#[test]
fn equal_edits_at_an_equal_moment_are_the_same_commit() {
    let (one, two) = (started(), started());
    let commit = |scratch: &ScratchRepository| {
        let base = head(scratch);
        open(scratch)
            .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
            .unwrap()
            .commit
    };
    assert_eq!(commit(&one), commit(&two));
}

/// The state that must not change when an edit is refused.
fn state(scratch: &ScratchRepository) -> (String, String, Vec<u8>, Vec<u8>) {
    (
        scratch.git(&["for-each-ref"]),
        scratch.git(&["status", "--porcelain"]),
        scratch.read("env/prod.yaml"),
        fs::read(scratch.path().join(".git/index")).unwrap(),
    )
}

#[test]
fn a_file_that_differs_is_refused_and_nothing_is_touched() {
    type Spoil = fn(&ScratchRepository);
    let spoils: [(&str, Spoil); 5] = [
        ("edited", |s| s.write("env/prod.yaml", "mine\n")),
        ("staged", |s| {
            s.write("env/prod.yaml", "mine\n");
            s.git(&["add", "--all"]);
        }),
        ("staged and back", |s| {
            s.write("env/prod.yaml", "mine\n");
            s.git(&["add", "--all"]);
            s.write("env/prod.yaml", "tag: 1.0.0\n");
        }),
        ("deleted in the index", |s| {
            drop(s.git(&["rm", "--quiet", "--cached", "env/prod.yaml"]))
        }),
        ("assumed unchanged", |s| {
            s.git(&["update-index", "--assume-unchanged", "env/prod.yaml"]);
            s.write("env/prod.yaml", "mine\n");
        }),
    ];
    for (what, spoil) in spoils {
        let scratch = started();
        spoil(&scratch);
        let before = state(&scratch);
        let base = head(&scratch);
        let result = open(&scratch).commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"));
        match result {
            Err(GitError::DirtyTree { files }) => assert_eq!(files, ["env/prod.yaml"], "{what}"),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(state(&scratch), before, "{what}");
    }
}

#[test]
fn an_untracked_file_is_never_overwritten() {
    let scratch = started();
    scratch.write("new.yaml", "mine\n");
    scratch.write(".git/info/exclude", "ignored.yaml\n");
    scratch.write("ignored.yaml", "mine too\n");
    let repository = open(&scratch);
    let base = head(&scratch);
    for file in ["new.yaml", "ignored.yaml"] {
        let result = repository.commit_file(&edit(&base, file, "theirs\n"));
        assert!(
            matches!(result, Err(GitError::DirtyTree { .. })),
            "{file} {result:?}"
        );
        assert!(scratch.read(file).starts_with(b"mine"));
        assert_eq!(head(&scratch), base);
    }
}

#[test]
fn a_branch_that_is_not_checked_out_moves_alone() {
    let scratch = started();
    let base = head(&scratch);
    scratch.git(&["checkout", "--quiet", "-b", "work"]);
    scratch.write("env/prod.yaml", "mine\n");
    let done = open(&scratch)
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    assert_eq!(done.work_tree, WorkTree::NotCheckedOut);
    assert_eq!(scratch.read("env/prod.yaml"), b"mine\n");
    assert_eq!(scratch.head(), base.as_str());
}

#[test]
fn a_second_work_tree_follows_too() {
    let scratch = started();
    let base = head(&scratch);
    scratch.git(&["checkout", "--quiet", "--detach"]);
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("second tree");
    scratch.git(&["worktree", "add", "--quiet", tree.to_str().unwrap(), "main"]);
    let done = open(&scratch)
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    assert_eq!(done.work_tree, WorkTree::Followed);
    assert_eq!(fs::read(tree.join("env/prod.yaml")).unwrap(), b"tag: 2\n");
    assert!(
        Repository::open(&tree)
            .unwrap()
            .dirty_files()
            .unwrap()
            .is_empty()
    );
    assert_eq!(scratch.read("env/prod.yaml"), b"tag: 1.0.0\n");
}

#[test]
fn the_users_line_endings_are_respected() {
    let scratch = started();
    scratch.git(&["config", "core.autocrlf", "true"]);
    scratch.git(&["rm", "--quiet", "--cached", "-r", "."]);
    scratch.git(&["reset", "--quiet", "--hard"]);
    assert_eq!(scratch.read("env/prod.yaml"), b"tag: 1.0.0\r\n");
    let base = head(&scratch);
    let repository = open(&scratch);
    let done = repository
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    assert_eq!(done.work_tree, WorkTree::Followed);
    assert_eq!(scratch.read("env/prod.yaml"), b"tag: 2\r\n");
    assert!(repository.dirty_files().unwrap().is_empty());
}

#[test]
fn a_file_left_out_by_a_sparse_checkout_stays_out() {
    let scratch = started();
    scratch.git(&["sparse-checkout", "set", "--no-cone", "/other.txt"]);
    assert!(!scratch.path().join("env").exists());
    let base = head(&scratch);
    let repository = open(&scratch);
    let done = repository
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    assert_eq!(done.work_tree, WorkTree::Followed);
    assert!(!scratch.path().join("env").exists());
    assert!(repository.dirty_files().unwrap().is_empty());
}

#[test]
fn a_touched_file_is_not_a_changed_one() {
    let scratch = started();
    scratch.git(&["update-index", "--refresh"]);
    let file = fs::File::options()
        .append(true)
        .open(scratch.path().join("env/prod.yaml"))
        .unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let base = head(&scratch);
    let done = open(&scratch)
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    assert_eq!(done.work_tree, WorkTree::Followed);
}

#[test]
fn a_held_index_is_refused_before_anything_happens() {
    let scratch = started();
    scratch.write(".git/index.lock", "");
    let base = head(&scratch);
    let result = open(&scratch).commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"));
    assert!(matches!(result, Err(GitError::Locked { .. })), "{result:?}");
    assert_eq!(head(&scratch), base);
}

#[test]
fn an_index_that_is_held_for_a_moment_is_waited_for() {
    let scratch = started();
    scratch.write(".git/index.lock", "");
    let base = head(&scratch);
    let lock = scratch.path().join(".git/index.lock");
    let done = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(200));
            fs::remove_file(lock).unwrap();
        });
        open(&scratch).commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
    });
    assert_eq!(done.unwrap().work_tree, WorkTree::Followed);
}

#[test]
fn a_branch_that_moved_is_told() {
    let scratch = started();
    let base = head(&scratch);
    let now = scratch.commit_file("other.txt", "more\n", "meanwhile");
    match open(&scratch).commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n")) {
        Err(GitError::Moved {
            expected, found, ..
        }) => {
            assert_eq!(expected, Some(base));
            assert_eq!(found.unwrap().as_str(), now);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_two_movers_one_wins() {
    let bare = started().clone_bare();
    let checked_out = started();
    for scratch in [&bare, &checked_out] {
        for round in 0..4 {
            let base = head(scratch);
            let barrier = Barrier::new(2);
            let results: Vec<Result<Committed, GitError>> = std::thread::scope(|scope| {
                let movers: Vec<_> = (0..2)
                    .map(|mover| {
                        let (repository, base, barrier) = (open(scratch), &base, &barrier);
                        scope.spawn(move || {
                            let contents = format!("tag: {round}.{mover}\n");
                            barrier.wait();
                            repository.commit_file(&edit(base, "env/prod.yaml", &contents))
                        })
                    })
                    .collect();
                movers
                    .into_iter()
                    .map(|mover| mover.join().unwrap())
                    .collect()
            });
            let won: Vec<_> = results.iter().flatten().collect();
            assert_eq!(won.len(), 1, "{results:?}");
            assert_eq!(head(scratch), won[0].commit);
            assert_eq!(scratch.git(&["rev-parse", "main~1"]), base.as_str());
            // In a work tree the loser may already see the winner's file or lock.
            let lost = results
                .iter()
                .find_map(|result| result.as_ref().err())
                .unwrap();
            let told = match lost {
                GitError::Moved { .. } => true,
                GitError::DirtyTree { .. } | GitError::Locked { .. } | GitError::Failed { .. } => {
                    scratch.path() == checked_out.path()
                }
                _ => false,
            };
            assert!(told, "{lost:?}");
            if scratch.path() == checked_out.path() {
                assert_eq!(scratch.git(&["status", "--porcelain"]), "");
            }
        }
    }
}

#[test]
fn the_callers_git_variables_do_nothing() {
    // A process cannot change its own variables safely, so this test starts another one.
    let tests = std::env::current_exe().unwrap();
    let status = std::process::Command::new(tests)
        .args(["--exact", "an_edit_is_one_commit_and_the_checkout_follows"])
        .env("GIT_DIR", "/nowhere")
        .env("GIT_INDEX_FILE", "/nowhere/index")
        .env("GIT_WORK_TREE", "/nowhere")
        .env("GIT_OBJECT_DIRECTORY", "/nowhere/objects")
        .env("GIT_NAMESPACE", "other")
        .env("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "commit.gpgsign")
        .env("GIT_CONFIG_VALUE_0", "true")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success(), "{stdout}");
    assert!(stdout.contains("1 passed"), "{stdout}");
}

#[test]
fn hooks_do_nothing() {
    let scratch = started();
    let trace = scratch.path().join("../hook-ran");
    for hook in [
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
        "post-checkout",
        "post-index-change",
        "pre-push",
    ] {
        let path = scratch.path().join(".git/hooks").join(hook);
        executable(
            &path,
            &format!("#!/bin/sh\necho {hook} >> '{}'\nexit 1\n", trace.display()),
        );
    }
    scratch.git(&[
        "config",
        "core.fsmonitor",
        scratch.path().join(".git/hooks/pre-push").to_str().unwrap(),
    ]);
    fs::remove_file(&trace).ok();
    let remote = ScratchRepository::bare();
    let base = head(&scratch);
    let repository = open(&scratch);
    repository
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    repository
        .push(remote.path().to_str().unwrap(), "main", None)
        .unwrap();
    assert!(!trace.exists(), "{}", fs::read_to_string(&trace).unwrap());
}

#[test]
fn a_commit_is_signed_when_the_user_signs() {
    let scratch = started();
    let program = scratch.path().join("../sign");
    executable(
        &program,
        "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED D' >&2\n\
         printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nAA==\\n-----END PGP SIGNATURE-----\\n'\n",
    );
    scratch.git(&["config", "gpg.program", program.to_str().unwrap()]);
    let repository = open(&scratch);
    let base = head(&scratch);
    let plain = repository
        .commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    let raw = |commit: &CommitId| scratch.git(&["cat-file", "commit", commit.as_str()]);
    assert!(!raw(&plain.commit).contains("gpgsig"));
    scratch.git(&["config", "commit.gpgsign", "true"]);
    let signed = repository
        .commit_file(&edit(&plain.commit, "env/prod.yaml", "tag: 3\n"))
        .unwrap();
    assert!(raw(&signed.commit).contains("gpgsig"));
    executable(&program, "#!/bin/sh\nexit 1\n");
    let result = repository.commit_file(&edit(&signed.commit, "env/prod.yaml", "tag: 4\n"));
    assert!(matches!(result, Err(GitError::Failed { .. })), "{result:?}");
    assert_eq!(head(&scratch), signed.commit);
}

#[test]
fn messages_come_out_as_they_went_in_or_are_refused() {
    let scratch = started();
    let repository = open(&scratch);
    let base = head(&scratch);
    for bad in ["", " ", " x", "x ", "a\nb", "a\u{1b}[2J"] {
        let edit = Edit {
            subject: bad,
            ..edit(&base, "env/prod.yaml", "tag: 2\n")
        };
        let result = repository.commit_file(&edit);
        assert!(
            matches!(result, Err(GitError::InvalidMessage { .. })),
            "{bad:?} {result:?}"
        );
    }
    let subject = "# --amend: ü \"x\" $(id)";
    let edit = Edit {
        subject,
        ..edit(&base, "env/prod.yaml", "tag: 2\n")
    };
    let done = repository.commit_file(&edit).unwrap();
    assert_eq!(repository.log(&done.commit, 1).unwrap()[0].subject, subject);
}

/// Git as a user without rights, where the tests run as one who has them all.
fn unprivileged_git(folder: &Path) -> PathBuf {
    let probe = folder.join("probe");
    fs::create_dir(&probe).unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(probe.join("x"), "").is_err() {
        return PathBuf::from("git");
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.join("git-without-rights");
    let script = "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups \
                  git -c 'safe.directory=*' \"$@\"\n";
    executable(&program, script);
    program
}

#[test]
fn a_read_only_repository_is_an_error_with_nothing_done() {
    let folder = tempfile::tempdir().unwrap();
    let program = unprivileged_git(folder.path());
    let scratch = ScratchRepository::at(folder.path().join("repository"));
    scratch.commit_file("env/prod.yaml", "tag: 1.0.0\n", "start");
    let everything = |mode: &str| {
        let mut chmod = std::process::Command::new("chmod");
        let status = chmod
            .args(["-R", mode])
            .arg(scratch.path())
            .status()
            .unwrap();
        assert!(status.success());
    };
    everything("a-w,a+rX");
    let before = state(&scratch);
    // Git trusts only its own user's repositories; the wrapper says that this one is fine.
    let repository = Repository::open_with(&program, scratch.path()).unwrap();
    let base = head(&scratch);
    let result = repository.commit_file(&edit(&base, "env/prod.yaml", "tag: 2\n"));
    let after = state(&scratch);
    everything("u+w");
    assert!(matches!(result, Err(GitError::Failed { .. })), "{result:?}");
    assert_eq!(before, after);
}

#[test]
fn push_and_fetch() {
    let scratch = started();
    let remote = ScratchRepository::bare();
    let address = remote.path().to_str().unwrap();
    let repository = open(&scratch);
    let first = head(&scratch);
    assert_eq!(repository.remote_head(address, "main").unwrap(), None);
    assert!(matches!(
        repository.fetch(address, "main"),
        Err(GitError::UnknownRevision { .. })
    ));
    assert_eq!(repository.push(address, "main", None).unwrap(), first);
    assert_eq!(
        repository.push(address, "main", Some(&first)).unwrap(),
        first
    );
    assert_eq!(
        repository.push(address, "main", None).unwrap(),
        first,
        "arrived before"
    );
    let second = repository
        .commit_file(&edit(&first, "env/prod.yaml", "tag: 2\n"))
        .unwrap()
        .commit;
    assert_eq!(
        repository.push(address, "main", Some(&first)).unwrap(),
        second
    );
    assert_eq!(repository.fetch(address, "main").unwrap(), second);
    // Only the branch itself, not one whose name ends in the same way.
    remote.git(&["update-ref", "refs/heads/x/y", second.as_str()]);
    assert_eq!(repository.remote_head(address, "y").unwrap(), None);
    for bad in ["-x", "--upload-pack=touch x", "", "a\nb"] {
        let result = repository.push(bad, "main", None);
        assert!(
            matches!(result, Err(GitError::InvalidName { .. })),
            "{bad:?} {result:?}"
        );
    }
    let refused = repository.push("ext::sh -c touch% /tmp/never", "main", None);
    assert!(
        matches!(refused, Err(GitError::RemoteUnreachable { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_push_onto_a_moved_branch_is_told_and_loses_nothing() {
    let scratch = started();
    let remote = scratch.clone_bare();
    let address = remote.path().to_str().unwrap();
    let first = head(&scratch);
    let theirs = open(&remote)
        .commit_file(&edit(&first, "other.txt", "theirs\n"))
        .unwrap()
        .commit;
    let repository = open(&scratch);
    let ours = repository
        .commit_file(&edit(&first, "env/prod.yaml", "tag: 2\n"))
        .unwrap()
        .commit;
    match repository.push(address, "main", Some(&first)) {
        Err(GitError::Moved {
            expected, found, ..
        }) => {
            assert_eq!((expected, found), (Some(first), Some(theirs.clone())));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(head(&remote), theirs);
    // What moved it has been fetched, so the edit can be made again on top.
    assert_eq!(repository.resolve(theirs.as_str()).unwrap(), theirs);
    let result = repository.push(address, "main", Some(&theirs));
    assert!(
        matches!(result, Err(GitError::WouldLoseCommits { .. })),
        "{result:?}"
    );
    assert_eq!(head(&scratch), ours);
}

#[test]
fn a_push_that_the_server_refuses_is_permanent() {
    let scratch = started();
    let remote = scratch.clone_bare();
    let first = head(&scratch);
    // It lies about the reason; only where the branch is counts.
    executable(
        &remote.path().join("hooks/pre-receive"),
        "#!/bin/sh\necho '! [rejected] non-fast-forward, fetch first'\nexit 1\n",
    );
    let repository = open(&scratch);
    repository
        .commit_file(&edit(&first, "env/prod.yaml", "tag: 2\n"))
        .unwrap();
    let address = remote.path().to_str().unwrap();
    let result = repository.push(address, "main", Some(&first));
    assert!(
        matches!(result, Err(GitError::PushRejected { .. })),
        "{result:?}"
    );
    let gone = repository.push("/nowhere/at/all", "main", Some(&first));
    assert!(
        matches!(gone, Err(GitError::RemoteUnreachable { .. })),
        "{gone:?}"
    );
}

#[test]
fn a_push_that_arrived_although_the_connection_broke_is_a_success() {
    let scratch = started();
    let remote = scratch.clone_bare();
    let first = head(&scratch);
    // The branch has moved when this runs; it ends the server before that can answer.
    let hook = remote.path().join("hooks/post-receive");
    executable(&hook, "#!/bin/sh\nkill -9 $PPID\n");
    let repository = open(&scratch);
    let edit = edit(&first, "env/prod.yaml", "tag: 2\n");
    let commit = repository.commit_file(&edit).unwrap().commit;
    let address = remote.path().to_str().unwrap();
    let plain = scratch.try_git(&["push", "--quiet", address, "HEAD:refs/heads/other"]);
    assert!(!plain.status.success(), "the connection does not break");
    assert_eq!(
        repository.push(address, "main", Some(&first)).unwrap(),
        commit
    );
    assert_eq!(head(&remote), commit);
}

#[test]
fn a_path_is_known_to_what_comes_after_it_and_to_nothing_before() {
    let scratch = started();
    let repository = open(&scratch);
    let before = head(&scratch);
    scratch.commit_file("changes/a [x]/change.toml", "code = \"old\"\n", "add");
    let with = head(&scratch);
    scratch.git(&["rm", "--quiet", "changes/a [x]/change.toml"]);
    scratch.git(&["commit", "--quiet", "--message", "remove"]);
    let after = head(&scratch);
    let known = |commit: &CommitId, path: &str| repository.has_known(commit, path).unwrap();
    assert!(!known(&before, "changes/a [x]/change.toml"));
    assert!(known(&with, "changes/a [x]/change.toml"));
    assert!(known(&after, "changes/a [x]/change.toml"));
    // A path is a name and no pattern, and never an option.
    assert!(!known(&after, "changes/a x/change.toml"));
    assert!(!known(&after, "--all"));
    assert!(repository.has_known(&after, "../outside").is_err());
}
