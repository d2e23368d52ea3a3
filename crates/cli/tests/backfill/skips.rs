//! Rows that a program skips are counted, and shown wherever it is shown how far a backfill is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::on_both;
use crate::place::{FREE, Place, ROWS};
use crate::process::Process;

on_both!(rows_that_a_program_skips_are_counted_and_shown);

/// Skips every tenth row. Ends at one row and at another until somebody has seen to that.
const FILL: &str = r#"#!/usr/bin/perl -n
BEGIN { $| = 1; print qq({"protocol":"switchback.rows/v1"}\n); $_ = <STDIN>; }
if (/"row":(\d+),"key":\{"id":(\d+)\},"columns":\{"name":"([^"]*)"/) {
    exit 7 if $2 == 1001 && !-e "first" or $2 == 2001 && !-e "second";
    my $email = lc($3) . '@example.org';
    print $2 % 10 ? qq({"row":$1,"set":{"email":"$email"}}\n) : qq({"row":$1,"skip":true}\n);
}
"#;

/// What the first line that says so says.
fn told(stderr: &str) -> i64 {
    let (before, _) = stderr.split_once(" skipped, ").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

fn rows_that_a_program_skips_are_counted_and_shown(place: &Place) {
    place.cli.write("tools/fill", FILL).unwrap();
    let tool = place.cli.folder().join("tools/fill");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    place
        .cli
        .write(
            "backfills/emails.toml",
            "schema = \"switchback.backfill/v1\"\ntable = \"users\"\n\
             only = \"email IS NULL OR email NOT LIKE '%@example.org'\"\n[program]\n\
             columns = [\"email\"]\nreads = [\"name\"]\ncommand = [\"tools/fill\"]\n",
        )
        .unwrap();
    let run = format!(
        "backfill run emails --env staging {FREE} --strategy key-range --batch-size 50 --workers 1"
    );
    let noted = || {
        let notes = place.control("_skipped");
        place.number(&format!("SELECT count(*) FROM {notes}"))
    };
    let status = "backfill status emails --env staging";

    // What is counted is what was written, where it was cut off too.
    place.says(&run, 1, &["SB1531"]);
    let before = place.status()["rows_skipped"].as_i64().unwrap();
    assert!((1..=100).contains(&before), "{before}");
    assert_eq!(before, noted());

    // A run that goes on tells it in words and in lines of JSON.
    place.cli.write("first", "").unwrap();
    let ran = place.ends(&format!("{run} --max-rate 1000"), 1);
    let told = told(&ran.stderr);
    assert!((before..=200).contains(&told), "{told}: {}", ran.stderr);
    let before = place.status()["rows_skipped"].as_i64().unwrap();
    assert!((101..=200).contains(&before), "{before}");
    place.cli.write("second", "").unwrap();
    let line = format!("{run} --max-rate 1000 --metrics-file emails.prom");
    let ended = Process::start(place, &line).wait();
    let view = ended.with(0);
    assert_eq!(
        (&view["rows_changed"], &view["rows_failed"]),
        (&(ROWS / 10 * 9).into(), &0.into())
    );
    let all = Value::from(ROWS / 10);
    assert_eq!(view["rows_skipped"], all);
    let told = ended.progress();
    let told: Vec<_> = told.iter().map(|it| it["rows_skipped"].as_i64()).collect();
    let known = told
        .iter()
        .all(|it| (Some(before)..=Some(ROWS / 10)).contains(it));
    assert!(known && !told.is_empty() && told.is_sorted(), "{told:?}");
    assert_eq!(noted(), ROWS / 10);

    place.says(status, 0, &["rows skipped 300"]);
    place.says(
        &format!("{status} --ranges"),
        0,
        &["refused skipped version"],
    );
    let view = place.json(&format!("{status} --ranges"), 0);
    let ranges = view["ranges"].as_array().unwrap().iter();
    let sum: i64 = ranges.map(|it| it["rows_skipped"].as_i64().unwrap()).sum();
    assert_eq!(sum, ROWS / 10);
    let metrics = place.cli.read("emails.prom").unwrap();
    let line = "switchback_backfill_rows_skipped_total{";
    let line = metrics.lines().find(|it| it.starts_with(line)).unwrap();
    assert!(line.ends_with("} 300"), "{line}");
    place.says(
        "backfill verify emails --env staging",
        0,
        &["holds", "rows skipped 300, as they were then"],
    );
    let report = "backfill report emails --env staging --output found.json";
    place.ends(report, 0);
    let report: Value = serde_json::from_str(&place.cli.read("found.json").unwrap()).unwrap();
    assert_eq!(
        (
            &report["standing"]["rows_skipped"],
            &report["verification"]["skipped"]
        ),
        (&all, &all)
    );

    // Where nothing is skipped nothing is said of it.
    place.undo(0);
    place
        .cli
        .write("backfills/others.toml", crate::place::FILL)
        .unwrap();
    let run = format!("backfill run others --env staging {FREE}");
    assert_eq!(place.json(&run, 0)["rows_skipped"], 0);
    for line in [
        "backfill status others --env staging",
        "backfill status others --env staging --ranges",
        "backfill verify others --env staging",
    ] {
        let said = place.ends(line, 0).stdout;
        assert!(!said.contains("skipped"), "{line}: {said}");
    }

    // Control tables of before are refused with a code.
    if place.is_on_server() {
        place.execute("UPDATE _switchback.backfill_format SET version = 2");
    } else {
        place.execute("UPDATE _switchback_backfill_format SET version = 2");
    }
    for (line, code) in [
        (status, 2),
        ("backfill run emails --env staging", 2),
        ("backfill pause emails --env staging", 2),
    ] {
        place.says(line, code, &["SB0507", "format 2", "knows 3"]);
    }
}
