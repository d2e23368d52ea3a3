//! How long one decision takes: 5 releases, 3 environments, 3 open changes, each environment with a
//! rollout under way and three rollback targets. Target: under 50 µs.
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use switchback_interlock::world::{Rollout, Running, Target};
use switchback_interlock::{Change, Interlock, World};
use switchback_model::{
    Action, ChangeId, CodeStep, ComponentName, EnvironmentName, Kind, Reads, Release, Shapes,
    Stance, StepName, SurfaceOperation, Sync, Timestamp, Version,
};

fn world() -> World {
    let app = ComponentName::new("app").unwrap();
    let stances = [
        Stance::Replicated {
            reads: Reads::Old,
            writes: Shapes::OLD,
        },
        Stance::Replicated {
            reads: Reads::New,
            writes: Shapes::OLD,
        },
        Stance::Replicated {
            reads: Reads::New,
            writes: Shapes::NEW,
        },
    ];
    let code = |place: usize| CodeStep {
        name: StepName::new(format!("s{place}")).unwrap(),
        position: place as u16,
        stance: stances[place].into(),
    };
    let ids: Vec<_> = ["email", "total", "address"]
        .map(|id| ChangeId::new(id).unwrap())
        .to_vec();
    let mut world = World::default();
    for id in &ids {
        let change = Change {
            title: String::new(),
            kind: Kind::Replicated,
            code: (0..3).map(code).collect(),
            retention: None,
            definition: None,
            opened: Timestamp::EPOCH,
        };
        world.catalog.changes.insert(id.clone(), change);
    }
    let version = |minor: u64| Version::new(1, minor, 0);
    for minor in 0..5u64 {
        let place = (minor / 2) as usize;
        let release = Release {
            component: app.clone(),
            version: version(minor),
            commit: String::new(),
            code: ids
                .iter()
                .map(|id| (id.clone(), code(place)))
                .collect::<BTreeMap<_, _>>(),
        };
        let releases = world.catalog.releases.entry(app.clone()).or_default();
        releases.insert(version(minor), release);
    }
    let until = Timestamp::from_millis(1_000_000);
    for name in ["dev", "staging", "production"] {
        let mut here = switchback_interlock::Environment::default();
        let interlock = Interlock::new(&world.catalog);
        for operation in [
            SurfaceOperation::Expand {
                sync: Sync::Both,
                filled: false,
            },
            SurfaceOperation::Fill,
        ] {
            for id in &ids {
                let action = Action::Surface {
                    change: id.clone(),
                    operation,
                };
                let during = interlock.begin(&here, &action).unwrap();
                here = interlock.settle(&during, &action, true, Timestamp::EPOCH);
            }
        }
        let target = |minor| Target {
            version: version(minor),
            since: Timestamp::EPOCH,
            until,
        };
        let running = Running {
            stable: Some(version(3)),
            since: None,
            rollout: Some(Rollout {
                to: version(4),
                back: false,
                aborting: false,
            }),
            targets: vec![target(0), target(1), target(2)],
        };
        here.components.insert(app.clone(), running);
        world
            .environments
            .insert(EnvironmentName::new(name).unwrap(), here);
    }
    world
}

fn decide(criterion: &mut Criterion) {
    let world = world();
    let interlock = Interlock::new(&world.catalog);
    let place = EnvironmentName::new("production").unwrap();
    let here = &world.environments[&place];
    let now = Timestamp::from_millis(1);
    let change = ChangeId::new("email").unwrap();
    let contract = Action::Surface {
        change,
        operation: SurfaceOperation::Contract,
    };
    let abort = Action::AbortRollout {
        component: ComponentName::new("app").unwrap(),
    };
    assert!(interlock.admit(&place, here, now, &contract).is_err());
    assert!(interlock.admit(&place, here, now, &abort).is_ok());
    criterion.bench_function("interlock/refuse", |bencher| {
        bencher.iter(|| {
            interlock
                .admit(&place, black_box(here), now, &contract)
                .is_err()
        });
    });
    criterion.bench_function("interlock/admit", |bencher| {
        bencher.iter(|| {
            interlock
                .admit(&place, black_box(here), now, &abort)
                .is_ok()
        });
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
