//! A value that ALTER TYPE … ADD VALUE adds cannot be used before the transaction that adds it is
//! committed, unless the type was made in it as well.

use crate::lint::context::{Context, Found, shown};
use crate::schema::Type;
use crate::sql::ir::{AlterAction, Kind, Name};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    if context.script.values.is_empty() {
        return;
    }
    let words = context.place.words(&context.statement.span);
    for (type_name, value) in &context.script.values {
        let new = matches!(context.schema.types.get(type_name).map(AsRef::as_ref),
            Some(Type::Enum { made_in, .. }) if context.schema.is_new(*made_in));
        let literal = format!("'{}'", value.replace('\'', "''"));
        if new || !words.contains(&literal) || !uses(context, type_name) {
            continue;
        }
        found
            .report(
                &context.statement.span,
                format!(
                    "the new value `{value}` of {} cannot be used yet",
                    shown(type_name)
                ),
            )
            .cause("PostgreSQL refuses a new enum value in the transaction that adds it")
            .safer("add the value in a migration of its own, and use it in the next one");
    }
}

/// Whether a statement evaluates values of a type: it touches a column of that type.
fn uses(context: &Context<'_>, type_name: &Name) -> bool {
    let of_type = |table: &Name, column: Option<&str>| {
        context.relation(table).is_some_and(|(_, relation)| {
            relation
                .columns
                .iter()
                .filter(|it| column.is_none_or(|name| it.name == name))
                .filter_map(|it| it.type_name.as_ref())
                .any(|it| context.schema.resolve(&it.name) == *type_name)
        })
    };
    match &context.statement.kind {
        Kind::Insert { table, query, .. }
        | Kind::Update { table, query, .. }
        | Kind::Delete { table, query, .. } => {
            of_type(table, None) || query.tables.iter().any(|table| of_type(table, None))
        }
        Kind::Select(query) => query.tables.iter().any(|table| of_type(table, None)),
        Kind::CreateIndex(index) => of_type(&index.table, None),
        Kind::Alter(alter) => alter.actions.iter().any(|(action, _)| match action {
            AlterAction::Default { column, .. } => of_type(&alter.name, Some(column)),
            AlterAction::AddColumn { column, .. } => column
                .type_name
                .as_ref()
                .is_some_and(|it| context.schema.resolve(&it.name) == *type_name),
            AlterAction::AddConstraint(_) => of_type(&alter.name, None),
            _ => false,
        }),
        _ => false,
    }
}
