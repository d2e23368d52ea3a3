//! What rows get is said by a program of the work tree.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::on_both;
use crate::place::{FREE, Place, ROWS, oracle};

on_both!(
    a_program_says_what_rows_get,
    a_program_that_does_not_do_its_part_has_a_code,
);

/// Leaves a mark that it ran, and says what it sees of its surroundings.
const FILL: &str = r#"#!/usr/bin/perl -n
BEGIN {
    $| = 1;
    open my $mark, ">>", "ran"; print $mark "x";
    print STDERR "url: ", $ENV{SWITCHBACK_DATABASE_URL_STAGING} // "hidden", ", $ARGV[0]\n"; shift;
    print qq({"protocol":"switchback.rows/v1"}\n);
}
if (/"row":(\d+),"key":\{"id":\d+\},"columns":\{"name":"([^"]*)"/) {
    my $email = lc($2) . '@example.org';
    print qq({"row":$1,"set":{"email":"$email"}}\n);
}
"#;

fn write(place: &Place, name: &str, script: &str) {
    place.cli.write(name, script).unwrap();
    let path = place.cli.folder().join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

const ONLY: &str = "email IS NULL OR email NOT LIKE '%@example.org'";

fn a_program_says_what_rows_get(place: &Place) {
    let original = place.rows();
    write(place, "tools/fill", FILL);
    // The shell of the test does not know quotes.
    let text = format!(
        "schema = \"switchback.backfill/v1\"\ntable = \"users\"\nonly = \"{ONLY}\"\n[program]\n\
         columns = [\"email\"]\nreads = [\"name\"]\ncommand = [\"tools/fill\", \"$HOME *\"]\n"
    );
    place.cli.write("backfills/emails.toml", text).unwrap();
    place.says(
        "backfill plan emails --env staging",
        0,
        &["by program tools/fill $HOME *", "which was not run"],
    );
    place.ends("backfill run emails --env staging --dry-run", 0);
    let ran = place.cli.folder().join("ran");
    assert!(!ran.exists(), "it is only told");
    let said = place.says(
        &format!("backfill run emails --env staging {FREE}"),
        0,
        &["done", "the program says: url: hidden, $HOME *"],
    );
    assert_eq!(place.rows(), oracle(&original), "{said}");
    assert_eq!(fs::read_to_string(&ran).unwrap(), "x");
    place.says("backfill verify emails --env staging", 0, &["holds"]);
    assert_eq!(fs::read_to_string(&ran).unwrap(), "x");
    place.undo(0);
    assert_eq!(place.rows(), original);
    // It is written by a command too.
    let line = "backfill new other --table users --program tools/fill --columns email --reads name";
    place.says(line, 2, &["--where"]);
    place.ends(&format!("{line} --where true"), 0);
    let written = fs::read_to_string(place.cli.folder().join("backfills/other.toml")).unwrap();
    assert!(written.contains("command = [\"tools/fill\"]"), "{written}");
    // A program that gives what is not done is found out.
    place.says(
        &format!("backfill run other --env staging --most-errors 5 {FREE}"),
        1,
        &["SB1511", "it would still meet `only`"],
    );
    assert_eq!(place.rows(), original);
}

fn a_program_that_does_not_do_its_part_has_a_code(place: &Place) {
    let original = place.rows();
    let welcome = "#!/bin/sh\nread -r hello; echo '{\"protocol\":\"switchback.rows/v1\"}'";
    for (script, code, parts) in [
        (None, 2, ["SB1530", "cannot be started"]),
        (
            Some("echo lost >&2; exit 7"),
            1,
            ["SB1531", "on its standard error: lost"],
        ),
        (Some("echo hm"), 1, ["SB1532", "it said: hm"]),
        (Some("sleep 100"), 1, ["SB1533", "has said nothing for 1 s"]),
    ] {
        if let Some(script) = script {
            write(place, "tools/it", &format!("{welcome}\n{script}\n"));
        }
        let text = format!(
            "schema = \"switchback.backfill/v1\"\ntable = \"users\"\nonly = \"{ONLY}\"\n[program]\n\
             columns = [\"email\"]\nreads = [\"name\"]\ncommand = [\"tools/it\"]\n"
        );
        place.cli.write("backfills/emails.toml", text).unwrap();
        let line = format!("backfill run emails --env staging --program-timeout 1 {FREE}");
        place.says(&line, code, &parts);
        assert_eq!(place.leased(), 0, "others need not wait");
        assert_eq!(place.status()["status"], "running");
    }
    assert_eq!(place.rows(), original);
    // Mended, the same command goes on.
    write(place, "tools/it", FILL);
    let line = format!("backfill run emails --env staging {FREE}");
    assert_eq!(place.json(&line, 0)["rows_changed"], ROWS);
    assert_eq!(place.rows(), oracle(&original));
}
