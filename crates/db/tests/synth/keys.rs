//! Keys: what must differ, and what must be there.

use switchback_db::postgres::synth::{Existing, Reason, Request, SynthError, Tables, fill};

use super::{database, filled, lines, number};

#[test]
fn unique_keys_of_all_kinds() {
    let mut db = database(
        "CREATE TYPE kind AS ENUM ('a', 'b', 'c', 'd');
        CREATE TABLE u (
            id serial PRIMARY KEY,
            i smallint UNIQUE NOT NULL, t text UNIQUE NOT NULL, c3 char(3) UNIQUE NOT NULL,
            email varchar(30) UNIQUE NOT NULL, d date UNIQUE NOT NULL, ts timestamptz(0) UNIQUE NOT NULL,
            n numeric(8,2) UNIQUE NOT NULL, f float8 UNIQUE NOT NULL, u uuid UNIQUE NOT NULL,
            b bytea UNIQUE NOT NULL, ip inet UNIQUE NOT NULL, m macaddr UNIQUE NOT NULL,
            ti time UNIQUE NOT NULL, j jsonb UNIQUE NOT NULL, a int[] UNIQUE NOT NULL,
            at text[] UNIQUE NOT NULL, r int4range UNIQUE NOT NULL, bt bit(20) UNIQUE NOT NULL,
            iv interval UNIQUE NOT NULL, mo money UNIQUE NOT NULL, lsn pg_lsn UNIQUE NOT NULL,
            code text UNIQUE NOT NULL CHECK (code ~ '^[A-Z]{3}[0-9]{4}$'),
            token text UNIQUE NOT NULL CHECK (length(token) = 40),
            country varchar(2) UNIQUE NOT NULL, status text NOT NULL, kind kind NOT NULL, flag bool NOT NULL,
            UNIQUE (status, i), UNIQUE (flag, kind, t));
        CREATE UNIQUE INDEX ON u (lower(email));
        CREATE UNIQUE INDEX ON u (lower(t), status);
        CREATE UNIQUE INDEX ON u (kind) WHERE flag AND status = 'never';
        CREATE TABLE few (a bool, k kind, PRIMARY KEY (a, k));
        CREATE TABLE fewer (a bool PRIMARY KEY);",
    );
    let result = fill(&mut db, &Request::new(1, 500)).unwrap();
    assert_eq!(number(&mut db, "SELECT count(*) FROM u"), 500);
    // Eight rows are all there can be.
    assert_eq!(result.table("public", "few").unwrap().inserted, 8);
    assert_eq!(result.table("public", "fewer").unwrap().inserted, 2);
    let lacking: Vec<_> = result
        .lacking()
        .map(|(table, reason)| (table.table.as_str(), reason))
        .collect();
    assert_eq!(
        lacking,
        [("few", &Reason::NothingNew), ("fewer", &Reason::NothingNew)]
    );
}

#[test]
fn foreign_keys_of_all_kinds() {
    let mut db = database(
        "CREATE TABLE z_tenant (id uuid PRIMARY KEY DEFAULT md5(random()::text)::uuid, name text NOT NULL);
        CREATE TABLE y_user (tenant uuid NOT NULL REFERENCES z_tenant, id int, email text UNIQUE NOT NULL,
            manager int, PRIMARY KEY (tenant, id),
            FOREIGN KEY (tenant, manager) REFERENCES y_user (tenant, id));
        CREATE TABLE x_doc (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant uuid NOT NULL,
            owner int NOT NULL, reviewer int, parent bigint REFERENCES x_doc,
            FOREIGN KEY (tenant, owner) REFERENCES y_user,
            FOREIGN KEY (tenant, reviewer) REFERENCES y_user,
            FOREIGN KEY (tenant) REFERENCES z_tenant,
            CHECK (parent <> id));
        CREATE TABLE a_settings (tenant uuid, usr int, dark bool, PRIMARY KEY (tenant, usr),
            FOREIGN KEY (tenant, usr) REFERENCES y_user);
        CREATE TABLE b_share (doc bigint REFERENCES x_doc, with_email text REFERENCES y_user (email),
            PRIMARY KEY (doc, with_email));
        CREATE TABLE c_full (a uuid, b int, FOREIGN KEY (a, b) REFERENCES y_user MATCH FULL, t text);
        CREATE TABLE d_position (doc bigint NOT NULL REFERENCES x_doc, position int NOT NULL,
            UNIQUE (doc, position));",
    );
    filled(&mut db, 120);
    for table in [
        "z_tenant",
        "y_user",
        "x_doc",
        "a_settings",
        "b_share",
        "c_full",
        "d_position",
    ] {
        assert_eq!(
            number(&mut db, &format!("SELECT count(*) FROM {table}")),
            120,
            "{table}"
        );
    }
    for some in [
        "y_user WHERE manager IS NOT NULL",
        "x_doc WHERE parent IS NOT NULL",
        "x_doc WHERE reviewer IS NOT NULL",
        "c_full WHERE b IS NOT NULL",
    ] {
        assert!(
            number(&mut db, &format!("SELECT count(*) FROM {some}")) > 20,
            "{some}"
        );
    }
    // Some documents are shared often, and most seldom.
    let most = number(
        &mut db,
        "SELECT max(n) FROM (SELECT count(*) AS n FROM x_doc GROUP BY tenant, owner) x",
    );
    assert!(most >= 5, "{most}");
}

#[test]
fn cycles_are_closed() {
    let mut db = database(
        "CREATE TABLE team (id serial PRIMARY KEY, lead int, name text NOT NULL);
        CREATE TABLE member (id serial PRIMARY KEY, team int NOT NULL REFERENCES team);
        ALTER TABLE team ADD FOREIGN KEY (lead) REFERENCES member;
        -- Each needs the other, at once.
        CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL UNIQUE);
        CREATE TABLE hen (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, egg int NOT NULL REFERENCES egg);
        ALTER TABLE egg ADD FOREIGN KEY (hen) REFERENCES hen;
        -- The same, compared at the end of the transaction.
        CREATE TABLE lock (id int PRIMARY KEY, key int NOT NULL);
        CREATE TABLE key (id int PRIMARY KEY, lock int NOT NULL REFERENCES lock DEFERRABLE INITIALLY DEFERRED);
        ALTER TABLE lock ADD FOREIGN KEY (key) REFERENCES key DEFERRABLE INITIALLY DEFERRED;
        -- A row that needs itself.
        CREATE TABLE root (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent int NOT NULL REFERENCES root);
        CREATE TABLE node (id text PRIMARY KEY, parent text NOT NULL REFERENCES node);",
    );
    filled(&mut db, 50);
    for table in [
        "team", "member", "egg", "hen", "lock", "key", "root", "node",
    ] {
        assert_eq!(
            number(&mut db, &format!("SELECT count(*) FROM {table}")),
            50,
            "{table}"
        );
    }
    assert!(number(&mut db, "SELECT count(*) FROM team WHERE lead IS NOT NULL") > 30);
    assert!(number(&mut db, "SELECT count(*) FROM root WHERE parent <> id") > 20);
    // Sequences go on where the rows end.
    db.batch_execute("INSERT INTO member (team) SELECT min(id) FROM team")
        .unwrap();
    db.batch_execute("INSERT INTO hen (egg) SELECT min(id) FROM egg")
        .unwrap();
}

#[test]
fn what_is_there_is_topped_up() {
    let mut db = database(
        "CREATE TABLE a (id serial PRIMARY KEY, email text UNIQUE NOT NULL, n int NOT NULL UNIQUE, at date UNIQUE);
        CREATE TABLE b (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a_id int NOT NULL UNIQUE REFERENCES a);
        CREATE TABLE ab (a int REFERENCES a, b bigint REFERENCES b, PRIMARY KEY (a, b));
        CREATE TABLE keep (id int);
        INSERT INTO keep VALUES (1);
        INSERT INTO a (email, n) VALUES ('x@example.com', 17), ('y@example.com', 32000);",
    );
    let mut request = Request::new(1, 10);
    request.existing = Existing::Leave;
    let result = fill(&mut db, &request).unwrap();
    assert_eq!(result.table("public", "keep").unwrap().inserted, 0);
    assert_eq!(result.table("public", "a").unwrap().before, 2);
    assert_eq!(number(&mut db, "SELECT count(*) FROM a"), 2);
    assert_eq!(number(&mut db, "SELECT count(*) FROM ab"), 4);
    for rows in [10, 11, 30, 30, 200] {
        filled(&mut db, rows);
        // Numbers go on after the largest.
        let beyond = number(&mut db, "SELECT count(*) FROM a WHERE n > 32000");
        assert_eq!(beyond, i64::try_from(rows).unwrap() - 2);
        for table in ["a", "b", "ab", "keep"] {
            let there = number(&mut db, &format!("SELECT count(*) FROM {table}"));
            assert_eq!(there, i64::try_from(rows).unwrap(), "{table}");
        }
        // A migration comes in between.
        db.batch_execute("DELETE FROM ab WHERE a % 3 = 0; INSERT INTO keep DEFAULT VALUES")
            .unwrap();
        db.batch_execute("DELETE FROM keep WHERE ctid IN (SELECT ctid FROM keep LIMIT 1)")
            .unwrap();
    }
    db.batch_execute("INSERT INTO b (a_id) SELECT id FROM (INSERT INTO a (email, n) VALUES ('z', 99999) RETURNING id) x").unwrap_err();
    db.batch_execute(
        "WITH x AS (INSERT INTO a (email, n) VALUES ('z', 99999) RETURNING id) SELECT 1",
    )
    .unwrap();
}

#[test]
fn tables_can_be_chosen() {
    let mut db = database(
        "CREATE SCHEMA \"Odd one\"; CREATE TABLE \"Odd one\".\"Ta\"\"ble\" (\"a b\" int PRIMARY KEY, \"select\" text);
        CREATE TABLE other (id int); CREATE TABLE schema_migrations (version text);
        CREATE SCHEMA switchback; CREATE TABLE switchback.head (x int);
        CREATE SCHEMA _switchback; CREATE TABLE _switchback.step (step text PRIMARY KEY);",
    );
    let mut request = Request::new(1, 5);
    request.tables = Tables::Named(vec!["\"Odd one\".\"Ta\"\"ble\"".to_owned()]);
    request.rows_of.insert("Odd one.Ta\"ble".to_owned(), 8);
    let result = fill(&mut db, &request).unwrap();
    assert_eq!((result.tables.len(), result.inserted()), (1, 8));
    request.tables = Tables::All;
    let result = fill(&mut db, &request).unwrap();
    let names: Vec<&str> = result
        .tables
        .iter()
        .map(|table| table.table.as_str())
        .collect();
    assert_eq!(names, ["Ta\"ble", "other"]);
    request.tables = Tables::Named(vec!["missing".to_owned()]);
    let error = fill(&mut db, &request).unwrap_err();
    assert!(matches!(error, SynthError::UnknownTable { .. }));
    request.tables = Tables::Named(vec!["not a ; name".to_owned()]);
    assert!(fill(&mut db, &request).is_err());
    assert_eq!(lines(&mut db, "SHOW statement_timeout"), ["0"]);
}

#[test]
fn many_rows_take_little_memory() {
    let mut db = database(
        "CREATE TABLE account (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE,
            name varchar(80), status text NOT NULL, balance numeric(12,2) CHECK (balance >= 0),
            created_at timestamptz NOT NULL DEFAULT now());
        CREATE TABLE entry (id bigint GENERATED ALWAYS AS IDENTITY, account_id bigint NOT NULL REFERENCES account,
            amount int NOT NULL CHECK (amount <> 0), booked date NOT NULL, reversed_by bigint,
            PRIMARY KEY (id)) ;
        CREATE TABLE profile (account_id bigint PRIMARY KEY REFERENCES account, bio text);
        CREATE TABLE node (id int PRIMARY KEY, parent int REFERENCES node);",
    );
    let mut request = Request::new(3, 60_000);
    request.rows_of.insert("public.account".to_owned(), 200_000);
    let result = fill(&mut db, &request).unwrap();
    assert_eq!(result.lacking().count(), 0, "{result:?}");
    assert_eq!(number(&mut db, "SELECT count(*) FROM account"), 200_000);
    assert_eq!(number(&mut db, "SELECT count(*) FROM profile"), 60_000);
    assert!(number(&mut db, "SELECT count(DISTINCT parent) FROM node") > 100);
    assert!(
        number(
            &mut db,
            "SELECT reltuples::bigint FROM pg_class WHERE relname = 'account'"
        ) > 190_000
    );
}

#[test]
fn undeclared_references_point_somewhere_too() {
    let mut db = database(
        "CREATE TABLE users (id uuid PRIMARY KEY, name text);
        CREATE TABLE categories (id serial PRIMARY KEY, name text);
        CREATE TABLE \"OrderItem\" (id bigserial PRIMARY KEY, user_id uuid NOT NULL, category_id int,
            \"reviewUserId\" uuid NOT NULL);
        CREATE TABLE profile (user_id uuid PRIMARY KEY, likes text);
        CREATE TABLE favourite (user_id uuid, category_id int, PRIMARY KEY (user_id, category_id));
        CREATE TABLE visit (order_item_id bigint NOT NULL, user_id text NOT NULL, n int);",
    );
    let mut request = Request::new(1, 40);
    // More profiles than users: nobody has said that there cannot be.
    request.rows_of.insert("public.profile".to_owned(), 60);
    let result = fill(&mut db, &request).unwrap();
    assert_eq!(result.lacking().count(), 0, "{result:?}");
    // So a migration can declare them.
    db.batch_execute(
        "ALTER TABLE \"OrderItem\" ADD FOREIGN KEY (user_id) REFERENCES users;
        ALTER TABLE \"OrderItem\" ADD FOREIGN KEY (category_id) REFERENCES categories;
        ALTER TABLE favourite ADD FOREIGN KEY (user_id) REFERENCES users;
        ALTER TABLE favourite ADD FOREIGN KEY (category_id) REFERENCES categories;
        ALTER TABLE visit ADD FOREIGN KEY (order_item_id) REFERENCES \"OrderItem\";",
    )
    .unwrap();
}

#[test]
fn two_keys_over_the_same_columns_do_not_go_in_step() {
    let mut db = database(
        "CREATE TABLE users (id uuid PRIMARY KEY, name text);
        INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000000');
        CREATE TABLE edge (source uuid NOT NULL REFERENCES users CHECK (source <> '00000000-0000-0000-0000-000000000000'),
            dest uuid NOT NULL REFERENCES users, position bigint NOT NULL,
            PRIMARY KEY (source, position), UNIQUE (source, dest));
        -- All of them follow one choice.
        CREATE TABLE talk (project int, id int, PRIMARY KEY (project, id));
        CREATE TABLE run (project int, id int, talk int NOT NULL, PRIMARY KEY (project, id),
            FOREIGN KEY (project, talk) REFERENCES talk);
        CREATE TABLE event (project int, talk int, run int NOT NULL, n int, PRIMARY KEY (project, talk, n),
            FOREIGN KEY (project, talk) REFERENCES talk, FOREIGN KEY (project, run) REFERENCES run);",
    );
    filled(&mut db, 400);
}
