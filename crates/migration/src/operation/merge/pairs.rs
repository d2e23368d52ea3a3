//! What moves in a merge, and the pieces of SQL that are the same on every engine.

use crate::definition::StepFill;

/// A column that moves.
pub(crate) struct Part {
    /// What it is called in the table that goes.
    pub(crate) old: String,
    /// What it is called in the table that stays.
    pub(crate) new: String,
    /// Its type and collation, as they stand in SQL.
    pub(crate) type_sql: String,
    /// Whether the table that goes has no row without a value in it.
    pub(crate) required: bool,
    /// SQL that says that two of its values are not the same.
    pub(crate) differ: fn(&str, &str) -> String,
}

/// What moves, and by what a row of one table belongs to a row of the other.
///
/// A `row` is what stands before the name of a column: `NEW.`, or nothing.
pub(crate) struct Pairs<'a> {
    pub(crate) parts: &'a [Part],
    /// The columns by which the table that goes points to the other, and those that they point to.
    pub(crate) by: &'a [(String, String)],
    /// How a name stands in SQL.
    pub(crate) name: fn(&str) -> String,
}

impl Pairs<'_> {
    /// Something of each column that moves.
    pub(crate) fn all(&self, each: impl Fn(&Part) -> String, join: &str) -> String {
        self.parts.iter().map(each).collect::<Vec<_>>().join(join)
    }

    /// Something of each pair of columns by which rows belong together, both as they stand in SQL:
    /// that of the table that goes, and that of the other.
    pub(crate) fn keys(&self, each: impl Fn(&str, &str) -> String, join: &str) -> String {
        let by = self.by.iter();
        let all = by.map(|(here, there)| each(&(self.name)(here), &(self.name)(there)));
        all.collect::<Vec<_>>().join(join)
    }

    /// That a row of the table that stays, and one of the other, are of one thing. A foreign key may
    /// compare as the column does that it points to, which therefore stands first.
    pub(crate) fn same(&self, row: &str, old_row: &str) -> String {
        self.keys(
            |here, there| format!("{row}{there} = {old_row}{here}"),
            " AND ",
        )
    }

    /// That a row of the table that stays and one of the other do not say the same.
    pub(crate) fn apart(&self, row: &str, old_row: &str) -> String {
        let value = |row: &str, column: &str| format!("{row}{}", (self.name)(column));
        self.all(
            |it| (it.differ)(&value(row, &it.new), &value(old_row, &it.old)),
            " OR ",
        )
    }

    /// That a row of the table that stays does not say what it said.
    pub(crate) fn changed(&self) -> String {
        let one = |it: &Part| {
            let new = (self.name)(&it.new);
            (it.differ)(&format!("OLD.{new}"), &format!("NEW.{new}"))
        };
        self.all(one, " OR ")
    }

    /// That a row of the table that stays has one in the other.
    pub(crate) fn some(&self, row: &str) -> String {
        let one = |it: &Part| format!("{row}{} IS NOT NULL", (self.name)(&it.new));
        self.all(one, " OR ")
    }

    /// That it has none.
    pub(crate) fn none(&self, row: &str) -> String {
        let one = |it: &Part| format!("{row}{} IS NULL", (self.name)(&it.new));
        self.all(one, " AND ")
    }

    /// Whether there are values without which there is no row in the table that goes.
    pub(crate) fn demands(&self) -> bool {
        self.parts.iter().any(|it| it.required)
    }

    /// What the table that goes demands of its rows, for rows that have one there: a name for each
    /// rule, and the rule. `checks` are the table's own, each in parentheses.
    pub(crate) fn rules(&self, checks: &[String]) -> Vec<(String, String)> {
        let mut all = Vec::new();
        if self.demands() && self.parts.len() > 1 {
            let there: Vec<_> = self
                .parts
                .iter()
                .filter(|it| it.required)
                .map(|it| format!("{} IS NOT NULL", (self.name)(&it.new)))
                .collect();
            all.push(("whole".to_owned(), format!("({})", there.join(" AND "))));
        }
        for (number, check) in (1..).zip(checks) {
            all.push((format!("check_{number}"), check.clone()));
        }
        let none = self.none("");
        all.into_iter()
            .map(|(own, rule)| (own, format!("({none}) OR {rule}")))
            .collect()
    }

    /// Writes each row of the table that goes with what it has, where `only` holds: its trigger
    /// brings it over.
    pub(crate) fn fill(&self, table: String, only: String, batch_rows: u32) -> StepFill {
        let link = self.by.first();
        let link = link.map(|(here, _)| (here.clone(), (self.name)(here)));
        StepFill {
            table,
            set: link.into_iter().collect(),
            only: Some(only),
            batch_rows,
            keep_undo: false,
        }
    }
}
