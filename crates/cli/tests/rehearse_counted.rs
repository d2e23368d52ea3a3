//! `switchback rehearse CHANGE --workload-from`: what a server counted is played, named where it is
//! not, and never written to.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use postgres::{Client, NoTls};
use serde_json::Value;
use support::{bad, on_sqlite, plan, run, with_rename, with_settings};
use switchback_scratch::{Options, Server};
use switchback_testkit::cli::{Cli, Ran};

const TABLES: &str = "CREATE TABLE users (
    id bigint PRIMARY KEY, email_addr text NOT NULL UNIQUE, name text);
CREATE TABLE orders (
    id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, note text);
";

/// A server that counts statements.
fn counting() -> Server {
    let options = Options {
        binaries: Some(switchback_testkit::postgres::binaries().unwrap()),
        ..Options::default()
    };
    Server::start(&options.set("shared_preload_libraries", "pg_stat_statements")).unwrap()
}

/// A project with a change that is planned in a database of its own, and with `STATS_URL`.
fn project(stats: &str) -> Cli {
    let (mut cli, _) = with_rename(TABLES);
    cli.set("STATS_URL", stats);
    cli
}

const REHEARSE: &str =
    "rehearse rename --rows 50 --clients 2 --migrations migrations --workload-from STATS_URL";

fn rehearse(cli: &Cli, more: &str) -> Ran {
    run(cli, &format!("{REHEARSE} {more}"))
}

const FIND: &str = "SELECT id FROM users WHERE email_addr = 'ada@example.org'";
const NOTES: &str =
    "SELECT o.note FROM orders o JOIN users u ON u.id = o.user_id WHERE o.note = 'a'";

/// The database of an application that has run some statements.
fn busy(server: &Server) -> (String, Client) {
    let url = server.create_database("shop", None).unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    let made = "CREATE TABLE gone (id bigint); CREATE EXTENSION pg_stat_statements;
        INSERT INTO users SELECT g, g || '@example.org', 'n' FROM generate_series(1, 9) g";
    client.batch_execute(&format!("{TABLES}{made}")).unwrap();
    // What made it is no statement of the application.
    client
        .batch_execute("SELECT pg_stat_statements_reset()")
        .unwrap();
    let often = |client: &mut Client, times: u64, sql: &str| {
        for _ in 0..times {
            client.batch_execute(sql).unwrap();
        }
    };
    often(&mut client, 30, FIND);
    often(&mut client, 10, "UPDATE users SET name = 'y' WHERE id = 3");
    often(&mut client, 10, NOTES);
    for id in 100..110 {
        let insert = format!("INSERT INTO users (id, email_addr) VALUES ({id}, 'e{id}')");
        often(&mut client, 1, &insert);
    }
    for sql in [
        "BEGIN",
        "SELECT 1 AS one FROM users",
        "SELECT users.id FROM users JOIN gone USING (id)",
        "SELECT g.id FROM users u JOIN gone g ON g.id = u.id WHERE g.id = 5",
        "UPDATE users SET email_addr = 'new@example.org' WHERE id = 3",
        "ALTER TABLE users ADD COLUMN later text",
        "EXPLAIN SELECT name FROM users",
        "SELECT note FROM orders",
        "COMMIT",
    ] {
        often(&mut client, 1, sql);
    }
    (url, client)
}

/// The statements of a list of the report: text, calls, and why it was left out.
fn listed(of: &Value) -> Vec<(String, u64, String)> {
    let all = of.as_array().unwrap().iter();
    let one = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        assert!(text("statement").starts_with("queryid "), "{it}");
        (text("text"), it["calls"].as_u64().unwrap(), text("why"))
    };
    all.map(one).collect()
}

#[test]
fn what_an_application_executed_is_played_as_often_and_the_rest_is_named() {
    let server = counting();
    let (url, mut client) = busy(&server);
    let cli = project(&url);
    let file = "-- name: touch\nUPDATE users SET name = $1 WHERE id = $2;\n";
    cli.write("queries.sql", file).unwrap();
    let ran = rehearse(&cli, "--workload queries.sql --format json");
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let counted = &report["counted"];
    assert_eq!(counted["from"], "STATS_URL");
    assert_eq!(counted["not_seen"], serde_json::json!([]));
    let played = listed(&counted["played"]);
    let texts: Vec<_> = played.iter().map(|it| (it.0.as_str(), it.1)).collect();
    assert_eq!(
        texts[0],
        ("SELECT id FROM users WHERE email_addr = $1", 30),
        "{texts:?}"
    );
    for expected in [
        ("UPDATE users SET name = $1 WHERE id = $2", 10),
        (&NOTES.replace("'a'", "$1"), 10),
        ("INSERT INTO users (id, email_addr) VALUES ($1, $2)", 10),
    ] {
        assert!(texts.contains(&expected), "{expected:?}: {texts:?}");
    }
    assert_eq!(played.len(), 4, "{texts:?}");
    let left_out = listed(&counted["left_out"]);
    for (text, why) in [
        ("AS one FROM users", "which column `$1`"),
        ("JOIN gone USING", "42P01"),
        ("JOIN gone g", "no value is known"),
        ("SET email_addr = $1", "23505"),
        ("ALTER TABLE users", "no query and changes no rows"),
        ("EXPLAIN SELECT name", "no query and changes no rows"),
    ] {
        let found = left_out
            .iter()
            .any(|it| it.0.contains(text) && it.2.contains(why));
        assert!(found, "{text}: {left_out:?}");
    }
    assert_eq!(left_out.len(), 6, "{left_out:?}");
    assert!(counted["others"].as_u64().unwrap() >= 3, "{counted}");

    // Each runs beside old code as often as its calls say, and the file's beside every code.
    let names: Vec<&str> = counted["played"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["statement"].as_str().unwrap())
        .collect();
    let steps = report["steps"].as_array().unwrap();
    let times = |name: &str| -> u64 {
        let own = steps.iter().flat_map(|it| it["own"].as_array());
        let mine = own.flatten().filter(|it| it["statement"] == name);
        mine.map(|it| it["usual"]["statements"].as_u64().unwrap())
            .sum()
    };
    for other in &names[1..] {
        assert!(times(names[0]) > times(other), "{other}: {report}");
    }
    let contract = steps.iter().find(|it| it["step"] == "contract").unwrap();
    let beside: Vec<&str> = contract["own"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["statement"].as_str().unwrap())
        .collect();
    assert_eq!(beside, ["touch"]);

    // The database was only read.
    let begun = "SELECT count(*) FROM pg_stat_statements WHERE query ~ 'BEGIN .* READ ONLY'";
    assert_eq!(client.query_one(begun, &[]).unwrap().get::<_, i64>(0), 1);
    let rows = client.query_one("SELECT count(*) FROM users", &[]).unwrap();
    assert_eq!(rows.get::<_, i64>(0), 19);
}

#[test]
fn a_statement_that_a_step_breaks_is_a_fault_with_its_text() {
    let server = counting();
    let (url, _client) = busy(&server);
    let cli = project(&url);
    let folder = cli.folder().join("changes/rename");
    let add = |end: &str, sql: &str| {
        let mut files = std::fs::read_dir(&folder)
            .unwrap()
            .map(|it| it.unwrap().path());
        let is_it = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(end);
        let path = files.find(is_it).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n{sql};\n")).unwrap();
    };
    add(
        "expand.up.sql",
        "ALTER TABLE orders RENAME COLUMN note TO remark",
    );
    add(
        "expand.down.sql",
        "ALTER TABLE orders RENAME COLUMN remark TO note",
    );
    let ran = rehearse(&cli, "");
    assert_eq!(ran.code, 1, "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("the step `expand` failed"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("the statement `queryid "),
        "{}",
        ran.stderr
    );
    for said in [
        "o.user_id WHERE o.note = '",
        "What the database of STATS_URL counted",
        "left out: queryid ",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
}

#[test]
fn where_nothing_can_be_taken_it_is_said_why() {
    let server = counting();
    let (url, mut client) = busy(&server);
    let mut cli = project(&url);

    // A role that may not see what others execute.
    client.batch_execute("CREATE ROLE clerk LOGIN").unwrap();
    cli.set("STATS_URL", url.replace("//postgres@", "//clerk@"));
    let error = bad(&cli, REHEARSE, 2);
    assert!(error.contains("error[SB0409]"), "{error}");
    assert!(error.contains("of other roles"), "{error}");
    assert!(error.contains("grant pg_read_all_stats"), "{error}");
    let nobody = "REVOKE SELECT ON pg_stat_statements FROM PUBLIC";
    client.batch_execute(nobody).unwrap();
    let error = bad(&cli, REHEARSE, 2);
    assert!(error.contains("permission denied"), "{error}");

    // A database without the extension, one without statements, and a server that counts nothing.
    let other = server.create_database("other", None).unwrap();
    cli.set("STATS_URL", &other);
    let error = bad(&cli, REHEARSE, 2);
    assert!(error.contains("error[SB0409]"), "{error}");
    assert!(error.contains("CREATE EXTENSION"), "{error}");
    let mut client = Client::connect(&other, NoTls).unwrap();
    let extension = "CREATE EXTENSION pg_stat_statements";
    client.batch_execute(extension).unwrap();
    let error = bad(&cli, REHEARSE, 2);
    assert!(error.contains("name no table of the change"), "{error}");
    let quiet = switchback_testkit::postgres::server()
        .unwrap()
        .database()
        .unwrap();
    let mut client = Client::connect(&quiet, NoTls).unwrap();
    client.batch_execute(extension).unwrap();
    cli.set("STATS_URL", &quiet);
    let error = bad(&cli, REHEARSE, 2);
    assert!(
        error.contains("pg_stat_statements is not loaded"),
        "{error}"
    );

    // What is found only on the rehearsal's database stands in the causes too.
    let mut client = Client::connect(&url, NoTls).unwrap();
    let reset =
        "SELECT pg_stat_statements_reset(); SELECT users.id FROM users JOIN gone USING (id)";
    client.batch_execute(reset).unwrap();
    cli.set("STATS_URL", &url);
    let error = bad(&cli, REHEARSE, 2);
    assert!(
        error.contains("error[SB0409]") && error.contains("42P01"),
        "{error}"
    );
}

#[test]
fn a_variable_that_names_no_database_to_ask_is_refused() {
    let mut cli = project("nonsense");
    let error = bad(&cli, REHEARSE, 2);
    assert!(
        error.contains("error[SB0115]: the variable STATS_URL"),
        "{error}"
    );
    cli.set("STATS_URL", "postgresql://app:geheim@db.example.org/shop");
    let error = bad(&cli, REHEARSE, 2);
    assert!(error.contains("on another machine"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    let error = bad(&cli, &REHEARSE.replace("STATS_URL", "NOWHERE"), 2);
    assert!(
        error.contains("error[SB0115]") && error.contains("--workload-from"),
        "{error}"
    );
}

#[test]
fn sqlite_counts_nothing() {
    let cli = with_settings(&on_sqlite());
    let database = rusqlite::Connection::open(cli.folder().join("staging.db")).unwrap();
    let users = "CREATE TABLE users (id INTEGER PRIMARY KEY, fax TEXT)";
    database.execute_batch(users).unwrap();
    plan(
        &cli,
        "change new drop-column --table users --column fax --id no-fax",
    );
    let error = bad(&cli, "rehearse no-fax --workload-from STATS_URL", 2);
    assert!(
        error.contains("--workload-from is only for PostgreSQL"),
        "{error}"
    );
}
