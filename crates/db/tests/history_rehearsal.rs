//! Rehearsals of small histories, one for each thing that can be wrong with a migration.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy takes only functions that are tests for tests"
)]

mod history;

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use history::{check_three_restore, faults_of_last, shown, step, wrapped};
use postgres::{Client, NoTls};
use switchback_db::history::{
    AfterFailure, Cause, Change, Failure, Fault, MigrationSql, Note, Options, Report, Sql, Stage,
    Stop, Verdict,
};
use switchback_db::postgres::PgError;
use switchback_db::postgres::history::{FillTables, NoRows, Synthetic, rehearse};
use switchback_migration::history::Wrapped;
use switchback_testkit::postgres::server;

/// Roles belong to the whole server, so there is one rehearsal at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn numbered(mut migrations: Vec<MigrationSql>) -> Vec<MigrationSql> {
    for (index, migration) in migrations.iter_mut().enumerate() {
        migration.version = (index + 1).to_string();
    }
    migrations
}

fn with(options: &Options, fill: &mut dyn FillTables, migrations: Vec<MigrationSql>) -> Report {
    let _alone = alone();
    let url = server().unwrap().database().unwrap();
    let migrations = numbered(migrations);
    let report = rehearse(&url, &migrations, fill, options, &mut |_| ()).unwrap();
    assert_eq!(report.migrations.len(), migrations.len());
    assert_nothing_is_left(&url);
    report
}

/// With rows that are made up.
fn run(migrations: Vec<MigrationSql>) -> Report {
    with(&Options::default(), &mut Synthetic { seed: 1 }, migrations)
}

/// The scratch database is empty, and there are no copies of it.
fn assert_nothing_is_left(url: &str) {
    let mut client = Client::connect(url, NoTls).unwrap();
    let count =
        |client: &mut Client, sql: &str| -> i64 { client.query_one(sql, &[]).unwrap().get(0) };
    let tables = "SELECT count(*) FROM pg_class WHERE oid >= 16384";
    assert_eq!(count(&mut client, tables), 0);
    let copies = "SELECT count(*) FROM pg_database WHERE datname ~ '_(main|try)$'";
    assert_eq!(count(&mut client, copies), 0);
}

/// The faults of the last migration; those before it have to be without.
fn faults(migrations: Vec<MigrationSql>) -> Vec<Fault> {
    faults_of_last(&run(migrations))
}

fn sql_error(failure: &Failure) -> (&str, &str) {
    match &failure.cause {
        Cause::Sql(error) => (&error.code, &error.message),
        other => panic!("{other:?}"),
    }
}

const USERS: &str =
    "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL DEFAULT '', born date)";

#[test]
fn exact_ways_down_are_found_exact() {
    let report = run(vec![
        step(USERS, "DROP TABLE users"),
        step(
            "CREATE TYPE mood AS ENUM ('a', 'b'); ALTER TABLE users ADD mood mood;
             CREATE INDEX users_born ON users (born); COMMENT ON TABLE users IS 'x'",
            "COMMENT ON TABLE users IS NULL; DROP INDEX users_born;
             ALTER TABLE users DROP mood; DROP TYPE mood",
        ),
        step(
            "UPDATE users SET born = born + 1",
            "UPDATE users SET born = born - 1",
        ),
        step("INSERT INTO users (email) VALUES ('x')", "-"),
    ]);
    check_three_restore(&report);
    assert!(report.engine.starts_with("PostgreSQL 1"));
    let way = report.way_down.unwrap();
    assert_eq!((way.walked, way.stopped), (0, Some(Stop::NoWayDown(3))));
    // The fourth one's rows were made up on top of what is put in by those before it.
    assert_eq!(report.migrations[0].rows, 0);
    assert_eq!(report.migrations[2].rows, 20);
}

#[test]
fn a_way_down_that_forgets_something_is_told_what() {
    let cases = [
        (
            "CREATE INDEX i ON users (born)",
            "SELECT 1",
            "+ index public.i CREATE INDEX i ON public.users USING btree (born)",
        ),
        (
            "ALTER TABLE users ALTER email DROP DEFAULT",
            "SELECT 1",
            "- column public.users.email text not null default ''::text\n\
             + column public.users.email text not null",
        ),
        (
            "ALTER TABLE users ALTER email DROP NOT NULL",
            "SELECT 1",
            "- column public.users.email text not null default ''::text\n\
             + column public.users.email text default ''::text",
        ),
        (
            "COMMENT ON COLUMN users.email IS 'where'",
            "SELECT 1",
            "+ comment on table column public.users.email: 'where'",
        ),
        (
            "GRANT SELECT ON users TO reader",
            "SELECT 1",
            "+ grant on table public.users to reader: SELECT",
        ),
        (
            "ALTER TYPE mood ADD VALUE 'c'",
            "SELECT 1",
            "- type public.mood enum ('a', 'b')\n+ type public.mood enum ('a', 'b', 'c')",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
            "SELECT 1",
            "+ trigger CREATE TRIGGER t BEFORE UPDATE ON public.users FOR EACH ROW \
             EXECUTE FUNCTION public.touch()",
        ),
        (
            "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
            "SELECT 1",
            "- table public.users\n+ table public.users row level security",
        ),
    ];
    for (up, down, expected) in cases {
        let before = format!(
            "{USERS}; CREATE TYPE mood AS ENUM ('a', 'b');
             CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end'"
        );
        // Some of these cannot be done twice, which is told apart.
        let found = faults(vec![step(&before, "-"), step(up, down)]);
        let [Fault::SchemaNotRestored(differences), ..] = found.as_slice() else {
            panic!("{up}: {found:#?}");
        };
        assert_eq!(shown(differences).join("\n"), expected, "{up}");
        assert!(!found[0].is_mild());
    }
}

#[test]
fn a_forgotten_type_stands_in_the_way_of_the_next_time() {
    let found = faults(vec![step(
        "CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (m mood)",
        "DROP TABLE t",
    )]);
    let [
        Fault::SchemaNotRestored(differences),
        Fault::AgainFails(failure),
    ] = found.as_slice()
    else {
        panic!("{found:#?}");
    };
    assert_eq!(shown(differences), ["+ type public.mood enum ('a')"]);
    assert_eq!(
        sql_error(failure),
        ("42710", "type \"mood\" already exists")
    );
    let statement = failure.statement.as_ref().unwrap();
    assert_eq!(statement.text, "CREATE TYPE mood AS ENUM ('a')");
    assert_eq!((statement.line, statement.span.clone()), (1, 0..30));
}

#[test]
fn a_column_that_comes_back_last_is_mild_if_it_was_empty() {
    let before = "CREATE TABLE t (id int PRIMARY KEY, gone text, kept text)";
    let options = Options {
        rows: 0,
        ..Options::default()
    };
    let report = with(
        &options,
        &mut NoRows,
        vec![
            step(before, "-"),
            step("ALTER TABLE t DROP gone", "ALTER TABLE t ADD gone text"),
        ],
    );
    let [fault @ Fault::SchemaNotRestored(differences)] = report.migrations[1].verdict.faults()
    else {
        panic!("{report:#?}");
    };
    assert_eq!(
        shown(differences),
        [
            "  columns of public.t",
            "-   gone after id",
            "+   gone after kept"
        ]
    );
    assert!(fault.is_mild());
}

#[test]
fn lost_rows_are_shown() {
    let before = "CREATE TABLE t (id int PRIMARY KEY, x text, y text);
        INSERT INTO t VALUES (1, 'a', 'b'), (2, NULL, NULL); CREATE TABLE log (what text);
        INSERT INTO log VALUES ('one'), ('one')";
    let report = with(
        &Options {
            rows: 0,
            ..Options::default()
        },
        &mut NoRows,
        vec![
            step(before, "-"),
            step(
                "ALTER TABLE t DROP y; DELETE FROM log",
                "ALTER TABLE t ADD y text; INSERT INTO log VALUES ('one'), ('two')",
            ),
        ],
    );
    let [Fault::DataNotRestored(tables)] = report.migrations[1].verdict.faults() else {
        panic!("{report:#?}");
    };
    let value = |text: &str| Some(text.to_owned());
    assert_eq!(tables.len(), 2);
    assert_eq!(tables[0].table, "public.log");
    assert_eq!((tables[0].lost, tables[0].appeared), (1, 1));
    assert_eq!(
        tables[0].examples,
        [
            Change::Lost(vec![("what".to_owned(), value("one"))]),
            Change::Appeared(vec![("what".to_owned(), value("two"))]),
        ]
    );
    assert_eq!(
        (tables[1].table.as_str(), tables[1].changed),
        ("public.t", 1)
    );
    assert_eq!(
        tables[1].examples,
        [Change::Changed {
            key: vec![("id".to_owned(), value("1"))],
            columns: vec![("y".to_owned(), value("b"), None)],
        }]
    );
    assert!(!report.migrations[1].verdict.faults()[0].is_mild());
}

#[test]
fn made_up_rows_show_the_loss_that_empty_tables_hide() {
    let found = faults(vec![
        step(USERS, "-"),
        step(
            "ALTER TABLE users DROP born",
            "ALTER TABLE users ADD born date",
        ),
    ]);
    let [Fault::DataNotRestored(tables)] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (tables[0].before, tables[0].after, tables[0].lost),
        (20, 20, 0)
    );
    assert!(tables[0].changed > 0 && tables[0].loses());
    assert_eq!(tables[0].examples.len(), 5);
}

#[test]
fn rows_that_only_appear_and_sequences_that_move_are_mild() {
    let found = faults(vec![
        step(USERS, "-"),
        step("INSERT INTO users (email) VALUES ('admin')", "SELECT 1"),
    ]);
    let [
        data @ Fault::DataNotRestored(tables),
        moved @ Fault::SequencesNotRestored(sequences),
    ] = found.as_slice()
    else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (tables[0].lost, tables[0].changed, tables[0].appeared),
        (0, 0, 1)
    );
    assert!(data.is_mild() && moved.is_mild());
    assert_eq!(sequences[0].sequence, "public.users_id_seq");
    assert_eq!(sequences[0].after, sequences[0].before + 1);
}

#[test]
fn what_fails_in_the_middle_is_named_with_its_place_and_the_rest_goes_on() {
    let report = run(vec![
        step(USERS, "DROP TABLE users"),
        step(
            "CREATE TABLE a (x int);\n-- ü\nALTER TABLE nowhere\n  ADD y int;\nCREATE TABLE b (x int)",
            "DROP TABLE b, a",
        ),
        step("ALTER TABLE b ADD y int", "ALTER TABLE b DROP y"),
        step("ALTER TABLE c ADD y int", "ALTER TABLE c DROP y"),
    ]);
    let [Fault::UpFails(failure)] = report.migrations[1].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert_eq!(
        sql_error(failure),
        ("42P01", "relation \"nowhere\" does not exist")
    );
    let statement = failure.statement.as_ref().unwrap();
    assert_eq!(statement.line, 3);
    assert_eq!(statement.text, "ALTER TABLE nowhere\n  ADD y int");
    assert!(!failure.only_with_rows && failure.left_behind.is_empty());
    assert_eq!(
        report.migrations[1].notes,
        [Note::RunInPart { ran: 2, failed: 1 }]
    );
    assert_eq!(report.migrations[2].verdict, Verdict::Restores);
    assert!(matches!(
        report.migrations[3].notes.as_slice(),
        [
            Note::AfterFailure { index: 1 },
            Note::RunInPart { ran: 0, failed: 1 }
        ]
    ));
    assert_eq!(report.way_down, None);

    let stop = Options {
        after_failure: AfterFailure::Stop,
        ..Options::default()
    };
    let report = with(
        &stop,
        &mut NoRows,
        vec![step("SELECT nothing", "-"), step(USERS, "-")],
    );
    assert_eq!(report.migrations[1].verdict, Verdict::NotReached);
}

#[test]
fn a_statement_without_a_place_in_its_error_is_found_too() {
    for how in [Wrapped::Transaction, Wrapped::OneMessage] {
        let up = "CREATE TABLE t (x int);\nINSERT INTO t VALUES (0);\n\nUPDATE t SET x = 1 / x;\nSELECT 1";
        let report = run(vec![wrapped(how, up, "-")]);
        let [Fault::UpFails(failure)] = report.migrations[0].verdict.faults() else {
            panic!("{report:#?}");
        };
        assert_eq!(sql_error(failure), ("22012", "division by zero"));
        let statement = failure.statement.as_ref().unwrap();
        assert_eq!((statement.line, statement.at), (4, None));
        assert_eq!(statement.text, "UPDATE t SET x = 1 / x");
    }
}

#[test]
fn without_a_transaction_a_failure_leaves_half_of_it() {
    let report = run(vec![
        step(USERS, "-"),
        wrapped(
            Wrapped::Nothing,
            "CREATE TABLE half (x int); CREATE INDEX CONCURRENTLY i ON users (no)",
            "-",
        ),
    ]);
    let [Fault::UpFails(failure)] = report.migrations[1].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert_eq!(
        shown(&failure.left_behind),
        ["+ table public.half (and 1 more that go with it)"]
    );
}

#[test]
fn a_way_down_that_fails_is_named_and_spoils_nothing_after_it() {
    let report = run(vec![
        step(USERS, "DROP TABLE users"),
        step("ALTER TABLE users ADD x int", "ALTER TABLE users DROP y"),
        step("ALTER TABLE users DROP x", "ALTER TABLE users ADD x int"),
    ]);
    let [Fault::DownFails(failure)] = report.migrations[1].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert_eq!(sql_error(failure).0, "42703");
    assert!(!failure.only_with_rows);
    let way = report.way_down.unwrap();
    assert_eq!(way.walked, 1);
    assert!(matches!(way.stopped, Some(Stop::Fails(1, _))));
}

#[test]
fn what_fails_only_with_rows_is_told_apart() {
    let report = run(vec![
        step(USERS, "-"),
        step(
            "ALTER TABLE users ADD must text NOT NULL",
            "ALTER TABLE users DROP must",
        ),
        step(
            "ALTER TABLE users ALTER born DROP NOT NULL",
            "UPDATE users SET born = NULL; ALTER TABLE users ALTER born SET NOT NULL",
        ),
    ]);
    let [Fault::UpFails(failure)] = report.migrations[1].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert!(failure.only_with_rows);
    assert_eq!(sql_error(failure).0, "23502");
    // It counts as applied.
    assert!(
        !report.migrations[1]
            .notes
            .iter()
            .any(|it| matches!(it, Note::RunInPart { .. }))
    );
    let found = report.migrations[2].verdict.faults();
    assert!(
        matches!(found.first(), Some(Fault::DownFails(failure)) if failure.only_with_rows),
        "{found:#?}"
    );
    assert!(
        matches!(found.get(1), Some(Fault::SchemaNotRestored(_))),
        "{found:#?}"
    );
}

#[test]
fn concurrent_indexes_work_where_nothing_is_wrapped_around_them() {
    let up = "CREATE INDEX CONCURRENTLY i ON users (born); SELECT 1;";
    let down = "DROP INDEX CONCURRENTLY i";
    let report = run(vec![
        step(USERS, "-"),
        wrapped(Wrapped::Nothing, up, down),
        wrapped(Wrapped::Transaction, up, down),
        wrapped(Wrapped::OneMessage, up, down),
        // One statement in a message is no transaction.
        wrapped(
            Wrapped::OneMessage,
            "CREATE INDEX CONCURRENTLY j ON users (born)",
            down,
        ),
    ]);
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
    for broken in [2, 3] {
        let [Fault::UpFails(failure)] = report.migrations[broken].verdict.faults() else {
            panic!("{report:#?}");
        };
        assert_eq!(sql_error(failure).0, "25001");
    }
    assert!(!matches!(
        report.migrations[4].verdict.faults().first(),
        Some(Fault::UpFails(_))
    ));
}

#[test]
fn missing_roles_and_databases_are_made_and_noted() {
    for how in [Wrapped::Transaction, Wrapped::OneMessage, Wrapped::Nothing] {
        let report = run(vec![
            wrapped(how, USERS, "DROP TABLE users"),
            wrapped(
                how,
                "CREATE TABLE t (x int); GRANT SELECT ON users TO \"the app\", other;
                 GRANT CONNECT ON DATABASE production TO other",
                "REVOKE ALL ON users FROM \"the app\", other; DROP TABLE t;
                 REVOKE CONNECT ON DATABASE production FROM other",
            ),
        ]);
        let last = report.migrations.last().unwrap();
        assert_eq!(last.verdict, Verdict::Restores, "{how:?} {last:#?}");
        assert_eq!(
            last.notes,
            [
                Note::RoleMade("the app".to_owned()),
                Note::RoleMade("other".to_owned()),
                Note::DatabaseMade("production".to_owned()),
            ]
        );
        let _alone = alone();
        let mut client = Client::connect(&server().unwrap().url("postgres"), NoTls).unwrap();
        client
            .batch_execute("DROP ROLE \"the app\"; DROP ROLE other")
            .unwrap();
    }
}

#[test]
fn roles_that_migrations_make_are_part_of_the_schema() {
    let report = run(vec![
        step(USERS, "DROP TABLE users"),
        step(
            "CREATE ROLE good; GRANT SELECT ON users TO good",
            "REVOKE ALL ON users FROM good; DROP ROLE good",
        ),
        step("CREATE ROLE kept LOGIN", "SELECT 1"),
        step(
            "GRANT INSERT ON users TO kept",
            "REVOKE INSERT ON users FROM kept",
        ),
    ]);
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
    let found = report.migrations[2].verdict.faults();
    let [Fault::SchemaNotRestored(differences), Fault::AgainFails(_)] = found else {
        panic!("{found:#?}");
    };
    assert_eq!(shown(differences), ["+ role kept login"]);
    assert_eq!(report.migrations[3].verdict, Verdict::Restores);
    let _alone = alone();
    let mut client = Client::connect(&server().unwrap().url("postgres"), NoTls).unwrap();
    client
        .batch_execute("DROP ROLE IF EXISTS good; DROP ROLE IF EXISTS kept")
        .unwrap();
}

#[test]
fn settings_of_the_database_hold_for_those_after_it() {
    let report = run(vec![
        step(
            "CREATE SCHEMA app; DO $$ begin execute format('ALTER DATABASE %I SET search_path = app, public', current_database()); end $$",
            "DROP SCHEMA app; DO $$ begin execute format('ALTER DATABASE %I RESET search_path', current_database()); end $$",
        ),
        step("CREATE TABLE t (x int)", "DROP TABLE app.t"),
    ]);
    assert_eq!(report.migrations[0].verdict, Verdict::Restores);
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
    assert_eq!(report.way_down.unwrap().left, []);
}

#[test]
fn an_extension_that_is_not_here_is_named() {
    let report = run(vec![
        step(
            "CREATE EXTENSION not_installed",
            "DROP EXTENSION not_installed",
        ),
        step("CREATE EXTENSION pgcrypto", "DROP EXTENSION pgcrypto"),
    ]);
    let [Fault::UpFails(failure)] = report.migrations[0].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert!(
        matches!(&failure.cause, Cause::NeedsExtension { extension, .. } if extension == "not_installed"),
        "{failure:?}"
    );
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
}

#[test]
fn what_reaches_out_is_refused() {
    let report = run(vec![step(
        "CREATE TABLE t (x text);\nCOPY t FROM PROGRAM 'id'",
        "-",
    )]);
    let [Fault::UpFails(failure)] = report.migrations[0].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert!(matches!(failure.cause, Cause::Refused { .. }));
    assert_eq!(failure.statement.as_ref().unwrap().line, 2);
    assert_eq!(
        report.migrations[0].notes,
        [Note::RunInPart { ran: 1, failed: 1 }]
    );
}

#[test]
fn what_only_client_programs_understand_is_passed_over() {
    let report = run(vec![step(
        "\\set ON_ERROR_STOP on\nCREATE TABLE t (x int);\nCOPY t FROM stdin;\n1\n2\n\\.\nALTER TABLE t ADD y int;",
        "DROP TABLE t",
    )]);
    assert_eq!(report.migrations[0].verdict, Verdict::Restores);
    assert_eq!(report.migrations[0].notes.len(), 2);
}

#[test]
fn endless_work_is_ended() {
    let options = Options {
        statement_timeout: Duration::from_millis(300),
        script_timeout: Duration::from_secs(2),
        ..Options::default()
    };
    let report = with(
        &options,
        &mut NoRows,
        vec![
            step("SELECT pg_sleep(600)", "-"),
            step("SET statement_timeout = 0; SELECT pg_sleep(600)", "-"),
            step("SELECT pg_terminate_backend(pg_backend_pid())", "-"),
            step("CREATE TABLE t (x int)", "DROP TABLE t"),
        ],
    );
    for slow in [0, 1] {
        let [Fault::UpFails(failure)] = report.migrations[slow].verdict.faults() else {
            panic!("{report:#?}");
        };
        assert!(
            matches!(failure.cause, Cause::TooSlow { .. }),
            "{failure:?}"
        );
    }
    let [Fault::UpFails(failure)] = report.migrations[2].verdict.faults() else {
        panic!("{report:#?}");
    };
    assert!(
        matches!(&failure.cause, Cause::Sql(error) if error.code == "57P01")
            || matches!(failure.cause, Cause::SessionLost { .. }),
        "{failure:?}"
    );
    assert_eq!(report.migrations[3].verdict, Verdict::Restores);
}

#[test]
fn repeatable_migrations_are_applied_twice() {
    let again = |up: &str| MigrationSql {
        repeatable: true,
        ..step(up, "-")
    };
    let report = run(vec![
        again("CREATE OR REPLACE VIEW v AS SELECT 1 AS x"),
        again("CREATE VIEW w AS SELECT 1 AS x"),
        again("CREATE TABLE IF NOT EXISTS t (); ALTER TABLE t ADD \"a\" int; ALTER TABLE t DROP a"),
        again(
            "DO $$ begin execute 'CREATE SCHEMA s' || (SELECT count(*) FROM pg_namespace); end $$",
        ),
    ]);
    assert_eq!(report.migrations[0].verdict, Verdict::Repeats);
    assert!(matches!(
        report.migrations[1].verdict.faults(),
        [Fault::AgainFails(_)]
    ));
    assert_eq!(report.migrations[2].verdict, Verdict::Repeats);
    assert!(matches!(
        report.migrations[3].verdict.faults(),
        [Fault::AgainDiffers(_)]
    ));
}

#[test]
fn all_ways_down_lead_back_to_nothing_or_it_is_said_what_is_left() {
    let report = run(vec![
        step("CREATE TYPE a AS ENUM ('x')", "SELECT 1"),
        step("CREATE TABLE t (x int)", "DROP TABLE t"),
    ]);
    let way = report.way_down.unwrap();
    assert_eq!((way.walked, &way.stopped), (2, &None));
    assert_eq!(shown(&way.left), ["+ type public.a enum ('x')"]);
}

#[test]
fn a_migration_that_cannot_be_read_leaves_a_gap() {
    let unreadable = MigrationSql {
        up: None,
        ..step("", "-")
    };
    let report = run(vec![unreadable, step(USERS, "DROP TABLE users")]);
    assert_eq!(report.migrations[0].verdict, Verdict::Unreadable);
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
    assert_eq!(report.way_down, None);
}

#[test]
fn a_database_with_something_in_it_is_refused() {
    let _alone = alone();
    let url = server().unwrap().database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute("CREATE EXTENSION citext").unwrap();
    drop(client);
    let migrations = [step("CREATE TABLE u (x citext)", "DROP TABLE u")];
    let rehearse =
        |options: &Options| rehearse(&url, &migrations, &mut NoRows, options, &mut |_| ());
    let options = Options::default();
    rehearse(&options).unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute("CREATE TABLE here (x int)").unwrap();
    drop(client);
    let refused = rehearse(&options).unwrap_err();
    assert!(
        matches!(&refused, PgError::NotEmpty { what, .. } if what == "the relation here"),
        "{refused:?}"
    );
    let allowed = Options {
        allow_objects: true,
        ..options
    };
    let report = rehearse(&allowed).unwrap();
    assert_eq!(report.migrations[0].verdict, Verdict::Restores);
    assert_eq!(report.way_down.unwrap().left, []);
}

#[test]
fn it_tells_what_it_does_and_rows_that_cannot_be_made_are_noted() {
    struct Broken;
    impl FillTables for Broken {
        fn fill(
            &mut self,
            client: &mut Client,
            tables: &[String],
            rows: u64,
            _in_transaction: bool,
        ) -> Result<(), Box<dyn Error + Send + Sync>> {
            assert_eq!((tables, rows), (["public.users".to_owned()].as_slice(), 20));
            client.batch_execute("BEGIN; SELECT nonsense")?;
            Ok(())
        }
    }
    let _alone = alone();
    let url = server().unwrap().database().unwrap();
    let migrations = numbered(vec![
        step(USERS, "-"),
        step("ALTER TABLE users ADD x int", "ALTER TABLE users DROP x"),
    ]);
    let mut told = Vec::new();
    let report = rehearse(
        &url,
        &migrations,
        &mut Broken,
        &Options::default(),
        &mut |progress| told.push((progress.version.to_owned(), progress.stage)),
    )
    .unwrap();
    assert_eq!(report.migrations[1].verdict, Verdict::Restores);
    assert!(
        matches!(report.migrations[1].notes.as_slice(), [Note::NotFilled { message }] if message.contains("nonsense")),
        "{report:#?}"
    );
    let stages: Vec<Stage> = told
        .iter()
        .filter(|(version, _)| version == "2")
        .map(|(_, stage)| *stage)
        .collect();
    assert_eq!(
        stages,
        [
            Stage::Fill,
            Stage::Up,
            Stage::Down,
            Stage::Again,
            Stage::Keep,
            Stage::WayDown
        ]
    );
}

#[test]
fn what_tools_send_apart_is_sent_apart() {
    let text =
        "CREATE TABLE a (x int);\n--> statement-breakpoint\nCREATE INDEX CONCURRENTLY i ON a (x);";
    let first = text.find('\n').unwrap();
    let second = text.find("CREATE INDEX").unwrap();
    let up = Sql {
        text: text.to_owned(),
        wrapped: Wrapped::Nothing,
        pieces: Some(vec![0..first, second..text.len()]),
    };
    let report = run(vec![MigrationSql {
        up: Some(up),
        ..step("", "DROP TABLE a")
    }]);
    assert_eq!(report.migrations[0].verdict, Verdict::Restores);
}

#[test]
fn a_way_down_without_statements_and_what_follows_a_failure_are_noted() {
    let report = run(vec![
        step("CREATE TABLE a (x int)", "-- Nothing to do.\n;"),
        step("SELECT nonsense", "-"),
        step("CREATE TABLE b (x int)", "DROP TABLE c"),
    ]);
    let notes = |index: usize| report.migrations[index].notes.as_slice();
    assert_eq!(notes(0), [Note::WayDownEmpty]);
    assert_eq!(notes(2), [Note::AfterFailure { index: 1 }]);
}

#[test]
fn what_is_tried_in_a_transaction_moves_no_sequence_and_leaves_no_setting() {
    let report = run(vec![
        step(USERS, "DROP TABLE users"),
        step(
            "SET search_path = nowhere; SET TimeZone = 'Asia/Tokyo'",
            "SELECT 1",
        ),
        step("INSERT INTO users (email) VALUES ('first')", "-"),
        step(
            "DO $$ begin assert (SELECT id FROM users WHERE email = 'first') = 1; end $$",
            "SELECT 1",
        ),
    ]);
    for migration in &report.migrations {
        assert_eq!(migration.verdict.faults(), [], "{migration:#?}");
    }
}
