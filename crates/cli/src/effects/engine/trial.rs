//! What can be tried before a change is written: its SQL, without touching the database.
//!
//! On SQLite every step runs up and back on an empty copy of the schema, in memory. On PostgreSQL
//! the expressions that somebody typed are prepared by the server and not run.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use switchback_db::postgres::{PgError, Session};
use switchback_db::sqlite::{DbError, rebuild};
use switchback_migration::Definition;
use switchback_migration::definition::{StepFill, Work};
use switchback_migration::operation::request::Request;
use switchback_migration::postgres::name;
use switchback_migration::sqlite::text;
use switchback_model::plan::Run;

use crate::effects::estimate::postgres::named;

/// What was refused, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What was tried, for people: `step expand`, `--rule`.
    pub(crate) tried: String,
    /// What the database says.
    pub(crate) message: String,
}

fn look(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// How many rows a table has, counted up to one more than `most`; none where that cannot be said.
pub(super) fn count(path: &Path, table: &str, most: u64) -> Option<u64> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {})",
        text::name(table),
        most.saturating_add(1)
    );
    let count = look(path).and_then(|it| it.query_row(&sql, [], |row| row.get::<_, i64>(0)));
    count.ok().and_then(|count| u64::try_from(count).ok())
}

/// A database in memory with the same schema and no rows; none where it cannot be made, because it
/// needs what only the application brings.
fn copy(path: &Path, table: &str) -> Option<Connection> {
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        let connection = look(path)?;
        let mut statement = connection.prepare(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' \
             ESCAPE '\\' ORDER BY rowid",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    let copy = Connection::open_in_memory().ok()?;
    for (name, sql) in read().ok()? {
        // The tables behind a virtual one come with it, and are made twice.
        if copy.execute_batch(&sql).is_err() && name.eq_ignore_ascii_case(table) {
            return None;
        }
    }
    Some(copy)
}

/// Runs every step up, and every step back, on an empty copy of the schema.
pub(super) fn sqlite(
    path: &Path,
    request: &Request,
    definition: &Definition,
) -> Result<(), Refusal> {
    if let Request::AddColumn {
        default: Some(default),
        ..
    } = request
    {
        default_for_rows(default)?;
    }
    let table = &definition.surface.table;
    let Some(copy) = copy(path, table) else {
        return Ok(());
    };
    let mut back = Vec::new();
    for step in &definition.steps {
        let Work::Database { script, fill } = &step.work else {
            continue;
        };
        let refused = |error| refusal(format!("step `{}`", step.name), error);
        if let Some(script) = script {
            run(&copy, &script.up.sql, script.run).map_err(refused)?;
            back.push((&step.name, script));
        }
        if let Some(fill) = fill {
            copy.prepare(&update(fill)).map_err(said).map_err(refused)?;
        }
        // Compiles the triggers that are there now.
        let insert = format!("EXPLAIN INSERT INTO {} DEFAULT VALUES", text::name(table));
        if let Err(error) = copy.prepare(&insert)
            && !error.to_string().contains("no such table")
        {
            return Err(refused(said(error)));
        }
    }
    for (step, script) in back.into_iter().rev() {
        run(&copy, &script.down.sql, script.run)
            .map_err(|error| refusal(format!("the way back of step `{step}`"), error))?;
    }
    Ok(())
}

/// A default that is computed anew each time is refused only by a table with rows.
fn default_for_rows(default: &str) -> Result<(), Refusal> {
    let refused = |error| refusal("--default".to_owned(), said(error));
    let memory = Connection::open_in_memory().map_err(refused)?;
    memory
        .execute_batch(&format!(
            "CREATE TABLE one (a); INSERT INTO one VALUES (1); ALTER TABLE one ADD COLUMN b DEFAULT \
             {default};"
        ))
        .map_err(refused)
}

fn refusal(tried: String, message: String) -> Refusal {
    Refusal { tried, message }
}

/// What SQLite says, without the whole script around it.
fn said(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        other => other.to_string(),
    }
}

fn run(copy: &Connection, sql: &str, run: Run) -> Result<(), String> {
    match run {
        Run::Rebuild => rebuild::tried(copy, sql).map_err(|error| match error {
            DbError::Sql { message, .. } => message,
            other => other.to_string(),
        }),
        Run::Transaction | Run::Statements => copy
            .execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;"))
            .map_err(said),
    }
}

fn update(fill: &StepFill) -> String {
    let set: Vec<String> = fill
        .set
        .iter()
        .map(|(column, value)| format!("{} = ({value})", text::name(column)))
        .collect();
    let only = fill.only.as_ref();
    let only = only.map_or_else(String::new, |only| format!(" WHERE ({only})"));
    format!(
        "UPDATE {} SET {}{only}",
        text::name(&fill.table),
        set.join(", ")
    )
}

/// Has the server prepare what somebody typed. `table` is written as in SQL.
pub(super) fn postgres(
    session: &mut Session,
    request: &Request,
    table: &str,
) -> Result<(), Refusal> {
    for (tried, query) in questions(request, table) {
        let prepare = format!("PREPARE switchback_trial AS {query}");
        match session.run(&prepare) {
            Ok(()) => {}
            Err(PgError::Refused(error)) => {
                let message = error.message;
                return Err(Refusal { tried, message });
            }
            // The connection says so itself with the next thing that is asked of it.
            Err(_) => return Ok(()),
        }
        if session.run("DEALLOCATE switchback_trial").is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// A query for each piece of SQL that somebody typed, with what it is.
fn questions(request: &Request, table: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut ask = |what: &str, query: String| all.push((what.to_owned(), query));
    match request {
        Request::AddColumn {
            type_sql, default, ..
        } => {
            ask("--type", format!("SELECT CAST(NULL AS {type_sql})"));
            if let Some(default) = default {
                ask(
                    "--default",
                    format!("SELECT CAST(({default}) AS {type_sql})"),
                );
            }
        }
        Request::AddRequiredColumn {
            type_sql, value, ..
        } => {
            ask("--type", format!("SELECT CAST(NULL AS {type_sql})"));
            ask(
                "--value",
                format!("SELECT CAST(({value}) AS {type_sql}) FROM {table}"),
            );
        }
        Request::Move(wanted) => {
            let mut made = Vec::new();
            for column in &wanted.new {
                let value = format!("CAST(({}) AS {})", column.value, column.type_sql);
                let what = format!("--to of `{}`", column.name);
                ask(&what, format!("SELECT {value} FROM {table}"));
                made.push(format!("{value} AS {}", name(&column.name)));
            }
            let alias = named(table).map_or_else(|| "it".to_owned(), |it| name(&it.name));
            for (column, value) in &wanted.back {
                let made = made.join(", ");
                ask(
                    &format!("--back of `{column}`"),
                    format!("SELECT ({value}) FROM (SELECT *, {made} FROM {table}) AS {alias}"),
                );
            }
        }
        Request::AddIndex { only, .. } => {
            if let Some(only) = only {
                ask("--where", format!("SELECT FROM {table} WHERE {only}"));
            }
        }
        Request::AddCheck { rule, mend, .. } => {
            ask("--rule", format!("SELECT FROM {table} WHERE {rule}"));
            for (column, value) in mend {
                let what = format!("--mend of `{column}`");
                ask(&what, format!("SELECT ({value}) FROM {table}"));
            }
        }
        Request::AddNotNull { mend, .. } => {
            if let Some(value) = mend {
                ask("--value", format!("SELECT ({value}) FROM {table}"));
            }
        }
        Request::DropColumn { default, .. } => {
            if let Some(default) = default {
                ask("--default", format!("SELECT ({default})"));
            }
        }
        Request::RenameColumn { .. }
        | Request::AddValue { .. }
        | Request::RemoveValue { .. }
        | Request::AddUnique { .. }
        | Request::AddForeignKey { .. }
        | Request::MergeTables(_)
        | Request::DropTable { .. } => {}
    }
    all
}
