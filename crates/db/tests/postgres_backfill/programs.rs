//! What rows get is said by a program: real processes, well and badly behaved, on a real server.

use std::path::PathBuf;
use std::time::Duration;

use switchback_db::backfill::program::{Launch, ProgramError};

use super::program::{Gate, command};
use super::*;

/// A job with a program in Python; see [`command`].
fn python(columns: &str, reads: &str, only: &str, body: &str) -> Job {
    job(&format!(
        "table = \"users\"\nonly = {only}\n[program]\ncolumns = {columns}\nreads = {reads}\n\
         command = {}",
        command(body)
    ))
}

const SLUG: &str = "def say(line):\n\
    \x20   answer(row=line['row'], set={'slug': line['columns']['email'].lower()})";

pub(super) fn slug_by(body: &str) -> Job {
    python("[\"slug\"]", "[\"email\"]", "\"slug IS NULL\"", body)
}

pub(super) fn launch() -> Launch {
    Launch {
        folder: PathBuf::from("/"),
        patience: Duration::from_secs(60),
        secret: vec!["SWITCHBACK_".to_owned()],
        told: Arc::new(|_| {}),
    }
}

pub(super) fn worker(url: &str, job: &Job, name: &str) -> PostgresHands {
    hands(url, job, name).with_programs(launch())
}

pub(super) fn begin(url: &str, job: &Job, strategy: Strategy) {
    open(url)
        .begin_backfill(job, strategy, true, false)
        .unwrap();
}

pub(super) fn fill_by(url: &str, job: &Job, strategy: Strategy) -> End {
    begin(url, job, strategy);
    go(vec![worker(url, job, "w")])
}

const WRONG: &str = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";

#[test]
fn every_row_gets_what_the_program_says_and_can_be_put_back() {
    for strategy in ALL {
        let (url, mut client) = database(&users(5_000));
        let before = dump(&mut client, "users");
        let job = slug_by(SLUG);
        assert_eq!(fill_by(&url, &job, strategy), End::Job(JobStatus::Done));
        assert_eq!(number(&mut client, WRONG), 0);
        let counts = standing(&url).counts;
        assert_eq!((counts.changed, counts.failed), (5_000, 0), "{strategy:?}");
        if strategy == Strategy::KeyRange {
            // By place on disk it is about so many: a row that moves away while its page is worked on
            // is not seen there any more.
            assert_eq!(counts.scanned, 5_000);
        }
        let found = open(&url).verify_backfill(&job, 10, 1).unwrap();
        assert_eq!((found.differ, found.failed, found.samples.len()), (0, 0, 0));
        let still: u64 = found.ranges.iter().map(|it| it.still.unwrap()).sum();
        assert_eq!(still, 5_000);
        assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), before);
    }
}

/// Walks a job, and gives what ends it.
pub(super) fn go_wrong(url: &str, job: &Job, launch: Launch) -> BackfillError {
    let one = hands(url, job, "w").with_programs(launch);
    let mut go_on = |_: &Moment| Next::Continue;
    run(vec![one], Calm, full_speed, &running(), &mut go_on).unwrap_err()
}

#[test]
fn values_of_every_type_go_there_and_back() {
    let (url, mut client) = database(
        "CREATE DOMAIN amount AS numeric(40, 2);
         CREATE TYPE mood AS ENUM ('sad', 'so so');
         CREATE TABLE users (id uuid, part date, PRIMARY KEY (id, part), done boolean, b boolean, i int,
           l bigint, n amount, f float8, txt text, y bytea, d date, at timestamptz, plain timestamp,
           j json, jb jsonb, a text[], m mood, v varchar(3), c char(4), e interval);
         CREATE TABLE copy (LIKE users);
         INSERT INTO users VALUES
           ('00000000-0000-0000-0000-000000000001', '2024-02-29', NULL, true, -5, 9007199254740993,
            123456789012345678901234567890.10, 0.1, E'a\"\\\\\\n\\té\\U0001F600', '\\x00ff', '2024-02-29',
            '2024-02-29 12:34:56.789012+02', 'infinity', E'{\"a\":\\n 1.10, \"b\": [null]}',
            '[1e2, \"x\"]', '{a,\"b c\",NULL}', 'so so', 'abc', 'x', '1 mon 2 days'),
           ('00000000-0000-0000-0000-000000000002', '2024-03-01', NULL, NULL, NULL, NULL, NULL, 'NaN',
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
         INSERT INTO copy SELECT * FROM users",
    );
    let all = [
        "b", "i", "l", "n", "f", "txt", "y", "d", "at", "plain", "j", "jb", "a", "m", "v", "c", "e",
    ];
    let names = serde_json::json!(all).to_string();
    let columns = names.replacen('[', "[\"done\", ", 1);
    let body = "def say(line):\n\
        \x20   print(line, file=sys.stderr)\n\
        \x20   answer(row=line['row'], set=dict(line['columns'], done=line['key']['part'] > '2024'))";
    // Python keeps numbers as they are, but for `1.10` in JSON.
    let body = body.replace("def say", "from decimal import Decimal\ndef say");
    let job = python(&columns, &names, "\"done IS NULL\"", &body);
    assert_eq!(
        fill_by(&url, &job, Strategy::KeyRange),
        End::Job(JobStatus::Done)
    );
    assert_eq!(open(&url).backfill_failures("it", 9).unwrap(), []);
    assert_eq!(
        number(&mut client, "SELECT count(*) FROM users WHERE done"),
        2
    );
    for name in all {
        let sql = format!(
            "SELECT u.{name}::text, c.{name}::text FROM users u JOIN copy c USING (id)
             WHERE u.{name}::text IS DISTINCT FROM c.{name}::text"
        );
        let rows = client.query(&sql, &[]).unwrap();
        let differ: Vec<(Option<String>, Option<String>)> =
            rows.iter().map(|it| (it.get(0), it.get(1))).collect();
        if name == "j" {
            let now = "{\"a\": 1.1, \"b\": [null]}".to_owned();
            assert_eq!(differ.len(), 1);
            assert_eq!(differ[0].0, Some(now));
        } else {
            assert_eq!(differ, [], "{name}");
        }
    }
    assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
    assert_eq!(dump(&mut client, "users"), dump(&mut client, "copy"));
}

#[test]
fn rows_that_fail_are_named_and_others_are_done() {
    // Columns that are called as those of the control tables are no others.
    let (url, mut client) = database(&users(300));
    client
        .batch_execute(
            "ALTER TABLE users ADD key text, ADD seen bigint, ADD job text, ADD backfill bigint,
               ADD sweep int, ADD rows int",
        )
        .unwrap();
    client
        .batch_execute("ALTER TABLE users ADD CHECK (slug <> 'user7@example.com'), ADD CHECK (slug <> 'user8@example.com')")
        .unwrap();
    let body = "def say(line):\n\
        \x20   row, email, id = line['row'], line['columns']['email'], line['key']['id']\n\
        \x20   if id == 11: answer(row=row, error='no\\nway')\n\
        \x20   elif id == 12: answer(row=row, set={'slug': None})\n\
        \x20   elif id == 13: answer(row=row, set={'slug': 'a\\0b'})\n\
        \x20   elif id == 14: answer(row=row, set={'slug': {'a': 1}})\n\
        \x20   elif id % 10 == 5: answer(row=row, skip=True)\n\
        \x20   else: answer(row=row, set={'slug': email.lower()})";
    let job = slug_by(body);
    let mut times = 0;
    for strategy in ALL {
        let ended = fill_by(&url, &job, strategy);
        assert_eq!(ended, End::Job(JobStatus::Done), "{:?}", standing(&url));
        let failed = open(&url).backfill_failures("it", 99).unwrap();
        let keys: Vec<&str> = failed.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["11", "12", "13", "14", "7", "8"]);
        let said: Vec<&str> = failed.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(said[0], "program: no way");
        assert_eq!(
            said[1],
            "program: it would still meet `only` with what the program gives it"
        );
        assert!(
            said[2].starts_with("22021: invalid byte sequence"),
            "{}",
            said[2]
        );
        assert_eq!(
            said[3],
            "program: `slug` cannot hold an object or a list: it is not of a type of JSON"
        );
        assert!(said[4].starts_with("23514: "), "{}", said[4]);
        let null = "SELECT count(*) FROM users WHERE slug IS NULL";
        assert_eq!(number(&mut client, null), 36);
        let counts = standing(&url).counts;
        // What was done before it was put back is counted too.
        times += 1;
        assert_eq!(
            (counts.changed, counts.failed, counts.skipped),
            (times * 264, 6, times * 30),
            "{strategy:?}"
        );
        // In the first walk, by its ranges; later ones do not ask again.
        let ranges = open(&url).backfill_ranges("it").unwrap();
        assert_eq!(ranges.iter().map(|it| it.skipped).sum::<u64>(), times * 30);
        let found = open(&url).verify_backfill(&job, 0, 1).unwrap();
        assert_eq!((found.differ, found.failed, found.skipped), (0, 6, 30));
        // What a skipped row had counts: one that changed since is looked at again.
        client
            .batch_execute("UPDATE users SET email = 'new' WHERE id = 5")
            .unwrap();
        let found = open(&url).verify_backfill(&job, 0, 1).unwrap();
        assert_eq!((found.differ, found.failed, found.skipped), (1, 6, 29));
        client
            .batch_execute("UPDATE users SET email = 'User5@Example.com' WHERE id = 5")
            .unwrap();
        assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
    }
    // Of one batch the program speaks before the table does, and how many rows that is depends on the
    // machine: now only the program speaks.
    client
        .batch_execute(
            "ALTER TABLE users DROP CONSTRAINT users_slug_check, DROP CONSTRAINT users_slug_check1",
        )
        .unwrap();
    // The first one, or too many of them, end the job.
    for (stop, most, reason) in [
        (true, 1000, "row 11: no way"),
        (
            false,
            3,
            "more than 3 rows cannot be done; the last one says: ",
        ),
    ] {
        begin(&url, &job, Strategy::KeyRange);
        let options = HandsOptions {
            stop_on_error: stop,
            most_failed: most,
            ..hand_options("w")
        };
        let abort = Arc::new(AtomicBool::new(false));
        let one = PostgresHands::new(open(&url), job.clone(), options, abort);
        let ended = go(vec![one.with_programs(launch())]);
        assert_eq!(ended, End::Job(JobStatus::Failed));
        let error = standing(&url).error.unwrap();
        assert!(error.starts_with(reason), "{error}");
        assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
    }
}

#[test]
fn a_program_that_fails_leaves_whole_batches_and_somebody_goes_on() {
    let (url, mut client) = database(&users(2_000));
    // Dies at some row, once; the next process knows better.
    let mark = tempfile::tempdir().unwrap();
    let mark = mark.path().join("mark");
    let body = format!(
        "def say(line):\n\
        \x20   mark = {mark:?}\n\
        \x20   if line['key']['id'] == 700 and not os.path.exists(mark):\n\
        \x20       open(mark, 'w'); print('out of cheese', file=sys.stderr); os._exit(9)\n\
        \x20   answer(row=line['row'], set={{'slug': line['columns']['email'].lower()}})"
    );
    let job = slug_by(&body);
    begin(&url, &job, Strategy::KeyRange);
    let error = go_wrong(&url, &job, launch());
    let BackfillError::Program(ProgramError::Ended { status, said, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (status.as_str(), said.as_slice()),
        ("exit status: 9", &["out of cheese".to_owned()][..])
    );
    let filled = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
    let changed = number(&mut client, filled);
    assert!((1..700).contains(&changed), "{changed}");
    let stands = standing(&url);
    assert_eq!(
        (stands.status, stands.leased),
        (JobStatus::Running, 0),
        "it may go on at once"
    );
    assert_eq!(stands.counts.changed, changed.unsigned_abs());
    assert_eq!(
        fill_by(&url, &job, Strategy::KeyRange),
        End::Job(JobStatus::Done)
    );
    assert_eq!(number(&mut client, WRONG), 0);
    assert_eq!(standing(&url).counts.changed, 2_000);
    // Nobody runs a program without leave.
    open(&url)
        .begin_backfill(&job, STRIDED, true, true)
        .unwrap();
    client
        .batch_execute("UPDATE users SET slug = NULL")
        .unwrap();
    let mut go_on = |_: &Moment| Next::Continue;
    let error = run(
        vec![hands(&url, &job, "w")],
        Calm,
        full_speed,
        &running(),
        &mut go_on,
    );
    assert!(matches!(
        error,
        Err(BackfillError::Program(ProgramError::NotHere))
    ));
}

#[test]
fn a_program_that_is_silent_keeps_its_lease_and_is_ended_in_the_end() {
    let (url, mut client) = database(&users(50));
    let job = slug_by("def say(line): time.sleep(600)");
    begin(&url, &job, STRIDED);
    // Kept after each third of it.
    let lease = Duration::from_secs(6);
    let short = HandsOptions {
        lease,
        ..hand_options("slow")
    };
    let abort = Arc::new(AtomicBool::new(false));
    let patience = Duration::from_secs(12);
    let mut slow =
        PostgresHands::new(open(&url), job.clone(), short, abort).with_programs(Launch {
            patience,
            ..launch()
        });
    assert_eq!(slow.claim().unwrap(), Got::Claimed);
    let asking = std::thread::spawn(move || slow.batch(100));
    let leased = "SELECT lease_until::text FROM _switchback.backfill_range
                  WHERE status = 'leased' AND lease_until > clock_timestamp()";
    let (begun, mut leases) = (Instant::now(), Vec::new());
    while begun.elapsed() < lease || leases.len() < 4 {
        let rows = client.query(leased, &[]).unwrap();
        assert_eq!(rows.len(), 1, "after {:?}", begun.elapsed());
        leases.push(rows[0].get::<_, String>(0));
        leases.dedup();
        // Nothing is held meanwhile.
        let held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND clock_timestamp() - xact_start > '3 s' AND pid <> pg_backend_pid()";
        assert_eq!(number(&mut client, held), 0);
        std::thread::sleep(Duration::from_millis(30));
    }
    let error = asking.join().unwrap().unwrap_err();
    assert!(
        matches!(error, BackfillError::Program(ProgramError::Silent { .. })),
        "{error}"
    );
    let waiting = "SELECT count(*) FROM _switchback.backfill_range WHERE status = 'waiting'";
    assert_eq!(number(&mut client, waiting), 1);
}

#[test]
fn what_is_paused_is_left_by_a_program_that_works() {
    let (url, mut client) = database(&users(50));
    let gate = Gate::shut();
    let job = slug_by(&gate.before("def say(line): wait()"));
    begin(&url, &job, STRIDED);
    let short = HandsOptions {
        lease: Duration::from_millis(600),
        ..hand_options("slow")
    };
    let abort = Arc::new(AtomicBool::new(false));
    let mut slow =
        PostgresHands::new(open(&url), job.clone(), short, abort).with_programs(launch());
    assert_eq!(slow.claim().unwrap(), Got::Claimed);
    let asking = std::thread::spawn(move || slow.batch(100));
    gate.reached();
    open(&url).tell_backfill("it", JobStatus::Paused).unwrap();
    assert_eq!(
        asking.join().unwrap().unwrap(),
        Got::Ended(JobStatus::Paused)
    );
    let filled = "SELECT count(*) FROM users WHERE slug IS NOT NULL";
    assert_eq!(number(&mut client, filled), 0);
}

#[test]
fn a_row_that_changes_while_the_program_works_is_left_and_done_later() {
    for strategy in ALL {
        let (url, mut client) = database(&users(40));
        let gate = Gate::shut();
        let body = "def say(line):\n\
             \x20   wait()\n\
             \x20   answer(row=line['row'], set={'slug': line['columns']['email'].lower()})";
        let job = slug_by(&gate.before(body));
        begin(&url, &job, strategy);
        let (other, of) = (url.clone(), job.clone());
        let asking = std::thread::spawn(move || go(vec![worker(&other, &of, "w")]));
        gate.reached();
        client
            .batch_execute(
                "UPDATE users SET email = 'New@x' WHERE id = 3;
                 UPDATE users SET slug = 'mine' WHERE id = 4;
                 UPDATE users SET note = 'other' WHERE id = 5;
                 DELETE FROM users WHERE id = 6;
                 INSERT INTO users VALUES (0, 'Zero@x', NULL, NULL), (100, 'Hundred@x', NULL, NULL)",
            )
            .unwrap();
        gate.open();
        assert_eq!(asking.join().unwrap(), End::Job(JobStatus::Done));
        let sql = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email) AND id <> 4";
        assert_eq!(number(&mut client, sql), 0, "{strategy:?}");
        let slug: String = client
            .query_one("SELECT slug FROM users WHERE id = 4", &[])
            .unwrap()
            .get(0);
        assert_eq!(slug, "mine");
        assert_eq!(standing(&url).counts.changed, 40);
        assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
        let sql = "SELECT count(*) FROM users WHERE slug IS NOT NULL AND id <> 4";
        assert_eq!(number(&mut client, sql), 0);
    }
}

#[test]
fn wide_rows_are_given_a_few_at_a_time_and_too_wide_ones_not_at_all() {
    let (url, mut client) = database(
        "CREATE TABLE users (id bigint PRIMARY KEY, email text, slug text);
         INSERT INTO users SELECT n, repeat('A', 1000000), NULL FROM generate_series(1, 30) AS n;
         INSERT INTO users VALUES (31, repeat('A', 5000000), NULL);",
    );
    let body =
        "def say(line): answer(row=line['row'], set={'slug': str(len(line['columns']['email']))})";
    let job = slug_by(body);
    assert_eq!(fill_by(&url, &job, STRIDED), End::Job(JobStatus::Done));
    let done = "SELECT count(*) FROM users WHERE slug = '1000000'";
    assert_eq!(number(&mut client, done), 30);
    let failed = open(&url).backfill_failures("it", 9).unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        failed[0].message,
        "program: its values take more than 4194304 bytes"
    );
}

#[test]
fn partitions_and_keys_of_several_columns_are_found_again() {
    let (url, mut client) = database(
        "CREATE TABLE users (region text, id int, email text NOT NULL, slug text,
           PRIMARY KEY (region, id)) PARTITION BY LIST (region);
         CREATE TABLE users_a PARTITION OF users FOR VALUES IN ('a');
         CREATE TABLE users_b PARTITION OF users FOR VALUES IN ('b', E'it''s \"b');
         INSERT INTO users SELECT CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE E'it''s \"b' END,
           n, 'User' || n, NULL FROM generate_series(1, 3000) AS n;
         ANALYZE users",
    );
    let before = dump(&mut client, "users");
    let job = python("[\"slug\"]", "[\"email\"]", "\"users.slug IS NULL\"", SLUG);
    for strategy in ALL {
        assert_eq!(
            fill_by(&url, &job, strategy),
            End::Job(JobStatus::Done),
            "{strategy:?}"
        );
        assert_eq!(number(&mut client, WRONG), 0);
        assert_eq!(undo(&url, &job), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), before);
    }
}

#[test]
fn what_is_said_of_the_table_beforehand_takes_all_rows_that_are_not_done() {
    let (url, mut client) = database(&users(1_000));
    client
        .batch_execute("UPDATE users SET slug = 'x' WHERE id <= 250; ANALYZE users")
        .unwrap();
    let facts = open(&url).backfill_facts(&slug_by(SLUG)).unwrap();
    let sample = facts.sample.unwrap();
    assert_eq!((sample.rows, sample.apart), (1_000, 750));
    let wrong = python("[\"slug\"]", "[\"mail\"]", "\"slug IS NULL\"", SLUG);
    let error = open(&url).backfill_facts(&wrong).unwrap_err();
    assert!(error.to_string().contains("mail"), "{error}");
    let wrong = python("[\"slog\"]", "[\"email\"]", "\"slug IS NULL\"", SLUG);
    let error = open(&url).backfill_facts(&wrong).unwrap_err();
    assert!(error.to_string().contains("slog"), "{error}");
    let wrong = python("[\"slug\"]", "[\"email\"]", "\"slog IS NULL\"", SLUG);
    let error = open(&url).backfill_facts(&wrong).unwrap_err();
    assert!(error.to_string().contains("`only`"), "{error}");
}

/// A program is asked again of rows that it passed over or could not do, where they are meant.
#[test]
fn rows_are_done_again_by_a_mended_program_and_no_others() {
    let first = slug_by(
        "def say(line):\n\
        \x20   row, email, id = line['row'], line['columns']['email'], line['key']['id']\n\
        \x20   if id % 10 == 1: answer(row=row, error='no way')\n\
        \x20   elif id % 10 == 5: answer(row=row, skip=True)\n\
        \x20   else: answer(row=row, set={'slug': email.lower()})",
    );
    let mended = slug_by(
        "def say(line):\n\
        \x20   answer(row=line['row'], set={'slug': line['columns']['email'].upper()})",
    );
    for strategy in ALL {
        let (url, mut client) = database(&users(2_000));
        let before = dump(&mut client, "users");
        assert_eq!(fill_by(&url, &first, strategy), End::Job(JobStatus::Done));
        let found = open(&url).verify_backfill(&first, 0, 1).unwrap();
        assert_eq!((standing(&url).counts.skipped, found.skipped), (200, 200));
        let parts = ["1..1000".parse().unwrap()];
        open(&url).rerun_backfill(&mended, &parts, false).unwrap();
        let ended = go(vec![worker(&url, &mended, "again")]);
        assert_eq!(ended, End::Job(JobStatus::Done), "{strategy:?}");
        let counts = [
            "SELECT count(*) FROM users WHERE slug = upper(email) AND id <= 1000",
            "SELECT count(*) FROM users WHERE slug = upper(email)",
            "SELECT count(*) FROM users WHERE slug = lower(email)",
            "SELECT count(*) FROM users WHERE slug IS NULL AND id > 1000",
        ]
        .map(|sql| number(&mut client, sql));
        assert_eq!(counts, [200, 200, 1_600, 200], "{strategy:?}");
        let found = open(&url).verify_backfill(&mended, 4, 1).unwrap();
        assert_eq!(
            (found.differ, found.failed, found.samples.len()),
            (0, 100, 0)
        );
        // Those that were asked of again were passed over once, and are not any more.
        assert_eq!((standing(&url).counts.skipped, found.skipped), (200, 100));
        let of = found.definitions.iter();
        let of: Vec<_> = of.map(|it| (it.rows, it.differ_from_newest)).collect();
        assert_eq!(of, [(1_000, Some(0)), (1_000, None)]);
        assert_eq!(undo(&url, &mended), End::Job(JobStatus::Undone));
        assert_eq!(dump(&mut client, "users"), before, "{strategy:?}");
    }
}
