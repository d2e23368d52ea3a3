//! What does not go well: rows that refuse, and what was typed wrong.

use crate::on_both;
use crate::place::{FREE, Place, ROWS};
use crate::support::bad;

on_both!(
    rows_that_refuse_are_passed_over_and_named,
    it_stops_at_the_first_one_and_goes_on,
    what_was_never_begun_has_a_code,
    what_is_typed_wrong_does_nothing,
);

const SPOIL: &str = "UPDATE users SET name = 'bad ' || id WHERE id IN (1000, 1001)";
const MEND: &str = "UPDATE users SET name = 'User ' || id WHERE id IN (1000, 1001)";

fn rows_that_refuse_are_passed_over_and_named(place: &Place) {
    place.execute("UPDATE users SET email = NULL");
    place.execute(SPOIL);
    let original = place.rows();
    let run = format!("backfill run emails --env staging {FREE}");
    let view = place.json(&run, 1);
    assert_eq!(
        (&view["status"], &view["rows_failed"]),
        (&"done".into(), &2.into())
    );
    let failed = view["failed"].as_array().unwrap();
    let keys: Vec<&str> = failed
        .iter()
        .map(|it| it["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["1000", "1001"]);
    assert!(
        failed[0]["why"].as_str().unwrap().contains("no_bad_ones"),
        "{view}"
    );
    assert_eq!(place.filled(), ROWS - 2);
    place.says(
        "backfill status emails --env staging",
        0,
        &[
            "Rows that refused it",
            "1000",
            "1001",
            "no_bad_ones",
            "switchback backfill rerun emails --env staging --failed",
        ],
    );
    place.says(
        "backfill verify emails --env staging",
        1,
        &["SB1512", "2 rows refused it"],
    );
    // Mended, it is done once more for them.
    place.execute(MEND);
    let again = run.replace("backfill run", "backfill rerun");
    let view = place.json(&format!("{again} --failed"), 0);
    assert_eq!(
        (&view["rows_failed"], &view["status"]),
        (&0.into(), &"done".into()),
        "{view}"
    );
    assert_eq!(place.filled(), ROWS);
    place.ends("backfill verify emails --env staging", 0);
    place.undo(0);
    place.execute(SPOIL);
    assert_eq!(place.rows(), original);
    // What refused was never changed: to undo the others is to undo all.
    place.json(&run, 1);
    assert_eq!(place.undo(0)["status"], "undone");
    assert_eq!(place.rows(), original);
}

fn it_stops_at_the_first_one_and_goes_on(place: &Place) {
    place.execute("UPDATE users SET email = NULL");
    place.execute(SPOIL);
    let run = format!("backfill run emails --env staging {FREE}");
    let said = place.says(
        &format!("{run} --stop-on-error --batch-size 100"),
        1,
        &[
            "SB1511",
            "no_bad_ones",
            "switchback backfill run emails --env staging",
            "switchback backfill undo emails --env staging",
        ],
    );
    assert!(said.contains("1000") || said.contains("1001"), "{said}");
    assert_eq!(place.status()["status"], "failed");
    assert!(place.filled() < ROWS);
    assert_eq!(place.leased(), 0);
    place.execute(MEND);
    let view = place.json(&run.replace("run", "resume"), 0);
    assert_eq!(
        (&view["status"], &view["rows_failed"]),
        (&"done".into(), &0.into()),
        "{view}"
    );
    assert_eq!(place.filled(), ROWS);
    // More of them than may be passed over.
    place.execute("UPDATE users SET email = NULL");
    place.execute("UPDATE users SET name = 'bad ' || id WHERE id BETWEEN 1000 AND 1040");
    place.says(
        &format!("{run} --anew --most-errors 5"),
        1,
        &["SB1511", "more than 5 rows"],
    );
}

fn what_was_never_begun_has_a_code(place: &Place) {
    for command in [
        "status",
        "pause",
        "resume",
        "cancel",
        "undo --yes",
        "verify",
        "report",
    ] {
        let line = format!("backfill {command} emails --env staging");
        let said = bad(&place.cli, &line, 2);
        assert!(said.contains("error[SB1507]"), "{line}: {said}");
        assert!(
            said.contains("switchback backfill run emails --env staging"),
            "{line}: {said}"
        );
    }
    for command in ["run", "resume", "undo --yes", "verify", "report"] {
        let said = bad(
            &place.cli,
            &format!("backfill {command} emials --env staging"),
            2,
        );
        assert!(
            said.contains("SB1501") && said.contains("`emails`"),
            "{command}: {said}"
        );
    }
    for command in [
        "run",
        "status",
        "pause",
        "resume",
        "cancel",
        "undo --yes",
        "verify",
        "report",
    ] {
        let said = bad(
            &place.cli,
            &format!("backfill {command} emails --env stagign"),
            2,
        );
        assert!(said.contains("SB0106"), "{command}: {said}");
    }
    assert!(!place.has_control());
}

fn what_is_typed_wrong_does_nothing(place: &Place) {
    for (flags, part) in [
        (&["--limit", "lag=3"][..], "replication-lag"),
        (&["--limit", "probe"], "SIGNAL=LIMIT"),
        (&["--limit", "probe=-1"], "above 0"),
        (&["--limit", "probe=inf"], "above 0"),
        (&["--ceiling", "0"], "1..=100"),
        (&["--ceiling", "101"], "1..=100"),
        (&["--quiet-hours", "always"], "daily 22:00-06:00 Z"),
        (
            &["--quiet-hours", "daily 08:00-18:00 Europe/Berlin"],
            "time zones",
        ),
        (
            &["--quiet-hours", "daily 08:00-18:00 Z at 20%"],
            "daily 22:00-06:00 Z",
        ),
        (&["--max-rate", "0"], "rows a second"),
        (&["--max-rate", "nan"], "rows a second"),
        (&["--batch-size", "0"], "batch-size"),
        (&["--workers", "0"], "1..=64"),
        (&["--cpus", "0"], "cpus"),
        (&["--undo-limit", "20"], "20GiB"),
        (&["--metrics", "nowhere"], "127.0.0.1:9464"),
        (&["--metrics-file", "x.txt"], ".prom"),
        (&["--passes", "4"], "strategy"),
    ] {
        let line = [&["backfill", "run", "emails", "--env", "staging"], flags].concat();
        let ran = place.cli.run(&line).unwrap();
        assert_eq!(
            (ran.stdout.as_str(), ran.code),
            ("", 2),
            "{line:?}: {}",
            ran.stderr
        );
        let one_line = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(one_line.contains(part), "{line:?}: {}", ran.stderr);
    }
    let all_off = format!("backfill run emails --env staging {FREE} --limit blocked-by-us=off");
    let said = bad(&place.cli, &all_off, 2);
    assert!(said.contains("every signal is off"), "{said}");
    assert!(!place.has_control());
    assert_eq!(place.filled(), 0);
}
