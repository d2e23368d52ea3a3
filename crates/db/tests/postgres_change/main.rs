//! Steps of changes on a real PostgreSQL that an application uses at the same time.
#![cfg(feature = "postgres")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside of test functions"
)]

mod bad_input;
mod fills;
mod merge;
mod operations;
mod stories;
mod waiting;

use std::time::Duration;

use postgres::{Client, NoTls};
use switchback_db::fill::Next;
use switchback_db::history::{Difference, DifferenceKind, Kind, Meaning};
use switchback_db::postgres::change::{
    ChangeError, FillEnd, Observer, Options, PostgresDatabase, Waiting,
};
use switchback_db::postgres::{Session, fingerprint, schema};
use switchback_db::with_sources;
use switchback_migration::Definition;
use switchback_migration::definition::Work;
use switchback_migration::drive::Probed;
use switchback_migration::operation::request::Request;
use switchback_migration::postgres::plan;
use switchback_migration::steps::planned;
use switchback_model::plan::{Direction, PlannedStep};
use switchback_model::{ChangeId, Effect, StepName, Timestamp};

/// An empty database of the one server of these tests.
fn empty() -> String {
    let server = switchback_testkit::postgres::server().unwrap();
    server.database().unwrap()
}

/// A database with tables in it.
fn database(sql: &str) -> (String, Client) {
    let url = empty();
    let mut client = client(&url);
    client.batch_execute(sql).unwrap();
    (url, client)
}

fn client(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

/// Impatient, and with batches small enough that every table here takes several.
fn options() -> Options {
    Options {
        backoff: Duration::from_millis(20),
        longest_backoff: Duration::from_millis(200),
        watch_every: Duration::from_millis(20),
        batch_time: Duration::from_millis(5),
        ..Options::default()
    }
}

fn open(url: &str) -> PostgresDatabase {
    PostgresDatabase::connect(url, options(), 1).unwrap()
}

fn define(client: &mut Client, request: &Request) -> Definition {
    let known = schema::read(client).unwrap();
    plan(&known, &ChangeId::new("it").unwrap(), request).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn steps(definition: &Definition, step: &StepName, direction: Direction) -> Vec<PlannedStep> {
    planned(definition, step, direction).unwrap()
}

/// Waits for whom it has to, and stands for no former values that cannot be removed.
struct Strict;

impl Observer for Strict {
    fn waiting(&mut self, _: &Waiting) {}

    fn not_tidied(&mut self, error: &ChangeError) {
        panic!("{}", with_sources(error));
    }
}

/// Does an effect; returns whether there was anything to do.
fn perform(database: &mut PostgresDatabase, effect: &Effect) -> Result<bool, ChangeError> {
    let mut go_on = |_: &_| Next::Continue;
    let to = &mut Strict;
    Ok(match effect {
        Effect::Script(script) => !database.run_script(script, "test", now(), to)?.already,
        Effect::Fill(fill) => database.fill(fill, to, &mut go_on)? != FillEnd::Already,
        Effect::Unfill(fill) => database.unfill(fill, to, &mut go_on)? != FillEnd::Already,
        Effect::MoveValue(_) => panic!("not a database effect"),
    })
}

/// Walks a step, every effect twice, asking the probe around each.
fn walk(
    database: &mut PostgresDatabase,
    definition: &Definition,
    step: &StepName,
    direction: Direction,
) {
    for planned in steps(definition, step, direction) {
        let effect = &planned.effect;
        let at = format!("{}, {step}: {}", definition.title, planned.title);
        let probed = database.probe(effect).unwrap();
        assert_eq!(probed, Probed::NotDone, "{at}");
        match perform(database, effect) {
            Ok(did) => assert!(did, "{at}"),
            Err(error) => panic!("{at}: {}", with_sources(&error)),
        }
        assert_eq!(database.probe(effect).unwrap(), Probed::Done, "{at}");
        assert!(!perform(database, effect).unwrap(), "{at}");
    }
    database.check_marks(definition).unwrap();
}

/// A session that will be asked for the schema again and again.
fn asked(url: &str) -> Session {
    let mut session = Session::connect(url).unwrap();
    fingerprint::prepare(&mut session).unwrap();
    session
}

/// The schema without the control tables, and without roles: they are the server's, and other tests
/// make some meanwhile.
fn meaning(session: &mut Session) -> Meaning {
    let all = fingerprint::meaning(session).unwrap();
    let lines = all.lines().iter();
    let lines = lines.filter(|line| line.kind != Kind::Role);
    let ours = lines.filter(|line| !format!("{line:?}").contains("_switchback"));
    Meaning::new(ours.cloned().collect())
}

/// Every row of a table, in order.
fn rows(client: &mut Client, table: &str) -> Vec<String> {
    let sql = format!("SELECT t::text FROM {table} AS t ORDER BY 1");
    let rows = client.query(&sql, &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A number that a query gives.
fn number(client: &mut Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).unwrap().get(0)
}

/// The same schema, wherever its columns stand.
fn assert_same(before: &Meaning, after: &Meaning, what: &str) {
    let differences: Vec<_> = before
        .differences(after)
        .iter()
        .filter(|it| it.kind() != DifferenceKind::ColumnOrder)
        .flat_map(Difference::shown)
        .collect();
    assert!(differences.is_empty(), "{what}: {differences:#?}");
}
