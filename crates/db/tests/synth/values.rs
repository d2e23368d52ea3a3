//! What is in the rows.

use switchback_db::postgres::synth::{Request, fill};

use super::{database, filled, lines, number};

const TYPES: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'so so', 'it''s fine');
    CREATE TYPE pair AS (a int, b text, c timestamptz);
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE DOMAIN small_positive AS positive NOT NULL CHECK (VALUE < 100);
    CREATE DOMAIN code AS varchar(8) CHECK (VALUE ~ '^[A-Z]{2}-[0-9]{3}$');
    CREATE DOMAIN hour AS numeric(4,2) CHECK (VALUE >= 0 AND VALUE < 24);
    CREATE TYPE shift AS (name code, since hour);
    CREATE DOMAIN shifts AS shift[] CHECK (cardinality(VALUE) < 3);
    CREATE TYPE floats AS RANGE (subtype = float8);
    CREATE TABLE types (
        id bigserial PRIMARY KEY,
        b bool NOT NULL, i2 smallint NOT NULL, i4 int NOT NULL, i8 bigint NOT NULL, o oid NOT NULL,
        f4 real NOT NULL, f8 float8 NOT NULL, n numeric NOT NULL, n52 numeric(5,2) NOT NULL,
        n22 numeric(2,2) NOT NULL, n30 numeric(30,10) NOT NULL, m money NOT NULL,
        t text NOT NULL, v varchar NOT NULL, v1 varchar(1) NOT NULL, v20 varchar(20) NOT NULL,
        c char NOT NULL, c5 char(5) NOT NULL, nm name NOT NULL, ch "char" NOT NULL,
        by bytea NOT NULL, u uuid NOT NULL, d date NOT NULL, ti time NOT NULL, tz timetz NOT NULL,
        t0 time(0) NOT NULL, ts timestamp NOT NULL, tstz timestamptz NOT NULL,
        ts0 timestamptz(0) NOT NULL, iv interval NOT NULL, ivd interval day to second NOT NULL,
        js json NOT NULL, jb jsonb NOT NULL, jp jsonpath NOT NULL, bt bit(5) NOT NULL,
        bt1 bit NOT NULL, bt99 bit(99) NOT NULL, vb varbit(9) NOT NULL, ip inet NOT NULL,
        ci cidr NOT NULL, ma macaddr NOT NULL, ma8 macaddr8 NOT NULL,
        po point NOT NULL, li line NOT NULL, ls lseg NOT NULL, bo box NOT NULL, pa path NOT NULL,
        pg polygon NOT NULL, cr circle NOT NULL, tv tsvector NOT NULL, tq tsquery NOT NULL,
        lsn pg_lsn NOT NULL, en mood NOT NULL, cp pair NOT NULL, r4 int4range NOT NULL,
        rn numrange NOT NULL, rts tsrange NOT NULL, rtz tstzrange NOT NULL, rd daterange NOT NULL,
        rf floats NOT NULL, ai int[] NOT NULL, at text[] NOT NULL, ae mood[] NOT NULL,
        ap pair[] NOT NULL, ad date[][] NOT NULL, av varchar(3)[] NOT NULL, dp positive NOT NULL,
        ds small_positive, sh shifts NOT NULL, hs hour[] NOT NULL, dc code NOT NULL, rc regclass NOT NULL, rt regtype NOT NULL,
        xid8 txid_snapshot NOT NULL, vec int2vector NOT NULL, tid tid NOT NULL,
        nothing int
    );
"#;

#[test]
fn every_type_has_values() {
    let mut db = database(TYPES);
    filled(&mut db, 300);
    assert_eq!(number(&mut db, "SELECT count(*) FROM types"), 300);
    let columns = lines(
        &mut db,
        "SELECT attname FROM pg_attribute WHERE attrelid = 'types'::regclass AND attnum > 0
            AND attname NOT IN ('cr', 'li', 'c', 'bt1', 'v1', 'en', 'b', 'jp', 'tq', 'tv', 'rc',
                'rt', 'xid8', 'vec', 'tid', 'ch', 'n22')",
    );
    for column in columns {
        let sql = format!("SELECT count(DISTINCT \"{column}\"::text) FROM types");
        let distinct = number(&mut db, &sql);
        assert!(distinct > 15, "{column}: {distinct}");
    }
    // About one row in ten has none.
    let missing = number(&mut db, "SELECT count(*) FROM types WHERE nothing IS NULL");
    assert!((10..60).contains(&missing), "{missing}");
}

#[test]
fn extensions_have_values() {
    let mut db = database(
        "CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
         CREATE EXTENSION cube; CREATE EXTENSION isn; CREATE EXTENSION seg;
         CREATE TABLE t (id serial PRIMARY KEY, email citext NOT NULL UNIQUE, h hstore NOT NULL,
            p ltree NOT NULL UNIQUE, c cube NOT NULL, b isbn13 NOT NULL, s seg NOT NULL);",
    );
    let result = filled(&mut db, 50);
    // The tables of an extension are not ours.
    assert_eq!(result.tables.len(), 1);
    assert_eq!(number(&mut db, "SELECT count(*) FROM t"), 50);
}

#[test]
fn names_give_meaning() {
    let mut db = database(
        "CREATE TABLE people (
            id serial PRIMARY KEY, email text NOT NULL, first_name text NOT NULL,
            phone varchar(20) NOT NULL, homepage_url text NOT NULL, country char(2) NOT NULL,
            status text NOT NULL, bio text NOT NULL, age int NOT NULL, balance numeric(10,2) NOT NULL,
            latitude float8 NOT NULL, ip_address text NOT NULL, password_hash varchar(64) NOT NULL,
            created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
            deleted_at timestamptz, valid_from date NOT NULL, valid_to date NOT NULL,
            slug text NOT NULL, createat bigint NOT NULL)",
    );
    filled(&mut db, 1000);
    for wrong in [
        "email !~ '^[a-z.]+@example\\.(com|org|net)$'",
        "first_name ~ '[0-9]'",
        "phone !~ '^\\+1'",
        "homepage_url !~ '^https://'",
        "country !~ '^[A-Z]{2}$'",
        "age NOT BETWEEN 1 AND 110",
        "balance < 0",
        "abs(latitude) > 90",
        "ip_address::inet IS NULL",
        "password_hash !~ '^[0-9a-f]{64}$'",
        "updated_at < created_at",
        "created_at > now()",
        "valid_to < valid_from",
        "slug !~ '^[a-z-]+$'",
        "createat NOT BETWEEN 1000000000000 AND 1800000000000",
    ] {
        let sql = format!("SELECT count(*) FROM people WHERE {wrong}");
        let found = number(&mut db, &sql);
        // Far dates are among them on purpose, rarely.
        assert!(
            found
                <= if wrong.contains("_at") || wrong.contains("valid") {
                    30
                } else {
                    0
                },
            "{wrong}: {found}"
        );
    }
    // Few states, some more frequent; most rows are not deleted; texts are awkward.
    assert!(number(&mut db, "SELECT count(DISTINCT status) FROM people") <= 10);
    let most = number(
        &mut db,
        "SELECT max(n) FROM (SELECT count(*) AS n FROM people GROUP BY status) x",
    );
    assert!(most > 250, "{most}");
    assert!(
        number(
            &mut db,
            "SELECT count(*) FROM people WHERE deleted_at IS NULL"
        ) > 700
    );
    assert!(number(&mut db, "SELECT count(*) FROM people WHERE bio LIKE '%''%'") > 50);
    assert!(
        number(
            &mut db,
            "SELECT count(*) FROM people WHERE octet_length(bio) > length(bio)"
        ) > 50
    );
    assert!(number(&mut db, "SELECT count(*) FROM people WHERE bio = ''") > 0);
}

#[test]
fn the_same_seed_gives_the_same_rows() {
    let schema = "
        CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE, created_at timestamptz DEFAULT now());
        CREATE TABLE child (parent_id int REFERENCES parent, n int CHECK (n > 5 OR n IS NULL), t text,
            PRIMARY KEY (parent_id, t));";
    let dump = |client: &mut postgres::Client| {
        let mut all = lines(client, "SELECT * FROM parent ORDER BY id");
        all.extend(lines(client, "SELECT * FROM child ORDER BY parent_id, t"));
        all
    };
    let (mut one, mut two) = (database(schema), database(schema));
    // What the server happens to be set to makes no difference.
    two.batch_execute(
        "SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'German'; SET bytea_output = escape",
    )
    .unwrap();
    filled(&mut one, 200);
    filled(&mut two, 200);
    let settings = lines(
        &mut two,
        "SELECT current_setting('TimeZone'), current_setting('DateStyle'), current_setting('statement_timeout'), current_setting('search_path')",
    );
    assert_eq!(settings, ["Asia/Kolkata|German, DMY|0|\"$user\", public"]);
    two.batch_execute("RESET ALL").unwrap();
    let rows = dump(&mut one);
    assert_eq!(rows, dump(&mut two));
    // And the same as on any other day.
    assert_eq!(rows[0], "1|reply costs 0|2019-08-03 03:02:16+00");

    let mut other = database(schema);
    fill(&mut other, &Request::new(8, 200)).unwrap();
    assert_ne!(rows, dump(&mut other));
}

#[test]
fn a_database_without_unicode_gets_none() {
    let server = switchback_testkit::postgres::server().unwrap();
    let mut admin = postgres::Client::connect(&server.url("postgres"), postgres::NoTls).unwrap();
    admin.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'").unwrap();
    let mut db = postgres::Client::connect(&server.url("latin"), postgres::NoTls).unwrap();
    db.batch_execute("CREATE TABLE t (id int PRIMARY KEY, body text NOT NULL, first_name text, city text, street text, country text, company text)").unwrap();
    filled(&mut db, 300);
    assert_eq!(number(&mut db, "SELECT count(*) FROM t"), 300);
}
