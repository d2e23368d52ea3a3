//! Lives of workers, most of which end badly.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres::Config;
use serde::{Deserialize, Serialize};
use switchback_db::backfill::program::{Launch, ProgramError};
use switchback_db::backfill::{Gauge, Hands, Moment, Running, run};
use switchback_db::fill::Next;
use switchback_db::postgres::PostgresDatabase;
use switchback_db::postgres::backfill::{BackfillError, HandsOptions, PostgresHands, PostgresUndo};
use switchback_migration::backfill::Job;
use switchback_migration::backfill::machine::{End, Got, Pace};
use switchback_migration::backfill::throttle::{Allowance, Readings};

use super::rerun::raised;
use super::world::{DEADLINE, job_of, named, options, slug_by_program};

/// How long leases hold: not long, as whoever dies leaves one.
pub(crate) const LEASE: Duration = Duration::from_millis(400);

/// A worker that is about to live.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) url: String,
    /// Its name, which nobody else ever has.
    pub(crate) who: String,
    /// Whether it puts former values back.
    pub(crate) undo: bool,
    /// Whether it does some rows again.
    #[serde(default)]
    pub(crate) again: bool,
    /// Whether a program says what rows get.
    pub(crate) program: bool,
    /// Rows in its first batch.
    pub(crate) rows: u32,
    /// How long it waits for a server that does not answer, in milliseconds; 0 where it dies then.
    pub(crate) patience: u64,
}

/// What a worker heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Batches that were committed.
    pub(crate) done: AtomicU64,
    /// Ranges that it was given.
    pub(crate) claimed: AtomicU64,
    /// Batches that were refused because the range was somebody else's.
    pub(crate) refused: AtomicU64,
    /// Batches that were not done because of others.
    pub(crate) in_the_way: AtomicU64,
}

impl Heard {
    /// All numbers, in their order.
    pub(crate) fn numbers(&self) -> [u64; 4] {
        [&self.done, &self.claimed, &self.refused, &self.in_the_way]
            .map(|it| it.load(Ordering::SeqCst))
    }
}

/// Hands that say what they heard.
pub(crate) struct Telling<H> {
    hands: H,
    heard: Arc<Heard>,
}

impl<H: Hands<Error = BackfillError>> Hands for Telling<H> {
    type Error = BackfillError;

    fn claim(&mut self) -> Result<Got, BackfillError> {
        let got = self.hands.claim()?;
        let claimed = got == Got::Claimed;
        self.heard
            .claimed
            .fetch_add(u64::from(claimed), Ordering::SeqCst);
        Ok(got)
    }

    fn batch(&mut self, rows: u32) -> Result<Got, BackfillError> {
        let got = self.hands.batch(rows)?;
        let counter = match got {
            Got::Done(_) => &self.heard.done,
            Got::Lost => &self.heard.refused,
            Got::InTheWay => &self.heard.in_the_way,
            _ => return Ok(got),
        };
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(got)
    }

    fn renew(&mut self) -> Result<Got, BackfillError> {
        self.hands.renew()
    }

    fn release(&mut self) -> Result<Got, BackfillError> {
        self.hands.release()
    }

    fn close(&mut self) -> Result<Got, BackfillError> {
        self.hands.close()
    }

    fn is_lost(error: &BackfillError) -> bool {
        H::is_lost(error)
    }

    fn reconnect(&mut self) -> Result<(), BackfillError> {
        self.hands.reconnect()
    }
}

/// A database about which there is nothing to say.
pub(crate) struct Calm;

impl Gauge for Calm {
    fn read(&mut self) -> Readings {
        Readings::default()
    }
}

pub(crate) fn hand_options(who: &str) -> HandsOptions {
    HandsOptions {
        worker: who.to_owned(),
        lease: LEASE,
        stop_on_error: false,
        most_failed: 1000,
        most_undo: None,
    }
}

pub(crate) fn hands(database: PostgresDatabase, job: Job, who: &str) -> PostgresHands {
    let abort = Arc::new(AtomicBool::new(false));
    PostgresHands::new(database, job, hand_options(who), abort).ranges_of(300)
}

/// One worker until it ends, on its way through `config`. `each` says whether it goes on.
pub(crate) fn live(
    work: &Work,
    config: Config,
    heard: &Arc<Heard>,
    each: &mut dyn FnMut(&Moment) -> Next,
) -> Result<End, BackfillError> {
    let heard = Arc::clone(heard);
    let running = Running {
        pace: Pace {
            rows: work.rows,
            lease: LEASE,
            most_a_second: Some(2_500.0),
        },
        most_rows: u32::MAX,
        look_every: Duration::from_millis(50),
        tell_every: Duration::from_millis(5),
        patience: Duration::from_millis(work.patience),
    };
    let gentle = |_: Duration, _: &Readings| Allowance {
        batch: Some(Duration::from_millis(3)),
        pause: 0.2,
        turns: false,
        reason: String::new(),
    };
    let end = Instant::now() + DEADLINE;
    let database = loop {
        match PostgresDatabase::open(config.clone(), options(), 1) {
            Ok(database) => break database,
            // A server that is coming up is waited for by whoever has patience.
            Err(error) if work.patience == 0 || Instant::now() > end => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let job = match (work.program, work.again) {
        (true, _) => slug_by_program(),
        (false, true) => raised(),
        (false, false) => job_of(&work.url),
    };
    if work.undo {
        let abort = Arc::new(AtomicBool::new(false));
        let hands = PostgresUndo::new(database, job, abort);
        run(vec![Telling { hands, heard }], Calm, gentle, &running, each)
    } else {
        let hands = if work.program {
            let abort = Arc::new(AtomicBool::new(false));
            let options = hand_options(&work.who);
            PostgresHands::new(database, job, options, abort)
                .ranges_of(300)
                .with_programs(Launch {
                    folder: PathBuf::from("/"),
                    patience: Duration::from_secs(20),
                    secret: Vec::new(),
                    told: Arc::new(|_| {}),
                })
        } else {
            hands(database, job, &work.who)
        };
        run(vec![Telling { hands, heard }], Calm, gentle, &running, each)
    }
}

/// Whether the program died.
pub(crate) fn is_of_program(error: &BackfillError) -> bool {
    matches!(error, BackfillError::Program(ProgramError::Ended { .. }))
}

/// One that nothing is done to, until the job is over.
pub(crate) fn live_well(work: &Work, heard: &Arc<Heard>) -> End {
    let mut go_on = |_: &Moment| Next::Continue;
    let ended = loop {
        match live(work, named(&work.url, &work.who), heard, &mut go_on) {
            Err(error) if is_of_program(&error) => {}
            other => break other,
        }
    };
    ended.unwrap_or_else(|error| panic!("{}: {}", work.who, switchback_db::with_sources(&error)))
}
