//! Whether the copy is what it should be: every row of the original with what it should have, and no
//! other.

use postgres::Client;

use super::super::statement::{Statements, joined};
use super::replay::Replay;
use crate::postgres::change::ChangeError;
use crate::postgres::change::error::at;
use crate::postgres::change::persist::Desk;

/// Rows and a sum over them that does not depend on their order.
type Sum = (i64, String);

/// What is wrong with the copy, but for rows that are written down because they changed; in a
/// transaction that sees one moment. None where nothing is.
pub(super) fn wrong(
    client: &mut Client,
    desk: &Desk,
    replay: &Replay<'_>,
    failed: &[String],
) -> Result<Option<String>, ChangeError> {
    let statements = replay.statements;
    let table = &statements.table;
    let differ = statements.differ_but(failed);
    let same = joined(
        table
            .key
            .iter()
            .map(|it| format!("_sb_l.{0} = {1}.{0}", it.sql, table.short)),
        " AND ",
    );
    let quiet = format!(
        "NOT EXISTS (SELECT FROM {} AS _sb_l WHERE {same})",
        replay.copy.log()
    );
    let hash = |columns: Vec<String>| {
        let columns = columns.join(", ");
        format!("coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text")
    };
    let (given, kept) = texts(client, replay, &differ)?;
    desk.next("comparing the copy with the original", None)?;
    let sql = format!(
        "SELECT count(*), {} FROM {} AS {} WHERE {quiet}",
        hash(given),
        table.full,
        table.short
    );
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let original: Sum = (
        row.try_get(0).map_err(at(&sql))?,
        row.try_get(1).map_err(at(&sql))?,
    );
    let sql = format!(
        "SELECT count(*), {}, count(*) FILTER (WHERE {differ}) FROM {} AS {} WHERE {quiet}",
        hash(kept),
        replay.target.copy,
        table.short
    );
    let row = client.query_one(&sql, &[]).map_err(at(&sql))?;
    let copy: Sum = (
        row.try_get(0).map_err(at(&sql))?,
        row.try_get(1).map_err(at(&sql))?,
    );
    let left: i64 = row.try_get(2).map_err(at(&sql))?;
    Ok(if original.0 != copy.0 {
        Some(format!(
            "the copy has {} rows where {} has {}",
            copy.0, table.full, original.0
        ))
    } else if original.1 != copy.1 {
        Some(format!("rows of the copy are not those of {}", table.full))
    } else if left > 0 {
        Some(format!(
            "{left} rows of the copy differ again: what they got is another value each time"
        ))
    } else {
        None
    })
}

/// The columns as they should be, over a row of the original, and as they are, over one of the copy.
/// Where a condition says which rows get something, what a row got may be known of no other row.
fn texts(
    client: &mut Client,
    replay: &Replay<'_>,
    differ: &str,
) -> Result<(Vec<String>, Vec<String>), ChangeError> {
    let Statements { table, only, .. } = replay.statements;
    let sql = "SELECT quote_ident(attname), attname::text FROM pg_attribute
        WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        ORDER BY attnum";
    let (mut given, mut kept) = (Vec::new(), Vec::new());
    for row in client.query(sql, &[&replay.copy.copy]).map_err(at(sql))? {
        let (quoted, plain): (String, String) = (
            row.try_get(0).map_err(at(sql))?,
            row.try_get(1).map_err(at(sql))?,
        );
        match table.columns.iter().find(|it| it.name == plain) {
            None => {
                given.push(quoted.clone());
                kept.push(quoted);
            }
            Some(_) if only.is_some() => {}
            Some(it) => {
                given.push(format!(
                    "(CASE WHEN {differ} THEN CAST(({}) AS {}) ELSE {quoted} END)::text",
                    it.value, it.compared
                ));
                kept.push(format!("({quoted})::text"));
            }
        }
    }
    Ok((given, kept))
}
