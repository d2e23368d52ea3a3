//! Whether expressions mean something over the rows of a table, and whether this role may write
//! what they give.

use postgres::Client;

use super::super::table::{Table, Wanted};
use super::run;
use crate::postgres::change::error::at;
use crate::postgres::change::{ChangeError, Unfit};
use crate::postgres::session::name;
use crate::text::excerpt;

/// `insufficient_privilege`.
pub(super) const PRIVILEGE: &str = "42501";

/// Asks the server, in a transaction that changes nothing. Returns whether updates are let through:
/// they are not where they are published and nothing names the row.
///
/// # Errors
/// [`ChangeError::Unfit`] with the expression to blame, [`ChangeError::Privilege`].
pub(super) fn check(
    client: &mut Client,
    table: &Table,
    fill: &Wanted,
) -> Result<bool, ChangeError> {
    // In a condition, because nothing may be in one that may not be in an update.
    for column in &table.columns {
        let sql = format!(
            "EXPLAIN SELECT FROM {} WHERE CAST(({}) AS {}) IS NULL",
            table.full, column.value, column.plain
        );
        let what = format!("what {} gets", column.sql);
        ask(client, table, fill, &sql, Some((what, &column.value)))?;
    }
    check_only(client, table, fill)?;
    // The comparison, and whether the columns may be written: this names nobody in particular.
    let set: Vec<String> = table
        .columns
        .iter()
        .map(|it| format!("{} = CAST(({}) AS {})", it.sql, it.value, it.plain))
        .collect();
    let sql = format!(
        "EXPLAIN UPDATE {} SET {} WHERE {}",
        table.full,
        set.join(", "),
        table.differ(fill.only.as_deref())
    );
    ask(client, table, fill, &sql, None)
}

/// The condition that says which rows get it.
///
/// # Errors
/// As of [`check`].
pub(super) fn check_only(
    client: &mut Client,
    table: &Table,
    fill: &Wanted,
) -> Result<(), ChangeError> {
    if let Some(only) = &fill.only {
        let sql = format!("EXPLAIN SELECT FROM {} WHERE ({only})", table.full);
        ask(client, table, fill, &sql, Some(("`only`".to_owned(), only)))?;
    }
    Ok(())
}

/// Whether a statement failed for what it says: syntax, names and types, values in the text, and
/// what may not be in a condition.
pub(super) fn is_wrong(code: &str) -> bool {
    ["42", "22", "0A"].iter().any(|it| code.starts_with(it))
}

pub(super) fn ask(
    client: &mut Client,
    table: &Table,
    fill: &Wanted,
    sql: &str,
    blamed: Option<(String, &str)>,
) -> Result<bool, ChangeError> {
    /// `object_not_in_prerequisite_state`: an update is published and nothing names the row, which
    /// whoever chooses tells better.
    const NO_IDENTITY: &str = "55000";
    /// `invalid_column_reference`: from version 18 on also that the replica identity has a generated
    /// column that is not published.
    const WRONG_IDENTITY: &str = "42P10";
    run(client, "SAVEPOINT switchback_ask")?;
    let error = match explain(client, sql) {
        Ok(None) => return run(client, "RELEASE switchback_ask").map(|()| true),
        Ok(Some(message)) => {
            let (what, expression) = blamed.unwrap_or_default();
            return Err(not_an_expression(fill, what, message, expression));
        }
        Err(error) => error,
    };
    let ChangeError::Sql { source, .. } = &error else {
        return Err(error);
    };
    run(client, "ROLLBACK TO switchback_ask")?;
    match (source.code.as_str(), blamed) {
        (PRIVILEGE, _) => Err(privilege(client, table, error)),
        (NO_IDENTITY | WRONG_IDENTITY, None) => Ok(false),
        (code, Some((what, expression))) if is_wrong(code) => {
            let message = source.message.clone();
            Err(not_an_expression(fill, what, message, expression))
        }
        _ => Err(error),
    }
}

/// What is wrong about a statement that only we can know, if something is.
fn explain(client: &mut Client, sql: &str) -> Result<Option<String>, ChangeError> {
    let statement = client.prepare(sql).map_err(at(sql))?;
    if !statement.params().is_empty() {
        return Ok(Some(
            "there is nothing to put in for a parameter".to_owned(),
        ));
    }
    client.query(&statement, &[]).map_err(at(sql))?;
    Ok(None)
}

fn not_an_expression(
    fill: &Wanted,
    what: String,
    message: String,
    expression: &str,
) -> ChangeError {
    ChangeError::Unfit {
        table: fill.table.clone(),
        reason: Unfit::Expression {
            what,
            message,
            sql: excerpt(expression),
        },
    }
}

/// That the role may not read or update the table.
pub(super) fn privilege(client: &mut Client, table: &Table, error: ChangeError) -> ChangeError {
    let during = format!("reading and updating {}", table.full);
    denied(client, error, during, |role| {
        let grant = format!("GRANT SELECT, UPDATE ON {} TO {}", table.full, name(role));
        vec![grant]
    })
}

/// What the server did not allow, with what would.
pub(super) fn denied(
    client: &mut Client,
    error: ChangeError,
    during: String,
    missing: impl FnOnce(&str) -> Vec<String>,
) -> ChangeError {
    let ChangeError::Sql { source, .. } = error else {
        return error;
    };
    let sql = "SELECT current_user::text";
    let role = client.query_one(sql, &[]).and_then(|row| row.try_get(0));
    let role: String = match role.map_err(at(sql)) {
        Ok(role) => role,
        Err(error) => return error,
    };
    ChangeError::Privilege {
        during,
        missing: missing(&role),
        role,
        source: Some(source),
    }
}
