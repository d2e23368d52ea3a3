//! One way of a migration, run as its tool would.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection, ErrorCode};
use switchback_migration::Engine;
use switchback_migration::history::Wrapped;
use switchback_migration::sql::split::{PieceKind, statements};

use super::connection::{Watch, made_collations, open};
use crate::history::locate::{line, statement};
use crate::history::{Cause, Failure, Note, Sql, SqlError};
use crate::sqlite::error::{DbError, at};

/// Runs SQL in one file.
pub(super) struct Run<'a> {
    pub file: &'a Path,
    pub foreign_keys: bool,
    /// How long a statement may take.
    pub statement: Duration,
    /// How long all of them may take.
    pub script: Duration,
}

/// The statements of a text, from their first to their last tokens.
struct Script<'a> {
    text: &'a str,
    statements: Vec<Range<usize>>,
}

impl<'a> Script<'a> {
    fn new(sql: &'a Sql, notes: &mut Vec<Note>) -> Self {
        let mut found = Vec::new();
        for piece in statements(&sql.text, Engine::Sqlite) {
            let body = piece.body.start..piece.body.end;
            match piece.kind {
                PieceKind::Sql => found.push(body),
                PieceKind::ClientCommand => {
                    let text = sql.text.get(body.clone()).unwrap_or_default();
                    let note = Note::ClientCommandSkipped {
                        line: line(&sql.text, body.start),
                        text: text.trim().chars().take(100).collect(),
                    };
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
                PieceKind::CopyData | PieceKind::Empty => {}
            }
        }
        Self {
            text: &sql.text,
            statements: found,
        }
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// A connection with what watches over it.
struct Session {
    connection: Connection,
    watch: std::sync::Arc<Watch>,
    /// When the whole script has to be over.
    end: Instant,
    limit: Duration,
}

impl Run<'_> {
    fn open(&self) -> Result<Session, DbError> {
        let mut connection = open(self.file, self.foreign_keys)?;
        let watch = Watch::over(&mut connection)?;
        Ok(Session {
            connection,
            watch,
            end: Instant::now() + self.script,
            limit: self.statement,
        })
    }

    /// Runs all of it over one connection.
    pub(super) fn whole(
        &self,
        sql: &Sql,
        notes: &mut Vec<Note>,
    ) -> Result<Result<(), Failure>, DbError> {
        let script = Script::new(sql, notes);
        let session = self.open()?;
        let done = session.all(&script, sql.wrapped == Wrapped::Transaction);
        for collation in made_collations(&session.connection)? {
            let note = Note::CollationMade(collation);
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        match done {
            Ok(()) => Ok(Ok(())),
            Err(Trouble::Failed(failure)) => Ok(Err(*failure)),
            Err(Trouble::File(error)) => Err(error),
        }
    }

    /// Runs each statement by itself. How many ran, and how many failed.
    pub(super) fn in_part(&self, sql: &Sql) -> Result<(usize, usize), DbError> {
        let script = Script::new(sql, &mut Vec::new());
        let session = self.open()?;
        let (mut ran, mut failed) = (0, 0);
        for at in &script.statements {
            match session.one(&script, at) {
                Ok(()) => ran += 1,
                Err(Trouble::Failed(_)) => failed += 1,
                Err(Trouble::File(error)) => return Err(error),
            }
        }
        Ok((ran, failed))
    }
}

/// Why something did not run.
enum Trouble {
    /// The SQL is wrong.
    Failed(Box<Failure>),
    /// The file is.
    File(DbError),
}

impl Session {
    fn all(&self, script: &Script<'_>, in_transaction: bool) -> Result<(), Trouble> {
        if in_transaction {
            self.own("BEGIN")?;
        }
        for at in &script.statements {
            self.one(script, at)?;
        }
        if in_transaction {
            self.own("COMMIT")?;
        }
        // What is left open ends with the connection.
        Ok(())
    }

    /// Runs what the tool puts around a migration. What fails there is the migration's fault: a key
    /// that is deferred, or a transaction that it ended itself.
    fn own(&self, sql: &'static str) -> Result<(), Trouble> {
        self.watch.allow(self.limit);
        let done = self.connection.execute_batch(sql);
        done.map_err(|error| self.trouble(error, sql, None))
    }

    fn one(&self, script: &Script<'_>, range: &Range<usize>) -> Result<(), Trouble> {
        let left = self.end.saturating_duration_since(Instant::now());
        self.watch.allow(left.min(self.limit));
        let sql = script.part(range);
        self.batch(sql).map_err(|(error, from)| {
            let place = |at: usize| range.start + from + at;
            let span = Some((script.text, range.clone()));
            let mut trouble = self.trouble(error, sql, span);
            if let Trouble::Failed(failure) = &mut trouble
                && let Cause::Sql(error) = &failure.cause
                && let (Some(at), Some(statement)) = (error.at, &mut failure.statement)
            {
                statement.at = Some(place(at));
                statement.line = line(script.text, place(at));
            }
            trouble
        })
    }

    /// Runs a statement, or several if SQLite sees several, to their last rows. With an error comes
    /// the place in the text from which its own place counts.
    fn batch(&self, sql: &str) -> Result<(), (rusqlite::Error, usize)> {
        if let Some(at) = sql.find('\0') {
            // SQLite would take it for the end, and not say so.
            let message = "the SQL has a NUL character";
            let error = rusqlite::Error::SqlInputError {
                error: rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
                msg: message.to_owned(),
                sql: sql.to_owned(),
                offset: i32::try_from(at).unwrap_or(-1),
            };
            return Err((error, 0));
        }
        let mut batch = Batch::new(&self.connection, sql);
        let fails = |error: rusqlite::Error| {
            // The place counts from where the statement begins that is not understood.
            let from = match &error {
                rusqlite::Error::SqlInputError { sql: rest, .. } => {
                    sql.len().saturating_sub(rest.len())
                }
                _ => 0,
            };
            (error, from)
        };
        while let Some(mut statement) = batch.next().map_err(fails)? {
            let mut rows = statement.raw_query();
            while rows.next().map_err(fails)?.is_some() {}
        }
        Ok(())
    }

    fn trouble(
        &self,
        error: rusqlite::Error,
        sql: &str,
        place: Option<(&str, Range<usize>)>,
    ) -> Trouble {
        let (code, message, offset) = match error {
            rusqlite::Error::SqlInputError {
                error, msg, offset, ..
            } => (error, msg, usize::try_from(offset).ok()),
            rusqlite::Error::SqliteFailure(code, message) => {
                let message = message.unwrap_or_else(|| code.to_string());
                (code, message, None)
            }
            other => return Trouble::File(at(sql)(other)),
        };
        let cause = match (self.watch.refused(), code.code) {
            (Some(what), _) => Cause::Refused { what },
            (None, ErrorCode::OperationInterrupted) => Cause::TooSlow { limit: self.limit },
            (
                None,
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory,
            ) => {
                return Trouble::File(at(sql)(rusqlite::Error::SqliteFailure(code, Some(message))));
            }
            _ => Cause::Sql(SqlError {
                code: code.extended_code.to_string(),
                message,
                detail: None,
                hint: None,
                context: None,
                at: offset,
            }),
        };
        Trouble::Failed(Box::new(Failure {
            cause,
            statement: place.map(|(text, span)| statement(text, span, None)),
            only_with_rows: false,
            left_behind: Vec::new(),
        }))
    }
}
