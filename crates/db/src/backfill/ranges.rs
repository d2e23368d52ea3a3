//! The ranges of a backfill's walks, as people look at them.

/// A range of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkRange {
    /// The walk, from 1.
    pub walk: u32,
    /// Its number in the walk, from 1.
    pub number: u32,
    /// `waiting`, `leased`, `done`, or `void` where a walk ended before it did.
    pub status: String,
    /// Whether its rows are, or were, done once more by themselves.
    pub again: bool,
    /// The digest of the definition that it was done with, where that was written down.
    pub version: Option<String>,
    /// Which rows it has.
    pub rows: RangeRows,
    /// The lowest and the highest key of rows that it changed, where places on disk say which rows
    /// it has and these were kept.
    pub keys: Option<(String, String)>,
    /// Rows that were looked at.
    pub scanned: u64,
    /// Rows that were changed.
    pub changed: u64,
    /// Rows that could not be changed.
    pub failed: u64,
    /// Rows that a program passed over.
    pub skipped: u64,
    /// How often somebody took it.
    pub attempts: u32,
    /// Who took it last.
    pub worker: Option<String>,
    /// A sum over rows before, that does not depend on their order.
    pub before: String,
    /// The same after.
    pub after: String,
}

/// Which rows a range has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeRows {
    /// Those whose keys lie between two.
    Keys {
        /// They begin after this key; from the first row on where there is none.
        after: Option<String>,
        /// Or with this one.
        from: Option<String>,
        /// The last key.
        to: String,
    },
    /// Those on some pages of a table.
    Pages {
        /// The table.
        table: String,
        /// The first page.
        from: u64,
        /// The page after the last one.
        to: u64,
    },
    /// Those with certain keys.
    Listed {
        /// How many keys.
        rows: u64,
    },
}

impl std::fmt::Display for RangeRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys {
                from: Some(from),
                to,
                ..
            } => write!(f, "{from} to {to}"),
            Self::Keys {
                after: Some(after),
                to,
                ..
            } => write!(f, "after {after}, to {to}"),
            Self::Keys { to, .. } => write!(f, "up to {to}"),
            Self::Pages { table, from, to } => write!(f, "pages {from} to {} of {table}", to - 1),
            Self::Listed { rows } => write!(f, "{rows} rows by their keys"),
        }
    }
}
