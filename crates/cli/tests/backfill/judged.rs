//! Whether what was done is true, and a report of it.

use std::process::Command;

use serde_json::Value;

use crate::on_both;
use crate::place::{Place, ROWS};

on_both!(all_rows_are_looked_at, a_report_is_written_and_recorded,);

fn all_rows_are_looked_at(place: &Place) {
    let verify = "backfill verify emails --env staging";
    place.says(
        verify,
        2,
        &["SB1507", "switchback backfill run emails --env staging"],
    );
    place.fill();
    let found = place.json(verify, 0);
    assert_eq!(found["schema"], "switchback.backfill-verification/v1");
    assert_eq!(
        (&found["rows"], &found["differ"]),
        (&ROWS.into(), &0.into())
    );
    assert_eq!(found["samples"].as_array().unwrap().len(), 5);
    let same = place.json(&format!("{verify} --samples 3 --seed 7"), 0);
    assert_eq!(same["samples"].as_array().unwrap().len(), 3);
    assert_eq!(
        same["samples"],
        place.json(&format!("{verify} --samples 3 --seed 7"), 0)["samples"]
    );
    place.says(
        verify,
        0,
        &[
            "emails in staging: holds",
            "as it should be",
            "all still hold it",
        ],
    );

    place.execute(
        "UPDATE users SET email = 'mine' WHERE id IN (5, 6); DELETE FROM users WHERE id = 7",
    );
    let rows = place.rows();
    place.says(
        verify,
        1,
        &[
            "emails in staging: does not hold",
            "SB1512",
            "2 rows differ",
            "2,997 still hold it",
        ],
    );
    let found = place.json(verify, 1);
    assert_eq!(
        (&found["rows"], &found["differ"]),
        (&(ROWS - 1).into(), &2.into())
    );
    // Nothing was changed.
    assert_eq!(place.rows(), rows);
    assert_eq!(place.status()["status"], "done");
    // After an undo no row needs to have it, and nobody may think that it has.
    place.undo(1);
    let said = place.says(
        verify,
        0,
        &["emails in staging: undone, so no row needs to have"],
    );
    assert!(
        !said.contains("should be") && !said.contains("holds"),
        "{said}"
    );
    let found = place.json(verify, 0);
    assert_eq!(
        (&found["holds"], &found["undone"]),
        (&false.into(), &true.into())
    );
    let written = place.json("backfill report emails --env staging", 0);
    assert_eq!(written["holds"], false);
}

fn digest(path: &std::path::Path) -> String {
    let said = Command::new("sha256sum").arg(path).output().unwrap();
    assert!(said.status.success());
    String::from_utf8(said.stdout).unwrap()[..64].to_owned()
}

fn a_report_is_written_and_recorded(place: &Place) {
    let report = "backfill report emails --env staging";
    place.says(report, 2, &["SB1507"]);
    place.fill();
    let written = place.json(report, 0);
    assert_eq!(written["schema"], "switchback.backfill-report-written/v1");
    let file = written["file"].as_str().unwrap();
    assert!(
        file.starts_with(".switchback/reports/staging-emails-"),
        "{file}"
    );
    let path = place.cli.folder().join(file);
    let document: Value = serde_json::from_str(&place.cli.read(file).unwrap()).unwrap();
    assert_eq!(document["schema"], "switchback.backfill-report/v1");
    assert_eq!(
        (&document["holds"], &document["standing"]["rows_changed"]),
        (&true.into(), &ROWS.into())
    );
    assert_eq!(document["definition"]["table"], "users");
    let sum = digest(&path);
    assert_eq!(written["digest"], format!("sha256:{sum}"));
    let recorded = || place.run("ledger log --format json").stdout;
    let log = recorded();
    assert!(
        log.contains("backfill-verified") && log.contains(&sum),
        "{log}"
    );

    // One that says that it does not hold is written and recorded too.
    place.execute("UPDATE users SET email = 'mine' WHERE id = 5");
    place.says(
        &format!("{report} --output found.json"),
        1,
        &["wrote found.json", "SB1512", "1 row differs"],
    );
    let document: Value = serde_json::from_str(&place.cli.read("found.json").unwrap()).unwrap();
    assert_eq!(
        (&document["holds"], &document["verification"]["differ"]),
        (&false.into(), &1.into())
    );
    let log = recorded();
    let sum = digest(&place.cli.folder().join("found.json"));
    assert!(log.contains(&sum) && log.contains("does not hold"), "{log}");
}
