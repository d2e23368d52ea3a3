//! A counted key of 32 bits ends at 2,147,483,647, numbers of rows that were deleted or rolled back
//! included; then every insert fails, and making it wider rewrites the table.

use crate::lint::context::{Context, Found, shown_column};
use crate::lint::declared::{columns, constraints, is_key_of};
use crate::sql::ir::{Column, Generated, Node};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (table, column) in columns(context.statement) {
        let Some(type_name) = &column.type_name else {
            continue;
        };
        let limit = match () {
            () if type_name.is("int4") => "2,147,483,647",
            () if type_name.is("int2") => "32,767",
            () => continue,
        };
        let name = column.name.as_str();
        let is_key = constraints(context.statement)
            .into_iter()
            .any(|(_, at, constraint)| is_key_of(constraint, at, name));
        if !is_key || !(type_name.serial || is_counted(column)) || context.is_temporary(table) {
            continue;
        }
        let full = context.schema.resolve(table);
        let wider = if type_name.serial {
            "`bigserial`, or `bigint GENERATED ALWAYS AS IDENTITY`"
        } else {
            "`bigint GENERATED ALWAYS AS IDENTITY`"
        };
        found
            .report(
                &column.span,
                format!(
                    "{} counts to {limit} and no further",
                    shown_column(&full, name)
                ),
            )
            .table(&full)
            .cause("then every insert fails, and a wider type means writing the table anew")
            .safer(wider);
    }
}

fn is_counted(column: &Column) -> bool {
    let identity = matches!(column.generated, Some(Generated::Identity { .. }));
    let sequence = column.default.as_ref().is_some_and(|default| {
        let mut found = false;
        default.walk(&mut |expr| {
            found |= matches!(&expr.node, Node::Call { name, .. } if name.name == "nextval");
        });
        found
    });
    identity || sequence
}
