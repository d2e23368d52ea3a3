//! Two tables that become one: what is written to either reaches the other, and what cannot be
//! merged is refused with its name.

use switchback_migration::operation::request::Merge;
use switchback_migration::sqlite::plan;
use switchback_migration::sqlite::rename::{Reason, RenameError};

use super::*;

fn wanted(into: &str, from: &str) -> Merge {
    Merge {
        into: into.to_owned(),
        from: from.to_owned(),
        by: Vec::new(),
        names: [("name".to_owned(), "pet \"name\"".to_owned())].into(),
        prefix: String::new(),
    }
}

fn planned(database: &SqliteDatabase, wanted: &Merge) -> Result<Definition, RenameError> {
    let into = database.catalog(&wanted.into).unwrap();
    let from = database.catalog(&wanted.from).unwrap();
    plan::merge(&into, &from, &ChangeId::new("it").unwrap(), wanted)
}

/// Names that have to be quoted, a key of two columns, and values of every type.
const HOSTILE: &str = r#"
    CREATE TABLE "Order" ("from" INTEGER, "user" TEXT COLLATE NOCASE, name TEXT,
        PRIMARY KEY ("user", "from"));
    CREATE TABLE "select" (
        "table" INTEGER NOT NULL, "where" TEXT NOT NULL, "Mood" NOT NULL, name VARCHAR(9),
        tag TEXT COLLATE NOCASE UNIQUE,
        FOREIGN KEY ("where", "table") REFERENCES "Order" ("user", "from"),
        UNIQUE ("table", "where"), CHECK ("Mood" <> ')sad' OR tag IS NOT NULL) -- of )
    );
    INSERT INTO "Order" VALUES (1, 'a', 'A1'), (2, 'a', 'A2'), (1, 'b', 'B1');
    INSERT INTO "select" VALUES (1, 'A', 1.5, 'x', 't1'), (1, 'b', x'00ff', NULL, NULL);"#;

fn both(connection: &rusqlite::Connection) -> [Vec<String>; 2] {
    ["\"Order\"", "\"select\""].map(|table| {
        let columns = match table {
            "\"Order\"" => r#""from", "user", "Mood", "pet ""name""", tag"#,
            _ => r#""table", "where", "Mood", name, tag"#,
        };
        let list: Vec<_> = columns
            .split(", ")
            .map(|it| format!("quote({it})"))
            .collect();
        let sql = format!(
            "SELECT concat_ws(' ', {}) FROM {table} ORDER BY 1",
            list.join(", ")
        );
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<Vec<String>, _>>().unwrap()
    })
}

#[test]
fn what_is_written_to_either_table_reaches_the_other_whatever_they_are_called() {
    for keys in ["ON", "OFF"] {
        let place = Place::new(HOSTILE);
        let mut database = place.open();
        let definition = planned(&database, &wanted("Order", "select")).unwrap();
        up_to(&mut database, &definition, "constrain");
        let application = place.application();
        application
            .pragma_update(None, "foreign_keys", keys)
            .unwrap();
        let after = |sql: &str, order: &[&str], select: &[&str]| {
            application.execute_batch(sql).unwrap();
            let found = both(&application);
            assert_eq!(found, [order.to_vec(), select.to_vec()], "{keys}: {sql}");
        };
        after(
            "",
            &[
                "1 'a' 1.5 'x' 't1'",
                "1 'b' X'00FF' NULL NULL",
                "2 'a' NULL NULL NULL",
            ],
            &["1 'A' 1.5 'x' 't1'", "1 'b' X'00FF' NULL NULL"],
        );
        after(
            r#"UPDATE "select" SET "Mood" = 1, tag = 'T1' WHERE "where" = 'A';
               DELETE FROM "select" WHERE "where" = 'b';
               INSERT INTO "select" VALUES (2, 'a', '2', 'y', 't2')"#,
            &[
                "1 'a' 1 'x' 'T1'",
                "1 'b' NULL NULL NULL",
                "2 'a' '2' 'y' 't2'",
            ],
            &["1 'A' 1 'x' 'T1'", "2 'a' '2' 'y' 't2'"],
        );
        // A row that another one replaces, because of what is unique, goes without a trigger.
        after(
            r#"INSERT OR REPLACE INTO "select" VALUES (1, 'b', 'm', NULL, 't2');
               INSERT OR REPLACE INTO "Order" ("from", "user", name) VALUES (1, 'a', 'again')"#,
            &[
                "1 'a' 1 'x' 'T1'",
                "1 'b' 'm' NULL 't2'",
                "2 'a' NULL NULL NULL",
            ],
            &["1 'A' 1 'x' 'T1'", "1 'b' 'm' NULL 't2'"],
        );
        after(
            r#"UPDATE "Order" SET "Mood" = 5 WHERE "from" = 2;
               UPDATE "Order" SET "pet ""name""" = 'z' WHERE "user" = 'b';
               INSERT INTO "Order" VALUES (3, 'c', 'C', ')sad', NULL, 'u'), (4, 'c', 'D', NULL, NULL, NULL)"#,
            &[
                "1 'a' 1 'x' 'T1'",
                "1 'b' 'm' 'z' 't2'",
                "2 'a' 5 NULL NULL",
                "3 'c' ')sad' NULL 'u'",
                "4 'c' NULL NULL NULL",
            ],
            &[
                "1 'A' 1 'x' 'T1'",
                "1 'b' 'm' 'z' 't2'",
                "2 'a' 5 NULL NULL",
                "3 'c' ')sad' NULL 'u'",
            ],
        );
        // Keys that move, on either side; rows that go although somebody points to them; all cleared.
        after(
            r#"UPDATE "Order" SET "from" = 9, "Mood" = 'n' WHERE "user" = 'b';
               UPDATE "select" SET "table" = 4 WHERE "where" = 'c';
               DELETE FROM "Order" WHERE "from" = 1;
               UPDATE "Order" SET "Mood" = NULL WHERE "from" = 2"#,
            &[
                "2 'a' NULL NULL NULL",
                "3 'c' NULL NULL NULL",
                "4 'c' ')sad' NULL 'u'",
                "9 'b' 'n' 'z' 't2'",
            ],
            &["4 'c' ')sad' NULL 'u'", "9 'b' 'n' 'z' 't2'"],
        );
        for refused in [
            r#"UPDATE "Order" SET tag = 'alone' WHERE "from" = 2"#,
            r#"UPDATE "Order" SET tag = NULL WHERE "from" = 4"#,
        ] {
            assert!(application.execute_batch(refused).is_err(), "{refused}");
        }
    }
}

#[test]
fn the_way_back_of_the_contract_brings_what_was_written_since() {
    let place = Place::new(HOSTILE);
    let mut database = place.open();
    let definition = planned(&database, &wanted("Order", "select")).unwrap();
    let begun = database.full_fingerprint().unwrap();
    up_to(&mut database, &definition, "constrain");
    let before = database.full_fingerprint().unwrap();
    walk(&mut database, &definition, "contract", Direction::Up);
    place
        .application()
        .execute_batch(
            r#"DELETE FROM "Order" WHERE "user" = 'b';
               UPDATE "Order" SET tag = 'new' WHERE ("user", "from") = ('a', 1);
               INSERT INTO "Order" VALUES (7, 'g', 'G', 7, NULL, NULL), (8, 'g', 'H', NULL, NULL, NULL)"#,
        )
        .unwrap();
    walk(&mut database, &definition, "contract", Direction::Down);
    assert_eq!(database.full_fingerprint().unwrap(), before);
    let [_, select] = both(&place.application());
    assert_eq!(select, ["1 'A' 1.5 'x' 'new'", "7 'g' 7 NULL NULL"]);
    for step in database_steps(&definition).iter().rev().skip(1) {
        walk(&mut database, &definition, step, Direction::Down);
    }
    assert_eq!(database.full_fingerprint().unwrap(), begun);
}

#[test]
fn nothing_is_lost_where_the_tables_are_not_what_they_should_be() {
    // An orphan, from code that does not enforce foreign keys, would go with the table.
    let place = Place::new(HOSTILE);
    let mut database = place.open();
    let definition = planned(&database, &wanted("Order", "select")).unwrap();
    up_to(&mut database, &definition, "constrain");
    place
        .application()
        .execute_batch(
            r#"PRAGMA foreign_keys = OFF;
               INSERT INTO "select" VALUES (99, 'nobody', 1, NULL, NULL)"#,
        )
        .unwrap();
    let effect = &steps(&definition, "contract", Direction::Up)[0].effect;
    let error = perform(&mut database, effect).unwrap_err();
    assert!(format!("{error:?}").contains("differ"), "{error:?}");

    // The way back would make the table as it was when it was planned.
    let place = Place::new(HOSTILE);
    let mut database = place.open();
    let definition = planned(&database, &wanted("Order", "select")).unwrap();
    let index = r#"CREATE INDEX later ON "select" (name)"#;
    place.application().execute_batch(index).unwrap();
    let effect = &steps(&definition, "expand", Direction::Up)[0].effect;
    let error = perform(&mut database, effect).unwrap_err();
    assert!(
        format!("{error:?}").contains("when this was planned"),
        "{error:?}"
    );
}

#[test]
fn what_cannot_be_merged_is_refused_and_named() {
    const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, nick TEXT);";
    const FINE: &str =
        "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users, bio TEXT);";
    let refused = |sql: &str| {
        let place = Place::new(&format!("{USERS}{sql}"));
        match planned(&place.open(), &wanted_plain()) {
            Err(RenameError::Unsupported { reason, .. }) => reason,
            other => panic!("{sql}: {other:?}"),
        }
    };
    for (sql, says) in [
        (
            &*format!("{FINE}CREATE VIEW seen AS SELECT bio FROM profiles"),
            "the view `seen`",
        ),
        (
            &format!("{FINE}CREATE TABLE pictures (of INTEGER REFERENCES profiles)"),
            "a foreign key of `pictures`",
        ),
        (
            &format!("{FINE}CREATE TRIGGER noted AFTER INSERT ON users BEGIN SELECT 1; END"),
            "the trigger `noted`",
        ),
        (
            &format!("{FINE}CREATE INDEX low ON profiles (lower(bio))"),
            "the index low",
        ),
        (
            &format!("{FINE}CREATE INDEX part ON profiles (bio) WHERE bio <> ''"),
            "the index part",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users, nick TEXT)",
            "already has a column `nick`",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY, bio TEXT)",
            "no foreign key",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER NOT NULL REFERENCES users, bio TEXT)",
            "no foreign key",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER UNIQUE REFERENCES users, bio TEXT)",
            "no foreign key",
        ),
        (
            "CREATE TABLE profiles (id TEXT PRIMARY KEY, user_id INTEGER UNIQUE NOT NULL REFERENCES \
             users, bio TEXT)",
            "its key `id`",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users)",
            "no column that could",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users ON DELETE RESTRICT, \
             bio TEXT)",
            "RESTRICT cannot",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users, bio TEXT, \
             CHECK (bio <> user_id))",
            "CHECK (bio <> user_id) cannot",
        ),
        (
            "CREATE TABLE profiles (user_id INTEGER PRIMARY KEY REFERENCES users, bio TEXT) WITHOUT \
             ROWID",
            "WITHOUT ROWID",
        ),
    ] {
        let reason: Reason = refused(sql);
        assert!(reason.to_string().contains(says), "{sql}: {reason}");
    }
}

fn wanted_plain() -> Merge {
    Merge {
        names: std::collections::BTreeMap::new(),
        ..wanted("users", "profiles")
    }
}
