//! A world with real cells, in which the interlock is one actor among others.
//!
//! Nothing here uses the rule's own notions of fresh, complete or stale: rows have cells that hold
//! the current value, an outdated one or none, and participants read and write them.

use std::fmt;

use stateright::{Model, Property};
use switchback_interlock::surface::{Retained, SurfaceState};
use switchback_interlock::{Catalog, Clauses, Environment, Interlock};
use switchback_model::{
    Action, ChangeId, ClientName, ComponentName, Duration, EnvironmentName, FlagName, Kind, Reads,
    Selectable, Shape, Shapes, Stance, SurfaceOperation, Sync, Timestamp, Version,
};

/// Windows do not end by themselves here; the checker ends them at every possible moment.
pub(crate) const NOW: Timestamp = Timestamp::EPOCH;
pub(crate) const WINDOW: Duration = Duration::from_millis(3_600_000);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cell {
    Absent,
    Current,
    Outdated,
}

/// A row's cells: old, new.
pub(crate) type Row = [Cell; 2];

const fn at(shape: Shape) -> usize {
    match shape {
        Shape::Old => 0,
        Shape::New => 1,
    }
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct State {
    /// What the interlock believes.
    pub(crate) environment: Environment,
    /// The shapes that are there.
    exists: Shapes,
    sync: Sync,
    /// Whether what the contract keeps of the old shape is destroyed.
    purged: bool,
    /// One row from before the change, and one that somebody may insert.
    rows: [Option<Row>; 2],
    /// The shapes of the facts that are queued.
    queued: Shapes,
    /// The shapes that the queue takes.
    takes: Shapes,
    /// The operation under way: how far it got, and whether it ever got anywhere.
    doing: Option<(SurfaceOperation, u8, bool)>,
    /// What went wrong in the last move, if something did.
    broke: Option<&'static str>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, running) in &self.environment.components {
            let rollout = running
                .rollout
                .as_ref()
                .map(|rollout| rollout.to.to_string());
            let targets: Vec<_> = running
                .targets
                .iter()
                .map(|target| target.version.to_string())
                .collect();
            let stable = running.stable.as_ref().map(ToString::to_string);
            write!(f, "{name} {stable:?} -> {rollout:?} targets {targets:?}; ")?;
        }
        let Self {
            exists,
            sync,
            rows,
            queued,
            doing,
            broke,
            ..
        } = self;
        write!(
            f,
            "{exists:?} {sync:?} {rows:?} queued {queued:?} {doing:?} broke {broke:?}"
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An admitted action is begun; all but surface operations are also concluded.
    Begin(Action),
    /// The operation under way makes its next small step.
    Progress,
    /// After a crash the operation is begun again from its start.
    Restart,
    /// The outcome of the operation becomes known.
    Conclude { done: bool },
    /// A live participant writes a row.
    Write { who: usize, row: usize },
    /// The consumer has taken every fact of this shape.
    Consume(Shape),
    /// A rollback window closes.
    CloseWindow(ComponentName, usize),
    /// A flag's former value can no longer come back.
    CloseFormer(FlagName, usize),
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) catalog: Catalog,
    pub(crate) change: ChangeId,
    pub(crate) start: Environment,
    pub(crate) operations: Vec<SurfaceOperation>,
    pub(crate) flags: Vec<(FlagName, Vec<String>)>,
    /// The versions that must be stable at the far end of the change, and before it.
    pub(crate) last: Vec<(ComponentName, Version)>,
    pub(crate) first: Vec<(ComponentName, Version)>,
    pub(crate) clauses: Clauses,
}

impl Scenario {
    pub(crate) fn interlock(&self) -> Interlock<'_> {
        Interlock::with_clauses(&self.catalog, self.clauses)
    }

    pub(crate) fn place() -> EnvironmentName {
        EnvironmentName::new("production").unwrap()
    }

    fn admitted(&self, state: &State, action: &Action) -> Option<Environment> {
        self.interlock()
            .admit(&Self::place(), &state.environment, NOW, action)
            .ok()
    }

    fn candidates(&self) -> Vec<Action> {
        let mut all = Vec::new();
        for (component, releases) in &self.catalog.releases {
            for version in releases.keys() {
                let (component, version) = (component.clone(), version.clone());
                all.push(Action::Deploy {
                    component: component.clone(),
                    version: version.clone(),
                });
                all.push(Action::Rollback { component, version });
            }
            all.push(Action::FinishRollout {
                component: component.clone(),
                window: WINDOW,
            });
            all.push(Action::AbortRollout {
                component: component.clone(),
            });
        }
        for (flag, values) in &self.flags {
            all.extend(values.iter().map(|value| Action::SetFlag {
                flag: flag.clone(),
                value: value.clone(),
                window: WINDOW,
            }));
        }
        all.extend(self.operations.iter().map(|operation| Action::Surface {
            change: self.change.clone(),
            operation: *operation,
        }));
        all
    }

    /// The stances that a release or client may take, by the values of its flag in `values`.
    fn stances(&self, environment: &Environment, selectable: &Selectable) -> Vec<Stance> {
        let Some(name) = selectable.flag() else {
            return vec![selectable.at(None)];
        };
        let Some(flag) = environment.flags.get(name) else {
            return vec![selectable.at(None)];
        };
        let mut stances = vec![selectable.at(flag.value.as_deref())];
        stances.extend(flag.arriving.iter().map(|value| selectable.at(Some(value))));
        stances
    }

    fn stances_of(
        &self,
        state: &State,
        component: &ComponentName,
        version: &Version,
    ) -> Vec<Stance> {
        let release = self.catalog.release(component, version).unwrap();
        let code = self.catalog.code(release, &self.change).unwrap();
        self.stances(&state.environment, &code.stance)
    }

    /// The stances of whoever is live: both sides of a rollout, and outside clients.
    fn live(&self, state: &State) -> Vec<Stance> {
        let mut all = Vec::new();
        for (component, running) in &state.environment.components {
            let rollout = running.rollout.as_ref().map(|rollout| &rollout.to);
            for version in running.stable.iter().chain(rollout) {
                all.extend(self.stances_of(state, component, version));
            }
        }
        let clients: &std::collections::BTreeMap<ClientName, _> = &state.environment.clients;
        for stances in clients.values() {
            let selectable: Option<&Selectable> = stances.get(&self.change);
            all.extend(
                selectable
                    .iter()
                    .flat_map(|one| self.stances(&state.environment, one)),
            );
        }
        all
    }

    /// Whether a participant with this stance would read something wrong or meet an error now.
    fn fails(&self, state: &State, stance: &Stance) -> bool {
        match stance {
            Stance::Replicated { reads, writes } => {
                let touched = match reads {
                    Reads::Nothing => Shapes::NONE,
                    Reads::Old => Shapes::OLD,
                    Reads::New => Shapes::NEW,
                    Reads::NewElseOld => Shapes::BOTH,
                };
                let missing = touched
                    .union(*writes)
                    .iter()
                    .any(|shape| !state.exists.has(shape));
                let wrong = |row: &Row| {
                    let seen = match reads {
                        Reads::Nothing => return false,
                        Reads::Old => row[0],
                        Reads::New => row[1],
                        Reads::NewElseOld if row[1] == Cell::Absent => row[0],
                        Reads::NewElseOld => row[1],
                    };
                    seen != Cell::Current
                };
                missing || state.rows.iter().flatten().any(wrong)
            }
            Stance::Tagged { accepts, .. } => {
                !accepts.is_empty() && state.queued.iter().any(|shape| !accepts.has(shape))
            }
        }
    }

    fn write(&self, state: &mut State, stance: &Stance, row: usize) {
        match stance {
            Stance::Replicated { writes, .. } => {
                if writes.is_empty() {
                    return;
                }
                if writes.iter().any(|shape| !state.exists.has(shape)) {
                    state.broke = Some("wrote to a shape that is not there");
                    return;
                }
                let carried = writes.iter().any(|shape| state.sync.carries(shape));
                let exists = state.exists;
                let cells = state.rows[row].get_or_insert([Cell::Absent; 2]);
                for shape in Shape::ALL.into_iter().filter(|shape| exists.has(*shape)) {
                    let cell = &mut cells[at(shape)];
                    if writes.has(shape) || carried {
                        *cell = Cell::Current;
                    } else if *cell == Cell::Current {
                        *cell = Cell::Outdated;
                    }
                }
            }
            Stance::Tagged { emits, .. } => {
                if emits.iter().any(|shape| !state.takes.has(shape)) {
                    state.broke = Some("wrote a value that is not on the list");
                    return;
                }
                state.queued = state.queued.union(*emits);
            }
        }
    }

    /// Removes a shape; what only it held is lost.
    fn remove(state: &mut State, shape: Shape) {
        if !state.exists.has(shape) {
            return;
        }
        for row in state.rows.iter_mut().flatten() {
            if row[at(shape)] == Cell::Current && row[at(shape.other())] != Cell::Current {
                state.broke = Some("lost a fact");
            }
            row[at(shape)] = Cell::Absent;
        }
        state.exists = state.exists.without(shape);
    }

    fn copy(state: &mut State, row: usize, from: Shape) {
        if let Some(cells) = &mut state.rows[row]
            && cells[at(from)] != Cell::Absent
        {
            cells[at(from.other())] = cells[at(from)];
        }
    }

    /// One small step of an operation; the number of steps that it has.
    fn progress(&self, state: &mut State, operation: SurfaceOperation, step: u8) -> u8 {
        let listed = self.is_tagged();
        if state.purged && matches!(operation, SurfaceOperation::Uncontract { .. }) {
            state.broke = Some("made a shape again out of what is destroyed");
        }
        match (operation, step) {
            (SurfaceOperation::Expand { .. }, _) if listed => Self::take(state, Shape::New, true),
            (SurfaceOperation::Unexpand, _) if listed => Self::take(state, Shape::New, false),
            (SurfaceOperation::Contract, _) if listed => Self::take(state, Shape::Old, false),
            (SurfaceOperation::Uncontract { .. }, _) if listed => {
                Self::take(state, Shape::Old, true)
            }
            (SurfaceOperation::Fill, _) if listed => {
                if state.queued.has(Shape::Old) {
                    state.queued = Shapes::NEW;
                }
                1
            }
            (SurfaceOperation::Unfill, _) if listed => {
                // At worst every fact was of the old shape.
                if !state.queued.is_empty() {
                    state.queued = state.queued.with(Shape::Old);
                }
                1
            }
            (SurfaceOperation::Expand { sync, filled }, _) => {
                state.exists = state.exists.with(Shape::New);
                state.sync = sync;
                if filled {
                    (0..state.rows.len()).for_each(|row| Self::copy(state, row, Shape::Old));
                }
                1
            }
            (SurfaceOperation::Unexpand | SurfaceOperation::Contract, 0) => {
                state.sync = Sync::None;
                2
            }
            (SurfaceOperation::Unexpand, _) => {
                Self::remove(state, Shape::New);
                2
            }
            (SurfaceOperation::Contract, _) => {
                Self::remove(state, Shape::Old);
                2
            }
            (SurfaceOperation::Fill, step) => {
                Self::copy(state, usize::from(step), Shape::Old);
                2
            }
            (
                SurfaceOperation::Uncontract {
                    sync,
                    partial: true,
                },
                _,
            ) => {
                // At worst every row was written since.
                state.exists = state.exists.with(Shape::Old);
                state.sync = sync;
                1
            }
            (SurfaceOperation::Uncontract { sync, .. }, 0) => {
                state.exists = state.exists.with(Shape::Old);
                state.sync = sync;
                3
            }
            (SurfaceOperation::Uncontract { .. }, step) => {
                Self::copy(state, usize::from(step) - 1, Shape::New);
                3
            }
            (SurfaceOperation::SetSync { sync }, _) => {
                state.sync = sync;
                1
            }
            (SurfaceOperation::Purge, _) => {
                if state.exists.has(Shape::Old) {
                    state.broke = Some("purged what is in use");
                }
                state.purged = true;
                1
            }
            (SurfaceOperation::Unfill, _) => {
                // At worst every row gets a value that the fill had found outdated.
                for row in state.rows.iter_mut().flatten() {
                    if row[at(Shape::New)] != Cell::Absent {
                        row[at(Shape::New)] = Cell::Outdated;
                    }
                }
                1
            }
            (
                SurfaceOperation::Drain { .. }
                | SurfaceOperation::Prepare
                | SurfaceOperation::Unprepare,
                _,
            ) => 1,
        }
    }

    /// Puts a shape on the list, or off it; what is off the list cannot be kept.
    fn take(state: &mut State, shape: Shape, on: bool) -> u8 {
        if on {
            state.takes = state.takes.with(shape);
        } else {
            if state.queued.has(shape) {
                state.broke = Some("lost a fact");
            }
            state.takes = state.takes.without(shape);
        }
        1
    }

    /// Whether each fact has one shape, so that operations change the list of what is taken.
    fn is_tagged(&self) -> bool {
        self.catalog.changes[&self.change].kind != Kind::Replicated
    }

    fn has_list(&self) -> bool {
        self.operations.contains(&SurfaceOperation::Contract)
    }

    fn steps(&self, operation: SurfaceOperation) -> u8 {
        match operation {
            _ if self.is_tagged() => 1,
            SurfaceOperation::Uncontract { partial: false, .. } => 3,
            SurfaceOperation::Unexpand | SurfaceOperation::Contract | SurfaceOperation::Fill => 2,
            _ => 1,
        }
    }

    /// Whether what the interlock claims to know is so.
    fn believes_truly(&self, state: &State) -> bool {
        let surface = &state.environment.surfaces[&self.change];
        let anywhere = surface.states().iter().any(|believed| match believed {
            SurfaceState::Replicated(believed) => believed.exists == state.exists,
            SurfaceState::Tagged(believed) => believed.takes == state.takes,
        });
        let truly = surface.in_flight.is_some()
            || match surface.settled() {
                SurfaceState::Replicated(believed) => Shape::ALL.into_iter().all(|shape| {
                    !believed.holds_truth(shape)
                        || state
                            .rows
                            .iter()
                            .flatten()
                            .all(|row| row[at(shape)] == Cell::Current)
                }),
                SurfaceState::Tagged(believed) => state
                    .queued
                    .iter()
                    .all(|shape| believed.retained(shape) != Retained::Gone),
            };
        anywhere && truly
    }

    fn targets_can_return(&self, state: &State) -> bool {
        state
            .environment
            .components
            .iter()
            .all(|(component, running)| {
                running.targets.iter().all(|target| {
                    let version = &target.version;
                    let rollback = Action::Rollback {
                        component: component.clone(),
                        version: version.clone(),
                    };
                    let admitted =
                        running.rollout.is_some() || self.admitted(state, &rollback).is_some();
                    let works = self
                        .stances_of(state, component, version)
                        .iter()
                        .all(|stance| !self.fails(state, stance));
                    admitted && works
                })
            })
    }

    fn rollouts_can_abort(&self, state: &State) -> bool {
        state
            .environment
            .components
            .iter()
            .all(|(component, running)| {
                let abort = Action::AbortRollout {
                    component: component.clone(),
                };
                running
                    .rollout
                    .as_ref()
                    .is_none_or(|rollout| rollout.aborting)
                    || running.stable.is_none()
                    || self.admitted(state, &abort).is_some()
            })
    }

    fn stable_at(state: &State, wanted: &[(ComponentName, Version)]) -> bool {
        wanted.iter().all(|(component, version)| {
            let running = &state.environment.components[component];
            running.stable.as_ref() == Some(version) && running.rollout.is_none()
        })
    }

    /// The far end of the change, or its beginning.
    pub(crate) fn is_home(&self, state: &State, far: bool) -> bool {
        let wanted = if far { &self.last } else { &self.first };
        let queued = if far { Shapes::NEW } else { Shapes::OLD };
        state.doing.is_none()
            && Self::stable_at(state, wanted)
            && match state.environment.surfaces[&self.change].settled() {
                SurfaceState::Replicated(believed) => believed.exists == queued,
                SurfaceState::Tagged(believed) => {
                    believed.retained(if far { Shape::Old } else { Shape::New }) == Retained::Gone
                        && (!self.has_list() || !far || believed.takes == queued)
                }
            }
    }
}

impl Model for Scenario {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        let start = State {
            environment: self.start.clone(),
            exists: Shapes::OLD,
            sync: Sync::None,
            purged: false,
            rows: [Some([Cell::Current, Cell::Absent]), None],
            // Facts of the old shape are there from the beginning.
            queued: if self.is_tagged() && self.has_list() {
                Shapes::OLD
            } else {
                Shapes::NONE
            },
            takes: if self.catalog.changes[&self.change].kind == Kind::Listed {
                Shapes::OLD
            } else {
                Shapes::BOTH
            },
            doing: None,
            broke: None,
        };
        vec![start]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        let candidates = self.candidates().into_iter();
        events.extend(
            candidates
                .filter(|action| self.admitted(state, action).is_some())
                .map(Event::Begin),
        );
        if let Some((operation, step, touched)) = state.doing {
            if step < self.steps(operation) {
                events.push(Event::Progress);
            }
            if step > 0 {
                events.push(Event::Restart);
            }
            let seen = match operation {
                SurfaceOperation::Drain { shape } => !state.queued.has(shape),
                _ => true,
            };
            if step == self.steps(operation) && seen {
                events.push(Event::Conclude { done: true });
            }
            if !touched {
                events.push(Event::Conclude { done: false });
            }
        }
        for who in 0..self.live(state).len() {
            events.extend((0..state.rows.len()).map(|row| Event::Write { who, row }));
        }
        events.extend(state.queued.iter().map(Event::Consume));
        for (component, running) in &state.environment.components {
            let open = 0..running.targets.len();
            events.extend(open.map(|place| Event::CloseWindow(component.clone(), place)));
        }
        for (name, flag) in &state.environment.flags {
            let former = 0..flag.former.len();
            events.extend(former.map(|place| Event::CloseFormer(name.clone(), place)));
        }
    }

    fn next_state(&self, last: &State, event: Event) -> Option<State> {
        let mut state = last.clone();
        match event {
            Event::Begin(action) => {
                let before = state.environment.clone();
                state.environment = self.admitted(last, &action)?;
                if let Action::Surface { operation, .. } = action {
                    state.doing = Some((operation, 0, false));
                } else {
                    state.environment =
                        self.interlock()
                            .settle(&state.environment, &action, true, NOW);
                }
                if let Action::Deploy { component, version } = &action
                    && let Some(stable) = &before.components[component].stable
                {
                    let place = |version: &Version| {
                        let release = self.catalog.release(component, version).unwrap();
                        self.catalog.code(release, &self.change).unwrap().position
                    };
                    if place(stable).abs_diff(place(version)) > 1 {
                        state.broke = Some("leaped over a code step");
                    }
                }
            }
            Event::Progress => {
                let (operation, step, _) = state.doing?;
                self.progress(&mut state, operation, step);
                state.doing = Some((operation, step + 1, true));
            }
            Event::Restart => {
                let (operation, _, touched) = state.doing?;
                state.doing = Some((operation, 0, touched));
            }
            Event::Conclude { done } => {
                let (operation, _, _) = state.doing.take()?;
                let action = Action::Surface {
                    change: self.change.clone(),
                    operation,
                };
                state.environment = self
                    .interlock()
                    .settle(&state.environment, &action, done, NOW);
                let settled = state.environment.surfaces[&self.change].settled();
                let wasted = done
                    && match (operation, settled) {
                        (SurfaceOperation::Fill, SurfaceState::Replicated(state)) => {
                            !state.holds_truth(Shape::New)
                        }
                        _ => false,
                    };
                // Whoever was put out while it ran may have made it futile; it is the interlock's
                // mistake only where nobody was.
                if wasted && last.environment.components == self.start.components {
                    state.broke = Some("did work that was undone at once");
                }
            }
            Event::Write { who, row } => {
                let stance = self.live(last)[who];
                self.write(&mut state, &stance, row);
            }
            Event::Consume(shape) => state.queued = state.queued.without(shape),
            Event::CloseWindow(component, place) => {
                state
                    .environment
                    .components
                    .get_mut(&component)?
                    .targets
                    .remove(place);
            }
            Event::CloseFormer(flag, place) => {
                state.environment.flags.get_mut(&flag)?.former.remove(place);
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nobody who is live reads wrong or fails", |model, state| {
                model
                    .live(state)
                    .iter()
                    .all(|stance| !model.fails(state, stance))
            }),
            Property::always(
                "nothing breaks, is lost, leaps or is wasted",
                |_, state: &State| state.broke.is_none(),
            ),
            Property::always("what the interlock believes is so", |model, state| {
                model.believes_truly(state)
            }),
            Property::always(
                "every rollback target can be returned to",
                |model, state| model.targets_can_return(state),
            ),
            Property::always("a running rollout can be aborted", |model, state| {
                model.rollouts_can_abort(state)
            }),
            Property::always("the interlock sees no threat", |model, state: &State| {
                // Says nothing about a rule that lacks a clause.
                model.clauses != Clauses::ALL
                    || model
                        .interlock()
                        .threats(&state.environment, NOW)
                        .is_empty()
            }),
            Property::sometimes("the change reaches its end", |model, state| {
                model.is_home(state, true)
            }),
        ]
    }
}
