//! What is wrong outside: locked, read-only, damaged, full, edited by hand, of a newer format.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use switchback_model::plan::Script;

use super::*;
use crate::sqlite::backfill::BACKFILL_FORMAT;

fn quick() -> Options {
    Options {
        busy_timeout: Duration::from_millis(20),
        busy_retries: 1,
        batch_time: Duration::from_millis(2),
        lease: Duration::from_millis(50),
    }
}

fn script(definition: &Definition, step: &str, direction: Direction) -> Script {
    match &steps(definition, step, direction)[0].effect {
        Effect::Script(script) => script.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_file_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let error = SqliteDatabase::open(&path, quick()).unwrap_err();
    assert_eq!(error, DbError::Missing { path: path.clone() });
    assert!(!path.exists());
    let error = SqliteDatabase::open(folder.path(), quick()).unwrap_err();
    assert!(matches!(error, DbError::Missing { .. }));
}

#[test]
fn another_file_is_not_a_database() {
    let place = Place::new("CREATE TABLE t (a)");
    fs::write(&place.path, "name,email\n".repeat(500)).unwrap();
    assert_eq!(
        SqliteDatabase::open(&place.path, quick()).unwrap_err(),
        DbError::NotADatabase
    );
}

#[test]
fn a_cut_file_is_damaged() {
    let place = Place::new(shape("ten thousand rows").sql);
    let bytes = fs::read(&place.path).unwrap();
    fs::write(&place.path, &bytes[..bytes.len() / 2]).unwrap();
    let error = SqliteDatabase::open(&place.path, quick()).unwrap_err();
    assert!(matches!(error, DbError::Damaged { .. }), "{error}");
}

#[test]
fn a_locked_database_is_busy_and_stays_as_it_is() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = SqliteDatabase::open(&place.path, quick()).unwrap();
    let definition = define(&database, shape, Mode::Triggers);
    let before = state(&database, "users");
    let other = place.application();
    other
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO users VALUES (9, 'z')")
        .unwrap();
    let planned = steps(&definition, "expand", Direction::Up);
    let error = perform(&mut database, &planned[0].effect).unwrap_err();
    assert!(matches!(error, DbError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(state(&database, "users"), before);
    assert_eq!(database.probe(&planned[0].effect).unwrap(), Probed::NotDone);

    perform(&mut database, &planned[0].effect).unwrap();
    let Effect::Fill(fill) = &planned[1].effect else {
        panic!()
    };
    let mut fill = fill.clone();
    fill.batch_rows = 1;
    let mut locked = false;
    let error = database
        .fill(&fill, &mut |_| {
            if !locked {
                other.execute_batch("BEGIN IMMEDIATE").unwrap();
                locked = true;
            }
            Next::Continue
        })
        .unwrap_err();
    assert!(matches!(error, DbError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        database.fill_status(&fill).unwrap().unwrap().rows_changed,
        1
    );
    perform(&mut database, &planned[1].effect).unwrap();
    assert_eq!(
        database.fill_status(&fill).unwrap().unwrap().rows_changed,
        2
    );

    // Even opening waits for somebody who lets nobody read.
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = SqliteDatabase::open(&place.path, quick()).unwrap_err();
    assert!(matches!(error, DbError::Busy { .. }), "{error}");
}

#[test]
fn a_read_only_database_can_be_read_and_is_not_written() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    database
        .connection
        .execute_batch("PRAGMA query_only = ON")
        .unwrap();
    let up = script(&definition, "expand", Direction::Up);
    assert_eq!(
        database.run_script(&up, "test", now()).unwrap_err(),
        DbError::ReadOnly
    );
    drop(database);

    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o444)).unwrap();
    let folder = place.path.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everything, and then there is nothing to see here.
    if fs::OpenOptions::new()
        .append(true)
        .open(&place.path)
        .is_err()
    {
        let mut database = place.open();
        assert!(database.catalog("users").is_ok());
        assert_eq!(
            database.run_script(&up, "test", now()).unwrap_err(),
            DbError::ReadOnly
        );
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_full_disk_leaves_nothing_half_done() {
    for mode in [Mode::Triggers, Mode::Application] {
        let shape = shape("ten thousand rows");
        let place = Place::new(shape.sql);
        let mut database = place.open();
        let definition = define(&database, shape, mode);
        let room = |database: &SqliteDatabase, more: i64| {
            let pages: i64 = database
                .connection
                .query_row("PRAGMA page_count", [], |row| row.get(0))
                .unwrap();
            let sql = format!("PRAGMA max_page_count = {}", pages + more);
            database.connection.query_row(&sql, [], |_| Ok(())).unwrap();
        };
        let before = state(&database, shape.table);
        let up = script(&definition, "expand", Direction::Up);
        room(&database, 2);
        let error = database.run_script(&up, "test", now()).unwrap_err();
        assert!(matches!(error, DbError::DiskFull { .. }), "{error}");
        assert_eq!(state(&database, shape.table), before);
        assert_eq!(
            database.probe(&Effect::Script(up.clone())).unwrap(),
            Probed::NotDone
        );

        room(&database, 100_000);
        database.run_script(&up, "test", now()).unwrap();
        let step = if mode == Mode::Triggers {
            "expand"
        } else {
            "backfill"
        };
        let planned = steps(&definition, step, Direction::Up);
        let Effect::Fill(fill) = &planned.last().unwrap().effect else {
            panic!()
        };
        let mut fill = fill.clone();
        fill.batch_rows = 100;
        // The control tables take some.
        room(&database, 30);
        let error = database.fill(&fill, &mut go_on).unwrap_err();
        assert!(matches!(error, DbError::DiskFull { .. }), "{error}");
        assert_eq!(
            database.probe(&Effect::Fill(fill.clone())).unwrap(),
            Probed::Partial
        );
        let status = database.fill_status(&fill).unwrap().unwrap();
        let count = |sql: &str| -> u64 {
            let count: i64 = database
                .connection
                .query_row(sql, [], |row| row.get(0))
                .unwrap();
            count.unsigned_abs()
        };
        // What the control table says is what there is.
        assert_eq!(
            count("SELECT count(*) FROM users WHERE email IS NOT NULL"),
            status.rows_changed
        );
        let kept = if fill.keep_undo {
            status.rows_changed
        } else {
            0
        };
        let sql = "SELECT coalesce(sum(rows), 0) FROM _switchback_backfill_undo";
        assert_eq!(count(sql), kept);
        assert!(status.rows_changed > 0 && status.rows_changed < 10_000);

        room(&database, 100_000);
        assert!(matches!(
            database.fill(&fill, &mut go_on).unwrap(),
            FillEnd::Done(_)
        ));
    }
}

#[test]
fn a_schema_that_was_edited_by_hand_stops_everything() {
    let shape = shape("not null");
    for edit in [
        "DROP TRIGGER \"sb_rename-it_update_old\"",
        "CREATE INDEX mine ON users (email)",
        "ALTER TABLE users RENAME COLUMN email TO mail",
        "CREATE TRIGGER mine AFTER UPDATE OF email ON users BEGIN SELECT 1; END",
        "DROP TABLE users",
    ] {
        let place = Place::new(shape.sql);
        let mut database = place.open();
        let definition = define(&database, shape, Mode::Triggers);
        up_to(&mut database, &definition, "expand");
        place.application().execute_batch(edit).unwrap();
        let edited = database.full_fingerprint().unwrap();
        for effect in [
            Effect::Script(script(&definition, "contract", Direction::Up)),
            Effect::Script(script(&definition, "expand", Direction::Down)),
        ] {
            let error = perform(&mut database, &effect).unwrap_err();
            assert!(
                matches!(error, DbError::UnknownStep { .. }),
                "{edit}: {error}"
            );
            let probed = database.probe(&effect).unwrap();
            assert!(
                matches!(probed, Probed::Unknown { .. }),
                "{edit}: {probed:?}"
            );
        }
        let error = database.check_marks(&definition).unwrap_err();
        assert!(
            matches!(error, DbError::UnknownStep { .. }),
            "{edit}: {error}"
        );
        assert_eq!(database.full_fingerprint().unwrap(), edited);
    }
    // What is none of the change's business may change.
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    up_to(&mut database, &definition, "expand");
    place
        .application()
        .execute_batch("CREATE TABLE x (y); ALTER TABLE users ADD COLUMN z")
        .unwrap();
    walk(&mut database, &definition, "contract", Direction::Up);
    walk(&mut database, &definition, "contract", Direction::Down);
    walk(&mut database, &definition, "expand", Direction::Down);
}

#[test]
fn steps_out_of_order_and_marks_of_unknown_steps_are_refused() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    up_to(&mut database, &definition, "contract");
    let down = script(&definition, "expand", Direction::Down);
    let error = database.run_script(&down, "test", now()).unwrap_err();
    assert!(
        error.to_string().contains("contract applied after it"),
        "{error}"
    );

    let mut edited = script(&definition, "contract", Direction::Up);
    edited.sql.push_str("-- edited\n");
    let error = database.run_script(&edited, "test", now()).unwrap_err();
    assert!(error.to_string().contains("another script"), "{error}");

    let connection = place.application();
    connection
        .execute_batch("UPDATE _switchback_step SET step = 'other' WHERE step = 'contract'")
        .unwrap();
    let error = database.check_marks(&definition).unwrap_err();
    assert!(error.to_string().contains("step other applied"), "{error}");
}

#[test]
fn sql_that_was_run_by_hand_is_found() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    let up = script(&definition, "expand", Direction::Up);
    place.application().execute_batch(&up.sql).unwrap();
    let error = database.run_script(&up, "test", now()).unwrap_err();
    assert!(
        error.to_string().contains("no mark accounts for"),
        "{error}"
    );
}

#[test]
fn a_way_back_that_is_not_exact_is_taken_back_itself() {
    let shape = shape("unique index");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    up_to(&mut database, &definition, "expand");
    let before = state(&database, "users");
    let mut down = script(&definition, "expand", Direction::Down);
    down.sql.push_str("DROP INDEX by_mail;\n");
    let error = database.run_script(&down, "test", now()).unwrap_err();
    assert!(
        matches!(&error, DbError::NotExact { difference, .. } if difference.contains("by_mail"))
    );
    assert_eq!(state(&database, "users"), before);
}

#[test]
fn a_script_cannot_leave_its_transaction_or_touch_its_marks() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    // So that all control tables are there.
    walk(&mut database, &definition, "expand", Direction::Up);
    walk(&mut database, &definition, "expand", Direction::Down);
    let before = state(&database, "users");
    for statement in [
        "COMMIT",
        "ROLLBACK",
        "END; CREATE TABLE escaped (a)",
        "BEGIN",
        "SAVEPOINT s",
        "PRAGMA foreign_keys = OFF",
        "SELECT * FROM pragma_user_version; PRAGMA writable_schema = 1",
        "ATTACH ':memory:' AS other",
        "VACUUM",
        "DETACH main",
        "DELETE FROM _switchback_step",
        "UPDATE _switchback_format SET version = 9",
        "DROP TABLE _switchback_backfill_undo",
        "ALTER TABLE _switchback_backfill RENAME TO gone",
        "INSERT OR ROLLBACK INTO users (id, email_addr) VALUES (1, 'again')",
        "CREATE TRIGGER t AFTER INSERT ON _switchback_step BEGIN SELECT 1; END",
    ] {
        let mut up = script(&definition, "expand", Direction::Up);
        up.sql = format!("CREATE TABLE extra (a);\n{statement};\n{}", up.sql);
        let error = database.run_script(&up, "test", now()).unwrap_err();
        match statement {
            "VACUUM" | "INSERT OR ROLLBACK INTO users (id, email_addr) VALUES (1, 'again')" => {
                assert!(
                    matches!(error, DbError::Sql { .. } | DbError::Forbidden { .. }),
                    "{error}"
                );
            }
            _ => assert!(
                matches!(error, DbError::Forbidden { .. }),
                "{statement}: {error}"
            ),
        }
        assert_eq!(state(&database, "users"), before, "{statement}");
        assert_eq!(database.marks(&definition.id).unwrap(), Vec::new());
    }
    // The gate is open again for our own statements.
    walk(&mut database, &definition, "expand", Direction::Up);
}

#[test]
fn a_script_that_breaks_a_foreign_key_is_refused() {
    let shape = shape("referenced by another table");
    let place = Place::new(shape.sql);
    place
        .application()
        .execute_batch("PRAGMA foreign_keys = 0; UPDATE orders SET who = 99 WHERE id = 2")
        .unwrap();
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    // What was broken before is not this script's doing.
    up_to(&mut database, &definition, "expand");
    walk(&mut database, &definition, "expand", Direction::Down);
}

#[test]
fn control_tables_of_another_format_are_refused() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    up_to(&mut database, &definition, "expand");
    for (table, known) in [
        ("_switchback_format", CONTROL_FORMAT),
        ("_switchback_backfill_format", BACKFILL_FORMAT),
    ] {
        for version in [known - 1, known + 1] {
            let set = format!("UPDATE {table} SET version = {version}");
            place.application().execute_batch(&set).unwrap();
            let other = DbError::Format {
                found: version,
                known,
            };
            assert_eq!(
                SqliteDatabase::open(&place.path, quick()).unwrap_err(),
                other
            );
            let down = script(&definition, "expand", Direction::Down);
            assert_eq!(
                database.run_script(&down, "test", now()).unwrap_err(),
                other
            );
        }
        let back = format!("UPDATE {table} SET version = {known}");
        place.application().execute_batch(&back).unwrap();
    }
}

#[test]
fn a_fill_without_its_column_or_without_undo_says_so() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    let planned = steps(&definition, "expand", Direction::Up);
    let Effect::Fill(fill) = &planned[1].effect else {
        panic!()
    };
    assert!(matches!(
        database.fill(fill, &mut go_on),
        Err(DbError::NoColumn { .. })
    ));
    assert!(matches!(
        database.probe(&planned[1].effect).unwrap(),
        Probed::Unknown { .. }
    ));
    assert!(matches!(
        database.unfill(fill, &mut go_on),
        Err(DbError::NothingKept { .. })
    ));
    assert_eq!(
        database.catalog("nowhere").unwrap_err(),
        DbError::NoTable {
            table: "nowhere".to_owned()
        }
    );
}

#[test]
fn a_fill_that_somebody_works_against_gives_up() {
    let shape = shape("nullable");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Application);
    walk(&mut database, &definition, "expand", Direction::Up);
    let planned = steps(&definition, "backfill", Direction::Up);
    let Effect::Fill(fill) = &planned[0].effect else {
        panic!()
    };
    let other = place.application();
    let mut round = 0;
    // Old code that writes only the old column, which the interlock would not have let run.
    let error = database
        .fill(fill, &mut |_| {
            round += 1;
            let sql = format!("UPDATE users SET email_addr = 'again{round}' WHERE id = 1");
            other.execute_batch(&sql).unwrap();
            Next::Continue
        })
        .unwrap_err();
    assert!(
        matches!(error, DbError::StillDiffers { rows: 1, .. }),
        "{error}"
    );
    assert_eq!(database.probe(&planned[0].effect).unwrap(), Probed::Partial);
    perform(&mut database, &planned[0].effect).unwrap();
}

/// A process that was taken for dead and is only slow writes nothing once its step is given up.
#[test]
fn what_was_given_up_is_not_done_any_more() {
    let shape = shape("nullable");
    let place = Place::new(shape.sql);
    let mut slow = place.open();
    let definition = define(&slow, shape, Mode::Triggers);
    let planned = steps(&definition, "expand", Direction::Up);
    let before = state(&slow, "users");
    slow.carry_out("intent-1");
    let other = place.open();
    let given_up = other.revoke("intent-1", &planned[0].effect, true).unwrap();
    assert_eq!(given_up, Probed::NotDone);
    assert_eq!(
        perform(&mut slow, &planned[0].effect),
        Err(DbError::Revoked)
    );
    assert_eq!(state(&slow, "users"), before);

    // Another attempt is another intent; and what is done cannot be given up.
    slow.carry_out("intent-2");
    assert!(perform(&mut slow, &planned[0].effect).unwrap());
    assert_eq!(
        other.revoke("intent-2", &planned[0].effect, true).unwrap(),
        Probed::Done
    );
    let Effect::Fill(fill) = &planned[1].effect else {
        panic!()
    };
    let small = Fill {
        batch_rows: 1,
        ..fill.clone()
    };
    slow.carry_out("intent-3");
    assert!(matches!(
        slow.fill(&small, &mut |_| Next::Stop),
        Ok(FillEnd::Stopped(_))
    ));
    // What is done in part goes on, unless that is given up too.
    assert_eq!(
        other.revoke("intent-3", &planned[1].effect, false).unwrap(),
        Probed::Partial
    );
    assert!(matches!(
        slow.fill(&small, &mut |_| Next::Stop),
        Ok(FillEnd::Stopped(_))
    ));
    assert_eq!(
        other.revoke("intent-3", &planned[1].effect, true).unwrap(),
        Probed::Partial
    );
    assert_eq!(slow.fill(&small, &mut go_on), Err(DbError::Revoked));
}
