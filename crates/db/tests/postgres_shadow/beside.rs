//! An application writes while the table is copied, and while the copy takes its place.

use std::sync::atomic::{AtomicU64, Ordering};

use super::chance::Chance;
use super::*;

pub(super) const ROWS: u32 = 4_000;

/// Connections that write, each transaction also into a journal of what it did. They are told nothing
/// of any copy, and must never fail.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    pub(super) done: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Writers {
    pub(super) fn start(url: &str, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let threads = (0..3u64).map(|n| {
            let (url, stop, done) = (url.to_owned(), Arc::clone(&stop), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut chance = Chance::new(seed * 10 + n);
                let mut client = patient(&url);
                let mut next = (n + 1) * 1_000_000;
                while !stop.load(Ordering::SeqCst) {
                    let sql = transaction(&mut chance, &mut next);
                    if let Err(error) = client.batch_execute(&sql) {
                        let code = error.code().map_or("08", |it| it.code());
                        if code.starts_with("08") || code.starts_with("57P") {
                            client = patient(&url);
                            continue;
                        }
                        // Those that they do to each other: deadlocks, and keys that are taken.
                        assert!(["40P01", "23505"].contains(&code), "{sql}: {error:?}");
                        client.batch_execute("ROLLBACK").unwrap();
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_micros(chance.below(1500) as u64));
                }
            })
        });
        let threads = threads.collect();
        Self {
            stop,
            done,
            threads,
        }
    }

    /// Has them end, without waiting for it in `stop`.
    pub(super) fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
        let busy = || self.threads.iter().any(|it| !it.is_finished());
        wait_until(Duration::from_secs(60), || !busy());
    }

    pub(super) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.done.load(Ordering::SeqCst)
    }
}

/// Connects, also to a server that is just coming up.
pub(super) fn patient(url: &str) -> Client {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match Client::connect(url, NoTls) {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < end, "{error:?}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn transaction(chance: &mut Chance, next: &mut u64) -> String {
    let count = 1 + chance.below(3);
    let work: Vec<_> = (0..count).map(|_| statement(chance, next)).collect();
    let end = if chance.once_in(10) {
        "ROLLBACK"
    } else {
        "COMMIT"
    };
    format!("BEGIN; {}; {end}", work.join("; "))
}

fn statement(chance: &mut Chance, next: &mut u64) -> String {
    let id = 1 + chance.below(ROWS as usize);
    let other = 1 + chance.below(ROWS as usize);
    let new = chance.below(1_000_000);
    // `journal` has what each row was written with, but for the slug.
    let note = |id: &str| {
        format!(
            "INSERT INTO journal SELECT nextval('moments'), {id}, (SELECT to_jsonb(u)::text \
             FROM users u WHERE id = {id})"
        )
    };
    match chance.below(9) {
        0 | 1 => {
            *next += 1;
            let id = next.to_string();
            format!(
                "INSERT INTO users (id, email, note) VALUES ({id}, 'New{id}', 'n'); {}",
                note(&id)
            )
        }
        2 | 3 => format!(
            "UPDATE users SET email = 'Changed{new}' || id WHERE id = {id}; {}",
            note(&id.to_string())
        ),
        4 => format!(
            "UPDATE users SET slug = 'by hand {new}' WHERE id = {id}; {}",
            note(&id.to_string())
        ),
        5 => format!(
            "DELETE FROM users WHERE id = {id}; {}",
            note(&id.to_string())
        ),
        6 => {
            *next += 1;
            format!(
                "UPDATE users SET id = {next} WHERE id = {id}; {}; {}",
                note(&id.to_string()),
                note(&next.to_string())
            )
        }
        // Two rows change what no two rows may have, so that either order of copying clashes.
        7 if id != other => format!(
            "CREATE TEMP TABLE IF NOT EXISTS two (email text, id bigint); DELETE FROM two; \
             INSERT INTO two SELECT email, id FROM users WHERE id IN ({id}, {other}) FOR UPDATE; \
             UPDATE users SET email = 'tmp' || id || email FROM (SELECT 1) x \
               WHERE id IN ({id}, {other}); \
             UPDATE users u SET email = two.email FROM two WHERE u.id IN ({id}, {other}) \
               AND two.id IN ({id}, {other}) AND two.id <> u.id; {}; {}",
            note(&id.to_string()),
            note(&other.to_string())
        ),
        _ => format!(
            "UPDATE users SET email = 'user{id}x', slug = 'user{id}x', note = 'new code' \
             WHERE id = {id}; {}",
            note(&id.to_string())
        ),
    }
}

/// Every row is what was last written of it, but for the slug, which is what it should be.
pub(super) fn judge(client: &mut Client, what: &str) {
    let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)
        AND note IS DISTINCT FROM 'after'";
    assert_eq!(number(client, wrong), 0, "{what}");
    let lost = "
        WITH last AS (SELECT DISTINCT ON (id) id, row FROM journal ORDER BY id, at DESC),
        wanted AS (
            SELECT o.id, to_jsonb(o) - 'slug' AS row FROM original o
                WHERE NOT EXISTS (SELECT FROM last l WHERE l.id = o.id)
            UNION ALL SELECT l.id, l.row::jsonb - 'slug' FROM last l WHERE l.row IS NOT NULL
        )
        SELECT count(*) FROM wanted w FULL JOIN users u USING (id)
        WHERE w.row IS DISTINCT FROM to_jsonb(u) - 'slug'";
    assert_eq!(number(client, lost), 0, "{what}");
}

#[test]
fn nothing_is_lost_beside_writers_and_what_they_wrote_comes_back() {
    for seed in 1..=4 {
        let what = format!("seed {seed}");
        let (url, mut client) = database(&format!(
            "{}; CREATE SEQUENCE moments; CREATE TABLE journal (at bigint, id bigint, row text);
             CREATE INDEX ON journal (id)",
            users(ROWS)
        ));
        let writers = Writers::start(&url, seed);
        begin_beside(&url);
        let end = walk(&url, &slug(), 2);
        assert_eq!(
            end,
            End::Job(JobStatus::Done),
            "{what}: {:?}",
            standing(&url).error
        );
        // Through the exchange and beyond.
        let then = writers.done.load(Ordering::SeqCst);
        let went_on = || writers.done.load(Ordering::SeqCst) > then + 20;
        wait_until(Duration::from_secs(60), went_on);
        let did = writers.stop();
        assert!(did > 50, "{what}: {did}");
        nothing_left(&mut client);
        // What was written after the exchange by old code differs again, as it does everywhere.
        let changed =
            "UPDATE users SET slug = lower(email) WHERE slug IS DISTINCT FROM lower(email)";
        client.batch_execute(changed).unwrap();
        judge(&mut client, &what);
    }
}

/// Nobody writes for a moment, while the job is begun: three who always write would keep the lock
/// from it for long.
pub(super) fn begin_beside(url: &str) {
    let mut tries = 0;
    loop {
        match open(url).begin_backfill(&slug(), Strategy::ShadowCopy, true, false) {
            Ok(_) => return,
            Err(error) if tries < 50 => {
                tries += 1;
                assert!(!error.is_lost(), "{error:?}");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn what_an_application_wrote_before_the_exchange_is_what_comes_back() {
    let (url, mut client) = database(&users(3_000));
    begin(&url, &slug());
    // All ranges are copied, and nothing after it was done.
    let mut worker = hands(&url, &slug(), "w");
    phases::fill_ranges(&mut worker);
    let sql = "UPDATE users SET slug = 'by hand' WHERE id = 10;
        UPDATE users SET slug = lower(email) WHERE id = 11;
        UPDATE users SET slug = NULL WHERE id = 17;
        UPDATE users SET email = 'Other', slug = 'before' WHERE id = 12;
        DELETE FROM users WHERE id = 13;
        DELETE FROM users WHERE id = 14; INSERT INTO users VALUES (14, 'Anew', 'n', 'given');
        UPDATE users SET id = 90000 WHERE id = 15;
        UPDATE users SET note = 'note' WHERE id = 16;
        INSERT INTO users VALUES (90001, 'Inserted', 'n', NULL);
        CREATE TABLE wanted AS SELECT * FROM users";
    client.batch_execute(sql).unwrap();
    assert_eq!(go(vec![worker]).unwrap(), End::Job(JobStatus::Done));
    let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
    assert_eq!(number(&mut client, wrong), 0);
    assert_eq!(number(&mut client, "SELECT count(*) FROM users"), 3_000);
    assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone));
    assert_eq!(dump(&mut client, "users"), dump(&mut client, "wanted"));
    assert!(open(&url).backfill_conflicts("it", 10).unwrap().is_empty());
}

#[test]
fn parents_can_be_deleted_while_their_table_is_copied() {
    let (url, mut client) = database(
        "CREATE TABLE parents (id int PRIMARY KEY);
         INSERT INTO parents SELECT generate_series(1, 100);
         CREATE TABLE users (id bigint PRIMARY KEY, parent int NOT NULL REFERENCES parents,
           email text, slug text);
         INSERT INTO users SELECT n, 1 + n % 100, 'User' || n FROM generate_series(1, 2000) n",
    );
    begin(&url, &slug());
    let mut worker = hands(&url, &slug(), "w");
    phases::fill_ranges(&mut worker);
    let sql = "BEGIN; DELETE FROM users WHERE parent = 7; DELETE FROM parents WHERE id = 7; COMMIT";
    client.batch_execute(sql).unwrap();
    assert_eq!(go(vec![worker]).unwrap(), End::Job(JobStatus::Done));
    assert_eq!(number(&mut client, "SELECT count(*) FROM users"), 1_980);
    assert!(
        client
            .batch_execute("DELETE FROM parents WHERE id = 8")
            .is_err()
    );
}
