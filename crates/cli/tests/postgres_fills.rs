//! The fill of a change on PostgreSQL through the binary: killed, gone on with, by two at once, and
//! shown among backfills.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use shop::server::OnServer;
use shop::{CHANGE, Sync};

const ROWS: i64 = 20_000;
const DEADLINE: Duration = Duration::from_secs(120);

fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).unwrap().get(0)
}

/// A shop with a table that takes many batches, and the plan of a rename.
fn planned() -> (OnServer, Client) {
    let on = OnServer::new();
    let mut client = on.client(0);
    client
        .batch_execute(&format!(
            "INSERT INTO users SELECT n, 'n ' || n, 'u' || n || '@example.org'
               FROM generate_series(1001, {ROWS} + 800) AS n; ANALYZE users"
        ))
        .unwrap();
    on.shop.plan_change(Sync::Triggers);
    (on, client)
}

fn start(on: &OnServer, line: &str) -> Child {
    let mut command = on.shop.cli.command(line.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Rows that the fill has looked at; 0 before it was begun.
fn scanned(client: &mut Client) -> i64 {
    let there =
        "SELECT count(*) FROM pg_class WHERE oid = to_regclass('_switchback.backfill_range')";
    match number(client, there) {
        0 => 0,
        _ => number(
            client,
            "SELECT coalesce(sum(scanned), 0)::bigint FROM _switchback.backfill_range",
        ),
    }
}

/// Applies the step, and kills that in the middle of its fill.
fn killed(on: &OnServer, client: &mut Client, line: &str) {
    // Each row takes a moment, so that there is a middle.
    client
        .batch_execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN PERFORM pg_sleep(0.0001); RETURN NEW; END $$;
             CREATE TRIGGER a_slow BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION slow()",
        )
        .unwrap();
    let mut child = start(on, line);
    let end = Instant::now() + DEADLINE;
    while scanned(client) == 0 {
        assert!(Instant::now() < end, "the fill does not begin");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(5));
    }
    // SIGKILL.
    child.kill().unwrap();
    assert!(child.wait().unwrap().code().is_none());
}

#[test]
fn a_fill_that_was_killed_is_shown_among_backfills_and_gone_on_with() {
    let (on, mut client) = planned();
    let shop = &on.shop;
    let apply = format!("change apply {CHANGE} --env staging --step expand");
    killed(&on, &mut client, &apply);
    let before = scanned(&mut client);
    assert!(before < ROWS, "{before}");

    let fill = format!("{CHANGE}/expand");
    let all = shop.json("backfill status --env staging");
    assert_eq!(all["backfills"][0]["backfill"], fill.as_str(), "{all}");
    assert_eq!(all["backfills"][0]["status"], "running", "{all}");
    let one = shop.json(&format!("backfill status {fill} --env staging"));
    assert_eq!(one["rows_scanned"].as_i64(), Some(before), "{one}");
    // What is done with it is for the commands of the change.
    for (command, instead) in [
        ("undo", "change undo"),
        ("pause", "change apply"),
        ("cancel", "change apply"),
        ("run", "change apply"),
        ("resume", "change apply"),
        ("verify", "change apply"),
        ("report", "change apply"),
        ("plan", "change apply"),
    ] {
        let line = format!("backfill {command} {fill} --env staging");
        let said = shop.refused(&line, 1, "SB1519");
        let instead = format!("switchback {instead} {CHANGE} --env staging");
        assert!(said.contains(&instead), "{line}: {said}");
    }

    shop.ok(&apply);
    let differ = "SELECT count(*) FROM users WHERE email IS DISTINCT FROM email_addr";
    assert_eq!(number(&mut client, differ), 0);
    // It went on from the place that was reached, and every row was changed once. Pages that were
    // being walked in passes may be looked at from the first pass again.
    let sum = |of: &str| format!("SELECT sum({of})::bigint FROM _switchback.backfill_range");
    let walked = number(&mut client, &sum("scanned"));
    assert!((ROWS..2 * ROWS).contains(&walked), "{walked}");
    assert_eq!(number(&mut client, &sum("changed")), ROWS);
    shop.check_no_open_intent();

    shop.ok(&format!("change undo {CHANGE} --env staging --yes"));
    let left = "SELECT count(*) FROM _switchback.backfill";
    assert_eq!(number(&mut client, left), 0);
    let all = shop.json("backfill status --env staging");
    assert_eq!(all["backfills"].as_array().map(Vec::len), Some(0), "{all}");
}

#[test]
fn two_that_apply_the_step_at_once_share_its_rows() {
    let (on, mut client) = planned();
    let apply = format!("change apply {CHANGE} --env staging --step expand");
    killed(&on, &mut client, &apply);
    let both = [start(&on, &apply), start(&on, &apply)];
    let codes = both.map(|mut child| child.wait().unwrap().code());
    // Whoever comes late finds it done, or the ledger moved.
    assert!(
        codes.iter().all(|it| matches!(it, Some(0 | 1 | 3))),
        "{codes:?}"
    );
    assert!(codes.contains(&Some(0)), "{codes:?}");
    let again = on.shop.run(&apply);
    assert!([0, 3].contains(&again.code), "{}", again.stderr);
    let differ = "SELECT count(*) FROM users WHERE email IS DISTINCT FROM email_addr";
    assert_eq!(number(&mut client, differ), 0);
    // Every row was changed once.
    let changed = "SELECT sum(changed)::bigint FROM _switchback.backfill_range";
    assert_eq!(number(&mut client, changed), ROWS);
    on.shop.check_no_open_intent();
}
