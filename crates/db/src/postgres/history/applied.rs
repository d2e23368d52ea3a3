//! What a tool has written down in a database of the migrations that it has applied.

use switchback_migration::history::{Record, Row, State};

use super::databases::Databases;
use crate::postgres::error::PgError;
use crate::postgres::session::{Session, literal};

/// What a database says of the migrations that are applied to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// These rows.
    Rows(Vec<Row>),
    /// Nothing: there is no such table, and nothing else either.
    Empty,
    /// Nothing: there is no such table, but other things are there, such as the one that is named.
    Unknown(String),
    /// There are several such tables, each in the form of SQL, and nobody knows which one counts.
    Several(Vec<String>),
}

/// Reads the record of a tool in the database at `url`.
///
/// # Errors
/// If the database cannot be reached or read.
pub fn recorded(url: &str, record: Record) -> Result<Recorded, PgError> {
    let mut session = Session::connect(url)?;
    let tables = tables(&mut session, record.table)?;
    let [table] = tables.as_slice() else {
        if !tables.is_empty() {
            return Ok(Recorded::Several(tables));
        }
        return match Databases::open(url)?.check_empty() {
            Ok(()) => Ok(Recorded::Empty),
            Err(PgError::NotEmpty { what, .. }) => Ok(Recorded::Unknown(what)),
            Err(other) => Err(other),
        };
    };
    let question = "the tool's record of what is applied";
    let sql = record.sql.replace("{table}", table);
    let rows = session.reading(|session| session.rows(&sql))?;
    let row = |row: &crate::postgres::session::Row| {
        Some(Row {
            version: row.text(0),
            name: row.text(1),
            state: State::of(row.get(2)?)?,
            checksum: row.get(3).map(str::to_owned),
        })
    };
    let rows: Option<Vec<Row>> = rows.iter().map(row).collect();
    rows.map(Recorded::Rows)
        .ok_or(PgError::Unexpected { question })
}

/// The tables of that name, in the form of SQL. One that a statement would find without its schema
/// hides others.
fn tables(session: &mut Session, name: &str) -> Result<Vec<String>, PgError> {
    let found = session.rows(&format!(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_table_is_visible(c.oid)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = {} AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
         ORDER BY 1",
        literal(name)
    ))?;
    let visible = found.iter().find(|row| row.get(1) == Some("t"));
    Ok(match visible {
        Some(row) => vec![row.text(0)],
        None => found.iter().map(|row| row.text(0)).collect(),
    })
}
