//! What must hold, by name, whatever happens. Judged from what a world was before an event, what it
//! is after, and who asked for what; never from what its own rules believe.

use std::collections::BTreeMap;

use super::super::*;
use super::world::{Database, Held, LEASE};

/// Something that must hold and did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) name: &'static str,
    pub(super) what: String,
}

pub(super) type Checked = Result<(), Violation>;

/// Refuses what does not hold.
pub(super) fn hold(name: &'static str, holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds {
        return Ok(());
    }
    let what = what();
    Err(Violation { name, what })
}

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    pub(super) token: u64,
    pub(super) held: Option<Held>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Audit {
    batches: u64,
    /// Who had a range, by walk, start and epoch.
    holders: BTreeMap<(u32, u32, u32), u64>,
}

impl Audit {
    /// After an event in a database. The writer is whose batch it was, if it was one.
    pub(super) fn event(
        &mut self,
        before: &Database,
        after: &Database,
        writer: Option<&Writer>,
    ) -> Checked {
        rows(after)?;
        writes(before, after, writer)?;
        self.counts(before, after, writer.is_some())?;
        ranges(after)?;
        places(before, after)?;
        self.holders(before, after)?;
        walks(before, after)?;
        ends(after)
    }

    /// The counts are those of what was done to the rows.
    fn counts(&mut self, before: &Database, after: &Database, batch: bool) -> Checked {
        let of = |it: &Database| (it.scanned, it.changed);
        self.batches += u64::from(batch && after.batches != before.batches);
        let effects = |it: &Database| it.rows.values().map(|row| u64::from(row.effects)).sum();
        let looked = |it: &Database| {
            let rows = it.rows.values();
            rows.flat_map(|row| row.looked.values())
                .map(|it| u64::from(*it))
                .sum()
        };
        let done: (u64, u64) = (looked(after), effects(after));
        hold("counts-are-true", of(after) == done, || {
            format!("counted {:?}, done {done:?}", of(after))
        })?;
        hold("counts-are-true", self.batches == after.batches, || {
            format!("{} batches of {}", after.batches, self.batches)
        })
    }

    /// Nobody has what somebody else has: each taking has an epoch of its own, and what is held on
    /// a lease that runs is not taken.
    fn holders(&mut self, before: &Database, after: &Database) -> Checked {
        for range in &after.ranges {
            let Some(holder) = range.holder else { continue };
            let key = (after.walk, range.start, range.epoch);
            let known = *self.holders.entry(key).or_insert(holder);
            hold("one-holder", known == holder, || {
                format!("{holder} has {range:?} in the epoch of {known}")
            })?;
            let same = before.ranges.iter().find(|it| it.start == range.start);
            let Some(was) = same.filter(|_| before.walk == after.walk) else {
                continue;
            };
            let taken = (was.holder, was.epoch) != (range.holder, range.epoch);
            if !taken {
                continue;
            }
            hold("one-holder", range.epoch > was.epoch, || {
                format!("{holder} took {range:?} without a new epoch")
            })?;
            let free = was.holder.is_none() || was.until <= after.now;
            hold("leases-are-respected", free && !was.done, || {
                format!("{holder} took {was:?} at {:?}", after.now)
            })?;
        }
        Ok(())
    }
}

/// A row is written to once for each time that it became wrong, and looked at once in a walk.
fn rows(after: &Database) -> Checked {
    for (key, row) in &after.rows {
        hold("no-duplicate-effects", row.effects <= row.needs, || {
            format!("row {key}: {row:?}")
        })?;
        let once = row.looked.values().all(|times| *times == 1);
        hold("looked-at-once", once, || format!("row {key}: {row:?}"))?;
    }
    Ok(())
}

/// Only batches write, each only to rows of a range that its worker has on lease, and only while
/// the job runs.
fn writes(before: &Database, after: &Database, writer: Option<&Writer>) -> Checked {
    let moved = |it: &Database| {
        let places: Vec<(u32, bool)> = it.ranges.iter().map(|it| (it.place, it.done)).collect();
        (it.walk, places)
    };
    let wrote: Vec<u32> = (after.rows.iter())
        .filter(|(key, row)| before.rows.get(key).map_or(0, |it| it.effects) != row.effects)
        .map(|(key, _)| *key)
        .collect();
    if before.status != JobStatus::Running {
        let still = wrote.is_empty() && moved(before) == moved(after);
        hold("at-rest-nothing-is-written", still, || {
            format!("{:?}: wrote {wrote:?}", before.status)
        })?;
    }
    let worked = after.batches != before.batches;
    if wrote.is_empty() && !worked {
        return Ok(());
    }
    let lease = writer.and_then(|writer| {
        let held = writer.held.filter(|held| held.walk == before.walk)?;
        before.ranges.iter().find(|range| {
            range.start == held.start
                && range.holder == Some(writer.token)
                && range.epoch == held.epoch
                && !range.done
        })
    });
    let ours = lease.is_some_and(|range| {
        wrote
            .iter()
            .all(|key| (range.start..range.end).contains(key))
    });
    hold("only-a-holder-writes", ours, || {
        format!("{writer:?} wrote {wrote:?} of {:?}", before.ranges)
    })
}

/// Each key below the frontier is in one range, and no other.
fn ranges(after: &Database) -> Checked {
    let mut spans: Vec<(u32, u32)> = after.ranges.iter().map(|it| (it.start, it.end)).collect();
    spans.sort_unstable();
    let mut reached = 0;
    for (start, end) in &spans {
        hold(
            "ranges-divide-the-rows",
            *start == reached && end > start,
            || format!("{spans:?} up to {}", after.frontier),
        )?;
        reached = *end;
    }
    // Where no row is left above the last range, the frontier moves without one.
    let gap = after.rows.range(reached..after.frontier.max(reached));
    let unseen = gap.filter(|(_, row)| row.wrong_in < after.walk).count();
    hold(
        "ranges-divide-the-rows",
        after.frontier >= reached && unseen == 0,
        || format!("{spans:?} up to {}, {unseen} rows in none", after.frontier),
    )
}

/// The place in a range never goes back in a walk, and so in no epoch.
fn places(before: &Database, after: &Database) -> Checked {
    if before.walk != after.walk {
        return Ok(());
    }
    for was in &before.ranges {
        let now = after.ranges.iter().find(|it| it.start == was.start);
        let on = now.is_some_and(|now| {
            let inside = (now.start..=now.end).contains(&now.place);
            inside && now.place >= was.place && now.epoch >= was.epoch && (now.done || !was.done)
        });
        hold("places-go-forward", on, || format!("{was:?}, then {now:?}"))?;
    }
    Ok(())
}

/// A walk ends when each of its ranges is done, never before.
fn walks(before: &Database, after: &Database) -> Checked {
    let done = before.status != JobStatus::Done && after.status == JobStatus::Done;
    if before.walk == after.walk && !done {
        return Ok(());
    }
    let whole = before.frontier >= before.high && before.ranges.iter().all(|it| it.done);
    hold("walks-are-whole", whole, || {
        format!("walk {} ended with {:?}", before.walk, before.ranges)
    })
}

/// A job is done when each row is right, but for what the application broke during the last walk.
fn ends(after: &Database) -> Checked {
    if after.status != JobStatus::Done {
        return Ok(());
    }
    for (key, row) in &after.rows {
        let excused = row.wrong_in == after.walk && after.walk > 1;
        hold("done-is-right", row.right() || excused, || {
            format!("walk {}, row {key}: {row:?}", after.walk)
        })?;
    }
    Ok(())
}

/// What one worker may want, from what it was told, by its own clock.
#[derive(Debug, Clone)]
pub(super) struct Manners {
    pace: Pace,
    allowance: Allowance,
    stopped: bool,
    over: Option<End>,
    holds: bool,
    /// When the lease was last known to hold.
    kept: Duration,
    /// When a batch last came to its end, and how long it took.
    batch: Option<(Duration, Duration)>,
    /// Nothing before, because of others.
    away: Duration,
}

impl Manners {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            allowance: Allowance {
                batch: None,
                pause: 0.0,
                turns: false,
                reason: String::new(),
            },
            stopped: false,
            over: None,
            holds: false,
            kept: Duration::ZERO,
            batch: None,
            away: Duration::ZERO,
        }
    }

    pub(super) fn allow(&mut self, allowance: &Allowance) {
        self.allowance = allowance.clone();
    }

    /// The end, once the worker heard of it.
    pub(super) fn over(&self) -> Option<End> {
        self.over
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn got(&mut self, got: Got, now: Duration) {
        if self.over.is_some() {
            // It gave back what it had, or it has not been its own any more.
            self.holds = false;
            return;
        }
        match got {
            Got::Claimed | Got::Renewed => self.kept = now,
            Got::Done(batch) => {
                self.kept = now;
                self.batch = Some((now, batch.held));
            }
            Got::InTheWay => self.away = now + Duration::from_millis(100),
            _ => {}
        }
        match got {
            Got::Claimed => self.holds = true,
            Got::Lost | Got::Released => self.holds = false,
            Got::Done(batch) if batch.last => self.holds = false,
            Got::Ended(status) => self.over = Some(End::Job(status)),
            _ => {}
        }
    }

    pub(super) fn want(&self, want: Want, now: Duration) -> Checked {
        let said = || format!("{want:?} at {now:?}: {self:?}");
        if let Some(over) = self.over {
            if self.holds {
                return hold("what-is-held-is-given-back", want == Want::Release, said);
            }
            return hold("the-end-is-the-end", want == Want::End(over), said);
        }
        if self.stopped {
            let expected = match self.holds {
                true => Want::Release,
                false => Want::End(End::Stopped),
            };
            return hold("a-stop-is-heard", want == expected, said);
        }
        let due = self.kept + LEASE / 3;
        match want {
            Want::Batch { rows } => {
                let most = self
                    .pace
                    .most_a_second
                    .map_or(50_000.0, |most| most.max(1.0));
                let fits = (1..=50_000).contains(&rows) && f64::from(rows) <= most;
                hold("batches-within-bounds", fits, said)?;
                hold("only-a-holder-writes", self.holds, said)?;
                let allowed = self.allowance.batch.is_some();
                hold("only-what-is-allowed", allowed, said)?;
                let rested = self
                    .batch
                    .is_none_or(|(end, held)| now >= end + held.mul_f64(self.allowance.pause));
                hold("a-pause-is-kept", rested && now >= self.away, said)
            }
            Want::Wait(length) => {
                let short = !length.is_zero() && length <= Duration::from_millis(250);
                hold("waits-are-short", short, said)?;
                let early = !self.holds || now + length <= due;
                hold("leases-are-renewed", early, said)
            }
            Want::Claim => {
                hold("one-range-at-a-time", !self.holds, said)?;
                let allowed = self.allowance.batch.is_some();
                hold("only-what-is-allowed", allowed, said)
            }
            Want::Close => hold("one-range-at-a-time", !self.holds, said),
            Want::Release => hold("only-a-holder-writes", self.holds, said),
            Want::Renew => Ok(()),
            Want::End(_) => hold("the-end-is-the-end", false, said),
        }
    }
}
