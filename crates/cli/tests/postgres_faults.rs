//! Commands that change a PostgreSQL database, ended without warning at every place where that could
//! matter. Run again they end as if nothing had happened; given up instead, nothing is left.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use shop::server::OnServer;
use shop::{CHANGE, Sync};
use switchback_db::postgres::{Session, fingerprint};
use switchback_testkit::cli::Ran;

/// How a shell says that a process ended by SIGABRT.
const ABORTED: i32 = 128 + 6;

/// The places around every step; see `src/faults.rs`.
const PLACES: [&str; 4] = [
    "before-intent",
    "after-intent",
    "after-effect",
    "after-outcome",
];

/// The schema and the rows of staging, without the control tables.
fn state(on: &OnServer) -> (Vec<String>, Vec<String>) {
    let mut session = Session::connect(&on.urls[0]).unwrap();
    let meaning = fingerprint::meaning(&mut session).unwrap();
    let lines = meaning.lines().iter().map(|line| format!("{line:?}"));
    let schema = lines.filter(|line| !line.contains("_switchback")).collect();
    // Columns that came back may stand in another place.
    let sql = "SELECT to_jsonb(u)::text FROM users AS u ORDER BY id";
    let rows = on.client(0).query(sql, &[]).unwrap();
    (schema, rows.iter().map(|row| row.get(0)).collect())
}

fn killed(on: &OnServer, line: &str, fault: &str) -> Ran {
    let mut command = on.shop.cli.command(line.split_whitespace());
    command.env("SWITCHBACK_FAULT", fault);
    command.output().unwrap().into()
}

fn check(on: &OnServer, wanted: &(Vec<String>, Vec<String>), at: &str) {
    let found = state(on);
    assert_eq!(found.0, wanted.0, "{at}: the schema");
    assert_eq!(found.1, wanted.1, "{at}: the rows");
    on.shop.check_no_open_intent();
}

/// A command whose plan has so many steps and batches, killed everywhere. One that goes up may be
/// given up by the one that takes it back; one that goes back is gone on with.
fn kill_everywhere(on: &OnServer, [there, back]: [&str; 2], steps: u32, batches: u32) -> usize {
    let before = state(on);
    on.shop.ok(there);
    let after = state(on);
    on.shop.ok(back);
    check(on, &before, back);
    let around = (0..steps).flat_map(|step| PLACES.map(|place| format!("{place}:{step}")));
    let within = (1..=batches).map(|batch| format!("batch:{batch}"));
    let mut count = 0;
    for fault in around.chain(within) {
        let ways: &[bool] = match there.contains(" undo ") {
            true => &[false],
            false => &[false, true],
        };
        for &give_up in ways {
            let at = format!("{there} at {fault}, give up: {give_up}");
            let ran = killed(on, there, &fault);
            assert_eq!(ran.code, ABORTED, "{at}: {}", ran.stderr);
            if !give_up {
                let again = on.shop.run(there);
                assert!([0, 3].contains(&again.code), "{at}: {}", again.stderr);
                check(on, &after, &at);
            }
            let undone = on.shop.run(back);
            assert!([0, 3].contains(&undone.code), "{at}: {}", undone.stderr);
            check(on, &before, &at);
            count += 1;
        }
    }
    count
}

#[test]
fn every_fault_around_a_script_a_fill_and_statements() {
    let on = OnServer::new();
    on.shop.plan_change(Sync::Triggers);
    let line = |verb: &str, step: &str| {
        format!("change {verb} {CHANGE} --env staging --step {step} --yes")
    };
    let apply = line("apply", "expand");
    let mut count = kill_everywhere(&on, [&apply, &line("undo", "expand")], 2, 2);
    on.shop.ok(&apply);
    let (index, drop) = (line("apply", "indexes"), line("undo", "indexes"));
    count += kill_everywhere(&on, [&index, &drop], 1, 0);
    // The ways back, too.
    on.shop.ok(&index);
    count += kill_everywhere(&on, [&drop, &index], 1, 0);
    assert_eq!(count, 32);
}

/// A purge that was begun is ended by itself or given up by an undo, which takes the contract back as
/// long as nothing is destroyed.
#[test]
fn a_purge_is_done_or_given_up() {
    let purge = "change purge gone --env staging --because outdated --yes";
    let undo = "change undo gone --env staging --yes";
    let apply = "change apply gone --env staging --yes";
    let on = OnServer::new();
    on.shop
        .drops("drop-column --table users --column fax", "gone");
    let after = state(&on);
    on.shop.ok(undo);
    let before = state(&on);
    on.shop.ok(apply);
    for fault in ["before-intent:0", "after-intent:0"] {
        let ran = killed(&on, purge, fault);
        assert_eq!(ran.code, ABORTED, "{fault}: {}", ran.stderr);
        if fault.starts_with("after") {
            let error = on.shop.refused(apply, 1, "SB0207");
            assert!(error.contains("change purge gone"), "{error}");
        }
        on.shop.ok(undo);
        check(&on, &before, fault);
        on.shop.ok(apply);
        check(&on, &after, fault);
    }
    let ran = killed(&on, purge, "after-effect:0");
    assert_eq!(ran.code, ABORTED, "{}", ran.stderr);
    let status = on.shop.json("status --env staging");
    let unfinished = status["environments"][0]["unfinished"].to_string();
    assert!(unfinished.contains("change purge gone"), "{unfinished}");
    on.shop.ok(purge);
    on.shop.check_no_open_intent();
    let kept = on.shop.json("change kept")["kept"].clone();
    assert_eq!(kept, serde_json::json!([]));
    let error = on.shop.refused_on_record(undo, 1, "SB0309");
    assert!(error.contains("because: outdated"), "{error}");
}
