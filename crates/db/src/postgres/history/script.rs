//! The SQL of a migration, made ready to be sent.

use std::ops::Range;

use switchback_migration::Engine;
use switchback_migration::history::Wrapped;
use switchback_migration::sql::split::{PieceKind, statements};

use crate::history::locate::{line, statement};
use crate::history::{Cause, Failure, Note, Sql, SqlError};

/// SQL that can be sent: what only client programs understand is blanked out, so that every byte
/// keeps its place.
pub(super) struct Script {
    pub text: String,
    pub wrapped: Wrapped,
    /// What is sent one after another.
    pub messages: Vec<Range<usize>>,
    /// The statements, from their first to their last tokens.
    pub statements: Vec<Range<usize>>,
    pub notes: Vec<Note>,
    /// The first statement that a rehearsal does not run.
    pub refused: Option<Failure>,
}

impl Script {
    pub(super) fn new(sql: &Sql) -> Self {
        let mut bytes = sql.text.clone().into_bytes();
        let mut blank = |range: Range<usize>| {
            for byte in bytes.get_mut(range).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut notes = Vec::new();
        for piece in statements(&sql.text, Engine::Postgres) {
            let (span, body) = (
                piece.span.start..piece.span.end,
                piece.body.start..piece.body.end,
            );
            let text = sql.text.get(body.clone()).unwrap_or_default();
            match piece.kind {
                PieceKind::Sql if copies_over_wire(text) => {
                    notes.push(Note::CopySkipped {
                        line: line(&sql.text, body.start),
                    });
                    blank(span);
                }
                PieceKind::Sql => found.push(body),
                PieceKind::ClientCommand => {
                    notes.push(Note::ClientCommandSkipped {
                        line: line(&sql.text, body.start),
                        text: text.trim().chars().take(100).collect(),
                    });
                    blank(span);
                }
                PieceKind::CopyData => blank(span),
                PieceKind::Empty => {}
            }
        }
        let nul = || {
            let at = sql.text.find('\0')?;
            let span = found.iter().rfind(|it| it.start <= at).cloned();
            Some(Failure {
                cause: Cause::Sql(SqlError {
                    // character_not_in_repertoire
                    code: "22021".to_owned(),
                    message: "the SQL has a NUL character, which cannot be sent".to_owned(),
                    detail: None,
                    hint: None,
                    context: None,
                    at: None,
                }),
                statement: Some(statement(&sql.text, span.unwrap_or(at..at), Some(at))),
                only_with_rows: false,
                left_behind: Vec::new(),
            })
        };
        let refused = found.iter().find_map(|at| {
            let what = reaches_out(sql.text.get(at.clone()).unwrap_or_default())?;
            Some(Failure {
                cause: Cause::Refused { what },
                statement: Some(statement(&sql.text, at.clone(), None)),
                only_with_rows: false,
                left_behind: Vec::new(),
            })
        });
        let refused = refused.or_else(nul);
        // Whole pieces were blanked, so it is still UTF-8.
        let text = String::from_utf8(bytes).unwrap_or_else(|_| sql.text.clone());
        let messages = match (&sql.pieces, sql.wrapped) {
            (Some(pieces), _) => pieces.clone(),
            (None, Wrapped::Nothing) => found.clone(),
            (None, Wrapped::Transaction | Wrapped::OneMessage) => {
                std::iter::once(0..text.len()).collect()
            }
        };
        Self {
            text,
            wrapped: sql.wrapped,
            messages,
            statements: found,
            notes,
            refused,
        }
    }

    pub(super) fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Whether a statement begins or ends a transaction.
    pub(super) fn has_transactions(&self) -> bool {
        self.statements.iter().any(|at| {
            let word = words(self.part(at)).into_iter().next().unwrap_or_default();
            ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"].contains(&word.as_str())
        })
    }
}

/// What a statement would do that a rehearsal does not.
pub(super) fn reaches_out(statement: &str) -> Option<&'static str> {
    let words = words(statement);
    let word = |place: usize| words.get(place).map_or("", String::as_str);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    match (word(0), word(1)) {
        ("COPY", _) if has("PROGRAM") => Some("runs a program of the operating system"),
        ("COPY", _) if has("TO") && !has("STDOUT") => Some("writes a file of this machine"),
        ("ALTER", "SYSTEM") => Some("changes settings of the whole server"),
        ("LOAD", _) => Some("loads a library into the server"),
        ("CREATE", "SUBSCRIPTION") => Some("connects to another server"),
        ("CREATE" | "DROP", "DATABASE") => Some("makes or removes a whole database"),
        ("ALTER", "ROLE" | "USER") if demotes(statement) => {
            Some("takes the rights of the superuser that the rehearsal runs as")
        }
        ("CREATE", "TABLESPACE") => Some("uses a folder of this machine"),
        _ => None,
    }
}

/// Whether an `ALTER ROLE` is about the superuser of every private server, and makes it another.
fn demotes(statement: &str) -> bool {
    let text = statement.to_uppercase().replace('"', " ");
    let mut words = text.split_whitespace().skip(2);
    words.next() == Some("POSTGRES")
        && words.any(|word| ["NOSUPERUSER", "NOLOGIN", "RENAME"].contains(&word))
}

/// Whether a statement waits for rows from the client, or sends it some.
fn copies_over_wire(statement: &str) -> bool {
    let words = words(statement);
    words.first().is_some_and(|word| word == "COPY")
        && words.iter().any(|word| word == "STDIN" || word == "STDOUT")
}

/// The words of a statement in capitals, without what stands in comments, strings, quoted names and
/// bodies. Only as many as tell its kind, except for `COPY`, which ends with what matters.
fn words(statement: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        if found.len() == 2 && found.first().is_some_and(|word| word != "COPY") {
            break;
        }
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if first == '\'' || first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            inner.find(first).map_or(rest.len(), |end| end + 2)
        } else if first == '$' {
            dollar(rest)
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || "_$".contains(c)));
            let end = end.unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            found.push(word.to_uppercase());
            end
        } else {
            first.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// The length of a comment with those inside of it.
fn comment(text: &str) -> usize {
    let (mut at, mut open) = (0, 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with("/*") {
            open += 1;
            2
        } else if rest.starts_with("*/") {
            open = open.saturating_sub(1);
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if open == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string between `$tag$`, or of the sign alone.
fn dollar(text: &str) -> usize {
    let inner = text.get(1..).unwrap_or_default();
    let tag = inner
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|end| inner.get(*end..).is_some_and(|rest| rest.starts_with('$')))
        .and_then(|end| text.get(..end + 2));
    let Some(tag) = tag else { return 1 };
    let body = text.get(tag.len()..).unwrap_or_default();
    body.find(tag)
        .map_or(text.len(), |end| tag.len() + end + tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_reach_out_are_known_by_their_words() {
        for refused in [
            "COPY t FROM PROGRAM 'id'",
            "/* a /* b */ c */ copy t (a, b) -- x\n to '/tmp/x' csv",
            "COPY (SELECT 'stdout') TO '/x'",
            "ALTER SYSTEM SET work_mem = 1",
            "load 'x'",
            "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p",
            "drop /* */ database x",
            "ALTER ROLE postgres NOSUPERUSER CREATEDB",
            "alter user \"postgres\" rename to x",
        ] {
            assert!(reaches_out(refused).is_some(), "{refused}");
        }
        for fine in [
            "COPY t FROM stdin",
            "COPY (SELECT 'program') TO STDOUT",
            "COPY \"program\" FROM '/x'",
            "SELECT 1",
            "CREATE TABLE program (copy int)",
            "DO $$ begin alter system; end $$",
            "ALTER DATABASE x SET a = b",
            "ALTER ROLE postgres SET search_path = x",
            "ALTER ROLE other NOSUPERUSER",
            "",
        ] {
            assert_eq!(reaches_out(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_only_clients_understand_is_blank_and_everything_keeps_its_place() {
        let text = "\\set x 1\nSELECT 'ü';\nCOPY t FROM stdin;\nä\t1\n\\.\nSELECT 2;\n\\.\n";
        let script = Script::new(&Sql::new(text, Wrapped::Nothing));
        assert_eq!(script.text.len(), text.len());
        assert!(!script.text.contains(['\\', 'ä']) && !script.text.contains("COPY"));
        let sent: Vec<&str> = script.messages.iter().map(|at| script.part(at)).collect();
        assert_eq!(sent, ["SELECT 'ü'", "SELECT 2"]);
        assert_eq!(
            script.notes.first(),
            Some(&Note::ClientCommandSkipped {
                line: 1,
                text: "\\set x 1".to_owned()
            })
        );
        assert_eq!(script.notes.get(1), Some(&Note::CopySkipped { line: 3 }));
        assert_eq!(script.text.lines().count(), text.lines().count());
    }

    #[test]
    fn a_transaction_of_its_own_is_seen() {
        let has = |text: &str| Script::new(&Sql::new(text, Wrapped::OneMessage)).has_transactions();
        assert!(has("SELECT 1; begin; SELECT 2; commit"));
        assert!(!has("SELECT 'begin'; DO $$ begin end $$"));
    }
}
