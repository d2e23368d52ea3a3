//! Like a column, a value cannot be renamed at a safe moment: code from before writes the old name,
//! code from after the new one.

use crate::facts::compat::Effect;
use crate::lint::context::{Context, Found, shown};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    for (effect, span) in context.effects {
        let Effect::RenamesValue { name, from, to } = effect else {
            continue;
        };
        found
            .report(
                span,
                format!(
                    "`{from}` of {} becomes `{to}` at once: code from before it fails after it",
                    shown(name)
                ),
            )
            .safer(format!(
                "`ADD VALUE '{to}'`, have the code understand both, and change rows in batches"
            ));
    }
}
