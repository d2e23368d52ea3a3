//! A fill and its undoing by two workers, through many faults, while an application writes.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use switchback_db::backfill::Moment;
use switchback_db::fill::Next;
use switchback_migration::backfill::{JobStatus, Strategy};
use switchback_scratch::Server;

use super::application::Application;
use super::chance::Chance;
use super::child::Worker;
use super::life::{Heard, LEASE, Work, is_of_program, live, live_well};
use super::oracle;
use super::wire::{Cut, Scissors, Wire};
use super::world::{
    QUERIED, Said, ask, begin, begin_job, connect, crash, named, number, open, schema, server,
    signal, slug_by_program, status,
};

const ROWS: u32 = 3_000;

const STRATEGIES: [Strategy; 3] = [
    Strategy::Strided { passes: 4 },
    Strategy::Plain,
    Strategy::KeyRange,
];

/// What was done to workers, and what came of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Cuts of the wire.
    cut_before: u32,
    cut_midway: u32,
    cut_after: u32,
    cut_at_commit: u32,
    /// Processes that died by SIGKILL.
    killed: u32,
    /// Processes that stood still for longer than their lease.
    stalled: u32,
    /// Sessions that the server ended.
    terminated: u32,
    /// Crashes of the server.
    crashed: u32,
    /// Batches that workers heard were committed, and that a crash of the server took.
    lost_whole: u64,
    /// Ranges that were taken over from somebody who was gone or too late.
    taken_over: u64,
    /// Batches that were refused because the range was somebody else's.
    refused: u64,
    /// Batches that gave way.
    in_the_way: u64,
    /// Batches that were committed.
    batches: u64,
    /// Walks.
    walks: u64,
    /// Rows that were written, or put back.
    rows: u64,
    /// Rows that an undo left alone.
    conflicts: u64,
    /// Transactions of the application.
    commits: u64,
}

impl Tally {
    /// How often something was done to a worker.
    pub(crate) fn faults(&self) -> u32 {
        self.cut_before
            + self.cut_midway
            + self.cut_after
            + self.killed
            + self.stalled
            + self.terminated
            + self.crashed
    }

    fn add(&mut self, other: &Self) {
        self.cut_before += other.cut_before;
        self.cut_midway += other.cut_midway;
        self.cut_after += other.cut_after;
        self.cut_at_commit += other.cut_at_commit;
        self.killed += other.killed;
        self.stalled += other.stalled;
        self.terminated += other.terminated;
        self.crashed += other.crashed;
        self.lost_whole += other.lost_whole;
        self.taken_over += other.taken_over;
        self.refused += other.refused;
        self.in_the_way += other.in_the_way;
        self.batches += other.batches;
        self.walks += other.walks;
        self.rows += other.rows;
        self.conflicts += other.conflicts;
        self.commits += other.commits;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kill points: wires cut {} before, {} while and {} after the server did it ({} of them \
             at a COMMIT), {} processes killed, {} stalled beyond their lease, {} sessions terminated, \
             {} crashes of the server; {} ranges taken over, {} batches lost whole, {} late batches \
             refused, {} gave way; {} batches in {} walks wrote {} rows, {} conflicts, beside {} \
             transactions of the application",
            self.faults(),
            self.cut_before,
            self.cut_midway,
            self.cut_after,
            self.cut_at_commit,
            self.killed,
            self.stalled,
            self.terminated,
            self.crashed,
            self.taken_over,
            self.lost_whole,
            self.refused,
            self.in_the_way,
            self.batches,
            self.walks,
            self.rows,
            self.conflicts,
            self.commits,
        )
    }
}

/// What is done to a worker.
#[derive(Debug)]
enum Fault {
    /// Its wire is cut at requests, from 1, or at commits only; it connects again, or is gone.
    Cut {
        at: Vec<(u32, Cut)>,
        commits: bool,
        again: bool,
    },
    /// Its process dies after so long.
    Kill { after: Duration },
    /// Its process stands still after so long, for longer than its lease.
    Stall { after: Duration },
    /// The server ends its session after so long.
    Terminate { after: Duration },
    /// The server crashes after so long.
    Crash { after: Duration },
}

fn choose(chance: &mut Chance) -> Fault {
    let after = Duration::from_micros(chance.below(120_000) as u64);
    match chance.below(16) {
        0..=7 => {
            let mut place = 0;
            let again = chance.once_in(2);
            let cuts = if again { 1 + chance.below(3) } else { 1 };
            let commits = chance.once_in(3);
            let at = (0..cuts).map(|_| {
                // Claiming, and the first batches.
                let most = if commits { 6 } else { 45 };
                place += 1 + u32::try_from(chance.below(most)).unwrap();
                (
                    place,
                    [Cut::Before, Cut::Midway, Cut::After][chance.below(3)],
                )
            });
            Fault::Cut {
                at: at.collect(),
                commits,
                again,
            }
        }
        8..=10 => Fault::Kill { after },
        11 => Fault::Stall { after },
        12..=14 => Fault::Terminate { after },
        _ => Fault::Crash { after },
    }
}

/// A story, as its workers see it.
struct Stage<'a> {
    url: &'a str,
    undo: bool,
    /// Whether a program says what rows get.
    program: bool,
    /// Faults that are still to come.
    budget: AtomicI64,
    lives: AtomicU32,
    tally: Mutex<Tally>,
    /// What each worker of this process heard, by its name.
    heard: Mutex<Vec<(String, Arc<Heard>)>>,
    seed: u64,
}

impl Stage<'_> {
    fn over(&self) -> bool {
        let over = if self.undo {
            JobStatus::Undone
        } else {
            JobStatus::Done
        };
        let now = status(self.url);
        assert_ne!(now, JobStatus::Failed, "seed {}", self.seed);
        now == over
    }

    fn note(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap());
    }

    fn work(&self, chance: &mut Chance, patience: Duration) -> Work {
        let what = if self.undo { "undo" } else { "fill" };
        Work {
            url: self.url.to_owned(),
            who: format!("{what} {}", self.lives.fetch_add(1, Ordering::SeqCst)),
            undo: self.undo,
            again: false,
            program: self.program,
            rows: u32::try_from(10 + chance.below(60)).unwrap(),
            patience: u64::try_from(patience.as_millis()).unwrap(),
        }
    }

    fn hear(&self, work: &Work) -> Arc<Heard> {
        let heard = Arc::new(Heard::default());
        let mut all = self.heard.lock().unwrap();
        all.push((work.who.clone(), Arc::clone(&heard)));
        heard
    }

    /// One worker after the other, until the job is over.
    fn slot(&self, mut chance: Chance) {
        while !self.over() {
            if self.budget.fetch_sub(1, Ordering::SeqCst) > 0 {
                self.suffer(choose(&mut chance), &mut chance);
            } else {
                let work = self.work(&mut chance, Duration::from_secs(30));
                live_well(&work, &self.hear(&work));
            }
        }
    }

    /// Whether a worker has a range on lease, be it that the lease has run out.
    fn holds(&self, who: &str) -> bool {
        let sql = "SELECT EXISTS (SELECT FROM _switchback.backfill_range
                     WHERE worker = $1 AND status = 'leased')";
        ask(self.url, |client| {
            client.query_one(sql, &[&who])?.try_get(0)
        })
    }

    /// Waits for something that may never come, as where no work is left.
    fn wait_for(&self, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + LEASE * 4;
        while Instant::now() < end && !holds() {
            sleep(Duration::from_millis(2));
        }
    }

    fn suffer(&self, fault: Fault, chance: &mut Chance) {
        let patience = Duration::from_secs(30);
        match fault {
            Fault::Cut { at, commits, again } => {
                let work = self.work(chance, if again { patience } else { Duration::ZERO });
                self.cut(&work, at, commits, again);
            }
            Fault::Kill { after } => {
                let worker = Worker::start(&self.work(chance, patience));
                sleep(after);
                let killed = worker.kill();
                self.note(|it| it.killed += u32::from(killed));
            }
            Fault::Stall { after } => {
                let work = self.work(chance, patience);
                let worker = Worker::start(&work);
                // One that has nothing yet has nothing to lose.
                self.wait_for(|| self.holds(&work.who));
                sleep(after / 4);
                signal(worker.pid(), "STOP");
                // Its lease runs out meanwhile, and perhaps its transaction is ended.
                sleep(LEASE * 2);
                self.wait_for(|| !self.holds(&work.who));
                signal(worker.pid(), "CONT");
                self.note(|it| it.stalled += 1);
                let [_, _, refused, in_the_way] = worker.wait();
                self.note(|it| {
                    it.refused += refused;
                    it.in_the_way += in_the_way;
                });
            }
            Fault::Terminate { after } => {
                let work = self.work(chance, patience);
                self.beside(&work, || {
                    sleep(after);
                    let sql = "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) \
                               FROM pg_stat_activity WHERE application_name = $1";
                    let ended: i64 = ask(self.url, |client| {
                        client.query_one(sql, &[&work.who])?.try_get(0)
                    });
                    self.note(|it| it.terminated += u32::from(ended > 0));
                });
            }
            Fault::Crash { after } => {
                let work = self.work(chance, patience);
                self.beside(&work, || {
                    sleep(after);
                    crash(self.url);
                    self.note(|it| it.crashed += 1);
                });
            }
        }
    }

    /// A worker whose wire is cut.
    fn cut(&self, work: &Work, at: Vec<(u32, Cut)>, commits: bool, again: bool) {
        let wire = Wire::to(self.url);
        let (mut config, engine) = wire.engine(Scissors {
            counts: if commits {
                |statement| statement == "COMMIT"
            } else {
                |_| true
            },
            cuts: at.clone(),
            again,
        });
        config.application_name(&work.who);
        let end = Instant::now() + Duration::from_secs(3);
        let mut since = None;
        let mut each = |_: &Moment| {
            let done = engine.cut_at().len() == at.len();
            let gone = !again && engine.was_cut();
            let since = since.get_or_insert_with(Instant::now);
            if !done {
                *since = Instant::now();
            }
            // Whoever comes back shows that it can go on.
            let stop = gone || Instant::now() > end || since.elapsed() > Duration::from_millis(30);
            if stop { Next::Stop } else { Next::Continue }
        };
        let ended = live(work, config, &self.hear(work), &mut each);
        if let Err(error) = ended {
            // By its own cut, or by a crash of the server.
            assert!(
                error.is_lost() || is_of_program(&error),
                "seed {}: {error:?}",
                self.seed
            );
        }
        for ((_, how), statement) in at.iter().zip(engine.cut_at()) {
            self.note(|it| {
                it.cut_at_commit += u32::from(statement == "COMMIT");
                match how {
                    Cut::Before => it.cut_before += 1,
                    Cut::Midway => it.cut_midway += 1,
                    Cut::After => it.cut_after += 1,
                }
            });
        }
        assert!(commits || engine.seen() > 0);
    }

    /// A worker to which something is done from outside; then it goes on for a moment.
    fn beside(&self, work: &Work, fault: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            let fault = scope.spawn(fault);
            let mut since = None;
            let mut each = |_: &Moment| {
                if !fault.is_finished() {
                    return Next::Continue;
                }
                let since: &mut Instant = since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(60) {
                    Next::Stop
                } else {
                    Next::Continue
                }
            };
            let config = named(self.url, &work.who);
            if let Err(error) = live(work, config, &self.hear(work), &mut each) {
                // It was told to stop while the server was not there.
                assert!(
                    error.is_lost() || is_of_program(&error),
                    "seed {}: {error:?}",
                    self.seed
                );
            }
        });
    }
}

/// Lets two workers work until the job is over.
fn phase(
    url: &str,
    (undo, program): (bool, bool),
    faults: i64,
    seed: u64,
    beside: impl Fn(&Stage<'_>),
) -> Tally {
    let stage = Stage {
        url,
        undo,
        program,
        budget: AtomicI64::new(faults),
        lives: AtomicU32::new(0),
        tally: Mutex::new(Tally::default()),
        heard: Mutex::new(Vec::new()),
        seed,
    };
    std::thread::scope(|scope| {
        let slots = [1, 2].map(|n| {
            let chance = Chance::new(seed.wrapping_mul(77) + n + u64::from(undo) * 10);
            let stage = &stage;
            scope.spawn(move || stage.slot(chance))
        });
        beside(&stage);
        for slot in slots {
            slot.join().unwrap();
        }
    });
    let mut tally = stage.tally.into_inner().unwrap();
    for (who, heard) in stage.heard.into_inner().unwrap() {
        let [done, _, refused, in_the_way] = heard.numbers();
        tally.refused += refused;
        tally.in_the_way += in_the_way;
        if !undo {
            let known = ask(url, |client| {
                let sql = "SELECT count(*) FROM batches WHERE who = $1";
                client.query_one(sql, &[&who])?.try_get::<_, i64>(0)
            });
            tally.lost_whole += done.saturating_sub(known.unsigned_abs());
        }
    }
    tally
}

/// A fill and its undoing. Returns what was done in each.
fn story(server: &Server, seed: u64, strategy: Strategy, said: Said) -> (Tally, Tally) {
    let name = format!("story_{seed}_{}", number_of(strategy));
    let url = server.create_database(&name, None).unwrap();
    let composite = seed % 3 == 2;
    connect(&url, "control")
        .batch_execute(&schema(ROWS, composite))
        .unwrap();
    match said {
        Said::Expression => begin(&url, strategy),
        Said::Query => {
            connect(&url, "control").batch_execute(QUERIED).unwrap();
            begin(&url, strategy);
        }
        Said::Program => begin_job(&url, &slug_by_program(), strategy),
    }
    let program = said == Said::Program;
    let what = format!("seed {seed}, {strategy:?}, {said:?}");
    let application = Application::start(&url, seed, ROWS, 0, true);
    let began = Instant::now();
    let mut fill = phase(&url, (false, program), 14, seed, |stage| {
        let half = || stage.budget.load(Ordering::SeqCst) < 7;
        while !half() && began.elapsed() < Duration::from_millis(400) {
            sleep(Duration::from_millis(5));
        }
        application.renew();
    });
    fill.commits = application.stop();
    oracle::after_fill(&url, &what);
    fill.batches = number(&url, "SELECT count(*) FROM batches").unsigned_abs();
    fill.taken_over = number(
        &url,
        "SELECT coalesce(sum(attempts - 1), 0)::bigint FROM _switchback.backfill_range",
    )
    .unsigned_abs();
    fill.walks = number(&url, "SELECT sweep::bigint FROM _switchback.backfill").unsigned_abs();
    fill.rows = number(&url, "SELECT count(*) FROM audit WHERE who LIKE 'fill %'").unsigned_abs();

    open(&url).tell_backfill("it", JobStatus::Undoing).unwrap();
    let application = Application::start(&url, seed + 1, ROWS, 1, false);
    let mut undo = phase(&url, (true, program), 8, seed, |_| {});
    undo.commits = application.stop();
    oracle::after_undo(&url, &what);
    undo.batches = number(&url, "SELECT count(*) FROM undone WHERE op = 'DELETE'").unsigned_abs();
    undo.rows = number(&url, "SELECT count(*) FROM audit WHERE who LIKE 'undo %'").unsigned_abs();
    undo.conflicts =
        number(&url, "SELECT count(*) FROM _switchback.backfill_conflict").unsigned_abs();
    server.drop_database(&name).unwrap();
    (fill, undo)
}

fn number_of(strategy: Strategy) -> usize {
    STRATEGIES.iter().position(|it| *it == strategy).unwrap()
}

/// What `SWITCHBACK_TEST_SEED` says; 1 if nothing.
fn seed() -> u64 {
    let text = std::env::var("SWITCHBACK_TEST_SEED").ok();
    text.and_then(|it| it.parse().ok()).unwrap_or(1)
}

/// Stories until so many were killed while filling.
fn stories(strategy: Strategy, kills: u32, said: Said) -> (Tally, Tally) {
    let server = server();
    let (mut fills, mut undos) = (Tally::default(), Tally::default());
    let mut next = seed() * 1_000;
    while fills.faults() < kills {
        let began = Instant::now();
        let (fill, undo) = story(&server, next, strategy, said);
        println!(
            "seed {next}, {strategy:?}: {} and {} kill points in {:.1} s",
            fill.faults(),
            undo.faults(),
            began.elapsed().as_secs_f64()
        );
        fills.add(&fill);
        undos.add(&undo);
        next += 1;
    }
    println!("{strategy:?}, filling: {fills}");
    println!("{strategy:?}, undoing: {undos}");
    (fills, undos)
}

#[test]
fn strided_through_some_faults() {
    stories(STRATEGIES[0], 12, Said::Expression);
}

#[test]
fn plain_through_some_faults() {
    stories(STRATEGIES[1], 12, Said::Expression);
}

#[test]
fn key_ranges_through_some_faults() {
    stories(STRATEGIES[2], 12, Said::Expression);
}

#[test]
fn a_program_through_some_faults() {
    stories(STRATEGIES[0], 12, Said::Program);
    stories(STRATEGIES[2], 12, Said::Program);
}

#[test]
fn queries_through_some_faults() {
    for strategy in STRATEGIES {
        stories(strategy, 12, Said::Query);
    }
}

#[test]
#[ignore = "takes minutes; the test above tries some places"]
fn two_hundred_kill_points_of_a_program() {
    let (fills, _) = stories(STRATEGIES[0], 100, Said::Program);
    assert!(fills.taken_over > 0 && fills.killed > 0, "{fills}");
    stories(STRATEGIES[2], 100, Said::Program);
}

#[test]
#[ignore = "takes minutes; the test above tries some places"]
fn two_hundred_kill_points_of_queries() {
    for strategy in STRATEGIES {
        let (fills, undos) = stories(strategy, 200, Said::Query);
        assert!(undos.faults() >= 60, "{undos}");
        assert!(fills.taken_over > 0, "{fills}");
    }
}

#[test]
#[ignore = "takes minutes; the tests above try some places"]
fn two_hundred_kill_points_of_each_strategy() {
    for strategy in STRATEGIES {
        let (fills, undos) = stories(strategy, 200, Said::Expression);
        assert!(undos.faults() >= 60, "{undos}");
        let each = [
            fills.cut_before,
            fills.cut_midway,
            fills.cut_after,
            fills.killed,
            fills.stalled,
            fills.terminated,
            fills.crashed,
        ];
        assert!(each.iter().all(|it| *it > 0), "{fills}");
        assert!(fills.taken_over > 0 && fills.refused > 0, "{fills}");
    }
}
