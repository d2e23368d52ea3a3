//! `switchback check`: formats, exit codes, choices, and what each tool's folder is found by.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use std::fs;

use serde_json::Value;
use support::{run, switchback, with_settings};
use switchback_testkit::cli::Cli;

/// A shop whose second migration has an error (SB1004), a warning (SB1009) and what can be fixed.
fn shop() -> Cli {
    let cli = switchback();
    fill(&cli);
    cli
}

fn fill(cli: &Cli) {
    cli.write(
        "migrations/20240101000000_users.sql",
        "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
    )
    .unwrap();
    cli.write(
        "migrations/20240201000000_index.sql",
        "-- Faster logins.\nCREATE INDEX users_email ON users (email);\n",
    )
    .unwrap();
    cli.write(
        "Cargo.toml",
        "[dependencies]\nsqlx = { version = \"0.8\", features = [\"postgres\"] }\n",
    )
    .unwrap();
}

fn json(cli: &Cli, line: &str) -> Value {
    let ran = run(cli, &format!("{line} --format json"));
    serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|_| panic!("{line}: {} {}", ran.stdout, ran.stderr))
}

/// The codes that were found, in order.
fn codes(value: &Value) -> Vec<String> {
    let found = value["findings"].as_array().unwrap();
    found
        .iter()
        .map(|it| it["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn findings_are_data_and_end_the_run() {
    let cli = shop();
    let ran = run(&cli, "check");
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{}", ran.stdout);
    let file = "migrations/20240201000000_index.sql";
    assert!(
        ran.stdout.starts_with(&format!("{file}  2 findings\n\n")),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains(&format!(
            "\n --> {file}:2:1\n  |\n2 | CREATE INDEX users_email ON users (email);\n"
        )),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("error[SB1004]") && ran.stdout.contains("warning[SB1009]"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("\nchecked migrations (sqlx, PostgreSQL): 2 migrations\n"),
        "{}",
        ran.stdout
    );
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("2 findings in 1 of 2 migrations (1 error, 1 warning); "),
        "{last}"
    );
    assert!(last.contains(" fixable with --fix"), "{last}");
}

#[test]
fn a_code_is_explained_once() {
    let cli = shop();
    for at in 3..60 {
        cli.write(
            format!("migrations/202403010000{at:02}_index.sql"),
            format!("SET lock_timeout = '1s';\nCREATE INDEX users_{at} ON users (email, id);\n"),
        )
        .unwrap();
    }
    let ran = run(&cli, "check --only SB1004");
    assert_eq!(
        ran.stdout.matches("error[SB1004]").count(),
        58,
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.stdout
            .matches("explain: switchback explain SB1004")
            .count(),
        1
    );
}

#[test]
fn the_json_document_has_everything() {
    let cli = shop();
    let value = json(&cli, "check");
    assert_eq!(value["schema"], "switchback.check/v1");
    assert_eq!(value["exit"], 1);
    assert_eq!(codes(&value), ["SB1004", "SB1009"]);
    let first = &value["findings"][0];
    assert_eq!(
        (&first["slug"], &first["severity"], &first["file"]),
        (
            &"index-blocks-writes".into(),
            &"error".into(),
            &"migrations/20240201000000_index.sql".into()
        )
    );
    assert_eq!(
        (&first["line"], &first["column"], &first["end_line"]),
        (&2.into(), &1.into(), &2.into())
    );
    assert_eq!(first["table"], "public.users");
    assert!(first["message"].as_str().is_some() && !first["safer"].as_array().unwrap().is_empty());
    assert!(first["fixable"].is_boolean() && first["help"] == "switchback explain SB1004");
    let folder = &value["folders"][0];
    assert_eq!(
        (
            &folder["path"],
            &folder["tool"],
            &folder["engine"],
            &folder["migrations"],
            &folder["judged"]
        ),
        (
            &"migrations".into(),
            &"sqlx".into(),
            &"postgres".into(),
            &2.into(),
            &2.into()
        )
    );
    assert_eq!(value["summary"]["errors"], 1);
}

#[test]
fn the_other_formats_parse() {
    let cli = shop();
    let ran = run(&cli, "check --format sarif");
    let log: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &log["version"]), (1, &"2.1.0".into()));
    let result = &log["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(
        (&result["ruleId"], place),
        (
            &"SB1004".into(),
            &"migrations/20240201000000_index.sql".into()
        )
    );
    assert!(
        ran.stderr.starts_with("2 findings in 1 of 2 migrations"),
        "{}",
        ran.stderr
    );

    let ran = run(&cli, "check --format github");
    let first = ran.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("::error file=migrations/20240201000000_index.sql,line=2,col=1,"),
        "{first}"
    );

    let ran = run(&cli, "check --format junit");
    assert!(ran.stdout.starts_with("<?xml "), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("<testsuite name=\"migrations/20240101000000_users.sql\""),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("failures=\"1\""), "{}", ran.stdout);
}

#[test]
fn forges_get_paths_from_the_top_of_the_repository() {
    let cli = switchback();
    fs::create_dir_all(cli.folder().join(".git")).unwrap();
    cli.write("svc/migrations/1_a.up.sql", "SELEC 1;\n")
        .unwrap();
    cli.write("svc/migrations/1_a.down.sql", "SELECT 1;\n")
        .unwrap();
    let inside = |arguments: &[&str]| {
        let mut command = cli.command(arguments);
        let output = command
            .current_dir(cli.folder().join("svc"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(inside(&["check"]).contains(" --> migrations/1_a.up.sql:1:1"));
    assert!(inside(&["check", "--format", "github"]).contains("file=svc/migrations/1_a.up.sql,"));
    assert!(inside(&["check", "--format", "sarif"]).contains("\"svc/migrations/1_a.up.sql\""));
    assert!(inside(&["check", "../svc"]).contains(" --> migrations/1_a.up.sql:1:1"));
}

#[test]
fn only_what_finds_something_has_formats_for_findings() {
    let cli = shop();
    for format in ["sarif", "github", "junit"] {
        let ran = run(&cli, &format!("explain SB0103 --format {format}"));
        assert_eq!((ran.stdout.as_str(), ran.code), ("", 2));
        let says = format!(
            "error[SB0109]: `--format {format}` is for findings, and only `check` and `contract diff` \
             have some\n"
        );
        assert!(ran.stderr.starts_with(&says), "{}", ran.stderr);
    }
}

#[test]
fn a_report_goes_into_a_file_and_a_summary_to_stderr() {
    let cli = shop();
    let ran = run(&cli, "check --format sarif --output out.sarif");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.starts_with("2 findings in 1 of 2 migrations"),
        "{}",
        ran.stderr
    );
    let log: Value = serde_json::from_str(&cli.read("out.sarif").unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 2);
    // Again, over the old one; and where it cannot be.
    assert_eq!(run(&cli, "check --output out.sarif").code, 1);
    assert!(cli.read("out.sarif").unwrap().starts_with("migrations/"));
    let ran = run(&cli, "check --output missing/out");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("error[SB0108]"), "{}", ran.stderr);
    assert_eq!(run(&cli, "check --output /dev/null").code, 1);
}

#[test]
fn levels_decide_what_fails() {
    let cli = shop();
    for (line, code, found) in [
        ("check --level SB1004=warning", 0, 2),
        ("check --level index-blocks-writes=off", 0, 1),
        (
            "check --level index-blocks-writes=off --fail-on warning",
            1,
            1,
        ),
        (
            "check --level SB1004=note --level SB1009=note --fail-on note",
            1,
            2,
        ),
        ("check --only SB1009", 0, 1),
        ("check --only SB1009 --only SB1004", 1, 2),
        ("check --only drop-column", 0, 0),
        ("check --engine sqlite", 0, 0),
    ] {
        let value = json(&cli, line);
        assert_eq!(
            (&value["exit"], codes(&value).len()),
            (&code.into(), found),
            "{line}: {value}"
        );
        assert_eq!(run(&cli, line).code, code, "{line}");
    }
    for line in [
        "check --level SB1004",
        "check --level SB1004=loud",
        "check --level nonsense=off",
        "check --only SB0101",
        "check --postgres-version 9",
        "check --engine oracle",
        "check --dry-run",
        "check --fix --write-baseline",
        "check --stdin-name a.sql migrations",
        "check nowhere",
    ] {
        let ran = run(&cli, line);
        assert_eq!(
            (ran.stdout.as_str(), ran.code),
            ("", 2),
            "{line}: {}",
            ran.stderr
        );
    }
}

#[test]
fn settings_decide_too_and_flags_come_first() {
    let head = "schema = 1\n[project]\nname = \"shop\"\n";
    let cli = with_settings(&format!(
        "{head}[check]\nlevels = {{ index-blocks-writes = \"warning\" }}\nexclude = [\"old/\"]\n"
    ));
    fill(&cli);
    cli.write("old/migrations/1_x.up.sql", "SELEC 1;").unwrap();
    assert_eq!(run(&cli, "check").code, 0);
    assert_eq!(json(&cli, "check")["folders"].as_array().unwrap().len(), 1);
    assert_eq!(run(&cli, "check --fail-on warning").code, 1);
    assert_eq!(run(&cli, "check --level SB1004=error").code, 1);
    let shown = run(&cli, "config show").stdout;
    assert!(
        shown.contains("check.levels.index-blocks-writes  warning"),
        "{shown}"
    );

    cli.write(
        "switchback.toml",
        format!("{head}[migrations]\napplied-until = \"20240201000000\"\n"),
    )
    .unwrap();
    let value = json(&cli, "check");
    assert_eq!(
        (&value["exit"], &value["summary"]["judged"]),
        (&0.into(), &0.into()),
        "{value}"
    );

    cli.write("odd/b.sql", "SELEC 1;\n").unwrap();
    let odd = "[[migrations.folder]]\npath = \"odd\"\ntool = \"plain\"\nengine = \"postgres\"\n";
    cli.write("switchback.toml", format!("{head}{odd}"))
        .unwrap();
    assert_eq!(
        json(&cli, "check")["folders"].as_array().unwrap().len(),
        3,
        "{}",
        json(&cli, "check")
    );

    for (wrong, says) in [
        (
            "[check]\nlevels = { drop-colum = \"off\" }\n",
            "did you mean `drop-column`?",
        ),
        (
            "[check]\nlevels = { drop-column = \"loud\" }\n",
            "unknown variant",
        ),
        ("[check]\nexclude = [\"[z-a]\"]\n", "no pattern"),
        ("[check]\nfail_on = \"error\"\n", "did you mean `fail-on`?"),
        ("[migrations]\npostgres-version = 9\n", "the oldest is 12"),
        (
            "[[migrations.folder]]\npath = \"x\"\ntool = \"sqlxx\"\n",
            "is not a tool",
        ),
        (
            "[[migrations.folder]]\npath = \"nowhere\"\n",
            "names a folder of migrations that cannot be read",
        ),
    ] {
        cli.write("switchback.toml", format!("{head}{wrong}"))
            .unwrap();
        let ran = run(&cli, "check");
        assert_eq!(ran.code, 2, "{wrong}");
        assert!(ran.stderr.contains(says), "{wrong}: {}", ran.stderr);
    }
}

#[test]
fn nothing_to_check_says_where_it_looked() {
    let cli = switchback();
    cli.write("src/main.rs", "fn main() {}\n").unwrap();
    let ran = run(&cli, "check");
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(
        ran.stderr.contains("no migrations were found in ")
            && ran.stderr.contains("[[migrations.folder]]"),
        "{}",
        ran.stderr
    );
    let value = json(&cli, "check");
    assert_eq!(
        (&value["exit"], &value["folders"]),
        (&3.into(), &Value::Array(Vec::new()))
    );
    // What is found beside migrations counts all the same.
    cli.write("Dockerfile", "FROM x\nCMD alembic upgrade head && serve\n")
        .unwrap();
    assert_eq!(codes(&json(&cli, "check")), ["SB1402"]);
    assert_eq!(run(&cli, "check --fail-on warning").code, 1);
}

#[test]
fn each_tool_is_found() {
    let up = "CREATE TABLE a (id bigint PRIMARY KEY);\n";
    for (tool, files) in [
        (
            "sqlx",
            &[
                ("migrations/20240101000000_a.up.sql", up),
                ("migrations/20240101000000_a.down.sql", "DROP TABLE a;\n"),
                ("Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n"),
            ][..],
        ),
        (
            "diesel",
            &[
                ("migrations/2024-01-01-000000_a/up.sql", up),
                ("migrations/2024-01-01-000000_a/down.sql", "DROP TABLE a;\n"),
            ],
        ),
        (
            "golang-migrate",
            &[
                ("db/migrations/000001_a.up.sql", up),
                ("db/migrations/000001_a.down.sql", "DROP TABLE a;\n"),
                (
                    "go.mod",
                    "require github.com/golang-migrate/migrate/v4 v4.17.0\n",
                ),
            ],
        ),
        (
            "dbmate",
            &[(
                "db/migrations/20240101000000_a.sql",
                "-- migrate:up\nCREATE TABLE a (id bigint);\n-- migrate:down\nDROP TABLE a;\n",
            )],
        ),
        (
            "goose",
            &[(
                "migrations/00001_a.sql",
                "-- +goose Up\nCREATE TABLE a (id bigint);\n-- +goose Down\nDROP TABLE a;\n",
            )],
        ),
        (
            "flyway",
            &[
                ("src/main/resources/db/migration/V1__a.sql", up),
                (
                    "src/main/resources/db/migration/R__v.sql",
                    "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;\n",
                ),
            ],
        ),
        (
            "prisma",
            &[
                ("prisma/migrations/20240101000000_a/migration.sql", up),
                (
                    "prisma/migrations/migration_lock.toml",
                    "provider = \"postgresql\"\n",
                ),
            ],
        ),
    ] {
        let cli = switchback();
        for (path, text) in files {
            cli.write(path, text).unwrap();
        }
        let value = json(&cli, "check");
        assert_eq!(value["folders"][0]["tool"], tool, "{value}");
        assert!(
            value["folders"][0]["migrations"].as_u64().unwrap() >= 1,
            "{value}"
        );
        assert_ne!(value["exit"], 3, "{tool}");
    }
}

#[test]
fn rules_are_listed_as_they_are_in_effect() {
    let cli = switchback();
    let list = run(&cli, "check --list-rules --level SB1004=off");
    assert_eq!((list.code, list.stderr.as_str()), (0, ""));
    let line = list
        .stdout
        .lines()
        .find(|line| line.starts_with("SB1004"))
        .unwrap();
    assert!(
        line.contains("index-blocks-writes") && line.contains("  off  "),
        "{line}"
    );
    let value: Value =
        serde_json::from_str(&run(&cli, "check --list-rules --format json").stdout).unwrap();
    assert_eq!(value["schema"], "switchback.check-rules/v1");
    assert!(value["rules"].as_array().unwrap().len() > 20);
}
