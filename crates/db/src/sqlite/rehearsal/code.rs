//! A connection of the code: each statement in a transaction of its own.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::rehearsal::bench;
use crate::sqlite::DbError;
use crate::sqlite::error::at;

/// How long a statement waits for somebody else's lock.
const BUSY: Duration = Duration::from_secs(30);

pub(super) struct Code {
    pub(super) connection: Connection,
}

impl Code {
    pub(super) fn open(path: &Path) -> Result<Self, DbError> {
        let connection = Connection::open(path).map_err(at("open"))?;
        connection.busy_timeout(BUSY).map_err(at("open"))?;
        // The file is thrown away, so nothing has to survive a power cut.
        connection
            .pragma_update(None, "synchronous", "OFF")
            .map_err(at("PRAGMA synchronous"))?;
        Ok(Self { connection })
    }

    /// Begins a transaction, or ends one without a trace.
    pub(super) fn tell(&mut self, sql: &'static str) -> Result<(), DbError> {
        self.connection.execute_batch(sql).map_err(at(sql))
    }
}

/// A number where the text is one in its usual form: a column without a type keeps what it gets.
fn typed(text: Option<&String>) -> Value {
    let Some(text) = text else {
        return Value::Null;
    };
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) if number.to_string() == *text => Value::Integer(number),
        (_, Ok(number)) if format!("{number:?}") == *text => Value::Real(number),
        _ => Value::Text(text.clone()),
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(format!("{number:?}")),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

impl bench::Connection for Code {
    fn play(&mut self, sql: &str) -> Result<(), String> {
        let run = || -> rusqlite::Result<()> {
            let mut prepared = self.connection.prepare(sql)?;
            let mut rows = prepared.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        let told = |error: rusqlite::Error| error.to_string();
        self.connection
            .execute_batch("SAVEPOINT own")
            .map_err(told)?;
        let done = run();
        let back = "ROLLBACK TO own; RELEASE own";
        // An error may have ended the transaction already.
        let back = if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.connection.execute_batch(back)
        };
        done.and(back).map_err(told)
    }

    fn run(&mut self, sql: &str, values: &[Option<String>]) -> Result<u64, String> {
        let mut prepared = self
            .connection
            .prepare_cached(sql)
            .map_err(|error| error.to_string())?;
        let values = values.iter().map(|it| typed(it.as_ref()));
        let changed = prepared.execute(params_from_iter(values));
        changed
            .map(|number| number as u64)
            .map_err(|error| error.to_string())
    }

    fn read(
        &mut self,
        sql: &str,
        values: &[Option<String>],
    ) -> Result<Option<Vec<Option<String>>>, String> {
        let read = || -> rusqlite::Result<Option<Vec<Option<String>>>> {
            let mut prepared = self.connection.prepare_cached(sql)?;
            let width = prepared.column_count();
            let values = values.iter().map(|it| typed(it.as_ref()));
            let mut rows = prepared.query(params_from_iter(values))?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let columns = (0..width).map(|at| Ok(text(row.get_ref(at)?)));
            columns.collect::<rusqlite::Result<_>>().map(Some)
        };
        read().map_err(|error| error.to_string())
    }
}
