//! On PostgreSQL.

#[path = "../postgres_change/stories.rs"]
#[expect(
    dead_code,
    reason = "the code in it is written by hand; here it is derived"
)]
pub(crate) mod stories;

use ::postgres::{Client, NoTls};
use switchback_db::postgres::rehearsal::{PostgresBench, Rows};
use switchback_db::postgres::schema;
use switchback_db::rehearsal::{Fault, Moment, Options, Outcome, Report, rehearse};
use switchback_migration::Definition;
use switchback_migration::definition::Work;
use switchback_migration::operation::request::Request;
use switchback_migration::postgres::plan;
use switchback_model::ChangeId;

use super::wrong;

pub(crate) fn database() -> (String, Client) {
    let server = switchback_testkit::postgres::server().unwrap();
    let url = server.database().unwrap();
    let mut client = Client::connect(&url, NoTls).unwrap();
    client.batch_execute(stories::TABLES).unwrap();
    (url, client)
}

pub(crate) fn planned(client: &mut Client, request: &Request) -> Definition {
    let known = schema::read(client).unwrap();
    plan(&known, &ChangeId::new("it").unwrap(), request).unwrap()
}

fn options() -> Options {
    Options {
        clients: 2,
        rows_each: 4,
        settle: 8,
        ..Options::default()
    }
}

fn rehearsed(url: &str, definition: &Definition, each: u64) -> Report {
    let rows = Rows::MadeUp { each, seed: 1 };
    let (mut bench, workload) = PostgresBench::open(url, definition, rows).unwrap();
    rehearse(&mut bench, definition, &workload, &options(), &mut |_| ()).unwrap()
}

fn every_operation(each: u64) {
    for story in stories::stories() {
        let (url, mut client) = database();
        let definition = planned(&mut client, &story.request);
        let report = rehearsed(&url, &definition, each);
        let what = story.name;
        assert!(report.is_clean(), "{what}: {:#?}", wrong(&report));
        assert_eq!(report.rows, each, "{what}");
        assert_eq!(report.steps.len(), definition.steps.len(), "{what}");
        // Code did work at every step at which there is something for it to do.
        for (it, step) in report.steps.iter().zip(&definition.steps) {
            let idle =
                what == "drop a table" && it.versions.iter().all(|at| at.as_str() == "stop-writes");
            assert!(it.measured.usual.count > 0 || idle, "{what}, {}", it.step);
            if let Work::Database { .. } = step.work {
                assert!(it.up.is_some() && it.measured.again.is_some(), "{what}");
            }
        }
        // Only what cannot be computed back keeps old code away.
        let lossy = what.contains("without a way back") || what == "drop a table";
        assert_eq!(report.back_ends_at.is_some(), lossy, "{what}");
    }
}

#[test]
fn every_operation_with_rows() {
    every_operation(200);
}

#[test]
fn every_operation_without_rows() {
    every_operation(0);
}

/// A change whose SQL at one step is another one.
fn with_sql(request: &str, step: &str, up: &str, down: &str) -> Report {
    let (url, mut client) = database();
    let story = stories::stories();
    let story = story.iter().find(|it| it.name == request).unwrap();
    let mut definition = planned(&mut client, &story.request);
    let found = definition
        .steps
        .iter_mut()
        .find(|it| it.name.as_str() == step);
    let Work::Database {
        script: Some(script),
        ..
    } = &mut found.unwrap().work
    else {
        panic!("{step} has no script")
    };
    script.up.sql = up.replace("{}", &script.up.sql);
    script.down.sql = down.replace("{}", &script.down.sql);
    rehearsed(&url, &definition, 50)
}

fn has(report: &Report, step: &str, is: impl Fn(&Fault) -> bool) -> bool {
    let mut all = report.steps.iter().chain(&report.back);
    all.any(|it| it.step.as_str() == step && it.faults.iter().any(&is))
}

#[test]
fn a_shape_that_is_not_kept_in_step_is_read_stale() {
    let report = with_sql(
        "rename a column",
        "expand",
        "ALTER TABLE users ADD COLUMN email varchar(80);",
        "ALTER TABLE users DROP COLUMN email;",
    );
    let stale = has(&report, "switch-reads", |it| {
        matches!(it, Fault::StaleRead { reader, writer, column, .. }
            if reader.as_str() == "switch-reads" && writer.as_str() == "old" && column == "email")
    });
    assert!(stale, "{:#?}", wrong(&report));
}

#[test]
fn a_way_back_that_brings_the_column_and_not_its_values_is_named_with_rows() {
    let report = with_sql(
        "drop an optional column",
        "contract",
        "ALTER TABLE users DROP COLUMN fax;",
        "ALTER TABLE users ADD COLUMN fax text;",
    );
    let lost = has(&report, "contract", |it| match it {
        Fault::RowsDiffer { moment, tables } => {
            *moment == Moment::AfterDown && tables[0].changed > 0 && !tables[0].examples.is_empty()
        }
        _ => false,
    });
    assert!(lost, "{:#?}", wrong(&report));
    let begun = |it: &Fault| matches!(it, Fault::NotAsBegun { .. });
    assert!(has(&report, "relax", begun), "{:#?}", wrong(&report));
}

#[test]
fn what_a_way_back_leaves_behind_is_named() {
    let report = with_sql(
        "add a column",
        "expand",
        "{}CREATE TABLE forgotten (a int);",
        "{}",
    );
    let left = has(&report, "expand", |it| match it {
        Fault::SchemaDiffers { moment, lines } => {
            *moment == Moment::AfterDown && lines.iter().any(|line| line.contains("forgotten"))
        }
        _ => false,
    });
    assert!(left, "{:#?}", wrong(&report));
    // It cannot be made a second time, so nothing after it can be tried.
    assert_eq!(report.steps[1].outcome, Outcome::NotReached);
    assert!(report.back.is_empty());
}

#[test]
fn old_code_that_a_step_breaks_is_named_with_its_statement() {
    let report = with_sql(
        "add a column",
        "expand",
        "{}ALTER TABLE users RENAME COLUMN pager TO beeper;",
        "ALTER TABLE users RENAME COLUMN beeper TO pager;{}",
    );
    let fails = has(&report, "expand", |it| match it {
        Fault::CodeFails {
            version,
            sql,
            message,
            ..
        } => version.as_str() == "old" && sql.contains("pager") && message.contains("42703"),
        _ => false,
    });
    assert!(fails, "{:#?}", wrong(&report));
}

#[test]
fn code_that_is_kept_waiting_is_seen_from_outside() {
    let (url, mut client) = database();
    let request = &stories::stories()[0].request;
    let mut definition = planned(&mut client, request);
    let Work::Database {
        script: Some(script),
        ..
    } = &mut definition.steps[0].work
    else {
        panic!("not a step of the database")
    };
    script.up.sql.push_str("SELECT pg_sleep(0.6);");
    let rows = Rows::MadeUp { each: 50, seed: 1 };
    let (mut bench, workload) = PostgresBench::open(&url, &definition, rows).unwrap();
    let impatient = Options {
        longest_wait: std::time::Duration::from_millis(300),
        ..options()
    };
    let report = rehearse(&mut bench, &definition, &workload, &impatient, &mut |_| ()).unwrap();
    let waits = has(&report, "expand", |it| {
        matches!(it, Fault::KeptWaiting { .. })
    });
    assert!(waits, "{:#?}", wrong(&report));
    let waited = report.steps[0].measured.waited.unwrap();
    assert!(waited.blocked >= 1 && waited.blocked <= 2, "{waited:?}");
    assert!(report.steps[0].measured.during.longest > impatient.longest_wait);
}
