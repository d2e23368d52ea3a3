//! `switchback release cut` in real repositories, with real keys.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::release::{KILL, create_ledger, recorded_tags};
use support::{run, switchback};
use switchback_testkit::cli::{Cli, Ran};
use switchback_testkit::git::{ScratchRepository, ssh_key};

const MANIFEST: &str = "[package]\nname = \"api\"\nversion = \"1.2.0\" # kept\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"api\"\nversion = \"1.2.0\"\n\n\
                    [[package]]\nname = \"serde\"\nversion = \"1.2.0\"\nsource = \"registry\"\n";
const CHANGES: &str = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Orders.\n\n\
                       ## [1.2.0] - 2026-01-01\n\n### Added\n\n- All.\n";

/// A repository at 1.2.0 with a new thing since.
fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.git(&["config", "--unset", "tag.gpgsign"]);
    git.write("Cargo.toml", MANIFEST);
    git.write("Cargo.lock", LOCK);
    git.write("CHANGELOG.md", CHANGES);
    git.commit("feat: all");
    git.git(&["tag", "v1.2.0"]);
    git.commit_file("orders.rs", "//\n", "feat: list orders");
    (cli, git)
}

/// The same with settings and a ledger.
fn recorded() -> (Cli, ScratchRepository) {
    let (cli, git) = repository();
    let settings = "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\n";
    git.write("switchback.toml", settings);
    git.write(".gitignore", ".switchback/\n");
    git.commit("chore: settings");
    create_ledger(&cli);
    (cli, git)
}

#[track_caller]
fn cut(cli: &Cli, line: &str) -> Value {
    let ran = run(cli, &format!("release cut {line} --format json"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// That a cut is refused with a code, and changes nothing that anybody sees.
#[track_caller]
fn refused(cli: &Cli, git: &ScratchRepository, line: &str, code: &str) -> Ran {
    support::release::refused(cli, git, &format!("release cut {line}"), code)
}

fn text(git: &ScratchRepository, file: &str) -> String {
    String::from_utf8(git.read(file)).unwrap()
}

/// An SSH key in the home of the runs, with which the repository signs.
fn key(cli: &Cli, git: &ScratchRepository, name: &str) -> PathBuf {
    let key = ssh_key(&cli.home(), name);
    git.sign_with(&key);
    key
}

#[test]
fn a_release_is_files_a_commit_and_a_tag() {
    let (cli, git) = recorded();
    git.write("staged.txt", "by somebody\n");
    git.git(&["add", "staged.txt"]);
    let would = cut(&cli, "--dry-run");
    assert_eq!(
        (&would["cut"], &would["tag"]),
        (&false.into(), &"v1.3.0".into())
    );
    assert_eq!(would["files"].as_array().unwrap().len(), 3);
    assert_eq!(git.git(&["tag", "--list"]), "v1.2.0");
    assert_eq!(text(&git, "Cargo.toml"), MANIFEST);

    let made = cut(&cli, "");
    assert_eq!(made["version"], "1.3.0");
    assert_eq!(made["recorded"], true);
    assert_eq!(
        made["push"],
        "git push --atomic origin main refs/tags/v1.3.0"
    );
    assert_eq!(made["signature"]["kind"], "unsigned");
    assert_eq!(text(&git, "Cargo.toml"), MANIFEST.replace("1.2.0", "1.3.0"));
    assert_eq!(text(&git, "Cargo.lock"), LOCK.replacen("1.2.0", "1.3.0", 1));
    let changes = text(&git, "CHANGELOG.md");
    let (head, rest) = changes.split_once("## [1.3.0] - ").unwrap();
    assert_eq!(head, "# Changelog\n\n## [Unreleased]\n\n");
    assert!(rest.contains("- Orders."), "{changes}");

    // The commit has these files and no other; what was staged still is.
    let commit = git.git(&["show", "--name-only", "--format=%s", "HEAD"]);
    assert_eq!(
        commit,
        "chore(release): v1.3.0\n\nCHANGELOG.md\nCargo.lock\nCargo.toml"
    );
    assert_eq!(git.git(&["diff", "--cached", "--name-only"]), "staged.txt");
    // The tag is annotated, is at the commit, and says why.
    assert_eq!(made["commit"], git.head());
    assert_eq!(git.git(&["rev-parse", "v1.3.0^{commit}"]), git.head());
    assert_eq!(made["object"], git.git(&["rev-parse", "v1.3.0"]));
    let says = git.git(&["for-each-ref", "--format=%(contents)", "refs/tags/v1.3.0"]);
    assert!(
        says.starts_with("v1.3.0\n\napi 1.3.0, after 1.2.0, counted from v1.2.0.\n"),
        "{says}"
    );
    assert!(says.contains("- minor ("), "{says}");
    assert!(
        says.contains("`feat: list orders` has the type `feat`"),
        "{says}"
    );
    let log = recorded_tags(&cli);
    assert_eq!(log.len(), 1);
    assert!(
        log[0].contains("not signed: no key is configured"),
        "{}",
        log[0]
    );
    // Once more there is nothing to do.
    let again = run(&cli, "release cut");
    assert_eq!(again.code, 3, "{}", again.stderr);
}

#[test]
fn without_settings_it_works_and_says_that_nothing_is_recorded() {
    let (cli, git) = repository();
    let ran = run(&cli, "release cut");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("not recorded: there are no settings"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout
            .ends_with("git push --atomic origin main refs/tags/v1.3.0\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(git.git(&["tag", "--list"]), "v1.2.0\nv1.3.0");
    // A pre-release leaves the changelog alone.
    git.commit_file("x.rs", "//\n", "feat!: x");
    let changes = text(&git, "CHANGELOG.md");
    assert_eq!(cut(&cli, "--pre rc")["tag"], "v2.0.0-rc.1");
    assert_eq!(text(&git, "CHANGELOG.md"), changes);
    assert!(text(&git, "Cargo.toml").contains("\"2.0.0-rc.1\" # kept"));
}

#[test]
fn what_the_verdict_refuses_is_not_cut() {
    let (cli, git) = repository();
    refused(&cli, &git, "--propose 1.2.1", "SB1601");
    refused(&cli, &git, "--propose 1.2.0", "SB1601");
    git.commit_file("y.rs", "//\n", "fix: y\n\nThis is BREAKING for some.");
    refused(&cli, &git, "", "SB1602");
    assert_eq!(cut(&cli, "--propose 2.0.0")["tag"], "v2.0.0");
}

#[test]
fn a_tag_is_signed_as_git_is_configured() {
    let (cli, git) = recorded();
    let key = key(&cli, &git, "key");
    let made = cut(&cli, "");
    assert_eq!(made["signature"]["kind"], "unverified");
    assert!(
        git.git(&["cat-file", "tag", "v1.3.0"])
            .contains("BEGIN SSH SIGNATURE")
    );

    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let allowed = cli.home().join("allowed");
    fs::write(&allowed, format!("ada@example.org {public}")).unwrap();
    git.git(&[
        "config",
        "gpg.ssh.allowedSignersFile",
        allowed.to_str().unwrap(),
    ]);
    git.commit_file("z.rs", "//\n", "fix: z");
    let made = cut(&cli, "");
    assert_eq!(made["signature"]["kind"], "verified");
    git.git(&["verify-tag", "v1.3.1"]);
    assert!(recorded_tags(&cli)[1].contains("signed by ada@example.org"));

    // Somebody who does not want to says why.
    git.commit_file("z.rs", "///\n", "fix: zz");
    let wrong = run(&cli, "release cut --no-sign");
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    let made = cut(&cli, "--no-sign --because token-lost");
    assert_eq!(made["signature"]["because"], "token-lost");
}

#[test]
fn a_key_that_cannot_sign_leaves_everything_as_it_was() {
    let (cli, git) = repository();
    git.git(&["config", "gpg.format", "ssh"]);
    git.git(&["config", "user.signingKey", "/no/such/key"]);
    let ran = refused(&cli, &git, "", "SB1606");
    assert!(ran.stderr.contains("/no/such/key"), "{}", ran.stderr);
    // Nor one that does not count.
    key(&cli, &git, "key");
    let allowed = cli.home().join("allowed");
    fs::write(&allowed, "").unwrap();
    git.git(&[
        "config",
        "gpg.ssh.allowedSignersFile",
        allowed.to_str().unwrap(),
    ]);
    refused(&cli, &git, "", "SB1606");
}

/// Lets the run die right after Git made the commit.
fn dies_after_the_commit(git: &ScratchRepository) -> PathBuf {
    git.hook("post-commit", KILL)
}

#[test]
fn a_run_that_died_is_gone_on_with() {
    let (cli, git) = recorded();
    let before = git.head();
    let hook = dies_after_the_commit(&git);
    let died = run(&cli, "release cut");
    assert_eq!(died.code, 137, "{}", died.stderr);
    fs::remove_file(hook).unwrap();
    assert_eq!(git.git(&["rev-parse", "HEAD^"]), before);
    assert_eq!(git.git(&["tag", "--list"]), "v1.2.0");
    // Only the tag is made.
    let commit = git.head();
    let made = cut(&cli, "");
    assert_eq!(
        (&made["tag"], &made["commit"]),
        (&"v1.3.0".into(), &commit.clone().into())
    );
    assert_eq!(git.head(), commit);
    assert_eq!(recorded_tags(&cli).len(), 1);
}

#[test]
fn files_that_were_written_and_not_committed_are_committed() {
    let (cli, git) = recorded();
    // As a run leaves it that died before the commit.
    git.write("Cargo.toml", MANIFEST.replace("1.2.0", "1.3.0"));
    let made = cut(&cli, "");
    assert_eq!(made["files"].as_array().unwrap().len(), 3);
    assert_eq!(git.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_tag_that_an_interrupted_run_made_is_recorded() {
    let (cli, git) = repository();
    let made = cut(&cli, "");
    // Without a component it is called by nothing but its version.
    let says = git.git(&["for-each-ref", "--format=%(contents)", "refs/tags/v1.3.0"]);
    assert!(says.contains("\n\n1.3.0, after 1.2.0, counted"), "{says}");
    assert!(says.contains("\nSwitchback-Release: 1.3.0\n"), "{says}");
    let settings = "schema = 1\nproject.name = \"shop\"\n";
    // Not committed, so that what is checked out stays the release.
    git.write("switchback.toml", settings);
    create_ledger(&cli);
    let recorded = cut(&cli, "");
    assert_eq!(recorded["object"], made["object"]);
    assert_eq!(recorded["recorded"], true);
    // The reason is in the message of the tag.
    assert_eq!(recorded["signature"], made["signature"]);
    assert_eq!(recorded_tags(&cli).len(), 1);
    assert_eq!(run(&cli, "release cut").code, 3);
}

#[test]
fn a_tag_that_moved_is_refused() {
    let (cli, git) = recorded();
    cut(&cli, "");
    git.commit_file("z.rs", "//\n", "fix: z");
    let object = git.git(&["rev-parse", "v1.3.0"]);
    git.git(&["tag", "-f", "-a", "-m", "moved", "v1.3.0"]);
    let ran = refused(&cli, &git, "", "SB1604");
    assert!(ran.stderr.contains(&object), "{}", ran.stderr);
    // The same commit and another object is another tag.
    git.git(&["tag", "-f", "-a", "-m", "again", "v1.3.0", "HEAD^"]);
    refused(&cli, &git, "", "SB1604");
    git.git(&["tag", "-d", "v1.3.0"]);
    let ran = refused(&cli, &git, "", "SB1604");
    assert!(ran.stderr.contains("git fetch --tags"), "{}", ran.stderr);
    // As the hint puts it back.
    git.git(&["update-ref", "refs/tags/v1.3.0", &object]);
    assert_eq!(cut(&cli, "")["tag"], "v1.3.1");
}

#[test]
fn what_somebody_is_at_work_on_is_not_taken() {
    let (cli, git) = repository();
    git.write("Cargo.toml", format!("{MANIFEST}# more\n"));
    let ran = run(&cli, "release cut");
    assert!(ran.stderr.contains("Cargo.toml"), "{}", ran.stderr);
    refused(&cli, &git, "", "SB0603");
    git.git(&["checkout", "-q", "Cargo.toml"]);
    git.git(&["checkout", "-q", "--detach"]);
    refused(&cli, &git, "", "SB1608");
    assert_eq!(
        cut(&cli, "--detached")["push"],
        "git push origin refs/tags/v1.3.0"
    );
}

#[test]
fn a_hook_that_refuses_leaves_everything_as_it_was() {
    let (cli, git) = repository();
    git.hook("pre-commit", "echo 'not today' >&2\nexit 1");
    let ran = refused(&cli, &git, "", "SB0606");
    assert!(ran.stderr.contains("not today"), "{}", ran.stderr);
}

#[test]
fn a_hook_that_changes_what_is_committed_leaves_everything_as_it_was() {
    let (cli, git) = repository();
    let script = "sed -i s/1.3.0/9.9.9/ Cargo.toml; git add Cargo.toml";
    git.hook("pre-commit", script);
    let ran = refused(&cli, &git, "", "SB0608");
    assert!(ran.stderr.contains("Cargo.toml"), "{}", ran.stderr);
}

#[test]
fn what_came_after_an_interrupted_cut_is_told_too() {
    let (cli, git) = repository();
    let hook = dies_after_the_commit(&git);
    assert_eq!(run(&cli, "release cut").code, 137);
    fs::remove_file(hook).unwrap();
    assert!(text(&git, "CHANGELOG.md").contains("## [1.3.0]"));

    git.commit_file("lists.rs", "//\n", "feat: sort orders");
    git.write(
        "CHANGELOG.md",
        text(&git, "CHANGELOG.md").replace(
            "# Changelog\n\n## [Unreleased]\n",
            "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Sorted orders.\n",
        ),
    );
    git.commit("docs: changelog");
    cut(&cli, "");
    let changelog = text(&git, "CHANGELOG.md");
    assert!(
        changelog.contains("- Orders.\n- Sorted orders.\n"),
        "{changelog}"
    );
    assert_eq!(changelog.matches("## [1.3.0]").count(), 1, "{changelog}");
    assert_eq!(run(&cli, "release cut").code, 3);
}

#[test]
fn a_version_is_never_lowered() {
    let (cli, git) = repository();
    git.git(&["tag", "-d", "v1.2.0"]);
    let ran = refused(&cli, &git, "", "SB1605");
    assert!(ran.stderr.contains("--propose 1.2.0"), "{}", ran.stderr);
    git.git(&["tag", "v1.2.0", "HEAD~1"]);
    git.write("Cargo.toml", MANIFEST.replace("1.2.0", "1.5.0"));
    git.write("Cargo.lock", LOCK.replacen("1.2.0", "1.5.0", 1));
    git.commit("chore: by hand");
    refused(&cli, &git, "", "SB1605");
    assert_eq!(cut(&cli, "--propose 1.5.0")["tag"], "v1.5.0");
}

#[test]
fn a_candidate_is_cut_once() {
    let (cli, git) = repository();
    assert_eq!(cut(&cli, "--pre rc")["tag"], "v1.3.0-rc.1");
    let ran = run(&cli, "release cut --pre rc");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("v1.3.0-rc.1 already"), "{}", ran.stderr);
    // One that would be lower.
    refused(&cli, &git, "--pre beta", "SB1605");
    git.commit_file("lists.rs", "//\n", "fix: sort orders");
    assert_eq!(cut(&cli, "--pre rc")["tag"], "v1.3.0-rc.2");
}

#[test]
fn a_tag_without_a_signature_says_why() {
    let (cli, git) = repository();
    refused(&cli, &git, "--no-sign --because=", "SB0109");
}

#[test]
fn what_links_lead_to_is_not_written() {
    let (cli, git) = repository();
    let outside = cli.home().join("VERSION");
    fs::write(&outside, "1.2.0\n").unwrap();
    std::os::unix::fs::symlink(&outside, git.path().join("VERSION")).unwrap();
    git.commit("chore: a link");
    cut(&cli, "");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "1.2.0\n");
    // Nor if somebody names it.
    let settings = "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\n\
                    version-files = [\"VERSION\"]\n";
    git.commit_file("switchback.toml", settings, "feat: settings");
    let ran = run(&cli, "release cut");
    assert_eq!(ran.code, 2, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "1.2.0\n");
}

#[test]
fn a_candidate_becomes_the_release() {
    let (cli, git) = repository();
    assert_eq!(cut(&cli, "--pre rc")["tag"], "v1.3.0-rc.1");
    git.write("switchback.toml", "schema = 1\nproject.name = \"shop\"\n");
    create_ledger(&cli);
    // The candidate, of which the ledger knows nothing, is in nobody's way.
    assert_eq!(cut(&cli, "")["tag"], "v1.3.0");
    assert!(text(&git, "Cargo.toml").contains("\"1.3.0\""));
    assert_eq!(recorded_tags(&cli).len(), 1);
}

#[test]
fn bad_histories_are_refused() {
    // Tags that are no versions.
    let (cli, git) = repository();
    git.git(&["tag", "v1.2", "v1.2.0"]);
    git.git(&["tag", "-d", "v1.2.0"]);
    let ran = refused(&cli, &git, "", "SB1607");
    assert!(
        ran.stderr.contains("v1.2 names no version"),
        "{}",
        ran.stderr
    );
    // No tags at all: the first release.
    git.git(&["tag", "-d", "v1.2"]);
    assert_eq!(cut(&cli, "--propose 1.2.0 --dry-run")["tag"], "v1.2.0");
    // Rewritten.
    git.git(&["tag", "v1.2.0"]);
    git.git(&["checkout", "-q", "--orphan", "new"]);
    git.commit("feat: all anew");
    refused(&cli, &git, "--propose 2.0.0", "SB1607");

    // Two tags on one commit.
    let (cli, git) = repository();
    git.git(&["rm", "-q", "Cargo.toml", "Cargo.lock", "CHANGELOG.md"]);
    git.commit("chore: no files");
    git.git(&["tag", "v1.3.0"]);
    refused(&cli, &git, "--propose 1.4.0", "SB1607");

    // A part of the history.
    let (cli, git) = repository();
    let full = git.clone_bare();
    let url = format!("file://{}", full.path().display());
    let shallow = cli.folder().join("shallow");
    git.git(&[
        "clone",
        "-q",
        "--depth",
        "1",
        &url,
        shallow.to_str().unwrap(),
    ]);
    let ran = cli
        .command(["release", "cut"])
        .current_dir(&shallow)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(said.contains("error[SB1603]"), "{said}");
}

#[test]
fn files_are_those_that_the_settings_name() {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.git(&["config", "--unset", "tag.gpgsign"]);
    let settings = "schema = 1\nproject.name = \"shop\"\n\n[[component]]\nname = \"api\"\npath = \"api\"\n\
        version-files = [\"../Cargo.toml\", { path = \"Chart.yaml\", app-version = true }, \"deploy.sh\"]\n";
    git.write("switchback.toml", settings);
    git.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"api\"]\n[workspace.package]\nversion = \"0.1.0\"\n",
    );
    git.write(
        "api/Cargo.toml",
        "[package]\nname = \"api\"\nversion.workspace = true\n",
    );
    git.write(
        "Cargo.lock",
        "[[package]]\nname = \"api\"\nversion = \"0.1.0\"\n",
    );
    git.write("api/Chart.yaml", "version: 0.1.0\nappVersion: '0.1.0'\n");
    git.write(
        "api/deploy.sh",
        "TAG=0.1.0 # x-switchback-version\nOTHER=0.1.0\n",
    );
    git.commit("feat: all");
    git.git(&["tag", "v0.1.0"]);
    git.commit_file("api/x.rs", "//\n", "feat: x");
    cut(&cli, "");
    let files = git.git(&["show", "--name-only", "--format=", "HEAD"]);
    assert_eq!(
        files,
        "Cargo.lock\nCargo.toml\napi/Chart.yaml\napi/deploy.sh"
    );
    assert_eq!(
        text(&git, "api/deploy.sh"),
        "TAG=0.2.0 # x-switchback-version\nOTHER=0.1.0\n"
    );
    assert_eq!(
        text(&git, "api/Chart.yaml"),
        "version: 0.2.0\nappVersion: '0.2.0'\n"
    );
    assert_eq!(
        text(&git, "Cargo.lock"),
        "[[package]]\nname = \"api\"\nversion = \"0.2.0\"\n"
    );

    // What is not said clearly is not guessed.
    for (now, says) in [
        ("\"Cargo.toml\"", "inherited"),
        ("\"gone.toml\"", "no such file"),
        ("\"deploy.sh\", \"../api/deploy.sh\"", "named twice"),
        ("\"x.rs\"", "no version"),
    ] {
        let line = settings.lines().last().unwrap();
        let other = settings.replace(line, &format!("version-files = [{now}]"));
        git.write("switchback.toml", other);
        git.write("api/x.rs", now);
        git.commit("feat: more");
        let ran = refused(&cli, &git, "", "SB1605");
        assert!(ran.stderr.contains(says), "{now}: {}", ran.stderr);
    }
    // Files that say different versions.
    let line = settings.lines().last().unwrap();
    let other = settings.replace(line, "version-files = [\"Chart.yaml\", \"VERSION\"]");
    git.write("switchback.toml", other);
    git.write("api/VERSION", "9.0.0\n");
    git.commit("feat: more");
    let ran = refused(&cli, &git, "", "SB1605");
    assert!(ran.stderr.contains("different versions"), "{}", ran.stderr);
}

#[test]
fn what_change_files_say_comes_into_the_changelog_once() {
    let (cli, git) = repository();
    let file = |kind: &str, text: &str| format!("+++\nkind = \"{kind}\"\n+++\n\n{text}\n");
    git.write(
        "changelog.d/currency.md",
        file("added", "Orders have a `currency`."),
    );
    git.write(
        "changelog.d/totals.md",
        file("fixed", "Totals are rounded."),
    );
    git.commit("docs: what users get");
    cut(&cli, "");
    let text = fs::read_to_string(cli.folder().join("CHANGELOG.md")).unwrap();
    let day = text
        .split("## [1.3.0] - ")
        .nth(1)
        .unwrap()
        .get(..10)
        .unwrap();
    let section = format!(
        "# Changelog\n\n## [Unreleased]\n\n## [1.3.0] - {day}\n\n### Added\n\n- Orders.\n\
         - Orders have a `currency`.\n\n### Fixed\n\n- Totals are rounded.\n\n## [1.2.0]"
    );
    assert!(text.starts_with(&section), "{text}");
    // The files may stay: they have been released.
    git.commit_file("more.rs", "//\n", "fix: more");
    cut(&cli, "");
    let text = fs::read_to_string(cli.folder().join("CHANGELOG.md")).unwrap();
    assert_eq!(text.matches("Totals are rounded").count(), 1, "{text}");
    assert!(text.contains("## [1.3.1]"), "{text}");
}

#[test]
fn change_files_without_a_changelog_are_told_of() {
    let (cli, git) = repository();
    git.git(&["rm", "-q", "CHANGELOG.md"]);
    let entry = "+++\nkind = \"added\"\n+++\n\nOrders have a `currency`.\n";
    git.write("changelog.d/currency.md", entry);
    git.commit("docs: what users get");
    let ran = run(&cli, "release cut --dry-run");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("there is no CHANGELOG.md"),
        "{}",
        ran.stderr
    );
}
