//! Enums: their values by numbers and names, and what becomes of values that they do not know.

use std::collections::BTreeSet;

use super::model::{Enum, Value};
use super::{Comparison, home, rules, within};
use crate::contract::rule::Rule;

impl Comparison<'_> {
    pub(super) fn enums(&mut self) {
        let (sides, old, new) = (self.sides, self.sides.old, self.sides.new);
        // What lies in a message that is gone, or is new, goes and comes with it.
        let before = |name: &str| old.messages.contains_key(name);
        let gone = |name: &str| before(name) && !new.messages.contains_key(sides.now(name));
        let known: BTreeSet<&str> = old.enums.keys().map(|it| sides.now(it)).collect();
        for (name, was) in &old.enums {
            let now = sides.now(name);
            match new.enums.get(now) {
                Some(is) => self.enumeration(now, was, is),
                None if within(name, |it| gone(it).then_some(())) => {}
                None => {
                    let place = home(new, now, &was.place);
                    let text = Some(name.clone());
                    self.say(
                        &rules::ENUM_REMOVED,
                        (&was.place, text),
                        (&place, None),
                        name,
                    );
                }
            }
        }
        let messages: BTreeSet<&str> = old.messages.keys().map(|it| sides.now(it)).collect();
        let fresh = |name: &str| new.messages.contains_key(name) && !messages.contains(name);
        for (name, is) in &new.enums {
            if known.contains(name.as_str()) || within(name, |it| fresh(it).then_some(())) {
                continue;
            }
            let place = home(old, name, &is.place);
            let text = Some(name.clone());
            self.say(&rules::ENUM_ADDED, (&place, None), (&is.place, text), name);
        }
    }

    fn enumeration(&mut self, name: &str, was: &Enum, is: &Enum) {
        self.common(name, (&was.place, &was.common), (&is.place, &is.common));
        if was.closed.0 != is.closed.0 {
            let wire = if is.closed.0 {
                &rules::ENUM_CLOSED
            } else {
                &rules::ENUM_OPENED
            };
            let words = |it: bool| Some(if it { "closed" } else { "open" }.to_owned());
            for rule in [wire, &rules::ENUM_OPENNESS] {
                let (old, new) = (
                    (&was.closed.1, words(was.closed.0)),
                    (&is.closed.1, words(is.closed.0)),
                );
                self.say(rule, old, new, name);
            }
        }
        if !was.deprecated && is.deprecated {
            self.say(
                &rules::DEPRECATED,
                (&was.place, None),
                (&is.place, None),
                name,
            );
        }
        if let (Some(first), Some(second)) = (was.values.first(), is.values.first())
            && first.number != second.number
        {
            let text = |it: &Value| Some(format!("{} = {}", it.name, it.number));
            let (old, new) = ((&first.place, text(first)), (&second.place, text(second)));
            self.say(&rules::ENUM_DEFAULT, old, new, name);
        }
        let (before, after) = (was.numbers(), is.numbers());
        for (number, values) in &before {
            let Some(now) = after.get(number) else {
                for value in values {
                    self.value_gone(name, value, is);
                }
                continue;
            };
            self.names(name, values, now, is);
        }
        for (number, values) in &after {
            if before.contains_key(number) {
                continue;
            }
            for value in values.iter().filter(|it| was.value(&it.name).is_none()) {
                let rule = if is.closed.0 {
                    &rules::VALUE_ADDED_CLOSED
                } else {
                    &rules::VALUE_ADDED
                };
                let text = Some(format!("{} = {number}", value.name));
                let full = format!("{name}.{}", value.name);
                self.say(rule, (&was.place, None), (&value.place, text), &full);
            }
        }
        self.reserved(name, &was.reserved, &is.reserved, &is.place);
    }

    /// The names of a number that both sides have.
    fn names(&mut self, name: &str, was: &[&Value], is: &[&Value], after: &Enum) {
        let names =
            |all: &[&Value]| -> BTreeSet<String> { all.iter().map(|it| it.name.clone()).collect() };
        let (before, now) = (names(was), names(is));
        let fresh: Vec<&&Value> = is.iter().filter(|it| !before.contains(&it.name)).collect();
        let gone = was.iter().filter(|it| !now.contains(&it.name));
        for (at, value) in gone.enumerate() {
            let full = format!("{name}.{}", value.name);
            if let Some(other) = after.value(&value.name) {
                let old = (&value.place, Some(value.number.to_string()));
                let new = (&other.place, Some(other.number.to_string()));
                self.say(&rules::VALUE_RENUMBERED, old, new, &full);
                continue;
            }
            // Of several names each is taken for another one; those that are left over are gone.
            let other = fresh.get(at).copied().or(is.first());
            let Some(other) = other else { continue };
            for rule in [&rules::VALUE_RENAMED_JSON, &rules::VALUE_RENAMED_SOURCE] {
                let old = (&value.place, Some(value.name.clone()));
                let new = (&other.place, Some(other.name.clone()));
                self.say(rule, old, new, &full);
            }
        }
        for old in was
            .iter()
            .filter(|it| !it.deprecated && now.contains(&it.name))
        {
            if let Some(new) = after.value(&old.name).filter(|it| it.deprecated) {
                let full = format!("{name}.{}", old.name);
                self.say(
                    &rules::DEPRECATED,
                    (&old.place, None),
                    (&new.place, None),
                    &full,
                );
            }
        }
        if let (Some(first), Some(second)) = (was.first(), is.first())
            && first.name != second.name
            && now.contains(&first.name)
            && before.contains(&second.name)
        {
            let old = (&first.place, Some(first.name.clone()));
            let new = (&second.place, Some(second.name.clone()));
            self.say(&rules::VALUE_WRITTEN, old, new, name);
        }
    }

    /// A value whose number is gone: it may have another number, or be gone itself.
    fn value_gone(&mut self, name: &str, value: &Value, is: &Enum) {
        let full = format!("{name}.{}", value.name);
        if let Some(other) = is.value(&value.name) {
            let old = (&value.place, Some(value.number.to_string()));
            let new = (&other.place, Some(other.number.to_string()));
            self.say(&rules::VALUE_RENUMBERED, old, new, &full);
            return;
        }
        let mut broken: Vec<&'static Rule> = vec![
            if is.reserved.numbers.has(value.number) {
                &rules::VALUE_RETIRED_WIRE
            } else {
                &rules::VALUE_REMOVED_WIRE
            },
            &rules::VALUE_REMOVED_JSON,
            &rules::VALUE_REMOVED_SOURCE,
        ];
        if !is.reserved.names.contains_key(&value.name) {
            broken.push(&rules::VALUE_NAME_FREED);
        }
        for rule in broken {
            let text = Some(format!("{} = {}", value.name, value.number));
            self.say(rule, (&value.place, text), (&is.place, None), &full);
        }
    }
}
