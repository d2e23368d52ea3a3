//! Workers on threads of their own, and one thread that looks how the database is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use switchback_migration::backfill::machine::{End, Got, Pace, Want, Worker};
use switchback_migration::backfill::throttle::{Allowance, Readings};

use super::{Gauge, Hands};

/// What was allowed longer ago is not allowed any more.
const STALE: Duration = Duration::from_secs(5);

/// How a run works.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// How each worker works.
    pub pace: Pace,
    /// No batch has more rows.
    pub most_rows: u32,
    /// How often somebody looks how the database is.
    pub look_every: Duration,
    /// How often whoever looks on is told how it goes.
    pub tell_every: Duration,
    /// How long a database that does not answer is waited for.
    pub patience: Duration,
}

/// A run at a moment, as this process sees it.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// How long it runs.
    pub at: Duration,
    /// How much may be done, and why not more.
    pub allowance: Allowance,
    /// What the database said last.
    pub readings: Readings,
    /// When a batch last was committed, as the time since the run began.
    pub committed: Option<Duration>,
    /// Rows that this process looked at.
    pub rows: u64,
    /// Batches of this process.
    pub batches: u64,
    /// How often a batch was not done because of others, or others waited for one.
    pub in_the_way: u64,
    /// Whether nothing was left to take when somebody asked last: other workers, here or elsewhere,
    /// have the rest on lease.
    pub waiting: bool,
    /// What does not answer just now, if something does not.
    pub lost: Option<String>,
    /// When the database was last looked at, as the time since the run began.
    pub looked: Duration,
}

struct Shared {
    moment: Moment,
    /// Workers that are still at it.
    workers: usize,
}

struct Board {
    shared: Mutex<Shared>,
    changed: Condvar,
    turn: Mutex<Turn>,
    /// Everybody is to end.
    over: AtomicBool,
}

/// Whose turn it is where workers take turns.
#[derive(Default)]
struct Turn {
    /// The pause after the last batch ends then.
    rested: Option<Instant>,
    /// Whose batch that was.
    last: Option<usize>,
}

/// Whoever had the last turn lets the others go first for so long.
const AFTER_YOU: Duration = Duration::from_millis(10);

/// No pause that workers have in common is longer: what is allowed may change meanwhile.
const LONGEST_REST: Duration = Duration::from_secs(3);

impl Board {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a batch if it is this worker's turn, else says how long it is not yet.
    fn in_turn<E>(
        &self,
        worker: usize,
        pause: f64,
        batch: impl FnOnce() -> Result<Got, E>,
    ) -> Result<Result<Got, E>, Duration> {
        let mut turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(AFTER_YOU),
        };
        let mut from = turn.rested.unwrap_or_else(Instant::now);
        if turn.last == Some(worker) {
            from += AFTER_YOU;
        }
        let begun = Instant::now();
        if turn.rested.is_some() && from > begun {
            return Err(from - begun);
        }
        let did = batch();
        // While a program works the database rests.
        let took = match &did {
            Ok(Got::Done(batch)) => batch.held,
            _ => begun.elapsed(),
        };
        let rest = Duration::try_from_secs_f64(took.as_secs_f64() * pause);
        let rest = rest.unwrap_or(LONGEST_REST).min(LONGEST_REST);
        *turn = Turn {
            rested: Some(Instant::now() + rest),
            last: Some(worker),
        };
        Ok(did)
    }
}

/// Walks a job with one thread for each of `hands`, until it is over, it was told to stop, or
/// something failed. `govern` says how much may be done after each look; `each` is told how it goes,
/// and says whether to go on.
///
/// # Errors
/// That of the first worker which fails. Ranges that it held can be taken over when its lease runs
/// out.
pub fn run<H: Hands + Send, G: Gauge>(
    hands: Vec<H>,
    gauge: G,
    mut govern: impl FnMut(Duration, &Readings) -> Allowance + Send,
    running: &Running,
    each: &mut dyn FnMut(&Moment) -> crate::fill::Next,
) -> Result<End, H::Error> {
    let begun = Instant::now();
    let board = Board {
        shared: Mutex::new(Shared {
            moment: Moment {
                allowance: unknown(),
                ..Moment::default()
            },
            workers: hands.len(),
        }),
        changed: Condvar::new(),
        turn: Mutex::default(),
        over: AtomicBool::new(false),
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (board, stop) = (&board, &stop);
        let mut gauge = gauge;
        let looking = scope.spawn(move || {
            while !board.over.load(Ordering::SeqCst) {
                let readings = gauge.read();
                let allowance = govern(begun.elapsed(), &readings);
                let mut shared = board.lock();
                shared.moment.allowance = allowance;
                shared.moment.looked = begun.elapsed();
                shared.moment.readings = readings;
                board.changed.notify_all();
                let over = |_: &mut Shared| !board.over.load(Ordering::SeqCst);
                let waited = board
                    .changed
                    .wait_timeout_while(shared, running.look_every, over);
                drop(waited);
            }
        });
        let workers: Vec<_> = hands
            .into_iter()
            .enumerate()
            .map(|(number, mut hands)| {
                scope.spawn(move || {
                    let ended = work(&mut hands, number, running, begun, board, stop);
                    if ended.is_err() {
                        stop.store(true, Ordering::SeqCst);
                    }
                    board.lock().workers -= 1;
                    board.changed.notify_all();
                    ended
                })
            })
            .collect();
        loop {
            let shared = board.lock();
            let at_it = |shared: &mut Shared| shared.workers > 0;
            let (mut shared, _) = board
                .changed
                .wait_timeout_while(shared, running.tell_every, at_it)
                .unwrap_or_else(PoisonError::into_inner);
            shared.moment.at = begun.elapsed();
            let (moment, left) = (shared.moment.clone(), shared.workers);
            drop(shared);
            if each(&moment) == crate::fill::Next::Stop {
                stop.store(true, Ordering::SeqCst);
                board.changed.notify_all();
            }
            if left == 0 {
                break;
            }
        }
        board.over.store(true, Ordering::SeqCst);
        board.changed.notify_all();
        let ended: Vec<_> = workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|it| std::panic::resume_unwind(it))
            })
            .collect();
        if let Err(panic) = looking.join() {
            std::panic::resume_unwind(panic);
        }
        let mut result = Ok(End::Stopped);
        for end in ended {
            match end {
                Ok(End::Job(status)) if result.is_ok() => result = Ok(End::Job(status)),
                Err(error) if result.is_ok() => result = Err(error),
                _ => {}
            }
        }
        result
    })
}

/// What may be done while nothing is known.
fn unknown() -> Allowance {
    Allowance {
        reason: "nothing is known of the database yet".to_owned(),
        ..Allowance::default()
    }
}

/// One worker, until it ends.
fn work<H: Hands>(
    hands: &mut H,
    number: usize,
    running: &Running,
    begun: Instant,
    board: &Board,
    stop: &AtomicBool,
) -> Result<End, H::Error> {
    let mut worker = Worker::new(running.pace);
    let mut lost: Option<Instant> = None;
    loop {
        if stop.load(Ordering::SeqCst) {
            worker.stop();
        }
        let allowance = allowed(board, begun);
        worker.allow(&allowance);
        let wait = |length: Duration| {
            let shared = board.lock();
            let waited = board.changed.wait_timeout(shared, length);
            drop(waited);
        };
        let did = match worker.want(begun.elapsed()) {
            Want::End(end) => return Ok(end),
            Want::Wait(length) => {
                wait(length);
                continue;
            }
            Want::Claim => hands.claim(),
            Want::Batch { rows } => {
                let rows = rows.min(running.most_rows).max(1);
                let mut batch = || hands.batch(rows);
                let did = match allowance.turns {
                    true => board.in_turn(number, allowance.pause, batch),
                    false => Ok(batch()),
                };
                match did {
                    Ok(did) => did,
                    Err(length) => {
                        wait(length);
                        continue;
                    }
                }
            }
            Want::Renew => hands.renew(),
            Want::Release => hands.release(),
            Want::Close => hands.close(),
        };
        let error = match did {
            Ok(got) => {
                lost = None;
                note(board, begun, got);
                worker.got(got, begun.elapsed());
                continue;
            }
            Err(error) => error,
        };
        // Whoever only wants to end does not wait for a database that is gone: the lease runs out.
        let since = *lost.get_or_insert_with(Instant::now);
        if !H::is_lost(&error) || since.elapsed() > running.patience || stop.load(Ordering::SeqCst)
        {
            return Err(error);
        }
        board.lock().moment.lost = Some(error.to_string());
        let shared = board.lock();
        let over = |_: &mut Shared| !stop.load(Ordering::SeqCst);
        let pause = (since.elapsed() / 2).clamp(Duration::from_millis(50), Duration::from_secs(2));
        let waited = board.changed.wait_timeout_while(shared, pause, over);
        drop(waited);
        // Whether the last batch was committed is found out from the place that the range is at.
        match hands.reconnect() {
            Ok(()) => {}
            Err(error) if H::is_lost(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// How much may be done. A look that does not come back allows nothing.
fn allowed(board: &Board, begun: Instant) -> Allowance {
    let shared = board.lock();
    let old = begun.elapsed().saturating_sub(shared.moment.looked);
    if old > STALE {
        return Allowance {
            reason: format!("the database was last looked at {} s ago", old.as_secs()),
            ..Allowance::default()
        };
    }
    shared.moment.allowance.clone()
}

fn note(board: &Board, begun: Instant, got: Got) {
    let mut shared = board.lock();
    let moment = &mut shared.moment;
    moment.lost = None;
    match got {
        Got::Done(batch) => {
            moment.committed = Some(begun.elapsed());
            moment.waiting = false;
            moment.rows += batch.rows;
            moment.batches += 1;
            moment.in_the_way += u64::from(batch.in_the_way);
        }
        Got::InTheWay => moment.in_the_way += 1,
        Got::NotYet => moment.waiting = true,
        Got::Claimed => moment.waiting = false,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::AtomicU32;

    use switchback_migration::backfill::JobStatus;
    use switchback_migration::backfill::machine::Batch;

    use super::*;

    /// Rows that are left, and who is at work on them.
    #[derive(Default)]
    struct Table {
        left: AtomicU32,
        at_work: AtomicBool,
        together: AtomicBool,
    }

    struct Worker<'a> {
        table: &'a Table,
        done: &'a AtomicU32,
    }

    impl Hands for Worker<'_> {
        type Error = Infallible;

        fn claim(&mut self) -> Result<Got, Infallible> {
            Ok(Got::Claimed)
        }

        fn batch(&mut self, _: u32) -> Result<Got, Infallible> {
            let alone = !self.table.at_work.swap(true, Ordering::SeqCst);
            if !alone {
                self.table.together.store(true, Ordering::SeqCst);
            }
            std::thread::yield_now();
            let left = self.table.left.fetch_sub(1, Ordering::SeqCst);
            self.done.fetch_add(1, Ordering::SeqCst);
            self.table.at_work.store(false, Ordering::SeqCst);
            if left <= 1 {
                self.table.left.store(1, Ordering::SeqCst);
                return Ok(Got::Ended(JobStatus::Done));
            }
            Ok(Got::Done(Batch {
                rows: 1,
                work: Duration::from_millis(1),
                held: Duration::ZERO,
                in_the_way: false,
                last: false,
            }))
        }

        fn renew(&mut self) -> Result<Got, Infallible> {
            Ok(Got::Renewed)
        }

        fn release(&mut self) -> Result<Got, Infallible> {
            Ok(Got::Released)
        }

        fn close(&mut self) -> Result<Got, Infallible> {
            Ok(Got::NotYet)
        }

        fn is_lost(error: &Infallible) -> bool {
            match *error {}
        }

        fn reconnect(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }

    struct Fine;

    impl Gauge for Fine {
        fn read(&mut self) -> Readings {
            Readings::default()
        }
    }

    #[test]
    fn workers_that_take_turns_never_work_together_and_each_gets_its_turn() {
        let table = Table {
            left: AtomicU32::new(60),
            ..Table::default()
        };
        let done = [AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0)];
        let hands = done.iter().map(|done| Worker {
            table: &table,
            done,
        });
        let running = Running {
            pace: Pace {
                rows: 1,
                lease: Duration::from_secs(30),
                most_a_second: None,
            },
            most_rows: 1,
            look_every: Duration::from_millis(1),
            tell_every: Duration::from_millis(5),
            patience: Duration::ZERO,
        };
        let govern = |_: Duration, _: &Readings| Allowance {
            batch: Some(Duration::from_millis(1)),
            pause: 0.5,
            turns: true,
            reason: String::new(),
        };
        let mut each = |_: &Moment| crate::fill::Next::Continue;
        let end = run(hands.collect(), Fine, govern, &running, &mut each);
        assert_eq!(end, Ok(End::Job(JobStatus::Done)));
        assert!(!table.together.load(Ordering::SeqCst));
        for done in &done {
            assert!(done.load(Ordering::SeqCst) > 1, "{done:?}");
        }
    }
}
