//! The rule is proved, not sampled: every reachable state of small worlds, with mixed versions,
//! rollbacks, partial rollouts, flags, and crashes between intent and outcome.
#![expect(clippy::unwrap_used, reason = "test code outside of test functions")]

mod concrete;
mod graph;
mod scenarios;

use stateright::{Checker, HasDiscoveries, Model};
use switchback_interlock::{Clause, Clauses};

/// The client of that world never moves, so the change there can never end: that is the point.
const NEVER_ENDS: &str = "client";

#[test]
fn every_reachable_state_is_safe_and_every_target_can_return() {
    for scenario in scenarios::all() {
        let name = scenario.name;
        let checker = scenario.checker().threads(2).spawn_bfs().join();
        println!("{name}: {} states", checker.unique_state_count());
        for (property, path) in checker.discoveries() {
            let expected = property == "the change reaches its end";
            assert!(expected, "{name}: violated: {property}\n{path}");
        }
        let ends = checker.discovery("the change reaches its end").is_some();
        assert_eq!(ends, name != NEVER_ENDS, "{name}");
    }
}

#[test]
fn never_stuck_the_end_or_the_way_back_is_always_reachable() {
    for scenario in scenarios::all() {
        let (states, before) = graph::explore(&scenario);
        let homes = |far: bool| {
            let scenario = &scenario;
            let states = &states;
            (0..states.len()).filter(move |place| scenario.is_home(&states[*place], far))
        };
        let stuck = graph::stuck(&before, homes(true).chain(homes(false)));
        let example = stuck.first().map(|place| &states[*place]);
        assert!(
            stuck.is_empty(),
            "{}: {} stuck, {example:?}",
            scenario.name,
            stuck.len()
        );
        if scenario.name != NEVER_ENDS {
            let stuck = graph::stuck(&before, homes(true));
            let example = stuck.first().map(|place| &states[*place]);
            assert!(
                stuck.is_empty(),
                "{}: {} never end, {example:?}",
                scenario.name,
                stuck.len()
            );
        }
    }
}

#[test]
fn without_any_one_clause_something_goes_wrong() {
    let mut needless = Vec::new();
    for clause in Clause::ALL {
        let found = scenarios::all().into_iter().find_map(|mut scenario| {
            scenario.clauses = Clauses::ALL.without(*clause);
            let name = scenario.name;
            let safe = "the change reaches its end";
            let checker = scenario
                .checker()
                .threads(2)
                .finish_when(HasDiscoveries::AnyFailures)
                .spawn_bfs()
                .join();
            let (property, path) = checker
                .discoveries()
                .into_iter()
                .find(|(property, _)| *property != safe)?;
            Some((name, property, path.into_actions().len()))
        });
        match found {
            Some((world, property, moves)) => {
                println!(
                    "without {}: {world}: not “{property}” after {moves} moves",
                    clause.slug()
                );
            }
            None => needless.push(clause.slug()),
        }
    }
    assert!(
        needless.is_empty(),
        "nothing goes wrong without {needless:?}"
    );
}
