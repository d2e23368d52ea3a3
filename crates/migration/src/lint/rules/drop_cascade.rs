//! CASCADE drops whatever depends on a thing, without a word. What that is depends on the database.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, shown, shown_column};
use crate::sql::ir::{AlterAction, Kind, Name};
use crate::words::listed;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let (named, columns): (Vec<Name>, Vec<&str>) = match &context.statement.kind {
        Kind::Drop(drop) if drop.cascade => (
            drop.names
                .iter()
                .map(|name| context.schema.resolve(name))
                .collect(),
            Vec::new(),
        ),
        Kind::Alter(alter) => {
            let cascades = |action: &AlterAction| match action {
                AlterAction::DropColumn { cascade, .. }
                | AlterAction::DropConstraint { cascade, .. } => *cascade,
                _ => false,
            };
            if !alter.actions.iter().any(|(action, _)| cascades(action)) {
                return;
            }
            let columns = alter.actions.iter().filter_map(|(action, _)| match action {
                AlterAction::DropColumn { column, .. } => Some(column.as_str()),
                _ => None,
            });
            (vec![context.schema.resolve(&alter.name)], columns.collect())
        }
        _ => return,
    };
    let is_named = |name: &Name| named.iter().any(|it| it == name || it.name == name.name);
    let mut taken: Vec<String> = Vec::new();
    for (effect, _) in context.effects {
        let one = match effect {
            Effect::Removes { name, .. } if !is_named(name) => shown(name),
            Effect::RemovesColumn { table, column, .. }
                if !is_named(table) || !columns.contains(&column.as_str()) =>
            {
                shown_column(table, column)
            }
            _ => continue,
        };
        if !taken.contains(&one) {
            taken.push(one);
        }
    }
    if matches!(context.statement.kind, Kind::Drop(_)) {
        for table in &named {
            for (from, key) in context.schema.references_to(table) {
                if !is_named(from) {
                    taken.push(format!("foreign key `{}` of {}", key.name, shown(from)));
                }
            }
        }
    }
    if taken.is_empty() && context.schema.complete {
        return;
    }
    let message = if taken.is_empty() {
        "`CASCADE` drops what depends on it, and what that is is not known".to_owned()
    } else {
        if taken.len() > 4 {
            let rest = taken.split_off(3).len();
            taken.push(format!("{rest} more"));
        }
        format!("`CASCADE` also drops {}", listed(&taken))
    };
    let item = found.report(&context.statement.span, message);
    if let Some(table) = named.first() {
        item.table(table);
    }
    item.cause("in another database more may depend on it, and goes without a word")
        .safer("leave `CASCADE` out, and drop by name what should go");
}
