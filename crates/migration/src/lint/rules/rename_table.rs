//! A table, a view, a function or a schema with another name is gone for whoever knows the old one.
//! A view with the old name keeps most code going.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown};
use crate::sql::ir::Object;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::Renames { object, from, to } = effect else {
            continue;
        };
        let named_by_code = matches!(
            object,
            Object::Table
                | Object::ForeignTable
                | Object::View
                | Object::MaterializedView
                | Object::Function
                | Object::Schema
        );
        if !named_by_code || context.script.is_own_name(from) {
            continue;
        }
        let item = found.report(
            span,
            format!(
                "{} becomes {} at once: code from before it fails after it, and code from after it \
                 before",
                shown(from),
                shown(to)
            ),
        );
        item.table(from);
        match object {
            Object::Function => {
                item.unless(Unless::Function(from.clone()))
                    .safer("keep a function of the old name that calls the new one, for a release");
            }
            Object::Schema => {
                item.safer("make the new schema beside the old one, and move over step by step");
            }
            _ => {
                item.unless(Unless::Relation(from.clone())).safer(format!(
                    "make a view {} in the same migration, and drop it in a later release",
                    shown(from)
                ));
            }
        }
    }
}
