//! A control table and a data table, with the rules that the adapters of databases have. Each call
//! is one transaction. [`Broken`] takes one rule away.

use std::collections::BTreeMap;

use super::super::*;

/// No more walks that change something.
pub(super) const MOST_WALKS: u32 = 5;

/// Rows in a range.
const RANGE: usize = 7;

/// How long a lease holds, by the clock of the database.
pub(super) const LEASE: Duration = Duration::from_secs(3);

/// What is wrong with a world, or with the machine in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    // Of the database.
    NoFence,
    FenceWithoutEpoch,
    EpochStays,
    TakesWhatIsHeld,
    LeaseNeverRunsOut,
    ClosesWhileOthersWork,
    OneWalkIsEnough,
    WritesWhilePaused,
    BatchIsNotAtomic,
    PlaceFromMemory,
    WritesWhatIsRight,
    FrontierComesShort,
    FrontierGoesTooFar,
    CountsWhatWasAsked,
    LateRowsAreMissed,
    DeafToRenewal,
    // Of the machine.
    NeverRenews,
    NeverRests,
    WorksUnallowed,
    SleepsLong,
    SleepsPastItsLease,
    LargeBatches,
    DeafToStop,
    DeafToLoss,
    DeafToTheEnd,
    NeverCloses,
    KeepsWhatItLeaves,
    Restless,
}

/// A row of the data table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) source: u32,
    pub(super) filled: Option<u32>,
    /// How often it became wrong.
    pub(super) needs: u32,
    /// How often the backfill wrote to it.
    pub(super) effects: u32,
    /// In which walk it last became wrong.
    pub(super) wrong_in: u32,
    /// How often it was looked at, by walk.
    pub(super) looked: BTreeMap<u32, u32>,
}

impl Row {
    pub(super) fn right(&self) -> bool {
        self.filled == Some(should(self.source))
    }
}

fn should(source: u32) -> u32 {
    2 * source + 1
}

/// A row of the control table of ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) place: u32,
    pub(super) holder: Option<u64>,
    pub(super) epoch: u32,
    pub(super) until: Duration,
    pub(super) done: bool,
}

/// What a worker's connection remembers of the range that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) walk: u32,
    pub(super) start: u32,
    pub(super) epoch: u32,
    /// Only read where the world is broken.
    place: u32,
}

/// The row of the job, its ranges, and the data.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pub(super) now: Duration,
    pub(super) status: JobStatus,
    pub(super) walk: u32,
    pub(super) frontier: u32,
    pub(super) high: u32,
    pub(super) changed_in_walk: u64,
    pub(super) scanned: u64,
    pub(super) changed: u64,
    pub(super) batches: u64,
    pub(super) ranges: Vec<Range>,
    pub(super) rows: BTreeMap<u32, Row>,
    pub(super) broken: Broken,
}

impl Database {
    /// A table with those keys, each of whose rows lacks its value if so said.
    pub(super) fn new(rows: &BTreeMap<u32, bool>, broken: Broken) -> Self {
        let mut new = Self {
            now: Duration::ZERO,
            status: JobStatus::Running,
            walk: 1,
            frontier: 0,
            high: 0,
            changed_in_walk: 0,
            scanned: 0,
            changed: 0,
            batches: 0,
            ranges: Vec::new(),
            rows: BTreeMap::new(),
            broken,
        };
        for (key, right) in rows {
            new.insert(*key, *right);
        }
        new.high = new.end();
        new
    }

    fn end(&self) -> u32 {
        self.rows.keys().next_back().map_or(0, |key| key + 1)
    }

    /// The application inserts a row, with its value or without.
    pub(super) fn insert(&mut self, key: u32, right: bool) {
        if self.rows.contains_key(&key) {
            return self.change(key, right);
        }
        let row = Row {
            source: key,
            filled: right.then(|| should(key)),
            needs: u32::from(!right),
            effects: 0,
            wrong_in: self.walk,
            looked: BTreeMap::new(),
        };
        self.rows.insert(key, row);
    }

    /// The application changes a row, and its value with it or not.
    pub(super) fn change(&mut self, key: u32, right: bool) {
        let walk = self.walk;
        if let Some(row) = self.rows.get_mut(&key) {
            let was = row.right();
            row.source += 1;
            if right {
                row.filled = Some(should(row.source));
            } else {
                row.needs += u32::from(was);
                row.wrong_in = walk;
            }
        }
    }

    pub(super) fn claim(&mut self, token: u64) -> (Got, Option<Held>) {
        if self.status != JobStatus::Running {
            return (Got::Ended(self.status), None);
        }
        let (now, broken) = (self.now, self.broken);
        let free = |range: &&mut Range| {
            !range.done
                && match range.holder {
                    None => true,
                    Some(_) if broken == Broken::LeaseNeverRunsOut => false,
                    Some(_) if broken == Broken::TakesWhatIsHeld => true,
                    Some(_) => range.until <= now,
                }
        };
        let range = match self.ranges.iter_mut().find(free) {
            Some(range) => {
                range.epoch += u32::from(broken != Broken::EpochStays);
                range
            }
            None => {
                let left = || {
                    self.rows
                        .range(self.frontier..self.high)
                        .map(|(key, _)| *key)
                };
                let Some(_) = left().next() else {
                    self.frontier = self.high;
                    return (Got::NothingLeft, None);
                };
                let start = self.frontier;
                let end = left().nth(RANGE).unwrap_or(self.high);
                self.frontier = match broken {
                    Broken::FrontierComesShort => end - 1,
                    Broken::FrontierGoesTooFar => end + 1,
                    _ => end,
                };
                self.ranges.push(Range {
                    start,
                    end,
                    place: start,
                    holder: None,
                    epoch: 1,
                    until: Duration::ZERO,
                    done: false,
                });
                let last = self.ranges.len() - 1;
                &mut self.ranges[last]
            }
        };
        range.holder = Some(token);
        range.until = now + LEASE;
        let held = Held {
            walk: self.walk,
            start: range.start,
            epoch: range.epoch,
            place: range.place,
        };
        (Got::Claimed, Some(held))
    }

    /// Where the range of a lease is, if the lease holds.
    fn fenced(&self, token: u64, held: Option<&Held>) -> Option<usize> {
        let held = held.filter(|held| held.walk == self.walk)?;
        self.ranges.iter().position(|range| {
            let holder = range.holder == Some(token) && !range.done;
            let epoch = range.epoch == held.epoch || self.broken == Broken::FenceWithoutEpoch;
            let open = self.broken == Broken::NoFence && !range.done;
            range.start == held.start && (holder && epoch || open)
        })
    }

    /// A batch whose process or connection may go while it is at it: `torn`.
    pub(super) fn batch(
        &mut self,
        token: u64,
        held: Option<&mut Held>,
        rows: u32,
        torn: bool,
    ) -> Got {
        if self.status != JobStatus::Running && self.broken != Broken::WritesWhilePaused {
            return Got::Ended(self.status);
        }
        let Some(at) = self.fenced(token, held.as_deref()) else {
            return Got::Lost;
        };
        let range = &self.ranges[at];
        let place = match &held {
            Some(held) if self.broken == Broken::PlaceFromMemory => held.place,
            _ => range.place,
        };
        let keys = || {
            self.rows
                .range(place..range.end.max(place))
                .map(|(key, _)| *key)
        };
        let these: Vec<u32> = keys().take(rows as usize).collect();
        let next = keys().nth(rows as usize);
        let (walk, mut changed) = (self.walk, 0);
        for key in &these {
            let Some(row) = self.rows.get_mut(key) else {
                continue;
            };
            *row.looked.entry(walk).or_default() += 1;
            let missed = self.broken == Broken::LateRowsAreMissed && row.wrong_in > 1;
            if !row.right() && !missed || self.broken == Broken::WritesWhatIsRight {
                row.filled = Some(should(row.source));
                row.effects += 1;
                changed += 1;
            }
        }
        let work = Duration::from_millis(these.len() as u64);
        self.now += work;
        if torn && self.broken == Broken::BatchIsNotAtomic {
            return Got::Lost;
        }
        let range = &mut self.ranges[at];
        range.place = next.unwrap_or(range.end);
        range.done = next.is_none();
        range.until = self.now + LEASE;
        if range.done {
            range.holder = None;
        }
        if let Some(held) = held {
            held.place = range.place;
        }
        self.batches += 1;
        self.changed += changed;
        self.changed_in_walk += changed;
        self.scanned += match self.broken {
            Broken::CountsWhatWasAsked => u64::from(rows),
            _ => these.len() as u64,
        };
        Got::Done(Batch {
            rows: these.len() as u64,
            work,
            held: work,
            in_the_way: false,
            last: range.done,
        })
    }

    pub(super) fn renew(&mut self, token: u64, held: Option<&Held>) -> Got {
        if self.status != JobStatus::Running {
            return Got::Ended(self.status);
        }
        match self.fenced(token, held) {
            Some(_) if self.broken == Broken::DeafToRenewal => {}
            Some(at) => self.ranges[at].until = self.now + LEASE,
            None if held.is_some() => return Got::Lost,
            None => {}
        }
        Got::Renewed
    }

    pub(super) fn release(&mut self, token: u64, held: Option<&Held>) -> Got {
        let Some(at) = self.fenced(token, held) else {
            return Got::Lost;
        };
        self.ranges[at].holder = None;
        Got::Released
    }

    pub(super) fn close(&mut self) -> Got {
        if self.status != JobStatus::Running {
            return Got::Ended(self.status);
        }
        let whole = self.frontier >= self.high && self.ranges.iter().all(|range| range.done);
        if !whole && self.broken != Broken::ClosesWhileOthersWork {
            return Got::NotYet;
        }
        let more = (self.changed_in_walk > 0 || self.walk == 1) && self.walk < MOST_WALKS;
        if !more || self.broken == Broken::OneWalkIsEnough {
            self.status = JobStatus::Done;
            return Got::Ended(self.status);
        }
        self.walk += 1;
        self.frontier = 0;
        self.high = self.end();
        self.changed_in_walk = 0;
        self.ranges.clear();
        Got::Again
    }
}
