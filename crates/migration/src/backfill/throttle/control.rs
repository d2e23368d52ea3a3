//! The machine that turns looks at a database into how much may be done.

use std::time::Duration;

use switchback_model::Timestamp;

use super::limits::Limits;
use super::{Allowance, Reading, Readings, reason};
use crate::backfill::progress::Zone;

/// Below, more is done with each look.
const GROW_BELOW: f64 = 0.4;
/// From here on, less is done with each look.
const SHED_FROM: f64 = 0.7;
/// From here on, half as much is done with each look.
const HALVE_FROM: f64 = 1.0;
/// From here on, nothing is done.
const STOP_FROM: f64 = 2.0;

/// The smallest part of the time that is worked at all. What is halved below it stops.
const LEAST: f64 = 0.02;
/// The part of the time to begin with beside others.
const FIRST: f64 = 0.25;

/// Good looks before more is done again, after less was done and after nothing was.
const CALM_AFTER_LESS: u32 = 2;
const CALM_AFTER_STOP: u32 = 4;

/// Growth up to where it went wrong last time, and from there on.
const GROW_BY: f64 = 1.5;
const GROW_SLOWLY_BY: f64 = 0.03;
/// How far below the place where it went wrong the slow growth begins.
const CAREFUL_FROM: f64 = 0.7;

/// The length of a batch: to begin with, at most, at least, and at most beside others, whose rows
/// it locks until it ends.
const FIRST_BATCH: Duration = Duration::from_millis(100);
const LONGEST_BATCH: Duration = Duration::from_millis(500);
const SHORTEST_BATCH: Duration = Duration::from_millis(50);
const BATCH_BESIDE_OTHERS: Duration = Duration::from_millis(50);

/// How much may be done, from one look to the next.
///
/// The worst signal decides, by how far it is on the way to its limit: below 0.4 more is done, from
/// 0.4 on as much, from 0.7 on less, from 1.0 on half with each look, and from 2.0 on nothing, nor
/// where a signal is missing or the last look is too old. Somebody should look about four times a
/// second: then half is half within a quarter of a second, and nothing is left after one and a half.
///
/// It recovers by itself, after some good looks in a row: fast up to a bit below where it went wrong
/// and slowly from there, so that it comes to rest near what the database bears and does not swing.
#[derive(Debug, Clone)]
pub struct Throttle {
    limits: Limits,
    /// The part of the time that may be worked as far as the database is concerned; 0.0 is nothing.
    level: f64,
    batch: Duration,
    /// The level from which on growth is slow.
    careful_from: f64,
    /// Good looks that are still needed before more is done.
    calm_needed: u32,
    /// Whether the last look was a bad one.
    bad: bool,
    /// Whether others use the database, as far as is known.
    others: bool,
    /// Whether anybody said so.
    counted: bool,
    /// When the last look was taken; none before the first.
    looked: Option<Duration>,
    /// What the last look says, where it is the reason.
    reason: Option<String>,
}

/// What so much strain asks for.
pub(super) fn zone(strain: f64) -> Zone {
    match strain {
        _ if strain < GROW_BELOW => Zone::Grow,
        _ if strain < SHED_FROM => Zone::Hold,
        _ if strain < HALVE_FROM => Zone::Shed,
        _ if strain < STOP_FROM => Zone::Halve,
        // What is no number stops too.
        _ => Zone::Stop,
    }
}

/// What a look amounts to.
struct Worst {
    /// How far the worst signal is on the way to its limit; none if one is missing.
    strain: Option<f64>,
    /// In words; none where no signal says anything.
    reason: Option<String>,
}

impl Throttle {
    /// Allows nothing before the first look.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            level: 0.0,
            batch: FIRST_BATCH,
            careful_from: 1.0,
            calm_needed: 0,
            bad: false,
            others: true,
            counted: false,
            looked: None,
            reason: None,
        }
    }

    /// Takes a look into account that was begun at `now`, a length since any fixed moment.
    pub fn read(&mut self, now: Duration, readings: &Readings) {
        let first = self.looked.is_none();
        self.looked = Some(now);
        self.others = readings.others != Some(0);
        self.counted = readings.others.is_some();
        // What is above the ceiling is not done, so less has to begin below it.
        self.level = self.level.min(self.cap());
        let worst = self.worst(readings);
        match worst.strain {
            None => self.stop(),
            Some(strain) if strain >= STOP_FROM => self.stop(),
            Some(strain) if strain >= HALVE_FROM => {
                self.less(0.5);
                if self.level < LEAST {
                    self.stop();
                }
            }
            Some(strain) if strain >= SHED_FROM => {
                self.less(0.8);
                if self.level > 0.0 {
                    self.level = self.level.max(LEAST);
                }
            }
            Some(strain) => {
                self.bad = false;
                let grows = strain < GROW_BELOW;
                if first {
                    self.level = if grows && !self.others { 1.0 } else { FIRST };
                    self.level = self.level.min(self.cap());
                } else if self.calm_needed > 0 {
                    self.calm_needed -= 1;
                } else if self.level == 0.0 {
                    self.level = LEAST;
                } else if grows {
                    self.more();
                }
            }
        }
        self.reason = match worst.strain {
            Some(strain) if strain < GROW_BELOW => None,
            _ => worst.reason,
        };
    }

    fn worst(&self, readings: &Readings) -> Worst {
        let mut worst = Worst {
            strain: Some(0.0),
            reason: None,
        };
        for (signal, limit) in &self.limits.signals {
            let missing = |why: &str| Worst {
                strain: None,
                reason: Some(reason::missing(*signal, why)),
            };
            let usual = readings.usual.get(signal).copied();
            match readings.signals.get(signal) {
                Some(Reading::NotThere) => {}
                Some(Reading::Value(value)) if !value.is_nan() => {
                    let strain = limit.strain(*value, usual);
                    if strain.is_nan() {
                        return missing("its limit is no number");
                    }
                    if worst.strain.is_some_and(|it| strain > it) {
                        worst.strain = Some(strain);
                        worst.reason = Some(reason::at(*signal, *value, limit.value(usual), usual));
                    }
                }
                Some(Reading::Value(_)) => return missing("what was read is no number"),
                Some(Reading::Missing(why)) => return missing(why),
                None => return missing("nobody read it"),
            }
        }
        worst
    }

    /// A new episode of bad looks says what is too much.
    fn goes_wrong(&mut self) {
        if !self.bad && self.level > 0.0 {
            self.careful_from = (self.level * CAREFUL_FROM).max(LEAST);
        }
        self.bad = true;
    }

    fn less(&mut self, times: f64) {
        self.goes_wrong();
        self.level *= times;
        self.batch = self.batch.mul_f64(times).max(SHORTEST_BATCH);
        self.calm_needed = self.calm_needed.max(CALM_AFTER_LESS);
    }

    fn stop(&mut self) {
        self.goes_wrong();
        self.level = 0.0;
        self.batch = SHORTEST_BATCH;
        self.calm_needed = CALM_AFTER_STOP;
    }

    fn more(&mut self) {
        let wanted = if self.level < self.careful_from {
            (self.level * GROW_BY).min(self.careful_from.max(self.level + GROW_SLOWLY_BY))
        } else {
            self.level + GROW_SLOWLY_BY
        };
        self.level = wanted.min(self.cap());
        if self.level >= self.cap() {
            self.careful_from = 1.0;
        }
        self.batch = self.batch.mul_f64(1.25).min(LONGEST_BATCH);
    }

    /// The part of the time that may be worked at any hour.
    fn cap(&self) -> f64 {
        let beside = if self.others {
            self.limits.beside_others
        } else {
            1.0
        };
        part(self.limits.most).min(part(beside))
    }

    /// How much may be done at `now`, on the clock of [`Throttle::read`], which is `moment` on the
    /// clock on the wall.
    pub fn allowance(&self, now: Duration, moment: Timestamp) -> Allowance {
        let nothing = |reason: String| Allowance {
            reason,
            ..Allowance::default()
        };
        let Some(looked) = self.looked else {
            return nothing("nothing is known of the database yet".to_owned());
        };
        let old = now.saturating_sub(looked);
        if old > self.limits.stale {
            return nothing(format!(
                "the last look at the database is {} s old; the limit is {} s",
                reason::short(old.as_secs_f64()),
                reason::short(self.limits.stale.as_secs_f64())
            ));
        }
        let ceiling = self.ceiling(moment);
        if ceiling.share <= 0.0 {
            return nothing(ceiling.reason.unwrap_or_else(full));
        }
        if self.level <= 0.0 {
            return nothing(self.reason.clone().unwrap_or_else(again));
        }
        let (share, reason) = if self.level < ceiling.share {
            (self.level, self.reason.clone().unwrap_or_else(again))
        } else {
            // What the last look complains of is news; what was set beforehand is not.
            let reason = self.reason.clone().or(ceiling.reason);
            (ceiling.share, reason.unwrap_or_else(full))
        };
        let most = if self.others {
            BATCH_BESIDE_OTHERS
        } else {
            LONGEST_BATCH
        };
        Allowance {
            batch: Some(self.batch.clamp(SHORTEST_BATCH, most)),
            pause: (1.0 / share - 1.0).max(0.0),
            turns: self.others,
            reason,
        }
    }

    /// The part of the time that may be worked whatever the signals say.
    fn ceiling(&self, moment: Timestamp) -> Ceiling {
        let mut ceiling = Ceiling {
            share: 1.0,
            reason: None,
        };
        let percent = |share: f64| reason::short(share * 100.0);
        let most = self.limits.most;
        ceiling.lower(most, || {
            format!("the ceiling is {} % of the time", percent(most))
        });
        if self.others {
            let most = self.limits.beside_others;
            let who = match self.counted {
                true => "others use the database",
                false => "others may use the database",
            };
            ceiling.lower(most, || {
                format!(
                    "{who}; beside them the limit is {} % of the time",
                    percent(most)
                )
            });
        }
        for hours in &self.limits.quiet {
            if hours.contains(moment) {
                ceiling.lower(hours.share(), || format!("these are quiet hours ({hours})"));
            }
        }
        ceiling
    }
}

struct Ceiling {
    share: f64,
    reason: Option<String>,
}

impl Ceiling {
    fn lower(&mut self, to: f64, reason: impl FnOnce() -> String) {
        let to = part(to);
        if to < self.share {
            self.share = to;
            self.reason = Some(reason());
        }
    }
}

/// A part of the time. What is no number allows nothing.
fn part(share: f64) -> f64 {
    if share.is_nan() {
        0.0
    } else {
        share.clamp(0.0, 1.0)
    }
}

fn full() -> String {
    "the database has room".to_owned()
}

fn again() -> String {
    "the database has room; the rate rises".to_owned()
}
