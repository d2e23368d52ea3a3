//! What old and new code share, and how code stands towards it.
//!
//! A change moves one surface from an `old` shape to a `new` one. On a *replicated* surface
//! (columns, tables, indexes) one fact may be stored in both shapes; on a *tagged* one (events,
//! messages, cached values, payloads) each fact has one shape and a reader must accept what it
//! meets. A *listed* surface is a tagged one whose store holds a list of the shapes that it takes,
//! such as the values of an enum.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::FlagName;

/// One of the two shapes of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The shape that the change leaves.
    Old,
    /// The shape that the change goes to.
    New,
}

impl Shape {
    /// Both shapes, old first.
    pub const ALL: [Shape; 2] = [Shape::Old, Shape::New];

    /// The opposite shape.
    pub const fn other(self) -> Shape {
        match self {
            Shape::Old => Shape::New,
            Shape::New => Shape::Old,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Shape::Old => "old",
            Shape::New => "new",
        })
    }
}

/// A set of shapes; in JSON a list, old first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(from = "Vec<Shape>", into = "Vec<Shape>")]
pub struct Shapes {
    old: bool,
    new: bool,
}

impl Shapes {
    /// No shape.
    pub const NONE: Shapes = Shapes {
        old: false,
        new: false,
    };
    /// Only the old shape.
    pub const OLD: Shapes = Shapes {
        old: true,
        new: false,
    };
    /// Only the new shape.
    pub const NEW: Shapes = Shapes {
        old: false,
        new: true,
    };
    /// Both shapes.
    pub const BOTH: Shapes = Shapes {
        old: true,
        new: true,
    };

    /// Whether `shape` is in the set.
    pub const fn has(self, shape: Shape) -> bool {
        match shape {
            Shape::Old => self.old,
            Shape::New => self.new,
        }
    }

    /// The set with `shape`.
    #[must_use]
    pub const fn with(self, shape: Shape) -> Shapes {
        match shape {
            Shape::Old => Shapes { old: true, ..self },
            Shape::New => Shapes { new: true, ..self },
        }
    }

    /// The set without `shape`.
    #[must_use]
    pub const fn without(self, shape: Shape) -> Shapes {
        match shape {
            Shape::Old => Shapes { old: false, ..self },
            Shape::New => Shapes { new: false, ..self },
        }
    }

    /// The shapes in either set.
    #[must_use]
    pub const fn union(self, other: Shapes) -> Shapes {
        Shapes {
            old: self.old || other.old,
            new: self.new || other.new,
        }
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        !self.old && !self.new
    }

    /// The shapes in the set, old first.
    pub fn iter(self) -> impl Iterator<Item = Shape> {
        Shape::ALL.into_iter().filter(move |shape| self.has(*shape))
    }
}

impl From<Vec<Shape>> for Shapes {
    fn from(list: Vec<Shape>) -> Shapes {
        list.into_iter().fold(Shapes::NONE, Shapes::with)
    }
}

impl From<Shapes> for Vec<Shape> {
    fn from(set: Shapes) -> Vec<Shape> {
        set.iter().collect()
    }
}

/// The kinds of surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One fact may be stored in both shapes.
    Replicated,
    /// Each fact has one shape.
    Tagged,
    /// Each fact has one shape, and what stores it takes only the shapes on a list that changes:
    /// the values of an enum, what a CHECK lets through.
    Listed,
}

/// Which way the database itself keeps the shapes of a replicated surface in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sync {
    /// It does not.
    None,
    /// What is written to the old shape reaches the new one.
    Forward,
    /// What is written to either shape reaches the other one.
    Both,
    /// What is written to the new shape reaches the old one: what the new shape holds includes what
    /// the old one does.
    Backward,
}

impl Sync {
    /// Whether a write to `from` reaches the other shape.
    pub const fn carries(self, from: Shape) -> bool {
        match (self, from) {
            (Sync::None, _) | (Sync::Forward, Shape::New) | (Sync::Backward, Shape::Old) => false,
            (Sync::Forward, Shape::Old) | (Sync::Backward, Shape::New) | (Sync::Both, _) => true,
        }
    }
}

/// What a participant reads of a replicated surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// Nothing: it only writes.
    Nothing,
    /// The old shape.
    Old,
    /// The new shape.
    New,
    /// The new shape where a fact has it, else the old one.
    NewElseOld,
}

/// How a participant stands towards one surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stance {
    /// Towards a replicated surface.
    Replicated {
        /// What it reads.
        reads: Reads,
        /// Every shape that each of its writes goes to.
        writes: Shapes,
    },
    /// Towards a tagged or a listed surface.
    Tagged {
        /// The shapes that it can read.
        accepts: Shapes,
        /// The shapes that it may write.
        emits: Shapes,
    },
}

impl Stance {
    /// Whether this stance is one towards a surface of that kind.
    pub const fn fits(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Stance::Replicated { .. }, Kind::Replicated)
                | (Stance::Tagged { .. }, Kind::Tagged | Kind::Listed)
        )
    }
}

/// A stance, or a choice of stances that a flag makes while the code runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Selectable {
    /// The flag's value selects the stance.
    ByFlag {
        /// The flag.
        flag: FlagName,
        /// The stance at each value of the flag.
        cases: BTreeMap<String, Stance>,
        /// The stance at every other value, or where the flag is not set.
        otherwise: Stance,
    },
    /// Always the same.
    Fixed(Stance),
}

impl Selectable {
    /// The stance where the flag has `value`.
    pub fn at(&self, value: Option<&str>) -> Stance {
        match self {
            Selectable::Fixed(stance) => *stance,
            Selectable::ByFlag {
                cases, otherwise, ..
            } => value
                .and_then(|value| cases.get(value))
                .copied()
                .unwrap_or(*otherwise),
        }
    }

    /// The flag that selects, if one does.
    pub const fn flag(&self) -> Option<&FlagName> {
        match self {
            Selectable::Fixed(_) => None,
            Selectable::ByFlag { flag, .. } => Some(flag),
        }
    }
}

impl From<Stance> for Selectable {
    fn from(stance: Stance) -> Self {
        Selectable::Fixed(stance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stances_keep_their_json_form() {
        let stance = Stance::Replicated {
            reads: Reads::NewElseOld,
            writes: Shapes::BOTH,
        };
        let json = r#"{"reads":"new-else-old","writes":["old","new"]}"#;
        assert_eq!(serde_json::to_string(&stance).unwrap(), json);
        assert_eq!(serde_json::from_str::<Stance>(json).unwrap(), stance);
        let tagged = r#"{"accepts":["old"],"emits":[]}"#;
        let read: Selectable = serde_json::from_str(tagged).unwrap();
        assert_eq!(
            read,
            Stance::Tagged {
                accepts: Shapes::OLD,
                emits: Shapes::NONE
            }
            .into()
        );
    }

    #[test]
    fn a_flag_selects_and_has_a_default() {
        let old = Stance::Replicated {
            reads: Reads::Old,
            writes: Shapes::BOTH,
        };
        let new = Stance::Replicated {
            reads: Reads::New,
            writes: Shapes::BOTH,
        };
        let choice = Selectable::ByFlag {
            flag: FlagName::new("read-email").unwrap(),
            cases: BTreeMap::from([("on".to_owned(), new)]),
            otherwise: old,
        };
        assert_eq!(choice.at(Some("on")), new);
        assert_eq!(choice.at(Some("off")), old);
        assert_eq!(choice.at(None), old);
        let json = serde_json::to_string(&choice).unwrap();
        assert_eq!(serde_json::from_str::<Selectable>(&json).unwrap(), choice);
    }
}
