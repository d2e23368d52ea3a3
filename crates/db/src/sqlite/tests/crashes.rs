//! A crash before, inside and after every effect; then the same end state.

use std::fs;

use super::*;

/// Opens what a machine would find after it lost power at this moment: the files as they are.
fn image(place: &Place) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    fs::copy(&place.path, &path).unwrap();
    for ending in ["-journal", "-wal"] {
        let beside = |path: &PathBuf| PathBuf::from(format!("{}{ending}", path.display()));
        if beside(&place.path).exists() {
            fs::copy(beside(&place.path), beside(&path)).unwrap();
        }
    }
    Place {
        _folder: folder,
        path,
    }
}

/// Runs the statements of a script up to `count` characters without a commit, spilling dirty pages
/// to the file, and returns what a crash leaves.
fn cut_off(place: &Place, sql: &str) -> Vec<Place> {
    let connection = place.application();
    connection
        .execute_batch("PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN IMMEDIATE")
        .unwrap();
    let mut images = vec![image(place)];
    let mut batch = rusqlite::Batch::new(&connection, sql);
    use rusqlite::fallible_iterator::FallibleIterator as _;
    while let Some(mut statement) = batch.next().unwrap() {
        let mut rows = statement.raw_query();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        images.push(image(place));
    }
    images
}

#[test]
fn a_crash_inside_a_script_leaves_nothing_of_it() {
    for journal in ["delete", "wal"] {
        for mode in [Mode::Triggers, Mode::Application] {
            let shape = shape("ten thousand rows");
            let place = Place::new(shape.sql);
            place
                .application()
                .query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(()))
                .unwrap();
            let mut database = place.open();
            let definition = define(&database, shape, mode);
            let mut todo = Vec::new();
            for step in database_steps(&definition) {
                todo.push((step.clone(), Direction::Up));
                todo.push((step.clone(), Direction::Down));
                todo.push((step, Direction::Up));
            }
            for (step, direction) in todo {
                for planned in steps(&definition, &step, direction) {
                    let before = state(&database, shape.table);
                    let mut images = Vec::new();
                    if let Effect::Script(script) = &planned.effect {
                        images = cut_off(&place, &script.sql);
                        assert!(images.len() > 3);
                    }
                    assert!(perform(&mut database, &planned.effect).unwrap());
                    let after = state(&database, shape.table);
                    // All of them in one run would take minutes.
                    for crashed in images.iter().step_by(3) {
                        let mut survivor = crashed.open();
                        assert_eq!(survivor.probe(&planned.effect).unwrap(), Probed::NotDone);
                        assert_eq!(state(&survivor, shape.table), before);
                        assert!(perform(&mut survivor, &planned.effect).unwrap());
                        assert_eq!(state(&survivor, shape.table), after);
                    }
                }
            }
        }
    }
}

#[test]
fn a_script_that_fails_at_its_end_leaves_nothing_of_it() {
    let shape = shape("unique constraint");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    let before = state(&database, shape.table);
    let planned = steps(&definition, "expand", Direction::Up);
    let Effect::Script(script) = &planned[0].effect else {
        panic!()
    };
    let mut broken = script.clone();
    broken.sql.push_str("\nINSERT INTO nowhere VALUES (1);");
    let error = database.run_script(&broken, "test", now()).unwrap_err();
    assert!(
        matches!(&error, DbError::Sql { message, .. } if message.contains("nowhere")),
        "{error}"
    );
    assert_eq!(state(&database, shape.table), before);
    assert_eq!(database.changes().unwrap(), Vec::<String>::new());
    walk(&mut database, &definition, "expand", Direction::Up);
}

#[test]
fn a_fill_that_is_stopped_between_batches_goes_on() {
    for mode in [Mode::Triggers, Mode::Application] {
        let shape = shape("ten thousand rows");
        let place = Place::new(shape.sql);
        let mut database = place.open();
        let definition = define(&database, shape, mode);
        let mut effects: Vec<Effect> = Vec::new();
        for step in database_steps(&definition) {
            effects.extend(
                steps(&definition, &step, Direction::Up)
                    .into_iter()
                    .map(|it| it.effect),
            );
        }
        let Some(Effect::Fill(fill)) = effects.iter().find(|it| matches!(it, Effect::Fill(_)))
        else {
            panic!()
        };
        let mut fill = fill.clone();
        fill.batch_rows = 100;
        perform(&mut database, &effects[0]).unwrap();
        let empty = state(&database, shape.table);

        let mut stops = 0;
        loop {
            // A new process each time.
            let mut database = place.open();
            match database.fill(&fill, &mut |_| Next::Stop).unwrap() {
                FillEnd::Stopped(_) => stops += 1,
                FillEnd::Done(end) => {
                    // All rows are looked at once more in the end.
                    assert_eq!((end.rows_scanned, end.rows_changed), (20_000, 10_000));
                    break;
                }
                FillEnd::Already => panic!(),
            }
            let probe = database.probe(&Effect::Fill(fill.clone())).unwrap();
            assert_eq!(probe, Probed::Partial);
            assert!(image(&place).open().check_marks(&definition).is_ok());
        }
        assert_eq!(stops, 200);
        assert_eq!(
            database.probe(&Effect::Fill(fill.clone())).unwrap(),
            Probed::Done
        );
        assert_eq!(database.fill(&fill, &mut go_on).unwrap(), FillEnd::Already);

        if mode == Mode::Application {
            let full = state(&database, shape.table);
            let mut stops = 0;
            while let FillEnd::Stopped(_) = database.unfill(&fill, &mut |_| Next::Stop).unwrap() {
                stops += 1;
                // Going up again from the middle of the way back.
                if stops == 50 {
                    let end = database.fill(&fill, &mut go_on).unwrap();
                    assert!(matches!(end, FillEnd::Done(_)));
                    assert_eq!(state(&database, shape.table), full);
                }
                if stops % 7 == 0 {
                    let undo = Effect::Unfill(fill.clone());
                    assert!(database.probe(&undo).unwrap() != Probed::Done);
                }
            }
            assert!(stops >= 100, "{stops}");
            assert_eq!(state(&database, shape.table), empty);
            assert_eq!(
                database.probe(&Effect::Unfill(fill.clone())).unwrap(),
                Probed::Done
            );
            assert_eq!(
                database.unfill(&fill, &mut go_on).unwrap(),
                FillEnd::Already
            );
            assert_eq!(
                database.probe(&Effect::Fill(fill)).unwrap(),
                Probed::NotDone
            );
        }
    }
}

#[test]
fn a_fill_forgets_a_column_that_was_dropped() {
    let shape = shape("not null");
    let place = Place::new(shape.sql);
    let mut database = place.open();
    let definition = define(&database, shape, Mode::Triggers);
    let planned = steps(&definition, "expand", Direction::Up);
    let Effect::Fill(fill) = &planned[1].effect else {
        panic!()
    };
    perform(&mut database, &planned[0].effect).unwrap();
    assert!(matches!(
        database.fill(fill, &mut |_| Next::Stop).unwrap(),
        FillEnd::Stopped(_)
    ));
    walk(&mut database, &definition, "expand", Direction::Down);
    assert_eq!(database.fill_status(fill).unwrap(), None);
    walk(&mut database, &definition, "expand", Direction::Up);
    assert_eq!(database.fill_status(fill).unwrap().unwrap().rows_changed, 2);
}
