//! A merge of two tables; its steps are those of columns that move.

mod pairs;

use switchback_model::{InvalidName, Kind};

pub(crate) use self::pairs::{Pairs, Part};

use super::{Planned, Sql, pair};
use crate::definition::{Operation, StepFill};
use crate::words::listed;

/// What a merge is about, for people.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    /// The table that stays.
    pub(crate) into: &'a str,
    /// The table that goes.
    pub(crate) from: &'a str,
    /// The columns that move.
    pub(crate) parts: &'a [Part],
}

/// The scripts of a merge, as [`pair::Move`] has them.
pub(crate) struct Scripts {
    pub(crate) expand: Sql,
    pub(crate) fill: StepFill,
    pub(crate) indexes: Option<Sql>,
    pub(crate) constrain: Option<Sql>,
    pub(crate) validate: Option<Sql>,
    pub(crate) contract: Sql,
}

impl Said<'_> {
    /// The steps. `archive` is where the contract keeps the table that goes.
    pub(crate) fn planned(self, archive: &str, scripts: Scripts) -> Result<Planned, InvalidName> {
        let title = format!("Merge {} into {}", self.from, self.into);
        let steps = pair::moved(pair::Move {
            title: title.clone(),
            old: self.from.to_owned(),
            new: self.new_shape(),
            back: true,
            expand: scripts.expand,
            fill: scripts.fill,
            indexes: scripts.indexes,
            constrain: scripts.constrain,
            validate: scripts.validate,
            contract: scripts.contract,
            first: self.first(),
            meanwhile: self.meanwhile(),
            beware: self.beware(),
            contracted: contracted(archive),
            contracted_back: self.contracted_back(),
        })?;
        Ok(Planned {
            title,
            operation: Operation::MergeTables,
            kind: Kind::Replicated,
            old: self.parts.iter().map(|it| it.old.clone()).collect(),
            new: self.new_columns(),
            rule: false,
            steps,
        })
    }

    /// What the first script does, and its way back.
    pub(crate) fn expand(self) -> [String; 2] {
        let Self { into, from, .. } = self;
        [
            format!("Add the columns of {from} to {into}, kept in step by triggers."),
            format!("Remove them again; {from} has every value."),
        ]
    }

    /// The columns that move, as the table that stays calls them.
    fn new_columns(self) -> Vec<String> {
        self.parts.iter().map(|it| it.new.clone()).collect()
    }

    /// Those of them without which a row of the table that goes cannot be.
    fn required(self) -> Vec<String> {
        let required = self.parts.iter().filter(|it| it.required);
        required.map(|it| it.new.clone()).collect()
    }

    fn new_shape(self) -> String {
        let named = |it: &Part| format!("{}.{}", self.into, it.new);
        match self.parts {
            few @ ([_] | [_, _]) => listed(&few.iter().map(named).collect::<Vec<_>>()),
            _ => format!("the columns that {} gets", self.into),
        }
    }

    /// What code must have done before the columns are in both tables.
    fn first(self) -> String {
        let Self { into, from, .. } = self;
        format!(
            " Statements that read {into} and {from} together must say of each column of which table \
             it is: a name that both have is ambiguous, and refused."
        )
    }

    /// What holds of rows while both tables are there.
    fn meanwhile(self) -> String {
        let Self { into, from, .. } = self;
        let cleared = if self.required().is_empty() {
            "one that clears all of them clears the row"
        } else {
            "one that clears all of them takes the row away"
        };
        format!(
            " A row of {into} without one of {from} has NULL in all of the new columns. A statement \
             that takes the row of {from} away clears them, one that sets any of them makes the row, \
             {cleared}, and one that deletes the row of {into} deletes both. A transaction that \
             writes both tables takes the rows of {into} and {from} in its own order; where it meets \
             another one that does so the other way round, the database ends one of them, which has \
             to be tried again."
        )
    }

    /// What code that writes only the table that stays must heed.
    fn beware(self) -> String {
        let Self { into, from, .. } = self;
        let (new, required) = (self.new_columns(), self.required());
        let together = if required.is_empty() || new.len() == 1 {
            String::new()
        } else {
            format!(
                " A statement that gives any of {} has to leave {} with a value, as {from} demands \
                 it.",
                listed(&new),
                listed(&required)
            )
        };
        format!(
            "{together} The defaults of {from} do not come over: give the values. Bear NULL in all \
             of them, which is a row of {into} that never had one of {from}."
        )
    }

    fn contracted_back(self) -> String {
        let Self { into, from, .. } = self;
        format!(
            "The down script takes {from} back and brings to it what was written to {into} since. It \
             reads both tables while writers wait: on large ones, plan for it."
        )
    }
}

fn contracted(archive: &str) -> String {
    format!(
        "The table is kept as {archive}, and nothing is destroyed until you ask for \
         `switchback change purge`. The step checks first that nothing would be lost."
    )
}
