//! What a look at all rows found after a backfill.

use serde::{Deserialize, Serialize};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verification {
    /// Rows of the table.
    pub rows: u64,
    /// Rows that have not what they should, those left out that are known to refuse it.
    pub differ: u64,
    /// Rows that are known to refuse what they should get.
    pub failed: u64,
    /// Rows that a program passed over and that have not changed since: they are none of those that
    /// differ. What older versions have written has none.
    #[serde(default)]
    pub skipped: u64,
    /// The columns that were written.
    pub columns: Vec<ColumnNulls>,
    /// The ranges in which rows were changed; where former values were kept.
    pub ranges: Vec<RangeSums>,
    /// Some rows, picked at random.
    pub samples: Vec<Sample>,
    /// Constraints that speak of the columns and are not validated.
    pub not_validated: Vec<Constraint>,
    /// Where rows were done with several definitions, what became of those of each, the newest
    /// first. `differ` counts each row by the definition that it was done with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<OfDefinition>,
}

/// The rows that were done with a definition, and not again with a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OfDefinition {
    /// The digest of the definition.
    pub version: String,
    /// How many there are.
    pub rows: u64,
    /// How many have not what it gives.
    pub differ: u64,
    /// How many have not what the newest one would give; none where that cannot be computed for one
    /// of them, or is what a program says.
    pub differ_from_newest: Option<u64>,
}

/// NULLs in a column that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ColumnNulls {
    /// The column.
    pub column: String,
    /// Rows that have NULL in it now.
    pub nulls: u64,
}

/// What a range of a walk changed, and what its rows hold now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RangeSums {
    /// The walk, from 1.
    pub sweep: u32,
    /// The range, from 1.
    pub number: u32,
    /// Rows that were changed.
    pub changed: u64,
    /// A sum over keys and values that does not depend on the order of rows, before.
    pub before: String,
    /// The same as it was written.
    pub after: String,
    /// Rows that still hold what was written; none where nothing was kept to tell by.
    pub still: Option<u64>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sample {
    /// Its key.
    pub key: String,
    /// What it has and what it should have, by column.
    pub values: Vec<SampleValue>,
}

/// A value of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SampleValue {
    /// The column.
    pub column: String,
    /// What it has, as text, cut where it is long; none for NULL.
    pub has: Option<String>,
    /// What it should have, likewise.
    pub wanted: Option<String>,
}

/// A constraint that is not validated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// What it says, as SQL.
    pub definition: String,
    /// Rows that break it, where that can be counted.
    pub broken: Option<u64>,
}

impl Verification {
    /// Whether every row has what it should, and nothing is left that could break.
    pub fn holds(&self) -> bool {
        self.differ == 0
            && self.failed == 0
            && self.not_validated.iter().all(|it| it.broken == Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_older_versions_have_written_is_read_and_skipped_rows_break_nothing() {
        let older = r#"{"rows":300,"differ":0,"failed":0,"columns":[],"ranges":[],"samples":[],
            "not-validated":[]}"#;
        let mut found: Verification = serde_json::from_str(older).unwrap();
        assert_eq!(found.skipped, 0);
        found.skipped = 30;
        assert!(found.holds());
        let text = serde_json::to_string(&found).unwrap();
        assert!(text.contains(r#""skipped":30"#), "{text}");
        assert_eq!(serde_json::from_str::<Verification>(&text).unwrap(), found);
    }
}
