//! What is kept to undo a backfill, for how long, and whatever became of the file.

use crate::on_both;
use crate::place::{FILL, FREE, Place, ROWS, oracle};
use crate::process::Process;

on_both!(
    what_is_kept_has_an_end,
    an_undo_needs_no_file,
    a_job_that_nobody_works_on_says_so,
);

fn two_days_ago(place: &Place) {
    let past = match place.is_on_server() {
        true => "now() - interval '2 days'",
        false => "'2020-01-01T00:00:00Z'",
    };
    let jobs = place.control("");
    place.execute(&format!("UPDATE {jobs} SET finished_at = {past}"));
}

fn what_is_kept_has_an_end(place: &Place) {
    let original = place.rows();
    place.fill();
    let status = place.status();
    assert!(status["undo_until"].is_string(), "{status}");
    place.says(
        "backfill expire --env staging --yes",
        3,
        &["emails", "3,000 rows until"],
    );
    two_days_ago(place);
    let kept = || {
        let undo = place.control("_undo");
        place.number(&format!("SELECT coalesce(sum(rows), 0) FROM {undo}"))
    };
    let would = place.json("backfill expire --env staging --dry-run", 0);
    assert_eq!(
        (&would["schema"], &would["backfills"][0]["due"], kept()),
        (&"switchback.backfill-expiry/v1".into(), &true.into(), ROWS)
    );
    place.says(
        "backfill expire emails --env staging",
        2,
        &["SB0107", "drop what is kept to undo emails", "--yes"],
    );
    assert_eq!(kept(), ROWS);
    place.says("backfill expire emial --env staging --yes", 2, &["SB1507"]);
    let did = place.json("backfill expire --env staging --yes", 0);
    let it = &did["backfills"][0];
    assert_eq!(
        (&it["rows_kept"], &it["rows_dropped"], kept()),
        (&0.into(), &ROWS.into(), 0)
    );
    assert!(it["bytes_dropped"].as_i64().unwrap() > ROWS, "{it}");
    let expired = it["expired"].as_str().unwrap();
    place.says(
        "backfill undo emails --env staging --yes",
        1,
        &["SB1543", expired, "backup"],
    );
    place.says(
        "backfill status emails --env staging",
        0,
        &["not possible: what was kept expired on", expired],
    );
    assert_eq!(place.status()["status"], "done");
    place.ends("backfill expire --env staging --yes", 3);
    let log = place.run("ledger log --format json").stdout;
    let said = "what was kept to undo backfill emails was dropped: 3000 rows";
    assert_eq!(log.matches(said).count(), 1, "{log}");
    assert_eq!(place.rows(), oracle(&original));
    // A longer time than the rollback window is kept to.
    place.ends(
        &format!("backfill run emails --env staging --anew {FREE}"),
        0,
    );
    place.execute("UPDATE users SET email = NULL WHERE id <= 10");
    place.ends(
        &format!("backfill run emails --env staging --anew {FREE}"),
        0,
    );
    two_days_ago(place);
    let settings = place.cli.read("switchback.toml").unwrap();
    let longer = format!("{settings}\n[backfills]\nkeep = \"100000d\"\n");
    place.cli.write("switchback.toml", longer).unwrap();
    place.ends("backfill expire --env staging --yes", 3);
    place.says("config show", 0, &["backfills.keep", "100000d"]);
    place.undo(0);
    assert_eq!(place.filled(), ROWS - 10);
}

fn an_undo_needs_no_file(place: &Place) {
    let original = place.rows();
    place.fill();
    let version = place.status()["version"].as_str().unwrap().to_owned();
    place
        .cli
        .write(
            "backfills/emails.toml",
            FILL.replace("example.org", "example.com"),
        )
        .unwrap();
    let newer = "the file of emails says something else by now";
    place.says("backfill report emails --env staging", 0, &[newer, "wrote"]);
    // To look whether rows have what the newer one gives is something else.
    place.says("backfill verify emails --env staging", 1, &["SB1508"]);
    std::fs::remove_file(place.cli.folder().join("backfills/emails.toml")).unwrap();
    let gone = "the file of emails is not there any more";
    place.says("backfill verify emails --env staging", 0, &[gone, "holds"]);
    place.says("backfill report emails --env staging", 0, &[gone, "wrote"]);
    place.says("backfill status emails --env staging", 0, &["done"]);
    place.says(
        "backfill cancel emails --env staging",
        1,
        &["SB1509", "is done"],
    );
    place.says("backfill pause emails --env staging", 1, &["SB1509"]);
    place.says("backfill run emails --env staging", 2, &["SB1501"]);
    place.execute("UPDATE users SET email = 'mine' WHERE id = 5; DELETE FROM users WHERE id = 6");
    let undone = place.json(
        &format!("backfill undo emails --env staging --yes {FREE}"),
        1,
    );
    assert_eq!(
        (&undone["rows_conflicting"], &undone["rows_deleted"]),
        (&2.into(), &1.into()),
        "{undone}"
    );
    place.says(
        "backfill status emails --env staging",
        0,
        &["2: 1 changed since, 1 deleted since", "deleted since"],
    );
    let mut wanted = original;
    wanted.retain(|(id, ..)| *id != 6);
    wanted[4].2 = Some("mine".to_owned());
    assert_eq!(place.rows(), wanted);
    // What was run is what is recorded, not what a file said by then.
    let log = place.json("ledger log", 0).to_string();
    assert!(log.contains("undo of backfill emails begins"), "{log}");
    let events = log.matches("\"kind\":\"backfill-ended\"").count();
    assert_eq!(events, 2, "{log}");
    assert_eq!(place.status()["version"], version);
}

fn a_job_that_nobody_works_on_says_so(place: &Place) {
    let line = format!("backfill run emails --env staging {FREE}");
    let mut running = Process::start(place, &format!("{line} --max-rate 800 --batch-size 50"));
    running.until_filled(place, 60);
    assert!(running.kill());
    place.let_leases_run_out();
    let status = place.status();
    assert_eq!(
        (&status["status"], &status["workers"]),
        (&"running".into(), &0.into())
    );
    assert!(status["lease_ended"].is_string(), "{status}");
    place.says(
        "backfill status emails --env staging",
        0,
        &[
            "nobody has a range since",
            "switchback backfill run emails --env staging",
        ],
    );
    // Why a worker stopped is there until somebody goes on.
    if !place.is_on_server() {
        return;
    }
    place.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           RAISE 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER no_room BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION no_room()",
    );
    let said = place.run(&line);
    assert!(
        said.code != 0 && said.stderr.contains("No space left"),
        "{said:?}"
    );
    place.let_leases_run_out();
    place.says(
        "backfill status emails --env staging",
        0,
        &["running", "stopped last", "No space left on device"],
    );
    place.execute("DROP TRIGGER no_room ON users");
    place.ends(&line, 0);
    assert_eq!(place.status()["error"], serde_json::Value::Null);
}
