//! Values that a query gives: from the command that writes the file to the undo.

use crate::on_both;
use crate::place::{FREE, Place, ROWS};

on_both!(
    a_query_fills_rows_and_is_undone,
    what_the_query_does_not_say_is_told_before_anything_is_begun,
    a_row_that_is_given_twice_ends_it_and_the_mended_query_goes_on,
);

const EVENTS: &str = "CREATE TABLE events (id INTEGER PRIMARY KEY, user_id BIGINT, kind TEXT);
    CREATE INDEX events_user ON events (user_id);
    INSERT INTO events SELECT id, id, 'first' FROM users WHERE id % 2 = 0;
    INSERT INTO events SELECT id + 10000, id, 'second' FROM users WHERE id % 4 = 0";

const QUERY: &str = "SELECT u.id, u.name || ' has ' || count(e.id) AS email\n\
                     FROM {batch} AS u LEFT JOIN events AS e ON e.user_id = u.id\n\
                     GROUP BY u.id, u.name; -- each once\n";

const RIGHT: &str = "SELECT count(*) FROM users AS u WHERE email = name || ' has ' ||
    (SELECT count(*) FROM events WHERE user_id = u.id)";

fn new(place: &Place, arguments: &[&str]) -> switchback_testkit::cli::Ran {
    let first = ["backfill", "new", "counts", "--table", "users"];
    place.cli.run(first.iter().chain(arguments)).unwrap()
}

fn a_query_fills_rows_and_is_undone(place: &Place) {
    place.execute(EVENTS);
    place.cli.write("counts.sql", QUERY).unwrap();
    let ran = new(
        place,
        &[
            "--columns",
            "email",
            "--query-file",
            "counts.sql",
            "--where",
            "users.id > 10",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let written = place.cli.read("backfills/counts.toml").unwrap();
    // As people write it, to be reviewed.
    assert!(
        written.contains("[query]\ncolumns = [\"email\"]\nsql = \"\"\"\nSELECT u.id, u.name"),
        "{written}"
    );
    let original = place.rows();
    let shown = place.says(
        "backfill plan counts --env staging",
        0,
        &[
            "email by a query",
            "users.id > 10",
            "WITH batch AS (",
            "FROM batch AS u",
            "t.id = wanted.id",
        ],
    );
    assert!(!shown.contains("{batch}"), "{shown}");
    let plan = place.json("backfill plan counts --env staging", 0);
    assert_eq!(plan["query"]["columns"][0], "email");
    assert_eq!(plan["set"], serde_json::json!({}));
    place.says(
        "backfill run counts --env staging --dry-run",
        0,
        &["email by a query"],
    );
    assert_eq!(place.rows(), original);

    let line = format!("backfill run counts --env staging {FREE}");
    place.says(&line, 0, &["counts in staging: done", "2,990"]);
    assert_eq!(place.number(RIGHT), ROWS - 10);
    place.says(&line, 3, &["is done in staging"]);
    place.says("backfill verify counts --env staging", 0, &["3,000"]);
    place.execute("UPDATE users SET email = 'mine' WHERE id = 20");
    place.says(
        "backfill verify counts --env staging --samples 2",
        1,
        &["SB1512", "1 row differs"],
    );
    place.says(
        "backfill report counts --env staging --output found.json",
        1,
        &["wrote found.json"],
    );
    let report = place.cli.read("found.json").unwrap();
    assert!(report.contains("{batch}"), "{report}");
    place.ends(
        &format!("backfill undo counts --env staging --yes {FREE}"),
        1,
    );
    let mut back = original;
    back[19].2 = Some("mine".to_owned());
    assert_eq!(place.rows(), back);
}

fn what_the_query_does_not_say_is_told_before_anything_is_begun(place: &Place) {
    place.execute(EVENTS);
    for (arguments, code, said) in [
        (&["--columns", "email"][..], 2, "--query"),
        (&["--query", "SELECT 1 FROM {batch}"], 2, "--columns"),
        (
            &[
                "--query",
                "SELECT 1 FROM {batch}",
                "--set",
                "a = 1",
                "--columns",
                "a",
            ],
            2,
            "cannot be used with",
        ),
        (
            &[
                "--columns",
                "email",
                "--query",
                "SELECT id, name AS email FROM users",
            ],
            2,
            "must say `{batch}`",
        ),
        (
            &["--columns", "email", "--query", "DELETE FROM users"],
            2,
            "begins with `DELETE`",
        ),
        (
            &[
                "--columns",
                "email,email",
                "--query",
                "SELECT 1 FROM {batch}",
            ],
            2,
            "none twice",
        ),
        (
            &["--columns", "email", "--query-file", "no.sql"],
            3,
            "no.sql",
        ),
    ] {
        let ran = new(place, arguments);
        assert!(
            ran.code == code || code == 3 && ran.code != 0,
            "{}",
            ran.stderr
        );
        let one_line = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(one_line.contains(said), "{arguments:?}: {}", ran.stderr);
        assert!(place.cli.read("backfills/counts.toml").is_err());
    }
    let with = |sql: &str| {
        let text = format!(
            "schema = \"switchback.backfill/v1\"\ntable = \"users\"\n\
             [query]\ncolumns = [\"email\"]\nsql = '''{sql}'''\n"
        );
        place.cli.write("backfills/counts.toml", &text).unwrap();
    };
    for (sql, said) in [
        (
            "SELECT id, name AS email FROM users -- {batch}",
            "must say `{batch}`",
        ),
        (
            "SELECT 1 FROM {batch}) AS x; DROP TABLE users; --",
            "after a `;`",
        ),
        (
            "SELECT 1 FROM {batch}) AS x, ( --",
            "without its other half",
        ),
        (
            "WITH gone AS (DELETE FROM users RETURNING *) SELECT id, name AS email FROM {batch}",
            "says `DELETE FROM`",
        ),
        ("SELECT id, fax AS email FROM {batch}", "fax"),
        ("SELECT id, name FROM {batch}", "does not give `email`"),
        ("SELECT name AS email FROM {batch}", "does not give `id`"),
    ] {
        with(sql);
        for command in ["plan", "run"] {
            place.says(
                &format!("backfill {command} counts --env staging"),
                1,
                &["error[SB1517]", said],
            );
        }
    }
    assert!(!place.has_control());
    assert_eq!(place.number("SELECT count(*) FROM users"), ROWS);
}

fn a_row_that_is_given_twice_ends_it_and_the_mended_query_goes_on(place: &Place) {
    // Only what is not looked at for a plan is given twice.
    place.execute(EVENTS);
    place.execute("DELETE FROM events WHERE kind = 'second' AND user_id <> 2000");
    place
        .cli
        .write(
            "counts.sql",
            "SELECT u.id, e.kind AS email FROM {batch} AS u JOIN events AS e ON e.user_id = u.id",
        )
        .unwrap();
    let ran = new(place, &["--columns", "email", "--query-file", "counts.sql"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = format!("backfill run counts --env staging {FREE}");
    let twice = [
        "error[SB1518]",
        "gives the row 2000 more than once",
        "GROUP BY",
    ];
    place.says(&line, 1, &twice);
    if !place.is_on_server() {
        // It is known of a file only when it is met.
        place.says(
            "backfill status counts --env staging",
            0,
            &["failed", "more than once"],
        );
    }
    assert_eq!(
        if place.has_control() {
            place.leased()
        } else {
            0
        },
        0
    );
    let given = "SELECT count(*) FROM users WHERE id = 2000 AND email IN ('first', 'second')";
    assert_eq!(place.number(given), 0);
    let text = place.cli.read("backfills/counts.toml").unwrap();
    let mended = text
        .replace("e.kind AS email", "max(e.kind) AS email")
        .replace("= u.id\"", "= u.id GROUP BY u.id\"");
    assert_ne!(text, mended);
    place.cli.write("backfills/counts.toml", &mended).unwrap();
    place.says(&format!("{line} --anew"), 0, &["counts in staging: done"]);
    assert_eq!(
        place.number("SELECT count(*) FROM users WHERE email = 'first'"),
        1_499
    );
    assert_eq!(
        place.number("SELECT count(*) FROM users WHERE email = 'second'"),
        1
    );
}
