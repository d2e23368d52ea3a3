//! How the rows of tables differ.

/// A value of a column as text, cut after 200 characters; none for NULL.
pub type Value = Option<String>;

/// How the rows of one table differ from what they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableChange {
    /// The table, in the form of SQL: `public.users`.
    pub table: String,
    /// Whether the table itself is gone, and all its rows with it.
    pub gone: bool,
    /// How many rows there were before.
    pub before: u64,
    /// How many rows there are now.
    pub after: u64,
    /// The columns by which rows are told apart; empty where there is no primary key, or it is not
    /// the same in both. Then rows are compared as a whole.
    pub key: Vec<String>,
    /// How many rows are not there any more.
    pub lost: u64,
    /// How many rows were not there before.
    pub appeared: u64,
    /// How many rows have the same key and other values.
    pub changed: u64,
    /// Columns that are not there any more.
    pub gone_columns: Vec<GoneColumn>,
    /// Some of the rows, as many as were asked for.
    pub examples: Vec<Change>,
    /// Whether the rows could not be compared, because there were too many to keep: `lost`,
    /// `appeared` and `changed` are unknown and zero.
    pub uncounted: bool,
}

/// A column that is not there any more, with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneColumn {
    /// Its name.
    pub name: String,
    /// How many rows had a value in it, other than NULL.
    pub values: u64,
}

/// How one row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is not there any more: columns and values.
    Lost(Vec<(String, Value)>),
    /// It was not there before: columns and values.
    Appeared(Vec<(String, Value)>),
    /// It has other values.
    Changed {
        /// The columns and values of its key.
        key: Vec<(String, Value)>,
        /// The columns that differ: name, before, after.
        columns: Vec<(String, Value, Value)>,
    },
}

/// A sequence that stands elsewhere than it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceChange {
    /// The sequence, in the form of SQL.
    pub sequence: String,
    /// The value that it would have given next, before.
    pub before: i64,
    /// The value that it would give next, now.
    pub after: i64,
}

impl TableChange {
    /// Whether something that was there is not there any more, or is not what it was. If not, there
    /// are only rows too many.
    pub fn loses(&self) -> bool {
        self.lost > 0
            || self.changed > 0
            || (self.uncounted && self.after <= self.before)
            || (self.gone && self.before > 0)
            || self.gone_columns.iter().any(|column| column.values > 0)
    }
}
