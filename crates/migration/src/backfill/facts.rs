//! What is known of a table before its rows are walked, and how they are walked.

use serde::{Deserialize, Serialize};

/// What a catalog says of a table whose rows get something.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFacts {
    /// The server's version as `server_version_num` has it: 150018 for 15.18. Of SQLite 3053000.
    pub version: u32,
    /// The columns by which each row can be named: the primary key, or a unique index over columns
    /// that are NOT NULL. Empty where there is none.
    pub key: Vec<KeyColumn>,
    /// Size of the rows' own storage in bytes, all partitions together.
    pub bytes: u64,
    /// About how many rows there are; none where nobody has counted.
    pub rows: Option<u64>,
    /// How many tables store the rows: 1, or the number of leaf partitions.
    pub leaves: u32,
    /// How many indexes a new version of a row has to be entered into where it is not put beside
    /// the old one.
    pub indexes: u32,
    /// Their size in bytes.
    pub index_bytes: u64,
    /// The indexes that have a written column in them, also in an expression or a condition.
    pub indexes_on_written: Vec<String>,
    /// How full pages are filled by inserts, in percent: 10 to 100.
    pub fillfactor: u32,
    /// About which part of the rows has NULL in all written columns, 0.0 to 1.0; none where nobody
    /// has counted.
    pub empty: Option<f64>,
    /// Triggers that fire on updates, by name, other than our own.
    pub triggers: Vec<String>,
    /// How long ago the oldest snapshot was taken that keeps old versions of rows from being
    /// cleaned up; none if there is none.
    pub oldest_snapshot: Option<std::time::Duration>,
    /// Free space in bytes of the disk that it lies on, where that is known.
    pub free_bytes: Option<u64>,
}

/// A column of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Whether it is a whole number, so that rows can be divided by its remainder.
    pub integer: bool,
}

/// How the rows of a table are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "kebab-case")]
pub enum Strategy {
    /// By their place on disk, some pages at a time, in `passes` passes over each of those. Each
    /// pass takes the rows of one remainder of the key, and what it leaves behind makes room for
    /// the new versions that the next one puts on the same page, which no index has to know.
    Strided {
        /// How many passes; at least 2.
        passes: u32,
    },
    /// By their place on disk, once.
    Plain,
    /// By their key.
    KeyRange,
    /// Into a new table that then takes the place of the old one.
    ShadowCopy,
}

/// A strategy with what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What was chosen.
    #[serde(flatten)]
    pub strategy: Strategy,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
    /// What will make it slower or larger than it could be, and what helps, a sentence each.
    pub warnings: Vec<String>,
}
