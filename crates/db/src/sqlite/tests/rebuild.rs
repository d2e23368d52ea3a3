//! Tables that are made again for a foreign key: what they were but for the key, to the byte, with
//! everything that hangs on them.

use rusqlite::types::Value;
use switchback_migration::sqlite::plan::{self, ForeignKey};
use switchback_migration::sqlite::rename::RenameError;
use switchback_model::ChangeId;

use super::*;

/// Each with a table `t` whose column `a` shall point to `p (id)`.
const TABLES: &[(&str, &str)] = &[
    (
        "counted rows, of which the last are gone, with comments and odd spelling",
        "CREATE TABLE [T] (id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key, )
           \"a\" INT /* where, ( */ , n TEXT DEFAULT ')' -- last
         );
         INSERT INTO t VALUES (1, 1, 'x'), (7, 2, NULL), (90, NULL, 'z');
         DELETE FROM t WHERE id = 90;",
    ),
    (
        "row ids that no column has, with gaps",
        "CREATE TABLE t (a, \"rowid\" TEXT);
         INSERT INTO t (_rowid_, a) VALUES (-5, 1), (3, 2), (9000000000, 1);",
    ),
    (
        "row ids that nobody can name",
        "CREATE TABLE t (a, \"rowid\" TEXT, oid, _rowid_);
         INSERT INTO t VALUES (1, 'x', 1, 2), (2, 'y', 3, 4);",
    ),
    (
        "without row ids",
        "CREATE TABLE t (k TEXT, n INT, a INT, PRIMARY KEY (k, n)) WITHOUT ROWID;
         INSERT INTO t VALUES ('k', 1, 1), ('k', 2, NULL);",
    ),
    (
        "strict, generated, and values of every kind",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, v ANY, twice INT AS (a * 2) STORED,
           more INT GENERATED ALWAYS AS (a + 1) VIRTUAL) STRICT;
         INSERT INTO t (a, v) VALUES (1, 1.0), (2, 1), (1, '1'), (2, x'31'), (NULL, NULL);",
    ),
    (
        "indexes, triggers and views, its own and those of others",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT UNIQUE ON CONFLICT REPLACE, n TEXT);
         CREATE TABLE log (what TEXT);
         CREATE UNIQUE INDEX  \"by n\" ON T (n COLLATE NOCASE) WHERE n IS NOT NULL;
         CREATE INDEX later ON t (lower(n));
         CREATE VIEW v AS SELECT t.a FROM t JOIN v2 ON v2.id = t.id;
         CREATE VIEW v2 AS SELECT id FROM t;
         CREATE TRIGGER \"on t\" AFTER INSERT ON \"T\" BEGIN INSERT INTO log VALUES (new.a); END;
         CREATE TRIGGER of_p AFTER INSERT ON p BEGIN UPDATE t SET n = 'p' WHERE a = new.id; END;
         CREATE TRIGGER of_v INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE a = old.a; END;
         INSERT INTO t VALUES (1, 1, 'x'), (2, 2, NULL);
         DELETE FROM log;
         ANALYZE;",
    ),
    (
        "other tables and the table itself point to it",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, up INT REFERENCES t (id) ON DELETE CASCADE,
           CONSTRAINT positive CHECK (a > 0));
         CREATE TABLE child (t INT NOT NULL REFERENCES \"T\" ON DELETE CASCADE);
         INSERT INTO t VALUES (1, 1, NULL), (2, 2, 1);
         INSERT INTO child VALUES (1), (2), (2);",
    ),
    ("no rows", "CREATE TABLE t (a INT)"),
];

fn place(sql: &str) -> Place {
    Place::new(&format!(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2); {sql}"
    ))
}

fn planned_for(database: &SqliteDatabase, to_column: &str) -> Result<Definition, RenameError> {
    let (table, to) = (
        database.catalog("t").unwrap(),
        database.catalog("p").unwrap(),
    );
    let wanted = ForeignKey {
        name: "the key",
        columns: &["a".to_owned()],
        to_columns: &[to_column.to_owned()],
        actions: "ON DELETE SET NULL",
    };
    plan::foreign_key(&table, &to, &ChangeId::new("link").unwrap(), &wanted)
}

fn definition(database: &SqliteDatabase) -> Definition {
    planned_for(database, "id").unwrap()
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(sql).unwrap();
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// The application's schema to the byte, its rows with their row ids, its counters and statistics.
fn everything(place: &Place) -> Vec<Vec<Value>> {
    let connection = place.application();
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema
                  WHERE name NOT LIKE '\\_switchback\\_%' ESCAPE '\\'
                    AND tbl_name NOT LIKE '\\_switchback\\_%' ESCAPE '\\' ORDER BY type, name";
    let mut all = rows(&connection, schema);
    for table in ["t", "child", "log", "sqlite_sequence", "sqlite_stat1"] {
        let named = ["rowid", "_rowid_"].into_iter().find_map(|rowid| {
            let sql = format!("SELECT typeof({rowid}), {rowid}, * FROM {table} ORDER BY 3, 2");
            connection.prepare(&sql).ok().map(|_| sql)
        });
        let sql = named.unwrap_or_else(|| format!("SELECT * FROM {table} ORDER BY 1"));
        if connection.prepare(&sql).is_ok() {
            let mut found = rows(&connection, &sql);
            if table == "sqlite_sequence" {
                found.iter_mut().for_each(|row| drop(row.drain(..2)));
            }
            all.extend(found);
        }
    }
    all
}

fn text_of(place: &Place, table: &str) -> String {
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let connection = place.application();
    connection
        .query_row(sql, [table], |row| row.get(0))
        .unwrap()
}

#[test]
fn everything_is_as_it_was_there_and_back() {
    for (what, sql) in TABLES {
        let place = place(sql);
        let mut database = place.open();
        let definition = definition(&database);
        let begun = everything(&place);
        let text = text_of(&place, "t");
        let steps = database_steps(&definition);
        for step in steps.iter().filter(|it| *it != "require") {
            walk(&mut database, &definition, step, Direction::Up);
        }
        let before = everything(&place);
        walk(&mut database, &definition, "require", Direction::Up);
        let keyed = text_of(&place, "t");
        assert_eq!(
            keyed.replace(
                ", CONSTRAINT \"the key\" FOREIGN KEY (a) REFERENCES p (id) ON DELETE SET NULL",
                ""
            ),
            text,
            "{what}"
        );
        assert_ne!(keyed, text, "{what}");
        let undone = everything(&place).into_iter().map(|mut row| {
            for it in &mut row {
                if *it == Value::Text(keyed.clone()) {
                    *it = Value::Text(text.clone());
                }
            }
            row
        });
        assert_eq!(undone.collect::<Vec<_>>(), before, "{what}");
        let connection = place.application();
        assert!(
            connection
                .execute("UPDATE t SET a = 77 WHERE a = 1", [])
                .is_err()
                || *what == "no rows",
            "{what}: the key does not hold"
        );
        let sound = rows(&connection, "PRAGMA integrity_check");
        assert_eq!(sound, [[Value::Text("ok".to_owned())]], "{what}");
        assert_eq!(rows(&connection, "PRAGMA foreign_key_check").len(), 0);
        drop(connection);
        for step in steps.iter().rev() {
            walk(&mut database, &definition, step, Direction::Down);
        }
        assert_eq!(everything(&place), begun, "{what}");
    }
}

#[test]
fn settings_are_as_they_were_also_after_a_refusal() {
    let place = place("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)");
    let mut database = place.open();
    let definition = definition(&database);
    let settings = |database: &SqliteDatabase| {
        let of = |sql| rows(&database.connection, sql);
        [of("PRAGMA foreign_keys"), of("PRAGMA legacy_alter_table")]
    };
    let begun = settings(&database);
    for step in ["verify", "build"] {
        walk(&mut database, &definition, step, Direction::Up);
    }
    let application = place.application();
    application
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    application.execute("INSERT INTO t VALUES (3)", []).unwrap();
    let before = everything(&place);
    let step = &steps(&definition, "require", Direction::Up)[0].effect;
    let refused = perform(&mut database, step);
    assert_eq!(
        refused,
        Err(DbError::ForeignKeys {
            table: "t".to_owned(),
            rows: 1
        })
    );
    assert_eq!(database.probe(step).unwrap(), Probed::NotDone);
    assert_eq!(everything(&place), before);
    assert_eq!(settings(&database), begun);
    application
        .execute("DELETE FROM t WHERE a = 3", [])
        .unwrap();
    walk(&mut database, &definition, "require", Direction::Up);
    assert_eq!(settings(&database), begun);
}

#[test]
fn rows_that_point_to_nothing_are_found_before() {
    for (kind, parent, child, broken) in [
        // As a foreign key compares: '01' is no number over there, 1 is one.
        ("text to number", "INTEGER PRIMARY KEY", "'01'", 0),
        ("text to text", "TEXT UNIQUE", "'01'", 1),
        ("number to text", "TEXT UNIQUE", "1", 0),
        ("letters", "TEXT COLLATE NOCASE UNIQUE", "'A'", 0),
        ("other letters", "TEXT UNIQUE", "'A'", 1),
    ] {
        let letters = kind.contains("letters");
        let there = if letters { "'a'" } else { "1" };
        let place = Place::new(&format!(
            "CREATE TABLE p (id {parent}); INSERT INTO p VALUES ({there});
             CREATE TABLE t (a); INSERT INTO t VALUES ({child}), (NULL);"
        ));
        let mut database = place.open();
        let definition = definition(&database);
        let verify = &steps(&definition, "verify", Direction::Up)[0].effect;
        let found = perform(&mut database, verify);
        assert_eq!(found.is_err(), broken > 0, "{kind}: {found:?}");
        if broken == 0 {
            for step in ["build", "require"] {
                walk(&mut database, &definition, step, Direction::Up);
            }
        }
    }
}

#[test]
fn another_change_goes_on_and_back_meanwhile() {
    let place = place(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL, a INT);
         INSERT INTO users VALUES (1, 'a', 1), (2, 'b', NULL);",
    );
    let mut database = place.open();
    let rename = define(&database, shape("nullable"), Mode::Triggers);
    let begun = text_of(&place, "users");
    let (table, to) = (
        database.catalog("users").unwrap(),
        database.catalog("p").unwrap(),
    );
    let wanted = ForeignKey {
        name: "k",
        columns: &["a".to_owned()],
        to_columns: &["id".to_owned()],
        actions: "",
    };
    let id = ChangeId::new("link").unwrap();
    let link = plan::foreign_key(&table, &to, &id, &wanted).unwrap();
    // Planned before the other one's column is there.
    walk(&mut database, &rename, "expand", Direction::Up);
    for step in database_steps(&link) {
        walk(&mut database, &link, &step, Direction::Up);
    }
    database.check_marks(&rename).unwrap();
    database.check_marks(&link).unwrap();
    let same = "SELECT count(*) FROM users WHERE email IS NOT email_addr";
    let application = place.application();
    application
        .execute("INSERT INTO users (email_addr, a) VALUES ('c', 2)", [])
        .unwrap();
    assert_eq!(rows(&application, same), [[Value::Integer(0)]]);
    walk(&mut database, &rename, "expand", Direction::Down);
    for step in database_steps(&link).iter().rev() {
        walk(&mut database, &link, step, Direction::Down);
    }
    assert_eq!(text_of(&place, "users"), begun);
}

#[test]
fn what_is_no_key_over_there_is_refused() {
    for (sql, refused) in [
        ("CREATE TABLE p (id INT)", true),
        ("CREATE TABLE p (id INT); CREATE INDEX i ON p (id)", true),
        (
            "CREATE TABLE p (id INT); CREATE UNIQUE INDEX i ON p (id) WHERE id > 0",
            true,
        ),
        (
            "CREATE TABLE p (id TEXT); CREATE UNIQUE INDEX i ON p (id COLLATE NOCASE)",
            true,
        ),
        ("CREATE TABLE p (id INT, n INT, PRIMARY KEY (id, n))", true),
        (
            "CREATE TABLE p (id INT); CREATE UNIQUE INDEX i ON p (id)",
            false,
        ),
        ("CREATE TABLE p (id TEXT PRIMARY KEY) WITHOUT ROWID", false),
    ] {
        let place = Place::new(&format!("{sql}; CREATE TABLE t (a)"));
        let mut database = place.open();
        match planned_for(&database, "id") {
            Ok(definition) => {
                assert!(!refused, "{sql}");
                up_to(&mut database, &definition, "require");
            }
            Err(error) => {
                assert!(refused, "{sql}");
                assert!(error.to_string().contains("unique index"), "{error}");
            }
        }
    }
}

#[test]
fn a_constraint_of_that_name_stays_what_it_is() {
    let place = place("CREATE TABLE t (a INT, CONSTRAINT \"The Key\" CHECK (a > 0))");
    let error = planned_for(&place.open(), "id").unwrap_err();
    assert!(
        error.to_string().contains("already has a constraint"),
        "{error}"
    );
}

#[test]
fn what_sqlite_does_not_rename_is_left_as_it_was() {
    let place = place(
        "CREATE TABLE t (a INT, CHECK (t.a > 0)); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1)",
    );
    let mut database = place.open();
    let definition = definition(&database);
    walk(&mut database, &definition, "verify", Direction::Up);
    let before = everything(&place);
    let step = &steps(&definition, "require", Direction::Up)[0].effect;
    let error = perform(&mut database, step).unwrap_err();
    assert!(matches!(error, DbError::Sql { .. }), "{error}");
    assert_eq!(database.probe(step).unwrap(), Probed::NotDone);
    assert_eq!(everything(&place), before);
}
