//! Connections that are lost for longer, and sessions that the server ends.

use std::time::{Duration, Instant};

use switchback_db::backfill::{Hands as _, Moment, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::PostgresHands;
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::machine::Got;

use super::bench::{ALL, Bench, DONE, LONG, full_speed, go, running};
use super::life::{Calm, hand_options};
use super::wire::{Cut, Scissors, Wire};
use super::world::{DEADLINE, options};

#[test]
fn a_connection_that_stays_lost_ends_the_run_after_its_patience() {
    let mut bench = Bench::new(ALL[0], 1_000);
    let wire = Wire::to(&bench.url);
    let (config, engine) = wire.engine(Scissors {
        counts: |statement| statement == "COMMIT",
        cuts: vec![(4, Cut::Midway)],
        again: false,
    });
    let database = PostgresDatabase::open(config, options(), 1).unwrap();
    let hands = PostgresHands::new(
        database,
        bench.job.clone(),
        hand_options("w"),
        Default::default(),
    );
    let running = switchback_db::backfill::Running {
        patience: Duration::from_millis(700),
        ..running()
    };
    let mut said = None;
    let mut each = |moment: &Moment| {
        if moment.lost.is_some() {
            said.clone_from(&moment.lost);
        }
        Next::Continue
    };
    let begun = Instant::now();
    let error = run(vec![hands], Calm, full_speed, &running, &mut each).unwrap_err();
    let waited = begun.elapsed();
    assert!(error.is_lost() && engine.was_cut(), "{error:?}");
    assert!(engine.seen() == 4, "{}", engine.seen());
    // It is soon told of, and how soon is not what this is about.
    assert!(waited > running.patience && waited < DEADLINE, "{waited:?}");
    assert!(said.unwrap().contains("connection was lost"));
    // The job goes on with others once the lease is over.
    let end = Instant::now() + DEADLINE;
    let mut next = bench.hands("v", LONG);
    while next.claim().unwrap() != Got::Claimed {
        assert!(Instant::now() < end);
    }
    next.release().unwrap();
    assert_eq!(bench.finish(), DONE);
    bench.check_filled(1_000, "it");
}

#[test]
fn a_session_that_the_server_ends_while_its_worker_stalls_is_made_again() {
    // Whoever says nothing for a millisecond in the middle of a transaction has stalled.
    let mut bench = Bench::new(ALL[2], 3_000);
    let impatient = Options {
        idle_timeout: Duration::from_millis(1),
        ..options()
    };
    let end = Instant::now() + DEADLINE;
    let mut hands = bench.hands_with("w", LONG, &impatient);
    let error = loop {
        assert!(Instant::now() < end, "it never stalled");
        match hands.claim() {
            Ok(Got::Claimed) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        match hands.batch(1) {
            Ok(_) => {}
            Err(error) => break error,
        }
        if let Err(error) = hands.release() {
            break error;
        }
    };
    assert!(<PostgresHands>::is_lost(&error), "{error:?}");
    hands.reconnect().unwrap();
    bench.run("UPDATE _switchback.backfill_range SET lease_until = now() WHERE status = 'leased'");
    assert_eq!(go(vec![bench.hands("v", LONG)]).unwrap(), DONE);
    bench.check_filled(3_000, "it");
}
