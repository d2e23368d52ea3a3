//! A table that is gone makes every query of it fail, in the code that is live during a deployment
//! and in the code that a rollback brings back; and its rows are gone too.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown};
use crate::sql::ir::Object;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::Removes { object, name, rows } = effect else {
            continue;
        };
        let is_table = matches!(object, Object::Table | Object::ForeignTable);
        if !is_table || context.script.is_own_name(name) {
            continue;
        }
        let relation = context.schema.relations.get(name);
        let parent = relation.and_then(|it| it.partition_of.as_ref());
        let message = match parent {
            Some((parent, _)) => format!("{} goes, and its rows of {}", shown(name), shown(parent)),
            None => format!(
                "{} goes, and code that is live or may come back may use it",
                shown(name)
            ),
        };
        let item = found.report(span, message);
        item.table(name).unless(Unless::Relation(name.clone()));
        if *rows {
            item.cause("its rows are gone as well, and no way down brings them back");
        }
        item.safer(
            "drop it in a migration of its own, when no version that uses it can come back, and \
             allow it there with that reason",
        )
        .planned(context.place.planned("drop-table"));
    }
}
