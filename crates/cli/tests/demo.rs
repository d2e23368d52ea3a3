//! The demo as users run it, with fewer customers. It fails by itself if the application ever sees
//! an error or a stale value.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use support::{bad, switchback};
use switchback_testkit::cli::{Cli, Ran};

/// A place for the demo's folder in which nothing else is.
fn with_scratch() -> (Cli, PathBuf) {
    let mut cli = switchback();
    let scratch = cli.home().join("tmp");
    fs::create_dir(&scratch).unwrap();
    cli.set("TMPDIR", &scratch);
    (cli, scratch)
}

fn check(ran: &Ran) {
    let text = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 0, "{text}");
    for said in [
        "SB0301",
        "SB0302",
        "killed with SIGKILL",
        "switchback rollback --env production",
        "switchback ledger verify",
        "SB0202",
    ] {
        assert!(text.contains(said), "no `{said}`: {text}");
    }
}

#[test]
fn the_demo_ends_well_and_leaves_nothing() {
    let (cli, scratch) = with_scratch();
    check(&cli.run(["demo", "--customers", "20000"]).unwrap());
    assert_eq!(
        fs::read_dir(&scratch).unwrap().count(),
        0,
        "its folder is left"
    );
    assert_eq!(
        fs::read_dir(cli.folder()).unwrap().count(),
        0,
        "something is written here"
    );
}

#[test]
fn its_folder_can_be_kept_and_looked_at() {
    let (cli, scratch) = with_scratch();
    let ran = cli.run(["demo", "--customers", "20000", "--keep"]).unwrap();
    check(&ran);
    let kept = fs::read_dir(&scratch)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert!(
        ran.stderr
            .contains(&format!("The folder is kept: {}", kept.display()))
    );
    for line in [
        &["ledger", "verify"][..],
        &["status"],
        &["change", "status"],
    ] {
        let output = cli
            .command(line)
            .current_dir(kept.join("shop"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{line:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn without_a_place_for_its_folder_it_says_so() {
    let (mut cli, _) = with_scratch();
    cli.set("TMPDIR", "/proc/self");
    let error = bad(&cli, "demo", 2);
    assert!(error.starts_with("error[SB0108]"), "{error}");
}
