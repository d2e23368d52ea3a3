//! Avro: whether data written by one schema can be read by another one, by the rules of schema
//! resolution in the Avro specification.

pub(crate) mod rules;

mod types;

use std::collections::BTreeSet;
use std::rc::Rc;

use self::rules::Change;
use self::types::{Field, Kind, Type, TypeId, Types, plain};
use super::bundle::Bundle;
use super::coinduction::Coinduction;
use super::document::{NodeId, Unreadable};
use super::report::Writer;
use super::rule::Direction;
use super::{Finding, Options};
use crate::Level;

/// Compares two Avro schemas in each direction that is asked for.
pub(super) fn diff(
    old: &Bundle,
    new: &Bundle,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    let (was, is) = (Types::read(old)?, Types::read(new)?);
    let mut writer = Writer::new(old, new);
    for direction in options.directions() {
        let mut resolution = Resolution {
            old: &was,
            new: &is,
            direction: *direction,
            memo: Coinduction::new(),
        };
        let found = resolution.pair(was.root, is.root);
        for raw in found.iter() {
            let rule = raw.change.rule(*direction);
            let subject = if raw.subject.is_empty() {
                String::new()
            } else {
                format!(" (`{}`)", raw.subject)
            };
            let what = format!("{}{subject}", rule.line);
            let old = (raw.old, raw.old_text.clone());
            let new = (raw.new, raw.new_text.clone());
            writer.add(rule, old, new, &what, Level::Major);
        }
    }
    Ok(writer.finish())
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Raw {
    change: Change,
    old: NodeId,
    new: NodeId,
    old_text: Option<String>,
    new_text: Option<String>,
    subject: String,
}

type Found = BTreeSet<Rc<Raw>>;

/// Pairs of types under comparison.
struct Resolution<'a> {
    old: &'a Types<'a>,
    new: &'a Types<'a>,
    direction: Direction,
    memo: Coinduction<(TypeId, TypeId), Rc<Found>>,
}

impl Resolution<'_> {
    fn breaks(&self, found: &Found) -> usize {
        found
            .iter()
            .filter(|it| it.change.rule(self.direction).breaks())
            .count()
    }

    fn pair(&mut self, old: TypeId, new: TypeId) -> Rc<Found> {
        if let Some(found) = self.memo.known(&(old, new)) {
            return found;
        }
        let begun = self.memo.begin((old, new));
        let mut found = Found::new();
        self.inside(old, new, &mut found);
        let fits = self.breaks(&found) == 0;
        let found = Rc::new(found);
        self.memo.end(begun, Rc::clone(&found), fits);
        found
    }

    fn roles<T>(&self, old: T, new: T) -> (T, T) {
        match self.direction {
            Direction::WeRead => (old, new),
            _ => (new, old),
        }
    }

    /// What the writer has and the reader lacks, or the other way round.
    fn differ(
        &self,
        found: &mut Found,
        breaks: bool,
        (narrowed, widened): (Change, Change),
        old: (NodeId, Option<String>),
        new: (NodeId, Option<String>),
        subject: &str,
    ) {
        let narrows = breaks == (self.direction == Direction::WeRead);
        found.insert(Rc::new(Raw {
            change: if narrows { narrowed } else { widened },
            old: old.0,
            new: new.0,
            old_text: old.1,
            new_text: new.1,
            subject: subject.to_owned(),
        }));
    }

    fn inside(&mut self, old: TypeId, new: TypeId, found: &mut Found) {
        let (was, is) = (self.old.get(old).clone(), self.new.get(new).clone());
        if matches!(was.kind, Kind::Union(_)) || matches!(is.kind, Kind::Union(_)) {
            self.unions((old, &was), (new, &is), found);
            return;
        }
        let texts = (Some(said(&was)), Some(said(&is)));
        let (one, two) = ((was.at, texts.0), (is.at, texts.1));
        match (&was.kind, &is.kind) {
            (Kind::Simple(first), Kind::Simple(second)) => {
                if first != second {
                    let (writer, reader) = self.roles(*first, *second);
                    let forth = promotes(writer, reader);
                    let pair = if forth || promotes(reader, writer) {
                        (Change::TypeNarrowed, Change::TypePromoted)
                    } else {
                        (Change::TypeChanged, Change::TypeChanged)
                    };
                    // Bytes and strings are read as each other: nothing holds less.
                    if !(forth && promotes(reader, writer)) {
                        self.differ(found, !forth, pair, one, two, "");
                        return;
                    }
                }
                self.logical(&was, &is, found);
            }
            (Kind::Array(first), Kind::Array(second)) | (Kind::Map(first), Kind::Map(second)) => {
                let inner = self.pair(*first, *second);
                found.extend(inner.iter().cloned());
            }
            (Kind::Record(first), Kind::Record(second)) => {
                if self.names(&was, &is, found) {
                    self.fields((first, was.at), (second, is.at), found);
                }
            }
            (Kind::Fixed(first), Kind::Fixed(second)) => {
                if self.names(&was, &is, found) {
                    if first != second {
                        let pair = (Change::SizeChanged, Change::SizeChanged);
                        let old = (was.at, Some(first.clone()));
                        self.differ(
                            found,
                            true,
                            pair,
                            old,
                            (is.at, Some(second.clone())),
                            "size",
                        );
                    }
                    self.logical(&was, &is, found);
                }
            }
            (Kind::Enum { .. }, Kind::Enum { .. }) => {
                if self.names(&was, &is, found) {
                    self.symbols(&was, &is, found);
                }
            }
            _ => {
                let pair = (Change::TypeChanged, Change::TypeChanged);
                self.differ(found, true, pair, one, two, "");
            }
        }
    }

    fn logical(&self, was: &Type, is: &Type, found: &mut Found) {
        if was.logical != is.logical {
            let pair = (Change::LogicalChanged, Change::LogicalChanged);
            let (old, new) = ((was.at, was.logical.clone()), (is.at, is.logical.clone()));
            self.differ(found, true, pair, old, new, "logicalType");
        }
    }

    /// Whether a named type is the same one: by its name without namespace, or by an alias that the
    /// reader knows.
    fn names(&self, was: &Type, is: &Type, found: &mut Found) -> bool {
        let (writer, reader) = self.roles(was, is);
        let name = |it: &Type| it.name.clone().unwrap_or_default();
        let (writes, reads) = (name(writer), name(reader));
        let alias = |it: &String| *it == writes || plain(it) == plain(&writes);
        if plain(&writes) == plain(&reads) || reader.aliases.iter().any(alias) {
            return true;
        }
        let pair = (Change::NameChanged, Change::NameChanged);
        let (old, new) = ((was.at, Some(name(was))), (is.at, Some(name(is))));
        self.differ(found, true, pair, old, new, "name");
        false
    }

    fn fields(
        &mut self,
        (was, old): (&[Field], NodeId),
        (is, new): (&[Field], NodeId),
        found: &mut Found,
    ) {
        let (writers, readers) = self.roles(was, is);
        // The reader's aliases are other names that writers may use.
        let pairs: Vec<Option<usize>> = readers
            .iter()
            .map(|reader| {
                let same = writers.iter().position(|it| it.name == reader.name);
                same.or_else(|| {
                    writers
                        .iter()
                        .position(|it| reader.aliases.contains(&it.name))
                })
            })
            .collect();
        for (at, reader) in readers.iter().enumerate() {
            let Some(writer) = pairs[at].map(|it| &writers[it]) else {
                // Old writers do not send what was added, new ones not what is gone.
                let bare = reader.default.is_none();
                let text = Some(reader.name.clone());
                let (change, one, two) = match (self.direction, bare) {
                    (Direction::WeRead, true) => {
                        (Change::FieldAddedBare, (old, None), (reader.at, text))
                    }
                    (Direction::WeRead, false) => {
                        (Change::FieldAdded, (old, None), (reader.at, text))
                    }
                    (_, true) => (Change::FieldRemovedBare, (reader.at, text), (new, None)),
                    (_, false) => (Change::FieldRemoved, (reader.at, text), (new, None)),
                };
                self.differ(found, true, (change, change), one, two, &reader.name);
                continue;
            };
            let (one, two) = self.roles(writer, reader);
            let inner = self.pair(one.kind, two.kind);
            found.extend(inner.iter().cloned());
            let default =
                |types: &Types<'_>, it: &Field| it.default.map(|it| types.arena.canonical(it));
            let defaults = (default(self.old, one), default(self.new, two));
            if defaults.0 != defaults.1 {
                let pair = (Change::DefaultChanged, Change::DefaultChanged);
                self.differ(
                    found,
                    true,
                    pair,
                    (one.at, defaults.0),
                    (two.at, defaults.1),
                    &one.name,
                );
            }
        }
        for (at, writer) in writers.iter().enumerate() {
            if pairs.contains(&Some(at)) {
                continue;
            }
            // What is written and not read is passed over.
            let bare = writer.default.is_none();
            let text = Some(writer.name.clone());
            let (change, one, two) = match (self.direction, bare) {
                (Direction::WeRead, true) => {
                    (Change::FieldRemovedBare, (writer.at, text), (new, None))
                }
                (Direction::WeRead, false) => {
                    (Change::FieldRemoved, (writer.at, text), (new, None))
                }
                (_, true) => (Change::FieldAddedBare, (old, None), (writer.at, text)),
                (_, false) => (Change::FieldAdded, (old, None), (writer.at, text)),
            };
            self.differ(found, true, (change, change), one, two, &writer.name);
        }
    }

    fn symbols(&self, was: &Type, is: &Type, found: &mut Found) {
        let (
            Kind::Enum { symbols: first, .. },
            Kind::Enum {
                symbols: second, ..
            },
        ) = (&was.kind, &is.kind)
        else {
            return;
        };
        let reader = self.roles(was, is).1;
        let fallback = matches!(
            &reader.kind,
            Kind::Enum { default: Some(default), symbols } if symbols.iter().any(|it| it.0 == *default)
        );
        let lost = if fallback {
            (Change::SymbolReplaced, Change::SymbolReplaced)
        } else {
            (Change::SymbolRemoved, Change::SymbolAdded)
        };
        let plain = (Change::SymbolRemoved, Change::SymbolAdded);
        let lacks = |all: &[(String, NodeId)], symbol: &str| !all.iter().any(|it| it.0 == symbol);
        for (symbol, at) in first.iter().filter(|it| lacks(second, &it.0)) {
            let breaks = self.roles(true, false).0;
            let pair = if breaks { lost } else { plain };
            self.differ(
                found,
                breaks,
                pair,
                (*at, Some(symbol.clone())),
                (is.at, None),
                symbol,
            );
        }
        for (symbol, at) in second.iter().filter(|it| lacks(first, &it.0)) {
            let breaks = self.roles(false, true).0;
            let pair = if breaks { lost } else { plain };
            self.differ(
                found,
                breaks,
                pair,
                (was.at, None),
                (*at, Some(symbol.clone())),
                symbol,
            );
        }
    }

    /// Each branch that may be written is read by the first branch that takes it.
    fn unions(&mut self, old: (TypeId, &Type), new: (TypeId, &Type), found: &mut Found) {
        let branches = |(id, it): (TypeId, &Type)| match &it.kind {
            Kind::Union(branches) => branches.clone(),
            _ => vec![id],
        };
        let (was, is) = (branches(old), branches(new));
        let (writers, readers) = self.roles(was, is);
        let (write, read) = self.roles(self.old, self.new);
        let place = |types: &Types<'_>, id: TypeId| (types.get(id).at, Some(said(types.get(id))));
        let mut used = vec![false; readers.len()];
        for writer in &writers {
            let exact = |it: &TypeId| said(read.get(*it)) == said(write.get(*writer));
            let mut order: Vec<usize> = (0..readers.len()).collect();
            order.sort_by_key(|it| !exact(&readers[*it]));
            let mut best: Option<(usize, Rc<Found>)> = None;
            for at in order {
                let (one, two) = self.roles(*writer, readers[at]);
                let inner = self.pair(one, two);
                if self.breaks(&inner) == 0 {
                    best = Some((at, inner));
                    break;
                }
                // A branch of the same name was meant, even where it does not fit.
                if best.is_none() && exact(&readers[at]) {
                    best = Some((at, inner));
                }
            }
            if let Some((at, inner)) = best {
                used[at] = true;
                found.extend(inner.iter().cloned());
                continue;
            }
            let pair = (Change::BranchRemoved, Change::BranchAdded);
            let this = place(write, *writer);
            let subject = this.1.clone().unwrap_or_default();
            let (one, two) = match self.direction {
                Direction::WeRead => (this, (new.1.at, None)),
                _ => ((old.1.at, None), this),
            };
            self.differ(found, true, pair, one, two, &subject);
        }
        for (reader, _) in readers.iter().zip(used).filter(|it| !it.1) {
            let pair = (Change::BranchRemoved, Change::BranchAdded);
            let this = place(read, *reader);
            let subject = this.1.clone().unwrap_or_default();
            let (one, two) = match self.direction {
                Direction::WeRead => ((old.1.at, None), this),
                _ => (this, (new.1.at, None)),
            };
            self.differ(found, false, pair, one, two, &subject);
        }
    }
}

/// What a type is called.
fn said(kind: &Type) -> String {
    let what = match &kind.kind {
        Kind::Simple(name) => return (*name).to_owned(),
        Kind::Record(_) => "record",
        Kind::Enum { .. } => "enum",
        Kind::Fixed(_) => "fixed",
        Kind::Array(_) => "array",
        Kind::Map(_) => "map",
        Kind::Union(_) => "union",
    };
    match &kind.name {
        Some(name) => format!("{what} {}", plain(name)),
        None => what.to_owned(),
    }
}

/// Whether values written as one simple type are read as another one.
fn promotes(writer: &str, reader: &str) -> bool {
    matches!(
        (writer, reader),
        ("int", "long" | "float" | "double")
            | ("long", "float" | "double")
            | ("float", "double")
            | ("string", "bytes")
            | ("bytes", "string")
    )
}
