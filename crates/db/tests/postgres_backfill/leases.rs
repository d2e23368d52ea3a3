//! Who may write, and who may not any more.

use super::*;

#[test]
fn a_stalled_worker_writes_nothing_any_more() {
    for strategy in ALL {
        let (url, mut client) = database(&users(10_000));
        open(&url)
            .begin_backfill(&slug(), strategy, true, false)
            .unwrap();
        let short = HandsOptions {
            lease: Duration::from_millis(1),
            ..hand_options("slow")
        };
        let abort = Arc::new(AtomicBool::new(false));
        let mut slow = PostgresHands::new(open(&url), slug(), short, abort);
        assert_eq!(slow.claim().unwrap(), Got::Claimed);
        assert!(matches!(slow.batch(100).unwrap(), Got::Done(_)));
        // Its lease is over, and somebody takes the range.
        let mut quick = hands(&url, &slug(), "quick");
        assert_eq!(quick.claim().unwrap(), Got::Claimed);
        let written = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
        let before = number(&mut client, written);
        assert_eq!(slow.batch(100).unwrap(), Got::Lost, "{strategy:?}");
        assert_eq!(number(&mut client, written), before);
        assert_eq!(slow.renew().unwrap(), Got::Renewed, "it holds nothing");
        assert!(matches!(quick.batch(100).unwrap(), Got::Done(_)));
        assert_eq!(go(vec![slow, quick]), End::Job(JobStatus::Done));
        assert_eq!(standing(&url).counts.changed, 10_000);
    }
}

#[test]
fn after_a_pause_nothing_is_written() {
    let (url, mut client) = database(&users(10_000));
    open(&url)
        .begin_backfill(&slug(), STRIDED, true, false)
        .unwrap();
    let mut one = hands(&url, &slug(), "one");
    assert_eq!(one.claim().unwrap(), Got::Claimed);
    assert!(matches!(one.batch(100).unwrap(), Got::Done(_)));
    let was = open(&url).tell_backfill("it", JobStatus::Paused).unwrap();
    assert_eq!(was, JobStatus::Running);
    let written = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
    let before = number(&mut client, written);
    assert_eq!(one.batch(100).unwrap(), Got::Ended(JobStatus::Paused));
    assert_eq!(number(&mut client, written), before);
    assert!(before > 0);
    open(&url).tell_backfill("it", JobStatus::Running).unwrap();
    assert_eq!(
        go(vec![hands(&url, &slug(), "two")]),
        End::Job(JobStatus::Done)
    );
    assert_eq!(standing(&url).counts.changed, 10_000);
}

#[test]
fn another_definition_does_not_go_on_with_what_was_begun() {
    let (url, _client) = database(&users(100));
    open(&url)
        .begin_backfill(&slug(), STRIDED, true, false)
        .unwrap();
    let other = job("table = \"users\"\n[set]\nslug = \"upper(email)\"");
    let error = open(&url)
        .begin_backfill(&other, STRIDED, true, false)
        .unwrap_err();
    assert!(
        matches!(error, BackfillError::OtherVersion { .. }),
        "{error}"
    );
    open(&url)
        .begin_backfill(&other, STRIDED, true, true)
        .unwrap();
    assert_eq!(
        go(vec![hands(&url, &other, "w")]),
        End::Job(JobStatus::Done)
    );
}
