//! Some rows are done again by two workers that die by SIGKILL, are cut off and lose their server,
//! while an application writes and moves rows; then everything is undone so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switchback_migration::backfill::Strategy;

use super::bench::{ALL, users};
use super::chance::Chance;
use super::child::Worker;
use super::life::{LEASE, Work};
use super::world::{ask, connect, crash, job, number, open, server, status};
use switchback_migration::backfill::{Job, JobStatus};

const ROWS: u32 = 1_500;

/// What all rows got.
pub(crate) fn lowered() -> Job {
    job("table = \"users\"\n[set]\nslug = \"lower(email)\"")
}

/// What some of them should have had.
pub(crate) fn raised() -> Job {
    job("table = \"users\"\n[set]\nslug = \"upper(email)\"")
}

fn none(url: &str, what: &str, sql: &str) {
    assert_eq!(
        number(url, &format!("SELECT count(*) FROM ({sql}) AS it")),
        0,
        "{what}: {sql}"
    );
}

/// Every change of a slug, and by whom. Those that are meant are known before.
const AUDIT: &str = "
    CREATE TABLE audit (seq bigint GENERATED ALWAYS AS IDENTITY, id bigint, who text, was text, now text);
    CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO audit (id, who, was, now)
        VALUES (OLD.id, current_setting('application_name'), OLD.slug, NEW.slug);
      RETURN NULL; END $$;
    CREATE TRIGGER audit AFTER UPDATE ON users FOR EACH ROW WHEN (OLD.slug IS DISTINCT FROM NEW.slug)
      EXECUTE FUNCTION audit();";

/// Works until the job stands so, one worker after the other in two places, most of which die.
fn work(url: &str, what: &str, over: JobStatus, chance: &mut Chance, faults: u32) -> u32 {
    let end = Instant::now() + Duration::from_secs(120);
    let (mut killed, mut left, mut life) = (0, faults, 0);
    while status(url) != over {
        assert!(Instant::now() < end, "{what}: it does not end");
        let mut start = |rows: usize| {
            life += 1;
            Worker::start(&Work {
                url: url.to_owned(),
                who: format!("{what} {life}"),
                undo: what == "undo",
                again: what == "again",
                program: false,
                rows: u32::try_from(10 + rows).unwrap(),
                patience: 30_000,
            })
        };
        let pair = [start(chance.below(40)), start(chance.below(40))];
        if left == 0 {
            for worker in pair {
                worker.wait();
            }
            continue;
        }
        left -= 1;
        std::thread::sleep(Duration::from_micros(chance.below(120_000) as u64));
        if chance.once_in(6) {
            crash(url);
        } else if chance.once_in(4) {
            ask(url, |client| {
                let sql = format!(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE application_name LIKE '{what} %'"
                );
                client.query_one(&sql, &[])?.try_get::<_, i64>(0)
            });
        }
        let stays = chance.once_in(3);
        let [one, two] = pair;
        killed += u32::from(one.kill());
        if stays {
            two.wait();
        } else {
            killed += u32::from(two.kill());
        }
        std::thread::sleep(LEASE);
    }
    killed
}

fn story(url: &str, strategy: Strategy, seed: u64) -> u32 {
    let what = &format!("{strategy:?}, seed {seed}");
    let mut chance = Chance::new(seed);
    connect(url, "control").batch_execute(&users(ROWS)).unwrap();
    connect(url, "control")
        .batch_execute("CREATE TABLE original AS SELECT id, slug FROM users")
        .unwrap();
    open(url)
        .begin_backfill(&lowered(), strategy, true, false)
        .unwrap();
    let hands = super::life::hands(open(url), lowered(), "fill 0");
    super::bench::go(vec![hands]).unwrap();
    let keys = "SELECT array_agg(one.k ORDER BY one.k) FROM _switchback.backfill_undo AS kept,
        LATERAL unnest(ARRAY(SELECT base + 32768 + c FROM unnest(close) AS c)) AS one (k)
        WHERE kept.sweep = 1 AND kept.range = 2";
    let mut meant: Vec<i64> = ask(url, |client| client.query_one(keys, &[])?.try_get(0));
    meant.extend(1_200..=1_300);
    connect(url, "control").batch_execute(AUDIT).unwrap();
    ask(url, |client| {
        client.batch_execute("CREATE TABLE meant (id bigint)")?;
        client.execute(
            "INSERT INTO meant SELECT DISTINCT unnest($1::bigint[])",
            &[&meant],
        )
    });
    // It moves rows, and writes what rows should have itself.
    let stop = Arc::new(AtomicBool::new(false));
    let application = {
        let (url, stop, mut chance) = (url.to_owned(), Arc::clone(&stop), Chance::new(seed + 1));
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let mut client = connect(&url, "app");
                while !stop.load(Ordering::SeqCst) && !client.is_closed() {
                    let id = 1 + chance.below(ROWS as usize);
                    let _ = client.batch_execute(&match chance.below(3) {
                        0 if id % 10 == 0 => format!(
                            "UPDATE users SET email = 'New' || email,
                               slug = CASE WHEN EXISTS (SELECT FROM meant WHERE id = {id})
                                 THEN upper('New' || email) ELSE lower('New' || email) END
                             WHERE id = {id} AND length(email) < 60"
                        ),
                        _ => format!(
                            "UPDATE users SET note = repeat('y', {}) WHERE id = {id}",
                            id % 300
                        ),
                    });
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        })
    };
    let parts = ["1/2", "1200..1300"].map(|it| it.parse().unwrap());
    let begun = open(url).rerun_backfill(&raised(), &parts, false).unwrap();
    assert!(!begun.resumed);
    let mut killed = work(url, "again", JobStatus::Done, &mut chance, 5);
    none(
        url,
        what,
        "SELECT FROM users WHERE slug IS DISTINCT FROM CASE WHEN id IN (SELECT id FROM meant)
           THEN upper(email) ELSE lower(email) END",
    );
    none(
        url,
        what,
        "SELECT FROM audit WHERE who LIKE 'again %' AND id NOT IN (SELECT id FROM meant)",
    );
    // No row twice, but for those that the application wrote in between.
    none(
        url,
        what,
        "SELECT id FROM audit WHERE who LIKE 'again %' AND id % 10 <> 0 GROUP BY id
         HAVING count(*) > 1",
    );
    none(
        url,
        what,
        "SELECT FROM (SELECT (SELECT count(*) FROM audit WHERE who LIKE 'again %') AS written,
             (SELECT sum(rows) FROM _switchback.backfill_undo WHERE sweep > 1) AS kept,
             (SELECT sum(changed) FROM _switchback.backfill_range WHERE scope IS NOT NULL) AS counted
         ) AS it WHERE written <> kept OR written <> counted",
    );
    let found = open(url).verify_backfill(&raised(), 0, 1).unwrap();
    assert!(found.differ <= 1, "{what}: {found:?}");
    open(url).tell_backfill("it", JobStatus::Undoing).unwrap();
    killed += work(url, "undo", JobStatus::Undone, &mut chance, 3);
    stop.store(true, Ordering::SeqCst);
    application.join().unwrap();
    none(
        url,
        what,
        "SELECT FROM users u JOIN original o USING (id) WHERE u.slug IS DISTINCT FROM o.slug
           AND NOT EXISTS (SELECT FROM audit a WHERE a.id = u.id AND a.who = 'app')",
    );
    none(
        url,
        what,
        "SELECT FROM _switchback.backfill_conflict WHERE key::bigint % 10 <> 0",
    );
    killed
}

#[test]
fn rows_are_done_again_through_kills_and_crashes() {
    let server = server();
    let mut killed = 0;
    for (n, strategy) in ALL.into_iter().enumerate() {
        let url = server.create_database(&format!("again_{n}"), None).unwrap();
        killed += story(&url, strategy, 40 + n as u64);
    }
    println!("{killed} workers were killed while rows were done again or put back");
    assert!(killed >= 9, "{killed}");
}
