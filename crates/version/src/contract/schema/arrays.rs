//! Arrays, and what schemas say with logic.

use super::changes::Change;
use super::compare::{Comparison, Found};
use super::shape::{Contains, Shape};
use super::types::Types;
use super::values::effective;

impl Comparison<'_> {
    pub(super) fn arrays(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let types = (
            effective(was, self.old.arena()),
            effective(is, self.new.arena()),
        );
        if !types.0.has(Types::ARRAY) || !types.1.has(Types::ARRAY) {
            return;
        }
        let pair = (Change::ItemsTightened, Change::ItemsLoosened);
        for at in 0..was.prefix.len().max(is.prefix.len()) {
            let (first, second) = (was.prefix.get(at), is.prefix.get(at));
            let one = first.unwrap_or(&was.items).clone();
            let two = second.unwrap_or(&is.items).clone();
            if first.is_some() && second.is_some() {
                let inner = self.pair((&one, was.at), (&two, is.at));
                found.extend(inner.iter().cloned());
            } else {
                let subject = format!("item {at}");
                self.below(pair, (&one, was.at), (&two, is.at), &subject, found);
            }
        }
        self.below(
            pair,
            (&was.items, was.at),
            (&is.items, is.at),
            "items",
            found,
        );
        if was.unique.is_some() != is.unique.is_some() {
            let breaks = self.roles(was.unique, is.unique).1.is_some();
            let pair = (Change::UniqueAdded, Change::UniqueRemoved);
            let old = (
                was.unique.unwrap_or(was.at),
                was.unique.map(|_| "true".to_owned()),
            );
            let new = (
                is.unique.unwrap_or(is.at),
                is.unique.map(|_| "true".to_owned()),
            );
            self.differ(found, breaks, pair, old, new, "uniqueItems");
        }
        let items = |it: &Shape| {
            it.contains
                .iter()
                .map(|it| it.item.clone())
                .collect::<Vec<_>>()
        };
        let (one, two) = (items(was), items(is));
        if self.unknown_below((&one, was.at), (&two, is.at), found) {
            return;
        }
        let (mut left, mut right) = (was.contains.clone(), is.contains.clone());
        pair_off(&mut left, &mut right, |one, two| {
            let (old, new) = ((&one.item, was.at), (&two.item, is.at));
            one.least == two.least && one.most == two.most && self.same(old, new)
        });
        for at in 0..left.len().max(right.len()) {
            self.contains((was, left.get(at)), (is, right.get(at)), found);
        }
    }

    fn contains(
        &mut self,
        (was, first): (&Shape, Option<&Contains>),
        (is, second): (&Shape, Option<&Contains>),
        found: &mut Found,
    ) {
        let breaks = match self.roles(first, second) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(writer), Some(reader)) => {
                let fewer = match (&writer.most, &reader.most) {
                    (_, None) => false,
                    (None, Some(_)) => true,
                    (Some(writer), Some(reader)) => reader < writer,
                };
                let (one, two) = self.roles(writer, reader);
                let item = !self.same((&one.item, was.at), (&two.item, is.at));
                if writer.least == reader.least && writer.most == reader.most && !item {
                    return;
                }
                reader.least > writer.least || fewer || item
            }
        };
        let pair = (Change::ContainsTightened, Change::ContainsLoosened);
        let text = |it: Option<&Contains>, arena: &crate::contract::document::Arena| {
            it.map(|it| {
                let most = it
                    .most
                    .as_ref()
                    .map_or(String::new(), |it| format!(", at most {it}"));
                format!("at least {}{most} of {}", it.least, arena.short(it.at))
            })
        };
        let old = (
            first.map_or(was.at, |it| it.at),
            text(first, self.old.arena()),
        );
        let new = (
            second.map_or(is.at, |it| it.at),
            text(second, self.new.arena()),
        );
        self.differ(found, breaks, pair, old, new, "contains");
    }

    pub(super) fn logic(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        self.exclusions(was, is, found);
        let all = |it: &Shape| {
            let each = it.conditionals.iter();
            let each = each.map(|it| [it.when.clone(), it.then.clone(), it.otherwise.clone()]);
            each.flatten().collect::<Vec<_>>()
        };
        let (one, two) = (all(was), all(is));
        if self.unknown_below((&one, was.at), (&two, is.at), found) {
            return;
        }
        let (mut left, mut right) = (was.conditionals.clone(), is.conditionals.clone());
        pair_off(&mut left, &mut right, |one, two| {
            let same = |it: &mut Self, old, new| it.same((old, one.at), (new, two.at));
            same(self, &one.when, &two.when)
                && same(self, &one.then, &two.then)
                && same(self, &one.otherwise, &two.otherwise)
        });
        for at in 0..left.len().max(right.len()) {
            let (first, second) = (left.get(at), right.get(at));
            let (old, new) = (
                first.map_or(was.at, |it| it.at),
                second.map_or(is.at, |it| it.at),
            );
            let (Some(one), Some(two)) = (first, second) else {
                let breaks = self.roles(first, second).1.is_some();
                let pair = (Change::ConditionTightened, Change::ConditionLoosened);
                let text = |it: bool| it.then(|| "if".to_owned());
                let (old, new) = ((old, text(first.is_some())), (new, text(second.is_some())));
                self.differ(found, breaks, pair, old, new, "if");
                continue;
            };
            if !self.same((&one.when, old), (&two.when, new)) {
                let pair = (Change::ConditionChanged, Change::ConditionChanged);
                let texts = (self.old.arena().short(old), self.new.arena().short(new));
                self.differ(
                    found,
                    true,
                    pair,
                    (old, Some(texts.0)),
                    (new, Some(texts.1)),
                    "if",
                );
                continue;
            }
            for (keyword, first, second) in [
                ("then", &one.then, &two.then),
                ("else", &one.otherwise, &two.otherwise),
            ] {
                let pair = (Change::ConditionTightened, Change::ConditionLoosened);
                self.below(pair, (first, old), (second, new), keyword, found);
            }
        }
    }

    /// What the reader excludes has to be excluded by the writer as well.
    fn exclusions(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let (one, two) = (
            was.not
                .iter()
                .map(|it| self.old.parts(*it))
                .collect::<Vec<_>>(),
            is.not
                .iter()
                .map(|it| self.new.parts(*it))
                .collect::<Vec<_>>(),
        );
        if self.unknown_below((&one, was.at), (&two, is.at), found) {
            return;
        }
        let pair = (Change::NotTightened, Change::NotLoosened);
        let mut seen = [vec![false; was.not.len()], vec![false; is.not.len()]];
        let mut same = [vec![false; was.not.len()], vec![false; is.not.len()]];
        for (one, first) in was.not.iter().enumerate() {
            for (two, second) in is.not.iter().enumerate() {
                let (parts, others) = (self.old.parts(*first), self.new.parts(*second));
                let (old, new) = ((&parts, *first), (&others, *second));
                let narrower = self.fits(old, new);
                let wider = self.flipped(|it| it.fits(old, new));
                // Of the reader's exclusions: whether the writer's cover them, and the other way.
                let (writer, reader) = self.roles(0, 1);
                let at = [one, two];
                seen[reader][at[reader]] |= wider;
                seen[writer][at[writer]] |= narrower;
                same[0][one] |= wider && narrower;
                same[1][two] |= wider && narrower;
            }
        }
        let (writer, reader) = self.roles(0, 1);
        let nots = [&was.not, &is.not];
        let broken = nots[reader].iter().enumerate();
        let broken: Vec<_> = broken
            .filter(|(at, _)| !seen[reader][*at])
            .map(|it| *it.1)
            .collect();
        let eased = nots[writer].iter().enumerate();
        let eased: Vec<_> = eased
            .filter(|(at, _)| !same[writer][*at] && !seen[writer][*at])
            .map(|it| *it.1)
            .collect();
        let shrunk = same[reader]
            .iter()
            .zip(&seen[reader])
            .any(|(same, seen)| !same && *seen);
        let mut say = |id, breaks: bool, side: usize, it: &Self| {
            let (old, new) = if side == 0 {
                ((id, Some(it.old.arena().short(id))), (is.at, None))
            } else {
                ((was.at, None), (id, Some(it.new.arena().short(id))))
            };
            it.differ(found, breaks, pair, old, new, "not");
        };
        for id in &broken {
            say(*id, true, reader, self);
        }
        if broken.is_empty() {
            for id in &eased {
                say(*id, false, writer, self);
            }
            if let (true, true, Some(id)) = (eased.is_empty(), shrunk, nots[reader].first()) {
                say(*id, false, reader, self);
            }
        }
    }
}

/// Takes away what both sides have, so that what is left may be compared in order.
fn pair_off<T>(old: &mut Vec<T>, new: &mut Vec<T>, mut same: impl FnMut(&T, &T) -> bool) {
    old.retain(|one| match new.iter().position(|two| same(one, two)) {
        Some(at) => {
            new.remove(at);
            false
        }
        None => true,
    });
}
