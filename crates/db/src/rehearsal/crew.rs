//! Clients at work, and whoever leads them through the moments of a step.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchback_migration::workload::Workload;

use super::client::{Client, Findings, Member};
use super::own::OwnWork;
use super::report::Moment;

/// The moments in their order; those at odd places are ones in which the step moves.
const MOMENTS: [Moment; 7] = [
    Moment::Before,
    Moment::Up,
    Moment::AfterUp,
    Moment::Down,
    Moment::AfterDown,
    Moment::Again,
    Moment::AfterAgain,
];

/// A moment of one phase among all of a rehearsal, as a number that only rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stage(pub(super) u64);

impl Stage {
    const fn of(phase: u64, place: usize) -> Self {
        Self(phase * 8 + place as u64)
    }

    pub(super) fn moment(self) -> Moment {
        let place = usize::try_from(self.0 % 8).unwrap_or(0);
        MOMENTS.get(place).copied().unwrap_or(Moment::AfterAgain)
    }

    /// Whether the step moves.
    pub(super) const fn moves(self) -> bool {
        self.0 % 8 % 2 == 1
    }

    pub(super) const fn phase(self) -> u64 {
        self.0 / 8
    }
}

/// What clients and their lead share.
pub(super) struct Shared {
    stage: AtomicU64,
    stop: AtomicBool,
    /// How much each client has done in the stage that the number is of.
    done: Mutex<(Stage, Vec<u64>)>,
    changed: Condvar,
}

impl Shared {
    fn new(phase: u64, clients: usize) -> Self {
        let stage = Stage::of(phase, 0);
        Self {
            stage: AtomicU64::new(stage.0),
            stop: AtomicBool::new(false),
            done: Mutex::new((stage, vec![0; clients])),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Stage, Vec<u64>)> {
        // A client that panicked has said so itself; the numbers stay numbers.
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stage(&self) -> Stage {
        Stage(self.stage.load(Ordering::SeqCst))
    }

    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// A client has done something that began in `stage`.
    pub(super) fn did(&self, client: usize, stage: Stage) {
        let mut done = self.lock();
        if done.0 == stage
            && let Some(count) = done.1.get_mut(client)
        {
            *count += 1;
            self.changed.notify_all();
        }
    }

    /// A client has nothing to do at this moment.
    pub(super) fn idle(&self) {
        let done = self.lock();
        let _until = self.changed.wait_timeout(done, Duration::from_millis(2));
    }
}

/// Whoever leads the clients.
pub(super) struct Lead<'a> {
    shared: &'a Shared,
    phase: u64,
    /// How much each client does in a steady moment.
    settle: u64,
    /// How long that is waited for.
    patience: Duration,
}

/// The clients did not get on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stuck {
    pub(super) moment: Moment,
    pub(super) waited: Duration,
}

impl Lead<'_> {
    /// A moment begins.
    pub(super) fn begin(&self, moment: Moment) {
        let place = MOMENTS.iter().position(|it| *it == moment).unwrap_or(0);
        let stage = Stage::of(self.phase, place);
        let mut done = self.shared.lock();
        done.1.fill(0);
        done.0 = stage;
        self.shared.stage.store(stage.0, Ordering::SeqCst);
    }

    /// Waits until every client has done its part in this moment.
    pub(super) fn settle(&self) -> Result<(), Stuck> {
        let begun = Instant::now();
        let mut done = self.shared.lock();
        while done.1.iter().any(|count| *count < self.settle) {
            let waited = begun.elapsed();
            let Some(left) = self.patience.checked_sub(waited) else {
                let moment = done.0.moment();
                return Err(Stuck { moment, waited });
            };
            done = self
                .shared
                .changed
                .wait_timeout(done, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(())
    }
}

/// How clients work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) phase: u64,
    /// The application's own statements.
    pub(super) own: &'a OwnWork,
    pub(super) settle: u64,
    pub(super) patience: Duration,
    /// Whether the step gives rows other values.
    pub(super) rewrites: bool,
}

/// Lets clients work, each with its members, while `drive` leads; what they found comes with what
/// that gives.
pub(super) fn work<R>(
    workload: &Workload,
    clients: &mut [Client],
    members: Vec<Vec<Member<'_>>>,
    terms: Terms<'_>,
    drive: impl FnOnce(&Lead<'_>) -> R,
) -> (R, Findings) {
    let shared = Shared::new(terms.phase, clients.len());
    std::thread::scope(|scope| {
        let mut handles = Vec::new();
        for ((number, client), members) in clients.iter_mut().enumerate().zip(members) {
            let shared = &shared;
            handles.push(scope.spawn(move || {
                let how = (terms.rewrites, terms.own);
                client.work(number, workload, members, shared, how)
            }));
        }
        let lead = Lead {
            shared: &shared,
            phase: terms.phase,
            settle: terms.settle,
            patience: terms.patience,
        };
        let result = drive(&lead);
        shared.stop.store(true, Ordering::SeqCst);
        shared.changed.notify_all();
        let mut findings = Findings::default();
        for handle in handles {
            // A client that panicked is a defect, and the panic says which.
            match handle.join() {
                Ok(found) => findings.merge(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        (result, findings)
    })
}
