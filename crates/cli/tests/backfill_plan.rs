//! `backfill new` and `backfill plan` through the binary, on PostgreSQL and SQLite.
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

mod support;

use postgres::{Client, NoTls};
use serde_json::Value;
use support::{ON_POSTGRES, bad, on_sqlite, run, with_settings};
use switchback_testkit::cli::{Cli, Ran};

const TABLES: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text);
    CREATE INDEX users_name ON users (name);
    INSERT INTO users SELECT i, 'User ' || i, NULL FROM generate_series(1, 3000) AS i;
    CREATE TABLE log (line text, level text);
    CREATE SCHEMA other;
    CREATE TABLE other.\"Odd \"\"Table\" (id int, part text, \"from\" text, PRIMARY KEY (part, id));
    ANALYZE;";

/// A folder with settings for a database with these tables; and its address.
fn on_server(tables: &str) -> (Cli, String) {
    let server = switchback_testkit::postgres::server().unwrap();
    let url = server.database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(tables).unwrap();
    let mut cli = with_settings(ON_POSTGRES);
    cli.set("SWITCHBACK_DATABASE_URL_STAGING", &url);
    (cli, url)
}

fn in_file(tables: &str) -> Cli {
    let cli = with_settings(&on_sqlite());
    let file = rusqlite::Connection::open(cli.folder().join("staging.db")).unwrap();
    file.execute_batch(tables).unwrap();
    cli
}

fn new(cli: &Cli, arguments: &[&str]) -> Ran {
    cli.run(["backfill", "new"].iter().chain(arguments))
        .unwrap()
}

/// What a plan shows; it proposes to do just that.
fn planned(cli: &Cli, id: &str, flags: &str, format: &str) -> String {
    let ran = run(
        cli,
        &format!("backfill plan {id} --env staging{flags}{format}"),
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let command = format!("switchback backfill run {id} --env staging{flags}");
    let said = if format.is_empty() {
        format!("next: do it: {command}\n")
    } else {
        let note: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(note["command"], command.as_str());
        ran.stderr.clone()
    };
    assert_eq!(ran.stderr, said);
    ran.stdout
}

fn plan(cli: &Cli, id: &str) -> Value {
    let text = planned(cli, id, "", " --format json");
    let view: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(view["schema"], "switchback.backfill-plan/v1");
    view
}

const WHOLE: &str = "schema = \"switchback.backfill/v1\"
title = \"Emails for all\"
table = \"users\"
only = \"email IS NULL\"
keep-undo = true

[set]
email = \"lower(name) || '@example.org'\"
";

#[test]
fn a_file_is_written_once_and_planned() {
    let (cli, _) = on_server(TABLES);
    let arguments = [
        "emails",
        "--table",
        "users",
        "--set",
        "email = lower(name) || '@example.org'",
        "--where",
        "email IS NULL",
        "--title",
        "Emails for all",
    ];
    let dry = new(&cli, &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, dry.stderr.as_str()), (0, ""));
    assert!(dry.stdout.ends_with(WHOLE), "{}", dry.stdout);
    assert!(!cli.folder().join("backfills").exists());

    let ran = new(&cli, &arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "wrote backfills/emails.toml\n");
    assert!(
        ran.stderr
            .contains("switchback backfill plan emails --env staging"),
        "{}",
        ran.stderr
    );
    assert_eq!(cli.read("backfills/emails.toml").unwrap(), WHOLE);
    let again = new(&cli, &arguments);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("error[SB0111]"), "{}", again.stderr);
    assert_eq!(cli.read("backfills/emails.toml").unwrap(), WHOLE);

    let shown = planned(&cli, "emails", "", "");
    for part in [
        "Emails for all, in staging\n",
        "public.users, 3,000 rows, ",
        "  sets   email = lower(name) || '@example.org'\n",
        "  rows   email IS NULL\n",
        "former values are kept",
        "2 indexes",
        "\nAbout what it costs\n",
        "  rows changed        3,000\n",
        "\nA batch\n  UPDATE public.users\n  SET email = (lower(name) || '@example.org')\n",
        "    AND (email IS NULL)\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let view = plan(&cli, "emails");
    // The version decides; see the tests of the chooser.
    let by_place = view["strategy"] == "strided";
    assert!(by_place || view["strategy"] == "key-range", "{view}");
    assert_eq!(view["passes"].is_u64(), by_place);
    assert_eq!(view["table"]["key"], serde_json::json!(["id"]));
    assert_eq!(view["estimate"]["rows"], 3000);
    assert!(view["reasons"].as_array().is_some_and(|it| !it.is_empty()));
}

/// What was planned is what the file, the table and the flags say.
#[test]
fn plans_follow_the_table() {
    let (cli, url) = on_server(TABLES);
    let mut client = Client::connect(&url, NoTls).unwrap();
    cli.write("backfills/emails.toml", WHOLE).unwrap();
    client
        .batch_execute("CREATE INDEX by_email ON users (email)")
        .unwrap();
    let view = plan(&cli, "emails");
    let said = view["warnings"].to_string();
    assert!(said.contains("by_email"), "{said}");
    if view["strategy"] != "key-range" {
        assert_eq!(view["strategy"], "plain");
        let flags = " --strategy strided --passes 4";
        let forced = planned(&cli, "emails", flags, " --format json");
        let forced: Value = serde_json::from_str(&forced).unwrap();
        assert_eq!(
            (&forced["strategy"], &forced["passes"]),
            (&"strided".into(), &4.into())
        );
        assert_eq!(forced["reasons"][0], "It was asked for.");
    }
    let odd = [
        "odd",
        "--table",
        "other.\"Odd \"\"Table\"",
        "--set",
        "from=part || id",
        "--no-undo",
    ];
    assert_eq!(new(&cli, &odd).code, 0);
    let view = plan(&cli, "odd");
    assert_eq!(view["table"]["name"], "other.\"Odd \"\"Table\"");
    assert_eq!(view["table"]["key"], serde_json::json!(["part", "id"]));
    assert_eq!(view["keep_undo"], false);
    assert!(
        view["batch"]
            .as_str()
            .is_some_and(|it| it.contains("SET \"from\" = (part || id)"))
    );
}

#[test]
fn what_cannot_be_done_has_a_code() {
    let (cli, url) = on_server(TABLES);
    let file = |table: &str, set: &str| {
        let text =
            format!("schema = \"switchback.backfill/v1\"\ntable = '''{table}'''\n[set]\n{set}\n");
        cli.write("backfills/it.toml", text).unwrap();
    };
    let refused = |code: &str, part: &str| {
        let ran = run(&cli, "backfill plan it --env staging");
        assert_eq!(
            (ran.stdout.as_str(), ran.code),
            ("", 1),
            "{part}: {}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains(&format!("error[{code}]")),
            "{}",
            ran.stderr
        );
        let one_line = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(one_line.contains(part), "{part}: {one_line}");
    };
    for (table, set, code, part) in [
        ("nowhere", "a = '1'", "SB1503", "no table `nowhere`"),
        ("users; DROP TABLE users", "a = '1'", "SB1503", "no table"),
        ("users", "fax = '1'", "SB1503", "no column `fax`"),
        (
            "users",
            "email = 'lower(fax)'",
            "SB1503",
            "\"fax\" does not exist",
        ),
        (
            "users",
            "email = \"'x'); DROP TABLE users; --\"",
            "SB1503",
            "syntax error",
        ),
        (
            "users",
            "email = \"now()::text\"",
            "SB1506",
            "another value each time",
        ),
        (
            "log",
            "level = \"'info'\"",
            "SB1504",
            "neither a primary key",
        ),
    ] {
        file(table, set);
        refused(code, part);
    }
    file("other.\"Odd \"\"Table\"", "\"from\" = \"'x'\"");
    let ran = run(
        &cli,
        "backfill plan it --env staging --strategy strided --passes 1",
    );
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let ran = run(
        &cli,
        "backfill plan it --env staging --strategy plain --passes 4",
    );
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    // Nothing of all that was run.
    let mut client = Client::connect(&url, NoTls).unwrap();
    let row = client.query_one("SELECT count(*) FROM users", &[]).unwrap();
    assert_eq!(row.get::<_, i64>(0), 3000);
}

#[test]
fn a_role_that_may_not_is_told_what_it_needs() {
    let (mut cli, url) = on_server(TABLES);
    let mut client = Client::connect(&url, NoTls).unwrap();
    let role = format!("plan_only_{}", std::process::id());
    client
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT ON users TO {role}"
        ))
        .unwrap();
    let mark = if url.contains('?') { '&' } else { '?' };
    cli.set(
        "SWITCHBACK_DATABASE_URL_STAGING",
        format!("{url}{mark}options=-c%20role%3D{role}"),
    );
    cli.write("backfills/emails.toml", WHOLE).unwrap();
    let said = bad(&cli, "backfill plan emails --env staging", 2);
    assert!(said.contains("error[SB0509]"), "{said}");
    assert!(
        said.contains("GRANT SELECT, UPDATE ON public.users"),
        "{said}"
    );
}

#[test]
fn rows_of_a_file_are_walked_by_row_id() {
    let cli = in_file(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
         CREATE INDEX by_email ON users (lower(email));
         CREATE TABLE pairs (a INT, b INT, c INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE VIEW seen AS SELECT * FROM users;
         INSERT INTO users (name) VALUES ('A'), ('B');",
    );
    cli.write("backfills/emails.toml", WHOLE).unwrap();
    let view = plan(&cli, "emails");
    assert_eq!(view["strategy"], "key-range");
    assert_eq!(view["table"]["rows"], 2);
    assert_eq!(view["table"]["key"], serde_json::json!(["rowid"]));
    assert!(view["warnings"].to_string().contains("by_email"), "{view}");
    let shown = planned(&cli, "emails", "", "");
    assert!(
        shown.contains("WHERE \"rowid\" > :last AND \"rowid\" <= :next"),
        "{shown}"
    );
    // Without row ids they are walked by the key.
    let pairs = WHOLE
        .replace("users", "pairs")
        .replace("email", "c")
        .replace("name", "b");
    cli.write("backfills/pairs.toml", pairs).unwrap();
    assert_eq!(
        plan(&cli, "pairs")["table"]["key"],
        serde_json::json!(["a", "b"])
    );
    for (table, set, part) in [
        ("nowhere", "a = '1'", "no table `nowhere`"),
        ("users", "fax = '1'", "no column `fax`"),
        ("users", "email = 'lower(fax)'", "no column `fax`"),
        ("users", "email = '?1'", "parameter"),
        (
            "users",
            "email = 'lower(name'",
            "what `email` gets is no SQL",
        ),
        (
            "users",
            "email = 'nowhere(name)'",
            "no such function: nowhere",
        ),
        ("users", "id = '1'", "`id` cannot be written"),
        ("pairs", "a = '1'", "`a` cannot be written"),
        ("seen", "name = '1'", "not a table that stores rows"),
    ] {
        let text =
            format!("schema = \"switchback.backfill/v1\"\ntable = '{table}'\n[set]\n{set}\n");
        cli.write("backfills/it.toml", text).unwrap();
        let said = bad(&cli, "backfill plan it --env staging", 1);
        assert!(
            said.contains("error[SB1503]") && said.contains(part),
            "{part}: {said}"
        );
    }
    let said = bad(
        &cli,
        "backfill plan emails --env staging --strategy plain",
        1,
    );
    assert!(said.contains("error[SB1505]"), "{said}");
}

#[test]
fn files_that_are_none_are_said_with_their_place() {
    let cli = in_file("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)");
    let at = |id: &str| bad(&cli, &format!("backfill plan {id} --env staging"), 2);
    assert!(at("it").contains("error[SB1501]"));
    for hostile in [
        "../x",
        "..",
        "/etc/passwd",
        "a/B",
        "It",
        "\u{1b}[31m",
        "x.toml",
    ] {
        let ran = cli
            .run(["backfill", "plan", hostile, "--env", "staging"])
            .unwrap();
        assert_eq!((ran.stdout.as_str(), ran.code), ("", 2), "{hostile}");
        assert!(
            ran.stderr.contains("error[SB1501]"),
            "{hostile}: {}",
            ran.stderr
        );
        assert!(!ran.stderr.contains('\u{1b}'), "{hostile}");
        let ran = new(&cli, &[hostile, "--table", "t", "--set", "a=1"]);
        // The last one is a fine name.
        let code = if hostile == "x.toml" { 0 } else { 2 };
        assert_eq!(ran.code, code, "{hostile}: {}", ran.stderr);
    }
    cli.write("backfills/emails.toml", WHOLE).unwrap();
    assert!(at("emials").contains("did you mean `emails`?"));

    let wrong = WHOLE.replace("only =", "where =");
    cli.write("backfills/it.toml", wrong).unwrap();
    let said = at("it");
    assert!(
        said.contains("backfills/it.toml:4:1") && said.contains("unknown field `where`"),
        "{said}"
    );
    for (text, part) in [
        ("", "missing field"),
        (
            "schema = \"switchback.backfill/v2\"\ntable = \"t\"\n",
            "newer version",
        ),
        (
            "schema = \"switchback.backfill/v1\"\ntable = \"t\"\n",
            "at least one column",
        ),
        (
            "schema = \"switchback.backfill/v1\"\ntable = \" \"\n[set]\na = \"1\"",
            "must name a table",
        ),
        (
            "schema = \"switchback.backfill/v1\"\ntable = \"t\"\n[set]\na = \" \"",
            "SQL expression",
        ),
        (
            "schema = \"switchback.backfill/v1\"\ntable = \"t\"\n[set]\na = 1",
            "it.toml:4:5",
        ),
        (
            "schema = \"switchback.backfill/v1\"\ntable = \"t\"\ntable = \"u\"",
            "duplicate key",
        ),
    ] {
        cli.write("backfills/it.toml", text).unwrap();
        let said = at("it");
        assert!(
            said.contains("error[SB1502]") && said.contains(part),
            "{part}: {said}"
        );
    }
    cli.write("backfills/it.toml", [0x66, 0xff, 0xfe]).unwrap();
    assert!(at("it").contains("is not text in UTF-8"));
    cli.write("backfills/it.toml", "#".repeat((1 << 20) + 1))
        .unwrap();
    assert!(at("it").contains("is larger than"));
    cli.write(
        "backfills/deep.toml",
        format!("a = {}", "[".repeat(100_000)),
    )
    .unwrap();
    assert!(at("deep").contains("error[SB1502]"));
    // A folder with the name of a file is no backfill.
    cli.write("backfills/folder.toml/x", "").unwrap();
    assert!(at("folder").contains("error[SB1501]"));
    assert!(bad(&cli, "backfill plan emails --env stagign", 2).contains("error[SB0106]"));
}

#[test]
fn a_file_that_could_not_be_read_is_not_written() {
    let cli = in_file("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)");
    for arguments in [
        &["it", "--table", "t"][..],
        &["it", "--set", "a=1"],
        &["it", "--table", " ", "--set", "a=1"],
        &["it", "--table", "t", "--set", "a"],
        &["it", "--table", "t", "--set", "=1"],
        &["it", "--table", "t", "--set", "a= "],
        &["it", "--table", "t", "--set", "a=1", "--set", "a=2"],
    ] {
        let ran = new(&cli, arguments);
        assert_eq!((ran.stdout.as_str(), ran.code), ("", 2), "{arguments:?}");
        assert!(ran.stderr.contains("SB0109"), "{}", ran.stderr);
    }
    assert!(!cli.folder().join("backfills").exists());
    // What is odd comes back as it was typed.
    let odd = "x'\"\\\n\u{1}ü = '''";
    let ran = new(
        &cli,
        &[
            "it",
            "--table",
            odd,
            "--set",
            &format!("a={odd}"),
            "--where",
            odd,
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let read: toml::Table = cli.read("backfills/it.toml").unwrap().parse().unwrap();
    assert_eq!(read["table"].as_str(), Some(odd));
    assert_eq!(read["only"].as_str(), Some(odd));
    assert_eq!(read["set"]["a"].as_str(), Some(odd));
}

#[test]
fn the_folder_can_be_set() {
    let cli = in_file("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)");
    let settings = format!("{}\n[backfills]\nfolder = \"db/fills\"\n", on_sqlite());
    cli.write("switchback.toml", settings).unwrap();
    cli.write("db/x", "").unwrap();
    let ran = new(&cli, &["it", "--table", "users", "--set", "email='x'"]);
    assert_eq!(ran.stdout, "wrote db/fills/it.toml\n", "{}", ran.stderr);
    assert_eq!(plan(&cli, "it")["strategy"], "key-range");
}
