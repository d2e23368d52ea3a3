//! What goes wrong on the second day: code from before comes back, a key is mixed up, somebody
//! types a thing again or edits a file, and a hotfix is cut from an old tag.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod shop;

use std::fs;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use shop::{CHANGE, Keep, Shop, Sync};

fn apply(environment: &str) -> String {
    format!("change apply {CHANGE} --env {environment} --yes")
}

fn differing(shop: &Shop) -> i64 {
    let database = Connection::open(shop.database("staging")).unwrap();
    let query = "SELECT count(*) FROM users WHERE email IS NOT email_addr";
    database.query_row(query, [], |row| row.get(0)).unwrap()
}

/// Old code, brought back, writes only the old column: the copy is outdated, everything says so,
/// and the way on is the same command again.
#[test]
fn a_backfill_that_old_code_made_stale_is_pending_again() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Application);
    for (version, step) in [("1.1.0", "dual-write"), ("1.2.0", "switch-reads")] {
        shop.release(version, step);
    }
    shop.ok(&apply("staging"));
    shop.deploy("1.1.0", "staging");
    shop.ok(&apply("staging"));
    // Nobody reads the new column yet, so code that leaves it behind may come back.
    shop.deploy("1.0.0", "staging");
    let old_code = "UPDATE users SET email_addr = 'by old code' WHERE id = 1";
    let database = Connection::open(shop.database("staging")).unwrap();
    database.execute(old_code, []).unwrap();
    drop(database);
    assert_eq!(differing(&shop), 1);

    shop.deploy("1.1.0", "staging");
    shop.wait_for_window();
    let status = shop.json(&format!("change status {CHANGE}"));
    let backfill = &status["changes"][0]["steps"][2];
    assert_eq!(backfill["name"], "backfill");
    assert_eq!(backfill["environments"][0]["state"], "no", "{backfill}");
    let error = shop.refused_on_record("promote --version 1.2.0 --env staging", 1, "SB0301");
    assert!(error.contains("outdated"), "{error}");
    assert!(
        error.contains(&format!("change apply {CHANGE} --env staging")),
        "{error}"
    );
    shop.ok(&apply("staging"));
    assert_eq!(differing(&shop), 0);
    shop.deploy("1.2.0", "staging");
    shop.state();
}

#[test]
fn a_key_of_another_ledger_signs_nothing() {
    let shop = Shop::new(Keep::Sqlite);
    let other = Shop::new(Keep::Sqlite);
    let key = shop.ledger().with_file_name("ledger.key");
    let own = fs::read(&key).unwrap();
    fs::copy(other.ledger().with_file_name("ledger.key"), &key).unwrap();
    shop.refused("ledger checkpoint", 4, "SB0204");
    shop.refused("ledger prove 0", 4, "SB0204");
    // Nothing by it was kept.
    fs::write(&key, own).unwrap();
    shop.ok("ledger verify");
    shop.ok("ledger checkpoint");
    shop.ok("ledger verify");
}

#[test]
fn status_shows_what_runs_whatever_happened_to_a_file() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop.ok(&apply("staging"));
    let file = format!("changes/{CHANGE}/1-expand.up.sql");
    let text = shop.cli.read(&file).unwrap();
    shop.cli.write(&file, format!("{text}-- edited\n")).unwrap();
    let status = shop.json("status");
    assert_eq!(
        status["environments"][0]["components"][0]["version"],
        "1.0.0"
    );
    assert_eq!(status["unreadable"][0]["code"], "SB0403", "{status}");
    assert!(shop.ok("status").contains("cannot be used: the change"));
}

#[test]
fn what_is_so_already_is_nothing_to_do_and_no_advice_to_go_back() {
    let shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop.release("1.0.1", "old");
    shop.deploy("1.0.1", "staging");
    let again = shop.run("promote --version 1.0.1 --env staging");
    assert_eq!(again.code, 3, "{}", again.stderr);
    for line in [
        "rollout finish --env staging",
        "rollout abort --env staging",
    ] {
        let error = shop.refused_on_record(line, 1, "SB0304");
        assert!(!error.contains("rollback"), "{error}");
    }
    let error = shop.refused_on_record("rollback --to 9.9.9 --env staging", 2, "SB0701");
    assert!(!error.contains("promote --version 1"), "{error}");
}

#[cfg(feature = "fault-injection")]
#[test]
fn a_step_that_is_named_is_not_the_one_that_was_left_behind() {
    let mut shop = Shop::new(Keep::Sqlite);
    shop.plan_change(Sync::Triggers);
    shop.cli.set("SWITCHBACK_FAULT", "after-effect:0");
    assert_ne!(shop.run(&apply("staging")).code, 0, "it is killed");
    shop.cli.set("SWITCHBACK_FAULT", "");
    let named = format!("change apply {CHANGE} --env staging --step contract --yes");
    let error = shop.refused(&named, 1, "SB0207");
    assert!(error.contains("apply expand of"), "{error}");
    shop.ok(&apply("staging"));
    shop.state();
}

#[test]
fn a_hotfix_of_code_from_before_a_change_needs_no_folder() {
    let shop = Shop::new(Keep::Sqlite);
    let top = shop.cli.folder();
    let before = shop.git(&top, &["rev-parse", "HEAD"]);
    shop.plan_change(Sync::Triggers);
    shop.ok(&apply("staging"));
    shop.release("1.1.0", "switch-reads");
    shop.git(
        &top,
        &["checkout", "--quiet", "-b", "hotfix", before.trim()],
    );
    fs::write(top.join("fix"), "it").unwrap();
    shop.commit(&top, "fix: it");
    shop.ok("release record --version 1.0.1");
    shop.git(&top, &["checkout", "--quiet", "main"]);
    shop.deploy("1.0.1", "staging");
    // A folder that was there and is gone is another matter.
    shop.git(&top, &["rm", "-rq", "changes"]);
    shop.commit(&top, "chore: remove what is open");
    shop.refused("release record --version 1.2.0", 2, "SB0401");
}

/// Somebody takes a step back whose process is not dead but waits for a lock: whichever of both
/// comes first, the ledger says what the database is.
#[test]
fn a_slow_process_is_not_taken_for_a_dead_one() {
    for seed in 0..3 {
        let shop = Shop::new(Keep::Sqlite);
        shop.plan_change(Sync::Triggers);
        let locker = Connection::open(shop.database("staging")).unwrap();
        locker.execute_batch("BEGIN IMMEDIATE").unwrap();
        let undo = format!("change undo {CHANGE} --env staging --yes");
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| shop.run(&apply("staging")));
            let deadline = Instant::now() + Duration::from_secs(60);
            while !shop
                .events()
                .iter()
                .any(|(_, event)| event["event"] == "intended")
            {
                assert!(Instant::now() < deadline, "no intent comes");
            }
            let other = scope.spawn(|| shop.run(&undo));
            // Both wait for the lock by now, or will in a moment: either order is fine.
            for _ in 0..seed {
                shop.run("status");
            }
            locker.execute_batch("ROLLBACK").unwrap();
            let (slow, other) = (slow.join().unwrap(), other.join().unwrap());
            assert!([0, 1, 5].contains(&slow.code), "{}", slow.stderr);
            assert!([0, 1, 3].contains(&other.code), "{}", other.stderr);
        });
        let database = Connection::open(shop.database("staging")).unwrap();
        let query = "SELECT count(*) FROM pragma_table_info('users') WHERE name = 'email'";
        let there: i64 = database.query_row(query, [], |row| row.get(0)).unwrap();
        let status = shop.json(&format!("change status {CHANGE}"));
        let expand = &status["changes"][0]["steps"][0]["environments"][0]["state"];
        assert_eq!(there == 1, expand != "no", "{there} {status}");
        // Whatever came of it, the way on and the way back are open.
        let on = shop.run(&format!("{} --step expand", apply("staging")));
        assert!([0, 3].contains(&on.code), "{}", on.stderr);
        shop.ok(&undo);
        shop.state();
    }
}
