//! `switchback version`: the next version from the history of a real repository.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use serde_json::Value;
use support::{run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    (cli, git)
}

fn commit(git: &ScratchRepository, file: &str, message: &str) {
    git.write(file, message);
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", message]);
}

/// What `line` shows as JSON, and how it ended.
fn shown(cli: &Cli, line: &str) -> (Value, i32) {
    let ran = run(cli, &format!("{line} --format json"));
    let value = serde_json::from_str(&ran.stdout);
    (value.unwrap_or_else(|_| panic!("{}", ran.stderr)), ran.code)
}

fn decided(cli: &Cli, line: &str) -> (String, i32) {
    let (value, code) = shown(cli, line);
    assert_eq!(value["schema"], "switchback.version/v1");
    let decision = &value["decision"];
    let version = decision["version"].as_str();
    let text = version.unwrap_or_else(|| decision["kind"].as_str().unwrap());
    (text.to_owned(), code)
}

fn is(text: &str, code: i32) -> (String, i32) {
    (text.to_owned(), code)
}

#[test]
fn a_repository_without_settings_has_a_next_version() {
    let (cli, git) = repository();
    commit(&git, "a", "feat: a");
    assert_eq!(decided(&cli, "version"), is("0.1.0", 0));
    git.git(&["tag", "v1.0.0"]);
    assert_eq!(decided(&cli, "version"), is("nothing", 3));
    commit(&git, "b", "docs: b");
    commit(&git, "c", "fix: c\n\n* feat(api)!: squashed into it");
    assert_eq!(decided(&cli, "version"), is("2.0.0", 0));
    assert_eq!(decided(&cli, "version --pre rc"), is("2.0.0-rc.1", 0));
    let refused = run(&cli, "version --propose 1.1.0");
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("error[SB1601]"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("2.0.0 at least"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stdout.contains("squashed into it"),
        "{}",
        refused.stdout
    );
    // What was released before is counted from what was before that.
    git.git(&["tag", "-a", "-m", "two", "v2.0.0"]);
    assert_eq!(
        decided(&cli, "version --commit v1.0.0 --since v1.0.0"),
        is("nothing", 3)
    );
    assert_eq!(decided(&cli, "version --commit HEAD~1"), is("nothing", 3));
    let audit = shown(&cli, "version audit --strict").0;
    assert_eq!(
        (&audit["releases"], &audit["as_said"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn tags_that_say_less_than_their_commits_are_found() {
    let (cli, git) = repository();
    commit(&git, "a", "feat: a");
    git.git(&["tag", "v1.0.0"]);
    commit(&git, "b", "feat!: b");
    git.git(&["tag", "v1.1.0"]);
    commit(&git, "c", "chore: c");
    git.git(&["tag", "v1.1.1"]);
    git.git(&["tag", "not-a-version"]);
    let (audit, code) = shown(&cli, "version audit --strict");
    assert_eq!(code, 1);
    assert_eq!(
        (&audit["releases"], &audit["unforced"]),
        (&2.into(), &1.into())
    );
    let differ = &audit["differ"][0];
    assert_eq!(
        (&differ["tag"], &differ["is"], &differ["says"]),
        (&"v1.1.0".into(), &"minor".into(), &"major".into())
    );
}

#[test]
fn components_have_their_own_tags_and_paths() {
    let (cli, git) = repository();
    let settings =
        "schema = 1\nproject.name = \"shop\"\n\n[version]\nzero = \"cargo\"\nunknown = \"ask\"\n
        [[component]]\nname = \"api\"\npath = \"api\"\n
        [[component]]\nname = \"web\"\npath = \"web\"\ntags = \"web/{version}\"\n";
    git.write("switchback.toml", settings);
    commit(&git, "api/a", "feat: a");
    git.git(&["tag", "api-v0.3.0"]);
    git.git(&["tag", "web/1.4.0"]);
    commit(&git, "api/b", "feat: b");
    commit(&git, "web/c", "fix: c");
    commit(&git, "other", "feat!: neither");
    assert_eq!(decided(&cli, "version --component api"), is("0.3.1", 0));
    assert_eq!(decided(&cli, "version --component web"), is("1.4.1", 0));
    assert_eq!(shown(&cli, "version --component web").0["tag"], "web/1.4.1");
    assert_eq!(run(&cli, "version").code, 2, "which one is not said");
    commit(&git, "web/d", "wording: d");
    let asked = run(&cli, "version --component web");
    assert_eq!(asked.code, 1);
    assert!(asked.stderr.contains("error[SB1602]"), "{}", asked.stderr);
    assert_eq!(
        decided(&cli, "version --component web --propose 1.5.0"),
        is("1.5.0", 0)
    );
}

#[test]
fn what_cannot_be_counted_says_why() {
    let (cli, git) = repository();
    let ran = run(&cli, "version");
    assert!(
        ran.stderr.contains("error[SB0602]") && ran.code == 2,
        "{}",
        ran.stderr
    );
    for n in 0..3 {
        commit(&git, "a", &format!("feat: {n}"));
    }
    let shallow = switchback();
    let from = format!("file://{}", git.path().display());
    let to = shallow.folder();
    git.git(&["clone", "-q", "--depth", "1", &from, to.to_str().unwrap()]);
    let ran = run(&shallow, "version");
    assert!(
        ran.stderr.contains("error[SB1603]") && ran.code == 2,
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("git fetch --unshallow --tags"),
        "{}",
        ran.stderr
    );
    let ran = run(&cli, "version --since v9.0.0");
    assert!(
        ran.stderr.contains("error[SB1603]") && ran.code == 2,
        "{}",
        ran.stderr
    );
    let outside = switchback();
    let ran = run(&outside, "version");
    assert!(ran.stderr.contains("error[SB0602]"), "{}", ran.stderr);
}

#[test]
fn a_change_file_raises_the_version_until_it_is_released() {
    let (cli, git) = repository();
    commit(&git, "a", "feat: a");
    git.git(&["tag", "v1.0.0"]);
    let line = [
        "version",
        "entry",
        "Orders have a `currency`.",
        "--kind",
        "added",
    ];
    let written = cli
        .run([&line[..], &["--level", "minor"]].concat())
        .unwrap();
    assert_eq!(written.code, 0, "{}", written.stderr);
    let file = "changelog.d/orders-have-a-currency.md";
    assert!(written.stdout.contains(file), "{}", written.stdout);
    // What is not committed is not released.
    assert_eq!(decided(&cli, "version"), is("nothing", 3));
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", "chore: b"]);
    assert_eq!(decided(&cli, "version"), is("1.1.0", 0));
    // From any folder of the repository.
    assert!(cli.folder().join(file).is_file());
    let (verdict, _) = shown(&cli, "version");
    assert_eq!(verdict["change_files_level"], "minor");
    assert_eq!(verdict["reasons"][0]["evidence"]["file"], file);
    let again = cli.run(line).unwrap();
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("error[SB1615]"), "{}", again.stderr);
    let breaks = [
        "--name",
        "gone",
        "--breaking",
        "no more `GET /`",
        "--upgrade",
        "use `POST`",
    ];
    assert_eq!(cli.run([&line[..], &breaks].concat()).unwrap().code, 0);
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", "chore: c"]);
    assert_eq!(decided(&cli, "version"), is("2.0.0", 0));
    git.git(&["tag", "v2.0.0"]);
    commit(&git, "d", "fix: d");
    assert_eq!(decided(&cli, "version"), is("2.0.1", 0));
}

#[test]
fn a_change_file_that_is_none_stops_it_and_names_its_line() {
    let (cli, git) = repository();
    git.write("changelog.d/README.md", "how to write them");
    commit(&git, "a", "feat: a");
    assert_eq!(decided(&cli, "version"), is("0.1.0", 0));
    commit(
        &git,
        "changelog.d/a.md",
        "+++\nkind = \"added\"\nlevle = \"major\"\n+++\n\na",
    );
    let ran = run(&cli, "version");
    assert_eq!(ran.code, 2);
    for says in [
        "error[SB1615]",
        "changelog.d/a.md",
        "line 3",
        "perhaps `level`",
    ] {
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    for (text, says) in [("…", "--name"), ("a\n\n# b", "not written")] {
        let ran = cli
            .run(["version", "entry", text, "--kind", "fixed"])
            .unwrap();
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
}
