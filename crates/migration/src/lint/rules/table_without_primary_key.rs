//! Without a primary key no row can be named: changes of it cannot be replicated, it cannot be
//! filled or emptied in batches, and duplicates cannot be told apart.

use crate::lint::context::{End, Found, shown};
use crate::schema::{Relation, RelationKind, Schema};
use crate::sql::ir::{Kind, Name, Node};

pub(super) fn check(end: &End<'_>, found: &mut Found<'_>) {
    for statement in end.place.statements {
        let Kind::CreateTable(table) = &statement.kind else {
            continue;
        };
        // Those that take columns or keys from elsewhere are not judged by their words.
        let own = table.query.is_none()
            && table.partition_of.is_none()
            && table.inherits.is_empty()
            && table.like.is_empty()
            && !table.columns.is_empty();
        let full = end.schema.resolve(&table.name);
        let Some(relation) = end.schema.relations.get(&full).filter(|_| own) else {
            continue;
        };
        let kept = matches!(
            relation.kind,
            RelationKind::Table {
                temporary: false,
                ..
            }
        );
        let new = end.schema.is_new(relation.made_in);
        if !kept || !new || has_key(end.schema, &full, relation) {
            continue;
        }
        found
            .report(
                &statement.span,
                format!("{} has no primary key", shown(&full)),
            )
            .table(&full)
            .cause("its rows cannot be replicated by key, nor changed in batches")
            .safer("a primary key, over both columns in a table that only joins two others");
    }
}

/// Whether rows can be told apart by a primary key, or by a unique index on columns that are never
/// null.
fn has_key(schema: &Schema, table: &Name, relation: &Relation) -> bool {
    if relation.primary_key().is_some() {
        return true;
    }
    schema.indexes_of(table).any(|(_, index)| {
        index.unique
            && index.predicate.is_none()
            && index.keys.iter().all(|key| match &key.node {
                Node::Column(name) => relation.column(name).is_some_and(|it| it.not_null),
                _ => false,
            })
    })
}
