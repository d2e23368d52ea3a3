//! Types, values and bounds of simple values.

use std::collections::BTreeMap;

use super::changes::Change;
use super::compare::{Comparison, Found};
use super::shape::{Bound, Limit, Shape};
use super::types::Types;
use crate::contract::decimal::Decimal;
use crate::contract::document::{Arena, NodeId, Value, shortened};

impl Comparison<'_> {
    pub(super) fn values(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let common = self.types(was, is, found);
        self.listed(was, is, common, found);
        for bound in Bound::ALL {
            if common.has(bound.types()) {
                self.bound(bound, was, is, found);
            }
        }
        if common.has(Types::NUMBER) {
            self.multiples(was, is, found);
        }
        if common.has(Types::STRING) {
            let changes = [
                Change::PatternAdded,
                Change::PatternRemoved,
                Change::PatternChanged,
            ];
            self.texts(
                changes,
                (was, &was.patterns),
                (is, &is.patterns),
                "pattern",
                found,
            );
            self.contents(was, is, found);
        }
        if common.has(Types::STRING.or(Types::NUMBER)) {
            self.formats(was, is, found);
        }
    }

    /// Compares the types and says which both have.
    fn types(&mut self, was: &Shape, is: &Shape, found: &mut Found) -> Types {
        let (old, new) = (
            effective(was, self.old.arena()),
            effective(is, self.new.arena()),
        );
        let (writer, reader) = self.roles(old, new);
        let mut lost = writer.without(reader);
        if self.manner.textual && reader.has(Types::STRING) {
            // In a text every number and truth value is a string as well.
            lost = lost.without(Types::NUMBER.or(Types::BOOLEAN));
        }
        let gained = reader.without(writer);
        let differing = if lost.is_empty() { gained } else { lost };
        // Where values are listed, the list says it better.
        let listed = was.values.is_some() && is.values.is_some();
        let said = listed && differing != Types::NULL && old.has(new);
        if !differing.is_empty() && !said {
            let pair = if differing == Types::NULL {
                (Change::NullRemoved, Change::NullAdded)
            } else {
                (Change::TypeNarrowed, Change::TypeWidened)
            };
            self.differ(
                found,
                !lost.is_empty(),
                pair,
                (was.at, Some(old.to_string())),
                (is.at, Some(new.to_string())),
                "type",
            );
        }
        writer.and(reader)
    }

    fn listed(&mut self, was: &Shape, is: &Shape, common: Types, found: &mut Found) {
        let (old, new) = (self.old.arena(), self.new.arena());
        let among = |values: &BTreeMap<String, NodeId>,
                     arena: &Arena|
         -> BTreeMap<String, NodeId> {
            let fits = |it: &NodeId| common.has(Types::of(arena.value(*it))) || common.is_empty();
            let kept = values.iter().filter(|(_, it)| fits(it));
            kept.map(|(key, it)| (key.clone(), *it)).collect()
        };
        match (&was.values, &is.values) {
            (Some(first), Some(second)) => {
                let (first, second) = (among(first, old), among(second, new));
                let pair = (Change::EnumValueRemoved, Change::EnumValueAdded);
                self.members(pair, (was, &first), (is, &second), found);
            }
            (None, None) => {}
            (first, second) => {
                let unlisted = if first.is_none() {
                    effective(was, old)
                } else {
                    effective(is, new)
                };
                let values = first.as_ref().or(second.as_ref());
                // Null and truth values are few enough to be a list of their own.
                let all_listed = values.is_some_and(|it| {
                    unlisted.without(Types::NULL.or(Types::BOOLEAN)).is_empty()
                        && (!unlisted.has(Types::NULL) || it.contains_key("null"))
                        && (!unlisted.has(Types::BOOLEAN)
                            || it.contains_key("true") && it.contains_key("false"))
                });
                if all_listed || common.is_empty() {
                    return;
                }
                let text = |values: &BTreeMap<String, NodeId>| {
                    let all: Vec<&str> = values.keys().map(String::as_str).collect();
                    shortened(&all.join(", "), 80)
                };
                let breaks = self.roles(first.is_none(), second.is_none()).0;
                self.differ(
                    found,
                    breaks,
                    (Change::EnumAdded, Change::EnumRemoved),
                    (was.at, first.as_ref().map(text)),
                    (is.at, second.as_ref().map(text)),
                    "enum",
                );
            }
        }
        if !was.open_values.is_empty() && !is.open_values.is_empty() {
            let pair = (Change::OpenValueRemoved, Change::OpenValueAdded);
            self.members(pair, (was, &was.open_values), (is, &is.open_values), found);
        }
    }

    /// Values that only one of two lists has, by their texts.
    fn members(
        &self,
        pair: (Change, Change),
        (was, first): (&Shape, &BTreeMap<String, NodeId>),
        (is, second): (&Shape, &BTreeMap<String, NodeId>),
        found: &mut Found,
    ) {
        let (gone_breaks, added_breaks) = self.roles(true, false);
        for (text, at) in first.iter().filter(|it| !second.contains_key(it.0)) {
            let old = (*at, Some(text.clone()));
            self.differ(found, gone_breaks, pair, old, (is.at, None), text);
        }
        for (text, at) in second.iter().filter(|it| !first.contains_key(it.0)) {
            let new = (*at, Some(text.clone()));
            self.differ(found, added_breaks, pair, (was.at, None), new, text);
        }
    }

    fn bound(&mut self, bound: Bound, was: &Shape, is: &Shape, found: &mut Found) {
        let (first, second) = (was.bounds.get(&bound), is.bounds.get(&bound));
        let (writer, reader) = self.roles(first, second);
        let places = |at: &Shape, limit: Option<&Limit>| {
            let text = limit.map(|it| {
                let exclusive = if it.exclusive { " (exclusive)" } else { "" };
                format!("{}{exclusive}", it.number)
            });
            (limit.map_or(at.at, |it| it.at), text)
        };
        let (pair, breaks) = match (writer, reader) {
            (None, None) => return,
            (Some(writer), Some(reader)) => {
                let tighter = reader.is_tighter(bound, writer);
                if !tighter && !writer.is_tighter(bound, reader) {
                    return;
                }
                ((Change::BoundTightened, Change::BoundLoosened), tighter)
            }
            (writer, reader) => {
                // The side without the bound may keep it by the values that it lists.
                let roles = self.roles((was, self.old.arena()), (is, self.new.arena()));
                let bare = if writer.is_none() { roles.0 } else { roles.1 };
                let limit = writer.or(reader);
                if limit.is_some_and(|it| within(bare.0, bare.1, bound, it)) {
                    return;
                }
                let pair = (Change::BoundAdded, Change::BoundRemoved);
                (pair, writer.is_none())
            }
        };
        let keyword = bound.keyword();
        self.differ(
            found,
            breaks,
            pair,
            places(was, first),
            places(is, second),
            keyword,
        );
    }

    fn multiples(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let all = |shape: &Shape| shape.multiples.clone();
        let (writer, reader) = self.roles(all(was), all(is));
        let covered = |needed: &[(Decimal, NodeId)], given: &[(Decimal, NodeId)]| {
            needed.iter().all(|(it, _)| {
                let mut given = given.iter();
                given.any(|(other, _)| other.is_multiple_of(it) == Some(true))
            })
        };
        let breaks = !covered(&reader, &writer);
        if !breaks && covered(&writer, &reader) {
            return;
        }
        let text = |shape: &Shape| {
            let (number, at) = shape.multiples.first()?;
            Some((*at, Some(number.to_string())))
        };
        let pair = (Change::MultipleTightened, Change::MultipleLoosened);
        let old = text(was).unwrap_or((was.at, None));
        let new = text(is).unwrap_or((is.at, None));
        self.differ(found, breaks, pair, old, new, "multipleOf");
    }

    fn texts(
        &mut self,
        [added, removed, changed]: [Change; 3],
        (was, old): (&Shape, &BTreeMap<String, NodeId>),
        (is, new): (&Shape, &BTreeMap<String, NodeId>),
        subject: &str,
        found: &mut Found,
    ) {
        let (writer, reader) = self.roles(old, new);
        let missing = reader.keys().any(|it| !writer.contains_key(it));
        let extra = writer.keys().any(|it| !reader.contains_key(it));
        if !missing && !extra {
            return;
        }
        let place = |shape: &Shape, texts: &BTreeMap<String, NodeId>| {
            let all: Vec<&str> = texts.keys().map(String::as_str).collect();
            let text = shortened(&all.join(" and "), 80);
            (
                texts.values().next().copied().unwrap_or(shape.at),
                Some(text).filter(|it| !it.is_empty()),
            )
        };
        let pair = if missing && extra {
            (changed, changed)
        } else {
            (added, removed)
        };
        self.differ(
            found,
            missing,
            pair,
            place(was, old),
            place(is, new),
            subject,
        );
    }

    fn formats(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let wider = |name: &str| match name {
            "int32" => Some("int64"),
            "float" => Some("double"),
            _ => None,
        };
        let one = |shape: &Shape| match shape.formats.keys().collect::<Vec<_>>()[..] {
            [one] => Some(one.clone()),
            _ => None,
        };
        let (first, second) = (one(was), one(is));
        let pair = (Change::FormatAdded, Change::FormatRemoved);
        if let (Some(first), Some(second)) = (&first, &second) {
            let (writer, reader) = self.roles(first, second);
            let breaks = wider(reader) == Some(writer.as_str());
            if breaks || wider(writer) == Some(reader.as_str()) {
                let old = (was.formats[first], Some(first.clone()));
                let new = (is.formats[second], Some(second.clone()));
                self.differ(found, breaks, pair, old, new, "format");
                return;
            }
        }
        let changes = [pair.0, pair.1, Change::FormatChanged];
        self.texts(
            changes,
            (was, &was.formats),
            (is, &is.formats),
            "format",
            found,
        );
    }

    fn contents(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        for keyword in ["contentMediaType", "contentEncoding", "contentSchema"] {
            let (first, second) = (was.contents.get(keyword), is.contents.get(keyword));
            let (old, new) = (self.old.arena(), self.new.arena());
            let pair = match (first, second) {
                (None, None) => continue,
                (Some(first), Some(second)) if keyword == "contentSchema" => {
                    let (parts, others) = (self.old.parts(*first), self.new.parts(*second));
                    let inner = self.pair((&parts, *first), (&others, *second));
                    found.extend(inner.iter().cloned());
                    continue;
                }
                (Some(first), Some(second)) if old.canonical(*first) == new.canonical(*second) => {
                    continue;
                }
                (Some(_), Some(_)) => (Change::ContentChanged, Change::ContentChanged),
                _ => (Change::ContentTightened, Change::ContentLoosened),
            };
            let breaks = self.roles(first, second).1.is_some();
            let one = first.map_or((was.at, None), |it| (*it, Some(old.short(*it))));
            let two = second.map_or((is.at, None), |it| (*it, Some(new.short(*it))));
            self.differ(found, breaks, pair, one, two, keyword);
        }
    }
}

/// The types that values can really have: those of the listed values where values are listed.
pub(super) fn effective(shape: &Shape, arena: &Arena) -> Types {
    match &shape.values {
        None => shape.types,
        Some(values) => {
            let listed = values.iter().fold(Types::NONE, |types, (key, it)| {
                // A null that `nullable` put onto the list stands nowhere.
                let own = if key == "null" {
                    Types::NULL
                } else {
                    Types::of(arena.value(*it))
                };
                types.or(own)
            });
            // A list with whole numbers only is no narrower type than numbers.
            let numbers = shape.types.and(Types::NUMBER);
            let listed = if listed.has(Types::NUMBER) {
                listed.or(numbers)
            } else {
                listed
            };
            listed.and(shape.types)
        }
    }
}

/// Whether all values that a shape lists keep a bound. `false` where it lists none.
fn within(shape: &Shape, arena: &Arena, bound: Bound, limit: &Limit) -> bool {
    let Some(values) = &shape.values else {
        return false;
    };
    let size = |count: usize| Decimal::parse(&count.to_string());
    values.values().all(|it| {
        let size = match (bound, arena.value(*it)) {
            (Bound::Minimum | Bound::Maximum, Value::Number(number)) => Some(number.clone()),
            (Bound::MinLength | Bound::MaxLength, Value::String(text)) => {
                size(text.chars().count())
            }
            (Bound::MinItems | Bound::MaxItems, Value::Array(items)) => size(items.len()),
            (Bound::MinProperties | Bound::MaxProperties, Value::Object(members)) => {
                size(members.len())
            }
            // The bound is of another type.
            _ => None,
        };
        size.is_none_or(|size| match size.cmp(&limit.number) {
            std::cmp::Ordering::Equal => !limit.exclusive,
            order => (order == std::cmp::Ordering::Less) == bound.is_upper(),
        })
    })
}
