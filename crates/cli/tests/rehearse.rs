//! `switchback rehearse --history`: what people and programs are told, and what is left of it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{run, switchback};
use switchback_testkit::cli::Cli;

/// A folder of golang-migrate with something of everything that is met in the field.
fn folder() -> Cli {
    let cli = switchback();
    let files: [(&str, &[u8], &[u8]); 6] = [
        (
            "001_users",
            b"CREATE TABLE users (id int PRIMARY KEY, email text);",
            b"DROP TABLE users;",
        ),
        (
            "002_name",
            b"ALTER TABLE users ADD n\xefme text;",
            b"ALTER TABLE users DROP x;",
        ),
        (
            "003_grant",
            b"\\set ON_ERROR_STOP on\nGRANT SELECT ON users TO reader;",
            b"REVOKE ALL ON users FROM reader;",
        ),
        (
            "004_places",
            b"CREATE EXTENSION not_there;\nCREATE TABLE places (id int);",
            b"DROP TABLE places;",
        ),
        (
            "005_index",
            b"CREATE INDEX users_email ON users (email);",
            b"-- Nothing.",
        ),
        (
            "006_short",
            b"ALTER TABLE users ALTER email TYPE varchar(1);",
            b"ALTER TABLE users ALTER email TYPE text;",
        ),
    ];
    for (name, up, down) in files {
        cli.write(format!("migrations/{name}.up.sql"), up).unwrap();
        cli.write(format!("migrations/{name}.down.sql"), down)
            .unwrap();
    }
    cli
}

#[test]
fn everything_is_said_by_name() {
    let cli = folder();
    let ran = run(&cli, "rehearse --history migrations");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for expected in [
        "2 name\nnote: it is not SQL in UTF-8",
        "3 grant\n  the client's command in line 1 was passed over: \\set ON_ERROR_STOP on\n  \
         the role reader was made for it",
        "4 places\nfault: it cannot be applied: it needs the extension not_there, which is not \
         installed here (line 1)\n  to get on, 1 of its statements were run and 1 failed",
        "5 index\nfault: its way down leaves another schema than there was before\n    \
         + index public.users_email",
        "its way down has no statement in it",
        "6 short\nnote: it cannot be applied: value too long",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}\n{}", ran.stdout);
    }
    let ran = run(&cli, "rehearse --history migrations --format json");
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["schema"], "switchback.rehearse-history/v1");
    let counts = &value["counts"];
    assert_eq!(
        (
            &counts["restored"],
            &counts["faulty"],
            &counts["cannot_be_applied"],
            &counts["depend_on_rows"],
            &counts["not_judged"]
        ),
        (&2.into(), &2.into(), &1.into(), &1.into(), &1.into()),
        "{counts}"
    );
}

/// A folder of SQLite's, without a word that says so.
fn in_sqlite() -> Cli {
    let cli = switchback();
    for (name, up, down) in [
        (
            "001_users",
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);",
            "DROP TABLE users;",
        ),
        (
            "002_drop",
            "ALTER TABLE users DROP COLUMN email;",
            "ALTER TABLE users ADD COLUMN email TEXT;",
        ),
    ] {
        cli.write(format!("migrations/{name}.up.sql"), up).unwrap();
        cli.write(format!("migrations/{name}.down.sql"), down)
            .unwrap();
    }
    cli
}

#[test]
fn a_history_of_sqlite_is_rehearsed_in_a_file() {
    let cli = in_sqlite();
    let ran = run(&cli, "rehearse --history migrations --engine sqlite");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for expected in [
        "2 drop\nfault: its way down does not bring back the data\n      users: ",
        " of 20 rows changed",
        "      where id = '1': email was 'person1000@example.org' and is NULL",
        "migrations (golang-migrate, SQLite 3.",
        "foreign keys not enforced): 2 migrations, 20 rows a table",
        "all ways down in a row lead back to an empty database",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("nothing says which engine"));
    let ran = run(
        &cli,
        "rehearse --history migrations --engine sqlite --foreign-keys on --rows 0 --format json",
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["engine_because"], "--engine");
    let engine = value["engine"].as_str().unwrap();
    assert!(engine.ends_with("foreign keys enforced"), "{engine}");
}

#[test]
fn the_engine_is_the_one_that_something_says() {
    let because = |cli: &Cli, line: &str| {
        let ran = run(cli, &format!("{line} --rows 0 --format json"));
        let value: Value = serde_json::from_str(&ran.stdout).unwrap();
        (
            value["engine"].as_str().unwrap()[..6].to_owned(),
            value["engine_because"].clone(),
        )
    };
    let cli = in_sqlite();
    let (engine, why) = because(&cli, "rehearse --history migrations");
    assert_eq!((engine.as_str(), why), ("Postgr", Value::Null));
    let ran = run(&cli, "rehearse --history migrations --rows 0");
    assert!(
        ran.stdout
            .contains("note: nothing says which engine the folder is for"),
        "{}",
        ran.stdout
    );
    // A manifest above the folder.
    cli.write(
        "go.mod",
        "module x\nrequire github.com/mattn/go-sqlite3 v1.14.0\n",
    )
    .unwrap();
    let (engine, why) = because(&cli, "rehearse --history migrations");
    assert_eq!((engine.as_str(), why), ("SQLite", "`go.mod`".into()));
    // The settings know better.
    cli.write(
        "switchback.toml",
        "schema = 1\n[project]\nname = \"x\"\n[[migrations.folder]]\npath = \"migrations\"\n\
         engine = \"postgres\"\n",
    )
    .unwrap();
    let (engine, why) = because(&cli, "rehearse --history migrations");
    assert_eq!(
        (engine.as_str(), why),
        ("Postgr", "`switchback.toml`".into())
    );
    let (engine, why) = because(&cli, "rehearse --history migrations --engine sqlite");
    assert_eq!((engine.as_str(), why), ("SQLite", "--engine".into()));
    let ran = run(&cli, "rehearse --history migrations --engine mysql");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("is for MySQL"), "{}", ran.stderr);
    let ran = run(&cli, "rehearse --history migrations --foreign-keys on");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--foreign-keys"), "{}", ran.stderr);
}

/// The folders of private servers in a folder for temporary files.
fn servers(temporary: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(temporary).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains("switchback-pg-"))
        .collect()
}

#[test]
fn a_killed_rehearsal_leaves_no_server() {
    let mut cli = folder();
    cli.write("migrations/007_slow.up.sql", "SELECT pg_sleep(50);")
        .unwrap();
    let temporary = tempfile::Builder::new()
        .prefix("r")
        .tempdir_in("/tmp")
        .unwrap();
    // The server may run as somebody else, who has to reach its folder and to remove it.
    fs::set_permissions(
        temporary.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o1777),
    )
    .unwrap();
    cli.set("TMPDIR", temporary.path());
    let mut child = cli
        .command(["rehearse", "--history", "migrations"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let running = || {
        let found = servers(temporary.path());
        found
            .first()
            .is_some_and(|it| it.join("data/postmaster.pid").exists())
    };
    while !running() {
        assert!(Instant::now() < deadline, "no server was started");
        std::thread::sleep(Duration::from_millis(5));
    }
    // As `kill -9`: nothing of ours can clean up.
    child.kill().unwrap();
    child.wait().unwrap();
    while !servers(temporary.path()).is_empty() {
        assert!(Instant::now() < deadline, "a server is left");
        std::thread::sleep(Duration::from_millis(5));
    }
}
