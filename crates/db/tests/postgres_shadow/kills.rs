//! Two workers that die, are cut off and come back, in every phase, beside writers; and a server that
//! crashes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use postgres::Config;
use switchback_scratch::Server;

use super::beside::{ROWS, Writers, begin_beside, judge, patient};
use super::chance::Chance;
use super::wire::{Cut, Scissors, Wire};
use super::*;

const LEASE: Duration = Duration::from_millis(400);

/// Whatever is done to one worker, and where it was.
#[derive(Debug, Default)]
struct Tally {
    cut: u32,
    at_commits: u32,
    terminated: u32,
    crashed: u32,
    /// How far the copy was at each fault.
    phases: Vec<String>,
}

/// How far a copy can be, and how many lives are cut short there: otherwise all of them would be spent
/// where most requests are.
const PHASES: [(&str, i64); 4] = [
    ("filling", 6),
    ("settling", 4),
    ("indexing", 4),
    ("swapping", 4),
];

impl Tally {
    /// Prints it, phases counted.
    fn say(&self) {
        let mut phases = std::collections::BTreeMap::<&str, u32>::new();
        for phase in &self.phases {
            *phases.entry(phase).or_default() += 1;
        }
        println!(
            "{} cut ({} at commits), {} terminated, {} crashes of the server: {phases:?}",
            self.cut, self.at_commits, self.terminated, self.crashed
        );
    }
}

struct Stage<'a> {
    url: &'a str,
    /// Lives that are still to be cut short, by phase.
    budget: [AtomicI64; 4],
    tally: Mutex<Tally>,
    crashes: bool,
}

fn server() -> Server {
    let options = switchback_scratch::Options::default()
        .set("full_page_writes", "on")
        // What was committed without waiting for the disk is still in memory when it crashes.
        .set("wal_writer_delay", "5s");
    Server::start(&options).unwrap()
}

fn status(url: &str) -> JobStatus {
    let sql = "SELECT status FROM _switchback.backfill";
    loop {
        if let Ok(row) = patient(url).query_one(sql, &[]) {
            return JobStatus::of_word(row.get(0)).unwrap();
        }
    }
}

/// How far the copy is; empty where there is none.
fn phase(url: &str) -> String {
    let sql = "SELECT phase FROM _switchback.backfill_copy";
    loop {
        if let Ok(row) = patient(url).query_opt(sql, &[]) {
            return row.map_or_else(String::new, |row| row.get(0));
        }
    }
}

/// One life of a worker. `each` says whether it goes on.
fn live(
    config: Config,
    who: &str,
    patience: Duration,
    each: &mut dyn FnMut(&Moment) -> Next,
) -> Result<End, BackfillError> {
    let end = Instant::now() + Duration::from_secs(60);
    let short = Options {
        lock_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(600),
        ..options()
    };
    let database = loop {
        match PostgresDatabase::open(config.clone(), short.clone(), 1) {
            Ok(database) => break database,
            Err(error) if patience.is_zero() || Instant::now() > end => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let options = HandsOptions {
        worker: who.to_owned(),
        lease: LEASE,
        stop_on_error: false,
        most_failed: 1000,
        most_undo: None,
    };
    let abort = Arc::new(AtomicBool::new(false));
    let hands = PostgresHands::new(database, slug(), options, abort).ranges_of(400);
    let running = Running {
        pace: Pace {
            rows: 60,
            lease: LEASE,
            most_a_second: None,
        },
        most_rows: 80,
        look_every: Duration::from_millis(50),
        tell_every: Duration::from_millis(5),
        patience,
    };
    run(vec![hands], Calm, full_speed, &running, each)
}

impl Stage<'_> {
    fn over(&self) -> bool {
        let now = status(self.url);
        assert_ne!(now, JobStatus::Failed, "{:?}", standing(self.url).error);
        now == JobStatus::Done
    }

    /// The budget of where the copy is; none where there is no copy.
    fn budget(&self) -> Option<&AtomicI64> {
        let now = phase(self.url);
        let place = PHASES.iter().position(|(name, _)| *name == now)?;
        self.budget.get(place)
    }

    fn slot(&self, mut chance: Chance, name: &str) {
        let mut lives = 0;
        while !self.over() {
            lives += 1;
            let who = format!("{name} {lives}");
            if self
                .budget()
                .is_none_or(|it| it.fetch_sub(1, Ordering::SeqCst) <= 0)
            {
                let mut config: Config = self.url.parse().unwrap();
                config.application_name(&who);
                // In peace until it comes to where somebody is to be cut off again.
                let mut go_on = |_: &Moment| {
                    let next = self
                        .budget()
                        .is_some_and(|it| it.load(Ordering::SeqCst) > 0);
                    if next { Next::Stop } else { Next::Continue }
                };
                // Another one's crash may have ended it.
                let _ = live(config, &who, Duration::from_secs(30), &mut go_on);
                continue;
            }
            match chance.below(if self.crashes { 12 } else { 11 }) {
                0..=8 => self.cut(&mut chance, &who),
                9 | 10 => self.terminate(&mut chance, &who),
                _ => self.crash(&mut chance),
            }
        }
    }

    /// Its wire is cut at some requests; it comes back, or is gone.
    fn cut(&self, chance: &mut Chance, who: &str) {
        let wire = Wire::to(self.url);
        let filling = phase(self.url) == "filling";
        let commits = chance.once_in(3);
        let again = chance.once_in(2);
        let mut place = 0;
        let cuts: Vec<(u32, Cut)> = (0..if again { 1 + chance.below(3) } else { 1 })
            .map(|_| {
                let most = match (commits, filling) {
                    (true, true) => 8,
                    (true, false) => 3,
                    (false, true) => 160,
                    (false, false) => 30,
                };
                place += 1 + u32::try_from(chance.below(most)).unwrap();
                (
                    place,
                    [Cut::Before, Cut::Midway, Cut::After][chance.below(3)],
                )
            })
            .collect();
        let (mut config, engine) = wire.engine(Scissors {
            counts: if commits {
                |statement| statement == "COMMIT"
            } else {
                |_| true
            },
            cuts: cuts.clone(),
            again,
        });
        config.application_name(who);
        let end = Instant::now() + Duration::from_secs(4);
        let mut each = |_: &Moment| {
            let gone = !again && engine.was_cut() || engine.cut_at().len() == cuts.len();
            if gone || Instant::now() > end {
                Next::Stop
            } else {
                Next::Continue
            }
        };
        let patience = if again {
            Duration::from_secs(30)
        } else {
            Duration::ZERO
        };
        if let Err(error) = live(config, who, patience, &mut each) {
            assert!(error.is_lost(), "{error:?}");
        }
        let now = phase(self.url);
        let mut tally = self.tally.lock().unwrap();
        for statement in engine.cut_at() {
            tally.cut += 1;
            tally.at_commits += u32::from(statement == "COMMIT");
            tally.phases.push(now.clone());
        }
    }

    /// The server ends its session.
    fn terminate(&self, chance: &mut Chance, who: &str) {
        let after = Duration::from_millis(chance.below(400) as u64);
        let mut config: Config = self.url.parse().unwrap();
        config.application_name(who);
        let begun = Instant::now();
        let mut did = false;
        let mut each = |_: &Moment| {
            if begun.elapsed() < after {
                return Next::Continue;
            }
            if !did {
                did = true;
                let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE application_name = $1";
                let now = phase(self.url);
                let ended = patient(self.url).query_one(sql, &[&who]);
                if ended.is_ok_and(|row| row.get::<_, i64>(0) > 0) {
                    let mut tally = self.tally.lock().unwrap();
                    tally.terminated += 1;
                    tally.phases.push(now);
                }
            }
            if begun.elapsed() < after + Duration::from_millis(100) {
                Next::Continue
            } else {
                Next::Stop
            }
        };
        if let Err(error) = live(config, who, Duration::from_secs(30), &mut each) {
            assert!(error.is_lost(), "{error:?}");
        }
    }

    fn crash(&self, chance: &mut Chance) {
        std::thread::sleep(Duration::from_millis(chance.below(300) as u64));
        let now = phase(self.url);
        let mut victim = patient(self.url);
        let Ok(row) = victim.query_one("SELECT pg_backend_pid()", &[]) else {
            return;
        };
        let pid: i32 = row.get(0);
        let killed = std::process::Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
        assert!(killed.unwrap().success());
        wait_until(Duration::from_secs(60), || {
            victim.batch_execute("SELECT 1").is_err()
        });
        let mut tally = self.tally.lock().unwrap();
        tally.crashed += 1;
        tally.phases.push(now);
    }
}

/// A fill through faults. Without crashes of the server it is known what was there before the
/// exchange, and everything is put back to that.
fn story(server: &Server, seed: u64, crashes: bool) -> Tally {
    let name = format!("story_{seed}_{crashes}");
    let url = server.create_database(&name, None).unwrap();
    let mut client = patient(&url);
    client
        .batch_execute(&format!(
            "{}; CREATE SEQUENCE moments; CREATE TABLE journal (at bigint, id bigint, row text);
             CREATE INDEX ON journal (id); CREATE TABLE parents (id int PRIMARY KEY);
             INSERT INTO parents VALUES (1);
             ALTER TABLE users ADD parent int DEFAULT 1 REFERENCES parents;
             ALTER TABLE original ADD parent int DEFAULT 1",
            users(ROWS)
        ))
        .unwrap();
    let before = meaning(&url);
    let writers = Writers::start(&url, seed);
    begin_beside(&url);
    let mut reader = patient(&url);
    if !crashes {
        reader
            .batch_execute("BEGIN; LOCK TABLE users IN ACCESS SHARE MODE")
            .unwrap();
    }
    let stage = Stage {
        url: &url,
        budget: PHASES.map(|(_, lives)| AtomicI64::new(lives)),
        tally: Mutex::new(Tally::default()),
        crashes,
    };
    std::thread::scope(|scope| {
        for n in 0..2 {
            let stage = &stage;
            scope.spawn(move || stage.slot(Chance::new(seed * 100 + n), &format!("w{n}")));
        }
        if crashes {
            return;
        }
        // Nobody writes any more, and then the copy takes the table's place.
        let used = || phase(&url) == "swapping" && stage.budget[3].load(Ordering::SeqCst) <= 0;
        wait_until(Duration::from_secs(120), used);
        assert!(writers.done.load(Ordering::SeqCst) > 50);
        writers.end();
        client
            .batch_execute("CREATE TABLE wanted AS SELECT * FROM users; ANALYZE wanted")
            .unwrap();
        reader.batch_execute("COMMIT").unwrap();
    });
    let what = format!("seed {seed}");
    writers.stop();
    let mut client = patient(&url);
    nothing_left(&mut client);
    let late = "UPDATE users SET slug = lower(email) WHERE slug IS DISTINCT FROM lower(email)";
    let late = client.execute(late, &[]).unwrap();
    assert!(crashes || late == 0, "{what}: {late}");
    judge(&mut client, &what);
    let tables = |lines: Vec<String>| -> Vec<String> {
        lines
            .into_iter()
            .filter(|it| !it.contains("wanted"))
            .collect()
    };
    assert_eq!(tables(meaning(&url)), before, "{what}");
    if !crashes {
        assert_eq!(undo(&url, &slug()), End::Job(JobStatus::Undone), "{what}");
        assert_eq!(
            dump(&mut client, "users"),
            dump(&mut client, "wanted"),
            "{what}"
        );
        let left = open(&url).backfill_conflicts("it", 10).unwrap();
        assert!(left.is_empty(), "{what}: {left:?}");
    }
    drop(client);
    drop(reader);
    server.drop_database(&name).unwrap();
    stage.tally.into_inner().unwrap()
}

fn stories(seeds: std::ops::Range<u64>, crashes: bool) -> Tally {
    let server = server();
    let mut all = Tally::default();
    for seed in seeds {
        let tally = story(&server, seed, crashes);
        all.cut += tally.cut;
        all.at_commits += tally.at_commits;
        all.terminated += tally.terminated;
        all.crashed += tally.crashed;
        all.phases.extend(tally.phases);
    }
    all
}

#[test]
fn through_some_faults() {
    let tally = stories(1..2, false);
    assert!(tally.cut + tally.terminated >= 8, "{tally:?}");
}

#[test]
fn through_a_crash_of_the_server() {
    let tally = stories(1..2, true);
    assert!(
        tally.cut + tally.terminated + tally.crashed >= 8,
        "{tally:?}"
    );
}

#[test]
#[ignore = "takes minutes; the tests above try some places"]
fn through_two_hundred_faults() {
    let tally = stories(10..24, false);
    tally.say();
    assert!(tally.cut + tally.terminated >= 150);
    for (phase, _) in PHASES {
        assert!(tally.phases.iter().any(|it| it == phase), "{phase}");
    }
    let crashed = stories(24..32, true);
    crashed.say();
    assert!(crashed.crashed >= 5);
    assert!(tally.cut + tally.terminated + crashed.cut + crashed.terminated >= 200);
}
