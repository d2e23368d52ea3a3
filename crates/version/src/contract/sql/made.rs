//! Types that somebody made.

use std::collections::BTreeMap;

use super::align::{align, pairs};
use super::columns::{ATTRIBUTES, attribute};
use super::model::{Check, Name, Schema, Type, quoted};
use super::{Comparison, Thing, rules};

impl<'a> Comparison<'a> {
    pub(super) fn made_types(&mut self) {
        let (old, new) = (self.old, self.new);
        let gone: Vec<&'a Name> = old
            .types
            .keys()
            .filter(|it| !new.types.contains_key(*it) && self.stays(&it.schema))
            .collect();
        let come: Vec<&'a Name> = new
            .types
            .keys()
            .filter(|it| !old.types.contains_key(*it) && self.was_there(&it.schema))
            .collect();
        let renamed = pairs(&gone, &come, |was, is| {
            let (one, other) = (&old.types[was], &new.types[is]);
            let beside = was.schema == is.schema || was.name == is.name;
            // Of those of which nothing is known, nobody knows that they are alike.
            beside && one == other && !matches!(one, Type::Other)
        });
        for (was, is) in &renamed {
            self.names.insert((*was).clone(), (*is).clone());
            let mut thing = Thing::of(was);
            thing.names.push(is.name.clone());
            let rule = match was.name == is.name {
                true => &rules::RELATION_MOVED,
                false => &rules::MADE_TYPE_RENAMED,
            };
            let values = (Some(was.to_string()), Some(is.to_string()));
            self.say(rule, &thing, values.0, values.1);
        }
        for name in gone {
            if !renamed.iter().any(|(was, _)| *was == name) {
                self.say(&rules::MADE_TYPE_REMOVED, &Thing::of(name), None, None);
            }
        }
        for name in come {
            if !renamed.iter().any(|(_, is)| *is == name) {
                self.say(&rules::MADE_TYPE_ADDED, &Thing::of(name), None, None);
            }
        }
        for (name, was) in &old.types {
            if let Some(is) = new.types.get(name) {
                self.made_type(name, was, is);
            }
        }
    }

    fn made_type(&mut self, name: &Name, was: &Type, is: &Type) {
        let thing = Thing::of(name);
        match (was, is) {
            (Type::Enum(was), Type::Enum(is)) => self.enumeration(name, was, is),
            (
                Type::Domain { column, checks },
                Type::Domain {
                    column: now,
                    checks: all,
                },
            ) => {
                self.column(column, now, &thing);
                self.checks(name, checks, all);
            }
            (Type::Composite(was), Type::Composite(is)) => {
                let part = |it: &str| attribute(name, &thing, it);
                let (_, added) = self.lists(&ATTRIBUTES, was, is, &thing, (&part, &part));
                for column in added {
                    let text = column.type_of.as_ref().map(ToString::to_string);
                    self.say(&rules::ATTRIBUTE_ADDED, &part(&column.name), None, text);
                }
            }
            (Type::Other, Type::Other) => {}
            _ => {
                let (one, other) = (Some(kind(was)), Some(kind(is)));
                self.say(&rules::MADE_TYPE_KIND, &thing, one, other);
            }
        }
    }

    fn enumeration(&mut self, name: &Name, was: &[String], is: &[String]) {
        let whole = Thing::of(name);
        let thing = |value: &str| whole.part(Schema::value(name, value));
        let texts = |all: &[String]| -> Vec<String> { all.iter().map(|it| literal(it)).collect() };
        let one: Vec<&str> = was.iter().map(String::as_str).collect();
        let other: Vec<&str> = is.iter().map(String::as_str).collect();
        let aligned = align(&one, &other, |_, _| true);
        for at in aligned.removed {
            let text = Some(literal(&was[at]));
            self.say(&rules::ENUM_VALUE_REMOVED, &thing(&was[at]), text, None);
        }
        for (before, after) in aligned.renamed {
            let values = (Some(literal(&was[before])), Some(literal(&is[after])));
            let thing = thing(&was[before]);
            self.say(&rules::ENUM_VALUE_RENAMED, &thing, values.0, values.1);
        }
        for at in aligned.added {
            let text = Some(literal(&is[at]));
            self.say(&rules::ENUM_VALUE_ADDED, &thing(&is[at]), None, text);
        }
        if aligned.reordered {
            let values = (texts(was).join(", "), texts(is).join(", "));
            self.say(&rules::ENUM_ORDER, &whole, Some(values.0), Some(values.1));
        }
    }

    /// The checks of a domain.
    fn checks(&mut self, name: &Name, was: &BTreeMap<String, Check>, is: &BTreeMap<String, Check>) {
        let whole = Thing::of(name);
        let thing = |check: &str| whole.part(Schema::constraint(name, check));
        let text = |it: &Check| Some(format!("CHECK ({})", it.text));
        let has =
            |all: &BTreeMap<String, Check>, one: &Check| all.values().any(|it| it.text == one.text);
        for (check, before) in was {
            match is.get(check) {
                Some(after) if after.text != before.text => {
                    self.check(before, after, &thing(check));
                }
                Some(_) => {}
                None if has(is, before) => {
                    let other = is.iter().find(|(_, it)| it.text == before.text);
                    let now = other.map(|(it, _)| quoted(it));
                    let rule = &rules::CONSTRAINT_RENAMED;
                    self.say(rule, &thing(check), Some(quoted(check)), now);
                }
                None => self.say(&rules::CHECK_REMOVED, &thing(check), text(before), None),
            }
        }
        for (check, after) in is {
            if !was.contains_key(check) && !has(was, after) {
                self.say(&rules::CHECK_ADDED, &thing(check), None, text(after));
            }
        }
    }
}

fn kind(of: &Type) -> String {
    let word = match of {
        Type::Enum(_) => "an enum",
        Type::Domain { .. } => "a domain",
        Type::Composite(_) => "a composite type",
        Type::Other => "another type",
    };
    word.to_owned()
}

/// A value as it is written in SQL.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
