//! Objects: properties, listed and not.

use std::collections::BTreeSet;

use super::changes::Change;
use super::compare::{Comparison, Found};
use super::normal::{Part, Parts, is_nothing};
use super::shape::Shape;
use super::types::Types;
use super::values::effective;
use crate::contract::document::NodeId;
use crate::contract::rule::Direction;

impl Comparison<'_> {
    pub(super) fn objects(
        &mut self,
        old: (&Parts, &Shape),
        new: (&Parts, &Shape),
        found: &mut Found,
    ) {
        let (was, is) = (old.1, new.1);
        let types = (
            effective(was, self.old.arena()),
            effective(is, self.new.arena()),
        );
        if !types.0.has(Types::OBJECT) || !types.1.has(Types::OBJECT) {
            return;
        }
        let listed = was.properties.keys().chain(is.properties.keys());
        let required = was.required.keys().chain(is.required.keys());
        let names: BTreeSet<&String> = listed.chain(required).collect();
        for name in names {
            self.property(name, old, new, found);
        }
        self.additional(was, is, found);
        self.patterned(was, is, found);
        self.names(was, is, found);
        self.dependencies(was, is, found);
    }

    fn property(
        &mut self,
        name: &str,
        (parts, was): (&Parts, &Shape),
        (others, is): (&Parts, &Shape),
        found: &mut Found,
    ) {
        let (first, second) = (was.properties.get(name), is.properties.get(name));
        let shape = |it: &Parts, schemas: &super::normal::Schemas<'_>, at| schemas.shape(it, at);
        let one = first.map(|it| shape(it, self.old, was.at));
        let two = second.map(|it| shape(it, self.new, is.at));
        let hides = |it: &Option<std::rc::Rc<Shape>>| {
            it.as_ref().is_some_and(|it| {
                self.manner.one_way
                    && match self.direction {
                        Direction::WeRead => it.read_only,
                        _ => it.write_only,
                    }
            })
        };
        let (hid, hides) = (hides(&one), hides(&two));
        // Of which direction a property is may be said where the reference leads.
        if let (true, Some(one), Some(two)) = (hid || hides, &one, &two)
            && self.unknown((&one.dangling, &two.dangling), (one.at, two.at), found)
        {
            return;
        }
        let place =
            |shape: &Option<std::rc::Rc<Shape>>, at: NodeId| shape.as_ref().map_or(at, |it| it.at);
        let text = |it: bool| it.then(|| name.to_owned());
        let at = |old, new| ((old, text(first.is_some())), (new, text(second.is_some())));
        let (old, new) = at(place(&one, was.at), place(&two, is.at));
        let demanded = (
            was.required.contains_key(name) && !hid,
            is.required.contains_key(name) && !hides,
        );
        if hid || hides {
            if hid != hides && one.is_some() && two.is_some() {
                let change = if hides {
                    Change::PropertyHidden
                } else {
                    Change::PropertyShown
                };
                self.say(found, change, old.clone(), new.clone(), name);
                if !hides && demanded.1 {
                    self.say(found, Change::PropertyBecameRequired, old, new, name);
                }
            }
            return;
        }
        let mut told = false;
        match demanded {
            (false, true) => {
                // Without a description it was nothing that anybody knew to send.
                let known = first.is_some() || self.manner.unlisted && second.is_none();
                let change = if known {
                    Change::PropertyBecameRequired
                } else {
                    Change::PropertyAddedRequired
                };
                told = !known;
                let old = (old.0, Some(format!("{name} optional")).filter(|_| known));
                let new = (new.0, Some(format!("{name} required")));
                self.say(found, change, old, new, name);
            }
            (true, false) => {
                let gone = second.is_none()
                    && !(self.manner.unlisted && self.direction == Direction::WeRead);
                let change = if gone {
                    Change::PropertyRemovedRequired
                } else {
                    Change::PropertyBecameOptional
                };
                told = gone;
                let old = (old.0, Some(format!("{name} required")));
                let new = (new.0, Some(format!("{name} optional")).filter(|_| !gone));
                self.say(found, change, old, new, name);
            }
            _ => {}
        }
        match (first, second) {
            (Some(first), Some(second)) => {
                let inner = self.pair((first, was.at), (second, is.at));
                found.extend(inner.iter().cloned());
            }
            (None, Some(second)) => {
                let implied = self.old.unlisted(parts, name);
                let closed = is_nothing(self.old.arena(), &implied);
                let described = !implied.is_empty() && !closed;
                if (self.manner.unlisted || described)
                    && self.unknown_below(([&implied], old.0), ([second], new.0), found)
                {
                    return;
                }
                let fits = (!self.manner.unlisted && !described)
                    || closed && self.direction == Direction::WeRead
                    || self.fits((&implied, was.at), (second, is.at));
                if !fits && !is_nothing(self.new.arena(), second) {
                    let change = match self.direction {
                        Direction::WeRead => Change::PropertyTaken,
                        _ if !self.manner.unlisted => Change::PropertyAdded,
                        _ => Change::PropertyAllowed,
                    };
                    self.say(found, change, old, new, name);
                } else if !fits {
                    self.say(found, Change::PropertyForbidden, old, new, name);
                } else if !told && !is_nothing(self.new.arena(), second) {
                    self.say(found, Change::PropertyAdded, old, new, name);
                }
            }
            (Some(first), None) => {
                let implied = self.new.unlisted(others, name);
                let closed = is_nothing(self.new.arena(), &implied);
                if is_nothing(self.old.arena(), first) && closed {
                    return;
                }
                let compared = !closed && (self.manner.unlisted || !implied.is_empty());
                if compared && self.unknown_below(([first], old.0), ([&implied], new.0), found) {
                    return;
                }
                let direction = self.direction;
                let change = match direction {
                    Direction::WeRead if closed => Change::PropertyForbidden,
                    _ if !self.manner.unlisted && implied.is_empty() | closed => {
                        if told {
                            return;
                        }
                        Change::PropertyRemoved
                    }
                    Direction::WeRead => {
                        if self.fits((first, was.at), (&implied, is.at)) {
                            Change::PropertyFreed
                        } else {
                            Change::PropertyForbidden
                        }
                    }
                    _ if closed => Change::PropertyForbidden,
                    _ if self.fits((first, was.at), (&implied, is.at)) => return,
                    _ => Change::PropertyFreed,
                };
                self.say(found, change, old, new, name);
            }
            (None, None) => {}
        }
    }

    /// A change that is the same whoever reads.
    pub(super) fn say(
        &self,
        found: &mut Found,
        change: Change,
        old: (NodeId, Option<String>),
        new: (NodeId, Option<String>),
        subject: &str,
    ) {
        self.differ(found, true, (change, change), old, new, subject);
    }

    fn additional(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let pair = (Change::AdditionalTightened, Change::AdditionalLoosened);
        self.below(
            pair,
            (&was.additional, was.at),
            (&is.additional, is.at),
            "additionalProperties",
            found,
        );
    }

    /// Schemas that hold for whatever is not listed: that everything or nothing is allowed is a
    /// change of its own, anything else is compared.
    pub(super) fn below(
        &mut self,
        pair: (Change, Change),
        old: (&Parts, NodeId),
        new: (&Parts, NodeId),
        subject: &str,
        found: &mut Found,
    ) {
        let nothing = (
            is_nothing(self.old.arena(), old.0),
            is_nothing(self.new.arena(), new.0),
        );
        if nothing == (true, true) {
            return;
        }
        let simple = nothing.0 || nothing.1 || old.0.is_empty() || new.0.is_empty();
        if !simple {
            let inner = self.pair(old, new);
            found.extend(inner.iter().cloned());
            return;
        }
        if self.unknown_below(([old.0], old.1), ([new.0], new.1), found) {
            return;
        }
        let fits = self.fits(old, new);
        if fits && self.flipped(|it| it.fits(old, new)) {
            return;
        }
        let text = |parts: &Parts, schemas: &super::normal::Schemas<'_>| {
            let stands = parts.iter().find_map(|it| match it {
                Part::Full(id) => Some(*id),
                _ => None,
            });
            match stands {
                Some(id) => (Some(id), Some(schemas.arena().short(id))),
                None => (None, None),
            }
        };
        let (one, two) = (text(old.0, self.old), text(new.0, self.new));
        let first = (one.0.unwrap_or(old.1), one.1);
        let second = (two.0.unwrap_or(new.1), two.1);
        self.differ(found, !fits, pair, first, second, subject);
    }

    fn patterned(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let keys = was
            .pattern_properties
            .keys()
            .chain(is.pattern_properties.keys());
        let keys: BTreeSet<&String> = keys.collect();
        for key in keys {
            let (first, second) = (
                was.pattern_properties.get(key),
                is.pattern_properties.get(key),
            );
            if let (Some(first), Some(second)) = (first, second) {
                let inner = self.pair((first, was.at), (second, is.at));
                found.extend(inner.iter().cloned());
                continue;
            }
            let one = first.unwrap_or(&was.additional).clone();
            let two = second.unwrap_or(&is.additional).clone();
            if self.unknown_below(([&one], was.at), ([&two], is.at), found) {
                continue;
            }
            let fits = self.fits((&one, was.at), (&two, is.at));
            if fits && self.flipped(|it| it.fits((&one, was.at), (&two, is.at))) {
                continue;
            }
            let pair = (
                Change::PatternPropertiesTightened,
                Change::PatternPropertiesLoosened,
            );
            let old = (was.at, first.map(|_| key.clone()));
            let new = (is.at, second.map(|_| key.clone()));
            self.differ(found, !fits, pair, old, new, key);
        }
    }

    fn names(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        if self.unknown_below(([&was.names], was.at), ([&is.names], is.at), found) {
            return;
        }
        let one = self.old.only(&was.names, Types::STRING);
        let two = self.new.only(&is.names, Types::STRING);
        let inner = self.pair((&one, was.at), (&two, is.at));
        if inner.is_empty() {
            return;
        }
        let (writer, reader) = self.roles(&was.names, &is.names);
        let breaks = match (writer.is_empty(), reader.is_empty()) {
            (true, false) => true,
            (false, true) => false,
            _ => self.breaks(&inner) > 0,
        };
        let pair = (Change::NamesTightened, Change::NamesLoosened);
        let text = |it: &Parts| (!it.is_empty()).then(|| "propertyNames".to_owned());
        let (old, new) = ((was.at, text(&was.names)), (is.at, text(&is.names)));
        self.differ(found, breaks, pair, old, new, "propertyNames");
    }

    fn dependencies(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let pair = (Change::DependencyAdded, Change::DependencyRemoved);
        let keys: BTreeSet<&(String, String)> = was
            .dependent_required
            .keys()
            .chain(is.dependent_required.keys())
            .collect();
        for key in keys {
            let (first, second) = (
                was.dependent_required.get(key),
                is.dependent_required.get(key),
            );
            if first.is_some() == second.is_some() {
                continue;
            }
            let (writer, reader) = self.roles((was, first), (is, second));
            if reader.1.is_some() && writer.0.required.contains_key(&key.1) {
                continue;
            }
            let text = format!("{} demands {}", key.0, key.1);
            let old = (
                first.copied().unwrap_or(was.at),
                first.map(|_| text.clone()),
            );
            let new = (
                second.copied().unwrap_or(is.at),
                second.map(|_| text.clone()),
            );
            self.differ(found, reader.1.is_some(), pair, old, new, &key.0);
        }
        let keys: BTreeSet<&String> = was.dependent.keys().chain(is.dependent.keys()).collect();
        for key in keys {
            match (was.dependent.get(key), is.dependent.get(key)) {
                (Some(first), Some(second)) => {
                    let inner = self.pair((first, was.at), (second, is.at));
                    found.extend(inner.iter().cloned());
                }
                (first, second) => {
                    if self.unknown_below((first, was.at), (second, is.at), found) {
                        continue;
                    }
                    let breaks = self.roles(first.is_some(), second.is_some()).1;
                    let old = (was.at, first.map(|_| key.clone()));
                    let new = (is.at, second.map(|_| key.clone()));
                    self.differ(found, breaks, pair, old, new, key);
                }
            }
        }
    }
}
