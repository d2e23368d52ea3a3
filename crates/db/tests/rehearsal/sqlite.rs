//! On SQLite.

use std::collections::BTreeMap;

use rusqlite::Connection;
use switchback_db::rehearsal::{Fault, Options, Report, rehearse};
use switchback_db::sqlite::SqliteDatabase;
use switchback_db::sqlite::rehearsal::{SqliteBench, copy};
use switchback_migration::Definition;
use switchback_migration::definition::Work;
use switchback_migration::operation::request::{Merge, Move, MoveKind, NewColumn, Request};
use switchback_migration::sqlite::rename::Mode;
use switchback_model::ChangeId;

use super::wrong;

const SHOP: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY,
        full_name TEXT NOT NULL,
        street TEXT NOT NULL, city TEXT NOT NULL,
        email_addr TEXT NOT NULL UNIQUE,
        fax TEXT,
        pager TEXT NOT NULL,
        amount INTEGER NOT NULL,
        price REAL,
        account INTEGER,
        state TEXT NOT NULL DEFAULT 'new' CONSTRAINT state_known CHECK (state IN ('new', 'old'))
    );
    CREATE INDEX users_city ON users (city);
    CREATE TABLE faxes (id INTEGER PRIMARY KEY, number TEXT);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE \"select\" (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        account INTEGER NOT NULL UNIQUE REFERENCES accounts,
        bio TEXT NOT NULL, name TEXT, handle TEXT COLLATE NOCASE UNIQUE,
        score REAL DEFAULT 1 CHECK (score >= 0)
    );
    CREATE INDEX profiles_score ON \"select\" (score DESC, account);";

pub(crate) const ROWS: &str = "
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 60)
    INSERT INTO users (id, full_name, street, city, email_addr, fax, pager, amount, price, account, state)
        SELECT x, 'N' || x || ' L' || x, 'S ' || x, 'C' || x % 7, x || '@b',
            CASE WHEN x % 3 THEN 'f' || x END, 'p' || x, x - 10, x / 4.0, CASE WHEN x % 5 THEN x % 7 + 1 END,
            CASE WHEN x % 2 THEN 'new' ELSE 'old' END FROM n;
    INSERT INTO faxes SELECT id, fax FROM users;
    INSERT INTO accounts SELECT id, full_name FROM users;
    INSERT INTO \"select\" (account, bio, name, handle, score)
        SELECT id, street, fax, email_addr, price FROM users WHERE id % 4;";

fn column(name: &str, type_sql: &str, value: &str) -> NewColumn {
    NewColumn {
        name: name.to_owned(),
        type_sql: type_sql.to_owned(),
        value: value.to_owned(),
    }
}

fn moved(kind: MoveKind, old: &[&str], new: Vec<NewColumn>, back: &[(&str, &str)]) -> Request {
    let text = |text: &&str| (*text).to_owned();
    Request::Move(Move {
        kind,
        table: "users".to_owned(),
        old: old.iter().map(text).collect(),
        new,
        back: map(back),
    })
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    pairs.iter().map(own).collect()
}

/// The one that can be done in two modes.
pub(crate) fn rename() -> Request {
    Request::RenameColumn {
        table: "users".to_owned(),
        from: "email_addr".to_owned(),
        to: "email".to_owned(),
    }
}

/// Every operation that there is on SQLite.
pub(crate) fn requests() -> Vec<Request> {
    let users = || "users".to_owned();
    let text = |text: &str| text.to_owned();
    vec![
        Request::AddColumn {
            table: users(),
            column: text("nickname"),
            type_sql: text("TEXT"),
            default: Some(text("'none'")),
        },
        Request::AddRequiredColumn {
            table: users(),
            column: text("segment"),
            type_sql: text("TEXT"),
            value: text("CASE WHEN amount > 3 THEN 'large' ELSE 'small' END"),
        },
        rename(),
        moved(
            MoveKind::Split,
            &["full_name"],
            vec![
                column(
                    "first_name",
                    "TEXT",
                    "substr(full_name, 1, instr(full_name || ' ', ' ') - 1)",
                ),
                column(
                    "last_name",
                    "TEXT",
                    "substr(full_name, instr(full_name || ' ', ' ') + 1)",
                ),
            ],
            &[("full_name", "rtrim(first_name || ' ' || last_name)")],
        ),
        moved(
            MoveKind::Merge,
            &["street", "pager"],
            vec![column("address", "TEXT", "street || ', ' || pager")],
            &[
                ("street", "substr(address, 1, instr(address, ', ') - 1)"),
                ("pager", "substr(address, instr(address, ', ') + 2)"),
            ],
        ),
        moved(
            MoveKind::ChangeType,
            &["amount"],
            vec![column("cents", "INTEGER", "amount * 100")],
            &[("amount", "cents / 100")],
        ),
        Request::AddValue {
            table: users(),
            column: text("state"),
            value: text("gone"),
            fallback: Some(text("old")),
        },
        Request::AddValue {
            table: users(),
            column: text("state"),
            value: text("lost"),
            fallback: None,
        },
        Request::RemoveValue {
            table: users(),
            column: text("state"),
            value: text("old"),
            replacement: text("new"),
        },
        Request::AddIndex {
            table: users(),
            name: text("users_pager"),
            keys: vec![text("pager"), text("lower(full_name)")],
            method: None,
            only: Some(text("fax IS NOT NULL")),
        },
        Request::AddCheck {
            table: users(),
            name: text("positive"),
            rule: text("amount >= 0"),
            mend: map(&[("amount", "0")]),
        },
        Request::AddNotNull {
            table: users(),
            column: text("fax"),
            mend: Some(text("''")),
        },
        Request::AddUnique {
            table: users(),
            name: text("names_once"),
            columns: vec![text("full_name"), text("id")],
        },
        Request::AddForeignKey {
            table: users(),
            name: text("users_account"),
            columns: vec![text("account")],
            to_table: text("accounts"),
            to_columns: vec![text("id")],
            actions: text("ON DELETE CASCADE"),
        },
        Request::DropColumn {
            table: users(),
            column: text("fax"),
            default: None,
        },
        Request::DropColumn {
            table: users(),
            column: text("pager"),
            default: Some(text("'none'")),
        },
        Request::DropTable {
            table: text("faxes"),
        },
        Request::MergeTables(Merge {
            into: text("accounts"),
            from: text("select"),
            by: Vec::new(),
            names: map(&[("name", "the name")]),
            prefix: String::new(),
        }),
    ]
}

/// A database, and a copy of it.
pub(crate) fn files(rows: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("shop.db");
    let connection = Connection::open(&own).unwrap();
    connection.execute_batch(&format!("{SHOP}{rows}")).unwrap();
    copy(&own, &folder.path().join("copy.db")).unwrap();
    folder
}

pub(crate) fn planned(folder: &tempfile::TempDir, request: &Request, mode: Mode) -> Definition {
    let path = folder.path().join("shop.db");
    let database = SqliteDatabase::open(&path, switchback_db::sqlite::Options::default()).unwrap();
    let change = ChangeId::new("it").unwrap();
    database.plan(&change, request, mode).unwrap().unwrap()
}

fn rehearsed(folder: &tempfile::TempDir, definition: &Definition) -> Report {
    let path = folder.path().join("copy.db");
    let (mut bench, workload) = SqliteBench::open(&path, definition).unwrap();
    let options = Options {
        clients: 2,
        rows_each: 4,
        settle: 8,
        ..Options::default()
    };
    rehearse(&mut bench, definition, &workload, &options, &mut |_| ()).unwrap()
}

fn passes(request: &Request, mode: Mode, rows: &str) {
    let folder = files(rows);
    let definition = planned(&folder, request, mode);
    let what = &definition.title;
    let report = rehearsed(&folder, &definition);
    assert!(report.is_clean(), "{what}: {:#?}", wrong(&report));
    assert_eq!(report.rows, if rows.is_empty() { 0 } else { 60 }, "{what}");
    assert_eq!(report.steps.len(), definition.steps.len(), "{what}");
    let worked = report.steps.iter().any(|it| it.measured.usual.count > 0);
    assert!(worked, "{what}");
    // Nobody keeps the old name in step once only the new one is written.
    let lossy = matches!(request, Request::DropTable { .. }) || mode == Mode::Application;
    assert_eq!(report.back_ends_at.is_some(), lossy, "{what}");
    // The database that was copied is as it was.
    let own = Connection::open(folder.path().join("shop.db")).unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
    let tables: i64 = own.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 5, "{what}");
}

#[test]
fn every_operation_with_rows() {
    for request in requests() {
        passes(&request, Mode::Triggers, ROWS);
    }
}

#[test]
fn every_operation_without_rows() {
    for request in requests() {
        passes(&request, Mode::Triggers, "");
    }
}

#[test]
fn a_rename_whose_two_names_the_application_writes() {
    for rows in [ROWS, ""] {
        passes(&rename(), Mode::Application, rows);
    }
}

#[test]
fn a_shape_that_is_not_kept_in_step_is_read_stale() {
    let folder = files(ROWS);
    let mut definition = planned(&folder, &rename(), Mode::Triggers);
    let Work::Database {
        script: Some(script),
        ..
    } = &mut definition.steps[0].work
    else {
        panic!("not a step of the database")
    };
    let begin = script.up.sql.find("CREATE TRIGGER").unwrap();
    script.up.sql.truncate(begin);
    script.down.sql = "ALTER TABLE users DROP COLUMN email;".to_owned();
    let report = rehearsed(&folder, &definition);
    let stale = report.steps.iter().flat_map(|it| &it.faults).any(|it| {
        matches!(it, Fault::StaleRead { writer, column, .. }
            if writer.as_str() == "old" && column == "email")
    });
    assert!(stale, "{:#?}", wrong(&report));
}
