//! The worlds that are explored: small, and each with something that the others do not have.

use std::collections::BTreeMap;

use switchback_interlock::surface::Surface;
use switchback_interlock::world::Running;
use switchback_interlock::{Catalog, Change, Clauses, Environment, Interlock};
use switchback_model::{
    Action, ChangeId, ClientName, CodeStep, ComponentName, FlagName, Kind, Reads, Release,
    Selectable, Shape, Shapes, Stance, StepName, SurfaceOperation, Sync, Version,
};

use crate::concrete::{NOW, Scenario};

fn replicated(reads: Reads, writes: Shapes) -> Selectable {
    Stance::Replicated { reads, writes }.into()
}

fn tagged(accepts: Shapes, emits: Shapes) -> Selectable {
    Stance::Tagged { accepts, emits }.into()
}

const fn expand(sync: Sync) -> SurfaceOperation {
    SurfaceOperation::Expand {
        sync,
        filled: false,
    }
}

const fn expand_filled(sync: Sync) -> SurfaceOperation {
    SurfaceOperation::Expand { sync, filled: true }
}

/// Releases 1.0.0, 2.0.0, … of each component, with the stance of each, and whether a release is at
/// the same code step as the one before it.
type Line = (&'static str, Vec<(u16, Selectable)>);

fn scenario(
    name: &'static str,
    kind: Kind,
    lines: Vec<Line>,
    operations: Vec<SurfaceOperation>,
) -> Scenario {
    let change = ChangeId::new("rename").unwrap();
    let mut catalog = Catalog::default();
    let mut start = Environment::default();
    let mut last = Vec::new();
    let mut first = Vec::new();
    for (component, stances) in lines {
        let component = ComponentName::new(component).unwrap();
        for (place, (position, stance)) in stances.into_iter().enumerate() {
            let version = Version::new(place as u64 + 1, 0, 0);
            let code = CodeStep {
                name: StepName::new(format!("step-{position}")).unwrap(),
                position,
                stance,
            };
            let release = Release {
                component: component.clone(),
                version: version.clone(),
                commit: String::new(),
                code: BTreeMap::from([(change.clone(), code)]),
            };
            if place == 0 {
                let running = Running {
                    stable: Some(version.clone()),
                    ..Running::default()
                };
                start.components.insert(component.clone(), running);
                first.push((component.clone(), version.clone()));
            }
            let releases = catalog.releases.entry(component.clone()).or_default();
            releases.insert(version, release);
        }
        let newest = catalog.releases[&component]
            .keys()
            .next_back()
            .unwrap()
            .clone();
        last.push((component, newest));
    }
    let opened = Change {
        title: String::new(),
        kind,
        code: Vec::new(),
        retention: None,
        definition: None,
        opened: NOW,
    };
    catalog.changes.insert(change.clone(), opened);
    start
        .surfaces
        .insert(change.clone(), Surface::initial(kind));
    // An outcome that changes nothing, after which the interlock has seen who is live.
    let nothing = Action::AbortRollout {
        component: ComponentName::new("nobody").unwrap(),
    };
    let start = Interlock::new(&catalog).settle(&start, &nothing, false, NOW);
    Scenario {
        name,
        catalog,
        change,
        start,
        operations,
        flags: Vec::new(),
        last,
        first,
        clauses: Clauses::ALL,
    }
}

const OPERATIONS: [SurfaceOperation; 4] = [
    SurfaceOperation::Fill,
    SurfaceOperation::Unfill,
    SurfaceOperation::Unexpand,
    SurfaceOperation::Contract,
];

fn operations(more: &[SurfaceOperation]) -> Vec<SurfaceOperation> {
    [&OPERATIONS, more].concat()
}

/// The database keeps both shapes in step.
fn triggers() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, replicated(Reads::New, Shapes::OLD)),
        (2, replicated(Reads::New, Shapes::NEW)),
    ];
    let expanded = expand(Sync::Both);
    let back = SurfaceOperation::Uncontract {
        sync: Sync::Both,
        partial: false,
    };
    scenario(
        "triggers",
        Kind::Replicated,
        vec![("app", app)],
        operations(&[expanded, back, SurfaceOperation::Purge]),
    )
}

/// The application writes both shapes.
fn application() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, replicated(Reads::Old, Shapes::BOTH)),
        (2, replicated(Reads::New, Shapes::BOTH)),
        (3, replicated(Reads::New, Shapes::NEW)),
    ];
    let expanded = expand(Sync::None);
    let back = SurfaceOperation::Uncontract {
        sync: Sync::None,
        partial: false,
    };
    scenario(
        "application",
        Kind::Replicated,
        vec![("app", app)],
        operations(&[expanded, back]),
    )
}

/// Readers take the new shape where it is there, and synchronization comes and goes.
fn overlay() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, replicated(Reads::NewElseOld, Shapes::BOTH)),
        (2, replicated(Reads::New, Shapes::NEW)),
    ];
    let expanded = expand(Sync::Forward);
    let apart = SurfaceOperation::SetSync { sync: Sync::None };
    let together = SurfaceOperation::SetSync { sync: Sync::Both };
    scenario(
        "overlay",
        Kind::Replicated,
        vec![("app", app)],
        operations(&[expanded, apart, together]),
    )
}

/// One component writes, another one reads.
fn writer_and_reader() -> Scenario {
    let writer = vec![
        (0, replicated(Reads::Nothing, Shapes::OLD)),
        (1, replicated(Reads::Nothing, Shapes::BOTH)),
        (2, replicated(Reads::Nothing, Shapes::NEW)),
    ];
    let reader = vec![
        (0, replicated(Reads::Old, Shapes::NONE)),
        (1, replicated(Reads::New, Shapes::NONE)),
    ];
    let expanded = expand(Sync::None);
    scenario(
        "writer and reader",
        Kind::Replicated,
        vec![("writer", writer), ("reader", reader)],
        operations(&[expanded]),
    )
}

/// Only writers: nothing but the data itself suffers.
fn writers_only() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Nothing, Shapes::OLD)),
        (1, replicated(Reads::Nothing, Shapes::BOTH)),
        (2, replicated(Reads::Nothing, Shapes::NEW)),
    ];
    let expanded = expand(Sync::None);
    let back = SurfaceOperation::Uncontract {
        sync: Sync::None,
        partial: false,
    };
    scenario(
        "writers only",
        Kind::Replicated,
        vec![("app", app)],
        operations(&[expanded, back]),
    )
}

/// A producer and a consumer of events.
fn events() -> Scenario {
    let producer = vec![
        (0, tagged(Shapes::NONE, Shapes::OLD)),
        (1, tagged(Shapes::NONE, Shapes::NEW)),
    ];
    let consumer = vec![
        (0, tagged(Shapes::OLD, Shapes::NONE)),
        (1, tagged(Shapes::BOTH, Shapes::NONE)),
        (2, tagged(Shapes::NEW, Shapes::NONE)),
    ];
    let drains = Shape::ALL.map(|shape| SurfaceOperation::Drain { shape });
    scenario(
        "events",
        Kind::Tagged,
        vec![("producer", producer), ("consumer", consumer)],
        drains.to_vec(),
    )
}

/// A flag moves the reads while the code stays.
fn flag() -> Scenario {
    let name = FlagName::new("read-new").unwrap();
    let by_flag = Selectable::ByFlag {
        flag: name.clone(),
        cases: BTreeMap::from([(
            "on".to_owned(),
            Stance::Replicated {
                reads: Reads::New,
                writes: Shapes::BOTH,
            },
        )]),
        otherwise: Stance::Replicated {
            reads: Reads::Old,
            writes: Shapes::BOTH,
        },
    };
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, by_flag),
        (2, replicated(Reads::New, Shapes::NEW)),
    ];
    let expanded = expand(Sync::None);
    let mut scenario = scenario(
        "flag",
        Kind::Replicated,
        vec![("app", app)],
        operations(&[expanded]),
    );
    scenario
        .flags
        .push((name, vec!["on".to_owned(), "off".to_owned()]));
    scenario
}

/// An outside client that accepts only the old payload, and a service that could emit the new one.
fn client() -> Scenario {
    let api = vec![
        (0, tagged(Shapes::NONE, Shapes::OLD)),
        (1, tagged(Shapes::NONE, Shapes::BOTH)),
    ];
    let mut scenario = scenario("client", Kind::Tagged, vec![("api", api)], Vec::new());
    let stance = BTreeMap::from([(scenario.change.clone(), tagged(Shapes::OLD, Shapes::NONE))]);
    scenario
        .start
        .clients
        .insert(ClientName::new("mobile").unwrap(), stance);
    scenario
}

/// What the new shape holds includes what the old one does: a required column, a constraint.
fn required() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, replicated(Reads::Old, Shapes::NEW)),
        (2, replicated(Reads::New, Shapes::NEW)),
    ];
    let expanded = expand(Sync::Backward);
    let back = SurfaceOperation::Uncontract {
        sync: Sync::Backward,
        partial: false,
    };
    scenario(
        "required",
        Kind::Replicated,
        vec![("app", app)],
        operations(&[expanded, back, SurfaceOperation::Prepare]),
    )
}

/// The new shape is a part of the old one, and there at once: a column goes.
fn part() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, replicated(Reads::New, Shapes::OLD)),
        (2, replicated(Reads::New, Shapes::NEW)),
    ];
    let expanded = expand_filled(Sync::Forward);
    let back = SurfaceOperation::Uncontract {
        sync: Sync::Forward,
        partial: true,
    };
    scenario(
        "part",
        Kind::Replicated,
        vec![("app", app)],
        vec![
            expanded,
            back,
            SurfaceOperation::Unexpand,
            SurfaceOperation::Contract,
            SurfaceOperation::Purge,
        ],
    )
}

/// A shape is made in full while nobody knows it, and kept in step both ways: an optional column.
fn optional() -> Scenario {
    let app = vec![
        (0, replicated(Reads::Old, Shapes::OLD)),
        (1, replicated(Reads::New, Shapes::NEW)),
    ];
    scenario(
        "optional",
        Kind::Replicated,
        vec![("app", app)],
        vec![
            expand_filled(Sync::Both),
            SurfaceOperation::Unexpand,
            SurfaceOperation::Contract,
        ],
    )
}

/// Values on a list: an enum gets one and loses another.
fn listed() -> Scenario {
    let app = vec![
        (0, tagged(Shapes::OLD, Shapes::OLD)),
        (1, tagged(Shapes::BOTH, Shapes::OLD)),
        (2, tagged(Shapes::BOTH, Shapes::NEW)),
        (3, tagged(Shapes::NEW, Shapes::NEW)),
    ];
    let mut all = vec![
        expand(Sync::None),
        SurfaceOperation::Unexpand,
        SurfaceOperation::Contract,
        SurfaceOperation::Uncontract {
            sync: Sync::None,
            partial: false,
        },
        SurfaceOperation::Fill,
        SurfaceOperation::Unfill,
    ];
    all.extend(Shape::ALL.map(|shape| SurfaceOperation::Drain { shape }));
    scenario("listed", Kind::Listed, vec![("app", app)], all)
}

/// A rule that some facts break: a constraint, a value that goes.
fn rule() -> Scenario {
    let app = vec![
        (0, tagged(Shapes::BOTH, Shapes::BOTH)),
        (1, tagged(Shapes::BOTH, Shapes::NEW)),
        (2, tagged(Shapes::NEW, Shapes::NEW)),
    ];
    let all = vec![
        SurfaceOperation::Drain { shape: Shape::Old },
        SurfaceOperation::Fill,
        SurfaceOperation::Unfill,
        SurfaceOperation::Contract,
        SurfaceOperation::Uncontract {
            sync: Sync::None,
            partial: false,
        },
        SurfaceOperation::Prepare,
    ];
    scenario("rule", Kind::Tagged, vec![("app", app)], all)
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        rule(),
        required(),
        part(),
        optional(),
        listed(),
        triggers(),
        application(),
        overlay(),
        writer_and_reader(),
        writers_only(),
        events(),
        flag(),
        client(),
    ]
}
