//! The meaning of a schema: one line of text for each thing in a database and each of its
//! properties, in a form where equal texts mean equal behaviour.
//!
//! Left out is what has no meaning or is not the schema's: numbers that the server gives, statistics,
//! names of constraints that only say `NOT NULL`, arrays and row types that come with other types,
//! privileges that everything has from the start, what belongs to an extension, temporary things,
//! large objects and tablespaces themselves.
//!
//! Roles, their memberships and settings belong to the whole server. They are included, because
//! migrations make them and forget them.
//!
//! Definitions are those that the server itself prints, and so are alike only on servers of one
//! major version.
//!
//! Source: the chapter on system catalogs,
//! <https://www.postgresql.org/docs/current/catalogs.html>, in the editions for 12 to 18.

mod access;
mod code;
mod other;
mod tables;
mod types;

use super::error::PgError;
use super::session::Session;
use crate::history::{Kind, Line, Meaning};

/// A question whose rows are a name, the name of what it goes with, and a text.
struct Question {
    kind: Kind,
    sql: &'static str,
    /// The first version that has what it asks for, as `server_version_num` has it.
    since: u32,
}

const fn ask(kind: Kind, sql: &'static str) -> Question {
    Question {
        kind,
        sql,
        since: 0,
    }
}

/// What may stand in a question, for what it is replaced, and from which version on it is replaced
/// by something else.
///
/// Things that `initdb` made have numbers below 16384.
const WORDS: [(&str, &str, u32, &str); 9] = [
    ("{mine}", "oid >= 16384", 0, "oid >= 16384"),
    (
        "{schemas}",
        "SELECT oid FROM pg_namespace WHERE (oid >= 16384 OR nspname = 'public') \
         AND nspname !~ '^pg_(toast$|toast_temp_|temp_)'",
        0,
        "",
    ),
    (
        "{compression}",
        "''",
        140_000,
        "CASE a.attcompression WHEN 'p' THEN ' compression pglz' WHEN 'l' THEN ' compression lz4' \
         ELSE '' END",
    ),
    (
        "{not null}",
        "CASE WHEN a.attnotnull THEN ' not null' ELSE '' END",
        180_000,
        "CASE WHEN a.attnotnull THEN coalesce((SELECT ' not null' \
         || CASE WHEN k.convalidated THEN '' ELSE ' not valid' END \
         || CASE WHEN k.connoinherit THEN ' no inherit' ELSE '' END \
         FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' \
         AND k.conkey = ARRAY[a.attnum]), ' not null') ELSE '' END",
    ),
    ("{cloned}", "false", 130_000, "t.tgparentid <> 0"),
    (
        "{statistics target}",
        "''",
        130_000,
        "coalesce(' target ' || nullif(s.stxstattarget, -1), '')",
    ),
    (
        "{member options}",
        "CASE WHEN m.admin_option THEN ' with admin option' ELSE '' END",
        160_000,
        "CASE WHEN m.admin_option THEN ' with admin option' ELSE '' END \
         || CASE WHEN m.inherit_option THEN '' ELSE ' without inheriting' END \
         || CASE WHEN m.set_option THEN '' ELSE ' without setting' END",
    ),
    (
        "{multirange}",
        "''",
        140_000,
        "' multirange ' || format_type(r.rngmultitypid, NULL)",
    ),
    (
        "{published}",
        "quote_ident(n.nspname) || '.' || quote_ident(c.relname)",
        150_000,
        "quote_ident(n.nspname) || '.' || quote_ident(c.relname) \
         || coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) \
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs)) || ')', '') \
         || coalesce(' where ' || pg_get_expr(r.prqual, r.prrelid), '')",
    ),
];

/// The meaning of the whole schema of the database.
///
/// # Errors
/// If the database cannot be read.
pub fn meaning(session: &mut Session) -> Result<Meaning, PgError> {
    session.reading(|session| {
        let prepared = "SELECT FROM pg_prepared_statements WHERE name = 'switchback_0'";
        let prepared = !session.rows(prepared)?.is_empty();
        let mut lines = Vec::new();
        for (place, question) in questions(session.version()).enumerate() {
            let sql = if prepared {
                format!("EXECUTE switchback_{place}")
            } else {
                in_words_of(session.version(), question.sql)
            };
            for row in session.rows(&sql)? {
                lines.push(Line {
                    kind: question.kind,
                    name: row.text(0),
                    of: row.text(1),
                    text: row.text(2),
                });
            }
        }
        Ok(Meaning::new(lines))
    })
}

/// Prepares a session in which the meaning will be asked for often: planning the questions takes
/// longer than answering them.
///
/// # Errors
/// If the server refuses, as it does where that was done already.
pub fn prepare(session: &mut Session) -> Result<(), PgError> {
    session.reading(|session| {
        let version = session.version();
        for (place, question) in questions(version).enumerate() {
            let sql = in_words_of(version, question.sql);
            session.run(&format!("PREPARE switchback_{place} AS {sql}"))?;
        }
        Ok(())
    })
}

fn questions(version: u32) -> impl Iterator<Item = &'static Question> {
    let all = tables::QUESTIONS
        .iter()
        .chain(&types::QUESTIONS)
        .chain(&code::QUESTIONS)
        .chain(&access::QUESTIONS)
        .chain(&other::QUESTIONS);
    all.filter(move |question| question.since <= version)
}

fn in_words_of(version: u32, sql: &str) -> String {
    let mut text = sql.to_owned();
    for (word, before, since, after) in WORDS {
        let said = if since == 0 || version < since {
            before
        } else {
            after
        };
        text = text.replace(word, said);
    }
    text
}
