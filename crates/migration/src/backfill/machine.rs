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

use super::pace::Size;
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
    /// Give the range back, so that somebody else can go on with it at once.
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

/// The longest wait in one piece, so that whoever asks to stop is heard.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Rows in the first batch.
    pub rows: u32,
    /// How long a lease holds.
    pub lease: Duration,
    /// Rows a second, at most; none where only the database limits it.
    pub most_a_second: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Holding,
    Closing,
    Over(End),
}

/// One worker.
#[derive(Debug, Clone)]
pub struct Worker {
    state: State,
    pace: Pace,
    size: Size,
    allowance: Allowance,
    /// Nothing is to be taken or done before.
    not_before: Duration,
    /// When the lease is to be renewed.
    renew: Duration,
    stop: bool,
}

impl Worker {
    /// A worker that holds nothing yet. It does nothing before it is allowed to.
    pub fn new(pace: Pace) -> Self {
        Self {
            state: State::Free,
            size: Size::new(pace.rows),
            pace,
            allowance: Allowance {
                batch: None,
                pause: 0.0,
                reason: "nothing is known of the database yet".to_owned(),
            },
            not_before: Duration::ZERO,
            renew: Duration::ZERO,
            stop: false,
        }
    }

    /// From now on so much may be done.
    pub fn allow(&mut self, allowance: &Allowance) {
        self.allowance.clone_from(allowance);
    }

    /// This worker should end at the next place from which somebody can go on.
    pub fn stop(&mut self) {
        self.stop = true;
    }

    /// The one thing to do next.
    pub fn want(&self, now: Duration) -> Want {
        match self.state {
            State::Over(end) => Want::End(end),
            State::Holding if self.stop => Want::Release,
            _ if self.stop => Want::End(End::Stopped),
            State::Holding if now >= self.renew => Want::Renew,
            State::Holding => match self.allowance.batch {
                None => self.wait(LONGEST_WAIT, now),
                Some(_) if now < self.not_before => self.wait(self.not_before - now, now),
                Some(_) => Want::Batch {
                    rows: self.size.rows(),
                },
            },
            _ if now < self.not_before => self.wait(self.not_before - now, now),
            // Whoever may not work leaves the ranges to others.
            State::Free if self.allowance.batch.is_none() => Want::Renew,
            State::Free => Want::Claim,
            State::Closing => Want::Close,
        }
    }

    fn wait(&self, length: Duration, now: Duration) -> Want {
        let mut length = length.min(LONGEST_WAIT);
        if self.state == State::Holding {
            length = length.min(self.renew.saturating_sub(now));
        }
        Want::Wait(length.max(Duration::from_millis(1)))
    }

    /// What came of it, at the moment when it did.
    pub fn got(&mut self, got: Got, now: Duration) {
        match got {
            Got::Claimed => {
                self.state = State::Holding;
                self.keep(now);
            }
            Got::NothingLeft => self.state = State::Closing,
            Got::Done(batch) => {
                self.keep(now);
                self.pause_after(&batch, now);
                if batch.last {
                    self.state = State::Free;
                }
            }
            Got::InTheWay => {
                self.size.shrink();
                self.not_before = now + LOOK_AGAIN;
            }
            Got::Lost | Got::Released => self.state = State::Free,
            Got::Renewed => {
                self.keep(now);
                if self.state == State::Free {
                    self.not_before = now + LONGEST_WAIT;
                }
            }
            Got::Ended(status) => self.state = State::Over(End::Job(status)),
            Got::Again => self.state = State::Free,
            Got::NotYet => {
                self.state = State::Free;
                self.not_before = now + LOOK_AGAIN;
            }
        }
    }

    fn keep(&mut self, now: Duration) {
        self.renew = now + self.pace.lease / 3;
    }

    fn pause_after(&mut self, batch: &Batch, now: Duration) {
        if batch.in_the_way {
            self.size.halve();
        } else if let Some(target) = self.allowance.batch {
            self.size.towards(batch.work, target);
        }
        let mut pause = batch.held.mul_f64(self.allowance.pause.clamp(0.0, 1000.0));
        if let Some(most) = self.pace.most_a_second
            && most > 0.0
        {
            let long = Duration::from_secs_f64((batch.rows as f64 / most).min(3600.0));
            pause = pause.max(long.saturating_sub(batch.held));
        }
        self.not_before = now + pause;
    }
}
