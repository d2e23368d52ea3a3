//! `switchback release platform` in real repositories.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::thread;

use serde_json::Value;
use support::release::{KILL, create_ledger, recorded_tags};
use support::{run, switchback};
use switchback_testkit::cli::{Cli, Ran};
use switchback_testkit::git::{ScratchRepository, ssh_key};

const SETTINGS: &str = "schema = 1\nproject.name = \"shop\"\n\n[platform]\n\n\
                        [[component]]\nname = \"api\"\npath = \"api\"\n\n\
                        [[component]]\nname = \"web\"\npath = \"web\"\n";

/// A digest whose digits are all the same.
fn digest(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

/// A repository with releases of two components.
fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    git.git(&["config", "--unset", "tag.gpgsign"]);
    git.write("switchback.toml", SETTINGS);
    git.write(".gitignore", ".switchback/\n");
    git.write("api/a.rs", "//\n");
    git.write("web/a.rs", "//\n");
    git.commit("feat: all");
    git.git(&["tag", "api-v1.2.0"]);
    git.git(&["tag", "web-v2.0.0"]);
    (cli, git)
}

/// A commit of a component, and its release.
fn release(git: &ScratchRepository, component: &str, version: &str) {
    git.commit_file(&format!("{component}/a.rs"), version, "fix: it");
    git.git(&["tag", &format!("{component}-v{version}")]);
}

fn platform(cli: &Cli, line: &str) -> Ran {
    run(cli, &format!("release platform {line} --format json"))
}

#[track_caller]
fn cut(cli: &Cli, line: &str) -> Value {
    let ran = platform(cli, line);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["schema"], "switchback.release-platform/v1");
    value
}

/// The first version, with both components.
fn first(cli: &Cli) -> Value {
    let (one, two) = (digest("1"), digest("2"));
    cut(cli, &format!("--digest api={one} --digest web={two}"))
}

/// That a version is refused with a code, and nothing that anybody sees is changed; what is said.
#[track_caller]
fn refused(cli: &Cli, git: &ScratchRepository, line: &str, code: &str) -> String {
    support::release::refused(cli, git, &format!("release platform {line}"), code).stderr
}

/// That everything is what its tag says, and nothing is left to do.
#[track_caller]
fn is_whole(cli: &Cli, git: &ScratchRepository, tag: &str) {
    let checked = run(cli, &format!("release platform --check {tag}"));
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    assert_eq!(git.git(&["status", "--porcelain"]), "");
    let again = platform(cli, "");
    assert_eq!(again.code, 3, "{}{}", again.stdout, again.stderr);
}

fn sentences(cut: &Value) -> Vec<&str> {
    let all = cut["reasons"].as_array().unwrap().iter();
    all.map(|it| it["sentence"].as_str().unwrap()).collect()
}

#[test]
fn the_first_version_is_a_manifest_a_commit_and_a_tag() {
    let (cli, git) = repository();
    create_ledger(&cli);
    git.write("staged.txt", "by somebody\n");
    git.git(&["add", "staged.txt"]);
    let before = git.head();
    let (one, two) = (digest("1"), digest("2"));
    let given = format!("--digest api={one} --digest web={two}");
    let would = cut(&cli, &format!("{given} --dry-run"));
    assert_eq!(would["release"]["cut"], false);
    assert_eq!(would["release"]["tag"], "platform-v0.1.0");
    assert_eq!(git.head(), before);
    assert!(!git.path().join("platform.json").exists());

    let made = cut(&cli, &given);
    let release = &made["release"];
    assert_eq!(release["tag"], "platform-v0.1.0");
    assert_eq!(release["recorded"], true);
    assert_eq!(
        release["push"],
        "git push --atomic origin main refs/tags/platform-v0.1.0"
    );
    assert_eq!(
        sentences(&made),
        ["api comes in with 1.2.0", "web comes in with 2.0.0"]
    );
    // The commit has the manifest and nothing else; what was staged still is.
    assert_eq!(
        git.git(&["show", "--name-only", "--format=%s", "HEAD"]),
        "chore(release): platform-v0.1.0\n\nplatform.json"
    );
    assert_eq!(git.git(&["diff", "--cached", "--name-only"]), "staged.txt");
    let manifest: Value = serde_json::from_slice(&git.read("platform.json")).unwrap();
    assert_eq!(manifest["schema"], "switchback.platform/v1");
    assert_eq!(manifest["version"], "0.1.0");
    let api = &manifest["components"][0];
    assert_eq!(
        (&api["name"], &api["version"], &api["tag"]),
        (&"api".into(), &"1.2.0".into(), &"api-v1.2.0".into())
    );
    assert_eq!(api["commit"], before);
    assert_eq!(api["digest"], one);
    // The tag is at the commit, and names the bytes of the file.
    assert_eq!(
        git.git(&["rev-parse", "platform-v0.1.0^{commit}"]),
        git.head()
    );
    let says = git.git(&[
        "for-each-ref",
        "--format=%(contents)",
        "refs/tags/platform-v0.1.0",
    ]);
    assert!(
        says.starts_with("platform-v0.1.0\n\nplatform 0.1.0, the first release.\n"),
        "{says}"
    );
    assert!(
        says.contains("- minor (web) web comes in with 2.0.0"),
        "{says}"
    );
    let sum = made["manifest"]["digest"].as_str().unwrap();
    assert!(
        says.contains(&format!("Switchback-Manifest: {sum} platform.json")),
        "{says}"
    );
    let log = recorded_tags(&cli);
    assert_eq!(log.len(), 1);
    assert!(
        log[0].starts_with("platform 0.1.0 is platform-v0.1.0 at "),
        "{}",
        log[0]
    );
    git.git(&["rm", "-q", "--cached", "staged.txt"]);
    fs::remove_file(git.path().join("staged.txt")).unwrap();
    is_whole(&cli, &git, "platform-v0.1.0");
    // For people, too.
    let again = run(&cli, "release platform");
    assert!(
        again
            .stdout
            .starts_with("nothing is released: every component is what platform-v0.1.0 has\n"),
        "{}",
        again.stdout
    );
}

#[test]
fn it_rises_as_its_components_do_and_knows_their_digests() {
    let (cli, git) = repository();
    let settings = SETTINGS.replace("[platform]\n", "[platform]\nfirst = \"1.0.0\"\n");
    git.commit_file("switchback.toml", &settings, "chore: settings");
    assert_eq!(first(&cli)["release"]["tag"], "platform-v1.0.0");
    release(&git, "api", "1.2.1");
    let said = refused(&cli, &git, "", "SB1622");
    assert!(
        said.contains("api 1.2.1 has no digest yet")
            && said.contains("switchback release platform --digest api=sha256:…")
            && !said.contains("web"),
        "{said}"
    );
    let three = digest("3");
    let made = cut(&cli, &format!("--digest api={three}"));
    assert_eq!(made["release"]["tag"], "platform-v1.0.1");
    assert_eq!(sentences(&made), ["api rises from 1.2.0 to 1.2.1"]);
    assert_eq!(made["components"][1]["digest"], digest("2"));
    release(&git, "api", "1.3.0");
    release(&git, "web", "3.0.0");
    git.write(
        "digests.txt",
        format!(
            "\u{feff}# built\r\napi {}\r\nweb {}\r\n",
            digest("4"),
            digest("5")
        ),
    );
    let made = cut(&cli, "--digests digests.txt");
    assert_eq!(made["release"]["tag"], "platform-v2.0.0");
    assert_eq!(
        sentences(&made),
        [
            "web rises from 2.0.0 to 3.0.0",
            "api rises from 1.2.1 to 1.3.0"
        ]
    );
    fs::remove_file(git.path().join("digests.txt")).unwrap();

    // Back to what every earlier version recorded, whichever it was.
    let back = cut(&cli, "--take api=1.2.0 --dry-run");
    assert_eq!(back["release"]["version"], "2.1.0");
    let back = cut(&cli, "--take api=1.2.0");
    assert_eq!(
        sentences(&back),
        ["api goes back by a minor version, from 1.3.0 to 1.2.0"]
    );
    assert_eq!(back["components"][0]["digest"], digest("1"));
    assert_eq!(run(&cli, "release platform --check").code, 0);
    refused(&cli, &git, "--take api=9.9.9", "SB1626");
    refused(&cli, &git, "--take apii=1.2.0", "SB0106");
    refused(&cli, &git, "--take api", "SB0109");
    refused(&cli, &git, "--take api=1.2.0 --take api=1.3.0", "SB0109");

    // A version of somebody's own is as high as what forces it.
    refused(&cli, &git, "--propose 2.1.5", "SB1601");
    let own = cut(&cli, "--propose 3.0.0");
    assert_eq!(own["release"]["tag"], "platform-v3.0.0");
    is_whole(&cli, &git, "platform-v3.0.0");
}

#[test]
fn components_come_and_go() {
    let (cli, git) = repository();
    first(&cli);
    let with = "\n[[component]]\nname = \"cli\"\npath = \"cli\"\n";
    git.commit_file("switchback.toml", format!("{SETTINGS}{with}"), "chore: cli");
    let said = refused(&cli, &git, "", "SB1626");
    assert!(
        said.contains("there is no release of cli before this commit")
            && said.contains("switchback release cut --component cli"),
        "{said}"
    );
    release(&git, "cli", "0.1.0");
    let made = cut(&cli, &format!("--digest cli={}", digest("c")));
    assert_eq!(made["release"]["version"], "0.2.0");
    assert_eq!(sentences(&made), ["cli comes in with 0.1.0"]);
    // One that does not belong to it is in nobody's way.
    let some = SETTINGS.replace("[platform]\n", "[platform]\nmembers = [\"api\"]\n");
    git.commit_file(
        "switchback.toml",
        format!("{some}{with}"),
        "chore: api alone",
    );
    let made = cut(&cli, "");
    assert_eq!(made["release"]["version"], "0.3.0");
    assert_eq!(made["level"], "major");
    assert_eq!(
        sentences(&made),
        ["cli 0.1.0 goes out", "web 2.0.0 goes out"]
    );
    // And is still remembered when it comes back.
    git.commit_file("switchback.toml", SETTINGS, "chore: web again");
    let made = cut(&cli, "");
    assert_eq!(made["components"][1]["digest"], digest("2"));
    is_whole(&cli, &git, "platform-v0.4.0");
}

#[test]
fn one_version_is_one_digest_and_one_commit() {
    let (cli, git) = repository();
    first(&cli);
    let other = format!("--digest api={}", digest("9"));
    let said = refused(&cli, &git, &other, "SB1623");
    assert!(
        said.contains("api 1.2.0 is recorded with another digest")
            && said.contains(&format!("platform-v0.1.0 recorded {}", digest("1"))),
        "{said}"
    );
    // Also if it is not the last one that recorded it.
    release(&git, "api", "1.2.1");
    cut(&cli, &format!("--digest api={}", digest("3")));
    let said = refused(&cli, &git, &format!("--take api=1.2.0 {other}"), "SB1623");
    assert!(said.contains("platform-v0.1.0 recorded"), "{said}");
    // The same digest again is none of that.
    let same = platform(&cli, &format!("--digest api={}", digest("3")));
    assert_eq!(same.code, 3, "{}", same.stderr);

    git.commit_file("api/a.rs", "moved", "fix: it");
    let was = git.git(&["rev-parse", "api-v1.2.1"]);
    git.git(&["tag", "-f", "api-v1.2.1"]);
    let said = refused(&cli, &git, "", "SB1604");
    assert!(
        said.contains("`api-v1.2.1` is not where platform-v0.1.1 recorded it")
            && said.contains(&was),
        "{said}"
    );
}

#[test]
fn check_finds_what_is_not_what_it_was() {
    let (cli, git) = repository();
    assert!(refused(&cli, &git, "--check", "SB1603").contains("no release of platform"));
    create_ledger(&cli);
    first(&cli);
    let good = run(&cli, "release platform --check");
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(
        good.stdout
            .starts_with("platform-v0.1.0 is what it was: 2 components in platform.json, sha256:"),
        "{}",
        good.stdout
    );
    refused(&cli, &git, "--check platform-v9.9.9", "SB1603");
    refused(&cli, &git, "--check api-v1.2.0", "SB1603");

    // A component's tag that moved, and one that is gone.
    let at = git.git(&["rev-parse", "api-v1.2.0"]);
    git.git(&["tag", "-f", "api-v1.2.0", "HEAD"]);
    git.git(&["tag", "-d", "web-v2.0.0"]);
    let ran = platform(&cli, "--check");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let view: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(view["schema"], "switchback.release-platform-check/v1");
    assert_eq!(view["holds"], false);
    assert_eq!(
        view["findings"],
        serde_json::json!([
            "the tag `api-v1.2.0` is not where platform-v0.1.0 recorded it",
            "the tag `web-v2.0.0` is not where platform-v0.1.0 recorded it"
        ])
    );
    assert!(ran.stderr.contains("SB1604"), "{}", ran.stderr);
    git.git(&["tag", "-f", "api-v1.2.0", &at]);
    git.git(&["tag", "web-v2.0.0", &at]);

    // The platform's own tag at another commit, with the same message.
    let says = git.git(&["tag", "-l", "--format=%(contents)", "platform-v0.1.0"]);
    let object = git.git(&["rev-parse", "platform-v0.1.0"]);
    git.write("platform.json", "{}\n");
    git.commit("fix: by hand");
    git.git(&["tag", "-f", "-a", "-m", &says, "platform-v0.1.0"]);
    let said = refused(&cli, &git, "--check", "SB1625");
    assert!(
        said.contains("platform.json has the digest sha256:") && said.contains("SB1604"),
        "{said}"
    );
    // Nor is anything counted from it.
    refused(&cli, &git, "", "SB1604");
    fs::remove_dir_all(cli.folder().join(".switchback")).unwrap();
    refused(&cli, &git, "", "SB1625");
    // Put back it is what it was.
    git.git(&["update-ref", "refs/tags/platform-v0.1.0", &object]);
    assert_eq!(run(&cli, "release platform --check").code, 0);
}

#[test]
fn the_plan_says_what_becomes_of_it() {
    let (cli, git) = repository();
    let planned = |line: &str| {
        let ran = run(&cli, &format!("release plan {line} --format json"));
        let view: Value = serde_json::from_str(&ran.stdout).unwrap();
        (view, ran.code)
    };
    let (view, code) = planned("");
    assert_eq!(code, 0);
    let platform = &view["platform"];
    assert_eq!(
        (&platform["version"], &platform["why"]),
        (
            &"0.1.0".into(),
            &"api comes in with 1.2.0, and 1 more".into()
        )
    );
    first(&cli);
    let (view, code) = planned("");
    assert_eq!(code, 3);
    assert_eq!(view["platform"]["version"], Value::Null);
    let why = "every component is what platform-v0.1.0 has";
    assert_eq!(view["platform"]["why"], why);
    // What is planned counts, and what is cut already.
    git.commit_file("api/a.rs", "more", "feat: more");
    let (view, _) = planned("");
    assert_eq!(view["platform"]["tag"], "platform-v0.2.0");
    assert_eq!(view["cuts"][1]["command"], "switchback release platform");
    let shown = run(&cli, "release plan").stdout;
    let line = "the platform `platform`: 0.1.0 → 0.2.0, api rises from 1.2.0 to 1.3.0\n";
    assert!(shown.contains(line), "{shown}");
    git.git(&["tag", "api-v1.3.0"]);
    let (view, code) = planned("");
    assert_eq!((view["cuts"].as_array().unwrap().len(), code), (1, 0));
    // Who asks for a component is told of that.
    let (view, code) = planned("--component api");
    assert_eq!((view.get("platform"), code), (None, 3));
    // What nobody knows is no version.
    git.commit_file("web/a.rs", "more", "fix: it\n\nThis is BREAKING");
    let (view, code) = planned("");
    assert_eq!(code, 1);
    assert_eq!(
        view["platform"]["why"],
        "what becomes of web is not decided"
    );
}

#[test]
fn tags_that_others_made_are_gone_on_from() {
    let (cli, git) = repository();
    git.git(&["tag", "platform-v3.1.0"]);
    let said = refused(&cli, &git, "--check", "SB1625");
    assert!(said.contains("its message names no manifest"), "{said}");
    git.commit_file("README.md", "x", "docs: x");
    assert_eq!(first(&cli)["release"]["tag"], "platform-v3.2.0");
    is_whole(&cli, &git, "platform-v3.2.0");
}

#[test]
fn what_cannot_be_a_platform_is_refused() {
    let (cli, git) = repository();
    for (platform, says) in [
        (
            "members = [\"apii\"]",
            "there is no component `apii`; did you mean `api`?",
        ),
        (
            "members = [\"api\", \"api\"]",
            "the component `api` stands there twice",
        ),
        ("members = []", "a platform needs one component at least"),
        (
            "name = \"web\"",
            "the platform is called `web`, and so is a component",
        ),
        ("tags = \"api-v{version}\"", "could be one of `api`"),
        ("tags = \"api-v{version}-all\"", "could be one of `api`"),
        ("file = \"\"", "empty path"),
        ("file = \"a\\nb\"", "no path on one line"),
    ] {
        let settings = SETTINGS.replace("[platform]\n", &format!("[platform]\n{platform}\n"));
        git.write("switchback.toml", settings);
        let said = refused(&cli, &git, "", "SB0113");
        assert!(said.contains(says), "{platform}: {said}");
    }
    for (settings, says) in [
        (
            "schema = 1\nproject.name = \"shop\"\n\n[platform]\n",
            "there are none",
        ),
        (&SETTINGS.replace("[platform]\n", ""), "names no platform"),
        (
            &SETTINGS.replace("[platform]\n", "[platform]\nfile = \"../out.json\"\n"),
            "outside of the repository",
        ),
        (
            &SETTINGS.replace("[platform]\n", "[platform]\nfile = \".\"\n"),
            "outside of the repository",
        ),
    ] {
        git.write("switchback.toml", settings);
        let given = format!("--digest api={} --digest web={}", digest("1"), digest("2"));
        let said = refused(&cli, &git, &given, "SB0113");
        assert!(said.contains(says), "{settings}: {said}");
    }
    // A lone component's tags are those that it has or could have.
    let lone = "schema = 1\nproject.name = \"shop\"\n\n[platform]\ntags = \"{version}-all\"\n\n\
                [[component]]\nname = \"api\"\n";
    git.write("switchback.toml", lone);
    refused(&cli, &git, "", "SB0113");
}

#[test]
fn digests_that_cannot_be_used_are_refused() {
    let (cli, git) = repository();
    let one = digest("1");
    for (line, code) in [
        (format!("--digest apii={one}"), "SB0106"),
        ("--digest api".to_owned(), "SB1624"),
        ("--digest api=sha256:12".to_owned(), "SB1624"),
        (
            format!("--digest api={}", one.replace("256", "512")),
            "SB1624",
        ),
        (
            format!("--digest api={one} --digest api={}", digest("2")),
            "SB1624",
        ),
        ("--digests no-such-file".to_owned(), "SB0112"),
    ] {
        refused(&cli, &git, &line, code);
    }
    let file = cli.home().join("digests");
    let line = format!("--digests {}", file.display());
    let other = format!("{{\"api\": \"{one}\", \"\\u001b[2Jwebb\": \"{one}\"}}");
    for (bytes, says) in [
        (b"api \xff".to_vec(), "line 1: it is not text in UTF-8"),
        (b"api".to_vec(), "line 1: a name"),
        (b"{".to_vec(), "not a JSON object"),
        (b"{\"api\": {}}".to_vec(), "`api` has no digest"),
        (format!("appi {one}").into(), "`appi` is no component"),
        (other.into(), "webb` is no component"),
        (vec![b'#'; (16 << 20) + 1], "has more than"),
    ] {
        fs::write(&file, bytes).unwrap();
        let said = refused(&cli, &git, &line, "SB1624");
        assert!(said.contains(says), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
    // What a build says of what it pushed.
    let target =
        |it: &str| format!("{{\"buildx.build.ref\": \"x\", \"containerimage.digest\": \"{it}\"}}");
    let metadata = format!(
        "{{\"buildx.build.warnings\": {{}}, \"api\": {}, \"web\": {}}}",
        target(&one),
        target(&digest("2"))
    );
    fs::write(&file, metadata).unwrap();
    assert_eq!(cut(&cli, &line)["components"][1]["digest"], digest("2"));
}

#[test]
fn a_run_that_died_is_gone_on_with() {
    let (cli, git) = repository();
    create_ledger(&cli);
    let given = format!("--digest api={} --digest web={}", digest("1"), digest("2"));
    // Before the commit, which Git does not make then: it is killed, too.
    let killing = git.hook("pre-commit", &format!("{KILL} $PPID"));
    let before = git.head();
    assert_eq!(platform(&cli, &given).code, 137);
    assert_eq!(git.head(), before);
    assert!(git.path().join("platform.json").exists());
    fs::remove_file(killing).unwrap();
    let _ = fs::remove_file(git.path().join(".git/index.lock"));
    // After it.
    let killing = git.hook("post-commit", KILL);
    assert_eq!(platform(&cli, &given).code, 137);
    fs::remove_file(killing).unwrap();
    let commit = git.head();
    assert_eq!(git.git(&["rev-parse", "HEAD^"]), before);
    assert_eq!(git.git(&["tag", "--list", "platform*"]), "");
    assert_eq!(cut(&cli, &given)["release"]["commit"], commit);
    assert_eq!(git.head(), commit);
    assert_eq!(recorded_tags(&cli).len(), 1);
    is_whole(&cli, &git, "platform-v0.1.0");

    // Between the tag and the ledger: a tag that the ledger does not know.
    fs::remove_dir_all(cli.folder().join(".switchback")).unwrap();
    create_ledger(&cli);
    let recorded = cut(&cli, "");
    assert_eq!(recorded["release"]["recorded"], true);
    assert_eq!(recorded["release"]["commit"], commit);
    assert_eq!(recorded_tags(&cli).len(), 1);
    is_whole(&cli, &git, "platform-v0.1.0");
}

#[test]
fn a_commit_that_is_refused_leaves_everything_as_it_was() {
    let (cli, git) = repository();
    let given = format!("--digest api={} --digest web={}", digest("1"), digest("2"));
    let refusing = git.hook("pre-commit", "echo 'not today' >&2; exit 1");
    let said = refused(&cli, &git, &given, "SB0606");
    assert!(said.contains("not today"), "{said}");
    assert!(!git.path().join("platform.json").exists());
    fs::remove_file(refusing).unwrap();
    // Nor what somebody is at work on, under its name.
    git.write("platform.json", "mine\n");
    refused(&cli, &git, &given, "SB0603");
    git.write(".gitignore", "platform.json\n");
    git.commit("chore: ignore it");
    refused(&cli, &git, &given, "SB0111");
    fs::remove_file(git.path().join("platform.json")).unwrap();
    // A key that cannot sign.
    git.git(&["config", "gpg.format", "ssh"]);
    git.git(&["config", "user.signingKey", "/no/such/key"]);
    refused(&cli, &git, &given, "SB1606");
    git.git(&["checkout", "-q", "--detach"]);
    refused(&cli, &git, &given, "SB1608");
}

#[test]
fn two_at_once_make_one() {
    let (cli, git) = repository();
    create_ledger(&cli);
    let given = format!("--digest api={} --digest web={}", digest("1"), digest("2"));
    let codes: Vec<i32> = thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| platform(&cli, &given).code))
            .collect();
        runs.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let count = |code| codes.iter().filter(|it| **it == code).count();
    assert_eq!((count(0), count(3)), (1, 3), "{codes:?}");
    assert_eq!(recorded_tags(&cli).len(), 1);
    assert_eq!(git.git(&["rev-list", "--count", "HEAD"]), "2");
    is_whole(&cli, &git, "platform-v0.1.0");
}

#[test]
fn it_is_signed_and_kept_where_the_settings_say() {
    let (cli, git) = repository();
    git.sign_with(&ssh_key(&cli.home(), "key"));
    let settings = SETTINGS.replace(
        "[platform]\n",
        "[platform]\nname = \"shop\"\ntags = \"shop/{version}\"\nfile = \"deploy/all/it.json\"\n",
    );
    git.commit_file("switchback.toml", &settings, "chore: settings");
    let made = first(&cli);
    assert_eq!(made["release"]["tag"], "shop/0.1.0");
    assert_eq!(made["release"]["signature"]["kind"], "unverified");
    assert_eq!(made["manifest"]["file"], "deploy/all/it.json");
    assert!(
        git.git(&["cat-file", "tag", "shop/0.1.0"])
            .contains("BEGIN SSH SIGNATURE")
    );
    // Kept elsewhere from now on, what it was is still found.
    let settings = settings.replace("deploy/all/it.json", "platform.json");
    git.commit_file("switchback.toml", &settings, "chore: elsewhere");
    release(&git, "web", "2.0.1");
    let made = cut(&cli, &format!("--digest web={}", digest("3")));
    assert_eq!(made["release"]["version"], "0.1.1");
    assert_eq!(run(&cli, "release platform --check shop/0.1.0").code, 0);
    is_whole(&cli, &git, "shop/0.1.1");
}
