//! On PostgreSQL a process dies for the server when its connection is cut.

use std::borrow::BorrowMut;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::postgres::{Client, NoTls};
use switchback_db::fill::Next;
use switchback_db::postgres::change::{ChangeError, Options, PostgresDatabase};
use switchback_db::postgres::rehearsal::{PostgresBench, Rows};
use switchback_db::rehearsal::bench::Trouble;
use switchback_db::with_sources;
use switchback_migration::Definition;
use switchback_migration::drive::Probed;
use switchback_model::Effect;

use super::super::postgres::{database, planned, stories};
use super::drive::{Doer, Ended};
use super::places::{Effort, Places};
use super::tally::Tally;
use super::{Doomed, Site, Table, in_small_batches, is_wanted, now, rehearse_crashing};
use crate::wire::{Cut, Engine, Scissors, Wire};

const WAYS: [Cut; 3] = [Cut::Before, Cut::After, Cut::Midway];

/// How many rows each table has, where it has any.
const ROWS: u64 = 100;

/// Impatient, and with small batches.
pub(crate) fn options() -> Options {
    Options {
        backoff: Duration::from_millis(20),
        longest_backoff: Duration::from_millis(200),
        watch_every: Duration::from_millis(20),
        batch_time: Duration::from_millis(5),
        lease: Duration::from_millis(100),
        ..Options::default()
    }
}

/// Whether a statement changes something, or ends a transaction.
fn writes(statement: &str) -> bool {
    let statement = statement
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty() && !line.starts_with("--"))
        .unwrap_or_default();
    // Nothing at all is a question whether the connection is alive.
    let reads = [
        "SELECT",
        "SET",
        "BEGIN",
        "ROLLBACK",
        "PREPARE",
        "WITH batch",
    ];
    !statement.is_empty() && !reads.iter().any(|it| statement.starts_with(it))
}

struct Server {
    wire: Wire,
    client: Client,
    /// For what nobody is to die of.
    engine: PostgresDatabase,
}

/// An engine on a connection of its own.
struct Process<D> {
    database: D,
    engine: Option<Arc<Engine>>,
}

impl<D> Process<D> {
    fn ended<T>(&self, result: Result<T, ChangeError>) -> Result<T, Ended> {
        // Whoever is cut off is gone, whatever it made of it.
        if self.engine.as_ref().is_some_and(|it| it.was_cut()) {
            return Err(Ended::Crashed);
        }
        result.map_err(|error| Ended::Failed(with_sources(&error)))
    }
}

impl<D: BorrowMut<PostgresDatabase>> Doer for Process<D> {
    fn probe(&mut self, effect: &Effect) -> Result<Probed, Ended> {
        let probed = self.database.borrow_mut().probe(effect);
        self.ended(probed)
    }

    fn perform(&mut self, effect: &Effect, intent: &str) -> Result<(), Ended> {
        let database = self.database.borrow_mut();
        database.carry_out(intent);
        let mut go_on = |_: &_| Next::Continue;
        let done = match effect {
            Effect::Script(script) => database
                .run_script(script, "crashing", now(), &mut ())
                .map(drop),
            Effect::Fill(fill) => database.fill(fill, &mut (), &mut go_on).map(drop),
            Effect::Unfill(fill) => database.unfill(fill, &mut (), &mut go_on).map(drop),
            Effect::MoveValue(_) => Err(ChangeError::OtherEffect),
        };
        self.ended(done)
    }

    fn revoke(&mut self, effect: &Effect, intent: &str) -> Result<Probed, Ended> {
        let revoked = self
            .database
            .borrow_mut()
            .revoke(intent, effect, true, &mut ());
        self.ended(revoked)
    }
}

impl Doomed for Process<PostgresDatabase> {
    fn places(&self) -> u32 {
        self.engine.as_ref().map_or(0, |it| it.seen())
    }
}

impl Server {
    fn at(url: &str) -> Self {
        Self {
            wire: Wire::to(url),
            client: Client::connect(url, NoTls).unwrap(),
            engine: PostgresDatabase::connect(url, options(), 1).unwrap(),
        }
    }

    fn numbers(&mut self, sql: &str) -> Result<Vec<String>, Trouble> {
        let rows = self.client.query(sql, &[])?;
        let shown = rows.iter().map(|row| row.try_get::<_, String>(0));
        Ok(shown.collect::<Result<_, _>>()?)
    }
}

impl Site for Server {
    fn doer(&mut self) -> Box<dyn Doer + '_> {
        Box::new(Process {
            database: &mut self.engine,
            engine: None,
        })
    }

    fn doomed(&mut self, place: Option<u32>, way: usize) -> Box<dyn Doomed + '_> {
        let (config, engine) = self.wire.engine(Scissors {
            counts: writes,
            cuts: place.map(|it| (it, WAYS[way])).into_iter().collect(),
            again: false,
        });
        let database = PostgresDatabase::open(config, options(), 2).unwrap();
        Box::new(Process {
            database,
            engine: Some(engine),
        })
    }

    fn ways(&self) -> usize {
        WAYS.len()
    }

    fn tables(&mut self) -> Result<BTreeMap<String, Table>, Trouble> {
        let tables = self.client.query(
            "SELECT c.oid::regclass::text, (
                 SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_index i
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                 WHERE i.indrelid = c.oid AND i.indisprimary)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND n.nspname <> '_switchback'
               AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
             ORDER BY 1",
            &[],
        )?;
        let mut all = BTreeMap::new();
        for table in tables {
            let (name, key): (String, Option<Vec<String>>) = (table.try_get(0)?, table.try_get(1)?);
            let sql = format!(
                "SELECT coalesce((SELECT string_agg(to_jsonb(t) ->> k, ' ')
                   FROM unnest($1::text[]) k), ''), to_jsonb(t)::text FROM {name} AS t"
            );
            let rows = self.client.query(&sql, &[&key])?;
            let rows = rows
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
            let table = Table {
                keyed: key.is_some(),
                rows: rows.collect::<Result<_, ::postgres::Error>>()?,
            };
            all.insert(name, table);
        }
        Ok(all)
    }

    fn check_marks(&mut self, definition: &Definition) -> Result<(), Trouble> {
        self.engine.check_marks(definition)?;
        Ok(())
    }

    fn leftovers(&mut self) -> Result<Vec<String>, Trouble> {
        // Where there was no fill there are no tables for it.
        let there = "SELECT relname::text FROM pg_class WHERE relname = 'backfill'
             AND relnamespace = '_switchback'::regnamespace";
        let mut left = Vec::new();
        if !self.numbers(there)?.is_empty() {
            left = self.numbers(
                "SELECT 'a fill, ' || status FROM _switchback.backfill
                 UNION ALL SELECT count(*) || ' ranges' FROM _switchback.backfill_range
                   HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' batches of former values'
                   FROM _switchback.backfill_undo HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' copies' FROM _switchback.backfill_copy
                   HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' to be done again' FROM _switchback.backfill_rerun
                   HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' rows that were copied anew'
                   FROM _switchback.backfill_stale HAVING count(*) > 0
                 UNION ALL SELECT count(*) || ' that have expired'
                   FROM _switchback.backfill_expiry HAVING count(*) > 0",
            )?;
        }
        left.extend(self.numbers(
            "SELECT 'a mark of ' || step FROM _switchback.step
             UNION ALL SELECT 'the invalid index ' || indexrelid::regclass FROM pg_index
               WHERE NOT indisvalid
             UNION ALL SELECT 'the trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
             UNION ALL SELECT 'the function ' || oid::regprocedure FROM pg_proc
               WHERE pronamespace = 'public'::regnamespace
             UNION ALL SELECT 'kept aside: ' || relname FROM pg_class
               WHERE relnamespace = '_switchback'::regnamespace AND relkind = 'r'
                 AND relname NOT IN ('format', 'step', 'revoked', 'backfill_format', 'backfill',
                   'backfill_range', 'backfill_undo', 'backfill_failure', 'backfill_conflict',
                   'backfill_copy', 'backfill_stale', 'backfill_rerun', 'backfill_expiry')
             UNION ALL SELECT 'a lock on ' || objid FROM pg_locks
               WHERE locktype = 'advisory' AND database =
                 (SELECT oid FROM pg_database WHERE datname = current_database())
             ORDER BY 1",
        )?);
        Ok(left)
    }
}

fn operation(number: u64, each: u64, effort: Effort) -> Tally {
    let story = &stories::stories()[usize::try_from(number).unwrap()];
    let what = format!("{} on PostgreSQL, {each} rows", story.name);
    let (url, mut client) = database();
    let definition = in_small_batches(planned(&mut client, &story.request));
    let rows = Rows::MadeUp { each, seed: 1 };
    let (bench, workload) = PostgresBench::open(&url, &definition, rows).unwrap();
    let places = Places::new(effort, number + each);
    let site = Server::at(&url);
    rehearse_crashing(bench, site, &definition, &workload, places, &what)
}

fn operations() -> impl Iterator<Item = u64> {
    let wanted = (0..).zip(stories::stories());
    let wanted = wanted.filter(|(_, story)| is_wanted(story.name));
    wanted.map(|(number, _)| number)
}

/// Every other operation, from the first or the second on.
fn some_places(first: u64, each: u64) {
    let mut tally = Tally::default();
    for number in operations().filter(|number| number % 2 == first) {
        tally.add(operation(number, each, Effort::Some { once_in: 3 }));
    }
    println!("PostgreSQL, {each} rows: {tally}");
    tally.assert_tried();
}

// With rows or without: without crashes each is tried both ways.

#[test]
fn half_of_the_operations_on_postgres_with_rows_at_some_places() {
    some_places(0, ROWS);
}

#[test]
fn half_of_the_operations_on_postgres_without_rows_at_some_places() {
    some_places(1, 0);
}

fn every_place(each: u64) {
    let mut tally = Tally::default();
    for number in operations() {
        tally.add(operation(number, each, Effort::Every));
    }
    println!("PostgreSQL, {each} rows: {tally}");
    assert!(tally.crashes >= 20 * tally.operations, "{tally}");
}

#[test]
#[ignore = "takes many minutes; the tests above try some places"]
fn every_place_on_postgres_with_rows() {
    every_place(ROWS);
}

#[test]
#[ignore = "takes many minutes; the tests above try some places"]
fn every_place_on_postgres_without_rows() {
    every_place(0);
}
