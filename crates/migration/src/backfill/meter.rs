//! How fast a walk is, and how long it will take from here, as far as that can be said.
//!
//! A [`Meter`] is told at regular moments how many rows were looked at. The rate is that of the last
//! half minute. The time left comes from up to five minutes, cut into spans: how much the rates of
//! these differ says how far the answer may be off, so it is a range. Time in which nothing was done
//! counts like any other.
//!
//! Moments are lengths since any fixed one. A meter keeps a bounded number of points.
//!
//! Deliberately absent: the end of the job. Another walk follows while rows are found that differ,
//! and how many of those there are nobody can know.

use std::collections::VecDeque;
use std::time::Duration;

use crate::words;

/// How far back the rate looks.
const LATELY: Duration = Duration::from_secs(30);

/// How far back the time left looks.
const WINDOW: Duration = Duration::from_secs(300);

/// Points that are closer than this are one.
const SPACING: Duration = Duration::from_secs(1);

/// No rate is said before so much time has passed.
const LEAST_FOR_RATE: Duration = Duration::from_secs(2);

/// No time left is said before so much time has passed.
const LEAST_FOR_LEFT: Duration = Duration::from_secs(6);

/// Into how many spans the window is cut.
const SPANS: usize = 15;

/// No span is shorter, if there is time for three.
const SHORTEST_SPAN: f64 = 5.0;

/// How many standard deviations the range is wide on each side.
const WIDTH: f64 = 2.0;

/// A slow end below this part of the mean rate promises nothing.
const HOPELESS: f64 = 0.2;

/// The longest time that is said: a hundred years.
const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;

/// The most points that are kept: one for each second of the window and both ends.
const MOST_POINTS: usize = WINDOW.as_secs() as usize + 3;

#[derive(Debug, Clone, Copy)]
struct Point {
    /// In seconds.
    at: f64,
    /// Rows over all walks that the meter saw.
    done: f64,
}

/// How fast a job was lately.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    points: VecDeque<Point>,
    sweep: u32,
    scanned: u64,
    total: Option<u64>,
}

/// How long a walk will take from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// If it stays as fast as it was at its best.
    pub least: Duration,
    /// If it stays as slow as it was at its worst; none where it was too uneven to say.
    pub most: Option<Duration>,
    /// Which walk, from 1; 0 where there are none, as in an undo.
    pub sweep: u32,
}

impl Meter {
    /// A meter that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// At this moment so many rows of so many were looked at in this walk. To be said every second
    /// or so, also when nothing was done. A moment before the last one counts as the last one, and
    /// rows do not become fewer within a walk.
    pub fn saw(&mut self, at: Duration, sweep: u32, scanned: u64, total: Option<u64>) {
        let before = self.points.back().copied();
        let done = match before {
            None => 0.0,
            Some(before) if sweep == self.sweep => {
                before.done + scanned.saturating_sub(self.scanned) as f64
            }
            // What was left of the walk before is not known and not much.
            Some(before) => before.done + scanned as f64,
        };
        self.scanned = match before {
            Some(_) if sweep == self.sweep => scanned.max(self.scanned),
            _ => scanned,
        };
        self.sweep = sweep;
        self.total = total;
        let at = before.map_or(at.as_secs_f64(), |before| at.as_secs_f64().max(before.at));
        self.keep(Point { at, done });
    }

    fn keep(&mut self, point: Point) {
        // The last point moves along until it is far enough from the one before it. The first one
        // stays where it is.
        let moves = self.points.len() >= 2
            && self
                .points
                .get(self.points.len() - 2)
                .is_some_and(|anchor| point.at - anchor.at < SPACING.as_secs_f64());
        if moves {
            self.points.pop_back();
        }
        self.points.push_back(point);
        // One point at or before the beginning of the window stays, to know what was done in it.
        while self.points.len() > 2
            && self
                .points
                .get(1)
                .is_some_and(|second| point.at - second.at >= WINDOW.as_secs_f64())
        {
            self.points.pop_front();
        }
        while self.points.len() > MOST_POINTS {
            self.points.pop_front();
        }
    }

    /// Rows a second over the last half minute, or over as much as there was; none while that is
    /// too little, and where nothing was done.
    pub fn rate(&self) -> Option<f64> {
        let passed = self.passed()?;
        if passed < LEAST_FOR_RATE.as_secs_f64() {
            return None;
        }
        let end = self.points.back()?.at;
        let rate = self.between(end - passed.min(LATELY.as_secs_f64()), end);
        (rate > 0.0).then_some(rate)
    }

    /// How long the walk takes from the last moment that was said. None while too little is known:
    /// no total, or more rows than that, too little time, or nothing done lately.
    pub fn left(&self) -> Option<Left> {
        let rows = self.total?.checked_sub(self.scanned).filter(|&it| it > 0)? as f64;
        let passed = self.passed()?.min(WINDOW.as_secs_f64());
        if passed < LEAST_FOR_LEFT.as_secs_f64() {
            return None;
        }
        let lately = self.rate()?;
        let count = ((passed / SHORTEST_SPAN) as usize).clamp(3, SPANS);
        let rates = self.spans(passed, count);
        let count = rates.len() as f64;
        let mean = rates.iter().sum::<f64>() / count;
        if mean <= 0.0 {
            return None;
        }
        let spread = rates.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0);
        // The mean of what was seen is off by one part, and what comes is even more so the shorter
        // it is: over a long time fast and slow spans make up for each other.
        let coming = (passed / count / (rows / mean)).min(1.0);
        let off = WIDTH * (spread * (1.0 / count + coming)).sqrt();
        let fastest = rates.iter().copied().fold(lately, f64::max);
        let slowest = rates.iter().copied().fold(lately, f64::min);
        let fast = (mean + off).max(lately).min(fastest);
        let slow = (mean - off).min(lately).max(slowest);
        let sweep = self.sweep;
        if slow <= mean * HOPELESS {
            // Too uneven for a mean to say anything, such as after a long pause: what is sure is
            // that it takes as long as at the best of times.
            let count = (passed / SHORTEST_SPAN) as usize;
            let best = self
                .spans(passed, count)
                .into_iter()
                .fold(fastest, f64::max);
            return Some(Left {
                least: seconds(rows / best),
                most: None,
                sweep,
            });
        }
        Some(Left {
            least: seconds(rows / fast),
            most: Some(seconds(rows / slow)),
            sweep,
        })
    }

    /// Seconds since the first point that is kept.
    fn passed(&self) -> Option<f64> {
        Some(self.points.back()?.at - self.points.front()?.at)
    }

    /// The rates of the spans that the last so many seconds are cut into.
    fn spans(&self, passed: f64, count: usize) -> Vec<f64> {
        let length = passed / count as f64;
        let Some(end) = self.points.back() else {
            return Vec::new();
        };
        let begin = end.at - passed;
        (0..count)
            .map(|n| {
                let from = begin + n as f64 * length;
                self.between(from, from + length)
            })
            .collect()
    }

    /// Rows a second between two moments within those that were said.
    fn between(&self, from: f64, to: f64) -> f64 {
        let rows = self.done_at(to) - self.done_at(from);
        (rows / (to - from).max(f64::EPSILON)).max(0.0)
    }

    /// Rows that were done by a moment, as if between two points work had been even.
    fn done_at(&self, at: f64) -> f64 {
        let after = self.points.partition_point(|point| point.at < at);
        let (Some(right), left) = (
            self.points.get(after).or(self.points.back()),
            after.checked_sub(1).and_then(|it| self.points.get(it)),
        ) else {
            return 0.0;
        };
        match left {
            Some(left) if right.at > left.at => {
                let part = ((at - left.at) / (right.at - left.at)).clamp(0.0, 1.0);
                left.done + (right.done - left.done) * part
            }
            _ => right.done,
        }
    }
}

fn seconds(length: f64) -> Duration {
    Duration::from_secs_f64(length.clamp(0.0, LONGEST))
}

impl Left {
    /// For people: `about 12 to 20 minutes left in the first walk`.
    pub fn words(&self) -> String {
        let length = match self.most {
            Some(most) => words::about(self.least, most),
            None => words::at_least(self.least),
        };
        match self.sweep {
            // An undo walks nothing.
            0 => format!("{length} left"),
            1 => format!("{length} left in the first walk"),
            sweep => format!(
                "{length} left in walk {sweep}, and another one follows if rows are found that differ"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
