//! Where other migrations can be taken back, one that cannot is found out when it must be.

use crate::lint::context::{End, Found};

pub(super) fn check(end: &End<'_>, found: &mut Found<'_>) {
    let migration = end.place.migration;
    if !end.place.uses_downs || migration.down.is_some() || migration.repeatable {
        return;
    }
    found
        .report(&end.place.start(), "the migration has no way down")
        .cause("most others of the folder have one")
        .safer("write the way down, or say in it why there is none");
}
