mod bad_input;
mod concurrent;
mod crashes;
mod merge;
mod operations;
mod rebuild;
mod round_trip;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use switchback_migration::Definition;
use switchback_migration::drive::Probed;
use switchback_migration::sqlite::rename::{Mode, Rename, plan};
use switchback_migration::steps::planned;
use switchback_model::plan::Direction;
use switchback_model::{ChangeId, Digest, Effect, PlannedStep, StepName, Timestamp};

use super::*;

/// A table to rename a column of, and the SQL that makes it.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
    pub(super) table: &'static str,
    pub(super) old: &'static str,
    pub(super) new: &'static str,
}

const fn users(name: &'static str, sql: &'static str) -> Shape {
    Shape {
        name,
        sql,
        table: "users",
        old: "email_addr",
        new: "email",
    }
}

pub(super) const SHAPES: &[Shape] = &[
    users(
        "nullable",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT, n INT);
         INSERT INTO users VALUES (1, 'a', 1), (2, NULL, 2), (5, '', 3), (-7, 'neg', 0);",
    ),
    users(
        "not null",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL);
         INSERT INTO users VALUES (1, 'a'), (2, 'b');",
    ),
    users(
        "not null, last, with comments and no key",
        "CREATE TABLE users (n, -- the number
           email_addr VARCHAR(20) /* why */ not  null -- at the end
         );
         INSERT INTO users VALUES (1, 'a'), (2, 'b');",
    ),
    users(
        "unique constraint",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL UNIQUE, n INT);
         INSERT INTO users VALUES (1, 'a', 1), (2, 'b', 2);",
    ),
    users(
        "unique index",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT, n INT NOT NULL DEFAULT 3);
         CREATE UNIQUE INDEX by_mail ON users (email_addr DESC);
         INSERT INTO users VALUES (1, 'a', 1), (2, NULL, 2), (3, NULL, 2);",
    ),
    users(
        "composite indexes and a table constraint",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, tenant INT, email_addr TEXT NOT NULL,
           x TEXT, UNIQUE (tenant, x), CHECK (tenant > 0));
         CREATE INDEX i1 ON users (email_addr COLLATE NOCASE, tenant);
         CREATE INDEX i2 ON users (tenant) WHERE tenant > 5;
         CREATE INDEX i3 ON users (lower(x));
         INSERT INTO users VALUES (1, 1, 'a', 'X'), (2, 2, 'a', 'Y'), (3, 1, 'b', 'Z');",
    ),
    users(
        "default",
        "CREATE TABLE users (id INTEGER PRIMARY KEY,
           email_addr TEXT NOT NULL DEFAULT 'no@where', n INT);
         CREATE INDEX i1 ON users (email_addr);
         INSERT INTO users (id) VALUES (1), (2); INSERT INTO users VALUES (3, 'c', 1);",
    ),
    users(
        "numeric default in parentheses",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr INTEGER DEFAULT (-1));
         INSERT INTO users (id) VALUES (1); INSERT INTO users VALUES (2, NULL), (3, 7);",
    ),
    users(
        "collation",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL COLLATE NOCASE);
         CREATE UNIQUE INDEX i1 ON users (email_addr COLLATE BINARY);
         INSERT INTO users VALUES (1, 'a'), (2, 'A'), (3, 'b');",
    ),
    users(
        "strict",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL) STRICT;
         INSERT INTO users VALUES (1, 'a'), (2, 'b');",
    ),
    users(
        "no type",
        "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email_addr DEFAULT 1, n);
         INSERT INTO users VALUES (1, 1, 1), (2, 1.0, 2), (3, x'31', 3), (4, '1', 4), (5, NULL, 5);",
    ),
    users("empty", "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL UNIQUE);"),
    users(
        "referenced by another table",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, who INT REFERENCES users ON DELETE CASCADE);
         INSERT INTO users VALUES (1, 'a'), (2, 'b'); INSERT INTO orders VALUES (1, 1), (2, 2);",
    ),
    users(
        "ten thousand rows",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT NOT NULL, n INT);
         CREATE UNIQUE INDEX i1 ON users (email_addr);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10000)
         INSERT INTO users SELECT i, 'user' || i || '@example.com', i % 7 FROM c;",
    ),
    Shape {
        name: "hostile names",
        sql: "CREATE TABLE \"say \"\"hi\"\" 'x' ;--\" (\"rowid\" TEXT, \"größe in cm\" TEXT NOT NULL,
                \"order\" INT);
              CREATE UNIQUE INDEX \"an index\" ON \"say \"\"hi\"\" 'x' ;--\" (\"größe in cm\");
              CREATE INDEX \"two\" ON \"say \"\"hi\"\" 'x' ;--\" (\"größe in cm\" DESC, \"order\");
              INSERT INTO \"say \"\"hi\"\" 'x' ;--\" VALUES ('r', 'a', 1), ('s', 'b', 2);",
        table: "say \"hi\" 'x' ;--",
        old: "größe in cm",
        new: "select \"what'",
    },
    Shape {
        name: "line breaks in names",
        sql: "CREATE TABLE \"a\nb\" (\"c\nDROP TABLE x;\" TEXT NOT NULL UNIQUE);
              INSERT INTO \"a\nb\" VALUES ('a'), ('b');",
        table: "a\nb",
        old: "c\nDROP TABLE x;",
        new: "d\n--",
    },
    Shape {
        name: "reserved words",
        sql: "CREATE TABLE \"table\" (\"order\" TEXT NOT NULL UNIQUE, \"group\" INT);
              INSERT INTO \"table\" VALUES ('a', 1), ('b', 2);",
        table: "table",
        old: "order",
        new: "where",
    },
];

pub(super) fn shape(name: &str) -> &'static Shape {
    SHAPES.iter().find(|shape| shape.name == name).unwrap()
}

/// A database file in a folder of its own.
pub(super) struct Place {
    _folder: tempfile::TempDir,
    pub(super) path: PathBuf,
}

impl Place {
    pub(super) fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    pub(super) fn open(&self) -> SqliteDatabase {
        let options = Options {
            busy_timeout: Duration::from_secs(60),
            busy_retries: 1,
            batch_time: Duration::from_millis(2),
            lease: Duration::from_millis(200),
        };
        SqliteDatabase::open(&self.path, options).unwrap()
    }

    pub(super) fn application(&self) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        // SQLite's waiting writers poll without an order, so on a busy machine one can be unlucky
        // for long; what is tested is that each gets its turn.
        connection.busy_timeout(Duration::from_secs(60)).unwrap();
        connection
    }
}

pub(super) fn define(database: &SqliteDatabase, shape: &Shape, mode: Mode) -> Definition {
    let rename = Rename {
        change: ChangeId::new("rename-it").unwrap(),
        from: shape.old.to_owned(),
        to: shape.new.to_owned(),
        mode,
    };
    plan(&database.catalog(shape.table).unwrap(), &rename).unwrap()
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

pub(super) fn go_on(_: &Progress) -> Next {
    Next::Continue
}

pub(super) fn steps(definition: &Definition, step: &str, direction: Direction) -> Vec<PlannedStep> {
    planned(definition, &StepName::new(step).unwrap(), direction).unwrap()
}

/// Does an effect; returns whether there was anything to do.
pub(super) fn perform(database: &mut SqliteDatabase, effect: &Effect) -> Result<bool, DbError> {
    Ok(match effect {
        Effect::Script(script) => database.run_script(script, "test", now())? == Ran::Done,
        Effect::Fill(fill) => database.fill(fill, &mut go_on)? != FillEnd::Already,
        Effect::Unfill(fill) => database.unfill(fill, &mut go_on)? != FillEnd::Already,
        Effect::MoveValue(_) => panic!("not a database effect"),
    })
}

/// Walks a step, every effect twice, asking the probe around each.
pub(super) fn walk(
    database: &mut SqliteDatabase,
    definition: &Definition,
    step: &str,
    direction: Direction,
) {
    for planned in steps(definition, step, direction) {
        let effect = &planned.effect;
        assert_eq!(
            database.probe(effect).unwrap(),
            Probed::NotDone,
            "{}",
            planned.title
        );
        assert!(perform(database, effect).unwrap(), "{}", planned.title);
        assert_eq!(
            database.probe(effect).unwrap(),
            Probed::Done,
            "{}",
            planned.title
        );
        assert!(!perform(database, effect).unwrap(), "{}", planned.title);
    }
    database.check_marks(definition).unwrap();
}

/// The whole schema and all rows.
pub(super) fn state(database: &SqliteDatabase, table: &str) -> (Digest, Digest) {
    (
        database.full_fingerprint().unwrap(),
        database.data_fingerprint(table, &[]).unwrap(),
    )
}

pub(super) fn up_to(database: &mut SqliteDatabase, definition: &Definition, last: &str) {
    for step in database_steps(definition) {
        walk(database, definition, &step, Direction::Up);
        if step == last {
            return;
        }
    }
}

pub(super) fn database_steps(definition: &Definition) -> Vec<String> {
    use switchback_migration::definition::Work;
    let database = |work: &Work| matches!(work, Work::Database { .. });
    let steps = definition.steps.iter().filter(|step| database(&step.work));
    steps.map(|step| step.name.to_string()).collect()
}
