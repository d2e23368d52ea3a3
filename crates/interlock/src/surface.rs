//! The state of one surface in one environment, and what operations and writers do to it.

use serde::{Deserialize, Serialize};
use switchback_model::{Duration, Kind, Shape, Shapes, Stance, SurfaceOperation, Sync, Timestamp};

/// A surface: where it may stand, and what is being done to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Surface {
    /// The states that the surface may be in, in the order in which the operation in flight passes
    /// through them; exactly one where nothing is in flight.
    states: Vec<SurfaceState>,
    /// The operation whose outcome is not known yet.
    pub in_flight: Option<SurfaceOperation>,
}

/// One state of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurfaceState {
    /// Of a replicated surface.
    Replicated(Replicated),
    /// Of a tagged surface.
    Tagged(Tagged),
}

/// What is certain about the two shapes of a replicated surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Replicated {
    /// The shapes that are there.
    pub exists: Shapes,
    /// The shapes that were given every fact at some time.
    pub complete: Shapes,
    /// The shapes that have missed no write since they were made or filled. Complete and fresh
    /// together: the shape holds every fact as it is now.
    pub fresh: Shapes,
    /// Which way the database keeps the shapes in step.
    pub sync: Sync,
    /// Whether what the contract kept aside of the old shape is destroyed, so that it cannot be
    /// made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
}

/// What may still be met on a tagged surface, and what may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tagged {
    /// Facts of the old shape.
    pub old: Retained,
    /// Facts of the new shape.
    pub new: Retained,
    /// The shapes that its store takes. A store without a list takes both.
    pub takes: Shapes,
}

/// Whether facts of one shape may still be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retained {
    /// No.
    Gone,
    /// Yes, until they are seen to be gone.
    Present,
    /// Until this moment: nobody emits them any more and they are kept for a known time.
    Until(Timestamp),
}

/// Why an operation does not fit the state of the surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// The shape that it would make is there already.
    AlreadyThere(Shape),
    /// The shape that it works on is not there.
    NotThere(Shape),
    /// Another operation on the same surface has not been concluded.
    InFlight(SurfaceOperation),
    /// The operation is for the other kind of surface.
    WrongKind,
    /// The shape that has to be gone before it is there.
    StillThere(Shape),
    /// What it works on, which the contract had kept aside, is destroyed.
    Purged,
}

impl Surface {
    /// A surface before its change: only the old shape is there.
    pub fn initial(kind: Kind) -> Self {
        let state = match kind {
            Kind::Replicated => SurfaceState::Replicated(Replicated {
                exists: Shapes::OLD,
                complete: Shapes::OLD,
                fresh: Shapes::OLD,
                sync: Sync::None,
                purged: false,
            }),
            Kind::Tagged | Kind::Listed => SurfaceState::Tagged(Tagged {
                old: Retained::Present,
                new: Retained::Gone,
                takes: if kind == Kind::Listed {
                    Shapes::OLD
                } else {
                    Shapes::BOTH
                },
            }),
        };
        Self {
            states: vec![state],
            in_flight: None,
        }
    }

    /// Every state that the surface may be in; the first is where it certainly was before the
    /// operation in flight.
    pub fn states(&self) -> &[SurfaceState] {
        &self.states
    }

    /// The state where nothing is in flight, and else the one before the operation in flight.
    pub fn settled(&self) -> &SurfaceState {
        // `states` is never empty: it is made with one state and only grows or is cut to one.
        &self.states[0]
    }

    /// Takes in that `operation` is about to be done.
    pub(crate) fn begin(&mut self, operation: SurfaceOperation) -> Result<(), Unfit> {
        if let Some(running) = self.in_flight {
            return Err(Unfit::InFlight(running));
        }
        self.states = path(*self.settled(), operation)?;
        self.in_flight = Some(operation);
        Ok(())
    }

    /// Takes in whether the operation in flight was done.
    pub(crate) fn settle(&mut self, done: bool) {
        if self.in_flight.take().is_some() {
            let keep = if done { self.states.len() - 1 } else { 0 };
            self.states = vec![self.states[keep]];
        }
    }

    /// Takes in that a participant with this stance is live and may have written.
    pub(crate) fn expose_to(&mut self, stance: &Stance) {
        let made = self.in_flight.and_then(goal);
        let mut behind = Shapes::NONE;
        for state in &mut self.states {
            state.expose_to(stance);
            // A write that was missed in one state is still missed in the states after it, unless
            // the operation is there to make up for it.
            if let SurfaceState::Replicated(state) = state {
                let missed = state.exists.iter().filter(|shape| !state.fresh.has(*shape));
                behind = missed
                    .filter(|shape| made != Some(*shape))
                    .fold(behind, Shapes::with);
                state.fresh = behind.iter().fold(state.fresh, Shapes::without);
            }
        }
    }

    /// Takes in that no live participant emits `shape` any more from `at` on.
    pub(crate) fn stop_emitting(&mut self, shape: Shape, at: Timestamp, kept: Option<Duration>) {
        let Some(kept) = kept else { return };
        for state in &mut self.states {
            if let SurfaceState::Tagged(tagged) = state
                && *tagged.retained_mut(shape) == Retained::Present
            {
                *tagged.retained_mut(shape) = Retained::Until(at + kept);
            }
        }
    }

    /// Forgets what has run out by `now`.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        for state in &mut self.states {
            if let SurfaceState::Tagged(tagged) = state {
                for shape in Shape::ALL {
                    if matches!(tagged.retained(shape), Retained::Until(end) if end <= now) {
                        *tagged.retained_mut(shape) = Retained::Gone;
                    }
                }
            }
        }
    }

    /// Every moment at which something runs out.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Timestamp> {
        self.states.iter().flat_map(|state| {
            let ends = match state {
                SurfaceState::Tagged(tagged) => [tagged.old, tagged.new],
                SurfaceState::Replicated(_) => [Retained::Gone; 2],
            };
            ends.into_iter().filter_map(|kept| match kept {
                Retained::Until(end) => Some(end),
                Retained::Gone | Retained::Present => None,
            })
        })
    }
}

impl Replicated {
    /// Whether `shape` is there and holds every fact as it is now.
    pub fn holds_truth(&self, shape: Shape) -> bool {
        self.exists.has(shape) && self.complete.has(shape) && self.fresh.has(shape)
    }

    /// The shape that falls behind when somebody writes `writes` and only that.
    pub fn left_behind_by(&self, writes: Shapes) -> Option<Shape> {
        let only = match (writes.has(Shape::Old), writes.has(Shape::New)) {
            (true, false) => Shape::Old,
            (false, true) => Shape::New,
            (true, true) | (false, false) => return None,
        };
        let behind = only.other();
        // A write to a shape that is not there fails, and so leaves nothing behind.
        (self.exists == Shapes::BOTH && !self.sync.carries(only)).then_some(behind)
    }
}

impl Tagged {
    /// Whether facts of `shape` may still be met.
    pub const fn retained(&self, shape: Shape) -> Retained {
        match shape {
            Shape::Old => self.old,
            Shape::New => self.new,
        }
    }

    const fn retained_mut(&mut self, shape: Shape) -> &mut Retained {
        match shape {
            Shape::Old => &mut self.old,
            Shape::New => &mut self.new,
        }
    }
}

impl SurfaceState {
    fn expose_to(&mut self, stance: &Stance) {
        match (self, stance) {
            (SurfaceState::Replicated(state), Stance::Replicated { writes, .. }) => {
                if let Some(behind) = state.left_behind_by(*writes) {
                    state.fresh = state.fresh.without(behind);
                }
            }
            (SurfaceState::Tagged(state), Stance::Tagged { emits, .. }) => {
                // What the store refuses is not there afterwards.
                let takes = state.takes;
                for shape in emits.iter().filter(|shape| takes.has(*shape)) {
                    *state.retained_mut(shape) = Retained::Present;
                }
            }
            // A stance of the other kind says nothing about this surface.
            (SurfaceState::Replicated(_), Stance::Tagged { .. })
            | (SurfaceState::Tagged(_), Stance::Replicated { .. }) => {}
        }
    }
}

/// The shape that an operation gives every fact, or that it empties.
pub(crate) const fn goal(operation: SurfaceOperation) -> Option<Shape> {
    match operation {
        SurfaceOperation::Fill => Some(Shape::New),
        SurfaceOperation::Uncontract { partial: false, .. } => Some(Shape::Old),
        SurfaceOperation::Drain { shape } => Some(shape),
        SurfaceOperation::Expand { .. }
        | SurfaceOperation::Unexpand
        | SurfaceOperation::Unfill
        | SurfaceOperation::SetSync { .. }
        | SurfaceOperation::Contract
        | SurfaceOperation::Uncontract { partial: true, .. }
        | SurfaceOperation::Purge
        | SurfaceOperation::Prepare
        | SurfaceOperation::Unprepare => None,
    }
}

/// The shape of which a tagged surface has no fact any more once an operation is done.
pub(crate) const fn emptied(operation: SurfaceOperation) -> Option<Shape> {
    match operation {
        SurfaceOperation::Fill => Some(Shape::Old),
        SurfaceOperation::Drain { shape } => Some(shape),
        _ => None,
    }
}

/// The states that `operation` passes through, from where the surface stands to where it ends.
fn path(from: SurfaceState, operation: SurfaceOperation) -> Result<Vec<SurfaceState>, Unfit> {
    match from {
        SurfaceState::Replicated(state) => Ok(replicated_path(state, operation)?
            .into_iter()
            .map(SurfaceState::Replicated)
            .collect()),
        SurfaceState::Tagged(state) => {
            let after = tagged_after(state, operation)?;
            Ok(vec![from, SurfaceState::Tagged(after)])
        }
    }
}

fn tagged_after(from: Tagged, operation: SurfaceOperation) -> Result<Tagged, Unfit> {
    let take = |shape: Shape| match from.takes.has(shape) {
        true => Err(Unfit::AlreadyThere(shape)),
        false => Ok(Tagged {
            takes: from.takes.with(shape),
            ..from
        }),
    };
    let refuse = |shape: Shape| match from.takes.has(shape) {
        false => Err(Unfit::NotThere(shape)),
        true => Ok(Tagged {
            takes: from.takes.without(shape),
            ..from
        }),
    };
    match operation {
        SurfaceOperation::Drain { shape } => {
            let mut after = from;
            *after.retained_mut(shape) = Retained::Gone;
            Ok(after)
        }
        SurfaceOperation::Expand { .. } => take(Shape::New),
        SurfaceOperation::Unexpand => refuse(Shape::New),
        SurfaceOperation::Contract => refuse(Shape::Old),
        SurfaceOperation::Uncontract { .. } => take(Shape::Old),
        SurfaceOperation::Prepare | SurfaceOperation::Unprepare => Ok(from),
        // Every fact of the old shape gets the new one.
        SurfaceOperation::Fill if from.takes.has(Shape::New) => Ok(Tagged {
            old: Retained::Gone,
            new: Retained::Present,
            ..from
        }),
        SurfaceOperation::Fill => Err(Unfit::NotThere(Shape::New)),
        SurfaceOperation::Unfill if from.takes.has(Shape::Old) => Ok(Tagged {
            old: Retained::Present,
            ..from
        }),
        SurfaceOperation::Unfill => Err(Unfit::NotThere(Shape::Old)),
        SurfaceOperation::SetSync { .. } | SurfaceOperation::Purge => Err(Unfit::WrongKind),
    }
}

fn replicated_path(
    from: Replicated,
    operation: SurfaceOperation,
) -> Result<Vec<Replicated>, Unfit> {
    let need = |shape: Shape| {
        from.exists
            .has(shape)
            .then_some(())
            .ok_or(Unfit::NotThere(shape))
    };
    let lack = |shape: Shape| {
        (!from.exists.has(shape))
            .then_some(())
            .ok_or(Unfit::AlreadyThere(shape))
    };
    let unpurged = if from.purged {
        Err(Unfit::Purged)
    } else {
        Ok(())
    };
    let remove = |shape: Shape| {
        // What keeps the shapes in step goes first, then the shape.
        let apart = Replicated {
            sync: Sync::None,
            ..from
        };
        let gone = Replicated {
            exists: from.exists.without(shape),
            complete: from.complete.without(shape),
            fresh: from.fresh.without(shape),
            sync: Sync::None,
            ..from
        };
        vec![from, apart, gone]
    };
    Ok(match operation {
        SurfaceOperation::Expand { sync, filled } => {
            lack(Shape::New)?;
            // Empty, and so without an outdated fact; or made out of the old shape at one stroke.
            let truth = filled && from.holds_truth(Shape::Old);
            let made = Replicated {
                exists: from.exists.with(Shape::New),
                complete: if truth {
                    from.complete.with(Shape::New)
                } else {
                    from.complete
                },
                fresh: if truth || !filled {
                    from.fresh.with(Shape::New)
                } else {
                    from.fresh
                },
                sync,
                ..from
            };
            vec![from, made]
        }
        SurfaceOperation::Unexpand => {
            need(Shape::New)?;
            remove(Shape::New)
        }
        SurfaceOperation::Fill => {
            need(Shape::Old)?;
            need(Shape::New)?;
            let filled = Replicated {
                complete: from.complete.with(Shape::New),
                fresh: from.fresh.with(Shape::New),
                ..from
            };
            vec![from, filled]
        }
        SurfaceOperation::Unfill => {
            need(Shape::New)?;
            // Rows that the fill had found outdated are put back as they were.
            let emptied = Replicated {
                complete: from.complete.without(Shape::New),
                fresh: from.fresh.without(Shape::New),
                ..from
            };
            vec![from, emptied]
        }
        SurfaceOperation::SetSync { sync } => {
            need(Shape::Old)?;
            need(Shape::New)?;
            vec![from, Replicated { sync, ..from }]
        }
        SurfaceOperation::Contract => {
            need(Shape::Old)?;
            need(Shape::New)?;
            remove(Shape::Old)
        }
        SurfaceOperation::Uncontract { sync, partial } => {
            need(Shape::New)?;
            lack(Shape::Old)?;
            unpurged?;
            if partial {
                let made = Replicated {
                    exists: from.exists.with(Shape::Old),
                    sync,
                    ..from
                };
                return Ok(vec![from, made]);
            }
            // Kept in step from its first moment, and only then given what was there before.
            let empty = Replicated {
                exists: from.exists.with(Shape::Old),
                fresh: from.fresh.with(Shape::Old),
                sync,
                ..from
            };
            let made = Replicated {
                complete: from.complete.with(Shape::Old),
                ..empty
            };
            vec![from, empty, made]
        }
        SurfaceOperation::Purge => {
            need(Shape::New)?;
            if from.exists.has(Shape::Old) {
                return Err(Unfit::StillThere(Shape::Old));
            }
            unpurged?;
            let purged = Replicated {
                purged: true,
                ..from
            };
            vec![from, purged]
        }
        SurfaceOperation::Prepare | SurfaceOperation::Unprepare => vec![from],
        SurfaceOperation::Drain { .. } => return Err(Unfit::WrongKind),
    })
}
