//! A quiet database for one kind of trouble at a time.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use postgres::Client;
use switchback_db::backfill::{Hands, Moment, Running, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{BackfillError, PostgresHands, PostgresUndo};
use switchback_db::postgres::change::Options;
use switchback_migration::backfill::machine::{End, Pace};
use switchback_migration::backfill::throttle::{Allowance, Readings};
use switchback_migration::backfill::{Job, JobStatus, Strategy};

use super::life::{Calm, hand_options};
use super::world::{connect, job, named, options};

pub(crate) const ALL: [Strategy; 3] = [
    Strategy::Strided { passes: 4 },
    Strategy::Plain,
    Strategy::KeyRange,
];

/// Tries all of them at once: most of the time somebody waits.
pub(crate) fn each_strategy(test: impl Fn(Strategy) + Sync) {
    std::thread::scope(|scope| {
        for strategy in ALL {
            let test = &test;
            scope.spawn(move || test(strategy));
        }
    });
}

pub(crate) const DONE: End = End::Job(JobStatus::Done);

/// A database with so many users without a slug, in which the job has begun.
pub(crate) struct Bench {
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) job: Job,
}

impl Bench {
    pub(crate) fn new(strategy: Strategy, rows: u32) -> Self {
        Self::of(strategy, &users(rows))
    }

    pub(crate) fn of(strategy: Strategy, sql: &str) -> Self {
        Self::with(strategy, sql, lowered())
    }

    pub(crate) fn with(strategy: Strategy, sql: &str, job: Job) -> Self {
        let server = switchback_testkit::postgres::server().unwrap();
        Self::begin(&server.database().unwrap(), strategy, sql, job)
    }

    /// In a database of another server.
    pub(crate) fn at(url: &str, strategy: Strategy, sql: &str) -> Self {
        Self::begin(url, strategy, sql, lowered())
    }

    fn begin(url: &str, strategy: Strategy, sql: &str, job: Job) -> Self {
        let mut client = connect(url, "application");
        client.batch_execute(sql).unwrap();
        let url = url.to_owned();
        let bench = Self { url, client, job };
        let mut database = bench.database(&options());
        database
            .begin_backfill(&bench.job, strategy, true, false)
            .unwrap();
        bench
    }

    pub(crate) fn database(&self, options: &Options) -> PostgresDatabase {
        PostgresDatabase::open(named(&self.url, "switchback"), options.clone(), 1).unwrap()
    }

    /// A worker with a lease of its own length.
    pub(crate) fn hands(&self, who: &str, lease: Duration) -> PostgresHands {
        self.hands_with(who, lease, &options())
    }

    pub(crate) fn hands_with(
        &self,
        who: &str,
        lease: Duration,
        options: &Options,
    ) -> PostgresHands {
        let own = switchback_db::postgres::backfill::HandsOptions {
            lease,
            ..hand_options(who)
        };
        let abort = Arc::new(AtomicBool::new(false));
        PostgresHands::new(self.database(options), self.job.clone(), own, abort).ranges_of(300)
    }

    pub(crate) fn undo(&self) -> PostgresUndo {
        let abort = Arc::new(AtomicBool::new(false));
        PostgresUndo::new(self.database(&options()), self.job.clone(), abort)
    }

    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).unwrap().get(0)
    }

    pub(crate) fn run(&mut self, sql: &str) {
        self.client.batch_execute(sql).unwrap();
    }

    /// How the server joins tables is its own business; from now on, for whoever connects, by
    /// loops.
    pub(crate) fn join_by_loops(&mut self) {
        self.run(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_hashjoin = off',
               current_database());
             EXECUTE format('ALTER DATABASE %I SET enable_mergejoin = off', current_database());
             END $$",
        );
    }

    pub(crate) fn filled(&mut self) -> i64 {
        self.number("SELECT count(*) FROM users WHERE slug IS NOT NULL")
    }

    /// What the control tables say was changed, and what is kept of it.
    pub(crate) fn counted(&mut self) -> [i64; 2] {
        [
            "SELECT coalesce(sum(changed), 0)::bigint FROM _switchback.backfill_range",
            "SELECT coalesce(sum(rows), 0)::bigint FROM _switchback.backfill_undo",
        ]
        .map(|sql| self.number(sql))
    }

    /// Every row has what it should, and each was written once.
    pub(crate) fn check_filled(&mut self, rows: i64, what: &str) {
        let wrong = "SELECT count(*) FROM users WHERE slug IS DISTINCT FROM lower(email)";
        assert_eq!(self.number(wrong), 0, "{what}");
        assert_eq!(self.filled(), rows, "{what}");
        assert_eq!(self.counted(), [rows, rows], "{what}");
    }

    /// Lets workers go on to the end.
    pub(crate) fn finish(&self) -> End {
        go(vec![self.hands("last 1", LONG), self.hands("last 2", LONG)]).unwrap()
    }
}

pub(crate) const LONG: Duration = Duration::from_secs(10);

/// `slug` of every row from `email`.
fn lowered() -> Job {
    job("table = \"users\"\n[set]\nslug = \"lower(email)\"")
}

/// So many users without a slug.
pub(crate) fn users(rows: u32) -> String {
    format!(
        "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, note text, slug text);
         INSERT INTO users SELECT n, 'User' || n || '@Example.com', repeat('x', 100), NULL
         FROM generate_series(1, {rows}) AS n;
         ANALYZE users"
    )
}

pub(crate) fn running() -> Running {
    Running {
        pace: Pace {
            rows: 50,
            lease: LONG,
            most_a_second: None,
        },
        most_rows: u32::MAX,
        look_every: Duration::from_millis(20),
        tell_every: Duration::from_millis(5),
        patience: Duration::from_secs(20),
    }
}

pub(crate) fn full_speed(_: Duration, _: &Readings) -> Allowance {
    Allowance {
        batch: Some(Duration::from_millis(5)),
        pause: 0.0,
        turns: false,
        reason: String::new(),
    }
}

pub(crate) fn go<H: Hands<Error = BackfillError> + Send>(
    hands: Vec<H>,
) -> Result<End, BackfillError> {
    let mut go_on = |_: &Moment| Next::Continue;
    run(hands, Calm, full_speed, &running(), &mut go_on)
}
