//! `switchback check` with Git: what changed since a revision, and what a commit brings together.

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

/// A repository with one migration that has a finding, committed.
fn repository() -> (Cli, ScratchRepository) {
    let cli = switchback();
    let git = ScratchRepository::at(cli.folder());
    cli.write(
        "Cargo.toml",
        "[dependencies]\nsqlx = { version = \"0.8\", features = [\"postgres\"] }\n",
    )
    .unwrap();
    cli.write(
        "migrations/20240101000000_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text, nick text);\n",
    )
    .unwrap();
    cli.write(
        "migrations/20240102000000_index.sql",
        "CREATE INDEX users_email ON users (email);\n",
    )
    .unwrap();
    commit(&git, "feat: users");
    (cli, git)
}

fn commit(git: &ScratchRepository, message: &str) {
    git.git(&["add", "."]);
    git.git(&["commit", "-q", "-m", message]);
}

fn found(cli: &Cli, line: &str) -> Vec<(String, String)> {
    let ran = run(cli, &format!("{line} --format json"));
    let value: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found = value["findings"].as_array().unwrap();
    found
        .iter()
        .map(|it| (text(&it["file"]), text(&it["code"])))
        .collect()
}

fn files(cli: &Cli, line: &str) -> Vec<String> {
    let mut files: Vec<String> = found(cli, line).into_iter().map(|(file, _)| file).collect();
    files.dedup();
    files
}

#[test]
fn only_what_changed_is_judged() {
    let (cli, git) = repository();
    assert_eq!(
        files(&cli, "check"),
        ["migrations/20240102000000_index.sql"]
    );
    assert_eq!(files(&cli, "check --since HEAD"), [""; 0]);
    // Not known to Git, committed, and changed.
    let more = "migrations/20240103000000_more.sql";
    cli.write(more, "CREATE INDEX users_nick ON users (nick);\n")
        .unwrap();
    assert_eq!(files(&cli, "check --since HEAD"), [more]);
    commit(&git, "feat: more");
    assert_eq!(files(&cli, "check --since HEAD~1"), [more]);
    assert_eq!(files(&cli, "check --since HEAD"), [""; 0]);
    cli.write(
        "migrations/20240102000000_index.sql",
        "CREATE INDEX users_email ON users (email, id);\n",
    )
    .unwrap();
    assert_eq!(
        files(&cli, "check --since HEAD"),
        ["migrations/20240102000000_index.sql"]
    );
    // From a folder below, the names are those that are seen from there.
    let output = cli
        .command(["check", "--since", "HEAD"])
        .current_dir(cli.folder().join("migrations"))
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains(" --> 20240102000000_index.sql:1:1"),
        "{shown}"
    );
}

#[test]
fn what_others_did_meanwhile_is_not_judged() {
    let (cli, git) = repository();
    git.git(&["checkout", "-q", "-b", "feature"]);
    let mine = "migrations/20240201000000_mine.sql";
    cli.write(mine, "CREATE INDEX users_mine ON users (nick);\n")
        .unwrap();
    commit(&git, "feat: mine");
    git.git(&["checkout", "-q", "main"]);
    cli.write(
        "migrations/20240102000000_index.sql",
        "CREATE INDEX users_email ON users (email, id);\n",
    )
    .unwrap();
    commit(&git, "fix: theirs");
    git.git(&["checkout", "-q", "feature"]);
    assert_eq!(files(&cli, "check --since main"), [mine]);
}

#[test]
fn code_and_what_it_needs_go_in_one_commit() {
    let (cli, git) = repository();
    let drop = "migrations/20240201000000_drop.sql";
    cli.write(
        drop,
        "SET lock_timeout = '1s';\nALTER TABLE users DROP COLUMN nick;\n",
    )
    .unwrap();
    cli.write("src/users.rs", "// no nick\n").unwrap();
    cli.write("tests/users.rs", "// no nick\n").unwrap();
    commit(&git, "feat: no nicks");
    let mixed = (drop.to_owned(), "SB1401".to_owned());
    assert!(found(&cli, "check --since HEAD~1").contains(&mixed));
    assert!(found(&cli, "check --commits HEAD~1..HEAD").contains(&mixed));
    assert!(found(&cli, "check --commits HEAD~1").contains(&mixed));
    assert!(!found(&cli, "check").contains(&mixed));
    let shown = run(&cli, "check --since HEAD~1 --only SB1401").stdout;
    assert!(
        shown.contains("drops the column nick of users and changes code with it"),
        "{shown}"
    );
    assert!(
        shown.contains("the commit `feat: no nicks` also changes src/users.rs"),
        "{shown}"
    );
    // Allowed where it stands.
    cli.write(drop, "SET lock_timeout = '1s';\n-- switchback:allow SB1401, SB1101: nothing read it\nALTER TABLE users DROP COLUMN nick;\n").unwrap();
    assert!(!found(&cli, "check --since HEAD~1").contains(&mixed));

    // Apart, they are fine.
    let (cli, git) = repository();
    cli.write("src/users.rs", "// no nick\n").unwrap();
    commit(&git, "refactor: no nicks");
    cli.write(drop, "ALTER TABLE users DROP COLUMN nick;\n")
        .unwrap();
    cli.write("docs/users.md", "No nicks.\n").unwrap();
    commit(&git, "feat: drop nicks");
    assert!(!found(&cli, "check --since HEAD~2").contains(&mixed));
}

#[test]
fn revisions_that_are_not_there_are_errors() {
    let (cli, _git) = repository();
    for line in [
        "check --since nonsense",
        "check --since=--all",
        "check --commits a..b",
        "check --commits=-x",
    ] {
        let ran = run(&cli, line);
        assert_eq!(
            (ran.stdout.as_str(), ran.code != 0),
            ("", true),
            "{line}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.starts_with("error[SB0606]"),
            "{line}: {}",
            ran.stderr
        );
    }
    let cli = switchback();
    cli.write("migrations/1_a.up.sql", "SELECT 1;\n").unwrap();
    let ran = run(&cli, "check --since HEAD");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr
            .starts_with("error[SB0602]: --since cannot be answered"),
        "{}",
        ran.stderr
    );
}

#[test]
fn ignored_files_are_passed_over() {
    let (cli, _git) = repository();
    cli.write(".gitignore", "/build\n").unwrap();
    cli.write("build/migrations/1_a.up.sql", "SELEC 1;\n")
        .unwrap();
    cli.write("node_modules/x/migrations/1_a.up.sql", "SELEC 1;\n")
        .unwrap();
    assert_eq!(
        files(&cli, "check"),
        ["migrations/20240102000000_index.sql"]
    );
    assert_eq!(
        files(&cli, "check build/migrations"),
        ["build/migrations/1_a.up.sql"]
    );
}

#[test]
fn an_application_that_migrates_is_followed_from_where_it_starts() {
    let cli = switchback();
    cli.write("migrations/1_a.up.sql", "SELECT 1;\n").unwrap();
    cli.write("src/main.rs", "mod db;\n#[tokio::main]\nasync fn main() {\n    let pool = db::connect().await;\n    serve(pool).await;\n}\n").unwrap();
    cli.write("src/db.rs", "pub async fn connect() -> Pool {\n    let pool = Pool::open().await;\n    sqlx::migrate!().run(&pool).await.unwrap();\n    pool\n}\n").unwrap();
    cli.write("tests/db.rs", "fn main() { sqlx::migrate!().run(&pool) }\n")
        .unwrap();
    let shown = run(&cli, "check --only migration-at-startup").stdout;
    assert!(shown.contains(" --> src/db.rs:3:11\n"), "{shown}");
    assert!(shown.contains("src/main.rs:4 calls `connect`"), "{shown}");
    assert!(shown.contains("1 finding in 1 file (1 warning)"), "{shown}");
}

/// What is applied everywhere may not say anything else; what was edited before that may.
#[test]
fn a_migration_that_was_edited_after_it_was_applied() {
    let (cli, git) = repository();
    let settings = |until: &str| {
        let text = format!(
            "schema = 1\n[project]\nname = \"shop\"\n[migrations]\napplied-until = \
             \"{until}\"\n"
        );
        cli.write("switchback.toml", &text).unwrap();
    };
    let (users, index) = (
        "migrations/20240101000000_users.sql",
        "migrations/20240102000000_index.sql",
    );
    let edited = |line: &str| -> Vec<String> {
        let mut all = found(&cli, line);
        all.retain(|(_, code)| code == "SB1312");
        all.into_iter().map(|(file, _)| file).collect()
    };
    settings("20240101000000");
    commit(&git, "chore: settings");
    assert_eq!(edited("check --since HEAD"), [""; 0]);
    cli.write(users, "CREATE TABLE users (id bigint PRIMARY KEY);\n")
        .unwrap();
    cli.write(index, "CREATE INDEX users_id ON users (id);\n")
        .unwrap();
    assert_eq!(edited("check --since HEAD"), [users]);
    assert_eq!(edited("check"), [""; 0]);
    assert_eq!(
        edited("check migrations/20240102000000_index.sql --since HEAD"),
        [""; 0]
    );
    let ran = run(&cli, "check --since HEAD --only SB1312");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let shown = ran.stdout;
    assert!(shown.contains("was edited after it was applied"), "{shown}");
    assert!(
        shown.contains("sqlx compares it with the checksum"),
        "{shown}"
    );
    // That it is applied now says nothing about when it was edited.
    settings("20240102000000");
    assert_eq!(edited("check --since HEAD"), [users]);
    commit(&git, "fix: users");
    assert_eq!(edited("check --since HEAD~1"), [users]);
    assert_eq!(edited("check --since HEAD"), [""; 0]);
    // To sqlx every character counts, but for how lines end.
    cli.write(index, "CREATE INDEX users_id ON users (id);\r\n")
        .unwrap();
    assert_eq!(edited("check --since HEAD"), [""; 0]);
    cli.write(index, "-- by id\nCREATE INDEX users_id ON users (id);\n")
        .unwrap();
    assert_eq!(edited("check --since HEAD"), [index]);
    cli.write(
        index,
        "-- switchback:allow SB1312: the comment is worth it\nCREATE INDEX users_id ON users (id);\n",
    )
    .unwrap();
    assert_eq!(edited("check --since HEAD"), [""; 0]);
}
