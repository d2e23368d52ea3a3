//! Folders of migrations as other tools keep them, read as they are.
//!
//! A [`Folder`] is what a tool would apply, in the tool's order: a list of [`Migration`]s, each with
//! a way up and often a way down. [`read`] makes it from the names and contents of files; finding
//! the files is the caller's work, and so is running them.
//!
//! Deliberately absent: files, databases, and what the SQL means.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::engine::Engine;

/// A folder of migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The folder, relative to where the search began; empty where it is that place itself.
    pub path: String,
    /// Whose conventions it follows.
    pub tool: Tool,
    /// The engine that it is for, where something says so.
    pub engine: Option<Engine>,
    /// The migrations, in the order in which the tool applies them.
    pub migrations: Vec<Migration>,
    /// What is wrong with the folder itself.
    pub problems: Vec<Problem>,
}

/// A migration tool, or plain files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// sqlx: `20240101120000_name.sql`, or `.up.sql` and `.down.sql`.
    Sqlx,
    /// Diesel: a folder for each migration with `up.sql` and `down.sql`.
    Diesel,
    /// golang-migrate: `1_name.up.sql` and `1_name.down.sql`.
    GolangMigrate,
    /// dbmate: one file with `-- migrate:up` and `-- migrate:down`.
    Dbmate,
    /// goose: one file with `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// Flyway: `V1__name.sql`, `U1__name.sql`, `R__name.sql`.
    Flyway,
    /// refinery: `V1__name.sql` or `U1__name.sql`, without ways down.
    Refinery,
    /// Prisma: a folder for each migration with `migration.sql`.
    Prisma,
    /// Atlas: `20240101120000.sql` with `atlas.sum`.
    Atlas,
    /// Numbered files of nobody in particular.
    Plain,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its version as the tool knows it, such as `20240101120000`; empty for a repeatable one.
    pub version: String,
    /// Its name in words, such as `add_email`.
    pub name: String,
    /// The way up.
    pub up: Part,
    /// The way down, where there is one.
    pub down: Option<Part>,
    /// Whether it is applied again whenever it changes (Flyway's `R__`).
    pub repeatable: bool,
}

/// The SQL of one way of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file, relative to where the search began.
    pub file: String,
    /// Where in the file the SQL is, in bytes: all of it, or the section of a file that holds both
    /// ways.
    pub span: Range<usize>,
    /// Whether the tool runs it in one transaction.
    pub transaction: Wrapped,
}

/// What a tool wraps around the SQL of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrapped {
    /// `BEGIN` and `COMMIT`.
    Transaction,
    /// Nothing, but all statements are sent as one message, which PostgreSQL runs as one
    /// transaction if there is more than one:
    /// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT>.
    OneMessage,
    /// Nothing, and statements are sent one by one.
    Nothing,
}

/// Something wrong with a folder or one of its files, apart from what the SQL means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to where the search began; the folder's path where it is about the whole.
    pub file: String,
    /// Where in the file, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: ProblemKind,
}

/// What is wrong with a folder or one of its files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// Two migrations have one version.
    #[error("version {version} is also that of {other}")]
    SameVersion {
        /// The version.
        version: String,
        /// The other file.
        other: String,
    },
    /// A way down without its way up.
    #[error("there is no way up to this way down")]
    DownWithoutUp,
    /// The file is not UTF-8.
    #[error("byte {at} is not UTF-8")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// A section marker is missing or out of order.
    #[error("{0}")]
    Section(String),
    /// The tool's own checksum does not match: the file was edited after it was made.
    #[error("the checksum in {file} is of another content")]
    Checksum {
        /// The file that says otherwise.
        file: String,
    },
}

impl Tool {
    /// The name as its makers write it.
    pub const fn title(self) -> &'static str {
        match self {
            Tool::Sqlx => "sqlx",
            Tool::Diesel => "Diesel",
            Tool::GolangMigrate => "golang-migrate",
            Tool::Dbmate => "dbmate",
            Tool::Goose => "goose",
            Tool::Flyway => "Flyway",
            Tool::Refinery => "refinery",
            Tool::Prisma => "Prisma",
            Tool::Atlas => "Atlas",
            Tool::Plain => "plain SQL",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}
