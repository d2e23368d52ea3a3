//! Connections to scratch files.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, OpenFlags};

use crate::sqlite::error::{DbError, at};

/// How many steps of its machine SQLite takes before it asks whether to go on; some thousands take
/// about a millisecond.
const STEPS: i32 = 20_000;

/// The collations of SQLite itself.
const OWN_COLLATIONS: &str = "'BINARY', 'NOCASE', 'RTRIM'";

/// Opens a scratch file, which is made if it is not there.
pub(super) fn open(path: &Path, foreign_keys: bool) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(at("open"))?;
    let set = |name: &'static str, value: &str| {
        connection
            .pragma_update(None, name, value)
            .map_err(at("PRAGMA"))
    };
    // The file is thrown away, so nothing has to survive a power cut.
    set("synchronous", "OFF")?;
    set("foreign_keys", if foreign_keys { "ON" } else { "OFF" })?;
    connection
        .collation_needed(|connection, name| {
            connection.create_collation(name, |one: &str, other: &str| one.cmp(other))
        })
        .map_err(at("standing in for collations"))?;
    Ok(connection)
}

/// The collations that were stood in for on this connection.
pub(super) fn made_collations(connection: &Connection) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "SELECT name FROM pragma_collation_list WHERE name COLLATE NOCASE NOT IN ({OWN_COLLATIONS})
         ORDER BY name"
    );
    crate::sqlite::catalog::all(connection, &sql, &[], |row| row.get(0))
}

/// What watches over the statements of a connection: what they may open, and how long they may take.
#[derive(Debug)]
pub(super) struct Watch {
    refused: Mutex<Option<&'static str>>,
    end: Mutex<Instant>,
}

impl Watch {
    /// Puts a watch over a connection; it stays.
    pub(super) fn over(connection: &mut Connection) -> Result<Arc<Self>, DbError> {
        let watch = Arc::new(Self {
            refused: Mutex::new(None),
            end: Mutex::new(Instant::now()),
        });
        let hook = Arc::clone(&watch);
        let judge = move |context: AuthContext<'_>| match reaches_out(&context.action) {
            Some(what) => {
                *hook.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
                Authorization::Deny
            }
            None => Authorization::Allow,
        };
        connection
            .authorizer(Some(judge))
            .map_err(at("guarding a connection"))?;
        let hook = Arc::clone(&watch);
        let is_over =
            move || Instant::now() > *hook.end.lock().unwrap_or_else(PoisonError::into_inner);
        connection
            .progress_handler(STEPS, Some(is_over))
            .map_err(at("guarding a connection"))?;
        Ok(watch)
    }

    /// What follows may take so long.
    pub(super) fn allow(&self, time: Duration) {
        let end = Instant::now() + time;
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// What was refused, if anything was.
    pub(super) fn refused(&self) -> Option<&'static str> {
        self.refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// What a statement would do that a rehearsal does not.
fn reaches_out(action: &AuthAction<'_>) -> Option<&'static str> {
    match action {
        // VACUUM attaches a file without a name for itself.
        AuthAction::Attach { filename } if filename.is_empty() || *filename == ":memory:" => None,
        AuthAction::Attach { .. } => Some("opens another database file"),
        AuthAction::Function { function_name }
            if function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Some("loads a library")
        }
        _ => None,
    }
}
