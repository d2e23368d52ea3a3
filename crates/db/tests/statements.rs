//! What a server says about who uses a table, and whether that is what was done.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot get on fails where it stands"
)]

use switchback_db::postgres::{Session, schema, statements};
use switchback_migration::Engine;
use switchback_migration::reads::guard::{Entry, Statistics, Told, Users, Verdict, compare};
use switchback_migration::reads::{OldShape, Use};
use switchback_migration::sql::ir::Name;
use switchback_model::{Counts, Duration};
use switchback_scratch::{Options, Server};
use switchback_testkit::postgres::matrix;

const TABLES: &str = "CREATE TABLE users (id int PRIMARY KEY, name text, fax text);
    CREATE TABLE orders (id int, user_id int, total int);
    CREATE TABLE companies (id int, fax text);
    INSERT INTO users VALUES (1, 'a', 'b');";

/// The servers with the extension loaded, one for each version, and further settings.
fn servers(settings: &[(&str, &str)]) -> Vec<Server> {
    let made = matrix().unwrap().into_iter().map(|(_, folder)| {
        let mut options = Options {
            binaries: Some(folder),
            ..Options::default()
        };
        for (name, value) in settings {
            options = options.set(*name, *value);
        }
        Server::start(&options).unwrap()
    });
    made.collect()
}

const LOADED: (&str, &str) = ("shared_preload_libraries", "pg_stat_statements");

fn database(server: &Server) -> Session {
    server.create_database("shop", None).unwrap();
    let mut session = Session::connect(&server.url("shop")).unwrap();
    session.run("CREATE EXTENSION pg_stat_statements").unwrap();
    session.run(TABLES).unwrap();
    session
}

fn table() -> Name {
    Name::qualified("public", "users")
}

fn told(session: &mut Session) -> Told {
    statements::read(session, &[table()], &["fax".to_owned()], "sb_x_").unwrap()
}

fn shape() -> OldShape<'static> {
    OldShape::new(Engine::Postgres, table(), vec!["fax".to_owned()], None)
}

fn counts(statistics: &Statistics) -> Counts {
    Users::of(&shape(), statistics).counts(statistics)
}

fn verdict(now: &Statistics, then: &Counts) -> Verdict {
    let no_window = Duration::from_millis(0);
    compare(now, &Users::of(&shape(), now), Some(then), no_window)
}

/// What cannot be seen, without what PostgreSQL 12 and 13 never say.
fn unseen(verdict: &Verdict) -> Vec<&str> {
    let all = verdict.unseen.iter().map(|it| it.what.as_str());
    all.filter(|it| !it.contains("PostgreSQL says so from 14 on"))
        .collect()
}

#[test]
fn executions_are_told_from_those_before_and_from_others() {
    for server in servers(&[LOADED]) {
        let major = server.version().major();
        let mut session = database(&server);
        session.run("SELECT fax FROM users WHERE id = 7").unwrap();
        let before = told(&mut session);
        assert!(before.unseen.is_empty(), "{major}: {:?}", before.unseen);
        let before = before.statistics.unwrap();
        assert_eq!(before.reset.is_some(), major >= 14, "{major}");
        let before = counts(&before);
        assert!(!before.calls.is_empty(), "{major}");

        session
            .run("SELECT id, name FROM users WHERE id = 8")
            .unwrap();
        session.run("SELECT fax FROM companies").unwrap();
        let now = told(&mut session).statistics.unwrap();
        let quiet = verdict(&now, &before);
        assert!(quiet.found.is_empty(), "{major}: {:?}", quiet.found);
        assert!(unseen(&quiet).is_empty(), "{major}: {:?}", quiet.unseen);

        session.run("SELECT fax FROM users WHERE id = 9").unwrap();
        session.run("SELECT * FROM users AS u").unwrap();
        session
            .run("BEGIN; DECLARE c CURSOR FOR TABLE users; COMMIT")
            .unwrap();
        let now = told(&mut session).statistics.unwrap();
        let found = verdict(&now, &before).found;
        let texts: Vec<&str> = found.iter().map(|it| it.what.as_str()).collect();
        for wanted in [
            "SELECT fax FROM users WHERE id = $1",
            "SELECT * FROM users AS u",
        ] {
            assert!(texts.contains(&wanted), "{major}: {texts:?}");
        }
        assert!(
            texts.iter().any(|it| it.starts_with("DECLARE c")),
            "{major}: {texts:?}"
        );

        // From here on what was counted before is lost, and that is said.
        session.run("SELECT pg_stat_statements_reset()").unwrap();
        let now = told(&mut session).statistics.unwrap();
        let after = verdict(&now, &before);
        assert!(after.found.is_empty(), "{major}: {:?}", after.found);
        if major >= 14 {
            assert!(now.reset > before.reset, "{major}");
        } else {
            assert!(!unseen(&after).is_empty(), "{major}");
        }
    }
}

#[test]
fn what_was_executed_can_be_asked_for_alone() {
    for server in servers(&[LOADED]) {
        let major = server.version().major();
        let mut session = database(&server);
        for id in 1..=3 {
            let sql = format!("SELECT fax FROM users WHERE id = {id}");
            session.run(&sql).unwrap();
        }
        let executed = statements::executed(&server.url("shop")).unwrap();
        assert!(executed.unseen.is_empty(), "{major}: {:?}", executed.unseen);
        let entries = executed.entries.unwrap();
        let wanted = |it: &&Entry| it.text == "SELECT fax FROM users WHERE id = $1";
        let found = entries.iter().find(wanted).unwrap();
        assert_eq!(found.calls, 3, "{major}");
        assert!(found.query().parse::<i64>().is_ok(), "{major}: {found:?}");
        assert!(!found.is_nested(), "{major}: {found:?}");

        session.run("DROP EXTENSION pg_stat_statements").unwrap();
        let executed = statements::executed(&server.url("shop")).unwrap();
        assert_eq!(executed.entries, None, "{major}");
        assert_eq!(executed.unseen.len(), 1, "{major}");
    }
}

#[test]
fn entries_that_were_thrown_away_are_said() {
    for server in servers(&[LOADED, ("pg_stat_statements.max", "100")]) {
        let major = server.version().major();
        let mut session = database(&server);
        let before = counts(&told(&mut session).statistics.unwrap());
        // Statements that differ in more than constants.
        for number in 1..300 {
            let columns = vec!["1"; number].join(", ");
            session.run(&format!("SELECT {columns}")).unwrap();
        }
        let now = told(&mut session).statistics.unwrap();
        let after = verdict(&now, &before);
        let said = |it: &str| it.contains("thrown away to make room");
        assert!(
            unseen(&after).iter().any(|it| said(it)),
            "{major}: {:?}",
            after.unseen
        );
    }
}

fn says(told: &Told, what: &str) -> bool {
    told.unseen.iter().any(|it| it.what.contains(what))
}

#[test]
fn what_a_server_cannot_say_is_said() {
    for server in servers(&[]) {
        server.create_database("shop", None).unwrap();
        let mut session = Session::connect(&server.url("shop")).unwrap();
        session.run(TABLES).unwrap();
        let absent = told(&mut session);
        assert!(absent.statistics.is_none());
        assert!(says(&absent, "is not in this database"), "{absent:?}");
        session.run("CREATE EXTENSION pg_stat_statements").unwrap();
        let idle = told(&mut session);
        assert!(idle.statistics.is_none());
        assert!(says(&idle, "pg_stat_statements is not loaded"), "{idle:?}");
    }
    for server in servers(&[LOADED, ("pg_stat_statements.track_utility", "off")]) {
        let major = server.version().major();
        let mut session = database(&server);
        session
            .run(
                "CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN;
                 GRANT SELECT ON users TO app;
                 SET ROLE app; SELECT fax FROM users; RESET ROLE;
                 ALTER ROLE app IN DATABASE shop SET pg_stat_statements.track = none",
            )
            .unwrap();
        let all = told(&mut session);
        assert!(says(&all, "track_utility is off"), "{major}: {all:?}");
        assert!(says(&all, "statements of app: there"), "{major}: {all:?}");
        assert!(!says(&all, "of other roles"), "{major}: {all:?}");
        session.run("SET ROLE watcher").unwrap();
        let less = told(&mut session);
        assert!(says(&less, "of other roles"), "{major}: {less:?}");
        // With the right it is seen again.
        session
            .run("RESET ROLE; GRANT pg_read_all_stats TO watcher; SET ROLE watcher")
            .unwrap();
        let more = told(&mut session);
        assert!(!says(&more, "of other roles"), "{major}: {more:?}");
        session.run("RESET ROLE").unwrap();
        session
            .run("ALTER SYSTEM SET pg_stat_statements.track = none")
            .unwrap();
        session.run("SELECT pg_reload_conf()").unwrap();
        // A reload reaches each session when it is told; a new one has it from the beginning.
        let none = (0..1_000).find_map(|_| {
            let mut fresh = Session::connect(&server.url("shop")).unwrap();
            let found = told(&mut fresh);
            says(&found, "track is none").then_some(found)
        });
        assert!(none.is_some(), "{major}");
    }
}

#[test]
fn the_catalog_says_what_is_made_of_a_column() {
    for server in servers(&[LOADED]) {
        let major = server.version().major();
        let mut session = database(&server);
        session
            .run(
                "CREATE VIEW faxes AS SELECT * FROM users;
                 CREATE VIEW names AS SELECT name FROM users;
                 CREATE PUBLICATION all_of_it FOR TABLE users;
                 CREATE POLICY p ON users USING (fax IS NOT NULL);
                 CREATE FUNCTION get() RETURNS text LANGUAGE sql AS 'SELECT fax FROM users';
                 CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN NEW.fax := 1; RETURN NEW; END';
                 CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION trig();
                 CREATE FUNCTION sb_x_sync() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN NEW.fax := 1; RETURN NEW; END';
                 CREATE TRIGGER zz_sb_x_sync BEFORE UPDATE ON users FOR EACH ROW
                     WHEN (NEW.fax IS DISTINCT FROM OLD.fax) EXECUTE FUNCTION sb_x_sync();
                 CREATE FUNCTION build(t text) RETURNS void LANGUAGE plpgsql AS
                     'BEGIN EXECUTE t; END';",
            )
            .unwrap();
        let found = told(&mut session);
        assert_eq!(
            found.dependents,
            ["policy p on table users", "view faxes"],
            "{major}"
        );
        let body = |name: &str| {
            found
                .bodies
                .iter()
                .find(|it| it.what == format!("function public.{name}"))
        };
        assert!(body("trig").unwrap().on_table && !body("get").unwrap().on_table);
        assert!(body("sb_x_sync").is_none(), "{major}");
        assert!(shape().in_body(&body("get").unwrap().text));
        assert!(
            says(&found, "while they run: function public.build"),
            "{major}: {found:?}"
        );
        assert!(says(&found, "publication all_of_it"), "{major}: {found:?}");
        if major >= 15 {
            session
                .run("ALTER PUBLICATION all_of_it SET TABLE users (id, name)")
                .unwrap();
            let found = told(&mut session);
            assert!(!says(&found, "publication"), "{major}: {found:?}");
        }
        let whole = statements::read(&mut session, &[table()], &[], "sb_x_").unwrap();
        assert_eq!(whole.dependents, ["view faxes", "view names"], "{major}");
    }
}

#[test]
fn what_is_made_of_a_partition_is_made_of_its_table() {
    for server in servers(&[LOADED]) {
        let major = server.version().major();
        let mut session = database(&server);
        session
            .run(
                "CREATE TABLE events (id int, fax text) PARTITION BY RANGE (id);
                 -- Its columns stand in another order.
                 CREATE TABLE events_1 (fax text, id int);
                 ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM (0) TO (9);
                 CREATE VIEW first AS SELECT fax FROM events_1;
                 CREATE VIEW ids AS SELECT id FROM events_1;",
            )
            .unwrap();
        let known = schema::read(session.client()).unwrap();
        let columns = vec!["fax".to_owned()];
        let events = Name::qualified("public", "events");
        let shape = OldShape::new(Engine::Postgres, events, columns, Some(&known));
        let found = statements::read(&mut session, shape.tables(), shape.columns(), "").unwrap();
        assert_eq!(found.dependents, ["view first"], "{major}");
    }
}

/// The server's own word for what a statement reads is what a view made of it depends on.
#[test]
fn reads_are_what_the_server_says_they_are() {
    let server = servers(&[]).pop().unwrap();
    server.create_database("shop", None).unwrap();
    let mut session = Session::connect(&server.url("shop")).unwrap();
    session.run(TABLES).unwrap();
    let schema = schema::read(session.client()).unwrap();
    let columns = vec!["fax".to_owned()];
    let shape = OldShape::new(Engine::Postgres, table(), columns, Some(&schema));
    let statements = [
        "SELECT fax FROM users",
        "SELECT id FROM users",
        "SELECT users.* FROM users",
        "SELECT o.* FROM orders o, users u WHERE u.id = o.user_id",
        "SELECT u.* FROM orders o, users u",
        "SELECT u FROM users u",
        "SELECT name AS fax FROM users",
        "SELECT fax FROM companies WHERE EXISTS (SELECT FROM users WHERE users.id = companies.id)",
        "SELECT fax FROM companies WHERE EXISTS (SELECT FROM users WHERE users.fax = companies.fax)",
        "SELECT id FROM companies WHERE id IN (SELECT id FROM users WHERE fax > 'a')",
        "SELECT c.fax FROM companies c JOIN users u USING (id)",
        "SELECT id FROM companies JOIN users USING (id, fax)",
        "SELECT c.id FROM companies c NATURAL JOIN users u",
        "SELECT count(*) FROM users",
        "SELECT count(fax) FROM users",
        "SELECT count(u.*) FROM users u",
        "SELECT id FROM users ORDER BY fax",
        "SELECT id FROM users GROUP BY id, fax",
        "SELECT id, row_number() OVER (PARTITION BY fax) FROM users",
        "SELECT id, row_number() OVER w FROM users WINDOW w AS (ORDER BY users.fax)",
        "SELECT id, sum(id) FILTER (WHERE fax IS NULL) FROM users GROUP BY id",
        "WITH x AS (SELECT id, fax AS f FROM users) SELECT f FROM x",
        "WITH users AS (SELECT id, fax FROM companies) SELECT fax FROM users",
        "WITH companies AS (SELECT * FROM users) SELECT 1 AS one FROM companies",
        "SELECT x.id FROM (SELECT * FROM companies) x, users",
        "SELECT l.f FROM users u, LATERAL (SELECT u.fax AS f) l",
        "SELECT l.f FROM companies c, LATERAL (SELECT fax AS f) l, users",
        "SELECT (SELECT fax) AS f FROM users",
        "SELECT (SELECT max(c.fax) FROM companies c WHERE c.id = users.id) AS f FROM users",
        "SELECT CASE WHEN fax = '' THEN 1 END AS f FROM users",
        "SELECT id FROM orders UNION SELECT id FROM users",
        "SELECT name FROM users EXCEPT SELECT fax FROM users",
        "SELECT a FROM users AS x (a, b, c)",
        "SELECT c FROM users AS x (a, b, c)",
        "SELECT (u).fax FROM users u",
        "SELECT (u).id FROM users u",
        "TABLE users",
        "SELECT array(SELECT fax FROM users) AS f",
        "SELECT DISTINCT ON (fax) id FROM users",
        "SELECT fax(users) AS f FROM users",
        "SELECT users.name FROM users TABLESAMPLE system (10)",
        "SELECT id FROM users WHERE (id, fax) = (1, 'x')",
        "SELECT to_jsonb(u) - 'fax' AS j FROM users u",
        "SELECT string_agg(fax, ',' ORDER BY id) AS f FROM companies, LATERAL (SELECT 1 FROM users) y",
    ];
    let mut more_than_the_server = Vec::new();
    for sql in statements {
        session
            .run(&format!("CREATE VIEW made AS {sql}"))
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let answer = session
            .rows(
                "SELECT count(*) FROM pg_depend d JOIN pg_attribute a \
                 ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                 WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = 'users'::regclass \
                 AND a.attname = 'fax'",
            )
            .unwrap();
        let reads = answer[0].text(0) != "0";
        session.run("DROP VIEW made").unwrap();
        match shape.used_by(sql) {
            Use::Yes(_) if !reads => more_than_the_server.push(sql),
            Use::No if reads => panic!("{sql} is taken for no read of it"),
            Use::Unknown(why) => panic!("{sql}: {why}"),
            Use::Yes(_) | Use::No => {}
        }
    }
    // A whole row is taken for all of its columns, an alias list for one that names all, and what
    // stands later in FROM for something that LATERAL sees.
    assert_eq!(
        more_than_the_server,
        [
            "SELECT u FROM users u",
            "SELECT count(u.*) FROM users u",
            "SELECT l.f FROM companies c, LATERAL (SELECT fax AS f) l, users",
            "SELECT a FROM users AS x (a, b, c)",
            "SELECT (u).id FROM users u",
            "SELECT to_jsonb(u) - 'fax' AS j FROM users u",
        ]
    );
}
