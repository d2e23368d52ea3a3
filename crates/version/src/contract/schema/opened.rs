//! Parts of schemas with their references opened, and references that lead nowhere.
//!
//! What stands behind a reference that leads nowhere may be anything, which is not the same as a schema
//! that allows anything: it stays a part of its own ([`Part::Lost`]), so that nothing is concluded from
//! what it does not say.

use std::collections::{BTreeMap, BTreeSet};

use super::normal::{Part, Parts, Schemas, sorted};
use super::types::Types;
use crate::contract::bundle::Bundle;
use crate::contract::document::{Arena, NodeId, Value};

/// The keywords that refer to another schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Whether any reference leads nowhere.
pub(super) fn any_lost(bundle: &Bundle) -> bool {
    let mut all = bundle.arena.ids();
    all.any(|id| references(&bundle.arena, id).any(|it| bundle.follow(id, it).is_err()))
}

/// What a schema refers to, in its own words.
fn references(arena: &Arena, id: NodeId) -> impl Iterator<Item = &str> {
    let keys = REFERENCES.into_iter();
    keys.filter_map(move |key| arena.get_text(id, key))
}

impl Schemas<'_> {
    /// The same parts in the form in which they can be compared: equal for the same schema, however
    /// it was reached. References and `allOf` are opened: only own keywords, sets of types and what
    /// is not known are left.
    pub(crate) fn key(&self, parts: &[Part]) -> Parts {
        let arena = self.arena();
        let mut waiting: Vec<Part> = parts.to_vec();
        let mut seen = BTreeSet::new();
        let mut out = BTreeSet::new();
        let mut types = Types::ALL;
        while let Some(part) = waiting.pop() {
            let id = match part {
                Part::Full(id) => id,
                Part::Only(only) => {
                    types = types.and(only);
                    continue;
                }
                own => {
                    out.insert(own);
                    continue;
                }
            };
            if !seen.insert(id) {
                continue;
            }
            match arena.value(id) {
                Value::Bool(false) => types = Types::NONE,
                Value::Object(members) => {
                    let alone = members.len() == 1 || !self.dialect.siblings;
                    if arena.get_text(id, "$ref").is_some() && alone {
                        waiting.push(self.followed(id, "$ref"));
                        continue;
                    }
                    for key in REFERENCES {
                        if arena.get_text(id, key).is_some() {
                            waiting.push(self.followed(id, key));
                        }
                    }
                    let all = arena.get(id, "allOf").and_then(|it| arena.array(it));
                    waiting.extend(all.unwrap_or_default().iter().map(|it| Part::Full(*it)));
                    for key in ["anyOf", "oneOf"] {
                        let branches = arena.get(id, key).and_then(|it| arena.array(it));
                        if let Some([single]) = branches {
                            waiting.push(Part::Full(*single));
                        }
                    }
                    out.insert(Part::Own(id));
                }
                _ => {}
            }
        }
        if types != Types::ALL {
            out.insert(Part::Only(types));
        }
        sorted(out)
    }

    fn followed(&self, id: NodeId, key: &str) -> Part {
        let reference = self.arena().get_text(id, key).unwrap_or_default();
        let found = self.bundle.follow(id, reference);
        found.map_or(Part::Lost(id), Part::Full)
    }

    /// The references of parts that lead nowhere, by their texts, with the schemas that they stand in.
    pub(super) fn lost(&self, parts: &[Part]) -> BTreeMap<String, NodeId> {
        let of = |it: &Part| match it {
            Part::Lost(id) => Some(*id),
            _ => None,
        };
        let key = self.key(parts);
        let all = key.iter().filter_map(of);
        all.flat_map(|id| self.lost_in(id)).collect()
    }

    /// The same for one schema, without what it refers to.
    fn lost_in(&self, id: NodeId) -> Vec<(String, NodeId)> {
        let lost = references(self.arena(), id).filter(|it| self.bundle.follow(id, it).is_err());
        lost.map(|it| (it.to_owned(), id)).collect()
    }

    /// The same for parts and their alternatives, and theirs.
    pub(super) fn lost_alternatives(&self, parts: &[Part]) -> BTreeMap<String, NodeId> {
        let arena = self.arena();
        let mut out = BTreeMap::new();
        if !self.dangles() {
            return out;
        }
        let mut seen = BTreeSet::new();
        let mut waiting = parts.to_vec();
        while let Some(part) = waiting.pop() {
            if !seen.insert(part) {
                continue;
            }
            let key = self.key(&[part]);
            out.extend(self.lost(&key));
            for part in key.iter() {
                let Part::Own(id) = part else { continue };
                for key in ["anyOf", "oneOf"] {
                    let branches = arena.get(*id, key).and_then(|it| arena.array(it));
                    waiting.extend(
                        branches
                            .unwrap_or_default()
                            .iter()
                            .map(|it| Part::Full(*it)),
                    );
                }
            }
        }
        out
    }

    /// The same for parts and all that lies below them.
    pub(super) fn lost_below<'p>(
        &self,
        parts: impl IntoIterator<Item = &'p Parts>,
    ) -> BTreeMap<String, NodeId> {
        let arena = self.arena();
        let mut out = BTreeMap::new();
        if !self.dangles() {
            return out;
        }
        let mut seen = BTreeSet::new();
        let parts = parts.into_iter().flat_map(|it| it.iter());
        let mut waiting: Vec<NodeId> = parts
            .filter_map(|it| match it {
                Part::Full(id) | Part::Own(id) | Part::Rest(id) | Part::Lost(id) => Some(*id),
                Part::Only(_) => None,
            })
            .collect();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            match arena.value(id) {
                Value::Array(items) => waiting.extend(items.iter().copied()),
                Value::Object(members) => {
                    out.extend(self.lost_in(id));
                    let texts = references(arena, id);
                    waiting.extend(texts.filter_map(|it| self.bundle.follow(id, it).ok()));
                    waiting.extend(members.values().copied());
                }
                _ => {}
            }
        }
        out
    }
}
