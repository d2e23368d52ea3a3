//! What tests of releases share.

use std::fs;

use serde_json::Value;
use switchback_testkit::cli::{Cli, Ran};
use switchback_testkit::git::ScratchRepository;

use super::run;

/// A command of a hook that ends whoever started Git, which is the parent of the hook's parent.
pub(crate) const KILL: &str =
    "kill -9 $(ps -o ppid= -p $PPID 2>/dev/null || cut -d' ' -f4 /proc/$PPID/stat)";

/// Makes the ledger of settings that are there.
pub(crate) fn create_ledger(cli: &Cli) {
    fs::create_dir(cli.folder().join(".switchback")).unwrap();
    let made = run(cli, "ledger create");
    assert_eq!(made.code, 0, "{}", made.stderr);
}

/// What the ledger says of release tags.
pub(crate) fn recorded_tags(cli: &Cli) -> Vec<String> {
    let ran = run(cli, "ledger log --format json");
    let log: Value = serde_json::from_str(&ran.stdout).unwrap();
    let events = log["events"].as_array().unwrap();
    let tagged = events.iter().filter(|it| it["kind"] == "release-tagged");
    tagged
        .map(|it| it["what"].as_str().unwrap().to_owned())
        .collect()
}

/// What anybody sees of a repository.
pub(crate) fn state(git: &ScratchRepository) -> String {
    let refs = git.git(&["for-each-ref"]);
    let status = git.git(&["status", "--porcelain"]);
    let diff = git.git(&["diff", "HEAD"]);
    format!("{refs}\n{}\n{status}\n{diff}", git.head())
}

/// That a command is refused with a code, and changes nothing that anybody sees.
#[track_caller]
pub(crate) fn refused(cli: &Cli, git: &ScratchRepository, line: &str, code: &str) -> Ran {
    let before = state(git);
    let ran = run(cli, line);
    assert!(
        ran.stderr.contains(&format!("error[{code}]")),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert!([1, 2].contains(&ran.code), "{}", ran.code);
    assert_eq!(state(git), before);
    ran
}
