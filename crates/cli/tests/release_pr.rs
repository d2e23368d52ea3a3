//! `switchback release pr`: what people change on the branch of the next release survives.

#![cfg(unix)]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use support::{bad, run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

const MANIFEST: &str = "[package]\nname = \"api\"\nversion = \"1.2.0\" # kept\n";
const CHANGES: &str =
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-01\n\n### Added\n\n- All.\n";
const BRANCH: &str = "release/next";

/// A repository at 1.2.0 with a new thing since.
fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.git(&["config", "--unset", "tag.gpgsign"]);
    git.write("Cargo.toml", MANIFEST);
    git.write("CHANGELOG.md", CHANGES);
    git.commit("feat: all");
    git.git(&["tag", "v1.2.0"]);
    git.commit_file("orders.rs", "//\n", "fix: totals are rounded");
    (cli, git)
}

/// Runs it; what it says, and that nothing of what is checked out moved.
#[track_caller]
fn prepared(cli: &Cli, git: &ScratchRepository, line: &str) -> Value {
    let before = (
        git.git(&["rev-parse", "HEAD"]),
        git.git(&["status", "--porcelain"]),
    );
    let ran = run(cli, &format!("release pr {line} --format json"));
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let after = (
        git.git(&["rev-parse", "HEAD"]),
        git.git(&["status", "--porcelain"]),
    );
    assert_eq!(before, after);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

fn on_branch(git: &ScratchRepository, file: &str) -> String {
    git.git(&["show", &format!("{BRANCH}:{file}")])
}

/// Changes a file on the branch as a person does, and goes back.
fn edit(git: &ScratchRepository, file: &str, from: &str, to: &str) {
    git.git(&["checkout", "-q", BRANCH]);
    let path = git.path().join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    assert!(from.is_empty() || text.contains(from), "{text}");
    let text = if from.is_empty() {
        to.to_owned()
    } else {
        text.replacen(from, to, 1)
    };
    fs::write(&path, text).unwrap();
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", "docs: better words"]);
    git.git(&["checkout", "-q", "main"]);
}

#[test]
fn a_branch_from_the_first_commit_to_the_tag() {
    let (cli, git) = repository();
    let view = prepared(&cli, &git, "");
    assert_eq!(view["schema"], "switchback.release-pr/v1");
    assert_eq!(
        (&view["state"], &view["branch"]),
        (&"made".into(), &BRANCH.into())
    );
    assert_eq!(view["title"], "chore(release): v1.2.1");
    assert!(
        view["body"]
            .as_str()
            .unwrap()
            .contains("- totals are rounded"),
        "{view}"
    );
    assert!(on_branch(&git, "Cargo.toml").contains("version = \"1.2.1\" # kept"));
    assert!(on_branch(&git, "CHANGELOG.md").contains("### Fixed\n\n- totals are rounded\n"));
    let again = prepared(&cli, &git, "");
    assert_eq!(
        (&again["state"], &again["commit"]),
        (&"unchanged".into(), &view["commit"])
    );
    assert_eq!(run(&cli, "release pr").code, 3);

    // People reword an item, add one of theirs and change another file; a new thing comes on main.
    edit(
        &git,
        "CHANGELOG.md",
        "- totals are rounded",
        "- Totals are rounded to cents",
    );
    edit(
        &git,
        "CHANGELOG.md",
        "## [1.2.0]",
        "### Security\n\n- By hand\n\n## [1.2.0]",
    );
    edit(&git, "README.md", "", "# Read me\n");
    let people = git.git(&["rev-parse", BRANCH]);
    git.commit_file("lists.rs", "//\n", "feat: list orders");
    let view = prepared(&cli, &git, "");
    assert_eq!(
        (&view["state"], &view["version"]),
        (&"updated".into(), &"1.3.0".into())
    );
    assert_eq!(
        view["kept"],
        serde_json::json!(["CHANGELOG.md", "README.md"])
    );
    let changelog = on_branch(&git, "CHANGELOG.md");
    let day = changelog
        .split("## [1.3.0] - ")
        .nth(1)
        .unwrap()
        .get(..10)
        .unwrap();
    assert_eq!(
        changelog,
        format!(
            "# Changelog\n\n## [Unreleased]\n\n## [1.3.0] - {day}\n\n### Added\n\n- list orders\n\n\
             ### Fixed\n\n- Totals are rounded to cents\n\n### Security\n\n- By hand\n\n\
             ## [1.2.0] - 2026-01-01\n\n### Added\n\n- All."
        )
    );
    assert!(on_branch(&git, "Cargo.toml").contains("1.3.0"));
    assert_eq!(on_branch(&git, "README.md"), "# Read me");
    assert_eq!(on_branch(&git, "lists.rs"), "//");
    // The branch only goes forward.
    git.git(&["merge-base", "--is-ancestor", &people, BRANCH]);
    // Once more without anything new: what people changed is kept for good.
    assert_eq!(prepared(&cli, &git, "")["state"], "unchanged");

    // Nothing is prepared on the main line before the merge; then it gets its tag and nothing else.
    assert_eq!(run(&cli, "release cut --prepared").code, 3);
    git.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge pull request #1",
        BRANCH,
    ]);
    let ran = run(&cli, "release pr");
    assert!(
        ran.code == 3 && ran.stderr.contains("say 1.3.0 already"),
        "{}",
        ran.stderr
    );
    let merged = git.git(&["rev-parse", "HEAD"]);
    let ran = run(&cli, "release cut --prepared");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(git.git(&["rev-parse", "v1.3.0^{commit}"]), merged);

    // The next one begins where the main line is.
    git.commit_file("more.rs", "//\n", "fix: more");
    let view = prepared(&cli, &git, "");
    assert_eq!(
        (&view["state"], &view["version"]),
        (&"restarted".into(), &"1.3.1".into())
    );
    assert_eq!(
        git.git(&["rev-list", "--count", &format!("main..{BRANCH}")]),
        "1"
    );
}

#[test]
fn a_branch_that_was_squashed_begins_anew_without_force() {
    let (cli, git) = repository();
    prepared(&cli, &git, "");
    edit(&git, "CHANGELOG.md", "- totals", "- Totals");
    git.git(&["merge", "-q", "--squash", BRANCH]);
    git.git(&["commit", "-q", "-m", "chore(release): v1.2.1 (#7)"]);
    assert_eq!(run(&cli, "release cut --prepared").code, 0);
    git.commit_file("more.rs", "//\n", "fix: more");
    let before = git.git(&["rev-parse", BRANCH]);
    let view = prepared(&cli, &git, "");
    assert_eq!(
        (&view["state"], &view["version"]),
        (&"restarted".into(), &"1.2.2".into())
    );
    git.git(&["merge-base", "--is-ancestor", &before, BRANCH]);
    let changelog = on_branch(&git, "CHANGELOG.md");
    assert_eq!(
        changelog.matches("Totals are rounded").count(),
        1,
        "{changelog}"
    );
    assert!(
        changelog.contains("## [1.2.2]") && changelog.contains("- more"),
        "{changelog}"
    );
}

#[test]
fn what_contradicts_is_left_to_a_person() {
    let (cli, git) = repository();
    prepared(&cli, &git, "");
    edit(&git, "Cargo.toml", "1.2.1", "5.0.0");
    let before = git.git(&["rev-parse", BRANCH]);
    git.commit_file("lists.rs", "//\n", "feat: list orders");
    let said = bad(&cli, "release pr", 1);
    assert!(
        said.contains("error[SB1631]") && said.contains("Cargo.toml, line 3"),
        "{said}"
    );
    assert_eq!(git.git(&["rev-parse", BRANCH]), before);
    // They get together where the main line asks for what people wrote.
    git.git(&[
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "chore: five\n\nRelease-As: 5.0.0",
    ]);
    git.write(
        "changelog.d/five.md",
        "+++\nkind = \"added\"\n+++\n\nFive.\n",
    );
    git.commit("docs: five");
    let view = prepared(&cli, &git, "");
    assert_eq!(
        (&view["state"], &view["version"]),
        (&"updated".into(), &"5.0.0".into())
    );
}

#[test]
fn branches_that_are_not_its_own_are_left_alone() {
    let (cli, git) = repository();
    git.git(&["checkout", "-q", "-b", BRANCH]);
    let said = bad(&cli, "release pr", 1);
    assert!(
        said.contains("error[SB1631]") && said.contains("checked out"),
        "{said}"
    );
    git.commit_file("own.rs", "//\n", "feat: somebody's own");
    git.git(&["checkout", "-q", "main"]);
    let said = bad(&cli, "release pr", 1);
    assert!(
        said.contains("error[SB1631]") && said.contains("--branch"),
        "{said}"
    );
    assert_eq!(
        prepared(&cli, &git, "--branch release/other")["state"],
        "made"
    );
    for name in ["-x", "a..b", "a b", ""] {
        let ran = cli
            .run(["release", "pr", &format!("--branch={name}")])
            .unwrap();
        assert_ne!(ran.code, 0, "{name}");
        assert!(ran.stderr.contains("error[SB"), "{name}: {}", ran.stderr);
    }
    // Nothing to release, nothing to look at.
    git.git(&["tag", "v9.0.0"]);
    assert_eq!(run(&cli, "release pr").code, 3);
    git.commit_file("x.rs", "//\n", "feat: x");
    git.git(&["rm", "-q", "Cargo.toml", "CHANGELOG.md"]);
    git.commit("chore: no files");
    assert!(bad(&cli, "release pr", 2).starts_with("error[SB1605]"));
}

#[test]
fn a_dry_run_moves_nothing() {
    let (cli, git) = repository();
    let view = prepared(&cli, &git, "--dry-run");
    assert_eq!(
        (&view["state"], &view["done"]),
        (&"made".into(), &false.into())
    );
    assert_eq!(git.git(&["branch", "--list", BRANCH]), "");
}

#[test]
fn it_goes_on_from_the_branch_of_a_remote() {
    let (cli, git) = repository();
    let remote = tempfile::tempdir().unwrap();
    let url = remote.path().display().to_string();
    git.git(&["init", "-q", "--bare", &url]);
    git.git(&["remote", "add", "origin", &url]);
    git.git(&["push", "-q", "origin", "main", "v1.2.0"]);
    let view = prepared(&cli, &git, "--push");
    assert_eq!(
        (&view["state"], &view["pushed"]),
        (&"made".into(), &"origin".into())
    );
    assert_eq!(
        git.git(&["ls-remote", "origin", BRANCH]).get(..40),
        view["commit"].as_str()
    );

    // Somebody else edits it there; a runner that has never seen the branch goes on from that.
    edit(&git, "CHANGELOG.md", "- totals", "- Totals");
    git.git(&["push", "-q", "origin", BRANCH]);
    git.git(&["branch", "-q", "-D", BRANCH]);
    git.commit_file("lists.rs", "//\n", "feat: list orders");
    let view = prepared(&cli, &git, "--push origin");
    assert_eq!(
        (&view["state"], &view["kept"]),
        (&"updated".into(), &serde_json::json!(["CHANGELOG.md"]))
    );
    assert_eq!(
        git.git(&["ls-remote", "origin", BRANCH]).get(..40),
        view["commit"].as_str()
    );

    // The branch here and there went different ways.
    let there = git.git(&["rev-parse", BRANCH]);
    git.git(&["branch", "-q", "-f", BRANCH, &format!("{there}~1")]);
    edit(&git, "README.md", "", "# Read me\n");
    let said = bad(&cli, "release pr --push", 1);
    assert!(
        said.contains("error[SB1631]") && said.contains("different ways"),
        "{said}"
    );
    assert_eq!(
        git.git(&["ls-remote", "origin", BRANCH]).get(..40),
        Some(there.as_str())
    );
}

#[test]
fn what_is_not_committed_is_not_prepared() {
    let (cli, git) = repository();
    git.write("CHANGELOG.md", CHANGES.replace("All", "All of it"));
    let said = bad(&cli, "release pr", 1);
    assert!(said.contains("error[SB0603]"), "{said}");
    assert_eq!(git.git(&["branch", "--list", BRANCH]), "");
}

/// Makes the branch of the next release, and merges it into what came meanwhile.
fn merged_with(git: &ScratchRepository, cli: &Cli, message: &str, squash: bool) {
    prepared(cli, git, "");
    git.commit_file("late.rs", "//\n", message);
    match squash {
        true => {
            git.git(&["merge", "-q", "--squash", BRANCH]);
            git.git(&["commit", "-q", "-m", "chore(release): v1.2.1"]);
        }
        false => {
            git.git(&["merge", "-q", "--no-edit", BRANCH]);
        }
    }
}

fn changelog(git: &ScratchRepository) -> String {
    String::from_utf8(git.read("CHANGELOG.md")).unwrap()
}

#[test]
fn what_was_merged_beside_it_is_told_before_the_tag() {
    for squash in [false, true] {
        let (cli, git) = repository();
        merged_with(&git, &cli, "fix: late", squash);
        let ran = run(&cli, "release cut --prepared");
        assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("not all of them"), "{}", ran.stderr);

        assert_eq!(prepared(&cli, &git, "")["version"], "1.2.1");
        git.git(&["merge", "-q", "--no-edit", BRANCH]);
        let text = changelog(&git);
        assert!(text.contains("- totals are rounded\n- late\n"), "{text}");
        assert_eq!(text.matches("## [1.2.1]").count(), 1, "{text}");
        assert_eq!(run(&cli, "release cut --prepared").code, 0);
        assert_eq!(run(&cli, "release pr").code, 3);
    }
}

#[test]
fn a_version_that_never_came_is_none_in_the_changelog() {
    let (cli, git) = repository();
    merged_with(&git, &cli, "feat: late", false);
    let view = prepared(&cli, &git, "");
    assert_eq!(view["version"], "1.3.0");
    let said = run(&cli, "release pr --dry-run").stderr;
    assert!(said.contains("1.2.1 has no tag"), "{said}");
    git.git(&["merge", "-q", "--no-edit", BRANCH]);
    let text = changelog(&git);
    assert!(!text.contains("1.2.1"), "{text}");
    assert_eq!(text.matches("totals are rounded").count(), 1, "{text}");
    assert!(
        text.contains("### Added\n\n- late\n\n### Fixed\n\n- totals"),
        "{text}"
    );
    assert_eq!(run(&cli, "release cut --prepared").code, 0);
    // A tag that is elsewhere is a release all the same.
    let text = text.replacen(
        "## [1.3.0]",
        "## [1.3.1] - 2026-01-02\n\n### Fixed\n\n- x\n\n## [1.3.0]",
        1,
    );
    git.git(&["tag", "v1.3.1", "v1.2.0"]);
    git.write("CHANGELOG.md", &text);
    git.commit("docs: carried forward");
    git.commit_file("new.rs", "//\n", "feat: new");
    prepared(&cli, &git, "");
    let text = on_branch(&git, "CHANGELOG.md");
    assert!(text.contains("## [1.3.1] - 2026-01-02"), "{text}");
}

#[test]
fn a_push_that_is_refused_leaves_no_branch() {
    let (cli, git) = repository();
    let remote = cli.home().join("remote.git");
    git.git(&["init", "-q", "--bare", remote.to_str().unwrap()]);
    git.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    let hook = remote.join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho 'not today' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let said = bad(&cli, "release pr --push", 1);
    assert!(said.contains("not today"), "{said}");
    assert_eq!(git.git(&["branch", "--list", BRANCH]), "");
    // Made here, and pushed later.
    prepared(&cli, &git, "");
    fs::remove_file(&hook).unwrap();
    let ran = run(&cli, "release pr --push");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("pushed to origin"), "{}", ran.stdout);
    assert_eq!(run(&cli, "release pr --push").code, 3);
}

#[test]
fn texts_that_cannot_be_made_leave_no_branch() {
    let (cli, git) = repository();
    let settings = "schema = 1\nproject.name = \"shop\"\nnotes.release-notes = \"n.jinja\"\n";
    git.write("switchback.toml", settings);
    git.write("n.jinja", "word ".repeat(250));
    git.commit("chore: texts");
    let refs = git.git(&["for-each-ref"]);
    let said = bad(&cli, "release pr", 2);
    assert!(said.contains("error[SB1620]"), "{said}");
    assert_eq!(git.git(&["for-each-ref"]), refs);
}
