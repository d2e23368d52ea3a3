//! `switchback release hotfix` in real repositories.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::release::{KILL, create_ledger};
use support::{run, switchback};
use switchback_testkit::cli::{Cli, Ran};
use switchback_testkit::git::ScratchRepository;

/// A repository at 1.4.2, whose main line has a new thing and a fix since.
fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.git(&["config", "--unset", "tag.gpgsign"]);
    git.write("VERSION", "1.4.2\n");
    git.write("orders.rs", "one\ntwo\nthree\nfour\nfive\n");
    git.commit("feat: orders");
    git.git(&["tag", "v1.4.2"]);
    git.commit_file("list.rs", "list\n", "feat: list orders");
    git.commit_file("totals.rs", "right\n", "fix: totals are rounded");
    (cli, git)
}

/// The same whose main line has released the new thing.
fn released() -> (Cli, ScratchRepository) {
    let (cli, git) = repository();
    git.git(&["tag", "v1.5.0"]);
    (cli, git)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[track_caller]
fn shown(cli: &Cli, line: &str, code: i32) -> Value {
    let ran = run(cli, &format!("{line} --format json"));
    assert_eq!(ran.code, code, "{line}: {}{}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[track_caller]
fn hotfix(cli: &Cli, line: &str) -> Value {
    let it = shown(cli, &format!("release hotfix {line}"), 0);
    assert_eq!(it["schema"], "switchback.hotfix/v1");
    it
}

/// What a carrying forward lists: the first release or branch, and the subject.
#[track_caller]
fn carry(cli: &Cli, line: &str) -> Vec<String> {
    let ran = run(cli, &format!("release hotfix --carry {line} --format json"));
    let it: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    assert_eq!(it["schema"], "switchback.hotfix-carry/v1", "{}", ran.stderr);
    let missing = it["missing"].as_array().unwrap();
    let code = i32::from(!missing.is_empty());
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let row = |it: &Value| format!("{} {}", text(&it["of"]), text(&it["subject"]));
    missing.iter().map(row).collect()
}

fn state(git: &ScratchRepository) -> String {
    let refs = git.git(&["for-each-ref"]);
    let head = git.try_git(&["symbolic-ref", "HEAD"]).stdout;
    let status = git.git(&["status", "--porcelain"]);
    let diff = git.git(&["diff", "HEAD"]);
    let trees = git.git(&["worktree", "list"]);
    format!(
        "{refs}\n{head:?}\n{}\n{status}\n{diff}\n{trees}",
        git.head()
    )
}

/// That a command is refused with a code, and changes nothing.
#[track_caller]
fn refused_words(cli: &Cli, git: &ScratchRepository, words: &[&str], code: &str) -> Ran {
    let before = state(git);
    let ran = cli.run(words).unwrap();
    assert!(
        ran.stderr.contains(&format!("error[{code}]")),
        "{words:?}: {}{}",
        ran.stdout,
        ran.stderr
    );
    assert_ne!(ran.code, 0);
    assert_eq!(state(git), before);
    ran
}

#[track_caller]
fn refused(cli: &Cli, git: &ScratchRepository, line: &str, code: &str) -> Ran {
    refused_words(cli, git, &words(line), code)
}

fn branch(git: &ScratchRepository) -> String {
    git.git(&["symbolic-ref", "--short", "HEAD"])
}

fn commit_of(git: &ScratchRepository, name: &str) -> String {
    git.git(&["rev-parse", &format!("{name}^{{commit}}")])
}

/// Tags a commit beside what is checked out, which has one file more.
fn release_elsewhere(git: &ScratchRepository, from: &str, tag: &str) {
    let before = branch(git);
    git.git(&["checkout", "-q", "--detach", from]);
    git.commit_file(
        &format!("{tag}.txt"),
        tag,
        &format!("fix: what {tag} is for"),
    );
    git.git(&["tag", tag]);
    git.git(&["checkout", "-q", &before]);
}

fn settings(git: &ScratchRepository, more: &str) {
    let text = format!("schema = 1\nproject.name = \"shop\"\n{more}");
    git.write("switchback.toml", text);
    git.write(".gitignore", ".switchback/\n");
    git.commit("chore: settings");
}

fn at(cli: &Cli, folder: &Path, line: &str) -> Ran {
    let ran = cli.command(words(line)).current_dir(folder).output();
    ran.unwrap().into()
}

#[test]
fn a_release_is_mended_and_the_fix_is_carried_forward() {
    let (cli, git) = repository();
    let would = hotfix(&cli, "v1.4.2 --dry-run");
    assert_eq!(
        (&would["made"], &would["dry_run"]),
        (&true.into(), &true.into())
    );
    assert_eq!(
        (
            branch(&git).as_str(),
            git.git(&["branch", "--list", "hotfix/*"])
        ),
        ("main", String::new())
    );

    let made = hotfix(&cli, "v1.4.2");
    assert_eq!(made["branch"], "hotfix/v1.4.3");
    assert_eq!(made["version"], "1.4.3");
    assert_eq!(branch(&git), "hotfix/v1.4.3");
    assert_eq!(git.head(), commit_of(&git, "v1.4.2"));
    // Once more there is nothing to do, whatever lies about.
    git.write("orders.rs", "half a fix\n");
    assert_eq!(shown(&cli, "release hotfix v1.4.2", 3)["made"], false);
    assert_eq!(
        shown(&cli, "release hotfix --check", 0)["version"],
        Value::Null
    );

    git.commit_file(
        "orders.rs",
        "one\ntwo\nthree\nfour\nsix\n",
        "fix: no order is lost",
    );
    assert_eq!(
        shown(&cli, "version", 0)["hotfix"]["known_by"]["kind"],
        "branch"
    );
    let checked = shown(&cli, "release hotfix --check", 0);
    assert_eq!(
        (&checked["schema"], &checked["tag"]),
        (&"switchback.hotfix-check/v1".into(), &"v1.4.3".into())
    );
    let fix = git.head();
    let ran = run(&cli, "release cut");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("cut the next release 1.4.3 as v1.4.3"),
        "{}",
        ran.stdout
    );
    let picks = format!("  git switch main\n  git cherry-pick -x {}\n", &fix[..7]);
    assert!(ran.stdout.ends_with(&picks), "{}", ran.stdout);
    let says = git.git(&["for-each-ref", "--format=%(contents)", "refs/tags/v1.4.3"]);
    assert!(says.contains("\nSwitchback-Hotfix-Of: v1.4.2"), "{says}");

    // The commit of the release itself is not carried.
    assert_eq!(carry(&cli, ""), ["v1.4.3 fix: no order is lost"]);
    git.git(&["switch", "-q", "main"]);
    assert_eq!(carry(&cli, "v1.4.3"), ["v1.4.3 fix: no order is lost"]);
    git.git(&["cherry-pick", "-x", &fix[..7]]);
    assert!(carry(&cli, "").is_empty());
    let ran = run(&cli, "release hotfix --carry");
    assert_eq!(ran.stdout, "main has all of v1.4.3\n");
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.5.0");
}

#[test]
fn the_next_patch_that_is_free_is_taken() {
    let (cli, git) = released();
    release_elsewhere(&git, "v1.4.2", "v1.4.3");
    let made = hotfix(&cli, "v1.4.2 --dry-run");
    assert_eq!(
        (&made["tag"], &made["later"]),
        (&"v1.4.4".into(), &serde_json::json!(["v1.4.3"]))
    );
    // Somebody is about to release that.
    release_elsewhere(&git, "v1.4.2", "v1.4.4-rc.1");
    assert_eq!(hotfix(&cli, "v1.4.2")["branch"], "hotfix/v1.4.5");
    // What is judged is what was named.
    git.commit_file("x.rs", "x\n", "fix: x");
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.4.5");
    assert_eq!(
        shown(&cli, "release hotfix v1.5.0 --dry-run", 0)["branch"],
        "hotfix/v1.5.1"
    );
}

#[test]
fn the_main_line_goes_on_behind_a_hotfix() {
    let (cli, git) = repository();
    git.git(&["reset", "-q", "--hard", "v1.4.2"]);
    release_elsewhere(&git, "v1.4.2", "v1.4.3");
    git.commit_file("x.rs", "x\n", "fix: x");
    let next = shown(&cli, "version", 0);
    assert_eq!(
        (&next["decision"]["version"], &next["hotfix"]),
        (&"1.4.4".into(), &Value::Null)
    );
    assert_eq!(next["passed_over"], serde_json::json!(["1.4.3"]));
    git.commit_file("y.rs", "y\n", "feat: y");
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.5.0");
}

#[test]
fn what_is_more_than_a_fix_is_refused() {
    let (cli, git) = repository();
    hotfix(&cli, "v1.4.2");
    git.commit_file("x.rs", "x\n", "fix: x");
    let feature = git.commit_file("y.rs", "y\n", "feat: y");
    for line in [
        "release cut",
        "release hotfix --check",
        "release cut --propose 1.4.3",
    ] {
        let ran = refused(&cli, &git, line, "SB1616");
        assert!(
            ran.stderr.contains(&feature[..7]) && ran.stderr.contains("`feat: y`"),
            "{}",
            ran.stderr
        );
        let leave = format!("git revert --no-edit {}", &feature[..7]);
        assert!(ran.stderr.contains(&leave), "{}", ran.stderr);
        assert!(!ran.stderr.contains("`fix: x`"), "{}", ran.stderr);
    }
    // As it is told.
    git.git(&["revert", "--no-edit", &feature[..7]]);
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.4.3");

    // A change file says so as well.
    let written = run(
        &cli,
        "version entry Orders --kind added --level minor --name orders",
    );
    assert_eq!(written.code, 0, "{}", written.stderr);
    git.commit("docs: what is new");
    let ran = refused(&cli, &git, "release cut", "SB1616");
    assert!(
        ran.stderr.contains("changelog.d/orders.md"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_contract_that_breaks_is_refused() {
    let (cli, git) = repository();
    git.git(&["checkout", "-q", "v1.4.2"]);
    git.write(
        "order.json",
        r#"{"type": "object", "properties": {"id": {"type": "string"}}}"#,
    );
    settings(&git, "\n[[contracts.file]]\npath = \"order.json\"\n");
    git.git(&["tag", "v1.4.3"]);
    hotfix(&cli, "v1.4.3");
    let breaks =
        r#"{"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}"#;
    git.commit_file("order.json", breaks, "fix: orders have an id");
    let ran = refused(&cli, &git, "release cut", "SB1616");
    assert!(ran.stderr.contains("order.json:1"), "{}", ran.stderr);
}

#[test]
fn a_line_behind_a_later_release_is_known_in_any_clone_under_any_name() {
    let (cli, git) = released();
    hotfix(&cli, "v1.4.2 --branch urgent");
    git.commit_file("y.rs", "y\n", "feat: y");
    let clone = cli.home().join("clone");
    let url = format!("file://{}", git.path().display());
    git.git(&["clone", "-q", &url, clone.to_str().unwrap()]);
    let there = ScratchRepository::existing(&clone);
    // As continuous integration checks it out.
    there.git(&["checkout", "-q", "--detach", "origin/urgent"]);
    let ran = at(&cli, &clone, "version");
    assert!(
        ran.stderr.contains("error[SB1616]")
            && ran.stderr.contains("v1.5.0 was released elsewhere"),
        "{}",
        ran.stderr
    );

    // A number of the main line, by somebody or by a commit.
    git.git(&["reset", "-q", "--hard", "v1.4.2"]);
    git.commit_file("x.rs", "x\n", "fix: x");
    for version in ["1.5.0", "1.5.1", "2.0.0", "1.5.0-rc.1"] {
        let ran = refused(
            &cli,
            &git,
            &format!("release cut --propose {version}"),
            "SB1601",
        );
        assert!(
            ran.stderr.contains("v1.5.0 was released elsewhere"),
            "{}",
            ran.stderr
        );
    }
    git.commit_file("x.rs", "xx\n", "fix: xx\n\nRelease-As: 1.6.0");
    refused(&cli, &git, "release cut", "SB1601");

    // Where there is no later release, the name says it, or whoever asks.
    git.git(&["tag", "-d", "v1.5.0"]);
    git.git(&["reset", "-q", "--hard", "v1.4.2"]);
    git.commit_file("y.rs", "y\n", "feat: y");
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.5.0");
    refused(&cli, &git, "release hotfix --check", "SB1616");
    git.git(&["branch", "-m", "hotfix/v1.4.3"]);
    refused(&cli, &git, "version", "SB1616");
    refused(&cli, &git, "release hotfix --check --commit HEAD", "SB1616");
    // The main line that merges a hotfix is none.
    git.git(&["reset", "-q", "--hard", "v1.4.2"]);
    git.commit_file("x.rs", "x\n", "fix: x");
    git.git(&["tag", "v1.4.3"]);
    git.git(&["switch", "-q", "main"]);
    git.git(&["merge", "-q", "--no-edit", "v1.4.3"]);
    let next = shown(&cli, "version", 0);
    assert_eq!(
        (&next["decision"]["version"], &next["hotfix"]),
        (&"1.5.0".into(), &Value::Null)
    );
    assert!(carry(&cli, "").is_empty());
}

#[test]
fn commits_are_picked_oldest_first() {
    let (cli, git) = released();
    let fix = git.head();
    let later = git.commit_file("later.rs", "later\n", "fix: later");
    let line = format!("v1.4.2 --pick {} {fix} {later}", &later[..8]);
    let would = hotfix(&cli, &format!("{line} --dry-run"));
    assert_eq!(would["picked"].as_array().unwrap().len(), 2);
    assert_eq!(branch(&git), "main");
    assert_eq!(git.git(&["worktree", "list"]).lines().count(), 1);

    let made = hotfix(&cli, &line);
    let from = |at: usize| made["picked"][at]["from"].as_str().unwrap().to_owned();
    assert_eq!((from(0), from(1)), (fix.clone(), later.clone()));
    assert_eq!(git.head(), made["picked"][1]["commit"]);
    assert_eq!(git.git(&["rev-parse", "HEAD~2"]), commit_of(&git, "v1.4.2"));
    let message = git.git(&["log", "-1", "--format=%B", "HEAD^"]);
    assert_eq!(
        message,
        format!("fix: totals are rounded\n\n(cherry picked from commit {fix})")
    );
    assert_eq!(git.git(&["status", "--porcelain"]), "");
    // Twice is once, and from anywhere.
    assert_eq!(
        shown(&cli, &format!("release hotfix {line}"), 3)["made"],
        false
    );
    git.git(&["switch", "-q", "main"]);
    let again = format!("v1.4.2 --pick {fix} {later}");
    assert_eq!(hotfix(&cli, &again)["checked_out"], true);
    assert_eq!(branch(&git), "hotfix/v1.4.3");
    // Others are other ones.
    refused(
        &cli,
        &git,
        &format!("release hotfix v1.4.2 --pick {fix}"),
        "SB1618",
    );
    // Both came from the main line.
    assert!(carry(&cli, "hotfix/v1.4.3").is_empty());
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.4.3");
}

#[test]
fn picks_go_onto_a_branch_that_is_at_the_tag() {
    let (cli, git) = released();
    let fix = git.head();
    hotfix(&cli, "v1.4.2 --no-checkout");
    assert_eq!(branch(&git), "main");
    let line = format!("v1.4.2 --pick {fix}");
    hotfix(&cli, &format!("{line} --no-checkout"));
    assert_eq!(branch(&git), "main");
    assert_eq!(commit_of(&git, "hotfix/v1.4.3^"), commit_of(&git, "v1.4.2"));
    // And where it is checked out.
    git.git(&["branch", "-q", "-f", "hotfix/v1.4.3", "v1.4.2"]);
    hotfix(&cli, "v1.4.2");
    hotfix(&cli, &line);
    assert_eq!(git.read("totals.rs"), b"right\n");
    assert_eq!(git.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_conflict_leaves_everything_as_it_was() {
    let (cli, git) = released();
    git.commit_file("orders.rs", "one\ntwo\nTHREE\nfour\nfive\n", "fix: three");
    let conflict = git.commit_file("orders.rs", "one\ntwo\nDREI\nfour\nfive\n", "fix: drei");
    let line = format!("release hotfix v1.4.2 --pick HEAD~2 {conflict}");
    for line in [
        line.clone(),
        format!("{line} --dry-run"),
        format!("{line} --no-checkout"),
    ] {
        let ran = refused(&cli, &git, &line, "SB1619");
        assert_eq!(ran.code, 5);
        let by_hand = format!(
            "&& git cherry-pick -x {} {}",
            &commit_of(&git, "HEAD~2")[..12],
            &conflict[..12]
        );
        for part in [
            &conflict[..12],
            "conflict in orders.rs",
            "git switch --create hotfix/v1.4.3 ",
            &by_hand,
        ] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
    }
    assert_eq!(
        fs::read_dir(git.path().join(".git/switchback-pick"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn what_cannot_be_picked_is_refused() {
    let (cli, git) = released();
    let feature = commit_of(&git, "HEAD^");
    let ran = refused(
        &cli,
        &git,
        &format!("release hotfix v1.4.2 --pick HEAD {feature}"),
        "SB1616",
    );
    assert!(ran.stderr.contains("feat: list orders"), "{}", ran.stderr);
    refused(&cli, &git, "release hotfix v1.4.2 --pick nowhere", "SB1603");
    refused(
        &cli,
        &git,
        "release hotfix v1.4.2 --pick HEAD~1..HEAD",
        "SB1603",
    );
    git.git(&["checkout", "-q", "-b", "side", "HEAD^"]);
    git.commit_file("side.rs", "side\n", "fix: side");
    git.git(&["checkout", "-q", "main"]);
    git.git(&["merge", "-q", "--no-edit", "side"]);
    refused(&cli, &git, "release hotfix v1.4.2 --pick HEAD", "SB1619");
    // What does nothing there, and what is there.
    git.commit_file("orders.rs", "other\n", "fix: other");
    git.commit_file(
        "orders.rs",
        "one\ntwo\nthree\nfour\nfive\n",
        "fix: as it was",
    );
    git.git(&["commit", "-q", "--allow-empty", "-m", "fix: nothing"]);
    refused(&cli, &git, "release hotfix v1.4.2 --pick HEAD", "SB1619");
    let ran = run(&cli, "release hotfix v1.4.2 --pick v1.4.2 --no-checkout");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("is in v1.4.2 already"),
        "{}",
        ran.stderr
    );
}

#[test]
fn hooks_and_configuration_count() {
    let (cli, git) = released();
    let pick = format!("release hotfix v1.4.2 --pick {}", git.head());
    let hooked = git.hook("prepare-commit-msg", "echo 'not today' >&2\nexit 1");
    let ran = refused(&cli, &git, &pick, "SB0606");
    assert!(ran.stderr.contains("not today"), "{}", ran.stderr);
    // None runs in a dry run.
    assert_eq!(run(&cli, &format!("{pick} --dry-run")).code, 0);
    fs::remove_file(hooked).unwrap();
    git.git(&["config", "commit.gpgSign", "true"]);
    git.git(&["config", "gpg.program", "/no/such/program"]);
    refused(&cli, &git, &pick, "SB0606");
    git.git(&["config", "commit.gpgSign", "false"]);
    // One that fails after the fact changes nothing.
    git.hook("post-checkout", "exit 1");
    assert_eq!(run(&cli, &pick).code, 0);
    assert_eq!(branch(&git), "hotfix/v1.4.3");
}

#[test]
fn a_run_that_died_while_it_picked_is_done_again() {
    let (cli, git) = released();
    let fix = git.head();
    let later = git.commit_file("later.rs", "later\n", "fix: later");
    let line = format!("v1.4.2 --pick {fix} {later}");
    // After the first of two; the hook's parent is Git, and whoever started Git is its parent.
    let kill = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat) $PPID";
    let hooked = git.hook("post-commit", kill);
    let refs = git.git(&["for-each-ref"]);
    let died = run(&cli, &format!("release hotfix {line}"));
    assert_eq!(died.code, 137, "{}", died.stderr);
    fs::remove_file(hooked).unwrap();
    assert_eq!(
        (branch(&git).as_str(), git.git(&["for-each-ref"])),
        ("main", refs)
    );
    assert_eq!(git.git(&["status", "--porcelain"]), "");
    hotfix(&cli, &line);
    assert_eq!(git.git(&["rev-parse", "HEAD~2"]), commit_of(&git, "v1.4.2"));
    assert_eq!(git.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn a_run_that_died_while_it_checked_out_is_gone_on_with() {
    let (cli, git) = released();
    let line = format!("v1.4.2 --pick {}", git.head());
    let hooked = git.hook("post-checkout", KILL);
    let died = run(&cli, &format!("release hotfix {line}"));
    assert_eq!(died.code, 137, "{}", died.stderr);
    fs::remove_file(hooked).unwrap();
    assert_eq!(
        shown(&cli, &format!("release hotfix {line}"), 3)["branch"],
        "hotfix/v1.4.3"
    );
    assert_eq!(branch(&git), "hotfix/v1.4.3");
}

#[test]
fn only_a_release_of_the_component_is_mended() {
    let (cli, git) = released();
    git.git(&["tag", "v1.6.0-rc.1"]);
    git.git(&["tag", "nightly"]);
    let blob = git.git(&["rev-parse", "HEAD:VERSION"]);
    let near = |tag: &str, says: &str| {
        let ran = refused(&cli, &git, &format!("release hotfix {tag}"), "SB1617");
        assert!(ran.stderr.contains(says), "{tag}: {}", ran.stderr);
        assert_eq!(ran.code, 2);
    };
    near("1.4.2", "did you mean `v1.4.2`?");
    near("v1.4.1", "did you mean `v1.4.2`?");
    near("nightly", "called `v{version}`");
    near("v1.6.0-rc.1", "it is a candidate");
    // What looks like an option or leads out of anything is a name, or none.
    for odd in [
        "../../x",
        "v1.4.2^{}",
        "v1.4.2..v1.5.0",
        "@{-1}",
        "refs/tags/v1.4.2",
    ] {
        refused(&cli, &git, &format!("release hotfix {odd}"), "SB1617");
    }
    refused_words(
        &cli,
        &git,
        &["release", "hotfix", "v1.4.2\n\u{1b}[2J"],
        "SB1617",
    );
    let ran = run(&cli, "release hotfix --upload-pack=x");
    assert_eq!(ran.code, 2);
    git.git(&["tag", "v1.4.18446744073709551615", "v1.4.2"]);
    near("v1.4.18446744073709551615", "no higher number");
    git.git(&["tag", "-d", "v1.4.18446744073709551615"]);
    git.git(&["tag", "v0.9.0", &blob]);
    near("v0.9.0", "something else than a commit");
    git.git(&["tag", "-d", "v0.9.0"]);

    settings(
        &git,
        "[[component]]\nname = \"api\"\n[[component]]\nname = \"web\"\npath = \"web\"\n",
    );
    git.git(&["tag", "api-v1.4.2", "v1.4.2"]);
    git.git(&["tag", "-a", "-m", "web", "web-v2.0.0"]);
    let ran = refused(
        &cli,
        &git,
        "release hotfix web-v2.0.0 --component api",
        "SB1617",
    );
    assert!(
        ran.stderr
            .contains("it is a release of web: --component web"),
        "{}",
        ran.stderr
    );
    let made = hotfix(&cli, "web-v2.0.0 --component web --no-checkout");
    assert_eq!(made["branch"], "hotfix/web-v2.0.1");
    assert_eq!(made["next"][3], "switchback release cut --component web");
    assert_eq!(
        hotfix(&cli, "api-v1.4.2 --component api --no-checkout")["branch"],
        "hotfix/api-v1.4.3"
    );
}

#[test]
fn a_branch_that_is_something_else_is_not_touched() {
    let (cli, git) = released();
    git.git(&["branch", "hotfix/v1.4.3"]);
    let ran = refused(&cli, &git, "release hotfix v1.4.2", "SB1618");
    assert!(
        ran.stderr.contains("git switch hotfix/v1.4.3"),
        "{}",
        ran.stderr
    );
    git.git(&["branch", "-q", "-f", "hotfix/v1.4.3", "v1.4.2"]);
    assert_eq!(hotfix(&cli, "v1.4.2")["made"], false);
    git.git(&["switch", "-q", "main"]);
    git.git(&["branch", "-q", "-D", "hotfix/v1.4.3"]);
    // Somebody else has pushed one.
    git.git(&["remote", "add", "origin", "/no/such/place"]);
    git.git(&["update-ref", "refs/remotes/origin/hotfix/v1.4.3", "HEAD"]);
    let ran = refused(&cli, &git, "release hotfix v1.4.2", "SB1618");
    assert!(ran.stderr.contains("origin has it"), "{}", ran.stderr);
    git.git(&["update-ref", "-d", "refs/remotes/origin/hotfix/v1.4.3"]);
    git.git(&["branch", "hotfix"]);
    let ran = refused(&cli, &git, "release hotfix v1.4.2", "SB1618");
    assert!(ran.stderr.contains("a branch `hotfix`"), "{}", ran.stderr);
    refused(&cli, &git, "release hotfix v1.4.2 --branch main", "SB1618");
    // In another work tree.
    let tree = cli.home().join("tree");
    git.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "there",
        tree.to_str().unwrap(),
        "v1.4.2",
    ]);
    refused(
        &cli,
        &git,
        "release hotfix v1.4.2 --branch there --pick HEAD",
        "SB1618",
    );

    for odd in [
        "-x",
        "HEAD",
        "@",
        "a b",
        "a..b",
        "a.lock",
        "/a",
        "a\u{1b}[2J",
        "",
    ] {
        let branch = format!("--branch={odd}");
        refused_words(
            &cli,
            &git,
            &["release", "hotfix", "v1.4.2", &branch],
            "SB0606",
        );
    }
    // What Git takes and a shell does not is quoted.
    let words = [
        "release",
        "hotfix",
        "v1.4.2",
        "--no-checkout",
        "--branch=x;$(y)'z",
        "--format",
        "json",
    ];
    let ran = cli.run(words).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let made: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(made["next"][0], r"git switch 'x;$(y)'\''z'");
}

#[test]
fn nothing_of_anybodys_work_is_carried_away() {
    let (cli, git) = released();
    git.write("orders.rs", "half of something\n");
    let ran = refused(&cli, &git, "release hotfix v1.4.2", "SB0603");
    assert!(ran.stderr.contains("orders.rs"), "{}", ran.stderr);
    git.git(&["add", "."]);
    refused(&cli, &git, "release hotfix v1.4.2", "SB0603");
    assert_eq!(hotfix(&cli, "v1.4.2 --no-checkout")["checked_out"], false);
    git.git(&["reset", "-q", "--hard"]);
    // What Git does not know stays, and is not written over.
    git.git(&["rm", "-q", "orders.rs"]);
    git.commit("fix: no orders");
    git.write("orders.rs", "notes\n");
    refused(&cli, &git, "release hotfix v1.4.2", "SB0606");
    fs::rename(git.path().join("orders.rs"), git.path().join("notes.txt")).unwrap();
    hotfix(&cli, "v1.4.2");
    assert_eq!(git.read("notes.txt"), b"notes\n");
    // From no branch at all.
    git.git(&["checkout", "-q", "--detach", "main"]);
    hotfix(&cli, "v1.5.0");
    assert_eq!(branch(&git), "hotfix/v1.5.1");
}

#[test]
fn a_part_of_a_history_is_not_enough() {
    let (cli, git) = released();
    let url = format!("file://{}", git.path().display());
    let shallow = cli.home().join("shallow");
    git.git(&[
        "clone",
        "-q",
        "--depth",
        "1",
        "--no-single-branch",
        &url,
        shallow.to_str().unwrap(),
    ]);
    ScratchRepository::existing(&shallow).git(&["fetch", "-q", "--depth", "1", "--tags"]);
    for line in [
        "release hotfix --carry v1.4.2",
        "release hotfix v1.4.2 --pick HEAD",
    ] {
        let ran = at(&cli, &shallow, line);
        assert!(
            ran.stderr.contains("error[SB1603]"),
            "{line}: {}{}",
            ran.stdout,
            ran.stderr
        );
        assert!(ran.stderr.contains("--unshallow"), "{}", ran.stderr);
    }
    // A tag that is here is enough for a branch.
    let ran = at(&cli, &shallow, "release hotfix v1.4.2");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_tag_that_moved_is_not_mended() {
    let (cli, git) = repository();
    settings(&git, "");
    create_ledger(&cli);
    let cut = shown(&cli, "release cut", 0);
    assert_eq!(
        (&cut["tag"], &cut["hotfix"]),
        (&"v1.5.0".into(), &Value::Null)
    );
    let object = git.git(&["rev-parse", "v1.5.0"]);
    git.git(&["tag", "-f", "-a", "-m", "moved", "v1.5.0", "HEAD^"]);
    refused(&cli, &git, "release hotfix v1.5.0", "SB1604");
    git.git(&["update-ref", "refs/tags/v1.5.0", &object]);
    hotfix(&cli, "v1.5.0");
    git.commit_file("x.rs", "x\n", "fix: x");
    let cut = shown(&cli, "release cut", 0);
    assert_eq!(
        (&cut["tag"], &cut["recorded"]),
        (&"v1.5.1".into(), &true.into())
    );
    assert_eq!(cut["hotfix"]["of"], "v1.5.0");
    assert_eq!(
        cut["hotfix"]["carry"]["missing"].as_array().unwrap().len(),
        1
    );
    let log = run(&cli, "ledger log");
    assert!(log.stdout.contains("a hotfix of v1.5.0"), "{}", log.stdout);
    assert_eq!(
        log.stdout.matches("a hotfix of").count(),
        1,
        "{}",
        log.stdout
    );
    assert_eq!(run(&cli, "ledger verify").code, 0);
}

#[test]
fn a_hotfix_is_recorded_as_one_also_after_an_interruption() {
    let (cli, git) = released();
    hotfix(&cli, "v1.4.2");
    git.commit_file("x.rs", "x\n", "fix: x");
    assert_eq!(shown(&cli, "release cut", 0)["recorded"], false);
    // Not committed, so that what is checked out stays the release.
    git.write("switchback.toml", "schema = 1\nproject.name = \"shop\"\n");
    create_ledger(&cli);
    let cut = shown(&cli, "release cut", 0);
    assert_eq!(
        (&cut["recorded"], &cut["hotfix"]["of"]),
        (&true.into(), &"v1.4.2".into())
    );
    let log = run(&cli, "ledger log");
    assert!(log.stdout.contains("a hotfix of v1.4.2"), "{}", log.stdout);
}

#[test]
fn two_lines_at_once_are_told_apart() {
    let (cli, git) = released();
    for (tag, file) in [("v1.5.0", "b.rs"), ("v1.4.2", "a.rs")] {
        hotfix(&cli, tag);
        git.commit_file(file, "x\n", &format!("fix: {file}"));
        assert_eq!(run(&cli, "release cut").code, 0);
    }
    // Once more on one of them.
    git.commit_file("c.rs", "x\n", "fix: c.rs");
    assert_eq!(shown(&cli, "release cut", 0)["tag"], "v1.4.4");
    assert_eq!(
        carry(&cli, ""),
        ["v1.4.3 fix: a.rs", "v1.4.4 fix: c.rs", "v1.5.1 fix: b.rs"]
    );
    assert_eq!(carry(&cli, "--from 1.5.0"), ["v1.5.1 fix: b.rs"]);
    assert_eq!(carry(&cli, "v1.4.3"), ["v1.4.3 fix: a.rs"]);
    git.git(&["switch", "-q", "main"]);
    git.git(&["merge", "-q", "--no-edit", "v1.5.1"]);
    assert_eq!(carry(&cli, ""), ["v1.4.3 fix: a.rs", "v1.4.4 fix: c.rs"]);
    // The merge alone says that nothing else is needed.
    git.git(&["merge", "-q", "--no-edit", "-s", "ours", "v1.4.4"]);
    assert!(carry(&cli, "").is_empty());
}

#[test]
fn what_is_there_under_another_id_is_known() {
    let (cli, git) = released();
    hotfix(&cli, "v1.4.2");
    let one = git.commit_file("one.rs", "one\n", "fix: one");
    let two = git.commit_file("two.rs", "two\n", "fix: two");
    let three = git.commit_file("three.rs", "three\n", "docs: three");
    git.git(&["commit", "-q", "--allow-empty", "-m", "fix: nothing"]);
    git.git(&["tag", "v1.4.3"]);
    let gone = git.commit_file("gone.rs", "gone\n", "fix: gone");
    git.git(&["revert", "--no-edit", &gone]);
    git.git(&["switch", "-q", "main"]);
    let all = ["v1.4.3 fix: one", "v1.4.3 fix: two", "v1.4.3 docs: three"];
    assert_eq!(carry(&cli, ""), all);
    let on_branch = all.map(|it| it.replace("v1.4.3", "hotfix/v1.4.3"));
    assert_eq!(carry(&cli, "hotfix/v1.4.3"), on_branch);
    assert_eq!(carry(&cli, "v1.4.3 --to v1.5.0"), all);

    // The same patch without a word, under another subject.
    git.git(&["cherry-pick", &one]);
    git.git(&["commit", "-q", "--amend", "-m", "fix: One"]);
    assert_eq!(carry(&cli, ""), all[1..]);
    let picked = git.head();
    // Otherwise written, and said so.
    git.write("two.rs", "zwei\n");
    let said = format!("fix: two here\n\n(cherry picked from commit {two})");
    git.commit(&said);
    assert_eq!(carry(&cli, ""), all[2..]);
    // Not needed.
    let said = format!("(cherry picked from commit {three})");
    git.git(&[
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "chore: three is not needed",
        "-m",
        &said,
    ]);
    assert!(carry(&cli, "").is_empty());
    // Taken back, and there again.
    git.git(&["revert", "--no-edit", &picked]);
    let back = git.head();
    assert_eq!(carry(&cli, ""), all[..1]);
    let ran = run(&cli, "release hotfix --carry");
    let says = format!("was there as {}, and was taken back", &picked[..7]);
    assert!(
        ran.stdout.contains(&says) && ran.code == 1,
        "{}",
        ran.stdout
    );
    git.git(&["revert", "--no-edit", &back]);
    assert!(carry(&cli, "").is_empty());
}

#[test]
fn the_main_line_is_that_of_the_remote() {
    let (cli, git) = released();
    git.git(&["branch", "-q", "-m", "main", "stable"]);
    hotfix(&cli, "v1.4.2");
    let fix = git.commit_file("one.rs", "one\n", "fix: one");
    git.git(&["tag", "v1.4.3"]);
    let ran = refused(&cli, &git, "release hotfix --carry", "SB1603");
    assert!(ran.stderr.contains("--to REVISION"), "{}", ran.stderr);
    assert_eq!(carry(&cli, "--to stable"), ["v1.4.3 fix: one"]);
    // A release that is made is made all the same.
    git.commit_file("two.rs", "two\n", "fix: two");
    let ran = run(&cli, "release cut");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("what has to be carried forward is not known"),
        "{}",
        ran.stdout
    );

    git.git(&["switch", "-q", "stable"]);
    let clone = cli.home().join("clone");
    git.git(&[
        "clone",
        "-q",
        &format!("file://{}", git.path().display()),
        clone.to_str().unwrap(),
    ]);
    let there = ScratchRepository::existing(&clone);
    there.git(&["config", "user.name", "Ada Scratch"]);
    there.git(&["config", "user.email", "ada@example.org"]);
    let listed = |to: &str, count: usize| {
        let ran = at(&cli, &clone, "release hotfix --carry v1.4.3 --format json");
        let it: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        assert_eq!(
            (&it["to"], it["missing"].as_array().unwrap().len()),
            (&to.into(), count),
            "{}",
            ran.stderr
        );
    };
    listed("stable", 1);
    // What is only here counts where it has all of the remote's.
    there.git(&["cherry-pick", "-x", &fix]);
    listed("stable", 0);
    there.git(&["reset", "-q", "--hard", "HEAD~2"]);
    there.git(&["commit", "-q", "--allow-empty", "-m", "chore: apart"]);
    listed("origin/stable", 1);
}

#[test]
fn a_component_is_asked_only_for_what_is_its_own() {
    let (cli, git) = released();
    settings(
        &git,
        "[[component]]\nname = \"api\"\npath = \"api\"\n[[component]]\nname = \"web\"\npath = \"web\"\n",
    );
    git.commit_file("api/a.rs", "a\n", "feat: a");
    git.git(&["tag", "api-v1.0.0"]);
    git.git(&["tag", "web-v1.0.0"]);
    git.git(&["checkout", "-q", "-b", "fixes"]);
    git.commit_file("api/a.rs", "aa\n", "fix: aa");
    git.commit_file("web/w.rs", "w\n", "fix: w");
    git.git(&["tag", "api-v1.0.1"]);
    git.git(&["switch", "-q", "main"]);
    git.commit_file("web/v.rs", "v\n", "fix: v");
    assert_eq!(carry(&cli, "--component api"), ["api-v1.0.1 fix: aa"]);
    assert!(carry(&cli, "--component web").is_empty());
    assert_eq!(carry(&cli, "fixes --component web"), ["fixes fix: w"]);
}

#[test]
fn a_team_has_its_own_names_and_may_release_below_later_versions() {
    let (cli, git) = repository();
    git.git(&["tag", "v2.0.0"]);
    hotfix(&cli, "v1.4.2");
    git.commit_file("y.rs", "y\n", "feat: y");
    let ran = refused(&cli, &git, "version", "SB1616");
    assert!(
        ran.stderr.contains("version.hotfix.allow = \"below\""),
        "{}",
        ran.stderr
    );

    let (cli, git) = repository();
    git.git(&["reset", "-q", "--hard", "v1.4.2"]);
    settings(
        &git,
        "version.hotfix = { branch = \"urgent/{tag}\", allow = \"below\" }\n",
    );
    git.git(&["tag", "v1.4.3"]);
    git.commit_file("y.rs", "y\n", "feat!: y");
    git.git(&["tag", "v2.0.0"]);
    assert_eq!(hotfix(&cli, "v1.4.3")["branch"], "urgent/v1.4.4");
    git.commit_file("z.rs", "z\n", "feat: z");
    assert_eq!(shown(&cli, "version", 0)["decision"]["version"], "1.5.0");
    git.commit_file("z.rs", "zz\n", "feat!: zz");
    refused(&cli, &git, "release cut", "SB1601");
    settings(&git, "version.hotfix.branch = \"{tag}\"\n");
    let ran = run(&cli, "version");
    assert!(
        ran.code == 2 && ran.stderr.contains("no pattern of branches"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_asked_for_has_to_be_clear() {
    let (cli, git) = released();
    for line in [
        "release hotfix",
        "release hotfix v1.4.2 --check",
        "release hotfix --check --carry",
        "release hotfix v1.4.2 --carry v1.4.3",
        "release hotfix --check --pick HEAD",
        "release hotfix v1.4.2 --to main",
        "release hotfix v1.4.2 --pick",
        "release hotfix --carry --from x",
    ] {
        let before = state(&git);
        let ran = run(&cli, line);
        assert!(ran.stderr.contains("SB0109"), "{line}: {}", ran.stderr);
        assert_eq!(state(&git), before, "{line}");
        assert_eq!(ran.code, 2, "{line}");
    }
    // There is nothing to mend before the first release.
    git.git(&["tag", "-d", "v1.4.2", "v1.5.0"]);
    refused(&cli, &git, "release hotfix --check", "SB1603");
    refused(&cli, &git, "release hotfix --carry", "SB1603");
    // Nor where nothing is checked out.
    let bare = git.clone_bare();
    bare.git(&["tag", "v1.4.2", "main~2"]);
    let ran = at(&cli, bare.path(), "release hotfix v1.4.2");
    assert!(ran.stderr.contains("error[SB0607]"), "{}", ran.stderr);
    let ran = at(
        &cli,
        bare.path(),
        "release hotfix v1.4.2 --no-checkout --pick main",
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        bare.git(&["rev-parse", "hotfix/v1.4.3^"]),
        bare.git(&["rev-parse", "v1.4.2"])
    );
}
