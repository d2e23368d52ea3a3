//! Messages and extensions, and what is said about numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Message, Reserved, ranged};
use super::{Comparison, home, rules, within};
use crate::contract::finding::Place;
use crate::contract::rule::Rule;

impl Comparison<'_> {
    pub(super) fn messages(&mut self) {
        let (sides, old, new) = (self.sides, self.sides.old, self.sides.new);
        let after = |name: &str| {
            old.messages
                .get(name)
                .filter(|_| !new.messages.contains_key(sides.now(name)))
        };
        for (name, was) in &old.messages {
            let now = sides.now(name);
            match new.messages.get(now) {
                Some(is) => self.message(now, was, is),
                None if within(name, after) => {}
                None => {
                    let place = home(new, now, &was.place);
                    let text = Some(name.clone());
                    self.say(
                        &rules::MESSAGE_REMOVED,
                        (&was.place, text),
                        (&place, None),
                        name,
                    );
                }
            }
        }
        let known: BTreeSet<&str> = old.messages.keys().map(|it| sides.now(it)).collect();
        let added = |name: &str| new.messages.get(name).filter(|_| !known.contains(name));
        for (name, is) in new
            .messages
            .iter()
            .filter(|it| !known.contains(it.0.as_str()))
        {
            if !within(name, added) {
                let place = home(old, name, &is.place);
                let text = Some(name.clone());
                self.say(
                    &rules::MESSAGE_ADDED,
                    (&place, None),
                    (&is.place, text),
                    name,
                );
            }
        }
    }

    fn message(&mut self, name: &str, was: &Message, is: &Message) {
        let places = (&was.place, &is.place);
        let flag = |it: bool| Some(it.to_string());
        if was.set != is.set {
            let (old, new) = ((places.0, flag(was.set)), (places.1, flag(is.set)));
            self.say(&rules::MESSAGE_SET, old, new, name);
        }
        if was.accessor.0 != is.accessor.0 {
            let (first, second) = (&was.accessor, &is.accessor);
            let (old, new) = ((&first.1, flag(first.0)), (&second.1, flag(second.0)));
            self.say(&rules::MESSAGE_ACCESSOR, old, new, name);
        }
        if !was.deprecated && is.deprecated {
            self.say(&rules::DEPRECATED, (places.0, None), (places.1, None), name);
        }
        self.fields(
            name,
            (&was.fields, &was.place),
            (&is.fields, &is.place),
            Some(&is.reserved),
        );
        for (oneof, place) in &was.oneofs {
            if !is.oneofs.contains_key(oneof) {
                let old = (place, Some(oneof.clone()));
                let name = format!("{name}.{oneof}");
                self.say(&rules::ONEOF_REMOVED, old, (&is.place, None), &name);
            }
        }
        self.reserved(name, &was.reserved, &is.reserved, &is.place);
        let rule = &rules::EXTENSION_RANGE_REMOVED;
        for (range, place) in was.extensions.without(&is.extensions) {
            self.say(rule, (place, Some(ranged(&range))), (&is.place, None), name);
        }
        let rule = &rules::EXTENSION_RANGE_ADDED;
        for (range, place) in is.extensions.without(&was.extensions) {
            self.say(
                rule,
                (&was.place, None),
                (place, Some(ranged(&range))),
                name,
            );
        }
    }

    /// Numbers and names that are not reserved any more. `owner` is where they would be.
    pub(super) fn reserved(&mut self, name: &str, was: &Reserved, is: &Reserved, owner: &Place) {
        let mut say = |rule: &'static Rule, place: &Place, text: String| {
            self.say(rule, (place, Some(text)), (owner, None), name);
        };
        for (range, place) in was.numbers.without(&is.numbers) {
            say(&rules::RESERVED_NUMBER_REMOVED, place, ranged(&range));
        }
        for (reserved, place) in &was.names {
            if !is.names.contains_key(reserved) {
                say(&rules::RESERVED_NAME_REMOVED, place, reserved.clone());
            }
        }
    }

    pub(super) fn extensions(&mut self) {
        let (sides, old, new) = (self.sides, self.sides.old, self.sides.new);
        let none = BTreeMap::new();
        let after: BTreeMap<&str, _> = old
            .extensions
            .iter()
            .map(|(name, it)| (sides.now(name), it))
            .collect();
        let names: BTreeSet<&str> = after
            .keys()
            .copied()
            .chain(new.extensions.keys().map(String::as_str))
            .collect();
        for name in names {
            let was = after.get(name).copied().unwrap_or(&none);
            let is = new.extensions.get(name).unwrap_or(&none);
            let Some(any) = was.values().chain(is.values()).next() else {
                continue;
            };
            let places = (&any.place, &any.place);
            self.fields(name, (was, places.0), (is, places.1), None);
        }
    }
}
