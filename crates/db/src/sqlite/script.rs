//! Running the SQL of a step in one transaction with its mark.
//!
//! Before anything runs, the change's part of the schema must be what the last mark says that it
//! left; after a way back it must be what it was before the step. So a database that somebody
//! changed by hand is found before harm is done, and a way back that is not exact is undone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Batch, Connection};
use switchback_migration::definition::Definition;
use switchback_migration::drive::Probed;
use switchback_migration::sqlite::text as sql;
use switchback_migration::steps::scope;
use switchback_model::plan::{Direction, Run, Scope, Script};
use switchback_model::{ChangeId, Timestamp};

use super::SqliteDatabase;
use super::backfill::of_change;
use super::control::{self, Mark, TABLES};
use super::error::{DbError, at};
use super::fingerprint::{difference, of_scope};
use super::rebuild;
use crate::marks::{Marked, Mismatch, digest, follow};
use crate::text::excerpt;

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It ran.
    Done,
    /// It had run before; nothing was done.
    Already,
}

pub(super) fn run(
    database: &SqliteDatabase,
    script: &Script,
    plan: &str,
    now: Timestamp,
) -> Result<Ran, DbError> {
    // Out of the transaction, and restored after it: what is declared later is dropped first.
    let _aside = match script.run {
        Run::Rebuild => Some(rebuild::Aside::set(&database.connection)?),
        Run::Transaction | Run::Statements => None,
    };
    let transaction = database.begin()?;
    control::ensure(&transaction)?;
    let marks = control::marks(&transaction, &script.change)?;
    if standing(&transaction, script, &marks)? == Standing::Done {
        return Ok(Ran::Already);
    }
    let before = of_scope(&transaction, &script.scope)?;
    let broken = broken_keys(&transaction, &script.scope.table)?;
    match script.run {
        Run::Rebuild => {
            let spare = format!("{}rebuilt", script.scope.prefix);
            rebuild::run(&transaction, &script.sql, &spare)?;
        }
        Run::Transaction | Run::Statements => {
            statements(&transaction, &database.gate, &script.sql)?;
        }
    }
    let more = broken_keys(&transaction, &script.scope.table)? - broken;
    if more > 0 {
        let table = script.scope.table.clone();
        return Err(DbError::ForeignKeys { table, rows: more });
    }
    let after = of_scope(&transaction, &script.scope)?;
    let step = script.step.to_string();
    match (script.direction, marks.last()) {
        (Direction::Up, _) => {
            let mark = Mark {
                step,
                plan: plan.to_owned(),
                applied_at: now.to_string(),
                script: digest(&script.sql),
                before,
                after,
            };
            control::add_mark(&transaction, &script.change, &mark)?;
        }
        (Direction::Down, Some(last)) if last.before != after => {
            let (expected, found) = difference(&last.before, &after);
            let difference = format!("expected {expected}; found {found}");
            return Err(DbError::NotExact { step, difference });
        }
        (Direction::Down, _) => {
            control::remove_mark(&transaction, &script.change, &step)?;
            // The way back of a step takes back what it filled.
            of_change::forget_step(&transaction, &script.change, &script.step)?;
        }
    }
    of_change::forget_dropped(&transaction, &script.change)?;
    transaction.commit().map_err(at("COMMIT"))?;
    Ok(Ran::Done)
}

pub(super) fn probe(connection: &Connection, script: &Script) -> Result<Probed, DbError> {
    let marks = control::marks(connection, &script.change)?;
    match standing(connection, script, &marks) {
        Ok(Standing::Done) => Ok(Probed::Done),
        Ok(Standing::NotDone) => Ok(Probed::NotDone),
        Err(DbError::UnknownStep {
            expected, found, ..
        }) => Ok(Probed::Unknown {
            reason: format!("expected {expected}, found {found}"),
        }),
        Err(other) => Err(other),
    }
}

#[derive(PartialEq, Eq)]
enum Standing {
    Done,
    NotDone,
}

/// Whether a script is done, or may run now.
fn standing(connection: &Connection, script: &Script, marks: &[Mark]) -> Result<Standing, DbError> {
    let step = script.step.as_str();
    let unknown = unknown(&script.change);
    let mine = marks.iter().find(|mark| mark.step == step);
    match (script.direction, mine) {
        (Direction::Down, None) => return Ok(Standing::Done),
        (Direction::Up, Some(mark)) => {
            if mark.script == digest(&script.sql) {
                return Ok(Standing::Done);
            }
            return Err(unknown(Mismatch::other_script(marked(mark))));
        }
        (Direction::Up, None) | (Direction::Down, Some(_)) => {}
    }
    match marks.last() {
        Some(last) if script.direction == Direction::Down && last.step != step => {
            return Err(unknown(Mismatch::not_last(step, &last.step)));
        }
        Some(last) => as_left(connection, &script.change, &script.scope, last)?,
        None => unmarked(connection, script)?,
    }
    Ok(Standing::NotDone)
}

/// That the schema is as a mark says that its step left it.
fn as_left(
    connection: &Connection,
    change: &ChangeId,
    scope: &Scope,
    last: &Mark,
) -> Result<(), DbError> {
    let current = of_scope(connection, scope)?;
    if current == last.after {
        return Ok(());
    }
    let difference = difference(&last.after, &current);
    Err(unknown(change)(Mismatch::not_as_left(
        &last.step, difference,
    )))
}

/// That nothing of the change is there without a mark: somebody ran its SQL by hand.
fn unmarked(connection: &Connection, script: &Script) -> Result<(), DbError> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE substr(name, 1, length(?1)) = ?1";
    let found = super::catalog::all(connection, sql, &[&script.scope.prefix], |row| {
        row.get::<_, String>(0)
    })?;
    match found.first() {
        None => Ok(()),
        Some(name) => Err(unknown(&script.change)(Mismatch::unmarked(name))),
    }
}

/// The error of a database that is where the marks of a change do not put it.
fn unknown(change: &ChangeId) -> impl Fn(Mismatch) -> DbError {
    move |Mismatch { expected, found }| DbError::UnknownStep {
        change: change.to_string(),
        expected,
        found,
    }
}

fn marked(mark: &Mark) -> Marked<'_> {
    Marked {
        step: &mark.step,
        script: &mark.script,
        applied_at: &mark.applied_at,
    }
}

pub(super) fn check_marks(
    connection: &Connection,
    definition: &Definition,
) -> Result<Vec<Mark>, DbError> {
    let marks = control::marks(connection, &definition.id)?;
    follow(marks.iter().map(marked), definition).map_err(unknown(&definition.id))?;
    if let Some(last) = marks.last() {
        as_left(connection, &definition.id, &scope(definition), last)?;
    }
    Ok(marks)
}

/// How many rows of a table point to rows that are not there. A script may take the table away, or
/// bring it back.
fn broken_keys(connection: &Connection, table: &str) -> Result<i64, DbError> {
    let there =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let tables: i64 = connection
        .query_row(there, [table], |row| row.get(0))
        .map_err(at(there))?;
    if tables == 0 {
        return Ok(0);
    }
    let query = format!("PRAGMA foreign_key_check({})", sql::name(table));
    let mut statement = connection.prepare(&query).map_err(at(&query))?;
    let mut rows = statement.query([]).map_err(at(&query))?;
    let mut count = 0;
    while rows.next().map_err(at(&query))?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Runs statements that must stay inside the transaction that is open.
fn statements(connection: &Connection, gate: &Gate, sql: &str) -> Result<(), DbError> {
    let guard = gate.guard();
    let mut batch = Batch::new(connection, sql);
    let mut before = "the first statement".to_owned();
    loop {
        let mut statement = match batch.next() {
            Ok(Some(statement)) => statement,
            Ok(None) => return Ok(()),
            Err(error) => {
                let text = not_compiled(&error, &before);
                return Err(guard.refusal(&text).unwrap_or_else(|| at(&text)(error)));
            }
        };
        let text = excerpt(&statement.expanded_sql().unwrap_or_default());
        let mut rows = statement.raw_query();
        loop {
            match rows.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    return Err(guard.refusal(&text).unwrap_or_else(|| at(&text)(error)));
                }
            }
        }
        // RAISE(ROLLBACK) and OR ROLLBACK end the transaction without a word of their own.
        if connection.is_autocommit() {
            let what = "a statement that ends the transaction".to_owned();
            return Err(DbError::Forbidden {
                what,
                statement: text,
            });
        }
        before = format!("the statement after: {text}");
    }
}

/// What names a statement that does not even compile: its text where SQLite gives it, else its
/// place.
fn not_compiled(error: &rusqlite::Error, before: &str) -> String {
    match error {
        rusqlite::Error::SqlInputError { sql, .. } => excerpt(sql),
        _ => before.to_owned(),
    }
}

/// Refuses, while the statements of a script are compiled, what would leave the transaction or
/// touch the marks. Closed it lets everything pass: our own statements.
#[derive(Debug, Default)]
pub(super) struct Gate {
    guarding: AtomicBool,
    refused: Mutex<Option<String>>,
}

impl Gate {
    /// Puts a gate in front of a connection. It stays: while a transaction borrows the connection,
    /// SQLite's hook cannot be set.
    pub(super) fn before(connection: &mut Connection) -> Result<Arc<Self>, DbError> {
        let gate = Arc::new(Self::default());
        let hook = Arc::clone(&gate);
        connection
            .authorizer(Some(move |context: AuthContext<'_>| {
                hook.judge(&context.action)
            }))
            .map_err(at("guarding scripts"))?;
        Ok(gate)
    }

    fn judge(&self, action: &AuthAction<'_>) -> Authorization {
        if !self.guarding.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        let Some(what) = forbidden(action) else {
            return Authorization::Allow;
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
        Authorization::Deny
    }

    /// Guards until the result goes out of scope, however the script ends.
    fn guard(&self) -> Guard<'_> {
        self.guarding.store(true, Ordering::Relaxed);
        Guard { gate: self }
    }
}

struct Guard<'g> {
    gate: &'g Gate,
}

impl Guard<'_> {
    fn refusal(&self, statement: &str) -> Option<DbError> {
        let mut refused = self
            .gate
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let what = refused.take()?;
        Some(DbError::Forbidden {
            what,
            statement: statement.to_owned(),
        })
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.gate.guarding.store(false, Ordering::Relaxed);
    }
}

fn forbidden(action: &AuthAction<'_>) -> Option<String> {
    let control = |table: &str| {
        TABLES
            .iter()
            .any(|it| it.eq_ignore_ascii_case(table))
            .then(|| format!("a change of the control table {table}"))
    };
    match action {
        AuthAction::Transaction { .. } => Some("BEGIN, COMMIT or ROLLBACK".to_owned()),
        AuthAction::Savepoint { .. } => Some("SAVEPOINT".to_owned()),
        AuthAction::Attach { .. } => Some("ATTACH or VACUUM".to_owned()),
        AuthAction::Detach { .. } => Some("DETACH".to_owned()),
        // ALTER TABLE ADD COLUMN checks the rows of some tables with it; it changes nothing.
        AuthAction::Pragma {
            pragma_name: "quick_check",
            ..
        } => None,
        AuthAction::Pragma { .. } => Some("PRAGMA".to_owned()),
        AuthAction::Function { function_name }
            if function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Some("load_extension".to_owned())
        }
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::AlterTable { table_name, .. } => control(table_name),
        _ => None,
    }
}
