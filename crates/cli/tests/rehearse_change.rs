//! `switchback rehearse CHANGE` through the binary: from migrations, from an environment's schema and
//! on a copy; what is shown, recorded and refused.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use postgres::{Client, NoTls};
use serde_json::Value;
use support::{on_sqlite, plan, run, with_rename, with_settings};
use switchback_testkit::cli::{Cli, Ran};

const USERS: &str = "CREATE TABLE users (
    id bigint PRIMARY KEY, email_addr text NOT NULL UNIQUE, name text);
CREATE POLICY nobody ON users TO auditor USING (false);
";

/// A project with an environment, a folder of migrations, and a change.
struct Project {
    cli: Cli,
    url: String,
}

fn project() -> Project {
    // Roles belong to the whole server, and no migration of an application makes this one.
    let server = switchback_testkit::postgres::server().unwrap();
    let mut client = Client::connect(&server.database().unwrap(), NoTls).unwrap();
    let role = "DO $$ BEGIN CREATE ROLE auditor; EXCEPTION WHEN duplicate_object THEN END $$";
    client.batch_execute(role).unwrap();
    let (cli, url) = with_rename(USERS);
    cli.write("migrations/0001_users.down.sql", "DROP TABLE users;")
        .unwrap();
    Project { cli, url }
}

impl Project {
    fn rehearse(&self, more: &str) -> Ran {
        run(
            &self.cli,
            &format!("rehearse rename --rows 50 --clients 2 {more}"),
        )
    }

    fn last_event(&self) -> Value {
        let log = run(&self.cli, "ledger log --format json").stdout;
        let log: Value = serde_json::from_str(&log).unwrap();
        log["events"].as_array().unwrap().last().cloned().unwrap()
    }
}

#[test]
fn a_change_passes_on_the_schema_of_its_migrations_and_the_ledger_says_so() {
    let project = project();
    let ran = project.rehearse("--migrations migrations --format json");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["schema"], "switchback.rehearse-change/v1");
    assert_eq!(
        (&report["passed"], &report["rows"]),
        (&true.into(), &50.into())
    );
    let steps = report["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|it| it["step"].as_str().unwrap())
        .collect();
    assert_eq!(names[0], "expand");
    assert_eq!(names.last(), Some(&"contract"));
    assert_eq!(report["back"].as_array().unwrap().len(), names.len());
    let switch = steps
        .iter()
        .find(|it| it["step"] == "switch-reads")
        .unwrap();
    assert_eq!(switch["code"], serde_json::json!(["old", "switch-reads"]));
    assert!(switch["usual"]["statements"].as_u64().unwrap() > 0);
    let event = project.last_event();
    assert_eq!(event["kind"], "rehearsed");
    let what = event["what"].as_str().unwrap();
    assert!(
        what.starts_with("rename: every step passed on PostgreSQL"),
        "{what}"
    );
    // Nothing of it reaches the environment.
    let mut client = Client::connect(&project.url, NoTls).unwrap();
    let there = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('_switchback')";
    assert_eq!(client.query_one(there, &[]).unwrap().get::<_, i64>(0), 0);
}

#[test]
fn an_environments_schema_is_copied_with_its_roles_and_without_its_rows() {
    let project = project();
    let mut client = Client::connect(&project.url, NoTls).unwrap();
    client
        .batch_execute("INSERT INTO users VALUES (1, 'secret@example.org')")
        .unwrap();
    let ran = project.rehearse("");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout
            .contains("the schema of staging, 50 rows in public.users"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("All the way back"), "{}", ran.stdout);
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("passed: every step goes up"), "{last}");
}

#[test]
fn an_edited_step_that_loses_values_fails_with_the_rows_and_its_code() {
    let project = project();
    let folder = project.cli.folder().join("changes/rename");
    let contract = std::fs::read_dir(&folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.to_string_lossy()
            .ends_with("contract.up.sql")
            .then_some(path)
    });
    let contract = contract.unwrap();
    let down = contract.to_string_lossy().replace(".up.sql", ".down.sql");
    let text = std::fs::read_to_string(&down).unwrap();
    let forgetful = text + "\nUPDATE users SET name = NULL;\n";
    std::fs::write(&down, forgetful).unwrap();
    let ran = project.rehearse("--migrations migrations");
    assert_eq!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    for line in [
        "error[SB0408]: the step `contract` failed in the rehearsal of rename",
        "caused by: the way back leaves other rows than there were before the step",
    ] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
    assert!(ran.stdout.contains("name was '"), "{}", ran.stdout);
    let what = project.last_event()["what"].to_string();
    assert!(what.contains("contract failed on PostgreSQL"), "{what}");
}

#[test]
fn a_copy_is_used_with_its_rows_and_an_environments_own_database_never() {
    let mut project = project();
    project.cli.set("COPY_URL", project.url.clone());
    let ran = project.rehearse("--url-from COPY_URL");
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 2));
    assert!(
        ran.stderr
            .contains("error[SB0409]: COPY_URL names the database of staging"),
        "{}",
        ran.stderr
    );
    let copy = switchback_testkit::postgres::server()
        .unwrap()
        .database()
        .unwrap();
    let mut client = Client::connect(&copy, NoTls).unwrap();
    let rows = "INSERT INTO users SELECT g, g || '@example.org', 'n' FROM generate_series(1, 80) g";
    client.batch_execute(&format!("{USERS}{rows}")).unwrap();
    project.cli.set("COPY_URL", &copy);
    let ran = run(
        &project.cli,
        "rehearse rename --clients 2 --url-from COPY_URL --format json",
    );
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&report["rows"], &report["seed"]),
        (&80.into(), &Value::Null)
    );
    let now = client.query_one("SELECT count(*) FROM users", &[]).unwrap();
    assert_eq!(now.get::<_, i64>(0), 80);
    // Where the change has begun it cannot begin.
    client
        .batch_execute("ALTER TABLE users ADD COLUMN email text")
        .unwrap();
    let ran = project.rehearse("--url-from COPY_URL");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("already exists"), "{}", ran.stderr);
    let typed = project.rehearse("--url-from postgres://app:hunter2@localhost/copy");
    assert!(typed.stderr.contains("SB0115"), "{}", typed.stderr);
    assert!(!typed.stderr.contains("hunter2"), "{}", typed.stderr);
    let missing = project.rehearse("--url-from NOWHERE");
    assert!(missing.stderr.contains("SB0115"), "{}", missing.stderr);
}

#[test]
fn a_copy_on_another_machine_is_not_used_in_the_clear() {
    let mut project = project();
    let url = "postgresql://app:geheim@db.example.org/copy";
    project.cli.set("COPY_URL", url);
    let ran = project.rehearse("--url-from COPY_URL");
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 2), "{}", ran.stderr);
    assert!(ran.stderr.contains("on another machine"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("geheim"), "{}", ran.stderr);
}

#[test]
fn a_change_on_sqlite_is_rehearsed_on_a_copy_of_the_file() {
    let cli = with_settings(&on_sqlite());
    let file = cli.folder().join("staging.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    let users = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, fax TEXT);
        INSERT INTO users VALUES (1, 'Ada', '5'), (2, 'Cher', NULL);";
    database.execute_batch(users).unwrap();
    plan(
        &cli,
        "change new drop-column --table users --column fax --id no-fax",
    );
    let ran = run(&cli, "rehearse no-fax --clients 2 --format json");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&report["rows"], &report["passed"]),
        (&2.into(), &true.into())
    );
    assert_eq!(report["source"], "a copy of the database of staging");
    assert_eq!(report["steps"][0]["locks"], Value::Null);
    let tables = "SELECT group_concat(name) FROM sqlite_schema";
    let names: String = database.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(names, "users");
    let ran = run(&cli, "rehearse no-fax --migrations migrations");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

/// The application's own statements are played, shown by name, and refused where they cannot be.
#[test]
fn statements_from_a_file() {
    let project = project();
    let find = "-- name: find :code old\nSELECT id FROM users WHERE email_addr = $1;\n";
    let touch = "-- name: touch :weight 3\nUPDATE users SET name = :name WHERE id = :id;\n";
    project
        .cli
        .write("queries.sql", format!("{find}{touch}"))
        .unwrap();
    let with = "--migrations migrations --workload queries.sql --format json";
    let ran = project.rehearse(with);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    let first = value["steps"][0]["own"].as_array().unwrap();
    let names: Vec<&str> = first
        .iter()
        .map(|it| it["statement"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["find", "touch"], "{value}");
    assert!(first.iter().all(|it| it["verdict"] == "passed"));

    let late = find.replace(" :code old", "");
    project.cli.write("queries.sql", &late).unwrap();
    let ran = project.rehearse("--migrations migrations --workload queries.sql");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the statement `find`"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("failed"), "{}", ran.stdout);

    for (text, why) in [
        (
            &b"-- name: find\nSELECT 1 FROM users WHERE id = $1 + $2"[..],
            "`$2`",
        ),
        (b"DROP TABLE users", "line 1: `statement 1`: it is no query"),
        (b"-- name: a :code nowhere\nSELECT 1", "`nowhere`"),
        (b"SELECT nickname FROM users", "42703"),
    ] {
        project.cli.write("queries.sql", text).unwrap();
        let ran = project.rehearse("--migrations migrations --workload queries.sql");
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("SB0409"), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    }
    project.cli.write("queries.sql", b"SELECT '\xff'").unwrap();
    let ran = project.rehearse("--migrations migrations --workload queries.sql");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}
