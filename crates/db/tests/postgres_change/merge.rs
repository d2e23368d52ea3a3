//! Two tables that become one: what is written to either reaches the other, and what cannot be
//! merged is refused with its name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use switchback_migration::operation::request::Merge;
use switchback_migration::postgres::{PlanError, Reason};

use super::*;

fn merge(into: &str, from: &str) -> Request {
    Request::MergeTables(Merge {
        into: into.to_owned(),
        from: from.to_owned(),
        by: Vec::new(),
        names: [("name".to_owned(), "pet name".to_owned())].into(),
        prefix: String::new(),
    })
}

/// Names that have to be quoted, a key of two columns, a schema that nobody looks into, and one
/// that is looked into first and has other things under the same names.
const HOSTILE: &str = r#"
    CREATE SCHEMA "Sales Shop";
    CREATE SCHEMA decoy;
    CREATE TABLE decoy."Order" (id int);
    CREATE TABLE decoy."select" (id int);
    CREATE TYPE "Sales Shop"."Mood" AS ENUM ('happy', 'sad');
    CREATE TABLE "Sales Shop"."Order" (
        "from" int, "user" text, name text NOT NULL, PRIMARY KEY ("user", "from"));
    CREATE TABLE "Sales Shop"."select" (
        "table" int NOT NULL, "where" text NOT NULL,
        "Mood" "Sales Shop"."Mood" NOT NULL, name varchar(9), "order" numeric[],
        CONSTRAINT "the ""key""" FOREIGN KEY ("where", "table")
            REFERENCES "Sales Shop"."Order" ("user", "from") ON UPDATE CASCADE ON DELETE RESTRICT,
        UNIQUE ("table", "where"), CHECK ("Mood" <> 'sad' OR "order" IS NOT NULL));
    INSERT INTO "Sales Shop"."Order" VALUES (1, 'a', 'A1'), (2, 'a', 'A2'), (1, 'b', 'B1');
    INSERT INTO "Sales Shop"."select" VALUES (1, 'a', 'happy', 'x', '{1.0}'), (1, 'b', 'sad', NULL, '{}');
    SET search_path = decoy, public;"#;

/// A role that may write one of the tables.
const WRITER: &str = r#"
    CREATE ROLE writer_of_one;
    GRANT USAGE ON SCHEMA "Sales Shop" TO writer_of_one;
    GRANT SELECT, INSERT, UPDATE, DELETE ON "Sales Shop"."select" TO writer_of_one;"#;

fn hostile(client: &mut Client) -> Definition {
    let known = schema::read(client).unwrap();
    let request = merge("\"Sales Shop\".\"Order\"", "\"Sales Shop\".\"select\"");
    plan(&known, &ChangeId::new("it").unwrap(), &request).unwrap()
}

fn up_to(engine: &mut PostgresDatabase, definition: &Definition, last: &str) {
    for step in database_steps(definition) {
        walk(engine, definition, &step, Direction::Up);
        if step.as_str() == last {
            return;
        }
    }
    panic!("there is no step {last}");
}

fn database_steps(definition: &Definition) -> Vec<StepName> {
    let steps = definition.steps.iter();
    steps
        .filter(|step| matches!(step.work, Work::Database { .. }))
        .map(|step| step.name.clone())
        .collect()
}

fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

/// Both tables as they are, a line for each row.
fn both(client: &mut Client) -> [Vec<String>; 2] {
    [
        rows(client, "\"Sales Shop\".\"Order\""),
        rows(client, "\"Sales Shop\".\"select\""),
    ]
}

#[test]
fn what_is_written_to_either_table_reaches_the_other_whatever_they_are_called() {
    let (url, mut client) = database(HOSTILE);
    client.batch_execute(WRITER).unwrap();
    let definition = hostile(&mut client);
    let mut engine = open(&url);
    up_to(&mut engine, &definition, "validate");
    let mut after = |sql: &str, order: &[&str], select: &[&str]| {
        client.batch_execute(sql).unwrap();
        assert_eq!(
            both(&mut client),
            [order.to_vec(), select.to_vec()],
            "{sql}"
        );
    };
    after(
        "SELECT",
        &["(1,a,A1,happy,x,{1.0})", "(1,b,B1,sad,,{})", "(2,a,A2,,,)"],
        &["(1,a,happy,x,{1.0})", "(1,b,sad,,{})"],
    );
    after(
        r#"SET ROLE writer_of_one;
           UPDATE "Sales Shop"."select" SET "order" = '{1.00}' WHERE "where" = 'a';
           DELETE FROM "Sales Shop"."select" WHERE "where" = 'b';
           INSERT INTO "Sales Shop"."select" VALUES (2, 'a', 'happy', 'y', NULL);
           RESET ROLE"#,
        &[
            "(1,a,A1,happy,x,{1.00})",
            "(1,b,B1,,,)",
            "(2,a,A2,happy,y,)",
        ],
        &["(1,a,happy,x,{1.00})", "(2,a,happy,y,)"],
    );
    after(
        r#"UPDATE "Sales Shop"."Order" SET "pet name" = 'z' WHERE "from" = 2;
           UPDATE "Sales Shop"."Order" SET "Mood" = 'happy' WHERE "user" = 'b';
           INSERT INTO "Sales Shop"."Order" VALUES (3, 'c', 'C3', 'sad', NULL, '{3}'),
             (4, 'c', 'C4', NULL, NULL, NULL)"#,
        &[
            "(1,a,A1,happy,x,{1.00})",
            "(1,b,B1,happy,,)",
            "(2,a,A2,happy,z,)",
            "(3,c,C3,sad,,{3})",
            "(4,c,C4,,,)",
        ],
        &[
            "(1,a,happy,x,{1.00})",
            "(1,b,happy,,)",
            "(2,a,happy,z,)",
            "(3,c,sad,,{3})",
        ],
    );
    // Keys that move, on either side; rows that go although somebody points to them; all cleared.
    after(
        r#"UPDATE "Sales Shop"."Order" SET "from" = 9 WHERE "user" = 'b';
           UPDATE "Sales Shop"."select" SET "table" = 4 WHERE "where" = 'c';
           DELETE FROM "Sales Shop"."Order" WHERE "from" = 1;
           UPDATE "Sales Shop"."Order" SET "Mood" = NULL, "pet name" = NULL WHERE "from" = 2"#,
        &[
            "(2,a,A2,,,)",
            "(3,c,C3,,,)",
            "(4,c,C4,sad,,{3})",
            "(9,b,B1,happy,,)",
        ],
        &["(4,c,sad,,{3})", "(9,b,happy,,)"],
    );
    // What a row there must have.
    for refused in [
        r#"UPDATE "Sales Shop"."Order" SET "pet name" = 'alone' WHERE "from" = 2"#,
        r#"INSERT INTO "Sales Shop"."Order" VALUES (5, 'e', 'E5', 'sad')"#,
    ] {
        assert!(client.batch_execute(refused).is_err(), "{refused}");
    }
    client
        .batch_execute(r#"TRUNCATE "Sales Shop"."select""#)
        .unwrap();
    let [order, select] = both(&mut client);
    assert!(order.iter().all(|row| row.ends_with(",,,)")), "{order:?}");
    assert!(select.is_empty());
}

#[test]
fn the_way_back_of_the_contract_brings_what_was_written_since() {
    let (url, mut client) = database(HOSTILE);
    let definition = hostile(&mut client);
    let mut engine = open(&url);
    let mut schema = asked(&url);
    let begun = meaning(&mut schema);
    up_to(&mut engine, &definition, "validate");
    let before = meaning(&mut schema);
    walk(&mut engine, &definition, &step("contract"), Direction::Up);
    client
        .batch_execute(
            r#"DELETE FROM "Sales Shop"."Order" WHERE "user" = 'b';
               UPDATE "Sales Shop"."Order" SET "pet name" = 'new' WHERE ("user", "from") = ('a', 1);
               INSERT INTO "Sales Shop"."Order" VALUES (7, 'g', 'G', 'happy'), (8, 'g', 'H', NULL)"#,
        )
        .unwrap();
    walk(&mut engine, &definition, &step("contract"), Direction::Down);
    assert_same(&before, &meaning(&mut schema), "the contract, back");
    assert_eq!(
        both(&mut client)[1],
        ["(1,a,happy,new,{1.0})", "(7,g,happy,,)"]
    );
    for step in database_steps(&definition).iter().rev().skip(1) {
        walk(&mut engine, &definition, step, Direction::Down);
    }
    assert_same(&begun, &meaning(&mut schema), "all the way back");
}

#[test]
fn a_contract_that_would_lose_a_value_is_refused() {
    let (url, mut client) = database(HOSTILE);
    let definition = hostile(&mut client);
    let mut engine = open(&url);
    up_to(&mut engine, &definition, "validate");
    client
        .batch_execute(
            r#"SET session_replication_role = replica;
               UPDATE "Sales Shop"."select" SET name = 'unseen' WHERE "where" = 'a'"#,
        )
        .unwrap();
    let contract = steps(&definition, &step("contract"), Direction::Up);
    let error = perform(&mut engine, &contract[0].effect).unwrap_err();
    assert!(
        with_sources(&error).contains("differ"),
        "{}",
        with_sources(&error)
    );
    assert_eq!(rows(&mut client, "\"Sales Shop\".\"select\"").len(), 2);
}

/// Old code at work on both tables, in either order, while rows are brought over.
#[test]
fn rows_are_brought_over_beside_code_that_changes_and_removes_them() {
    let (url, mut client) = database(
        "CREATE TABLE users (id int PRIMARY KEY, name text);
         CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users, bio text NOT NULL);
         INSERT INTO users SELECT g, 'n' FROM generate_series(1, 20000) AS g;
         INSERT INTO profiles SELECT g, 'b' FROM generate_series(1, 20000) AS g;",
    );
    let definition = define(&mut client, &merge_plain());
    let mut engine = open(&url);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in 0..2_i32 {
            let (url, stop) = (&url, &stop);
            scope.spawn(move || {
                let mut client = super::client(url);
                let mut turn = worker;
                while !stop.load(Ordering::SeqCst) {
                    turn += 2;
                    let id = turn % 20_000 + 1;
                    let sql = match turn / 2 % 4 {
                        0 => format!("UPDATE profiles SET bio = 'u{turn}' WHERE user_id = {id}"),
                        1 => format!("DELETE FROM profiles WHERE user_id = {id}"),
                        2 => format!(
                            "INSERT INTO profiles VALUES ({id}, 'i{turn}') ON CONFLICT DO NOTHING"
                        ),
                        _ => format!("UPDATE users SET name = 'u{turn}' WHERE id = {id}"),
                    };
                    client.batch_execute(&sql).unwrap();
                }
            });
        }
        let expand = steps(&definition, &step("expand"), Direction::Up);
        let done: Vec<_> = expand
            .iter()
            .map(|it| perform(&mut engine, &it.effect).map_err(|error| with_sources(&error)))
            .collect();
        stop.store(true, Ordering::SeqCst);
        assert!(done.iter().all(|it| *it == Ok(true)), "{done:?}");
    });
    let apart = "SELECT count(*) FROM users FULL JOIN profiles ON user_id = id
                 WHERE users.bio IS DISTINCT FROM profiles.bio";
    assert_eq!(number(&mut client, apart), 0);
}

fn merge_plain() -> Request {
    Request::MergeTables(Merge {
        into: "users".to_owned(),
        from: "profiles".to_owned(),
        by: Vec::new(),
        names: BTreeMap::new(),
        prefix: String::new(),
    })
}

fn refused(sql: &str) -> Reason {
    let (_, mut client) = database("CREATE TABLE users (id int PRIMARY KEY, name text)");
    client.batch_execute(sql).unwrap();
    let known = schema::read(&mut client).unwrap();
    match plan(&known, &ChangeId::new("it").unwrap(), &merge_plain()) {
        Err(PlanError::Unsupported { reason, .. }) => reason,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn what_cannot_be_merged_is_refused_and_named() {
    const FINE: &str =
        "CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users, bio text);";
    for (more, says) in [
        (
            "CREATE VIEW seen AS SELECT bio FROM profiles",
            "the view `public.seen` reads it",
        ),
        (
            "CREATE TABLE pictures (of int REFERENCES profiles)",
            "the foreign key `pictures_of_fkey` of `public.pictures` points to it",
        ),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER noted AFTER INSERT ON profiles FOR EACH ROW EXECUTE FUNCTION f()",
            "it has the trigger `noted`",
        ),
        (
            "ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON profiles USING (true)",
            "its policy `own`",
        ),
        (
            "CREATE INDEX low ON profiles (lower(bio))",
            "the index low cannot come along",
        ),
        (
            "CREATE INDEX part ON profiles (bio) WHERE bio <> ''",
            "the index part",
        ),
        (
            "ALTER TABLE profiles ADD COLUMN city int, ADD CONSTRAINT away FOREIGN KEY (city) \
             REFERENCES users",
            "its foreign key `away` leads elsewhere",
        ),
        (
            "ALTER TABLE profiles ADD COLUMN name text",
            "it has a column `name` already",
        ),
        (
            "ALTER TABLE profiles ADD COLUMN twice text GENERATED ALWAYS AS (bio || bio) STORED",
            "`twice` is generated",
        ),
        (
            "ALTER TABLE profiles ALTER CONSTRAINT profiles_user_id_fkey DEFERRABLE",
            "`profiles_user_id_fkey` may be checked as late",
        ),
        (
            "CREATE TABLE more () INHERITS (profiles)",
            "it and `public.more` inherit",
        ),
    ] {
        let reason = refused(&format!("{FINE}{more}"));
        assert!(reason.to_string().contains(says), "{more}: {reason}");
    }
    for (table, says) in [
        (
            "CREATE TABLE profiles (user_id int PRIMARY KEY, bio text)",
            "no valid foreign key",
        ),
        (
            "CREATE TABLE profiles (user_id int NOT NULL REFERENCES users, bio text)",
            "no valid foreign key",
        ),
        (
            "CREATE TABLE profiles (user_id int UNIQUE REFERENCES users, bio text)",
            "no valid foreign key",
        ),
        (
            "CREATE TABLE profiles (id uuid PRIMARY KEY, user_id int UNIQUE NOT NULL REFERENCES \
             users, bio text)",
            "its key `id` has no default",
        ),
        (
            "CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users)",
            "no column that could",
        ),
        (
            "CREATE VIEW profiles AS SELECT 1 AS user_id",
            "stores rows itself",
        ),
        ("SELECT", "there is no such table"),
    ] {
        let reason = refused(table);
        assert!(reason.to_string().contains(says), "{table}: {reason}");
    }
}
