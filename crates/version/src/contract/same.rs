//! What is the same on both sides to the letter, references followed. Most of a large contract is,
//! and need not be compared keyword by keyword.

use std::collections::HashMap;

use super::bundle::Bundle;
use super::document::{Arena, NodeId, Value};

/// What a value is made of: equal exactly for equal values.
#[derive(PartialEq, Eq, Hash)]
enum Make {
    Simple(String),
    Array(Vec<u32>),
    Object(Vec<(String, u32)>),
}

type Pair = (NodeId, NodeId);

/// Knows which values are made of the same, and which of those lead to the same.
pub(crate) struct Same<'a> {
    old: &'a Bundle,
    new: &'a Bundle,
    /// By place, a number that is the same for the same value on either side.
    makes: [Vec<u32>; 2],
    /// Pairs that were looked at: whether they differ.
    differ: HashMap<Pair, bool>,
    /// Which pairs lead to a pair.
    leads: HashMap<Pair, Vec<Pair>>,
}

impl<'a> Same<'a> {
    pub(crate) fn new(old: &'a Bundle, new: &'a Bundle) -> Self {
        let mut known = HashMap::new();
        let makes = [&old.arena, &new.arena].map(|it| makes(it, &mut known));
        Self {
            old,
            new,
            makes,
            differ: HashMap::new(),
            leads: HashMap::new(),
        }
    }

    /// Whether two values are the same, and whatever they refer to as well.
    pub(crate) fn is(&mut self, old: NodeId, new: NodeId) -> bool {
        if !self.differ.contains_key(&(old, new)) {
            self.explore((old, new));
        }
        self.differ.get(&(old, new)) == Some(&false)
    }

    fn explore(&mut self, start: Pair) {
        let mut waiting = vec![start];
        let mut wrong = Vec::new();
        while let Some(pair) = waiting.pop() {
            if self.differ.contains_key(&pair) {
                continue;
            }
            let differs = self.makes[0].get(pair.0.index()) != self.makes[1].get(pair.1.index());
            self.differ.insert(pair, differs);
            if differs {
                wrong.push(pair);
                continue;
            }
            for next in self.references(pair) {
                match next {
                    Some(next) => {
                        self.leads.entry(next).or_default().push(pair);
                        match self.differ.get(&next) {
                            Some(true) => wrong.push(next),
                            Some(false) => {}
                            None => waiting.push(next),
                        }
                    }
                    None => wrong.push(pair),
                }
            }
        }
        // Whatever leads to something that differs differs.
        while let Some(pair) = wrong.pop() {
            self.differ.insert(pair, true);
            for from in self.leads.remove(&pair).unwrap_or_default() {
                if self.differ.insert(from, true) != Some(true) {
                    wrong.push(from);
                }
            }
        }
    }

    /// Where the references in two values lead that are made of the same. `None` for one that leads
    /// somewhere on one side only.
    fn references(&self, (old, new): Pair) -> Vec<Option<Pair>> {
        let mut out = Vec::new();
        let mut waiting = vec![(old, new)];
        while let Some((one, two)) = waiting.pop() {
            match (self.old.arena.value(one), self.new.arena.value(two)) {
                (Value::Array(first), Value::Array(second)) => {
                    waiting.extend(first.iter().copied().zip(second.iter().copied()));
                }
                (Value::Object(first), Value::Object(second)) => {
                    for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
                        if let Some(reference) = self.old.arena.get_text(one, key) {
                            let found = (
                                self.old.follow(one, reference),
                                self.new.follow(two, reference),
                            );
                            match found {
                                (Ok(one), Ok(two)) => out.push(Some((one, two))),
                                (Err(_), Err(_)) => {}
                                _ => out.push(None),
                            }
                        }
                    }
                    waiting.extend(first.values().copied().zip(second.values().copied()));
                }
                _ => {}
            }
        }
        out
    }
}

/// Numbers for what the values of an arena are made of.
fn makes(arena: &Arena, known: &mut HashMap<Make, u32>) -> Vec<u32> {
    let mut out: Vec<u32> = Vec::new();
    // Children are read before what they lie in, so their numbers are there.
    for id in arena.ids() {
        let number = |it: &NodeId| out.get(it.index()).copied().unwrap_or(u32::MAX);
        let make = match arena.value(id) {
            Value::Array(items) => Make::Array(items.iter().map(number).collect()),
            Value::Object(members) => {
                let named = members.iter().map(|(key, it)| (key.clone(), number(it)));
                Make::Object(named.collect())
            }
            _ => Make::Simple(arena.canonical(id)),
        };
        let next = known.len() as u32;
        out.push(*known.entry(make).or_insert(next));
    }
    out
}
