//! Avro schemas as types: names resolved, so that a type may hold itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::bundle::Bundle;
use crate::contract::document::{Arena, NodeId, Unreadable, Value};

/// A place among the types of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TypeId(usize);

/// What a type is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// One of those with a name that is reserved.
    Simple(&'static str),
    Record(Vec<Field>),
    Enum {
        symbols: Vec<(String, NodeId)>,
        default: Option<String>,
    },
    Fixed(String),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) kind: TypeId,
    pub(super) default: Option<NodeId>,
    pub(super) at: NodeId,
}

/// A type where it is written down.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) kind: Kind,
    /// With its namespace.
    pub(super) name: Option<String>,
    pub(super) aliases: Vec<String>,
    /// What its values mean: the logical type with its parameters.
    pub(super) logical: Option<String>,
    pub(super) at: NodeId,
}

/// The types of a schema.
#[derive(Debug)]
pub(super) struct Types<'a> {
    pub(super) arena: &'a Arena,
    types: Vec<Type>,
    names: BTreeMap<String, TypeId>,
    pub(super) root: TypeId,
}

const SIMPLE: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

impl<'a> Types<'a> {
    pub(super) fn read(bundle: &'a Bundle) -> Result<Self, Unreadable> {
        let mut types = Self {
            arena: &bundle.arena,
            types: Vec::new(),
            names: BTreeMap::new(),
            root: TypeId(0),
        };
        types.root = types.schema(bundle.root, "")?;
        Ok(types)
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }

    fn wrong(&self, at: NodeId, reason: impl Into<String>) -> Unreadable {
        let reason: String = reason.into();
        Unreadable::OtherKind {
            file: self.arena.file(at).to_owned(),
            wanted: "Avro schema",
            reason: format!("line {}: {reason}", self.arena.line(at)),
        }
    }

    fn push(&mut self, kind: Kind, at: NodeId) -> TypeId {
        self.types.push(Type {
            kind,
            name: None,
            aliases: Vec::new(),
            logical: None,
            at,
        });
        TypeId(self.types.len() - 1)
    }

    fn schema(&mut self, at: NodeId, namespace: &str) -> Result<TypeId, Unreadable> {
        match self.arena.value(at) {
            Value::String(name) => self.named(name, at, namespace),
            Value::Array(items) => {
                let mut branches = Vec::new();
                let mut seen = BTreeSet::new();
                for item in items {
                    let branch = self.schema(*item, namespace)?;
                    let kind = self.get(branch);
                    // By the specification; otherwise nobody could tell which branch was written.
                    let said = match &kind.kind {
                        Kind::Union(_) if kind.name.is_none() => {
                            return Err(self.wrong(*item, "a union holds no other union"));
                        }
                        Kind::Simple(name) => (*name).to_owned(),
                        Kind::Array(_) => "array".to_owned(),
                        Kind::Map(_) => "map".to_owned(),
                        _ => format!("type {branch:?}"),
                    };
                    if !seen.insert(said) {
                        return Err(self.wrong(*item, "a union holds each type once"));
                    }
                    branches.push(branch);
                }
                Ok(self.push(Kind::Union(branches), at))
            }
            Value::Object(_) => self.complex(at, namespace),
            _ => Err(self.wrong(at, "a type is a name, an object or a list")),
        }
    }

    fn named(&mut self, name: &str, at: NodeId, namespace: &str) -> Result<TypeId, Unreadable> {
        if let Some(simple) = SIMPLE.into_iter().find(|it| *it == name) {
            return Ok(self.push(Kind::Simple(simple), at));
        }
        let full = full(name, namespace);
        let found = self.names.get(&full).or_else(|| self.names.get(name));
        found
            .copied()
            .ok_or_else(|| self.wrong(at, format!("no type `{full}` is defined before it is used")))
    }

    fn complex(&mut self, at: NodeId, namespace: &str) -> Result<TypeId, Unreadable> {
        let arena = self.arena;
        let Some(kind) = arena.get(at, "type") else {
            return Err(self.wrong(at, "`type` is missing"));
        };
        let Some(kind) = arena.text(kind) else {
            // A type may be wrapped in another object, or be a union there.
            return self.schema(kind, namespace);
        };
        match kind {
            "record" | "error" => {
                self.definition(at, namespace, |it, namespace| it.record(at, namespace))
            }
            "enum" => self.definition(at, namespace, |it, _| {
                let listed = arena.get(at, "symbols").and_then(|it| arena.array(it));
                let listed = listed.ok_or_else(|| it.wrong(at, "an enum lists its `symbols`"))?;
                let symbols = listed
                    .iter()
                    .filter_map(|it| Some((arena.text(*it)?.to_owned(), *it)));
                Ok(Kind::Enum {
                    symbols: symbols.collect(),
                    default: arena.get_text(at, "default").map(str::to_owned),
                })
            }),
            "fixed" => self.definition(at, namespace, |it, _| match arena.get(at, "size") {
                Some(size) => Ok(Kind::Fixed(arena.canonical(size))),
                None => Err(it.wrong(at, "a fixed type has a `size`")),
            }),
            "array" | "map" => {
                let key = if kind == "array" { "items" } else { "values" };
                let Some(inner) = arena.get(at, key) else {
                    return Err(self.wrong(at, format!("`{key}` is missing")));
                };
                let inner = self.schema(inner, namespace)?;
                let kind = if kind == "array" {
                    Kind::Array(inner)
                } else {
                    Kind::Map(inner)
                };
                Ok(self.push(kind, at))
            }
            name => {
                let id = self.named(name, at, namespace)?;
                if SIMPLE.contains(&name) {
                    self.types[id.0].logical = self.logical(at);
                }
                Ok(id)
            }
        }
    }

    fn definition(
        &mut self,
        at: NodeId,
        namespace: &str,
        kind: impl FnOnce(&mut Self, &str) -> Result<Kind, Unreadable>,
    ) -> Result<TypeId, Unreadable> {
        let arena = self.arena;
        let Some(name) = arena.get_text(at, "name") else {
            return Err(self.wrong(at, "a named type has a `name`"));
        };
        let own = arena.get_text(at, "namespace").unwrap_or(namespace);
        let name = full(name, own);
        let inner = name.rsplit_once('.').map_or("", |(it, _)| it).to_owned();
        if self.names.contains_key(&name) {
            return Err(self.wrong(at, format!("the type `{name}` is defined twice")));
        }
        // The name is known within its own definition.
        let id = self.push(Kind::Union(Vec::new()), at);
        self.types[id.0].name = Some(name.clone());
        self.names.insert(name.clone(), id);
        let kind = kind(self, &inner)?;
        let aliases = aliases(arena, at);
        let logical = self.logical(at);
        let kind_of = &mut self.types[id.0];
        kind_of.kind = kind;
        kind_of.aliases = aliases.iter().map(|it| full(it, &inner)).collect();
        kind_of.logical = logical;
        Ok(id)
    }

    fn record(&mut self, at: NodeId, namespace: &str) -> Result<Kind, Unreadable> {
        let arena = self.arena;
        let listed = arena.get(at, "fields").and_then(|it| arena.array(it));
        let Some(listed) = listed else {
            return Err(self.wrong(at, "a record lists its `fields`"));
        };
        let mut fields = Vec::new();
        for field in listed {
            let (name, kind) = (arena.get_text(*field, "name"), arena.get(*field, "type"));
            let (Some(name), Some(kind)) = (name, kind) else {
                return Err(self.wrong(*field, "a field has a `name` and a `type`"));
            };
            fields.push(Field {
                name: name.to_owned(),
                aliases: aliases(arena, *field),
                kind: self.schema(kind, namespace)?,
                default: arena.get(*field, "default"),
                at: *field,
            });
        }
        Ok(Kind::Record(fields))
    }

    fn logical(&self, at: NodeId) -> Option<String> {
        let name = self.arena.get_text(at, "logicalType")?;
        let parameters = ["precision", "scale"].map(|it| {
            let value = self.arena.get(at, it);
            value.map_or_else(String::new, |it| format!(" {}", self.arena.short(it)))
        });
        Some(format!("{name}{}", parameters.concat()))
    }
}

fn aliases(arena: &Arena, at: NodeId) -> Vec<String> {
    let listed = arena.get(at, "aliases").and_then(|it| arena.array(it));
    let listed = listed.unwrap_or_default().iter();
    listed
        .filter_map(|it| arena.text(*it))
        .map(str::to_owned)
        .collect()
}

/// A name with its namespace.
fn full(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

/// A name without its namespace.
pub(super) fn plain(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, it)| it)
}
