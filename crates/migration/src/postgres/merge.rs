//! Two tables with one row each for one thing become one: the columns of the table that goes move to
//! the table that stays.
//!
//! Triggers on both tables keep them in step. Each compares before it writes, so that what one of
//! them wrote sets off nothing on the other side. A row of the table that stays without one in the
//! table that goes has NULL in all of the new columns, and the other way round.
//!
//! The backfill writes each row of the table that goes with what it has: its trigger brings it over.
//! A fill that looked into the other table instead could, between its look and its write, miss what
//! the application writes there.

mod sql;
mod take;

use self::sql::Tables;
use self::take::{Taken, take};
use super::names::{name, qualified};
use super::plain::FIRST_BATCH;
use super::{Draft, Outcome, Reason};
use crate::operation::Sql;
use crate::operation::merge::{Pairs, Said, Scripts};
use crate::operation::request::Merge;
use crate::schema::Relation;
use crate::sql::ir::Name;

/// A table that goes, and how its rows belong to those of the other.
struct Other<'a> {
    full: Name,
    table: &'a Relation,
    /// The foreign key.
    link: String,
    /// Its columns, and those that they point to.
    by: Vec<(String, String)>,
}

pub(super) fn plan(draft: &Draft<'_>, wanted: &Merge) -> Outcome {
    let Taken {
        other,
        parts,
        indexes,
        checks,
    } = take(draft, wanted)?;
    let said = Said {
        into: draft.shown(),
        from: &other.full.name,
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
    };
    let archive = draft.own("archive");
    let rules = tables.rules(&checks);
    let [adds, removes] = said.expand();
    let scripts = Scripts {
        expand: draft.sql(
            "expand",
            [&adds, &removes],
            Sql::transaction(
                format!(
                    "{}\n{}\n{}",
                    tables.lock("SHARE ROW EXCLUSIVE"),
                    tables.add(),
                    tables.create()
                ),
                format!(
                    "{}\n{}{}",
                    tables.lock("ACCESS EXCLUSIVE"),
                    tables.drop(),
                    tables.remove()
                ),
            ),
        ),
        fill: tables
            .pairs
            .fill(qualified(&other.full), tables.lacking(), FIRST_BATCH),
        indexes: tables.indexes(&indexes).map(|sql| {
            let what = format!("The indexes of {gone} for {shown}, beside writers.");
            draft.sql("indexes", [&what, "Drop them again, beside writers."], sql)
        }),
        constrain: rules.as_ref().map(|it| {
            let what = format!("Hold new rows of {shown} to what {gone} demands; no row is read.");
            draft.sql("constrain", [&what, "Lift it."], it.hold.clone())
        }),
        validate: rules.as_ref().map(|it| {
            draft.sql(
                "validate",
                [
                    "Read every row, beside readers and writers.",
                    "Go back to rules for new rows only.",
                ],
                it.prove.clone(),
            )
        }),
        contract: draft.sql(
            "contract",
            [
                &format!("Keep {gone} under a name that nobody uses."),
                &format!("Take {gone} back with what was written since, kept in step again."),
            ],
            Sql::transaction(tables.contract(&archive), tables.uncontract(&archive)),
        ),
    };
    Ok(said.planned(&archive, scripts)?)
}

/// A reason that is about the table that goes.
fn of(table: &Name, reason: Reason) -> Reason {
    Reason::Of {
        table: table.to_string(),
        reason: Box::new(reason),
    }
}
