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

use switchback_model::Kind;

use self::sql::Tables;
use self::take::{Taken, take};
use super::names::{name, qualified};
use super::plain::FIRST_BATCH;
use super::{Draft, Outcome, Planned, Reason};
use crate::definition::{Operation, StepFill};
use crate::operation::request::Merge;
use crate::operation::{Sql, merge as words, pair};
use crate::schema::Relation;
use crate::sql::ir::Name;

/// A column that moves.
pub(super) struct Part {
    /// What it is called in the table that goes.
    old: String,
    /// What it is called in the table that stays.
    new: String,
    /// Its type and collation, as they stand in SQL.
    type_sql: String,
    required: bool,
    /// Whether values have to be compared as text to tell all of them apart.
    as_text: bool,
}

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
    let (shown, gone) = (draft.shown().to_owned(), other.full.name.clone());
    let tables = Tables {
        draft,
        other: &other,
        parts: &parts,
    };
    let archive = draft.own("archive");
    let old_link = other.by.first().map(|(here, _)| here.clone());
    let said = words::Said {
        into: shown.clone(),
        from: gone.clone(),
        new: parts.iter().map(|it| it.new.clone()).collect(),
        required: parts
            .iter()
            .filter(|it| it.required)
            .map(|it| it.new.clone())
            .collect(),
    };
    let rules = tables.rules(&checks);
    let steps = pair::moved(pair::Move {
        title: format!("Merge {gone} into {shown}"),
        old: said.old_shape(),
        new: said.new_shape(),
        back: true,
        expand: draft.sql(
            "expand",
            [
                &format!("Add the columns of {gone} to {shown}, kept in step by triggers."),
                &format!("Remove them again; {gone} has every value."),
            ],
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
        fill: StepFill {
            table: qualified(&other.full),
            set: old_link
                .map(|column| (column.clone(), name(&column)))
                .into_iter()
                .collect(),
            only: Some(tables.lacking()),
            batch_rows: FIRST_BATCH,
            keep_undo: false,
        },
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
        first: said.first(),
        meanwhile: said.meanwhile(),
        beware: said.beware(),
        contracted: said.contracted(&archive),
        contracted_back: said.contracted_back(),
    })?;
    Ok(Planned {
        title: format!("Merge {gone} into {shown}"),
        operation: Operation::MergeTables,
        kind: Kind::Replicated,
        old: parts.iter().map(|it| it.old.clone()).collect(),
        new: said.new,
        rule: false,
        steps,
    })
}

/// A reason that is about the table that goes.
fn of(table: &Name, reason: Reason) -> Reason {
    Reason::Of {
        table: table.to_string(),
        reason: Box::new(reason),
    }
}
