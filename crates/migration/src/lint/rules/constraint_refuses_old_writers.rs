//! Code from before a constraint was written without it, and may write what it refuses.

use crate::facts::compat::{Demand, Effect};
use crate::lint::context::{Context, Found, shown, shown_column};
use crate::lint::looser;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let (table, message, plan) = match effect {
            Effect::RefusesWrites {
                table,
                constraint,
                demand,
            } => {
                if looser::refuses_nothing_new(context, table, span) {
                    continue;
                }
                let name = constraint
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" `{name}`"));
                let of = shown(table);
                let message = match demand {
                    Demand::Unique => format!("{of} refuses duplicates from now on{name}"),
                    Demand::Check => format!("{of} refuses rows that break a new check{name}"),
                    Demand::ForeignKey => {
                        format!("{of} refuses rows that point to nothing from now on{name}")
                    }
                    Demand::Exclude => {
                        format!("{of} refuses rows that exclude each other from now on{name}")
                    }
                    Demand::Bounds => {
                        format!("{of} refuses rows outside of its bounds as a partition")
                    }
                };
                let plan = match demand {
                    Demand::Unique => "add-unique",
                    Demand::Check => "add-check",
                    Demand::ForeignKey => "add-foreign-key",
                    Demand::Exclude | Demand::Bounds => "",
                };
                (table, message, plan)
            }
            Effect::Generates { table, column } => (
                table,
                format!(
                    "{} is computed from now on, and refuses values that are written to it",
                    shown_column(table, column)
                ),
                "",
            ),
            _ => continue,
        };
        let plan = Some(plan).filter(|plan| !plan.is_empty());
        found
            .report(span, message)
            .table(table)
            .cause("code from before was written without it, and fails if it writes such rows")
            .safer(
                "make sure that every version that may come back keeps to it, then allow it with \
                 that reason",
            )
            .planned(plan.and_then(|plan| context.place.planned(plan)));
    }
}
