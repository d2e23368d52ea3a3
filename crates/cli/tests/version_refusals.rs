//! What `switchback version` and its neighbours refuse instead of saying a number, or that all is well.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use support::{bad, good, run, switchback};
use switchback_testkit::cli::Cli;
use switchback_testkit::git::ScratchRepository;

fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    (cli, git)
}

/// One with the release 1.0.0 and a commit after it.
fn released() -> (Cli, ScratchRepository) {
    let (cli, git) = repository();
    git.commit_file("a", "a", "feat: a");
    git.git(&["tag", "v1.0.0"]);
    git.commit_file("b", "b", "feat: b");
    (cli, git)
}

/// Runs a command line in a folder below: its output and how it ended.
fn inside(cli: &Cli, folder: &str, line: &str) -> (String, String, i32) {
    let mut command = cli.command(line.split(' '));
    let ran = command
        .current_dir(cli.folder().join(folder))
        .output()
        .unwrap();
    let text = |it: Vec<u8>| String::from_utf8(it).unwrap();
    (
        text(ran.stdout),
        text(ran.stderr),
        ran.status.code().unwrap(),
    )
}

#[track_caller]
fn says(text: &str, all: &[&str]) {
    for it in all {
        assert!(text.contains(it), "`{it}` is not in\n{text}");
    }
}

#[test]
fn a_mistyped_path_of_a_revision_is_no_new_contract() {
    let (cli, git) = repository();
    let api = "openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {}\n";
    git.commit_file("api.yaml", api, "feat: an interface");
    git.git(&["tag", "v1.1.0"]);
    let said = bad(&cli, "contract diff v1.1.0:apii.yaml api.yaml", 2);
    says(&said, &["error[SB1613]", "apii.yaml in v1.1.0"]);
    let said = bad(&cli, "contract diff api.yaml v1.1.0:apii.yaml", 2);
    says(&said, &["error[SB1613]", "apii.yaml in v1.1.0"]);
    good(&cli, "contract diff v1.1.0:api.yaml api.yaml");
    // Of two files the one that cannot be read is named.
    git.write("bad.yaml", "openapi: 3.0.3\n\tpaths");
    let said = bad(&cli, "contract diff bad.yaml api.yaml", 2);
    says(&said, &["the contract bad.yaml cannot"]);
}

#[test]
fn where_nobody_can_tell_the_header_says_so() {
    let (cli, git) = repository();
    git.write("a.json", r#"{"type": "object"}"#);
    git.write("b.json", r#"{"$ref": "https://contracts.example/b.json"}"#);
    let said = good(&cli, "contract diff a.json b.json");
    says(&said, &["(json-schema): cannot tell"]);
}

#[test]
fn a_gate_does_not_pass_where_tags_are_missing() {
    let (cli, git) = released();
    good(&cli, "release hotfix --carry");
    let source = format!("file://{}", git.path().display());
    for (name, how, hint) in [
        (
            "shallow",
            &["--depth", "1"][..],
            "git fetch --unshallow --tags",
        ),
        ("bare-of-tags", &["--no-tags"][..], "git fetch --tags"),
    ] {
        let mut words = vec!["clone", "-q"];
        words.extend(how);
        words.extend([source.as_str(), name]);
        git.git(&words);
        for command in ["release hotfix --carry", "version audit --strict"] {
            let (out, said, code) = inside(&cli, name, command);
            assert_eq!((out.as_str(), code), ("", 2), "{name} {command}: {said}");
            says(&said, &["error[SB1603]", hint]);
        }
    }
}

#[test]
fn what_cannot_be_cut_has_no_version() {
    let (cli, git) = released();
    git.git(&["switch", "-q", "--orphan", "other"]);
    git.commit_file("c", "c", "feat: c");
    for line in ["version", "release cut"] {
        let said = bad(&cli, line, 1);
        says(&said, &["error[SB1607]", "v1.0.0", "no history in common"]);
    }
    let plan = run(&cli, "release plan");
    assert_eq!(plan.code, 1);
    says(&plan.stderr, &["error[SB1607]"]);
    says(&plan.stdout, &["refused", "nothing would be released"]);

    let (cli, git) = repository();
    git.commit_file("a", "a", "feat: a");
    git.git(&["tag", "v1.2"]);
    for line in ["version", "release cut", "release plan"] {
        let ran = run(&cli, line);
        assert_eq!(ran.code, 1, "{line}");
        says(
            &ran.stderr,
            &["error[SB1607]", "the tag v1.2 names no version"],
        );
        assert!(!ran.stdout.contains("0.1.0"), "{}", ran.stdout);
    }
}

#[test]
fn a_tag_of_something_else_than_a_commit_is_passed_over_and_named() {
    let (cli, git) = released();
    git.git(&["tag", "v1.5.0", "HEAD^{tree}"]);
    git.git(&["tag", "v1.0.2", "HEAD:a"]);
    for line in ["version", "release plan", "version audit"] {
        let ran = run(&cli, line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
        says(
            &ran.stderr,
            &[
                "the tag v1.5.0 is passed over: it names a tree",
                "the tag v1.0.2 is passed over: it names a blob",
            ],
        );
    }
    assert!(run(&cli, "version").stdout.contains("1.1.0"));
    // Its name is taken all the same.
    let said = run(&cli, "version --propose 1.5.0").stderr;
    says(&said, &["error[SB1601]", "there is a tag for it"]);
}

#[test]
fn a_component_is_where_its_commits_are() {
    let (cli, git) = repository();
    let components = "schema = 1\nproject.name = \"shop\"\n\
                      [[component]]\nname = \"api\"\npath = \"srv/apii\"\n\
                      [[component]]\nname = \"web\"\npath = \"web\"\n";
    git.write("switchback.toml", components);
    git.write("srv/api/main", "1");
    git.write("web/main", "1");
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", "feat: all"]);
    for line in [
        "version --component api",
        "release plan",
        "release cut --component api",
    ] {
        let said = bad(&cli, line, 2);
        says(&said, &["error[SB0113]", "srv/apii", "component.path"]);
    }
    assert_eq!(git.git(&["tag", "--list"]), "");
}

#[test]
fn a_footer_that_is_too_low_says_what_it_has_to_be() {
    let (cli, git) = released();
    git.commit_file("c", "c", "fix: c\n\nRelease-As: 0.5.0");
    let said = run(&cli, "version").stderr;
    says(
        &said,
        &[
            "error[SB1601]",
            "switchback version --propose 1.1.0",
            "a later `Release-As: 1.1.0`",
        ],
    );
    assert!(
        run(&cli, "version --propose 1.1.0")
            .stdout
            .contains("1.1.0")
    );
}

#[test]
fn a_bare_repository_is_called_one() {
    let (cli, git) = released();
    git.git(&["clone", "-q", "--bare", ".", "shop.git"]);
    for line in ["release cut", "version entry --kind added Words"] {
        let (_, said, code) = inside(&cli, "shop.git", line);
        assert_eq!(code, 2, "{line}: {said}");
        says(&said, &["error[SB0607]", "is a bare repository"]);
        assert!(!said.contains("git init"), "{said}");
    }
    assert!(!git.path().join("shop.git/changelog.d").exists());
}

#[test]
fn numbers_end_somewhere_and_that_is_said() {
    let (cli, git) = repository();
    git.commit_file("a", "a", "feat: a");
    git.git(&["tag", "v1.18446744073709551615.3"]);
    git.commit_file("b", "b", "feat: b");
    let said = bad(&cli, "version", 1);
    says(&said, &["error[SB1601]", "18446744073709551615"]);
    assert_eq!(run(&cli, "release plan").code, 1);
    git.commit_file("c", "c", "feat!: c");
    assert!(good(&cli, "version").contains("2.0.0"));
}

#[test]
fn a_channel_is_letters() {
    let (cli, _git) = released();
    for channel in ["a/b", "rc.1", "1", "a..b"] {
        let said = bad(&cli, &format!("version --pre {channel}"), 2);
        says(&said, &[&format!("`{channel}` is no channel")]);
    }
    assert!(good(&cli, "version --pre rc").contains("1.1.0-rc.1"));
}

#[test]
fn a_change_file_covers_something() {
    let (cli, git) = released();
    let said = bad(&cli, "version entry --kind added --covers nope Words", 2);
    says(&said, &["`nope`", "neither a commit"]);
    assert!(!git.path().join("changelog.d").exists());
    good(&cli, "version entry --kind added --covers a Words");
    let file = git.path().join("changelog.d/words.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("\"a\"", "\"nope\"");
    git.commit_file("changelog.d/words.md", text, "docs: words");
    let ran = run(&cli, "version");
    assert_eq!(ran.code, 0);
    says(&ran.stderr, &["changelog.d/words.md", "`nope`"]);
}
