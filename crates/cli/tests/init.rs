//! `init` in repositories of several shapes, and where it cannot write.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use support::{bad, good, run, switchback};
use switchback_testkit::cli::Cli;

fn git(cli: &Cli, line: &str) {
    let mut git = Command::new("git");
    cli.isolate(&mut git);
    let output = git.args(line.split_whitespace()).output().unwrap();
    assert!(
        output.status.success(),
        "git {line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn names(cli: &Cli) -> Vec<String> {
    let read = fs::read_dir(cli.folder()).unwrap();
    let mut names: Vec<String> = read
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(cli: &Cli, path: &str) -> u32 {
    fs::metadata(cli.folder().join(path))
        .unwrap()
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn an_empty_folder_gets_settings_that_work() {
    let cli = switchback();
    let ran = run(&cli, "init");
    let expected = "\
wrote .switchback/ledger.key
wrote .switchback/ledger.db
wrote .gitignore
wrote switchback.toml
project work
components work
environments staging, production
";
    assert_eq!(
        (ran.stdout.as_str(), ran.code),
        (expected, 0),
        "{}",
        ran.stderr
    );
    let next = "next: read it, then see what is in effect: switchback config show --origin\n";
    assert!(ran.stderr.ends_with(next), "{}", ran.stderr);
    assert_eq!(
        names(&cli),
        [".gitignore", ".switchback", "switchback.toml"]
    );
    assert_eq!(
        (
            mode(&cli, ".switchback"),
            mode(&cli, ".switchback/ledger.key")
        ),
        (0o700, 0o600)
    );
    assert_eq!(cli.read(".gitignore").unwrap(), "/.switchback/\n");
    let shown = good(&cli, "config show");
    assert!(
        shown.contains("ledger.verifier") && shown.contains("work+"),
        "{shown}"
    );
    let key = cli.read(".switchback/ledger.key").unwrap();
    assert!(key.starts_with("PRIVATE+KEY+work+"));
    assert!(!cli.read("switchback.toml").unwrap().contains("PRIVATE"));
}

#[test]
fn a_repository_shows_its_name_components_and_environments() {
    let cli = switchback();
    git(&cli, "init --quiet --initial-branch=trunk");
    git(&cli, "remote add origin git@example.org:team/web-shop.git");
    cli.write("api/Dockerfile", "FROM scratch\n").unwrap();
    cli.write("web/Dockerfile", "FROM scratch\n").unwrap();
    cli.write("envs/production/values.yaml", "api:\n  version: 1.0.0\n")
        .unwrap();
    cli.write("envs/staging/values.yaml", "api:\n  version: 1.0.0\n")
        .unwrap();
    cli.write("staging.db", "SQLite format 3\0").unwrap();
    cli.write(".gitignore", "/target").unwrap();
    let ran = run(&cli, "init --format json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["schema"], "switchback.init/v1");
    assert_eq!(value["project"], "web-shop");
    assert_eq!(value["components"], serde_json::json!(["api", "web"]));
    assert_eq!(
        value["environments"],
        serde_json::json!(["staging", "production"])
    );
    for line in ran.stderr.lines() {
        assert_eq!(
            serde_json::from_str::<Value>(line).unwrap()["schema"],
            "switchback.note/v1"
        );
    }
    assert_eq!(cli.read(".gitignore").unwrap(), "/target\n/.switchback/\n");
    let shown = good(&cli, "config show");
    for (key, value) in [
        ("component.api.path", "api"),
        ("environment.staging.database.path", "staging.db"),
        ("environment.production.values.branch", "trunk"),
        (
            "environment.production.values.file",
            "envs/production/values.yaml",
        ),
    ] {
        let row = shown
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap_or_default();
        assert!(row.ends_with(&format!(" {value}")), "{key}: {row}");
    }
    // Git agrees that the key is ignored.
    git(&cli, "check-ignore --quiet .switchback/ledger.key");
}

#[test]
fn manifests_name_the_project() {
    for (file, text, name) in [
        ("Cargo.toml", "[package]\nname = \"pay\"\n", "pay"),
        (
            "package.json",
            "{\"name\": \"@team/cart\", \"scripts\": {\"start\": \"x\"}}",
            "cart",
        ),
        (
            "pyproject.toml",
            "[project]\nname = \"Mail_Er\"\n",
            "mail_er",
        ),
        ("Cargo.toml", "broken = [", "work"),
    ] {
        let cli = switchback();
        cli.write(file, text).unwrap();
        assert_eq!(run(&cli, "init").code, 0);
        let shown = good(&cli, "config show");
        let row = shown
            .lines()
            .find(|line| line.starts_with("project.name"))
            .unwrap();
        assert!(row.ends_with(&format!(" {name}")), "{row}");
    }
}

#[test]
fn a_dry_run_shows_the_file_and_writes_nothing() {
    let cli = switchback();
    let ran = run(&cli, "init --dry-run");
    assert_eq!(ran.code, 0);
    assert!(
        ran.stdout
            .contains("schema = 1\n\n[project]\nname = \"work\"\n"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.ends_with("next: write it: switchback init\n"),
        "{}",
        ran.stderr
    );
    assert!(names(&cli).is_empty());
    cli.write("switchback.toml", &ran.stdout).unwrap();
    good(&cli, "config show");
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let cli = switchback();
    assert_eq!(run(&cli, "init").code, 0);
    let (settings, key) = (
        cli.read("switchback.toml"),
        cli.read(".switchback/ledger.key"),
    );
    let (settings, key) = (settings.unwrap(), key.unwrap());
    let error = bad(&cli, "init", 1);
    assert!(
        error.starts_with("error[SB0111]") && error.contains("switchback.toml"),
        "{error}"
    );
    // Without the settings the key alone is enough to stop: a new one would orphan the ledger.
    fs::remove_file(cli.folder().join("switchback.toml")).unwrap();
    let error = bad(&cli, "init", 1);
    assert!(error.contains("ledger.key exists already"), "{error}");
    assert_eq!(cli.read(".switchback/ledger.key").unwrap(), key);
    assert_eq!(cli.read(".gitignore").unwrap(), "/.switchback/\n");
    cli.write("switchback.toml", &settings).unwrap();
    good(&cli, "config show");
}

#[test]
fn where_nothing_can_be_made_nothing_is_left() {
    let cli = switchback();
    // A file where the folder must be: unlike permissions, this stops root too.
    cli.write(".switchback", "in the way").unwrap();
    let error = bad(&cli, "init", 2);
    assert!(
        error.starts_with("error[SB0108]") && error.contains(".switchback"),
        "{error}"
    );
    assert_eq!(names(&cli), [".switchback"]);
    // A folder of the kernel's in which nobody can make anything.
    let output = cli
        .command(["init"])
        .current_dir("/proc/self")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("error[SB0108]")
    );
}

#[test]
fn a_read_only_folder_is_an_error() {
    let cli = switchback();
    let allow = |mode| fs::set_permissions(cli.folder(), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o555);
    let as_root = fs::write(cli.folder().join("probe"), "").is_ok();
    let output = if as_root {
        // Root may write everywhere, unless the capability to do so is taken away.
        fs::remove_file(cli.folder().join("probe")).unwrap();
        let mut without = Command::new("setpriv");
        cli.isolate(&mut without);
        without.arg("--bounding-set=-dac_override,-dac_read_search");
        without
            .args([env!("CARGO_BIN_EXE_switchback"), "init"])
            .output()
    } else {
        cli.command(["init"]).output()
    };
    allow(0o755);
    let Ok(output) = output else {
        eprintln!("skipped: root may write everywhere, and there is no setpriv");
        return;
    };
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.starts_with("error[SB0108]") && error.contains("permissions"),
        "{error}"
    );
    assert!(names(&cli).is_empty());
}

/// A file size limit of zero makes every write to a file fail, for root too, once the signal that
/// comes with it is ignored.
#[test]
fn when_no_byte_can_be_written_nothing_is_left() {
    let cli = switchback();
    cli.write(".gitignore", "/target\n").unwrap();
    let mut shell = Command::new("/bin/bash");
    cli.isolate(&mut shell);
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} init",
        env!("CARGO_BIN_EXE_switchback")
    );
    let output = shell.args(["-c", &script]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.starts_with("error[SB0108]"), "{error}");
    assert!(error.contains("make room on the disk"), "{error}");
    assert_eq!(names(&cli), [".gitignore"]);
    assert_eq!(cli.read(".gitignore").unwrap(), "/target\n");
}

/// A file system of one page, in a mount namespace of its own.
#[test]
fn a_full_disk_is_an_error_and_nothing_is_left() {
    let cli = switchback();
    cli.write("small/x", "").unwrap();
    let script = format!(
        "mount -t tmpfs -o size=4k none small || exit 99
         cd small; head -c 4096 /dev/zero > filler || exit 99
         {} init; code=$?; ls -A; exit $code",
        env!("CARGO_BIN_EXE_switchback")
    );
    let mut unshare = Command::new("unshare");
    cli.isolate(&mut unshare);
    let Ok(output) = unshare.args(["-rm", "/bin/sh", "-c", &script]).output() else {
        eprintln!("skipped: there is no unshare");
        return;
    };
    let error = String::from_utf8(output.stderr).unwrap();
    if output.status.code() != Some(2) && !error.contains("error[") {
        eprintln!("skipped: no file system can be mounted here: {error}");
        return;
    }
    assert!(
        error.starts_with("error[SB0108]") && error.contains("make room"),
        "{error}"
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "filler\n");
}
