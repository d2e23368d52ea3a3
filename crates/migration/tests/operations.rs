//! Every operation, walked through the interlock: each step is admitted where it stands, a contract
//! nowhere before, every release can be rolled back to, and the whole way can be walked back.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside of test functions"
)]

mod samples;

use std::collections::BTreeMap;

use switchback_interlock::Interlock;
use switchback_interlock::world::World;
use switchback_migration::definition::{Step, Work};
use switchback_migration::facts::{Facts, OLDEST};
use switchback_migration::{Definition, Engine, sql, steps};
use switchback_model::plan::Direction;
use switchback_model::{
    Action, Actor, ComponentName, Duration, EnvironmentName, Event, EventId, Record, Release,
    SurfaceOperation, Timestamp, Version,
};

const WINDOW: Duration = Duration::from_millis(1_000);

/// One environment, one application, one change.
struct Walk {
    world: World,
    definition: Definition,
    now: i64,
    events: u64,
}

fn place() -> EnvironmentName {
    EnvironmentName::new("production").unwrap()
}

fn app() -> ComponentName {
    ComponentName::new("app").unwrap()
}

fn version(position: usize) -> Version {
    Version::new(position as u64 + 1, 0, 0)
}

impl Walk {
    fn begin(definition: &Definition) -> Self {
        let mut walk = Self {
            world: World::default(),
            definition: definition.clone(),
            now: 0,
            events: 0,
        };
        walk.observe(Event::ChangeOpened {
            change: definition.id.clone(),
            title: definition.title.clone(),
            kind: definition.surface.kind,
            code: definition.code_steps(),
            retention: None,
            definition: definition.digest().unwrap(),
        });
        for (position, code) in definition.code_steps().into_iter().enumerate() {
            let release = Release {
                component: app(),
                version: version(position),
                commit: String::new(),
                code: BTreeMap::from([(definition.id.clone(), code)]),
            };
            walk.observe(Event::ReleaseRecorded { release });
        }
        walk.put_out(0);
        walk
    }

    fn observe(&mut self, event: Event) {
        self.events += 1;
        self.world
            .observe(&Record {
                id: EventId::of(&[&self.events.to_string()]),
                at: Timestamp::from_millis(self.now),
                actor: Actor::new("test"),
                event,
            })
            .unwrap();
    }

    fn verdict(&self, action: &Action) -> Result<(), String> {
        let none = switchback_interlock::Environment::default();
        let here = self.world.environments.get(&place()).unwrap_or(&none);
        Interlock::new(&self.world.catalog)
            .admit(&place(), here, Timestamp::from_millis(self.now), action)
            .map(drop)
            .map_err(|refusal| format!("{refusal:?}"))
    }

    fn act(&mut self, action: &Action, what: &str) {
        if let Err(refusal) = self.verdict(action) {
            panic!("{}, {what}: {refusal}", self.definition.title);
        }
        self.observe(Event::Observed {
            environment: place(),
            action: action.clone(),
        });
    }

    /// Puts a release out, sees that the one before could come back, and waits until it cannot.
    fn put_out(&mut self, position: usize) {
        let before = self
            .world
            .environments
            .get(&place())
            .and_then(|here| here.components.get(&app())?.stable.clone());
        let deploy = Action::Deploy {
            component: app(),
            version: version(position),
        };
        self.act(&deploy, "deploy");
        let finish = Action::FinishRollout {
            component: app(),
            window: WINDOW,
        };
        self.act(&finish, "finish");
        if let Some(version) = before {
            let back = Action::Rollback {
                component: app(),
                version,
            };
            assert_eq!(self.verdict(&back), Ok(()), "{}", self.definition.title);
        }
        self.now += 2_000;
    }

    fn actions(&self, step: &Step, direction: Direction) -> Vec<Action> {
        steps::planned(&self.definition, &step.name, direction)
            .unwrap()
            .into_iter()
            .map(|planned| planned.action)
            .collect()
    }
}

fn is_contract(step: &Step) -> bool {
    matches!(&step.work, Work::Database { script: Some(script), .. }
        if script.action == SurfaceOperation::Contract)
}

#[test]
fn every_operation_goes_all_the_way_and_back() {
    for definition in samples::postgres() {
        let mut walk = Walk::begin(&definition);
        let mut position = 0;
        for (number, step) in definition.steps.iter().enumerate() {
            // No contract may come before its turn.
            for later in &definition.steps[number + 1..] {
                if is_contract(later)
                    && definition.steps[number..]
                        .iter()
                        .take_while(|it| it.name != later.name)
                        .any(|it| matches!(it.work, Work::Code { .. }))
                {
                    let [contract] = &walk.actions(later, Direction::Up)[..] else {
                        panic!("{}", definition.title)
                    };
                    assert!(walk.verdict(contract).is_err(), "{}", definition.title);
                }
            }
            if let Work::Code { .. } = step.work {
                position += 1;
                walk.put_out(position);
            } else {
                for action in walk.actions(step, Direction::Up) {
                    walk.act(&action, step.name.as_str());
                }
            }
        }
        // What cannot be computed back keeps code that reads it away for good.
        let lost = definition.steps.iter().any(|step| {
            matches!(&step.work, Work::Database { script: Some(script), .. }
                if matches!(script.undo, SurfaceOperation::Uncontract { partial: true, .. }))
        });
        for step in definition.steps.iter().rev() {
            if let Work::Code { .. } = step.work {
                position -= 1;
                if lost && position == 0 {
                    let back = Action::Deploy {
                        component: app(),
                        version: version(0),
                    };
                    assert!(walk.verdict(&back).is_err(), "{}", definition.title);
                    break;
                }
                walk.put_out(position);
            } else {
                for action in walk.actions(step, Direction::Down) {
                    walk.act(&action, step.name.as_str());
                }
            }
        }
        assert_eq!(position, 0);
    }
}

#[test]
fn every_definition_comes_back_from_its_files() {
    for definition in samples::postgres() {
        let mut files = definition.render();
        let text = files.remove("change.toml").unwrap();
        let text = String::from_utf8(text).unwrap();
        let read = Definition::parse(&text, &files);
        assert_eq!(read.as_ref(), Ok(&definition), "{text}");
    }
}

#[test]
fn every_step_says_why_it_stands_alone_and_how_it_is_walked_back() {
    for definition in samples::postgres() {
        for step in &definition.steps {
            for text in [&step.title, &step.prevents, &step.way_back, &step.protects] {
                assert!(text.len() > 10, "{}, {}", definition.title, step.name);
                assert!(!text.contains("{}") && !text.contains("  "), "{text}");
            }
            if matches!(step.work, Work::Code { .. }) {
                assert!(!step.needs.is_empty(), "{}", step.name);
            }
        }
    }
}

/// What our own steps up do is held to what we tell others: nobody waits while a table is read or
/// written.
#[test]
fn no_step_up_makes_anybody_wait_while_it_works() {
    for definition in samples::postgres() {
        let mut schema = samples::shop();
        for step in &definition.steps {
            let Work::Database {
                script: Some(script),
                ..
            } = &step.work
            else {
                continue;
            };
            for statement in sql::parse(&script.up.sql, Engine::Postgres) {
                let facts = Facts::of(&statement, &schema, OLDEST);
                let waits: Vec<_> = facts.blocking().collect();
                let text = &script.up.sql[statement.span.clone()];
                assert!(waits.is_empty(), "{text}: {waits:#?}");
                let misfits = schema.apply(&statement);
                assert!(misfits.is_empty(), "{text}: {misfits:?}");
            }
            schema.begin_unit();
        }
    }
}

/// What a contract keeps aside is said, under the name that its SQL gives it, and nothing else is.
#[test]
fn what_a_contract_keeps_is_known_by_name() {
    let mut known = 0;
    for definition in samples::postgres() {
        let contract = definition.steps.iter().find_map(|step| match &step.work {
            Work::Database {
                script: Some(script),
                ..
            } if script.action == SurfaceOperation::Contract => Some(script),
            _ => None,
        });
        let kept = definition.kept();
        known += kept.len();
        let aside = contract.map_or(0, |it| it.up.sql.matches("archive").count());
        assert_eq!(kept.is_empty(), aside == 0, "{}", definition.id);
        for it in kept {
            let contract = contract.unwrap();
            let name = it.column.as_ref().unwrap_or(&it.table);
            let name = name.rsplit('.').next().unwrap().trim_matches('"');
            let quoted = format!("TO \"{name}\";");
            assert!(
                contract.up.sql.contains(&quoted),
                "{name}: {}",
                contract.up.sql
            );
            // The way back needs it, and the SQL that destroys it names it.
            assert!(contract.down.sql.contains(name), "{name}");
            assert!(it.drop_sql.contains(&format!("\"{name}\"")), "{it:?}");
        }
    }
    assert!(known >= 5, "{known}");
}
