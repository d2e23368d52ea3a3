//! What a real server says of the table of a backfill, on every version that is there.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot get on fails where it stands"
)]

use std::time::Duration;

use postgres::{Client, NoTls};
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::change::{ChangeError, Options, Unfit};
use switchback_db::with_sources;
use switchback_migration::backfill::strategy::{Turn, still_fits};
use switchback_migration::backfill::{Job, Strategy, TableFacts, choose};
use switchback_model::BackfillId;
use switchback_scratch::Server;
use switchback_testkit::postgres::matrix;

const TABLES: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, email text, age int,
        born timestamptz DEFAULT now()) WITH (fillfactor = 90);
    CREATE INDEX users_name ON users (name);
    INSERT INTO users (id, name) SELECT i, 'User Number ' || i FROM generate_series(1, 5000) AS i;
    ANALYZE users;";

fn job(table: &str, set: &[(&str, &str)], only: Option<&str>) -> Job {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let mut text = format!(
        "schema = \"switchback.backfill/v1\"\ntable = {}\n",
        quoted(table)
    );
    if let Some(only) = only {
        text.push_str(&format!("only = {}\n", quoted(only)));
    }
    text.push_str("[set]\n");
    for (column, value) in set {
        text.push_str(&format!("{} = {}\n", quoted(column), quoted(value)));
    }
    Job::parse(BackfillId::new("it").unwrap(), &text).unwrap()
}

/// The usual one: a column that is empty gets something.
fn usual() -> Job {
    job("users", &[("email", "lower(name) || '@example.org'")], None)
}

/// A database with tables on each server.
fn each(sql: &str, test: impl Fn(u32, &str, &mut Client)) {
    for (major, folder) in matrix().unwrap() {
        let options = switchback_scratch::Options {
            binaries: Some(folder),
            ..switchback_scratch::Options::default()
        };
        let server = Server::start(
            &options
                .set("max_prepared_transactions", "2")
                .set("autovacuum", "on"),
        )
        .unwrap();
        server.create_database("shop", None).unwrap();
        let url = server.url("shop");
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute(sql).unwrap();
        test(major, &url, &mut client);
    }
}

fn open(url: &str) -> PostgresDatabase {
    PostgresDatabase::connect(url, Options::default(), 1).unwrap()
}

fn facts(url: &str, job: &Job) -> TableFacts {
    match open(url).backfill_facts(job) {
        Ok(facts) => facts,
        Err(error) => panic!("{}", with_sources(&error)),
    }
}

fn refused(url: &str, job: &Job) -> ChangeError {
    open(url).backfill_facts(job).unwrap_err()
}

#[test]
fn a_usual_table_is_read_as_it_is() {
    each(TABLES, |major, url, client| {
        let found = facts(url, &usual());
        assert_eq!(found.version / 10_000, major);
        assert_eq!(found.table, "public.users");
        let key: Vec<(&str, bool)> = found
            .key
            .iter()
            .map(|it| (it.name.as_str(), it.integer))
            .collect();
        assert_eq!(key, [("id", true)]);
        assert_eq!(found.key[0].distinct, Some(5000.0));
        assert_eq!(found.rows, Some(5000));
        assert_eq!((found.leaves, found.indexes, found.fillfactor), (1, 2, 90));
        assert_eq!(found.empty, Some(1.0));
        assert_eq!(found.indexes_on_written, [""; 0]);
        let size: i64 = client
            .query_one("SELECT pg_relation_size('users')", &[])
            .unwrap()
            .get(0);
        assert_eq!(found.bytes, size.unsigned_abs());
        assert_eq!(found.sample_failed, None);
        let sample = found.sample.unwrap();
        assert_eq!((sample.rows, sample.apart), (5000, 5000));
        assert_eq!(sample.before, 0.0);
        // What it will be once it is stored.
        client
            .batch_execute("UPDATE users SET email = lower(name) || '@example.org'")
            .unwrap();
        let stored: f64 = client
            .query_one("SELECT avg(pg_column_size(email))::float8 FROM users", &[])
            .unwrap()
            .get(0);
        assert!((sample.after - stored).abs() < 0.01, "{sample:?} {stored}");
        assert!(found.horizon.is_none() && !found.sessions_hidden);
        assert!(found.autovacuum && !found.unlogged && !found.moves_partition);
        // Now nothing is left to do.
        assert_eq!(facts(url, &usual()).sample.unwrap().apart, 0);
        let choice = choose(&found, &usual(), None).unwrap();
        let strided = matches!(choice.strategy, Strategy::Strided { .. });
        assert_eq!(strided, major >= 14, "{choice:#?}");
        assert!(strided || choice.strategy == Strategy::KeyRange);
    });
}

#[test]
fn everything_that_has_work_with_a_row_is_found() {
    let more = "
        CREATE TABLE orgs (id bigint PRIMARY KEY);
        CREATE TABLE users (id bigint, tenant int, org bigint REFERENCES orgs, email text,
            domain text GENERATED ALWAYS AS (lower(email)) STORED, note text,
            PRIMARY KEY (tenant, id));
        CREATE INDEX by_email ON users (lower(email));
        CREATE INDEX by_part ON users (tenant) WHERE email IS NULL;
        CREATE INDEX by_domain ON users (domain);
        CREATE INDEX by_pages ON users USING brin (email);
        CREATE INDEX by_covered ON users (id) INCLUDE (email);
        CREATE INDEX by_other ON users (note);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER on_all BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER on_email AFTER UPDATE OF email ON users FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER on_note AFTER UPDATE OF note ON users FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER on_insert AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER on_off AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE users DISABLE TRIGGER on_off, SET (autovacuum_enabled = off),
            REPLICA IDENTITY FULL;
        CREATE TRIGGER sb_other_keep BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f();
        CREATE PUBLICATION feed FOR TABLE users;
        CREATE PUBLICATION inserts FOR TABLE users WITH (publish = 'insert');";
    each(more, |major, url, _| {
        let found = facts(url, &job("users", &[("email", "'x'"), ("org", "1")], None));
        let mut indexes = vec!["by_covered", "by_domain", "by_email", "by_pages", "by_part"];
        if major >= 16 {
            indexes.retain(|it| *it != "by_pages");
        }
        assert_eq!(found.indexes_on_written, indexes, "{major}");
        assert_eq!(found.triggers, ["on_all", "on_email"]);
        assert_eq!(found.generated, ["domain"]);
        assert_eq!(found.foreign_keys, ["users_org_fkey"]);
        assert_eq!(found.published, ["feed"]);
        assert!(found.identity_full && !found.identity_missing && !found.autovacuum);
        let key: Vec<&str> = found.key.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(key, ["tenant", "id"]);
        assert_eq!(found.rows, Some(0));
    });
}

#[test]
fn partitions_are_read_together() {
    let parts = "
        CREATE TABLE events (id bigint, day date, kind text, note text, PRIMARY KEY (id, day, kind))
            PARTITION BY RANGE (day);
        CREATE INDEX events_note ON events (note);
        CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')
            WITH (fillfactor = 70);
        CREATE TABLE \"Odd \"\"Name\" PARTITION OF events DEFAULT PARTITION BY LIST (kind);
        CREATE TABLE events_x PARTITION OF \"Odd \"\"Name\" DEFAULT;
        INSERT INTO events SELECT i, date '2026-01-01' + (i % 100), 'k' || i % 3, NULL
            FROM generate_series(1, 3000) AS i;
        ANALYZE events;";
    each(parts, |major, url, _| {
        let found = facts(url, &job("events", &[("note", "kind || '!'")], None));
        assert_eq!((found.leaves, found.indexes, found.fillfactor), (3, 2, 100));
        assert_eq!(found.indexes_on_written, ["events_note"]);
        assert_eq!(found.rows, Some(3000));
        let files: Vec<&str> = found.files.keys().map(String::as_str).collect();
        let tables = ["public.events_1", "public.events_2", "public.events_x"];
        assert_eq!(files, tables, "{major}");
        assert_eq!(
            found.sample.map(|it| (it.rows, it.apart)),
            Some((3000, 3000))
        );
        assert!(!found.moves_partition);
        let moves = |set| facts(url, &job("events", &[(set, "kind || '!'")], None)).moves_partition;
        assert!(moves("kind"));
    });
}

#[test]
fn what_cannot_be_filled_is_said() {
    let odd = "
        CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY, name text, email text,
            short text GENERATED ALWAYS AS (left(name, 3)) STORED);
        CREATE VIEW seen AS SELECT * FROM users;
        CREATE TABLE parent (a int); CREATE TABLE child () INHERITS (parent);
        CREATE TABLE \"Select \"\"It\" (id int PRIMARY KEY, \"from\" text, x int);
        INSERT INTO \"Select \"\"It\" SELECT i, NULL, i % 2 FROM generate_series(0, 99) AS i;
        CREATE SCHEMA other; CREATE TABLE other.users (id int PRIMARY KEY, email text);
        CREATE TABLE unnamed (a int, b int); CREATE PUBLICATION feed FOR TABLE unnamed;
        CREATE ROLE app LOGIN; CREATE ROLE half LOGIN;
        GRANT SELECT ON users TO half;
        CREATE TABLE secret (id int PRIMARY KEY, a text);
        ALTER TABLE secret ENABLE ROW LEVEL SECURITY; GRANT ALL ON secret TO app;";
    each(odd, |major, url, client| {
        let unfit = |job: &Job| match refused(url, job) {
            ChangeError::Unfit { reason, .. } => reason,
            error => panic!("{}", with_sources(&error)),
        };
        let of = |column: &str, value: &str| job("users", &[(column, value)], None);
        let missing = refused(url, &job("nowhere", &[("a", "1")], None));
        assert!(matches!(missing, ChangeError::NoTable { .. }), "{missing}");
        for name in [
            "nowhere.users",
            "a b c",
            "users; DROP TABLE users",
            "a.b.c.d",
            "pg_catalog.",
            "\"",
        ] {
            let error = refused(url, &job(name, &[("a", "1")], None));
            assert!(
                matches!(error, ChangeError::NoTable { .. }),
                "{name}: {error}"
            );
        }
        let column = refused(url, &of("fax", "1"));
        assert!(matches!(column, ChangeError::NoColumn { .. }), "{column}");
        assert_eq!(
            unfit(&of("short", "'x'")),
            Unfit::Generated {
                column: "short".to_owned()
            }
        );
        assert_eq!(
            unfit(&of("id", "1")),
            Unfit::Identity {
                column: "id".to_owned()
            }
        );
        assert_eq!(
            unfit(&job("seen", &[("email", "1")], None)),
            Unfit::NotATable
        );
        assert_eq!(unfit(&job("parent", &[("a", "1")], None)), Unfit::Inherited);
        for (value, word) in [
            ("fax", "\"fax\" does not exist"),
            ("lower(", "syntax error"),
            ("sum(id)", "aggregate"),
            ("$1", "parameter"),
            ("no_such(1)", "no_such"),
            ("'x'); DROP TABLE users; --", "syntax error"),
            ("generate_series(1, 2)", "set-returning"),
        ] {
            let found = unfit(&of("email", value)).to_string();
            assert!(found.contains(word), "{value}: {found}");
        }
        let only = unfit(&job("users", &[("email", "'x'")], Some("name")));
        assert!(only.to_string().contains("`only`"), "{only}");
        // Names as they stand in SQL, columns as they are.
        let odd = job("\"Select \"\"It\"", &[("from", "'a'")], None);
        assert_eq!(facts(url, &odd).table, "public.\"Select \"\"It\"");
        assert_eq!(
            facts(url, &job("other.users", &[("email", "'a'")], None)).table,
            "other.users"
        );
        // A row on which an expression fails, and a condition that keeps it away.
        let divides = [("from", "(1 / x)::text")];
        let fails = facts(url, &job("\"Select \"\"It\"", &divides, None));
        assert_eq!(
            fails.sample_failed.as_deref(),
            Some("division by zero"),
            "{major}"
        );
        let kept_away = facts(url, &job("\"Select \"\"It\"", &divides, Some("x <> 0")));
        assert_eq!(
            kept_away.sample.map(|it| (it.rows, it.apart)),
            Some((100, 50))
        );
        let unnamed = facts(url, &job("unnamed", &[("a", "1")], None));
        assert!(unnamed.identity_missing && unnamed.published == ["feed"]);
        // Roles.
        let as_role = |role: &str| {
            client
                .batch_execute(&format!("ALTER DATABASE shop SET role = {role}"))
                .unwrap();
        };
        let mut as_role = as_role;
        as_role("half");
        let error = refused(url, &of("email", "'x'"));
        let ChangeError::Privilege { missing, role, .. } = &error else {
            panic!("{}", with_sources(&error));
        };
        assert_eq!(role, "half");
        assert_eq!(
            missing,
            &["GRANT SELECT, UPDATE ON public.users TO \"half\""]
        );
        as_role("app");
        let secret = unfit(&job("secret", &[("a", "'x'")], None));
        assert!(matches!(secret, Unfit::RowSecurity { .. }), "{secret}");
    });
}

#[test]
fn whoever_keeps_old_versions_is_named() {
    each(TABLES, |major, url, client| {
        let mut other = Client::connect(url, NoTls).unwrap();
        other
            .batch_execute(
                "SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; \
                 SELECT count(*) FROM users",
            )
            .unwrap();
        let found = facts(url, &usual()).horizon.unwrap();
        assert!(
            found.holder.contains("report, idle in transaction"),
            "{found:?}"
        );
        assert!(found.age.is_some_and(|age| age < Duration::from_secs(60)));
        other.batch_execute("ROLLBACK").unwrap();
        assert_eq!(facts(url, &usual()).horizon, None, "{major}");
        client
            .batch_execute("BEGIN; UPDATE users SET age = 1 WHERE id = 1; PREPARE TRANSACTION 'it'")
            .unwrap();
        let found = facts(url, &usual()).horizon.unwrap();
        assert_eq!(found.holder, "the prepared transaction it");
        client.batch_execute("ROLLBACK PREPARED 'it'").unwrap();
        client
            .batch_execute(
                "CREATE ROLE plain; ALTER DATABASE shop SET role = plain; \
                GRANT ALL ON users TO plain",
            )
            .unwrap();
        assert!(facts(url, &usual()).sessions_hidden);
    });
}

#[test]
fn what_a_running_job_watches_changes_with_the_table() {
    each(TABLES, |_, url, client| {
        let key = ["id".to_owned()];
        let marks = || open(url).backfill_marks(&usual(), &key).unwrap();
        let strided = Strategy::Strided { passes: 4 };
        let then = marks();
        assert_eq!(then.key, key);
        let mut turn = |sql: &str| {
            client.batch_execute(sql).unwrap();
            still_fits(strided, &then, &marks()).map(|it| it.turn)
        };
        assert_eq!(turn("VACUUM users"), None);
        assert_eq!(
            turn("CREATE INDEX by_email ON users (email)"),
            Some(Turn::Plain)
        );
        assert_eq!(
            turn("DROP INDEX by_email; CREATE INDEX by_age ON users (age)"),
            None
        );
        assert_eq!(turn("VACUUM FULL users"), Some(Turn::Anew));
        let gone = turn("ALTER TABLE users DROP CONSTRAINT users_pkey");
        assert_eq!(gone, Some(Turn::ChooseAgain));
        // Another key is not that key.
        let other = turn("ALTER TABLE users ADD UNIQUE (name)");
        assert_eq!(other, Some(Turn::ChooseAgain));
    });
}
