//! What the tests of the command line share. Each test file is a crate of its own and uses a part.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "no test file uses everything"
)]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use switchback_testkit::cli::{Cli, Ran};

/// The binary in a fresh folder.
pub(crate) fn switchback() -> Cli {
    Cli::new(env!("CARGO_BIN_EXE_switchback")).unwrap()
}

/// The binary in a fresh folder with settings.
pub(crate) fn with_settings(settings: &str) -> Cli {
    let cli = switchback();
    cli.write("switchback.toml", settings).unwrap();
    cli
}

/// Runs a command line without quotes.
pub(crate) fn run(cli: &Cli, line: &str) -> Ran {
    cli.run(line.split_whitespace()).unwrap()
}

/// Runs a command line that must go well and say nothing on stderr.
pub(crate) fn good(cli: &Cli, line: &str) -> String {
    let ran = run(cli, line);
    assert_eq!((ran.stderr.as_str(), ran.code), ("", 0), "{line}");
    ran.stdout
}

/// Runs a command line that must fail without data; its stderr.
pub(crate) fn bad(cli: &Cli, line: &str, code: i32) -> String {
    let ran = run(cli, line);
    assert_eq!(
        (ran.stdout.as_str(), ran.code),
        ("", code),
        "{line}: {}",
        ran.stderr
    );
    ran.stderr
}

/// Settings that hold everything.
pub(crate) const WHOLE: &str = r#"schema = 1

[project]
name = "shop"

[ledger]
store = "postgresql"

[rollback]
window = "36h"

[[component]]
name = "app"

[[environment]]
name = "staging"
rollback-window = "1h"
database = { engine = "sqlite", path = "staging.db" }
values = { repository = "../gitops", file = "envs/staging/values.yaml" }

[[environment]]
name = "production"
"#;
