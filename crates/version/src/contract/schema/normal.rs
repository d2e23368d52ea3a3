//! The normal form of a schema: what several schemas that hold together demand, keyword by keyword.
//!
//! A schema under comparison is a set of parts that all hold (a conjunction). References and `allOf`
//! put more parts into the set, so that it makes no difference how a schema is cut into pieces. What
//! lies below (properties, items) stays a set of parts and is taken apart when it is looked at, which
//! is why schemas may refer to themselves.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::shape::{Bound, Conditional, Contains, Limit, Shape};
use super::types::Types;
use crate::contract::bundle::Bundle;
use crate::contract::decimal::Decimal;
use crate::contract::document::{Arena, NodeId, Value};

/// How many alternatives a schema may have once its choices are multiplied out.
const MOST_ALTERNATIVES: usize = 256;

/// One of the parts that hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    /// A schema as it stands.
    Full(NodeId),
    /// Its own keywords; what it refers to stands beside it.
    Own(NodeId),
    /// Its own keywords without its choices, one of which stands beside it.
    Rest(NodeId),
    /// What nobody knows: the schema whose reference leads nowhere.
    Lost(NodeId),
    /// Nothing but a set of types.
    Only(Types),
}

/// Parts that hold together, sorted. No part at all allows everything.
pub(crate) type Parts = Rc<[Part]>;

/// What differs between the dialects of schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Whether keywords beside `$ref` count.
    pub(crate) siblings: bool,
    /// Whether `nullable` is a keyword.
    pub(crate) nullable: bool,
}

/// The schemas of one side.
pub(crate) struct Schemas<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) dialect: Dialect,
    shapes: RefCell<HashMap<(Parts, NodeId), Rc<Shape>>>,
    /// Whether any reference leads nowhere.
    dangles: bool,
}

/// Everything is allowed.
pub(crate) fn anything() -> Parts {
    Rc::from([])
}

/// Whether parts say at once that nothing is allowed.
pub(crate) fn is_nothing(arena: &Arena, parts: &[Part]) -> bool {
    parts.iter().any(|it| match it {
        Part::Only(types) => types.is_empty(),
        Part::Full(id) | Part::Own(id) | Part::Rest(id) => arena.bool(*id) == Some(false),
        Part::Lost(_) => false,
    })
}

pub(super) fn sorted(parts: impl IntoIterator<Item = Part>) -> Parts {
    let set: BTreeSet<Part> = parts.into_iter().collect();
    set.into_iter().collect()
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(bundle: &'a Bundle, dialect: Dialect) -> Self {
        Self {
            bundle,
            dialect,
            shapes: RefCell::default(),
            dangles: super::opened::any_lost(bundle),
        }
    }

    pub(crate) fn arena(&self) -> &'a Arena {
        &self.bundle.arena
    }

    /// Whether any reference of this side leads nowhere.
    pub(super) fn dangles(&self) -> bool {
        self.dangles
    }

    /// The parts of a schema that stands somewhere.
    pub(crate) fn parts(&self, id: NodeId) -> Parts {
        Rc::from([Part::Full(id)])
    }

    /// Parts with a set of types that must hold as well.
    pub(crate) fn only(&self, parts: &Parts, types: Types) -> Parts {
        sorted(parts.iter().copied().chain([Part::Only(types)]))
    }

    /// Choices multiplied out: the alternatives one of which holds. `None` where there are too many.
    pub(crate) fn alternatives(&self, parts: &[Part]) -> Option<Vec<Parts>> {
        let arena = self.arena();
        let mut base = BTreeSet::new();
        let mut choices: Vec<&[NodeId]> = Vec::new();
        for part in self.key(parts).iter() {
            let Part::Own(id) = *part else {
                base.insert(*part);
                continue;
            };
            let mut own = part;
            let rest = Part::Rest(id);
            for key in ["anyOf", "oneOf"] {
                let branches = arena.get(id, key).and_then(|it| arena.array(it));
                if let Some(branches) = branches.filter(|it| it.len() > 1) {
                    choices.push(branches);
                    own = &rest;
                }
            }
            base.insert(*own);
        }
        let mut out = vec![base];
        for branches in choices {
            if out.len() * branches.len() > MOST_ALTERNATIVES {
                return None;
            }
            let with = |set: &BTreeSet<Part>, branch: NodeId| {
                let mut set = set.clone();
                set.insert(Part::Full(branch));
                set
            };
            out = out
                .iter()
                .flat_map(|set| branches.iter().map(move |it| with(set, *it)))
                .collect();
        }
        Some(out.into_iter().map(|it| it.into_iter().collect()).collect())
    }

    /// What parts demand together. `at` is where they stand, should they stand nowhere themselves.
    pub(crate) fn shape(&self, parts: &Parts, at: NodeId) -> Rc<Shape> {
        let key = (Rc::clone(parts), at);
        if let Some(shape) = self.shapes.borrow().get(&key) {
            return Rc::clone(shape);
        }
        let shape = Rc::new(self.build(parts, at));
        self.shapes.borrow_mut().insert(key, Rc::clone(&shape));
        shape
    }

    fn build(&self, parts: &[Part], at: NodeId) -> Shape {
        let opened = self.key(parts);
        let first = parts.iter().find_map(|it| match it {
            Part::Full(id) | Part::Own(id) | Part::Rest(id) | Part::Lost(id) => Some(*id),
            Part::Only(_) => None,
        });
        // What stands furthest down is the most telling place: a branch rather than its base.
        let full = parts.iter().rev().find_map(|it| match it {
            Part::Full(id) => Some(*id),
            _ => None,
        });
        // A component is shown where it is written down, not where it is used first.
        let mut shape = Shape::free(
            full.or(first)
                .map_or(at, |it| self.bundle.resolve(it).unwrap_or(it)),
        );
        shape.dangling = self.lost(&opened);
        let mut nodes = Vec::new();
        for part in opened.iter() {
            match *part {
                Part::Only(types) => shape.types = shape.types.and(types),
                Part::Own(id) => {
                    shape.choices |= self.has_choices(id, &["anyOf", "oneOf"]);
                    shape.exclusive |= self.has_choices(id, &["oneOf"]);
                    nodes.push(id);
                }
                Part::Rest(id) | Part::Full(id) => nodes.push(id),
                Part::Lost(_) => {}
            }
        }
        let mut null = false;
        for id in &nodes {
            null |= self.simple(*id, &mut shape);
        }
        if null {
            shape.types = shape.types.or(Types::NULL);
        }
        self.objects(&nodes, &mut shape);
        self.arrays(&nodes, &mut shape);
        shape
    }

    fn has_choices(&self, id: NodeId, keys: &[&str]) -> bool {
        let arena = self.arena();
        keys.iter().any(|key| {
            let branches = arena.get(id, key).and_then(|it| arena.array(it));
            branches.is_some_and(|it| it.len() > 1)
        })
    }

    /// The keywords of one schema that say nothing about what lies below. Says whether null is
    /// allowed whatever the schemas beside say.
    fn simple(&self, id: NodeId, shape: &mut Shape) -> bool {
        let arena = self.arena();
        let Some(members) = arena.object(id) else {
            return false;
        };
        let nullable = self.dialect.nullable && arena.is_true(id, "nullable");
        let mut null = false;
        for (key, value) in members {
            let value = *value;
            match key.as_str() {
                "type" => {
                    let mut types = Types::named(arena, value);
                    if nullable {
                        types = types.or(Types::NULL);
                    }
                    shape.types = shape.types.and(types);
                }
                "enum" => {
                    let mut values: BTreeMap<String, NodeId> = BTreeMap::new();
                    for item in arena.array(value).unwrap_or_default() {
                        values.insert(arena.canonical(*item), *item);
                    }
                    if nullable {
                        values.entry("null".to_owned()).or_insert(value);
                    }
                    narrow(&mut shape.values, values);
                }
                "const" => {
                    let values = BTreeMap::from([(arena.canonical(value), value)]);
                    narrow(&mut shape.values, values);
                }
                "x-extensible-enum" => {
                    for item in arena.array(value).unwrap_or_default() {
                        shape.open_values.insert(arena.canonical(*item), *item);
                    }
                }
                "multipleOf" | "divisibleBy" => {
                    if let Value::Number(number) = arena.value(value) {
                        shape.multiples.push((number.clone(), value));
                    }
                }
                "pattern" => {
                    let pattern = arena.text(value).unwrap_or_default();
                    if !["", ".*", "^.*$", "^.*", ".*$"].contains(&pattern) {
                        shape.patterns.insert(pattern.to_owned(), value);
                    }
                }
                "format" => {
                    if let Some(format) = arena.text(value) {
                        shape.formats.insert(format.to_owned(), value);
                    }
                }
                "contentMediaType" => drop(shape.contents.insert("contentMediaType", value)),
                "contentEncoding" => drop(shape.contents.insert("contentEncoding", value)),
                "contentSchema" => drop(shape.contents.insert("contentSchema", value)),
                "not" => shape.not.push(value),
                "default" => {
                    // Of several the same one counts, whatever order they stand in.
                    let other = shape
                        .default
                        .filter(|it| arena.canonical(*it) <= arena.canonical(value));
                    shape.default = other.or(Some(value));
                }
                "discriminator" => shape.discriminator = Some(value),
                "deprecated" if arena.bool(value) == Some(true) => shape.deprecated = Some(value),
                "readOnly" => shape.read_only |= arena.bool(value) == Some(true),
                "writeOnly" => shape.write_only |= arena.bool(value) == Some(true),
                "x-stability-level" => shape.stability = Some(value),
                "x-sunset" => shape.sunset = Some(value),
                "if" => {
                    let branch = |key| {
                        arena
                            .get(id, key)
                            .map_or_else(anything, |it| self.parts(it))
                    };
                    shape.conditionals.push(Conditional {
                        when: self.parts(value),
                        then: branch("then"),
                        otherwise: branch("else"),
                        at: value,
                    });
                }
                "allOf" | "anyOf" | "oneOf" if nullable && !members.contains_key("type") => {
                    null = true;
                }
                _ => {}
            }
        }
        for bound in Bound::ALL {
            self.bound(id, bound, shape);
        }
        null
    }

    fn bound(&self, id: NodeId, bound: Bound, shape: &mut Shape) {
        let arena = self.arena();
        let number = |key| {
            let at = arena.get(id, key)?;
            match arena.value(at) {
                Value::Number(number) => Some((number.clone(), at)),
                _ => None,
            }
        };
        let exclusive = match bound {
            Bound::Minimum => Some("exclusiveMinimum"),
            Bound::Maximum => Some("exclusiveMaximum"),
            _ => None,
        };
        // Draft 4 says with a boolean beside the number what later drafts say with a number.
        let flag = exclusive.is_some_and(|it| arena.is_true(id, it));
        let plain = number(bound.keyword()).map(|(number, at)| (number, flag, at));
        let own = exclusive
            .and_then(number)
            .map(|(number, at)| (number, true, at));
        for (number, exclusive, at) in [plain, own].into_iter().flatten() {
            let counts = !matches!(bound, Bound::Minimum | Bound::Maximum);
            if counts && !bound.is_upper() && number <= Decimal::zero() {
                continue;
            }
            let limit = Limit {
                number,
                exclusive,
                at,
            };
            match shape.bounds.get(&bound) {
                Some(other) if !limit.is_tighter(bound, other) => {}
                _ => drop(shape.bounds.insert(bound, limit)),
            }
        }
    }

    fn objects(&self, nodes: &[NodeId], shape: &mut Shape) {
        let arena = self.arena();
        let members = |id: NodeId, key: &str| {
            let at = arena.get(id, key)?;
            arena.object(at)
        };
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for id in nodes {
            let listed = members(*id, "properties").into_iter().flatten();
            names.extend(listed.map(|(name, _)| name.as_str()));
            let required = arena.get(*id, "required").and_then(|it| arena.array(it));
            for item in required.unwrap_or_default() {
                if let Some(name) = arena.text(*item) {
                    shape.required.insert(name.to_owned(), *item);
                }
            }
        }
        let listed: Vec<String> = names.into_iter().map(str::to_owned).collect();
        for name in listed {
            let parts = self.named(nodes, &name, true);
            shape.properties.insert(name, parts);
        }
        let mut additional = Vec::new();
        let mut all_names = Vec::new();
        for id in nodes {
            for key in ["additionalProperties", "unevaluatedProperties"] {
                additional.extend(arena.get(*id, key).map(Part::Full));
            }
            all_names.extend(arena.get(*id, "propertyNames").map(Part::Full));
            for (pattern, child) in members(*id, "patternProperties").into_iter().flatten() {
                let old = shape.pattern_properties.get(pattern).cloned();
                let parts = old.iter().flat_map(|it| it.iter().copied());
                let parts = sorted(parts.chain([Part::Full(*child)]));
                shape.pattern_properties.insert(pattern.clone(), parts);
            }
            for key in ["dependencies", "dependentRequired", "dependentSchemas"] {
                for (name, child) in members(*id, key).into_iter().flatten() {
                    match arena.value(*child) {
                        Value::Array(items) => {
                            for item in items {
                                let needed = arena.text(*item).unwrap_or_default().to_owned();
                                let pair = (name.clone(), needed);
                                shape.dependent_required.insert(pair, *item);
                            }
                        }
                        _ => {
                            let old = shape.dependent.get(name).cloned();
                            let parts = old.iter().flat_map(|it| it.iter().copied());
                            let parts = sorted(parts.chain([Part::Full(*child)]));
                            shape.dependent.insert(name.clone(), parts);
                        }
                    }
                }
            }
        }
        shape.additional = sorted(self.filtered(additional));
        shape.names = sorted(self.filtered(all_names));
    }

    /// What holds for a property with this name: of each schema what it lists under the name, what it
    /// says about names like it, or what it says about all others.
    pub(crate) fn named(&self, nodes: &[NodeId], name: &str, listed: bool) -> Parts {
        let arena = self.arena();
        let mut parts = Vec::new();
        for id in nodes {
            let child = arena
                .get(*id, "properties")
                .and_then(|it| arena.get(it, name));
            parts.extend(child.map(Part::Full));
            let mut evaluated = child.is_some();
            let patterns = arena
                .get(*id, "patternProperties")
                .and_then(|it| arena.object(it));
            for (pattern, child) in patterns.into_iter().flatten() {
                if matches(pattern, name) == Some(true) {
                    parts.push(Part::Full(*child));
                    evaluated = true;
                }
            }
            if !evaluated {
                parts.extend(arena.get(*id, "additionalProperties").map(Part::Full));
                if !listed {
                    parts.extend(arena.get(*id, "unevaluatedProperties").map(Part::Full));
                }
            }
        }
        sorted(self.filtered(parts))
    }

    /// What holds for a property that a shape does not list.
    pub(crate) fn unlisted(&self, parts: &[Part], name: &str) -> Parts {
        let nodes: Vec<NodeId> = self
            .key(parts)
            .iter()
            .filter_map(|it| match it {
                Part::Own(id) | Part::Rest(id) | Part::Full(id) => Some(*id),
                Part::Only(_) | Part::Lost(_) => None,
            })
            .collect();
        self.named(&nodes, name, false)
    }

    fn arrays(&self, nodes: &[NodeId], shape: &mut Shape) {
        let arena = self.arena();
        let number = |id: NodeId, key: &str| match arena.value(arena.get(id, key)?) {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        };
        // Of each schema: what it says of the first items, and of all others.
        let mut tuples: Vec<(&[NodeId], Vec<NodeId>)> = Vec::new();
        for id in nodes {
            let items = arena.get(*id, "items");
            let (first, rest) = match items.and_then(|it| arena.array(it)) {
                Some(first) => (first, arena.get(*id, "additionalItems")),
                None => {
                    let first = arena.get(*id, "prefixItems").and_then(|it| arena.array(it));
                    (first.unwrap_or_default(), items)
                }
            };
            let rest = rest.into_iter().chain(arena.get(*id, "unevaluatedItems"));
            tuples.push((first, rest.collect()));
            if let Some(at) = arena.get(*id, "contains") {
                let least = number(*id, "minContains");
                let least = least
                    .or_else(|| Decimal::parse("1"))
                    .unwrap_or_else(Decimal::zero);
                let most = number(*id, "maxContains");
                if least > Decimal::zero() || most.is_some() {
                    shape.contains.push(Contains {
                        item: self.parts(at),
                        least,
                        most,
                        at,
                    });
                }
            }
            if arena.is_true(*id, "uniqueItems") {
                shape.unique = arena.get(*id, "uniqueItems");
            }
        }
        let longest = tuples
            .iter()
            .map(|(first, _)| first.len())
            .max()
            .unwrap_or(0);
        for at in 0..longest {
            let parts = tuples.iter().flat_map(|(first, rest)| match first.get(at) {
                Some(child) => vec![Part::Full(*child)],
                None => rest.iter().map(|it| Part::Full(*it)).collect(),
            });
            shape.prefix.push(sorted(self.filtered(parts)));
        }
        let rest = tuples
            .iter()
            .flat_map(|(_, rest)| rest.iter().map(|it| Part::Full(*it)));
        shape.items = sorted(self.filtered(rest));
    }

    /// Without schemas that allow everything.
    fn filtered(&self, parts: impl IntoIterator<Item = Part>) -> Vec<Part> {
        let arena = self.arena();
        let says = |it: &Part| match it {
            Part::Full(id) => match arena.value(*id) {
                Value::Bool(it) => !it,
                Value::Object(members) => !members.is_empty(),
                _ => false,
            },
            _ => true,
        };
        parts.into_iter().filter(says).collect()
    }
}

fn narrow(values: &mut Option<BTreeMap<String, NodeId>>, other: BTreeMap<String, NodeId>) {
    match values {
        Some(values) => values.retain(|key, _| other.contains_key(key)),
        None => *values = Some(other),
    }
}

/// Whether a name matches a pattern. `None` where the pattern is more than a text with anchors.
fn matches(pattern: &str, name: &str) -> Option<bool> {
    if ["", ".*", "^.*$", "^.*", ".*$", ".+", "^.+$"].contains(&pattern) {
        return Some(true);
    }
    let (start, rest) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (end, text) = match rest.strip_suffix('$') {
        Some(text) => (true, text),
        None => (false, rest),
    };
    let plain = |it: char| it.is_alphanumeric() || "_-/: ".contains(it);
    if !text.chars().all(plain) {
        return None;
    }
    Some(match (start, end) {
        (true, true) => name == text,
        (true, false) => name.starts_with(text),
        (false, true) => name.ends_with(text),
        (false, false) => name.contains(text),
    })
}
