//! The databases that SQL is written for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A database engine: the dialect of a file, and where a change runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// PostgreSQL 12 or later.
    Postgres,
    /// SQLite 3.53 or later.
    Sqlite,
    /// MySQL or MariaDB: its files are read and linted, and changes do not run on it yet.
    Mysql,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Engine; 3] = [Engine::Postgres, Engine::Sqlite, Engine::Mysql];

    /// The word for settings and files: `postgres`.
    pub const fn word(self) -> &'static str {
        match self {
            Engine::Postgres => "postgres",
            Engine::Sqlite => "sqlite",
            Engine::Mysql => "mysql",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Postgres => "PostgreSQL",
            Engine::Sqlite => "SQLite",
            Engine::Mysql => "MySQL",
        })
    }
}
