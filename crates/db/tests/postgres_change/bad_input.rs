//! Schemas that somebody changed by hand, ways back that are none, sessions that are not ours.

use switchback_model::plan::{Fill, Run, Script};

use super::waiting::{TABLE, add_column, script};

use super::*;

fn down(sql: &str) -> Script {
    Script {
        direction: Direction::Down,
        sql: sql.to_owned(),
        ..add_column()
    }
}

fn run(url: &str, script: &Script) -> Result<bool, ChangeError> {
    perform(&mut open(url), &Effect::Script(script.clone()))
}

#[test]
fn what_was_changed_by_hand_is_found_before_anything_runs() {
    let (url, mut client) = database(TABLE);
    run(&url, &add_column()).unwrap();
    client
        .batch_execute("ALTER TABLE t ALTER COLUMN b SET DEFAULT 'by hand'")
        .unwrap();
    let back = down("ALTER TABLE t DROP COLUMN b;");
    let probed = open(&url).probe(&Effect::Script(back.clone())).unwrap();
    assert!(matches!(probed, Probed::Unknown { .. }), "{probed:?}");
    let error = run(&url, &back).unwrap_err();
    assert!(
        matches!(&error, ChangeError::UnknownStep { found, .. } if found.contains("by hand")),
        "{error}"
    );
    client
        .batch_execute("ALTER TABLE t ALTER COLUMN b DROP DEFAULT")
        .unwrap();
    assert!(run(&url, &back).unwrap());
}

#[test]
fn another_script_of_a_step_that_is_applied_is_refused() {
    let (url, _) = database(TABLE);
    run(&url, &add_column()).unwrap();
    let mut edited = add_column();
    edited.sql.push_str(" SELECT 1;");
    let error = run(&url, &edited).unwrap_err();
    assert!(matches!(error, ChangeError::UnknownStep { .. }), "{error}");
}

#[test]
fn a_way_back_that_leaves_something_else_is_undone() {
    let (url, mut client) = database(TABLE);
    run(&url, &add_column()).unwrap();
    let mut schema = asked(&url);
    let before = (meaning(&mut schema), rows(&mut client, "t"));
    let error = run(&url, &down("ALTER TABLE t ALTER COLUMN b TYPE varchar(9);")).unwrap_err();
    assert!(
        matches!(&error, ChangeError::NotExact { difference, .. } if difference.contains("varying(9)")),
        "{error}"
    );
    assert_same(
        &before.0,
        &meaning(&mut schema),
        "after the way back that was none",
    );
    assert_eq!(rows(&mut client, "t"), before.1);
}

#[test]
fn a_script_that_fails_at_its_end_leaves_nothing_and_says_where() {
    let (url, mut client) = database(TABLE);
    let mut broken = add_column();
    broken
        .sql
        .push_str("\n\nINSERT INTO nowhere\n  VALUES (1);");
    let error = run(&url, &broken).unwrap_err();
    assert!(
        matches!(&error, ChangeError::Sql { line: Some(3), source, .. } if source.code == "42P01"),
        "{error:?}"
    );
    assert_eq!(rows(&mut client, "_switchback.step"), Vec::<String>::new());
    assert!(run(&url, &add_column()).unwrap());
}

#[test]
fn a_script_that_ends_its_transaction_from_within_is_undone() {
    let (url, mut client) = database(TABLE);
    client
        .batch_execute("CREATE ROLE other; GRANT ALL ON t TO other")
        .unwrap();
    let mut hidden = add_column();
    hidden
        .sql
        .push_str("\nDO $$ BEGIN EXECUTE 'SET LOCAL ROLE other'; END $$;");
    let error = run(&url, &hidden).unwrap_err();
    assert!(matches!(error, ChangeError::Forbidden { .. }), "{error}");
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM _switchback.step"),
        0
    );
}

#[test]
fn another_session_than_the_one_that_was_opened_is_refused() {
    let (url, _) = database(TABLE);
    let mut engine = open(&url);
    // What a pooler does that hands transactions to other sessions, as far as a session sees it.
    let mut swap = add_column();
    swap.sql
        .push_str(" SELECT set_config('switchback.session', '1', false);");
    perform(&mut engine, &Effect::Script(swap)).unwrap();
    let back = Effect::Script(down("ALTER TABLE t DROP COLUMN b;"));
    let error = perform(&mut engine, &back).unwrap_err();
    assert!(matches!(error, ChangeError::Pooled), "{error}");
    assert!(perform(&mut open(&url), &back).unwrap());
}

#[test]
fn control_tables_of_another_version_are_left_alone() {
    let (url, mut client) = database(TABLE);
    run(&url, &add_column()).unwrap();
    for other in [1, 3] {
        client
            .batch_execute(&format!("UPDATE _switchback.format SET version = {other}"))
            .unwrap();
        let error = run(&url, &down("ALTER TABLE t DROP COLUMN b;")).unwrap_err();
        assert!(
            matches!(error, ChangeError::Format { found, known: 2 } if found == other),
            "{error}"
        );
    }
}

#[test]
fn control_tables_of_fills_of_another_version_are_left_alone() {
    let (url, mut client) = database("CREATE TABLE t (id integer PRIMARY KEY, b text)");
    let fill = Effect::Fill(Fill {
        change: ChangeId::new("it").unwrap(),
        step: StepName::new("fill").unwrap(),
        table: "public.t".to_owned(),
        set: [("b".to_owned(), "'x'".to_owned())].into(),
        only: None,
        batch_rows: 100,
        keep_undo: true,
    });
    perform(&mut open(&url), &fill).unwrap();
    let other_step = script(
        "other",
        "ALTER TABLE t ADD COLUMN c text;",
        Run::Transaction,
    );
    for other in [1, 2, 4] {
        client
            .batch_execute(&format!(
                "UPDATE _switchback.backfill_format SET version = {other}"
            ))
            .unwrap();
        for error in [
            perform(&mut open(&url), &fill).unwrap_err(),
            open(&url).probe(&fill).unwrap_err(),
            // A step may have to forget what was filled.
            run(&url, &other_step).unwrap_err(),
        ] {
            assert!(
                matches!(error, ChangeError::Format { found, known: 3 } if found == other),
                "{error}"
            );
        }
    }
}
