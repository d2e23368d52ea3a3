//! Rehearsals of small histories of SQLite, one for each thing that can be wrong with a migration.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod history;

use std::time::Duration;

use history::{check_three_restore, faults_of_last, shown, step, wrapped};
use switchback_db::history::{
    Cause, Change, Failure, Fault, MigrationSql, Note, Options, Report, Stop, Verdict,
};
use switchback_db::sqlite::history::{Settings, rehearse};
use switchback_migration::history::Wrapped;
use tempfile::TempDir;

fn with(settings: &Settings, options: &Options, migrations: &[MigrationSql]) -> Report {
    let folder = TempDir::new().unwrap();
    let report = rehearse(folder.path(), migrations, settings, options, &mut |_| ()).unwrap();
    assert_eq!(report.migrations.len(), migrations.len());
    let left: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert!(left.len() <= 1, "a copy is left: {left:?}");
    report
}

const KEYS: Settings = Settings {
    seed: 1,
    foreign_keys: true,
};

fn run(migrations: &[MigrationSql]) -> Report {
    with(&KEYS, &Options::default(), migrations)
}

/// The faults of the last migration; those before it have to be without, and without notes.
fn faults(migrations: &[MigrationSql]) -> Vec<Fault> {
    let report = run(migrations);
    let (_, before) = report.migrations.split_last().unwrap();
    for earlier in before {
        assert_eq!(earlier.notes, [], "{earlier:#?}");
    }
    faults_of_last(&report)
}

fn message(failure: &Failure) -> &str {
    match &failure.cause {
        Cause::Sql(error) => &error.message,
        other => panic!("{other:?}"),
    }
}

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT,
                         email TEXT NOT NULL DEFAULT '', born DATE)";

fn users() -> MigrationSql {
    step(USERS, "DROP TABLE users")
}

#[test]
fn exact_ways_down_are_found_exact() {
    let report = run(&[
        users(),
        step(
            "ALTER TABLE users ADD nick TEXT COLLATE NOCASE; CREATE INDEX users_born ON users (born)",
            "DROP INDEX users_born; ALTER TABLE users DROP nick",
        ),
        step(
            "UPDATE users SET born = born || 'x'",
            "UPDATE users SET born = substr(born, 1, length(born) - 1)",
        ),
        step("INSERT INTO users (email) VALUES ('x')", "-"),
    ]);
    check_three_restore(&report);
    assert!(report.engine.starts_with("SQLite 3."), "{}", report.engine);
    assert_eq!(report.migrations[0].rows, 0);
    assert_eq!(report.migrations[2].rows, 20);
    let way = report.way_down.unwrap();
    assert_eq!((way.walked, way.stopped), (0, Some(Stop::NoWayDown(3))));
}

#[test]
fn all_ways_down_lead_to_an_empty_file() {
    let way = run(&[
        users(),
        step(
            "CREATE VIEW v AS SELECT * FROM users",
            "DROP VIEW v; CREATE TABLE forgotten (x)",
        ),
    ]);
    let way = way.way_down.unwrap();
    assert_eq!((way.walked, way.stopped), (2, None));
    assert_eq!(
        shown(&way.left),
        ["+ table forgotten (and 1 more that go with it)"]
    );
}

/// The way by which SQLite's manual changes tables, without `PRAGMA foreign_keys`.
fn rebuilt(columns: &str, list: &str) -> String {
    format!(
        "CREATE TABLE new_users ({columns}); INSERT INTO new_users SELECT {list} FROM users;
         DROP TABLE users; ALTER TABLE new_users RENAME TO users"
    )
}

#[test]
fn a_table_that_is_made_anew_as_it_was_is_the_same() {
    let id = "id INTEGER PRIMARY KEY AUTOINCREMENT";
    let found = faults(&[
        users(),
        step(
            &rebuilt(
                &format!("{id}, email TEXT DEFAULT '', born DATE"),
                "id, email, born",
            ),
            // Other spellings, and the rule in another place.
            &rebuilt(
                "[id] integer not null, email text default ('') NOT NULL, \"born\" date,
                 primary key (id autoincrement)",
                "id, email, born",
            ),
        ),
    ]);
    // Only what was not there: `not null` of the key.
    let [Fault::SchemaNotRestored(differences)] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(differences.len(), 3, "{:#?}", shown(differences));
    let exact = faults(&[
        users(),
        step(
            &rebuilt(
                &format!("{id}, email TEXT DEFAULT '', born DATE"),
                "id, email, born",
            ),
            &rebuilt(
                "\"id\" integer primary key autoincrement, email text default ('') NOT NULL, born date",
                "id, email, born",
            ),
        ),
    ]);
    assert_eq!(exact, []);
}

#[test]
fn a_way_down_that_forgets_something_is_told_what() {
    let cases = [
        (
            "CREATE INDEX i ON users (born DESC) WHERE born > 1",
            "SELECT 1",
            "+ index i on users(born desc)\n+   where born > 1",
        ),
        (
            "ALTER TABLE users ADD nick TEXT",
            "SELECT 1",
            "+ column users.nick text",
        ),
        (
            "CREATE TRIGGER g AFTER INSERT ON users BEGIN UPDATE users SET born = 1; END",
            "CREATE TRIGGER h AFTER INSERT ON users BEGIN SELECT 1; END; DROP TRIGGER g",
            "+ trigger h after insert on users\n+   begin\n+   select 1;\n+   end",
        ),
        (
            "PRAGMA user_version = 7",
            "SELECT 1",
            "+ pragma user_version = 7",
        ),
        (
            "CREATE VIRTUAL TABLE f USING fts5(email)",
            "SELECT 1",
            "+ virtual table f using fts5(email)",
        ),
        ("DROP VIEW v", "CREATE VIEW v AS SELECT 2 AS x", "- \n"),
    ];
    for (up, down, expected) in cases {
        let found = faults(&[
            users(),
            step("CREATE VIEW v AS SELECT 1 AS x", "DROP VIEW v"),
            step(up, down),
        ]);
        let Some(Fault::SchemaNotRestored(differences)) = found.first() else {
            panic!("{up}: {found:#?}");
        };
        let text = shown(differences).join("\n");
        if expected == "- \n" {
            assert!(
                text.contains("-   select 1 as x\n+   select 2 as x"),
                "{text}"
            );
        } else {
            assert_eq!(text, expected, "{up}");
        }
    }
}

#[test]
fn data_that_does_not_come_back_is_shown() {
    let found = faults(&[
        users(),
        step(
            "ALTER TABLE users DROP born",
            "ALTER TABLE users ADD born DATE",
        ),
    ]);
    let [Fault::DataNotRestored(tables)] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!((tables[0].table.as_str(), tables[0].lost), ("users", 0));
    assert!(tables[0].changed > 10 && tables[0].loses());
    let Some(Change::Changed { key, columns }) = tables[0].examples.first() else {
        panic!("{tables:#?}");
    };
    assert_eq!(key[0].0, "id");
    assert!(columns[0].1.is_some() && columns[0].2.is_none());
}

#[test]
fn dropping_a_parent_empties_its_children_where_keys_are_enforced() {
    let history = [
        step(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
             CREATE TABLE posts (id INTEGER PRIMARY KEY,
                 author INT NOT NULL REFERENCES users (id) ON DELETE CASCADE)",
            "DROP TABLE posts; DROP TABLE users",
        ),
        // The recipe of the manual, in a transaction, where the PRAGMA does nothing.
        step(
            &format!(
                "PRAGMA foreign_keys = OFF; {}",
                rebuilt(
                    "id INTEGER PRIMARY KEY, email TEXT NOT NULL DEFAULT ''",
                    "id, coalesce(email, '')"
                )
            ),
            &format!(
                "PRAGMA foreign_keys = OFF; {}",
                rebuilt("id INTEGER PRIMARY KEY, email TEXT", "id, email")
            ),
        ),
    ];
    let lost = |report: &Report| {
        let faults = report.migrations[1].verdict.faults();
        faults.iter().any(|it| match it {
            Fault::DataNotRestored(tables) => {
                tables.iter().any(|it| it.table == "posts" && it.lost == 20)
            }
            _ => false,
        })
    };
    assert!(lost(&run(&history)));
    let without = Settings {
        foreign_keys: false,
        ..KEYS
    };
    assert!(!lost(&with(&without, &Options::default(), &history)));
    // Outside of a transaction the PRAGMA holds.
    let [first, second] = history;
    let outside = [
        first,
        wrapped(
            Wrapped::Nothing,
            &second.up.unwrap().text,
            &second.down.unwrap().text,
        ),
    ];
    assert!(!lost(&run(&outside)));
}

#[test]
fn a_failure_is_told_with_its_place_and_what_it_leaves() {
    let report = run(&[
        users(),
        wrapped(
            Wrapped::Nothing,
            "CREATE TABLE a (x);\n\nALTER TABLE users\n  ADD email TEXT;\nCREATE TABLE b (x)",
            "DROP TABLE a",
        ),
        step("CREATE TABLE c (x);\nSELECT nope FROM users", "-"),
    ]);
    let Verdict::Faulty(faults) = &report.migrations[1].verdict else {
        panic!("{report:#?}");
    };
    let [Fault::UpFails(failure)] = faults.as_slice() else {
        panic!("{faults:#?}");
    };
    assert_eq!(message(failure), "duplicate column name: email");
    assert_eq!(failure.statement.as_ref().unwrap().line, 3);
    assert!(!failure.only_with_rows);
    assert_eq!(
        shown(&failure.left_behind),
        ["+ table a (and 1 more that go with it)"]
    );
    assert!(
        report.migrations[1]
            .notes
            .contains(&Note::RunInPart { ran: 2, failed: 1 })
    );
    let Some(Fault::UpFails(failure)) = report.migrations[2].verdict.faults().first() else {
        panic!("{report:#?}");
    };
    assert_eq!(message(failure), "no such column: nope");
    let statement = failure.statement.as_ref().unwrap();
    assert_eq!((statement.line, statement.at), (2, Some(27)));
    // A transaction leaves nothing.
    assert_eq!(failure.left_behind, []);
    assert!(report.way_down.is_none());
}

#[test]
fn what_only_rows_refuse_is_told_apart() {
    let found = faults(&[
        users(),
        step(
            "CREATE UNIQUE INDEX u ON users (born IS NULL)",
            "DROP INDEX u",
        ),
    ]);
    let [Fault::UpFails(failure)] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert!(failure.only_with_rows, "{failure:#?}");
}

#[test]
fn what_cannot_be_done_in_a_transaction_fails_in_one() {
    let vacuum = |how| faults(&[users(), wrapped(how, "VACUUM", "VACUUM")]);
    assert_eq!(vacuum(Wrapped::Nothing), []);
    let found = vacuum(Wrapped::Transaction);
    let Some(Fault::UpFails(failure)) = found.first() else {
        panic!("{found:#?}");
    };
    assert!(message(failure).contains("within a transaction"));
    // A file that begins its own.
    let own = "BEGIN; CREATE TABLE a (x); COMMIT";
    assert_eq!(
        faults(&[wrapped(Wrapped::OneMessage, own, "DROP TABLE a")]),
        []
    );
    assert!(!faults(&[step(own, "DROP TABLE a")]).is_empty());
}

#[test]
fn another_file_is_not_opened() {
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.db");
    let path = other.display();
    for sql in [
        format!("ATTACH '{path}' AS other"),
        format!("VACUUM INTO '{path}'"),
        format!("ATTACH 'file:{path}?mode=rwc' AS other"),
        "SELECT load_extension('x')".to_owned(),
    ] {
        let found = faults(&[wrapped(Wrapped::Nothing, &sql, "-")]);
        let Some(Fault::UpFails(failure)) = found.first() else {
            panic!("{sql}: {found:#?}");
        };
        assert!(
            matches!(failure.cause, Cause::Refused { .. }),
            "{failure:#?}"
        );
        assert!(!other.exists(), "{sql}");
    }
    assert_eq!(
        faults(&[wrapped(
            Wrapped::Nothing,
            "ATTACH '' AS t; ATTACH ':memory:' AS m",
            "-"
        )]),
        []
    );
}

#[test]
fn what_takes_too_long_is_ended() {
    let endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
                   SELECT count(*) FROM n";
    let options = Options {
        statement_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let report = with(&KEYS, &options, &[step(endless, "-"), users()]);
    let Some(Fault::UpFails(failure)) = report.migrations[0].verdict.faults().first() else {
        panic!("{report:#?}");
    };
    assert!(
        matches!(failure.cause, Cause::TooSlow { .. }),
        "{failure:#?}"
    );
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
}

#[test]
fn a_collation_of_the_application_is_stood_in_for() {
    let report = run(&[step(
        "CREATE TABLE t (x TEXT COLLATE natural_sort); CREATE INDEX i ON t (x)",
        "DROP TABLE t",
    )]);
    let it = &report.migrations[0];
    assert_eq!(it.verdict, Verdict::Restores, "{it:#?}");
    assert_eq!(it.notes, [Note::CollationMade("natural_sort".to_owned())]);
}

#[test]
fn journal_modes_and_settings_of_a_session_do_no_harm() {
    assert_eq!(
        faults(&[
            wrapped(
                Wrapped::Nothing,
                "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF",
                "-"
            ),
            users(),
            wrapped(
                Wrapped::Nothing,
                "PRAGMA journal_mode = DELETE; INSERT INTO users (email) VALUES ('a')",
                "DELETE FROM users WHERE email = 'a'",
            ),
        ])
        .iter()
        .filter(|it| !it.is_mild())
        .count(),
        0
    );
}

#[test]
fn odd_text_is_refused_and_not_misread() {
    for (sql, expected) in [
        ("CREATE TABLE a (x);\0 DROP TABLE a", "NUL"),
        ("CREATE TABLE a (x", "incomplete input"),
        ("\\connect x", "unrecognized token"),
        ("CREATE TABLE a (x) ENGINE=InnoDB", "near \"=\""),
    ] {
        let found = faults(&[step(sql, "-")]);
        let Some(Fault::UpFails(failure)) = found.first() else {
            panic!("{sql}: {found:#?}");
        };
        assert!(message(failure).contains(expected), "{failure:#?}");
    }
    assert_eq!(faults(&[step("", "-")]), []);
    assert_eq!(faults(&[step("-- nothing\n;;", "-")]), []);
}
