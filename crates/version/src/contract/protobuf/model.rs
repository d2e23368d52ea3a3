//! What a set of `.proto` files declares, by full names: which file a thing stands in makes no
//! difference, nor does the order.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::contract::finding::Place;

/// One side of a comparison.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) files: BTreeMap<String, File>,
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) enums: BTreeMap<String, Enum>,
    pub(super) services: BTreeMap<String, Service>,
    /// The packages of messages, enums and services.
    pub(super) packages: BTreeMap<String, String>,
    /// By the message that they extend, and by number.
    pub(super) extensions: BTreeMap<String, BTreeMap<i64, Field>>,
}

#[derive(Debug)]
pub(super) struct File {
    pub(super) package: String,
    pub(super) package_place: Place,
    pub(super) syntax: String,
    pub(super) syntax_place: Place,
    /// Options that generated code follows.
    pub(super) options: BTreeMap<&'static str, FileOption>,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct FileOption {
    /// As it is written, or as it is without being written.
    pub(super) value: String,
    pub(super) written: bool,
    /// Of the file, where it is not written.
    pub(super) place: Place,
}

/// Ranges of numbers, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    pub(super) written: Vec<(Range<i64>, Place)>,
    /// The same in ascending order, with a gap between each two.
    merged: Vec<Range<i64>>,
}

impl Ranges {
    pub(super) fn new(written: Vec<(Range<i64>, Place)>) -> Self {
        let mut sorted: Vec<_> = written.iter().map(|it| it.0.clone()).collect();
        sorted.sort_by_key(|it| it.start);
        let mut merged: Vec<Range<i64>> = Vec::new();
        for range in sorted {
            match merged.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self { written, merged }
    }

    pub(super) fn has(&self, number: i64) -> bool {
        let at = self.merged.partition_point(|it| it.end <= number);
        self.merged.get(at).is_some_and(|it| it.contains(&number))
    }

    /// What others do not cover of what is written.
    pub(super) fn without(&self, others: &Self) -> Vec<(Range<i64>, &Place)> {
        let mut out = Vec::new();
        for (range, place) in &self.written {
            let mut from = range.start;
            let first = others.merged.partition_point(|it| it.end <= range.start);
            let reach = |it: &&Range<i64>| it.start < range.end;
            for other in others.merged[first..].iter().take_while(reach) {
                if other.start > from {
                    out.push((from..other.start, place));
                }
                from = other.end;
            }
            if from < range.end {
                out.push((from..range.end, place));
            }
        }
        out
    }
}

#[derive(Debug, Default)]
pub(super) struct Reserved {
    pub(super) numbers: Ranges,
    pub(super) names: BTreeMap<String, Place>,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) place: Place,
    pub(super) fields: BTreeMap<i64, Field>,
    pub(super) oneofs: BTreeMap<String, Place>,
    pub(super) reserved: Reserved,
    pub(super) extensions: Ranges,
    pub(super) set: bool,
    /// Whether the accessor `descriptor` is generated, and where that is said.
    pub(super) accessor: (bool, Place),
    pub(super) deprecated: bool,
}

/// How often a field may be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Often {
    Once,
    Required,
    /// Also maps.
    Many,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Simple(Simple),
    Enum(String),
    Message(String),
    Group(String),
    Map(Simple, Box<Kind>),
}

/// A type without a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Simple {
    Double,
    Float,
    Int64,
    Uint64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    Bytes,
    Uint32,
    Sfixed32,
    Sfixed64,
    Sint32,
    Sint64,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) json: String,
    pub(super) kind: Kind,
    pub(super) often: Often,
    /// Whether it can be asked if it is set.
    pub(super) presence: bool,
    /// Whether a list of it is packed.
    pub(super) packed: bool,
    /// Whether a text has to be UTF-8 to be read.
    pub(super) checked: bool,
    pub(super) oneof: Option<String>,
    pub(super) default: Option<String>,
    pub(super) ctype: String,
    pub(super) jstype: String,
    pub(super) deprecated: bool,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) place: Place,
    /// In the order of the file: the first one stands in for a missing one.
    pub(super) values: Vec<Value>,
    /// By name, which of them.
    pub(super) names: BTreeMap<String, usize>,
    pub(super) reserved: Reserved,
    /// Whether values that it does not know are taken for missing.
    pub(super) closed: bool,
    pub(super) deprecated: bool,
}

impl Enum {
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.names.get(name).and_then(|it| self.values.get(*it))
    }

    /// The names of its numbers, in the order of the file.
    pub(super) fn numbers(&self) -> BTreeMap<i64, Vec<&Value>> {
        let mut out: BTreeMap<i64, Vec<&Value>> = BTreeMap::new();
        for value in &self.values {
            out.entry(value.number).or_default().push(value);
        }
        out
    }
}

#[derive(Debug)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) deprecated: bool,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) place: Place,
    pub(super) methods: BTreeMap<String, Method>,
    pub(super) deprecated: bool,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) request: String,
    pub(super) response: String,
    pub(super) client_streaming: bool,
    pub(super) server_streaming: bool,
    /// 0 nothing, 1 may be called twice, 2 changes nothing; and where that is said.
    pub(super) idempotency: (u8, Place),
    pub(super) deprecated: bool,
    pub(super) place: Place,
}

impl Model {
    /// Whether a message is written as the entries of a map are. That its values have another name
    /// makes them another type here.
    pub(super) fn is_entry(&self, message: &str, key: Simple, value: &Kind) -> bool {
        let Some(message) = self.messages.get(message) else {
            return false;
        };
        let fields: Vec<_> = message
            .fields
            .iter()
            .map(|(at, it)| (*at, &it.kind, it.often))
            .collect();
        fields
            == [
                (1, &Kind::Simple(key), Often::Once),
                (2, value, Often::Once),
            ]
    }

    /// Where messages, enums and services stand, by their names.
    pub(super) fn places(&self) -> impl Iterator<Item = (&String, &Place)> {
        let messages = self.messages.iter().map(|(name, it)| (name, &it.place));
        let enums = self.enums.iter().map(|(name, it)| (name, &it.place));
        let services = self.services.iter().map(|(name, it)| (name, &it.place));
        messages.chain(enums).chain(services)
    }
}

/// A range of numbers as it is written, with both ends.
pub(super) fn ranged(range: &Range<i64>) -> String {
    if range.end == range.start + 1 {
        range.start.to_string()
    } else {
        format!("{}-{}", range.start, range.end - 1)
    }
}
