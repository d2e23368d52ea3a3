//! A contract is refused while something uses what it takes away, or nobody can say.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::fs;

use postgres::{Client, NoTls};
use serde_json::Value;
use shop::server::OnServer;
use shop::{CHANGE, Keep, Shop, Sync};
use switchback_model::Timestamp;
use switchback_scratch::{Options, Server};

/// A shop whose staging is ready for the contract, as far as the interlock is concerned.
fn ready() -> Shop {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop.ok(&apply(""));
    for (version, step) in [("1.1.0", "switch-reads"), ("1.2.0", "stop-old-writes")] {
        shop.release(version, step);
        shop.deploy(version, "staging");
    }
    shop.wait_for_window();
    shop
}

fn apply(more: &str) -> String {
    format!("change apply {CHANGE} --env staging --yes {more}")
}

fn events(shop: &Shop, kind: &str) -> Vec<Value> {
    let log = shop.json("ledger log");
    let all = log["events"].as_array().unwrap().clone();
    all.into_iter().filter(|it| it["kind"] == kind).collect()
}

#[test]
fn a_use_in_a_log_is_in_the_way_until_somebody_has_a_reason() {
    let shop = ready();
    let log = "\
SELECT id, email FROM users WHERE id = 7;
SELECT id,
  email_addr FROM users WHERE id = 7;
";
    shop.cli.write("app.sql", log).unwrap();
    let plan = shop.json(&format!(
        "change plan {CHANGE} --env staging --query-log app.sql"
    ));
    assert_eq!(plan["uses"]["refused"], true, "{plan}");
    assert_eq!(
        plan["uses"]["found"][0]["how"], "names `email_addr`",
        "{plan}"
    );
    let error = shop.refused_on_record(&apply("--query-log app.sql"), 1, "SB0307");
    assert!(
        error.contains("SELECT id, email_addr FROM users"),
        "{error}"
    );
    assert!(error.contains("--despite-uses"), "{error}");
    // What is not seen is something else than what is seen.
    let wrong = ["--despite-unseen", "because"];
    let line = apply("--query-log app.sql");
    let words = || line.split_whitespace();
    let ran = shop.cli.run(words().chain(wrong)).unwrap();
    assert_eq!(ran.code, 1, "{}", ran.stderr);

    shop.ok_with(
        words().chain(["--despite-uses", "the report is rewritten tomorrow"]),
        "apply",
    );
    let accepted = events(&shop, "accepted");
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    let summary = accepted[0]["what"].as_str().unwrap();
    assert!(
        summary.contains("the report is rewritten tomorrow") && summary.contains("email_addr"),
        "{summary}"
    );
}

#[test]
fn where_nothing_can_be_seen_it_is_said_or_refused() {
    let shop = ready();
    let settings = shop.cli.read("switchback.toml").unwrap();
    let strict = settings.replacen(
        "name = \"staging\"\n",
        "name = \"staging\"\nunseen-uses = \"refuse\"\n",
        1,
    );
    assert_ne!(settings, strict);
    shop.cli.write("switchback.toml", strict).unwrap();
    let error = shop.refused_on_record(&apply(""), 1, "SB0308");
    assert!(error.contains("SQLite does not count them"), "{error}");
    assert!(error.contains("--query-log"), "{error}");
    let ran = shop
        .cli
        .run(
            apply("")
                .split_whitespace()
                .chain(["--despite-unseen", " "]),
        )
        .unwrap();
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let copy = shop.copy();
    copy.ok_with(
        apply("")
            .split_whitespace()
            .chain(["--despite-unseen", "one application, and we read its code"]),
        "apply",
    );
    assert_eq!(events(&copy, "accepted").len(), 1);
    // A log is something to look at.
    let gone = shop.run(&apply("--query-log nowhere.log"));
    assert_eq!(gone.code, 2, "{}", gone.stderr);
    assert!(gone.stderr.contains("SB0112"), "{}", gone.stderr);
    shop.cli
        .write("app.sql", "SELECT email FROM users;\n")
        .unwrap();
    shop.ok(&apply("--query-log app.sql"));
    assert!(events(&shop, "accepted").is_empty());
}

#[test]
fn a_database_that_counts_nothing_does_not_stop_a_contract_by_itself() {
    let shop = ready();
    let ran = shop.run(&apply(""));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("not seen: which statements are executed"),
        "{}",
        ran.stderr
    );
    assert!(fs::metadata(shop.database("staging")).is_ok());
}

/// A server that counts statements.
fn counting() -> Server {
    let binaries = switchback_testkit::postgres::binaries().unwrap();
    let options = Options {
        binaries: Some(binaries),
        ..Options::default()
    };
    Server::start(&options.set("shared_preload_libraries", "pg_stat_statements")).unwrap()
}

/// A shop on such a server, whose staging is ready for the contract as far as the interlock is
/// concerned, and a connection to its database.
fn ready_on(server: &Server) -> (OnServer, Client) {
    let urls = ["staging", "production"].map(|name| {
        let url = server.create_database(name, None).unwrap();
        let mut client = Client::connect(&url, NoTls).unwrap();
        client
            .batch_execute("CREATE EXTENSION pg_stat_statements")
            .unwrap();
        url
    });
    let on = OnServer::at(urls, "");
    let mut client = on.client(0);
    client
        .batch_execute("SELECT email_addr FROM users WHERE id = 1")
        .unwrap();
    on.shop.plan_change(Sync::Triggers);
    on.shop.ok(&apply(""));
    on.shop.ok(&apply(""));
    for (version, step) in [("1.1.0", "switch-reads"), ("1.2.0", "stop-old-writes")] {
        on.shop.release(version, step);
        on.shop.deploy(version, "staging");
    }
    on.shop.wait_for_window();
    (on, client)
}

#[test]
fn what_was_executed_since_the_last_rollout_is_in_the_way() {
    let server = counting();
    let (on, mut client) = ready_on(&server);
    let shop = &on.shop;
    assert_eq!(
        events(shop, "uses-counted").len(),
        2,
        "one for each rollout"
    );
    let status = shop.json(&format!("change status {CHANGE}"));
    let watched = &status["changes"][0]["watched"];
    assert_eq!(watched[0]["environment"], "staging", "{status}");
    // As moments: without a fraction of a second the text of a later one may come first.
    let moment = |key: &str| {
        watched[0][key]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .unwrap()
    };
    assert!(moment("until") > moment("since"), "{status}");
    assert!(
        shop.ok("change status")
            .contains("in staging are watched since")
    );
    let plan = shop.json(&format!("change plan {CHANGE} --env staging"));
    assert_eq!(plan["uses"]["refused"], false, "{plan}");
    assert_eq!(plan["uses"]["found"], serde_json::json!([]), "{plan}");

    client
        .batch_execute("SELECT u.* FROM users AS u WHERE u.id = 2")
        .unwrap();
    client
        .batch_execute("SELECT email_addr FROM users WHERE id = 2")
        .unwrap();
    client
        .batch_execute("SELECT email FROM users WHERE id = 2")
        .unwrap();
    let error = shop.refused_on_record(&apply(""), 1, "SB0307");
    for said in [
        "SELECT email_addr FROM users WHERE id = $1 (names `email_addr`; executed once by",
        "SELECT u.* FROM users AS u WHERE u.id = $1 (takes every column",
    ] {
        let flat = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(said), "{said}: {error}");
    }
    assert!(!error.contains("SELECT email FROM"), "{error}");
    // A body that mentions it may run or not.
    client
        .batch_execute(
            "CREATE FUNCTION peek() RETURNS text LANGUAGE sql AS 'SELECT email_addr FROM users'",
        )
        .unwrap();
    // The release that does without; from its rollout on nobody uses it.
    shop.release("1.2.1", "stop-old-writes");
    shop.deploy("1.2.1", "staging");
    shop.wait_for_window();
    let error = shop.refused_on_record(&apply(""), 1, "SB0308");
    assert!(error.contains("function public.peek"), "{error}");
    client.batch_execute("DROP FUNCTION peek").unwrap();
    shop.ok(&apply(""));
    assert!(events(shop, "accepted").is_empty());

    // The way back executes statements of its own, so what follows is counted anew.
    shop.ok(&format!("change undo {CHANGE} --env staging --yes"));
    let error = shop.refused_on_record(&apply(""), 1, "SB0308");
    assert!(error.contains("ask again at"), "{error}");
    shop.ok(&apply(""));
    shop.check_no_open_intent();
}

#[test]
fn a_server_that_counts_nothing_stops_a_contract_until_somebody_has_a_reason() {
    let server = counting();
    let (on, mut client) = ready_on(&server);
    client
        .batch_execute("DROP EXTENSION pg_stat_statements")
        .unwrap();
    let error = on.shop.refused_on_record(&apply(""), 1, "SB0308");
    assert!(
        error.contains("the extension pg_stat_statements is not in this database"),
        "{error}"
    );
    assert!(error.contains("shared_preload_libraries"), "{error}");
    let line = apply("");
    let reason = ["--despite-unseen", "the only application is ours"];
    on.shop
        .ok_with(line.split_whitespace().chain(reason), &line);
    let accepted = events(&on.shop, "accepted");
    assert!(
        accepted[0]["what"]
            .as_str()
            .unwrap()
            .contains("the only application is ours"),
        "{accepted:?}"
    );
}
