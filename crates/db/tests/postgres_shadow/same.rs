//! The table is what it was, and its rows have what they should.

use super::*;

/// A table with something of everything that is taken over.
const RICH: &str = r#"
    CREATE SCHEMA shop;
    CREATE TYPE shop.mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN shop.amount AS numeric(10, 2) CHECK (VALUE >= 0);
    CREATE TABLE shop.parents (id int PRIMARY KEY, region text, UNIQUE (id, region));
    INSERT INTO shop.parents SELECT n, 'r' || n FROM generate_series(1, 20) n;
    CREATE FUNCTION shop.twice(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $1';
    CREATE FUNCTION shop.tell() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RETURN coalesce(NEW, OLD); END$$;
    CREATE TABLE shop."Odd table" (
        gone int,
        id bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 3 CACHE 4 MAXVALUE 1000000),
        code serial,
        email varchar(80) COLLATE "C" NOT NULL DEFAULT 'x',
        "Mixed Case" text DEFAULT 'it''s',
        also_gone text,
        price shop.amount DEFAULT 7.5, mood shop.mood NOT NULL DEFAULT 'ok',
        parent int, region text, boss bigint, span int4range,
        doubled numeric GENERATED ALWAYS AS (price * 2) STORED,
        loud text COLLATE "C" GENERATED ALWAYS AS (upper(slug)) STORED,
        data jsonb, tags text[] DEFAULT '{a,"b c"}', flag bit(3), padded char(8), at timestamptz,
        slug text, cents numeric(8, 2),
        CONSTRAINT "The key" PRIMARY KEY (id) INCLUDE (code),
        CONSTRAINT one_code UNIQUE (code) WITH (fillfactor = 70),
        CONSTRAINT "of a parent" FOREIGN KEY (parent, region) REFERENCES shop.parents (id, region)
            ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        FOREIGN KEY (boss) REFERENCES shop."Odd table" (id),
        CONSTRAINT apart EXCLUDE USING gist (span WITH &&) WHERE (span IS NOT NULL),
        CHECK (length(email) > 0), CONSTRAINT "slug fits" CHECK (slug IS NULL OR slug <> ''),
        CONSTRAINT of_it_alone CHECK (price < 1000) NO INHERIT
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.3, toast.autovacuum_enabled = false);
    ALTER TABLE shop."Odd table" DROP gone, DROP also_gone;
    ALTER SEQUENCE shop."Odd table_id_seq" RENAME TO "its numbers";
    ALTER TABLE shop."Odd table" ALTER data SET STORAGE EXTERNAL, ALTER email SET STATISTICS 50,
        ALTER price SET (n_distinct = 77), ALTER tags SET STATISTICS 0;
    CREATE UNIQUE INDEX "by Email" ON shop."Odd table" (lower(email) text_pattern_ops, id)
        WITH (fillfactor = 60) WHERE email <> 'x';
    CREATE INDEX parents_of ON shop."Odd table" (parent DESC NULLS LAST, region) INCLUDE (price);
    CREATE INDEX ON shop."Odd table" USING gin (tags);
    CREATE INDEX ON shop."Odd table" USING brin (at) WITH (pages_per_range = 16);
    CREATE INDEX ON shop."Odd table" USING hash (email);
    CREATE INDEX of_slug ON shop."Odd table" (shop.twice(slug), (price * 2)) WHERE mood = 'ok';
    ALTER INDEX shop.of_slug ALTER COLUMN 1 SET STATISTICS 300;
    CREATE INDEX ON shop."Odd table" (slug COLLATE "C");
    ALTER TABLE shop."Odd table" CLUSTER ON parents_of;
    ALTER TABLE shop."Odd table" ALTER code SET NOT NULL,
        REPLICA IDENTITY USING INDEX one_code;
    CREATE TRIGGER before_it BEFORE INSERT ON shop."Odd table" FOR EACH ROW
        WHEN (NEW.email <> 'never') EXECUTE FUNCTION shop.tell('an argument');
    CREATE TRIGGER of_email AFTER UPDATE OF email, price ON shop."Odd table" FOR EACH ROW
        EXECUTE FUNCTION shop.tell();
    CREATE TRIGGER off AFTER UPDATE ON shop."Odd table" FOR EACH ROW EXECUTE FUNCTION shop.tell();
    ALTER TABLE shop."Odd table" DISABLE TRIGGER off;
    CREATE TRIGGER always AFTER DELETE ON shop."Odd table" REFERENCING OLD TABLE AS old
        FOR EACH STATEMENT EXECUTE FUNCTION shop.tell();
    ALTER TABLE shop."Odd table" ENABLE ALWAYS TRIGGER always;
    CREATE TRIGGER replicas AFTER UPDATE ON shop."Odd table" FOR EACH ROW
        EXECUTE FUNCTION shop.tell();
    ALTER TABLE shop."Odd table" ENABLE REPLICA TRIGGER replicas;
    CREATE CONSTRAINT TRIGGER later AFTER INSERT ON shop."Odd table" DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION shop.tell();
    COMMENT ON TABLE shop."Odd table" IS 'It''s odd';
    COMMENT ON COLUMN shop."Odd table"."Mixed Case" IS 'a \ column';
    COMMENT ON CONSTRAINT "The key" ON shop."Odd table" IS 'the key';
    COMMENT ON CONSTRAINT "slug fits" ON shop."Odd table" IS 'it fits';
    COMMENT ON CONSTRAINT "of a parent" ON shop."Odd table" IS 'whose';
    COMMENT ON CONSTRAINT apart ON shop."Odd table" IS 'apart';
    COMMENT ON INDEX shop."by Email" IS 'by it';
    COMMENT ON INDEX shop."The key" IS 'an index too';
    COMMENT ON TRIGGER of_email ON shop."Odd table" IS 'tells';
    COMMENT ON SEQUENCE shop."its numbers" IS 'numbers';
    INSERT INTO shop."Odd table" (email, "Mixed Case", price, parent, region, span, data, flag,
            padded, at, slug, cents)
        SELECT 'User' || n || '@Example.com', repeat('m', n % 60), n % 900, 1 + n % 20,
            'r' || 1 + n % 20, int4range(n * 10, n * 10 + 5), jsonb_build_object('n', n), B'101', 'p',
            timestamptz '2026-01-01 12:00+01' + n * interval '1 minute',
            CASE WHEN n % 5 = 0 THEN 'old' || n END, n / 7.0
        FROM generate_series(1, 5000) AS n;
    UPDATE shop."Odd table" SET boss = 5 WHERE id > 5;
    ANALYZE shop."Odd table";
"#;

fn grants(owner: &str, reader: &str) -> String {
    format!(
        "CREATE ROLE {owner}; CREATE ROLE {reader};
         ALTER DEFAULT PRIVILEGES GRANT UPDATE ON TABLES TO {reader};
         ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {reader};
         GRANT USAGE ON SCHEMA shop TO {owner};
         ALTER TABLE shop.\"Odd table\" OWNER TO {owner};
         GRANT SELECT, INSERT ON shop.\"Odd table\" TO {reader} WITH GRANT OPTION;
         GRANT SELECT ON shop.\"Odd table\" TO PUBLIC;
         GRANT UPDATE (email, \"Mixed Case\") ON shop.\"Odd table\" TO {reader};
         GRANT SELECT (price) ON shop.\"Odd table\" TO PUBLIC;
         GRANT USAGE ON SEQUENCE shop.\"its numbers\" TO {reader};
         REVOKE TRUNCATE, TRIGGER ON shop.\"Odd table\" FROM {owner};"
    )
}

fn rich_job() -> Job {
    job(
        "table = 'shop.\"Odd table\"'\n[set]\nslug = \"lower(email) || padded\"\n\
         cents = \"price / 3\"",
    )
}

#[test]
fn the_table_is_what_it_was() {
    let (url, mut client) = database(RICH);
    client
        .batch_execute(&grants("rich_owner", "rich_reader"))
        .unwrap();
    let version: i32 = client
        .query_one("SELECT current_setting('server_version_num')::int", &[])
        .unwrap()
        .get(0);
    if version >= 140_000 {
        let sql = "ALTER TABLE shop.\"Odd table\" ALTER \"Mixed Case\" SET COMPRESSION pglz";
        client.batch_execute(sql).unwrap();
    }
    if version >= 150_000 {
        let sql = "CREATE UNIQUE INDEX ON shop.\"Odd table\" (parent, id) NULLS NOT DISTINCT";
        client.batch_execute(sql).unwrap();
    }
    let before = meaning(&url);
    let rows = dump(&mut client, "shop.\"Odd table\"");
    let next = "SELECT nextval('shop.\"its numbers\"')";
    let last = number(&mut client, next);
    assert_eq!(fill(&url, &rich_job(), 2), End::Job(JobStatus::Done));
    assert_eq!(standing(&url).error, None);
    nothing_left(&mut client);
    let after = meaning(&url);
    let lost: Vec<_> = before.iter().filter(|it| !after.contains(it)).collect();
    let new: Vec<_> = after.iter().filter(|it| !before.contains(it)).collect();
    assert!(lost.is_empty() && new.is_empty(), "{lost:#?} {new:#?}");
    assert!(before.len() > 75, "{}", before.len());
    // What it holds, and with which numbers it goes on: a session keeps those that it has.
    let wrong = "SELECT count(*) FROM shop.\"Odd table\" WHERE slug IS DISTINCT FROM
        lower(email) || padded OR cents IS DISTINCT FROM round(price / 3, 2)
        OR loud IS DISTINCT FROM upper(slug)";
    assert_eq!(number(&mut client, wrong), 0);
    assert!(number(&mut client, next) > last);
    let code = "INSERT INTO shop.\"Odd table\" (email) VALUES ('n') RETURNING code::bigint";
    assert_eq!(number(&mut client, code), 5001);
    let sql = "DELETE FROM shop.\"Odd table\" WHERE email = 'n'";
    client.batch_execute(sql).unwrap();
    // Foreign keys are validated and checked.
    let valid = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
    assert_eq!(number(&mut client, valid), 0);
    let broken = "BEGIN; UPDATE shop.\"Odd table\" SET parent = 99 WHERE id = 5; COMMIT";
    assert!(client.batch_execute(broken).is_err());
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(undo(&url, &rich_job()), End::Job(JobStatus::Undone));
    assert_eq!(dump(&mut client, "shop.\"Odd table\""), rows);
    assert_eq!(meaning(&url), before);
}

#[test]
fn rows_get_what_they_should_and_come_back() {
    for workers in [1, 3] {
        let (url, mut client) = database(&users(5_000));
        let before = meaning(&url);
        assert_eq!(fill(&url, &slug(), workers), End::Job(JobStatus::Done));
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(number(&mut client, wrong), 0);
        assert_eq!(standing(&url).counts.changed, 4_500);
        assert_eq!(meaning(&url), before);
        nothing_left(&mut client);
        // Statistics are there at once.
        let known = "SELECT count(*) FROM pg_stats WHERE tablename = 'users'";
        assert!(number(&mut client, known) >= 4);
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), dump(&mut client, "original"));
        assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
        // And once more.
        assert_eq!(fill(&url, &slug(), workers), End::Job(JobStatus::Done));
        assert_eq!(number(&mut client, wrong), 0);
        assert_eq!(meaning(&url), before);
    }
}

#[test]
fn keys_of_every_kind() {
    let keys = [
        ("region text, id int", "region, id", "'r' || n % 7, n"),
        ("key uuid", "key", "md5(n::text)::uuid"),
        ("key text COLLATE \"C\"", "key", "'Key \" \\ ' || n"),
        (
            "key timestamptz",
            "key",
            "timestamptz '2026-01-01' + n * interval '1 s'",
        ),
        ("key numeric(20, 5)", "key", "n / 8.0"),
    ];
    for (columns, key, values) in keys {
        let (url, mut client) = database(&format!(
            "CREATE TABLE users ({columns}, email text, slug text, PRIMARY KEY ({key}));
             INSERT INTO users SELECT {values}, 'User' || n, CASE WHEN n % 3 = 0 THEN 'old' END
             FROM generate_series(1, 2000) AS n;
             CREATE TABLE original AS SELECT * FROM users"
        ));
        begin(&url, &slug());
        let sql = "UPDATE users SET email = 'Changed' || email WHERE email LIKE '%7'";
        client.batch_execute(sql).unwrap();
        let end = walk(&url, &slug(), 2);
        assert_eq!(
            end,
            End::Job(JobStatus::Done),
            "{columns}: {:?}",
            standing(&url)
        );
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(number(&mut client, wrong), 0);
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
        let others = |table: &str| format!("(SELECT * FROM {table} WHERE email NOT LIKE '%7')");
        assert_eq!(
            dump(&mut client, &others("users")),
            dump(&mut client, &others("original"))
        );
        assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
    }
}

#[test]
fn only_the_rows_that_are_meant_and_an_empty_table() {
    let (url, mut client) = database(&users(3_000));
    let some = job("table = \"users\"\nonly = \"id % 2 = 0\"\n[set]\nslug = \"lower(email)\"");
    assert_eq!(fill(&url, &some, 2), End::Job(JobStatus::Done));
    let wrong =
        "SELECT count(*) FROM users u JOIN original o USING (id) WHERE u.slug IS DISTINCT FROM
        CASE WHEN id % 2 = 0 THEN lower(u.email) ELSE o.slug END";
    assert_eq!(number(&mut client, wrong), 0);
    let (url, mut client) = database(&users(0));
    assert_eq!(fill(&url, &slug(), 1), End::Job(JobStatus::Done));
    nothing_left(&mut client);
}

#[test]
fn rows_that_refuse_are_copied_as_they_are_and_named() {
    let (url, mut client) = database(&format!(
        "{}; ALTER TABLE users ADD CONSTRAINT short CHECK (slug !~ '^user13.*com-?[0-9]')",
        users(2_000)
    ));
    let divided = job("table = \"users\"\n[set]\nslug = \"lower(email) || (100 / (id - 77))\"");
    begin(&url, &divided);
    client
        .batch_execute("UPDATE users SET note = 'again' WHERE id IN (77, 78, 131)")
        .unwrap();
    assert_eq!(walk(&url, &divided, 2), End::Job(JobStatus::Done));
    let refused: Vec<String> = open(&url)
        .backfill_failures("it", 1000)
        .unwrap()
        .into_iter()
        .map(|it| it.key)
        .collect();
    let is = |id: u32| id == 77 || id.to_string().starts_with("13");
    let mut wanted: Vec<String> = (1..=2000)
        .filter(|id| is(*id))
        .map(|id| id.to_string())
        .collect();
    wanted.sort();
    assert_eq!(refused, wanted);
    let kept = "SELECT count(*) FROM users u JOIN original o USING (id)
        WHERE (id = 77 OR id::text LIKE '13%') AND u.slug IS NOT DISTINCT FROM o.slug";
    assert_eq!(
        number(&mut client, kept),
        i64::try_from(wanted.len()).unwrap()
    );
    let done = "SELECT count(*) FROM users WHERE id <> 77 AND id::text NOT LIKE '13%'
        AND slug IS DISTINCT FROM lower(email) || (100 / (id - 77))";
    assert_eq!(number(&mut client, done), 0);
}
