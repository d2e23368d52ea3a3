//! One worker of a backfill, without doing anything itself.
//!
//! [`Worker::want`] says the one thing to do next, at a moment; whoever does it reports with
//! [`Worker::got`]. Rows are divided into ranges. A worker takes one on lease, does it batch by
//! batch, and takes the next. A lease that runs out may be taken over; each batch is fenced by the
//! lease, so that whoever lost it writes nothing any more. When no range is left the walk is closed:
//! another one begins while rows are found that differ, else the job is done.
//!
//! Moments are lengths since any fixed one; only their order and distance count.
//!
//! Deliberately absent: what a batch does, which engine it is on, and how many workers there are.

use std::time::Duration;

use super::pace::{Rate, Size};
use super::progress::JobStatus;
use super::throttle::Allowance;

/// The one thing to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Take a range on lease.
    Claim,
    /// Do the next rows of the range, in one transaction with the place that is reached and what
    /// is needed to take it back.
    Batch {
        /// About how many rows.
        rows: u32,
    },
    /// Keep the lease for longer, and see whether the job still runs.
    Renew,
    /// Do nothing for so long, or until something else is allowed.
    Wait(Duration),
    /// Give the range back, so that somebody else can go on with it at once: this worker is told to
    /// stop or may not work, or the job does not run any more.
    Release,
    /// Nothing is left to take: begin the next walk or end the job.
    Close,
    /// Nothing more.
    End(End),
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The job is over, or was told to stop for everybody.
    Job(JobStatus),
    /// This worker was told to stop; the job may go on.
    Stopped,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// A range is ours.
    Claimed,
    /// No range is left that could be taken.
    NothingLeft,
    /// A batch is committed.
    Done(Batch),
    /// A batch was not done because it got into the way of others, or others were in its way.
    /// Nothing of it is left.
    InTheWay,
    /// The lease is somebody else's; nothing was written.
    Lost,
    /// The lease holds for longer.
    Renewed,
    /// The range is given back.
    Released,
    /// The job does not run any more.
    Ended(JobStatus),
    /// Another walk begins.
    Again,
    /// Others are still at work on their ranges.
    NotYet,
}

/// A batch that is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Rows that were looked at.
    pub rows: u64,
    /// How long the part took that depends on the number of rows.
    pub work: Duration,
    /// How long it took as a whole: for so long others may have waited.
    pub held: Duration,
    /// Whether somebody waited for it.
    pub in_the_way: bool,
    /// Whether the range is done.
    pub last: bool,
}

/// How often somebody looks whether there is something to take again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How often somebody who has no range and may take none looks whether the job still runs.
const LOOK_AT_JOB: Duration = Duration::from_secs(1);

/// No lease is renewed more often.
const SHORTEST_RENEWAL: Duration = Duration::from_millis(10);

/// The longest wait in one piece, so that whoever asks to stop is heard.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// The longest pause is so many times as long as its batch.
const LONGEST_PAUSE: f64 = 1000.0;

/// After so many tries in a row that got into the way, the time between them grows no more.
const MOST_DOUBLINGS: u32 = 5;

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Rows in the first batch.
    pub rows: u32,
    /// How long a lease holds.
    pub lease: Duration,
    /// Rows a second that this worker looks at, at most; none where only the database limits it.
    /// What is missed is made up for, but never more than a second's worth. No batch is larger than
    /// that either.
    pub most_a_second: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Holding,
    Closing,
    /// The job does not run any more, and the range is still to be given back: whoever resumes the
    /// job would have to wait for the end of the lease.
    Leaving(JobStatus),
    Over(End),
}

/// One worker.
#[derive(Debug, Clone)]
pub struct Worker {
    state: State,
    pace: Pace,
    size: Size,
    rate: Rate,
    allowance: Allowance,
    /// When the last batch ended, and how long it took.
    ended: Duration,
    held: Duration,
    /// How many batches in a row got into the way.
    refused: u32,
    /// Nothing is to be taken or done before, because of others.
    away: Duration,
    /// When the lease is to be renewed; without one, when to look at the job again.
    renew: Duration,
    stop: bool,
}

impl Worker {
    /// A worker that holds nothing yet. It does nothing before it is allowed to.
    pub fn new(pace: Pace) -> Self {
        Self {
            state: State::Free,
            size: Size::new(pace.rows, pace.most_a_second),
            rate: Rate::new(pace.most_a_second),
            pace,
            allowance: Allowance {
                reason: "nothing is known of the database yet".to_owned(),
                ..Allowance::default()
            },
            ended: Duration::ZERO,
            held: Duration::ZERO,
            refused: 0,
            away: Duration::ZERO,
            renew: Duration::ZERO,
            stop: false,
        }
    }

    /// From now on so much may be done. A pause that is under way becomes longer or shorter by it.
    pub fn allow(&mut self, allowance: &Allowance) {
        self.allowance.clone_from(allowance);
    }

    /// This worker should end at the next place from which somebody can go on.
    pub fn stop(&mut self) {
        self.stop = true;
    }

    /// The one thing to do next.
    pub fn want(&self, now: Duration) -> Want {
        let allowed = self.allowance.batch.is_some();
        let not_before = self.not_before();
        match self.state {
            State::Over(end) => Want::End(end),
            State::Leaving(_) => Want::Release,
            State::Holding if self.stop => Want::Release,
            _ if self.stop => Want::End(End::Stopped),
            State::Closing => Want::Close,
            // A batch keeps the lease as well as a renewal does. So this comes first: else a worker
            // whose turn comes late each time would renew and do nothing else.
            State::Holding if allowed && now >= not_before => Want::Batch {
                rows: self.size.rows(),
            },
            State::Free if allowed && now >= not_before => Want::Claim,
            // Whoever may not work leaves the ranges to others, who may be elsewhere and allowed to.
            State::Holding if !allowed && now >= self.renew => Want::Release,
            _ if now >= self.renew => Want::Renew,
            _ => {
                let renew = self.renew.saturating_sub(now);
                let rest = match allowed {
                    true => not_before.saturating_sub(now),
                    false => LONGEST_WAIT,
                };
                Want::Wait(LONGEST_WAIT.min(renew).min(rest))
            }
        }
    }

    /// No batch begins before. It follows from what is allowed now, so that a pause ends when the
    /// database is well again.
    fn not_before(&self) -> Duration {
        let times = match self.allowance.pause {
            // Whoever computed this knows nothing.
            pause if pause.is_nan() => LONGEST_PAUSE,
            pause => pause.clamp(0.0, LONGEST_PAUSE),
        };
        let pause = Duration::try_from_secs_f64(self.held.as_secs_f64() * times);
        let rested = self.ended.saturating_add(pause.unwrap_or(Duration::MAX));
        rested.max(self.rate.due()).max(self.away)
    }

    /// What came of it, at the moment when it did.
    pub fn got(&mut self, got: Got, now: Duration) {
        match self.state {
            State::Over(_) => return,
            State::Leaving(status) => {
                self.state = State::Over(End::Job(status));
                return;
            }
            State::Free | State::Holding | State::Closing => {}
        }
        match got {
            Got::Claimed => {
                self.state = State::Holding;
                self.keep(now);
            }
            Got::NothingLeft => self.state = State::Closing,
            Got::Done(batch) => {
                self.keep(now);
                self.learn(&batch, now);
                if batch.last {
                    self.state = State::Free;
                }
            }
            Got::InTheWay => {
                if self.state == State::Holding {
                    self.size.shrink();
                }
                self.away = now.saturating_add(LOOK_AGAIN * 2_u32.pow(self.refused));
                self.refused = (self.refused + 1).min(MOST_DOUBLINGS);
            }
            Got::Lost | Got::Released => {
                if self.state != State::Holding {
                    self.away = now.saturating_add(LOOK_AGAIN);
                }
                self.state = State::Free;
                self.renew = now.saturating_add(LOOK_AT_JOB);
            }
            Got::Renewed if self.state == State::Holding => self.keep(now),
            Got::Renewed => self.renew = now.saturating_add(LOOK_AT_JOB),
            Got::Ended(status) => {
                self.state = match self.state {
                    State::Holding => State::Leaving(status),
                    _ => State::Over(End::Job(status)),
                };
            }
            Got::Again => self.state = State::Free,
            Got::NotYet => {
                self.state = State::Free;
                self.away = now.saturating_add(LOOK_AGAIN);
                self.renew = now.saturating_add(LOOK_AT_JOB);
            }
        }
    }

    fn keep(&mut self, now: Duration) {
        self.renew = now.saturating_add((self.pace.lease / 3).max(SHORTEST_RENEWAL));
    }

    fn learn(&mut self, batch: &Batch, now: Duration) {
        if batch.in_the_way {
            self.size.halve();
        } else if let Some(target) = self.allowance.batch {
            self.size.towards(batch.rows, batch.work, target);
        }
        self.rate.spent(batch.rows, batch.held, now);
        self.refused = 0;
        self.ended = now;
        self.held = batch.held;
    }
}

#[cfg(test)]
mod tests;
