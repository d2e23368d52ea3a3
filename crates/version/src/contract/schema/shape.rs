//! What the parts of a schema demand together, keyword by keyword.

use std::collections::BTreeMap;

use super::normal::{Parts, anything};
use super::types::Types;
use crate::contract::decimal::Decimal;
use crate::contract::document::NodeId;

/// A bound of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Bound {
    Minimum,
    Maximum,
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
    MinProperties,
    MaxProperties,
}

impl Bound {
    pub(crate) const ALL: [Self; 8] = [
        Self::Minimum,
        Self::Maximum,
        Self::MinLength,
        Self::MaxLength,
        Self::MinItems,
        Self::MaxItems,
        Self::MinProperties,
        Self::MaxProperties,
    ];

    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::MinLength => "minLength",
            Self::MaxLength => "maxLength",
            Self::MinItems => "minItems",
            Self::MaxItems => "maxItems",
            Self::MinProperties => "minProperties",
            Self::MaxProperties => "maxProperties",
        }
    }

    pub(crate) fn types(self) -> Types {
        match self {
            Self::Minimum | Self::Maximum => Types::NUMBER,
            Self::MinLength | Self::MaxLength => Types::STRING,
            Self::MinItems | Self::MaxItems => Types::ARRAY,
            Self::MinProperties | Self::MaxProperties => Types::OBJECT,
        }
    }

    pub(crate) fn is_upper(self) -> bool {
        matches!(
            self,
            Self::Maximum | Self::MaxLength | Self::MaxItems | Self::MaxProperties
        )
    }
}

/// Where a bound lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) number: Decimal,
    /// Whether the number itself is outside.
    pub(crate) exclusive: bool,
    pub(crate) at: NodeId,
}

impl Limit {
    /// Whether it allows less than another limit of the same bound.
    pub(crate) fn is_tighter(&self, bound: Bound, than: &Self) -> bool {
        match self.number.cmp(&than.number) {
            std::cmp::Ordering::Equal => self.exclusive && !than.exclusive,
            std::cmp::Ordering::Less => bound.is_upper(),
            std::cmp::Ordering::Greater => !bound.is_upper(),
        }
    }
}

/// How often what an array must hold must be in it.
#[derive(Debug, Clone)]
pub(crate) struct Contains {
    pub(crate) item: Parts,
    pub(crate) least: Decimal,
    pub(crate) most: Option<Decimal>,
    pub(crate) at: NodeId,
}

/// `if`, `then` and `else`.
#[derive(Debug, Clone)]
pub(crate) struct Conditional {
    pub(crate) when: Parts,
    pub(crate) then: Parts,
    pub(crate) otherwise: Parts,
    pub(crate) at: NodeId,
}

/// What parts demand together.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Where it stands, for findings about it as a whole.
    pub(crate) at: NodeId,
    pub(crate) types: Types,
    /// The only values, by their canonical text.
    pub(crate) values: Option<BTreeMap<String, NodeId>>,
    pub(crate) open_values: BTreeMap<String, NodeId>,
    pub(crate) bounds: BTreeMap<Bound, Limit>,
    pub(crate) multiples: Vec<(Decimal, NodeId)>,
    pub(crate) patterns: BTreeMap<String, NodeId>,
    pub(crate) formats: BTreeMap<String, NodeId>,
    pub(crate) contents: BTreeMap<&'static str, NodeId>,
    pub(crate) properties: BTreeMap<String, Parts>,
    pub(crate) required: BTreeMap<String, NodeId>,
    pub(crate) additional: Parts,
    pub(crate) pattern_properties: BTreeMap<String, Parts>,
    pub(crate) names: Parts,
    pub(crate) dependent_required: BTreeMap<(String, String), NodeId>,
    pub(crate) dependent: BTreeMap<String, Parts>,
    pub(crate) prefix: Vec<Parts>,
    pub(crate) items: Parts,
    pub(crate) contains: Vec<Contains>,
    pub(crate) unique: Option<NodeId>,
    pub(crate) choices: bool,
    /// Whether exactly one of several alternatives has to hold.
    pub(crate) exclusive: bool,
    pub(crate) not: Vec<NodeId>,
    pub(crate) conditionals: Vec<Conditional>,
    pub(crate) default: Option<NodeId>,
    pub(crate) discriminator: Option<NodeId>,
    pub(crate) deprecated: Option<NodeId>,
    pub(crate) read_only: bool,
    pub(crate) write_only: bool,
    pub(crate) stability: Option<NodeId>,
    pub(crate) sunset: Option<NodeId>,
    /// References that lead nowhere, by their text.
    pub(crate) dangling: BTreeMap<String, NodeId>,
}

impl Shape {
    /// Whether nothing is demanded but a type.
    pub(crate) fn is_only(&self, types: Types) -> bool {
        let values = self.values.is_none() && self.bounds.is_empty() && self.multiples.is_empty();
        let texts = self.patterns.is_empty() && self.formats.is_empty() && self.contents.is_empty();
        let listed = self.properties.is_empty() && self.required.is_empty();
        let unlisted = self.additional.is_empty()
            && self.pattern_properties.is_empty()
            && self.names.is_empty();
        let depends = self.dependent_required.is_empty() && self.dependent.is_empty();
        let logic = !self.choices && self.not.is_empty() && self.conditionals.is_empty();
        let found = self.dangling.is_empty();
        self.types == types && values && texts && listed && unlisted && depends && logic && found
    }

    /// What demands nothing.
    pub(super) fn free(at: NodeId) -> Self {
        Self {
            at,
            types: Types::ALL,
            values: None,
            open_values: BTreeMap::new(),
            bounds: BTreeMap::new(),
            multiples: Vec::new(),
            patterns: BTreeMap::new(),
            formats: BTreeMap::new(),
            contents: BTreeMap::new(),
            properties: BTreeMap::new(),
            required: BTreeMap::new(),
            additional: anything(),
            pattern_properties: BTreeMap::new(),
            names: anything(),
            dependent_required: BTreeMap::new(),
            dependent: BTreeMap::new(),
            prefix: Vec::new(),
            items: anything(),
            contains: Vec::new(),
            unique: None,
            choices: false,
            exclusive: false,
            not: Vec::new(),
            conditionals: Vec::new(),
            default: None,
            discriminator: None,
            deprecated: None,
            read_only: false,
            write_only: false,
            stability: None,
            sunset: None,
            dangling: BTreeMap::new(),
        }
    }
}
