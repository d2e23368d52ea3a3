//! Whatever a copy could not take over is refused before anything is made.

use switchback_migration::backfill::{Refusal, choose};

use super::*;

/// What is done to a table, and a word of the reason.
const AGAINST: [(&str, &str); 34] = [
    ("CREATE TABLE orders (by bigint REFERENCES users)", "orders"),
    ("CREATE VIEW people AS SELECT id FROM users", "view public.people"),
    ("CREATE MATERIALIZED VIEW people AS SELECT id FROM users", "view public.people"),
    ("CREATE VIEW people AS SELECT id, email FROM users GROUP BY id", "view public.people"),
    ("CREATE RULE nothing AS ON DELETE TO users DO INSTEAD NOTHING", "rule nothing"),
    ("CREATE FUNCTION f(users) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function public.f"),
    ("CREATE FUNCTION f() RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users'", "function public.f"),
    ("CREATE FUNCTION f() RETURNS users[] LANGUAGE sql AS 'SELECT NULL::users[]'", "function public.f"),
    ("CREATE TABLE other (row users)", "public.other"),
    ("CREATE DOMAIN one AS users", "one"),
    ("CREATE POLICY mine ON users USING (true)", "mine"),
    ("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "row-level security"),
    ("CREATE PUBLICATION a_part FOR TABLE users", "published"),
    ("CREATE PUBLICATION every FOR ALL TABLES", "published"),
    ("CREATE TABLE child () INHERITS (users)", "inherit"),
    ("CREATE TABLE parent (note text); ALTER TABLE users INHERIT parent", "inherit"),
    ("CREATE STATISTICS both_of ON email, note FROM users", "statistics object"),
    ("CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION e()", "event trigger watching"),
    ("ALTER TABLE users ADD CONSTRAINT c CHECK (id < 7) NOT VALID", "not validated"),
    ("ALTER TABLE users ADD UNIQUE (note, id) DEFERRABLE", "can be deferred"),
    ("ALTER TABLE users ADD UNIQUE (slug)", "unique index"),
    ("CREATE UNIQUE INDEX ON users (lower(slug))", "unique index"),
    ("CREATE UNIQUE INDEX ON users (id) WHERE slug IS NULL", "unique index"),
    ("ALTER TABLE users ADD loud text GENERATED ALWAYS AS (upper(slug)) STORED UNIQUE",
     "unique index"),
    ("CREATE TABLE slugs (slug text PRIMARY KEY);
      ALTER TABLE users ADD FOREIGN KEY (slug) REFERENCES slugs NOT VALID", "foreign key"),
    ("CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION t()", "trigger touch"),
    ("ALTER TABLE users SET UNLOGGED", "logged"),
    ("ALTER TABLE users ADD number int GENERATED ALWAYS AS IDENTITY;
      CREATE TABLE other (n int DEFAULT nextval('users_number_seq'))", "other"),
    ("ALTER EXTENSION plpgsql ADD TABLE users", "extension"),
    ("CREATE INDEX on_it ON users (note);
      ALTER INDEX on_it DEPENDS ON EXTENSION plpgsql", "extension"),
    ("COMMENT ON TYPE users IS 'a row'", "row type"),
    ("CREATE TABLE p (id int PRIMARY KEY); ALTER TABLE users ADD q int REFERENCES p;
      ALTER TABLE users DISABLE TRIGGER ALL", "turned off"),
    ("CREATE ROLE a_friend; GRANT SELECT ON users TO a_friend WITH GRANT OPTION; SET ROLE a_friend;
      GRANT SELECT ON users TO PUBLIC; RESET ROLE", "somebody else"),
    ("CREATE AGGREGATE firsts (users) (SFUNC = array_append, STYPE = users[])", "firsts"),
];

#[test]
fn what_would_be_lost_is_refused_and_named() {
    let mut wrong = Vec::new();
    for (sql, word) in AGAINST {
        let (url, mut client) = database(&users(20));
        client
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let before = meaning(&url);
        // The one who chooses says so.
        let facts = open(&url).backfill_facts(&slug());
        if let Ok(facts) = facts {
            let refusal = choose(&facts, &slug(), Some(Strategy::ShadowCopy)).unwrap_err();
            let told = refusal.to_string();
            assert!(
                matches!(refusal, Refusal::Unfit { .. }) || told.contains("published"),
                "{told}"
            );
            if !told.contains(word) {
                wrong.push(format!("{sql}: {told}"));
            }
        }
        // And the one who would do it, in the same words.
        let begun = open(&url).begin_backfill(&slug(), Strategy::ShadowCopy, true, false);
        let error = switchback_db::with_sources(&begun.err().unwrap_or_else(|| panic!("{sql}")));
        if !error.contains(word) && !error.contains("inherit") {
            wrong.push(format!("{sql}: {error}"));
        }
        let made = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_switchback%'";
        assert_eq!(number(&mut client, made), 0, "{sql}");
        assert_eq!(meaning(&url), before, "{sql}");
        client
            .batch_execute("DROP EVENT TRIGGER IF EXISTS watching")
            .unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_partitioned_table_and_one_without_a_key_are_refused() {
    let (url, _) = database(
        "CREATE TABLE users (id int PRIMARY KEY, email text, slug text) PARTITION BY RANGE (id);
         CREATE TABLE users_1 PARTITION OF users FOR VALUES FROM (0) TO (100)",
    );
    let begin = |url: &str, job: &Job| {
        let begun = open(url).begin_backfill(job, Strategy::ShadowCopy, true, false);
        switchback_db::with_sources(&begun.unwrap_err())
    };
    assert!(begin(&url, &slug()).contains("partitioned"));
    let leaf = job("table = \"users_1\"\n[set]\nslug = \"lower(email)\"");
    assert!(begin(&url, &leaf).contains("partition"));
    let (url, _) = database("CREATE TABLE users (id int, email text, slug text)");
    let without = job("table = \"users\"\nkeep-undo = false\n[set]\nslug = \"lower(email)\"");
    let told = begin(&url, &without);
    assert!(told.contains("no key"), "{told}");
}
