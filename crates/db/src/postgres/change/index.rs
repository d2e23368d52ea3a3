//! Whether an index that a script makes is there already.

use postgres::Client;

use super::Options;
use super::control::SCHEMA;
use super::error::{ChangeError, at, of};
use super::gate::Statement;
use super::link::{begin, milliseconds, qualified};
use super::statement::{CreateIndex, quoted};
use crate::postgres::session::{literal, name};

/// Where an index stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is not there.
    Missing,
    /// It is there as the statement makes it.
    Same,
    /// What is there is an invalid leftover of a build that did not come to its end.
    Leftover,
}

struct Found {
    /// The full name, as it stands in SQL.
    full: String,
    /// The number of what has the name, if something has.
    oid: Option<u32>,
    valid: bool,
    /// The table that the index is on, as it stands in SQL, and whether it is the one that is meant.
    on_other: bool,
    is_index: bool,
    partitioned: bool,
}

/// The full name that an index gets, as it stands in SQL; none where there is no such table.
pub(super) fn full_name(
    client: &mut Client,
    create: &CreateIndex,
) -> Result<Option<String>, ChangeError> {
    Ok(find(client, create)?.map(|found| found.full))
}

fn find(client: &mut Client, create: &CreateIndex) -> Result<Option<Found>, ChangeError> {
    let sql = "
        SELECT quote_ident(n.nspname) || '.' || quote_ident($2), c.oid,
            coalesce(i.indisvalid, false), i.indrelid IS DISTINCT FROM t.oid,
            i.indexrelid IS NOT NULL, t.relkind = 'p'
        FROM pg_catalog.pg_class t
            JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
            LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = $2
            LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
        WHERE t.oid = to_regclass($1)";
    let (table, wanted) = (quoted(&create.table), create.name.as_deref());
    let row = client
        .query_opt(sql, &[&table, &wanted.unwrap_or_default()])
        .map_err(at(sql))?;
    let Some(row) = row else { return Ok(None) };
    let get = at(sql);
    Ok(Some(Found {
        full: row.try_get(0).map_err(&get)?,
        oid: row.try_get(1).map_err(&get)?,
        valid: row.try_get(2).map_err(&get)?,
        on_other: row.try_get(3).map_err(&get)?,
        is_index: row.try_get(4).map_err(&get)?,
        partitioned: row.try_get(5).map_err(&get)?,
    }))
}

/// Where the index of a statement stands. What is compared is what PostgreSQL prints of the index
/// that is there, and of one that the same statement makes on an empty copy of the table, which is
/// never committed.
///
/// # Errors
/// [`ChangeError::OtherIndex`] if something else has its name.
pub(super) fn standing(
    client: &mut Client,
    options: &Options,
    path: &[String],
    statement: &Statement<'_>,
    create: &CreateIndex,
) -> Result<Standing, ChangeError> {
    let Some(found) = find(client, create)? else {
        // There is no such table, as the statement will say.
        return Ok(Standing::Missing);
    };
    let Some(oid) = found.oid else {
        return Ok(Standing::Missing);
    };
    let other = |expected: String, what: String| ChangeError::OtherIndex {
        index: found.full.clone(),
        expected,
        found: what,
    };
    if !found.is_index || found.on_other {
        let what = if found.is_index {
            "an index of another table"
        } else {
            "no index"
        };
        return Err(other(statement.text.to_owned(), what.to_owned()));
    }
    // The index of a partitioned table is invalid until each partition has its own.
    if !found.valid && !found.partitioned {
        return Ok(Standing::Leftover);
    }
    begin(client, options, path)?;
    let wanted = wanted(client, path, statement, create);
    let there = definition(client, path, oid);
    let ended = client.batch_execute("ROLLBACK").map_err(at("ROLLBACK"));
    let (wanted, there) = (wanted?, there?);
    ended?;
    if wanted == there {
        Ok(Standing::Same)
    } else {
        Err(other(wanted, there))
    }
}

/// What the statement makes, on an empty copy of the table.
fn wanted(
    client: &mut Client,
    path: &[String],
    statement: &Statement<'_>,
    create: &CreateIndex,
) -> Result<String, ChangeError> {
    // The same name, because expressions may say it.
    let control = ["format", "step", "fill", "undo", "revoked"];
    let mut table = create.table.name.clone();
    if control.contains(&table.as_str()) {
        table.push_str("_copy");
    }
    let copy = format!("{SCHEMA}.{}", name(&table));
    let make = format!("CREATE TABLE {copy} (LIKE {})", quoted(&create.table));
    client.batch_execute(&make).map_err(at(&make))?;
    let unique = if create.unique { "UNIQUE " } else { "" };
    let rest = statement.text.get(create.on.end..).unwrap_or_default();
    let index = name(create.name.as_deref().unwrap_or_default());
    let make = format!("CREATE {unique}INDEX {index} ON {copy} {rest}");
    client
        .execute(&make, &[])
        .map_err(|error| of(error, &make, None))?;
    let question = format!(
        "SELECT {}::regclass::oid",
        literal(&format!("{SCHEMA}.{index}"))
    );
    let row = client.query_one(&question, &[]).map_err(at(&question))?;
    let oid: u32 = row.try_get(0).map_err(at(&question))?;
    definition(client, path, oid)
}

/// What an index is, without its name and that of its table.
fn definition(client: &mut Client, path: &[String], oid: u32) -> Result<String, ChangeError> {
    let sql = "
        SELECT pg_get_indexdef(i.indexrelid), i.indisunique,
            quote_ident(c.relname) || ' ON ', i.indrelid::regclass::text
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indexrelid = $1";
    let row = qualified(client, path, |client| {
        client.query_one(sql, &[&oid]).map_err(at(sql))
    })?;
    let get = at(sql);
    let whole: String = row.try_get(0).map_err(&get)?;
    let unique: bool = row.try_get(1).map_err(&get)?;
    let on: String = row.try_get(2).map_err(&get)?;
    let table: String = row.try_get(3).map_err(&get)?;
    let unique = if unique { "UNIQUE " } else { "" };
    let rest = whole
        .strip_prefix(&format!("CREATE {unique}INDEX {on}"))
        .map(|rest| rest.strip_prefix("ONLY ").unwrap_or(rest))
        .and_then(|rest| rest.strip_prefix(&table))
        .unwrap_or(&whole);
    Ok(format!("{unique}INDEX{rest}"))
}

/// Drops an invalid leftover beside readers and writers, after whoever may be building it at this
/// moment has ended. Returns what it was called, or nothing if it was none any more.
pub(super) fn drop_leftover(
    client: &mut Client,
    options: &Options,
    path: &[String],
    create: &CreateIndex,
    wait: std::time::Duration,
) -> Result<Option<String>, ChangeError> {
    // Whoever builds an index beside writers keeps this lock until the end.
    begin(client, options, path)?;
    let sql = format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", create.table);
    client.batch_execute(&sql).map_err(at(&sql))?;
    let found = find(client, create)?;
    client.batch_execute("COMMIT").map_err(at("COMMIT"))?;
    let Some(found) = found.filter(|it| it.is_index && !it.valid && !it.partitioned) else {
        return Ok(None);
    };
    limits(client, wait, None)?;
    let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", found.full);
    client.batch_execute(&sql).map_err(at(&sql))?;
    Ok(Some(found.full))
}

/// Sets the time-outs of what is run outside of transactions.
pub(super) fn limits(
    client: &mut Client,
    locks: std::time::Duration,
    statement: Option<std::time::Duration>,
) -> Result<(), ChangeError> {
    let sql = format!(
        "SET lock_timeout = {}; SET statement_timeout = {}",
        milliseconds(locks),
        statement.map_or(0, milliseconds)
    );
    client.batch_execute(&sql).map_err(at(&sql))
}

/// The invalid indexes of tables: what builds and `REINDEX CONCURRENTLY` (`_ccnew`, `_ccold`) that
/// did not come to their end have left. Those that are being built at this moment are among them.
pub(super) fn invalid(client: &mut Client, tables: &[&str]) -> Result<Vec<String>, ChangeError> {
    let sql = "
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
        FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND c.relkind = 'i'
            AND i.indrelid IN (SELECT to_regclass(t) FROM unnest($1::text[]) AS t)
        ORDER BY 1";
    let rows = client.query(sql, &[&tables]).map_err(at(sql))?;
    rows.iter()
        .map(|row| row.try_get(0).map_err(at(sql)))
        .collect()
}
