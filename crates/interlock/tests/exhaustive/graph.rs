//! The whole graph of reachable states, to ask what can still be reached from each.

use std::collections::{BTreeSet, HashMap};

use stateright::Model;

use crate::concrete::{Scenario, State};

/// Every reachable state and, for each, those that lead to it.
pub(crate) fn explore(model: &Scenario) -> (Vec<State>, Vec<Vec<usize>>) {
    let mut states = model.init_states();
    let mut places: HashMap<State, usize> = states
        .iter()
        .cloned()
        .enumerate()
        .map(|(place, state)| (state, place))
        .collect();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); states.len()];
    let mut place = 0;
    while place < states.len() {
        let here = states[place].clone();
        let mut events = Vec::new();
        model.actions(&here, &mut events);
        for next in events
            .into_iter()
            .filter_map(|event| model.next_state(&here, event))
        {
            let there = *places.entry(next.clone()).or_insert_with(|| {
                states.push(next);
                before.push(Vec::new());
                states.len() - 1
            });
            before[there].push(place);
        }
        place += 1;
    }
    (states, before)
}

/// The states from which none of `goals` can be reached.
pub(crate) fn stuck(before: &[Vec<usize>], goals: impl Iterator<Item = usize>) -> BTreeSet<usize> {
    let mut stuck: BTreeSet<usize> = (0..before.len()).collect();
    let mut work: Vec<usize> = goals.collect();
    while let Some(place) = work.pop() {
        if stuck.remove(&place) {
            work.extend(&before[place]);
        }
    }
    stuck
}
