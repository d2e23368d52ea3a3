//! The words of a merge of two tables; its steps are those of columns that move.

use crate::words::listed;

/// What a merge is about, for people.
pub(crate) struct Said {
    /// The table that stays.
    pub(crate) into: String,
    /// The table that goes.
    pub(crate) from: String,
    /// The columns that move, as the table that stays calls them.
    pub(crate) new: Vec<String>,
    /// Those of the new ones without which a row of the table that goes cannot be.
    pub(crate) required: Vec<String>,
}

impl Said {
    pub(crate) fn old_shape(&self) -> String {
        self.from.clone()
    }

    pub(crate) fn new_shape(&self) -> String {
        let named = |it: &String| format!("{}.{it}", self.into);
        match self.new.as_slice() {
            few @ ([_] | [_, _]) => listed(&few.iter().map(named).collect::<Vec<_>>()),
            _ => format!("the columns that {} gets", self.into),
        }
    }

    /// What code must have done before the columns are in both tables.
    pub(crate) fn first(&self) -> String {
        let Self { into, from, .. } = self;
        format!(
            " Statements that read {into} and {from} together must say of each column of which table \
             it is: a name that both have is ambiguous, and refused."
        )
    }

    /// What holds of rows while both tables are there.
    pub(crate) fn meanwhile(&self) -> String {
        let Self { into, from, .. } = self;
        let cleared = if self.required.is_empty() {
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
    pub(crate) fn beware(&self) -> String {
        let Self {
            into, from, new, ..
        } = self;
        let together = if self.required.is_empty() || new.len() == 1 {
            String::new()
        } else {
            format!(
                " A statement that gives any of {} has to leave {} with a value, as {from} demands \
                 it.",
                listed(new),
                listed(&self.required)
            )
        };
        format!(
            "{together} The defaults of {from} do not come over: give the values. Bear NULL in all \
             of them, which is a row of {into} that never had one of {from}."
        )
    }

    pub(crate) fn contracted(&self, archive: &str) -> String {
        format!(
            "The table is kept as {archive}, and nothing is destroyed. Drop it by a migration of \
             your own when nobody will go back. The step checks first that nothing would be lost."
        )
    }

    pub(crate) fn contracted_back(&self) -> String {
        let Self { into, from, .. } = self;
        format!(
            "The down script takes {from} back and brings to it what was written to {into} since. It \
             reads both tables while writers wait: on large ones, plan for it."
        )
    }
}
