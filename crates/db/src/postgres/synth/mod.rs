//! Realistic rows for the tables of a scratch database.
//!
//! A rehearsal on empty tables proves little. [`fill`] reads the catalog and puts rows into every
//! table that satisfy its types, nulls, keys, foreign keys and constraints as far as these can be
//! understood; whether they do the server says. What cannot be filled is reported with the
//! server's words, and the other tables are filled all the same.
//!
//! A row is a function of the seed, the names of table and column, and the number of the row, so
//! the same seed and schema give the same rows on every machine and every day.
//!
//! How it works, file by file:
//!
//! | File | What |
//! |---|---|
//! | `catalog.rs`, `types.rs` | what the server knows about tables, columns and types |
//! | `lex.rs`, `expr.rs` | expressions of constraints, as PostgreSQL prints them |
//! | `facts.rs`, `subject.rs`, `membership.rs`, `domain.rs`, `pattern.rs` | what they say about single columns |
//! | `hint.rs` | what the name of a column says |
//! | `plan.rs`, `row.rs` | how rows differ where they must; one row from its number |
//! | `value.rs`, `text.rs`, `json.rs`, `words.rs`, `measure.rs` | one value |
//! | `order.rs`, `cycle.rs`, `pool.rs`, `implied.rs` | which table first, and what foreign keys point to |
//! | `insert.rs`, `judge.rs` | inserting, quickly or patiently |

mod catalog;
mod cycle;
mod domain;
mod expr;
mod facts;
mod hint;
mod implied;
mod insert;
mod json;
mod judge;
mod kind;
mod lex;
mod measure;
mod membership;
mod order;
mod pattern;
mod plan;
mod pool;
mod report;
mod row;
mod run;
mod session;
mod subject;
mod text;
mod types;
mod value;
mod words;

pub use report::{
    BOOKKEEPING, Existing, Filled, Outcome, Reason, Refusal, Request, SynthError, TableFilled,
    Tables,
};

use postgres::Client;

/// Fills the tables of a scratch database with rows that satisfy their constraints.
///
/// Each statement is a transaction of its own, so that what a table refuses undoes nothing else; or,
/// where [`Request::in_transaction`] says that there is one, has a savepoint. Settings of the session are changed and set back. It needs a role that
/// owns the tables; as a superuser it can also disable triggers that refuse rows, and is not
/// subject to row-level security. Never to be called on a database with real data.
///
/// # Errors
/// [`SynthError::UnknownTable`] if a table was named that does not exist, and
/// [`SynthError::Server`] if the connection fails or the catalog cannot be read. A table that
/// cannot be filled is no error: see [`Filled::lacking`].
pub fn fill(client: &mut Client, request: &Request) -> Result<Filled, SynthError> {
    let mut connection = session::Connection {
        client,
        in_transaction: request.in_transaction,
    };
    let client = &mut connection;
    let before = session::enter(client, request.statement_timeout, request.lock_timeout)
        .map_err(SynthError::during("changing settings"))?;
    let filled = run::run(client, request);
    let restored = before
        .restore(client)
        .map_err(SynthError::during("setting settings back"));
    let filled = filled?;
    restored?;
    Ok(filled)
}
