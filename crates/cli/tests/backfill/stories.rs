//! What goes well: run, stop, go on, undo.

use serde_json::Value;

use crate::on_both;
use crate::place::{FREE, Place, ROWS, oracle};
use crate::process::Process;

on_both!(
    a_run_ends_and_says_how_far_it_is,
    another_process_pauses_it,
    what_is_called_off_can_be_undone,
    what_was_changed_since_is_left_alone_and_named,
    it_is_walked_anew,
    a_dry_run_changes_nothing,
    without_undo_it_asks,
);

/// Slow enough to be caught in the middle.
const SLOW: &str = "--max-rate 800 --batch-size 50";

fn a_run_ends_and_says_how_far_it_is(place: &Place) {
    let original = place.rows();
    let said = place.says("backfill status --env staging", 0, &["no backfill"]);
    assert!(said.contains("staging"), "{said}");
    let line = format!("backfill run emails --env staging {FREE}");
    let ended = Process::start(place, &line).wait();
    let view = ended.with(0);
    assert_eq!(view["schema"], "switchback.backfill-status/v1");
    assert_eq!(
        (&view["status"], &view["rows_changed"]),
        (&"done".into(), &ROWS.into())
    );
    let told = ended.progress();
    let last = told.last().unwrap();
    assert_eq!(
        (&last["backfill"], &last["environment"]),
        (&"emails".into(), &"staging".into())
    );
    assert!(
        last["at"].as_str().is_some_and(|at| at.ends_with('Z')),
        "{last}"
    );
    assert!(
        last["reason"].is_string() && last["zone"].is_string(),
        "{last}"
    );
    let next = ended.lines.last().unwrap();
    assert_eq!(
        next["command"],
        "switchback backfill verify emails --env staging"
    );
    assert_eq!(place.rows(), oracle(&original));

    place.says(
        "backfill run emails --env staging",
        3,
        &["the backfill emails is done in staging", "--anew"],
    );
    place.says(
        "backfill status --env staging",
        0,
        &["emails", "done", "users"],
    );
    place.says(
        "backfill status emails --env staging",
        0,
        &["emails in staging: done", "3,000"],
    );
    let listed = place.json("backfill status --env staging", 0);
    assert_eq!(listed["backfills"][0]["status"], "done");
    // What was done is in the ledger.
    let log = place.run("ledger log --format json").stdout;
    for part in ["backfill-begun", "backfill-ended", "rows changed: 3000"] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

fn another_process_pauses_it(place: &Place) {
    let original = place.rows();
    let line = format!("backfill run emails --env staging {FREE}");
    let mut running = Process::start(place, &format!("{line} {SLOW}"));
    running.until_filled(place, 60);
    place.says(
        "backfill pause emails --env staging",
        0,
        &[
            "emails in staging: paused",
            "switchback backfill resume emails --env staging",
        ],
    );
    let ended = running.wait();
    assert_eq!(ended.with(6)["status"], "paused");
    let filled = place.filled();
    assert!((60..ROWS).contains(&filled), "{filled}");
    assert_eq!(place.leased(), 0);
    let status = place.status();
    assert_eq!(
        (&status["status"], &status["workers"]),
        (&"paused".into(), &0.into())
    );
    assert_eq!(status["rows_changed"], filled);

    let resumed = place.says(
        &format!("backfill resume emails --env staging {FREE}"),
        0,
        &["going on", "emails in staging: done"],
    );
    assert!(!resumed.contains("error"), "{resumed}");
    assert_eq!(place.rows(), oracle(&original));
    assert_eq!(place.status()["rows_changed"], ROWS);
    place.says(
        "backfill resume emails --env staging",
        1,
        &["SB1509", "is done", "--env staging"],
    );
    place.says(
        "backfill pause emails --env staging",
        1,
        &["SB1509", "--env staging"],
    );
}

fn what_is_called_off_can_be_undone(place: &Place) {
    let original = place.rows();
    let line = format!("backfill run emails --env staging {FREE}");
    let mut running = Process::start(place, &format!("{line} {SLOW}"));
    running.until_filled(place, 60);
    place.says(
        "backfill cancel emails --env staging",
        0,
        &[
            "emails in staging: cancelled",
            "switchback backfill undo emails --env staging",
        ],
    );
    assert_eq!(running.wait().with(6)["status"], "cancelled");
    assert!(place.filled() < ROWS);
    place.says(
        "backfill resume emails --env staging",
        1,
        &["SB1509", "cancelled"],
    );

    place.says(
        "backfill undo emails --env staging",
        2,
        &["SB0107", "put back what emails changed in users", "--yes"],
    );
    assert_eq!(place.status()["status"], "cancelled");
    let undone = place.undo(0);
    assert_eq!(undone["status"], "undone");
    assert_eq!(place.rows(), original);
    place.says(
        "backfill undo emails --env staging --yes",
        3,
        &["is undone in staging"],
    );
    place.says(
        "backfill cancel emails --env staging",
        1,
        &["SB1509", "undone"],
    );
    // It can be run again, and called off again: to run it is to begin anew then.
    place.fill();
    assert_eq!(place.rows(), oracle(&original));
    place.undo(0);
    let mut running = Process::start(place, &format!("{line} {SLOW}"));
    running.until_filled(place, 60);
    place.ends("backfill cancel emails --env staging", 0);
    running.wait().with(6);
    place.fill();
    assert_eq!(place.rows(), oracle(&original));
    place.undo(0);
    assert_eq!(place.rows(), original);
}

fn what_was_changed_since_is_left_alone_and_named(place: &Place) {
    let mut original = place.rows();
    place.fill();
    place.execute("UPDATE users SET email = 'mine' WHERE id IN (5, 6)");
    let undone = place.undo(1);
    assert_eq!(undone["rows_conflicting"], 2);
    assert_eq!(undone["rows_restored"], ROWS - 2);
    assert_eq!(undone["status"], "undone");
    let mut keys: Vec<&str> = undone["conflicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["key"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["5", "6"]);
    for (id, _, email) in &mut original {
        if [5, 6].contains(id) {
            *email = Some("mine".to_owned());
        }
    }
    assert_eq!(place.rows(), original);
    let said = place.says(
        "backfill status emails --env staging",
        0,
        &["undone", "left alone"],
    );
    assert!(said.contains(" 5") && said.contains(" 6"), "{said}");
}

fn it_is_walked_anew(place: &Place) {
    place.fill();
    place.insert(ROWS + 200);
    place.execute("UPDATE users SET email = NULL WHERE id <= 10");
    assert_eq!(
        place.ends("backfill run emails --env staging", 3).stdout,
        ""
    );
    place.says(
        &format!("backfill run emails --env staging --anew {FREE}"),
        0,
        &["emails in staging: done"],
    );
    assert_eq!(place.filled(), ROWS + 200);
    // With another definition it is nothing to go on with.
    let edited = crate::place::FILL.replace("example.org", "example.net");
    place.cli.write("backfills/emails.toml", edited).unwrap();
    let said = place.says(
        "backfill run emails --env staging",
        1,
        &[
            "SB1508",
            "switchback backfill run emails --env staging --anew",
        ],
    );
    assert!(!said.contains("ENVIRONMENT"), "{said}");
    place.says("backfill verify emails --env staging", 1, &["SB1508"]);
    // A report is about what was run.
    place.says(
        "backfill report emails --env staging",
        0,
        &["the file of emails says something else by now"],
    );
    assert_eq!(place.filled(), ROWS + 200);
    place.says(
        &format!("backfill run emails --env staging --anew {FREE}"),
        0,
        &["emails in staging: done"],
    );
    assert_eq!(place.filled(), 0);
    // What is kept cannot be put back into another column, and is not given up for it either.
    if place.is_on_server() {
        let other = crate::place::FILL.replace("email =", "name =");
        place.cli.write("backfills/emails.toml", other).unwrap();
        place.says(
            &format!("backfill run emails --env staging --anew {FREE}"),
            1,
            &[
                "SB1508",
                "other columns",
                "switchback backfill undo emails --env staging",
            ],
        );
    }
    // Back to before the first time, through both, whatever the file says by now; rows that came later or were changed between
    // have what they had then.
    // What somebody changed between the two runs was put back by the second one, not by the first.
    let undone = place.undo(1);
    assert_eq!(
        (&undone["status"], &undone["rows_conflicting"]),
        (&"undone".into(), &10.into())
    );
    let left = "SELECT count(*) FROM users WHERE email LIKE '%@example.%'";
    assert_eq!(place.number(left), 0);
    assert_eq!(
        place.number("SELECT count(*) FROM users WHERE email = 'Old ' || id"),
        1063
    );
}

fn a_dry_run_changes_nothing(place: &Place) {
    let original = place.rows();
    let dry = place.json("backfill run emails --env staging --dry-run", 0);
    assert_eq!(dry, place.json("backfill plan emails --env staging", 0));
    assert!(!place.has_control());
    let log = place.run("ledger log --format json").stdout;
    assert!(!log.contains("backfill"), "{log}");

    let mut running = Process::start(
        place,
        &format!("backfill run emails --env staging {FREE} {SLOW}"),
    );
    running.until_filled(place, 60);
    place.ends("backfill pause emails --env staging", 0);
    running.wait().with(6);
    let (paused, rows) = (place.status(), place.rows());
    for command in ["run", "resume"] {
        place.ends(
            &format!("backfill {command} emails --env staging --dry-run"),
            0,
        );
        assert_eq!(place.status(), paused);
    }
    // What cannot be begun leaves it as it is.
    let edited = crate::place::FILL.replace("example.org", "example.net");
    place.cli.write("backfills/emails.toml", edited).unwrap();
    place.says("backfill resume emails --env staging", 1, &["SB1508"]);
    assert_eq!(place.status(), paused);
    assert_eq!(place.rows(), rows);
    assert_ne!(rows, original);
}

fn without_undo_it_asks(place: &Place) {
    let original = place.rows();
    let text = format!("keep-undo = false\n{}", crate::place::FILL);
    place.cli.write("backfills/emails.toml", text).unwrap();
    place.says(
        "backfill run emails --env staging",
        2,
        &["SB0107", "without keeping what they had", "--yes"],
    );
    assert_eq!(place.rows(), original);
    assert!(!place.has_control());
    place.ends(
        &format!("backfill run emails --env staging --yes {FREE}"),
        0,
    );
    assert_eq!(place.rows(), oracle(&original));
    place.says(
        "backfill undo emails --env staging --yes",
        1,
        &["SB1510", "backup"],
    );
    assert_eq!(place.status()["status"], Value::from("done"));
}
