//! Whether a state is safe: everyone who is there or may come back, taken as present at once.

use switchback_model::{
    ChangeId, FlagName, Reads, Selectable, Shape, Shapes, Stance, SurfaceOperation,
};

use crate::clause::{Clause, Clauses};
use crate::refusal::{Participant, Reason, Standing, Who};
use crate::surface::{Replicated, Retained, Surface, SurfaceState, Tagged};
use crate::world::{Catalog, Environment};

/// Who counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counting {
    targets: bool,
    arriving: bool,
    clients: bool,
    arriving_flags: bool,
    former_flags: bool,
}

impl Counting {
    /// Whoever may be reading and writing now.
    pub(crate) const LIVE: Counting = Counting {
        targets: false,
        arriving: true,
        clients: true,
        arriving_flags: true,
        former_flags: false,
    };

    /// Whoever is there or may come back, as far as the clauses say so.
    pub(crate) const fn under(clauses: Clauses) -> Counting {
        Counting {
            targets: clauses.has(Clause::CountTargets),
            arriving: clauses.has(Clause::CountBothSides),
            clients: clauses.has(Clause::CountClients),
            arriving_flags: clauses.has(Clause::CountFlagValues),
            former_flags: clauses.has(Clause::CountFlagValues),
        }
    }
}

/// A participant's stance towards one surface. Names are borrowed: most parties are never reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Party<'a> {
    who: WhoRef<'a>,
    standing: Standing,
    at_flag: Option<(&'a FlagName, Option<&'a str>)>,
    pub(crate) stance: Stance,
}

#[derive(Debug, Clone, Copy)]
enum WhoRef<'a> {
    Release(&'a switchback_model::Release),
    Client(&'a switchback_model::ClientName),
}

impl Party<'_> {
    pub(crate) fn to_participant(self) -> Participant {
        let who = match self.who {
            WhoRef::Release(release) => Who::Release {
                component: release.component.clone(),
                version: release.version.clone(),
            },
            WhoRef::Client(name) => Who::Client(name.clone()),
        };
        let at_flag = self
            .at_flag
            .map(|(flag, value)| (flag.clone(), value.map(ToOwned::to_owned)));
        Participant {
            who,
            standing: self.standing,
            at_flag,
        }
    }
}

/// Every stance that anybody who counts may take towards the surface of `change`.
pub(crate) fn stances_towards<'a>(
    catalog: &'a Catalog,
    environment: &'a Environment,
    change: &ChangeId,
    counting: Counting,
) -> Vec<Party<'a>> {
    let mut parties = Vec::new();
    for (component, running) in &environment.components {
        let stable = running
            .stable
            .iter()
            .map(|version| (version, Standing::Live));
        let arriving = running.rollout.iter().filter(|_| counting.arriving);
        let arriving = arriving.map(|rollout| (&rollout.to, Standing::Arriving));
        let targets = running
            .targets
            .iter()
            .filter(|_| counting.targets)
            .map(|target| {
                let standing = Standing::Target {
                    since: target.since,
                    until: target.until,
                };
                (&target.version, standing)
            });
        for (version, standing) in stable.chain(arriving).chain(targets) {
            if let Some(release) = catalog.release(component, version)
                && let Some(code) = catalog.code(release, change)
            {
                let who = WhoRef::Release(release);
                select(
                    environment,
                    &code.stance,
                    who,
                    standing,
                    counting,
                    &mut parties,
                );
            }
        }
    }
    if counting.clients {
        for (name, stances) in &environment.clients {
            if let Some(stance) = stances.get(change) {
                let who = WhoRef::Client(name);
                select(
                    environment,
                    stance,
                    who,
                    Standing::Client,
                    counting,
                    &mut parties,
                );
            }
        }
    }
    parties
}

fn select<'a>(
    environment: &'a Environment,
    selectable: &'a Selectable,
    who: WhoRef<'a>,
    standing: Standing,
    counting: Counting,
    parties: &mut Vec<Party<'a>>,
) {
    let mut add = |at_flag: Option<(&'a FlagName, Option<&'a str>)>| {
        let stance = selectable.at(at_flag.and_then(|(_, value)| value));
        parties.push(Party {
            who,
            standing,
            at_flag,
            stance,
        });
    };
    let Some(name) = selectable.flag() else {
        return add(None);
    };
    let Some(flag) = environment.flags.get(name) else {
        return add(Some((name, None)));
    };
    add(Some((name, flag.value.as_deref())));
    if counting.arriving_flags
        && let Some(arriving) = &flag.arriving
    {
        add(Some((name, Some(arriving))));
    }
    if counting.former_flags {
        for former in &flag.former {
            add(Some((name, former.value.as_deref())));
        }
    }
}

/// Everything that is or would go wrong in the environment, each once, in the order of the clauses.
pub(crate) fn reasons(
    catalog: &Catalog,
    environment: &Environment,
    clauses: Clauses,
) -> Vec<Reason> {
    let mut found = Vec::new();
    for (change, surface) in &environment.surfaces {
        let parties = stances_towards(catalog, environment, change, Counting::under(clauses));
        let counted = if clauses.has(Clause::CountInFlight) {
            surface.states().len()
        } else {
            1
        };
        let mut judge = Judge {
            change,
            clauses,
            parties: &parties,
            found: &mut found,
        };
        for state in &surface.states()[..counted] {
            match state {
                SurfaceState::Replicated(state) => judge.replicated(state),
                SurfaceState::Tagged(state) => judge.tagged(state),
            }
        }
        judge.in_flight(surface);
    }
    found.sort();
    found.dedup();
    found
}

struct Judge<'a> {
    change: &'a ChangeId,
    clauses: Clauses,
    parties: &'a [Party<'a>],
    found: &'a mut Vec<Reason>,
}

impl Judge<'_> {
    fn report(
        &mut self,
        clause: Clause,
        shape: Shape,
        party: Option<&Party<'_>>,
        because_of: Option<&Party<'_>>,
    ) {
        if self.clauses.has(clause) {
            self.found.push(Reason {
                clause,
                change: self.change.clone(),
                shape,
                participant: party.map(|party| party.to_participant()),
                because_of: because_of.map(|party| party.to_participant()),
            });
        }
    }

    fn replicated(&mut self, state: &Replicated) {
        self.keeps_truth(state);
        for party in self.parties {
            let Stance::Replicated { reads, writes } = party.stance else {
                continue;
            };
            // A reader of new-else-old needs no complete shape: what the new one lacks has not been
            // written since the new one was made, so the old one is right about it.
            let (touched, complete, fresh) = match reads {
                Reads::Nothing => (Shapes::NONE, Shapes::NONE, Shapes::NONE),
                Reads::Old => (Shapes::OLD, Shapes::OLD, Shapes::OLD),
                Reads::New => (Shapes::NEW, Shapes::NEW, Shapes::NEW),
                Reads::NewElseOld => (Shapes::BOTH, Shapes::NONE, Shapes::NEW),
            };
            for shape in touched.iter() {
                if !state.exists.has(shape) {
                    self.report(Clause::ReadsExist, shape, Some(party), None);
                } else if complete.has(shape) && !state.complete.has(shape) {
                    self.report(Clause::ReadsComplete, shape, Some(party), None);
                } else if fresh.has(shape) {
                    let writer = self
                        .parties
                        .iter()
                        .find(|writer| leaves(writer, state, shape));
                    if !state.fresh.has(shape) {
                        self.report(Clause::ReadsFresh, shape, Some(party), writer);
                    } else if writer.is_some() {
                        self.report(Clause::StaysFresh, shape, Some(party), writer);
                    }
                }
            }
            for shape in writes.iter() {
                if !state.exists.has(shape) {
                    self.report(Clause::WritesExist, shape, Some(party), None);
                }
            }
        }
    }

    fn tagged(&mut self, state: &Tagged) {
        for shape in Shape::ALL
            .into_iter()
            .filter(|shape| !state.takes.has(*shape))
        {
            if state.retained(shape) != Retained::Gone {
                self.report(Clause::KeepsTruth, shape, None, None);
            }
        }
        for reader in self.parties {
            let Stance::Tagged { accepts, emits } = reader.stance else {
                continue;
            };
            for shape in emits.iter().filter(|shape| !state.takes.has(*shape)) {
                self.report(Clause::WritesExist, shape, Some(reader), None);
            }
            if accepts.is_empty() {
                continue; // it only writes
            }
            for shape in Shape::ALL.into_iter().filter(|shape| !accepts.has(*shape)) {
                if state.retained(shape) != Retained::Gone {
                    self.report(Clause::AcceptsRetained, shape, Some(reader), None);
                }
                let emitter = self.parties.iter().find(|emitter| {
                    matches!(emitter.stance, Stance::Tagged { emits, .. } if emits.has(shape))
                });
                if emitter.is_some() {
                    self.report(Clause::AcceptsEmitted, shape, Some(reader), emitter);
                }
            }
        }
    }

    /// What an operation needs for as long as its outcome is not known.
    fn in_flight(&mut self, surface: &Surface) {
        let (Some(operation), SurfaceState::Replicated(before)) =
            (surface.in_flight, surface.settled())
        else {
            return;
        };
        let source = match operation {
            SurfaceOperation::Fill => Shape::Old,
            SurfaceOperation::Uncontract { partial: false, .. } => Shape::New,
            SurfaceOperation::Expand { .. }
            | SurfaceOperation::Unexpand
            | SurfaceOperation::Unfill
            | SurfaceOperation::SetSync { .. }
            | SurfaceOperation::Contract
            | SurfaceOperation::Uncontract { partial: true, .. }
            | SurfaceOperation::Purge
            | SurfaceOperation::Prepare
            | SurfaceOperation::Unprepare
            | SurfaceOperation::Drain { .. } => return,
        };
        let writer = self
            .parties
            .iter()
            .find(|writer| leaves(writer, before, source));
        if writer.is_some() || !before.holds_truth(source) {
            self.report(Clause::FillSource, source, None, writer);
        }
    }

    /// One shape must hold every fact, and go on doing so whoever comes back.
    fn keeps_truth(&mut self, state: &Replicated) {
        let writer = |shape| {
            self.parties
                .iter()
                .find(|writer| leaves(writer, state, shape))
        };
        let holds = |shape: &Shape| state.holds_truth(*shape);
        if Shape::ALL
            .iter()
            .any(|shape| holds(shape) && writer(*shape).is_none())
        {
            return;
        }
        // Name the shape that is closest to holding everything.
        let shape = Shape::ALL
            .into_iter()
            .find(holds)
            .or_else(|| state.exists.iter().last())
            .unwrap_or(Shape::New);
        let writer = writer(shape);
        self.report(Clause::KeepsTruth, shape, None, writer);
    }
}

/// Whether a party's writes leave `shape` behind.
pub(crate) fn leaves(party: &Party<'_>, state: &Replicated, shape: Shape) -> bool {
    matches!(
        party.stance,
        Stance::Replicated { writes, .. } if state.left_behind_by(writes) == Some(shape)
    )
}
