//! Folders of migrations as other tools keep them, read as they are.
//!
//! `discover` finds them in the paths of a repository, by names alone, and says which files it
//! takes to be sure. `read` makes a [`Folder`] of the contents: what the tool would apply, in the
//! tool's order, a list of [`Migration`]s, each with a way up and often a way down. `pieces` says
//! in which pieces a tool sends the SQL of a way, `checksum` what it stores of a file, and `standing` how
//! what it has written down in a database fits a folder.
//!
//! What is said of a tool was read in its source; each module names the place.
//!
//! Deliberately absent: files, databases, and what the SQL means.

mod applied;
mod atlas;
mod checksum;
mod discover;
mod evidence;
mod flyway;
mod order;
mod path;
mod pieces;
mod read;
mod scan;
mod sections;
mod signals;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::engine::Engine;

pub use applied::{Misfit, MisfitKind, Record, Row, Standing, State, record, standing};
pub use checksum::{Checksum, atlas_hashes, atlas_sum, checksum, is_checksum_of};
pub use discover::{Candidate, at, discover};
pub use pieces::pieces;
pub use read::read;

/// A folder of migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The folder, relative to where the search began; empty where it is that place itself.
    pub path: String,
    /// Whose conventions it follows.
    pub tool: Tool,
    /// The engine that it is for, where something says so.
    pub engine: Option<Engine>,
    /// The name of the engine that it is for, where that is none of [`Engine`]: its SQL must not be
    /// judged as that of another.
    pub other_engine: Option<&'static str>,
    /// The migrations, in the order in which the tool applies them.
    pub migrations: Vec<Migration>,
    /// What is wrong with the folder and its files, in the order of the files.
    pub problems: Vec<Problem>,
    /// What tool and engine were seen by.
    pub because: Because,
}

/// What the tool and the engine of a folder were seen by, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Because {
    /// Of the tool, such as "`atlas.sum` in the folder".
    pub tool: String,
    /// Of the engine; empty where it is not known.
    pub engine: String,
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
    /// sql-migrate: one file with `-- +migrate Up` and `-- +migrate Down`.
    SqlMigrate,
    /// Flyway: `V1__name.sql`, `U1__name.sql`, `R__name.sql`.
    Flyway,
    /// refinery: `V1__name.sql` or `U1__name.sql`, without ways down.
    Refinery,
    /// Prisma: a folder for each migration with `migration.sql`.
    Prisma,
    /// Drizzle: `0000_name.sql` in the order of `meta/_journal.json`.
    Drizzle,
    /// node-pg-migrate: one file with `-- Up Migration` and `-- Down Migration`.
    NodePgMigrate,
    /// Atlas: `20240101120000.sql` with `atlas.sum`.
    Atlas,
    /// Supabase: `supabase/migrations/20240101120000_name.sql`.
    Supabase,
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
    /// Whether it stands for everything before it on a database that is empty, and is passed over on
    /// any other (Flyway's `B__`, Atlas's `-- atlas:checkpoint`).
    pub baseline: bool,
}

/// The SQL of one way of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file, relative to where the search began.
    pub file: String,
    /// Where in the file the SQL is, in bytes: all of it, or the section of a file that holds both
    /// ways; without a byte order mark. On boundaries of characters.
    pub span: Range<usize>,
    /// Whether the tool runs it in one transaction.
    pub transaction: Wrapped,
    /// Whether the SQL is known. If not, because the file is code, is not UTF-8, was not handed in or
    /// is not divided as the tool wants it, `span` is empty, what the migration does is unknown, and
    /// a [`Problem`] says why.
    pub readable: bool,
}

/// What a tool wraps around the SQL of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrapped {
    /// `BEGIN` and `COMMIT`, or what amounts to it.
    Transaction,
    /// Nothing, but all statements are sent as one message, which PostgreSQL runs as one
    /// transaction if there is more than one:
    /// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT>.
    /// MySQL and SQLite commit each statement by itself.
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
    /// The file begins with a byte order mark, which the tool sends along and the server takes for
    /// the beginning of the first word.
    #[error("the file begins with a byte order mark, which is sent to the server as SQL")]
    ByteOrderMark,
    /// The contents of the file were not handed in.
    #[error("the file was not read")]
    Unread,
    /// A migration in code: it has its place in the order, and what it does is unknown.
    #[error("a migration in code, which is not read")]
    Code,
    /// A section marker is missing or out of order.
    #[error("{0}")]
    Section(String),
    /// The file is in the folder, and its name makes the tool pass it over or stop.
    #[error("{0}")]
    Name(String),
    /// The file is empty, which the tool refuses.
    #[error("the file is empty, which {tool} refuses")]
    Empty {
        /// The tool's name.
        tool: &'static str,
    },
    /// The tool's own checksum does not match: the file was edited after it was made.
    #[error("the checksum in {file} is of another content")]
    Checksum {
        /// The file that says otherwise.
        file: String,
    },
    /// The tool's own list of files does not have this one.
    #[error("{file} does not list this file")]
    Unlisted {
        /// The file with the list.
        file: String,
    },
    /// The tool's own list of files has one that is not there.
    #[error("{name} is listed, and there is no such file")]
    Missing {
        /// The name in the list.
        name: String,
    },
}

impl Folder {
    /// An empty folder.
    pub fn new(path: impl Into<String>, tool: Tool, engine: Option<Engine>) -> Self {
        Folder {
            path: path.into(),
            tool,
            engine,
            other_engine: None,
            migrations: Vec::new(),
            problems: Vec::new(),
            because: Because::default(),
        }
    }

    /// What the tool runs on an empty database: from the last baseline on, or everything.
    pub fn from_empty(&self) -> &[Migration] {
        let first = self
            .migrations
            .iter()
            .rposition(|migration| migration.baseline);
        self.migrations
            .get(first.unwrap_or_default()..)
            .unwrap_or_default()
    }

    /// What the tool runs on a database that has had migrations from the beginning: everything but
    /// baselines.
    pub fn step_by_step(&self) -> impl Iterator<Item = &Migration> {
        self.migrations
            .iter()
            .filter(|migration| !migration.baseline)
    }
}

impl Migration {
    /// A migration with a way up.
    pub fn new(version: impl Into<String>, name: impl Into<String>, up: Part) -> Self {
        Migration {
            version: version.into(),
            name: name.into(),
            up,
            down: None,
            repeatable: false,
            baseline: false,
        }
    }
}

impl Part {
    /// A part that is at `span` of `file`.
    pub fn new(file: impl Into<String>, span: Range<usize>, transaction: Wrapped) -> Self {
        Part {
            file: file.into(),
            span,
            transaction,
            readable: true,
        }
    }

    /// A part of which only the file is known.
    pub fn unreadable(file: impl Into<String>, transaction: Wrapped) -> Self {
        Part {
            file: file.into(),
            span: 0..0,
            transaction,
            readable: false,
        }
    }
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 14] = [
        Tool::Sqlx,
        Tool::Diesel,
        Tool::GolangMigrate,
        Tool::Dbmate,
        Tool::Goose,
        Tool::SqlMigrate,
        Tool::Flyway,
        Tool::Refinery,
        Tool::Prisma,
        Tool::Drizzle,
        Tool::NodePgMigrate,
        Tool::Atlas,
        Tool::Supabase,
        Tool::Plain,
    ];

    /// The name as its makers write it.
    pub const fn title(self) -> &'static str {
        match self {
            Tool::Sqlx => "sqlx",
            Tool::Diesel => "Diesel",
            Tool::GolangMigrate => "golang-migrate",
            Tool::Dbmate => "dbmate",
            Tool::Goose => "goose",
            Tool::SqlMigrate => "sql-migrate",
            Tool::Flyway => "Flyway",
            Tool::Refinery => "refinery",
            Tool::Prisma => "Prisma",
            Tool::Drizzle => "Drizzle",
            Tool::NodePgMigrate => "node-pg-migrate",
            Tool::Atlas => "Atlas",
            Tool::Supabase => "Supabase",
            Tool::Plain => "plain SQL",
        }
    }

    /// Whether foreign keys are enforced on the connections over which it runs migrations on SQLite.
    /// SQLite itself does not; libraries that bring SQLite along often do. An application that opens
    /// the connection for its tool may decide otherwise.
    ///
    /// sqlx says so itself:
    /// <https://github.com/launchbadge/sqlx/blob/0449ac5c/sqlx-sqlite/src/options/mod.rs>. refinery
    /// and Prisma have the SQLite of libsqlite3-sys, Drizzle most often that of better-sqlite3, both
    /// built with `SQLITE_DEFAULT_FOREIGN_KEYS=1`.
    pub const fn enforces_foreign_keys(self) -> bool {
        matches!(
            self,
            Tool::Sqlx | Tool::Refinery | Tool::Prisma | Tool::Drizzle
        )
    }

    /// The word for settings and files: `golang-migrate`.
    pub const fn word(self) -> &'static str {
        match self {
            Tool::Sqlx => "sqlx",
            Tool::Diesel => "diesel",
            Tool::GolangMigrate => "golang-migrate",
            Tool::Dbmate => "dbmate",
            Tool::Goose => "goose",
            Tool::SqlMigrate => "sql-migrate",
            Tool::Flyway => "flyway",
            Tool::Refinery => "refinery",
            Tool::Prisma => "prisma",
            Tool::Drizzle => "drizzle",
            Tool::NodePgMigrate => "node-pg-migrate",
            Tool::Atlas => "atlas",
            Tool::Supabase => "supabase",
            Tool::Plain => "plain",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}
