//! What a migration counts on and nothing has made: roles, databases, extensions.
//!
//! Many projects ask their users to prepare a database by hand, and say so in a manual that no
//! migration knows. What is missing is told by the server's error, as its sources word it:
//! <https://github.com/postgres/postgres/tree/master/src/backend>.

use super::run::Run;
use crate::history::{Note, SqlError};
use crate::postgres::error::PgError;
use crate::postgres::session::{literal, name};

/// What is known by name of the extensions that come with PostgreSQL: in which kind of object, the
/// name, and the extension that brings it.
const BROUGHT: [(&str, &str, &str); 41] = [
    ("type", "citext", "citext"),
    ("type", "hstore", "hstore"),
    ("type", "ltree", "ltree"),
    ("type", "lquery", "ltree"),
    ("type", "ltxtquery", "ltree"),
    ("type", "cube", "cube"),
    ("type", "isbn", "isn"),
    ("type", "isbn13", "isn"),
    ("type", "ean13", "isn"),
    ("type", "seg", "seg"),
    ("type", "lo", "lo"),
    ("operator class", "gin_trgm_ops", "pg_trgm"),
    ("operator class", "gist_trgm_ops", "pg_trgm"),
    ("operator class", "gist_ltree_ops", "ltree"),
    ("operator class", "gin_hstore_ops", "hstore"),
    ("operator class", "gin__int_ops", "intarray"),
    ("operator class", "gist__int_ops", "intarray"),
    ("operator class", "gist__intbig_ops", "intarray"),
    ("function", "uuid_generate_v1", "uuid-ossp"),
    ("function", "uuid_generate_v1mc", "uuid-ossp"),
    ("function", "uuid_generate_v3", "uuid-ossp"),
    ("function", "uuid_generate_v4", "uuid-ossp"),
    ("function", "uuid_generate_v5", "uuid-ossp"),
    ("function", "uuid_nil", "uuid-ossp"),
    // A function of the server itself from PostgreSQL 13 on.
    ("function", "gen_random_uuid", "pgcrypto"),
    ("function", "gen_random_bytes", "pgcrypto"),
    ("function", "gen_salt", "pgcrypto"),
    ("function", "crypt", "pgcrypto"),
    ("function", "digest", "pgcrypto"),
    ("function", "hmac", "pgcrypto"),
    ("function", "pgp_sym_encrypt", "pgcrypto"),
    ("function", "similarity", "pg_trgm"),
    ("function", "word_similarity", "pg_trgm"),
    ("function", "show_trgm", "pg_trgm"),
    ("function", "unaccent", "unaccent"),
    ("function", "levenshtein", "fuzzystrmatch"),
    ("function", "soundex", "fuzzystrmatch"),
    ("function", "crosstab", "tablefunc"),
    ("function", "earth_distance", "earthdistance"),
    ("function", "ll_to_earth", "earthdistance"),
    ("text search dictionary", "unaccent", "unaccent"),
];

/// What is missing.
#[derive(Debug, PartialEq, Eq)]
enum Missing {
    Role(String),
    Database(String),
    Extension(&'static str),
}

impl Run<'_> {
    /// Makes what a statement names and nothing has made, and says so; nothing if that is not what
    /// it failed for, or it was made already.
    pub(super) fn make_missing(&mut self, error: &PgError) -> Result<Option<Note>, PgError> {
        let Some(missing) = error.refusal().and_then(missing) else {
            return Ok(None);
        };
        Ok(match missing {
            Missing::Role(role) if self.made.roles.insert(role.clone()) => {
                self.databases.make_role(&role)?;
                Some(Note::RoleMade(role))
            }
            Missing::Role(_) => None,
            Missing::Database(database) => {
                self.databases.make_database(&database)?;
                Some(Note::DatabaseMade(database))
            }
            Missing::Extension(extension) => {
                let mut session = self.databases.connect(&self.database)?;
                let can = session.rows(&format!(
                    "SELECT FROM pg_available_extensions WHERE name = {} AND installed_version IS NULL",
                    literal(extension)
                ))?;
                if can.is_empty() {
                    return Ok(None);
                }
                session.run(&format!("CREATE EXTENSION {} CASCADE", name(extension)))?;
                self.made.extensions.insert(extension.to_owned());
                Some(Note::ExtensionMade(extension.to_owned()))
            }
        })
    }
}

fn missing(error: &SqlError) -> Option<Missing> {
    let message = error.message.as_str();
    let named = |what: &str| {
        let rest = message.strip_prefix(what)?.strip_prefix(" \"")?;
        let (name, rest) = rest.rsplit_once("\" does not exist")?;
        // An operator class is followed by: for access method "gin".
        Some((name, rest))
    };
    let brought = |what: &str, name: &str| {
        // With the schema that it is looked for in, perhaps.
        let name = name.rsplit('.').next()?.trim_matches('"');
        let found = BROUGHT.iter().find(|it| it.0 == what && it.1 == name)?;
        Some(Missing::Extension(found.2))
    };
    match error.code.as_str() {
        // undefined_object
        "42704" => {
            if let Some((role, "")) = named("role") {
                return Some(Missing::Role(role.to_owned()));
            }
            // data type integer has no default operator class for access method "gist"
            if message.starts_with("data type ")
                && message.contains("has no default operator class")
            {
                return match message.rsplit_once("access method ")?.1 {
                    "\"gist\"" => Some(Missing::Extension("btree_gist")),
                    "\"gin\"" => Some(Missing::Extension("btree_gin")),
                    _ => None,
                };
            }
            ["type", "operator class", "text search dictionary"]
                .iter()
                .find_map(|what| brought(what, named(what)?.0))
        }
        // undefined_function
        "42883" => {
            let function = message.strip_prefix("function ")?;
            brought("function", function.split_once('(')?.0)
        }
        // invalid_catalog_name
        "3D000" => Some(Missing::Database(named("database")?.0.to_owned())),
        _ => None,
    }
}

/// The extension that is not there, if that is what an error is about.
pub(super) fn extension(error: &SqlError) -> Option<String> {
    // From PostgreSQL 15 on.
    let available = error
        .message
        .strip_prefix("extension \"")
        .and_then(|rest| rest.strip_suffix("\" is not available"));
    // Before: could not open extension control file ".../postgis.control": …
    let file = error
        .message
        .strip_prefix("could not open extension control file \"")
        .and_then(|rest| rest.split_once(".control\""))
        .and_then(|(path, _)| path.rsplit('/').next());
    available.or(file).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, message: &str) -> Option<Missing> {
        missing(&SqlError {
            code: code.to_owned(),
            message: message.to_owned(),
            detail: None,
            hint: None,
            context: None,
            at: None,
        })
    }

    #[test]
    fn what_is_missing_is_read_from_the_error() {
        let role = Missing::Role("the \"app\"".to_owned());
        assert_eq!(
            of("42704", "role \"the \"app\"\" does not exist"),
            Some(role)
        );
        let database = Missing::Database("x".to_owned());
        assert_eq!(of("3D000", "database \"x\" does not exist"), Some(database));
        let cases = [
            ("42704", "type \"public.citext\" does not exist", "citext"),
            (
                "42704",
                "operator class \"gin_trgm_ops\" does not exist for access method \"gin\"",
                "pg_trgm",
            ),
            (
                "42883",
                "function uuid_generate_v4() does not exist",
                "uuid-ossp",
            ),
            (
                "42883",
                "function extensions.crypt(text, text) does not exist",
                "pgcrypto",
            ),
            (
                "42704",
                "data type bigint has no default operator class for access method \"gist\"",
                "btree_gist",
            ),
        ];
        for (code, message, extension) in cases {
            assert_eq!(
                of(code, message),
                Some(Missing::Extension(extension)),
                "{message}"
            );
        }
        for (code, message) in [
            ("42704", "type \"mood\" does not exist"),
            ("42883", "function mine(integer) does not exist"),
            ("42P01", "relation \"role\" does not exist"),
            ("42704", "unrecognized configuration parameter \"a.b\""),
        ] {
            assert_eq!(of(code, message), None, "{message}");
        }
    }
}
