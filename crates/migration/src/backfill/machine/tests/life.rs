//! Workers in a simulated world, and what happens to them, one event after the other.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::audit::{Audit, Checked, Manners, Writer, hold};
use super::world::{Broken, Database, Held, LEASE};

/// More than any run takes that comes to its end.
const MOST_STEPS: u32 = 8_000;

/// What happens next.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A worker goes on: it decides, or what it decided is done, or it hears what came of it.
    Step(usize),
    /// Time passes, in milliseconds.
    Tick(u64),
    /// A worker does nothing for longer than its lease, and then goes on where it was.
    Stall(usize),
    /// The application inserts a row, with its value or without.
    Insert(u32, bool),
    /// The application changes a row, and its value with it or not.
    Change(u32, bool),
    /// A process dies before what it decided is done, or after. Another one takes its place.
    Crash(usize, bool),
    /// A connection is lost while something is under way.
    Disconnect(usize, Fate),
    /// What a lost connection was at is done after all.
    Arrive,
    /// The next batch of a worker gets in the way of others.
    InTheWay(usize),
    /// So much is allowed: no batches, or so long a pause, in tenths of a batch.
    Allow(usize, Option<u32>),
    Pause,
    Resume,
    Cancel,
    /// A worker is told to stop. Another one takes its place.
    Stop(usize),
}

/// What becomes of a transaction whose connection is lost.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Done,
    Gone,
    Late,
}

fn event() -> impl Strategy<Value = Event> {
    let who = || 0usize..4;
    let fate = prop_oneof![Just(Fate::Done), Just(Fate::Gone), Just(Fate::Late)];
    let key = || 0u32..90;
    prop_oneof![
        60 => who().prop_map(Event::Step),
        12 => (1u64..120).prop_map(Event::Tick),
        2 => (500u64..4_000).prop_map(Event::Tick),
        2 => who().prop_map(Event::Stall),
        3 => (key(), any::<bool>()).prop_map(|(key, right)| Event::Insert(key, right)),
        3 => (key(), any::<bool>()).prop_map(|(key, right)| Event::Change(key, right)),
        2 => (who(), any::<bool>()).prop_map(|(who, after)| Event::Crash(who, after)),
        3 => (who(), fate).prop_map(|(who, fate)| Event::Disconnect(who, fate)),
        3 => Just(Event::Arrive),
        2 => who().prop_map(Event::InTheWay),
        4 => (who(), prop::option::weighted(0.7, 0u32..40)).prop_map(|(who, it)| Event::Allow(who, it)),
        1 => Just(Event::Pause),
        2 => Just(Event::Resume),
        1 => who().prop_map(Event::Stop),
    ]
}

/// A world to be run, as values that can be made smaller.
#[derive(Debug, Clone)]
pub(super) struct Story {
    /// Key, and whether the row has its value.
    pub(super) rows: BTreeMap<u32, bool>,
    pub(super) workers: usize,
    /// Rows in the first batch.
    pub(super) batch: u32,
    pub(super) most_a_second: Option<f64>,
    /// How fast each worker's clock goes.
    pub(super) speeds: Vec<f64>,
    pub(super) events: Vec<Event>,
    /// Whether somebody calls the job off at the end.
    pub(super) cancel: bool,
}

/// Stories in which clocks go right, or at speeds of their own.
pub(super) fn story(clocks: bool) -> impl Strategy<Value = Story> {
    let speed = match clocks {
        true => prop_oneof![Just(0.4), Just(0.8), Just(1.0), Just(1.3), Just(5.0)].boxed(),
        false => Just(1.0).boxed(),
    };
    (
        prop::collection::btree_map(0u32..80, prop::bool::weighted(0.3), 0..60),
        1usize..5,
        1u32..12,
        prop_oneof![3 => Just(None), 1 => (20.0..400.0).prop_map(Some)],
        prop::collection::vec(speed, 4),
        prop::collection::vec(event(), 0..320),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(rows, workers, batch, most_a_second, speeds, events, cancel)| Story {
                rows,
                workers,
                batch,
                most_a_second,
                speeds,
                events,
                cancel,
            },
        )
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Deciding,
    Decided(Want),
    Answered(Got),
    /// Until a moment of its own clock.
    Asleep(Duration),
    Ended,
}

/// A worker with its connection and its clock.
struct Life {
    token: u64,
    worker: Worker,
    manners: Manners,
    held: Option<Held>,
    phase: Phase,
    in_the_way: bool,
    speed: f64,
}

/// A transaction whose connection is lost, and which is done later.
struct Late {
    token: u64,
    held: Option<Held>,
    want: Want,
}

/// A world that runs.
pub(super) struct Run {
    pub(super) database: Database,
    audit: Audit,
    lives: Vec<Life>,
    late: Vec<Late>,
    pace: Pace,
    speeds: Vec<f64>,
    tokens: u64,
    /// How often a worker heard that its lease is somebody else's.
    pub(super) lost: u32,
    /// How often a range was taken over.
    pub(super) taken: u32,
    pub(super) steps: u32,
}

fn allowance(pause: Option<u32>) -> Allowance {
    Allowance {
        batch: pause.map(|_| Duration::from_millis(8)),
        pause: f64::from(pause.unwrap_or(0)) / 10.0,
        turns: false,
        reason: "a test".to_owned(),
    }
}

impl Run {
    pub(super) fn new(story: &Story, broken: Broken) -> Self {
        let pace = Pace {
            rows: story.batch,
            lease: LEASE,
            most_a_second: story.most_a_second,
        };
        let mut run = Self {
            database: Database::new(&story.rows, broken),
            audit: Audit::default(),
            lives: Vec::new(),
            late: Vec::new(),
            pace,
            speeds: story.speeds.clone(),
            tokens: 0,
            lost: 0,
            taken: 0,
            steps: 0,
        };
        for slot in 0..story.workers {
            let life = run.born(slot);
            run.lives.push(life);
        }
        run
    }

    fn born(&mut self, slot: usize) -> Life {
        self.tokens += 1;
        let mut life = Life {
            token: self.tokens,
            worker: Worker::new(self.pace),
            manners: Manners::new(self.pace),
            held: None,
            phase: Phase::Deciding,
            in_the_way: false,
            speed: self.speeds[slot],
        };
        life.allow(&allowance(Some(0)), self.database.broken);
        life
    }

    /// All that happens, and then an end to everything that gets in the way.
    pub(super) fn whole(story: &Story, broken: Broken) -> Result<Self, super::audit::Violation> {
        let mut run = Self::new(story, broken);
        for event in &story.events {
            run.event(event)?;
        }
        if story.cancel {
            run.event(&Event::Cancel)?;
        }
        run.finish()?;
        Ok(run)
    }

    fn own(&self, slot: usize) -> Duration {
        self.database.now.mul_f64(self.lives[slot].speed)
    }

    pub(super) fn event(&mut self, event: &Event) -> Checked {
        let many = self.lives.len();
        match *event {
            Event::Step(slot) => self.step(slot % many)?,
            Event::Tick(length) => self.database.now += Duration::from_millis(length),
            Event::Stall(slot) => {
                if matches!(self.lives[slot % many].phase, Phase::Deciding) {
                    self.step(slot % many)?;
                }
                self.database.now += LEASE * 3 / 2;
            }
            Event::Insert(key, right) => self.database.insert(key, right),
            Event::Change(key, right) => self.database.change(key, right),
            Event::Crash(slot, after) => {
                let slot = slot % many;
                if let Phase::Decided(want) = self.lives[slot].phase
                    && after
                {
                    self.perform(slot, want, false)?;
                } else if let Phase::Decided(Want::Batch { .. }) = self.lives[slot].phase
                    && self.database.broken == Broken::BatchIsNotAtomic
                {
                    self.perform(slot, Want::Batch { rows: 3 }, true)?;
                }
                self.lives[slot] = self.born(slot);
            }
            Event::Disconnect(slot, fate) => self.disconnect(slot % many, fate)?,
            Event::Arrive => self.arrive()?,
            Event::InTheWay(slot) => self.lives[slot % many].in_the_way = true,
            Event::Allow(slot, pause) => {
                let broken = self.database.broken;
                self.lives[slot % many].allow(&allowance(pause), broken);
            }
            Event::Pause if self.database.status == JobStatus::Running => {
                self.database.status = JobStatus::Paused;
            }
            Event::Resume if self.database.status == JobStatus::Paused => self.resume(),
            Event::Cancel if self.database.status != JobStatus::Done => {
                self.database.status = JobStatus::Cancelled;
            }
            Event::Pause | Event::Resume | Event::Cancel => {}
            Event::Stop(slot) => {
                let life = &mut self.lives[slot % many];
                if matches!(life.phase, Phase::Ended) {
                    self.lives[slot % many] = self.born(slot % many);
                } else {
                    life.stop(self.database.broken);
                }
            }
        }
        Ok(())
    }

    fn resume(&mut self) {
        self.database.status = JobStatus::Running;
        for slot in 0..self.lives.len() {
            if matches!(self.lives[slot].phase, Phase::Ended) {
                self.lives[slot] = self.born(slot);
            }
        }
    }

    fn disconnect(&mut self, slot: usize, fate: Fate) -> Checked {
        let life = &mut self.lives[slot];
        let (Phase::Decided(want), token, held) = (life.phase, life.token, life.held) else {
            return Ok(());
        };
        // Whoever asked does not hear what came of it, and asks again.
        life.phase = Phase::Deciding;
        match fate {
            Fate::Done => self.late(&Late { token, held, want }),
            Fate::Gone => Ok(()),
            Fate::Late => {
                self.late.push(Late { token, held, want });
                Ok(())
            }
        }
    }

    fn arrive(&mut self) -> Checked {
        if self.late.is_empty() {
            return Ok(());
        }
        let late = self.late.remove(0);
        self.late(&late)
    }

    /// What is done for somebody who does not hear of it any more.
    fn late(&mut self, late: &Late) -> Checked {
        let mut held = late.held;
        self.transact(late.token, &mut held, late.want, false)?;
        Ok(())
    }

    /// One transaction, and what must hold after it.
    fn transact(
        &mut self,
        token: u64,
        held: &mut Option<Held>,
        want: Want,
        torn: bool,
    ) -> Result<Option<Got>, super::audit::Violation> {
        let before = self.database.clone();
        let asked = *held;
        let got = match want {
            Want::Claim => {
                let (got, taken) = self.database.claim(token);
                if let Some(taken) = taken {
                    self.taken += u32::from(taken.epoch > 1);
                    *held = Some(taken);
                }
                got
            }
            Want::Batch { rows } => self.database.batch(token, held.as_mut(), rows, torn),
            Want::Renew => self.database.renew(token, held.as_ref()),
            Want::Release => self.database.release(token, held.as_ref()),
            Want::Close => self.database.close(),
            Want::Wait(_) | Want::End(_) => return Ok(None),
        };
        let writer = matches!(want, Want::Batch { .. }).then_some(Writer { token, held: asked });
        self.audit.event(&before, &self.database, writer.as_ref())?;
        Ok(Some(got))
    }

    /// What a worker wants is done; none if it is to sleep or has ended.
    fn perform(
        &mut self,
        slot: usize,
        want: Want,
        torn: bool,
    ) -> Result<Option<Got>, super::audit::Violation> {
        let life = &mut self.lives[slot];
        if matches!(want, Want::Batch { .. }) && std::mem::take(&mut life.in_the_way) {
            return Ok(Some(Got::InTheWay));
        }
        let (token, mut held) = (life.token, life.held);
        let got = self.transact(token, &mut held, want, torn)?;
        if let Some(Got::Lost | Got::Released) = got {
            held = None;
        }
        if let Some(Got::Done(batch)) = got
            && batch.last
        {
            held = None;
        }
        self.lost += u32::from(got == Some(Got::Lost));
        self.lives[slot].held = held;
        Ok(got)
    }

    fn step(&mut self, slot: usize) -> Checked {
        let now = self.own(slot);
        let broken = self.database.broken;
        match self.lives[slot].phase {
            Phase::Ended => {}
            Phase::Asleep(until) if now < until => {}
            Phase::Deciding | Phase::Asleep(_) => {
                let life = &mut self.lives[slot];
                let over = life.manners.over();
                let want = broken_want(life.worker.want(now), life.held.is_some(), over, broken);
                life.manners.want(want, now)?;
                life.phase = match want {
                    Want::Wait(length) => Phase::Asleep(now + length),
                    Want::End(_) => Phase::Ended,
                    want => Phase::Decided(want),
                };
            }
            Phase::Decided(want) => {
                let got = self.perform(slot, want, false)?;
                self.lives[slot].phase = got.map_or(Phase::Deciding, Phase::Answered);
            }
            Phase::Answered(got) => {
                let life = &mut self.lives[slot];
                let got = match got {
                    Got::Lost if broken == Broken::DeafToLoss => Got::Renewed,
                    Got::Ended(_) if broken == Broken::DeafToTheEnd => Got::Again,
                    got => got,
                };
                life.worker.got(got, now);
                life.manners.got(got, now);
                life.phase = Phase::Deciding;
            }
        }
        Ok(())
    }

    /// Nothing gets in the way any more: the job comes to its end, and so does each worker.
    pub(super) fn finish(&mut self) -> Checked {
        while !self.late.is_empty() {
            self.arrive()?;
        }
        if self.database.status == JobStatus::Paused {
            self.resume();
        }
        for slot in 0..self.lives.len() {
            let broken = self.database.broken;
            let life = &mut self.lives[slot];
            life.in_the_way = false;
            life.allow(&allowance(Some(1)), broken);
        }
        for _ in 0..MOST_STEPS {
            self.steps += 1;
            let over = self.lives.iter().all(|it| matches!(it.phase, Phase::Ended));
            let running = self.database.status == JobStatus::Running;
            if over && !running {
                return Ok(());
            }
            if over {
                // Each was told to stop while there was still something to do.
                self.lives[0] = self.born(0);
            }
            let mut wakes: Option<Duration> = None;
            let mut awake = false;
            for slot in 0..self.lives.len() {
                if let Phase::Asleep(until) = self.lives[slot].phase
                    && self.own(slot) < until
                {
                    let left = (until - self.own(slot)).div_f64(self.lives[slot].speed);
                    let at = self.database.now + left.max(Duration::from_micros(1));
                    wakes = Some(wakes.map_or(at, |it| it.min(at)));
                    continue;
                }
                awake |= !matches!(self.lives[slot].phase, Phase::Ended);
                self.step(slot)?;
            }
            if let Some(at) = wakes
                && !awake
            {
                self.database.now = at;
            }
        }
        hold("it-comes-to-its-end", false, || {
            let phases: Vec<_> = self.lives.iter().map(|it| it.phase).collect();
            format!("{phases:?} {:?}", self.database)
        })
    }
}

fn broken_want(want: Want, holds: bool, over: Option<End>, broken: Broken) -> Want {
    match (broken, want) {
        (Broken::NeverRenews, Want::Renew) if holds => Want::Wait(LONGEST_WAIT),
        (Broken::KeepsWhatItLeaves, Want::Release) => over.map_or(want, Want::End),
        (Broken::Restless, Want::Wait(_)) if !holds => Want::Renew,
        (Broken::NeverCloses, Want::Close) => Want::Claim,
        (Broken::SleepsLong, Want::Wait(length)) if !holds => Want::Wait(length * 20),
        (Broken::SleepsPastItsLease, Want::Wait(_)) => Want::Wait(LONGEST_WAIT),
        (Broken::LargeBatches, Want::Batch { rows }) => Want::Batch {
            rows: rows * 40_000,
        },
        (_, want) => want,
    }
}

impl Life {
    fn allow(&mut self, allowance: &Allowance, broken: Broken) {
        self.manners.allow(allowance);
        let mut heard = allowance.clone();
        match broken {
            Broken::NeverRests => heard.pause = 0.0,
            Broken::WorksUnallowed => heard.batch = Some(Duration::from_millis(8)),
            _ => {}
        }
        self.worker.allow(&heard);
        // Whoever sleeps is woken by this.
        if let Phase::Asleep(_) = self.phase {
            self.phase = Phase::Deciding;
        }
    }

    fn stop(&mut self, broken: Broken) {
        self.manners.stop();
        if broken != Broken::DeafToStop {
            self.worker.stop();
        }
        if let Phase::Asleep(_) = self.phase {
            self.phase = Phase::Deciding;
        }
    }
}
