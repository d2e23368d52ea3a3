//! What could not be known, in words.

use super::context::{shown, shown_column};
use crate::facts::Doubt;

/// What was taken to be so because it is not known; nothing where that decides no lock and no
/// work.
pub(super) fn assumed(doubt: &Doubt) -> Option<String> {
    Some(match doubt {
        Doubt::Statement { .. } | Doubt::Version { .. } => return None,
        Doubt::Table(table) => format!(
            "{} is not known, and is taken for a large table in use",
            shown(table)
        ),
        Doubt::Column(table, column) => format!(
            "the type of {} before is not known, and the worst is assumed",
            shown_column(table, column)
        ),
        Doubt::Constraint(table, name) => format!(
            "constraint `{name}` of {} is not known, and the worst is assumed",
            shown(table)
        ),
        Doubt::Function(name) => format!(
            "function {} is not known, and is taken for a volatile one",
            shown(name)
        ),
        Doubt::TimeZone => {
            "the time zone of the session is not known, and is taken not to be UTC".to_owned()
        }
    })
}

/// How to make it known.
pub(super) fn remedy(doubt: &Doubt) -> Option<&'static str> {
    Some(match doubt {
        Doubt::Statement { .. } | Doubt::Version { .. } => return None,
        Doubt::Table(_) | Doubt::Column(..) | Doubt::Constraint(..) => {
            "have the whole history checked, or look it up in the database and allow what rests on it"
        }
        Doubt::Function(_) => {
            "declare the function in a migration with its volatility, or look that up in the \
             database and allow what rests on it"
        }
        Doubt::TimeZone => {
            "put `SET LOCAL timezone = 'UTC';` before the statement if that is meant"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::ir::Name;

    /// `check` reads no database, so it must not be told to.
    #[test]
    fn what_makes_it_known_can_be_done() {
        let table = Name::plain("orders");
        for doubt in [
            Doubt::Table(table.clone()),
            Doubt::Column(table.clone(), "total".to_owned()),
            Doubt::Constraint(table.clone(), "total_positive".to_owned()),
            Doubt::Function(table),
            Doubt::TimeZone,
        ] {
            let remedy = remedy(&doubt).unwrap();
            assert!(!remedy.contains("from a database"), "{remedy}");
        }
    }
}
