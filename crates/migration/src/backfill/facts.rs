//! What is known of a table before its rows are walked, and how they are walked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// What a catalog says of a table whose rows get something.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFacts {
    /// The engine.
    pub engine: Engine,
    /// The server's version as `server_version_num` has it: 150018 for 15.18. Of SQLite 3053000.
    pub version: u32,
    /// The table's full name, as it stands in SQL.
    pub table: String,
    /// The columns by which each row can be named: the primary key, or a unique index over columns
    /// that are NOT NULL. Never one with a written column. Empty where there is none.
    pub key: Vec<KeyColumn>,
    /// The columns by which a query names a row, where they are not those of the key: the primary
    /// key of a table whose rows are walked by their row id.
    pub named: Vec<String>,
    /// Size of the rows' own storage in bytes, all partitions together.
    pub bytes: u64,
    /// Size in bytes of what is stored apart from the rows because it is long.
    pub toast_bytes: u64,
    /// The size of a page in bytes.
    pub page_bytes: u32,
    /// About how many rows there are; none where nobody has counted.
    pub rows: Option<u64>,
    /// How many tables store the rows: 1, or the number of leaf partitions.
    pub leaves: u32,
    /// The files that those lie in, by the full name of the table: another number means that every
    /// row may lie somewhere else by now.
    pub files: BTreeMap<String, u64>,
    /// Whether a written column decides to which partition a row belongs.
    pub moves_partition: bool,
    /// How many indexes a new version of a row has to be entered into where it is not put beside
    /// the old one.
    pub indexes: u32,
    /// Their size in bytes.
    pub index_bytes: u64,
    /// The indexes that have a written column in them, also in an expression or a condition, so
    /// that no new version of a row can do without a new entry.
    pub indexes_on_written: Vec<String>,
    /// How full pages are filled by inserts, in percent: 10 to 100.
    pub fillfactor: u32,
    /// About which part of the rows has NULL in all written columns, 0.0 to 1.0; none where nobody
    /// has counted.
    pub empty: Option<f64>,
    /// What some rows look like; none where that could not be seen.
    pub sample: Option<Sample>,
    /// Why some rows could not be looked at, such as an expression that fails on one of them.
    pub sample_failed: Option<String>,
    /// Triggers that fire on updates, by name, other than our own.
    pub triggers: Vec<String>,
    /// Foreign keys that a written column is part of: each row is looked up.
    pub foreign_keys: Vec<String>,
    /// Stored columns that are computed from a written one.
    pub generated: Vec<String>,
    /// The oldest snapshot that keeps old versions of rows from being cleaned up; none if there is
    /// none, or none that can be seen.
    pub horizon: Option<Horizon>,
    /// Whether there are sessions of which this role may not see how old their snapshot is.
    pub sessions_hidden: bool,
    /// Free space in bytes of the disk that it lies on, where that is known.
    pub free_bytes: Option<u64>,
    /// Whether nothing of it is written to the log: it is empty after a crash.
    pub unlogged: bool,
    /// Whether a page is written to the log as a whole when it is first changed after a checkpoint.
    pub full_pages: bool,
    /// Whether autovacuum is on for it.
    pub autovacuum: bool,
    /// Publications through which updates of its rows are sent to subscribers.
    pub published: Vec<String>,
    /// Whether the log gets the whole former row for each one that is updated.
    pub identity_full: bool,
    /// Whether updates are refused because they are published and nothing names the row.
    pub identity_missing: bool,
    /// Why no copy of it can take its place, a sentence each without its end; empty where one can.
    pub not_copied: Vec<String>,
}

/// A column of the key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Whether it is a whole number, so that rows can be divided by its remainder.
    pub integer: bool,
    /// About how many different values it has; none where nobody has counted.
    pub distinct: Option<f64>,
}

/// What some rows of a table look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How many rows were looked at.
    pub rows: u64,
    /// How many of them would be changed.
    pub apart: u64,
    /// Bytes that the written columns take now, on average over those that would be changed.
    pub before: f64,
    /// Bytes that they will take.
    pub after: f64,
}

/// The oldest snapshot that keeps old versions of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Horizon {
    /// How long ago its transaction began; none where nobody says.
    pub age: Option<Duration>,
    /// How many transactions began since.
    pub transactions: u64,
    /// Who holds it, for people.
    pub holder: String,
}

/// A snapshot that is older keeps old versions of rows for longer than the passes over a stretch of
/// pages take.
pub const OLD_SNAPSHOT: Duration = Duration::from_secs(10);

/// The same where nobody says how old it is: so many transactions ago.
const OLD_TRANSACTIONS: u64 = 100_000;

impl Horizon {
    /// Whether it keeps old versions of rows for longer than a walk in passes could bear.
    pub fn is_old(&self) -> bool {
        match self.age {
            Some(age) => age >= OLD_SNAPSHOT,
            None => self.transactions >= OLD_TRANSACTIONS,
        }
    }
}

impl TableFacts {
    /// The facts of an empty table without anything that matters.
    pub fn of_empty(engine: Engine, version: u32, table: &str) -> Self {
        Self {
            engine,
            version,
            table: table.to_owned(),
            key: Vec::new(),
            named: Vec::new(),
            bytes: 0,
            toast_bytes: 0,
            page_bytes: 8192,
            rows: Some(0),
            leaves: 1,
            files: BTreeMap::new(),
            moves_partition: false,
            indexes: 0,
            index_bytes: 0,
            indexes_on_written: Vec::new(),
            fillfactor: 100,
            empty: None,
            sample: None,
            sample_failed: None,
            triggers: Vec::new(),
            foreign_keys: Vec::new(),
            generated: Vec::new(),
            horizon: None,
            sessions_hidden: false,
            free_bytes: None,
            unlogged: false,
            full_pages: true,
            autovacuum: true,
            published: Vec::new(),
            identity_full: false,
            identity_missing: false,
            not_copied: Vec::new(),
        }
    }

    /// Whether somebody keeps old versions of rows for longer than a walk in passes could bear.
    pub(super) fn is_held(&self) -> bool {
        self.horizon.as_ref().is_some_and(Horizon::is_old)
    }

    /// Bytes that a row takes on its page, on average, without the room that was left free; none
    /// where the number of rows is not known, or 0.
    pub fn row_bytes(&self) -> Option<f64> {
        let rows = self.rows.filter(|rows| *rows > 0)?;
        (self.bytes > 0).then(|| self.bytes as f64 * self.full() / rows as f64)
    }

    /// Which part of a page inserts fill, 0.1 to 1.0.
    pub(super) fn full(&self) -> f64 {
        f64::from(self.fillfactor.clamp(10, 100)) / 100.0
    }

    /// Which part of the rows would be changed, 0.0 to 1.0: as a sample says, else those that are
    /// empty, else all.
    pub fn apart(&self) -> f64 {
        let sampled = self.sample.filter(|it| it.rows > 0);
        sampled
            .map(|it| it.apart as f64 / it.rows as f64)
            .or(self.empty)
            .unwrap_or(1.0)
            .clamp(0.0, 1.0)
    }

    /// By how much a row grows, as a part of its size: 0.25 for a quarter. 0.1 where nobody knows.
    pub fn growth(&self) -> f64 {
        let sampled = self.sample.filter(|it| it.apart > 0);
        match (sampled, self.row_bytes()) {
            (Some(sample), Some(row)) => {
                // What is long goes elsewhere once a row takes more than a quarter of a page.
                let most = f64::from(self.page_bytes) / 4.0;
                let grown = (row + sample.after - sample.before).min(most.max(row));
                (grown / row - 1.0).max(0.0)
            }
            _ => 0.1,
        }
    }
}

impl Sample {
    /// About how many of `rows` rows would be changed.
    pub fn of(&self, rows: u64) -> u64 {
        if self.rows == 0 {
            return 0;
        }
        (rows as f64 * (self.apart as f64 / self.rows as f64)).round() as u64
    }
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
    /// Into a copy of the table, by their key, which then takes its place.
    ShadowCopy,
}

impl Strategy {
    /// The word for it, as it is typed.
    pub const fn word(self) -> &'static str {
        match self {
            Strategy::Strided { .. } => "strided",
            Strategy::Plain => "plain",
            Strategy::KeyRange => "key-range",
            Strategy::ShadowCopy => "shadow-copy",
        }
    }
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
