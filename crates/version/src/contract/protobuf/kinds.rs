//! Types: how they are written, and which hold the values of which.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::model::{Kind, Model, Simple};

/// How a value is written in the binary form. Values of the same way are read as each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
    Float,
    Double,
    Bytes,
    Message,
    Group,
}

/// What a value is in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A number.
    Integer32,
    /// A number in a text.
    Integer64,
    Fraction,
    Bool,
    Text,
    Base64,
    Enum,
    Message,
    Map,
}

impl Simple {
    fn way(self) -> Way {
        match self {
            Self::Double => Way::Double,
            Self::Float => Way::Float,
            Self::Int64 | Self::Uint64 | Self::Int32 | Self::Uint32 | Self::Bool => Way::Varint,
            Self::Sint32 | Self::Sint64 => Way::Zigzag,
            Self::Fixed32 | Self::Sfixed32 => Way::Fixed32,
            Self::Fixed64 | Self::Sfixed64 => Way::Fixed64,
            Self::String | Self::Bytes => Way::Bytes,
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Double | Self::Float => Form::Fraction,
            Self::Int64 | Self::Uint64 | Self::Fixed64 | Self::Sfixed64 | Self::Sint64 => {
                Form::Integer64
            }
            Self::Int32 | Self::Uint32 | Self::Fixed32 | Self::Sfixed32 | Self::Sint32 => {
                Form::Integer32
            }
            Self::Bool => Form::Bool,
            Self::String => Form::Text,
            Self::Bytes => Form::Base64,
        }
    }
}

impl Kind {
    fn way(&self) -> Way {
        match self {
            Self::Simple(it) => it.way(),
            Self::Enum(_) => Way::Varint,
            Self::Message(_) | Self::Map(..) => Way::Message,
            Self::Group(_) => Way::Group,
        }
    }

    pub(super) fn form(&self) -> Form {
        match self {
            Self::Simple(it) => it.form(),
            Self::Enum(_) => Form::Enum,
            Self::Message(_) | Self::Group(_) => Form::Message,
            Self::Map(..) => Form::Map,
        }
    }

    /// The message that it holds, however that is written.
    pub(super) fn message(&self) -> Option<&String> {
        match self {
            Self::Message(name) | Self::Group(name) => Some(name),
            _ => None,
        }
    }

    /// Whether lists of it may be packed.
    pub(super) fn packable(&self) -> bool {
        !matches!(self.way(), Way::Bytes | Way::Message | Way::Group)
    }

    /// Whether one is read as the other, by the way in which they are written. A message is written
    /// as the bytes that it consists of.
    pub(super) fn reads(&self, other: &Self) -> bool {
        let bytes = |it: &Self| matches!(it, Self::Simple(Simple::Bytes));
        let message = |it: &Self| matches!(it, Self::Message(_));
        self.way() == other.way() || bytes(self) && message(other) || message(self) && bytes(other)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(it) => f.write_str(&format!("{it:?}").to_lowercase()),
            Self::Enum(name) | Self::Message(name) => f.write_str(name),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Map(key, value) => write!(f, "map<{}, {value}>", Self::Simple(*key)),
        }
    }
}

/// Two sides, and what things of the old one are called on the new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) old: &'a Model,
    pub(super) new: &'a Model,
    pub(super) renamed: &'a BTreeMap<String, String>,
    pub(super) known: &'a Known,
}

/// How many fields are looked at to say whether messages are alike. Beyond it none are.
const MOST_COMPARED: usize = 4_000_000;

/// What was found out of pairs of types: one may be used in many places.
#[derive(Debug, Default)]
pub(super) struct Known {
    answers: RefCell<HashMap<(Question, String, String), bool>>,
    /// How many fields were looked at.
    compared: Cell<usize>,
}

/// What is asked of two types, one of each side, always in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Question {
    Alike(Likeness),
    AlikeEnums(Likeness),
    NewHoldsOld,
    OldHoldsNew,
    NamesKept,
}

impl Known {
    fn ask(&self, question: Question, one: &str, two: &str, answer: impl FnOnce() -> bool) -> bool {
        let key = (question, one.to_owned(), two.to_owned());
        if let Some(known) = self.answers.borrow().get(&key) {
            return *known;
        }
        let found = answer();
        self.answers.borrow_mut().insert(key, found);
        found
    }
}

/// What two messages have to have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Likeness {
    Wire,
    Json,
}

impl<'a> Sides<'a> {
    /// What a thing of the old side is called on the new one.
    pub(super) fn now<'b>(&self, name: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.renamed.get(name).map_or(name, String::as_str)
    }

    /// Whether two types are the same one.
    pub(super) fn same(&self, old: &Kind, new: &Kind) -> bool {
        match (old, new) {
            (Kind::Enum(one), Kind::Enum(two))
            | (Kind::Message(one), Kind::Message(two))
            | (Kind::Group(one), Kind::Group(two)) => self.now(one) == two,
            (Kind::Map(key, value), Kind::Map(other_key, other)) => {
                key == other_key && self.same(value, other)
            }
            _ => old == new,
        }
    }

    /// Whether two types are the same one to code, which does not see how messages are written.
    pub(super) fn same_code(&self, old: &Kind, new: &Kind) -> bool {
        match (old.message(), new.message()) {
            (Some(one), Some(two)) => self.now(one) == two,
            _ => self.same(old, new),
        }
    }

    /// Whether the new type of a field holds each value of the old one as itself.
    pub(super) fn new_holds_old(&self, old: &Kind, new: &Kind) -> bool {
        self.holds(Question::NewHoldsOld, (self.new, new), (self.old, old))
    }

    /// Whether the old type of a field holds each value of the new one as itself.
    pub(super) fn old_holds_new(&self, old: &Kind, new: &Kind) -> bool {
        self.holds(Question::OldHoldsNew, (self.old, old), (self.new, new))
    }

    /// Whether a new enum has all names of an old one.
    pub(super) fn names_kept(&self, old: &str, new: &str) -> bool {
        let enums = (self.old.enums.get(old), self.new.enums.get(new));
        let (Some(one), Some(two)) = enums else {
            return old == new;
        };
        self.known.ask(Question::NamesKept, old, new, || {
            one.names.keys().all(|it| two.names.contains_key(it))
        })
    }

    fn holds(&self, question: Question, reader: (&Model, &Kind), writer: (&Model, &Kind)) -> bool {
        use Simple::{Bool, Bytes, Int32, Int64, Sint32, Sint64, String, Uint32, Uint64};
        match (reader.1, writer.1) {
            (Kind::Simple(reader), Kind::Simple(writer)) => {
                reader == writer
                    || matches!(
                        (reader, writer),
                        (Int64, Int32 | Uint32 | Bool)
                            | (Int32 | Uint32, Bool)
                            | (Uint64, Uint32 | Bool)
                            | (Sint64, Sint32)
                            | (Bytes, String)
                    )
            }
            (Kind::Simple(reader), Kind::Enum(_)) => matches!(reader, Int32 | Int64),
            (Kind::Simple(reader), Kind::Message(_)) => *reader == Bytes,
            // An open enum keeps what it does not know.
            (Kind::Enum(name), Kind::Simple(writer)) => {
                let open = reader.0.enums.get(name).is_some_and(|it| !it.closed.0);
                open && matches!(writer, Int32 | Bool)
            }
            (Kind::Enum(first), Kind::Enum(second)) => {
                let enums = (reader.0.enums.get(first), writer.0.enums.get(second));
                let (Some(one), Some(two)) = enums else {
                    return first == second;
                };
                // A number that has no name of those that it had means something else.
                self.known.ask(question, first, second, || {
                    let known = one.numbers();
                    two.numbers().into_iter().all(|(number, names)| {
                        let mut values = names.iter().filter_map(|it| one.value(&it.name));
                        if known.contains_key(&number) {
                            values.any(|it| it.number == number)
                        } else {
                            !one.closed.0
                        }
                    })
                })
            }
            _ => false,
        }
    }

    /// Whether two messages are made of the same fields, and those they hold likewise.
    pub(super) fn alike(&self, old: &str, new: &str, by: Likeness) -> bool {
        let question = Question::Alike(by);
        self.known
            .ask(question, old, new, || self.made_alike(old, new, by))
    }

    fn made_alike(&self, old: &str, new: &str, by: Likeness) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![(old.to_owned(), new.to_owned())];
        while let Some(pair) = waiting.pop() {
            if !seen.insert(pair.clone()) {
                continue;
            }
            let messages = (
                self.old.messages.get(&pair.0),
                self.new.messages.get(&pair.1),
            );
            let (Some(one), Some(two)) = messages else {
                // Files that every compiler brings along are the same on both sides.
                if messages.0.is_none() && messages.1.is_none() && pair.0 == pair.1 {
                    continue;
                }
                return false;
            };
            if one.fields.len() != two.fields.len() || one.set != two.set {
                return false;
            }
            let compared = self.known.compared.get() + one.fields.len();
            self.known.compared.set(compared);
            if compared > MOST_COMPARED {
                return false;
            }
            for (number, first) in &one.fields {
                let Some(second) = two.fields.get(number) else {
                    return false;
                };
                let named = by == Likeness::Wire || first.json == second.json;
                let clear = first.oneof.is_some() == second.oneof.is_some();
                if !named || first.often != second.often || !clear {
                    return false;
                }
                if !self.alike_kinds(&first.kind, &second.kind, by, &mut waiting) {
                    return false;
                }
            }
        }
        true
    }

    fn alike_kinds(
        &self,
        old: &Kind,
        new: &Kind,
        by: Likeness,
        waiting: &mut Vec<(String, String)>,
    ) -> bool {
        // JSON does not know how messages are written.
        if let (Some(one), Some(two)) = (old.message(), new.message())
            && (by == Likeness::Json || old.way() == new.way())
        {
            waiting.push((one.clone(), two.clone()));
            return true;
        }
        match (old, new) {
            (Kind::Enum(one), Kind::Enum(two)) => {
                let (Some(first), Some(second)) =
                    (self.old.enums.get(one), self.new.enums.get(two))
                else {
                    return one == two;
                };
                let question = Question::AlikeEnums(by);
                let named = by == Likeness::Json;
                let values = |it: &super::model::Enum| -> BTreeSet<(i64, String)> {
                    let all = it.values.iter();
                    let name = |it: &super::model::Value| {
                        if named {
                            it.name.clone()
                        } else {
                            String::new()
                        }
                    };
                    all.map(|it| (it.number, name(it))).collect()
                };
                self.known.ask(question, one, two, || {
                    first.closed.0 == second.closed.0 && values(first) == values(second)
                })
            }
            (Kind::Map(key, value), Kind::Map(other_key, other)) => {
                key == other_key && self.alike_kinds(value, other, by, waiting)
            }
            _ => old == new,
        }
    }
}
