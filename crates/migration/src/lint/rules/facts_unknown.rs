//! A finding that rests on an assumption says so, and how to make known what is not. Each doubt is
//! said once in a script.

use crate::facts::Doubt;
use crate::lint::context::{Context, Found};
use crate::lint::doubts;

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    // A doubt that leads to no finding decides nothing: the worst was assumed.
    if context.facts.blocking().next().is_none() {
        return;
    }
    for doubt in &context.facts.doubts {
        // A table that is not in a complete history is no doubt but a misfit.
        if matches!(doubt, Doubt::Table(_)) && context.schema.complete {
            continue;
        }
        let (Some(assumed), Some(remedy)) = (doubts::assumed(doubt), doubts::remedy(doubt)) else {
            continue;
        };
        if found.first(&assumed) {
            found.report(&context.statement.span, assumed).safer(remedy);
        }
    }
}
