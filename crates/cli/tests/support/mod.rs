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

pub(crate) mod release;

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

/// Settings with a database on PostgreSQL.
pub(crate) const ON_POSTGRES: &str = r#"schema = 1

[project]
name = "shop"

[ledger]
store = "ledger.db"

[rollback]
window = "36h"

[[component]]
name = "app"

[[environment]]
name = "staging"
database = { engine = "postgres" }
"#;

/// The same with a database in a file.
pub(crate) fn on_sqlite() -> String {
    ON_POSTGRES.replace("\"postgres\"", "\"sqlite\", path = \"staging.db\"")
}

/// Makes the ledger, and plans a change by the command that is given.
pub(crate) fn plan(cli: &Cli, new: &str) {
    for line in ["ledger create", new] {
        let ran = run(cli, line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
    }
}

/// A project whose database has tables that its migrations make, and where the rename of the users'
/// `email_addr` is planned; and the URL of the database.
pub(crate) fn with_rename(tables: &str) -> (Cli, String) {
    let server = switchback_testkit::postgres::server().unwrap();
    let url = server.database().unwrap();
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.batch_execute(tables).unwrap();
    let mut cli = with_settings(ON_POSTGRES);
    cli.set("SWITCHBACK_DATABASE_URL_STAGING", &url);
    cli.write("migrations/0001_users.up.sql", tables).unwrap();
    plan(
        &cli,
        "change new rename-column --table users --from email_addr --to email --id rename",
    );
    (cli, url)
}
