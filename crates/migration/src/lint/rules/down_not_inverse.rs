//! A way down that does not lead back to the schema before its way up: the next version up, and the
//! old version of the code, meet a schema that nobody tested.

use crate::lint::context::{Found, Pair};
use crate::sql::ir::Kind;

/// How many differences are named; the rest are counted.
const NAMED: usize = 5;

pub(super) fn check(pair: &Pair<'_>, found: &mut Found<'_>) {
    // What was not understood may have done anything.
    let dark = |kind: &Kind| matches!(kind, Kind::Unknown { .. } | Kind::Do { read: false, .. });
    let both = [&pair.up, &pair.down];
    if both
        .iter()
        .any(|end| end.place.statements.iter().any(|it| dark(&it.kind)))
    {
        return;
    }
    let differences = pair.before.difference(pair.down.schema);
    if differences.is_empty() {
        return;
    }
    let count = differences.len();
    let what = if count == 1 {
        "one difference".to_owned()
    } else {
        format!("{count} differences")
    };
    let place = pair.down.place.start();
    let item = found.report(
        &place,
        format!("the way down does not lead back to the schema before: {what}"),
    );
    for difference in differences.iter().take(NAMED) {
        item.cause(difference.to_string());
    }
    if count > NAMED {
        item.cause(format!("and {} more", count - NAMED));
    }
    item.safer(
        "add to the way down what is missing, so that it undoes everything that its way up does",
    );
}
