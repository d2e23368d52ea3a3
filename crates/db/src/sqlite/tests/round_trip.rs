//! Every step up and back, for every shape of table, in both modes: the same schema and the same
//! rows.

use switchback_migration::sqlite::text::name;

use super::*;

const MODES: [Mode; 2] = [Mode::Triggers, Mode::Application];

/// Walks all database steps up, and at each one down and up again; then all the way back.
fn round_trip(shape: &Shape, mode: Mode) {
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, mode);
    let what = format!("{} {mode:?}", shape.name);
    let rows = database.data_fingerprint(shape.table, &[]).unwrap();
    let steps = database_steps(&definition);
    let mut states = vec![state(&database, shape.table)];

    for step in &steps {
        walk(&mut database, &definition, step, Direction::Up);
        let after = state(&database, shape.table);
        walk(&mut database, &definition, step, Direction::Down);
        assert_eq!(
            state(&database, shape.table),
            *states.last().unwrap(),
            "{what}: {step} down"
        );
        walk(&mut database, &definition, step, Direction::Up);
        assert_eq!(
            state(&database, shape.table),
            after,
            "{what}: {step} up again"
        );
        states.push(after);

        let shadow = if step == "contract" {
            vec![]
        } else {
            vec![shape.new]
        };
        let kept = database.data_fingerprint(shape.table, &shadow).unwrap();
        assert_eq!(kept, rows, "{what}: the rows after {step}");
    }
    for step in steps.iter().rev() {
        states.pop();
        walk(&mut database, &definition, step, Direction::Down);
        assert_eq!(
            state(&database, shape.table),
            *states.last().unwrap(),
            "{what}: {step} back"
        );
    }
    let ok: String = place
        .application()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(ok, "ok", "{what}");
}

#[test]
fn triggers_up_and_back_is_exact() {
    SHAPES
        .iter()
        .for_each(|shape| round_trip(shape, Mode::Triggers));
}

#[test]
fn application_up_and_back_is_exact() {
    SHAPES
        .iter()
        .for_each(|shape| round_trip(shape, Mode::Application));
}

#[test]
fn the_column_ends_under_its_new_name_where_the_old_one_was() {
    for mode in MODES {
        for shape in SHAPES {
            let place = Place::new(shape.sql);
            let mut database = place.open();
            let before = database.catalog(shape.table).unwrap();
            let definition = define(&database, shape, mode);
            up_to(&mut database, &definition, "contract");
            let after = database.catalog(shape.table).unwrap();
            let mut expected = before.columns.clone();
            for column in &mut expected {
                if column.name == shape.old {
                    column.name = shape.new.to_owned();
                }
            }
            assert_eq!(after.columns, expected, "{}", shape.name);
            assert_eq!(after.indexes.len(), before.indexes.len(), "{}", shape.name);
            assert!(after.triggers.is_empty(), "{}", shape.name);
        }
    }
}

#[test]
fn after_the_fill_both_columns_are_the_same() {
    for shape in SHAPES {
        let place = Place::new(shape.sql);
        let mut database = place.open();
        let definition = define(&database, shape, Mode::Triggers);
        up_to(&mut database, &definition, "expand");
        let old = database
            .data_fingerprint(shape.table, &[shape.new])
            .unwrap();
        let (o, n, t) = (name(shape.old), name(shape.new), name(shape.table));
        // Put in the same place, the new column gives the same rows.
        place
            .application()
            .execute_batch(&format!("UPDATE {t} SET {o} = {n}"))
            .unwrap();
        assert_eq!(
            database
                .data_fingerprint(shape.table, &[shape.new])
                .unwrap(),
            old
        );
    }
}

/// Old writes have stopped, so the columns differ, values are swapped, rows come and go.
#[test]
fn the_way_back_of_a_contract_restores_what_only_the_old_column_held() {
    let shape = shape("unique constraint");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Application);
    up_to(&mut database, &definition, "backfill");
    place
        .application()
        .execute_batch(
            "UPDATE users SET email = 'swap' WHERE id = 1; UPDATE users SET email = 'a' WHERE id = 2;
             UPDATE users SET email = 'b' WHERE id = 1; INSERT INTO users (email, n) VALUES ('c', 9);",
        )
        .unwrap();
    let before = state(&database, "users");
    walk(&mut database, &definition, "contract", Direction::Up);
    let now: Vec<(i64, String)> = rows(&place, "SELECT id, email FROM users ORDER BY id");
    let of = |id, text: &str| (id, text.to_owned());
    assert_eq!(now, [of(1, "b"), of(2, "a"), of(3, "c")]);
    walk(&mut database, &definition, "contract", Direction::Down);
    assert_eq!(state(&database, "users"), before);

    // What is written between stays, even where it collides with what the old column held.
    walk(&mut database, &definition, "contract", Direction::Up);
    place
        .application()
        .execute_batch(
            "UPDATE users SET email = 'z' WHERE id = 2;
             INSERT INTO users (id, email) VALUES (4, 'a'); DELETE FROM users WHERE id = 3;",
        )
        .unwrap();
    walk(&mut database, &definition, "contract", Direction::Down);
    let now: Vec<(i64, Option<String>, String)> = rows3(
        &place,
        "SELECT id, email_addr, email FROM users ORDER BY id",
    );
    let of = |id, old: Option<&str>, new: &str| (id, old.map(str::to_owned), new.to_owned());
    // Row 1 held 'a' in the old column, which is row 4's by now.
    assert_eq!(
        now,
        [
            of(1, None, "b"),
            of(2, Some("z"), "z"),
            of(4, Some("a"), "a")
        ]
    );
}

fn rows(place: &Place, sql: &str) -> Vec<(i64, String)> {
    let connection = place.application();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn rows3(place: &Place, sql: &str) -> Vec<(i64, Option<String>, String)> {
    let connection = place.application();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn writes_after_the_contract_come_back_in_both_columns() {
    let shape = shape("unique constraint");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    up_to(&mut database, &definition, "contract");
    place
        .application()
        .execute_batch(
            "UPDATE users SET email = 'z' WHERE id = 2; INSERT INTO users VALUES (9, 'n', 0)",
        )
        .unwrap();
    walk(&mut database, &definition, "contract", Direction::Down);
    let now = rows3(
        &place,
        "SELECT id, email_addr, email FROM users ORDER BY id",
    );
    let of = |id, text: &str| (id, Some(text.to_owned()), text.to_owned());
    assert_eq!(now, [of(1, "a"), of(2, "z"), of(9, "n")]);
}

#[test]
fn a_contract_that_would_lose_a_value_is_refused_whole() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    up_to(&mut database, &definition, "expand");
    // Only somebody who goes round the triggers can bring this about.
    let connection = place.application();
    let trigger: String = connection
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE name = 'sb_rename-it_update_new'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    connection
        .execute_batch(&format!(
            "DROP TRIGGER \"sb_rename-it_update_new\"; UPDATE users SET email = 'x' WHERE id = 1; {trigger}"
        ))
        .unwrap();
    let before = state(&database, "users");
    let contract = &steps(&definition, "contract", Direction::Up)[0].effect;
    let error = perform(&mut database, contract).unwrap_err().to_string();
    assert!(
        error.contains("users.email_addr and users.email differ in some rows"),
        "{error}"
    );
    assert_eq!(state(&database, "users"), before);
    assert_eq!(database.probe(contract).unwrap(), Probed::NotDone);
}

#[test]
fn fills_put_back_only_what_they_wrote() {
    let shape = shape("nullable");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Application);
    up_to(&mut database, &definition, "backfill");
    place
        .application()
        .execute_batch("UPDATE users SET email = 'mine' WHERE id = 1")
        .unwrap();
    walk(&mut database, &definition, "backfill", Direction::Down);
    let now = rows3(
        &place,
        "SELECT id, email, coalesce(email_addr, '-') FROM users ORDER BY id",
    );
    let of = |id, new: Option<&str>, old: &str| (id, new.map(str::to_owned), old.to_owned());
    assert_eq!(
        now,
        [
            of(-7, None, "neg"),
            of(1, Some("mine"), "a"),
            of(2, None, "-"),
            of(5, None, "")
        ]
    );
}

/// After a rollback to code that writes only the old column, a fill is not done any more.
#[test]
fn a_fill_that_has_gone_stale_is_done_again_and_still_put_back_exactly() {
    let shape = shape("nullable");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Application);
    up_to(&mut database, &definition, "expand");
    let before = state(&database, "users");
    walk(&mut database, &definition, "backfill", Direction::Up);
    let effect = &steps(&definition, "backfill", Direction::Up)[0].effect;
    assert_eq!(database.probe(effect).unwrap(), Probed::Done);

    let old_code = "UPDATE users SET email_addr = 'moved' WHERE id = 1";
    place.application().execute_batch(old_code).unwrap();
    assert_eq!(database.probe(effect).unwrap(), Probed::Partial);
    assert!(
        perform(&mut database, effect).unwrap(),
        "there is something to do"
    );
    assert_eq!(database.probe(effect).unwrap(), Probed::Done);
    let differ = "SELECT id, email, email_addr FROM users WHERE email IS NOT email_addr";
    assert_eq!(rows3(&place, differ), []);

    let back = "UPDATE users SET email_addr = 'a' WHERE id = 1";
    place.application().execute_batch(back).unwrap();
    walk(&mut database, &definition, "backfill", Direction::Down);
    assert_eq!(state(&database, "users"), before);
}

#[test]
fn rows_at_both_ends_of_the_row_ids_are_filled() {
    let place = Place::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email_addr TEXT);
         INSERT INTO users VALUES (-9223372036854775808, 'low'), (9223372036854775807, 'high');",
    );
    let mut database = place.open();
    for mode in MODES {
        let definition = define(&database, shape("nullable"), mode);
        let steps = database_steps(&definition);
        for step in &steps {
            walk(&mut database, &definition, step, Direction::Up);
        }
        for step in steps.iter().rev() {
            walk(&mut database, &definition, step, Direction::Down);
        }
    }
}

#[test]
fn every_keyword_can_be_a_name() {
    let words = "select order group table index values abort key row true current_date \
                 window returning generated always filter materialized within";
    for word in words.split_whitespace() {
        let place = Place::new(&format!(
            "CREATE TABLE \"{word}\" (\"{word}\" TEXT NOT NULL UNIQUE); INSERT INTO \"{word}\" VALUES ('a')"
        ));
        let mut database = place.open();
        let shape = Shape {
            name: "keyword",
            sql: "",
            table: Box::leak(word.to_owned().into_boxed_str()),
            old: Box::leak(word.to_owned().into_boxed_str()),
            new: "limit",
        };
        let definition = define(&database, &shape, Mode::Triggers);
        up_to(&mut database, &definition, "contract");
    }
}
