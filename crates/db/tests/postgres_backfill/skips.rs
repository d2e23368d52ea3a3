//! Rows that a program passes over are counted, each as often as it was asked.

use super::program::Gate;
use super::programs::{begin, fill_by, go_wrong, launch, slug_by, worker};
use super::*;

const SKIPPED: &str = "SELECT count(*) FROM _switchback.backfill_skipped";

/// By job and by range.
fn skipped(url: &str) -> (u64, u64) {
    let ranges = open(url).backfill_ranges("it").unwrap();
    let of_ranges = ranges.iter().map(|it| it.skipped).sum();
    (standing(url).counts.skipped, of_ranges)
}

#[test]
fn what_is_skipped_is_counted_with_its_batch_or_not_at_all() {
    for strategy in ALL {
        let (url, mut client) = database(&users(2_000));
        // Dies at some row, once; the next process knows better.
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let job = slug_by(&format!(
            "def say(line):\n\
            \x20   mark, row, id = {mark:?}, line['row'], line['key']['id']\n\
            \x20   if id == 701 and not os.path.exists(mark): open(mark, 'w'); os._exit(9)\n\
            \x20   if id % 10 == 5: answer(row=row, skip=True)\n\
            \x20   else: answer(row=row, set={{'slug': line['columns']['email'].lower()}})"
        ));
        begin(&url, &job, strategy);
        go_wrong(&url, &job, launch());
        let noted = number(&mut client, SKIPPED).unsigned_abs();
        // In passes only rows of one remainder come first.
        if strategy == Strategy::KeyRange {
            assert!((1..=70).contains(&noted), "{noted}");
        }
        assert_eq!(skipped(&url), (noted, noted), "{strategy:?}");
        assert_eq!(fill_by(&url, &job, strategy), End::Job(JobStatus::Done));
        assert_eq!(number(&mut client, SKIPPED), 200);
        assert_eq!(skipped(&url), (200, 200), "{strategy:?}");
        assert_eq!(standing(&url).counts.changed, 1_800);
        // Whoever begins anew asks of all of them once more.
        open(&url)
            .begin_backfill(&job, strategy, true, true)
            .unwrap();
        let ended = go(vec![worker(&url, &job, "anew")]);
        assert_eq!(ended, End::Job(JobStatus::Done));
        assert_eq!(skipped(&url), (400, 400), "{strategy:?}");
    }
}

#[test]
fn a_later_walk_asks_and_counts_only_those_that_changed_since() {
    for strategy in ALL {
        let (url, mut client) = database(&users(40));
        // It has been given what row 7 was when that is written.
        let gate = Gate::shut();
        let body = "def say(line):\n\
             \x20   row, id = line['row'], line['key']['id']\n\
             \x20   if id == 7: wait()\n\
             \x20   if id in (7, 8): answer(row=row, skip=True)\n\
             \x20   else: answer(row=row, set={'slug': line['columns']['email'].lower()})";
        let job = slug_by(&gate.before(body));
        begin(&url, &job, strategy);
        let (other, of) = (url.clone(), job.clone());
        let asking = std::thread::spawn(move || go(vec![worker(&other, &of, "w")]));
        gate.reached();
        client
            .batch_execute("UPDATE users SET email = 'Seven@x' WHERE id = 7")
            .unwrap();
        gate.open();
        assert_eq!(asking.join().unwrap(), End::Job(JobStatus::Done));
        // Row 8 once, row 7 as it was and as it is.
        assert_eq!(skipped(&url), (3, 3), "{strategy:?}");
        assert_eq!(standing(&url).counts.changed, 38);
        let found = open(&url).verify_backfill(&job, 0, 1).unwrap();
        assert_eq!((found.differ, found.skipped), (0, 2));
        assert!(found.holds());
    }
}

/// What was written before rows were counted that programs skip is refused, by a code and not by
/// what the server says of a column that it does not know.
#[test]
fn control_tables_without_the_count_are_refused_by_their_format() {
    let (url, mut client) = database(&users(10));
    let job = slug();
    begin(&url, &job, Strategy::KeyRange);
    client
        .batch_execute(
            "ALTER TABLE _switchback.backfill_range DROP COLUMN skipped;
             UPDATE _switchback.backfill_format SET version = 2",
        )
        .unwrap();
    let mut db = open(&url);
    let refused = [
        db.begin_backfill(&job, Strategy::KeyRange, true, false)
            .unwrap_err(),
        db.begin_backfill(&job, Strategy::KeyRange, true, true)
            .unwrap_err(),
        db.backfills().unwrap_err(),
        db.backfill_standing("it").unwrap_err(),
        db.backfill_ranges("it").unwrap_err(),
        db.backfill_definition("it").unwrap_err(),
        db.backfill_failures("it", 9).unwrap_err(),
        db.verify_backfill(&job, 0, 1).unwrap_err(),
        db.tell_backfill("it", JobStatus::Paused).unwrap_err(),
        db.tell_backfill("it", JobStatus::Undoing).unwrap_err(),
        db.rerun_backfill(&job, &["1..5".parse().unwrap()], false)
            .unwrap_err(),
    ];
    for (n, error) in refused.iter().enumerate() {
        assert!(
            matches!(error, BackfillError::Format { found: 2, known: 3 }),
            "{n}: {error}"
        );
    }
}
