//! Larger worlds than can be explored whole: 5 releases, 3 environments, 3 open changes of both
//! kinds, 2 flags, windows that end by time. Random walks through what is admitted.
#![expect(clippy::unwrap_used, reason = "test code outside of test functions")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchback_interlock::{Interlock, Move, Standing, Verdict, World};
use switchback_model::{
    Action, Actor, ChangeId, CodeStep, ComponentName, Conclusion, Digest, Duration,
    EnvironmentName, Event, EventId, FlagName, Kind, Reads, Record, Release, Selectable, Shape,
    Shapes, Stance, StepName, SurfaceOperation, Sync, Timestamp, Version,
};

const WINDOW: Duration = Duration::from_millis(1_000);

fn name(text: &str) -> ChangeId {
    ChangeId::new(text).unwrap()
}

fn app() -> ComponentName {
    ComponentName::new("app").unwrap()
}

fn record(id: &str, at: i64, event: Event) -> Record {
    Record {
        id: EventId::of(&["test", id]),
        at: Timestamp::from_millis(at),
        actor: Actor::new("Test <test@example.org>"),
        event,
    }
}

/// Per change, the stance at each code step.
fn changes() -> BTreeMap<ChangeId, (Kind, Vec<Selectable>)> {
    let replicated = |reads, writes| Stance::Replicated { reads, writes };
    let tagged = |accepts, emits| Selectable::from(Stance::Tagged { accepts, emits });
    let by_flag = |flag: &str, on: Stance, otherwise: Stance| Selectable::ByFlag {
        flag: FlagName::new(flag).unwrap(),
        cases: BTreeMap::from([("on".to_owned(), on)]),
        otherwise,
    };
    let triggers = vec![
        replicated(Reads::Old, Shapes::OLD).into(),
        by_flag(
            "read-email",
            replicated(Reads::New, Shapes::OLD),
            replicated(Reads::Old, Shapes::OLD),
        ),
        replicated(Reads::New, Shapes::NEW).into(),
    ];
    let dual = vec![
        replicated(Reads::Old, Shapes::OLD).into(),
        replicated(Reads::Old, Shapes::BOTH).into(),
        by_flag(
            "read-total",
            replicated(Reads::New, Shapes::BOTH),
            replicated(Reads::NewElseOld, Shapes::BOTH),
        ),
        replicated(Reads::New, Shapes::NEW).into(),
    ];
    let event = vec![
        tagged(Shapes::OLD, Shapes::OLD),
        tagged(Shapes::BOTH, Shapes::OLD),
        tagged(Shapes::BOTH, Shapes::NEW),
    ];
    BTreeMap::from([
        (name("email"), (Kind::Replicated, triggers)),
        (name("total"), (Kind::Replicated, dual)),
        (name("event"), (Kind::Tagged, event)),
    ])
}

/// Five releases; `code[r]` says how far release r is in each change.
fn world(code: &[[u16; 3]; 5]) -> World {
    let mut world = World::default();
    let mut id = 0;
    let mut tell = |world: &mut World, event: Event| {
        id += 1;
        world.observe(&record(&id.to_string(), 0, event)).unwrap();
    };
    let step = |stances: &[Selectable], position: u16| CodeStep {
        name: StepName::new(format!("s{position}")).unwrap(),
        position,
        stance: stances[usize::from(position)].clone(),
    };
    for (change, (kind, stances)) in changes() {
        let event = Event::ChangeOpened {
            change,
            title: String::new(),
            kind,
            code: (0..stances.len() as u16)
                .map(|place| step(&stances, place))
                .collect(),
            retention: Some(Duration::from_millis(300)),
            definition: Digest::of(b""),
        };
        tell(&mut world, event);
    }
    for (place, positions) in code.iter().enumerate() {
        let code = changes()
            .into_iter()
            .zip(positions)
            .map(|((change, (_, stances)), position)| (change, step(&stances, *position)))
            .collect();
        let release = Release {
            component: app(),
            version: Version::new(1, place as u64, 0),
            commit: String::new(),
            code,
        };
        tell(&mut world, Event::ReleaseRecorded { release });
    }
    for environment in ["dev", "staging", "production"] {
        let environment = EnvironmentName::new(environment).unwrap();
        for action in [
            Action::Deploy {
                component: app(),
                version: Version::new(1, 0, 0),
            },
            Action::FinishRollout {
                component: app(),
                window: WINDOW,
            },
        ] {
            tell(
                &mut world,
                Event::Observed {
                    environment: environment.clone(),
                    action,
                },
            );
        }
    }
    world
}

fn candidates() -> Vec<Action> {
    let mut all = vec![
        Action::FinishRollout {
            component: app(),
            window: WINDOW,
        },
        Action::AbortRollout { component: app() },
    ];
    for minor in 0..5 {
        let version = Version::new(1, minor, 0);
        all.push(Action::Deploy {
            component: app(),
            version: version.clone(),
        });
        all.push(Action::Rollback {
            component: app(),
            version,
        });
    }
    for flag in ["read-email", "read-total"] {
        for value in ["on", "off"] {
            let (flag, value) = (FlagName::new(flag).unwrap(), value.to_owned());
            all.push(Action::SetFlag {
                flag,
                value,
                window: WINDOW,
            });
        }
    }
    for change in ["email", "total"] {
        let sync = if change == "email" {
            Sync::Both
        } else {
            Sync::None
        };
        all.extend(
            [
                SurfaceOperation::Expand {
                    sync,
                    filled: false,
                },
                SurfaceOperation::Fill,
                SurfaceOperation::Unexpand,
                SurfaceOperation::Contract,
                SurfaceOperation::Uncontract {
                    sync: Sync::Both,
                    partial: false,
                },
            ]
            .map(|operation| Action::Surface {
                change: name(change),
                operation,
            }),
        );
    }
    all.extend(Shape::ALL.map(|shape| Action::Surface {
        change: name("event"),
        operation: SurfaceOperation::Drain { shape },
    }));
    all
}

/// What a participant would meet if it ran now, from the facts of the surfaces alone.
fn assert_safe(world: &World, now: Timestamp) {
    let interlock = Interlock::new(&world.catalog);
    for (place, environment) in &world.environments {
        let threats = interlock.threats(environment, now);
        assert!(threats.is_empty(), "{place}: {threats:?}");
        let running = &environment.as_of(now).components[&app()];
        for target in running.targets.iter().filter(|_| running.rollout.is_none()) {
            let back = Action::Rollback {
                component: app(),
                version: target.version.clone(),
            };
            let verdict = interlock.admit(place, environment, now, &back);
            assert!(verdict.is_ok(), "{place}: {verdict:?}");
        }
        if running
            .rollout
            .as_ref()
            .is_some_and(|rollout| !rollout.aborting)
        {
            let abort = Action::AbortRollout { component: app() };
            assert!(interlock.admit(place, environment, now, &abort).is_ok());
        }
    }
}

fn code_lines() -> impl Strategy<Value = [[u16; 3]; 5]> {
    // A release moves at most one step in each change, now and then back.
    let moves = prop::collection::vec([-1i32..=1, 0i32..=1, 0i32..=1], 4);
    moves.prop_map(|moves| {
        let mut lines = [[0u16; 3]; 5];
        for place in 1..5 {
            for (change, last) in [2u16, 2, 3].into_iter().enumerate() {
                let moved = i32::from(lines[place - 1][change]) + moves[place - 1][change];
                lines[place][change] = moved.clamp(0, i32::from(last)) as u16;
            }
        }
        lines
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_admitted_keeps_every_world_safe(
        code in code_lines(),
        walk in prop::collection::vec((0usize..3, any::<prop::sample::Index>(), 0i64..200, any::<bool>()), 1..80),
    ) {
        let mut world = world(&code);
        let candidates = candidates();
        let mut now = 1;
        for (step, (place, choice, pause, crash)) in walk.into_iter().enumerate() {
            now += pause;
            let at = Timestamp::from_millis(now);
            let place = world.environments.keys().nth(place).unwrap().clone();
            let here = &world.environments[&place];
            let admitted =
                Interlock::new(&world.catalog).admitted(&place, here, at, &candidates);
            if admitted.is_empty() {
                continue;
            }
            let action = choice.get(&admitted).clone();
            let intended = Event::Intended {
                plan: Digest::of(b""),
                step: 0,
                environment: place.clone(),
                action: action.clone(),
            };
            let intent = record(&format!("i{step}"), now, intended);
            world.observe(&intent).unwrap();
            assert_safe(&world, at);
            // A crash leaves the intent open for a while, or for ever.
            if !crash {
                let conclusion = if pause % 5 == 0 {
                    Conclusion::NotDone { reason: "lock timeout".to_owned() }
                } else {
                    Conclusion::Done { recovered: false, took: None, detail: None }
                };
                let intent = intent.id.clone();
                let ended = Event::Concluded { intent, environment: place, action, conclusion };
                world.observe(&record(&format!("o{step}"), now, ended)).unwrap();
                assert_safe(&world, at);
            }
        }
    }

    #[test]
    fn a_way_forward_leads_there(code in code_lines(), goal in any::<prop::sample::Index>()) {
        let world = world(&code);
        let candidates = candidates();
        let goal = goal.get(&candidates).clone();
        let (place, here) = world.environments.iter().next().unwrap();
        let interlock = Interlock::new(&world.catalog);
        let start = Timestamp::from_millis(1);
        if let Verdict::Refused { way: Some(way), .. } =
            interlock.decide(place, here, start, &goal, &candidates)
        {
            prop_assert!(!way.is_empty());
            let (mut here, mut now) = (here.clone(), start);
            for step in way {
                match step {
                    Move::Wait { until } => now = until,
                    Move::Do { action } => {
                        let during = interlock.admit(place, &here, now, &action);
                        prop_assert!(during.is_ok(), "{:?}", during);
                        here = interlock.settle(&during.unwrap(), &action, true, now);
                    }
                }
            }
            prop_assert!(interlock.admit(place, &here, now, &goal).is_ok());
        }
    }
}

/// 1.0 old, 1.1 reads new, 1.2 writes new.
fn straight() -> World {
    world(&[[0, 0, 0], [1, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 0]])
}

#[test]
fn a_contract_names_the_target_in_the_way_and_until_when() {
    let mut world = straight();
    let place = EnvironmentName::new("production").unwrap();
    let flag = FlagName::new("read-email").unwrap();
    let email = |operation| Action::Surface {
        change: name("email"),
        operation,
    };
    let deploy = |minor| Action::Deploy {
        component: app(),
        version: Version::new(1, minor, 0),
    };
    let finish = Action::FinishRollout {
        component: app(),
        window: WINDOW,
    };
    for (step, action) in [
        email(SurfaceOperation::Expand {
            sync: Sync::Both,
            filled: false,
        }),
        email(SurfaceOperation::Fill),
        deploy(1),
        finish.clone(),
        Action::SetFlag {
            flag,
            value: "on".to_owned(),
            window: Duration::from_millis(0),
        },
        deploy(2),
        finish,
    ]
    .into_iter()
    .enumerate()
    {
        let now = Timestamp::from_millis(100);
        let here = &world.environments[&place];
        let verdict = Interlock::new(&world.catalog).admit(&place, here, now, &action);
        assert!(verdict.is_ok(), "{step}: {verdict:?}");
        let event = Event::Observed {
            environment: place.clone(),
            action,
        };
        world
            .observe(&record(&format!("s{step}"), 100, event))
            .unwrap();
    }
    let interlock = Interlock::new(&world.catalog);
    let here = &world.environments[&place];
    let contract = email(SurfaceOperation::Contract);
    let now = Timestamp::from_millis(200);
    let refusal = interlock.admit(&place, here, now, &contract).unwrap_err();
    let switchback_interlock::refusal::Cause::Unsafe(reasons) = &refusal.cause else {
        panic!("{refusal:?}")
    };
    let text = reasons[0].to_string();
    assert_eq!(
        text,
        "app 1.0.0, which is a rollback target until 1970-01-01T00:00:01.1Z, reads the old shape \
         of email, which would not be there"
    );
    assert_eq!(reasons[0].until(), Some(Timestamp::from_millis(1_100)));
    assert!(matches!(
        reasons[0].participant.as_ref().unwrap().standing,
        Standing::Target { .. }
    ));
    // The window is half-open: at its very end the target no longer counts.
    assert!(
        interlock
            .admit(&place, here, Timestamp::from_millis(1_099), &contract)
            .is_err()
    );
    assert!(
        interlock
            .admit(&place, here, Timestamp::from_millis(1_100), &contract)
            .is_ok()
    );
    let way = interlock.way(&place, here, now, &contract, &candidates());
    assert_eq!(
        way,
        Some(vec![Move::Wait {
            until: Timestamp::from_millis(1_100)
        }])
    );
}

#[test]
fn a_jump_over_a_step_is_refused_by_name_and_the_way_is_shown() {
    let world = straight();
    let (place, here) = world.environments.iter().next().unwrap();
    let interlock = Interlock::new(&world.catalog);
    let jump = Action::Deploy {
        component: app(),
        version: Version::new(1, 2, 0),
    };
    let now = Timestamp::from_millis(1);
    let refusal = interlock.admit(place, here, now, &jump).unwrap_err();
    assert!(
        format!("{:?}", refusal.cause).contains("OneStep"),
        "{refusal:?}"
    );
    let way = interlock
        .way(place, here, now, &jump, &candidates())
        .unwrap();
    assert!(way.len() >= 4, "{way:?}");
}

#[test]
fn a_state_reached_behind_our_back_can_be_left() {
    let mut world = straight();
    let place = EnvironmentName::new("production").unwrap();
    // Somebody put out code that writes a column which is not there.
    let here = world.environments.get_mut(&place).unwrap();
    let now = Timestamp::from_millis(10);
    let jump = Action::Deploy {
        component: app(),
        version: Version::new(1, 2, 0),
    };
    let interlock = Interlock::new(&world.catalog);
    let during = interlock.begin(here, &jump).unwrap();
    let here = interlock.settle(&during, &jump, true, now);
    assert!(!interlock.threats(&here, now).is_empty());

    let abort = Action::AbortRollout { component: app() };
    let during = interlock.admit(&place, &here, now, &abort).unwrap();
    let here = interlock.settle(&during, &abort, true, now);
    let finish = Action::FinishRollout {
        component: app(),
        window: WINDOW,
    };
    let during = interlock.admit(&place, &here, now, &finish).unwrap();
    let here = interlock.settle(&during, &finish, true, now);
    assert!(interlock.threats(&here, now).is_empty());
}
