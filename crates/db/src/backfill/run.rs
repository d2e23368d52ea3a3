//! Workers on threads of their own, and one thread that looks how the database is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
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
    /// Everybody is to end.
    over: AtomicBool,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Walks a job with one thread for each of `hands`, until it is over, it was told to stop, or
/// something failed. `govern` says how much may be done after each look; `each` is told how it goes,
/// and says whether to go on.
///
/// # Errors
/// That of the first worker which fails. Ranges that it held can be taken over when its lease runs
/// out.
pub fn run<H: Hands, G: Gauge>(
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
            .map(|mut hands| {
                scope.spawn(move || {
                    let ended = work(&mut hands, running, begun, board, stop);
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
        worker.allow(&allowed(board, begun));
        let did = match worker.want(begun.elapsed()) {
            Want::End(end) => return Ok(end),
            Want::Wait(length) => {
                let shared = board.lock();
                let waited = board.changed.wait_timeout(shared, length);
                drop(waited);
                continue;
            }
            Want::Claim => hands.claim(),
            Want::Batch { rows } => hands.batch(rows.min(running.most_rows).max(1)),
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
