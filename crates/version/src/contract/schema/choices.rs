//! Alternatives: whether each thing that may be written fits one of those that are read.

use std::rc::Rc;

use super::changes::Change;
use super::compare::{Comparison, Found, Raw};
use super::normal::{Part, Parts};
use super::values::effective;
use crate::contract::document::NodeId;

impl Comparison<'_> {
    pub(super) fn choices(
        &mut self,
        old: (&Parts, NodeId),
        new: (&Parts, NodeId),
        found: &mut Found,
    ) {
        let alternatives = (self.old.alternatives(old.0), self.new.alternatives(new.0));
        let (Some(was), Some(is)) = alternatives else {
            found.insert(Rc::new(Raw::too_complex(old.1, new.1)));
            return;
        };
        let places = (old.1, new.1);
        let (writers, readers) = self.roles(&was, &is);
        let (writers, readers) = (writers.clone(), readers.clone());
        let names = (
            writers
                .iter()
                .map(|it| self.name(it, true))
                .collect::<Vec<_>>(),
            readers
                .iter()
                .map(|it| self.name(it, false))
                .collect::<Vec<_>>(),
        );
        let mut used = vec![false; readers.len()];
        let mut homeless = Vec::new();
        let mut taken: Vec<(usize, Rc<Found>)> = Vec::new();
        for (at, writer) in writers.iter().enumerate() {
            match self.home(writer, &readers, &names.0[at], &names.1, at, places) {
                Some((index, inner)) => {
                    used[index] = true;
                    taken.push((index, inner));
                }
                None => match self.spread(writer, &readers, places) {
                    Some(indices) => indices.into_iter().for_each(|it| used[it] = true),
                    None => homeless.push(at),
                },
            }
        }
        for (index, inner) in &taken {
            // Where several are taken by one, each may be less than it, and together they are not.
            let shared = taken.iter().filter(|it| it.0 == *index).count() > 1;
            let parts = shared && self.is_spread(&readers[*index], &writers, places);
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
            let near = self.nearest(&writers, at, &readers, &names, &used, places);
            match near {
                Some((index, inner)) => {
                    used[index] = true;
                    found.extend(inner.iter().cloned());
                }
                None => self.alternative(&writers[at], true, true, places, found),
            }
        }
        for (index, reader) in readers.iter().enumerate() {
            // What is read and may be written in other words is nothing new.
            if !used[index] && !self.is_covered(reader, &writers, places) {
                self.alternative(reader, false, false, places, found);
            }
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
        writer: &Parts,
        readers: &[Parts],
        name: &Option<String>,
        names: &[Option<String>],
        at: usize,
        places: (NodeId, NodeId),
    ) -> Option<(usize, Rc<Found>)> {
        let mut order: Vec<usize> = (0..readers.len()).collect();
        order.sort_by_key(|it| ((name.is_none() || names[*it] != *name), *it != at, *it));
        let mut best: Option<(usize, Rc<Found>)> = None;
        for index in order {
            let inner = self.written(writer, &readers[index], places);
            if self.breaks(&inner) > 0 {
                continue;
            }
            // Where objects may hold anything, nearly every one fits every other one. What people
            // call by different names is then only the same if nothing differs.
            let other = name.is_some() && names[index].is_some() && names[index] != *name;
            if other && !self.manner.unlisted && !inner.is_empty() {
                continue;
            }
            let done = inner.is_empty() || (name.is_some() && names[index] == *name);
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
        writer: &Parts,
        readers: &[Parts],
        places: (NodeId, NodeId),
    ) -> Option<Vec<usize>> {
        let schemas = self.roles(self.old, self.new).0;
        let place = self.roles(places.0, places.1).0;
        let shape = schemas.shape(writer, place);
        let types = effective(&shape, schemas.arena());
        if types.parts().count() < 2 {
            return None;
        }
        types
            .parts()
            .map(|it| {
                let part = schemas.only(writer, it);
                (0..readers.len()).find(|at| {
                    let inner = self.written(&part, &readers[*at], places);
                    self.breaks(&inner) == 0
                })
            })
            .collect()
    }

    /// Whether whatever is read may be written by one of the alternatives, a type each.
    fn is_spread(&mut self, reader: &Parts, writers: &[Parts], places: (NodeId, NodeId)) -> bool {
        let schemas = self.roles(self.old, self.new).1;
        let shape = schemas.shape(reader, self.roles(places.0, places.1).1);
        let types = effective(&shape, schemas.arena());
        types.parts().all(|it| {
            let part = schemas.only(reader, it);
            self.is_covered(&part, writers, places)
        })
    }

    fn is_covered(&mut self, reader: &Parts, writers: &[Parts], places: (NodeId, NodeId)) -> bool {
        writers.iter().any(|writer| {
            let (old, new) = self.roles(writer, reader);
            let (old, new) = (old.clone(), new.clone());
            self.flipped(|it| it.fits((&old, places.0), (&new, places.1)))
        })
    }

    /// For something that no alternative takes: the one that was probably meant.
    fn nearest(
        &mut self,
        writers: &[Parts],
        at: usize,
        readers: &[Parts],
        names: &(Vec<Option<String>>, Vec<Option<String>>),
        used: &[bool],
        places: (NodeId, NodeId),
    ) -> Option<(usize, Rc<Found>)> {
        let name = &names.0[at];
        let mut best: Option<(usize, Rc<Found>)> = None;
        for (index, reader) in readers.iter().enumerate() {
            let same_name = name.is_some() && names.1[index] == *name;
            let other_name = name.is_some() && names.1[index].is_some() && !same_name;
            let alone = writers.len() == 1 || readers.len() == 1;
            let free = !used[index] && !other_name && (alone || index == at);
            if !(same_name || free || writers.len() == 1) {
                continue;
            }
            let (write, read) = self.roles(self.old, self.new);
            let one = write.shape(&writers[at], self.roles(places.0, places.1).0);
            let one = effective(&one, write.arena());
            let two = read.shape(reader, self.roles(places.0, places.1).1);
            let two = effective(&two, read.arena());
            if !same_name && !one.has(two) {
                continue;
            }
            let inner = self.written(&writers[at], reader, places);
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

    /// An alternative that only one side has.
    fn alternative(
        &self,
        parts: &Parts,
        written: bool,
        breaks: bool,
        places: (NodeId, NodeId),
        found: &mut Found,
    ) {
        let (write, read) = self.roles(self.old, self.new);
        let schemas = if written { write } else { read };
        let is_old = written == self.roles(true, false).0;
        let place = if is_old { places.0 } else { places.1 };
        let shape = schemas.shape(parts, place);
        let text = self
            .name(parts, written)
            .unwrap_or_else(|| schemas.arena().short(shape.at));
        let (old, new) = if is_old {
            ((shape.at, Some(text.clone())), (places.1, None))
        } else {
            ((places.0, None), (shape.at, Some(text.clone())))
        };
        let pair = (Change::BranchRemoved, Change::BranchAdded);
        self.differ(found, breaks, pair, old, new, &text);
    }

    /// What people call an alternative: the last step of its reference, or its title.
    fn name(&self, parts: &Parts, written: bool) -> Option<String> {
        let (write, read) = self.roles(self.old, self.new);
        let schemas = if written { write } else { read };
        let arena = schemas.arena();
        parts.iter().rev().find_map(|it| match it {
            Part::Full(id) => {
                let reference = arena.get_text(*id, "$ref");
                let last = reference.map(|it| it.rsplit(['/', '#']).next().unwrap_or(it));
                let name = last.or_else(|| arena.get_text(*id, "title"))?;
                Some(name.to_owned())
            }
            _ => None,
        })
    }
}
