//! A CREATE INDEX CONCURRENTLY that fails leaves an invalid index behind, which is written to and
//! never read. With IF NOT EXISTS the next try takes it for a finished one, and no error is seen.

use crate::lint::context::{Context, Found, shown};
use crate::sql::ir::{Kind, Object};

pub(super) fn check(context: &Context<'_>, found: &mut Found<'_>) {
    let Kind::CreateIndex(index) = &context.statement.kind else {
        return;
    };
    if !index.concurrently || !index.if_not_exists || context.is_new(&index.table) {
        return;
    }
    let Some(name) = &index.name else { return };
    // Whoever drops it first leaves nothing that could pass for it.
    let dropped = context
        .place
        .statements
        .iter()
        .take_while(|it| it.span.start < context.statement.span.start)
        .any(|it| {
            matches!(&it.kind, Kind::Drop(drop)
                if drop.object == Object::Index
                    && drop.names.iter().any(|it| it.name == name.name))
        });
    if dropped {
        return;
    }
    let message = format!(
        "an invalid index {} would pass for a finished one",
        shown(name)
    );
    let bare = shown(name);
    let bare = bare.trim_matches('`');
    found
        .report(&context.statement.span, message)
        .table(&context.schema.resolve(&index.table))
        .cause(
            "if the build fails, an invalid index stays; the next run finds it, does nothing and \
             says that all is well",
        )
        .safer(format!(
            "`DROP INDEX CONCURRENTLY IF EXISTS {bare}` before, and create it without `IF NOT \
             EXISTS`"
        ));
}
