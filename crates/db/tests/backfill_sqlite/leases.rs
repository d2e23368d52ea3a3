//! Ranges on lease, and who may write.

use switchback_db::backfill::Gauge as _;
use switchback_migration::backfill::throttle::{Reading, Signal};

use super::*;

#[test]
fn the_late_write_of_a_stalled_worker_is_refused() {
    let place = Place::new(&numbers(1_000));
    let job = doubled();
    place.begin(&job, ranges_of(400));
    let mut stalled = place.hands(&job, "stalled");
    assert_eq!(stalled.claim().unwrap(), Got::Claimed);
    assert!(matches!(stalled.batch(50).unwrap(), Got::Done(_)));
    let mut other = place.hands(&job, "other");
    // While the lease holds another range is taken.
    assert_eq!(other.claim().unwrap(), Got::Claimed);
    assert_eq!(place.open().ranges("fill").unwrap().len(), 2);
    place.pass(LEASE / 2);
    assert!(matches!(other.batch(400).unwrap(), Got::Done(batch) if batch.last));
    // Each batch makes the lease hold longer, and so does renewing it.
    place.pass(LEASE / 3);
    assert_eq!(stalled.renew().unwrap(), Got::Renewed);
    place.pass(LEASE / 2);
    assert!(matches!(stalled.batch(50).unwrap(), Got::Done(_)));
    place.pass(LEASE * 2 / 3);
    assert!(matches!(stalled.batch(50).unwrap(), Got::Done(_)));

    place.pass(LEASE + Duration::from_millis(1));
    assert_eq!(other.claim().unwrap(), Got::Claimed);
    let taken = &place.open().ranges("fill").unwrap()[0];
    assert_eq!(
        (taken.worker.as_deref(), taken.epoch, taken.attempts),
        (Some("other"), 2, 2)
    );
    let before = place.all("SELECT * FROM t");
    let counts = place.standing(&job).counts;
    assert_eq!(stalled.batch(50).unwrap(), Got::Lost);
    assert_eq!(place.all("SELECT * FROM t"), before);
    assert_eq!(place.standing(&job).counts, counts);
    let taken = &place.open().ranges("fill").unwrap()[0];
    assert_eq!(
        (taken.place.as_deref(), taken.worker.as_deref()),
        (Some("150"), Some("other"))
    );
    assert!(matches!(other.batch(50).unwrap(), Got::Done(_)));
    assert_eq!(drive(&mut other, 100).unwrap(), JobStatus::Done);
    assert_eq!(place.standing(&job).counts.changed, 1_000);
}

#[test]
fn a_worker_whose_lease_ran_out_does_nothing_before_it_takes_it_again() {
    let place = Place::new(&numbers(100));
    let job = doubled();
    for lost in [
        SqliteHands::renew as fn(&mut SqliteHands) -> Result<Got, BackfillError>,
        |hands| hands.batch(10),
    ] {
        let anew = BeginOptions {
            anew: true,
            ..ranges_of(1_000)
        };
        place.begin(&job, anew);
        let mut hands = place.hands(&job, "one");
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        place.pass(LEASE);
        assert_eq!(lost(&mut hands).unwrap(), Got::Lost);
        assert_eq!(hands.release().unwrap(), Got::Lost);
        assert_eq!(hands.claim().unwrap(), Got::Claimed);
        assert_eq!(place.open().ranges("fill").unwrap()[0].epoch, 2);
    }
}

#[test]
fn a_range_that_is_given_back_is_taken_at_once() {
    let place = Place::new(&numbers(100));
    let job = doubled();
    place.begin(&job, ranges_of(60));
    let (mut one, mut two) = (place.hands(&job, "one"), place.hands(&job, "two"));
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    assert!(matches!(one.batch(10).unwrap(), Got::Done(_)));
    assert_eq!(one.release().unwrap(), Got::Released);
    assert_eq!(one.batch(10).unwrap(), Got::Lost);
    assert_eq!(two.claim().unwrap(), Got::Claimed);
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    assert_eq!(
        place.hands(&job, "three").claim().unwrap(),
        Got::NothingLeft
    );
    // The walk is not over while somebody is at it.
    assert_eq!(place.hands(&job, "three").close().unwrap(), Got::NotYet);
    assert!(matches!(one.batch(100).unwrap(), Got::Done(batch) if batch.last && batch.rows == 40));
    assert!(matches!(two.batch(100).unwrap(), Got::Done(batch) if batch.last && batch.rows == 50));
    assert_eq!(one.close().unwrap(), Got::Again);
}

#[test]
fn whoever_holds_the_lock_is_waited_for_and_then_given_way_to() {
    let place = Place::new(&numbers(100));
    let job = doubled();
    place.begin(&job, ranges_of(60));
    let options = BackfillOptions {
        busy_timeout: Duration::from_millis(20),
        lease: LEASE,
    };
    let db = Backfills::open(&place.path, options, place.clock()).unwrap();
    let mut gauge = db.gauge(&job, 1 << 20).unwrap();
    let mut hands = db.hands(&job, "one").unwrap();
    let application = place.application();
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(hands.claim().unwrap(), Got::InTheWay);
    let slow = gauge.read().signals.remove(&Signal::Probe);
    assert!(
        matches!(slow, Some(Reading::Value(ms)) if ms >= 250.0),
        "{slow:?}"
    );
    application.execute_batch("COMMIT").unwrap();
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    application.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(hands.batch(10).unwrap(), Got::InTheWay);
    assert_eq!(hands.release().unwrap(), Got::InTheWay);
    application.execute_batch("COMMIT").unwrap();
    let quick = gauge.read().signals.remove(&Signal::Probe);
    assert!(
        matches!(quick, Some(Reading::Value(ms)) if ms < 250.0),
        "{quick:?}"
    );
    assert_eq!(drive(&mut hands, 10).unwrap(), JobStatus::Done);
}

#[test]
fn the_log_that_nobody_could_copy_is_seen() {
    let place = Place::new(&numbers(20_000));
    let job = doubled();
    let db = place.open();
    let mut gauge = db.gauge(&job, 400_000).unwrap();
    let mut queue = || match gauge.read().signals.remove(&Signal::WalQueue) {
        Some(Reading::Value(share)) => share,
        other => panic!("{other:?}"),
    };
    place
        .application()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    assert!(queue() < 0.1);
    // A reader who stays keeps what is written after its look from being copied.
    let reader = place.application();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM t")
        .unwrap();
    place.begin(&job, ranges_of(5_000));
    let mut hands = place.hands(&job, "one");
    assert_eq!(drive(&mut hands, 5_000).unwrap(), JobStatus::Done);
    assert!(queue() > 1.0);
    reader.execute_batch("COMMIT").unwrap();
    // The file is as large as before, and all of it is copied.
    assert!(queue() < 0.1);
    let rollback = Place::with_journal("delete", &numbers(1));
    let mut gauge = rollback.open().gauge(&job, 1).unwrap();
    let readings = gauge.read();
    assert_eq!(
        readings.signals.get(&Signal::WalQueue),
        Some(&Reading::NotThere)
    );
    assert_eq!(readings.signals.len(), 9);
}
