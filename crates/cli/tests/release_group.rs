//! `switchback release cut` of components in groups, in real repositories.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use serde_json::Value;
use support::release::{create_ledger, recorded_tags, state};
use support::{run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

const CHANGES: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Orders.\n";

fn manifest(name: &str, version: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\n")
}

/// A lock that has all three.
fn lock(api: &str, web: &str, cli: &str) -> String {
    let package = |name: &str, version: &str| {
        format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")
    };
    format!(
        "version = 4\n{}{}{}",
        package("api", api),
        package("cli", cli),
        package("web", web)
    )
}

/// A workspace of three crates at 1.2.0 with one lock, two of which are a group.
fn repository(kind: &str) -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.git(&["config", "--unset", "tag.gpgsign"]);
    let mut settings = "schema = 1\nproject.name = \"shop\"\n".to_owned();
    for name in ["api", "web", "cli"] {
        settings.push_str(&format!(
            "\n[[component]]\nname = \"{name}\"\npath = \"{name}\"\n"
        ));
        git.write(&format!("{name}/Cargo.toml"), manifest(name, "1.2.0"));
    }
    settings.push_str(&format!(
        "\n[[version.group]]\nname = \"core\"\nkind = \"{kind}\"\ncomponents = [\"api\", \"web\"]\n"
    ));
    git.write("switchback.toml", settings);
    git.write(".gitignore", ".switchback/\n");
    git.write("Cargo.lock", lock("1.2.0", "1.2.0", "1.2.0"));
    git.write("api/CHANGELOG.md", CHANGES);
    git.commit("feat: all");
    for name in ["api", "web", "cli"] {
        git.git(&["tag", &format!("{name}-v1.2.0")]);
    }
    git.commit_file("api/orders.rs", "//\n", "feat: list orders");
    (cli, git)
}

#[track_caller]
fn cut(cli: &Cli, line: &str) -> Value {
    let ran = run(cli, &format!("release cut {line} --format json"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["schema"], "switchback.release-cut-group/v1");
    value
}

fn tags(cut: &Value) -> Vec<&str> {
    let all = cut["components"].as_array().unwrap().iter();
    all.map(|it| it["tag"].as_str().unwrap()).collect()
}

fn text(git: &ScratchRepository, file: &str) -> String {
    String::from_utf8(git.read(file)).unwrap()
}

/// That both are tagged at the commit that is checked out, which is the only one since the orders, and
/// that nothing is left to do.
#[track_caller]
fn is_whole(cli: &Cli, git: &ScratchRepository) {
    for name in ["api", "web"] {
        let at = git.git(&["rev-parse", &format!("{name}-v1.3.0^{{commit}}")]);
        assert_eq!(at, git.head(), "{name}");
    }
    assert_eq!(
        git.git(&["log", "--format=%s", "-2"]),
        "chore(release): api-v1.3.0, web-v1.3.0\nfeat: list orders"
    );
    assert_eq!(text(git, "api/Cargo.toml"), manifest("api", "1.3.0"));
    assert_eq!(text(git, "web/Cargo.toml"), manifest("web", "1.3.0"));
    assert_eq!(text(git, "Cargo.lock"), lock("1.3.0", "1.3.0", "1.2.0"));
    assert_eq!(git.git(&["status", "--porcelain"]), "");
    let again = run(cli, "release cut --component api");
    assert_eq!(again.code, 3, "{}{}", again.stdout, again.stderr);
}

#[test]
fn a_fixed_group_is_one_commit_with_a_tag_for_each_member() {
    let (cli, git) = repository("fixed");
    create_ledger(&cli);
    let before = state(&git);
    let would = cut(&cli, "--component web --dry-run");
    assert_eq!(tags(&would), ["api-v1.3.0", "web-v1.3.0"]);
    assert_eq!(state(&git), before);

    let made = cut(&cli, "--component web");
    assert_eq!(
        (&made["group"], &made["kind"]),
        (&"core".into(), &"fixed".into())
    );
    assert_eq!(
        made["push"],
        "git push --atomic origin main refs/tags/api-v1.3.0 refs/tags/web-v1.3.0"
    );
    assert_eq!(
        git.git(&["show", "--name-only", "--format=", "HEAD"]),
        "Cargo.lock\napi/CHANGELOG.md\napi/Cargo.toml\nweb/Cargo.toml"
    );
    let says = git.git(&[
        "for-each-ref",
        "--format=%(contents)",
        "refs/tags/web-v1.3.0",
    ]);
    assert!(
        says.contains("- minor (api) the fixed group `core` rises with api: "),
        "{says}"
    );
    assert!(says.contains("Switchback-Release: web 1.3.0"), "{says}");
    assert_eq!(recorded_tags(&cli).len(), 2);
    is_whole(&cli, &git);
}

#[test]
fn what_an_interrupted_run_left_is_gone_on_with() {
    let (cli, git) = repository("fixed");
    assert_eq!(
        tags(&cut(&cli, "--component api")),
        ["api-v1.3.0", "web-v1.3.0"]
    );
    // Files of all that are written and not committed.
    git.git(&["tag", "-d", "api-v1.3.0", "web-v1.3.0"]);
    git.git(&["reset", "-q", "--soft", "HEAD~1"]);
    git.git(&["reset", "-q"]);
    assert_eq!(
        tags(&cut(&cli, "--component api")),
        ["api-v1.3.0", "web-v1.3.0"]
    );
    is_whole(&cli, &git);
    // Files of some.
    git.git(&["tag", "-d", "api-v1.3.0", "web-v1.3.0"]);
    git.git(&["reset", "-q", "--soft", "HEAD~1"]);
    git.git(&["reset", "-q"]);
    git.git(&["checkout", "-q", "web/Cargo.toml"]);
    cut(&cli, "--component api");
    is_whole(&cli, &git);
    // A commit without tags.
    git.git(&["tag", "-d", "api-v1.3.0", "web-v1.3.0"]);
    cut(&cli, "--component web");
    is_whole(&cli, &git);
    // Tags of some, whichever is named.
    for (gone, named) in [("web", "api"), ("web", "web"), ("api", "web")] {
        git.git(&["tag", "-d", &format!("{gone}-v1.3.0")]);
        let rest = cut(&cli, &format!("--component {named}"));
        assert_eq!(tags(&rest), [format!("{gone}-v1.3.0")]);
        is_whole(&cli, &git);
    }
    // Tags that are not recorded, because there was no ledger.
    create_ledger(&cli);
    let told = cut(&cli, "--component api");
    assert_eq!(tags(&told), ["api-v1.3.0", "web-v1.3.0"]);
    assert_eq!(recorded_tags(&cli).len(), 2);
    is_whole(&cli, &git);
    // One that is not recorded, and one that is not there.
    assert_eq!(told["components"][1]["recorded"], true);
}

#[test]
fn a_candidate_of_a_group_is_gone_on_with_too() {
    let (cli, git) = repository("fixed");
    assert_eq!(
        tags(&cut(&cli, "--component api --pre rc")),
        ["api-v1.3.0-rc.1", "web-v1.3.0-rc.1"]
    );
    git.git(&["tag", "-d", "web-v1.3.0-rc.1"]);
    assert_eq!(
        tags(&cut(&cli, "--component api --pre rc")),
        ["web-v1.3.0-rc.1"]
    );
    git.commit_file("web/a.rs", "//\n", "fix: a");
    assert_eq!(
        tags(&cut(&cli, "--component web --pre rc")),
        ["api-v1.3.0-rc.2", "web-v1.3.0-rc.2"]
    );
    assert_eq!(
        tags(&cut(&cli, "--component web")),
        ["api-v1.3.0", "web-v1.3.0"]
    );
}

#[test]
fn of_a_linked_group_those_with_changes_are_cut() {
    let (cli, git) = repository("linked");
    let before = state(&git);
    let nothing = run(&cli, "release cut --component web");
    assert_eq!(nothing.code, 3, "{}", nothing.stderr);
    assert_eq!(state(&git), before);
    assert_eq!(tags(&cut(&cli, "--component api")), ["api-v1.3.0"]);
    git.commit_file("web/a.rs", "//\n", "fix: a");
    git.commit_file("api/a.rs", "//\n", "fix: a");
    assert_eq!(
        tags(&cut(&cli, "--component web")),
        ["api-v1.3.1", "web-v1.3.1"]
    );
    git.git(&["tag", "-d", "web-v1.3.1"]);
    assert_eq!(tags(&cut(&cli, "--component api")), ["web-v1.3.1"]);
}

#[test]
fn a_group_is_refused_as_a_whole_before_anything_is_written() {
    let (cli, git) = repository("fixed");
    git.write("web/Cargo.toml", manifest("web", "1.2.5"));
    let before = state(&git);
    let refused = run(&cli, "release cut --component api");
    assert!(
        refused.stderr.contains("error[SB0603]"),
        "{}",
        refused.stderr
    );
    assert_eq!(state(&git), before);
    git.git(&["checkout", "-q", "."]);

    let low = run(&cli, "release cut --component web --propose 1.2.1");
    assert!(low.stderr.contains("error[SB1601]"), "{}", low.stderr);
    git.commit_file("web/a.rs", "//\n", "fix: a\n\nThis is BREAKING");
    let before = state(&git);
    let asks = run(&cli, "release cut --component api");
    assert_eq!(asks.code, 1);
    assert!(asks.stderr.contains("error[SB1602]"), "{}", asks.stderr);
    assert_eq!(state(&git), before);
    assert_eq!(
        tags(&cut(&cli, "--component api --propose 2.0.0")),
        ["api-v2.0.0", "web-v2.0.0"]
    );
}

#[test]
fn one_tag_for_two_members_is_refused() {
    let (cli, git) = repository("fixed");
    let settings = text(&git, "switchback.toml");
    let settings = settings
        .replace("path = \"api\"", "path = \"api\"\ntags = \"v{version}\"")
        .replace("path = \"web\"", "path = \"web\"\ntags = \"v{version}\"");
    git.write("switchback.toml", settings);
    git.commit("chore: settings");
    git.git(&["tag", "v1.2.0", "HEAD~2"]);
    let before = state(&git);
    let refused = run(&cli, "release cut --component api");
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("error[SB1621]")
            && refused
                .stderr
                .contains("api and web would both be tagged `v1.3.0`"),
        "{}",
        refused.stderr
    );
    assert_eq!(state(&git), before);
}

#[test]
fn a_group_is_prepared_on_one_branch_and_tagged_when_it_is_merged() {
    let (cli, git) = repository("fixed");
    let ran = run(&cli, "release pr --component web --format json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let view: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&view["branch"], &view["component"]),
        (&"release/core".into(), &"core".into())
    );
    let body = view["body"].as_str().unwrap();
    assert!(
        body.contains("# api 1.3.0") && body.contains("# web 1.3.0"),
        "{body}"
    );
    let on = |file: &str| git.git(&["show", &format!("release/core:{file}")]);
    assert_eq!(on("web/Cargo.toml"), manifest("web", "1.3.0").trim_end());
    assert_eq!(on("Cargo.lock"), lock("1.3.0", "1.3.0", "1.2.0").trim_end());
    assert!(on("api/CHANGELOG.md").contains("## [1.3.0]"));

    // Before it is merged, and where only a part of it is, nothing is tagged.
    let tags = git.git(&["tag"]);
    assert_eq!(run(&cli, "release cut --component api --prepared").code, 3);
    git.git(&["checkout", "-q", "release/core", "--", "api", "Cargo.lock"]);
    git.commit("chore(release): a part");
    assert_ne!(run(&cli, "release cut --component api --prepared").code, 0);
    assert_eq!(git.git(&["tag"]), tags);
    git.git(&["reset", "-q", "--hard", "HEAD~1"]);
    git.git(&[
        "merge",
        "-q",
        "--no-ff",
        "-m",
        "Merge pull request #1",
        "release/core",
    ]);
    let ran = run(&cli, "release cut --component api --prepared");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        git.git(&["tag", "--points-at", "HEAD"]),
        "api-v1.3.0\nweb-v1.3.0"
    );
}

#[test]
fn on_a_line_for_hotfixes_a_group_takes_fixes_only() {
    let (cli, git) = repository("fixed");
    cut(&cli, "--component api");
    git.git(&["checkout", "-q", "-b", "mend", "api-v1.2.0"]);
    git.commit_file("api/fix.rs", "//\n", "fix: totals");
    let ran = run(&cli, "release plan --component api");
    assert!(ran.stdout.contains("1.2.1"), "{}{}", ran.stdout, ran.stderr);
    git.commit_file("web/feat.rs", "//\n", "feat: pages");
    let ran = run(&cli, "release cut --component api");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stderr.contains("error[SB1616]"), "{}", ran.stderr);
    // What was taken back is not in it, and the group is what the fix makes it.
    git.git(&["revert", "--no-edit", "HEAD"]);
    cut(&cli, "--component api");
    assert_eq!(
        git.git(&["tag", "--points-at", "HEAD"]),
        "api-v1.2.1\nweb-v1.2.1"
    );
}
