//! What can be done with a job whose copy has taken its place.

use switchback_db::backfill::Expired;

use super::*;

const CHANGED_IN_BETWEEN: &str = "UPDATE users SET note = 'changed' WHERE id % 100 = 3;
    UPDATE users SET slug = 'by hand' WHERE id = 10";

/// Copies all rows, has some changed that were copied, and goes on to the end.
fn fill_beside_changes(url: &str, client: &mut Client) {
    begin(url, &slug());
    let mut worker = hands(url, &slug(), "w");
    phases::fill_ranges(&mut worker);
    client.batch_execute(CHANGED_IN_BETWEEN).unwrap();
    assert_eq!(go(vec![worker]).unwrap(), End::Job(JobStatus::Done));
}

#[test]
fn rows_are_done_again_in_place_and_both_times_are_undone() {
    let (url, mut client) = database(&users(2_000));
    fill_beside_changes(&url, &mut client);
    let mended = job("table = \"users\"\n[set]\nslug = \"upper(email)\"");
    let part = "1..199".parse().unwrap();
    let again = open(&url).rerun_backfill(&mended, &[part], false).unwrap();
    assert_eq!(again.rows, 199);
    assert_eq!(walk(&url, &mended, 2), End::Job(JobStatus::Done));
    let counts = "SELECT count(*) FROM users
        WHERE slug = CASE WHEN id < 200 THEN upper(email) ELSE lower(email) END";
    assert_eq!(number(&mut client, counts), 2_000);
    nothing_left(&mut client);
    assert_eq!(undo(&url, &mended), End::Job(JobStatus::Undone));
    client
        .batch_execute(&CHANGED_IN_BETWEEN.replace("users", "original"))
        .unwrap();
    assert_eq!(dump(&mut client, "users"), dump(&mut client, "original"));
    assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
}

#[test]
fn what_has_expired_leaves_nothing_of_the_rows_that_were_copied_anew() {
    let (url, mut client) = database(&users(2_000));
    fill_beside_changes(&url, &mut client);
    let stale = "SELECT count(*) FROM _switchback.backfill_stale";
    assert_eq!(number(&mut client, stale), 21);
    let hour = Duration::from_secs(3600);
    let late = "UPDATE _switchback.backfill SET finished_at = now() - interval '2 hours'";
    client.batch_execute(late).unwrap();
    let expired = || open(&url).expire_backfill("it", hour, 1).unwrap();
    while expired() == Expired::Some {
        assert_eq!(number(&mut client, stale), 21);
    }
    assert_eq!(number(&mut client, stale), 0);
    let kept = "SELECT count(*) FROM _switchback.backfill_undo";
    assert_eq!(number(&mut client, kept), 0);
    // A new run has its own.
    client
        .batch_execute("UPDATE users SET slug = NULL; CREATE TABLE cleared AS SELECT * FROM users")
        .unwrap();
    open(&url)
        .begin_backfill(&slug(), Strategy::ShadowCopy, true, true)
        .unwrap();
    assert_eq!(walk(&url, &slug(), 2), End::Job(JobStatus::Done));
    assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
    assert_eq!(dump(&mut client, "users"), dump(&mut client, "cleared"));
}
