//! Tables that are not easy to fill.

use super::*;

fn filled(schema: &str, wanted: u64) -> (Connection, Filled) {
    let mut connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .unwrap();
    connection.execute_batch(schema).unwrap();
    let filled = fill(&mut connection, wanted, 1).unwrap();
    (connection, filled)
}

fn assert_full(schema: &str, wanted: u64) {
    let (connection, filled) = filled(schema, wanted);
    assert_eq!(filled.short, [], "{schema}");
    for table in rows::names(&connection).unwrap() {
        let count = format!("SELECT count(*) FROM {}", name(&table));
        assert_eq!(
            rows::number(&connection, &count).unwrap(),
            wanted,
            "{table}"
        );
    }
    let broken = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(rows::number(&connection, broken).unwrap(), 0, "{schema}");
}

#[test]
fn tables_of_all_kinds_are_filled() {
    for schema in [
        "CREATE TABLE t (x)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT NOT NULL UNIQUE, c BLOB, d REAL)",
        "CREATE TABLE t (id TEXT PRIMARY KEY, at DATETIME NOT NULL, ok BOOLEAN NOT NULL) WITHOUT ROWID",
        "CREATE TABLE t (a INT NOT NULL, b TEXT NOT NULL, c ANY, PRIMARY KEY (a, b)) STRICT",
        "CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a + 1) STORED)",
        "CREATE TABLE t (kind TEXT NOT NULL CHECK (kind IN ('a', 'b')), n INT CHECK (n BETWEEN 5 AND 7))",
        "CREATE TABLE t (hash BLOB NOT NULL CHECK (length(hash) = 20), doc TEXT CHECK (json_valid(doc)))",
        "CREATE TABLE t (a INT, b INT, CHECK ((a IS NULL) <> (b IS NULL)))",
        "CREATE TABLE t (doc TEXT NOT NULL DEFAULT '{}' CHECK (json_type(doc) = 'object'), list DEFAULT ('[]'))",
        "CREATE TABLE t (\"order\" TEXT NOT NULL, [select] INT)",
    ] {
        assert_full(schema, 20);
    }
}

#[test]
fn keys_lead_to_rows_that_are_there() {
    assert_full(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p INT NOT NULL REFERENCES parent (id), up INT REFERENCES child);
         CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE pair (a INT NOT NULL REFERENCES parent, b INT NOT NULL REFERENCES child, UNIQUE (a, b));
         CREATE TABLE relation (a INT NOT NULL REFERENCES parent, b INT NOT NULL REFERENCES parent, CHECK (a <> b), PRIMARY KEY (a, b));
         CREATE TABLE two (x TEXT, y TEXT, PRIMARY KEY (x, y));
         CREATE TABLE to_two (x TEXT NOT NULL, y TEXT NOT NULL, FOREIGN KEY (x, y) REFERENCES two);
         CREATE TABLE one_way (id INTEGER PRIMARY KEY, o INT REFERENCES other_way (id));
         CREATE TABLE other_way (id INTEGER PRIMARY KEY, o INT REFERENCES one_way (id))",
        30,
    );
}

#[test]
fn what_cannot_be_filled_is_said() {
    let (_, told) = filled(
        "CREATE TABLE never (x INT NOT NULL CHECK (x <> x)); CREATE TABLE fine (x INT);
         CREATE TABLE gone (x INT);
         CREATE TRIGGER no BEFORE INSERT ON gone BEGIN SELECT raise(ABORT, 'not here'); END",
        3,
    );
    let tables: Vec<&str> = told.short.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(tables, ["gone", "never"]);
    assert!(told.said().unwrap().contains("gone: not here"));
}

#[test]
fn rows_that_are_there_stay_and_count() {
    let (connection, told) = filled(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT UNIQUE);
         INSERT INTO t VALUES (7, 'x 1000'), (9, 'mine')",
        5,
    );
    assert_eq!(told.short, []);
    let kept = "SELECT count(*) FROM t WHERE (id = 7 AND x = 'x 1000') OR (id = 9 AND x = 'mine')";
    assert_eq!(rows::number(&connection, kept).unwrap(), 2);
    assert_eq!(
        rows::number(&connection, "SELECT count(*) FROM t").unwrap(),
        5
    );
}

#[test]
fn the_same_seed_gives_the_same_rows() {
    let schema = "CREATE TABLE t (a TEXT, b INT, c BLOB, d UUID)";
    let read = |connection: &Connection| {
        rows::contents(connection, &crate::history::RowLimits::default()).unwrap()
    };
    let (one, _) = filled(schema, 9);
    let (two, _) = filled(schema, 9);
    assert_eq!(read(&one), read(&two));
}
