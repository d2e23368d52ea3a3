//! When a row goes that others may refer to, PostgreSQL looks for them; without an index it reads
//! the whole table, once for each row that goes.

use crate::lint::context::{End, Found, shown};
use crate::lint::declared::{columns_of, constraints};
use crate::schema::{Index, RelationKind, Schema};
use crate::sql::ir::{ConstraintKind, Name, Node};
use crate::words::listed;

pub(super) fn check(end: &End<'_>, found: &mut Found<'_>) {
    for statement in end.place.statements {
        for (table, at, constraint) in constraints(statement) {
            let ConstraintKind::ForeignKey {
                columns,
                table: other,
                ..
            } = &constraint.kind
            else {
                continue;
            };
            let columns = columns_of(columns, at);
            let full = end.schema.resolve(table);
            let Some(relation) = end.schema.relations.get(&full) else {
                continue;
            };
            let kept = matches!(
                relation.kind,
                RelationKind::Table {
                    temporary: false,
                    ..
                }
            );
            let there = columns.iter().all(|name| relation.column(name).is_some());
            if !kept || !there || columns.is_empty() || is_indexed(end.schema, &full, &columns) {
                continue;
            }
            let names: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
            let other = shown(&end.schema.resolve(other));
            let table = shown(&full);
            let list: Vec<String> = columns
                .iter()
                .map(|name| Name::plain(*name).to_string())
                .collect();
            let bare = table.trim_matches('`');
            found
                .report(
                    &constraint.span,
                    format!("no index of {table} leads with {}", listed(&names)),
                )
                .table(&full)
                .cause(format!(
                    "each row of {other} that is deleted, or whose key changes, has all of {table} \
                     read"
                ))
                .safer(format!(
                    "`CREATE INDEX CONCURRENTLY ON {bare} ({})`",
                    list.join(", ")
                ));
        }
    }
}

/// Whether an index begins with these columns, in any order.
fn is_indexed(schema: &Schema, table: &Name, columns: &[&str]) -> bool {
    let leads = |index: &Index| {
        let leading = index.keys.get(..columns.len()).unwrap_or_default();
        let is_column = |key: &&str| {
            leading
                .iter()
                .any(|it| matches!(&it.node, Node::Column(name) if name == *key))
        };
        let all_rows = index
            .predicate
            .as_ref()
            .is_none_or(|it| columns.iter().any(|column| it.proves_not_null(column)));
        all_rows && !leading.is_empty() && columns.iter().all(is_column)
    };
    schema.indexes_of(table).any(|(_, index)| leads(index))
}
