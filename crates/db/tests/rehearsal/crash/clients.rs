//! How much each connection of the code has done, so that it can be waited for.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchback_db::rehearsal::bench::Connection;

/// How long the code may stand still.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the code does something else after each statement, which leaves the processors to those
/// who take the steps.
const THINKS: Duration = Duration::from_millis(1);

/// Counts the statements of every connection of the code.
#[derive(Default)]
pub(crate) struct Meter {
    slots: Mutex<Vec<Slot>>,
    moved: Condvar,
}

#[derive(Clone, Copy)]
struct Slot {
    open: bool,
    done: u64,
}

/// What every connection that is at work had done at a moment. One with nothing to do beside a step
/// has never begun.
#[derive(Clone)]
pub(crate) struct Moment(Vec<(usize, u64)>);

impl Meter {
    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether code has connections.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().iter().any(|slot| slot.open)
    }

    /// All statements so far.
    pub(crate) fn total(&self) -> u64 {
        self.lock().iter().map(|slot| slot.done).sum()
    }

    pub(crate) fn now(&self) -> Moment {
        let slots = self.lock();
        let begun = slots.iter().enumerate();
        let begun = begun.filter(|(_, slot)| slot.open && slot.done > 0);
        Moment(begun.map(|(at, slot)| (at, slot.done)).collect())
    }

    /// Waits until every connection that was at work has done `more` statements since; returns how
    /// many there were in all.
    pub(crate) fn wait(&self, since: &Moment, more: u64) -> Result<u64, String> {
        let end = Instant::now() + PATIENCE;
        let mut slots = self.lock();
        loop {
            let did = |&(at, before): &(usize, u64)| slots[at].done - before;
            if since.0.iter().all(|it| did(it) >= more) {
                return Ok(since.0.iter().map(did).sum());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("a client stood still for {PATIENCE:?}"));
            }
            slots = self
                .moved
                .wait_timeout(slots, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// A connection whose statements are counted.
pub(crate) struct Counted {
    inner: Box<dyn Connection>,
    meter: Arc<Meter>,
    slot: usize,
}

impl Counted {
    pub(crate) fn new(inner: Box<dyn Connection>, meter: &Arc<Meter>) -> Self {
        let mut slots = meter.lock();
        slots.push(Slot {
            open: true,
            done: 0,
        });
        let slot = slots.len() - 1;
        drop(slots);
        Self {
            inner,
            meter: Arc::clone(meter),
            slot,
        }
    }

    fn did(&self) {
        std::thread::sleep(THINKS);
        self.meter.lock()[self.slot].done += 1;
        self.meter.moved.notify_all();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.meter.lock()[self.slot].open = false;
    }
}

impl Connection for Counted {
    fn run(&mut self, sql: &str, values: &[Option<String>]) -> Result<u64, String> {
        let result = self.inner.run(sql, values);
        self.did();
        result
    }

    fn play(&mut self, sql: &str) -> Result<(), String> {
        let result = self.inner.play(sql);
        self.did();
        result
    }

    fn read(
        &mut self,
        sql: &str,
        values: &[Option<String>],
    ) -> Result<Option<Vec<Option<String>>>, String> {
        let result = self.inner.read(sql, values);
        self.did();
        result
    }
}
