//! A statement that came with a newer major fails on an older server, and a migration that fails
//! half way is found in production.

use crate::facts::Doubt;
use crate::lint::context::{Context, Found};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for doubt in &context.facts.doubts {
        let Doubt::Version { since } = doubt else {
            continue;
        };
        found
            .report(
                &context.statement.span,
                format!(
                    "PostgreSQL {} does not have this statement: it came with {since}",
                    context.place.major
                ),
            )
            .safer(format!(
                "if every server is {since} or newer, say so in the settings"
            ));
    }
}
