//! The ways to fill the column.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use postgres::{Client, NoTls, SimpleQueryMessage};
use switchback_db::backfill::{Gauge, Moment, Running, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{HandsOptions, PostgresHands};
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::job::JOB_SCHEMA;
use switchback_migration::backfill::machine::{End, Pace};
use switchback_migration::backfill::strategy::choose;
use switchback_migration::backfill::throttle::{Allowance, Readings};
use switchback_migration::backfill::{Job, JobStatus, Strategy};
use switchback_model::BackfillId;

use crate::scene::VALUE;

/// A way to fill the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm {
    /// One `UPDATE` of the whole table, which locks every row of it until its end.
    Whole,
    /// Batches of 1,000 in the order of the key, through a trigger.
    Keyset,
    /// `switchback backfill`, with its undo log.
    Ours,
    /// The same with two workers.
    Two,
}

impl Arm {
    pub(crate) const ALL: [Self; 4] = [Self::Whole, Self::Keyset, Self::Ours, Self::Two];

    /// What it is called in the table and the plot.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole-table UPDATE",
            Self::Keyset => "keyset with trigger",
            Self::Ours => "switchback",
            Self::Two => "with two workers",
        }
    }

    /// What must be there before the clock starts.
    pub(crate) fn prepare(self, url: &str) {
        if self == Self::Keyset {
            let mut client = Client::connect(url, NoTls).unwrap();
            client.batch_execute(&trigger()).unwrap();
            client.batch_execute("CHECKPOINT").unwrap();
        }
    }

    /// Fills every row.
    pub(crate) fn run(self, url: &str) {
        match self {
            Self::Whole => whole(url),
            Self::Keyset => keyset(url),
            Self::Ours => ours(url, 1),
            Self::Two => ours(url, 2),
        }
    }
}

fn whole(url: &str) {
    let mut client = Client::connect(url, NoTls).unwrap();
    client
        .batch_execute(&format!(
            "UPDATE customer SET search_name = {VALUE} WHERE search_name IS NULL"
        ))
        .unwrap();
}

/// Rows in a batch: what pgroll does by default. It sleeps for no time between two by default, so
/// this is not slower than it need be.
const BATCH: u32 = 1_000;

/// The trigger that pgroll 0.14 and later make (read at its commit cdbe9b0): a column that says which
/// rows are still to be filled, and a function that copies each column of the row into a variable,
/// asks which of two schemas the session works in, and fills the row and unmarks it.
fn trigger() -> String {
    let columns = [
        "id",
        "email",
        "full_name",
        "country",
        "balance",
        "created_at",
        "updated_at",
        "search_name",
    ];
    let variables: String = columns
        .iter()
        .map(|column| {
            format!("\"{column}\" public.customer.\"{column}\"%TYPE := NEW.\"{column}\";\n")
        })
        .collect();
    // The name of the function's variable is the column's, so that the expression stands as it is.
    format!(
        "ALTER TABLE customer ADD COLUMN _needs_backfill boolean DEFAULT true;
         CREATE FUNCTION fill_customer() RETURNS trigger LANGUAGE plpgsql AS $$
         DECLARE
             {variables}
             newest text;
             search_path text;
         BEGIN
             SELECT current_setting INTO search_path FROM current_setting('search_path');
             IF search_path != 'public_with_search_name' THEN
                 NEW.search_name = ({VALUE});
                 NEW._needs_backfill = false;
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER fill_customer BEFORE INSERT OR UPDATE ON customer
             FOR EACH ROW EXECUTE FUNCTION fill_customer();"
    )
}

/// What pgroll sends, and how: each batch a transaction of three round trips, the key of the last row
/// as a literal in the next, committed as the server is set.
fn keyset(url: &str) {
    let mut client = Client::connect(url, NoTls).unwrap();
    let mut last: Option<String> = None;
    loop {
        let after = last
            .as_ref()
            .map(|key| format!("AND id > '{key}'"))
            .unwrap_or_default();
        client.batch_execute("BEGIN").unwrap();
        let answer = client
            .simple_query(&format!(
                "WITH batch AS (
                     SELECT id FROM customer WHERE _needs_backfill = true {after}
                     ORDER BY id LIMIT {BATCH} FOR NO KEY UPDATE
                 ), updated AS (
                     UPDATE customer SET id = customer.id FROM batch WHERE customer.id = batch.id
                     RETURNING customer.id
                 )
                 SELECT last_value(id) OVER () FROM updated"
            ))
            .unwrap();
        client.batch_execute("COMMIT").unwrap();
        let key = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        match key {
            Some(key) => last = Some(key),
            None => return,
        }
    }
}

/// What the workers of `switchback backfill run` do, with nothing that holds it back: the undo log is
/// kept, and the walk at the end that looks at every row again is part of it.
fn ours(url: &str, count: u32) {
    by(url, count, None);
}

/// The same, in a way that is asked for.
pub(crate) fn by(url: &str, count: u32, wanted: Option<Strategy>) {
    let open = || PostgresDatabase::connect(url, Options::default(), 1).unwrap();
    let (job, _) = begin_as(&mut open(), wanted);
    let all_it_can = |_: Duration, _: &Readings| Allowance {
        batch: Some(Duration::from_millis(100)),
        pause: 0.0,
        ..Allowance::default()
    };
    let mut go_on = |_: &Moment| Next::Continue;
    let end = run(
        workers(url, &job, count),
        Unwatched,
        all_it_can,
        &running(),
        &mut go_on,
    )
    .unwrap();
    assert_eq!(end, End::Job(JobStatus::Done));
}

/// How a run works when nobody says anything else.
pub(crate) fn running() -> Running {
    Running {
        pace: Pace {
            rows: 1_000,
            lease: Duration::from_secs(30),
            most_a_second: None,
        },
        most_rows: u32::MAX,
        look_every: Duration::from_millis(250),
        tell_every: Duration::from_millis(250),
        patience: Duration::from_secs(30),
    }
}

/// Begins the job in the way that is chosen for its table: the job, and the columns of the key.
pub(crate) fn begin(database: &mut PostgresDatabase) -> (Job, Vec<String>) {
    begin_as(database, None)
}

fn begin_as(database: &mut PostgresDatabase, wanted: Option<Strategy>) -> (Job, Vec<String>) {
    let text = format!(
        "schema = \"{JOB_SCHEMA}\"\ntable = \"customer\"\n[set]\nsearch_name = \"{VALUE}\"\n"
    );
    let job = Job::parse(BackfillId::new("search-name").unwrap(), &text).unwrap();
    let facts = database.backfill_facts(&job).unwrap();
    let choice = choose(&facts, &job, wanted).unwrap();
    database
        .begin_backfill(&job, choice.strategy, true, false)
        .unwrap();
    let key = facts.key.into_iter().map(|column| column.name);
    (job, key.collect())
}

/// Workers that bear no row that cannot be filled.
pub(crate) fn workers(url: &str, job: &Job, count: u32) -> Vec<PostgresHands> {
    let worker = |number: u32| {
        let options = HandsOptions {
            worker: number.to_string(),
            lease: Duration::from_secs(30),
            stop_on_error: false,
            most_failed: 0,
            most_undo: None,
        };
        let database = PostgresDatabase::connect(url, Options::default(), 1).unwrap();
        let abort = Arc::new(AtomicBool::new(false));
        PostgresHands::new(database, job.clone(), options, abort)
    };
    (0..count).map(worker).collect()
}

/// Looks at nothing: no throttle is at work here.
struct Unwatched;

impl Gauge for Unwatched {
    fn read(&mut self) -> Readings {
        Readings::default()
    }
}
