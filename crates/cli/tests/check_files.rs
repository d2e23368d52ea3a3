//! `switchback check` on files that are odd, hostile, large or gone, and the files that it changes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use serde_json::Value;
use support::{run, switchback};
use switchback_testkit::cli::Cli;

const FIRST: &str = "migrations/20240101000000_users.sql";
const SECOND: &str = "migrations/20240201000000_index.sql";
const INDEX: &str = "CREATE INDEX users_email ON users (email);\n";

fn shop() -> Cli {
    let cli = switchback();
    cli.write(
        FIRST,
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
    )
    .unwrap();
    cli.write(SECOND, INDEX).unwrap();
    cli.write(
        "Cargo.toml",
        "[dependencies]\nsqlx = { version = \"0.8\", features = [\"postgres\"] }\n",
    )
    .unwrap();
    cli
}

fn json(cli: &Cli, line: &str) -> Value {
    let ran = run(cli, &format!("{line} --format json"));
    serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|_| panic!("{line}: {} {}", ran.stdout, ran.stderr))
}

/// File and code of each finding, in order.
fn found(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found = value["findings"].as_array().unwrap();
    found
        .iter()
        .map(|it| (text(&it["file"]), text(&it["code"])))
        .collect()
}

// ---- fixes ----

#[test]
fn fixes_are_made_and_making_them_again_changes_nothing() {
    let cli = shop();
    let ran = run(&cli, "check --fix --dry-run");
    assert!(
        ran.stdout
            .starts_with(&format!("--- {SECOND}\n+++ {SECOND}\n@@ ")),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("would fix "), "{}", ran.stdout);
    assert_eq!(cli.read(SECOND).unwrap(), INDEX, "a dry run writes nothing");

    fs::set_permissions(cli.folder().join(SECOND), fs::Permissions::from_mode(0o640)).unwrap();
    let ran = run(&cli, "check --fix");
    assert!(
        ran.stdout.contains(&format!("fixed {SECOND} (SB1004): ")),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("fixable with --fix"), "{}", ran.stdout);
    let fixed = cli.read(SECOND).unwrap();
    assert!(
        fixed.contains("CREATE INDEX CONCURRENTLY users_email"),
        "{fixed}"
    );
    let mode = fs::metadata(cli.folder().join(SECOND))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);

    let value = json(&cli, "check --fix");
    assert_eq!(value["fixed"], Value::Array(Vec::new()), "{value}");
    assert_eq!(cli.read(SECOND).unwrap(), fixed);
    assert_eq!(json(&cli, "check")["summary"]["fixable"], 0);
}

#[test]
fn fixes_keep_line_ends() {
    let cli = shop();
    cli.write(
        SECOND,
        "-- x\r\nCREATE INDEX users_email ON users (email);\r\n",
    )
    .unwrap();
    run(&cli, "check --fix");
    let fixed = cli.read(SECOND).unwrap();
    assert!(fixed.contains("CONCURRENTLY"), "{fixed}");
    assert_eq!(
        fixed.matches('\n').count(),
        fixed.matches("\r\n").count(),
        "{fixed:?}"
    );
}

#[test]
fn a_file_that_cannot_be_fixed_is_said_to_be_so() {
    let cli = shop();
    let folder = cli.folder().join("migrations");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let ran = run(&cli, "check --fix");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Root may write everywhere.
    if ran.code == 2 {
        assert!(ran.stderr.contains("error[SB0108]"), "{}", ran.stderr);
        assert_eq!(cli.read(SECOND).unwrap(), INDEX);
    }
}

// ---- baseline and suppression ----

#[test]
fn what_is_in_the_baseline_does_not_count() {
    let cli = shop();
    let ran = run(&cli, "check --write-baseline");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(
        ran.stderr.starts_with("2 findings written to "),
        "{}",
        ran.stderr
    );
    let ran = run(&cli, "check");
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(
        ran.stdout
            .ends_with("no findings in 2 migrations; 2 known from the baseline\n"),
        "{}",
        ran.stdout
    );
    // Lines may move, and what is new counts.
    cli.write(SECOND, format!("-- moved\n\n{INDEX}")).unwrap();
    assert_eq!(run(&cli, "check").code, 0);
    cli.write(
        "migrations/20240301000000_more.sql",
        "CREATE INDEX users_both ON users (email, id);\n",
    )
    .unwrap();
    assert_eq!(run(&cli, "check").code, 1);
    // What is gone is said.
    cli.write(SECOND, "SELECT 1;\n").unwrap();
    let ran = run(&cli, "check");
    assert!(
        ran.stderr.contains("2 findings of the baseline are gone"),
        "{}",
        ran.stderr
    );

    assert_eq!(
        run(&cli, "check --write-baseline --baseline other.json").code,
        0
    );
    assert_eq!(run(&cli, "check --baseline other.json").code, 0);
    cli.write("other.json", "{}").unwrap();
    let ran = run(&cli, "check --baseline other.json");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("cannot be used as a baseline"),
        "{}",
        ran.stderr
    );
    assert_eq!(run(&cli, "check --baseline missing.json").code, 2);
}

#[test]
fn comments_allow_with_a_reason() {
    let cli = shop();
    cli.write(
        SECOND,
        format!("-- switchback:allow SB1004, SB1009: the table is empty\n{INDEX}"),
    )
    .unwrap();
    let value = json(&cli, "check");
    assert_eq!(found(&value), []);
    assert_eq!(value["suppressed"][0]["reason"], "the table is empty");
    assert!(run(&cli, "check").stdout.ends_with("; 2 suppressed\n"));
    cli.write(
        SECOND,
        format!("-- switchback:allow SB1004, SB1009\n{INDEX}"),
    )
    .unwrap();
    let codes: Vec<_> = found(&json(&cli, "check"))
        .into_iter()
        .map(|(_, code)| code)
        .collect();
    assert!(
        codes.contains(&"SB1403".to_owned()) && codes.contains(&"SB1004".to_owned()),
        "{codes:?}"
    );

    cli.write("Dockerfile", "FROM x\n# switchback:allow migration-at-startup: one replica\nCMD sqlx migrate run && serve\n").unwrap();
    cli.write(SECOND, "SELECT 1;\n").unwrap();
    let value = json(&cli, "check");
    assert_eq!(value["suppressed"][0]["code"], "SB1402", "{value}");
}

// ---- odd files ----

#[test]
fn files_that_are_no_text_do_not_keep_others_from_being_judged() {
    let cli = shop();
    cli.write(
        "migrations/20240301000000_bad.sql",
        b"SELECT 1;\n\xff\xfe bad\n",
    )
    .unwrap();
    let value = json(&cli, "check");
    let found = found(&value);
    let has = |file: &str, code: &str| found.contains(&(file.to_owned(), code.to_owned()));
    assert!(
        has("migrations/20240301000000_bad.sql", "SB1309"),
        "{found:?}"
    );
    assert!(has(SECOND, "SB1004"), "{found:?}");
    let bad = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["code"] == "SB1309")
        .unwrap();
    assert_eq!(
        (&bad["line"], &bad["column"]),
        (&2.into(), &1.into()),
        "{bad}"
    );
}

#[test]
fn files_that_cannot_be_read_are_findings() {
    let cli = shop();
    let pipe = cli.folder().join("migrations/20240301000000_pipe.sql");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let value = json(&cli, "check");
    let found = found(&value);
    let pipe = "migrations/20240301000000_pipe.sql".to_owned();
    assert!(
        found.contains(&(pipe.clone(), "SB0112".to_owned())),
        "{found:?}"
    );
    assert!(!found.contains(&(pipe, "SB1314".to_owned())), "{found:?}");
    assert!(
        found.contains(&(SECOND.to_owned(), "SB1004".to_owned())),
        "{found:?}"
    );
    assert_eq!(value["exit"], 1);
}

#[test]
fn links_are_followed_inside_of_the_tree_only() {
    let cli = shop();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.sql"), "SELEC 1;\n").unwrap();
    symlink(
        outside.path().join("x.sql"),
        cli.folder().join("migrations/20240301000000_out.sql"),
    )
    .unwrap();
    cli.write("shared/y.sql", "SELEC 1;\n").unwrap();
    symlink(
        "../shared/y.sql",
        cli.folder().join("migrations/20240401000000_in.sql"),
    )
    .unwrap();
    symlink(
        "nowhere.sql",
        cli.folder().join("migrations/20240501000000_gone.sql"),
    )
    .unwrap();
    symlink("..", cli.folder().join("migrations/loop")).unwrap();
    let ran = run(&cli, "check --format json");
    let found = found(&serde_json::from_str(&ran.stdout).unwrap());
    let files: Vec<&str> = found.iter().map(|(file, _)| file.as_str()).collect();
    assert!(
        files.contains(&"migrations/20240401000000_in.sql"),
        "{files:?}"
    );
    assert!(
        !files
            .iter()
            .any(|file| file.contains("_out") || file.contains("_gone") || file.contains("loop")),
        "{files:?}"
    );
    assert!(
        ran.stderr.contains("20240301000000_out.sql"),
        "{}",
        ran.stderr
    );
}

#[test]
fn hostile_names_cannot_reach_the_terminal() {
    let cli = shop();
    let name = "migrations/20240301000000_\u{1b}[2J\u{202e}x\ny.sql";
    cli.write(name, "SELEC 1; -- \u{1b}]0;evil\u{7}\n").unwrap();
    let odd = cli.folder().join(std::ffi::OsStr::from_bytes(
        b"migrations/20240401000000_\xff.sql",
    ));
    fs::write(odd, "SELEC 1;\n").unwrap();
    for line in [
        "check",
        "check --format github",
        "check --format junit",
        "check --format sarif",
        "check --color never",
    ] {
        let ran = run(&cli, line);
        assert_eq!(ran.code, 1, "{line}: {}", ran.stderr);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(
                !text.contains("\u{1b}[2J")
                    && !text.contains('\u{202e}')
                    && !text.contains('\u{7}'),
                "{line}: {text:?}"
            );
        }
        assert!(
            ran.stdout.contains("20240301000000_"),
            "{line}: {}",
            ran.stdout
        );
        assert!(
            ran.stdout.contains("20240401000000_"),
            "{line}: {}",
            ran.stdout
        );
    }
    let value = json(&cli, "check");
    assert!(
        found(&value).iter().any(|(file, _)| file == name),
        "{value}"
    );
}

#[test]
fn line_ends_marks_tabs_and_wide_characters_keep_their_places() {
    let cli = switchback();
    cli.write("migrations/1_a.up.sql", "SELECT '漢字';\r\n\tSELEC\t1;\r\n")
        .unwrap();
    let value = json(&cli, "check");
    let first = &value["findings"][0];
    assert_eq!(
        (&first["line"], &first["column"]),
        (&2.into(), &2.into()),
        "{value}"
    );
    let shown = run(&cli, "check").stdout;
    assert!(
        shown.contains(" --> migrations/1_a.up.sql:2:2\n"),
        "{shown}"
    );
    assert!(shown.contains("2 |     SELEC    1;\n"), "{shown}");
    assert!(!shown.contains('\r') && !shown.contains('\t'), "{shown:?}");
}

#[test]
fn one_long_line_is_not_shown_whole() {
    let cli = switchback();
    let long = format!("SELEC {};\n", "x, ".repeat(400_000));
    cli.write("migrations/1_a.up.sql", long).unwrap();
    let shown = run(&cli, "check").stdout;
    assert!(
        shown.contains("SB1016") && shown.len() < 10_000,
        "{} bytes",
        shown.len()
    );
}

#[test]
fn a_dump_of_fifty_megabytes_is_read() {
    let cli = switchback();
    let row = "INSERT INTO a (id, name) VALUES (1, 'a name that is as long as names are');\n";
    let mut text = "CREATE TABLE a (id bigint PRIMARY KEY, name text);\n".to_owned();
    text.push_str("COPY a (id, name) FROM stdin;\n");
    while text.len() < 45_000_000 {
        text.push_str("1\tsomebody who lives somewhere\n");
    }
    text.push_str("\\.\n");
    while text.len() < 50_000_000 {
        text.push_str(row);
    }
    text.push_str("SELEC 1;\n");
    cli.write("migrations/1_dump.up.sql", &text).unwrap();
    // Address space, which is more than memory: sixty times the file would not do.
    let mut shell = Command::new("/bin/sh");
    cli.isolate(&mut shell);
    let output = shell
        .args(["-c", "ulimit -v 3000000 && exec \"$0\" check --format json"])
        .arg(env!("CARGO_BIN_EXE_switchback"))
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert!(
        found(&value).iter().any(|(_, code)| code == "SB1016"),
        "{}",
        value["summary"]
    );
}

// ---- what is judged ----

#[test]
fn named_files_and_folders_alone_are_judged() {
    let cli = shop();
    cli.write(
        "migrations/20240301000000_more.sql",
        "CREATE INDEX users_more ON users (email, id);\n",
    )
    .unwrap();
    let only = |line: &str| {
        let found = found(&json(&cli, line));
        let mut files: Vec<String> = found.into_iter().map(|(file, _)| file).collect();
        files.dedup();
        files
    };
    assert_eq!(only("check migrations/20240201000000_index.sql"), [SECOND]);
    assert_eq!(
        only("check migrations"),
        [SECOND, "migrations/20240301000000_more.sql"]
    );
    assert_eq!(
        only("check ."),
        [SECOND, "migrations/20240301000000_more.sql"]
    );
    assert_eq!(only("check migrations/20240101000000_users.sql"), [""; 0]);
    let value = json(&cli, "check migrations/20240201000000_index.sql");
    assert_eq!(
        (&value["summary"]["judged"], &value["folders"][0]["tool"]),
        (&1.into(), &"sqlx".into())
    );
    // A file that belongs to nothing, and folders elsewhere.
    cli.write("loose/a.sql", "SELEC 1;\n").unwrap();
    assert_eq!(only("check loose/a.sql"), ["loose/a.sql"]);
    assert_eq!(only("check loose"), ["loose/a.sql"]);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("migrations")).unwrap();
    fs::write(elsewhere.path().join("migrations/1_a.up.sql"), "SELEC 1;\n").unwrap();
    let line = format!("check {}", elsewhere.path().display());
    let files = only(&line);
    assert!(
        files.len() == 1 && files[0].ends_with("migrations/1_a.up.sql"),
        "{files:?}"
    );
}

#[test]
fn editors_hand_in_what_is_not_written_yet() {
    let cli = shop();
    let arguments = ["check", "--format", "json", "--stdin-name", SECOND];
    let ran = cli
        .run_with(
            arguments,
            "CREATE INDEX CONCURRENTLY users_email ON users (email);\nSELEC 1;\n",
        )
        .unwrap();
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    let files: Vec<_> = found(&value);
    assert!(
        files.iter().all(|(file, _)| file == SECOND) && !files.is_empty(),
        "{files:?}"
    );
    assert!(files.iter().any(|(_, code)| code == "SB1016"), "{files:?}");
    assert!(!files.iter().any(|(_, code)| code == "SB1004"), "{files:?}");
    assert_eq!(cli.read(SECOND).unwrap(), INDEX, "nothing is written");
    // One that is not there yet is judged by those that are.
    let new = "migrations/20250101000000_new.sql";
    let ran = cli
        .run_with(
            ["check", "--format", "json", "--stdin-name", new],
            "CREATE INDEX b ON users (id, email);\n",
        )
        .unwrap();
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(
        found(&value).contains(&(new.to_owned(), "SB1004".to_owned())),
        "{value}"
    );
}
