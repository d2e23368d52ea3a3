//! Which database a text is written for, by what only its dialect has.
//!
//! Each kind of sign counts once for a file, and a file with many of one kind is as good as a file
//! with one. Sources: the lists of key words and types in the manuals,
//! <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>,
//! <https://www.sqlite.org/lang.html>, <https://dev.mysql.com/doc/refman/8.4/en/keywords.html>.

use std::collections::{BTreeMap, BTreeSet};

use super::path::Backend;
use super::scan::{Kind, tokens};
use crate::engine::Engine;

const POSTGRES: Backend = Backend::Known(Engine::Postgres);
const SQLITE: Backend = Backend::Known(Engine::Sqlite);
const MYSQL: Backend = Backend::Known(Engine::Mysql);
const CLICKHOUSE: Backend = Backend::Other("ClickHouse");
const SQL_SERVER: Backend = Backend::Other("SQL Server");
const ORACLE: Backend = Backend::Other("Oracle");

/// How many signs are needed, and how many times those of the next likely database.
const ENOUGH: usize = 3;
const CLEAR: usize = 4;

/// Counts of signs over many files.
#[derive(Debug, Default)]
pub(super) struct Signals {
    counts: BTreeMap<Backend, usize>,
}

impl Signals {
    /// Counts the signs of one file.
    pub(super) fn add(&mut self, text: &str) {
        for (backend, _) in signs(text) {
            *self.counts.entry(backend).or_default() += 1;
        }
    }

    /// The database that has a clear majority, with how many signs of how many.
    pub(super) fn majority(&self) -> Option<(Backend, usize, usize)> {
        let (backend, most) = self.counts.iter().max_by_key(|(_, count)| **count)?;
        let next = self
            .counts
            .iter()
            .filter(|(other, _)| *other != backend)
            .map(|(_, count)| *count)
            .max()
            .unwrap_or_default();
        let all = self.counts.values().sum();
        (*most >= ENOUGH && *most >= CLEAR * next).then_some((*backend, *most, all))
    }
}

/// The kinds of signs in a text.
fn signs(text: &str) -> BTreeSet<(Backend, &'static str)> {
    let mut found = BTreeSet::new();
    // The words before, the nearest last, so that pairs of words are seen.
    let mut before = String::new();
    let mut last_sign = (0_usize, 0_u8);
    for token in tokens(text) {
        let here = text.get(token.span.clone()).unwrap_or_default();
        match token.kind {
            Kind::Word => {
                let word = here.to_ascii_uppercase();
                found.extend(of_word(&word));
                found.extend(of_pair(&before, &word));
                before = word;
                continue;
            }
            // MySQL's and SQLite's alike: against the others.
            Kind::Quoted(b'`') => {
                found.insert((MYSQL, "`"));
                found.insert((SQLITE, "`"));
            }
            Kind::Dollar => {
                found.insert((POSTGRES, "$$"));
            }
            Kind::Sign(b':') if last_sign == (token.span.start, b':') => {
                found.insert((POSTGRES, "::"));
            }
            _ => {}
        }
        if let Kind::Sign(sign) = token.kind {
            last_sign = (token.span.end, sign);
        }
        before.clear();
    }
    found
}

/// What a word says by itself.
fn of_word(word: &str) -> Option<(Backend, &'static str)> {
    Some(match word {
        "SERIAL" | "BIGSERIAL" | "SMALLSERIAL" | "SERIAL4" | "SERIAL8" => (POSTGRES, "serial"),
        "JSONB" => (POSTGRES, "jsonb"),
        "TIMESTAMPTZ" => (POSTGRES, "timestamptz"),
        "BYTEA" => (POSTGRES, "bytea"),
        "TSVECTOR" | "TSQUERY" => (POSTGRES, "tsvector"),
        "CITEXT" | "LTREE" | "HSTORE" | "INET" | "CIDR" | "TSTZRANGE" => (POSTGRES, "types"),
        "PLPGSQL" => (POSTGRES, "plpgsql"),
        "CONCURRENTLY" => (POSTGRES, "concurrently"),
        "NEXTVAL" | "SETVAL" | "REGCLASS" => (POSTGRES, "nextval"),
        "GIN" | "GIST" | "BRIN" => (POSTGRES, "access methods"),
        "PG_CATALOG" | "PG_TYPE" | "PG_CONSTRAINT" => (POSTGRES, "pg_catalog"),
        "GEN_RANDOM_UUID" | "UUID_GENERATE_V4" => (POSTGRES, "uuid"),
        "AUTOINCREMENT" => (SQLITE, "autoincrement"),
        "PRAGMA" => (SQLITE, "pragma"),
        "ROWID" => (SQLITE, "rowid"),
        "STRFTIME" | "UNIXEPOCH" | "JULIANDAY" => (SQLITE, "time functions"),
        "SQLITE_MASTER" | "SQLITE_SEQUENCE" | "SQLITE_SCHEMA" => (SQLITE, "sqlite_master"),
        "FTS4" | "FTS5" => (SQLITE, "fts"),
        "RANDOMBLOB" => (SQLITE, "randomblob"),
        "AUTO_INCREMENT" => (MYSQL, "auto_increment"),
        "INNODB" | "MYISAM" => (MYSQL, "innodb"),
        "CHARSET" => (MYSQL, "charset"),
        "UTF8MB4" | "UTF8MB4_UNICODE_CI" | "UTF8MB4_GENERAL_CI" | "UTF8MB4_BIN" => {
            (MYSQL, "utf8mb4")
        }
        "UNSIGNED" => (MYSQL, "unsigned"),
        "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB"
        | "MEDIUMINT" => (MYSQL, "types"),
        "DELIMITER" => (MYSQL, "delimiter"),
        "FOREIGN_KEY_CHECKS" | "SQL_MODE" => (MYSQL, "variables"),
        "MERGETREE"
        | "REPLACINGMERGETREE"
        | "REPLICATEDREPLACINGMERGETREE"
        | "REPLICATEDMERGETREE"
        | "AGGREGATINGMERGETREE"
        | "SUMMINGMERGETREE" => (CLICKHOUSE, "mergetree"),
        "LOWCARDINALITY" | "DATETIME64" => (CLICKHOUSE, "types"),
        "NVARCHAR" | "DATETIME2" | "UNIQUEIDENTIFIER" | "DATETIMEOFFSET" => (SQL_SERVER, "types"),
        "SYSOBJECTS" | "OBJECT_ID" | "SP_RENAME" => (SQL_SERVER, "catalog"),
        "VARCHAR2" | "NVARCHAR2" => (ORACLE, "types"),
        "SYSTIMESTAMP" | "SYSDATE" => (ORACLE, "time"),
        _ => return None,
    })
}

/// What two words in a row say.
fn of_pair(before: &str, word: &str) -> Option<(Backend, &'static str)> {
    Some(match (before, word) {
        ("CREATE", "EXTENSION") => (POSTGRES, "extension"),
        ("AS", "ENUM") => (POSTGRES, "create type"),
        ("NOT", "VALID") => (POSTGRES, "not valid"),
        ("OWNER", "TO") => (POSTGRES, "owner to"),
        ("CHARACTER", "VARYING") => (POSTGRES, "character varying"),
        ("TIMESTAMP", "WITH" | "WITHOUT") => (POSTGRES, "timestamp with time zone"),
        ("WITHOUT", "ROWID") => (SQLITE, "without rowid"),
        ("OR", "IGNORE") => (SQLITE, "or ignore"),
        ("MODIFY" | "CHANGE", "COLUMN") => (MYSQL, "modify column"),
        ("UPDATE", "CURRENT_TIMESTAMP") => (MYSQL, "on update"),
        ("ON", "CLUSTER") => (CLICKHOUSE, "on cluster"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn majority(texts: &[&str]) -> Option<Backend> {
        let mut signals = Signals::default();
        for text in texts {
            signals.add(text);
        }
        signals.majority().map(|(backend, ..)| backend)
    }

    #[test]
    fn three_signs_without_contradiction_are_enough() {
        let text = "CREATE TABLE a (id BIGSERIAL PRIMARY KEY, j JSONB DEFAULT '{}'::jsonb);";
        assert_eq!(majority(&[text]), Some(POSTGRES));
        assert_eq!(majority(&["CREATE TABLE a (id INT, j JSONB);"]), None);
    }

    #[test]
    fn backticks_alone_say_neither_mysql_nor_sqlite() {
        assert_eq!(majority(&["CREATE TABLE `a` (`b` INT);"; 20]), None);
    }

    #[test]
    fn one_kind_of_sign_counts_once_a_file() {
        assert_eq!(majority(&["SELECT a::int, b::int, c::int, d::int;"]), None);
        assert_eq!(majority(&["SELECT a::int;"; 3]), Some(POSTGRES));
    }

    #[test]
    fn comments_and_strings_say_nothing() {
        let text = "-- JSONB SERIAL\n/* BYTEA */ SELECT 'AUTOINCREMENT', \"PRAGMA\";";
        assert!(signs(text).is_empty());
    }

    #[test]
    fn a_mixture_says_nothing() {
        let sqlite = "PRAGMA foreign_keys = OFF; CREATE TABLE a (id INTEGER AUTOINCREMENT);";
        let postgres = "CREATE TABLE a (id SERIAL, j JSONB);";
        assert_eq!(majority(&[sqlite, postgres, sqlite, postgres]), None);
    }
}
