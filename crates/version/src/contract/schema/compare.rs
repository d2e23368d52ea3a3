//! Whether what is written by one schema can be read by the other, keyword by keyword.
//!
//! Who writes and who reads follows from the direction: where we read, others write by the old schema
//! and we read by the new one; where others read, it is the other way round. A schema that refers to
//! itself is compared under the assumption that it fits ([`Coinduction`]).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::changes::Change;
use super::normal::{Part, Parts, Schemas};
use super::shape::Shape;
use crate::contract::coinduction::Coinduction;
use crate::contract::document::NodeId;
use crate::contract::rule::{Direction, Surface};
use crate::contract::same::Same;

/// How deep schemas are compared.
const DEEPEST: usize = 128;
/// How many pairs of schemas are compared.
const MOST_PAIRS: usize = 100_000;

/// A change, not yet written down for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Raw {
    pub(crate) change: Change,
    pub(crate) old: NodeId,
    pub(crate) new: NodeId,
    pub(crate) old_text: Option<String>,
    pub(crate) new_text: Option<String>,
    /// What it is about: a property, a keyword.
    pub(crate) subject: String,
}

impl Raw {
    /// That schemas at two places are too much to compare.
    pub(super) fn too_complex(old: NodeId, new: NodeId) -> Self {
        Self {
            change: Change::TooComplex,
            old,
            new,
            old_text: None,
            new_text: None,
            subject: String::new(),
        }
    }
}

/// What a comparison found. Shared, because components are used in many places.
pub(crate) type Found = BTreeSet<Rc<Raw>>;

/// How a comparison reads contracts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) surface: Surface,
    /// Whether writers are taken to send properties that are not listed, wherever that is allowed.
    pub(crate) unlisted: bool,
    /// Whether values are written as text, as in a query string.
    pub(crate) textual: bool,
    /// Whether `readOnly` and `writeOnly` say that a property does not exist in a direction.
    pub(crate) one_way: bool,
}

type Key = (Direction, Parts, Parts);

pub(crate) struct Comparison<'a> {
    pub(crate) old: &'a Schemas<'a>,
    pub(crate) new: &'a Schemas<'a>,
    pub(crate) manner: Manner,
    pub(super) direction: Direction,
    same: Rc<RefCell<Same<'a>>>,
    memo: Coinduction<Key, Rc<Found>>,
    /// How many pairs were compared.
    pairs: usize,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(
        old: &'a Schemas<'a>,
        new: &'a Schemas<'a>,
        manner: Manner,
        same: &Rc<RefCell<Same<'a>>>,
    ) -> Self {
        Self {
            old,
            new,
            manner,
            direction: Direction::WeRead,
            same: Rc::clone(same),
            memo: Coinduction::new(),
            pairs: 0,
        }
    }

    /// Compares two schemas.
    pub(crate) fn run(
        &mut self,
        direction: Direction,
        old: (&Parts, NodeId),
        new: (&Parts, NodeId),
    ) -> Rc<Found> {
        self.direction = direction;
        self.pair(old, new)
    }

    /// Whether nothing breaks.
    pub(super) fn fits(&mut self, old: (&Parts, NodeId), new: (&Parts, NodeId)) -> bool {
        let found = self.pair(old, new);
        self.breaks(&found) == 0
    }

    /// Whether two schemas say the same.
    pub(super) fn same(&mut self, old: (&Parts, NodeId), new: (&Parts, NodeId)) -> bool {
        self.pair(old, new).is_empty() && self.flipped(|it| it.pair(old, new).is_empty())
    }

    /// Does something as if readers were writers.
    pub(super) fn flipped<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.direction;
        self.direction = match before {
            Direction::WeRead => Direction::OthersRead,
            _ => Direction::WeRead,
        };
        let result = work(self);
        self.direction = before;
        result
    }

    /// How many of some changes break.
    pub(super) fn breaks(&self, found: &Found) -> usize {
        let rule = |it: &&Rc<Raw>| it.change.rule(self.manner.surface, self.direction).breaks();
        found.iter().filter(rule).count()
    }

    pub(super) fn pair(&mut self, old: (&Parts, NodeId), new: (&Parts, NodeId)) -> Rc<Found> {
        if let ([Part::Full(one)], [Part::Full(two)]) = (&old.0[..], &new.0[..])
            && self.old.dialect == self.new.dialect
            && self.same.borrow_mut().is(*one, *two)
        {
            return Rc::default();
        }
        let key = (self.direction, self.old.key(old.0), self.new.key(new.0));
        if let Some(found) = self.memo.known(&key) {
            return found;
        }
        if self.memo.depth() >= DEEPEST || self.pairs >= MOST_PAIRS {
            return Rc::new(Found::from([Rc::new(Raw::too_complex(old.1, new.1))]));
        }
        self.pairs += 1;
        let begun = self.memo.begin(key);
        let found = Rc::new(self.inside(old, new));
        let fits = self.breaks(&found) == 0;
        self.memo.end(begun, Rc::clone(&found), fits);
        found
    }

    fn inside(&mut self, old: (&Parts, NodeId), new: (&Parts, NodeId)) -> Found {
        let (was, is) = (self.old.shape(old.0, old.1), self.new.shape(new.0, new.1));
        let mut found = Found::new();
        let lost = (&was.dangling, &is.dangling);
        if self.unknown(lost, (was.at, is.at), &mut found) {
            return found;
        }
        if was.choices || is.choices {
            self.choices(old, new, &mut found);
            self.ambiguous((old.0, &was), (new.0, &is), &mut found);
            if was.choices && is.choices && was.exclusive != is.exclusive {
                let breaks = self.roles(was.exclusive, is.exclusive).1;
                let pair = (Change::ExclusiveAdded, Change::ExclusiveRemoved);
                let text = |it: bool| Some(if it { "oneOf" } else { "anyOf" }.to_owned());
                let one = (was.at, text(was.exclusive));
                let two = (is.at, text(is.exclusive));
                self.differ(&mut found, breaks, pair, one, two, "oneOf");
            }
        } else {
            self.values(&was, &is, &mut found);
            self.objects((old.0, &was), (new.0, &is), &mut found);
            self.arrays(&was, &is, &mut found);
            self.logic(&was, &is, &mut found);
        }
        self.notes(&was, &is, &mut found);
        self.promises(&was, &is, &mut found);
        found
    }

    /// What is no matter of which values are allowed.
    fn notes(&mut self, was: &Shape, is: &Shape, found: &mut Found) {
        let (old, new) = (self.old.arena(), self.new.arena());
        let texts = |was: Option<NodeId>, is: Option<NodeId>| {
            (was.map(|it| old.short(it)), is.map(|it| new.short(it)))
        };
        let differ = |was: Option<NodeId>, is: Option<NodeId>| {
            was.map(|it| old.canonical(it)) != is.map(|it| new.canonical(it))
        };
        let mut add = |change, places: (Option<NodeId>, Option<NodeId>), texts, subject: &str| {
            found.insert(Rc::new(Raw {
                change,
                old: places.0.unwrap_or(was.at),
                new: places.1.unwrap_or(is.at),
                old_text: Option::<(Option<String>, Option<String>)>::clone(&texts)
                    .and_then(|it| it.0),
                new_text: texts.and_then(|it| it.1),
                subject: subject.to_owned(),
            }));
        };
        if differ(was.default, is.default) {
            let places = (was.default, is.default);
            add(
                Change::DefaultChanged,
                places,
                Some(texts(was.default, is.default)),
                "default",
            );
        }
        if was.deprecated.is_none() && is.deprecated.is_some() {
            add(
                Change::Deprecated,
                (None, is.deprecated),
                None,
                "deprecated",
            );
        }
        let names = |it: Option<NodeId>, arena: &crate::contract::document::Arena| {
            let it = it?;
            let mapping = arena.get(it, "mapping").and_then(|it| arena.object(it));
            let keys: Vec<String> = mapping
                .into_iter()
                .flatten()
                .map(|it| it.0.clone())
                .collect();
            let name = arena.get_text(it, "propertyName").unwrap_or_default();
            Some(format!("{name} {}", keys.join(" ")).trim_end().to_owned())
        };
        let (first, second) = (names(was.discriminator, old), names(is.discriminator, new));
        if first != second {
            let places = (was.discriminator, is.discriminator);
            add(
                Change::DiscriminatorChanged,
                places,
                Some((first, second)),
                "discriminator",
            );
        }
    }

    /// Writer and reader of two things that belong to the old and the new schema.
    pub(super) fn roles<T>(&self, old: T, new: T) -> (T, T) {
        match self.direction {
            Direction::WeRead => (old, new),
            _ => (new, old),
        }
    }

    /// A difference of a keyword. `breaks` says whether the reader does not take what the writer may
    /// send; which of the two changes that is follows from the direction.
    pub(super) fn differ(
        &self,
        found: &mut Found,
        breaks: bool,
        (narrowed, widened): (Change, Change),
        (old, old_text): (NodeId, Option<String>),
        (new, new_text): (NodeId, Option<String>),
        subject: &str,
    ) {
        let narrows = breaks == (self.direction == Direction::WeRead);
        let change = if narrows { narrowed } else { widened };
        found.insert(Rc::new(Raw {
            change,
            old,
            new,
            old_text,
            new_text,
            subject: subject.to_owned(),
        }));
    }
}
