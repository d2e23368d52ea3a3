//! What alternatives are called: by people, or in what is sent.

use super::choices::Alternative;
use super::normal::{Part, Parts, Schemas};
use crate::contract::document::NodeId;

/// Alternatives with what people call them: the last step of a reference, or a title.
pub(super) fn named(schemas: &Schemas<'_>, all: Vec<Parts>) -> Vec<Alternative> {
    let arena = schemas.arena();
    let name = |parts: &Parts| {
        branches(parts).rev().find_map(|it| {
            let name = arena.get_text(it, "$ref").map(last);
            Some(name.or_else(|| arena.get_text(it, "title"))?.to_owned())
        })
    };
    all.into_iter()
        .map(|parts| Alternative {
            name: name(&parts),
            parts,
        })
        .collect()
}

/// Alternatives with the name that is sent with each, if a `discriminator` says that one is. By OpenAPI
/// 3.0 and 3.1 that is a key of its `mapping`, and where none leads there the name of the schema; a
/// schema that is written out has none. One that several keys lead to is there for each of them.
pub(super) fn sent(
    schemas: &Schemas<'_>,
    (parts, at): (&Parts, NodeId),
    all: &[Parts],
) -> Option<Vec<Alternative>> {
    let arena = schemas.arena();
    let discriminator = schemas.shape(parts, at).discriminator?;
    let mapping = arena.get(discriminator, "mapping");
    let mapping = mapping.and_then(|it| arena.object(it));
    let mut out = Vec::new();
    for parts in all {
        let mut branches = branches(parts);
        // Of several choices that hold together nobody can tell which one the name is about.
        let (Some(branch), None) = (branches.next(), branches.next()) else {
            return None;
        };
        let schema = arena.get_text(branch, "$ref").map(last);
        let leads = |to: NodeId| arena.text(to).map(last) == schema;
        let keys = mapping.into_iter().flatten();
        let keys = keys.filter(|it| schema.is_some() && leads(*it.1));
        let mut names: Vec<Option<String>> = keys.map(|it| Some(it.0.clone())).collect();
        if names.is_empty() {
            names.push(schema.map(str::to_owned));
        }
        out.extend(names.into_iter().map(|name| Alternative {
            parts: Parts::clone(parts),
            name,
        }));
    }
    Some(out)
}

/// Which branches of choices parts hold.
fn branches(parts: &Parts) -> impl DoubleEndedIterator<Item = NodeId> {
    parts.iter().filter_map(|it| match it {
        Part::Full(id) => Some(*id),
        _ => None,
    })
}

/// The last step of a reference.
fn last(reference: &str) -> &str {
    reference.rsplit(['/', '#']).next().unwrap_or(reference)
}
