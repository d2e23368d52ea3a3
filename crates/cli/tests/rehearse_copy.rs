//! `switchback rehearse --history --url-from`: what is not applied to a copy is rehearsed on copies of
//! it, and where its record does not fit the folder is said with a code.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use postgres::{Client, NoTls};
use serde_json::Value;
use support::{run, switchback};
use switchback_migration::history::{Tool, checksum};
use switchback_testkit::cli::Cli;

const FILES: [(&str, &str, &str); 3] = [
    (
        "1_users",
        "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);",
        "DROP TABLE users;",
    ),
    (
        "2_name",
        "ALTER TABLE users ADD name text;",
        "ALTER TABLE users DROP name;",
    ),
    (
        "3_no_email",
        "ALTER TABLE users DROP email;",
        "ALTER TABLE users ADD email text NOT NULL DEFAULT '';\n\
         ALTER TABLE users ALTER email DROP DEFAULT;",
    ),
];

/// Roles and names of copies belong to the whole server, so there is one rehearsal at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Project {
    cli: Cli,
    url: String,
    _alone: MutexGuard<'static, ()>,
}

impl Project {
    /// A folder of sqlx's, and a copy to which the first two migrations are applied.
    fn new() -> Self {
        let alone = alone();
        let url = switchback_testkit::postgres::server()
            .unwrap()
            .database()
            .unwrap();
        let mut cli = switchback();
        for (name, up, down) in FILES {
            cli.write(format!("migrations/{name}.up.sql"), up).unwrap();
            cli.write(format!("migrations/{name}.down.sql"), down)
                .unwrap();
        }
        cli.write(
            "Cargo.toml",
            "[dependencies]\nsqlx = { version = \"0.8\", features = [\"postgres\"] }\n",
        )
        .unwrap();
        cli.set("COPY_URL", &url);
        let project = Self {
            cli,
            url,
            _alone: alone,
        };
        project.sql(FILES[0].1);
        project.sql(FILES[1].1);
        project.sql(
            "INSERT INTO users VALUES (1, 'ann@example.org', 'Ann'), (2, 'bob@example.org', NULL);
             CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
                 installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL,
                 checksum bytea NOT NULL, execution_time bigint NOT NULL)",
        );
        for (place, (_, up, _)) in FILES.iter().enumerate().take(2) {
            project.record(place + 1, up);
        }
        project
    }

    fn sql(&self, sql: &str) {
        let mut client = Client::connect(&self.url, NoTls).unwrap();
        client.batch_execute(sql).unwrap();
    }

    fn record(&self, version: usize, content: &str) {
        let sum = checksum(Tool::Sqlx, content.as_bytes()).unwrap();
        self.sql(&format!(
            "INSERT INTO _sqlx_migrations VALUES ({version}, 'x', now(), true, '\\x{sum}', 1)"
        ));
    }

    fn said(&self, code: i32) -> String {
        let ran = run(
            &self.cli,
            "rehearse --history migrations --url-from COPY_URL",
        );
        assert_eq!(ran.code, code, "{}\n{}", ran.stdout, ran.stderr);
        ran.stdout + &ran.stderr
    }
}

#[test]
fn what_is_not_applied_is_rehearsed_with_the_rows_of_the_copy() {
    let project = Project::new();
    let said = project.said(1);
    for expected in [
        "3 no_email\n",
        "fault: its way down does not bring back the data",
        "where id = '1': email was 'ann@example.org' and is ''",
        "migrations (sqlx, PostgreSQL",
        "1 migrations, 0 rows a table\non the copy that COPY_URL names, where 2 were applied before",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    // The copy stays what it is.
    let mut client = Client::connect(&project.url, NoTls).unwrap();
    let rows = client.query("SELECT email, name FROM users", &[]).unwrap();
    assert_eq!(rows.len(), 2);
    drop(client);
    // Everything is applied.
    project.sql(FILES[2].1);
    project.record(3, FILES[2].1);
    let said = project.said(3);
    assert!(said.contains("where 3 were applied before"), "{said}");
}

#[test]
fn an_edited_migration_and_one_that_is_gone_are_named() {
    let project = Project::new();
    project
        .cli
        .write(
            "migrations/2_name.up.sql",
            "ALTER TABLE users ADD name varchar;",
        )
        .unwrap();
    project.record(9, "SELECT 9");
    let said = project.said(1);
    for expected in [
        "2 name\nfault[SB1312]: it was edited after it was applied",
        "9 x\nfault[SB1316]: it is applied, and the folder does not have it",
        "fault: its way down does not bring back the data",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let ran = run(
        &project.cli,
        "rehearse --history migrations --url-from COPY_URL --format json",
    );
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    let misfits = value["copy"]["misfits"].as_array().unwrap();
    let codes: Vec<&str> = misfits
        .iter()
        .filter_map(|it| it["code"].as_str())
        .collect();
    assert_eq!(codes, ["SB1312", "SB1316"]);
    assert_eq!(misfits[0]["file"], "migrations/2_name.up.sql");
}

#[test]
fn what_is_applied_in_part_is_refused() {
    let project = Project::new();
    project.sql("UPDATE _sqlx_migrations SET success = false WHERE version = 2");
    let said = project.said(1);
    assert!(
        said.contains("error[SB1315]: 2 name was applied in part to the copy that COPY_URL names"),
        "{said}"
    );
}

#[test]
fn a_copy_that_says_nothing_is_refused_unless_it_is_empty() {
    let project = Project::new();
    project.sql("DROP TABLE _sqlx_migrations");
    let said = project.said(2);
    assert!(
        said.contains("error[SB0409]") && said.contains("`_sqlx_migrations`, in which sqlx"),
        "{said}"
    );
    project.sql(
        "CREATE SCHEMA a CREATE TABLE _sqlx_migrations (x int);
                 CREATE SCHEMA b CREATE TABLE _sqlx_migrations (x int)",
    );
    let said = project.said(2);
    assert!(
        said.contains("several records") && said.contains("a._sqlx_migrations, b."),
        "{said}"
    );
    project.sql("DROP SCHEMA a CASCADE; DROP SCHEMA b CASCADE; DROP TABLE users");
    let said = project.said(0);
    assert!(said.contains("where 0 were applied before"), "{said}");
}

#[test]
fn the_database_of_an_environment_is_no_copy() {
    let mut project = Project::new();
    project
        .cli
        .write(
            "switchback.toml",
            "schema = 1\n[project]\nname = \"x\"\n[[component]]\nname = \"app\"\n[[environment]]\n\
             name = \"live\"\ndatabase = { engine = \"postgres\" }\n",
        )
        .unwrap();
    project
        .cli
        .set("SWITCHBACK_DATABASE_URL_LIVE", project.url.clone());
    let said = project.said(2);
    assert!(
        said.contains("error[SB0409]: COPY_URL names the database of live"),
        "{said}"
    );
}

#[test]
fn a_role_that_may_too_little_is_told_so() {
    let mut project = Project::new();
    let server = switchback_testkit::postgres::server().unwrap();
    let name = project.url.rsplit('/').next().unwrap().to_owned();
    let name = name.split('?').next().unwrap().to_owned();
    project.sql(
        "DROP ROLE IF EXISTS switchback_reader;
         CREATE ROLE switchback_reader LOGIN;",
    );
    let url = server
        .url(&name)
        .replacen("postgres@", "switchback_reader@", 1);
    assert_ne!(url, server.url(&name));
    project.cli.set("COPY_URL", &url);
    // It may not even read the record.
    let said = project.said(2);
    assert!(said.contains("error[SB0509]"), "{said}");
    assert!(
        said.contains("permission denied for table _sqlx_migrations"),
        "{said}"
    );
    // It may not copy the database.
    project.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO switchback_reader");
    let said = project.said(2);
    assert!(said.contains("error[SB0509]"), "{said}");
    assert!(
        said.contains("permission denied to create database"),
        "{said}"
    );
    // An owner who may make databases needs no more.
    project.sql(&format!(
        "ALTER ROLE switchback_reader CREATEDB; ALTER DATABASE \"{name}\" OWNER TO switchback_reader;
         ALTER TABLE users OWNER TO switchback_reader"
    ));
    let said = project.said(1);
    assert!(said.contains("where 2 were applied before"), "{said}");
    assert!(
        said.contains("email was 'ann@example.org' and is ''"),
        "{said}"
    );
    project.sql(&format!(
        "ALTER DATABASE \"{name}\" OWNER TO postgres; DROP OWNED BY switchback_reader CASCADE;
         DROP ROLE switchback_reader"
    ));
}

#[test]
fn a_copy_on_another_machine_is_not_used_in_the_clear() {
    let mut project = Project::new();
    let url = "postgresql://app:geheim@db.example.org/copy";
    project.cli.set("COPY_URL", url);
    let said = project.said(2);
    assert!(said.contains("on another machine"), "{said}");
    assert!(!said.contains("geheim"), "{said}");
}
