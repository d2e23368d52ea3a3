//! Trying again, within bounds, and giving way.
//!
//! Whatever waits for locks is done in attempts. Each has a time-out for locks; between two of them
//! everything is rolled back, so that nobody queues behind us. While one runs, the calling thread
//! watches it from a second connection: it tells the observer who is in the way, and cancels the
//! attempt when somebody wants to stop, or when a query of an application has waited for us too
//! long.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postgres::Client;

use super::error::ChangeError;
use super::link::Link;
use super::watch::{Look, Peer, Watch};
use super::{Observer, Options, Ran, Waiting, Waits};
use crate::text::excerpt;

/// The first look comes sooner than the others, so that a short time-out is seen too.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// How often the observer is asked whether to stop, while something runs and between attempts.
const ASK: Duration = Duration::from_millis(100);

/// How often something that does not end is cancelled again: the cancel may have hit the gap
/// between two statements.
const CANCEL_AGAIN: Duration = Duration::from_millis(300);

const GO_ON: u8 = 0;
const GIVE_WAY: u8 = 1;
const ABORT: u8 = 2;

/// What the working and the watching thread share.
#[derive(Debug)]
pub(in crate::postgres) struct Desk {
    /// The statement that is under way, its time-out, and when it began.
    now: Mutex<(String, Option<Duration>, Instant)>,
    stop: AtomicU8,
}

impl Desk {
    fn new() -> Self {
        Self {
            now: Mutex::new((String::new(), None, Instant::now())),
            stop: AtomicU8::new(GO_ON),
        }
    }

    /// Says which statement comes next, and with which time-out.
    ///
    /// # Errors
    /// If it should not come any more.
    pub(in crate::postgres) fn next(
        &self,
        statement: &str,
        limit: Option<Duration>,
    ) -> Result<(), ChangeError> {
        let statement = excerpt(statement);
        if self.stop.load(Ordering::SeqCst) != GO_ON {
            return Err(ChangeError::Aborted {
                statement,
                left: Vec::new(),
            });
        }
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) =
            (statement, limit, Instant::now());
        Ok(())
    }

    /// Whether the statement that was announced last has run for as long as it may, and nobody had
    /// it cancelled.
    pub(in crate::postgres) fn is_out_of_time(&self) -> bool {
        let (_, limit, after) = self.statement();
        self.stop.load(Ordering::SeqCst) == GO_ON && limit.is_some_and(|limit| after >= limit)
    }

    fn statement(&self) -> (String, Option<Duration>, Duration) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.0.clone(), now.1, now.2.elapsed())
    }
}

/// What trying cost so far.
#[derive(Debug, Default)]
pub(in crate::postgres) struct Cost {
    waits: Waits,
    held_up: Vec<i32>,
}

impl Cost {
    /// Adds what something else cost.
    pub(in crate::postgres) fn add(&mut self, other: &Cost) {
        self.waits.retries += other.waits.retries;
        self.waits.gave_way += other.waits.gave_way;
        self.waits.waited += other.waits.waited;
        self.waits.longest = self.waits.longest.max(other.waits.longest);
        for pid in &other.held_up {
            if !self.held_up.contains(pid) {
                self.held_up.push(*pid);
            }
        }
    }

    pub(in crate::postgres) fn waits(&self) -> Waits {
        Waits {
            held_up: u32::try_from(self.held_up.len()).unwrap_or(u32::MAX),
            ..self.waits
        }
    }

    /// The result of a run that began at `begun`.
    pub(in crate::postgres) fn ran(&self, begun: Instant) -> Ran {
        Ran {
            already: false,
            took: begun.elapsed(),
            waits: self.waits(),
            leftovers: Vec::new(),
        }
    }
}

/// Runs attempts.
pub(in crate::postgres) struct Runner<'a> {
    pub(in crate::postgres) link: &'a mut Link,
    pub(in crate::postgres) options: &'a Options,
    pub(in crate::postgres) random: &'a mut Random,
    pub(in crate::postgres) observer: &'a mut dyn Observer,
    pub(in crate::postgres) cost: Cost,
}

/// What was seen during attempts.
#[derive(Debug, Default)]
struct Seen {
    blocked_by: Vec<Peer>,
    held_up: Vec<Peer>,
    longest: Duration,
}

impl Seen {
    /// Keeps who is in the way, if anybody is. A look at the moment in which our wait ends sees who
    /// it was, but not by which lock any more; that is taken from the look before.
    fn keep(&mut self, blocked_by: &mut [Peer]) {
        for peer in blocked_by.iter_mut().filter(|it| it.mode.is_none()) {
            if let Some(known) = self.blocked_by.iter().find(|it| it.pid == peer.pid) {
                peer.mode.clone_from(&known.mode);
                peer.relation.clone_from(&known.relation);
            }
        }
        if !blocked_by.is_empty() {
            self.blocked_by = blocked_by.to_vec();
        }
    }
}

impl Runner<'_> {
    /// Does `work` in attempts until it is done, it fails for another reason than locks, or there
    /// have been enough of them. After an attempt that failed nothing is left open.
    ///
    /// # Errors
    /// [`ChangeError::Busy`], [`ChangeError::GaveWay`], [`ChangeError::Aborted`],
    /// [`ChangeError::Cancelled`], or that of `work`.
    pub(in crate::postgres) fn persist<T: Send>(
        &mut self,
        mut work: impl FnMut(&mut Client, &Desk) -> Result<T, ChangeError> + Send,
    ) -> Result<T, ChangeError> {
        let begun = Instant::now();
        let mut seen = Seen::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let started = Instant::now();
            let desk = Desk::new();
            let result = self.attempt(attempt, &desk, &mut seen, &mut work);
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let (statement, limit, after) = desk.statement();
            let ended = matches!(error, ChangeError::Aborted { .. }) || error.is_cancel();
            let gave_way = match desk.stop.load(Ordering::SeqCst) {
                ABORT if !error.is_lost() => return Err(aborted(statement)),
                GIVE_WAY if ended => true,
                _ if error.is_contention() => false,
                _ if error.is_cancel() => {
                    return Err(ChangeError::Cancelled {
                        statement,
                        after,
                        limit,
                    });
                }
                _ => return Err(self.named(error)),
            };
            self.cost.waits.gave_way += u32::from(gave_way);
            if attempt > self.options.retries {
                let waited = begun.elapsed();
                return Err(if gave_way {
                    ChangeError::GaveWay {
                        statement,
                        attempts: attempt,
                        waited,
                        longest: seen.longest,
                        held_up: seen.held_up,
                    }
                } else {
                    ChangeError::Busy {
                        statement,
                        attempts: attempt,
                        waited,
                        blocked_by: seen.blocked_by,
                    }
                });
            }
            self.cost.waits.retries += 1;
            let pause = self.pause_after(attempt);
            self.observer.waiting(&Waiting {
                statement: statement.clone(),
                attempt,
                attempts: self.options.retries + 1,
                since: started.elapsed(),
                retry_in: Some(pause),
                blocked_by: seen.blocked_by.clone(),
                holds_up: Vec::new(),
            });
            let stopped = self.sleep(pause);
            self.cost.waits.waited += pause;
            if stopped {
                return Err(aborted(statement));
            }
        }
    }

    /// Who may not do what failed for want of a privilege (`insufficient_privilege`).
    fn named(&self, error: ChangeError) -> ChangeError {
        match error {
            ChangeError::Sql {
                statement, source, ..
            } if source.code == "42501" => ChangeError::Privilege {
                role: self.link.role.clone(),
                during: statement,
                missing: Vec::new(),
                source: Some(source),
            },
            other => other,
        }
    }

    /// How long to wait after a failed attempt: a random part of a length that doubles each time, up
    /// to a bound. So two who get into each other's way do not do so for ever.
    fn pause_after(&mut self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        let whole = self
            .options
            .backoff
            .saturating_mul(factor)
            .min(self.options.longest_backoff);
        whole.mul_f64(self.random.fraction())
    }

    /// Waits; returns whether the observer wants to stop.
    pub(in crate::postgres) fn sleep(&mut self, length: Duration) -> bool {
        let end = Instant::now() + length;
        loop {
            if self.observer.stop() {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(ASK));
        }
    }

    /// One attempt: a thread that works, while this one watches it.
    fn attempt<T: Send>(
        &mut self,
        number: u32,
        desk: &Desk,
        seen: &mut Seen,
        work: &mut (impl FnMut(&mut Client, &Desk) -> Result<T, ChangeError> + Send),
    ) -> Result<T, ChangeError> {
        if self.observer.stop() {
            desk.stop.store(ABORT, Ordering::SeqCst);
        }
        let Link {
            client, watch, pid, ..
        } = &mut *self.link;
        let pid = *pid;
        let (done, wait) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new()
                .name("switchback-change".to_owned())
                .spawn_scoped(scope, move || {
                    let result = work(client, desk);
                    if result.is_err() {
                        roll_back(client);
                    }
                    drop(done);
                    result
                })
                .map_err(|source| ChangeError::Thread { source })?;
            let mut watching = Watching {
                watch,
                pid,
                desk,
                number,
                options: self.options,
                observer: self.observer,
                cost: &mut self.cost,
                seen,
                begun: Instant::now(),
                cancelled: None,
            };
            watching.until(&wait);
            match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

/// Leaves no transaction open; outside of one it does nothing. A cancel that comes late may hit it.
pub(super) fn roll_back(client: &mut Client) {
    const TIMES: usize = 3;
    let _ = (0..TIMES).find(|_| client.batch_execute("ROLLBACK").is_ok());
}

fn aborted(statement: String) -> ChangeError {
    ChangeError::Aborted {
        statement,
        left: Vec::new(),
    }
}

/// The watching side of an attempt.
struct Watching<'a> {
    watch: &'a mut Watch,
    pid: i32,
    desk: &'a Desk,
    number: u32,
    options: &'a Options,
    observer: &'a mut dyn Observer,
    cost: &'a mut Cost,
    seen: &'a mut Seen,
    begun: Instant,
    cancelled: Option<Instant>,
}

impl Watching<'_> {
    /// Watches until the other side is done, which it says by ending the channel.
    fn until(&mut self, wait: &mpsc::Receiver<()>) {
        let every = self.options.watch_every.max(Duration::from_millis(10));
        let mut last = self.begun;
        let mut next = self.begun + FIRST_LOOK.min(self.options.lock_timeout / 3).min(every);
        loop {
            let until = next.saturating_duration_since(Instant::now()).min(ASK);
            if wait.recv_timeout(until) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            if self.desk.stop.load(Ordering::SeqCst) == GO_ON && self.observer.stop() {
                self.desk.stop.store(ABORT, Ordering::SeqCst);
            }
            if self.desk.stop.load(Ordering::SeqCst) != GO_ON {
                self.cancel();
            }
            if Instant::now() >= next {
                let look = self.watch.look(self.pid);
                if !look.blocked_by.is_empty() {
                    self.cost.waits.waited += last.elapsed();
                }
                last = Instant::now();
                next = last + every;
                self.take(look);
            }
        }
    }

    fn take(&mut self, look: Look) {
        let Look {
            mut blocked_by,
            holds_up,
            application_waits,
        } = look;
        if blocked_by.is_empty() && holds_up.is_empty() {
            return;
        }
        for peer in &holds_up {
            if !self.cost.held_up.contains(&peer.pid) {
                self.cost.held_up.push(peer.pid);
            }
            self.cost.waits.longest = self.cost.waits.longest.max(peer.waits);
            self.seen.longest = self.seen.longest.max(peer.waits);
        }
        self.seen.keep(&mut blocked_by);
        if !holds_up.is_empty() {
            self.seen.held_up.clone_from(&holds_up);
        }
        self.observer.waiting(&Waiting {
            statement: self.desk.statement().0,
            attempt: self.number,
            attempts: self.options.retries + 1,
            since: self.begun.elapsed(),
            retry_in: None,
            blocked_by,
            holds_up,
        });
        if application_waits >= self.options.yield_after {
            // Who wants to stop has said so before.
            let _ = self.desk.stop.compare_exchange(
                GO_ON,
                GIVE_WAY,
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
            self.cancel();
        }
    }

    fn cancel(&mut self) {
        if self.cancelled.is_none_or(|at| at.elapsed() >= CANCEL_AGAIN) {
            self.watch.cancel(self.pid);
            self.cancelled = Some(Instant::now());
        }
    }
}

/// SplitMix64: numbers that look random, the same ones for the same seed.
#[derive(Debug, Clone)]
pub(in crate::postgres) struct Random(u64);

impl Random {
    pub(in crate::postgres) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to below 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_comes_too_late_for_the_lock_does_not_forget_it() {
        let peer = |pid, mode: Option<&str>| Peer {
            pid,
            application: "report".to_owned(),
            user: String::new(),
            kind: String::new(),
            state: String::new(),
            query: None,
            query_age: None,
            transaction_age: None,
            mode: mode.map(str::to_owned),
            relation: mode.map(|_| "public.t".to_owned()),
            waits: Duration::ZERO,
        };
        let mut seen = Seen::default();
        seen.keep(&mut [peer(7, Some("AccessShareLock"))]);
        let mut late = [peer(7, None), peer(8, None)];
        seen.keep(&mut late);
        let known = peer(7, Some("AccessShareLock"));
        assert_eq!(late, [known.clone(), peer(8, None)]);
        seen.keep(&mut []);
        assert_eq!(seen.blocked_by, [known, peer(8, None)]);
    }

    #[test]
    fn random_fractions_are_in_their_range_and_repeat() {
        let take = |seed| -> Vec<f64> {
            let mut random = Random::new(seed);
            (0..1000).map(|_| random.fraction()).collect()
        };
        assert!(take(1).iter().all(|it| (0.0..1.0).contains(it)));
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
        let mean = take(3).iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
