//! Constraints of many shapes, partitions, and tables that resist.

use switchback_db::postgres::synth::{Outcome, Reason, Request, fill};

use super::{database, filled, lines, number};

#[test]
fn checks_of_many_shapes() {
    let mut db = database(
        "CREATE FUNCTION even(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 = 0';
        CREATE TABLE c (
            id serial PRIMARY KEY CHECK (id > 0),
            age int NOT NULL CHECK (age BETWEEN 18 AND 21),
            pct numeric(5,2) NOT NULL CHECK (pct > 0 AND pct <= 0.5),
            status text NOT NULL CHECK (status IN ('open', 'it''s closed')),
            st varchar(9) NOT NULL CHECK (st = ANY (ARRAY['x', 'y'])),
            short text NOT NULL CHECK (char_length(short) <= 3 AND short <> ''),
            exact text NOT NULL CHECK (length(exact) = 17),
            hash bytea NOT NULL CHECK (octet_length(hash) = 20),
            code text NOT NULL CHECK (code ~ '^[A-Z]{3}-\\d{4}(x|y)?$'),
            low text NOT NULL CHECK (low = lower(low) AND low !~ '\\s'),
            up varchar(30) NOT NULL CHECK (upper(up) = up),
            trimmed text NOT NULL CHECK (btrim(trimmed) = trimmed AND length(btrim(trimmed)) > 2),
            url text NOT NULL CHECK (url LIKE 'https://%'),
            mail text NOT NULL CHECK (position('@' in mail) > 1),
            starts timestamptz NOT NULL, ends timestamptz NOT NULL CHECK (ends > starts),
            lo int NOT NULL, hi int NOT NULL, CHECK (hi > lo AND hi <= lo + 10),
            d1 date, d2 date, CHECK (d2 >= d1 + 7),
            future timestamptz NOT NULL CHECK (future > now()),
            even int NOT NULL CHECK (even(even)),
            fives int NOT NULL CHECK (fives % 5 = 0 AND fives > 12),
            month date NOT NULL CHECK (date_trunc('month', month) = month),
            js jsonb NOT NULL CHECK (jsonb_typeof(js) = 'array'),
            obj jsonb NOT NULL CHECK (obj ? 'k' ),
            typ jsonb NOT NULL CHECK (typ ->> 'type' IN ('a', 'b') AND (typ #>> '{x,y}') IS NOT NULL),
            tags text[] NOT NULL CHECK (tags <@ ARRAY['r', 'g', 'b'] AND cardinality(tags) >= 2),
            one_a int, one_b int, one_c text, CHECK (num_nonnulls(one_a, one_b, one_c) = 1),
            two_a int, two_b int, CHECK ((two_a IS NULL) = (two_b IS NULL)),
            sum_a int, sum_b int, CHECK ((sum_a IS NOT NULL)::int + (sum_b IS NOT NULL)::int >= 1),
            kind text NOT NULL, p_email text, p_phone text,
            CHECK ((kind = 'email' AND p_email IS NOT NULL AND p_phone IS NULL)
                OR (kind = 'phone' AND p_phone IS NOT NULL AND p_email IS NULL)),
            admin bool NOT NULL, reason text, CHECK (NOT admin OR reason IS NOT NULL),
            level int NOT NULL, bonus int, CHECK (CASE WHEN level > 3 THEN bonus > 100 ELSE bonus IS NULL END),
            prob float8 NOT NULL CHECK (prob >= 0 AND prob < 1),
            ip inet NOT NULL CHECK (family(ip) = 4),
            neg int NOT NULL CHECK (neg < -5), pos money NOT NULL CHECK (pos > 0::money),
            area int GENERATED ALWAYS AS (lo * 2) STORED CHECK (area > 20),
            diff text NOT NULL CHECK (diff <> low),
            nn text
        );
        ALTER TABLE c ADD CHECK (nn IS NOT NULL) NOT VALID;",
    );
    filled(&mut db, 300);
    // Not all rows take the same way through alternatives.
    for (column, least) in [
        ("kind", 2),
        ("admin", 2),
        ("one_a IS NULL", 2),
        ("bonus IS NULL", 2),
        ("status", 2),
        ("two_a IS NULL", 2),
        ("age", 4),
    ] {
        let sql = format!("SELECT count(DISTINCT ({column})) FROM c");
        assert!(number(&mut db, &sql) >= least, "{column}");
    }
}

#[test]
fn checks_that_only_trying_satisfies() {
    let mut db = database(
        "CREATE TABLE t (id serial PRIMARY KEY, a int NOT NULL, b int NOT NULL, c text NOT NULL,
            CHECK ((a * 7 + b) % 3 = 1), CHECK (md5(c) ~ '^[0-7]'), CHECK (a + b < 100000000),
            CHECK (extract(isodow FROM '2024-01-01'::date + abs(a % 1000)) IN (1, 2, 3)));
        CREATE TABLE raises (id serial PRIMARY KEY, n int NOT NULL CHECK (100 / (n % 2) > 0));",
    );
    filled(&mut db, 60);
}

#[test]
fn partitions_get_rows() {
    let mut db = database(
        "CREATE TABLE r (id bigserial, at timestamptz NOT NULL, v int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE r1 PARTITION OF r FOR VALUES FROM ('2031-01-01') TO ('2031-02-01');
        CREATE TABLE r2 PARTITION OF r FOR VALUES FROM ('2031-02-01') TO ('2031-03-01');
        CREATE TABLE r0 PARTITION OF r FOR VALUES FROM (MINVALUE) TO ('2001-01-01');
        CREATE TABLE l (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
        CREATE TABLE l1 PARTITION OF l FOR VALUES IN ('eu', 'it''s');
        CREATE TABLE l2 PARTITION OF l FOR VALUES IN ('us', NULL) ;
        CREATE TABLE l3 PARTITION OF l DEFAULT;
        CREATE TABLE h (id uuid PRIMARY KEY, x text) PARTITION BY HASH (id);
        CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 3, REMAINDER 0);
        CREATE TABLE h2 PARTITION OF h FOR VALUES WITH (MODULUS 3, REMAINDER 1);
        CREATE TABLE h3 PARTITION OF h FOR VALUES WITH (MODULUS 3, REMAINDER 2);
        CREATE TABLE n (a int NOT NULL, b date NOT NULL, UNIQUE (a, b)) PARTITION BY RANGE (a);
        CREATE TABLE n1 PARTITION OF n FOR VALUES FROM (10) TO (20) PARTITION BY LIST (b);
        CREATE TABLE n11 PARTITION OF n1 FOR VALUES IN ('2024-02-29', '2024-03-01', '2024-03-02');
        CREATE TABLE n12 PARTITION OF n1 DEFAULT;
        CREATE TABLE n2 PARTITION OF n FOR VALUES FROM (1000) TO (MAXVALUE);
        CREATE TABLE m (a int, b text, c int) PARTITION BY RANGE (a, b);
        CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (1, 'a') TO (1, 'm');
        CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (1, 'm') TO (5, 'b');
        CREATE TABLE t (k text NOT NULL) PARTITION BY RANGE (k);
        CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('g');
        CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('g') TO ('p');
        CREATE TABLE t3 PARTITION OF t FOR VALUES FROM ('p') TO (MAXVALUE);
        CREATE TABLE i (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE i1 PARTITION OF i FOR VALUES FROM (0) TO (40);
        CREATE TABLE i2 PARTITION OF i FOR VALUES FROM (1000) TO (1040);
        CREATE TABLE ref (id int PRIMARY KEY, r_id bigint, r_at timestamptz, i int REFERENCES i,
            FOREIGN KEY (r_id, r_at) REFERENCES r);
        CREATE TABLE person (id int PRIMARY KEY); CREATE TABLE firm (id uuid PRIMARY KEY);
        CREATE TABLE tag (kind text NOT NULL, entity uuid NOT NULL, n int) PARTITION BY LIST (kind);
        CREATE TABLE tag_p PARTITION OF tag FOR VALUES IN ('person');
        CREATE TABLE tag_f PARTITION OF tag FOR VALUES IN ('firm');
        ALTER TABLE tag_f ADD FOREIGN KEY (entity) REFERENCES firm, ADD CHECK (n BETWEEN 70 AND 80);
        CREATE TABLE z (at date NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE z1 PARTITION OF z FOR VALUES FROM ('2024-01-01') TO ('2024-01-02');",
    );
    filled(&mut db, 60);
    for leaf in [
        "r0", "r1", "r2", "l1", "l2", "l3", "h1", "h2", "h3", "n11", "n12", "n2", "m1", "m2", "t1",
        "t2", "t3", "tag_p", "tag_f", "i1", "i2", "z1",
    ] {
        let rows = number(&mut db, &format!("SELECT count(*) FROM {leaf}"));
        assert!(rows >= 9, "{leaf}: {rows}");
    }
    assert_eq!(number(&mut db, "SELECT count(*) FROM r"), 60);
    assert!(number(&mut db, "SELECT count(r_id) FROM ref") > 40);

    let mut db =
        database("CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE q (id int)");
    let result = fill(&mut db, &Request::new(1, 3)).unwrap();
    let outcome = &result.table("public", "p").unwrap().outcome;
    assert_eq!(*outcome, Outcome::Empty(Reason::NoPartition));
    assert_eq!(result.inserted(), 3);
}

#[test]
fn exclusions_are_kept() {
    let mut db = database(
        "CREATE EXTENSION btree_gist;
        CREATE TABLE room (id int PRIMARY KEY);
        CREATE TABLE booking (room int NOT NULL REFERENCES room, during tstzrange NOT NULL,
            EXCLUDE USING gist (room WITH =, during WITH &&));
        CREATE TABLE shift (who int NOT NULL, starts timestamp NOT NULL, ends timestamp NOT NULL,
            CHECK (starts < ends), EXCLUDE USING gist (who WITH =, tsrange(starts, ends) WITH &&));
        CREATE TABLE price (id serial, valid daterange NOT NULL CHECK (NOT isempty(valid)),
            EXCLUDE USING gist (valid WITH &&));
        CREATE TABLE zoo (cage int NOT NULL, animal text NOT NULL, EXCLUDE USING gist (cage WITH =, animal WITH <>));",
    );
    filled(&mut db, 200);
    filled(&mut db, 300);
    assert_eq!(number(&mut db, "SELECT count(*) FROM shift"), 300);
    assert!(number(&mut db, "SELECT count(DISTINCT room) FROM booking") > 20);
}

#[test]
fn what_the_server_decides_is_left_to_it() {
    let mut db = database(
        "CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int NOT NULL,
            b int GENERATED ALWAYS AS (a % 100) STORED, doc jsonb NOT NULL,
            title text GENERATED ALWAYS AS (doc ->> 'title') STORED NOT NULL,
            done bool GENERATED ALWAYS AS ((doc #>> '{state,done}')::bool) STORED NOT NULL,
            UNIQUE (title));
        CREATE TABLE only_identity (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
        CREATE TABLE nothing ();
        CREATE TABLE defaults (id uuid PRIMARY KEY DEFAULT md5(random()::text)::uuid, n int DEFAULT 42, t text NOT NULL DEFAULT 'usual');
        CREATE TABLE secret (id int PRIMARY KEY, t text);
        ALTER TABLE secret ENABLE ROW LEVEL SECURITY; ALTER TABLE secret FORCE ROW LEVEL SECURITY;
        CREATE TABLE base (id int PRIMARY KEY); CREATE TABLE derived (x int) INHERITS (base);
        CREATE UNLOGGED TABLE fast (id int);
        CREATE TABLE ruled (id serial PRIMARY KEY, t text); CREATE TABLE log (t text);
        CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES (NEW.t);
        CREATE TABLE def (a int UNIQUE DEFERRABLE INITIALLY DEFERRED, b int, UNIQUE (a, b) DEFERRABLE);",
    );
    filled(&mut db, 40);
    for table in [
        "g",
        "only_identity",
        "nothing",
        "defaults",
        "secret",
        "derived",
        "fast",
        "ruled",
        "def",
    ] {
        assert_eq!(
            number(&mut db, &format!("SELECT count(*) FROM {table}")),
            40,
            "{table}"
        );
    }
    assert_eq!(number(&mut db, "SELECT count(*) FROM ONLY base"), 40);
    // The usual value is usual.
    assert!(number(&mut db, "SELECT count(*) FROM defaults WHERE t = 'usual'") > 5);
}

#[test]
fn one_odd_table_does_not_stop_the_others() {
    let mut db = database(
        "CREATE FUNCTION no() RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN false; END';
        CREATE TABLE impossible (id int PRIMARY KEY, x int CHECK (no()));
        CREATE TABLE below (id int PRIMARY KEY, up int NOT NULL REFERENCES impossible);
        CREATE TABLE maybe (id int PRIMARY KEY, up int REFERENCES impossible);
        CREATE TABLE fine (id int PRIMARY KEY);
        CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not like that''; END';
        CREATE TABLE guarded (id int PRIMARY KEY, fine int NOT NULL REFERENCES fine);
        CREATE TRIGGER veto BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION veto();
        CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TABLE hole (id int PRIMARY KEY);
        CREATE TRIGGER swallow BEFORE INSERT ON hole FOR EACH ROW EXECUTE FUNCTION swallow();
        CREATE FUNCTION remove() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM sieve WHERE id = NEW.id; RETURN NULL; END';
        CREATE TABLE sieve (id int PRIMARY KEY);
        CREATE TRIGGER remove AFTER INSERT ON sieve FOR EACH ROW EXECUTE FUNCTION remove();
        CREATE TABLE audit (id serial PRIMARY KEY, what text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit (what) VALUES (TG_TABLE_NAME); RETURN NEW; END';
        CREATE TABLE noted (id int PRIMARY KEY, n int);
        CREATE TRIGGER note AFTER INSERT ON noted FOR EACH ROW EXECUTE FUNCTION note();",
    );
    let result = fill(&mut db, &Request::new(1, 10)).unwrap();
    let of = |name: &str| result.table("public", name).unwrap();
    let Outcome::Empty(Reason::Refused(refusal)) = &of("impossible").outcome else {
        panic!("{:?}", of("impossible"))
    };
    assert_eq!(refusal.code, "23514");
    assert_eq!(refusal.constraint.as_deref(), Some("impossible_check"));
    let reason = Reason::NothingToReference {
        constraint: "below_up_fkey".to_owned(),
        table: "public.impossible".to_owned(),
    };
    assert_eq!(of("below").outcome, Outcome::Empty(reason));
    for name in ["maybe", "fine", "guarded", "hole", "sieve", "noted"] {
        assert_eq!(
            (&of(name).outcome, of(name).inserted),
            (&Outcome::Complete, 10),
            "{name}"
        );
    }
    // What triggers refuse is there without them, and it is said.
    let Some(Reason::Refused(refusal)) = &of("guarded").triggers_off else {
        panic!("{:?}", of("guarded"))
    };
    assert_eq!(refusal.message, "not like that");
    assert!(of("hole").triggers_off.is_some());
    assert_eq!(of("sieve").triggers_off, Some(Reason::RemovedByTrigger));
    assert_eq!(of("noted").triggers_off, None);
    assert_eq!(lines(&mut db, "SHOW session_replication_role"), ["origin"]);
    assert_eq!(
        number(&mut db, "SELECT count(*) FROM audit WHERE what = 'noted'"),
        10
    );
}

#[test]
fn a_lock_is_not_waited_for_long() {
    let mut db = database("CREATE TABLE a (id int); CREATE TABLE b (id int)");
    let name = lines(&mut db, "SELECT current_database()").remove(0);
    let url = switchback_testkit::postgres::server().unwrap().url(&name);
    let mut holder = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    holder.batch_execute("BEGIN; LOCK TABLE a").unwrap();
    let mut request = Request::new(1, 5);
    request.lock_timeout = std::time::Duration::from_millis(50);
    let result = fill(&mut db, &request).unwrap();
    let Outcome::Empty(Reason::Refused(refusal)) = &result.table("public", "a").unwrap().outcome
    else {
        panic!("{result:?}")
    };
    assert_eq!(refusal.code, "55P03");
    assert_eq!(result.table("public", "b").unwrap().inserted, 5);
}

#[test]
fn what_newer_versions_have_works_there() {
    let mut db = database("");
    let version = number(&mut db, "SHOW server_version_num") / 10_000;
    let all = [
        (14, "CREATE TABLE multi (id int PRIMARY KEY, a int4multirange NOT NULL, b tstzmultirange NOT NULL)"),
        (
            15,
            "CREATE TABLE nulls (id int PRIMARY KEY, a int, b text, UNIQUE NULLS NOT DISTINCT (a), \
             UNIQUE NULLS NOT DISTINCT (id, b))",
        ),
        (
            18,
            "CREATE EXTENSION btree_gist;
             CREATE TABLE virt (id int PRIMARY KEY, a int NOT NULL, \
                v int GENERATED ALWAYS AS (a * 2) VIRTUAL CHECK (v > 10), \
                w int GENERATED ALWAYS AS (a + 1));
             CREATE TABLE stay (room int, at tstzrange, PRIMARY KEY (room, at WITHOUT OVERLAPS));
             CREATE TABLE loose (id int PRIMARY KEY, a int CHECK (a > 5) NOT ENFORCED, \
                b int NOT NULL, CONSTRAINT nn NOT NULL a NOT VALID);
             CREATE TABLE times (id uuid PRIMARY KEY DEFAULT uuidv7(), j jsonb CHECK (j IS JSON OBJECT))",
        ),
    ];
    for (since, schema) in all {
        if version >= since {
            db.batch_execute(schema).unwrap();
        }
    }
    filled(&mut db, 50);
}
