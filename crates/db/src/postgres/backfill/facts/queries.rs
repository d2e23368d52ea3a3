//! Whether a query means something over the rows of a table, and whether this role may write what it
//! gives.

use postgres::Client;
use switchback_migration::backfill::QueryFault;

use super::super::query::{Asked, unfit};
use super::super::statement::Statements;
use super::super::table::{Table, Wanted};
use super::expressions::{self, PRIVILEGE, is_wrong};
use super::run;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;

/// Asks the server, in a transaction that changes nothing. Returns whether updates are let through,
/// as [`expressions::check`] does.
///
/// # Errors
/// [`Unfit`](crate::postgres::change::Unfit), [`ChangeError::Privilege`].
pub(super) fn check(
    client: &mut Client,
    statements: &Statements,
    asked: &Asked,
    fill: &Wanted,
) -> Result<bool, ChangeError> {
    let table = &statements.table;
    let alone = asked.alone(table);
    // It is read as a statement of its own, and never run as one.
    let given = judged(client, table, |client| {
        let statement = client.prepare(&alone).map_err(at(&alone))?;
        if !statement.params().is_empty() {
            return Err(unfit(&table.full, QueryFault::Parameter));
        }
        let columns = statement.columns().iter();
        Ok(columns.map(|it| it.name().to_owned()).collect::<Vec<_>>())
    })?;
    asked.answers(table, &given)?;
    expressions::check_only(client, table, fill)?;
    let all = table.between(None, None);
    let sql = format!("EXPLAIN {}", statements.count(&all, None, &[]));
    judged(client, table, |client| {
        client.query(&sql, &[]).map_err(at(&sql))
    })?;
    let sql = format!("EXPLAIN {}", statements.fill_differing(&all, None, None));
    expressions::ask(client, table, fill, &sql, None)
}

/// Does something that fails where the query means nothing, or reads what this role may not.
fn judged<T>(
    client: &mut Client,
    table: &Table,
    work: impl FnOnce(&mut Client) -> Result<T, ChangeError>,
) -> Result<T, ChangeError> {
    run(client, "SAVEPOINT switchback_judged")?;
    let error = match work(client) {
        Ok(done) => {
            run(client, "RELEASE switchback_judged")?;
            return Ok(done);
        }
        Err(error) => error,
    };
    let ChangeError::Sql { source, .. } = &error else {
        return Err(error);
    };
    run(client, "ROLLBACK TO switchback_judged")?;
    match source.code.as_str() {
        PRIVILEGE if may_read(client, table)? => {
            let during = "reading what the query reads".to_owned();
            Err(expressions::denied(client, error, during, |_| Vec::new()))
        }
        PRIVILEGE => Err(expressions::privilege(client, table, error)),
        code if is_wrong(code) => {
            let message = source.message.clone();
            Err(unfit(&table.full, QueryFault::NotUnderstood { message }))
        }
        _ => Err(error),
    }
}

fn may_read(client: &mut Client, table: &Table) -> Result<bool, ChangeError> {
    let sql = "SELECT has_table_privilege($1::text, 'SELECT')";
    let row = client.query_one(sql, &[&table.full]).map_err(at(sql))?;
    row.try_get(0).map_err(at(sql))
}
