//! Avro, with an implementation of it as the judge: schemas and edits of them that chance draws, data
//! written by one of the two, read by the other.
//!
//! Where nothing breaks by our rules, `apache-avro` reads whatever is written; where it says that not
//! everything can be read, we find a break, and the other way round. Types are left out that it judges
//! in another way than the specification: aliases, which it does not look at when it reads, and types
//! that are referred to by name.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, HashMap};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde_json::json;
use switchback_version::Level;
use switchback_version::contract::{
    Certainty, Contract, Direction, Finding, Options, Surface, diff, floor,
};

const SIMPLE: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];
const SYMBOLS: [&str; 4] = ["A", "B", "C", "D"];

/// A schema. Named types are called by their kind and where they stand, so that one that stays where
/// it is keeps its name.
#[derive(Debug, Clone)]
enum Type {
    Simple(&'static str),
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    Record(BTreeMap<&'static str, Field>),
    Enum {
        symbols: Vec<&'static str>,
        default: bool,
    },
    Fixed(usize),
}

#[derive(Debug, Clone)]
struct Field {
    kind: Type,
    default: bool,
}

/// Numbers that chance drew, over and over.
struct Chance<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>);

impl<'a> Chance<'a> {
    fn new(numbers: &'a [u8]) -> Self {
        Self(numbers.iter().cycle())
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(*self.0.next().unwrap()) % end
    }
}

impl Type {
    /// What of a union can be told apart.
    fn kind(&self) -> &'static str {
        match self {
            Self::Simple(name) => name,
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum { .. } => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    fn json(&self, path: &str) -> serde_json::Value {
        match self {
            Self::Simple(name) => json!(name),
            Self::Array(items) => {
                json!({"type": "array", "items": items.json(&format!("{path}i"))})
            }
            Self::Map(values) => json!({"type": "map", "values": values.json(&format!("{path}m"))}),
            Self::Union(branches) => branches.iter().map(|it| it.json(path)).collect(),
            Self::Record(fields) => {
                let fields = fields.iter().map(|(name, it)| {
                    let mut field =
                        json!({"name": name, "type": it.kind.json(&format!("{path}{name}"))});
                    if it.default {
                        field["default"] = it.kind.default_value();
                    }
                    field
                });
                let fields: Vec<_> = fields.collect();
                json!({"type": "record", "name": format!("R{path}"), "fields": fields})
            }
            Self::Enum { symbols, default } => {
                let mut it =
                    json!({"type": "enum", "name": format!("E{path}"), "symbols": symbols});
                if *default {
                    it["default"] = json!(symbols[0]);
                }
                it
            }
            Self::Fixed(size) => json!({"type": "fixed", "name": format!("F{path}"), "size": size}),
        }
    }

    /// A default for a field of this type; of a union, one of the first branch.
    fn default_value(&self) -> serde_json::Value {
        match self {
            Self::Simple("null") => json!(null),
            Self::Simple("boolean") => json!(true),
            Self::Simple("bytes" | "string") => json!("a"),
            Self::Simple(_) => json!(1),
            Self::Array(_) => json!([]),
            Self::Map(_) => json!({}),
            Self::Union(branches) => branches[0].default_value(),
            Self::Record(fields) => {
                let fields = fields.iter();
                fields
                    .map(|(name, it)| ((*name).to_owned(), it.kind.default_value()))
                    .collect()
            }
            Self::Enum { symbols, .. } => json!(symbols[0]),
            Self::Fixed(size) => json!("a".repeat(*size)),
        }
    }

    /// Something that may be written.
    fn datum(&self, chance: &mut Chance<'_>) -> Value {
        match self {
            Self::Simple("null") => Value::Null,
            Self::Simple("boolean") => Value::Boolean(chance.below(2) == 0),
            Self::Simple("int") => Value::Int(i32::MAX - chance.below(3) as i32),
            Self::Simple("long") => Value::Long(i64::MAX - chance.below(3) as i64),
            Self::Simple("float") => Value::Float(chance.below(9) as f32 / 2.0),
            Self::Simple("double") => Value::Double(chance.below(9) as f64 / 2.0),
            Self::Simple("bytes") => Value::Bytes(vec![b'a'; chance.below(3)]),
            Self::Simple(_) => Value::String("b".repeat(chance.below(3))),
            Self::Array(items) => {
                Value::Array((0..chance.below(3)).map(|_| items.datum(chance)).collect())
            }
            Self::Map(values) => {
                let members =
                    (0..chance.below(3)).map(|it| (format!("k{it}"), values.datum(chance)));
                Value::Map(members.collect::<HashMap<_, _>>())
            }
            Self::Union(branches) => {
                let at = chance.below(branches.len());
                Value::Union(at as u32, Box::new(branches[at].datum(chance)))
            }
            Self::Record(fields) => {
                let fields = fields.iter();
                Value::Record(
                    fields
                        .map(|(name, it)| ((*name).to_owned(), it.kind.datum(chance)))
                        .collect(),
                )
            }
            Self::Enum { symbols, .. } => {
                let at = chance.below(symbols.len());
                Value::Enum(at as u32, symbols[at].to_owned())
            }
            Self::Fixed(size) => Value::Fixed(*size, vec![7; *size]),
        }
    }

    /// Another type that is like this one, somewhere.
    fn edited(&self, fresh: &Type, chance: &mut Chance<'_>) -> Self {
        // Mostly what lies below changes.
        if chance.below(4) > 0 {
            match self {
                Self::Array(items) => return Self::Array(Box::new(items.edited(fresh, chance))),
                Self::Map(values) => return Self::Map(Box::new(values.edited(fresh, chance))),
                Self::Union(branches) => {
                    let mut branches = branches.clone();
                    let at = chance.below(branches.len());
                    branches[at] = branches[at].edited(fresh, chance);
                    return union(branches);
                }
                Self::Record(fields) if !fields.is_empty() => {
                    let mut fields = fields.clone();
                    let at = chance.below(fields.len());
                    let field = fields.values_mut().nth(at).unwrap();
                    field.kind = field.kind.edited(fresh, chance);
                    return Self::Record(fields);
                }
                _ => {}
            }
        }
        match self {
            Self::Union(branches) => {
                let mut branches = branches.clone();
                match chance.below(3) {
                    0 => branches.push(fresh.clone()),
                    1 => branches.reverse(),
                    _ => drop(branches.pop()),
                }
                union(branches)
            }
            Self::Record(fields) => {
                let mut fields = fields.clone();
                let name = ["a", "b", "c", "d"][chance.below(4)];
                let default = chance.below(2) == 0;
                match fields.get_mut(name) {
                    Some(field) if default => field.default ^= true,
                    Some(_) => drop(fields.remove(name)),
                    None => {
                        let kind = fresh.clone();
                        fields.insert(name, Field { kind, default });
                    }
                }
                Self::Record(fields)
            }
            Self::Enum { symbols, default } => {
                let mut symbols = symbols.clone();
                let symbol = SYMBOLS[chance.below(SYMBOLS.len())];
                match symbols.iter().position(|it| *it == symbol) {
                    Some(at) if symbols.len() > 1 => drop(symbols.remove(at)),
                    Some(_) => {}
                    None => symbols.push(symbol),
                }
                let default = *default ^ (chance.below(4) == 0);
                Self::Enum { symbols, default }
            }
            Self::Fixed(size) => Self::Fixed(1 + (size + chance.below(2)) % 4),
            Self::Simple(_) if chance.below(2) == 0 => Self::Simple(SIMPLE[chance.below(8)]),
            it => match chance.below(3) {
                0 => union(vec![Self::Simple("null"), it.clone()]),
                1 => union(vec![it.clone(), fresh.clone()]),
                _ => fresh.clone(),
            },
        }
    }
}

/// A union holds no other one, and each kind once.
fn union(branches: Vec<Type>) -> Type {
    let mut flat: Vec<Type> = Vec::new();
    for branch in branches {
        let inner = match branch {
            Type::Union(inner) => inner,
            it => vec![it],
        };
        for it in inner {
            if !flat.iter().any(|other| other.kind() == it.kind()) {
                flat.push(it);
            }
        }
    }
    if flat.is_empty() {
        flat.push(Type::Simple("null"));
    }
    Type::Union(flat)
}

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        4 => prop::sample::select(SIMPLE.to_vec()).prop_map(Type::Simple),
        1 => (prop::sample::subsequence(SYMBOLS.to_vec(), 1..4), any::<bool>())
            .prop_map(|(symbols, default)| Type::Enum { symbols, default }),
        1 => (1..5_usize).prop_map(Type::Fixed),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let field =
            (inner.clone(), any::<bool>()).prop_map(|(kind, default)| Field { kind, default });
        let name = prop::sample::select(vec!["a", "b", "c", "d"]);
        prop_oneof![
            3 => prop::collection::btree_map(name, field, 0..4).prop_map(Type::Record),
            1 => inner.clone().prop_map(|it| Type::Array(Box::new(it))),
            1 => inner.clone().prop_map(|it| Type::Map(Box::new(it))),
            2 => prop::collection::vec(inner, 1..4).prop_map(union),
        ]
    })
}

fn compare(old: &str, new: &str, direction: Direction) -> Vec<Finding> {
    let files = |text: &str| BTreeMap::from([("a.avsc".to_owned(), text.to_owned())]);
    let (old, new) = (files(old), files(new));
    let side = |files| Contract {
        root: "a.avsc",
        files,
    };
    let options = Options {
        direction: Some(direction),
        ..Options::default()
    };
    diff(Surface::Avro, side(&old), side(&new), &options).unwrap()
}

/// Holds what we say of a writer's and a reader's schema against what the judge says and does.
fn judge(
    writer: &Type,
    reader: &Type,
    data: &[Value],
    findings: &[Finding],
) -> Result<(), TestCaseError> {
    let (write, read) = (writer.json("x").to_string(), reader.json("x").to_string());
    let ids: Vec<&str> = findings.iter().map(|it| it.rule.id).collect();
    let breaks = floor(findings, Certainty::MayBreak) == Level::Major;
    let schemas = (
        Schema::parse_str(&write).unwrap(),
        Schema::parse_str(&read).unwrap(),
    );
    let verdict = SchemaCompatibility::can_read(&schemas.0, &schemas.1);
    let whole = verdict == Ok(Compatibility::Full);
    prop_assert_eq!(
        whole,
        !breaks,
        "{} read by {}: {:?}, {:?}",
        write,
        read,
        verdict,
        ids
    );
    let put = GenericDatumWriter::builder(&schemas.0).build().unwrap();
    let get = GenericDatumReader::builder(&schemas.0)
        .reader_schema(&schemas.1)
        .build()
        .unwrap();
    for datum in data {
        let bytes = put.write_value_to_vec(datum.clone()).unwrap();
        let got = get.read_value(&mut &bytes[..]);
        prop_assert!(
            breaks || got.is_ok(),
            "{write} read by {read}: {datum:?} is refused ({:?}), and we say {ids:?}",
            got.err()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn what_does_not_break_is_read(
        old in types(),
        fresh in types(),
        edits in prop::collection::vec(any::<u8>(), 1..30),
        count in 1..3_usize,
        picks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 6),
    ) {
        let mut chance = Chance::new(&edits);
        let new = (0..count).fold(old.clone(), |it, _| it.edited(&fresh, &mut chance));
        let texts = (old.json("x").to_string(), new.json("x").to_string());
        let data = |it: &Type| -> Vec<Value> {
            picks.iter().map(|picks| it.datum(&mut Chance::new(picks))).collect()
        };
        judge(&old, &new, &data(&old), &compare(&texts.0, &texts.1, Direction::WeRead))?;
        judge(&new, &old, &data(&new), &compare(&texts.0, &texts.1, Direction::OthersRead))?;
    }
}
