//! Trying a migration inside of a transaction of the database that only goes up.
//!
//! That takes a fraction of the time of a copy, and most migrations can be tried so. Where something
//! fails in it the transaction itself may be the cause, so that is tried again on a copy.

use super::databases::Databases;
use super::run::Limits;
use super::script::Script;
use crate::history::{Cause, Failure, Sql, SqlError};
use crate::postgres::error::PgError;
use crate::postgres::fingerprint::prepare;
use crate::postgres::session::Session;

/// Words of SQL that end a transaction, cannot run in one, or leave something in the session or on
/// the server that the end of a transaction does not undo. In a comment or string they cost only
/// time.
const NEVER: [&str; 15] = [
    "ABORT",
    "COMMIT",
    "CONCURRENTLY",
    "DATABASE",
    "DEALLOCATE",
    "DISCARD",
    "LISTEN",
    "PREPARE",
    "ROLLBACK",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLESPACE",
    "TEMP",
    "TEMPORARY",
    "VACUUM",
];

/// How such words begin.
const NEVER_SO: [&str; 2] = ["DBLINK", "PG_ADVISORY"];

/// Whether SQL may be tried inside of a transaction.
pub(super) fn may_be_tried(sql: &Sql) -> bool {
    let text = sql.text.to_uppercase();
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let never =
        |word: &str| NEVER.contains(&word) || NEVER_SO.iter().any(|start| word.starts_with(start));
    if words.any(never) {
        return false;
    }
    let script = Script::new(sql);
    script.refused.is_none() && !script.has_transactions()
}

/// A sequence: its name in the form of SQL, where it stands, and whether that number is taken.
type Position = (String, String, bool);

/// A session in the database that only goes up, and whether something is tried in it.
pub(super) struct Attempt {
    session: Session,
    /// The settings that new sessions get; this one has those of its beginning.
    settings: String,
    /// Where sequences stood: no transaction undoes that they move.
    positions: Vec<Position>,
    open: bool,
}

impl Attempt {
    pub(super) fn new(databases: &Databases, main: &str) -> Result<Self, PgError> {
        let mut session = databases.connect(main)?;
        prepare(&mut session)?;
        Ok(Self {
            settings: settings(&mut session)?,
            session,
            positions: Vec::new(),
            open: false,
        })
    }

    /// Begins a transaction, unless the session is not as a new one would be.
    pub(super) fn begin(&mut self, limits: Limits) -> Result<bool, PgError> {
        if settings(&mut self.session)? != self.settings {
            return Ok(false);
        }
        self.positions = positions(&mut self.session)?;
        self.session.run("BEGIN")?;
        self.session.set_in_transaction(true);
        self.open = true;
        self.as_new(limits)?;
        Ok(true)
    }

    /// Whether something is tried.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Goes on in a new session, as if everything had been undone.
    pub(super) fn reconnect(&mut self, databases: &Databases, main: &str) -> Result<(), PgError> {
        let positions = std::mem::take(&mut self.positions);
        *self = Self::new(databases, main)?;
        self.positions = positions;
        self.session.run("BEGIN")?;
        self.session.set_in_transaction(true);
        self.open = true;
        Ok(())
    }

    /// Undoes everything. Whether the session can be used again.
    pub(super) fn end(&mut self) -> Result<bool, PgError> {
        self.open = false;
        self.session.set_in_transaction(false);
        if let Err(PgError::Lost { .. }) = self.session.run("ROLLBACK") {
            return Ok(false);
        }
        let now = positions(&mut self.session)?;
        let moved = self.positions.iter().filter(|it| !now.contains(it));
        let back: Vec<String> = moved
            .map(|(name, last, called)| format!("SELECT setval({name}, {last}, {called})"))
            .collect();
        self.session.run(&back.join("; "))?;
        Ok(true)
    }

    /// Runs a script as one part of the transaction.
    pub(super) fn run(
        &mut self,
        script: &Script,
        limits: Limits,
    ) -> Result<Result<(), Failure>, PgError> {
        let sent = self.session.within(limits.script, |session| {
            session.run("SAVEPOINT switchback_script")?;
            for message in &script.messages {
                session.run(script.part(message))?;
            }
            // What waits for the end of the transaction.
            session.run("SET CONSTRAINTS ALL IMMEDIATE; RELEASE switchback_script")
        });
        match sent {
            Ok(()) => {
                self.as_new(limits)?;
                Ok(Ok(()))
            }
            Err(PgError::Refused(error)) => {
                self.session
                    .run("ROLLBACK TO switchback_script; RELEASE switchback_script")?;
                Ok(Err(failure(*error)))
            }
            Err(other) => Err(other),
        }
    }

    /// Settings as a new session has them.
    fn as_new(&mut self, limits: Limits) -> Result<(), PgError> {
        // Zero would mean no limit at all.
        let limit = limits.statement.as_millis().max(1);
        self.session.run(&format!(
            "RESET ALL; SET SESSION AUTHORIZATION DEFAULT; SET statement_timeout = '{limit}ms'"
        ))
    }
}

/// A failure that is looked into on a copy.
fn failure(error: SqlError) -> Failure {
    Failure {
        cause: Cause::Sql(error),
        statement: None,
        only_with_rows: false,
        left_behind: Vec::new(),
    }
}

fn settings(session: &mut Session) -> Result<String, PgError> {
    let rows = session.rows(
        "SELECT string_agg(setdatabase || ' ' || setrole || ' ' || setconfig::text, ', '
             ORDER BY setdatabase, setrole) FROM pg_db_role_setting",
    )?;
    Ok(rows.first().map(|row| row.text(0)).unwrap_or_default())
}

fn positions(session: &mut Session) -> Result<Vec<Position>, PgError> {
    let rows = session.rows(
        "SELECT quote_literal(quote_ident(n.nspname) || '.' || quote_ident(c.relname)),
             quote_ident(n.nspname) || '.' || quote_ident(c.relname)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid >= 16384 AND c.relkind = 'S' AND c.relpersistence <> 't'
         ORDER BY c.oid",
    )?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| format!("SELECT {place}, last_value, is_called FROM {}", row.text(1)))
        .collect();
    let found = session.rows(&parts.join(" UNION ALL "))?;
    let position = |row: &crate::postgres::session::Row| {
        let name = rows.get(row.get(0)?.parse::<usize>().ok()?)?;
        Some((name.text(0), row.text(1), row.get(2) == Some("t")))
    };
    Ok(found.iter().filter_map(position).collect())
}

#[cfg(test)]
mod tests {
    use switchback_migration::history::Wrapped;

    use super::*;

    #[test]
    fn what_a_transaction_does_not_undo_is_not_tried_in_one() {
        let may = |text: &str| may_be_tried(&Sql::new(text, Wrapped::Transaction));
        assert!(may(
            "CREATE TABLE t (x int); SET search_path = t; SELECT 'begin', attempts"
        ));
        for text in [
            "CREATE TABLE t (x int);\ncommit",
            "begin; select 1; end",
            "create index concurrently i on t (x)",
            "CREATE TEMPORARY TABLE t (x int)",
            "ALTER DATABASE x SET y = 1",
            "SELECT pg_advisory_lock(1)",
            "COPY t TO '/tmp/x'",
        ] {
            assert!(!may(text), "{text}");
        }
    }
}
