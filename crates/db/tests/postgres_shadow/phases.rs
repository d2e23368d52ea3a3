//! Stopping in every phase, and tables that become others meanwhile.

use switchback_migration::backfill::machine::Got;

use super::*;

/// How far a copy is.
const PHASES: [&str; 5] = ["filling", "settling", "indexing", "checking", "swapping"];

/// Copies all ranges and does nothing of what comes after.
pub(super) fn fill_ranges(worker: &mut PostgresHands) {
    while let Got::Claimed = worker.claim().unwrap() {
        while let Got::Done(batch) = worker.batch(400).unwrap() {
            if batch.last {
                break;
            }
        }
    }
}

fn phase(client: &mut Client) -> String {
    let sql = "SELECT phase FROM _switchback.backfill_copy";
    client.query_one(sql, &[]).unwrap().get(0)
}

/// Takes a job that was begun to a phase.
fn until(url: &str, client: &mut Client, wanted: &str) {
    let mut worker = hands(url, &slug(), "first");
    if wanted != "filling" {
        fill_ranges(&mut worker);
    } else {
        worker.claim().unwrap();
        worker.batch(100).unwrap();
    }
    while phase(client) != wanted {
        assert_ne!(worker.close().unwrap(), Got::NotYet);
    }
    worker.release().unwrap();
}

#[test]
fn a_cancel_in_any_phase_leaves_nothing_behind() {
    for wanted in PHASES {
        let (url, mut client) = database(&users(3_000));
        let before = meaning(&url);
        begin(&url, &slug());
        until(&url, &mut client, wanted);
        client
            .batch_execute("UPDATE users SET note = 'meanwhile' WHERE id = 5")
            .unwrap();
        open(&url)
            .tell_backfill("it", JobStatus::Cancelled)
            .unwrap();
        nothing_left(&mut client);
        assert_eq!(meaning(&url), before, "{wanted}");
        let kept = "SELECT count(*) FROM _switchback.backfill_undo";
        assert_eq!(number(&mut client, kept), 0, "{wanted}");
        let changed = "SELECT count(*) FROM users u JOIN original o USING (id)
            WHERE u.slug IS DISTINCT FROM o.slug";
        assert_eq!(number(&mut client, changed), 0, "{wanted}");
        assert_eq!(standing(&url).counts.changed, 0, "{wanted}");
        // A worker of then writes nothing, and another run begins from the beginning.
        assert_eq!(
            fill(&url, &slug(), 2),
            End::Job(JobStatus::Done),
            "{wanted}"
        );
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
        assert_eq!(number(&mut client, changed), 0, "{wanted}");
        assert_eq!(meaning(&url), before, "{wanted}");
    }
}

#[test]
fn an_undo_before_the_exchange_drops_the_copy() {
    for wanted in PHASES {
        let (url, mut client) = database(&users(2_000));
        let before = meaning(&url);
        begin(&url, &slug());
        until(&url, &mut client, wanted);
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone), "{wanted}");
        nothing_left(&mut client);
        assert_eq!(meaning(&url), before, "{wanted}");
        assert_eq!(dump(&mut client, "users"), dump(&mut client, "original"));
        assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
    }
}

#[test]
fn a_pause_in_any_phase_is_gone_on_from() {
    for wanted in PHASES {
        let (url, mut client) = database(&users(2_000));
        let before = meaning(&url);
        begin(&url, &slug());
        until(&url, &mut client, wanted);
        open(&url).tell_backfill("it", JobStatus::Paused).unwrap();
        assert_eq!(walk(&url, &slug(), 1), End::Job(JobStatus::Paused));
        assert_eq!(phase(&mut client), wanted);
        client
            .batch_execute("UPDATE users SET email = 'Paused' || id WHERE id % 9 = 0")
            .unwrap();
        assert_eq!(
            fill(&url, &slug(), 2),
            End::Job(JobStatus::Done),
            "{wanted}"
        );
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(number(&mut client, wrong), 0, "{wanted}");
        assert_eq!(meaning(&url), before, "{wanted}");
    }
}

/// What ends a copy, and a word of the reason.
const MEANWHILE: [(&str, &str); 9] = [
    ("ALTER TABLE users ADD extra int", "got a column"),
    ("ALTER TABLE users DROP note", "changed while it was copied"),
    (
        "ALTER TABLE users ALTER note SET DEFAULT 'd'",
        "changed while it was copied",
    ),
    (
        "CREATE INDEX ON users (note)",
        "changed while it was copied",
    ),
    (
        "GRANT SELECT ON users TO PUBLIC",
        "changed while it was copied",
    ),
    ("TRUNCATE users", "written anew"),
    (
        "ALTER TABLE users DISABLE TRIGGER ALL; UPDATE users SET note = 'unseen'; \
      ALTER TABLE users ENABLE TRIGGER ALL",
        "writes down which",
    ),
    (
        "ALTER TABLE users RENAME TO old_users; CREATE TABLE users (LIKE old_users INCLUDING ALL)",
        "another table",
    ),
    (
        "ALTER TABLE users ADD extra int; ALTER TABLE users DROP extra",
        "got a column",
    ),
];

#[test]
fn a_table_that_becomes_another_ends_it_and_leaves_nothing() {
    for wanted in ["filling", "indexing", "swapping"] {
        for (sql, word) in MEANWHILE {
            let what = format!("{wanted}: {sql}");
            let (url, mut client) = database(&users(1_500));
            begin(&url, &slug());
            until(&url, &mut client, wanted);
            client.batch_execute(sql).unwrap();
            let rows = dump(&mut client, "users");
            assert_eq!(
                walk(&url, &slug(), 2),
                End::Job(JobStatus::Failed),
                "{what}"
            );
            let error = standing(&url).error.unwrap();
            assert!(error.contains(word), "{what}: {error}");
            nothing_left(&mut client);
            assert_eq!(dump(&mut client, "users"), rows, "{what}");
            let kept = "SELECT count(*) FROM _switchback.backfill_undo";
            assert_eq!(number(&mut client, kept), 0, "{what}");
        }
    }
}

/// What comes meanwhile and hangs on the table.
const CAME: [(&str, &str); 5] = [
    (
        "CREATE VIEW people AS SELECT id, email FROM users",
        "view public.people",
    ),
    ("CREATE POLICY mine ON users USING (true)", "policy mine"),
    ("CREATE PUBLICATION of_it FOR TABLE users", "of_it"),
    (
        "CREATE STATISTICS both_of ON email, note FROM users",
        "both_of",
    ),
    ("CREATE TABLE orders (by bigint REFERENCES users)", "orders"),
];

#[test]
fn what_comes_meanwhile_is_not_lost() {
    for (sql, word) in CAME {
        let (url, mut client) = database(&users(1_500));
        begin(&url, &slug());
        until(&url, &mut client, "swapping");
        client.batch_execute(sql).unwrap();
        assert_eq!(walk(&url, &slug(), 1), End::Job(JobStatus::Failed), "{sql}");
        let error = standing(&url).error.unwrap();
        assert!(error.contains(word), "{sql}: {error}");
        nothing_left(&mut client);
        assert_eq!(dump(&mut client, "users"), dump(&mut client, "original"));
    }
}

#[test]
fn a_long_reader_is_waited_for_and_named() {
    let (url, mut client) = database(&users(1_500));
    begin(&url, &slug());
    until(&url, &mut client, "swapping");
    let mut reader = super::client(&url);
    reader
        .batch_execute("SET application_name = 'long_report'")
        .unwrap();
    reader
        .batch_execute("BEGIN; SELECT count(*) FROM users")
        .unwrap();
    let worker = {
        let url = url.clone();
        std::thread::spawn(move || walk(&url, &slug(), 1))
    };
    let note = || standing(&url).note.unwrap_or_default();
    wait_until(Duration::from_secs(60), || note().contains("long_report"));
    let tries = "SELECT tries::bigint FROM _switchback.backfill_copy";
    wait_until(Duration::from_secs(60), || number(&mut client, tries) >= 2);
    // Nobody waits in the meantime, and what is written is copied.
    client
        .batch_execute("SET statement_timeout = '5s'; UPDATE users SET email = 'Late' WHERE id = 3")
        .unwrap();
    reader.batch_execute("COMMIT").unwrap();
    assert_eq!(worker.join().unwrap(), End::Job(JobStatus::Done));
    let late = "SELECT count(*) FROM users WHERE id = 3 AND slug = 'late'";
    assert_eq!(number(&mut client, late), 1);
    assert_eq!(standing(&url).note, None);
}
