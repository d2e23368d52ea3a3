//! ON CONFLICT needs a unique index on its columns, and code may count on duplicates being refused.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown};
use crate::sql::ir::{Name, Node};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::RemovesUnique { table, name } = effect else {
            continue;
        };
        let full = Name {
            schema: table.schema.clone(),
            name: name.clone(),
        };
        let index = context.schema.indexes.get(&full);
        let columns: Vec<String> = index
            .iter()
            .flat_map(|index| &index.keys)
            .map(|key| match &key.node {
                Node::Column(column) => column.clone(),
                _ => key.text.clone(),
            })
            .collect();
        let on = match columns.as_slice() {
            [] => String::new(),
            all => format!(" on ({})", all.join(", ")),
        };
        found
            .report(
                span,
                format!("{} accepts duplicates{on} from now on", shown(table)),
            )
            .table(table)
            .cause("`ON CONFLICT` with these columns fails in code from before")
            .unless(Unless::Unique(table.clone(), columns))
            .safer(
                "build what takes its place in an earlier migration, and drop it when no version \
                 that needs it can come back",
            );
    }
}
