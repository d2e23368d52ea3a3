//! Alternatives: whether each thing that may be written fits one of those that are read.

use std::rc::Rc;

use super::changes::Change;
use super::compare::{Comparison, Found, Raw};
use super::names::{named, sent};
use super::normal::Parts;
use super::shape::Shape;
use super::values::effective;
use crate::contract::document::NodeId;
use crate::contract::rule::Surface;

/// One of several things that may be written.
#[derive(Debug, Clone)]
pub(super) struct Alternative {
    pub(super) parts: Parts,
    /// What people call it, or what is sent as its name.
    pub(super) name: Option<String>,
}

/// What may be written, and what is read.
struct Choice {
    writers: Vec<Alternative>,
    readers: Vec<Alternative>,
    /// Whether the names are sent, so that different ones are never the same.
    sent: bool,
}

impl Comparison<'_> {
    pub(super) fn choices(
        &mut self,
        old: (&Parts, NodeId),
        new: (&Parts, NodeId),
        found: &mut Found,
    ) {
        if self.unknown_alternatives(old, new, found) {
            return;
        }
        let alternatives = (self.old.alternatives(old.0), self.new.alternatives(new.0));
        let (Some(was), Some(is)) = alternatives else {
            found.insert(Rc::new(Raw::too_complex(old.1, new.1)));
            return;
        };
        let places = (old.1, new.1);
        let choice = self.choice((old, was), (new, is));
        let (writers, readers) = (&choice.writers, &choice.readers);
        let mut used = vec![false; readers.len()];
        let mut homeless = Vec::new();
        let mut taken: Vec<(usize, Rc<Found>)> = Vec::new();
        for (at, writer) in writers.iter().enumerate() {
            match self.home(writer, &choice, at, places) {
                Some((index, inner)) => {
                    used[index] = true;
                    taken.push((index, inner));
                }
                None => match self.spread(writer, readers, places) {
                    Some(indices) => indices.into_iter().for_each(|it| used[it] = true),
                    None => homeless.push(at),
                },
            }
        }
        for (index, inner) in &taken {
            // Where several are taken by one, each may be less than it, and together they are not.
            let shared = taken.iter().filter(|it| it.0 == *index).count() > 1;
            let parts = shared && self.is_spread(&readers[*index], writers, places);
            let about_types = |it: &&Rc<Raw>| {
                use Change::{NullAdded, NullRemoved, TypeNarrowed, TypeWidened};
                matches!(
                    it.change,
                    NullAdded | NullRemoved | TypeNarrowed | TypeWidened
                )
            };
            found.extend(
                inner
                    .iter()
                    .filter(|it| !(parts && about_types(it)))
                    .cloned(),
            );
        }
        for at in homeless {
            let near = self.nearest(at, &choice, &used, places);
            match near {
                Some((index, inner)) => {
                    used[index] = true;
                    found.extend(inner.iter().cloned());
                }
                None => {
                    let named = choice.sent && self.is_taken(&writers[at].parts, readers, places);
                    self.alternative(&writers[at], (true, named), true, places, found);
                }
            }
        }
        for (index, reader) in readers.iter().enumerate() {
            // What is read and may be written in other words is nothing new.
            let mut said = writers.iter();
            let news = choice.sent && said.all(|it| it.name != reader.name);
            if used[index] {
                continue;
            }
            let covered = self.is_covered(&reader.parts, writers, places);
            if news || !covered {
                self.alternative(reader, (false, covered), false, places, found);
            }
        }
    }

    /// What fits several alternatives of a `oneOf` is refused by it. Where the writer has a `oneOf` too,
    /// that may rule the same values out.
    pub(super) fn ambiguous(
        &mut self,
        (old, was): (&Parts, &Shape),
        (new, is): (&Parts, &Shape),
        found: &mut Found,
    ) {
        // That is said with the alternatives.
        if self.unknown_alternatives((old, was.at), (new, is.at), &mut Found::new()) {
            return;
        }
        let (writer, reader) = self.roles((self.old, old, was), (self.new, new, is));
        // A name that is sent tells alternatives apart that are the same otherwise. What is written as
        // text is a number or a text by the alternative that it is read by.
        let told = reader.2.discriminator.is_some() || self.manner.textual;
        if writer.2.exclusive || !reader.2.exclusive || told {
            return;
        }
        let (Some(writers), Some(readers)) = (
            writer.0.alternatives(writer.1),
            reader.0.alternatives(reader.1),
        ) else {
            return;
        };
        let places = (was.at, is.at);
        for it in &writers {
            // Nothing fits everything.
            if effective(&writer.0.shape(it, writer.2.at), writer.0.arena()).is_empty() {
                continue;
            }
            let fits = readers.iter().filter(|reader| {
                let inner = self.written(it, reader, places);
                self.breaks(&inner) == 0
            });
            if fits.count() > 1 {
                let one = (was.at, Some(self.old.arena().short(was.at)));
                let two = (is.at, Some(self.new.arena().short(is.at)));
                self.say(found, Change::Ambiguous, one, two, "oneOf");
                return;
            }
        }
    }

    /// Which of the alternatives of two schemas are written and read, with their names.
    fn choice(
        &self,
        (old, was): ((&Parts, NodeId), Vec<Parts>),
        (new, is): ((&Parts, NodeId), Vec<Parts>),
    ) -> Choice {
        let told = if self.manner.surface == Surface::OpenApi {
            sent(self.old, old, &was).zip(sent(self.new, new, &is))
        } else {
            None
        };
        let sent = told.is_some();
        let (was, is) = told.unwrap_or_else(|| (named(self.old, was), named(self.new, is)));
        let (writers, readers) = self.roles(was, is);
        Choice {
            writers,
            readers,
            sent,
        }
    }

    /// Compares something that is written with something that is read.
    fn written(&mut self, writer: &Parts, reader: &Parts, at: (NodeId, NodeId)) -> Rc<Found> {
        let (old, new) = self.roles(writer, reader);
        self.pair((old, at.0), (new, at.1))
    }

    /// The alternative that takes it, the one most like it first.
    fn home(
        &mut self,
        writer: &Alternative,
        choice: &Choice,
        at: usize,
        places: (NodeId, NodeId),
    ) -> Option<(usize, Rc<Found>)> {
        let readers = &choice.readers;
        let same_name = |it: usize| writer.name.is_some() && readers[it].name == writer.name;
        let mut order: Vec<usize> = (0..readers.len()).collect();
        order.sort_by_key(|it| (!same_name(*it), *it != at, *it));
        let mut best: Option<(usize, Rc<Found>)> = None;
        for index in order {
            let both = writer.name.is_some() && readers[index].name.is_some();
            let other = both && !same_name(index);
            if other && choice.sent {
                continue;
            }
            let inner = self.written(&writer.parts, &readers[index].parts, places);
            if self.breaks(&inner) > 0 {
                continue;
            }
            // Where objects may hold anything, nearly every one fits every other one. What people
            // call by different names is then only the same if nothing differs.
            if other && !self.manner.unlisted && !inner.is_empty() {
                continue;
            }
            let done = inner.is_empty() || same_name(index);
            if best.as_ref().is_none_or(|it| inner.len() < it.1.len()) {
                best = Some((index, inner));
            }
            if done {
                break;
            }
        }
        best
    }

    /// The alternatives that take it between them, a type each.
    fn spread(
        &mut self,
        writer: &Alternative,
        readers: &[Alternative],
        places: (NodeId, NodeId),
    ) -> Option<Vec<usize>> {
        let schemas = self.roles(self.old, self.new).0;
        let place = self.roles(places.0, places.1).0;
        let shape = schemas.shape(&writer.parts, place);
        let types = effective(&shape, schemas.arena());
        if types.parts().count() < 2 {
            return None;
        }
        types
            .parts()
            .map(|it| {
                let part = schemas.only(&writer.parts, it);
                (0..readers.len()).find(|at| {
                    let inner = self.written(&part, &readers[*at].parts, places);
                    self.breaks(&inner) == 0
                })
            })
            .collect()
    }

    /// Whether whatever is read may be written by one of the alternatives, a type each.
    fn is_spread(
        &mut self,
        reader: &Alternative,
        writers: &[Alternative],
        places: (NodeId, NodeId),
    ) -> bool {
        let schemas = self.roles(self.old, self.new).1;
        let shape = schemas.shape(&reader.parts, self.roles(places.0, places.1).1);
        let types = effective(&shape, schemas.arena());
        types.parts().all(|it| {
            let part = schemas.only(&reader.parts, it);
            self.is_covered(&part, writers, places)
        })
    }

    fn is_covered(
        &mut self,
        reader: &Parts,
        writers: &[Alternative],
        places: (NodeId, NodeId),
    ) -> bool {
        writers.iter().any(|writer| {
            let (old, new) = self.roles(&writer.parts, reader);
            let (old, new) = (old.clone(), new.clone());
            self.flipped(|it| it.fits((&old, places.0), (&new, places.1)))
        })
    }

    /// Whether one of the alternatives takes it, whatever they are called.
    fn is_taken(
        &mut self,
        writer: &Parts,
        readers: &[Alternative],
        places: (NodeId, NodeId),
    ) -> bool {
        readers.iter().any(|reader| {
            let inner = self.written(writer, &reader.parts, places);
            self.breaks(&inner) == 0
        })
    }

    /// For something that no alternative takes: the one that was probably meant.
    fn nearest(
        &mut self,
        at: usize,
        choice: &Choice,
        used: &[bool],
        places: (NodeId, NodeId),
    ) -> Option<(usize, Rc<Found>)> {
        let (writers, readers) = (&choice.writers, &choice.readers);
        let (writer, name) = (&writers[at].parts, &writers[at].name);
        let mut best: Option<(usize, Rc<Found>)> = None;
        for (index, reader) in readers.iter().enumerate() {
            let same_name = name.is_some() && reader.name == *name;
            let other_name = name.is_some() && reader.name.is_some() && !same_name;
            let alone = writers.len() == 1 || readers.len() == 1;
            let free = !used[index] && !other_name && (alone || index == at);
            let single = writers.len() == 1 && !(other_name && choice.sent);
            if !(same_name || free || single) {
                continue;
            }
            let (write, read) = self.roles(self.old, self.new);
            let one = write.shape(writer, self.roles(places.0, places.1).0);
            let one = effective(&one, write.arena());
            let two = read.shape(&reader.parts, self.roles(places.0, places.1).1);
            let two = effective(&two, read.arena());
            if !same_name && !one.has(two) {
                continue;
            }
            let inner = self.written(writer, &reader.parts, places);
            let count = self.breaks(&inner);
            if count == 0 {
                continue;
            }
            let better = best.as_ref().is_none_or(|it| count < self.breaks(&it.1));
            if same_name {
                return Some((index, inner));
            }
            if better {
                best = Some((index, inner));
            }
        }
        best
    }

    /// An alternative that only one side has, or has under that name.
    fn alternative(
        &self,
        it: &Alternative,
        (written, named): (bool, bool),
        breaks: bool,
        places: (NodeId, NodeId),
        found: &mut Found,
    ) {
        let (write, read) = self.roles(self.old, self.new);
        let schemas = if written { write } else { read };
        let is_old = written == self.roles(true, false).0;
        let place = if is_old { places.0 } else { places.1 };
        let shape = schemas.shape(&it.parts, place);
        let name = it.name.clone();
        let text = name.unwrap_or_else(|| schemas.arena().short(shape.at));
        let (old, new) = if is_old {
            ((shape.at, Some(text.clone())), (places.1, None))
        } else {
            ((places.0, None), (shape.at, Some(text.clone())))
        };
        let pair = if named {
            (Change::NameRemoved, Change::NameAdded)
        } else {
            (Change::BranchRemoved, Change::BranchAdded)
        };
        self.differ(found, breaks, pair, old, new, &text);
    }
}
