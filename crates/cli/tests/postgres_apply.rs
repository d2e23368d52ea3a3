//! Steps of changes carried out on PostgreSQL through the binary, on a server of the tests' own.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use postgres::{Client, NoTls};
use serde_json::Value;
use shop::server::OnServer;
use shop::{CHANGE, Sync, check_refused};

/// The columns of a table.
fn columns(client: &mut Client, table: &str) -> Vec<String> {
    let sql = "SELECT attname::text FROM pg_attribute
               WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped";
    let rows = client.query(sql, &[&table]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn has(client: &mut Client, column: &str) -> bool {
    columns(client, "users").iter().any(|it| it == column)
}

/// A number that a query gives.
fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).unwrap().get(0)
}

/// What the ledger says was measured, of each effect that was done, in order.
fn details(on: &OnServer) -> Vec<String> {
    let events = on.shop.events();
    let details = events
        .iter()
        .filter_map(|(_, event)| event["conclusion"]["detail"].as_str());
    details.map(str::to_owned).collect()
}

/// A started command, and its stderr line by line.
fn start(on: &OnServer, line: &str) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = on.shop.cli.command(line.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines.map(Result::unwrap))
}

/// Has the settings of every PostgreSQL database say more.
fn limits(on: &OnServer, more: &str) {
    let settings = on.shop.cli.read("switchback.toml").unwrap();
    let with = settings.replace(
        "engine = \"postgres\"",
        &format!("engine = \"postgres\", {more}"),
    );
    assert_ne!(with, settings);
    on.shop.cli.write("switchback.toml", with).unwrap();
    on.shop.commit(&on.shop.cli.folder(), "chore: limits");
}

#[test]
fn a_rename_goes_all_the_way_and_back() {
    let on = OnServer::new();
    let shop = &on.shop;
    let mut client = on.client(0);
    shop.plan_change(Sync::Triggers);
    let apply = format!("change apply {CHANGE} --env staging");
    let undo = format!("change undo {CHANGE} --env staging --yes");

    shop.ok(&format!("{apply} --step expand"));
    let differ = "SELECT count(*) FROM users WHERE email IS DISTINCT FROM email_addr";
    assert_eq!(number(&mut client, differ), 0);
    let found = details(&on);
    assert!(
        found
            .iter()
            .any(|it| it.starts_with("200 rows changed of 200 looked at, ")),
        "{found:?}"
    );
    assert!(found.iter().any(|it| it.ends_with(" ms")), "{found:?}");
    let again = shop.run(&format!("{apply} --step expand"));
    assert_eq!(again.code, 3, "{}", again.stderr);

    shop.ok(&undo);
    assert!(!has(&mut client, "email"));
    assert_eq!(shop.run(&undo).code, 3);

    shop.ok(&format!("{apply} --step expand"));
    shop.ok(&apply);
    let indexed = "SELECT count(*) FROM pg_index WHERE indrelid = 'users'::regclass AND indisvalid";
    assert_eq!(number(&mut client, indexed), 3);
    shop.release("1.1.0", "switch-reads");
    shop.release("1.2.0", "stop-old-writes");
    let early = shop.run(&format!("{apply} --step contract --yes"));
    check_refused(&early, "contract", 1, "SB0301");
    shop.deploy("1.1.0", "staging");
    shop.deploy("1.2.0", "staging");
    shop.wait_for_window();
    shop.ok(&format!("{apply} --step contract --yes"));
    let status = shop.json(&format!("change status {CHANGE}"));
    let contract = &status["changes"][0]["steps"][4]["environments"];
    let stands = [&contract[0]["state"], &contract[1]["state"]];
    assert_eq!(stands, ["yes", "no"], "{status}");
    client
        .batch_execute("INSERT INTO users (id, name, email) VALUES (1000, 'n', 'new@b')")
        .unwrap();
    shop.ok(&undo);
    let kept = "SELECT count(*) FROM users WHERE email_addr = 'new@b' AND email = 'new@b'";
    assert_eq!(number(&mut client, kept), 1);
    shop.check_no_open_intent();
}

#[test]
fn former_values_that_cannot_be_removed_are_told_of_with_the_step_that_is_done() {
    let on = OnServer::new();
    on.shop.plan_change(Sync::Triggers);
    on.shop.ok(&format!(
        "change apply {CHANGE} --env staging --step expand"
    ));
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE 'nothing goes'; END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON _switchback.backfill_undo
          FOR EACH STATEMENT EXECUTE FUNCTION public.refuse()";
    on.client(0).batch_execute(refuse).unwrap();
    on.shop
        .ok(&format!("change undo {CHANGE} --env staging --yes"));
    let details = details(&on);
    let last = details.last().unwrap();
    assert!(
        last.contains(" ms, former values that nobody needs are left: "),
        "{last}"
    );
    assert!(last.contains("nothing goes"), "{last}");
}

#[test]
fn an_index_is_built_beside_writers_and_taken_back() {
    let on = OnServer::new();
    on.shop
        .ok("change new add-index --table users --key name --name by_name --id quick");
    on.shop.commit(&on.shop.cli.folder(), "feat: plan an index");
    let there = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('by_name')";
    let mut client = on.client(0);
    on.shop.ok("change apply quick --env staging");
    assert_eq!(number(&mut client, there), 1);
    on.shop.ok("change undo quick --env staging --yes");
    assert_eq!(number(&mut client, there), 0);
    assert_eq!(on.shop.run("change undo quick --env staging --yes").code, 3);
}

/// A change whose one step needs a moment without anybody else in the table.
fn add_column(on: &OnServer) -> &'static str {
    on.shop
        .ok("change new add-column --table users --column nickname --type text --id nick");
    on.shop.commit(&on.shop.cli.folder(), "feat: plan a column");
    "change apply nick --env staging"
}

#[test]
fn a_step_that_does_not_get_its_locks_says_who_has_them() {
    let on = OnServer::new();
    limits(&on, "lock-timeout = \"300ms\", lock-retries = 1");
    let apply = add_column(&on);
    let mut reader = on.client(0);
    let mut open = reader.transaction().unwrap();
    open.query("SELECT FROM users", &[]).unwrap();
    let pid: i32 = open
        .query_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    let ran = on.shop.run(apply);
    let error = check_refused(&ran, apply, 1, "SB0502");
    assert!(error.contains(&format!("session {pid}")), "{error}");
    assert!(error.contains("2 attempts"), "{error}");
    assert!(error.contains("waits for session"), "a live line: {error}");
    on.shop.check_no_open_intent();
    open.commit().unwrap();
    on.shop.ok(apply);
    assert!(has(&mut on.client(0), "nickname"));
}

#[test]
fn a_step_that_waits_goes_on_when_it_may() {
    let on = OnServer::new();
    limits(&on, "lock-timeout = \"300ms\", lock-retries = 50");
    let apply = add_column(&on);
    let mut reader = on.client(0);
    let mut open = reader.transaction().unwrap();
    open.query("SELECT FROM users", &[]).unwrap();
    let (mut child, mut lines) = start(&on, apply);
    let failed = lines.find(|line| line.contains("the next one in"));
    assert!(failed.unwrap().contains("attempt 1 of 51 failed"));
    open.commit().unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    let found = details(&on);
    let told = found.last().unwrap();
    assert!(
        told.contains(" attempts, ") && told.contains(" for locks"),
        "{told}"
    );
}

#[test]
fn whoever_interrupts_a_wait_leaves_nothing() {
    let on = OnServer::new();
    let apply = add_column(&on);
    let mut reader = on.client(0);
    let mut open = reader.transaction().unwrap();
    open.query("SELECT FROM users", &[]).unwrap();
    let (mut child, mut lines) = start(&on, &format!("{apply} --format json"));
    let waiting = lines.find(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["state"] == "waiting"
    });
    assert!(waiting.unwrap().contains("waits for session"));
    let pid = i32::try_from(child.id()).unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("SB0116")), "{rest:?}");
    on.shop.check_no_open_intent();
    open.commit().unwrap();
    on.shop.ok(apply);
}

#[test]
fn a_role_without_the_privilege_is_told_which() {
    let mut on = OnServer::new();
    let apply = add_column(&on);
    let mut owner = on.client(0);
    owner
        .batch_execute(
            "DO $$ BEGIN CREATE ROLE weak LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
             REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON users TO weak",
        )
        .unwrap();
    let config: postgres::Config = on.urls[0].parse().unwrap();
    let user = format!("{}@", config.get_user().unwrap());
    let weak = on.urls[0].replacen(&user, "weak@", 1);
    assert!(Client::connect(&weak, NoTls).is_ok());
    on.shop.cli.set("SWITCHBACK_DATABASE_URL_STAGING", &weak);
    let error = check_refused(&on.shop.run(apply), apply, 2, "SB0509");
    assert!(error.contains("GRANT CREATE ON DATABASE"), "{error}");
    on.shop.check_no_open_intent();
    owner
        .batch_execute(&format!(
            "GRANT CREATE ON DATABASE {} TO weak",
            config.get_dbname().unwrap()
        ))
        .unwrap();
    let error = check_refused(&on.shop.run(apply), apply, 2, "SB0509");
    assert!(error.contains("must be owner of table users"), "{error}");
    on.shop.check_no_open_intent();
}
