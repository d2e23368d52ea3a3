//! The application's own statements, played beside those that are derived from the change.

use switchback_db::rehearsal::bench::Bench;
use switchback_db::rehearsal::{
    Fault, Options, OwnStatements, RehearsalError, Report, rehearse_with,
};
use switchback_db::sqlite::SqliteDatabase;
use switchback_db::sqlite::rehearsal::SqliteBench;
use switchback_migration::workload::Workload;
use switchback_migration::workload::own::read;
use switchback_migration::{Definition, Engine};
use switchback_model::ChangeId;

/// Statements that fit the change: each names only what its version knows.
const FITTING: &str = "
-- name: find :code old :weight 3
SELECT id, name FROM users WHERE email_addr = $1 LIMIT $2;

-- name: find-new :code new
SELECT id, name FROM users WHERE email = :email;

-- name: touch
UPDATE users SET name = $1 WHERE id IN ($2, $3);

-- name: order
INSERT INTO orders (user_id, note) VALUES ($1, 'x');

-- name: join :code old
INSERT INTO users (id, name, email_addr) VALUES ($1, $2, $3);

-- name: join-new :code new
INSERT INTO users (id, name, email) VALUES ($1, $2, :email);

-- name: forget
DELETE FROM orders WHERE user_id = $1
";

fn options() -> Options {
    Options {
        clients: 2,
        rows_each: 4,
        settle: 12,
        ..Options::default()
    }
}

fn failed(report: &Report) -> Vec<(String, String, String)> {
    let steps = report.steps.iter().chain(&report.back);
    let all = steps.flat_map(|step| step.faults.iter().map(move |fault| (step, fault)));
    let own = all.filter_map(|(step, fault)| match fault {
        Fault::CodeFails {
            own: Some(name),
            message,
            ..
        } => Some((step.step.to_string(), name.clone(), message.clone())),
        _ => None,
    });
    own.collect()
}

fn played(report: &Report) -> Vec<String> {
    let steps = report.steps.iter().chain(&report.back);
    let all = steps.flat_map(|it| &it.own);
    let mut names: Vec<String> = all
        .filter(|it| it.usual.count > 0 && it.failed == 0)
        .map(|it| it.name.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Rehearses a change with the statements of a text.
fn rehearse_own<B: Bench>(
    bench: &mut B,
    definition: &Definition,
    workload: &Workload,
    engine: Engine,
    text: &str,
) -> Result<Report, RehearsalError> {
    let all = read(text, engine).unwrap();
    let own = OwnStatements { all: &all, seed: 3 };
    rehearse_with(bench, definition, workload, &own, &options(), &mut |_| ())
}

/// All that fits was played, and nothing was found.
fn check_fits(report: &Report) {
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(played(report), ALL);
}

/// A statement that names the old column on every version.
const LATE: &str = "-- name: late\nSELECT 1 FROM users WHERE email_addr = $1";

/// That statement, and nothing else, failed with a message.
fn check_late(report: &Report, said: &str) {
    let failed = failed(report);
    let late =
        |(_, name, message): &(String, String, String)| name == "late" && message.contains(said);
    assert!(!failed.is_empty() && failed.iter().all(late), "{failed:?}");
}

const ALL: [&str; 7] = [
    "find", "find-new", "forget", "join", "join-new", "order", "touch",
];

mod sqlite {
    use switchback_migration::sqlite::rename::{Mode, Rename, plan};

    use super::*;

    fn rehearsed(text: &str) -> (Result<Report, RehearsalError>, i64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email_addr TEXT);
                 CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users, note TEXT);
                 WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40)
                 INSERT INTO users SELECT x, 'it''s ' || x, x || '@b' FROM n;
                 INSERT INTO orders (user_id, note) SELECT id, 'n' FROM users;",
            )
            .unwrap();
        drop(connection);
        let database =
            SqliteDatabase::open(&path, switchback_db::sqlite::Options::default()).unwrap();
        let catalog = database.catalog("users").unwrap();
        let wanted = Rename {
            change: ChangeId::new("it").unwrap(),
            from: "email_addr".to_owned(),
            to: "email".to_owned(),
            mode: Mode::Triggers,
        };
        let definition = plan(&catalog, &wanted).unwrap();
        drop(database);
        let (mut bench, workload) = SqliteBench::open(&path, &definition).unwrap();
        let report = rehearse_own(&mut bench, &definition, &workload, Engine::Sqlite, text);
        drop(bench);
        let connection = rusqlite::Connection::open(&path).unwrap();
        let count = connection.query_row("SELECT count(*) FROM orders", [], |row| row.get(0));
        (report, count.unwrap())
    }

    #[test]
    fn statements_that_fit_pass_and_leave_nothing() {
        let (report, orders) = rehearsed(FITTING);
        check_fits(&report.unwrap());
        assert_eq!(orders, 40);
    }

    #[test]
    fn a_statement_that_outlives_its_column_is_named() {
        check_late(&rehearsed(LATE).0.unwrap(), "email_addr");
    }

    #[test]
    fn a_statement_of_old_code_that_does_not_run_before_the_change_is_refused() {
        for text in [
            "SELECT nickname FROM users",
            "SELECT 1 FROM users WHERE nickname = $1",
        ] {
            let (report, _) = rehearsed(text);
            let error = report.unwrap_err();
            assert!(matches!(error, RehearsalError::Own { .. }), "{error}");
            assert!(error.to_string().contains("nickname"), "{error}");
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use ::postgres::{Client, NoTls};
    use switchback_db::postgres::rehearsal::{PostgresBench, Rows};
    use switchback_db::postgres::schema;
    use switchback_migration::operation::request::Request;
    use switchback_migration::postgres::plan;

    use super::*;

    fn rehearsed(text: &str) -> (Result<Report, RehearsalError>, Client) {
        let server = switchback_testkit::postgres::server().unwrap();
        let url = server.database().unwrap();
        let mut client = Client::connect(&url, NoTls).unwrap();
        client
            .batch_execute(
                "CREATE TABLE users (id bigint PRIMARY KEY, name text, email_addr varchar(80));
                 CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                     user_id bigint REFERENCES users DEFERRABLE INITIALLY DEFERRED, note text);",
            )
            .unwrap();
        let known = schema::read(&mut client).unwrap();
        let request = Request::RenameColumn {
            table: "users".to_owned(),
            from: "email_addr".to_owned(),
            to: "email".to_owned(),
        };
        let change = ChangeId::new("it").unwrap();
        let definition = plan(&known, &change, &request).unwrap();
        let rows = Rows::MadeUp { each: 60, seed: 1 };
        let (mut bench, workload) = PostgresBench::open(&url, &definition, rows).unwrap();
        let report = rehearse_own(&mut bench, &definition, &workload, Engine::Postgres, text);
        (report, client)
    }

    #[test]
    fn statements_that_fit_pass_and_leave_nothing() {
        let (report, mut client) = rehearsed(FITTING);
        check_fits(&report.unwrap());
        let sql = "SELECT count(*) FROM orders WHERE note = 'x'";
        let written: i64 = client.query_one(sql, &[]).unwrap().get(0);
        assert_eq!(written, 0);
    }

    #[test]
    fn a_statement_that_outlives_its_column_is_named() {
        check_late(&rehearsed(LATE).0.unwrap(), "42703");
    }

    #[test]
    fn what_would_fail_only_at_the_end_of_its_transaction_fails() {
        let text = "-- name: dangling\nINSERT INTO orders (user_id) VALUES (-1)";
        let error = rehearsed(text).0.unwrap_err();
        assert!(error.to_string().contains("dangling"), "{error}");
        assert!(error.to_string().contains("23503"), "{error}");
    }
}
