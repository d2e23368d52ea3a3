//! Rows that a program passes over are counted, each as often as it was asked.

use switchback_db::sqlite::DbError;

use super::program::Gate;
use super::programs::{fill, python, worker_of};
use super::*;

const SKIPPED: &str = "SELECT count(*) FROM _switchback_backfill_skipped";

/// By job and by range.
fn skipped(place: &Place, job: &Job) -> (u64, u64) {
    let ranges = place.open().walk_ranges("fill", None).unwrap();
    let of_ranges = ranges.iter().map(|it| it.skipped).sum();
    (place.standing(job).counts.skipped, of_ranges)
}

#[test]
fn what_is_skipped_is_counted_with_its_batch_or_not_at_all() {
    // A trigger that ends the transaction has a batch tried again in parts.
    let place = Place::new(&format!(
        "{};
         CREATE TRIGGER out BEFORE UPDATE ON t WHEN NEW.b = 'n16' BEGIN SELECT RAISE(ROLLBACK, 'not 8'); END;",
        numbers(2_000)
    ));
    // Dies at some row, once; the next process knows better.
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let body = format!(
        "def say(line):\n\
        \x20   mark, row, a = {mark:?}, line['row'], line['columns']['a']\n\
        \x20   if a == 701 and not os.path.exists(mark): open(mark, 'w'); os._exit(9)\n\
        \x20   if a % 10 == 5: answer(row=row, skip=True)\n\
        \x20   else: answer(row=row, set={{'b': f'n{{a * 2}}'}})"
    );
    let job = python("[\"b\"]", "[\"a\"]", &body);
    place.begin(&job, ranges_of(1_000));
    drive(&mut worker_of(&place, &job, "one"), 100).unwrap_err();
    let noted = place.number(SKIPPED).unsigned_abs();
    assert!((1..=70).contains(&noted), "{noted}");
    assert_eq!(skipped(&place, &job), (noted, noted));
    assert_eq!(fill(&place, &job, ranges_of(1_000)), JobStatus::Done);
    assert_eq!(place.number(SKIPPED), 200);
    assert_eq!(skipped(&place, &job), (200, 200));
    let counts = place.standing(&job).counts;
    assert_eq!((counts.changed, counts.failed), (1_799, 1));
    // Whoever begins anew asks of all of them once more, and counts from the beginning.
    let anew = BeginOptions {
        anew: true,
        ..ranges_of(1_000)
    };
    assert_eq!(fill(&place, &job, anew), JobStatus::Done);
    assert_eq!(skipped(&place, &job), (200, 200));
}

#[test]
fn a_later_walk_asks_and_counts_only_those_that_changed_since() {
    let place = Place::new(&numbers(40));
    // It has been given what row 7 was when that is written.
    let gate = Gate::shut();
    let body = "def say(line):\n\
         \x20   row, id = line['row'], line['key']['id']\n\
         \x20   if id == 7: wait()\n\
         \x20   if id in (7, 8): answer(row=row, skip=True)\n\
         \x20   else: answer(row=row, set={'b': f\"n{line['columns']['a'] * 2}\"})";
    let job = python("[\"b\"]", "[\"a\"]", &gate.before(body));
    place.begin(&job, ranges_of(100));
    let mut hands = worker_of(&place, &job, "one");
    let asking = std::thread::spawn(move || drive(&mut hands, 500).unwrap());
    gate.reached();
    place.run("UPDATE t SET a = 1000 WHERE id = 7");
    gate.open();
    assert_eq!(asking.join().unwrap(), JobStatus::Done);
    // Row 8 once, row 7 as it was and as it is.
    assert_eq!(skipped(&place, &job), (3, 3));
    assert_eq!(place.standing(&job).counts.changed, 38);
    let found = place.open().verify(&job, 0, 1).unwrap();
    assert_eq!((found.differ, found.skipped), (0, 2));
    assert!(found.holds());
}

/// What was written before rows were counted that programs skip is refused, by a code and not by
/// what SQLite says of a column that it does not know.
#[test]
fn control_tables_without_the_count_are_refused_by_their_format() {
    let place = Place::new(&numbers(10));
    let job = doubled();
    place.begin(&job, ranges_of(5));
    let db = place.open();
    let mut hands = place.hands(&job, "one");
    place.run(
        "ALTER TABLE _switchback_backfill DROP COLUMN rows_skipped;
         ALTER TABLE _switchback_backfill_range DROP COLUMN rows_skipped;
         UPDATE _switchback_backfill_format SET version = 2",
    );
    let begun = |options| db.begin(&job, &options).unwrap_err();
    let parts = ["1..5".parse().unwrap()];
    let refused = [
        begun(ranges_of(5)),
        begun(BeginOptions {
            anew: true,
            ..ranges_of(5)
        }),
        db.jobs().unwrap_err(),
        db.standing("fill").unwrap_err(),
        db.ranges("fill").unwrap_err(),
        db.walk_ranges("fill", None).unwrap_err(),
        db.errors("fill", 9).unwrap_err(),
        db.verify(&job, 0, 1).unwrap_err(),
        db.ask("fill", JobStatus::Paused).unwrap_err(),
        db.ask("fill", JobStatus::Undoing).unwrap_err(),
        db.rerun(&job, &parts, &ranges_of(5), false).unwrap_err(),
        hands.claim().unwrap_err(),
    ];
    let other = BackfillError::Db(DbError::Format { found: 2, known: 3 });
    for (n, error) in refused.iter().enumerate() {
        assert_eq!(*error, other, "{n}");
    }
}
