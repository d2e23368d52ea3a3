//! Fields: their numbers, names, types, how often they are there, and which belong together.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Form, Likeness};
use super::model::{Field, Kind, Model, Often, Reserved, Simple};
use super::oneofs::Oneofs;
use super::{Comparison, home, rules};
use crate::contract::finding::Place;
use crate::contract::rule::Rule;

type Fields = BTreeMap<i64, Field>;

/// What a field is called. Extensions have full names of their own.
fn called(message: &str, field: &Field) -> String {
    if field.name.contains('.') {
        field.name.clone()
    } else {
        format!("{message}.{}", field.name)
    }
}

/// The numbers of fields, by their names.
fn by_name(fields: &Fields) -> BTreeMap<&str, i64> {
    let names = fields.iter();
    names
        .map(|(number, it)| (it.name.as_str(), *number))
        .collect()
}

/// Two fields that are the same one, and what they are called.
struct Pair<'a> {
    name: String,
    was: &'a Field,
    is: &'a Field,
    /// Whether they have the same number, so that one is read as the other.
    wire: bool,
}

impl Comparison<'_> {
    /// Compares the fields of a message, or, where nothing can be reserved, its extensions.
    pub(super) fn fields(
        &mut self,
        name: &str,
        (was, old): (&Fields, &Place),
        (is, new): (&Fields, &Place),
        reserved: Option<&Reserved>,
    ) {
        let (before, after) = (by_name(was), by_name(is));
        let mut oneofs = Oneofs::new(was, is);
        let mut met = BTreeSet::new();
        for (number, field) in was {
            let full = called(name, field);
            let here = is.get(number);
            let there = after.get(field.name.as_str()).copied();
            if let Some(same) = here.filter(|it| it.name == field.name) {
                met.insert(*number);
                self.field(
                    &Pair {
                        name: full,
                        was: field,
                        is: same,
                        wire: true,
                    },
                    &mut oneofs,
                );
                continue;
            }
            // A field that has only another name: neither name is known on the other side.
            let fresh = here.filter(|it| !before.contains_key(it.name.as_str()));
            match (there.and_then(|it| Some((it, is.get(&it)?))), fresh) {
                (Some((now, other)), _) => {
                    met.insert(now);
                    let texts = (Some(number.to_string()), Some(now.to_string()));
                    let places = ((&field.place, texts.0), (&other.place, texts.1));
                    self.say(&rules::FIELD_RENUMBERED, places.0, places.1, &full);
                    self.field(
                        &Pair {
                            name: full,
                            was: field,
                            is: other,
                            wire: false,
                        },
                        &mut oneofs,
                    );
                }
                (None, Some(other)) => {
                    met.insert(*number);
                    self.field(
                        &Pair {
                            name: full,
                            was: field,
                            is: other,
                            wire: true,
                        },
                        &mut oneofs,
                    );
                    continue;
                }
                (None, None) => {
                    let home = home(self.sides.new, &full, new);
                    let new = if reserved.is_some() { new } else { &home };
                    let free = here.is_none();
                    self.field_removed(&full, (*number, free), field, new, reserved);
                }
            }
            if let Some(other) = here {
                let texts = (Some(field.name.clone()), Some(other.name.clone()));
                let places = ((&field.place, texts.0), (&other.place, texts.1));
                let full = called(name, field);
                self.say(&rules::FIELD_REUSED, places.0, places.1, &full);
            }
        }
        for (_, field) in is.iter().filter(|it| !met.contains(it.0)) {
            let full = called(name, field);
            let text = Some(field.kind.to_string());
            let rule = match reserved {
                None => &rules::EXTENSION_ADDED,
                Some(_) => &rules::FIELD_ADDED,
            };
            let home = home(self.sides.old, &full, old);
            let old = if reserved.is_some() { old } else { &home };
            self.say(rule, (old, None), (&field.place, text.clone()), &full);
            if field.often == Often::Required {
                self.say(
                    &rules::REQUIRED_ADDED,
                    (old, None),
                    (&field.place, text),
                    &full,
                );
            }
        }
    }

    fn field_removed(
        &mut self,
        name: &str,
        (number, free): (i64, bool),
        field: &Field,
        new: &Place,
        reserved: Option<&Reserved>,
    ) {
        let mut broken: Vec<&'static Rule> = Vec::new();
        match reserved {
            None => broken.extend([
                &rules::EXTENSION_REMOVED_WIRE,
                &rules::EXTENSION_REMOVED_SOURCE,
            ]),
            Some(reserved) => {
                if field.often == Often::Required {
                    broken.push(&rules::REQUIRED_REMOVED);
                }
                if reserved.numbers.has(number) {
                    broken.push(&rules::FIELD_RETIRED_WIRE);
                } else if free {
                    broken.push(&rules::FIELD_REMOVED_WIRE);
                }
                broken.extend([&rules::FIELD_REMOVED_JSON, &rules::FIELD_REMOVED_SOURCE]);
                if !reserved.names.contains_key(&field.name) {
                    broken.push(&rules::FIELD_NAME_FREED);
                }
            }
        }
        for rule in broken {
            let text = Some(format!("{} = {number}", field.kind));
            self.say(rule, (&field.place, text), (new, None), name);
        }
    }

    fn pair(
        &mut self,
        pair: &Pair<'_>,
        rule: &'static Rule,
        old: impl ToString,
        new: impl ToString,
    ) {
        let old = (&pair.was.place, Some(old.to_string()));
        let new = (&pair.is.place, Some(new.to_string()));
        self.say(rule, old, new, &pair.name);
    }

    fn field<'a>(&mut self, pair: &Pair<'a>, oneofs: &mut Oneofs<'a>) {
        let (was, is) = (pair.was, pair.is);
        if was.name != is.name {
            self.pair(pair, &rules::FIELD_RENAMED, &was.name, &is.name);
        }
        if was.json != is.json {
            self.pair(pair, &rules::FIELD_JSON_NAME, &was.json, &is.json);
        }
        self.often(pair);
        self.types(pair, &was.kind, &is.kind);
        self.oneofs(pair, oneofs);
        self.defaults(pair);
        // Of another type, what is checked says nothing.
        if pair.wire && was.checked != is.checked && self.sides.same(&was.kind, &is.kind) {
            let rule = if is.checked {
                &rules::TEXT_CHECKED
            } else {
                &rules::TEXT_UNCHECKED
            };
            let words = |it: bool| if it { "checked" } else { "not checked" };
            self.pair(pair, rule, words(was.checked), words(is.checked));
        }
        let (first, second) = (&was.kind, &is.kind);
        let java = (was.checked_in_java.0, is.checked_in_java.0);
        let only = was.checked == is.checked && java.0 != java.1;
        if pair.wire && only && self.sides.same(first, second) {
            let rule = if java.1 {
                &rules::JAVA_TEXT_CHECKED
            } else {
                &rules::JAVA_TEXT_UNCHECKED
            };
            let words = |it: bool| Some(if it { "checked" } else { "not checked" }.to_owned());
            let old = (&was.checked_in_java.1, words(java.0));
            let new = (&is.checked_in_java.1, words(java.1));
            self.say(rule, old, new, &pair.name);
        }
        // A piece of a text is a whole one in code that is published.
        let piece = was.ctype == "STRING_PIECE" && is.ctype == "STRING";
        let text = !was.ctype.is_empty() && !is.ctype.is_empty();
        if text && was.ctype != is.ctype && !piece {
            self.pair(pair, &rules::CTYPE_CHANGED, was.ctype, is.ctype);
        }
        // Fields of a closed enum are closed whatever is said of them.
        let open = |model: &Model, kind: &Kind| match kind {
            Kind::Enum(name) => model.enums.get(name).is_some_and(|it| !it.closed.0),
            _ => false,
        };
        if open(self.sides.old, first) && open(self.sides.new, second) {
            let places = (&was.place, &is.place);
            let (old, new) = ((places.0, &was.generated), (places.1, &is.generated));
            self.generated(&pair.name, old, new);
        }
        if was.jstype != is.jstype {
            self.pair(pair, &rules::JSTYPE_CHANGED, &was.jstype, &is.jstype);
        }
        if !was.deprecated && is.deprecated {
            self.say(
                &rules::DEPRECATED,
                (&was.place, None),
                (&is.place, None),
                &pair.name,
            );
        }
    }

    /// Lists, required fields, and whether it can be asked if a field is set.
    fn often(&mut self, pair: &Pair<'_>) {
        let (was, is) = (pair.was, pair.is);
        let words = |it: &Field| match it.often {
            Often::Once if it.presence => "optional",
            Often::Once => "without presence",
            Often::Required => "required",
            Often::Many => "repeated",
        };
        let texts = (words(was), words(is));
        let many = (was.often == Often::Many, is.often == Often::Many);
        if many.0 != many.1 {
            let rule = match (many.1, was.packed || is.packed) {
                (true, true) if was.kind.packable() => &rules::BECAME_REPEATED_PACKED,
                (true, _) => &rules::BECAME_REPEATED,
                (false, true) if is.kind.packable() => &rules::BECAME_SINGULAR_PACKED,
                (false, _) => &rules::BECAME_SINGULAR,
            };
            if pair.wire {
                self.pair(pair, rule, texts.0, texts.1);
            }
            // A map is another kind of JSON anyway.
            let map = |it: &Field| it.kind.form() == Form::Map;
            if !map(was) && !map(is) {
                self.pair(pair, &rules::REPETITION_JSON, texts.0, texts.1);
            }
            self.pair(pair, &rules::REPETITION_SOURCE, texts.0, texts.1);
        } else if many.0 && was.packed != is.packed && was.kind.packable() && is.kind.packable() {
            let words = |it: bool| if it { "packed" } else { "not packed" };
            self.pair(pair, &rules::PACKING, words(was.packed), words(is.packed));
        }
        let required = (was.often == Often::Required, is.often == Often::Required);
        if required.0 != required.1 {
            let rule = if required.1 {
                &rules::FIELD_BECAME_REQUIRED
            } else {
                &rules::FIELD_BECAME_OPTIONAL
            };
            self.pair(pair, rule, texts.0, texts.1);
            self.pair(pair, &rules::FIELD_REQUIRED_SOURCE, texts.0, texts.1);
        }
        let held = |it: &Field| matches!(it.kind.form(), Form::Message | Form::Map);
        // Which oneof a field belongs to is compared on its own, and says more.
        let alone = was.oneof.is_none() && is.oneof.is_none() && !held(was) && !held(is);
        if many == (false, false) && alone && was.presence != is.presence {
            let rule = if is.presence {
                &rules::PRESENCE_GAINED
            } else {
                &rules::PRESENCE_LOST
            };
            if pair.wire {
                self.pair(pair, rule, texts.0, texts.1);
            }
            self.pair(pair, &rules::PRESENCE_SOURCE, texts.0, texts.1);
        }
    }

    fn types(&mut self, pair: &Pair<'_>, was: &Kind, is: &Kind) {
        if self.sides.same(was, is) {
            return;
        }
        if let (Kind::Map(key, value), Kind::Map(other_key, other)) = (was, is) {
            self.written(pair, &Kind::Simple(*key), &Kind::Simple(*other_key));
            self.written(pair, value, other);
            if key != other_key {
                self.pair(pair, &rules::TYPE_JSON_MESSAGE, was, is);
            }
        } else {
            self.written(pair, was, is);
        }
        if !self.sides.same_code(was, is) {
            self.pair(pair, &rules::TYPE_SOURCE, was, is);
        }
    }

    /// How values are written, and what they are in JSON.
    fn written(&mut self, pair: &Pair<'_>, was: &Kind, is: &Kind) {
        let (sides, old, new) = (self.sides, self.sides.old, self.sides.new);
        let messages = was.message().zip(is.message());
        if pair.wire && !was.reads(is) {
            // Another name as well: it is no longer the field that it was.
            let rule = if pair.was.name == pair.is.name {
                &rules::TYPE_WIRE
            } else {
                &rules::FIELD_REUSED
            };
            self.pair(pair, rule, was, is);
        } else if pair.wire {
            let like = match (was, is) {
                (Kind::Map(key, value), Kind::Message(entry)) => new.is_entry(entry, *key, value),
                (Kind::Message(entry), Kind::Map(key, value)) => old.is_entry(entry, *key, value),
                _ => messages.is_none_or(|(one, two)| sides.alike(one, two, Likeness::Wire)),
            };
            if !like {
                self.pair(pair, &rules::TYPE_MESSAGE, was, is);
            } else if was.form() != Form::Map
                && is.form() != Form::Map
                && messages.is_none()
                && was != is
            {
                if !sides.new_holds_old(was, is) {
                    self.pair(pair, &rules::TYPE_READ_LESS, was, is);
                }
                if !sides.old_holds_new(was, is) {
                    self.pair(pair, &rules::TYPE_WRITTEN_MORE, was, is);
                }
            }
        }
        let whole = |it: Form| matches!(it, Form::Integer32 | Form::Integer64);
        let (first, second) = (was.form(), is.form());
        if first != second {
            let rule = if whole(first) && whole(second) {
                &rules::TYPE_JSON_INTEGER
            } else {
                &rules::TYPE_JSON
            };
            self.pair(pair, rule, was, is);
            return;
        }
        let like = match (was, is) {
            (Kind::Enum(one), Kind::Enum(two)) => sides.names_kept(one, two),
            _ => messages.is_none_or(|(one, two)| sides.alike(one, two, Likeness::Json)),
        };
        if !like {
            self.pair(pair, &rules::TYPE_JSON_MESSAGE, was, is);
        }
    }

    /// Fields of a oneof clear each other. What the oneof is called matters to code only.
    fn oneofs<'a>(&mut self, pair: &Pair<'a>, oneofs: &mut Oneofs<'a>) {
        let (was, is) = (pair.was, pair.is);
        if was.oneof == is.oneof {
            return;
        }
        let text = |it: &Field| it.oneof.clone().unwrap_or_else(|| "no oneof".to_owned());
        self.pair(pair, &rules::ONEOF_SOURCE, text(was), text(is));
        if !pair.wire {
            return;
        }
        let moved = oneofs.moved(was, is);
        if moved.joined {
            self.pair(pair, &rules::ONEOF_JOINED, text(was), text(is));
        }
        if moved.left {
            self.pair(pair, &rules::ONEOF_LEFT, text(was), text(is));
        }
    }

    /// What a missing value is read as.
    fn defaults(&mut self, pair: &Pair<'_>) {
        let (was, is) = (pair.was, pair.is);
        let single = was.often != Often::Many && is.often != Often::Many;
        let held = |it: &Field| it.kind.message().is_some();
        if !single || held(was) || held(is) {
            return;
        }
        let usual = |it: &Field| match &it.kind {
            Kind::Simple(Simple::String | Simple::Bytes) => String::new(),
            Kind::Simple(Simple::Bool) => "false".to_owned(),
            _ => "0".to_owned(),
        };
        let text = |it: &Field, model: &Model| {
            let named = it.default.clone();
            let Kind::Enum(name) = &it.kind else {
                return named.unwrap_or_else(|| usual(it));
            };
            // Which value comes first is compared where the enum is.
            let all = model.enums.get(name);
            let named = named.and_then(|it| all?.value(&it));
            let value = named.or_else(|| all?.values.first());
            value.map_or(0, |it| it.number).to_string()
        };
        let enums =
            matches!(was.kind, Kind::Enum(_)) && was.default.is_none() && is.default.is_none();
        let (first, second) = (text(was, self.sides.old), text(is, self.sides.new));
        // Nothing, nought, false and no text are the same in different types.
        let nothing = first == usual(was) && second == usual(is);
        let number = |it: &str| match it {
            "false" => "0".to_owned(),
            "true" => "1".to_owned(),
            other => other.to_owned(),
        };
        if !enums && !nothing && number(&first) != number(&second) {
            self.pair(pair, &rules::DEFAULT_CHANGED, first, second);
        }
    }
}
