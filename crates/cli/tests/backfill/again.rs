//! Some rows are done again after the file was mended.

use serde_json::Value;

use crate::on_both;
use crate::place::{FILL, FREE, Place, ROWS, oracle};
use crate::process::Process;

on_both!(
    rows_are_done_again_with_the_file_as_it_is_now,
    it_goes_on_after_a_kill,
    two_at_once_share_it,
    rows_that_refused_are_done_again_by_themselves,
    what_names_no_rows_does_nothing,
);

/// As `FILL`, mended.
fn mend(place: &Place) {
    let text = FILL.replace("example.org", "example.com");
    place.cli.write("backfills/emails.toml", text).unwrap();
}

const MENDED: &str = "SELECT count(*) FROM users WHERE email = lower(name) || '@example.com'";

fn mended_in(place: &Place, from: i64, to: i64) -> i64 {
    place.number(&format!("{MENDED} AND id BETWEEN {from} AND {to}"))
}

fn rows_are_done_again_with_the_file_as_it_is_now(place: &Place) {
    let original = place.rows();
    place.fill();
    let listed = place.json("backfill status emails --env staging --ranges", 0);
    assert_eq!(listed["schema"], "switchback.backfill-ranges/v1");
    // Which walk changes a row that has something else already is the engine's own business.
    let all = listed["ranges"].as_array().unwrap();
    let changed: i64 = all
        .iter()
        .map(|it| it["rows_changed"].as_i64().unwrap())
        .sum();
    assert_eq!(changed, ROWS);
    let first = &all[0];
    assert_eq!(first["range"], "1/1");
    let every: Vec<String> = all
        .iter()
        .filter(|it| it["rows_changed"] != 0)
        .map(|it| format!("--range {}", it["range"].as_str().unwrap()))
        .collect();
    let before = first["version"].as_str().unwrap().to_owned();
    place.says(
        "backfill status emails --env staging --ranges",
        0,
        &["1/1", "done", &before[..14]],
    );
    mend(place);
    // Whoever only runs it is told that it is another one.
    place.says("backfill run emails --env staging", 1, &["SB1508"]);
    let rerun = "backfill rerun emails --env staging --range 100..199 --range 2990..";
    let would = place.json(&format!("{rerun} --dry-run"), 0);
    assert_eq!(
        (&would["schema"], &would["rows"], &would["version_before"]),
        (
            &"switchback.backfill-rerun/v1".into(),
            &111.into(),
            &before.clone().into()
        )
    );
    assert_eq!(place.rows(), oracle(&original));
    place.says(
        &format!("{rerun} {FREE}"),
        0,
        &[
            "about 111 rows",
            "emails in staging: done",
            "switchback backfill verify",
        ],
    );
    assert_eq!(place.number(MENDED), 111);
    assert_eq!(
        (mended_in(place, 100, 199), mended_in(place, 2990, 3000)),
        (100, 11)
    );
    assert_eq!(place.filled(), ROWS - 111);
    let found = place.json("backfill verify emails --env staging", 0);
    let of = &found["definitions"];
    assert_eq!(
        (
            &of[0]["rows"],
            &of[1]["rows"],
            &of[1]["differ-from-newest"],
            &of[1]["version"]
        ),
        (
            &111.into(),
            &2889.into(),
            &2889.into(),
            &Value::from(before)
        )
    );
    place.says(
        "backfill verify emails --env staging",
        0,
        &[
            "holds",
            "2,889 rows; for 2,889 the newest version would give something else",
        ],
    );
    // The range of the first walk means its rows, wherever they are now.
    place.execute("UPDATE users SET name = name");
    place.ends(
        &format!(
            "backfill rerun emails --env staging {} {FREE}",
            every.join(" ")
        ),
        0,
    );
    assert_eq!(place.number(MENDED), ROWS);
    let listed = place.json("backfill status emails --env staging --ranges", 0);
    assert!(
        listed["ranges"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["again"] == true),
        "{listed}"
    );
    let log = place.run("ledger log --format json").stdout;
    assert!(log.contains("begins again for 100..199, 2990.."), "{log}");
    place.undo(0);
    assert_eq!(place.rows(), original);
}

/// Slow enough to be caught in the middle.
const SLOW: &str = "--max-rate 300 --batch-size 20";

fn it_goes_on_after_a_kill(place: &Place) {
    let original = place.rows();
    place.fill();
    mend(place);
    let rerun = format!("backfill rerun emails --env staging --range 500..2499 {FREE}");
    for upto in [40, 400] {
        let mut running = Process::start(place, &format!("{rerun} {SLOW}"));
        running.until("rows are done again", |_| place.number(MENDED) > upto);
        let status = place.status();
        assert_eq!(
            (&status["status"], &status["again"]),
            (&"running".into(), &"500..2499".into())
        );
        assert!(running.kill());
        place.let_leases_run_out();
        let done = place.number(MENDED);
        assert!(done > upto && done < 2_000, "{done}");
        assert_eq!(mended_in(place, 500, 2499), done);
        place.says(
            "backfill rerun emails --env staging --range 1..2",
            1,
            &["SB1542", "500..2499 is being done again"],
        );
    }
    place.says(&rerun, 0, &["going on from where it stood", "done"]);
    assert_eq!(
        (place.number(MENDED), mended_in(place, 500, 2499)),
        (2_000, 2_000)
    );
    assert_eq!(place.status()["rows_changed"], ROWS + 2_000);
    // Once more there is nothing to change.
    place.ends(&rerun, 0);
    assert_eq!(place.status()["rows_changed"], ROWS + 2_000);
    place.undo(0);
    assert_eq!(place.rows(), original);
}

fn two_at_once_share_it(place: &Place) {
    place.fill();
    mend(place);
    let rerun =
        format!("backfill rerun emails --env staging --range 500..999 --range 1500..1999 {FREE}");
    let mut one = Process::start(place, &format!("{rerun} {SLOW}"));
    one.until("rows are done again", |_| place.number(MENDED) > 40);
    let two = Process::start(place, &rerun);
    two.wait().with(0);
    one.wait().with(0);
    assert_eq!(place.number(MENDED), 1_000);
    assert_eq!(place.status()["rows_changed"], ROWS + 1_000);
    assert_eq!(place.status()["status"], "done");
}

fn rows_that_refused_are_done_again_by_themselves(place: &Place) {
    place.execute("UPDATE users SET email = NULL");
    place.execute("UPDATE users SET name = 'bad ' || id WHERE id IN (1000, 1001)");
    place.ends(&format!("backfill run emails --env staging {FREE}"), 1);
    let rerun = format!("backfill rerun emails --env staging --failed {FREE}");
    // They refuse it still.
    place.says(&rerun, 1, &["Rows that refused it", "1000", "1001"]);
    place.execute("UPDATE users SET name = 'User ' || id WHERE id = 1000");
    place.ends(&rerun, 1);
    assert_eq!(place.status()["rows_failed"], 1);
    place.execute("UPDATE users SET name = 'User ' || id WHERE id = 1001");
    place.ends(&rerun, 0);
    assert_eq!(
        (place.filled(), place.status()["rows_failed"].clone()),
        (ROWS, 0.into())
    );
    place.says(&rerun, 3, &["no row refused"]);
    place.ends("backfill verify emails --env staging", 0);
}

fn what_names_no_rows_does_nothing(place: &Place) {
    let ran = |range: &str| {
        let line = [
            "backfill", "rerun", "emails", "--env", "staging", "--range", range,
        ];
        place.cli.run(&line).unwrap()
    };
    let never = ran("1..2");
    assert!(
        never.code == 2 && never.stderr.contains("SB1507"),
        "{}",
        never.stderr
    );
    place.fill();
    mend(place);
    let was = (place.rows(), place.status());
    for (range, part) in [
        (";drop", "neither WALK/RANGE"),
        ("';drop table users;--..9", "is no key of users"),
        ("", "neither WALK/RANGE"),
        ("..", "these are all rows"),
        ("2000..1000", "2000 comes after 1000"),
        ("7000..8000", "no row of users has a key in 7000..8000"),
        ("-5..-1", "no row of users has a key in -5..-1"),
        ("9/9", "there is no range 9/9"),
        ("0/1", "count from 1"),
        ("a..b", "is no key of users"),
        ("1..1e3", "is no key of users"),
        ("1..2..3", "more than once"),
        ("[1,2]..[3,4]", "has one column"),
        ("[\"1\"", "a list of texts and numbers"),
    ] {
        let ran = ran(range);
        let one_line = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            (ran.stdout.as_str(), ran.code),
            ("", 2),
            "{range}: {one_line}"
        );
        assert!(
            one_line.contains("SB1540") && one_line.contains(part),
            "{range}: {one_line}"
        );
    }
    place.says("backfill rerun emails --env staging", 2, &["--range"]);
    // Other columns are another backfill.
    let text = "schema = \"switchback.backfill/v1\"\ntable = \"users\"\n[set]\nname = \"'x'\"\n";
    place.cli.write("backfills/emails.toml", text).unwrap();
    place.says(
        "backfill rerun emails --env staging --range 1..2",
        1,
        &["SB1508", "writes another table or other columns"],
    );
    assert_eq!((place.rows(), place.status()), was);
}
