//! One way of a migration, run as its tool would.

use std::ops::Range;
use std::time::Duration;

use switchback_migration::history::Wrapped;

use super::databases::Databases;
use super::missing::extension;
use super::scratch::Made;
use super::script::{Script, reaches_out};
use crate::history::locate::statement;
use crate::history::{Cause, Failure, Note, SqlError};
use crate::postgres::error::PgError;
use crate::postgres::session::Session;

/// How often something that is missing is made before it is enough.
const MADE_AT_MOST: usize = 50;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub statement: Duration,
    pub script: Duration,
}

/// Runs SQL in one database.
pub(super) struct Run<'a> {
    pub databases: &'a mut Databases,
    pub database: String,
    pub limits: Limits,
    pub made: &'a mut Made,
}

/// What went wrong with a message.
struct Trouble {
    error: PgError,
    /// What of the text was sent; none for what was put around it.
    message: Option<Range<usize>>,
}

impl Run<'_> {
    fn open(&self) -> Result<Session, PgError> {
        let mut session = self.databases.connect(&self.database)?;
        // Zero would mean no limit at all.
        let limit = self.limits.statement.as_millis().max(1);
        session.run(&format!("SET statement_timeout = '{limit}ms'"))?;
        Ok(session)
    }

    /// Runs all of it in one session.
    pub(super) fn whole(
        &mut self,
        script: &Script,
        notes: &mut Vec<Note>,
    ) -> Result<Result<(), Failure>, PgError> {
        let mut session = self.open()?;
        let mut from = 0;
        for _ in 0..MADE_AT_MOST {
            let limit = self.limits.script;
            let sent = session.within(limit, |session| send(session, script, &mut from));
            let Err(trouble) = sent else {
                return Ok(Ok(()));
            };
            let Some(note) = self.make_missing(&trouble.error)? else {
                return self.failure(script, trouble).map(Err);
            };
            notes.push(note);
        }
        // More things are missing than anybody would count on.
        let sent = session.within(self.limits.script, |session| {
            send(session, script, &mut from)
        });
        match sent {
            Ok(()) => Ok(Ok(())),
            Err(trouble) => self.failure(script, trouble).map(Err),
        }
    }

    /// Runs each statement by itself. How many ran, and how many failed.
    pub(super) fn in_part(&mut self, script: &Script) -> Result<(usize, usize), PgError> {
        let (mut ran, mut failed) = (0, 0);
        let mut session = self.open()?;
        for at in &script.statements {
            let sql = script.part(at);
            if reaches_out(sql).is_some() {
                failed += 1;
                continue;
            }
            let mut made = 0;
            loop {
                let sent = session.within(self.limits.script, |session| session.run(sql));
                let Err(error) = sent else {
                    ran += 1;
                    break;
                };
                if matches!(error, PgError::Lost { .. }) {
                    session = self.open()?;
                }
                made += 1;
                if made > MADE_AT_MOST || self.make_missing(&error)?.is_none() {
                    failed += 1;
                    break;
                }
            }
        }
        Ok((ran, failed))
    }

    /// Says why and where it failed.
    fn failure(&mut self, script: &Script, trouble: Trouble) -> Result<Failure, PgError> {
        let error = match trouble.error {
            PgError::Refused(error) => *error,
            PgError::Lost { source } => {
                return Ok(lost(source.to_string()));
            }
            other => return Err(other),
        };
        let place = trouble.message.as_ref().and_then(|message| {
            let at = error.at.map(|at| message.start + at);
            let within = inside(&script.statements, message);
            match (at, within.as_slice()) {
                (Some(at), _) => around(&script.statements, at).map(|it| (it.clone(), Some(at))),
                (None, [only]) => Some(((*only).clone(), None)),
                (None, _) => None,
            }
        });
        let place = match place {
            None if script.statements.len() > 1 => {
                self.step_by_step(script, &error)?.map(|at| (at, None))
            }
            place => place,
        };
        Ok(Failure {
            cause: self.cause(error),
            statement: place.map(|(span, at)| statement(&script.text, span, at)),
            only_with_rows: false,
            left_behind: Vec::new(),
        })
    }

    /// Which statement fails, of those that were sent together and have left nothing: they are run
    /// once more, one after another, and again nothing is left.
    fn step_by_step(
        &mut self,
        script: &Script,
        error: &SqlError,
    ) -> Result<Option<Range<usize>>, PgError> {
        if script.wrapped == Wrapped::Nothing || script.has_transactions() {
            return Ok(None);
        }
        let mut session = self.open()?;
        session.run("BEGIN")?;
        let limit = self.limits.script;
        Ok(session.within(limit, |session| {
            let fails = |at: &&Range<usize>| match session.run(script.part(at)) {
                Ok(()) => None,
                Err(found) => Some(found.refusal().is_some_and(|it| it.code == error.code)),
            };
            let mut fails = fails;
            let first = script
                .statements
                .iter()
                .find_map(|at| Some((at, fails(&at)?)));
            // The transaction ends with the session.
            first.and_then(|(at, same)| same.then(|| at.clone()))
        }))
    }

    fn cause(&self, error: SqlError) -> Cause {
        // query_canceled
        if error.code == "57014" {
            return Cause::TooSlow {
                limit: self.limits.statement,
            };
        }
        match extension(&error) {
            Some(extension) => Cause::NeedsExtension { extension, error },
            None => Cause::Sql(error),
        }
    }
}

/// The session was lost, for what the connection says.
pub(super) fn lost(message: String) -> Failure {
    Failure {
        cause: Cause::SessionLost { message },
        statement: None,
        only_with_rows: false,
        left_behind: Vec::new(),
    }
}

/// The last statement that begins at or before a place.
fn around(statements: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    statements.iter().take_while(|it| it.start <= at).last()
}

/// The statements that begin inside of a message.
fn inside<'s>(statements: &'s [Range<usize>], message: &Range<usize>) -> Vec<&'s Range<usize>> {
    let within = |it: &&Range<usize>| message.start <= it.start && it.start < message.end;
    statements.iter().filter(within).collect()
}

/// Sends a script from the message `from` on, and moves `from` over what stays done.
fn send(session: &mut Session, script: &Script, from: &mut usize) -> Result<(), Trouble> {
    let no_message = |error| Trouble {
        error,
        message: None,
    };
    let in_transaction = script.wrapped == Wrapped::Transaction;
    if in_transaction {
        session.run("BEGIN").map_err(no_message)?;
    }
    for message in script.messages.get(*from..).unwrap_or_default() {
        if let Err(error) = session.run(script.part(message)) {
            // Also where it was begun by the script.
            let _lost = session.run("ROLLBACK");
            return Err(Trouble {
                error,
                message: Some(message.clone()),
            });
        }
        if script.wrapped == Wrapped::Nothing {
            *from += 1;
        }
    }
    if in_transaction {
        session.run("COMMIT").map_err(no_message)?;
    }
    Ok(())
}
