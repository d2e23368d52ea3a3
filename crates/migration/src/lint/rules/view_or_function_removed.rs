//! A view, a function, a type or a sequence that is gone makes whatever names it fail.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, Unless, shown};
use crate::sql::ir::Object;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let (object, name, what) = match effect {
            Effect::Removes { object, name, .. } => (object, name, "goes"),
            Effect::Renames { object, from, .. }
                if matches!(object, Object::Type | Object::Domain | Object::Sequence) =>
            {
                (object, from, "gets another name")
            }
            _ => continue,
        };
        let (noun, unless) = match object {
            Object::View => ("view", Unless::Relation(name.clone())),
            Object::MaterializedView => ("materialized view", Unless::Relation(name.clone())),
            Object::Sequence => ("sequence", Unless::Relation(name.clone())),
            Object::Function => ("function", Unless::Function(name.clone())),
            Object::Type => ("type", Unless::Type(name.clone())),
            Object::Domain => ("domain", Unless::Type(name.clone())),
            Object::Schema => ("schema", Unless::Namespace(name.name.clone())),
            Object::Extension => ("extension", Unless::Nothing),
            _ => continue,
        };
        if context.script.is_own_name(name) {
            continue;
        }
        found
            .report(
                span,
                format!(
                    "{noun} {} {what}, and code that is live or may come back may use it",
                    shown(name)
                ),
            )
            .unless(unless)
            .safer(
                "do it in a migration of its own, when no version that uses it can come back, and \
                 allow it there with that reason",
            );
    }
}
