//! Sets of the types that a value may have.

use std::fmt;

use crate::contract::document::{Arena, NodeId, Value};

/// A set of types. Numbers are whole or broken, so that `integer` lies within `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const WHOLE: Self = Self(4);
    pub(crate) const BROKEN: Self = Self(8);
    pub(crate) const NUMBER: Self = Self(4 | 8);
    pub(crate) const STRING: Self = Self(16);
    pub(crate) const ARRAY: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);
    pub(crate) const ALL: Self = Self(127);

    /// The parts that schemas tell apart, numbers in one piece where both kinds are in it.
    pub(crate) fn parts(self) -> impl Iterator<Item = Self> {
        let numbers = self.and(Self::NUMBER);
        [
            Self::NULL,
            Self::BOOLEAN,
            numbers,
            Self::STRING,
            Self::ARRAY,
            Self::OBJECT,
        ]
        .into_iter()
        .filter(move |it| !it.is_empty() && self.and(*it) == *it)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, other: Self) -> bool {
        !self.and(other).is_empty()
    }

    /// The type of a value.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(it) if it.is_whole() => Self::WHOLE,
            Value::Number(_) => Self::BROKEN,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// The set that the keyword `type` names. What is no type is not looked at.
    pub(crate) fn named(arena: &Arena, id: NodeId) -> Self {
        let names: Vec<&str> = match arena.value(id) {
            Value::String(name) => vec![name],
            Value::Array(items) => items.iter().filter_map(|it| arena.text(*it)).collect(),
            _ => return Self::ALL,
        };
        let mut types = Self::NONE;
        for name in names {
            types = types.or(match name {
                "null" => Self::NULL,
                "boolean" => Self::BOOLEAN,
                "integer" => Self::WHOLE,
                "number" => Self::NUMBER,
                "string" | "file" => Self::STRING,
                "array" => Self::ARRAY,
                "object" => Self::OBJECT,
                _ => Self::ALL,
            });
        }
        types
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("any");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        for (at, part) in self.parts().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(match part {
                Self::NULL => "null",
                Self::BOOLEAN => "boolean",
                Self::WHOLE => "integer",
                Self::BROKEN => "number with a fraction",
                Self::NUMBER => "number",
                Self::STRING => "string",
                Self::ARRAY => "array",
                _ => "object",
            })?;
        }
        Ok(())
    }
}
