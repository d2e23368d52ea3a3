//! What contracts keep aside is listed with its size and age, and is there for the way back.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use postgres::Client;
use rusqlite::Connection;
use shop::server::OnServer;
use shop::{CHANGE, Keep, Shop, Sync};

/// Has everything be kept for too long at once.
fn keep_no_longer(shop: &Shop) {
    let settings = shop.cli.read("switchback.toml").unwrap();
    let short = format!("{settings}\n[changes]\nkeep = \"0s\"\n");
    shop.cli.write("switchback.toml", short).unwrap();
}

#[test]
fn a_column_on_sqlite_is_kept_measured_and_restored() {
    let shop = Shop::new(Keep::Sqlite);
    assert_eq!(shop.json("change kept")["kept"], serde_json::json!([]));
    shop.drops(
        "drop-column --table users --column name --default ''",
        "gone",
    );
    let kept = shop.json("change kept");
    let row = &kept["kept"][0];
    assert_eq!(
        (row["environment"].as_str(), row["was"].as_str()),
        (Some("staging"), Some("users.name"))
    );
    assert_eq!(kept["keep"], "30d");
    assert_eq!(row["over"], false, "{kept}");
    let database = Connection::open(shop.database("staging")).unwrap();
    database
        .execute_batch("CREATE INDEX by_what_is_kept ON users (sb_gone_archive)")
        .unwrap();
    let column = row["column"].as_str().unwrap();
    let query = format!("SELECT sum(length(\"{column}\")) FROM users");
    let bytes: i64 = database.query_row(&query, [], |row| row.get(0)).unwrap();
    assert_eq!(row["bytes"].as_i64(), Some(bytes));
    assert_eq!(shop.run("change kept --exit-code").code, 0);

    keep_no_longer(&shop);
    let ran = shop.run("change kept --exit-code");
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let shown = "switchback change purge gone --env staging --because REASON";
    assert!(ran.stdout.contains(shown), "{}", ran.stdout);
    purged(&shop.copy(), "staging");

    // Written meanwhile, and kept.
    let write = "INSERT INTO users (email_addr) VALUES ('late@example.org')";
    database.execute(write, []).unwrap();
    database
        .execute_batch("DROP INDEX by_what_is_kept")
        .unwrap();
    drop(database);
    shop.ok("change undo gone --env staging --yes");
    assert_eq!(shop.json("change kept")["kept"], serde_json::json!([]));
    let database = Connection::open(shop.database("staging")).unwrap();
    let query = "SELECT count(*) FROM users WHERE name = 'n' || id AND email_addr = 'u' || id || '@example.org'";
    let whole: i64 = database.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(whole, i64::from(shop::ROWS));
    let query = "SELECT name FROM users WHERE email_addr = 'late@example.org'";
    let late: String = database.query_row(query, [], |row| row.get(0)).unwrap();
    assert_eq!(late, "");
}

/// Destroys what the change `gone` keeps, in every way of asking for it.
fn purged(shop: &Shop, environment: &str) {
    let purge = format!("change purge gone --env {environment}");
    let because = format!("{purge} --because personal-data");
    let before = shop.traces();
    assert_eq!(shop.run(&purge).code, 2);
    let plan = shop.json(&format!("{purge} --dry-run"));
    assert_eq!(plan["refused"], serde_json::json!([]), "{plan}");
    assert_eq!(plan["plan"]["steps"][0]["undo"], serde_json::Value::Null);
    let drop = shop.json("change kept gone")["kept"][0]["drop"].clone();
    assert_eq!(plan["plan"]["steps"][0]["effect"]["sql"], drop);
    shop.refused(&because, 2, "SB0107");
    assert_eq!(shop.traces(), before);

    shop.ok(&format!("{because} --yes"));
    assert_eq!(shop.json("change kept")["kept"], serde_json::json!([]));
    let mut events = shop.events().into_iter().map(|(_, event)| event);
    let accepted = events.rfind(|it| it["event"] == "accepted").unwrap();
    assert_eq!(accepted["reason"], "personal-data");
    let what = accepted["what"].to_string();
    assert!(what.contains("is destroyed"), "{what}");
    assert!(what.contains("cannot be taken back"), "{what}");

    let undo = format!("change undo gone --env {environment} --yes");
    let error = shop.refused_on_record(&undo, 1, "SB0309");
    assert!(error.contains("because: personal-data"), "{error}");
    let again = shop.run(&format!("{purge} --because twice --yes"));
    assert_eq!(again.code, 3, "{}", again.stderr);
    assert!(
        again.stderr.contains("because: personal-data"),
        "{}",
        again.stderr
    );
    shop.ok("change status gone");
    shop.ok("status");
    shop.ok("ledger verify");
}

#[test]
fn nothing_is_purged_before_its_contract() {
    let shop = Shop::new(Keep::Sqlite);
    shop.ok("change new drop-column --table users --column name --default '' --id gone");
    shop.commit(&shop.cli.folder(), "feat: plan a drop");
    shop.ok("change apply gone --env staging");
    let purge = "change purge gone --env staging --because early --yes";
    let error = shop.refused_on_record(purge, 1, "SB0305");
    assert!(error.contains("its contract comes first"), "{error}");
    // A contract that keeps nothing.
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    let ran = shop.run(&format!(
        "change purge {CHANGE} --env staging --because x --yes"
    ));
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

fn columns(client: &mut Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[test]
fn a_table_on_postgresql_is_kept_measured_and_said_to_be_gone() {
    let mut on = OnServer::new();
    let mut client = on.client(0);
    client
        .batch_execute("INSERT INTO faxes SELECT n, 'f' || n FROM generate_series(1, 500) n")
        .unwrap();
    on.shop.drops("drop-table --table faxes", "gone");
    let row = on.shop.json("change kept gone --env staging")["kept"][0].clone();
    assert_eq!(row["was"], "public.faxes");
    assert!(row["bytes"].as_u64().unwrap() >= 8_192, "{row}");
    assert_eq!(
        on.shop.json("change kept gone --env production")["kept"],
        serde_json::json!([])
    );
    let there =
        "SELECT relname::text FROM pg_class WHERE relname LIKE 'sb_gone_%' AND relkind = 'r'";
    assert_eq!(columns(&mut client, there).len(), 1);
    client.batch_execute(row["drop"].as_str().unwrap()).unwrap();
    assert!(columns(&mut client, there).is_empty());
    // What somebody dropped is not kept any more, and is said to be gone.
    assert_eq!(on.shop.json("change kept")["kept"], serde_json::json!([]));
    let purge = "change purge gone --env staging --because tidy";
    on.shop.refused(purge, 2, "SB0107");
    // A database without the mark of the contract is another one.
    let yes = format!("{purge} --yes");
    let address = "SWITCHBACK_DATABASE_URL_STAGING";
    on.shop.cli.set(address, &on.urls[1]);
    on.shop.refused(&yes, 1, "SB0503");
    on.shop.cli.set(address, &on.urls[0]);
    on.shop.ok(&yes);
    let error = on
        .shop
        .refused_on_record("change undo gone --env staging --yes", 1, "SB0309");
    assert!(error.contains("because: tidy"), "{error}");
}

#[test]
fn a_column_on_postgresql_is_measured_by_the_planner() {
    let on = OnServer::new();
    let mut client = on.client(0);
    client
        .batch_execute("UPDATE users SET fax = repeat('f', 100); ANALYZE users")
        .unwrap();
    on.shop
        .drops("drop-column --table users --column fax", "gone");
    client.batch_execute("ANALYZE users").unwrap();
    let row = on.shop.json("change kept gone")["kept"][0].clone();
    let bytes = row["bytes"].as_u64().unwrap();
    assert!((20_000..30_000).contains(&bytes), "{row}");
    purged(&on.shop, "staging");
    let there = "SELECT attname::text FROM pg_attribute WHERE attname LIKE 'sb_gone_%'";
    assert!(columns(&mut client, there).is_empty());
}

/// The value that stands in for what is left out would be there twice.
#[test]
fn a_unique_column_with_a_default_cannot_be_left_out() {
    let shop = Shop::new(Keep::Sqlite);
    let ask = "change new drop-column --table users --column email_addr --default ''";
    let error = shop.refused(ask, 1, "SB0404");
    assert!(error.contains("allows each value once"), "{error}");
    let on = OnServer::new();
    let error = on.shop.refused(ask, 1, "SB0404");
    assert!(
        error.contains("`users_email_addr_key` allows each value once"),
        "{error}"
    );
    on.shop
        .ok("change new drop-column --table users --column fax --dry-run");
}
