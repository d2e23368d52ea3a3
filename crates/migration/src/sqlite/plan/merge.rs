//! Two tables with one row each for one thing become one: the columns of the table that goes move to
//! the table that stays.
//!
//! Triggers on both tables keep them in step; each writes only what differs, so that what one of them
//! wrote sets off nothing on the other side. The backfill writes each row of the table that goes with
//! what it has, and its trigger brings it over.
//!
//! A foreign key cannot be taken from a table, so the contract keeps a copy of its rows and drops it.

mod sql;
mod take;

use switchback_model::ChangeId;

use self::sql::Tables;
use self::take::{Taken, take};
use super::{Draft, FIRST_BATCH, Outcome, Reason, RenameError, define};
use crate::definition::Definition;
use crate::operation::Sql;
use crate::operation::merge::{Pairs, Said, Scripts};
use crate::operation::request::Merge;
use crate::sqlite::catalog::Table;
use crate::sqlite::text::name;

/// The table that goes, and how its rows belong to those of the other.
struct Other<'a> {
    table: &'a Table,
    /// The columns by which it points to the other, and those that they point to.
    by: Vec<(String, String)>,
    /// Whether a column of its own is its row id.
    own_rowid: bool,
}

/// Plans to merge the table `from` into the table `into`.
///
/// # Errors
/// If it could not be done without harm; no table is touched either way.
pub fn merge(
    into: &Table,
    from: &Table,
    change: &ChangeId,
    wanted: &Merge,
) -> Result<Definition, RenameError> {
    let also = vec![from.name.clone()];
    define(into, change, also, |draft| plan(draft, from, wanted))
}

fn plan(draft: &Draft<'_>, from: &Table, wanted: &Merge) -> Outcome {
    let Taken {
        other,
        parts,
        indexes,
        checks,
    } = take(draft, from, wanted)?;
    let said = Said {
        into: draft.shown(),
        from: &from.name,
        parts: &parts,
    };
    let (shown, gone) = (said.into, said.from);
    let tables = Tables {
        draft,
        other: &other,
        pairs: Pairs {
            parts: &parts,
            by: &other.by,
            name,
        },
        indexes: &indexes,
    };
    let archive = draft.own("archive");
    let [adds, removes] = said.expand();
    let scripts = Scripts {
        expand: draft.sql(
            "expand",
            [&adds, &removes],
            Sql::transaction(
                format!(
                    "{}{}\n{}",
                    tables.as_planned(),
                    tables.add(),
                    tables.create()
                ),
                format!("{}{}", tables.drop(), tables.remove()),
            ),
        ),
        fill: tables
            .pairs
            .fill(from.name.clone(), tables.lacking(), FIRST_BATCH),
        indexes: tables.build().map(|sql| {
            let what =
                format!("The indexes of {gone} for {shown}. Writers wait until they are built.");
            draft.sql("indexes", [&what, "Drop them again."], sql)
        }),
        constrain: tables.rules(&checks).map(|sql| {
            let what = format!("Hold {shown} to what {gone} demands. Every row is read once.");
            draft.sql("constrain", [&what, "Lift it."], sql)
        }),
        validate: None,
        contract: draft.sql(
            "contract",
            [
                &format!("Keep the rows of {gone} in a table that nobody uses, and drop it."),
                &format!("Make {gone} again with what was written since, kept in step again."),
            ],
            Sql::transaction(tables.contract(&archive), tables.uncontract(&archive)),
        ),
    };
    Ok(said.planned(&archive, scripts)?)
}

/// A reason that is about the table that goes.
fn of(table: &Table, reason: Reason) -> Reason {
    Reason::Of {
        table: table.name.clone(),
        reason: Box::new(reason),
    }
}
