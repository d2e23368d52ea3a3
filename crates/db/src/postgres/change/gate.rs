//! The statements of a script, and the refusal of those that may not be in one.
//!
//! A script is judged as a whole before anything of it is run. What a statement does inside of a
//! function or a string that is put together cannot be seen here; so that it has left neither the
//! transaction nor the role is checked again at its end.

use switchback_migration::engine::Engine;
use switchback_migration::sql::split::{self, PieceKind};
use switchback_migration::sql::tokens::{Token, TokenKind, tokens};
use switchback_model::plan::Run;

use super::control::SCHEMA;
use super::error::{ChangeError, line_of};
use super::statement::{self, Form};
use crate::text::excerpt;

/// A statement of a script.
#[derive(Debug, Clone)]
pub(super) struct Statement<'t> {
    /// Its text, from its first to its last token.
    pub(super) text: &'t str,
    /// Where it begins in the script, in bytes.
    pub(super) start: usize,
    /// What it is.
    pub(super) form: Form,
}

/// Why statements may not be in a script that is one transaction.
const TRANSACTION: &str = "that is one transaction with its mark";
/// Why statements may not be in a script that is run statement by statement.
const REPEATED: &str = "of which every statement must bear to be run again after a crash";
/// Why some may be in neither.
const EITHER: &str = "that is run with time-outs and a mark of its own";

/// The statements of a script, in order.
///
/// # Errors
/// [`ChangeError::Forbidden`] at the first that may not be in it.
pub(super) fn statements(script: &str, run: Run) -> Result<Vec<Statement<'_>>, ChangeError> {
    let mut found = Vec::new();
    for piece in split::statements(script, Engine::Postgres) {
        let text = script.get(piece.body.clone()).unwrap_or_default();
        let refuse = |what: &str, why| ChangeError::Forbidden {
            what: what.to_owned(),
            why,
            line: line_of(script, piece.body.start),
            statement: excerpt(text),
        };
        match piece.kind {
            PieceKind::Empty => continue,
            PieceKind::ClientCommand => {
                return Err(refuse("a command of a client program", EITHER));
            }
            PieceKind::CopyData => return Err(refuse("COPY FROM STDIN", EITHER)),
            PieceKind::Sql => {}
        }
        let words = tokens(text);
        if let Some(what) = forbidden(&words) {
            return Err(refuse(what, EITHER));
        }
        let form = statement::form(text, &words);
        match (run, &form) {
            (Run::Rebuild, _) => {
                return Err(refuse("a statement that makes a table again", EITHER));
            }
            (Run::Transaction, _) => {
                if let Some(what) = not_in_transaction(&words, &form) {
                    return Err(refuse(what, TRANSACTION));
                }
            }
            (Run::Statements, Form::Other | Form::Code) => {
                return Err(refuse(
                    "a statement that may fail the second time",
                    REPEATED,
                ));
            }
            (Run::Statements, Form::CreateIndex(index)) if index.name.is_none() => {
                return Err(refuse("an index without a name", REPEATED));
            }
            (Run::Statements, _) => {}
        }
        found.push(Statement {
            text,
            start: piece.body.start,
            form,
        });
    }
    Ok(found)
}

/// What the statement is, if it may be in no script.
fn forbidden(words: &[Token<'_>]) -> Option<&'static str> {
    let word = |place: usize, wanted: &str| words.get(place).is_some_and(|it| it.is(wanted));
    let first = words.first()?;
    if first.kind == TokenKind::Word {
        let head = first.text.to_ascii_lowercase();
        match head.as_str() {
            "begin" => return Some("BEGIN"),
            "commit" | "end" => return Some("COMMIT"),
            "rollback" | "abort" => return Some("ROLLBACK"),
            "savepoint" | "release" => return Some("SAVEPOINT"),
            "start" if word(1, "transaction") => return Some("START TRANSACTION"),
            "prepare" if word(1, "transaction") => return Some("PREPARE TRANSACTION"),
            "prepare" | "deallocate" | "execute" => return Some("a prepared statement"),
            "discard" => return Some("DISCARD"),
            "reset" => return Some("RESET"),
            "set" => {
                if let Some(what) = forbidden_setting(words) {
                    return Some(what);
                }
            }
            "copy" if words.iter().any(|it| it.is("stdin") || it.is("stdout")) => {
                return Some("COPY from or to the client");
            }
            "alter" if word(1, "system") => return Some("ALTER SYSTEM"),
            _ => {}
        }
    }
    words
        .iter()
        .any(|it| names_control(it))
        .then_some("the schema of the control tables")
}

/// Settings that outlast the transaction, or that this engine relies on.
fn forbidden_setting(words: &[Token<'_>]) -> Option<&'static str> {
    let word = |place: usize, wanted: &str| words.get(place).is_some_and(|it| it.is(wanted));
    let place = if word(1, "local") || word(1, "session") {
        2
    } else {
        1
    };
    if word(place, "role") {
        return Some("SET ROLE");
    }
    if word(1, "session") && word(2, "authorization")
        || word(place, "session") && word(place + 1, "authorization")
        || word(place, "session_authorization")
    {
        return Some("SET SESSION AUTHORIZATION");
    }
    if word(1, "constraints") {
        return None;
    }
    if word(place, "transaction") || word(place, "characteristics") {
        return Some("SET TRANSACTION");
    }
    if !word(1, "local") {
        return Some("SET without LOCAL");
    }
    const OURS: [&str; 6] = [
        "lock_timeout",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
        "row_security",
        "standard_conforming_strings",
    ];
    OURS.iter()
        .any(|name| word(place, name))
        .then_some("a setting that Switchback relies on")
}

/// Whether a token names the control schema, be it inside of a string or the body of a function.
fn names_control(token: &Token<'_>) -> bool {
    if token.kind == TokenKind::Word || token.kind == TokenKind::Quoted {
        return token.name().as_deref() == Some(SCHEMA);
    }
    let text = token.text.to_ascii_lowercase();
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(SCHEMA)
        .any(|(at, it)| !text[..at].ends_with(part) && !text[at + it.len()..].starts_with(part))
}

/// What the statement is, if the database refuses it in a transaction: better before than in the
/// middle.
fn not_in_transaction(words: &[Token<'_>], form: &Form) -> Option<&'static str> {
    match form {
        Form::CreateIndex(index) if index.concurrently => {
            return Some("CREATE INDEX CONCURRENTLY");
        }
        Form::DropIndex(index) if index.concurrently => return Some("DROP INDEX CONCURRENTLY"),
        Form::Reindex { concurrently: true } => return Some("REINDEX CONCURRENTLY"),
        _ => {}
    }
    let word = |place: usize, wanted: &str| words.get(place).is_some_and(|it| it.is(wanted));
    if word(0, "vacuum") {
        return Some("VACUUM");
    }
    let whole = ["database", "tablespace", "subscription"];
    if (word(0, "create") || word(0, "drop")) && whole.iter().any(|it| word(1, it)) {
        return Some("what is outside of every transaction");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str, run: Run) -> Option<String> {
        match statements(sql, run) {
            Ok(_) => None,
            Err(ChangeError::Forbidden { what, line, .. }) => Some(format!("{line} {what}")),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_would_leave_the_transaction_is_refused() {
        for (sql, what) in [
            ("begin", "BEGIN"),
            ("START /* x */ TRANSACTION", "START TRANSACTION"),
            ("COMMIT AND CHAIN", "COMMIT"),
            ("End", "COMMIT"),
            ("rollback to x", "ROLLBACK"),
            ("ABORT", "ROLLBACK"),
            ("SAVEPOINT x", "SAVEPOINT"),
            ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"),
            ("SET ROLE x", "SET ROLE"),
            ("SET LOCAL ROLE x", "SET ROLE"),
            ("RESET ROLE", "RESET"),
            ("SET SESSION AUTHORIZATION x", "SET SESSION AUTHORIZATION"),
            (
                "SET LOCAL SESSION AUTHORIZATION x",
                "SET SESSION AUTHORIZATION",
            ),
            ("SET work_mem = '1GB'", "SET without LOCAL"),
            (
                "SET LOCAL lock_timeout = 0",
                "a setting that Switchback relies on",
            ),
            ("SET TRANSACTION READ ONLY", "SET TRANSACTION"),
            (
                "DELETE FROM _switchback.step",
                "the schema of the control tables",
            ),
            (
                "DELETE FROM \"_switchback\".step",
                "the schema of the control tables",
            ),
            (
                "DO $$ BEGIN EXECUTE 'drop schema _SWITCHBACK'; END $$",
                "the schema of the control tables",
            ),
            ("COPY t FROM stdin;\n1\n\\.\n", "COPY from or to the client"),
            ("\\connect x\n", "a command of a client program"),
            (
                "CREATE INDEX CONCURRENTLY i ON t (a)",
                "CREATE INDEX CONCURRENTLY",
            ),
            ("VACUUM t", "VACUUM"),
        ] {
            let script = format!("SELECT 1;\n{sql}");
            assert_eq!(
                refused(&script, Run::Transaction),
                Some(format!("2 {what}")),
                "{sql}"
            );
        }
        for sql in [
            "SET LOCAL work_mem = '1GB'",
            "SET CONSTRAINTS ALL DEFERRED",
            "SELECT 'my_switchback', app_switchback.x, 1 AS begin",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
        ] {
            assert_eq!(refused(sql, Run::Transaction), None, "{sql}");
        }
    }

    #[test]
    fn what_may_fail_the_second_time_is_refused_outside_of_a_transaction() {
        for sql in [
            "CREATE TABLE t (a int)",
            "UPDATE t SET a = a + 1",
            "ALTER TABLE t ADD COLUMN b int",
            "ALTER TABLE t VALIDATE CONSTRAINT c, ADD COLUMN b int",
            "DO $$ BEGIN END $$",
            "SET LOCAL work_mem = '1GB'",
            "CREATE INDEX CONCURRENTLY ON t (a)",
        ] {
            assert!(refused(sql, Run::Statements).is_some(), "{sql}");
        }
        for sql in [
            "CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (a)",
            "DROP INDEX CONCURRENTLY s.i",
            "ALTER TABLE t VALIDATE CONSTRAINT c, ALTER COLUMN a SET NOT NULL",
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS b int",
            "ALTER INDEX i ATTACH PARTITION j",
            "ALTER TABLE t ATTACH PARTITION u FOR VALUES IN (1)",
            "ALTER TABLE t DETACH PARTITION u CONCURRENTLY",
            "REINDEX INDEX CONCURRENTLY i",
            "VACUUM t; ANALYZE t; REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        ] {
            assert_eq!(refused(sql, Run::Statements), None, "{sql}");
        }
        let key = "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES o (id);";
        assert!(refused(key, Run::Rebuild).is_some());
    }
}
