//! Whether expressions mean something over the rows of a table, and whether this role may write
//! what they give.

use postgres::Client;
use switchback_model::plan::Fill;

use super::run;
use crate::postgres::change::error::at;
use crate::postgres::change::fill::table::Table;
use crate::postgres::change::{ChangeError, Unfit};
use crate::postgres::session::name;
use crate::text::excerpt;

/// `insufficient_privilege`.
const PRIVILEGE: &str = "42501";

/// Asks the server, in a transaction that changes nothing.
///
/// # Errors
/// [`ChangeError::Unfit`] with the expression to blame, [`ChangeError::Privilege`].
pub(super) fn check(client: &mut Client, table: &Table, fill: &Fill) -> Result<(), ChangeError> {
    // In a condition, because nothing may be in one that may not be in an update.
    for column in &table.columns {
        let sql = format!(
            "EXPLAIN SELECT FROM {} WHERE CAST(({}) AS {}) IS NULL",
            table.full, column.value, column.plain
        );
        let what = format!("what {} gets", column.sql);
        ask(client, table, fill, &sql, Some((what, &column.value)))?;
    }
    if let Some(only) = &fill.only {
        let sql = format!("EXPLAIN SELECT FROM {} WHERE ({only})", table.full);
        ask(client, table, fill, &sql, Some(("`only`".to_owned(), only)))?;
    }
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

fn ask(
    client: &mut Client,
    table: &Table,
    fill: &Fill,
    sql: &str,
    blamed: Option<(String, &str)>,
) -> Result<(), ChangeError> {
    /// `object_not_in_prerequisite_state`: an update is published and nothing names the row, which
    /// whoever chooses tells better.
    const NO_IDENTITY: &str = "55000";
    run(client, "SAVEPOINT switchback_ask")?;
    let error = match client.query(sql, &[]).map_err(at(sql)) {
        Ok(_) => return run(client, "RELEASE switchback_ask"),
        Err(error) => error,
    };
    let ChangeError::Sql { source, .. } = &error else {
        return Err(error);
    };
    run(client, "ROLLBACK TO switchback_ask")?;
    match (source.code.as_str(), blamed) {
        (PRIVILEGE, _) => Err(privilege(client, table, error)),
        (NO_IDENTITY, None) => Ok(()),
        // What is wrong about the expression itself: syntax, names, types.
        (code, Some((what, expression))) if code.starts_with("42") || code.starts_with("22") => {
            Err(ChangeError::Unfit {
                table: fill.table.clone(),
                reason: Unfit::Expression {
                    what,
                    message: source.message.clone(),
                    sql: excerpt(expression),
                },
            })
        }
        _ => Err(error),
    }
}

fn privilege(client: &mut Client, table: &Table, error: ChangeError) -> ChangeError {
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
        during: format!("reading and updating {}", table.full),
        missing: vec![format!(
            "GRANT SELECT, UPDATE ON {} TO {}",
            table.full,
            name(&role)
        )],
        role,
        source: Some(source),
    }
}
