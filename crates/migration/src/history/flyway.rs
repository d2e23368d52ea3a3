//! Flyway: names, and whether a script runs in a transaction.
//!
//! As <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/internal/resource/ResourceNameParser.java>
//! and the parsers of the databases have it, with the prefixes, separator and suffix that Flyway has
//! unless it is told otherwise.

use super::order::Key;
use super::scan;
use crate::engine::Engine;

/// What a file is to Flyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `V`: a step.
    Versioned,
    /// `U`: the way back of a step.
    Undo,
    /// `R`: applied again whenever it changes.
    Repeatable,
    /// `B`: stands for everything up to its version on an empty database.
    Baseline,
}

/// A name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name<'a> {
    /// What the file is.
    pub(super) role: Role,
    /// The version as written; empty for a repeatable one.
    pub(super) version: &'a str,
    /// The version to order by; none for a repeatable one.
    pub(super) key: Option<Key>,
    /// The rest, with `_` for blanks.
    pub(super) description: &'a str,
}

/// Takes the name of a file apart, without its extension.
pub(super) fn parse(stem: &str) -> Option<Name<'_>> {
    let role = match stem.as_bytes().first()? {
        b'V' => Role::Versioned,
        b'U' => Role::Undo,
        b'R' => Role::Repeatable,
        b'B' => Role::Baseline,
        _ => return None,
    };
    let rest = stem.get(1..)?;
    let (version, description) = rest.split_once("__").unwrap_or((rest, ""));
    let key = match role {
        Role::Repeatable if version.is_empty() => None,
        Role::Repeatable => return None,
        _ => Some(Key::dotted(version)?),
    };
    Some(Name {
        role,
        version,
        key,
        description,
    })
}

/// The name of a script without its extension, which may be in any case.
pub(super) fn stem(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(".sql".len())?;
    let (stem, extension) = name.split_at_checked(at)?;
    extension.eq_ignore_ascii_case(".sql").then_some(stem)
}

/// Whether a name is certainly meant for Flyway or refinery: a prefix, digits and `__`, or `R__`.
pub(super) fn is_name(name: &str) -> bool {
    let stem = stem(name).unwrap_or(name);
    stem.contains("__")
        && parse(stem).is_some_and(|name| {
            name.role == Role::Repeatable || name.version.starts_with(|c: char| c.is_ascii_digit())
        })
}

/// Whether a script is one that Flyway runs before or after something.
pub(super) fn is_callback(stem: &str) -> bool {
    ["before", "after", "createSchema"]
        .iter()
        .any(|event| stem.starts_with(event))
}

/// What the statements of a script make of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// All can run in one.
    All,
    /// None can.
    None,
    /// Some can, some cannot, which Flyway refuses unless `mixed` is set.
    Mixed,
}

/// Whether the statements of a script can run in a transaction, as Flyway sees it: by the first ten
/// words outside of parentheses.
/// <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-database/flyway-database-postgresql/src/main/java/org/flywaydb/database/postgresql/PostgreSQLParser.java>,
/// <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/internal/database/sqlite/SQLiteParser.java>
pub(super) fn fit(text: &str, engine: Option<Engine>) -> Fit {
    let (mut inside, mut outside) = (false, false);
    for words in scan::beginnings(text, 10) {
        if is_outside(&words, engine) {
            outside = true;
        } else {
            inside = true;
        }
    }
    match (inside, outside) {
        (true, true) => Fit::Mixed,
        (false, true) => Fit::None,
        _ => Fit::All,
    }
}

fn is_outside(words: &[String], engine: Option<Engine>) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let postgres = matches!(
        words.as_slice(),
        [
            "CREATE" | "DROP",
            "DATABASE" | "TABLESPACE" | "SUBSCRIPTION",
            ..
        ] | ["ALTER", "SYSTEM", ..]
            | ["CREATE" | "DROP", "INDEX", "CONCURRENTLY", ..]
            | ["CREATE" | "DROP", "UNIQUE", "INDEX", "CONCURRENTLY", ..]
            | ["REINDEX", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["REINDEX", "VERBOSE", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["VACUUM", ..]
            | ["DISCARD", "ALL", ..]
    );
    let sqlite = matches!(words.as_slice(), ["PRAGMA", "FOREIGN_KEYS", ..]);
    match engine {
        Some(Engine::Postgres) => postgres,
        Some(Engine::Sqlite) => sqlite,
        Some(Engine::Mysql) => false,
        None => postgres || sqlite,
    }
}

/// What the file beside a script, `<script>.conf`, says of `executeInTransaction`.
pub(super) fn in_transaction(conf: &str) -> Option<bool> {
    conf.lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| key.trim() == "executeInTransaction")
        .map(|(_, value)| value.trim().eq_ignore_ascii_case("true"))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_flyway_does() {
        let parts = |stem| parse(stem).map(|name| (name.role, name.version, name.description));
        assert_eq!(parts("V1__a"), Some((Role::Versioned, "1", "a")));
        assert_eq!(parts("V1_2__a__b"), Some((Role::Versioned, "1_2", "a__b")));
        assert_eq!(parts("V1.2.3"), Some((Role::Versioned, "1.2.3", "")));
        assert_eq!(parts("R__views"), Some((Role::Repeatable, "", "views")));
        assert_eq!(parts("U2__a"), Some((Role::Undo, "2", "a")));
        assert_eq!(parts("B3__a"), Some((Role::Baseline, "3", "a")));
        for stem in [
            "v1__a", "V__a", "V1a__b", "R1__a", "Rest", "V1.__a", "", "X1__a", "V1_a",
        ] {
            assert_eq!(parts(stem), None, "{stem}");
        }
    }

    #[test]
    fn statements_without_a_transaction_are_those_of_the_engine() {
        let index = "-- x\nCREATE UNIQUE INDEX CONCURRENTLY \"i\" ON t (c);";
        assert_eq!(fit(index, Some(Engine::Postgres)), Fit::None);
        assert_eq!(fit(index, Some(Engine::Mysql)), Fit::All);
        let both = "VACUUM t; SELECT 1";
        assert_eq!(fit(both, Some(Engine::Postgres)), Fit::Mixed);
        assert_eq!(fit(both, Some(Engine::Sqlite)), Fit::All);
        let pragma = "pragma foreign_keys = OFF";
        assert_eq!(fit(pragma, Some(Engine::Sqlite)), Fit::None);
        assert_eq!(fit("REINDEX (VERBOSE) TABLE t", None), Fit::All);
        assert_eq!(fit("", None), Fit::All);
    }

    #[test]
    fn a_file_beside_the_script_decides() {
        assert_eq!(
            in_transaction("executeInTransaction = false\n"),
            Some(false)
        );
        assert_eq!(in_transaction("# executeInTransaction=false"), None);
        assert_eq!(in_transaction("encoding=UTF-8"), None);
    }
}
