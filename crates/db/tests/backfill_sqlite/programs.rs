//! What rows get is said by a program: real processes, well and badly behaved.

use std::path::PathBuf;

use switchback_db::backfill::program::{Launch, ProgramError};

use super::program::{Gate, command};
use super::*;

/// A job with a program in Python; see [`command`].
pub(super) fn python(columns: &str, reads: &str, body: &str) -> Job {
    job(&format!(
        "table = \"t\"\nonly = \"b IS NULL\"\n[program]\ncolumns = {columns}\nreads = {reads}\n\
         command = {}",
        command(body)
    ))
}

const DOUBLED: &str =
    "def say(line): answer(row=line['row'], set={'b': f\"n{line['columns']['a'] * 2}\"})";

fn launch() -> Launch {
    Launch {
        folder: PathBuf::from("/"),
        patience: Duration::from_secs(60),
        secret: Vec::new(),
        told: Arc::new(|_| {}),
    }
}

pub(super) fn worker_of(place: &Place, job: &Job, name: &str) -> SqliteHands {
    place.hands(job, name).with_programs(launch())
}

pub(super) fn fill(place: &Place, job: &Job, options: BeginOptions) -> JobStatus {
    place.begin(job, options);
    drive(&mut worker_of(place, job, "one"), 500).unwrap()
}

const WRONG: &str = "SELECT count(*) FROM t WHERE b IS NOT 'n' || (a * 2)";

#[test]
fn every_row_gets_what_the_program_says_and_can_be_put_back() {
    for journal in ["wal", "delete"] {
        let place = Place::with_journal(journal, &numbers(3_000));
        let before = place.all("SELECT * FROM t");
        let job = python("[\"b\"]", "[\"a\"]", DOUBLED);
        assert_eq!(fill(&place, &job, ranges_of(700)), JobStatus::Done);
        assert_eq!(place.number(WRONG), 0);
        let standing = place.standing(&job);
        assert_eq!(standing.counts.changed, 3_000);
        assert_eq!(standing.counts.scanned, 6_000);
        for range in place.open().ranges("fill").unwrap() {
            assert_eq!(range.before == range.after, range.sweep == 2);
        }
        let found = place.open().verify(&job, 10, 1).unwrap();
        assert_eq!((found.differ, found.failed, found.samples.len()), (0, 0, 0));
        assert_eq!(place.undo(&job, 700), (3_000, 0));
        assert_eq!(place.all("SELECT * FROM t"), before);
    }
}

#[test]
fn values_of_every_type_go_there_and_back() {
    let place = Place::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b INT, v);
         INSERT INTO t (v) VALUES (NULL), (7), (-9007199254740993), (0.1), (1.0), (9e999), (-1e300),
           ('a\"\\ é' || char(10, 1)), (''), (x''), (x'00ff7b'), ('12'), (CAST(x'ff' AS TEXT))",
    );
    let body = "def say(line): answer(row=line['row'], set={'b': True, 'v': line['columns']['v']})";
    let job = python("[\"b\", \"v\"]", "[\"v\"]", body);
    let exact = "SELECT typeof(v), hex(CAST(v AS BLOB)) FROM t";
    let before = place.all(exact);
    assert_eq!(fill(&place, &job, ranges_of(5)), JobStatus::Done);
    let after = place.all(exact);
    let differ: Vec<usize> = (0..before.len())
        .filter(|it| before[*it] != after[*it])
        .collect();
    // What does not go into a number of JSON comes back as the text that it went as.
    assert_eq!(differ, [2, 5]);
    let texts = "SELECT v FROM t WHERE id IN (3, 6)";
    let text = |it: &str| vec![Value::Text(it.to_owned())];
    assert_eq!(
        place.all(texts),
        [text("-9007199254740993"), text("Infinity")]
    );
    let failed = place.open().errors("fill", 9).unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].message, "one of its texts is not UTF-8");
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b = 1"), 12);
    assert_eq!(place.undo(&job, 3), (12, 0));
    assert_eq!(place.all(exact), before);
}

#[test]
fn rows_that_fail_are_named_and_others_are_done() {
    let place = Place::new(&format!(
        "{};
         CREATE TRIGGER no BEFORE UPDATE ON t WHEN NEW.b = 'n14' BEGIN SELECT RAISE(ABORT, 'not 7'); END;
         CREATE TRIGGER out BEFORE UPDATE ON t WHEN NEW.b = 'n16' BEGIN SELECT RAISE(ROLLBACK, 'not 8'); END;",
        numbers(300)
    ));
    let body = "def say(line):\n\
        \x20   row, a = line['row'], line['columns']['a']\n\
        \x20   if a == 11: answer(row=row, error='no\\nway')\n\
        \x20   elif a == 12: answer(row=row, set={'b': None})\n\
        \x20   elif a == 13: answer(row=row, set={'b': [1]})\n\
        \x20   elif a == 14: answer(row=row, set={'b': 10**30})\n\
        \x20   elif a % 10 == 5: answer(row=row, skip=True)\n\
        \x20   else: answer(row=row, set={'b': f'n{a * 2}'})";
    let job = python("[\"b\"]", "[\"a\"]", body);
    assert_eq!(fill(&place, &job, ranges_of(100)), JobStatus::Done);
    let failed = place.open().errors("fill", 99).unwrap();
    let mut said: Vec<(&str, &str)> = failed
        .iter()
        .map(|it| (it.key.as_str(), it.message.as_str()))
        .collect();
    said.sort_unstable_by_key(|it| it.0.parse::<u32>().unwrap());
    assert_eq!(
        said,
        [
            ("7", "not 7"),
            ("8", "not 8"),
            ("11", "no way"),
            (
                "12",
                "it would still meet `only` with what the program gives it"
            ),
            (
                "13",
                "`b` cannot hold an object or a list, but for {\"hex\": \"00ff\"}"
            ),
            (
                "14",
                &format!(
                    "`b` cannot hold 1{}: it takes more than 64 bits",
                    "0".repeat(30)
                )
            ),
        ]
    );
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b IS NULL"), 36);
    let counts = place.standing(&job).counts;
    assert_eq!(
        (counts.changed, counts.failed, counts.skipped),
        (264, 6, 30)
    );
    // Each range has its own, and the second walk asks of none of them again.
    let ranges = place.open().walk_ranges("fill", None).unwrap();
    let skipped: Vec<_> = ranges.iter().map(|it| (it.walk, it.skipped)).collect();
    assert_eq!(skipped, [(1, 10), (1, 10), (1, 10), (2, 0), (2, 0), (2, 0)]);
    let counted = place.open().ranges("fill").unwrap();
    assert_eq!(counted[0].counts.skipped, 10);
    let found = place.open().verify(&job, 0, 1).unwrap();
    assert_eq!((found.differ, found.failed, found.skipped), (0, 6, 30));
    // What a skipped row had counts: one that changed since is looked at again.
    place.run("UPDATE t SET a = 1000 WHERE id = 5");
    let found = place.open().verify(&job, 0, 1).unwrap();
    assert_eq!((found.differ, found.skipped), (1, 29));
    place.run("UPDATE t SET a = 5 WHERE id = 5");
    assert_eq!(place.undo(&job, 100), (264, 0));

    let stopped = BeginOptions {
        stop_on_error: true,
        ..ranges_of(100)
    };
    assert_eq!(fill(&place, &job, stopped), JobStatus::Failed);
    let error = place.standing(&job).error.unwrap();
    assert!(error.starts_with("row 7: not 7"), "{error}");
    place.undo(&job, 100);
    let few = BeginOptions {
        most_errors: 3,
        ..ranges_of(100)
    };
    assert_eq!(fill(&place, &job, few), JobStatus::Failed);
    let error = place.standing(&job).error.unwrap();
    assert!(error.contains("more than 3 rows"), "{error}");
}

#[test]
fn rows_that_cannot_be_read_are_named_and_others_are_done() {
    let smallest = i64::MIN;
    for bad in [&[1][..], &[40, 41], &[100]] {
        let place = Place::new(&numbers(100));
        for id in bad {
            place.run(&format!("UPDATE t SET a = {smallest} WHERE id = {id}"));
        }
        let job = job(&format!(
            "table = \"t\"\nonly = \"b IS NULL AND abs(a) > 0\"\n[program]\n\
             columns = [\"b\"]\nreads = [\"a\"]\ncommand = {}",
            command(DOUBLED)
        ));
        assert_eq!(fill(&place, &job, ranges_of(70)), JobStatus::Done);
        let failed = place.open().errors("fill", 99).unwrap();
        let mut said: Vec<(i64, &str)> = failed
            .iter()
            .map(|it| (it.key.parse().unwrap(), it.message.as_str()))
            .collect();
        said.sort_unstable();
        let wanted: Vec<_> = bad.iter().map(|id| (*id, "integer overflow")).collect();
        assert_eq!(said, wanted);
        let wrong = format!("{WRONG} AND a <> {smallest}");
        assert_eq!(place.number(&wrong), 0);
    }
}

#[test]
fn a_program_that_fails_leaves_whole_batches_and_somebody_goes_on() {
    let place = Place::new(&numbers(2_000));
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let body = format!(
        "def say(line):\n\
        \x20   mark = {mark:?}\n\
        \x20   if line['key']['id'] == 700 and not os.path.exists(mark):\n\
        \x20       open(mark, 'w'); print('out of cheese', file=sys.stderr); os._exit(9)\n\
        \x20   answer(row=line['row'], set={{'b': f\"n{{line['columns']['a'] * 2}}\"}})"
    );
    let job = python("[\"b\"]", "[\"a\"]", &body);
    place.begin(&job, ranges_of(1_000));
    let error = drive(&mut worker_of(&place, &job, "one"), 500).unwrap_err();
    let BackfillError::Program(ProgramError::Ended { status, said, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(status, "exit status: 9");
    assert_eq!(*said, ["out of cheese"]);
    let changed = place.number("SELECT count(*) FROM t WHERE b IS NOT NULL");
    assert!((1..700).contains(&changed), "{changed}");
    let standing = place.standing(&job);
    assert_eq!((standing.status, standing.leased), (JobStatus::Running, 0));
    assert_eq!(standing.counts.changed, changed.unsigned_abs());
    assert_eq!(fill(&place, &job, ranges_of(1_000)), JobStatus::Done);
    assert_eq!(place.number(WRONG), 0);
    assert_eq!(place.standing(&job).counts.changed, 2_000);
    assert_eq!(place.undo(&job, 100), (2_000, 0));
}

#[test]
fn a_row_that_changes_while_the_program_works_is_left_and_done_later() {
    let place = Place::new(&numbers(40));
    let gate = Gate::shut();
    let body = "def say(line):\n\
        \x20   wait()\n\
        \x20   answer(row=line['row'], set={'b': f\"n{line['columns']['a'] * 2}\"})";
    let job = python("[\"b\"]", "[\"a\"]", &gate.before(body));
    place.begin(&job, ranges_of(100));
    let mut hands = worker_of(&place, &job, "one");
    let asking = std::thread::spawn(move || drive(&mut hands, 500).unwrap());
    gate.reached();
    // Nothing is held: who writes waits for nobody.
    let application = place.application();
    application.busy_timeout(Duration::from_millis(1)).unwrap();
    application
        .execute_batch(
            "UPDATE t SET a = 1000 WHERE id = 3;
             UPDATE t SET b = 'mine' WHERE id = 4;
             DELETE FROM t WHERE id = 6;
             INSERT INTO t VALUES (0, 5, NULL)",
        )
        .unwrap();
    gate.open();
    assert_eq!(asking.join().unwrap(), JobStatus::Done);
    let sql = "SELECT count(*) FROM t WHERE b IS NOT 'n' || (a * 2) AND id <> 4";
    assert_eq!(place.number(sql), 0);
    assert_eq!(place.number("SELECT count(*) FROM t WHERE b = 'mine'"), 1);
    assert_eq!(place.undo(&job, 100), (39, 0));
}

#[test]
fn what_is_paused_is_left_by_a_program_that_works() {
    let place = Place::new(&numbers(50));
    let gate = Gate::shut();
    let job = python("[\"b\"]", "[\"a\"]", &gate.before("def say(line): wait()"));
    place.begin(&job, ranges_of(100));
    let options = BackfillOptions {
        busy_timeout: Duration::from_secs(10),
        lease: Duration::from_millis(300),
    };
    let db = Backfills::open(&place.path, options, place.clock()).unwrap();
    let mut hands = db.hands(&job, "one").unwrap().with_programs(launch());
    assert_eq!(hands.claim().unwrap(), Got::Claimed);
    let asking = std::thread::spawn(move || hands.batch(10));
    gate.reached();
    place.open().ask("fill", JobStatus::Paused).unwrap();
    assert_eq!(
        asking.join().unwrap().unwrap(),
        Got::Ended(JobStatus::Paused)
    );
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NOT NULL"),
        0
    );
}

#[test]
fn a_lease_that_was_lost_while_the_program_worked_writes_nothing() {
    let place = Place::new(&numbers(50));
    let gate = Gate::shut();
    let body = "def say(line):\n\
        \x20   wait()\n\
        \x20   answer(row=line['row'], set={'b': 'late'})";
    let slow = python("[\"b\"]", "[\"a\"]", &gate.before(body));
    place.begin(&slow, ranges_of(100));
    let mut late = worker_of(&place, &slow, "late");
    assert_eq!(late.claim().unwrap(), Got::Claimed);
    let asking = std::thread::spawn(move || late.batch(2));
    gate.reached();
    place.pass(LEASE * 2);
    let mut quick = worker_of(&place, &slow, "quick");
    assert_eq!(quick.claim().unwrap(), Got::Claimed);
    gate.open();
    assert_eq!(asking.join().unwrap().unwrap(), Got::Lost);
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b IS NOT NULL"),
        0
    );
}

#[test]
fn wide_rows_are_given_a_few_at_a_time_and_too_wide_ones_not_at_all() {
    let place = Place::new(
        "CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT, b TEXT) WITHOUT ROWID;
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20)
         INSERT INTO t SELECT 'k' || x, printf('%.*c', 1000000, 'x'), NULL FROM n;
         INSERT INTO t VALUES ('z', printf('%.*c', 5000000, 'x'), NULL)",
    );
    let body = "def say(line): answer(row=line['row'], set={'b': str(len(line['columns']['a']))})";
    let job = python("[\"b\"]", "[\"a\"]", body);
    assert_eq!(fill(&place, &job, ranges_of(100)), JobStatus::Done);
    assert_eq!(
        place.number("SELECT count(*) FROM t WHERE b = '1000000'"),
        20
    );
    let failed = place.open().errors("fill", 9).unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].message, "its values take more than 4194304 bytes");
}

/// A program is asked again of rows that it passed over or could not do, where they are meant.
#[test]
fn rows_are_done_again_by_a_mended_program_and_no_others() {
    let first = python(
        "[\"b\"]",
        "[\"a\"]",
        "def say(line):\n\
        \x20   row, a, id = line['row'], line['columns']['a'], line['key']['id']\n\
        \x20   if id % 10 == 1: answer(row=row, error='no way')\n\
        \x20   elif id % 10 == 5: answer(row=row, skip=True)\n\
        \x20   else: answer(row=row, set={'b': f'n{a * 2}'})",
    );
    let mended = python(
        "[\"b\"]",
        "[\"a\"]",
        "def say(line): answer(row=line['row'], set={'b': f\"m{line['columns']['a'] * 3}\"})",
    );
    let place = Place::new(&numbers(2_000));
    let before = place.all("SELECT * FROM t");
    assert_eq!(fill(&place, &first, ranges_of(700)), JobStatus::Done);
    let skipped = |job: &Job| {
        let found = place.open().verify(job, 0, 1).unwrap();
        (place.standing(job).counts.skipped, found.skipped)
    };
    assert_eq!(skipped(&first), (200, 200));
    let parts = ["1..1000".parse().unwrap()];
    let begun = place.open();
    begun
        .rerun(&mended, &parts, &ranges_of(300), false)
        .unwrap();
    let ended = drive(&mut worker_of(&place, &mended, "again"), 90).unwrap();
    assert_eq!(ended, JobStatus::Done);
    let counts = [
        "SELECT count(*) FROM t WHERE b = 'm' || (a * 3) AND id <= 1000",
        "SELECT count(*) FROM t WHERE b = 'm' || (a * 3)",
        "SELECT count(*) FROM t WHERE b = 'n' || (a * 2)",
        "SELECT count(*) FROM t WHERE b IS NULL AND id > 1000",
    ]
    .map(|sql| place.number(sql));
    assert_eq!(counts, [200, 200, 1_600, 200]);
    let found = place.open().verify(&mended, 4, 1).unwrap();
    assert_eq!(
        (found.differ, found.failed, found.samples.len()),
        (0, 100, 0)
    );
    // Those that were asked of again were passed over once, and are not any more.
    assert_eq!(skipped(&mended), (200, 100));
    let of = found.definitions.iter();
    let of: Vec<_> = of.map(|it| (it.rows, it.differ_from_newest)).collect();
    assert_eq!(of, [(1_000, Some(0)), (1_000, None)]);
    assert_eq!(place.undo(&mended, 333).1, 0);
    assert_eq!(place.all("SELECT * FROM t"), before);
}
