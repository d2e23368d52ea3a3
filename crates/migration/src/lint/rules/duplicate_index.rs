//! A second index on the same columns answers no query that the first does not, and every write
//! pays for both.

use crate::lint::context::{Context, Found, Unless, shown};
use crate::schema::Index;
use crate::sql::ir::{CreateIndex, Expr, Kind, Node};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Kind::CreateIndex(index) = &context.statement.kind else {
        return;
    };
    // Order, collation and operator class make another index.
    if index.keys.iter().any(|key| !key.options.trim().is_empty()) {
        return;
    }
    let table = context.schema.resolve(&index.table);
    let own = index.name.as_ref().map(|name| context.schema.resolve(name));
    let twin = context.schema.indexes_of(&table).find(|(name, other)| {
        repeats(index, other)
            && own.as_ref() != Some(name)
            && (other.constraint.is_some() || context.plain.contains_key(*name))
    });
    let Some((name, other)) = twin else { return };
    let has = match &other.constraint {
        Some(constraint) => format!("the index of constraint `{constraint}`"),
        None => format!("index {}", shown(name)),
    };
    let item = found.report(
        &context.statement.span,
        format!("{has} of {} has the same columns already", shown(&table)),
    );
    item.table(&table)
        .cause("every write to the table pays for both, and no query gains")
        .unless(Unless::NoIndex(name.clone()));
    item.safer("leave it out, or drop the other one with `DROP INDEX CONCURRENTLY`");
}

fn repeats(index: &CreateIndex, other: &Index) -> bool {
    let same = |one: &Expr, other: &Expr| match (&one.node, &other.node) {
        (Node::Column(one), Node::Column(other)) => one == other,
        _ => one.text == other.text,
    };
    let same_rows = || match (&index.predicate, &other.predicate) {
        (None, None) => true,
        (Some(one), Some(other)) => same(one, other),
        _ => false,
    };
    // What stands in the index itself comes first: a table may have hundreds.
    other.valid
        && index.keys.len() == other.keys.len()
        && index.predicate.is_some() == other.predicate.is_some()
        && (other.unique || !index.unique)
        && index
            .keys
            .iter()
            .zip(&other.keys)
            .all(|(one, other)| same(&one.expr, other))
        && index.method == other.method
        && index.include == other.include
        && same_rows()
}
